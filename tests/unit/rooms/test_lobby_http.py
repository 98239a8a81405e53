"""The lobby by HTTP: paths, statuses, CORS and limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer.errors import HandshakeError
from gdpeer.http import Response
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms import Hall, Room
from gdpeer.rooms.errors import RoomError
from gdpeer.rooms.lobby_http import ROOMS_AT_ONCE, LobbyPages
from tests.unit.rooms.arenas import NOW, advance, lobby_of, make_hall, on_create

ADDRESS = ("192.0.2.1", 1234)


def make(hall: Hall | None = None, **options: Any) -> LobbyPages:
    hall = hall or make_hall(**options)
    return LobbyPages(hall, lobby_of(hall))


def ask(pages: LobbyPages, target: str, body: Any = b"", method: str = "POST", **headers: str) -> tuple[Response, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = [("host", "here:8910"), *headers.items()]
    response = pages(Request(method, target, Headers(fields), data, ADDRESS))
    assert response is not None
    return response, json.loads(response.read() or b"null")


def test_quick_answers_with_a_seat_and_201_for_a_new_room() -> None:
    pages = make()
    for status in (201, 200, 200, 200, 201):
        response, seat = ask(pages, "/lobby/arena/quick", {})
        assert response.status == status
        assert sorted(seat) == ["expires", "peer_id", "url"]
        assert seat["expires"] == NOW + 15
        assert ("Cache-Control", "no-store") in response.headers


def test_create_and_join() -> None:
    hall = make_hall()
    pages = make(hall)
    body = {"options": {"map": "sand"}, "labels": {"mode": "duel"}, "private": True}
    response, _ = ask(pages, "/lobby/arena/create", body)
    [room] = hall.rooms.values()
    assert response.status == 201
    assert (room.options, room.labels, room.private) == ({"map": "sand"}, {"mode": "duel"}, True)
    response, seat = ask(pages, f"/lobby/join/{room.code.lower()}")
    assert response.status == 200
    assert seat["url"].startswith(f"wss://play.example/room/{room.code}?seat=")
    assert room.taken == 2


def test_the_list_has_public_rooms_with_the_labels_of_the_query() -> None:
    hall = make_hall()
    pages = make(hall)
    hall.create("arena", private=True)
    hall.create("arena", code="000000").labels = {"map": "sand", "level": 3, "ranked": True}
    hall.create("arena", code="111111")
    for query, codes in [
        ("", ["000000", "111111"]),
        ("?map=sand&level=3&ranked=true", ["000000"]),
        ("?map=ice", []),
    ]:
        response, found = ask(pages, f"/lobby/arena{query}", method="GET")
        assert response.status == 200
        assert [room["code"] for room in found["rooms"]] == codes
    labels = {"map": "sand", "level": 3, "ranked": True}
    _, found = ask(pages, "/lobby/arena?map=sand", method="GET")
    assert found["rooms"] == [{"code": "000000", "kind": "arena", "labels": labels, "taken": 0, "max_peers": 4}]


@pytest.mark.parametrize(
    ("target", "body", "method", "status", "error"),
    [
        ("/lobby/chess/quick", {}, "POST", 404, "no_room"),
        ("/lobby/chess/create", {}, "POST", 404, "no_room"),
        ("/lobby/chess", b"", "GET", 404, "no_room"),
        ("/lobby/join/K7Q2M3", b"", "POST", 404, "no_room"),
        ("/lobby/join/", b"", "POST", 404, "no_room"),
        ("/lobby/", b"", "GET", 404, "no_room"),
        ("/lobby/arena/quick/more", b"", "POST", 404, "no_room"),
        ("/lobby/arena/slow", b"", "POST", 404, "no_room"),
        ("/lobby/arena/quick", b"", "GET", 405, "method"),
        ("/lobby/arena", b"", "POST", 405, "method"),
        ("/lobby/arena/quick", b"{", "POST", 400, "bad_request"),
        ("/lobby/arena/quick", b"\xff", "POST", 400, "bad_request"),
        ("/lobby/arena/quick", b"[" * 60_000, "POST", 400, "bad_request"),
        ("/lobby/arena/quick", [1], "POST", 400, "bad_request"),
        ("/lobby/arena/quick", {"player": "ann"}, "POST", 400, "bad_request"),
        ("/lobby/arena/quick", {"labels": [1]}, "POST", 400, "bad_request"),
        ("/lobby/arena/quick", {"labels": {"map": [1]}}, "POST", 400, "bad_request"),
        ("/lobby/arena/quick", b'{"labels": {"n": NaN}}', "POST", 400, "bad_request"),
        ("/lobby/arena/create", {"private": 1}, "POST", 400, "bad_request"),
        ("/lobby/join/K7Q2M3", {"x": 1}, "POST", 400, "bad_request"),
    ],
)
def test_errors_have_a_status_and_a_word(target: str, body: Any, method: str, status: int, error: str) -> None:
    response, answer = ask(make(), target, body, method)
    assert (response.status, answer["error"]) == (status, error)
    assert answer["message"]


def test_null_counts_as_absent() -> None:
    assert ask(make(), "/lobby/arena/quick", {"labels": None})[0].status == 201


def test_other_paths_are_left_to_other_handlers() -> None:
    for target in ("/", "/lobby", "/lobbyist/arena", "/health"):
        assert make()(Request("GET", target, Headers())) is None


def test_rooms_refuse_with_409_and_503() -> None:
    hall = make_hall()
    pages = make(hall)
    room = hall.create("arena", code="000000")
    room.max_peers = 1
    ask(pages, "/lobby/join/000000")
    response, answer = ask(pages, "/lobby/join/000000")
    assert (response.status, answer["error"]) == (503, "full")
    assert ("Retry-After", "5") in response.headers
    room.lock()
    response, answer = ask(pages, "/lobby/join/000000")
    assert (response.status, answer["error"]) == (409, "locked")

    def refuse(room: Room) -> None:
        raise RoomError("not today")

    on_create(hall, "arena", refuse)
    response, answer = ask(pages, "/lobby/arena/create")
    assert (response.status, answer) == (403, {"error": "refused", "message": "not today"})
    hall.is_draining = True
    response, answer = ask(pages, "/lobby/arena/quick")
    assert (response.status, answer["error"]) == (503, "draining")
    assert ("Retry-After", "5") in response.headers


def test_a_mistake_of_the_game_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    hall = make_hall()

    def fail(room: Room) -> None:
        raise ValueError("a mistake")

    on_create(hall, "arena", fail)
    response, answer = ask(make(hall), "/lobby/arena/quick")
    assert (response.status, answer) == (403, {"error": "refused", "message": "the room could not be made"})
    assert "a mistake" in caplog.text


def test_pages_of_other_origins_are_refused() -> None:
    hall = make_hall(allowed_origins=["https://game.example"])
    pages = make(hall)
    for method in ("POST", "OPTIONS"):
        response, answer = ask(pages, "/lobby/arena/quick", {}, method, origin="https://evil.example")
        assert (response.status, answer["error"]) == (403, "origin")
        assert "Access-Control-Allow-Origin" not in dict(response.headers)
    assert not hall.rooms
    response, _ = ask(pages, "/lobby/arena/quick", {}, origin="https://game.example")
    assert response.status == 201
    assert dict(response.headers)["Access-Control-Allow-Origin"] == "https://game.example"
    assert dict(response.headers)["Vary"] == "Origin"
    assert ask(pages, "/lobby/arena/quick", {})[0].status == 200  # no page: no Origin


def test_a_preflight_says_what_a_page_may_send() -> None:
    for pages, allowed in [
        (make(allowed_origins=["https://game.example"]), "https://game.example"),
        (make(), "*"),
    ]:
        response, _ = ask(pages, "/lobby/arena/quick", b"", "OPTIONS", origin="https://game.example")
        headers = dict(response.headers)
        assert response.status == 200
        assert headers["Access-Control-Allow-Origin"] == allowed
        assert "POST" in headers["Access-Control-Allow-Methods"]
        assert "Content-Type" in headers["Access-Control-Allow-Headers"]


def test_a_page_can_read_errors() -> None:
    response, _ = ask(make(), "/lobby/chess/quick", {}, origin="https://game.example")
    assert dict(response.headers)["Access-Control-Allow-Origin"] == "*"


def test_an_address_that_tries_codes_is_stopped_before_its_30th_miss() -> None:
    hall = make_hall()
    pages = make(hall)
    hall.create("arena", code="000000")
    statuses = [ask(pages, f"/lobby/join/{number:06}")[0].status for number in range(1, 31)]
    assert statuses == [404] * 20 + [429] * 10
    response, answer = ask(pages, "/lobby/join/000000")  # a hit would be found by trying as well
    assert (response.status, answer["error"]) == (429, "too_many")
    assert int(dict(response.headers)["Retry-After"]) > 0
    assert ask(pages, "/lobby/arena/quick")[0].status == 200
    advance(hall, 6.1)
    assert ask(pages, "/lobby/join/000000")[0].status == 200


def test_new_rooms_of_an_address_are_limited() -> None:
    hall = make_hall()
    pages = make(hall)
    for _ in range(ROOMS_AT_ONCE):
        assert ask(pages, "/lobby/arena/create")[0].status == 201
    for target in ("/lobby/arena/create", "/lobby/arena/quick"):
        response, answer = ask(pages, target)
        assert (response.status, answer["error"]) == (429, "too_many")
    advance(hall, 0.21)
    assert ask(pages, "/lobby/arena/create")[0].status == 201


def test_players_have_the_name_that_the_program_gives() -> None:
    hall = make_hall()
    pages = make(hall)
    lobby_of(hall).identify = lambda request: request.headers.get("authorization") or None
    ask(pages, "/lobby/arena/quick", authorization="ann")
    ask(pages, "/lobby/arena/quick")

    def refuse(request: Request) -> str | None:
        raise HandshakeError("log in first", status=401)

    lobby_of(hall).identify = refuse
    assert ask(pages, "/lobby/arena/quick")[0].status == 401
    [room] = hall.rooms.values()
    assert [place.player for place in room.places.values()] == ["ann", None]


def test_a_mistake_of_identify_is_the_server_s() -> None:
    hall = make_hall()
    lobby_of(hall).identify = lambda request: {"a": "ann"}[request.query]
    with pytest.raises(KeyError):  # the server answers 500, and logs it
        ask(make(hall), "/lobby/arena/quick")
    assert ask(make(hall), "/lobby/arena/quick?a")[0].status == 201


@pytest.mark.parametrize(
    ("key", "headers", "start"),
    [
        (None, {}, "ws://here:8910/room/"),
        (None, {"origin": "http://here:8910"}, "ws://here:8910/room/"),
        (None, {"origin": "https://here:8910"}, "wss://here:8910/room/"),
        ("key.pem", {}, "wss://here:8910/room/"),
    ],
)
def test_without_a_public_url_the_seat_has_the_address_that_the_client_used(
    key: str | None, headers: dict[str, str], start: str
) -> None:
    hall = make_hall(public_url=None)
    hall.server.private_key = key
    assert ask(make(hall), "/lobby/arena/quick", {}, **headers)[1]["url"].startswith(start)
    assert lobby_of(hall).quick("arena").url.startswith("wss://127.0.0.1:0/" if key else "ws://127.0.0.1:0/")
