"""Records remote calls between engines of one version into rpc_godot*.jsonl, and their upgrades into http_*.jsonl."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.golden.recording.packets import describe3, describe4, describe_close
from tests.golden.recording.proxy import Message
from tests.golden.recording.sessions import QUIET, Client, Recording, Session, record

OPTIONS = ("--pause=0.08", "--timeout=60")
CONTROL = {9: "ping", 10: "pong"}
UNCAUSED = re.compile(r"peer id|SYS (ADD|DEL)|system|(SYS RELAY.*\[|data.*: )?confirm", re.IGNORECASE)
"""Matches packets that no call of a script causes."""
LINE_BREAK = re.compile(r"\s*\n\s*")


def _linger(seconds: float) -> Client:
    return Client([QUIET, f"--linger={seconds:g}"])


SESSIONS: Mapping[str, Sequence[Session]] = {
    "4": [
        Session(
            "client_calls",
            ["--steps=server"],
            [Client(["--steps=echo,modes,child,bytes,empty_bytes,forbidden,unknown"])],
        ),
        Session("server_calls", ["--steps=echo,modes,child,bytes,unknown"], [_linger(15)]),
        Session("auth", ["--auth=s3cret"], [Client(["--auth=s3cret", "--steps=child"])]),
        Session("auth_refused", ["--auth=s3cret"], [Client(["--auth=wrong", QUIET])]),
        Session("relay", ["--clients=2"], [Client(["--steps=relay"]), _linger(4)]),
        Session("no_relay", ["--clients=2", "--no-relay", QUIET], [_linger(1), _linger(1)]),
        Session("broadcast", ["--clients=2", "--steps=modes,bytes"], [_linger(4), _linger(4)]),
        Session("kick", ["--steps=kick"], [_linger(3)]),
        Session("protocol", ["--protocols=binary,game"], [Client(["--protocols=game", "--steps=child"])]),
    ],
    "3": [
        Session("client_calls", ["--steps=server"], [Client(["--steps=echo,modes,child,bytes,forbidden,unknown"])]),
        Session("server_calls", ["--steps=echo,modes,child,bytes,unknown"], [_linger(13)]),
        Session("relay", ["--clients=2"], [Client(["--steps=relay"]), _linger(4)]),
        Session("broadcast", ["--clients=2", "--steps=modes,bytes"], [_linger(4), _linger(4)]),
        Session("kick", ["--steps=kick"], [_linger(3)]),
        Session("protocol", ["--protocols=binary,game"], [Client(["--protocols=game", "--steps=child"])]),
    ],
}


def record_session(major: str, session: Session, before: int = 0) -> Recording:
    return asyncio.run(record(major, "mp", session, OPTIONS, before))


def lines(major: str, recording: Recording) -> list[dict[str, Any]]:
    """Returns the messages in the order of their arrival."""
    found, opened = [], set[tuple[int, str]]()
    for message in recording.proxy.messages:
        is_first = message.way == "s2c" and (message.connection, message.way) not in opened
        opened.add((message.connection, message.way))
        found.append(
            {
                "session": recording.session.name,
                "conn": message.connection,
                "dir": message.way,
                "op": message.opcode,
                "hex": message.payload.hex(),
                "what": _words(major, recording, message, is_first),
            }
        )
    return found


def _words(major: str, recording: Recording, message: Message, is_first: bool) -> str:
    what = _describe(major, message, is_first)
    if what.startswith(("SYS RELAY", "data from")) and message.way == "s2c" and not what.startswith("data from 1 "):
        return f"{what} (forwarded)"
    call = LINE_BREAK.sub(" ", recording.latest(recording.sender(message), "call", message.time))
    is_caused = not UNCAUSED.match(what) and (message.opcode != 8 or re.search("close|disconnect", call))
    return f"{what} <- {call}" if call and is_caused else what


def _describe(major: str, message: Message, is_first: bool) -> str:
    if message.opcode == 8:
        return describe_close(message.payload)
    if message.opcode > 8:
        return CONTROL.get(message.opcode, "control")
    return describe4(message.payload, is_first) if major == "4" else describe3(message.payload)


def heads(recording: Recording) -> list[dict[str, Any]]:
    """Returns the requests and responses of the upgrades."""
    name = recording.session.name
    return [
        {"session": name, "conn": tap.connection, "dir": tap.way, "head": tap.head}
        for tap in recording.proxy.taps
        if tap.head is not None
    ]


def write(out: Path) -> None:
    for major, sessions in SESSIONS.items():
        messages, openings = list[dict[str, Any]](), list[dict[str, Any]]()
        for session in sessions:
            recording = record_session(major, session, before=len(openings) // 2)
            messages += lines(major, recording)
            openings += heads(recording)
            print(f"Godot {major}, {session.name}: statuses {recording.statuses}", flush=True)
        write_lines(out / f"rpc_godot{major}.jsonl", messages)
        write_lines(out / f"http_godot{major}.jsonl", openings)


def write_lines(path: Path, found: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in found)
    path.write_text(text, encoding="utf-8")
