"""Measures rooms on one port: a poll of idle rooms, memory, calls in many rooms beside one room, and joins with seats.

    python -m bench.rooms            all figures, with their goals (a minute or two); exits with 1 if a goal is missed
    python -m bench.rooms idle joins some of them

The server runs in a process of its own on core 0. The players are sockets that this process has on core 1, so that all
processor time and all memory of the server's process are the server's.

- `idle`: a poll with 10,000 rooms and nothing to do, beside a poll with one room.
- `lonely`: a poll while one player is in each of 10,000 rooms (or of as many as the process may open files), and what
  the first player of a room takes: the player, and what the room keeps from then on. What players need to come back
  the room remembers from the second player on.
- `memory`: of 10,000 rooms with a node each, and of 4,000 players in 1,000 rooms.
- `calls`: one call at a time, which the server answers, of 4,000 players in turn: in 1,000 rooms, and in one room. For
  information also beside one room of four players, whose memory stays in the processor's caches.
- `joins`: players with seats, four to a room; a seat is a signed token that the server checks.
- `crush`: 400 players with seats join one room, and learn of each other.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import queue
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.machine import LOAD_CORE, SERVER_CORE, hold, open_many_files
from gdpeer import COMPILED, OK, Node, rpc
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath, call_packet, encode_call_body
from gdpeer.rooms import Hall, Room
from gdpeer.rooms.tokens import SeatClaims, SeatKeys, draw_jti, issue_seat

SECRET = b"bench" * 8
MASK = b"\x00\x00\x00\x00"


class Main(Node):
    """The node of each room."""

    @rpc("any_peer")
    def ask(self, number: int) -> None:
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), number)

    @rpc
    def answer(self, number: int) -> None:
        """Runs at the player."""


class Arena(Room):
    kind = "arena"
    max_peers = 4
    idle_timeout = float("inf")

    def on_create(self, options: Any) -> None:
        self.tree.root.add_child(Main(name="Main"))


class Crowd(Arena):
    """A room for all players, who do not know each other."""

    kind = "crowd"
    max_peers = 0
    server_relay = False


class Crush(Crowd):
    """A room for all players, who do know each other: each of 400 learns of 399."""

    kind = "crush"
    server_relay = True


class Goal(NamedTuple):
    """A figure and the most, or least, that it may be; 0: there is no limit."""

    what: str
    figure: float
    unit: str
    limit: float = 0.0
    at_least: bool = False

    def is_met(self) -> bool:
        return not self.limit or (self.figure >= self.limit if self.at_least else self.figure <= self.limit)

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        mark = "" if self.is_met() else "   MISSED"
        limit = f"{sign} {self.limit:g}{mark}" if self.limit else ""
        return f"{self.what:<46} {self.figure:>9.2f} {self.unit:<12} {limit}".rstrip()


def resident() -> int:
    """Returns the bytes of memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ------------------------------------------------------------------------------------------------ the server


def serve() -> None:
    """Runs a hall; each line of the input is a command, which is answered with a line of JSON."""
    open_many_files()
    hold(SERVER_CORE)
    hall = Hall([Arena, Crowd, Crush], secret=SECRET)
    hall.server.backlog = 4096
    if hall.listen(0, "127.0.0.1") != OK:
        raise SystemExit(hall.get_listen_error())
    commands: queue.Queue[list[str]] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            commands.put(line.split())
            hall.server.poller().wake()
        commands.put(["end"])
        hall.server.poller().wake()

    threading.Thread(target=read, daemon=True).start()
    while True:
        hall.poll(1.0)
        while not commands.empty():
            name, *arguments = commands.get()
            if name == "end":
                hall.close()
                return
            print(json.dumps(_COMMANDS[name](hall, *map(int, arguments))), flush=True)


def _make_rooms(hall: Hall, count: int, kind: str = "arena") -> list[str]:
    before = resident()
    codes = [hall.create(kind).code for _ in range(count)]
    hall.poll()
    return [str((resident() - before) / count / 1024), *codes]


def _state(hall: Hall) -> dict[str, Any]:
    refused = sum(sum(room.refused.values()) for room in hall.rooms.values())
    return {"cpu": time.process_time(), "memory": resident(), "taken": hall.taken, "refused": refused}


def _cpu(hall: Hall) -> float:
    return time.process_time()


def _idle(hall: Hall, times: int) -> float:
    """Returns the median microseconds of a poll."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        hall.poll()
        took.append(time.perf_counter() - begin)
    return median(took) * 1e6


def _quiet(hall: Hall) -> None:
    hall.server.heartbeat_interval = 0.0


_COMMANDS: dict[str, Callable[..., Any]] = {
    "rooms": _make_rooms,
    "crowd": lambda hall: _make_rooms(hall, 1, "crowd"),
    "crush": lambda hall: _make_rooms(hall, 1, "crush"),
    "state": _state,
    "cpu": _cpu,
    "idle": _idle,
    "quiet": _quiet,
    "port": lambda hall: hall.get_local_port(),
}


class Server:
    """The process of the server."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.rooms", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port: int = self.ask("port")

    def ask(self, *command: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, command)) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.end()


# ------------------------------------------------------------------------------------------------ the players


def frame(payload: bytes) -> bytes:
    """Returns a client's binary message of less than 126 bytes."""
    return bytes((0x82, 0x80 | len(payload))) + MASK + payload


def knock(port: int, target: str) -> socket.socket:
    """Begins an upgrade, without waiting for the answer."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return connection


def enter(connections: Sequence[socket.socket]) -> None:
    """Waits until all connections have their id."""
    for connection in connections:
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < 6:
            piece = connection.recv(65536)
            if not piece:
                raise SystemExit(f"refused: {answer!r}")
            answer += piece
        if not answer.startswith(b"HTTP/1.1 101"):
            raise SystemExit(f"refused: {answer!r}")


def seat_of(code: str, kind: str, number: int) -> str:
    now = time.time()
    claims = SeatClaims(code, kind, 1000 + number, draw_jti(), now + 600, now + 3600)
    return issue_seat(SeatKeys(SECRET), claims)


def join(
    server: Server, codes: Sequence[str], each: int = 4, kind: str = "arena", batch: int = 48
) -> list[socket.socket]:
    """Joins players to each room; returns their connections, room by room."""
    targets = [f"/room/{code}?seat={seat_of(code, kind, number)}" for code in codes for number in range(each)]
    found: list[socket.socket] = []
    for at in range(0, len(targets), batch):
        some = [knock(server.port, target) for target in targets[at : at + batch]]
        enter(some)
        found += some
    return found


class Caller:
    """A player who calls the server and waits for the answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(10.0)
        node = Main(name="Main")
        table = methods_of(node)
        connection.sendall(frame(SimplifyPath(table.checksum, 1, "Main").encode()))
        flags, body = encode_call_body(table.by_name["ask"].number, [7])
        self._call = frame(call_packet(flags, body, 1))

    def ask(self) -> None:
        self._connection.sendall(self._call)
        self._connection.recv(65536)

    def confirm(self) -> None:
        """Tells the server that this player knows the number of its node."""
        self._connection.sendall(frame(ConfirmPath(True, 1).encode()))

    def drain(self) -> None:
        """Reads all that is there."""
        self._connection.setblocking(False)
        try:
            while self._connection.recv(65536):
                pass
        except BlockingIOError:
            pass
        self._connection.settimeout(10.0)


# ------------------------------------------------------------------------------------------------ the figures


def idle() -> Iterator[Goal]:
    with running() as server:
        server.ask("rooms", 1)
        server.ask("idle", 2000)
        one = server.ask("idle", 5000)
        server.ask("rooms", 9999)
        many = server.ask("idle", 5000)
    yield Goal("idle poll of 10,000 rooms", many, "us", 20)
    yield Goal("beside one room", many / one, "times", 2)


def lonely() -> Iterator[Goal]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200
    with running() as server:
        server.ask("quiet")  # these players answer no pings
        _, *codes = server.ask("rooms", min(10_000, most))
        held = join(server, codes[:1], 1)
        server.ask("idle", 2000)
        one = server.ask("idle", 5000)
        before = server.ask("state")["memory"]
        held += join(server, codes[1:], 1)
        state, many = server.ask("state"), server.ask("idle", 5000)
        assert state["taken"] == len(codes)
        yield Goal(f"idle poll, a player in each of {len(codes):,} rooms", many, "us", 20)
        yield Goal("beside one player", many / one, "times", 2)
        yield Goal(
            "memory of the only player in a room", (state["memory"] - before) / (len(codes) - 1) / 1024, "KiB", 3
        )
        for connection in held:
            connection.close()


def memory() -> Iterator[Goal]:
    with running() as server:
        server.ask("rooms", 50)
        per_room, *codes = server.ask("rooms", 9_950)
        held = join(server, codes[:100])
        before = server.ask("state")["memory"]
        held += join(server, codes[100:1_100])
        after = server.ask("state")
        yield Goal("memory of a room with a node", float(per_room), "KiB", 11.5)
        yield Goal("memory of a player in a room", (after["memory"] - before) / 4_000 / 1024, "KiB", 2.8)
        for connection in held:
            connection.close()


def callers_of(connections: Sequence[socket.socket]) -> list[Caller]:
    """Returns players whose calls and answers go by number."""
    callers = [Caller(connection) for connection in connections]
    for caller in callers:  # the first answer goes by path
        caller.ask()
    time.sleep(0.3)
    for caller in callers:
        caller.drain()
        caller.confirm()
        caller.ask()
    return callers


def calls(rounds: int = 9, times: int = 4_000) -> Iterator[Goal]:
    with running() as server:
        server.ask("quiet")  # these players answer no pings
        [_, crowd] = server.ask("crowd")
        _, *codes = server.ask("rooms", 1_001)
        groups = [
            callers_of(join(server, [crowd], 4_000, "crowd")),
            *map(callers_of, (join(server, codes[:1]), join(server, codes[1:]))),
        ]

        def cost(group: Sequence[Caller]) -> float:
            begin = server.ask("cpu")
            for number in range(times):
                group[number % len(group)].ask()
            spent: float = server.ask("cpu") - begin
            return spent / times * 1e6

        costs = [[cost(group) for group in groups] for _ in range(rounds)]
        yield Goal("call and answer, 1,000 rooms of four", median(many for _, _, many in costs), "us")
        yield Goal("beside one room of 4,000", median(many / one for one, _, many in costs), "times", 1.15)
        yield Goal("beside one room of four", median(many / few for _, few, many in costs), "times")
        state = server.ask("state")
        if state["refused"]:
            raise SystemExit(f"{state['refused']} calls were refused")


def joins() -> Iterator[Goal]:
    with running() as server:
        _, *codes = server.ask("rooms", 1_100)
        held = join(server, codes[:100])
        begin = server.ask("cpu")
        held += join(server, codes[100:])
        spent = server.ask("cpu") - begin
        assert server.ask("state")["taken"] == 4_400
        yield Goal("joins in rooms of four, seats checked", 4_000 / spent, "a second", 3_000, at_least=True)
        for connection in held:
            connection.close()


def crush() -> Iterator[Goal]:
    with running() as server:
        held = join(server, server.ask("rooms", 101)[1:])  # what runs for the first time takes longer
        [_, code] = server.ask("crush")
        spent, begin = server.ask("cpu"), time.perf_counter()
        held += join(server, [code], 400, "crush")
        took, spent = time.perf_counter() - begin, server.ask("cpu") - spent
        assert server.ask("state")["taken"] == 804
        yield Goal("400 players join one room, all of them", took, "s", 1)
        yield Goal("of that the server's processor", spent, "s", 1)
        for connection in held:
            connection.close()


FIGURES = {"idle": idle, "lonely": lonely, "memory": memory, "calls": calls, "joins": joins, "crush": crush}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="all by default")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    open_many_files()
    hold(LOAD_CORE)
    print(f"gdpeer is {'compiled' if COMPILED else 'not compiled'}")
    missed = 0
    for name in options.figures or FIGURES:
        for goal in FIGURES[name]():
            print(goal, flush=True)
            missed += not goal.is_met()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
