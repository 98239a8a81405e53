"""Signals as in the engine: they call the slots of the program when an event happens.

A slot is any callable. Slots run in the order in which they were connected, in the thread that polls, with the
signal's arguments. If a slot raises, the exception is logged with its traceback, and the other slots still run. Slots
may connect and disconnect while the signal is emitted: the change counts from the next emit on. Exceptions that one
line of code or one peer causes again and again are not all logged (`gdpeer.logs`).

Within asyncio a signal can be awaited: `peer_id, protocol = await server.client_connected`. A slot may be async there:
each emit starts a task of the running loop. Without a loop, the emit logs what to do.

Layer: with `errors`, `clock` and `logs` the lowest. Compiled (types in `signals.pxd`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from inspect import ismethod
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, WeakMethod

from gdpeer.coroutines import AsyncSlot, is_async
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
        limit_of: for signals whose first argument is a peer's id: returns the log limit for exceptions of its slots. A
            method is kept by a weak reference. Several signals of one owner take less memory with a weak reference to
            the owner, whose `log_limit_of` is called.

    Attributes:
        name: as given.
    """

    __slots__ = ("__weakref__", "_limit_of", "_slots", "name")

    def __init__(self, name: str = "", limit_of: LimitOf | ReferenceType[Any] | None = None) -> None:
        self.name = name
        # A weak reference to a method: otherwise owner and signal would refer to each other, and stay in memory until
        # the next garbage collection.
        self._limit_of: Any = WeakMethod(limit_of) if ismethod(limit_of) else limit_of
        # A tuple, replaced at each change: an emit in progress keeps the tuple it began with.
        self._slots: tuple[tuple[Slot, bool], ...] = ()

    def connect(self, slot: Slot, *, once: bool = False) -> Slot:
        """Calls `slot` at each emit; with `once`, at the next emit only. The slot may be async within asyncio.

        Returns:
            The slot, so that this also serves as a decorator: `@server.client_connected.connect`.

        Raises:
            TypeError: the slot is not callable.
            ValueError: the slot is connected already (the engine refuses that too).
        """
        if not callable(slot):
            raise TypeError(f"a slot must be callable, not {type(slot).__name__}")
        if self.is_connected(slot):
            raise ValueError(f"{slot!r} is already connected to {self!r}")
        called = AsyncSlot(slot, self.name) if is_async(slot) else slot
        self._slots = (*self._slots, (called, once))
        return slot

    def once(self, slot: Slot) -> Slot:
        """Calls `slot` at the next emit only; see `connect`."""
        return self.connect(slot, once=True)

    def disconnect(self, slot: Slot) -> None:
        """Stops calling `slot`.

        Raises:
            ValueError: the slot is not connected.
        """
        remaining = tuple(entry for entry in self._slots if entry[0] != slot)
        if len(remaining) == len(self._slots):
            raise ValueError(f"{slot!r} is not connected to {self!r}")
        self._slots = remaining

    def is_connected(self, slot: Slot) -> bool:
        """Tells whether the next emit would call `slot`."""
        return any(entry[0] == slot for entry in self._slots)

    def emit(self, *arguments: Any) -> None:
        """Calls every slot with `arguments`."""
        for slot, once in self._slots:
            # Before the call: the slot may emit the same signal again.
            if once:
                self._forget(slot)
            try:
                slot(*arguments)
            except Exception:
                self._report(slot, arguments)

    def emit_one(self, argument: object) -> None:
        """Emits one argument, for signals that come once per message: the compiled form makes no tuple."""
        for slot, once in self._slots:
            if once:
                self._forget(slot)
            try:
                slot(argument)
            except Exception:
                self._report(slot, (argument,))

    def _report(self, slot: Slot, arguments: tuple[Any, ...]) -> None:
        """Logs the exception that a slot has just raised."""
        limit_of = self._limit_of
        if isinstance(limit_of, WeakMethod):
            limit_of = limit_of()
        elif isinstance(limit_of, ReferenceType):
            limit_of = getattr(limit_of(), "log_limit_of", None)
        limit = limit_of(arguments[0]) if limit_of is not None and arguments else None
        report(logger, "a handler of signal '%s' raised: %s", self.name, describe(slot), limit=limit)

    def __await__(self) -> Generator[Any, None, Any]:
        """Waits within asyncio for the next emit.

        Returns:
            The argument; a tuple if there are several; None if there is none.
        """
        import asyncio

        emitted = asyncio.get_running_loop().create_future()

        def on_emit(*arguments: Any) -> None:
            if not emitted.done():
                emitted.set_result(arguments[0] if len(arguments) == 1 else arguments or None)

        def forget(_: object) -> None:
            # After an emit `once` has disconnected the slot; after a cancelled await it is still connected.
            if self.is_connected(on_emit):
                self.disconnect(on_emit)

        self.connect(on_emit, once=True)
        emitted.add_done_callback(forget)
        return emitted.__await__()

    def _forget(self, slot: Slot) -> None:
        self._slots = tuple(entry for entry in self._slots if entry[0] != slot)

    def __len__(self) -> int:
        return len(self._slots)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Signal {self.name!r}, {len(self._slots)} connected>"
