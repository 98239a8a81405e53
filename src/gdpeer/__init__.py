"""Godot's WebSocket classes in Python: a Python process as the server, a client, a bot or a tool of a real Godot 4 or
Godot 3 game.

    from gdpeer import OK, WebSocketServer

Names, defaults and return codes are the engine's; see the documentation for what differs.
"""

from gdpeer import godot3, http
from gdpeer._version import __version__
from gdpeer.clock import Clock, ManualClock, MonotonicClock
from gdpeer.errors import (
    Cause,
    CloseCause,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    Error,
    GdpeerError,
    HandshakeError,
    PacketError,
    ProtocolError,
    TransportError,
    VariantError,
)
from gdpeer.loop import run
from gdpeer.multiplayer.api import MultiplayerAPI, RPCMode
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer, OfflineMultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus, MultiplayerPeer, TransferMode
from gdpeer.multiplayer.rpc.decorator import RpcConfig, rpc
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.packet_peer import PacketPeer
from gdpeer.protocol.frames import COMPILED
from gdpeer.signals import Signal
from gdpeer.variant import (
    AABB,
    RID,
    UNTYPED,
    Array,
    Basis,
    Color,
    ContainerType,
    Dictionary,
    EncodedCallable,
    EncodedObject,
    EncodedObjectAsID,
    EncodedSignal,
    NodePath,
    PackedByteArray,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    Plane,
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    StringName,
    Transform2D,
    Transform3D,
    VariantType,
    VariantType3,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)
from gdpeer.variant.binary.codec import bytes_to_var, bytes_to_var_with_objects, var_to_bytes, var_to_bytes_with_objects
from gdpeer.variant.kinds import typeof
from gdpeer.variant.text.text import str_to_var, var_to_str
from gdpeer.websocket.client import WebSocketClient
from gdpeer.websocket.godot_streams import StreamPeerTCP, StreamPeerTLS, TCPServer
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.reconnection import Reconnection
from gdpeer.websocket.server import WebSocketServer
from gdpeer.websocket.stats import PeerStats, ServerStats
from gdpeer.websocket.tls_options import CryptoKey, TLSOptions, X509Certificate

OK = Error.OK
FAILED = Error.FAILED
ERR_UNAVAILABLE = Error.ERR_UNAVAILABLE
ERR_UNCONFIGURED = Error.ERR_UNCONFIGURED
ERR_UNAUTHORIZED = Error.ERR_UNAUTHORIZED
ERR_PARAMETER_RANGE_ERROR = Error.ERR_PARAMETER_RANGE_ERROR
ERR_OUT_OF_MEMORY = Error.ERR_OUT_OF_MEMORY
ERR_FILE_NOT_FOUND = Error.ERR_FILE_NOT_FOUND
ERR_FILE_BAD_DRIVE = Error.ERR_FILE_BAD_DRIVE
ERR_FILE_BAD_PATH = Error.ERR_FILE_BAD_PATH
ERR_FILE_NO_PERMISSION = Error.ERR_FILE_NO_PERMISSION
ERR_FILE_ALREADY_IN_USE = Error.ERR_FILE_ALREADY_IN_USE
ERR_FILE_CANT_OPEN = Error.ERR_FILE_CANT_OPEN
ERR_FILE_CANT_WRITE = Error.ERR_FILE_CANT_WRITE
ERR_FILE_CANT_READ = Error.ERR_FILE_CANT_READ
ERR_FILE_UNRECOGNIZED = Error.ERR_FILE_UNRECOGNIZED
ERR_FILE_CORRUPT = Error.ERR_FILE_CORRUPT
ERR_FILE_MISSING_DEPENDENCIES = Error.ERR_FILE_MISSING_DEPENDENCIES
ERR_FILE_EOF = Error.ERR_FILE_EOF
ERR_CANT_OPEN = Error.ERR_CANT_OPEN
ERR_CANT_CREATE = Error.ERR_CANT_CREATE
ERR_QUERY_FAILED = Error.ERR_QUERY_FAILED
ERR_ALREADY_IN_USE = Error.ERR_ALREADY_IN_USE
ERR_LOCKED = Error.ERR_LOCKED
ERR_TIMEOUT = Error.ERR_TIMEOUT
ERR_CANT_CONNECT = Error.ERR_CANT_CONNECT
ERR_CANT_RESOLVE = Error.ERR_CANT_RESOLVE
ERR_CONNECTION_ERROR = Error.ERR_CONNECTION_ERROR
ERR_CANT_ACQUIRE_RESOURCE = Error.ERR_CANT_ACQUIRE_RESOURCE
ERR_CANT_FORK = Error.ERR_CANT_FORK
ERR_INVALID_DATA = Error.ERR_INVALID_DATA
ERR_INVALID_PARAMETER = Error.ERR_INVALID_PARAMETER
ERR_ALREADY_EXISTS = Error.ERR_ALREADY_EXISTS
ERR_DOES_NOT_EXIST = Error.ERR_DOES_NOT_EXIST
ERR_DATABASE_CANT_READ = Error.ERR_DATABASE_CANT_READ
ERR_DATABASE_CANT_WRITE = Error.ERR_DATABASE_CANT_WRITE
ERR_COMPILATION_FAILED = Error.ERR_COMPILATION_FAILED
ERR_METHOD_NOT_FOUND = Error.ERR_METHOD_NOT_FOUND
ERR_LINK_FAILED = Error.ERR_LINK_FAILED
ERR_SCRIPT_FAILED = Error.ERR_SCRIPT_FAILED
ERR_CYCLIC_LINK = Error.ERR_CYCLIC_LINK
ERR_INVALID_DECLARATION = Error.ERR_INVALID_DECLARATION
ERR_DUPLICATE_SYMBOL = Error.ERR_DUPLICATE_SYMBOL
ERR_PARSE_ERROR = Error.ERR_PARSE_ERROR
ERR_BUSY = Error.ERR_BUSY
ERR_SKIP = Error.ERR_SKIP
ERR_HELP = Error.ERR_HELP
ERR_BUG = Error.ERR_BUG
ERR_PRINTER_ON_FIRE = Error.ERR_PRINTER_ON_FIRE

__all__ = [
    "AABB",
    "COMPILED",
    "ERR_ALREADY_EXISTS",
    "ERR_ALREADY_IN_USE",
    "ERR_BUG",
    "ERR_BUSY",
    "ERR_CANT_ACQUIRE_RESOURCE",
    "ERR_CANT_CONNECT",
    "ERR_CANT_CREATE",
    "ERR_CANT_FORK",
    "ERR_CANT_OPEN",
    "ERR_CANT_RESOLVE",
    "ERR_COMPILATION_FAILED",
    "ERR_CONNECTION_ERROR",
    "ERR_CYCLIC_LINK",
    "ERR_DATABASE_CANT_READ",
    "ERR_DATABASE_CANT_WRITE",
    "ERR_DOES_NOT_EXIST",
    "ERR_DUPLICATE_SYMBOL",
    "ERR_FILE_ALREADY_IN_USE",
    "ERR_FILE_BAD_DRIVE",
    "ERR_FILE_BAD_PATH",
    "ERR_FILE_CANT_OPEN",
    "ERR_FILE_CANT_READ",
    "ERR_FILE_CANT_WRITE",
    "ERR_FILE_CORRUPT",
    "ERR_FILE_EOF",
    "ERR_FILE_MISSING_DEPENDENCIES",
    "ERR_FILE_NOT_FOUND",
    "ERR_FILE_NO_PERMISSION",
    "ERR_FILE_UNRECOGNIZED",
    "ERR_HELP",
    "ERR_INVALID_DATA",
    "ERR_INVALID_DECLARATION",
    "ERR_INVALID_PARAMETER",
    "ERR_LINK_FAILED",
    "ERR_LOCKED",
    "ERR_METHOD_NOT_FOUND",
    "ERR_OUT_OF_MEMORY",
    "ERR_PARAMETER_RANGE_ERROR",
    "ERR_PARSE_ERROR",
    "ERR_PRINTER_ON_FIRE",
    "ERR_QUERY_FAILED",
    "ERR_SCRIPT_FAILED",
    "ERR_SKIP",
    "ERR_TIMEOUT",
    "ERR_UNAUTHORIZED",
    "ERR_UNAVAILABLE",
    "ERR_UNCONFIGURED",
    "FAILED",
    "OK",
    "RID",
    "UNTYPED",
    "Array",
    "Basis",
    "Cause",
    "Clock",
    "CloseCause",
    "Color",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "ConnectionStatus",
    "ContainerType",
    "CryptoKey",
    "Dictionary",
    "EncodedCallable",
    "EncodedObject",
    "EncodedObjectAsID",
    "EncodedSignal",
    "Error",
    "GdpeerError",
    "HandshakeError",
    "LoopbackMultiplayerPeer",
    "ManualClock",
    "MonotonicClock",
    "MultiplayerAPI",
    "MultiplayerPeer",
    "Node",
    "NodePath",
    "OfflineMultiplayerPeer",
    "PackedByteArray",
    "PackedColorArray",
    "PackedFloat32Array",
    "PackedFloat64Array",
    "PackedInt32Array",
    "PackedInt64Array",
    "PackedStringArray",
    "PackedVector2Array",
    "PackedVector3Array",
    "PackedVector4Array",
    "PacketError",
    "PacketPeer",
    "PeerStats",
    "Plane",
    "Projection",
    "ProtocolError",
    "Quaternion",
    "RPCMode",
    "Reconnection",
    "Rect2",
    "Rect2i",
    "RpcConfig",
    "SceneMultiplayer",
    "SceneTree",
    "ServerStats",
    "Signal",
    "StreamPeerTCP",
    "StreamPeerTLS",
    "StringName",
    "TCPServer",
    "TLSOptions",
    "TransferMode",
    "Transform2D",
    "Transform3D",
    "TransportError",
    "VariantError",
    "VariantType",
    "VariantType3",
    "Vector2",
    "Vector2i",
    "Vector3",
    "Vector3i",
    "Vector4",
    "Vector4i",
    "WebSocketClient",
    "WebSocketMultiplayerPeer",
    "WebSocketPeer",
    "WebSocketServer",
    "X509Certificate",
    "__version__",
    "bytes_to_var",
    "bytes_to_var_with_objects",
    "godot3",
    "http",
    "rpc",
    "run",
    "str_to_var",
    "typeof",
    "var_to_bytes",
    "var_to_bytes_with_objects",
    "var_to_str",
]
