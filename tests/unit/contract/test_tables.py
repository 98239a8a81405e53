"""What a class can be called with: arguments, constants, enumerations, methods by code, and Godot 3."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer.contract import Argument, Contract, Enumeration, Method, Table
from gdpeer.contract.project import read_project

SETTINGS = "config_version=5\n"


def table(folder: Path, text: str, settings: str = SETTINGS, **others: str) -> tuple[Table | None, Contract]:
    """The table of `one.gd`; two underscores in the name of another file stand for a dot."""
    (folder / "project.godot").write_text(settings)
    for name, other in others.items():
        (folder / name.replace("__", ".")).write_text(other)
    (folder / "one.gd").write_text(text)
    found = read_project(folder)
    return next((one for one in found.tables if one.id == "res://one.gd"), None), found


def method(folder: Path, text: str, **others: str) -> Method:
    found, _ = table(folder, text, **others)
    assert found is not None
    return found.methods[0]


HEAD = """class_name Match extends Node
enum State { IDLE, RUN = 5, JUMP }
enum { A, B = A + 7, C }
const MAX = B + 1
const Other = preload("other.gd")
const Half: float = 0.5
"""
OTHER = "extends Node\nenum Kind { ONE = 1, TWO }\nclass In:\n\tenum Deep { X }\n"


@pytest.mark.parametrize(
    ("written", "argument"),
    [
        ("a", Argument("a")),
        ("a: int", Argument("a", "int")),
        ("a: Variant", Argument("a")),
        ("a: Array", Argument("a", "Array")),
        ("a: Array[int]", Argument("a", "Array[int]")),
        ("a: Array[Variant]", Argument("a", "Array")),
        ("a: Array[State]", Argument("a", "Array[int]")),
        ("a: Dictionary[String, Vector2]", Argument("a", "Dictionary[String, Vector2]")),
        ("a: Node", Argument("a", "Node")),
        ("a: Match", Argument("a", "Match")),
        ("a: Other.In", Argument("a", "Other.In")),
        ("a: Node.ProcessMode", Argument("a", "int")),
        ("a: Error", Argument("a", "int")),
        ("a: State", Argument("a", "int", enumeration="res://one.gd::State")),
        ("a: Match.State", Argument("a", "int", enumeration="res://one.gd::State")),
        ("a: Other.Kind", Argument("a", "int", enumeration="res://other.gd::Kind")),
        ("a: Other.In.Deep", Argument("a", "int", enumeration="res://other.gd::In::Deep")),
        ("a: State = State.RUN", Argument("a", "int", "State.RUN", enumeration="res://one.gd::State")),
        ("a: State = 6", Argument("a", "int", "State.JUMP", enumeration="res://one.gd::State")),
        ("a: State = 77", Argument("a", "int", "77", enumeration="res://one.gd::State")),
        ("a := State.IDLE", Argument("a", "int", "State.IDLE", enumeration="res://one.gd::State")),
        ("a = C", Argument("a", None, "8")),
        ("a := MAX", Argument("a", "int", "8")),
        ("a := Half", Argument("a", "float", "0.5")),
        ("a := foo()", Argument("a", None, "foo()")),
        ("a: Vector2 = Vector2(MAX, Match.B)", Argument("a", "Vector2", "Vector2(8, 7)")),
        ("a: Dictionary = {1: 2, 'b': [3]}", Argument("a", "Dictionary", '{1: 2, "b": [3]}')),
        ("a = func(x, y = 2): return x", Argument("a", None, "func(x, y=2): return x")),
        ("a = 1 == 1", Argument("a", None, "true")),
        ("...a: Array", Argument("a", "Array", rest=True)),
        ("...a", Argument("a", rest=True)),
    ],
)
def test_an_argument(tmp_path: Path, written: str, argument: Argument) -> None:
    found = method(tmp_path, f"{HEAD}@rpc func m({written}): pass\n", other__gd=OTHER)
    assert found.arguments == (argument,)


def test_the_order_of_arguments_and_the_lines_that_they_can_take(tmp_path: Path) -> None:
    found = method(
        tmp_path, "@rpc func m(\n\ta, # first\n\tb: int = 3,\n\tc := {'x': [1, 2]},\n) -> int:\n\treturn 1\n"
    )
    assert [one.name for one in found.arguments] == ["a", "b", "c"]


def test_the_enumerations_that_arguments_use(tmp_path: Path) -> None:
    _, contract = table(tmp_path, f"{HEAD}@rpc func m(a: State, b: Other.Kind): pass\n", other__gd=OTHER)
    assert contract.enumerations == (
        Enumeration("res://one.gd::State", "State", (("IDLE", 0), ("RUN", 5), ("JUMP", 6))),
        Enumeration("res://other.gd::Kind", "Kind", (("ONE", 1), ("TWO", 2))),
    )


def test_the_brace_of_an_enumeration_may_stand_on_the_next_line(tmp_path: Path) -> None:
    _, contract = table(tmp_path, "enum E\n{\n\tA,\n\tB\n}\n@rpc func m(a: E): pass\n")
    assert contract.problems == ()
    assert contract.enumerations[0].members == (("A", 0), ("B", 1))


def test_an_enumeration_ends_at_a_value_that_only_the_engine_knows(tmp_path: Path) -> None:
    _, contract = table(tmp_path, "enum E { A, B = OS.get_x(), C }\n@rpc func m(a: E): pass\n")
    assert contract.enumerations[0].members == (("A", 0),)


def test_an_override_has_its_own_arguments_and_body_and_the_place_of_the_annotation(tmp_path: Path) -> None:
    base = "class_name Base extends Node\n@rpc func m(a: int): print(a)\n"
    found = method(tmp_path, "extends Base\nfunc m(a: int, b = 2): pass\n", base__gd=base)
    assert [one.name for one in found.arguments] == ["a", "b"]
    assert found.is_empty
    assert (found.file, found.line, found.table) == ("res://base.gd", 2, "res://base.gd")


@pytest.mark.parametrize(
    ("body", "is_empty"),
    [
        (" pass", True),
        (" return", True),
        ("\n\tpass # comment\n\t# more\n\n\treturn", True),
        ('\n\t"""text\n\tof lines"""\n\t...', True),
        (" 'x'; pass; return;", True),
        (" return null", False),
        (" print(1)", False),
        ("\n\tif true:\n\t\tpass", False),
        (" pass; x()", False),
        ("\n\tpass\n\tx()", False),
    ],
)
def test_an_empty_body(tmp_path: Path, body: str, is_empty: bool) -> None:
    assert method(tmp_path, f"@rpc func m():{body}\nfunc n(): print(2)\n").is_empty is is_empty


# ---------------------------------------------------------------------------------------- @rpc


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('"any" + "_peer"', ("any_peer", False, "reliable", 0)),
        ("WORD", ("any_peer", False, "reliable", 0)),
        ("Match.WORD, Inner.LOCAL", ("any_peer", True, "reliable", 0)),
        ('"authority", "call_remote", "reliable", CHANNEL + 1', ("authority", False, "reliable", 4)),
        ('"authority", "call_remote", "reliable", Net.CHANNEL', ("authority", False, "reliable", 7)),
        ('"authority", "call_remote", "reliable", Kind.TWO', ("authority", False, "reliable", 1)),
        ('"authority", "call_remote", "reliable", 2.9', ("authority", False, "reliable", 2)),
        ('"authority", "call_remote", "reliable", -2', ("authority", False, "reliable", -2)),
        ('&"any_peer"', ("any_peer", False, "reliable", 0)),
        ("unknown", ("?", None, "?", 0)),
        ('"any_peer", "call_local", "reliable", ENGINE.X', ("any_peer", True, "reliable", None)),
    ],
)
def test_expressions_in_annotations(tmp_path: Path, written: str, words: tuple[str, bool | None, str, int]) -> None:
    (tmp_path / "net.gd").write_text("extends Node\nconst CHANNEL = 7\n")
    head = (
        'class_name Match extends Base\nconst WORD = "any_peer"\nenum Kind { ONE, TWO }\n'
        'class Inner:\n\tconst LOCAL = "call_%s" % "local"\n'
    )
    settings = f'{SETTINGS}[autoload]\nNet="*res://net.gd"\n'
    base = "class_name Base extends Node\nconst CHANNEL = 3\n"
    found, contract = table(tmp_path, f"{head}@rpc({written}) func m(): pass\n", settings, base__gd=base)
    assert found is not None
    [one] = found.methods
    assert (one.mode, one.call_local, one.transfer, one.channel) == words
    assert [problem.code for problem in contract.problems] == ["unknown-rpc"] * (None in words)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('"any" + "body"', "@rpc has no word 'anybody'"),
        ("NUMBER", "the channel of @rpc is its 4th argument"),
        ("WORD, WORD", "@rpc has two words of a kind: 'any_peer' is the second"),
        ('WORD, "call_local", "reliable", WORD', "expected a number for the channel, got 'any_peer'"),
        ('WORD, "call_local", "reliable", "x"', 'expected a number for the channel, got "x"'),
        ("any_peer", 'expected "any_peer" in quotes'),
        ("WORD, , WORD", "@rpc has an empty argument"),
    ],
)
def test_a_wrong_annotation_keeps_the_script_from_loading(tmp_path: Path, written: str, reason: str) -> None:
    text = f'const WORD = "any_peer"\nconst NUMBER = 3\n@rpc({written}) func m(): pass\n'
    child = 'extends "one.gd"\n@rpc func c(): pass\n'
    found, contract = table(tmp_path, text, child__gd=child)
    assert found is None
    assert contract.tables == ()
    [problem] = contract.problems
    assert (problem.code, problem.line) == ("parse", 3)
    assert reason in problem.text


@pytest.mark.parametrize(
    "constants",
    [
        "const X = X\n",
        "const X = Y\nconst Y = X\n",
        "enum X { A = X.B, B = X.A }\n",
        "const X = 'a'\n" + "".join(f"const X{one} = X{one - 1 if one else ''} + 'a'\n" for one in range(99)),
        "const X0 = ['a', 'a']\n" + "".join(f"const X{one + 1} = [X{one}, X{one}]\n" for one in range(25)),
    ],
)
def test_constants_that_need_each_other_or_grow(tmp_path: Path, constants: str) -> None:
    found = method(tmp_path, f"{constants}@rpc func m(a = X25, b = X, c = X.A): pass\n@rpc(X98) func n(): pass\n")
    assert found.name == "m"


# ---------------------------------------------------------------------------------------- by code


def test_methods_by_code(tmp_path: Path) -> None:
    text = (
        'extends Base\nconst KICK = &"kick"\nfunc kick(id: int): pass\nfunc _ready():\n'
        '\trpc_config(KICK, {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER, "call_local": true, "channel": 3,\n'
        '\t\t"transfer_mode": MultiplayerPeer.TRANSFER_MODE_UNRELIABLE})\n'
        '\tself.rpc_config("other", settings)\n\trpc_config("gone", {rpc_mode = 1})\n\trpc_config("gone", null)\n'
        '\trpc_config("bad", {})\n\trpc_config(name_of(), {})\n\t$Player.rpc_config("x", {"rpc_mode": 1})\n'
        "\trpc_config()\n\tvar rpc_config = 3\n"
    )
    base = (
        'class_name Base extends Node\n@rpc func m(): pass\nfunc _init(): rpc_config("queue_free", {"rpc_mode": 2})\n'
    )
    found, contract = table(tmp_path, text, base__gd=base)
    assert found is not None
    assert [(one.name, number) for one, number in zip(found.methods, found.numbers, strict=True)] == [
        ("kick", 0x8001),
        ("other", 0x8002),
        ("queue_free", 0x8003),
        ("m", 0),
    ]
    assert found.refused == ("bad",)
    kick, other, free, _ = found.methods
    assert (kick.mode, kick.call_local, kick.transfer, kick.channel) == ("any_peer", True, "unreliable", 3)
    assert (kick.line, kick.by_code, kick.arguments) == (5, True, (Argument("id", "int"),))
    assert (other.mode, other.call_local, other.transfer, other.channel) == ("?", None, "?", None)
    assert (free.mode, free.table, free.line, free.arguments) == ("authority", "res://base.gd", 3, ())
    assert [(one.code, one.line) for one in contract.problems] == [("by-code", line) for line in (7, 10, 11, 12, 13)]


# ---------------------------------------------------------------------------------------- Godot 3

GODOT3 = """tool
extends "base.gd"
class_name Player, "res://icon.png"
export(int, "x", "y") remote var hp = 3 setget set_hp
puppet var position: Vector2
remote export(float) var speed; var plain
remote onready var x = $"Foo"
enum State { IDLE }
remote func r(a, b: Quat = Quat(), c: PoolByteArray = null) -> void: pass
sync func s(a: float = 1.0):
	return
slave func old(): print(3)
func m(): pass
func plain_one(): pass
func _ready():
	rpc_config("queue_free", MultiplayerAPI.RPC_MODE_REMOTE)
	rpc_config("r", MultiplayerAPI.RPC_MODE_MASTERSYNC)
	rset_config("position", MultiplayerAPI.RPC_MODE_MASTER)
	rset_config("extra", 99)
"""


def test_godot_3(tmp_path: Path) -> None:
    base = "extends Node\nmaster func m(): print(1)\nremotesync func n(): pass\npuppet var hp\nslave var base_var\n"
    found, contract = table(tmp_path, GODOT3, "config_version=4\n", base__gd=base)
    assert contract.engine == 3
    assert found is not None
    assert found.class_name == "Player"
    assert [(one.name, one.mode, one.call_local, one.line, one.by_code) for one in found.methods] == [
        ("m", "master", False, 2, False),
        ("n", "remotesync", True, 3, False),
        ("old", "puppet", False, 12, False),
        ("queue_free", "remote", False, 16, True),
        ("r", "mastersync", True, 17, True),
        ("s", "remotesync", True, 10, False),
    ]
    assert found.methods[0].is_empty
    assert {one.transfer for one in found.methods} == {""}
    assert found.methods[4].arguments == (
        Argument("a"),
        Argument("b", "Quaternion", "Quat()"),
        Argument("c", "PackedByteArray", "null"),
    )
    assert [(one.name, one.mode) for one in found.variables] == [
        ("base_var", "puppet"),
        ("extra", "?"),
        ("hp", "remote"),
        ("position", "master"),
        ("speed", "remote"),
        ("x", "remote"),
    ]
    assert {one.code for one in contract.problems} == {"by-code"}


def test_godot_3s_keywords_mean_nothing_in_godot_4(tmp_path: Path) -> None:
    found, _ = table(tmp_path, "extends Node\nvar remote = 1\n@rpc func m(): pass\n")
    assert found is not None
    assert found.names == ("m",)
