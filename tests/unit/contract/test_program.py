"""A Python program as a contract: names, checksums, types, lines, empty bodies, paths."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from gdpeer import Node, SceneTree, Vector2, rpc
from gdpeer.contract import Argument, Contract, Method, checksum_of
from gdpeer.contract.program import contract_of, read_program
from gdpeer.godot3 import puppetsync, remote

Read = Callable[..., Contract]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Returns a function that writes a file `server.py` and reads it, or a part of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def read(text: str, source: str = "server.py") -> Contract:
        head = "from typing import Any\nfrom gdpeer import *\nfrom gdpeer import Node, SceneTree, rpc\n"
        (tmp_path / "server.py").write_text(head + dedent(text), encoding="utf-8")
        return read_program(source)

    yield read
    for name in set(sys.modules) - before:
        del sys.modules[name]


def method(contract: Contract, name: str) -> Method:
    return next(one for table in contract.tables for one in table.methods if one.name == name)


class State(IntEnum):
    IDLE = 0
    RUN = 5


class Base(Node):
    godot_script = "res://base.gd"

    @rpc("any_peer", "call_local", "unreliable", 3)
    def move(self, to: Vector2, keys: list[int] = [1], state: State = State.RUN, *rest: Any) -> None:  # noqa: B006
        print(to)

    @rpc
    def stop(self) -> None:
        """Ends the match."""


class Player(Base):
    def stop(self) -> None:
        print("stops")


def test_class_with_its_words_types_defaults_and_lines() -> None:
    (table,) = contract_of(Base).tables
    assert (table.id, table.class_name, table.extends, table.godot_script) == (
        f"{__name__}.Base", "Base", "Node", "res://base.gd",
    )  # fmt: skip
    assert table.checksum == checksum_of(["move", "stop"])
    move, stop = table.methods
    assert (move.mode, move.call_local, move.transfer, move.channel) == ("any_peer", True, "unreliable", 3)
    assert (stop.mode, stop.call_local, stop.transfer, stop.channel) == ("authority", False, "reliable", 0)
    assert move.arguments == (
        Argument("to", "Vector2"),
        Argument("keys", "Array[int]", "[1]"),
        Argument("state", "int", "State.RUN", enumeration=f"{__name__}.State"),
        Argument("rest", rest=True),
    )
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert [lines[one.line - 1].strip().partition("(")[0] for one in (move, stop)] == ["def move", "def stop"]
    assert lines[table.line - 1] == "class Base(Node):"
    assert (move.is_empty, stop.is_empty) == (False, True)


def test_override_without_decorator_keeps_the_words_and_has_its_own_line_and_body() -> None:
    (table,) = contract_of(Player).tables
    assert table.names == ("move", "stop")
    assert table.extends == f"{__name__}.Base"
    assert table.methods[1].table == f"{__name__}.Player"
    assert table.methods[0].table == f"{__name__}.Base"
    assert not table.methods[1].is_empty


def test_enumerations_of_arguments() -> None:
    (found,) = contract_of(Base).enumerations
    assert (found.id, found.name, found.members) == (f"{__name__}.State", "State", (("IDLE", 0), ("RUN", 5)))


def test_names_that_python_cannot_define(read: Read) -> None:
    names = ["import", "None", "__secret", "µ", "größe", "_leave", "_enter"]
    text = "class Main(Node):\n    def _plain(self): ...\n"
    text += "".join(f"    locals()[{name!r}] = rpc(_plain)\n" for name in names)
    (table,) = read(text).tables
    assert table.names == tuple(sorted(names))
    assert table.checksum == checksum_of(names)


def test_names_that_the_node_has_for_itself_do_no_harm(read: Read) -> None:
    found = read(
        """
        class Main(Node):
            @rpc
            def _leave(self): ...
            @rpc
            def _enter(self): ...
            @rpc
            def größe(self): ...
        def make():
            tree = SceneTree()
            tree.root.add_child(Main())
            return tree
        """,
        "server.py:make",
    )
    assert found.tables[0].checksum == checksum_of(["_leave", "_enter", "größe"])
    assert [(one.path, one.table) for one in found.places] == [("Main", "server.Main")]


def test_mangled_name_is_refused_with_the_way_out(read: Read) -> None:
    with pytest.raises(ValueError, match=r"server.py raises ValueError: Python renames '__secret'.*locals\(\)"):
        read("class Main(Node):\n    @rpc\n    def __secret(self): ...\n")


def test_tree_has_paths_and_the_other_classes_of_the_module(read: Read) -> None:
    found = read(
        """
        class Main(Node):
            @rpc
            def start(self): ...
        class Player(Node):
            scene_file_path = "res://player.tscn"
            @rpc
            def move(self): ...
        def make():
            tree = SceneTree()
            tree.root.add_child(Main("Game"))
            tree.get_node("/root/Game").add_child(Node("Players"))
            return tree
        """,
        "server.py:make",
    )
    assert [table.id for table in found.tables] == ["server.Main", "server.Player"]
    assert [(one.path, one.table, one.how, one.scene, one.line) for one in found.places] == [
        ("Game", "server.Main", "tree", "", 5),
        ("Game/Players", None, "tree", "", 0),
        ("?/Player", "server.Player", "scene", "res://player.tscn", 8),
    ]


def test_node_counts_from_its_own_name_on() -> None:
    node = Node("Match")
    node.add_child(Base("Level"))
    assert [(one.path, one.table) for one in contract_of(node).places] == [
        ("Match", None),
        ("Match/Level", f"{__name__}.Base"),
    ]


class Kicker(Node):
    @rpc
    def move(self) -> None: ...

    def kick(self, who: int) -> None: ...

    def _ready(self) -> None:
        self.rpc_config("kick", {"rpc_mode": 1})
        self.rpc_config("move", {"rpc_mode": 1})


def test_methods_that_a_node_configures_by_code_come_first() -> None:
    tree = SceneTree()
    tree.root.add_child(Kicker("A"))
    found = contract_of(tree)
    (table,) = found.tables
    assert table.id == f"{__name__}.Kicker@A" == found.places[0].table
    assert [(one.name, one.by_code, one.mode) for one in table.methods] == [
        ("kick", True, "any_peer"),
        ("move", True, "any_peer"),
        ("move", False, "authority"),
    ]
    assert table.methods[0].arguments == (Argument("who", "int"),)
    assert table.checksum == checksum_of(["kick", "move"], ["move"])


def test_methods_that_a_class_configures_in_its_text(read: Read) -> None:
    found = read(
        """
        class Base(Node):
            def kick(self, who: int): print()
            def _ready(self):
                self.rpc_config("kick", {"rpc_mode": 1})
        class Main(Base):
            @rpc
            def move(self): print()
            def stop(self): print()
            def _ready(self):
                super()._ready()
                self.rpc_config("move", RpcConfig(RPCMode.ANY_PEER))
                self.rpc_config("stop", RpcConfig())
                self.rpc_config("stop", None)
                self.rpc_config("kick", {"rpc_mode": MODE})
                self.rpc_config(NAME, {"rpc_mode": RPCMode.AUTHORITY})
                self.rpc_config("gone", RpcConfig(rpc_mode=RPCMode.DISABLED))
        """
    )
    tables = {table.class_name: table for table in found.tables}
    assert [(one.name, one.by_code, one.mode) for one in tables["Base"].methods] == [("kick", True, "any_peer")]
    assert [(one.name, one.by_code, one.mode, one.line) for one in tables["Main"].methods] == [
        ("kick", True, "?", 6),
        ("move", True, "any_peer", 11),
        ("stop", True, "authority", 12),
        ("move", False, "authority", 11),
    ]
    assert [(one.code, one.line) for one in found.problems] == [("by-code", 19), ("by-code", 20)]


def test_callable_of_another_object_can_be_configured() -> None:
    node: Any = Kicker("A")
    node.kick = lambda who, why="": None
    node.rpc_config("kick", {"rpc_mode": 1})
    (table,) = contract_of(node).tables
    assert [(one.name, one.default) for one in table.methods[0].arguments] == [("who", None), ("why", "''")]


class Old(Node):
    health = remote.var(100)

    @puppetsync
    def move_to(self, where: Vector2) -> None: ...


def test_keywords_and_variables_of_godot_3() -> None:
    (table,) = contract_of(Old).tables
    assert [(one.name, one.mode, one.transfer) for one in table.methods] == [("move_to", "puppetsync", "")]
    assert [(one.name, one.mode) for one in table.variables] == [("health", "remote")]


@pytest.mark.parametrize(
    ("body", "is_empty"),
    [
        ("pass", True),
        ("...", True),
        ("return", True),
        ("return None", True),
        ("'''Words.'''", True),
        ("'''Words.'''; pass  # comment", True),
        ("return 1", False),
        ("print()", False),
        ("raise NotImplementedError", False),
        ("1", False),
    ],
)
def test_empty_bodies(read: Read, body: str, is_empty: bool) -> None:
    found = read(f"class Main(Node):\n    @rpc\n    async def f(self):\n        {body}\n")
    assert method(found, "f").is_empty is is_empty


def test_defaults_that_differ_in_each_run_have_no_text(read: Read) -> None:
    found = read("class Main(Node):\n    @rpc\n    def f(self, a=object(), b=print, c=None): ...\n")
    assert [one.default for one in method(found, "f").arguments] == ["...", "<built-in function print>", "None"]


def test_annotation_that_cannot_be_read_is_a_problem(read: Read) -> None:
    found = read("class Main(Node):\n    @rpc\n    def f(self, a: 'Nope'): ...\n")
    (problem,) = found.problems
    assert (problem.code, problem.file, problem.line) == ("unreadable", "server.py", 6)
    assert "Main.f: the annotation of 'a' cannot be read" in problem.text
    assert method(found, "f").arguments == (Argument("a"),)


def test_what_the_module_prints_stays_out_of_standard_output(read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    read("print('hello')\ndef make():\n    print('there')\n    return Node('A')\n", "server.py:make")
    assert capsys.readouterr() == ("", "hello\nthere\n")


def test_module_by_its_name(read: Read) -> None:
    assert [one.id for one in read("class A(Node):\n    @rpc\n    def f(self): ...\n", "server").tables] == ["server.A"]


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        ("", "server.py:mak", "server.py has no mak"),
        ("def make(): ...", "server.py:mak", "did you mean make"),
        ("def make(): ...", "server.py:make", "is of the type NoneType: expected a SceneTree, a Node or a module"),
        ("async def make(): ...", "server.py:make", "is async"),
        ("def make(): 1 / 0", "server.py:make", r"raises ZeroDivisionError: division by zero \(server.py:4\)"),
        ("1 / 0", "server.py", r"server.py raises ZeroDivisionError: division by zero \(server.py:4\)"),
        ("import nothing_there", "server.py", "raises ModuleNotFoundError: No module named 'nothing_there'"),
        ("import nothing_there", "server", "server raises ModuleNotFoundError"),
        ("raise SystemExit('over')", "server.py", "raises SystemExit: over"),
        ("def f(:", "server.py", "raises SyntaxError"),
        ("class A: ...", "server.py:A", "is another class"),
        ("", "other.py", "other.py is not there"),
        ("", "nothing_there.at_all", "there is no module nothing_there in"),
        ("", "no module", "expected a module such as server.py"),
        ("", "server.py:", "server.py has no "),
    ],
)
def test_source_that_cannot_be_read_is_one_sentence(read: Read, text: str, source: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read(text, source)
    assert "\n" not in str(caught.value)


def test_function_behind_a_decorator_has_the_line_of_its_own(read: Read) -> None:
    found = read(
        """
        import functools
        def logged(function):
            @functools.wraps(function)
            def inner(*arguments):
                return function(*arguments)
            return inner
        class Main(Node):
            @rpc
            @logged
            def f(self, a: int): ...
        """
    )
    assert (method(found, "f").line, method(found, "f").is_empty) == (14, True)
    assert method(found, "f").arguments == (Argument("a", "int"),)


def test_class_without_a_file() -> None:
    space: dict[str, Any] = {}
    exec("from gdpeer import Node, rpc\nclass A(Node):\n    @rpc\n    def f(self): ...\n", space)
    (table,) = contract_of(space["A"]).tables
    assert (table.names, table.line, table.methods[0].is_empty) == (("f",), 0, False)
