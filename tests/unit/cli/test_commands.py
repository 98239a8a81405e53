"""The group of subcommands: help, version, and one line for every misuse."""

from __future__ import annotations

import platform
import subprocess
import sys
from inspect import signature

import pytest
from click.testing import CliRunner, Result

from gdpeer import COMPILED, __version__
from gdpeer.cli.commands import NAMES, gdpeer

# Before click 8.2 standard output held both streams unless told otherwise.
RUNNER = CliRunner(mix_stderr=False) if "mix_stderr" in signature(CliRunner).parameters else CliRunner()


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
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nothing",), "gdpeer: No such command 'nothing' (see gdpeer --help)"),
        (("--nothing",), "gdpeer: No such option"),
        (("echo", "--nothing"), "gdpeer echo: No such option"),
        (("chat", "--nothing"), "gdpeer chat: No such option"),
        (("connect", "--nothing"), "gdpeer connect: No such option"),
        (("echo", "surplus"), "gdpeer echo: Got unexpected extra argument (surplus) (see gdpeer echo --help)"),
        (("echo", "--port", "65536"), "gdpeer echo: Invalid value for '--port': 65536 is not in the range"),
        (("echo", "--port", "http"), "gdpeer echo: Invalid value for '--port'"),
        (("echo", "--path", "game"), "gdpeer echo: Invalid value for '--path': 'game' does not begin with /"),
        (("echo", "--max-size", "0"), "gdpeer echo: Invalid value for '--max-size': '0' is no size such as 65536"),
        (("echo", "--max-size", "1G"), "gdpeer echo: Invalid value for '--max-size': '1G' is no size such as 65536"),
        (("echo", "--max-size", "9" * 5000), "gdpeer echo: Invalid value for '--max-size'"),
        (("echo", "--cert", __file__), "gdpeer echo: --cert and --key belong together (see gdpeer echo --help)"),
        (("echo", "--key", __file__), "gdpeer echo: --cert and --key belong together (see gdpeer echo --help)"),
        (("echo", "--cert", "/nowhere/cert.pem"), "gdpeer echo: Invalid value for '--cert': File '/nowhere/cert.pem'"),
        (("chat", "--port", "-1"), "gdpeer chat: Invalid value for '--port': -1 is not in the range"),
        (("connect",), "gdpeer connect: Missing argument 'URL' (see gdpeer connect --help)"),
        (("connect", ""), "gdpeer connect: "),
        (("connect", "http://localhost/"), "gdpeer connect: the scheme must be ws or wss, not 'http' (see gdpeer"),
        (("connect", "ws://localhost:99999/"), "gdpeer connect: the port must be 1 to 65535, not 99999 (see gdpeer"),
        (("connect", "ws://h/", "--protocol", "a b"), "gdpeer connect: Invalid value for '--protocol': not a sub-"),
        (("echo", "--protocol", "a,b"), "gdpeer echo: Invalid value for '--protocol': not a sub-protocol's name"),
        (("connect", "ws://h/", "--header", "no colon"), "gdpeer connect: Invalid value for '--header': a header must"),
        (("connect", "ws://h/", "--header", "A: b\r\nC: d"), "gdpeer connect: Invalid value for '--header'"),
        (("connect", "ws://h/", "--header", ": b"), "gdpeer connect: Invalid value for '--header'"),
        (("connect", "ws://h/", "--ping", "-1"), "gdpeer connect: Invalid value for '--ping'"),
        (("inspect", "--listen", "1"), "gdpeer inspect: Missing option '--to' (see gdpeer inspect --help)"),
        (("inspect", "--to", "ws://h"), "gdpeer inspect: Missing option '--listen' (see"),
        ((*INSPECT, "--names", "/nowhere"), "gdpeer inspect: Invalid value for '--names': cannot read names"),
        ((*INSPECT, "--dialect", "godot5"), "gdpeer inspect: Invalid value for '--dialect'"),
        ((*INSPECT, "--ca", __file__, "--insecure"), "gdpeer inspect: --ca and --insecure exclude each other (see"),
        ((*BAD, "--delay", "80"), "gdpeer bad-network: Invalid value for '--delay': '80' is no time such as 80ms"),
        ((*BAD, "--unreliable", "x"), "gdpeer bad-network: --unreliable goes with --loss-unreliable (see gdpeer bad-"),
        (("replay", "/nowhere", "ws://h"), "gdpeer replay: Invalid value for 'FILE': '/nowhere': No such file"),
        (("replay", __file__, "http://h"), "gdpeer replay: the scheme must be ws or wss, not 'http' (see"),
        (("replay", __file__, "ws://h", "--speed", "0"), "gdpeer replay: Invalid value for '--speed': '0' is no speed"),
        (("replay", __file__, "ws://h", "--speed", "x"), "gdpeer replay: Invalid value for '--speed': 'x' is no speed"),
        (
            ("connect", "wss://h/", "--insecure", "--ca", __file__),
            "gdpeer connect: --ca and --insecure exclude each other (see gdpeer connect --help)",
        ),
    ],
)
def test_a_misuse_is_one_line_and_status_2(arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


def test_python_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gdpeer.cli", "--version"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")


@pytest.mark.parametrize("missing", [("click",), ("rich",), ("click", "rich")])
def test_without_the_extra_one_line_says_how_to_get_it(missing: tuple[str, ...]) -> None:
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in missing)
    done = run_program(f"import runpy, sys\n{hidden}runpy.run_module('gdpeer.cli', run_name='__main__')\n")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (f'gdpeer: the command line needs {" and ".join(missing)}: pip install "gdpeer[cli]"\n')


def test_the_conformance_client_needs_no_extra() -> None:
    done = run_program(
        "import runpy, sys\n"
        "sys.modules['click'] = sys.modules['rich'] = None\n"
        "sys.argv = ['autobahn_client']\n"
        "runpy.run_module('gdpeer.cli.autobahn_client', run_name='__main__')\n"
    )
    assert done.returncode == 2
    assert done.stderr == "usage: python -m gdpeer.cli.autobahn_client URL AGENT\n"
