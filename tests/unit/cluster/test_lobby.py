"""`ClusterLobby`: rooms of all workers are found and filled; owners decide; answers come in time."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.cluster.broker.memory import MemoryBroker
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.lobby import PATIENCE
from gdpeer.cluster.messages import Messages
from gdpeer.rooms import Draining, Full, Hall, Locked, NoRoom, RoomError, Unreachable
from gdpeer.rooms.tokens import check_seat
from gdpeer.testing import Player
from tests.unit.cluster.lobbies import Duel, Lobbies, code_of
from tests.unit.rooms.test_lobby_room import GameLobby


@pytest.fixture
def lobbies() -> Lobbies:
    return Lobbies()


def count_asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []
    ask = Messages.ask

    def counted(self: Messages, worker: str, verb: str, *rest: Any) -> Any:
        asked.append((worker, verb))
        return ask(self, worker, verb, *rest)

    monkeypatch.setattr(Messages, "ask", counted)
    return asked


def test_join_asks_the_owner_and_gives_its_seat(lobbies: Lobbies) -> None:
    room = lobbies.clusters["b"].hall.create("arena")
    lobbies.run(1.5)
    seat = lobbies.result(lobbies.clusters["a"].lobby.join(room.code.lower(), "ann"))
    assert seat.url.startswith(f"ws://b:8910/room/{room.code}?seat=")
    hall = lobbies.clusters["a"].hall
    assert hall.keys is not None
    claims = check_seat(hall.keys, seat.url.partition("seat=")[2], hall.wall())
    assert (claims.room, claims.player, claims.peer_id) == (room.code, "ann", seat.peer_id)
    assert [place.player for place in room.places.values()] == ["ann"]
    own = lobbies.result(lobbies.clusters["b"].lobby.join(room.code, base="wss://door.example"))
    assert own.url.startswith(f"wss://door.example/room/{room.code}")


def test_join_says_why_there_is_no_seat(lobbies: Lobbies) -> None:
    hall, lobby = lobbies.clusters["b"].hall, lobbies.clusters["a"].lobby
    room = hall.create("arena")
    room.max_peers = 2
    lobbies.run(1.5)
    room.lock()
    with pytest.raises(Locked):
        lobbies.result(lobby.join(room.code))
    room.unlock()
    for _ in range(2):
        lobbies.result(lobby.join(room.code))
    with pytest.raises(Full):
        lobbies.result(lobby.join(room.code))
    for code in ("", "nocode", f"{room.code[:2]}0000"):
        with pytest.raises(NoRoom):
            lobbies.result(lobby.join(code))
    hall.is_draining = True
    with pytest.raises(Draining):
        lobbies.result(lobby.join(room.code))
    with pytest.raises(ValueError, match="name"):
        lobbies.result(lobby.join(room.code, "x" * 300))


def test_join_restores_a_saved_room_of_this_worker_or_another(lobbies: Lobbies) -> None:
    a, b = lobbies.clusters["a"], lobbies.clusters["b"]
    for cluster in (a, b):
        code = next(iter(cluster.shards.held)) + "7777"
        room = cluster.hall.create("duel", code=code)
        term = cluster.term_of(code)
        assert isinstance(room, Duel)
        found = cluster.saving.find_room(code)
        assert found is None or term
        seat = lobbies.result(a.lobby.join(code))
        assert code_of(seat) == code


def test_quick_fills_rooms_anywhere_before_new_ones_are_made(lobbies: Lobbies) -> None:
    room = lobbies.clusters["c"].hall.create("arena")
    lobbies.run(1.5)
    seats = [lobbies.quick("ab"[number % 2], "arena", None, f"p{number}") for number in range(4)]
    assert {code_of(seat) for seat in seats} == {room.code}
    assert room.taken == 4
    new = lobbies.quick("a")
    assert code_of(new) in lobbies.rooms("a")
    lobbies.run(1.5)
    assert code_of(lobbies.quick("b")) == code_of(new)


def test_the_fullest_room_comes_first_and_own_rooms_when_equally_full(lobbies: Lobbies) -> None:
    mine, other = (lobbies.clusters[name].hall.create("arena") for name in "ab")
    lobbies.run(1.5)
    assert code_of(lobbies.quick("a")) == mine.code
    for _ in range(2):
        other.reserve()
    lobbies.clusters["a"].lobby._last.clear()
    lobbies.run(1.5)
    assert code_of(lobbies.quick("a")) == other.code


def test_labels_count_and_locked_and_private_rooms_do_not(lobbies: Lobbies) -> None:
    hall = lobbies.clusters["b"].hall
    sand, locked, private = hall.create("arena"), hall.create("arena"), hall.create("arena", private=True)
    sand.labels = {"map": "sand"}
    locked.lock()
    lobbies.run(2.5)
    lobby = lobbies.clusters["a"].lobby
    assert code_of(lobbies.quick("a", "arena", {"map": "sand"})) == sand.code
    ice = lobbies.quick("a", "arena", {"map": "ice"})
    assert lobbies.owner(ice)[1].labels == {"map": "ice"}
    lobbies.run(2.5)
    assert [room.code for room in lobby.find("arena", {"map": "sand"})] == [sand.code]
    assert {room.code for room in lobby.find("arena")} == {sand.code, code_of(ice)}
    assert private.code not in {room.code for room in lobby.find("arena")}
    for wrong in (lambda: lobbies.quick("a", "chess"), lambda: lobby.find("chess")):
        with pytest.raises(NoRoom):
            wrong()
    with pytest.raises(ValueError, match="label"):
        lobbies.quick("a", "arena", {"x": []})


def test_the_owner_s_answer_counts_and_three_rooms_elsewhere_are_tried(
    lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [lobbies.clusters[name].hall.create("arena") for name in "bcbcbc"]
    lobbies.run(1.5)
    for room in rooms:  # the directory does not know yet
        room._gdpeer_locked = True
    asked = count_asked(monkeypatch)
    lobby = lobbies.clusters["a"].lobby
    lobby._remember(("arena", frozenset()), "b", rooms[0].code)
    seat = lobbies.quick("a")
    assert code_of(seat) in lobbies.rooms("a")
    assert [verb for _, verb in asked] == ["seat"] * 3


def test_a_new_room_is_made_at_the_worker_with_the_least_load(lobbies: Lobbies) -> None:
    a, b, c = (lobbies.clusters[name] for name in "abc")
    a._load, b._load, c._load = 0.9, 0.5, 0.1
    for cluster in (a, b, c):
        cluster._measured = (float("inf"), 0.0)  # keep these
    lobbies.run(2.5)
    seat = lobbies.quick("a", "arena", {"map": "sand"}, "ann")
    cluster, room = lobbies.owner(seat)
    assert (cluster.name, room.labels, room.options) == ("c", {"map": "sand"}, {"map": "sand"})
    assert code_of(lobbies.quick("a", "arena", {"map": "sand"})) == room.code  # remembered
    created = lobbies.result(a.lobby.create("duel", {"x": 1}, "bob", labels={"map": "ice"}, private=True))
    cluster, room = lobbies.owner(created)
    assert (cluster.name, room.options, room.private, room.labels) == ("c", {"x": 1}, True, {"map": "ice"})
    here = lobbies.result(a.lobby.create("duel", {1, 2}))  # a set cannot travel
    assert lobbies.owner(here)[0] is a
    with pytest.raises(RoomError, match="the game refuses"):
        lobbies.result(a.lobby.create("arena", "no"))
    c.hall.max_rooms = 0
    assert lobbies.owner(lobbies.result(a.lobby.create("arena")))[0] is a


def test_a_draining_worker_gives_seats_elsewhere_and_is_not_asked(
    lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = lobbies.clusters["a"].hall.create("arena")
    for _ in range(2):
        room.reserve(ttl=100.0)
    lobbies.run(1.5)
    lobbies.clusters["a"].drain(60.0)
    lobbies.run(1.0)
    asked = count_asked(monkeypatch)
    seat = lobbies.quick("a")
    assert lobbies.owner(seat)[0].name in "bc"
    lobbies.quick("b")
    assert "a" not in {worker for worker, _ in asked}


def test_while_the_broker_is_away_own_rooms_are_filled_and_made(lobbies: Lobbies) -> None:
    a, b = lobbies.clusters["a"], lobbies.clusters["b"]
    other = b.hall.create("arena")
    lobbies.run(1.5)
    for cluster in lobbies.clusters.values():
        lobbies.broker(cluster).cut()
    begin = lobbies.clock.now()
    seat = lobbies.quick("a")
    assert lobbies.owner(seat)[0] is a
    assert lobbies.clock.now() - begin < 0.2
    assert code_of(lobbies.result(a.lobby.join(code_of(seat)))) == code_of(seat)
    with pytest.raises(Unreachable):
        lobbies.result(a.lobby.join(other.code))
    assert lobbies.clock.now() - begin <= PATIENCE + 0.2


def test_an_answer_comes_within_four_seconds_if_workers_hang(lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = [lobbies.clusters[name].hall.create("arena") for name in "bbc"]
    for room in rooms[:2]:
        room.reserve(ttl=100.0)
    lobbies.run(1.5)
    asked = count_asked(monkeypatch)
    lobbies.hung = {"b", "c"}
    lobbies.store.run()
    for cluster in (lobbies.clusters[name] for name in "bc"):  # a hung process takes messages, and does not answer
        cluster.messages._on_request = lambda message: None  # type: ignore[method-assign]
        cluster.messages.close()
        cluster.broker.subscribe(f"w.{cluster.name}", lambda message: None)
    begin = lobbies.clock.now()
    assert lobbies.owner(lobbies.quick("a"))[0].name == "a"
    assert asked == [("b", "seat"), ("c", "seat")]  # each worker once
    with pytest.raises(Unreachable):
        lobbies.result(lobbies.clusters["a"].lobby.join(rooms[0].code), 4.0)
    assert lobbies.clock.now() - begin < 8.0


def test_a_broker_that_does_not_answer_is_waited_for_no_longer_than_the_patience(
    lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = lobbies.clusters["b"].hall.create("arena")
    lobbies.run(1.5)
    monkeypatch.setattr(lobbies.store, "run", lambda *most: None)
    begin = lobbies.clock.now()
    own = next(iter(lobbies.clusters["a"].shards.held)) + "7777"
    answers = [lobbies.clusters["a"].lobby.join(code) for code in (room.code, own)]
    for answer in answers:
        with pytest.raises(Unreachable):
            lobbies.result(answer, 3.9)
    assert lobbies.clock.now() - begin < 4.0


def test_join_waits_for_a_room_that_moves(lobbies: Lobbies) -> None:
    b = lobbies.clusters["b"]
    room = b.hall.create("duel")
    lobbies.run(1.5)
    b.drain(60.0)
    seat = lobbies.result(lobbies.clusters["a"].lobby.join(room.code))
    lobbies.run(1.0)
    assert code_of(seat) == room.code
    assert lobbies.owner(seat)[0] is not b


def test_the_http_lobby_of_any_worker_leads_to_rooms_of_all(lobbies: Lobbies) -> None:
    room = lobbies.clusters["b"].hall.create("arena")
    lobbies.run(1.5)
    status, seat, _ = lobbies.http("a", "/lobby/arena/quick", {})
    assert (status, seat["url"][:29]) == (200, f"ws://b:8910/room/{room.code}?seat=")
    status, seat, headers = lobbies.http("c", f"/lobby/join/{room.code}", origin="http://page.example")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    status, listed, _ = lobbies.http("a", "/lobby/arena", method="GET")
    assert [one["code"] for one in listed["rooms"]] == [room.code]
    status, _, _ = lobbies.http("a", "/lobby/duel/quick", {})
    assert status == 201
    status, _, _ = lobbies.http("a", "/lobby/duel/create", {"options": {"map": "ice"}})
    assert status == 201
    room.lock()
    status, problem, headers = lobbies.http("a", f"/lobby/join/{room.code}", origin="http://page.example")
    assert (status, problem["error"], headers["Access-Control-Allow-Origin"]) == (409, "locked", "*")
    for cluster in lobbies.clusters.values():
        lobbies.broker(cluster).cut()
    status, problem, headers = lobbies.http("a", f"/lobby/join/{room.code}")
    assert (status, problem["error"], headers["Retry-After"]) == (503, "unreachable", "5")


def test_wrong_codes_count_against_the_address(lobbies: Lobbies) -> None:
    shard = next(iter(lobbies.clusters["b"].shards.held))
    statuses = [lobbies.http("a", f"/lobby/join/{shard}{number:04}")[0] for number in range(40)]
    assert statuses[:10] == [404] * 10
    assert statuses[-1] == 429


def test_a_cluster_needs_a_secret_that_all_workers_have(lobbies: Lobbies) -> None:
    with pytest.raises(ValueError, match="same secret"):
        Cluster(Hall([Duel], lobby=True), MemoryBroker(lobbies.store), name="x")
    Cluster(Hall([Duel]), MemoryBroker(lobbies.store), name="x")


def test_a_hall_without_a_lobby_gives_no_seats(lobbies: Lobbies) -> None:
    cluster = Cluster(Hall([Duel], clock=lobbies.clock), MemoryBroker(lobbies.store), name="x")
    with pytest.raises(NoRoom):
        cluster.lobby.find("duel")
    with pytest.raises(NoRoom):
        cluster.lobby.quick("duel")


class Asker:
    """A game in the lobby room of a worker, over a connection in memory."""

    def __init__(self, lobbies: Lobbies, worker: str) -> None:
        self.lobbies = lobbies
        self.node = GameLobby()
        server = lobbies.clusters[worker].hall.server
        self.player = Player(server.take_stream, lobbies.clock, "ws://localhost/", [self.node])
        self.player.connect()
        self.run(lambda: self.player.is_connected)

    def run(self, done: Any) -> None:
        for _ in range(100):
            if done():
                return
            self.lobbies.run(0.05)
            self.player.poll()
        raise AssertionError("took too long")


def test_the_rpc_lobby_of_any_worker_answers_in_the_order_of_the_requests(lobbies: Lobbies) -> None:
    room = lobbies.clusters["b"].hall.create("arena")
    lobbies.run(1.5)
    asker = Asker(lobbies, "a")
    node, answers = asker.node, asker.node.answers
    node.join.rpc_id(1, room.code)  # of another worker: its answer takes longer than those after it
    node.find.rpc_id(1, "arena", {})
    node.join.rpc_id(1, "000000")
    node.quick.rpc_id(1, "chess", {})
    node.quick.rpc_id(1, "arena", {"x": []})
    node.create.rpc_id(1, "duel", {"map": "ice"}, {}, False)
    asker.run(lambda: len(answers) == 6)
    assert [answer[0] for answer in answers] == ["seat", "rooms", "refused", "refused", "refused", "seat"]
    assert answers[0][1].startswith(f"ws://b:8910/room/{room.code}")
    assert [one["code"] for one in answers[1][2]] == [room.code]
    assert [answer[1] for answer in answers[2:5]] == ["no_room", "no_room", "bad_request"]


def test_a_player_who_has_left_the_lobby_gets_no_answer(lobbies: Lobbies, caplog: pytest.LogCaptureFixture) -> None:
    room = lobbies.clusters["b"].hall.create("arena")
    lobbies.run(1.5)
    asker = Asker(lobbies, "a")
    asker.node.join.rpc_id(1, room.code)
    asker.player.poll()
    hall = lobbies.clusters["a"].hall
    hall.poll()
    hall.poll()
    asker.player.lose_connection()
    for _ in range(5):
        hall.poll()
    lobbies.run(1.0)
    assert room.taken == 1
    assert caplog.text == ""


def test_a_name_that_no_player_can_have_is_logged(lobbies: Lobbies, caplog: pytest.LogCaptureFixture) -> None:
    lobby = lobbies.clusters["a"].hall.lobby
    assert lobby is not None
    lobby.identify = lambda request: "x" * 300
    asker = Asker(lobbies, "a")
    asker.node.quick.rpc_id(1, "arena", {})
    asker.run(lambda: "a player's name has 1 to 256 characters" in caplog.text)
    assert asker.node.answers == []
