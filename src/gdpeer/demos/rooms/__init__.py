"""The arena and the roll game as rooms of one server, with a lobby page where players open and join rooms.

    gdpeer serve gdpeer.demos.rooms:hall

`make rooms` starts it. The games are those of `gdpeer.demos.arena` and `gdpeer.demos.roll`; only who makes their trees
differs.

Layer: `demos`.
"""

from gdpeer.demos.rooms.games import ArenaRoom, RollRoom
from gdpeer.demos.rooms.lobby import make_hall

__all__ = ["ArenaRoom", "RollRoom", "hall", "make_hall"]

hall = make_hall()
"""The hall of `gdpeer serve gdpeer.demos.rooms:hall`."""
