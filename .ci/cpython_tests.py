"""CPython's own tests of inheritance, with inheritable's functions in the place of os's and socket's."""

import os
import socket
import sys
import unittest

sys.path.insert(0, os.getcwd())
import inheritable

for name in "get_inheritable", "set_inheritable", "get_handle_inheritable", "set_handle_inheritable":
    setattr(os, name, getattr(inheritable, name))
socket.socket.get_inheritable = lambda self: inheritable.get_inheritable(self)
socket.socket.set_inheritable = lambda self, flag: inheritable.set_inheritable(self, flag)

from test.test_os import FDInheritanceTests
from test.test_socket import InheritanceTest

if __name__ == "__main__":
    unittest.main()
