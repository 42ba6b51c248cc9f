# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of inheritable
"""Control what your child processes inherit.

When a process starts a program, that program gets every file descriptor
(POSIX) or handle (Windows) that is inheritable (PEP 446). This module reads
and sets that flag, lists what is open, shows who else has a file, shuts
inheritance off, and hands chosen files to a child, with the same calls on
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
`fileno()`.

`python inheritable.py --help` describes the command line.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import errno
import operator
import os
import sys
import threading

__version__ = "2.0.0"

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


# ---------------------------------------------------------------------------------
# Types
# ---------------------------------------------------------------------------------

# Type checkers treat this name as true. Importing typing at run time would cost
# milliseconds.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Any, NamedTuple, NoReturn, Protocol, SupportsIndex, Union

    class HasFileno(Protocol):
        """Something that has a file descriptor or, on Windows, possibly a handle."""

        def fileno(self) -> int:
            """Return its number."""
            ...

    File = Union[SupportsIndex, HasFileno]  # noqa: RUF100, UP007  (3.8 has no | here.)

    class _OpenHandle(NamedTuple):
        handle: int
        inheritable: bool | None = None
        target: str | None = None
        access: str | None = None

    class _Holder(NamedTuple):
        pid: int
        handle: int
        inheritable: bool
        access: str | None
        command: str | None

    class _Child(NamedTuple):
        args: list[str]
        popen: dict[str, Any]

else:
    _OpenHandle = collections.namedtuple(
        "_OpenHandle", "handle inheritable target access", defaults=(None, None, None)
    )
    _Holder = collections.namedtuple("_Holder", "pid handle inheritable access command")
    _Child = collections.namedtuple("_Child", "args popen")


class OpenHandle(_OpenHandle):
    """An open file descriptor (POSIX) or handle (Windows).

    It can be used wherever a file is expected. So a Windows event, which
    has no file object, can be handed over too:
    `passing(OpenHandle(event))`.

    Attributes:
        handle: Its number. Windows ignores the two lowest bits of a handle,
            so there they are cleared, unless the number is negative.
        inheritable: Whether a program that this process executes would get
            it. None if that is not known.
        target: What it refers to: a path, `socket:[123]`, or on Windows the
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
# The underlying system
#
# What the rest of the module uses has the same name in both branches, and comes in the
# same order. A "handle" here is a HANDLE on Windows and a file descriptor on POSIX.
# ---------------------------------------------------------------------------------

# The fast paths of the four functions name these on Windows too, which has no fcntl.
# They have the same values on every POSIX system.
F_GETFD = 1
F_SETFD = 2
FD_CLOEXEC = 1
INT_MAX = 0x7FFFFFFF

if sys.platform == "win32":
    import _thread
    import _winapi
    import msvcrt
    import queue
    import signal
    import subprocess
    import time
    from ctypes import wintypes
    from ctypes.wintypes import (
        BOOL,
        DWORD,
        HANDLE,
        LARGE_INTEGER,
        LPVOID,
        LPWSTR,
        ULONG,
        USHORT,
    )

    ERROR_INVALID_HANDLE = 6
    ERROR_INVALID_PARAMETER = 87
    FILE_APPEND_DATA = 4
    FILE_READ_DATA = 1
    FILE_TYPE_DISK = 1
    FILE_TYPE_PIPE = 3
    FILE_WRITE_DATA = 2
    HANDLE_FLAG_INHERIT = 1
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE = 0x2000
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK = 0x1000
    JobObjectExtendedLimitInformation = 9
    O_PATH = 0  # Windows has no such thing.
    OBJ_INHERIT = 2
    ObjectTypeInformation = 2
    PROCESS_DUP_HANDLE = 0x40
    PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
    PROCESS_SET_QUOTA = 0x100
    PROCESS_TERMINATE = 1
    STATUS_INFO_LENGTH_MISMATCH = 0xC0000004
    SYNCHRONIZE = 0x100000
    STD_ERROR_HANDLE = -12
    STD_INPUT_HANDLE = -10
    STD_OUTPUT_HANDLE = -11
    SystemExtendedHandleInformation = 64

    # Types from the Windows headers that wintypes lacks.
    NTSTATUS = wintypes.LONG
    SIZE_T = ctypes.c_size_t
    ULONG_PTR = ctypes.c_size_t
    ULONGLONG = ctypes.c_ulonglong

    class UNICODE_STRING(ctypes.Structure):
        """A kernel string. Its lengths are in bytes."""

        _fields_ = (
            ("Length", USHORT),
            ("MaximumLength", USHORT),
            ("Buffer", LPVOID),
        )

    class PUBLIC_OBJECT_TYPE_INFORMATION(ctypes.Structure):
        """What NtQueryObject reports about an object's type."""

        _fields_ = (
            ("TypeName", UNICODE_STRING),
            ("Reserved", ULONG * 22),
        )

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

        _fields_ = (
            ("NumberOfHandles", ULONG_PTR),
            ("Reserved", ULONG_PTR),
        )

    class JOBOBJECT_BASIC_LIMIT_INFORMATION(ctypes.Structure):
        """The basic limits of a job."""

        _fields_ = (
            ("PerProcessUserTimeLimit", LARGE_INTEGER),
            ("PerJobUserTimeLimit", LARGE_INTEGER),
            ("LimitFlags", DWORD),
            ("MinimumWorkingSetSize", SIZE_T),
            ("MaximumWorkingSetSize", SIZE_T),
            ("ActiveProcessLimit", DWORD),
            ("Affinity", ULONG_PTR),
            ("PriorityClass", DWORD),
            ("SchedulingClass", DWORD),
        )

    class IO_COUNTERS(ctypes.Structure):
        """The I/O counters of a job."""

        _fields_ = (
            ("ReadOperationCount", ULONGLONG),
            ("WriteOperationCount", ULONGLONG),
            ("OtherOperationCount", ULONGLONG),
            ("ReadTransferCount", ULONGLONG),
            ("WriteTransferCount", ULONGLONG),
            ("OtherTransferCount", ULONGLONG),
        )

    class JOBOBJECT_EXTENDED_LIMIT_INFORMATION(ctypes.Structure):
        """All limits of a job."""

        _fields_ = (
            ("BasicLimitInformation", JOBOBJECT_BASIC_LIMIT_INFORMATION),
            ("IoInfo", IO_COUNTERS),
            ("ProcessMemoryLimit", SIZE_T),
            ("JobMemoryLimit", SIZE_T),
            ("PeakProcessMemoryUsed", SIZE_T),
            ("PeakJobMemoryUsed", SIZE_T),
        )

    class _DLLHoldingTheGIL(ctypes.CDLL):
        # These calls never wait, so they hold the GIL, as in os. ctypes has PyDLL for
        # that, but with the wrong calling convention for Windows. So these flags are
        # PyDLL's (FUNCFLAG_PYTHONAPI) and WinDLL's (FUNCFLAG_STDCALL, which is 0).
        _func_flags_ = 4

    def _bound(library: ctypes.CDLL, name: str, restype: Any, *argtypes: Any) -> Any:
        function = getattr(library, name)
        function.restype = restype
        function.argtypes = argtypes
        return function

    _quick_kernel32 = _DLLHoldingTheGIL("kernel32", use_last_error=True)
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _ntdll = ctypes.WinDLL("ntdll")

    _GetHandleInformation = _bound(
        _quick_kernel32, "GetHandleInformation", BOOL, HANDLE, ctypes.POINTER(DWORD)
    )
    _SetHandleInformation = _bound(
        _quick_kernel32, "SetHandleInformation", BOOL, HANDLE, DWORD, DWORD
    )
    _GetStdHandle = _bound(_quick_kernel32, "GetStdHandle", HANDLE, DWORD)
    _GetFileType = _bound(_kernel32, "GetFileType", DWORD, HANDLE)
    _GetFinalPathNameByHandleW = _bound(
        _kernel32, "GetFinalPathNameByHandleW", DWORD, HANDLE, LPWSTR, DWORD, DWORD
    )
    _QueryFullProcessImageNameW = _bound(
        _kernel32,
        "QueryFullProcessImageNameW",
        BOOL,
        HANDLE,
        DWORD,
        LPWSTR,
        ctypes.POINTER(DWORD),
    )
    _OpenThread = _bound(_kernel32, "OpenThread", HANDLE, DWORD, BOOL, DWORD)
    _CreateJobObjectW = _bound(_kernel32, "CreateJobObjectW", HANDLE, LPVOID, LPWSTR)
    _SetInformationJobObject = _bound(
        _kernel32, "SetInformationJobObject", BOOL, HANDLE, ctypes.c_int, LPVOID, DWORD
    )
    _AssignProcessToJobObject = _bound(
        _kernel32, "AssignProcessToJobObject", BOOL, HANDLE, HANDLE
    )
    _NtQueryObject = _bound(
        _ntdll,
        "NtQueryObject",
        NTSTATUS,
        HANDLE,
        ctypes.c_int,
        LPVOID,
        ULONG,
        ctypes.POINTER(ULONG),
    )
    _NtQuerySystemInformation = _bound(
        _ntdll,
        "NtQuerySystemInformation",
        NTSTATUS,
        ctypes.c_int,
        LPVOID,
        ULONG,
        ctypes.POINTER(ULONG),
    )
    _RtlNtStatusToDosError = _bound(_ntdll, "RtlNtStatusToDosError", ULONG, NTSTATUS)

    # Only Windows 10 and later have this function.
    _CompareObjectHandles: Any = None
    with contextlib.suppress(AttributeError):
        _CompareObjectHandles = _bound(
            ctypes.WinDLL("kernelbase"), "CompareObjectHandles", BOOL, HANDLE, HANDLE
        )

    # Windows has no fcntl, so get_inheritable and its kin have no fast path here.
    _quick_getfd: Any = None
    _quick_setfd: Any = None

    # Handles and process ids are multiples of this.
    _STEP = 4
    _HANDLE_BITS = 8 * ctypes.sizeof(ctypes.c_void_p)

    # The errors from writing to a pipe when its reader is gone. The C runtime turns
    # ERROR_NO_DATA into EINVAL.
    _READER_GONE = {errno.EPIPE, errno.EINVAL}

    # Comes after the number in an argument if the file was opened for appending. POSIX
    # has that in the open file itself, Windows only in the parent's descriptor.
    _APPENDING: str = "a"

    # What fileno() returns for an instance of these classes. They are named, so that
    # none has to be imported.
    _CLASSES_WITH_DESCRIPTORS = {
        "_io.FileIO",
        "_io._WindowsConsoleIO",
    }
    _CLASSES_WITH_HANDLES = {
        "_socket.socket",
        "asyncio.trsock.TransportSocket",
        "asyncio.windows_utils.PipeHandle",
        "http.client.HTTPResponse",
        "multiprocessing.connection._ConnectionBase",
        "socket.SocketIO",
        "socketserver.TCPServer",
        "socketserver._SocketWriter",
        "telnetlib.Telnet",
    }

    # subprocess.Handle, which type checkers do not know about.
    _ProcessHandle: Any = vars(subprocess)["Handle"]

    # How long a listing waits to learn what one file is, and for all files together.
    _SECONDS_FOR_ONE_FILE = 0.1
    _SECONDS_FOR_ALL_FILES = 1.0

    def _windows_error(code: int) -> OSError:
        # ctypes.WinError differs from what os raises, in its text and its args.
        text = ctypes.FormatError(code).rstrip(" .\r\n")
        return OSError(None, text, None, code, None)

    def _check(succeeded: int) -> None:
        if not succeeded:
            raise _windows_error(ctypes.get_last_error())

    def _bottom(file: object) -> object:
        """Return the FileIO or the SocketIO under a buffered or a text file."""
        file = getattr(file, "buffer", file)
        return getattr(file, "raw", file)

    def _is_process_handle(file: Any) -> bool:
        """Return whether an int is the handle of a process that subprocess started."""
        if not isinstance(file, _ProcessHandle):
            return False
        # A closed one keeps its number, which may belong to another object by now.
        if file.closed:
            msg = "this subprocess.Handle is closed"
            raise ValueError(msg)
        return True

    def _fileno_is_handle(file: object, number: int) -> bool:
        """Return whether an object's fileno() is a handle, rather than a descriptor.

        The two ranges of numbers overlap, so the number alone is not enough.
        """
        classes = type(file).__mro__ + type(_bottom(file)).__mro__
        names = {f"{cls.__module__}.{cls.__qualname__}" for cls in classes}
        # A closed socket returns -1. As a handle, that would be this process itself.
        if number == -1 or names & _CLASSES_WITH_DESCRIPTORS:
            return False
        if names & _CLASSES_WITH_HANDLES:
            return True
        # By this name alone, so that one from another copy of this module counts.
        if "OpenHandle" in [cls.__name__ for cls in classes]:
            return True
        # For an unknown class, ask the system about both.
        _check_range(number, 32)
        descriptor = _is_descriptor(number)
        handle = _is_socket_or_pipe(number)
        if descriptor and handle:
            msg = (
                f"fileno() returned {number}, which is both an open descriptor and an "
                f"open handle: pass {number} or OpenHandle({number})"
            )
            raise TypeError(msg)
        return handle

    def _is_descriptor(number: int) -> bool:
        try:
            msvcrt.get_osfhandle(number)
        except OSError:
            return False
        return True

    def _is_socket_or_pipe(number: int) -> bool:
        if number % _STEP or number in _streams():
            return False
        try:
            copy = _duplicate(number)
        except OSError:
            return False
        with contextlib.closing(_Asker()) as asker:
            # GetFileType reports a socket as a pipe. If it does not answer, this is a
            # pipe from which another thread is reading.
            key = os.getpid(), number
            return asker.ask(key, copy, _GetFileType) in (FILE_TYPE_PIPE, None)

    def _to_handle(number: int, is_handle: bool) -> int:
        # For a bad descriptor this raises EBADF. The C runtime's own function, called
        # by ctypes, could end the process.
        return number if is_handle else msvcrt.get_osfhandle(number)

    def _get(handle: int) -> bool:
        flags = DWORD()
        _check(_GetHandleInformation(handle, ctypes.byref(flags)))
        return bool(flags.value & HANDLE_FLAG_INHERIT)

    def _set(handle: int, inheritable: bool) -> None:
        flags = HANDLE_FLAG_INHERIT if inheritable else 0
        _check(_SetHandleInformation(handle, HANDLE_FLAG_INHERIT, flags))

    def _duplicate(handle: int, process: int = -1) -> int:
        # -1 is the pseudo handle of this process.
        return _winapi.DuplicateHandle(
            process, handle, -1, 0, False, _winapi.DUPLICATE_SAME_ACCESS
        )

    def _close(handle: int) -> None:
        _winapi.CloseHandle(handle)

    def _streams() -> dict[int, str]:
        # If one handle is several of the streams, stdin wins over stdout, and stdout
        # over stderr. A program without a console may have None for a stream.
        return {
            _GetStdHandle(STD_ERROR_HANDLE): "stderr",
            _GetStdHandle(STD_OUTPUT_HANDLE): "stdout",
            _GetStdHandle(STD_INPUT_HANDLE): "stdin",
        }

    def _is_stream(handle: int) -> bool:
        """Return whether a handle is a standard stream, or the same object as one.

        The python.exe of a venv passes on duplicates of its streams.
        """
        streams = _streams()
        return handle in streams or (
            _CompareObjectHandles is not None
            and any(_CompareObjectHandles(handle, stream) for stream in streams)
        )

    def _access(granted: int) -> str:
        reads = granted & FILE_READ_DATA
        writes = granted & (FILE_WRITE_DATA | FILE_APPEND_DATA)
        return ("r" if reads else "") + ("w" if writes else "")

    def _bad_handle(handle: int) -> OSError:
        error = _windows_error(ERROR_INVALID_HANDLE)
        error.filename = handle
        return error

    # Asking what a file is can take forever: GetFileType and GetFinalPathNameByHandle
    # block while another thread is reading from the same synchronous pipe. Opening the
    # file a second time would not help: that can take the place of a pipe's only
    # client, or take a serial port away from its reader. So a separate thread asks, one
    # for a whole listing, and the listing waits only for a limited time. A thread whose
    # call does not return is abandoned. It holds a duplicate of the handle, which it
    # closes when the call does return. Until then, that duplicate is left out of every
    # list, and no other thread is started to ask about the same handle.

    # The duplicates that such threads hold. For each: the process id and the handle
    # that it was made from, and the time at which its answer is late.
    _being_asked: dict[int, tuple[tuple[int, int], float]] = {}

    def _answer(
        questions: queue.SimpleQueue[Any], answers: queue.SimpleQueue[Any]
    ) -> None:
        asked: Iterable[Any] = iter(questions.get, None)
        for copy, question in asked:
            answer = question(copy)
            # In this order, because another thread may get the same number as soon as
            # it is closed.
            _being_asked.pop(copy)
            _close(copy)
            answers.put(answer)

    class _Asker:
        """Asks what files are, and waits only a limited time for the answers."""

        # Each thread has two of its own.
        questions: queue.SimpleQueue[Any]
        answers: queue.SimpleQueue[Any]

        def __init__(self) -> None:
            self.deadline = time.monotonic() + _SECONDS_FOR_ALL_FILES
            self.thread = 0

        def ask(
            self, key: tuple[int, int], copy: int, question: Callable[[int], Any]
        ) -> Any:
            """Return the answer to a question about a duplicate of a handle.

            Args:
                key: The process id and the handle that was duplicated.
                copy: The duplicate, which is closed afterwards.
                question: The function to call with the duplicate.

            Returns:
                The answer, or None if it does not come in time.
            """
            now = time.monotonic()
            wait = min(_SECONDS_FOR_ONE_FILE, self.deadline - now)
            is_overdue = any(
                asked == key and late < now
                for asked, late in list(_being_asked.values())
            )
            if wait <= 0 or is_overdue or not self._has_thread():
                _close(copy)
                return None
            _being_asked[copy] = key, now + wait
            self.questions.put((copy, question))
            try:
                return self.answers.get(timeout=wait)
            except queue.Empty:
                # That thread ends once its call returns. The next question gets a new
                # thread.
                self.questions.put(None)
                self.thread = 0
                return None

        def _has_thread(self) -> bool:
            if not self.thread:
                self.questions = queue.SimpleQueue()
                self.answers = queue.SimpleQueue()
                # In Python 3.8, Thread.start would hang during finalization.
                with contextlib.suppress(RuntimeError):
                    self.thread = _thread.start_new_thread(
                        _answer, (self.questions, self.answers)
                    )
            return bool(self.thread)

        def close(self) -> None:
            """Let the thread end, which also frees Python's own handles for it."""
            if self.thread:
                thread = _OpenThread(SYNCHRONIZE, False, self.thread)
                self.questions.put(None)
                if thread:
                    milliseconds = int(1000 * _SECONDS_FOR_ONE_FILE)
                    _winapi.WaitForSingleObject(thread, milliseconds)
                    _close(thread)

    def _path(handle: int) -> str | None:
        """Return the path of a file on disk."""
        if _GetFileType(handle) != FILE_TYPE_DISK:
            return None
        path = ctypes.create_unicode_buffer(32768)
        length = _GetFinalPathNameByHandleW(handle, path, len(path), 0)
        if not 0 < length < len(path):
            return None
        if path.value.startswith("\\\\?\\UNC\\"):
            return "\\\\" + path.value[len("\\\\?\\UNC\\") :]
        if path.value.startswith("\\\\?\\"):
            return path.value[len("\\\\?\\") :]
        return path.value

    def _type_name(handle: int, process: int = -1) -> str | None:
        """Return the name of the type of a handle, in this or another process."""
        # A handle of this process is queried directly. Under Wine, closing a duplicate
        # of a certain console handle would detach this process from the console.
        if process != -1:
            copy = _duplicate(handle, process)
            try:
                return _type_name(copy)
            finally:
                _close(copy)
        buffer = ctypes.create_string_buffer(1024)
        status = _NtQueryObject(
            handle, ObjectTypeInformation, buffer, len(buffer), None
        )
        if status:
            return None
        name = PUBLIC_OBJECT_TYPE_INFORMATION.from_buffer(buffer).TypeName
        return ctypes.wstring_at(name.Buffer, name.Length // 2)

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
                raise _windows_error(_RtlNtStatusToDosError(status))
            head = SYSTEM_HANDLE_INFORMATION_EX.from_buffer(self.bytes)
            entries = SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX * head.NumberOfHandles
            self.entries = entries.from_buffer(self.bytes, ctypes.sizeof(head))

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
                if getattr(row, field) == value and not self._is_ours(row):
                    yield row
                index = lowest_bytes.find(value & 0xFF, index + 1)

        def _is_ours(self, row: Any) -> bool:
            """Return whether a row is a duplicate that a thread of _Asker holds."""
            return row.HandleValue in _being_asked and (
                row.UniqueProcessId == os.getpid()
            )

    def _list_process(pid: int, process: int) -> list[OpenHandle]:
        rows = _HandleTable().rows("UniqueProcessId", pid)
        with contextlib.closing(_Asker()) as asker:
            handles = [_described(row, process, asker) for row in rows]
        return sorted(handles, key=operator.attrgetter("handle"))

    def _described(row: Any, process: int, asker: _Asker) -> OpenHandle:
        handle = row.HandleValue
        flag = bool(row.HandleAttributes & OBJ_INHERIT)
        target = access = None
        # It may be closed by now, or of a type that cannot be duplicated.
        with contextlib.suppress(OSError):
            target = _type_name(handle, process)
            if target == "File":
                access = _access(row.GrantedAccess)
                copy = _duplicate(handle, process)
                target = asker.ask((row.UniqueProcessId, handle), copy, _path) or target
        return OpenHandle(handle, flag, target, access)

    @contextlib.contextmanager
    def _opened_process(pid: int, access: int) -> Generator[int, None, None]:
        try:
            process = _winapi.OpenProcess(access, False, pid)
        except OSError as error:
            if error.winerror == ERROR_INVALID_PARAMETER:
                raise _no_such_process() from None
            raise
        try:
            yield process
        finally:
            _close(process)

    def _list() -> list[OpenHandle]:
        return _list_process(os.getpid(), -1)

    def _list_other(pid: int) -> list[OpenHandle]:
        with _opened_process(pid, PROCESS_DUP_HANDLE) as process:
            return _list_process(pid, process)

    def _holders(handle: int, pid: int) -> list[Holder]:
        if _CompareObjectHandles is None:
            msg = "finding out who else has a file needs Windows 10 or later"
            raise NotImplementedError(msg)
        table = _HandleTable()
        with _opened_process(pid, PROCESS_DUP_HANDLE) as process:
            try:
                original = _duplicate(handle, process)
            except OSError:
                raise _bad_handle(handle) from None
        try:
            return _handles_on(original, _type_index(table, handle, pid), table)
        finally:
            _close(original)

    def _type_index(table: _HandleTable, handle: int, pid: int) -> int:
        for row in table.rows("UniqueProcessId", pid):
            if row.HandleValue == handle:
                return int(row.ObjectTypeIndex)
        raise _bad_handle(handle)

    def _handles_on(
        original: int, type_index: int, table: _HandleTable
    ) -> list[Holder]:
        """Return the handles in a table that refer to the same object as this one."""
        rows_of: collections.defaultdict[int, list[Any]]
        rows_of = collections.defaultdict(list)
        for row in table.rows("ObjectTypeIndex", type_index):
            rows_of[row.UniqueProcessId].append(row)
        is_file = _type_name(original) == "File"
        found: list[Holder] = []
        access = PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION
        for pid in sorted(rows_of):
            # It may have ended by now, or access to it may be denied.
            with contextlib.suppress(OSError), _opened_process(pid, access) as process:
                rows = [row for row in rows_of[pid] if _is_on(original, row, process)]
                program = _program(process) if rows else None
                for row in sorted(rows, key=operator.attrgetter("HandleValue")):
                    flag = bool(row.HandleAttributes & OBJ_INHERIT)
                    mode = _access(row.GrantedAccess) if is_file else None
                    found.append(Holder(pid, row.HandleValue, flag, mode, program))
        return found

    def _is_on(original: int, row: Any, process: int) -> bool:
        try:
            copy = _duplicate(row.HandleValue, process)
        except OSError:
            return False
        same = bool(_CompareObjectHandles(original, copy))
        _close(copy)
        return same

    def _program(process: int) -> str | None:
        path = ctypes.create_unicode_buffer(32768)
        size = DWORD(len(path))
        if _QueryFullProcessImageNameW(process, 0, path, ctypes.byref(size)):
            return path.value
        return None

    def _shut_off_all_but(kept: set[int]) -> None:
        for row in _HandleTable().rows("UniqueProcessId", os.getpid()):
            if row.HandleAttributes & OBJ_INHERIT and row.HandleValue not in kept:
                # It may be closed by now.
                with contextlib.suppress(OSError):
                    _set(row.HandleValue, False)

    @contextlib.contextmanager
    def _popen_arguments(
        handles: Iterable[int], startupinfo: Any
    ) -> Generator[dict[str, Any], None, None]:
        """Give the child these handles, and those that startupinfo names."""
        info = startupinfo.copy() if startupinfo else subprocess.STARTUPINFO()
        attributes = dict(info.lpAttributeList or {})
        unique = dict.fromkeys([*attributes.get("handle_list", ()), *handles])
        info.lpAttributeList = {**attributes, "handle_list": list(unique)}
        # Windows rejects this list if a handle in it is not inheritable.
        with temporarily(*map(OpenHandle, unique)):
            yield {"startupinfo": info}

    def _suffix(file: object) -> str:
        mode = getattr(_bottom(file), "mode", "")
        return _APPENDING if "a" in str(mode) else ""

    def _sent_to_spawned(handle: int, popen: Any) -> Any:
        """Return what to pickle for a process that multiprocessing is spawning."""
        # Not DupHandle, which needs an access mask and leaves its duplicate in the
        # parent.
        reduction = sys.modules["multiprocessing.reduction"]
        return reduction.duplicate(handle, popen.sentinel, True)

    def _arrived(handle: int) -> int:
        return handle

    def _descriptor(handle: int, appending: bool) -> int:
        flags = os.O_NOINHERIT | (os.O_APPEND if appending else 0)
        return msvcrt.open_osfhandle(handle, flags)

    def _find_program(name: str) -> str:
        """Find a program as cmd.exe does, but never search the current directory.

        CreateProcess by itself searches the current directory first, and knows no
        extension but .exe.
        """
        extensions = os.environ.get("PATHEXT") or ".COM;.EXE;.BAT;.CMD"
        names = [name + extension for extension in extensions.split(";") if extension]
        if os.path.splitext(name)[1]:
            names.insert(0, name)
        folders = os.environ.get("PATH", "").split(";")
        if os.path.dirname(name):
            folders = [os.curdir]
        for folder in filter(None, folders):
            for candidate in names:
                path = os.path.join(folder, candidate)
                if os.path.isfile(path):
                    return path
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _command_line(program: str, arguments: list[str]) -> str:
        """Return the command line for CreateProcess."""
        extension = os.path.splitext(program.rstrip(". "))[1].lower()
        if extension not in (".bat", ".cmd"):
            return subprocess.list2cmdline([program, *arguments])
        # cmd.exe parses the command line of a batch file again. Inside quotes, only a
        # quote, a percent sign and a line break have a special meaning for it.
        for argument in (program, *arguments):
            if set(argument) & set('"%\r\n'):
                msg = f"a batch file cannot be given this argument safely: {argument}"
                raise PermissionError(errno.EACCES, msg)
        # A program that the batch file calls would read a trailing backslash as
        # escaping the quote, unless it is doubled.
        quoted: list[str] = []
        for argument in (program, *arguments):
            text = argument.rstrip("\\")
            backslashes = argument[len(text) :]
            quoted.append(f'"{text}{backslashes}{backslashes}"')
        system = os.environ.get("SYSTEMROOT", "C:\\Windows")
        shell = os.path.join(system, "System32", "cmd.exe")
        # /s strips only the outermost quotes, and /v:off leaves ! as it is.
        return f'"{shell}" /d /e:on /v:off /s /c "{" ".join(quoted)}"'

    def _tie_to_this_process(pid: int) -> None:
        """Make a process end with this one, but not the processes that it starts."""
        # Windows closes the job's handle when this process ends, however it ends.
        job: int = _CreateJobObjectW(None, None)
        limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION()
        limits.BasicLimitInformation.LimitFlags = (
            JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK
        )
        _SetInformationJobObject(
            job,
            JobObjectExtendedLimitInformation,
            ctypes.byref(limits),
            ctypes.sizeof(limits),
        )
        # It may have ended by now, and some jobs do not allow a nested job. Then the
        # command runs without one.
        with contextlib.suppress(OSError):
            access = PROCESS_SET_QUOTA | PROCESS_TERMINATE
            with _opened_process(pid, access) as process:
                _AssignProcessToJobObject(job, process)

    def _execute(command: list[str], passed: list[tuple[int, int]]) -> int:
        """Run a command with only these handles, and return its exit status."""
        line = _command_line(_find_program(command[0]), command[1:])
        # Ctrl-C and Ctrl-Break are left to the command, which does not inherit this.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGBREAK, signal.SIG_IGN)
        with passing(*(OpenHandle(handle) for handle, _ in passed)) as child:
            process = subprocess.Popen(line, **child.popen)
        _tie_to_this_process(process.pid)
        status = process.wait()
        # sys.exit takes a C long.
        return status - (1 << 32) if status >> 31 else status

else:
    import fcntl

    LINUX = sys.platform in ("linux", "android")
    APPLE = sys.platform in ("darwin", "ios", "tvos", "watchos", "visionos")

    AT_STATX_DONT_SYNC = 0x4000
    CLOSE_RANGE_CLOEXEC = 4
    F_GETPATH = 50  # On macOS.
    F_MAXFD = 11  # On NetBSD.
    O_ACCMODE = 3
    # PyPy lacks it.
    O_PATH = getattr(os, "O_PATH", 0o10000000 if LINUX else 0)
    PF_EXITING = 4  # On Linux, in field 9 of /proc/PID/stat.
    STATX_INO = 0x100

    # The errors of /proc about a process or a descriptor that is gone.
    _GONE = (FileNotFoundError, ProcessLookupError)

    class statx_timestamp(ctypes.Structure):
        """A time in Linux's struct statx."""

        _fields_ = (
            ("tv_sec", ctypes.c_int64),
            ("tv_nsec", ctypes.c_uint32),
            ("__reserved", ctypes.c_int32),
        )

    class statx(ctypes.Structure):
        """What Linux's statx reports about a file."""

        _fields_ = (
            ("stx_mask", ctypes.c_uint32),
            ("stx_blksize", ctypes.c_uint32),
            ("stx_attributes", ctypes.c_uint64),
            ("stx_nlink", ctypes.c_uint32),
            ("stx_uid", ctypes.c_uint32),
            ("stx_gid", ctypes.c_uint32),
            ("stx_mode", ctypes.c_uint16),
            ("__spare0", ctypes.c_uint16),
            ("stx_ino", ctypes.c_uint64),
            ("stx_size", ctypes.c_uint64),
            ("stx_blocks", ctypes.c_uint64),
            ("stx_attributes_mask", ctypes.c_uint64),
            ("stx_atime", statx_timestamp),
            ("stx_btime", statx_timestamp),
            ("stx_ctime", statx_timestamp),
            ("stx_mtime", statx_timestamp),
            ("stx_rdev_major", ctypes.c_uint32),
            ("stx_rdev_minor", ctypes.c_uint32),
            ("stx_dev_major", ctypes.c_uint32),
            ("stx_dev_minor", ctypes.c_uint32),
            # Newer versions of Linux use more and more of this space.
            ("__spare", ctypes.c_uint64 * 14),
        )

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

    # get_inheritable and its kin have a fast path: one bare call of libc, because a
    # ctypes call with argtypes or with use_errno takes 1.5 times as long. A call that
    # fails is made again by _fcntl, which raises its error.
    _quick_getfd = _libc.fcntl

    # FD_CLOEXEC is the only descriptor flag on Linux, so setting it takes one call.
    # Other systems have more flags, which have to be read first and preserved.
    _quick_setfd: Any = _quick_getfd if LINUX else None

    # fcntl is variadic. On Apple's arm64, a variadic argument is passed on the stack,
    # not where a fixed one would be. ctypes puts the third argument there if argtypes
    # names only the two fixed ones. Linux makes no such distinction on any
    # processor, and a call without argtypes is faster.
    if not LINUX:
        _quick_getfd.argtypes = [ctypes.c_int, ctypes.c_int]
        _fcntl_with_errno.argtypes = [ctypes.c_int, ctypes.c_int]

    # musl, macOS and glibc before 2.34 do not have it. A raw system call is no way
    # around that: Android kills a process for a call that its filter does not know.
    _close_range: Any = getattr(_libc, "close_range", None)

    # musl has had it since 1.2.5, glibc since 2.28. CDLL releases the GIL, because a
    # call may take a while.
    _statx: Any = getattr(ctypes.CDLL(None), "statx", None) if LINUX else None

    _STEP = 1
    _HANDLE_BITS = 32
    _READER_GONE = {errno.EPIPE}
    _APPENDING: str = ""

    # Keyed by the flags that a file was opened with. Access mode 3 is not here: what it
    # means is up to the driver. O_PATH comes first because it is 0 where there is none,
    # as O_RDONLY is, which then takes its place.
    _ACCESS_MODES = {
        O_PATH: "",
        os.O_RDONLY: "r",
        os.O_WRONLY: "w",
        os.O_RDWR: "rw",
    }

    def _fcntl(fd: int, command: int, value: int = 0) -> int:
        result: int = _fcntl_with_errno(fd, command, value)
        if result == -1:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def _is_process_handle(_file: object) -> bool:
        return False

    def _fileno_is_handle(_file: object, _number: int) -> bool:
        return False

    def _to_handle(number: int, _is_handle: bool) -> int:
        return number

    def _get(fd: int) -> bool:
        return not _fcntl(fd, F_GETFD) & FD_CLOEXEC

    def _set(fd: int, inheritable: bool) -> None:
        old = _fcntl(fd, F_GETFD)
        # Other flags, such as FD_CLOFORK of POSIX 2024, stay as they are.
        new = old & ~FD_CLOEXEC if inheritable else old | FD_CLOEXEC
        if new != old:
            _fcntl(fd, F_SETFD, new)

    def _duplicate(fd: int, *, lowest: int = 3) -> int:
        # PyPy 7.3.11 has only F_DUPFD, so FD_CLOEXEC is also set afterwards.
        command = getattr(fcntl, "F_DUPFD_CLOEXEC", fcntl.F_DUPFD)
        copy: int = fcntl.fcntl(fd, command, lowest)
        _set(copy, False)
        return copy

    def _close(fd: int) -> None:
        os.close(fd)

    def _streams() -> dict[int, str]:
        return {0: "stdin", 1: "stdout", 2: "stderr"}

    def _is_stream(fd: int) -> bool:
        return fd in _streams()

    def _access(flags: int) -> str | None:
        return _ACCESS_MODES.get(flags & (O_ACCMODE | O_PATH))

    def _bad_handle(fd: int) -> OSError:
        return OSError(errno.EBADF, os.strerror(errno.EBADF), fd)

    def _target(fd: int, folder: int | None) -> str | None:
        if APPLE:
            # readlink could only fail on /dev/fd.
            with contextlib.suppress(OSError):
                path = fcntl.fcntl(fd, F_GETPATH, bytes(1024))
                return os.fsdecode(path.rstrip(b"\0"))
            return None
        try:
            if folder is None:
                return os.readlink(f"/proc/thread-self/fd/{fd}")
            return os.readlink(str(fd), dir_fd=folder)
        except OSError:
            # Its path may be too long, or this system may have no such links.
            return None

    def _describe(fds: Iterable[int], folder: int | None) -> list[OpenHandle]:
        handles: list[OpenHandle] = []
        for fd in fds:
            try:
                # This is faster than _get, by ctypes.
                flag = os.get_inheritable(fd)
                access = _access(fcntl.fcntl(fd, fcntl.F_GETFL))
            except OSError:
                # It was closed meanwhile.
                continue
            handles.append(OpenHandle(fd, flag, _target(fd, folder), access))
        return handles

    def _list() -> list[OpenHandle]:
        # /proc/self shows the table of the main thread, but a thread may have unshared
        # its own. Linux before 3.17 has only that. macOS and BSD list them in /dev/fd.
        for path in "/proc/thread-self/fd", "/proc/self/fd", "/dev/fd":
            # There may be no such folder, or no free descriptor to open it with, or
            # something else may be at this path.
            with contextlib.suppress(OSError):
                if path == "/dev/fd" and not _dev_fd_lists_all():
                    continue
                names = os.listdir(path)
                if not "".join(names).isdecimal():
                    continue
                fds = sorted(map(int, names))
                folder = os.open(path, os.O_RDONLY)
                try:
                    return _describe((fd for fd in fds if fd != folder), folder)
                finally:
                    os.close(folder)
        return _describe(_every_number(), None)

    def _dev_fd_lists_all() -> bool:
        # On macOS it always does. On a BSD without fdescfs it is just part of /dev, and
        # has 0 to 2 in it, open or not.
        return APPLE or os.stat("/dev/fd").st_dev != os.stat("/dev").st_dev

    def _every_number() -> Generator[int, None, None]:
        """Yield the open descriptors, by trying every possible number."""
        # No system allows more, unless told to.
        end = 1 << 20
        limit = os.sysconf("SC_OPEN_MAX")
        if 0 <= limit < end:
            end = limit
        # Descriptors that were opened before the limit was lowered are above it. Since
        # Linux 6.2 the size of this folder is the number of open descriptors. NetBSD
        # reports the highest one.
        left_to_find = 0
        with contextlib.suppress(OSError):
            if LINUX:
                left_to_find = os.stat("/proc/thread-self/fd").st_size
            if sys.platform.startswith("netbsd"):
                end = _fcntl(0, F_MAXFD) + 1
        for fd in range(1 << 20):
            if fd >= end and left_to_find <= 0:
                break
            with contextlib.suppress(OSError):
                os.get_inheritable(fd)
                left_to_find -= 1
                yield fd

    def _check_proc() -> None:
        """Raise NotImplementedError if /proc does not show other processes."""
        if not LINUX or not os.path.exists("/proc/self/fdinfo"):
            msg = "only Linux, with /proc, and Windows show other processes' handles"
            raise NotImplementedError(msg)
        if os.readlink("/proc/self") != str(os.getpid()):
            msg = "this /proc belongs to another pid namespace"
            raise NotImplementedError(msg)

    def _folder_of(pid: int) -> str:
        # A thread may have unshared its files. Linux before 3.17 has no thread-self.
        if pid != os.getpid():
            return f"/proc/{pid}"
        found = os.path.exists("/proc/thread-self")
        return "/proc/thread-self" if found else "/proc/self"

    def _descriptors_of(pid: int) -> list[int]:
        try:
            return sorted(map(int, os.listdir(f"{_folder_of(pid)}/fd")))
        except PermissionError:
            if _is_ending(pid):
                return []
            raise
        except _GONE:
            # With the mount option hidepid, another user's process appears not to
            # exist. Only a ProcessLookupError from kill means that it is gone.
            try:
                with contextlib.suppress(PermissionError):
                    os.kill(pid, 0)
            except (ProcessLookupError, OverflowError):
                raise _no_such_process() from None
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM)) from None

    def _is_ending(pid: int) -> bool:
        """Return whether a process is a zombie, or about to become one.

        Its table of descriptors then belongs to root and is empty.
        """
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                # The second field, in parentheses, may have spaces in it. So these are
                # the third field and those after it.
                fields = stat.read().rpartition(b")")[2].split()
        except _GONE:
            raise _no_such_process() from None
        state, flags = fields[0], int(fields[9 - 3])
        return state in b"ZX" or bool(flags & PF_EXITING)

    def _flags_of(process: str, fd: int) -> int:
        """Return the flags of a descriptor of the process in this folder of /proc."""
        with open(f"{process}/fdinfo/{fd}", "rb") as info:
            for line in info:
                if line.startswith(b"flags:"):
                    return int(line[len("flags:") :], 8)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _list_other(pid: int) -> list[OpenHandle]:
        _check_proc()
        handles: list[OpenHandle] = []
        for fd in _descriptors_of(pid):
            target = None
            # Its path may be too long.
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            try:
                flags = _flags_of(f"/proc/{pid}", fd)
            except PermissionError:
                # It has capabilities that this process lacks, or has begun to exit.
                if _is_ending(pid):
                    return []
                raise
            except _GONE:
                # It was closed meanwhile.
                continue
            inheritable = not flags & os.O_CLOEXEC
            handles.append(OpenHandle(fd, inheritable, target, _access(flags)))
        return handles

    # The search for the holders of a file opens nothing but folders and files in /proc.
    # A pipe or a socket is identified by the text of its link there. A file is
    # identified by its device and inode, because it may have several names, or none.
    # stat could hang forever on a dead network file system. statx with
    # AT_STATX_DONT_SYNC uses what the kernel already knows. Old kernels and some
    # seccomp filters refuse statx. So after any error, stat is asked.

    def _identity(path: str, *, dir_fd: int | None = None) -> tuple[int, int]:
        """Return the device and the inode that a link in /proc points to."""
        if _statx is not None:
            # An absolute path needs no folder.
            folder = -1 if dir_fd is None else dir_fd
            told = statx()
            if not _statx(
                folder, path.encode(), AT_STATX_DONT_SYNC, STATX_INO, ctypes.byref(told)
            ):
                device = os.makedev(told.stx_dev_major, told.stx_dev_minor)
                return device, told.stx_ino
        status = os.stat(path, dir_fd=dir_fd)
        return status.st_dev, status.st_ino

    def _holders(fd: int, pid: int) -> list[Holder]:
        _check_proc()
        if fd not in _descriptors_of(pid):
            raise _bad_handle(fd)
        path = f"{_folder_of(pid)}/fd/{fd}"
        try:
            link = os.readlink(path)
        except FileNotFoundError:
            # It is closed by now, as is the one that listed this process's descriptors.
            raise _bad_handle(fd) from None
        except OSError:
            # The path of a file may be too long for this. Any other error is raised
            # again by look() below.
            link = ""
        if link.startswith("anon_inode:"):
            msg = f"Linux does not show who else has this {link}"
            raise NotImplementedError(msg)
        look: Callable[..., object] = _identity
        if link.startswith(("pipe:[", "socket:[")):
            look = os.readlink
        wanted = look(path)
        found: list[Holder] = []
        for process in sorted(map(int, filter(str.isdecimal, os.listdir("/proc")))):
            # It may have ended by now, or access to it may be denied.
            with contextlib.suppress(*_GONE, PermissionError):
                found += _holders_in(process, look, wanted)
        return found

    def _holders_in(
        pid: int, look: Callable[..., object], wanted: object
    ) -> list[Holder]:
        """Return the descriptors of a process for which `look` returns `wanted`."""
        process = _folder_of(pid)
        folder = os.open(f"{process}/fd", os.O_RDONLY)
        fds: list[int] = []
        try:
            for name in os.listdir(folder):
                try:
                    same = look(name, dir_fd=folder) == wanted
                except OSError:
                    # It has been closed in the meantime.
                    continue
                if same:
                    fds.append(int(name))
        finally:
            os.close(folder)
        found: list[Holder] = []
        for fd in sorted(fds):
            with contextlib.suppress(*_GONE):
                flags = _flags_of(process, fd)
                flag = not flags & os.O_CLOEXEC
                command = _command(process)
                found.append(Holder(pid, fd, flag, _access(flags), command))
        return found

    def _command(process: str) -> str | None:
        """Return the command line of a process, or its name in brackets."""
        import shlex

        with contextlib.suppress(OSError):
            with open(f"{process}/cmdline", "rb") as cmdline:
                words = cmdline.read().rstrip(b"\0").split(b"\0")
            if words != [b""]:
                return " ".join(shlex.quote(os.fsdecode(word)) for word in words)
            with open(f"{process}/comm", "rb") as comm:
                return f"[{os.fsdecode(comm.read().rstrip())}]"
        return None

    def _shut_off_all_but(kept: set[int]) -> None:
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
        for handle in _list():
            if handle.inheritable and handle.handle not in kept:
                # It may be closed by now.
                with contextlib.suppress(OSError):
                    _set(handle.handle, False)

    @contextlib.contextmanager
    def _popen_arguments(
        fds: Iterable[int], startupinfo: Any
    ) -> Generator[dict[str, Any], None, None]:
        """Give the child these descriptors."""
        if startupinfo is not None:
            msg = "startupinfo is only supported on Windows platforms"
            raise ValueError(msg)
        yield {"pass_fds": tuple(fds)}

    def _suffix(_file: object) -> str:
        return ""

    def _sent_to_spawned(fd: int, _popen: Any) -> Any:
        """Return what to pickle for a process that multiprocessing is spawning."""
        return sys.modules["multiprocessing.reduction"].DupFd(fd)

    def _arrived(sent: Any) -> int:
        fd: int = sent.detach()
        return fd

    def _descriptor(fd: int, _appending: bool) -> int:
        return fd

    def _execute(command: list[str], passed: list[tuple[int, int]]) -> NoReturn:
        """Become a command that has only these descriptors, under new numbers."""
        import signal

        try:
            # All are copied above the wanted numbers first, because two of them may
            # swap numbers.
            lowest = max((number for _, number in passed), default=2) + 1
            copies = [(_duplicate(fd, lowest=lowest), number) for fd, number in passed]
            disable_inheritance()
            for copy, number in copies:
                os.dup2(copy, number)
        except OSError as error:
            msg = f"the limit of descriptors is too low for this: {error}"
            raise _UsageError(msg) from None
        # Python ignores these signals, and they would stay ignored after exec.
        ignored = [signal.SIGPIPE, signal.SIGXFSZ]
        for number in ignored:
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        finally:
            # It failed. They are ignored again, so that writing a message that nobody
            # reads does not end this process.
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)


def _no_such_process() -> ProcessLookupError:
    return ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))


# ---------------------------------------------------------------------------------
# Numbers and files
# ---------------------------------------------------------------------------------


# No handle or process id has more digits. int rejects strings of several thousand.
_MOST_DIGITS = 20


def _check_range(number: int, bits: int) -> None:
    # ctypes would truncate the number, and act on another file.
    if number >> (bits - 1) not in (0, -1):
        msg = "Python int too large to convert to C int"
        raise OverflowError(msg)


def _plain_int(value: SupportsIndex) -> int:
    # operator.index alone may return an instance of a subclass, and PyPy's ctypes would
    # then use its _as_parameter_. int() would use its __int__.
    return int.__add__(operator.index(value), 0)


def _number(file: Any, *, is_handle: bool = False) -> tuple[int, bool]:
    """Return the number of a file, and whether it is a handle.

    What an int means is up to the caller, and never guessed. What fileno() means is
    decided by the object's class, or else by the system.
    """
    number = None
    with contextlib.suppress(TypeError):
        number = _plain_int(file)
    if number is not None:
        is_handle = _is_process_handle(file) or is_handle
    elif hasattr(file, "fileno"):
        number = file.fileno()
        if not isinstance(number, int):
            msg = f"expected an int from fileno(), not {type(number).__name__!r}"
            raise TypeError(msg)
        number = _plain_int(number)
        is_handle = _fileno_is_handle(file, number)
    else:
        kind = type(file).__name__
        msg = f"expected a file, an OpenHandle or an int, not {kind!r}"
        raise TypeError(msg)
    _check_range(number, _HANDLE_BITS if is_handle else 32)
    return number, is_handle


def _open_handles_of(files: Iterable[File]) -> list[int]:
    """Return the handles of several files, which must all be open.

    An OSError has the number in its `filename`, as in os.
    """
    handles: list[int] = []
    for file in files:
        number, is_handle = _number(file)
        try:
            handle = _to_handle(number, is_handle)
            _get(handle)
        except OSError as error:
            error.filename = number
            raise
        handles.append(handle)
    return handles


# ---------------------------------------------------------------------------------
# The four functions of os
#
# On POSIX each begins with a fast path, for plain ints only: ctypes would use the
# _as_parameter_ of an object, and truncate 2**32 to 0. Anything else, and any call that
# fails, takes the slow path. There the number is checked first, then the flag, and then
# whether the file is open, as in os.
# ---------------------------------------------------------------------------------


def get_inheritable(fd: File, /) -> bool:
    """Get the inheritable flag of a file descriptor.

    This is `os.get_inheritable`, but it also accepts any object with
    `fileno()`.

    Args:
        fd: A file: a descriptor, an OpenHandle, or any object with
            `fileno()`.

    Returns:
        Whether a program that this process executes would get it.

    Raises:
        OSError: EBADF. It is not open.
        OverflowError: The number does not fit in a C int.
        TypeError: It is neither an int nor an object with `fileno()`. On
            Windows also: the class of the object is not known, and its
            number is open both as a descriptor and as a handle.
        ValueError: The file object is closed, or has no descriptor.

    System calls:
        POSIX: fcntl(F_GETFD).
        Windows: GetHandleInformation, on the descriptor's handle.
    """
    if _quick_getfd is not None and type(fd) is int and 0 <= fd <= INT_MAX:
        flags = _quick_getfd(fd, F_GETFD)
        if flags != -1:
            return not flags & FD_CLOEXEC
    return _get(_to_handle(*_number(fd)))


def set_inheritable(fd: File, inheritable: SupportsIndex, /) -> None:
    """Set the inheritable flag of a file descriptor.

    This is `os.set_inheritable`, but it also accepts any object with
    `fileno()`.

    >>> with open(os.devnull) as file:
    ...     set_inheritable(file, True)
    ...     get_inheritable(file)
    True

    Args:
        fd: A file: a descriptor, an OpenHandle, or any object with
            `fileno()`.
        inheritable: Whether a program that this process executes should get
            it: an int, in which 0 means no.

    Raises:
        OSError: EBADF. It is not open.
        OverflowError: The number or the flag does not fit in a C int.
        TypeError: As for `get_inheritable`, or the flag is not an int.
        ValueError: The file object is closed, or has no descriptor.

    System calls:
        POSIX: fcntl(F_SETFD). Other flags of the descriptor stay as they
            are.
        Windows: SetHandleInformation, on the descriptor's handle.
    """
    if (
        _quick_setfd is not None
        and type(fd) is int
        and 0 <= fd <= INT_MAX
        and type(inheritable) is bool
        and _quick_setfd(fd, F_SETFD, 0 if inheritable else FD_CLOEXEC) != -1
    ):
        return
    number, is_handle = _number(fd)
    flag = _plain_int(inheritable)
    _check_range(flag, 32)
    _set(_to_handle(number, is_handle), flag != 0)


def get_handle_inheritable(handle: File, /) -> bool:
    """Get the inheritable flag of a handle.

    This is `os.get_handle_inheritable`, on every platform. On Windows an
    int is a HANDLE, and never a file descriptor; an object with `fileno()`
    stands for its handle, whether it is a socket or a file. On POSIX a
    handle is a file descriptor.

    Args:
        handle: A file: a handle, an OpenHandle, or any object with
            `fileno()`.

    Returns:
        Whether a program that this process executes would get it.

    Raises:
        OSError: It is not open. EBADF; on Windows, for a handle, WinError
            6.
        OverflowError: The number does not fit in a handle.
        TypeError: As for `get_inheritable`.
        ValueError: The file object is closed, or has no descriptor.

    System calls:
        POSIX: fcntl(F_GETFD).
        Windows: GetHandleInformation.
    """
    if _quick_getfd is not None and type(handle) is int and 0 <= handle <= INT_MAX:
        flags = _quick_getfd(handle, F_GETFD)
        if flags != -1:
            return not flags & FD_CLOEXEC
    return _get(_to_handle(*_number(handle, is_handle=True)))


def set_handle_inheritable(handle: File, inheritable: object, /) -> None:
    """Set the inheritable flag of a handle.

    This is `os.set_handle_inheritable`, on every platform. See
    `get_handle_inheritable` for what a handle is.

    Args:
        handle: A file: a handle, an OpenHandle, or any object with
            `fileno()`.
        inheritable: Whether a program that this process executes should get
            it: anything with a truth value.

    Raises:
        OSError: It is not open. EBADF; on Windows, for a handle, WinError
            6.
        OverflowError: The number does not fit in a handle.
        TypeError: As for `get_inheritable`.
        ValueError: The file object is closed, or has no descriptor.

    System calls:
        POSIX: fcntl(F_SETFD). Other flags of the descriptor stay as they
            are.
        Windows: SetHandleInformation.
    """
    if (
        _quick_setfd is not None
        and type(handle) is int
        and 0 <= handle <= INT_MAX
        and type(inheritable) is bool
        and _quick_setfd(handle, F_SETFD, 0 if inheritable else FD_CLOEXEC) != -1
    ):
        return
    number, is_handle = _number(handle, is_handle=True)
    flag = bool(inheritable)
    _set(_to_handle(number, is_handle), flag)


# ---------------------------------------------------------------------------------
# Listing
# ---------------------------------------------------------------------------------


def _process_id(pid: SupportsIndex) -> int:
    number = _plain_int(pid)
    if not 0 < number < 1 << 32 or number % _STEP:
        raise _no_such_process()
    return number


def open_handles(pid: SupportsIndex | None = None) -> list[OpenHandle]:
    """List everything that this process, or another one, has open.

    What the call itself opens is not in the list.

    Args:
        pid: The id of another process, on Linux and Windows.

    Returns:
        The file descriptors (POSIX) or handles (Windows), in order. The
        list is empty for a process that has just ended.

    Raises:
        NotImplementedError: With `pid`: this system does not support it. On
            Linux, /proc is not mounted, or belongs to another pid
            namespace.
        PermissionError: With `pid`: access to that process is denied.
        ProcessLookupError: With `pid`: there is no such process.
        TypeError: `pid` is not an int.

    System calls:
        Linux: /proc/thread-self/fd, because a thread may have descriptors
            of its own. For another process, /proc/PID/fd and
            /proc/PID/fdinfo.
        macOS, BSD: /dev/fd, and on macOS fcntl(F_GETPATH).
        Windows: NtQuerySystemInformation(SystemExtendedHandleInformation),
            DuplicateHandle, NtQueryObject(ObjectTypeInformation),
            GetFileType, GetFinalPathNameByHandle. No file is opened. A file
            that takes longer than a tenth of a second, as when another
            thread is reading from the same pipe, is listed as `File`, and
            so are all that are left after a second.
        Where none of these is available, or no descriptor is free: fcntl on
            every number up to the limit.
    """
    number = os.getpid() if pid is None else _process_id(pid)
    return _list() if number == os.getpid() else _list_other(number)


def holders(file: File, pid: SupportsIndex | None = None) -> list[Holder]:
    """Find out who has a file open: every handle to it, in every process.

    Use it to see why end-of-file never comes, who is using a port, or who
    has the log open. For a pipe, the `access` of each holder shows which
    end it is.

    Processes that this user may not inspect are left out.

    On Linux it finds every handle on the same device and inode: both ends
    of a pipe, and a file however often it was opened, and under whatever
    name. It does not find the other end of a socket, which has an inode of
    its own. The path of a Unix socket does not lead to the socket.

    On Windows it finds every handle that stems from the same open call, by
    inheritance or duplication. So for a pipe, ask about the end that
    should have been closed. A file or a port that somebody else has opened
    is not found.

    Args:
        file: A file descriptor, or any object with `fileno()`, such as an
            OpenHandle. With `pid`, the number of a handle in that process,
            or an OpenHandle.
        pid: The process that has this handle.

    Returns:
        The handles, including those of this process, sorted by process and
        number.

    Raises:
        NotImplementedError: This system does not support it. On Linux: as
            for `open_handles`; or its target is an `anon_inode:`, like that
            of an eventfd or an epoll, which all share one inode. On
            Windows: before Windows 10.
        OSError: It is not open. EBADF, or WinError 6 for a handle. Or this
            process has no descriptor free: EMFILE.
        OverflowError: As for `get_inheritable`.
        PermissionError: With `pid`: access to that process is denied.
        ProcessLookupError: With `pid`: there is no such process.
        TypeError: As for `get_inheritable`; or with `pid`, it is neither an
            int nor an OpenHandle.
        ValueError: As for `get_inheritable`.

    System calls:
        Linux: readlink in /proc/PID/fd for pipes and sockets, and
            statx(AT_STATX_DONT_SYNC) for files, so that a dead network file
            system cannot stall it. /proc/PID/fdinfo, cmdline and comm of
            the holders.
        Windows: NtQuerySystemInformation(SystemExtendedHandleInformation),
            DuplicateHandle, CompareObjectHandles,
            QueryFullProcessImageName.
    """
    if pid is None:
        return _holders(_open_handles_of([file])[0], os.getpid())
    number = _process_id(pid)
    if not isinstance(file, OpenHandle):
        if not hasattr(file, "__index__"):
            kind = type(file).__name__
            msg = f"expected a number or an OpenHandle, not {kind!r}"
            raise TypeError(msg)
        file = OpenHandle(_plain_int(file))  # type: ignore[arg-type]
    _check_range(file.handle, _HANDLE_BITS)
    return _holders(file.handle, number)


# ---------------------------------------------------------------------------------
# Blocks
#
# A block of `temporarily` knows a file by its number alone. The first block of a number
# turns the flag on, and the last one turns it off. A flag that was on before is left
# alone.
#
# The difficult case is a block that is just ending: it does not want the flag any more,
# but has not turned it off yet. So there are two sets of blocks for each number. The
# owners want the flag on. The users are the owners and those blocks that are just
# ending. A block that begins looks for users. If there are any, the flag is on only
# because of them, and the new block becomes an owner as well. A block that ends is
# taken off the owners, turns the flag off if there are no others, and is taken off the
# users last.
#
# A lock keeps threads apart. It does not keep a signal handler, or a finalizer, from
# interrupting its own thread anywhere in here, and from beginning and ending blocks of
# its own. So each step looks again at what it relies on. A set in one of these
# dictionaries is never replaced, because what was interrupted may be using it. A block
# is recorded before its flag is set, so that it can be undone whenever a
# KeyboardInterrupt comes. Undoing it twice does no harm.
#
# No lock is held across a fork, because a fork would have to wait for whichever thread
# has it, and would wait for ever if that thread hangs. Instead the child makes a new
# lock and ends the blocks of the other threads, which do not exist there. It does so in
# a hook after the fork. The hook of another module, or a signal handler, may come
# first, so every use of the lock checks whether it is in a new process: see _lock_here.
# ---------------------------------------------------------------------------------

_owners: collections.defaultdict[int, set[_Block]] = collections.defaultdict(set)
_users: collections.defaultdict[int, set[_Block]] = collections.defaultdict(set)

# The thread that holds the lock can take it again, for signal handlers.
_lock = threading.RLock()
_lock_pid = os.getpid()


class _Block:
    """One block of `temporarily`."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.handles: list[int] = []

    def begin(self, handles: Iterable[int]) -> None:
        with _lock_here():
            for handle in handles:
                users = _users[handle]
                # The users are looked at twice, because a handler may begin or end a
                # block while _get asks.
                if users or not _get(handle) or users:
                    self.handles.append(handle)
                    users.add(self)
                    _owners[handle].add(self)
                    _set(handle, True)

    def end(self) -> None:
        with _lock_here():
            while self.handles:
                handle = self.handles[-1]
                owners = _owners[handle]
                owners.discard(self)
                while not owners:
                    _set_if_open(handle, False)
                    if not owners:
                        break
                    # A handler has begun a block meanwhile. It may have ended again
                    # before the flag is on.
                    _set_if_open(handle, True)
                _users[handle].discard(self)
                self.handles.pop()


def _set_if_open(handle: int, inheritable: bool) -> None:
    with contextlib.suppress(OSError):
        _set(handle, inheritable)


def _lock_here() -> threading.RLock:
    """Return the lock of this process, which may be the child of a fork."""
    if _lock_pid != os.getpid():
        _begin_anew()
    return _lock


def _begin_anew() -> None:
    global _lock, _lock_pid
    _lock = threading.RLock()
    _lock_pid = os.getpid()
    for users in list(_users.values()):
        for block in list(users):
            if block.thread != threading.get_ident():
                block.end()


# WebAssembly has no fork.
if sys.platform != "win32" and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def disable_inheritance(*keep: File) -> None:
    """Make everything that is open non-inheritable.

    The standard streams and `keep` stay as they are. So does anything that
    a running block of `temporarily` or `passing` has made inheritable,
    until that block ends.

    It closes nothing: this process still has its files. What a C library
    opens later may be inheritable again.

    Call it early. A child that was handed files calls `receive` before
    this. On Windows no other thread may be starting a child at that moment:
    that child could lose its standard streams.

    Args:
        *keep: The files that stay as they are: file descriptors, or objects
            with `fileno()`, such as OpenHandles.

    Raises:
        OSError: One of `keep` is not open. Nothing is changed.
        OverflowError: As for `get_inheritable`. Nothing is changed.
        TypeError: As for `get_inheritable`. Nothing is changed.
        ValueError: As for `get_inheritable`. Nothing is changed.

    System calls:
        Linux, FreeBSD, Cygwin: close_range(CLOSE_RANGE_CLOEXEC), once for
            each gap between the descriptors that are kept.
        Elsewhere, and where that is refused: as for `open_handles`, then
            `set_inheritable` for each that is inheritable.
    """
    kept = {*_open_handles_of(keep), *_streams()}
    with _lock_here():
        kept.update(handle for handle, owners in list(_owners.items()) if owners)
        _shut_off_all_but(kept)


@contextlib.contextmanager
def temporarily(*files: File) -> Generator[None, None, None]:
    """Make files inheritable inside the block, then restore their flags.

        with temporarily(file):
            os.posix_spawn(...)

    It is for `os.posix_spawn`, `os.spawn*`, `os.exec*` and other code
    that executes programs without closing descriptors. `subprocess` closes
    them, so use `passing` for that; `multiprocessing` hands nothing over
    from this block either. After `os.fork` the child is still in the blocks
    of the thread that forked. Those of other threads are ended there.

    A file that was inheritable before the block is left alone. Where blocks
    overlap, in several threads too, a file stays inheritable until the last
    of them ends.

    A block knows a file by its number. Close a file after the block, not
    inside it: anything that reuses its number is made non-inheritable when
    the block ends.

    Args:
        *files: File descriptors, or objects with `fileno()`, such as
            OpenHandles.

    Yields:
        None.

    Raises:
        OSError: One of the files is not open. No flag is changed.
        OverflowError: As for `get_inheritable`. No flag is changed.
        TypeError: As for `get_inheritable`. No flag is changed.
        ValueError: As for `get_inheritable`. No flag is changed.

    System calls:
        As for `get_inheritable` and `set_inheritable`.
    """
    block = _Block()
    # A KeyboardInterrupt may cut the first end short. The second one finishes it.
    try:
        try:
            block.begin(_open_handles_of(files))
            yield
        finally:
            block.end()
    finally:
        block.end()


# ---------------------------------------------------------------------------------
# Handing over
# ---------------------------------------------------------------------------------


class _Argument(str):
    """An element of `Child.args`.

    It is a string that multiprocessing can also hand to a process. While a process is
    being spawned, it is pickled as the file itself. A forked process has it unchanged,
    with the parent's own file. If it is copied, formatted or pickled at any other time,
    the result is a plain string.
    """

    __slots__ = ("handle", "is_usable", "pid")

    handle: int
    is_usable: bool
    pid: int

    def __new__(cls, handle: int, suffix: str) -> _Argument:  # noqa: PYI034
        argument = super().__new__(cls, f"{handle}{suffix}")
        argument.handle = handle
        argument.pid = os.getpid()
        # False when the block has ended or, in a forked process, when it is received.
        argument.is_usable = True
        return argument

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[Any, ...]:
        # If nobody has imported multiprocessing.context, no process is being spawned.
        context = sys.modules.get("multiprocessing.context")
        popen = context.get_spawning_popen() if context else None
        if popen is None:
            return str, (str(self),)
        if not self.is_usable:
            msg = "the passing block has ended, or this was already received here"
            raise ValueError(msg)
        suffix = self[len(str(self.handle)) :]
        return _unpickle_argument, (_sent_to_spawned(self.handle, popen), suffix)


def _unpickle_argument(sent: Any, suffix: str) -> str:
    return f"{_arrived(sent)}{suffix}"


@contextlib.contextmanager
def passing(*files: File, startupinfo: Any = None) -> Generator[Child, None, None]:
    """Hand these files to a child: pass_fds for every platform.

        with passing(file, sock) as child:
            command = [sys.executable, "worker.py", *child.args]
            process = subprocess.Popen(command, **child.popen)

    With multiprocessing: `Process(target=work, args=child.args)`, or a pool
    with `initargs=tuple(child.args)`. Keep the block open as long as the
    pool, which may start workers at any time.

    The child gets exactly these files, and the standard streams as `Popen`
    gives them. Start it inside the block, and do everything else after the
    block. On Windows, the files are inheritable while the block lasts, and
    a child that another thread starts in that time with `os.spawn*` or
    `close_fds=False` gets them too. On POSIX, their flags are never
    touched.

    The child has standard streams of its own. So a file that is one of this
    process's streams goes over as a duplicate, which is closed when the
    block ends. On Windows a file that was opened for appending goes on
    appending in the child; an int does not show that, so pass the file
    itself. A file that is passed twice can be received only once.
    multiprocessing refuses a file from two blocks in the same `args`.

    Args:
        *files: File descriptors, or objects with `fileno()`, such as
            OpenHandles.
        startupinfo: Your own `subprocess.STARTUPINFO`, on Windows. The
            child is started with a copy of it, and also gets the handles in
            its `handle_list`.

    Yields:
        A Child: the arguments for the child's command line, and for
        `Popen`.

    Raises:
        OSError: One of the files is not open.
        OverflowError: As for `get_inheritable`.
        TypeError: As for `get_inheritable`.
        ValueError: As for `get_inheritable`, or there is a `startupinfo` on
            POSIX.

    System calls:
        POSIX: `pass_fds` of `Popen`. For multiprocessing, its DupFd.
        Windows: `handle_list` of STARTUPINFO, and those of `temporarily`.
    """
    handles = _open_handles_of(files)
    with contextlib.ExitStack() as stack:
        sent = {handle: handle for handle in handles}
        for handle in sent.keys() & _streams().keys():
            sent[handle] = _duplicate(handle)
            stack.callback(_close, sent[handle])
        # A file that is given twice has one object, which pickle sends once, because
        # multiprocessing refuses to send a descriptor twice.
        arguments: dict[str, _Argument] = {}
        args: list[str] = []
        for file, handle in zip(files, handles):
            argument = _Argument(sent[handle], _suffix(file))
            args.append(arguments.setdefault(str(argument), argument))
        popen = stack.enter_context(_popen_arguments(sent.values(), startupinfo))
        try:
            yield Child(args, popen)
        finally:
            for argument in arguments.values():
                argument.is_usable = False


def receive(arg: str) -> int:
    """Take a file that the parent has passed to this process.

    It becomes non-inheritable again, so that this process's own children do
    not get it.

    Pass it only a string from `Child.args`: a number that is open and
    inheritable here for another reason would be taken just the same.

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
    return _take(arg, _descriptor)


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
        OSError: As for `receive`.
        TypeError: As for `receive`.
        ValueError: As for `receive`.

    System calls:
        POSIX: fcntl.
        Windows: SetHandleInformation.
    """
    return _take(arg, lambda handle, _: handle)


def _parse_argument(arg: object) -> tuple[int, bool]:
    """Return the handle that an argument names, and whether to append to it."""
    if not isinstance(arg, str):
        msg = f"expected a str from child.args, not {type(arg).__name__!r}"
        raise TypeError(msg)
    appending = bool(_APPENDING) and arg.endswith(_APPENDING)
    digits = arg[: -len(_APPENDING)] if appending else arg
    # int would accept spaces, signs, underscores and the digits of other scripts. A
    # number is a multiple of 4 if its last two digits are.
    is_decimal = digits.isascii() and digits.isdigit()
    if (
        is_decimal
        and (digits == "0" or not digits.startswith("0"))
        and int(digits[-2:]) % _STEP == 0
    ):
        # Digits beyond these are cut off. What is left is still too large for a handle.
        return int(digits[:_MOST_DIGITS]), appending
    msg = f"expected a string that passing makes, not {arg!r}"
    raise ValueError(msg)


def _take(arg: str, result_of: Callable[[int, bool], int]) -> int:
    handle, appending = _parse_argument(arg)
    # If several threads try, only one gets it.
    with _lock_here():
        if isinstance(arg, _Argument):
            # Only a fork can have brought it to another process unchanged.
            if arg.is_usable and arg.pid != os.getpid():
                result = _duplicate(handle)
                arg.is_usable = False
                return result
        elif _was_handed_over(handle):
            result = result_of(handle, appending)
            _set(handle, False)
            return result
    msg = (
        f"{os.strerror(errno.EBADF)}: {handle} is not open here, not inheritable, or a "
        "standard stream. Was the child started inside the block, with **child.popen "
        "or with child.args unchanged? Was this already received? Was "
        "disable_inheritance called first?"
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
usage: python inheritable.py [list] [--pid PID] [--json] [--check]
       python inheritable.py holders [--pid PID] [--json] FD|PATH
       python inheritable.py run [--pass FD[:AS]]... [--] COMMAND [ARG]...
       python inheritable.py -h | --help | --version

list: what this process has open, and whether a child would inherit it. Run from
a shell, it shows what that shell hands to its children.
  --pid PID       list another process instead (Linux, Windows)
  --json          print a JSON array of objects
  --check         list only what a child would inherit besides the standard
                  streams
holders: every process that has a file open and that this user may inspect
(Linux, Windows).
  FD              a descriptor of this process (Windows: handle), as in
                  holders 3 3<file
  PATH            a file by its path (Linux); use ./3 for a file named 3
  --pid PID       FD is a descriptor of process PID instead
  --json          print a JSON array of objects
run: executes COMMAND with only the standard streams.
  --pass FD       pass this descriptor too (Windows: handle)
  --pass FD:AS    pass descriptor FD to COMMAND as number AS (POSIX)

Exit status:
  run             that of COMMAND; 127 if it is not found, 126 if it cannot be
                  executed; 2 for bad usage or a bad FD
  list            0; 1 for errors, 2 for bad usage
  list --check    0 if it lists nothing, 1 if it lists anything, 2 for errors
  holders         0 if it lists anything, 1 if it lists nothing, 2 for errors

  python inheritable.py run make test
  python inheritable.py run --pass 3 -- cat /dev/fd/3 3<notes
"""


class _UsageError(Exception):
    """The command line is wrong."""


def _main(args: list[str]) -> int:
    commands = {
        "list": _list_command,
        "holders": _holders_command,
        "run": _run_command,
    }
    command, rest = "list", args
    if args and args[0] in commands:
        command, rest = args[0], args[1:]
    try:
        return commands[command](rest)
    except _UsageError as error:
        return _fail(2, f"{' '.join(args)}: {error} (try --help)")


def _parse_options(
    args: list[str], flags: Sequence[str], valued: Sequence[str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Take the options off the front of the arguments.

    This is not left to argparse or getopt: they accept abbreviated options, and
    argparse mistakes some arguments of COMMAND for options of ours.

    Args:
        args: The arguments.
        flags: The names of the options without a value.
        valued: The names of the options with a value, which is the next argument or
            follows an equals sign.

    Returns:
        The options as pairs of a name and a value, and the arguments after them.
    """
    options: list[tuple[str, str]] = []
    rest = list(args)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        if name == "--" and not equals:
            break
        if name in valued:
            if not equals and not rest:
                msg = f"{name} needs a value"
                raise _UsageError(msg)
            options.append((name, value if equals else rest.pop(0)))
        elif name in ("-h", "--help", "--version", *flags) and not equals:
            options.append((name, ""))
        else:
            msg = f"unknown option {name}"
            raise _UsageError(msg)
    return options, rest


def _informed(options: list[tuple[str, str]]) -> str:
    """Return what --help or --version prints, or "" if neither was given."""
    names = [name for name, _ in options]
    if "-h" in names or "--help" in names:
        return _HELP
    return f"inheritable {__version__}\n" if "--version" in names else ""


def _parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        msg = f"expected a number, not {text!r}"
        raise _UsageError(msg)
    # Digits beyond these are cut off. What is left is still too large for anything.
    return int(text.lstrip("0")[:_MOST_DIGITS] or "0")


def _list_command(args: list[str]) -> int:
    options, rest = _parse_options(args, ["--json", "--check"], ["--pid"])
    text = _informed(options)
    if text:
        return _print(text)
    if rest:
        msg = f"unexpected argument {rest[0]!r}; list, holders or run must come first"
        raise _UsageError(msg)
    chosen = dict(options)
    checks = "--check" in chosen
    if checks and "--pid" in chosen:
        msg = "--check is for this process only, so it cannot be used with --pid"
        raise _UsageError(msg)
    pid = _parse_number(chosen["--pid"]) if "--pid" in chosen else None
    # With --check, status 1 is an answer, not an error.
    error_status = 2 if checks else 1
    try:
        handles = open_handles(pid)
    except (OSError, NotImplementedError) as error:
        return _fail(error_status, f"{' '.join(['list', *args])}: {error}")
    if checks:
        handles = [
            handle
            for handle in handles
            if handle.inheritable and not _is_stream(handle.handle)
        ]
    status = 1 if checks and handles else 0
    if "--json" in chosen:
        return _print_json(handles, status, error_status)
    if checks and not handles:
        return 0
    rows = _list_rows(handles, _streams() if pid is None else {})
    head = "handle  inheritable  access  target"
    return _print_table(head, rows, status, error_status)


def _list_rows(handles: list[OpenHandle], streams: dict[int, str]) -> list[str]:
    rows: list[str] = []
    for number, flag, target, access in handles:
        words = [target] if target else []
        if number in streams:
            words.append(f"({streams[number]})")
        inherited = "yes" if flag else "no"
        mode = access or "-"
        rows.append(f"{number:6}  {inherited:11}  {mode:6}  {' '.join(words)}")
    return rows


def _holders_command(args: list[str]) -> int:
    options, rest = _parse_options(args, ["--json"], ["--pid"])
    text = _informed(options)
    if text:
        return _print(text, error_status=2)
    chosen = dict(options)
    if len(rest) != 1:
        msg = "expected one FD or PATH, after the options"
        raise _UsageError(msg)
    try:
        found = _holders_named(rest[0], chosen.get("--pid"))
    except (OSError, OverflowError, NotImplementedError) as error:
        return _fail(2, f"{' '.join(['holders', *args])}: {error}")
    status = 0 if found else 1
    if "--json" in chosen:
        return _print_json(found, status, error_status=2)
    rows: list[str] = []
    for pid, number, flag, access, command in found:
        inherited = "yes" if flag else "no"
        mode = access or "-"
        rows.append(f"{pid:6}  {number:6}  {inherited:11}  {mode:6}  {command or ''}")
    head = "   pid  handle  inheritable  access  command"
    return _print_table(head, rows, status, error_status=2)


def _holders_named(name: str, pid: str | None) -> list[Holder]:
    """Return the holders of what the command line names."""
    if pid is not None:
        return holders(OpenHandle(_parse_number(name)), _parse_number(pid))
    if name.isascii() and name.isdigit():
        return holders(OpenHandle(_parse_number(name)))
    if not O_PATH:
        msg = "a path can be looked up only on Linux: expected a number"
        raise _UsageError(msg)
    # With this flag no device notices, and no FIFO waits for its other end.
    fd = os.open(name, O_PATH)
    try:
        opened = os.getpid(), fd
        return [found for found in holders(fd) if (found.pid, found.handle) != opened]
    finally:
        os.close(fd)


def _run_command(args: list[str]) -> int:
    options, command = _parse_options(args, [], ["--pass"])
    text = _informed(options)
    if text:
        return _print(text)
    if not command:
        msg = "expected a COMMAND"
        raise _UsageError(msg)
    passed = _parse_passed(value for _, value in options)
    if not command[0]:
        return _fail(127, "'': not found")
    try:
        return _execute(command, passed)
    except (FileNotFoundError, NotADirectoryError):
        return _fail(127, f"{command[0]}: not found")
    except OSError as error:
        return _fail(126, f"{command[0]}: {error}")


def _parse_passed(texts: Iterable[str]) -> list[tuple[int, int]]:
    """Return pairs of a descriptor and its number in the command."""
    passed: list[tuple[int, int]] = []
    for text in texts:
        source, colon, target = text.partition(":")
        if colon and sys.platform == "win32":
            msg = f"handles cannot be renumbered on Windows: {text}"
            raise _UsageError(msg)
        fd = _parse_number(source)
        number = _parse_number(target) if colon else fd
        if number in [taken for _, taken in passed]:
            msg = f"number {number} is given twice"
            raise _UsageError(msg)
        try:
            get_handle_inheritable(fd)
        except (OSError, OverflowError) as error:
            msg = f"bad descriptor {fd}: {error}"
            raise _UsageError(msg) from None
        if number >= INT_MAX:
            msg = f"bad descriptor {number}: it is too large"
            raise _UsageError(msg)
        passed.append((fd, number))
    return passed


def _print_json(
    rows: Sequence[OpenHandle | Holder], status: int, error_status: int
) -> int:
    import json

    text = json.dumps([row._asdict() for row in rows], indent=2)
    return _print(text + "\n", status, error_status)


def _print_table(head: str, rows: list[str], status: int, error_status: int) -> int:
    # A name could contain terminal escape sequences, or characters that the encoding
    # lacks.
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    lines = [head]
    for row in rows:
        line = _escaped(row).encode(encoding, "backslashreplace")
        lines.append(line.decode(encoding).rstrip())
    return _print("\n".join(lines) + "\n", status, error_status)


def _escaped(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _print(text: str, status: int = 0, error_status: int = 1) -> int:
    """Print text and return `status`, or `error_status` if printing fails."""
    if sys.stdout is None:
        return _fail(error_status, "stdout is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more when it ends, and that would fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno not in _READER_GONE:
            return _fail(error_status, f"stdout: {error.strerror}")
    return status


def _fail(status: int, reason: str) -> int:
    line = _escaped(f"inheritable: {reason}").encode("ascii", "backslashreplace")
    # stderr may be closed, or nobody may be reading it.
    with contextlib.suppress(OSError):
        os.write(2, line + b"\n")
    return status


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
