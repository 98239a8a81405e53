"""Sessions and calls on every backend, to a server that has the nodes of the fixture: in Python, or a real Godot 4."""

from __future__ import annotations

from typing import Any

from gdpeer import (
    OK,
    Color,
    NodePath,
    PackedByteArray,
    PackedFloat32Array,
    Quaternion,
    Rect2,
    SceneTree,
    StringName,
    Transform3D,
    Vector2,
    Vector3i,
    WebSocketMultiplayerPeer,
)
from tests.backends.lab import Lab
from tests.support.mp_nodes import Child, Main

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1 << 40,
    0.5,
    "grüß dich",
    StringName("name"),
    NodePath("/root/Main:position"),
    Vector2(1.5, -2),
    Vector3i(1, 2, 3),
    Rect2(Vector2(1, 2), Vector2(3, 4)),
    Color(1, 0.5, 0, 1),
    Quaternion(0, 0, 0, 1),
    Transform3D(),
    [1, "two", [3.0]],
    {"key": Vector2(1, 2), 3: None},
    PackedByteArray(b"\0\1\2"),
    PackedFloat32Array([0.5, 0.25]),
    "x" * 20_000,
)


class _Side:
    """A client with the fixture's nodes."""

    def __init__(self) -> None:
        self.tree = SceneTree()
        self.main, self.child = Main("Main"), Child("Child")
        self.main.add_child(self.child)
        self.tree.root.add_child(self.main)
        self.peer = WebSocketMultiplayerPeer()
        self.told: list[Any] = []
        api = self.tree.multiplayer
        api.connected_to_server.connect(lambda: self.told.append("connected"))
        api.server_disconnected.connect(lambda: self.told.append("server gone"))
        api.connection_failed.connect(lambda: self.told.append("failed"))
        api.peer_packet.connect(lambda peer_id, data: self.told.append((peer_id, data)))

    def poll(self) -> None:
        self.tree.poll()

    async def join(self, lab: Lab) -> _Side:
        assert self.peer.create_client(lab.base) is OK
        self.tree.multiplayer.multiplayer_peer = self.peer
        await lab.until(lambda: self.told, self)
        assert self.told == ["connected"], self.peer.get_close_cause()
        self.told.clear()
        return self

    @property
    def id(self) -> int:
        return self.tree.multiplayer.get_unique_id()

    async def leave(self, lab: Lab) -> None:
        self.peer.close()
        await lab.frames(0.05, self)


async def joining(lab: Lab) -> None:
    side = await _Side().join(lab)
    assert side.id > 1
    assert 1 in side.tree.multiplayer.get_peers()
    assert side.tree.multiplayer.is_server() is False
    await side.leave(lab)


async def calls_and_their_answers(lab: Lab) -> None:
    side = await _Side().join(lab)
    for value in VALUES:
        side.main.calls.clear()
        assert side.main.echo.rpc_id(1, value) is OK
        await lab.until(lambda: side.main.calls, side)
        [(sender, method, [answer])] = side.main.calls
        assert (sender, method) == (1, "echoed")
        assert answer == value
        assert type(answer) is type(value)
    await side.leave(lab)


async def many_calls_in_order(lab: Lab) -> None:
    side = await _Side().join(lab)
    for number in range(300):
        assert side.main.echo.rpc_id(1, number) is OK
    await lab.until(lambda: len(side.main.calls) == 300, side)
    assert [arguments for _, _, arguments in side.main.calls] == [[number] for number in range(300)]
    await side.leave(lab)


async def calls_of_another_client(lab: Lab) -> None:
    one, two = await _Side().join(lab), await _Side().join(lab)
    await lab.until(lambda: two.id in one.tree.multiplayer.get_peers(), one, two)
    for text in ("first", "second"):  # the first carries the path, the second may have a number for it
        assert one.child.poke.rpc_id(two.id, text) is OK
        await lab.until(lambda text=text: (one.id, "poke", [text]) in two.child.calls, one, two)  # type: ignore[misc]
    assert one.tree.multiplayer.send_bytes(b"raw", two.id) is OK
    await lab.until(lambda: (one.id, b"raw") in two.told, one, two)
    await one.leave(lab)
    await lab.until(lambda: one.id not in two.tree.multiplayer.get_peers(), two)
    await two.leave(lab)


async def a_session_again(lab: Lab) -> None:
    side = _Side()
    for _ in range(2):
        await side.join(lab)
        assert side.main.echo.rpc_id(1, "again") is OK
        await lab.until(lambda: (1, "echoed", ["again"]) in side.main.calls, side)
        side.main.calls.clear()
        await side.leave(lab)
        side.tree.multiplayer.multiplayer_peer = None
        side.told.clear()
        side.peer = WebSocketMultiplayerPeer()
