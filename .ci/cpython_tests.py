"""CPython's own inheritance tests, run on inheritable's functions, not on os's."""

import os
import socket
import sys
import unittest

sys.path.insert(0, os.getcwd())

import inheritable

for name in "get_inheritable", "set_inheritable":
    setattr(os, name, getattr(inheritable, name))
    setattr(socket.socket, name, getattr(inheritable, name))
for name in "get_handle_inheritable", "set_handle_inheritable":
    setattr(os, name, getattr(inheritable, name))

from test.test_os import FDInheritanceTests
from test.test_socket import InheritanceTest

if __name__ == "__main__":
    unittest.main()
