"""What a page with Python in it gets of the server."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gdpeer.http import Headers, PythonPages, Request, Response
from gdpeer.http.python_pages import FILES, find_pyodide
from tests.support.pyodide import make_pyodide


def ask(pages: PythonPages, name: str, method: str = "GET") -> Response | None:
    return pages(Request(method, f"/gdpeer/{name}", Headers()))


def get(pages: PythonPages, name: str) -> Response:
    response = ask(pages, name)
    assert response is not None
    assert response.status == 200
    return response


def files(pages: PythonPages) -> Any:
    return json.loads(get(pages, "files.json").body)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without any Pyodide above it."""
    monkeypatch.delenv("GDPEER_PYODIDE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    return make_pyodide(tmp_path / "pyodide")


def test_pyodide_comes_from_an_address_that_stands_for_its_version(pyodide: Path) -> None:
    pages = PythonPages(pyodide)
    told = files(pages)["pyodide"]
    assert told["version"] == "314.0.7"
    assert told["address"].startswith("pyodide-314.0.7-")
    assert told["sizes"] == {name: len(f"this is {name}") for name in FILES}
    for name in FILES:
        response = get(pages, told["address"] + name)
        assert response.body == f"this is {name}".encode()
        assert dict(response.headers)["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pyodide.asm.wasm", "application/wasm"),
        ("pyodide.mjs", "text/javascript; charset=utf-8"),
        ("python_stdlib.zip", "application/zip"),
        ("pyodide-lock.json", "application/json"),
    ],
)
def test_the_types_are_those_that_browsers_insist_on(pyodide: Path, name: str, kind: str) -> None:
    pages = PythonPages(pyodide)
    assert get(pages, files(pages)["pyodide"]["address"] + name).content_type == kind


def test_nothing_else_of_the_package_is_served(pyodide: Path) -> None:
    pages = PythonPages(pyodide)
    address = files(pages)["pyodide"]["address"]
    for name in ("console.html", "package.json", "", "../pyodide/pyodide.mjs", "%2e%2e/pyodide.mjs"):
        assert ask(pages, address + name) is None
    assert ask(pages, "pyodide-314.0.6-00000000/pyodide.mjs") is None
    assert ask(pages, "") is None
    assert pages(Request("GET", "/index.html", Headers())) is None


def test_another_build_of_the_same_version_has_another_address(pyodide: Path) -> None:
    before = files(PythonPages(pyodide))["pyodide"]["address"]
    (pyodide / "pyodide.mjs").write_text("longer than before, as after a broken download")
    assert files(PythonPages(pyodide))["pyodide"]["address"] != before


def test_a_version_makes_no_strange_address(tmp_path: Path) -> None:
    pages = PythonPages(make_pyodide(tmp_path / "odd", "../31 4\r\n"))
    assert files(pages)["pyodide"]["version"] == "..314"
    assert files(pages)["pyodide"]["address"].count("/") == 1


def test_a_file_that_was_removed_meanwhile_is_not_there(pyodide: Path) -> None:
    pages = PythonPages(pyodide)
    address = files(pages)["pyodide"]["address"]
    (pyodide / "pyodide.mjs").unlink()
    assert ask(pages, f"{address}pyodide.mjs") is None


def archive(pages: PythonPages) -> zipfile.ZipFile:
    told = files(pages)["python"]
    response = get(pages, told["address"])
    assert isinstance(response.body, bytes)
    assert len(response.body) == told["size"]
    assert dict(response.headers)["Cache-Control"].endswith("immutable")
    return zipfile.ZipFile(io.BytesIO(response.body))


def test_the_sources_are_those_of_gdpeer_as_far_as_a_page_has_use_for_them(pyodide: Path) -> None:
    names = archive(PythonPages(pyodide)).namelist()
    assert {"gdpeer/__init__.py", "gdpeer/websocket/backend/browser.py", "gdpeer/variant/binary/codec.py"} <= set(names)
    assert all(name.startswith("gdpeer/") and name.endswith(".py") for name in names)
    assert not [name for name in names if name.startswith(("gdpeer/cli", "gdpeer/demos"))]


def test_the_same_sources_have_the_same_address(pyodide: Path) -> None:
    first, second = PythonPages(pyodide), PythonPages(pyodide)
    assert files(first)["python"] == files(second)["python"]
    more = PythonPages(pyodide, packages=["gdpeer.demos.roll"])
    assert files(more)["python"]["address"] != files(first)["python"]["address"]


def test_a_module_comes_with_the_packages_around_it(pyodide: Path) -> None:
    names = archive(PythonPages(pyodide, packages=["gdpeer.demos.roll.game"])).namelist()
    assert [name for name in names if name.startswith("gdpeer/demos")] == [
        "gdpeer/demos/__init__.py",
        "gdpeer/demos/roll/__init__.py",
        "gdpeer/demos/roll/game.py",
    ]


def test_packages_and_modules_of_a_game(pyodide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = tmp_path / "code" / "own_game"
    (game / "maps").mkdir(parents=True)
    for name in ("__init__.py", "rules.py", "maps/one.py", "readme.md"):
        (game / name).write_text("")
    bare = tmp_path / "code" / "bare_folder"
    bare.mkdir()
    (bare / "inner.py").write_text("")
    (tmp_path / "code" / "single_rules.py").write_text("WIN = 3\n")
    monkeypatch.syspath_prepend(tmp_path / "code")
    found = archive(PythonPages(pyodide, packages=["own_game", "bare_folder", "single_rules"]))
    own = [name for name in found.namelist() if not name.startswith("gdpeer/")]
    assert own == [
        "bare_folder/inner.py",
        "own_game/__init__.py",
        "own_game/maps/one.py",
        "own_game/rules.py",
        "single_rules.py",
    ]
    assert found.read("single_rules.py") == b"WIN = 3\n"


@pytest.mark.parametrize("name", ["no_such_game", "gdpeer.no_such_part", "sys"])
def test_a_package_without_sources_is_refused(pyodide: Path, name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name):
        PythonPages(pyodide, packages=[name])


def test_the_boot_script_is_asked_for_again_each_time(pyodide: Path) -> None:
    response = get(PythonPages(pyodide), "boot.mjs")
    assert response.content_type == "text/javascript; charset=utf-8"
    assert response.headers == (("Cache-Control", "no-cache"),)
    assert isinstance(response.body, bytes)
    assert b"gdpeer:progress" in response.body


def test_only_get_and_head(pyodide: Path) -> None:
    pages = PythonPages(pyodide)
    for name in ("boot.mjs", "files.json", files(pages)["python"]["address"]):
        refused = ask(pages, name, "POST")
        assert refused is not None
        assert refused.status == 405
        head = ask(pages, name, "HEAD")
        assert head is not None
        assert head.status == 200
    assert ask(pages, "nothing", "POST") is None


def test_the_folder_of_the_addresses_can_be_another(pyodide: Path) -> None:
    pages = PythonPages(pyodide, prefix="/py/")
    assert ask(pages, "boot.mjs") is None
    assert pages(Request("GET", "/py/boot.mjs?v=1", Headers())) is not None
    for prefix in ("py/", "/py", ""):
        with pytest.raises(ValueError, match="slash"):
            PythonPages(pyodide, prefix=prefix)


def test_where_pyodide_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(folder: Path | None = None) -> str:
        place = find_pyodide(folder)
        return place if isinstance(place, str) else str(place.folder)

    assert found() == f"Pyodide is not installed: no node_modules/pyodide in {tmp_path} or above it"
    above = make_pyodide(tmp_path / "node_modules" / "pyodide")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert found() == str(above)
    nearer = make_pyodide(tmp_path / "deep" / "node_modules" / "pyodide")
    assert found() == str(nearer)
    named = make_pyodide(tmp_path / "named")
    monkeypatch.setenv("GDPEER_PYODIDE", str(named))
    assert found() == str(named)
    given = make_pyodide(tmp_path / "given")
    assert found(given) == str(given)
    # Who names a folder means that one.
    assert found(tmp_path / "nowhere").startswith(f"no Pyodide of version 314 or newer in {tmp_path / 'nowhere'}: ")


@pytest.mark.parametrize("name", [*FILES, "package.json"])
def test_an_incomplete_pyodide_is_none(pyodide: Path, name: str) -> None:
    (pyodide / name).unlink()
    assert find_pyodide(pyodide) == f"no Pyodide of version 314 or newer in {pyodide}: {name} is missing"


@pytest.mark.parametrize("content", ["no json", "[]", "{}", "1"])
def test_a_damaged_pyodide_is_none(pyodide: Path, content: str) -> None:
    (pyodide / "package.json").write_text(content)
    found = find_pyodide(pyodide)
    assert isinstance(found, str)
    assert found.startswith(f"the Pyodide in {pyodide} cannot be read: ")


def test_without_pyodide_the_page_is_told_what_to_do_until_there_is_one(tmp_path: Path) -> None:
    pages = PythonPages()
    assert pages.problem.startswith("Pyodide is not installed: ")
    assert pages.problem.endswith("(npm install pyodide)")
    told = files(pages)
    assert (told["pyodide"], told["install"], told["environment"]) == (None, "npm install pyodide", "GDPEER_PYODIDE")
    assert str(tmp_path) not in json.dumps(told)
    assert ask(pages, "pyodide-314.0.7-00000000/pyodide.mjs") is None
    make_pyodide(tmp_path / "node_modules" / "pyodide")
    assert files(pages)["pyodide"]["version"] == "314.0.7"
    assert pages.problem == ""
