"""Taking turns: sessions run A B A B … in one process, so that all of them see the same clock and the
same neighbours, and only what neighbouring turns say of each other is believed."""
import itertools
import os
import statistics
import time

CALLS, LONGEST = 5, 500  # timed ones of a turn at most, and milliseconds for them
SETTLE = 0.03  # seconds before a turn, for another library's threads to stop spinning
WARM_UP, FEWEST, MOST = 3, 11, 400
CORES = sorted(os.sched_getaffinity(0))  # all that the process was given


def pin(threads):
    """Keeps the process on as many cores as it has threads: the last ones, for the system's own work
    is rather on the first. Threads that are started later inherit it."""
    os.sched_setaffinity(0, CORES[-threads:])


def timed(session, calls):
    """Milliseconds of each call. A session elsewhere measures itself."""
    if hasattr(session, "timed"):
        return session.timed(calls)
    times = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        session.run()
        times.append((time.perf_counter_ns() - start) / 1e6)
    return times


def turn(session, calls):
    """The call before the timed ones brings the caches back."""
    time.sleep(SETTLE)
    timed(session, 1)
    return timed(session, calls)


def rotate(sessions, seconds, fewest=FEWEST):
    """The turns of each session, every other round in the opposite order."""
    slowest = max(min(timed(session, WARM_UP)) for session in sessions)
    calls = max(1, min(CALLS, int(LONGEST / slowest)))
    turns = [[] for _ in sessions]
    end = time.monotonic() + seconds
    while len(turns[0]) < fewest or (time.monotonic() < end and len(turns[0]) < MOST):
        order = list(zip(sessions, turns))
        for session, list_of_turns in order if len(turns[0]) % 2 == 0 else order[::-1]:
            list_of_turns.append(turn(session, calls))
    return turns


def summary(turns):
    ordered = sorted(itertools.chain.from_iterable(turns))
    return {"median": statistics.median(ordered), "p10": ordered[len(ordered) // 10],
            "min": ordered[0]}


def ratios(ours, theirs, of_turn=statistics.median):
    """Their time over ours in neighbouring turns: its median and the quarter points."""
    each = [of_turn(b) / of_turn(a) for a, b in zip(ours, theirs)]
    low, middle, high = statistics.quantiles(each, n=4)
    return {"low": low, "median": middle, "high": high}
