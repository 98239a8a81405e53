"""`AsgiBackend` alone, with a carrier that carries nothing by itself: deadlines, ends, and what comes too late."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import Cause, Error, WebSocketServer
from gdpeer.clock import ManualClock
from gdpeer.http import Response
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.websocket.backend.asgi import AsgiBackend, Caller
from gdpeer.websocket.backend.http_answer import PAGE_STALL

UPGRADE = Headers(
    [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("sec-websocket-extensions", "permessage-deflate"),
    ]
)


class Carrier:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.reads = 0

    def wake(self) -> None: ...

    def news(self) -> None: ...

    def read_on(self) -> None:
        self.reads += 1

    def end(self, seconds: float) -> None:
        self.ends.append(seconds)


class Lab:
    """A server with one connection."""

    def __init__(self, answer: str = "websocket.http.response", headers: Headers = UPGRADE, **settings: Any) -> None:
        self.clock = ManualClock()
        self.server = WebSocketServer(clock=self.clock)
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.carrier = Carrier()
        self.ends: list[tuple[bool, int, str]] = []
        self.server.client_disconnected.connect(self._end)
        request = Request("GET", "/", headers, b"", ("10.0.0.1", 5), "1.0")
        caller = Caller(("10.0.0.1", 5), False, answer)
        self.backend = self.server.take_request(
            request, lambda *owned: AsgiBackend(*owned, caller=caller, carrier=self.carrier)
        )
        self.backend.begin()
        self.server.poll()

    def _end(self, peer_id: int, was_clean: bool) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        self.ends.append((was_clean, peer.get_close_code(), peer.get_close_cause().cause.value))

    def events(self) -> list[str]:
        """Takes all events, as an ASGI server does at once."""
        found = []
        while (event := self.backend.next_event()) is not None:
            found.append(event["type"].rpartition(".")[2])
            self.backend.sent()
        self.server.poll()
        return found

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.poll()


def test_a_close_without_an_answer_ends_after_its_time() -> None:
    lab = Lab(close_timeout=2.0)
    lab.server.close_all(1000)
    assert lab.events() == ["accept", "close"]
    assert lab.backend.send(b"x", False) is Error.FAILED
    lab.wait(1.9)
    assert lab.ends == []
    lab.wait(0.2)
    assert lab.ends == [(False, -1, "timeout")]
    assert lab.carrier.ends == [0.0]


def test_packets_before_a_close_are_taken_before_its_signal_and_what_comes_after_is_dropped() -> None:
    lab = Lab()
    order: list[Any] = []

    @lab.server.data_received.connect
    def take(peer_id: int) -> None:
        peer = lab.server.get_peer(peer_id)
        assert peer is not None
        order.append((peer.get_packet(), peer.get_ready_state().name, peer.send(b"late")))

    lab.server.client_close_request.connect(lambda peer_id, code, reason: order.append((code, reason)))
    lab.backend.on_message(b"1", False)
    lab.backend.on_disconnect(4000, "enough")
    lab.backend.on_message(b"2", False)
    lab.backend.on_disconnect(4001, "twice")
    lab.server.poll()
    assert order == [(b"1", "OPEN", Error.FAILED), (4000, "enough")]
    assert lab.ends == [(True, 4000, "closed")]
    lab.backend.on_message(b"3", False)
    lab.backend.on_disconnect(1006, "")
    assert lab.backend.outbound_packets() == 0


def test_a_program_that_reads_between_polls_sees_the_end_one_turn_later() -> None:
    lab = Lab()
    lab.server.use_tasks(lambda answer, answered: None)
    (peer,) = lab.server.peers.values()
    lab.backend.on_message(b"1", False)
    lab.backend.on_disconnect(4000, "")
    lab.server.poll()
    assert (peer.get_ready_state().name, peer.get_packet(), lab.ends) == ("OPEN", b"1", [])
    lab.server.poll()
    assert lab.ends == [(True, 4000, "closed")]


def test_uvicorns_own_close_is_not_the_clients() -> None:
    lab = Lab()
    asked: list[int] = []
    lab.server.client_close_request.connect(lambda peer_id, code, reason: asked.append(code))
    lab.backend.on_disconnect(1012, "")
    lab.server.poll()
    assert (asked, lab.ends) == ([], [(True, 1012, "closed")])


def test_the_server_stops_at_once_and_the_last_events_still_go_out() -> None:
    lab = Lab()
    (peer,) = lab.server.peers.values()
    peer.send(b"last")
    lab.server.stop(1001, "good night")
    assert lab.carrier.ends == [1.0]
    assert lab.events() == ["accept", "send", "close"]
    assert peer.get_close_cause().cause is Cause.DROPPED
    lab.backend.abort("again")
    lab.backend.leave()
    assert lab.carrier.ends == [1.0]


def test_an_end_at_once_drops_what_waits() -> None:
    lab = Lab()
    (peer,) = lab.server.peers.values()
    peer.send(b"never")
    peer.close(-1)
    assert lab.events() == []
    assert lab.server.poll_turn().is_all_sent()
    assert lab.ends == [(False, -1, "dropped")]
    lab.backend.sent()


def test_a_client_that_leaves_before_the_upgrade_is_counted() -> None:
    class Never:
        def then(self, callback: Any) -> None: ...

    lab = Lab(process_request=lambda request: Never())
    lab.backend.step()
    lab.backend.on_disconnect(1006, "")
    lab.server.poll()
    assert lab.server.stats().refused == {"tcp": 1}
    assert lab.events() == []


def test_a_page_that_nobody_reads_ends() -> None:
    lab = Lab("http.response", Headers(), http_handler=lambda request: Response(200, bytes(200_000)))
    assert lab.backend.next_event()["type"] == "http.response.start"  # type: ignore[index]
    lab.wait(15.0)
    lab.backend.sent()
    assert lab.backend.next_event() is not None
    lab.backend.sent()
    assert lab.backend.next_event() is not None  # the deadline begins anew with each piece
    lab.wait(PAGE_STALL - 1.0)
    assert (lab.carrier.ends, lab.server.stats().answering) == ([], 1)
    lab.wait(2.0)
    assert (lab.carrier.ends, lab.server.stats().answering) == ([0.0], 0)


def test_a_large_refusal_is_short_where_only_a_status_can_be_sent() -> None:
    lab = Lab("", process_request=lambda request: Response(403, bytes(200_000)))
    assert lab.events() == ["close"]
    assert lab.server.stats().refused == {"http 403": 1}


def test_a_full_inbox_is_read_on_only_when_half_of_it_is_free() -> None:
    lab = Lab(max_queued_packets=4)
    (peer,) = lab.server.peers.values()
    for _ in range(4):
        lab.backend.on_message(b"x", False)
    assert lab.backend.paused
    peer.get_packet()
    assert (lab.backend.paused, lab.carrier.reads) == (True, 0)
    peer.get_packet()
    assert (lab.backend.paused, lab.carrier.reads) == (False, 1)


def test_facts() -> None:
    lab = Lab(compression=True, message_rate=1000.0)
    (peer,) = lab.server.peers.values()
    assert (peer.get_connected_host(), peer.get_connected_port()) == ("10.0.0.1", 5)
    assert peer.get_requested_url() == "ws:///"
    assert peer.ping() is Error.ERR_UNAVAILABLE
    assert lab.backend.opened is not None
    assert lab.backend.opened.deflate is None
    lab.server.keep_request(peer, Request("GET", "/kept", Headers()))
    assert peer.get_requested_url() == "ws:///kept"


@pytest.mark.parametrize("is_text", [True, False])
def test_messages_go_out_as_text_or_bytes(is_text: bool) -> None:
    lab = Lab()
    lab.events()
    assert lab.backend.send(b"abc", is_text) is Error.OK
    wanted = {"text": "abc"} if is_text else {"bytes": b"abc"}
    assert lab.backend.next_event() == {"type": "websocket.send", **wanted}
