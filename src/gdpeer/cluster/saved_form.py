"""The saved form of a room: a `SavedRoom` as JSON for the broker, and back.

    value = to_value(saved, wall)              JSON
    saved = read_value(value, "K7Q2M3", wall)  raises BadSave: nothing that comes from a broker is trusted

| Name | Value |
|---|---|
| `v` | 1, the version of the form |
| `worker`, `epoch`, `term` | who has written it: see `gdpeer.cluster.saving` |
| `kind`, `code` | of the room |
| `data` | what `save` has returned, in base64 |
| `options`, `labels`, `private`, `locked` | of the room |
| `ends` | the end of the room's lifetime, in seconds since 1970; null: none |
| `places` | objects: see `_place_value` |
| `used` | seats whose places were given up, and the last moment of their first use |

Times are absolute, so that a room that has not changed has the same form a minute later.

Layer: `cluster`; pure.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Mapping
from typing import Any

from gdpeer.cluster.broker.base import MOST_BYTES, Value
from gdpeer.errors import GdpeerError
from gdpeer.rooms.labels import BadLabels, check_labels
from gdpeer.rooms.saved import SavedPlace, SavedRoom
from gdpeer.rooms.tokens import MOST_TEXT

__all__ = ["MOST_DATA", "BadSave", "TooLarge", "is_json", "read_value", "to_value"]

MOST_DATA = 1 << 20
"""The most bytes that `save` may return."""

MOST_PLACES = 65_536
"""The most places of a room, and the most used seats, that are read."""

_VERSION = 1
_HIGHEST_ID = 2**31 - 1
_DIGEST = 32  # bytes of SHA-256
_FRAME = 1_024  # bytes that the fields around data and places take at most, with worker and term


class BadSave(GdpeerError):
    """What the broker has kept is no saved room."""


class TooLarge(GdpeerError):
    """A room has more to save than can be kept."""


# ------------------------------------------------------------------------------------------------ writing


def to_value(saved: SavedRoom, wall: float) -> Value:
    """Returns the form of a room. Options and labels that are no JSON are left out.

    Args:
        saved: the room.
        wall: seconds since 1970.

    Raises:
        TooLarge: the data has more than 1 MiB, or all together does not fit into the broker.
    """
    if len(saved.data) > MOST_DATA:
        raise TooLarge(f"save returned {len(saved.data)} bytes, more than {MOST_DATA}")
    value: Value = {
        "v": _VERSION,
        "kind": saved.kind,
        "code": saved.code,
        "options": saved.options if is_json(saved.options) else None,
        "labels": {name: label for name, label in saved.labels.items() if is_json(label)},  # JSON has no NaN
        "private": saved.private,
        "locked": saved.locked,
        "ends": _moment(saved.left, wall),
        "places": [_place_value(place, wall) for place in saved.places],
        "used": dict(saved.used),
    }
    size = len(json.dumps(value)) + 4 * (len(saved.data) + 2) // 3 + _FRAME
    if size > MOST_BYTES:
        raise TooLarge(f"the room has {size} bytes to save with its places, more than {MOST_BYTES}")
    value["data"] = b64encode(saved.data).decode("ascii")
    return value


def _place_value(place: SavedPlace, wall: float) -> Value:
    """Returns the form of a place. What a place does not have is left out."""
    value: Value = {"id": place.peer_id, "key": place.digest.hex(), "jti": place.jti, "player": place.player}
    value["exp"] = place.expires
    value["until"] = _moment(place.left, wall) if place.left else 0
    value["seat"] = not place.has_joined
    value["asks"] = not (place.is_authenticated and is_json(place.auth))
    value["auth"] = None if value["asks"] else place.auth
    return {name: found for name, found in value.items() if found or (found is None and name == "until")}


def _moment(left: float, wall: float) -> int | None:
    """Returns a time from now on as whole seconds since 1970; None: never."""
    return None if left == math.inf else math.ceil(wall + left)


def is_json(value: object) -> bool:
    """Whether a value is the same after a way through JSON."""
    if value is None or type(value) in (bool, int, str):
        return True
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


# ------------------------------------------------------------------------------------------------ reading


def read_value(value: Mapping[str, Any], code: str, wall: float) -> SavedRoom:
    """Returns the room of a form from a broker, whose content may be anything.

    Args:
        value: JSON.
        code: of the room that is asked for.
        wall: seconds since 1970.

    Raises:
        BadSave: the form is damaged, or of another version, or of another room.
    """
    if value.get("v") != _VERSION:
        raise BadSave(f"version {value.get('v')!r}, not {_VERSION}")
    if value.get("code") != code:
        raise BadSave("it is of another room")
    try:
        labels = check_labels(_typed(value, "labels", dict))
    except BadLabels as problem:
        raise BadSave(str(problem)) from None
    return SavedRoom(
        kind=_text(value, "kind"),
        code=code,
        data=_read_data(value),
        options=value.get("options"),
        labels=labels,
        private=_typed(value, "private", bool),
        locked=_typed(value, "locked", bool),
        left=_left(value, "ends", wall),
        places=_read_places(_typed(value, "places", list), wall),
        used=_read_used(_typed(value, "used", dict)),
    )


def _read_data(value: Mapping[str, Any]) -> bytes:
    text = _typed(value, "data", str)
    if len(text) > 4 * (MOST_DATA + 2) // 3:
        raise BadSave("data is too large")
    try:
        return a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise BadSave("data is no base64") from None


def _read_places(values: list[Any], wall: float) -> tuple[SavedPlace, ...]:
    if len(values) > MOST_PLACES:
        raise BadSave("too many places")
    places = tuple(_read_place(one, wall) for one in values)
    names = [name for place in places for name in (place.peer_id, place.digest, place.jti) if name]
    if len(set(names)) < len(names):
        raise BadSave("two places have the same id, key or seat")
    return places


def _read_place(value: Any, wall: float) -> SavedPlace:
    if type(value) is not dict:
        raise BadSave("a place is no object")
    peer_id = value.get("id")
    if type(peer_id) is not int or not 2 <= peer_id <= _HIGHEST_ID:
        raise BadSave("a place has no peer id")
    digest, jti = _digest(value), _text(value, "jti", "")
    if bool(digest) == bool(jti):
        raise BadSave("a place has either a key or a seat")
    return SavedPlace(
        peer_id,
        player=_text(value, "player") if "player" in value else None,
        auth=value.get("auth"),
        is_authenticated=not _typed(value, "asks", bool, False),
        digest=digest,
        jti=jti,
        expires=_seconds(value.get("exp", 0)),
        has_joined=not _typed(value, "seat", bool, False),
        left=_left(value, "until", wall) if "until" in value else 0.0,
    )


def _digest(value: Mapping[str, Any]) -> bytes:
    text = _text(value, "key", "")
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b"?"
    if digest and len(digest) != _DIGEST:
        raise BadSave("a key is no digest")
    return digest


def _read_used(values: dict[Any, Any]) -> dict[str, float]:
    if len(values) > MOST_PLACES:
        raise BadSave("too many used seats")
    return {_checked_text(jti, "used"): _seconds(expires) for jti, expires in values.items()}


def _left(value: Mapping[str, Any], name: str, wall: float) -> float:
    moment = value.get(name)
    return math.inf if moment is None else max(0.0, _seconds(moment) - wall)


def _seconds(value: object) -> float:
    # Also refuses NaN and infinity; an int of any size can be compared.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e12:
        raise BadSave("a time is no number of seconds")
    return float(value)


def _text(value: Mapping[str, Any], name: str, default: object = None) -> str:
    found = value.get(name, default)
    return "" if found == "" and default == "" else _checked_text(found, name)


def _checked_text(found: object, name: str) -> str:
    if not isinstance(found, str) or not 0 < len(found) <= MOST_TEXT:
        raise BadSave(f"{name} is no text of 1 to {MOST_TEXT} characters")
    return found


def _typed(value: Mapping[str, Any], name: str, kind: type, default: object = None) -> Any:
    found = value.get(name, default)
    if type(found) is not kind:
        raise BadSave(f"{name} is no {kind.__name__}")
    return found
