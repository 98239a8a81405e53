"""`Broker`: the eight verbs by which workers share a directory and send each other messages.

    get, create, update, delete, scan     entries: JSON by key, each with a revision
    publish, subscribe, request           messages: JSON by subject

    key              value                                                  lifetime
    w:<worker>       a worker, its lease                                    6 s after the last write
    s:<shard>        the worker that has the shard, and its term            none
    r:<code>         a room                                                 none
    p:<player>       where a player is                                      none
    save:<code>      the saved state of a room                              1 h after the last write

    subject          message                                                kind
    w.<worker>       to one worker                                          request, with an answer
    dir              changes of the directory                               to all, at most once
    all, kind.<kind> messages of the operator                               to all, at most once

A compare-and-set is an `update` with the revision that was read. Contents of a broker count as hostile: check what you
read, and its size.

Layer: `cluster`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from gdpeer.cluster.answers import Answer
from gdpeer.errors import GdpeerError

__all__ = [
    "LIFETIMES",
    "MOST_BYTES",
    "Away",
    "BadValue",
    "Broker",
    "BrokerError",
    "Conflict",
    "Entry",
    "Message",
    "NoAnswer",
    "Unsupported",
    "Value",
]

Value: TypeAlias = dict[str, Any]
"""What entries and messages hold: an object of JSON."""

LIFETIMES = {"w": 6.0, "save": 3600.0}
"""Seconds until an entry ends if nobody writes it again, by the first word of its key; other entries do not end."""

MOST_BYTES = 1_500_000
"""The most bytes of a value as JSON: 1 MiB of saved state in base64, and its names."""


class BrokerError(GdpeerError):
    """A verb of a broker failed."""


class Away(BrokerError):
    """The broker cannot be reached now. Whether the verb took effect is unknown."""


class Conflict(BrokerError):
    """The entry exists already, or has another revision than the one given."""


class BadValue(BrokerError):
    """A value is refused: it cannot be written as JSON, or it is larger than `MOST_BYTES`; read or to be sent."""


class NoAnswer(BrokerError):
    """Nobody has answered a request in time, nobody listens, or the receiver has too many messages waiting."""


class Unsupported(BrokerError):
    """This broker, or its version, cannot do what is asked. The text says which version can."""


class Entry(NamedTuple):
    """An entry of the directory.

    Attributes:
        key: of the entry.
        value: as JSON.
        revision: changes with each write, and only grows.
    """

    key: str
    value: Value
    revision: int


class Message(NamedTuple):
    """A message that came.

    Attributes:
        subject: to which it was sent.
        value: as JSON.
        reply: answers a request; does nothing for a message that was published.
    """

    subject: str
    value: Value
    reply: Callable[[Value], object]


class Broker(Protocol):
    """The eight verbs. All calls and all answers belong to the thread of the game, which never waits.

    Each verb may fail with `Away`, within 2 s of the call. After the broker was away, subscriptions are made again
    without any help.

    A value that is no JSON or too large, and a key or subject of more than 1,100 bytes, fails with `BadValue` and is
    not sent. `get` fails with `BadValue` for such an entry, `scan` leaves it out, and a message is dropped; these are
    logged.

    Messages of one broker arrive in the order of the calls, and a subscription is in force for what is called later.
    Other verbs have no order until they are answered.

    Attributes:
        is_connected: whether the broker can be reached, as far as is known.
        on_change: called after `is_connected` has changed; None: nobody is called.
    """

    is_connected: bool
    on_change: Callable[[], object] | None

    def get(self, key: str) -> Answer[Entry | None]:
        """Reads an entry. The result is None if no entry has this key."""

    def create(self, key: str, value: Value) -> Answer[int]:
        """Makes an entry and gives its revision; fails with `Conflict` if the entry exists."""

    def update(self, key: str, value: Value, revision: int) -> Answer[int]:
        """Writes an entry and gives its new revision; fails with `Conflict` unless it has this revision."""

    def delete(self, key: str, revision: int | None = None) -> Answer[None]:
        """Removes an entry, whether it exists or not; with a revision it fails with `Conflict` unless it has it."""

    def scan(self, prefix: str) -> Answer[list[Entry]]:
        """Reads all entries whose keys begin with `prefix`, such as "r:"."""

    def publish(self, subject: str, value: Value) -> Answer[None]:
        """Sends a message to all who listen now, at most once."""

    def subscribe(self, subject: str, handler: Callable[[Message], object]) -> Callable[[], object]:
        """Has `handler` called with each message to a subject, and returns a function that ends this."""

    def request(self, subject: str, value: Value, timeout: float = 2.0) -> Answer[Value]:
        """Sends a message and gives the answer; fails with `NoAnswer` after `timeout` seconds."""

    def close(self) -> None:
        """Ends the connection. Answers that are still to come fail with `Away`."""
