"""The command: `python -m tests.harness 4 PROJECT FILE.steps`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.harness import start


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description="Drives an unchanged Godot project.")
    parser.add_argument("version", choices=["4", "3"], help="of the engine")
    parser.add_argument("project", type=Path)
    parser.add_argument("steps", type=Path, help="a file that ends in .steps")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds (default 60)")
    options = parser.parse_args()
    with start(options.version, options.project.absolute(), options.steps) as engine:
        status = engine.wait(options.timeout)
    print("\n".join([*engine.process.stdout, *engine.stderr]))
    return status


if __name__ == "__main__":
    raise SystemExit(main())
