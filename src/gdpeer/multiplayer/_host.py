"""`HostBase`: the part of an API that every packet and every call passes.

`PeerHost` has the rest. What a subclass may change (`call`, `owns`, `transmit`) is gone past only where none has.

Layer: `multiplayer`; compiled (types in `_host.pxd`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Never

from gdpeer.attributes import refuse_unknown
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.logs import LogLimit, describe, get_logger, report
from gdpeer.multiplayer.rpc._bound import CallSender
from gdpeer.multiplayer.rpc.arguments import CallError
from gdpeer.multiplayer.rpc.async_methods import CALLER
from gdpeer.multiplayer.wire.parts import values_of
from gdpeer.packet_session import SessionHolder
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
    from gdpeer.errors import Error
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node, SceneTree
    from gdpeer.multiplayer.wire.parts import Arguments

__all__ = ["HostBase"]

logger = get_logger("gdpeer.multiplayer")

_UNDERSCORE = ord("_")  # a C integer once compiled (_host.pxd)


class HostBase(CallSender):
    """What `PeerHost` is over, in whatever language.

    Attributes:
        allow_object_decoding, typed_containers, rpc_rate: see `PeerHost`.
    """

    def __init__(self) -> None:
        self.allow_object_decoding = False
        self.typed_containers: bool | None = None
        self.rpc_rate = 0.0
        self._clock: Clock = MONOTONIC
        self._buckets: dict[int, TokenBucket] = {}  # of those who call, where there is a rate
        self._was_counted = False  # the call that is handled next, as it was passed on to others too
        self._refusals: dict[int, Refusals] = {}  # of those of whom something was refused
        self._lost = LogLimit()  # for packets that found no room
        self._tree: SceneTree | None = None
        self._sender = 0
        self._admitted: dict[int, None] = {}  # in the order of admission
        self._peer: Any = None
        self._holder: SessionHolder | None = None  # the peer, where it is one
        self._is_plain = False  # no subclass has changed what can be gone past

    def __setattr__(self, name: str, value: Never) -> None:  # never: else all names are good
        """Refuses what the API does not have."""
        if cython.compiled:
            if PyUnicode_Check(name) and PyUnicode_READ_CHAR(name, 0) != _UNDERSCORE:  # no slice is made for that
                refuse_unknown(self, name)
            PyObject_GenericSetAttr(self, name, value)
        else:
            if name[:1] != "_":
                refuse_unknown(self, name)
            object.__setattr__(self, name, value)

    def _use_peer(self, peer: Any) -> None:
        self._peer = peer
        self._holder = peer if isinstance(peer, SessionHolder) else None

    def _direct(self) -> SessionHolder | None:
        """The peer, where its session can be used instead of its members."""
        holder = self._holder
        return holder if holder is not None and holder._is_direct else None

    def get_remote_sender_id(self) -> int:
        """While a call or a packet is handled: who sent it; in a local call the own id; else 0."""
        return self._sender or CALLER.get()

    def _take_all(self) -> None:
        """Take all packets that have come, as long as the peer stays."""
        peer, before = self._peer, self._sender
        try:
            while peer is not None and self._peer is peer:
                holder = self._direct()
                if holder is None:
                    if not peer.get_available_packet_count():
                        break
                    sender = peer.get_packet_peer()
                else:
                    session = holder._session
                    if session is None or session.count() == 0:
                        break
                    sender = session.source()
                self._sender = sender
                self._take_next(peer, holder, sender)
        finally:
            self._sender = before

    def _take_next(self, peer: Any, holder: SessionHolder | None, sender: int) -> None:
        self._take(peer, sender)

    def _take(self, peer: Any, sender: int) -> None:
        """Take the packet that has come from `sender`, where no faster way is known."""
        raise NotImplementedError

    def owns(self, node: Node) -> bool:
        """Whether a node is in this API's part of its tree."""
        host: Any = self  # the whole of it
        return node._gdpeer_api is host or (
            self._tree is not None and node._gdpeer_tree is self._tree and node.multiplayer is host
        )

    def _owns(self, node: Node) -> bool:
        host: Any = self
        return (self._is_plain and node._gdpeer_api is host) or self.owns(node)

    def _transmit(self, peer_ids: Collection[int], data: bytes) -> Error:
        host: Any = self
        error: Error = host.transmit(peer_ids, data)
        return error

    def call(self, sender: int, node: Node, method: Method, arguments: Arguments) -> None:
        """A call has come: check it, then call the game's method. Who may not call has nothing decoded.

        Raises:
            PacketError: the arguments cannot be decoded.
        """
        self._check_and_invoke(sender, node, method, arguments)

    def _call(self, sender: int, node: Node, method: Method, arguments: Arguments) -> None:
        if self._is_plain:
            self._check_and_invoke(sender, node, method, arguments)
        else:
            self.call(sender, node, method, arguments)

    def _check_and_invoke(self, sender: int, node: Node, method: Method, arguments: Arguments) -> None:
        host: Any = self
        if self.rpc_rate > 0 and self._is_over(sender, method.name):
            return
        if not method.is_open:
            obstacle = host._obstacle(sender, node, method)
            if obstacle:
                host.refuse(sender, host.path_of(node), method.name, "not allowed", obstacle)
                return
        try:
            checked = method.checker.check(values_of(arguments))
        except CallError as problem:
            host.refuse(sender, host.path_of(node), method.name, "wrong arguments", str(problem))
        except TypeError as problem:
            host.refuse(sender, host.path_of(node), method.name, "bad annotation", str(problem))
        else:
            self._invoke(sender, node, method, checked)

    def _is_over(self, sender: int, name: str) -> bool:
        """Whether a call is over the rate, where there is one; what was passed on to others is counted already."""
        was_counted, self._was_counted = self._was_counted, False
        return self.rpc_rate > 0 and not was_counted and self._is_flood(sender, name)

    def _is_flood(self, sender: int, name: str) -> bool:
        """Whether this call is over the rate: it is counted then, and the first of a flood logged."""
        host: Any = self
        now = self._clock.now()
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = TokenBucket(self.rpc_rate, max(1.0, self.rpc_rate * BURST), now)
        was_over = bucket.is_over
        if not bucket.spend(now):
            log = host.count_refusal(sender, "too many calls")
            if not was_over:
                log.warning(
                    "peer %s calls more than %s times a second; refused from %s on", sender, self.rpc_rate, name
                )
            return True
        return False

    def _forget_caller(self, sender: int) -> None:
        """A peer has gone; 0: all have."""
        for one in (sender,) if sender else tuple(self._refusals):
            refusals = self._refusals.pop(one, None)
            if refusals is not None:
                refusals.log.finish(one)
        if sender:
            self._buckets.pop(sender, None)
        else:
            self._buckets.clear()

    def _invoke(self, sender: int, node: Node, method: Method, arguments: Iterable[Any]) -> bool:
        """Call the game's method; False where it raised, which is logged."""
        host: Any = self
        before, self._sender = self._sender, sender
        try:
            if cython.compiled:
                call_method(method.function, node, arguments)
            else:
                method.function(node, *arguments)
        except Exception:
            limit = host._limit_of(sender)
            report(logger, "%s of %s raised, called by peer %s", method.name, describe(node), sender, limit=limit)
            return False
        finally:
            self._sender = before
        return True
