"""The command `python -m tests.golden.recording`; `__init__.py` describes it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.golden import recording
from tests.golden.recording import calls, replication, scenes, values
from tests.support.missing import ROOT

PARTS: dict[str, Callable[[Path], None]] = {
    "values": values.write_values,
    "math": values.write_math,
    "calls": calls.write,
    "replication": replication.write,
    "scenes": scenes.write,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.recording",
        description=recording.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "golden", help="default: tests/golden")
    options = parser.parse_args()
    unknown = set(options.parts) - PARTS.keys()
    if unknown:
        parser.error(f"expected parts of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.parts or PARTS:
        PARTS[name](options.out)


if __name__ == "__main__":
    main()
