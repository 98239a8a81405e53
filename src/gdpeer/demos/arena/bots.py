"""Bots for the arena: each is a client of its own, and runs to the nearest coin.

Layer: `demos`.
"""

from __future__ import annotations

import random

from gdpeer import Error, Vector2
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.demos.arena.guest import Guest
from gdpeer.demos.arena.world import SIZE

__all__ = ["Bot", "Bots"]

THINKING = 0.2
"""Seconds between two decisions of a bot."""


class Bot:
    """A player that steers itself.

    Args:
        guest: the bot's client.
        chance: decides where it goes while it sees no coin.
    """

    def __init__(self, guest: Guest, chance: random.Random) -> None:
        self.guest = guest
        self._chance = chance
        self._goal = self._somewhere()
        self._thinks_at = 0.0

    def poll(self, now: float) -> None:
        """Polls the client, and decides where to go when it is time."""
        self.guest.poll()
        if now >= self._thinks_at:
            self._thinks_at = now + THINKING * self._chance.uniform(0.75, 1.25)
            self._think()

    def _think(self) -> None:
        player = self.guest.player
        if player is None:
            return
        here = player.position
        coins = [coin.position for coin in self.guest.main.all_coins()]
        if here.distance_to(self._goal) < 50:
            self._goal = self._somewhere()
        goal = min(coins, key=here.distance_squared_to, default=self._goal)
        self.guest.steer(here.direction_to(goal))

    def _somewhere(self) -> Vector2:
        return Vector2(self._chance.uniform(0, SIZE), self._chance.uniform(0, SIZE))


class Bots:
    """Some bots in one arena.

    Args:
        count: how many.
        seed: makes their choices repeatable; None: new ones each time.
        clock: tells the time.
    """

    def __init__(self, count: int, seed: int | None = None, clock: Clock = MONOTONIC) -> None:
        self._clock = clock
        chance = random.Random(seed)
        self.bots = [
            Bot(Guest(f"Bot {number}", clock=clock), random.Random(chance.random())) for number in range(1, count + 1)
        ]

    def join(self, url: str) -> Error:
        """Has all bots join an arena.

        Returns:
            OK, or the first problem; see `Guest.join`.
        """
        for bot in self.bots:
            error = bot.guest.join(url)
            if error is not Error.OK:
                return error
        return Error.OK

    def poll(self) -> None:
        """Polls the networks of all bots."""
        now = self._clock.now()
        for bot in self.bots:
            bot.poll(now)

    @property
    def left(self) -> str:
        """Why all bots have left; "" while one is there, or there are none."""
        return self.bots[-1].guest.left if self.bots and all(bot.guest.left for bot in self.bots) else ""

    def leave(self, grace: float = 0.0) -> None:
        """Has all bots leave; each waits up to `grace` seconds for the server's answer."""
        for bot in self.bots:
            bot.guest.leave(grace)
