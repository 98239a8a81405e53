"""`DeclaredBase`: the compiled part of `Replicated`, which every read and every assignment of an attribute passes.

Layer: `multiplayer`; compiled (types in `_declared.pxd`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.multiplayer.replication._kept import keep_assigned

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node

__all__ = ["MARKS", "MUTABLE", "DeclaredBase", "Marks"]

MARKS = "_gdpeer_marks"
"""The key of a node's `Marks` in its dictionary, while this side sends the node's attributes."""
MUTABLE = (list, dict, array, bytearray)
"""Base classes of values that can change in place."""
_ONE = 1  # a C integer once compiled (_declared.pxd)


class Marks:
    """Collects which properties of a synchronizer may have changed since the last network frame.

    Attributes:
        is_dirty: whether a property of the mode ALWAYS may have changed.
        dirty: bit i: property i of the mode ON_CHANGE.
        indexes: of each declared attribute that is sent. Below zero: ~ its index among those of the mode ALWAYS.
        queue: the list of synchronizers to look at in the next frame; None while nothing is sent.
        is_queued: whether this object is in `queue`.
        touched: the declared attributes whose value the program may be changing in place; add by `touch`.
        version: rises with each assignment.
        steady_for: with as many peers, a frame has to look at changed values alone; 0: it has to look at everything.
    """

    if TYPE_CHECKING:  # see _kept.pxd
        kept: Any

    __slots__ = ("dirty", "indexes", "is_dirty", "is_queued", "queue", "steady_for", "touched", "version")

    def __init__(self) -> None:
        self.is_dirty = False
        self.dirty = self.version = self.steady_for = 0
        self.indexes: dict[str, int] = {}
        self.queue: list[Any] | None = None
        self.is_queued = False
        self.touched: dict[str, None] = {}

    def mark(self, index: int) -> None:
        """Notes that a property may have changed.

        Args:
            index: of a property ON_CHANGE; below zero: its mode is ALWAYS.
        """
        self.note(index)
        self.wake()

    def note(self, index: int) -> None:
        """Notes as `mark`, but leaves the synchronizer out of the next network frame unless it is queued."""
        if index < 0:
            self.is_dirty = True
        else:
            self.dirty |= _ONE << index

    def touch(self, name: str) -> None:
        """Notes that the program may be changing the value of an attribute in place from now on."""
        self.touched[name] = None
        self.steady_for = 0

    def wake(self) -> None:
        """Has the next network frame look at the synchronizer."""
        if not self.is_queued and self.queue is not None:
            self.is_queued = True
            self.queue.append(self)


class DeclaredBase:
    """The compiled base class of `Replicated`: a data descriptor that notes each assignment.

    Attributes:
        name: the attribute's name.
        kind: values of exactly this type need no conversion; None: all others need `fitted`.
        fixed: values of exactly this type cannot change in place; None: unknown.
        converter: converts a value; None: every value fits.
    """

    __slots__ = ("converter", "fixed", "kind", "name", "path")

    if TYPE_CHECKING:
        name: str
        kind: type | None
        fixed: type | None
        converter: Callable[[Any], Any] | None

        def fitted(self, value: Any) -> Any: ...
        def first_value(self) -> Any: ...

    def __get__(self, node: Node | None, owner: type | None) -> Any:
        if node is None:
            return self
        try:
            value = node.__dict__[self.name]
        except KeyError:
            raise AttributeError(f"{self.name} has no value yet: call super().__init__() first") from None
        if type(value) is not self.fixed and isinstance(value, MUTABLE):  # isinstance is slow
            marks = node.__dict__.get(MARKS)
            if marks is not None and marks.queue is not None:
                marks.touch(self.name)
                marks.wake()
        return value

    def __set__(self, node: Node, value: Any) -> None:
        if type(value) is not self.kind:
            value = self.fitted(value)
        self.store(node, value)

    def __delete__(self, node: Node) -> None:
        raise AttributeError(f"{self.name} is replicated, and cannot be deleted")

    def store(self, node: Node, value: Any) -> None:
        """Sets the value, and notes that it may have changed."""
        values = node.__dict__
        if values.get(self.name) is value:
            return
        values[self.name] = value
        marks = values.get(MARKS)
        if marks is not None:
            marks.version += 1
            if type(value) is not self.fixed and isinstance(
                value, MUTABLE
            ):  # the program may go on changing the value in place
                marks.touch(self.name)
            index = marks.indexes.get(self.name)
            if index is not None:
                if cython.compiled:
                    keep_assigned(cython.address(marks.kept), index, value)
                marks.mark(index)
