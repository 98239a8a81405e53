"""`gdpeer connect` as a process: in a pipe, on a terminal, against an independent server and against `gdpeer echo`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from gdpeer.multiplayer.rpc.decorator import class_table
from gdpeer.multiplayer.wire import godot4
from tests.support.certificates import Certificates, make_certificates
from tests.support.commands import run_here
from tests.support.mp_nodes import Main
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command
from tests.support.redirecting import redirecting

Handler = Callable[[ServerConnection], None]


def run(*arguments: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    command = gdpeer_command("connect", *arguments)
    return subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", timeout=30, check=False)


@contextlib.contextmanager
def serving(handler: Handler, **options: object) -> Iterator[str]:
    """An independent server on a free port; its URL."""
    server: Server
    with serve(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            scheme = "wss" if "ssl" in options else "ws"
            yield f"{scheme}://127.0.0.1:{server.socket.getsockname()[1]}/"
        finally:
            server.shutdown()
            thread.join(10)


def echo_all(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def echo_url() -> Iterator[str]:
    with Process(gdpeer_command("echo", "--port", "0", "--path", "/here")) as echo:
        yield echo.wait_for(r"listening on (ws://\S+)")[1]


# ---- in a pipe


def test_lines_go_out_and_replies_come_back(echo_url: str) -> None:
    done = run(echo_url, "--linger", "2", lines="one\n\n  /ping \ngrüße 🎮\nlast without an end")
    assert done.returncode == 0
    assert done.stdout == "one\n\n  /ping \ngrüße 🎮\nlast without an end\n"
    assert done.stderr == f"connected to {echo_url}\nclosed with code 1000\n"


def test_many_lines_all_arrive_in_order() -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000))

    def echo_so_many(connection: ServerConnection) -> None:
        for _ in range(20_000):
            connection.send(connection.recv(timeout=20))

    with serving(echo_so_many) as url:  # the server closes: no linger is too short for a slow machine
        done = run(url, "--linger", "60", lines=lines)
    assert (done.returncode, done.stdout == lines) == (0, True)


def test_an_end_without_a_line_closes_cleanly(echo_url: str) -> None:
    done = run(echo_url, "--linger", "0")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"connected to {echo_url}\nclosed with code 1000\n"


def test_the_wait_for_replies() -> None:
    def late(connection: ServerConnection) -> None:
        connection.recv(timeout=10)
        time.sleep(0.7)
        connection.send("late")

    def silent(connection: ServerConnection) -> None:
        for _ in connection:
            pass

    with serving(silent) as url:
        assert run(url, "--linger", "0.1", lines="?\n").stderr.endswith("closed with code 1000\n")
    with serving(late) as url:  # it closes after its reply
        assert run(url, "--linger", "60", lines="?\n").stdout == "late\n"


def test_text_is_verbatim_and_binary_is_described() -> None:
    def speak(connection: ServerConnection) -> None:
        connection.send("[red]\x1b[1m\r")
        connection.send(bytes(range(40)))
        connection.send("end")

    with serving(speak) as url:
        command = gdpeer_command("connect", url)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    dump = bytes(range(32)).hex(" ")
    assert done.stdout == f"[red]\x1b[1m\r\n<40 bytes> {dump} ...\nend\n".encode()
    assert done.returncode == 0


def test_what_came_before_the_close_is_shown() -> None:
    def speak(connection: ServerConnection) -> None:
        for number in range(100):
            connection.send(str(number))
        connection.close(4001, "that was all")

    with serving(speak) as url:
        done = run(url, "--linger", "10")
    assert done.stdout.splitlines() == [str(number) for number in range(100)]
    assert done.returncode == 0
    assert "closed with code 4001, reason 'that was all'" in done.stderr


def test_a_lost_connection_is_status_1() -> None:
    def vanish(connection: ServerConnection) -> None:
        connection.recv(timeout=10)
        connection.socket.shutdown(socket.SHUT_RDWR)

    with serving(vanish) as url:
        done = run(url, "--linger", "10", lines="go\n")
    assert done.returncode == 1
    assert re.search(r"^connection lost \(tcp.*\)$", done.stderr, re.MULTILINE)


def test_a_server_that_breaks_the_protocol_is_status_1() -> None:
    def babble(connection: ServerConnection) -> None:
        connection.socket.sendall(b"\x83\x00")
        with contextlib.suppress(ConnectionClosed):
            connection.recv(timeout=10)

    with serving(babble) as url:
        done = run(url, "--linger", "10")
    assert done.returncode == 1
    assert re.search(r"^closed with code 1002.* \(protocol error: .+\)$", done.stderr, re.MULTILINE)


def test_a_reader_that_leaves_ends_it_quietly(echo_url: str) -> None:
    script = f'yes line | head -n 5000 | "$0" -m gdpeer.cli connect {echo_url} --linger 5 | head -n 1'
    done = subprocess.run(["sh", "-c", script, sys.executable], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "line\n"
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_interrupted_it_closes_with_1000_and_exits_with_0() -> None:
    codes: list[int | None] = []

    def wait(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            connection.recv(timeout=20)
        codes.append(connection.close_code)

    with serving(wait) as url:
        with Process(gdpeer_command("connect", url)) as client:
            client.wait_until(lambda: any("connected to" in line for line in client.stderr), "connection", 30)
            client.interrupt()
            assert client.wait() == 0
        assert "Traceback" not in "\n".join(client.stderr)
    assert codes == [1000]


def test_interrupted_before_it_is_connected_it_exits_with_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        with Process(gdpeer_command("connect", url)) as client:
            connection, _ = silent.accept()
            with connection:
                time.sleep(0.2)
                client.interrupt()
                assert client.wait() == 130
                assert client.stderr == ["interrupted before the connection was open"]


def test_the_ping_time_is_shown(echo_url: str) -> None:
    done = run(echo_url, "--ping", "0.1", "--linger", "2")
    assert done.returncode == 0
    assert re.search(r"^ping \d+\.\d\d ms$", done.stderr, re.MULTILINE)


def test_protocols_headers_and_compression_are_offered() -> None:
    def show(connection: ServerConnection) -> None:
        assert connection.request is not None
        headers = connection.request.headers
        connection.send(headers["Authorization"])
        connection.send(headers["X-Other"])
        connection.send(str("permessage-deflate" in headers.get("Sec-WebSocket-Extensions", "")))

    offered = "--protocol", "first", "--protocol", "second"
    headers = "--header", "Authorization: Bearer a:b", "--header", "X-Other:c"
    with serving(show, subprotocols=["second"]) as url:  # type: ignore[list-item]
        done = run(url, *offered, *headers, "--compress")
        plain = run(url, *offered, *headers)
    assert done.stdout == "Bearer a:b\nc\nTrue\n"
    assert "sub-protocol second" in done.stderr
    assert plain.stdout.endswith("False\n")


# ---- what fails is one line


def assert_fails(done: subprocess.CompletedProcess[str], pattern: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"gdpeer connect: {pattern}\n", done.stderr), done.stderr


def test_nobody_listens() -> None:
    url = f"ws://127.0.0.1:{free_port()}/"
    assert_fails(run_here("connect", url), rf"{url}: tcp: .*[Rr]efused.*")


def test_no_such_host() -> None:
    assert_fails(run_here("connect", "ws://no.such.host.invalid/"), r"ws://no.such.host.invalid/: dns: .+")


def test_another_path_is_404(echo_url: str) -> None:
    url = echo_url.replace("/here", "/there")
    assert_fails(run_here("connect", url), rf"{url}: http status: .*404.*")


def test_a_redirect_names_where_it_leads_without_secrets() -> None:
    with redirecting() as place:
        place.routes["/?key=secret"] = 302, "wss://ann:secret@game.example/room?token=secret"
        done = run_here("connect", place.url("/?key=secret"))
    end = r"redirect to wss://\*\*\*@game.example/room\?\*\*\* not followed: max_redirects is 0"
    assert_fails(done, rf"ws://127.0.0.1:\d+/\?\*\*\*: http status: .*; {end}")
    assert "secret" not in done.stderr


def test_redirects_are_followed_when_asked_for(echo_url: str) -> None:
    with redirecting() as place:
        place.routes["/"] = 302, echo_url
        done = run(place.url("/"), "--max-redirects", "1", "--linger", "2", lines="there\n")
    assert (done.returncode, done.stdout) == (0, "there\n")


def test_a_sub_protocol_that_the_server_does_not_have(echo_url: str) -> None:
    assert_fails(run_here("connect", echo_url, "--protocol", "unknown"), r"\S+: .+")


def test_a_certificate_that_is_not_trusted(certificates: Certificates, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    other = make_certificates(tmp_path)
    with serving(echo_all, ssl=context) as url:
        assert_fails(run_here("connect", url), rf"{url}: tls: .+")
        assert_fails(run_here("connect", url, "--ca", str(other.authority)), rf"{url}: tls: .+")
        for trust in (("--ca", str(certificates.authority)), ("--insecure",)):
            done = run(url, *trust, "--linger", "2", lines="secret\n")
            assert (done.returncode, done.stdout) == (0, "secret\n")


def test_a_certificate_authority_that_is_none(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate\n")
    assert_fails(run_here("connect", "wss://127.0.0.1:1/", "--ca", str(rubbish)), r"wss://127.0.0.1:1/: tls: .+")


# ---- on a terminal


class Typist:
    """A `gdpeer connect` on a pseudo-terminal."""

    def __init__(self, url: str, *options: str) -> None:
        import pty

        self._master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            gdpeer_command("connect", url, *options), stdin=slave, stdout=slave, stderr=slave, env=environment
        )
        os.close(slave)
        self.screen = ""

    def type(self, line: str) -> None:
        os.write(self._master, f"{line}\n".encode())

    def press(self, key: bytes) -> None:
        """A key of the prompt, which takes keys one by one."""
        self.wait_for_the_prompt()
        os.write(self._master, key)

    def see(self, text: str, timeout: float = 30.0) -> None:
        deadline = time.monotonic() + timeout
        while text not in self.screen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} was not shown: {self.screen!r}"
            if select.select([self._master], [], [], left)[0]:
                self._read()

    def wait_for_the_prompt(self) -> None:
        """Until the terminal hands on each key at once: while a line is printed, it edits lines itself."""
        import termios

        deadline = time.monotonic() + 30.0
        while termios.tcgetattr(self._master)[3] & termios.ICANON:
            assert time.monotonic() < deadline, f"there is no prompt: {self.screen!r}"
            time.sleep(0.01)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # what Linux says at the end of a pseudo-terminal
            data = b""
        assert data, f"ended: {self.screen!r}"
        self.screen += data.decode()

    def __enter__(self) -> Typist:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self._master)


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


@needs_terminal
def test_typed_lines_and_commands(echo_url: str) -> None:
    with Typist(echo_url) as typist:
        typist.see("/help lists the commands")
        typist.type("hello")
        typist.see("< \x1b[0m\x1b[32mhello")
        typist.type("/binary 00 ff")
        typist.see("<2 bytes> 00 ff")
        typist.type("//slash")
        typist.see("\x1b[32m/slash")
        typist.type("/ping")
        typist.see(" ms")
        typist.type("/help")
        typist.see("close the connection (1000")
        typist.type("/nothing")
        typist.see("unknown command /nothing")
        typist.type("/close 4003 had enough")
        typist.see("closed with code 4003")
        assert typist.process.wait(30) == 0


@needs_terminal
def test_a_server_cannot_steer_the_terminal() -> None:
    def attack(connection: ServerConnection) -> None:
        connection.send("\x1b]0;title\x07\x9b2J")
        connection.recv(timeout=20)

    with serving(attack) as url, Typist(url) as typist:
        typist.see("\\x1b]0;title\\x07\\x9b2J")
        typist.type("bye")
        typist.see("closed with code")


@needs_terminal
@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["ctrl-c", "ctrl-d"])
def test_ctrl_c_and_the_end_of_input_close_with_1000(echo_url: str, key: bytes) -> None:
    with Typist(echo_url) as typist:
        typist.see("/help lists the commands")
        if key == b"\x03":
            typist.process.send_signal(signal.SIGINT)
        else:
            typist.press(key)
        typist.see("closed with code 1000")
        assert typist.process.wait(30) == 0


# ---- editing and history


needs_prompt = pytest.mark.skipif(importlib.util.find_spec("prompt_toolkit") is None, reason="needs prompt-toolkit")

UP, LEFT, BACKSPACE, CTRL_A, CTRL_R = b"\x1b[A", b"\x1b[D", b"\x7f", b"\x01", b"\x12"


@contextlib.contextmanager
def hearing() -> Iterator[tuple[str, list[str | bytes]]]:
    """A server that notes what it gets, and says so."""
    heard: list[str | bytes] = []

    def note(connection: ServerConnection) -> None:
        for message in connection:
            heard.append(message)
            connection.send(f"heard {len(heard)}")

    with serving(note) as url:
        yield url, heard


@needs_terminal
@needs_prompt
def test_lines_are_edited_and_earlier_ones_come_back() -> None:
    """Regression: the up arrow sent its escape sequence."""
    with hearing() as (url, heard), Typist(url) as typist:
        typist.see("/help lists the commands")
        typist.press(b"helo" + LEFT + b"l\r")
        typist.see("heard 1")
        typist.press(UP + b" again\r")
        typist.see("heard 2")
        typist.press(UP + UP + CTRL_A + b"oh, \r")
        typist.see("heard 3")
        typist.press(b"wrong" + BACKSPACE * 5 + b"right\r")
        typist.see("heard 4")
        typist.press(CTRL_R + b"again\r")
        typist.press(b"\r")
        typist.see("heard 5")
        typist.press(b"\x1b[200~one\ntwo\x1b[201~\r")
        typist.see("heard 7")
        typist.press(b"\x04")
        typist.see("closed with code 1000")
        assert typist.process.wait(30) == 0
    assert heard == ["hello", "hello again", "oh, hello", "right", "hello again", "one", "two"]


@needs_terminal
@needs_prompt
def test_a_message_does_not_break_the_line_that_is_typed() -> None:
    heard: list[str | bytes] = []

    def note(connection: ServerConnection) -> None:
        heard.append(connection.recv(timeout=20))
        time.sleep(0.5)
        connection.send("meanwhile")
        heard.append(connection.recv(timeout=20))
        connection.send("both are here")
        with contextlib.suppress(ConnectionClosed):
            connection.recv(timeout=20)

    with serving(note) as url, Typist(url) as typist:
        typist.see("/help lists the commands")
        typist.press(b"first\rhalf a li")
        typist.see("meanwhile")
        typist.press(b"ne\r")
        typist.see("both are here")
        typist.press(b"\x03")
        typist.see("closed with code 1000")
        assert typist.process.wait(30) == 0
        assert heard == ["first", "half a line"]


@needs_terminal
@needs_prompt
def test_the_terminal_is_given_back_when_the_server_goes() -> None:
    import termios

    def leave(connection: ServerConnection) -> None:
        connection.recv(timeout=20)
        connection.close(4001, "enough")

    with serving(leave) as url, Typist(url) as typist:
        before = termios.tcgetattr(typist._master)
        typist.see("/help lists the commands")
        typist.press(b"bye\r")
        typist.see("closed with code 4001, reason 'enough'")
        assert typist.process.wait(30) == 0
        assert termios.tcgetattr(typist._master)[3] == before[3]


@needs_terminal
@needs_prompt
def test_nothing_that_is_typed_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with hearing() as (url, _), Typist(url) as typist:
        typist.see("/help lists the commands")
        typist.press(b"a secret\r")
        typist.see("heard 1")
        typist.press(b"\x04")
        assert typist.process.wait(30) == 0
    assert list(tmp_path.rglob("*")) == []


# ---- binary input, and Godot's packets in words


def feed(data: bytes, *words: str) -> tuple[subprocess.CompletedProcess[bytes], list[str | bytes]]:
    with hearing() as (url, heard):
        command = gdpeer_command("connect", url, "--linger", "0.5", "--binary", *words)
        done = subprocess.run(command, input=data, capture_output=True, timeout=30, check=False)
    return done, heard


DATA = bytes(range(256)) * 10 + b"\n\r\n\x00"


@pytest.mark.parametrize(
    ("words", "sizes"),
    [(["--chunk", "1000"], [1000, 1000, 564]), (["--whole"], [2564]), ([], [2564]), (["--chunk", "2564"], [2564])],
)
def test_standard_input_as_binary_messages(words: list[str], sizes: list[int]) -> None:
    done, heard = feed(DATA, *words)
    assert (done.returncode, [len(one) for one in heard]) == (0, sizes)
    assert b"".join(one for one in heard if isinstance(one, bytes)) == DATA


def test_no_input_is_no_chunk_but_one_whole_message() -> None:
    assert feed(b"", "--chunk", "10")[1] == []
    assert feed(b"", "--whole")[1] == [b""]


def test_much_binary_data_goes_out_in_order() -> None:
    data = os.urandom(1_000_003)
    done, heard = feed(data, "--chunk", "333", "--linger", "3")
    assert done.returncode == 0
    assert b"".join(one for one in heard if isinstance(one, bytes)) == data


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--chunk", "5"], "--chunk and --whole need --binary"),
        (["--whole"], "--chunk and --whole need --binary"),
        (["--binary", "--whole", "--chunk", "5"], "--chunk and --whole cannot be used together"),
        (["--binary", "--chunk", "0"], "--chunk: expected a size such as 65536, 64K or 16M, got '0'"),
        (["--binary", "--chunk", "65M"], "--chunk: expected at most 67108864 bytes, got 68157440"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], line: str) -> None:
    done = run_here("connect", "ws://127.0.0.1:1/", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"gdpeer connect: {line} (see gdpeer connect --help)\n"


@needs_terminal
def test_binary_input_is_no_terminal() -> None:
    with Typist("ws://127.0.0.1:1/", "--binary") as typist:
        typist.see("--binary: expected a pipe or a file as standard input, got a terminal")


@pytest.mark.parametrize("names", [(), ("--names", "tests.support.mp_nodes")])
def test_packets_of_godot_in_words(names: tuple[str, ...]) -> None:
    def speak(connection: ServerConnection) -> None:
        connection.send(struct.pack("<I", 1234567))
        table = class_table(Main)
        connection.send(godot4.SimplifyPath(table.checksum, 1, "Main").encode())
        connection.send(godot4.RemoteCall(1, 0, [7, "\x1b[1m"]).encode())
        connection.send(b"\x03raw")
        connection.send(b"\xff")

    with serving(speak) as url:
        done = run(url, "--decode", *names, "--linger", "5")
    method = class_table(Main).names[0] if names else "method 0"
    lines = done.stdout.splitlines()
    assert lines[0] == "your id 1234567"
    assert lines[1].startswith("simplify path Main is node 1")
    assert lines[2] == f'rpc Main:{method}(7, "␛[1m")'
    assert lines[3] == "raw 3 bytes: 72 61 77"
    assert "undecoded" in lines[4]


def test_what_is_none_of_godot_s_is_shown_as_it_is(echo_url: str) -> None:
    done = run(echo_url, "--decode", "--linger", "2", lines="one\n")
    assert done.stdout == "one\n"
