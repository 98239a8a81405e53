"""`gdpeer call`: calls of a gdpeer server, answers, refusals, and mistakes in the command line."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer import Node, SceneTree, TLSOptions, Vector2, WebSocketMultiplayerPeer, WebSocketServer, godot3, rpc
from gdpeer.cli import call_target, fetching
from gdpeer.cli.call import Access, Awaited
from gdpeer.contract.page import ContractPage
from gdpeer.contract.room_page import RoomContractPage
from gdpeer.http import Response
from gdpeer.inspection.decoded import Decoded
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, Relay, RemoteCall, SimplifyPath, parse
from gdpeer.rooms import Hall, SeatClaims, SeatKeys
from gdpeer.rooms.tokens import draw_jti, issue_seat
from tests.support.certificates import make_certificates
from tests.support.commands import run_here
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command
from tests.unit.rooms.worlds import KEY, SECRET, Arena

PROGRAM = """
from gdpeer import Node, SceneTree, TLSOptions, Vector2, rpc


class Main(Node):
    @rpc("any_peer")
    def greet(self, name: str, where: Vector2 = Vector2()) -> None: ...

    @rpc("any_peer")
    def sums(self, numbers: list[int], *more: int) -> None: ...

    @rpc
    def welcome(self, text: str) -> None: ...


class Child(Node):
    @rpc("any_peer")
    def move(self, where: Vector2) -> None: ...


def tree() -> SceneTree:
    tree = SceneTree()
    tree.root.add_child(Main(name="Main"))
    tree.root.get_node("Main").add_child(Child(name="Child"))
    return tree
"""


ORIGIN = Vector2()


class Main(Node):
    """The server's node; its methods are those of `PROGRAM`."""

    @rpc("any_peer")
    def greet(self, name: str, where: Vector2 = ORIGIN) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        self.welcome.rpc_id(sender, f"hello {name}")
        self.welcome.rpc_id(sender, {"at": where, "text": "two\nlines\x1b[2J"})

    @rpc("any_peer")
    def sums(self, numbers: list[int], *more: int) -> None:
        self.welcome.rpc_id(self.multiplayer.get_remote_sender_id(), sum(numbers) + sum(more))

    @rpc
    def welcome(self, text: Any) -> None: ...


class Main3(godot3.Node):
    """The same for Godot 3."""

    @rpc("any_peer")
    def greet(self, name: str, where: Vector2 = ORIGIN) -> None:
        self.rpc_id(self.multiplayer.get_rpc_sender_id(), "welcome", f"hello {name}")

    @rpc
    def welcome(self, text: Any) -> None: ...


@contextmanager
def polled(poll: Callable[[float], object]) -> Iterator[None]:
    """Polls something in a thread."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            poll(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def serving(tree: Any = None, node: Node | None = None, prepare: Callable[[Any], object] = bool) -> Iterator[str]:
    """A server with a node `Main`; the URL."""
    tree = tree or SceneTree()
    tree.root.add_child(node or Main(name="Main"))
    peer = WebSocketMultiplayerPeer()
    assert peer.create_server(0, "127.0.0.1") == 0
    tree.multiplayer.multiplayer_peer = peer
    prepare(tree)
    with polled(lambda timeout: tree.poll(timeout=timeout)):
        yield f"ws://127.0.0.1:{peer.get_local_port()}"
    peer.close()


@pytest.fixture
def program(tmp_path: Path) -> str:
    (tmp_path / "program.py").write_text(PROGRAM)
    return f"{tmp_path / 'program.py'}:tree"


def call(*words: str, status: int = 0) -> tuple[list[str], str]:
    """Runs the command, and returns the lines of the output and the text of the error."""
    result = run_here("call", *words)
    assert result.returncode == status, result.stderr
    return result.stdout.splitlines(), result.stderr.removeprefix("gdpeer call: ").rstrip()


# -- answers ----------------------------------------------------------------------------------------------------------


def test_answers_are_printed_as_text_and_as_json(program: str) -> None:
    with serving() as url:
        words = (url, "Main.greet", "Ann", "Vector2(1, 2)", "--contract", program, "--wait", "welcome")
        assert call(*words) == (['Main.welcome("hello Ann")'], "")
        lines, _ = call(*words, "--count", "2", "--json")
        assert call(*words[:5], program, "--wait", "Main.welcome", "--count", "2")[0][1:] == [
            'Main.welcome({ "at": Vector2(1, 2), "text": "two\\nlines\\x1b[2J" })'
        ]
    first, second = map(json.loads, lines)
    assert first == {
        "path": "Main",
        "method": "welcome",
        "from": 1,
        "arguments": ["hello Ann"],
        "texts": ['"hello Ann"'],
    }
    assert second["arguments"] == [{"at": "Vector2(1, 2)", "text": "two\nlines\x1b[2J"}]


def test_without_an_answer_the_command_ends_when_the_server_has_handled_the_call(program: str) -> None:
    with serving() as url:
        assert call(url, "/root/Main.greet", "Ann", "--contract", program) == ([], "")
        assert call(url, "Main.sums", "Array[int]([1, 2])", "-3", "4", "--contract", program) == ([], "")


def test_verbose_shows_both_directions_on_standard_error(program: str) -> None:
    with serving() as url:
        lines, shown = call(url, "Main.greet", "Ann", "--contract", program, "--verbose")
    assert lines == []
    assert '-> rpc Main.greet("Ann")' in shown
    assert '<- rpc Main.welcome("hello Ann")' in shown
    assert "<- confirm path node 1" in shown
    assert "-> confirm path node 1" in shown  # the server then names its node by the number


def test_godot3(program: str) -> None:
    def prepare(tree: Any) -> None:
        server = WebSocketServer()
        server.bind_ip = "127.0.0.1"
        assert server.listen(0, [], True) == 0
        ports.append(server.get_local_port())
        tree.multiplayer.network_peer = server

    ports: list[int] = []
    tree = godot3.SceneTree()
    tree.root.add_child(Main3(name="Main"))
    prepare(tree)
    url = f"ws://127.0.0.1:{ports[0]}"
    with polled(lambda timeout: tree.poll(timeout=timeout)):
        words = (url, "Main.greet", "Ann", "--wait", "welcome")
        assert call(*words, "--godot3") == (['Main.welcome("hello Ann")'], "")
        assert "is of Godot 3: use --godot3" in call(*words, status=1)[1]
        assert call(url, "Main.greet", "Ann", "--godot3") == ([], "")
        assert "Godot 3" in call(url, "Main.greet", "Vector2i(1, 2)", "--godot3", status=2)[1]
    with serving() as url:
        assert "is of Godot 4: leave --godot3 out" in call(url, "Main.greet", "--godot3", status=1)[1]


# -- without a contract, and with a wrong one -------------------------------------------------------------------------


class Small(Node):
    @rpc("any_peer")
    def greet(self, name: str) -> None:
        self.welcome.rpc_id(self.multiplayer.get_remote_sender_id(), name)

    @rpc
    def welcome(self, text: str) -> None: ...


def test_without_a_contract_the_node_has_the_named_methods_only() -> None:
    with serving(node=Small(name="Main")) as url:
        assert call(url, "Main.greet", "Ann", "--wait", "welcome") == (['Main.welcome("Ann")'], "")
        assert call(url, "Main.greet", "12", "--string", "--wait", "Main.welcome") == (['Main.welcome("12")'], "")
        _, error = call(url, "Main.greet", "Ann", status=1)
    assert error.endswith("other methods than the command line (greet); give --contract or --ask")


def test_a_difference_is_named_if_the_server_has_told_its_methods(program: str) -> None:
    def prepare(tree: SceneTree) -> None:
        main: Any = tree.root.get_node("Main")
        tree.multiplayer.peer_connected.connect(lambda peer_id: main.welcome.rpc_id(peer_id, "first"))

    with serving(node=Small(name="Main"), prepare=prepare) as url:
        _, error = call(url, "Main.greet", "Ann", "--contract", program, status=1)
        # What comes before the call is no answer to it.
        assert call(url, "Main.greet", "Ann", "--wait", "welcome")[0] == ['Main.welcome("Ann")']
    assert error.endswith("(greet, sums, welcome): the server lacks `sums`")


def test_a_call_with_other_methods_is_never_made() -> None:
    """The number of `greet` would be that of another method."""

    class Other(Node):
        calls: Sequence[str] = ()

        @rpc("any_peer")
        def erase(self, name: str) -> None:
            self.calls = [*self.calls, name]

    node = Other(name="Main")
    with serving(node=node) as url:
        call(url, "Main.greet", "Ann", status=1)
    assert node.calls == ()


# -- the list, and the server's own contract --------------------------------------------------------------------------

TOKEN = "0123456789abcdef"


def telling(tree: Any) -> None:
    """Gives the server's tree a page with its contract; before it listens."""
    tree.multiplayer.multiplayer_peer.close()
    peer = WebSocketMultiplayerPeer()
    peer.http_handler = ContractPage(tree, TOKEN)
    assert peer.create_server(0, "127.0.0.1") == 0
    tree.multiplayer.multiplayer_peer = peer


@pytest.fixture
def telling_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("WRONG", TOKEN[::-1])
    tree = SceneTree()
    with serving(tree, prepare=telling):
        yield f"ws://127.0.0.1:{tree.multiplayer.multiplayer_peer.get_local_port()}"


def test_a_server_tells_its_methods_to_those_who_have_its_token(telling_url: str) -> None:
    token = ("--ask", "env:TOKEN")
    assert call(telling_url, "--list", *token)[0] == [
        "Main.greet(name: String, where: Vector2 = Vector2(0, 0))  any_peer",
        "Main.sums(numbers: Array[int], ...more: int)              any_peer",
        "Main.welcome(text)                                        authority",
    ]
    words = (telling_url, "Main.greet", "Ann", *token)
    assert call(*words, "--wait", "welcome") == (['Main.welcome("hello Ann")'], "")
    assert "expected String, got int 5" in call(telling_url, "Main.greet", "5", *token, status=2)[1]
    assert "does not accept this token" in call(telling_url, "--list", "--ask", "env:WRONG", status=1)[1]


def test_a_server_that_tells_nothing_and_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    with serving() as url:
        assert (
            "does not tell its methods (status 426): give --contract"
            in call(url, "--list", "--ask", "env:TOKEN", status=1)[1]
        )
    assert "cannot reach ws://127.0.0.1:" in call(url, "--list", "--ask", "env:TOKEN", status=1)[1]
    assert "the scheme must be ws or wss" in call("http://127.0.0.1", "--list", "--ask", "env:TOKEN", status=2)[1]


def test_the_answer_of_a_server_may_be_no_contract_and_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.http_handler = lambda request: Response(200, "{}")
    assert server.listen(0) == 0
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    with polled(lambda timeout: server.poll(timeout=timeout)):
        assert f"{url}/contract.json " in call(url, "--list", "--ask", "env:TOKEN", status=1)[1]
        monkeypatch.setattr(fetching, "MOST_BODY", 1)
        assert "is longer than 1 bytes" in call(url, "--list", "--ask", "env:TOKEN", status=1)[1]
    server.stop()


def test_the_list_of_a_contract(program: str, tmp_path: Path) -> None:
    lines, _ = call("ws://127.0.0.1:1", "--list", "--contract", program, "--json")
    assert json.loads(lines[-1]) == {
        "path": "Main/Child",
        "class": "program.Child",
        "method": "move",
        "mode": "any_peer",
        "arguments": [{"name": "where", "type": "Vector2", "default": None, "rest": False}],
    }
    lines, _ = call("ws://127.0.0.1:1", "--list", "--contract", program.removesuffix(":tree"))
    assert lines[0] == "(program.Child).move(where: Vector2)                                any_peer"


# -- no answer, and refusals ------------------------------------------------------------------------------------------


def test_no_such_node_and_no_such_answer(program: str) -> None:
    with serving() as url:
        words = ("--contract", program, "--timeout", "0.4")
        assert (
            "did not answer within 0.4 s: it has no such node"
            in call(url, "Main/Child.move", "Vector2(0, 0)", *words, status=1)[1]
        )
        _, error = call(url, "Main.greet", "Ann", "--wait", "welcome", "--count", "9", *words, status=1)
        assert "has handled the call, and only 2 of the awaited calls came within 0.4 s" in error
        _, error = call(url, "Main.greet", "5", "--no-check", "--wait", "move", *words, status=1)
        assert "no awaited call came" in error


def test_no_server_and_a_server_that_refuses() -> None:
    assert "connection refused" in call(f"ws://127.0.0.1:{free_port()}/room/K7?session=secret", "Main.a", status=1)[1]

    def prepare(tree: Any) -> None:
        tree.multiplayer.multiplayer_peer.process_request = lambda request: Response(403, "go away")

    with serving(prepare=prepare) as url:
        assert "403" in call(url, "Main.greet", status=1)[1]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        assert "no connection within 0.2 s" in call(url, "Main.greet", "--timeout", "0.2", status=1)[1]


def test_a_server_that_speaks_something_else() -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    says: list[str] = []
    is_rude: list[bool] = []

    def greet(peer_id: int, protocol: str) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        for text in says:
            peer.send_text(text)
        if is_rude:
            peer.close(4001, "not \x1b you")

    server.client_connected.connect(greet)
    assert server.listen(0) == 0
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    with polled(lambda timeout: server.poll(timeout=timeout)):
        _, error = call(url, "Main.greet", "--timeout", "0.3", status=1)
        assert "did not send a peer id within 0.3 s" in error
        says.append("hello")
        assert "does not speak Godot's multiplayer" in call(url, "Main.greet", status=1)[1]
        says[:] = []
        is_rude.append(True)
        assert call(url, "Main.greet", status=1)[1].endswith("the server closed the connection: not \\x1b you")
    server.stop()


@contextmanager
def scripted(answers: Callable[[bytes], Sequence[bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends an id, and what the script says to each packet; the URL, and the packets."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    heard: list[bytes] = []

    def hear(peer_id: int) -> None:
        heard.append(server.peers[peer_id].get_packet())
        for packet in answers(heard[-1]):
            server.peers[peer_id].send(packet)

    server.client_connected.connect(lambda peer_id, _: server.peers[peer_id].send(b"\x07\0\0\0"))
    server.data_received.connect(hear)
    assert server.listen(0) == 0
    with polled(lambda timeout: server.poll(timeout=timeout)):
        yield f"ws://127.0.0.1:{server.get_local_port()}", heard
    server.stop()


def test_godot_up_to_4_2_confirms_by_path() -> None:
    def answers(packet: bytes) -> Sequence[bytes]:
        told = parse(packet)
        if not isinstance(told, SimplifyPath):
            return []
        return [ConfirmPath(True, None, told.path).encode(), SimplifyPath("0" * 32, 9, "Main").encode()]

    with scripted(answers) as (url, heard):
        assert call(url, "Main.greet", "Ann") == ([], "")
    assert ConfirmPath(True, None, "Main").encode() in heard


def test_what_a_hostile_server_sends_is_no_answer_and_no_crash() -> None:
    damaged = [b"", b"\x01", b"\x01" + b"x" * 40, b"\x02", b"\x02\x01\xff", b"\x07", b"\x07\x03", b"\x07\0more", b"\0"]
    call_back = RemoteCall(0, 0, [{"a\n": ["\x1b[2J"]}], "Main\n\x1b").encode()

    def answers(packet: bytes) -> Sequence[bytes]:
        told = parse(packet)
        if not isinstance(told, SimplifyPath):
            return []
        others = [ConfirmPath(False, 77).encode(), ConfirmPath(False, None, "Other").encode()]
        hidden = [Relay(9, ConfirmPath(False, told.cache_id).encode()).encode()]
        simplify = SimplifyPath(told.checksum, 5, "Main\n\x1b").encode()
        return [*damaged, *others, *hidden, simplify, call_back, ConfirmPath(True, told.cache_id).encode()]

    with scripted(answers) as (url, _):
        lines, shown = call(url, "Main.greet", "Ann", "--wait", "greet", "--verbose")
    assert lines == ['Main\\n\\x1b.greet({ "a\\n": ["\\x1b[2J"] })']
    assert all(line.isprintable() for line in shown.splitlines())


def test_a_server_that_authenticates(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(tree: SceneTree) -> None:
        def check(peer_id: int, data: bytes) -> None:
            if data == b"open sesame":
                tree.multiplayer.complete_auth(peer_id)
            else:
                tree.multiplayer.disconnect_peer(peer_id)

        tree.multiplayer.auth_callback = check
        tree.multiplayer.auth_timeout = 0.3

    (tmp_path / "right").write_text("open sesame\n")
    monkeypatch.setenv("WRONG", "open barley")
    with serving(prepare=prepare) as url:
        words = (url, "Main.greet", "Ann", "--contract", program, "--wait", "welcome", "--verbose")
        lines, shown = call(*words, "--auth", f"@{tmp_path / 'right'}")
        assert lines == ['Main.welcome("hello Ann")']
        assert "sesame" not in shown
        assert "closed the connection" in call(*words, "--auth", "env:WRONG", status=1)[1]
        assert call(*words, status=1)[1].endswith("does it authenticate its peers (--auth)?")


def test_a_room_keeps_the_place_of_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", KEY)
    hall = Hall([Arena], secret=SECRET)
    assert hall.listen(0, "127.0.0.1") == 0
    room: Any = hall.create("arena", code="K7Q2M3")
    now = int(time.time())
    claims = SeatClaims("K7Q2M3", "arena", 77, draw_jti(), now + 15, now + 60)
    (tmp_path / "seat").write_text(issue_seat(SeatKeys(SECRET), claims))
    url = f"ws://127.0.0.1:{hall.get_local_port()}/room/K7Q2M3"
    words = (url, "Main.ask", "7", "--class", "Main", "--wait", "answer")
    (tmp_path / "token").write_text(TOKEN)
    hall.http_handler = RoomContractPage(hall, TOKEN)
    with polled(hall.poll):
        assert call(*words[:3], "--ask", f"@{tmp_path / 'token'}", "--wait", "answer")[0] == ["Main.answer(7)"]
        lost = (url.replace("K7Q2M3", "000000"), "--list", "--ask", f"@{tmp_path / 'token'}")
        assert "does not tell its methods (status 404)" in call(*lost, status=1)[1]
        room.log.clear()
        for _ in range(2):
            contract = ("--contract", f"{ROOT}/tests/unit/rooms/worlds.py", "--session", "env:KEY")
            assert call(*words, *contract)[0] == ["Main.answer(7)"]
        assert call(*words, *contract[:2], "--token", f"@{tmp_path / 'seat'}")[0] == ["Main.answer(7)"]
    assert [one[0] for one in room.log][:5] == ["join", "away", "return", "away", "join"]
    assert len({one[1] for one in room.log[:4]}) == 1
    assert room.log[4][1] == 77
    hall.close()


def test_tls(tmp_path: Path, program: str) -> None:
    made = make_certificates(tmp_path)
    tree = SceneTree()
    tree.root.add_child(Main(name="Main"))
    peer = WebSocketMultiplayerPeer()
    peer.http_handler = ContractPage(tree, TOKEN)
    (tmp_path / "token").write_text(TOKEN)
    assert peer.create_server(0, "127.0.0.1", TLSOptions.server(str(made.key), str(made.certificate))) == 0
    tree.multiplayer.multiplayer_peer = peer
    words = (f"wss://localhost:{peer.get_local_port()}", "Main.greet", "Ann")
    ask = ("--ask", f"@{tmp_path / 'token'}")
    with polled(lambda timeout: tree.poll(timeout=timeout)):
        assert call(*words, *ask, "--ca", str(made.authority)) == ([], "")
        assert call(*words, *ask, "--insecure") == ([], "")
        assert "certificate" in call(*words, *ask, status=1)[1]
        assert "certificate" in call(*words, "--contract", program, status=1)[1]
    peer.close()


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_secrets_reach_the_server_and_nobody_else(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def prepare(tree: SceneTree) -> None:
        def note(request: Any) -> None:
            seen.append((request.target, request.headers.get("authorization"), request.headers.get("x-a")))

        tree.multiplayer.multiplayer_peer.process_request = note

    (tmp_path / "headers").write_text("X-A: one\n\nX-B: two\n")
    monkeypatch.setenv("KEY", "a key/with 16 bytes")
    monkeypatch.setenv("TOKEN", "token-1")
    monkeypatch.setenv("LINES", "one\r\ntwo")
    words = ("Main.greet", "Ann", "--contract", program)
    with serving(prepare=prepare) as url:
        secrets = ("--session", "env:KEY", "--token", "env:TOKEN", "--header", f"@{tmp_path / 'headers'}")
        call(f"{url}/?a=1", *words, *secrets)
        call(url, *words, "--session", "env:KEY")
    assert seen[0] == ("/?a=1&session=a%20key%2Fwith%2016%20bytes", "Bearer token-1", "one")
    assert seen[1][0] == "/?session=a%20key%2Fwith%2016%20bytes"
    for wrong in ("token-1", "@", "env:", "env:MISSING", f"@{tmp_path / 'missing'}", "env:LINES"):
        _, error = call("ws://localhost:1", *words, "--token", wrong, status=2)
        assert error.startswith("--token: ")
        assert "token-1" not in error
    (tmp_path / "empty").write_text("\n")
    assert "is empty" in call("ws://localhost:1", *words, "--token", f"@{tmp_path / 'empty'}", status=2)[1]
    assert repr(Access("a", b"b", ("c",), (), None, 0)) == "Access(***)"


# -- mistakes in the command line -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("Main",), "expected a node and a method such as Main.greet, got 'Main'"),
        (("Main.",), "expected a node and a method"),
        (("Main..greet",), "expected a node and a method"),
        (("a.b/c",), "expected a node and a method"),
        (("root.greet",), "expected a node and a method"),
        (("Main.greet", "[1"), "argument 1: '[1' begins like a value and is none"),
        (("Main.greet", "--count", "2"), "--count needs --wait"),
        (("Main.greet", "--wait", "a/b"), "--wait: expected a node and a method"),
        (("Main.greet", "--class", "Main"), "--class needs --contract"),
        ((), "NODE.METHOD is missing"),
        (("Main.greet", "--list"), "--list takes no NODE.METHOD"),
        (("--list",), "--list needs --contract or --ask"),
        (("Main.greet", "--ask", f"@{os.devnull}"), "is empty"),
        (("Main.greet", "--ask", "env:PATH", "--contract", "."), "--contract and --ask cannot be used together"),
        (("Main.greet", "--wiat", "x"), "unknown option --wiat, did you mean --wait?"),
        (("Main.greet", "--contract", "nowhere.json"), "cannot read nowhere.json"),
        (("Main.greet", *["1"] * 256), "a call takes at most 255 arguments"),
    ],
)
def test_mistakes_without_a_contract(words: tuple[str, ...], error: str) -> None:
    assert error in call("ws://127.0.0.1:1", *words, status=2)[1]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("Main.greeet",), "has no RPC method 'greeet', did you mean greet?"),
        (("Main.xyz",), "has no RPC method 'xyz'; its methods: greet, sums, welcome"),
        (("Maim.greet", "Ann"), "has no node with methods at 'Maim', did you mean Main?"),
        (("Other.xyz",), "has no RPC method 'Other.xyz'"),
        (("Main.welcome", "a"), "welcome(text: String) is authority: only the authority of the node"),
        (("Main.greet",), "greet() expected 1 to 2 arguments, got 0: greet(name: String, where: Vector2 = "),
        (("Main.greet", "a", "b", "3"), "greet() expected 1 to 2 arguments, got 3"),
        (("Main.sums",), "sums() expected 1 or more arguments, got 0"),
        (("Main.greet", "a", "3"), "greet() argument 2 (where): expected Vector2, got int 3"),
        (("Main.greet", "12"), "expected String, got int 12: write text in two kinds of quotes"),
        (("Main.greet", "null"), "expected String, got null: write"),
        (("Main.sums", "[1]"), "expected Array[int], got Array [1]: write Array[int]([...])"),
        (("Main.greet", "a", "--wait", "wellcome"), "has no RPC method 'wellcome', did you mean welcome?"),
        (("Main.greet", "a", "--class", "Nain"), "--class: no class 'Nain', did you mean Main?"),
    ],
)
def test_mistakes_that_a_contract_shows(program: str, words: tuple[str, ...], error: str) -> None:
    assert error in call("ws://127.0.0.1:1", *words, "--contract", program, status=2)[1]


def test_the_url_is_checked_before_anything_is_sent() -> None:
    assert "the scheme must be ws or wss" in call("http://", "Main.greet", status=2)[1]


def test_a_class_is_found_for_a_path_that_the_contract_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "one.gd").write_text('class_name One extends Node\n@rpc("any_peer") func a(): pass\n')
    words = ("ws://127.0.0.1:1", "Any/Where.a", "--contract")
    assert "connection refused" in call(*words, str(tmp_path / "one.gd"), status=1)[1]
    (tmp_path / "project.godot").write_text("config_version=5\n")
    (tmp_path / "two.gd").write_text('class_name Two extends Node\n@rpc("any_peer") func a(): pass\n')
    (tmp_path / "three.gd").write_text('extends Node\n@rpc("any_peer") func b(): pass\n')
    _, error = call(*words, str(tmp_path), status=2)
    assert "name the class of the node with --class: res://one.gd, res://two.gd" in error
    assert "connection refused" in call(*words, str(tmp_path), "--class", "Two", status=1)[1]
    assert "connection refused" in call(words[0], "Any.b", "--contract", str(tmp_path), status=1)[1]
    (tmp_path / "four.gd").write_text("extends Node\nclass Two:\n\textends Node\n\t@rpc func a(): pass\n")
    assert "several classes" in call(*words, str(tmp_path), "--class", "Two", status=2)[1]


def test_godot3_and_enumerations_in_a_contract(tmp_path: Path) -> None:
    script = 'extends Node\nenum Hand { ROCK, PAPER }\n@rpc("any_peer") func play(hand: Hand, more): pass\n'
    (tmp_path / "four.gd").write_text(script)
    words = ("ws://127.0.0.1:1", "Main.play", "--contract", str(tmp_path / "four.gd"))
    assert "connection refused" in call(*words, "PAPER", "x", status=1)[1]
    assert 'expected int, got String "PAPPER"' in call(*words, "PAPPER", "x", status=2)[1]
    (tmp_path / "project.godot").write_text("config_version=4\n")
    (tmp_path / "four.gd").unlink()
    (tmp_path / "three.gd").write_text("extends Node\npuppet func a(): pass\nmaster func b(q: Quat): pass\n")
    words = ("ws://127.0.0.1:1", "--contract", str(tmp_path))
    assert call(*words, "--list")[0] == [
        "(res://three.gd).a()               puppet",
        "(res://three.gd).b(q: Quaternion)  master",
    ]
    assert "a() is puppet: only the authority" in call(*words, "Main.a", status=2)[1]
    assert "expected Quaternion, got Vector2( 0, 0 )" in call(*words, "Main.b", "Vector2(0, 0)", status=2)[1]
    assert "b() expected 1 argument, got 0" in call(*words, "Main.b", status=2)[1]
    assert "connection refused" in call(*words, "Main.b", "Quat(0, 0, 0, 1)", status=1)[1]


def test_names_of_nodes_that_only_the_game_knows() -> None:
    table = call_target.guessed_table(["b", "a", "a"])
    assert table.names == ("a", "b")
    awaited = Awaited([("", "a"), ("Main", "b")], 1)
    found = [awaited.includes(Decoded("rpc", path=path, method=name)) for path in ("Main", "B") for name in "ab"]
    assert found == [True, True, True, False]
    assert not awaited.includes(Decoded("rset", path="Main", method="a"))


def test_ctrl_c_ends_with_130(program: str) -> None:
    with serving() as url:
        words = (
            "call",
            url,
            "Main.greet",
            "Ann",
            "--contract",
            program,
            "--wait",
            "move",
            "--timeout",
            "60",
            "--verbose",
        )
        with Process(gdpeer_command(*words)) as run:
            run.wait_until(lambda: any("confirm path" in line for line in run.stderr), "the call", 20.0)
            run.interrupt()
            assert run.wait(10) == 130
            assert not any("Traceback" in line for line in run.stderr)
