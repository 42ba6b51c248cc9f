"""Python's command line for freeze-core's executables, which run a single module.

It accepts -c, -m or a script, and ignores all options except -X faulthandler.
"""

import faulthandler
import os
import runpy
import signal
import sys


def run(_):
    """Do what the command line says. The executables call this."""
    set_up()
    first, *rest = without_options(sys.argv[1:])
    if first == "-m":
        sys.argv = rest
        sys.path.insert(0, os.getcwd())
        runpy._run_module_as_main(rest[0])
    elif first == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        execute(rest[0], "<string>")
    else:
        sys.argv = [first, *rest]
        sys.modules["__main__"].__file__ = name = os.path.abspath(first)
        sys.path.insert(0, os.path.dirname(name))
        with open(name, "rb") as file:
            source = file.read()
        execute(source, name)


def set_up():
    """Do what Python does at startup and a frozen Python does not."""
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(number, signal.SIG_IGN)
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(":"))


def without_options(arguments):
    """Return the arguments from -c, -m or the script on."""
    while arguments[0].startswith("-") and arguments[0] not in ("-c", "-m"):
        if arguments[:2] == ["-X", "faulthandler"]:
            faulthandler.enable()
        arguments = arguments[2 if arguments[0] in ("-W", "-X") else 1 :]
    return arguments


def execute(source, name):
    """Run this code as the main program."""
    try:
        exec(compile(source, name, "exec"), vars(sys.modules["__main__"]))
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
