"""`HostBase`: the part of an API that every packet and every call passes. `PeerHost` has the rest.

Layer: `multiplayer`; compiled (types in `_host.pxd`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Never

from gdpeer.attributes import refuse_unknown
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Error
from gdpeer.logs import LogLimit, describe, get_logger, report
from gdpeer.multiplayer.rpc._bound import CallSender
from gdpeer.multiplayer.rpc.arguments import CallError
from gdpeer.multiplayer.rpc.async_methods import CALLER
from gdpeer.multiplayer.wire.parts import values_of
from gdpeer.refusals import Refusals
from gdpeer.token_bucket import BURST, TokenBucket

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.object import PyObject_GenericSetAttr
    from cython.cimports.cpython.unicode import PyUnicode_Check, PyUnicode_READ_CHAR
    from cython.cimports.gdpeer.multiplayer._kernels import call_method

if TYPE_CHECKING:
    from gdpeer.errors import PacketError
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node, SceneTree
    from gdpeer.multiplayer.wire.parts import Arguments
    from gdpeer.packet_session import PacketSession

__all__ = ["HostBase"]

logger = get_logger("gdpeer.multiplayer")

_OK = Error.OK
_UNDERSCORE = ord("_")  # a C integer once compiled (_host.pxd)


class HostBase(CallSender):
    """The compiled base class of `PeerHost`.

    Attributes:
        allow_object_decoding, typed_containers, rpc_rate: see `PeerHost`.
    """

    def __init__(self) -> None:
        self.allow_object_decoding = False
        self.typed_containers: bool | None = None
        self.rpc_rate = 0.0
        self.lost_packets = LogLimit()  # for log lines about packets lost because a send queue was full
        self.was_counted = False  # the call that is handled next counted for the rate when it was passed on to others
        self._clock: Clock = MONOTONIC
        self._buckets: dict[int, TokenBucket] = {}  # by peer; only used if there is a rate
        self._refusals: dict[int, Refusals] = {}  # by peer, from its first refusal on
        self._tree: SceneTree | None = None
        self._sender = 0
        self.admitted: dict[int, None] = {}  # the ids of the peers that take part, in the order of admission
        self._peer: Any = None
        self._packets: PacketSession | None = None  # the session of the peer; None without a peer

    def __setattr__(self, name: str, value: Never) -> None:  # never: else all names are good
        """Refuses attributes that the API does not have."""
        if cython.compiled:
            if PyUnicode_Check(name) and PyUnicode_READ_CHAR(name, 0) != _UNDERSCORE:  # faster than a slice
                refuse_unknown(self, name)
            PyObject_GenericSetAttr(self, name, value)
        else:
            if name[:1] != "_":
                refuse_unknown(self, name)
            object.__setattr__(self, name, value)

    if TYPE_CHECKING:  # members of `PeerHost`

        def count_refusal(self, sender: int, kind: str) -> LogLimit: ...
        def path_of(self, node: Node) -> str: ...
        def refuse(self, sender: int, path: str, method: str, kind: str, reason: str) -> None: ...
        def refuse_packet(self, sender: int, problem: PacketError) -> None: ...
        def log_limit_of(self, peer_id: int) -> LogLimit | None: ...
        def _obstacle(self, sender: int, node: Node, method: Method) -> str: ...
        def _targets(self, target: int) -> Collection[int]: ...

    def get_remote_sender_id(self) -> int:
        """Returns the sender of the call or packet that is being handled; in a local call this side's id; else 0."""
        return self._sender or CALLER.get()

    def _take_all(self) -> None:
        """Takes and handles all packets that have arrived, while the connection stays the same."""
        packets, before = self._packets, self._sender
        try:
            while packets is not None and packets is self._packets:
                sender = packets.source()
                if not sender:
                    break
                if sender is not self._sender:
                    self._sender = sender
                self._take_next(packets, sender)
        finally:
            self._sender = before

    def _take_next(self, packets: PacketSession, sender: int) -> None:
        """Takes the next packet, which came from `sender`, and handles it."""
        raise NotImplementedError

    def owns(self, node: Node) -> bool:
        """Whether a node is in this API's part of its tree."""
        known: Any = node._gdpeer_api
        if known is self:
            return True
        found: Any = node.multiplayer if self._tree is not None and node._gdpeer_tree is self._tree else None
        return found is self

    def put(self, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends a packet to peers that this side has a connection to.

        Returns:
            OK, also without a peer; ERR_OUT_OF_MEMORY if the send queue of one of them is full.
        """
        return _OK if self._packets is None or not peer_ids else self._packets.put_to(peer_ids, data)

    def transmit(self, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends a packet to each of some peers, directly or through the server.

        Returns:
            The codes of `put`. A lost packet is logged.
        """
        raise NotImplementedError

    def call(self, sender: int, node: Node, method: Method, arguments: Arguments) -> None:
        """Checks a received call, then calls the game's method.

        The arguments of a call that is not allowed are not decoded.

        Raises:
            PacketError: the arguments cannot be decoded.
        """
        if self.rpc_rate > 0 and self._is_over(sender, method.name):
            return
        if not method.is_open:
            obstacle = self._obstacle(sender, node, method)
            if obstacle:
                self.refuse(sender, self.path_of(node), method.name, "not allowed", obstacle)
                return
        try:
            checked = method.checker.check(values_of(arguments))
        except CallError as problem:
            self.refuse(sender, self.path_of(node), method.name, "wrong arguments", str(problem))
        except TypeError as problem:
            self.refuse(sender, self.path_of(node), method.name, "bad annotation", str(problem))
        else:
            self._invoke(sender, node, method, checked)

    def _is_over(self, sender: int, name: str) -> bool:
        """Whether a call is over the rate. A call that was passed on to other clients was counted then."""
        was_counted, self.was_counted = self.was_counted, False
        return self.rpc_rate > 0 and not was_counted and self._is_flood(sender, name)

    def _is_flood(self, sender: int, name: str) -> bool:
        """Counts a call; returns whether it is over the rate. The first call of a flood is logged."""
        now = self._clock.now()
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = TokenBucket(self.rpc_rate, max(1.0, self.rpc_rate * BURST), now)
        was_over = bucket.is_over
        if not bucket.spend(now):
            log = self.count_refusal(sender, "too many calls")
            if not was_over:
                log.warning(
                    "peer %s calls more than %s times a second; refused from %s on", sender, self.rpc_rate, name
                )
            return True
        return False

    def _forget_caller(self, sender: int) -> None:
        """Forgets the calls and refusals of a peer that has gone; 0: of all peers."""
        for one in (sender,) if sender else tuple(self._refusals):
            refusals = self._refusals.pop(one, None)
            if refusals is not None:
                refusals.log.finish(one)
        if sender:
            self._buckets.pop(sender, None)
        else:
            self._buckets.clear()

    def _invoke(self, sender: int, node: Node, method: Method, arguments: Iterable[Any]) -> bool:
        """Calls the game's method; returns False if it raised, which is logged."""
        before = self._sender
        if sender is not before:
            self._sender = sender
        try:
            if cython.compiled:
                call_method(method.function, node, arguments)
            else:
                method.function(node, *arguments)
        except Exception:
            limit = self.log_limit_of(sender)
            report(logger, "%s of %s raised, called by peer %s", method.name, describe(node), sender, limit=limit)
            return False
        finally:
            if self._sender is not before:
                self._sender = before
        return True
