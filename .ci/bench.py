"""How fast is inheritable.py, on Linux?

    python3 .ci/bench.py [PART]...

Each row compares a call with what people would use without it. The two take turns, and
the ratio is the median of those of all rounds. No absolute times are shown: they depend
on the machine. The exit status is 1 if a ratio is above its bound.

Without a PART, all are run. Rows whose rival, lsof or psutil, is not installed are
skipped.
"""

import contextlib
import ctypes
import fcntl
import os
import py_compile
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import timeit

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import inheritable

# ---------------------------------------------------------------------------------
# Comparing
# ---------------------------------------------------------------------------------

ROW = "{:34} {:40} {:>7} {:>6}  {}"

missed = []


def compare(what, rival, runners, *, bound, rounds):
    """Print the ratio of two runners, each of which returns the seconds it took.

    Every other round begins with the rival.
    """
    ours, theirs = runners
    ratios = []
    for number in range(rounds):
        if number % 2:
            seconds = theirs()
            ratios.append(ours() / seconds)
        else:
            ratios.append(ours() / theirs())
    ratio = statistics.median(ratios)
    verdict = "ok"
    if ratio > bound:
        verdict = "MISSED"
        missed.append(what)
    line = ROW.format(what, rival, f"{ratio:.3f}", f"{bound:.3g}", verdict)
    print(line, flush=True)


def skip(what, rival):
    """Report that a row is skipped because its rival is not installed."""
    print(ROW.format(what, rival, "", "", "skipped: not installed"))


def timed(function, prepare=lambda: None):
    """Return a runner that times one call, but not its preparation."""

    def run():
        prepare()
        return timeit.timeit(function, number=1)

    return run


def looped(statement, function):
    """Return a runner of a short statement about `fd`, in which the function is `f`."""
    names = {"f": function, "fd": os.open(os.devnull, os.O_RDONLY)}
    timer = timeit.Timer(statement, globals=names)
    return lambda: timer.timeit(10_000)


# ---------------------------------------------------------------------------------
# One flag, and the import
# ---------------------------------------------------------------------------------


def flag():
    """Compare getting and setting with the one system call that each makes."""
    rival = "the bare ctypes call"
    call = ctypes.PyDLL(None).fcntl
    ours = looped("f(fd)", inheritable.get_inheritable)
    bare = looped(f"f(fd, {fcntl.F_GETFD})", call)
    compare("get_inheritable(fd)", rival, (ours, bare), bound=1.6, rounds=101)

    ours = looped("f(fd, True); f(fd, False)", inheritable.set_inheritable)
    bare = looped(f"f(fd, {fcntl.F_SETFD}, 0); f(fd, {fcntl.F_SETFD}, 1)", call)
    compare("set_inheritable(fd, flag)", rival, (ours, bare), bound=1.6, rounds=101)


def import_():
    """Compare the import with that of the modules it needs, byte-compiled."""

    def fresh(modules):
        """Return a runner of an import in a new interpreter, without its startup."""
        code = f"""if True:
            import time
            start = time.perf_counter()
            import {modules}
            print(time.perf_counter() - start)"""
        command = [sys.executable, "-S", "-E", "-c", code]
        return lambda: float(subprocess.check_output(command, cwd=folder))

    with tempfile.TemporaryDirectory() as folder:
        py_compile.compile(shutil.copy(inheritable.__file__, folder), doraise=True)
        ours, theirs = fresh("inheritable, subprocess"), fresh("ctypes, subprocess")
        what, rival = "import inheritable, subprocess", "import ctypes, subprocess"
        compare(what, rival, (ours, theirs), bound=1.15, rounds=61)


# ---------------------------------------------------------------------------------
# Ten thousand descriptors
# ---------------------------------------------------------------------------------

MANY = 10_000


@contextlib.contextmanager
def many_allowed():
    """Raise the limit of open descriptors to what MANY needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MANY + 50:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 50, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def many_files():
    """Keep MANY descriptors of a file open during the block."""
    with many_allowed():
        fds = []
        try:
            while len(fds) < MANY:
                fds.append(os.open(__file__, os.O_RDONLY))
            yield fds
        finally:
            for fd in fds:
                os.close(fd)


def plain_list():
    """List this process's descriptors as one would with os and fcntl."""
    handles = []
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            flag = os.get_inheritable(fd)
            target = os.readlink(f"/proc/self/fd/{fd}")
            access = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError:
            continue
        handles.append((fd, flag, target, access))
    return handles


def listing():
    """Compare listing this process with a loop."""
    with many_files():
        # Linux makes the entries in /proc when they are first looked at.
        inheritable.open_handles()
        ours, plain = timed(inheritable.open_handles), timed(plain_list)
        what, rival = (
            "open_handles(), 10,000 descriptors",
            "a plain loop over os, fcntl",
        )
        compare(what, rival, (ours, plain), bound=1.0, rounds=25)


def sealing():
    """Compare turning inheritance off with a loop."""
    with many_files() as fds:

        def set_all(flag):
            for fd in fds:
                os.set_inheritable(fd, flag)

        def switch_on():
            set_all(flag=True)

        ours = timed(inheritable.disable_inheritance, switch_on)
        plain = timed(lambda: set_all(flag=False), switch_on)
        what, rival = "disable_inheritance(), 10,000", "a plain loop over os"
        compare(what, rival, (ours, plain), bound=0.02, rounds=25)


# ---------------------------------------------------------------------------------
# Other processes
# ---------------------------------------------------------------------------------


def passing():
    """Compare a child that is handed a pipe, from its start to its end."""
    r, w = os.pipe()

    def ours():
        with inheritable.passing(w) as child:
            process = subprocess.Popen(["/bin/true", *child.args], **child.popen)
        process.wait()

    def plain():
        subprocess.Popen(["/bin/true", str(w)], pass_fds=(w,)).wait()

    what, rival = "passing(pipe) and Popen", "Popen with pass_fds"
    compare(what, rival, (timed(ours), timed(plain)), bound=1.05, rounds=1001)
    os.close(r)
    os.close(w)


@contextlib.contextmanager
def children(count, prepare):
    """Run `count` forked processes, each of which has called `prepare(number)`.

    They end when this process closes its end of a pipe, or ends itself.
    """
    r, w = os.pipe()
    ready_r, ready_w = os.pipe()
    pids = []
    try:
        for number in range(count):
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(w)
                    prepare(number)
                    os.write(ready_w, b".")
                    os.close(ready_w)
                    os.read(r, 1)
                finally:
                    os._exit(0)
            pids.append(pid)
        os.close(ready_w)
        for _ in pids:
            if not os.read(ready_r, 1):
                message = "a process could not be prepared"
                raise RuntimeError(message)
        yield pids
    finally:
        os.close(w)
        for pid in pids:
            os.waitpid(pid, 0)
        os.close(r)
        os.close(ready_r)


def plain_list_of(pid):
    """List another process's descriptors by a loop over /proc."""
    handles = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            with open(f"/proc/{pid}/fdinfo/{name}", "rb") as info:
                flags = int(info.read().partition(b"flags:")[2].split()[0], 8)
        except OSError:
            continue
        handles.append((int(name), not flags & os.O_CLOEXEC, target, flags & 3))
    return sorted(handles)


def sockets():
    """Compare listing another process, whose sockets are looked up, with a loop."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        address = receiver.getsockname()

        def prepare(_):
            for _ in range(MANY):
                sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sending.connect(address)
                sending.detach()

        with many_allowed(), children(1, prepare) as (pid,):
            ours = timed(lambda: inheritable.open_handles(pid))
            plain = timed(lambda: plain_list_of(pid))
            what, rival = (
                "open_handles(pid), 10,000 sockets",
                "a loop over fd and fdinfo",
            )
            compare(what, rival, (ours, plain), bound=3.0, rounds=15)


# ---------------------------------------------------------------------------------
# Who has it: 300 processes with 20,000 descriptors. One process in ten has it.
# ---------------------------------------------------------------------------------


PROCESSES = 300
EACH = 67


def holders():
    """Compare the search for a file, a pipe and a port."""
    r, w = os.pipe()
    with tempfile.TemporaryFile() as file, socket.create_server(("", 0)) as server:
        wanted = file.fileno(), w, server.fileno()

        def prepare(number):
            if number % 10:
                for fd in wanted:
                    os.close(fd)
            while len(os.listdir("/proc/self/fd")) <= EACH:
                os.open(__file__, os.O_RDONLY)

        with children(PROCESSES, prepare):
            compare_with_lsof("holders(file)", file)
            compare_with_psutil("holders(file)", file.fileno())
            compare_with_lsof("holders(pipe)", w)
            compare_with_psutil("holders(pipe)", w)
            compare_port(server.getsockname()[1])
    os.close(r)
    os.close(w)


def runner_of_lsof(*options):
    """Return a runner of lsof, which lists everything that it may inspect."""
    command = ["lsof", "-w", "-n", "-P", *options]
    # It fails if there is anything that it is not allowed to inspect.
    return timed(
        lambda: subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    )


def compare_with_lsof(what, file):
    """Compare with a full run, because lsof cannot search for a descriptor."""
    rival = "lsof -w -n -P"
    if not shutil.which("lsof"):
        skip(what, rival)
        return
    ours = timed(lambda: inheritable.holders(file))
    compare(what, rival, (ours, runner_of_lsof()), bound=1 / 3, rounds=7)


def compare_port(port):
    """Compare with what everybody types to find out who has a port."""
    what, rival = 'holders("tcp:PORT")', "lsof -w -n -P -iTCP:PORT"
    if not shutil.which("lsof"):
        skip(what, rival)
        return
    ours = timed(lambda: inheritable.holders(f"tcp:{port}"))
    lsof = runner_of_lsof(f"-iTCP:{port}")
    compare(what, rival, (ours, lsof), bound=0.5, rounds=15)


def plain_search(pid, device, inode):
    """Return pid and number of a process's descriptors with this inode.

    This is a fast loop: contextlib.suppress would slow it down.
    """
    found = []
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            status = os.stat(f"{folder}/{name}")
        except OSError:
            continue
        if status.st_ino == inode and status.st_dev == device:
            found.append((pid, int(name)))
    return found


def compare_with_psutil(what, fd):
    """Compare with a loop over the processes that psutil finds."""
    rival = "a loop over psutil's processes, os.stat"
    try:
        import psutil
    except ImportError:
        skip(what, rival)
        return
    status = os.fstat(fd)
    wanted = status.st_dev, status.st_ino

    def plain():
        found = []
        for process in psutil.process_iter():
            found += plain_search(process.pid, *wanted)
        return sorted(found)

    found = [(holder.pid, holder.handle) for holder in inheritable.holders(fd)]
    if plain() != found:
        message = f"{what} and {rival} found different descriptors"
        raise RuntimeError(message)
    ours = timed(lambda: inheritable.holders(fd))
    compare(what, rival, (ours, timed(plain)), bound=1.0, rounds=15)


PARTS = {
    "flag": flag,
    "import": import_,
    "listing": listing,
    "sealing": sealing,
    "passing": passing,
    "sockets": sockets,
    "holders": holders,
}


def main(names):
    """Run these parts, or all of them."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print("no such part:", *unknown, "of:", *PARTS)
        return 2
    print(ROW.format("what", "compared with", "ratio", "bound", "").rstrip())
    for name in names or PARTS:
        PARTS[name]()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
