"""The tests for WebAssembly, which has neither processes nor close-on-exec.

What can be tested is that libc is called correctly. Here, as on Apple's arm64, a
variadic argument is not where a fixed one would be.
"""

import ctypes
import errno
import fcntl
import os
import unittest

import inheritable
from inheritable import get_inheritable, set_inheritable


def bound_fcntls():
    """Return every fcntl that the module has bound, by itself or in a library."""
    names = vars(inheritable)
    libraries = [value for value in names.values() if isinstance(value, ctypes.CDLL)]
    values = [*names.values()]
    for library in libraries:
        values += vars(library).values()
    functions = [value for value in values if hasattr(value, "argtypes")]
    return [function for function in functions if function.__name__ == "fcntl"]


class Test(unittest.TestCase):
    def setUp(self):
        self.fd, other = os.pipe()
        self.addCleanup(os.close, self.fd)
        self.addCleanup(os.close, other)

    def test_variadic(self):
        self.assertTrue(bound_fcntls())
        for function in bound_fcntls():
            fd = function(self.fd, fcntl.F_DUPFD, 77)
            os.close(fd)
            self.assertEqual(fd, 77)

    def test_get(self):
        self.assertIs(get_inheritable(self.fd), os.get_inheritable(self.fd))

    def test_set(self):
        for flag in True, False, True:
            self.assertIsNone(set_inheritable(self.fd, flag))
            self.assertIs(get_inheritable(self.fd), os.get_inheritable(self.fd))

    def test_closed(self):
        for call in (
            (lambda: get_inheritable(999)),
            (lambda: set_inheritable(999, True)),
        ):
            with self.assertRaises(OSError) as caught:
                call()
            self.assertEqual(caught.exception.errno, errno.EBADF)


unittest.main(argv=["pyodide_tests.py"], exit=False)
