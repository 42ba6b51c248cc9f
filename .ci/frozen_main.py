"""Gives the executables of freeze-core, which run one module, Python's command line: -c, -m or a script."""

import faulthandler
import os
import runpy
import signal
import sys


def run(_):
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in signal.SIGPIPE, signal.SIGXFSZ:
        signal.signal(number, signal.SIG_IGN)
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(":"))
    arguments = sys.argv[1:]
    while arguments[0].startswith("-") and arguments[0] not in ("-c", "-m"):
        if arguments[:2] == ["-X", "faulthandler"]:
            faulthandler.enable()
        del arguments[: 2 if arguments[0] in ("-W", "-X") else 1]
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        return runpy._run_module_as_main(arguments[1])
    main = sys.modules["__main__"]
    if arguments[0] == "-c":
        sys.argv = ["-c"] + arguments[2:]
        sys.path.insert(0, "")
        name, source = "<string>", arguments[1]
    else:
        sys.argv = arguments
        main.__file__ = name = os.path.abspath(arguments[0])
        sys.path.insert(0, os.path.dirname(name))
        with open(name, "rb") as file:
            source = file.read()
    try:
        exec(compile(source, name, "exec"), vars(main))
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
