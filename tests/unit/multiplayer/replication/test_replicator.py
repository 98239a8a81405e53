"""Spawning and synchronising between Python sides, over peers in memory."""

from __future__ import annotations

from typing import Any

from gdpeer import Error, Node, RawScene, Vector2
from tests.support.worlds import Worlds


def test_a_spawned_node_appears_with_its_state_and_follows() -> None:
    worlds = Worlds()
    (client,) = worlds.clients
    spawned: list[tuple[str, Vector2, int]] = []
    client.spawner.spawned.connect(lambda node: spawned.append((node.name, node.position, node.health)))
    unit = worlds.server.add("U1", position=Vector2(1, 2), health=7)
    worlds.run()
    assert spawned == [("U1", Vector2(1, 2), 7)]
    changes: list[list[str]] = []
    client.unit("U1").changed.connect(changes.append)
    unit.position += Vector2(1, 0)
    unit.turn = 1.5
    worlds.run()
    unit.health = 50
    worlds.run()
    assert changes == [["position", "turn"], ["health"]]
    seen = client.unit("U1")
    assert (seen.position, seen.turn, seen.health) == (Vector2(2, 2), 1.5, 50)


def test_lists_that_change_in_place_follow_and_are_let_go() -> None:
    worlds = Worlds()
    (client,) = worlds.clients
    unit = worlds.server.add("U1")
    worlds.run()
    unit.items.append(3)
    worlds.run()
    assert client.unit("U1").items == [3]
    kept = unit.items
    worlds.run()
    kept.append(4)
    worlds.run()
    assert client.unit("U1").items == [3, 4]
    del kept
    worlds.run()
    assert not worlds.server.api.replicator.frames.queue


def test_a_late_joiner_gets_everything_and_a_freed_node_goes() -> None:
    worlds = Worlds()
    unit = worlds.server.add("U1", health=3)
    worlds.run()
    unit.health = 4
    unit.position = Vector2(9, 9)
    late = worlds.join()
    assert late.names() == ["U1"]
    assert (late.unit("U1").health, late.unit("U1").position) == (4, Vector2(9, 9))
    gone: list[str] = []
    late.spawner.despawned.connect(lambda node: gone.append(node.name))
    unit.queue_free()
    worlds.run()
    assert [side.names() for side in (worlds.server, *worlds.clients)] == [[], [], []]
    assert gone == ["U1"]


def test_an_idle_world_sends_nothing() -> None:
    worlds = Worlds()
    for number in range(5):
        worlds.server.add(f"U{number}")
    worlds.run()
    sent: list[bytes] = []
    real = worlds.server.peer.put_packet_to
    worlds.server.peer.put_packet_to = lambda ids, data: (sent.append(data), real(ids, data))[1]  # type: ignore[method-assign,func-returns-value]
    worlds.run(20)
    assert sent == []


def test_a_custom_spawn_without_a_function_shows_its_argument_and_values() -> None:
    game = Worlds()
    kind = game.server.kind
    game.server.spawner.spawn_function = lambda data: kind(data["name"])
    unit: Any = game.server.spawner.spawn({"name": "Ann", "at": Vector2(1, 2)})
    unit.health = 7
    game.run()
    raw = game.clients[0].unit("Ann")
    assert isinstance(raw, RawScene)
    assert (raw.scene_file_path, raw.spawn_data) == ("", {"name": "Ann", "at": Vector2(1, 2)})
    assert raw.spawned_values == [Vector2(), 100, [], "", 0.0]
    assert raw.watched_values == [{0: 7, 1: []}]
    unit.queue_free()
    game.run()
    assert game.clients[0].names() == []
    assert not game.clients[0].api.refused


def test_a_spawn_function_that_makes_no_node_has_the_spawn_refused() -> None:
    game = Worlds()
    game.server.spawner.spawn_function = lambda data: game.server.kind("Ann")
    game.clients[0].spawner.spawn_function = lambda data: None
    game.server.spawner.spawn()
    game.run()
    assert game.clients[0].names() == []
    assert game.clients[0].api.refused["bad packet"] == 1


def test_the_nodes_of_a_spawner_that_left_are_silent() -> None:
    worlds = Worlds()
    (client,) = worlds.clients
    unit = worlds.server.add("U1")
    worlds.run()
    worlds.server.main.remove_child(worlds.server.spawner)
    unit.position = Vector2(5, 5)
    sync = unit.get_node("Sync")
    sync.public_visibility = False
    sync.public_visibility = True
    worlds.run(100)  # longer than the wait after which a path is told again
    assert (client.names(), worlds.server.names()) == ([], ["U1"])
    assert client.api.refused == {}
    worlds.server.main.add_child(worlds.server.spawner)
    worlds.server.units.remove_child(unit)
    worlds.server.units.add_child(unit)
    worlds.run()
    assert client.unit("U1").position == Vector2(5, 5)


def test_configurations_are_added_by_hand() -> None:
    worlds = Worlds()
    (client,) = worlds.clients
    server = worlds.server
    server.main.remove_child(server.spawner)
    unit = server.add("U1")
    server.main.add_child(server.spawner)
    worlds.run()
    assert client.names() == []
    assert server.api.object_configuration_add(unit, server.spawner) is Error.OK
    worlds.run()
    assert client.names() == ["U1"]
    assert server.api.object_configuration_add(unit, server.spawner) is Error.ERR_ALREADY_IN_USE
    assert server.api.object_configuration_add(Node("Other"), server.spawner) is Error.ERR_INVALID_PARAMETER
    synchronizer = unit.get_node("Sync")
    assert server.api.object_configuration_add(unit, synchronizer) is Error.OK  # again, without effect
    assert server.api.object_configuration_remove(unit, synchronizer) is Error.OK
    unit.health = 3
    worlds.run()
    assert client.unit("U1").health == 100
    assert server.api.object_configuration_remove(unit, server.spawner) is Error.OK
    worlds.run()
    assert client.names() == []
