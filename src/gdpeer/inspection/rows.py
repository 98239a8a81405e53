"""Turns the events of a tunnel into rows to show, and filters the rows.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gdpeer.inspection.decoded import Allowance, Decoded, clipped
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import Direction
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.totals import Totals
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Refused
from gdpeer.quoting import redact

__all__ = ["Filter", "Inspector", "Row", "redacted"]

ARROWS = {Direction.TO_SERVER: "->", Direction.TO_CLIENT: "<-", None: "  "}


@dataclass(frozen=True, slots=True)
class Row:
    """A message, or the begin or end of a connection.

    Attributes:
        time: seconds since the tunnel began.
        line: the client's number, from 1 on.
        peer_id: the client's id in the multiplayer; None if it has none.
        direction: of the message. For an end, TO_SERVER if the client ended first. None for a begin, and for an end
            by the tunnel.
        opcode: "text" or "binary"; "" for a begin or an end.
        size: bytes of the message before compression.
        is_compressed: whether the connection compresses.
        is_lost: whether the tunnel dropped the message.
        decoded: the content of the message.
        event: of the tunnel.
    """

    time: float
    line: int
    peer_id: int | None
    direction: Direction | None
    opcode: str
    size: int
    is_compressed: bool
    is_lost: bool
    decoded: Decoded
    event: Event | None = None

    def as_text(self) -> str:
        """Returns the row as one line for a terminal or a file."""
        who = f"#{self.line}" if self.peer_id is None else f"#{self.line} {self.peer_id}"
        kind = f"{self.size:>6} {self.opcode[:1]}{'z' if self.is_compressed else ' '}" if self.opcode else " " * 9
        what = self.decoded
        lost = " (lost)" if self.is_lost else ""
        line = f"{self.time:9.3f}  {who:<13} {ARROWS[self.direction]} {kind} {what.command:<13} {what.summary()}"
        return f"{line}{self._relay()}{lost}".rstrip()

    def _relay(self) -> str:
        what = self.decoded
        if not what.is_relayed:
            return ""
        return f" (to {what.target})" if self.direction is Direction.TO_SERVER else f" (from {what.source})"

    def as_json(self, allowance: Allowance | None = None) -> dict[str, Any]:
        """Returns the row as a dictionary for JSON; empty fields are left out.

        Args:
            allowance: limits the texts of names and values; None cuts each to the length that a terminal shows.
        """
        what = self.decoded
        allowance = allowance or Allowance()
        fields = {
            "time": round(self.time, 6),
            "peer": self.line,
            "id": self.peer_id,
            "direction": None if self.direction is None else self.direction.value,
            "opcode": self.opcode,
            "size": self.size if self.opcode else None,  # an empty message has size 0
            "compressed": self.is_compressed,
            "lost": self.is_lost,
            "command": what.command,
            "source": what.source,
            "target": what.target,
            "relayed": what.is_relayed,
            "path": allowance.text(what.path),
            "method": allowance.text(what.method),
            "arguments": what.texts(allowance),
            "detail": what.detail,
            "states": what.states_as_json(allowance),
            "problem": what.problem,
        }
        # Keep the number 0, but leave out False, "" and [].
        return {name: value for name, value in fields.items() if value or type(value) in (int, float)}


@dataclass(frozen=True, slots=True)
class Filter:
    """Chooses the rows to show and count. A row must meet all conditions; an empty condition takes all rows.

    Attributes:
        peers: numbers of clients, or their ids in the multiplayer.
        commands: shell globs for the command.
        paths: shell globs for the path of a node; a packet with the states of several nodes needs one that matches.
        methods: shell globs for the method's name.
        direction: None for both.
    """

    peers: tuple[int, ...] = ()
    commands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    direction: Direction | None = None

    def takes(self, row: Row) -> bool:
        """Returns whether a row meets all conditions."""
        what = row.decoded
        if self.peers and row.line not in self.peers and row.peer_id not in self.peers:
            return False
        if self.direction is not None and row.direction is not self.direction:
            return False
        is_there = any(fits(path, self.paths) for path in what.paths)
        return is_there and fits(what.command, self.commands) and fits(what.method, self.methods)


def fits(text: str, globs: tuple[str, ...]) -> bool:
    """Returns whether a text matches one of the globs, or there are none."""
    return not globs or any(fnmatchcase(text, glob) for glob in globs)


class Inspector:
    """Makes rows of the events of a tunnel, and counts them.

    Args:
        dialect: one of `decoding.DIALECTS`.
        names: the known names of methods.
        wanted: chooses the rows.

    Attributes:
        totals: of the messages among the wanted rows.
        undecoded: how many messages could not be decoded, wanted or not.
        unnamed: as for `decoded.DialectDecoder`, of all clients.
    """

    def __init__(self, dialect: str, names: MethodNames, wanted: Filter) -> None:
        self._dialect = dialect
        self._names = names
        self._wanted = wanted
        self._decoders: dict[int, Decoder] = {}
        self._compressed: set[int] = set()
        self.totals = Totals()
        self.undecoded = 0
        self.unnamed: dict[str, str] = {}

    def rows(self, events: Iterable[Event]) -> list[Row]:
        """Returns the wanted rows of some events, and adds them to the totals."""
        found = [row for row in map(self.row, events) if self._wanted.takes(row)]
        for row in found:
            if row.opcode:
                self.totals.add(row.line, row.peer_id, row.decoded, row.size)
        return found

    def row(self, event: Event) -> Row:
        """Returns the row of one event. Needs every event of the tunnel, in order."""
        match event:
            case Opened():
                return self._opened(event)
            case Passed():
                return self._passed(event)
            case Ended():
                return self._ended(event)
            case Refused(time, line, why):
                said = Decoded("refused", detail=clipped(why))
                return Row(time, line, None, None, "", 0, False, False, said, event)

    def _opened(self, event: Opened) -> Row:
        self._decoders[event.line] = Decoder(self._dialect, self._names)
        if event.is_compressed:
            self._compressed.add(event.line)
        protocol = f", sub-protocol {event.protocol}" if event.protocol else ""
        detail = f"{clipped(redacted(event.target))}{protocol}{', compressed' if event.is_compressed else ''}"
        return Row(event.time, event.line, None, None, "", 0, False, False, Decoded("open", detail=detail), event)

    def _passed(self, event: Passed) -> Row:
        decoder = self._decoders[event.line]
        decoded = decoder.decode(event.direction, event.message)
        if decoded.problem:
            self.undecoded += 1
        opcode, size = "text" if event.message.is_text else "binary", len(event.message.data)
        shown = event.direction, opcode, size, event.line in self._compressed, event.is_lost
        return Row(event.time, event.line, decoder.peer_id, *shown, decoded, event)

    def _ended(self, event: Ended) -> Row:
        decoder = self._decoders.pop(event.line)
        self.unnamed |= decoder.unnamed  # the decoder is gone after this, and its names are needed at the end
        self._compressed.discard(event.line)
        how = "without a close frame" if event.code < 0 else f"code {event.code}"
        how += ", by this tunnel" if event.direction is None else ""
        said = Decoded("close", detail=f"{how}, {clipped(event.reason)}" if event.reason else how)
        return Row(event.time, event.line, decoder.peer_id, event.direction, "", 0, False, False, said, event)

    def finish(self) -> None:
        """Completes `unnamed` with the clients that are still connected; call it after the last event."""
        for decoder in self._decoders.values():
            self.unnamed |= decoder.unnamed


def redacted(target: str) -> str:
    """Returns a URL, or a path and its query, without user info and query values: they may be tokens and passwords."""
    path, mark, query = target.partition("?")
    if not mark:
        return redact(path)
    parts = (f"{name}=***" if equals else "***" for name, equals, _ in (one.partition("=") for one in query.split("&")))
    return f"{redact(path)}?{'&'.join(parts)}"
