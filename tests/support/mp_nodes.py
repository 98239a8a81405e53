"""The nodes of the engine fixtures, in Python. The module needs only gdpeer, because pages load it too."""

from __future__ import annotations

from typing import Any

from gdpeer import Node, Vector2, rpc

__all__ = ["Child", "Main", "Noting"]


class Noting(Node):
    """A node that records the calls it receives, as (sender, method, arguments)."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.calls: list[tuple[int, str, list[Any]]] = []

    def note(self, method: str, *arguments: Any) -> int:
        sender = self.multiplayer.get_remote_sender_id()
        self.calls.append((sender, method, list(arguments)))
        return sender


class Main(Noting):
    """The fixture's `Main`."""

    @rpc("any_peer", "reliable")
    def echo(self, value: Any) -> None:
        self.echoed.rpc_id(self.note("echo", value), value)

    @rpc("any_peer", "reliable")
    def echoed(self, value: Any) -> None:
        self.note("echoed", value)

    @rpc("any_peer", "call_local", "reliable")
    def say_local(self, text: str) -> None:
        self.note("say_local", text)

    @rpc("any_peer", "unreliable")
    def loose(self, number: int) -> None:
        self.note("loose", number)

    @rpc("any_peer", "unreliable_ordered", 1)
    def ordered(self, number: int) -> None:
        self.note("ordered", number)

    @rpc("any_peer", "reliable", 2)
    def channel_two(self, text: str) -> None:
        self.note("channel_two", text)

    @rpc("any_peer", "reliable")
    def many(self, a: int, b: str, c: Vector2, d: list[Any], e: dict[Any, Any]) -> None:
        self.note("many", a, b, c, d, e)

    @rpc("any_peer", "reliable")
    def nothing(self) -> None:
        self.note("nothing")

    @rpc("any_peer", "reliable")
    def bytes_only(self, data: bytes) -> None:
        self.note("bytes_only", data)

    @rpc("any_peer", "reliable")
    def only_server_has(self, text: str) -> None:
        self.note("only_server_has", text)

    @rpc("authority", "reliable")
    def from_authority(self, text: str) -> None:
        self.note("from_authority", text)

    @rpc("authority", "call_local", "unreliable")
    def from_authority_local(self, text: str) -> None:
        self.note("from_authority_local", text)


class Child(Noting):
    """The fixture's `Main/Child`."""

    @rpc("any_peer", "reliable")
    def poke(self, text: str) -> None:
        self.note("poke", text)
