"""`gdpeer arena` as a process: the host with bots, bots alone, the end, and misuse."""

from __future__ import annotations

import urllib.request

import pytest

from tests.support.commands import run_here
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command


class Host(Process):
    """A `gdpeer arena` on a free port of loopback."""

    def __init__(self, *options: str) -> None:
        super().__init__(gdpeer_command("arena", "--host", "127.0.0.1", "--port", "0", *options))
        self.url = self.wait_for(r"^Godot 4 and bots: +(ws://\S+)$")[1]
        self.page = self.wait_for(r"^In a browser: +(http://\S+)$")[1]


def test_a_host_with_bots_and_bots_alone_until_ctrl_c() -> None:
    with Host("--bots", "2") as host:
        host.wait_for(r"^Bot [12] has come; players: 2$")
        with urllib.request.urlopen(host.page) as answer:
            assert "<title>gdpeer arena</title>" in answer.read().decode()
        with Process(gdpeer_command("arena", "--join", host.url, "--bots", "3")) as bots:
            host.wait_for(r"^Bot \d has come; players: 5$")
            bots.interrupt()
            assert bots.wait() == 0
            host.wait_for(r"^Bot \d has gone; players: 2$")
        host.interrupt()
        assert host.wait() == 0
        assert host.stderr == []


@pytest.mark.extended
def test_bots_whose_server_goes_end_with_status_1() -> None:
    with Host() as host, Process(gdpeer_command("arena", "--join", host.url, "--bots", "2")) as bots:
        host.wait_for(r"^Bot \d has come; players: 2$")
        host.popen.terminate()
        assert host.wait() == 0
        assert bots.wait() == 1
        assert bots.stderr == ["gdpeer arena: server gone"]


@pytest.mark.parametrize(
    ("options", "status", "line"),
    [
        (("--join", "ws://x"), 2, "gdpeer arena: --join needs --bots"),
        (("--join", "ws://x", "--bots", "1", "--lan"), 2, "gdpeer arena: --join cannot be used with --lan, --origin"),
        (("--bots", "65"), 2, "gdpeer arena: --bots: expected a number of bots from 0 to 64, got '65'"),
        (("--join", f"ws://127.0.0.1:{free_port()}", "--bots", "1"), 1, "gdpeer arena: connection failed: "),
    ],
)
def test_misuse(options: tuple[str, ...], status: int, line: str) -> None:
    done = run_here("arena", *options)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(line)


@pytest.mark.extended
def test_a_port_in_use_is_one_line() -> None:
    with Host() as host:
        port = host.url.rstrip("/").rpartition(":")[2]
        done = run_here("arena", "--host", "127.0.0.1", "--port", port)
        assert done.returncode == 1
        assert done.stderr == f"gdpeer arena: cannot listen on 127.0.0.1 port {port}: the address is in use\n"
