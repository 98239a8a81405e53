"""What `make instructions` tells of its counts; counting itself takes valgrind and the compiled form."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import instructions
from bench.instructions import PATHS, budgets, check, compare, total_of


def test_more_than_three_percent_beyond_the_budget_is_over() -> None:
    header, *lines = compare(
        {"echo": 1031, "encode": 1030, "decode": 500}, {"echo": 1000, "encode": 1000, "decode": 1000}
    )
    assert header.split() == ["path", "instructions", "budget", "change"]
    assert [line.split()[-1] for line in lines] == ["OVER", "+3.0%", "-50.0%"]


def test_a_path_without_a_budget_is_only_shown() -> None:
    assert compare({"echo": 1031}, {})[1].split() == ["echo", "1,031", "none"]


def test_the_budget_names_each_path() -> None:
    assert all(list(table) == list(PATHS) for table in budgets().values())


def test_the_sum_of_a_dump_is_its_total(tmp_path: Path) -> None:
    dump = tmp_path / "out.1.1"
    dump.write_text("desc: Trigger: --dump-before=getpgrp\nevents: Ir\nsummary: 1234\nfn=(1) x\n1 1234\ntotals: 1234\n")
    assert total_of(dump) == 1234
    dump.write_text("desc: Trigger: Program termination\nevents: Ir\nsummary: 12\ntotals: 12\n")
    assert total_of(dump) == sys.maxsize


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_valgrind_it_says_what_is_missing(
    ci: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    assert check(["echo"], recording=False) == status
    assert capsys.readouterr().out.startswith("not run: instructions: valgrind is not installed")


@pytest.mark.parametrize("name", PATHS)
def test_each_path_does_its_work(name: str) -> None:
    work = PATHS[name].make()
    for _ in range(2):
        work()
