"""Makes the tables of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple, TypeAlias

from bench.machine import middle, number, ratios, table
from bench.wsbench.processes import Sample
from bench.wsbench.scenarios import SCENARIOS, Scenario

Results: TypeAlias = Mapping[str, Mapping[str, Sequence[Sample]]]
"""The samples of each scenario and each server or client, one for each round."""


class Row(NamedTuple):
    """A server or client in one scenario."""

    name: str
    samples: Sequence[Sample]

    def values(self, key: str) -> list[float]:
        return [sample[key] for sample in self.samples if key in sample]

    def middle(self, key: str) -> float | None:
        return middle(self.samples, key)

    @property
    def errors(self) -> int:
        return sum(sample.get("error_total", 0) for sample in self.samples)


def tables(results: Results, baseline: str) -> str:
    """Returns a table for each scenario, with the best server or client on top."""
    parts = [
        f"### {name}  {scenario.words}\n\n{_table(scenario, results[name], baseline)}"
        for name, scenario in SCENARIOS.items()
        if name in results
    ]
    return "\n\n".join(parts)


def _table(scenario: Scenario, found: Mapping[str, Sequence[Sample]], baseline: str) -> str:
    unit = scenario.unit
    rows = sorted((Row(*item) for item in found.items()), key=lambda row: _rank(scenario, row))
    head = ("", f"median {unit.name}", "min - max", f"x {baseline}", "p50 us", "p99 us", "CPU us/op", "load CPU")
    cells = [
        [
            row.name,
            number(row.middle(unit.key)),
            _span(row.values(unit.key)),
            "void" if row.errors else _ratio(scenario, row.samples, found.get(baseline, ())),
            *(number(row.middle(key)) for key in ("p50_us", "p99_us", scenario.cpu_key)),
            *(_share(row.middle(key)) for key in ("load_cpu", "noise")),
            _errors(row),
        ]
        for row in rows
    ]
    return table((*head, "noise", "errors"), cells)


def _rank(scenario: Scenario, row: Row) -> tuple[bool, float]:
    value = row.middle(scenario.unit.key)
    return value is None, (value or 0.0) * (-1 if scenario.unit.higher_is_better else 1)


def _ratio(scenario: Scenario, samples: Sequence[Sample], base: Sequence[Sample]) -> str:
    """Returns the median ratio and its range. Ratios of the same round cancel drift of the machine."""
    found = ratios(samples, base, scenario.unit.key, higher=scenario.unit.higher_is_better)
    return f"{median(found):.2f} ({min(found):.2f} - {max(found):.2f})" if found else "-"


def _span(values: Sequence[float]) -> str:
    return f"{number(min(values))} - {number(max(values))}" if values else "-"


def _errors(row: Row) -> str:
    first = next((f" ({sample['first_error']})" for sample in row.samples if sample.get("first_error")), "")
    return f"{row.errors or 'none'}{first}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
