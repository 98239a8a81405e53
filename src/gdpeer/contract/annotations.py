"""Reads the arguments of `@rpc`.

Layer: `contract`; pure. Source: reference godot4-contract 1.1 and 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

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
    """The settings of an `@rpc` annotation; the fields are those of `model.Method`."""

    mode: str = "authority"
    call_local: bool | None = False
    transfer: str = "reliable"
    channel: int | None = 0


def parse_rpc(tokens: Sequence[Token]) -> Rpc:
    """Reads the tokens between the parentheses of an `@rpc`.

    Raises:
        ValueError: the engine would not load the script; the text gives the reason.
    """
    arguments = _split(tokens)
    if len(arguments) > _WORDS + 1:
        raise ValueError(f"@rpc takes 4 arguments at most, not {len(arguments)}")
    found = Rpc()
    seen: set[str] = set()
    for argument in arguments[:_WORDS]:
        found = _with_word(found, argument, seen)
    if len(arguments) > _WORDS:
        found = replace(found, channel=_channel(arguments[_WORDS]))
    return found


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    """Splits the tokens at the commas; a comma at the end adds no argument."""
    arguments: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.depth
        if token.kind is Kind.MARK and token.text == "," and depth == 0:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return arguments if arguments[-1] else arguments[:-1]


def _with_word(found: Rpc, argument: Sequence[Token], seen: set[str]) -> Rpc:
    if len(argument) != 1 or argument[0].kind is Kind.WORD:
        text = argument[0].text
        if len(argument) == 1 and text.isdigit():
            raise ValueError("the channel of @rpc is its 4th argument")
        if len(argument) == 1 and any(text in words for words in _KINDS.values()):
            raise ValueError(f'@rpc: expected "{text}" in quotes')
        # A constant expression: only its value tells which setting it is, so all three become unknown.
        return Rpc(UNKNOWN, None, UNKNOWN, found.channel)
    if argument[0].kind is not Kind.STRING:
        raise ValueError(f'@rpc: expected a word such as "any_peer", got {argument[0].text}')
    word = string_value(argument[0].text)
    kind = next((name for name, words in _KINDS.items() if word in words), "")
    if not kind:
        raise ValueError(f"@rpc has no word {word!r}")
    if kind in seen:
        raise ValueError(f"@rpc has two words of a kind: {word!r} is the second")
    seen.add(kind)
    value: Any = word == "call_local" if kind == "call_local" else word
    # An expression before this word may have set any of the three.
    return found if found.mode == UNKNOWN else replace(found, **{kind: value})


def _channel(argument: Sequence[Token]) -> int | None:
    text = "".join(token.text for token in argument)
    if any(token.kind is Kind.STRING for token in argument) and len(argument) == 1:
        raise ValueError(f"@rpc: expected a number for the channel, got {text}")
    try:
        return int(text, 0) if text.lower().startswith(("0x", "-0x", "0b", "-0b")) else int(float(text))
    except (ValueError, OverflowError):
        return None  # an expression, whose value only the engine knows
