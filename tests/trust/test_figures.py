"""What the tests measure is kept, also where several of them run side by side."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.support.processes import Process

WRITERS, FIGURES = 4, 50
PROGRAM = """
import sys, pathlib
from tests.support import figures
figures.FOLDER = pathlib.Path(sys.argv[1])
print("ready")
input()
for number in range(int(sys.argv[3])):
    figures.record("X", **{f"{sys.argv[2]}_{number}": number})
"""


def test_figures_of_an_id_from_several_processes_are_all_kept(tmp_path: Path) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(Process([sys.executable, "-c", PROGRAM, tmp_path, f"writer{one}", str(FIGURES)]))
            for one in range(WRITERS)
        ]
        for writer in writers:
            writer.wait_for("^ready$")
        for writer in writers:
            writer.say("go")
        assert [writer.wait(30.0) for writer in writers] == [0] * WRITERS
    assert len(json.loads((tmp_path / "X.json").read_text())) == WRITERS * FIGURES
