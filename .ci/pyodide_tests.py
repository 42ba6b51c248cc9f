"""What can be tested on WebAssembly, which has no processes and no close-on-exec: that libc is called rightly.

Here as on Apple's arm64 a variadic argument does not lie where a fixed one does.
"""

import ctypes
import errno
import fcntl
import os
import unittest

import inheritable


class Test(unittest.TestCase):
    def setUp(self):
        self.fds = os.pipe()
        for fd in self.fds:
            self.addCleanup(os.close, fd)

    def test_variadic(self):
        """Every fcntl that the module has bound gets its third argument."""
        libraries = [vars(value) for value in vars(inheritable).values() if isinstance(value, ctypes.CDLL)]
        values = [value for names in [vars(inheritable)] + libraries for value in names.values()]
        bound = [value for value in values if hasattr(value, "argtypes") and value.__name__ == "fcntl"]
        self.assertTrue(bound)
        for function in bound:
            fd = function(self.fds[0], fcntl.F_DUPFD, 77)
            os.close(fd)
            self.assertEqual(fd, 77)

    def test_get(self):
        for fd in self.fds:
            self.assertIs(inheritable.get_inheritable(fd), os.get_inheritable(fd))

    def test_set(self):
        for flag in True, False, True:
            self.assertIsNone(inheritable.set_inheritable(self.fds[0], flag))
            self.assertIs(inheritable.get_inheritable(self.fds[0]), os.get_inheritable(self.fds[0]))

    def test_closed(self):
        for function, arguments in (inheritable.get_inheritable, ()), (inheritable.set_inheritable, (True,)):
            with self.assertRaises(OSError) as caught:
                function(999, *arguments)
            self.assertEqual(caught.exception.errno, errno.EBADF)


unittest.main(argv=["pyodide_tests.py"], exit=False)
