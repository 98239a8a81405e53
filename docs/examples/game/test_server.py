from server import BOARD, SPEED, Main

from gdpeer import LoopbackMultiplayerPeer, SceneTree, Vector2


class Guest(Main):
    """A player's side. What it overrides can be called from elsewhere as before."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def add_player(self, peer_id, player_name, where, score):
        self.heard.append(f"{player_name} is here")

    def set_score(self, peer_id, score):
        self.heard.append(f"score {score}")

    def put_back(self, where):
        self.heard.append("put back")

    def place_coin(self, where):
        pass

    def say(self, text):
        self.heard.append(text)


def start(peer, main):
    tree = SceneTree()
    tree.multiplayer.multiplayer_peer = peer
    tree.root.add_child(main)
    return tree


class Table:
    """The server, and players who join it in memory."""

    def __init__(self):
        self.peer = LoopbackMultiplayerPeer()
        self.main = Main()
        self.api = start(self.peer, self.main).multiplayer
        self.api.peer_connected.connect(self.main.welcome)
        self.api.peer_disconnected.connect(self.main.leave)
        self.trees = [self.main.get_tree()]

    def seat(self, name):
        guest = Guest()
        self.trees.append(start(self.peer.join(), guest))
        self.run()
        guest.join.rpc_id(1, name)
        self.run()
        return guest

    def run(self):
        for _ in range(3):  # there, back, and once more
            for tree in self.trees:
                tree.poll()


def test_they_see_each_other():
    table = Table()
    ann, bob = table.seat("Ann"), table.seat("Bob")
    assert ann.heard == ["Ann is here", "Ann joins", "Bob is here", "Bob joins"]
    assert bob.heard == ["Ann is here", "Bob is here", "Bob joins"]


def test_who_is_at_the_coin_gets_it():
    table = Table()
    ann = table.seat("Ann")
    (player,) = table.main.players.values()
    player.where = Vector2(100, 100)
    table.main.coin = Vector2(200, 100)
    ann.move_to.rpc_id(1, Vector2(190, 100))
    table.run()
    table.main.tick()
    table.run()
    assert player.score == 1
    assert ann.heard[-1] == "score 1"


def test_nobody_jumps():
    table = Table()
    ann = table.seat("Ann")
    (player,) = table.main.players.values()
    player.where = start = BOARD / 2
    for place in (start + Vector2(SPEED + 1, 0), Vector2(-1, 0), Vector2(float("nan"), 0)):
        ann.move_to.rpc_id(1, place)
        table.run()
        assert player.where == start
        assert ann.heard.pop() == "put back"


def test_only_the_server_counts():
    table = Table()
    ann = table.seat("Ann")
    ann.set_score.rpc_id(1, 2, 1000)
    table.run()
    assert table.api.refused == {"not allowed": 1}
    assert [player.score for player in table.main.players.values()] == [0]


def test_who_leaves_is_gone():
    table = Table()
    ann, bob = table.seat("Ann"), table.seat("Bob")
    bob.multiplayer.multiplayer_peer.close()
    table.run()
    assert ann.heard[-1] == "Bob leaves"
    assert len(table.main.players) == 1
