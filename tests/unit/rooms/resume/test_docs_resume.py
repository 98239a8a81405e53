"""The room of docs/resume.md, as it stands there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gdpeer import Node, rpc
from tests.support.missing import ROOT
from tests.unit.rooms.worlds import Player, World

PAGE = (ROOT / "docs" / "resume.md").read_text(encoding="utf-8")


class Shown(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.scores: list[int] = []

    @rpc("any_peer")
    def leave(self) -> None:
        """Runs on the server."""

    @rpc
    def show(self, score: int) -> None:
        self.scores.append(score)


def shown(player: Player) -> list[int]:
    player.tree.root.remove_child(player.main)
    node = Shown()
    player.tree.root.add_child(node)
    return node.scores


def test_the_room_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(compile(block, "resume.md", "exec"), namespace)
    namespace["hall"].close()
    world = World(namespace["Arena"])
    room = world.make()
    first = Player(world, f"/room/{room.code}?session={'a' * 22}")
    scores = shown(first)
    world.run()
    assert scores == [0]
    room.main.score = 5
    peer_id = first.id
    first.pull()
    assert capsys.readouterr().out == f"{peer_id} has lost the connection\n"
    again = Player(world, first.target)
    scores = shown(again)
    world.run()
    assert scores == [5]
    assert again.id == peer_id
    node: Any = again.tree.root.get_node("Main")
    node.leave.rpc_id(1)
    world.run()
    assert not room.places
    world.hall.close()
