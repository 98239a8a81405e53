"""Looking names up in threads."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from gdpeer.errors import Cause, TransportError
from gdpeer.transport import resolver as names
from gdpeer.transport.poller import Poller
from gdpeer.transport.resolver import Lookup, Resolver, interleave, look_up
from gdpeer.transport.stream import READ
from tests.unit.transport.support import until

V4, V6 = socket.AF_INET, socket.AF_INET6


class SlowNames:
    """A resolver that answers when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.release = threading.Event()
        self.asked: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def look_up(self, host: str, port: int, **options: Any) -> list[Any]:
        self.asked.append(host)
        assert self.release.wait(30.0)
        return [(V4, 1, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = SlowNames(monkeypatch)
    yield names
    names.release.set()


def test_families_take_turns_in_the_systems_order() -> None:
    six = [(V6, ("::1", n)) for n in range(3)]
    four = [(V4, ("127.0.0.1", n)) for n in range(2)]
    assert interleave([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleave([four[0], *six]) == [four[0], six[0], six[1], six[2]]
    assert interleave([four[0], four[0]]) == [four[0]]
    assert interleave([]) == []


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", V4), ("::1", V6)])
def test_ip_address_is_done_at_once(host: str, family: int) -> None:
    lookup = look_up(host, 80)
    assert lookup.done
    assert [(target[0], target[1][:2]) for target in lookup.targets()] == [(family, (host, 80))]
    lookup.close()


def test_threads_are_few_and_gone_afterwards(slow: SlowNames) -> None:
    resolver = Resolver(threads=2)
    lookups = [Lookup(f"host{n}.test", 80) for n in range(6)]
    for lookup in lookups:
        resolver.submit(lookup)
    lookups[5].close()
    until(lambda: len(slow.asked) == 2)
    assert resolver._running == 2
    assert not any(lookup.done for lookup in lookups)
    slow.release.set()
    until(lambda: all(lookup.done for lookup in lookups[:5]))
    until(lambda: resolver._running == 0)
    assert sorted(slow.asked) == [f"host{n}.test" for n in range(5)]


def test_threads_do_not_keep_the_interpreter(slow: SlowNames) -> None:
    resolver = Resolver()
    resolver.submit(Lookup("host.test", 80))
    until(lambda: slow.asked)
    found = [thread for thread in threading.enumerate() if thread.name == "gdpeer-names"]
    assert found
    assert all(thread.daemon for thread in found)


def test_answer_wakes_a_poller(slow: SlowNames, poller: Poller) -> None:
    lookup = Lookup("host.test", 80)
    calls: list[int] = []
    lookup.attach(poller, calls.append)
    Resolver().submit(lookup)
    poller.turn(0.01)
    assert calls == []
    slow.release.set()
    poller.turn(10.0)
    assert calls == [READ]
    assert lookup.done
    lookup.detach()
    lookup.attach(poller, calls.append)
    poller.turn(10.0)
    assert calls == [READ, READ]
    lookup.close()
    lookup.close()
    assert not poller._watches


def test_attaching_after_the_answer_reports_it(poller: Poller) -> None:
    lookup = look_up("127.0.0.1", 80)
    calls: list[int] = []
    lookup.attach(poller, calls.append)
    poller.turn(10.0)
    assert calls == [READ]
    lookup.close()


def test_answer_after_close_is_nobodys(slow: SlowNames, poller: Poller) -> None:
    lookup = Lookup("host.test", 80)
    lookup.attach(poller, print)
    Resolver().submit(lookup)
    until(lambda: slow.asked)
    lookup.close()
    slow.release.set()
    until(lambda: lookup.done)


def test_no_thread_to_be_had_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    resolver = Resolver()
    lookup = Lookup("host.test", 80)
    resolver.submit(lookup)
    with pytest.raises(TransportError, match="can't start new thread") as caught:
        lookup.targets()
    assert caught.value.cause is Cause.DNS


def test_no_further_thread_leaves_it_to_those_that_run(slow: SlowNames, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    first, second = Lookup("first.test", 80), Lookup("second.test", 80)
    resolver.submit(first)
    until(lambda: slow.asked)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        resolver.submit(second)
    assert not second.done
    slow.release.set()
    until(lambda: first.done and second.done)
    assert second.targets()


def test_dns_failure_on_android_names_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "on_android", lambda: True)
    lookup = Lookup("host.test", 80)
    lookup.finish(error=socket.gaierror(7, "No address associated with hostname"))
    with pytest.raises(TransportError, match=r"No address associated.*android\.permission\.INTERNET"):
        lookup.targets()
