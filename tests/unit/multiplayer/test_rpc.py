"""`@rpc`: words, tables, numbers, checksum, inheritance."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.multiplayer.api import RPCMode
from gdpeer.multiplayer.peer import TransferMode
from gdpeer.multiplayer.rpc import OWN_ENTRY, RpcConfig, RpcMethod, rpc
from gdpeer.multiplayer.tree import Node


class Base(Node):
    @rpc("any_peer")
    def zeta(self, a: int, b: int = 2) -> str:
        """Says something."""
        return f"base {a} {b}"

    @rpc
    def Big(self) -> None: ...

    def plain(self, *arguments: Any) -> tuple[Any, ...]:
        return arguments


class Derived(Base):
    @rpc("authority", "call_local", "reliable", 3)
    def _under(self) -> None: ...

    @rpc()
    def noarg(self) -> None: ...

    def zeta(self, a: int, b: int = 2) -> str:  # type: ignore[override]
        return "derived " + super().zeta(a, b)


def test_words() -> None:
    assert RpcConfig.of_words(()) == RpcConfig(RPCMode.AUTHORITY, False, TransferMode.UNRELIABLE, 0)
    assert RpcConfig.of_words(("call_local", "any_peer", 2, "unreliable_ordered")) == RpcConfig(
        RPCMode.ANY_PEER, True, TransferMode.UNRELIABLE_ORDERED, 2
    )
    assert Derived._under.config == RpcConfig(RPCMode.AUTHORITY, True, TransferMode.RELIABLE, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("anybody",), "does not know 'anybody'; it knows any_peer, authority"),
        ((True,), "does not know True"),
        (("any_peer", "authority"), "says rpc_mode twice"),
        ((1, 2), "says channel twice"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rpc(*words)


def test_only_methods_can_be_decorated() -> None:
    with pytest.raises(TypeError, match="belongs on a method"):
        rpc(print)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot be async"):

        @rpc("any_peer")
        async def later(self: Any) -> None: ...


def test_numbers_follow_the_sorted_names_of_all_classes() -> None:
    table = Derived()._methods()
    assert table.names == ["Big", "_under", "noarg", "zeta"]
    assert [table.by_number[number].name for number in range(4)] == table.names
    assert table.checksum == "c77c16088c775b815b817c9b402d1d31"  # reference godot4-wire section D.3
    assert Node()._methods().checksum == "d41d8cd98f00b204e9800998ecf8427e"
    assert Derived()._methods() is Derived()._methods()


def test_an_override_without_a_decorator_keeps_the_configuration() -> None:
    assert isinstance(Derived.zeta, RpcMethod)
    assert Derived.zeta.config.rpc_mode == RPCMode.ANY_PEER
    assert Derived().zeta(1) == "derived base 1 2"
    assert Base.zeta(Base(), 1) == "base 1 2"


def test_a_method_is_still_a_method() -> None:
    node = Base()
    assert Base.zeta.__doc__ == "Says something."
    assert Base.zeta.__name__ == "zeta"
    assert node.zeta == node.zeta
    assert node.zeta != Base().zeta
    assert hash(node.zeta) == hash(node.zeta)
    assert repr(node.zeta) == "<rpc Base.zeta of <Base 'Base'>>"


def test_names_become_places(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(Node, "rpc_id", lambda self, *arguments: calls.append(arguments))
    node = Base()
    node.zeta.rpc(1)
    node.zeta.rpc_id(7, 1, b=3)
    node.zeta.rpc(b=3, a=1)
    node.rpc("zeta", 5)
    assert calls == [(0, "zeta", 1), (7, "zeta", 1, 3), (0, "zeta", 1, 3), (0, "zeta", 5)]


def test_keyword_only_arguments_do_not_travel() -> None:
    class Strict(Node):
        @rpc
        def say(self, *, loud: bool = False) -> None: ...

    with pytest.raises(TypeError, match="cannot be sent: loud"):
        Strict().say.rpc(loud=True)


def test_a_node_of_its_own_entries() -> None:
    node = Derived()
    node.rpc_config("plain", {"rpc_mode": 1, "call_local": True})
    node.rpc_config("Big", RpcConfig(RPCMode.DISABLED))
    table = node._methods()
    assert table.names == ["Big", "plain", "Big", "_under", "noarg", "zeta"]
    assert list(table.by_number) == [OWN_ENTRY, OWN_ENTRY | 1, 0, 1, 2, 3]
    assert table.by_number[OWN_ENTRY].config.rpc_mode == RPCMode.DISABLED
    assert table.by_name["plain"].config.call_local
    assert table.by_name["plain"].function(node, 1, 2) == (1, 2)
    assert table.by_name["Big"].number == 0  # the class's entry comes second and wins, as in the engine
    node.rpc_config("plain", None)
    node.rpc_config("Big", None)
    assert node._methods() is Derived()._methods()


def test_a_callable_that_was_put_on_the_node() -> None:
    node = Node()
    node.extra = lambda *arguments: arguments  # type: ignore[attr-defined]
    node.rpc_config("extra", {})
    method = node._methods().by_name["extra"]
    assert method.function(node, 1) == (1,)
    assert list(method.checker.check([1, 2])) == [1, 2]


def test_a_configuration_that_means_nothing_is_refused() -> None:
    node = Base()
    with pytest.raises(ValueError, match="has no method 'nothing'"):
        node.rpc_config("nothing", {})
    with pytest.raises(ValueError, match="unknown in an rpc configuration: 'mode'"):
        node.rpc_config("plain", {"mode": 1})
    with pytest.raises(ValueError, match="7 is not a valid RPCMode"):
        node.rpc_config("plain", {"rpc_mode": 7})
