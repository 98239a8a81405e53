"""`gdpeer call` against real engines as servers: a call, its answer, other methods, other arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import run_here
from tests.support.engines import Engine
from tests.support.ports import free_port, wait_until_listening

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

HERE = Path(__file__).parent


def call(*words: str) -> tuple[int, str, str]:
    result = run_here("call", *words)
    return result.returncode, result.stdout.rstrip(), result.stderr


def test_godot4_answers_and_tells_when_its_methods_differ() -> None:
    port = free_port()
    words = (f"ws://127.0.0.1:{port}", "Main.greet", "Ann", "Vector2(1.5, -2)")
    contract = ("--contract", str(HERE / "mp_godot4" / "greet.gd"))
    with Engine("4", HERE / "mp_godot4", "greet.tscn", f"--port={port}") as engine:
        engine.wait_for("ready")
        assert call(*words, "--wait", "welcome") == (0, 'Main.welcome("hello Ann")', "")
        status, output, _ = call(*words, "--wait", "Main.welcome", "--json", *contract)
        assert (status, json.loads(output)["arguments"]) == (0, ["hello Ann"])
        assert call(*words, *contract) == (0, "", "")
        status, _, error = call(*words)
        assert (status, "the node Main of the server has other methods" in error) == (1, True)
        status, _, error = call(words[0], "Gone.greet", "Ann", "Vector2(1, 2)", *contract, "--timeout", "1")
        assert (status, "it has no such node" in error) == (1, True)
        # The three calls that were made, and no other: a call is not sent to a node with other methods.
        greeted = [event for event in engine.events if event["event"] == "greeted"]
        assert [event["where"] for event in greeted] == [[1.5, -2]] * 3


AUTHENTICATING = """
extends SceneTree

class Main extends Node:
	@rpc("any_peer") func greet(who: String) -> void:
		welcome.rpc_id(multiplayer.get_remote_sender_id(), who)
	@rpc func welcome(_who: String) -> void: pass

var peer := WebSocketMultiplayerPeer.new()

func _initialize() -> void:
	var main := Main.new()
	main.name = "Main"
	root.add_child(main)
	peer.create_server(int(OS.get_cmdline_user_args()[0]), "127.0.0.1")
	var api := get_multiplayer() as SceneMultiplayer
	api.auth_callback = func(id: int, data: PackedByteArray) -> void:
		if data.get_string_from_utf8() == "open sesame":
			api.complete_auth(id)
		else:
			api.disconnect_peer(id)
	api.multiplayer_peer = peer
	print(JSON.stringify({"event": "ready"}))
"""


def test_godot4_authenticates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "server.gd").write_text(AUTHENTICATING)
    monkeypatch.setenv("RIGHT", "open sesame")
    monkeypatch.setenv("WRONG", "open barley")
    port = free_port()
    words = (f"ws://127.0.0.1:{port}", "Main.greet", "Ann", "--wait", "welcome")
    with Engine("4", tmp_path, tmp_path / "server.gd", str(port)) as engine:
        engine.wait_for("ready")
        assert call(*words, "--auth", "env:RIGHT") == (0, 'Main.welcome("Ann")', "")
        status, _, error = call(*words, "--auth", "env:WRONG")
        assert (status, "the server closed the connection" in error) == (1, True)


def test_godot3_answers() -> None:
    port = free_port()
    words = (f"ws://127.0.0.1:{port}", "Arena.echo", "7", '{"a": Vector2(1, 2)}', "--wait", "answer")
    with Engine("3", HERE / "mp_godot3", HERE / "mp_godot3" / "arena.gd", f"--port={port}"):
        wait_until_listening(port)
        assert call(*words, "--godot3") == (0, 'Arena.answer(7, { "a": Vector2( 1, 2 ) })', "")
        status, _, error = call(*words)
        assert (status, "is of Godot 3: use --godot3" in error) == (1, True)
        assert call(*words[:4], "--godot3") == (0, "", "")
