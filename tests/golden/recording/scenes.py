"""Has Godot 4 make the scenes of `tests/golden/scenes_godot4`, and records their nodes."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.support.engines import Engine, import_project
from tests.support.missing import ROOT

PROJECT = ROOT / "tests" / "golden" / "scenes_godot4"
SCRIPT = Path(__file__).with_name("scenes.gd")


def write(out: Path) -> None:
    texts = []
    for path, (root, nodes) in made(PROJECT).items():
        lines = ",\n".join(f"  {json.dumps(node)}" for node in nodes)
        texts.append(f"{json.dumps(path)}: [{json.dumps(root)}, [\n{lines}\n]]")
    (out / "scenes_godot4.json").write_text("{\n" + ",\n".join(texts) + "\n}\n")


def made(source: Path) -> dict[str, Any]:
    """The name of the root and all nodes, for each scene of a project; the engine writes only into a copy."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        shutil.copytree(source, project)
        shutil.copy(SCRIPT, project)
        import_project(project)
        scenes = sorted(f"res://{file.name}" for file in project.glob("*.tscn"))
        with Engine("4", project, project / SCRIPT.name, *scenes) as engine:
            engine.wait_for("done", timeout=40.0)
    return {one["path"]: [one["root"], one["nodes"]] for one in engine.all("scene")}
