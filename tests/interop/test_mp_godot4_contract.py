"""Which methods two sides must agree on: a real Godot 4 says the checksums of `tests/support/contract_nodes.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer import Node, SceneTree, rpc
from gdpeer.multiplayer.wire.godot4 import SimplifyPath, parse
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import RecordingPeer
from tests.support.contract_nodes import CASES, CHECKSUMS, heard
from tests.support.engines import Engine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

PROJECT = Path(__file__).parent / "contract_godot4"


class Nameless(Node):
    """A node that the engine named."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: list[str] = []

    @rpc("any_peer")
    def poke(self, text: str) -> None:
        self.heard.append(text)
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), f"hello {self.name}")

    @rpc("any_peer")
    def answer(self, text: str) -> None: ...


def test_the_engine_says_the_same() -> None:
    tree, peer = SceneTree(), RecordingPeer()
    main = Node("Main")
    tree.root.add_child(main)
    for name, (kind, _, _) in CASES.items():
        main.add_child(kind(name))
    assert not peer.create_server(0, "127.0.0.1")
    tree.multiplayer.multiplayer_peer = peer
    heard.clear()
    with peer, Engine("4", PROJECT, "main.tscn", f"--url=ws://127.0.0.1:{peer.get_local_port()}") as engine:
        until(lambda: len(engine.all("nameless")) == 2)
        nameless = [Nameless(event["name"]) for event in engine.all("nameless")]
        for node in nameless:
            main.add_child(node)
        until(lambda: len(engine.all("answer")) == 2 and len(heard) == 6, tree)
        packets = [parse(packet) for _, packet in peer.received]
        told = {one.path.removeprefix("Main/"): one.checksum for one in packets if isinstance(one, SimplifyPath)}
        assert [one.name[0] for one in nameless] == ["@", "@"]
        assert [one.heard for one in nameless] == [[f"from {one.name}"] for one in nameless]
        assert {event["text"] for event in engine.all("answer")} == {f"hello {one.name}" for one in nameless}
        assert {name: told[name] for name in CHECKSUMS} == CHECKSUMS
        assert sorted(heard) == sorted((name, len(name)) for name in CASES["Strange"][1])
        assert set(tree.multiplayer.refused) == {"not allowed"}  # a client called methods of the authority
        peer.close()
        assert engine.wait() == 0
