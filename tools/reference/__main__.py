"""Writes the reference, or checks it: `python -m tools.reference [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.programs import ROOT
from tools.reference.missing import described, undescribed
from tools.reference.pages import make_pages
from tools.reference.settings import with_tables

FOLDER = ROOT / "docs" / "reference"


def write(folder: Path = FOLDER) -> None:
    """Writes all pages, and the tables of settings in other pages; removes old pages that are no longer made."""
    pages = make_pages()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for path, text in with_tables(ROOT / "docs").items():
        path.write_text(text, encoding="utf-8")


def faults(folder: Path = FOLDER) -> list[str]:
    """Returns the faults of the pages in a folder."""
    pages = make_pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    changed = [name for name in sorted({*pages, *there}) if pages.get(name) != there.get(name)]
    return [
        *(f"docs/reference/{name} is not current: run python -m tools.reference" for name in changed),
        *(
            f"docs/{path.name} is not current: run python -m tools.reference"
            for path, text in with_tables(ROOT / "docs").items()
            if text != path.read_text(encoding="utf-8")
        ),
        *(f"the reference says nothing of {name}" for name in undescribed(described(folder))),
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        found = faults()
        print("\n".join(found), end="\n" if found else "")
        sys.exit(bool(found))
    if sys.argv[1:]:
        raise SystemExit("usage: python -m tools.reference [--check]")
    write()
