"""Real engines as clients of `TCPServer` and `WebSocketPeer.accept_stream`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gdpeer import OK, Cause, StreamPeerTLS, TCPServer, TLSOptions, WebSocketPeer
from tests.interop.echo_rooms import Mode, big, until
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture

pytestmark = pytest.mark.engine

SCENES = {"4": "peer_client", "3": "client"}
BOTH = pytest.mark.parametrize("version", ["4", "3"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
State = WebSocketPeer.State


class SessionHolder:
    """Takes one connection and echoes; the text "bye!" makes it close with 4002, "drop!" end without a close frame."""

    def __init__(self, certificates: Certificates | None, settings: dict[str, Any]) -> None:
        self.listener, self.peer = TCPServer(), WebSocketPeer()
        self.options = certificates and TLSOptions.server(certificates.key, certificates.certificate)
        self.tls: StreamPeerTLS | None = None
        self.accepted = False
        big(self.peer)
        for name, value in settings.items():
            setattr(self.peer, name, value)
        assert self.listener.listen(0, "127.0.0.1") is OK

    def poll(self, timeout: float = 0.0) -> None:
        if self.listener.is_connection_available():
            self._take(self.listener.take_connection())
        if self.tls is not None and not self.accepted:
            self.tls.poll()
            if self.tls.get_status() is StreamPeerTLS.Status.CONNECTED:
                self._accept(self.tls)
        self.peer.poll(timeout)
        for packet in self.peer:
            self._answer(packet)

    def _take(self, stream: Any) -> None:
        if self.options is None:
            self._accept(stream)
        else:
            self.tls = StreamPeerTLS()
            assert self.tls.accept_stream(stream, self.options) is OK

    def _accept(self, stream: Any) -> None:
        assert self.peer.accept_stream(stream) is OK
        self.accepted = True

    def _answer(self, packet: bytes) -> None:
        if packet == b"bye!":
            self.peer.close(4002, "from python")
        elif packet == b"drop!":
            self.peer.close(-1)
        else:
            self.peer.send(packet, Mode.TEXT if self.peer.was_string_packet() else Mode.BINARY)

    def is_over(self) -> bool:
        return self.accepted and self.peer.get_ready_state() is State.CLOSED

    def end(self) -> tuple[int, str, Cause]:
        """How it ended, once it has."""
        until(self.is_over, self)
        return self.peer.get_close_code(), self.peer.get_close_reason(), self.peer.get_close_cause().cause


@contextmanager
def seated(
    version: str, certificates: Certificates | None = None, settings: dict[str, Any] | None = None, **options: Any
) -> Iterator[tuple[SessionHolder, Engine]]:
    """An engine's client, and the seat that waits for it."""
    seat = SessionHolder(certificates, settings or {})
    url = f"{'wss' if certificates else 'ws'}://localhost:{seat.listener.get_local_port()}"
    if certificates is not None:
        options.setdefault("ca", certificates.authority)
    with fixture(version, SCENES[version], url=url, timeout=20, **options) as run:
        yield seat, run
        seat.peer.close(-1)
    seat.listener.stop()


def last_words(seat: SessionHolder, run: Engine, status: int | None = 0) -> dict[str, Any]:
    """Serve until the engine has quit; its `closed` event, and for Godot 3 the code and reason with it."""
    until(lambda: run.find("quit"), seat)
    assert status is None or run.wait() == status, run.events
    return {**(run.find("close_request") or {}), **(run.find("closed") or {})}


@SECURE
@pytest.mark.parametrize("size", [125, 126, 127, 65_535, 65_536])
def test_messages_of_every_length_form_come_back(secure: bool, size: int, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with seated("4", tls, size=size, texts=2, binaries=2) as (seat, run):
        last_words(seat, run)
        sent = [(event["string"], event["length"], event["sha256"]) for event in run.all("sent")]
        assert [(event["string"], event["length"], event["sha256"]) for event in run.all("packet")] == sent
        assert [length for _, length, _ in sent] == [size] * 4


@BOTH
@SECURE
def test_a_close_of_the_engine_has_its_code_and_reason_on_both_sides(
    version: str, secure: bool, certificates: Certificates
) -> None:
    tls = certificates if secure else None
    with seated(version, tls, close_code=4001, close_reason="from the game") as (seat, run):
        assert seat.end() == (4001, "from the game", Cause.CLOSED)
        closed = last_words(seat, run)
        if version == "4":
            assert (closed["code"], closed["reason"]) == (4001, "from the game")


@BOTH
@SECURE
def test_a_close_of_ours_has_its_code_and_reason_on_both_sides(
    version: str, secure: bool, certificates: Certificates
) -> None:
    tls = certificates if secure else None
    with seated(version, tls, say="bye!", wait_close=True) as (seat, run):
        closed = last_words(seat, run)
        assert (closed["code"], closed["reason"]) == (4002, "from python")
        assert seat.end()[::2] == (4002, Cause.CLOSED)


@BOTH
@SECURE
def test_dropping_the_stream_is_unclean_for_the_engine(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with seated(version, tls, say="drop!", wait_close=True) as (seat, run):
        closed = last_words(seat, run)
        assert closed["code"] == -1 if version == "4" else closed["clean"] is False
        assert seat.end()[::2] == (-1, Cause.DROPPED)


@BOTH
@SECURE
def test_a_game_that_is_killed_is_unclean_for_us(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with seated(version, tls, wait_close=True) as (seat, run):
        until(lambda: run.find("packet"), seat)
        run.kill()
        assert seat.end() == (-1, "", Cause.TCP)


@SECURE
def test_a_message_over_our_limit_is_1009_for_the_engine(secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    limit = {"inbound_buffer_size": 65_535}
    with seated("4", tls, limit, size=65_536, texts=0) as (seat, run):
        closed = last_words(seat, run, 1)
        assert (closed["code"], closed["reason"]) == (1009, "Message too big")
        assert seat.end()[::2] == (1009, Cause.TOO_BIG)


@BOTH
def test_the_first_protocol_of_the_client_that_we_list_is_agreed_on(version: str) -> None:
    with seated(version, settings={"supported_protocols": ["b", "a"]}, protocols="x,a,b") as (seat, run):
        last_words(seat, run)
        assert (run.find("open") or {})["protocol"] == seat.peer.get_selected_protocol() == "a"


@BOTH
@pytest.mark.parametrize(("ours", "theirs"), [(["a"], "b"), (["a"], ""), ([], "b")])
def test_without_a_common_protocol_the_cause_says_so(version: str, ours: list[str], theirs: str) -> None:
    options = {"protocols": theirs} if theirs else {}
    with seated(version, settings={"supported_protocols": ours}, **options) as (seat, run):
        assert seat.end() == (-1, "", Cause.SUB_PROTOCOL)
        closed = last_words(seat, run, 1)
        assert closed["code"] == -1 if version == "4" else run.find("connection_error") is not None
        assert run.find("open") is None


def test_heartbeats_of_both_sides_are_answered() -> None:
    with seated("4", settings={"heartbeat_interval": 0.4}, heartbeat=0.4, linger=1.6) as (seat, run):
        assert last_words(seat, run)["code"] == 1000
        assert seat.peer.get_latency() >= 0
