"""`gdpeer contract`: the group, and the options that all actions have."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer.cli.contract import ContractActions, github_line
from tests.support.commands import run_here


@pytest.fixture
def game(tmp_path: Path) -> str:
    (tmp_path / "project.godot").write_text("config_version=5\n")
    (tmp_path / "one.gd").write_text("extends Node\n@rpc func m(): pass\n")
    return str(tmp_path)


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_the_help_names_every_action(arguments: tuple[str, ...]) -> None:
    result = run_here("contract", *arguments)
    assert result.returncode == 0
    for name in ContractActions.names:
        assert f"\n  {name} " in result.stdout


def test_an_unknown_action() -> None:
    result = run_here("contract", "sho")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == ("gdpeer contract: unknown action 'sho', did you mean show? (see gdpeer contract --help)\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("/nowhere.gd",), "cannot read /nowhere.gd: No such file or directory"),
        (("{game}", "--godot3", "--godot4"), "--godot3 and --godot4 cannot be used together"),
        (("{game}", "--json", "--github"), "expected one form of the output: --json or --github"),
        (("{game}", "--json", "--format", "text"), "expected one form of the output: --json or --github"),
        (("{game}", "--json", "--path", "x"), "--json saves all methods: --path and --method cannot be used with it"),
        (("{game}", "--format", "xml"), "--format: expected text, json or github, got 'xml'"),
    ],
)
def test_a_misuse_is_one_line_and_status_2(game: str, arguments: tuple[str, ...], reason: str) -> None:
    result = run_here("contract", "show", *(one.replace("{game}", game) for one in arguments))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"gdpeer contract show: {reason} (see gdpeer contract show --help)\n"


def test_an_annotation_of_github() -> None:
    assert github_line("error", "a,b:c.gd", 3, "50 %\nnew") == "::error file=a%2Cb%3Ac.gd,line=3::50 %25\\nnew"
    assert github_line("warning", "", 3, "x") == "::warning::x"
    assert github_line("notice", "a.gd", 0, "x") == "::notice file=a.gd::x"
