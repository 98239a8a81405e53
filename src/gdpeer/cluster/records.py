"""What workers write into the directory, as checked records. A value that does not fit is no record: None.

The broker may hold anything: a stranger's values, or those of a broken worker. So each field has a type and a limit.

Layer: `cluster`; pure.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gdpeer.cluster.broker.base import Value
from gdpeer.rooms.codes import ALPHABET, is_code
from gdpeer.rooms.labels import BadLabels, Label, check_labels

__all__ = [
    "MOST_PLAYERS",
    "SHARDS",
    "BadField",
    "Owner",
    "RoomRecord",
    "Worker",
    "field_of",
    "is_name",
    "is_shard",
    "owner_of",
    "players_of",
    "room_of",
    "text_of",
    "worker_of",
]

SHARDS = tuple(first + second for first in ALPHABET for second in ALPHABET)
"""The shards: the first two characters of a room's code."""

MOST_PLAYERS = 4_096
"""The most names of players in the entry of a room."""

MOST_PLAYER_NAME = 256
"""Characters of a player's name."""

_SHARD_SET = frozenset(SHARDS)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_NUMBER = 2**53


class Worker(NamedTuple):
    """A worker, as its lease describes it.

    Attributes:
        name: of the worker.
        epoch: changes whenever the worker begins anew: what it wrote in a former epoch does not count.
        url: where clients and other workers reach it; "" if nothing was given.
        socket: the path of the socket where it answers others on its machine; "" if it has none.
        rooms: how many rooms it has.
        peers: how many places are taken in them.
        load: the share of time that its rooms take, 0 to 1.
        is_up: whether it takes shards; False while it drains.
        version: of gdpeer.
        slot: the name of the worker whose successor this one is, or of that one's predecessor, and so on; its own name
            if it has no predecessor.
        is_retiring: whether another process is about to replace it.
    """

    name: str
    epoch: int
    url: str
    socket: str
    rooms: int
    peers: int
    load: float
    is_up: bool
    version: str
    slot: str
    is_retiring: bool


class Owner(NamedTuple):
    """Which worker has a shard.

    Attributes:
        worker: its name; "" if the shard was given up.
        epoch: of the worker. The entry counts only while the worker's lease has the same epoch.
        term: grows with each owner.
        revision: of the entry.
    """

    worker: str
    epoch: int
    term: int
    revision: int


class RoomRecord(NamedTuple):
    """A room of any worker.

    Attributes:
        code: of the room.
        kind: of the room.
        worker: the name of the worker that has it.
        epoch: of the worker.
        labels: of the room.
        most: the most places; 0: no limit.
        taken: how many places are taken.
        is_locked: whether nobody gets a place.
        is_private: whether the lobby never lists the room.
        revision: of the entry.
    """

    code: str
    kind: str
    worker: str
    epoch: int
    labels: dict[str, Label]
    most: int
    taken: int
    is_locked: bool
    is_private: bool
    revision: int


class BadField(Exception):
    """A field that is missing, or has another type or size."""


def is_name(name: object) -> bool:
    """Whether a text can be the name of a worker: 1 to 64 letters, digits, dots, dashes and underscores."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_shard(text: object) -> bool:
    """Whether a text is a shard."""
    return text in _SHARD_SET


def worker_of(name: str, value: Value) -> Worker | None:
    """Returns the worker that the value of a `w:` entry describes."""
    try:
        if not is_name(name):
            return None
        return Worker(
            name,
            _whole(value, "epoch"),
            text_of(value, "url", 512),
            text_of(value, "socket", 512),
            _whole(value, "rooms"),
            _whole(value, "peers"),
            _number(value, "load"),
            text_of(value, "state", 16) == "up",
            text_of(value, "version", 64),
            _slot_of(value),
            field_of(value, "retiring", bool),
        )
    except BadField:
        return None


def owner_of(shard: str, value: Value, revision: int) -> Owner | None:
    """Returns the owner that the value of an `s:` entry names."""
    try:
        worker = text_of(value, "worker", 64)
        if not is_shard(shard) or not (worker == "" or is_name(worker)):
            return None
        return Owner(worker, _whole(value, "epoch"), _whole(value, "term"), revision)
    except BadField:
        return None


def room_of(code: str, value: Value, revision: int) -> RoomRecord | None:
    """Returns the room that the value of an `r:` entry describes."""
    try:
        worker = text_of(value, "worker", 64)
        if not is_code(code) or not is_name(worker):
            return None
        return RoomRecord(
            code,
            text_of(value, "kind", 256),
            worker,
            _whole(value, "epoch"),
            check_labels(field_of(value, "labels", dict)),
            _whole(value, "max"),
            _whole(value, "taken"),
            text_of(value, "state", 16) == "locked",
            field_of(value, "private", bool),
            revision,
        )
    except (BadField, BadLabels):
        return None


def players_of(value: Value) -> list[str]:
    """Returns the names of the players in the value of an `r:` entry; wrong ones are left out."""
    names = value.get("players")
    if not isinstance(names, list):
        return []
    return [name for name in names[:MOST_PLAYERS] if isinstance(name, str) and 0 < len(name) <= MOST_PLAYER_NAME]


def field_of(value: Value, field: str, kind: type) -> Any:
    """Returns a field of an entry or a message, which must have exactly this type.

    Raises:
        BadField: the field is missing, or has another type.
    """
    found = value.get(field)
    if type(found) is not kind:
        raise BadField(field)
    return found


def text_of(value: Value, field: str, most: int) -> str:
    """Returns a text of at most `most` characters.

    Raises:
        BadField: the field is missing, is no text, or is longer.
    """
    found: str = field_of(value, field, str)
    if len(found) > most:
        raise BadField(field)
    return found


def _slot_of(value: Value) -> str:
    slot = text_of(value, "slot", 64)
    if not is_name(slot):
        raise BadField("slot")
    return slot


def _whole(value: Value, field: str) -> int:
    found: int = field_of(value, field, int)
    if not 0 <= found <= _MOST_NUMBER:
        raise BadField(field)
    return found


def _number(value: Value, field: str) -> float:
    found: Any = value.get(field)
    if type(found) not in (int, float) or not 0 <= found <= 1e6:  # NaN compares with nothing
        raise BadField(field)
    return float(found)
