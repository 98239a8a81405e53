"""Each module of gdpeer has a test file of its name, or a row in tests/README.md that names another one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.missing import ROOT

SOURCES = ROOT / "src" / "gdpeer"
TESTS = ROOT / "tests"
ROW = re.compile(r"^\| `([\w/]+\.py)` \| `([\w/]+\.py)` \|$", re.MULTILINE)


def mirrored(module: str) -> str:
    """Where the tests of a module are, below `tests`: `a/_b.py` has `unit/a/test_b.py`."""
    path = Path(module)
    return str(Path("unit", path.parent, f"test_{path.name.lstrip('_')}"))


def faults(modules: set[str], rows: dict[str, str], tests: set[str]) -> list[str]:
    """Where the table does not fit the modules and the test files."""
    alone = {module for module in modules if mirrored(module) not in tests}
    return sorted(
        [
            *(f"{module}: neither {mirrored(module)} nor a row" for module in alone - rows.keys()),
            *(f"{module}: {mirrored(module)} exists, so the row must go" for module in rows.keys() & modules - alone),
            *(f"{module}: there is no such module" for module in rows.keys() - modules),
            *(f"{module}: there is no {test}" for module, test in rows.items() if test not in tests),
        ]
    )


def test_each_module_has_a_test_file_or_a_row() -> None:
    modules = {str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py") if path.name != "__init__.py"}
    modules = {module for module in modules if not module.startswith("templates/")}
    tests = {str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py")}
    table = (TESTS / "README.md").read_text().partition("## Modules without a file of their own")[2]
    assert faults(modules, dict(ROW.findall(table)), tests) == []


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ({}, "a/b.py: neither unit/a/test_b.py nor a row"),
        ({"a/b.py": "unit/test_c.py", "_c.py": "unit/test_c.py"}, "_c.py: unit/test_c.py exists, so the row must go"),
        ({"a/b.py": "unit/test_c.py", "d.py": "unit/test_c.py"}, "d.py: there is no such module"),
        ({"a/b.py": "unit/test_x.py"}, "a/b.py: there is no unit/test_x.py"),
    ],
)
def test_each_kind_of_fault_is_found(rows: dict[str, str], fault: str) -> None:
    assert faults({"_c.py", "a/b.py"}, rows, {"unit/test_c.py"}) == [fault]


def test_a_row_is_enough() -> None:
    assert faults({"_c.py", "a/b.py"}, {"a/b.py": "unit/test_c.py"}, {"unit/test_c.py"}) == []
