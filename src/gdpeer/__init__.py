"""Godot's WebSocket classes in Python: a Python process as the server, a client, a bot or a tool of a real Godot 4 or
Godot 3 game.

    from gdpeer import OK, WebSocketServer

Names, defaults and return codes are the engine's; see the documentation for what differs.

PYTEST_DONT_REWRITE: pytest would warn of a program that imports gdpeer before it runs pytest, because gdpeer has
fixtures, and pytest rewrites the `assert` statements of packages with fixtures.
"""

import typing

from gdpeer._version import __version__ as __version__
from gdpeer.lazy_names import lazy_names

# Type checkers and editors read these lines; to them `import X as X` says that X is a public name. At run time a module
# is imported when a program asks for one of its names: a program that needs a WebSocket does not wait for the rest.
if typing.TYPE_CHECKING:
    from gdpeer import godot3 as godot3
    from gdpeer import http as http
    from gdpeer.clock import Clock as Clock
    from gdpeer.clock import ManualClock as ManualClock
    from gdpeer.clock import MonotonicClock as MonotonicClock
    from gdpeer.errors import Cause as Cause
    from gdpeer.errors import CloseCause as CloseCause
    from gdpeer.errors import ConnectionClosed as ConnectionClosed
    from gdpeer.errors import ConnectionClosedError as ConnectionClosedError
    from gdpeer.errors import ConnectionClosedOK as ConnectionClosedOK
    from gdpeer.errors import Error as Error
    from gdpeer.errors import GdpeerError as GdpeerError
    from gdpeer.errors import HandshakeError as HandshakeError
    from gdpeer.errors import PacketError as PacketError
    from gdpeer.errors import ProtocolError as ProtocolError
    from gdpeer.errors import SceneError as SceneError
    from gdpeer.errors import TransportError as TransportError
    from gdpeer.errors import VariantError as VariantError
    from gdpeer.idle import SceneTreeTimer as SceneTreeTimer
    from gdpeer.loop import run as run
    from gdpeer.multiplayer.api import MultiplayerAPI as MultiplayerAPI
    from gdpeer.multiplayer.api import RPCMode as RPCMode
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer as SceneMultiplayer
    from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer as LoopbackMultiplayerPeer
    from gdpeer.multiplayer.local_peers import OfflineMultiplayerPeer as OfflineMultiplayerPeer
    from gdpeer.multiplayer.peer import ConnectionStatus as ConnectionStatus
    from gdpeer.multiplayer.peer import MultiplayerPeer as MultiplayerPeer
    from gdpeer.multiplayer.peer import TransferMode as TransferMode
    from gdpeer.multiplayer.replication.config import ReplicationMode as ReplicationMode
    from gdpeer.multiplayer.replication.config import SceneReplicationConfig as SceneReplicationConfig
    from gdpeer.multiplayer.replication.interest import InterestGrid as InterestGrid
    from gdpeer.multiplayer.replication.properties import replicated as replicated
    from gdpeer.multiplayer.replication.raw_scene import RawScene as RawScene
    from gdpeer.multiplayer.replication.scenes import SceneNode as SceneNode
    from gdpeer.multiplayer.replication.scenes import Scenes as Scenes
    from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner as MultiplayerSpawner
    from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer as MultiplayerSynchronizer
    from gdpeer.multiplayer.replication.synchronizer import VisibilityUpdateMode as VisibilityUpdateMode
    from gdpeer.multiplayer.rpc.decorator import RpcConfig as RpcConfig
    from gdpeer.multiplayer.rpc.decorator import rpc as rpc
    from gdpeer.multiplayer.tree import Node as Node
    from gdpeer.multiplayer.tree import SceneTree as SceneTree
    from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer as WebSocketMultiplayerPeer
    from gdpeer.packet_peer import PacketPeer as PacketPeer
    from gdpeer.protocol.frames import COMPILED as COMPILED
    from gdpeer.signals import Signal as Signal
    from gdpeer.variant import AABB as AABB
    from gdpeer.variant import RID as RID
    from gdpeer.variant import UNTYPED as UNTYPED
    from gdpeer.variant import Array as Array
    from gdpeer.variant import Basis as Basis
    from gdpeer.variant import Color as Color
    from gdpeer.variant import ContainerType as ContainerType
    from gdpeer.variant import Dictionary as Dictionary
    from gdpeer.variant import EncodedCallable as EncodedCallable
    from gdpeer.variant import EncodedObject as EncodedObject
    from gdpeer.variant import EncodedObjectAsID as EncodedObjectAsID
    from gdpeer.variant import EncodedSignal as EncodedSignal
    from gdpeer.variant import NodePath as NodePath
    from gdpeer.variant import PackedByteArray as PackedByteArray
    from gdpeer.variant import PackedColorArray as PackedColorArray
    from gdpeer.variant import PackedFloat32Array as PackedFloat32Array
    from gdpeer.variant import PackedFloat64Array as PackedFloat64Array
    from gdpeer.variant import PackedInt32Array as PackedInt32Array
    from gdpeer.variant import PackedInt64Array as PackedInt64Array
    from gdpeer.variant import PackedStringArray as PackedStringArray
    from gdpeer.variant import PackedVector2Array as PackedVector2Array
    from gdpeer.variant import PackedVector3Array as PackedVector3Array
    from gdpeer.variant import PackedVector4Array as PackedVector4Array
    from gdpeer.variant import Plane as Plane
    from gdpeer.variant import Projection as Projection
    from gdpeer.variant import Quaternion as Quaternion
    from gdpeer.variant import Rect2 as Rect2
    from gdpeer.variant import Rect2i as Rect2i
    from gdpeer.variant import StringName as StringName
    from gdpeer.variant import Transform2D as Transform2D
    from gdpeer.variant import Transform3D as Transform3D
    from gdpeer.variant import VariantType as VariantType
    from gdpeer.variant import VariantType3 as VariantType3
    from gdpeer.variant import Vector2 as Vector2
    from gdpeer.variant import Vector2i as Vector2i
    from gdpeer.variant import Vector3 as Vector3
    from gdpeer.variant import Vector3i as Vector3i
    from gdpeer.variant import Vector4 as Vector4
    from gdpeer.variant import Vector4i as Vector4i
    from gdpeer.variant.binary.codec import bytes_to_var as bytes_to_var
    from gdpeer.variant.binary.codec import bytes_to_var_with_objects as bytes_to_var_with_objects
    from gdpeer.variant.binary.codec import var_to_bytes as var_to_bytes
    from gdpeer.variant.binary.codec import var_to_bytes_with_objects as var_to_bytes_with_objects
    from gdpeer.variant.kinds import typeof as typeof
    from gdpeer.variant.text.text import str_to_var as str_to_var
    from gdpeer.variant.text.text import var_to_str as var_to_str
    from gdpeer.websocket.client import WebSocketClient as WebSocketClient
    from gdpeer.websocket.godot_streams import StreamPeerTCP as StreamPeerTCP
    from gdpeer.websocket.godot_streams import StreamPeerTLS as StreamPeerTLS
    from gdpeer.websocket.godot_streams import TCPServer as TCPServer
    from gdpeer.websocket.peer import WebSocketPeer as WebSocketPeer
    from gdpeer.websocket.reconnection import Reconnection as Reconnection
    from gdpeer.websocket.server import WebSocketServer as WebSocketServer
    from gdpeer.websocket.stats import PeerStats as PeerStats
    from gdpeer.websocket.stats import ServerStats as ServerStats
    from gdpeer.websocket.tls_options import CryptoKey as CryptoKey
    from gdpeer.websocket.tls_options import TLSOptions as TLSOptions
    from gdpeer.websocket.tls_options import X509Certificate as X509Certificate

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

if not typing.TYPE_CHECKING:
    _NAMES = {
        "": "godot3 http",
        "clock": "Clock ManualClock MonotonicClock",
        "errors": """
            Cause CloseCause ConnectionClosed ConnectionClosedError ConnectionClosedOK Error GdpeerError
            HandshakeError PacketError ProtocolError SceneError TransportError VariantError OK FAILED
            ERR_UNAVAILABLE ERR_UNCONFIGURED ERR_UNAUTHORIZED ERR_PARAMETER_RANGE_ERROR ERR_OUT_OF_MEMORY
            ERR_FILE_NOT_FOUND ERR_FILE_BAD_DRIVE ERR_FILE_BAD_PATH ERR_FILE_NO_PERMISSION ERR_FILE_ALREADY_IN_USE
            ERR_FILE_CANT_OPEN ERR_FILE_CANT_WRITE ERR_FILE_CANT_READ ERR_FILE_UNRECOGNIZED ERR_FILE_CORRUPT
            ERR_FILE_MISSING_DEPENDENCIES ERR_FILE_EOF ERR_CANT_OPEN ERR_CANT_CREATE ERR_QUERY_FAILED
            ERR_ALREADY_IN_USE ERR_LOCKED ERR_TIMEOUT ERR_CANT_CONNECT ERR_CANT_RESOLVE ERR_CONNECTION_ERROR
            ERR_CANT_ACQUIRE_RESOURCE ERR_CANT_FORK ERR_INVALID_DATA ERR_INVALID_PARAMETER ERR_ALREADY_EXISTS
            ERR_DOES_NOT_EXIST ERR_DATABASE_CANT_READ ERR_DATABASE_CANT_WRITE ERR_COMPILATION_FAILED
            ERR_METHOD_NOT_FOUND ERR_LINK_FAILED ERR_SCRIPT_FAILED ERR_CYCLIC_LINK ERR_INVALID_DECLARATION
            ERR_DUPLICATE_SYMBOL ERR_PARSE_ERROR ERR_BUSY ERR_SKIP ERR_HELP ERR_BUG ERR_PRINTER_ON_FIRE
        """,
        "idle": "SceneTreeTimer",
        "loop": "run",
        "multiplayer.api": "MultiplayerAPI RPCMode",
        "multiplayer.godot4.scene": "SceneMultiplayer",
        "multiplayer.local_peers": "LoopbackMultiplayerPeer OfflineMultiplayerPeer",
        "multiplayer.peer": "ConnectionStatus MultiplayerPeer TransferMode",
        "multiplayer.replication.config": "ReplicationMode SceneReplicationConfig",
        "multiplayer.replication.interest": "InterestGrid",
        "multiplayer.replication.properties": "replicated",
        "multiplayer.replication.raw_scene": "RawScene",
        "multiplayer.replication.scenes": "SceneNode Scenes",
        "multiplayer.replication.spawner": "MultiplayerSpawner",
        "multiplayer.replication.synchronizer": "MultiplayerSynchronizer VisibilityUpdateMode",
        "multiplayer.rpc.decorator": "RpcConfig rpc",
        "multiplayer.tree": "Node SceneTree",
        "multiplayer.websocket_peer": "WebSocketMultiplayerPeer",
        "packet_peer": "PacketPeer",
        "protocol.frames": "COMPILED",
        "signals": "Signal",
        "variant": """
            AABB RID UNTYPED Array Basis Color ContainerType Dictionary EncodedCallable EncodedObject
            EncodedObjectAsID EncodedSignal NodePath PackedByteArray PackedColorArray PackedFloat32Array
            PackedFloat64Array PackedInt32Array PackedInt64Array PackedStringArray PackedVector2Array
            PackedVector3Array PackedVector4Array Plane Projection Quaternion Rect2 Rect2i StringName Transform2D
            Transform3D VariantType VariantType3 Vector2 Vector2i Vector3 Vector3i Vector4 Vector4i
        """,
        "variant.binary.codec": "bytes_to_var bytes_to_var_with_objects var_to_bytes var_to_bytes_with_objects",
        "variant.kinds": "typeof",
        "variant.text.text": "str_to_var var_to_str",
        "websocket.client": "WebSocketClient",
        "websocket.godot_streams": "StreamPeerTCP StreamPeerTLS TCPServer",
        "websocket.peer": "WebSocketPeer",
        "websocket.reconnection": "Reconnection",
        "websocket.server": "WebSocketServer",
        "websocket.stats": "PeerStats ServerStats",
        "websocket.tls_options": "CryptoKey TLSOptions X509Certificate",
    }
    __all__, __getattr__, __dir__ = lazy_names(__name__, _NAMES)
    __all__ += ["__version__"]
