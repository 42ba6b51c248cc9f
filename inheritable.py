# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of inheritable
"""Control what your child processes inherit.

When a process starts a program, that program gets every file descriptor
(POSIX) or handle (Windows) that is inheritable (PEP 446). This module reads
and sets that flag, lists what is open, shows who else has a file, turns
inheritance off, and passes chosen files to a child, with the same calls on
every platform:

    import subprocess
    import sys
    import inheritable

    inheritable.disable_inheritance()  # nothing that is open now leaks
    with open("work.log", "a") as log:
        with inheritable.passing(log) as child:  # except this file
            command = [sys.executable, "worker.py", *child.args]
            process = subprocess.Popen(command, **child.popen)

    # And in worker.py:
    log = open(inheritable.receive(sys.argv[1]), "a")

The flag matters only when a program is executed. A fork alone copies
everything that is open, whatever its flag. `subprocess` closes what it was
not told to pass on, unless `close_fds=False`. `os.exec*`, `os.spawn*`,
`os.posix_spawn` and many C libraries do not.

In this module a file is an int, an OpenHandle, or any object with
`fileno()`. An int is a file descriptor, except in
`get_handle_inheritable` and `set_handle_inheritable`, where it is a
handle. On Windows the `fileno()` of a socket is a handle, and that of a
file is a descriptor. The class of the object decides which it is.

`python inheritable.py --help` describes the command line.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import errno
import operator
import os
import stat
import sys
import threading

__version__ = "3.0.0"

__all__ = [
    "Child",
    "Holder",
    "OpenHandle",
    "disable_inheritance",
    "get_handle_inheritable",
    "get_inheritable",
    "holders",
    "open_handles",
    "passing",
    "receive",
    "receive_handle",
    "set_handle_inheritable",
    "set_inheritable",
    "temporarily",
]

# The sections, and the names that both platforms define in each of them. A "handle"
# is a HANDLE on Windows, and a file descriptor on POSIX.
#
#   Types           OpenHandle, Holder, Child
#   The flag        _get, _set, _fast_getfd, _fast_setfd
#   Files           _HANDLE_BITS, _HANDLE_MULTIPLE, _is_handle, _to_handle,
#                   _bad_handle, _duplicate, _close, _streams, _is_stream
#   Four functions  get_inheritable and the other functions that os has too
#   Listing         _list, _list_process
#   Holders         _holders_of_handle, _holders_of_name
#   Blocks          _disable_inheritance_except
#   Passing         _APPENDING, _appending_mark, _popen_arguments,
#                   _pickled_for_spawning, _descriptor
#   Command line    _READER_GONE, _execute


# ---------------------------------------------------------------------------------
# Types
# ---------------------------------------------------------------------------------

# Type checkers treat this name as true. Importing typing at run time would cost
# milliseconds.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Any, NamedTuple, Protocol, SupportsIndex, TypedDict, Union

    class _HasFileno(Protocol):
        """Something that has a file descriptor or, on Windows, possibly a handle."""

        def fileno(self) -> int:
            """Return its number."""
            ...

    # Python 3.8 has no | for types here.
    _File = Union[SupportsIndex, _HasFileno]  # noqa: RUF100, UP007
    _Name = Union[str, os.PathLike[str]]  # noqa: RUF100, UP007

    class _OpenHandle(NamedTuple):
        handle: int
        inheritable: bool | None = None
        target: str | None = None
        access: str | None = None

    class _HandleKey(NamedTuple):
        pid: int
        handle: int

    class _Holder(NamedTuple):
        pid: int
        handle: int
        inheritable: bool
        access: str | None
        command: str | None

    if sys.platform == "win32":

        class _PopenArguments(TypedDict, total=False):
            startupinfo: subprocess.STARTUPINFO

    else:

        class _PopenArguments(TypedDict, total=False):
            pass_fds: tuple[int, ...]

    class _Child(NamedTuple):
        args: list[str]
        popen: _PopenArguments

else:
    _OpenHandle = collections.namedtuple(
        "_OpenHandle", "handle inheritable target access", defaults=(None, None, None)
    )
    _HandleKey = collections.namedtuple("_HandleKey", "pid handle")
    _Holder = collections.namedtuple("_Holder", "pid handle inheritable access command")
    _Child = collections.namedtuple("_Child", "args popen")


class OpenHandle(_OpenHandle):
    """An open file descriptor (POSIX) or handle (Windows).

    It can be used wherever a file is expected. So a Windows event, which
    has no file object, can be handed over too:
    `passing(OpenHandle(event))`.

    Attributes:
        handle: Its number. Windows ignores the two lowest bits of a handle,
            so they are cleared there, unless the number is negative.
        inheritable: Whether a program that this process executes would get
            it. None if that is not known.
        target: What it refers to: a path, `pipe:[123]`, or on Windows the
            type of an object, such as `Event`. None if the system does not
            report it.
        access: `"r"`, `"w"`, `"rw"`, or `""` if it is open for neither
            (O_PATH). This shows which end of a pipe it is. None if it does
            not apply or is not known.
    """

    __slots__ = ()

    if sys.platform == "win32":

        def __new__(  # noqa: PYI034  (3.8 has no Self.)
            cls,
            handle: int,
            inheritable: bool | None = None,
            target: str | None = None,
            access: str | None = None,
        ) -> OpenHandle:
            """Clear the two lowest bits of the handle, which Windows ignores."""
            significant = handle & ~3 if handle >= 0 else handle
            return super().__new__(cls, significant, inheritable, target, access)

        @classmethod
        def _make(cls, iterable: Iterable[Any]) -> OpenHandle:  # type: ignore[override]
            # _replace uses it too.
            return cls(*iterable)

    def fileno(self) -> int:
        """Return the handle."""
        return self.handle


class Holder(_Holder):
    """A process's handle to a file.

    Attributes:
        pid: The process.
        handle: The file descriptor (POSIX) or handle (Windows) that it has.
        inheritable: Whether a program that the process executes would get
            it.
        access: As in OpenHandle.
        command: The command line of the process, quoted for a shell, or
            `[name]` if it has none (Linux). The path of its program
            (Windows). None if it cannot be read.
    """

    __slots__ = ()


class Child(_Child):
    """What a child needs to get the files of a `passing` block.

    Attributes:
        args: Strings for the child's command line, one per file, in order.
            The child passes each of them to `receive`.
        popen: Keyword arguments for `subprocess.Popen`, or for anything
            that passes them on to it.
    """

    __slots__ = ()


# ---------------------------------------------------------------------------------
# The flag: kernel32 and libc
# ---------------------------------------------------------------------------------

# These are defined here because Windows has no fcntl module. Their values are the same
# on every POSIX system.
F_GETFD = 1
F_SETFD = 2
FD_CLOEXEC = 1
INT_MAX = 0x7FFFFFFF

if sys.platform == "win32":
    from ctypes import wintypes
    from ctypes.wintypes import BOOL, DWORD, HANDLE, INT, LPVOID, LPWSTR, ULONG, USHORT

    HANDLE_FLAG_INHERIT = 1

    NTSTATUS = wintypes.LONG
    PDWORD = wintypes.PDWORD
    PHANDLE = wintypes.PHANDLE
    ULONG_PTR = ctypes.c_size_t  # SIZE_T is another name of it.

    class _DLLHoldingTheGIL(ctypes.CDLL):
        # For calls that never wait. They hold the GIL, as in os. ctypes has PyDLL for
        # that, but with the wrong calling convention for Windows. So these flags are
        # PyDLL's (FUNCFLAG_PYTHONAPI) and WinDLL's (FUNCFLAG_STDCALL, which is 0).
        _func_flags_ = 4

    def _declare(function: Any, *argtypes: Any, result: Any = BOOL) -> None:
        function.argtypes = argtypes
        function.restype = result

    _kernel32 = _DLLHoldingTheGIL("kernel32", use_last_error=True)
    _nogil_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)

    _declare(_kernel32.GetHandleInformation, HANDLE, PDWORD)
    _declare(_kernel32.SetHandleInformation, HANDLE, DWORD, DWORD)

    # Windows has no fcntl, so there is no fast path here.
    _fast_getfd: Any = None
    _fast_setfd: Any = None

    def _windows_error(code: int, filename: object = None) -> OSError:
        # ctypes.WinError differs from what os raises, in its text and its args.
        text = ctypes.FormatError(code).rstrip(" .\r\n")
        return OSError(None, text, filename, code, None)

    def _check(succeeded: int) -> None:
        if not succeeded:
            raise _windows_error(ctypes.get_last_error())

    def _get(handle: int) -> bool:
        flags = DWORD()
        _check(_kernel32.GetHandleInformation(handle, ctypes.byref(flags)))
        return bool(flags.value & HANDLE_FLAG_INHERIT)

    def _set(handle: int, inheritable: bool) -> None:
        flags = HANDLE_FLAG_INHERIT if inheritable else 0
        _check(_kernel32.SetHandleInformation(handle, HANDLE_FLAG_INHERIT, flags))

else:
    LINUX = sys.platform in ("linux", "android")
    APPLE = sys.platform in ("darwin", "ios", "tvos", "watchos", "visionos")

    def _load_libc(**options: bool) -> Any:
        # PyDLL holds the GIL, as os does for these calls. CDLL releases it, and a call
        # then takes 200 times as long if another thread is busy. PyPy has no PyDLL.
        library: Any = getattr(ctypes, "PyDLL", ctypes.CDLL)
        name = None
        # On Cygwin, None would mean only python.exe.
        if sys.platform == "cygwin":
            cygwin = os.uname().sysname.startswith("CYGWIN")
            name = "cygwin1.dll" if cygwin else "msys-2.0.dll"
        return library(name, **options)

    _libc = _load_libc()
    _fcntl_with_errno: Any = _load_libc(use_errno=True).fcntl

    # get_inheritable and set_inheritable have a fast path: one bare call of libc,
    # because a ctypes call with argtypes or with use_errno takes 1.5 times as long. A
    # call that fails is made again by _fcntl, which raises its error.
    _fast_getfd = _libc.fcntl

    # FD_CLOEXEC is the only descriptor flag on Linux, so setting it takes one call.
    # Other systems have more flags, which have to be read first and preserved.
    _fast_setfd: Any = _fast_getfd if LINUX else None

    # fcntl is variadic. On Apple's arm64, a variadic argument is passed on the stack,
    # not where a fixed one would be. ctypes puts the third argument there if argtypes
    # names only the two fixed ones. Linux makes no such distinction on any
    # processor, and a call without argtypes is faster.
    if not LINUX:
        _fast_getfd.argtypes = [ctypes.c_int, ctypes.c_int]
        _fcntl_with_errno.argtypes = [ctypes.c_int, ctypes.c_int]

    def _fcntl(fd: int, command: int, value: int = 0) -> int:
        result: int = _fcntl_with_errno(fd, command, value)
        if result == -1:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def _get(fd: int) -> bool:
        return not _fcntl(fd, F_GETFD) & FD_CLOEXEC

    def _set(fd: int, inheritable: bool) -> None:
        old = _fcntl(fd, F_GETFD)
        # Other flags, such as FD_CLOFORK of POSIX 2024, stay as they are.
        new = old & ~FD_CLOEXEC if inheritable else old | FD_CLOEXEC
        if new != old:
            _fcntl(fd, F_SETFD, new)


# ---------------------------------------------------------------------------------
# Files: what a number means
# ---------------------------------------------------------------------------------

if sys.platform == "win32":
    import _winapi
    import msvcrt
    import subprocess

    CURRENT_PROCESS = -1
    ERROR_INVALID_HANDLE = 6
    ERROR_INVALID_PARAMETER = 87

    _declare(_kernel32.CloseHandle, HANDLE)
    _declare(_kernel32.OpenProcess, DWORD, BOOL, DWORD, result=HANDLE)
    _declare(
        _kernel32.DuplicateHandle, HANDLE, HANDLE, HANDLE, PHANDLE, DWORD, BOOL, DWORD
    )

    # Only Windows 10 and later have this function.
    _kernelbase = _DLLHoldingTheGIL("kernelbase")
    _CompareObjectHandles: Any = getattr(_kernelbase, "CompareObjectHandles", None)
    if _CompareObjectHandles is not None:
        _declare(_CompareObjectHandles, HANDLE, HANDLE)

    _HANDLE_BITS = 8 * ctypes.sizeof(ctypes.c_void_p)

    # Handles and process ids are multiples of this.
    _HANDLE_MULTIPLE = 4

    # The classes whose fileno() returns a descriptor, and those where it returns a
    # handle. They are listed by name, so that none of them has to be imported.
    _CLASSES_WITH_DESCRIPTORS = {"_io.FileIO", "_io._WindowsConsoleIO"}
    _CLASSES_WITH_HANDLES = {
        "_socket.socket",
        "asyncio.windows_utils.PipeHandle",
        "multiprocessing.connection._ConnectionBase",
    }

    # The attributes in which classes of the standard library, gevent and trio keep the
    # file or the socket whose fileno() they return.
    _WRAPPED_FILES = ("buffer", "raw", "fp", "file", "_file", "fileobj", "_fp")
    _WRAPPED_STREAMS = ("stream", "_stream", "_sock", "sock", "socket")

    # No file of the standard library has this many layers.
    _MAX_WRAPPERS = 10

    # subprocess.Handle, which type checkers do not know about.
    _ProcessHandle: Any = vars(subprocess)["Handle"]

    def _class_names(file: object) -> set[str]:
        return {f"{cls.__module__}.{cls.__qualname__}" for cls in type(file).__mro__}

    def _wrapped_in(file: object, number: int) -> object:
        """Return the object that a file wraps and gets its number from, or None."""
        for attribute in _WRAPPED_FILES + _WRAPPED_STREAMS:
            # Not everything has such an attribute, or a fileno, and both may fail.
            with contextlib.suppress(Exception):
                wrapped: Any = getattr(file, attribute)
                if wrapped is not file and wrapped.fileno() == number:
                    return wrapped
        return None

    def _innermost(file: object, number: int) -> object:
        """Return the file of a known class that a file wraps, if there is one."""
        for _ in range(_MAX_WRAPPERS):
            if _class_names(file) & (_CLASSES_WITH_DESCRIPTORS | _CLASSES_WITH_HANDLES):
                break
            wrapped = _wrapped_in(file, number)
            if wrapped is None:
                break
            file = wrapped
        return file

    def _is_handle(file: Any, number: int, int_is_handle: bool | None) -> bool:
        """Return whether the number of a file is a handle and not a descriptor.

        The two ranges of numbers overlap, so the number alone is not enough.
        `int_is_handle` says whether the caller treats an int as a handle. It is None
        for a number from fileno().
        """
        # An int to Python, but always a handle.
        if isinstance(file, _ProcessHandle):
            # A closed one keeps its number, which may belong to another object by now.
            if file.closed:
                raise ValueError("this subprocess.Handle is closed")
            return True
        if int_is_handle is not None:
            return int_is_handle
        if _is_open_handle(file):
            return True
        # A closed socket returns -1. As a handle, that would be this process itself.
        if number == -1:
            return False
        names = _class_names(_innermost(file, number))
        if names & _CLASSES_WITH_DESCRIPTORS:
            return False
        if names & _CLASSES_WITH_HANDLES:
            return True
        raise TypeError(
            f"cannot tell whether fileno() of {type(file).__name__!r} is a descriptor "
            f"or a handle: pass {number} if it is a descriptor, OpenHandle({number}) "
            "if it is a handle"
        )

    def _to_handle(number: int, is_handle: bool) -> int:
        # For a bad descriptor this raises EBADF. The C runtime's own function, called
        # through ctypes, could end the process.
        return number if is_handle else msvcrt.get_osfhandle(number)

    def _bad_handle(handle: int) -> OSError:
        return _windows_error(ERROR_INVALID_HANDLE, handle)

    def _duplicate(handle: int, process: int = CURRENT_PROCESS) -> int:
        """Return a duplicate of a handle of a process. It is not inheritable."""
        copy = HANDLE()
        here = CURRENT_PROCESS
        same = _winapi.DUPLICATE_SAME_ACCESS
        succeeded = _kernel32.DuplicateHandle(
            process, handle, here, ctypes.byref(copy), 0, False, same
        )
        _check(succeeded)
        return copy.value or 0

    _close = _winapi.CloseHandle

    @contextlib.contextmanager
    def _opened_process(pid: int, access: int) -> Generator[int, None, None]:
        if pid == os.getpid():
            yield CURRENT_PROCESS
            return
        process = _kernel32.OpenProcess(access, False, pid)
        if not process and ctypes.get_last_error() == ERROR_INVALID_PARAMETER:
            raise _no_such_process()
        _check(process)
        try:
            yield process
        finally:
            _kernel32.CloseHandle(process)

    def _streams() -> dict[int, str]:
        # If one handle is several of the streams, stdin wins over stdout, and stdout
        # over stderr. A program without a console may have None for a stream.
        streams: dict[int, str] = {}
        for number, name in [
            (_winapi.STD_ERROR_HANDLE, "(stderr)"),
            (_winapi.STD_OUTPUT_HANDLE, "(stdout)"),
            (_winapi.STD_INPUT_HANDLE, "(stdin)"),
        ]:
            # GetStdHandle raises an error for one that is not valid.
            with contextlib.suppress(OSError):
                streams[_winapi.GetStdHandle(number)] = name
        return streams

    def _is_stream(handle: int) -> bool:
        """Return whether a handle is a standard stream, or the same object as one.

        The python.exe of a venv passes on duplicates of its streams.
        """
        streams = _streams()
        return handle in streams or (
            _CompareObjectHandles is not None
            and any(_CompareObjectHandles(handle, stream) for stream in streams)
        )

else:
    import fcntl

    _HANDLE_BITS = 32
    _HANDLE_MULTIPLE = 1

    def _is_handle(_file: Any, _number: int, int_is_handle: bool | None) -> bool:
        return bool(int_is_handle)

    def _to_handle(number: int, _is_handle: bool) -> int:
        return number

    def _bad_handle(fd: int) -> OSError:
        return OSError(errno.EBADF, os.strerror(errno.EBADF), fd)

    def _duplicate(fd: int) -> int:
        """Return a duplicate of a descriptor, above the standard streams."""
        # PyPy 7.3.11 has only F_DUPFD, so FD_CLOEXEC is also set afterwards.
        command = getattr(fcntl, "F_DUPFD_CLOEXEC", fcntl.F_DUPFD)
        copy: int = fcntl.fcntl(fd, command, 3)
        _set(copy, False)
        return copy

    _close = os.close

    def _streams() -> dict[int, str]:
        return {0: "(stdin)", 1: "(stdout)", 2: "(stderr)"}

    def _is_stream(fd: int) -> bool:
        return fd in _streams()


def _check_range(number: int, bits: int) -> None:
    # ctypes would truncate the number, and act on another file.
    if number >> (bits - 1) not in (0, -1):
        raise OverflowError("Python int too large to convert to C int")


def _plain_int(value: SupportsIndex) -> int:
    # operator.index alone may return an instance of a subclass, and PyPy's ctypes would
    # then use its _as_parameter_. int() would use its __int__.
    return int.__add__(operator.index(value), 0)


def _expected(what: str, value: object, hint: str = "") -> TypeError:
    return TypeError(f"expected {what}, not {type(value).__name__!r}{hint}")


def _is_open_handle(file: object) -> bool:
    """Return whether this is an OpenHandle, of this or another copy of this module."""
    return any(cls.__name__ == "OpenHandle" for cls in type(file).__mro__)


def _number(file: Any, *, is_handle: bool = False) -> tuple[int, bool]:
    """Return the number of a file, and whether it is a handle.

    What an int means is up to the caller.
    """
    number = None
    int_is_handle: bool | None = is_handle
    with contextlib.suppress(TypeError):
        number = _plain_int(file)
    if number is None:
        if not hasattr(file, "fileno"):
            raise _expected("a file, an OpenHandle or an int", file)
        number = file.fileno()
        if not isinstance(number, int):
            raise _expected("an int from fileno()", number)
        number = _plain_int(number)
        int_is_handle = None
    is_handle = _is_handle(file, number, int_is_handle)
    _check_range(number, _HANDLE_BITS if is_handle else 32)
    return number, is_handle


def _handle_of(file: _File) -> int:
    """Return the handle of a file, which must be open.

    An OSError has the number in its `filename`, as in os.
    """
    number, is_handle = _number(file)
    try:
        handle = _to_handle(number, is_handle)
        _get(handle)
    except OSError as error:
        error.filename = number
        raise
    return handle


def _handles_of(files: tuple[_File, ...]) -> list[int]:
    for file in files:
        if isinstance(file, list):
            raise _expected("a file, an OpenHandle or an int", file, ": write *files")
    return [_handle_of(file) for file in files]


def _process_id(pid: SupportsIndex) -> int:
    if not hasattr(pid, "__index__"):
        hint = ": pass its pid" if hasattr(pid, "pid") else ""
        raise _expected("the id of a process, an int", pid, hint)
    number = _plain_int(pid)
    if not 0 < number < 1 << 32 or number % _HANDLE_MULTIPLE:
        raise _no_such_process()
    return number


def _no_such_process() -> ProcessLookupError:
    return ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))


# ---------------------------------------------------------------------------------
# The four functions of os
#
# get_inheritable and set_inheritable begin with a fast path on POSIX, for plain ints
# only: ctypes would use the _as_parameter_ of an object, and truncate 2**32 to 0.
# Anything else, and any call that fails, takes the slow path. There the number is
# checked first, then the flag, and then whether the file is open, as in os.
# ---------------------------------------------------------------------------------


def get_inheritable(fd: _File, /) -> bool:
    """Get the inheritable flag of a file descriptor.

    This is `os.get_inheritable`, but it also accepts any object with
    `fileno()`.

    Args:
        fd: A file.

    Returns:
        Whether a program that this process executes would get it.

    Raises:
        OSError: EBADF. It is not open.
        OverflowError: The number does not fit in a C int.
        TypeError: It is not a file. On Windows also: it is an object of an
            unknown class, so its number could be a descriptor or a handle.
        ValueError: The file object is closed, or has no descriptor.

    System calls:
        POSIX: fcntl(F_GETFD).
        Windows: GetHandleInformation, on the descriptor's handle.
    """
    if _fast_getfd is not None and type(fd) is int and 0 <= fd <= INT_MAX:
        flags = _fast_getfd(fd, F_GETFD)
        if flags != -1:
            return not flags & FD_CLOEXEC
    return _get(_to_handle(*_number(fd)))


def set_inheritable(fd: _File, inheritable: SupportsIndex, /) -> None:
    """Set the inheritable flag of a file descriptor.

    This is `os.set_inheritable`, but it also accepts any object with
    `fileno()`.

    >>> with open(os.devnull) as file:
    ...     set_inheritable(file, True)
    ...     get_inheritable(file)
    True

    Args:
        fd: A file.
        inheritable: Whether a program that this process executes should get
            it: an int, where 0 means no.

    Raises:
        Exception: As for `get_inheritable`. For a bad flag, OverflowError
            or TypeError. Nothing is changed.

    System calls:
        POSIX: fcntl(F_SETFD). Other flags of the descriptor stay as they
            are.
        Windows: SetHandleInformation, on the descriptor's handle.
    """
    if (
        _fast_setfd is not None
        and type(fd) is int
        and 0 <= fd <= INT_MAX
        and type(inheritable) is bool
        and _fast_setfd(fd, F_SETFD, 0 if inheritable else FD_CLOEXEC) != -1
    ):
        return
    number, is_handle = _number(fd)
    flag = _plain_int(inheritable)
    _check_range(flag, 32)
    _set(_to_handle(number, is_handle), flag != 0)


def get_handle_inheritable(handle: _File, /) -> bool:
    """Get the inheritable flag of a handle.

    This is `os.get_handle_inheritable`, on every platform. On Windows an
    int is a HANDLE, and never a file descriptor; an object with `fileno()`
    stands for its handle, whether it is a socket or a file. On POSIX a
    handle is a file descriptor.

    Args:
        handle: A file.

    Returns:
        Whether a program that this process executes would get it.

    Raises:
        Exception: As for `get_inheritable`. On Windows, a handle that is
            not open raises OSError with WinError 6. OverflowError means
            that it does not fit in a pointer.

    System calls:
        POSIX: fcntl(F_GETFD).
        Windows: GetHandleInformation.
    """
    return _get(_to_handle(*_number(handle, is_handle=True)))


def set_handle_inheritable(handle: _File, inheritable: object, /) -> None:
    """Set the inheritable flag of a handle.

    This is `os.set_handle_inheritable`, on every platform. See
    `get_handle_inheritable` for what a handle is.

    Args:
        handle: A file.
        inheritable: Whether a program that this process executes should get
            it: anything with a truth value.

    Raises:
        Exception: As for `get_handle_inheritable`. Nothing is changed.

    System calls:
        POSIX: fcntl(F_SETFD). Other flags of the descriptor stay as they
            are.
        Windows: SetHandleInformation.
    """
    _set(_to_handle(*_number(handle, is_handle=True)), bool(inheritable))


# ---------------------------------------------------------------------------------
# Listing
# ---------------------------------------------------------------------------------


def _unless_finalizing(lock: threading.RLock) -> Any:
    """Return the lock, or a dummy if the interpreter is shutting down.

    A daemon thread may have been stopped while it held the lock. Then nothing would
    ever release it.
    """
    return contextlib.nullcontext() if sys.is_finalizing() else lock


if sys.platform == "win32":
    import _thread

    FILE_APPEND_DATA = 4
    FILE_READ_DATA = 1
    FILE_WRITE_DATA = 2
    OBJ_INHERIT = 2
    ObjectTypeInformation = 2
    STATUS_INFO_LENGTH_MISMATCH = 0xC0000004
    SystemExtendedHandleInformation = 64
    THREAD_QUERY_LIMITED_INFORMATION = 0x800

    class UNICODE_STRING(ctypes.Structure):
        """A kernel string. Its lengths are in bytes."""

        _fields_ = (("Length", USHORT), ("MaximumLength", USHORT), ("Buffer", LPVOID))

    class SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX(ctypes.Structure):
        """One handle of one process in the system's table of all handles."""

        _fields_ = (
            ("Object", LPVOID),
            ("UniqueProcessId", ULONG_PTR),
            ("HandleValue", ULONG_PTR),
            ("GrantedAccess", ULONG),
            ("CreatorBackTraceIndex", USHORT),
            ("ObjectTypeIndex", USHORT),
            ("HandleAttributes", ULONG),
            ("Reserved", ULONG),
        )

    class SYSTEM_HANDLE_INFORMATION_EX(ctypes.Structure):
        """The header of that table. The entries follow it."""

        _fields_ = (("NumberOfHandles", ULONG_PTR), ("Reserved", ULONG_PTR))

    _ntdll = _DLLHoldingTheGIL("ntdll")
    _NtQuerySystemInformation = ctypes.WinDLL("ntdll").NtQuerySystemInformation

    _declare(_ntdll.NtQueryObject, HANDLE, INT, LPVOID, ULONG, LPVOID, result=NTSTATUS)
    _declare(_NtQuerySystemInformation, INT, LPVOID, ULONG, LPVOID, result=NTSTATUS)
    _declare(_ntdll.RtlNtStatusToDosError, NTSTATUS, result=ULONG)
    _thread_types = LPVOID, ULONG_PTR, LPVOID, LPVOID, DWORD, LPVOID
    _declare(_kernel32.CreateThread, *_thread_types, result=HANDLE)
    _declare(_kernel32.GetExitCodeThread, HANDLE, PDWORD)
    _declare(_kernel32.OpenThread, DWORD, BOOL, DWORD, result=HANDLE)
    _declare(_kernel32.WaitForMultipleObjects, DWORD, PHANDLE, BOOL, DWORD)
    _declare(_nogil_kernel32.GetFinalPathNameByHandleW, HANDLE, LPWSTR, DWORD, DWORD)

    def _type_name(handle: int) -> str | None:
        size = 1024
        buffer = ctypes.create_string_buffer(size)
        if _ntdll.NtQueryObject(handle, ObjectTypeInformation, buffer, size, None):
            return None
        # PUBLIC_OBJECT_TYPE_INFORMATION begins with the name of the type.
        name = UNICODE_STRING.from_buffer(buffer)
        return ctypes.wstring_at(name.Buffer, name.Length // 2)

    def _granted_access(granted: int) -> str:
        reads = granted & FILE_READ_DATA
        writes = granted & (FILE_WRITE_DATA | FILE_APPEND_DATA)
        return ("r" if reads else "") + ("w" if writes else "")

    # Finding out what a file is can take forever: GetFileType and
    # GetFinalPathNameByHandle wait while another thread is reading from the same
    # synchronous pipe. Opening the file a second time would not help: that can take the
    # place of a pipe's only client, or take a serial port away from its reader. So
    # other threads make these calls, and the listing waits for them only as long as
    # answers keep coming. A fixed time limit would not work: on a busy machine, or when
    # other Python threads are busy, answers come slowly.
    #
    # GetFileType is called first, in a separate native thread for each file. This works
    # because it has the signature of a thread's main function. Such a thread needs
    # neither the GIL, for which it might have to wait, nor Python's threads, which
    # gevent replaces. The calls that have to wait all do so at the same time. If
    # GetFileType says that a file is on disk, the next question is its path. That call
    # takes more arguments, so a single Python thread makes it for all files.
    #
    # A thread whose call has not returned in time is late, and is left running. Until
    # it ends, its file is not queried again, and no list contains the thread's handle
    # or the duplicate that the thread was given.

    # In a key, this replaces the process id if a thread is closing a duplicate.
    _CLOSING = 0

    # The handles of the threads that are late. For each: what it was asked about, and
    # the handle that it was given.
    _late_threads: dict[int, tuple[_HandleKey, int]] = {}

    # The duplicates of other processes' handles that are open here. A KeyboardInterrupt
    # may keep one from being closed. Then the next call closes it.
    _duplicates: set[int] = set()

    # Only one thread of this process asks at a time. So no list contains what another
    # thread has opened for its own listing.
    _asking = threading.RLock()
    _is_asking = False

    # An old name of start_new_thread, which gevent does not replace.
    _start_new_thread: Any = vars(_thread).get("start_new", _thread.start_new_thread)

    # How long to wait for a further answer, in milliseconds. A path may take longer.
    _PATIENCE = 250

    # Windows can wait for 64 threads at once, and _winapi for slightly fewer.
    _MAX_THREADS = 60

    _FILE_TARGETS: dict[int | None, str] = {
        _winapi.FILE_TYPE_CHAR: "File (device)",
        _winapi.FILE_TYPE_PIPE: "File (pipe or socket)",
    }

    def _exit_code(thread: int) -> int:
        """Return what a thread's function returned, or STILL_ACTIVE."""
        code = DWORD()
        _kernel32.GetExitCodeThread(thread, ctypes.byref(code))
        return code.value

    def _count_ended(threads: list[int]) -> int:
        return sum(_exit_code(thread) != _winapi.STILL_ACTIVE for thread in threads)

    def _wait_while_some_end(threads: list[int]) -> None:
        # Nearly always, all of them end at once. So the first wait keeps the GIL, since
        # getting it back from busy threads takes a long time. 5 milliseconds is also
        # how long any Python thread may keep it.
        handles = (HANDLE * len(threads))(*threads)
        _kernel32.WaitForMultipleObjects(len(threads), handles, True, 5)
        before, ended = -1, _count_ended(threads)
        while before < ended < len(threads):
            _winapi.WaitForMultipleObjects(threads, True, _PATIENCE)
            before, ended = ended, _count_ended(threads)

    def _call_natively(
        function: Any, handles: dict[_HandleKey, int]
    ) -> dict[_HandleKey, int]:
        """Call a function of kernel32 for each handle, in a native thread of its own.

        Returns:
            What the calls have returned, without those that are late.
        """
        address = ctypes.cast(function, LPVOID)
        answers: dict[_HandleKey, int] = {}
        left = list(handles.items())
        while left:
            threads: list[int] = []
            for key, handle in left[:_MAX_THREADS]:
                thread = _kernel32.CreateThread(None, 0, address, handle, 0, None)
                if thread:
                    # It counts as late until it has ended, whatever happens meanwhile.
                    _late_threads[thread] = key, handle
                    threads.append(thread)
                    if key.pid == _CLOSING:
                        _duplicates.discard(handle)
            del left[:_MAX_THREADS]
            _wait_while_some_end(threads)
            for thread in threads:
                answer = _exit_code(thread)
                if answer != _winapi.STILL_ACTIVE:
                    key, _ = _late_threads.pop(thread)
                    answers[key] = answer
                    _kernel32.CloseHandle(thread)
        return answers

    @contextlib.contextmanager
    def _usable_here(
        handles: Iterable[int], pid: int, process: int
    ) -> Generator[dict[_HandleKey, int], None, None]:
        """Yield handles of a process as ones that this process can use.

        A handle of this process is used as it is. A duplicate of a pipe would keep its
        end-of-file from coming. Under Wine, closing a duplicate of a certain console
        handle would detach this process from the console.
        """
        if process == CURRENT_PROCESS:
            yield {_HandleKey(pid, handle): handle for handle in handles}
            return
        copies: dict[_HandleKey, int] = {}
        try:
            for handle in handles:
                # It may be closed by now, or of a type that cannot be duplicated.
                with contextlib.suppress(OSError):
                    copy = _duplicate(handle, process)
                    _duplicates.add(copy)
                    copies[_HandleKey(pid, handle)] = copy
            yield copies
        finally:
            _close_duplicates({*copies.values()})

    def _close_duplicates(copies: set[int]) -> None:
        """Close duplicates, except those that late threads use."""
        files: dict[_HandleKey, int] = {}
        for copy in copies - {handle for _, handle in _late_threads.values()}:
            # Closing the last handle to a file may wait, as GetFileType does.
            if _type_name(copy) == "File":
                files[_HandleKey(_CLOSING, copy)] = copy
            else:
                _duplicates.discard(copy)
                _kernel32.CloseHandle(copy)
        _call_natively(_kernel32.CloseHandle, files)

    def _reap_late_threads() -> None:
        """Forget the threads that have ended, and close what nobody uses any more."""
        for thread in list(_late_threads):
            if _exit_code(thread) != _winapi.STILL_ACTIVE:
                del _late_threads[thread]
                _kernel32.CloseHandle(thread)
        _close_duplicates({*_duplicates})

    @contextlib.contextmanager
    def _asking_alone() -> Generator[None, None, None]:
        """Keep other threads from asking, and close what earlier calls have left.

        A call in a signal handler may interrupt another one of the same thread. It
        leaves alone what that one is using.
        """
        global _is_asking
        with _unless_finalizing(_asking):
            interrupts = _is_asking
            try:
                _is_asking = True
                if not interrupts:
                    _reap_late_threads()
                yield
            finally:
                _is_asking = interrupts

    def _without_prefix(path: str) -> str:
        # A question mark cannot be anywhere else in a path.
        return path.replace("\\\\?\\UNC\\", "\\\\").replace("\\\\?\\", "")

    def _path(handle: int) -> str | None:
        """Return the path of a file on disk."""
        path = ctypes.create_unicode_buffer(32768)
        length = _nogil_kernel32.GetFinalPathNameByHandleW(handle, path, len(path), 0)
        return _without_prefix(path.value) if 0 < length < len(path) else None

    def _paths(handles: dict[_HandleKey, int]) -> dict[_HandleKey, str | None]:
        """Return the paths of files on disk, without those that take too long."""
        paths: dict[_HandleKey, str | None] = {}
        given_up: list[bool] = []

        def ask() -> None:
            for key, handle in handles.items():
                if given_up:
                    break
                paths[key] = _path(handle)

        thread = None
        try:
            # No thread can be started while the interpreter is shutting down.
            with contextlib.suppress(RuntimeError):
                thread_id = _start_new_thread(ask, ())
                # If this fails, the thread has already ended.
                access = _winapi.SYNCHRONIZE | THREAD_QUERY_LIMITED_INFORMATION
                thread = _kernel32.OpenThread(access, False, thread_id)
            answered = -1
            while thread and answered < len(paths) < len(handles):
                answered = len(paths)
                _winapi.WaitForSingleObject(thread, 2 * _PATIENCE)
        finally:
            given_up.append(True)
            # The files are queried in order.
            unanswered = list(handles.items())[len(paths) :]
            if thread and unanswered:
                _late_threads[thread] = unanswered[0]
            elif thread:
                _kernel32.CloseHandle(thread)
        return paths

    def _file_targets(handles: dict[_HandleKey, int]) -> dict[_HandleKey, str]:
        """Return a target for each file: its path, or what kind of file it is."""
        late = [key for key, _ in _late_threads.values()]
        asked = {key: handle for key, handle in handles.items() if key not in late}
        types = _call_natively(_kernel32.GetFileType, asked)
        disk = _winapi.FILE_TYPE_DISK
        on_disk = {key: asked[key] for key in types if types[key] == disk}
        paths = _paths(on_disk) if on_disk else {}
        targets: dict[_HandleKey, str] = {}
        for key in handles:
            kind = _FILE_TARGETS.get(types.get(key), "File")
            targets[key] = paths.get(key) or kind
        return targets

    _handle_in = operator.attrgetter("HandleValue")

    class _HandleTable:
        """The system's table of the handles of all processes.

        A desktop has some 200,000 of them. So no Python object is made for a row unless
        the lowest byte of the wanted field is right: bytearray.find looks for it.
        """

        def __init__(self) -> None:
            size = 1 << 20
            status = STATUS_INFO_LENGTH_MISMATCH
            # The table may grow between two calls, and the length that the system
            # reports may not be enough.
            while status == STATUS_INFO_LENGTH_MISMATCH:
                size *= 2
                self.bytes = bytearray(size)
                buffer = (ctypes.c_char * size).from_buffer(self.bytes)
                status = _NtQuerySystemInformation(
                    SystemExtendedHandleInformation, buffer, size, None
                )
                status &= 0xFFFFFFFF
            if status:
                raise _windows_error(_ntdll.RtlNtStatusToDosError(status))
            head = SYSTEM_HANDLE_INFORMATION_EX.from_buffer(self.bytes)
            entries = SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX * head.NumberOfHandles
            self.entries = entries.from_buffer(self.bytes, ctypes.sizeof(head))
            # Late threads, and the duplicates that are still open.
            late = _late_threads.copy()
            copies = {copy for key, copy in late.values() if key.pid == _CLOSING}
            hidden = late.keys() | copies | _duplicates.copy()
            self.hidden = {(os.getpid(), handle) for handle in hidden}

        def rows(self, field: str, value: int) -> Generator[Any, None, None]:
            """Yield the entries in which a field has a given value."""
            head_size = ctypes.sizeof(SYSTEM_HANDLE_INFORMATION_EX)
            entry = SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX
            end = head_size + ctypes.sizeof(self.entries)
            start = head_size + getattr(entry, field).offset
            # Windows is little-endian everywhere.
            lowest_bytes = self.bytes[start : end : ctypes.sizeof(entry)]
            index = lowest_bytes.find(value & 0xFF)
            while index != -1:
                row = self.entries[index]
                key = row.UniqueProcessId, row.HandleValue
                if getattr(row, field) == value and key not in self.hidden:
                    yield row
                index = lowest_bytes.find(value & 0xFF, index + 1)

    def _list_process(pid: int) -> list[OpenHandle]:
        access = _winapi.PROCESS_DUP_HANDLE
        with _asking_alone(), _opened_process(pid, access) as process:
            rows = sorted(_HandleTable().rows("UniqueProcessId", pid), key=_handle_in)
            with _usable_here(map(_handle_in, rows), pid, process) as usable:
                targets = {key: _type_name(handle) for key, handle in usable.items()}
                files = {key: usable[key] for key in usable if targets[key] == "File"}
                targets.update(_file_targets(files))
        handles: list[OpenHandle] = []
        for row in rows:
            key = _HandleKey(pid, row.HandleValue)
            flag = bool(row.HandleAttributes & OBJ_INHERIT)
            mode = _granted_access(row.GrantedAccess) if key in files else None
            handles.append(OpenHandle(row.HandleValue, flag, targets.get(key), mode))
        return handles

    def _list() -> list[OpenHandle]:
        return _list_process(os.getpid())

else:
    O_ACCMODE = 3
    F_GETPATH = 50  # On macOS.
    # PyPy lacks it.
    O_PATH = getattr(os, "O_PATH", 0o10000000 if LINUX else 0)
    PF_EXITING = 4  # On Linux, in field 9 of /proc/PID/stat.
    __SO_ACCEPTCON = 0x10000  # In the flags of /proc/PID/net/unix.
    TCP_LISTEN = "0A"  # In the states of /proc/PID/net/tcp.

    # The errors of /proc about a process or a descriptor that is gone.
    _GONE = (FileNotFoundError, ProcessLookupError)

    # By default, no system allows more descriptors.
    _MAX_DESCRIPTORS = 1 << 20

    # Access mode 3 is not here: what it means is up to the driver.
    _ACCESS_MODES = {os.O_RDONLY: "r", os.O_WRONLY: "w", os.O_RDWR: "rw"}

    def _access(flags: int) -> str | None:
        """Return what a descriptor is open for, by the flags it was opened with."""
        return "" if flags & O_PATH else _ACCESS_MODES.get(flags & O_ACCMODE)

    def _own_descriptors() -> tuple[str, Iterable[int]]:
        """Return the folder that lists this thread's descriptors, and their numbers.

        If there is no such folder, the numbers are all those that could be open.
        """
        # /proc/self shows the table of the main thread, but another thread may have its
        # own. Linux before 3.17 has only /proc/self. macOS and BSD list descriptors in
        # /dev/fd. On a BSD without fdescfs, /dev/fd is not a mount point, and contains
        # 0 to 2, open or not.
        for path in "/proc/thread-self/fd", "/proc/self/fd", "/dev/fd":
            # There may be no such folder, or no free descriptor to open it with, or
            # something else may be at this path.
            with contextlib.suppress(OSError):
                names = os.listdir(path)
                lists_all = path != "/dev/fd" or APPLE or os.path.ismount(path)
                if lists_all and "".join(names).isdecimal():
                    return path, sorted(map(int, names))
        limit = os.sysconf("SC_OPEN_MAX")
        is_usual = 0 <= limit < _MAX_DESCRIPTORS
        return "", range(limit if is_usual else _MAX_DESCRIPTORS)

    def _target(fd: int, folder: int | None) -> str | None:
        # contextlib.suppress would make a listing slower by an eighth.
        try:
            # In /dev/fd on macOS, readlink would always fail.
            if APPLE:
                path = fcntl.fcntl(fd, F_GETPATH, bytes(1024))
                return os.fsdecode(path.rstrip(b"\0"))
            link = f"/proc/thread-self/fd/{fd}" if folder is None else str(fd)
            return os.readlink(link, dir_fd=folder)
        except OSError:
            # Its path may be too long, or this system may have no such links.
            return None

    def _list() -> list[OpenHandle]:
        path, fds = _own_descriptors()
        folder = None
        # There may be no free descriptor any more.
        with contextlib.suppress(OSError):
            folder = os.open(path, os.O_RDONLY)
        handles: list[OpenHandle] = []
        try:
            for fd in fds:
                try:
                    # This is faster than _get, which uses ctypes.
                    flag = os.get_inheritable(fd)
                    access = _access(fcntl.fcntl(fd, fcntl.F_GETFL))
                except OSError:
                    # It is not open any more, or never was.
                    continue
                if fd != folder:
                    target = _target(fd, folder)
                    handles.append(OpenHandle(fd, flag, target, access))
        finally:
            if folder is not None:
                os.close(folder)
        return handles

    def _check_proc() -> None:
        """Raise NotImplementedError if /proc does not show other processes."""
        if not LINUX or not os.path.exists("/proc/self/fdinfo"):
            raise NotImplementedError(
                "only Linux, with /proc, and Windows show other processes' handles"
            )
        if os.readlink("/proc/self") != str(os.getpid()):
            raise NotImplementedError("this /proc belongs to another pid namespace")

    def _folder_of(pid: int) -> str:
        # A thread may have unshared its files. Linux before 3.17 has no thread-self.
        if pid != os.getpid():
            return f"/proc/{pid}"
        found = os.path.exists("/proc/thread-self")
        return "/proc/thread-self" if found else "/proc/self"

    def _read(path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    def _stat(process: str) -> tuple[str, int]:
        """Return the state and the flags of the process in this folder of /proc."""
        # The second field, in parentheses, may have spaces and parentheses in it. So
        # these are the third field and those after it.
        fields = _read(f"{process}/stat").rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[9 - 3])

    def _is_ending(process: str) -> bool:
        """Return whether a process is a zombie, or about to become one.

        Its table of descriptors then belongs to root and is empty.
        """
        state, flags = _stat(process)
        return state in "ZX" or bool(flags & PF_EXITING)

    def _names_in(process: str) -> list[str]:
        try:
            return os.listdir(f"{process}/fd")
        except PermissionError:
            if _is_ending(process):
                return []
            raise

    def _descriptors_of(pid: int) -> tuple[str, list[str]]:
        """Return the folder of a process in /proc, and the names of its descriptors.

        If the main thread has ended but others go on, it is the folder of one of them.
        """
        process = _folder_of(pid)
        try:
            names = _names_in(process)
            is_ending = not names and _is_ending(process)
        except _GONE:
            raise _missing_process(pid) from None
        tasks: list[str] = []
        if is_ending:
            # gVisor has no such folder for a zombie.
            with contextlib.suppress(*_GONE):
                tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            thread = f"/proc/{pid}/task/{task}"
            # It may have ended by now.
            with contextlib.suppress(*_GONE):
                if not _is_ending(thread):
                    return thread, _names_in(thread)
        return process, names

    def _missing_process(pid: int) -> OSError:
        """Return the error of a process that /proc does not show."""
        # With the mount option hidepid, another user's process appears not to exist.
        # Only a ProcessLookupError from kill means that it is gone.
        try:
            with contextlib.suppress(PermissionError):
                os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return _no_such_process()
        return PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    def _fdinfo(process: str, fd: int) -> tuple[bool, str | None, str | None]:
        """Return a descriptor's flag, its access, and its index if it is a terminal."""
        lines = _read(f"{process}/fdinfo/{fd}").decode("ascii", "replace").splitlines()
        pairs = (line.partition(":") for line in lines)
        found = {name: value.strip() for name, _, value in pairs}
        flags = int(found["flags"], 8)
        return not flags & os.O_CLOEXEC, _access(flags), found.get("tty-index")

    def _inet_rows(process: str, protocol: str) -> Generator[list[str], None, None]:
        """Yield local address, remote address, state, user and inode of sockets."""
        for table in protocol, f"{protocol}6":
            # A kernel without IPv6 has no table for it.
            with contextlib.suppress(FileNotFoundError):
                rows = _read(f"{process}/net/{table}").decode("ascii").splitlines()
                for row in rows[1:]:
                    fields = row.split()
                    yield [*fields[1:4], fields[7], fields[9]]

    def _unix_rows(process: str) -> list[tuple[str, str, str]]:
        """Return the flags, the inode and the name of each Unix socket.

        A name can have line breaks in it, and so imitate a row with any inode.
        """
        import re

        text = os.fsdecode(_read(f"{process}/net/unix"))
        # Address, references, protocol, flags, type, state and inode. The name is what
        # comes before the next row, because it may have spaces and line breaks in it.
        row = r"[0-9a-f]+: (?:[0-9A-F]{8} ){2}([0-9A-F]{8}) [0-9A-F]{4} [0-9A-F]{2} +"
        _, *parts = re.split(rf"^{row}([0-9]+)(?: |$)", text, flags=re.MULTILINE)
        # For each row, there are the two groups and the name.
        names = [name[: -len("\n")] for name in parts[2::3]]
        return list(zip(parts[::3], parts[1::3], names))

    def _address(field: str) -> str:
        """Return an address and a port as people write them."""
        import socket

        host, _, port = field.partition(":")
        words = [int(host[i : i + 8], 16) for i in range(0, len(host), 8)]
        packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
        if len(words) == 1:
            return f"{socket.inet_ntop(socket.AF_INET, packed)}:{int(port, 16)}"
        return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]:{int(port, 16)}"

    def _descriptions(process: str, links: set[str]) -> dict[str, str]:
        """Return the links of sockets with a description, keyed by the bare link."""
        found: dict[str, list[str]] = collections.defaultdict(list)
        for protocol in "tcp", "udp":
            for local, remote, state, _, inode in _inet_rows(process, protocol):
                link = f"socket:[{inode}]"
                if link in links:
                    text = f"{link} {protocol} {_address(local)}"
                    if state == TCP_LISTEN:
                        text += " listening"
                    elif remote.strip("0:"):
                        text += f" -> {_address(remote)}"
                    found[link].append(text)
        for flags, inode, name in _unix_rows(process):
            link = f"socket:[{inode}]"
            if link in links:
                text = f"{link} unix {name}" if name else f"{link} unix"
                if int(flags, 16) & __SO_ACCEPTCON:
                    text += " listening"
                found[link].append(text)
        # The name of a Unix socket can imitate another one's row. Then that one has two
        # descriptions.
        return {link: texts[0] for link, texts in found.items() if len(texts) == 1}

    def _with_descriptions(handles: list[OpenHandle], process: str) -> list[OpenHandle]:
        """Add a description to the target of each socket."""
        targets = {handle.target or "" for handle in handles}
        links = {target for target in targets if target.startswith("socket:[")}
        # Without the tables, a socket keeps its bare link.
        with contextlib.suppress(OSError, ValueError, IndexError):
            texts: dict[Any, str] = _descriptions(process, links) if links else {}
            return [
                handle._replace(target=texts.get(handle.target, handle.target))
                for handle in handles
            ]
        return handles

    def _list_process(pid: int) -> list[OpenHandle]:
        if pid == os.getpid():
            return _with_descriptions(_list(), _folder_of(pid))
        _check_proc()
        process, names = _descriptors_of(pid)
        handles: list[OpenHandle] = []
        for fd in sorted(map(int, names)):
            target = None
            # Its path may be too long.
            with contextlib.suppress(OSError):
                target = os.readlink(f"{process}/fd/{fd}")
            try:
                inheritable, access, _ = _fdinfo(process, fd)
            except PermissionError:
                # It has capabilities that this process lacks, or has begun to exit, or
                # is gone by now.
                with contextlib.suppress(*_GONE):
                    if not _is_ending(process):
                        raise
                return []
            except _GONE:
                # It was closed meanwhile.
                continue
            handles.append(OpenHandle(fd, inheritable, target, access))
        return _with_descriptions(handles, process)


def open_handles(pid: SupportsIndex | None = None) -> list[OpenHandle]:
    """List everything that this process, or another one, has open.

    What the call itself opens is not in the list.

    Args:
        pid: The id of another process, on Linux and Windows. On Linux, the
            target of a socket then says what it is, as in `socket:[5] tcp
            127.0.0.1:80 listening`.

    Returns:
        The file descriptors (POSIX) or handles (Windows), in order. The
        list is empty for a process that has just ended.

    Raises:
        NotImplementedError: With `pid`: this system does not support it. On
            Linux, /proc is not mounted, or belongs to another pid
            namespace.
        PermissionError: With `pid`: access to that process is denied. On
            Windows: this process may not read the system's table of
            handles, as in a sandbox with low integrity.
        ProcessLookupError: With `pid`: there is no such process.
        TypeError: `pid` is not an int.

    System calls:
        Linux: /proc/thread-self/fd, because a thread may have descriptors
            of its own. With `pid`, /proc/PID/fd, /proc/PID/fdinfo and
            /proc/PID/net; if its main thread has ended, those of another
            thread in /proc/PID/task.
        macOS, BSD: /dev/fd, and on macOS fcntl(F_GETPATH).
        Windows: NtQuerySystemInformation(SystemExtendedHandleInformation),
            DuplicateHandle, NtQueryObject(ObjectTypeInformation),
            GetFileType, GetFinalPathNameByHandle. No file is opened. A
            file that does not answer, as when another thread is reading
            from the same pipe, is listed as `File`.
        Where none of these is available, or no descriptor is free: fcntl on
            every number up to the limit.
    """
    return _list() if pid is None else _list_process(_process_id(pid))


# ---------------------------------------------------------------------------------
# Holders
#
# Each platform returns the holders and a note for the command line. The note says why
# the list may be incomplete. It is empty if there is nothing to say.
# ---------------------------------------------------------------------------------

if sys.platform == "win32":
    FILE_FLAG_BACKUP_SEMANTICS = 0x02000000
    FILE_READ_ATTRIBUTES = 0x80
    FILE_SHARE_DELETE = 4
    FILE_SHARE_READ = 1
    FILE_SHARE_WRITE = 2
    PROCESS_QUERY_LIMITED_INFORMATION = 0x1000

    _declare(_nogil_kernel32.QueryFullProcessImageNameW, HANDLE, DWORD, LPWSTR, PDWORD)

    def _holders_of_handle(handle: int, pid: int) -> tuple[list[Holder], str]:
        if _CompareObjectHandles is None:
            raise NotImplementedError("holders needs Windows 10 or later")
        access = _winapi.PROCESS_DUP_HANDLE
        with _asking_alone(), _opened_process(pid, access) as process:
            rows_of = _rows_like(handle, pid)
            with _usable_here([handle], pid, process) as originals:
                if not originals:
                    raise _bad_handle(handle)
                original = originals[_HandleKey(pid, handle)]

                def select(usable: dict[_HandleKey, int]) -> set[_HandleKey]:
                    same = _CompareObjectHandles
                    return {key for key in usable if same(original, usable[key])}

                is_file = _type_name(original) == "File"
                return _holders_among(rows_of, select, is_file), ""

    def _holders_of_name(kind: str, name: str) -> tuple[list[Holder], str]:
        if kind != "path":
            raise NotImplementedError("only Linux shows who has a port or a socket")
        file = _opened_for_attributes(name)
        try:
            with _asking_alone():
                rows_of = _rows_like(file, os.getpid())
                wanted = _path(file)
                if wanted is None:
                    raise OSError(errno.EINVAL, "the volume has no path", name)
                own = _HandleKey(os.getpid(), file)
                folded = os.path.normcase(wanted)

                def select(usable: dict[_HandleKey, int]) -> set[_HandleKey]:
                    paths = _file_targets(usable)
                    same = {k for k in paths if os.path.normcase(paths[k]) == folded}
                    return same - {own}

                return _holders_among(rows_of, select, is_file=True), ""
        finally:
            _close(file)

    def _opened_for_attributes(path: str) -> int:
        """Open a file on disk, or a folder, without disturbing its users.

        Opening a device or a pipe could have side effects, so that is refused.
        """
        drive, _ = os.path.splitdrive(_without_prefix(os.path.abspath(path)))
        is_share = drive.startswith("\\\\") and not drive.startswith("\\\\.\\")
        is_pipe = drive.lower().endswith(("\\pipe", "\\mailslot"))
        if drive[1:] != ":" and (is_pipe or not is_share):
            raise OSError(errno.EINVAL, "expected a file on disk, or a folder", path)
        access, flags = FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS
        share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE
        existing = _winapi.OPEN_EXISTING
        try:
            return _winapi.CreateFile(path, access, share, 0, existing, flags, 0)
        except OSError as error:
            error.filename = path
            raise

    def _rows_like(handle: int, pid: int) -> dict[int, list[Any]]:
        """Return all handles of the same type as this one, by process and in order."""
        table = _HandleTable()
        own = table.rows("UniqueProcessId", pid)
        types = [row.ObjectTypeIndex for row in own if row.HandleValue == handle]
        if not types:
            raise _bad_handle(handle)
        rows: dict[int, list[Any]] = collections.defaultdict(list)
        for row in table.rows("ObjectTypeIndex", types[0]):
            rows[row.UniqueProcessId].append(row)
        return {pid: sorted(rows[pid], key=_handle_in) for pid in sorted(rows)}

    def _holders_among(
        rows_of: dict[int, list[Any]], select: Callable[..., Any], is_file: bool
    ) -> list[Holder]:
        """Return what `select` picks from the handles of each process."""
        found: list[Holder] = []
        access = _winapi.PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION
        for pid, rows in rows_of.items():
            # It may have ended by now, or access to it may be denied.
            with contextlib.suppress(OSError), _opened_process(pid, access) as process:
                with _usable_here(map(_handle_in, rows), pid, process) as usable:
                    selected = select(usable)
                program = _program(process) if selected else None
                for row in rows:
                    if _HandleKey(pid, row.HandleValue) in selected:
                        flag = bool(row.HandleAttributes & OBJ_INHERIT)
                        mode = _granted_access(row.GrantedAccess) if is_file else None
                        found.append(Holder(pid, row.HandleValue, flag, mode, program))
        return found

    def _program(process: int) -> str | None:
        path = ctypes.create_unicode_buffer(32768)
        size = ctypes.byref(DWORD(len(path)))
        known = _nogil_kernel32.QueryFullProcessImageNameW(process, 0, path, size)
        return path.value if known else None

else:
    AT_STATX_DONT_SYNC = 0x4000
    PF_KTHREAD = 0x200000  # On Linux, in field 9 of /proc/PID/stat.
    STATX_INO = 0x100

    class statx(ctypes.Structure):
        """What Linux's statx reports about a file, as far as it is used here."""

        _fields_ = (
            ("__before_ino", ctypes.c_uint64 * 4),
            ("stx_ino", ctypes.c_uint64),
            ("__before_dev", ctypes.c_uint64 * 12),
            ("stx_dev_major", ctypes.c_uint32),
            ("stx_dev_minor", ctypes.c_uint32),
            ("__rest", ctypes.c_uint64 * 14),
        )

    # musl has had it since 1.2.5, glibc since 2.28. CDLL releases the GIL, because a
    # call may take a while. A call without argtypes is faster.
    _statx: Any = getattr(ctypes.CDLL(None), "statx", None) if LINUX else None

    # The search for the holders of a file opens nothing but folders and files in /proc.
    # A pipe or a socket is identified by the text of its link there. A file is
    # identified by its device and inode, because it may have several names, or none.
    # stat could hang forever on a dead network file system. statx with
    # AT_STATX_DONT_SYNC uses what the kernel already knows. Old kernels and some
    # seccomp filters refuse statx. So after any error, stat is called.

    def _identity(path: str, *, dir_fd: int | None = None) -> tuple[int, ...]:
        """Return the device and the inode that a link in /proc points to."""
        # An absolute path needs no folder.
        folder = -1 if dir_fd is None else dir_fd
        how = AT_STATX_DONT_SYNC
        status = statx()
        if _statx is not None and not _statx(
            folder, path.encode(), how, STATX_INO, ctypes.byref(status)
        ):
            return status.stx_ino, status.stx_dev_major, status.stx_dev_minor
        result = os.stat(path, dir_fd=dir_fd)
        return result.st_ino, os.major(result.st_dev), os.minor(result.st_dev)

    def _holders_of_handle(
        fd: int, pid: int, left_out: tuple[int, int] | None = None
    ) -> tuple[list[Holder], str]:
        _check_proc()
        process, names = _descriptors_of(pid)
        if str(fd) not in names:
            raise _bad_handle(fd)
        path = f"{process}/fd/{fd}"
        link = ""
        try:
            # The path of a file may be too long for this.
            with contextlib.suppress(OSError):
                link = os.readlink(path)
            if link.startswith("anon_inode:"):
                raise NotImplementedError(
                    f"Linux does not show who else has this {link}"
                )
            if link.startswith(("pipe:[", "socket:[")):
                return _search(os.readlink, {link}, left_out=left_out)
            _, _, tty = _fdinfo(process, fd)
            return _search(_identity, {_identity(path)}, tty, left_out)
        except FileNotFoundError:
            # It was closed meanwhile, or it was the descriptor that os.listdir used to
            # list the folder of this process.
            raise _bad_handle(fd) from None

    def _holders_of_name(kind: str, name: str) -> tuple[list[Holder], str]:
        _check_proc()
        if kind == "path":
            return _holders_of_path(name)
        if kind == "link":
            return _search(os.readlink, {name})
        users = _users_of_sockets(kind, name)
        inodes = users.keys() - {_CLOSING_SOCKET}
        if not inodes:
            closing = f"{kind}:{name} is closing: no process has it any more"
            return [], closing if users else ""
        found, note = _search(os.readlink, {f"socket:[{inode}]" for inode in inodes})
        if not found:
            # It may have been closed in the meantime.
            inodes &= _users_of_sockets(kind, name).keys()
        if found or not inodes:
            return found, note
        # The table of Unix sockets does not show their users.
        user = users[min(inodes)]
        by = f" by user {user}" if user else ""
        raise PermissionError(
            errno.EACCES,
            f"{kind}:{name} is in use{by}, but by no process that may be inspected",
        )

    # The inode of a TCP socket that no process has any more: TIME_WAIT, FIN_WAIT,
    # LAST_ACK or CLOSING.
    _CLOSING_SOCKET = "0"

    def _users_of_sockets(kind: str, name: str) -> dict[str, str]:
        """Return the user of each socket with this name, keyed by inode."""
        process = _folder_of(os.getpid())
        if kind == "unix":
            rows = _unix_rows(process)
            return {inode: "" for _, inode, found in rows if found == name}
        return {
            inode: user
            for local, _, _, user, inode in _inet_rows(process, kind)
            if int(local.rpartition(":")[2], 16) == int(name)
        }

    def _holders_of_path(path: str) -> tuple[list[Holder], str]:
        # With this flag, opening a device has no side effects, and opening a FIFO does
        # not wait for the other end.
        fd = os.open(path, O_PATH)
        try:
            own = os.getpid()
            found, note = _holders_of_handle(fd, own, left_out=(own, fd))
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                note = "for a socket: unix: and the name that it was bound to"
        finally:
            os.close(fd)
        return found, note

    def _search(
        identify: Callable[..., object],
        wanted: set[Any],
        tty: str | None = None,
        left_out: tuple[int, int] | None = None,
    ) -> tuple[list[Holder], str]:
        """Return the descriptors of all processes that are identified as wanted.

        `left_out` is a process id and one of its descriptors, which is not returned.

        All masters of pseudo-terminals have the same inode. What tells them apart is
        the index of the terminal.
        """
        found: list[Holder] = []
        errors: dict[int, OSError] = {}
        for pid in sorted(map(int, filter(str.isdecimal, os.listdir("/proc")))):
            # It may have ended by now.
            with contextlib.suppress(*_GONE):
                try:
                    found += _holders_in(pid, identify, wanted, tty, errors)
                except PermissionError as error:
                    if not _is_kernel_thread(pid):
                        errors[pid] = error
        found = [holder for holder in found if holder[:2] != left_out]
        # If not even this process could be searched, an empty list would mean nothing.
        if not found and os.getpid() in errors:
            raise errors[os.getpid()]
        # Root gets the note only if nothing was found, because in some containers not
        # even root can inspect process 1.
        is_root = os.geteuid() == 0
        if not errors or (is_root and found):
            return found, ""
        processes = "1 process" if len(errors) == 1 else f"{len(errors)} processes"
        advice = "CAP_SYS_PTRACE may be missing" if is_root else "try as root"
        return found, f"{processes} could not be inspected: {advice}"

    def _is_kernel_thread(pid: int) -> bool:
        # With the mount option hidepid=1, this may be refused as well.
        with contextlib.suppress(PermissionError):
            return bool(_stat(f"/proc/{pid}")[1] & PF_KTHREAD)
        return False

    def _holders_in(
        pid: int,
        identify: Callable[..., object],
        wanted: set[Any],
        tty: str | None,
        errors: dict[int, OSError],
    ) -> list[Holder]:
        """Return the wanted descriptors of a process, and put any error in `errors`."""
        process, names = _descriptors_of(pid)
        # A zombie has none, and its folder belongs to root.
        if not names:
            return []
        folder = os.open(f"{process}/fd", os.O_RDONLY)
        fds: list[int] = []
        try:
            for name in names:
                try:
                    is_wanted = identify(name, dir_fd=folder) in wanted
                except _GONE:
                    # It has been closed in the meantime.
                    continue
                except OSError as error:
                    # Its path may be too long, or its file system may be gone.
                    errors[pid] = error
                    continue
                if is_wanted:
                    fds.append(int(name))
        finally:
            os.close(folder)
        command = _command(process) if fds else None
        found: list[Holder] = []
        for fd in sorted(fds):
            with contextlib.suppress(*_GONE):
                flag, access, tty_index = _fdinfo(process, fd)
                if tty in (None, tty_index):
                    found.append(Holder(pid, fd, flag, access, command))
        return found

    def _command(process: str) -> str | None:
        """Return the command line of a process, or its name in brackets."""
        import shlex

        with contextlib.suppress(OSError):
            text = _read(f"{process}/cmdline")
            words = (text[:-1] if text.endswith(b"\0") else text).split(b"\0")
            # A program that sets its own title pads it with NULs.
            if not any(words[1:]):
                del words[1:]
            if words != [b""]:
                return " ".join(shlex.quote(os.fsdecode(word)) for word in words)
            return f"[{os.fsdecode(_read(f'{process}/comm').rstrip())}]"
        return None


def holders(file: _File | _Name, pid: SupportsIndex | None = None) -> list[Holder]:
    """Find out who has a file open: every handle to it, in every process.

    Use it to see why end-of-file never comes, who is using a port, or who
    has the log open. For a pipe, the `access` of each holder shows which
    end it is.

    `file` is a file of this process, or one of these:

    - `"tcp:8080"`, `"udp:53"`: the sockets with this local port, in the
      network namespace of this process (Linux).
    - `"unix:/run/x.sock"`, `"unix:@abstract"`: the Unix sockets with this
      name, as it was bound (Linux).
    - `"pipe:[123]"`, `"socket:[123]"`: a target as `open_handles` shows it
      (Linux).
    - Any other string, or a PathLike, is the path of a file or a folder.
      Write `./tcp:8080` for a file of that name.

    Processes that this user may not inspect are left out.

    On Linux it finds every handle with the same device and inode: both
    ends of a pipe, and every handle to a file, under any of its names. It
    does not find the other end of a socket, which has a different inode. It
    does not find a socket that is being sent through a Unix socket, or
    descriptors that a thread has in a table of its own. To find a Unix
    socket by its path, use `unix:`.

    On Windows an open file and its path give different answers. For an open
    file, it finds every handle that comes from the same open call, by
    inheritance or duplication. So for a pipe, ask about the end that should
    have been closed. For a path, it finds every handle to the file at this
    path, whoever opened it. It does not find hard links with other names,
    programs that are running, mapped files, or handles on which a thread is
    blocked.

    Args:
        file: A file, or a string or PathLike as above. With `pid`, the
            number of a handle in that process, or an OpenHandle.
        pid: The process that has this handle.

    Returns:
        The handles, including those of this process, sorted by process and
        number. There are none for a port that nobody has, that is in
        TIME_WAIT, or that is bound and neither listening nor connected.

    Raises:
        NotImplementedError: This system does not support it. On Linux: as
            for `open_handles`; or its target is an `anon_inode:`, like that
            of an eventfd or an epoll, which all share one inode. On
            Windows: before Windows 10.
        OSError: It is not open: EBADF, or WinError 6 for a handle. The path
            cannot be opened, or on Windows is not on a disk: EINVAL. This
            process has no descriptor free: EMFILE.
        PermissionError: The port is in use, but by no process that may be
            inspected. With `pid`: access to that process is denied. On
            Windows as for `open_handles`.
        ProcessLookupError: With `pid`: there is no such process.
        TypeError: As for `get_inheritable`; or with `pid`, it is neither an
            int nor an OpenHandle.
        ValueError: As for `get_inheritable`, or it is not a port.
        OverflowError: As for `get_inheritable`.

    System calls:
        Linux: readlink in /proc/PID/fd for pipes and sockets, and
            statx(AT_STATX_DONT_SYNC) for files, so that a dead network file
            system cannot stall it. /proc/PID/fdinfo, cmdline and comm of
            the holders. /proc/self/net for ports and Unix sockets. A path
            is opened with O_PATH.
        Windows: NtQuerySystemInformation(SystemExtendedHandleInformation),
            DuplicateHandle, CompareObjectHandles,
            QueryFullProcessImageName. A path is opened with CreateFile for
            FILE_READ_ATTRIBUTES, and compared with
            GetFinalPathNameByHandle.
    """
    return _holders(file, pid)[0]


def _holders(file: Any, pid: SupportsIndex | None) -> tuple[list[Holder], str]:
    """Return what `holders` returns, and the note for the command line."""
    if pid is None:
        if isinstance(file, str):
            return _holders_of_name(*_parse_name(file))
        if hasattr(file, "__fspath__"):
            return _holders_of_name("path", os.fsdecode(file))
        return _holders_of_handle(_handle_of(file), os.getpid())
    process = _process_id(pid)
    if not _is_open_handle(file):
        if not hasattr(file, "__index__"):
            raise _expected("a number or an OpenHandle", file)
        file = OpenHandle(_plain_int(file))
    handle = file.fileno()
    _check_range(handle, _HANDLE_BITS)
    return _holders_of_handle(handle, process)


def _parse_name(name: str) -> tuple[str, str]:
    """Return what kind of name this is, and what it names."""
    import re

    kind, colon, rest = name.partition(":")
    if colon and kind in ("tcp", "udp"):
        port = _port(rest)
        if not port:
            raise ValueError(f"expected a port, 1 to 65535, not {rest!r}")
        return kind, str(port)
    if colon and kind == "unix":
        if not rest:
            raise ValueError("expected a path or @name after unix:")
        return kind, rest
    link = re.match(r"pipe:\[[0-9]+\]\Z|socket:\[[0-9]+\](?= |\Z)", name)
    return ("link", link.group()) if link else ("path", name)


def _port(text: str) -> int:
    """Return the port that a text names, or 0."""
    digits = text.lstrip("0")
    is_short = text.isascii() and digits.isdigit() and len(digits) <= len("65535")
    return int(digits) if is_short and int(digits) < 1 << 16 else 0


# ---------------------------------------------------------------------------------
# Blocks
#
# A block of `temporarily` identifies a file by its number alone. Each number has a set
# of owners: the blocks that want its flag to be on. A block that begins becomes an
# owner and turns the flag on, unless the flag is on already without any owner. A block
# that ends is no longer an owner, and turns the flag off if it was the last one.
#
# A lock keeps threads apart. It does not keep a signal handler, or a finalizer, from
# interrupting its own thread anywhere in here, and from ending blocks, even the very
# one that is just ending. So a block is recorded before its flag is set, each step can
# be taken twice, and the end copies the numbers that it works on. Then a block that is
# cut short by a KeyboardInterrupt can be ended again.
#
# No lock is held across a fork, because a fork would have to wait for whichever thread
# has it, and would wait forever if that thread hangs. Instead the child ends the
# blocks of the other threads, which do not exist there, and makes a new lock. It is
# alone, so it needs no lock for that. It does so in a hook after the fork. The hook of
# another module, or a signal handler, may come first, so every use of the lock checks
# whether it is in a new process: see _lock_here.
# ---------------------------------------------------------------------------------

_owners: collections.defaultdict[int, set[_Block]] = collections.defaultdict(set)

# The blocks that have begun and not ended. A forked child looks here, and not in
# _owners, for the blocks of other threads, because a block that was just ending may no
# longer own anything.
_blocks: set[_Block] = set()

# The thread that holds the lock can take it again, for signal handlers.
_lock = threading.RLock()
_lock_pid = os.getpid()

# This object identifies this process. A forked child creates a new one. A process id
# would not be enough: two processes in different containers may both have the id 1.
_this_process = object()


class _Block:
    """One block of `temporarily`. Its methods are called with the lock held."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.handles: set[int] = set()

    def begin(self, handles: Iterable[int]) -> None:
        _blocks.add(self)
        for handle in handles:
            if _owners[handle] or not _get(handle):
                self.handles.add(handle)
                _owners[handle].add(self)
                _set(handle, True)

    def end(self) -> None:
        for handle in list(self.handles):
            _owners[handle].discard(self)
            if not _owners[handle]:
                # It may be closed by now.
                with contextlib.suppress(OSError):
                    _set(handle, False)
            self.handles.discard(handle)
        _blocks.discard(self)


def _lock_here() -> Any:
    """Return the lock of this process, which may be the child of a fork."""
    if _lock_pid != os.getpid():
        _reset_after_fork()
    return _unless_finalizing(_lock)


def _reset_after_fork() -> None:
    """Give a forked child a lock of its own, and end other threads' blocks."""
    global _lock, _lock_pid, _this_process
    for block in list(_blocks):
        if block.thread != threading.get_ident():
            block.end()
    _lock = threading.RLock()
    _this_process = object()
    _lock_pid = os.getpid()


# WebAssembly has no fork.
if sys.platform != "win32" and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


if sys.platform == "win32":

    def _disable_inheritance_except(kept: set[int]) -> None:
        for row in _HandleTable().rows("UniqueProcessId", os.getpid()):
            if row.HandleAttributes & OBJ_INHERIT and row.HandleValue not in kept:
                # It may be closed by now.
                with contextlib.suppress(OSError):
                    _set(row.HandleValue, False)

else:
    CLOSE_RANGE_CLOEXEC = 4

    # musl, macOS and glibc before 2.34 do not have it. A raw system call is no way
    # around that: Android kills a process for a call that its filter does not know.
    _close_range: Any = getattr(_libc, "close_range", None)

    def _disable_inheritance_except(kept: set[int]) -> None:
        spared = sorted(kept)
        firsts = [0, *(fd + 1 for fd in spared)]
        # gVisor rejects a last number above INT_MAX.
        lasts = [*(fd - 1 for fd in spared), INT_MAX]
        gaps = [(first, last) for first, last in zip(firsts, lasts) if first <= last]
        # The flag is refused with ENOSYS before Linux 5.9, with EINVAL before 5.11 and
        # FreeBSD 13.1, and with EPERM by some seccomp filters.
        if _close_range and not any(
            _close_range(first, last, CLOSE_RANGE_CLOEXEC) for first, last in gaps
        ):
            return
        for fd in _own_descriptors()[1]:
            if fd not in kept:
                # It may be closed by now.
                with contextlib.suppress(OSError):
                    _set(fd, False)


def disable_inheritance(*keep: _File) -> None:
    """Make everything that is open non-inheritable.

    The standard streams and `keep` stay as they are. So does anything that
    a running block of `temporarily` or `passing` has made inheritable,
    until that block ends.

    It closes nothing: this process still has its files. What a C library
    opens later may be inheritable again.

    Call it early, but in a child that was passed files, call `receive`
    first. On Windows, do not call it while another thread is starting a
    child: that child could lose its standard streams.

    Args:
        *keep: The files that stay as they are.

    Raises:
        Exception: As for `get_inheritable`, before any flag is changed. On
            Windows also PermissionError, as for `open_handles`.

    System calls:
        Linux, FreeBSD, Cygwin: close_range(CLOSE_RANGE_CLOEXEC), once for
            each gap between the descriptors that are kept.
        Elsewhere, and where that is refused: the numbers that
            `open_handles` lists, then `set_inheritable` for each.
    """
    kept = {*_handles_of(keep), *_streams()}
    with _lock_here():
        kept.update(handle for handle, owners in list(_owners.items()) if owners)
        _disable_inheritance_except(kept)


@contextlib.contextmanager
def temporarily(*files: _File) -> Generator[None, None, None]:
    """Make files inheritable inside the block, then restore their flags.

        with temporarily(file):
            os.posix_spawn(...)

    It is for `os.posix_spawn`, `os.spawn*`, `os.exec*` and other code
    that executes programs without closing descriptors. `subprocess` closes
    them, so use `passing` for that. `multiprocessing` does not pass these
    files either. After `os.fork`, the child is still in the blocks of the
    thread that forked. The blocks of other threads end in the child.

    A file that was inheritable before the block is left alone. Where blocks
    overlap, in several threads too, a file stays inheritable until the last
    of them ends.

    A block identifies a file by its number. Close a file after the block,
    not inside it: anything that reuses its number is made non-inheritable
    when the block ends.

    Args:
        *files: The files.

    Yields:
        None.

    Raises:
        Exception: As for `get_inheritable`, and then no flag is changed.

    System calls:
        As for `get_inheritable` and `set_inheritable`.
    """
    block = _Block()
    # A KeyboardInterrupt may cut the first end short. The second one finishes it.
    try:
        try:
            handles = _handles_of(files)
            with _lock_here():
                block.begin(handles)
            yield
        finally:
            with _lock_here():
                block.end()
    finally:
        with _lock_here():
            block.end()


# ---------------------------------------------------------------------------------
# Passing
# ---------------------------------------------------------------------------------

if sys.platform == "win32":
    # This follows the number in an argument if the file was opened for appending. POSIX
    # keeps that in the open file itself, Windows only in the parent's descriptor.
    _APPENDING: str = "a"

    def _appending_mark(file: Any) -> str:
        if hasattr(file, "__index__"):
            return ""
        mode = getattr(_innermost(file, file.fileno()), "mode", "")
        return _APPENDING if "a" in str(mode) else ""

    @contextlib.contextmanager
    def _popen_arguments(
        handles: Iterable[int], startupinfo: Any
    ) -> Generator[_PopenArguments, None, None]:
        """Give the child these handles, and those that startupinfo names."""
        info = startupinfo.copy() if startupinfo else subprocess.STARTUPINFO()
        attributes = dict(info.lpAttributeList or {})
        unique = dict.fromkeys([*attributes.get("handle_list", ()), *handles])
        info.lpAttributeList = {**attributes, "handle_list": list(unique)}
        # Windows rejects this list if a handle in it is not inheritable.
        with temporarily(*map(OpenHandle, unique)):
            yield {"startupinfo": info}

    def _pickled_for_spawning(handle: int, popen: Any) -> Any:
        """Return what to pickle for a process that multiprocessing is spawning."""
        # Not DupHandle, which needs an access mask and leaves its duplicate in the
        # parent.
        reduction = sys.modules["multiprocessing.reduction"]
        return reduction.duplicate(handle, popen.sentinel, True)

    def _descriptor(handle: int, appending: bool) -> int:
        flags = os.O_NOINHERIT | (os.O_APPEND if appending else 0)
        return msvcrt.open_osfhandle(handle, flags)

else:
    _APPENDING: str = ""

    def _appending_mark(_file: Any) -> str:
        return ""

    @contextlib.contextmanager
    def _popen_arguments(
        fds: Iterable[int], startupinfo: Any
    ) -> Generator[_PopenArguments, None, None]:
        """Give the child these descriptors."""
        if startupinfo is not None:
            raise ValueError("startupinfo is only supported on Windows platforms")
        yield {"pass_fds": tuple(fds)}

    def _pickled_for_spawning(fd: int, _popen: Any) -> Any:
        """Return what to pickle for a process that multiprocessing is spawning."""
        return sys.modules["multiprocessing.reduction"].DupFd(fd)

    def _descriptor(fd: int, _appending: bool) -> int:
        return fd


# No handle has more digits. int rejects strings with thousands of digits.
_MAX_DIGITS = 20


class _Argument(str):
    """An element of `Child.args`.

    It is a string that multiprocessing can also hand to a process. While a process is
    being spawned, it is pickled as the file itself. A forked process has it unchanged,
    with the parent's own file. If it is copied, formatted or pickled at any other time,
    the result is a plain string.
    """

    __slots__ = ("handle", "is_usable", "process")

    def __new__(cls, handle: int, mark: str) -> _Argument:  # noqa: PYI034
        return super().__new__(cls, f"{handle}{mark}")

    def __init__(self, handle: int, mark: str) -> None:  # noqa: ARG002, RUF100
        self.handle = handle
        self.process = _this_process
        # False when the block has ended or, in a forked process, when it is received.
        self.is_usable = True

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[Any, ...]:
        # If nobody has imported multiprocessing.context, no process is being spawned.
        context = sys.modules.get("multiprocessing.context")
        popen = context.get_spawning_popen() if context else None
        if popen is None:
            return str, (str(self),)
        if not self.is_usable:
            raise ValueError(
                "the passing block has ended, or this was already received here"
            )
        mark = self[len(str(self.handle)) :]
        return _unpickle_argument, (_pickled_for_spawning(self.handle, popen), mark)

    def duplicate_after_fork(self) -> int | None:
        """Return a duplicate of the file, once and in a forked process only."""
        with _lock_here():
            # Only a fork can have brought it to another process unchanged.
            if not self.is_usable or self.process is _this_process:
                return None
            copy = _duplicate(self.handle)
            self.is_usable = False
            return copy


def _unpickle_argument(pickled: Any, mark: str) -> str:
    handle = pickled.detach() if hasattr(pickled, "detach") else pickled
    return f"{handle}{mark}"


@contextlib.contextmanager
def passing(*files: _File, startupinfo: Any = None) -> Generator[Child, None, None]:
    """Pass files to a child, like `pass_fds` but on every platform.

        with passing(file, sock) as child:
            command = [sys.executable, "worker.py", *child.args]
            process = subprocess.Popen(command, **child.popen)

    With multiprocessing: `Process(target=work, args=child.args)`, or a pool
    with `initargs=tuple(child.args)`. Keep the block open as long as the
    pool exists, because it may start workers at any time.

    The child gets exactly these files, and the standard streams as `Popen`
    gives them. Start it inside the block, and do everything else after the
    block. On Windows, the files are inheritable while the block lasts, and
    a child that another thread starts in that time with `os.spawn*` or
    `close_fds=False` gets them too. On POSIX, their flags are never
    touched.

    The child has standard streams of its own. So a file that is one of this
    process's streams is passed as a duplicate, which is closed when the
    block ends. So is a file that is given a second time. On Windows, a file
    that was opened for appending still appends in the child. An int does
    not show that, so pass the file itself. multiprocessing refuses `args`
    that contain the same file from two blocks.

    Args:
        *files: The files.
        startupinfo: Your own `subprocess.STARTUPINFO`, on Windows. The
            child is started with a copy of it, and also gets the handles in
            its `handle_list`.

    Yields:
        A Child: the arguments for the child's command line, and for
        `Popen`. On POSIX an argument is the number of the descriptor, so
        any program can use it.

    Raises:
        ValueError: As for `get_inheritable`, or `startupinfo` was given on
            POSIX.
        Exception: Any other, as for `get_inheritable`.

    System calls:
        POSIX: `pass_fds` of `Popen`. For multiprocessing, its DupFd.
        Windows: `handle_list` of STARTUPINFO, and those of `temporarily`.
    """
    handles = _handles_of(files)
    with contextlib.ExitStack() as stack:
        taken = set(_streams())
        args: list[_Argument] = []
        for file, handle in zip(files, handles):
            passed = handle
            if handle in taken:
                passed = _duplicate(handle)
                stack.callback(_close, passed)
            taken.add(passed)
            args.append(_Argument(passed, _appending_mark(file)))
        passed_handles = [arg.handle for arg in args]
        popen = stack.enter_context(_popen_arguments(passed_handles, startupinfo))
        try:
            yield Child([*args], popen)
        finally:
            for arg in args:
                arg.is_usable = False


def receive(arg: str) -> int:
    """Take a file that the parent has passed to this process.

    It becomes non-inheritable again, so that this process's own children do
    not get it.

    Pass it only a string from `Child.args`. It also accepts any other
    number that is open and inheritable in this process.

    A process that multiprocessing has forked has everything that its parent
    has. There the result is a duplicate, and the original stays open until
    this process ends. Only then does a reader of a pipe see end-of-file.

    Args:
        arg: One of the parent's `child.args`, as it appears on this
            process's command line.

    Returns:
        A file descriptor, yours to close. On Windows it is in binary mode.

    Raises:
        OSError: EBADF. It was not handed over: it is not open, not
            inheritable, or one of the standard streams, or this is the
            process that passes it. Or it was already received.
        TypeError: It is not a string.
        ValueError: It is not a string that `passing` makes.

    System calls:
        POSIX: fcntl.
        Windows: SetHandleInformation, and open_osfhandle(O_NOINHERIT).
    """
    return _receive(arg, _descriptor)


def receive_handle(arg: str) -> int:
    """Take a handle that the parent has passed to this process.

    Use it for anything that is not a file to the Windows C runtime:
    sockets, events, and the pipes of asyncio and multiprocessing. For a
    socket, use `socket.socket(fileno=...)`. On POSIX, it is the same as
    `receive`.

    Args:
        arg: As for `receive`.

    Returns:
        The handle, non-inheritable again and yours to close. On POSIX a
        file descriptor.

    Raises:
        Exception: As for `receive`.

    System calls:
        POSIX: fcntl.
        Windows: SetHandleInformation.
    """
    return _receive(arg, lambda handle, _: handle)


def _parse_argument(arg: object) -> tuple[int, bool]:
    """Return the handle that an argument names, and whether to append to it."""
    # This imports nothing: the child may have no free descriptor, or a new root folder.
    if not isinstance(arg, str):
        raise _expected("a str from child.args", arg)
    appending = bool(_APPENDING) and arg.endswith(_APPENDING)
    digits = arg[: -len(_APPENDING)] if appending else arg
    # int would accept spaces, signs, underscores and the digits of other scripts. A
    # number is a multiple of 4 if its last two digits are.
    is_decimal = digits.isascii() and digits.isdigit()
    has_zeros = digits.startswith("0") and digits != "0"
    if not is_decimal or has_zeros or int(digits[-2:]) % _HANDLE_MULTIPLE:
        raise ValueError(f"expected a string that passing makes, not {arg!r}")
    # Digits beyond these are cut off. What is left is still too large for a handle.
    return int(digits[:_MAX_DIGITS]), appending


def _receive(arg: Any, result_of: Callable[[int, bool], int]) -> int:
    handle, appending = _parse_argument(arg)
    # It may be an _Argument of another copy of this module.
    if hasattr(arg, "duplicate_after_fork"):
        copy: int | None = arg.duplicate_after_fork()
        if copy is not None:
            return copy
    else:
        # If several threads try, only one gets it.
        with _lock_here():
            if _was_handed_over(handle):
                result = result_of(handle, appending)
                _set(handle, False)
                return result
    msg = (
        f"{os.strerror(errno.EBADF)}: {handle} is not open here, not inheritable, or a "
        "standard stream. Did the parent close the file too early? Was the child "
        "started inside the block, with **child.popen or with child.args unchanged? "
        "Was this already received? Was disable_inheritance called first?"
    )
    raise OSError(errno.EBADF, msg)


def _was_handed_over(handle: int) -> bool:
    try:
        return get_handle_inheritable(handle) and handle not in _streams()
    except (OSError, OverflowError):
        return False


# ---------------------------------------------------------------------------------
# Command line
# ---------------------------------------------------------------------------------

_HELP = """\
usage: python inheritable.py [list] [--pid PID | --check] [--json]
       python inheritable.py holders [--pid PID] [--json] FD|NAME
       python inheritable.py run [--pass FD[:AS]]... [--] COMMAND [ARG]...
       python inheritable.py -h | --help | --version

list: show what this process has open, and whether a child would inherit it. In
a shell, this is what the shell passes to its children.
  --pid PID       list another process instead (Linux, Windows)
  --json          print a JSON array of objects
  --check         list only what a child would inherit besides the standard
                  streams
holders: show every process that has a file open, as far as this user may
inspect it (Linux, Windows).
  FD              a descriptor of this process (Windows: handle), as in
                  holders 3 3<file
  NAME            tcp:8080, udp:53, unix:/run/x.sock or pipe:[123] (Linux), or the
                  path of a file; use ./3 for a file named 3
  --pid PID       FD is a descriptor of process PID instead
  --json          print a JSON array of objects
run: execute COMMAND with only the standard streams.
  --pass FD       pass this descriptor too (Windows: handle)
  --pass FD:AS    pass descriptor FD to COMMAND as number AS (POSIX)

Exit status:
  run             that of COMMAND; 127 if it is not found, 126 if it cannot be
                  executed; 2 for bad usage or a bad FD, 1 for other errors
  list            0; 1 for errors, 2 for bad usage
  list --check    0 if it lists nothing, 1 if it lists anything, 2 for errors
  holders         0 if it lists anything, 1 if it lists nothing, 2 for errors

Examples:
  python inheritable.py run make test
  python inheritable.py run --pass 3 -- cat /dev/fd/3 3<notes
"""


# The options of each command, as getopt takes them.
_OPTIONS = {
    "list": ["pid=", "json", "check"],
    "holders": ["pid=", "json"],
    "run": ["pass="],
}


class _CommandError(Exception):
    """An error that ends the command. Its args are the exit status and a message."""


def _bad_usage(reason: str) -> _CommandError:
    return _CommandError(2, f"{reason} (try --help)")


if sys.platform == "win32":
    # The errors from writing to a pipe when its reader is gone. The C runtime turns
    # ERROR_NO_DATA into EINVAL.
    _READER_GONE = {errno.EPIPE, errno.EINVAL}

    def _find_program(name: str) -> str:
        """Return the absolute path of a program, never of a batch file."""
        import shutil

        found = shutil.which(name)
        if found is None:
            raise _CommandError(127, f"{name}: not found")
        program = os.path.abspath(found)
        # Windows searches this folder first, and anybody may have put a program here.
        if not os.path.dirname(name) and os.path.dirname(program) == os.getcwd():
            # With its extension, because shutil.which of Python before 3.12 adds none
            # to a name with a folder.
            path = os.path.join(".", os.path.basename(program))
            reason = f"it is in the current directory: write {path} to run it"
            raise _CommandError(126, f"{name}: {reason}")
        # cmd.exe would parse its arguments once more, by rules of its own.
        if program.lower().endswith((".bat", ".cmd")):
            reason = "it is a batch file: use cmd /c, which has its own quoting"
            raise _CommandError(126, f"{name}: {reason}")
        return program

    def _execute(command: list[str], passed: dict[int, int]) -> int:
        """Run a command with only these handles, and return its exit status."""
        import signal

        program = _find_program(command[0])
        # Ctrl-C and Ctrl-Break are left to the command, which does not inherit this.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGBREAK, signal.SIG_IGN)
        with passing(*map(OpenHandle, passed)) as child:
            try:
                process = subprocess.Popen([program, *command[1:]], **child.popen)
            except OSError as error:
                raise _CommandError(126, f"{command[0]}: {error}") from None
        status = process.wait()
        # sys.exit takes a C long.
        return status - (1 << 32) if status >> 31 else status

else:
    _READER_GONE = {errno.EPIPE}

    def _renumber(passed: dict[int, int]) -> None:
        """Make descriptors inheritable, each under the number that it is to have.

        One that keeps its number is not copied, because closing a copy would release
        the record locks of this process.
        """
        sources = {number: fd for number, fd in passed.items() if number != fd}
        for fd in passed.keys() - sources.keys():
            set_inheritable(fd, True)
        while sources:
            # A number can be taken once nothing has to be copied from it any more.
            free = [number for number in sources if number not in sources.values()]
            if free:
                number = free[0]
                try:
                    os.dup2(sources.pop(number), number)
                except (OSError, OverflowError) as error:
                    reason = f"bad descriptor {number}: {error}"
                    raise _CommandError(2, reason) from None
            else:
                # The numbers that are left form cycles. Copy one out of the way.
                number, fd = next(iter(sources.items()))
                sources[number] = _duplicate(fd)

    def _execute(command: list[str], passed: dict[int, int]) -> int:
        """Replace this process with a command that gets only these descriptors."""
        import shutil
        import signal

        disable_inheritance()
        _renumber(passed)
        # Python ignores these signals, and they would stay ignored after exec.
        ignored = [signal.SIGPIPE, signal.SIGXFSZ]
        for number in ignored:
            signal.signal(number, signal.SIG_DFL)
        name = command[0]
        try:
            os.execvp(name, command)
        except OSError as error:
            # This user may have no access to some folders in PATH. That alone does not
            # decide whether the command exists.
            path = name if os.path.dirname(name) else shutil.which(name, os.F_OK)
            if not path or not os.path.exists(path):
                raise _CommandError(127, f"{name}: not found") from None
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                reason = f"{name}: its interpreter is not found"
                raise _CommandError(127, reason) from None
            raise _CommandError(126, f"{name}: {error}") from None
        finally:
            # They are ignored again, so that writing a message that nobody reads does
            # not end this process.
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)


def _main(args: list[str]) -> int:
    import getopt

    command, rest = "list", args
    if args and args[0] in _OPTIONS:
        command, rest = args[0], args[1:]
    # With --check and for holders, status 1 is an answer.
    error_status = 2 if command == "holders" else 1
    try:
        # This stops at the first argument that is not an option, and at "--".
        names = ["help", "version", *_OPTIONS[command]]
        options, words = getopt.getopt(rest, "h", names)
        if ("--check", "") in options:
            error_status = 2
        status, text, note = _answer(command, options, words)
        if text:
            _print(text)
    except getopt.GetoptError as error:
        status, note = 2, f"{' '.join(args)}: {error} (try --help)"
    except _CommandError as error:
        status, reason = error.args
        note = f"{' '.join(args)}: {reason}"
    except (OSError, OverflowError, ValueError, NotImplementedError) as error:
        status, note = error_status, f"{' '.join([command, *rest])}: {error}"
    if note:
        line = _escaped(f"inheritable: {note}").encode("ascii", "backslashreplace")
        # stderr may be closed, or nobody may be reading it.
        with contextlib.suppress(OSError):
            os.write(2, line + b"\n")
    return status


def _answer(
    command: str, options: list[tuple[str, str]], words: list[str]
) -> tuple[int, str, str]:
    """Return the exit status, the text for stdout and the sentence for stderr."""
    chosen = dict(options)
    if "-h" in chosen or "--help" in chosen:
        return 0, _HELP, ""
    if "--version" in chosen:
        return 0, f"inheritable {__version__}\n", ""
    if command == "list":
        return _list_command(chosen, words)
    if command == "holders":
        return _holders_command(chosen, words)
    return _run_command([value for _, value in options], words), "", ""


def _parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _bad_usage(f"expected a number, not {text!r}")
    # Digits beyond these are cut off. What is left is still too large for anything.
    return int(text.lstrip("0")[:_MAX_DIGITS] or "0")


def _list_command(options: dict[str, str], words: list[str]) -> tuple[int, str, str]:
    if words:
        raise _bad_usage(
            f"unexpected argument {words[0]!r}; list, holders or run must come first"
        )
    if "--check" in options and "--pid" in options:
        raise _bad_usage(
            "--check is for this process only, so it cannot be used with --pid"
        )
    pid = _parse_number(options["--pid"]) if "--pid" in options else os.getpid()
    handles = open_handles(pid)
    status, note = 0, ""
    if "--check" in options:
        handles = [h for h in handles if h.inheritable and not _is_stream(h.handle)]
        if handles:
            status, note = 1, _leak_note([handle.handle for handle in handles])
    if "--json" in options:
        return status, _json(handles), note
    if "--check" in options and not handles:
        return status, "", note
    streams = {} if "--pid" in options else _streams()
    rows: list[str] = []
    for handle in handles:
        texts = [handle.target, streams.get(handle.handle)]
        rows.append(_row(handle, " ".join(filter(None, texts))))
    return status, _table("handle  inheritable  access  target", rows), note


def _leak_note(handles: list[int]) -> str:
    files, them = "1 file", "it"
    if len(handles) > 1:
        files, them = f"{len(handles)} files", "them"
    note = f"a child would inherit {files}: "
    if sys.platform != "win32":
        closed = " ".join(f"{fd}<&-" for fd in handles)
        # Other shells take only one digit there.
        shell = " in bash" if len(str(max(handles))) > 1 else ""
        note += f"close {them} for this command ({closed}{shell}), or "
    return f"{note}start your program with inheritable.py run"


def _row(found: OpenHandle | Holder, text: str) -> str:
    """Return the line of a table. Nothing is cut off the end of the text."""
    flag = {True: "yes", False: "no", None: "?"}[found.inheritable]
    access = found.access or "-"
    row = f"{found.handle:6}  {flag:11}  "
    return f"{row}{access:6}  {text}" if text else f"{row}{access}"


def _holders_command(options: dict[str, str], words: list[str]) -> tuple[int, str, str]:
    if len(words) != 1:
        raise _bad_usage("expected one FD or NAME, after the options")
    found, note = _holders_of_word(words[0], options.get("--pid"))
    status = 0 if found else 1
    if "--json" in options:
        return status, _json(found), note
    rows = [f"{holder.pid:6}  {_row(holder, holder.command or '')}" for holder in found]
    head = "   pid  handle  inheritable  access  command"
    return status, _table(head, rows), note


def _holders_of_word(word: str, pid: str | None) -> tuple[list[Holder], str]:
    """Return the holders of what the command line names."""
    if pid is not None:
        return _holders(OpenHandle(_parse_number(word)), _parse_number(pid))
    is_number = word.isascii() and word.isdigit()
    try:
        return _holders(OpenHandle(_parse_number(word)) if is_number else word, None)
    except OSError as error:
        port = word.rpartition(":")[2]
        if error.errno in (errno.EBADF, errno.ENOENT) and _port(port):
            raise _CommandError(2, f"{error}; for a port: tcp:{port}") from None
        raise


def _run_command(passed: list[str], words: list[str]) -> int:
    """Return the exit status, unless this process becomes the command."""
    if not words:
        raise _bad_usage("expected a COMMAND")
    sources = _parse_passed(passed)
    if not words[0]:
        raise _CommandError(127, "'': not found")
    return _execute(words, sources)


def _parse_passed(texts: list[str]) -> dict[int, int]:
    """Return descriptors, keyed by the numbers that they are to have."""
    passed: dict[int, int] = {}
    for text in texts:
        source, colon, target = text.partition(":")
        if colon and sys.platform == "win32":
            raise _bad_usage(f"handles cannot be renumbered on Windows: {text}")
        fd = _parse_number(source)
        number = _parse_number(target) if colon else fd
        if number in passed:
            raise _bad_usage(f"number {number} is given twice")
        try:
            get_handle_inheritable(fd)
        except (OSError, OverflowError) as error:
            raise _CommandError(2, f"bad descriptor {fd}: {error}") from None
        passed[number] = fd
    return passed


def _json(rows: Sequence[OpenHandle | Holder]) -> str:
    import json

    return json.dumps([row._asdict() for row in rows], indent=2) + "\n"


def _table(head: str, rows: list[str]) -> str:
    # A name could contain terminal escape sequences, or characters that the encoding
    # lacks.
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    text = "\n".join([head, *map(_escaped, rows)]) + "\n"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _print(text: str) -> None:
    """Print text. It is not an error if the reader has gone away."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more when it ends, and that would fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno not in _READER_GONE:
            raise OSError(error.errno, f"stdout: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
