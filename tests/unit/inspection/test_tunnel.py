"""The proxy: what goes in comes out in both directions, with the upgrade and the end around it."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gdpeer import Cause, TLSOptions, WebSocketPeer
from gdpeer.errors import TransportError
from gdpeer.inspection import tunnel as module
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.tunnel import Ended, Opened, Passed, Refused, Tunnel
from tests.support.ports import free_port
from tests.unit.inspection.tunnel_setup import BINARY, TEXT, State, TunnelSetup, running_tunnel

BOTH = [Direction.TO_SERVER, Direction.TO_CLIENT]


def opened(setup: TunnelSetup) -> Opened:
    [event] = setup.events_of(Opened)
    assert isinstance(event, Opened)
    return event


@pytest.mark.parametrize(
    "message",
    [Message(b"", True), Message(b"", False), Message("grüße".encode(), True), Message(bytes(3_000_000), False)],
    ids=["empty text", "empty binary", "text", "large"],
)
def test_messages_go_through_unchanged_and_are_reported(message: Message) -> None:
    with running_tunnel(inbound_buffer_size=8_000_000, outbound_buffer_size=8_000_000) as setup:
        client = setup.join(inbound_buffer_size=8_000_000, outbound_buffer_size=8_000_000)
        client.send(message.data, TEXT if message.is_text else BINARY)
        assert setup.answer(client) == message.data
        assert client.was_string_packet() == message.is_text
        assert setup.heard == [message]
        seen = setup.events_of(Passed)
        assert [(event.direction, event.message, event.is_lost) for event in seen] == [
            (direction, message, False) for direction in BOTH
        ]


def test_path_query_and_headers_reach_the_server() -> None:
    with running_tunnel() as setup:
        setup.join("/game?room=1", handshake_headers=["Cookie: a=b", "Origin: http://page.example", "X-Own: 1"])
        [peer] = setup.server.peers.values()
        assert peer.get_requested_url() == f"ws://127.0.0.1:{setup.server.get_local_port()}/game?room=1"
        headers = peer.get_handshake_headers()
        assert [headers.get(name) for name in ("cookie", "origin", "x-own")] == ["a=b", "http://page.example", "1"]
        assert opened(setup).target == "/game?room=1"


def test_a_path_of_the_url_stands_instead_of_the_clients() -> None:
    with running_tunnel(lambda url: Tunnel(f"{url}/fixed?a=1")) as setup:
        setup.join("/other?b=2")
        [peer] = setup.server.peers.values()
        assert peer.get_requested_url().endswith("/fixed?a=1")


def test_the_sub_protocol_is_the_servers_choice() -> None:
    with running_tunnel(protocols=("b", "c")) as setup:
        client = setup.join(supported_protocols=["a", "c", "b"])
        assert client.get_selected_protocol() == "c"
        assert opened(setup).protocol == "c"


def test_compression_where_both_have_it() -> None:
    with running_tunnel(compression=True) as setup:
        client = setup.join(compression=True)
        assert opened(setup).is_compressed
        client.send(b"again " * 1000)
        assert setup.answer(client) == b"again " * 1000
        assert client.get_stats().bytes_sent < 1000


def test_no_compression_where_the_server_has_none() -> None:
    with running_tunnel() as setup:
        client = setup.join(compression=True)
        assert not opened(setup).is_compressed
        assert "sec-websocket-extensions" not in client.get_handshake_headers()


def refusal(setup: TunnelSetup, client: WebSocketPeer) -> tuple[Cause, int]:
    setup.until(lambda: client.get_ready_state() is State.CLOSED and setup.events_of(Refused))
    assert setup.events_of(Opened) == []
    cause = client.get_close_cause()
    return cause.cause, cause.status


def test_a_refusal_comes_through_with_its_status() -> None:
    with running_tunnel(allowed_origins=["http://good.example"]) as setup:
        client = setup.client(handshake_headers=["Origin: http://evil.example"])
        assert refusal(setup, client) == (Cause.HTTP_STATUS, 403)
        assert "may not connect" in client.get_close_cause().detail


def test_no_server_is_502() -> None:
    with running_tunnel(lambda url: Tunnel(f"ws://127.0.0.1:{free_port()}")) as setup:
        assert refusal(setup, setup.client()) == (Cause.HTTP_STATUS, 502)


def test_a_request_that_the_server_cannot_be_asked_is_502(tmp_path: Path) -> None:
    missing = TLSOptions.client(str(tmp_path / "no.pem"))
    with running_tunnel(lambda url: Tunnel("wss://localhost", missing)) as setup:
        assert refusal(setup, setup.client()) == (Cause.HTTP_STATUS, 502)


def request(setup: TunnelSetup, data: bytes) -> bytes:
    """Returns the answer to some bytes."""
    with socket.create_connection(("127.0.0.1", setup.port)) as stream:
        stream.sendall(data)
        stream.setblocking(False)
        found = bytearray()

        def has_all() -> bool:
            try:
                chunk = stream.recv(65536)
            except BlockingIOError:
                return False
            found.extend(chunk)
            return not chunk

        setup.until(has_all)
        return bytes(found)


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"426"),
        (b"rubbish\r\n\r\n", b"400"),
        (UPGRADE.replace(b": 13", b": 12"), b"426"),
    ],
    ids=["a page", "rubbish", "another version"],
)
def test_what_is_no_upgrade_is_refused(data: bytes, status: bytes) -> None:
    with running_tunnel() as setup:
        assert request(setup, data).split(b" ", 2)[1] == status
        setup.until(lambda: setup.events_of(Refused))
        setup.until(lambda: not setup.server.peers)


@contextmanager
def before_silence() -> Iterator[tuple[TunnelSetup, socket.socket]]:
    """A tunnel to a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        with running_tunnel(lambda url: Tunnel(f"ws://127.0.0.1:{silent.getsockname()[1]}")) as setup:
            yield setup, silent


def test_too_much_before_the_answer_is_refused() -> None:
    with before_silence() as (setup, _):
        assert request(setup, UPGRADE + bytes(100_000)).split(b" ", 2)[1] == b"400"


def test_a_server_that_does_not_answer_is_504(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.05)
    with before_silence() as (setup, _):
        assert refusal(setup, setup.client()) == (Cause.HTTP_STATUS, 504)


def test_a_request_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.05)
    with running_tunnel() as setup:
        assert request(setup, b"GET /").split(b" ", 2)[1] == b"408"


def test_a_client_that_goes_while_the_server_is_asked() -> None:
    with before_silence() as (setup, silent):
        client = setup.client()
        setup.until(lambda: select.select([silent], [], [], 0)[0])
        far, _ = silent.accept()
        with far:
            client.close(-1)
            setup.until(lambda: setup.events_of(Refused))
            far.settimeout(10)
            while far.recv(4096):
                pass  # the request, then the end


# --- the end


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, "bye, Jürgen"), (3000, "x" * 123)])
def test_a_close_of_the_client_comes_through(code: int, reason: str) -> None:
    with running_tunnel() as setup:
        client = setup.join()
        client.close(code, reason)
        setup.until(lambda: setup.ended and client.get_ready_state() is State.CLOSED)
        assert setup.ended == [(True, code, reason)]
        assert client.get_close_code() == code
        [end] = setup.events_of(Ended)
        assert end[2:] == (Direction.TO_SERVER, code, reason)


def test_a_close_of_the_server_comes_through_behind_its_messages() -> None:
    with running_tunnel() as setup:
        client = setup.join()
        [peer] = setup.server.peers.values()
        for number in range(100):
            peer.send(b"%d" % number)
        peer.close(4002, "enough")
        setup.until(lambda: client.get_ready_state() is State.CLOSED)
        assert [*client] == [b"%d" % number for number in range(100)]
        assert (client.get_close_code(), client.get_close_reason()) == (4002, "enough")
        assert setup.events_of(Ended)[0].direction is Direction.TO_CLIENT


def test_a_connection_that_breaks_breaks_on_the_other_side() -> None:
    with running_tunnel() as setup:
        client = setup.join()
        client.close(-1)
        setup.until(lambda: setup.ended)
        assert setup.ended == [(False, -1, "")]
        assert setup.events_of(Ended)[0].code == -1


def test_a_close_without_a_code_becomes_1000() -> None:
    with running_tunnel() as setup:
        with socket.create_connection(("127.0.0.1", setup.port)) as stream:
            stream.sendall(UPGRADE)
            setup.until(lambda: setup.server.peers)
            stream.sendall(b"\x88\x80\x00\x00\x00\x00")
            setup.until(lambda: setup.ended)
        assert setup.ended == [(True, 1000, "")]
        assert setup.events_of(Ended)[0].code == 1005


def test_a_line_is_forgotten_when_both_ends_have_gone() -> None:
    with running_tunnel() as setup:
        client = setup.join()
        client.close()
        setup.until(lambda: not setup.tunnel._lines)
        assert not setup.tunnel.peers


def test_stop_says_1001_to_both() -> None:
    with running_tunnel() as setup:
        client = setup.join()

        def polling() -> None:
            while not (setup.ended and client.get_ready_state() is State.CLOSED):
                setup.server.poll(0.01)
                client.poll(0.01)

        thread = threading.Thread(target=polling)
        thread.start()
        events = setup.tunnel.stop("Done")
        thread.join(10)
        assert setup.ended == [(True, 1001, "Done")]
        assert (client.get_close_code(), client.get_close_reason()) == (1001, "Done")
        assert [event[2:] for event in events if isinstance(event, Ended)] == [(None, 1001, "Done")]


def test_cut_is_an_end_without_a_close_frame() -> None:
    with running_tunnel() as setup:
        client = setup.join()
        setup.tunnel.cut(1)
        setup.tunnel.cut(2)  # nobody
        setup.until(lambda: setup.ended and client.get_ready_state() is State.CLOSED)
        assert (setup.ended, client.get_close_code()) == ([(False, -1, "")], -1)


# --- who does not read


def test_who_does_not_read_holds_the_other_side_back_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.inspection.direction.MOST_HELD", 100_000)
    monkeypatch.setattr(module, "MOST_WAITING", 100_000)
    monkeypatch.setattr(module, "LARGEST", 1_000_000)
    count, size = 400, 100_000
    with running_tunnel(inbound_buffer_size=200_000, outbound_buffer_size=0, max_queued_packets=10_000) as setup:
        client = setup.join(inbound_buffer_size=200_000)
        [peer] = setup.server.peers.values()
        for number in range(count):
            peer.send(b"%6d" % number + bytes(size))
        for _ in range(300):  # the client does not read what it has: its inbox fills, then TCP, then the tunnel
            setup.poll()
        assert peer.get_current_outbound_buffered_amount() > 0, "the tunnel took everything"
        peer.close(4000, "last")
        got = 0
        while got < count:
            packet = setup.answer(client)
            assert packet[:6] == b"%6d" % got
            got += 1
        setup.until(lambda: client.get_ready_state() is State.CLOSED)
        assert client.get_close_code() == 4000


def test_the_url_must_be_one() -> None:
    with pytest.raises(ValueError, match="the scheme must be ws or wss"):
        Tunnel("http://localhost")


def test_a_port_in_use() -> None:
    with running_tunnel() as setup, pytest.raises(TransportError, match="in use"):
        Tunnel("ws://localhost").listen("127.0.0.1", setup.port)


def test_pings_and_pongs_go_through_in_both_directions() -> None:
    """Regression: the tunnel answered pings itself, so a round trip was that to the tunnel."""
    with running_tunnel() as setup:
        client = setup.join()
        [peer] = setup.server.peers.values()
        for one, other in ((client, peer), (peer, client)):
            before = other.get_stats().bytes_received
            one.ping(b"payload")
            setup.until(lambda one=one: one.get_latency() >= 0)  # type: ignore[misc]
            assert other.get_stats().bytes_received > before


def test_a_flood_of_pings_is_bounded() -> None:
    with running_tunnel() as setup:
        client = setup.join()
        for _ in range(10_000):
            client.ping(bytes(125))
        client.send_text("after")
        setup.until(lambda: setup.heard)
        client.ping(b"last")
        setup.until(lambda: client.get_latency() >= 0)
        assert setup.answer(client) == b"after"
