"""Peers that are not admitted yet: what both sides say to each other until both are content.

Each side with a callback keeps a new peer waiting and takes nothing but AUTH packets from it. AUTH without data says "I
completed"; a peer is admitted when both sides have said so.

Layer: `multiplayer`; sends and admits through its host. Source: reference godot4-wire section C.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from gdpeer.clock import Clock
from gdpeer.errors import Error, PacketError
from gdpeer.logs import get_logger, report
from gdpeer.multiplayer.wire.godot4 import Auth
from gdpeer.token_bucket import TokenBucket

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer

__all__ = ["AuthCallback", "Authentication"]

logger = get_logger("gdpeer.multiplayer")

AuthCallback: TypeAlias = Callable[[int, bytes], object]

_AUTH = b"\x07\x00"

PACKETS_AT_ONCE = 256
"""What a peer may send before it is admitted: a password needs one packet, a challenge two."""
PACKETS_A_SECOND = 16.0
"""And then: where there is no `auth_timeout`, a peer may take its time."""


class _Pending:
    """One of them.

    Attributes:
        deadline: seconds of the clock.
        here: whether this side completed.
        there: whether the other did.
        packets: how many it may still send.
    """

    __slots__ = ("deadline", "here", "packets", "there")

    def __init__(self, deadline: float, now: float) -> None:
        self.deadline = deadline
        self.packets = TokenBucket(PACKETS_A_SECOND, PACKETS_AT_ONCE, now)
        self.here = False
        self.there = False


class Authentication:
    """What a `SceneMultiplayer` does about peers that are not admitted yet.

    Args:
        host: the API.
        clock: tells the time.

    Attributes:
        callback: called with (peer_id, data); None: everybody is admitted at once.
        timeout: seconds that a peer may take; 0: no limit.
        pending: those that wait. Few do at a time.
    """

    def __init__(self, host: SceneMultiplayer, clock: Clock) -> None:
        self.callback: AuthCallback | None = None
        self.timeout = 3.0
        self.pending: dict[int, _Pending] = {}
        self._host = host
        self._clock = clock

    def begin(self, peer_id: int) -> None:
        """Makes a new peer wait until both sides have completed."""
        now = self._clock.now()
        self.pending[peer_id] = _Pending(now + self.timeout if self.timeout else float("inf"), now)

    def time_left(self) -> float:
        """Returns the seconds until the next peer is late."""
        return max(0.0, min(one.deadline for one in self.pending.values()) - self._clock.now())

    def take_late_ones(self) -> list[int]:
        """Removes the peers whose time is over, and returns their ids."""
        now = self._clock.now()
        late = [peer_id for peer_id, one in self.pending.items() if one.deadline <= now]
        for peer_id in late:
            del self.pending[peer_id]
        return late

    def send(self, peer_id: int, data: bytes) -> Error:
        """Sends data to a peer that is not admitted yet; returns as `SceneMultiplayer.send_auth`."""
        pending = self.pending.get(peer_id)
        if pending is None or not len(data):
            return Error.ERR_INVALID_PARAMETER
        if pending.here or pending.there:
            return Error.ERR_FILE_CANT_WRITE
        return self._host.put((peer_id,), Auth(bytes(data)).encode())

    def complete(self, peer_id: int) -> Error:
        """Completes this side; returns as `SceneMultiplayer.complete_auth`."""
        pending = self.pending.get(peer_id)
        if pending is None:
            return Error.ERR_INVALID_PARAMETER
        if pending.here:
            return Error.ERR_FILE_CANT_WRITE
        pending.here = True
        result = self._host.put((peer_id,), Auth(b"").encode())
        self._admit_if_complete(peer_id, pending)
        return result

    def receive(self, sender: int, data: bytes) -> None:
        """A packet of one of them.

        Raises:
            PacketError: it is something else than AUTH.
        """
        if not self.pending[sender].packets.spend(self._clock.now()):
            self._host.count_refusal(sender, "not admitted")
            if self.pending.pop(sender, None) is not None:
                self._host._turn_away(sender, "it sent too many packets before it was admitted")
            return
        if data[:2] != _AUTH:
            raise PacketError("something else than AUTH before the authentication is complete", kind="not admitted")
        if len(data) == 2:
            self.pending[sender].there = True
            self._admit_if_complete(sender, self.pending[sender])
        elif self.callback is not None:
            self._ask_game(self.callback, sender, data[2:])

    def _admit_if_complete(self, peer_id: int, pending: _Pending) -> None:
        if pending.here and pending.there:
            del self.pending[peer_id]
            self._host._admit(peer_id)

    def _ask_game(self, callback: AuthCallback, sender: int, data: bytes) -> None:
        try:
            callback(sender, data)
        except Exception:
            report(logger, "auth_callback raised, for peer %s", sender)
