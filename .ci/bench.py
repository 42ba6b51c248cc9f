"""How fast is inheritable.py on Linux, and does an interrupt leave a flag on?

    python3 .ci/bench.py [PART]...

Without a name, all parts are run. What is compared takes turns, and each ratio is the
median of all rounds' ratios. The microseconds beside it, medians as well, are for
orientation. The exit status is 1 if a ratio is beyond its bound. A part whose rivals,
psutil and lsof, are not installed says so.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import py_compile
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import timeit

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
import inheritable

missed = []


def race(rounds, **runners):
    """Return the seconds that each runner takes, round by round.

    Every other round goes backwards.
    """
    times = {name: [] for name in runners}
    for number in range(rounds):
        for name in list(runners)[:: -1 if number % 2 else 1]:
            times[name].append(runners[name]())
    return times


def show(what, ratio, bound, *microseconds):
    verdict = "ok"
    if ratio > bound:
        verdict = "MISSED"
        missed.append(what)
    columns = " ".join(f"{number:10.2f}" for number in microseconds)
    print(f"  {what:44} {columns:21} {ratio:8.3f}  <= {bound:<6} {verdict}", flush=True)


def compare(what, bound, times, theirs, ours="ours"):
    ratio = statistics.median(a / b for a, b in zip(times[ours], times[theirs]))
    medians = (1e6 * statistics.median(times[name]) for name in (ours, theirs))
    show(what, ratio, bound, *medians)


def loop(statement, function, number=10000):
    """Return a runner of a statement in which the function is f.

    To look it up takes the same whichever function it is.
    """
    names = {"f": function, "fd": DEVNULL, **vars(fcntl)}
    timer = timeit.Timer(statement, globals=names)
    return lambda: timer.timeit(number) / number


def timed(function, prepare=lambda: None, number=1):
    def run():
        prepare()
        return timeit.timeit(function, number=number)

    return run


# ---------------------------------------------------------------------------------
# One flag
# ---------------------------------------------------------------------------------

DEVNULL = os.open(os.devnull, os.O_RDONLY)
GET = "f(fd)"
SET = "f(fd, True); f(fd, False)"

# What people write with fcntl.
IDIOM = """
flags = f(fd, F_GETFD); f(fd, F_SETFD, flags & ~FD_CLOEXEC)
flags = f(fd, F_GETFD); f(fd, F_SETFD, flags | FD_CLOEXEC)
"""


def get():
    """get_inheritable"""
    times = race(
        101,
        ours=loop(GET, inheritable.get_inheritable),
        os=loop(GET, os.get_inheritable),
    )
    compare("get / os", 2.3, times, "os")


def set_():
    """set_inheritable, on and off"""
    times = race(
        101,
        ours=loop(SET, inheritable.set_inheritable),
        os=loop(SET, os.set_inheritable),
        idiom=loop(IDIOM, fcntl.fcntl),
    )
    compare("set / os", 2.4, times, "os")
    compare("set / reading and setting by fcntl.fcntl", 0.6, times, "idiom")


def bare():
    """get_inheritable and the one call that it makes"""
    call = ctypes.PyDLL(None).fcntl
    times = race(
        101, ours=loop(GET, inheritable.get_inheritable), bare=loop("f(fd, 1)", call)
    )
    compare("get / the bare call by ctypes", 1.6, times, "bare")


def busy():
    """both, with a busy Python thread beside them"""
    done = False

    def work():
        while not done:
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for name, statement in ("get_inheritable", GET), ("set_inheritable", SET):
            # Long enough for many switches between the threads, one in 5 ms.
            ours = loop(statement, getattr(inheritable, name), 100000)
            theirs = loop(statement, getattr(os, name), 100000)
            compare(f"{name} / os", 2.5, race(15, ours=ours, os=theirs), "os")
    finally:
        done = True
        thread.join()


def import_():
    """in fresh interpreters, whose own start is not counted; byte-compiled"""

    def fresh(modules):
        code = (
            "import time; t = time.perf_counter(); "
            f"import {modules}; print(time.perf_counter() - t)"
        )
        command = [sys.executable, "-S", "-E", "-c", code]
        return lambda: float(subprocess.check_output(command, cwd=folder))

    with tempfile.TemporaryDirectory() as folder:
        py_compile.compile(shutil.copy(inheritable.__file__, folder), doraise=True)
        ours, theirs = fresh("inheritable, subprocess"), fresh("ctypes, subprocess")
        compare(
            "with subprocess / ctypes and subprocess",
            1.15,
            race(61, ours=ours, ctypes=theirs),
            "ctypes",
        )


# ---------------------------------------------------------------------------------
# Many descriptors
# ---------------------------------------------------------------------------------


def resize(fds, count):
    while len(fds) > count:
        os.close(fds.pop())
    while len(fds) < count:
        fds.append(os.open(__file__, os.O_RDONLY))


@contextlib.contextmanager
def many_open(count):
    """Have so many descriptors of a regular file open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count + 50:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 50, hard))
    fds = []
    try:
        resize(fds, count)
        yield fds
    finally:
        resize(fds, 0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def plain_listing():
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
    """open_handles(), at 10,000 descriptors"""
    with many_open(10000) as fds:

        def prepare(count):
            resize(fds, count)
            # Linux makes the entries in /proc when they are first looked at.
            inheritable.open_handles()

        ours = timed(inheritable.open_handles, lambda: prepare(10000))
        plain = timed(plain_listing, lambda: prepare(10000))
        ten = timed(inheritable.open_handles, lambda: prepare(1000), number=10)
        times = race(25, ours=ours, plain=plain, ten=ten)
        compare("open_handles() / a plain loop", 1.0, times, "plain")
        compare("open_handles() / ten times that of 1,000", 1.25, times, "ten")
        try:
            import psutil
        except ImportError:
            print("  skipped: psutil is not installed")
            return
        theirs = timed(psutil.Process().open_files, lambda: prepare(10000))
        times = race(5, ours=ours, psutil=theirs)
        compare("open_handles() / psutil's open_files()", 0.4, times, "psutil")


def sealing():
    """disable_inheritance(), at 10,000 inheritable descriptors"""
    with many_open(10000) as fds:
        kept = fds[::100]
        others = sorted({*fds} - {*kept})

        def prepare():
            for fd in fds:
                os.set_inheritable(fd, True)

        def shut_off(fds):
            for fd in fds:
                os.set_inheritable(fd, False)

        times = race(
            25,
            ours=timed(inheritable.disable_inheritance, prepare),
            plain=timed(lambda: shut_off(fds), prepare),
            keeping=timed(lambda: inheritable.disable_inheritance(*kept), prepare),
            plain_others=timed(lambda: shut_off(others), prepare),
        )
    compare("disable_inheritance() / os, in a loop", 0.02, times, "plain")
    compare(
        "... that keeps 100 / os, in a loop", 0.125, times, "plain_others", "keeping"
    )


# ---------------------------------------------------------------------------------
# Processes
# ---------------------------------------------------------------------------------


def passing():
    """a child that is handed a pipe, from its start to its end"""
    r, w = os.pipe()

    def ours():
        with inheritable.passing(w) as child:
            process = subprocess.Popen(["/bin/true", *child.args], **child.popen)
        process.wait()

    def plain():
        subprocess.Popen(["/bin/true", str(w)], pass_fds=(w,)).wait()

    times = race(1001, ours=timed(ours), plain=timed(plain))
    compare("passing and Popen / Popen with pass_fds", 1.05, times, "plain")
    os.close(r)
    os.close(w)


@contextlib.contextmanager
def many_processes(count, descriptors, prepare):
    """Have so many processes, in which `prepare` is called with their number."""
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
                    while len(os.listdir("/proc/self/fd")) <= descriptors:
                        os.open(__file__, os.O_RDONLY)
                    os.write(ready_w, b".")
                    # They all end when the parent closes its end, or ends itself.
                    os.read(r, 1)
                finally:
                    os._exit(0)
            pids.append(pid)
        for _ in pids:
            os.read(ready_r, 1)
        yield
    finally:
        os.close(w)
        for pid in pids:
            os.waitpid(pid, 0)
        for fd in r, ready_r, ready_w:
            os.close(fd)


def holders():
    """holders(), with 300 processes that have 20,000 descriptors open"""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        r, w = os.pipe()
        stack.callback(os.close, r)
        stack.callback(os.close, w)

        def prepare(number):
            # One in ten has the file and the pipe.
            if number % 10:
                file.close()
                os.close(r)
                os.close(w)

        stack.enter_context(many_processes(300, 67, prepare))
        for what, fd in ("a file", file.fileno()), ("a pipe", w):
            compare_holders(what, fd)


def compare_holders(what, fd):
    def ours():
        return inheritable.holders(fd)

    def lsof():
        command = ["lsof", "-w", "-n", "-P"]
        # It fails if there is anything that it may not look into.
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)

    def by_psutil():
        status = os.fstat(fd)
        wanted = status.st_dev, status.st_ino
        found = []
        for process in psutil.process_iter():
            folder = f"/proc/{process.pid}/fd"
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                try:
                    status = os.stat(f"{folder}/{name}")
                except OSError:
                    continue
                if (status.st_dev, status.st_ino) == wanted:
                    found.append((process.pid, int(name)))
        return sorted(found)

    if shutil.which("lsof"):
        times = race(7, ours=timed(ours), lsof=timed(lsof))
        compare(f"holders of {what} / lsof", 0.333, times, "lsof")
    else:
        print("  skipped: lsof is not installed")
    try:
        import psutil
    except ImportError:
        print("  skipped: psutil is not installed")
        return
    assert by_psutil() == [(holder.pid, holder.handle) for holder in ours()]
    times = race(15, ours=timed(ours), psutil=timed(by_psutil))
    compare(f"holders of {what} / a loop over psutil's", 1.0, times, "psutil")


# ---------------------------------------------------------------------------------
# Interrupts
# ---------------------------------------------------------------------------------


def interrupt(rounds=20000):
    """KeyboardInterrupt at a random moment of `with temporarily(fd): pass`"""
    now = time.perf_counter
    fds = [os.open(os.devnull, os.O_RDONLY)]
    armed = seen = 0.0
    inside = False

    def strike(*_):
        raise KeyboardInterrupt

    def spin(until):
        nonlocal seen
        seen = now()
        while seen < until:
            seen = now()

    def block():
        nonlocal inside
        inside = True
        with inheritable.temporarily(fds[-1]):
            pass
        inside = False

    def run(wait):
        nonlocal armed, inside
        inside = False
        signal.setitimer(signal.ITIMER_REAL, delay)
        armed = now()
        spin(armed + wait)
        block()
        signal.setitimer(signal.ITIMER_REAL, 0)
        # What is still pending strikes here.
        spin(now() + 1e-6)

    def struck(wait):
        # Around the call, for within a function CPython 3.13 does not catch what
        # strikes at the end of a loop.
        with contextlib.suppress(KeyboardInterrupt):
            run(wait)
        return inside

    # It can take longer to arm a timer, and to be struck, than the block lasts. So the
    # timer is armed well before, and the block begins at random: from 1.4 of its
    # duration before the strike to 0.2 after it.
    delay = 6 * statistics.median(timeit.repeat(block, number=1, repeat=1001))
    strikes = left = 0
    signal.signal(signal.SIGALRM, strike)
    for number in range(rounds):
        if number % 1000 == 0:
            stops, durations = [], []
            for _ in range(101):
                struck(1)
                # What was seen last: then the program was stopped for the strike.
                stops.append(seen - armed)
                begun = now()
                # It takes half as long again after a strike, as it will below.
                block()
                durations.append(now() - begun)
            stop, duration = statistics.median(stops), statistics.median(durations)
        strikes += struck(stop - random.uniform(-0.2, 1.4) * duration)
        if os.get_inheritable(fds[-1]):
            left += 1
            os.set_inheritable(fds[-1], False)
            # On with another one: the block may be on record still.
            fds.append(os.open(os.devnull, os.O_RDONLY))
    print(f"  {rounds} rounds, {strikes} struck inside, flags left on: {left}")
    show("flags left on, of 1000 struck", 1000 * left / max(strikes, 1), 1.0)


PARTS = {
    "get": get,
    "set": set_,
    "bare": bare,
    "busy": busy,
    "import": import_,
    "listing": listing,
    "sealing": sealing,
    "passing": passing,
    "holders": holders,
    "interrupt": interrupt,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args().parts
    for name in parts:
        if name not in PARTS:
            parser.error(f"there is no part {name}")
    print(f"  {'':44} {'ours, us':>10} {'theirs, us':>10} {'ratio':>8}")
    for name in parts or PARTS:
        print(f"{name}: {PARTS[name].__doc__}", flush=True)
        PARTS[name]()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
