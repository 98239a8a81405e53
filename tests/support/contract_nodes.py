"""Classes with all kinds of `@rpc` methods, and the checksums of a real Godot 4.6 for the same scripts.

The scripts are in `tests/interop/contract_godot4`, one for each class here. The checksums come from recorded packets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from gdpeer import Node, rpc

__all__ = ["CASES", "CHECKSUMS", "configure", "heard"]

heard: list[tuple[str, Any]] = []
"""The calls that methods with strange names received, as (name, argument)."""


class Plain(Node):
    @rpc
    def zeta(self) -> None: ...

    @rpc
    def Big(self) -> None: ...

    @rpc
    def _under(self) -> None: ...

    @rpc
    def a2(self) -> None: ...

    @rpc
    def a10(self) -> None: ...

    def beside(self) -> None: ...


class Base(Node):
    @rpc("authority", "call_local", "reliable")
    def p(self, a: int = 3) -> None: ...

    @rpc("any_peer")
    def q(self) -> None: ...


class Inheriting(Base):
    @rpc
    def a(self) -> None: ...


class G1(Node):
    @rpc
    def g1m(self) -> None: ...


class G2(G1):
    @rpc
    def g2m(self) -> None: ...


class Third(G2):
    @rpc
    def c3(self) -> None: ...


class Replacing(Base):
    @rpc("any_peer", "call_remote", "unreliable", 5)
    def p(self, a: int = 3) -> None: ...


class Overriding(Base):
    def p(self, a: int = 3) -> None: ...  # type: ignore[override]


class Abstract(Node, ABC):
    @rpc
    def conc(self) -> None: ...

    @abstractmethod
    def todo(self) -> None: ...


class Concrete(Abstract):
    @rpc
    def todo(self) -> None: ...


class Abstract2(Node, ABC):
    @rpc("any_peer")
    @abstractmethod
    def todo2(self) -> None: ...

    @rpc
    def conc2(self) -> None: ...


class Concrete2(Abstract2):
    def todo2(self) -> None: ...  # type: ignore[override]


class Configuring(Node):
    @rpc
    def m(self) -> None: ...

    def zz(self) -> None: ...
    def aa(self) -> None: ...

    def _ready(self) -> None:
        configure(self, "zz", "aa")


class Doubled(Node):
    @rpc
    def m(self) -> None: ...

    def _ready(self) -> None:
        configure(self, "m")


class TakenAway(Node):
    @rpc
    def m(self) -> None: ...

    @rpc
    def n(self) -> None: ...

    def zz(self) -> None: ...
    def off(self) -> None: ...
    def nomode(self) -> None: ...

    def _ready(self) -> None:
        configure(self, "zz")
        self.rpc_config("zz", None)
        self.rpc_config("m", None)
        self.rpc_config("off", {"rpc_mode": 0})
        self.rpc_config("nomode", {"call_local": False})


class Outer(Node):
    @rpc
    def outer(self) -> None: ...

    class Inner(Node):
        @rpc
        def inn(self) -> None: ...

    class Inner2(Base):
        @rpc
        def inn2(self) -> None: ...

    class Inner3(Inner):
        @rpc
        def inn3(self) -> None: ...


class OfInner(Outer.Inner3):
    @rpc
    def x(self) -> None: ...


class Letters(Node):
    @rpc
    def größe(self) -> None: ...

    @rpc
    def Ärger(self) -> None: ...

    @rpc
    def zebra(self) -> None: ...

    @rpc
    def 名前(self) -> None: ...


class Net(Node):
    @rpc
    def an(self) -> None: ...

    @rpc
    def am(self) -> None: ...


class OfNet(Net):
    @rpc
    def ab(self) -> None: ...


Forms = type("Forms", (Node,), {f"f{number}": rpc(lambda self: None) for number in range(1, 13)})


class Late(Plain):
    """A node whose methods are configured too late."""


class K3(G1):
    @rpc
    def k3a(self) -> None: ...


class Strange(Node):
    """A node with method names that Python does not allow after `def`, or would change."""

    def _import(self, value: Any) -> None:
        heard.append(("import", value))

    def _none(self, value: Any) -> None:
        heard.append(("None", value))

    def _secret(self, value: Any) -> None:
        heard.append(("__secret", value))

    def _micro(self, value: Any) -> None:
        heard.append(("\xb5", value))

    locals()["import"] = rpc("any_peer")(_import)
    locals()["None"] = rpc("any_peer")(_none)
    locals()["__secret"] = rpc("any_peer")(_secret)
    locals()["\xb5"] = rpc("any_peer")(_micro)

    @rpc("any_peer")
    def _leave(self, value: Any) -> None:
        heard.append(("_leave", value))

    @rpc("any_peer")
    def _enter(self, value: Any) -> None:
        heard.append(("_enter", value))


def configure(node: Node, *names: str) -> None:
    """Opens methods for calls by `rpc_config`, as the scripts do."""
    for name in names:
        node.rpc_config(name, {"rpc_mode": 1})


CASES: dict[str, tuple[type[Node], list[str], str]] = {
    "Plain": (Plain, ["Big", "_under", "a10", "a2", "zeta"], "7dc8cd0c1852665820bd6d345713fecb"),
    "Inheriting": (Inheriting, ["a", "p", "q"], "559e2c90c211a96b609c9d1af6aa878c"),
    "Third": (Third, ["c3", "g1m", "g2m"], "e075ecd4f6df1ec8c26bb996104e14ba"),
    "Replacing": (Replacing, ["p", "q"], "382da15dfcfa571b3973cb5ae2223f76"),
    "Overriding": (Overriding, ["p", "q"], "382da15dfcfa571b3973cb5ae2223f76"),
    "Concrete": (Concrete, ["conc", "todo"], "de144aed89b12f6c44e45625d6cd181e"),
    "Concrete2": (Concrete2, ["conc2", "todo2"], "b5226bb3b3a536665270e8bc16c029f1"),
    "Configuring": (Configuring, ["aa", "zz", "m"], "5375a1babecb64eecf81a9ed3b6c95ab"),
    "Doubled": (Doubled, ["m", "m"], "b3cd915d758008bd19d0f2428fbb354a"),
    "TakenAway": (TakenAway, ["off", "m", "n"], "8fad00ee80fe062686161d219dfcc90b"),
    "Outer": (Outer, ["outer"], "7cfcbd1c1575dd7eae454f18b9267188"),
    "Inner": (Outer.Inner, ["inn"], "0b9a93016640dacb2ec6107e8c1ae410"),
    "Inner2": (Outer.Inner2, ["inn2", "p", "q"], "ce7ae8053dfbd925597f5c9680e43cc9"),
    "OfInner": (OfInner, ["inn", "inn3", "x"], "9ca3676c1a4f5916c89632b291060281"),
    "Letters": (Letters, ["größe", "zebra", "Ärger", "名前"], "b4d2e6f8550f808b8bf65762fdeeac22"),
    "Net": (Net, ["am", "an"], "ccda1683d8c97f8f2dff2ea7d649b42c"),
    "OfNet": (OfNet, ["ab", "am", "an"], "d934ca038a68c8a464b67437b88f12da"),
    "Forms": (Forms, sorted(f"f{number}" for number in range(1, 13)), "afac4c332fafa6119ab98ba2363b2637"),
    "Late": (Late, ["Big", "_under", "a10", "a2", "zeta"], "7dc8cd0c1852665820bd6d345713fecb"),
    "K3": (K3, ["g1m", "k3a"], "ce9629517295cfe82deed34ec64caf6e"),
    "Strange": (
        Strange,
        ["None", "__secret", "_enter", "_leave", "import", "\xb5"],
        "da97d5cad1a6c398206c372d38d9970a",
    ),
}
"""The class, the method names in the order of their numbers, and the checksum, by the node's name."""

CHECKSUMS = {name: checksum for name, (_, _, checksum) in CASES.items()}
