"""Tests of inheritable, on real files and real child processes: python3 test_inheritable.py [-v] [TEST]...

INHERITABLE_SOAK in the environment, a factor for the counts of the long ones, is 1 unless told (0.1 under emulation).
"""
import asyncio
import contextlib
import ctypes
import doctest
import errno
import inspect
import io
import json
import multiprocessing.connection
import operator
import os
import random
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import warnings

import inheritable
from inheritable import (
    OpenHandle, disable_inheritance, get_handle_inheritable, get_inheritable, open_handles, passing, receive,
    receive_handle, set_handle_inheritable, set_inheritable, temporarily)

HERE = os.path.dirname(os.path.abspath(__file__))
SOAK = float(os.environ.get("INHERITABLE_SOAK", "1"))
WINDOWS = os.name == "nt"
LINUX = sys.platform in ("linux", "android")
PYPY = sys.implementation.name == "pypy"
PROC = os.path.exists("/proc/self/fdinfo")

if WINDOWS:
    import _winapi
    import msvcrt
else:
    import fcntl

posix = unittest.skipIf(WINDOWS, "Windows has no file descriptors of the system")
windows = unittest.skipUnless(WINDOWS, "handles are of Windows alone")
forks = unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
proc = unittest.skipUnless(LINUX and PROC, "there is no Linux /proc here")


def handle_of(file):
    return msvcrt.get_osfhandle(file.fileno()) if WINDOWS else file.fileno()


def run(code, *args, **options):
    """A Python child that runs code, at its end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if "input" in options:
        del streams["stdin"]
    return subprocess.run(command, **{"cwd": HERE, "universal_newlines": True, **streams, **options})


def output(code, *args, **options):
    """What such a child prints; it must end well."""
    done = run(code, *args, **options)
    if done.returncode:
        raise AssertionError("the child ended with %s: %s" % (done.returncode, done.stderr))
    return done.stdout


def outcome(function, *args):
    """What a call returns, or which exception it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error), getattr(error, "errno", None), getattr(error, "winerror", None)


def bad_files(fd, closed):
    """What no function takes, with the exception for it; fd and closed are those of a file that was closed."""
    return (fd, OSError), (closed, ValueError), ("1", TypeError), (None, TypeError), (2**31, OverflowError)


def tell(handle):
    """Whether the handle is open, and inheritable, asked of the system past the module under test."""
    try:
        return os.get_handle_inheritable(handle) if WINDOWS else os.get_inheritable(handle)
    except OSError:
        return None


def in_child(method):
    """Runs a test method in a Python child of its own: what it does to its process ends with that."""
    def test(self):
        done = run("""
            import sys, unittest, test_inheritable
            case = test_inheritable.%s("%s")
            case.setUp()
            try:
                test_inheritable.%s.%s.in_child(case)
            except unittest.SkipTest as why:
                print("skipped:", why)
            finally:
                case.doCleanups()
            """ % (2 * (type(self).__name__, method.__name__)))
        if done.stdout.startswith("skipped:"):
            self.skipTest(done.stdout[8:].strip())
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
    test.in_child = method
    return test


class Case(unittest.TestCase):
    def setUp(self):
        as_they_are = warnings.catch_warnings()
        as_they_are.__enter__()
        self.addCleanup(as_they_are.__exit__, None, None, None)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, "file")
        self.file = open(self.path, "w+")
        self.addCleanup(self.file.close)
        self.file.write("secret")
        self.file.flush()
        self.fd = self.file.fileno()
        self.handle = handle_of(self.file)

    def pipe(self):
        r, w = os.pipe()
        r, w = os.fdopen(r, "rb", 0), os.fdopen(w, "wb", 0)
        self.addCleanup(r.close)
        self.addCleanup(w.close)
        return r, w

    def sockets(self):
        """A listening socket, and the two ends of a connection."""
        found = [socket.socket()]
        found[0].bind(("127.0.0.1", 0))
        found[0].listen()
        found.append(socket.create_connection(found[0].getsockname()))
        found.append(found[0].accept()[0])
        for s in found:
            self.addCleanup(s.close)
        return found


# The four functions


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Equal(Index):
    """As numpy's integers."""

    def __eq__(self, other):
        return self.value == other

    __hash__ = None


class OnlyInt:
    def __int__(self):
        return 0


class Number(int):
    pass


class Liar(int):
    def __index__(self):
        return 0

    __int__ = __index__


class Truth:
    def __init__(self, value):
        self.value = value

    def __bool__(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class WithParameter:
    _as_parameter_ = 0  # ctypes would take it


def measure(name, *args):
    """What os's function answers, which ours is to equal: CPython 3.13's, where os differs."""
    # 3.8 and 3.9 take what has __int__ alone; PyPy takes any int for a flag; 3.14 takes no __index__ for a handle, and
    # unsigned ones.
    if not PYPY and sys.version_info >= (3, 10) and not (sys.version_info >= (3, 14) and "handle" in name):
        return outcome(getattr(os, name), *args)
    converted = []
    for bits, arg in zip([64 if "handle" in name and sys.maxsize > 2**32 else 32, 32], args):
        if "handle" in name and converted:
            number = outcome(bool, arg)
        else:
            number = outcome(operator.index, arg)
            if not isinstance(number, tuple) and not -2**(bits - 1) <= number < 2**(bits - 1):
                number = OverflowError, None, None
        if isinstance(number, tuple):
            return number
        converted.append(number)
    return outcome(getattr(os, name), *converted)


class SameAsOs(Case):
    """The results and exceptions of the four functions equal those of os."""

    def setUp(self):
        super().setUp()
        warnings.simplefilter("ignore", DeprecationWarning)  # of an __index__ that gives a subclass of int, as os does
        closed = os.dup(self.fd)
        os.close(closed)
        self.ints = [0, 1, 2, 3, self.fd, closed, -1, -2, -1024, -1025, self.fd - 1024, self.fd - 2048, 1023, 1024,
                     1025, 9999, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**32, 2**32 + 1, -2**32, 2**32 + self.fd,
                     2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64, 2**64 + self.fd, 10**30]
        self.odd = [True, False, None, 0.0, 1.5, float("nan"), 1j, "1", b"1", "", (), [], {}, object(), int, len,
                    Number(self.fd), Number(2**32), Liar(self.fd), Index(self.fd), Index(2**40), Index(-1), Index(1.0),
                    Index("x"), Index(Number(self.fd)), Index(True), Index(ZeroDivisionError()), Index(TypeError()),
                    Index(IndexError()), Index(OverflowError()), Equal(self.fd), Equal(2**32), OnlyInt(),
                    WithParameter(), ctypes.c_int(self.fd),
                    bytearray(8), memoryview(b"x")]
        self.flags = [Truth(True), Truth(False), Truth(ZeroDivisionError()), "", "no", 2, -1]
        for fd in 0, 1, 2:  # they are tried too
            if tell(fd) is not None and not WINDOWS:
                self.addCleanup(os.set_inheritable, fd, tell(fd))

    def same(self, name, *args):
        expected = measure(name, *args)
        got = outcome(getattr(inheritable, name), *args)
        if got != expected:
            self.fail("%s%r: %r, with os %r" % (name, args, got, expected))
        self.assertIs(type(got), type(expected))

    def test_every_first_argument(self):
        for arg in self.ints + self.odd:
            self.same("get_inheritable", arg)
            self.same("set_inheritable", arg, False)
            if WINDOWS:
                self.same("get_handle_inheritable", arg)

    def test_every_flag(self):
        for fd in self.fd, -1, 2**31, None, Index(ZeroDivisionError()):
            for flag in self.ints + self.odd + self.flags:
                self.same("set_inheritable", fd, flag)
                if isinstance(fd, int):
                    self.assertEqual(get_inheritable(self.fd), tell(self.handle))
        for flag in self.ints + self.odd + self.flags:
            with self.subTest(flag=flag):
                expected = outcome(bool, flag)
                got = outcome(set_handle_inheritable, self.handle, flag)
                if isinstance(expected, tuple):
                    self.assertEqual(got, expected)
                else:
                    self.assertEqual((got, tell(self.handle)), (None, expected))

    def test_fuzz(self):
        chance = random.Random(446)
        fds = [self.fd, os.dup(self.fd), *os.pipe()]
        for fd in fds[1:]:
            self.addCleanup(os.close, fd)
        for _ in range(int(100_000 * SOAK)):
            kind = chance.randrange(4)
            arg = (chance.choice(fds) if kind == 0 else chance.choice(self.odd) if kind == 1 else
                   chance.choice(self.ints) if kind == 2 else chance.randrange(-2**66, 2**66) >> chance.randrange(66))
            if kind == 3 and not isinstance(outcome(os.get_inheritable, arg), tuple):
                continue  # an open one, that is not for us to set
            odd = chance.choice(self.odd + self.flags)
            flag = chance.choice([True, False, 0, 1, odd, chance.randrange(-2**40, 2**40)])
            self.same("set_inheritable", arg, flag)
            self.same("get_inheritable", arg)
            if WINDOWS:
                self.same("get_handle_inheritable", arg)

    @windows
    def test_handles(self):
        closed = _winapi.DuplicateHandle(-1, self.handle, -1, 0, False, 2)
        _winapi.CloseHandle(closed)
        for handle in self.handle, closed, -1, 2**31, 2**63, -2**63 - 1, "1", None, Index(self.handle), 1.0:
            for flag in True, False, 5, "", Truth(ZeroDivisionError()):
                self.same("set_handle_inheritable", handle, flag)
                self.same("get_handle_inheritable", handle)
        try:
            os.get_handle_inheritable(closed)
        except OSError as error:
            with self.assertRaises(OSError) as caught:
                get_handle_inheritable(closed)
            self.assertEqual((caught.exception.args, str(caught.exception)), (error.args, str(error)))

    def test_signatures(self):
        for name in "get_inheritable", "set_inheritable", "get_handle_inheritable", "set_handle_inheritable":
            ours = inspect.signature(getattr(inheritable, name)).parameters.values()
            if WINDOWS or "handle" not in name:
                theirs = inspect.signature(getattr(os, name)).parameters.values()
                if not PYPY:
                    self.assertEqual([(p.name, p.kind) for p in ours], [(p.name, p.kind) for p in theirs])
            self.assertEqual({p.kind for p in ours}, {inspect.Parameter.POSITIONAL_ONLY})
            self.assertEqual(getattr(inheritable, name).__name__, name)

    def test_error_is_of_this_call(self):
        for stale in errno.ENOSPC, 0:
            ctypes.set_errno(stale)
            with self.assertRaises(OSError) as caught:
                set_inheritable(10**6, True)
            self.assertEqual(caught.exception.args, (errno.EBADF, os.strerror(errno.EBADF)))


class AnyFile(Case):
    """What has a fileno() is taken by all four; on POSIX a handle is a descriptor."""

    def check(self, file, handle):
        for get, set_ in (get_inheritable, set_inheritable), (get_handle_inheritable, set_handle_inheritable):
            for flag in True, False, True, False:
                self.assertIsNone(set_(file, flag))
                self.assertIs(tell(handle), flag)
                self.assertIs(get(file), flag)

    def test_files(self):
        self.check(self.file, self.handle)
        with open(self.path, "rb") as buffered, open(self.path, "rb", 0) as raw, tempfile.NamedTemporaryFile() as temp:
            for file in buffered, raw, temp:
                self.check(file, handle_of(file))

    def test_sockets_and_what_is_made_on_them(self):
        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            pass

        listening, client, _ = self.sockets()
        self.check(listening, listening.fileno())
        with client.makefile("rb") as reader, client.makefile("w") as writer, \
                Server(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
            for file in reader, writer, server:
                self.check(file, file.fileno())

        async def transport_socket():
            server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
            self.check(server.sockets[0], server.sockets[0].fileno())
            server.close()
        asyncio.run(transport_socket())

    def test_connections(self):
        for end in multiprocessing.connection.Pipe() + multiprocessing.connection.Pipe(duplex=False):
            with end:
                self.check(end, end.fileno())

    @windows
    def test_asyncio_pipe_handle(self):
        from asyncio import windows_utils
        for handle in windows_utils.pipe():
            end = windows_utils.PipeHandle(handle)
            self.check(end, end.fileno())
            end.close()

    def test_pipes_of_a_process(self):
        with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as process:
            self.check(process.stdin, handle_of(process.stdin))

    def test_open_handle(self):
        self.check(OpenHandle(self.handle), self.handle)

    @posix
    def test_kinds_of_descriptors(self):
        fds = [os.open(self.folder, os.O_RDONLY), os.open(os.devnull, os.O_RDWR), *os.pipe()]
        if hasattr(os, "O_PATH"):
            fds.append(os.open(self.path, os.O_PATH))
        with contextlib.suppress(OSError):  # no ptys mounted
            fds.extend(os.openpty())
        for fd in fds:
            self.check(fd, fd)
            os.close(fd)

    @posix
    def test_large_numbers(self):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < 1100:
            resource.setrlimit(resource.RLIMIT_NOFILE, (1100, hard))
        for fd in 1022, 1023, 1024, 1025:
            os.dup2(self.fd, fd, False)
            self.addCleanup(os.close, fd)
            self.check(fd, fd)

    def test_integers_are_never_guessed_at(self):
        closed = socket.socket()
        closed.close()
        for function in get_inheritable, get_handle_inheritable:
            self.assertEqual(outcome(function, closed)[:2], (OSError, errno.EBADF))
        if WINDOWS:
            self.assertIs(get_inheritable(self.fd), False)
            self.assertEqual(outcome(get_inheritable, self.handle + 4096)[:2], (OSError, errno.EBADF))

    def test_bad_fileno(self):
        class File:
            def __init__(self, number):
                self.number = number

            def fileno(self):
                return self.number

        class Both(Index, File):
            def __init__(self, index, number):
                Index.__init__(self, index)
                self.number = number

        bad_index = Both(TypeError(), self.fd)
        self.check(bad_index, self.handle)
        self.assertEqual(outcome(get_inheritable, Both(-1, self.fd))[:2], (OSError, errno.EBADF))
        self.file.close()
        for get in get_inheritable, get_handle_inheritable:
            for number in None, "1", 1.0, Index(1):
                self.assertEqual(outcome(get, File(number))[0], TypeError)
            for number in 2**31, 2**32, -2**31 - 1, 2**64:
                self.assertEqual(outcome(get, File(number))[0], OverflowError)
            self.assertEqual(outcome(get, File(-1))[:2], (OSError, errno.EBADF))
            self.assertEqual(outcome(get, self.file)[0], ValueError)
            self.assertEqual(outcome(get, io.StringIO())[0], io.UnsupportedOperation)
            self.assertEqual(outcome(get, io.FileIO)[0], TypeError)

    @posix
    def test_other_flags_survive(self):
        fd_clofork = {"sunos": 2, "openbsd": 2, "freebsd": 4}.get(sys.platform.rstrip("0123456789."))
        if fd_clofork is None:
            self.skipTest("this system has no descriptor flag but FD_CLOEXEC")
        fcntl.fcntl(self.fd, fcntl.F_SETFD, fd_clofork)
        set_inheritable(self.fd, False)
        set_inheritable(self.fd, True)
        self.assertEqual(fcntl.fcntl(self.fd, fcntl.F_GETFD), fd_clofork)


READ = """
    import os, sys
    number = int(sys.argv[1])
    if os.name == "nt":
        import msvcrt
        number = msvcrt.open_osfhandle(number, os.O_RDONLY)
    os.lseek(number, 0, 0)
    sys.stdout.write(os.read(number, 100).decode())
"""


class RealInheritance(Case):
    """A child gets a file whose flag says so, and no other."""

    def test_subprocess(self):
        for flag, expected in (True, "secret"), (False, ""), (True, "secret"):
            set_inheritable(self.file, flag)
            self.assertEqual(run(READ, self.handle, close_fds=False).stdout, expected)
        set_handle_inheritable(self.handle, False)
        self.assertEqual(run(READ, self.handle, close_fds=False).stdout, "")

    def statuses(self, spawn):
        for flag, expected in (True, 0), (False, 1):
            set_inheritable(self.file, flag)
            code = "import os, sys; sys.exit(os.pread(%d, 6, 0) != b'secret')" % self.fd
            self.assertEqual(spawn([sys.executable, "-c", "import sys; sys.stderr = None\n" + code]), expected)

    @unittest.skipUnless(hasattr(os, "posix_spawn"), "this os has no posix_spawn")
    def test_posix_spawn(self):
        def spawn(args):
            status = os.waitpid(os.posix_spawn(args[0], args, os.environ), 0)[1]
            return os.WEXITSTATUS(status)
        self.statuses(spawn)

    @forks
    def test_spawnv(self):
        self.statuses(lambda args: os.spawnv(os.P_WAIT, args[0], args))

    @windows
    def test_spawnv_on_windows(self):
        out = os.path.join(self.folder, "out")
        code = textwrap.dedent(READ).replace("int(sys.argv[1])", str(self.handle)).replace(
            "sys.stdout.write(os.read(number, 100).decode())", "open(%r, 'wb').write(os.read(number, 100))" % out)
        script = os.path.join(self.folder, "read.py")
        with open(script, "w") as file:
            file.write(code)
        for flag in True, False:
            set_inheritable(self.file, flag)
            os.spawnv(os.P_WAIT, sys.executable, ["python", script])
            self.assertIs(os.path.exists(out), flag)
            if flag:
                os.remove(out)


def fastest(function, *args, number=2000):
    """The least time of many that so many calls take, which a loaded machine does not change."""
    times = []
    for _ in range(30):
        start = time.perf_counter()
        for _ in range(number):
            function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


class Speed(Case):
    """.ci/bench.py has the figures; here, that none of the short cuts is lost."""

    @unittest.skipUnless(LINUX and not PYPY, "the short cuts are of CPython on Linux")
    def test_short_cuts(self):
        if fastest(os.get_inheritable, self.fd) > 2000 * 1e-6:
            self.skipTest("a system call outweighs all else here")  # gVisor
        for flag in True, False:
            set_inheritable(self.fd, flag)
            for function, args in (get_inheritable, (self.fd,)), (set_inheritable, (self.fd, flag)):
                self.assertLess(fastest(function, *args), 0.7 * fastest(function.__wrapped__, *args), (function, flag))

    @posix
    @in_child
    def test_listing_does_not_try_every_number(self):
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = 100_000 if hard == resource.RLIM_INFINITY else min(100_000, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        if not os.path.exists("/dev/fd") or limit < 4096:
            self.skipTest("this system lists no descriptors, or allows few")
        every_number = fastest(outcome, get_inheritable, 999_999, number=limit // 100)
        self.assertLess(fastest(open_handles, number=1), 10 * every_number)

    @posix
    @unittest.skipIf(PYPY, "the loop beside it is machine code in PyPy")
    @in_child
    def test_sealing_is_one_call(self):
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        fds = [os.dup(self.fd) for _ in range(1500)]
        if not inheritable._close_range or inheritable._close_range(fds[0], fds[0], 4):
            self.skipTest("this system has no close_range that shuts off")
        one_by_one = fastest(lambda: [os.set_inheritable(fd, False) for fd in fds], number=1)
        self.assertLess(fastest(disable_inheritance, number=1), one_by_one / 5)
        self.assertLess(fastest(disable_inheritance, *fds[::150], number=1), one_by_one / 3)


class OneFile(Case):
    """The module works wherever its file is copied."""

    def test_copied(self):
        shutil.copy(inheritable.__file__, self.folder)
        code = """
            import inheritable
            print(inheritable.__file__)
            with open(inheritable.__file__) as file:
                print(inheritable.get_inheritable(file))
            """
        lines = output(code, cwd=self.folder).splitlines()
        self.assertEqual(os.path.dirname(lines[0]), self.folder)
        self.assertEqual(lines[1], "False")

    def test_says_what_it_is(self):
        with open(inheritable.__file__, encoding="utf-8") as source:
            text = source.read()
        self.assertEqual(text.split("\n")[0], "# SPDX-License-Identifier: MIT")
        self.assertIn('\n__version__ = "%s"\n' % inheritable.__version__, text)

    def test_public_names(self):
        for name in inheritable.__all__:
            self.assertTrue(getattr(inheritable, name).__doc__, name)

    def test_import_is_quiet_and_starts_nothing(self):
        code = "import subprocess, sys; old = set(sys.modules); import inheritable; print(*set(sys.modules) - old)"
        command = [sys.executable, "-S", "-c", code]
        done = subprocess.run(command, cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        modules = set(done.stdout.decode().split())
        self.assertIn("inheritable", modules)
        for module in "typing", "argparse", "re", "json", "socket", "ctypes.util", "multiprocessing":
            self.assertNotIn(module, modules)

    def test_doctests(self):
        failed, tried = doctest.testmod(inheritable, verbose=False)
        self.assertEqual(failed, 0)
        self.assertGreater(tried, 0)


# What a child would get


def entries(handles, *wanted):
    """Of what open_handles gave, the rows of the handles that are wanted."""
    return [tuple(h) for h in handles if h.handle in wanted]


def exhausted(free=0):
    """Opens files until no descriptor is left, but for so many."""
    import resource
    lowest = os.dup(0)
    os.close(lowest)
    limit = lowest + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    fds = []
    while True:
        try:
            fds.append(os.dup(0))
        except OSError:
            break
    for fd in fds[:free]:
        os.close(fd)
    return fds[free:]


class TestOpenHandles(Case):
    def test_open_handle(self):
        self.assertEqual(OpenHandle(3), (3, None, None))
        self.assertEqual(OpenHandle(3, True, "x")._asdict(), {"handle": 3, "inheritable": True, "target": "x"})
        self.assertEqual(repr(OpenHandle(3, target="x")), "OpenHandle(handle=3, inheritable=None, target='x')")

    def test_what_was_opened(self):
        r, w = self.pipe()
        listening, *_ = self.sockets()
        set_inheritable(r, True)
        set_inheritable(listening, True)
        numbers = [self.handle, handle_of(r), handle_of(w), listening.fileno()]
        found = {h.handle: h for h in open_handles()}
        self.assertEqual([found[n].inheritable for n in numbers], [False, True, False, True])
        targets = [found[n].target for n in numbers]
        if WINDOWS:
            self.assertTrue(os.path.samefile(targets[0], self.path))
            self.assertEqual(targets[1:], ["File"] * 3)
        elif LINUX and PROC:
            self.assertEqual(targets, [os.readlink("/proc/self/fd/%d" % n) for n in numbers])
        elif sys.platform == "darwin":
            self.assertEqual(targets, [os.path.realpath(self.path), None, None, None])
        else:
            self.assertEqual(targets, [None] * 4)
        self.assertEqual(list(found), sorted(found))
        self.assertEqual(open_handles(os.getpid()), open_handles())

    @windows
    def test_objects_of_windows(self):
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.CreateEventW.restype = ctypes.c_void_p
        event = kernel32.CreateEventW(None, True, False, None)
        folder = _winapi.CreateFile(self.folder, 0x80000000, 0, 0, 3, 0x02000000, 0)
        rows = entries(open_handles(), event, folder)
        self.assertEqual([row[1] for row in rows], [False, False])
        self.assertIn((event, False, "Event"), rows)
        self.assertTrue(os.path.samefile(next(row[2] for row in rows if row[0] == folder), self.folder))
        set_handle_inheritable(event, True)
        self.assertEqual(entries(open_handles(), event), [(event, True, "Event")])
        _winapi.CloseHandle(event)
        _winapi.CloseHandle(folder)
        self.assertEqual(entries(open_handles(), event), [])

    @proc
    def test_equals_proc(self):
        set_inheritable(self.file, True)
        expected = []
        for name in sorted(os.listdir("/proc/self/fd"), key=int):
            with contextlib.suppress(OSError):  # that of listdir itself
                expected.append((int(name), os.get_inheritable(int(name)), os.readlink("/proc/self/fd/" + name)))
        self.assertEqual(open_handles(), expected)

    @proc
    def test_undecodable_names(self):
        path = os.path.join(os.fsencode(self.folder), b"\xff\n\x1b[2J")
        with open(path, "w") as file:
            self.assertEqual(entries(open_handles(), file.fileno()), [(file.fileno(), False, os.fsdecode(path))])

    @proc
    @in_child
    def test_path_that_is_too_long(self):
        os.chdir(self.folder)
        for _ in range(30):
            os.mkdir(200 * "d")
            os.chdir(200 * "d")
        with open("file", "w") as file:
            fd, target = file.fileno(), None
            with contextlib.suppress(OSError):  # gVisor gives its beginning
                target = os.readlink("/proc/self/fd/%d" % fd)
            self.assertEqual(entries(open_handles(), fd), [(fd, False, target)])
            with passing(file) as child:
                command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
                with subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, **child.popen) as process:
                    self.assertEqual(entries(open_handles(process.pid), fd), [(fd, True, target)])

    def test_leaves_nothing_open(self):
        before = open_handles()
        for _ in range(int(1000 * SOAK) if not WINDOWS else 100):
            open_handles()
        self.assertEqual(open_handles(), before)

    def test_while_others_open_and_close(self):
        stop = threading.Event()
        gone = os.open(os.devnull, os.O_RDONLY)
        gone_handle = msvcrt.get_osfhandle(gone) if WINDOWS else gone
        first = os.open(os.devnull, os.O_RDONLY)  # so that the others do not take the number of gone again
        others = [os.open(os.devnull, os.O_RDONLY) for _ in range(50)]

        def churn():
            while not stop.is_set():
                for n, fd in enumerate(others):
                    os.close(fd)
                    others[n] = os.open(self.path, os.O_RDONLY)
        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for _ in range(50 if not WINDOWS else 10):
                rows = open_handles()
                self.assertEqual(len(entries(rows, self.handle)), 1)
                self.assertEqual(len({h.handle for h in rows}), len(rows))
        finally:
            stop.set()
            thread.join()
        for fd in others + [first, gone]:
            os.close(fd)
        self.assertEqual(entries(open_handles(), gone_handle), [])

    def test_while_another_thread_reads_a_pipe(self):
        r, w = self.pipe()
        reading = threading.Event()

        def read():
            reading.set()
            r.read(1)
        thread = threading.Thread(target=read)
        thread.start()
        reading.wait()
        try:
            self.assertEqual(len(entries(open_handles(), handle_of(r), handle_of(w))), 2)
        finally:
            w.write(b"x")
            thread.join()

    @posix
    @in_child
    def test_with_no_free_descriptor(self):
        os.dup2(self.fd, 900, True)  # above the limit that comes
        for free in 0, 1, 2:
            fds = exhausted(free)
            beyond = LINUX and PROC and os.stat("/proc/self/fd").st_size
            rows = entries(open_handles(), self.fd, *fds, *([900] if beyond else []))
            expected = [(self.fd, False), *((fd, False) for fd in fds), *([(900, True)] if beyond else [])]
            self.assertEqual([row[:2] for row in rows], expected)
            if LINUX and PROC:
                self.assertEqual(rows[0][2], self.path)
            if LINUX:  # not every number is tried
                every_number = fastest(outcome, get_inheritable, 10**6, number=10_000)
                self.assertLess(fastest(open_handles, number=1), every_number)
            fds += [os.dup(0) for _ in range(free)]  # those that were free are again
            for fd in fds:
                os.close(fd)

    @unittest.skipUnless(LINUX and PROC and os.geteuid() == 0, "only root can unmount /proc")
    def test_without_proc(self):
        code = """
            import os, inheritable
            assert not os.path.exists("/proc/self")
            r, w = os.pipe()
            inheritable.set_inheritable(w, True)
            rows = [tuple(h) for h in inheritable.open_handles() if h.handle in (r, w)]
            print(rows == [(r, False, None), (w, True, None)])
            try:
                inheritable.open_handles(1)
            except NotImplementedError as error:
                print(error)
            """
        unmounted = ["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"]
        try:
            subprocess.run([*unmounted, "true"], check=True, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("no right to unmount /proc")
        command = [*unmounted, sys.executable, "-c", textwrap.dedent(code)]
        done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE)
        first, second = done.stdout.decode().splitlines()
        self.assertEqual(first, "True")
        self.assertIn("only Linux", second)

    @proc
    @in_child
    def test_thread_that_has_unshared_its_files(self):
        libc = ctypes.CDLL(None, use_errno=True)
        found = []

        def unshared():
            if libc.unshare(0x400):  # CLONE_FILES
                found.append(None)
                return
            fd = os.dup2(self.fd, 500)
            found.append(entries(open_handles(), fd))
        thread = threading.Thread(target=unshared)
        thread.start()
        thread.join()
        if found == [None]:
            self.skipTest("no right to unshare(CLONE_FILES)")
        self.assertEqual(found, [[(500, True, self.path)]])
        self.assertEqual(entries(open_handles(), 500), [])


class TestOpenHandlesOfAnotherProcess(Case):
    def setUp(self):
        super().setUp()
        if not (WINDOWS or LINUX and PROC):
            with self.assertRaisesRegex(NotImplementedError, "only Linux"):
                open_handles(os.getppid())
            self.skipTest("this system does not tell")

    def test_another(self):
        code = """
            import os, sys
            file = open(sys.argv[1])
            os.set_inheritable(file.fileno(), True)
            other = open(sys.argv[1])
            if os.name == "nt":
                import msvcrt
                numbers = [msvcrt.get_osfhandle(f.fileno()) for f in (file, other)]
            else:
                numbers = [file.fileno(), other.fileno()]
            print(*numbers, flush=True)
            sys.stdin.read()
            """
        command = [sys.executable, "-c", textwrap.dedent(code), self.path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            numbers = [int(n) for n in process.stdout.readline().split()]
            before = open_handles()
            rows = open_handles(process.pid)
            self.assertEqual(open_handles(), before)
            self.assertEqual(rows, sorted(rows))
            found = {h.handle: h for h in rows}
            self.assertEqual([found[n].inheritable for n in numbers], [True, False])
            for n in numbers:
                self.assertTrue(os.path.samefile(found[n].target, self.path))
            if LINUX:
                self.assertEqual([h.handle for h in rows], sorted(map(int, os.listdir("/proc/%d/fd" % process.pid))))
            if WINDOWS:
                self.assertEqual(outcome(open_handles, process.pid + 1)[0], ProcessLookupError)
        self.assertEqual(outcome(open_handles, process.pid)[:2], (ProcessLookupError, errno.ESRCH) if LINUX else
                         outcome(open_handles, process.pid)[:2])

    def test_no_such_process(self):
        for pid in 0, -1, -os.getpid(), 2**31 - 1, 2**32, 2**32 + os.getpid(), 2**64, 2**22 + 4, 10**5000:
            self.assertEqual(outcome(open_handles, pid)[:2], (ProcessLookupError, errno.ESRCH), pid)

    def test_no_int(self):
        for pid in "1", 1.0, b"1", [1], str(os.getpid()), self.file:
            self.assertEqual(outcome(open_handles, pid)[0], TypeError)
        self.assertEqual(open_handles(Index(os.getpid())), open_handles())

    @forks
    def test_zombie(self):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        state = ""
        while state != "Z":
            with open("/proc/%d/stat" % pid) as stat:
                state = stat.read().rpartition(")")[2].split()[0]
        self.assertEqual(open_handles(pid), [])
        os.waitpid(pid, 0)
        self.assertEqual(outcome(open_handles, pid)[0], ProcessLookupError)

    @forks
    @in_child
    def test_that_may_not_be_read(self):
        pid = 1
        if os.getuid() == 0:
            pid = os.getppid()
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            except OSError:
                self.skipTest("there is no other user in this user namespace")
        if not isinstance(outcome(os.readlink, "/proc/%d/fd/0" % pid), tuple):
            self.skipTest("this system lets everyone read")  # gVisor
        self.assertEqual(outcome(open_handles, pid)[:2], (PermissionError, errno.EACCES))
        self.test_zombie()  # whose files are root's


# Which of some handles are open and inheritable in a child, asked of the system alone.
LOOK = """
import os, sys
def is_open(number):
    try:
        return (os.get_handle_inheritable if os.name == "nt" else os.get_inheritable)(number)
    except OSError:
        return False
print([n for n in map(int, sys.argv[1:]) if is_open(n)])
"""


def inherited(numbers):
    return json.loads(run(LOOK, *numbers, close_fds=False).stdout)


class TestDisableInheritance(Case):
    @in_child
    def test_all_but_the_kept(self):
        r, w = self.pipe()
        listening, *_ = self.sockets()
        files = [self.file, r, w, listening]
        numbers = [self.handle, handle_of(r), handle_of(w), listening.fileno()]
        for file in files[:3]:
            set_inheritable(file, True)
        self.assertEqual(inherited(numbers), numbers[:3])
        self.assertIsNone(disable_inheritance(r, OpenHandle(numbers[2]), listening))
        self.assertEqual([tell(n) for n in numbers], [False, True, True, False])
        self.assertEqual(inherited(numbers), numbers[1:3])
        disable_inheritance()
        self.assertEqual([tell(n) for n in numbers], [False] * 4)
        self.assertEqual(inherited(numbers), [])
        self.assertTrue(all(h.inheritable for h in open_handles() if h.handle in (0, 1, 2)) or WINDOWS)

    @in_child
    def test_every_single_number(self):
        if WINDOWS:
            self.skipTest("descriptors are of POSIX")
        for fd in range(20, 60):
            os.dup2(self.fd, fd)
        keep = [20, 21, 23, 30, 31, 32, 59]
        disable_inheritance(*keep)
        self.assertEqual([fd for fd in range(20, 60) if tell(fd)], keep)
        self.assertTrue(tell(0) and tell(1) and tell(2))

    @in_child
    def test_keeps_everything_that_is_open(self):
        set_inheritable(self.file, True)
        before = open_handles()
        disable_inheritance(*before)
        self.assertEqual(open_handles(), before)

    def test_bad_keep_changes_nothing(self):
        set_inheritable(self.file, True)
        with open(self.path) as closed:
            fd = closed.fileno()
        for bad, error in bad_files(fd, closed):
            with self.assertRaises(error):
                disable_inheritance(self.file, bad)
            self.assertIs(tell(self.handle), True)

    @posix
    @in_child
    def test_every_way_to_start_a_child(self):
        kept, shut = os.dup(self.fd), os.dup(self.fd)
        for fd in kept, shut:
            os.set_inheritable(fd, True)
        disable_inheritance(kept)
        # Not a Python child, which may open something itself: a shell that tries to use them.
        script = "{ true <&%d; } 2>/dev/null && { true <&%d; } 2>/dev/null || exit 1; exit 0"
        for fd, expected in (kept, 0), (shut, 1):
            shell = ["/bin/sh", "-c", script % (0, fd)]
            self.assertEqual(subprocess.call(shell, close_fds=False), expected)
            self.assertEqual(os.spawnv(os.P_WAIT, shell[0], shell), expected)
            self.assertEqual(os.system(shell[2]) >> 8, expected)
            if hasattr(os, "posix_spawn"):
                self.assertEqual(os.waitpid(os.posix_spawn(shell[0], shell, os.environ), 0)[1] >> 8, expected)
            pid = os.fork()
            if pid == 0:
                os.execv(shell[0], shell)
            self.assertEqual(os.waitpid(pid, 0)[1] >> 8, expected)

    @unittest.skipUnless(getattr(inheritable, "_close_range", None), "this libc has no close_range")
    @in_child
    def test_with_no_free_descriptor(self):
        for fd in exhausted():
            os.set_inheritable(fd, True)
        disable_inheritance(self.file)
        self.assertEqual([h.handle for h in open_handles() if h.inheritable], [0, 1, 2])


def refuse(number, error, only_with_flag=False):
    """A seccomp filter: the system call is answered with that error from now on; True if it is in force."""
    libc = ctypes.CDLL(None, use_errno=True)
    low_word = 32 + (4 if sys.byteorder == "big" else 0)  # of argument 2, the flags
    rules = [(0x20, 0, 0, 0), (0x15, 0, 3 if only_with_flag else 1, number)]
    if only_with_flag:
        rules += [(0x20, 0, 0, low_word), (0x45, 0, 1, 4)]
    rules += [(0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7FFF0000)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("HP", len(rules), ctypes.addressof(filters))
    return (libc.prctl(38, 1, 0, 0, 0), libc.prctl(22, 2, program, 0, 0)) == (0, 0)


class TestRefusedCloseRange(Case):
    """Where the kernel refuses close_range all descriptors are walked over."""

    def check(self, error, only_with_flag=False):
        if not LINUX or os.uname().machine.startswith("mips"):
            self.skipTest("seccomp, and close_range as its number 436, are of Linux")
        if not refuse(436, error, only_with_flag):
            self.skipTest("this kernel takes no seccomp filter")
        fds = [os.dup(self.fd) for _ in range(10)]
        for fd in fds[:8]:
            os.set_inheritable(fd, True)
        disable_inheritance(fds[3], fds[9])
        self.assertEqual([fd for fd in fds if tell(fd)], [fds[3]])
        self.assertTrue(tell(0) and tell(1) and tell(2))

    @in_child
    def test_enosys(self):
        self.check(errno.ENOSYS)

    @in_child
    def test_einval(self):
        self.check(errno.EINVAL)

    @in_child
    def test_einval_for_the_flag(self):
        self.check(errno.EINVAL, only_with_flag=True)

    @in_child
    def test_eperm(self):
        self.check(errno.EPERM)

    @in_child
    def test_with_no_free_descriptor(self):
        if not LINUX or not refuse(436, errno.ENOSYS):
            self.skipTest("this kernel takes no seccomp filter")
        for fd in exhausted():
            os.set_inheritable(fd, True)
        disable_inheritance(self.file)
        self.assertEqual([h.handle for h in open_handles() if h.inheritable], [0, 1, 2])


# Handing files to a child


def end_in(block, file, seen):
    """A generator that is in a block while it is suspended."""
    with block(file):
        seen.append(tell(handle_of(file)))
        yield


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
                        self.assertIs(tell(self.handle), True)
                        if ending:
                            raise ending
                self.assertIs(tell(self.handle), before)

    def test_return_and_suspended_generator(self):
        def returns():
            with temporarily(self.file):
                return tell(self.handle)
        self.assertIs(returns(), True)
        self.assertIs(tell(self.handle), False)
        seen = []
        generator = end_in(temporarily, self.file, seen)
        next(generator)
        self.assertEqual((seen, tell(self.handle)), ([True], True))
        generator.close()
        self.assertIs(tell(self.handle), False)

    def test_several_files_of_every_kind(self):
        r, w = self.pipe()
        listening, *_ = self.sockets()
        handles = [self.handle, handle_of(r), handle_of(w), listening.fileno()]
        with temporarily(self.fd, r, OpenHandle(handles[2]), listening, self.file):
            self.assertEqual([tell(h) for h in handles], [True] * 4)
        self.assertEqual([tell(h) for h in handles], [False] * 4)
        with temporarily():
            pass

    def test_nested_and_ending_in_another_order(self):
        with temporarily(self.file):
            with temporarily(self.file, self.file):
                self.assertIs(tell(self.handle), True)
            self.assertIs(tell(self.handle), True)
        self.assertIs(tell(self.handle), False)
        first, second = temporarily(self.file), temporarily(self.file)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        self.assertIs(tell(self.handle), True)
        second.__exit__(None, None, None)
        self.assertIs(tell(self.handle), False)

    @unittest.skipUnless(hasattr(signal, "setitimer"), "this system has no setitimer")
    @in_child
    def test_one_ends_in_a_signal_handler_while_another_ends(self):
        def handler(number, frame):
            second.__exit__(None, None, None)
        signal.signal(signal.SIGALRM, handler)
        chance = random.Random(3)
        for _ in range(int(2000 * SOAK)):
            late = time.monotonic() + 1
            first, second = temporarily(self.file), temporarily(self.file)
            first.__enter__()
            second.__enter__()
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 5e-5))
            first.__exit__(None, None, None)
            while tell(self.handle) and time.monotonic() < late:
                pass
            self.assertIs(tell(self.handle), False)

    def test_shut_off_inside(self):
        set_inheritable(self.file, True)
        with temporarily(self.file):
            set_inheritable(self.file, False)
            with temporarily(self.file):
                self.assertIs(tell(self.handle), True)
        self.assertIs(tell(self.handle), False)
        with temporarily(self.file):
            set_inheritable(self.file, False)
            with temporarily(self.file):  # finds it off, though another block has put it on
                self.assertIs(tell(self.handle), True)
        self.assertIs(tell(self.handle), False)

    def test_closed_inside(self):
        with temporarily(self.file):
            self.file.close()
        self.assertIsNone(tell(self.handle))

    def reuse(self, before):
        """Ends a block whose file was closed, and its number taken by an inheritable file: that one's flag then."""
        r, w = os.pipe()
        set_inheritable(self.file, before)
        with temporarily(self.file):
            with open(self.path + "2", "w") as other:
                os.dup2(other.fileno(), self.fd, True)
        self.addCleanup(os.close, r)
        self.addCleanup(os.close, w)
        return tell(self.fd)

    @posix
    def test_number_taken_by_another_file(self):
        self.assertIs(self.reuse(before=False), True)
        self.assertIs(self.reuse(before=True), True)

    @posix
    def test_number_taken_by_the_other_end(self):
        r, w = self.pipe()
        with temporarily(r):
            os.dup2(w.fileno(), r.fileno(), True)
        self.assertIs(tell(r.fileno()), True)

    @posix
    def test_number_taken_by_a_file_with_a_block_of_its_own(self):
        with temporarily(self.file):
            with open(self.path + "2", "w") as other:
                os.dup2(other.fileno(), self.fd, False)
            inner = temporarily(self.fd)
            inner.__enter__()
        self.assertIs(tell(self.fd), True)
        inner.__exit__(None, None, None)
        self.assertIs(tell(self.fd), False)

    def test_opened_anew_under_its_number(self):
        set_inheritable(self.file, True)
        with temporarily(self.file):
            self.file.close()
            again = open(self.path)
            self.assertEqual(handle_of(again), self.handle)
            self.assertIs(tell(self.handle), False)
        self.assertIs(tell(self.handle), False)
        again.close()

    @in_child
    def test_disable_inheritance_inside(self):
        r, w = self.pipe()
        set_inheritable(r, True)
        with temporarily(self.file, r):
            set_inheritable(w, True)
            disable_inheritance()
            self.assertEqual([tell(handle_of(f)) for f in (self.file, r, w)], [True, False, False])
        self.assertEqual([tell(handle_of(f)) for f in (self.file, r, w)], [False] * 3)
        set_inheritable(self.file, True)
        disable_inheritance()
        self.assertIs(tell(self.handle), False)

    @posix
    @in_child
    def test_disable_inheritance_after_the_number_was_taken(self):
        with temporarily(self.file):
            with open(self.path + "2", "w") as other:
                os.dup2(other.fileno(), self.fd, True)
            disable_inheritance()
            self.assertIs(tell(self.fd), False)

    def test_one_bad_among_several(self):
        r, w = self.pipe()
        set_inheritable(w, True)
        with open(self.path) as closed:
            fd = closed.fileno()
        for bad, error in bad_files(fd, closed):
            with self.assertRaises(error):
                with temporarily(self.file, r, w, bad):
                    self.fail("entered")
            self.assertEqual([tell(handle_of(f)) for f in (self.file, r, w)], [False, False, True])

    def test_keeps_its_files_alive(self):
        warnings.simplefilter("ignore", ResourceWarning)
        with temporarily(open(self.path)):
            found = [h for h in open_handles() if h.inheritable and h.target and os.path.basename(h.target) == "file"]
            if not WINDOWS and not (LINUX and PROC):
                self.skipTest("this system does not tell a file's path")
            self.assertEqual(len(found), 1)

    def test_overlapping_in_threads(self):
        r, w = self.pipe()
        files = [self.file, r, w]
        handles = [handle_of(file) for file in files]
        wrong = []

        def work(number):
            chance = random.Random(number)
            for _ in range(int((10_000 if not WINDOWS else 500) * SOAK)):
                chosen = chance.sample(range(3), 2)
                with temporarily(*(files[n] for n in chosen)):
                    wrong.extend(n for n in chosen if not tell(handles[n]))
        set_inheritable(w, True)
        threads = [threading.Thread(target=work, args=[n]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual([tell(h) for h in handles], [False, False, True])

    @forks
    def test_fork_while_other_threads_hold_blocks(self):
        r, w = self.pipe()
        ready, done = threading.Event(), threading.Event()

        def hold():
            with temporarily(r):
                ready.set()
                done.wait()

        def churn():
            while not done.is_set():
                with temporarily(w):
                    pass
        threads = [threading.Thread(target=hold), *(threading.Thread(target=churn) for _ in range(3))]
        for thread in threads:
            thread.start()
        ready.wait()
        statuses = set()
        try:
            with temporarily(self.file):
                for _ in range(max(10, int(100 * SOAK))):
                    pid = os.fork()
                    if pid == 0:
                        status = 1
                        try:
                            signal.alarm(60)  # a child that is blocked ends, by a signal
                            flags = [tell(f.fileno()) for f in (self.file, r, w)]
                            with temporarily(r, w):
                                flags += [tell(f.fileno()) for f in (r, w)]
                            flags += [tell(f.fileno()) for f in (r, w)]
                            status = 0 if flags == [True, False, False, True, True, False, False] else 2
                        finally:
                            os._exit(status)
                    statuses.add(os.waitpid(pid, 0)[1])
                self.assertEqual([tell(f.fileno()) for f in (self.file, r)], [True, True])
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(statuses, {0})
        self.assertEqual([tell(f.fileno()) for f in (self.file, r, w)], [False] * 3)

    @forks
    def test_block_goes_on_in_the_child_of_a_fork(self):
        with temporarily(self.file):
            pid = os.fork()
            if pid == 0:
                before = tell(self.fd)
        if pid == 0:
            os._exit(0 if (before, tell(self.fd)) == (True, False) else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertIs(tell(self.fd), False)

    @unittest.skipUnless(hasattr(signal, "setitimer"), "this system has no setitimer")
    @in_child
    def test_interrupts(self):
        # How many leave a flag on is measured by .ci/bench.py; here, that it is next to none.
        def interrupt(number, frame):
            raise KeyboardInterrupt
        old = signal.signal(signal.SIGALRM, interrupt)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        chance = random.Random(2)
        left, rounds = 0, int(2000 * SOAK)

        def struck():
            late = time.monotonic() + 1
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 1e-4))
            for _ in range(3):
                with temporarily(self.file):
                    pass
            while time.monotonic() < late:  # until it strikes
                pass
        for _ in range(rounds):
            try:
                struck()  # a function, for 3.13 catches nothing that strikes at the jump of a loop in the same one
            except KeyboardInterrupt:
                pass
            if PYPY:
                import gc
                gc.collect()
            left += tell(self.fd)
            set_inheritable(self.file, False)
        self.assertLessEqual(left, rounds / 200)
        with temporarily(self.file):
            pass
        self.assertIs(tell(self.fd), False)


class TestPassing(Case):
    def test_arguments(self):
        r, w = self.pipe()
        with passing(self.file, r, self.file, OpenHandle(handle_of(w))) as child:
            self.assertEqual(child.args, [str(n) for n in (self.handle, handle_of(r), self.handle, handle_of(w))])
            self.assertEqual(set(child.popen), {"startupinfo" if WINDOWS else "pass_fds"})
        with passing() as child:
            self.assertEqual(child.args, [])
            output("", **child.popen)

    def test_child_takes_files_and_sockets(self):
        r, w = self.pipe()
        listening, client, accepted = self.sockets()
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
            listening.detach()  # Wine 8 does not close it
            handle = receive_handle(sys.argv[4])
            print(socket.fromfd(handle, *kind).recv(100).decode())
            """
        with socket.create_connection(listening.getsockname()) as another:
            another.sendall(b"to the listening one")
            client.sendall(b"to the accepted one")
            with passing(self.file, w, listening, accepted) as child:
                printed = output(code, *child.args, **child.popen)
        self.assertEqual(printed.splitlines(), ["secret", "to the listening one", "to the accepted one"])
        w.close()
        self.assertEqual(r.read(), b"written by the child")

    def test_child_takes_a_connection(self):
        ours, theirs = multiprocessing.connection.Pipe()
        code = """
            import multiprocessing.connection as connection, os, sys
            from inheritable import receive_handle
            kind = connection.PipeConnection if os.name == "nt" else connection.Connection
            with kind(receive_handle(sys.argv[1])) as end:
                end.send(end.recv()[::-1])
            """
        with ours, theirs:
            ours.send([1, 2, 3])
            with passing(theirs) as child:
                output(code, *child.args, **child.popen)
            self.assertEqual(ours.recv(), [3, 2, 1])

    @posix
    def test_socketpair(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with passing(theirs) as child:
                output("import inheritable, os, sys; os.write(inheritable.receive(sys.argv[1]), b'hello')",
                       *child.args, **child.popen)
            self.assertEqual(ours.recv(10), b"hello")

    def test_nothing_else_goes_over(self):
        r, w = self.pipe()
        set_inheritable(r, True)
        numbers = [self.handle, handle_of(r), handle_of(w)]
        with passing(self.file) as child:
            self.assertEqual(json.loads(output(LOOK, *numbers, **child.popen)), [self.handle])
        with passing() as child:
            self.assertEqual(json.loads(output(LOOK, *numbers, **child.popen)), [])
        self.assertEqual([tell(n) for n in numbers], [False, True, False])

    def test_flags_of_the_parent(self):
        r, _ = self.pipe()
        set_inheritable(r, True)
        handles = self.handle, handle_of(r)
        with passing(self.file, r):
            self.assertEqual([tell(h) for h in handles], [WINDOWS, True])
        self.assertEqual([tell(h) for h in handles], [False, True])
        with temporarily(self.file), passing(self.file) as child:
            self.assertEqual(child.args, [str(self.handle)])
            self.assertIs(tell(self.handle), True)
        self.assertIs(tell(self.handle), False)

    def test_beside_the_arguments_of_popen(self):
        code = "import inheritable, os, sys; os.lseek(fd := inheritable.receive(sys.argv[1]), 0, 0); " \
               "print(os.read(fd, 9).decode(), sys.stdin.read(), os.environ['WHERE'], os.path.basename(os.getcwd()))"
        environ = {**os.environ, "WHERE": "here", "PYTHONPATH": HERE}
        with passing(self.file) as child:
            command = [sys.executable, "-c", code, *child.args]
            done = subprocess.run(command, input=b"input", capture_output=True, cwd=self.folder, env=environ,
                                  **child.popen)
        expected = [b"secret", b"input", b"here", os.fsencode(os.path.basename(self.folder))]
        self.assertEqual((done.stdout.split(), done.stderr), (expected, b""))

    def test_asyncio(self):
        async def main():
            with passing(self.file) as child:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", textwrap.dedent(READ), *child.args, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, **child.popen)
            return (await process.communicate())[0]
        self.assertEqual(asyncio.run(main()), b"secret")

    def test_startupinfo(self):
        if not WINDOWS:
            with self.assertRaises(ValueError):
                with passing(self.file, startupinfo=object()):
                    self.fail("entered")
            with passing(self.file, startupinfo=None):
                return
        r, w = self.pipe()
        info = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESHOWWINDOW)
        info.lpAttributeList = {"handle_list": [handle_of(r)]}
        numbers = [self.handle, handle_of(r), handle_of(w)]
        with passing(self.file, startupinfo=info) as child:
            self.assertEqual(child.popen["startupinfo"].dwFlags, subprocess.STARTF_USESHOWWINDOW)
            # Windows refuses one that is not inheritable, which Wine passes over.
            self.assertEqual([tell(n) for n in child.popen["startupinfo"].lpAttributeList["handle_list"]], [True, True])
            self.assertEqual(json.loads(output(LOOK, *numbers, **child.popen)), numbers[:2])
        self.assertEqual(info.lpAttributeList, {"handle_list": [handle_of(r)]})
        self.assertEqual([tell(n) for n in numbers], [False] * 3)

    def test_standard_streams_go_over_as_duplicates(self):
        code = """
            import subprocess, sys, inheritable
            before = [h[:2] for h in inheritable.open_handles()]
            with inheritable.passing(sys.stdout, sys.stdout, sys.stderr) as child:
                assert child.args[0] == child.args[1] != child.args[2], child.args
                code = "import os, sys, inheritable; os.write(inheritable.receive(sys.argv[1]), b'one')"
                command = [sys.executable, "-c", code, child.args[0]]
                streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
                done = subprocess.run(command, **streams, **child.popen)
                assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), done
            after = [h[:2] for h in inheritable.open_handles()]
            print(before == after)
            """
        self.assertEqual(output(code), "oneTrue\n")

    @posix
    @in_child
    def test_file_that_got_number_0(self):
        os.dup2(self.fd, 0)
        self.file.close()
        os.close(1)
        with passing(0) as child:  # whose duplicate must not be 1
            self.assertEqual(child.args, [str(self.fd)])  # but the lowest above the streams
            self.assertIs(tell(int(child.args[0])), False)
            self.assertEqual(output(READ, *child.args, **child.popen), "secret")
        self.assertIsNone(tell(int(child.args[0])))
        os.dup2(2, 1)

    @windows
    def test_event(self):
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.CreateEventW.restype = ctypes.c_void_p
        event = kernel32.CreateEventW(None, True, False, None)
        code = "import ctypes, inheritable, sys; h = inheritable.receive_handle(sys.argv[1]); " \
               "print(ctypes.WinDLL('kernel32').SetEvent(ctypes.c_void_p(h)))"
        with passing(OpenHandle(event)) as child:
            self.assertEqual(output(code, *child.args, **child.popen), "1\n")
        self.assertEqual(_winapi.WaitForSingleObject(event, 0), 0)
        _winapi.CloseHandle(event)

    def test_bad_files(self):
        with open(self.path) as closed:
            fd = closed.fileno()
        before = open_handles()
        for bad, error in bad_files(fd, closed):
            with self.assertRaises(error):
                with passing(self.file, 1, bad):
                    self.fail("entered")
            self.assertEqual(open_handles(), before)

    def test_many_children_from_many_threads(self):
        code = "import inheritable, os, sys; os.read(inheritable.receive(sys.argv[1]), 1) == b'' or sys.exit(1)"
        failed = []

        def start(number):
            for _ in range(max(1, int((25 if not WINDOWS else 5) * SOAK))):
                r, w = os.pipe()
                with passing(r) as child:
                    process = subprocess.Popen([sys.executable, "-S", "-c", code, *child.args], cwd=HERE,
                                               stdin=subprocess.DEVNULL, **child.popen)
                os.close(r)
                os.close(w)  # the child sees the end at once, if no sibling has this end too
                try:
                    if process.wait(timeout=120):
                        failed.append(process.returncode)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    failed.append("timeout")
        threads = [threading.Thread(target=start, args=[n]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])

    @posix
    def test_child_that_is_not_python(self):
        if not shutil.which("bash"):
            self.skipTest("there is no bash")
        with open(self.path + "2", "w+") as file:
            with passing(file) as child:
                subprocess.run(["bash", "-c", "echo from bash >&$1", "-", *child.args], check=True, **child.popen)
            file.seek(0)
            self.assertEqual(file.read(), "from bash\n")

    def test_appending(self):
        log = os.path.join(self.folder, "log")
        code = """
            import inheritable, os, sys
            with open(inheritable.receive(sys.argv[1]), "wb", 0) as log:
                for _ in range(3):
                    input()
                    log.write(b"child\\n")
                    print(flush=True)
            """
        for mode in "a", "ab", "a+":
            for wrap in (lambda file: file), (lambda file: getattr(file, "buffer", file)):
                with open(log, mode) as parent, passing(wrap(parent)) as child:
                    command = [sys.executable, "-c", textwrap.dedent(code), *child.args]
                    with subprocess.Popen(command, cwd=HERE, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          **child.popen) as process:
                        for _ in range(3):
                            parent.write("parent\n" if mode != "ab" else b"parent\n")
                            parent.flush()
                            with open(log, "a") as third:
                                third.write("third\n")
                            process.stdin.write(b"\n")
                            process.stdout.readline()
                with open(log) as written:
                    self.assertEqual(written.read().split(), ["parent", "third", "child"] * 3)
                os.remove(log)


class TestReceive(Case):
    def give(self, code, *files, **options):
        """Hands files over to a child that runs code, with receive and args at hand; what it prints."""
        start = "import errno, os, sys, threading\nfrom inheritable import *\nargs = sys.argv[1:]\n"
        with passing(*files) as child:
            return output(start + textwrap.dedent(code), *child.args, **{**child.popen, **options})

    def test_non_inheritable_and_once_only(self):
        code = """
            fd = receive(args[0])
            print(get_inheritable(fd))
            for again in receive, receive_handle:
                for flag in False, True:
                    set_inheritable(fd, flag)
                    try:
                        again(args[0])
                    except OSError as error:
                        print(error.errno == errno.EBADF)
            handle = receive_handle(args[1])
            print(get_handle_inheritable(handle))
            """
        self.assertEqual(self.give(code, self.file, self.pipe()[0]).split(), ["False"] + ["True"] * 4 + ["False"])

    def test_one_of_several_threads_gets_it(self):
        code = """
            got, start = [], threading.Barrier(8)
            def take():
                start.wait()
                try:
                    got.append(receive(args[0]))
                except OSError as error:
                    got.append(error.errno)
            threads = [threading.Thread(target=take) for _ in range(8)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            print(got.count(errno.EBADF), len(got), sum(map(bool, map(get_inheritable, set(got) - {errno.EBADF}))))
            """
        for _ in range(5):
            self.assertEqual(self.give(code, self.file), "7 8 0\n")

    def test_what_was_not_handed_over(self):
        code = """
            mine = os.open(os.devnull, os.O_RDONLY)
            if os.name == "nt":
                import msvcrt
                numbers = [msvcrt.get_osfhandle(fd) for fd in (mine, 0, 1, 2)]
            else:
                numbers = [mine, 0, 1, 2]
            given = int(args[0])
            numbers += [4000, 2**31 - 4, 2**31, 2**32, 2**32 + given, 2**63, 2**64, 10**30, 10**30 + given]
            for number in numbers + ["1" + "0" * 5000]:
                for function in receive, receive_handle:
                    try:
                        print(number, function(str(number)))
                    except OSError as error:
                        if error.errno != errno.EBADF:
                            print(number, error)
            print(get_inheritable(mine))
            receive(args[0])
            """
        self.assertEqual(self.give("if 1:" + code, self.file), "False\n")

    def test_garbage(self):
        number = str(self.handle)
        garbage = ["", " " + number, number + " ", number + "\n", "+" + number, "-" + number, "0" + number, "00",
                   number + "_0", "x", number + "x", number + "A", number + "aa", "a", "0a0", "-1", "0x10", "1e3",
                   number + "\0", "\u0664", "\u00b2", number + "\u0660", "\u0967\u0968"]
        if WINDOWS:
            garbage += [str(self.handle + n) for n in (1, 2, 3)] + ["7", str(self.handle + 1) + "a"]
        else:
            garbage += [number + "a"]
        with temporarily(self.file):
            for function in receive, receive_handle:
                for arg in garbage:
                    self.assertEqual(outcome(function, arg), (ValueError, None, None), repr(arg))
                for arg in None, self.handle, number.encode(), self.file, 1.0, [number]:
                    self.assertEqual(outcome(function, arg), (TypeError, None, None))
            self.assertIs(tell(self.handle), True)

    def test_bytes_go_through_as_they_are(self):
        data = b"\r\n\n\x1a\0\xff rest"
        r, w = self.pipe()
        w.write(data)
        with open(self.path + "2", "w+b") as file:
            code = "os.write(receive(args[1]), os.read(receive(args[0]), 100))"
            self.give(code, r, file)
            file.seek(0)
            self.assertEqual(file.read(), data)

    def test_grandchild_does_not_get_it(self):
        code = """
            import subprocess
            number = args[0] if os.name == "nt" else str(receive(args[0]))
            if os.name == "nt":
                fd = receive(args[0])
            look = [sys.executable, "-c", %r, number]
            print(subprocess.run(look, close_fds=False, stdout=subprocess.PIPE).stdout.decode())
            if os.name == "nt":  # where the C runtime hands descriptors over on its own
                script = args[1]
                os.spawnv(os.P_WAIT, sys.executable, ["python", script, str(fd)])
            """
        script = os.path.join(self.folder, "grandchild.py")
        with open(script, "w") as file:
            file.write("import os, sys\nos.fstat(int(sys.argv[1]))\nopen(%r, 'w')\n" % (self.path + "3"))
        with passing(self.file) as child:
            start = "import os, sys\nfrom inheritable import *\nargs = sys.argv[1:]\n"
            printed = output(start + textwrap.dedent(code % LOOK), *child.args, script, **child.popen)
        self.assertEqual(printed.strip(), "[]")
        self.assertFalse(os.path.exists(self.path + "3"))

    @windows
    def test_descriptor_for_no_file(self):
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.CreateEventW.restype = ctypes.c_void_p
        event = kernel32.CreateEventW(None, True, False, None)
        code = """
            try:
                receive(args[0])
            except OSError as error:
                print(error.errno == errno.EBADF)
            print(receive_handle(args[0]) == int(args[0]))
            """
        self.assertEqual(self.give(code, OpenHandle(event)).split(), ["True", "True"])
        _winapi.CloseHandle(event)


# The command line


def command(*args, **options):
    """python inheritable.py ARGS; its exit status, and what it prints on each stream."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command_line = [sys.executable, inheritable.__file__, *map(str, args)]
    done = subprocess.run(command_line, **{"universal_newlines": True, **streams, **options})
    return done.returncode, done.stdout, done.stderr


class TestList(Case):
    def rows(self, text):
        return [re.match(r" *(\d+)  (yes|no)  ? *(.*)$", line).groups() for line in text.splitlines()[1:]]

    def test_table(self):
        set_inheritable(self.file, True)
        for args in [], ["list"]:
            status, out, err = command(*args, close_fds=False)
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(out.split("\n")[0], "handle  inheritable  target")
            rows = self.rows(out)
            found = {int(number): (flag, target) for number, flag, target in rows}
            self.assertEqual(list(found), sorted(found))
            self.assertEqual(found[self.handle][0], "yes")
            if WINDOWS or LINUX and PROC:
                self.assertTrue(os.path.samefile(found[self.handle][1], self.path))
            if not WINDOWS:
                self.assertEqual([found[fd][1].split("(")[-1] for fd in (0, 1, 2)], ["stdin)", "stdout)", "stderr)"])
            else:
                named = [target for _, target in found.values() if re.search(r"\((stdin|stdout|stderr)\)$", target)]
                self.assertEqual(len(named), 3)
            starts = {line.index(word) for line, (_, word, _) in zip(out.splitlines()[1:], rows)}
            self.assertEqual(starts, {8})

    def test_json(self):
        set_inheritable(self.file, True)
        status, out, err = command("--json", close_fds=False)
        rows = json.loads(out)
        self.assertEqual((status, err, set(rows[0])), (0, "", {"handle", "inheritable", "target"}))
        self.assertEqual([row["inheritable"] for row in rows if row["handle"] == self.handle], [True])

    def test_pid(self):
        if not (WINDOWS or LINUX and PROC):
            status, out, err = command("--pid", os.getpid())
            self.assertEqual((status, out, len(err.splitlines())), (1, "", 1))
            self.skipTest("this system does not tell")
        status, out, err = command("list", "--pid", os.getpid(), "--json")
        self.assertIn(self.handle, [row["handle"] for row in json.loads(out)])
        status, out, err = command("--pid=%d" % os.getpid())
        self.assertEqual((status, err), (0, ""))
        self.assertNotIn("stdin)", out)

    def test_errors(self):
        for status, *args in [
                [2, "--pid", "x"], [2, "--pid"], [2, "--no"], [2, "nonsense"], [2, "list", "ls"], [2, "run"],
                [2, "run", "--"], [2, "run", "--pass", "x", "ls"], [2, "run", "--pass", "9999996", "ls"],
                [2, "run", "--pass", "-1", "ls"],
                [2, "run", "--pass", 2**64, "ls"], [2, "run", "--json", "ls"],
                [1, "--pid", "-7"], [1, "--pid", "4999999"], [1, "--json", "--pid", 2**40]]:
            with self.subTest(args=args):
                got, out, err = command(*args)
                self.assertEqual((got, out, len(err.splitlines())), (status, "", 1))
                self.assertRegex(err, "^inheritable: .")
                self.assertIn(" ".join(map(str, args)), err)
        self.assertIn(": no such command: nonsense", command("nonsense")[2])
        self.assertIn("run what?", command("run")[2])

    def test_help_and_version(self):
        for verb in [], ["list"], ["run"]:
            status, out, err = command(*verb, "--help")
            self.assertEqual((status, err), (0, ""))
            for word in "--pid", "--json", "--pass", "--version", "127", "126", "make test":
                self.assertIn(word, out)
            self.assertEqual(command(*verb, "--version"), (0, "inheritable %s\n" % inheritable.__version__, ""))

    def test_reader_that_went_away(self):
        # It reads a line at most, of more than a pipe holds.
        r, w = os.pipe()
        os.close(r)
        self.assertEqual(command("--json", stdout=w)[::2], (0, ""))
        os.close(w)

    @posix
    def test_stdout_closed_or_full(self):
        def shell(redirection):
            line = '"$0" "$1" %s' % redirection
            done = subprocess.run(["sh", "-c", line, sys.executable, inheritable.__file__], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            return done.returncode, done.stdout, len(done.stderr.splitlines())
        self.assertEqual(shell(">&-"), (1, b"", 1))
        self.assertEqual(shell(">&- 2>&-"), (1, b"", 0))
        self.assertEqual(shell("2>&-")[0], 0)
        if os.path.exists("/dev/full"):
            self.assertEqual(shell(">/dev/full"), (1, b"", 1))

    @proc
    def test_stdout_that_cannot_be_written(self):
        with open("/proc/self/oom_score_adj", "w") as refusing:  # EINVAL, which is no reader that went away
            status, out, err = command(stdout=refusing)
        self.assertEqual((status, len(err.splitlines())), (1, 1))

    @proc
    def test_names_cannot_steer_the_terminal(self):
        path = os.path.join(os.fsencode(self.folder), "\x1b[2J\n".encode() + b"\xff\x85")
        with open(path, "w") as file, passing(file) as child:
            c_locale = {"LC_ALL": "C"}
            ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
            for env in c_locale, ascii_only, {"PYTHONIOENCODING": "utf-8"}:
                status, out, err = command(env={**os.environ, **env}, **child.popen)
                self.assertEqual((status, err), (0, ""))
                line = [line for line in out.split("\n") if "[2J" in line][0]
                self.assertTrue(line.isprintable())
                self.assertIn("\\x1b[2J\\n", line)
                self.assertTrue(line.endswith("\\udcff\\udc85"))
                out = command("--json", env={**os.environ, **env}, **child.popen)[1]
                self.assertIn(os.fsdecode(path), [row["target"] for row in json.loads(out)])

    def test_as_a_module_and_copied(self):
        shutil.copy(inheritable.__file__, os.path.join(self.folder, "copied.py"))
        for folder, *args in [HERE, "-m", "inheritable"], [self.folder, "copied.py"], [self.folder, "-m", "copied"]:
            done = subprocess.run([sys.executable, *args], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            self.assertEqual(done.returncode, 0)
            self.assertEqual(len(self.rows(done.stdout.decode())), len(done.stdout.splitlines()) - 1)


class TestRun(Case):
    def python(self, code, *args, before=(), **options):
        """Has run execute Python code."""
        return command("run", *before, sys.executable, "-c", textwrap.dedent(code), *args, **options)

    def test_only_what_is_named(self):
        r, w = self.pipe()
        numbers = [self.handle, handle_of(r), handle_of(w)]
        with temporarily(self.file, r, w):
            for before, expected in ([], []), (["--"], []), (["--pass", numbers[1]], numbers[1:2]), \
                    (["--pass=%d" % numbers[0], "--pass", numbers[2], "--"], [numbers[0], numbers[2]]):
                status, out, err = self.python(LOOK, *numbers, before=before, close_fds=False)
                self.assertEqual((status, json.loads(out), err), (0, expected, ""))
        with passing(self.file) as child:
            got = self.python(READ, *child.args, before=["--pass", self.handle], **child.popen)
            self.assertEqual(got, (0, "secret", ""))

    def test_arguments_are_those_of_the_command(self):
        args = ["--pass", "7", "--", "--help", "-x", "", "a b", 'q"q', "\\"]
        status, out, err = self.python("import sys; print(sys.argv[1:])", *args)
        self.assertEqual((status, out, err), (0, "%r\n" % args, ""))

    def test_streams(self):
        code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('error')"
        done = subprocess.run([sys.executable, inheritable.__file__, "run", sys.executable, "-c", code], input="input",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "INPUT", "error"))

    def test_status(self):
        for status in (0, 1, 3, 127, 255) + ((256, 0x7FFFFFFF, 0x80000000, 0xC0000005, 0xFFFFFFFF) if WINDOWS else ()):
            code = "import os; os._exit(%d)" % (status - 2**32 if status >> 31 else status)
            self.assertEqual(self.python(code), (status, "", ""))
        if not WINDOWS:
            self.assertEqual(self.python("", before=["--pass", 0]), (0, "", ""))
        status, out, err = command("run", "no such command")
        self.assertEqual((status, out, len(err.splitlines())), (127, "", 1))
        self.assertIn("no such command", err)
        self.assertEqual(command("run", os.path.join(self.folder, "no"))[0], 127)
        self.assertEqual(command("run", os.path.join(self.path, "no"))[0], 127)
        self.assertEqual(command("run", "")[:2], (127, ""))
        with open(os.path.join(self.folder, "program"), "w") as file:
            file.write("echo a script without #!")
        status, out, err = command("run", file.name)
        self.assertEqual((status, out, len(err.splitlines())), (126, "", 1))
        if not WINDOWS:
            os.chmod(file.name, 0o755)
            status, out, err = command("run", file.name)
            self.assertEqual((status, out, len(err.splitlines())), (126, "", 1))
            self.assertEqual(command("run", self.folder)[0], 126)

    @windows
    def test_finds_it_with_pathext(self):
        with open(os.path.join(self.folder, "hello.bat"), "w") as file:
            file.write("@exit 7\n")
        environ = {**os.environ, "PATH": self.folder + ";" + os.environ["PATH"]}
        self.assertEqual(command("run", "hello", env=environ)[0], 7)
        broken = os.path.join(self.folder, "broken.exe")
        with open(broken, "w") as file:
            file.write("no program")
        self.assertEqual(command("run", broken)[0], 126)

    @posix
    def test_signals(self):
        code = "import os; os.kill(os.getpid(), 9)"
        self.assertEqual(self.python(code)[0], -9)
        self.assertEqual(command("run", "sh", "-c", "kill -TERM $$")[0], -signal.SIGTERM)
        # A program that writes for ever ends at a closed pipe, quietly.
        r, w = os.pipe()
        os.close(r)
        self.assertEqual(command("run", "yes", stdout=w), (-signal.SIGPIPE, None, ""))
        os.close(w)
        # Ended by the limit of a file's size, a signal that Python ignores.
        out = os.path.join(self.folder, "out")
        limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sys.executable, inheritable.__file__, "run"]
        done = subprocess.run([*limited, "dd", "if=/dev/zero", "of=" + out, "bs=4096", "count=10"],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(done.returncode, -signal.SIGXFSZ)


# The README


class TestReadme(Case):
    """What the README shows runs as it stands there."""

    def blocks(self):
        with open(os.path.join(HERE, "README.md"), encoding="utf-8") as readme:
            return re.findall(r"^```(\w+)\n(.*?)^```$", readme.read(), re.M | re.S)

    def test_recipes(self):
        shutil.copy(inheritable.__file__, self.folder)
        recipes = []  # each a script, what it needs, and what it prints, where the README says so
        for language, text in self.blocks():
            if language == "python":
                name, needs = re.match(r"# (\w+\.py)(?: \((.*)\))?$", text.split("\n")[0]).groups()
                with open(os.path.join(self.folder, name), "w") as file:
                    file.write(text)
                if "worker" not in name:
                    recipes.append([name, needs.split(", ") if needs else [], None])
            elif language == "text" and recipes and recipes[-1][2] is None:
                recipes[-1][2] = text.strip()
        self.assertGreater(len(recipes), 9)
        here = {"POSIX": not WINDOWS, "Windows": WINDOWS, "os.posix_spawn": hasattr(os, "posix_spawn")}
        for name, needs, expected in recipes:
            if all(here[need] if need in here else shutil.which(need) for need in needs):
                with self.subTest(name=name):
                    done = subprocess.run([sys.executable, name], cwd=self.folder, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
                    printed = done.stdout.strip() if expected is not None else None
                    self.assertEqual((done.returncode, printed), (0, expected), done.stderr)

    @posix
    def test_shell_lines(self):
        lines = [line for language, text in self.blocks() if language == "sh" for line in text.splitlines()]
        self.assertIn("python3 test_inheritable.py", lines)
        for line in lines:
            if "test_inheritable" not in line and ".ci/" not in line:
                with self.subTest(line=line):
                    script = 'python3() { "$PYTHON" "$@"; }\n' + line
                    done = subprocess.run(["sh", "-c", script], cwd=HERE, env={**os.environ, "PYTHON": sys.executable},
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
