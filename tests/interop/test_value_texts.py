"""`str_to_var` reads what the engines read, and refuses what they refuse, but for what docs/variants.md says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gdpeer import VariantError, str_to_var, var_to_bytes
from tests.interop.value_texts import mutations, texts
from tests.support.engines import Engine, versions

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]
HERE = Path(__file__).parent

STRICTER = ("something follows", "64 bits", "does not fit the type", "zero character", "a colour has", "empty subname")
"""Reasons of gdpeer's for texts that the engine reads, or reads a part of."""


def read_here(text: str, version: str) -> str:
    """The bytes of the value within an array, in hexadecimal digits; "" or a reason where there is none."""
    try:
        value = str_to_var(f"[{text}\n]", engine=int(version))
    except VariantError as problem:
        return next((reason for reason in STRICTER if reason in str(problem)), "")
    return var_to_bytes(value, engine=int(version)).hex()


@pytest.mark.parametrize("version", versions())
def test_texts_are_read_as_the_engine_reads_them(version: str, tmp_path: Path) -> None:
    asked, results = tmp_path / "texts.json", tmp_path / "results.txt"
    found = [*texts(), *mutations(4_000)]
    asked.write_text(json.dumps(found), "utf-8")
    folder = HERE / f"texts_godot{version}"
    with Engine(version, folder, folder / "read.gd", str(asked), str(results)) as engine:
        assert engine.wait(60) == 0
    heard = results.read_text("utf-8").split("\n")[:-1]
    assert len(heard) == len(found)
    differing = {}
    for text, there in zip(found, heard, strict=True):
        here = read_here(text, version)
        if here != there and here not in STRICTER and not is_padded(here, there):
            differing[text] = (there, here)
    assert differing == {}
    assert sum(map(bool, heard)) > len(heard) // 10


def is_padded(here: str, there: str) -> bool:
    """Whether only bytes behind names differ, which Godot 3 leaves as they happen to be."""
    return "0f000000" in here and len(here) == len(there) and here.rstrip("0") == there[: len(here.rstrip("0"))]
