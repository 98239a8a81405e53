"""A tunnel whose line is bad: delay, jitter, a rate, stalls, cuts, and losses where a game expects them.

A WebSocket goes over TCP, so what is late is late for all that follows: the order within a direction stays, and nothing
is lost unless it is asked for by name.

Layer: `inspection`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from random import Random

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import Direction, End, Item, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.tunnel import Event, Line, Opened, Tunnel
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["BadTunnel", "Conditions"]

SYNC = "sync"
"""What Godot 4 itself sends as unreliable: the properties that a MultiplayerSynchronizer sends always."""

MOST_OVERHEAD = 14
"""Bytes of a frame's head, which a rate counts as well."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is wrong with the line, each way by itself; times in seconds.

    Attributes:
        delay: of each message.
        jitter: the delay is more or less by up to so much.
        rate: bits a second; 0.0: any number.
        stall: nothing passes for so long.
        stall_every: so often, counted from the begin of the tunnel; 0.0: never.
        cut_after: connections break after so long; 0.0: never.
        loss: the part of unreliable messages that is lost, 0 to 1.
        unreliable: globs for `PATH:METHOD`, a method or a command: which messages are unreliable.
    """

    delay: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    stall: float = 0.0
    stall_every: float = 0.0
    cut_after: float = 0.0
    loss: float = 0.0
    unreliable: tuple[str, ...] = (SYNC,)


class Lane:
    """One direction of one connection.

    Args:
        conditions: of the line.
        random: for the jitter.
    """

    def __init__(self, conditions: Conditions, random: Random) -> None:
        self._conditions = conditions
        self._random = random
        self._free_at = 0.0
        self._last = 0.0

    def due(self, size: int, now: float) -> float:
        """When something arrives that is sent now.

        Args:
            size: bytes.
            now: seconds since the tunnel began; so is what is returned.
        """
        conditions = self._conditions
        self._free_at = max(now, self._free_at)
        if conditions.rate:
            self._free_at += (size + MOST_OVERHEAD) * 8 / conditions.rate
        late = conditions.delay + conditions.jitter * self._random.uniform(-1.0, 1.0)
        when = self._free_at + max(0.0, late)
        self._last = max(self._last, after_stall(when, conditions))
        return self._last


def after_stall(when: float, conditions: Conditions) -> float:
    """When something arrives that would arrive at `when`: the first stall begins after one `stall_every`."""
    every = conditions.stall_every
    if not every or when < every:
        return when
    into = when % every
    return when - into + conditions.stall if into < conditions.stall else when


class BadTunnel(Tunnel):
    """The tunnel.

    Args:
        to: see `Tunnel`.
        tls: likewise.
        conditions: of the line.
        dialect: of the traffic, for the losses.
        names: of methods, likewise.
        seed: of everything that happens by chance: the same messages at the same times meet the same.
        clock: tells the time.

    Attributes:
        lost: how many messages, by what they were.
    """

    def __init__(
        self,
        to: str,
        tls: TLSOptions | None,
        conditions: Conditions,
        dialect: str = "auto",
        names: MethodNames | None = None,
        seed: int | None = None,
        clock: Clock = MONOTONIC,
    ) -> None:
        super().__init__(to, tls, clock)
        self.lost: Counter[str] = Counter()
        self._conditions = conditions
        self._random = Random(seed)
        self._lanes: defaultdict[tuple[int, Direction], Lane] = defaultdict(lambda: Lane(conditions, self._random))
        self._decoders: defaultdict[int, Decoder] = defaultdict(lambda: Decoder(dialect, names or MethodNames()))

    def due(self, line: int, direction: Direction, item: Item) -> float | None:
        """When something may go on; None: it is lost."""
        if isinstance(item, Message) and self._conditions.loss and self._is_lost(line, direction, item):
            return None
        size = 0 if isinstance(item, End) else len(item.data)
        now = self.time()
        return self.clock.now() + self._lanes[line, direction].due(size, now) - now

    def _is_lost(self, line: int, direction: Direction, message: Message) -> bool:
        decoded = self._decoders[line].decode(direction, message)
        if not decoded.is_like(self._conditions.unreliable) or self._random.random() >= self._conditions.loss:
            return False
        self.lost[decoded.label] += 1
        return True

    def forget(self, line: Line) -> None:
        """Both ends have gone."""
        super().forget(line)
        self._decoders.pop(line.number, None)
        for direction in Direction:
            self._lanes.pop((line.number, direction), None)

    def tell(self, event: Event) -> None:
        """Something happened."""
        super().tell(event)
        line = event.line
        if isinstance(event, Opened) and self._conditions.cut_after:
            self.poller.call_at(self.clock.now() + self._conditions.cut_after, lambda: self.cut(line))
