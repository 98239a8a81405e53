"""Writes the pages of the reference: plain Markdown that a forge shows as it stands."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tools.reference.contents import PAGES, Page
from tools.reference.docstrings import Docstring, Item, capital, cell
from tools.reference.source import (
    Attribute,
    Members,
    docstring_of,
    expression,
    find,
    members_of,
    runtime,
    shown_value,
    signatures_of,
)

__all__ = ["make_pages"]

MARK = "<!-- Made by `python -m tools.reference` from the docstrings: change those. -->\n"
WORDS = """\
Every public name of gdpeer, with its signature and description. Names without a module are imported from `gdpeer`. In a
terminal, `python -m pydoc gdpeer.WebSocketPeer` prints the same descriptions."""

SIGNAL = re.compile(r"signal(?: without arguments| \((?P<arguments>[^)]*)\))?[.,:;]? *(?P<text>.*)", re.DOTALL)
INLINE = {"Args": "Argument", "Returns": "Returns", "Raises": "Raises"}
"""The headings of sections inside a table, which has no room for lists."""
SECTION_WORDS = {"Args": "Arguments", "Returns": "Returns", "Yields": "Yields", "Raises": "Raises"}


@cache
def make_pages() -> dict[str, str]:
    """Returns the text of all pages, by file name."""
    pages = {f"{page.file}.md": _linked(make_page(page), f"{page.file}.md") for page in PAGES}
    return {"index.md": make_index(), **pages}


def make_index() -> str:
    rows = [
        f"| [{page.title}]({page.file}.md) | {', '.join(f'[`{name}`]({places()[name]})' for name in page.names)} |"
        for page in PAGES
    ]
    return "\n".join(["# API reference", "", MARK, WORDS, "", "| Page | Names |", "|---|---|", *rows, ""])


def make_page(page: Page) -> str:
    parts = [f"# {page.title}", MARK.strip(), page.words]
    for name in page.names:
        parts += entry(name, page.is_compact)
    return "\n\n".join(part for part in parts if part) + "\n"


def entry(name: str, is_compact: bool) -> Iterator[str]:
    """Yields the parts of the entry for one public name."""
    thing = find(name)
    yield f"## `{title_of(name)}`"
    if thing.is_attribute:
        yield from data(name, thing)
        return
    words = docstring_of(thing)
    if thing.is_class and issubclass(runtime(name), enum.Enum):
        yield from [words.text, enumeration(name, thing)]
        return
    yield code(signatures_of(last(name), thing, name if thing.is_class else ""))
    if thing.is_class:
        yield bases(name)
    yield words.text
    yield from sections(words)
    if thing.is_class:
        yield from members(name, members_of(name), is_compact)


def data(name: str, thing: Any) -> Iterator[str]:
    value = expression(thing.value)
    yield code([f"{last(name)} = {value}"])
    yield docstring_of(thing).text


def title_of(name: str) -> str:
    thing = find(name)
    return f"{name}()" if thing.is_function else name


def last(name: str) -> str:
    return name.rpartition(".")[2]


def code(lines: list[str]) -> str:
    return "```python\n" + "\n".join(lines) + "\n```"


def bases(name: str) -> str:
    """Returns the bases of a class that are public or Python's own, as text."""
    found = []
    for base in runtime(name).__mro__[1:]:
        public = next((other for other in places() if "." not in other and _is(other, base)), "")
        if public:
            found.append(f"`{qualified(public, name)}`")
        elif base.__module__ in ("builtins", "array") and base is not object:
            found.append(f"`{base.__name__}`")
            break
    return f"Extends {', '.join(found)}." if found else ""


def qualified(name: str, reader: str) -> str:
    """Returns a name, with its module if the module of `reader` has the same name."""
    return f"gdpeer.{name}" if "." in reader and "." not in name else name


def _is(name: str, kind: type) -> bool:
    return find(name).is_class and runtime(name) is kind


# -- parts of an entry ------------------------------------------------------------------------------------------------


def sections(words: Docstring) -> Iterator[str]:
    for section, caption in SECTION_WORDS.items():
        items = words.of(section)
        if len(items) == 1 and not items[0].names:
            yield f"**{caption}:** {items[0].text}"
        elif items:
            yield f"**{caption}:**\n\n" + "\n".join(bullet(item) for item in items)


def bullet(item: Item) -> str:
    text = item.text.replace("\n", "\n  ")
    return f"* {', '.join(f'`{name}`' for name in item.names)}: {text}" if item.names else f"* {text}"


def enumeration(name: str, thing: Any) -> str:
    members = [(member, thing.members.get(member.name)) for member in runtime(name)]
    texts = [docstring_of(found).text if found is not None and found.docstring else "" for _, found in members]
    rows = [[f"`{member.name}`", f"`{member.value!r}`"] for member, _ in members]
    if any(texts):
        rows = [[*row, cell(text)] for row, text in zip(rows, texts, strict=True)]
        return table(["Name", "Value", "Meaning"], rows)
    return table(["Name", "Value"], rows)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Returns a table in Markdown, without columns that are empty in all rows."""
    kept = [index for index in range(len(head)) if any(row[index] for row in rows)]
    lines = [[head[index] for index in kept], ["---"] * len(kept), *([row[index] for index in kept] for row in rows)]
    return (
        "\n".join("| " + " | ".join(line) + " |" for line in lines)
        .replace("| --- ", "|---")
        .replace("---|\n", "---|\n")
    )


def members(name: str, found: Members, is_compact: bool) -> Iterator[str]:
    signals = [one for one in found.attributes if SIGNAL.match(one.text) and one.text.startswith("signal")]
    others = [one for one in found.attributes if one not in signals]
    yield captioned("Signals", signal_table(signals))
    yield captioned("Attributes", attribute_table([one for one in others if not one.is_read_only]))
    yield captioned("Read-only attributes", attribute_table([one for one in others if one.is_read_only]))
    yield captioned("Enumerations", nested_enumerations(name, found.enumerations))
    yield captioned("Constants", constant_table(name, found.constants))
    if found.inherited:
        lines = [
            f"* from `{qualified(base, name)}`: "
            + ", ".join(_inherited_link(base, key) for key in keys if not key.isupper())
            for base, keys in found.inherited.items()
        ]
        yield captioned("Inherited", "\n".join(lines))
    if is_compact:
        yield captioned("Methods", method_table(name, found.methods))
    else:
        for key, method in found.methods.items():
            yield from method_entry(name, key, method)


def _inherited_link(base: str, key: str) -> str:
    place = places().get(f"{base}.{key}", places()[base])
    return f"[`{key}`]({place})"


def captioned(caption: str, text: str) -> str:
    return f"**{caption}**\n\n{text}" if text else ""


def signal_table(signals: list[Attribute]) -> str:
    rows = []
    for one in signals:
        found = SIGNAL.match(one.text)
        assert found is not None
        rows.append([names_of(one), f"`({found['arguments'] or ''})`", cell(capital(found["text"]))])
    return table(["Signal", "Arguments", "Emitted"], rows) if rows else ""


def attribute_table(attributes: list[Attribute]) -> str:
    rows = [
        [names_of(one), one.type and f"`{cell(one.type)}`", one.default and f"`{one.default}`", cell(capital(one.text))]
        for one in attributes
    ]
    return table(["Name", "Type", "Default", "Meaning"], rows) if rows else ""


def names_of(one: Attribute) -> str:
    return ", ".join(f"`{name}`" for name in one.names)


def nested_enumerations(name: str, keys: list[str]) -> str:
    lines = []
    for key in keys:
        values = ", ".join(f"`{member.name}` {member.value}" for member in getattr(runtime(name), key))
        lines.append([f"`{key}`", values])
    return table(["Name", "Members"], lines) if lines else ""


def constant_table(name: str, keys: list[str]) -> str:
    shown = [[f"`{key}`", f"`{cell(shown_value(getattr(runtime(name), key, None)))}`"] for key in keys]
    return table(["Name", "Value"], shown) if shown else ""


def method_table(name: str, methods: dict[str, Any]) -> str:
    rows = []
    for key, method in methods.items():
        words = docstring_of(method)
        calls = "<br>".join(f"`{cell(line)}`" for line in signatures_of(key, method, name))
        more = [f"{caption} {bullet(item)[2:]}" for section, caption in INLINE.items() for item in words.of(section)]
        rows.append([calls, cell(" ".join([words.text, *more]))])
    return table(["Method", "Meaning"], rows) if rows else ""


def method_entry(name: str, key: str, method: Any) -> Iterator[str]:
    yield f"### `{last(name)}.{key}()`"
    words = docstring_of(method)
    if key not in ("__exit__", "__aexit__"):
        yield code(signatures_of(key, method, name))
    yield words.text
    yield from sections(words)


# -- links ------------------------------------------------------------------------------------------------------------


@cache
def places() -> dict[str, str]:
    """Returns the link, page and heading, of each public name and of each method with a heading."""
    found = {name: f"{page.file}.md#{anchor(title_of(name))}" for page in PAGES for name in page.names}
    for page in PAGES:
        for name in page.names if not page.is_compact else ():
            for key in members_of(name).methods if find(name).is_class else ():
                found[f"{name}.{key}"] = f"{page.file}.md#{anchor(f'{last(name)}.{key}()')}"
    return found


def anchor(title: str) -> str:
    """Returns the anchor of a heading, as forges and Sphinx name it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def relative(text: str, file: str) -> str:
    """Removes the page's own file name from links to the page itself."""
    return text.replace(f"]({file}#", "](#")


FENCED = re.compile(r"^```.*?^```$|^#.*?$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<![\[`])`(?P<package>gdpeer\.)?(?P<name>[\w.]+)(?:\(\))?`(?!\])")


def _linked(text: str, file: str) -> str:
    """Turns mentions of public names into links, except names of the same section."""
    pieces = re.split(r"(?m)^(?=## )", text)
    return relative("".join(_linked_section(piece) for piece in pieces), file)


def _linked_section(text: str) -> str:
    own = re.match(r"## `([\w.]+)", text)
    pieces, place = [], 0
    for fenced in FENCED.finditer(text):
        pieces += [_linked_words(text[place : fenced.start()], own[1] if own else ""), fenced[0]]
        place = fenced.end()
    return "".join([*pieces, _linked_words(text[place:], own[1] if own else "")])


def _linked_words(text: str, own: str) -> str:
    module = own.rpartition(".")[0]

    def link(found: re.Match[str]) -> str:
        near = found["name"] if found["package"] or not module else f"{module}.{found['name']}"
        name = near if near in places() else found["name"]
        return found[0] if name == own or name not in places() else f"[{found[0]}]({places()[name]})"

    return SPAN.sub(link, text)
