"""Clients at the port of a hall: how they name a room, a key or a seat, and how they are refused."""

from __future__ import annotations

import http.client
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from gdpeer import OK, WebSocketMultiplayerPeer
from gdpeer.http import Response
from gdpeer.rooms import Hall, PlaceState, Room
from gdpeer.rooms.tokens import SeatClaims, SeatKeys, draw_jti, issue_seat
from tests.unit.rooms.arenas import NOW, SECRET, Arena, Chess, advance, lobby_of, make_hall

KEY = "0123456789abcdefghijkl"
OLD = b"o" * 32


class Door:
    """A hall on a port, with a room, and clients at it."""

    def __init__(self, **options: Any) -> None:
        self.now = NOW
        self.hall: Hall = make_hall(Arena, Chess, public_url=None, wall=lambda: self.now, **options)
        assert self.hall.listen(0, "127.0.0.1") == OK
        self.room: Room = self.hall.create("arena", code="K7Q2M3")
        self.peers: list[WebSocketMultiplayerPeer] = []

    def enter(self, target: str, protocols: tuple[str, ...] = (), headers: tuple[str, ...] = ()) -> int:
        """Connects; returns 101, or the status of the refusal."""
        peer = WebSocketMultiplayerPeer()
        peer.supported_protocols = protocols
        peer.handshake_headers = headers
        assert peer.create_client(f"ws://127.0.0.1:{self.hall.get_local_port()}{target}") == OK
        self.peers.append(peer)
        deadline = time.monotonic() + 10
        while peer.get_connection_status() == peer.CONNECTION_CONNECTING:
            assert time.monotonic() < deadline
            self.poll()
        return 101 if peer.get_connection_status() == peer.CONNECTION_CONNECTED else peer.get_close_cause().status

    def poll(self, count: int = 1) -> None:
        for _ in range(count):
            self.hall.poll(0.001)
            for peer in self.peers:
                peer.poll()

    def seat(self, secret: bytes = SECRET, **changes: Any) -> str:
        """A seat of a back end."""
        claims = {"rid": "K7Q2M3", "knd": "arena", "pid": 77, "jti": draw_jti(), "exp": NOW + 15, "rsm": NOW + 3600}
        return jwt.encode(claims | changes, secret, "HS256")

    def leave(self) -> None:
        """Closes the newest connection with code 1000."""
        peer = self.peers.pop()
        peer.close()
        for _ in range(50):
            self.poll()


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    with made.hall:
        yield made


# ------------------------------------------------------------------------------------------------ the room


def test_a_session_key_is_enough_and_keeps_the_id(door: Door) -> None:
    assert door.enter(f"/room/k7q2m3?session={KEY}") == 101
    [peer_id] = door.room.places
    assert door.peers[0].get_unique_id() == peer_id
    assert door.enter(f"/room/K7Q2M3?session={KEY}") == 101
    assert door.peers[1].get_unique_id() == peer_id
    assert list(door.room.places) == [peer_id]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/room/K7Q2M3?session=short", 400),
        ("/room/K7Q2M3?session=0123456789abcde", 400),
        ("/room/K7Q2M3?session=", 400),
        ("/room/K7Q2M3?session", 400),
        ("/room/K7Q2M4?session=" + KEY, 404),
        ("/room/chess/K7Q2M3?session=" + KEY, 404),
        ("/elsewhere", 404),
        ("/room/K7Q2M3?seat=", 403),
        ("/room/K7Q2M3?seat=e30.e30.e30", 403),
    ],
)
def test_refusals_have_a_status(door: Door, target: str, status: int) -> None:
    assert door.enter(target) == status
    assert not door.room.places


def test_full_locked_and_stopping_rooms_refuse(door: Door) -> None:
    for number in range(4):
        assert door.enter(f"/room/K7Q2M3?session={KEY}{number}") == 101
    assert door.enter(f"/room/K7Q2M3?session={KEY}x") == 503
    other = door.hall.create("arena")
    other.lock()
    assert door.enter(f"/room/{other.code}?session={KEY}") == 409
    other.unlock()
    door.hall.is_draining = True
    assert door.enter(f"/room/{other.code}?session={KEY}") == 503
    assert door.enter(f"/room/K7Q2M3?session={KEY}0") == 101  # who has a place comes back


@pytest.mark.parametrize("at", ["", "K7Q2M3"])
@pytest.mark.parametrize(
    ("query", "protocols", "headers"),
    [
        ("?seat={}", (), ()),
        ("", ("gdpeer", "room.K7Q2M3", "seat.{}"), ()),
        ("", ("room.K7Q2M3", "seat.{}", "gdpeer"), ()),
        ("", (), ("Authorization: Bearer {}",)),
    ],
)
def test_a_seat_comes_in_each_way(
    door: Door, at: str, query: str, protocols: tuple[str, ...], headers: tuple[str, ...]
) -> None:
    seat = door.seat()
    path = f"/room/{at}" if at else "/"  # the seat names the room as well
    arguments = [tuple(text.format(seat) for text in texts) for texts in (protocols, headers)]
    assert door.enter(path + query.format(seat), *arguments) == 101
    assert list(door.room.places) == [77]
    connection = door.room.tree.multiplayer.multiplayer_peer.get_peer(77)  # type: ignore[attr-defined]
    assert connection.get_selected_protocol() == ("gdpeer" if protocols else "")


def test_the_sub_protocols_win_over_the_lobby_room(door: Door) -> None:
    assert door.enter("/", ("gdpeer", "room.K7Q2M3")) == 101
    assert door.room.taken == 1
    assert door.enter("/", ("gdpeer",)) == 101
    assert door.enter("/") == 101
    assert door.room.taken == 1
    assert door.enter("/", ("chat",)) == 400


def test_without_a_lobby_there_is_nothing_at_the_root() -> None:
    door = Door(lobby=False)
    with door.hall:
        assert door.enter("/") == 404
        assert door.enter(f"/room/K7Q2M3?seat={door.seat()}") == 101
    door = Door(lobby=False, secret=None)
    with door.hall:
        assert door.enter(f"/room/K7Q2M3?seat={door.seat()}") == 403
        assert door.enter(f"/room/K7Q2M3?session={KEY}") == 101


# ------------------------------------------------------------------------------------------------ seats


def test_a_seat_of_the_lobby_leads_to_its_place(door: Door) -> None:
    seat = lobby_of(door.hall).join("K7Q2M3", "ann")
    [place] = door.room.places.values()
    assert place.state is PlaceState.TAKEN
    url = urlsplit(seat.url)
    assert door.enter(f"{url.path}?{url.query}") == 101
    door.poll(3)
    assert (place.state, place.player, place.peer_id) == (PlaceState.HERE, "ann", seat.peer_id)


def test_a_seat_of_the_lobby_that_nobody_uses_is_free_again(door: Door) -> None:
    url = urlsplit(lobby_of(door.hall).join("K7Q2M3").url)
    advance(door.hall, 16)
    door.now += 16
    assert not door.room.places
    assert door.enter(f"{url.path}?{url.query}") == 403


def test_a_seat_of_a_back_end_needs_no_reservation(door: Door) -> None:
    assert door.enter(f"/room/K7Q2M3?seat={door.seat(plr='ann', nbf=NOW - 1)}") == 101
    assert door.room.places[77].player == "ann"


def test_a_seat_takes_its_place_again_until_it_is_given_up(door: Door) -> None:
    seat = door.seat()
    assert door.enter(f"/room/K7Q2M3?seat={seat}") == 101
    door.poll(3)
    door.now = NOW + 60  # later than exp
    assert door.enter(f"/room/K7Q2M3?seat={seat}") == 101
    assert list(door.room.places) == [77]
    door.poll(3)
    door.leave()
    assert not door.room.places
    assert door.enter(f"/room/K7Q2M3?seat={seat}") == 403
    door.now = NOW
    assert door.enter(f"/room/K7Q2M3?seat={seat}") == 403


def test_a_used_seat_is_refused_before_its_exp_as_well(door: Door) -> None:
    seat = door.seat()
    assert door.enter(f"/room/K7Q2M3?seat={seat}") == 101
    door.poll(3)
    door.leave()
    assert not door.room.places
    assert door.enter(f"/room/K7Q2M3?seat={seat}") == 403


@pytest.mark.parametrize(
    ("secret", "changes"),
    [
        (b"x" * 32, {}),
        (OLD, {}),
        (SECRET, {"exp": NOW - 1, "rsm": NOW + 60}),
        (SECRET, {"exp": NOW - 1, "rsm": NOW - 1}),
        (SECRET, {"nbf": NOW + 60}),
        (SECRET, {"rid": "K7Q2M4"}),
        (SECRET, {"knd": "chess"}),
        (SECRET, {"pid": 1}),
        (SECRET, {"jti": ""}),
        (SECRET, {"rsm": "never"}),
    ],
)
def test_wrong_seats_are_refused(door: Door, secret: bytes, changes: dict[str, Any]) -> None:
    assert door.enter(f"/room/K7Q2M3?seat={door.seat(secret, **changes)}") == 403
    assert not door.room.places


def test_unsigned_and_huge_seats_are_refused(door: Door) -> None:
    claims = jwt.decode(door.seat(), options={"verify_signature": False})
    assert door.enter(f"/room/K7Q2M3?seat={jwt.encode(claims, '', 'none')}") == 403
    assert door.enter(f"/room/K7Q2M3?seat={'x' * 12_000}") == 403
    assert door.enter(f"/room/K7Q2M3?seat={'x' * 1_000_000}") == 431  # the head ends at its limit


def test_seats_of_the_former_secret_stay_valid_during_a_rotation() -> None:
    door = Door(secret=SeatKeys(SECRET, OLD))
    with door.hall:
        claims = SeatClaims("K7Q2M3", "arena", 78, draw_jti(), NOW + 15, NOW + 60)
        assert door.enter(f"/room/K7Q2M3?seat={issue_seat(SeatKeys(OLD), claims)}") == 101
        assert door.enter(f"/room/K7Q2M3?seat={door.seat()}") == 101
        assert sorted(door.room.places) == [77, 78]


# ------------------------------------------------------------------------------------------------ the lobby by HTTP


def ask(door: Door, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Sends a request with Python's own client; returns status, headers and body of the response."""

    def run() -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", door.hall.get_local_port(), timeout=10)
        with closing(connection):
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(run)
        while not answer.done():
            door.hall.poll(0.001)
        return answer.result()


def test_a_seat_by_http_leads_into_its_room(door: Door) -> None:
    status, headers, body = ask(door, "POST", "/lobby/arena/quick", b"{}")
    seat = json.loads(body)
    url = urlsplit(seat["url"])
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert (url.netloc, url.path) == (f"127.0.0.1:{door.hall.get_local_port()}", "/room/K7Q2M3")
    assert door.enter(f"{url.path}?{url.query}") == 101
    assert list(door.room.places) == [seat["peer_id"]]
    assert ask(door, "POST", "/lobby/nothing/quick", b"{}")[0] == 404


def test_a_page_asks_by_cors() -> None:
    door = Door(allowed_origins=["https://game.example"])
    with door.hall:
        for origin, status in [("https://game.example", 200), ("https://evil.example", 403)]:
            for method in ("OPTIONS", "POST"):
                found, headers, _ = ask(door, method, "/lobby/arena/quick", b"", Origin=origin)
                assert found == status
                assert headers.get("Access-Control-Allow-Origin") == (origin if status == 200 else None)


def test_hostile_requests_to_the_lobby_are_refused(door: Door) -> None:
    assert ask(door, "POST", "/lobby/arena/create", b" " * 70_000)[0] == 413
    assert ask(door, "POST", "/lobby/arena/create", b"[" * 60_000)[0] == 400
    assert ask(door, "POST", f"/lobby/join/{'x' * 10_000}")[0] == 404
    assert ask(door, "HEAD", "/lobby/arena")[::2] == (200, b"")
    assert ask(door, "DELETE", "/lobby/arena")[0] == 405
    assert list(door.hall.rooms) == ["K7Q2M3"]


def test_other_pages_and_the_health_check_stay(door: Door) -> None:
    door.hall.http_handler = lambda request: Response(200, "page") if request.path == "/page" else None
    assert ask(door, "GET", "/page")[::2] == (200, b"page")
    assert ask(door, "GET", "/nothing")[0] == 404
    assert ask(door, "GET", "/health")[0] == 200


# ------------------------------------------------------------------------------------------------ guessing and logs


def test_an_address_that_tries_codes_is_stopped_and_seats_go_on(door: Door) -> None:
    statuses = [door.enter(f"/room/{number:06}") for number in range(30)]
    assert statuses == [404] * 20 + [429] * 10
    assert door.enter(f"/room/K7Q2M3?session={KEY}") == 429
    assert door.enter(f"/room/K7Q2M3?seat={door.seat()}") == 101


def test_wrong_codes_at_the_door_and_in_the_lobby_are_counted_together(door: Door) -> None:
    statuses = []
    for number in range(15):
        statuses.append(door.enter(f"/room/{number:06}"))
        statuses.append(ask(door, "POST", f"/lobby/join/{number:06}")[0])
    assert statuses == [404] * 20 + [429] * 10


def test_an_address_that_tries_seats_is_stopped_and_codes_go_on(door: Door) -> None:
    statuses = [door.enter(f"/room/K7Q2M3?seat={door.seat(OLD)}") for _ in range(30)]
    assert statuses == [403] * 25 + [429] * 5
    assert door.enter(f"/room/K7Q2M3?session={KEY}") == 101
    advance(door.hall, 6.1)
    assert door.enter(f"/room/K7Q2M3?seat={door.seat()}") == 101


def test_no_key_and_no_seat_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gdpeer")
    seats = [door.seat(), door.seat(OLD), door.seat(rid="K7Q2M4")]
    for seat in seats:
        door.enter(f"/room/K7Q2M3?seat={seat}")
        door.enter("/", ("room.K7Q2M3", f"seat.{seat}"))  # without gdpeer: no protocol in common
        door.enter("/", ("gdpeer", "room.K7Q2M3", f"seat.{seat}"))
        door.enter("/room/K7Q2M3", (), (f"Authorization: Bearer {seat}",))
    door.enter(f"/room/K7Q2M3?session={KEY}")
    door.enter(f"/room/nowhere?session={KEY}")
    door.enter("/room/K7Q2M3?session=mysecret")
    told = caplog.text + "".join(f"{peer!r} {peer.get_close_cause()}" for peer in door.peers)
    told += "".join(map(repr, [door.hall, door.room, *door.room.places.values()]))
    for secret in [KEY, "mysecret", *(part for seat in seats for part in seat.split(".")[1:])]:
        assert secret not in told
