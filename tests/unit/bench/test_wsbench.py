"""The benchmark: which peers and scenarios are chosen, what its tables say, and that it notices a faulty server."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

import pytest

from bench.wsbench import peers
from bench.wsbench.__main__ import Samples, added, chosen
from bench.wsbench.peers import CLIENTS, SERVERS, build_all
from bench.wsbench.processes import Server
from bench.wsbench.rounds import Rounds, measure_servers
from bench.wsbench.scenarios import QUICK, SCENARIOS, UNITS
from bench.wsbench.selftest import CONNECT, ECHO, FAULTS, notices
from bench.wsbench.tables import tables
from tests.support.missing import missing

pytestmark = pytest.mark.extended


@pytest.fixture
def programs() -> None:
    if not shutil.which("cc"):
        missing("the benchmark", "there is no C compiler")
    build_all()


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def rate(*values: float, **more: Any) -> list[dict[str, Any]]:
    return [{"per_s": value, "error_total": 0, **more} for value in values]


def test_every_peer_has_its_program_and_its_pinned_packages() -> None:
    for peer in (*SERVERS.values(), *CLIENTS.values()):
        assert peer.folder is not None
        programs = [word for word in peer.command.split() if word.endswith((".py", ".mjs"))]
        programs += [f"{word.removesuffix(':app')}.py" for word in peer.command.split() if word.endswith(":app")]
        assert len(programs) == (1 if peer.group else 0)
        assert all((peer.folder / name).exists() for name in programs)
        if peer.group:
            name = "package.json" if peer.group == "node" else f"{peer.group}.txt"
            assert (peers.HERE / "requirements" / name).exists()
    assert set(QUICK) <= set(SCENARIOS)
    assert set(peers.QUICK) <= set(SERVERS)


def test_names_are_chosen_by_patterns() -> None:
    assert chosen(["a1", "a2", "b"], []) == ["a1", "a2", "b"]
    assert chosen(["a1", "a2", "b"], ["a*", "b"], ["?2"]) == ["a1", "b"]


def test_a_client_of_ones_own_is_told_port_size_and_seconds() -> None:
    parser = argparse.ArgumentParser()
    assert added(parser, ["me=run {port} {size}"], "--more")["me"].command == "run {port} {size}"
    assert added(parser, ["me=run {port}"], "--size {size}")["me"].command == "run {port} --size {size}"
    for wrong in ("me", "me=run"):
        with pytest.raises(SystemExit):
            added(parser, [wrong])


def test_each_round_begins_elsewhere() -> None:
    rounds = Rounds(2, 1.0, 0.1, True)
    assert [rounds.turned("abcd", turn) for turn in range(2)] == [list("abcd"), list("cdab")]
    assert rounds.turned("", 1) == []
    assert Rounds(5, 1.0, 0.1, True).turned("ab", 3) == list("ba")


def test_the_best_stands_on_top_with_its_ratio_round_by_round() -> None:
    found = {"base": rate(100, 200), "mine": rate(150, 200), "gone": rate(50, 50, error_total=1, first_error="late")}
    _head, _line, first, second, third = cells(tables({"echo-small": found}, "base"))
    assert first[:4] == ["mine", "175.0", "150.0 - 200.0", "1.25 (1.00 - 1.50)"]
    assert second[:4] == ["base", "150.0", "100.0 - 200.0", "1.00 (1.00 - 1.00)"]
    assert third[0] == "gone"
    assert (third[3], third[-1]) == ("void", "2 (late)")


def test_of_a_latency_the_lowest_stands_on_top_and_who_has_none_below() -> None:
    assert not UNITS["latency-1"].higher_is_better
    found = {"none": [{}], "slow": [{"p50_us": 30.0}], "fast": [{"p50_us": 10.0}]}
    rows = cells(tables({"latency-1": found}, "slow"))[2:]
    assert [(row[0], row[3]) for row in rows] == [
        ("fast", "3.00 (3.00 - 3.00)"),
        ("slow", "1.00 (1.00 - 1.00)"),
        ("none", "-"),
    ]


MORE = [("none", ECHO, ""), ("badaccept", CONNECT, "handshake")]


@pytest.mark.parametrize(
    "row", [("corrupt", ECHO, "content"), *(pytest.param(row, marks=pytest.mark.extended) for row in MORE)]
)
def test_a_faulty_server_is_noticed(row: tuple[str, str, str], programs: None) -> None:
    assert row in FAULTS
    assert notices(*row)


def test_a_server_that_does_not_start_is_an_error_in_each_scenario(programs: None) -> None:
    samples = Samples()
    broken = Server("broken", peers.Peer("false {port}"))
    floor = Server("cwsecho", SERVERS["cwsecho"])
    measure_servers([broken, floor], ["echo-small", "idle-mem"], Rounds(1, 0.1, 0.05, False), samples.record)
    assert samples.is_faulty
    for name in ("echo-small", "idle-mem"):
        assert samples.found[name]["broken"] == [{"error_total": 1, "first_error": "did not start"}]
        [sample] = samples.found[name]["cwsecho"]
        assert sample["error_total"] == 0
        assert sample[UNITS[name].key] > 0
    assert Server.running == []
