"""`InMemory`: the base class of servers in memory, whose players and clock a test moves.

Layer: `testing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

from gdpeer.attributes import Guarded
from gdpeer.clock import ManualClock
from gdpeer.fronts import not_open_error
from gdpeer.testing.player import Player

__all__ = ["InMemory"]

STEP = 1 / 60


class InMemory(Guarded):
    """A server in memory with a clock that stands still. Use it as a context manager, or call `close` at the end.

    Args:
        clock: of the server and its players.

    Attributes:
        clock: as given.
        players: that joined.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("clock", "players")

    def __init__(self, clock: ManualClock) -> None:
        self.clock: ManualClock = clock
        self.players: list[Player] = []

    def _join(self, player: Player, wait: bool) -> Player:
        """Connects a player; waits until the connection is open if `wait` is True."""
        self.players.append(player)
        player.connect()
        if wait:
            self.run_until(lambda: player.is_connected or player.is_over)
            if player.is_over:
                self.players.remove(player)
                raise not_open_error(player.close_cause)
        return player

    def run(self, seconds: float = 0.1) -> None:
        """Lets time pass, in steps of a sixtieth of a second: the server and all players are polled in each step."""
        for _ in range(max(1, round(seconds / STEP))):
            self.clock.advance(STEP)
            self.poll()

    def run_until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Lets time pass until a condition holds.

        Raises:
            AssertionError: the condition does not hold after `seconds` of the clock.
        """
        end = self.clock.now() + seconds
        while not condition():
            if self.clock.now() >= end:
                raise AssertionError(f"the condition does not hold after {seconds:g} s of the test's clock")
            self.run(STEP)

    def poll(self) -> None:
        """Polls the server and all players once; the clock stands still."""
        self._poll_server()
        for player in self.players:
            player.poll()

    def _poll_server(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Ends the server; all players are disconnected."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
