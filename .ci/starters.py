"""What it takes to pass a file to a child in each way of starting one, on Linux.

    python3 .ci/starters.py NAME

It tries with `passing` alone, and then with `temporarily` inside it. It prints what was
seen, and the exit status is 1 if that is not as expected.
"""

import asyncio
import contextlib
import multiprocessing
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

if not hasattr(sys, "frozen"):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import inheritable

WORKS = "works as it stands"
NEEDS = "needs temporarily inside passing"
NOTHING = "hands nothing over"

# What else the child got.
LEAKS = "; other inheritable files go too, unless disable_inheritance() came first"
FORKS = "; everything else goes too, because it is only a fork"
KEEPS = "; another process keeps the file until the child ends"

# The name of an inheritable file that nobody passes.
LEAKED = "leaked"


# ---------------------------------------------------------------------------------
# The child
# ---------------------------------------------------------------------------------


def work(arg, report, parent):
    """Take the file, write to it, and report what was seen."""
    seen = ["ran"]
    if any(LEAKED in str(handle.target) for handle in inheritable.open_handles()):
        seen.append("leaked")
    with contextlib.suppress(OSError):
        fd = inheritable.receive(arg)
        os.write(fd, b"handed over")
        pids = {holder.pid for holder in inheritable.holders(fd)}
        if pids - {os.getpid(), int(parent)}:
            seen.append("kept")
        os.close(fd)
    with open(report, "a") as file:
        file.write(" ".join(seen))


# ---------------------------------------------------------------------------------
# The starters
#
# Each runs a child to its end. `args` are those of `work`, `command` is a command that
# calls it with these, and `popen` is child.popen.
# ---------------------------------------------------------------------------------


def shell_line(command):
    # Without exec, some shells keep running, and keep the file open like the child.
    return f"exec {shlex.join(command)}"


def run(args, command, popen):
    subprocess.run(command, check=True, **popen)


def run_shell(args, command, popen):
    subprocess.run(shell_line(command), shell=True, check=True, **popen)


async def asyncio_exec(args, command, popen):
    await (await asyncio.create_subprocess_exec(*command, **popen)).wait()


async def asyncio_shell(args, command, popen):
    await (await asyncio.create_subprocess_shell(shell_line(command), **popen)).wait()


async def anyio_run_process(args, command, popen):
    import anyio

    await anyio.run_process(command, **popen)


async def anyio_open_process(args, command, popen):
    import anyio

    async with await anyio.open_process(command, **popen) as process:
        await process.wait()


def in_asyncio(start):
    return lambda *args: asyncio.run(start(*args))


def in_trio(start):
    def in_its_loop(*args):
        import trio

        trio.run(start, *args)

    return in_its_loop


def in_uvloop(start):
    def in_its_loop(*args):
        import uvloop

        uvloop.run(start(*args))

    return in_its_loop


async def trio_run_process(args, command, popen):
    import trio

    await trio.run_process(command, **popen)


def plumbum_popen(args, command, popen):
    import plumbum

    plumbum.local[command[0]].popen(command[1:], **popen).wait()


def sh_command(args, command, popen):
    import sh

    sh.Command(command[0])(*command[1:], _pass_fds=popen["pass_fds"])


def ptyprocess_spawn(args, command, popen):
    import ptyprocess

    ptyprocess.PtyProcess.spawn(command, pass_fds=popen["pass_fds"]).wait()


def pexpect_spawn(args, command, popen):
    import pexpect

    process = pexpect.spawn(command[0], command[1:])
    process.expect(pexpect.EOF)
    process.wait()


def posix_spawn(args, command, popen):
    os.waitpid(os.posix_spawn(command[0], command, os.environ), 0)


def spawnv(args, command, popen):
    os.spawnv(os.P_WAIT, command[0], command)


def fork_and_execv(args, command, popen):
    pid = os.fork()
    if pid == 0:
        os.execv(command[0], command)
    os.waitpid(pid, 0)


def system(args, command, popen):
    os.system(shell_line(command))


def os_popen(args, command, popen):
    os.popen(shell_line(command)).close()


def process(method):
    def start(args, command, popen):
        child = multiprocessing.get_context(method).Process(target=work, args=args)
        child.start()
        child.join()

    return start


def executor(method):
    def start(args, command, popen):
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, context, work, tuple(args)) as pool:
            pool.submit(int).result()

    return start


def pool(method):
    def start(args, command, popen):
        context = multiprocessing.get_context(method)
        with context.Pool(1, work, tuple(args)) as pool:
            pool.apply(int)

    return start


def run_unpacking(args, command, popen):
    # Otherwise, since PyInstaller 6.10, the child uses what its parent has unpacked.
    environment = {**os.environ, "PYINSTALLER_RESET_ENVIRONMENT": "1"}
    subprocess.run(command, check=True, env=environment, **popen)


STARTERS = {
    "subprocess": (run, WORKS),
    "subprocess, shell=True": (run_shell, WORKS),
    "asyncio.create_subprocess_exec": (in_asyncio(asyncio_exec), WORKS),
    "asyncio.create_subprocess_shell": (in_asyncio(asyncio_shell), WORKS),
    "multiprocessing.Process, spawn": (process("spawn"), WORKS),
    "multiprocessing.Process, forkserver": (process("forkserver"), WORKS),
    "multiprocessing.Process, fork": (process("fork"), WORKS + FORKS),
    "ProcessPoolExecutor, spawn": (executor("spawn"), WORKS),
    "ProcessPoolExecutor, forkserver": (executor("forkserver"), WORKS),
    "ProcessPoolExecutor, fork": (executor("fork"), WORKS + FORKS),
    "multiprocessing.Pool, spawn": (pool("spawn"), WORKS),
    "multiprocessing.Pool, forkserver": (pool("forkserver"), WORKS),
    "multiprocessing.Pool, fork": (pool("fork"), WORKS + FORKS),
    "os.posix_spawn": (posix_spawn, NEEDS + LEAKS),
    "os.spawnv": (spawnv, NEEDS + LEAKS),
    "os.fork, os.execv": (fork_and_execv, NEEDS + LEAKS),
    "os.system": (system, NEEDS + LEAKS),
    "os.popen": (os_popen, NOTHING),
    "anyio.run_process": (in_asyncio(anyio_run_process), WORKS),
    "anyio.open_process": (in_asyncio(anyio_open_process), WORKS),
    "anyio.run_process in trio": (in_trio(anyio_run_process), WORKS),
    "trio.run_process": (in_trio(trio_run_process), WORKS),
    "plumbum popen": (plumbum_popen, WORKS),
    "uvloop, exec": (in_uvloop(asyncio_exec), WORKS + LEAKS),
    "uvloop, shell": (in_uvloop(asyncio_shell), WORKS + LEAKS),
    "sh": (sh_command, NEEDS),
    "ptyprocess": (ptyprocess_spawn, NEEDS),
    "pexpect.spawn": (pexpect_spawn, NOTHING),
    "PyInstaller, onefile": (run, WORKS),
    "PyInstaller before 6.10, onefile": (run, WORKS + KEEPS),
    "PyInstaller, onefile, unpacking anew": (run_unpacking, WORKS + KEEPS),
}


# ---------------------------------------------------------------------------------
# What is seen
# ---------------------------------------------------------------------------------


def attempt(start, *, inside):
    """Return whether the child received the file, and what it saw."""
    program = [sys.executable]
    if not hasattr(sys, "frozen"):
        program.append(os.path.abspath(__file__))
    r, w = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")
        with inheritable.passing(w) as child:
            args = [*child.args, report, str(os.getpid())]
            with inheritable.temporarily(*([w] if inside else [])):
                start(args, [*program, "work", *args], child.popen)
        os.close(w)
        with open(r) as pipe:
            received = pipe.read() == "handed over"
        with open(report) as file:
            return received, file.read().split()


def observe(start):
    verdict = WORKS
    leaked = os.memfd_create(LEAKED, 0)
    received, seen = attempt(start, inside=False)
    if not received:
        verdict = NEEDS
        received, seen = attempt(start, inside=True)
    if not received:
        return NOTHING
    if "kept" in seen:
        verdict += KEEPS
    if "leaked" in seen:
        inheritable.disable_inheritance()
        _, seen = attempt(start, inside=verdict.startswith(NEEDS))
        verdict += FORKS if "leaked" in seen else LEAKS
    os.close(leaked)
    return verdict


def main(name):
    start, expected = STARTERS[name]
    seen = observe(start)
    print(f"{name}: {seen}", flush=True)
    if seen != expected:
        print(f"  but this was expected: {expected}")
    return seen != expected


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1]))
