"""Turns docstrings into Markdown: the sections of Google's style, and the text between them."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import NamedTuple

__all__ = ["Docstring", "Item", "capital", "cell", "parse"]

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")

_HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):$")
_NAMED = re.compile(r"(?P<names>\*{0,2}[\w.`]+(?: \(.*?\))?(?:, (?:\*{0,2}[\w.`]+|\.\.\.))*): +(?P<text>.*)", re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)


class Item(NamedTuple):
    """One entry of a section; `names` is empty if it has none, as in most "Returns" sections."""

    names: tuple[str, ...]
    text: str


class Docstring(NamedTuple):
    """The parts of a docstring."""

    text: str
    sections: dict[str, list[Item]]

    def of(self, section: str) -> list[Item]:
        """Returns the entries of a section; none if the section is missing."""
        return self.sections.get(section, [])


def parse(docstring: str) -> Docstring:
    """Splits a docstring into its parts; text after the sections is added to the text before them."""
    text: list[str] = []
    sections: dict[str, list[str]] = {}
    into = text
    for line in docstring.strip().splitlines():
        heading = _HEADING.match(line)
        if heading:
            into = sections.setdefault(heading[1], [])
            continue
        if into is not text and line and not line.startswith(" "):
            into = text
            text.append("")
        into.append(line)
    found = {name: _items(lines, named=name not in ("Returns", "Yields")) for name, lines in sections.items()}
    return Docstring(prose("\n".join(text)), found)


def _items(lines: list[str], *, named: bool) -> list[Item]:
    """Returns the entries of a section; a line at the section's own depth begins an entry."""
    body = dedent("\n".join(lines)).strip("\n")
    parts = [dedent_after_first(part) for part in re.split(r"\n(?=\S)", body)]
    if not named and not all(re.match(r"[A-Z_]+: ", part) for part in parts):
        return [Item((), prose(body))]
    return [_item(part) for part in parts]


def _item(part: str) -> Item:
    found = _NAMED.fullmatch(part)
    if found is None:
        return Item((), prose(part))
    names = found["names"].replace("`", "")
    return Item(tuple(re.sub(r" \(.*\)", "", names).split(", ")), prose(found["text"]))


def dedent_after_first(part: str) -> str:
    """Removes the common indentation of all lines but the first."""
    first, _, rest = part.partition("\n")
    return f"{first}\n{dedent(rest)}" if rest else first


def prose(text: str) -> str:
    """Returns text as Markdown: indented code is fenced, and characters with a meaning in Markdown are escaped."""
    blocks = re.split(r"\n{2,}(?! {4})|(?<=\n)\n(?= {4}\S)", text.strip("\n"))
    return "\n\n".join(_block(block) for block in blocks if block.strip())


def _block(block: str) -> str:
    if block.lstrip("\n").startswith("    "):
        return f"```python\n{dedent(block.strip(chr(10)))}\n```"
    if re.match(r"[-*|] ?\S", block):  # a list or a table
        return escape(block)
    return escape(" ".join(line.strip() for line in block.splitlines()))


def escape(text: str) -> str:
    """Escapes Markdown's special characters outside of code."""
    pieces, place = [], 0
    for code in _CODE.finditer(text):
        pieces += [_plain(text[place : code.start()]), code[0]]
        place = code.end()
    return "".join([*pieces, _plain(text[place:])])


def _plain(text: str) -> str:
    return re.sub(r"(?<!^)([*<])|\b__|__\b", lambda found: "".join(f"\\{sign}" for sign in found[0]), text)


def capital(text: str) -> str:
    """Returns a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def cell(text: str) -> str:
    """Returns a text as the cell of a table."""
    return " ".join(text.split()).replace("|", r"\|")
