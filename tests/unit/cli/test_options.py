"""What every command says of every option with every kind of bad value: one plain sentence that names the option.

Options that take any text are listed in `FREE`; a new option is in the table as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gdpeer.cli.commands import NAMES, gdpeer

RUNNER = CliRunner(mix_stderr=False) if "mix_stderr" in signature(CliRunner).parameters else CliRunner()

BAD = ["", "x y", "-1x", "nan", "1_000", "9" * 400, "\x1b[31m", "a\nb"]
"""Values that no option with a form of its own takes."""

FREE = {
    *("--host", "--name", "--path", "--command", "--method", "--unreliable", "--ignore", "--join", "--to", "--url"),
    *("--protocol", "--record", "--find", "--reason", "--namespace"),  # most words, and files of any name
    *("--exclude", "--root", "--output", "--node", "--contract", "--class", "--wait", "--godot"),
}
"""Options that take any text, or fail later than others: their mistakes have tests of their own."""

NEEDED = {
    "bad-network": ["--listen", "0", "--to", "ws://h"],
    "inspect": ["--listen", "0", "--to", "ws://h"],
    "call": ["ws://h", "Main.greet"],
    "connect": ["ws://h"],
    "replay": [__file__, "ws://h"],
    "swarm": [__file__, "--url", "ws://h"],
    "new": ["game"],
    "serve": ["game:Arena"],
    "contract check": [".", "."],
    "contract show": ["."],
    "contract python": ["."],
    "contract gdscript": [".", "-o", "stubs"],
    "rooms show": ["K7Q2ZX"],
    "rooms close": ["K7Q2ZX"],
    "rooms kick": ["K7Q2ZX", "2"],
}

ANY_NUMBER = {"call", "contract explain"}
"""Commands that take any number of arguments."""

OPTIONAL = {"drain": ["a-1"]}
"""Arguments that may be left out."""

WORDS_OF_A_LIBRARY = re.compile(
    r"Invalid value|is not a valid|Traceback|Error\b|Errno|object|NoneType|usage:|\bclick\b|No such option|Got un|"
    r"does not exist|is a directory|bytearray|\bb'[^ ]|<[a-z]+ ",
)


def run(*arguments: str) -> Result:
    return RUNNER.invoke(gdpeer, list(arguments), prog_name="gdpeer")


def run_command(name: str, *arguments: str) -> Result:
    return run(*name.split(), *NEEDED.get(name, OPTIONAL.get(name, [])), *arguments)


def command_of(name: str) -> click.Command:
    found = gdpeer.get_command(click.Context(gdpeer), name)  # type: ignore[attr-defined]
    assert isinstance(found, click.Command)
    return found


def commands() -> Iterator[tuple[str, click.Command]]:
    """The commands with their names; instead of a group, the actions of the group."""
    for name in NAMES:
        found = command_of(name)
        if isinstance(found, click.Group):
            context = click.Context(found)
            for action in found.list_commands(context):
                command = found.get_command(context, action)
                assert command is not None
                yield f"{name} {action}", command
        else:
            yield name, found


def options() -> Iterator[tuple[str, str, bool]]:
    """Command, option and whether it is a flag."""
    for name, command in commands():
        for parameter in command.params:
            option = max(parameter.opts, key=len)
            if isinstance(parameter, click.Option) and not parameter.hidden:
                yield name, option, parameter.is_flag


def check(result: Result, start: str) -> None:
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    [line] = result.stderr.splitlines()
    assert line.startswith(start), line
    assert line.isprintable()
    assert len(line) <= 1200
    assert not WORDS_OF_A_LIBRARY.search(line), line


WITH_A_FORM = [(name, option) for name, option, is_flag in options() if not is_flag and option not in FREE]


@pytest.mark.parametrize(("name", "option"), WITH_A_FORM)
def test_a_bad_value_is_one_sentence_that_names_the_option_and_what_it_expects(name: str, option: str) -> None:
    for value in BAD:
        result = run_command(name, f"{option}={value}")
        check(result, f"gdpeer {name}: {option}: ")
        assert re.search(r": (expected|cannot|the|[^:]* has no) ", result.stderr), result.stderr


@pytest.mark.parametrize(("name", "option"), [(name, option) for name, option, is_flag in options() if not is_flag])
def test_an_option_without_its_value(name: str, option: str) -> None:
    check(run_command(name, option), f"gdpeer {name}: {option}: expected a value (see")


@pytest.mark.parametrize(("name", "option"), [(name, option) for name, option, is_flag in options() if is_flag])
def test_a_flag_with_a_value(name: str, option: str) -> None:
    check(run_command(name, f"{option}=x"), f"gdpeer {name}: {option}: takes no value (see")


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_what_is_missing_and_what_is_too_much(name: str) -> None:
    if name not in ANY_NUMBER:
        check(run_command(name, "surplus"), f"gdpeer {name}: unexpected argument 'surplus' (see")
    check(run_command(name, "--unlike"), f"gdpeer {name}: unknown option --unlike (see")
    check(run_command(name, "-z"), f"gdpeer {name}: unknown option -z (see")
    if name in NEEDED:
        assert " is missing (see" in run(*name.split()).stderr


@pytest.mark.parametrize("name", ["nothing", "ECHO", "", "\x1b[1m", "a b"])
def test_a_command_that_is_none(name: str) -> None:
    check(run(name), "gdpeer: unknown command '")


URLS = [
    "",
    "x y",
    "http://h",
    "ftp://h/",
    "ws://",
    "ws://h:99999",
    "ws://h:x",
    "ws://[::",
    "ws://a b/",
    "://h",
    "ws://\x1b[1m/",
]
WITH_A_URL = {
    "call": lambda url: ["call", url, "Main.greet"],
    "connect": lambda url: ["connect", url],
    "replay": lambda url: ["replay", __file__, url],
    "swarm": lambda url: ["swarm", __file__, "--url", url],
    "inspect": lambda url: ["inspect", "--listen", "0", "--to", url],
    "bad-network": lambda url: ["bad-network", "--listen", "0", "--to", url],
    "roll": lambda url: ["roll", "--join", url],
    "arena": lambda url: ["arena", "--bots", "1", "--join", url],
}


@pytest.mark.parametrize("name", WITH_A_URL)
@pytest.mark.parametrize("url", URLS)
def test_a_url_that_is_none(name: str, url: str) -> None:
    check(run(*WITH_A_URL[name](url)), f"gdpeer {name}: ")


@pytest.mark.parametrize("name", WITH_A_URL)
def test_a_url_that_is_none_does_not_repeat_its_secrets(name: str) -> None:
    result = run(*WITH_A_URL[name]("http://ann:secret@h/?token=secret#secret"))
    check(result, f"gdpeer {name}: ")
    assert "secret" not in result.stderr


def test_a_file_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "no" / "file", "No such file or directory")):
        line = f"gdpeer inspect: --record: cannot open '{path}': {why} (see"
        assert run("inspect", *NEEDED["inspect"], "--record", str(path)).stderr.startswith(line)
    assert run("replay", str(tmp_path), "ws://h").stderr.startswith(
        f"gdpeer replay: FILE: cannot open '{tmp_path}': Is a"
    )
