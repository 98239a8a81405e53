"""The scripts of the README in a real Godot 4, with the README's Python programs on the other side."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.engines import Engine
from tests.support.pages import program
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

PROJECT = 'config_version=5\n\n[application]\n\nrun/main_scene="res://main.tscn"\n'
SCENE = """[gd_scene load_steps=2 format=3]

[ext_resource type="Script" path="res://main.gd" id="1"]

[node name="Main" type="Node"]
script = ExtResource("1")
"""


def project(folder: Path, script: str, old: str, port: int) -> Path:
    """A project whose scene has a root named Main, with that script."""
    source = program(script).read_text(encoding="utf-8")
    assert source.count(old) == 1
    (folder / "project.godot").write_text(PROJECT)
    (folder / "main.tscn").write_text(SCENE)
    (folder / "main.gd").write_text(source.replace(old, str(port)))
    return folder


def served(name: str, old: str, port: int) -> Process:
    source = program(name).read_text(encoding="utf-8")
    return Process([sys.executable, "-c", source.replace(old, str(port))])


def test_the_scene_greets_the_server(tmp_path: Path) -> None:
    port = free_port()
    with served("multiplayer_server.py", "8910", port) as server:
        wait_until_listening(port)
        with Engine("4", project(tmp_path, "readme/main.gd", "8910", port), "main.tscn") as game:
            server.wait_for(r"^joined \d+$")
            server.wait_for(r"^Ann is at \(1\.0, 2\.0\)$")
            game.process.wait_for("^hello Ann$")
            game.process.wait_for(r"^Ann is at \(1\.0, 2\.0\)$")
            assert game.stderr == []
        server.wait_for(r"^left \d+$")
        assert server.stderr == []


def test_the_client_says_hello(tmp_path: Path) -> None:
    port = free_port()
    with served("readme/server.py", "9080", port) as server:
        wait_until_listening(port)
        with Engine("4", project(tmp_path, "readme/client.gd", "9080", port), "main.tscn") as game:
            server.wait_for(r"^\d+ says hello$")
            game.process.wait_for("^You said hello$")
            game.process.wait_for("^Closed with code: 1000$")
            assert game.stderr == []
        assert server.stderr == []
