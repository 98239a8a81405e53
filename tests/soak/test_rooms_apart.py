"""R1: a thousand rooms on one port, four players in each, all of whom call; nothing of a room is seen in another.

make soak, or for a shorter trial: GDPEER_SECONDS=5 python -m pytest -s tests/soak/test_rooms_apart.py

The processor time of a call beside that in one room is a row of `python -m bench.rooms calls`.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bench.rooms import SECRET, frame, knock, seat_of
from gdpeer import OK, Node, rpc
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.wire.godot4 import (
    AddPeer,
    ConfirmPath,
    RemoteCall,
    SimplifyPath,
    call_packet,
    encode_call_body,
    parse,
)
from gdpeer.rooms import Hall, Place, Room
from tests.support.figures import record

SECONDS = float(os.environ.get("GDPEER_SECONDS", "30"))
ROOMS = 1_000
EACH = 4
PACE = 5.0
"""Calls a second of each player, where the machine can do as much."""

PATIENCE = 20.0
"""Seconds that the answers of a round may take longer than the round."""

pytestmark = pytest.mark.timeout(SECONDS + 300)


class Main(Node):
    """Tells all players of the room what one of them has called, and raises for each eighth call."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: set[int] = set()
        self.senders: set[int] = set()
        self.calls = 0

    @rpc("any_peer")
    def ask(self, mark: int) -> None:
        self.calls += 1
        self.heard.add(mark)
        self.senders.add(self.multiplayer.get_remote_sender_id())
        self.answer.rpc(mark)
        if self.calls % 8 == 0:
            raise ValueError(f"mark {mark}")

    @rpc
    def answer(self, mark: int) -> None:
        """Runs at the players."""


class Arena(Room):
    kind = "arena"
    max_peers = EACH

    def on_create(self, options: Any) -> None:
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.came: set[int] = set()
        self.joined: set[int] = set()
        self.tree.multiplayer.peer_connected.connect(self.came.add)

    def on_join(self, place: Place) -> None:
        self.joined.add(place.peer_id)


def enter(connection: socket.socket, peer_id: int) -> bytes:
    """Waits until a connection has the id of its seat; returns what came behind."""
    answer = b""
    while len(answer.partition(b"\r\n\r\n")[2]) < 6:
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), answer
    assert rest[:6] == b"\x82\x04" + peer_id.to_bytes(4, "little")
    return rest[6:]


class Player:
    """A connection, and what has come through it."""

    def __init__(self, number: int, connection: socket.socket) -> None:
        self.number = number
        self.connection = connection
        self.rest = enter(connection, 1000 + number)
        self.ids: set[int] = set()
        self.marks: set[int] = set()
        self.answers = 0
        table = methods_of(Main())
        connection.sendall(frame(SimplifyPath(table.checksum, 1, "Main").encode()))
        flags, body = encode_call_body(table.by_name["ask"].number, [number])
        self._call = frame(call_packet(flags, body, 1))
        connection.setblocking(False)

    def call(self) -> None:
        self.connection.send(self._call)

    def read(self) -> None:
        self.rest += self.connection.recv(65536)
        at, data = 0, self.rest
        while at + 2 <= len(data):
            length, head = data[at + 1], 2
            if length == 126:
                length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            if at + head + length > len(data):
                break
            if data[at] == 0x82:
                self._take(data[at + head : at + head + length])
            at += head + length
        self.rest = data[at:]

    def _take(self, packet: bytes) -> None:
        found: Any = parse(packet)
        if isinstance(found, AddPeer):
            self.ids.add(found.peer_id)
        elif isinstance(found, SimplifyPath):
            self.connection.send(frame(ConfirmPath(True, found.cache_id).encode()))
        elif isinstance(found, RemoteCall):
            self.answers += 1
            self.marks.update(found.arguments)
        else:
            assert isinstance(found, ConfirmPath), found


@pytest.fixture
def files() -> Iterator[None]:
    """Raises the limit of open files for 8,000 sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * ROOMS * EACH + 500:
        pytest.fail(f"the system allows {hard} open files only: raise the limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """All players, in a thread beside the server's."""

    def __init__(self, port: int, codes: list[str]) -> None:
        self.players: list[Player] = []
        self.rounds = 0
        self.problem: BaseException | None = None
        self.is_done = False
        self._targets = [
            f"/room/{code}?seat={seat_of(code, 'arena', number * EACH + one)}"
            for number, code in enumerate(codes)
            for one in range(EACH)
        ]
        self._port = port
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._enter()
            self._play()
        except BaseException as problem:
            self.problem = problem
        finally:
            self.is_done = True

    def _enter(self) -> None:
        for at in range(0, len(self._targets), 48):
            some = [knock(self._port, target) for target in self._targets[at : at + 48]]
            self.players += [Player(at + one, connection) for one, connection in enumerate(some)]

    def _play(self) -> None:
        poll = select.epoll()
        by_file = {player.connection.fileno(): player for player in self.players}
        for file in by_file:
            poll.register(file, select.EPOLLIN)
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < SECONDS:
            for player in self.players:
                player.call()
            self.rounds += 1
            end = begin + max(self.rounds / PACE, now)
            while (left := end - time.monotonic()) > 0 or not self._have_answers():
                for file, _ in poll.poll(max(left, 0.05)):
                    by_file[file].read()
                assert left > -PATIENCE, "answers are missing"
        poll.close()

    def _have_answers(self) -> bool:
        return all(player.answers >= self.rounds * EACH for player in self.players)

    def end(self) -> None:
        self._thread.join()
        for player in self.players:
            player.connection.close()
        if self.problem is not None:
            raise self.problem


def test_r1_nothing_of_a_room_is_seen_in_another(files: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "gdpeer")
    hall = Hall([Arena], secret=SECRET)
    hall.server.backlog = 4096
    hall.server.heartbeat_interval = 0.0  # these players answer no pings
    assert hall.listen(0, "127.0.0.1") is OK
    rooms: list[Any] = [hall.create("arena") for _ in range(ROOMS)]
    crowd = Crowd(hall.get_local_port(), [room.code for room in rooms])
    begin = time.monotonic()
    while not crowd.is_done:
        hall.poll(0.05)
    took = time.monotonic() - begin
    crowd.end()
    own_ids = [{1000 + number * EACH + one for one in range(EACH)} for number in range(ROOMS)]
    own_marks = [{number * EACH + one for one in range(EACH)} for number in range(ROOMS)]
    for number, room in enumerate(rooms):
        ids, marks = own_ids[number], own_marks[number]
        assert set(room.places) == room.came == room.joined == room.main.senders == ids
        assert room.main.heard == marks
        assert room.main.calls == crowd.rounds * EACH
        assert not room.refused
        for player in crowd.players[number * EACH : (number + 1) * EACH]:
            assert player.ids == ids - {1000 + player.number}
            assert player.marks == marks
            assert player.answers == crowd.rounds * EACH
    raised = [entry for entry in caplog.records if entry.exc_info is not None]
    for entry in raised:
        assert entry.exc_info is not None
        [caller] = re.findall(r"peer (\d+)", entry.getMessage())
        assert str(entry.exc_info[1]) == f"mark {int(caller) - 1000}"
    assert raised
    record("R1", rooms=ROOMS, players=len(crowd.players), rounds=crowd.rounds, seconds=took, raised=len(raised))
    hall.close()
