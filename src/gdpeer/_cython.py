"""Stands in for the `cython` module where Cython is not installed.

The compiled modules are plain Python with the C types in a `.pxd` beside them. The uncompiled form asks `cython` only
whether it is compiled; every branch that uses more of `cython` runs in the compiled form only.
"""

from __future__ import annotations

from typing import Any

compiled = False


def __getattr__(name: str) -> Any:
    raise AttributeError(f"cython.{name} exists in compiled code only")
