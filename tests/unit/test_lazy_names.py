"""Public names that are imported when a program asks for them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gdpeer
from gdpeer import aio, http
from gdpeer.lazy_names import lazy_names

PACKAGES = {"gdpeer": gdpeer, "gdpeer.aio": aio, "gdpeer.http": http}


def fresh(code: str) -> str:
    """Returns what a new process prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def typed_homes(file: str) -> dict[str, str]:
    """Returns the module of each name that a package's lines for type checkers import or define."""
    block = next(one for one in ast.parse(Path(file).read_text("utf-8")).body if isinstance(one, ast.If))
    found: dict[str, str] = {}
    for line in block.body:
        match line:
            case ast.ImportFrom(module=str(module)):
                found |= {str(name.asname): module for name in line.names}
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = "gdpeer.errors"
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_names_of_the_running_program(package: str) -> None:
    module = PACKAGES[package]
    typed = typed_homes(str(module.__file__))
    assert sorted({*typed, *(["__version__"] if package == "gdpeer" else [])}) == sorted(module.__all__)
    for name, home in typed.items():
        found = getattr(module, name)
        assert found is (sys.modules[f"gdpeer.{name}"] if home == "gdpeer" else getattr(sys.modules[home], name))
        assert name in dir(module)


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'gdpeer' has no attribute 'WebSocketPear'"):
        gdpeer.WebSocketPear  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Foo'"):
        exec("from gdpeer.http import Foo")


def test_a_socket_does_not_import_values_nodes_and_pages() -> None:
    code = (
        "import sys, gdpeer; gdpeer.WebSocketPeer().poll();"
        "print([name for name in sys.modules if name.startswith(('gdpeer.variant', 'gdpeer.multiplayer', 'zipfile'))])"
    )
    assert fresh(code) == "[]"


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("from gdpeer import SceneTree; print(type(SceneTree().multiplayer).__name__)", "SceneMultiplayer"),
        ("from gdpeer.multiplayer.tree import SceneTree; print(SceneTree().multiplayer is None)", "False"),
        ("from gdpeer import Node, replicated\nclass A(Node): x = replicated(3)\nprint(len(A().get_children()))", "1"),
        ("from gdpeer import godot3; print(type(godot3.SceneTree().multiplayer).__name__)", "MultiplayerAPI"),
        ("from gdpeer import OK, ERR_BUG; print(int(OK), int(ERR_BUG))", "0 47"),
        ("from gdpeer import *; print(WebSocketPeer.__name__, OK.name, http.__name__)", "WebSocketPeer OK gdpeer.http"),
        ("import gdpeer; print(gdpeer.godot3.__name__)", "gdpeer.godot3"),
    ],
)
def test_a_part_works_although_the_program_imports_nothing_else(code: str, printed: str) -> None:
    assert fresh(code) == printed


def test_a_module_that_fails_is_asked_again() -> None:
    _, get, _ = lazy_names("gdpeer.http", {"http.gone": "Gone"})
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match=r"gdpeer\.http\.gone"):
            get("Gone")
