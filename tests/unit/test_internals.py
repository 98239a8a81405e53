"""The map in docs/internals.md shows what is in src/gdpeer: nothing is missing, and nothing else is named."""

from __future__ import annotations

import re

from tests.support.missing import ROOT

SOURCES = ROOT / "src"
PAGE = (ROOT / "docs" / "internals.md").read_text()
HEADING = re.compile(r"^### `(gdpeer[\w/]*)`$", re.MULTILINE)
ROW = re.compile(r"^\| (`.*?) \| ", re.MULTILINE)
PATH = re.compile(r"`((?:[a-z]\w*/)+(?:\w+\.(?:py|pxd|mjs))?)`")
UNLISTED = {"__init__.py", "__pycache__"}


def mapped() -> dict[str, set[str]]:
    """The entries of each folder by the map; folders end in a slash."""
    _, *parts = HEADING.split(PAGE.partition("## The map")[2])
    return {
        folder: {name for row in ROW.findall(table) for name in re.findall(r"`([^`]+)`", row)}
        for folder, table in zip(parts[::2], parts[1::2], strict=True)
    }


def present(folder: str) -> set[str]:
    """The entries of a folder; C types and what compiling leaves are not listed."""
    return {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (SOURCES / folder).iterdir()
        if path.name not in UNLISTED and path.suffix not in {".pxd", ".so", ".pyd"}
    }


def test_each_package_is_on_the_map() -> None:
    packages = {f"gdpeer/{path.parent.name}" for path in (SOURCES / "gdpeer").glob("*/__init__.py")}
    assert mapped().keys() == {"gdpeer", *packages}


def test_each_entry_of_a_package_is_on_the_map_and_no_other() -> None:
    for folder, names in mapped().items():
        assert names == present(folder), folder


def test_the_text_names_only_files_that_exist() -> None:
    """A path may be below the library, its folder, or the checkout."""
    named = PATH.findall(PAGE.partition("## The map")[0])
    assert named
    tops = (SOURCES / "gdpeer", SOURCES, ROOT)
    assert [name for name in named if not any((top / name).exists() for top in tops)] == []
