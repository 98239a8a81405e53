"""The three ways to build the project, and what wheels and source archives hold."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.forms import compiled_modules
from tests.support.missing import ROOT, missing
from tests.support.node import node_command, node_environment
from tests.support.processes import Process

PARTS = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "src")
NO_COMPILER = {"CC": "/bin/false"}
PURE_WHEEL = Path(__file__).with_name("pure_wheel.mjs")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what goes into the source archive."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in filter(lambda name: (ROOT / name).exists(), PARTS):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


def build(tree: Path, what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Calls the build backend as pip does; the result lands in `tree`/dist."""
    code = f"import os, setuptools.build_meta as backend; os.makedirs('dist'); print(backend.build_{what}('dist'))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def built(tree: Path) -> Path:
    [path] = (tree / "dist").iterdir()
    return path


def test_without_compiling_the_wheel_is_for_every_python_and_platform(tree: Path) -> None:
    done = build(tree, "wheel", GDPEER_COMPILE="no")

    assert done.returncode == 0, done.stderr
    assert built(tree).name.endswith("-py3-none-any.whl")
    names = set(zipfile.ZipFile(built(tree)).namelist())
    assert {"gdpeer/py.typed", "gdpeer/__init__.py", "gdpeer/http/boot.mjs"} <= names
    assert {f"{module.replace('.', '/')}.py" for module in compiled_modules()} <= names
    assert not [name for name in names if name.endswith((".c", ".so", ".pyd", ".html.c"))]
    assert not [name for name in names if not name.startswith("gdpeer")]


def test_the_pure_wheel_needs_nothing_in_a_page(tree: Path) -> None:
    assert build(tree, "wheel", GDPEER_COMPILE="no").returncode == 0
    with Process(node_command(PURE_WHEEL, str(built(tree))), environment=node_environment()) as node:
        found = json.loads(node.wait_for("^{.*}$", timeout=60)[0])
        assert node.wait() == 0
    version = importlib.metadata.version("gdpeer")
    assert (found["version"], found["compiled"]) == (version, False)
    assert {name for name in found["modules"] if name[0] != "_"} <= {"gdpeer", *sys.stdlib_module_names}


def test_without_a_compiler_it_builds_uncompiled_and_says_so_once(tree: Path) -> None:
    done = build(tree, "wheel", GDPEER_COMPILE="try", **NO_COMPILER)

    assert done.returncode == 0, done.stderr
    assert built(tree).name.endswith("-py3-none-any.whl")
    [line] = [line for line in done.stdout.splitlines() if line.startswith("gdpeer: ")]
    assert line.startswith("gdpeer: installing uncompiled (no working C compiler")


def test_where_it_must_compile_a_missing_compiler_fails_the_build(tree: Path) -> None:
    done = build(tree, "wheel", GDPEER_COMPILE="must", **NO_COMPILER)

    assert done.returncode != 0
    assert "GDPEER_COMPILE=must, but no working C compiler" in done.stderr


def test_an_unknown_mode_is_refused(tree: Path) -> None:
    done = build(tree, "wheel", GDPEER_COMPILE="perhaps")

    assert done.returncode != 0
    assert "GDPEER_COMPILE='perhaps' is not one of no, try, must" in done.stderr


def test_the_installed_form_has_every_compiled_module_and_no_generated_source() -> None:
    files = {str(path) for path in importlib.metadata.files("gdpeer") or []}
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]

    from gdpeer.protocol import frames

    if not frames.COMPILED:
        missing("the compiled form", "gdpeer was not compiled here")
    for module in compiled_modules():
        assert f"{module.replace('.', '/')}{suffix}" in files
    assert not [name for name in files if name.endswith(".c")]


def test_the_source_archive_holds_the_c_types_and_nothing_generated(tree: Path) -> None:
    done = build(tree, "sdist", **NO_COMPILER)

    assert done.returncode == 0, done.stderr
    with tarfile.open(built(tree)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py", "src/gdpeer/py.typed"} <= names
    types = {f"src/{path.relative_to(ROOT / 'src')}" for path in (ROOT / "src").rglob("*.pxd")}
    assert len(types) > 20
    assert types <= names
    assert not [name for name in names if name.endswith((".c", ".so")) or name.startswith("build")]


def test_the_readme_of_an_index_has_no_link_that_leads_nowhere(tree: Path) -> None:
    assert build(tree, "wheel", GDPEER_COMPILE="no").returncode == 0
    with zipfile.ZipFile(built(tree)) as wheel:
        [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        text = wheel.read(metadata).decode()
    places = re.findall(r"\]\(([^)\s]+)\)", text)
    whole = [place for place in places if place.startswith("https://")]
    assert [place for place in places if place not in whole and place[0] != "#"] == []
    assert any(place.endswith("/blob/main/docs/contributing.md") for place in whole)
    assert any(place.endswith("/raw/main/docs/pictures/chat-desk.png") for place in whole)
    for place in whole:
        path = re.sub(r"^https://github\.com/[^/]+/[^/]+/(?:blob|raw)/main/([^#]+).*", r"\1", place)
        assert path == place or (ROOT / path).exists(), place
    assert "Project-URL: Documentation, https://" in text
