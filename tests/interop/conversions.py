"""Asks a real Godot 4 which values it takes for a parameter of which type, and what it makes of them.

    python -m tests.interop.conversions > tests/golden/conversions_godot4.json

Python is the server, and calls a method of the engine's with each value over the wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gdpeer import Node, SceneTree, WebSocketMultiplayerPeer, rpc
from tests.interop.echo_rooms import until
from tests.support.conversions import TYPES, VALUES
from tests.support.engines import Engine

PROJECT = Path(__file__).parent / "conversions_godot4"

Main: Any = type(
    "Main",
    (Node,),
    {f"t{index}": rpc(lambda self, index, value: None) for index in range(len(TYPES))}
    | {"finish": rpc(lambda self: None)},
)
"""Declares what `main.gd` has."""


def record() -> dict[str, Any]:
    """What the engine says: for each type the values that it takes, each with what `var_to_str` makes of it there."""

    def call_all(main: Any) -> None:
        main.multiplayer.typed_containers = True
        for index in range(len(TYPES)):
            for number, value in enumerate(VALUES.values()):
                assert not main.rpc(f"t{index}", number, value)

    engine, events = run(Main(), call_all)
    taken: dict[str, dict[str, str]] = {name: {} for name in TYPES}
    names = list(VALUES)
    for event in events:
        taken[event["type"]][names[event["index"]]] = event["text"]
    return {"engine": engine, "taken": taken}


def run(main: Any, call: Callable[[Any], None]) -> tuple[str, list[dict[str, Any]]]:
    """Have `call` call methods of `main`; the engine's version, and the calls that it made."""
    tree, peer = SceneTree(), WebSocketMultiplayerPeer()
    tree.root.add_child(main)
    peer.outbound_buffer_size = 1 << 22
    peer.max_queued_packets = 1 << 16
    assert not peer.create_server(0, "127.0.0.1")
    tree.multiplayer.multiplayer_peer = peer
    with peer, Engine("4", PROJECT, "main.tscn", f"--url=ws://127.0.0.1:{peer.get_local_port()}") as engine:
        until(tree.multiplayer.get_peers, tree)
        call(main)
        assert not main.rpc("finish")
        finished = until(lambda: engine.find("finished"), tree)
        peer.close()
        engine.wait()
        return finished["engine"], engine.all("took")


if __name__ == "__main__":
    print(json.dumps(record(), indent=1, ensure_ascii=False))
