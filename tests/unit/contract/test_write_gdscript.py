"""GDScript stubs of a Python program, for Godot 4 and Godot 3."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

import pytest

import gdpeer
from gdpeer import (
    EncodedObjectAsID,
    Node,
    Quaternion,
    ReplicationMode,
    RpcConfig,
    RPCMode,
    StringName,
    Vector2,
    Vector2i,
    replicated,
    rpc,
)
from gdpeer.contract import Argument, Contract, Method, Place, Table, Variable, read_scripts
from gdpeer.contract.program import contract_of
from gdpeer.contract.stub_text import StubError
from gdpeer.contract.write_gdscript import write_gdscript
from gdpeer.godot3 import master, puppet

TO, TURN, WORD, ODD = Vector2(1, 2), Quaternion(), StringName("x"), object()


class State(IntEnum):
    IDLE = 0
    RUN = 4


class Bottom(Node):
    @rpc("any_peer", "call_local", "unreliable", 2)
    def p(self, a: int = 3, state: State = State.RUN, to: Vector2 = TO) -> None: ...


class MainMenu(Bottom):
    @rpc
    def q(self, name: str, items: list[int], table: dict[str, int], *rest: Any) -> None: ...

    @rpc
    def r(self, word: StringName = WORD, odd: Any = ODD, mode: Literal[1, 2] = 1) -> None: ...

    @rpc
    def s(self, state: State, node: EncodedObjectAsID | None = None, real: float = float("inf")) -> None: ...


class Old(gdpeer.godot3.Node):
    hp = puppet.var(3)

    @master
    def shoot(self, at: Vector2, turn: Quaternion = TURN, name_: StringName = WORD) -> None: ...


def written(kind: type[Node], engine: int = 4, **options: Any) -> dict[str, str]:
    return write_gdscript(contract_of(kind), engine, "server.py", **options)


def body(text: str) -> str:
    """Returns the text behind the mark."""
    return text.split("\n", 1)[1]


def lines(text: str, begin: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(begin)]


def test_text_of_a_class() -> None:
    text = written(Bottom)["bottom.gd"]
    assert text.startswith("# Written by gdpeer contract from server.py (godot 4). Do not edit: extend. Contract ")
    assert body(text) == (
        "class_name Bottom\n"
        "extends Node\n\n"
        "enum State {IDLE = 0, RUN = 4}\n\n\n"
        f"# test_write_gdscript.py:{Bottom.p.function.__code__.co_firstlineno + 1}\n"
        '@rpc("any_peer", "call_local", "unreliable", 2)\n'
        "func p(a: int = 3, state: State = State.RUN, to: Vector2 = Vector2(1, 2)) -> void:\n"
        "\tpass\n"
    )


def both() -> Contract:
    one, other = contract_of(Bottom), contract_of(MainMenu)
    return replace(other, tables=(*one.tables, *other.tables))


def test_inherited_methods_and_enumerations_stand_in_the_base() -> None:
    files = write_gdscript(both(), 4)
    assert sorted(files) == ["bottom.gd", "main_menu.gd"]
    assert lines(files["main_menu.gd"], "extends") == ["extends Bottom"]
    assert lines(files["main_menu.gd"], "enum") == []
    assert [line.split("(")[0] for line in lines(files["main_menu.gd"], "func")] == ["func q", "func r", "func s"]


def test_a_class_without_its_base_has_all_methods() -> None:
    text = written(MainMenu)["main_menu.gd"]
    assert lines(text, "extends") == ["extends Node"]
    assert lines(text, "enum") == ["enum State {IDLE = 0, RUN = 4}"]
    assert len(lines(text, "func")) == 4


def test_each_kind_of_argument() -> None:
    text = written(MainMenu)["main_menu.gd"]
    assert lines(text, "func")[1:] == [
        "func q(name_: String, items: Array, table: Dictionary, ...rest: Array) -> void:",
        'func r(word: StringName = &"x", odd = null, mode: int = 1) -> void:',
        "func s(state: State, node: Object = null, real: float = INF) -> void:",
    ]
    assert "; items is Array of int; table is Dictionary of String, int\n" in text
    assert "; odd is ... by default\n" in text


def test_types_of_content_on_request() -> None:
    text = written(MainMenu, typed=True)["main_menu.gd"]
    assert "items: Array[int], table: Dictionary[String, int]," in text


def test_godot_3() -> None:
    text = written(Old, 3)["old.gd"]
    assert body(text).split("\n\n\n#")[0] == "extends Node\nclass_name Old\n\npuppet var hp"
    shoot = 'master func shoot(at: Vector2, turn: Quat = Quat(0, 0, 0, 1), name_: String = "x") -> void:'
    assert lines(text, "master") == [shoot]


def test_modes_of_the_other_engine() -> None:
    assert lines(written(Bottom, 3)["bottom.gd"], "remotesync func p") != []
    assert lines(written(Old, 4)["old.gd"], "@rpc") == ['@rpc("any_peer", "reliable")']
    assert "var hp" not in written(Old, 4)["old.gd"]


def test_paths_are_comments() -> None:
    found = contract_of(Bottom)
    place = Place("Main/A", found.tables[0].id, "tree", "")
    text = write_gdscript(replace(found, places=(place,)), 4)["bottom.gd"]
    assert lines(text, "# node_path") == ["# node_path: /root/Main/A"]


def method(name: str, *arguments: Argument, **fields: Any) -> Method:
    return replace(Method(name, "any_peer", False, "reliable", 0, "server.Main", 3, arguments, "server.py"), **fields)


def of(*methods: Method, **fields: Any) -> Contract:
    return Contract("server.py", 4, (Table("server.Main", "Main", methods, **fields),), (), ())


def test_methods_by_code() -> None:
    found = of(method("kick", by_code=True, call_local=True), method("m"))
    text = write_gdscript(found, 4)["main.gd"]
    assert (
        '\trpc_config("kick", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER, "call_local": true, "channel": 0, '
        '"transfer_mode": MultiplayerPeer.TRANSFER_MODE_RELIABLE})\n'
    ) in text
    assert len(lines(text, "@rpc")) == 1
    assert '\trpc_config("kick", MultiplayerAPI.RPC_MODE_REMOTESYNC)\n' in write_gdscript(found, 3)["main.gd"]


def test_entries_without_a_mode_and_disabled_ones() -> None:
    text = write_gdscript(of(method("off", mode="disabled", by_code=True), refused=("nomode",)), 4)["main.gd"]
    assert '\trpc_config("nomode", {})\n\trpc_config("off", {"rpc_mode": MultiplayerAPI.RPC_MODE_DISABLED, ' in text


@pytest.mark.parametrize(
    ("found", "engine", "reason"),
    [
        (of(method("match")), 4, "match is a keyword of GDScript: rename the method"),
        (of(method("puppet")), 3, "puppet is a keyword of GDScript: rename the method"),
        (of(method("add_sibling")), 4, "add_sibling is a name of the engine's Node: rename the method"),
        (of(method("raise")), 3, "raise is a name of the engine's Node: rename the method"),
        (of(method("a-b")), 4, "a-b is no name in GDScript: rename the method"),
        (of(method("m", *[Argument(f"a{one}") for one in range(256)])), 4, "m has more than 255 arguments"),
        (of(method("m", Argument("rest", rest=True))), 3, "Godot 3 has no rest arguments, such as *rest"),
        (of(method("m", Argument("to", "Vector2i"))), 3, "to: Godot 3 has no type Vector2i"),
    ],
)
def test_refused_with_the_place(found: Contract, engine: int, reason: str) -> None:
    with pytest.raises(StubError) as refused:
        write_gdscript(found, engine)
    assert refused.value.reasons == (f"server.py:3: {reason}",)


def test_names_that_only_one_engine_has() -> None:
    assert write_gdscript(of(method("puppet"), method("raise")), 4)
    assert write_gdscript(of(method("add_sibling")), 3)


def test_what_is_written_reads_as_the_same_methods(tmp_path: Path) -> None:
    given = both()
    for name, text in write_gdscript(given, 4).items():
        (tmp_path / name).write_text(text, "utf-8")
    found = read_scripts(tmp_path, sorted(tmp_path.glob("*.gd")))
    assert not found.problems
    assert {one.class_name: one.names for one in found.tables} == {one.class_name: one.names for one in given.tables}
    assert words(found) == words(given)


def words(contract: Contract) -> list[list[Any]]:
    return [
        [(method.name, method.mode, method.call_local, method.transfer, method.channel) for method in table.methods]
        for table in sorted(contract.tables, key=lambda table: table.class_name)
    ]


def test_classes_with_one_file_name() -> None:
    tables = [Table(f"server.{name}", name, (method("m", table=f"server.{name}"),)) for name in ("AB", "Ab")]
    assert sorted(write_gdscript(Contract("server.py", 4, tuple(tables), (), ()), 4)) == ["ab.gd", "ab2.gd"]


def test_variables_of_a_base_are_not_repeated() -> None:
    variable = Variable("hp", "puppet", "server.py", 3)
    tables = [
        Table("server.A", "A", (method("m", table="server.A"),), variables=(variable,)),
        Table("server.B", "B", (method("m", table="server.A"),), "server.A", variables=(variable,)),
    ]
    files = write_gdscript(Contract("server.py", 3, tuple(tables), (), ()), 3)
    assert ["var hp" in files[name] for name in ("a.gd", "b.gd")] == [True, False]


def test_rpc_config_words() -> None:
    node = Bottom("Main")
    node.rpc_config("free", RpcConfig(RPCMode.AUTHORITY))
    text = write_gdscript(contract_of(node), 4)
    assert any('rpc_config("free", {"rpc_mode": MultiplayerAPI.RPC_MODE_AUTHORITY' in one for one in text.values())
    assert not any("func free" in one for one in text.values())


def test_vector_of_integers_in_godot_4() -> None:
    assert (
        "to: Vector2i"
        in write_gdscript(of(method("m", Argument("to", "Vector2i", repr(Vector2i(1, 2))))), 4)["main.gd"]
    )


class Timer(Node):
    health: int = replicated(100, ReplicationMode.ON_CHANGE)
    label = replicated("x", path="Label:text", spawn=False)
    items: list[int] = replicated([1])
    odd: int | None = replicated(None)
    func = replicated(1)


class Fuse(Timer):
    rage = replicated(0.5)

    @rpc
    def burn(self, by: int | None) -> None: ...


def test_replicated_properties() -> None:
    contract = contract_of(Timer)
    files = write_gdscript(replace(contract, tables=(*contract.tables, *contract_of(Fuse).tables)), 4)
    # The engine has a class Timer.
    assert lines(files["timer2.gd"], "class_name") == ["class_name Timer2"]
    assert lines(files["timer2.gd"], "var") == ["var health: int = 100", "var items: Array = [1]", "var odd"]
    assert lines(files["timer2.gd"], "# func") == ["# func: the engine's Node or GDScript has this name"]
    config = lines(files["timer2.gd"], "\tconfig.")
    assert len(config) == 15
    assert config[:3] == [
        '\tconfig.add_property(NodePath(".:health"))',
        '\tconfig.property_set_spawn(NodePath(".:health"), true)',
        '\tconfig.property_set_replication_mode(NodePath(".:health"), '
        "SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)",
    ]
    assert config[4] == '\tconfig.property_set_spawn(NodePath("Label:text"), false)'
    # A synchronizer of a subclass sends the inherited properties too.
    assert lines(files["fuse.gd"], "var") == ["var rage: float = 0.5"]
    assert len(lines(files["fuse.gd"], "\tconfig.")) == 18
    assert "; by is int | None\n" in files["fuse.gd"]
    assert "replication_config" not in str(write_gdscript(contract_of(Fuse), 3))


def test_property_that_cannot_be_read_is_a_problem() -> None:
    class Broken(Node):
        speed: Missing = replicated(1)  # type: ignore[name-defined]  # noqa: F821

    contract = contract_of(Broken)
    assert [one.type for one in contract.tables[0].properties] == [None]
    [problem] = contract.problems
    assert problem.text.startswith("cannot be sent: Broken.speed")
