"""The form of keys and values on every broker: JSON with limits, and lifetimes by key.

    data = encode({"worker": "a"})      b'{"worker":"a"}'; BadValue: no JSON, or too large
    value = decode(data)                BadValue: broken, too large, or no object

Layer: `cluster`; no I/O.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any, NoReturn

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import LIFETIMES, MOST_BYTES, BadValue, BrokerError, Entry, Value
from gdpeer.logs import get_logger, log_limited

__all__ = ["check_name", "check_size", "decode", "encode", "failed", "leave_out", "lifetime_of", "read_entries"]

logger = get_logger("gdpeer.cluster")

LONGEST_NAME = 1_100
"""Bytes of the longest key or subject: a word, and 256 characters. NATS ends a connection that sends a longer line."""


def encode(value: Value) -> bytes:
    """Returns a value as JSON of ASCII characters.

    Raises:
        BadValue: the value cannot be written as JSON, or has more than `MOST_BYTES`.
    """
    if not isinstance(value, dict):
        raise BadValue(f"a value must be a dict, not {type(value).__name__}")
    try:
        data = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise BadValue(f"the value cannot be written as JSON: {problem}") from None
    check_size(len(data))
    return data


def check_name(name: str) -> None:
    """Refuses a key or subject that is too long for some broker, by BadValue."""
    length = len(name.encode("utf-8", "surrogatepass"))
    if length > LONGEST_NAME:
        raise BadValue(f"a key or subject has {length:,} bytes; {LONGEST_NAME:,} are allowed")


def check_size(length: int) -> None:
    """Refuses more bytes than `MOST_BYTES`, by BadValue."""
    if length > MOST_BYTES:
        raise BadValue(f"the value has {length:,} bytes as JSON; {MOST_BYTES:,} are allowed")


def decode(data: bytes) -> Value:
    """Returns the value that some bytes stand for.

    Raises:
        BadValue: the bytes are no object of JSON, or more than `MOST_BYTES`.
    """
    check_size(len(data))
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadValue("the value is no JSON") from None
    if not isinstance(value, dict):
        raise BadValue(f"the value is no object of JSON, but {type(value).__name__}")
    return value


def read_entries(rows: Iterable[tuple[str, bytes, int]]) -> list[Entry]:
    """Returns entries for triples of key, bytes and revision. Logs values that are refused, and leaves them out."""
    found = []
    for key, data, revision in rows:
        try:
            found.append(Entry(key, decode(data), revision))
        except BadValue as problem:
            leave_out(key, problem)
    return found


def leave_out(key: str, problem: BadValue) -> None:
    """Logs that a scan leaves an entry out."""
    log_limited(logger, logging.WARNING, "the entry %s is left out: %s", key, problem)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def failed(problem: BrokerError) -> Answer[Any]:
    """Returns the answer of a verb that is refused at once."""
    answer: Answer[Any] = Answer()
    answer.fail(problem)
    return answer


def lifetime_of(key: str) -> float | None:
    """Returns the seconds that an entry lasts after each write; None: it does not end."""
    return LIFETIMES.get(key.partition(":")[0])
