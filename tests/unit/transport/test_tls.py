"""TLS over real sockets, with certificates made for the test."""

from __future__ import annotations

import datetime
import errno
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from gdpeer.clock import ManualClock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport import tls
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE, Stream
from gdpeer.transport.tcp import TcpStream
from gdpeer.transport.tls import TlsConnector, TlsStream, client_context, server_context
from tests.unit.transport.support import receive, receive_end, send, tcp_sockets, until


class Authority:
    """An authority, and a certificate of it for localhost."""

    def __init__(self) -> None:
        self.ca = trustme.CA()
        self.leaf = self.ca.issue_cert("localhost", "127.0.0.1", "common.test")
        self.pem = self.ca.cert_pem.bytes()

    def server(self, **options: Any) -> ssl.SSLContext:
        leaf = self.ca.issue_cert("localhost", **options) if options else self.leaf
        return server_context(leaf.private_key_pem.bytes(), b"".join(pem.bytes() for pem in leaf.cert_chain_pems))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with tcp_sockets() as pair:
        yield pair


Pair = tuple[TlsStream, TlsStream]


def shake(client: TlsConnector, server: TlsConnector) -> Pair:
    """Both handshakes, in turns."""
    found: dict[TlsConnector, TlsStream] = {}

    def step() -> bool:
        for connector in (client, server):
            if connector not in found and (stream := connector.advance()) is not None:
                found[connector] = stream
        return len(found) == 2

    until(step)
    return found[client], found[server]


def join(
    sockets: tuple[socket.socket, socket.socket],
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    name: str | None = "localhost",
) -> Pair:
    return shake(
        TlsConnector(TcpStream(sockets[0]), client, server_hostname=name),
        TlsConnector(TcpStream(sockets[1]), server, server_side=True),
    )


def refuse(
    sockets: tuple[socket.socket, socket.socket],
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    name: str | None = "localhost",
) -> list[TransportError]:
    """What the client and the server say (or one of them)."""
    connectors = [
        TlsConnector(TcpStream(sockets[0]), client, server_hostname=name),
        TlsConnector(TcpStream(sockets[1]), server, server_side=True),
    ]
    errors: dict[int, TransportError] = {}
    done: dict[int, Stream] = {}

    def step() -> bool:
        for index, connector in enumerate(connectors):
            try:
                if index in done:
                    done[index].receive_into(bytearray(1))
                elif index not in errors and (stream := connector.advance()) is not None:
                    done[index] = stream
            except TransportError as error:
                errors[index] = error
                if index in done:
                    done.pop(index).close()
        return len(errors) == 2

    until(step)
    for error in errors.values():
        assert error.cause in (Cause.TLS, Cause.TCP)
        assert "\n" not in error.detail
    with pytest.raises(TransportError):
        connectors[0].advance()
    return [errors[0], errors[1]]


@pytest.fixture
def pair(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> Iterator[Pair]:
    streams = join(sockets, authority.server(), client_context(trusted=authority.pem))
    yield streams
    for stream in streams:
        stream.close()


# ---------------------------------------------------------------- the handshake


def test_bytes_go_both_ways_encrypted(pair: Pair) -> None:
    ours, theirs = pair
    assert ours.is_secure
    assert ours.receive_into(bytearray(8)) == WOULD_BLOCK
    send(ours, b"there")
    assert receive(theirs, 5) == b"there"
    send(theirs, b"back")
    assert receive(ours, 4) == b"back"
    assert ours.remote_address == theirs.local_address
    assert ours.local_address == theirs.remote_address


def test_settings_of_both_sides(
    sockets: tuple[socket.socket, socket.socket], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    server = authority.server()
    server.sni_callback = lambda _, name, __: asked.append(name)
    client = client_context(trusted=authority.pem)
    for context in (server, client):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    ours, theirs = join(sockets, server, client)
    assert asked == ["localhost"]
    assert ours._socket.selected_alpn_protocol() == theirs._socket.selected_alpn_protocol() == "http/1.1"
    for stream in (ours, theirs):
        assert stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        stream.set_no_delay(False)
        assert not stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        stream.close()


def test_over_a_unix_socket(authority: Authority) -> None:
    ends = socket.socketpair()
    ours, theirs = join(ends, authority.server(), client_context(trusted=authority.pem))
    ours.set_no_delay(True)
    send(ours, b"x")
    assert receive(theirs, 1) == b"x"
    ours.close()
    theirs.close()


def test_attached_handshake_and_stream(
    sockets: tuple[socket.socket, socket.socket], authority: Authority, poller: Poller
) -> None:
    streams: list[TlsStream] = []
    connectors = [
        TlsConnector(TcpStream(sockets[0]), client_context(trusted=authority.pem), server_hostname="localhost"),
        TlsConnector(TcpStream(sockets[1]), authority.server(), server_side=True),
    ]

    def ready(connector: TlsConnector) -> None:
        if (stream := connector.advance()) is not None:
            streams.append(stream)

    for connector in connectors:
        connector.attach(poller, lambda _, connector=connector: ready(connector))  # type: ignore[misc]
    until(lambda: len(streams) == 2, step=lambda: poller.turn(10.0))
    assert not poller._watches
    assert [connector.advance() for connector in connectors] == [None, None]
    for connector in connectors:
        connector.close()
    got: list[bytes] = []
    streams[0].attach(poller, lambda _: got.append(receive(streams[0], 5)))
    send(streams[1], b"hello")
    until(lambda: got, step=lambda: poller.turn(10.0))
    assert got == [b"hello"]
    for stream in streams:
        stream.close()
    assert not poller._watches


@pytest.mark.parametrize("attached", [False, True])
def test_deadline(sockets: tuple[socket.socket, socket.socket], authority: Authority, attached: bool) -> None:
    clock = ManualClock(50.0)
    connector = TlsConnector(TcpStream(sockets[1]), authority.server(), server_side=True, timeout=3.0, clock=clock)
    errors: list[TransportError] = []

    def advance(_: int = 0) -> None:
        try:
            assert connector.advance() is None
        except TransportError as error:
            errors.append(error)

    with Poller(clock) as poller:
        if attached:
            connector.attach(poller, advance)
        step = poller.turn if attached else advance
        step()
        clock.advance(2.5)
        step()
        assert errors == []
        clock.advance(0.5)
        step()
    (error,) = errors
    assert (error.cause, error.error) == (Cause.TIMEOUT, Error.ERR_TIMEOUT)
    assert error.detail.endswith("failed: not done within 3 s")
    assert f"port {sockets[0].getsockname()[1]}" in error.detail
    assert sockets[1].fileno() == -1


def test_handshake_that_has_no_room_waits_for_it(
    sockets: tuple[socket.socket, socket.socket], authority: Authority
) -> None:
    class Full(ssl.SSLSocket):
        fails = 1

        def do_handshake(self, block: bool = False) -> None:
            if self.fails:
                self.fails -= 1
                raise ssl.SSLWantWriteError
            super().do_handshake(block)

    server = authority.server()
    server.sslsocket_class = Full
    connector = TlsConnector(TcpStream(sockets[1]), server, server_side=True)
    calls: list[int] = []
    with Poller() as poller:
        assert connector.advance() is None
        connector.attach(poller, calls.append)
        poller.turn(10.0)
        poller.turn(10.0)
        assert calls == [WRITE, READ | WRITE, WRITE]
        connector.detach()
        client = TlsConnector(TcpStream(sockets[0]), client_context(trusted=authority.pem), server_hostname="localhost")
        for stream in shake(client, connector):
            stream.close()


def test_closing_on_the_way(authority: Authority) -> None:
    for steps in (0, 1):
        with Poller() as poller, tcp_sockets() as sockets:
            connector = TlsConnector(TcpStream(sockets[1]), authority.server(), server_side=True)
            connector.attach(poller, print)
            for _ in range(steps):
                connector.advance()
            connector.close()
            connector.close()
            assert connector.advance() is None
            assert not poller._watches
            assert connector._plain.fileno() == -1


# ---------------------------------------------------------------- who is not let in


def test_expired_certificate(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    server = authority.server(not_before=past, not_after=past + datetime.timedelta(days=1))
    client_error, server_error = refuse(sockets, server, client_context(trusted=authority.pem))
    assert client_error.detail.startswith("TLS handshake with localhost failed: the certificate has expired")
    assert (client_error.cause, client_error.error) == (Cause.TLS, Error.ERR_CONNECTION_ERROR)
    assert "the other side refused: certificate expired" in server_error.detail


def test_certificate_of_the_future(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    future = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    server = authority.server(not_before=future, not_after=future + datetime.timedelta(days=1))
    assert "is not valid yet" in refuse(sockets, server, client_context(trusted=authority.pem))[0].detail


def test_unknown_authority(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    client_error, server_error = refuse(sockets, authority.server(), client_context(trusted=Authority().pem))
    assert "the certificate comes from an unknown authority" in client_error.detail
    assert "the other side refused: unknown ca" in server_error.detail
    assert server_error.cause is Cause.TLS


def test_systems_authorities_do_not_know_ours(
    sockets: tuple[socket.socket, socket.socket], authority: Authority
) -> None:
    assert "the certificate comes from an unknown" in refuse(sockets, authority.server(), client_context())[0].detail


def test_self_signed_certificate(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    server = server_context(authority.ca.private_key_pem.bytes(), authority.pem)
    assert "is self-signed" in refuse(sockets, server, client_context())[0].detail


def test_certificate_for_another_host(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    client_error, _ = refuse(sockets, authority.server(), client_context(trusted=authority.pem), "other.test")
    assert client_error.detail == ("TLS handshake with other.test failed: the certificate is for another host")


def test_certificate_for_another_ip_address(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    client_error, _ = refuse(sockets, authority.server(), client_context(trusted=authority.pem), "127.0.0.2")
    assert "for another host (not for this IP address)" in client_error.detail


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "common.test"])
def test_any_of_the_certificates_names_will_do(
    sockets: tuple[socket.socket, socket.socket], authority: Authority, name: str
) -> None:
    for stream in join(sockets, authority.server(), client_context(trusted=authority.pem), name):
        stream.close()


@pytest.mark.parametrize("name", ["other.test", None])
def test_host_is_not_checked_when_told_so(
    sockets: tuple[socket.socket, socket.socket], authority: Authority, name: str | None
) -> None:
    client = client_context(verify_hostname=False, trusted=authority.pem)
    for stream in join(sockets, authority.server(), client, name):
        stream.close()


def test_nothing_is_checked_when_told_so(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    for stream in join(sockets, authority.server(), client_context(verify=False), "other.test"):
        stream.close()


def test_servers_own_certificate_can_be_trusted(
    sockets: tuple[socket.socket, socket.socket], authority: Authority
) -> None:
    own = authority.leaf.cert_chain_pems[0].bytes()
    for stream in join(sockets, authority.server(), client_context(trusted=own)):
        stream.close()


@pytest.mark.parametrize("name", [None, "", ".x", "a" * 70])
def test_missing_or_impossible_name_is_a_failure(
    sockets: tuple[socket.socket, socket.socket], authority: Authority, name: str | None
) -> None:
    connector = TlsConnector(TcpStream(sockets[0]), client_context(trusted=authority.pem), server_hostname=name)
    with pytest.raises(TransportError) as caught:
        connector.advance()
    assert caught.value.cause is Cause.TLS
    assert sockets[0].fileno() == -1 or connector._plain.fileno() == -1


def serve_alone(sock: socket.socket, context: ssl.SSLContext) -> TransportError:
    connector = TlsConnector(TcpStream(sock), context, server_side=True)
    with pytest.raises(TransportError) as caught:
        until(connector.advance)
    assert caught.value.cause is Cause.TLS
    assert "\n" not in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "a plain HTTP request arrived instead of TLS"),
        (b"SSH-2.0-OpenSSH_9.9 and so on\r\n", "what arrived is not TLS"),
        (b"\x16\x03\x01\x00\x02\x01\x00", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_plain_text_and_port_scans(
    sockets: tuple[socket.socket, socket.socket], authority: Authority, data: bytes, words: str
) -> None:
    sockets[0].sendall(data)
    sockets[0].shutdown(socket.SHUT_WR)
    assert words in serve_alone(sockets[1], authority.server()).detail


def test_reset_in_the_handshake(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sockets[0].close()
    assert "closed the connection" in serve_alone(sockets[1], authority.server()).detail


def test_plain_server_at_a_tls_client(sockets: tuple[socket.socket, socket.socket], authority: Authority) -> None:
    sockets[1].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connector = TlsConnector(TcpStream(sockets[0]), client_context(trusted=authority.pem), server_hostname="localhost")
    with pytest.raises(TransportError, match="what arrived is not TLS") as caught:
        until(connector.advance)
    assert caught.value.cause is Cause.TLS


def test_peer_that_speaks_no_version_of_ours(
    sockets: tuple[socket.socket, socket.socket], authority: Authority
) -> None:
    client = client_context(trusted=authority.pem)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    server = authority.server()
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    client_error, server_error = refuse(sockets, server, client)
    assert "the other side refused our versions of TLS, 1.2 and 1.3" in client_error.detail
    assert "versions of TLS that are too old" in server_error.detail


# ---------------------------------------------------------------- the stream


def arrived(stream: TlsStream, size: int = 1) -> bytes:
    """What waits in the socket below the TLS, once there are so many bytes; it stays there."""
    with socket.socket(fileno=os.dup(stream._socket.fileno())) as raw:
        raw.setblocking(False)

        def peek() -> bytes:
            try:
                data = raw.recv(1 << 20, socket.MSG_PEEK)
            except BlockingIOError:
                return b""
            return data if len(data) >= size else b""

        return until(peek)


def records_of(data: bytes) -> list[int]:
    """The lengths of TLS records."""
    found = []
    while data:
        _, _, length = struct.unpack("!BHH", data[:5])
        found.append(length)
        data = data[5 + length :]
    return found


def drain(stream: Stream) -> None:
    """Take the session tickets out of the way."""
    assert stream.receive_into(bytearray(1)) == WOULD_BLOCK


def test_small_chunks_share_a_record(pair: Pair) -> None:
    ours, theirs = pair
    drain(ours)
    assert theirs.send([b"head", bytearray(b"x" * 100), memoryview(b"tail")] * 20) == 20 * 108
    assert len(records_of(arrived(ours, 20 * 108))) == 1


def test_chunks_are_cut_into_records() -> None:
    chunks = [b"a" * 10_000, b"b" * 40_000, b"", memoryview(b"c" * 10)]
    records = [bytes(record) for record in tls._records(chunks, 5)]
    assert [len(record) for record in records] == [16384, 16384, 16384, 50_005 - 3 * 16384]
    assert b"".join(records) == b"".join(chunks)[5:]
    whole = memoryview(b"x" * 100)
    (record,) = tls._records([b"skipped", whole], 7)
    assert record.obj is whole.obj
    assert list(tls._records([], 0)) == []
    assert list(tls._records([b"ab"], 2)) == []


def test_full_socket_is_sent_again_byte_for_byte(pair: Pair) -> None:
    ours, theirs = pair
    choice = random.Random(3)
    data = choice.randbytes(12_000_000)
    sent = 0
    got = bytearray()
    buffer = bytearray(100_000)
    zeros = 0
    while len(got) < len(data):
        size = choice.randint(1, 60_000)  # the same bytes, in other chunks each time
        cut = choice.randint(0, size)
        rest = [data[sent : sent + cut], data[sent + cut : sent + max(size, 20_000)]]
        count = ours.send(rest) if sent < len(data) else 0
        sent += count
        zeros += not count
        if not count:
            while (count := theirs.receive_into(buffer)) > 0:
                got += buffer[:count]
    assert got == data
    assert zeros


def test_attached_writer_waits_for_room(pair: Pair, poller: Poller) -> None:
    ours, theirs = pair
    calls: list[int] = []
    while ours.send([b"x" * 100_000]):
        pass
    ours.want_read(False)
    ours.want_write(True)
    ours.attach(poller, calls.append)
    poller.turn(0.01)
    assert calls == []
    buffer = bytearray(1 << 16)
    until(lambda: calls, step=lambda: (theirs.receive_into(buffer), poller.turn(0.001)))
    assert calls[0] == WRITE
    ours.want_write(False)
    calls.clear()
    poller.turn(0.01)
    assert calls == []


def test_bytes_inside_are_pending_and_told_of(pair: Pair, poller: Poller) -> None:
    ours, theirs = pair
    got: list[bytes] = []
    buffer = bytearray(4)

    def ready(events: int) -> None:
        assert events == READ
        count = theirs.receive_into(buffer)
        if count > 0:
            got.append(bytes(buffer[:count]))

    theirs.attach(poller, ready)
    send(ours, b"0123456789")
    until(lambda: got, step=lambda: poller.turn(10.0))
    assert theirs.has_pending()
    poller.turn(30.0)
    poller.turn(30.0)
    assert got == [b"0123", b"4567", b"89"]
    assert not theirs.has_pending()
    calls = len(got)
    poller.turn(0.01)
    assert len(got) == calls


def test_bytes_inside_are_told_of_again_when_wanted_again(pair: Pair, manual_poller: Poller) -> None:
    ours, theirs = pair
    send(ours, b"0123456789")
    until(lambda: theirs.receive_into(bytearray(2)) > 0)
    calls: list[int] = []
    theirs.want_read(False)
    theirs.attach(manual_poller, calls.append)
    manual_poller.turn()
    assert calls == []
    theirs.want_read(True)
    manual_poller.turn()
    manual_poller.turn()
    assert calls == [READ, READ]
    theirs.want_read(False)
    manual_poller.turn()
    theirs.want_read(True)
    theirs.detach()
    manual_poller.turn()
    assert calls == [READ, READ]
    theirs.attach(manual_poller, print)
    with Poller() as other:
        theirs.attach(other, calls.append)
        manual_poller.turn()
        other.turn()
        assert calls == [READ, READ, READ]
        theirs.detach()


def test_end_with_close_notify_leaves_the_other_direction_open(pair: Pair) -> None:
    ours, theirs = pair
    send(ours, b"last")
    ours.close_write()
    ours.close_write()
    assert receive(theirs, 4) == b"last"
    receive_end(theirs)
    send(theirs, b"answer")
    assert receive(ours, 6) == b"answer"
    theirs.close_write()
    receive_end(ours)
    with pytest.raises(TransportError, match="sent after close_write"):
        theirs.send([b"secret"])


def test_close_notify_and_fin_leave_at_once(pair: Pair) -> None:
    ours, theirs = pair
    drain(ours)
    theirs.close_write()
    assert len(records_of(arrived(ours))) == 1
    with socket.socket(fileno=os.dup(ours._socket.fileno())) as raw:
        raw.setblocking(True)
        raw.settimeout(10.0)
        while raw.recv(1 << 16):
            pass  # and then the end


def test_what_has_arrived_stays_readable_after_close_write(pair: Pair, poller: Poller) -> None:
    ours, theirs = pair
    data = bytes(range(256)) * 200
    send(theirs, data)
    arrived(ours, len(data))
    got = bytearray()
    buffer = bytearray(10_000)

    def ready(_: int) -> None:
        count = ours.receive_into(buffer)
        got.extend(buffer[: max(count, 0)])

    ours.attach(poller, ready)
    ours.close_write()
    assert ours.has_pending()
    send(theirs, b"and what came later")
    until(lambda: len(got) >= len(data) + 19, step=lambda: poller.turn(5.0))
    assert got == data + b"and what came later"


def test_close_write_after_the_others_close_notify(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close_write()
    receive_end(ours)
    ours.close_write()
    receive_end(ours)
    receive_end(theirs)
    assert not ours.has_pending()


def test_close_write_that_the_socket_refuses(pair: Pair) -> None:
    ours, theirs = pair
    theirs._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    until(lambda: ours._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    ours.close_write()
    receive_end(ours)


def test_close_write_with_no_room_left(pair: Pair) -> None:
    ours, theirs = pair
    while ours.send([b"x" * 100_000]):
        pass
    ours.close_write()
    send(theirs, b"still")
    assert receive(ours, 5) == b"still"


def test_flood_while_closing_is_kept_to_a_limit(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair
    monkeypatch.setattr(tls, "_MOST_KEPT", 20_000)
    assert theirs.send([b"x" * 100_000]) == 100_000
    arrived(ours, 60_000)
    ours.close_write()
    assert len(receive(ours, 100_000)) == 32768
    receive_end(ours)


def test_end_without_close_notify_is_an_end(pair: Pair) -> None:
    ours, theirs = pair
    send(theirs, b"last")
    theirs.close()
    assert receive(ours, 4) == b"last"
    receive_end(ours)


def test_reset_ends_the_stream_and_nothing_can_be_sent_any_more(pair: Pair) -> None:
    """OpenSSL does not tell Python every time that it was a reset; the data ends here in any case."""
    ours, theirs = pair
    theirs._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    found: list[TransportError] = []
    try:
        receive_end(ours)
    except TransportError as problem:
        found.append(problem)
    assert all(problem.cause is Cause.TCP and "reset by the other side" in problem.detail for problem in found)
    with pytest.raises(TransportError):
        until(lambda: not ours.send([b"x"]))


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ECONNRESET, "reset by the other side"), (errno.ETIMEDOUT, "no answer")]
)
def test_failure_of_the_socket_below(crossed: Any, number: int, words: str) -> None:
    ours, _, script = crossed
    script["recv"] = [OSError(number, "below")]
    script["send"] = [OSError(number, "below")]
    for call in (lambda: ours.receive_into(bytearray(8)), lambda: ours.send([b"x"])):
        with pytest.raises(TransportError, match=words) as caught:
            call()
        assert caught.value.cause is Cause.TCP


def test_sending_to_a_closed_side_is_a_transport_error(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(TransportError):
        until(lambda: not ours.send([b"x"]))


def test_garbage_is_a_tls_failure(pair: Pair) -> None:
    ours, theirs = pair
    socket.socket.send(theirs._socket, b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(TransportError, match="TLS broke: ") as caught:
        until(lambda: ours.receive_into(bytearray(8)) != WOULD_BLOCK)
    assert (caught.value.cause, caught.value.error) == (Cause.TLS, Error.ERR_CONNECTION_ERROR)


def test_closed_stream_raises_and_closes_again(pair: Pair) -> None:
    ours, _ = pair
    ours.close()
    ours.close()
    for call in (lambda: ours.receive_into(bytearray(1)), lambda: ours.send([b"x"])):
        with pytest.raises(TransportError, match="closed by this side"):
            call()
    assert not ours.has_pending()
    ours.set_no_delay(True)
    ours.close_write()


class Crossed(ssl.SSLSocket):
    """Wants to write in order to read and the other way round, as a renegotiation does."""

    script: dict[str, list[type[OSError] | OSError]]

    def recv_into(self, *arguments: Any) -> int:
        return self._play("recv") or super().recv_into(*arguments)

    def send(self, *arguments: Any) -> int:
        return self._play("send") or super().send(*arguments)

    def _play(self, call: str) -> int:
        steps: list[type[OSError] | OSError] = getattr(self, "script", {}).get(call, [])
        if steps:
            raise steps.pop(0)
        return 0


@pytest.fixture
def crossed(
    sockets: tuple[socket.socket, socket.socket], authority: Authority
) -> Iterator[tuple[TlsStream, TlsStream, dict[str, list[type[OSError] | OSError]]]]:
    client = client_context(trusted=authority.pem)
    client.sslsocket_class = Crossed
    ours, theirs = join(sockets, authority.server(), client)
    drain(ours)
    script: dict[str, list[type[OSError] | OSError]] = {"recv": [], "send": []}
    ours._socket.script = script  # type: ignore[attr-defined]
    yield ours, theirs, script
    ours.close()
    theirs.close()


def test_sending_that_has_to_read_first(crossed: Any, poller: Poller) -> None:
    ours, theirs, script = crossed
    calls: list[int] = []
    ours.attach(poller, calls.append)
    ours.want_read(False)
    script["send"] = [ssl.SSLWantReadError, ssl.SSLWantReadError]
    assert ours.send([b"hello"]) == 0
    ours.want_write(True)
    poller.turn(0.01)
    assert calls == []  # there is room, but that is not what is missing
    send(theirs, b"x")
    poller.turn(10.0)
    assert calls == [READ | WRITE]
    assert ours.send([b"hello"]) == 0
    assert ours.send([b"hel", b"lo", b" again"]) == 11
    assert receive(theirs, 11) == b"hello again"
    poller.turn(10.0)
    assert calls == [READ | WRITE, WRITE]


def test_receiving_that_has_to_write_first(crossed: Any, poller: Poller) -> None:
    ours, theirs, script = crossed
    calls: list[int] = []
    ours.attach(poller, calls.append)
    send(theirs, b"hello")
    poller.turn(10.0)
    script["recv"] = [ssl.SSLWantWriteError, ssl.SSLWantWriteError]
    assert ours.receive_into(bytearray(8)) == WOULD_BLOCK
    poller.turn(10.0)
    assert calls == [READ, READ | WRITE]
    assert ours.receive_into(bytearray(8)) == WOULD_BLOCK
    buffer = bytearray(8)
    assert ours.receive_into(buffer) == 5
    poller.turn(0.01)
    assert calls == [READ, READ | WRITE]


# ---------------------------------------------------------------- keys and certificates


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["bytes", "path", "str", "mixed"])
@pytest.mark.parametrize("chained", [False, True])
def test_keys_and_certificates_in_any_form(
    sockets: tuple[socket.socket, socket.socket], tmp_path: Path, form: str, chained: bool
) -> None:
    root = trustme.CA()
    middle = root.create_child_ca()
    leaf = middle.issue_cert("localhost")
    key = leaf.private_key_pem.bytes()
    certificate, *others = (pem.bytes() for pem in leaf.cert_chain_pems)
    if not chained:
        certificate, others = certificate + b"".join(others), []
    forms: dict[str, tuple[Callable[[str, bytes], Any], ...]] = {
        "bytes": (lambda _, data: data,) * 4,
        "path": (lambda name, data: write(tmp_path, name, data),) * 4,
        "str": (lambda name, data: str(write(tmp_path, name, data)),) * 4,
        "mixed": (lambda _, data: data, lambda name, data: write(tmp_path, name, data)) * 2,
    }
    shapes = forms[form]
    server = server_context(
        shapes[0]("key", key),
        shapes[1]("certificate", certificate),
        shapes[2]("chain", b"".join(others)) if others else None,
    )
    client = client_context(trusted=shapes[3]("root", root.cert_pem.bytes()))
    for stream in join(sockets, server, client):
        stream.close()


def test_key_in_memory_leaves_no_file_behind(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modes: list[int] = []
    real = ssl.SSLContext.load_cert_chain

    def load(self: ssl.SSLContext, *paths: Any, **options: Any) -> None:
        modes.extend(os.stat(path).st_mode & 0o777 for path in paths)
        real(self, *paths, **options)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    authority.server()
    assert modes == [0o600, 0o600]
    assert list(tmp_path.iterdir()) == []


def test_keys_and_certificates_that_do_not_serve(authority: Authority) -> None:
    leaf, other = authority.leaf, authority.ca.issue_cert("other.test")
    key, certificate = leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes()
    damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for call, words in (
        (lambda: server_context(other.private_key_pem.bytes(), certificate), "does not belong to the certificate"),
        (lambda: server_context(certificate, key), "cannot use key: there is no PRIVATE KEY"),
        (lambda: server_context(key, key), "cannot use certificate: there is no CERTIFICATE"),
        (lambda: server_context(key, certificate, b""), "cannot use certificate chain"),
        (lambda: server_context(key, damaged), "cannot use key and certificate: the PEM text is damaged"),
        (lambda: client_context(trusted=key), "cannot use trusted certificates: there is no CERTIFICATE"),
        (lambda: client_context(trusted=damaged), "cannot use trusted certificates: "),
        (lambda: client_context(trusted="/nowhere/ca.pem"), "no such file"),
    ):
        with pytest.raises(TransportError) as caught:
            call()
        assert words in caught.value.detail
        assert "_ssl.c" not in caught.value.detail
        assert caught.value.cause is Cause.TLS


def test_temporary_file_that_cannot_be_made(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(TransportError, match="cannot use key: no temporary file for it"):
        authority.server()


def test_comments_around_trusted_certificates_are_passed_over(authority: Authority) -> None:
    context = client_context(trusted="# Müller & Söhne\n".encode() + authority.pem + b"\nthe end\n")
    assert len(context.get_ca_certs()) == 1


def test_words_for_what_openssl_says_seldom() -> None:
    refusal = ssl.SSLCertVerificationError(1, "refused")
    refusal.verify_code, refusal.verify_message = 999, "odd"
    assert tls._words(refusal) == "the certificate is refused: odd"
    assert tls._words(ssl.SSLError(1, "[SSL] something (_ssl.c:1)")) == "something"
    assert tls._words(ssl.SSLZeroReturnError()) == "the other side closed the connection"
    assert tls._words(OSError(errno.EPIPE, "pipe")) == "the other side closed the connection"
    assert tls._words(ValueError("no name")) == "no name"


def test_rest_of_the_layer_needs_no_ssl() -> None:
    code = """
import sys
sys.modules["ssl"] = None
import gdpeer.transport.listener, gdpeer.transport.memory, gdpeer.transport.tcp, gdpeer.transport.pem
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_two_threads_may_have_a_connection_each(authority: Authority) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with tcp_sockets() as sockets:
                streams = join(sockets, server, client)
                send(streams[0], b"x" * 1000)
                assert receive(streams[1], 1000) == b"x" * 1000
                for stream in streams:
                    stream.close()
        except BaseException as error:
            failures.append(error)

    server, client = authority.server(), client_context(trusted=authority.pem)
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
