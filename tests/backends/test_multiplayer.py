"""Sessions and calls, on every backend: to servers in Python, and to a real Godot 4."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.backends import dialect_cases, multiplayer_cases, program_cases
from tests.backends.lab import cases_of
from tests.backends.runners import Backend
from tests.interop.mp_rooms import hosted
from tests.support.pages import program
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def python_servers() -> Iterator[list[str]]:
    with Process([sys.executable, "-m", "tests.backends.mp_server"]) as server:
        yield [f"ws://127.0.0.1:{port}" for port in server.wait_for(r"^\d+ \d+$")[0].split()]


@pytest.fixture(scope="module")
def godot_server() -> Iterator[str]:
    with hosted(timeout=300, linger=300) as (game, url):
        yield url.replace("localhost", "127.0.0.1")
        assert game.errors == []


@pytest.mark.parametrize("case", cases_of(multiplayer_cases))
def test_calls_to_a_python_server(backend: Backend, python_servers: list[str], case: str) -> None:
    backend.run(multiplayer_cases, case, python_servers[0])


@pytest.mark.engine
@pytest.mark.parametrize("case", cases_of(multiplayer_cases))
def test_calls_to_a_godot_4_server(backend: Backend, godot_server: str, case: str) -> None:
    backend.run(multiplayer_cases, case, godot_server)


@pytest.mark.parametrize("case", cases_of(dialect_cases))
def test_godot_3s_dialect(backend: Backend, python_servers: list[str], case: str) -> None:
    backend.run(dialect_cases, case, python_servers[1])


@pytest.fixture(scope="module")
def docs_server() -> Iterator[str]:
    port = free_port()
    source = program("multiplayer_server.py").read_text().replace("8910", str(port))
    with Process([sys.executable, "-c", source]):
        wait_until_listening(port)
        yield f"ws://127.0.0.1:{port}"


@pytest.mark.parametrize("case", cases_of(program_cases))
def test_programs(backend: Backend, docs_server: str, case: str) -> None:
    backend.run(program_cases, case, docs_server)
