"""`gdpeer contract explain`: the methods behind a checksum, and behind those of a recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cli import contract_explain
from gdpeer.contract import Explanation, checksum_of
from gdpeer.multiplayer.rpc.mismatch import NO_METHODS
from tests.support.commands import run_here
from tests.unit.inspection.test_recorded_checksums import ONE, THREE, recording

SCRIPT = "extends Node\n@rpc func greet(): pass\n@rpc func move(): pass\n@rpc func set_name(): pass\n"
HAS = checksum_of(["greet", "move", "set_name"])
LACKS = checksum_of(["greet", "move"])


@pytest.fixture
def game(tmp_path: Path) -> Path:
    folder = tmp_path / "game"
    folder.mkdir()
    (folder / "project.godot").write_text('config_version=5\n[autoload]\nNet="*res://net.gd"\n')
    (folder / "net.gd").write_text(SCRIPT)
    return folder


def test_a_class_that_has_the_checksum(game: Path) -> None:
    result = run_here("contract", "explain", HAS.upper(), str(game))
    assert result.stdout == f"{HAS}\n  res://net.gd of {game}: has this checksum  at Net\n"
    assert result.returncode == 0


def test_the_methods_that_differ(game: Path) -> None:
    result = run_here("contract", "explain", LACKS, str(game), "--node", "Net")
    assert result.stdout == f"{LACKS}\n  res://net.gd of {game}: the other side lacks `set_name`  at Net\n"
    assert result.returncode == 1


def test_annotations_name_what_differs(game: Path) -> None:
    result = run_here("contract", "explain", LACKS, str(game), "--github")
    assert result.stdout == f"::error::{LACKS}  res://net.gd of {game}: the other side lacks `set_name`  at Net\n"
    assert result.returncode == 1
    result = run_here("contract", "explain", HAS, str(game), "--github")
    assert (result.stdout, result.returncode) == ("", 0)


def test_what_nothing_explains(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_here("contract", "explain", ONE, str(game))
    assert (result.stdout, result.returncode) == (f"{ONE}\n  {contract_explain.NOTHING}\n", 1)
    monkeypatch.setattr(contract_explain, "MOST_TRIES", 5)
    result = run_here("contract", "explain", ONE, str(game))
    assert result.stdout == f"{ONE}\n  {contract_explain.CUT_SHORT}\n"


def test_a_node_without_methods(game: Path) -> None:
    result = run_here("contract", "explain", NO_METHODS, str(game))
    assert (result.stdout, result.returncode) == (f"{NO_METHODS}\n  {contract_explain.NO_METHODS}\n", 0)


def test_json(game: Path) -> None:
    result = run_here("contract", "explain", LACKS, str(game), "--json")
    assert json.loads(result.stdout) == {
        "checksums": [
            {
                "checksum": LACKS,
                "nodes": [],
                "answers": [
                    {
                        "source": str(game),
                        "table": "res://net.gd",
                        "paths": ["Net"],
                        "names": ["greet", "move", "set_name"],
                        "is_exact": False,
                        "lacks": ["set_name"],
                        "has": [],
                        "text": "the other side lacks `set_name`",
                    }
                ],
                "is_complete": True,
            }
        ]
    }


# ---------------------------------------------------------------------------------------------------- recordings


@pytest.fixture
def session(tmp_path: Path) -> str:
    file = tmp_path / "session.jsonl"
    file.write_text(recording("auto", HAS, LACKS), encoding="utf-8")
    return str(file)


def test_all_nodes_of_a_recording(game: Path, session: str) -> None:
    result = run_here("contract", "explain", session, str(game))
    assert result.stdout.splitlines() == [
        f"{LACKS}  sent for Main (server)",
        f"  res://net.gd of {game}: the other side lacks `set_name`  at Net",
        f"{HAS}  sent for Main (client), Main/Board (server)",
        f"  res://net.gd of {game}: has this checksum  at Net",
        f"{THREE}  sent for Main/Chat (client)",
        f"  {contract_explain.NOTHING}",
    ]
    assert result.returncode == 1


def test_the_checksums_of_a_recording_share_the_tries(
    game: Path, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_explain, "MOST_TRIES", 9)
    search = contract_explain.explain_checksum
    tries: list[int] = []

    def spy(*words: Any, **options: Any) -> Explanation:
        tries.append(options["tries"])
        return search(*words, **options)

    monkeypatch.setattr(contract_explain, "explain_checksum", spy)
    run_here("contract", "explain", session, str(game))
    assert tries == [3, 3, 3]


def test_one_node_or_checksum_of_a_recording(game: Path, session: str) -> None:
    result = run_here("contract", "explain", session, str(game), "--node", "Main/Board")
    assert result.stdout.splitlines()[0] == f"{HAS}  sent for Main/Board (server)"
    assert (len(result.stdout.splitlines()), result.returncode) == (2, 0)
    result = run_here("contract", "explain", LACKS, session, str(game))
    assert result.stdout.splitlines()[0] == f"{LACKS}  sent for Main (server)"
    result = run_here("contract", "explain", session, str(game), "--node", "Nowhere")
    assert (result.stdout, result.returncode) == (f"{contract_explain.NO_NODE}\n", 1)


def test_json_of_a_recording(game: Path, session: str) -> None:
    found = json.loads(run_here("contract", "explain", session, str(game), "--json").stdout)["checksums"]
    assert [one["checksum"] for one in found] == [LACKS, HAS, THREE]
    assert found[1]["nodes"] == [
        {"path": "Main", "senders": ["client"]},
        {"path": "Main/Board", "senders": ["server"]},
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), contract_explain.NO_SOURCE),
        ((ONE,), contract_explain.NO_SOURCE),
        (("{session}",), contract_explain.NO_SOURCE),
        (("{game}",), "expected a checksum of 32 hexadecimal digits or a recording, got '{game}'"),
        ((ONE, "/nowhere.gd"), "cannot read /nowhere.gd: No such file or directory"),
        ((ONE, "{game}", "--godot3"), "{game} is of Godot 3, which sends names of methods and no checksums"),
        (("{damaged}", "{game}"), "{damaged}: line 2: invalid JSON (at character 1): is the file complete?"),
        (("{latin}", "{game}"), "{latin}: not a text in UTF-8"),
    ],
)
def test_a_misuse_is_one_line_and_status_2(
    game: Path, session: str, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "damaged").write_text(f"{Path(session).read_text().splitlines()[0]}\nnothing\n")
    (tmp_path / "latin").write_bytes(Path(session).read_bytes() + b"\xff\n")
    names = {"game": game, "session": session, "damaged": tmp_path / "damaged", "latin": tmp_path / "latin"}
    result = run_here("contract", "explain", *(one.format(**names) for one in arguments))
    assert (result.returncode, result.stdout) == (2, "")
    hint = " (see gdpeer contract explain --help)\n"
    assert result.stderr == f"gdpeer contract explain: {reason.format(**names)}{hint}"
