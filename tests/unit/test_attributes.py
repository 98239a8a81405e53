"""Settings that do not exist: refused with the nearest name, on every public class and by type checkers."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from enum import Enum
from typing import Any

import pytest

import gdpeer
import gdpeer.aio
import gdpeer.blocking
import gdpeer.godot3
import gdpeer.http
from gdpeer import Node, SceneTree, WebSocketClient, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer, aio
from gdpeer.attributes import UnknownAttribute, names_of, nearest, refuse_unknown

MADE: dict[str, Any] = {
    "WebSocketPeer": WebSocketPeer,
    "WebSocketServer": WebSocketServer,
    "WebSocketClient": WebSocketClient,
    "WebSocketMultiplayerPeer": WebSocketMultiplayerPeer,
    "LoopbackMultiplayerPeer": gdpeer.LoopbackMultiplayerPeer,
    "OfflineMultiplayerPeer": gdpeer.OfflineMultiplayerPeer,
    "SceneMultiplayer": gdpeer.SceneMultiplayer,
    "SceneTree": SceneTree,
    "SceneTreeTimer": lambda: SceneTree().create_timer(1.0),
    "Node": Node,
    "RawScene": lambda: gdpeer.RawScene("X", "res://x.tscn", 0),
    "MultiplayerSpawner": gdpeer.MultiplayerSpawner,
    "MultiplayerSynchronizer": gdpeer.MultiplayerSynchronizer,
    "SceneReplicationConfig": gdpeer.SceneReplicationConfig,
    "Scenes": gdpeer.Scenes,
    "InterestGrid": lambda: gdpeer.InterestGrid(1.0, 1.0),
    "godot3.MultiplayerAPI": gdpeer.godot3.MultiplayerAPI,
    "godot3.SceneTree": gdpeer.godot3.SceneTree,
    "godot3.Node": gdpeer.godot3.Node,
    "TCPServer": gdpeer.TCPServer,
    "StreamPeerTCP": gdpeer.StreamPeerTCP,
    "StreamPeerTLS": gdpeer.StreamPeerTLS,
    "TLSOptions": gdpeer.TLSOptions.client,
    "CryptoKey": gdpeer.CryptoKey,
    "X509Certificate": gdpeer.X509Certificate,
    "Reconnection": gdpeer.Reconnection,
    "Signal": gdpeer.Signal,
    "Vector2": gdpeer.Vector2,
    "StaticFolder": lambda: gdpeer.http.StaticFolder("."),
    "PythonPages": gdpeer.http.PythonPages,
}

NEAR = [
    ("WebSocketServer", "heartbeat_intervall", "heartbeat_interval"),
    ("WebSocketServer", "max_peer", "max_peers"),
    ("WebSocketServer", "http_handlers", "http_handler"),
    ("WebSocketServer", "data_recieved", "data_received"),
    ("WebSocketPeer", "inbound_bufer_size", "inbound_buffer_size"),
    ("WebSocketPeer", "handshake_header", "handshake_headers"),
    ("WebSocketPeer", "drain", "drained"),
    ("WebSocketClient", "verify_tls", "verify_ssl"),
    ("WebSocketClient", "reconnect", "reconnection"),
    ("WebSocketMultiplayerPeer", "max_peer", "max_peers"),
    ("WebSocketMultiplayerPeer", "inbound_buffersize", "inbound_buffer_size"),
    ("WebSocketMultiplayerPeer", "transfermode", "transfer_mode"),
    ("LoopbackMultiplayerPeer", "transfer_chanel", "transfer_channel"),
    ("OfflineMultiplayerPeer", "transfer_modes", "transfer_mode"),
    ("SceneMultiplayer", "multiplayr_peer", "multiplayer_peer"),
    ("SceneMultiplayer", "server_rely", "server_relay"),
    ("SceneMultiplayer", "auth_calback", "auth_callback"),
    ("SceneTree", "multiplayr", "multiplayer"),
    ("SceneTree", "rot", "root"),
    ("Node", "multiplayr", "multiplayer"),
    ("godot3.MultiplayerAPI", "network_per", "network_peer"),
    ("godot3.SceneTree", "multiplayr", "multiplayer"),
    ("godot3.Node", "names", "name"),
    ("PythonPages", "problems", "problem"),
]


@pytest.mark.parametrize(("kind", "wrong", "right"), NEAR)
def test_an_unknown_setting_is_refused_and_the_nearest_is_named(kind: str, wrong: str, right: str) -> None:
    made = MADE[kind]()
    name = kind.rpartition(".")[2]
    text = f"^{name} has no attribute '{wrong}'; did you mean '{right}'\\?$"
    with pytest.raises(AttributeError, match=text):
        setattr(made, wrong, 3)
    with pytest.raises(AttributeError):
        getattr(made, wrong)
    assert not hasattr(made, wrong)


@pytest.mark.parametrize("kind", MADE)
def test_no_object_of_ours_takes_an_attribute_that_does_not_exist(kind: str) -> None:
    made = MADE[kind]()
    with pytest.raises(AttributeError):
        made.something_else_entirely = 3
    with pytest.raises(AttributeError):
        _ = made.something_else_entirely
    with pytest.raises(AttributeError):
        _ = made._something_private


@pytest.mark.parametrize("kind", MADE)
def test_every_attribute_that_an_object_has_can_be_set_to_itself(kind: str) -> None:
    made = MADE[kind]()
    for name in [name for name in getattr(made, "__dict__", {}) if not name.startswith("_")]:
        setattr(made, name, getattr(made, name))
        refuse_unknown(made, name)


def test_connections_of_the_fronts_name_the_nearest_attribute_and_keep_their_read_only_ones() -> None:
    connection = gdpeer.blocking.Connection(gdpeer.WebSocketPeer())
    with pytest.raises(AttributeError, match=r"^Connection has no attribute 'pear'; did you mean 'peer'\?$"):
        connection.pear = 3
    with pytest.raises(AttributeError, match=r"^Connection has no attribute 'max_size'; give options to connect\(\)"):
        connection.max_size = 3
    with pytest.raises(AttributeError, match="no setter"):
        connection.latency = 3.0


def test_every_public_class_is_looked_at() -> None:
    modules = (gdpeer, gdpeer.godot3)
    public = {
        f"{'godot3.' if module is gdpeer.godot3 else ''}{name}"
        for module in modules
        for name in module.__all__
        if inspect.isclass(found := getattr(module, name))
        and not issubclass(found, Enum | Exception)
        and any("__dict__" in vars(base) for base in found.__mro__)
    }
    abstract = {"Clock", "MultiplayerAPI", "MultiplayerPeer", "PacketPeer", "godot3.Keyword", "godot3.RemoteVar"}
    takes_any = {"SceneNode"}
    assert public - abstract - takes_any <= set(MADE)


def test_the_handler_of_figures_takes_no_attribute_either() -> None:
    prometheus = pytest.importorskip("gdpeer.prometheus")
    with pytest.raises(AttributeError, match="Metrics has no attribute 'hosts'"):
        prometheus.Metrics(WebSocketServer().stats).hosts = ("game.example",)
    with pytest.raises(TypeError, match=r"Metrics\(\) argument 'stats': expected something to call"):
        prometheus.Metrics(WebSocketServer())


def test_python_names_the_nearest_of_what_is_read() -> None:
    program = "import gdpeer\nprint(gdpeer.WebSocketServer().heartbeat_intervall)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "Did you mean: 'heartbeat_interval'?" in done.stderr


def test_a_setting_that_is_elsewhere_is_told_of() -> None:
    with pytest.raises(AttributeError, match=r"settings of the connection are those of get_peer\(1\)"):
        WebSocketClient().compression = True  # type: ignore[attr-defined]


def test_a_games_own_classes_take_any_attribute_at_full_speed() -> None:
    class Player(Node):
        def __init__(self) -> None:
            super().__init__("Player")
            self.position = 3

    class Peer(WebSocketMultiplayerPeer):
        pass

    class Lobby(SceneTree):
        pass

    player: Any = Player()
    player.speed = 4
    assert (player.position, player.speed) == (3, 4)
    assert Player.__setattr__ is object.__setattr__
    assert Lobby.__setattr__ is object.__setattr__
    peer: Any = Peer()
    peer.game = "mine"
    assert peer.game == "mine"
    with pytest.raises(AttributeError, match="'Player' object has no attribute 'multiplayr'"):
        _ = player.multiplayr


def test_reading_takes_no_detour() -> None:
    """With a `__getattr__` every attribute of a node that is read, in every call, would take one."""
    assert not hasattr(Node, "__getattr__")


def test_a_mixin_with_rules_of_its_own_keeps_them() -> None:
    class Frozen:
        def __setattr__(self, name: str, value: object) -> None:
            if name == "fixed":
                raise TypeError("fixed")
            super().__setattr__(name, value)

    class Player(Frozen, Node):
        pass

    player: Any = Player()
    player.loose = 1
    with pytest.raises(TypeError, match="fixed"):
        player.fixed = 1


def test_methods_can_be_replaced_in_tests() -> None:
    server: Any = WebSocketServer()
    server.poll = lambda timeout=0.0: "spied"
    assert server.poll() == "spied"
    peer: Any = WebSocketPeer()
    peer.send = lambda message: "spied"
    assert peer.send(b"") == "spied"


def test_what_is_asked_for_often_costs_no_search() -> None:
    node = Node()
    for number in range(20_000):
        assert not hasattr(node, f"some_name_{number}")  # would take a minute with a search each


def test_the_text_is_made_once_it_is_read() -> None:
    problem = UnknownAttribute(WebSocketServer, "bind_ips")
    assert str(problem) == "WebSocketServer has no attribute 'bind_ips'; did you mean 'bind_ip'?"
    assert problem.name == "bind_ips"
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)
    assert nearest("qqqq", names_of(Node)) == ""


@pytest.mark.parametrize(("wrong", "right"), [("heartbeat_intervall", "heartbeat_interval"), ("max_sise", "max_size")])
def test_unknown_options_of_the_fronts_name_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(TypeError, match=f"unknown option '{wrong}'; did you mean '{right}'\\?"):
        gdpeer.blocking.serve(lambda connection: None, "127.0.0.1", 0, **{wrong: 3})

    async def serve() -> None:
        await aio.serve(lambda connection: None, "127.0.0.1", 0, **{wrong: 3})  # type: ignore[arg-type, return-value]

    import asyncio

    with pytest.raises(TypeError, match=f"did you mean '{right}'"):
        asyncio.run(serve())
