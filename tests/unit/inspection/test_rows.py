"""Rows, filters and totals of what happened in a tunnel."""

from __future__ import annotations

import struct

import pytest

from gdpeer.inspection import totals as totals_module
from gdpeer.inspection.decoded import Decoded
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.rows import Filter, Inspector, redacted
from gdpeer.inspection.totals import Totals
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Refused
from gdpeer.multiplayer.wire import godot4

UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT
CALL = godot4.RemoteCall(0, 0, [7, "x"], "Main/Game").encode()
RELAYED = godot4.Relay(5, godot4.Raw(b"hi").encode()).encode()


def passed(direction: Direction, data: bytes, line: int = 1, is_text: bool = False, is_lost: bool = False) -> Passed:
    return Passed(1.5, line, direction, Message(data, is_text), is_lost)


SESSION: list[Event] = [
    Opened(0.25, 1, "/game?token=secret&x", "chat", True),
    passed(DOWN, struct.pack("<i", 1234)),
    passed(UP, CALL),
    passed(DOWN, RELAYED),
    passed(UP, RELAYED, is_lost=True),
    passed(UP, b"\x00"),
    Ended(2.0, 1, UP, 4001, "bye"),
    Refused(3.0, 2, "http status: no"),
    Opened(4.0, 3, "/", "", False),
    passed(UP, b"text", 3, True),
    Ended(5.0, 3, None, -1, ""),
]
NONE = " " * 9
"""Size and kind of what is no message."""


def rows(**wanted: object) -> list[str]:
    inspector = Inspector("auto", MethodNames(), Filter(**wanted))  # type: ignore[arg-type]
    return [row.as_text() for row in inspector.rows(SESSION)]


def test_each_row_is_one_line() -> None:
    assert rows() == [
        f"    0.250  #1               {NONE} open          /game?token=***&***, sub-protocol chat, compressed",
        "    1.500  #1 1234       <-      4 bz your id       1234",
        f'    1.500  #1 1234       ->     {len(CALL)} bz rpc           Main/Game:method 0(7, "x")',
        "    1.500  #1 1234       <-      9 bz raw           2 bytes: 68 69 (from 5)",
        "    1.500  #1 1234       ->      9 bz raw           2 bytes: 68 69 (to 5) (lost)",
        "    1.500  #1 1234       ->      1 bz undecoded     undecoded: too short for its ids (at offset 1)",
        f"    2.000  #1 1234       -> {NONE} close         code 4001, bye",
        f"    3.000  #2               {NONE} refused       http status: no",
        f"    4.000  #3               {NONE} open          /",
        "    1.500  #3            ->      4 t  text          text",
        f"    5.000  #3               {NONE} close         without a close frame, by this tunnel",
    ]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"peers": (1,)}, 7),
        ({"peers": (1234,)}, 6),
        ({"commands": ("r*",)}, 4),
        ({"commands": ("rpc", "text")}, 2),
        ({"paths": ("Main/*",)}, 1),
        ({"methods": ("method ?",)}, 1),
        ({"direction": DOWN}, 2),
        ({"direction": UP, "commands": ("raw",)}, 1),
    ],
)
def test_filters(wanted: dict[str, object], count: int) -> None:
    assert len(rows(**wanted)) == count


def test_json_leaves_out_what_is_empty() -> None:
    inspector = Inspector("auto", MethodNames(), Filter())
    found = [row.as_json() for row in inspector.rows(SESSION)]
    assert found[2] == {
        "time": 1.5, "peer": 1, "id": 1234, "direction": "to_server", "opcode": "binary", "size": len(CALL),
        "compressed": True, "command": "rpc", "source": 1234, "target": 1, "path": "Main/Game", "method": "method 0",
        "arguments": ["7", '"x"'],
    }  # fmt: skip
    assert found[0] == {
        "time": 0.25, "peer": 1, "command": "open", "detail": "/game?token=***&***, sub-protocol chat, compressed"
    }  # fmt: skip


def test_json_keeps_a_zero() -> None:
    """Regression: an empty message had no size, what was for all no target, and the first moment no time."""
    inspector = Inspector("godot4", MethodNames(), Filter())
    to_all = godot4.Relay(0, godot4.Raw(b"hi").encode()).encode()
    rows = inspector.rows([Opened(0.0, 1, "/", "", False), passed(UP, b""), passed(UP, to_all)])
    assert (rows[0].as_json()["time"], rows[1].as_json()["size"], rows[2].as_json()["target"]) == (0.0, 0, 0)


def test_totals_are_of_what_is_wanted_and_undecoded_of_all() -> None:
    inspector = Inspector("auto", MethodNames(), Filter(commands=("rpc", "raw")))
    inspector.rows(SESSION)
    totals = inspector.totals
    assert [(one.name, one.count, one.size) for one in totals.methods.largest()] == [
        ("Main/Game:method 0", 1, len(CALL)),
        ("raw", 2, 18),
    ]
    assert [(one.name, one.count) for one in totals.peers.largest()] == [("#1 1234", 3)]
    assert totals.all.count == 3
    assert inspector.undecoded == 1
    assert inspector.unnamed == {"Main/Game": ""}


def test_finish_takes_what_is_known_of_those_that_are_there() -> None:
    inspector = Inspector("godot4", MethodNames(), Filter())
    inspector.rows([Opened(0.0, 1, "/", "", False), passed(UP, CALL)])
    assert inspector.unnamed == {}
    inspector.finish()
    assert inspector.unnamed == {"Main/Game": ""}


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/a", "/a"),
        ("/a?token=x", "/a?token=***"),
        ("/?a=b=c&d&e=", "/?a=***&***&e=***"),
        ("/a?secret", "/a?***"),
        ("ws://ann:pw@h/a?b=c", "ws://***@h/a?b=***"),
    ],
)
def test_values_of_a_query_are_not_shown(target: str, shown: str) -> None:
    assert redacted(target) == shown


def test_rates_are_measured_once_a_second() -> None:
    totals = Totals()
    for _ in range(10):
        totals.add(1, None, Decoded("text"), 5)
    totals.tick(0.5)
    assert totals.all.rate == 0
    totals.tick(2.0)
    assert (totals.all.rate, totals.methods.largest()[0].rate) == (5.0, 5.0)
    totals.tick(4.0)
    assert (totals.all.rate, totals.all.peak) == (0.0, 5.0)
    assert totals.as_json(1)["all"] == {"name": "all", "count": 10, "bytes": 50, "rate": 0.0, "peak": 5.0}


def test_a_table_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals_module, "MOST", 2)
    totals = Totals()
    for number in range(5):
        totals.add(1, None, Decoded("rpc", path=f"n{number}", method="m"), number)
    assert [(one.name, one.size) for one in totals.methods.largest()] == [("others", 9), ("n1:m", 1), ("n0:m", 0)]
