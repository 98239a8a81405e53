"""Where the names of methods come from, and that a wrong table names nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer.contract import checksum_of
from gdpeer.inspection.method_names import MethodNames, load_tables
from gdpeer.multiplayer.rpc.decorator import class_table
from tests.support.mp_nodes import Child, Main

MAIN = tuple(class_table(Main).names)


def test_the_checksum_is_the_engines() -> None:
    assert checksum_of(["zeta", "Big", "_under", "noarg"]) == "c77c16088c775b815b817c9b402d1d31"
    assert checksum_of(MAIN) == class_table(Main).checksum


def test_a_name_by_checksum_and_number() -> None:
    names = MethodNames([MAIN[::-1], [], ["poke"]])
    assert names.table(class_table(Main).checksum) == MAIN
    assert names.name(class_table(Child).checksum, 0) == "poke"
    assert names.name(class_table(Child).checksum, 1) is None
    assert names.name("0" * 32, 0) is None


def test_from_a_python_file_and_a_module() -> None:
    source = Path(__file__).parents[2] / "support" / "mp_nodes.py"
    for one in (str(source), "tests.support.mp_nodes"):
        assert sorted(map(sorted, load_tables(one).tables)) == sorted([sorted(MAIN), ["poke"]])  # type: ignore[type-var]


def test_from_a_list(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("# the game\nroll, pass\n\nmove   # of a player\n")
    assert load_tables(str(file)).tables == [("roll", "pass"), ("move",)]


SCRIPTS = {
    "base.gd": 'class_name Base\nextends Node\n\n@rpc("any_peer")\nfunc of_base() -> void:\n\tpass\n',
    "by_name.gd": "extends Base\n@rpc func inline(): pass\n@rpc\n@tool_x\nfunc marked(): pass\nfunc plain(): pass\n",
    "sub/by_path.gd": 'extends "res://by_name.gd"\n@rpc("authority", "call_local")\nstatic func own(): pass\n',
    "ring_a.gd": 'extends "res://ring_b.gd"\n@rpc func a(): pass\n',
    "ring_b.gd": 'extends "res://ring_a.gd"\n@rpc func b(): pass\n',
    "none.gd": "func nothing(): pass\n",
    "lost.gd": 'extends "res://gone.gd"\n@rpc func lost(): pass\n',
    "bare.gd": "@rpc func bare(): pass\n",
}  # fmt: skip


def test_from_a_godot_project_with_what_scripts_inherit(tmp_path: Path) -> None:
    for name, text in SCRIPTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    by_name, by_path = ("inline", "marked", "of_base"), ("inline", "marked", "of_base", "own")
    found = load_tables(str(tmp_path))
    assert set(found.tables) == {("of_base",), by_name, by_path, ("bare",)}
    assert found.problems == [
        'res://lost.gd:1: extends "res://gone.gd", which is not there',
        "res://ring_a.gd:1: extends itself, by way of others",
        "res://ring_b.gd:1: extends itself, by way of others",
    ]
    assert load_tables(str(tmp_path / "by_name.gd")).tables == [by_name]
    # In a project a script finds all others, and so does a folder.
    (tmp_path / "project.godot").write_text("config_version=5\n")
    assert load_tables(str(tmp_path / "sub" / "by_path.gd")).tables == [by_path]
    assert load_tables(str(tmp_path / "sub")).tables == [by_path]
    assert len(load_tables(str(tmp_path)).tables) == 4


def test_from_a_folder_with_projects(tmp_path: Path) -> None:
    for name in ("client", "server"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "project.godot").write_text("config_version=5\n")
        (tmp_path / name / "main.gd").write_text(f"class_name Main extends Node\n@rpc func of_{name}(): pass\n")
    assert load_tables(str(tmp_path)).tables == [("of_client",), ("of_server",)]


def test_a_godot_3_project_has_no_problems_to_report(tmp_path: Path) -> None:
    (tmp_path / "project.godot").write_text("config_version=4\n")
    (tmp_path / "main.gd").write_text("extends 'res://gone.gd'\nremote func x(): pass\n")
    with pytest.raises(ValueError, match=r"has no methods for RPC$"):
        load_tables(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("broken.py", "raise RuntimeError('a mistake')", "a mistake"),
        ("empty.txt", "# nothing\n", "has no methods for RPC"),
        ("none.gd", "func x(): pass\n", r"has no methods for RPC$"),
        (
            "broken.gd",
            "@rpc func x(): pass\nvar a = '",
            r"has no methods for RPC \(res://broken.gd:2: a string is not closed",
        ),
        ("gone/", None, r"cannot read|No module named"),
        ("no.such.module", None, "No module named"),
    ],
)
def test_what_has_no_names(tmp_path: Path, name: str, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    source = name if text is None else str(tmp_path / name)
    with pytest.raises(ValueError, match=problem):
        load_tables(source)
