"""The checksums of a recording."""

from __future__ import annotations

import io
import struct

from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.recorded_checksums import Seen, seen_checksums
from gdpeer.inspection.recording import read_recording, write_events, write_header
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed
from gdpeer.multiplayer.wire import godot4

UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT
ONE, TWO, THREE = ("1" * 32, "2" * 32, "3" * 32)


def recording(dialect: str = "auto", one: str = ONE, two: str = TWO, three: str = THREE) -> str:
    """Two clients and a server; the first client also tells the second one of a node, through the server."""
    events: list[Event] = []

    def say(line: int, direction: Direction, data: bytes) -> None:
        events.append(Passed(len(events) / 100, line, direction, Message(data, False), False))

    for line, peer in ((1, 501), (2, 502)):
        events.append(Opened(len(events) / 100, line, "/", "", False))
        say(line, DOWN, struct.pack("<i", peer))
        say(line, UP, godot4.SimplifyPath(one, 1, "Main").encode())
    say(1, DOWN, godot4.SimplifyPath(two, 1, "Main").encode())
    say(2, DOWN, godot4.SimplifyPath(one, 2, "Main/Board").encode())
    inner = godot4.SimplifyPath(three, 2, "Main/Chat").encode()
    say(1, UP, godot4.Relay(502, inner).encode())
    say(2, DOWN, godot4.Relay(501, inner).encode())
    events.append(Ended(1.0, 1, UP, 1000, ""))
    file = io.StringIO()
    write_header(file, "ws://127.0.0.1:8910", dialect)
    write_events(file, events)
    return file.getvalue()


def test_each_checksum_of_each_node_with_its_senders() -> None:
    assert seen_checksums(read_recording(io.StringIO(recording()))) == [
        Seen("Main", ONE, ("client",)),
        Seen("Main", TWO, ("server",)),
        Seen("Main/Board", ONE, ("server",)),
        Seen("Main/Chat", THREE, ("client",)),
    ]


def test_other_traffic_has_no_checksums() -> None:
    assert seen_checksums(read_recording(io.StringIO(recording("raw")))) == []
    assert seen_checksums(read_recording(io.StringIO(recording("godot3")))) == []
