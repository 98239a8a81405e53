"""The game of the replication fixtures (`tests/fixtures/godot4/rep_main.gd`) in Python, in both roles.

`DECLARED` has classes with `replicated()` attributes; `BY_HAND` has plain attributes, and MultiplayerSynchronizers that
are built as in the scenes; `FROM_PROJECT` reads the scenes of the fixtures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gdpeer import (
    Color,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    ReplicationMode,
    SceneReplicationConfig,
    Scenes,
    SceneTree,
    Vector2,
    WebSocketMultiplayerPeer,
    replicated,
    rpc,
)
from tests.support.missing import ROOT

__all__ = ["BY_HAND", "DECLARED", "FROM_PROJECT", "Forms", "Main", "Nest", "make_scenes"]

NEVER, ALWAYS, ON_CHANGE = ReplicationMode.NEVER, ReplicationMode.ALWAYS, ReplicationMode.ON_CHANGE
UNIT, NEST, EGG = "res://rep_unit.tscn", "res://rep_nest.tscn", "res://rep_egg.tscn"


def make_synchronizer(name: str, *properties: tuple[str, ReplicationMode, bool]) -> MultiplayerSynchronizer:
    """Returns a synchronizer of properties: the path, the mode, and whether the SPAWN carries the value."""
    made, config = MultiplayerSynchronizer(name), SceneReplicationConfig()
    for path, mode, spawn in properties:
        config.add_property(path)
        config.property_set_replication_mode(path, mode)
        config.property_set_spawn(path, spawn)
    made.replication_config = config
    return made


def make_spawner(name: str, path: str, *scenes: str) -> MultiplayerSpawner:
    """Returns a spawner with a path and a list of scenes."""
    made = MultiplayerSpawner(name)
    made.spawn_path = NodePath(path)
    for scene in scenes:
        made.add_spawnable_scene(scene)
    return made


# ------------------------------------------------------------------------------------------------ what both forms have


class Unit(Node):
    """`rep_unit`: Sync belongs to the server, Input to the peer that the node is named after."""

    aim = 0.0
    motion = Vector2()

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.furnish()

    def furnish(self) -> None:
        """Adds the nodes of the scene."""

    def add_input(self) -> None:
        self.add_child(make_synchronizer("Input", (".:aim", ALWAYS, False), (".:motion:y", ON_CHANGE, True)))

    def _enter_tree(self) -> None:
        if self.name.isdecimal():
            self.get_node("Input").set_multiplayer_authority(int(self.name))

    @rpc("any_peer")
    def hit(self, by: int) -> None:
        self._note("hit", by)

    @rpc
    def hello(self, text: str) -> None:
        self._note("hello", text)

    def _note(self, method: str, argument: Any) -> None:
        self.get_node("/root/Main").heard.append((method, argument))  # type: ignore[attr-defined]

    def synchronizers(self) -> list[MultiplayerSynchronizer]:
        return [child for child in self.get_children() if isinstance(child, MultiplayerSynchronizer)]

    def turn(self, rotation: float) -> None:
        """Sets Turret.rotation."""
        raise NotImplementedError

    def rotation_now(self) -> float:
        """Returns Turret.rotation."""
        raise NotImplementedError


class Egg(Node):
    """`rep_egg`: the size is not replicated."""

    size = 1.0

    def _enter_tree(self) -> None:
        parent = self.get_parent()
        if parent is not None and parent.name == "Shots":
            spawner = self.get_node("/root/Main/ShotSpawner")
            self.set_multiplayer_authority(spawner.get_multiplayer_authority())


class Nest(Node):
    """`rep_nest`: a replicated scene with a spawner of its own; the authority lays an egg in `_ready`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.furnish()

    def furnish(self) -> None:
        """Adds the nodes of the scene."""
        self.add_child(Node("Eggs"))
        self.add_child(make_spawner("Spawner", "../Eggs", EGG))

    def _ready(self) -> None:
        if self.multiplayer.is_server():
            egg = self.get_node("/root/Main").forms.egg("Egg")  # type: ignore[attr-defined]
            egg.color = Color(1, 0, 0)
            self.get_node("Eggs").add_child(egg)


class Early(Node):
    """`rep_early`: calls a method of its parent as soon as it can."""

    def _ready(self) -> None:
        self.get_parent().hello.rpc("too soon")  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------ declared


class DeclaredUnit(Unit):
    synchronizer_name = "Sync"
    position = replicated(Vector2())
    rotation = replicated(0.0, path="Turret:rotation")
    health: int = replicated(100, mode=ON_CHANGE)
    items: list = replicated([], mode=ON_CHANGE, spawn=False)  # type: ignore[type-arg]
    title = replicated("unit", mode=NEVER)

    def furnish(self) -> None:
        self.add_input()

    def turn(self, rotation: float) -> None:
        self.rotation = rotation

    def rotation_now(self) -> float:
        return self.rotation


class DeclaredEgg(Egg):
    synchronizer_name = "Sync"
    color = replicated(Color(1, 1, 1), mode=ON_CHANGE)


class DeclaredBoard(Node):
    synchronizer_name = "Sync"
    score = replicated(0, mode=ON_CHANGE)
    clock: Any = replicated(0)
    notes: dict = replicated({}, mode=ON_CHANGE)  # type: ignore[type-arg]


# ------------------------------------------------------------------------------------------------ by hand


class Turret(Node):
    rotation = 0.0


class HandmadeUnit(Unit):
    position = Vector2()
    health = 100
    title = "unit"

    def furnish(self) -> None:
        self.items: list[Any] = []
        self.add_child(Turret("Turret"))
        properties = [(".:position", ALWAYS, True), ("Turret:rotation", ALWAYS, True), (".:health", ON_CHANGE, True)]
        self.add_child(make_synchronizer("Sync", *properties, (".:items", ON_CHANGE, False), (".:title", NEVER, True)))
        self.add_input()

    def turn(self, rotation: float) -> None:
        self.get_node("Turret").rotation = rotation  # type: ignore[attr-defined]

    def rotation_now(self) -> float:
        return self.get_node("Turret").rotation  # type: ignore[attr-defined,no-any-return]


class HandmadeEgg(Egg):
    color = Color(1, 1, 1)

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.add_child(make_synchronizer("Sync", (".:color", ON_CHANGE, True)))


class HandmadeBoard(Node):
    score = 0
    clock: Any = 0

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.notes: dict[Any, Any] = {}
        properties = [(".:score", ON_CHANGE, True), (".:clock", ALWAYS, True), (".:notes", ON_CHANGE, True)]
        self.add_child(make_synchronizer("Sync", *properties))


# ------------------------------------------------------------------------------------------------ from the project


class ProjectUnit(DeclaredUnit):
    def furnish(self) -> None:
        """Adds nothing: the project has all nodes."""


class ProjectEgg(DeclaredEgg):
    pass


class ProjectNest(Nest):
    def furnish(self) -> None:
        """Adds nothing: the project has all nodes."""


class Forms(NamedTuple):
    """The classes of one form, and the folder of the project, if the scenes are read."""

    unit: type[Any]
    egg: type[Any]
    board: type[Any]
    nest: type[Any] = Nest
    project: Path | None = None


DECLARED = Forms(DeclaredUnit, DeclaredEgg, DeclaredBoard)
BY_HAND = Forms(HandmadeUnit, HandmadeEgg, HandmadeBoard)
FROM_PROJECT = Forms(ProjectUnit, ProjectEgg, DeclaredBoard, ProjectNest, ROOT / "tests" / "fixtures" / "godot4")


def make_scenes(forms: Forms) -> Scenes:
    """Returns the scenes of a form."""
    scenes = Scenes(forms.project)
    for path, kind in ((UNIT, forms.unit), (EGG, forms.egg), (NEST, forms.nest)):
        scenes.register(path)(kind)
    return scenes


# ------------------------------------------------------------------------------------------------ Main


class Main(Node):
    """`/root/Main`. Each `step_` method does what the step of that name does; a `yield` waits for a moment.

    Attributes:
        others: the ids of the other peers, in the order in which they came.
        spawned, despawned: the names of the nodes that the signals have told.
        heard: (method, argument) of each call of a unit.
    """

    def __init__(self, forms: Forms) -> None:
        super().__init__("Main")
        self.forms = forms
        self.others: list[int] = []
        self.spawned: list[str] = []
        self.despawned: list[str] = []
        self.heard: list[tuple[str, Any]] = []
        self.interval = self.delta_interval = 0.0
        for name in ("Units", "Shots"):
            self.add_child(Node(name))
        self.spawner = make_spawner("Spawner", "../Units", UNIT, NEST)
        self.shot_spawner = make_spawner("ShotSpawner", "../Shots", EGG)
        self.board = forms.board("Board")
        for node in (self.spawner, self.shot_spawner, self.board):
            self.add_child(node)
        for spawner in (self.spawner, self.shot_spawner):
            spawner.spawn_function = self.make_egg
            spawner.spawned.connect(lambda node: self.spawned.append(node.name))
            spawner.despawned.connect(lambda node: self.despawned.append(node.name))

    def listen(self) -> None:
        """Takes note of peers."""
        api = self.multiplayer
        api.peer_connected.connect(self.others.append)
        api.peer_disconnected.connect(self.others.remove)

    @rpc("call_local")
    def give(self, path: NodePath, to: int) -> None:
        self.get_node(path).set_multiplayer_authority(to)

    def make_egg(self, data: Any) -> Node:
        egg = self.forms.egg("Egg")
        if isinstance(data, dict):
            egg.name = data.get("name", "Egg")
            egg.size = data.get("size", 1.0)
        return egg  # type: ignore[no-any-return]

    @property
    def units(self) -> Node:
        return self.get_node("Units")

    @property
    def unit(self) -> Any:
        return self.get_node("Units/U1")

    def state(self) -> dict[str, dict[str, Any]]:
        """Returns the values of all nodes of the game, by their path."""
        found: dict[str, dict[str, Any]] = {}
        _collect(self, "", found)
        return found

    def new_unit(self, name: str) -> Any:
        unit = self.forms.unit(name)
        unit.position = Vector2(1, 2)
        unit.title = f"made {name}"
        for one in unit.synchronizers():
            one.replication_interval, one.delta_interval = self.interval, self.delta_interval
        return unit

    # -------------------------------------------------------------------------------------------- steps of the server

    def step_unit(self) -> None:
        self.units.add_child(self.new_unit("U1"), True)

    def step_custom(self) -> Iterator[None]:
        self.spawner.spawn({"name": "EggA", "size": 2.5})
        yield
        self.spawner.spawn(7)

    def step_move(self) -> None:
        self.unit.position = Vector2(10, 20)

    def step_turn(self) -> None:
        self.unit.turn(0.5)

    def step_hurt(self) -> None:
        self.unit.health = 90

    def step_bag(self) -> None:
        self.unit.items.append("sword")
        self.unit.health = 80

    def step_rpc(self) -> None:
        self.unit.hello.rpc("to all that see me")

    def _see(self, visible: bool) -> None:
        for one in self.unit.synchronizers():
            one.set_visibility_for(self.others[0], visible)
            one.public_visibility = False

    def step_hide(self) -> Iterator[None]:
        self._see(False)
        yield
        self.unit.health = 70

    def step_show(self) -> None:
        self._see(True)

    def step_filter(self) -> None:
        first = self.others[0]
        for one in self.unit.synchronizers():
            one.public_visibility = True
            one.add_visibility_filter(lambda peer_id: peer_id != first)

    def step_player(self) -> Iterator[None]:
        for peer_id in list(self.others):
            self.units.add_child(self.new_unit(str(peer_id)), True)
            yield

    def step_nest(self) -> None:
        self.units.add_child(self.forms.nest("Nest"), True)

    def step_board(self) -> Iterator[None]:
        self.board.score = 3
        self.board.clock = 1000
        self.board.notes = {"a": 1}
        yield
        self.board.notes["b"] = 2

    def step_early(self) -> None:
        unit = self.new_unit("Early")
        unit.add_child(Early("Caller"))
        self.units.add_child(unit, True)

    def step_handover(self) -> None:
        self.give.rpc(NodePath("Units/U1/Sync"), self.others[0])

    def step_takeback(self) -> None:
        self.give.rpc(NodePath("Units/U1/Sync"), 1)

    def step_shots(self) -> None:
        self.give.rpc(NodePath("ShotSpawner"), self.others[0])

    def step_lose(self) -> Iterator[None]:
        unit = self.unit
        self.spawner.set_multiplayer_authority(self.others[0])  # before the others: they hear DESPAWN of the old one
        self.give.rpc(NodePath("Spawner"), self.others[0])
        yield
        unit.free()
        yield
        self.give.rpc(NodePath("Spawner"), 1)

    def step_reparent(self) -> Iterator[None]:
        unit = self.unit
        self.units.remove_child(unit)
        self.add_child(unit)
        yield
        self.remove_child(unit)
        self.units.add_child(unit)

    def step_order(self) -> Iterator[None]:
        first, second = self.new_unit("MadeFirst"), self.new_unit("MadeSecond")
        self.units.add_child(second, True)
        yield
        self.units.add_child(first, True)

    def step_private(self) -> None:
        unit = self.new_unit(str(self.others[0]))
        sync = unit.get_node("Sync")
        sync.public_visibility = False
        sync.set_visibility_for(self.others[0], True)
        self.units.add_child(unit, True)

    def step_reveal(self) -> None:
        for unit in self.units.get_children():
            unit.get_node("Sync").public_visibility = True  # type: ignore[attr-defined]

    def step_despawn(self) -> None:
        self.unit.queue_free()

    def step_clear(self) -> None:
        for unit in self.units.get_children():
            unit.free()

    def step_kick(self) -> None:
        self.multiplayer.disconnect_peer(self.others.pop(0))

    # -------------------------------------------------------------------------------------------- steps of a client

    def step_aim(self) -> Iterator[None]:
        path = f"Units/{self.multiplayer.get_unique_id()}"
        while not self.has_node(path):
            yield
        unit: Any = self.get_node(path)
        unit.aim = 1.5
        yield
        unit.motion = Vector2(0, 4)

    def step_shoot(self) -> Iterator[None]:
        while not self.shot_spawner.is_multiplayer_authority():
            yield
        egg = self.forms.egg("Shot")
        self.get_node("Shots").add_child(egg, True)
        yield
        egg.color = Color(0, 0, 1)

    def step_steal(self) -> None:
        self.unit.get_node("Sync").set_multiplayer_authority(self.multiplayer.get_unique_id())
        self.unit.position = Vector2(666, 666)
        self.unit.health = 666

    def step_reply(self) -> None:
        self.unit.hit.rpc_id(1, 7)


_SHOWN = ("position", "health", "items", "title", "aim", "motion", "color", "size", "score", "clock", "notes")


def _collect(node: Node, above: str, found: dict[str, dict[str, Any]]) -> None:
    for child in node.get_children():
        path = f"{above}{child.name}"
        values = {key: getattr(child, key) for key in _SHOWN if hasattr(child, key)}
        if isinstance(child, Unit):
            values["rotation"] = child.rotation_now()
        if child.scene_file_path or values:
            found[path] = values
        _collect(child, f"{path}/", found)


def make_tree(forms: Forms, peer: WebSocketMultiplayerPeer) -> tuple[SceneTree, Main]:
    """Returns a tree with the game, over a peer."""
    tree, main = SceneTree(scenes=make_scenes(forms)), Main(forms)
    tree.root.add_child(main)
    main.listen()
    tree.multiplayer.multiplayer_peer = peer
    return tree, main
