"""Waiting for connections."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import socket
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from gdpeer.clock import ManualClock
from gdpeer.errors import Error, TransportError
from gdpeer.transport import listener as module
from gdpeer.transport.listener import Listener
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import READ
from gdpeer.transport.tcp import TcpStream
from tests.unit.transport.support import receive, send, unix_stream, until


@contextlib.contextmanager
def opened(listener: Listener) -> Iterator[Listener]:
    try:
        yield listener
    finally:
        listener.close()


def connect(listener: Listener, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, listener.local_address[1]), timeout=10.0)


def accept(listener: Listener, count: int = 1) -> list[TcpStream]:
    streams: list[TcpStream] = []
    until(lambda: streams.extend(listener.accept()) or len(streams) >= count)
    return streams


def refusal(*arguments: Any, **options: Any) -> TransportError:
    with pytest.raises(TransportError) as caught:
        Listener(*arguments, **options)
    assert "\n" not in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("address", "hosts"),
    [("127.0.0.1", ["127.0.0.1"]), ("::1", ["::1"]), ("*", ["127.0.0.1", "::1"]), ("0.0.0.0", ["127.0.0.1"])],
)
def test_listens_on_addresses_of_both_families(address: str, hosts: list[str]) -> None:
    with opened(Listener(address)) as listener:
        assert listener.accept() == []
        assert listener.local_address[1] > 0
        for host in hosts:
            ours = connect(listener, host)
            (theirs,) = accept(listener)
            assert theirs.remote_address == ours.getsockname()[:2]
            assert theirs.local_address == ours.getpeername()[:2]
            ours.sendall(b"hello")
            assert receive(theirs, 5) == b"hello"
            theirs.close()
            ours.close()


def test_ipv6_address_does_not_take_ipv4() -> None:
    with opened(Listener("::")) as listener, pytest.raises(OSError, match="refused"):
        connect(listener)


@pytest.mark.parametrize("fails_at", ["has_ipv6", "socket", "bind"])
def test_star_is_ipv4_where_there_is_no_ipv6(monkeypatch: pytest.MonkeyPatch, fails_at: str) -> None:
    real = socket.socket

    class NoIpv6(real):
        def __init__(self, family: int = -1, *rest: Any, **options: Any) -> None:
            if fails_at == "socket" and family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "no IPv6")
            super().__init__(family, *rest, **options)

        def bind(self, address: Any) -> None:
            if fails_at == "bind" and self.family == socket.AF_INET6:
                raise OSError(errno.EADDRNOTAVAIL, "no IPv6")
            super().bind(address)

    monkeypatch.setattr(module, "QuietSocket", NoIpv6)
    monkeypatch.setattr(socket, "has_ipv6", fails_at != "has_ipv6")
    with opened(Listener("*")) as listener:
        assert listener.local_address[0] == "0.0.0.0"
        connect(listener).close()


def test_takes_all_that_wait() -> None:
    with opened(Listener("127.0.0.1")) as listener:
        ours = [connect(listener) for _ in range(50)]
        streams = listener.accept()
        assert len(streams) == 50
        assert {stream.remote_address for stream in streams} == {sock.getsockname() for sock in ours}
        for end in (*streams, *ours):
            end.close()


def test_limit_leaves_the_rest_for_the_next_call() -> None:
    with opened(Listener("127.0.0.1")) as listener:
        ours = [connect(listener) for _ in range(5)]
        streams = [listener.accept(limit=2), listener.accept(2), listener.accept(2)]
        assert [len(some) for some in streams] == [2, 2, 1]
        for end in (*chain(*streams), *ours):
            end.close()


def test_attached_listener_reports_connections(poller: Poller) -> None:
    with opened(Listener("127.0.0.1")) as listener:
        streams: list[TcpStream] = []
        events: list[int] = []

        def ready(bits: int) -> None:
            events.append(bits)
            streams.extend(listener.accept())

        listener.attach(poller, ready)
        ours = connect(listener)
        poller.turn(5.0)
        assert events == [READ]
        assert len(streams) == 1
        listener.detach()
        other = connect(listener)
        poller.turn(0.01)
        assert len(streams) == 1
        for end in (*streams, ours, other):
            end.close()


@pytest.mark.parametrize("address", ["localhost", "game.example", "300.1.1.1", "", "nul\0byte", "a" * 70])
def test_what_is_no_address(address: str) -> None:
    error = refusal(address, 0)
    assert error.error is Error.ERR_INVALID_PARAMETER == 31
    assert repr(address) in error.detail


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port(port: int) -> None:
    error = refusal("*", port)
    assert error.error is Error.ERR_INVALID_PARAMETER
    assert str(port) in error.detail


@pytest.mark.parametrize("address", ["*", "127.0.0.1"])
def test_port_in_use_is_named(address: str) -> None:
    with opened(Listener("127.0.0.1")) as listener:
        port = listener.local_address[1]
        error = refusal(address, port)
        assert error.error is Error.ERR_ALREADY_IN_USE == 22
        assert f"port {port}: the address is in use" in error.detail


def test_address_of_another_machine() -> None:
    error = refusal("192.0.2.250", 0)
    assert error.error is Error.ERR_ALREADY_IN_USE
    assert error.detail == "cannot listen on 192.0.2.250: this machine does not have the address"


def test_no_socket_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(module, "QuietSocket", none_left)
    error = refusal("*", 4433)
    assert error.error is Error.ERR_CANT_CREATE == 20
    assert error.detail == "no socket for 0.0.0.0 port 4433: too many open files in this process"


def test_refused_socket_names_androids_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> socket.socket:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(module, "QuietSocket", forbidden)
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 24, raising=False)
    assert "android.permission.INTERNET" in refusal("*", 4433).detail


def test_listening_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def listen(self, backlog: int = 0) -> None:
            raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(module, "QuietSocket", Refusing)
    error = refusal("127.0.0.1", 0)
    assert error.error is Error.FAILED == 1
    assert "port " in error.detail


def test_backlog_holds_thousands() -> None:
    limit = int(Path("/proc/sys/net/core/somaxconn").read_text()) if sys.platform == "linux" else 128
    with opened(Listener("127.0.0.1")) as listener:
        ours = [connect(listener) for _ in range(min(limit, 1000))]
        streams = accept(listener, len(ours))
        for end in (*streams, *ours):
            end.close()


def test_port_can_be_taken_again_while_its_old_connections_linger() -> None:
    with opened(Listener("127.0.0.1")) as first:
        address = first.local_address
        ours = connect(first)
        (theirs,) = accept(first)
        theirs.close()  # this side closes first: its end lingers
        ours.close()
    with opened(Listener(*address)) as second:
        assert second.local_address == address


def test_port_can_be_shared_when_both_ask_for_it() -> None:
    with opened(Listener("127.0.0.1", reuse_port=True)) as first:
        with opened(Listener(*first.local_address, reuse_port=True)) as second:
            assert second.local_address == first.local_address
        assert refusal(*first.local_address).error is Error.ERR_ALREADY_IN_USE


def test_system_that_cannot_share_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    for address in ("*", "127.0.0.1"):
        assert refusal(address, 0, reuse_port=True).error is Error.ERR_UNAVAILABLE


@contextlib.contextmanager
def out_of_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_out_of_descriptors_without_a_poller(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    with opened(Listener("127.0.0.1", clock=clock)) as listener:
        ours = [connect(listener) for _ in range(3)]
        with out_of_descriptors():
            for _ in range(5):
                assert listener.accept() == []
            assert len(caplog.records) == 1
            clock.advance(61.0)
            assert listener.accept() == []
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
        assert caplog.records[0].getMessage() == (
            f"127.0.0.1 port {listener.local_address[1]} takes no more connections for now: "
            "too many open files in this process"
        )
        streams = listener.accept()
        assert len(streams) == 3
        for end in (*streams, *ours):
            end.close()


def test_out_of_descriptors_pauses_and_goes_on(manual_poller: Poller, clock: ManualClock) -> None:
    with opened(Listener("127.0.0.1", clock=clock)) as listener:
        calls: list[int] = []
        streams: list[TcpStream] = []

        def ready(_: int) -> None:
            streams.extend(listener.accept())
            calls.append(len(streams))

        manual_poller.turn(0.001)
        listener.attach(manual_poller, ready)
        ours = connect(listener)
        with out_of_descriptors():
            manual_poller.turn(0.001)
            listener.accept()
            assert calls == [0]
            for _ in range(3):
                manual_poller.turn(0.001)
            assert calls == [0]
            clock.advance(0.1)
            manual_poller.turn()
            manual_poller.turn(0.001)
            assert calls == [0, 0]
        clock.advance(0.1)
        manual_poller.turn()
        manual_poller.turn(1.0)
        assert calls == [0, 0, 1]
        for end in (*streams, ours):
            end.close()


def test_detached_in_the_pause_is_watched_again_when_attached(manual_poller: Poller, clock: ManualClock) -> None:
    with opened(Listener("127.0.0.1", clock=clock)) as listener:
        calls: list[int] = []
        manual_poller.turn(0.001)
        listener.attach(manual_poller, calls.append)
        ours = connect(listener)
        with out_of_descriptors():
            listener.accept()
        listener.detach()
        listener.attach(manual_poller, calls.append)
        manual_poller.turn(1.0)
        assert calls == [READ]
        ours.close()


class Scripted:
    """A listening socket whose accept fails as told, then goes on."""

    def __init__(self, real: socket.socket, *numbers: int) -> None:
        self.real = real
        self.numbers = list(numbers)

    def accept(self) -> Any:
        if self.numbers:
            raise OSError(self.numbers.pop(0), "scripted")
        return self.real.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_connections_that_broke_while_they_waited_are_left_out() -> None:
    with opened(Listener("127.0.0.1")) as listener:
        listener._socket = Scripted(  # type: ignore[assignment]
            listener._socket, errno.ECONNABORTED, errno.EPROTO, errno.ETIMEDOUT
        )
        ours = connect(listener)
        (stream,) = listener.accept()
        stream.close()
        ours.close()


def test_accepted_before_the_shortage_is_not_lost() -> None:
    with opened(Listener("127.0.0.1")) as listener:
        scripted = Scripted(listener._socket)
        listener._socket = scripted  # type: ignore[assignment]
        ours = [connect(listener), connect(listener)]
        first = listener.accept(1)
        scripted.numbers = [errno.ENFILE]
        assert listener.accept() == []
        second = listener.accept()
        assert len(first) == len(second) == 1
        for end in (*first, *second, *ours):
            end.close()


def test_closed_listener_raises_and_closes_again() -> None:
    listener = Listener("127.0.0.1")
    assert listener.fileno() >= 0
    address = listener.local_address
    listener.close()
    listener.close()
    assert listener.fileno() == -1
    assert listener.local_address == address
    with pytest.raises(TransportError, match=f"127.0.0.1 port {address[1]} takes no connections"):
        listener.accept()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(address)


# ---------------------------------------------------------------- Unix sockets


def test_unix_socket(tmp_path: Path, poller: Poller) -> None:
    path = tmp_path / "game"
    with opened(Listener.unix(path)) as listener:
        assert listener.local_address == (str(path), 0)
        listener.attach(poller, print)
        ours = unix_stream(path)
        (theirs,) = accept(listener)
        send(theirs, b"hello")
        assert receive(ours, 5) == b"hello"
        ours.close()
        theirs.close()
    assert not path.exists()


def test_socket_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "game"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    assert path.exists()
    with opened(Listener.unix(path)):
        unix_stream(path).close()


def test_socket_of_a_live_server_is_not(tmp_path: Path) -> None:
    path = tmp_path / "game"
    with opened(Listener.unix(path, backlog=0)):
        waiting = [unix_stream(path)]  # the backlog is full: still alive
        with pytest.raises(TransportError, match="a server listens on") as caught:
            Listener.unix(path)
        assert caught.value.error is Error.ERR_ALREADY_IN_USE
        assert path.exists()
        waiting[0].close()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(TransportError, match="the address is in use") as caught:
        Listener.unix(path)
    assert caught.value.error is Error.ERR_ALREADY_IN_USE
    assert path.read_text() == "mine"


def test_close_does_not_remove_what_another_server_put_there(tmp_path: Path) -> None:
    path = tmp_path / "game"
    first = Listener.unix(path)
    path.unlink()
    with opened(Listener.unix(path)):
        first.close()
        assert path.exists()
    first.close()


def test_path_that_cannot_be_bound(tmp_path: Path) -> None:
    for path, error, words in (
        (tmp_path / "none" / "game", Error.ERR_ALREADY_IN_USE, "no such file"),
        (tmp_path / ("x" * 200), Error.ERR_INVALID_PARAMETER, "path too long"),
    ):
        with pytest.raises(TransportError, match=words) as caught:
            Listener.unix(path)
        assert caught.value.error is error


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets")
def test_path_of_a_unix_client_is_its_address(tmp_path: Path) -> None:
    with opened(Listener.unix(tmp_path / "game")) as listener, socket.socket(socket.AF_UNIX) as client:
        client.bind(str(tmp_path / "client"))
        client.connect(str(tmp_path / "game"))
        [stream] = listener.accept()
        assert stream.remote_address == (str(tmp_path / "client"), 0)
        stream.close()


def test_system_without_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(TransportError, match="no Unix sockets") as caught:
        Listener.unix("/run/game")
    assert caught.value.error is Error.ERR_UNAVAILABLE


def test_path_that_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listener = Listener.unix(tmp_path / "game")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda path: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no")))
        listener.close()
    assert (tmp_path / "game").exists()


if sys.platform == "win32":  # elsewhere a port in use is refused without it

    def test_windows_takes_a_port_for_itself() -> None:
        """Not even a program that asks to share the port gets it."""
        with opened(Listener("127.0.0.1", 0)) as listener, socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(PermissionError):
                other.bind(listener.local_address)


def test_system_is_asked_for_the_port_in_its_own_way() -> None:
    option = socket.SO_EXCLUSIVEADDRUSE if sys.platform == "win32" else socket.SO_REUSEADDR
    with opened(Listener("127.0.0.1", 0)) as listener:
        assert listener._socket.getsockopt(socket.SOL_SOCKET, option)
