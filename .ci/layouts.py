"""layouts.py SYSTEM: C that compiles if inheritable.py agrees with SYSTEM's headers.

The module is parsed, not imported, because no system executes all of it. Each of its
structures is written again in C, with the types that it gives the fields. The headers'
structure must have the same size and fields, and each constant the same value.
"""

import ast
import sys

HEADERS = {
    "windows": "windows.h ntstatus.h winternl.h psutil.h",
    "linux": "fcntl.h linux/close_range.h linux/stat.h",
    "freebsd": "fcntl.h unistd.h",
    "macos": "fcntl.h",
    "netbsd": "fcntl.h",
    "openbsd": "fcntl.h",
}

# What only some systems have. Names with an empty list are in no public header.
POSIX = ["linux", "freebsd", "macos", "netbsd", "openbsd"]
ONLY_ON = {
    "AT_STATX_DONT_SYNC": ["linux"],
    "CLOSE_RANGE_CLOEXEC": ["linux", "freebsd"],
    "CURRENT_PROCESS": [],
    "FD_CLOEXEC": POSIX,
    "F_GETFD": POSIX,
    "F_GETPATH": ["macos"],
    "F_SETFD": POSIX,
    "O_PATH": ["linux"],
    "PF_EXITING": [],
    "PF_KTHREAD": [],
    "STATX_INO": ["linux"],
    "statx": ["linux"],
    "statx_timestamp": ["linux"],
}

# In the headers, this structure also contains the first of its entries.
HEAD = "SYSTEM_HANDLE_INFORMATION_EX"

# The code in these branches differs from system to system.
WINDOWS_TESTS = {"sys.platform == 'win32'": True, "sys.platform != 'win32'": False}


def check(condition):
    """Write an assertion for the compiler to check."""
    print(f'_Static_assert({condition}, "");')


def c_type(kind, structures):
    """Return the C name of a ctypes or wintypes type, or of an earlier structure."""
    name = kind.split(".")[-1]
    if name in structures:
        return f"struct our_{name}"
    if name == "c_ulonglong":
        return "unsigned long long"
    if not name.startswith("c_"):
        return name
    return "size_t" if name == "c_size_t" else f"{name[2:]}_t"


def check_structure(node, structures, prefix):
    """Write a structure in C, and compare it with the one in the headers."""
    ours, theirs = f"struct our_{node.name}", prefix + node.name
    names = []
    print(ours, "{")
    for field in node.body[-1].value.elts:
        name = field.elts[0].value
        kind, _, length = ast.unparse(field.elts[1]).partition(" * ")
        print(f"    {c_type(kind, structures)} {name}[{length or 1}];")
        # Linux renames a reserved field whenever it starts to use part of it.
        if not name.startswith("__"):
            names.append(name)
    print("};")
    size = f"offsetof({theirs}, Handles)" if node.name == HEAD else f"sizeof({theirs})"
    check(f"sizeof({ours}) == {size}")
    for name in names:
        check(f"offsetof({ours}, {name}) == offsetof({theirs}, {name})")
        check(f"sizeof((({ours} *)0)->{name}) == sizeof((({theirs} *)0)->{name})")


def check_assignment(name, value):
    """Compare a constant, or a type that the module names, with the headers'."""
    text = ast.unparse(value)
    if text.startswith(("ctypes.c_", "wintypes.")):
        check(f"sizeof({name}) == sizeof({c_type(text, [])})")
    elif text.lstrip("-").isdigit():
        # The sign in the headers may differ from that in the module.
        check(f"(unsigned)({name}) == (unsigned)({text})")


def statements(nodes, system):
    """Yield those of the module's statements that a system executes."""
    for node in nodes:
        test = ast.unparse(node.test) if isinstance(node, ast.If) else ""
        if test not in WINDOWS_TESTS:
            yield node
        elif WINDOWS_TESTS[test] == (system == "windows"):
            yield from statements(node.body, system)
        else:
            yield from statements(node.orelse, system)


def main(system):
    """Write C that includes SYSTEM's headers and asserts what the module says."""
    for header in f"limits.h stddef.h stdint.h {HEADERS[system]}".split():
        print(f"#include <{header}>")
    with open("inheritable.py") as file:
        module = ast.parse(file.read())
    structures = []
    for node in statements(module.body, system):
        name = getattr(node, "name", "_")
        if isinstance(node, ast.Assign):
            name = ast.unparse(node.targets[0])
        if name.startswith("_") or system not in ONLY_ON.get(name, [system]):
            continue
        if isinstance(node, ast.Assign):
            check_assignment(name, node.value)
        elif "ctypes.Structure" in ast.unparse(node):
            check_structure(node, structures, "" if system == "windows" else "struct ")
            structures.append(name)


if __name__ == "__main__":
    main(sys.argv[1])
