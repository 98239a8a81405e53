"""The server of a game in real time: it moves the players, and replicates their positions to all games."""

from gdpeer import MultiplayerSpawner, Node, Scenes, SceneTree, Vector2, replicated, rpc

BOARD = Vector2(640, 480)
SPEED = 200.0  # pixels a second

scenes = Scenes()


@scenes.register("res://player.tscn")
class Player(Node):
    """A player: the root of the scene player.tscn. A synchronizer sends `position`."""

    position = replicated(Vector2())

    def __init__(self, name: str = "Player") -> None:
        super().__init__(name)
        self.direction = Vector2()


class Main(Node):
    """The node /root/Main. The game's scene has the same nodes below it, and the same methods."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.players = Node("Players")
        self.add_child(self.players)
        spawner = MultiplayerSpawner(name="Spawner")
        spawner.spawn_path = "../Players"
        spawner.add_spawnable_scene("res://player.tscn")
        self.add_child(spawner)

    def _ready(self) -> None:
        self.multiplayer.peer_connected.connect(self.welcome)
        self.multiplayer.peer_disconnected.connect(self.leave)

    @rpc("any_peer", "unreliable_ordered")
    def steer(self, direction: Vector2) -> None:
        player = self.player(self.multiplayer.get_remote_sender_id())
        if player is not None and direction.is_finite():
            player.direction = direction.limit_length(1.0)

    def welcome(self, peer_id: int) -> None:
        player = Player(str(peer_id))
        player.position = BOARD / 2
        self.players.add_child(player)

    def leave(self, peer_id: int) -> None:
        player = self.player(peer_id)
        if player is not None:
            player.queue_free()

    def player(self, peer_id: int) -> Player | None:
        found = self.players.get_node_or_null(str(peer_id))
        return found if isinstance(found, Player) else None

    def move(self, delta: float) -> None:
        for player in self.players.get_children():
            if isinstance(player, Player) and player.direction != Vector2():
                player.position = (player.position + player.direction * SPEED * delta).clamp(Vector2(), BOARD)


def make_tree() -> SceneTree:
    tree = SceneTree(scenes=scenes)
    tree.root.add_child(Main())
    return tree


def tick(tree: SceneTree, delta: float) -> None:
    """Moves everything by some seconds."""
    main = tree.root.get_node("Main")
    assert isinstance(main, Main)
    main.move(delta)
