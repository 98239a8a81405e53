"""`WebSocketClient` at real engines' servers: what its signals tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gdpeer import OK, Cause, WebSocketClient
from tests.interop.echo_rooms import Mode, until
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture
from tests.support.ports import free_port

pytestmark = pytest.mark.engine

SERVERS = {"4": "peer_server", "3": "server"}
BOTH = pytest.mark.parametrize("version", ["4", "3"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])


class Listener:
    """A client that notes its signals, and the packets."""

    def __init__(self) -> None:
        self.client = client = WebSocketClient()
        self.told: list[tuple[Any, ...]] = []
        self.packets: list[tuple[bool, bytes]] = []
        for name in ("connection_established", "connection_closed", "connection_error", "server_close_request"):
            getattr(client, name).connect(lambda *values, name=name: self.told.append((name, *values)))
        client.data_received.connect(self._take)

    def _take(self) -> None:
        peer = self.client.get_peer(1)
        packet = peer.get_packet()
        self.packets.append((peer.was_string_packet(), packet))

    def poll(self, timeout: float = 0.0) -> None:
        self.client.poll(timeout)

    def say(self, text: str) -> None:
        assert self.client.get_peer(1).send_text(text) is OK

    def is_over(self) -> bool:
        return self.client.get_connection_status() is WebSocketClient.ConnectionStatus.DISCONNECTED


@contextmanager
def heard(
    version: str,
    certificates: Certificates | None = None,
    offered: tuple[str, ...] = (),
    limit: int = 4 << 20,
    **options: Any,
) -> Iterator[tuple[Listener, Engine]]:
    """A client that has begun to connect to an engine's server."""
    if certificates is not None:
        options |= {"cert": certificates.certificate, "key": certificates.key}
    with fixture(version, SERVERS[version], port=free_port(), **options) as run:
        listener = Listener()
        listener.client.trusted_ssl_certificate = certificates and certificates.authority
        listener.client.set_buffers(4096, 1024, 4096, 1024)
        listener.client.get_peer(1).inbound_buffer_size = limit
        url = f"{'wss' if certificates else 'ws'}://localhost:{run.wait_for('listening')['port']}"
        with listener.client as client:
            assert client.connect_to_url(url, offered) is OK
            yield listener, run


def opened(listener: Listener) -> Listener:
    until(lambda: listener.told, listener)
    assert listener.told.pop(0)[0] == "connection_established"
    return listener


@BOTH
@SECURE
def test_texts_and_binaries_of_every_length_form_come_back(
    version: str, secure: bool, certificates: Certificates
) -> None:
    with heard(version, certificates if secure else None) as (listener, _):
        opened(listener)
        sent = [(is_text, b"x" * size) for size in (1, 125, 126, 127, 65_535, 65_536) for is_text in (True, False)]
        for is_text, packet in sent:
            listener.client.get_peer(1).set_write_mode(Mode.TEXT if is_text else Mode.BINARY)
            assert listener.client.get_peer(1).put_packet(packet) is OK
        until(lambda: len(listener.packets) == len(sent), listener)
        assert listener.packets == sent


@BOTH
def test_the_agreed_protocol_is_told(version: str) -> None:
    with heard(version, offered=("x", "a"), protocols="b,a") as (listener, run):
        until(lambda: listener.told, listener)
        assert listener.told == [("connection_established", "a")]
        assert run.wait_for("open")["protocol"] == "a"


@BOTH
@pytest.mark.parametrize("offered", [("x",), ()])
def test_without_a_common_protocol_there_is_an_error(version: str, offered: tuple[str, ...]) -> None:
    with heard(version, offered=offered, protocols="a") as (listener, _):
        until(lambda: listener.told, listener)
        assert listener.told == [("connection_error",)]
        # The engine drops a refused client without an answer.
        assert listener.client.get_close_cause().cause is Cause.TCP


@BOTH
@SECURE
def test_a_close_of_ours_is_clean_and_seen(version: str, secure: bool, certificates: Certificates) -> None:
    with heard(version, certificates if secure else None) as (listener, run):
        opened(listener).client.disconnect_from_host(4001, "from python")
        until(listener.is_over, listener)
        assert listener.told == [("connection_closed", True)]
        event = run.wait_for("closed" if version == "4" else "close_request")
        assert (event["code"], event["reason"]) == (4001, "from python")
        assert run.wait() == 0


@BOTH
@SECURE
def test_a_close_of_the_engine_is_announced_and_clean(version: str, secure: bool, certificates: Certificates) -> None:
    with heard(version, certificates if secure else None) as (listener, run):
        opened(listener).say("!close 4003 from the game")
        until(lambda: listener.is_over() and run.find("closed"), listener)
        assert listener.told == [("server_close_request", 4003, "from the game"), ("connection_closed", True)]


@SECURE
def test_a_connection_that_the_engine_drops_is_unclean(secure: bool, certificates: Certificates) -> None:
    with heard("4", certificates if secure else None) as (listener, _):
        opened(listener).say("!drop")
        until(listener.is_over, listener)
        assert listener.told == [("connection_closed", False)]


@BOTH
@SECURE
def test_a_server_that_is_killed_is_unclean(version: str, secure: bool, certificates: Certificates) -> None:
    with heard(version, certificates if secure else None) as (listener, run):
        opened(listener)
        run.kill()
        until(listener.is_over, listener)
        assert listener.told == [("connection_closed", False)]
        assert listener.client.get_close_cause().cause is Cause.TCP


def test_a_server_that_is_not_there_is_an_error() -> None:
    listener = Listener()
    assert listener.client.connect_to_url(f"ws://127.0.0.1:{free_port()}") is OK
    until(lambda: listener.told, listener)
    assert listener.told == [("connection_error",)]
    assert listener.client.get_close_cause().cause is Cause.TCP


@BOTH
def test_an_echo_over_our_limit_is_1009_at_the_engine(version: str) -> None:
    with heard(version, limit=65_535) as (listener, run):
        opened(listener).client.get_peer(1).put_packet(bytes(65_536))
        until(listener.is_over, listener)
        assert listener.told == [("connection_closed", False)]
        assert listener.client.get_close_cause().cause is Cause.TOO_BIG
        event = run.wait_for("closed" if version == "4" else "close_request")
        assert (event["code"], event["reason"]) == (1009, "Message too big")
