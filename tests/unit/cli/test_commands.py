"""The group of subcommands: help, version, and one line for every misuse."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
from click.testing import Result

from gdpeer import COMPILED, __version__
from gdpeer.cli.commands import NAMES, gdpeer
from tests.support.commands import RUNNER

VERSION = f"gdpeer {__version__} ({'compiled' if COMPILED else 'uncompiled'}, Python {platform.python_version()})\n"


INSPECT = ("inspect", "--listen", "0", "--to", "ws://h")
BAD = ("bad-network", "--listen", "0", "--to", "ws://h")


def run(*arguments: str) -> Result:
    return RUNNER.invoke(gdpeer, list(arguments), prog_name="gdpeer")


def run_program(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)


def test_the_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, VERSION)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_help_names_every_command(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    for name in NAMES:
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_each_command_fits_on_a_screen_and_has_examples(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: gdpeer {name} ")
    assert f"Examples:\n    gdpeer {name}" in result.stdout
    lines = result.stdout.splitlines()
    assert len(lines) <= (55 if name == "serve" else 40)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nothing",), "gdpeer: unknown command 'nothing' (see gdpeer --help)"),
        (("ehco",), "gdpeer: unknown command 'ehco', did you mean echo? (see gdpeer --help)"),
        (("--nothing",), "gdpeer: unknown option --nothing (see gdpeer --help)"),
        (("echo", "--bogus"), "gdpeer echo: unknown option --bogus (see gdpeer echo --help)"),
        (("chat", "--prot", "1"), "gdpeer chat: unknown option --prot, did you mean --port? (see"),
        (("connect", "-x"), "gdpeer connect: unknown option -x (see"),
        (("echo", "surplus"), "gdpeer echo: unexpected argument 'surplus' (see gdpeer echo --help)"),
        (("chat", "one", "two"), "gdpeer chat: unexpected argument 'one two' (see"),
        (("echo", "--port"), "gdpeer echo: --port: expected a value (see"),
        (("echo", "--compress=yes"), "gdpeer echo: --compress: takes no value (see"),
        (("echo", "--port", "65536"), "gdpeer echo: --port: expected a port from 0 to 65535, got '65536' (see"),
        (("echo", "--port", "80abc"), "gdpeer echo: --port: expected a port from 0 to 65535, got '80abc' (see"),
        (("echo", "--path", "game"), "gdpeer echo: --path: expected a path that begins with /, got 'game' (see"),
        (
            ("echo", "--max-size", "0"),
            "gdpeer echo: --max-size: expected a size such as 65536, 64K or 16M, got '0' (see",
        ),
        (("echo", "--max-size", "1G"), "gdpeer echo: --max-size: expected a size such as 65536, 64K or 16M, got '1G'"),
        (("echo", "--max-size", "9" * 5000), "gdpeer echo: --max-size: expected a size such as"),
        (("echo", "--cert", __file__), "gdpeer echo: --cert and --key must be used together (see gdpeer echo --help)"),
        (("echo", "--key", __file__), "gdpeer echo: --cert and --key must be used together (see gdpeer echo --help)"),
        (
            ("echo", "--cert", "/nowhere/c"),
            "gdpeer echo: --cert: expected a file, got '/nowhere/c', which cannot be found",
        ),
        (("echo", "--cert", "/"), "gdpeer echo: --cert: expected a file, got '/', which is not a file (see"),
        (("roll", "--pyodide", __file__), "gdpeer roll: --pyodide: expected a folder, got "),
        (("chat", "--port", "-1"), "gdpeer chat: --port: expected a port from 0 to 65535, got '-1' (see"),
        (("connect",), "gdpeer connect: URL is missing (see gdpeer connect --help)"),
        (("connect", ""), "gdpeer connect: "),
        (("connect", "http://localhost/"), "gdpeer connect: the scheme must be ws or wss, not 'http' (see gdpeer"),
        (("connect", "ws://localhost:99999/"), "gdpeer connect: the port must be 1 to 65535, not 99999 (see gdpeer"),
        (
            ("connect", "ws://h/", "--protocol", "a b"),
            "gdpeer connect: --protocol: expected a sub-protocol such as demo-",
        ),
        (
            ("echo", "--protocol", "a,b"),
            "gdpeer echo: --protocol: expected a sub-protocol such as demo-chat, got 'a,b'",
        ),
        (
            ("connect", "ws://h/", "--header", "no colon"),
            "gdpeer connect: --header: expected a header such as 'X-Name:",
        ),
        (("connect", "ws://h/", "--header", "A: b\r\nC: d"), "gdpeer connect: --header: expected a header such as"),
        (("connect", "ws://h/", "--header", ": b"), "gdpeer connect: --header: expected a header such as"),
        (("connect", "ws://h/", "--ping", "-1"), "gdpeer connect: --ping: expected seconds such as 0.5, got '-1' (see"),
        (
            ("connect", "ws://h/", "--ping", "nan"),
            "gdpeer connect: --ping: expected seconds such as 0.5, got 'nan' (see",
        ),
        (("inspect", "--listen", "1"), "gdpeer inspect: --to is missing (see gdpeer inspect --help)"),
        (("inspect", "--to", "ws://h"), "gdpeer inspect: --listen is missing (see gdpeer inspect --help)"),
        ((*INSPECT, "--names", "/nowhere"), "gdpeer inspect: --names: cannot read names from /nowhere"),
        ((*INSPECT, "--dialect", "5"), "gdpeer inspect: --dialect: expected auto, godot4, godot3 or raw, got '5' (see"),
        (
            (*INSPECT, "--ca", __file__, "--insecure"),
            "gdpeer inspect: --ca and --insecure cannot be used together (see",
        ),
        (
            (*BAD, "--delay", "80"),
            "gdpeer bad-network: --delay: expected a time such as 80ms, 2s or 1.5min, got '80' (see",
        ),
        (
            (*BAD, "--loss-unreliable", "2x"),
            "gdpeer bad-network: --loss-unreliable: expected a percentage such as 2%, got",
        ),
        ((*BAD, "--unreliable", "x"), "gdpeer bad-network: --unreliable needs --loss-unreliable (see gdpeer bad-"),
        (
            ("replay", "/nowhere", "ws://h"),
            "gdpeer replay: FILE: cannot open '/nowhere': No such file or directory (see",
        ),
        (("replay", __file__, "http://h"), "gdpeer replay: the scheme must be ws or wss, not 'http' (see"),
        (
            ("replay", __file__, "ws://h", "--speed", "0"),
            "gdpeer replay: --speed: expected a speed such as 0.5, 2 or max, got",
        ),
        (
            ("replay", __file__, "ws://h", "--speed", "x"),
            "gdpeer replay: --speed: expected a speed such as 0.5, 2 or max, got",
        ),
        (
            ("connect", "wss://h/", "--insecure", "--ca", __file__),
            "gdpeer connect: --ca and --insecure cannot be used together (see gdpeer connect --help)",
        ),
    ],
)
def test_a_misuse_is_one_line_and_status_2(arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["gdpeer", "gdpeer.cli"])
def test_python_m_is_the_same_command(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", name, "--version"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")


@pytest.mark.parametrize("missing", [("click",), ("rich",), ("click", "rich")])
def test_without_the_extra_one_line_says_how_to_get_it(missing: tuple[str, ...]) -> None:
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in missing)
    done = run_program(f"import runpy, sys\n{hidden}runpy.run_module('gdpeer.cli', run_name='__main__')\n")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (f'gdpeer: the command line needs {" and ".join(missing)}: pip install "gdpeer[cli]"\n')


def test_the_commands_import_rich_only_for_a_terminal() -> None:
    """Its import takes a quarter of the time in which a command starts."""
    modules = ", ".join(f"gdpeer.cli.{name.replace('-', '_')}" for name in NAMES)
    done = run_program(f"import sys, {modules}\nprint([name for name in sys.modules if name.startswith('rich')])")
    assert done.stdout == "[]\n", done.stderr


def test_ctrl_c_while_the_command_is_loaded_is_status_130() -> None:
    program = (
        "import signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'gdpeer.cli.commands': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "import runpy\n"
        "runpy.run_module('gdpeer.cli', run_name='__main__')\n"
    )
    done = run_program(program)
    assert (done.returncode, done.stderr) == (130, "")
