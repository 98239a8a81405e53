"""Replays the recorded sessions of MultiplayerSpawner and MultiplayerSynchronizer with Python in place of one engine.

The game is `rep_game`. A side gets what it received in the recording, at the recorded times; its own steps run when the
recording shows their first packet.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from gdpeer import ManualClock, SceneMultiplayer, SceneTree
from gdpeer.multiplayer.wire.godot4 import AddPeer, ConfirmPath, DelPeer, Relay, SimplifyPath, is_call, parse
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync
from tests.golden.recording.replication import SESSIONS as RECORDED
from tests.support.missing import ROOT
from tests.support.rep_game import Forms, Main, make_scenes
from tests.support.scripted_peer import ScriptedPeer

__all__ = [
    "SESSIONS",
    "ClientSide",
    "ServerSide",
    "Session",
    "Side",
    "differences",
    "replay_client",
    "replay_server",
    "sent_by_client",
    "sent_by_server",
    "session_of",
]

DEL_PEER = b"\x07\x02"
SAME_FRAME = 0.004
"""Seconds between packets that the engine sends in one frame."""
UNIT_ALWAYS = 20
"""Bytes of a unit's first two values in its SPAWN: the properties ALWAYS of its synchronizer Sync."""


class Line(NamedTuple):
    """One message of a recording."""

    seconds: float
    conn: int
    to_client: bool
    call: str
    data: bytes


def _line(entry: dict[str, Any]) -> Line:
    _, _, call = entry["what"].partition(" <- ")
    return Line(entry["ms"] / 1000, entry["conn"], entry["dir"] == "s2c", call, bytes.fromhex(entry["hex"]))


def _read() -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for text in (ROOT / "tests" / "golden" / "replication_godot4.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(text)
        if entry["op"] == 2:
            found.setdefault(entry["session"], []).append(_line(entry))
    return found


LINES = _read()


class Session(NamedTuple):
    """A recorded session.

    Attributes:
        name: its name.
        lines: its messages.
        ids: the id of the client of each connection, in the order of their coming.
        server: the options of the server.
        clients: the options of each client.
    """

    name: str
    lines: list[Line]
    ids: dict[int, int]
    server: dict[str, str]
    clients: list[dict[str, str]]


def _options(words: Any) -> dict[str, str]:
    return {key.removeprefix("--"): value for key, _, value in (word.partition("=") for word in words)}


def session_of(name: str) -> Session:
    """Returns a recorded session."""
    ids: dict[int, int] = {}
    for line in LINES[name]:
        if line.to_client and line.conn not in ids:
            ids[line.conn] = int.from_bytes(line.data, "little")
    options = next(one for one in RECORDED if one.name == name)
    return Session(name, LINES[name], ids, _options(options.server), [_options(one.options) for one in options.clients])


SESSIONS = list(LINES)

# ------------------------------------------------------------------------------------------------ sides and steps

CALLS = {
    "unit": ["Units.add_child(rep_unit U1)"],
    "custom": ["Spawner.spawn({name: EggA, size: 2.5})", "Spawner.spawn(7)"],
    "move": ["U1.position = (10, 20)"],
    "turn": ["U1/Turret.rotation = 0.5"],
    "hurt": ["U1.health = 90"],
    "bag": ["U1.items.append(sword); U1.health = 80"],
    "rpc": ['U1.hello.rpc("to all that see me")'],
    "hide": ["public_visibility = false; set_visibility_for(first, false)", "U1.health = 70 (hidden)"],
    "show": ["set_visibility_for(first, true)"],
    "filter": ["add_visibility_filter(all but the first)"],
    "player": ["Units.add_child(rep_unit {0})", "Units.add_child(rep_unit {1})"],
    "nest": ["Units.add_child(rep_nest)"],
    "board": ["Board.score = 3; clock = 1000; notes = {a: 1}", "Board.notes[b] = 2"],
    "early": ["Units.add_child(unit that calls hello.rpc() in its _ready)"],
    "handover": ["give.rpc(U1/Sync, first)"],
    "takeback": ["give.rpc(U1/Sync, 1)"],
    "shots": ["give.rpc(ShotSpawner, first)"],
    "lose": ["give.rpc(Spawner, first)", "U1.free() (the spawner is the client's)", "give.rpc(Spawner, 1)"],
    "reparent": ["Units.remove_child(U1); Main.add_child(U1)", "Main.remove_child(U1); Units.add_child(U1)"],
    "order": ["Units.add_child(MadeSecond)", "Units.add_child(MadeFirst)"],
    "private": ["Units.add_child(rep_unit {0}), visible to that client only"],
    "reveal": ["public_visibility = true"],
    "despawn": ["U1.queue_free()"],
    "clear": ["free all units"],
    "kick": ["disconnect_peer({0})"],
    "big": [f"Board.clock = {size} letters" for size in (1328, 1332, 1344)] + ["Board.clock = 1"],
    "aim": ["aim = 1.5", "motion = (0, 4)"],
    "shoot": ["Shots.add_child(rep_egg Shot)", "Shot.color = BLUE", "Shot.queue_free()"],
    "steal": ["U1/Sync.set_multiplayer_authority(me), here only"],
    "reply": ["U1.hit.rpc_id(1, 7)"],
}
"""The recorded names of the parts of each step."""


def _big(main: Main) -> Iterator[None]:
    for size in (1328, 1332, 1344):
        main.board.clock = "x" * size
        yield
    main.board.clock = 1


def _shoot(main: Main) -> Iterator[None]:
    yield from main.step_shoot()
    yield
    main.get_node("Shots/Shot").queue_free()


class Steps:
    """The steps of one side, part by part.

    Attributes:
        current: the recorded name of the last part.
    """

    def __init__(self, main: Main, names: str, keep: bool) -> None:
        self.current = ""
        self._main = main
        self._parts = [part for name in names.split(",") if name in CALLS for part in self._parts_of(name)]
        if keep:
            self._parts = self._parts[:-1]

    def _parts_of(self, name: str) -> Iterator[tuple[str, Callable[[], None]]]:
        running: list[Iterator[None]] = []
        own = {"big": _big, "shoot": _shoot}

        def run() -> None:
            if not running:
                made = own[name](self._main) if name in own else getattr(self._main, f"step_{name}")()
                running.append(iter(()) if made is None else made)
            next(running[0], None)

        return ((text, run) for text in CALLS[name])

    def _text(self, number: int) -> str:
        text = self._parts[number][0]
        for place, peer_id in enumerate(self._main.others):
            text = text.replace(f"{{{place}}}", str(peer_id))
        return text

    def run_until(self, call: str, between: Callable[[], None]) -> None:
        """Runs the parts up to the one with a name, if it did not just run; `between` is called between two parts."""
        if call == self.current or not call:
            return
        texts = [self._text(number) for number in range(len(self._parts))]
        assert call in texts, (call, texts)
        for number in range(texts.index(call) + 1):
            if number:
                between()
            self.run_next()

    def run_next(self) -> bool:
        """Runs the next part; returns False if there is none."""
        if not self._parts:
            return False
        self.current = self._text(0)
        self._parts.pop(0)[1]()
        return True


class Side:
    """Python in place of one engine."""

    def __init__(self, forms: Forms, session: Session, own_id: int, options: dict[str, str]) -> None:
        self.clock = ManualClock(100.0)
        self.peer = ScriptedPeer(own_id)
        self.api = SceneMultiplayer(clock=self.clock)
        self.api.replication_rate = math.inf
        self.api.server_relay = "no-relay" not in session.server
        self.api.max_sync_packet_size = int(options.get("sync-size", 1350))
        self.api.max_delta_packet_size = int(options.get("delta-size", 65535))
        self.tree = SceneTree(self.api, scenes=make_scenes(forms))
        self.main = Main(forms)
        self.main.interval = float(options.get("interval", 0))
        self.main.delta_interval = float(options.get("delta-interval", 0))
        self.tree.root.add_child(self.main)
        self.main.listen()
        self.api.multiplayer_peer = self.peer
        self.steps = Steps(self.main, options.get("steps", ""), "keep" in options)
        self._polled = 0.0

    def poll(self) -> None:
        self.tree.poll()
        self._polled = self.clock.now()

    def poll_later(self) -> None:
        """Polls, unless the time is still that of the last poll: the engine has sent several packets in one frame."""
        if self.clock.now() > self._polled + SAME_FRAME:
            self.poll()

    def move_to(self, seconds: float) -> None:
        self.clock.advance(max(0.0, 100.0 + seconds - self.clock.now()))

    def run_until(self, call: str) -> None:
        self.steps.run_until(call, self.poll)

    def run_rest(self) -> None:
        """Runs the steps of which the recording shows no packet."""
        while self.steps.run_next():
            self.finish()

    def finish(self) -> None:
        """Sends and handles what is left."""
        self.clock.advance(0.25)
        self.poll()


class ServerSide(Side):
    """Python as the server."""

    def __init__(self, forms: Forms, session: Session) -> None:
        super().__init__(forms, session, 1, session.server)
        self._ids = session.ids

    def take(self, line: Line) -> None:
        """Takes a packet of a client, or does what the engine did before it sent a packet."""
        self.move_to(line.seconds)
        peer_id = self._ids[line.conn]
        if not line.to_client:
            self.peer.feed(peer_id, line.data)
            return
        self.poll_later()
        if peer_id not in self.peer.came:
            self.peer.link(peer_id)
            self.poll()
        elif line.data[:2] == DEL_PEER:
            self.peer.unlink(parse(line.data).peer_id)  # type: ignore[union-attr]
            self.poll()
        self.run_until(line.call)


class ClientSide(Side):
    """Python as the client of one connection."""

    def __init__(self, forms: Forms, session: Session, conn: int) -> None:
        options = session.clients[list(session.ids).index(conn)]
        super().__init__(forms, session, session.ids[conn], options)
        self.peer.link(1)
        self.poll()

    def take(self, line: Line) -> None:
        """Takes a packet of the server, or does what the engine did before it sent a packet."""
        self.move_to(line.seconds)
        self.poll_later()
        if line.to_client:
            self.peer.feed(1, line.data)
        elif line.call != self.steps.current:
            self.run_until(line.call)
            self.poll()


def replay_server(session: Session, forms: Forms) -> ServerSide:
    """Runs Python as the server through a session."""
    side = ServerSide(forms, session)
    for line in session.lines:
        side.take(line)
    side.finish()
    return side


def replay_client(session: Session, conn: int, forms: Forms) -> ClientSide:
    """Runs Python as one of the clients through a session."""
    side = ClientSide(forms, session, conn)
    for line in lines_of(session, conn):
        side.take(line)
    side.finish()
    return side


def lines_of(session: Session, conn: int) -> list[Line]:
    """Returns the messages of a connection, but the first, which has the client's id."""
    return [line for line in session.lines if line.conn == conn][1:]


# ------------------------------------------------------------------------------------------------ what was sent


class Stream:
    """What one side has sent to one receiver, packet by packet.

    A sender may leave out SYNC of unchanged synchronizers, may begin its counter anywhere, and may choose the order of
    the elements of a packet.
    """

    def __init__(self) -> None:
        self._packets: list[str] = []
        self._values: dict[int, list[str]] = {}
        self._last: dict[int, bytes] = {}

    def lines(self) -> list[str]:
        """Returns all packets but SYNC, and then the values of each synchronizer's SYNC without repetitions."""
        return self._packets + [
            f"SYNC {_number(number)}: {one}" for number, values in sorted(self._values.items()) for one in values
        ]

    def add(self, data: bytes) -> None:
        """Adds a packet."""
        packet = None if is_call(data) else parse(data)
        if isinstance(packet, Sync):
            for number, values in packet.elements:
                if self._last.get(number) != values:
                    self._last[number] = values
                    self._values.setdefault(number, []).append(values.hex())
            return
        if isinstance(packet, Delta):
            self._packets += [_delta(*element) for element in sorted(packet.elements)]
            return
        if isinstance(packet, Spawn) and packet.scene == 0 and len(packet.state) > UNIT_ALWAYS:
            # The SPAWN of a unit says what the next SYNC may leave out.
            self._last[packet.sync_ids[0]] = packet.state[:UNIT_ALWAYS]
        self._packets.append(_words(data))


def _delta(number: int, mask: int, values: bytes) -> str:
    return f"delta of {_number(number)}, mask {mask}: {values.hex()}"


def _number(number: int) -> str:
    return f"path {number & 0x7FFFFFFF}" if number >> 31 else str(number)


def _words(data: bytes) -> str:
    if is_call(data):
        return f"call {data.hex()}"
    packet = parse(data)
    if isinstance(packet, Spawn):
        ids = ", ".join(map(_number, packet.sync_ids))
        argument = "" if packet.argument is None else f", argument {packet.argument.hex()}"
        made = f"scene {packet.scene} by {packet.spawner_id}{argument}"
        return f"SPAWN {packet.net_id} [{ids}] '{packet.name}', {made}: {packet.state.hex()}"
    if isinstance(packet, Despawn):
        return f"DESPAWN {packet.net_id}"
    if isinstance(packet, SimplifyPath):
        return f"path {packet.cache_id} is {packet.path} {packet.checksum}"
    if isinstance(packet, ConfirmPath):
        return f"confirm {packet.cache_id} {packet.matches}"
    if isinstance(packet, AddPeer | DelPeer):
        return f"{type(packet).__name__} {packet.peer_id}"
    return f"packet {data.hex()}"


def streams_of(sent: Iterable[tuple[int, bytes]]) -> dict[tuple[int, int], list[str]]:
    """Returns what was sent, by the receiver and by the client at the other end of a relay, or 0; see `Stream`."""
    found: dict[tuple[int, int], Stream] = {}
    for to, data in sent:
        packet = None if is_call(data) else parse(data)
        if isinstance(packet, Relay):
            found.setdefault((to, packet.peer_id), Stream()).add(packet.data)
        else:
            found.setdefault((to, 0), Stream()).add(data)
    return {key: stream.lines() for key, stream in found.items()}


def sent_by_server(session: Session) -> list[tuple[int, bytes]]:
    """Returns what the engine sent as the server, without the first message of each connection, which has the id."""
    lines = [line for conn in session.ids for line in lines_of(session, conn)]
    return [(session.ids[line.conn], line.data) for line in lines if line.to_client]


def sent_by_client(session: Session, conn: int) -> list[tuple[int, bytes]]:
    """Returns what the engine sent as a client."""
    return [(1, line.data) for line in session.lines if line.conn == conn and not line.to_client]


def differences(engine: Iterable[tuple[int, bytes]], python: Iterable[tuple[int, bytes]]) -> list[str]:
    """Returns where two senders differ: `- ` and what only the engine sent, `+ ` and what only Python sent."""
    theirs, ours = streams_of(engine), streams_of(python)
    found: list[str] = []
    for key in sorted(theirs.keys() | ours.keys()):
        lines = list(difflib.unified_diff(theirs.get(key, []), ours.get(key, []), lineterm="", n=0))[2:]
        found += [f"{line[0]} {line[1:]}" for line in lines if not line.startswith("@@")]
    return found
