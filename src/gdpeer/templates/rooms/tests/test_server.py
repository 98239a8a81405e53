from collections.abc import Callable

from gdpeer import rpc
from gdpeer.testing import MemoryHall

from server import Arena, Main


class Guest(Main):
    """The player's side, which notes what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    @rpc("authority", "reliable")
    def hear(self, sender: int, text: str) -> None:
        self.heard.append(text)


def test_the_players_of_a_room_hear_each_other_and_nobody_else(gdpeer_hall: Callable[..., MemoryHall]) -> None:
    hall = gdpeer_hall([Arena])
    one, other = hall.create("arena"), hall.create("arena")
    guests = [Guest() for _ in range(3)]
    for guest, room in zip(guests, (one, one, other), strict=True):
        hall.join(room, guest)
    guests[0].say.rpc_id(1, "Hello!\n")
    hall.run()
    assert ["Hello!" in guest.heard for guest in guests] == [True, True, False]


def test_a_room_says_who_comes_and_goes(gdpeer_hall: Callable[..., MemoryHall]) -> None:
    hall = gdpeer_hall([Arena])
    room, ann = hall.create("arena"), Guest()
    hall.join(room, ann)
    bob = hall.join(room, Guest())
    hall.run()
    assert f"Player {bob.peer_id} is here" in ann.heard
    bob.leave()
    hall.run()
    assert f"Player {bob.peer_id} leaves" in ann.heard
