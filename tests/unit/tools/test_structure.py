"""Counts of `tools.structure` that must not grow: private names used from outside, and the size of two packages."""

from __future__ import annotations

import pytest

from tools.structure import PACKAGE, levels, modules, private_uses, rooms

MOST_PRIVATE_USES = 30
"""Uses of another module's private names, in all of src."""


def test_modules_seldom_use_private_names_of_others() -> None:
    found = [f"{path.relative_to(PACKAGE)}:{line}: {text}" for path in modules() for line, text in private_uses(path)]
    assert len(found) <= MOST_PRIVATE_USES, "\n".join(found)


@pytest.mark.parametrize(("package", "most_entries", "most_levels"), [("websocket", 16, 7), ("multiplayer", 12, 7)])
def test_a_package_has_few_entries_in_few_levels(package: str, most_entries: int, most_levels: int) -> None:
    graph = rooms(package)
    found = levels(graph)
    assert len(graph) <= most_entries, sorted(graph)
    assert len(found) <= most_levels, found


@pytest.mark.parametrize("package", ["websocket", "multiplayer"])
def test_no_entries_of_a_package_import_each_other(package: str) -> None:
    graph = rooms(package)
    circles = [level for level in levels(graph) if any(graph[name] & set(level) for name in level)]
    assert circles == []
