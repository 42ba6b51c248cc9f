# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of inheritable
"""Tests of inheritable, on real files and real child processes.

    python3 test_inheritable.py [-v] [TEST]...

These environment variables change how the tests run:

INHERITABLE_SOAK
    How often the long tests repeat what they do, as a factor. The default is 0.1.
INHERITABLE_PATIENCE
    A factor for every deadline, for slow machines. The default is 1, or 4 with qemu.
INHERITABLE_QEMU
    Set this if qemu runs every program. Command lines are then those of qemu.
INHERITABLE_GVISOR
    Set this for gVisor, whose /proc differs from that of Linux.
"""

import asyncio
import codecs
import collections
import concurrent.futures
import contextlib
import copy
import ctypes
import doctest
import errno
import faulthandler
import functools
import gc
import importlib
import importlib.util
import inspect
import io
import itertools
import json
import math
import mmap
import multiprocessing
import multiprocessing.connection
import operator
import os
import pathlib
import pickle
import random
import re
import select
import shlex
import shutil
import signal
import socket
import socketserver
import stat
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import types
import unittest
import warnings

import inheritable
from inheritable import (
    Child,
    OpenHandle,
    disable_inheritance,
    get_handle_inheritable,
    get_inheritable,
    holders,
    open_handles,
    passing,
    receive,
    receive_handle,
    set_handle_inheritable,
    set_inheritable,
    temporarily,
)

WINDOWS = os.name == "nt"
LINUX = sys.platform in ("linux", "android")
APPLE = sys.platform in ("darwin", "ios", "tvos", "watchos", "visionos")
PYPY = sys.implementation.name == "pypy"
PROC = LINUX and os.path.exists("/proc/self/fdinfo")
ROOT = not WINDOWS and os.geteuid() == 0
WINE = WINDOWS and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")

if WINDOWS:
    import _winapi

    # http.client needs zlib, and some Pythons on Linux do not have it.
    import http.client
    import msvcrt

    # Windows 10 and later.
    FINDS_HOLDERS = hasattr(ctypes.WinDLL("kernelbase"), "CompareObjectHandles")
else:
    import fcntl

    FINDS_HOLDERS = PROC

# multiprocessing needs zlib, and a static Python for musl does not have it.
try:
    import binascii  # noqa: F401
except ImportError:
    MULTIPROCESSING = False
else:
    MULTIPROCESSING = True

HERE = os.path.dirname(os.path.abspath(__file__))
SOAK = float(os.environ.get("INHERITABLE_SOAK", "0.1"))
QEMU = "INHERITABLE_QEMU" in os.environ
PATIENCE = float(os.environ.get("INHERITABLE_PATIENCE", "4" if QEMU else "1"))

# Deadlines in seconds. A wait has the shortest one, then the child that waits, then the
# test that started the child. So the error comes from the place that hangs.
A_LONG_TIME = 45 * PATIENCE * (1 + 2 * SOAK)
DEADLINE_OF_A_CHILD = 60 * PATIENCE * (1 + 2 * SOAK)
DEADLINE_OF_A_TEST = 75 * PATIENCE * (1 + 2 * SOAK)

# The tests that hung. After the first, no other is started, since many would hang.
hangs = []
STATUS_OF_A_HANG = 99

# The user id of nobody on most systems. On Linux any unused id will do.
NOBODY = 65534

no_qemu = unittest.skipIf(QEMU, "the result is different under qemu")
posix = unittest.skipIf(WINDOWS, "this is a POSIX feature")
windows = unittest.skipUnless(WINDOWS, "this is a Windows feature")
forks = unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
proc = unittest.skipUnless(PROC, "there is no Linux /proc here")
other_processes = unittest.skipUnless(WINDOWS or PROC, "other processes are not shown")
root = unittest.skipUnless(ROOT, "this needs root, to become another user")
timers = unittest.skipUnless(hasattr(signal, "setitimer"), "there is no setitimer")

# Make every Python child show its stacks if it crashes or hangs.
os.environ["PYTHONFAULTHANDLER"] = "1"


def open_standard_streams():
    """Open the null device for each standard stream that is closed.

    Otherwise files opened by the tests would get these numbers.
    """
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= 2:
        os.set_inheritable(fd, True)
        fd = os.dup(fd)
    os.close(fd)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115


if not WINDOWS:
    open_standard_streams()

# The stacks of a test that hangs go to the real stderr. During a test, pytest replaces
# descriptor 2.
STDERR = os.dup(2)


# ---------------------------------------------------------------------------------
# Helpers for files and flags
# ---------------------------------------------------------------------------------


def handle_of(file):
    """Return the handle of a file or a socket. On POSIX it is the descriptor."""
    if WINDOWS and not isinstance(file, socket.socket):
        return msvcrt.get_osfhandle(file.fileno())
    return file.fileno()


def flag_of(handle):
    """Return whether a handle is inheritable, or None if it is not open.

    This asks the system and not the module under test.
    """
    try:
        if WINDOWS:
            return os.get_handle_inheritable(handle)
        return os.get_inheritable(handle)
    except OSError:
        return None


def flags_of(handles):
    return [flag_of(handle) for handle in handles]


def entries(handles, *wanted):
    """Return number, flag and target of the wanted entries of open_handles."""
    return [tuple(entry[:3]) for entry in handles if entry.handle in wanted]


def open_after_collection():
    """Return open_handles after garbage collection, because PyPy closes files late."""
    gc.collect()
    return open_handles()


def outcome(function, *args):
    """Return the result of a call, or a description of the exception that it raises."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001
        number = getattr(error, "errno", None)
        return type(error), number, getattr(error, "winerror", None)


def bad_files(fd, closed):
    """Return values that no function accepts, each with the exception it causes.

    The two arguments are a closed file and the number that it had.
    """
    return [
        (fd, OSError),
        (closed, ValueError),
        ("1", TypeError),
        (None, TypeError),
        (2**31, OverflowError),
    ]


def allow_descriptors(count):
    """Raise the limit of descriptors, if it is lower. macOS allows 256.

    Raises:
        SkipTest: The system administrator does not allow so many.
    """
    import resource

    unlimited = resource.RLIM_INFINITY
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != unlimited and hard < count:
        raise unittest.SkipTest("the limit on descriptors (ulimit -n) is too low")
    if soft != unlimited and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def exhaust_descriptors(free=0):
    """Open files until only `free` descriptors are left. Return those opened."""
    import resource

    lowest = os.dup(0)
    os.close(lowest)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 20, hard))
    fds = []
    with contextlib.suppress(OSError):
        while True:
            fds.append(os.dup(0))
    for fd in fds[:free]:
        os.close(fd)
    return fds[free:]


def fastest(function, *args, number=2000):
    """Return how many seconds `number` calls take.

    The shortest of many runs is the one least disturbed by other programs.
    """
    times = []
    for _ in range(30):
        start = time.perf_counter()
        for _ in range(number):
            function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def create_event():
    """Return the handle of a new Windows event."""
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.CreateEventW.restype = ctypes.c_void_p
    return kernel32.CreateEventW(None, True, False, None)


# ---------------------------------------------------------------------------------
# Helpers for children
# ---------------------------------------------------------------------------------


# The children need no site packages. Without them, Python starts several times as fast.
PYTHON = [sys.executable, "-S"]
TOOL = [*PYTHON, inheritable.__file__]


def python_command(code, *args):
    """Return a command that runs code in a new Python process."""
    return [*PYTHON, "-c", textwrap.dedent(code), *map(str, args)]


def run_command(command, *, check=False, **options):
    """Run a command to its end, with its output as text unless told otherwise.

    Raises:
        AssertionError: It hangs. If it is Python, the error shows its threads' stacks.
    """
    text = options.pop("input", None)
    timeout = options.pop("timeout", DEADLINE_OF_A_CHILD)
    defaults = {
        "stdin": subprocess.DEVNULL if text is None else subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "universal_newlines": True,
    }
    with subprocess.Popen(command, **{**defaults, **options}) as process:
        try:
            out, err = process.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            hangs.append(command)
            err = abort(process)
            raise AssertionError(f"{command} hangs: {err}") from None
        except BaseException:
            process.kill()
            raise
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, out, err)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def abort(process):
    """End a process that hangs. Return its stderr, which has its stacks."""
    if WINDOWS:
        process.kill()
    else:
        # On this signal, faulthandler shows the stacks of all threads.
        process.send_signal(signal.SIGABRT)
    try:
        return process.communicate(timeout=5)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        # Its children may still have its streams open.
        return "it did not end on SIGABRT"


def run_python(code, *args, **options):
    """Run code in a Python child and wait for its end."""
    return run_command(python_command(code, *args), **{"cwd": HERE, **options})


def output_of(code, *args, **options):
    """Return what a Python child prints. It must exit with status 0."""
    done = run_python(code, *args, **options)
    if done.returncode:
        raise AssertionError(f"the child ended with {done.returncode}: {done.stderr}")
    return done.stdout


@contextlib.contextmanager
def living(code, *args, **options):
    """Run code in a Python child that stays alive until the block ends.

    Yields:
        The process, and the words that the code has printed.
    """
    whole = f"""{textwrap.dedent(code)}
import sys
print(flush=True)
sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = python_command(whole, *args)
    with subprocess.Popen(command, cwd=HERE, **pipes, **options) as process:
        words = []
        for line in iter(process.stdout.readline, b""):
            if not line.strip():
                break
            words += line.decode().split()
        yield process, words


def in_child(method):
    """Run a test in a child process, so that its side effects end with the child."""

    @functools.wraps(method)
    def test(self):
        name = type(self).__name__, method.__name__
        if hasattr(os, "fork"):
            status, said = run_test_in_fork(self.folder, *name)
        else:
            code = "import sys, test_inheritable as t; t.run_test(*sys.argv[1:])"
            done = run_python(code, *name)
            status, said = done.returncode, done.stdout + done.stderr
        if said.startswith("skipped:"):
            self.skipTest(said[len("skipped:") :].strip())
        self.assertEqual((status, said), (0, ""), said)

    test.in_child = method
    return test


def run_test(class_name, method_name):
    """Run the body of a test marked in_child. This is called in the child."""
    # Under PyPy, garbage of earlier tests keeps files open, until it is collected.
    gc.collect()
    case = globals()[class_name](method_name)
    case.setUp()
    end_if_hanging(A_LONG_TIME)
    try:
        getattr(case, method_name).in_child(case)
    except unittest.SkipTest as reason:
        sys.stdout.write(f"skipped: {reason}\n")
    finally:
        case.doCleanups()


def run_test_in_fork(folder, class_name, method_name):
    """Run a test marked in_child in a fork, which starts faster than a new Python.

    Its files are in the folder of the calling test. The caller can remove them even if
    the child gives up its rights.

    Returns:
        The status of the child, and what it writes to stdout and stderr.
    """

    def run_with_streams():
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        faulthandler.enable(STDERR)
        tempfile.tempdir = folder
        run_test(class_name, method_name)

    with tempfile.TemporaryFile() as written:
        # End-of-file comes when the child ends.
        r, w = os.pipe()
        pid = fork(run_with_streams)
        os.close(w)
        if not select.select([r], [], [], DEADLINE_OF_A_CHILD)[0]:
            os.kill(pid, signal.SIGABRT)
        os.close(r)
        status = status_of(pid)
        written.seek(0)
        return status, written.read().decode(errors="replace")


def end_if_hanging(seconds):
    """Make this process show all stacks and exit after this many seconds.

    0 cancels this. POSIX uses an alarm signal. The alternative is a thread, which a
    forked child would not have, and Python warns about forking while there are threads.
    """
    if hasattr(signal, "alarm") and hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGALRM, STDERR, all_threads=True, chain=True)
        signal.alarm(math.ceil(seconds))
    elif hasattr(faulthandler, "dump_traceback_later"):
        faulthandler.cancel_dump_traceback_later()
        if seconds:
            faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)


def fork(function, *args):
    """Fork a child that calls a function, and return its process id.

    Its status is 0 if the function returns and 1 if it raises. If it hangs, it shows
    its stacks and a signal ends it.
    """
    with warnings.catch_warnings():
        # Python 3.12 and later warn about a fork while there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        end_if_hanging(A_LONG_TIME)
        function(*args)
        status = 0
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
        status = STATUS_OF_A_HANG if hangs else 1
    finally:
        os._exit(status)


def status_of_fork(function, *args):
    """Return the status of a forked child that calls a function. 0 is success."""
    return status_of(fork(function, *args))


def status_of(pid):
    """Wait for the end of a forked child, and return its status."""
    status = os.waitpid(pid, 0)[1]
    hung = os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGABRT)
    if hung or status >> 8 == STATUS_OF_A_HANG:
        hangs.append(pid)
    return status


# ---------------------------------------------------------------------------------
# Helpers for threads
# ---------------------------------------------------------------------------------


class CheckedThread(threading.Thread):
    """A thread whose exception is raised again by finish()."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function = function
        self.arguments = args
        self.error = None

    def run(self):
        try:
            self.function(*self.arguments)
        except BaseException as error:  # noqa: BLE001
            self.error = error

    def finish(self):
        self.join(A_LONG_TIME)
        if self.error is not None:
            raise self.error
        if self.is_alive():
            hangs.append(self.function)
            raise AssertionError(f"this thread hangs: {self.function}")


def run_threads(*functions):
    """Call each function in its own thread and wait for all of them."""
    threads = [CheckedThread(function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.finish()


def wait_for(event):
    """Wait until another thread sets an event. Fail if it does not."""
    if not event.wait(A_LONG_TIME):
        raise AssertionError("another thread did not set this event in time")


def wait_until(condition):
    """Call a condition until it is true. Fail if it takes too long."""
    late = time.monotonic() + A_LONG_TIME
    while not condition():
        if time.monotonic() > late:
            raise AssertionError("this condition did not become true in time")


@contextlib.contextmanager
def in_thread(function, *args, end=lambda: None):
    """Run a function in a thread during the block. Then call `end` and join it."""
    thread = CheckedThread(function, *args)
    thread.start()
    try:
        yield thread
    finally:
        end()
        thread.finish()


@contextlib.contextmanager
def churning(function):
    """Call a function again and again in a thread during the block."""
    stop = threading.Event()

    def repeat():
        while not stop.is_set():
            function()

    with in_thread(repeat, end=stop.set):
        yield


# ---------------------------------------------------------------------------------
# Helpers: the kernel
# ---------------------------------------------------------------------------------

CLONE_FILES = 0x400
# PyPy's os module does not have this.
O_PATH = 0o10000000
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_ERRNO = 0x50000

# The instructions of a seccomp filter.
BPF_LD_W_ABS = 0x20
BPF_JMP_JEQ = 0x15
BPF_JMP_JSET = 0x45
BPF_RET = 0x06

# Every architecture but mips has this number.
SYS_close_range = 436
CLOSE_RANGE_CLOEXEC = 4
CLOSE_RANGE = None if WINDOWS else getattr(ctypes.CDLL(None), "close_range", None)

# Every variant of fstat, including the 32-bit ones. The last one is statx.
SYS_fstat = {
    ("x86_64", 64): [5, 262, 332],
    ("x86_64", 32): [108, 197, 300, 383],
    ("i686", 32): [108, 197, 300, 383],
    ("aarch64", 64): [79, 80, 291],
    ("s390x", 64): [108, 293, 379],
}


def refuse(number, error, only_with_flag=False):
    """Make a system call fail with an error from now on.

    This cannot be undone, so use it in a child. With only_with_flag, the call fails
    only if its third argument has CLOSE_RANGE_CLOEXEC.

    Returns:
        Whether the kernel accepted the seccomp filter.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # In struct seccomp_data, the number is at offset 0 and the third argument at 32.
    flags_offset = 32 + (4 if sys.byteorder == "big" else 0)
    if only_with_flag:
        rules = [
            (BPF_LD_W_ABS, 0, 0, 0),
            (BPF_JMP_JEQ, 0, 3, number),
            (BPF_LD_W_ABS, 0, 0, flags_offset),
            (BPF_JMP_JSET, 0, 1, 4),
        ]
    else:
        rules = [(BPF_LD_W_ABS, 0, 0, 0), (BPF_JMP_JEQ, 0, 1, number)]
    rules += [
        (BPF_RET, 0, 0, SECCOMP_RET_ERRNO | error),
        (BPF_RET, 0, 0, SECCOMP_RET_ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    instructions = ctypes.create_string_buffer(code)
    program = struct.pack("HP", len(rules), ctypes.addressof(instructions))
    return (
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0
    )


def numbers_of_fstat():
    """Return the numbers of fstat on this machine, or [] if they are not known."""
    bits = 8 * ctypes.sizeof(ctypes.c_void_p)
    return SYS_fstat.get((os.uname().machine, bits), [])


def refuse_fstat(error):
    """Make every fstat fail from now on. Return whether that works."""
    numbers = numbers_of_fstat()
    return bool(numbers) and all(refuse(number, error) for number in numbers)


def become_nobody():
    """Give up root's privileges, in a child. Raise SkipTest if that is impossible."""
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError:
        raise unittest.SkipTest(
            "the tests are not allowed to change their user"
        ) from None
    # After a change of user, a process is hidden even from that user's processes.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def give_up_capabilities():
    version_3, no_capabilities = 0x20080522, bytes(24)
    ctypes.CDLL(None).capset(struct.pack("Ii", version_3, 0), no_capabilities)


def out_of_reach(pid):
    """Return the process id. Raise SkipTest if the process may be inspected."""
    if not isinstance(outcome(os.readlink, f"/proc/{pid}/fd/0"), tuple):
        # In gVisor, every process can be inspected. A normal user's processes all have
        # the same privileges.
        raise unittest.SkipTest("no process here has more privileges")
    return pid


def state_of(pid):
    """Return the letter of a process's state in Linux. Z means zombie."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def fork_zombie():
    """Fork a child that exits at once. Return its id when it is a zombie."""
    pid = fork(lambda: None)
    wait_until(lambda: state_of(pid) == "Z")
    return pid


def owns_all_users():
    """Return whether this user namespace has all user ids, as the initial one does.

    Without /proc this is not known.
    """
    if not PROC:
        return False
    with open("/proc/self/uid_map") as file:
        return file.read().split() == ["0", "0", "4294967295"]


def in_namespace(unshare, preparation, code):
    """Run Python code in a new namespace, as root, and return what it prints.

    Args:
        unshare: The options of the command unshare.
        preparation: Shell commands that come first.
        code: What Python runs then.

    Raises:
        SkipTest: There may be no such namespace.
    """
    refused = unittest.SkipTest(
        f"the tests are not allowed to create a namespace: {' '.join(unshare)}"
    )
    if not LINUX or not ROOT:
        raise refused
    try:
        run_command(["unshare", *unshare, "true"], check=True)
    except (OSError, subprocess.CalledProcessError):
        raise refused from None
    script = f'{{ {preparation} && echo prepared >&2; }} || exit; exec "$@"'
    inside = ["unshare", *unshare, "sh", "-c", script, "sh", *python_command(code)]
    done = run_command(inside, cwd=HERE, env={**os.environ, "LC_ALL": "C"})
    refusal = "permission denied|not permitted"
    if not owns_all_users():
        # In another user namespace /proc is locked, and umount says this.
        refusal += "|/proc: not mounted"
    prepared = done.stderr.startswith("prepared")
    if not prepared and re.search(refusal, done.stderr):
        raise refused
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def in_pid_namespace(code, options=""):
    """Run Python code in a new pid namespace that has a /proc with these options."""
    mount = f"mount -t proc {options} proc /proc"
    return in_namespace(["-m", "--pid", "--fork"], mount, code)


def printed_by_nobody(option, code):
    """Return what code prints as the user nobody, with this mount option for /proc.

    Its parent is the first process of a new pid namespace. So the option does not
    affect any other /proc, as it would before Linux 5.8.
    """
    start = f"""
        import ctypes, os, inheritable
        # The other user may not be allowed to read these.
        import encodings.unicode_escape, getopt, re, shlex
        child = os.fork()
        if child:
            os._exit(os.waitpid(child, 0)[1] >> 8)
        try:
            os.setgroups([])
            os.setgid({NOBODY})
            os.setuid({NOBODY})
        except OSError:
            print("no nobody", flush=True)
            os._exit(0)
        # A process that has changed its user is hidden even from that user.
        ctypes.CDLL(None).prctl({PR_SET_DUMPABLE}, 1, 0, 0, 0)
        """
    whole = textwrap.dedent(start) + textwrap.dedent(code)
    printed = in_pid_namespace(whole, f"-o {option}")
    if printed == "no nobody\n":
        raise unittest.SkipTest("the tests are not allowed to change their user")
    return printed


# ---------------------------------------------------------------------------------
# Helpers for a file system that does not answer
# ---------------------------------------------------------------------------------

CLONE_NEWNS = 0x20000
MNT_DETACH = 2
MS_PRIVATE = 0x40000
MS_REC = 0x4000
PR_SET_PDEATHSIG = 1


def fork_until_end(case, function, *args):
    """Fork a child that calls a function. It is killed when the test ends."""

    def call_it():
        # If the parent dies, so does this process.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        function(*args)

    pid = fork(call_it)
    case.addCleanup(os.waitpid, pid, 0)
    case.addCleanup(os.kill, pid, signal.SIGKILL)
    return pid


def mount_fuse(case, folder):
    """Mount a FUSE file system that nobody serves, in a child.

    The child gets its own mount namespace. After A_LONG_TIME nothing waits any more.

    Raises:
        SkipTest: It cannot be mounted.
    """
    libc = ctypes.CDLL(None)
    refused = unittest.SkipTest("the tests are not allowed to mount a FUSE file system")
    try:
        fuse = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        raise refused from None
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
    private = libc.unshare(CLONE_NEWNS) or libc.mount(
        b"none", b"/", None, MS_REC | MS_PRIVATE, None
    )
    mounted = os.fsencode(folder)
    if private or libc.mount(b"tests", mounted, b"fuse", 0, options):
        raise refused
    case.addCleanup(libc.umount2, mounted, MNT_DETACH)
    # What waits for an answer gets an error when this descriptor is closed everywhere.
    fork_until_end(case, time.sleep, A_LONG_TIME)
    os.close(fuse)


# ---------------------------------------------------------------------------------
# Helpers for interrupts
# ---------------------------------------------------------------------------------


class AtStep:
    """Calls a function at the nth step within some source files, in this thread.

    A step is a bytecode instruction. In PyPy, which cannot trace instructions, it is a
    line. A signal handler can run at hardly any other place.
    """

    def __init__(self, step, function, *filenames):
        self.step = step
        self.function = function
        self.filenames = filenames
        self.reached = False

    def __enter__(self):
        # Python 3.12 needs this to trace instructions.
        sys._getframe().f_trace_opcodes = True
        self.old = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exception):
        sys.settrace(self.old)

    def trace(self, frame, event, arg):
        if frame.f_code.co_filename not in self.filenames:
            return None
        frame.f_trace_opcodes = True
        if event == ("line" if PYPY else "opcode"):
            self.step -= 1
            if self.step == 0:
                self.reached = True
                self.function()
        return self.trace


MODULE = inheritable.open_handles.__code__.co_filename
CONTEXTLIB = contextlib.contextmanager.__code__.co_filename


def every_step(of, function, *filenames, stride=1):
    """Call `of` repeatedly, each time with a call of `function` some steps later."""
    step = 1 - stride
    reached = True
    while reached:
        step += stride
        with AtStep(step, function, *filenames) as tracing:
            of()
        reached = tracing.reached
        yield step
    # With hardly any steps, nothing was tested.
    if step < 10:
        raise AssertionError(f"there are only {step} steps")


# ---------------------------------------------------------------------------------
# The base class of the tests
# ---------------------------------------------------------------------------------


class Case(unittest.TestCase):
    """A test with an open file, which is not inheritable."""

    def setUp(self):
        end_if_hanging(DEADLINE_OF_A_TEST)
        self.addCleanup(end_if_hanging, 0)
        as_they_are = warnings.catch_warnings()
        as_they_are.__enter__()
        self.addCleanup(as_they_are.__exit__, None, None, None)
        self.folder = tempfile.mkdtemp()
        if not WINDOWS:
            # The path of the temporary folder may contain a link, as on macOS.
            self.folder = os.path.realpath(self.folder)
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, "file")
        self.file = self.closing(open(self.path, "w+"))  # noqa: SIM115
        self.file.write("secret")
        self.file.flush()
        self.fd = self.file.fileno()
        self.handle = handle_of(self.file)

    def run(self, result=None):
        result = super().run(result)
        if hangs and result:
            result.shouldStop = True
        return result

    def closing(self, file):
        """Close a file or a descriptor when the test ends. Return it."""
        if isinstance(file, int):
            self.addCleanup(os.close, file)
        else:
            self.addCleanup(file.close)
        return file

    def pipe(self):
        """Return the read end and the write end of a pipe."""
        r, w = os.pipe()
        reader = self.closing(os.fdopen(r, "rb", 0))
        writer = self.closing(os.fdopen(w, "wb", 0))
        return reader, writer

    def pipe_without_reader(self):
        """Return the write end of a pipe whose read end is closed."""
        reader, writer = self.pipe()
        reader.close()
        return writer

    def enter_a_deep_folder(self):
        """Change to a folder whose path is longer than PATH_MAX, in a child."""
        os.chdir(self.folder)
        for _ in range(30):
            os.mkdir(200 * "d")
            os.chdir(200 * "d")

    def keep(self, *files, code="", args=()):
        """Start a child that has these files open until the test ends.

        Returns:
            Its process id, and the numbers of the files in it or those that its code
            prints.
        """
        with passing(*files) as child:
            block = living(code, *args, **child.popen)
            process, words = block.__enter__()
        self.addCleanup(block.__exit__, None, None, None)
        numbers = words or [arg.rstrip("a") for arg in child.args]
        return process.pid, [int(number) for number in numbers]

    def sockets(self):
        """Return a listening socket and the two ends of a connection."""
        listening = self.closing(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        return (listening, *self.connect(listening))

    def connect(self, listening):
        """Return the two ends of a new connection to a listening socket."""
        client = self.closing(socket.socket(listening.family))
        client.connect(listening.getsockname())
        return client, self.closing(listening.accept()[0])

    def found(self, file, pid=None):
        """Return the process and the number of each holder."""
        return [(holder.pid, holder.handle) for holder in holders(file, pid)]

    def ours(self, *files):
        """Return the same for these files, or handles, of this process alone."""
        handles = [file if isinstance(file, int) else handle_of(file) for file in files]
        return [(os.getpid(), handle) for handle in sorted(handles)]

    def check_error(self, number, function, *args):
        """Check that a call raises the OSError that has this errno."""
        expected = type(OSError(number, "")), number
        self.assertEqual(outcome(function, *args)[:2], expected)

    def closed_file(self):
        """Return the former number of a closed file, and the file."""
        with open(self.path) as file:
            fd = file.fileno()
        return fd, file

    def event(self):
        """Return the handle of a new Windows event."""
        event = create_event()
        self.addCleanup(_winapi.CloseHandle, event)
        return event


class Index:
    """An object with __index__, which returns the value or raises it."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Equal(Index):
    """An object that equals its value, like numpy's integers."""

    def __eq__(self, other):
        return self.value == other

    __hash__ = None


class OnlyInt:
    """An object with __int__ but no __index__."""

    def __int__(self):
        return 0


class Number(int):
    """A subclass of int, to which a test can add _as_parameter_."""


class Liar(int):
    """A subclass of int whose __index__ and __int__ return another number."""

    def __index__(self):
        return 0

    __int__ = __index__


class Truth:
    """An object with __bool__, which returns the value or raises it."""

    __init__ = Index.__init__
    __bool__ = Index.__index__


class Counted(Index):
    """An object with __index__, which counts its calls.

    ctypes would use its _as_parameter_ instead.
    """

    def __init__(self, value, as_parameter):
        super().__init__(value)
        self._as_parameter_ = as_parameter
        self.asked = 0

    def __index__(self):
        self.asked += 1
        return super().__index__()


class WithFileno:
    """An object that has nothing but fileno()."""

    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


class FileWithIndex(io.FileIO):
    """A file that has an __index__, too. It gives the value, or raises it."""

    value = TypeError()
    __index__ = Index.__index__


# Prints the content of the file whose handle is the first argument. It uses os alone.
READ = """
    import os, sys
    number = int(sys.argv[1])
    if os.name == "nt":
        import msvcrt
        number = msvcrt.open_osfhandle(number, os.O_RDONLY)
    os.lseek(number, 0, 0)
    sys.stdout.write(os.read(number, 100).decode())
    """

# Opens the path that is the first argument. Prints its handle and the other arguments.
OPEN = """
    import os, sys
    number = os.open(sys.argv[1], os.O_RDONLY)
    if os.name == "nt":
        import msvcrt
        number = msvcrt.get_osfhandle(number)
    print(number, *sys.argv[2:])
    """

# Prints which of the handles are open and inheritable. It uses os alone.
LOOK = """
    import os, sys
    def is_open(number):
        windows = os.name == "nt"
        ask = os.get_handle_inheritable if windows else os.get_inheritable
        try:
            return ask(number)
        except OSError:
            return False
    print([number for number in map(int, sys.argv[1:]) if is_open(number)])
    """


def inherited(handles):
    """Return which of the handles a child inherits if Popen closes none."""
    return json.loads(output_of(LOOK, *handles, close_fds=False))


# ---------------------------------------------------------------------------------
# The file itself
# ---------------------------------------------------------------------------------


class TestTheFile(Case):
    """One file is the whole module."""

    def test_works_wherever_it_is_copied(self):
        shutil.copy(inheritable.__file__, self.folder)
        code = """
            import inheritable
            print(inheritable.__file__)
            with open(inheritable.__file__) as file:
                print(inheritable.get_inheritable(file))
            """
        lines = output_of(code, cwd=self.folder).splitlines()
        self.assertEqual(os.path.dirname(lines[0]), self.folder)
        self.assertEqual(lines[1], "False")

    def test_says_its_license_and_its_version(self):
        with open(inheritable.__file__, encoding="utf-8") as source:
            text = source.read()
        self.assertEqual(text.split("\n")[0], "# SPDX-License-Identifier: MIT")
        self.assertRegex(inheritable.__version__, r"^\d+\.\d+\.\d+$")

    def test_every_public_name_is_documented(self):
        for name in inheritable.__all__:
            lines = inspect.getdoc(getattr(inheritable, name)).splitlines()
            self.assertTrue(lines[0].endswith("."), name)
            # help(inheritable) indents them by 8 of its 80 columns.
            self.assertLessEqual(max(map(len, lines)), 72, name)

    def test_import_loads_no_slow_module(self):
        code = """
            import subprocess, sys
            old = set(sys.modules)
            import inheritable
            print(*set(sys.modules) - old)
            """
        modules = output_of(code).split()
        self.assertIn("inheritable", modules)
        slow = "typing argparse re json socket ctypes.util multiprocessing"
        for module in slow.split():
            self.assertNotIn(module, modules)

    def test_its_examples_print_what_they_say(self):
        failed, tried = doctest.testmod(inheritable, verbose=False)
        self.assertEqual(failed, 0)
        self.assertGreater(tried, 0)

    def test_these_names_are_public(self):
        types = ["Child", "Holder", "OpenHandle"]
        functions = ["disable_inheritance", "get_handle_inheritable", "get_inheritable"]
        functions += ["holders", "open_handles", "passing", "receive", "receive_handle"]
        functions += ["set_handle_inheritable", "set_inheritable", "temporarily"]
        self.assertEqual(inheritable.__all__, types + functions)
        names = {}
        exec("from inheritable import *", names)  # noqa: S102
        for name in inheritable.__all__:
            self.assertIs(names[name], getattr(inheritable, name))


class TestOpenHandle(Case):
    def test_is_a_named_tuple_that_stands_for_its_handle(self):
        self.assertEqual(OpenHandle(4)[:3], (4, None, None))
        handle = OpenHandle(4, True, "x")
        self.assertEqual(handle[:3], (4, True, "x"))
        fields = {"handle": 4, "inheritable": True, "target": "x"}
        self.assertLessEqual(fields.items(), handle._asdict().items())
        beginning = "OpenHandle(handle=4, inheritable=None, target='x'"
        self.assertTrue(repr(OpenHandle(4, target="x")).startswith(beginning))
        self.assertEqual(handle.fileno(), 4)

    @windows
    def test_the_two_lowest_bits_are_taken_off(self):
        for bits in 0, 1, 2, 3:
            self.assertEqual(OpenHandle(self.handle | bits), OpenHandle(self.handle))
            self.assertIs(get_inheritable(OpenHandle(self.handle | bits)), False)
        # Pseudo handles are negative: -1 means this process.
        self.assertEqual(OpenHandle(-1).handle, -1)
        self.assertIs(get_handle_inheritable(OpenHandle(-1)), False)

    @posix
    def test_every_number_is_a_descriptor_of_its_own(self):
        for number in range(4, 8):
            self.assertEqual(OpenHandle(number).handle, number)

    def test_a_child_is_a_named_tuple_too(self):
        with passing(self.file) as child:
            self.assertIsInstance(child, Child)
            args, popen = child
        self.assertIs(args, child.args)
        self.assertIs(popen, child.popen)


# ---------------------------------------------------------------------------------
# The four functions
# ---------------------------------------------------------------------------------


def expected_of_os(name, *args):
    """Return what os's function does, or what 3.13's does where versions differ.

    3.8 and 3.9 accept an object that has only __int__. PyPy accepts any int as a flag.
    For a handle, 3.14 accepts unsigned ints but no __index__. In these versions the
    arguments are converted here.
    """
    if not WINDOWS:
        # A handle is a descriptor.
        name = name.replace("handle_", "")
    is_handle = "handle" in name
    too_new = sys.version_info >= (3, 14) and is_handle
    if not PYPY and sys.version_info >= (3, 10) and not too_new:
        return outcome(getattr(os, name), *args)
    bits = 64 if is_handle and sys.maxsize > 2**32 else 32
    to_flag = functools.partial(outcome, bool) if is_handle else c_int
    converted = [c_int(args[0], bits), *map(to_flag, args[1:])]
    for value in converted:
        if isinstance(value, tuple):
            return value
    return outcome(getattr(os, name), *converted)


def c_int(value, bits=32):
    """Convert a value to a C int. Return the int or the outcome of an exception."""
    number = outcome(operator.index, value)
    if isinstance(number, tuple) or -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        return number
    return OverflowError, None, None


class TestTheFourFunctionsBesideOs(Case):
    """The four functions have the same results and exceptions as those of os."""

    def setUp(self):
        super().setUp()
        # os warns about an __index__ that returns a subclass of int.
        warnings.simplefilter("ignore", DeprecationWarning)
        closed = os.dup(self.fd)
        os.close(closed)
        small = [0, 1, 2, 3, self.fd, closed, -1, -2, 1023, 1024, 1025, 9999]
        wrapped = [-1024, -1025, self.fd - 1024, self.fd - 2048]
        bits_32 = [2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**32 + 1, -(2**32)]
        bits_64 = [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30]
        to_be_cut = [2**32 + self.fd, 2**64 + self.fd]
        self.ints = small + wrapped + bits_32 + bits_64 + to_be_cut
        self.odd = [
            *[True, False, None, 0.0, 1.5, float("nan"), 1j, "1", b"1", ""],
            *[(), [], {}, object(), int, len, bytearray(8), memoryview(b"x")],
            *[Number(self.fd), Number(2**32), Liar(self.fd)],
            *[Index(self.fd), Index(2**40), Index(-1), Index(1.0), Index("x")],
            *[Index(Number(self.fd)), Index(True)],
            *[Index(ZeroDivisionError()), Index(TypeError())],
            *[Index(IndexError()), Index(OverflowError())],
            *[Equal(self.fd), Equal(2**32), OnlyInt(), ctypes.c_int(self.fd)],
            # ctypes would convert this to 0.
            types.SimpleNamespace(_as_parameter_=0),
        ]
        truths = [Truth(True), Truth(False), Truth(ZeroDivisionError())]
        self.flags = [*truths, "", "no", [0], 2, -1]
        # The standard streams are among the arguments.
        for fd in 0, 1, 2:
            if flag_of(fd) is not None and not WINDOWS:
                self.addCleanup(os.set_inheritable, fd, flag_of(fd))

    def same(self, name, *args):
        expected = expected_of_os(name, *args)
        got = outcome(getattr(inheritable, name), *args)
        if got != expected:
            self.fail(f"{name}{args!r}: {got!r}, with os {expected!r}")
        self.assertIs(type(got), type(expected))

    def test_every_first_argument(self):
        for arg in self.ints + self.odd:
            self.same("get_inheritable", arg)
            self.same("get_handle_inheritable", arg)
            self.same("set_inheritable", arg, False)
            if not WINDOWS:
                self.same("set_handle_inheritable", arg, True)
                self.same("set_handle_inheritable", arg, False)

    def test_every_flag_of_set_inheritable(self):
        for fd in self.fd, -1, 2**31, None, Index(ZeroDivisionError()):
            for flag in self.ints + self.odd + self.flags:
                self.same("set_inheritable", fd, flag)
                if isinstance(fd, int):
                    self.assertEqual(get_inheritable(self.fd), flag_of(self.handle))

    def test_every_truth_value_of_set_handle_inheritable(self):
        for flag in self.ints + self.odd + self.flags:
            with self.subTest(flag=flag):
                expected = outcome(bool, flag)
                got = outcome(set_handle_inheritable, self.handle, flag)
                if isinstance(expected, tuple):
                    self.assertEqual(got, expected)
                else:
                    self.assertIsNone(got)
                    self.assertIs(flag_of(self.handle), expected)
                    self.assertIs(get_handle_inheritable(self.handle), expected)

    def test_random_arguments(self):
        chance = random.Random(446)
        fds = [self.fd, os.dup(self.fd), *os.pipe()]
        for fd in fds[1:]:
            self.closing(fd)
        for _ in range(int(100_000 * SOAK)):
            arg = self.random_argument(chance, fds)
            odd = chance.choice(self.odd + self.flags)
            number = chance.randrange(-(2**40), 2**40)
            flag = chance.choice([True, False, 0, 1, odd, number])
            self.same("set_inheritable", arg, flag)
            self.same("get_inheritable", arg)
            self.same("get_handle_inheritable", arg)

    def random_argument(self, chance, fds):
        kind = chance.randrange(4)
        if kind < 3:
            return chance.choice([fds, self.odd, self.ints][kind])
        number = chance.randrange(-(2**66), 2**66) >> chance.randrange(66)
        if isinstance(outcome(os.get_inheritable, number), tuple):
            return number
        # This number is open, and its flag must not change.
        return self.fd

    @windows
    def test_every_handle(self):
        closed = _winapi.DuplicateHandle(-1, self.handle, -1, 0, False, 2)
        _winapi.CloseHandle(closed)
        numbers = [self.handle, closed, -1, 2**31, 2**63, -(2**63) - 1]
        for handle in [*numbers, "1", None, Index(self.handle), 1.0]:
            for flag in True, False, 5, "", Truth(ZeroDivisionError()):
                self.same("set_handle_inheritable", handle, flag)
                self.same("get_handle_inheritable", handle)
        with self.assertRaises(OSError) as expected:
            os.get_handle_inheritable(closed)
        with self.assertRaises(OSError) as got:
            get_handle_inheritable(closed)
        self.assertEqual(got.exception.args, expected.exception.args)
        self.assertEqual(str(got.exception), str(expected.exception))

    def test_signatures(self):
        def parameters(function):
            found = inspect.signature(function).parameters.values()
            return [(parameter.name, parameter.kind) for parameter in found]

        for name in inheritable.__all__:
            if re.fullmatch("[gs]et_(handle_)?inheritable", name):
                function = getattr(inheritable, name)
                ours = parameters(function)
                if not PYPY and hasattr(os, name):
                    self.assertEqual(ours, parameters(getattr(os, name)))
                kinds = {kind for _, kind in ours}
                self.assertEqual(kinds, {inspect.Parameter.POSITIONAL_ONLY})
                self.assertEqual(function.__name__, name)

    def test_an_error_is_that_of_this_very_call(self):
        expected = errno.EBADF, os.strerror(errno.EBADF)
        for stale in errno.ENOSPC, 0:
            ctypes.set_errno(stale)
            with self.assertRaises(OSError) as caught:
                set_inheritable(10**6, True)
            self.assertEqual(caught.exception.args, expected)


class TestTheFourFunctions(Case):
    """All four accept an object with fileno(). On POSIX a handle is a descriptor."""

    def check(self, file, handle):
        pairs = [
            (get_inheritable, set_inheritable),
            (get_handle_inheritable, set_handle_inheritable),
        ]
        for get, set_ in pairs:
            for flag in True, False, True, False:
                self.assertIsNone(set_(file, flag))
                self.assertIs(flag_of(handle), flag)
                self.assertIs(get(file), flag)

    def test_take_files(self):
        self.check(OpenHandle(self.handle), self.handle)
        with open(self.path, "rb") as buffered, open(self.path, "rb", 0) as raw:
            for file in self.file, buffered, raw:
                self.check(file, handle_of(file))
        with tempfile.NamedTemporaryFile() as temporary:
            self.check(temporary, handle_of(temporary))

    def test_take_sockets_and_what_is_made_on_them(self):
        listening, client, _ = self.sockets()
        self.check(listening, listening.fileno())
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), None)
        for made in client.makefile("rb"), client.makefile("w"), server:
            with made:
                self.check(made, made.fileno())

    def test_take_the_sockets_of_asyncio(self):
        async def main():
            server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
            self.check(server.sockets[0], server.sockets[0].fileno())
            server.close()

        asyncio.run(main())

    def test_take_the_connections_of_multiprocessing(self):
        for duplex in True, False:
            for end in multiprocessing.connection.Pipe(duplex=duplex):
                with end:
                    self.check(end, end.fileno())

    @windows
    def test_take_the_pipes_of_asyncio(self):
        from asyncio import windows_utils

        for handle in windows_utils.pipe():
            end = windows_utils.PipeHandle(handle)
            self.check(end, end.fileno())
            end.close()

    def test_take_the_pipes_of_a_process(self):
        with subprocess.Popen(python_command(""), stdin=subprocess.PIPE) as process:
            self.check(process.stdin, handle_of(process.stdin))

    @posix
    def test_take_every_kind_of_descriptor(self):
        fds = [
            os.open(self.folder, os.O_RDONLY),
            os.open(os.devnull, os.O_RDWR),
            *os.pipe(),
        ]
        if hasattr(os, "O_PATH"):
            fds.append(os.open(self.path, os.O_PATH))
        # The system may have no pseudo-terminals.
        with contextlib.suppress(OSError):
            fds.extend(os.openpty())
        for fd in fds:
            self.check(fd, fd)
            os.close(fd)

    @posix
    @in_child
    def test_take_large_numbers_also_above_the_limit(self):
        import resource

        allow_descriptors(1100)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for fd in 1022, 1023, 1024, 1025:
            os.dup2(self.fd, fd, False)
        for limit in 1100, 500:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            for fd in 1022, 1023, 1024, 1025:
                self.check(fd, fd)

    def test_an_integer_is_never_guessed_at(self):
        closed = socket.socket()
        closed.close()
        for function in get_inheritable, get_handle_inheritable:
            self.check_error(errno.EBADF, function, closed)
        if WINDOWS:
            self.assertIs(get_inheritable(self.fd), False)
            self.check_error(errno.EBADF, get_inheritable, self.handle + 4096)

    def test_a_bad_fileno_is_refused(self):
        self.file.close()
        # On Windows a large number could be a descriptor or a handle.
        too_large = TypeError if WINDOWS else OverflowError
        bad = [(None, TypeError), ("1", TypeError), (1.0, TypeError)]
        bad += [(Index(1), TypeError)]
        bad += [(number, too_large) for number in (2**31, 2**32, -(2**31) - 1, 2**64)]
        files = [(WithFileno(number), error) for number, error in bad]
        files += [(self.file, ValueError), (io.FileIO, TypeError)]
        files.append((io.StringIO(), io.UnsupportedOperation))
        for get in get_inheritable, get_handle_inheritable:
            for file, error in files:
                self.assertEqual(outcome(get, file)[0], error, file)
            self.check_error(errno.EBADF, get, WithFileno(-1))
        with self.assertRaises(ValueError) as caught:
            get_inheritable(self.file)
        self.assertIsNone(caught.exception.__context__)
        with self.assertRaisesRegex(TypeError, r"from fileno\(\), not 'float'$"):
            get_inheritable(WithFileno(1.0))

    def test_index_comes_before_fileno(self):
        with FileWithIndex(self.path) as file:
            self.check(file, handle_of(file))
            file.value = -1
            self.check_error(errno.EBADF, get_inheritable, file)

    def test_index_is_asked_once(self):
        # ctypes would use the other file because of _as_parameter_.
        other = self.closing(os.dup(self.fd))
        other_handle = msvcrt.get_osfhandle(other) if WINDOWS else other
        for number, other_number, get, set_ in [
            (self.fd, other, get_inheritable, set_inheritable),
            (self.handle, other_handle, get_handle_inheritable, set_handle_inheritable),
        ]:
            file = Counted(number, other_number)
            for flag in True, False:
                counted = Counted(int(flag), int(not flag))
                set_(file, counted if set_ is set_inheritable else flag)
                self.assertEqual(counted.asked, int(set_ is set_inheritable))
                self.assertIs(flag_of(self.handle), flag)
                self.assertIs(flag_of(other_handle), False)
                self.assertIs(get(file), flag)
            self.assertEqual(file.asked, 4)

    def test_as_parameter_of_an_int_is_not_taken(self):
        number, flag = Number(self.fd), Number(1)
        number._as_parameter_ = self.closing(os.dup(self.fd))
        flag._as_parameter_ = 0
        set_inheritable(number, flag)
        self.assertIs(flag_of(self.handle), True)
        self.assertIs(get_inheritable(number), True)
        self.assertIs(get_inheritable(number._as_parameter_), False)

    def test_a_bad_argument_is_asked_once(self):
        # If the first conversion fails, there must be no second one. As a handle, -1 is
        # not bad on Windows: it means this process.
        bad = [
            (get_inheritable, [-1, 2**40, ZeroDivisionError()]),
            (get_handle_inheritable, [2**40, -(2**70), ZeroDivisionError()]),
        ]
        for get, values in bad:
            for value in values:
                counted = Counted(value, self.fd)
                self.assertIsInstance(outcome(get, counted), tuple)
                self.assertEqual(counted.asked, 1)

    # Replaces fcntl with one that has FD_CLOFORK of POSIX 2024, which is 4 on FreeBSD
    # 15. Linux has no flag but FD_CLOEXEC, so the module must take this for FreeBSD.
    CLOFORK = """
        import ctypes, fcntl, os, sys

        class FcntlWithClofork:
            have_it = set()

            def __call__(self, fd, command, value=0):
                if command == fcntl.F_SETFD:
                    (self.have_it.add if value & 4 else self.have_it.discard)(fd)
                result = fcntl.fcntl(fd, command, value & 1)
                return result | 4 if fd in self.have_it else result

        class Library(ctypes.CDLL):
            def __getattr__(self, name):
                return libc_fcntl if name == "fcntl" else super().__getattr__(name)

        libc_fcntl = FcntlWithClofork()
        ctypes.CDLL = ctypes.PyDLL = Library
        sys.platform = "freebsd15"
        import inheritable
        fd = os.dup(0)
        for flags in 4, 5, 0, 1:
            for flag in True, False, True:
                libc_fcntl(fd, fcntl.F_SETFD, flags)
                inheritable.set_inheritable(fd, flag)
                print(libc_fcntl(fd, fcntl.F_GETFD), end=" ")
        """

    @unittest.skipUnless(LINUX, "the stand-in for fcntl works only on Linux")
    def test_clofork_survives_with_a_stand_in_for_fcntl(self):
        printed = output_of(self.CLOFORK)
        self.assertEqual(printed.split(), list("454454010010"))

    @posix
    @unittest.skipIf(LINUX, "Linux has no descriptor flag but FD_CLOEXEC")
    def test_other_flags_survive(self):
        for flag in 2, 4:
            fcntl.fcntl(self.fd, fcntl.F_SETFD, flag)
            if fcntl.fcntl(self.fd, fcntl.F_GETFD) == flag:
                set_inheritable(self.fd, False)
                self.assertIs(flag_of(self.fd), False)
                set_inheritable(self.fd, True)
                self.assertEqual(fcntl.fcntl(self.fd, fcntl.F_GETFD), flag)

    @unittest.skipUnless(LINUX and not PYPY, "only CPython on Linux has fast paths")
    @in_child
    def test_a_plain_int_takes_a_short_cut(self):
        if fastest(os.get_inheritable, self.fd, number=500) > 500 * 1e-6:
            # As in gVisor.
            self.skipTest("system calls are so slow here that nothing else counts")
        # 0 is a plain int too.
        os.dup2(self.fd, 0)
        # A subclass of int takes the slow path.
        number = Number(0)
        for flag in True, False:
            set_inheritable(0, flag)
            for function, *args in [get_inheritable], [set_inheritable, flag]:
                long_way, short_cut = [], []
                # They take turns, because other programs may disturb one for a while.
                for _ in range(5):
                    long_way.append(fastest(function, number, *args, number=500))
                    short_cut.append(fastest(function, 0, *args, number=500))
                self.assertLess(min(short_cut), 0.75 * min(long_way), (function, flag))


class TestTheFourFunctionsAndChildren(Case):
    """A child inherits a file if its flag is on, and only then."""

    def test_subprocess(self):
        for flag, expected in (True, "secret"), (False, ""), (True, "secret"):
            set_inheritable(self.file, flag)
            done = run_python(READ, self.handle, close_fds=False)
            self.assertEqual(done.stdout, expected)
        set_handle_inheritable(self.handle, False)
        self.assertEqual(run_python(READ, self.handle, close_fds=False).stdout, "")

    def check_statuses(self, spawn):
        # On Windows, os.spawnv quotes no arguments. So the handle is in the script.
        script = os.path.join(self.folder, "read.py")
        code = f"""
            import os, sys
            number = {self.handle}
            try:
                if os.name == "nt":
                    import msvcrt
                    number = msvcrt.open_osfhandle(number, os.O_RDONLY)
                os.lseek(number, 0, 0)
                sys.exit(os.read(number, 6) != b"secret")
            except OSError:
                sys.exit(1)
            """
        with open(script, "w") as file:
            file.write(textwrap.dedent(code))
        name = "python" if WINDOWS else sys.executable
        for flag, expected in (True, 0), (False, 1):
            set_inheritable(self.file, flag)
            self.assertEqual(spawn(sys.executable, [name, "-S", script]), expected)

    @unittest.skipUnless(hasattr(os, "posix_spawn"), "this system has no posix_spawn")
    def test_posix_spawn(self):
        def spawn(path, args):
            pid = os.posix_spawn(path, args, os.environ)
            return os.WEXITSTATUS(os.waitpid(pid, 0)[1])

        self.check_statuses(spawn)

    @unittest.skipUnless(hasattr(os, "spawnv"), "this system has no spawnv")
    def test_spawnv(self):
        self.check_statuses(functools.partial(os.spawnv, os.P_WAIT))

    @forks
    def test_the_flag_does_not_count_for_a_fork(self):
        set_inheritable(self.file, False)
        self.assertEqual(status_of_fork(os.fstat, self.fd), 0)


# ---------------------------------------------------------------------------------
# Listing
# ---------------------------------------------------------------------------------


class TestOpenHandles(Case):
    def test_lists_what_was_opened(self):
        r, w = self.pipe()
        listening, *_ = self.sockets()
        set_inheritable(r, True)
        set_inheritable(listening, True)
        # With more than ten of them, not all numbers have one digit.
        for _ in range(12):
            self.closing(os.dup(self.fd))
        numbers = list(map(handle_of, [self.file, r, w, listening]))
        found = {entry.handle: entry for entry in open_handles()}
        flags = [found[number].inheritable for number in numbers]
        self.assertEqual(flags, [False, True, False, True])
        self.check_targets(numbers, [found[number].target for number in numbers])
        self.assertEqual(list(found), sorted(found))
        # With a process id, the targets of sockets say more.
        for bare, told in zip(open_handles(), open_handles(os.getpid())):
            target = told.target and re.sub(r"(socket:\[\d+\]) .*", r"\1", told.target)
            self.assertEqual(told._replace(target=target), bare)

    def check_targets(self, numbers, targets):
        if WINDOWS:
            self.assertTrue(os.path.samefile(targets[0], self.path))
            self.assertEqual(targets[1:], ["File (pipe or socket)"] * 3)
        elif PROC:
            links = [os.readlink(f"/proc/self/fd/{number}") for number in numbers]
            self.assertEqual(targets, links)
        elif APPLE:
            path = os.path.realpath(self.path)
            self.assertEqual(targets, [path, None, None, None])
        else:
            # With fdescfs, a BSD may know the path.
            self.assertIn(targets[0], (None, os.path.realpath(self.path)))

    @proc
    def test_equals_proc(self):
        set_inheritable(self.file, True)
        expected = []
        for name in sorted(os.listdir("/proc/self/fd"), key=int):
            # The descriptor that listdir used is closed.
            with contextlib.suppress(OSError):
                flag = os.get_inheritable(int(name))
                target = os.readlink(f"/proc/self/fd/{name}")
                expected.append((int(name), flag, target))
        self.assertEqual([entry[:3] for entry in open_handles()], expected)

    @proc
    def test_undecodable_names_come_as_surrogates(self):
        path = os.path.join(os.fsencode(self.folder), b"\xff\n\x1b[2J")
        with open(path, "w") as file:
            expected = [(file.fileno(), False, os.fsdecode(path))]
            self.assertEqual(entries(open_handles(), file.fileno()), expected)

    @proc
    @in_child
    def test_a_path_that_is_too_long_is_no_target(self):
        self.enter_a_deep_folder()
        with open("file", "w") as file:
            fd = file.fileno()
            target = None
            # gVisor returns the beginning of the path.
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/self/fd/{fd}")
            self.assertEqual(entries(open_handles(), fd), [(fd, False, target)])
            pid, _ = self.keep(file)
            self.assertEqual(entries(open_handles(pid), fd), [(fd, True, target)])

    def test_leaves_nothing_open(self):
        before = open_after_collection()
        for _ in range(100 if WINDOWS else int(1000 * SOAK)):
            open_handles()
        self.assertEqual(open_handles(), before)

    def test_while_others_open_and_close(self):
        gone = os.open(os.devnull, os.O_RDONLY)
        gone_handle = msvcrt.get_osfhandle(gone) if WINDOWS else gone
        # This takes the number of `gone` when that is closed, and keeps it.
        first = os.open(os.devnull, os.O_RDONLY)
        others = [os.open(os.devnull, os.O_RDONLY) for _ in range(50)]

        def reopen():
            for index, fd in enumerate(others):
                os.close(fd)
                others[index] = os.open(self.path, os.O_RDONLY)

        with churning(reopen):
            for _ in range(10 if WINDOWS else 50):
                rows = open_handles()
                self.assertEqual(len(entries(rows, self.handle)), 1)
                self.assertEqual(len({entry.handle for entry in rows}), len(rows))
        for fd in [*others, first, gone]:
            os.close(fd)
        self.assertEqual(entries(open_handles(), gone_handle), [])

    def test_while_another_thread_reads_a_pipe(self):
        r, w = self.pipe()
        reading = threading.Event()

        def read():
            reading.set()
            r.read(1)

        with in_thread(read, end=lambda: w.write(b"x")):
            wait_for(reading)
            start = time.monotonic()
            rows = entries(open_handles(), handle_of(r), handle_of(w))
            self.assertEqual(len(rows), 2)
            self.assertLess(time.monotonic() - start, 2)

    @posix
    @in_child
    def test_with_no_free_descriptor(self):
        for free in 0, 1, 2:
            fds = exhaust_descriptors(free)
            rows = entries(open_handles(), self.fd, *fds)
            expected = [(self.fd, False), *((fd, False) for fd in fds)]
            self.assertEqual([row[:2] for row in rows], expected)
            if PROC:
                self.assertEqual(rows[0][2], self.path)
            if LINUX:
                self.check_not_every_number_is_tried()
            # Close these too, so that the next round starts as this one did.
            fds += [os.dup(0) for _ in range(free)]
            for fd in fds:
                os.close(fd)

    def check_not_every_number_is_tried(self):
        every_number = 100 * fastest(outcome, get_inheritable, 10**6, number=100)
        self.assertLess(fastest(open_handles, number=1), every_number)

    @posix
    @in_child
    def test_does_not_try_every_number(self):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = 100_000 if hard == resource.RLIM_INFINITY else min(100_000, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        if not os.path.exists("/dev/fd") or limit < 4096:
            self.skipTest("there is no /dev/fd, or ulimit -n is too low")
        attempts = limit // 1000
        every_number = fastest(outcome, get_inheritable, 999_999, number=attempts)
        self.assertLess(fastest(open_handles, number=1), 100 * every_number)

    # Prints whether the listing is right, and the error for another process.
    LIST = """
        import os, inheritable
        r, w = os.pipe()
        inheritable.set_inheritable(w, True)
        rows = [h[:3] for h in inheritable.open_handles() if h.handle in (r, w)]
        print(rows == [(r, False, None), (w, True, None)])
        inheritable.disable_inheritance()
        print(inheritable.get_inheritable(w))
        try:
            inheritable.open_handles(os.getpid() + 1)
        except NotImplementedError as error:
            print(error)
        """

    def check_where_proc_differs(self, preparation):
        printed = in_namespace(["-m"], preparation, self.LIST)
        right, sealed, message = printed.splitlines()
        self.assertEqual((right, sealed), ("True", "False"))
        self.assertIn("only Linux", message)

    @proc
    def test_without_proc(self):
        self.check_where_proc_differs("umount -l /proc")

    def test_a_folder_that_is_no_proc_is_passed_over(self):
        folders = "/proc/self/fd/nonsense /proc/thread-self/fd/-1"
        preparation = f"mount -t tmpfs none /proc && mkdir -p {folders}"
        # Without a low limit, every number up to a million would be tried.
        self.check_where_proc_differs(f"{preparation} && ulimit -n 60")

    @proc
    @in_child
    def test_of_a_thread_that_has_unshared_its_files(self):
        libc = ctypes.CDLL(None, use_errno=True)

        def unshared():
            if libc.unshare(CLONE_FILES):
                self.skipTest("unshare(CLONE_FILES) is not allowed here")
            fd = os.dup2(self.fd, 60)
            rows = entries(open_handles(), fd)
            self.assertEqual(rows, [(60, True, self.path)])
            for args in [60], [60, os.getpid()]:
                self.assertEqual(self.found(*args), self.ours(self.fd, 60))

        run_threads(unshared)
        self.assertEqual(entries(open_handles(), 60), [])
        self.assertEqual(self.found(self.file), self.ours(self.file))
        self.check_error(errno.EBADF, holders, 60)


def replace_function(name, code):
    """Make a function of kernel32 jump to other machine code, in this process.

    Args:
        name: The name of the function.
        code: A callable that returns the machine code. Its argument is the real address
            of the function, which is in kernelbase.
    """
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.VirtualAlloc.restype = ctypes.c_void_p
    kernel32.VirtualAlloc.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 3]
    kernel32.VirtualProtect.argtypes = [
        *[ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32, ctypes.c_void_p]
    ]
    begin, real = (
        ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        for library in (kernel32, ctypes.WinDLL("kernelbase"))
    )
    machine_code = code(real)
    commit_and_reserve, read_write_execute = 0x3000, 0x40
    place = kernel32.VirtualAlloc(None, 4096, commit_and_reserve, read_write_execute)
    ctypes.memmove(place, machine_code, len(machine_code))
    # mov rax, place; jmp rax
    jump = struct.pack("<2sQ2s", b"\x48\xb8", place, b"\xff\xe0")
    old = ctypes.c_uint32()
    if not kernel32.VirtualProtect(
        begin, len(jump), read_write_execute, ctypes.byref(old)
    ):
        raise ctypes.WinError(ctypes.get_last_error())
    ctypes.memmove(begin, jump, len(jump))


class Stall:
    """Makes a function of kernel32 wait when it is called for certain files.

    On Windows, these functions wait while another thread is reading from the same
    synchronous pipe. Under Wine, they never wait. The replacement of the function
    cannot be undone, so this is for use in a child.
    """

    def __init__(self, name, *handles):
        """Stall a function with up to four arguments, of which the first is a handle.

        It stalls for the files of these handles, even if it is called with other
        handles to them.
        """
        self.answer = create_event()
        self.handles = (ctypes.c_size_t * (len(handles) + 1))(*handles)
        replace_function(name, self.code)

    def code(self, real):
        kernel32 = ctypes.WinDLL("kernel32")
        compare, wait = (
            ctypes.cast(function, ctypes.c_void_p).value
            for function in (
                ctypes.WinDLL("kernelbase").CompareObjectHandles,
                kernel32.WaitForSingleObject,
            )
        )
        handles = ctypes.addressof(self.handles)
        parts = [
            b"\x53\x56\x57\x41\x54\x41\x55",  # push rbx, rsi, rdi, r12, r13
            b"\x48\x83\xec\x20",  # sub rsp, 32
            b"\x48\x89\xcb\x48\x89\xd7",  # mov rbx, rcx; mov rdi, rdx
            b"\x4d\x89\xc4\x4d\x89\xcd",  # mov r12, r8; mov r13, r9
            b"\x48\xbe" + struct.pack("<Q", handles),  # mov rsi, handles
            # Next:
            b"\x48\x8b\x16",  # mov rdx, [rsi]
            b"\x48\x85\xd2\x74\x32",  # test rdx, rdx; jz done
            b"\x48\x89\xd9",  # mov rcx, rbx
            b"\x48\xb8" + struct.pack("<Q", compare) + b"\xff\xd0",  # call compare
            b"\x48\x83\xc6\x08",  # add rsi, 8
            b"\x85\xc0\x74\xe1",  # test eax, eax; jz next
            b"\x48\xb9" + struct.pack("<Q", self.answer),  # mov rcx, answer
            b"\xba\xff\xff\xff\xff",  # mov edx, INFINITE
            b"\x48\xb8" + struct.pack("<Q", wait) + b"\xff\xd0",  # call wait
            # Done:
            b"\x48\x89\xd9\x48\x89\xfa",  # mov rcx, rbx; mov rdx, rdi
            b"\x4d\x89\xe0\x4d\x89\xe9",  # mov r8, r12; mov r9, r13
            b"\x48\x83\xc4\x20",  # add rsp, 32
            b"\x41\x5d\x41\x5c\x5f\x5e\x5b",  # pop r13, r12, rdi, rsi, rbx
            b"\x48\xb8" + struct.pack("<Q", real) + b"\xff\xe0",  # jmp real
        ]
        return b"".join(parts)

    def end(self):
        """Let all waiting calls continue, and make no further call wait."""
        ctypes.memset(self.handles, 0, ctypes.sizeof(self.handles))
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.SetEvent(ctypes.c_void_p(self.answer))


def own_handles():
    """Return all handles of this process, by asking the system and not the module.

    The tests have no handles above this range.
    """
    return [handle for handle in range(4, 16_000, 4) if flag_of(handle) is not None]


def count_threads():
    """Return how many threads this process has, including any unknown to Python."""

    class Entry(ctypes.Structure):
        _fields_ = (
            ("size_usage_thread", ctypes.c_uint32 * 3),
            ("pid", ctypes.c_uint32),
            ("rest", ctypes.c_uint32 * 3),
        )

    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
    threads_of_all = 4
    snapshot = kernel32.CreateToolhelp32Snapshot(threads_of_all, 0)
    entry = Entry()
    entry.size_usage_thread[0] = ctypes.sizeof(entry)
    count = 0
    found = kernel32.Thread32First(ctypes.c_void_p(snapshot), ctypes.byref(entry))
    while found:
        count += entry.pid == os.getpid()
        found = kernel32.Thread32Next(ctypes.c_void_p(snapshot), ctypes.byref(entry))
    _winapi.CloseHandle(snapshot)
    return count


def despite_wine(method):
    """Call a method again if a child that it starts crashes under Wine.

    Under Wine 10, Python may crash in Wine's own RtlWakeAddressSingle when other
    threads are busy. Any other failure is an error.
    """

    @functools.wraps(method)
    def call(*args, again=4):
        try:
            return method(*args)
        except AssertionError as error:
            access_violation = str(0xC0000005)
            if not WINE or not again or access_violation not in str(error):
                raise
        return call(*args, again=again - 1)

    return call


stalls = unittest.skipUnless(
    WINDOWS
    and os.environ.get("PROCESSOR_ARCHITECTURE") == "AMD64"
    and sys.maxsize >> 32,
    "the code that makes Windows wait is for x86-64 only",
)


@windows
class TestOpenHandlesOnWindows(Case):
    def test_names_the_types_of_objects(self):
        event = self.event()
        share_none, open_existing, backup_semantics = 0, 3, 0x02000000
        folder = _winapi.CreateFile(
            self.folder, 0x80000000, share_none, 0, open_existing, backup_semantics, 0
        )
        self.addCleanup(_winapi.CloseHandle, folder)
        rows = {row[0]: row for row in entries(open_handles(), event, folder)}
        self.assertEqual(rows[event], (event, False, "Event"))
        self.assertIs(rows[folder][1], False)
        self.assertTrue(os.path.samefile(rows[folder][2], self.folder))
        set_handle_inheritable(event, True)
        rows = entries(open_handles(), event)
        self.assertEqual(rows, [(event, True, "Event")])

    def test_what_is_not_on_disk_is_told(self):
        reader, writer = self.pipe()
        device = self.closing(open(os.devnull))  # noqa: SIM115
        files = [reader, writer, *self.sockets()]
        targets = {entry.handle: entry.target for entry in open_handles()}
        for file in files:
            self.assertEqual(targets[handle_of(file)], "File (pipe or socket)")
        self.assertEqual(targets[handle_of(device)], "File (device)")
        pid, handles = self.keep(reader, device)
        targets = {entry.handle: entry.target for entry in open_handles(pid)}
        found = [targets[handle] for handle in handles]
        self.assertEqual(found, ["File (pipe or socket)", "File (device)"])

    def test_a_pipe_that_waits_for_its_client(self):
        name = rf"\\.\pipe\inheritable-{os.getpid()}"
        duplex, message_type, overlapped = 3, 0, 0x40000000
        server = _winapi.CreateNamedPipe(
            name, duplex | overlapped, message_type, 1, 512, 512, 0, 0
        )
        self.addCleanup(_winapi.CloseHandle, server)
        connecting = _winapi.ConnectNamedPipe(server, overlapped=True)
        rows = entries(open_handles(), server)
        self.assertEqual(rows, [(server, False, "File (pipe or socket)")])
        # If the listing had opened the pipe, it would have become the client.
        self.assertFalse(_winapi.WaitForSingleObject(connecting.event, 0) == 0)
        with open(name, "r+b", 0):
            connecting.GetOverlappedResult(True)

    def test_a_process_that_may_not_be_listed_leaves_no_handle(self):
        before = open_after_collection()
        for _ in range(20):
            for pid in 4, 2**31 - 4, 0:
                outcome(open_handles, pid)
        self.assertEqual(open_handles(), before)

    def open_but_semaphores(self):
        # A Python thread that waits for a lock has a semaphore, which may be closed
        # before it is asked for its type.
        rows = open_handles()
        return [entry for entry in rows if entry.target not in ("Semaphore", None)]

    @despite_wine
    @in_child
    def test_a_listing_has_nothing_that_another_one_opens(self):
        barrier = threading.Barrier(4)
        pid, _ = self.keep(self.file)

        def look():
            barrier.wait(A_LONG_TIME)
            before = self.open_but_semaphores()
            barrier.wait(A_LONG_TIME)
            for _ in range(10):
                open_handles(pid)
                self.assertEqual(self.open_but_semaphores(), before)
            # No thread ends while another one is listing.
            barrier.wait(A_LONG_TIME)

        def look_with_others():
            try:
                look()
            except BaseException:
                barrier.abort()
                raise

        run_threads(*[look_with_others] * 4)

    @despite_wine
    @in_child
    def test_listings_beside_threads_that_open_and_close(self):
        def reopen():
            with open(self.path):
                pass

        with churning(reopen), churning(reopen):
            for _ in range(100):
                (row,) = entries(open_handles(), self.handle)
                self.assertTrue(os.path.samefile(row[2], self.path))

    @despite_wine
    @in_child
    def test_a_listing_that_interrupts_another_one_closes_nothing_of_it(self):
        pid, (number,) = self.keep(self.file)
        events = []

        def list_and_create():
            open_handles(pid)
            events.append(create_event())

        def look():
            (row,) = entries(open_handles(pid), number)
            self.assertTrue(os.path.samefile(row[2], self.path))

        def open_files():
            return [row for row in open_handles() if row.access is not None]

        before = open_files()
        for _ in every_step(look, list_and_create, MODULE, stride=97):
            # These may have the numbers of handles that were closed too early.
            for event in events:
                self.assertIs(flag_of(event), False)
                _winapi.CloseHandle(event)
            events.clear()
        self.assertEqual(open_files(), before)

    def test_a_console_stream_of_none_is_no_trouble(self):
        # A program with no console, such as one run by pythonw.exe, has no streams.
        code = """
            import ctypes, sys, inheritable
            for stream in -10, -11, -12:
                ctypes.windll.kernel32.SetStdHandle(stream, None)
            handles = inheritable.open_handles()
            inheritable.disable_inheritance()
            with inheritable.passing(handles[0]):
                pass
            print(len(handles) > 0)
            """
        self.assertEqual(output_of(code), "True\n")


@stalls
class TestFilesThatDoNotAnswer(Case):
    """On Windows, asking what a file is may take forever."""

    def stall(self, *handles, name="GetFileType"):
        stall = Stall(name, *handles)
        self.addCleanup(stall.end)
        return stall

    def check_own_path(self):
        (row,) = entries(open_handles(), self.handle)
        self.assertTrue(os.path.samefile(row[2], self.path))

    def check_pipes(self, handles, target, pid=None):
        """Check what a listing says of pipes. Return how many seconds it takes."""
        start = time.monotonic()
        rows = entries(open_handles(pid), *handles)
        seconds = time.monotonic() - start
        self.assertEqual([row[2] for row in rows], [target] * len(handles))
        return seconds

    @in_child
    def test_forty_pipes(self):
        pipes = [self.pipe()[0] for _ in range(40)]
        handles = [handle_of(pipe) for pipe in pipes]
        idle = fastest(open_handles, number=1)
        times = []
        for _ in range(3):
            stall = self.stall(*handles)
            before, threads = own_handles(), count_threads()
            times.append(self.check_pipes(handles, "File"))
            stall.end()
            self.wait_until_nothing_waits(before, threads)
        self.assertLess(min(times), 1 * PATIENCE)
        stall = self.stall(*handles)
        before, threads = own_handles(), count_threads()
        self.check_pipes(handles, "File")
        self.check_own_path()
        waiting, more_threads = own_handles(), count_threads()
        self.assertLessEqual(more_threads, threads + 40)
        times = []
        for _ in range(100):
            start = time.monotonic()
            listed = open_handles()
            times.append(time.monotonic() - start)
            found = [entry.handle for entry in listed]
            # The waiting threads have handles, which are in no list.
            self.assertLessEqual(set(found), set(before))
        self.assertLess(sorted(times)[50], 2 * idle + 0.05)
        self.check_own_path()
        self.assertEqual(own_handles(), waiting)
        self.assertEqual(count_threads(), more_threads)
        stall.end()
        self.wait_until_nothing_waits(before, threads)
        self.check_pipes(handles, "File (pipe or socket)")

    def wait_until_nothing_waits(self, handles, threads):
        """Wait until only these handles and this many threads are left."""
        late = time.monotonic() + A_LONG_TIME
        while time.monotonic() < late:
            open_handles()
            if (own_handles(), count_threads()) == (handles, threads):
                return
        self.assertEqual(own_handles(), handles)
        self.assertEqual(count_threads(), threads)

    @in_child
    def test_the_pipe_of_another_process(self):
        reader, _ = self.pipe()
        pid, (number, file) = self.keep(reader, self.file)
        stall = self.stall(handle_of(reader))
        before, threads = own_handles(), count_threads()
        for _ in range(20):
            seconds = self.check_pipes([number], "File", pid)
            self.assertLess(seconds, 1 * PATIENCE)
            found = {entry.handle: entry.target for entry in open_handles(pid)}
            self.assertTrue(os.path.samefile(found[file], self.path))
            self.assertLessEqual(
                {entry.handle for entry in open_handles()}, set(before)
            )
        # For the other process's pipe there is a thread, a handle to that thread, and a
        # duplicate. For the same pipe here there is a thread and a handle to it.
        self.assertLessEqual(len(own_handles()), len(before) + 3)
        self.assertLessEqual(count_threads(), threads + 2)
        stall.end()
        self.wait_until_nothing_waits(before, threads)
        self.check_pipes([number], "File (pipe or socket)", pid)

    @in_child
    def test_a_file_whose_path_is_not_told(self):
        other = self.closing(open(self.path + "2", "w"))  # noqa: SIM115
        idle = fastest(open_handles, number=1)
        stall = self.stall(handle_of(other), name="GetFinalPathNameByHandleW")
        before, threads = own_handles(), count_threads()
        start = time.monotonic()
        open_handles()
        self.assertLess(time.monotonic() - start, 3 * PATIENCE)
        times = []
        for _ in range(50):
            start = time.monotonic()
            rows = entries(open_handles(), handle_of(other))
            times.append(time.monotonic() - start)
            self.assertEqual(rows[0][2], "File")
        self.assertLess(sorted(times)[25], 2 * idle + 0.05)
        self.check_own_path()
        stall.end()
        self.wait_until_nothing_waits(before, threads)
        (row,) = entries(open_handles(), handle_of(other))
        self.assertTrue(os.path.samefile(row[2], other.name))

    @in_child
    def test_end_of_file_comes(self):
        reader, writer = self.pipe()
        self.stall(handle_of(writer))
        self.check_pipes([handle_of(writer)], "File")
        holders(writer)
        writer.close()
        # This would wait as long as there is a duplicate.
        self.assertEqual(reader.read(), b"")

    @in_child
    def test_a_file_can_be_deleted(self):
        self.stall(self.handle)
        rows = entries(open_handles(), self.handle)
        self.assertEqual(rows[0][2], "File")
        self.file.close()
        os.remove(self.path)
        self.assertFalse(os.path.exists(self.path))

    @in_child
    def test_shutting_off_does_not_ask(self):
        set_inheritable(self.file, True)
        self.stall(self.handle)
        threads = count_threads()
        disable_inheritance()
        self.assertIs(flag_of(self.handle), False)
        self.assertEqual(count_threads(), threads)

    def test_the_program_ends(self):
        code = """
            import sys, msvcrt, inheritable, test_inheritable
            files = [open(inheritable.__file__) for _ in range(2)]
            handles = [msvcrt.get_osfhandle(file.fileno()) for file in files]
            stalls = [
                test_inheritable.Stall("GetFileType", handles[0]),
                test_inheritable.Stall("GetFinalPathNameByHandleW", handles[1]),
            ]
            targets = {h.handle: h.target for h in inheritable.open_handles()}
            print([targets[handle] for handle in handles])
            """
        self.assertEqual(output_of(code), "['File', 'File']\n")

    def import_copy(self):
        """Import this module once more, and return it."""
        spec = importlib.util.spec_from_file_location("copied", inheritable.__file__)
        copied = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(copied)
        return copied

    def patch(self, *more):
        """Patch what starts threads and makes locks, as gevent and eventlet do.

        With them, everything runs in one thread, which must not wait for itself. The
        functions that are started run at some later time.

        Returns:
            The functions that were started.
        """
        import _thread
        import queue

        started = []

        def start(function, *args, **options):
            started.append(function)
            return 2**40 + 4

        def refuse_to_wait(*args, **options):
            raise AssertionError("this would wait forever")

        for name in ["start_new_thread", "start_joinable_thread", *more]:
            setattr(_thread, name, start)
        _thread.allocate_lock = threading.Lock = threading.RLock = GreenletLock
        threading._start_new_thread = threading.Thread.start = start
        threading.Thread.join = threading.Event.wait = refuse_to_wait
        threading.Condition.wait = refuse_to_wait
        queue.Queue.get = queue.SimpleQueue = refuse_to_wait
        return started

    def check_patched(self, *more):
        started = self.patch(*more)
        reader, _ = self.pipe()
        self.stall(handle_of(reader))
        for module in inheritable, self.import_copy():
            start = time.monotonic()
            for _ in range(5):
                handles = module.open_handles()
                found = {entry.handle: entry.target for entry in handles}
                self.assertEqual(found[handle_of(reader)], "File")
                if not more:
                    self.assertTrue(os.path.samefile(found[self.handle], self.path))
            self.assertLess(time.monotonic() - start, 5 * PATIENCE)
            found = [holder[:2] for holder in module.holders(self.file)]
            self.assertEqual(found, [(os.getpid(), self.handle)])
        self.assertEqual(bool(started), bool(more))
        # A function that runs too late must not ask about any file: for this one it
        # would wait.
        self.stall(self.handle, name="GetFinalPathNameByHandleW")
        for function in started:
            function()

    @in_child
    def test_the_patches_of_gevent(self):
        self.check_patched()

    @in_child
    def test_the_patches_of_eventlet(self):
        self.check_patched("start_new")


class GreenletLock:
    """A lock that only one thread uses. That thread must not wait for itself."""

    def acquire(self, blocking=True, timeout=-1):
        return True

    def release(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


@windows
class TestListingsBesideBusyThreads(Case):
    """On Windows, all targets are found even if threads need the GIL all the time."""

    # Prints the seconds that some listings take, and how many of 201 paths are right.
    CODE = """
        import json, msvcrt, os, subprocess, sys, threading, time
        import inheritable

        opening = (
            "import msvcrt, sys\\n"
            "names = [sys.argv[1] + str(i) for i in range(201)]\\n"
            "files = [open(name, 'a') for name in names]\\n"
            "handles = [msvcrt.get_osfhandle(file.fileno()) for file in files]\\n"
        )
        exec(opening)
        saying = "print(*handles, flush=True); sys.stdin.read()"
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", opening + saying, sys.argv[1]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        of_child = list(map(int, child.stdout.readline().split()))

        def look(pid, handles):
            start = time.perf_counter()
            found = {row.handle: row.target for row in inheritable.open_handles(pid)}
            seconds = time.perf_counter() - start
            targets = [os.path.basename(found[handle] or "") for handle in handles]
            return seconds, targets == list(map(os.path.basename, names))

        def find_holders():
            start = time.perf_counter()
            found = inheritable.holders(files[100])
            seconds = time.perf_counter() - start
            expected = [(os.getpid(), handles[100])]
            return seconds, [holder[:2] for holder in found] == expected

        def keep_busy():
            while not ended.is_set():
                sum(range(1000))

        ended = threading.Event()
        threads = [threading.Thread(target=keep_busy) for _ in range(int(sys.argv[2]))]
        for thread in threads:
            thread.start()
        limits = json.loads(sys.argv[3])
        results = {"own": [], "other": [], "holders": []}

        def is_fast(kind):
            times = [seconds for seconds, found_all in results[kind] if found_all]
            return min(times, default=1e9) < limits[kind]

        # Other programs may disturb some of the short listings, but not all.
        for _ in range(3 if threads else 10):
            results["own"].append(look(None, handles))
            results["other"].append(look(child.pid, of_child))
            results["holders"].append(find_holders())
            if all(map(is_fast, limits)):
                break
        ended.set()
        child.stdin.close()
        child.wait()
        print(json.dumps(results))
        """

    def check(self, busy, **limits):
        """Check that one of some listings is fast enough and finds everything.

        On a machine that has no time for any of this, more may be unknown.
        """
        limits = {kind: limit * PATIENCE for kind, limit in limits.items()}
        path = os.path.join(self.folder, "f")
        results = json.loads(self.output(path, busy, json.dumps(limits)))
        for kind, limit in limits.items():
            times = [seconds for seconds, found_all in results[kind] if found_all]
            self.assertLess(min(times, default=1e9), limit, (kind, results))

    @despite_wine
    def output(self, *args):
        done = run_python(self.CODE, *args)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def test_with_no_busy_thread(self):
        self.check(0, own=0.3, other=2, holders=1)

    def test_with_three_busy_threads(self):
        self.check(3, own=8, other=8, holders=2)


class TestOpenHandlesOfAnotherProcess(Case):
    def setUp(self):
        super().setUp()
        if not WINDOWS and not PROC:
            with self.assertRaisesRegex(NotImplementedError, "only Linux"):
                open_handles(os.getppid())
            self.skipTest("this system does not show other processes")

    def test_lists_what_it_has_open(self):
        args = [self.path, self.handle]
        pid, numbers = self.keep(self.file, code=OPEN, args=args)
        before = open_after_collection()
        rows = open_handles(pid)
        self.assertEqual(open_handles(), before)
        numbers_listed = [entry.handle for entry in rows]
        self.assertEqual(numbers_listed, sorted(numbers_listed))
        found = {entry.handle: entry for entry in rows}
        flags = [found[number].inheritable for number in numbers]
        self.assertEqual(flags, [False, True])
        for number in numbers:
            self.assertTrue(os.path.samefile(found[number].target, self.path))
        if LINUX:
            names = os.listdir(f"/proc/{pid}/fd")
            self.assertEqual(numbers_listed, sorted(map(int, names)))
        if WINDOWS:
            self.assertEqual(outcome(open_handles, pid + 1)[0], ProcessLookupError)

    def test_one_that_has_ended(self):
        # On Windows, the Popen object still has a handle to it.
        process = subprocess.Popen(python_command(""))
        process.wait(A_LONG_TIME)
        if WINDOWS:
            self.assertEqual(open_handles(process.pid), [])
        else:
            self.check_error(errno.ESRCH, open_handles, process.pid)

    @forks
    def test_a_zombie_has_nothing_open(self):
        pid = fork_zombie()
        self.assertEqual(open_handles(pid), [])
        self.check_error(errno.EBADF, holders, self.fd, pid)
        os.waitpid(pid, 0)
        self.check_error(errno.ESRCH, open_handles, pid)

    @forks
    @in_child
    def test_one_that_is_just_exiting_has_nothing_open(self):
        # At that time its table belongs to root, and root may always read it.
        if ROOT:
            become_nobody()
        seen = 0
        for number in range(max(25, int(50 * SOAK))):
            # Freeing this much memory takes the kernel a while. Only then does the
            # process become a zombie.
            r, w = os.pipe()
            pid = fork(self.use_memory_until_end_of_file, r, w, number)
            os.close(r)
            os.close(w)
            wait_until(lambda pid=pid: open_handles(pid) == [])
            seen += state_of(pid) != "Z"
            os.waitpid(pid, 0)
            if seen > 5:
                return
        if not seen:
            self.skipTest("no process was caught while it was exiting")

    @forks
    @in_child
    def test_one_that_ends_while_it_is_listed(self):
        if ROOT:
            become_nobody()
        for is_reaped in False, True:
            step, is_reached = 1, True
            while is_reached:
                is_reached, got = self.list_until_it_ends(step, is_reaped)
                if not isinstance(got, list):
                    self.assertEqual(got[:2], (ProcessLookupError, errno.ESRCH))
                step += 1 if SOAK >= 1 else 7
            self.assertGreater(step, 100)

    def list_until_it_ends(self, step, is_reaped):
        """List a process, and end it at a step. Return whether there is such a step."""
        pid = fork(signal.pause)

        def end():
            os.kill(pid, signal.SIGKILL)
            if is_reaped:
                os.waitpid(pid, 0)
            else:
                wait_until(lambda: state_of(pid) == "Z")

        with AtStep(step, end, MODULE) as tracing:
            got = outcome(open_handles, pid)
        if not tracing.reached:
            end()
        if not is_reaped:
            os.waitpid(pid, 0)
        return tracing.reached, got

    def use_memory_until_end_of_file(self, r, w, number):
        # Each process has other page faults, which stand next to its flags.
        memory = mmap.mmap(-1, (1 << 27) + number * 4 * 4096)
        for page in range(0, len(memory), 4096):
            memory[page] = 1
        os.close(w)
        os.read(r, 1)
        os._exit(0)

    @forks
    @in_child
    def test_one_that_may_not_be_read(self):
        pid = 1
        if ROOT:
            pid = os.getppid()
            become_nobody()
        out_of_reach(pid)
        self.check_error(errno.EACCES, open_handles, pid)
        self.check_error(errno.EACCES, holders, 0, pid)
        # Without a process id, such processes are left out.
        self.assertEqual(self.found(self.file), self.ours(self.file))
        # The /proc files of a zombie belong to root.
        self.test_a_zombie_has_nothing_open()

    @forks
    @in_child
    def test_one_with_more_capabilities(self):
        pid = os.getppid()
        give_up_capabilities()
        out_of_reach(pid)
        self.check_error(errno.EACCES, holders, 0, pid)
        major, minor = map(int, re.findall(r"\d+", os.uname().release)[:2])
        if (major, minor) >= (5, 14):
            self.check_error(errno.EACCES, open_handles, pid)
        else:
            # Older kernels show everything but the targets.
            self.assertEqual({row.target for row in open_handles(pid)}, {None})

    def test_one_that_is_hidden(self):
        code = """
            for pid in os.getppid(), 12345:
                try:
                    print(inheritable.open_handles(pid), flush=True)
                except OSError as error:
                    print(type(error).__name__, flush=True)
            """
        printed = printed_by_nobody("hidepid=2", code)
        self.assertEqual(printed.split(), ["PermissionError", "ProcessLookupError"])

    def test_one_of_another_pid_namespace(self):
        code = """
            import os, inheritable
            calls = [("open_handles", 2), ("open_handles", 12345), ("holders", 0)]
            for name, number in calls:
                try:
                    getattr(inheritable, name)(number)
                except NotImplementedError as error:
                    print("another pid namespace" in str(error))
            r, w = os.pipe()
            inheritable.set_inheritable(w, True)
            for rows in inheritable.open_handles(), inheritable.open_handles(1):
                print([h.inheritable for h in rows if h.handle in (r, w)])
            """
        printed = in_namespace(["--pid", "--fork"], "true", code)
        expected = ["True"] * 3 + ["[False, True]"] * 2
        self.assertEqual(printed.splitlines(), expected)


class TestAccess(Case):
    """OpenHandle.access."""

    def access(self, *numbers, pid=None):
        """Return the access of each of these handles."""
        found = {entry.handle: entry.access for entry in open_handles(pid)}
        return [found[number] for number in numbers]

    def check(self, expected, also_in_child=WINDOWS or PROC):
        """Check the access of each file, in this process and in a child."""
        numbers = list(map(handle_of, expected))
        self.assertEqual(self.access(*numbers), list(expected.values()))
        if also_in_child:
            pid, numbers = self.keep(*expected)
            found = self.access(*numbers, pid=pid)
            self.assertEqual(found, list(expected.values()))

    def test_of_files_pipes_and_sockets(self):
        r, w = self.pipe()
        expected = {r: "r", w: "w", **dict.fromkeys(self.sockets(), "rw")}
        modes = {"r": "r", "w": "w", "r+": "rw", "w+": "rw", "a": "w", "a+": "rw"}
        for mode, access in modes.items():
            for binary in mode, mode + "b":
                file = self.closing(open(self.path, binary))  # noqa: SIM115
                expected[file] = access
        self.check(expected)

    @unittest.skipUnless(LINUX, "O_PATH is tested on Linux only")
    def test_what_is_opened_for_its_path_is_neither(self):
        with open(os.open(self.path, O_PATH), "rb", 0) as file:
            # PyPy's Popen cannot pass it on.
            self.check({file: ""}, also_in_child=PROC and not PYPY)

    @no_qemu
    @unittest.skipUnless(LINUX, "this access mode exists on Linux only")
    def test_is_none_for_access_mode_3(self):
        # Some drivers use this mode, for ioctl only.
        with open(os.open(self.path, 3), "rb", 0) as file:
            self.check({file: None})

    @windows
    def test_has_no_meaning_for_an_event(self):
        self.assertEqual(self.access(self.event()), [None])


class TestHolders(Case):
    def setUp(self):
        super().setUp()
        if not FINDS_HOLDERS:
            with self.assertRaisesRegex(NotImplementedError, "only Linux|before 10"):
                holders(self.file)
            self.skipTest("this system does not show other processes")

    @no_qemu
    def test_names_a_grandchild_that_keeps_a_pipe_open(self):
        r, w = self.pipe()
        # Once it prints this, exec is done and it has its own command line.
        lines = "import sys; print('ready', flush=True); sys.stdin.read()"
        waiting = python_command(lines, "a b")
        code = """
            import json, subprocess, sys
            command = json.loads(sys.argv[1])
            streams = {"stdin": 0, "stdout": 1, "stderr": 2}
            print(subprocess.Popen(command, close_fds=False, **streams).pid, flush=True)
            """
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": HERE}
        with passing(w) as child:
            command = python_command(code, json.dumps(waiting))
            process = subprocess.Popen(command, **options, **child.popen)
        with process:
            said = [process.stdout.readline() for _ in range(2)]
            said.remove(b"ready" + os.linesep.encode())
            grandchild = int(said[0])
            process.wait(A_LONG_TIME)
            if not WINDOWS:
                w.close()
            rows = holders(w if WINDOWS else r)
            (found,) = [row for row in rows if row.pid != os.getpid()]
            expected = (grandchild, int(child.args[0]), True, "w")
            self.assertEqual(found[:4], expected)
            if WINDOWS:
                self.assertTrue(os.path.samefile(found.command, sys.executable))
            else:
                self.assertEqual(found.command, " ".join(map(shlex.quote, waiting)))
            self.assertEqual(holders(found.handle, found.pid), rows)
        # The grandchild's stdin is closed now, so it exits.
        w.close()
        self.assertEqual(r.read(), b"")

    def test_has_every_holder_in_order_with_its_flag_and_its_access(self):
        r, w = self.pipe()
        duplicate = self.closing(os.fdopen(os.dup(w.fileno()), "wb", 0))
        set_inheritable(duplicate, True)
        code = """
            import sys, inheritable
            inheritable.set_handle_inheritable(int(sys.argv[1]), False)
            print(*sys.argv[1:])
            """
        args = [handle_of(w), handle_of(duplicate)]
        pid, numbers = self.keep(w, duplicate, code=code, args=args)
        expected = [
            (os.getpid(), handle_of(w), False, "w"),
            (os.getpid(), handle_of(duplicate), True, "w"),
            (pid, numbers[0], False, "w"),
            (pid, numbers[1], True, "w"),
        ]
        if not WINDOWS:
            expected.append((os.getpid(), handle_of(r), False, "r"))
        self.assertEqual([row[:4] for row in holders(w)], sorted(expected))

    def test_asks_for_the_handle_of_another_process(self):
        pid, (number, _) = self.keep(self.file, self.pipe()[1])
        expected = sorted([*self.ours(self.file), (pid, number)])
        for handle in number, OpenHandle(number), Index(number):
            self.assertEqual(self.found(handle, pid), expected)
            self.assertEqual(self.found(handle, Index(pid)), expected)
        self.file.close()
        self.assertEqual(self.found(number, pid), [(pid, number)])

    def test_of_this_process_by_its_id(self):
        expected = self.ours(self.file)
        self.assertEqual(self.found(self.handle, os.getpid()), expected)
        for file in OpenHandle(self.handle), self.fd, self.file:
            self.assertEqual(self.found(file), expected)

    def test_tells_who_keeps_a_port(self):
        listening, client, accepted = self.sockets()
        pid, (number,) = self.keep(listening)
        expected = sorted([*self.ours(listening), (pid, number)])
        self.assertEqual(self.found(listening), expected)
        self.assertEqual({row.access for row in holders(listening)}, {"rw"})
        listening.close()
        self.assertEqual(self.found(number, pid), [(pid, number)])
        # The other end of a connection is another socket.
        self.assertEqual(self.found(client), self.ours(client))
        self.assertEqual(self.found(accepted), self.ours(accepted))

    @posix
    def test_a_file_has_any_name_or_none(self):
        link, renamed = self.path + "-link", self.path + "-renamed"
        os.link(self.path, link)
        pid, (number,) = self.keep(code=OPEN, args=[link])
        expected = sorted([*self.ours(self.fd), (pid, number)])
        self.assertEqual(self.found(self.file), expected)
        os.rename(self.path, renamed)
        self.assertEqual(self.found(self.file), expected)
        os.remove(renamed)
        self.assertEqual(self.found(self.file), expected)
        os.remove(link)
        self.assertEqual(self.found(self.file), expected)
        self.assertEqual(self.found(number, pid), expected)
        accesses = {row.pid: row.access for row in holders(self.file)}
        self.assertEqual(accesses, {os.getpid(): "rw", pid: "r"})
        # Another file may take the old name.
        with open(self.path, "w") as other:
            self.assertEqual(self.found(other), self.ours(other))

    @posix
    def test_a_fifo_a_folder_and_a_file_in_memory(self):
        fifo = self.path + "-fifo"
        os.mkfifo(fifo)
        flags = os.O_RDONLY | os.O_NONBLOCK
        fds = [os.open(path, flags) for path in (fifo, self.folder)]
        memfd_create = getattr(ctypes.CDLL(None), "memfd_create", None)
        if memfd_create:
            fds += [memfd_create(b"the same name", 0) for _ in range(2)]
        for fd in map(self.closing, fds):
            pid, (number,) = self.keep(fd)
            self.assertEqual(self.found(fd), sorted([*self.ours(fd), (pid, number)]))

    # Prints whether two processes have each file, and whether an inode was asked for.
    # libc has no statx, so the module calls os.stat for that.
    WITHOUT_STATX = """
        import ctypes, os, sys

        class WithoutStatx(ctypes.CDLL):
            def __getattr__(self, name):
                if name == "statx":
                    raise AttributeError(name)
                return super().__getattr__(name)

        def stat(path, **options):
            asked.append("/fd/" in str(path))
            return os_stat(path, **options)

        asked = []
        ctypes.CDLL = ctypes.PyDLL = WithoutStatx
        import inheritable
        os_stat, os.stat = os.stat, stat
        for fd in map(int, sys.argv[1:]):
            pids = {holder.pid for holder in inheritable.holders(fd)}
            print(pids == {os.getpid(), os.getppid()}, any(asked))
        """

    @posix
    def test_files_where_libc_has_no_statx_and_pipes_and_sockets_by_their_links(self):
        reader, _ = self.pipe()
        listening, *_ = self.sockets()
        with passing(reader, listening, self.file) as child:
            printed = output_of(self.WITHOUT_STATX, *child.args, **child.popen)
        self.assertEqual(printed.splitlines(), ["True False"] * 2 + ["True True"])

    @posix
    @in_child
    def test_a_file_where_statx_is_refused(self):
        numbers = numbers_of_fstat()
        # A filter says EPERM, and Linux before 4.11 ENOSYS. The latest filter counts.
        for error in errno.EPERM, errno.ENOSYS:
            if not numbers or not refuse(numbers[-1], error):
                self.skipTest("seccomp is refused, or fstat's numbers are not known")
            # In some C libraries, stat itself calls statx.
            if outcome(os.stat, "/")[0] is PermissionError:
                self.skipTest("stat itself calls statx here")
            with open(self.path + "2", "w") as file:
                self.assertEqual(self.found(file), self.ours(file))

    @posix
    @in_child
    def test_a_file_whose_path_is_too_long(self):
        self.enter_a_deep_folder()
        with open("file", "w") as file:
            self.assertEqual(self.found(file), self.ours(file))
        os.chdir("/")

    def test_the_same_inode_on_another_device_is_another_file(self):
        folders = [os.path.join(self.folder, name) for name in "12"]
        for folder in folders:
            os.mkdir(folder)
        mounts = [f"mount -t tmpfs none {shlex.quote(path)}" for path in folders]
        code = f"""
            import os, inheritable
            files = [open(folder + "/file", "w") for folder in {folders!r}]
            status = [os.fstat(file.fileno()) for file in files]
            print(status[0].st_ino == status[1].st_ino)
            for file in files:
                (holder,) = inheritable.holders(file)
                print(holder.handle == file.fileno())
            """
        printed = in_namespace(["-m"], " && ".join(mounts), code)
        if printed.startswith("False"):
            self.skipTest("the two files have different inodes")
        self.assertEqual(printed.split(), ["True"] * 3)

    @windows
    def test_an_inherited_handle_of_every_kind(self):
        r, w = self.pipe()
        listening, client, _ = self.sockets()
        event = self.event()
        files = [self.file, r, w, listening, client, OpenHandle(event)]
        pid, numbers = self.keep(*files)
        expected = ["rw", "r", "w", "rw", "rw", None]
        for file, number, access in zip(files, numbers, expected):
            self.assertEqual(
                self.found(file), sorted([*self.ours(number), (pid, number)])
            )
            self.assertEqual({row.access for row in holders(file)}, {access})
            self.assertEqual(holders(number, pid), holders(file))

    @windows
    def test_another_opening_is_another_file(self):
        self.keep(code=OPEN, args=[self.path])
        with open(self.path) as other:
            self.assertEqual(self.found(self.file), self.ours(self.handle))
            self.assertEqual(self.found(other), self.ours(handle_of(other)))
        other_event = self.event()
        self.assertEqual(self.found(OpenHandle(other_event)), self.ours(other_event))

    @no_qemu
    @posix
    def test_the_command_is_quoted_for_a_shell(self):
        args = ["a b", "it's", "", "$x", "\x1b[2J\n", os.fsdecode(b"\xff"), "*"]
        pid, _ = self.keep(self.file, args=args)
        (command,) = (row.command for row in holders(self.file) if row.pid == pid)
        self.assertEqual(shlex.split(command)[4:], args)
        self.assertTrue(command.startswith(shlex.quote(sys.executable) + " -S -c "))

    @no_qemu
    @posix
    def test_what_has_no_command_line_has_its_name_in_brackets(self):
        cat = os.path.realpath(shutil.which("cat") or "")
        if os.path.basename(cat) != "cat":
            self.skipTest("there is no cat that works under another name")
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with passing(self.file) as child:
            process = subprocess.Popen([""], executable=cat, **streams, **child.popen)
        with process:
            # Once it answers, exec is done and it has its own name.
            process.stdin.write(b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.read(1), b"\n")
            commands = {row.pid: row.command for row in holders(self.file)}
            self.assertEqual(commands[process.pid], "[cat]")

    @posix
    def test_what_has_no_identity_is_not_implemented(self):
        epoll = self.closing(select.epoll())
        event = self.closing(ctypes.CDLL(None).eventfd(0, 0))
        for file in epoll, event:
            with self.assertRaisesRegex(NotImplementedError, "anon_inode:"):
                holders(file)
        pid, (number,) = self.keep(event)
        self.assertEqual(outcome(holders, number, pid)[0], NotImplementedError)

    def test_a_bad_file_is_refused(self):
        fd, closed = self.closed_file()
        for file, error in bad_files(fd, closed):
            # A str is the name of a file.
            if file != "1":
                self.assertEqual(outcome(holders, file)[0], error)
        self.check_error(errno.EBADF, holders, fd)
        pid, _ = self.keep()
        free = 9999996
        for args in [OpenHandle(free)], [free, os.getpid()], [free, pid]:
            with self.assertRaises(OSError) as caught:
                holders(*args)
            self.assertEqual(caught.exception.errno, errno.EBADF)
            self.assertEqual(caught.exception.filename, free)
            if WINDOWS:
                self.assertEqual(caught.exception.winerror, 6)
        for number in 2**64, -(2**64):
            self.assertEqual(outcome(holders, number, pid)[0], OverflowError)
        self.check_error(errno.EBADF, holders, -8, pid)

    @posix
    def test_the_number_that_the_call_itself_takes_is_not_open(self):
        free = os.dup(self.fd)
        os.close(free)
        for number in range(free, free + 4):
            if flag_of(number) is None:
                self.check_error(errno.EBADF, holders, number, os.getpid())

    def test_with_a_process_the_file_is_a_number(self):
        names = ["1", "tcp:80", self.path, pathlib.Path(self.path), "pipe:[1]"]
        for file in [*names, self.file, None, 1.0, WithFileno(self.handle)]:
            with self.assertRaisesRegex(TypeError, "a number or an OpenHandle"):
                holders(file, os.getpid())

    @posix
    @in_child
    def test_with_too_few_free_descriptors_it_is_an_error(self):
        exhaust_descriptors(3)
        complete = self.found(self.file)
        self.assertEqual(complete, self.ours(self.fd))
        errors = set()
        with contextlib.suppress(OSError):
            while True:
                os.dup(0)
                got = outcome(self.found, self.file)
                if got != complete:
                    errors.add(got[:2])
        self.assertEqual(errors, {(OSError, errno.EMFILE)})

    @windows
    def test_the_two_lowest_bits_of_a_handle_are_taken_off(self):
        pid, (number,) = self.keep(self.file)
        self.assertEqual(holders(number | 1, pid), holders(number, pid))

    def test_leaves_nothing_open(self):
        pid, (number,) = self.keep(self.file)
        before = open_after_collection()
        for _ in range(5):
            holders(self.file)
            holders(number, pid)
            outcome(holders, 9999996, pid)
        self.assertEqual(open_handles(), before)

    @posix
    def test_what_the_call_opens_is_not_in_the_result(self):
        for name in "thread-self/fd", "self/fd", "self/fdinfo", "":
            fd = self.closing(os.open(f"/proc/{name}", os.O_RDONLY))
            found = [row for row in self.found(fd) if row[0] == os.getpid()]
            self.assertEqual(found, self.ours(fd), name)

    def test_what_opens_and_ends_meanwhile_is_no_error(self):
        r, w = self.pipe()
        pid, (number,) = self.keep(w)
        expected = {*self.ours(handle_of(w)), (pid, number)}

        def start():
            subprocess.Popen(python_command("")).wait(A_LONG_TIME)

        def reopen():
            for _ in range(50):
                open(self.path).close()

        with churning(start), churning(reopen):
            for _ in range(5 if WINDOWS else 15):
                # A forked child has it too, until exec.
                self.assertLessEqual(expected, set(self.found(w)))
                self.assertIn((os.getpid(), self.handle), self.found(self.file))
        self.assertEqual(set(self.found(w)) - set(self.ours(handle_of(r))), expected)

    @posix
    @in_child
    def test_a_file_system_that_does_not_answer_is_not_waited_for(self):
        r, w = self.pipe()
        folder = os.path.join(self.folder, "fuse")
        os.mkdir(folder)
        mount_fuse(self, folder)
        receiving, sending = os.pipe()

        def open_and_wait():
            # O_PATH is the only way to open it without an answer.
            os.open(folder, O_PATH)
            os.write(sending, b"open")
            signal.pause()

        def stat_and_report():
            os.write(sending, b"?")
            # This fails at the end.
            with contextlib.suppress(OSError):
                os.stat(folder)
            os.write(sending, b"!")

        opener = fork_until_end(self, open_and_wait)
        self.assertEqual(os.read(receiving, 4), b"open")
        fork_until_end(self, stat_and_report)
        self.assertEqual(os.read(receiving, 1), b"?")
        self.assertIn((os.getpid(), w.fileno()), self.found(r))
        self.assertIn((os.getpid(), self.fd), self.found(self.file))
        (fd,) = (row.handle for row in open_handles(opener) if row.target == folder)
        self.assertEqual(self.found(fd, opener), [(opener, fd)])
        # All this time, there was no answer.
        self.assertEqual(select.select([receiving], [], [], 0.2), ([], [], []))


class OnLinux(Case):
    """A test that needs /proc, and mostly sockets that are open in other processes."""

    def setUp(self):
        super().setUp()
        if not PROC:
            self.skipTest("there is no Linux /proc here")
        if QEMU or "INHERITABLE_GVISOR" in os.environ:
            self.skipTest("/proc differs under qemu and gVisor")

    def open_socket(self, *args):
        return self.closing(socket.socket(*args))

    def listening(self, address=("127.0.0.1", 0), family=socket.AF_INET):
        """Return a listening socket. Not every system supports its address."""
        sock = self.open_socket(family)
        try:
            sock.bind(address)
        except OSError as error:
            self.skipTest(f"there is no such address here: {error}")
        sock.listen()
        if family != socket.AF_UNIX:
            self.skip_without_table()
        return sock

    def skip_without_table(self):
        """Skip the test where /proc does not show sockets, as in gVisor."""
        with socket.socket() as sock, open("/proc/self/net/tcp") as rows:
            sock.bind(("127.0.0.1", 0))
            sock.listen()
            inode = str(os.fstat(sock.fileno()).st_ino)
            if inode not in rows.read().split():
                self.skipTest("this system has no table of its sockets")

    def lose_rights(self):
        """Become the user nobody, in a child. Then it may be unable to run Python."""
        import getopt  # noqa: F401

        codecs.lookup("ascii")
        become_nobody()

    def run_in_fork(self, *args):
        """Return what the command line gives, without executing this Python."""
        (out, out_end), (err, err_end) = self.pipe(), self.pipe()

        def run_main():
            os.dup2(out_end.fileno(), 1)
            os.dup2(err_end.fileno(), 2)
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            os._exit(inheritable._main([*args]))

        status = status_of_fork(run_main)
        out_end.close()
        err_end.close()
        return status >> 8, out.read().decode(), err.read().decode()

    def target(self, file, pid=None):
        pid = os.getpid() if pid is None else pid
        number = file if isinstance(file, int) else file.fileno()
        (row,) = entries(open_handles(pid), number)
        return row[2]

    def link(self, file):
        return os.readlink(f"/proc/self/fd/{file.fileno()}")


class TestTargetsOfSockets(OnLinux):
    """With a process id, open_handles says what a socket is."""

    def check(self, texts):
        """Check what is said of each of these sockets, here and in a child."""
        pid, numbers = self.keep(*texts)
        for (sock, text), number in zip(texts.items(), numbers):
            link = self.link(sock)
            expected = f"{link} {text}" if text else link
            self.assertEqual(self.target(sock), expected)
            self.assertEqual(self.target(number, pid), expected)
            # Without a process id, links stay bare.
            (row,) = entries(open_handles(), sock.fileno())
            self.assertEqual(row[2], link)

    def check_tcp(self, listening, host):
        client, accepted = self.connect(listening)
        there, here = (f"{host}:{s.getsockname()[1]}" for s in (listening, client))
        texts = {client: f"tcp {here} -> {there}", accepted: f"tcp {there} -> {here}"}
        self.check({listening: f"tcp {there} listening", **texts})

    def test_tcp(self):
        self.check_tcp(self.listening(), "127.0.0.1")

    def test_tcp_of_ipv6(self):
        self.check_tcp(self.listening(("::1", 0), socket.AF_INET6), "[::1]")
        everywhere = self.listening(("::", 0), socket.AF_INET6)
        self.check({everywhere: f"tcp [::]:{everywhere.getsockname()[1]} listening"})

    def test_udp(self):
        self.listening()
        sock = self.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        other = self.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("", 0))
        port = sock.getsockname()[1]
        other.connect(("127.0.0.1", port))
        there, here = f"127.0.0.1:{port}", f"127.0.0.1:{other.getsockname()[1]}"
        self.check({sock: f"udp 0.0.0.0:{port}", other: f"udp {here} -> {there}"})

    def test_unix(self):
        names = [self.path + end for end in (" a", "two\nlines ", "two\nlines 2")]
        texts = {}
        for name in [*names, f"\0abstract {os.getpid()}\0x"]:
            listening = self.listening(name, socket.AF_UNIX)
            texts[listening] = f"unix {name} listening".replace("\0", "@")
        client, _ = self.connect(listening)
        self.check({client: "unix", **texts})

    def test_a_name_that_imitates_a_row(self):
        path = os.path.join(self.folder, "socket")
        listening = self.listening(path, socket.AF_UNIX)
        inode = os.fstat(listening.fileno()).st_ino
        row = f"{'0' * 16}: 00000003 00000000 00000000 0001 03 {inode} /tmp/false"
        self.listening(f"\0\n{row}", socket.AF_UNIX)
        # It cannot hide the real one.
        self.assertEqual(self.found(f"unix:{path}"), self.ours(listening))
        self.check({listening: ""})

    def test_a_name_that_spoils_no_other_row(self):
        listening = self.listening()
        row = f"{'0' * 16}: 00000002 00000000 00010000 0001 01 {2**40} /tmp/x"
        for name in "\0a\n0: 00000000 x", f"\0b\n{row[:40]}", f"\0c\n{row}":
            self.listening(name, socket.AF_UNIX)
        named = self.listening("\0named", socket.AF_UNIX)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        texts = {listening: f"tcp {address} listening", named: "unix @named listening"}
        self.check(texts)

    def test_what_is_in_no_table_is_bare(self):
        bound = self.open_socket()
        bound.bind(("127.0.0.1", 0))
        sockets = [bound, self.open_socket()]
        # Some systems have no netlink sockets.
        with contextlib.suppress(OSError):
            sockets.append(self.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
        self.check(dict.fromkeys(sockets, ""))

    def test_the_command_line_shows_them(self):
        listening = self.listening()
        address = f"tcp 127.0.0.1:{listening.getsockname()[1]} listening"
        with passing(listening) as child:
            _, out, _ = run_module("list", **child.popen)
            checked = run_module("list", "--check", **child.popen)
        self.assertIn(f"{self.link(listening)} {address}\n", out)
        self.assertIn(f"{self.link(listening)} {address}\n", checked[1])
        shown = self.run_in_fork("list", "--json", "--pid", str(os.getpid()))[1]
        targets = [row["target"] for row in json.loads(shown)]
        self.assertIn(f"{self.link(listening)} {address}", targets)

    # Prints which tables of sockets are opened.
    AUDIT = """
        import os, socket, sys, inheritable
        opened = []

        def note(event, args):
            if event == "open" and "/net/" in str(args[0]):
                opened.append(args[0])

        sys.addaudithook(note)
        inheritable.open_handles(os.getpid())
        inheritable.open_handles(os.getppid())
        print(len(opened))
        sock = socket.socket()
        inheritable.open_handles()
        inheritable.disable_inheritance()
        with inheritable.temporarily(sock), inheritable.passing(sock):
            pass
        inheritable.holders(sock)
        print(len(opened))
        inheritable.open_handles(os.getpid())
        print(len(opened) > 0)
        """

    @unittest.skipUnless(hasattr(sys, "addaudithook"), "this Python has no audit hooks")
    def test_the_tables_are_read_only_if_there_is_a_socket(self):
        # The parent of the code has no sockets, either.
        start = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
        code = python_command(self.AUDIT)
        printed = output_of(start, *code, close_fds=True)
        self.assertEqual(printed.split(), ["0", "0", "True"])

    def test_a_table_that_cannot_be_read_leaves_the_bare_link(self):
        listening = self.listening()

        def fail(*_):
            raise OSError(errno.EACCES, "refused")

        self.addCleanup(setattr, inheritable, "_inet_rows", inheritable._inet_rows)
        inheritable._inet_rows = fail
        self.assertEqual(self.target(listening), self.link(listening))


class TestHoldersByName(OnLinux):
    """holders("tcp:8080") and the like."""

    def port(self, sock):
        return sock.getsockname()[1]

    def check(self, name, expected):
        """Check what is found by this name, with the command line too."""
        self.assertEqual(self.found(name), expected)
        status, out, err = run_module("holders", "--json", name)
        self.assertEqual((status, err if ROOT else ""), (0, ""))
        self.assertEqual(json.loads(out), [row._asdict() for row in holders(name)])

    def test_a_port(self):
        listening = self.listening()
        pid, (number,) = self.keep(listening)
        name = f"tcp:{self.port(listening)}"
        expected = sorted([*self.ours(listening), (pid, number)])
        self.assertEqual(self.found(name), expected)
        self.assertEqual(holders(name), holders(listening))
        listening.close()
        self.check(name, [(pid, number)])

    def test_connections_count_by_their_local_port(self):
        listening = self.listening()
        client, accepted = self.connect(listening)
        there, here = f"tcp:{self.port(listening)}", f"tcp:{self.port(client)}"
        self.assertEqual(self.found(there), self.ours(listening, accepted))
        self.assertEqual(self.found(here), self.ours(client))
        # The end that nobody has is in the table too, without an inode.
        client.close()
        self.assertEqual(self.found(here), [])
        self.assertEqual(self.found(there), self.ours(listening, accepted))

    def test_ipv6(self):
        listening = self.listening(("::1", 0), socket.AF_INET6)
        self.assertEqual(
            self.found(f"tcp:{self.port(listening)}"), self.ours(listening)
        )
        sock = self.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.bind(("::1", 0))
        self.assertEqual(self.found(f"udp:{self.port(sock)}"), self.ours(sock))

    def test_udp_is_not_tcp(self):
        listening = self.listening()
        port = self.port(listening)
        sock = self.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.assertEqual(self.found(f"udp:{port}"), [])
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            self.skipTest("this port is in use")
        self.assertEqual(self.found(f"udp:{port}"), self.ours(sock))
        self.assertEqual(self.found(f"tcp:{port}"), self.ours(listening))

    def test_unix_sockets(self):
        abstract = f"\0inheritable {os.getpid()}"
        for name in "x.sock", "a b ", "two\nlines", " ", abstract:
            path = name if name == abstract else os.path.join(self.folder, name)
            with self.subTest(name=name):
                listening = self.listening(path, socket.AF_UNIX)
                _, accepted = self.connect(listening)
                shown = "unix:" + path.replace("\0", "@")
                self.assertEqual(self.found(shown), self.ours(listening, accepted))
                self.assertEqual(self.run_in_fork("holders", shown)[0], 0)
                if name == "x.sock":
                    status, _, err = self.run_in_fork("holders", path)
                    self.assertEqual(status, 1)
                    self.assertIn("for a socket: unix: and the name", err)
        missing = os.path.join(self.folder, "x")
        self.assertEqual(self.found(f"unix:{missing}"), [])

    def test_targets(self):
        r, w = self.pipe()
        listening = self.listening()
        self.check(self.link(r), self.ours(r, w))
        for name in self.link(listening), self.target(listening):
            self.check(name, self.ours(listening))
        for kind in "pipe", "socket":
            self.assertEqual(self.found(f"{kind}:[0]"), [])
        # Anything that is not such a target is a path.
        for name in "pipe:[1]x", "pipe:[1] tcp", "pipe:[x]", " pipe:[1]", "pipe:[1]\n":
            self.assertEqual(outcome(holders, name)[0], FileNotFoundError, name)

    def test_paths(self):
        os.chdir(self.folder)
        self.addCleanup(os.chdir, HERE)
        names = ["tcp:8080", "udp:53", "unix:x", "3", "pipe:[1]", "socket:[1]"]
        files = [open(name, "w") for name in names]  # noqa: SIM115
        pid, numbers = self.keep(*files)
        for name, file, number in zip(names, files, numbers):
            with file:
                expected = sorted([*self.ours(file), (pid, number)])
                for path in pathlib.Path(name), os.path.abspath(name):
                    self.assertEqual(self.found(path), expected)
                self.check(f"./{name}", expected)
        # The path of this PathLike is bytes.
        entries_in_bytes = {entry.name: entry for entry in os.scandir(b".")}
        self.assertEqual(self.found(entries_in_bytes[b"file"]), self.ours(self.file))
        folder = self.closing(os.open(self.folder, os.O_RDONLY))
        self.assertEqual(self.found(self.folder), self.ours(folder))

    def test_what_a_path_opens_is_left_out_and_nothing_else(self):
        # The command has inherited the file, so it is one of the holders.
        with passing(self.file) as child:
            _, out, _ = run_module("holders", "--json", self.path, **child.popen)
        rows = json.loads(out)
        self.assertEqual(len(rows), 2)
        (own,) = (row for row in rows if row["pid"] != os.getpid())
        self.assertEqual((own["handle"], own["inheritable"]), (self.fd, True))

    def test_nobody_has_it(self):
        listening = self.listening()
        port = self.port(listening)
        listening.close()
        bound = self.open_socket()
        bound.bind(("127.0.0.1", 0))
        # A socket that is only bound is in no table.
        for name in f"tcp:{port}", f"tcp:{self.port(bound)}":
            self.assertEqual(self.found(name), [])
            status, _, err = self.run_in_fork("holders", name)
            self.assertEqual((status, err if ROOT else ""), (1, ""))

    def test_a_port_that_is_closed_meanwhile_is_no_error(self):
        steps = 1 << 40
        with AtStep(steps, None, MODULE) as counting:
            self.assertEqual(holders(f"tcp:{self.port(self.listening())}")[1:], [])
        steps -= counting.step
        for tenth in range(1, 10):
            listening = self.listening()
            ours = self.ours(listening)
            name = f"tcp:{self.port(listening)}"
            with AtStep(steps * tenth // 10, listening.close, MODULE):
                found = self.found(name)
            self.assertIn(found, ([], ours))
            listening.close()
            self.assertEqual(self.found(name), [])

    def test_a_port_that_is_closing_has_no_process_any_more(self):
        listening = self.listening()
        client, accepted = self.connect(listening)
        name = f"tcp:{self.port(client)}"
        # The side that closes first stays in TIME_WAIT for a minute.
        client.close()
        accepted.close()
        self.assertEqual(self.found(name), [])
        status, out, err = self.run_in_fork("holders", "--json", name)
        says = f"inheritable: {name} is closing: no process has it any more\n"
        self.assertEqual((status, out, err), (1, "[]\n", says))

    def test_another_network_namespace(self):
        port = self.port(self.listening())
        code = f"""
            import inheritable, socket
            print(inheritable.holders("tcp:{port}"))
            server = socket.create_server(("", {port}))
            found = inheritable.holders("tcp:{port}")
            print([holder.handle == server.fileno() for holder in found])
            """
        printed = in_namespace(["-n"], "true", code)
        self.assertEqual(printed.split(), ["[]", "[True]"])

    def test_a_port_of_another_pid_namespace(self):
        name = f"tcp:{self.port(self.listening())}"
        code = f"""
            import inheritable
            try:
                print(inheritable.holders("{name}"))
            except PermissionError as error:
                print(error)
            """
        printed = in_pid_namespace(code)
        says = f"{name} is in use by user 0, but by no process that may be inspected"
        self.assertIn(says, printed)

    @root
    @in_child
    def test_a_port_of_another_user(self):
        path = self.path + "-socket"
        listening = self.listening()
        sock = self.listening(path, socket.AF_UNIX)
        name = f"tcp:{self.port(listening)}"
        pid, _ = self.keep(listening, sock)
        listening.close()
        sock.close()
        self.lose_rights()
        out_of_reach(pid)
        for asked, user in [name, " by user 0"], [f"unix:{path}", ""]:
            says = f"{asked} is in use{user}, but by no process that may be inspected"
            with self.assertRaises(PermissionError) as caught:
                holders(asked)
            self.assertIn(says, str(caught.exception))
            status, out, err = self.run_in_fork("holders", asked)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(says, unescaped(err))

    def test_what_is_no_port_is_refused(self):
        ports = ["", "0", "00", "x", "-1", "+1", " 1", "1 ", "1_0", "65536", "99999"]
        ports += ["0" * 15 + "1234567", "1" * 5001]
        ports += ["\u0661", "1\n", "1" + "0" * 5000, "127.0.0.1:80", "80:tcp"]
        expected = "expected a port, 1 to 65535, not "
        for port in ports:
            for kind in "tcp", "udp":
                with self.assertRaisesRegex(ValueError, expected):
                    holders(f"{kind}:{port}")
        with self.assertRaisesRegex(ValueError, "after unix:"):
            holders("unix:")
        for name in "tcp:x", "udp:0", "unix:":
            status, out, err = self.run_in_fork("holders", name)
            self.assertEqual((status, out, len(err.splitlines())), (2, "", 1))
            self.assertIn("expected a p", err)

    def test_what_people_type_first_is_told_the_right_form(self):
        for word in "48080", ":48080", "127.0.0.1:48080", "localhost:48080":
            status, out, err = self.run_in_fork("holders", word)
            self.assertEqual((status, out), (2, ""))
            self.assertTrue(err.endswith("; for a port: tcp:48080\n"), err)
        for word in "9999996", "0.0.0.0:0", "x", "localhost:http":
            self.assertNotIn("for a port", self.run_in_fork("holders", word)[2])

    def test_nothing_is_left_open(self):
        port = self.port(self.listening())
        before = open_after_collection()
        for name in f"tcp:{port}", self.path, "unix:/no", "pipe:[1]", self.folder:
            holders(name)
        for name in "", "no", self.path + "/no", "tcp", "unix":
            error = outcome(holders, name)[0]
            self.assertIn(error, (FileNotFoundError, NotADirectoryError))
        self.assertEqual(open_after_collection(), before)


# readlink and readlinkat of 64 bit.
SYS_readlink = {"x86_64": [89, 267], "aarch64": [78], "s390x": [85, 298]}


class TestWhatIsNotTheWhole(OnLinux):
    """Problems with other processes do not stop the search."""

    NOTE = r"inheritable: (\d+) process(?:es)? could not be inspected: try as root\n"

    def count(self, *args):
        """Return how many processes could not be inspected, by the command line."""
        status, _, err = self.run_in_fork("holders", *args)
        self.assertIn(status, (0, 1))
        if not err:
            return 0
        return int(re.fullmatch(self.NOTE, err).group(1))

    @root
    @in_child
    def test_processes_that_could_not_be_inspected_are_counted(self):
        kept = [self.keep()[0] for _ in range(2)]
        self.lose_rights()
        out_of_reach(kept[0])

        def refused():
            """Return the processes that may not be inspected, by trying to."""
            pids = set()
            for pid in filter(str.isdecimal, os.listdir("/proc")):
                error = outcome(os.listdir, f"/proc/{pid}/fd")
                if not isinstance(error, list) and error[0] is PermissionError:
                    with contextlib.suppress(OSError):
                        with open(f"/proc/{pid}/stat") as file:
                            rest = file.read().rpartition(")")[2].split()
                        # A thread of the kernel, or a process that is just ending.
                        passed_over = int(rest[6]) & (0x200000 | 4)
                        # Other threads may go on when the main one has ended.
                        tasks = os.listdir(f"/proc/{pid}/task")
                        states = {state_of(f"{pid}/task/{task}") for task in tasks}
                        if states != {"Z"} and not passed_over:
                            pids.add(pid)
            return pids

        # One of them is just a zombie.
        zombie = fork_zombie()
        self.addCleanup(os.waitpid, zombie, 0)
        for args in ["/"], ["--json", "pipe:[0]"]:
            # Other processes may come and go meanwhile.
            for _ in range(50):
                expected, count = refused(), self.count(*args)
                if count == len(expected):
                    break
            self.assertTrue({str(pid) for pid in kept} <= expected)
            self.assertEqual(count, len(expected))

    def test_a_zombie_and_root_are_not_counted(self):
        if not owns_all_users():
            self.skipTest("the tests are not allowed to change their user")
        # In a namespace of its own, no other processes come and go.
        code = f"""
            import codecs, getopt, os, re, inheritable
            codecs.lookup("ascii")
            r, w = os.pipe()
            if os.fork() == 0:
                os.read(r, 1)
                os._exit(0)
            zombie = os.fork()
            if zombie == 0:
                os._exit(0)
            state = ""
            while state != "Z":
                with open(f"/proc/{{zombie}}/stat") as stat:
                    state = stat.read().rpartition(")")[2].split()[0]
            for user in 0, {NOBODY}:
                pid = os.fork()
                if pid == 0:
                    os.dup2(1, 2)
                    if user:
                        os.setgroups([])
                        os.setgid(user)
                        os.setuid(user)
                    inheritable._main(["holders", "pipe:[0]"])
                    os._exit(0)
                os.waitpid(pid, 0)
            """
        printed = in_pid_namespace(code)
        head = "   pid  handle  inheritable  access  command"
        # The first process and its child are root's.
        note = "inheritable: 2 processes could not be inspected: try as root"
        self.assertEqual(sorted(printed.splitlines()), sorted([head, head, note]))

    @root
    def test_root_is_told_nothing_if_there_is_an_answer(self):
        self.assertEqual(self.count(self.path), 0)

    @root
    @forks
    @in_child
    def test_root_without_capabilities_is_told_if_nothing_is_found(self):
        pid, _ = self.keep(self.file)
        self.file.close()
        give_up_capabilities()
        out_of_reach(pid)
        status, out, err = self.run_in_fork("holders", self.path)
        self.assertEqual((status, len(out.splitlines())), (1, 1))
        note = r"inheritable: \d+ process(es)? could not be inspected: "
        self.assertRegex(err, note + r"CAP_SYS_PTRACE may be missing\n\Z")

    # Opens the file in the arguments by its path, and a file whose path is too long.
    DEEP = """
        import os, sys
        folder = sys.argv[1]
        os.chdir(folder)
        for _ in range(30):
            os.mkdir(200 * "d")
            os.chdir(200 * "d")
        deep = os.open("deep", os.O_RDWR | os.O_CREAT)
        os.chdir("/")
        print(os.open(folder + "/file", os.O_RDONLY))
        """

    def test_a_path_that_is_too_long_stops_nothing(self):
        # The long path comes before the wanted file, in a process that is searched
        # before another one.
        first, (number,) = self.keep(code=self.DEEP, args=[self.folder])
        second, (other,) = self.keep(self.file)
        expected = sorted([*self.ours(self.file), (first, number), (second, other)])
        self.assertEqual(self.found(self.file), expected)
        self.assertEqual(self.found(self.path), expected)
        r, w = self.pipe()
        third, (end,) = self.keep(w)
        expected = sorted([*self.ours(r, w), (third, end)])
        self.assertEqual(self.found(r), expected)
        self.assertEqual(self.found(self.link(r)), expected)

    @in_child
    def test_one_that_cannot_be_asked_counts(self):
        if ROOT:
            if not owns_all_users():
                self.skipTest("the tests are not allowed to change their user")
            os.chmod(os.path.dirname(self.folder), 0o711)
            os.chown(self.folder, NOBODY, NOBODY)
            self.lose_rights()
        r, _ = self.pipe()
        ready, opened = os.pipe()

        def open_a_deep_file():
            self.enter_a_deep_folder()
            with open("deep", "w"):
                os.write(opened, b".")
                signal.pause()

        fork_until_end(self, open_a_deep_file)
        os.close(opened)
        self.assertEqual(os.read(ready, 1), b".")
        # One link of that process cannot be read, so a search for a pipe counts it.
        with open(os.path.join(self.folder, "other"), "w") as other:
            pass
        # Other processes may come and go, also those of another run of these tests.
        for _ in range(20):
            by_identity = self.count(other.name)
            by_link = self.count(self.link(r))
            more = self.count_long_paths()
            if more and by_link == by_identity + more:
                break
        self.assertGreater(more, 0)
        self.assertEqual(by_link, by_identity + more)

    def count_long_paths(self):
        """Return how many processes have a file whose path is too long to be read."""
        found = set()
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            folder = f"/proc/{pid}/fd"
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):
                    got = outcome(os.readlink, f"{folder}/{name}")
                    if got[:2] == (OSError, errno.ENAMETOOLONG):
                        found.add(pid)
        return len(found)

    @in_child
    def test_nothing_found_is_an_error_if_this_process_could_not_be_searched(self):
        self.enter_a_deep_folder()
        with open("deep", "w"):
            for name in "pipe:[0]", "socket:[0]":
                self.check_error(errno.ENAMETOOLONG, holders, name)
            # If something is found, that is still an answer.
            r, w = self.pipe()
            self.assertEqual(self.found(r), self.ours(r, w))
        self.assertEqual(self.found("pipe:[0]"), [])
        os.chdir("/")

    @in_child
    def test_a_filter_that_refuses_readlink_is_an_error(self):
        r, _ = self.pipe()
        link = self.link(r)
        os.set_inheritable(r.fileno(), True)
        numbers = SYS_readlink.get(os.uname().machine, [])
        refused = bool(numbers) and sys.maxsize > 2**32
        refused = refused and all(refuse(number, errno.EPERM) for number in numbers)
        if not refused or not isinstance(outcome(os.readlink, link), tuple):
            self.skipTest("seccomp is refused, or this machine is not known")
        for file in r, link:
            self.check_error(errno.EPERM, holders, file)
        # A Python that is executed may need readlink to start.
        status, out, _ = self.run_in_fork("holders", link)
        self.assertEqual((status, out), (2, ""))

    def test_hidden_processes_are_counted(self):
        # With hidepid=1, another user's processes can be seen, but not their state.
        code = """
            r, w = os.pipe()
            found = inheritable.holders(r)
            print([holder.handle for holder in found] == [r, w], flush=True)
            os.dup2(1, 2)
            inheritable._main(["holders", str(r)])
            """
        printed = printed_by_nobody("hidepid=1", code)
        self.assertEqual(printed.splitlines()[0], "True")
        self.assertRegex(printed, self.NOTE)


class TestUnusualProcesses(OnLinux):
    """Threads that outlive the main one, terminals, odd names and titles."""

    # The main thread ends. Another one goes on until the end of its input.
    LEADER = """
        import ctypes, os, sys, threading
        def go_on():
            with open(f"/proc/{os.getpid()}/stat") as stat:
                while stat.read().rpartition(")")[2].split()[0] != "Z":
                    stat.seek(0)
            os.write(1, b"\\n")
            os.read(0, 1)
            os._exit(0)
        threading.Thread(target=go_on).start()
        ctypes.CDLL(None).pthread_exit(None)
        """

    def test_a_process_whose_main_thread_has_ended(self):
        _, w = self.pipe()
        with passing(self.file, w) as child:
            block = living(self.LEADER, **child.popen)
            process, _ = block.__enter__()
        with process:
            self.assertEqual(state_of(process.pid), "Z")
            numbers = [self.fd, w.fileno()]
            rows = entries(open_handles(process.pid), *numbers)
            targets = sorted(zip(numbers, [self.path, self.link(w)]))
            expected = [(number, True, target) for number, target in targets]
            self.assertEqual(rows, expected)
            for file, number in (self.file, self.fd), (w, w.fileno()):
                self.assertIn((process.pid, number), self.found(file))
                self.assertEqual(holders(number, process.pid), holders(file))
            by_path = [row for row in holders(self.path) if row.pid == process.pid]
            self.assertEqual([row.handle for row in by_path], [self.fd])
        self.check_error(errno.ESRCH, open_handles, process.pid)

    def test_terminals_are_told_apart(self):
        try:
            terminals = [os.openpty() for _ in range(2)]
        except OSError:
            self.skipTest("there are no terminals here")
        for fd in sum(terminals, ()):
            self.closing(fd)
        (master, slave), (other, _) = terminals
        with open(f"/proc/self/fdinfo/{master}") as info:
            if "tty-index:" not in info.read():
                self.skipTest("this system does not tell terminals apart")
        pid, (number,) = self.keep(master)
        expected = sorted([*self.ours(master), (pid, number)])
        self.assertEqual(self.found(master), expected)
        self.assertEqual(self.found(number, pid), expected)
        self.assertEqual(self.found(other), self.ours(other))
        self.assertEqual(self.found(slave), self.ours(slave))
        # The slave can also be found by its path.
        self.assertEqual(self.found(os.ttyname(slave)), self.ours(slave))

    def test_empty_arguments_count(self):
        pid, _ = self.keep(self.file, args=["", "a", "", ""])
        (row,) = (row for row in holders(self.file) if row.pid == pid)
        self.assertEqual(shlex.split(row.command)[4:], ["", "a", "", ""])
        self.assertTrue(row.command.endswith(" '' a '' ''"))

    # Its title replaces the arguments, and NULs fill the rest of the space.
    TITLE = """
        import ctypes, sys
        title = b"worker: idle"
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        start, end = int(fields[48 - 3]), int(fields[49 - 3])
        if not start or end - start < len(title):
            sys.exit("there is no room")
        ctypes.memset(start, 0, end - start)
        ctypes.memmove(start, title, len(title))
        """

    @unittest.skipIf(PYPY, "the code that sets a title is for CPython")
    def test_a_title_is_not_padded(self):
        pid, _ = self.keep(self.file, code=self.TITLE)
        commands = {row.pid: row.command for row in holders(self.file)}
        self.assertEqual(commands[pid], "'worker: idle'")

    # This process is not a zombie, whatever its name looks like.
    PARENTHESES = """
        import ctypes
        ctypes.CDLL(None).prctl(15, b"a) Z 0 (x", 0, 0, 0)
        """

    def test_a_process_with_parentheses_in_its_name(self):
        pid, (number,) = self.keep(self.file, code=self.PARENTHESES)
        with open(f"/proc/{pid}/comm") as comm:
            self.assertEqual(comm.read(), "a) Z 0 (x\n")
        self.assertIn((pid, number), self.found(self.file))
        self.assertIn(number, [row.handle for row in open_handles(pid)])

    @root
    @in_child
    def test_one_with_parentheses_in_its_name_that_may_not_be_read(self):
        pid, _ = self.keep(code=self.PARENTHESES)
        self.lose_rights()
        out_of_reach(pid)
        self.check_error(errno.EACCES, open_handles, pid)
        self.check_error(errno.EACCES, holders, 0, pid)

    def test_numbers_are_sorted_as_numbers(self):
        fds = [9, 10, 40, 50]
        code = """
            import os, sys
            for number in sys.argv[2:]:
                os.dup2(int(sys.argv[1]), int(number))
            print(*sys.argv[2:])
            """
        pid, _ = self.keep(self.file, code=code, args=[self.fd, *fds])
        wanted = sorted({*fds, self.fd})
        rows = entries(open_handles(pid), *wanted)
        self.assertEqual([row[0] for row in rows], wanted)
        self.assertEqual(
            [handle for found, handle in self.found(self.file) if found == pid], wanted
        )
        shown = self.run_in_fork("list", "--json", "--pid", str(pid))[1]
        numbers = [row["handle"] for row in json.loads(shown)]
        self.assertEqual(numbers, sorted(numbers))

    def test_processes_are_sorted_as_numbers(self):
        # Process ids of different lengths come from a namespace of their own.
        code = """
            import os, subprocess, sys, inheritable
            file = open(os.devnull)
            r, w = os.pipe()
            for pid in 8, 9, 10, 11:
                with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                    last.write(str(pid - 1))
                if os.fork() == 0:
                    os.read(r, 1)
                    os._exit(0)
            found = [holder.pid for holder in inheritable.holders(w)]
            print(found == sorted(found), {9, 10} <= set(found))
            """
        try:
            printed = in_pid_namespace(code)
        except AssertionError:
            self.skipTest("the ids of processes cannot be chosen here")
        self.assertEqual(printed.split(), ["True", "True"])

    @in_child
    def test_a_target_that_is_not_known_is_no_word(self):
        # A path that is too long has no target.
        self.enter_a_deep_folder()
        deep = os.open("deep", os.O_RDWR | os.O_CREAT)
        os.set_inheritable(deep, True)
        os.chdir("/")
        for args, expected in (["list"], 0), (["list", "--check"], 1):
            status, out, err = self.run_in_fork(*args)
            self.assertEqual(status, expected, err)
            rows = [row for row in out.splitlines() if row.split()[0] == str(deep)]
            self.assertEqual(rows, [f"{deep:>6}  yes          rw"])


# ---------------------------------------------------------------------------------
# Turning inheritance off
# ---------------------------------------------------------------------------------


def disable_with_no_free_descriptor(case):
    for fd in exhaust_descriptors():
        os.set_inheritable(fd, True)
    disable_inheritance(case.file)
    left = [entry.handle for entry in open_handles() if entry.inheritable]
    case.assertEqual(left, [0, 1, 2])


def disable_all_but_two(case):
    fds = [os.dup(case.fd) for _ in range(10)]
    for fd in fds[:8]:
        os.set_inheritable(fd, True)
    disable_inheritance(fds[3], fds[9])
    case.assertEqual([fd for fd in fds if flag_of(fd)], [fds[3]])
    case.assertEqual(flags_of([0, 1, 2]), [True] * 3)


class TestDisableInheritance(Case):
    @in_child
    def test_shuts_off_all_but_the_kept(self):
        r, w = self.pipe()
        listening, *_ = self.sockets()
        files = [self.file, r, w, listening]
        numbers = [self.handle, handle_of(r), handle_of(w), listening.fileno()]
        for file in files[:3]:
            set_inheritable(file, True)
        self.assertEqual(inherited(numbers), numbers[:3])
        self.assertIsNone(disable_inheritance(r, OpenHandle(numbers[2]), listening))
        self.assertEqual(flags_of(numbers), [False, True, True, False])
        self.assertEqual(inherited(numbers), numbers[1:3])
        disable_inheritance()
        self.assertEqual(flags_of(numbers), [False] * 4)
        self.assertEqual(inherited(numbers), [])
        if not WINDOWS:
            self.assertEqual(flags_of([0, 1, 2]), [True] * 3)

    @posix
    @in_child
    def test_keeps_each_single_number(self):
        for fd in range(20, 60):
            os.dup2(self.fd, fd)
        keep = [20, 21, 23, 30, 31, 32, 59]
        disable_inheritance(*keep)
        self.assertEqual([fd for fd in range(20, 60) if flag_of(fd)], keep)
        self.assertEqual(flags_of([0, 1, 2]), [True] * 3)

    @in_child
    def test_can_keep_everything_that_is_open(self):
        set_inheritable(self.file, True)
        before = open_handles()
        disable_inheritance(*before)
        self.assertEqual(open_handles(), before)

    @posix
    @in_child
    def test_counts_for_every_way_to_start_a_child(self):
        # dash accepts only one digit in a redirection.
        kept, shut = 8, 9
        for fd in kept, shut:
            os.dup2(self.fd, fd)
            os.set_inheritable(fd, True)
        disable_inheritance(kept)
        # The child is a shell, since a Python may itself open a file with that number.
        for fd, expected in (kept, 0), (shut, 1):
            script = f"{{ true <&{fd}; }} 2>/dev/null || exit 1; exit 0"
            shell = ["/bin/sh", "-c", script]
            self.assertEqual(subprocess.call(shell, close_fds=False), expected)
            self.assertEqual(os.spawnv(os.P_WAIT, shell[0], shell), expected)
            self.assertEqual(os.system(script) >> 8, expected)
            if hasattr(os, "posix_spawn"):
                pid = os.posix_spawn(shell[0], shell, os.environ)
                self.assertEqual(os.waitpid(pid, 0)[1] >> 8, expected)
            status = status_of_fork(os.execv, shell[0], shell)
            self.assertEqual(status >> 8, expected)

    @unittest.skipUnless(CLOSE_RANGE, "this system has no close_range")
    @in_child
    def test_with_no_free_descriptor(self):
        disable_with_no_free_descriptor(self)

    @posix
    @unittest.skipIf(PYPY, "PyPy compiles the loop to which this is compared")
    @in_child
    def test_is_one_system_call(self):
        allow_descriptors(2000)
        fds = [os.dup(self.fd) for _ in range(1500)]
        if not CLOSE_RANGE or CLOSE_RANGE(fds[0], fds[0], CLOSE_RANGE_CLOEXEC):
            self.skipTest("this system has no close_range")

        def one_by_one():
            for fd in fds:
                os.set_inheritable(fd, False)

        slow = fastest(one_by_one, number=1)
        self.assertLess(fastest(disable_inheritance, number=1), slow / 5)
        keeping = fastest(disable_inheritance, *fds[::150], number=1)
        self.assertLess(keeping, slow / 3)


class TestDisableInheritanceWithoutCloseRange(Case):
    """If the kernel refuses close_range, each descriptor is set individually."""

    def without_close_range(self, function, error, only_with_flag=False):
        if not LINUX or os.uname().machine.startswith("mips"):
            self.skipTest("only Linux has seccomp")

        def refuse_and_call():
            if not refuse(SYS_close_range, error, only_with_flag):
                os._exit(2)
            function(self)

        status = status_of_fork(refuse_and_call)
        if status >> 8 == 2:
            self.skipTest("this kernel accepts no seccomp filter")
        self.assertEqual(status, 0)

    def test_where_it_is_refused(self):
        for error, only_with_flag in [
            # Linux before 5.9, gVisor, Linux before 5.11, and a filter.
            (errno.ENOSYS, False),
            (errno.EINVAL, False),
            (errno.EINVAL, True),
            (errno.EPERM, False),
        ]:
            with self.subTest(error=error, only_with_flag=only_with_flag):
                self.without_close_range(disable_all_but_two, error, only_with_flag)

    def test_with_no_free_descriptor(self):
        self.without_close_range(disable_with_no_free_descriptor, errno.ENOSYS)


# ---------------------------------------------------------------------------------
# Blocks
# ---------------------------------------------------------------------------------


def enter(file):
    """Enter a block that lasts until `leave` is called."""
    block = temporarily(file)
    block.__enter__()
    return block


def leave(block):
    block.__exit__(None, None, None)


def enter_and_leave(file):
    with temporarily(file):
        pass


@contextlib.contextmanager
def in_another_block(file, wait=wait_for):
    """Keep another thread in a block of this file until this block ends.

    Yields:
        An event, which is set once the other thread is inside.
    """
    inside = threading.Event()
    done = threading.Event()

    def stay_inside():
        with temporarily(file):
            inside.set()
            wait_for(done)

    with in_thread(stay_inside, end=done.set):
        wait(inside)
        yield inside


class TestTemporarily(Case):
    def test_as_before_whatever_the_block_raises(self):
        for ending in None, ValueError, KeyboardInterrupt, SystemExit, GeneratorExit:
            for before in False, True:
                set_inheritable(self.file, before)
                with contextlib.ExitStack() as stack:
                    if ending:
                        stack.enter_context(self.assertRaises(ending))
                    with temporarily(self.file) as nothing:
                        self.assertIsNone(nothing)
                        self.assertIs(flag_of(self.handle), True)
                        if ending:
                            raise ending
                self.assertIs(flag_of(self.handle), before)

    def test_takes_several_files_of_every_kind(self):
        r, w = self.pipe()
        listening, *_ = self.sockets()
        handles = [self.handle, handle_of(r), handle_of(w), listening.fileno()]
        with temporarily(self.fd, r, OpenHandle(handles[2]), listening, self.file):
            self.assertEqual(flags_of(handles), [True] * 4)
        self.assertEqual(flags_of(handles), [False] * 4)
        with temporarily():
            pass

    def test_lasts_until_the_last_of_nested_blocks_ends(self):
        with temporarily(self.file):
            with temporarily(self.file, self.file):
                self.assertIs(flag_of(self.handle), True)
            self.assertIs(flag_of(self.handle), True)
        self.assertIs(flag_of(self.handle), False)

    def test_blocks_may_end_in_another_order(self):
        first = enter(self.file)
        second = enter(self.file)
        leave(first)
        self.assertIs(flag_of(self.handle), True)
        leave(second)
        self.assertIs(flag_of(self.handle), False)

    def test_a_block_within_puts_on_what_was_shut_off(self):
        for before in True, False:
            set_inheritable(self.file, before)
            with temporarily(self.file):
                set_inheritable(self.file, False)
                with temporarily(self.file):
                    self.assertIs(flag_of(self.handle), True)
            self.assertIs(flag_of(self.handle), False)

    def test_a_file_may_be_closed_inside(self):
        with temporarily(self.file):
            self.file.close()
        self.assertIsNone(flag_of(self.handle))

    @posix
    def test_a_file_that_takes_the_number_is_off_when_the_block_ends(self):
        # A block knows a file by its number alone. If the file was inheritable before,
        # the block changed nothing, so its end changes nothing.
        reader, writer = self.pipe()
        for file in self.file, reader:
            for before in False, True:
                with self.subTest(file=file, before=before):
                    number = os.dup(file.fileno())
                    self.addCleanup(os.close, number)
                    os.set_inheritable(number, before)
                    with temporarily(number):
                        os.dup2(writer.fileno(), number, True)
                    self.assertIs(flag_of(number), before)

    @posix
    def test_a_block_for_the_file_that_took_the_number(self):
        with temporarily(self.file):
            with open(self.path + "2", "w") as other:
                os.dup2(other.fileno(), self.fd, False)
            inner = enter(self.fd)
        self.assertIs(flag_of(self.fd), True)
        leave(inner)
        self.assertIs(flag_of(self.fd), False)

    def test_a_file_opened_anew_under_its_number_is_not_put_on(self):
        set_inheritable(self.file, True)
        with temporarily(self.file):
            self.file.close()
            again = open(self.path)  # noqa: SIM115
            self.addCleanup(again.close)
            self.assertEqual(handle_of(again), self.handle)
            self.assertIs(flag_of(self.handle), False)
        self.assertIs(flag_of(self.handle), False)

    @in_child
    def test_disable_inheritance_spares_what_a_block_has_put_on(self):
        r, w = self.pipe()
        handles = [self.handle, handle_of(r), handle_of(w)]
        set_inheritable(r, True)
        with temporarily(self.file, r):
            set_inheritable(w, True)
            disable_inheritance()
            self.assertEqual(flags_of(handles), [True, False, False])
        self.assertEqual(flags_of(handles), [False] * 3)
        set_inheritable(self.file, True)
        disable_inheritance()
        self.assertIs(flag_of(self.handle), False)

    @posix
    @in_child
    def test_disable_inheritance_spares_what_took_the_number(self):
        with temporarily(self.file):
            with open(self.path + "2", "w") as other:
                os.dup2(other.fileno(), self.fd, True)
            disable_inheritance()
            self.assertIs(flag_of(self.fd), True)
        self.assertIs(flag_of(self.fd), False)

    def test_keeps_its_files_alive(self):
        if not WINDOWS and not PROC:
            self.skipTest("this system does not show the paths of files")
        warnings.simplefilter("ignore", ResourceWarning)
        with temporarily(open(self.path)):
            targets = [h.target for h in open_handles() if h.inheritable and h.target]
            names = [os.path.basename(target) for target in targets]
            self.assertEqual(names.count("file"), 1)

    @forks
    @unittest.skipUnless(LINUX, "only Linux has seccomp")
    @in_child
    def test_asks_nothing_of_the_file(self):
        if not refuse_fstat(errno.EIO):
            self.skipTest("seccomp is refused, or fstat's numbers are not known")
        self.assertEqual(outcome(os.fstat, self.fd)[:2], (OSError, errno.EIO))
        with temporarily(self.file):
            self.assertIs(flag_of(self.fd), True)
        self.assertIs(flag_of(self.fd), False)
        with temporarily(self.file):
            disable_inheritance()
            self.assertIs(flag_of(self.fd), True)
        self.assertIs(flag_of(self.fd), False)
        with passing(self.file) as child:
            self.assertEqual(child.args, [str(self.fd)])
        set_inheritable(self.file, True)
        self.assertEqual(receive(str(self.fd)), self.fd)

    def test_many_overlapping_blocks_end_as_fast_as_single_ones(self):
        count = 4000

        def single():
            for _ in range(count):
                leave(enter(self.file))

        def overlapping():
            blocks = [enter(self.file) for _ in range(count)]
            self.assertIs(flag_of(self.handle), True)
            for block in blocks:
                leave(block)
            self.assertIs(flag_of(self.handle), False)

        def duration(function):
            start = time.perf_counter()
            function()
            return time.perf_counter() - start

        slow = min(duration(overlapping) for _ in range(3))
        fast = min(duration(single) for _ in range(3))
        self.assertLess(slow, 5 * fast)


class TestTemporarilyBesideThreads(Case):
    """What other threads do at each step of a block makes no difference."""

    def test_lasts_until_the_last_of_the_threads_blocks_ends(self):
        r, w = self.pipe()
        files = [self.file, r, w]
        handles = [handle_of(file) for file in files]
        rounds = int((500 if WINDOWS else 10_000) * SOAK)

        def work(seed):
            chance = random.Random(seed)
            for _ in range(rounds):
                chosen = chance.sample(range(3), 2)
                with temporarily(*(files[index] for index in chosen)):
                    for index in chosen:
                        self.assertIs(flag_of(handles[index]), True)

        set_inheritable(w, True)
        run_threads(*(functools.partial(work, seed) for seed in range(8)))
        self.assertEqual(flags_of(handles), [False, False, True])

    def at_every_step(self, of):
        """Let another thread begin a block at each step of a function.

        Yields:
            A function that ends that block, when both have happened.
        """
        blocks = []

        def wait_a_little(inside):
            # If this step has the lock, the other thread waits for it until later.
            inside.wait(0.01)

        def begin():
            block = in_another_block(self.file, wait_a_little)
            blocks.append((block, block.__enter__()))

        for _ in every_step(of, begin, MODULE, stride=1 if SOAK >= 1 else 2):
            if blocks:
                block, inside = blocks.pop()
                wait_for(inside)
                yield functools.partial(leave, block)

    def test_another_thread_begins_a_block_while_one_begins(self):
        mine = []
        for end in self.at_every_step(lambda: mine.append(enter(self.file))):
            end()
            self.assertIs(flag_of(self.handle), True)
            leave(mine.pop())
            self.assertIs(flag_of(self.handle), False)
        leave(mine.pop())

    def test_another_thread_begins_a_block_while_one_ends(self):
        mine = [enter(self.file)]
        for end in self.at_every_step(lambda: leave(mine.pop())):
            self.assertIs(flag_of(self.handle), True)
            end()
            self.assertIs(flag_of(self.handle), False)
            mine.append(enter(self.file))
        self.assertIs(flag_of(self.handle), False)

    def test_disable_inheritance_spares_the_blocks_of_all_threads(self):
        _, w = self.pipe()
        with in_another_block(self.file):
            set_inheritable(w, True)
            disable_inheritance()
            self.assertEqual(flags_of([self.handle, handle_of(w)]), [True, False])
        self.assertIs(flag_of(self.handle), False)


@forks
class TestTemporarilyAndForks(Case):
    def test_the_blocks_of_other_threads_are_ended_in_the_child(self):
        r, w = self.pipe()
        handles = [self.fd, r.fileno(), w.fileno()]

        def look_in_child():
            self.assertEqual(flags_of(handles), [True, False, False])
            with temporarily(r, w):
                self.assertEqual(flags_of(handles), [True, True, True])
            self.assertEqual(flags_of(handles), [True, False, False])

        with contextlib.ExitStack() as stack:
            stack.enter_context(in_another_block(r))
            for _ in range(3):
                stack.enter_context(churning(functools.partial(enter_and_leave, w)))
            with temporarily(self.file):
                for _ in range(max(10, int(100 * SOAK))):
                    self.assertEqual(status_of_fork(look_in_child), 0)
                self.assertEqual(flags_of(handles[:2]), [True, True])
        self.assertEqual(flags_of(handles), [False] * 3)

    def test_a_block_goes_on_in_the_child(self):
        with temporarily(self.file):
            pid = os.fork()
            if pid == 0:
                before = flag_of(self.fd)
        if pid == 0:
            os._exit(0 if (before, flag_of(self.fd)) == (True, False) else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertIs(flag_of(self.fd), False)

    def use_in_child(self):
        with open(self.path + "2", "w") as file:
            for _ in range(2):
                with temporarily(file):
                    disable_inheritance()
                    self.assertIs(get_inheritable(file), True)
                self.assertIs(get_inheritable(file), False)
            set_inheritable(file, True)
            self.assertEqual(receive(str(file.fileno())), file.fileno())

    def test_a_fork_while_another_thread_is_inside_the_lock(self):
        # The thread stops at one instruction of a block after another. At some of them
        # it has the lock.
        def fork_at(step):
            stopped, go_on = threading.Event(), threading.Event()

            def stop():
                stopped.set()
                wait_for(go_on)

            def stop_at_step():
                with AtStep(step, stop, MODULE):
                    enter_and_leave(self.file)
                stopped.set()

            with in_thread(stop_at_step, end=go_on.set) as thread:
                wait_for(stopped)
                self.assertEqual(status_of_fork(self.use_in_child), 0, step)
                thread.join(0)
                return thread.is_alive()

        last = next(step for step in itertools.count(1, 7) if not fork_at(step))
        self.assertGreater(last, 50)

    def test_a_fork_by_a_signal_handler_inside_the_lock(self):
        # In the child another thread uses the lock too.
        def use_in_thread():
            run_threads(self.use_in_child)

        def fork_and_use():
            self.assertEqual(status_of_fork(use_in_thread), 0)

        of = functools.partial(enter_and_leave, self.file)
        for _ in every_step(of, fork_and_use, MODULE, stride=7):
            pass

    # Hooks of another module use blocks in the child, right after the fork. In the
    # parent, one thread is holding the lock and another one is in a block.
    HOOKS = """
        import os, signal, sys, threading, warnings

        # Python 3.12 and later warn about a fork while there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        signal.alarm(60)
        file = open(os.devnull)
        mine = open(os.devnull)
        used = []

        def use(*_):
            with inheritable.temporarily(file, mine):
                inheritable.disable_inheritance()
                flags = [os.get_inheritable(f.fileno()) for f in (file, mine)]
            flags += [os.get_inheritable(f.fileno()) for f in (file, mine)]
            used.append(flags)

        def use_in_handler():
            os.kill(os.getpid(), signal.SIGUSR1)

        signal.signal(signal.SIGUSR1, use)
        {before}
        import inheritable
        {after}

        ready = threading.Barrier(3, timeout=50)
        def stay_in_block():
            with inheritable.temporarily(file):
                ready.wait()
                threading.Event().wait()
        def stay_in_lock():
            ready.wait()
            with inheritable._lock_here():
                locked.set()
                threading.Event().wait()
        locked = threading.Event()
        for function in stay_in_block, stay_in_lock:
            threading.Thread(target=function, daemon=True).start()
        ready.wait()
        locked.wait(50)
        pid = os.fork()
        if pid == 0:
            flags = [os.get_inheritable(f.fileno()) for f in (file, mine)]
            os._exit(used != [[True, True, False, False]] or flags != [False, False])
        print(os.waitpid(pid, 0)[1], flush=True)
        # Do not wait for the threads.
        os._exit(0)
        """

    def test_in_hooks_and_signal_handlers_that_come_before_and_after(self):
        for function in "use", "use_in_handler":
            register = f"os.register_at_fork(after_in_child={function})"
            for hooks in (
                {"before": register, "after": ""},
                {"before": "", "after": register},
            ):
                with self.subTest(**hooks):
                    done = run_python(self.HOOKS.format(**hooks))
                    self.assertEqual((done.stdout, done.stderr), ("0\n", ""))

    def test_reload_and_fork_print_nothing(self):
        code = """
            import importlib, os, sys, inheritable
            for _ in range(2):
                importlib.reload(inheritable)
                pid = os.fork()
                with open(os.devnull) as file, inheritable.temporarily(file):
                    pass
                if pid == 0:
                    os._exit(0)
                if os.waitpid(pid, 0)[1]:
                    sys.exit("the fork failed")
            """
        done = run_python(code)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


class TestTemporarilyAndHandlers(Case):
    """Signal handlers and interrupts may run at any point of a block."""

    def setUp(self):
        super().setUp()
        self.entered = []
        self.enter_and_leave = functools.partial(enter_and_leave, self.file)

    def test_a_handler_that_enters_and_ends_a_block(self):
        for before in False, True:
            set_inheritable(self.file, before)
            for step in every_step(self.enter_and_leave, self.enter_and_leave, MODULE):
                self.assertIs(flag_of(self.handle), before, step)

    def test_a_handler_that_ends_another_block(self):
        self.entered.append(enter(self.file))

        def handler():
            leave(self.entered.pop())

        for step in every_step(self.enter_and_leave, handler, MODULE):
            if not self.entered:
                self.assertIs(flag_of(self.handle), False, step)
                self.entered.append(enter(self.file))
            self.assertIs(flag_of(self.handle), True, step)
        leave(self.entered.pop())

    def test_a_handler_that_ends_one_block_and_enters_another(self):
        self.entered.append(enter(self.file))

        def handler():
            leave(self.entered.pop())
            self.entered.append(enter(self.file))

        for step in every_step(self.enter_and_leave, handler, MODULE):
            self.assertIs(flag_of(self.handle), True, step)
        leave(self.entered.pop())
        self.assertIs(flag_of(self.handle), False)

    def test_what_is_set_as_soon_as_the_flag_is_off_stays(self):
        # Another thread may do so while the block is still ending.
        has_been_on, has_set_it = [], []

        def enter_and_leave():
            with temporarily(self.file):
                has_been_on.append(flag_of(self.handle))

        def handler():
            if has_been_on and not flag_of(self.handle):
                set_inheritable(self.file, True)
                has_set_it.append(True)

        rounds = 0
        for step in every_step(enter_and_leave, handler, MODULE):
            self.assertIs(flag_of(self.handle), bool(has_set_it), step)
            rounds += len(has_set_it)
            set_inheritable(self.file, False)
            has_been_on.clear()
            has_set_it.clear()
        self.assertGreater(rounds, 0)

    @timers
    @in_child
    def test_a_timer_whose_handler_ends_another_block(self):
        def handler(number, frame):
            leave(self.entered.pop())

        signal.signal(signal.SIGALRM, handler)
        chance = random.Random(3)
        for _ in range(int(2000 * SOAK)):
            first = enter(self.file)
            self.entered.append(enter(self.file))
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 5e-5))
            leave(first)
            wait_until(lambda: not self.entered)
            self.assertIs(flag_of(self.handle), False)

    # In a child, since one of the interrupts leaves the lock held.
    @in_child
    def test_interrupts_at_every_step_leave_next_to_none_on(self):
        def interrupt():
            raise KeyboardInterrupt

        def enter_and_leave_if_possible():
            # Not contextlib.suppress, since it would be interrupted too.
            try:
                self.enter_and_leave()
            except KeyboardInterrupt:
                return

        left = 0
        filenames = MODULE, CONTEXTLIB
        for step in every_step(enter_and_leave_if_possible, interrupt, *filenames):
            if PYPY:
                # It finishes the generators of interrupted blocks.
                gc.collect()
            left += flag_of(self.handle)
            set_inheritable(self.file, False)
            most = step / 100
        self.assertLessEqual(left, most)
        self.enter_and_leave()
        self.assertIs(flag_of(self.handle), False)

    @timers
    @in_child
    def test_interrupts_of_a_timer_leave_next_to_none_on(self):
        # .ci/bench.py measures the exact rate.
        def interrupt(number, frame):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        chance = random.Random(2)
        left = 0
        rounds = int(2000 * SOAK)
        for _ in range(rounds):
            # This has a function of its own: 3.13 cannot catch an interrupt at the jump
            # of a loop in the same function.
            with contextlib.suppress(KeyboardInterrupt):
                self.enter_and_leave_until_interrupted(chance)
            if PYPY:
                gc.collect()
            left += flag_of(self.fd)
            set_inheritable(self.file, False)
        self.assertLessEqual(left, rounds / 200)
        self.enter_and_leave()
        self.assertIs(flag_of(self.fd), False)

    def enter_and_leave_until_interrupted(self, chance):
        late = time.monotonic() + A_LONG_TIME
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 1e-4))
        for _ in range(3):
            self.enter_and_leave()
        while time.monotonic() < late:
            pass


class TestTemporarilyAndTheWorst(Case):
    """Blocks when the interpreter ends, at a full stack, and right after a fork."""

    @unittest.skipIf(PYPY, "PyPy ends without collecting cycles")
    def test_a_program_ends_while_threads_use_blocks(self):
        # A daemon thread may be stopped with the lock held. After that, the block in
        # the cycle is ended.
        code = """
            import gc, itertools, os, threading, inheritable

            files = [open(os.devnull) for _ in range(20)]
            in_use = threading.Barrier(5)

            def use():
                for round in itertools.count():
                    with inheritable.temporarily(*files):
                        pass
                    if round == 100:
                        in_use.wait()

            def leave_a_block_behind():
                cycle = [inheritable.temporarily(files[0])]
                cycle.append(cycle)
                cycle[0].__enter__()

            for _ in range(4):
                threading.Thread(target=use, daemon=True).start()
            in_use.wait(60)
            gc.disable()
            leave_a_block_behind()
            """
        for _ in range(max(4, int(10 * SOAK))):
            done = run_python(code)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    @unittest.skipIf(PYPY, "PyPy counts the bytes of its stack, not the calls")
    @in_child
    def test_a_full_stack_at_any_depth_leaves_no_flag_on(self):
        def dive(depth):
            if depth:
                dive(depth - 1)
            else:
                with temporarily(self.file):
                    pass

        # The collector need not look at what the other tests have left.
        gc.freeze()
        base = len(inspect.stack(0))
        sys.setrecursionlimit(base + 120)
        results = set()
        for depth in range(20, 120):
            error = outcome(dive, depth)
            results.add(error and error[0])
            gc.collect()
            self.assertIs(flag_of(self.handle), False, depth)
            # No block is left over that would shut off a later file of this number.
            set_inheritable(self.file, True)
            leave(enter(self.file))
            self.assertIs(flag_of(self.handle), True, depth)
            set_inheritable(self.file, False)
        self.assertEqual(results, {None, RecursionError})

    def fork_at_every_step(self, function, check, prepare=lambda: None):
        """Fork, call a function at a step of the child's hook, and check it there."""

        def check_in_child():
            sys.settrace(None)
            check()
            if not tracing.reached:
                os._exit(2)

        status, step = 0, 0
        while status == 0:
            step += 1 if SOAK >= 1 else 3
            prepare()
            with AtStep(step, function, MODULE) as tracing:
                pid = fork(check_in_child)
            status = status_of(pid)
            self.assertIn(status, (0, 2 << 8), step)
        # Nothing was tested if there were no steps.
        self.assertGreater(step, 10)

    @forks
    @unittest.skipIf(PYPY, "PyPy does not trace what is called right after a fork")
    @in_child
    def test_a_finalizer_may_end_the_block_that_the_hook_is_ending(self):
        # The blocks of a thread that has ended are garbage, which the collector finds
        # while the hook is ending them. What fails there would be on stderr.
        def leave_a_block_behind():
            cycle = [temporarily(self.file)]
            cycle.append(cycle)
            cycle[0].__enter__()

        def prepare():
            gc.collect()
            run_threads(leave_a_block_behind)

        def check():
            self.assertIs(flag_of(self.fd), False)

        gc.disable()
        # The collector need not look at what the other tests have left.
        gc.freeze()
        self.fork_at_every_step(gc.collect, check, prepare)
        gc.collect()
        check()

    @forks
    @unittest.skipIf(PYPY, "PyPy does not trace what is called right after a fork")
    @in_child
    def test_an_interrupt_at_any_step_of_the_hook_leaves_no_lock_held(self):
        def interrupt():
            raise KeyboardInterrupt

        def use_in_threads():
            # Only what happens in the hook itself may be on stderr.
            os.dup2(stderr, 2)
            run_threads(lambda: leave(enter(other)))
            self.assertIs(flag_of(other.fileno()), False)

        other = open(self.path)  # noqa: SIM115
        self.addCleanup(other.close)
        stderr = os.dup(2)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        try:
            with in_another_block(self.file):
                self.fork_at_every_step(interrupt, use_in_threads)
        finally:
            os.dup2(stderr, 2)
        self.assertIs(flag_of(self.fd), False)


# ---------------------------------------------------------------------------------
# Handing over
# ---------------------------------------------------------------------------------


def write_file(folder, name, text):
    """Write a file and return its path."""
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def give(code, *files, more=(), **options):
    """Pass files to a child that runs code. Return what it prints."""
    with passing(*files) as child:
        return output_of(code, *child.args, *more, **child.popen, **options)


class TestPassing(Case):
    def test_an_argument_for_each_file(self):
        r, w = self.pipe()
        with passing(self.file, r, self.file, OpenHandle(handle_of(w))) as child:
            numbers = [self.handle, handle_of(r), int(child.args[2]), handle_of(w)]
            self.assertEqual(child.args, [str(number) for number in numbers])
            # What is given twice has two numbers.
            self.assertEqual(len(set(child.args)), 4)
            keyword = "startupinfo" if WINDOWS else "pass_fds"
            self.assertEqual(set(child.popen), {keyword})

    @posix
    def test_a_passed_file_has_the_same_flock_but_not_the_same_lockf(self):
        code = """
            import fcntl, sys
            from inheritable import receive
            try:
                lock = getattr(fcntl, sys.argv[2])
                lock(receive(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)
                print("locked")
            except OSError:
                print("refused")
            """
        for name, expected in ("flock", "locked\n"), ("lockf", "refused\n"):
            with self.subTest(name=name):
                getattr(fcntl, name)(self.file, fcntl.LOCK_EX)
                self.assertEqual(give(code, self.file, more=[name]), expected)
                getattr(fcntl, name)(self.file, fcntl.LOCK_UN)

    def test_a_child_takes_files_and_sockets(self):
        r, w = self.pipe()
        listening, client, accepted = self.sockets()
        # Under Wine, socket() needs the kind of an inherited socket. The listening one
        # is detached because Wine 8 does not close it.
        code = """
            import os, socket, sys
            from inheritable import receive, receive_handle
            fd = receive(sys.argv[1])
            os.lseek(fd, 0, 0)
            print(os.read(fd, 100).decode())
            os.write(receive(sys.argv[2]), b"written by the child")
            kind = [socket.AF_INET, socket.SOCK_STREAM]
            listening = socket.socket(*kind, fileno=receive_handle(sys.argv[3]))
            with listening.accept()[0] as connection:
                print(connection.recv(100).decode())
            listening.detach()
            handle = receive_handle(sys.argv[4])
            print(socket.fromfd(handle, *kind).recv(100).decode())
            """
        with socket.create_connection(listening.getsockname()) as another:
            another.sendall(b"to the listening one")
            client.sendall(b"to the accepted one")
            printed = give(code, self.file, w, listening, accepted)
        expected = ["secret", "to the listening one", "to the accepted one"]
        self.assertEqual(printed.splitlines(), expected)
        w.close()
        self.assertEqual(r.read(), b"written by the child")

    def test_a_child_takes_a_connection(self):
        ours, theirs = multiprocessing.connection.Pipe()
        code = """
            import multiprocessing.connection as connection, os, sys
            from inheritable import receive_handle
            windows = os.name == "nt"
            kind = connection.PipeConnection if windows else connection.Connection
            with kind(receive_handle(sys.argv[1])) as end:
                end.send(end.recv()[::-1])
            """
        with ours, theirs:
            ours.send([1, 2, 3])
            give(code, theirs)
            self.assertEqual(ours.recv(), [3, 2, 1])

    def test_nothing_else_goes_over(self):
        r, w = self.pipe()
        set_inheritable(r, True)
        numbers = [self.handle, handle_of(r), handle_of(w)]
        printed = give(LOOK, self.file, more=numbers)
        self.assertEqual(json.loads(printed), [self.handle] * 2)
        with passing() as child:
            self.assertEqual(child.args, [])
            self.assertEqual(json.loads(output_of(LOOK, *numbers, **child.popen)), [])
        self.assertEqual(flags_of(numbers), [False, True, False])

    def test_the_flags_of_the_parent_are_on_inside_the_block_on_windows_only(self):
        r, _ = self.pipe()
        set_inheritable(r, True)
        handles = [self.handle, handle_of(r)]
        with passing(self.file, r):
            self.assertEqual(flags_of(handles), [WINDOWS, True])
        self.assertEqual(flags_of(handles), [False, True])

    def test_goes_with_the_other_arguments_of_popen(self):
        code = """
            import inheritable, os, sys
            fd = inheritable.receive(sys.argv[1])
            os.lseek(fd, 0, 0)
            where = os.environ["WHERE"], os.path.basename(os.getcwd())
            print(os.read(fd, 9).decode(), sys.stdin.read(), *where)
            """
        environ = {**os.environ, "WHERE": "here", "PYTHONPATH": HERE}
        options = {"input": "input", "cwd": self.folder, "env": environ}
        with passing(self.file) as child:
            done = run_python(code, *child.args, **options, **child.popen)
        expected = ["secret", "input", "here", os.path.basename(self.folder)]
        self.assertEqual((done.stdout.split(), done.stderr), (expected, ""))

    def test_goes_with_asyncio(self):
        async def main():
            with passing(self.file) as child:
                process = await asyncio.create_subprocess_exec(
                    *python_command(READ, *child.args),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    **child.popen,
                )
            return (await process.communicate())[0]

        self.assertEqual(asyncio.run(main()), b"secret")

    @posix
    def test_startupinfo_is_of_windows(self):
        with self.assertRaises(ValueError), passing(self.file, startupinfo=object()):
            self.fail("entered")
        with passing(self.file, startupinfo=None):
            pass

    @windows
    def test_builds_on_the_startupinfo_of_the_caller(self):
        r, w = self.pipe()
        info = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESHOWWINDOW)
        info.lpAttributeList = {"handle_list": [handle_of(r)]}
        numbers = [self.handle, handle_of(r), handle_of(w)]
        with passing(self.file, startupinfo=info) as child:
            built = child.popen["startupinfo"]
            self.assertEqual(built.dwFlags, subprocess.STARTF_USESHOWWINDOW)
            # Windows refuses a handle that is not inheritable. Wine ignores it.
            flags = flags_of(built.lpAttributeList["handle_list"])
            self.assertEqual(flags, [True, True])
            printed = output_of(LOOK, *numbers, **child.popen)
            self.assertEqual(json.loads(printed), numbers[:2])
        self.assertEqual(info.lpAttributeList, {"handle_list": [handle_of(r)]})
        self.assertEqual(flags_of(numbers), [False] * 3)

    def test_standard_streams_go_over_as_duplicates(self):
        code = """
            import subprocess, sys, inheritable
            before = [h[:2] for h in inheritable.open_handles()]
            with inheritable.passing(sys.stdout, sys.stdout, sys.stderr) as child:
                if len({*child.args}) != 3:
                    sys.exit(f"these are not three numbers: {child.args}")
                code = (
                    "import os, sys, inheritable;"
                    "os.write(inheritable.receive(sys.argv[1]), b'one')"
                )
                command = [sys.executable, "-S", "-c", code, child.args[0]]
                streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
                said = subprocess.check_output(command, **streams, **child.popen)
                if said:
                    sys.exit(f"the child said: {said}")
            after = [h[:2] for h in inheritable.open_handles()]
            print(before == after)
            """
        self.assertEqual(output_of(code), "oneTrue\n")

    @posix
    @in_child
    def test_a_file_that_got_number_0(self):
        os.dup2(self.fd, 0)
        self.file.close()
        # The duplicate must not get 1, but the lowest number above the streams.
        free = os.dup(0)
        os.close(free)
        os.close(1)
        with passing(0) as child:
            self.assertEqual(child.args, [str(free)])
            self.assertIs(flag_of(int(child.args[0])), False)
            self.assertEqual(output_of(READ, *child.args, **child.popen), "secret")
        self.assertIsNone(flag_of(int(child.args[0])))
        os.dup2(2, 1)

    @windows
    def test_a_child_takes_an_event(self):
        event = self.event()
        code = """
            import ctypes, inheritable, sys
            event = inheritable.receive_handle(sys.argv[1])
            print(ctypes.WinDLL("kernel32").SetEvent(ctypes.c_void_p(event)))
            """
        self.assertEqual(give(code, OpenHandle(event)), "1\n")
        self.assertEqual(_winapi.WaitForSingleObject(event, 0), 0)

    def test_the_child_goes_on_at_the_position(self):
        pathlib.Path(self.path).write_text("one\ntwo\n")
        with open(self.path) as file:
            self.assertEqual(file.readline(), "one\n")
            # Python has read ahead.
            file.seek(file.tell())
            code = """
                import sys, inheritable
                with open(inheritable.receive(sys.argv[1])) as file:
                    print(file.read())
                """
            self.assertEqual(give(code, file), "two\n\n")

    def test_many_children_from_many_threads(self):
        # The child sees end-of-file at once unless a sibling has the other end.
        code = """
            import inheritable, os, sys
            sys.exit(os.read(inheritable.receive(sys.argv[1]), 1) != b"")
            """
        options = {"cwd": HERE, "stdin": subprocess.DEVNULL}
        rounds = max(1, int((5 if WINDOWS else 25) * SOAK))

        def start_children():
            for _ in range(rounds):
                r, w = os.pipe()
                with passing(r) as child:
                    command = python_command(code, *child.args)
                    process = subprocess.Popen(command, **options, **child.popen)
                os.close(r)
                os.close(w)
                try:
                    self.assertEqual(process.wait(A_LONG_TIME), 0)
                finally:
                    process.kill()
                    process.wait(A_LONG_TIME)

        run_threads(*[start_children] * 8)

    @posix
    def test_a_child_that_is_not_python(self):
        if not shutil.which("bash"):
            self.skipTest("there is no bash")
        with open(self.path + "2", "w+") as file:
            with passing(file) as child:
                bash = ["bash", "-c", "echo from bash >&$1", "-", *child.args]
                subprocess.run(bash, check=True, **child.popen)
            file.seek(0)
            self.assertEqual(file.read(), "from bash\n")

    def test_a_file_opened_for_appending_goes_on_appending(self):
        for mode in "a", "ab", "a+":
            with open(self.path + mode, mode) as file:
                self.check_appending(file, file)
            with open(self.path + mode + "2", mode) as file:
                self.check_appending(file, getattr(file, "buffer", file))

    def check_appending(self, parent, passed):
        code = """
            import inheritable, os, sys
            with open(inheritable.receive(sys.argv[1]), "wb", 0) as log:
                for _ in range(3):
                    input()
                    log.write(b"child\\n")
                    print(flush=True)
            """
        line = b"parent\n" if parent.mode == "ab" else "parent\n"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        with passing(passed) as child:
            command = python_command(code, *child.args)
            process = subprocess.Popen(command, cwd=HERE, **pipes, **child.popen)
        with process:
            for _ in range(3):
                parent.write(line)
                parent.flush()
                with open(parent.name, "a") as third:
                    third.write("third\n")
                process.stdin.write(b"\n")
                process.stdout.readline()
        words = pathlib.Path(parent.name).read_text().split()
        self.assertEqual(words, ["parent", "third", "child"] * 3)


def entering(function):
    def enter_it(*files):
        with function(*files):
            msg = "entered"
            raise AssertionError(msg)

    return enter_it


# How to call each function that takes one file, and each that takes several.
WITH_ONE_FILE = {
    "get_inheritable": get_inheritable,
    "get_handle_inheritable": get_handle_inheritable,
    "set_inheritable": lambda file: set_inheritable(file, True),
    "set_handle_inheritable": lambda file: set_handle_inheritable(file, True),
    "holders": holders,
}
WITH_SEVERAL_FILES = {
    "disable_inheritance": disable_inheritance,
    "temporarily": entering(temporarily),
    "passing": entering(passing),
}


@windows
class TestDescriptorsAndHandles(Case):
    """The class of an object decides whether its number is a descriptor or a handle.

    Every number here is both a descriptor and a handle, of two different objects. So a
    wrong guess is noticed.
    """

    def setUp(self):
        super().setUp()
        # The handles of the sockets are opened first, so that they are low.
        self.listening, self.client, self.accepted = self.sockets()
        self.files = []
        lowest = max(400, self.client.fileno() + 1, self.accepted.fileno() + 1)
        fd = 0
        while len(self.files) < 400 or fd < lowest:
            self.files.append(open(self.path))  # noqa: SIM115
            self.addCleanup(self.files[-1].close)
            fd = self.files[-1].fileno()
        self.handles = [handle_of(file) for file in self.files]
        highest = max(self.handles) + 400
        self.closed_or_not_inheritable = [
            handle for handle in range(4, highest, 4) if not flag_of(handle)
        ]

    def inheritable_ones(self):
        """Return what has become inheritable, and make it non-inheritable again."""
        found = [handle for handle in self.closed_or_not_inheritable if flag_of(handle)]
        for handle in found:
            os.set_handle_inheritable(handle, False)
        return found

    def free_descriptor(self):
        """Close a file whose descriptor is also a handle. The next file gets it."""
        for file in self.files:
            if not file.closed and flag_of(file.fileno()) is False:
                # A handle as low as this belongs to none of the files.
                file.close()
                return
        self.fail("no descriptor is also a handle")

    def check(self, file, handle):
        number = file.fileno()
        msvcrt.get_osfhandle(number)
        self.assertIsNotNone(flag_of(number))
        for set_ in set_inheritable, set_handle_inheritable:
            set_(file, True)
            self.assertEqual(self.inheritable_ones(), [handle])
        with temporarily(file):
            self.assertEqual(self.inheritable_ones(), [handle])
        with passing(file) as child:
            self.assertEqual(child.args[0].rstrip("a"), str(handle))

    def check_descriptor(self, make, *args, **options):
        """Check that the number of the file that this makes counts as a descriptor."""
        self.free_descriptor()
        with contextlib.closing(make(*args, **options)) as file:
            self.check(file, msvcrt.get_osfhandle(file.fileno()))

    def check_socket(self, file):
        """Check that this object stands for the client's socket."""
        self.assertEqual(file.fileno(), self.client.fileno())
        self.check(file, self.client.fileno())

    def test_files(self):
        for mode in "r", "w", "a", "r+", "rb", "wb", "ab", "r+b":
            self.check_descriptor(open, self.path, mode)
        self.check_descriptor(open, self.path, "rb", 0)
        self.check_descriptor(os.fdopen, os.dup(self.fd))

    def test_temporary_files(self):
        self.check_descriptor(tempfile.TemporaryFile, dir=self.folder)
        self.check_descriptor(tempfile.NamedTemporaryFile, "w", dir=self.folder)
        # Its fileno() puts it on disk.
        self.check_descriptor(tempfile.SpooledTemporaryFile, dir=self.folder)

    def test_compressed_files(self):
        import bz2
        import gzip
        import lzma
        import zipfile

        for opened in gzip.open, bz2.open, lzma.open:
            for mode in "wb", "wt", "rb", "rt":
                self.check_descriptor(opened, self.path + "2", mode)
        self.free_descriptor()
        with zipfile.ZipFile(self.path + "3", "w") as archive:
            self.check(archive.fp, handle_of(archive.fp))

    def test_files_of_codecs(self):
        with warnings.catch_warnings():
            # codecs.open is deprecated since 3.14.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.check_descriptor(codecs.open, self.path, "r", "utf-8")
        for wrapping in codecs.getreader("utf-8"), codecs.getwriter("utf-8"):

            def wrapped(wrap=wrapping):
                return wrap(open(self.path, "r+b"))

            self.check_descriptor(wrapped)

    def test_files_of_fileinput(self):
        import fileinput

        def begin():
            lines = fileinput.FileInput([self.path])  # noqa: SIM115
            lines.readline()
            return lines

        with open(self.path, "a") as file:
            file.write("\nsecond line\n")
        self.check_descriptor(begin)

    def test_pipes_of_a_process(self):
        def start():
            pipes = {"stdin": subprocess.PIPE, "universal_newlines": True}
            processes.append(subprocess.Popen(python_command(""), **pipes))
            return processes[-1].stdin

        processes = []
        self.check_descriptor(start)
        processes[0].wait()

    def test_sockets(self):
        self.check_socket(self.client)
        for mode, buffering in ("rb", -1), ("r", -1), ("wb", -1), ("rwb", 0):
            with self.client.makefile(mode, buffering) as file:
                self.check_socket(file)

    def test_sockets_of_ssl(self):
        try:
            import ssl
        except ImportError as error:
            self.skipTest(str(error))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        wrapped = context.wrap_socket(self.client, do_handshake_on_connect=False)
        self.addCleanup(wrapped.close)
        self.check(wrapped, wrapped.fileno())

    def test_servers(self):
        with socketserver.TCPServer(
            ("127.0.0.1", 0), socketserver.BaseRequestHandler, bind_and_activate=False
        ) as server:
            server.socket.close()
            server.socket = self.client
            self.check_socket(server)

    def test_sockets_of_asyncio(self):
        from asyncio.trsock import TransportSocket

        self.check_socket(TransportSocket(self.client))

    def test_connections_of_multiprocessing(self):
        # In the end its handle is taken away, so that it does not close the socket.
        connection = multiprocessing.connection.PipeConnection(self.client.fileno())
        self.check_socket(connection)
        connection._handle = None

    def test_a_response_of_http_is_what_it_reads_from(self):
        self.accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        response = http.client.HTTPResponse(self.client)
        self.addCleanup(response.close)
        response.begin()
        self.check_socket(response)

        # Any object that has a makefile() can take the place of a socket.
        class Recorded:
            makefile = staticmethod(functools.partial(open, self.path))

        self.check_descriptor(http.client.HTTPResponse, Recorded)

    def test_responses_of_urllib(self):
        import urllib.request

        url = "file:" + urllib.request.pathname2url(self.path)
        self.check_descriptor(urllib.request.urlopen, url)
        port = self.listening.getsockname()[1]

        def answer():
            connection, _ = self.listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        with in_thread(answer):
            no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            response = no_proxy.open(f"http://127.0.0.1:{port}", timeout=60)
            with response:
                # The number is higher than that of any descriptor, so this shows only
                # that the class is known.
                set_inheritable(response, True)
                self.assertIs(flag_of(response.fileno()), True)

    def test_an_unknown_class_is_refused(self):
        number = self.client.fileno()
        message = (
            "^cannot tell whether fileno\\(\\) of 'WithFileno' is a descriptor or a "
            f"handle: pass {number} if it is a descriptor, OpenHandle\\({number}\\) if "
            "it is a handle$"
        )
        around = WithFileno(number)
        # It wraps a socket with another number.
        around.file = self.accepted
        for function in {**WITH_ONE_FILE, **WITH_SEVERAL_FILES}.values():
            with self.assertRaisesRegex(TypeError, message):
                function(around)
        self.assertEqual(self.inheritable_ones(), [])
        # Now it wraps the socket that has its number.
        around.file = self.client
        self.check_socket(around)

    def test_every_file_is_its_descriptor(self):
        for file, handle in zip(self.files, self.handles):
            set_inheritable(file, True)
            self.assertEqual(flags_of(self.handles).count(True), 1)
            os.set_handle_inheritable(handle, False)

    def test_a_handle_of_a_process_is_a_handle_everywhere(self):
        process = subprocess.Popen(python_command(""))
        process.wait(A_LONG_TIME)
        handle = process._handle
        set_inheritable(handle, True)
        self.assertEqual(self.inheritable_ones(), [handle])
        self.assertIs(get_inheritable(handle), False)
        with temporarily(handle):
            self.assertEqual(self.inheritable_ones(), [handle])
        with passing(handle) as child:
            self.assertEqual(child.args, [str(int(handle))])
        handle.Close()
        functions = [get_inheritable, get_handle_inheritable, disable_inheritance]
        for function in functions:
            self.assertEqual(outcome(function, handle)[0], ValueError)


class TestReceive(Case):
    # This precedes the code of each child.
    START = """\
        import errno, os, sys
        from inheritable import *
        args = sys.argv[1:]
        """

    def give(self, code, *files, more=()):
        whole = textwrap.dedent(self.START) + textwrap.dedent(code)
        return give(whole, *files, more=more)

    def test_is_given_once_only_and_not_inheritable(self):
        code = """
            print(get_inheritable(receive(args[0])))
            print(get_handle_inheritable(receive_handle(args[1])))
            for arg in args:
                for again in receive, receive_handle:
                    try:
                        again(arg)
                    except OSError as error:
                        print(error.errno == errno.EBADF)
            """
        printed = self.give(code, self.file, self.pipe()[0])
        self.assertEqual(printed.split(), ["False"] * 2 + ["True"] * 4)

    def test_a_file_given_several_times_is_received_as_often(self):
        code = """
            fds = [receive(arg) for arg in args]
            print(len(set(fds)), *map(get_inheritable, fds))
            for fd in fds:
                os.lseek(fd, 0, os.SEEK_SET)
                print(os.read(fd, 10).decode())
                os.close(fd)
            """
        before = open_after_collection()
        printed = self.give(code, self.file, self.file, OpenHandle(self.handle))
        self.assertEqual(printed.split(), ["3", *["False"] * 3, *["secret"] * 3])
        # What Python itself kept open before may be gone.
        left = [entry for entry in open_after_collection() if entry not in before]
        self.assertEqual(left, [])

    def test_what_is_inheritable_cannot_be_told_from_what_was_handed_over(self):
        set_inheritable(self.file, True)
        self.assertEqual(receive_handle(str(self.handle)), self.handle)
        self.assertIs(flag_of(self.handle), False)
        # No record is kept of what was received.
        set_inheritable(self.file, True)
        self.assertEqual(receive_handle(str(self.handle)), self.handle)

    def test_the_process_that_passes_a_file_does_not_receive_it(self):
        set_inheritable(self.file, True)
        with passing(self.file) as child:
            for function in receive, receive_handle:
                self.assertEqual(outcome(function, *child.args)[1], errno.EBADF)
            self.assertIs(flag_of(self.handle), True)

    def check_one_thread_gets_it(self, arg):
        got = []
        start = threading.Barrier(8, timeout=A_LONG_TIME)

        def take():
            start.wait()
            got.append(outcome(receive, arg))

        run_threads(*[take] * 8)
        (fd,) = (result for result in got if isinstance(result, int))
        self.assertIs(get_inheritable(fd), False)
        refused = [result[:2] for result in got if result != fd]
        self.assertEqual(refused, [(OSError, errno.EBADF)] * 7)

    @in_child
    def test_one_of_several_threads_gets_it(self):
        for _ in range(5):
            set_inheritable(self.file, True)
            self.check_one_thread_gets_it(str(self.handle))

    @forks
    def test_one_of_several_threads_of_a_forked_child_gets_it(self):
        with passing(self.file) as child:
            status = status_of_fork(self.check_one_thread_gets_it, *child.args)
            self.assertEqual(status, 0)

    @posix
    def test_needs_no_free_descriptor(self):
        code = """
            import os, resource, sys, inheritable
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard))
            try:
                while True:
                    os.dup(0)
            except OSError:
                print(inheritable.receive(sys.argv[1]) == int(sys.argv[1]))
            """
        self.assertEqual(give(code, self.file), "True\n")

    def test_where_both_processes_are_number_1(self):
        # In two containers, one inside the other, a fork has its parent's process id.
        code = """
            import ctypes, os, inheritable
            with open(os.devnull) as file, inheritable.passing(file) as child:
                if ctypes.CDLL(None).unshare(0x20000000):
                    print("refused")
                    os._exit(0)
                pid = os.fork()
                if pid == 0:
                    status = 1
                    try:
                        fd = inheritable.receive(child.args[0])
                        is_right = fd != file.fileno() and os.getpid() == 1
                        status = 0 if is_right else 2
                    finally:
                        os._exit(status)
                print(os.getpid(), os.waitpid(pid, 0)[1])
            """
        printed = in_namespace(["--pid", "--fork"], "true", code)
        if printed == "refused\n":
            self.skipTest("the tests are not allowed to create a namespace")
        self.assertEqual(printed, "1 0\n")

    def test_what_was_not_handed_over_is_refused(self):
        code = """
            mine = os.open(os.devnull, os.O_RDONLY)
            numbers = [mine, 0, 1, 2]
            if os.name == "nt":
                import msvcrt
                numbers = [msvcrt.get_osfhandle(fd) for fd in numbers]
            given = int(args[0])
            numbers += [4000, 2**31 - 4, 2**31, 2**32, 2**32 + given, 2**63, 2**64]
            numbers += [10**30, 10**30 + given, "1" + "0" * 5000]
            for number in numbers:
                for function in receive, receive_handle:
                    try:
                        print(number, function(str(number)))
                    except OSError as error:
                        if error.errno != errno.EBADF:
                            print(number, error)
            print(get_inheritable(mine))
            receive(args[0])
            """
        self.assertEqual(self.give(code, self.file), "False\n")

    def test_the_error_says_the_number_and_what_to_look_at(self):
        for function in receive, receive_handle:
            with self.assertRaises(OSError) as caught:
                function(str(self.handle))
            self.assertEqual(caught.exception.errno, errno.EBADF)
            message = str(caught.exception)
            hints = [
                "inside the block",
                "**child.popen",
                "received",
                "disable_inheritance",
            ]
            for words in [str(self.handle), *hints]:
                self.assertIn(words, message)
            _, first_question, *_ = message.split(". ")
            asks = "Did the parent close the file too early?"
            self.assertTrue(first_question.startswith(asks), message)

    def test_a_child_that_seals_first_cannot_receive(self):
        code = """
            disable_inheritance()
            try:
                receive(args[0])
            except OSError as error:
                print(error.errno == errno.EBADF, "disable_inheritance" in str(error))
            """
        self.assertEqual(self.give(code, self.file), "True True\n")

    def test_what_is_no_argument_is_refused(self):
        number = str(self.handle)
        strings = [
            *["", " " + number, number + " ", number + "\n", "+" + number],
            *["-" + number, "0" + number, "00", number + "_0", "x", number + "x"],
            *[number + "A", number + "aa", "a", "0a0", "-1", "0x10", "1e3"],
            *[number + "\0", "\u0664", "\u00b2", number + "\u0660", "\u0967\u0968"],
        ]
        if WINDOWS:
            strings += [str(self.handle + bits) for bits in (1, 2, 3)]
            strings += ["7", str(self.handle + 1) + "a"]
        else:
            strings.append(number + "a")
        others = [None, self.handle, number.encode(), self.file, 1.0, [number]]
        with temporarily(self.file):
            for function in receive, receive_handle:
                for arg in strings:
                    got = outcome(function, arg)
                    self.assertEqual(got, (ValueError, None, None), repr(arg))
                for arg in others:
                    self.assertEqual(outcome(function, arg), (TypeError, None, None))
            self.assertIs(flag_of(self.handle), True)

    def test_bytes_go_through_as_they_are(self):
        data = b"\r\n\n\x1a\0\xff rest"
        r, w = self.pipe()
        w.write(data)
        with open(self.path + "2", "w+b") as file:
            code = "os.write(receive(args[1]), os.read(receive(args[0]), 100))"
            self.give(code, r, file)
            file.seek(0)
            self.assertEqual(file.read(), data)

    def test_a_grandchild_does_not_get_it(self):
        # On Windows, the C runtime passes its descriptors on to a child of os.spawnv.
        code = """
            import subprocess
            fd = receive(args[0])
            look = [sys.executable, "-S", "-c", args[1], args[0]]
            subprocess.run(look, close_fds=False)
            if os.name == "nt":
                os.spawnv(os.P_WAIT, sys.executable, ["python", args[2], str(fd)])
            """
        got_it = self.path + "3"
        script = write_file(
            self.folder,
            "grandchild.py",
            f"import os, sys; os.fstat(int(sys.argv[1])); open({got_it!r}, 'w')",
        )
        printed = self.give(code, self.file, more=[textwrap.dedent(LOOK), script])
        self.assertEqual(printed.strip(), "[]")
        self.assertFalse(os.path.exists(got_it))

    @windows
    def test_what_is_no_file_has_no_descriptor(self):
        code = """
            try:
                receive(args[0])
            except OSError as error:
                print(error.errno == errno.EBADF)
            print(receive_handle(args[0]) == int(args[0]))
            """
        printed = self.give(code, OpenHandle(self.event()))
        self.assertEqual(printed.split(), ["True", "True"])


class TestErrorsOfEveryFunction(Case):
    """Every function refuses what is not a file, in the same way."""

    def test_a_wrong_type_is_told_what_was_expected(self):
        message = "^expected a file, an OpenHandle or an int, not '{}'{}$"
        for name, function in {**WITH_ONE_FILE, **WITH_SEVERAL_FILES}.items():
            for wrong in b"1", None, 1.0, [1], [self.file]:
                with self.subTest(function=name, wrong=wrong):
                    is_list = isinstance(wrong, list) and name in WITH_SEVERAL_FILES
                    hint = r": write \*files" if is_list else ""
                    expected = message.format(type(wrong).__name__, hint)
                    with self.assertRaisesRegex(TypeError, expected):
                        function(wrong)
        for function in receive, receive_handle:
            with self.assertRaisesRegex(TypeError, "^expected a str.*, not 'int'$"):
                function(self.handle)

    def with_process(self):
        """Return the functions that take a process id."""
        if not FINDS_HOLDERS:
            return [open_handles]
        return [open_handles, lambda pid: holders(self.handle, pid)]

    @other_processes
    def test_no_such_process(self):
        pids = [0, -1, -os.getpid(), 2**31 - 1, 2**31, 2**32, 2**32 + os.getpid()]
        pids += [2**64, 2**22 + 4, 10**5000]
        if not WINDOWS:
            # On Windows, the Popen object still has a handle to it.
            ended = subprocess.Popen(python_command(""))
            ended.wait(A_LONG_TIME)
            pids.append(ended.pid)
        for function in self.with_process():
            for pid in pids:
                got = outcome(function, pid)
                self.assertEqual(got[:2], (ProcessLookupError, errno.ESRCH), pid)

    def test_a_process_id_is_an_int(self):
        process = subprocess.Popen(python_command(""))
        process.wait(A_LONG_TIME)
        whole = "expected the id of a process, an int, not "
        for pid, says in [
            ["1", "'str'"],
            [str(os.getpid()), "'str'"],
            [b"1", "'bytes'"],
            [1.0, "'float'"],
            [[1], "'list'"],
            [self.file, "'TextIOWrapper'"],
            [process, "'Popen': pass its pid"],
        ]:
            for function, *args in [open_handles], [holders, self.handle]:
                with self.assertRaises(TypeError) as caught:
                    function(*args, pid)
                self.assertEqual(str(caught.exception), whole + says)

    @other_processes
    def test_a_process_id_may_have_an_index(self):
        own = os.getpid()
        for function in self.with_process():
            self.assertEqual(function(Index(own)), function(own))

    def test_one_bad_file_among_several_changes_nothing_and_leaves_nothing_open(self):
        r, w = self.pipe()
        set_inheritable(w, True)
        bad_ones = bad_files(*self.closed_file())
        before = open_after_collection()
        for name, function in WITH_SEVERAL_FILES.items():
            for bad, error in bad_ones:
                with self.subTest(function=name, bad=bad):
                    # `passing` duplicates the stream, and must close the duplicate.
                    with self.assertRaises(error) as caught:
                        function(self.file, r, 1, w, bad)
                    if error is OSError:
                        self.assertEqual(caught.exception.errno, errno.EBADF)
                        self.assertEqual(caught.exception.filename, bad)
                        self.assertIn(str(bad), str(caught.exception))
                    self.assertEqual(open_handles(), before)


# The module that the children of multiprocessing import. It is small, so that they
# start fast.
JOBS = """
    import json, os, socket
    from inheritable import get_inheritable, receive, receive_handle

    def read_all(fd):
        os.lseek(fd, 0, os.SEEK_SET)
        return os.read(fd, 100)

    def copy_over(source, target):
        os.write(receive(target), read_all(receive(source)))

    def write_hello(arg):
        os.write(receive(arg), b"hello")

    def answer_socket(wine, arg):
        # Under Wine, socket() needs the kind of an inherited socket. Wine can neither
        # use nor close the inherited socket itself, but a duplicate works.
        kind = [socket.AF_INET, socket.SOCK_STREAM]
        handle = receive_handle(arg)
        if wine:
            connection = socket.fromfd(handle, *kind)
        else:
            connection = socket.socket(*kind, fileno=handle)
        with connection:
            connection.sendall(connection.recv(100).upper())

    def report_receiving(report, *args):
        # Writes what receiving each argument gives to the file `report`.
        results = []
        for arg in args:
            try:
                fd = receive(arg)
            except OSError as error:
                results.append(error.errno)
            else:
                results.append([read_all(fd).decode(), get_inheritable(fd)])
        with open(report, "w") as file:
            json.dump(results, file)

    of_this_worker = []

    def initialize_worker(*args):
        of_this_worker.extend(receive(arg) for arg in args)

    def work(number):
        os.write(of_this_worker[0], b"%d " % number)
        return number
    """


def each_method(test):
    """Run a test with each start method of multiprocessing."""

    @functools.wraps(test)
    def tests(self):
        for method in multiprocessing.get_all_start_methods():
            with self.subTest(method=method):
                test(self, multiprocessing.get_context(method))

    return tests


@unittest.skipUnless(MULTIPROCESSING, "this Python cannot import multiprocessing")
class TestMultiprocessing(Case):
    def setUp(self):
        super().setUp()
        write_file(self.folder, "jobs.py", textwrap.dedent(JOBS))
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        importlib.invalidate_caches()
        self.jobs = importlib.import_module("jobs")
        self.addCleanup(sys.modules.pop, "jobs")
        # A spawned process imports the main module too, unless that has no file.
        self.addCleanup(sys.modules.update, __main__=sys.modules["__main__"])
        sys.modules["__main__"] = types.ModuleType("__main__")

    def output_of(self, code, *args):
        """Return what a child prints. It can import the module."""
        folder = os.path.dirname(inheritable.__file__)
        environ = {**os.environ, "PYTHONPATH": folder}
        return output_of(code, *args, cwd=self.folder, env=environ)

    def run_process(self, context, target, *args):
        """Run a process to its end, and check that it succeeds."""
        process = context.Process(target=target, args=args)
        process.start()
        self.finish(process)

    def finish(self, process):
        process.join(A_LONG_TIME)
        if process.is_alive():
            process.kill()
            self.fail("this process hangs")
        self.assertEqual(process.exitcode, 0)
        process.close()

    def received(self, context, *args):
        """Return what a process receives for each argument, or the errno."""
        report = f"{self.path}-{context.get_start_method()}"
        self.run_process(context, self.jobs.report_receiving, report, *args)
        with open(report) as file:
            return json.load(file)

    def skip_broken_executors(self, context):
        executor = concurrent.futures.ProcessPoolExecutor
        old = PYPY and not hasattr(executor, "_adjust_process_count")
        if old and context.get_start_method() != "fork":
            self.skipTest("PyPy 7.3.11 has executors for the start method fork only")

    def read_to_end(self, reader):
        """Read a pipe up to end-of-file. No other process may have the write end."""
        if PROC:
            self.assertEqual({row.pid for row in holders(reader)}, {os.getpid()})
        return reader.read()

    @each_method
    def test_a_process_receives_files(self, context):
        r, w = self.pipe()
        handles = [self.handle, handle_of(r), handle_of(w)]
        set_inheritable(r, True)
        with passing(self.file, w) as child:
            process = context.Process(target=self.jobs.copy_over, args=child.args)
            process.start()
            self.assertEqual(flags_of(handles), [WINDOWS, True, WINDOWS])
        self.assertEqual(flags_of(handles), [False, True, False])
        w.close()
        self.finish(process)
        self.assertEqual(self.read_to_end(r), b"secret")

    @each_method
    def test_a_file_is_received_as_often_as_given_and_not_inheritable(self, context):
        before = open_after_collection()
        with passing(self.file, self.file, OpenHandle(self.handle)) as child:
            self.assertEqual(len(set(child.args)), 3)
            results = self.received(context, *child.args, *child.args)
        self.assertEqual(results, [["secret", False]] * 3 + [errno.EBADF] * 3)
        if context.get_start_method() == "fork":
            self.assertEqual(open_after_collection(), before)

    @each_method
    def test_a_file_opened_for_appending_goes_on_appending(self, context):
        path = f"{self.path}-{context.get_start_method()}"
        with open(path, "a") as log:
            log.write("parent\n")
            log.flush()
            with open(path, "a") as third:
                third.write("third\n")
            with passing(log) as child:
                self.run_process(context, self.jobs.write_hello, *child.args)
        words = pathlib.Path(path).read_text().split()
        self.assertEqual(words, ["parent", "third", "hello"])

    @each_method
    def test_a_process_receives_a_socket(self, context):
        _, client, accepted = self.sockets()
        client.sendall(b"hello")
        with passing(accepted) as child:
            self.run_process(context, self.jobs.answer_socket, WINE, *child.args)
        accepted.close()
        self.assertEqual(client.recv(100), b"HELLO")
        # No process has that end open.
        self.assertEqual(client.recv(100), b"")

    @each_method
    def test_standard_streams_go_over_as_duplicates(self, context):
        code = """
            import multiprocessing, sys, inheritable, jobs
            context = multiprocessing.get_context(sys.argv[1])
            with inheritable.passing(sys.stdout) as child:
                process = context.Process(target=jobs.write_hello, args=child.args)
                process.start()
            process.join()
            print(process.exitcode)
            """
        self.assertEqual(self.output_of(code, context.get_start_method()), "hello0\n")

    @contextlib.contextmanager
    def workers(self):
        """Check that workers with these arguments write the numbers 0 to 3 to a file.

        Yields:
            The function and the arguments that initialize a worker.
        """
        r, w = self.pipe()
        with passing(w) as child:
            yield self.jobs.initialize_worker, tuple(child.args)
        w.close()
        written = sorted(self.read_to_end(r).split())
        self.assertEqual(written, [b"%d" % number for number in range(4)])

    @each_method
    def test_the_workers_of_an_executor_receive_files(self, context):
        self.skip_broken_executors(context)
        executors = concurrent.futures.ProcessPoolExecutor
        with self.workers() as initial, executors(2, context, *initial) as executor:
            done = list(executor.map(self.jobs.work, range(4)))
            self.assertEqual(done, list(range(4)))

    @each_method
    def test_the_workers_of_a_pool_receive_files(self, context):
        # Each worker does one task, and then another worker takes its place. Python
        # would warn about a fork then, since the pool has threads.
        tasks = None if context.get_start_method() == "fork" else 1
        with self.workers() as initial, context.Pool(2, *initial, tasks) as pool:
            self.assertEqual(pool.map(self.jobs.work, range(4), 1), list(range(4)))
            pool.close()
            pool.join()

    @each_method
    def test_leaves_nothing_open(self, context):
        _, w = self.pipe()
        lists = []
        # With the first process, multiprocessing starts its helpers, which stay.
        for _ in range(3):
            with passing(self.file, w) as child:
                self.run_process(context, self.jobs.copy_over, *child.args)
            lists.append([row.handle for row in open_after_collection()])
        self.assertEqual(lists[1], lists[2])

    # Ends the block of a file, and lets another file take its number.
    TOO_LATE = """
        import concurrent.futures, multiprocessing, os, sys
        import inheritable, jobs
        method, path, report = sys.argv[1:]
        context = multiprocessing.get_context(method)
        file = open(path)
        with inheritable.passing(file) as child:
            executor = concurrent.futures.ProcessPoolExecutor(
                1, context, jobs.initialize_worker, tuple(child.args)
            )
        fd = file.fileno()
        file.close()
        stranger = open(inheritable.__file__)
        if stranger.fileno() != fd:
            sys.exit("the stranger has another number")
        inheritable.set_inheritable(stranger, True)
        """

    def output_too_late(self, context, code, report):
        """Return what code prints after that."""
        code = textwrap.dedent(self.TOO_LATE) + textwrap.dedent(code)
        return self.output_of(code, context.get_start_method(), self.path, report)

    @each_method
    def test_a_process_that_is_started_too_late_receives_nothing(self, context):
        code = """
            args = (report, *child.args)
            process = context.Process(target=jobs.report_receiving, args=args)
            try:
                process.start()
                process.join()
            except ValueError as error:
                print(error)
            """
        method = context.get_start_method()
        report = f"{self.path}-{method}"
        printed = self.output_too_late(context, code, report)
        if method == "fork":
            with open(report) as file:
                self.assertEqual((printed, json.load(file)), ("", [errno.EBADF]))
        else:
            self.assertIn("the passing block has ended", printed)
            self.assertFalse(os.path.exists(report))

    @each_method
    def test_a_pool_that_is_first_used_too_late_fails(self, context):
        self.skip_broken_executors(context)
        code = """
            try:
                print(executor.submit(len, "").result(60))
                executor.shutdown()
            except Exception as error:
                print(type(error).__name__, flush=True)
            os._exit(0)
            """
        printed = self.output_too_late(context, code, "")
        forked = context.get_start_method() == "fork"
        expected = "BrokenProcessPool" if forked else "ValueError"
        self.assertEqual(printed.strip(), expected)

    def test_an_argument_is_a_plain_string_otherwise(self):
        with open(self.path + "2", "a") as log, passing(self.file, log) as child:
            for arg in child.args:
                self.assertIsInstance(arg, str)
                plain = [str(arg), f"{arg}", copy.copy(arg), copy.deepcopy(arg)]
                protocols = range(pickle.HIGHEST_PROTOCOL + 1)
                pickled = [pickle.dumps(arg, protocol) for protocol in protocols]
                plain += [pickle.loads(text) for text in pickled]
                for text in plain:
                    self.assertIs(type(text), str)
                    self.assertEqual(text, arg)
            copied = copy.deepcopy(child.args)
            self.assertEqual(copied, child.args)
            self.assertEqual({type(arg) for arg in copied}, {str})

    def test_an_argument_is_a_plain_string_where_multiprocessing_is_not_used(self):
        code = """
            import os, pickle, sys, inheritable
            with inheritable.passing(os.open(sys.argv[1], os.O_RDONLY)) as child:
                text = pickle.loads(pickle.dumps(child.args[0]))
            print(type(text) is str, text == child.args[0])
            print("multiprocessing" in sys.modules)
            """
        self.assertEqual(output_of(code, self.path).split(), ["True", "True", "False"])

    def test_a_plain_string_is_not_handed_over(self):
        context = multiprocessing.get_context("spawn")
        with passing(self.file) as child:
            results = self.received(context, str(child.args[0]))
        self.assertEqual(results, [errno.EBADF])


class TestAnotherCopy(Case):
    """Two copies of the module in one process understand each other's objects."""

    def setUp(self):
        super().setUp()
        path = os.path.join(self.folder, "copied.py")
        shutil.copy(inheritable.__file__, path)
        spec = importlib.util.spec_from_file_location("copied", path)
        self.copied = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.copied)

    def test_an_open_handle_of_it_is_a_file(self):
        handle = self.copied.OpenHandle(self.handle)
        self.assertNotIsInstance(handle, OpenHandle)
        set_inheritable(handle, True)
        self.assertIs(get_inheritable(handle), True)
        disable_inheritance(handle)
        self.assertIs(get_handle_inheritable(handle), True)
        set_handle_inheritable(handle, False)
        with temporarily(handle), passing(handle) as child:
            self.assertEqual(child.args, [str(self.handle)])
            self.assertIs(flag_of(self.handle), True)
        self.assertIs(flag_of(self.handle), False)

    @unittest.skipUnless(FINDS_HOLDERS, "this system does not show who has a file open")
    def test_an_open_handle_of_it_has_holders(self):
        handle = self.copied.OpenHandle(self.handle)
        rows = holders(self.file)
        self.assertEqual(holders(handle), rows)
        self.assertEqual(holders(handle, os.getpid()), rows)
        pid, (number,) = self.keep(self.file)
        rows = holders(self.file)
        self.assertEqual(len(rows), 2)
        self.assertEqual(holders(self.copied.OpenHandle(number), pid), rows)

    @forks
    def test_a_forked_child_receives_a_duplicate_once(self):
        def receive_twice(arg):
            fd = receive(arg)
            self.assertNotEqual(fd, self.fd)
            self.assertEqual(flags_of([fd, self.fd]), [False, False])
            self.assertTrue(os.path.sameopenfile(fd, self.fd))
            for function in receive, receive_handle:
                again = outcome(function, arg)
                self.assertEqual(again[:2], (OSError, errno.EBADF))
            # Both numbers can be closed.
            os.close(fd)
            self.file.close()

        for module in inheritable, self.copied:
            with self.subTest(module=module), module.passing(self.file) as child:
                # One child after another can receive it.
                for _ in range(2):
                    self.assertEqual(status_of_fork(receive_twice, *child.args), 0)
                # This process itself cannot receive it.
                got = outcome(receive, *child.args)
                self.assertEqual(got[:2], (OSError, errno.EBADF))


# ---------------------------------------------------------------------------------
# The command line
# ---------------------------------------------------------------------------------


def run_module(*args, files=(), **options):
    """Pass files to inheritable.py. Return its status, its stdout and its stderr."""
    if files:
        with passing(*files) as child:
            return run_module(*args, **child.popen, **options)
    done = run_command([*TOOL, *map(str, args)], **options)
    return done.returncode, done.stdout, done.stderr


def without_note(err):
    """Return what holders prints on stderr, without the note on other processes."""
    advice = "CAP_SYS_PTRACE may be missing" if ROOT else "try as root"
    note = rf"inheritable: \d+ process(es)? could not be inspected: {advice}\n"
    return re.sub(note, "", err)


def run_holders(*args, **options):
    """Run the command holders. Return its status, its stdout and its stderr."""
    status, out, err = run_module("holders", *args, **options)
    return status, out, without_note(err)


def with_plain_path():
    """Return an environment with a PATH whose folders everyone may search.

    Otherwise a missing command may count as inaccessible.
    """
    return {**os.environ, "PATH": os.environ["PATH"] if WINDOWS else os.defpath}


def unescaped(message):
    """Replace the escapes in a message with the characters they stand for."""
    escape = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})")
    text = escape.sub(lambda found: chr(int(found[1] or found[2], 16)), message)
    return text.replace("\\\\", "\\")


def tool_in_shell(script):
    """Return a command that runs a script of the shell with inheritable.py as "$@".

    Arguments can be appended.
    """
    return ["sh", "-c", script, "sh", *TOOL]


class CommandCase(Case):
    def execute(self, code, *args, before=(), **options):
        """Run Python code by the command run."""
        return run_module("run", *before, *python_command(code, *args), **options)

    def check_refused(self, status, *args, **options):
        """Check that a command fails with a message of one line. Return it."""
        got, out, err = run_module(*args, files=[self.file], **options)
        self.assertEqual((got, out), (status, ""), err)
        (message,) = self.messages(err)
        return message

    def messages(self, err):
        lines = err.splitlines()
        for line in lines:
            self.assertRegex(line, "^inheritable: .")
            self.assertNotIn("\x1b", line)
        return [unescaped(line) for line in lines]


class TestList(Case):
    def rows(self, text):
        """Return number, flag and the rest of each row of a table."""
        pattern = re.compile(r" *(\d+)  (yes|no)  ? *(.*)$")
        return [pattern.match(line).groups() for line in text.splitlines()[1:]]

    def test_prints_a_table(self):
        set_inheritable(self.file, True)
        for args in [], ["list"]:
            status, out, err = run_module(*args, close_fds=False)
            self.assertEqual((status, err), (0, ""))
            head, *lines = out.splitlines()
            self.assertTrue(head.startswith("handle  inheritable  "))
            self.assertTrue(head.endswith("target"))
            rows = self.rows(out)
            numbers = [int(number) for number, _, _ in rows]
            self.assertEqual(numbers, sorted(set(numbers)))
            flags = {int(number): flag for number, flag, _ in rows}
            self.assertEqual(flags[self.handle], "yes")
            starts = {line.index(row[1]) for line, row in zip(lines, rows)}
            self.assertEqual(starts, {8})

    def test_the_table_has_the_targets(self):
        if not WINDOWS and not PROC:
            self.skipTest("this system does not show the paths of files")
        _, out, _ = run_module(files=[self.file])
        rests = {int(number): rest for number, _, rest in self.rows(out)}
        target = re.sub("^(rw|r|w) +", "", rests[self.handle])
        self.assertTrue(os.path.samefile(target, self.path))

    def test_the_table_names_the_standard_streams(self):
        rests = {int(row[0]): row[2] for row in self.rows(run_module()[1])}
        if WINDOWS:
            named = [rest for rest in rests.values() if rest.endswith(")")]
            found = sorted(rest.split("(")[-1] for rest in named)
            self.assertEqual(found, ["stderr)", "stdin)", "stdout)"])
        else:
            endings = [rests[fd].split("(")[-1] for fd in (0, 1, 2)]
            self.assertEqual(endings, ["stdin)", "stdout)", "stderr)"])

    def test_json(self):
        set_inheritable(self.file, True)
        status, out, err = run_module("--json", close_fds=False)
        rows = json.loads(out)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(set(rows[0]), set(OpenHandle._fields))
        flags = [row["inheritable"] for row in rows if row["handle"] == self.handle]
        self.assertEqual(flags, [True])

    def test_pid(self):
        if not WINDOWS and not PROC:
            status, out, err = run_module("--pid", os.getpid())
            self.assertEqual((status, out, len(err.splitlines())), (1, "", 1))
            self.skipTest("this system does not show other processes")
        status, out, err = run_module("list", "--pid", os.getpid(), "--json")
        self.assertIn(self.handle, [row["handle"] for row in json.loads(out)])
        status, out, err = run_module(f"--pid={os.getpid()}")
        self.assertEqual((status, err), (0, ""))
        self.assertNotIn("stdin)", out)

    @proc
    def test_a_stdout_that_cannot_be_written_is_1(self):
        # Writing fails with EINVAL, which here does not mean a closed pipe.
        with open("/proc/self/oom_score_adj", "w") as refusing:
            status, _, err = run_module(stdout=refusing)
        self.assertEqual((status, len(err.splitlines())), (1, 1))

    def test_runs_as_a_module_and_copied(self):
        shutil.copy(inheritable.__file__, os.path.join(self.folder, "copied.py"))
        for folder, *args in [
            [HERE, "-m", "inheritable"],
            [self.folder, "copied.py"],
            [self.folder, "-m", "copied"],
        ]:
            done = run_command([sys.executable, *args], cwd=folder)
            self.assertEqual(done.returncode, 0)
            rows = self.rows(done.stdout)
            self.assertEqual(len(rows), len(done.stdout.splitlines()) - 1)


class TestCheck(Case):
    """list --check."""

    def check(self, *args, **options):
        return run_module("list", "--check", *args, **options)

    def test_is_silent_if_nothing_leaks_in(self):
        self.assertEqual(self.check(), (0, "", ""))
        self.assertEqual(run_module("--check"), (0, "", ""))
        self.assertEqual(self.check("--json"), (0, "[]\n", ""))

    def test_what_leaks_in_is_1(self):
        w = self.pipe()[1]
        # A shell needs more than one digit for this number.
        while not WINDOWS and w.fileno() < 10:
            w = self.pipe()[1]
        files = [self.file, w]
        status, out, err = self.check(files=files)
        as_json = self.check("--json", files=files)
        everything = run_module("--json", files=files)
        self.assertEqual(status, 1)
        head, *lines = out.splitlines()
        self.assertEqual(head, "handle  inheritable  access  target")
        rows = [line.split()[:3] for line in lines]
        numbers = sorted([(self.handle, "rw"), (handle_of(w), "w")])
        # It says what to do, for these very numbers.
        closed = " ".join(f"{number}<&-" for number, _ in numbers)
        closing = ""
        if not WINDOWS:
            closing = f"close them for this command ({closed} in bash), or "
        note = f"inheritable: a child would inherit 2 files: {closing}"
        self.assertEqual(err, f"{note}start your program with inheritable.py run\n")
        self.assertEqual(rows, [[str(number), "yes", mode] for number, mode in numbers])
        self.assertEqual(as_json[::2], (1, err))
        listed = [row for row in json.loads(everything[1]) if row["inheritable"]]
        expected = [row for row in listed if row["handle"] in dict(numbers)]
        self.assertEqual(json.loads(as_json[1]), expected)
        self.assertEqual([row["handle"] for row in expected], sorted(dict(numbers)))

    def test_what_is_not_inheritable_does_not_count(self):
        # On Windows, the process has many such handles.
        code = """
            import runpy, sys, inheritable
            sys.argv[1:] = ["--check"]
            with open(inheritable.__file__) as file:
                runpy.run_path(inheritable.__file__, run_name="__main__")
            """
        done = run_python(code)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    @windows
    def test_a_duplicate_of_a_stream_is_that_stream(self):
        # The python.exe of a venv passes such duplicates on.
        reader, w = self.pipe()
        duplicate = os.fdopen(os.dup(w.fileno()), "wb", 0)
        self.addCleanup(duplicate.close)
        status, _, err = self.check(stdout=w, files=[duplicate])
        self.assertEqual((status, err), (0, ""))
        # The other end of the pipe is another object.
        files = [duplicate, reader]
        status, out, err = self.check("--json", stderr=w, files=files)
        self.assertEqual(status, 1)
        numbers = [row["handle"] for row in json.loads(out)]
        self.assertEqual(numbers, [handle_of(reader)])

    @posix
    def test_a_duplicate_of_a_stream_counts(self):
        status, out, err = self.check("--json", stdin=self.file, files=[self.file])
        self.assertEqual(status, 1)
        self.assertEqual([row["handle"] for row in json.loads(out)], [self.fd])
        shell = " in bash" if self.fd > 9 else ""
        self.assertIn(f"1 file: close it for this command ({self.fd}<&-{shell})", err)


class TestHoldersCommand(Case):
    HEAD = "   pid  handle  inheritable  access  command"

    def setUp(self):
        super().setUp()
        if not FINDS_HOLDERS:
            status, out, err = run_holders(0)
            self.assertEqual((status, out), (2, ""))
            self.assertNotIn("try --help", err)
            self.skipTest("this system does not show other processes")

    def rows(self, text):
        """Return the process, the number and the other columns of each row."""
        head, *lines = text.splitlines()
        self.assertEqual(head, self.HEAD)
        pattern = re.compile(r" *(\d+)  +(\d+)  (yes|no ) {9} (rw|r |w |- ) {6}(.*)$")
        rows = [pattern.match(line).groups() for line in lines]
        return [
            (int(pid), int(number), flag.strip(), mode.strip(), rest)
            for pid, number, flag, mode, rest in rows
        ]

    def found(self, *args, **options):
        """Return the rows of a command that finds something."""
        status, out, err = run_holders(*args, **options)
        self.assertEqual((status, err), (0, ""))
        return self.rows(out)

    def test_of_a_descriptor_of_its_own(self):
        found = self.found(self.handle, files=[self.file])
        rows = {row[0]: row for row in found}
        self.assertEqual(len(rows), 2)
        ours = rows.pop(os.getpid())
        flag = "yes" if WINDOWS else "no"
        self.assertEqual(ours[:4], (os.getpid(), self.handle, flag, "rw"))
        ((_, *its_own),) = rows.values()
        self.assertEqual(its_own[:3], [self.handle, "yes", "rw"])
        if WINDOWS:
            self.assertTrue(os.path.samefile(its_own[3], sys.executable))
        else:
            words = [*TOOL, "holders", str(self.handle)]
            self.assertEqual(shlex.split(its_own[3]), words)

    def test_of_a_handle_of_another_process(self):
        r, w = self.pipe()
        pid, (number,) = self.keep(w)
        expected = [(pid, number, "yes", "w")]
        expected.append((os.getpid(), handle_of(w), "no", "w"))
        if not WINDOWS:
            expected.append((os.getpid(), handle_of(r), "no", "r"))
        for args in ["--pid", pid, number], [f"--pid={pid}", "--", number]:
            found = [row[:4] for row in self.found(*args)]
            self.assertEqual(found, sorted(expected))
        status, out, err = run_holders("--json", "--pid", pid, number)
        self.assertEqual((status, err), (0, ""))
        rows = json.loads(out)
        self.assertEqual(rows, [row._asdict() for row in holders(w)])
        self.assertEqual(list(rows[0]), list(inheritable.Holder._fields))

    @posix
    def test_of_a_path(self):
        expected = [(os.getpid(), self.fd, "no", "rw")]
        link = self.path + "-link"
        os.symlink(self.path, link)
        for path in self.path, link:
            self.assertEqual([row[:4] for row in self.found(path)], expected)
        rows = json.loads(run_holders("--json", self.path)[1])
        self.assertEqual(rows, [row._asdict() for row in holders(self.file)])

    @posix
    def test_a_file_that_is_named_with_a_number(self):
        name = str(self.fd)
        with open(os.path.join(self.folder, name), "w") as other:
            ((pid, number, *_),) = self.found(f"./{name}", cwd=self.folder)
            self.assertEqual((pid, number), (os.getpid(), other.fileno()))
            # Without ./ it is a descriptor, which is not open there.
            self.assertEqual(run_holders(name, cwd=self.folder)[0], 2)

    @posix
    def test_nobody_is_1(self):
        self.file.close()
        self.assertEqual(run_holders(self.path), (1, self.HEAD + "\n", ""))
        self.assertEqual(run_holders("--json", self.path), (1, "[]\n", ""))

    @posix
    def test_a_fifo_is_not_waited_for(self):
        fifo = self.path + "-fifo"
        os.mkfifo(fifo)
        self.assertEqual(run_holders(fifo, timeout=60)[0], 1)
        fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        found = [row[:4] for row in self.found(fifo, timeout=60)]
        self.assertEqual(found, [(os.getpid(), fd, "no", "r")])

    @posix
    def test_no_device_is_opened(self):
        # A Unix socket cannot be opened, nor can a device without a driver.
        path = os.path.join(self.folder, "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            self.assertEqual(outcome(os.open, path, os.O_RDONLY)[1], errno.ENXIO)
            self.assertEqual(run_holders(path)[0], 1)
        device = os.path.join(self.folder, "device")
        try:
            os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(240, 255))
        except OSError:
            self.skipTest("the tests are not allowed to create a device")
        if isinstance(outcome(os.open, device, os.O_RDONLY), int):
            self.skipTest("this device has a driver")
        self.assertEqual(run_holders(device)[0], 1)


class TestEveryCommand(CommandCase):
    """What is the same for list, list --check, holders and run."""

    def run_all(self, commands):
        """Run many commands in a single child, which prints the status of each."""
        code = """
            import json, sys, inheritable
            for args in json.load(sys.stdin):
                print(inheritable._main(args), flush=True)
            """
        text = json.dumps([[*map(str, args)] for args in commands])
        with passing(self.file) as child:
            return run_python(code, input=text, **child.popen)

    def check_all_refused(self, status, commands):
        """Check the same of many commands. Return the messages."""
        done = self.run_all(commands)
        statuses = [str(status)] * len(commands)
        self.assertEqual(done.stdout.split(), statuses, done.stderr)
        messages = self.messages(done.stderr)
        self.assertEqual(len(messages), len(commands), done.stderr)
        return messages

    def test_bad_usage_is_2(self):
        usages = [
            *[["--pid"], ["--pid", "x"], ["--pid", "-7"], ["--pid", "1_0"]],
            *[["--pid", "\u0667"], ["--no"], ["list", "ls"]],
            *[["--check", "x"], ["--check", "--pid"]],
            ["list", "--check", "--json", "--pid=7"],
            *[["holders"], ["holders", "--"], ["holders", "1", "2"]],
            *[["holders", "-3"], ["holders", "--pid"], ["holders", "--pid", "1"]],
            ["holders", "--pid", "x", "1"],
            ["holders", "--pid", "-1", "1"],
            ["holders", "--pid", "1", "x"],
            ["holders", "--pid", "1", self.path],
            ["holders", "--pid", "1", "./3"],
            *[["holders", "--check", "1"], ["holders", "--json=1", "1"]],
            *[["run", "--"], ["run", "--pass"], ["run", "--json", "ls"]],
        ]
        told = [
            (["nonsense"], "unexpected argument 'nonsense'"),
            (["--check", "--pid", "7"], "--check is for this process only"),
            (["run"], "expected a COMMAND"),
        ]
        for text in "", "x", "-1", "+1", " 1", "1_0", "\u0661", "\u00b2", "\uff11":
            args = ["run", "--pass", text, "ls"]
            told.append((args, f"expected a number, not {text!r}"))
        if not WINDOWS:
            fd = self.fd
            told += [
                (["run", "--pass", ":3", "ls"], "expected a number, not ''"),
                (["run", f"--pass={fd}:9", f"--pass={fd}:9", "ls"], "number 9"),
                (["run", f"--pass={fd}:9", "--pass=9", "ls"], "number 9"),
                (["run", "--pass", "0:9", "--pass=1:9", "ls"], "number 9"),
                (["run", f"--pass={fd}:0", "--pass=0:00", "ls"], "number 0"),
            ]
            for text in "", "x", " 3", "-3", "+3", "3_0", "3:4", ":3", "\u0663":
                args = ["run", "--pass", f"{fd}:{text}", "ls"]
                told.append((args, f"expected a number, not {text!r}"))
        told += [(args, "") for args in usages]
        messages = self.check_all_refused(2, [args for args, _ in told])
        for (args, words), message in zip(told, messages):
            with self.subTest(args=args):
                self.assertIn(" ".join(args), message)
                self.assertIn(words, message)
                self.assertTrue(message.endswith(" (try --help)"), message)
        self.check_refused(2, "nonsense")

    def test_a_bad_descriptor_is_named(self):
        self.check_refused(2, "run", "--pass", "1" + "0" * 5000, "ls")
        for number in "9999996", str(2**32), str(2**64):
            commands = [
                ["run", "--pass", number, "ls"],
                ["run", "--pass", self.handle, "--pass", number, "ls"],
            ]
            if not WINDOWS:
                commands += [
                    ["run", f"--pass={self.fd}:9", f"--pass={number}", "ls"],
                    ["run", f"--pass={number}:3", "ls"],
                ]
            for message in self.check_all_refused(2, commands):
                self.assertIn(f"bad descriptor {number}", message)
                self.assertNotIn("try --help", message)
        if not WINDOWS:
            for number in 2**31 - 2, 2**31 - 1, 2**31, 2**32 + 3, 2**64:
                pair = f"{self.fd}:{number}"
                message = self.check_refused(2, "run", "--pass", pair, "ls")
                self.assertIn(f"descriptor {number}", message)

    def test_an_error_says_what_was_asked(self):
        ended = subprocess.Popen(python_command(""))
        ended.wait(A_LONG_TIME)
        pid = os.getpid()
        asked = {1: [["list", "--pid", 4999999], ["list", "--json", "--pid", 2**40]]}
        if FINDS_HOLDERS:
            asked[2] = [
                ["holders", 9999996],
                ["holders", "--json", 9999996],
                ["holders", 2**64],
                ["holders", "1" + "0" * 5000],
                ["holders", "--pid", ended.pid, 0],
                ["holders", "--pid", 2**40, 0],
                ["holders", "--pid", pid, 9999996],
                ["holders", "--pid", pid, 2**64],
            ]
        for status, commands in asked.items():
            messages = self.check_all_refused(status, commands)
            for args, message in zip(commands, messages):
                self.assertIn(" ".join(map(str, args)), message)
                self.assertNotIn("try --help", message)

    @proc
    def test_an_error_about_a_path(self):
        missing, below_a_file = (f"{path}/no" for path in (self.folder, self.path))
        paths = [missing, below_a_file, "", "\x1b[2J\n"]
        messages = self.check_all_refused(2, [["holders", path] for path in paths])
        self.assertIn("\x1b[2J", messages[-1])

    @proc
    def test_what_has_no_identity(self):
        epoll = select.epoll()
        self.addCleanup(epoll.close)
        status, out, err = run_module("holders", epoll.fileno(), files=[epoll])
        self.assertEqual((status, out), (2, ""))
        self.assertIn("anon_inode", err)

    def test_help_and_version(self):
        helped = run_module("--help")
        self.assertEqual((helped[0], helped[2]), (0, ""))
        words = "list holders run --pid --json --pass --version 127 126"
        for word in [*words.split(), "make test"]:
            self.assertIn(word, helped[1])
        version = f"inheritable {inheritable.__version__}\n"
        self.assertEqual(run_module("--version"), (0, version, ""))
        commands = []
        for args in [], ["list"], ["holders"], ["run"]:
            commands += [[*args, "--help"], [*args, "-h", "1"], [*args, "--version"]]
        done = self.run_all(commands)
        expected = 4 * f"{helped[1]}0\n{helped[1]}0\n{version}0\n"
        self.assertEqual((done.stdout, done.stderr), (expected, ""))

    def test_a_reader_that_went_away_is_no_error(self):
        w = self.pipe_without_reader()
        commands = [(["list"], 0), (["list", "--json"], 0), (["list", "--check"], 1)]
        if FINDS_HOLDERS:
            commands.append((["holders", self.handle], 0))
        for args, expected in commands:
            with self.subTest(args=args):
                status, _, err = run_module(*args, stdout=w, files=[self.file])
                self.assertEqual(status, expected)
                self.assertNotIn("rror", err)

    @posix
    def test_a_stdout_that_is_closed_or_full_is_an_error(self):
        commands = [
            (1, []),
            (1, ["list", "--json"]),
            (1, ["--help"]),
            (2, ["--check"]),
            (2, ["--check", "--json"]),
        ]
        if FINDS_HOLDERS:
            found = [[self.path], ["--json", self.path], ["--help"]]
            commands += [(2, ["holders", *args]) for args in found]
        # How many lines each then prints to stderr.
        redirections = {">&-": 1, ">&- 2>&-": 0}
        if os.path.exists("/dev/full"):
            redirections[">/dev/full"] = 1
        for redirection, lines in redirections.items():
            start = tool_in_shell(f'"$@" {redirection}')
            for expected, args in commands:
                with self.subTest(redirection=redirection, args=args):
                    with passing(self.file) as child:
                        done = run_command([*start, *args], **child.popen)
                    got = done.returncode, done.stdout, len(done.stderr.splitlines())
                    self.assertEqual(got, (expected, "", lines))
            # A command that prints nothing needs no stdout.
            self.assertEqual(run_command([*start, "--check"]).returncode, 0)
        self.assertEqual(run_command(tool_in_shell('"$@" 2>&-')).returncode, 0)

    @proc
    def test_names_cannot_steer_the_terminal(self):
        name = b"\x1b[2J\n\xff\x85"
        path = os.path.join(os.fsencode(self.folder), name)
        c_locale = {"LC_ALL": "C"}
        ascii_only = {**c_locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        environs = [c_locale, ascii_only, {"PYTHONIOENCODING": "utf-8"}]
        with open(path, "w") as file, passing(file) as child:
            self.keep(file, args=[os.fsdecode(name)])
            for command, expected, more in [
                *(("list", 0, environ) for environ in environs),
                *(("holders", 0, environ) for environ in environs),
                ("--check", 1, ascii_only),
            ]:
                args = [command, *child.args] if command == "holders" else [command]
                options = {"env": {**os.environ, **more}, **child.popen}
                with self.subTest(args=args, environ=more):
                    self.check_escapes(expected, args, options)

    def check_escapes(self, expected, args, options):
        status, out, _ = run_module(*args, **options)
        self.assertEqual(status, expected)
        (line,) = (line for line in out.split("\n") if "[2J" in line)
        self.assertTrue(line.isprintable())
        self.assertIn("\\x1b[2J\\n", line)
        self.assertIn("\\udcff\\udc85", line)
        status, out, _ = run_module(args[0], "--json", *args[1:], **options)
        self.assertEqual(status, expected)
        self.assertTrue(out.replace("\n", "").isprintable())
        rows = json.loads(out)
        texts = [str(row.get("target") or row.get("command")) for row in rows]
        (text,) = (text for text in texts if "[2J" in text)
        text = text.encode("utf-8", "surrogateescape")
        self.assertIn(b"\x1b[2J\n\xff\x85", text)


class TestRun(CommandCase):
    def test_gives_only_what_is_named(self):
        r, w = self.pipe()
        numbers = [self.handle, handle_of(r), handle_of(w)]
        two = [f"--pass={numbers[0]}", "--pass", numbers[2], "--"]
        with temporarily(self.file, r, w):
            for before, expected in [
                [[], []],
                [["--"], []],
                [["--pass", numbers[1]], numbers[1:2]],
                [two, [numbers[0], numbers[2]]],
            ]:
                status, out, err = self.execute(
                    LOOK, *numbers, before=before, close_fds=False
                )
                self.assertEqual((status, json.loads(out), err), (0, expected, ""))

    def test_gives_what_was_passed_to_it(self):
        before = ["--pass", self.handle]
        got = self.execute(READ, self.handle, before=before, files=[self.file])
        self.assertEqual(got, (0, "secret", ""))

    @posix
    def test_a_standard_stream_may_be_named(self):
        self.assertEqual(self.execute("", before=["--pass", 0]), (0, "", ""))

    def test_the_arguments_are_those_of_the_command(self):
        args = ["--pass", "7", "--", "--help", "-x", "-h", "", "a b", 'q"q', "\\"]
        got = self.execute("import sys; print(sys.argv[1:])", *args)
        self.assertEqual(got, (0, f"{args!r}\n", ""))

    def test_the_streams_are_those_of_the_command(self):
        code = """
            import sys
            sys.stdout.write(sys.stdin.read().upper())
            sys.stderr.write("error")
            """
        self.assertEqual(self.execute(code, input="input"), (0, "INPUT", "error"))

    def test_the_status_is_that_of_the_command(self):
        statuses = [0, 1, 3, 127, 255]
        if WINDOWS:
            statuses += [256, 0x7FFFFFFF, 0x80000000, 0xC0000005, 0xFFFFFFFF]
        for status in statuses:
            signed = status - 2**32 if status >> 31 else status
            got = self.execute(f"import os; os._exit({signed})")
            self.assertEqual(got, (status, "", ""))

    def test_not_found_is_127(self):
        missing = os.path.join(self.folder, "no")
        below_a_file = os.path.join(self.path, "no")
        commands = [["no such command"], [missing], [below_a_file], [""]]
        if not WINDOWS:
            commands.append(["--pass=1:9", "no such command"])
        for command in commands:
            message = self.check_refused(127, "run", *command, env=with_plain_path())
            self.assertIn(command[-1], message)
            self.assertNotIn("try --help", message)

    @posix
    def test_not_executable_is_126(self):
        program = write_file(self.folder, "program", "echo a script without #!")
        for mode in 0o644, 0o755:
            os.chmod(program, mode)
            self.check_refused(126, "run", program)
        self.check_refused(126, "run", self.folder)

    @posix
    def test_the_status_is_the_same_if_nobody_reads_stderr(self):
        # An unreadable message causes neither a traceback nor SIGPIPE.
        w = self.pipe_without_reader()
        program = write_file(self.folder, "program", "no program")
        for expected, *args in [
            [127, "run", "no such command"],
            [126, "run", program],
            [2, "run", "--pass", "9999996", "ls"],
            [2, "run"],
        ]:
            options = {"env": with_plain_path()}
            self.assertEqual(run_module(*args, stderr=w, **options)[0], expected)
            done = run_command([*tool_in_shell('"$@" 2>&-'), *args], **options)
            self.assertEqual(done.returncode, expected)

    @posix
    def test_signals_are_those_of_the_command(self):
        code = "import os; os.kill(os.getpid(), 9)"
        self.assertEqual(self.execute(code)[0], -9)
        self.assertEqual(run_module("run", "sh", "-c", "kill -TERM $$")[0], -15)

    @posix
    def test_a_closed_pipe_ends_it_quietly(self):
        # yes writes forever. SIGPIPE ends it, which Python itself ignores.
        got = run_module("run", "yes", stdout=self.pipe_without_reader())
        self.assertEqual(got, (-signal.SIGPIPE, None, ""))

    @posix
    def test_the_limit_of_a_file_size_ends_it(self):
        # Python ignores SIGXFSZ too.
        out = os.path.join(self.folder, "out")
        limited = tool_in_shell('ulimit -f 1; exec "$@"')
        dd = ["dd", "if=/dev/zero", f"of={out}", "bs=4096", "count=10"]
        done = run_command([*limited, "run", *dd])
        self.assertEqual(done.returncode, -signal.SIGXFSZ)


@posix
class TestPassAs(CommandCase):
    """run --pass FD:AS."""

    # Prints the content of each descriptor, or "closed".
    READ_ALL = """
        import errno, os, sys
        for number in map(int, sys.argv[1:]):
            try:
                print(os.pread(number, 100, 0).decode())
            except OSError as error:
                print("closed" if error.errno == errno.EBADF else error)
        """

    def setUp(self):
        super().setUp()
        self.files = []
        for index in range(3):
            file = open(f"{self.path}-{index}", "w+")  # noqa: SIM115
            self.addCleanup(file.close)
            file.write(f"file {index}")
            file.flush()
            self.files.append(file)
        self.fds = [file.fileno() for file in self.files]

    def read(self, passed, *numbers):
        """Pass what these texts say. Return what the command reads from the numbers."""
        options = [f"--pass={text}" for text in passed]
        before = [*options, "--"]
        got = self.execute(self.READ_ALL, *numbers, before=before, files=self.files)
        self.assertEqual(got[::2], (0, ""))
        return got[1].splitlines()

    def test_gives_it_as_another_number(self):
        first, second, third = self.fds
        numbers = range(3, max(self.fds) + 5)
        got = self.read([f"{first}:{number}" for number in numbers], *numbers)
        self.assertEqual(got, ["file 0"] * len(numbers))
        # It has no other number, and it replaces what had that number.
        got = self.read([f"{first}:{second}"], *self.fds)
        self.assertEqual(got, ["closed", "file 0", "closed"])
        got = self.read([f"{first}:{first}"], first, second)
        self.assertEqual(got, ["file 0", "closed"])
        # It goes with one that keeps its number.
        got = self.read([second, f"{first}:{third}"], *self.fds)
        self.assertEqual(got, ["closed", "file 1", "file 0"])

    def test_every_arrangement(self):
        first, second, third = self.fds
        low = [number for number in range(3, 20) if number not in self.fds][:3]
        free = low[0]
        four = [*self.fds, free]
        change = [(first, second), (second, first)]
        cycle = [(first, second), (second, third), (third, first)]
        for pairs, numbers, expected in [
            ([(first, second), (first, first), (first, third)], self.fds, "000"),
            (change, self.fds[:2], "10"),
            (cycle, self.fds, "201"),
            (cycle[::-1], self.fds, "201"),
            # Two change places, and one of them goes elsewhere too.
            ([*change, (first, free), (third, third)], four, "1020"),
            # One goes into a cycle that another one comes out of.
            ([(third, first), (first, second), (second, free)], four, "20-1"),
            ([(second, third), (third, second), (first, first)], four, "021-"),
            ([*cycle, (third, free)], four, "2012"),
            # The temporary copies do not get in the way.
            (list(zip(self.fds, low)), low, "012"),
            (list(zip(self.fds, low[::-1])), low[::-1], "012"),
        ]:
            with self.subTest(pairs=pairs):
                got = self.read([f"{fd}:{number}" for fd, number in pairs], *numbers)
                words = ["closed" if i == "-" else f"file {i}" for i in expected]
                self.assertEqual(got, words)

    def test_as_a_standard_stream(self):
        first = self.fds[0]
        code = """
            import sys
            sys.stdout.write(sys.stdin.read().upper())
            sys.stderr.write("to stderr")
            """
        self.files[0].seek(0)
        as_three = [f"{first}:0", f"{self.fds[1]}:1", f"{self.fds[2]}:2"]
        options = [f"--pass={pair}" for pair in as_three]
        got = self.execute(code, before=options, files=self.files)
        self.assertEqual(got, (0, "", ""))
        written = [os.pread(fd, 100, 0) for fd in self.fds[1:]]
        self.assertEqual(written, [b"file 1FILE 0", b"file 2to stderr"])

    def test_a_standard_stream_as_another_number(self):
        code = "import os, sys; os.write(int(sys.argv[1]), b'from there')"
        free = max(self.fds) + 4
        got = self.execute(code, free, before=["--pass", f"1:{free}"])
        self.assertEqual(got, (0, "from there", ""))
        got = self.execute(code, 1, before=["--pass", "1:2", "--pass=2:1"])
        self.assertEqual(got, (0, "", "from there"))

    def test_leaves_nothing_else_to_the_command(self):
        first, second, _ = self.fds
        # To change places, one of them is copied.
        before = [f"--pass={first}:{second}", f"--pass={second}:{first}", "--"]
        numbers = range(3, max(self.fds) + 40)
        with temporarily(*self.files):
            got = self.execute(LOOK, *numbers, before=before, close_fds=False)
        status, out, err = got
        self.assertEqual((status, json.loads(out), err), (0, [first, second], ""))


@posix
class TestRunKeepsWhatItPasses(CommandCase):
    """run --pass: what becomes of the files, their locks and their numbers."""

    # Moves files to the given numbers, in this process, and becomes a command.
    # Arguments: the limit of descriptors, pairs of path and number, "--", the command.
    START = """
        import os, resource, sys
        limit, *args = sys.argv[1:]
        end = args.index("--")
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(limit), int(limit)))
        for path, number in zip(args[:end:2], args[1:end:2]):
            fd = os.open(path, os.O_RDWR)
            if fd != int(number):
                os.dup2(fd, int(number), False)
                os.close(fd)
            os.set_inheritable(int(number), True)
        os.execv(args[end + 1], args[end + 1:])
        """

    def start(self, limit, files, *args):
        """Return the command that calls run with files of these numbers."""
        pairs = [str(word) for pair in files for word in pair]
        command = [*TOOL, "run", *args]
        return python_command(self.START, limit, *pairs, "--", *command)

    def test_no_message_goes_into_a_passed_file(self):
        # A copy of the file must not take the place of the closed stderr.
        data = write_file(self.folder, "data", "data")
        script = '"$@" run --pass 3:0 "$DATA/no" 3<>"$DATA" 2>&-'
        done = run_command(tool_in_shell(script), env={**os.environ, "DATA": data})
        self.assertEqual((done.returncode, done.stdout), (127, ""))
        self.assertEqual(pathlib.Path(data).read_text(), "data")

    def test_record_locks_survive(self):
        # They belong to the process. Closing any copy of the file would release them.
        data = write_file(self.folder, "data", "data")
        lock = """
            import fcntl, os, sys
            fcntl.lockf(9, fcntl.LOCK_EX)
            os.execv(sys.argv[1], sys.argv[1:])
            """
        code = "import sys; print('ready', flush=True); sys.stdin.read()"
        run = [*TOOL, "run", "--pass", "9"]
        inner = python_command(lock, *run, "--", *python_command(code))
        start = python_command(self.START, 30, data, 9, "--", *inner)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(start, **pipes) as process:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            with open(data, "r+") as file:
                got = outcome(fcntl.lockf, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.assertIn(got[1], (errno.EAGAIN, errno.EACCES))

    def test_any_number_below_the_limit(self):
        low = write_file(self.folder, "low", "low")
        high = write_file(self.folder, "high", "high")
        files = [(low, 5), (high, 40)]
        for passed, expected in [
            [["40"], ["high"]],
            [["5:40"], ["low"]],
            [["40:39"], ["high"]],
            [["5:40", "40:39"], ["low", "high"]],
            [["5:40", "40:5"], ["low", "high"]],
        ]:
            options = [f"--pass={text}" for text in passed]
            numbers = [text.split(":")[-1] for text in passed]
            read = python_command(TestPassAs.READ_ALL, *numbers)
            done = run_command(self.start(41, files, *options, "--", *read))
            got = done.returncode, done.stdout.split(), done.stderr
            self.assertEqual(got, (0, expected, ""), passed)
        refused = run_command(self.start(41, files, "--pass=5:41", "true"))
        self.assertEqual((refused.returncode, refused.stdout), (2, ""))
        self.assertIn("bad descriptor 41: ", refused.stderr)
        self.assertNotIn("try --help", refused.stderr)

    def test_a_script_whose_interpreter_is_missing_says_so(self):
        script = write_file(self.folder, "script", "#!/no/such/interpreter\n")
        os.chmod(script, 0o755)
        for word, environ in [
            [script, os.environ],
            ["script", {**os.environ, "PATH": self.folder}],
        ]:
            message = self.check_refused(127, "run", word, env=environ)
            self.assertIn(f"{word}: its interpreter is not found", message)
        message = self.check_refused(127, "run", script + "s")
        self.assertIn("scripts: not found", message)


@windows
class TestRunOnWindows(CommandCase):
    def batch(self, name, line):
        """Write a batch file and return its path."""
        return write_file(self.folder, name, f"@{line}\n")

    def environ(self, *folders, **more):
        path = ";".join([*folders, os.environ["PATH"]])
        return {**os.environ, "PATH": path, **more}

    def test_a_handle_has_no_other_number(self):
        for pair in f"{self.handle}:{self.handle}", f"{self.handle}:3", "0:":
            message = self.check_refused(2, "run", "--pass", pair, "cmd")
            self.assertIn(pair, message)

    def test_finds_a_program_by_pathext(self):
        environ = self.environ(os.path.dirname(sys.executable))
        exit_7 = ["-c", "raise SystemExit(7)"]
        for name in "python", "python.exe":
            self.assertEqual(run_module("run", name, *exit_7, env=environ)[0], 7)

    def test_a_broken_program_is_126(self):
        broken = write_file(self.folder, "broken.exe", "no program")
        self.assertEqual(run_module("run", broken)[0], 126)

    def test_a_program_in_the_current_directory_is_126(self):
        folder = os.path.dirname(sys.executable)
        exit_7 = ["-c", "raise SystemExit(7)"]
        # It would be found there even if PATH has it as well.
        for environ in self.environ(), self.environ("", folder):
            options = {"cwd": folder, "env": environ}
            for name in "python", "python.exe":
                hint = "it is in the current directory: write .\\python."
                message = self.check_refused(126, "run", name, *exit_7, **options)
                self.assertIn(hint, message)
            got = run_module("run", ".\\python.exe", *exit_7, **options)
            self.assertEqual(got[0], 7)

    def test_a_batch_file_is_126(self):
        marker = os.path.join(self.folder, "marker")
        environ = self.environ(self.folder)
        for extension in ".bat", ".cmd", ".CMD":
            batch = self.batch("ran" + extension, f'echo > "{marker}"')
            for name in batch, "ran" + extension:
                hint = "it is a batch file: use cmd /c"
                message = self.check_refused(126, "run", name, "x", env=environ)
                self.assertIn(hint, message)
            # Windows ignores dots and spaces at the end of a name. shutil.which of some
            # Python versions does not find such a file.
            for name in batch + ".", batch + " . ":
                status = run_module("run", name, "argument", env=environ)[0]
                self.assertIn(status, (126, 127))
            os.remove(batch)
        self.assertFalse(os.path.exists(marker))
        batch = self.batch("hello.bat", "exit 7")
        self.assertEqual(run_module("run", "cmd", "/c", batch)[0], 7)

    @unittest.skipIf(WINE, "Wine does not limit the length of a command line")
    def test_a_command_line_that_is_too_long_is_126(self):
        # This child's own command line must not be too long.
        code = """
            import runpy, sys, inheritable
            sys.argv = ["inheritable.py", "run", sys.executable, 70_000 * "x"]
            runpy.run_path(inheritable.__file__, run_name="__main__")
            """
        done = run_python(code)
        self.assertEqual((done.returncode, done.stdout), (126, ""))
        self.assertNotIn("not found", done.stderr)

    def test_what_the_command_starts_lives_on(self):
        # The grandchild creates a file after the command and `run` have ended.
        said = os.path.join(self.folder, "said")
        grandchild = f"import sys; sys.stdin.read(); open({said!r}, 'w').close()"
        code = f"""
            import subprocess, sys
            command = [sys.executable, "-c", {grandchild!r}]
            subprocess.Popen(command, stdout=subprocess.DEVNULL)
            """
        line = [*TOOL, "run", *python_command(code)]
        with subprocess.Popen(line, stdin=subprocess.PIPE) as process:
            self.assertEqual(process.wait(A_LONG_TIME), 0)
        wait_until(lambda: os.path.exists(said))


# ---------------------------------------------------------------------------------
# The README
# ---------------------------------------------------------------------------------


README = pathlib.Path(HERE, "README.md")


def run_line(line):
    """Run a line of shell. This very Python stands in for the one that it names."""
    script = 'python3() { "$PYTHON" "$@"; }\n' + line
    environ = {**os.environ, "PYTHON": sys.executable}
    return run_command(["sh", "-c", script], cwd=HERE, env=environ)


class TestReadme(Case):
    """The code in the README runs exactly as it is shown."""

    def blocks(self):
        """Return the language and the text of each block of code."""
        flags = re.MULTILINE | re.DOTALL
        return re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text("utf-8"), flags)

    def write_recipes(self):
        """Write the scripts to files, beside a copy of the module.

        Returns:
            For each script its name, what it needs, and what it prints: the comments
            after its print calls.
        """
        shutil.copy(inheritable.__file__, self.folder)
        recipes = []
        for language, text in self.blocks():
            if language == "python":
                head = re.match(r"# (\w+\.py)(?: \((.*)\))?\n", text)
                name, needs = head.groups()
                write_file(self.folder, name, text)
                comments = re.findall(r"^ *print\(.*\)  # (.*)$", text, re.MULTILINE)
                recipes.append((name, needs, comments))
        return recipes

    def test_scripts(self):
        recipes = self.write_recipes()
        self.assertGreaterEqual(len(recipes), 8)
        # These are started by other scripts, and tested with them.
        started = ["worker.py", "socket_worker.py", "activated.py", "conftest.py"]
        for name, needs, comments in recipes:
            if name in started or (WINDOWS and needs == "POSIX"):
                continue
            if name == "pool.py" and not MULTIPROCESSING:
                continue
            expected = {"chosen.py": ["listening: 1 web"]}.get(name, comments)
            with self.subTest(name=name):
                strict = [sys.executable, "-W", "error", "-X", "dev", name]
                done = run_command(strict, cwd=self.folder)
                # Wine does not close a socket that a process inherited, and says so.
                if not (WINE and name == "serve.py"):
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                if expected:
                    self.assertEqual(done.stdout.splitlines(), expected)
                if name == "parent.py":
                    log = pathlib.Path(self.folder, "work.log")
                    self.assertEqual(log.read_text(), "done")

    def test_the_first_script_shuts_off_what_came_in(self):
        self.write_recipes()
        _, w = self.pipe()
        with open(os.path.join(self.folder, "first.py"), "a") as script:
            script.write("import sys\n")
            script.write("w = int(sys.argv[1])\n")
            script.write("print(inheritable.get_handle_inheritable(w))\n")
        with passing(w) as child:
            command = [sys.executable, "first.py", *child.args]
            done = run_command(command, cwd=self.folder, **child.popen)
        shown, flag = done.stdout.splitlines()
        self.assertIn(f"handle={handle_of(w)}, inheritable=True", shown)
        self.assertEqual(flag, "False")

    @posix
    def test_an_activated_program_keeps_its_sockets_alone(self):
        # The test plays the role of systemd, and also leaks a pipe to the program. The
        # pipe reaches end-of-file while the program is still running.
        self.write_recipes()
        with open(os.path.join(self.folder, "activated.py"), "a") as script:
            script.write("input()\n")
        r, w = self.pipe()
        code = """
            import fcntl, os, sys
            sock, leaked = map(int, sys.argv[1:])
            os.dup2(fcntl.fcntl(leaked, fcntl.F_DUPFD, 5), 4)
            os.dup2(sock, 3)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
            os.execv(sys.executable, [sys.executable, "activated.py"])
            """
        with socket.create_server(("127.0.0.1", 0)) as server:
            with passing(server, w) as child:
                command = python_command(code, *child.args)
                pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                options = {"cwd": self.folder, **pipes, **child.popen}
                process = subprocess.Popen(command, **options)
            w.close()
            with process:
                line = process.stdout.readline()
                self.assertEqual(line, b"listening: 1 unknown\n")
                self.assertEqual(r.read(), b"")
                self.assertIsNone(process.poll())
                process.communicate(b"\n")
            self.assertEqual(process.returncode, 0)

    @unittest.skipUnless(importlib.util.find_spec("pytest"), "there is no pytest here")
    def test_the_fixture_fails_a_test_that_leaks(self):
        self.write_recipes()
        script = """
            import os

            leaked = os.dup2(0, 40, inheritable=True)

            def test_clean():
                os.dup(0)

            def test_leaking():
                os.set_inheritable(os.dup(0), True)

            def test_a_number_that_is_used_again():
                os.dup2(os.open(__file__, os.O_RDONLY), leaked)
            """
        write_file(self.folder, "test_leaks.py", textwrap.dedent(script))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = run_command(command, cwd=self.folder)
        if not PROC:
            # Without targets, a number that is used again looks the same.
            self.assertIn("3 passed, 1 error", done.stdout)
            return
        self.assertIn("3 passed, 2 errors", done.stdout)
        self.assertRegex(done.stdout, r"left open and inheritable: 40 \(.*leaks\.py\)")

    @posix
    def test_shell_lines(self):
        texts = [text for language, text in self.blocks() if language == "sh"]
        lines = [line for text in texts for line in text.splitlines()]
        self.assertIn("python3 test_inheritable.py", lines)
        for line in lines:
            if "test_inheritable" in line or ("holders" in line and not PROC):
                continue
            # Nobody has this port. The recipe has a test of its own.
            if "tcp:8080" in line:
                continue
            with self.subTest(line=line):
                done = run_line(line)
                ended = done.returncode, without_note(done.stderr)
                self.assertEqual(ended, (0, ""))


class TestTheRecipeForThePort(OnLinux):
    """Who has the port, after the server has ended?"""

    # A server that lets a child have its socket, prints its own number and the port,
    # and ends. The child goes on until the end of its input.
    SERVER = """
        import os, socket, subprocess, sys
        server = socket.socket()
        server.bind(("127.0.0.1", 0))
        server.listen()
        command = [sys.executable, "-c", "import sys; sys.stdin.read()", "a child"]
        {start}
        print(os.getpid(), pid, server.fileno(), server.getsockname()[1], flush=True)
        os._exit(0)
        """
    GIVE = """
        server.set_inheritable(True)
        child = subprocess.Popen(command, close_fds=False)
        pid = child.pid
        """
    FORK = """
        pid = os.fork()
        if pid == 0:
            sys.stdin.read()
            os._exit(0)
        """

    def check(self, start, flag):
        self.listening().close()
        code = self.SERVER.format(start=start.strip())
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # The end of the input comes to the child too, when the block ends.
        with subprocess.Popen(python_command(code), **pipes) as process:
            server, pid, number, port = map(int, process.stdout.readline().split())
            process.wait(A_LONG_TIME)
            refused = outcome(self.open_socket().bind, ("127.0.0.1", port))
            self.assertEqual(refused[:2], (OSError, errno.EADDRINUSE))
            lines = README.read_text("utf-8").splitlines()
            (line,) = (line for line in lines if line.endswith("holders tcp:8080"))
            done = run_line(line.replace("8080", f"{port}"))
            self.assertEqual(done.returncode, 0, done.stderr)
            _, row = done.stdout.splitlines()
            expected = [str(pid), str(number), flag, "rw"]
            self.assertEqual(row.split()[:4], expected)
            self.assertNotEqual(pid, server)

    def test_a_child_that_has_it(self):
        self.check(self.GIVE, "yes")
        self.check(self.FORK, "no")


def main():
    """Run the tests. Then show how many were skipped for each reason."""
    program = unittest.main(exit=False)
    reasons = collections.Counter(reason for _, reason in program.result.skipped)
    if reasons:
        sys.stderr.write("\nSkipped:\n")
    for reason, count in reasons.most_common():
        sys.stderr.write(f"{count:4}  {reason}\n")
    if hangs:
        sys.stderr.write("\nSome tests were not run, since one hung.\n")
    sys.exit(0 if program.result.wasSuccessful() and program.result.testsRun else 1)


if __name__ == "__main__":
    main()
