"""Rooms for up to four players: gdpeer serve server:Arena"""

from gdpeer import Node, SceneTree, rpc
from gdpeer.rooms import LeaveReason, Place, Room

LONGEST_TEXT = 500


class Main(Node):
    """The node /root/Main of each room. The game's scene has the same methods."""

    def __init__(self) -> None:
        super().__init__("Main")

    @rpc("any_peer", "reliable")
    def say(self, text: str) -> None:
        words = "".join(filter(str.isprintable, text[:LONGEST_TEXT])).strip()
        if words:
            self.hear.rpc(self.multiplayer.get_remote_sender_id(), words)

    @rpc("authority", "reliable")
    def hear(self, sender: int, text: str) -> None: ...


class Arena(Room):
    """One game. Each room has a tree of its own."""

    kind = "arena"
    max_peers = 4

    def on_create(self, options: object) -> None:
        self.tree.root.add_child(Main())

    def on_join(self, place: Place) -> None:
        self.tell(f"Player {place.peer_id} is here")

    def on_leave(self, place: Place, why: LeaveReason) -> None:
        self.tell(f"Player {place.peer_id} leaves")

    def tell(self, text: str) -> None:
        main = self.tree.root.get_node("Main")
        assert isinstance(main, Main)
        main.hear.rpc(0, text)


def make_tree() -> SceneTree:
    """Returns the nodes of a room, for `gdpeer contract`."""
    tree = SceneTree()
    tree.root.add_child(Main())
    return tree
