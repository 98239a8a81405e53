"""README and docs are complete as plain files, and the check that says so finds what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_docs, programs, record

PAGE = """# One page

## A heading, with `code`!

See [another](docs/two.md#a-heading-with-code) and ![a picture](docs/picture.svg).
"""
INDEX = "# Index\n\n## Tutorials\n\n* [Two](two.md)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project without a fault."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(PAGE)
    (tmp_path / "docs" / "index.md").write_text(INDEX)
    (tmp_path / "docs" / "two.md").write_text(PAGE.replace("docs/", ""))
    (tmp_path / "docs" / "picture.svg").write_text("<svg/>")
    return tmp_path


def faults(project: Path, text: str = "") -> list[str]:
    """What is found when the README has one more paragraph."""
    check_docs.anchors.cache_clear()
    with open(project / "README.md", "a") as readme:
        readme.write(f"\n{text}\n")
    return [str(fault) for fault in check_docs.check(project)]


def test_no_page_has_a_fault() -> None:
    assert check_docs.check() == []


def test_a_page_without_a_fault(project: Path) -> None:
    assert (
        faults(
            project, "```sh\n. venv/bin/activate\n```\n\nOn Windows:\n\n```powershell\nvenv\\Scripts\\Activate.ps1\n```"
        )
        == []
    )
    assert faults(project, "`[](nowhere.md)`\n\n```text\n[](nowhere.md)\n```\n\n[out](https://example.com/)") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[](docs/two.md)", "the link to docs/two.md has no text"),
        ("[ ](docs/two.md#one-page)", "the link to docs/two.md#one-page has no text"),
        ("[\n](docs/two.md)", "the link to docs/two.md has no text"),
        ("![](docs/picture.svg)", "the picture docs/picture.svg has no text"),
        ("[three](docs/three.md)", "there is no docs/three.md"),
        ("[a\nthird](docs/three.md)", "there is no docs/three.md"),
        ("![three](docs/three.svg)", "there is no docs/three.svg"),
        ("[two](docs/two.md#nowhere)", "docs/two.md has no heading #nowhere"),
        ("[here](#nowhere)", "README.md has no heading #nowhere"),
        ("[out](../elsewhere.md)", "there is no ../elsewhere.md"),
        ("[out](..)", ".. is outside of the project"),
        ("```{literalinclude} docs/two.md\n```", "literalinclude: put the code into the page"),
        ("```{include} docs/two.md\n```", "include: put the code into the page"),
        ("```{eval-rst}\n.. literalinclude:: x.py\n```", "literalinclude: put the code into the page"),
        ("```sh\nls\n```", "no commands for Windows follow: add a block `powershell`"),
        (
            "```sh\nls\n```\n\n## Next\n\n```powershell\nls\n```",
            "no commands for Windows follow: add a block `powershell`",
        ),
        ("```shell\nvenv/bin/pip install .\n```", "a command for Unix alone: put it into a block `sh`"),
        ("    . venv/bin/activate\n", "a command for Unix alone: put it into a block `sh`"),
        ("```shell\ngdpeer connect URL < data\n```", "a command for Unix alone: put it into a block `sh`"),
        ("    GDPEER_COMPILE=no pip install .\n", "a command for Unix alone: put it into a block `sh`"),
        ("```text\nopenssl req -x509 \\\n    -nodes\n```", "a command for Unix alone: put it into a block `sh`"),
    ],
)
def test_a_fault_is_found(project: Path, text: str, fault: str) -> None:
    [found] = faults(project, text)
    assert found.startswith("README.md:")
    assert found.endswith(f": {fault}")


def test_a_fault_is_told_with_its_line(project: Path) -> None:
    [found] = faults(project, "```text\n\n```\n[](docs/two.md)")
    assert found.startswith("README.md:10: ")


def test_a_page_that_the_index_lacks_is_found(project: Path) -> None:
    (project / "docs" / "three.md").write_text("# Three\n")
    assert faults(project) == ["docs/index.md:1: three.md is not listed"]


def test_programs_are_taken_out_as_they_stand(project: Path, tmp_path: Path) -> None:
    assert faults(project, '<!-- file: chat/one.py -->\n```python\nprint("```")\n\n# two\n```') == []
    [written] = programs.write_programs(tmp_path / "out", project)
    assert written == tmp_path / "out" / "chat" / "one.py"
    assert written.read_text() == 'print("```")\n\n# two\n'
    [program] = programs.find_programs(project).values()
    assert (program.language, program.page.name, program.line) == ("python", "README.md", 9)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<!-- file: one.py -->\n\n```python\n```", "is not followed by a block of code with a language"),
        ("<!-- file: one.py -->\n```\n```", "is not followed by a block of code with a language"),
        ("<!-- file: ../one.py -->\n```python\n```", "../one.py leads out of the folder"),
        ("<!-- file: /one.py -->\n```python\n```", "/one.py leads out of the folder"),
        ("<!-- file: one.py -->\n```python\n```\n" * 2, "one.py stands in README.md already"),
    ],
)
def test_a_mark_without_a_program_is_found(project: Path, text: str, fault: str) -> None:
    [found] = faults(project, text)
    assert found.endswith(fault)


def test_pictures_are_small_and_shown() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in programs.pages())
    for picture in (programs.ROOT / "docs" / "pictures").iterdir():
        assert picture.stat().st_size < 150_000
        assert f"pictures/{picture.name})" in shown


def test_a_recording_is_drawn_with_its_times_and_without_long_pauses() -> None:
    chunks = [(0.5, b"$ "), (1.0, b"\x1b[1mls\x1b[0m"), (60.0, b"\r\na<b\r\n")]
    pieces = list(record.pieces(chunks))
    assert [(piece.row, piece.column, piece.text) for piece in pieces] == [(0, 0, "$ "), (0, 2, "ls"), (1, 0, "a<b")]
    assert [round(piece.when, 1) for piece in pieces] == [0.5, 1.0, 1.0 + record.PAUSE]
    drawn = record.draw(pieces)
    assert 'class="typed" style="animation-delay:1.00s">ls<' in drawn
    assert ">a&lt;b<" in drawn
