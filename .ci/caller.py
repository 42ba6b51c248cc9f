"""A program that passes files, for the type checkers that .ci/form runs.

Nothing executes it.
"""

import subprocess
import sys

from typing_extensions import assert_type

import inheritable


def start(*command: str) -> bytes:
    """Start children with the files of a block, in the ways that have types."""
    with open(__file__) as file, inheritable.passing(file, 0) as child:
        assert_type(child.args[0], str)
        line = [*command, *child.args]
        with subprocess.Popen(line, **child.popen) as process:
            assert_type(process, "subprocess.Popen[bytes]")
        pipe = subprocess.PIPE
        with subprocess.Popen(line, stdout=pipe, **child.popen) as process:
            out, err = process.communicate()
            assert_type(out, bytes)
            assert_type(err, bytes)
        with subprocess.Popen(line, text=True, **child.popen) as text_process:
            assert_type(text_process, "subprocess.Popen[str]")
            said, _ = text_process.communicate()
            assert_type(said, str)
        assert_type(subprocess.check_output(line, text=True, **child.popen), str)
        assert_type(subprocess.call(line, **child.popen), int)
        output = subprocess.check_output(line, **child.popen)
        return assert_type(output, bytes)


if __name__ == "__main__":
    start(sys.executable, "-c", "")
