"""What gdpeer is to reach beside the others, and whether a result of `bench.run` reaches it.

The goals are one table. A share is that of the floor, a small C server (a C client in the client scenarios). It and the
comparisons are ratios taken round by round, of which the median counts. Less than a fifth between two is a tie: so much
do rounds differ on a machine that others share.
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
"""The libraries for Python; socketify is a binding of a C++ server and counts as one."""
POLLING = "gdpeer-polling"
"""Our client in a loop that never waits, as the floor: who waits in the system cannot keep up with who does not."""
ORDER = (OURS, POLLING, "gdpeer-pure", *PYTHON_PEERS, "node-ws")
"""In which they are shown."""
BEST = "best"

TIE = 0.20

Samples: TypeAlias = Sequence[Mapping[str, Any]]
Rows: TypeAlias = Mapping[str, Samples]
"""The samples of each server in one scenario."""


@dataclass(frozen=True)
class Goal:
    """What a scenario wants.

    Attributes:
        scenario: its name.
        share: at least this share of the floor.
        times: at least so many times as good as ...
        times_of: ... this server; `BEST`: the best of `PYTHON_PEERS` in that row.
        not_behind: ahead of this one, or a tie.
        at_most: the figure itself is no larger.
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
    """One goal beside what was measured; `met` is None where it was not."""

    scenario: str
    wanted: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "**not met**", None: "not measured"}[self.met]


def verdict(found: Sequence[float]) -> str:
    """What ratios of several rounds say: ahead, behind, or a tie."""
    value = median(found)
    if 1 / (1 + TIE) < value < 1 + TIE or min(found) <= 1 <= max(found):
        return "tie"
    return "ahead" if value > 1 else "behind"


def is_void(samples: Samples) -> bool:
    """Whether a sample had an error: then the figures say nothing."""
    return any(sample.get("error_total") for sample in samples)


def compare(rows: Rows, scenario: str, one: str, other: str) -> list[float]:
    """How many times as good one server is as the other, round by round; empty where there are no two figures."""
    unit = UNITS[scenario]
    if is_void(rows.get(one, ())) or is_void(rows.get(other, ())):
        return []
    return ratios(rows.get(one, ()), rows.get(other, ()), unit.key, higher=unit.higher_is_better)


def floor_of(rows: Rows) -> str:
    """The floor that was measured with the others."""
    return next((name for name in FLOORS if name in rows), FLOORS[0])


def share_of(rows: Rows, scenario: str, server: str) -> float | None:
    """Which share of the floor a server reaches: the median over the rounds."""
    found = compare(rows, scenario, server, floor_of(rows))
    return median(found) if found else None


def best_peer(rows: Rows, scenario: str) -> str:
    """The best of the libraries for Python; "" where none was measured."""
    unit = UNITS[scenario]
    values = {name: middle(rows[name], unit.key) for name in PYTHON_PEERS if name in rows and not is_void(rows[name])}
    known = {name: value for name, value in values.items() if value}
    if not known:
        return ""
    choose = max if unit.higher_is_better else min
    return choose(known, key=lambda name: known[name])


def judge(results: Mapping[str, Rows], goals: Sequence[Goal] = GOALS) -> list[Outcome]:
    """Each goal, in order, beside what a run measured."""
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
    """Why there is no figure."""
    return "void: errors" if is_void(rows.get(OURS, ())) else "-"
