"""The lobby: which room a player gets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer.rooms import Room, lobby
from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, RoomError
from gdpeer.rooms.labels import BadLabels
from gdpeer.rooms.lobby import Seat
from gdpeer.rooms.tokens import SeatClaims, SeatKeys, check_seat
from tests.unit.rooms.arenas import NOW, SECRET, Arena, Chess, lobby_of, make_hall, on_create


def claims_of(seat: Seat) -> SeatClaims:
    return check_seat(SeatKeys(SECRET), seat.url.partition("?seat=")[2], NOW)


def code_of(seat: Seat) -> str:
    return claims_of(seat).room


def kick(room: Room) -> None:
    room.kick(next(iter(room.places.values())))


def test_a_seat_has_the_url_the_id_and_the_claims_of_a_kept_place() -> None:
    hall = make_hall()
    seat = lobby_of(hall).quick("arena", player="ann")
    [room] = hall.rooms.values()
    [place] = room.places.values()
    assert seat.url.startswith(f"wss://play.example/room/{room.code}?seat=")
    assert (seat.peer_id, seat.expires) == (place.peer_id, NOW + 15)
    assert place.player == "ann"
    claims = claims_of(seat)
    assert claims == SeatClaims(room.code, "arena", place.peer_id, place.jti, NOW + 15, NOW + 15 + 86_400, player="ann")
    assert "seat=***" in repr(seat)
    assert place.jti not in repr(seat)


def test_quick_fills_rooms_before_it_makes_new_ones() -> None:
    hall = make_hall()
    seats = [lobby_of(hall).quick("arena") for _ in range(10)]
    assert sorted(room.taken for room in hall.rooms.values()) == [2, 4, 4]
    assert [code_of(seat) for seat in seats] == [code for code in hall.rooms for _ in range(4)][:10]


def test_quick_takes_the_fullest_room_first_and_fills_gaps() -> None:
    hall = make_hall()
    found = lobby_of(hall)
    for _ in range(10):
        found.quick("arena")
    first, second, third = hall.rooms.values()
    kick(second)
    assert code_of(found.quick("arena")) == third.code  # it filled this room last
    found.quick("arena")
    assert [room.taken for room in (first, second, third)] == [4, 3, 4]
    assert code_of(found.quick("arena")) == second.code
    kick(first)
    kick(third)
    kick(third)
    second.lock()
    assert code_of(lobby_of(hall).quick("arena")) == first.code


def test_quick_passes_private_locked_and_full_rooms_and_other_kinds() -> None:
    hall = make_hall(Arena, Chess)
    found = lobby_of(hall)
    hall.create("arena", private=True)
    hall.create("arena").locked = True
    hall.create("arena").max_peers = 1
    hall.create("chess")
    one_place = [room for room in hall.rooms.values() if room.max_peers == 1]
    assert code_of(found.quick("arena")) == one_place[0].code
    assert code_of(found.quick("arena")) not in [room.code for room in one_place]
    assert len(hall.rooms) == 5


def test_a_room_without_a_limit_takes_everybody() -> None:
    hall = make_hall()
    hall.create("arena").max_peers = 0
    for _ in range(20):
        lobby_of(hall).quick("arena")
    assert len(hall.rooms) == 1


def test_quick_passes_a_room_that_refuses_for_a_reason_of_its_own() -> None:
    hall = make_hall()
    room = hall.create("arena")

    def reserve(*arguments: Any, **named: Any) -> Any:
        raise Full("no")

    room.reserve = reserve  # type: ignore[method-assign]
    assert code_of(lobby_of(hall).quick("arena")) != room.code


def test_labels_choose_a_room_and_a_new_room_gets_them() -> None:
    hall = make_hall()
    found = lobby_of(hall)
    codes = [code_of(found.quick("arena", {"map": name})) for name in ("sand", "ice", "sand", "ice")]
    assert codes[:2] == codes[2:]
    assert hall.rooms[codes[0]].labels == {"map": "sand"}
    assert hall.rooms[codes[0]].options == {"map": "sand"}
    assert code_of(found.quick("arena", {"map": "ice", "mode": "duel"})) not in codes
    hall.rooms[codes[0]].labels = {"map": "ice"}
    assert code_of(found.quick("arena", {"map": "sand"})) not in codes


def test_labels_that_on_create_sets_count_more() -> None:
    hall = make_hall()
    on_create(hall, "arena", lambda room: setattr(room, "labels", {"map": "ice"}))
    lobby_of(hall).quick("arena", {"map": "sand", "mode": "duel"})
    assert [room.labels for room in hall.rooms.values()] == [{"map": "ice", "mode": "duel"}]


def test_join_finds_private_rooms_by_a_code_in_any_case() -> None:
    hall = make_hall()
    room = hall.create("arena", code="K7Q2M1", private=True)
    assert code_of(lobby_of(hall).join("k7q2ml", "ann")) == "K7Q2M1"
    assert next(iter(room.places.values())).player == "ann"


@pytest.mark.parametrize("code", ["K7Q2M4", "", "nowhere", "k" * 100_000])
def test_join_refuses_unknown_codes(code: str) -> None:
    hall = make_hall()
    hall.create("arena", code="K7Q2M1")
    with pytest.raises(NoRoom):
        lobby_of(hall).join(code)


def test_join_refuses_what_the_room_refuses() -> None:
    hall = make_hall()
    room = hall.create("arena", code="K7Q2M1")
    for _ in range(4):
        lobby_of(hall).join(room.code)
    with pytest.raises(Full):
        lobby_of(hall).join(room.code)
    room.lock()
    with pytest.raises(Locked):
        lobby_of(hall).join(room.code)


def test_create_makes_a_room_with_options_and_labels() -> None:
    hall = make_hall()
    seat = lobby_of(hall).create("arena", {"map": "sand"}, "ann", labels={"mode": "duel"}, private=True)
    room = hall.rooms[code_of(seat)]
    assert (room.options, room.labels, room.private) == ({"map": "sand"}, {"mode": "duel"}, True)
    assert next(iter(room.places.values())).player == "ann"


def test_unknown_kinds_and_a_stopping_hall_are_refused() -> None:
    hall = make_hall()
    found = lobby_of(hall)
    for call in (found.quick, found.create, found.find):
        with pytest.raises(NoRoom):
            call("chess")
    hall.is_draining = True
    for call in (found.quick, found.create):
        with pytest.raises(Draining):
            call("arena")


def test_a_room_that_on_create_refuses_is_not_made() -> None:
    hall = make_hall()

    def refuse(room: Room) -> None:
        raise RoomError("not today")

    on_create(hall, "arena", refuse)
    with pytest.raises(RoomError, match="not today"):
        lobby_of(hall).quick("arena")
    hall.max_rooms = 0
    with pytest.raises(Full):
        lobby_of(hall).quick("arena")


def test_find_lists_public_rooms_with_room_the_fullest_first() -> None:
    hall = make_hall()
    found = lobby_of(hall)
    hall.create("arena", private=True)
    hall.create("arena").locked = True
    hall.create("arena", code="000000").labels = {"map": "sand"}
    hall.create("arena", code="111111").labels = {"map": "sand", "mode": "duel"}
    found.join("111111")
    assert [(room.code, room.taken, room.max_peers) for room in found.find("arena")] == [
        ("111111", 1, 4),
        ("000000", 0, 4),
    ]
    assert [room.code for room in found.find("arena", {"mode": "duel"})] == ["111111"]


@pytest.mark.parametrize(
    ("code", "open_it"),
    [
        ("000000", lambda room: setattr(room, "private", False)),
        ("111111", lambda room: room.unlock()),
        ("111111", lambda room: setattr(room, "locked", False)),
        ("222222", lambda room: setattr(room, "labels", {"map": "sand"})),
        ("333333", lambda room: kick(room)),
        ("444444", lambda room: room.hall.create("arena", code="444444")),
    ],
)
def test_quick_sees_each_change_that_opens_a_room(code: str, open_it: Callable[[Room], object]) -> None:
    hall = make_hall()
    found = lobby_of(hall)
    on_create(hall, "arena", lambda room: setattr(room, "labels", {"map": "sand"}))
    hall.create("arena", code="000000", private=True)
    hall.create("arena", code="111111").lock()
    hall.create("arena", code="222222").labels = {"map": "ice"}
    hall.create("arena", code="333333")
    for _ in range(8):  # fills the last room, and a new room
        found.quick("arena", {"map": "sand"})
    assert len(hall.rooms) == 5
    open_it(hall.rooms.get(code, hall.rooms["000000"]))
    assert code_of(found.quick("arena", {"map": "sand"})) == code
    assert code_of(found.quick("arena", {"map": "sand"})) in ({code} if code != "333333" else hall.rooms)


def test_quick_looks_at_all_rooms_only_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = make_hall()
    found = lobby_of(hall)
    looks = []
    open_rooms = found.open_rooms
    monkeypatch.setattr(type(found), "open_rooms", lambda self, *wanted: looks.append(1) or open_rooms(*wanted))
    for _ in range(40):
        found.quick("arena")
    assert len(hall.rooms) == 10
    assert len(looks) == 1
    kick(next(iter(hall.rooms.values())))
    for _ in range(2):
        found.quick("arena")
    assert len(looks) == 3
    assert len(hall.rooms) == 11


def test_labels_beyond_the_most_are_left_out() -> None:
    hall = make_hall()
    on_create(hall, "arena", lambda room: setattr(room, "labels", {str(n): n for n in range(10)}))
    lobby_of(hall).quick("arena", {f"x{n}": n for n in range(10)})
    [room] = hall.rooms.values()
    assert list(room.labels) == [*(str(n) for n in range(10)), *(f"x{n}" for n in range(6))]


@pytest.mark.parametrize("name", ["", "x" * 257])
def test_a_bad_name_takes_no_place(name: str) -> None:
    hall = make_hall()
    hall.create("arena")
    with pytest.raises(ValueError, match="1 to 256"):
        lobby_of(hall).quick("arena", player=name)
    assert hall.taken == 0
    assert claims_of(lobby_of(hall).quick("arena", player="🎲" * 256)).player == "🎲" * 256


def test_a_room_that_locks_itself_is_closed() -> None:
    hall = make_hall()
    on_create(hall, "arena", Room.lock)
    with pytest.raises(Locked):
        lobby_of(hall).create("arena")
    assert not hall.rooms


def test_a_full_hall_makes_no_room() -> None:
    hall = make_hall()
    hall.max_seats = 0
    for call in (lobby_of(hall).quick, lobby_of(hall).create):
        with pytest.raises(Full):
            call("arena")
    assert not hall.rooms


def test_the_rooms_that_are_remembered_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lobby, "MOST_REMEMBERED", 4)
    hall = make_hall()
    found = lobby_of(hall)
    codes = {code_of(found.quick("arena", {"n": number})) for number in range(10)}
    assert len(codes) == 10
    assert len(found._last) <= 4


def test_bad_labels_are_refused() -> None:
    with pytest.raises(BadLabels):
        lobby_of(make_hall()).quick("arena", {"map": "x" * 65})


def test_a_kind_cannot_be_called_join_and_pyjwt_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="join"):
        lobby_of(make_hall(type("Join", (Room,), {})))
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ImportError, match=r"pip install gdpeer\[cluster\]"):
        lobby_of(make_hall())
