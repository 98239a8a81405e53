"""Writes the measured part of docs/performance.md from the results in bench/results.

    python -m bench.page             replaces the part between two comments of the page
    python -m bench.page --check     ends with status 1 if the page differs from the results

Figures come from the JSON files of the results. The tables of `bench.rpc`, `bench.variants`, `bench.start` and
`bench.matches` are copied from their Markdown files. The page names measurements that have no result yet.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import asgi, cores, engine, fronts, protocols, replication, scaling, swarm, tls
from bench.goals import ORDER, OURS, Outcome, Rows, floor_of, is_void, judge, share_of
from bench.machine import RESULTS, Data, headline, middle, number, table
from bench.wsbench.scenarios import UNITS
from tests.support.missing import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEMORY = "idle-mem"

TITLES = {
    "servers": "Beside other WebSocket libraries",
    "engine": "Beside the engine",
    "replication": "Replication beside the engine",
    "scaling": "Idle peers",
    "cores": "Two processes on one port",
    "fronts": "The asyncio front",
    "swarm": "A swarm of bots",
    "tls": "Over TLS",
    "asgi": "Inside a web application",
    "protocols": "The protocol without a network",
    "rpc": "Remote calls in memory",
    "variants": "Values",
    "start": "Start of a program",
    "matches": "Matches beside the engine",
}
"""The titles of the sections in order, by the name of the result."""

COMMANDS = {"servers": "make bench", **{name: f"python -m bench.{name}" for name in TITLES if name != "servers"}}


def read(folder: Path) -> tuple[dict[str, Data], dict[str, str]]:
    """Returns the results in a folder: the figures of some, which this module renders, and the texts of others."""
    figures = {name: json.loads(file.read_text()) for name in RENDERERS if (file := folder / f"{name}.json").exists()}
    others = [name for name in TITLES if name not in RENDERERS]
    return figures, {name: file.read_text() for name in others if (file := folder / f"{name}.md").exists()}


def render(figures: Mapping[str, Data], texts: Mapping[str, str]) -> str:
    """Returns the measured part of the page."""
    return "\n\n".join(f"## {title}\n\n{section(name, figures, texts)}" for name, title in TITLES.items())


def section(name: str, figures: Mapping[str, Data], texts: Mapping[str, str]) -> str:
    if name in figures:
        facts = f"{headline(figures[name]['about'])}. Repeat it with `{COMMANDS[name]}`."
        return f"{facts}\n\n{RENDERERS[name](figures[name])}"
    if name in texts:
        return f"{_without_title(texts[name])}\n\nRepeat it with `{COMMANDS[name]}`."
    return f"Not measured yet; run `{COMMANDS[name]}`."


def _without_title(text: str) -> str:
    return re.sub(r"\A# .*\n+", "", text).strip()


def servers(data: Data) -> str:
    """Returns the plot, the goals and the figures of `bench.run`."""
    results: Mapping[str, Rows] = data["results"]
    return "\n\n".join(
        [
            plot("servers", "The share of the floor that each library reaches in each scenario"),
            f"### The goals\n\n{summary(judge(results))}\n\n{goals(judge(results))}",
            f"### The figures\n\n{shares(results)}",
        ]
    )


def plot(name: str, words: str) -> str:
    return f"![{words}](../bench/results/{name}.svg)"


def summary(outcomes: Sequence[Outcome]) -> str:
    """Returns a sentence that says how many goals are met."""
    counted = [one.met for one in outcomes]
    parts = [f"{counted.count(True)} of {len(counted)} are met"]
    parts += [f"{counted.count(False)} are not"] if False in counted else []
    parts += [f"{counted.count(None)} were not measured"] if None in counted else []
    return f"{', '.join(parts)}."


def goals(outcomes: Sequence[Outcome]) -> str:
    rows = [(one.scenario, one.wanted, one.measured, one.word) for one in outcomes]
    return table(("scenario", "goal", "measured", ""), rows, words=4)


def shares(results: Mapping[str, Rows]) -> str:
    """Returns tables with the figures of gdpeer and the floor, and each server's and client's share of the floor."""
    names = [name for name in UNITS if name in results]
    parts = ([name for name in names if name.startswith("client-") is is_client] for is_client in (False, True))
    text = f"Shares of the floor; for {MEMORY} the bytes. A dash means not measured, `void` means errors."
    return "\n\n".join([text, *(shares_of(results, part) for part in parts if part)])


def shares_of(results: Mapping[str, Rows], scenarios: Sequence[str]) -> str:
    others = [name for name in ORDER if name != OURS and any(name in results[scenario] for scenario in scenarios)]
    rows = [figures_of(scenario, results[scenario], others) for scenario in scenarios]
    return table(("scenario", "unit", OURS, "floor", f"{OURS}, share", *others), rows, words=2)


def figures_of(scenario: str, rows: Rows, others: Sequence[str]) -> list[str]:
    unit = UNITS[scenario]
    own = [number(middle(rows.get(server, ()), unit.key)) for server in (OURS, floor_of(rows))]
    return [scenario, unit.name, *own, *(cell(scenario, rows, server) for server in (OURS, *others))]


def cell(scenario: str, rows: Rows, server: str) -> str:
    if is_void(rows.get(server, ())):
        return "void"
    if scenario == MEMORY:
        return number(middle(rows.get(server, ()), UNITS[scenario].key))
    share = share_of(rows, scenario, server)
    return "-" if share is None else f"{share:.2f}"


def scaled(data: Data) -> str:
    """Returns the plot and the table of `bench.scaling`."""
    return f"{plot('scaling', 'Processor time of a message over the number of idle peers')}\n\n{scaling.markdown(data)}"


RENDERERS: dict[str, Callable[[Data], str]] = {
    "servers": servers,
    "engine": engine.markdown,
    "replication": replication.markdown,
    "scaling": scaled,
    "cores": cores.markdown,
    "fronts": fronts.markdown,
    "swarm": swarm.markdown,
    "tls": tls.markdown,
    "asgi": asgi.markdown,
    "protocols": protocols.markdown,
}


def replace(page: str, measured: str) -> str:
    """Returns the page with another measured part.

    Raises:
        ValueError: the page lacks the comments that mark the part.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where the page is out of date")
    options = parser.parse_args()
    old = PAGE.read_text(encoding="utf-8")
    new = replace(old, render(*read(RESULTS)))
    if options.check:
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
