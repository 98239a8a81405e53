"""The reader of projects against the engine: names, checksums off the wire, words of `@rpc`, and nodes in the tree."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gdpeer import VariantType
from gdpeer.contract import Argument, Contract, read_project
from tests.support.engines import Engine, import_project
from tests.unit.contract.test_project import FORMS, PROJECT, UNSEEN, write_forms

pytestmark = pytest.mark.engine

SCRIPT = Path(__file__).with_name("contract_check.gd")

MODES = {"disabled": 0, "any_peer": 1, "authority": 2}
TYPES = {one.name.removeprefix("TYPE_").replace("_", ""): one for one in VariantType}
TRANSFERS = {"unreliable": 0, "unreliable_ordered": 1, "reliable": 2}
BROKEN = ["broken_string", "broken_twice", "broken_var", "broken_word", "broken_base", "ring_a", "ring_b", "latin1"]


def ask(project: Path, ids: list[str]) -> Engine:
    """What the engine says; importing has it find the names of classes first."""
    shutil.copy(SCRIPT, project)
    import_project(project)
    engine = Engine("4", project, project / SCRIPT.name, *ids)
    with engine:
        engine.wait_for("done", timeout=40.0)
    return engine


def config_of(contract: Contract, table: str) -> dict[str, list[Any]]:
    [found] = [one for one in contract.tables if one.id == table]
    return {
        one.name: [MODES.get(one.mode), one.call_local, TRANSFERS.get(one.transfer), one.channel]
        for one in found.methods
        if not one.by_code
    }


def engine_type(argument: Argument) -> list[Any]:
    """An argument as the engine lists it: its name, the number of its type, and whether it has a default."""
    number = 0 if argument.type is None else TYPES.get(argument.type.partition("[")[0].upper(), VariantType.TYPE_OBJECT)
    return [argument.name, int(number), argument.default is not None]


def test_the_engine_says_the_same_of_every_script_and_node(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project)
    contract = read_project(project)
    engine = ask(project, [*(one.id for one in contract.tables), *(f"res://{name}.gd" for name in BROKEN)])
    scripts = {one["id"]: one for one in engine.all("script")}
    for table in contract.tables:
        said = scripts[table.id]
        assert said["names"] == [one.name for one in table.methods if not one.by_code], table.id
        assert said["checksum"] == table.checksum, table.id
        for name, (mode, local, transfer, channel) in config_of(contract, table.id).items():
            words = said["config"][name]
            assert mode in (None, words["rpc_mode"]), (table.id, name)
            assert local in (None, words.get("call_local", False)), (table.id, name)
            assert transfer in (None, words.get("transfer_mode", 2)), (table.id, name)
            assert channel in (None, words.get("channel", 0)), (table.id, name)
        by_code = {one.name: MODES[one.mode] for one in table.methods if one.by_code}
        assert said["by_code"] == {**by_code, **dict.fromkeys(table.refused, -1)}, table.id
        for one in table.methods:
            if one.name in said["arguments"]:
                assert said["arguments"][one.name] == [engine_type(each) for each in one.arguments if not each.rest], (
                    table.id,
                    one,
                )
    assert [scripts[f"res://{name}.gd"]["names"] for name in BROKEN] == [[]] * len(BROKEN)
    nodes = {one["path"]: one["script"] for one in engine.all("node")}
    assert nodes == {one.path: one.table for one in contract.places}


@pytest.mark.extended
def test_the_engine_says_the_same_of_every_form(tmp_path: Path) -> None:
    write_forms(tmp_path)
    engine = ask(tmp_path, [f"res://{name}.gd" for name in FORMS])
    found = {one["id"][len("res://") : -len(".gd")]: one["names"] for one in engine.all("script")}
    assert found == {name: form["names"] for name, form in FORMS.items()}
    assert set(UNSEEN) <= set(found)
