"""Stands in for the `cython` module where Cython is not installed.

The compiled modules are plain Python with the C types in a `.pxd` beside them. All that they ask of `cython` at run
time, uncompiled, is whether they are compiled; every branch that uses more runs in compiled form only.
"""

from __future__ import annotations

from typing import Any

compiled = False


def __getattr__(name: str) -> Any:
    raise AttributeError(f"cython.{name} exists in compiled code only")
