"""Translated pages say what the English pages say: the same code, headings, links, tables and names in the text."""

from __future__ import annotations

import os.path
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.missing import ROOT

PAGES = {
    "README.zh-CN.md": "README.md",
    "docs/zh-CN/tutorial.md": "docs/tutorial.md",
    "docs/zh-CN/game-server.md": "docs/game-server.md",
}
"""The English page of each translation."""

BLOCK = re.compile(r"^(?P<fence>```+)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)$\n", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^<!-- file: \S+ -->\n", re.MULTILINE)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
CODE = re.compile(r"(?<!`)`([^`]+)`")
NUMBER = re.compile(r"\d[\d,.]*\d|\d")

Facts = dict[str, object]


def target(page: str, link: str) -> str:
    """Returns the English page that a link of a page leads to, from the root of the project."""
    path, mark, anchor = link.partition("#")
    if "://" in path:
        return link
    found = os.path.normpath(os.path.join(os.path.dirname(page), path))
    return f"{PAGES.get(found, found)}{mark}{anchor}"


def facts(page: str, text: str) -> Facts:
    """Returns what must be the same in both languages."""
    own = PAGES.get(page, page)
    prose = BLOCK.sub("", MARK.sub("", text))
    links = Counter(target(page, link) for link in LINK.findall(prose))
    del links[own]  # the line that leads to the other language
    return {
        "code": [(block["info"], block["body"]) for block in BLOCK.finditer(text)],
        "headings": [len(marks) for marks in HEADING.findall(prose)],
        "links": links,
        "cells": [row.count("|") for row in ROW.findall(prose)],
        "names": Counter(re.sub(r"\s+", " ", name) for name in CODE.findall(prose)),
        "numbers": {number for number in NUMBER.findall(CODE.sub("", LINK.sub("", prose))) if len(number) > 1},
    }


def different(translated: str, text: str) -> Iterator[str]:
    """Yields the kinds of facts in which a translation differs from its page."""
    page = PAGES[translated]
    wanted, found = facts(page, (ROOT / page).read_text("utf-8")), facts(translated, text)
    for kind, value in wanted.items():
        if found[kind] != value:
            yield f"{translated}: other {kind} than {page}"


@pytest.mark.parametrize("translated", PAGES)
def test_a_translation_has_the_facts_of_its_page(translated: str) -> None:
    assert list(different(translated, (ROOT / translated).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("heartbeat_interval = 20", "heartbeat_interval = 30", "code"),
        ("\n## 3. ", "\n### 3. ", "headings"),
        ("../howto/tls.md", "../howto/shutdown.md", "links"),
        ("`listen` ", "`bind` ", "names"),
        ("每 20 秒", "每 25 秒", "numbers"),
    ],
)
def test_each_kind_of_drift_is_found(old: str, new: str, kind: str) -> None:
    text = (ROOT / "docs/zh-CN/tutorial.md").read_text("utf-8")
    assert old in text
    assert list(different("docs/zh-CN/tutorial.md", text.replace(old, new))) == [
        f"docs/zh-CN/tutorial.md: other {kind} than docs/tutorial.md"
    ]


def test_a_row_less_is_found() -> None:
    text = (ROOT / "README.zh-CN.md").read_text("utf-8")
    rows = [row for row in ROW.findall(text) if "get_latency" in row]
    assert "README.zh-CN.md: other cells than README.md" in different(
        "README.zh-CN.md", text.replace(rows[0] + "\n", "")
    )


def test_both_pages_lead_to_each_other() -> None:
    for translated, page in PAGES.items():
        for one, other in ((translated, page), (page, translated)):
            path = os.path.relpath(other, Path(one).parent)
            assert f"]({path})" in (ROOT / one).read_text("utf-8").split("\n\n")[1]
