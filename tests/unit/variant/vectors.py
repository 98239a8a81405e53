"""The golden vectors: values that real engines wrote, with their bytes and texts."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"


def load(engine: int) -> list[dict[str, Any]]:
    """The vectors of one engine."""
    return json.loads((GOLDEN / f"variant_godot{engine}.json").read_text())["values"]


def by_name(engine: int, name: str) -> bytes:
    """The bytes of one vector."""
    return next(bytes.fromhex(vector["hex"]) for vector in load(engine) if vector["name"] == name)


ALL = [pytest.param(engine, vector, id=f"{engine}-{vector['name']}") for engine in (4, 3) for vector in load(engine)]
WITH_OBJECTS = [
    pytest.param(engine, vector, id=f"{engine}-{vector['name']}")
    for engine in (4, 3)
    for vector in load(engine)
    if "hex_with_objects" in vector
]


def words(*numbers: int) -> bytes:
    """Numbers of 32 bits."""
    return b"".join(struct.pack("<I", number & 0xFFFFFFFF) for number in numbers)
