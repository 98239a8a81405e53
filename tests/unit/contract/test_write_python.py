"""Python base classes from a contract: the module that is written has the same methods, names, words and nodes."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from typing import Any

import pytest

import gdpeer
from gdpeer import SceneTree
from gdpeer.contract import Argument, Contract, Enumeration, Method, Place, Table, Variable, checksum_of, read_project
from gdpeer.contract.program import contract_of
from gdpeer.contract.stub_text import StubError, is_same
from gdpeer.contract.write_python import write_python
from gdpeer.multiplayer.rpc.method_table import methods_of
from tests.support.missing import ROOT

PROJECT = ROOT / "tests" / "golden" / "contract_godot4"


def method(name: str, *arguments: Argument, table: str = "res://main.gd", **fields: Any) -> Method:
    found = Method(name, "any_peer", False, "reliable", 0, table, 3, arguments, table)
    return replace(found, **fields)


def table(*methods: Method, id_: str = "res://main.gd", **fields: Any) -> Table:
    return Table(id_, fields.pop("class_name", ""), methods, **fields)


def contract(*tables: Table, engine: int = 4, **fields: Any) -> Contract:
    return replace(Contract("game", engine, tables, (), ()), **fields)


def imported(text: str, name: str = "written") -> Any:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), vars(module))
    return module


def body(text: str) -> str:
    """Returns the text behind the imports."""
    return text.split("\n\n\n", 1)[1].strip()


# ---------------------------------------------------------------------------------------------------- text


def test_text_of_a_class() -> None:
    text = write_python(
        contract(
            table(
                method("add_player", Argument("id", "int"), Argument("name", "String"), line=14),
                method(
                    "log", Argument("text", "String", '""'), mode="authority", call_local=True, transfer="unreliable"
                ),
                method("steer", Argument("class", "Vector2", "Vector2.ZERO"), channel=2),
            )
        )
    )
    first, docstring, _, future, _, imports = text.splitlines()[:6]
    assert first.startswith("# Written by gdpeer contract from game (godot 4). Do not edit: subclass. Contract ")
    assert (docstring[:3], future) == ('"""', "from __future__ import annotations")
    assert imports == "from gdpeer import Node, Vector2, rpc"
    assert body(text) == (
        "class MainBase(Node):\n"
        '    godot_script = "res://main.gd"\n\n'
        '    @rpc("any_peer", "reliable")\n'
        "    def add_player(self, id: int, name: str) -> None:\n"
        '        """res://main.gd:14"""\n\n'
        '    @rpc("call_local", "unreliable")\n'
        '    def log(self, text: str = "") -> None:\n'
        '        """res://main.gd:3"""\n\n'
        '    @rpc("any_peer", "call_remote", "reliable", 2)\n'
        "    def steer(self, class_: Vector2 = Vector2(0, 0)) -> None:\n"
        '        """res://main.gd:3"""'
    )


def test_each_kind_of_argument() -> None:
    state = Enumeration("res://main.gd::State", "State", (("IDLE", 0), ("None", 7)))
    text = write_python(
        contract(
            table(
                method("a", Argument("x"), Argument("y", "Array[int]"), Argument("node", "Node2D")),
                method("b", Argument("s", "int", "State.None", enumeration=state.id), Argument("rest", rest=True)),
                method("c", Argument("s", "int", "0", enumeration=state.id)),
                method("d", Argument("s", "int", "5", enumeration=state.id)),
                method("e", Argument("x", "int", "randi()"), Argument("n", "Node", "null"), Argument("v", None, "f()")),
            ),
            enumerations=(state,),
        )
    )
    assert "def a(self, x: Any, y: list[int], node: EncodedObjectAsID | None) -> None:" in text
    assert "def b(self, s: State = State.None_, *rest: Any) -> None:" in text
    assert "def c(self, s: State = State.IDLE) -> None:" in text
    assert "        s: State | None = None,  # 5\n" in text
    assert "        x: int | None = None,  # randi()\n" in text
    assert "        n: EncodedObjectAsID | None = None,\n        v: Any = None,  # f()\n" in text
    module = imported(text)
    assert list(module.State) == [0, 7]
    assert module.MainBase.b.checker.problem() == ""


def test_text_from_outside_is_quoted() -> None:
    bad = 'res://a"\\\n\x1b.gd'
    text = write_python(
        contract(table(method("m", Argument("x", None, "f(\n)"), table=bad), id_=bad)), "game\nimport os"
    )
    assert "\x1b" not in text
    assert text.splitlines()[0].startswith("# Written by gdpeer contract from game\\nimport os (godot 4)")
    [kind] = [one for name, one in vars(imported(text)).items() if name.endswith("Base")]
    assert kind.godot_script == bad


def test_unknown_words_are_marked() -> None:
    text = write_python(contract(table(method("m", mode="?", transfer="?", channel=None, call_local=None))))
    assert (
        '    # The words of @rpc are not known. Override the method with an @rpc of your own.\n    @rpc("reliable")'
        in text
    )


def test_same_input_gives_the_same_bytes_and_line_numbers_do_not_count() -> None:
    one, other = (contract(table(method("a", line=line), method("b")), table(id_="res://b.gd")) for line in (3, 9))
    text = write_python(one)
    assert write_python(replace(one, tables=one.tables[::-1])) == text
    assert write_python(other) != text
    assert is_same(write_python(other, "elsewhere"), text)
    assert not is_same(write_python(contract(table(method("a"), method("c")))), text)


# ---------------------------------------------------------------------------------------------------- classes


def test_inheritance() -> None:
    base = table(method("p", table="res://base.gd"), id_="res://base.gd", class_name="Bottom")
    own = method("q", mode="authority")
    main = table(base.methods[0], own, extends="res://base.gd")
    plain = table(base.methods[0], id_="res://unknown.gd", extends="Node")
    module = imported(write_python(contract(main, base, plain)))
    assert module.MainBase.__mro__[1] is module.BottomBase
    assert "p" not in vars(module.MainBase)
    assert module.UnknownBase.__mro__[1] is gdpeer.Node
    found = {one.godot_script: one for one in contract_of(module).tables}
    assert found["res://main.gd"].names == ("p", "q")
    assert [one.mode for one in found["res://main.gd"].methods] == ["any_peer", "authority"]


def test_classes_that_extend_each_other_end() -> None:
    tables = [table(method("p"), id_=f"res://{one}.gd", extends=f"res://{other}.gd") for one, other in ("ab", "ba")]
    assert write_python(contract(*tables)).count("class ") == 2


ODD = [
    "import",
    "None",
    "__secret",
    "µ",
    "größe",
    "_leave",
    "_enter",
    "_tell",
    "_methods",
    "_ready",
    "changed",
    "match",
]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_have_the_right_checksum_and_can_be_called(name: str) -> None:
    module = imported(write_python(contract(table(method(name)))))
    tree = SceneTree()
    node = module.MainBase("Main")
    tree.root.add_child(node)
    [found] = contract_of(module).tables
    assert found.checksum == checksum_of([name])
    assert list(methods_of(node).by_name) == [name]
    tree.root.remove_child(node)


@pytest.mark.parametrize("name", ["rpc", "name", "synchronizer_name", "__init__", "_gdpeer_enter", "godot_script"])
def test_names_of_node_are_refused_with_the_place(name: str) -> None:
    with pytest.raises(StubError) as refused:
        write_python(contract(table(method(name, line=7), method("fine"))))
    [reason] = refused.value.reasons
    assert reason == f"res://main.gd:7: gdpeer's Node uses the name {name} itself: rename the method in the game"


def test_methods_by_code_have_their_numbers() -> None:
    kick = method("kick", by_code=True, call_local=True, transfer="unreliable", channel=3)
    odd = method("import", by_code=True)
    free = method("queue_free", by_code=True)  # a method that the engine's node has
    found = table(kick, odd, free, method("m"))
    node = imported(write_python(contract(found))).MainBase("Main")
    SceneTree().root.add_child(node)
    numbers = {one.name: number for number, one in methods_of(node).by_number.items()}
    assert numbers == {"import": 0x8000, "kick": 0x8001, "queue_free": 0x8002, "m": 0}
    config = methods_of(node).by_number[0x8001].config
    assert (config.rpc_mode, config.call_local, config.transfer_mode, config.channel) == (1, True, 0, 3)


def test_entries_that_the_engine_refuses_take_a_number_and_disabled_ones_cannot_be_called() -> None:
    found = table(method("off", mode="disabled", by_code=True), method("m"), refused=("nomode",))
    node = imported(write_python(contract(found))).MainBase("Main")
    SceneTree().root.add_child(node)
    assert {one.name: number for number, one in methods_of(node).by_number.items()} == {"off": 0x8001, "m": 0}
    assert methods_of(node).by_number[0x8001].config.rpc_mode == 0
    assert methods_of(node).checksum == found.checksum
    text = write_python(
        contract(table(method("kick", mode="disabled", by_code=True), method("m", mode="puppet")), engine=3)
    )
    assert "rpc_config" not in text


def test_a_class_that_does_not_configure_what_its_base_does() -> None:
    base = table(method("kick", table="res://base.gd", by_code=True), id_="res://base.gd")
    own = table(method("m"), extends="res://base.gd")
    module = imported(write_python(contract(base, own)))
    nodes = [module.BaseBase("Base"), module.MainBase("Main")]
    for node in nodes:
        SceneTree().root.add_child(node)
    assert [list(methods_of(node).by_number) for node in nodes] == [[0x8000], [0]]


def test_a_method_with_rpc_that_is_also_configured_by_code() -> None:
    node = imported(write_python(contract(table(method("m", by_code=True), method("m"))))).MainBase("Main")
    SceneTree().root.add_child(node)
    assert sorted(methods_of(node).by_number) == [0, 0x8000]


def test_godot_3() -> None:
    main = table(
        method("shoot", Argument("at", "Vector2"), mode="master", transfer=""),
        method("say", mode="sync", transfer=""),
        method("kick", mode="puppetsync", transfer="", by_code=True),
        variables=(Variable("hp", "slave", "res://main.gd", 5),),
    )
    text = write_python(contract(main, engine=3, places=(Place("Main", main.id, "main", ""),)))
    assert "from gdpeer import Vector2\nfrom gdpeer.godot3 import Node, SceneTree, master, puppet, puppetsync" in text
    module = imported(text)
    assert "    hp = puppet.var()\n" in text
    tree = gdpeer.godot3.SceneTree()
    module.add_nodes(tree)
    methods = {one.name: one.config.mode.name for one in methods_of(tree.get_node("/root/Main")).by_number.values()}
    assert methods == {"kick": "PUPPETSYNC", "say": "REMOTESYNC", "shoot": "MASTER"}


# ---------------------------------------------------------------------------------------------------- nodes


def test_nodes_of_the_files_with_plain_nodes_between() -> None:
    main, gun = table(method("m")), table(method("g", table="res://gun.gd"), id_="res://gun.gd")
    places = [
        Place("Net", main.id, "autoload", ""),
        Place("Main", None, "main", ""),
        Place("Main/A", None, "main", ""),
        Place("Main/A/Gun", gun.id, "main", ""),
        Place("Main/Players/*", gun.id, "spawner", ""),
        Place("?/Gun", gun.id, "scene", ""),
        Place('Main/E "q"', gun.id, "main", ""),
    ]
    module = imported(write_python(contract(main, gun, places=tuple(places))))

    class MyGun(module.GunBase):  # type: ignore[name-defined, misc]
        def _ready(self) -> None:
            assert not self.get_node("../..").is_inside_tree() or self.get_node("/root/Main/A")

    tree = SceneTree()
    module.add_nodes(tree, Gun=MyGun)
    assert [one.name for one in tree.root.get_children()] == ["Net", "Main"]
    assert type(tree.get_node("/root/Main/A/Gun")) is MyGun
    assert type(tree.get_node("/root/Main/A")) is gdpeer.Node
    assert type(tree.get_node("/root/Net")) is module.MainBase
    assert len(tree.get_node("/root/Main").get_children()) == 1


def test_no_function_without_nodes() -> None:
    assert "add_nodes" not in write_python(contract(table(method("m"))))


# ---------------------------------------------------------------------------------------------------- a whole project


def test_checksums_of_a_whole_project() -> None:
    given = read_project(PROJECT)
    module = imported(write_python(given))
    found = {one.godot_script: one for one in contract_of(module).tables if one.godot_script}
    declared = {one.id: tuple(each.name for each in one.methods if not each.by_code) for one in given.tables}
    assert {id_: one.names for id_, one in found.items()} == declared
    tree = SceneTree()
    module.add_nodes(tree)
    nodes = {one.path: one.table for one in contract_of(tree).places}
    wanted = [one.path for one in given.places if one.table in found and '"' not in one.path]
    assert set(wanted) <= set(nodes)
