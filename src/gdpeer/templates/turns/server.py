"""The server of noughts and crosses: it owns the board, and takes only moves of the player whose turn it is."""

from gdpeer import Node, SceneTree, rpc

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
EMPTY = 0


class Main(Node):
    """The node /root/Main. The game's scene has the same methods."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.players: list[int] = []  # the first has noughts, the second crosses; others watch
        self.board = [EMPTY] * 9  # the ids of the players who have the cells
        self.turn = EMPTY  # the id of the player whose turn it is

    def _ready(self) -> None:
        self.multiplayer.peer_connected.connect(self.welcome)
        self.multiplayer.peer_disconnected.connect(self.leave)

    # --- Methods that the games call here

    @rpc("any_peer", "reliable")
    def play(self, cell: int) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        if sender != self.turn or not 0 <= cell < 9 or self.board[cell] != EMPTY:
            self.show_board.rpc_id(sender, self.board, self.turn, "You cannot do that now")
            return
        self.board[cell] = sender
        if self.has_won(sender):
            self.end(f"Player {self.players.index(sender) + 1} wins")
        elif EMPTY not in self.board:
            self.end("Nobody wins")
        else:
            self.turn = next(player for player in self.players if player != sender)
            self.tell("")

    @rpc("any_peer", "reliable")
    def again(self) -> None:
        if self.turn == EMPTY and self.multiplayer.get_remote_sender_id() in self.players:
            self.begin()

    # --- The method that the server calls in the games

    @rpc("authority", "reliable")
    def show_board(self, board: list[int], turn: int, text: str) -> None: ...

    # --- The game

    def welcome(self, peer_id: int) -> None:
        if len(self.players) < 2:
            self.players.append(peer_id)
        if len(self.players) == 2 and peer_id in self.players:
            self.begin()
        else:
            self.show_board.rpc_id(peer_id, self.board, self.turn, "Wait for another player")

    def leave(self, peer_id: int) -> None:
        if peer_id in self.players:
            self.players.remove(peer_id)
            self.end("The other player has left")
            waiting = [other for other in self.multiplayer.get_peers() if other not in self.players]
            if waiting:
                self.welcome(waiting[0])

    def begin(self) -> None:
        self.board = [EMPTY] * 9
        self.turn = self.players[0]
        self.tell("")

    def end(self, text: str) -> None:
        self.turn = EMPTY
        self.tell(text)

    def tell(self, text: str) -> None:
        self.show_board.rpc(self.board, self.turn, text)

    def has_won(self, player: int) -> bool:
        return any(all(self.board[cell] == player for cell in line) for line in LINES)


def make_tree() -> SceneTree:
    tree = SceneTree()
    tree.root.add_child(Main())
    return tree


def tick(tree: SceneTree, delta: float) -> None:
    """Nothing happens in this game unless a player moves."""
