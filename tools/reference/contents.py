"""The pages of the reference, each with its public names in their order."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ONLY", "PAGES", "STANDS_FOR", "Page"]

ONLY = {"transport.memory.MemoryStream": ("stall", "break_connection", "close_write", "close")}
"""Classes of which programs use a few members only; the others are not described."""

STANDS_FOR = {"ContractLike": "Contract", "Pem": "X509Certificate | CryptoKey"}
"""What a reader passes where a signature names a class without a public name."""


class Page(NamedTuple):
    """One page of the reference.

    Attributes:
        file: name of the file, without `.md`.
        title: the heading.
        words: the text below the heading, in Markdown.
        names: the names to describe, without `gdpeer.`.
        is_compact: whether methods stand in tables, because most need one line.
    """

    file: str
    title: str
    words: str
    names: tuple[str, ...]
    is_compact: bool = False


PAGES = (
    Page(
        "websocket-peer",
        "WebSocketPeer",
        "One WebSocket connection, as client or as server. "
        "[A chat between Godot, a browser and Python](../tutorial.md) shows how to use the class.",
        ("WebSocketPeer", "PacketPeer", "PeerStats"),
    ),
    Page(
        "websocket-server",
        "WebSocketServer and WebSocketClient",
        "A server with many connections, a client with signals, and the loop that polls them. "
        "[Reconnect automatically](../howto/reconnecting.md) explains `Reconnection`.",
        ("WebSocketServer", "ServerStats", "WebSocketClient", "Reconnection", "run", "Signal"),
    ),
    Page(
        "multiplayer",
        "Multiplayer peers and APIs",
        "[Remote procedure calls (RPC)](../rpc.md) explains how to use these classes.",
        (
            "WebSocketMultiplayerPeer",
            "MultiplayerPeer",
            "OfflineMultiplayerPeer",
            "LoopbackMultiplayerPeer",
            "MultiplayerAPI",
            "SceneMultiplayer",
            "ConnectionStatus",
            "TransferMode",
        ),
    ),
    Page(
        "nodes",
        "Nodes and RPC",
        "[Remote procedure calls (RPC)](../rpc.md) explains how to use these classes.",
        ("rpc", "RPCMode", "RpcConfig", "Node", "SceneTree", "SceneTreeTimer"),
    ),
    Page(
        "replication",
        "Replication",
        "Nodes that appear on all sides, and properties that follow. "
        "[Spawn and synchronise nodes](../replication.md) explains how to use these classes.",
        (
            "replicated",
            "ReplicationMode",
            "Scenes",
            "SceneNode",
            "MultiplayerSpawner",
            "MultiplayerSynchronizer",
            "SceneReplicationConfig",
            "VisibilityUpdateMode",
            "InterestGrid",
            "RawScene",
        ),
    ),
    Page(
        "godot3",
        "Godot 3's multiplayer",
        "The module `gdpeer.godot3`, for sessions with Godot 3. "
        "[Godot 4 and Godot 3](../dialects.md) explains when to use the module.",
        (
            "godot3.MultiplayerAPI",
            "godot3.Node",
            "godot3.SceneTree",
            "godot3.Mode",
            "godot3.Keyword",
            "godot3.RemoteVar",
            *(f"godot3.{word}" for word in ("remote", "master", "puppet", "remotesync", "mastersync", "puppetsync")),
        ),
    ),
    Page(
        "asyncio",
        "asyncio: gdpeer.aio",
        "The module `gdpeer.aio`. [asyncio API](../asyncio.md) explains the module, and lists its "
        "[options](../asyncio.md#options).",
        tuple(
            f"aio.{name}"
            for name in (
                "connect",
                "serve",
                "Connection",
                "Server",
                "broadcast",
                "multiplayer_server",
                "multiplayer_client",
                "serve_hall",
            )
        ),
    ),
    Page(
        "asgi",
        "ASGI: gdpeer.asgi",
        "The module `gdpeer.asgi`: the game on the port of a web application. "
        "[FastAPI and Django](../howto/fastapi-django.md) shows how to use the module.",
        tuple(f"asgi.{name}" for name in ("Multiplayer", "Server", "Rooms", "Mount")),
    ),
    Page(
        "blocking",
        "Blocking: gdpeer.blocking",
        "The module `gdpeer.blocking`. [Blocking API](../blocking.md) explains the module. The options are "
        "[those of the asyncio API](../asyncio.md#options).",
        tuple(f"blocking.{name}" for name in ("connect", "serve", "Connection", "Server", "Pong")),
    ),
    Page(
        "http",
        "HTTP",
        "The module `gdpeer.http`. "
        "[Serve web pages on the game's port](../howto/one-port.md) shows how to use the module.",
        tuple(
            f"http.{name}"
            for name in (
                "Handler",
                "Request",
                "Response",
                "LateResponse",
                "Headers",
                "File",
                "StaticFolder",
                "PythonPages",
                "chain",
            )
        ),
    ),
    Page(
        "errors",
        "Errors and causes",
        "Methods of the engine's classes return a code of `Error`, as in the engine. "
        "Functions in Python style raise exceptions.",
        (
            "Error",
            "Cause",
            "CloseCause",
            "GdpeerError",
            "TransportError",
            "HandshakeError",
            "ProtocolError",
            "ConnectionClosed",
            "ConnectionClosedOK",
            "ConnectionClosedError",
            "VariantError",
            "PacketError",
            "SceneError",
        ),
    ),
    Page(
        "tls-and-tcp",
        "TLS and TCP",
        "[Encrypt with TLS](../howto/tls.md) shows how to use the options.",
        ("TLSOptions", "X509Certificate", "CryptoKey", "TCPServer", "StreamPeerTCP", "StreamPeerTLS"),
    ),
    Page(
        "variants",
        "Variant types: conversions, names and ids",
        "[Variant types](../variants.md) explains how the types work together.",
        (
            "var_to_bytes",
            "bytes_to_var",
            "var_to_bytes_with_objects",
            "bytes_to_var_with_objects",
            "var_to_str",
            "str_to_var",
            "typeof",
            "VariantType",
            "VariantType3",
            "StringName",
            "NodePath",
            "RID",
            "EncodedObjectAsID",
            "EncodedObject",
            "EncodedCallable",
            "EncodedSignal",
        ),
    ),
    Page(
        "vectors",
        "Vectors, rectangles and colours",
        "[Variant types](../variants.md) explains how the types work together. "
        "`SequenceOfNumbers` in a signature is any sequence of numbers: one of these values, a tuple, a list, or a "
        "NumPy array.",
        (
            *("Vector2", "Vector2i", "Vector3", "Vector3i", "Vector4", "Vector4i"),
            *("Rect2", "Rect2i", "Plane", "AABB", "Color"),
        ),
        is_compact=True,
    ),
    Page(
        "transforms",
        "Rotations and transforms",
        "[Variant types](../variants.md) explains how the types work together. "
        "`SequenceOfNumbers` in a signature is any sequence of numbers: one of these values, a tuple, a list, or a "
        "NumPy array.",
        ("Quaternion", "Basis", "Transform2D", "Transform3D", "Projection"),
        is_compact=True,
    ),
    Page(
        "arrays",
        "Arrays and dictionaries",
        "[Variant types](../variants.md) explains how the types work together.",
        (
            *("Array", "Dictionary", "ContainerType", "UNTYPED", "PackedByteArray", "PackedInt32Array"),
            *("PackedInt64Array", "PackedFloat32Array", "PackedFloat64Array", "PackedStringArray"),
            *("PackedVector2Array", "PackedVector3Array", "PackedVector4Array", "PackedColorArray"),
        ),
        is_compact=True,
    ),
    Page(
        "rooms",
        "Rooms: gdpeer.rooms",
        "[Rooms](../rooms.md) explains how to use these classes.",
        (
            *("rooms.Hall", "rooms.Room", "rooms.Place", "rooms.PlaceState", "rooms.LeaveReason"),
            *("rooms.Lobby", "rooms.Seat", "rooms.Listed", "rooms.SeatKeys", "rooms.SeatClaims"),
            *("rooms.load_secrets", "rooms.Guessing"),
            *("rooms.RoomError", "rooms.NoRoom", "rooms.Full", "rooms.Locked", "rooms.Draining"),
            "rooms.Unreachable",
        ),
    ),
    Page(
        "metrics",
        "Metrics for Prometheus",
        "The module `gdpeer.prometheus`, which needs the extra `metrics`. "
        "[Set rate limits and connection limits](../howto/limits.md) shows how to use the module.",
        ("prometheus.Metrics", "prometheus.ServerCollector"),
    ),
    Page(
        "watching-rooms",
        "Watch rooms: monitor, health and metrics",
        "HTTP handlers for a hall. `gdpeer serve` uses all of them; [Serve rooms](../serve.md) shows what they answer.",
        (
            "rooms.watching.watch",
            "rooms.monitor.Monitor",
            "rooms.metrics.HallMetrics",
            "rooms.metrics.HallCollector",
        ),
    ),
    Page(
        "testing",
        "Tests: games, halls, streams and clocks in memory",
        "[Test your game without a network](../howto/testing.md) shows how to use streams and clocks, and "
        "[From one game to many rooms](../many-rooms.md) how to use a hall in memory.",
        (
            "testing.MemoryGame",
            "testing.MemoryHall",
            "testing.Player",
            "testing.Call",
            "testing.LocalServer",
            "testing.Godot",
            "testing.GodotRun",
            "testing.ErrorLog",
            "transport.memory.memory_pair",
            "transport.memory.MemoryStream",
            "Clock",
            "ManualClock",
            "MonotonicClock",
        ),
    ),
    Page(
        "contract",
        "Contracts: gdpeer.contract",
        "The module `gdpeer.contract`: what `gdpeer contract` does, for programs. "
        "[Compare both sides of a game](../contract.md) explains the command.",
        (
            *("contract.read", "contract.compare", "contract.explain"),
            *("contract.read_project", "contract.read_scripts"),
            *("contract.contract_to_json", "contract.contract_from_json", "contract.file_on_disk"),
            *("contract.Contract", "contract.Table", "contract.Method", "contract.Argument", "contract.Variable"),
            *("contract.Enumeration", "contract.Place", "contract.Problem", "contract.Property"),
            *("contract.Difference", "contract.CODES", "contract.Explanation", "contract.Answer"),
            *("contract.checksum_of", "contract.BY_CODE", "contract.page.ContractPage"),
            "contract.room_page.RoomContractPage",
        ),
        is_compact=True,
    ),
)
