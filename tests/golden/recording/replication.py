"""Records MultiplayerSpawner and MultiplayerSynchronizer between engines of Godot 4: replication_godot4.jsonl."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.golden.recording.calls import write_lines
from tests.golden.recording.packets import describe4, describe_close, state_of_sync
from tests.golden.recording.sessions import LATENESS, Client, Recording, Session, record

OPTIONS = ("--timeout=40",)
REMEMBERED = 3
"""How many states of a side still count as repeated after the next call."""


def _session(name: str, server: str, *clients: tuple[str, float]) -> Session:
    return Session(name, server.split(), [Client(options.split(), after) for options, after in clients])


SESSIONS = [
    _session("basics", "--steps=board,unit,custom,move,turn,hurt,bag,rpc,despawn", ("--linger=5", 0)),
    _session(
        "late",
        "--clients=2 --steps=board,unit,move,hurt,custom,second,bag,despawn,clear",
        ("--linger=6", 0),
        ("--linger=3", 2.6),
    ),
    _session(
        "visibility",
        "--clients=2 --wait=2 --steps=unit,hide,rpc,show,rpc,hide,filter,pause,despawn",
        ("--linger=5.5", 0),
        ("--linger=5.5", 0.3),
    ),
    _session(
        "players",
        "--clients=2 --wait=2 --steps=player,pause,pause,pause,clear",
        ("--steps=aim --linger=2", 0),
        ("--steps=aim --linger=2", 0.3),
    ),
    _session(
        "players_late",
        "--clients=2 --steps=player,second,pause",
        ("--steps=aim --linger=3.5", 0),
        ("--linger=1.5", 1.8),
    ),
    _session(
        "private",
        "--clients=2 --wait=2 --steps=private,pause,reveal,pause,pause",
        ("--steps=aim --linger=2.5", 0),
        ("--linger=4", 0.3),
    ),
    _session(
        "players_leave",
        "--clients=2 --wait=2 --steps=player,pause,pause",
        ("--steps=aim --linger=0.6", 0),
        ("--steps=aim --linger=3", 0.3),
    ),
    _session("handover", "--steps=unit,handover,pause,takeback,pause,move,hurt", ("--linger=4.5", 0)),
    _session(
        "handover_late",
        "--clients=2 --steps=unit,handover,pause,takeback,second,move,hurt,pause",
        ("--linger=5.5", 0),
        ("--linger=3", 2.4),
    ),
    _session("nest", "--clients=2 --steps=nest,second,pause,clear", ("--linger=4.5", 0), ("--linger=3", 1.6)),
    _session(
        "shots",
        "--clients=2 --wait=2 --steps=shots,pause,pause,pause",
        ("--steps=shoot --linger=1.5", 0),
        ("--linger=4", 0.3),
    ),
    _session(
        "shots_leave",
        "--clients=2 --wait=2 --steps=shots,pause,pause",
        ("--steps=shoot --keep --linger=0.3", 0),
        ("--linger=4", 0.3),
    ),
    _session("reparent", "--steps=unit,hurt,reparent,move,hurt", ("--linger=3.5", 0)),
    _session(
        "interval",
        "--fps=60 --interval=0.2 --delta-interval=0.4 --steps=unit,move,hurt,bag,turn,pause",
        ("--fps=60 --linger=3.5", 0),
    ),
    _session("split", "--sync-size=128 --delta-size=128 --steps=player,unit,order,pause", ("--linger=3", 0)),
    _session("big", "--steps=big", ("--linger=2", 0)),
    _session("early", "--steps=early", ("--linger=1.5", 0)),
    _session("order", "--clients=2 --steps=order,second,pause", ("--linger=4", 0), ("--linger=2", 1.8)),
    _session("steal", "--steps=unit,move,hurt,pause", ("--steps=steal --linger=2.5", 0)),
    _session("lose", "--steps=unit,lose,pause", ("--linger=3", 0)),
    _session("reply", "--steps=unit,pause", ("--steps=reply --linger=1.5", 0)),
    _session(
        "no_relay",
        "--clients=2 --wait=2 --no-relay --steps=player,pause,pause,clear",
        ("--steps=aim --linger=2", 0),
        ("--steps=aim --linger=2", 0.3),
    ),
    _session("kick", "--clients=1 --wait=1 --steps=unit,custom,pause,kick", ("--linger=4", 0)),
]


def record_session(session: Session, before: int = 0) -> Recording:
    return asyncio.run(record("4", "rep", session, OPTIONS, before))


class _Repetitions:
    """Finds SYNC packets that only repeat states which the same side has sent since the last call."""

    def __init__(self, recording: Recording) -> None:
        self._times = [when for engine in recording.engines.values() for when, _, _ in engine.reports]
        self._phase = 0
        self._recent: dict[tuple[int, str], list[bytes]] = {}

    def holds(self, key: tuple[int, str], state: bytes | None, now: float) -> bool:
        phase = sum(when <= now + LATENESS for when in self._times)
        if phase != self._phase:
            self._phase = phase
            self._recent = {side: states[-REMEMBERED:] for side, states in self._recent.items()}
        if state is None:
            return False
        states = self._recent.setdefault(key, [])
        if state in states:
            return True
        states.append(state)
        return False


def lines(recording: Recording) -> list[dict[str, Any]]:
    """Returns the messages in the order of their arrival, without pings and repetitions."""
    found, opened, left_out = list[dict[str, Any]](), set[tuple[int, str]](), dict[tuple[int, str], int]()
    repetitions = _Repetitions(recording)
    messages = [message for message in recording.proxy.messages if message.opcode <= 8]
    for message in messages:
        key = message.connection, message.way
        is_first = message.way == "s2c" and key not in opened
        opened.add(key)
        state = state_of_sync(message.payload) if message.opcode == 2 else None
        if repetitions.holds(key, state, message.time):
            left_out[key] = left_out.get(key, 0) + 1
            continue
        what = describe_close(message.payload) if message.opcode == 8 else describe4(message.payload, is_first)
        call = recording.latest(recording.sender(message), "call", message.time)
        if call and message.opcode != 8 and not what.startswith(("peer id", "SYS ADD", "SYS DEL", "CONFIRM")):
            what += f" <- {call}"
        line = {
            "session": recording.session.name,
            "conn": message.connection,
            "dir": message.way,
            "ms": round((message.time - messages[0].time) * 1000),
            "step": recording.latest("server", "step", message.time),
            "op": message.opcode,
            "hex": message.payload.hex(),
            "what": what,
        }
        same = left_out.pop(key, 0)
        found.append(line | {"same": same} if same else line)
    return found


def write(out: Path, sessions: Sequence[Session] = SESSIONS) -> None:
    found, connections = list[dict[str, Any]](), 0
    for session in sessions:
        recording = record_session(session, before=connections)
        connections += len(recording.proxy.connections)
        found += lines(recording)
        print(f"replication, {session.name}: statuses {recording.statuses}", flush=True)
    write_lines(out / "replication_godot4.jsonl", found)
