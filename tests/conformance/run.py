"""Runs the Autobahn test suite against gdpeer and compares each case with the committed result.

    python -m tests.conformance.run                          sections 1 to 7 and 10, both roles, compiled
    python -m tests.conformance.run --sections long          sections 9, 12 and 13 (limits, speed, compression)
    python -m tests.conformance.run --sections sample        of these, 9 and the small messages of 12 and 13: minutes
    python -m tests.conformance.run --form pure --role server
    python -m tests.conformance.run --front aio              through the asyncio front, held to the same results
    python -m tests.conformance.run --sections all --update  write tests/conformance/expected.json anew

Role `server`: the suite's fuzzing client against `gdpeer echo`. Role `client`: `tests.conformance.polling_client`
against the suite's fuzzing server. Through the asyncio front both are `tests.conformance.aio_peers`. The last line is
`N passed, N failed`; a case that does better than committed differs, too. The suite is installed on first use.
Exit status: 0 all as committed, 1 a difference, 2 the suite cannot run here (the reason is printed), 130 Ctrl-C or
SIGTERM, which end the suite's processes too.
"""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance import suite
from tests.conformance.fuzzing import Interrupted, Results, fuzz_client, fuzz_server, interrupted, started
from tests.conformance.suite import CannotRun, Selection
from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening

EXPECTED = Path(__file__).with_name("expected.json")
REPORTS = ROOT / "build" / "conformance"
PYTHONS = {"compiled": ROOT / ".venv" / "bin" / "python", "pure": ROOT / ".venv-pure" / "bin" / "python"}
ROLES = ("server", "client")
LONG = ("9", "12", "13")
LONG_CASES = [f"{section}.*" for section in LONG]
PARTS = [f"12.{part}" for part in range(1, 6)] + [f"13.{part}" for part in range(1, 8)]
SAMPLE = [f"{part}.{case}" for part in PARTS for case in range(1, 7)]
"""The cases with small messages of each part of the sections about compression."""
SELECTIONS = {
    "quick": Selection(without=LONG_CASES),
    "sample": Selection(["9.*", *SAMPLE]),
    "long": Selection(LONG_CASES),
    "all": Selection(),
}
LARGEST = 32 * 2**20
"""The largest message that `gdpeer echo` accepts; the suite's largest has 16 MiB."""

PEERS = {
    "polling": {
        "server": ["gdpeer.cli", "echo", "--host", "127.0.0.1", "--compress", "--max-size", str(LARGEST), "--port"],
        "client": ["tests.conformance.polling_client"],
    },
    "aio": {
        "server": ["tests.conformance.aio_peers", "server"],
        "client": ["tests.conformance.aio_peers", "client"],
    },
}
"""The module and its arguments for each front and role; a port is added, or the suite's URL and the agent."""


# -- running ----------------------------------------------------------------------------------------------------------


def try_server(peer: list[str], folder: Path, selection: Selection, limit: float) -> Results:
    port = free_port()
    with open(folder / "echo.log", "w") as log, started([*peer, str(port)], log):
        wait_until_listening(port)
        return fuzz_server(f"ws://127.0.0.1:{port}", folder, selection, limit)


def run_role(role: str, options: argparse.Namespace) -> Results:
    folder = REPORTS / f"{role}-{options.form}-{options.front}-{options.sections}"
    folder.mkdir(parents=True, exist_ok=True)
    attempt = try_server if role == "server" else fuzz_client
    peer = [str(options.python or PYTHONS[options.form]), "-m", *PEERS[options.front][role]]
    results = attempt(peer, folder, SELECTIONS[options.sections], options.timeout)
    if not results:  # for example, another program took the port
        print(f"{role}: no case ran; once more\n{last_lines(folder)}")
        results = attempt(peer, folder, SELECTIONS[options.sections], options.timeout)
    return results


def last_lines(folder: Path) -> str:
    """Returns the last lines of each log in a folder."""
    ends = (f"---- {log.name}\n{log.read_text(errors='replace')[-1000:]}" for log in sorted(folder.glob("*.log")))
    return "\n".join(ends)


def run_roles(roles: Sequence[str], options: argparse.Namespace) -> dict[str, Results]:
    """Runs the roles side by side.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; all processes have ended.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: interrupted.set())
    with ThreadPoolExecutor() as pool:
        return dict(zip(roles, pool.map(lambda role: run_role(role, options), roles), strict=True))


# -- comparing --------------------------------------------------------------------------------------------------------


def case_order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def belongs(case: str, sections: str) -> bool:
    if sections == "sample":
        return case.startswith("9.") or case in SAMPLE
    return sections == "all" or (case.split(".")[0] in LONG) == (sections == "long")


def load_expected() -> dict[str, Results]:
    return json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}


def write_expected(role: str, results: Results, sections: str) -> None:
    everything = load_expected()
    kept = {case: found for case, found in everything.get(role, {}).items() if not belongs(case, sections)}
    merged = kept | results
    everything[role] = {case: merged[case] for case in sorted(merged, key=case_order)}
    lines = []
    for name in sorted(everything):
        cases = ",\n".join(f'  "{case}": {json.dumps(found)}' for case, found in everything[name].items())
        lines.append(f'"{name}": {{\n{cases}\n}}')
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def compare(role: str, results: Results, cases: list[str], options: argparse.Namespace) -> tuple[int, int]:
    """Prints the cases that differ; returns how many cases are as committed, and how many differ."""
    expected = {case: found for case, found in load_expected().get(role, {}).items() if belongs(case, options.sections)}
    everything = sorted({*cases, *expected, *results}, key=case_order)
    different = [case for case in everything if case not in results or expected.get(case) != results[case]]
    for case in different:
        was, now = expected.get(case, ["NOT COMMITTED"]), results.get(case, ["DID NOT RUN"])
        print(f"{role} {options.form} {options.front} {case}: {' / '.join(now)}, committed: {' / '.join(was)}")
    same = len(everything) - len(different)
    which = f"{role}, {options.form}, {options.front}"
    print(f"conformance, {which}: {len(everything)} cases, {same} as committed, {len(different)} different")
    return same, len(different)


def summary(results: Results) -> str:
    counts: dict[str, int] = {}
    for found in results.values():
        counts[" / ".join(found)] = counts.get(" / ".join(found), 0) + 1
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", choices=SELECTIONS, default="quick")
    parser.add_argument("--form", choices=PYTHONS, default="compiled")
    parser.add_argument("--python", type=Path, help="an interpreter that has gdpeer (default: that of the form)")
    parser.add_argument("--front", choices=PEERS, default="polling")
    parser.add_argument("--role", choices=ROLES, action="append", help="default: both, side by side")
    parser.add_argument(
        "--timeout", type=float, default=1500, metavar="SECONDS", help="limit for a role (default 1500)"
    )
    parser.add_argument("--update", action="store_true", help="write the results down as the expected ones")
    options = parser.parse_args()
    roles = options.role or list(ROLES)
    try:
        suite.install()
        if options.sections != "quick":
            suite.accelerate()
        cases = suite.selected(SELECTIONS[options.sections])
        found = run_roles(roles, options)
    except CannotRun as error:
        print(f"not run: conformance: {error}")
        return 2
    except Interrupted:
        print("not run: conformance: interrupted")
        return 130
    passed = failed = 0
    for role, results in found.items():
        print(f"{role}: {summary(results)}")
        if options.update:
            write_expected(role, results, options.sections)
        same, different = compare(role, results, cases, options)
        passed, failed = passed + same, failed + different
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
