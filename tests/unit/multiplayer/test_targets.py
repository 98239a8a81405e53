"""Who gets a call: the server alone, all, or all but one."""

from __future__ import annotations

import pytest

from gdpeer import LoopbackMultiplayerPeer, Node, SceneTree, rpc


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.heard = 0

    @rpc("any_peer")
    def hear(self) -> None:
        self.heard += 1


@pytest.mark.parametrize(("target", "heard"), [(1, [1, 0, 0]), (0, [1, 0, 1]), (-1, [0, 0, 1])])
def test_a_client_s_call_reaches_those_that_it_is_for(target: int, heard: list[int]) -> None:
    peer = LoopbackMultiplayerPeer()
    trees, mains = [SceneTree() for _ in range(3)], [Main() for _ in range(3)]
    for tree, main, end in zip(trees, mains, (peer, peer.join(), peer.join()), strict=True):
        tree.root.add_child(main)
        tree.multiplayer.multiplayer_peer = end
    for tree in trees * 4:
        tree.poll()
    mains[1].hear.rpc_id(target)
    for tree in trees * 4:
        tree.poll()
    assert [main.heard for main in mains] == heard
