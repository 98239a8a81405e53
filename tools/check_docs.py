"""Checks that README, docs and the demos' pages are complete as plain files: `python -m tools.check_docs`.

* Code stands in the page: nothing is included from other files.
* Each link has a text. Relative links lead to a file that exists, and to a heading of it.
* Each picture has a text for those who cannot see it.
* Each page of docs can be reached from docs/index.md, under one of its headings.
* Where a command is another one on Windows, it stands there too: a block `sh` is followed by a block `powershell`.
  Commands that are the same everywhere are in blocks `shell`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tools.programs import ROOT, PageError, find_programs

PAGES = ("*.md", "docs/**/*.md", "demos/**/*.md", "deploy/**/*.md")

FENCE = re.compile(r"^(?P<fence>```+|~~~+)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(
    r"(?P<picture>!?)\[(?P<text>[^\[\]]*(?:!\[[^\]]*\]\([^)]*\)[^\[\]]*)?)\]\(\s*(?P<target>[^)\s]*)[^)]*\)"
)
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *#*$", re.MULTILINE)
INCLUDES = re.compile(r"^\s*(?:```+|:::+|\.\.\s)\s*\{?(?P<word>literalinclude|include)\}?", re.MULTILINE)
UNIX = re.compile(r"^```sh\n(?P<body>.*?)^```\n(?P<rest>.*?)(?=^#+ |^```sh\n|\Z)", re.MULTILINE | re.DOTALL)
UNIX_ALONE = re.compile(
    r"\bbin/(?:activate|pip|python|gdpeer)\b|/dev/|^ *[A-Z_]+=\S* +\S| \\$"
    r"| < \S|^ *(?:export|source|curl|tail|rm|sudo|apt(?:-get)?) ",
    re.MULTILINE,
)
"""Matches commands that PowerShell does not understand."""
INDENTED = re.compile(r"(?<=\n\n)(?: {4,}\S[^\n]*\n)+")
OTHERWISE = ("docs/contributing.md", "docs/internals.md", "docs/performance.md", "deploy/")
"""Pages about work on gdpeer itself, which needs make, and about machines with Linux."""
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class Fault(NamedTuple):
    """A fault of a page, with its place."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def blank(found: re.Match[str]) -> str:
    """Returns as many empty lines as a match has, so that later text keeps its line number."""
    return "\n" * found[0].count("\n")


def prose(text: str) -> str:
    """Returns a page without its code."""
    return CODE.sub(lambda found: "code" + blank(found), FENCE.sub(blank, text))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Returns the anchors of a page's headings, as forges and Sphinx name them."""
    names: list[str] = []
    for heading in HEADING.finditer(FENCE.sub(blank, page.read_text(encoding="utf-8"))):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["title"]).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        names.append(f"{name}-{names.count(name)}" if name in names else name)
    return frozenset(names)


def check_link(page: Path, root: Path, text: str, target: str, picture: bool) -> str | None:
    """Returns the fault of a link; None if it is right."""
    if not text.strip():
        return f"the {'picture' if picture else 'link to'} {target} has no text"
    if OUTSIDE.match(target):
        return None
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return f"there is no {target}"
    if not file.is_relative_to(root):
        return f"{target} is outside of the project"
    if anchor and anchor not in anchors(file):
        return f"{path or page.name} has no heading #{anchor}"
    return None


def check_page(page: Path, root: Path = ROOT) -> Iterator[Fault]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(root).as_posix()
    for found in INCLUDES.finditer(text):
        if name != "docs/changelog.md":  # in the built pages it is /CHANGELOG.md, which is complete as a plain file
            yield Fault(name, line_of(text, found), f"{found['word']}: put the code into the page")
    if not name.startswith(OTHERWISE):
        yield from check_commands(name, text)
    words = prose(text)
    for found in LINK.finditer(words):
        problem = check_link(page, root, found["text"], found["target"], bool(found["picture"]))
        if problem:
            yield Fault(name, line_of(words, found), problem)


def check_commands(name: str, text: str) -> Iterator[Fault]:
    """Yields commands for Unix that have no counterpart for Windows."""
    for found in UNIX.finditer(text):
        if "```powershell\n" not in found["rest"]:
            yield Fault(name, line_of(text, found), "no commands for Windows follow: add a block `powershell`")
    plain = [found for found in FENCE.finditer(text) if found["info"] in ("", "shell", "text", "console")]
    outside = FENCE.sub(blank, text)
    for found in [*plain, *INDENTED.finditer(outside)]:
        if UNIX_ALONE.search(found["body"] if "body" in found.re.groupindex else found[0]):
            yield Fault(name, line_of(text, found), "a command for Unix alone: put it into a block `sh`")


def line_of(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1


def check_index(root: Path = ROOT) -> Iterator[Fault]:
    """Yields pages that docs/index.md does not link to."""
    index = root / "docs" / "index.md"
    named = {found["target"].partition("#")[0] for found in LINK.finditer(index.read_text(encoding="utf-8"))}
    for page in sorted((root / "docs").rglob("*.md")):
        name = page.relative_to(root / "docs").as_posix()
        if page != index and not name.startswith("examples/") and name not in named:
            yield Fault("docs/index.md", 1, f"{name} is not listed")


def check(root: Path = ROOT) -> list[Fault]:
    """Returns the faults of all pages."""
    pages = sorted({page for pattern in PAGES for page in root.glob(pattern)})
    faults = [fault for page in pages for fault in check_page(page, root)]
    faults += check_index(root)
    try:
        find_programs(root)
    except PageError as error:
        faults.append(Fault("docs", 0, str(error)))
    return faults


if __name__ == "__main__":
    problems = check()
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))
