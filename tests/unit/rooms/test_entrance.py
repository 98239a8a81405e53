"""Who gets into a room: by key, by seat, or not at all; and what `on_auth` decides."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from gdpeer import OK, WebSocketMultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms import PlaceState, RoomError
from gdpeer.rooms.tokens import SeatClaims, SeatKeys, draw_jti, issue_seat
from tests.unit.rooms.worlds import KEY, SECRET, WALL, Arena, Player, World
from tests.unit.websocket.support import until


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.hall.close()


def claims_of(world: World, of: Any, **changes: Any) -> SeatClaims:
    now = world.hall.wall()
    values: dict[str, Any] = {
        "room": of.code,
        "kind": of.kind,
        "peer_id": 77,
        "jti": draw_jti(),
        "expires": now + 15,
        "resume_until": now + 3600,
    }
    return SeatClaims(**{**values, **changes})


def seat(world: World, of: Any, **changes: Any) -> str:
    return issue_seat(SeatKeys(SECRET), claims_of(world, of, **changes))


def sit(world: World, room: Any, token: str) -> Player:
    return world.join(room, "", seat=token)


# ------------------------------------------------------------------------------------------------ keys and paths


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/room/AAAAAA", 404),
        ("/nowhere", 404),
        ("/", 404),
        ("/room/{code}?session=short", 400),
        ("/room/{code}?session=", 400),
        ("/room/other/{code}", 404),
        ("/room/{code}?seat=nonsense", 403),
    ],
)
def test_wrong_requests_get_their_status(world: World, target: str, status: int) -> None:
    room = world.make()
    player = world.go(target.replace("{code}", room.code))
    assert player.status == status
    assert room.taken == 0
    assert world.hall.waiting == 0


def test_a_path_may_name_the_kind_and_lower_case_is_fine(world: World) -> None:
    room = world.make(code="ABC123")
    assert world.go(f"/room/arena/abc123?session={KEY}").is_in
    assert room.taken == 1


def test_one_key_is_another_player_in_another_room(world: World) -> None:
    rooms = [world.make(), world.make()]
    players = [world.join(room) for room in rooms]
    assert players[0].id != players[1].id
    assert [room.taken for room in rooms] == [1, 1]


def test_the_server_chooses_gdpeer_and_accepts_clients_without_a_sub_protocol(world: World) -> None:
    room = world.make()
    assert world.hall.listen(0, "127.0.0.1") is OK
    client = WebSocketMultiplayerPeer()
    client.supported_protocols = ["gdpeer", f"room.{room.code}"]
    client.create_client(f"ws://127.0.0.1:{world.hall.get_local_port()}/")
    until(lambda: client.get_connection_status() is ConnectionStatus.CONNECTED, world.hall, client)
    connection = client.get_peer(1)
    assert connection is not None
    assert connection.get_selected_protocol() == "gdpeer"
    assert room.taken == 1
    client.close()


def test_too_many_wrong_codes_of_an_address_are_refused(world: World) -> None:
    assert world.hall.listen(0, "127.0.0.1") is OK
    room = world.make()
    assert set(tries(world, "/room/AAAAAA", 29)) == {404, 429}
    assert set(tries(world, f"/room/{room.code}?seat=nonsense", 3)) == {403}
    assert set(tries(world, f"/room/{room.code}?seat=nonsense", 40)) == {403, 429}


def tries(world: World, target: str, times: int) -> list[int]:
    """Returns the statuses with which a target is refused, over TCP."""
    client = WebSocketMultiplayerPeer()
    seen: list[int] = []
    for _ in range(times):
        client.create_client(f"ws://127.0.0.1:{world.hall.get_local_port()}{target}")
        until(lambda: client.get_connection_status() is ConnectionStatus.DISCONNECTED, world.hall, client)
        seen.append(client.get_close_cause().status)
    return seen


def test_no_key_stays_in_memory_with_the_connection(world: World) -> None:
    room = world.make()
    player = world.join(room)
    connection = room.tree.multiplayer.multiplayer_peer.get_peer(player.id)
    request = connection.get_request()
    assert (request.target, len(request.headers)) == (f"/room/{room.code}", 0)
    assert KEY not in connection.get_requested_url()
    assert KEY not in str(connection.get_requested_headers())


# ------------------------------------------------------------------------------------------------ seats


def test_a_seat_gives_its_peer_id_and_comes_back(world: World) -> None:
    room = world.make()
    token = seat(world, room, player="ann")
    player = sit(world, room, token)
    assert player.id == 77
    assert room.places[77].player == "ann"
    player.pull()
    world.wait(16)  # `exp` counts for the first use only
    again = sit(world, room, token)
    assert again.id == 77
    assert [entry[0] for entry in room.log] == ["join", "away", "return"]


def test_a_reserved_seat_leads_to_its_place(world: World) -> None:
    room = world.make()
    place = room.reserve("ann")
    token = seat(world, room, jti=place.jti, peer_id=place.peer_id)
    assert sit(world, room, token).id == place.peer_id
    assert room.places[place.peer_id] is place
    assert place.state is PlaceState.HERE
    world.wait(20)
    assert place.state is PlaceState.HERE


def test_a_seat_of_a_place_that_was_given_up_is_used(world: World) -> None:
    room = world.make()
    token = seat(world, room)
    sit(world, room, token).leave()
    assert sit(world, room, token).status == 403
    world.wait(20)
    assert sit(world, room, token).status == 403


@pytest.mark.parametrize(
    "changes", [{"room": "AAAAAA"}, {"kind": "other"}, {"expires": WALL - 1}, {"not_before": WALL + 60}]
)
def test_a_seat_that_does_not_fit_is_refused(world: World, changes: dict[str, Any]) -> None:
    room = world.make()
    assert sit(world, room, seat(world, room, **changes)).status == 403
    assert room.taken == 0


def test_a_seat_of_another_secret_is_refused(world: World) -> None:
    room = world.make()
    token = issue_seat(SeatKeys(b"x" * 32), claims_of(world, room))
    assert sit(world, room, token).status == 403


def test_a_hall_without_secret_gives_no_seats() -> None:
    world = World(secret=None)
    room = world.make()
    assert sit(world, room, seat(world, room)).status == 403


def test_a_newer_seat_of_the_same_id_replaces_the_place(world: World) -> None:
    room = world.make()
    first = sit(world, room, seat(world, room))
    second = sit(world, room, seat(world, room))
    assert second.id == 77
    assert first.close_code == 4001
    assert room.log == [("join", 77), ("leave", 77, "REPLACED"), ("join", 77)]
    assert room.taken == 1


def test_a_newer_seat_replaces_nobody_in_a_locked_room(world: World) -> None:
    room = world.make()
    room.max_peers = 1
    first = sit(world, room, seat(world, room))
    room.lock()
    assert sit(world, room, seat(world, room)).status == 409
    assert first.ask(1)
    room.unlock()
    assert sit(world, room, seat(world, room)).is_in  # the room is full, but for the place of the same player


def test_a_newer_seat_replaces_a_player_who_is_away(world: World) -> None:
    room = world.make()
    sit(world, room, seat(world, room)).pull()
    assert sit(world, room, seat(world, room)).is_in
    assert room.log[-2:] == [("leave", 77, "REPLACED"), ("join", 77)]


# ------------------------------------------------------------------------------------------------ on_auth


class Guarded(Arena):
    kind = "guarded"

    def on_create(self, options: Any) -> None:
        super().on_create(options)
        self.asked: list[Any] = []
        self.answer: Any = None

    def on_auth(self, ticket: Any, request: Request) -> Any:
        self.asked.append((ticket, request.path))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def guarded() -> Iterator[tuple[World, Any]]:
    world = World(Guarded)
    yield world, world.make("guarded")
    world.hall.close()


def test_on_auth_decides_once_for_each_place(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = {"name": "ann"}
    player = world.join(room)
    assert room.places[player.id].auth == {"name": "ann"}
    player.pull()
    assert world.join(room).is_in
    assert room.asked == [(None, f"/room/{room.code}")]


def test_on_auth_gets_the_ticket(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    place = room.reserve(ticket="a ticket")
    assert sit(world, room, seat(world, room, jti=place.jti, peer_id=place.peer_id)).is_in
    assert sit(world, room, seat(world, room, player="bob")).is_in
    assert room.asked[0][0] == "a ticket"
    assert room.asked[1][0].player == "bob"


@pytest.mark.parametrize("problem", [RoomError("no"), PermissionError("no"), ValueError("no")])
def test_on_auth_refuses_by_raising(guarded: tuple[World, Any], problem: Exception) -> None:
    world, room = guarded
    room.answer = problem
    assert world.join(room).status == 403
    assert room.taken == 0
    assert world.hall.waiting == 0


def test_on_auth_may_decide_later(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = future = Future()
    player = world.join(room)
    assert not player.is_in
    assert room.taken == 1
    future.set_result("ann")
    world.run()
    assert player.is_in
    assert room.places[player.id].auth == "ann"


def test_on_auth_may_refuse_later(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = future = Future()
    player = world.join(room)
    future.set_exception(RoomError("no"))
    world.run()
    assert player.status == 403
    assert room.taken == 0


def test_a_reserved_place_waits_for_on_auth(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    world.patience = 60.0
    place = room.reserve(ttl=1.0)
    room.answer = future = Future()
    player = sit(world, room, seat(world, room, jti=place.jti, peer_id=place.peer_id))
    world.wait(4.0)
    assert place.state is PlaceState.TAKEN
    future.set_result(None)
    world.run()
    assert player.is_in


def test_a_place_is_not_asked_about_again_after_a_broken_attempt(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    place = room.reserve()
    token = seat(world, room, jti=place.jti, peer_id=place.peer_id)
    room.tree.multiplayer.auth_callback = lambda peer_id, data: None  # so that nobody joins
    first, second = sit(world, room, token), sit(world, room, token)
    assert len(room.asked) == 1
    assert (first.close_code, second.is_in) == (4001, True)
    second.pull()
    assert not room.places


def test_on_auth_has_five_seconds(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = future = Future()
    world.patience = 60.0
    player = world.join(room)
    world.wait(4.9)
    assert player.status == 0
    world.wait(0.2)
    world.run()
    assert player.status == 503
    assert room.taken == 0
    future.set_result("too late")
    world.run()
    assert room.taken == 0


@pytest.mark.parametrize("is_late", [False, True])
def test_a_second_connection_that_is_refused_leaves_the_place_to_the_first(
    guarded: tuple[World, Any], is_late: bool
) -> None:
    world, room = guarded
    world.patience = 30.0
    first, second = Future[str](), Future[str]()
    room.answer = first
    player = world.join(room)
    room.answer = second
    other = world.join(room)
    first.set_result("Ann")
    world.run()
    assert player.is_in
    if is_late:
        world.wait(5.1)
    else:
        second.set_exception(PermissionError())
        world.run()
    assert other.status == (503 if is_late else 403)
    assert player.ask(1)
    assert room.places[player.id].auth == "Ann"
    assert (room.taken, world.hall.taken, world.hall.waiting) == (1, 1, 0)


def test_a_second_connection_that_is_accepted_changes_nothing_but_the_connection(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    first, second = Future[str](), Future[str]()
    room.answer = first
    player = world.join(room)
    room.answer = second
    other = world.join(room)
    first.set_result("Ann")
    world.run()
    second.set_result("Eve")
    world.run()
    assert player.close_code == 4001
    assert other.ask(1)
    assert room.places[other.id].auth == "Ann"


def test_a_player_who_leaves_while_on_auth_decides_frees_the_place(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = future = Future()
    player = world.join(room)
    player.connection.close(-1)
    world.run()
    assert room.taken == 0
    future.set_result("ann")
    world.run()
    assert room.taken == 0
    assert room.log == []


def test_two_connections_for_one_place_while_on_auth_decides(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = future = Future()
    first, second = world.join(room), world.join(room)
    first.connection.close(-1)
    world.run()
    assert room.taken == 1
    future.set_result("ann")
    world.run()
    assert second.is_in
    assert second.ask(1)


def test_a_room_that_closes_while_on_auth_decides(guarded: tuple[World, Any]) -> None:
    world, room = guarded
    room.answer = future = Future()
    player = world.join(room)
    room.close()
    future.set_result("ann")
    world.run()
    assert not player.is_in
    assert world.hall.taken == 0
