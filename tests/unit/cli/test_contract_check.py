"""`gdpeer contract check`: the differences between two sources, as text, JSON or annotations; status 0, 1, 2."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.contract import CODES
from tests.support.commands import run_here
from tests.support.contract_game import CHANGES, write_game

SERVER = """\
from gdpeer import Node, SceneTree, rpc
class Main(Node):
    @rpc{words}
    def add(self): print()
{more}
def make():
    tree = SceneTree()
    tree.root.add_child(Main({name!r}))
    return tree
"""
MOVE = "    @rpc\n    def move(self): print()\n"


@pytest.fixture(autouse=True)
def game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    Path("game").mkdir()
    Path("game/project.godot").write_text('config_version=5\n[autoload]\nMain="*res://main.gd"\n')
    Path("game/main.gd").write_text("extends Node\n@rpc func add(): print()\n\n@rpc\nfunc move(): print()\n")
    server()
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def server(words: str = "", more: str = MOVE, name: str = "Main") -> None:
    Path("server.py").write_text(SERVER.format(words=words, more=more, name=name))


def check(*options: str, left: str = "game", right: str = "server.py:make") -> tuple[int, list[str]]:
    result = run_here("contract", "check", left, right, *options)
    assert result.stderr == ""
    return result.returncode, result.stdout.splitlines()


def test_sources_that_agree() -> None:
    assert check() == (0, ["No differences. 2 methods agree."])
    assert check("--github", "--strict") == (0, ["No differences. 2 methods agree."])


def test_text() -> None:
    server(more="")
    status, lines = check()
    assert (status, lines) == (
        1,
        [
            "game/main.gd:5: error: missing-method: Main: move() is not in class Main (server.py:2)",
            "1 difference: 1 error. 1 method agrees.",
        ],
    )


def test_hint_and_further_classes() -> None:
    for name in "abcdefghijk":
        Path(f"game/{name}.gd").write_text("extends 'res://main.gd'\n")
    Path("other").mkdir()
    for file in Path("game").iterdir():
        Path("other", file.name).write_text(file.read_text().replace("func add", "func new"))
    _, lines = check(right="other")
    assert lines[0].startswith("game/main.gd:2: error: renamed-method: Main: add() is new() in other/main.gd:2")
    assert lines[1] == "  methods have numbers in the order of their names: move (1) of game arrives as new in other"
    assert lines[2].startswith("  also res://a.gd, res://b.gd, ")
    assert lines[2].endswith(" and 3 more")


def test_json() -> None:
    server('("any_peer")', "")
    status, lines = check("--json")
    content = json.loads("\n".join(lines))
    assert (status, content["errors"], content["warnings"], content["agreeing"]) == (1, 2, 0, 0)
    assert content["differences"][0] == {
        "level": "error",
        "code": "mode",
        "file": "game/main.gd",
        "line": 2,
        "subject": "Main",
        "method": "add",
        "text": "add is authority here, any_peer in server.py:4",
        "hint": "",
        "more": [],
    }


def test_annotations() -> None:
    server(more="")
    assert check("--github") == (
        1,
        [
            "::error file=game/main.gd,line=5::missing-method: Main: move() is not in class Main (server.py:2)",
            "1 difference: 1 error. 1 method agrees.",
        ],
    )


@pytest.mark.parametrize("form", [(), ("--json",), ("--github",)])
def test_ignored_differences_leave_the_status_0(form: tuple[str, ...]) -> None:
    server(more="")
    assert check("--ignore", "missing-method:move", *form)[0] == 0
    assert check("--ignore", "missing-method:add", *form)[0] == 1


PLACES = {
    "method removed": ("missing-method", "old/main.gd", 7),
    "method renamed": ("renamed-method", "old/main.gd", 7),
    "method made authority": ("mode", "old/main.gd", 4),
    "argument given": ("arguments", "old/main.gd", 7),
    "method moved to a shared base": ("missing-method", "new/base.gd", 2),
    "autoload renamed": ("missing-node", "old/project.godot", 5),
    "script removed": ("missing-node", "new/main.tscn", 9),
}


@pytest.mark.parametrize("change", CHANGES)
def test_single_change_is_named_in_every_form(change: str) -> None:
    code, file, line = PLACES[change]
    write_game(Path("old"))
    write_game(Path("new"), **CHANGES[change])
    status, lines = check(left="old", right="new")
    assert (status, lines[-1].partition(".")[0]) == (1, "1 difference: 1 error")
    assert lines[0].startswith(f"{file}:{line}: error: {code}: ")
    status, lines = check("--github", left="old", right="new")
    assert (status, len(lines)) == (1, 2)
    assert lines[0].startswith(f"::error file={file},line={line}::{code}: ")
    status, lines = check("--json", left="old", right="new")
    (found,) = json.loads("\n".join(lines))["differences"]
    assert (status, found["code"], found["file"], found["line"]) == (1, code, file, line)
    for form in ((), ("--github",), ("--json",)):
        assert check("--ignore", code, *form, left="old", right="new")[0] == 0


def test_summary_counts_what_is_ignored() -> None:
    server(more="")
    assert check("--ignore", "missing-method")[1] == ["No differences. 1 method agrees. 1 ignored."]


def test_warnings_count_only_if_strict() -> None:
    server('("call_local")')
    assert check()[0] == 0
    assert check("--strict")[0] == 1
    assert check("--strict", "--ignore", "call-local")[0] == 0


def test_node_of_another_name() -> None:
    server(name="Game")
    assert check()[1][0] == (
        "game/project.godot:3: error: missing-node: Main: there is no such node there, but Game (server.py:2): renamed?"
    )


def test_classes_of_one_side() -> None:
    Path("game/extra.gd").write_text("extends Node\n@rpc func alone(): pass\n")
    assert check("--strict")[0] == 1
    assert check("--strict", "--partial")[0] == 0


def test_pairs_by_hand() -> None:
    Path("other.py").write_text("from gdpeer import Node, rpc\nclass Z(Node):\n    @rpc\n    def q(self): print()\n")
    assert check(right="other.py")[1][-1] == "2 differences: 2 warnings. 0 methods agree."
    assert (
        "2 errors" in check("--pair", "res://main.gd=other.Z", "--ignore", "missing-method:q", right="other.py")[1][-1]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("game",), "B is missing"),
        (("game", "nowhere"), "there is no module nowhere"),
        (("game/main.tscn", "game"), "expected a module such as server.py"),
        (("game", "server.py:mak"), "server.py has no mak, did you mean make?"),
        (("game", "game", "--ignore", "nodes"), "there is no code 'nodes'"),
        (("game", "game", "--pair", "a"), "--pair: expected A_ID=B_ID such as res://main.gd=server.Main, got 'a'"),
        (("game", "game", "--pair", "a=b"), "there is no class a"),
        (("game", "game", "--json", "--github"), "expected one form of the output"),
    ],
)
def test_wrong_calls_are_one_sentence_and_status_2(arguments: tuple[str, ...], words: str) -> None:
    result = run_here("contract", "check", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_python_that_raises_shows_its_last_line() -> None:
    Path("server.py").write_text("1 / 0\n")
    result = run_here("contract", "check", "game", "server.py")
    assert result.returncode == 2
    assert "server.py raises ZeroDivisionError: division by zero (server.py:1)" in result.stderr


def test_control_characters_of_a_source_are_escaped() -> None:
    Path("game/bad.gd").write_text('extends Node\n@rpc("a\x1b[2J\u202e") func f(): pass\n')
    for form in ((), ("--github",)):
        text = "\n".join(check(*form)[1])
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_help_names_all_codes() -> None:
    text = run_here("contract", "check", "--help").stdout
    assert all(f"    {code} " in text for code in CODES)


NAMES = ["__secret", "µ", "größe", "import", "None", "_leave", "_enter"]


def test_names_that_python_cannot_define_agree_with_the_game() -> None:
    scripts = "".join(f"@rpc func {name}(): print()\n" for name in NAMES)
    Path("game/main.gd").write_text(f"extends Node\n{scripts}", encoding="utf-8")
    more = "    def _stop(self): print()\n"
    more += "".join(f"    locals()[{name!r}] = rpc(_stop)\n" for name in NAMES)
    server(more=f"{more}    del add\n")
    assert check("--strict") == (0, [f"No differences. {len(NAMES)} methods agree."])


def test_name_that_python_writes_otherwise_is_explained() -> None:
    Path("game/main.gd").write_text(
        "extends Node\n@rpc func add(): print()\n@rpc func µ(): print()\n", encoding="utf-8"
    )
    server(more="    @rpc\n    def µ(self): print()\n")
    status, lines = check()
    assert status == 1
    assert "error: renamed-method: Main: µ() is μ() in server.py:6: renamed?" in lines[0]
    assert lines[1] == "  Python reads µ as μ: write locals()['µ'] = rpc(...)(function)"


def test_mangled_name_is_refused_with_the_way_out() -> None:
    server(more="    @rpc\n    def __secret(self): print()\n")
    result = run_here("contract", "check", "game", "server.py:make")
    assert result.returncode == 2
    assert "Python renames '__secret' within a class" in result.stderr
    assert "locals()['__secret'] = rpc(...)(_secret)" in result.stderr
