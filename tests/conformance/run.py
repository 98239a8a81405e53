"""Runs the Autobahn test suite against gdpeer and compares each case with the committed result.

    python -m tests.conformance.run                          sections 1 to 7 and 10, both roles, compiled
    python -m tests.conformance.run --sections long          sections 9, 12 and 13 (limits, speed, compression)
    python -m tests.conformance.run --form pure --role server
    python -m tests.conformance.run --front aio              through the asyncio front, held to the same results
    python -m tests.conformance.run --sections all --update  write tests/conformance/expected.json anew

Role `server`: the suite's fuzzing client against `gdpeer echo`. Role `client`: `gdpeer.cli.autobahn_client` against the
suite's fuzzing server. Through the asyncio front both are `tests.conformance.aio_peers`. The last line is
`N passed, N failed`; a case that does better than committed differs, too.
Exit status: 0 all as committed, 1 a difference, 2 the suite cannot run here (the reason is printed).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.missing import ROOT, SHARED
from tests.support.ports import free_port, wait_until_listening
from tools.pythons import find_python27

EXPECTED = Path(__file__).with_name("expected.json")
SUITE = SHARED / "tools" / "autobahn"
REPORTS = ROOT / "build" / "conformance"
PYTHONS = {"compiled": ROOT / ".venv" / "bin" / "python", "pure": ROOT / ".venv-pure" / "bin" / "python"}
ROLES = ("server", "client")
LONG = ("9", "12", "13")
PATTERNS = {
    "quick": ["--exclude", ",".join(f"{section}.*" for section in LONG)],
    "long": ["--cases", ",".join(f"{section}.*" for section in LONG)],
    "all": [],
}
LARGEST = 32 * 2**20
"""The largest message that `gdpeer echo` is told to take; the suite's largest has 16 MiB."""

PEERS = {
    "polling": {
        "server": ["gdpeer.cli", "echo", "--host", "127.0.0.1", "--compress", "--max-size", str(LARGEST), "--port"],
        "client": ["gdpeer.cli.autobahn_client"],
    },
    "aio": {
        "server": ["tests.conformance.aio_peers", "server"],
        "client": ["tests.conformance.aio_peers", "client"],
    },
}
"""What is run as a module for each front and role; a port follows, or the suite's URL and the agent."""

Results = dict[str, list[str]]
"""A case, such as 6.4.1, and its result: the behaviour, and the behaviour at the close."""


class CannotRun(Exception):
    """The suite cannot run here; the text says why."""


# -- running ----------------------------------------------------------------------------------------------------------


def suite_environment() -> dict[str, str]:
    python27 = find_python27()
    if not SUITE.exists():
        raise CannotRun("../shared/tools/autobahn is not beside the checkout")
    if python27 is None:
        raise CannotRun("the suite needs Python 2.7, and none was found (AUTOBAHN_PYTHON27 names one)")
    return dict(os.environ, AUTOBAHN_PYTHON27=python27)


def try_server(peer: list[str], folder: Path, patterns: list[str], limit: float) -> None:
    port = free_port()
    with open(folder / "echo.log", "w") as log:
        server = subprocess.Popen([*peer, str(port)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT)
        try:
            wait_until_listening(port)
            run_suite("run-fuzzingclient", folder, [*patterns, f"ws://127.0.0.1:{port}"], limit)
        finally:
            server.terminate()
            server.wait(20)


def try_client(peer: list[str], folder: Path, patterns: list[str], limit: float) -> None:
    run_suite("run-fuzzingserver", folder, [*patterns, "--", *peer, "{url}", "{agent}"], limit)


def run_suite(script: str, folder: Path, arguments: list[str], limit: float) -> None:
    command = [sys.executable, str(SUITE / script), "--agent", "gdpeer", "--outdir", str(folder)]
    command += ["--timeout", f"{limit:g}", *arguments]
    with open(folder / "suite.log", "w") as log:
        done = subprocess.run(
            command, env=suite_environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT
        )
    if done.returncode == 2:
        raise CannotRun((folder / "suite.log").read_text().strip().splitlines()[-1])


def run_role(role: str, options: argparse.Namespace) -> Results:
    folder = REPORTS / f"{role}-{options.form}-{options.front}-{options.sections}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    attempt = try_server if role == "server" else try_client
    peer = [str(PYTHONS[options.form]), "-m", *PEERS[options.front][role]]
    attempt(peer, folder, PATTERNS[options.sections], options.timeout)
    return read_report(folder)


def read_report(folder: Path) -> Results:
    path = folder / "index.json"
    report = json.loads(path.read_text()).get("gdpeer", {}) if path.exists() else {}
    return {case: [found["behavior"], found["behaviorClose"]] for case, found in report.items()}


# -- comparing --------------------------------------------------------------------------------------------------------


def case_order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def belongs(case: str, sections: str) -> bool:
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


def compare(role: str, results: Results, options: argparse.Namespace) -> tuple[int, int]:
    """Prints what differs; returns how many cases are as committed, and how many are not."""
    expected = {case: found for case, found in load_expected().get(role, {}).items() if belongs(case, options.sections)}
    cases = sorted(expected.keys() | results.keys(), key=case_order)
    different = [case for case in cases if expected.get(case) != results.get(case)]
    for case in different:
        was, now = expected.get(case, ["NOT COMMITTED"]), results.get(case, ["DID NOT RUN"])
        print(f"{role} {options.form} {options.front} {case}: {' / '.join(now)}, committed: {' / '.join(was)}")
    same = len(cases) - len(different)
    which = f"{role}, {options.form}, {options.front}"
    print(f"conformance, {which}: {len(cases)} cases, {same} as committed, {len(different)} different")
    if not cases:
        print(f"conformance, {role}: no case ran and none is committed")
    return same, len(different) if cases else 1


def summary(results: Results) -> str:
    counts: dict[str, int] = {}
    for found in results.values():
        counts[" / ".join(found)] = counts.get(" / ".join(found), 0) + 1
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", choices=PATTERNS, default="quick")
    parser.add_argument("--form", choices=PYTHONS, default="compiled")
    parser.add_argument("--front", choices=PEERS, default="polling")
    parser.add_argument("--role", choices=ROLES, action="append", help="default: both, side by side")
    parser.add_argument(
        "--timeout", type=float, default=1500, metavar="SECONDS", help="limit for a role (default 1500)"
    )
    parser.add_argument("--update", action="store_true", help="write the results down as the expected ones")
    options = parser.parse_args()
    roles = options.role or list(ROLES)
    try:
        suite_environment()
        with ThreadPoolExecutor() as pool:
            found = dict(zip(roles, pool.map(lambda role: run_role(role, options), roles), strict=True))
    except CannotRun as error:
        print(f"not run: conformance: {error}")
        return 2
    passed = failed = 0
    for role, results in found.items():
        print(f"{role}: {summary(results)}")
        if options.update:
            write_expected(role, results, options.sections)
        same, different = compare(role, results, options)
        passed, failed = passed + same, failed + different
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
