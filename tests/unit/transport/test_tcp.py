"""Open TCP and Unix streams, and the way there."""

from __future__ import annotations

import ctypes
import errno
import platform
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdpeer.clock import ManualClock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport import sockets, tcp
from gdpeer.transport.poller import Poller
from gdpeer.transport.readiness import SelectorsBackend
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE
from gdpeer.transport.tcp import TcpConnector, TcpStream, address_of
from tests.unit.transport.support import (
    poll,
    poll_attached,
    receive,
    receive_end,
    refused_port,
    send,
    silent_port,
    tcp_sockets,
    tcp_streams,
    unix_stream,
    until,
)

Answers = dict[str, list[tuple[str, int]]]


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# ---------------------------------------------------------------- streams


def test_bytes_go_both_ways_without_waiting() -> None:
    with tcp_streams() as (ours, theirs):
        assert ours.receive_into(bytearray(8)) == WOULD_BLOCK
        send(ours, b"there")
        assert receive(theirs, 5) == b"there"
        send(theirs, b"back")
        assert receive(ours, 4) == b"back"
        assert not ours.is_secure
        assert not ours.has_pending()


@pytest.mark.parametrize("gathers", [True, False])
@pytest.mark.parametrize("kind", [list, tuple, deque])
def test_several_chunks_leave_in_order(monkeypatch: pytest.MonkeyPatch, kind: Any, gathers: bool) -> None:
    monkeypatch.setattr(sockets, "_GATHERS", gathers)
    with tcp_streams() as (ours, theirs):
        assert ours.send(kind([b"one", memoryview(b"two"), bytearray(b"three")])) == 11
        assert receive(theirs, 11) == b"onetwothree"
        assert ours.send(kind([])) == 0


def test_more_chunks_than_the_system_takes_at_once() -> None:
    with tcp_streams() as (ours, theirs):
        assert ours.send([b"x"] * 3000) == 1024
        assert receive(theirs, 1024) == b"x" * 1024


def test_full_socket_takes_a_part_then_nothing() -> None:
    with tcp_streams() as (ours, theirs):
        chunk = b"x" * 100_000
        sent = 0
        while count := ours.send([chunk, chunk]):
            sent += count
        assert ours.send([chunk]) == 0
        assert receive(theirs, sent) == b"x" * sent
        until(lambda: ours.send([chunk]))


def test_small_packets_leave_at_once_until_told_otherwise() -> None:
    with tcp_sockets() as (ours, _):
        stream = TcpStream(ours)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        stream.set_no_delay(False)
        assert not ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not ours.getblocking()


def test_end_of_bytes_leaves_the_other_direction_open() -> None:
    with tcp_streams() as (ours, theirs):
        send(ours, b"last")
        ours.close_write()
        ours.close_write()
        assert receive(theirs, 4) == b"last"
        receive_end(theirs)
        send(theirs, b"answer")
        assert receive(ours, 6) == b"answer"


def test_reset_is_a_transport_error() -> None:
    with tcp_sockets() as (ours, theirs):
        stream = TcpStream(ours)
        reset(theirs)
        with pytest.raises(TransportError, match="reset by the other side") as caught:
            until(lambda: stream.receive_into(bytearray(8)) != WOULD_BLOCK)
        assert caught.value.cause is Cause.TCP
        assert caught.value.error is Error.ERR_CONNECTION_ERROR
        stream.close_write()


def test_sending_to_a_closed_side_is_a_transport_error() -> None:
    with tcp_sockets() as (ours, theirs):
        stream = TcpStream(ours)
        theirs.close()
        with pytest.raises(TransportError) as caught:
            until(lambda: not stream.send([b"x"]))
        assert "\n" not in caught.value.detail


def test_closed_stream_raises_and_closes_again() -> None:
    with tcp_streams() as (ours, _):
        ours.close()
        ours.close()
        assert ours.fileno() == -1
        for call in (
            lambda: ours.receive_into(bytearray(1)),
            lambda: ours.send([b"x"]),
            lambda: ours.send([b"x", b"y"]),
        ):
            with pytest.raises(TransportError, match="closed by this side"):
                call()
        ours.close_write()
        ours.set_no_delay(True)


def test_no_signal_even_where_the_program_lets_it_kill() -> None:
    code = """
import signal, socket, time
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from gdpeer.errors import TransportError
from gdpeer.transport.tcp import TcpStream
for chunks in ([b"x"], [b"x", b"y"]):
    ours, theirs = socket.socketpair()
    stream = TcpStream(ours)
    theirs.close()
    try:
        stream.send(chunks)
    except TransportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done
    assert done.stdout.count("closed by the other side") == 2
    assert done.returncode != -signal.SIGPIPE


def test_platform_options_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_NO_SIGNAL_OPTIONS", (socket.SO_KEEPALIVE,))
    with tcp_sockets() as (ours, _):
        TcpStream(ours)
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_addresses_stay_known_after_the_end() -> None:
    with tcp_sockets() as (ours, theirs):
        stream = TcpStream(ours)
        remote, local = stream.remote_address, stream.local_address
        assert remote == theirs.getsockname()
        assert local == theirs.getpeername()
        stream.close()
        assert (stream.remote_address, stream.local_address) == (remote, local)


def test_address_of_a_stream_that_broke_before_anybody_asked() -> None:
    with tcp_sockets() as (ours, theirs):
        ours.setblocking(False)
        reset(theirs)
        until(lambda: ours.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        stream = TcpStream(ours)
        assert stream.remote_address == ("", 0)
        stream.close()
        assert stream.local_address == ("", 0)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (("1.2.3.4", 5), ("1.2.3.4", 5)),
        (("::ffff:1.2.3.4", 5, 0, 0), ("1.2.3.4", 5)),
        (("::ffff:1", 5, 0, 0), ("::ffff:1", 5)),
        (("2001:db8::1", 5, 0, 0), ("2001:db8::1", 5)),
        ("/run/game", ("/run/game", 0)),
        ("", ("", 0)),
        (b"\0name", ("\0name", 0)),
    ],
)
def test_addresses_as_host_and_port(raw: Any, shown: tuple[str, int]) -> None:
    assert address_of(raw) == shown


def test_ipv4_over_ipv6_is_shown_as_ipv4() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        ours = socket.create_connection(("127.0.0.1", server.getsockname()[1]))
        stream = TcpStream(server.accept()[0])
        assert stream.remote_address == ours.getsockname()
        assert stream.local_address == ours.getpeername()
        stream.close()
        ours.close()


def test_attached_stream_reports_what_is_wanted(poller: Poller) -> None:
    with tcp_streams() as (ours, theirs):
        calls: list[int] = []
        ours.attach(poller, calls.append)
        send(theirs, b"x")
        poller.turn(5.0)
        assert calls == [READ]
        ours.want_read(False)
        poller.turn(0.01)
        assert calls == [READ]
        ours.want_write(True)
        ours.want_write(True)
        poller.turn(5.0)
        assert calls == [READ, WRITE]
        ours.want_write(False)
        ours.want_read(True)
        poller.turn(5.0)
        assert calls == [READ, WRITE, READ]
        ours.detach()
        ours.detach()
        poller.turn(0.01)
        assert len(calls) == 3


def test_attaching_again_moves_the_stream(poller: Poller) -> None:
    with tcp_streams() as (ours, theirs), Poller() as other:
        first: list[int] = []
        second: list[int] = []
        ours.want_read(False)
        ours.attach(poller, first.append)
        ours.want_read(True)
        ours.attach(other, second.append)
        send(theirs, b"x")
        other.turn(5.0)
        poller.turn(0.01)
        assert (first, second) == ([], [READ])
        ours.close()
        other.turn(0.01)
        assert second == [READ]


def test_released_socket_is_the_next_layers() -> None:
    with tcp_streams() as (ours, _), Poller() as poller:
        ours.attach(poller, print)
        descriptor = ours.fileno()
        released = ours.release()
        assert released.fileno() == descriptor
        assert ours.fileno() == -1
        assert released.fileno() not in poller._watches


# ---------------------------------------------------------------- connecting


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Names and the addresses (with ports of their own) that they are to have."""
    table: Answers = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **options: Any) -> list[Any]:
        if host not in table or options.get("flags"):
            return real(host, port, **options)
        found = table[host]
        return [(socket.AF_INET6 if ":" in at else socket.AF_INET, 1, 6, "", (at, number)) for at, number in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


def pass_name(connector: TcpConnector) -> None:
    """Advance until the name is looked up and the first attempt runs."""
    until(lambda: connector.advance() or connector._lookup is None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("attached", [False, True])
def test_connects(poller: Poller, host: str, attached: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connector = TcpConnector(host, server.getsockname()[1])
        stream = poll_attached(connector, poller) if attached else poll(connector)
        theirs = server.accept()[0]
        assert stream.remote_address == server.getsockname()
        assert stream.local_address == theirs.getpeername()
        assert connector.advance() is None
        connector.close()
        assert not poller._watches
        stream.send([b"x"])
        theirs.close()
        stream.close()


def test_connects_over_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        stream = poll(TcpConnector("::1", server.getsockname()[1]))
        assert stream.remote_address == server.getsockname()[:2]
        stream.close()


def test_ip_address_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        poll(TcpConnector("127.0.0.1", server.getsockname()[1])).close()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="is not in 1"):
        TcpConnector("127.0.0.1", port)


@pytest.mark.parametrize("attached", [False, True])
def test_refused_names_host_port_and_reason(poller: Poller, attached: bool) -> None:
    port = refused_port()
    connector = TcpConnector("127.0.0.1", port)
    with pytest.raises(TransportError) as caught:
        poll_attached(connector, poller) if attached else poll(connector)
    assert caught.value.detail == f"cannot connect to 127.0.0.1 port {port}: 127.0.0.1: connection refused"
    assert (caught.value.cause, caught.value.error) == (Cause.TCP, Error.ERR_CANT_CONNECT)
    with pytest.raises(TransportError, match="connection refused"):
        connector.advance()
    assert not poller._watches


def test_failure_names_the_reason_of_each_address(answers: Answers) -> None:
    answers["game.test"] = [("127.0.0.1", refused_port()), ("::1", refused_port())]
    with pytest.raises(TransportError) as caught:
        poll(TcpConnector("game.test", 80))
    assert caught.value.detail == (
        "cannot connect to game.test port 80: 127.0.0.1: connection refused, ::1: connection refused"
    )


def test_address_without_socket_is_one_failure(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def no_ipv6(family: int = -1, *rest: Any, **options: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return real(family, *rest, **options)

    with socket.create_server(("127.0.0.1", 0)) as server:
        answers["game.test"] = [("::1", 9), ("127.0.0.1", server.getsockname()[1])]
        connector = TcpConnector("game.test", 80)
        monkeypatch.setattr(tcp, "QuietSocket", no_ipv6)
        poll(connector).close()


def test_unknown_name_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch, poller: Poller) -> None:
    def fail(host: str, port: int, **options: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for attempt in (poll, lambda connector: poll_attached(connector, poller)):
        with pytest.raises(TransportError) as caught:
            attempt(TcpConnector("nosuch.test", 80))
        assert caught.value.detail == "cannot resolve host 'nosuch.test': Name or service not known"
        assert (caught.value.cause, caught.value.error) == (Cause.DNS, Error.ERR_CANT_RESOLVE)
    assert not poller._watches


@pytest.mark.parametrize("host", ["", "a" * 70, "a..b", "nul\0byte"])
def test_what_cannot_be_a_name_is_a_dns_failure(host: str) -> None:
    with pytest.raises(TransportError) as caught:
        poll(TcpConnector(host, 80))
    assert caught.value.cause is Cause.DNS
    assert "\n" not in caught.value.detail


def test_name_without_addresses(answers: Answers) -> None:
    answers["empty.test"] = []
    with pytest.raises(TransportError, match=r"empty\.test port 80: the name has no addresses"):
        poll(TcpConnector("empty.test", 80))


def test_attempt_that_connects_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    with tcp_sockets() as (ours, _):
        monkeypatch.setattr(tcp, "_start", lambda *_: (ours, 0))
        stream = TcpConnector("127.0.0.1", 80).advance()
        assert stream is not None
        assert stream.fileno() == ours.fileno()


def test_next_address_starts_after_250_ms(answers: Answers, clock: ManualClock) -> None:
    with silent_port() as silent, socket.create_server(("127.0.0.1", 0)) as server:
        answers["game.test"] = [("127.0.0.1", silent), server.getsockname()]
        connector = TcpConnector("game.test", 80, clock=clock)
        pass_name(connector)
        clock.advance(0.2499)
        for _ in range(3):
            assert connector.advance() is None
        assert len(connector._attempts) == 1
        clock.advance(0.0002)
        stream = poll(connector)
        assert stream.remote_address == server.getsockname()
        assert not connector._attempts
        stream.close()


def test_failure_starts_the_next_address_at_once(answers: Answers, clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answers["game.test"] = [("127.0.0.1", refused_port()), server.getsockname()]
        poll(TcpConnector("game.test", 80, clock=clock)).close()


def test_late_failure_starts_the_next_address_at_once(
    answers: Answers, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_port() as silent, socket.create_server(("127.0.0.1", 0)) as server:
        answers["game.test"] = [("127.0.0.1", silent), server.getsockname()]
        connector = TcpConnector("game.test", 80, clock=clock)
        pass_name(connector)
        with monkeypatch.context() as patch:
            patch.setattr(tcp, "_outcome", lambda _: errno.EHOSTUNREACH)
            stream = connector.advance()
        assert connector._failures == ["127.0.0.1: no route to the host"]
        (stream or poll(connector)).close()


def test_first_to_connect_wins_and_the_losers_are_closed(answers: Answers, poller: Poller) -> None:
    with silent_port() as silent, socket.create_server(("127.0.0.1", 0)) as server:
        answers["game.test"] = [("127.0.0.1", silent), server.getsockname()]
        start = time.monotonic()
        connector = TcpConnector("game.test", 80)
        stream = poll_attached(connector, poller)
        assert time.monotonic() - start >= 0.25
        assert stream.remote_address == server.getsockname()
        assert not poller._watches
        assert not connector._attempts
        stream.close()


def test_attempt_that_the_system_does_not_watch_makes_room_for_the_next(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Short(SelectorsBackend):
        refused = 0

        def change(self, descriptor: int, old: int, new: int) -> None:
            if new == WRITE and not self.refused:
                self.refused += 1
                raise OSError(errno.ENOSPC, "no more watches")
            super().change(descriptor, old, new)

    monkeypatch.setattr(tcp, "ATTEMPT_DELAY", 60.0)
    backend = Short()
    with silent_port() as silent, socket.create_server(("127.0.0.1", 0)) as server, Poller(backend=backend) as poller:
        answers["game.test"] = [("127.0.0.1", silent), server.getsockname()]
        start = time.monotonic()
        connector = TcpConnector("game.test", 80)
        stream = poll_attached(connector, poller)
        assert time.monotonic() - start < 30  # it did not wait for the first
        assert backend.refused == 1
        assert connector._failures[0].startswith("127.0.0.1: the system watches no more sockets")
        assert stream.remote_address == server.getsockname()
        stream.close()


def test_earlier_address_can_still_win(answers: Answers, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_port() as silent, silent_port() as other:
        answers["game.test"] = [("127.0.0.1", silent), ("127.0.0.1", other)]
        connector = TcpConnector("game.test", 80, clock=clock)
        pass_name(connector)
        clock.advance(0.25)
        assert connector.advance() is None
        attempts = [attempt for attempt, _ in connector._attempts.values()]
        assert len(attempts) == 2
        monkeypatch.setattr(tcp, "_outcome", lambda sock: 0 if sock is attempts[0] else None)
        stream = connector.advance()
        assert stream is not None
        assert stream.fileno() == attempts[0].fileno()
        assert attempts[1].fileno() == -1
        stream.close()


def test_deadline_without_a_poller(clock: ManualClock) -> None:
    with silent_port() as silent:
        connector = TcpConnector("127.0.0.1", silent, timeout=3.0, clock=clock)
        assert connector.advance() is None
        clock.advance(2.9)
        assert connector.advance() is None
        clock.advance(0.2)
        with pytest.raises(TransportError) as caught:
            connector.advance()
        assert caught.value.detail == (
            f"cannot connect to 127.0.0.1 port {silent} within 3 s: 127.0.0.1: no answer yet"
        )
        assert (caught.value.cause, caught.value.error) == (Cause.TIMEOUT, Error.ERR_TIMEOUT)
        assert not connector._attempts


def test_deadline_with_a_poller(poller: Poller) -> None:
    with silent_port() as silent:
        start = time.monotonic()
        with pytest.raises(TransportError) as caught:
            poll_attached(TcpConnector("127.0.0.1", silent, timeout=0.05), poller)
        assert caught.value.cause is Cause.TIMEOUT
        assert time.monotonic() - start >= 0.05
        assert not poller._watches


def test_stuck_resolver_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch, poller: Poller) -> None:
    release = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **options: Any) -> list[Any]:
        if host == "stuck.test" and not options.get("flags"):
            release.wait(30.0)
            raise socket.gaierror(socket.EAI_AGAIN, "too late")
        return real(host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with socket.create_server(("127.0.0.1", 0)) as server:
        stuck = TcpConnector("stuck.test", 80, timeout=0.1)
        poll(TcpConnector("localhost", server.getsockname()[1])).close()
        with pytest.raises(TransportError, match="the name's lookup has not answered") as caught:
            poll_attached(stuck, poller)
        assert caught.value.cause is Cause.TIMEOUT
        given_up = TcpConnector("stuck.test", 80)
        given_up.attach(poller, lambda _: given_up.advance())
        poller.turn(0.01)
        given_up.close()
        assert not poller._watches
    release.set()


def test_closing_on_the_way_lets_go_of_everything(answers: Answers, poller: Poller) -> None:
    with silent_port() as silent:
        answers["game.test"] = [("127.0.0.1", silent), ("127.0.0.1", silent)]
        for host in ("game.test", "127.0.0.1"):
            connector = TcpConnector(host, silent)
            connector.attach(poller, lambda _, connector=connector: connector.advance())  # type: ignore[misc]
            poller.turn(0.02)
            poller.turn(0.02)
            connector.close()
            connector.close()
            assert connector.advance() is None
            assert not poller._watches
            poller.turn(0.0)


def test_attaching_on_the_way_watches_what_runs_already(poller: Poller) -> None:
    with silent_port() as silent:
        connector = TcpConnector("127.0.0.1", silent)
        connector.advance()
        calls: list[int] = []
        connector.attach(poller, calls.append)
        assert len(poller._watches) == 1
        connector.detach()
        poller.turn(0.01)
        assert calls == []
        assert not poller._watches
        connector.close()


def test_no_descriptor_for_the_lookup_is_a_transport_error(
    answers: Answers, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.turn(0.001)
    answers["game.test"] = [("127.0.0.1", 9)]
    connector = TcpConnector("game.test", 80)

    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socketpair", none_left)
    with pytest.raises(TransportError, match="too many open files in this process"):
        poll_attached(connector, poller)


def test_outcome_that_the_system_reports_oddly() -> None:
    class Odd:
        def getsockopt(self, *_: int) -> int:
            return 0

        def getpeername(self) -> None:
            raise OSError(errno.EINVAL, "macOS, after a reset")

    assert tcp._outcome(Odd()) == errno.EINVAL  # type: ignore[arg-type]


def without_sockets(number: int, call: Callable[[], Any]) -> Any:
    """Run in a thread whose `socket` system call fails with `number` (Linux: seccomp, for this thread alone)."""
    system_call = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, system_call), (0x06, 0, 0, 0x00050000 | number), (0x06, 0, 0, 0x7FFF0000)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters)))
    library = ctypes.CDLL(None, use_errno=True)
    results: list[Any] = []

    def run() -> None:
        assert library.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
        assert library.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        try:
            call()
        except TransportError as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results, "nothing was refused"
    return results[0]


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="needs Linux's seccomp"
)
@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
@pytest.mark.parametrize("android", [False, True])
def test_refused_socket_names_androids_permission(monkeypatch: pytest.MonkeyPatch, number: int, android: bool) -> None:
    if android:
        monkeypatch.setattr(sys, "getandroidapilevel", lambda: 24, raising=False)
    error = without_sockets(number, lambda: poll(TcpConnector("127.0.0.1", 80)))
    for word in ("android.permission.INTERNET", "Buildozer", "android.permissions", "Briefcase", "export preset"):
        assert (word in error.detail) == android
    assert "\n" not in error.detail
    assert error.cause is Cause.TCP


# ---------------------------------------------------------------- Unix sockets


@pytest.fixture
def unix_server(tmp_path: Path) -> Any:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "game"))
        server.listen(0)
        yield server


def test_stream_over_a_unix_socket(unix_server: socket.socket) -> None:
    path = unix_server.getsockname()
    stream = unix_stream(path)
    theirs = TcpStream(unix_server.accept()[0])
    send(stream, b"x")
    assert receive(theirs, 1) == b"x"
    assert stream.remote_address == (path, 0)
    assert stream.local_address == ("", 0)
    assert theirs.local_address == (path, 0)
    stream.set_no_delay(True)
    stream.close()
    theirs.close()
