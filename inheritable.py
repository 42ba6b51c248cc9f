# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of inheritable
"""What do my child processes inherit? Read the flag, set it, see it all, shut it off, hand files over.

A child process gets each file descriptor (POSIX) or handle (Windows) that is inheritable: without close-on-exec, or
with HANDLE_FLAG_INHERIT (PEP 446). `python inheritable.py --help` tells of the command line.
"""
from __future__ import annotations

import collections, contextlib, ctypes, errno, functools, operator, os, sys, threading, weakref

__version__ = "1.0.0"
__all__ = ["get_inheritable", "set_inheritable", "get_handle_inheritable", "set_handle_inheritable", "OpenHandle",
           "open_handles", "disable_inheritance", "temporarily", "passing", "receive", "receive_handle"]

TYPE_CHECKING = False  # importing typing would cost milliseconds
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator, Optional, Protocol, SupportsIndex, Union
    class HasFileno(Protocol):
        def fileno(self) -> int: ...
    File = Union[SupportsIndex, HasFileno]


class OpenHandle(collections.namedtuple("OpenHandle", "handle inheritable target", defaults=(None, None))):
    """An open descriptor (POSIX) or handle (Windows): its number, its flag, what it refers to; None: not known.
    It stands for its handle wherever a file may: `passing(OpenHandle(h))` hands over a Windows event."""
    __slots__ = ()
    handle: int
    inheritable: Optional[bool]
    target: Optional[str]

    def fileno(self) -> int:
        return self.handle


# The two backends give the same names. Their handles are Windows's HANDLEs, or POSIX's file descriptors.
if sys.platform == "win32":
    import _winapi, msvcrt, struct
    from ctypes.wintypes import DWORD, HANDLE
    _READER_GONE = {errno.EPIPE, errno.EINVAL}  # the latter for ERROR_NO_DATA
    _STEP = 4  # of handles and process ids: Windows ignores the two lowest bits
    _APPEND = "a"  # behind the number: the C runtime has O_APPEND in the descriptor, not in the handle
    _GIVE_HANDLES = {  # the classes whose fileno() is a HANDLE; any other's is a C descriptor
        "_socket.socket", "socket.SocketIO", "socketserver.TCPServer", "socketserver._SocketWriter", "OpenHandle",
        "asyncio.trsock.TransportSocket", "asyncio.windows_utils.PipeHandle",
        "multiprocessing.connection._ConnectionBase"}

    class _HoldingGIL(ctypes.CDLL):
        _func_flags_ = 4  # FUNCFLAG_PYTHONAPI, as PyDLL's, with FUNCFLAG_STDCALL (0), as WinDLL's

    _kernel32 = _HoldingGIL("kernel32", use_last_error=True)
    _files, _ntdll = ctypes.WinDLL("kernel32"), ctypes.WinDLL("ntdll")  # they may wait for a disk or a network
    _kernel32.GetStdHandle.restype = _files.ReOpenFile.restype = HANDLE
    _close = _winapi.CloseHandle

    def _check(succeeded: int) -> None:
        if not succeeded:
            code = ctypes.get_last_error()
            raise OSError(None, ctypes.FormatError(code).rstrip(" .\r\n"), None, code, None)

    def _resolve(number: int, kind: object, *flag: SupportsIndex) -> int:
        if not isinstance(kind, str):
            # By name, to import none of them. A closed socket's -1 would be a handle, of this process: it is EBADF.
            classes = type(kind).__mro__ + type(_raw(kind)).__mro__
            names = {c.__qualname__ for c in classes} | {"%s.%s" % (c.__module__, c.__qualname__) for c in classes}
            kind = "fd" if number == -1 or _GIVE_HANDLES.isdisjoint(names) else "handle"
        bits = 32 if kind == "fd" else 8 * ctypes.sizeof(ctypes.c_void_p)
        if number >> (bits - 1) not in (0, -1) or any(operator.index(n) >> 31 not in (0, -1) for n in flag):
            raise OverflowError("Python int too large to convert to C int")
        return msvcrt.get_osfhandle(number) if kind == "fd" else number  # the bare CRT call can end the process

    def _get(handle: int) -> bool:
        flags = DWORD()
        _check(_kernel32.GetHandleInformation(HANDLE(handle), ctypes.byref(flags)))
        return bool(flags.value & 1)  # HANDLE_FLAG_INHERIT

    def _set(handle: int, inheritable: bool) -> None:
        _check(_kernel32.SetHandleInformation(HANDLE(handle), 1, int(inheritable)))

    def _quick_get(get: Callable[[File], bool]) -> Callable[[File], bool]:
        return get

    def _quick_set(set_: Callable[[File, Any], None]) -> Callable[[File, Any], None]:
        return set_

    def _duplicate(handle: int, process: int = -1) -> int:  # -1 is this one
        return _winapi.DuplicateHandle(process, handle, -1, 0, False, _winapi.DUPLICATE_SAME_ACCESS)

    def _streams() -> dict[int, str]:
        names = (-12, "stderr"), (-11, "stdout"), (-10, "stdin")  # what is two of them has the latter's name
        return {_kernel32.GetStdHandle(number): name for number, name in names}

    def _identify(handle: int) -> tuple[object, str | None]:
        """What tells this file from others, and its path; for what is no file on a disk, both are the object's type."""
        # A pipe that another thread is reading tells nothing until that ends: ask a second opening of the file. One
        # that waits for a client would take this for its client: a pipe is what calls a name below it invalid.
        buffer = ctypes.create_string_buffer(1024)
        if _ntdll.NtQueryObject(HANDLE(handle), 2, buffer, len(buffer), None):  # ObjectTypeInformation
            return None, None
        length, _, name = struct.unpack_from("HHP", buffer)  # a UNICODE_STRING
        kind = ctypes.wstring_at(name, length // 2)
        below, opened = ctypes.create_unicode_buffer("no such file"), HANDLE()
        string = ctypes.create_string_buffer(struct.pack("HHP", 24, 24, ctypes.addressof(below)))
        attributes = struct.pack("IPPIPP", struct.calcsize("IPPIPP"), handle, ctypes.addressof(string), 0, 0, 0)
        status = _ntdll.NtOpenFile(ctypes.byref(opened), 0x100000, attributes, buffer, 7, 0) if kind == "File" else 0
        if opened.value:  # a socket takes any name
            _close(opened.value)
        if kind != "File" or status & 0xFFFFFFFF == 0xC0000033:  # STATUS_OBJECT_NAME_INVALID
            return kind, kind
        second = _files.ReOpenFile(HANDLE(handle), 0, 7, 0x02000000)  # shared with all, FILE_FLAG_BACKUP_SEMANTICS
        if second == HANDLE(-1).value:
            return kind, kind
        file, path = ctypes.create_string_buffer(52), ctypes.create_unicode_buffer(32768)
        _files.GetFileInformationByHandle(HANDLE(second), file)
        if 0 < _files.GetFinalPathNameByHandleW(HANDLE(second), path, len(path), 0) < len(path):
            kind = path.value.replace("\\\\?\\UNC\\", "\\\\", 1).replace("\\\\?\\", "", 1)
        _close(second)
        return (file[28:32], file[44:]), kind  # the volume, and the file's index there

    def _key(handle: int) -> tuple[int, object]:
        return handle, _identify(handle)[0]

    def _flags(pid: int) -> list[tuple[int, bool]]:
        """The handles of a process and their flags, out of the system's table of all processes' handles."""
        size, status = DWORD(1 << 20), 0xC0000004
        while status == 0xC0000004:  # STATUS_INFO_LENGTH_MISMATCH: the table has grown
            table = bytearray(size.value * 2)
            buffer = (ctypes.c_char * len(table)).from_buffer(table)
            status = _ntdll.NtQuerySystemInformation(64, buffer, len(table), ctypes.byref(size)) & 0xFFFFFFFF
        ctypes.set_last_error(_ntdll.RtlNtStatusToDosError(status))
        _check(status == 0)
        row = struct.Struct("PPPIHHII")  # object, process, handle, access, -, type, attributes, -
        start = struct.calcsize("PP")  # behind the number of rows and a reserved word
        end = start + struct.unpack_from("P", table)[0] * row.size
        process, handles = struct.pack("P", pid), []
        found = table.find(process, start, end)  # no object for each row: there may be 200,000 of other processes
        while found != -1:
            offset = found - len(process)
            if (offset - start) % row.size == 0:
                fields = row.unpack_from(table, offset)
                handles.append((fields[2], bool(fields[6] & 2)))  # OBJ_INHERIT
            found = table.find(process, found + 1, end)
        return sorted(handles)

    def _list() -> list[OpenHandle]:
        return [OpenHandle(handle, flag, _identify(handle)[1]) for handle, flag in _flags(os.getpid())]

    def _list_other(pid: int) -> list[OpenHandle]:
        try:
            process = _winapi.OpenProcess(0x40, False, pid)  # PROCESS_DUP_HANDLE
        except OSError as error:
            gone = error.winerror == 87  # ERROR_INVALID_PARAMETER
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) if gone else error
        handles = []
        for handle, flag in _flags(pid):
            target = None
            with contextlib.suppress(OSError):  # closed by now, or of a type that cannot be duplicated
                copy = _duplicate(handle, process)
                target = _identify(copy)[1]
                _close(copy)
            handles.append(OpenHandle(handle, flag, target))
        _close(process)
        return handles

    def _shut_off(kept: set[int]) -> list[int]:
        return [handle for handle, inheritable in _flags(os.getpid()) if inheritable]

    def _popen(stack: contextlib.ExitStack, handles: Iterable[int], startupinfo: Any) -> dict[str, Any]:
        import subprocess
        startupinfo = startupinfo.copy() if startupinfo else subprocess.STARTUPINFO()
        attributes = startupinfo.lpAttributeList = dict(startupinfo.lpAttributeList or {})
        attributes["handle_list"] = list(dict.fromkeys([*attributes.get("handle_list", ()), *handles]))
        stack.enter_context(temporarily(*map(OpenHandle, attributes["handle_list"])))  # else ERROR_INVALID_PARAMETER
        return {"startupinfo": startupinfo}

    def _descriptor(handle: int, append: bool) -> int:
        return msvcrt.open_osfhandle(handle, os.O_NOINHERIT | (os.O_APPEND if append else 0))

    def _run(command: list[str], handles: list[int]) -> int:
        import shutil, signal, subprocess
        # CreateProcess knows no PATHEXT; before 3.12, which() does not for a name with a folder.
        names = [command[0] + suffix for suffix in ["", *os.environ.get("PATHEXT", "").split(os.pathsep)]]
        program = next(filter(None, map(shutil.which, names)), command[0])
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which does not inherit this
        with passing(*map(OpenHandle, handles)) as child:
            process = subprocess.Popen([program, *command[1:]], **child.popen)
        status = process.wait()
        return status - (1 << 32) if status >> 31 else status  # sys.exit takes a C long

else:
    import fcntl
    from fcntl import F_GETFD, F_GETFL, F_SETFD, FD_CLOEXEC
    _LINUX = sys.platform in ("linux", "android")
    _STEP, _close, _READER_GONE, _APPEND = 1, os.close, {errno.EPIPE}, ""  # O_APPEND goes over with the file
    _streams = {0: "stdin", 1: "stdout", 2: "stderr"}.copy

    # PyDLL keeps the GIL, as os does; where CDLL drops it, a busy thread makes a call 200 times as slow. PyPy has no
    # PyDLL. Not find_library: it starts processes, and finds nothing on musl. Cygwin's None is python.exe alone.
    _library: Any = getattr(ctypes, "PyDLL", ctypes.CDLL)
    _libc = functools.partial(_library, "cygwin1.dll" if sys.platform == "cygwin" else None)
    _quick_fcntl, _slow_fcntl = _libc().fcntl, _libc(use_errno=True).fcntl
    _close_range = getattr(_libc(), "close_range", None)  # not in musl, macOS, and glibc before 2.34
    if not _LINUX:
        # fcntl is variadic, and Apple's arm64 has such an argument on the stack: ctypes puts it there if argtypes
        # name the two fixed ones and no more. On Linux there is no need, and a call takes half the time without.
        _quick_fcntl.argtypes = _slow_fcntl.argtypes = [ctypes.c_int, ctypes.c_int]

    def _fcntl(fd: int, command: int, *value: int) -> int:
        result: int = _slow_fcntl(fd, command, *value)
        if result == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def _resolve(number: int, kind: object, *flag: SupportsIndex) -> int:
        if any(operator.index(n) >> 31 not in (0, -1) for n in (number, *flag)):
            raise OverflowError("Python int too large to convert to C int")
        return number

    def _get(fd: int) -> bool:
        return not _fcntl(fd, F_GETFD) & FD_CLOEXEC

    def _set(fd: int, inheritable: bool) -> None:
        old = _fcntl(fd, F_GETFD)
        new = old & ~FD_CLOEXEC if inheritable else old | FD_CLOEXEC  # others stay: FD_CLOFORK of POSIX 2024
        if new != old:
            _fcntl(fd, F_SETFD, new)

    # The short cut, for an int below 1024: one bare call of libc; the rest, errors too, goes the long way. ctypes would
    # cut 2**32 to 0 and take a str for a pointer: this tuple checks the number, in C; a negative one finds another.
    _FDS = tuple(range(1024))
    _INHERITABLE = {0: True, FD_CLOEXEC: False}

    def _quick_get(get: Callable[[File], bool]) -> Callable[[File], bool]:
        @functools.wraps(get)
        def quick_get(fd: Any, /) -> bool:
            try:
                if _FDS[fd] == fd:
                    return _INHERITABLE[_quick_fcntl(fd, F_GETFD)]
            except (LookupError, TypeError, ctypes.ArgumentError):
                pass
            return get(fd)
        return quick_get

    def _quick_set(set_: Callable[[File, Any], None]) -> Callable[[File, Any], None]:
        @functools.wraps(set_)
        def quick_set(fd: Any, inheritable: Any, /) -> None:
            try:
                if _FDS[fd] == fd and (inheritable is True or inheritable is False):
                    if _quick_fcntl(fd, F_SETFD, 0 if inheritable else FD_CLOEXEC) == 0:
                        return
            except (LookupError, TypeError, ctypes.ArgumentError):
                pass
            set_(fd, inheritable)
        quick: Callable[[File, Any], None] = quick_set
        return quick if _LINUX else set_  # others have more flags, to be read first and kept

    def _duplicate(fd: int) -> int:
        copy: int = fcntl.fcntl(fd, getattr(fcntl, "F_DUPFD_CLOEXEC", fcntl.F_DUPFD), 3)
        _set(copy, False)  # PyPy 7.3.11 has F_DUPFD alone
        return copy

    def _key(fd: int) -> tuple[int, object]:
        status = os.fstat(fd)  # the ends of a pipe are one inode, but their access differs
        return fd, (status.st_dev, status.st_ino, _fcntl(fd, F_GETFL) & (os.O_WRONLY | os.O_RDWR))

    def _list() -> list[OpenHandle]:
        handles: list[OpenHandle] = []
        fds: Iterable[int] = range(1 << 20)  # no system allows more, unless told
        folder, link, limit, count = None, "/proc/thread-self/fd/%d", -1, 0
        # /proc/self is the main thread's, but Linux before 3.17 has no other; /dev/fd is of macOS and BSD. Where a BSD
        # has no file system of its own there, it holds 0 to 2, or 0 to 63, open or not.
        with contextlib.ExitStack() as stack:
            for path in "/proc/thread-self/fd", "/proc/self/fd", "/dev/fd":
                with contextlib.suppress(OSError):  # EMFILE, or not there
                    if sys.platform == "darwin" or os.stat(path).st_dev != os.stat("/dev").st_dev:
                        listed = sorted(map(int, os.listdir(path)))  # with listdir's own, closed by now
                        folder, link = os.open(path, os.O_RDONLY), "%d"
                        stack.callback(os.close, folder)
                        fds = filter(folder.__ne__, listed)
                        break
            else:  # All numbers to the limit. Beyond are those opened before it was lowered: Linux 6.2 counts them.
                limit = os.sysconf("SC_OPEN_MAX")
                with contextlib.suppress(OSError):
                    count = os.stat("/proc/thread-self/fd").st_size
            get, readlink, make = os.get_inheritable, os.readlink, OpenHandle._make  # for thousands, it counts
            for fd in fds:
                if 0 <= limit <= fd and len(handles) >= count:
                    break
                try:
                    flag = get(fd)
                except OSError:  # closed by now
                    continue
                try:
                    target: Optional[str] = readlink(link % fd, dir_fd=folder)
                except OSError:  # too long a path, or no link
                    target = None
                    with contextlib.suppress(OSError):  # a pipe, a socket
                        if sys.platform == "darwin":
                            target = os.fsdecode(fcntl.fcntl(fd, 50, bytes(1024)).rstrip(b"\0"))  # F_GETPATH
                handles.append(make((fd, flag, target)))
        return handles

    def _list_other(pid: int) -> list[OpenHandle]:
        if not _LINUX or not os.path.exists("/proc/self/fdinfo"):
            raise NotImplementedError("only Linux, by /proc, and Windows tell what another process has open")
        process = "/proc/%d/" % pid
        handles = []
        try:
            for fd in sorted(map(int, os.listdir(process + "fd"))):
                target = None
                with contextlib.suppress(OSError):  # its path is too long
                    target = os.readlink(process + "fd/%d" % fd)
                with contextlib.suppress(FileNotFoundError), open(process + "fdinfo/%d" % fd, "rb") as info:
                    flags = next(int(line[6:], 8) for line in info if line.startswith(b"flags:"))
                    handles.append(OpenHandle(fd, not flags & os.O_CLOEXEC, target))
        except FileNotFoundError:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) from None
        except PermissionError:
            with contextlib.suppress(FileNotFoundError), open(process + "stat", "rb") as stat:
                if stat.read().rpartition(b")")[2].split()[0] not in b"ZX":  # a zombie's belong to root
                    raise
        return handles

    def _shut_off(kept: set[int]) -> Iterable[int]:
        """Shuts off all but these at once, or else tells what there is to shut off."""
        spared = sorted(kept)
        gaps = zip([0, *(fd + 1 for fd in spared)], [*(fd - 1 for fd in spared), 0x7FFFFFFF])  # gVisor: no ~0
        # 4: CLOSE_RANGE_CLOEXEC. ENOSYS before Linux 5.9, EINVAL before 5.11 and FreeBSD 13.1, EPERM under seccomp.
        if _close_range and not any(_close_range(first, last, 4) for first, last in gaps if first <= last):
            return ()
        return [fd for fd, inheritable, _ in _list() if inheritable]

    def _popen(stack: contextlib.ExitStack, handles: Iterable[int], startupinfo: Any) -> dict[str, Any]:
        if startupinfo is not None:
            raise ValueError("startupinfo is only supported on Windows platforms")
        return {"pass_fds": tuple(handles)}

    def _descriptor(handle: int, append: bool) -> int:
        return handle

    def _run(command: list[str], handles: list[int]) -> int:
        import signal
        disable_inheritance()
        for fd in handles:
            _set(fd, True)
        for name in "SIGPIPE", "SIGXFSZ":  # Python ignores them, and exec would hand that on
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execvp(command[0], command)


def _raw(file: object) -> object:  # the FileIO or SocketIO under a buffered or text file
    file = getattr(file, "buffer", file)
    return getattr(file, "raw", file)


def _handle(file: File, kind: object = "fd", *flag: SupportsIndex) -> int:
    """The handle that file stands for. An int is of that kind, never guessed; for an object, its class tells."""
    try:
        number = operator.index(file)  # type: ignore[arg-type]
    except TypeError:
        if not hasattr(file, "fileno"):
            raise
        number = None
    if number is None:
        number, kind = getattr(file, "fileno")(), file
        if not isinstance(number, int):
            raise TypeError("fileno() returned a non-integer")
    return _resolve(number, kind, *flag)  # as os: the number is checked first, then the flag, then whether it is open


@_quick_get
def get_inheritable(fd: File, /) -> bool:
    """Whether a child would inherit a file descriptor. As os.get_inheritable; takes any object with fileno() too.

    OSError (EBADF) if it is not open (a closed file object: ValueError), OverflowError if it is no C int, TypeError if
    it is no int at all. POSIX: fcntl(F_GETFD). Windows: GetHandleInformation of the descriptor's handle."""
    return _get(_handle(fd))


@_quick_set
def set_inheritable(fd: File, inheritable: SupportsIndex, /) -> None:
    """Let children inherit a file descriptor, or not. As os.set_inheritable; takes any object with fileno() too.

    >>> with open(os.devnull) as file:
    ...     set_inheritable(file, True)
    ...     get_inheritable(file)
    True

    The flag is a C int, 0 for no. Errors, for the flag too: as get_inheritable.
    POSIX: fcntl(F_SETFD), which leaves other flags as they are. Windows: SetHandleInformation."""
    _set(_handle(fd, "fd", inheritable), operator.index(inheritable) != 0)


@_quick_get
def get_handle_inheritable(handle: File, /) -> bool:
    """Whether a child would inherit a handle. As os.get_handle_inheritable, on every platform.

    On Windows an int is a HANDLE, never a C descriptor (for that, get_inheritable); an object with fileno() is what it
    is, a socket or a file. On POSIX a handle is a file descriptor. Errors: as get_inheritable, for a closed handle
    WinError 6. Windows: GetHandleInformation, of an int of a pointer's size. POSIX: fcntl(F_GETFD)."""
    return _get(_handle(handle, "handle"))


@_quick_set
def set_handle_inheritable(handle: File, inheritable: object, /) -> None:
    """Let children inherit a handle, or not. As os.set_handle_inheritable, on every platform.

    The flag is any truth value; handle and errors: as get_handle_inheritable. SetHandleInformation, fcntl(F_SETFD)."""
    _set(_handle(handle, "handle"), bool(inheritable))


def open_handles(pid: Optional[SupportsIndex] = None) -> list[OpenHandle]:
    """Everything that this process has open, or another one, as a list of OpenHandle, in order.

    The target is what /proc says on Linux (a path, `socket:[123]`), a file's path on macOS, a file's path or the
    object's type on Windows, else None. What the call itself opens is not in the list. With pid: ProcessLookupError
    if there is no such process, PermissionError if it may not be read, NotImplementedError where the system does not
    tell; of a zombie, an empty list. Linux: /proc/thread-self/fd (a thread may have unshared its files), /proc/PID/fd,
    fdinfo. macOS, BSD: /dev/fd. Without (no free descriptor): every number to the limit. NtQuerySystemInformation."""
    number = os.getpid() if pid is None else operator.index(pid)
    if not 0 < number < 1 << 32 or number % _STEP:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    return _list() if number == os.getpid() else _list_other(number)


class _Block:  # of `temporarily`
    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def end(self) -> None:
        with _lock:
            for key, blocks in list(_blocks.items()):
                blocks.discard(self)
                if key in _blocks and not vars(blocks)["data"]:  # not len: PyPy's breaks if a handler ends a block
                    with contextlib.suppress(OSError):  # closed by now
                        if _key(key[0]) == key:
                            _set(key[0], False)
                    _blocks.pop(key, None)


# For each file the blocks that have put it on: there before the flag is on and until it is off, so that whatever cuts
# in (Ctrl-C, a fork) can be followed by an undo.
_blocks: dict[tuple[int, object], weakref.WeakSet[_Block]] = {}
_received: set[tuple[int, object]] = set()
_Child = collections.namedtuple("_Child", "args popen")
_lock = threading.RLock()  # reentrant, for signal handlers and finalizers


def disable_inheritance(*keep: File) -> None:
    """Make everything that is open non-inheritable, but for the standard streams and keep: these stay as they are.

    So does what an open block of temporarily or passing has put on, until that ends. Call it early: on Windows it can
    spoil a child that another thread is starting at that moment. Errors: as get_inheritable, and nothing is changed.
    Linux, FreeBSD: close_range(CLOSE_RANGE_CLOEXEC), a call for each gap between what is kept; elsewhere, and where
    that is refused, one after the other as open_handles finds them."""
    kept = {_handle(file) for file in keep}
    for handle in kept:
        _get(handle)  # raises if it is closed
    kept.update(_streams())
    with _lock:
        for key, blocks in list(_blocks.items()):
            with contextlib.suppress(OSError):  # closed by now
                if blocks and _key(key[0]) == key:
                    kept.add(key[0])
        for handle in _shut_off(kept):
            if handle not in kept:
                with contextlib.suppress(OSError):  # closed by now
                    _set(handle, False)


@contextlib.contextmanager
def temporarily(*files: File) -> Iterator[None]:
    """Inheritable inside the block, as before after it.

        with temporarily(file):
            os.posix_spawn(...)  # or os.spawnv, os.exec*; for subprocess there is `passing`

    A block takes away what it has put on and nothing else, not from a file that was inheritable already. Where blocks
    overlap, in several threads too, a file stays inheritable until the last of them ends. It may be closed inside;
    another one that has its number by then is left alone, as far as the system can tell them apart. In the child of a
    fork the blocks of the other threads are ended. Errors: as get_inheritable, and no flag is changed then. System
    calls: as set_inheritable, and fstat (Windows: NtQueryObject and more) to know a file again."""
    block = _Block()
    try:
        handles = [_handle(file) for file in files]
        with _lock:
            for handle in handles:
                key = _key(handle)
                if _blocks.get(key) or not _get(handle):
                    _blocks.setdefault(key, weakref.WeakSet([block])).add(block)
                    _set(handle, True)
        yield
    finally:
        try:
            block.end()
        finally:
            block.end()  # again, for what an interrupt kept the first from


def _after_fork_in_child() -> None:
    for block in {block for blocks in _blocks.values() for block in blocks}:
        if block.thread != threading.get_ident():  # the others do not exist here
            block.end()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork_in_child)


@contextlib.contextmanager
def passing(*files: File, startupinfo: Any = None) -> Iterator[_Child]:
    """Hand these files over to a child, with the standard streams and nothing else: pass_fds for every platform.

        with passing(file, sock) as child:
            process = subprocess.Popen([sys.executable, "worker.py", *child.args], **child.popen)

    child.args are strings, one a file, for the child's `receive`: on POSIX the descriptor's number, which any program
    can take. child.popen are keyword arguments for subprocess.run, Popen, asyncio.create_subprocess_exec. Start the
    child in the block and do the rest after it: on Windows the files are inheritable in it, and go to what another
    thread starts by os.spawn* or with close_fds=False, too. On POSIX their flags are not touched. startupinfo (Windows
    alone, else ValueError, as with Popen) is the caller's, and a copy of it is built on. Errors: as get_inheritable.
    POSIX: Popen's pass_fds. Windows: STARTUPINFO's handle_list, with `temporarily`."""
    handles = [_handle(file) for file in files]
    for handle in handles:
        _get(handle)  # raises if it is closed
    with contextlib.ExitStack() as stack:
        sent = {handle: handle for handle in handles}
        for handle in sent.keys() & _streams().keys():  # under its number the child has its own
            sent[handle] = _duplicate(handle)
            stack.callback(_close, sent[handle])
        modes = [str(getattr(_raw(file), "mode", "")) for file in files]
        args = ["%d%s" % (sent[handle], _APPEND * ("a" in mode)) for handle, mode in zip(handles, modes)]
        yield _Child(args, _popen(stack, sent.values(), startupinfo))


def receive(arg: str) -> int:
    """In the child: the file descriptor for an argument of `passing`, non-inheritable again, and binary.

    OSError (EBADF) for what was not handed over: not open, not inheritable, a standard stream, or received before.
    ValueError for a string that `passing` does not make, TypeError for what is no string.
    POSIX: fcntl. Windows: SetHandleInformation, and open_osfhandle(O_NOINHERIT)."""
    return _take(arg, _descriptor)


def receive_handle(arg: str) -> int:
    """In the child: the handle for an argument of `passing`, non-inheritable again. Errors, and on POSIX: as receive.

    For what the C runtime of Windows takes for no file: sockets, events, pipes of asyncio and multiprocessing."""
    return _take(arg, lambda handle, append: handle)


def _take(arg: str, result_of: Callable[[int, bool], int]) -> int:
    if not isinstance(arg, str):
        raise TypeError("expected a str, not %s" % type(arg).__name__)
    append = _APPEND != "" and arg.endswith(_APPEND)
    digits = arg[:-1] if append else arg
    if not (digits.isascii() and digits.isdigit()) or digits[0] == "0" != digits or int(digits[-2:]) % _STEP:
        raise ValueError("not an argument that passing makes: %r" % arg)
    with _lock:  # of several threads one alone gets it
        try:
            handle = _handle(int(digits), "handle")
            key = _key(handle)
            if not _get(handle) or handle in _streams() or key in _received:
                raise OSError("not handed over")
        except (OSError, OverflowError, ValueError):  # the last from int, beyond 4,300 digits
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None
        result = result_of(handle, append)
        _received.add(key)
        _set(handle, False)
    return result


_HELP = """\
usage: python inheritable.py [list] [--pid PID] [--json]
       python inheritable.py run [--pass FD]... [--] COMMAND [ARG]...
       python inheritable.py --help | --version

list: what this process has open, and whether a child would inherit it: what the shell it is run from hands over.
  --pid PID   of another process (Linux, Windows)
  --json      an array of objects with handle, inheritable, target
run: executes COMMAND with the standard streams alone.
  --pass FD   with this descriptor too (Windows: handle)
Exit status: COMMAND's; 127: not found, 126: not executable; 2: bad usage or a bad FD, 1: other errors.
  python inheritable.py run make test                           nothing leaks into the tests
  python inheritable.py run --pass 3 -- cat /dev/fd/3 3<notes   descriptor 3 goes over
"""


def _fail(status: int, *reason: object) -> int:
    line = ": ".join(map(str, ("inheritable", *reason))).encode("unicode_escape").replace(b"\\\\", b"\\")
    with contextlib.suppress(OSError):  # stderr is closed
        os.write(2, line + b"\n")
    return status


def _output(text: str) -> int:
    if sys.stdout is None:
        return _fail(1, "stdout", "closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a frozen Python flushes it once more
        return 0 if error.errno in _READER_GONE else _fail(1, "stdout", error.strerror)
    return 0


def _main(args: list[str]) -> int:
    import getopt, json  # getopt stops at COMMAND, whose arguments may look like ours
    verb = args[0] if args and args[0] in ("list", "run") else ""
    try:
        names = ["pass="] if verb == "run" else ["pid=", "json"]
        options, command = getopt.getopt(args[bool(verb):], "", ["help", "version", *names])
        chosen = dict(options)
        if "--help" in chosen or "--version" in chosen:
            return _output(_HELP if "--help" in chosen else "inheritable %s\n" % __version__)
        if bool(command) != (verb == "run"):
            raise ValueError("no such command: " + command[0] if command else "run what?")
        pid = int(chosen["--pid"]) if "--pid" in chosen else None
        handles = [int(value) for name, value in options if name == "--pass"]
        for handle in handles:
            get_handle_inheritable(handle if handle >= 0 else 1 << 64)  # -1 is a handle of Windows's own
    except (getopt.GetoptError, ValueError, OverflowError, OSError) as error:
        return _fail(2, " ".join(args), error, "try --help")
    try:
        if command:
            return _run(command, handles) if command[0] else _fail(127, "", "not found")
        found = open_handles(pid)
    except (FileNotFoundError, NotADirectoryError):
        return _fail(127, command[0], "not found")
    except (OSError, NotImplementedError) as error:
        return _fail(126 if command else 1, " ".join(command[:1] or args), error)
    if "--json" in chosen:
        return _output(json.dumps([handle._asdict() for handle in found], indent=2) + "\n")
    streams = _streams() if pid is None else {}
    encoding = getattr(sys.stdout, "encoding", "ascii")
    text = "handle  inheritable  target\n"
    for number, flag, target in found:
        words = " ".join(filter(None, [target, "(%s)" % streams[number] if number in streams else ""]))
        # With escapes for what could steer a terminal and for what the encoding lacks.
        words = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
        words = words.encode(encoding, "backslashreplace").decode(encoding)
        text += "%6d  %-11s  %s\n" % (number, "yes" if flag else "no", words)
    return _output(text)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
