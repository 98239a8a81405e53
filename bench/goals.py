"""The performance goals of gdpeer, and the check whether a result of `bench.run` meets them.

Shares are relative to the floor, a small C server, or a C client in the client scenarios. Shares and comparisons are
ratios of the same round, of which the median counts. A difference of less than a fifth is a tie, because rounds differ
by that much on a shared machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeAlias

from bench.machine import middle, number, ratios
from bench.wsbench.scenarios import UNITS

OURS = "gdpeer"
FLOORS = ("cwsecho", "c-floor")
PYTHON_PEERS = (
    "picows",
    "picows-messages",
    "socketify",
    "aiohttp",
    "websockets",
    "websockets-threads",
    "websocket-client",
    "wsproto",
)
"""The libraries for Python. socketify binds a C++ server, and counts as one of them."""
POLLING = "gdpeer-polling"
"""gdpeer's client in a loop that never waits, as the floor does: a client that sleeps in the kernel is slower."""
ORDER = (OURS, POLLING, "gdpeer-pure", *PYTHON_PEERS, "node-ws")
"""The order of the servers and clients in tables."""
BEST = "best"

TIE = 0.20

Samples: TypeAlias = Sequence[Mapping[str, Any]]
Rows: TypeAlias = Mapping[str, Samples]
"""The samples of one scenario, by server."""


@dataclass(frozen=True)
class Goal:
    """The goal of one scenario.

    Attributes:
        scenario: name of the scenario.
        share: the least share of the floor.
        times: the least ratio to the server `times_of`.
        times_of: name of a server, or `BEST` for the best of `PYTHON_PEERS` in this scenario.
        not_behind: name of a server that gdpeer must beat or tie with.
        at_most: the largest figure.
        ours: the form of gdpeer whose share counts.
    """

    scenario: str
    share: float = 0.0
    times: float = 0.0
    times_of: str = BEST
    not_behind: str = ""
    at_most: float = 0.0
    ours: str = OURS


GOALS = (
    Goal("latency-paced", not_behind="picows"),
    Goal("echo-small", share=0.85, not_behind="picows"),
    Goal("echo-small-pipe", share=0.40, times=4.0),
    Goal("echo-1k", share=0.60, times=2.0),
    Goal("echo-64k", share=0.85, not_behind=BEST),
    Goal("echo-1m", share=0.85, not_behind=BEST),
    Goal("echo-utf8", share=0.45),
    Goal("fanout-100", share=0.90, times=3.0, times_of="picows"),
    Goal("fanout-1000", share=0.90, times=3.0, times_of="picows"),
    Goal("connect", share=0.75),
    Goal("idle-mem", at_most=2048),
    Goal("client-rtt-32", share=0.70, ours=POLLING),
    Goal("client-rtt-64k", share=0.85, ours=POLLING),
)


@dataclass(frozen=True)
class Outcome:
    """One goal with its measurement; `met` is None if the scenario was not measured."""

    scenario: str
    wanted: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "**not met**", None: "not measured"}[self.met]


def verdict(found: Sequence[float]) -> str:
    """Returns the verdict on the ratios of several rounds: ahead, behind, or a tie."""
    value = median(found)
    if 1 / (1 + TIE) < value < 1 + TIE or min(found) <= 1 <= max(found):
        return "tie"
    return "ahead" if value > 1 else "behind"


def is_void(samples: Samples) -> bool:
    """Returns whether a sample had an error, which makes the figures void."""
    return any(sample.get("error_total") for sample in samples)


def compare(rows: Rows, scenario: str, one: str, other: str) -> list[float]:
    """Returns the ratio of one server to another for each round; empty if one of them has no figures."""
    unit = UNITS[scenario]
    if is_void(rows.get(one, ())) or is_void(rows.get(other, ())):
        return []
    return ratios(rows.get(one, ()), rows.get(other, ()), unit.key, higher=unit.higher_is_better)


def floor_of(rows: Rows) -> str:
    """Returns the name of the floor that was measured with the others."""
    return next((name for name in FLOORS if name in rows), FLOORS[0])


def share_of(rows: Rows, scenario: str, server: str) -> float | None:
    """Returns the share of the floor that a server reaches, as the median of the rounds; None without figures."""
    found = compare(rows, scenario, server, floor_of(rows))
    return median(found) if found else None


def best_peer(rows: Rows, scenario: str) -> str:
    """Returns the name of the best library for Python; "" if none was measured."""
    unit = UNITS[scenario]
    values = {name: middle(rows[name], unit.key) for name in PYTHON_PEERS if name in rows and not is_void(rows[name])}
    known = {name: value for name, value in values.items() if value}
    if not known:
        return ""
    choose = max if unit.higher_is_better else min
    return choose(known, key=lambda name: known[name])


def judge(results: Mapping[str, Rows], goals: Sequence[Goal] = GOALS) -> list[Outcome]:
    """Returns each goal, in order, with the measurement of a run."""
    return [outcome for goal in goals for outcome in _outcomes(goal, results.get(goal.scenario, {}))]


def _outcomes(goal: Goal, rows: Rows) -> Iterator[Outcome]:
    if goal.share:
        yield _share(goal, rows)
    if goal.times:
        yield _times(goal, rows)
    if goal.not_behind:
        yield _not_behind(goal, rows)
    if goal.at_most:
        yield _at_most(goal, rows)


def _share(goal: Goal, rows: Rows) -> Outcome:
    found = share_of(rows, goal.scenario, goal.ours)
    measured = _nothing(rows) if found is None else f"{found:.3f}"
    wanted = f"at least {goal.share:.2f} of the floor" + ("" if goal.ours == OURS else f", {goal.ours}")
    return Outcome(goal.scenario, wanted, measured, _is(found, goal.share))


def _times(goal: Goal, rows: Rows) -> Outcome:
    wanted = f"at least {goal.times:g} x {_called(goal.times_of)}"
    peer, found = _against(goal.times_of, goal.scenario, rows)
    if not found:
        return Outcome(goal.scenario, wanted, _nothing(rows), None)
    return Outcome(goal.scenario, wanted, f"{median(found):.2f} x {peer}", median(found) >= goal.times)


def _not_behind(goal: Goal, rows: Rows) -> Outcome:
    wanted = f"not behind {_called(goal.not_behind)}"
    peer, found = _against(goal.not_behind, goal.scenario, rows)
    if not found:
        return Outcome(goal.scenario, wanted, _nothing(rows), None)
    word = verdict(found)
    return Outcome(goal.scenario, wanted, f"{median(found):.2f} x {peer}: {word}", word != "behind")


def _at_most(goal: Goal, rows: Rows) -> Outcome:
    unit = UNITS[goal.scenario]
    found = None if is_void(rows.get(OURS, ())) else middle(rows.get(OURS, ()), unit.key)
    wanted = f"at most {number(goal.at_most)} {unit.name}"
    return Outcome(
        goal.scenario,
        wanted,
        _nothing(rows) if found is None else number(found),
        None if found is None else found <= goal.at_most,
    )


def _against(other: str, scenario: str, rows: Rows) -> tuple[str, list[float]]:
    peer = best_peer(rows, scenario) if other == BEST else other
    return peer, compare(rows, scenario, OURS, peer)


def _called(other: str) -> str:
    return "the best peer" if other == BEST else other


def _is(found: float | None, wanted: float) -> bool | None:
    return None if found is None else found >= wanted


def _nothing(rows: Rows) -> str:
    """Returns why there is no figure."""
    return "void: errors" if is_void(rows.get(OURS, ())) else "-"
