"""A tunnel that imitates a bad network: delay, jitter, a limited rate, stalls, cuts and losses.

A WebSocket runs over TCP, so messages keep their order within a direction: a late message delays all that follow.
Only messages that `Conditions.unreliable` names can be lost.

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
"""The one command that Godot 4 itself sends as unreliable: properties that a MultiplayerSynchronizer always sends."""

MOST_OVERHEAD = 14
"""Bytes of the longest frame header; a rate counts these bytes for each message."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The faults of a bad network. They apply to each direction by itself; all times are in seconds.

    Attributes:
        delay: added to each message.
        jitter: the delay varies at random by up to this much, up or down.
        rate: the most bits per second; 0.0: unlimited.
        stall: how long nothing passes during a stall.
        stall_every: from the begin of one stall to the next; the first begins this long after the tunnel. 0.0: never.
        cut_after: age at which a connection breaks without a close frame; 0.0: never.
        loss: share of the unreliable messages that are lost, 0 to 1.
        unreliable: globs for `PATH:METHOD`, a method or a command. Messages that match count as unreliable.
    """

    delay: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    stall: float = 0.0
    stall_every: float = 0.0
    cut_after: float = 0.0
    loss: float = 0.0
    unreliable: tuple[str, ...] = (SYNC,)


class ArrivalTimes:
    """Computes when messages arrive, for one direction of one connection.

    Args:
        conditions: the faults to imitate.
        random: source of the jitter.
    """

    def __init__(self, conditions: Conditions, random: Random) -> None:
        self._conditions = conditions
        self._random = random
        self._free_at = 0.0
        self._last = 0.0

    def due(self, size: int, now: float) -> float:
        """Returns when a message of `size` bytes arrives that is sent now; never earlier than the message before.

        Both times are in seconds since the tunnel began.
        """
        conditions = self._conditions
        # A message occupies the line while it is sent, so a rate delays the next one too.
        self._free_at = max(now, self._free_at)
        if conditions.rate:
            self._free_at += (size + MOST_OVERHEAD) * 8 / conditions.rate
        late = conditions.delay + conditions.jitter * self._random.uniform(-1.0, 1.0)
        when = self._free_at + max(0.0, late)  # jitter may be larger than the delay
        # TCP keeps the order: jitter must not let a message overtake the one before.
        self._last = max(self._last, after_stall(when, conditions))
        return self._last


def after_stall(when: float, conditions: Conditions) -> float:
    """Moves an arrival time that falls into a stall to the end of the stall."""
    every = conditions.stall_every
    # Before the first stall the remainder below would find one at time 0.
    if not every or when < every:
        return when
    into = when % every
    return when - into + conditions.stall if into < conditions.stall else when


class BadTunnel(Tunnel):
    """A `Tunnel` that delays, drops and cuts as `Conditions` say.

    Args:
        to: the server's URL, as for `Tunnel`.
        tls: for `wss`, as for `Tunnel`.
        conditions: the faults to imitate.
        dialect: of the traffic, one of `decoding.DIALECTS`. Losses need it to recognise the messages.
        names: of methods. Losses need them where `conditions.unreliable` names a method of Godot 4.
        seed: of the random numbers: the same messages at the same times meet the same faults.
        clock: tells the time.

    Attributes:
        lost: the number of lost messages, by label (`PATH:METHOD` or command).
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
        self._arrivals: defaultdict[tuple[int, Direction], ArrivalTimes] = defaultdict(
            lambda: ArrivalTimes(conditions, self._random)
        )
        self._decoders: defaultdict[int, Decoder] = defaultdict(lambda: Decoder(dialect, names or MethodNames()))

    def due(self, line: int, direction: Direction, item: Item) -> float | None:
        """Returns when an item may go on, in seconds of the clock; None if it is lost."""
        if isinstance(item, Message) and self._conditions.loss and self._is_lost(line, direction, item):
            return None
        size = 0 if isinstance(item, End) else len(item.data)
        # Arrival times count from the begin of the tunnel, due times are those of the clock.
        now = self.time()
        return self.clock.now() + self._arrivals[line, direction].due(size, now) - now

    def _is_lost(self, line: int, direction: Direction, message: Message) -> bool:
        # Decode every message, also one that cannot be lost: later ones need its names of nodes.
        decoded = self._decoders[line].decode(direction, message)
        if not decoded.is_like(self._conditions.unreliable) or self._random.random() >= self._conditions.loss:
            return False
        self.lost[decoded.label] += 1
        return True

    def forget(self, line: Line) -> None:
        """Drops a line both of whose ends are closed, with its decoder and its arrival times."""
        super().forget(line)
        self._decoders.pop(line.number, None)
        for direction in Direction:
            self._arrivals.pop((line.number, direction), None)

    def add_event(self, event: Event) -> None:
        """Adds an event to those that `poll` returns, and plans the cut of a connection that opened."""
        super().add_event(event)
        line = event.line
        if isinstance(event, Opened) and self._conditions.cut_after:
            # By number, not by object: the line may be gone by then.
            self.poller.call_at(self.clock.now() + self._conditions.cut_after, lambda: self.cut(line))
