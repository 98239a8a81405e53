"""The rules by which the engine loads a SceneReplicationConfig; the answers are the engine's."""

from __future__ import annotations

import json

import pytest

from gdpeer.project_files.replication_config import read_replication_config
from gdpeer.project_files.scenes import parse_scene
from gdpeer.project_files.text_resource import Damage, Section, read_sections
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden" / "scenes_godot4"
SECTIONS = parse_scene((GOLDEN / "configs.tscn").read_text(), "res://configs.tscn", {}).internal
ANSWERS = {
    path: members["config"]
    for path, _, _, members in json.loads(GOLDEN.with_suffix(".json").read_text())["res://configs.tscn"][1]
    if members
}


def read(section: Section) -> tuple[list[list[object]], list[Damage]]:
    refused: list[Damage] = []
    found = read_replication_config(section, refused)
    return [[str(one.path), one.spawn, one.mode] for one in found], refused


def of(text: str) -> Section:
    return list(read_sections(f"[resource]\n{text}"))[1]


@pytest.mark.parametrize("name", ANSWERS)
def test_each_configuration_has_the_properties_that_the_engine_loads(name: str) -> None:
    assert read(SECTIONS[name])[0] == ANSWERS[name]


def test_refused_lines_are_reported_with_their_line_and_reason() -> None:
    refused = read(SECTIONS["nosub"])[1]
    assert [f"{one.line} {one.text.rpartition(': ')[2]}" for one in refused] == [
        "17 expected the NodePath of a property",
        "18 there is no property 1 yet",
        "19 there is no property 2 yet",
        "20 there is no property 2 yet",
    ]
    assert read(SECTIONS["plain"])[1] == []


def test_a_property_knows_the_lines_that_decided_its_flag_and_its_mode() -> None:
    text = 'properties/0/path = NodePath(".:a")\nproperties/0/sync = false\n\nproperties/0/spawn = false\n'
    [found] = read_replication_config(of(text), [])
    assert (found.line, found.mode_line, found.spawn_line) == (2, 3, 5)


@pytest.mark.parametrize("index", ["9" * 5000, "-" * 5000, "-1", "٣"])
def test_an_odd_index_is_refused_or_taken_as_zero(index: str) -> None:
    found, refused = read(of(f'properties/{index}/path = NodePath(".:a")\n'))
    assert len(found) + len(refused) == 1
