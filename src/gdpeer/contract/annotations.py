"""Reads the arguments of `@rpc`.

Layer: `contract`; pure. Source: reference godot4-contract 1.1 and 1.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gdpeer.contract.constants import NotConstant
from gdpeer.contract.cursor import split
from gdpeer.contract.tokens import Kind, Token
from gdpeer.project_files.strings import string_value

__all__ = ["Rpc", "parse_rpc"]

UNKNOWN = "?"

_KINDS = {
    "mode": ("any_peer", "authority"),
    "call_local": ("call_local", "call_remote"),
    "transfer": ("reliable", "unreliable", "unreliable_ordered"),
}
_WORDS = 3
"""Most words before the channel."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """The settings of an `@rpc` annotation; the fields are those of `model.Method`.

    Attributes:
        expression: the tokens between the parentheses, if an argument is an expression; its values are unknown then.
        unknown: why a value is unknown; "" if all are known.
    """

    mode: str = "authority"
    call_local: bool | None = False
    transfer: str = "reliable"
    channel: int | None = 0
    expression: tuple[Token, ...] = ()
    unknown: str = ""


def _unevaluated(tokens: Sequence[Token]) -> Any:
    raise NotConstant("it is an expression")


def parse_rpc(tokens: Sequence[Token], evaluate: Callable[[Sequence[Token]], Any] = _unevaluated) -> Rpc:
    """Reads the tokens between the parentheses of an `@rpc`.

    Args:
        tokens: without the parentheses.
        evaluate: returns the value of an expression, or raises `NotConstant`. Without it, the values of expressions are
            unknown.

    Raises:
        ValueError: the engine would not load the script; the text gives the reason.
    """
    arguments = split(tokens)
    if len(arguments) > _WORDS + 1:
        raise ValueError(f"@rpc takes 4 arguments at most, not {len(arguments)}")
    found = Rpc()
    seen: set[str] = set()
    try:
        for argument in arguments[:_WORDS]:
            found = _with_word(found, _word(argument, evaluate), seen)
    except NotConstant as error:
        # Only the value tells which setting it is, so all three are unknown.
        found = Rpc(UNKNOWN, None, UNKNOWN, 0, tuple(tokens), str(error))
    if len(arguments) > _WORDS:
        try:
            found = replace(found, channel=_channel(arguments[_WORDS], evaluate))
        except NotConstant as error:
            found = replace(found, channel=None, expression=tuple(tokens), unknown=found.unknown or str(error))
    return found


def _word(argument: Sequence[Token], evaluate: Callable[[Sequence[Token]], Any]) -> Any:
    if not argument:
        raise ValueError("@rpc has an empty argument")
    first = argument[0]
    if len(argument) == 1 and first.kind is Kind.STRING:
        return string_value(first.text)
    if len(argument) == 1 and any(first.text in words for words in _KINDS.values()):
        raise ValueError(f'@rpc: expected "{first.text}" in quotes')
    return evaluate(argument)


def _with_word(found: Rpc, word: Any, seen: set[str]) -> Rpc:
    if type(word) in (int, float):
        raise ValueError("the channel of @rpc is its 4th argument")
    kind = next((name for name, words in _KINDS.items() if word in words), "") if isinstance(word, str) else ""
    if not kind:
        raise ValueError(f"@rpc has no word {word!r:.60}")
    if kind in seen:
        raise ValueError(f"@rpc has two words of a kind: {word!r} is the second")
    seen.add(kind)
    value: Any = word == "call_local" if kind == "call_local" else str(word)
    return replace(found, **{kind: value})


def _channel(argument: Sequence[Token], evaluate: Callable[[Sequence[Token]], Any]) -> int:
    if len(argument) == 1 and argument[0].kind is Kind.STRING:
        raise ValueError(f"@rpc: expected a number for the channel, got {argument[0].text:.60}")
    value = evaluate(argument)
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"@rpc: expected a number for the channel, got {value!r:.60}")
    return int(value)
