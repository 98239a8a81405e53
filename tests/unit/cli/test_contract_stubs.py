"""`gdpeer contract python` and `gdpeer contract gdscript`: files, exit codes and messages."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gdpeer.contract.stub_text import MARK
from tests.support.commands import run_here

PROGRAM = """
from gdpeer import Node, rpc
class Main(Node):
    @rpc("any_peer")
    def say(self, text: str) -> None: ...
"""


@pytest.fixture
def game(tmp_path: Path) -> Path:
    folder = tmp_path / "game"
    folder.mkdir()
    (folder / "project.godot").write_text("config_version=5\n")
    (folder / "one.gd").write_text("extends Node\n@rpc func m(): pass\n")
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program_of_stubs.py"
    file.write_text(PROGRAM)
    return file


def reason(result: CompletedProcess[str]) -> str:
    [line] = result.stderr.splitlines()
    return line.partition(": ")[2]


def test_python_prints_or_writes_the_same_text(game: Path, tmp_path: Path) -> None:
    printed = run_here("contract", "python", str(game))
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.startswith(f"{MARK} from game (godot 4)")
    out = tmp_path / "made" / "base.py"
    done = run_here("contract", "python", str(game), "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_text() == printed.stdout


def test_check(game: Path, tmp_path: Path) -> None:
    out = tmp_path / "base.py"
    check = ("contract", "python", str(game), "--check", "-o", str(out))
    missing = run_here(*check)
    assert (missing.returncode, reason(missing)) == (1, f"{out} is missing: write it again")
    assert not out.exists()
    assert run_here("contract", "python", str(game), "-o", str(out)).returncode == 0
    before = out.stat().st_mtime_ns
    assert run_here(*check).returncode == 0
    script = game / "one.gd"
    script.write_text(script.read_text().replace("@rpc", "\n\n@rpc"))
    assert run_here(*check).returncode == 0
    script.write_text(script.read_text().replace("func m", "func other"))
    late = run_here(*check)
    assert (late.returncode, reason(late)) == (1, f"{out} is out of date: write it again")
    assert out.stat().st_mtime_ns == before


def test_json_and_annotations_tell_what_is_the_case_with_each_file(game: Path, tmp_path: Path) -> None:
    out = tmp_path / "base.py"

    def run(*options: str) -> tuple[int, str]:
        result = run_here("contract", "python", str(game), "-o", str(out), *options)
        assert not result.stderr
        return result.returncode, result.stdout

    def state(*options: str) -> tuple[int, list[dict[str, str]]]:
        status, text = run("--json", *options)
        return status, json.loads(text)["files"]

    assert state("--check") == (1, [{"file": str(out), "state": "missing"}])
    assert run("--github", "--check") == (1, f"::error file={out}::{out} is missing: write it again\n")
    assert state() == (0, [{"file": str(out), "state": "written"}])
    assert state() == (0, [{"file": str(out), "state": "up to date"}])
    assert run("--github", "--check") == (0, "")
    script = game / "one.gd"
    script.write_text(script.read_text().replace("func m", "func other"))
    assert state("--check") == (1, [{"file": str(out), "state": "out of date"}])


def test_gdscript_tells_in_json_what_is_written(program: Path, tmp_path: Path) -> None:
    result = run_here("contract", "gdscript", str(program), "-o", str(tmp_path / "net"), "--format", "json")
    files = json.loads(result.stdout)["files"]
    assert result.returncode == 0
    assert [one["state"] for one in files] == ["written"]
    assert Path(files[0]["file"]).is_file()


@pytest.mark.parametrize("option", ["--check", "--force", "--json", "--github"])
def test_what_needs_a_file_says_so(game: Path, option: str) -> None:
    result = run_here("contract", "python", str(game), option)
    assert result.returncode == 2
    assert reason(result).startswith(f"{option} needs -o FILE (")


def test_a_file_of_another_origin_is_kept(game: Path, tmp_path: Path) -> None:
    out = tmp_path / "base.py"
    out.write_text("mine = 1\n")
    refused = run_here("contract", "python", str(game), "-o", str(out))
    assert refused.returncode == 2
    assert f"{out} was not written by gdpeer: --force overwrites it" in refused.stderr
    assert out.read_text() == "mine = 1\n"
    assert run_here("contract", "python", str(game), "-o", str(out), "--force").returncode == 0
    assert out.read_text().startswith(MARK)


def test_gdscript_writes_all_or_nothing(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    assert run_here("contract", "gdscript", str(program), "-o", str(folder)).returncode == 0
    assert [one.name for one in folder.iterdir()] == ["main.gd"]
    assert '@rpc("any_peer", "reliable")\nfunc say(text: String) -> void:' in (folder / "main.gd").read_text()
    assert run_here("contract", "gdscript", str(program), "-o", str(folder), "--check").returncode == 0
    program.write_text(PROGRAM + "class Other(Node):\n    @rpc\n    def a(self) -> None: ...\n")
    assert run_here("contract", "gdscript", str(program), "-o", str(folder), "--check").returncode == 1
    (folder / "other.gd").write_text("extends Node\n")
    before = (folder / "main.gd").read_text()
    assert run_here("contract", "gdscript", str(program), "-o", str(folder)).returncode == 2
    assert (folder / "main.gd").read_text() == before


def test_gdscript_for_godot_3(program: Path, tmp_path: Path) -> None:
    assert run_here("contract", "gdscript", str(program), "-o", str(tmp_path / "g"), "--godot3").returncode == 0
    assert "\nremote func say(text: String) -> void:" in (tmp_path / "g" / "main.gd").read_text()


def test_problems_are_counted(game: Path) -> None:
    (game / "two.gd").write_text("extends Node\n@rpc var x\n")
    result = run_here("contract", "python", str(game))
    assert (result.returncode, result.stderr) == (0, f"1 problem: gdpeer contract show {game} lists them\n")


def test_refused_names_are_one_line(game: Path, program: Path, tmp_path: Path) -> None:
    (game / "one.gd").write_text("extends Node\n" + "".join(f"@rpc func _gdpeer_{one}(): pass\n" for one in "abcde"))
    result = run_here("contract", "python", str(game))
    assert (result.returncode, result.stdout) == (2, "")
    assert "res://one.gd:2: gdpeer's Node uses the name _gdpeer_a itself" in result.stderr
    assert "; and 2 more (see gdpeer contract python --help)" in result.stderr
    program.write_text(PROGRAM.replace("say", "match"))
    result = run_here("contract", "gdscript", str(program), "-o", str(tmp_path / "out"))
    assert (result.returncode, (tmp_path / "out").exists()) == (2, False)
    assert "program_of_stubs.py:5: match is a keyword of GDScript: rename the method" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("python", "{game}", "--check"), "--check needs -o FILE"),
        (("python", "{game}", "--force"), "--force needs -o FILE"),
        (("python", "{game}/empty"), "'{game}/empty' has no RPC methods"),
        (("python", "/nowhere.gd"), "cannot read /nowhere.gd: No such file or directory"),
        (("python", "{game}", "-o", "{game}"), "cannot write {game}: Is a directory"),
        (("gdscript", "{game}"), "--output is missing"),
        (("gdscript", "{game}", "-o", "{game}/one.gd"), "cannot write {game}/one.gd"),
        (
            ("python", "{game}", "-o", "{game}/bytes"),
            "a file to overwrite is not UTF-8: expected a file that gdpeer has ",
        ),
    ],
)
def test_a_misuse_is_one_line_and_status_2(game: Path, arguments: tuple[str, ...], expected: str) -> None:
    (game / "empty").mkdir()
    (game / "empty" / "project.godot").write_text("config_version=5\n")
    (game / "bytes").write_bytes(b"\xff")
    result = run_here("contract", *(one.replace("{game}", str(game)) for one in arguments))
    assert (result.returncode, result.stdout) == (2, "")
    assert reason(result).startswith(expected.replace("{game}", str(game)))
