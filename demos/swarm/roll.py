"""A bot for `gdpeer swarm` that plays `gdpeer roll`: it joins, sends its name, and rolls in its turn.

gdpeer roll --dedicated
gdpeer swarm demos/swarm/roll.py --url ws://localhost:8080 --protocol ludus --clients 100
"""

import asyncio

from gdpeer import Node, SceneTree
from gdpeer.demos.roll.game import Game, Player


async def bot(tree: SceneTree, index: int) -> None:
    box, game = Node("VBoxContainer"), Game()
    panel = Node("Panel")
    tree.root.add_child(panel)
    panel.add_child(box)
    box.add_child(game)

    def act(player: Player) -> None:
        if game.is_own_turn:
            game.request_action.rpc_id(1, "roll")

    game.turn_changed.connect(act)
    await tree.multiplayer.connected_to_server
    game.set_player_name.rpc_id(1, f"bot {index}")
    await asyncio.sleep(20)
