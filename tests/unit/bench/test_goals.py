"""What a result says about the goals: shares of the floor, comparisons, ties, and what is void."""

from __future__ import annotations

from typing import Any

import pytest

from bench.goals import GOALS, Goal, best_peer, judge, share_of, verdict
from bench.wsbench.scenarios import UNITS


def rates(*values: float, errors: int = 0) -> list[dict[str, Any]]:
    return [{"per_s": value, "error_total": errors} for value in values]


def medians(*values: float) -> list[dict[str, Any]]:
    return [{"p50_us": value} for value in values]


ROWS = {"cwsecho": rates(100, 200, 100), "picows": rates(50, 90, 50), "gdpeer": rates(90, 170, 95)}


def test_every_goal_is_of_a_scenario_and_wants_something() -> None:
    assert {goal.scenario for goal in GOALS} <= set(UNITS)
    assert all(goal.share or goal.times or goal.not_behind or goal.at_most for goal in GOALS)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([1.3, 1.25, 1.4, 1.3, 1.3], "ahead"),
        ([0.7, 0.75, 0.7, 0.6, 0.7], "behind"),
        ([1.15, 1.16, 1.18, 1.15, 1.17], "tie"),  # less than a fifth, though always ahead
        ([0.85, 0.86, 0.88, 0.85, 0.87], "tie"),
        ([1.5, 0.9, 1.4, 1.6, 1.5], "tie"),  # not in every round
        ([1.2], "ahead"),
        ([1 / 1.2 - 0.001], "behind"),
    ],
)
def test_less_than_a_fifth_is_a_tie(found: list[float], word: str) -> None:
    assert verdict(found) == word


def test_a_share_is_taken_round_by_round() -> None:
    assert share_of(ROWS, "echo-small", "gdpeer") == 0.9  # the medians would say 0.95
    assert share_of(ROWS, "echo-small", "aiohttp") is None


def test_of_a_latency_the_lower_one_is_better() -> None:
    rows = {
        "cwsecho": medians(10, 10),
        "gdpeer": medians(20, 20),
        "picows": medians(15, 15),
        "aiohttp": medians(30, 30),
    }
    assert share_of(rows, "latency-paced", "gdpeer") == 0.5
    assert best_peer(rows, "latency-paced") == "picows"
    [outcome] = judge({"latency-paced": rows}, [Goal("latency-paced", not_behind="picows")])
    assert (outcome.measured, outcome.met) == ("0.75 x picows: behind", False)


def test_the_best_peer_is_a_library_for_python_without_errors() -> None:
    rows = {
        "node-ws": rates(900),
        "cwsecho": rates(800),
        "gdpeer-pure": rates(700),
        "socketify": rates(600, errors=1),
        "aiohttp": rates(20),
        "picows": rates(50),
    }
    assert best_peer(rows, "echo-1k") == "picows"
    assert best_peer({"cwsecho": rates(800)}, "echo-1k") == ""


def test_a_goal_is_met_from_its_figure_on() -> None:
    goals = [Goal("echo-small", share=0.90, not_behind="picows"), Goal("echo-small", share=0.91, times=1.8)]
    told = [(one.wanted, one.measured, one.met) for one in judge({"echo-small": ROWS}, goals)]
    assert told == [
        ("at least 0.90 of the floor", "0.900", True),
        ("not behind picows", "1.89 x picows: ahead", True),
        ("at least 0.91 of the floor", "0.900", False),
        ("at least 1.8 x the best peer", "1.89 x picows", True),
    ]


def test_the_floor_of_a_client_is_a_client() -> None:
    rows = {"c-floor": rates(100), "gdpeer": rates(70)}
    [outcome] = judge({"client-rtt-32": rows}, [Goal("client-rtt-32", share=0.70)])
    assert outcome.met is True


def test_memory_is_a_figure_of_its_own() -> None:
    goal = Goal("idle-mem", at_most=2048)
    for size, met in ((2048, True), (2049, False)):
        [outcome] = judge({"idle-mem": {"gdpeer": [{"bytes_per_conn": size}]}}, [goal])
        assert (outcome.measured, outcome.met) == (f"{size:,}", met)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    outcomes = judge({}, GOALS)
    assert len(outcomes) == 20
    assert {(one.measured, one.met, one.word) for one in outcomes} == {("-", None, "not measured")}


def test_errors_make_a_figure_void() -> None:
    rows = ROWS | {"gdpeer": rates(90, 170, 95, errors=1)}
    outcomes = judge({"echo-small": rows}, [Goal("echo-small", share=0.1, times=0.1, not_behind="picows")])
    assert {(one.measured, one.met) for one in outcomes} == {("void: errors", None)}
