"""What the demos serve to browsers."""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from gdpeer import Error, http
from gdpeer.demos import arena, chat, roll
from gdpeer.demos.arena.pages import Pages as ArenaPages
from gdpeer.demos.roll import Table
from gdpeer.demos.roll.pages import Pages
from gdpeer.http.own_pages import below, page_beside
from tests.support.pyodide import make_pyodide


def get(handler: http.Handler, path: str) -> http.Response | None:
    return handler(http.Request("GET", path, http.Headers()))


def body(handler: http.Handler, path: str) -> str:
    response = get(handler, path)
    assert response is not None
    return response.body.decode() if isinstance(response.body, bytes) else response.body


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    return Pages(make_pyodide(tmp_path))


@pytest.fixture
def arena_pages(tmp_path: Path) -> ArenaPages:
    return ArenaPages(make_pyodide(tmp_path))


@pytest.mark.parametrize("demo", [chat, roll, arena])
def test_a_page_and_all_that_it_names_is_there(demo: object, tmp_path: Path) -> None:
    made = {roll: Pages, arena: ArenaPages}.get(demo)  # type: ignore[call-overload]
    handler = page_beside(str(chat.__file__)) if made is None else made(make_pyodide(tmp_path))
    page = body(handler, "/")
    named = re.findall(r'(?:href|src)="([\w./]+)"', page)
    assert {"look.css", "style.css"} < set(named)
    for name in named:
        assert get(handler, f"/{name}") is not None, name
    assert get(handler, "/other.css") is None


def brought(pages: http.Handler) -> list[str]:
    """The modules of the demos that a page brings."""
    told = json.loads(body(pages, "/gdpeer/files.json"))["python"]
    response = get(pages, f"/gdpeer/{told['address']}")
    assert response is not None
    assert isinstance(response.body, bytes)
    names = zipfile.ZipFile(io.BytesIO(response.body)).namelist()
    return [name for name in names if "demos" in name]


def test_the_page_of_the_arena_brings_neither_the_server_nor_the_bots(arena_pages: ArenaPages) -> None:
    assert brought(arena_pages) == [
        "gdpeer/demos/__init__.py",
        "gdpeer/demos/arena/__init__.py",
        "gdpeer/demos/arena/guest.py",
        "gdpeer/demos/arena/world.py",
    ]


def test_the_page_brings_the_game_but_nothing_of_the_terminal(pages: Pages) -> None:
    assert brought(pages) == [
        "gdpeer/demos/__init__.py",
        "gdpeer/demos/roll/__init__.py",
        "gdpeer/demos/roll/game.py",
        "gdpeer/demos/roll/table.py",
    ]


def imported(pages: http.Handler) -> set[str]:
    """The modules of the demos that a page's program imports."""
    program = ast.parse(body(pages, "/main.py"))
    names = {node.module for node in ast.walk(program) if isinstance(node, ast.ImportFrom)}
    return {name for name in names if name and name.startswith("gdpeer.demos")}


def test_what_the_page_s_program_imports_is_there(pages: Pages, arena_pages: ArenaPages) -> None:
    for each in (pages, arena_pages):
        assert "class Seat:" in body(each, "/seat.py")
    assert imported(pages) == {"gdpeer.demos.roll.game", "gdpeer.demos.roll.table"}
    assert imported(arena_pages) == {"gdpeer.demos.arena.guest", "gdpeer.demos.arena.world"}


@pytest.mark.parametrize("demo", [roll, arena])
def test_every_element_that_the_page_s_program_asks_for_is_in_the_page(demo: object, tmp_path: Path) -> None:
    pages = (Pages if demo is roll else ArenaPages)(make_pyodide(tmp_path))
    program, page = body(pages, "/main.py") + body(pages, "/seat.py"), body(pages, "/")
    asked = set(re.findall(r'(?:by_id|say)\("([\w-]+)"', program))
    assert len(asked) > 10
    assert asked <= set(re.findall(r'id="([\w-]+)"', page))


def test_without_pyodide_the_game_is_open_all_the_same(tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    assert pages.problem.startswith(f"no Pyodide of version 314 or newer in {tmp_path}")
    table = Table("Hana", lambda line: None)
    assert table.host(0, "127.0.0.1", pages=pages) is Error.OK
    assert table.peer.http_handler is pages
    table.leave()


def test_a_page_below_a_path_keeps_its_links(pages: Pages) -> None:
    handler = below("/roll", pages)
    assert body(handler, "/roll/") == body(pages, "/")
    assert body(handler, "/roll/style.css?v=1") == body(pages, "/style.css")
    moved = get(handler, "/roll?room=K7Q2M3")
    assert moved is not None
    assert (moved.status, dict(moved.headers)) == (307, {"Location": "roll/?room=K7Q2M3"})
    assert get(handler, "/rolls/") is None
