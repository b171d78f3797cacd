"""Ctrl-C and SIGTERM during an apply."""

from __future__ import annotations

import signal
import threading

import pytest

from reconciler.interrupt import drain_on_interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_requests_a_stop_and_the_second_aborts(number):
    stop, notifications = threading.Event(), []
    with drain_on_interrupt(stop, lambda: notifications.append("stopping")):
        signal.raise_signal(number)
        assert (stop.is_set(), notifications) == (True, ["stopping"])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_signal_handlers_are_restored_afterwards():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with drain_on_interrupt(threading.Event(), lambda: None):
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
