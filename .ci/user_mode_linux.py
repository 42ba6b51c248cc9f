"""user_mode_linux.py KERNEL FOLDER COMMAND...: boots a user-mode Linux on this machine's own tree, to run COMMAND there.

FOLDER is for what it needs to write. The exit status does not come out of it.
"""

import ctypes
import os
import shlex
import struct
import sys

kernel, folder, *command = sys.argv[1:]
init = os.path.join(folder, "init")
with open(init, "w") as file:
    file.write(f"""#!/bin/sh
mount -t tmpfs tmpfs /proc  # hides this machine's, for when the one on top is unmounted
mount -t proc proc /proc
mkdir /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ln -s /proc/self/fd /dev/fd
export PATH LC_ALL=C.UTF-8 TMPDIR=/dev/shm
ip link set lo up
cd {shlex.quote(os.getcwd())}
{shlex.join(command)} </dev/null 2>&1
echo o >/proc/sysrq-trigger
sleep 9
""")
os.chmod(init, 0o755)

# Where a CPU has AMX its registers do not fit into what this kernel has for them: it panics. It takes the older way,
# PTRACE_GETFPREGS, if its first PTRACE_GETREGSET (0x4204) fails: by a filter that answers ENODEV (19).
program = b"".join(struct.pack("HBBI", *instruction) for instruction in [
    (0x20, 0, 0, 0), (0x15, 0, 3, 101),         # the system call is ptrace,
    (0x20, 0, 0, 16), (0x15, 0, 1, 0x4204),     # its first argument this
    (0x06, 0, 0, 0x50000 | 19), (0x06, 0, 0, 0x7FFF0000)])
buffer = ctypes.create_string_buffer(program)
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))):
    raise OSError(ctypes.get_errno(), "seccomp")

# That way knows of no register wider than SSE's, so the C library had better not use any.
wide = "AVX AVX2 AVX512F AVX512VL AVX512BW AVX_Fast_Unaligned_Load ERMS FSRM".split()
environment = {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "INHERITABLE"))}
environment["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=" + ",".join("-" + name for name in wide)
os.execv(kernel, [kernel, "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "mem=1G", "quiet", "loglevel=0",
                  "uml_dir=" + folder, "init=" + init, *map("=".join, environment.items())])
