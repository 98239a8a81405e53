"""The system watches no more sockets: the connection that it refuses ends, with a reason, and nobody else notices.

`Short` stands for `epoll_ctl` at its limit; `tests/trust/test_watches.py` has the system's own refusal.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gdpeer import ERR_CANT_CREATE, OK, Cause, TLSOptions, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer
from gdpeer.transport import poller as poller_module
from gdpeer.transport.poller import Poller
from gdpeer.transport.readiness import EpollBackend, SelectorsBackend, open_backend
from tests.support.certificates import make_certificates

PATIENCE = 20.0
OPEN, CLOSED = WebSocketPeer.STATE_OPEN, WebSocketPeer.STATE_CLOSED
LARGE = bytes(3_000_000)


class Short:
    """The system's way, but for the changes that it refuses.

    Args:
        refuses: asked with the number of each change, from 1 on, and what it is to look for.
        number: of the error.
    """

    def __init__(self, refuses: Callable[[int, int], bool], number: int = errno.ENOSPC) -> None:
        self._inner: EpollBackend | SelectorsBackend = open_backend()
        self._refuses = refuses
        self._number = number
        self.descriptor = self._inner.descriptor
        self.wait = self._inner.wait
        self.changes = 0

    def change(self, descriptor: int, old: int, new: int) -> None:
        self.changes += 1
        if self._refuses(self.changes, new):
            raise OSError(self._number, os.strerror(self._number))
        self._inner.change(descriptor, old, new)

    def close(self) -> None:
        self._inner.close()


def serving(backend: Short, answer: bytes = b"answer") -> WebSocketServer:
    """Answers each message."""
    server = WebSocketServer()
    server._turn.poller = Poller(backend=backend)
    server.bind_ip = "127.0.0.1"
    server.outbound_buffer_size = 0
    server.handshake_timeout = 2.0
    server.max_queued_packets = 4
    server.data_received.connect(lambda peer_id: server.get_peer(peer_id).send(answer))  # type: ignore[union-attr]
    return server


def run(server: WebSocketServer, clients: list[WebSocketPeer], done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "took too long"
        server.poll(0.002)
        for client in clients:
            client.poll()


def joining(server: WebSocketServer, scheme: str, authority: str) -> WebSocketPeer:
    client = WebSocketPeer()
    client.inbound_buffer_size = 2 * len(LARGE)
    options = TLSOptions.client(authority) if scheme == "wss" else None
    assert client.connect_to_url(f"{scheme}://127.0.0.1:{server.get_local_port()}", options) is OK
    return client


def one_session(server: WebSocketServer, scheme: str, authority: str, answer: bytes) -> int:
    """Three clients come, ask, and go; how many of them had their answer."""
    assert server.listen(0) is OK
    clients = [joining(server, scheme, authority) for _ in range(3)]
    run(server, clients, lambda: all(c.get_ready_state() in (OPEN, CLOSED) for c in clients))
    for client in clients:
        client.send(b"x")
    run(
        server,
        clients,
        lambda: all(c.get_available_packet_count() or c.get_ready_state() is CLOSED for c in clients),
    )
    served = [client for client in clients if client.get_packet() == answer]
    for client in served:
        client.close()
    run(server, clients, lambda: all(c.get_ready_state() is CLOSED for c in clients))
    run(server, clients, lambda: server.stats().peers + server.stats().pending == 0)
    assert sum(client.get_close_cause().cause is Cause.CLOSED for client in clients) >= 2
    return len(served)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_whichever_change_is_refused_only_one_connection_ends(
    scheme: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From the accept to the close; without TLS, with a message too large for the system's buffers on the way."""
    answer = LARGE if scheme == "ws" else b"answer"
    made = make_certificates(tmp_path)
    for at in range(2, 100):  # the first one is the port's
        backend = Short(lambda number, new, at=at: number == at)  # type: ignore[misc]
        server = serving(backend, answer)
        if scheme == "wss":
            server.private_key, server.ssl_certificate = str(made.key), str(made.certificate)
        with server:
            served = one_session(server, scheme, str(made.authority), answer)
        assert served >= 2
        if backend.changes < at:
            assert served == 3
            break
    assert at > (9 if scheme == "ws" else 12)
    assert "the system watches no more sockets: its limit is reached" in caplog.text


def test_newcomers_are_refused_while_the_system_watches_no_more_and_those_inside_stay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "gdpeer")
    is_full = False
    server = serving(Short(lambda number, new: is_full and new > 0, errno.ENOMEM))
    with server:
        assert server.listen(0) is OK
        first = joining(server, "ws", "")
        run(server, [first], lambda: first.get_ready_state() is OPEN)
        is_full = True
        crowd = [joining(server, "ws", "") for _ in range(5)]
        run(server, crowd, lambda: all(c.get_ready_state() is CLOSED for c in crowd))
        assert server.stats().refused == {"tcp": 5}
        assert server.stats().pending == 0
        is_full = False
        last = joining(server, "ws", "")
        run(server, [first, last], lambda: last.get_ready_state() is OPEN)
        for client in (first, last):
            client.send(b"x")
        run(server, [first, last], lambda: all(c.get_available_packet_count() for c in (first, last)))
    warnings = [line.getMessage() for line in caplog.records if line.levelno == logging.WARNING]
    assert warnings == [  # once a minute
        "the system watches no more sockets: Cannot allocate memory; connections are refused as long as that lasts"
    ]


def test_a_port_that_cannot_be_watched_is_not_opened() -> None:
    server = serving(Short(lambda number, new: True))
    assert server.listen(0) is ERR_CANT_CREATE
    assert server.get_listen_error().startswith("the system watches no more sockets")
    assert not server.is_listening()


def test_a_client_that_cannot_be_watched_ends_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "open_backend", lambda: Short(lambda number, new: True))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = WebSocketPeer()
        assert client.connect_to_url(f"ws://127.0.0.1:{listening.getsockname()[1]}") is OK
        began = time.monotonic()
        while client.get_ready_state() is not CLOSED and time.monotonic() < began + PATIENCE:
            client.poll(PATIENCE)
        assert time.monotonic() < began + PATIENCE
        assert client.get_close_cause().cause is Cause.TCP
        assert "the system watches no more sockets" in client.get_close_cause().detail


def test_so_does_a_client_of_a_name_and_of_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "open_backend", lambda: Short(lambda number, new: True))
    client = WebSocketMultiplayerPeer()
    assert client.create_client("ws://localhost:1") is OK
    end = time.monotonic() + PATIENCE
    while client.get_connection_status() != client.CONNECTION_DISCONNECTED and time.monotonic() < end:
        client.poll(0.1)
    assert "the system watches no more sockets" in client.get_close_cause().detail


def test_a_listener_goes_on_after_a_pause_that_cannot_be_ended_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors ran out; and when it is to be watched again, the system refuses that, too."""
    is_full = False
    server = serving(Short(lambda number, new: is_full))
    with server:
        assert server.listen(0) is OK
        listener = server._listeners.listeners[0]
        client = joining(server, "ws", "")
        listener._pause(errno.EMFILE)
        is_full = True
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            server.poll(0.01)
            client.poll()
        assert client.get_ready_state() is not OPEN
        listener._pause(errno.EMFILE)  # again, and it cannot be left unwatched either
        is_full = False
        run(server, [client], lambda: client.get_ready_state() is OPEN)


def test_a_connection_that_cannot_be_secured_is_refused_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = serving(Short(lambda number, new: False))
    secure = server._listeners.secure
    calls = iter([OSError(errno.ENOMEM, "no memory")])

    def short(stream: object, settings: object) -> object:
        for problem in calls:
            raise problem
        return secure(stream, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(server._listeners, "secure", short)
    with server:
        assert server.listen(0) is OK
        clients = [joining(server, "ws", "") for _ in range(3)]
        run(server, clients, lambda: all(c.get_ready_state() in (OPEN, CLOSED) for c in clients))
        assert sum(client.get_ready_state() is OPEN for client in clients) == 2
    assert "a connection was refused: [Errno 12] no memory" in caplog.text


def test_a_wait_that_the_system_cannot_do_has_found_nothing() -> None:
    backend = Short(lambda number, new: False)
    wait = backend.wait
    errors = [errno.ENOMEM, errno.ENOBUFS]

    def short(seconds: float) -> list[tuple[int, int]]:
        if errors:
            raise OSError(errors.pop(), "short")
        return wait(seconds)

    backend.wait = short  # type: ignore[method-assign,assignment]
    server = serving(backend)
    with server:
        assert server.listen(0) is OK
        client = joining(server, "ws", "")
        began = time.monotonic()
        server.poll(45.0)
        server.poll(45.0)
        assert 0.09 < time.monotonic() - began < 30
        run(server, [client], lambda: client.get_ready_state() is OPEN)
        errors.append(errno.EBADF)
        with pytest.raises(OSError, match="short"):
            server.poll()
