"""Virtual time: the registry's clock, and the clock on which threads of tests sleep."""

import threading
from concurrent.futures import ThreadPoolExecutor

from reconciler.registry.clock import VirtualClock
from tests.support.waiting_clock import WaitingClock


def test_the_clock_moves_forward_and_never_back():
    clock = VirtualClock(1000.0)
    times = []
    for moment in (1010.0, 1005.0):
        clock.advance_to(moment)
        times.append(clock())

    assert times == [1010.0, 1010.0]


def test_sleeping_advances_the_clock():
    clock = WaitingClock(1000.0)

    clock.sleep(3600.0)
    clock.sleep(0.5)

    assert clock() == 4600.5


def test_threads_that_sleep_at_the_same_time_sleep_in_parallel():
    clock = WaitingClock(0.0)
    barrier = threading.Barrier(8)

    def work(seconds):
        with clock.busy():
            barrier.wait()
            clock.sleep(seconds)
            return clock()

    with ThreadPoolExecutor(8) as pool:
        wake_times = list(pool.map(work, [5.0, 1.0, 3.0, 1.0, 4.0, 2.0, 5.0, 5.0]))

    assert wake_times == [5.0, 1.0, 3.0, 1.0, 4.0, 2.0, 5.0, 5.0]


def test_the_clock_stands_still_while_a_thread_is_busy():
    clock = WaitingClock(0.0)
    is_started = threading.Event()

    def sleep():
        with clock.busy():
            is_started.set()
            clock.sleep(10.0)

    with clock.busy():
        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        is_started.wait()
        while clock.sleeper_count < 1:
            pass
        time_while_busy = clock()
    sleeper.join()

    assert (time_while_busy, clock()) == (0.0, 10.0)
