"""Reads and writes recordings of a tunnel's messages: lines of JSON, of which the first is a header.

    {"gdpeer": "recording", "version": 1, "to": "ws://127.0.0.1:8910/", "dialect": "auto"}
    {"time": 0.01, "peer": 1, "event": "open", "target": "/", "protocol": ""}
    {"time": 0.02, "peer": 1, "direction": "to_client", "binary": "OSe6Tg=="}
    {"time": 0.03, "peer": 1, "direction": "to_server", "text": "hello"}
    {"time": 0.04, "peer": 1, "event": "close", "direction": "to_server", "code": 1000, "reason": ""}

Times are seconds since the recording began. Queries are stored without their values, and headers are left out.
Messages are stored whole, including any secrets in them.

Layer: `inspection`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.rows import redacted
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Refused

__all__ = ["Recording", "RecordingError", "pieces", "read_recording", "write_events", "write_header"]

Read = TypeVar("Read")

KIND = "recording"
VERSION = 1

PIECE = 16_384
"""Characters after which a piece of a recording ends."""


class RecordingError(ValueError):
    """The file is not a recording, or is damaged; the message names the line."""


def write_header(file: IO[str], to: str, dialect: str) -> None:
    """Writes the header, the first line of a recording, without user info and query values of the URL."""
    file.write(header_line(to, dialect))
    file.flush()


def write_events(file: IO[str], events: Iterable[Event]) -> None:
    """Writes events, one line each."""
    for event in events:
        file.write(compact(as_line(event)))
    file.flush()  # a program that is killed loses no event


def pieces(to: str, dialect: str, events: Iterable[Event]) -> Iterator[bytes]:
    """Yields a whole recording in pieces, each of several lines or of one long line."""
    piece = header_line(to, dialect)
    for event in events:
        piece += compact(as_line(event))
        if len(piece) >= PIECE:
            yield piece.encode()
            piece = ""
    yield piece.encode()


def header_line(to: str, dialect: str) -> str:
    """Returns the first line, without user info and query values of the URL."""
    return compact({"gdpeer": KIND, "version": VERSION, "to": redacted(to), "dialect": dialect})


def compact(fields: dict[str, Any]) -> str:
    """Returns an object as one line of compact JSON."""
    return json.dumps(fields, separators=(",", ":")) + "\n"


def as_line(event: Event) -> dict[str, Any]:
    """Returns an event as the object that stands in the file."""
    line: dict[str, Any] = {"time": round(event.time, 6), "peer": event.line}
    # Neither losses nor compression are recorded: a replay sends all messages, and compresses as its server does.
    match event:
        case Opened():
            return line | {"event": "open", "target": redacted(event.target), "protocol": event.protocol}
        case Passed():
            return line | {"direction": event.direction.value} | as_payload(event.message)
        case Ended():
            return line | {
                "event": "close",
                "direction": None if event.direction is None else event.direction.value,
                "code": event.code,
                "reason": event.reason,
            }
        case Refused():
            return line | {"event": "refused", "why": event.why}


def as_payload(message: Message) -> dict[str, str]:
    """Returns the fields for a message: text as it is, binary as base64."""
    if message.is_text:
        return {"text": message.data.decode()}
    return {"binary": b64encode(message.data).decode()}


@dataclass(frozen=True, slots=True)
class Recording:
    """The content of a recording.

    Attributes:
        dialect: the `--dialect` of `gdpeer inspect` when it recorded, one of `decoding.DIALECTS`.
        events: in the order in which they happened.
    """

    dialect: str
    events: list[Event]

    def peers(self) -> list[int]:
        """Returns the numbers of the clients, in the order in which they connected."""
        return [event.line for event in self.events if isinstance(event, Opened)]


def read_recording(lines: Iterable[str]) -> Recording:
    """Reads a recording.

    Args:
        lines: of the file.

    Raises:
        RecordingError: the lines are not a recording, or are damaged.
    """
    numbered = enumerate(lines, 1)
    header = read_line(1, next(numbered, (1, ""))[1], check_header)
    events = [read_line(number, line, as_event) for number, line in numbered]
    check_order(events)
    return Recording(str(header.get("dialect", "auto")), events)


def read_line(number: int, line: str, read: Callable[[dict[str, Any]], Read]) -> Read:
    """Returns the result of `read` for the JSON of one line.

    Raises:
        RecordingError: the line is not JSON, or `read` refused it.
    """
    try:
        return read(json.loads(line))
    except json.JSONDecodeError as problem:
        raise RecordingError(
            f"line {number}: invalid JSON (at character {problem.pos + 1}): is the file complete?"
        ) from None
    except (KeyError, TypeError, AttributeError) as problem:
        raise RecordingError(f"line {number}: {describe(problem)}") from None
    except ValueError as problem:
        raise RecordingError(f"line {number}: {problem}") from None


def describe(problem: Exception) -> str:
    """Returns what is wrong with a line whose fields are missing or of a wrong type."""
    return f"{problem.args[0]!r} is missing" if isinstance(problem, KeyError) else "unexpected value for a recording"


def check_header(fields: Any) -> dict[str, Any]:
    """Returns the header if this version of gdpeer can read the recording.

    Raises:
        ValueError: the recording is of another version, or the line is not a header.
    """
    if not isinstance(fields, dict) or fields.get("gdpeer") != KIND:
        raise ValueError("this is not a recording of gdpeer")
    if fields.get("version") != VERSION:
        raise ValueError(f"unsupported version {fields.get('version')!r} of recordings, expected {VERSION}")
    return fields


def as_event(fields: dict[str, Any]) -> Event:
    """Returns the event that a line holds.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the line does not hold an event.
    """
    time, line = float(fields["time"]), int(fields["peer"])
    match fields.get("event", "message"):
        case "message":
            return Passed(time, line, Direction(fields["direction"]), payload_of(fields), False)
        case "open":
            return Opened(time, line, str(fields["target"]), str(fields["protocol"]), False)
        case "close":
            side = None if fields["direction"] is None else Direction(fields["direction"])
            return Ended(time, line, side, int(fields["code"]), str(fields["reason"]))
        case "refused":
            return Refused(time, line, str(fields["why"]))
    raise ValueError(f"unknown event {fields['event']!r}")


def payload_of(fields: dict[str, Any]) -> Message:
    """Returns the message that a line holds.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the line does not hold a message.
    """
    if "text" in fields:
        return Message(fields["text"].encode(), True)
    return Message(b64decode(fields["binary"], validate=True), False)  # else wrong characters would be left out


def check_order(events: list[Event]) -> None:
    """Checks that each client has an `open` line before its other lines.

    Raises:
        RecordingError: a client has none.
    """
    there: set[int] = set()
    for number, event in enumerate(events, 2):  # line 1 is the header
        if isinstance(event, Opened):
            there.add(event.line)
        elif not isinstance(event, Refused) and event.line not in there:
            raise RecordingError(f"line {number}: peer {event.line} was not opened")
