"""The server of a chat: it keeps the names of the people, and passes on what they say."""

from gdpeer import Node, SceneTree, rpc

LONGEST_NAME = 20
LONGEST_TEXT = 500


class Main(Node):
    """The node /root/Main. The game's scene has the same methods."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.names: dict[int, str] = {}

    def _ready(self) -> None:
        self.multiplayer.peer_disconnected.connect(self.leave)

    # --- Methods that the games call here

    @rpc("any_peer", "reliable")
    def enter(self, wanted: str) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        name = printable(wanted, LONGEST_NAME) or "Anonymous"
        others = {other for peer_id, other in self.names.items() if peer_id != sender}
        number = 2
        while name in others:
            name, number = f"{printable(wanted, LONGEST_NAME)} {number}", number + 1
        self.names[sender] = name
        self.hear.rpc("", f"{name} is here")

    @rpc("any_peer", "reliable")
    def say(self, text: str) -> None:
        name = self.names.get(self.multiplayer.get_remote_sender_id())
        text = printable(text, LONGEST_TEXT)
        if name and text:
            self.hear.rpc(name, text)

    # --- The method that the server calls in the games

    @rpc("authority", "reliable")
    def hear(self, name: str, text: str) -> None: ...

    def leave(self, peer_id: int) -> None:
        name = self.names.pop(peer_id, None)
        if name is not None:
            self.hear.rpc("", f"{name} leaves")


def printable(text: str, most: int) -> str:
    """Text of other people can hold anything: line ends, control characters, megabytes."""
    return "".join(filter(str.isprintable, text[:most])).strip()


def make_tree() -> SceneTree:
    tree = SceneTree()
    tree.root.add_child(Main())
    return tree


def tick(tree: SceneTree, delta: float) -> None:
    """Nothing happens in this game unless somebody says something."""
