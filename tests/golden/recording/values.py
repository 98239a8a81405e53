"""Records how the engines encode values and evaluate expressions: variant_godot*.json, variant_math_godot4.json."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.missing import ROOT
from tools import godot

HERE = Path(__file__).parent
GOLDEN = ROOT / "tests" / "golden"


def run_script(major: str, script: Path, folder: Path) -> str:
    """Runs a script as an engine's main loop, and returns its output.

    Raises:
        SystemExit: the engine failed.
    """
    done = subprocess.run(
        [*godot.command(major), "--path", str(folder), "--script", str(script)],
        env=os.environ | godot.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
    )
    if done.returncode:
        raise SystemExit(f"Godot {major} ended {script.name} with status {done.returncode}")
    return done.stdout


def values(major: str) -> list[dict[str, Any]]:
    """Returns the values that an engine prints."""
    printed = run_script(major, HERE / f"variants_godot{major}.gd", HERE)
    found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [one | {"type": int(one["type"])} for one in found]


def write_values(out: Path) -> None:
    for major in ("4", "3"):
        found = values(major)
        lines = ",\n".join(json.dumps(value, ensure_ascii=False) for value in found)
        path = out / f"variant_godot{major}.json"
        engine = json.dumps(godot.version(major))
        path.write_text(f'{{"engine": {engine}, "values": [\n{lines}\n]}}\n', encoding="utf-8")
        print(f"{path.name}: {len(found)} values")


def write_math(out: Path) -> None:
    path = out / "variant_math_godot4.json"
    path.write_text(run_script("4", HERE / "variant_math.gd", GOLDEN), encoding="utf-8")
    print(f"{path.name}: {len(json.loads(path.read_text(encoding='utf-8'))['values'])} values")
