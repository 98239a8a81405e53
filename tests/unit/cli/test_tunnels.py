"""`gdpeer inspect`, `bad-network` and `replay` as processes, before an echo, spoken to by an independent client."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gdpeer.cli.tunnels import is_same_machine
from gdpeer.multiplayer.wire import godot4
from tests.support.certificates import make_certificates
from tests.support.commands import run_here
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command

CALL = godot4.RemoteCall(0, 0, [7], "Main/Game").encode()


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The URL of an echo."""
    with Process(gdpeer_command("echo", "--port", "0")) as process:
        yield process.wait_for(r"listening on (ws://\S+)$").group(1)


class Between(Process):
    """A tunnel; `url` is what it printed."""

    def __init__(self, command: str, to: str, *options: str) -> None:
        super().__init__(gdpeer_command(command, "--listen", "0", "--to", to, *options))
        self.wait_until(lambda: bool(self.first()), "address", 15.0)
        self.url = self.first()

    def first(self) -> str:
        found = re.search(r"gdpeer [a-z-]+: (ws://\S+) to wss?://", "\n".join([*self.stdout, *self.stderr]))
        return found.group(1) if found else ""


@contextmanager
def joined(between: Between, path: str = "") -> Iterator[ClientConnection]:
    with connect(between.url + path, proxy=None, compression=None) as client:
        yield client


def exchange(client: ClientConnection, *messages: str | bytes) -> None:
    for message in messages:
        client.send(message)
        assert client.recv(timeout=10) == message


def finish(between: Between) -> list[str]:
    between.interrupt()
    assert between.wait() == 0
    return between.stdout


# --- inspect


def test_lines_and_totals_in_a_pipe(echo: str) -> None:
    with Between("inspect", echo) as between:
        with joined(between, "?token=secret") as client:
            exchange(client, "hello", b"\x01\x02")
        between.wait_for("close")
        lines = finish(between)
        assert between.stderr == []
    text = "\n".join(lines)
    assert re.search(r"#1 +open +/\?token=\*\*\*$", text, re.M)
    assert re.search(r"#1 +-> +5 t +text +hello$", text, re.M)
    assert re.search(r"#1 +<- +2 b +binary +01 02$", text, re.M)
    assert re.search(r"^text +2 +10 ", text, re.M)
    assert re.search(r"^#1 +4 +14 ", text, re.M)
    assert "0 undecoded" in lines
    assert "secret" not in text


def test_json_is_all_that_is_on_standard_output(echo: str) -> None:
    with Between("inspect", echo, "--json", "--dialect", "godot4", "--command", "rpc") as between:
        with joined(between) as client:
            exchange(client, CALL, b"\x00")
        lines = [json.loads(line) for line in finish(between)]
    assert [line.get("method") for line in lines[:-1]] == ["method 0"] * 2
    assert lines[-1]["totals"]["all"]["count"] == 2
    assert (lines[-1]["undecoded"], lines[-1]["unnamed"]) == (2, {"Main/Game": ""})


def test_names_that_are_missing_are_told_at_the_end(echo: str) -> None:
    with Between("inspect", echo, "--dialect", "godot4") as between:
        with joined(between) as client:
            exchange(client, godot4.SimplifyPath("0" * 32, 1, "Main").encode(), godot4.RemoteCall(1, 0, []).encode())
            exchange(client, CALL)
        text = "\n".join(finish(between))
    assert f"No names for the methods of Main: see --names (checksum {'0' * 32})" in text
    assert "No names for the methods of Main/Game: see --names (the checksum did not appear)" in text


def test_a_recording_is_whole_after_ctrl_c_and_after_a_kill(echo: str, tmp_path: Path) -> None:
    for name, end in (("ctrl-c", finish), ("kill", lambda between: between.kill())):
        file = tmp_path / name
        with Between("inspect", echo, "--record", str(file)) as between, joined(between) as client:
            exchange(client, "one", b"two")
            between.wait_until(lambda: "\n".join(between.stdout).count("74 77 6f") == 2, "rows", 10.0)
            end(between)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert [line.get("text") or line.get("binary") for line in lines[2:6]] == ["one", "one", "dHdv", "dHdv"]


def test_the_page_and_its_files(echo: str) -> None:
    with Between("inspect", echo, "--page", "0") as between:
        page = between.wait_for(r"^Page: (http://\S+)$").group(1)
        files = {"": "gdpeer inspect", "inspect.js": "WebSocket", "style.css": ".rows", "look.css": ":root"}
        for name, words in files.items():
            assert words in urllib.request.urlopen(page + name, timeout=10).read().decode()
        with connect(page.replace("http", "ws"), proxy=None) as tab, joined(between) as client:
            exchange(client, "seen")
            rows = []
            while len(rows) < 3:
                rows += json.loads(tab.recv(timeout=10))["rows"]
            assert [row["command"] for row in rows] == ["open", "text", "text"]
            with connect(page.replace("http", "ws"), proxy=None) as late:
                news = json.loads(late.recv(timeout=10))
                assert [row["command"] for row in news["rows"]] == ["open", "text", "text"]
                assert (news["to"], news["totals"]["all"]["count"]) == (echo, 2)
            with pytest.raises(InvalidStatus):
                connect(page.replace("http", "ws"), proxy=None, origin="http://evil.example")  # type: ignore[arg-type]
            between.interrupt()
            assert json.loads([*tab][-1])["over"]
        assert between.wait() == 0


def refuse(status: int, url: str, body: bytes | None = None) -> None:
    """Asks for something that the page must refuse."""
    with pytest.raises(urllib.error.HTTPError, match=str(status)) as caught:
        urllib.request.urlopen(url, body, timeout=10)
    caught.value.close()  # the error holds a connection


def test_the_page_gets_a_message_in_detail_and_the_recording(echo: str) -> None:
    with Between("inspect", echo, "--page", "0") as between, joined(between) as client:
        page = between.wait_for(r"^Page: (http://\S+)$").group(1)
        exchange(client, "x" * 5000)
        with connect(page.replace("http", "ws"), proxy=None) as tab:
            rows: list[dict[str, object]] = []
            while len(rows) < 3:
                news = json.loads(tab.recv(timeout=10))
                rows += news["rows"]
        assert [row["number"] for row in rows] == [1, 2, 3]
        assert set(news["history"]) == {"end", "to_server", "to_client"}
        files = page + news["files"]
        with urllib.request.urlopen(f"{files}2.json", timeout=10) as answer:
            assert b64decode(json.load(answer)["data"]) == b"x" * 5000
        with urllib.request.urlopen(f"{files}session.jsonl", timeout=10) as answer:
            assert answer.headers["Content-Disposition"] == 'attachment; filename="session.jsonl"'
            assert len(answer.read().splitlines()) == 4
        for path in (
            "9.json",
            "2",
            "2.txt",
            "-1.json",
            f"{'9' * 5000}.json",
            "\u0662.json",
            "../2.json",
            "x/../2.json",
        ):
            refuse(404, files + quote(path))
        # Without the path that only the WebSocket tells, which pages of other origins cannot open.
        for path in ("2.json", "session.jsonl", f"{'A' * 22}/session.jsonl"):
            refuse(404, page + path)
        refuse(405, f"{files}2.json", b"")


def test_a_page_that_others_can_reach_needs_the_token_of_its_address(echo: str) -> None:
    with Between("inspect", echo, "--page", "0", "--host", "*") as between:
        page = between.wait_for(r"^Page: (http://localhost:\d+/[\w-]{20,}/)$").group(1)
        between.wait_for("^Other machines can open this address")
        root = page.rsplit("/", 2)[0]
        assert "gdpeer inspect" in urllib.request.urlopen(page, timeout=10).read().decode()
        assert "WebSocket" in urllib.request.urlopen(f"{page}inspect.js", timeout=10).read().decode()
        for path in ("/", "/inspect.js", "/wrong/", f"{page[len(root) : -2]}/", f"/x{page[len(root) :]}", "/gr%C3%BC/"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(root + path, timeout=10)
            assert refused.value.code == 404
            refused.value.close()
            with pytest.raises(InvalidStatus) as status:
                connect(root.replace("http", "ws") + path, proxy=None)
            assert status.value.response.status_code == 404
        with connect(page.replace("http", "ws"), proxy=None) as tab:
            assert json.loads(tab.recv(timeout=10))["rows"] == []


OWN = [
    "ws://127.0.0.1:{}",
    "ws://localhost:{}",
    "ws://0.0.0.0:{}",
    "ws://[::ffff:127.0.0.1]:{}",
    "ws://LOCALHOST:{}/game",
]


@pytest.mark.parametrize(
    ("command", "host", "to"),
    [
        (("inspect", "bad-network")[number % 2], ("127.0.0.1", "*")[number // 2 % 2], to)
        for number, to in enumerate(OWN)
    ],
)
def test_a_server_that_is_the_command_itself_is_refused(command: str, host: str, to: str) -> None:
    """Regression: it connected to itself until it had no descriptors left."""
    port = free_port()
    done = run_here(command, "--listen", str(port), "--host", host, "--to", to.format(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"gdpeer {command}: --to is the address of --listen: give the address of the game's server\n"
    )


def test_a_server_that_is_the_page_is_refused() -> None:
    port = free_port()
    done = run_here("inspect", "--listen", "0", "--page", str(port), "--to", f"ws://127.0.0.1:{port}")
    assert done.returncode == 1
    assert "--to is the address of --page" in done.stderr


@pytest.mark.parametrize(
    ("target", "listening", "same"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::1", "*", True),
        ("::", "*", True),
        ("127.0.0.2", "127.0.0.1", False),
        ("127.0.0.2", "*", True),
        ("192.0.2.1", "*", False),
        ("192.0.2.1", "127.0.0.1", False),
        ("no.such.host.invalid", "*", False),
    ],
)
def test_what_is_the_same_machine(target: str, listening: str, same: bool) -> None:
    assert is_same_machine(target, listening) is same


@pytest.mark.parametrize("command", ["inspect", "bad-network"])
def test_a_port_in_use_and_a_wrong_url(echo: str, command: str) -> None:
    with Between(command, echo) as between:
        port = between.url.rsplit(":", 1)[1].strip("/")
        done = run_here(command, "--listen", port, "--to", echo)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"gdpeer {command}: cannot listen on 127.0.0.1 port {port}: the address is in use\n"
    done = run_here(command, "--listen", "0", "--to", "http://h")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the scheme must be ws or wss" in done.stderr


def test_a_file_that_cannot_be_written() -> None:
    done = run_here("inspect", "--listen", "0", "--to", "ws://h", "--record", "/nowhere/file")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_full_disk_is_one_line_and_status_1(echo: str) -> None:
    done = run_here("inspect", "--listen", "0", "--to", echo, "--record", "/dev/full")
    assert done.returncode == 1
    assert done.stderr == "gdpeer inspect: cannot write the recording: No space left on device\n"


def test_a_reader_that_leaves_ends_it_quietly_and_the_game_hears_1001(echo: str) -> None:
    port = free_port()
    script = f'"$0" -m gdpeer.cli inspect --listen {port} --to {echo} | head -n 1'
    command = ["sh", "-c", script, sys.executable]
    with Process(command) as pipe:
        pipe.wait_for("^gdpeer inspect: ")
        with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        pipe.wait()
        assert pipe.stderr == []


def test_a_server_with_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    options = ("--cert", str(certificates.certificate), "--key", str(certificates.key))
    with Process(gdpeer_command("echo", "--port", "0", *options)) as echo:
        port = echo.wait_for(r"listening on wss://\S+:(\d+)/").group(1)
        for trust in (("--ca", str(certificates.authority)), ("--insecure",)):
            with Between("inspect", f"wss://localhost:{port}", *trust) as between, joined(between) as client:
                exchange(client, "secret")


# --- bad-network


def test_a_bad_line_is_late_and_says_what_passed(echo: str) -> None:
    with Between("bad-network", echo, "--delay", "100ms", "--jitter", "10ms", "--seed", "1") as between:
        with joined(between) as client:
            began = time.monotonic()
            exchange(client, "there and back")
            assert time.monotonic() - began >= 0.18
        between.wait_for("ended by the client with 1000")
        lines = finish(between)
    assert lines[-1] == "Messages passed: 1 to server, 1 to client; lost: 0"


def test_losses_by_name_are_told(echo: str) -> None:
    options = ("--loss-unreliable", "100%", "--unreliable", "Main/*:method 0", "--dialect", "godot4")
    with Between("bad-network", echo, *options) as between:
        with joined(between) as client:
            client.send(CALL)
            exchange(client, b"\x03x")
        lines = finish(between)
    assert lines[-2:] == ["Messages passed: 1 to server, 1 to client; lost: 1", "        1  Main/Game:method 0"]


def test_a_connection_is_cut(echo: str) -> None:
    with Between("bad-network", echo, "--cut-after", "200ms") as between:
        with joined(between) as client, pytest.raises(ConnectionClosed):
            client.recv(timeout=10)
        between.wait_for("ended by the bad line without a close frame")


def test_who_is_refused_is_told() -> None:
    with Between("bad-network", f"ws://127.0.0.1:{free_port()}") as between:
        with pytest.raises(InvalidStatus):
            connect(between.url, proxy=None)
        between.wait_for("#1 refused: .*502|#1 refused: tcp")


# --- replay


@pytest.fixture(scope="module")
def session(echo: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of an echo."""
    file = tmp_path_factory.mktemp("recordings") / "session.jsonl"
    with Between("inspect", echo, "--record", str(file)) as between:
        with joined(between) as client:
            exchange(client, "one", b"two")
        between.wait_for("close")
        finish(between)
    return file


@pytest.mark.parametrize("speed", ["1", "max"])
def test_a_replay_that_is_answered_as_then(echo: str, session: Path, speed: str) -> None:
    done = run_here("replay", str(session), echo, "--speed", speed)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "peer 1: 2 messages sent, all 2 answers as recorded"


def test_a_replay_that_is_answered_otherwise(echo: str, session: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(session.read_text().replace('"to_client","text":"one"', '"to_client","text":"other"'))
    done = run_here("replay", str(other), echo)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "peer 1: 2 messages sent, 1 difference in 2 answers",
        "  answer 1: expected other, got one",
        "1 difference:",
        "        1  text",
    ]
    done = run_here("replay", str(other), echo, "--ignore", "text", "--names", "tests.support.mp_nodes")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "peer 1: 2 messages sent, all 1 answers as recorded")
    done = run_here("replay", str(other), echo, "--ignore-answers", "--peer", "1")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "peer 1: 2 messages sent, 2 answers")


def test_all_differences_are_counted_and_some_are_shown(echo: str, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    events = [{"time": 0, "peer": 1, "event": "open", "target": "/", "protocol": ""}]
    for number in range(30):
        events += [
            {"time": 0, "peer": 1, "event": "message", "direction": "to_server", "text": f"{number}"},
            {
                "time": 0,
                "peer": 1,
                "event": "message",
                "direction": "to_client",
                "text": f"{number + number % 2 * 100}",
            },
        ]
    lines = [{"gdpeer": "recording", "version": 1, "to": "ws://h/", "dialect": "auto"}, *events]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = run_here("replay", str(file), echo, "--speed", "max")
    assert done.returncode == 1
    shown = done.stdout.splitlines()[1:]
    assert shown[0] == "peer 1: 30 messages sent, 15 differences in 30 answers"
    assert shown[1:3] == ["  answer 2: expected 101, got 1", "  answer 4: expected 103, got 3"]
    assert shown[11:] == ["  and 5 more", "15 differences:", "       15  text"]


def test_a_replay_ends_on_ctrl_c(echo: str, session: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.jsonl"
    slow.write_text(session.read_text() + '{"time":1000,"peer":9,"event":"open","target":"/","protocol":""}\n')
    with Process(gdpeer_command("replay", str(slow), echo)) as replay:
        replay.wait_for("^gdpeer replay: 2 of ")
        replay.interrupt()
        assert replay.wait() == 130
        assert len(replay.stdout) == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"{}\n", "line 1: this is not a recording of gdpeer"),
        (b"\xff\xfe", ".*"),
        (b'{"gdpeer":"recording","version":1}\n{"time":', "line 2: .*"),
    ],
)
def test_a_damaged_recording_is_one_line_and_status_1(tmp_path: Path, text: bytes, problem: str) -> None:
    file = tmp_path / "damaged"
    file.write_bytes(text)
    done = run_here("replay", str(file), "ws://localhost")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"gdpeer replay: {re.escape(str(file))}: {problem}\n", done.stderr)


def test_a_replay_without_a_server_is_one_line_and_status_1(session: Path) -> None:
    done = run_here("replay", str(session), f"ws://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert re.fullmatch(r"gdpeer replay: peer 1, message 1: tcp: .+\n", done.stderr)


def test_a_peer_that_is_not_in_the_recording(echo: str, session: Path) -> None:
    done = run_here("replay", str(session), echo, "--peer", "5")
    assert done.returncode == 1
    assert done.stderr.endswith("the recording has no peer 5, only 1\n")
