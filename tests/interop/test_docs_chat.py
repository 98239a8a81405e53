"""The chat of docs/tutorial.md as it stands: its room, and its Godot 4 project beside a Python client."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.engines import Engine
from tests.support.pages import program
from tests.support.ports import free_port
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]


def test_godot_and_python_meet_in_the_room(tmp_path: Path) -> None:
    port = str(free_port())
    chat = shutil.copytree(program("chat/server.py").parent, tmp_path / "chat")
    for name in ("server.py", "client.py", "godot4/chat.gd"):
        source = (chat / name).read_text(encoding="utf-8")
        assert source.count("8000") >= 1
        (chat / name).write_text(source.replace("8000", port), encoding="utf-8")
    with Process([sys.executable, "server.py"], folder=chat) as room:
        room.wait_for(f"^Open http://localhost:{port}/$")
        with Engine("4", chat / "godot4", "chat.tscn") as godot:
            room.wait_for(r"^\[\d+\] connected with protocol: demo-chat$")
            with Process([sys.executable, "client.py", "good morning"], folder=chat) as client:
                godot.process.wait_for(r"^\[\d+\] connected$")
                godot.process.wait_for(r"^\[\d+\] Says: good morning$")
                with Engine("4", chat / "godot4", "chat.tscn"):
                    client.wait_for(r"^\[\d+\] Says: hello from Godot$")
            room.terminate()
            godot.process.wait_for("^Closed with code: ")
            assert godot.stderr == []
