"""Stubs against the engines: Python stubs serve the unchanged game, and engines load GDScript stubs."""

from __future__ import annotations

import functools
import inspect
import shutil
import sys
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gdpeer
from gdpeer import (
    PackedInt32Array,
    PackedStringArray,
    Scenes,
    SceneTree,
    WebSocketMultiplayerPeer,
    WebSocketServer,
    godot3,
)
from gdpeer.contract import compare, read
from gdpeer.contract.engine_classes import engine_classes
from gdpeer.contract.engine_names import node_members
from gdpeer.contract.replicated import read_replicated
from gdpeer.contract.write_gdscript import write_gdscript
from gdpeer.contract.write_python import write_python
from gdpeer.multiplayer.rpc.decorator import collect_methods
from gdpeer.multiplayer.rpc.method_table import methods_of
from tests.interop import test_bomber
from tests.interop.echo_rooms import until
from tests.support.engines import Engine, import_project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

HERE = Path(__file__).parent
GODOT4 = HERE / "stubs_godot4"
GODOT3 = HERE / "stubs_godot3"


def module_of(project: Path, name: str) -> Any:
    """Imports the stubs of a project."""
    return imported(write_python(read(str(project))), name)


def imported(text: str, name: str) -> Any:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), vars(module))
    return module


def recording(module: Any, heard: list[tuple[str, str, list[Any]]]) -> dict[str, Any]:
    """Returns a subclass of each class of the stubs, whose methods note each call and its arguments."""

    def overriding(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def note(self: Any, *arguments: Any) -> None:
            heard.append((str(self.get_path()).removeprefix("/root/"), name, list(arguments)))

        return note

    made = {}
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, gdpeer.Node) and kind.__module__ == module.__name__:
            plain = {
                name: one for name, one in vars(kind).items() if inspect.isfunction(one) and not name.startswith("__")
            }
            own = {name: one.function for name, one in collect_methods(kind).items()} | plain
            members = {name: overriding(name, function) for name, function in own.items()}
            made[kind.__name__.removesuffix("Base")] = type(kind.__name__, (kind,), members)
    return made


def errors(engine: Engine) -> list[str]:
    return [line for line in engine.stderr if "ERROR" in line or "checksum" in line]


FROM_GODOT = {
    ("Net", "hello"): ["Godot"],
    ("Net", "kick"): [7],
    ("Main", "state_changed"): [4],
    ("Main", "import"): [1.5],
    ("Main", "größe"): [None],
    ("Main", "__secret"): [3],
    ("Main", "_leave"): [1, "two"],
    ("Main/World/Chat", "say"): ["hi", 1],
    ("Main/World/Hud", "clicked"): [gdpeer.Vector2i(3, 4), {"a": [1, 2]}, gdpeer.PackedInt64Array([5, 6])],
}

TO_GODOT: dict[tuple[str, str], tuple[list[Any], str]] = {
    ("Net", "hello"): (["Py"], '["Py", Vector2(1, 2)]'),
    ("Net", "started"): ([3], '[3, NodePath("Main"), Transform3D(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)]'),
    ("Net", "kick"): ([8], "[8]"),
    ("Main", "state_changed"): ([0], "[0]"),
    ("Main", "items_changed"): ([PackedInt32Array([1, 2])], "[Array[int]([1, 2]), {}]"),
    ("Main", "import"): ([0.5], "[0.5]"),
    ("Main", "größe"): (["x"], '["x"]'),
    ("Main", "__secret"): ([], "[255]"),
    ("Main", "_leave"): ([[], True], "[[], true]"),
    ("Main/World/Chat", "say"): (["oh", 1], '[&"oh", 1]'),
    ("Main/World/Hud", "show_texts"): (
        [PackedStringArray(["a"])],
        '[PackedStringArray("a"), Color(1, 0, 0, 1), null]',
    ),
    ("Main/World/Hud", "clicked"): ([gdpeer.Vector2i(1, 2), {}, []], "[Vector2i(1, 2), {}, PackedInt64Array()]"),
}


def test_python_stubs_serve_the_unchanged_game_of_godot_4() -> None:
    heard: list[tuple[str, str, list[Any]]] = []
    module = module_of(GODOT4, "stubs_of_godot4")
    tree = SceneTree()
    known = inspect.signature(module.add_nodes).parameters
    module.add_nodes(tree, **{name: kind for name, kind in recording(module, heard).items() if name in known})
    with WebSocketMultiplayerPeer() as peer:
        assert not peer.create_server(0, "127.0.0.1")
        tree.multiplayer.multiplayer_peer = peer
        with Engine("4", GODOT4, "main.tscn", f"--url=ws://127.0.0.1:{peer.get_local_port()}") as engine:
            until(lambda: len(heard) >= len(FROM_GODOT) or engine.has_failed(), tree)
            [them] = tree.multiplayer.get_peers()
            for (path, method), (arguments, _) in TO_GODOT.items():
                assert not tree.get_node(f"/root/{path}").rpc_id(them, method, *arguments)
            until(lambda: len(engine.all("heard")) >= len(TO_GODOT), tree)
            peer.close()
            assert engine.wait() == 0
    # Each method was called once in each direction that its words allow, and nothing was refused on either side.
    assert {(path, method): arguments for path, method, arguments in heard} == FROM_GODOT
    assert len(heard) == len(FROM_GODOT)
    told = {(one["path"], one["method"]): one["arguments"] for one in engine.all("heard")}
    assert {key: told.get(key) for key in TO_GODOT} == {key: text for key, (_, text) in TO_GODOT.items()}
    assert Counter((one["path"], one["method"]) for one in engine.all("heard")) == Counter(TO_GODOT.keys())
    assert not tree.multiplayer.refused
    assert errors(engine) == []
    assert every_method(tree) == set(TO_GODOT)


def every_method(tree: SceneTree) -> set[tuple[str, str]]:
    """Returns the path and the name of each method in the tree: none is left out in `TO_GODOT`."""
    found, pending = set(), [tree.root]
    while pending:
        node = pending.pop()
        path = str(node.get_path()).removeprefix("/root/")
        found |= {(path, name) for name in methods_of(node).by_name}
        pending += node.get_children()
    return found


# ---------------------------------------------------------------------------------------------------- replication


def bomber_classes(module: Any) -> tuple[type[Any], type[Any]]:
    """Returns the classes of the test of the bomber, with the stubs as their bases."""

    class Player(module.PlayerSceneBase):  # type: ignore[misc, name-defined]
        has_laid = False
        inputs = test_bomber.Player.inputs
        _ready = test_bomber.Player._ready
        drive = test_bomber.Player.drive

        @property
        def title(self) -> str:
            return str(self.label_text)

    members = {name: getattr(one, "function", one) for name, one in vars(test_bomber.Main).items() if callable(one)}

    def start(self: Any) -> None:
        self.load_world.rpc()
        for peer_id, title in {**self.names, 1: "Python"}.items():
            player = self.get_tree().scenes.make("res://player.tscn", str(peer_id))
            player.label_text, player.position = title, gdpeer.Vector2(0, 10)
            self.get_node("World/Players").add_child(player)

    def players(self: Any) -> list[Any]:
        parent = self.get_node_or_null("World/Players")
        return [] if parent is None else [one for one in parent.get_children() if isinstance(one, Player)]

    def make(self: Any, name: str = "Main") -> None:
        module.MainBase.__init__(self, name)
        self.names, self.seen, self.burning, self.scores = {}, [], [], []

    own = {"start": start, "players": players, "__init__": make}
    return type("Main", (module.MainBase,), {**members, **own}), Player


def test_stubs_with_replicated_properties_host_the_unchanged_bomber() -> None:
    text = write_python(read(str(test_bomber.PROJECT)), "bomber", read_replicated(test_bomber.PROJECT))
    module = imported(text, "stubs_of_bomber")
    main_class, player_class = bomber_classes(module)
    scenes = Scenes(test_bomber.PROJECT)
    scenes.register("res://bomb.tscn")(test_bomber.Bomb)
    tree = SceneTree(scenes=scenes)
    module.add_nodes(tree, Main=main_class, PlayerScene=player_class)
    main = scenes.make("res://main.tscn", "")
    assert isinstance(main, main_class)
    tree.root.add_child(main)
    own = test_bomber.Side(tree, main)
    with WebSocketMultiplayerPeer() as peer:
        assert not peer.create_server(0, "127.0.0.1")
        tree.multiplayer.multiplayer_peer = peer
        with test_bomber.client("One", peer.get_local_port()) as engine:
            until(lambda: sorted(main.names.values()) == ["One"], own)
            main.start()
            until(lambda: test_bomber.saw_all(engine, "One", "Python"), own)
            assert [(one.position, one.score) for one in main.players()] == [(gdpeer.Vector2(40, 10), 1)] * 2
            assert not tree.multiplayer.refused
            assert errors(engine) == []
            peer.close()
            assert engine.wait() == 0


# ---------------------------------------------------------------------------------------------------- Godot 3


FROM_GODOT3 = {
    ("Net", "hello"): ["Godot"],
    ("Main", "state_changed"): [4],
    ("Main", "import"): [1.5],
    ("Main/World/Chat", "say"): ["hi", PackedInt32Array([1, 2])],
}

TO_GODOT3: dict[tuple[str, str], tuple[list[Any], str]] = {
    ("Net", "hello"): (["Py"], '[ "Py", Vector2( 1, 2 ) ]'),
    ("Net", "started"): ([3], "[ 3, Quat( 0, 0, 0, 1 ) ]"),
    ("Main", "base_only"): ([], "[ Transform( 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0 ) ]"),
    ("Main", "import"): ([0.5], "[ 0.5 ]"),
    ("Main/World/Chat", "say"): (["oh", PackedInt32Array([3])], '[ "oh", PoolIntArray( 3 ) ]'),
}


def test_python_stubs_serve_the_unchanged_game_of_godot_3() -> None:
    heard: list[tuple[str, str, list[Any]]] = []
    module = module_of(GODOT3, "stubs_of_godot3")
    tree = godot3.SceneTree()
    known = inspect.signature(module.add_nodes).parameters
    module.add_nodes(tree, **{name: kind for name, kind in recording(module, heard).items() if name in known})
    server = WebSocketServer()
    assert not server.listen(0, gd_mp_api=True)
    tree.multiplayer.network_peer = server
    main = tree.get_node("/root/Main")
    with Engine("3", GODOT3, "main.tscn", f"--url=ws://127.0.0.1:{server.get_local_port()}") as engine:
        until(lambda: len(heard) >= len(FROM_GODOT3) and main.score == 7, tree)
        [them] = tree.multiplayer.get_network_connected_peers()
        for (path, method), (arguments, _) in TO_GODOT3.items():
            assert not tree.get_node(f"/root/{path}").rpc_id(them, method, *arguments)
        assert not main.rset_id(them, "score", 9)
        until(lambda: engine.find("heard", method="score") and len(engine.all("heard")) > len(TO_GODOT3), tree)
        server.stop()
        assert engine.wait() == 0
    assert {(path, method): arguments for path, method, arguments in heard} == FROM_GODOT3
    assert len(heard) == len(FROM_GODOT3)
    told = {(one["path"], one["method"]): one["arguments"] for one in engine.all("heard")}
    assert told.pop(("Main", "score")) == "[ 9 ]"
    assert told == {key: text for key, (_, text) in TO_GODOT3.items()}
    assert len(engine.all("heard")) == len(TO_GODOT3) + 1
    assert not tree.multiplayer.refused
    assert errors(engine) == []


# ---------------------------------------------------------------------------------------------------- GDScript

MODES = {"any_peer": 1, "authority": 2}
TRANSFERS = {"unreliable": 0, "unreliable_ordered": 1, "reliable": 2}

PROGRAM = """
from __future__ import annotations
from enum import IntEnum
from typing import Any
from gdpeer import *

class Mood(IntEnum):
    CALM = 0
    LOUD = 3

class Timer(Node):
    health: int = replicated(100, ReplicationMode.ON_CHANGE)
    items: list[int] = replicated([1, 2])
    label: str = replicated("x", path="Label:text", spawn=False)
    odd: int | None = replicated(None)
    where = replicated(Vector2(1, 2), ReplicationMode.NEVER)

class Bottom(Node):
    @rpc("any_peer", "call_local", "unreliable", 2)
    def say(self, text: str, mood: Mood = Mood.LOUD, at: Vector2 = Vector2(1, 2)) -> None: ...

class Middle(Bottom):
    @rpc
    def items(self, items: list[int], table: dict[str, int] = {"a": 1}, data: bytes = b"ab") -> None: ...
    @rpc("any_peer", "unreliable_ordered")
    def word(self, word: StringName = StringName("x"), path: NodePath = NodePath("a/b")) -> None: ...

class Top(Middle):
    @rpc
    def many(self, object: EncodedObjectAsID | None = None, kind: Any = None, *rest: Any) -> None: ...
    @rpc
    def space(self, name: Transform3D = Transform3D(), big: int = -(2**40), real: float = float("inf")) -> None: ...
"""

OLD_PROGRAM = """
from __future__ import annotations
from gdpeer import Color, PackedInt32Array, Quaternion, StringName, Transform3D, Vector2
from gdpeer.godot3 import Node, master, puppet, puppetsync, remote, remotesync

class Bottom(Node):
    hp = puppet.var(3)

    @master
    def shoot(self, at: Vector2 = Vector2(1, 2), turn: Quaternion = Quaternion()) -> None: ...

class Top(Bottom):
    score = remote.var(0)

    @remotesync
    def say(self, name: StringName = StringName("x"), list: PackedInt32Array = PackedInt32Array([1])) -> None: ...
    @puppetsync
    def paint(self, color: Color, world: Transform3D = Transform3D(), real: float = float("inf")) -> None: ...
"""


def write(folder: Path, files: dict[str, str], config_version: int) -> None:
    for name, text in {"project.godot": f"config_version={config_version}\n", **files}.items():
        (folder / name).write_text(text, "utf-8")


def checked(version: str, folder: Path, script: str) -> Engine:
    shutil.copy(HERE / script, folder)
    if version == "4":
        import_project(folder)
    engine = Engine(version, folder, folder / script)
    with engine:
        engine.wait_for("done", timeout=40.0)
    return engine


def differences(one: str, other: str, *ignored: str) -> list[str]:
    return [str(found) for found in compare(read(one), read(other), ignore=ignored)]


def test_godot_4_takes_the_gdscript_of_a_program(tmp_path: Path) -> None:
    program = tmp_path / "program_for_godot4.py"
    program.write_text(PROGRAM)
    game = tmp_path / "game"
    game.mkdir()
    contract = read(str(program))
    write(game, write_gdscript(contract, 4), 5)
    assert differences(str(program), str(game)) == []
    engine = checked("4", game, "stubs_check.gd")
    told = {one["file"]: one for one in engine.all("script")}
    assert {name: one["usable"] for name, one in told.items()} == dict.fromkeys(
        ("bottom.gd", "middle.gd", "timer2.gd", "top.gd"),
        True,  # the engine has a class Timer
    )
    assert told.pop("timer2.gd")["replicated"] == [
        [".:health", 2, True, "100"],
        [".:items", 1, True, "[1, 2]"],
        ["Label:text", 1, False, "null"],
        [".:odd", 1, True, "null"],
        [".:where", 0, True, "Vector2(1, 2)"],
    ]
    for table in contract.tables:
        if table.is_empty:
            continue
        config = told[f"{table.class_name.lower()}.gd"]["config"]
        found = {
            name: (one["rpc_mode"], one.get("call_local", False), one.get("transfer_mode", 2), one.get("channel", 0))
            for name, one in config.items()
        }
        wanted = {
            one.name: (MODES[one.mode], one.call_local, TRANSFERS[one.transfer], one.channel) for one in table.methods
        }
        assert found == wanted
    assert errors(engine) == []


def test_godot_3_takes_the_gdscript_of_a_program(tmp_path: Path) -> None:
    program = tmp_path / "program_for_godot3.py"
    program.write_text(OLD_PROGRAM)
    game = tmp_path / "game"
    game.mkdir()
    write(game, write_gdscript(read(str(program)), 3), 4)
    assert differences(str(program), str(game)) == []
    # Godot 3's editor writes the list of global classes, which tells `extends Bottom` what it means.
    listed = ", ".join(
        f'{{ "base": "{base}", "class": "{name}", "language": "GDScript", "path": "res://{name.lower()}.gd" }}'
        for name, base in (("Bottom", "Node"), ("Top", "Bottom"))
    )
    (game / "project.godot").write_text(f"config_version=4\n\n_global_script_classes=[ {listed} ]\n")
    engine = checked("3", game, "stubs_check3.gd")
    told = {one["file"]: one for one in engine.all("script")}
    assert {name: one["usable"] for name, one in told.items()} == {"bottom.gd": True, "top.gd": True}
    assert {"say", "paint"} <= set(told["top.gd"]["methods"])
    assert errors(engine) == []


@pytest.mark.parametrize(("version", "script"), [("4", "stubs_check.gd"), ("3", "stubs_check3.gd")])
def test_the_names_of_the_engine_are_those_of_the_engine(tmp_path: Path, version: str, script: str) -> None:
    write(tmp_path, {}, 5 if version == "4" else 4)
    [told] = checked(version, tmp_path, script).all("members")
    assert node_members(int(version)) == {one for one in told["names"] if one.isidentifier() and one[0].islower()}
    assert engine_classes(int(version)) == {one.lstrip("_") for one in told["classes"]}


def test_a_project_its_python_and_the_gdscript_of_that_agree(tmp_path: Path) -> None:
    python = tmp_path / "stubs_of_a_project.py"
    python.write_text(write_python(read(str(GODOT4))), "utf-8")
    # An argument of the game is a node, which arrives as an id, whatever the other side says.
    assert differences(str(GODOT4), str(python), "object-argument") == []
    write(tmp_path, write_gdscript(read(str(python)), 4), 5)
    assert differences(str(python), str(tmp_path)) == []
    engine = checked("4", tmp_path, "stubs_check.gd")
    told = engine.all("script")
    assert len(told) == 5
    assert all(one["usable"] for one in told)
