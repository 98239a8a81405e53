"""`@rpc`: words, tables, numbers, checksum, inheritance."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gdpeer.errors import Error
from gdpeer.multiplayer.api import RPCMode
from gdpeer.multiplayer.peer import TransferMode
from gdpeer.multiplayer.rpc.decorator import OWN_ENTRY, RpcConfig, RpcMethod, rpc
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.variant import NodePath

if TYPE_CHECKING:
    from nowhere import Unknown


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
    assert RpcConfig.of_words(()) == RpcConfig(RPCMode.AUTHORITY, False, TransferMode.RELIABLE, 0)
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


async def stream(self: Any) -> AsyncIterator[int]:
    yield 1


def steps(self: Any) -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "what"), [(stream, "stream is an async generator"), (steps, "steps is a generator")]
)
def test_a_method_that_does_nothing_when_it_is_called_is_refused(function: Any, what: str) -> None:
    with pytest.raises(TypeError, match=what):
        rpc("any_peer")(function)

    class Waiting(Node):
        method = function

    node = Waiting()
    node.here = functools.partial(function, node)  # type: ignore[attr-defined]
    for name in ("method", "here"):
        with pytest.raises(TypeError, match=what.partition(" is ")[2]):
            node.rpc_config(name, {"rpc_mode": 2})
    assert node._gdpeer_methods().names == []


def test_an_async_method_outside_of_asyncio_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    class Main(Node):
        @rpc("any_peer", "call_local")
        async def later(self) -> None:
            raise AssertionError("nobody runs this")

    tree = SceneTree()
    main = Main()
    tree.root.add_child(main)
    assert main.later.rpc_id(1) is Error.FAILED
    assert "later is an async method" in caplog.text
    assert "use gdpeer.aio.multiplayer_server(), multiplayer_client() or, for rooms, serve_hall()" in caplog.text


def test_numbers_follow_the_sorted_names_of_all_classes() -> None:
    table = Derived()._gdpeer_methods()
    assert table.names == ["Big", "_under", "noarg", "zeta"]
    assert [table.by_number[number].name for number in range(4)] == table.names
    assert table.checksum == "c77c16088c775b815b817c9b402d1d31"  # reference godot4-wire section D.3
    assert Node()._gdpeer_methods().checksum == "d41d8cd98f00b204e9800998ecf8427e"
    assert Derived()._gdpeer_methods() is Derived()._gdpeer_methods()


def test_an_override_without_a_decorator_keeps_the_configuration() -> None:
    assert isinstance(Derived.zeta, RpcMethod)
    assert Derived.zeta.config.rpc_mode == RPCMode.ANY_PEER
    assert Derived().zeta(1) == "derived base 1 2"
    assert Base.zeta(Base(), 1) == "base 1 2"


class Loud:
    def zeta(self, a: int, b: int = 2) -> str:
        return "loud " + super().zeta(a, b)  # type: ignore[misc]


class Mixed(Loud, Base):
    pass


class Further(Mixed):
    pass


@pytest.mark.parametrize("node_class", [Mixed, Further])
def test_a_mixin_overrides_without_a_decorator(node_class: type[Node]) -> None:
    node = node_class()
    method = node._gdpeer_methods().by_name["zeta"]
    assert node.zeta(1) == method.function(node, 1) == "loud base 1 2"  # type: ignore[attr-defined]
    assert method.config == Base.zeta.config
    assert Mixed.zeta is Further.zeta
    assert not isinstance(Loud.zeta, RpcMethod)
    assert Base().zeta(1) == "base 1 2"


def test_the_nearest_base_counts() -> None:
    class Other(Base):
        @rpc("authority")
        def zeta(self, a: int, b: int = 2) -> str:  # type: ignore[override]
            return "other"

    class Both(Base):
        pass

    class Diamond(Both, Other):
        pass

    assert Diamond()._gdpeer_methods().by_name["zeta"].function(Diamond(), 1) == Diamond().zeta(1) == "other"
    assert Diamond.zeta.config.rpc_mode == RPCMode.AUTHORITY


@pytest.mark.parametrize("other", [None, 7, property(lambda self: 1), staticmethod(print), steps, stream])
def test_what_cannot_be_called_from_elsewhere_cannot_override(other: Any) -> None:
    with pytest.raises(TypeError, match=r"belongs on a method|is a generator|is an async generator"):
        type("Odd", (Base,), {"zeta": other})


def test_a_method_goes_by_the_name_that_its_class_has_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(function: Any) -> Any:
        return lambda self, *arguments: function(self, *arguments)

    class Aliased(Node):
        say = rpc("any_peer")(lambda self, *arguments: arguments)
        tell = say
        other = Base.zeta

        @rpc
        @plain
        def decorated(self) -> None: ...

    calls = []
    monkeypatch.setattr(Node, "rpc_id", lambda self, *arguments: calls.append(arguments))
    node = Aliased()
    for method in (node.say, node.tell, node.other, node.decorated, Base().zeta):
        method.rpc(1)
    assert [name for _, name, _ in calls] == ["say", "tell", "other", "decorated", "zeta"]
    assert node._gdpeer_methods().names == ["decorated", "other", "say", "tell"]
    assert Aliased.tell.config is Aliased.say.config
    assert (node.say(1), node.tell(1)) == ((1,), (1,))


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

        @rpc
        def ask(self, what: str, /, *others: str, loud: bool = False, **more: Any) -> None: ...

    with pytest.raises(TypeError, match="cannot be sent: loud"):
        Strict().say.rpc(loud=True)
    with pytest.raises(TypeError, match="cannot be sent: loud, others, what, far"):
        Strict().ask.rpc("a", loud=True, others=1, what=2, far=3)


def test_only_gaps_between_named_arguments_are_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wide(Node):
        @rpc
        def say(self, a: int = 1, b: int = 2, c: int = 3, *d: int, e: int = 5, **f: int) -> Unknown: ...

    calls = []
    monkeypatch.setattr(Node, "rpc_id", lambda self, peer_id, name, *arguments: calls.append(arguments))
    say = Wide().say
    say.rpc()
    say.rpc(a=7)
    say.rpc(b=7)
    say.rpc(c=7)
    say.rpc(7, c=8)
    say.rpc(7, 8, 9, 10)
    assert calls == [(), (7,), (1, 7), (1, 2, 7), (7, 2, 8), (7, 8, 9, 10)]
    with pytest.raises(TypeError, match="unexpected keyword argument 'd'"):
        Base().zeta.rpc(a=1, d=2)  # type: ignore[call-arg]


def test_a_node_of_its_own_entries() -> None:
    node = Derived()
    node.rpc_config("plain", {"rpc_mode": 1, "call_local": True})
    node.rpc_config("Big", RpcConfig(RPCMode.DISABLED))
    table = node._gdpeer_methods()
    assert table.names == ["Big", "plain", "Big", "_under", "noarg", "zeta"]
    assert list(table.by_number) == [OWN_ENTRY, OWN_ENTRY | 1, 0, 1, 2, 3]
    assert table.by_number[OWN_ENTRY].config.rpc_mode == RPCMode.DISABLED
    assert table.by_name["plain"].config.call_local
    assert table.by_name["plain"].function(node, 1, 2) == (1, 2)
    assert table.by_name["Big"].number == 0  # the class's entry comes second and wins, as in the engine
    node.rpc_config("plain", None)
    node.rpc_config("Big", None)
    assert node._gdpeer_methods() is Derived()._gdpeer_methods()


def test_a_callable_that_was_put_on_the_node() -> None:
    class Main(Node):
        extra: Any

    node = Main()
    node.extra = lambda *arguments: arguments
    node.rpc_config("extra", {"rpc_mode": 2})
    method = node._gdpeer_methods().by_name["extra"]
    assert method.function(node, 1) == (1,)
    assert list(method.checker.check([1, 2])) == [1, 2]


def test_a_method_of_another_that_was_put_on_the_node_stays_the_others() -> None:
    class Named(Node):
        def plain(self, suffix: str) -> str:
            return self.name + suffix

        @rpc
        def open(self, suffix: str) -> str:
            return self.name + suffix

    node, other = Named("one"), Named("other")
    node.a, node.b, node.c, node.d = other.plain, other.open, node.plain, node.open  # type: ignore[attr-defined]
    for name in ("a", "b", "c", "d", "__hash__"):
        node.rpc_config(name, {"rpc_mode": 2})
    methods = node._gdpeer_methods().by_name
    assert [methods[name].function(node, "!") for name in "abcd"] == ["other!", "other!", "one!", "one!"]
    assert [methods[name].checker.check([NodePath("!")]) for name in "abcd"] == [["!"]] * 4
    assert methods["__hash__"].function(node) == hash(node)


def test_a_configuration_that_means_nothing_is_refused() -> None:
    node = Base()
    with pytest.raises(ValueError, match="has no method 'nothing'"):
        node.rpc_config("nothing", {})
    with pytest.raises(ValueError, match="unknown in an rpc configuration: 'mode'"):
        node.rpc_config("plain", {"mode": 1})
    with pytest.raises(ValueError, match="7 is not a valid RPCMode"):
        node.rpc_config("plain", {"rpc_mode": 7})
