"""Wrong types are refused at the door, by a TypeError or ValueError that names the argument.

Every public method of the public classes is called with a wrong value for each of its arguments.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

import gdpeer
from gdpeer import (
    COMPILED,
    OK,
    CloseCause,
    Error,
    LoopbackMultiplayerPeer,
    Node,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
    SceneTree,
    Signal,
    StreamPeerTCP,
    TCPServer,
    TLSOptions,
    TransferMode,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
    aio,
    blocking,
    godot3,
    http,
    rpc,
)
from gdpeer.arguments import seconds_of
from gdpeer.enums import NamedInt
from gdpeer.multiplayer.rpc.godot3_modes import Mode
from gdpeer.transport.memory import memory_pair
from tools.reference.missing import INNER


class Wrong:
    """Of no type that anything here takes."""


class Main(Node):
    @rpc("any_peer", "call_local")
    def hello(self, number: int) -> None:
        """Called by nobody."""


class Main3(godot3.Node):
    def hello(self) -> None:
        """Called by nobody."""


def tree() -> SceneTree:
    made = SceneTree()
    made.root.add_child(Main("Main"))
    return made


MADE: dict[str, Callable[[], Any]] = {
    "WebSocketPeer": WebSocketPeer,
    "WebSocketServer": WebSocketServer,
    "WebSocketClient": WebSocketClient,
    "WebSocketMultiplayerPeer": WebSocketMultiplayerPeer,
    "OfflineMultiplayerPeer": OfflineMultiplayerPeer,
    "LoopbackMultiplayerPeer": LoopbackMultiplayerPeer,
    "SceneMultiplayer": SceneMultiplayer,
    "SceneTree": tree,
    "Node": lambda: tree().get_node("/root/Main"),
    "godot3.MultiplayerAPI": godot3.MultiplayerAPI,
    "godot3.SceneTree": godot3.SceneTree,
    "godot3.Node": Main3,
    "TCPServer": TCPServer,
    "StreamPeerTCP": StreamPeerTCP,
    "StreamPeerTLS": gdpeer.StreamPeerTLS,
    "CryptoKey": gdpeer.CryptoKey,
    "X509Certificate": gdpeer.X509Certificate,
    "Signal": Signal,
    "Reconnection": gdpeer.Reconnection,
    "TLSOptions": TLSOptions.client,
}

GOOD: dict[str, Callable[[], Any]] = {
    "arguments": list,
    "buffer": lambda: b"x",
    "cause": CloseCause,
    "certificate": lambda: "no file",
    "common_name": lambda: "localhost",
    "config": dict,
    "data": lambda: b"x",
    "engine": lambda: 4,
    "group": lambda: "players",
    "host": lambda: "127.0.0.1",
    "key": lambda: "no file",
    "message": lambda: b"x",
    "method": lambda: "hello",
    "mode": lambda: Mode.DISABLED,
    "name": lambda: "hello",
    "node": lambda: Main("Fresh"),
    "path": lambda: "/root",
    "payload": lambda: b"x",
    "peer_ids": list,
    "port": lambda: 0,
    "protocols": list,
    "reason": lambda: "",
    "root_path": lambda: "/root",
    "server_options": lambda: TLSOptions.server("no file", "no file"),
    "slot": lambda: print,
    "text": lambda: "x",
    "timeout": lambda: 0.0,
    "url": lambda: "ws://127.0.0.1:1",
}

EXEMPT: dict[str, str] = {
    "*.get_var.allow_objects": "any value is true or false",
    "*.put_var.full_objects": "any value is true or false",
    "*.set_no_delay.enabled": "any value is true or false",
    "Signal.connect.once": "any value is true or false",
    "O*MultiplayerPeer.disconnect_peer.force": "any value is true or false",
    "L*MultiplayerPeer.disconnect_peer.force": "any value is true or false",
    "*MultiplayerPeer.get_peer_dialect.peer_id": "the same for everybody",
    "*.put_packet_from.source": "any id, as nobody looks at it",
    "*.send_bytes.mode": "without effect over WebSocket",
    "*.send_bytes.channel": "without effect over WebSocket",
    "*.rpc.arguments": "any engine values",
    "SceneMultiplayer.renew.now": "called by gdpeer",
    "TLSOptions.make_context.chain": "called by gdpeer",
    "Signal.is_connected.slot": "anything may be asked for",
}

RETURNS: dict[str, Error] = {
    "SceneMultiplayer.object_configuration_add.node": Error.ERR_INVALID_PARAMETER,
    "SceneMultiplayer.object_configuration_remove.node": Error.ERR_INVALID_PARAMETER,
}
"""Where the engine's code for a wrong argument is documented."""


def _cases() -> Iterator[tuple[str, str, str]]:
    for kind, make in MADE.items():
        made = make()
        for method in sorted(name for name in dir(type(made)) if not name.startswith("_") and name not in INNER):
            found = getattr(type(made), method)
            if isinstance(found, property | NamedInt) or inspect.isclass(found) or not callable(found):
                continue
            try:
                parameters = inspect.signature(getattr(made, method)).parameters
            except ValueError:  # some methods have none in the compiled form; they are called uncompiled
                continue
            for parameter in parameters.values():
                if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                    annotation = str(parameter.annotation)
                    case = f"{kind}.{method}.{parameter.name}"
                    if annotation not in ("Any", "object") and not any(fnmatch(case, one) for one in EXEMPT):
                        yield kind, method, parameter.name


def _good(method: str, name: str, annotation: str) -> Any:
    if name == "stream":
        return StreamPeerTCP() if "StreamPeerTCP" in annotation else memory_pair()[0]
    if name in ("mode", "write_mode") and "WriteMode" in annotation:
        return WebSocketPeer.WriteMode.TEXT
    if name == "mode" and "TransferMode" in annotation:
        return TransferMode.RELIABLE
    if name == "data" and method == "broadcast":
        return "x"
    return GOOD.get(name, lambda: 1)()


CASES = list(_cases())


@pytest.mark.parametrize(("kind", "method", "name"), CASES, ids=[".".join(case) for case in CASES])
def test_a_wrong_type_is_refused_by_name(kind: str, method: str, name: str) -> None:
    made = MADE[kind]()
    parameters = inspect.signature(getattr(made, method)).parameters
    wanted = [one for one in parameters.values() if one.default is one.empty or one.name == name]
    named = {
        one.name: Wrong() if one.name == name else _good(method, one.name, str(one.annotation))
        for one in wanted
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    case = f"{kind}.{method}.{name}"
    if case in RETURNS:
        assert getattr(made, method)(**named) is RETURNS[case]
        return
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(made, method)(**named)
    assert name in str(caught.value) or ("Wrong" in str(caught.value) and "slot" in name)
    if isinstance(made, WebSocketMultiplayerPeer):
        made.close()


def test_there_are_many_cases() -> None:
    assert len(CASES) > (100 if COMPILED else 130)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: SceneTree().root.add_child(5), "add_child() argument 'node': expected a Node, got int"),  # type: ignore[arg-type]
        (lambda: WebSocketServer().listen("9080"), "listen() argument 'port': expected an int, got str"),  # type: ignore[arg-type]
        (lambda: MADE["Node"]().hello.rpc_id("1"), "rpc_id() argument 'peer_id': expected an int, got str"),
        (lambda: MADE["Node"]().rpc_id(1.0, "hello"), "rpc_id() argument 'peer_id': expected an int, got float"),
        (lambda: MADE["Node"]().rpc_id(1, b"hello"), "rpc_id() argument 'method': expected a string, got bytes"),
        (lambda: WebSocketPeer().close(1000.0), "close() argument 'code': expected an int, got float"),  # type: ignore[arg-type]
        (lambda: WebSocketPeer().close(1000, None), "close() argument 'reason': expected a string, got NoneType"),  # type: ignore[arg-type]
        (lambda: WebSocketPeer().poll("0.1"), "poll() argument 'timeout': expected a number of seconds, got str"),  # type: ignore[arg-type]
        (lambda: WebSocketServer().poll(None), "poll() argument 'timeout': expected a number of seconds, got NoneType"),  # type: ignore[arg-type]
        (lambda: WebSocketServer().broadcast(5), "broadcast() argument 'data': expected bytes, got int"),  # type: ignore[arg-type]
        (lambda: SceneMultiplayer().send_bytes(5), "send_bytes() argument 'data': expected bytes, got int"),  # type: ignore[arg-type]
        (
            lambda: WebSocketPeer().send("x"),
            "send() argument 'message': expected bytes, got str; for text there is send_text()",
        ),  # type: ignore[arg-type]
        (lambda: WebSocketPeer().send(b"x", "text"), "send() argument 'write_mode': expected TEXT or BINARY, got str"),  # type: ignore[arg-type]
        (
            lambda: WebSocketServer().broadcast(b"x", exclude=7),
            "broadcast() argument 'exclude': expected several ids, got int",
        ),  # type: ignore[arg-type]
        (lambda: WebSocketPeer().put_packet("x"), "put_packet() argument 'buffer': expected bytes, got str"),  # type: ignore[arg-type]
        (lambda: WebSocketMultiplayerPeer().put_packet(3), "put_packet() argument 'buffer': expected bytes, got int"),  # type: ignore[arg-type]
    ],
)
def test_the_text_says_what_was_expected(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == text


async def _handle(connection: object) -> None:
    """Is never called."""


async def _connect(url: Any) -> None:
    await aio.connect(url)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: blocking.connect(5), "url"),  # type: ignore[arg-type]
        (lambda: blocking.serve(5), "handler"),  # type: ignore[arg-type]
        (lambda: blocking.serve(print, 5), "host"),  # type: ignore[arg-type]
        (lambda: blocking.serve(print, "", "80"), "port"),  # type: ignore[arg-type]
        (lambda: asyncio.run(_connect(5)), "url"),
        (lambda: aio.serve(5), "handler"),  # type: ignore[arg-type]
        (lambda: aio.serve(_handle, 5), "host"),  # type: ignore[arg-type]
        (lambda: aio.serve(_handle, "", "80"), "port"),  # type: ignore[arg-type]
        (lambda: gdpeer.run(5), "tick"),  # type: ignore[arg-type]
        (lambda: gdpeer.run(print, "60"), "fps"),  # type: ignore[arg-type]
        (lambda: WebSocketMultiplayerPeer(5), "dialects"),  # type: ignore[arg-type]
        (lambda: blocking.connect("ws://h", ssl=5), "connect.. argument 'ssl'"),  # type: ignore[arg-type]
        (lambda: blocking.connect("ws://h", server_hostname=5), "server_hostname"),  # type: ignore[arg-type]
        (lambda: blocking.serve(print, "127.0.0.1", 0, ssl=5), "serve.. argument 'ssl'"),  # type: ignore[arg-type]
        (lambda: aio.connect("ws://h", reconnection=5), "connect.. argument 'reconnection'"),  # type: ignore[arg-type]
        (lambda: aio.connect("ws://h", server_hostname=5), "server_hostname"),  # type: ignore[arg-type]
        (lambda: aio.multiplayer_server(5), "multiplayer_server.. argument 'tree'"),  # type: ignore[arg-type]
        (lambda: aio.multiplayer_server(SceneTree(), "80"), "multiplayer_server.. argument 'port'"),  # type: ignore[arg-type]
        (lambda: aio.multiplayer_client(Main("Main"), "ws://h"), "argument 'tree': expected a SceneTree"),  # type: ignore[arg-type]
        (lambda: aio.multiplayer_client(SceneTree(), 5), "multiplayer_client.. argument 'url'"),  # type: ignore[arg-type]
        (lambda: http.Response("200"), "Response.. argument 'status': expected an int, got str"),  # type: ignore[arg-type]
        (lambda: http.Response(200, 5), "Response.. argument 'body'"),  # type: ignore[arg-type]
        (lambda: http.Response(200, b"", None), "Response.. argument 'content_type'"),  # type: ignore[arg-type]
        (lambda: http.Response(200, headers={"A": "b"}), "argument 'headers': expected a tuple of"),  # type: ignore[arg-type]
        (lambda: http.Response(200, headers=(("A", 1),)), "argument 'headers'"),  # type: ignore[arg-type]
        (lambda: http.Response(200, reason=5), "Response.. argument 'reason'"),  # type: ignore[arg-type]
        (lambda: http.File(5), "File.. argument 'path': expected a path, got int"),  # type: ignore[arg-type]
        (lambda: http.StaticFolder(None), "StaticFolder.. argument 'folder'"),  # type: ignore[arg-type]
        (lambda: http.PythonPages(5), "PythonPages.. argument 'pyodide': expected a path or None"),  # type: ignore[arg-type]
        (lambda: http.PythonPages(packages="mygame"), "argument 'packages': expected several strings"),
        (lambda: http.PythonPages(prefix=5), "PythonPages.. argument 'prefix'"),  # type: ignore[arg-type]
        (lambda: http.chain(print, "page"), "chain.. argument 'handlers': expected something to call"),  # type: ignore[arg-type]
        (lambda: gdpeer.Reconnection("1"), "Reconnection.. argument 'first': expected a number, got str"),  # type: ignore[arg-type]
        (lambda: gdpeer.Reconnection(attempts=1.5), "Reconnection.. argument 'attempts'"),  # type: ignore[arg-type]
        (lambda: gdpeer.Reconnection(patience="5"), "Reconnection.. argument 'patience'"),  # type: ignore[arg-type]
        (lambda: gdpeer.Reconnection(codes=1001), "argument 'codes': expected several close codes"),  # type: ignore[arg-type]
        (lambda: gdpeer.Reconnection(chance=0.5), "Reconnection.. argument 'chance'"),  # type: ignore[arg-type]
        (lambda: gdpeer.RpcConfig(rpc_mode="any_peer"), "RpcConfig.. argument 'rpc_mode'"),  # type: ignore[arg-type]
        (lambda: gdpeer.RpcConfig(channel="1"), "RpcConfig.. argument 'channel'"),  # type: ignore[arg-type]
        (lambda: gdpeer.str_to_var(b"1"), "str_to_var.. argument 'text'"),  # type: ignore[arg-type]
        (lambda: rpc(1.5), "rpc.. argument 'words'"),  # type: ignore[call-overload]
        (lambda: rpc(["any_peer"]), "rpc.. argument 'words'"),  # type: ignore[call-overload]
        (lambda: rpc("any_peer")(5), "belongs on a method"),  # type: ignore[arg-type]
        (lambda: setattr(SceneMultiplayer(), "multiplayer_peer", 5), "multiplayer_peer"),
    ],
)
def test_functions_and_fronts_name_the_argument_too(call: Callable[[], Any], name: str) -> None:
    with pytest.raises(TypeError, match=name):
        call()


ATTRIBUTES = ["backlog", "http_handler", "max_peers", "process_request"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(WebSocketServer, name) for name in ("bind_ip", *ATTRIBUTES)]
    + [(WebSocketMultiplayerPeer, name) for name in ATTRIBUTES],
)
def test_attributes_of_a_wrong_type_are_refused_when_it_begins_to_listen(kind: Any, name: str) -> None:
    server = kind()
    setattr(server, name, Wrong())
    with pytest.raises(TypeError, match=f"{name}: expected"):
        server.listen(0) if kind is WebSocketServer else server.create_server(0)


def test_what_counts_as_the_type_is_taken() -> None:
    server = WebSocketServer()
    assert server.listen(False) == OK
    server.poll(0)
    server.poll(True)
    server.stop()
    assert seconds_of("poll", "timeout", 2) == 2.0
    for buffer in (b"x", bytearray(b"x"), memoryview(b"x")):
        assert WebSocketPeer().put_packet(buffer) == Error.FAILED
    assert WebSocketServer().broadcast(memoryview(b"x"), exclude=(one for one in ())) == OK
