"""A session between an engine and Python: the engine's end is told what to do, and both ends note what they hear.

    with hosting() as here, puppet(url=here.url) as game:
        them = here.wait_for_peer()
        game.do('get_node("Child").rpc_id(1, "poke", "hi")', here)
        here.wait_for_call("poke", "hi", sender=them)

The engine's end is a scene of the ready fixtures, driven by `mp_godot4/puppet.gd`; Python's nodes are its counterparts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer import OK, SceneMultiplayer, SceneTree, TLSOptions, WebSocketMultiplayerPeer, rpc
from tests.interop.echo_rooms import until
from tests.support.certificates import Certificates
from tests.support.engines import Program, fixture
from tests.support.mp_nodes import Child, Main, Noting
from tests.support.ports import free_port

ROLE = pytest.mark.parametrize("role", ["client", "server"], ids=["engine_joins", "engine_hosts"])
PROJECT = Path(__file__).parent / "mp_godot4"
SIGNALS = (
    "peer_connected",
    "peer_disconnected",
    "connected_to_server",
    "connection_failed",
    "server_disconnected",
    "peer_authenticating",
    "peer_authentication_failed",
    "peer_packet",
)


MODES = [
    (who, local, mode, channel)
    for who in ("any_peer", "authority")
    for local in ("call_local", "call_remote")
    for channel, mode in enumerate(("reliable", "unreliable", "unreliable_ordered"))
]
"""Every way in which a method can be called from elsewhere; `modes.gd` has a method for each."""


def _modes_class() -> type[Noting]:
    def method(*words: Any) -> Any:
        name = "_".join(words[:3])

        def called(self: Noting, number: int) -> None:
            self.note(name, number)

        called.__name__ = name
        return rpc(*words)(called)

    return type("Modes", (Noting,), {"_".join(words[:3]): method(*words) for words in MODES})


Modes = _modes_class()


class RecordingPeer(WebSocketMultiplayerPeer):
    """Keeps a copy of every packet.

    Attributes:
        sent: (peers, packet).
        received: (sender, packet).
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[tuple[int, ...], bytes]] = []
        self.received: list[tuple[int, bytes]] = []

    def put_packet_to(self, peer_ids: Any, buffer: Any) -> Any:
        peer_ids = tuple(peer_ids)
        self.sent.append((peer_ids, bytes(buffer)))
        return super().put_packet_to(peer_ids, buffer)

    def put_control_to(self, peer_ids: Any, buffer: Any) -> Any:
        peer_ids = tuple(peer_ids)
        self.sent.append((peer_ids, bytes(buffer)))
        return super().put_control_to(peer_ids, buffer)

    def get_packet(self) -> bytes:
        sender = self.get_packet_peer()
        packet = super().get_packet()
        self.received.append((sender, packet))
        return packet


class Side:
    """Python's end of a session: a tree with a branch that has its own API, `/root` or one below.

    Attributes:
        told: what the signals told, as (name, arguments...).
        refusals: what `call_refused` told: (peer, path, method, reason).
    """

    def __init__(self, tree: SceneTree | None = None, root: str = "/root") -> None:
        self.tree = SceneTree() if tree is None else tree
        self.peer = RecordingPeer()
        if root == "/root":
            self.api = self.tree.multiplayer
        else:
            self.api = SceneMultiplayer()
            self.tree.set_multiplayer(self.api, root)
        self.api.typed_containers = True  # as Godot 4.4 and later
        self.main, self.child, self.modes = Main("Main"), Child("Child"), Modes("Modes")
        self.main.add_child(self.child)
        self.main.add_child(self.modes)
        self.tree.get_node(root).add_child(self.main)
        self.told: list[tuple[Any, ...]] = []
        self.refusals: list[tuple[int, str, str, str]] = []
        for name in SIGNALS:
            getattr(self.api, name).connect(lambda *arguments, name=name: self.told.append((name, *arguments)))
        self.api.call_refused.connect(lambda *what: self.refusals.append(what))
        self.url = ""

    def host(self, certificates: Certificates | None = None) -> None:
        options = None
        if certificates is not None:
            options = TLSOptions.server(str(certificates.key), str(certificates.certificate))
        assert self.peer.create_server(0, "127.0.0.1", options) is OK
        self.url = f"{'wss' if certificates else 'ws'}://localhost:{self.peer.get_local_port()}"
        self.api.multiplayer_peer = self.peer

    def join(self, url: str, certificates: Certificates | None = None) -> None:
        options = None if certificates is None else TLSOptions.client(certificates.authority)
        assert self.peer.create_client(url, options) is OK
        self.api.multiplayer_peer = self.peer

    def poll(self, timeout: float = 0.0) -> None:
        self.tree.poll(timeout)

    def wait_for_peers(self, count: int = 1) -> list[int]:
        """Waits until so many others are there; their ids."""
        until(lambda: len(self.api.get_peers()) >= count, self)
        return list(self.api.get_peers())

    def wait_for_call(self, method: str, *arguments: Any, node: Noting | None = None) -> int:
        """Waits for a call; who called."""
        calls = (node or self.main).calls
        return int(until(lambda: next((one for one in calls if one[1:] == (method, list(arguments))), None), self)[0])

    def wait_for_news(self, name: str, *arguments: Any) -> None:
        """Waits until a signal has told this."""
        until(lambda: (name, *arguments) in self.told, self)

    def news(self, *names: str) -> list[tuple[Any, ...]]:
        """What signals of these names have told so far."""
        return [one for one in self.told if one[0] in names]


class Game:
    """The engine's end of a session."""

    def __init__(self, engine: Program) -> None:
        self.engine: Any = engine
        self._said = 0

    def do(self, expression: str, *polled: Any) -> str:
        """Have the engine's Main evaluate an expression; the value, as `var_to_str` writes it.

        Args:
            expression: in the engine's `Expression` form.
            polled: what must be polled meanwhile.
        """
        self._said += 1
        self.engine.say(expression)
        result = self.see("result", *polled, number=self._said)
        assert not result["failed"], self.engine.stderr
        return str(result["value"])

    def skip(self, count: int) -> None:
        """So many expressions were said to the engine directly."""
        self._said += count

    def see(self, event: str, *polled: Any, **fields: Any) -> dict[str, Any]:
        """Wait for an event of the engine."""

        def found() -> dict[str, Any] | None:
            assert not self.engine.has_failed(), self.engine.stderr
            return self.engine.find(event, **fields)

        return dict(until(found, *polled, patience=30.0))

    def heard(self, method: str, arguments: str, *polled: Any, **fields: Any) -> int:
        """Wait until a method was called there; who called."""
        return int(self.see("rpc", *polled, method=method, args=arguments, **fields)["from"])

    def complaint(self, words: str, *polled: Any) -> str:
        """Wait for an error line that holds these words."""
        found = until(lambda: [line for line in self.engine.stderr if words in line], *polled, patience=30.0)
        return str(found[0])

    @property
    def errors(self) -> list[str]:
        """The errors that it has printed; what it had to leave behind at its end, while it waits for input, is none."""
        return [line for line in self.engine.stderr if "ERROR" in line and "at exit" not in line]


@contextmanager
def puppet(**options: Any) -> Iterator[Game]:
    """An engine that does what it is told: with `url` a client, with `port` a server. Other options: the fixture's."""
    role = "client" if "url" in options else "server"
    stay = {"steps": ",", "linger": 60, "clients": 0, "timeout": 30, "pause": 0.001}
    with fixture("4", PROJECT / "puppet.gd", role=role, **{**stay, **options}) as engine:
        yield Game(engine)


@contextmanager
def hosted(**options: Any) -> Iterator[tuple[Game, str]]:
    """A server of the engine that listens, and its URL."""
    port = free_port()
    with puppet(port=port, **options) as game:
        game.engine.wait_for("listening")
        yield game, f"{'wss' if 'cert' in options else 'ws'}://localhost:{port}"


@contextmanager
def hosting(certificates: Certificates | None = None, **settings: Any) -> Iterator[Side]:
    """A server of gdpeer; the settings are attributes of its `SceneMultiplayer`."""
    side = Side()
    for name, value in settings.items():
        setattr(side.api, name, value)
    side.host(certificates)
    with side.peer:
        yield side


@contextmanager
def joining(url: str, certificates: Certificates | None = None, **settings: Any) -> Iterator[Side]:
    """A client of gdpeer, which may not be connected yet."""
    side = Side()
    for name, value in settings.items():
        setattr(side.api, name, value)
    side.join(url, certificates)
    with side.peer:
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
        self.them = here.wait_for_peers()[0]
        self.us = here.api.get_unique_id()
        game.see("peer_connected", here, id=self.us)
        self._settled = 0

    def do(self, expression: str) -> str:
        return self.game.do(expression, self.here)

    def settle(self) -> None:
        """Wait until all that was called before has arrived, on both sides."""
        self._settled += 1
        text = f"settle {self._settled}"
        self.do(f'get_node("Child").rpc_id({self.us}, "poke", "{text}")')
        self.here.wait_for_call("poke", text, node=self.here.child)
        self.here.child.poke.rpc_id(self.them, text)
        self.game.heard("poke", f'["{text}"]', self.here)


@contextmanager
def pair(role: str, certificates: Certificates | None = None, **options: Any) -> Iterator[Pair]:
    """Both ends, connected; `role` is what the engine is: "client" or "server". The options: the fixture's."""
    if role == "client":
        trust = {} if certificates is None else {"ca": certificates.authority}
        with hosting(certificates) as here, puppet(url=here.url, **trust, **options) as game:
            yield Pair(game, here)
    else:
        tls = {} if certificates is None else {"cert": certificates.certificate, "key": certificates.key}
        with hosted(**tls, **options) as (game, url), joining(url, certificates) as here:
            yield Pair(game, here)


class Table:
    """The ends of one session: a Side or a Game each, the server first.

    Attributes:
        ids: of the ends.
    """

    def __init__(self, *ends: Side | Game) -> None:
        self.ends = ends
        self.sides = [end for end in ends if isinstance(end, Side)]
        until(lambda: all(self.peers(end) == len(ends) - 1 for end in ends), *self.sides)
        self.ids = [self.own_id(end) for end in ends]

    def peers(self, end: Side | Game) -> int:
        return len(end.api.get_peers()) if isinstance(end, Side) else len(end.engine.all("peer_connected"))

    def own_id(self, end: Side | Game) -> int:
        if isinstance(end, Side):
            return end.api.get_unique_id()
        return int(end.do("multiplayer.get_unique_id()", *self.sides))

    def call(self, end: Side | Game, target: int, text: str) -> None:
        if isinstance(end, Side):
            assert end.main.say_local.rpc_id(target, text) is OK
        else:
            assert end.do(f'rpc_id({target}, "say_local", "{text}")', *self.sides) == "0"

    def send(self, end: Side | Game, target: int, text: str) -> None:
        data = b"\xee" + text.encode()  # the fixture answers everything else
        if isinstance(end, Side):
            assert end.api.send_bytes(data, target) is OK
        else:
            assert end.do(f"multiplayer.send_bytes(PackedByteArray({list(data)}), {target})", *self.sides) == "0"

    def heard(self, end: Side | Game) -> list[tuple[int, str]]:
        """Callers and texts so far."""
        if isinstance(end, Side):
            return [(sender, arguments[0]) for sender, _, arguments in end.main.calls]
        return [(event["from"], event["args"][2:-2]) for event in end.engine.all("rpc")]

    def got(self, end: Side | Game) -> list[tuple[int, str]]:
        """Senders and texts of packets so far."""
        if isinstance(end, Side):
            return [(sender, data[1:].decode()) for _, sender, data in end.news("peer_packet")]
        return [(event["from"], bytes.fromhex(event["hex"])[1:].decode()) for event in end.engine.all("bytes")]

    def exchange(self, send: Any, received: Any, local: bool) -> None:
        """Everybody sends to each of all targets that there are; each end must receive what is for it, in order.

        Args:
            send: takes an end, a target and a text.
            received: what an end has received.
            local: whether what is for all is for the sender, too.
        """
        expected: list[list[tuple[int, str]]] = [[] for _ in self.ends]
        for end, own in zip(self.ends, self.ids, strict=True):
            others = [one for one in self.ids if one != own]
            for target in (*others, *(-one for one in others), 0):
                text = f"{own} to {target}"
                send(end, target, text)
                for index, one in enumerate(self.ids):
                    if target == one or (target <= 0 and target != -one and (local or one != own)):
                        expected[index].append((own, text))
        until(
            lambda: all(len(received(end)) >= len(what) for end, what in zip(self.ends, expected, strict=True)),
            *self.sides,
        )
        for end, what in zip(self.ends, expected, strict=True):
            for sender in self.ids:
                assert [one for one in received(end) if one[0] == sender] == [one for one in what if one[0] == sender]
