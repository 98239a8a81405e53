"""`Messages`: requests between workers, messages to players and rooms, and those of the operator."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.cluster.broker.base import Away, BadValue, NoAnswer, Unsupported, Value
from gdpeer.cluster.broker.memory import MemoryBroker
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.messages import MOST_WAITING, Delivery, Sender, Where, read_seat
from gdpeer.rooms import Full, NoRoom, Place, PlaceState, RoomError
from gdpeer.testing import Player
from tests.unit.cluster.lobbies import Lobbies, code_of


@pytest.fixture
def lobbies() -> Lobbies:
    return Lobbies()


def seated(lobbies: Lobbies, worker: str, player: str, here: bool = True) -> tuple[Any, Place]:
    """Gives a player a place in a new room; `here`: as if the connection were open."""
    room: Any = lobbies.clusters[worker].hall.create("arena")
    place = room.reserve(player, ttl=1000.0)
    if here:
        place.state = PlaceState.HERE
    room._gdpeer_life.hall.neighbours.note_changed(room._gdpeer_life)
    lobbies.run(1.5)
    return room, place


def send(lobbies: Lobbies, worker: str, value: Value) -> Value:
    """Sends a request as anybody could who reaches the broker."""
    answer = MemoryBroker(lobbies.store).request(f"w.{worker}", value)
    found: Value = lobbies.result(answer)
    return found


def test_tell_reaches_the_room_of_a_player_wherever_it_is(lobbies: Lobbies) -> None:
    room, place = seated(lobbies, "b", "ann")
    for number, name in enumerate("abc"):
        told = lobbies.result(lobbies.clusters[name].tell("ann", {"invite": number}, "bob"))
        assert told is Delivery.DELIVERED
    assert room.told == [(Sender("bob", place), {"invite": number}) for number in range(3)]


def test_tell_says_away_and_unknown(lobbies: Lobbies) -> None:
    cluster = lobbies.clusters["a"]
    room, place = seated(lobbies, "b", "ann", here=False)
    assert lobbies.result(cluster.tell("ann", 1)) is Delivery.AWAY
    assert lobbies.result(cluster.tell("eve", 1)) is Delivery.UNKNOWN
    room._gdpeer_life.free(place)  # the directory does not know yet
    assert lobbies.result(cluster.tell("ann", 1)) is Delivery.UNKNOWN
    room.close()
    assert lobbies.result(cluster.tell("ann", 1)) is Delivery.UNKNOWN
    assert room.told == []


def test_tell_takes_json_of_64_kib_and_names(lobbies: Lobbies) -> None:
    cluster = lobbies.clusters["a"]
    for data in (b"bytes", {1, 2}, float("nan"), "x" * 70_000):
        with pytest.raises(ValueError, match="data"):
            lobbies.result(cluster.tell("ann", data))
    for name in ("", "x" * 257, 7):
        with pytest.raises(ValueError, match="name"):
            lobbies.result(cluster.tell(name, 1))  # type: ignore[arg-type]


def test_tell_fails_clearly_without_the_broker_or_the_other_worker(lobbies: Lobbies) -> None:
    cluster = lobbies.clusters["a"]
    seated(lobbies, "b", "ann")
    lobbies.clusters["b"].messages.close()
    with pytest.raises(NoAnswer):
        lobbies.result(cluster.tell("ann", 1))
    lobbies.broker(cluster).cut()
    with pytest.raises(Away):
        lobbies.result(cluster.tell("ann", 1))


def test_1024_messages_wait_for_a_room_and_the_next_is_refused_at_the_sender(lobbies: Lobbies) -> None:
    room, _ = seated(lobbies, "b", "ann")
    other, _ = seated(lobbies, "b", "bob")
    lobbies.hung = {"b"}
    cluster = lobbies.clusters["a"]
    fields = {"code": room.code, "player": "ann", "data": 1, "sender": ""}
    answers = [cluster.messages.ask("b", "tell", fields) for _ in range(MOST_WAITING + 1)]
    further = cluster.messages.ask("b", "tell", {**fields, "code": other.code, "player": "bob"})
    lobbies.store.run()
    assert all(answer.result() == {"delivery": "DELIVERED"} for answer in answers[:-1])
    with pytest.raises(NoAnswer, match="1,024 messages wait"):
        answers[-1].result()
    assert further.result() == {"delivery": "DELIVERED"}
    assert lobbies.clusters["b"].messages.figures["busy"] == 1
    lobbies.hung = set()
    lobbies.poll()
    assert (len(room.told), len(other.told)) == (MOST_WAITING, 1)
    assert lobbies.result(cluster.tell("ann", 2)) is Delivery.DELIVERED


def test_a_message_for_a_room_that_closes_first_is_dropped(lobbies: Lobbies) -> None:
    room, _ = seated(lobbies, "b", "ann")
    lobbies.hung = {"b"}
    lobbies.clusters["a"].tell("ann", 1)
    lobbies.store.run()
    room.close()
    lobbies.hung = set()
    lobbies.poll()
    assert room.told == []
    assert not lobbies.clusters["b"].messages._waiting


def test_a_room_that_raises_at_a_message_goes_on(lobbies: Lobbies, caplog: pytest.LogCaptureFixture) -> None:
    room, _ = seated(lobbies, "b", "ann")
    room.on_message = lambda sender, data: 1 / 0
    assert lobbies.result(lobbies.clusters["a"].tell("ann", 1)) is Delivery.DELIVERED
    lobbies.poll()
    assert f"room {room.code}: on_message raised" in caplog.text


def test_where_and_presence(lobbies: Lobbies) -> None:
    room, _ = seated(lobbies, "b", "ann")
    cluster = lobbies.clusters["a"]
    here = Where(room.code, "b")
    assert lobbies.result(cluster.where("ann")) == here
    assert lobbies.result(cluster.where("eve")) is None
    assert lobbies.result(cluster.presence(["ann", "eve", "ann"])) == {"ann": here, "eve": None}
    with pytest.raises(ValueError, match="at most"):
        lobbies.result(cluster.presence(str(number) for number in range(1001)))
    with pytest.raises(ValueError, match="name"):
        lobbies.result(cluster.presence([""]))
    lobbies.kill("b")
    lobbies.run(7.0)
    assert lobbies.result(cluster.where("ann")) is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"room": 1, "worker": "b", "epoch": 1},
        {"room": "K7Q2M3", "worker": "b"},
        {"room": "K7Q2M3", "worker": "b", "epoch": 1},  # of a former life of the worker
    ],
)
def test_a_wrong_entry_of_a_player_counts_as_none(lobbies: Lobbies, value: Value) -> None:
    MemoryBroker(lobbies.store).create("p:eve", value)
    lobbies.store.run()
    assert lobbies.result(lobbies.clusters["a"].where("eve")) is None


def test_the_operator_reaches_all_rooms_or_those_of_a_kind(lobbies: Lobbies) -> None:
    rooms: list[Any] = [lobbies.clusters[name].hall.create(kind) for name in "ab" for kind in ("arena", "duel")]
    lobbies.result(lobbies.clusters["c"].announce({"text": "five minutes"}))
    lobbies.result(lobbies.clusters["c"].announce("duels end", "duel"))
    lobbies.poll()
    for room in rooms:
        more = [("operator", "duels end")] if room.kind == "duel" else []
        assert room.told == [("operator", {"text": "five minutes"}), *more]
    with pytest.raises(ValueError, match="unusual"):
        lobbies.clusters["c"].announce(1, "a b")
    with pytest.raises(ValueError, match="JSON"):
        lobbies.clusters["c"].announce(b"")


def test_a_wrong_announcement_is_dropped(lobbies: Lobbies) -> None:
    room: Any = lobbies.clusters["a"].hall.create("arena")
    MemoryBroker(lobbies.store).publish("all", {"text": 1})
    MemoryBroker(lobbies.store).publish("all", {"data": "x" * 70_000})
    lobbies.poll()
    assert room.told == []
    assert lobbies.clusters["a"].messages.figures["refused"] == 2


def test_a_message_to_a_room_itself(lobbies: Lobbies) -> None:
    room, _ = seated(lobbies, "b", "ann", here=False)
    fields = {"code": room.code, "player": None, "data": "hello", "sender": ""}
    lobbies.result(lobbies.clusters["a"].messages.ask("b", "tell", fields))
    lobbies.poll()
    assert room.told == [("operator", "hello")]


GOOD: dict[str, Value] = {
    "seat": {"code": "K7Q2M3", "player": None, "base": ""},
    "create": {"kind": "arena", "options": None, "labels": {}, "private": False, "player": None, "base": ""},
    "tell": {"code": "K7Q2M3", "player": "ann", "data": 1, "sender": ""},
    "watch": {"code": "K7Q2M3", "act": "kick", "wishes": {"peer_id": 2}},
}


@pytest.mark.parametrize(
    ("verb", "field", "wrong"),
    [
        ("seat", "code", "k7q2m3"),
        ("seat", "code", 7),
        ("seat", "player", ""),
        ("seat", "player", "x" * 300),
        ("seat", "base", "x" * 600),
        ("create", "kind", None),
        ("create", "options", "x" * 70_000),
        ("create", "labels", {"map": []}),
        ("create", "labels", {str(number): 1 for number in range(17)}),
        ("create", "private", 1),
        ("tell", "data", "x" * 70_000),
        ("tell", "sender", None),
        ("watch", "code", ""),
        ("watch", "act", None),
        ("watch", "wishes", "all"),
    ],
)
def test_fields_of_requests_are_checked(lobbies: Lobbies, verb: str, field: str, wrong: Any) -> None:
    answer = send(lobbies, "a", {"do": verb, **GOOD[verb], field: wrong})
    assert answer["error"] == "bad_request"
    if field != "player":
        without = {name: value for name, value in GOOD[verb].items() if name != field}
        if field != "options":
            assert send(lobbies, "a", {"do": verb, **without})["error"] == "bad_request"


def test_an_unknown_verb_is_refused_clearly(lobbies: Lobbies) -> None:
    for value in ({"do": "dance"}, {"do": 7}, {}, {"do": ["seat"]}):
        assert send(lobbies, "a", value)["error"] == "unknown_verb"
    with pytest.raises(Unsupported, match="its version is another"):
        lobbies.result(lobbies.clusters["a"].messages.ask("b", "dance", {}))


def test_errors_travel_by_their_word(lobbies: Lobbies) -> None:
    ask = lobbies.clusters["a"].messages.ask
    lobbies.clusters["b"].hall.max_rooms = 0
    with pytest.raises(Full, match="no more rooms"):
        lobbies.result(ask("b", "create", GOOD["create"]))
    with pytest.raises(RoomError, match="the game refuses"):
        lobbies.result(ask("c", "create", {**GOOD["create"], "options": "no"}))
    with pytest.raises(NoRoom):
        lobbies.result(ask("c", "create", {**GOOD["create"], "kind": "chess"}))


def test_a_failing_worker_answers_all_the_same(lobbies: Lobbies, caplog: pytest.LogCaptureFixture) -> None:
    lobbies.clusters["b"].hall.lobby.create = lambda *a, **k: 1 / 0  # type: ignore[union-attr,method-assign]
    assert send(lobbies, "b", {"do": "create", **GOOD["create"]}) == {
        "error": "refused",
        "message": "the server failed",
    }
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [{}, {"ok": 7}, {"error": "flood"}, {"error": 7, "message": 7}, {"error": "bad_request", "message": "x"}],
)
def test_wrong_answers_of_others_are_errors(lobbies: Lobbies, answer: Value) -> None:
    cluster = lobbies.clusters["a"]
    cluster.broker.subscribe("w.evil", lambda message: message.reply(answer))
    with pytest.raises(BadValue):
        lobbies.result(cluster.messages.ask("evil", "seat", GOOD["seat"]))


@pytest.mark.parametrize(
    "change", [{"url": 7}, {"url": "x" * 9000}, {"peer_id": "2"}, {"expires": -1}, {"expires": "soon"}, {"new": 1}]
)
def test_wrong_seats_of_others_are_errors(change: Value) -> None:
    good = {"url": "ws://b/room/K7Q2M3?seat=x", "peer_id": 2, "expires": 1.0, "new": False}
    assert read_seat(good)[0].peer_id == 2
    with pytest.raises(BadValue):
        read_seat({**good, **change})


def test_a_wrong_delivery_is_an_error(lobbies: Lobbies) -> None:
    seated(lobbies, "b", "ann")
    b = lobbies.clusters["b"]
    b.messages.close()
    b.broker.subscribe("w.b", lambda message: message.reply({"ok": {"delivery": "perhaps"}}))
    with pytest.raises(BadValue):
        lobbies.result(lobbies.clusters["a"].tell("ann", 1))


def test_urls_are_the_owner_s_own_or_those_of_the_door(lobbies: Lobbies) -> None:
    a, b = lobbies.clusters["a"], lobbies.clusters["b"]
    room = b.hall.create("arena")
    lobbies.run(1.5)

    def url() -> str:
        return str(lobbies.result(a.lobby.join(room.code, base="wss://door.example")).url).partition("/room")[0]

    assert url() == "ws://b:8910"
    b.url = "wss://b.example"
    assert url() == "wss://b.example"
    b.url = ""
    assert url() == "wss://door.example"
    b.hall.public_url = "wss://play.example"
    assert url() == "wss://play.example"


def test_messages_end_with_the_cluster(lobbies: Lobbies) -> None:
    b: Cluster = lobbies.clusters["b"]
    b.leave()
    with pytest.raises(NoAnswer):
        lobbies.result(lobbies.clusters["a"].messages.ask("b", "watch", GOOD["watch"]))


def test_a_player_who_is_told_is_the_one_in_the_room(lobbies: Lobbies) -> None:
    """With a real client: the state of the place comes from the connection."""
    seat = lobbies.quick("a", "arena", None, "ann")
    owner, room = lobbies.owner(seat)
    path = "/room/" + code_of(seat) + "?" + seat.url.partition("?")[2]
    player = Player(lambda stream: owner.hall.server.take_stream(stream), lobbies.clock, f"ws://localhost{path}")
    player.connect()
    for _ in range(40):
        lobbies.run(0.05)
        player.poll()
    assert player.is_connected
    teller = next(cluster for name, cluster in lobbies.clusters.items() if name != owner.name)
    assert lobbies.result(teller.tell("ann", "hi")) is Delivery.DELIVERED
    player.lose_connection()
    lobbies.run(0.5)
    assert lobbies.result(teller.tell("ann", "hi")) is Delivery.AWAY
    assert [data for _, data in room.told] == ["hi"]
