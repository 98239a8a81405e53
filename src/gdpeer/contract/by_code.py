"""The methods and properties that a node configures by code: `rpc_config("kick", {"rpc_mode": ...})`.

The calls are taken in the order of the files, base classes first, as if each ran once.

Layer: `contract`; pure. Source: reference godot4-contract 1, cases 8 to 10; godot3-wire 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gdpeer.contract.constants import NotConstant
from gdpeer.contract.model import Problem
from gdpeer.contract.script import ClassSyntax, Configuration
from gdpeer.contract.values import Values

__all__ = ["MODES3", "Configured", "configured", "problems_of"]

_MODES = {0: "disabled", 1: "any_peer", 2: "authority"}
_TRANSFERS = {0: "unreliable", 1: "unreliable_ordered", 2: "reliable"}
MODES3 = ("disabled", "remote", "master", "puppet", "remotesync", "mastersync", "puppetsync")
"""Godot 3's modes in the order of their numbers."""

UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Configured:
    """A method or property that code configures.

    Attributes:
        mode, call_local, transfer, channel: as in `model.Method`. An empty mode: the engine refuses the entry, but the
            entry uses up a number.
        owner: the class with the call.
        line: of the call.
    """

    mode: str
    call_local: bool | None
    transfer: str
    channel: int | None
    owner: ClassSyntax
    line: int


def configured(chain: Sequence[ClassSyntax], values: Values, engine: int, function: str) -> dict[str, Configured]:
    """Returns what the classes of a chain configure, by name.

    Args:
        chain: a class and its bases, the nearest first.
        values: of constants.
        engine: 4 or 3.
        function: `rpc_config` or `rset_config`.
    """
    found: dict[str, Configured] = {}
    for owner in reversed(chain):
        for call in owner.configurations:
            name = _name(call, owner, values)
            if name is None or call.function != function or len(call.arguments) != 2:
                continue
            made = _entry(call, owner, values, engine)
            found.pop(name, None)
            if made is not None:
                found[name] = made
    return found


def problems_of(owner: ClassSyntax, values: Values, engine: int) -> list[Problem]:
    """Returns the calls of a class whose name or mode is not written out, and those for other nodes."""
    found: list[Problem] = []
    for call in owner.configurations:
        made = _entry(call, owner, values, engine) if len(call.arguments) == 2 else None
        text = ""
        if not call.is_own:
            text = "configures another node: the methods of that node are not known"
        elif _name(call, owner, values) is None:
            text = "the name is not written out: it is not in the list"
        elif made is not None and made.mode == UNKNOWN:
            text = "the mode is not written out"
        elif made is not None and not made.mode:
            text = "has no rpc_mode: the engine refuses it"
        if text:
            found.append(Problem("by-code", owner.script, call.line, f"{call.function}: {text}"))
    return found


def _name(call: Configuration, owner: ClassSyntax, values: Values) -> str | None:
    if not call.is_own or not call.arguments:
        return None
    try:
        name = values.evaluate(call.arguments[0], owner)
    except NotConstant:
        return None
    return str(name) if isinstance(name, str) else None


def _entry(call: Configuration, owner: ClassSyntax, values: Values, engine: int) -> Configured | None:
    """Returns the settings of a call; None if the call takes the entry away."""
    try:
        value = values.evaluate(call.arguments[1], owner)
    except NotConstant:
        return Configured(UNKNOWN, None, UNKNOWN if engine == 4 else "", None, owner, call.line)
    if engine == 3:
        mode = MODES3[value] if type(value) is int and 0 <= value < len(MODES3) else UNKNOWN
        return Configured(mode, mode.endswith("sync"), "", 0, owner, call.line)
    if value is None:
        return None
    return _from_dictionary(value if isinstance(value, dict) else {}, owner, call.line)


def _from_dictionary(settings: dict[Any, Any], owner: ClassSyntax, line: int) -> Configured:
    channel = settings.get("channel", 0)
    mode = settings.get("rpc_mode", "")
    return Configured(
        "" if mode == "" else _MODES.get(mode, UNKNOWN),
        bool(settings.get("call_local", False)),
        _TRANSFERS.get(settings.get("transfer_mode", 2), UNKNOWN),
        channel if type(channel) is int else None,
        owner,
        line,
    )
