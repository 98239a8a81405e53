"""`gdpeer serve --check`: a line for each thing that is needed, and status 1 if one will not do."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cli import serve_check as module
from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from tests.unit.cli.test_commands import run
from tests.unit.cli.test_serve import SECRET, TOKEN, folder

__all__ = ["folder"]


def lines(*arguments: str, status: int = 0) -> dict[str, str]:
    result = run("serve", "serve_game:Arena", "--check", "--port", "0", *arguments)
    assert result.exit_code == status, result.output
    rows = [line.partition(" ") for line in result.stdout.splitlines()]
    return {name: rest.strip() for name, _, rest in rows}


def test_what_will_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines("--workers", "3")
    assert found["game"] == "arena; with a lobby"
    assert found["secret"] == "none is given: one is drawn, and seats end with the server"
    assert found["monitor"] == "off: it has no token"
    assert found["port"].endswith(" is free")
    assert found["workers"] == "3, and a door"
    assert found["descriptors"].endswith(" a process: each player takes one")
    assert "broker" not in found
    monkeypatch.setenv("GDPEER_SECRET", SECRET)
    monkeypatch.setenv("GDPEER_MONITOR_TOKEN", TOKEN)
    found = lines()
    assert (found["secret"], found["monitor"]) == ("given", "has a token")


def test_what_will_not_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDPEER_MONITOR_TOKEN", "short")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = run(
            "serve", "serve_game:Areno", "--check", "--port", port, "--workers", "2", "--cert", "serve_game.py"
        )
    assert result.exit_code == 1
    assert "game         no: the module serve_game has no Areno, did you mean Arena?" in result.stdout
    assert "monitor      no: the monitor's token needs at least 16 ASCII characters" in result.stdout
    assert f"port         no: cannot listen on 127.0.0.1 port {port}: the address is in use" in result.stdout
    assert "workers      no: --cert cannot be used with --workers" in result.stdout
    assert result.stderr == "gdpeer serve: 4 of these will not do\n"


def test_a_broker_needs_a_secret_that_all_share_and_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_broker(url: str, namespace: str, run_soon: Any) -> MemoryBroker:
        return MemoryBroker(MemoryStore(run_soon=run_soon))

    monkeypatch.setattr(module, "open_broker", open_broker)
    found = lines("--broker", "redis://host", status=1)
    assert found["secret"].startswith("no: no secret is given, but all servers that share a broker need the same")
    assert found["broker"] == "redis://host answers; workers there: 0"
    assert found["address"].startswith("Warning: no --address is given, so other machines do not know where")
    assert "address" not in lines("--broker", "redis://host", "--address", "ws://10.0.0.11:8910", status=1)


def test_a_broker_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDPEER_SECRET", SECRET)
    monkeypatch.setattr(module, "BROKER_TIME", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"redis://127.0.0.1:{other.getsockname()[1]}"
    assert lines("--broker", url, status=1)["broker"] == f"no: {url} does not answer within 0.3 s"


def test_a_broker_that_fails_and_a_library_that_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(MemoryBroker):
        def scan(self, prefix: str) -> Answer[Any]:
            answer: Answer[Any] = Answer()
            answer.fail(Away("the broker cannot be reached"))
            return answer

    monkeypatch.setenv("GDPEER_SECRET", SECRET)
    monkeypatch.setattr(module, "open_broker", lambda *arguments: Failing(MemoryStore()))
    found = lines("--broker", "redis://host", status=1)
    assert found["broker"] == "no: redis://host: the broker cannot be reached"

    def missing(*arguments: Any) -> Any:
        raise ImportError("the broker needs redis: pip install gdpeer[redis]")

    monkeypatch.setattr(module, "open_broker", missing)
    assert "pip install" in lines("--broker", "redis://host", status=1)["broker"]
