"""What passed through a tunnel as rows that can be shown, and who of them is to be shown.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gdpeer.inspection.decoded import Decoded, clipped
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
        peer_id: its id in the multiplayer, where there is one.
        direction: of the message; of an end: from whom it came. None of a begin.
        opcode: "text" or "binary"; "" where it is no message.
        size: bytes, before compression.
        is_compressed: whether the connection compresses.
        is_lost: it did not go on.
        decoded: what it says.
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

    def as_text(self) -> str:
        """One line."""
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

    def as_json(self) -> dict[str, Any]:
        """For programs, and for the page; what is empty is left out."""
        what = self.decoded
        fields = {
            "time": round(self.time, 6),
            "peer": self.line,
            "id": self.peer_id,
            "direction": None if self.direction is None else self.direction.value,
            "opcode": self.opcode,
            "size": self.size if self.opcode else None,
            "compressed": self.is_compressed,
            "lost": self.is_lost,
            "command": what.command,
            "source": what.source,
            "target": what.target,
            "relayed": what.is_relayed,
            "path": clipped(what.path),
            "method": clipped(what.method),
            "arguments": what.texts(),
            "detail": what.detail,
            "problem": what.problem,
        }
        return {name: value for name, value in fields.items() if value or type(value) in (int, float)}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are shown and counted; globs as those of a shell.

    Attributes:
        peers: numbers of clients, or ids of the multiplayer; empty: all.
        commands: globs; empty: all.
        paths: globs of nodes' paths; empty: all.
        methods: globs of methods' names; empty: all.
        direction: None: both.
    """

    peers: tuple[int, ...] = ()
    commands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    direction: Direction | None = None

    def takes(self, row: Row) -> bool:
        """Whether a row is one of them."""
        what = row.decoded
        if self.peers and row.line not in self.peers and row.peer_id not in self.peers:
            return False
        if self.direction is not None and row.direction is not self.direction:
            return False
        return fits(what.command, self.commands) and fits(what.path, self.paths) and fits(what.method, self.methods)


def fits(text: str, globs: tuple[str, ...]) -> bool:
    """Whether a text is like one of some globs; without any it is."""
    return not globs or any(fnmatchcase(text, glob) for glob in globs)


class Inspector:
    """Makes rows of what happens in a tunnel.

    Args:
        dialect: one of `decoding.DIALECTS`.
        names: of methods, as far as they are known.
        wanted: which rows.

    Attributes:
        totals: of the rows that are wanted.
        undecoded: how many messages could not be decoded, wanted or not.
        unnamed: paths of nodes with methods whose names are not known, and the checksum of these.
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
        """The rows that are wanted."""
        found = [row for row in map(self.row, events) if self._wanted.takes(row)]
        for row in found:
            if row.opcode:
                self.totals.add(row.line, row.peer_id, row.decoded, row.size)
        return found

    def row(self, event: Event) -> Row:
        """What an event is to people."""
        match event:
            case Opened():
                return self._opened(event)
            case Passed():
                return self._passed(event)
            case Ended():
                return self._ended(event)
            case Refused(time, line, why):
                return Row(time, line, None, None, "", 0, False, False, Decoded("refused", detail=clipped(why)))

    def _opened(self, event: Opened) -> Row:
        self._decoders[event.line] = Decoder(self._dialect, self._names)
        if event.is_compressed:
            self._compressed.add(event.line)
        protocol = f", sub-protocol {event.protocol}" if event.protocol else ""
        detail = f"{clipped(redacted(event.target))}{protocol}{', compressed' if event.is_compressed else ''}"
        return Row(event.time, event.line, None, None, "", 0, False, False, Decoded("open", detail=detail))

    def _passed(self, event: Passed) -> Row:
        decoder = self._decoders[event.line]
        decoded = decoder.decode(event.direction, event.message)
        if decoded.problem:
            self.undecoded += 1
        return Row(
            event.time,
            event.line,
            decoder.peer_id,
            event.direction,
            "text" if event.message.is_text else "binary",
            len(event.message.data),
            event.line in self._compressed,
            event.is_lost,
            decoded,
        )

    def _ended(self, event: Ended) -> Row:
        decoder = self._decoders.pop(event.line)
        self.unnamed |= decoder.unnamed
        self._compressed.discard(event.line)
        how = "without a close frame" if event.code < 0 else f"code {event.code}"
        how += ", by this tunnel" if event.direction is None else ""
        said = Decoded("close", detail=f"{how}, {clipped(event.reason)}" if event.reason else how)
        return Row(event.time, event.line, decoder.peer_id, event.direction, "", 0, False, False, said)

    def finish(self) -> None:
        """Nothing more comes: take what is known of clients that are still there."""
        for decoder in self._decoders.values():
            self.unnamed |= decoder.unnamed


def redacted(target: str) -> str:
    """A URL, or a path and its query, without user info and the values of the query: tokens and passwords are there."""
    path, mark, query = target.partition("?")
    if not mark:
        return redact(path)
    parts = (f"{name}=***" if equals else "***" for name, equals, _ in (one.partition("=") for one in query.split("&")))
    return f"{redact(path)}?{'&'.join(parts)}"
