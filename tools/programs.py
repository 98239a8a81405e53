"""Extracts the programs of README and docs, which stand in their pages and nowhere else.

A comment before a block of code names the file that a reader would save:

    <!-- file: chat/server.py -->
    ```python
    print("the first line of the file")
    ```

On a forge and in the built pages the comment is invisible.

    python -m tools.programs FOLDER      writes every program into the folder
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/**/*.md")

BLOCK = re.compile(
    r"^<!-- file: (?P<name>\S+) -->\n(?P<fence>```+)(?P<language>[\w+-]+)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
MARK = "<!-- file:"


class PageError(Exception):
    """A page breaks the rules for programs; the message names the page and the line."""


class Program(NamedTuple):
    """A file that a page shows in full."""

    name: str
    text: str
    language: str
    page: Path
    line: int
    """Number of its first line in the page, from 1 on."""


def pages(root: Path = ROOT) -> list[Path]:
    return sorted({page for pattern in PAGES for page in root.glob(pattern)})


def programs_of(page: Path) -> Iterator[Program]:
    """Yields the programs of one page, in their order."""
    text = page.read_text(encoding="utf-8")
    found = 0
    for block in BLOCK.finditer(text):
        found += 1
        line = text.count("\n", 0, block.start("text")) + 1
        yield Program(block["name"], block["text"], block["language"], page, line)
    if found != len(re.findall(f"^{MARK}", text, re.MULTILINE)):
        raise PageError(f"{page}: a '{MARK} ... -->' is not followed by a block of code with a language")


def find_programs(root: Path = ROOT) -> dict[str, Program]:
    """Returns all programs by their names.

    Raises:
        PageError: two blocks have one name, a name leads out of the folder, or a mark has no block.
    """
    found: dict[str, Program] = {}
    for page in pages(root):
        for program in programs_of(page):
            where = f"{page.relative_to(root)}:{program.line}"
            if program.name in found:
                raise PageError(f"{where}: {program.name} stands in {found[program.name].page.name} already")
            if program.name.startswith("/") or ".." in program.name.split("/"):
                raise PageError(f"{where}: {program.name} leads out of the folder")
            found[program.name] = program
    return found


def write_programs(folder: Path, root: Path = ROOT) -> list[Path]:
    """Writes every program below the folder, and returns the files."""
    written = []
    for program in find_programs(root).values():
        path = folder / program.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program.text, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tools.programs FOLDER")
    for file in write_programs(Path(sys.argv[1])):
        print(file)
