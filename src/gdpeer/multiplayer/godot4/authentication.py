"""Authenticates new peers before they are admitted.

A side with a callback keeps a new peer waiting, and accepts only AUTH packets from it. An AUTH packet without data says
that its sender has completed. A peer is admitted when both sides have completed.

Layer: `multiplayer`; sends and admits through its host. Source: reference godot4-wire section C.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
"""Packets that a waiting peer may send at once: a password needs one packet, a challenge two."""
PACKETS_A_SECOND = 16.0
"""Packets that it may send per second after these: without `auth_timeout` a peer may wait for long."""


@dataclass(slots=True)
class _Pending:
    """The state of one waiting peer."""

    deadline: float  # when the peer's time ends, in seconds of the clock
    packets: TokenBucket  # how many packets the peer may still send
    here: bool = False  # this side has completed
    there: bool = False  # the other side has completed


class Authentication:
    """Keeps the waiting peers of a `SceneMultiplayer`.

    Attributes:
        callback: called with (peer_id, data) for each AUTH packet with data. None admits every peer at once.
        timeout: the most seconds that a peer may wait. 0: no limit.
        pending: the waiting peers, by id.
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
        deadline = now + self.timeout if self.timeout else float("inf")
        self.pending[peer_id] = _Pending(deadline, TokenBucket(PACKETS_A_SECOND, PACKETS_AT_ONCE, now))

    def time_left(self) -> float:
        """Returns the seconds until the first deadline of a waiting peer; at least one peer must be waiting."""
        return max(0.0, min(one.deadline for one in self.pending.values()) - self._clock.now())

    def take_late_ones(self) -> list[int]:
        """Removes the peers whose deadline has passed, and returns their ids."""
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
        """Handles a packet of a waiting peer.

        Raises:
            PacketError: the packet is not AUTH.
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
            try:
                result: object = self.callback(sender, data[2:])
                if result is not None:
                    self._host.run_result("auth_callback", result)
            except Exception:
                report(logger, "auth_callback raised, for peer %s", sender)

    def _admit_if_complete(self, peer_id: int, pending: _Pending) -> None:
        if pending.here and pending.there:
            del self.pending[peer_id]
            self._host._admit(peer_id)
