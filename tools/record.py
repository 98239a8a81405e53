"""Records a terminal session for the documentation: `python -m tools.record` writes docs/pictures/terminal.svg.

A shell runs the game of docs/game-server.md: its Python server and two real Godot clients. In the SVG each piece of the
output appears after the same time as in the terminal, with long pauses shortened. A reader whose system asks for
reduced motion sees the last screen at once.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from tests.support.engines import command, environment
from tests.support.pages import program
from tools.programs import ROOT
from tools.terminal import CTRL_C, ESCAPES, Terminal

PICTURE = ROOT / "docs" / "pictures" / "terminal.svg"
COLUMNS, ROWS = 84, 24
PAUSE = 1.2
"""The longest pause that is kept, in seconds."""
WIDTH, HEIGHT, MARGIN, BAR = 8.43, 20, 16, 30
TITLE = "A Python server and two Godot games in a terminal"
LINES = [
    ("python server.py & sleep 1", "^The game is at"),
    ("godot --headless --path godot4 -- --name=Ann --auto > ann.log & sleep 3", "^Ann joins"),
    ("godot --headless --path godot4 -- --name=Bob --auto --points=3", "^Bob leaves"),
    ("tail -n 3 ann.log", "^Bob leaves"),
]
"""The typed lines, each with the output to wait for."""
KEY = 0.04
PROMPT = r"\$ \Z"


class Piece(NamedTuple):
    """Some characters of a line, and the time at which they appear."""

    when: float
    row: int
    column: int
    text: str


def session(folder: Path) -> list[tuple[float, bytes]]:
    """Plays the session; returns the output of the terminal in pieces, each with its time in seconds."""
    game = shutil.copytree(program("game/server.py").parent, folder / "game")
    tools = folder / "bin"
    tools.mkdir()
    words = " ".join(f"'{word}'" for word in command("4"))
    (tools / "godot").write_text(f'#!/bin/sh\nexec {words} --no-header "$@"\n')
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for file in tools.iterdir():
        file.chmod(0o755)
    shell = {"PS1": "$ ", "PATH": f"{tools}:{os.environ['PATH']}", "INPUTRC": "/dev/null", "TERM": "dumb"}
    bash = ["bash", "--norc", "--noprofile"]
    with Terminal(bash, folder=game, environment=environment() | shell, columns=COLUMNS, rows=ROWS) as terminal:
        terminal.wait_for(PROMPT)
        for line, answer in LINES:
            terminal.enter(line, KEY)
            terminal.wait_for(answer, 90)
            terminal.wait_for(PROMPT)
            terminal.watch(PAUSE)
        terminal.press(CTRL_C)
        return terminal.chunks


def pieces(chunks: list[tuple[float, bytes]]) -> Iterator[Piece]:
    """Yields the characters with their places on an endless screen; longer pauses are cut to PAUSE."""
    row = column = 0
    when = before = 0.0
    for moment, data in chunks:
        when += min(moment - before, PAUSE)
        before = moment
        for part in re.split(r"(\r?\n|\r|\x08 \x08)", ESCAPES.sub("", data.decode(errors="replace"))):
            if part.endswith("\n"):
                row, column = row + 1, 0
            elif part == "\r":
                column = 0
            elif part and not part.startswith("\x08"):
                yield Piece(when, row, column, part)
                column += len(part)


def draw(shown: list[Piece]) -> str:
    """Returns the SVG, which is tall enough for the whole session."""
    last = max(piece.row for piece in shown)
    size = (round(COLUMNS * WIDTH + 2 * MARGIN), BAR + (last + 1) * HEIGHT + MARGIN)
    typed = typed_rows(shown)
    texts = []
    for piece in shown:
        place = f'x="{MARGIN + piece.column * WIDTH:.1f}" y="{BAR + piece.row * HEIGHT + 15}"'
        look = ' class="typed"' if piece.row in typed else ""
        texts.append(f'<text {place}{look} style="animation-delay:{piece.when:.2f}s">{escape(piece.text)}</text>')
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img">
<title>{TITLE}</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d6dae0;
  white-space: pre; animation: show 1ms both }}
.typed {{ fill: #8fd0ff }}
.title {{ font-family: system-ui, sans-serif; font-size: 12px; fill: #98a1ac; animation: none; text-anchor: middle }}
@keyframes show {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="#15191f"/>
<circle cx="18" cy="15" r="5" fill="#e06c5f"/>
<circle cx="36" cy="15" r="5" fill="#e0b25f"/>
<circle cx="54" cy="15" r="5" fill="#6fbf73"/>
<text class="title" x="{size[0] // 2}" y="19">{TITLE}</text>
{chr(10).join(texts)}
</svg>
"""


def typed_rows(shown: list[Piece]) -> set[int]:
    """Returns the rows that begin with a prompt."""
    return {piece.row for piece in shown if piece.column == 0 and piece.text.startswith("$ ")}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="gdpeer-record-") as folder:
        chunks = session(Path(folder))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(list(pieces(chunks))), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
