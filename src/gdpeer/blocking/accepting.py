"""`Acceptor`: a server that hands each connection to another thread, which serves it with a peer of its own.

The server's own poller takes every connection through TLS and the upgrade's request, and answers pages. Only accepted
upgrades are handed on. So an idle socket costs a descriptor, but no thread and none of the `max_peers` places.

Layer: `blocking`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from gdpeer.errors import HandshakeError
from gdpeer.websocket._peer import backends_of
from gdpeer.websocket.backend.base import Backend
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.opening.upgrade import Addressed, Outcome, ServerUpgrade
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.server import WebSocketServer
from gdpeer.websocket.states import Stage

__all__ = ["Acceptor"]

FULL = "the server takes no more connections now"


class HeldUpgrade(ServerUpgrade):
    """A server's upgrade that holds its answer back until the connection has its new owner.

    Attributes:
        is_decided: the upgrade is accepted; the client may not know yet.
    """

    __slots__ = ("_is_released", "_outcome")

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._outcome: Outcome | None = None
        self._is_released = False

    @property
    def is_decided(self) -> bool:
        """See the class."""
        return self._outcome is not None

    def receive(self, data: bytes, stream: Addressed) -> Outcome | None:
        """See `ServerUpgrade`."""
        if self._outcome is None:
            outcome = super().receive(data, stream)
            if outcome is None or outcome.opened is None:
                return outcome
            self._outcome = outcome
        else:
            self._outcome.leftover += data  # a client may send messages before the answer has reached it
        return self._outcome if self._is_released else None

    def release(self, problem: HandshakeError | None = None) -> None:
        """Lets the next `receive` return the answer, or a refusal if a problem is given."""
        self._is_released = True
        if problem is not None:
            self._outcome = self._refuse(problem)


class Acceptor(WebSocketServer):
    """The ports, TLS, limits, pages and upgrades of a server; open connections are handed on.

    At most `max_peers` connections are handed on at a time; later ones get status 503. Use an acceptor in one thread,
    which also calls `http_handler` and `process_request`. Other threads may call `wake` and `give_back`.

    Args:
        hand_on: called with an id, a peer, and a function that sends the upgrade's answer. The thread that polls the
            peer calls the function first, and `give_back` at the end. Returns False if no thread can take the
            connection, which then gets status 503.
    """

    _UPGRADE = HeldUpgrade

    def __init__(self, hand_on: Callable[[int, WebSocketPeer, Callable[[], object]], bool]) -> None:
        super().__init__()
        self._hand_on = hand_on
        self._handed: dict[int, WebSocketPeer] = {}
        self._decided: deque[NativeBackend] = deque()
        self._returned: deque[int] = deque()

    @property
    def peers(self) -> Mapping[int, WebSocketPeer]:
        """The peers that were handed on, by id."""
        return MappingProxyType(self._handed)

    def _is_in_use(self, peer_id: int) -> bool:
        return peer_id in self._handed or super()._is_in_use(peer_id)

    def _taken(self) -> int:
        self._take_back()
        return len(self._handed) + super()._taken()

    def poll(self, timeout: float = 0.0) -> None:
        """Accepts connections, answers requests, and hands open connections on."""
        super().poll(timeout)
        while self._decided:
            self._hand_over(self._decided.popleft())
        self._take_back()

    def _take_opened(self, backend: Backend) -> WebSocketPeer | None:
        if isinstance(backend, NativeBackend) and _held(backend) is not None:
            self._decided.append(backend)  # handed on after the turn, which still uses the connections that it touched
            return None
        return super()._take_opened(backend)

    def _hand_over(self, backend: NativeBackend) -> None:
        upgrade, stream = _held(backend), backend.stream
        if upgrade is None or stream is None:
            return
        peer_id = backend.peer_id
        peer = WebSocketPeer(clock=self._clock)
        stream.detach()
        upgrade.release()
        del self._opening[peer_id]
        self._admitted.discard(peer_id)
        self._handed[peer_id] = peer
        if self._hand_on(peer_id, peer, partial(peer.take_over, stream, backend)):
            self._tally.opened += 1
            backend.let_go()
        else:
            del self._handed[peer_id]
            self._opening[peer_id] = backend
            backend.attach()
            upgrade.release(HandshakeError(FULL, status=503))
            backend.go_on()

    def _take_back(self) -> None:
        while self._returned:
            peer_id = self._returned.popleft()
            peer = self._handed.pop(peer_id)
            self._listeners.admission.leave(peer_id)
            for backend in backends_of([peer]):  # none, if its new owner failed before it began
                self._tally.note_ended(backend)

    def give_back(self, peer_id: int) -> None:
        """Takes back a connection that has ended. May be called in any thread."""
        self._returned.append(peer_id)
        self.wake()

    def wake(self) -> None:
        """Ends the wait of `poll`. May be called in any thread, and in a signal handler."""
        poller = self._turn.poller
        if poller is not None:
            poller.wake()


def _held(backend: NativeBackend) -> HeldUpgrade | None:
    """Returns the upgrade whose answer waits for an owner; None if no answer waits."""
    upgrade = backend.upgrade
    is_waiting = backend.stage == Stage.UPGRADING and isinstance(upgrade, HeldUpgrade) and upgrade.is_decided
    return upgrade if is_waiting else None  # type: ignore[return-value]
