"""What a project says can be called. The answers are the engine's: tests/interop/test_contract.py asks it again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdpeer.contract import Contract, Method, checksum_of, read_project
from tests.support.growth import grows_below
from tests.support.missing import ROOT

PROJECT = ROOT / "tests" / "golden" / "contract_godot4"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return read_project(PROJECT)


def methods(contract: Contract, table: str) -> tuple[Method, ...]:
    return next((one.methods for one in contract.tables if one.id == f"res://{table}"), ())


CASES = [
    ("case_01.gd", "Big _under a10 a2 zeta", "7dc8cd0c1852665820bd6d345713fecb"),
    ("case_02.gd", "a p q", "559e2c90c211a96b609c9d1af6aa878c"),
    ("case_03.gd", "c3 g1m g2m", "e075ecd4f6df1ec8c26bb996104e14ba"),
    ("case_04.gd", "p q", "382da15dfcfa571b3973cb5ae2223f76"),
    ("case_05.gd", "p q", "382da15dfcfa571b3973cb5ae2223f76"),
    ("case_06.gd", "conc todo", "de144aed89b12f6c44e45625d6cd181e"),
    ("case_07.gd", "conc2 todo2", "b5226bb3b3a536665270e8bc16c029f1"),
    ("outer.gd", "outer", "7cfcbd1c1575dd7eae454f18b9267188"),
    ("outer.gd::Inner", "inn", "0b9a93016640dacb2ec6107e8c1ae410"),
    ("outer.gd::Inner2", "inn2 p q", "ce7ae8053dfbd925597f5c9680e43cc9"),
    ("case_14.gd", "inn inn3 x", "9ca3676c1a4f5916c89632b291060281"),
    ("case_15.gd", "größe zebra Ärger 名前", "b4d2e6f8550f808b8bf65762fdeeac22"),
    ("auto_net.gd", "am an", "ccda1683d8c97f8f2dff2ea7d649b42c"),
    ("case_17.gd", "ab am an", "d934ca038a68c8a464b67437b88f12da"),
    ("case_18.gd", "f1 f10 f11 f12 f2 f3 f4 f5 f6 f7 f8 f9", "afac4c332fafa6119ab98ba2363b2637"),
    ("case_20.gd", "g1m k3a", "ce9629517295cfe82deed34ec64caf6e"),
]


@pytest.mark.parametrize(("table", "names", "checksum"), CASES, ids=[case[0] for case in CASES])
def test_names_in_the_order_of_their_numbers_and_the_checksum(
    contract: Contract, table: str, names: str, checksum: str
) -> None:
    found = next(one for one in contract.tables if one.id == f"res://{table}")
    assert found.names == tuple(names.split())
    assert found.checksum == checksum


CODED = [
    ("case_08.gd", [("aa", 0x8000), ("zz", 0x8001), ("m", 0)], "5375a1babecb64eecf81a9ed3b6c95ab"),
    ("case_09.gd", [("m", 0x8000), ("m", 0)], "b3cd915d758008bd19d0f2428fbb354a"),
    ("case_10.gd", [("off", 0x8001), ("m", 0), ("n", 1)], "8fad00ee80fe062686161d219dfcc90b"),
]


@pytest.mark.parametrize(("table", "names", "checksum"), CODED, ids=[case[0] for case in CODED])
def test_what_code_configures_comes_first(
    contract: Contract, table: str, names: list[tuple[str, int]], checksum: str
) -> None:
    found = next(one for one in contract.tables if one.id == f"res://{table}")
    assert list(zip(found.names, found.numbers, strict=True)) == names
    assert found.checksum == checksum


def test_the_nearest_annotation_counts_whole_and_an_override_without_one_changes_nothing(contract: Contract) -> None:
    p, q = methods(contract, "case_04.gd")
    assert (p.mode, p.call_local, p.transfer, p.channel) == ("any_peer", False, "unreliable", 5)
    assert (p.table, p.line) == ("res://case_04.gd", 2)
    assert (q.mode, q.call_local, q.transfer, q.channel) == ("any_peer", False, "reliable", 0)
    p, _ = methods(contract, "case_05.gd")
    assert (p.mode, p.call_local, p.transfer, p.table, p.line) == ("authority", True, "reliable", "res://base.gd", 3)
    assert [one.mode for one in methods(contract, "case_07.gd")] == ["authority", "any_peer"]


def test_the_words_of_all_forms(contract: Contract) -> None:
    found = {one.name: (one.mode, one.call_local, one.transfer, one.channel) for one in methods(contract, "case_18.gd")}
    plain = ("authority", False, "reliable", 0)
    assert [name for name, words in found.items() if words == plain] == ["f1", "f12", "f2", "f6", "f7", "f8"]
    assert found["f4"] == ("any_peer", True, "unreliable", 0)
    assert found["f5"] == ("any_peer", True, "reliable", 2)
    assert found["f9"] == ("any_peer", False, "reliable", 2)
    assert found["f10"] == ("any_peer", False, "reliable", 0)
    assert found["f11"] == ("any_peer", False, "unreliable_ordered", 0)


PLACES = {
    "Net": "auto_net.gd", "Lobby": "auto_lobby.gd", "Lobby/Kid": "auto_lobby.gd", "Quiet": "auto_quiet.gd",
    "Main": "main.gd", "Main/A": "root_inst.gd", "Main/A/Leaf": "leaf.gd", "Main/A/Mid": "",
    "Main/A/Mid/Deep": "leaf.gd",
    "Main/B": "root_over.gd", "Main/B/Leaf": "leaf.gd", "Main/B/Mid": "", "Main/B/Mid/Deep": "root_over.gd",
    "Main/B/Mid/Extra": "leaf.gd", "Main/C": "root_over.gd", "Main/C/Leaf": "", "Main/C/Mid": "",
    "Main/C/Mid/Deep": "leaf.gd", "Main/C/Mid/More": "root_over.gd", "Main/D": "main.tscn::GDScript_x",
    'Main/E "q" .x': "leaf.gd", "Main/P": "",
}  # fmt: skip


def test_the_places_of_autoloads_and_the_main_scene(contract: Contract) -> None:
    assert {one.path: (one.table or "").removeprefix("res://") for one in contract.places} == PLACES
    assert {one.how for one in contract.places} == {"autoload", "main"}
    assert [one.name for one in methods(contract, "main.tscn::GDScript_x")] == ["builtin_one", "q"]


def test_a_place_names_the_line_that_gives_the_node_its_script(contract: Contract) -> None:
    lines = {one.path: (one.file, one.line) for one in contract.places}
    assert lines["Net"] == ("res://project.godot", 11)
    assert lines["Main"] == ("res://main.tscn", 16)
    assert lines["Main/B/Mid/Deep"] == ("res://main.tscn", 30)
    inherited = (PROJECT / "inherited.tscn").read_text(encoding="utf-8").splitlines()
    assert lines["Main/C/Leaf"] == ("res://inherited.tscn", inherited.index("script = null") + 1)
    assert lines["Main/P"] == ("res://main.tscn", 43)


def test_what_will_not_load_is_a_problem_with_its_line_and_has_no_methods(contract: Contract) -> None:
    assert list(map(str, contract.problems)) == [
        "res://broken_string.gd:3: a string is not closed",
        "res://broken_twice.gd:3: lost is the name of two members",
        "res://broken_var.gd:3: @rpc stands before var",
        "res://broken_word.gd:2: @rpc has no word 'anybody'",
        "res://case_10.gd:9: rpc_config: has no rpc_mode: the engine refuses it",
        "res://latin1.gd:2: the file is not UTF-8",
        "res://ring_a.gd:1: extends itself, by way of others",
        "res://ring_b.gd:1: extends itself, by way of others",
    ]
    names = {name for table in contract.tables for name in table.names}
    assert not names & {"lost", "child", "b"}


def test_a_byte_order_mark_crlf_and_a_folder_that_is_called_like_a_script_are_read(contract: Contract) -> None:
    assert [one.name for one in methods(contract, "marked.gd")] == ["with_mark"]
    assert [one.name for one in methods(contract, "x.gd/inside.gd")] == ["inside", "p", "q"]


def test_the_checksum_of_nothing() -> None:
    assert checksum_of(()) == "d41d8cd98f00b204e9800998ecf8427e"


# --- projects that are odd


def project(folder: Path, **files: str) -> Contract:
    """A project of some files; two underscores stand for a dot."""
    (folder / "project.godot").write_text("config_version=5\n")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return read_project(folder)


def names_of(contract: Contract) -> dict[str, tuple[str, ...]]:
    return {table.id.removeprefix("res://"): table.names for table in contract.tables}


def test_uids_stand_for_paths(tmp_path: Path) -> None:
    (tmp_path / "base.gd.uid").write_text("uid://b4se\n")
    scene = '[gd_scene format=3 uid="uid://scn1"]\n[node name="Root" type="Node"]\nscript = ExtResource("1")\n'
    resource = '[ext_resource type="Script" uid="uid://b4se" path="res://moved.gd" id="1"]\n'
    (tmp_path / "s.tscn").write_text(scene.replace("\n[node", f"\n{resource}[node"))
    found = project(
        tmp_path,
        base__gd="extends Node\n@rpc func b(): pass\n",
        child__gd='extends "uid://b4se"\n@rpc func c(): pass\n',
        other__gd='extends P\nconst P = preload("uid://b4se")\n',
    )
    (tmp_path / "project.godot").write_text('config_version=5\n[application]\nrun/main_scene="uid://scn1"\n')
    found = read_project(tmp_path)
    assert names_of(found) == {"base.gd": ("b",), "child.gd": ("b", "c"), "other.gd": ("b",)}
    assert [(one.path, one.table) for one in found.places] == [("Root", "res://base.gd")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("extends A\nconst A = preload('helper.gd')", ("h", "m")),
        ("extends A\nconst A := preload('helper.gd')", ("h", "m")),
        ("extends A\nconst A: GDScript = preload('helper.gd')", None),
        ("extends B\nconst A = preload('helper.gd')\nconst B = A", ("h", "m")),
        ("extends I\nconst I = preload('helper.gd').Inner", ("i", "m")),
        ("const A = preload('helper.gd')\nextends A", None),
        ("extends Helper\nextends Helper", None),
        ("extends Helper.Inner", ("i", "m")),
        ("extends Helper.Second", ("m", "s")),
        ("extends 'helper.gd'.Inner", ("i", "m")),
        ("extends 'gone.gd'", None),
        ("extends Helper.Gone", None),
        ("extends A\nconst A = B\nconst B = A", None),
        ("extends A\nconst A = preload('one.gd')", None),
        ("@tool extends Helper", ("h", "m")),
        ("@icon('x.svg') class_name Iconed extends Helper", ("h", "m")),
        ("class_name Later\nextends Helper", ("h", "m")),
        ("extends Own\nclass Own:\n\textends Helper", ("h", "m")),
    ],
)
def test_the_ways_to_extend(tmp_path: Path, text: str, names: tuple[str, ...] | None) -> None:
    found = project(
        tmp_path,
        helper__gd="class_name Helper extends Node\nconst Second = preload('second.gd')\n@rpc func h(): pass\n"
        "class Inner extends Node:\n\t@rpc func i(): pass\n",
        second__gd="extends Node\n@rpc func s(): pass\n",
        one__gd=f"{text}\n@rpc func m(): pass\n",
    )
    assert names_of(found).get("one.gd") == names
    assert bool(found.problems) == (names is None)


def test_inner_classes_see_what_is_around_them(tmp_path: Path) -> None:
    inner = "class A extends Node:\n\t@rpc func a(): pass\n\tclass B extends A:\n\t\t@rpc func b(): pass\n"
    assert names_of(project(tmp_path, one__gd=f"extends Node\n{inner}class C extends A.B:\n\tpass\n")) == {
        "one.gd::A": ("a",),
        "one.gd::A::B": ("a", "b"),
        "one.gd::C": ("a", "b"),
    }


def test_a_link_in_a_circle_is_followed_once(tmp_path: Path) -> None:
    os.symlink(tmp_path, tmp_path / "again")
    assert list(names_of(project(tmp_path, one__gd="@rpc func m(): pass\n"))) == ["one.gd"]


def test_scenes_in_a_circle_and_scenes_that_are_not_there(tmp_path: Path) -> None:
    head = '[gd_scene format=3]\n[ext_resource type="PackedScene" path="res://{}.tscn" id="1"]\n'
    node = '[node name="{}" type="Node"]\n[node name="Kid" parent="." instance=ExtResource("1")]\n'
    (tmp_path / "project.godot").write_text('config_version=5\n[autoload]\nA="*res://a.tscn"\nGone="*res://gone.gd"\n')
    for name, other in (("a", "b"), ("b", "a"), ("c", "gone")):
        (tmp_path / f"{name}.tscn").write_text(head.format(other) + node.format(name))
    found = read_project(tmp_path)
    assert [one.path for one in found.places] == ["A", "A/Kid", "A/Kid/Kid"]
    assert [str(one) for one in found.problems] == [
        "res://b.tscn:4: Kid is an instance of res://a.tscn, which contains it",
        "res://c.tscn:4: res://gone.tscn cannot be read: its nodes are unknown",
        "res://gone.gd: cannot be read: the nodes of the autoload are unknown",
    ]


def test_scenes_within_scenes_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "project.godot").write_text('config_version=5\n[application]\nrun/main_scene="res://s0.tscn"\n')
    for level in range(12):
        text = f'[gd_scene format=3]\n[ext_resource type="PackedScene" path="res://s{level + 1}.tscn" id="1"]\n'
        text += '[node name="R" type="Node"]\n'
        text += "".join(f'[node name="N{one}" parent="." instance=ExtResource("1")]\n' for one in range(10))
        (tmp_path / f"s{level}.tscn").write_text(text)
    (tmp_path / "s12.tscn").write_text('[gd_scene format=3]\n[node name="R" type="Node"]\n')
    found = read_project(tmp_path)
    assert len(found.places) < 100_000
    assert any("the others are unknown" in str(one) for one in found.problems)


def scripts_in_scripts(size: int) -> str:
    depths = range(int((2 * size) ** 0.5))  # the text grows with the square of the depth
    return "".join(f"{' ' * depth}class C{depth}:\n" for depth in depths)


ODD: dict[str, Callable[[int], str]] = {
    "quotes": lambda size: "'\"\\" * (size // 40),
    "strings": lambda size: '"""' + "x" * size,
    "brackets": lambda size: "extends Node\nvar a = " + "[" * (size // 40),
    "annotations": lambda size: "@rpc " * (size // 80),
    "classes": scripts_in_scripts,
    "constants": lambda size: (
        f"extends A{size // 400}\n" + "".join(f"const A{one + 1} = A{one}\n" for one in range(size // 400))
    ),
    "names": lambda size: "extends " + ".".join("A" * (size // 80)) + "\n",
    "backslashes": lambda size: "\\\n" * (size // 40),
    "functions": lambda size: "".join(f"@rpc func f{one}(): pass\n" for one in range(size // 250)),
}
"""Scripts that are long in one way; the size is about the work that they are."""


@pytest.mark.parametrize("name", ODD)
def test_an_odd_script_is_read_in_linear_time_without_a_traceback(tmp_path: Path, name: str) -> None:
    def seconds(size: int) -> float:
        text, began = ODD[name](size), time.process_time()
        project(tmp_path, odd__gd=text, fine__gd="@rpc func m(): pass\n")
        return time.process_time() - began

    # 4 times as long; 16 times, if time grew with the square
    assert grows_below(9, seconds, 500_000, 2_000_000)


def test_a_long_chain_of_scripts(tmp_path: Path) -> None:
    scripts = {f"s{one}__gd": f"extends 's{one + 1}.gd'\n@rpc func m{one}(): pass\n" for one in range(300)}
    found = project(tmp_path, **scripts, s300__gd="extends Node\n")
    assert len(names_of(found)["s0.gd"]) == 300


def test_odd_scenes_and_settings_are_read(tmp_path: Path) -> None:
    texts = (
        "[" * 200_000,
        '[node name="',
        "=\n" * 1000,
        "[]\n[[]]\n[node]\n[node name=]\n",
        '[node name="a" parent="b',
    )
    for number, text in enumerate(texts):
        (tmp_path / f"s{number}.tscn").write_text(text)
    (tmp_path / "project.godot").write_text('[autoload]\nA="*res://s0.tscn"\nB=5\n=\n[application]\nrun/main_scene=3\n')
    assert [one.code for one in read_project(tmp_path).problems] == ["unknown-nodes"] * 3 + ["duplicate-node"]
    assert read_project(tmp_path / "gone").tables == ()


def test_a_file_that_may_not_be_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (tmp_path / "one.gd").write_text("@rpc func m(): pass\n")
    assert [str(one) for one in read_project(tmp_path).problems] == ["res://one.gd: cannot be read: Permission denied"]
    monkeypatch.setattr("gdpeer.project_files.files.LARGEST", 3)
    assert "is larger than 3 bytes" in str(read_project(tmp_path).problems[0])


# --- forms, with the names that the engine knows of each (tests/interop/test_contract.py asks it again)

FORMS: dict[str, dict[str, Any]] = json.loads((ROOT / "tests/golden/contract_forms_godot4.json").read_text())

HELPERS = {
    "helper.gd": "class_name Helper extends Node\nconst Q = preload('res://second.gd')\n@rpc func h(a): pass\n"
    "class Inner extends Node:\n\t@rpc func hi(): pass\n",
    "second.gd": "extends Node\n@rpc func sec(): pass\n",
}

UNSEEN = {
    "missingname": "a class of the engine, or nobody's: that list is not known here",
    "dollar": "a warning that is an error by default",
    "overridesig": "an override with another signature",
    "dupannot": "an annotation with arguments that it does not take",
}
"""Scripts that the engine does not load, and why that does not show in what is read."""


def write_forms(folder: Path) -> None:
    """A project with a script of each form."""
    (folder / "project.godot").write_text('config_version=5\n[application]\nrun/main_scene="res://main.tscn"\n')
    (folder / "main.tscn").write_text('[gd_scene format=3]\n[node name="Main" type="Node"]\n')
    for name, text in HELPERS.items():
        (folder / name).write_text(text)
    for name, form in FORMS.items():
        (folder / f"{name}.gd").write_bytes(form["text"].encode())


def test_each_form_has_the_names_that_the_engine_knows_of_it(tmp_path: Path) -> None:
    write_forms(tmp_path)
    found = names_of(read_project(tmp_path))
    differing = {name for name, form in FORMS.items() if list(found.get(f"{name}.gd", ())) != form["names"]}
    assert differing == set(UNSEEN)
