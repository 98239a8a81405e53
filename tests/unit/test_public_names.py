"""What `from gdpeer import ...` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gdpeer
from gdpeer import Error, WebSocketClient, WebSocketPeer


def test_every_code_of_the_engine_is_a_name() -> None:
    for error in Error:
        assert getattr(gdpeer, error.name) is error
        assert error.name in gdpeer.__all__
    assert len(Error) == 49


def test_all_names_exist_once() -> None:
    assert len(set(gdpeer.__all__)) == len(gdpeer.__all__)
    for name in gdpeer.__all__:
        assert hasattr(gdpeer, name), name


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (WebSocketPeer.State, {"CONNECTING": 0, "OPEN": 1, "CLOSING": 2, "CLOSED": 3}),
        (WebSocketPeer.WriteMode, {"TEXT": 0, "BINARY": 1}),
        (WebSocketClient.ConnectionStatus, {"DISCONNECTED": 0, "CONNECTING": 1, "CONNECTED": 2}),
    ],
)
def test_enums_have_the_engines_values(values: type, expected: dict[str, int]) -> None:
    assert {member.name: int(member) for member in values} == expected  # type: ignore[attr-defined]


def test_importing_needs_neither_tls_nor_sockets() -> None:
    code = "import sys, gdpeer; print([name for name in ('ssl', 'asyncio') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_http_is_a_package_whose_names_can_be_imported() -> None:
    from gdpeer import http
    from gdpeer.http import File, Handler, Headers, LateResponse, PythonPages, Request, Response, StaticFolder, chain

    found = (File, Handler, Headers, LateResponse, PythonPages, Request, Response, StaticFolder, chain)
    assert {getattr(http, name) for name in http.__all__} == set(found)
    assert gdpeer.http is http
