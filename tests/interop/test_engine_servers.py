"""gdpeer's clients at real Godot 4 and Godot 3 servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer import OK, Cause, TLSOptions, WebSocketClient, WebSocketPeer
from tests.interop import fronts
from tests.interop.echo_rooms import big, until
from tests.interop.fronts import FRONTS, AioPeer
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture
from tests.support.ports import free_port

pytestmark = pytest.mark.engine

SCENES = {"4": "peer_server", "3": "server"}
BOTH = pytest.mark.parametrize("version", ["4", "3"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
State = WebSocketPeer.State


@contextmanager
def served(version: str, certificates: Certificates | None = None, **options: Any) -> Iterator[tuple[Engine, str]]:
    """A server of the engine, and its URL."""
    if certificates is not None:
        options |= {"cert": certificates.certificate, "key": certificates.key}
    with fixture(version, SCENES[version], port=free_port(), **options) as run:
        port = run.wait_for("listening")["port"]
        yield run, f"{'wss' if certificates else 'ws'}://localhost:{port}"


@contextmanager
def joined(url: str, certificates: Certificates | None = None, **settings: Any) -> Iterator[WebSocketPeer | AioPeer]:
    options = TLSOptions.client(certificates.authority) if certificates else None
    if fronts.front == "aio":
        with AioPeer(url, options, settings) as client:
            until(lambda: client.get_ready_state() is not State.CONNECTING, client)
            yield client
        return
    peer = WebSocketPeer()
    big(peer)
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.connect_to_url(url, options) is OK
    with peer:
        until(lambda: peer.get_ready_state() is not State.CONNECTING, peer)
        yield peer


def is_closed(peer: WebSocketPeer | AioPeer) -> bool:
    return peer.get_ready_state() is State.CLOSED


@FRONTS
@BOTH
@SECURE
def test_messages_of_every_length_form_come_back(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with served(version, tls) as (_, url), joined(url, tls) as peer:
        for size in (1, 125, 126, 127, 65_535, 65_536):
            assert peer.send_text("é"[: size % 2] + "x" * size) is OK
            assert peer.send(bytes(range(256)) * (size // 256) + bytes(size % 256)) is OK
        until(lambda: peer.get_available_packet_count() == 12, peer)
        texts = [packet for packet in peer if peer.was_string_packet()]
        assert [len(text) for text in texts] == [3, 127, 126, 129, 65_537, 65_536]


@FRONTS
def test_an_empty_message_comes_back() -> None:
    with served("4") as (_, url), joined(url) as peer:
        peer.send(b"")
        until(peer.get_available_packet_count, peer)
        assert list(peer) == [b""]


@FRONTS
@BOTH
def test_sub_protocols_are_agreed_on_or_refused(version: str) -> None:
    with served(version, protocols="b,a", clients=0, timeout=20) as (_, url):
        with joined(url, supported_protocols=["x", "a"]) as peer:
            assert (peer.get_ready_state(), peer.get_selected_protocol()) == (State.OPEN, "a")
        for wrong in (["x"], []):
            with joined(url, supported_protocols=wrong) as peer:
                # The engine drops a refused client without an answer.
                assert (peer.get_ready_state(), peer.get_close_cause().cause) == (State.CLOSED, Cause.TCP)


@FRONTS
@BOTH
@SECURE
def test_a_close_of_ours_is_answered_and_seen(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with served(version, tls, clients=3) as (run, url):
        for _ in range(3):
            with joined(url, tls) as peer:
                peer.close(4001, "from python")
                until(lambda peer=peer: is_closed(peer), peer)
                assert (peer.get_close_code(), peer.get_close_cause().cause) == (4001, Cause.CLOSED)
        assert run.wait() == 0
        name = "closed" if version == "4" else "close_request"
        assert [(event["code"], event["reason"]) for event in run.all(name)] == [(4001, "from python")] * 3


@FRONTS
@BOTH
@SECURE
def test_a_close_of_the_engine_is_seen_and_clean_there(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with served(version, tls, clients=5) as (run, url):
        for count in range(1, 6):
            with joined(url, tls) as peer:
                peer.send_text("!close 4003 from the game")
                until(lambda peer=peer: is_closed(peer), peer)
                assert (peer.get_close_code(), peer.get_close_reason()) == (4003, "from the game")
                assert peer.get_close_cause().cause is Cause.CLOSED
            # Nobody polls the peer any more.
            until(lambda count=count: len(run.all("closed")) == count)
        until(lambda: run.find("quit"))
        if version == "4":
            assert [event["code"] for event in run.all("closed")] == [4003] * 5


@FRONTS
def test_a_connection_that_the_engine_drops_is_unclean() -> None:
    with served("4") as (_, url), joined(url) as peer:
        peer.send_text("!drop")
        until(lambda: is_closed(peer), peer)
        assert (peer.get_close_code(), peer.get_close_cause().cause) == (-1, Cause.TCP)


@FRONTS
@BOTH
def test_a_server_that_is_killed_is_unclean(version: str) -> None:
    with served(version) as (run, url), joined(url) as peer:
        run.kill()
        until(lambda: is_closed(peer), peer)
        assert (peer.get_close_code(), peer.get_close_cause().cause) == (-1, Cause.TCP)


@BOTH
def test_the_client_with_signals_talks_to_the_engine(version: str) -> None:
    with served(version) as (run, url):
        client, told = WebSocketClient(), []
        client.connection_established.connect(lambda protocol: client.get_peer(1).put_packet(b"Test packet"))
        client.data_received.connect(lambda: told.append(client.get_peer(1).get_packet()))
        client.data_received.connect(lambda: client.disconnect_from_host(1000, "Bye bye!"))
        client.connection_closed.connect(told.append)
        assert client.connect_to_url(url) is OK
        until(lambda: len(told) == 2, client)
        assert told == [b"Test packet", True]
        assert run.wait() == 0


@FRONTS
def test_a_message_over_the_engines_limit_is_1009() -> None:
    project = Path(__file__).parent / "godot4_limits"
    with Engine("4", project, "limits.tscn") as run:
        url = f"ws://127.0.0.1:{run.wait_for('listening')['port']}"
        with joined(url) as peer:
            peer.send(bytes(65_535))
            until(lambda: run.find("packet"), peer)
            peer.send(bytes(65_536))
            until(lambda: is_closed(peer), peer)
            assert peer.get_close_code() == 1009
        assert run.wait_for("closed")["reason"] == "Message too big"
        assert run.find("packet")["length"] == 65_535
