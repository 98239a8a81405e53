"""The saved form of a room: there and back, its limits, and what is refused of a hostile broker."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from typing import Any

import pytest

from gdpeer.cluster.broker.base import MOST_BYTES
from gdpeer.cluster.saved_form import MOST_DATA, BadSave, TooLarge, is_json, read_value, to_value
from gdpeer.rooms.saved import SavedPlace, SavedRoom

WALL = 1_800_000_000.0
DIGEST = bytes(range(32))

PLACES = (
    SavedPlace(2, digest=DIGEST),
    SavedPlace(3, "Ann", {"level": 3}, jti="a-seat", expires=WALL + 10.0, left=math.inf),
    SavedPlace(2**31 - 1, jti="another-seat", has_joined=False, left=15.0),
    SavedPlace(7, auth=None, is_authenticated=False, jti="third-seat"),
)
ROOM = SavedRoom(
    "arena",
    "K7Q2M3",
    b"\x00\xffdata",
    {"map": ["sand", 1, None]},
    {"map": "sand", "level": 3, "open": True},
    private=True,
    locked=True,
    left=100.0,
    places=PLACES,
    used={"used-seat": WALL + 5.0},
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("room", [ROOM, SavedRoom("arena", "K7Q2M3", b"")])
def test_a_room_comes_back_as_it_was(room: SavedRoom) -> None:
    assert read_value(through_json(to_value(room, WALL)), "K7Q2M3", WALL) == room


def test_times_go_on_while_a_room_waits() -> None:
    later = read_value(to_value(ROOM, WALL), "K7Q2M3", WALL + 30.0)
    assert later.left == 70.0
    assert [place.left for place in later.places] == [0.0, math.inf, 0.0, 0.0]


def test_the_form_of_a_room_that_has_not_changed_is_the_same_later() -> None:
    later = SavedRoom("arena", "K7Q2M3", b"", left=90.2)
    assert to_value(SavedRoom("arena", "K7Q2M3", b"", left=100.3), WALL) == to_value(later, WALL + 10.0)


def test_a_place_takes_few_bytes() -> None:
    assert len(json.dumps(to_value(SavedRoom("a", "K7Q2M3", b"", places=PLACES[:1]), WALL)["places"])) < 120


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [1, {"a": None}], {"a": [1.5]}])
def test_what_json_can_hold(value: object) -> None:
    assert is_json(value)


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, b"x", {1, 2}, math.nan, math.inf, object()])
def test_what_json_cannot_hold(value: object) -> None:
    assert not is_json(value)
    deep: Any = value
    for _ in range(100_000):
        deep = [deep]
    assert not is_json(deep)


def test_options_and_labels_that_are_no_json_are_left_out_and_auth_is_asked_for_again() -> None:
    room = SavedRoom("a", "K7Q2M3", b"", (1,), {"x": math.nan, "y": 1}, places=(SavedPlace(2, auth=(1,), jti="x"),))
    back = read_value(through_json(to_value(room, WALL)), "K7Q2M3", WALL)
    assert back.options is None
    assert back.labels == {"y": 1}
    assert back.places == (SavedPlace(2, is_authenticated=False, jti="x"),)


def test_a_mebibyte_of_data_and_a_thousand_places_fit() -> None:
    places = tuple(SavedPlace(number, digest=number.to_bytes(32, "big")) for number in range(2, 802))
    value = to_value(SavedRoom("arena", "K7Q2M3", bytes(MOST_DATA), places=places), WALL)
    assert len(json.dumps({**value, "worker": "w" * 64, "epoch": "e" * 64, "term": 10**15})) <= MOST_BYTES
    assert len(read_value(value, "K7Q2M3", WALL).data) == MOST_DATA


def test_more_than_fits_is_refused() -> None:
    with pytest.raises(TooLarge, match="1048577 bytes"):
        to_value(SavedRoom("arena", "K7Q2M3", bytes(MOST_DATA + 1)), WALL)
    with pytest.raises(TooLarge, match="with its places"):
        to_value(SavedRoom("arena", "K7Q2M3", b"", "x" * MOST_BYTES), WALL)


def changed(**changes: Any) -> dict[str, Any]:
    return {**to_value(ROOM, WALL), **changes}


def placed(**changes: Any) -> dict[str, Any]:
    """Returns a form whose first place is changed; None leaves a field out."""
    value = to_value(ROOM, WALL)
    place = {**value["places"][0], **changes}
    value["places"][0] = {name: found for name, found in place.items() if found is not None}
    return value


HOSTILE = {
    "empty": {},
    "version": changed(v=2),
    "no version": changed(v=None),
    "code": changed(code="AAAAAA"),
    "kind": changed(kind=5),
    "empty kind": changed(kind=""),
    "long kind": changed(kind="x" * 257),
    "data": changed(data=None),
    "data of another alphabet": changed(data="?" * 8),
    "data not ascii": changed(data="ä" * 8),
    "data too large": changed(data="A" * (4 * (MOST_DATA + 6) // 3)),
    "data cut": changed(data=b64encode(b"xyz1").decode()[:-1]),
    "labels": changed(labels=[]),
    "too many labels": changed(labels={str(number): 1 for number in range(17)}),
    "a label's value": changed(labels={"map": ["sand"]}),
    "private": changed(private=1),
    "locked": changed(locked=None),
    "ends": changed(ends="soon"),
    "ends NaN": changed(ends=math.nan),
    "ends late": changed(ends=1e300),
    "ends as bool": changed(ends=True),
    "places": changed(places={}),
    "a place": changed(places=[5]),
    "too many places": changed(places=[{}] * 65_537),
    "the same id twice": changed(places=[{"id": 2, "jti": "a"}, {"id": 2, "jti": "b"}]),
    "the same seat twice": changed(places=[{"id": 2, "jti": "a"}, {"id": 3, "jti": "a"}]),
    "the same key twice": changed(places=[{"id": one, "key": DIGEST.hex()} for one in (2, 3)]),
    "used": changed(used=[]),
    "a used seat": changed(used={"": WALL}),
    "a used seat's time": changed(used={"x": -1}),
    "id 1": placed(id=1),
    "id 0": placed(id=0),
    "id too high": placed(id=2**31),
    "id as bool": placed(id=True),
    "id as float": placed(id=2.0),
    "no id": placed(id=None),
    "key": placed(key="zz"),
    "short key": placed(key="00"),
    "key as a number": placed(key=7),
    "neither key nor seat": placed(key=None),
    "key and seat": placed(jti="x"),
    "long seat": placed(key=None, jti="x" * 257),
    "player": placed(player=5),
    "empty player": placed(player=""),
    "asks": placed(asks=1),
    "seat": placed(seat="yes"),
    "exp": placed(exp="x"),
    "until": placed(until="x"),
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_forms_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(BadSave):
        read_value(value, "K7Q2M3", WALL)


def test_unknown_fields_do_no_harm() -> None:
    value = {**to_value(ROOM, WALL), "later": {"x": 1}, "worker": 5}
    value["places"][0]["later"] = [1]
    assert read_value(value, "K7Q2M3", WALL) == ROOM
