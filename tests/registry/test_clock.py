"""Time that passes only where somebody waits."""

import threading
from concurrent.futures import ThreadPoolExecutor

from reconciler.registry.clock import VirtualClock


def test_waiting_moves_the_clock_and_takes_no_time():
    clock = VirtualClock(1000.0)

    clock.sleep(3600.0)
    clock.sleep(0.5)

    assert clock() == 4600.5


def test_the_clock_is_moved_forward_and_never_back():
    clock = VirtualClock(1000.0)
    times = []
    for moment in (1010.0, 1005.0):
        clock.reach(moment)
        times.append(clock())

    assert times == [1010.0, 1010.0]


def test_who_waits_together_waits_once():
    """As threads that sleep do, and not one after another."""
    clock = VirtualClock(0.0)
    together = threading.Barrier(8)

    def work(seconds):
        with clock.busy():
            together.wait()
            clock.sleep(seconds)
            return clock()

    with ThreadPoolExecutor(8) as pool:
        woken = list(pool.map(work, [5.0, 1.0, 3.0, 1.0, 4.0, 2.0, 5.0, 5.0]))

    assert woken == [5.0, 1.0, 3.0, 1.0, 4.0, 2.0, 5.0, 5.0]


def test_the_clock_stands_still_while_somebody_works():
    clock = VirtualClock(0.0)
    slept = threading.Event()

    def sleep():
        with clock.busy():
            slept.set()
            clock.sleep(10.0)

    with clock.busy():
        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        slept.wait()
        while len(clock._waiting) < 1:
            pass
        during = clock()
    sleeper.join()

    assert (during, clock()) == (0.0, 10.0)
