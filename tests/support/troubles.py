"""Reads the rows of docs/howto/it-does-not-work.md, and compares texts with them."""

from __future__ import annotations

import re

from tests.support.missing import ROOT

PAGE = ROOT / "docs" / "howto" / "it-does-not-work.md"


def rows(part: str) -> list[str]:
    """Returns the symptom of each row in a part of the page; checks that every row has a cause and a cure.

    Args:
        part: the title of the part.
    """
    found = []
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {part}\n")[1].split("\n## ")[0]
    for line in text.splitlines():
        if line.startswith("| `"):
            match = re.fullmatch(r"\| `([^`]+)` \| (.+) \| (.+) \|", line)
            assert match is not None, line
            found.append(match[1])
    return found


def shows(row: str, text: str) -> bool:
    """Returns whether a text contains the message that a row shows."""
    pattern = re.compile(".+?".join(map(re.escape, row.split("…"))))
    return any(pattern.search(line) for line in text.splitlines())
