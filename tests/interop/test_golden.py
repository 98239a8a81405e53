"""The golden vectors are still what engines do: a part of them is recorded anew and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.golden.recording import calls, replication, values
from tests.golden.recording.proxy import Tap, first_frame
from tests.golden.recording.sessions import Session
from tests.support.engines import command
from tests.support.missing import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

GOLDEN = ROOT / "tests" / "golden"
NODE_PATH_OF_GODOT_3 = 15


def load_lines(name: str, session: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines()]
    return [line for line in found if line["session"] == session]


def words(lines: Iterable[dict[str, Any]], way: str) -> list[str]:
    """The packets that went one way, without the ids of peers, which are drawn anew each time.

    Close frames and which call led to a packet are matters of time on a busy machine.
    """
    packets = [line["what"].partition(" <- ")[0] for line in lines if line["dir"] == way and line["op"] != 8]
    return [re.sub(r"\b\d{6,}\b", "ID", packet) for packet in packets]


def named(sessions: Iterable[Session], name: str) -> Session:
    return next(session for session in sessions if session.name == name)


def settled(recorded: list[dict[str, Any]], major: str) -> list[dict[str, Any]]:
    """The values that are the same each time. Godot 3 fills up the names of a path with whatever its memory holds."""
    kept = [dict(one) for one in recorded if "varies" not in one]
    for one in kept:
        if major == "3" and one["type"] == NODE_PATH_OF_GODOT_3:
            del one["hex"]
    return kept


@pytest.mark.parametrize("major", ["4", "3"])
def test_values(major: str) -> None:
    command(major)
    committed = json.loads((GOLDEN / f"variant_godot{major}.json").read_text(encoding="utf-8"))["values"]
    found = values.values(major)
    assert [one["name"] for one in found] == [one["name"] for one in committed]
    assert settled(found, major) == settled(committed, major)


def test_expressions(tmp_path: Path) -> None:
    command("4")
    values.write_math(tmp_path)
    name = "variant_math_godot4.json"
    assert json.loads((tmp_path / name).read_text())["values"] == json.loads((GOLDEN / name).read_text())["values"]


@pytest.mark.parametrize("major", ["4", "3"])
@pytest.mark.parametrize("name", ["protocol", "kick"])
def test_calls(major: str, name: str) -> None:
    command(major)
    recording = calls.record_session(major, named(calls.SESSIONS[major], name), before=6)
    found, committed = calls.lines(major, recording), load_lines(f"rpc_godot{major}.jsonl", name)
    for way in ("c2s", "s2c"):
        assert words(found, way) == words(committed, way)
    assert {line["conn"] for line in found} == {7}
    openings = [line["head"].partition("\r\n")[0] for line in calls.heads(recording)]
    assert openings == ["GET / HTTP/1.1", "HTTP/1.1 101 Switching Protocols"]


def test_replication() -> None:
    command("4")
    found = replication.lines(replication.record_session(named(replication.SESSIONS, "reply")))
    committed = load_lines("replication_godot4.jsonl", "reply")
    for way in ("c2s", "s2c"):
        # How many SYNC packets there are is a matter of time.
        once = [[one for one in words(lines, way) if not one.startswith("SYNC")] for lines in (found, committed)]
        assert once[0] == once[1]
    sizes = [
        {re.sub(r"SYNC \d+", "SYNC", one) for one in words(lines, "s2c") if one.startswith("SYNC")}
        for lines in (found, committed)
    ]
    assert sizes[0] == sizes[1] != set()
    assert [line["hex"] for line in found if "SPAWN" in line["what"]] == [
        line["hex"] for line in committed if "SPAWN" in line["what"]
    ]


def test_frames_are_put_together() -> None:
    tap = Tap(3, "c2s")
    parts = [b"GET / HTTP/1.1\r\n\r", b"\n\x01\x82", b"\1\2\3\4\x60\x60", b"\x89\x00", b"\x80\x7e\x00\x01c"]
    found = [message for part in parts for message in tap.feed(part, 0.5)]
    assert [message[1:] for message in found] == [(3, "c2s", 9, b""), (3, "c2s", 1, b"abc")]
    assert tap.head == "GET / HTTP/1.1\r\n\r\n"
    assert first_frame(b"\x82\x7f" + bytes(7)) is None
    assert first_frame(b"\x82\x7f" + bytes(7) + b"\x02ab") == (True, 2, b"ab", 12)
