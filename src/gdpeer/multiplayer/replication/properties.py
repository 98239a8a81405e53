"""`replicated()`: declares an attribute of a node class that a MultiplayerSynchronizer sends and receives.

    class Player(Node):
        position = replicated(Vector2())
        health: int = replicated(100, mode=ReplicationMode.ON_CHANGE)

Also the two kinds of properties of a synchronizer: declared ones, and ordinary attributes that a configuration names.

Layer: `multiplayer`. Source: reference godot4-replication section 8.
"""

from __future__ import annotations

import copy
import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary

from gdpeer.multiplayer.replication._declared import MUTABLE, DeclaredBase
from gdpeer.multiplayer.replication.config import ReplicationMode, SceneReplicationConfig
from gdpeer.multiplayer.rpc.conversions import RULES, CallError, a, rule_for
from gdpeer.multiplayer.rpc.converters import Passing, converter_for
from gdpeer.multiplayer.rpc.packing import packer_for
from gdpeer.multiplayer.tree import Node, furnish, note_mistake, walk
from gdpeer.variant.math.flat import Numbers
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Missing", "Ordinary", "Property", "Replicated", "declared_of", "replicated", "shared_config"]

T = TypeVar("T")


class Missing(Exception):
    """A property cannot be read: its node or its attribute does not exist. The text names it."""


def replicated(
    default: T,
    mode: ReplicationMode = ReplicationMode.ALWAYS,
    path: str | NodePath | None = None,
    spawn: bool = True,
) -> T:
    """Declares a replicated attribute in the body of a `Node` class.

    The type comes from the annotation, else from the default. A value of another type is converted where nothing is
    lost, and else raises TypeError when you assign it. Lists and dictionaries are sent typed if the annotation names
    the types, as `list[int]`: the engine drops an untyped array for a variable of type `Array[int]` in silence.

    Args:
        default: the first value of each node. Lists and dictionaries are copied for each node.
        mode: when the value is sent, besides with the SPAWN.
        path: the engine's path of the property, from the scene's root node. None: `.:` and the attribute's name.
        spawn: whether the SPAWN carries the value.

    Returns:
        At run time a descriptor; for type checkers the default.
    """
    return typing.cast("T", Replicated(default, ReplicationMode(mode), path, spawn))


class Property:
    """One property of a synchronizer.

    Attributes:
        path: as in the configuration.
        name: the name that `changed` gives: the attribute of the root node, or the path of another node's property.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        path: str
        name: str

    def read(self, root: Node) -> Any:
        """Returns the value as it is sent.

        Raises:
            Missing: there is no such node or attribute.
        """
        raise NotImplementedError

    def write(self, root: Node, value: Any) -> bool:
        """Sets a received value; returns whether it differs from the value before.

        Raises:
            CallError: the value does not fit.
            Missing: there is no such node or attribute.
        """
        raise NotImplementedError


class Ordinary(Property):
    """An attribute of a node, or a part of it: `.:position`, `Turret:rotation`, `.:color:a`."""

    __slots__ = ("_attribute", "_node", "_parts", "name", "path")

    def __init__(self, path: str) -> None:
        parsed = NodePath(path)
        self._node = "/".join(name for name in parsed.names if name != ".")
        self._attribute, *self._parts = parsed.subnames or ("",)
        self.path = path
        self.name = path if self._node or self._parts else self._attribute

    def read(self, root: Node) -> Any:
        """Returns the value as it is sent."""
        value = self._whole(self._target(root))
        for part in self._parts:
            value = _component(value, part, self.path)
        return value

    def _target(self, root: Node) -> Node:
        found = walk(root, self._node) if self._node else root
        if found is None:
            raise Missing(f"there is no node '{self._node}' for {self.path}")
        return found

    def _whole(self, target: Node) -> Any:
        try:
            return getattr(target, self._attribute)
        except AttributeError:
            raise Missing(f"there is no attribute '{self._attribute}' for {self.path}") from None

    def write(self, root: Node, value: Any) -> bool:
        """Sets a received value, or the part of it."""
        target = self._target(root)
        before = self._whole(target)
        new = self._with(before, self._parts, value)
        if new is before and not self._parts:
            return False
        is_declared = isinstance(getattr(type(target), self._attribute, None), DeclaredBase)
        try:
            # A plain Node refuses unknown attributes; what the configuration names is known.
            (setattr if is_declared else object.__setattr__)(target, self._attribute, new)
        except (AttributeError, TypeError, ValueError) as problem:
            raise CallError(f"is refused: {problem}") from None
        return bool(self._parts) or not same(before, new)

    def _with(self, whole: Any, parts: list[str], value: Any) -> Any:
        if not parts:
            return _fitted(whole, value)
        inner = self._with(_component(whole, parts[0], self.path), parts[1:], value)
        return _with_component(whole, parts[0], inner, self.path)


def _fitted(before: Any, value: Any) -> Any:
    """Returns a received value, converted to the type of the value before; numbers stand for each other."""
    wanted, kind = type(before), type(value)
    if before is None or kind is wanted:
        return value
    if wanted in (int, bool) and kind in (int, float, bool):
        return value
    rule = rule_for(RULES.get(wanted, {}), kind)
    if rule is not None:
        return rule(value)
    if isinstance(value, wanted):
        return value
    raise CallError(f"is {a(kind)}, not {a(wanted)}")


def _component(value: Any, name: str, path: str) -> Any:
    try:
        return value[name] if isinstance(value, dict) else getattr(value, name)
    except (KeyError, AttributeError):
        raise Missing(f"{a(type(value))} has no '{name}' for {path}") from None


def _with_component(value: Any, name: str, new: Any, path: str) -> Any:
    if isinstance(value, dict):
        value[name] = new
        return value
    if not isinstance(value, Numbers):
        raise Missing(f"'{name}' of {a(type(value))} cannot be set for {path}")
    kind = type(value)
    places = getattr(tuple.__new__(kind, range(kind.WIDTH)), name)  # the attribute of a value that holds its indices
    numbers = list(value)
    try:
        if isinstance(places, tuple):
            for place, number in zip(places, new, strict=True):
                numbers[place] = number
        else:
            numbers[places] = new
        return kind.of(*numbers)
    except (TypeError, ValueError) as problem:
        raise CallError(f"is {a(type(new))}, which '{name}' of {a(kind)} does not take: {problem}") from None


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same type."""
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:
        return False


class Replicated(DeclaredBase, Property):
    """An attribute that `replicated()` declares."""

    __slots__ = ("_annotated", "_owner", "default", "mode", "packer", "spawn")

    furnish: ClassVar[Callable[[Node], None]]
    """Adds the synchronizer of a new node. `synchronizer.py` sets this, as this module cannot import it."""

    def __init__(self, default: Any, mode: ReplicationMode, path: str | NodePath | None, spawn: bool) -> None:
        self.default = default
        self.mode = mode
        self.path = "" if path is None else str(path)
        self.spawn = spawn
        self.name = ""
        self.kind: type | None = None
        self.fixed: type | None = None
        self.converter: Callable[[Any], Any] | None = None
        self.packer: Callable[[Any], Any] | None = None
        self._owner: type | None = None
        self._annotated = False

    def __set_name__(self, owner: type, name: str) -> None:
        label = f"{owner.__name__}.{name}"
        if not issubclass(owner, Node):
            text = f"{label}: replicated() belongs in a subclass of Node"
            if sys.version_info < (3, 12):  # raises a RuntimeError with the type of this object instead of the text
                self.__class__ = type(f"TypeError: {text}", (Replicated,), {"__slots__": ()})
            raise TypeError(text)
        if self._owner is not None:
            note_mistake(owner, TypeError(f"{label}: each attribute needs a replicated() of its own"))
            return
        self._owner, self.name = owner, name
        furnish(owner, Replicated.furnish, replace=False)
        self.path = self.path or f".:{name}"
        if not NodePath(self.path).subnames:
            text = f"{label}: the path {self.path!r} names no property, as '.:{name}' does"
            note_mistake(owner, ValueError(text))

    def prepare(self) -> None:
        """Reads the annotation, once all names in it are defined.

        Raises:
            TypeError: the annotation describes no engine value, or the default does not fit.
        """
        if self._annotated:
            return
        assert self._owner is not None
        try:
            hint = self.hint()
            if hint is None:
                kind = type(self.default)
                hint = Any if self.default is None else kind
            self.converter, self.packer = converter_for(hint), packer_for(hint)
            if isinstance(self.converter, Passing) and len(self.converter.kinds) == 1:
                self.kind = next(iter(self.converter.kinds))
                self.fixed = None if issubclass(self.kind, MUTABLE) else self.kind
        except Exception as problem:  # annotations are code, which can raise anything
            raise TypeError(f"{self.label()}: the annotation cannot be read: {problem}") from None
        self._annotated = True
        self.fitted(self.default)

    def hint(self) -> Any:
        """Returns the annotation; None without one."""
        return _hint(self._owner, self.name) if self._owner else None

    def label(self) -> str:
        """Returns the name for messages, as `Player.health`."""
        return f"{self._owner.__name__ if self._owner else 'replicated'}.{self.name}"

    def first_value(self) -> Any:
        """Returns the value of a new node."""
        value = self.fitted(self.default)
        return copy.deepcopy(value) if type(value) in MUTABLE or isinstance(value, MUTABLE) else value

    def fitted(self, value: Any) -> Any:
        """Returns a value, converted to the declared type.

        Raises:
            TypeError: the value does not fit.
        """
        if self.converter is None:
            return value
        try:
            return self.converter(value)
        except CallError as problem:
            raise TypeError(f"{self.label()} {problem}") from None

    def read(self, root: Node) -> Any:
        """Returns the value as it is sent."""
        value = root.__dict__[self.name]
        if self.packer is None:
            return value
        try:
            return self.packer(value)
        except TypeError as problem:
            raise Missing(f"{self.label()}: {problem}") from None

    def write(self, root: Node, value: Any) -> bool:
        """Sets a received value, converted to the declared type."""
        new = value if self.converter is None else self.converter(value)
        before = root.__dict__[self.name]
        self.store(root, new)
        return not same(before, new)


def _hint(owner: type, name: str) -> Any:
    """Returns the annotation of a class's attribute; None without one."""
    annotation = inspect.get_annotations(owner).get(name)
    if annotation is None:
        return None
    scope = {**vars(sys.modules.get(owner.__module__, types)), **vars(owner)}
    alone = types.SimpleNamespace(__annotations__={"it": annotation})
    return typing.get_type_hints(alone, scope)["it"]


_DECLARED: WeakKeyDictionary[type[Node], tuple[Replicated, ...]] = WeakKeyDictionary()
_CONFIGS: WeakKeyDictionary[type[Node], SceneReplicationConfig] = WeakKeyDictionary()


def declared_of(kind: type[Node]) -> tuple[Replicated, ...]:
    """Returns the replicated attributes of a class: those of its base classes first, in the order of definition."""
    known = _DECLARED.get(kind)
    if known is None:
        found: dict[str, Replicated] = {}
        for base in reversed(kind.__mro__):
            found |= {name: value for name, value in vars(base).items() if isinstance(value, Replicated)}
        known = _DECLARED[kind] = tuple(found.values())
    return known


def shared_config(kind: type[Node]) -> SceneReplicationConfig:
    """Returns the configuration that the synchronizers of a class share."""
    known = _CONFIGS.get(kind)
    if known is None:
        known = SceneReplicationConfig()
        for one in declared_of(kind):
            one.prepare()
            known.add_property(one.path)
            known.property_set_spawn(one.path, one.spawn)
            known.property_set_replication_mode(one.path, one.mode)
        _CONFIGS[kind] = known
    return known
