"""How fast is inheritable.py, and does an interrupt leave a flag on? Ratios, all of them from one run.

    python3 .ci/bench.py [--best-of N] [--rounds N] [call] [busy] [import] [scale] [interrupt]

All parts unless some are named: some fifteen seconds. What is compared takes turns, and the ratio is the median of
all rounds' ratios; the microseconds beside it, medians as well, are for orientation, and so are lines without a bound.
With --best-of each line is the best of N runs; not so `interrupt`, whose best would say nothing (--rounds: how many).
Nothing is judged: the exit status is 0. psutil is compared where it is there.
"""
import argparse
import collections
import ctypes
import os
import py_compile
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import timeit

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.dont_write_bytecode = True
import inheritable  # noqa: E402

Row = collections.namedtuple("Row", "what left right ratio bound")


def race(rounds, runners):
    """The seconds that each runner returns, round by round; every other round goes backwards."""
    times = {name: [] for name in runners}
    for number in range(rounds):
        for name in list(runners)[::-1 if number % 2 else 1]:
            times[name].append(runners[name]())
    return times


def row(times, left, right, bound=""):
    ratio = statistics.median(a / b for a, b in zip(times[left], times[right]))
    medians = ("%.2f" % (1e6 * statistics.median(times[name])) for name in (left, right))
    return Row("%s / %s" % (left, right), *medians, ratio, bound)


def loop(number, function, statement):
    """A runner. In the statement the function is f, whichever it is, so that to look it up takes the same for all."""
    import fcntl

    timer = timeit.Timer(statement, globals={**vars(fcntl), "f": function, "fd": FD})
    return lambda: timer.timeit(number) / number


def timed(prepare, function, number=1):
    def run():
        prepare()
        return timeit.timeit(function, number=number) / number
    return run


FD = os.open(os.devnull, os.O_RDONLY)
STATEMENTS = {  # for os and inheritable, for the bare call, and what people write with fcntl
    "get_inheritable": ("f(fd)", "f(fd, F_GETFD)", "f(fd, F_GETFD)"),
    "set_inheritable": ("f(fd, True); f(fd, False)", "f(fd, F_SETFD, 0); f(fd, F_SETFD, FD_CLOEXEC)",
                        "flags = f(fd, F_GETFD); f(fd, F_SETFD, flags & ~FD_CLOEXEC);"
                        "flags = f(fd, F_GETFD); f(fd, F_SETFD, flags | FD_CLOEXEC)")}


def call(_):
    """the flag of an open descriptor (set: on and off)"""
    import fcntl

    bare = getattr(ctypes, "PyDLL", ctypes.CDLL)(None).fcntl
    if sys.platform == "darwin":
        bare.argtypes = [ctypes.c_int, ctypes.c_int]  # without them it does something else on arm64
    for name, (statement, bare_statement, idiom) in STATEMENTS.items():
        times = race(51, {
            name: loop(10000, getattr(inheritable, name), statement), "os": loop(10000, getattr(os, name), statement),
            "bare ctypes": loop(10000, bare, bare_statement), "fcntl idiom": loop(10000, fcntl.fcntl, idiom)})
        yield row(times, name, "os", "<= 2.2")
        yield row(times, name, "bare ctypes", "<= 1.5")
        yield row(times, name, "fcntl idiom", "<= 0.55" if name == "set_inheritable" else "")


def busy(_):
    """the same with a busy Python thread beside it"""
    done = False

    def work():
        while not done:
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for name, (statement, *_) in STATEMENTS.items():
            times = race(15, {  # long enough for many switches, one in 5 ms
                name: loop(100000, getattr(inheritable, name), statement),
                "os": loop(100000, getattr(os, name), statement)})
            yield row(times, name, "os", "<= 2.5")
    finally:
        done = True
        thread.join()


def imports(_):
    """in fresh interpreters, whose own start is not counted; byte-compiled"""
    def fresh(modules):
        code = "import time; t = time.perf_counter(); import %s; print(time.perf_counter() - t)" % modules
        return lambda: float(subprocess.check_output([sys.executable, "-S", "-E", "-c", code], cwd=folder))

    with tempfile.TemporaryDirectory() as folder:
        py_compile.compile(shutil.copy(inheritable.__file__, folder), doraise=True)
        ours, theirs = "inheritable, subprocess", "ctypes, subprocess"
        yield row(race(41, {ours: fresh(ours), theirs: fresh(theirs)}), ours, theirs, "<= 1.15")


def plain_loop():
    handles = []
    for name in os.listdir("/proc/self/fd"):
        try:
            handles.append((int(name), os.get_inheritable(int(name)), os.readlink("/proc/self/fd/" + name)))
        except OSError:
            pass
    return handles


def scale(_):
    """many open descriptors, all of them regular files"""
    import resource

    plain_loop()  # raises where there is no /proc
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = 10050 if hard == resource.RLIM_INFINITY else min(hard, 10050)
    if soft != resource.RLIM_INFINITY and soft < room:
        resource.setrlimit(resource.RLIMIT_NOFILE, (room, hard))
        yield "the soft limit of open files is raised from %d to %d" % (soft, room)
    fds = []

    def have(size):
        while len(fds) > size:
            os.close(fds.pop())
        while len(fds) < size:
            fds.append(os.open(__file__, os.O_RDONLY))

    def listing(size, function):  # once untimed, for /proc makes its entries when they are first looked at
        return timed(lambda: (have(size), function()), function, 10000 // size)

    def shutting_off(function):
        return timed(lambda: [os.set_inheritable(fd, True) for fd in fds], function)

    sizes = [size for size in (100, 1000, 10000) if size + 50 <= room]
    runners = {"open_handles() of %d" % size: listing(size, inheritable.open_handles) for size in sizes}
    runners.update({"os, in a loop of %d" % size: listing(size, plain_loop) for size in sizes})
    try:
        times = race(15, runners)
        for size in sizes:
            ours = "open_handles() of %d" % size
            times["1 of %d" % size] = [seconds / size for seconds in times[ours]]
            yield row(times, ours, "os, in a loop of %d" % size, "<= 1.0" if size == 10000 else "")
        if room < 10050:
            yield "10000: not here, the limit is %d" % room
            return
        yield row(times, "1 of 10000", "1 of 1000", "<= 1.25")
        have(10000)
        kept, others = fds[::100], [fd for number, fd in enumerate(fds) if number % 100]
        shut_off, keeping = "disable_inheritance()", "disable_inheritance(*100 of them)"
        times = race(25, {
            shut_off: shutting_off(inheritable.disable_inheritance),
            "os, in a loop": shutting_off(lambda: [os.set_inheritable(fd, False) for fd in fds]),
            keeping: shutting_off(lambda: inheritable.disable_inheritance(*kept)),
            "os, in a loop of the others": shutting_off(lambda: [os.set_inheritable(fd, False) for fd in others])})
        yield row(times, "os, in a loop", shut_off, ">= 50")
        yield row(times, "os, in a loop of the others", keeping, ">= 8")
        try:
            import psutil
        except ImportError:
            yield "psutil is not here"
        else:
            theirs = "psutil's open_files()"
            times = race(5, {ours: runners[ours], theirs: listing(10000, psutil.Process().open_files)})
            yield row(times, ours, theirs, "<= 0.4")
    finally:
        have(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def interrupt(rounds):
    """KeyboardInterrupt at a random moment of `with temporarily(file): pass`; is the flag on afterwards?"""
    now, files = time.perf_counter, [open(os.devnull)]
    armed = seen = 0.0
    inside = False

    def strike(*_):
        raise KeyboardInterrupt

    def spin(until):
        nonlocal seen
        seen = now()
        while seen < until:
            seen = now()

    def block():
        nonlocal inside
        inside = True
        with inheritable.temporarily(files[-1]):
            pass
        inside = False

    def run(wait):
        nonlocal armed, inside
        inside = False
        signal.setitimer(signal.ITIMER_REAL, delay)
        armed = now()
        spin(armed + wait)
        block()
        signal.setitimer(signal.ITIMER_REAL, 0)
        spin(now() + 1e-6)  # what is still pending strikes here

    def struck(wait):
        try:  # around the call: within a function, CPython 3.13 does not catch what strikes at the end of a loop
            run(wait)
        except KeyboardInterrupt:
            pass
        return inside

    # It can take longer to arm a timer, and to be struck, than the block lasts. So the timer is armed well before, and
    # the block begins at random: from 1.4 of its duration before the strike to 0.2 after it.
    delay = 6 * statistics.median(timeit.repeat(block, number=1, repeat=1001))
    strikes = left = 0
    signal.signal(signal.SIGALRM, strike)
    for number in range(rounds):
        if number % 1000 == 0:
            stops, durations = [], []
            for _ in range(101):
                struck(1)
                stops.append(seen - armed)  # what was seen last: then the program was stopped for the strike
                begun = now()
                block()  # takes half as long again after a strike, as it will below
                durations.append(now() - begun)
            stop, duration = statistics.median(stops), statistics.median(durations)
        strikes += struck(stop - random.uniform(-0.2, 1.4) * duration)
        if os.get_inheritable(files[-1].fileno()):
            left += 1
            os.set_inheritable(files[-1].fileno(), False)
            files.append(open(os.devnull))  # on with another one: the module may have the block on record still
    what = "%d rounds, %d struck inside, flags left on: %d, in 1000 struck" % (rounds, strikes, left)
    yield Row(what, "", "", 1000 * left / max(strikes, 1), "<= 1")


PARTS = {"call": call, "busy": busy, "import": imports, "scale": scale, "interrupt": interrupt}


def show(runs):
    if isinstance(runs[0], str):
        return "  (%s)" % runs[0]
    sign, _, limit = runs[0].bound.partition(" ")
    line = (max if sign == ">=" else min)(runs, key=lambda run: run.ratio)
    over = limit and (line.ratio < float(limit) if sign == ">=" else line.ratio > float(limit))
    return ("  %-62s %10s %10s %8.2f  %-7s %s" % (*line, "OVER" if over else "ok" if limit else "")).rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--best-of", type=int, default=1, metavar="N")
    parser.add_argument("--rounds", type=int, default=20000, metavar="N", help="of interrupt (20000)")
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error("no such part: " + name)
    print("%-64s %10s %10s %8s  %s" % ("left / right", "left us", "right us", "ratio", "bound"))
    for name in options.parts or PARTS:
        print("%s: %s" % (name, PARTS[name].__doc__), flush=True)
        try:
            runs = [list(PARTS[name](options.rounds)) for _ in range(1 if name == "interrupt" else options.best_of)]
            print(*map(show, zip(*runs)), sep="\n")
        except (ImportError, AttributeError, OSError) as error:
            print("  not here: %s" % error)


if __name__ == "__main__":
    main()
