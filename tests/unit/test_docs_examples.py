"""The examples in the documentation's pages are run; blocks of a page share one namespace, from top to bottom.

A block marked `pycon` is a session, whose output has to be what the page says; one marked `python` is just run. Blocks
that are files of their own (`tools/programs.py`) are left out: they are run as files.
"""

from __future__ import annotations

import ast
import doctest
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gdpeer import ContainerType, EncodedObject, VariantType
from gdpeer.variant.kinds import KINDS
from tests.support.missing import ROOT
from tests.support.pages import program, run_tests
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process
from tools.programs import pages

DOCS = ROOT / "docs"
BLOCK = re.compile(r"(?<! -->\n)^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


RUN = ("rpc", "variants", "dialects", "blocking", "replication", "rooms", "moving")
"""The pages whose blocks are run."""
EVERY_PAGE = [page.relative_to(ROOT).as_posix() for page in pages()]


@pytest.mark.parametrize("page", RUN)
def test_the_examples_of_a_page(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    sessions = 0
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if block[1] == "python":
            exec(compile("\n" * line + block[2], f"{page}.md", "exec"), namespace)
        else:
            sessions += 1
            failed = run_session(block[2], namespace, f"{page}.md", line)
            assert not failed, capsys.readouterr().out
    assert sessions


def run_session(source: str, namespace: dict[str, Any], name: str, line: int) -> int:
    """How many of the examples gave something else."""
    session = doctest.DocTestParser().get_doctest(source, namespace, name, name, line)
    session.globs = namespace  # itself, not a copy: what a block defines is there for the next
    return doctest.DocTestRunner(verbose=False).run(session, clear_globs=False).failed


def test_the_page_about_asyncio() -> None:
    text = (DOCS / "asyncio.md").read_text(encoding="utf-8")
    blocks = [block[2] for block in BLOCK.finditer(text)]
    assert blocks
    for block in blocks:
        exec(compile(block, "asyncio.md", "exec"), {"__name__": "__main__"})
    done = subprocess.run([sys.executable, str(program("aio_game.py"))], capture_output=True, text=True, timeout=60)
    assert done.stdout == "['1 here', 'hello']\n", done.stderr
    assert f"`{done.stdout.strip()}`" in text


def test_a_wrong_example_is_noticed() -> None:
    assert run_session(">>> 1 + 1\n3\n", {}, "page", 1) == 1


def test_the_game_s_own_tests() -> None:
    run_tests(program("game/test_server.py"))


def test_the_tests_without_a_network() -> None:
    run_tests(program("test_game.py"))
    run_tests(program("testing/test_greetings.py"))


def test_the_readme_s_server_and_client() -> None:
    port = str(free_port())
    server, client = (program(f"readme/{name}.py").read_text().replace("9080", port) for name in ("server", "client"))
    with Process([sys.executable, "-c", server]) as host:
        wait_until_listening(int(port))
        with Process([sys.executable, "-c", client]) as guest:
            assert guest.wait() == 0
        assert guest.stdout == ["You said hello", "closed: closed with code 1000"]
        host.wait_for(r"^\d+ says hello$")
        with Process([sys.executable, "-c", server]) as second:
            assert second.wait() == 1
        assert re.fullmatch(rf"cannot listen on .* port {port}: .* in use", second.stderr[-1])


def test_the_readme_s_multiplayer_server_tells_why_it_cannot_listen() -> None:
    source = program("multiplayer_server.py").read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with Process([sys.executable, "-c", source.replace("8910", port)]) as server:
            assert server.wait() == 1
        assert server.stderr[-1] == f"cannot listen on 127.0.0.1 port {port}: the address is in use"


def test_the_server_that_replicates_and_its_bot() -> None:
    text = (DOCS / "replication.md").read_text(encoding="utf-8")
    server = text.partition("<!-- runs until you stop it -->\n```python\n")[2].partition("```\n")[0]
    port = str(free_port())
    bot = program("replication/bot.py").read_text().replace("8910", port)
    with Process([sys.executable, "-c", server.replace("8910", port)]):
        wait_until_listening(int(port))
        with Process([sys.executable, "-c", bot]) as first:
            first.wait_for(r"^appeared: \d+$")
            first.wait_for(r"^\d+ \['position'\] \(\d+\.0, 0\.0\)$")
            with Process([sys.executable, "-c", bot]) as second:
                second.wait_for(r"^appeared: \d+$")
            first.wait_for(r"^disappeared: \d+$")


def test_the_scenes_of_a_project() -> None:
    text = (DOCS / "replication.md").read_text(encoding="utf-8")
    script = str(program("replication/project_scenes.py"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert f"```text\n{done.stdout}```\n" in text, done.stdout + done.stderr


def test_the_table_of_types_is_that_of_the_code() -> None:
    text = (DOCS / "variants.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+|-) \| (\w+)[^|]*\| `(\w+)`", text, re.MULTILINE)
    found = {int(four): (None if three == "-" else int(three), engine, python) for four, three, engine, python in rows}
    assert found == {
        four: (three, str(ContainerType(four)), kind.__name__)
        for kind, (four, three) in KINDS.items()
        if kind not in (bytes, bytearray, memoryview, tuple, EncodedObject)
    } | {VariantType.TYPE_PACKED_BYTE_ARRAY: (20, "PackedByteArray", "PackedByteArray"), 0: (0, "Nil", "None")}


# The blocks of the reference are signatures.
@pytest.mark.parametrize("name", [name for name in EVERY_PAGE if not name.startswith("docs/reference/")])
def test_every_block_of_python_can_be_read_and_imports_what_there_is(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        tree = ast.parse(block[1], name)
        imports = [one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and "gdpeer" in (one.module or "")]
        exec(compile(ast.Module(imports, []), name, "exec"), {})


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_session_is_run(name: str) -> None:
    has_sessions = "```pycon\n" in (ROOT / name).read_text(encoding="utf-8")
    assert not has_sessions or Path(name).stem in RUN
