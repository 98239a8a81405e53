"""A session between Godot 3 and Python: the engine's end is told what to do, and both ends note what they hear.

    with hosting() as here, puppet(url=here.url) as game:
        [them] = here.wait_for_peers()
        game.do('get_node("Child").rpc_id(1, "poke", "hi")', here)
        here.wait_for_call("poke", "hi", node=here.child)

The engine's end is a scene of the ready fixtures, driven by `mp_godot3/puppet.gd`; Python's nodes are its counterparts.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from gdpeer import OK, SceneTree, Vector2, WebSocketClient, WebSocketServer, godot3
from tests.interop.echo_rooms import until
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture
from tests.support.ports import free_port

PROJECT = Path(__file__).parent / "mp_godot3"
SIGNALS = (
    "network_peer_connected",
    "network_peer_disconnected",
    "network_peer_packet",
    "connected_to_server",
    "connection_failed",
    "server_disconnected",
)
MODES = {
    "remote": godot3.remote,
    "master": godot3.master,
    "puppet": godot3.puppet,
    "remotesync": godot3.remotesync,
    "mastersync": godot3.mastersync,
    "puppetsync": godot3.puppetsync,
}


class Noting(godot3.Node):
    """A node that notes the calls which reach it, as (sender, method, arguments)."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.calls: list[tuple[int, str, list[Any]]] = []

    def note(self, method: str, *arguments: Any) -> int:
        sender = self.multiplayer.get_rpc_sender_id()
        self.calls.append((sender, method, list(arguments)))
        return sender


class Main(Noting):
    """The fixture's `Main`."""

    puppet_shared = godot3.puppet.var(0)

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._shared: Any = 0

    @godot3.remote
    @property
    def shared(self) -> Any:
        return self._shared

    @shared.setter
    def shared(self, value: Any) -> None:
        self._shared = value
        self.note("shared", value)

    @godot3.remote
    def echo(self, value: Any) -> None:
        self.echoed.rpc_id(self.note("echo", value), value)

    @godot3.remote
    def echoed(self, value: Any) -> None:
        self.note("echoed", value)

    @godot3.remotesync
    def say_local(self, text: str) -> None:
        self.note("say_local", text)

    @godot3.remote
    def loose(self, number: int) -> None:
        self.note("loose", number)

    @godot3.remote
    def many(self, a: int, b: str, c: Vector2, d: list[Any], e: dict[Any, Any]) -> None:
        self.note("many", a, b, c, d, e)

    @godot3.remote
    def nothing(self) -> None:
        self.note("nothing")

    @godot3.master
    def on_master(self, text: str) -> None:
        self.note("on_master", text)

    @godot3.puppet
    def on_puppet(self, text: str) -> None:
        self.note("on_puppet", text)

    @godot3.mastersync
    def on_master_sync(self, text: str) -> None:
        self.note("on_master_sync", text)

    @godot3.puppetsync
    def on_puppet_sync(self, text: str) -> None:
        self.note("on_puppet_sync", text)


class Child(Noting):
    """The fixture's `Main/Child`."""

    @godot3.remote
    def poke(self, text: str) -> None:
        self.note("poke", text)


def _modes_class() -> type[Noting]:
    """A method `by_MODE` and a property `of_MODE` for each mode, as in `modes.gd`."""

    def method(mode: str) -> Any:
        def called(self: Noting, number: int) -> None:
            self.note(f"by_{mode}", number)

        called.__name__ = f"by_{mode}"
        return MODES[mode](called)

    def variable(mode: str) -> Any:
        return MODES[mode](property(lambda node: None, lambda node, value: node.note(f"of_{mode}", value) and None))

    methods = {f"by_{mode}": method(mode) for mode in MODES}
    return type("ByMode", (Noting,), methods | {f"of_{mode}": variable(mode) for mode in MODES})


class Modes(_modes_class()):  # type: ignore[misc]
    """`Main/Modes` of `modes.gd`."""

    @godot3.remotesync
    def shout(self, number: int) -> None:
        self.call_too(number)

    @godot3.remotesync
    @property
    def announced(self) -> int:
        return 0

    @announced.setter
    def announced(self, value: int) -> None:
        self.call_too(value)

    @godot3.remotesync
    @property
    def broken(self) -> int:
        return 0

    @broken.setter
    def broken(self, value: int) -> None:
        raise RuntimeError("a mistake of the game")

    def call_too(self, number: int) -> None:
        if self.multiplayer.get_rpc_sender_id() == self.multiplayer.get_network_unique_id():
            self.get_parent().loose.rpc(number)


class Recording:
    """Keeps a copy of every packet.

    Attributes:
        sent: (target or targets, packet).
        received: (sender, packet).
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Any, bytes]] = []
        self.received: list[tuple[int, bytes]] = []

    def put_packet(self, buffer: Any) -> Any:
        self.sent.append((self._target, bytes(buffer)))  # type: ignore[attr-defined]
        return super().put_packet(buffer)  # type: ignore[misc]

    def put_packet_to(self, peer_ids: Any, buffer: Any) -> Any:
        peer_ids = tuple(peer_ids)
        self.sent.append((peer_ids, bytes(buffer)))
        return super().put_packet_to(peer_ids, buffer)  # type: ignore[misc]

    def get_packet(self) -> bytes:
        sender = self.get_packet_peer()  # type: ignore[attr-defined]
        packet: bytes = super().get_packet()  # type: ignore[misc]
        self.received.append((sender, packet))
        return packet


class RecordingServer(Recording, WebSocketServer):
    pass


class RecordingClient(Recording, WebSocketClient):
    pass


class Side:
    """Python's end of a session.

    Attributes:
        told: what the signals told, as (name, arguments...).
        closes: what `client_close_request` or `server_close_request` told, as (code, reason).
        refusals: what `call_refused` told: (peer, path, method, reason).
    """

    def __init__(self, peer: RecordingServer | RecordingClient) -> None:
        self.peer = peer
        self.api = godot3.MultiplayerAPI()
        self.tree = SceneTree(self.api)
        self.main, self.child, self.modes = Main("Main"), Child("Child"), Modes("Modes")
        self.main.add_child(self.child)
        self.main.add_child(self.modes)
        self.tree.root.add_child(self.main)
        self.told: list[tuple[Any, ...]] = []
        self.closes: list[tuple[int, str]] = []
        self.refusals: list[tuple[int, str, str, str]] = []
        for name in SIGNALS:
            getattr(self.api, name).connect(lambda *arguments, name=name: self.told.append((name, *arguments)))
        self.api.call_refused.connect(lambda *what: self.refusals.append(what))
        asked = peer.client_close_request if isinstance(peer, WebSocketServer) else peer.server_close_request
        asked.connect(lambda *what: self.closes.append(what[-2:]))
        self.url = ""

    @property
    def id(self) -> int:
        return self.api.get_network_unique_id()

    def poll(self, timeout: float = 0.0) -> None:
        self.tree.poll(timeout)

    @property
    def errors(self) -> list[Any]:
        """What went wrong."""
        return [*self.refusals, *self.api.refused]

    def loose(self, target: int, number: int, *polled: Any) -> None:
        """Call `loose` elsewhere."""
        assert self.main.loose.rpc_id(target, number) is OK

    def heard_loose(self) -> list[tuple[int, int]]:
        """The calls of `loose` so far, as (sender, number)."""
        return [(sender, arguments[0]) for sender, method, arguments in self.main.calls if method == "loose"]

    def wait_for_peers(self, count: int = 1) -> list[int]:
        """Waits until so many others are there; their ids."""
        until(lambda: len(self.api.get_network_connected_peers()) >= count, self)
        return self.api.get_network_connected_peers()

    def wait_for_call(self, method: str, *arguments: Any, node: Noting | None = None) -> int:
        """Waits for a call; who called."""
        calls = (node or self.main).calls
        return int(until(lambda: next((one for one in calls if one[1:] == (method, list(arguments))), None), self)[0])

    def wait_for_news(self, name: str, *arguments: Any) -> None:
        """Waits until a signal has told this."""
        until(lambda: (name, *arguments) in self.told, self)


class Game:
    """The engine's end of a session."""

    def __init__(self, engine: Engine, orders: socket.socket) -> None:
        self.engine = engine
        self._orders = orders
        self._said = 0

    @property
    def id(self) -> int:
        """As the engine told it when it was connected; a server's is 1."""
        connected = self.engine.find("connected_to_server")
        return 1 if connected is None else int(connected["id"])

    def do(self, expression: str, *polled: Any) -> str:
        """Have the engine's Main evaluate an expression; the value, as `var2str` writes it.

        Args:
            expression: in the engine's `Expression` form.
            polled: what must be polled meanwhile.
        """
        return str(self.see("result", *polled, number=self._order(expression))["value"])

    def _order(self, expression: str) -> int:
        self._said += 1
        words = expression.encode()
        self._orders.sendall(struct.pack("<I", len(words)) + words)
        return self._said

    def see(self, event: str, *polled: Any, **fields: Any) -> dict[str, Any]:
        """Wait for an event of the engine."""

        def found() -> dict[str, Any] | None:
            return self.engine.find(event, **fields)

        return dict(until(found, *polled, patience=30.0))

    def heard(self, method: str, arguments: str, *polled: Any, **fields: Any) -> int:
        """Wait until a method was called there, with arguments as `var2str` writes them; who called."""
        return int(self.see("rpc", *polled, method=method, args=arguments, **fields)["from"])

    def calls(self, *methods: str) -> list[tuple[int, str, str]]:
        """The calls of some methods so far, as (sender, method, arguments)."""
        return [(one["from"], one["method"], one["args"]) for one in self.engine.all("rpc") if one["method"] in methods]

    def loose(self, target: int, number: int, *polled: Any) -> None:
        """Call `loose` elsewhere."""
        self.do(f'rpc_id({target}, "loose", {number})', *polled)

    def heard_loose(self) -> list[tuple[int, int]]:
        """The calls of `loose` so far, as (sender, number)."""
        return [(sender, int(text.strip("[ ]"))) for sender, _, text in self.calls("loose")]

    def complaint(self, words: str, *polled: Any) -> str:
        """Wait for an error line that holds these words."""
        found = until(lambda: [line for line in self.engine.stderr if words in line], *polled, patience=30.0)
        return str(found[0])

    @property
    def errors(self) -> list[str]:
        """All errors that it has printed by now, or in its life."""
        mark = f"mark {self._said}"
        with suppress(OSError):
            self._order(f'printerr("{mark}")')
        process = self.engine.process.popen
        until(lambda: mark in self.engine.stderr or process.poll() is not None, patience=30.0)
        if process.poll() is not None:
            self.engine.wait()
        return [line for line in self.engine.stderr if "ERROR" in line]


@contextmanager
def puppet(**options: Any) -> Iterator[Game]:
    """An engine that does what it is told: with `url` a client, with `port` a server. Other options: the fixture's."""
    role = "client" if "url" in options else "server"
    stay = {"steps": ",", "linger": 60, "clients": 0, "timeout": 30, "pause": 0.001}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20.0)
        port = listener.getsockname()[1]
        with fixture("3", PROJECT / "puppet.gd", role=role, orders=port, **{**stay, **options}) as engine:
            orders, _ = listener.accept()
            with orders:
                yield Game(engine, orders)


@contextmanager
def hosted(**options: Any) -> Iterator[tuple[Game, str]]:
    """A server of the engine that listens, and its URL."""
    port = free_port()
    with puppet(port=port, **options) as game:
        game.engine.wait_for("listening")
        yield game, f"{'wss' if 'cert' in options else 'ws'}://localhost:{port}"


@contextmanager
def hosting(certificates: Certificates | None = None, protocols: tuple[str, ...] = ()) -> Iterator[Side]:
    """A server of gdpeer."""
    server = RecordingServer()
    server.bind_ip = "127.0.0.1"
    if certificates is not None:
        server.private_key, server.ssl_certificate = str(certificates.key), str(certificates.certificate)
    side = Side(server)
    assert server.listen(0, protocols, gd_mp_api=True) is OK, server.get_listen_error()
    side.url = f"{'wss' if certificates else 'ws'}://localhost:{server.get_local_port()}"
    with server:
        side.api.network_peer = server
        yield side


@contextmanager
def joining(url: str, certificates: Certificates | None = None, protocols: tuple[str, ...] = ()) -> Iterator[Side]:
    """A client of gdpeer, which may not be connected yet."""
    client = RecordingClient()
    if certificates is not None:
        client.trusted_ssl_certificate = certificates.authority
    side = Side(client)
    assert client.connect_to_url(url, protocols, gd_mp_api=True) is OK
    with client:
        side.api.network_peer = client
        yield side


class Pair:
    """An engine and Python in one session.

    Attributes:
        game: the engine's end.
        here: Python's.
        them: the engine's id.
        us: Python's id.
    """

    def __init__(self, game: Game, here: Side) -> None:
        self.game, self.here = game, here
        [self.them] = here.wait_for_peers()
        self.us = here.id
        self._barriers = 0
        game.see("peer_connected", here, id=self.us)

    def do(self, expression: str) -> str:
        return self.game.do(expression, self.here)

    def catch_up(self) -> None:
        """Everything called before has arrived on both sides."""
        self._barriers += 1
        text = f"barrier {self._barriers}"
        self.do(f'get_node("Child").rpc_id({self.us}, "poke", "{text}")')
        self.here.wait_for_call("poke", text, node=self.here.child)
        self.here.child.poke.rpc_id(self.them, text)
        self.game.heard("poke", f'[ "{text}" ]', self.here)


@contextmanager
def pair(role: str, certificates: Certificates | None = None, protocols: tuple[str, ...] = ()) -> Iterator[Pair]:
    """Both ends, connected; `role` is what the engine is: "client" or "server"."""
    options = {"protocols": ",".join(protocols)} if protocols else {}
    if role == "client":
        trust = {} if certificates is None else {"ca": certificates.authority}
        with hosting(certificates, protocols) as here, puppet(url=here.url, **trust, **options) as game:
            yield Pair(game, here)
    else:
        tls = {} if certificates is None else {"cert": certificates.certificate, "key": certificates.key}
        with hosted(**tls, **options) as (game, url), joining(url, certificates, protocols) as here:
            yield Pair(game, here)


class Room:
    """A server and two clients, each the engine or Python, who know each other.

    Attributes:
        members: the server, then the clients.
        server, first, second: the same.
        polled: the sides that are Python's.
    """

    def __init__(self, members: list[Game | Side]) -> None:
        self.members = members
        self.server, self.first, self.second = members
        self.polled = [member for member in members if isinstance(member, Side)]
        until(lambda: all(self._knows_all(member) for member in members), *self.polled)

    def _knows_all(self, member: Game | Side) -> bool:
        if isinstance(member, Side):
            return len(member.api.get_network_connected_peers()) == 2
        return len(member.engine.all("peer_connected")) == 2 and (
            member is self.server or member.engine.find("connected_to_server") is not None
        )

    def others(self, member: Game | Side) -> list[Game | Side]:
        return [one for one in self.members if one is not member]


@contextmanager
def room(server: str, first: str, second: str) -> Iterator[Room]:
    """A session of three; each of them is "engine" or "python"."""
    with ExitStack() as stack:
        if server == "engine":
            host, url = stack.enter_context(hosted())
        else:
            host = stack.enter_context(hosting())
            url = host.url
        clients = [stack.enter_context(puppet(url=url) if who == "engine" else joining(url)) for who in (first, second)]
        yield Room([host, *clients])
