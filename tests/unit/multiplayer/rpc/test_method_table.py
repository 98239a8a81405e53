"""The names and checksums of classes with `@rpc` methods of every kind are those of the engine."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gdpeer import Node, RPCMode, godot3, rpc
from gdpeer.multiplayer.peer import TransferMode
from gdpeer.multiplayer.rpc.decorator import OWN_ENTRY
from tests.support.contract_nodes import (
    CASES,
    Base,
    Concrete2,
    Doubled,
    Overriding,
    Plain,
    Replacing,
    Strange,
    TakenAway,
    heard,
)
from tests.unit.multiplayer.sessions import Session


def entered(kind: type[Node]) -> Any:
    """A node of the class that is in a session's tree, so that it has configured itself."""
    session = Session()
    node = kind("It")
    session.server.tree.root.add_child(node)
    return node


@pytest.mark.parametrize("name", CASES)
def test_names_and_checksums(name: str) -> None:
    kind, names, checksum = CASES[name]
    table = entered(kind)._gdpeer_methods()
    assert table.names == names
    assert table.checksum == checksum


def test_an_override_without_rpc_keeps_everything_and_one_with_rpc_replaces_everything() -> None:
    base, kept, replaced = (kind().p._method.config for kind in (Base, Overriding, Replacing))
    assert kept == base
    assert (replaced.rpc_mode, replaced.call_local) == (RPCMode.ANY_PEER, False)
    assert (replaced.transfer_mode, replaced.channel) == (TransferMode.UNRELIABLE, 5)
    assert Concrete2().todo2._method.config.rpc_mode == RPCMode.ANY_PEER  # type: ignore[attr-defined]


def test_reliable_is_the_default() -> None:
    class Defaults(Node):
        @rpc
        def bare(self) -> None: ...

        @rpc("any_peer")
        def anybody(self) -> None: ...

        @rpc("unreliable")
        def loose(self) -> None: ...

        def by_code(self) -> None: ...

    node = Defaults()
    node.rpc_config("by_code", {"rpc_mode": 1})
    modes = {name: method.config.transfer_mode for name, method in node._gdpeer_methods().by_name.items()}
    assert modes == {
        "bare": TransferMode.RELIABLE,
        "anybody": TransferMode.RELIABLE,
        "by_code": TransferMode.RELIABLE,
        "loose": TransferMode.UNRELIABLE,
    }


def test_a_name_of_the_node_and_of_its_class_goes_by_the_class_s_number() -> None:
    table = entered(Doubled)._gdpeer_methods()
    assert list(table.by_number) == [OWN_ENTRY, 0]
    assert table.by_name["m"].number == 0


def test_an_entry_without_a_mode_takes_up_a_number(caplog: pytest.LogCaptureFixture) -> None:
    table = entered(TakenAway)._gdpeer_methods()
    assert list(table.by_number) == [OWN_ENTRY | 1, 0, 1]
    assert "nomode: it cannot be called, as no rpc_mode is given" in caplog.text


def test_what_is_configured_after_the_first_call_is_too_late(caplog: pytest.LogCaptureFixture) -> None:
    session = Session()
    node = Plain("It")
    session.server.tree.root.add_child(node)
    node.rpc_config("beside", {"rpc_mode": 1})
    assert caplog.text == ""
    node.rpc_config("beside", None)
    node.zeta.rpc()
    with caplog.at_level(logging.WARNING):
        node.rpc_config("beside", {"rpc_mode": 1})
    assert "too late, calls of this node have numbers already" in caplog.text
    assert node._gdpeer_methods().checksum == CASES["Plain"][2]
    node.free()
    node.rpc_config("beside", {"rpc_mode": 1})
    assert "beside" in node._gdpeer_methods().names


def test_in_godot_3_it_is_never_too_late() -> None:
    tree, node = godot3.SceneTree(), Plain("It")
    tree.root.add_child(node)
    node.rpc("zeta")
    node.rpc_config("beside", {"rpc_mode": 1})
    assert "beside" in node._gdpeer_methods().names


# --- names that Python cannot write behind `def`, or would change


def test_strange_names_are_called() -> None:
    session = Session()
    nodes = [Strange("Strange") for _ in session.sides]
    for side, node in zip(session.sides, nodes, strict=True):
        side.tree.root.add_child(node)
    heard.clear()
    names = CASES["Strange"][1]
    for number, name in enumerate(names):
        nodes[1].rpc_id(1, name, number)
        getattr(nodes[1], name).rpc_id(1, number + 10)
    session.run()
    assert sorted(heard) == sorted([(name, number + more) for number, name in enumerate(names) for more in (0, 10)])


CURE = r"'__x'.*write a method '_x' and, below it in the class, locals\(\)\['__x'\] = rpc\(\.\.\.\)\(_x\)"


@pytest.mark.parametrize("decorate", [rpc, rpc("any_peer"), godot3.remote, godot3.puppetsync])
def test_a_name_that_python_changes_is_refused_with_the_cure(decorate: Any) -> None:
    with pytest.raises(ValueError, match=CURE):

        class Main(Node):
            @decorate
            def __x(self) -> None: ...


def test_so_is_one_that_is_configured_by_code() -> None:
    class Main(Node):
        def __x(self) -> None: ...

    with pytest.raises(ValueError, match=CURE):
        Main().rpc_config("__x", {"rpc_mode": 1})


def test_names_with_underscores_that_python_leaves_alone() -> None:
    class Main(Node):
        @rpc
        def __x__(self) -> None: ...

        @rpc
        def _x(self) -> None: ...

        @rpc
        def x__(self) -> None: ...

    assert Main()._gdpeer_methods().names == ["__x__", "_x", "x__"]


def test_an_override_that_python_would_name_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'__secret'.*locals\(\)"):

        class _Own(Strange):
            def __secret(self, value: Any) -> None: ...

    class Own(Strange):
        def _secret(self, value: Any) -> None:
            heard.append(value)

        locals()["__secret"] = _secret

    assert Own.__dict__["__secret"].config.rpc_mode == RPCMode.ANY_PEER


def test_a_remote_variable_that_python_changes_is_refused() -> None:
    with pytest.raises((ValueError, RuntimeError)) as caught:  # RuntimeError: of Python 3.11

        class _Main(godot3.Node):
            __hp = godot3.remote.var(1)

    problem = caught.value.__cause__ or caught.value
    assert "renames '__hp'" in str(problem)

    class Main(godot3.Node):
        locals()["__hp"] = godot3.remote.var(1)
        _Main = godot3.remote.var(2)

    assert getattr(Main(), "__hp") == 1


def test_an_abstract_method_stays_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        CASES["Concrete2"][0].__mro__[1]()
