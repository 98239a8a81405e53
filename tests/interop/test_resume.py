"""R4, R5, R7: two engines in a room with calls and values, and one that loses its connection again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from gdpeer import Vector2
from gdpeer.rooms.resume.journal import Journal
from gdpeer.rooms.resume.shift import Shift
from tests.interop.echo_rooms import until
from tests.interop.resuming import (
    FOREVER,
    FRAMES,
    SENT_TOO_LATE,
    House,
    OldTable,
    Player,
    come_back,
    exchange,
    frames_until_right,
    introduce,
    make_project,
    player,
)
from tests.support.engines import Engine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]
Without: TypeAlias = Callable[[pytest.MonkeyPatch], None]


@contextmanager
def two(
    folder: Path, reuse: bool = False, by_cable: bool = False, **attributes: object
) -> Iterator[tuple[House, Player, Player]]:
    """A room with two engines that know each other's numbers, and have sent each other values for a second."""
    with House(**attributes) as room:
        project = other = make_project(folder, room.url, reuse=reuse)
        if by_cable:
            other = make_project(folder, room.lay_cable())
        with player(project, room) as ann, player(other, room) as bob:
            introduce(room, ann, bob)
            yield room, ann, bob


@pytest.mark.parametrize(
    "has_nodes",
    [
        pytest.param(True, id="with_nodes_on_the_server"),
        pytest.param(False, id="without", marks=pytest.mark.extended),
    ],
)
def test_a_player_comes_back_three_times(has_nodes: bool, tmp_path: Path) -> None:
    with two(tmp_path, has_nodes=has_nodes) as (room, ann, bob):
        signals = ann.signals()
        for number in range(3):
            room.cut(bob.id)
            bob.wait_for_loss()
            ann.run(f'call_all(["One", "Two"], {bob.id}, "away {number}")')
            ann.run(f"own.set('mood', {1000 + number})")
            bob.wait_for_join()
            bob.wait_for_pings(("One", f"away {number}"), ("Two", f"away {number}"))
            exchange(room, ann, bob, f"back {number}")
            until(lambda number=number: int(bob.run("seen.mood")) == 1000 + number, room)
            assert max(frames_until_right(room, ann, bob, 10_000 * (number + 1))) <= FRAMES
        assert room.news.count(("back", bob.id, False)) == 3
        assert ann.signals() == signals
        assert ann.complaints() == bob.complaints() == []
        for one in (ann, bob):
            assert len(one.pings()) == len(set(one.pings()))


def test_calls_at_the_moment_of_a_cut_do_no_harm(tmp_path: Path) -> None:
    """An engine notices by sending that it is cut off, and complains of each further packet of this frame."""
    with two(tmp_path) as (room, ann, bob):
        bob.engine.say(f'call_late(["One", "Two", "One", "Two"], {ann.id})')
        bob.skip(1)
        bob.see("late", room)
        room.cut(bob.id)
        bob.wait_for_loss()
        bob.wait_for_join()
        exchange(room, ann, bob, "back")
        until(lambda: any(line.endswith(SENT_TOO_LATE) for line in bob.errors), room)
        assert ann.complaints() == bob.complaints() == []


def forget_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "told_to", lambda self, receiver: [])


def move_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shift, "base", lambda self, peer_id: 0)


def move_no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shift, "counted", lambda self, sender, receiver, data, counter: data)


@pytest.mark.parametrize("without", [forget_the_journal, move_no_numbers, move_no_counters])
def test_each_part_is_needed(without: Without, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one part the test above would fail, in a way of its own."""
    with two(tmp_path) as (room, ann, bob):
        without(monkeypatch)
        come_back(room, bob)
        bob.run(f'call_all(["Two", "One"], {ann.id}, "back")')
        ann.run(f'call_all(["One", "Two"], {bob.id}, "back")')
        at_ann, at_bob = frames_until_right(room, ann, bob, 10_000)
        hears_ann = ("One", "back") in bob.pings()
        assert ("One", "back") in ann.pings()
        if without is forget_the_journal:  # Bob cannot read what Ann sends
            assert not hears_ann
            assert "not found in cache" in "".join(bob.complaints())
            assert ann.complaints() == []
            assert at_bob == FOREVER
        elif without is move_no_numbers:  # Ann refuses Bob's numbers, and never gets his values
            assert hears_ann
            assert "Duplicate remote cache ID" in "".join(ann.complaints())
            assert bob.complaints() == []
            assert at_ann == FOREVER
        else:  # Ann takes Bob's values for old ones, and nobody complains
            assert hears_ann
            assert ann.complaints() == bob.complaints() == []
            assert at_ann > 10 * FRAMES
            assert at_bob <= FRAMES


def test_an_announced_return(tmp_path: Path) -> None:
    with two(tmp_path, resume="announce") as (room, ann, bob):
        for number in range(3):
            signals = len(ann.signals())
            room.cut(bob.id)
            bob.wait_for_loss()
            ann.run(f'call_all(["One", "Two"], {bob.id}, "away {number}")')
            bob.wait_for_join()
            until(lambda before=signals: len(ann.signals()) == before + 2, room)
            assert ann.signals()[signals:] == ["peer_disconnected", "peer_connected"]
            exchange(room, ann, bob, f"back {number}")
            exchange(room, ann, bob, f"back again {number}")
            frames_until_right(room, ann, bob, 10_000 * number + 9_000)
            assert max(frames_until_right(room, ann, bob, 10_000 * (number + 1))) <= FRAMES
            assert ("One", f"away {number}") not in bob.pings()
        assert room.news.count(("back", bob.id, True)) == 3
        assert ann.complaints() == bob.complaints() == []


def test_a_peer_object_that_is_used_again(tmp_path: Path) -> None:
    with two(tmp_path, reuse=True) as (room, ann, bob):
        for number in range(2):
            come_back(room, bob)
            exchange(room, ann, bob, f"back {number}")
            assert max(frames_until_right(room, ann, bob, 10_000 * (number + 1))) <= FRAMES
        assert ann.complaints() == bob.complaints() == []


def test_nodes_of_the_server_are_the_same_for_all_after_a_return(tmp_path: Path) -> None:
    with two(tmp_path) as (room, ann, bob):
        game = room.game
        for owner in (2, 3, 4, ann.id, bob.id):
            game.spawner.spawn(owner)
        until(lambda: ann.units() == bob.units() == game.units(), room)
        times = []
        for number in range(3):
            for one in (ann, bob):
                one.run(f'get_node("Nest").steer({one.id}, 0.{number + 1}, {number + 1})')
            until(lambda: ann.units() == bob.units() == game.units(), room)
            room.cut(bob.id)
            bob.wait_for_loss()
            game.unit(2).position = Vector2(10.0 * number, 0.0)
            game.unit(2).rotation = 0.25 * number
            game.unit(3 if number == 0 else 9 + number).queue_free()
            game.spawner.spawn(10 + number)
            ann.run(f'get_node("Nest").steer({ann.id}, 0.{number + 5}, {number + 5})')
            bob.wait_for_join()
            began = time.monotonic()
            until(lambda: ann.units() == bob.units() == game.units(), room)
            times.append(time.monotonic() - began)
            assert game.unit(ann.id).z_index == number + 5
            bob.run(f'get_node("Nest").steer({bob.id}, 0.{number + 3}, {number + 20})')
            until(lambda number=number: game.unit(bob.id).z_index == number + 20, room)
            until(lambda: ann.units() == bob.units() == game.units(), room)
            exchange(room, ann, bob, f"back {number}")
        assert min(times) <= 0.5
        assert ann.complaints() == bob.complaints() == []


def test_without_relay_the_server_and_the_returned_call_each_other(tmp_path: Path) -> None:
    with House(server_relay=False) as room, player(make_project(tmp_path, room.url, relays=False), room) as bob:
        for number in range(3):
            for _ in range(2):
                bob.run(f'call_all(["Two", "One"], 1, "up {number}")')
                until(lambda number=number: (bob.id, f"up {number}") in room.game.one.heard, room)
                room.game.two.ping.rpc_id(bob.id, f"down {number}")
                room.game.one.ping.rpc_id(bob.id, f"down {number}")
                bob.wait_for_pings(("One", f"down {number}"), ("Two", f"down {number}"))
            come_back(room, bob)
        assert bob.complaints() == []


def test_players_with_godot_3_come_back_announced(tmp_path: Path) -> None:
    with House(OldTable) as room:
        project = make_project(tmp_path, room.url, "3")
        with Engine("3", project, "main.tscn") as ann, Engine("3", project, "main.tscn") as bob:
            until(lambda: ann.all("ping") and bob.all("ping"), room)
            ids = [engine.all("connected")[0]["id"] for engine in (ann, bob)]
            for number in range(3):
                news, calls = len(ann.events), len(room.game.heard)
                room.cut(ids[1])
                until(lambda number=number: len(bob.all("connected")) == number + 2, room)
                assert bob.all("connected")[-1]["id"] == ids[1]
                room.game.down.rpc_id(ids[1], f"down {number}")
                until(lambda number=number: bob.find("down", text=f"down {number}"), room)
                at = len(bob.all("ping")), len(ann.all("ping"))
                until(lambda at=at: len(bob.all("ping")) > at[0] + 3 and len(ann.all("ping")) > at[1] + 3, room)
                assert ids[1] in room.game.heard[calls:]
                signals = [event for event in ann.events[news:] if event["event"].startswith("peer_")]
                assert [event["event"] for event in signals] == ["peer_disconnected", "peer_connected"]
                assert {event["id"] for event in signals} == {ids[1]}
            assert [line for line in (*ann.stderr, *bob.stderr) if "ERROR" in line] == []


def spawn_units(room: House, spawning: Player, ann: Player, bob: Player) -> None:
    """Has one player spawn two units at the other player and the server."""
    room.game.spawner.set_multiplayer_authority(spawning.id)
    for one in (ann, bob):
        one.run(f'get_node("Nest").give({spawning.id})')
    for number in (2, 3):
        spawning.run(f'get_node("Nest").spawner.spawn({number})')
    until(lambda: len(ann.units()) == len(bob.units()) == len(room.game.units()) == 2, room)


@pytest.mark.parametrize("owner", [pytest.param("the_other", marks=pytest.mark.extended), "the_returned"])
def test_nodes_that_a_client_spawns_are_spawned_again(owner: str, tmp_path: Path) -> None:
    """The return is announced, as only then the owner spawns its nodes anew."""
    with two(tmp_path) as (room, ann, bob):
        spawn_units(room, ann if owner == "the_other" else bob, ann, bob)
        for number in range(2):
            signals = len(ann.signals())
            come_back(room, bob)
            until(lambda before=signals: len(ann.signals()) == before + 2, room)
            until(lambda: len(ann.units()) == len(bob.units()) == len(room.game.units()) == 2, room)
            exchange(room, ann, bob, f"back {number}")
        assert ann.complaints() == bob.complaints() == []


def test_nodes_are_spawned_again_for_a_player_who_hears_of_all_in_one_frame(tmp_path: Path) -> None:
    """The former nodes are there until the end of the frame, and an engine refuses new ones of the same names."""
    with two(tmp_path) as (room, ann, bob):
        spawn_units(room, bob, ann, bob)
        signals = len(ann.signals())
        room.cut(bob.id)
        bob.wait_for_loss()
        ann.engine.say("be_busy(2000)")
        ann.skip(1)
        ann.see("busy", room)
        bob.wait_for_join()
        until(lambda: len(ann.signals()) == signals + 2, room)
        exchange(room, ann, bob, "back")
        until(lambda: len(ann.units()) == len(bob.units()) == len(room.game.units()) == 2, room)
        assert ann.complaints() == bob.complaints() == []


def test_a_player_comes_back_before_the_server_notices_the_loss(tmp_path: Path) -> None:
    with two(tmp_path, by_cable=True) as (room, ann, bob):
        assert room.cable is not None
        signals = ann.signals()
        for number in range(3):
            room.cable.pull()
            bob.wait_for_loss()
            assert bob.id in room.room.tree.multiplayer.get_peers()
            bob.wait_for_join()
            exchange(room, ann, bob, f"back {number}")
            assert max(frames_until_right(room, ann, bob, 10_000 * (number + 1))) <= FRAMES
        assert room.news == [("back", bob.id, False)] * 3
        assert ann.signals() == signals
        assert ann.complaints() == bob.complaints() == []
