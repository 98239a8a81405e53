"""The door: heads, limits, the way to a worker, and workers that come and go. Workers are ends of socket pairs."""

from __future__ import annotations

import errno
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gdpeer import ManualClock
from gdpeer.cluster import door as module
from gdpeer.cluster.door import Door
from gdpeer.transport.poller import Poller
from gdpeer.transport.proxy_header import Proxies
from tests.unit.transport.test_proxy_header import HAPROXY

ROOM = b"GET /room/%b?session=abc HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Worker:
    """The other side of a worker's link: what was passed to it."""

    def __init__(self, door: Door, name: str) -> None:
        ours, self.end = socket.socketpair()
        self.end.setblocking(False)
        self.passed: list[tuple[str, socket.socket]] = []
        door.add_worker(name, ours)

    def say(self, **report: Any) -> None:
        self.end.sendall(json.dumps(report).encode() + b"\n")

    def give_back(self, shard: str, passed: socket.socket) -> None:
        line = json.dumps({"back": shard, "sockets": 1}).encode() + b"\n"
        socket.send_fds(self.end, [line], [passed.fileno()])
        passed.close()

    def take(self) -> list[str]:
        """Takes what was passed, and returns the shards."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.end, 4096, 64)
            except BlockingIOError:
                return [shard for shard, _ in self.passed]
            shards = [data[at : at + 2].decode() for at in range(0, len(data), 2)]
            self.passed += zip(shards, (socket.socket(fileno=one) for one in descriptors), strict=True)

    def take_rest(self) -> list[str]:
        """Takes what was passed until the door has ended its side, and returns the shards."""
        self.end.setblocking(True)
        data, descriptors, _, _ = socket.recv_fds(self.end, 4096, 64)
        self.passed += [(data.decode(), socket.socket(fileno=one)) for one in descriptors]
        assert self.end.recv(1) == b""
        return [shard for shard, _ in self.passed]

    def close(self) -> None:
        self.end.close()
        for _, passed in self.passed:
            passed.close()


class Lab:
    """A door on loopback, with a clock moved by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.poller = Poller(self.clock)
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.address = self.listening.getsockname()
        self.door = Door([self.listening], self.poller)
        self.workers: list[Worker] = []
        self.clients: list[socket.socket] = []

    def worker(self, name: str, *shards: str, **report: Any) -> Worker:
        made = Worker(self.door, name)
        self.workers.append(made)
        made.say(**{"won": shards, "up": True, **report})
        self.turn()
        return made

    def client(self, head: bytes) -> socket.socket:
        made = socket.create_connection(self.address)
        made.settimeout(10.0)
        self.clients.append(made)
        made.sendall(head)
        self.turn()
        return made

    def turn(self, number: int = 5) -> None:
        for _ in range(number):
            self.poller.turn(0)

    def until(self, done: Callable[[], Any]) -> None:
        end = time.monotonic() + 10.0
        while not done():
            assert time.monotonic() < end, "took too long"
            self.poller.turn(0)

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.turn(2)

    def close(self) -> None:
        self.door.close()
        for one in [*self.workers, *self.clients]:
            one.close()
        self.poller.close()


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def answer(client: socket.socket) -> bytes:
    """All that a client gets until the end."""
    got = b""
    while data := client.recv(4096):
        got += data
    return got


def test_a_connection_goes_to_the_worker_that_has_the_shard_and_the_head_stays_unread(lab: Lab) -> None:
    one, two = lab.worker("w1", "K7", "AB"), lab.worker("w2", "K8")
    lab.client(ROOM % b"k8q2m3")
    client = lab.client(ROOM % b"K7Q2M3")
    assert (one.take(), two.take()) == (["K7"], ["K8"])
    passed = one.passed[0][1]
    assert passed.recv(4096) == ROOM % b"K7Q2M3"
    passed.sendall(b"hello")
    assert client.recv(10) == b"hello"
    assert lab.door.passed == 2
    assert lab.door.is_done


def test_everything_else_goes_to_the_worker_with_the_least_load(lab: Lab) -> None:
    one, two, three = (lab.worker(f"w{number}", load=number) for number in range(1, 4))
    three.say(load=0, up=False)
    lab.turn()
    for _ in range(3):
        lab.client(PAGE)
    assert (one.take(), two.take(), three.take()) == (["--", "--"], ["--"], [])
    one.say(load=50)
    lab.turn()
    lab.client(b"GET /room/nonsense HTTP/1.1\r\n\r\n")
    assert len(two.take()) == 2


def test_while_all_workers_drain_one_of_them_answers_health_checks(lab: Lab) -> None:
    one, two = lab.worker("w1", up=False, draining=True), lab.worker("w2")
    lab.client(PAGE)
    assert (one.take(), two.take()) == ([], ["--"])
    two.say(up=False, draining=True)
    lab.turn()
    lab.client(PAGE)
    assert one.take() == ["--"]
    lab.worker("w3", up=False)  # is about to be up
    lab.client(PAGE)
    assert (len(one.take()), len(two.take()), len(lab.door.waiting)) == (1, 1, 1)


def test_many_connections_of_a_turn_are_passed_in_one_message_each_64(lab: Lab) -> None:
    one = lab.worker("w1", "K7")
    clients = [socket.create_connection(lab.address) for _ in range(100)]
    for client in clients:
        client.sendall(ROOM % b"K7Q2M3")
    lab.until(lambda: lab.door.passed == 100)
    lab.turn()
    first = socket.recv_fds(one.end, 4096, 64)
    assert (len(first[0]), len(first[1])) == (128, 64)
    for descriptor in first[1]:
        socket.close(descriptor)
    assert len(one.take()) == 36
    for client in clients:
        client.close()


def test_a_head_in_pieces_is_waited_for_and_its_socket_reports_single_bytes_again(lab: Lab) -> None:
    one = lab.worker("w1", "K7")
    client = lab.client(b"")
    head = ROOM % b"K7Q2M3"
    for at in range(0, len(head), 7):
        assert one.take() == []
        client.sendall(head[at : at + 7])
        lab.turn()
    assert one.take() == ["K7"]
    passed = one.passed[0][1]
    assert passed.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1
    assert passed.recv(4096) == head


def test_the_head_begins_behind_the_header_of_a_trusted_proxy(lab: Lab) -> None:
    lab.door._proxies = Proxies(["127.0.0.1"])
    one = lab.worker("w1", "K7")
    sent = HAPROXY + ROOM % b"K7Q2M3"
    client = lab.client(b"")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(sent), 5):
        assert one.take() == []
        client.sendall(sent[at : at + 5])
        lab.turn()
    lab.until(one.take)
    assert one.passed[0][1].recv(4096) == sent  # the worker reads the header too


@pytest.mark.parametrize("begins", [ROOM % b"K7Q2M3", b"PROXY TCP4 192.0.2.7 10.0.0.1 7 8\r\n", b"GET"])
def test_a_trusted_proxy_without_header_is_refused(lab: Lab, begins: bytes) -> None:
    lab.door._proxies = Proxies(["127.0.0.1"])
    one = lab.worker("w1", "K7")
    lab.client(begins)
    assert (one.take(), lab.door.refused) == ([], {"no proxy header": 1})


def test_behind_a_header_only_http_counts(lab: Lab) -> None:
    lab.door._proxies = Proxies(["127.0.0.1"])
    lab.client(HAPROXY + b"\x16\x03\x01")
    assert lab.door.refused == {"no HTTP": 1}


def test_half_a_head_does_not_keep_the_door_busy(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.worker("w1", "K7")
    lab.client(b"GET /room/K7")
    looks = []
    look = lab.door._look
    monkeypatch.setattr(lab.door, "_look", lambda arrival: looks.append(1) or look(arrival))
    lab.turn(50)
    assert len(looks) <= 1


def test_a_client_that_ends_its_stream_in_the_head_is_looked_at_from_time_to_time(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = lab.client(b"GET /room/K7")
    client.shutdown(socket.SHUT_WR)
    looks = []
    look = lab.door._look
    monkeypatch.setattr(lab.door, "_look", lambda arrival: looks.append(1) or look(arrival))
    lab.turn(50)
    lab.advance(1.0)
    assert 1 <= len(looks) <= 12
    lab.advance(2.2)
    assert answer(client).startswith(b"HTTP/1.1 408 ")


def test_slow_heads_end_after_3_seconds(lab: Lab) -> None:
    lab.worker("w1", "K7")
    silent, slow = lab.client(b""), lab.client(b"GET /room/K7Q2M3 HTTP/1.1\r\n")
    lab.advance(2.9)
    assert len(lab.door.waiting) == 2
    slow.sendall(b"X-Padding: 1\r\n")
    lab.advance(0.3)
    assert answer(silent).startswith(b"HTTP/1.1 408 ")
    assert answer(slow).startswith(b"HTTP/1.1 408 ")
    assert lab.door.refused == {"slow head": 2}
    assert lab.door.is_done


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        (b"GET /room/K7Q2M3 HTTP/1.1\r\nX-Long: " + b"x" * 9000, b"431", "long head"),
        (b"\x16\x03\x01\x02\x00\x01", b"400", "no HTTP"),
    ],
)
def test_heads_that_are_none(lab: Lab, head: bytes, status: bytes, reason: str) -> None:
    assert answer(lab.client(head)).startswith(b"HTTP/1.1 %b " % status)
    assert lab.door.refused == {reason: 1}


def test_a_client_that_leaves_is_forgotten(lab: Lab) -> None:
    lab.client(b"").close()
    lab.turn()
    assert lab.door.refused == {"left": 1}
    reset = lab.client(b"")
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    reset.close()
    lab.turn()
    assert lab.door.refused == {"left": 2}
    assert lab.door.is_done


def test_slow_clients_cannot_keep_others_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 8)
    one = lab.worker("w1", "K7")
    slow = [lab.client(b"GET /") for _ in range(8)]
    client = lab.client(b"GET /room/K7Q2M3")
    client.sendall(b" HTTP/1.1\r\n\r\n")
    lab.turn()
    assert one.take() == ["K7"]
    assert answer(slow[0]).startswith(b"HTTP/1.1 503 ")
    assert len(lab.door.waiting) == 7
    assert lab.door.refused == {"waiting": 1}


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
def test_one_address_may_have_few_slow_heads(lab: Lab, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(module, "MOST_OF_ADDRESS", 2)
    ends = []
    for _ in range(3):
        ours, theirs = socket.socketpair()
        lab.door.come_in(theirs, (address, 1))
        ends.append(ours)
    lab.turn()
    assert lab.door.refused == {"address": 1}
    assert ends[2].recv(10) == b""
    lab.advance(3.2)
    assert lab.door.refused == {"address": 1, "slow head": 2}
    assert not lab.door._addresses
    for end in ends:
        end.close()


def test_this_machine_may_have_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_ADDRESS", 2)
    ends = []
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "") * 2:
        ours, theirs = socket.socketpair()
        lab.door.come_in(theirs, (address, 1))
        ends.append(ours)
    assert len(lab.door.waiting) == len(ends)
    for end in ends:
        end.close()


def test_a_part_of_a_head_over_a_unix_socket_is_looked_at_again(lab: Lab) -> None:
    one = lab.worker("w1", "K7")
    ours, theirs = socket.socketpair()
    ours.sendall(b"GET /room/")
    lab.door.come_in(theirs, ("", 0))
    lab.turn()
    ours.sendall(b"K7Q2M3 HTTP/1.1\r\n\r\n")
    lab.advance(0.3)
    assert one.take() == ["K7"]
    ours.close()


def test_a_connection_waits_for_a_shard_that_changes_hands(lab: Lab) -> None:
    one, two = lab.worker("w1", "K7"), lab.worker("w2")
    one.say(lost=["K7", "ZZ"])
    lab.turn()
    lab.client(ROOM % b"K7Q2M3")
    lab.advance(0.5)
    assert (one.take(), two.take()) == ([], [])
    two.say(won=["K7"])
    lab.turn()
    assert (one.take(), two.take()) == ([], ["K7"])
    one.say(lost=["K7"])  # late: it belongs to the other one already
    lab.turn()
    lab.client(ROOM % b"K7Q2M3")
    assert two.take() == ["K7", "K7"]


def test_a_shard_that_nobody_of_this_machine_has_goes_to_any_worker_after_2_seconds(lab: Lab) -> None:
    one = lab.worker("w1")
    lab.client(ROOM % b"K7Q2M3")
    lab.advance(1.8)
    assert one.take() == []
    lab.advance(0.4)
    assert one.take() == ["--"]


def test_without_a_worker_a_client_waits_and_gets_503(lab: Lab) -> None:
    first = lab.client(PAGE)
    lab.advance(1.0)
    second = lab.client(PAGE)
    lab.advance(1.2)
    got = answer(first)
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 5\r\n" in got
    one = lab.worker("w1")
    assert one.take() == ["--"]
    one.passed[0][1].sendall(b"page")
    assert second.recv(10) == b"page"


def test_a_connection_that_a_worker_sends_back_waits_for_the_new_owner(lab: Lab) -> None:
    one, two = lab.worker("w1", "K7"), lab.worker("w2")
    client = lab.client(ROOM % b"K7Q2M3")
    assert one.take() == ["K7"]
    one.say(lost=["K7"])
    one.give_back(*one.passed.pop())
    lab.turn()
    assert lab.door.passed == 0
    two.say(won=["K7"])
    lab.turn()
    assert two.take() == ["K7"]
    two.passed[0][1].sendall(b"hello")
    assert client.recv(10) == b"hello"


def test_a_connection_that_a_worker_sends_back_is_closed_if_its_client_has_left(lab: Lab) -> None:
    one, two = lab.worker("w1", "K7"), lab.worker("w2")
    lab.client(ROOM % b"K7Q2M3").close()
    lab.client(ROOM % b"K7Q2M4")
    assert one.take() == ["K7", "K7"]
    two.say(won=["K7"])
    lab.turn()
    for _ in range(2):
        one.give_back(*one.passed.pop(0))
    lab.turn()
    assert two.take() == ["K7"]
    assert two.passed[0][1].recv(4096) == ROOM % b"K7Q2M4"
    assert lab.door.refused == {"left": 1}
    assert lab.door.passed == 1


def test_a_worker_that_lost_a_shard_without_a_word_gets_no_lobby_requests(lab: Lab) -> None:
    one, two = lab.worker("w1", "K7", "K8", load=1), lab.worker("w2", load=50)
    two.say(won=["K7"])
    lab.turn()
    lab.client(PAGE)
    assert (one.take(), two.take()) == ([], ["--"])
    two.say(up=False)
    lab.turn()
    lab.client(PAGE)
    assert one.take() == ["--"]  # there is no other
    two.say(up=True)
    one.say(lost=["K7", "K8"])  # it goes on
    lab.turn()
    lab.client(PAGE)
    assert one.take() == ["--", "--"]


def test_what_a_dead_worker_has_not_taken_goes_elsewhere(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = lab.worker("w1", "K7"), lab.worker("w2", "K8")
    link = lab.door.workers["w1"].link

    def full(*arguments: Any) -> int:
        raise BlockingIOError

    with monkeypatch.context() as patched:
        patched.setattr(link, "_send", full)
        for _ in range(3):
            lab.client(ROOM % b"K7Q2M3")
    assert not lab.door.is_done
    with monkeypatch.context() as patched:
        patched.setattr(link, "_send", full)
        one.close()
        lab.turn()
    assert list(lab.door.workers) == ["w2"]
    two.say(won=["K7"])
    lab.turn()
    assert two.take() == ["K7"] * 3


def test_a_worker_that_says_goodbye_gets_nothing_more_and_may_send_connections_back(lab: Lab) -> None:
    one, two = lab.worker("w1", "K7"), lab.worker("w2")
    lab.client(ROOM % b"K7Q2M3")
    one.say(lost=["K7"], up=False, bye=True)
    lab.turn()
    assert list(lab.door.workers) == ["w2"]
    assert one.take_rest() == ["K7"]
    one.give_back(*one.passed.pop())
    two.say(won=["K7"])
    lab.turn()
    assert two.take() == ["K7"]
    one.end.close()
    lab.turn()
    assert list(lab.door.workers) == ["w2"]


def test_a_worker_that_dies_while_connections_are_passed_to_it(lab: Lab) -> None:
    one = lab.worker("w1", "K7")
    clients = [socket.create_connection(lab.address) for _ in range(150)]
    for client in clients:
        client.sendall(ROOM % b"K7Q2M3")
    one.end.close()
    lab.until(lambda: not lab.door.workers)
    lab.until(lambda: len(lab.door.waiting) == 150)
    assert lab.door.passed == 0
    two = lab.worker("w2", "K7")
    assert len(two.take()) == 150
    for client in clients:
        client.close()


def test_a_worker_that_takes_nothing_any_more_costs_its_clients_a_503(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.worker("w1", "K7")
    monkeypatch.setattr(module, "MOST_UNSENT", 0)
    assert answer(lab.client(ROOM % b"K7Q2M3")).startswith(b"HTTP/1.1 503 ")
    assert lab.door.refused == {"busy worker": 1}


def test_a_door_that_stops_accepting_finishes_what_has_come(lab: Lab) -> None:
    one = lab.worker("w1", "K7")
    kept = lab.listening.dup()
    client = lab.client(b"GET /room/K7Q2M3")
    lab.door.stop_accepting()
    assert not lab.door.is_done
    client.sendall(b" HTTP/1.1\r\n\r\n")
    lab.turn()
    assert one.take() == ["K7"]
    assert lab.door.is_done
    next_client = socket.create_connection(lab.address)  # another process has the port open
    other = Door([kept], lab.poller)
    lab.turn()
    assert len(other.waiting) == 1
    other.close()
    next_client.close()


def test_no_descriptor_left_is_a_pause(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    one = lab.worker("w1", "K7")

    class Poor:
        def __init__(self, listening: socket.socket) -> None:
            self._listening = listening
            self.errors = [errno.EMFILE, errno.ECONNABORTED]

        def accept(self) -> Any:
            if self.errors:
                raise OSError(self.errors.pop(0), "no")
            return self._listening.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._listening, name)

    port = lab.door._ports[0]
    monkeypatch.setattr(port, "_socket", Poor(lab.listening))
    lab.client(ROOM % b"K7Q2M3")
    assert one.take() == []
    lab.advance(0.2)
    assert one.take() == ["K7"]


def test_the_end_of_the_door_closes_what_waits_and_nothing_else(lab: Lab) -> None:
    one = lab.worker("w1", "K7")
    client, waiting = lab.client(ROOM % b"K7Q2M3"), lab.client(b"GET")
    one.take()
    lab.door.close()
    assert answer(waiting).startswith(b"HTTP/1.1 503 ")
    one.passed[0][1].sendall(b"hello")
    assert client.recv(10) == b"hello"
