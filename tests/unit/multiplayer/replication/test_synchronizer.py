"""`MultiplayerSynchronizer`: every row of the engine's table, visibility, and what each property is sent for."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from gdpeer import (
    ManualClock,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    ReplicationMode,
    SceneMultiplayer,
    SceneReplicationConfig,
    SceneTree,
    Vector2,
)
from gdpeer.multiplayer.replication.synchronizer import MOST_WATCHED, Lists, VisibilityUpdateMode
from tests.support.worlds import World, Worlds

ALWAYS, ON_CHANGE = ReplicationMode.ALWAYS, ReplicationMode.ON_CHANGE


def config_of(*properties: tuple[str, ReplicationMode]) -> SceneReplicationConfig:
    config = SceneReplicationConfig()
    for path, mode in properties:
        config.add_property(path)
        config.property_set_replication_mode(path, mode)
    return config


class Board(Node):
    """A node of the scene, with a synchronizer made by hand."""

    def __init__(self) -> None:
        super().__init__("Board")
        self.clock: Any = 0
        self.score: Any = 0
        self.sync = MultiplayerSynchronizer("Sync")
        self.sync.replication_config = config_of((".:clock", ALWAYS), (".:score", ON_CHANGE))
        self.add_child(self.sync)


class BoardWorld(World):
    def __init__(self, peer: Any, clock: ManualClock) -> None:
        self.board = Board()
        main = Node("Main")
        main.add_child(self.board)
        super().__init__(peer, clock, main)


def boards(clients: int = 1) -> Worlds:
    worlds = Worlds(clients, make=BoardWorld)
    worlds.run()
    return worlds


def board_of(world: World) -> Any:
    return world.board  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------ members


def test_the_members_begin_as_in_the_engine() -> None:
    sync = MultiplayerSynchronizer()
    assert sync.name == "MultiplayerSynchronizer"
    assert sync.root_path == NodePath("..")
    assert sync.replication_config is None
    assert (sync.replication_interval, sync.delta_interval) == (0.0, 0.0)
    assert sync.visibility_update_mode is VisibilityUpdateMode.VISIBILITY_PROCESS_IDLE
    assert [int(mode) for mode in VisibilityUpdateMode] == [0, 1, 2]
    assert MultiplayerSynchronizer.VISIBILITY_PROCESS_NONE == 2
    assert sync.public_visibility is True
    assert sync.get_visibility_for(0) is True
    assert sync.get_visibility_for(5) is False
    assert sync.get_root_node() is None


def test_wrong_values_are_refused() -> None:
    sync: Any = MultiplayerSynchronizer()
    for name in ("replication_interval", "delta_interval"):
        for value in (-1.0, math.inf, math.nan):
            with pytest.raises(ValueError, match="an interval is at least 0, and finite"):
                setattr(sync, name, value)
        assert getattr(sync, name) == 0.0
    with pytest.raises(TypeError, match="SceneReplicationConfig or None"):
        sync.replication_config = "x"
    with pytest.raises(TypeError, match="function"):
        sync.add_visibility_filter(3)


def test_public_visibility_is_the_entry_for_peer_0() -> None:
    sync = MultiplayerSynchronizer()
    sync.set_visibility_for(0, False)
    assert sync.public_visibility is False
    sync.public_visibility = True
    assert sync.get_visibility_for(0)
    sync.set_visibility_for(9, True)
    sync.public_visibility = False
    assert [sync.is_visible_to(peer) for peer in (8, 9)] == [False, True]


def test_a_configuration_is_replaced_at_any_time() -> None:
    worlds = boards()
    sync = board_of(worlds.server).sync
    old = sync.replication_config
    sync.replication_config = config_of((".:score", ALWAYS))
    assert sync not in old.users
    board_of(worlds.clients[0]).sync.replication_config = config_of((".:score", ALWAYS))
    board_of(worlds.server).score = 5
    worlds.run()
    assert board_of(worlds.clients[0]).score == 5
    sync.replication_config = None
    board_of(worlds.server).score = 6
    worlds.run()
    assert board_of(worlds.clients[0]).score == 5


def test_a_changed_configuration_counts_at_once() -> None:
    worlds = boards()
    for world in (worlds.server, *worlds.clients):
        board_of(world).extra = 0
        board_of(world).sync.replication_config.add_property(".:extra")
    board_of(worlds.server).extra = 3
    worlds.run()
    assert board_of(worlds.clients[0]).extra == 3


def test_a_new_root_path_starts_anew() -> None:
    worlds = boards()
    for world in (worlds.server, *worlds.clients):
        other = type("Other", (Node,), {"clock": 0, "score": 0})()
        world.main.add_child(other)
        board_of(world).sync.root_path = "../../Other"
        assert board_of(world).sync.get_root_node() is other
    worlds.server.main.get_node("Other").clock = 4  # type: ignore[attr-defined]
    worlds.run()
    assert worlds.clients[0].main.get_node("Other").clock == 4  # type: ignore[attr-defined]
    board_of(worlds.server).sync.root_path = "../../Gone"
    assert board_of(worlds.server).sync.get_root_node() is None
    worlds.run()


def test_signals_of_receivers() -> None:
    worlds = boards()
    told: list[tuple[str, Any]] = []
    board = board_of(worlds.clients[0])
    board.sync.synchronized.connect(lambda: told.append(("synchronized", board.clock)))
    board.sync.delta_synchronized.connect(lambda: told.append(("delta_synchronized", board.score)))
    board.changed.connect(lambda names: told.append(("changed", names)))
    own: list[str] = []
    board_of(worlds.server).sync.synchronized.connect(lambda: own.append("synchronized"))
    board_of(worlds.server).clock = 1
    worlds.run()
    board_of(worlds.server).score = 2
    worlds.run()
    assert told == [
        ("synchronized", 1),
        ("changed", ["clock"]),
        ("delta_synchronized", 2),
        ("changed", ["score"]),
    ]
    assert own == []


# ------------------------------------------------------------------------------------------------ intervals


def heard(worlds: Worlds, change: str, frames: int) -> list[float]:
    """Changes a value in each frame; returns when packets came."""
    times: list[float] = []
    board, server = board_of(worlds.clients[0]), board_of(worlds.server)
    signal = board.sync.synchronized if change == "clock" else board.sync.delta_synchronized
    signal.connect(lambda: times.append(round(worlds.clock.now(), 2)))
    for number in range(frames):
        setattr(server, change, number + 1)
        worlds.run(1)
    worlds.run(20)
    assert getattr(board, change) == frames
    return [round(later - before, 2) for before, later in itertools.pairwise(times)]


@pytest.mark.parametrize(("change", "name"), [("clock", "replication_interval"), ("score", "delta_interval")])
def test_an_interval_is_kept_and_the_latest_value_comes(change: str, name: str) -> None:
    worlds = boards()
    setattr(board_of(worlds.server).sync, name, 0.3)
    gaps = heard(worlds, change, 25)
    assert min(gaps) >= 0.3
    assert len(gaps) >= 4
    worlds = boards()
    assert set(heard(worlds, change, 10)) == {0.05}


def test_the_rate_of_network_frames_holds_for_all() -> None:
    worlds = boards()
    worlds.server.api.replication_rate = 5
    assert min(heard(worlds, "clock", 20)) >= 0.15
    worlds.server.api.replication_rate = math.inf
    assert set(heard(worlds, "clock", 5)) == {0.05}
    for wrong in (0, -1, math.nan):
        with pytest.raises(ValueError, match="above 0"):
            worlds.server.api.replication_rate = wrong


def test_how_long_a_poll_may_wait() -> None:
    worlds = boards()
    replicator = worlds.server.api.replicator
    worlds.run(1)
    worlds.server.tree.poll()
    assert 0.0 < replicator.time_left(1.0) <= 1 / 30  # values of ordinary attributes are compared in each frame
    worlds.server.api.replication_rate = math.inf
    worlds.clock.advance(1.0)
    assert replicator.time_left(1.0) == 0.01
    assert replicator.time_left(0.001) == 0.001
    lonely = Worlds(0)
    lonely.server.add("U1")
    assert lonely.server.api.replicator.time_left(1.0) == 1.0
    idle = Worlds(1)
    unit = idle.server.add("U1")
    idle.run(10)
    assert idle.server.api.replicator.time_left(1.0) == 1.0
    unit.turn = 1.0
    assert idle.server.api.replicator.time_left(1.0) < 0.05


# ------------------------------------------------------------------------------------------------ visibility


def test_a_hidden_synchronizer_sends_nothing_and_catches_up() -> None:
    worlds = boards(2)
    first, second = worlds.clients
    sync = board_of(worlds.server).sync
    sync.set_visibility_for(second.id, True)
    sync.public_visibility = False
    board_of(worlds.server).clock = board_of(worlds.server).score = 3
    worlds.run()
    assert [board_of(one).clock for one in worlds.clients] == [0, 3]
    assert [board_of(one).score for one in worlds.clients] == [0, 3]
    sync.set_visibility_for(first.id, True)
    worlds.run()
    assert [board_of(one).clock for one in worlds.clients] == [3, 3]
    assert [board_of(one).score for one in worlds.clients] == [3, 3]


def test_filters_are_asked_in_each_frame_but_in_the_mode_none() -> None:
    worlds = boards()
    sync = board_of(worlds.server).sync
    asked: list[int] = []
    answer = [False]

    def may_see(peer_id: int) -> bool:
        asked.append(peer_id)
        return answer[0]

    sync.add_visibility_filter(may_see)
    sync.add_visibility_filter(may_see)  # once is enough
    board_of(worlds.server).clock = 3
    worlds.run()
    assert set(asked) == {worlds.clients[0].id}
    assert board_of(worlds.clients[0]).clock == 0
    answer[0] = True
    worlds.run()
    assert board_of(worlds.clients[0]).clock == 3
    sync.visibility_update_mode = VisibilityUpdateMode.VISIBILITY_PROCESS_NONE
    answer[0] = False
    worlds.run(2)
    board_of(worlds.server).clock = 4
    worlds.run()
    assert board_of(worlds.clients[0]).clock == 4
    sync.update_visibility()
    board_of(worlds.server).clock = 5
    worlds.run()
    assert board_of(worlds.clients[0]).clock == 4
    sync.remove_visibility_filter(may_see)
    sync.remove_visibility_filter(may_see)
    worlds.run()
    assert board_of(worlds.clients[0]).clock == 4  # the mode NONE asks only when it is told to
    sync.update_visibility(worlds.clients[0].id)
    worlds.run()
    assert board_of(worlds.clients[0]).clock == 5


@pytest.mark.parametrize("answer", [None, 1, ValueError("a fault of the game")])
def test_a_filter_without_a_bool_hides(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    def may_see(peer_id: int) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    sync = MultiplayerSynchronizer()
    sync.add_visibility_filter(may_see)
    assert not sync.is_visible_to(5)
    assert caplog.records


def test_visibility_changed_is_for_the_authority() -> None:
    worlds = boards()
    told: list[tuple[str, int]] = []
    for name, world in (("server", worlds.server), ("client", worlds.clients[0])):
        board_of(world).sync.visibility_changed.connect(lambda peer_id, name=name: told.append((name, peer_id)))
        board_of(world).sync.update_visibility()
        board_of(world).sync.set_visibility_for(77, True)
        board_of(world).sync.set_visibility_for(77, True)  # no change
    assert told == [("server", 0), ("server", 77)]
    outside = MultiplayerSynchronizer()
    outside.visibility_changed.connect(lambda peer_id: told.append(("outside", peer_id)))
    outside.update_visibility()
    assert len(told) == 2


def test_a_new_authority_sends_and_the_old_one_listens() -> None:
    worlds = boards()
    client = worlds.clients[0]
    for world in (worlds.server, client):
        board_of(world).set_multiplayer_authority(client.id)  # reaches the synchronizer below
    board_of(client).clock = board_of(client).score = 8
    worlds.run()
    assert (board_of(worlds.server).clock, board_of(worlds.server).score) == (8, 8)
    board_of(worlds.server).clock = 1
    worlds.run()
    assert board_of(client).clock == 8


def test_without_a_network_of_godot_4_nothing_happens() -> None:
    tree = SceneTree(SceneMultiplayer())
    sync = MultiplayerSynchronizer()
    sync.root_path = "../Gone"
    tree.root.add_child(sync)
    sync.update_visibility()
    assert sync.get_root_node() is None
    tree.root.remove_child(sync)


# ------------------------------------------------------------------------------------------------ what is sent


def test_a_value_that_is_missing_or_cannot_be_sent_is_logged_and_sent_later(caplog: pytest.LogCaptureFixture) -> None:
    worlds = boards()
    board = board_of(worlds.server)
    del board.clock
    worlds.run()
    assert "there is no attribute 'clock' for .:clock" in caplog.text
    board.clock, board.score = object(), object()
    worlds.run()
    assert "the value of .:score" in caplog.text
    board.clock, board.score = 5, 6
    worlds.run()
    assert (board_of(worlds.clients[0]).clock, board_of(worlds.clients[0]).score) == (5, 6)


def test_more_than_64_watched_properties_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    config = config_of(*((f".:p{number}", ON_CHANGE) for number in range(MOST_WATCHED + 1)))
    assert len(Lists(config, None).watched) == MOST_WATCHED
    assert "more than 64 properties" in caplog.text


def test_values_of_another_type_are_changes() -> None:
    worlds = boards()
    board, seen = board_of(worlds.server), board_of(worlds.clients[0])
    told: list[Any] = []
    seen.sync.delta_synchronized.connect(lambda: told.append(seen.score))
    for value in (0, 0.0, -0.0, [1], [1], [1.0], math.nan, math.nan):
        seen.score = None  # takes a value of any type
        board.score = value
        worlds.run()
    assert [repr(one) for one in told] == ["0.0", "[1]", "[1.0]", "nan"]


def test_the_place_of_a_spawned_node_is_sent_by_its_synchronizer() -> None:
    worlds = Worlds(1)
    unit = worlds.server.add("U1", position=Vector2(1, 2))
    worlds.run()
    sync = unit.get_node("Sync")
    assert sync.get_root_node() is unit
    assert sync.lists().is_covered
    assert sync.lists().declares
