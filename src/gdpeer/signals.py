"""Signals: the engine's way to hand on what happened.

A slot is any callable. Slots run in the order in which they were connected, in the thread that polls, with the
arguments that the signal carries. A slot that raises is logged with its traceback and the others still run. Slots may
connect and disconnect while the signal fires: the change counts from the next emit on. Of one line of code that raises
again and again, or one peer that makes slots raise, not everything is logged (`gdpeer.logs`).

Within asyncio a signal can be waited for: `peer_id, protocol = await server.client_connected`.

Layer: with `errors`, `clock` and `logs` the lowest. Compiled (types in `signals.pxd`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from inspect import ismethod
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from gdpeer.logs import describe, get_logger, report

if TYPE_CHECKING:
    from gdpeer.logs import LogLimit

__all__ = ["Signal"]

logger = get_logger("gdpeer.signals")

Slot = Callable[..., object]
LimitOf = Callable[[Any], "LogLimit | None"]


class Signal:
    """A list of slots that are called together.

    Args:
        name: shown in logs and in `repr`.
        limit_of: where the first argument is a peer's id: the limit of the log that its slots' exceptions count for.

    Attributes:
        name: as given.
    """

    __slots__ = ("__weakref__", "_limit_of", "_slots", "name")

    def __init__(self, name: str = "", limit_of: LimitOf | None = None) -> None:
        self.name = name
        # Weakly where it is a method: an owner that its own signals held would wait for the garbage collector.
        self._limit_of: Any = WeakMethod(limit_of) if ismethod(limit_of) else limit_of
        # A tuple, replaced at each change: an emit under way keeps the one it began with.
        self._slots: tuple[tuple[Slot, bool], ...] = ()

    def connect(self, slot: Slot, *, once: bool = False) -> Slot:
        """Call `slot` at each emit; with `once`, at the next one only.

        Returns the slot, so that it also serves as a decorator: `@server.client_connected.connect`.

        Raises:
            TypeError: the slot is not callable.
            ValueError: it is connected already (the engine refuses that too).
        """
        if not callable(slot):
            raise TypeError(f"a slot must be callable, not {type(slot).__name__}")
        if self.is_connected(slot):
            raise ValueError(f"{slot!r} is already connected to {self!r}")
        self._slots = (*self._slots, (slot, once))
        return slot

    def once(self, slot: Slot) -> Slot:
        """Call `slot` at the next emit only; see `connect`."""
        return self.connect(slot, once=True)

    def disconnect(self, slot: Slot) -> None:
        """Stop calling `slot`.

        Raises:
            ValueError: it is not connected.
        """
        remaining = tuple(entry for entry in self._slots if entry[0] != slot)
        if len(remaining) == len(self._slots):
            raise ValueError(f"{slot!r} is not connected to {self!r}")
        self._slots = remaining

    def is_connected(self, slot: Slot) -> bool:
        """Whether `slot` would be called at the next emit."""
        return any(entry[0] == slot for entry in self._slots)

    def emit(self, *arguments: Any) -> None:
        """Call every slot with `arguments`."""
        for slot, once in self._slots:
            if once:
                self._forget(slot)
            try:
                slot(*arguments)
            except Exception:
                self._report(slot, arguments)

    def emit_one(self, argument: object) -> None:
        """`emit` of one argument, for what happens once a message: compiled, it makes no tuple."""
        for slot, once in self._slots:
            if once:
                self._forget(slot)
            try:
                slot(argument)
            except Exception:
                self._report(slot, (argument,))

    def _report(self, slot: Slot, arguments: tuple[Any, ...]) -> None:
        """A slot has just raised."""
        limit_of = self._limit_of() if isinstance(self._limit_of, WeakMethod) else self._limit_of
        limit = limit_of(arguments[0]) if limit_of is not None and arguments else None
        report(logger, "a handler of signal '%s' raised: %s", self.name, describe(slot), limit=limit)

    def __await__(self) -> Generator[Any, None, Any]:
        """Within asyncio: wait for the next emit; its argument, a tuple where it carries several, None where none."""
        import asyncio

        heard = asyncio.get_running_loop().create_future()

        def tell(*arguments: Any) -> None:
            if not heard.done():
                heard.set_result(arguments[0] if len(arguments) == 1 else arguments or None)

        def forget(_: object) -> None:
            if self.is_connected(tell):  # else it was told, or nobody waits any more
                self.disconnect(tell)

        self.connect(tell, once=True)
        heard.add_done_callback(forget)
        return heard.__await__()

    def _forget(self, slot: Slot) -> None:
        self._slots = tuple(entry for entry in self._slots if entry[0] != slot)

    def __len__(self) -> int:
        return len(self._slots)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Signal {self.name!r}, {len(self._slots)} connected>"
