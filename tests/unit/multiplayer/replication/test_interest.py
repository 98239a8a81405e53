"""`InterestGrid`: which pairs become visible and hidden, that only changes are passed on, and what a move costs."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest

from gdpeer import InterestGrid, MultiplayerSynchronizer, Vector2, Vector3
from tests.support.worlds import Worlds

CELL, RADIUS, MARGIN = 10.0, 40.0, 20.0


class Spy(MultiplayerSynchronizer):
    """Notes each call of `set_visibility_for`."""

    def __init__(self, name: str = "Spy") -> None:
        super().__init__(name)
        self.calls: list[tuple[int, bool]] = []

    def set_visibility_for(self, peer: int, visible: bool) -> None:
        if peer:
            self.calls.append((peer, visible))
        super().set_visibility_for(peer, visible)


@pytest.fixture
def grid() -> InterestGrid:
    return InterestGrid(CELL, RADIUS, MARGIN)


def test_only_pairs_that_change_are_told(grid: InterestGrid) -> None:
    near, far = Spy(), Spy()
    grid.watch(2, Vector2(0, 0))
    grid.add(near, Vector2(30, 0))
    grid.add(far, Vector2(300, 0))
    assert not near.public_visibility
    assert (near.calls, far.calls) == ([(2, True)], [])
    for x in range(30, 0, -1):
        grid.move(near, Vector2(x, 0))
    assert near.calls == [(2, True)]
    grid.move(near, Vector2(200, 0))
    grid.watch(2, Vector2(290, 0))
    assert near.calls == [(2, True), (2, False)]
    assert far.calls == [(2, True)]


def test_a_new_peer_sees_what_is_near(grid: InterestGrid) -> None:
    spies = [Spy() for _ in range(20)]
    for i, spy in enumerate(spies):
        grid.add(spy, Vector2(20 * i, 5))
    grid.watch(7, Vector2(200, 5))
    seen = [i for i, spy in enumerate(spies) if spy.get_visibility_for(7)]
    assert seen == list(range(8, 13))


def test_a_node_at_the_border_does_not_flicker(grid: InterestGrid) -> None:
    spy = Spy()
    grid.watch(2, Vector2(0, 0))
    grid.add(spy, Vector2(45, 0))
    for _ in range(50):
        grid.move(spy, Vector2(55, 14))
        grid.move(spy, Vector2(45, 6))
    assert spy.calls == [(2, True)]


def test_unwatch_hides_all_and_remove_changes_nothing(grid: InterestGrid) -> None:
    first, second = Spy(), Spy()
    for spy in (first, second):
        grid.add(spy, Vector2())
    grid.watch(2, Vector2())
    grid.remove(second)
    grid.unwatch(2)
    assert first.calls == [(2, True), (2, False)]
    assert second.calls == [(2, True)]
    grid.unwatch(2)
    grid.remove(second)
    grid.watch(2, Vector2())
    assert (len(first.calls), len(second.calls)) == (3, 1)
    with pytest.raises(ValueError, match="was added"):
        grid.move(second, Vector2())


def test_add_again_moves(grid: InterestGrid) -> None:
    spy = Spy()
    grid.add(spy, Vector2(500, 0))
    grid.watch(2, Vector2())
    grid.add(spy, Vector2(5, 5))
    assert spy.calls == [(2, True)]


def test_of_a_vector3_x_and_z_count(grid: InterestGrid) -> None:
    spy = Spy()
    grid.watch(2, Vector3(0, 0, 0))
    grid.add(spy, Vector3(0, 1000, 0))
    assert spy.calls == [(2, True)]
    grid.move(spy, Vector3(0, 0, 1000))
    assert spy.calls == [(2, True), (2, False)]


def test_visibility_follows_the_distance_within_the_promised_limits(grid: InterestGrid) -> None:
    chance = random.Random(5)
    spies = {Spy(): Vector2() for _ in range(25)}
    peers = {peer_id: Vector2() for peer_id in range(2, 8)}

    def place() -> Vector2:
        return Vector2(chance.uniform(-150, 150), chance.uniform(-150, 150))

    for spy in spies:
        grid.add(spy, Vector2())
    for _ in range(1500):
        if chance.random() < 0.7:
            spy = chance.choice(list(spies))
            spies[spy] = place()
            grid.move(spy, spies[spy])
        else:
            peer_id = chance.choice(list(peers))
            peers[peer_id] = place()
            grid.watch(peer_id, peers[peer_id])
    for spy, peer_id in itertools.product(spies, peers):
        if peer_id in {peer for peer, _ in spy.calls}:
            distance = spies[spy].distance_to(peers[peer_id])
            assert spy.get_visibility_for(peer_id) or distance > RADIUS
            assert not spy.get_visibility_for(peer_id) or distance <= RADIUS + MARGIN + 3 * CELL
        changes = [visible for peer, visible in spy.calls if peer == peer_id]
        assert changes == [i % 2 == 0 for i in range(len(changes))]


def test_a_move_within_a_cell_looks_at_nothing(grid: InterestGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy()
    grid.watch(2, Vector2(1, 1))
    grid.add(spy, Vector2(1, 1))
    looked: list[Any] = []
    monkeypatch.setattr(type(grid._seen), "around", lambda *args: looked.append(args) or [])
    for i in range(90):
        grid.move(spy, Vector2(0.1 * i, 9))
        grid.watch(2, Vector2(9, 0.1 * i))
    assert looked == []


@pytest.mark.parametrize(
    ("cell", "radius", "margin"),
    [
        (0, 1, None),
        (-1, 1, None),
        (1, -1, None),
        (1, 1, -1),
        (math.nan, 1, None),
        (1, math.inf, None),
        (1, 33, 0),
    ],
)
def test_sizes_that_make_no_grid_are_refused(cell: float, radius: float, margin: float | None) -> None:
    with pytest.raises(ValueError, match="must be"):
        InterestGrid(cell, radius, margin)


def test_what_is_no_position_is_refused(grid: InterestGrid) -> None:
    grid.watch(2, Vector2())
    for bad in (Vector2(float("nan"), 0), Vector2(0, float("inf"))):
        with pytest.raises(ValueError, match="not finite"):
            grid.watch(2, bad)
        with pytest.raises(ValueError, match="not finite"):
            grid.add(Spy(), bad)
    with pytest.raises(TypeError, match="a MultiplayerSynchronizer"):
        grid.add("Sync", Vector2())  # type: ignore[arg-type]


def test_a_far_node_is_not_spawned_and_a_near_one_appears_and_goes() -> None:
    worlds = Worlds(1)
    client = worlds.clients[0]
    grid = InterestGrid(CELL, RADIUS)
    units = {name: worlds.server.kind(name) for name in ("Near", "Far")}
    for name, unit in units.items():
        unit.position = Vector2(10, 0) if name == "Near" else Vector2(500, 0)
        grid.add(unit.get_node("Sync"), unit.position)
        worlds.server.units.add_child(unit)
    grid.watch(client.id, Vector2())
    worlds.run()
    assert client.names() == ["Near"]
    grid.watch(client.id, Vector2(490, 0))
    worlds.run()
    assert client.names() == ["Far"]
