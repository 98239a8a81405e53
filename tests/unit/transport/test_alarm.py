"""A connector's deadline in a poller."""

from __future__ import annotations

from gdpeer.clock import ManualClock
from gdpeer.transport.alarm import Alarm
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import READ, WRITE


def test_alarm_rings_at_once_and_then_when_set(manual_poller: Poller, clock: ManualClock) -> None:
    calls: list[int] = []
    alarm = Alarm()
    alarm.set(1.0)
    alarm.detach()
    alarm.attach(manual_poller, calls.append)
    manual_poller.turn()
    manual_poller.turn()
    assert calls == [READ | WRITE]
    alarm.set(102.0)
    alarm.set(102.0)
    alarm.set(101.0)
    clock.advance(1.0)
    manual_poller.turn()
    clock.advance(1.0)
    manual_poller.turn()
    assert len(calls) == 2


def test_detached_alarm_is_silent(manual_poller: Poller, clock: ManualClock) -> None:
    calls: list[int] = []
    alarm = Alarm()
    alarm.attach(manual_poller, calls.append)
    alarm.detach()
    alarm.detach()
    clock.advance(1.0)
    manual_poller.turn()
    assert calls == []
