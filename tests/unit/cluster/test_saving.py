"""Rooms are saved, and restored by another worker: after a kill, after a drain, and never twice."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import pairwise
from typing import Any

import pytest

from gdpeer.cluster import saving
from gdpeer.rooms import Place, Room, RoomError, Unreachable
from tests.unit.cluster.savers import Game, Score, Worker, Workers
from tests.unit.rooms.worlds import Player

KEYS = [f"key-number-{number}-of-22-chars" for number in range(6)]


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    for worker in made.workers:
        worker.hall.close()


def in_game(kind: Any) -> tuple[Workers, Worker, Any]:
    """Returns workers with rooms of a kind, the first worker, and a room there."""
    workers = Workers(kind)
    worker = workers.start("a", 1)
    return workers, worker, worker.make("game")


def count_of(value: Any) -> int:
    return int(b64decode(value["data"]))


def found(worker: Worker, code: str) -> Any:
    """Returns the room that a worker finds."""
    answer = worker.saving.find_room(code)
    worker.run()
    life = answer.result()
    return None if life is None else life.room


def score_of(player: Player) -> Score:
    score: Score = player.score  # type: ignore[attr-defined]
    return score


# ------------------------------------------------------------------------------------------------ a kill


def test_players_of_a_killed_worker_come_back_to_another_with_their_ids(workers: Workers) -> None:
    a, b = workers.start("a", 1), workers.start("b", 2)
    rooms = [a.make("game") for _ in range(5)]
    players = {room.code: [a.enter(room, key) for key in KEYS] for room in rooms}
    ids = {code: [player.id for player in those] for code, those in players.items()}
    workers.wait(1.2)
    for room in rooms:
        room.score.count = 7
    workers.wait(1.1)
    for room in rooms:
        room.score.count = 8
    workers.kill(a)
    for room in rooms:
        back = [b.enter(room, key) for key in KEYS]
        assert [player.id for player in back] == ids[room.code]
        assert b.hall.rooms[room.code].score.count in (7, 8)  # type: ignore[attr-defined]
    assert b.saving.figures["restored"] == 5
    workers.wait(5.0)
    assert len(b.hall.rooms) == 5


def test_a_room_is_saved_once_in_each_interval_and_not_with_all_others(workers: Workers) -> None:
    a = workers.start("a", 1)
    rooms = [a.make("game") for _ in range(200)]
    most = 0
    for step in range(60):
        for room in rooms:
            room.score.count += 1
        before = a.saving.figures["saved"]
        workers.wait(0.05)
        most = max(most, a.saving.figures["saved"] - before)
        if step >= 20:
            assert all(room.score.count - count_of(workers.saved(room.code)) <= 21 for room in rooms)
    assert 3 * 200 - 40 <= a.saving.figures["saved"] <= 3 * 200 + 1
    assert most < 40


def test_a_room_that_has_not_changed_is_not_written_but_does_not_expire_either(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    a.enter(room, KEYS[0])
    workers.wait(2.1, 0.5)
    saved = a.saving.figures["saved"]
    workers.wait(100.0, 0.5)
    assert a.saving.figures["saved"] == saved
    for _ in range(5):
        workers.wait(saving.FRESH, 100.0)
    assert workers.saved(room.code) is not None


def test_a_room_without_interval_is_not_saved_before_a_move() -> None:
    class Seldom(Game):
        save_interval = 0.0

    workers, _, room = in_game(Seldom)
    workers.wait(5.0)
    assert workers.saved(room.code) is None


def test_a_room_without_save_is_never_saved_and_not_found() -> None:
    class Plain(Game):
        save = Game.__bases__[0].save

    workers, a, room = in_game(Plain)
    workers.wait(3.0)
    assert workers.saved(room.code) is None
    assert not a.saving.moves(room._gdpeer_life)
    assert found(workers.start("b", 2), room.code) is None


def test_a_game_may_end_its_saving(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    room.save_interval = 0
    workers.wait(1.1)
    room.score.count = 5
    workers.wait(3.0)
    assert count_of(workers.saved(room.code)) == 0


# ------------------------------------------------------------------------------------------------ an end


def test_the_save_of_a_room_that_ends_is_removed(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    assert workers.saved(room.code) is not None
    room.close()
    a.run()
    assert workers.saved(room.code) is None
    assert found(a, room.code) is None


def test_the_save_of_a_room_that_ends_while_it_is_written_is_removed(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.clock.advance(1.1)
    a.hall.poll()  # the save is on its way
    room.close()
    a.run()
    assert a.saving.figures["saved"] == 1
    assert workers.saved(room.code) is None


def test_a_save_is_removed_later_if_the_broker_is_away(workers: Workers) -> None:
    a = workers.start("a", 1)
    rooms = [a.make("game") for _ in range(3)]
    workers.wait(1.1)
    a.broker.cut()
    rooms[0].score.count = 1
    workers.wait(1.1)  # this room has a save that may have been written
    for room in rooms[:2]:
        room.close()
    a.run()
    a.broker.join()
    again = a.make("game", code=rooms[1].code)  # in use again by now
    workers.wait(1.1)
    a.saving.note_returned()
    a.run()
    assert [workers.saved(room.code) is None for room in rooms] == [True, False, False]
    assert not again.is_closed


# ------------------------------------------------------------------------------------------------ fencing


def test_a_worker_whose_room_was_taken_over_cannot_save_it_and_closes_it(workers: Workers) -> None:
    a, b = workers.start("a", 1), workers.start("b", 2)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    peer_id = player.id
    workers.wait(1.1)
    again = found(b, room.code)
    assert b.enter(again, KEYS[0]).id == peer_id
    again.score.count = 50
    room.score.count = 99
    workers.wait(1.1)
    assert room.is_closed
    assert player.close_code == 1012
    assert not again.is_closed
    assert a.saving.figures["fenced"] == 1
    assert count_of(workers.saved(room.code)) == 50
    assert room.log == []
    workers.wait(3.0)
    assert workers.saved(room.code)["worker"] == "b"


def test_a_new_room_gives_way_to_a_save_of_a_later_term(workers: Workers) -> None:
    a, b = workers.start("a", 5), workers.start("b", 4)
    a.make("game", code="K7Q2M3").score.count = 9
    workers.wait(1.1)
    room = b.make("game", code="K7Q2M3")
    workers.wait(1.1)
    assert room.is_closed
    assert count_of(workers.saved("K7Q2M3")) == 9


def test_a_room_that_was_made_while_it_was_looked_for_is_found(workers: Workers) -> None:
    a = workers.start("a", 1)
    a.make("game", code="K7Q2M3")
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    answer = b.saving.find_room("K7Q2M3")
    room = b.make("game", code="K7Q2M3")
    b.run()
    life = answer.result()
    assert life is not None
    assert life.room is room


def test_one_save_of_a_room_is_on_its_way_at_a_time(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    for _ in range(10):
        room.score.count += 1
        workers.clock.advance(1.0)
        a.hall.poll()
    workers.store.run()
    assert a.saving.figures["saved"] == 1


def test_an_older_term_takes_nothing_over(workers: Workers) -> None:
    a, b = workers.start("a", 5), workers.start("b", 4)
    room = a.make("game")
    workers.wait(1.1)
    with pytest.raises(Unreachable):
        found(b, room.code)
    workers.wait(1.1)
    assert not room.is_closed


def test_a_room_is_restored_once_for_many_who_ask(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    ids = [a.enter(room, key).id for key in KEYS]
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    players = [Player(b, f"/room/{room.code}?session={key}") for key in KEYS]
    b.run(20)
    assert [player.id for player in players] == ids
    assert b.saving.figures["restored"] == 1
    assert b.hall.figures.made["game"] == 1


def test_two_workers_never_both_restore_a_room(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    workers.kill(a)
    for seed in range(40):
        b, c = workers.start(f"b{seed}", 10 + 2 * seed), workers.start(f"c{seed}", 11 + 2 * seed)
        chance = random.Random(seed)
        answers = [one.saving.find_room(room.code) for one in (b, c)]
        while not all(answer.is_done for answer in answers):
            workers.store.run(chance.randint(1, 3))
        workers.wait(1.2)
        open_rooms = [one for one in (b, c) if room.code in one.hall.rooms]
        assert open_rooms == [c]
        b.term = 0
        workers.kill(b)
        workers.kill(c)


def test_a_save_whose_answer_was_lost_is_no_fence(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    room.score.count = 1
    workers.clock.advance(1.0)
    a.hall.poll()
    workers.store.run(1)  # it takes effect
    a.broker.cut()
    workers.store.run()
    a.broker.join()
    room.score.count = 2
    workers.wait(1.1)
    assert not room.is_closed
    assert count_of(workers.saved(room.code)) == 2


def test_a_save_whose_answer_was_lost_is_removed_with_its_room(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    room.score.count = 1
    workers.clock.advance(1.0)
    a.hall.poll()
    workers.store.run(1)
    a.broker.cut()
    workers.store.run()
    a.broker.join()
    room.close()
    a.run()
    assert workers.saved(room.code) is None


def test_a_new_room_writes_over_the_save_of_a_former_room(workers: Workers) -> None:
    a, b = workers.start("a", 1), workers.start("b", 2)
    a.make("game", code="K7Q2M3").score.count = 9
    workers.wait(1.1)
    workers.kill(a)
    room = b.make("game", code="K7Q2M3")
    workers.wait(1.1)
    assert count_of(workers.saved("K7Q2M3")) == 0
    assert not room.is_closed


@pytest.mark.parametrize("changes", [True, False])
def test_an_empty_broker_gets_all_saves_again(workers: Workers, changes: bool) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    a.broker.cut()
    workers.store.clear()
    room.score.count = 3 if changes else 0
    a.broker.join()
    a.saving.note_returned()
    workers.wait(1.1)
    assert count_of(workers.saved(room.code)) == room.score.count
    assert not room.is_closed


def test_a_worker_that_lost_its_shards_saves_nothing_and_lets_its_rooms_go(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    workers.wait(1.1)
    a.term = 0
    room.score.count = 5
    workers.wait(2.0)
    assert count_of(workers.saved(room.code)) == 0
    with pytest.raises(Unreachable):
        found(a, "AAAAAA")
    a.saving.give_away(room._gdpeer_life)
    a.saving.give_away(room._gdpeer_life)
    a.run()
    assert player.close_code == 1012
    assert workers.saved(room.code) is not None
    assert room.log == []


def test_a_worker_that_loses_its_shard_while_it_restores_makes_no_room(workers: Workers) -> None:
    a, b = workers.start("a", 1), workers.start("b", 2)
    room = a.make("game")
    workers.wait(1.1)
    workers.kill(a)
    answer = b.saving.find_room(room.code)
    workers.store.run(3)
    b.term = 0
    workers.store.run()
    with pytest.raises(Unreachable):
        answer.result()
    assert not b.hall.rooms


# ------------------------------------------------------------------------------------------------ failures


BAD_SAVES = [(None, ""), ("text", "raised"), (ZeroDivisionError(), "raised"), (bytes(1 << 21), "too large")]


@pytest.mark.parametrize(("answer", "figure"), BAD_SAVES)
def test_a_room_that_cannot_be_saved_goes_on_and_keeps_its_former_save(
    workers: Workers, answer: Any, figure: str, caplog: pytest.LogCaptureFixture
) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)

    def save() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    room.save = save
    workers.wait(2.1)
    assert not room.is_closed
    assert count_of(workers.saved(room.code)) == 0
    assert a.saving.figures[figure] == (2 if figure else 0)
    assert (f"room {room.code}" in caplog.text) is bool(figure)
    assert not a.saving.moves(room._gdpeer_life)


def test_options_that_are_no_json_are_named_in_the_log(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    a = workers.start("a", 1)
    room = a.make("game", options=(1, 2))
    workers.wait(1.1)
    assert "options are no JSON" in caplog.text
    workers.kill(a)
    assert found(workers.start("b", 2), room.code).options is None


def test_a_restore_that_raises_makes_no_room_and_keeps_the_save(caplog: pytest.LogCaptureFixture) -> None:
    class Fails(Game):
        is_broken = True

        def restore(self, data: bytes) -> None:
            if Fails.is_broken:
                raise ZeroDivisionError
            super().restore(data)

    workers, a, room = in_game(Fails)
    peer_id = a.enter(room, KEYS[0]).id
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    assert b.enter(room, KEYS[0]).status == 503
    assert f"room {room.code}: restore raised" in caplog.text
    assert not b.hall.rooms
    workers.wait(10.0)
    Fails.is_broken = False
    assert b.enter(room, KEYS[0]).id == peer_id


def test_a_room_that_refuses_to_be_made_again_keeps_its_save() -> None:
    class Refuses(Game):
        def on_create(self, options: Any) -> Any:
            if options == "no":
                raise RoomError("not here")
            super().on_create(options)

    workers, a, room = in_game(Refuses)
    room.options = "no"
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    assert b.enter(room, KEYS[0]).status == 503
    assert workers.saved(room.code) is not None


def test_a_kind_that_a_worker_has_not_is_not_found(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    b.hall.kinds.clear()
    assert b.enter(room, KEYS[0]).status == 404
    assert "no kind game" in caplog.text
    assert workers.saved(room.code) is not None


def test_a_full_worker_answers_503(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    b.hall.max_rooms = 0
    assert b.enter(room, KEYS[0]).status == 503
    assert b.hall.figures.refused["full"] == 1


def test_a_damaged_save_is_logged_and_not_found(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    b = workers.start("b", 2)
    b.broker.create("save:K7Q2M3", {"v": 1, "code": "K7Q2M3", "term": 10**9, "data": 5})
    b.run()
    with pytest.raises(Unreachable):
        found(b, "K7Q2M3")
    b.broker.create("save:AAAAAA", {"v": 1, "code": "K7Q2M3", "term": "x"})
    b.run()
    assert found(b, "AAAAAA") is None
    workers.store.write("save:BBBBBB", b"[1]")
    assert found(b, "BBBBBB") is None
    assert b.saving.figures["damaged"] == 2
    assert "room AAAAAA: its save is damaged" in caplog.text


def test_a_room_is_out_of_reach_while_the_broker_is_away(workers: Workers) -> None:
    b = workers.start("b", 2)
    b.broker.cut()
    player = b.go(f"/room/AAAAAA?session={KEYS[0]}")
    assert player.status == 503


def test_too_many_searches_are_refused(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "MOST_SEARCHES", 1)
    b = workers.start("b", 2)
    first, second = b.saving.find_room("AAAAAA"), b.saving.find_room("BBBBBB")
    assert first is b.saving.find_room("AAAAAA")
    with pytest.raises(Unreachable):
        second.result()
    b.run()
    assert first.result() is None
    assert not b.saving.find_room("BBBBBB").is_done


def test_a_slow_on_create_is_waited_for() -> None:
    class Slow(Game):
        futures: list[Any] = []  # noqa: RUF012

        def on_create(self, options: Any) -> Any:
            super().on_create(options)
            Slow.futures.append(Future())
            return Slow.futures[-1]

    workers, a, room = in_game(Slow)
    Slow.futures[0].set_result(None)
    a.run()
    peer_id = a.enter(room, KEYS[0]).id
    room.score.count = 4
    workers.wait(1.1)
    workers.kill(a)
    b = workers.start("b", 2)
    player = b.enter(room, KEYS[0])
    assert not player.is_in
    Slow.futures[1].set_result(None)
    b.run()
    assert player.id == peer_id
    assert b.hall.rooms[room.code].score.count == 4  # type: ignore[attr-defined]
    workers.wait(1.1)
    assert workers.saved(room.code)["worker"] == "b"
    assert b.saving.figures["fenced"] == 0


# ------------------------------------------------------------------------------------------------ a drain


def test_a_drain_moves_all_rooms_and_their_players(workers: Workers) -> None:
    a, b = workers.start("a", 1), workers.start("b", 2)
    rooms = [a.make("game") for _ in range(50)]
    players = [a.enter(room, KEYS[0]) for room in rooms]
    ids = [player.id for player in players]
    for number, room in enumerate(rooms):
        room.score.count = number
    drained = a.saving.drain(300.0)
    assert a.saving.drain(300.0) is drained
    a.hall.drain(300.0)
    workers.wait(1.0)
    assert drained.is_done
    assert a.hall.is_drained
    assert [player.close_code for player in players] == [1012] * 50
    assert sorted(a.gone) == sorted(room.code for room in rooms)
    back = [b.enter(room, KEYS[0]) for room in rooms]
    assert [player.id for player in back] == ids
    assert [b.hall.rooms[room.code].score.count for room in rooms] == list(range(50))  # type: ignore[attr-defined]
    assert a.saving.figures["moved"] == 50


def test_the_save_of_a_move_is_old_once_a_room_without_interval_is_restored() -> None:
    class Seldom(Game):
        save_interval = 0.0

    workers, a, room = in_game(Seldom)
    a.enter(room, KEYS[0])
    room.score.count = 6
    a.saving.drain(300.0)
    workers.wait(1.0)
    assert count_of(workers.saved(room.code)) == 6
    b = workers.start("b", 2)
    assert found(b, room.code).score.count == 6
    b.run()
    assert workers.saved(room.code) is None
    b.saving.drain(300.0)
    workers.wait(1.0)
    assert workers.saved(room.code)["worker"] == "b"


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_a_player_was_told_is_lost_by_a_drain(workers: Workers, seed: int) -> None:
    chance = random.Random(seed)
    a, b = workers.start("a", 1), workers.start("b", 2)
    rooms = [a.make("game") for _ in range(4)]
    players = {room.code: [a.enter(room, key) for key in KEYS[:3]] for room in rooms}
    drain_at = chance.randint(5, 40)
    for step in range(80):
        workers.clock.advance(0.02)
        for those in players.values():
            for player in those:
                if player.is_in and chance.random() < 0.7:
                    score_of(player).add.rpc_id(1)
                if chance.random() < 0.8:
                    player.tree.poll()
        if step == drain_at:
            a.saving.drain(300.0)
            a.hall.drain(60.0)
        a.hall.poll()
        workers.store.run(chance.randint(0, 2))
    workers.wait(1.0)
    for room in rooms:
        seen = max(score_of(player).seen for player in players[room.code])
        again = found(b, room.code)
        assert again.score.count >= seen > 0
        assert room.score.count == again.score.count


def test_connections_close_after_the_save_is_written(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    a.saving.drain(300.0)
    a.hall.poll()
    for _ in range(3):
        a.hall.poll()
        player.tree.poll()
    assert room.is_closed
    assert player.is_in
    workers.store.run(1)
    assert workers.saved(room.code) is not None
    a.run()
    assert player.close_code == 1012


def test_players_who_ask_while_a_room_moves_are_told_to_come_again(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    a.enter(room, KEYS[0])
    a.saving.drain(300.0)
    a.hall.poll()
    with pytest.raises(Unreachable):
        a.saving.find_room(room.code).result()
    a.run()
    before = workers.saved(room.code)
    a.term = 2
    with pytest.raises(Unreachable):
        found(a, room.code)
    assert workers.saved(room.code) == before


def test_the_save_of_a_room_is_there_all_the_time_while_it_moves(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    workers.wait(1.1)
    a.saving.drain(300.0)
    a.hall.poll()
    for _ in range(20):
        workers.store.run(1)
        a.hall.poll()
        assert workers.store.row(f"save:{room.code}") is not None
    assert room.is_closed


def test_a_drain_waits_until_the_worker_may_save(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    a.enter(room, KEYS[0])
    a.term = 0
    a.saving.drain(300.0)
    workers.wait(3.0)
    assert not room.is_closed
    a.term = 1
    workers.wait(1.5)
    assert room.is_closed
    assert a.saving.figures["moved"] == 1


def test_a_drain_waits_for_the_broker(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    a.broker.cut()
    drained = a.saving.drain(300.0)
    a.hall.drain(300.0)
    workers.wait(20.0)
    assert not room.is_closed
    score_of(player).add.rpc_id(1)
    a.run()
    assert room.score.count == 1
    a.broker.join()
    workers.wait(1.5)
    assert drained.is_done
    assert player.close_code == 1012
    assert count_of(workers.saved(room.code)) == 1


def test_a_last_save_is_tried_again_while_the_broker_is_away(workers: Workers) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    a.saving.drain(300.0)
    a.hall.poll()
    a.broker.cut()
    workers.wait(5.0)
    assert player.is_in
    a.broker.join()
    workers.wait(1.0)
    assert player.close_code == 1012
    assert workers.saved(room.code) is not None


def test_players_do_not_wait_for_ever_for_a_last_save(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    a = workers.start("a", 1)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    drained = a.saving.drain(300.0)
    a.hall.poll()
    a.broker.cut()
    workers.wait(saving.PARKED + 1.0)
    assert player.close_code == 1012
    assert drained.is_done
    assert a.saving.figures["lost"] == 1
    assert f"room {room.code}: its last save was not written" in caplog.text


def test_a_last_save_in_a_room_of_others_is_given_up(workers: Workers) -> None:
    a, b = workers.start("a", 1), workers.start("b", 2)
    room = a.make("game")
    player = a.enter(room, KEYS[0])
    workers.wait(1.1)
    again = found(b, room.code)
    a.saving.drain(300.0)
    workers.wait(0.5)
    assert player.close_code == 1012
    assert a.saving.figures["fenced"] == 1
    assert not again.is_closed


def test_a_room_that_cannot_be_saved_now_moves_later() -> None:
    class Rounds(Game):
        is_in_round = True

        def save(self) -> bytes | None:
            return None if self.is_in_round else super().save()

    workers, a, room = in_game(Rounds)
    empty = a.make("game")
    player = a.enter(room, KEYS[0])
    drained = a.saving.drain(300.0)
    a.hall.drain(300.0)
    workers.wait(2.0, 0.5)
    assert empty.is_closed
    workers.wait(28.0, 0.5)
    assert not room.is_closed
    room.is_in_round = False
    workers.wait(1.5)
    assert player.close_code == 1012
    assert drained.is_done


def test_the_deadline_of_a_drain_ends_rooms_that_cannot_be_saved() -> None:
    class Never(Game):
        def save(self) -> bytes | None:
            return None

    workers, a, room = in_game(Never)
    player = a.enter(room, KEYS[0])
    drained = a.saving.drain(10.0)
    a.hall.drain(10.0)
    workers.wait(12.0, 0.5)
    assert player.close_code == 1001
    assert drained.is_done
    assert room.log[-1][::2] == ("leave", "DRAINED")


def test_a_room_whose_on_create_takes_time_moves_when_it_is_done() -> None:
    class Slow(Game):
        future: Any = None

        def on_create(self, options: Any) -> Any:
            super().on_create(options)
            Slow.future = Future()
            return Slow.future

    workers, a, room = in_game(Slow)
    a.saving.drain(300.0)
    player = a.enter(room, KEYS[0])
    Slow.future.set_result(None)
    workers.wait(1.0)
    assert room.is_closed
    assert player.close_code in (1001, 1012)  # its connection may not be open yet when the room moves
    assert workers.saved(room.code) is not None


def test_a_room_that_ends_in_its_own_save_is_not_moved() -> None:
    class Ends(Game):
        def save(self) -> bytes:
            self.close()
            return b"1"

    workers, a, room = in_game(Ends)
    drained = a.saving.drain(300.0)
    workers.wait(1.0)
    assert drained.is_done
    assert workers.saved(room.code) is None
    assert a.saving.figures["moved"] == 0


def test_many_rooms_do_not_move_in_one_turn(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "BUDGET", 0.0)
    a = workers.start("a", 1)
    for _ in range(5):
        a.make("game")
    a.saving.drain(300.0)
    ticks = iter(range(10_000))
    a.hall.timer = lambda: float(next(ticks))
    before = [len(a.hall.rooms)]
    for _ in range(8):
        workers.clock.advance(0.01)
        a.hall.poll()
        before.append(len(a.hall.rooms))
    assert max(first - second for first, second in pairwise(before)) <= 1


def test_only_some_rooms_are_on_their_way_at_a_time(workers: Workers) -> None:
    a = workers.start("a", 1)
    rooms = [a.make("game") for _ in range(3 * saving.MOST_MOVING)]
    a.saving.drain(300.0)
    for _ in range(5):
        workers.clock.advance(0.01)
        a.hall.poll()
        assert sum(room.is_closed for room in rooms) <= saving.MOST_MOVING
    workers.wait(1.0)
    assert all(room.is_closed for room in rooms)


@pytest.mark.parametrize("ends", [True, False])
def test_a_room_waits_for_the_rooms_without_save_of_its_shard(ends: bool) -> None:
    class Plain(Room):
        pass

    workers, a, _ = in_game(Game)
    a.hall.kinds["plain"] = Plain
    room, plain = a.make("game", code="K7AAAA"), a.make("plain", code="K7BBBB")
    player, other = a.enter(room, KEYS[0]), a.enter(plain, KEYS[1])
    a.saving.drain(20.0)
    a.hall.drain(20.0)
    workers.wait(5.0, 0.5)
    assert not room.is_closed
    if ends:
        other.leave()
        workers.wait(1.5)
    else:
        workers.wait(15.5, 0.5)
    assert player.close_code == 1012
    assert workers.saved("K7AAAA") is not None
    assert plain.is_closed


def test_places_with_grace_survive_two_moves() -> None:
    workers, worker, room = in_game(Game)
    peer_id = worker.enter(room, KEYS[0]).id
    for name, term in (("b", 2), ("c", 3), ("d", 4)):
        worker.saving.drain(300.0)
        workers.wait(0.5)
        worker = workers.start(name, term)
        again: Any = found(worker, room.code)
        place: Place = again.places[peer_id]
        assert place.player is None
    assert worker.enter(room, KEYS[0]).id == peer_id
