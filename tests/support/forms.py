"""The form of gdpeer under test, and the modules that are compiled."""

from __future__ import annotations

import ast

from gdpeer import COMPILED
from tests.support.missing import ROOT

FORM = "compiled" if COMPILED else "pure"


def compiled_modules() -> list[str]:
    """Returns the names of the modules in the table `COMPILED` of setup.py."""
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED":
            return list(ast.literal_eval(node.value))
    raise AssertionError("setup.py has no table COMPILED")
