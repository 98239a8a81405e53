"""Godot 4 makes of each scene in `tests/golden/scenes_godot4` the nodes that `scenes_godot4.json` has."""

from __future__ import annotations

import json

import pytest

from tests.golden.recording.scenes import PROJECT, made

pytestmark = pytest.mark.engine


def test_the_engine_makes_these_nodes_of_each_scene() -> None:
    assert made(PROJECT) == json.loads(PROJECT.with_suffix(".json").read_text())
