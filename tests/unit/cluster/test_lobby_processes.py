"""The lobby of two worker processes behind a door: each request comes to either of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.test_serve import SECRET, Server, folder

__all__ = ["folder"]

ROOMS = 4
PLACES = 4

GAME = f"""
from gdpeer.rooms import Room

class Cave(Room):
    max_peers = {PLACES}
"""


def ask(server: Server, path: str) -> Any:
    """Sends a request to the lobby, on a connection of its own; returns status and content."""
    status, text = server.get(path, wishes={})
    return status, json.loads(text)


def code_of(url: str) -> str:
    return url.partition("/room/")[2][:6]


def wait_until_listed(server: Server, code: str) -> None:
    """Waits until all workers know a room; one request after the other goes to each of them."""
    end = time.monotonic() + 20.0
    knowing = 0
    while knowing < 6:
        assert time.monotonic() < end
        knowing = knowing + 1 if code in server.get("/lobby/cave")[1] else 0


def test_players_fill_rooms_whichever_worker_they_ask(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (folder / "caves.py").write_text(GAME)
    with Server(folder, "caves:Cave", "--workers", "2", "--deadline", "0", GDPEER_SECRET=SECRET) as server:
        server.wait_for(r"-2 is up \(process \d+\)")
        answers = []
        for _ in range(ROOMS * PLACES):
            answers.append(ask(server, "/lobby/cave/quick"))
            if answers[-1][0] == 201:
                wait_until_listed(server, code_of(answers[-1][1]["url"]))
        assert [status for status, _ in answers] == [201, *[200] * (PLACES - 1)] * ROOMS
        codes = {code_of(seat["url"]) for _, seat in answers}
        assert len(codes) == ROOMS
        assert all(seat["url"].startswith(f"ws://127.0.0.1:{server.port}/") for _, seat in answers)
        for code in codes:  # several times, so that both workers are asked
            assert {ask(server, f"/lobby/join/{code}")[1]["error"] for _ in range(4)} == {"full"}
        with server.join(answers[0][1]["url"]):
            pass
