"""Signals as a wish that the loop looks at."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gdpeer.terminal.stopping import Stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_nothing_else_happens(number: signal.Signals) -> None:
    with Stop() as stop:
        assert not stop.requested
        signal.raise_signal(number)
        assert stop.requested


def test_the_handlers_from_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Stop():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_sigterm_may_come_twice() -> None:
    with Stop() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stop.requested


def test_a_second_interrupt_ends_the_process_at_once() -> None:
    program = (
        "import signal\n"
        "from gdpeer.terminal.stopping import Stop\n"
        "with Stop() as stop:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    print(stop.requested, flush=True)\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    print('still here', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (130, "True\n")
