"""The labels of a room: a few short values by which players and the lobby search.

    room.labels = check_labels({"map": "sand", "level": 3})
    fits(room.labels, {"map": "sand"})    True

Layer: `rooms`; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["MOST_LABELS", "MOST_LABEL_TEXT", "BadLabels", "Label", "Labels", "check_labels", "fits"]

MOST_LABELS = 16
MOST_LABEL_TEXT = 64
"""Characters of a label's name, and of its value if that is a text."""

Label: TypeAlias = str | int | float | bool
Labels: TypeAlias = Mapping[str, Label]


class BadLabels(ValueError):
    """Labels from outside that no room can have."""


def fits(labels: Labels, wanted: Labels) -> bool:
    """Whether labels have all the wanted names with the wanted values."""
    return all(labels.get(name) == value for name, value in wanted.items())


def check_labels(labels: Mapping[Any, Any] | None) -> dict[str, Label]:
    """Returns a copy of labels from outside.

    Raises:
        BadLabels: there are more than 16, or a name or value is too long or of another type.
    """
    if labels is None:
        return {}
    if len(labels) > MOST_LABELS:
        raise BadLabels(f"at most {MOST_LABELS} labels")
    for name, value in labels.items():
        if not isinstance(name, str) or not 0 < len(name) <= MOST_LABEL_TEXT:
            raise BadLabels(f"a label's name is a text of 1 to {MOST_LABEL_TEXT} characters")
        if not isinstance(value, str | int | float) or _size(value) > MOST_LABEL_TEXT:
            raise BadLabels(f"a label's value is a number, a bool or a text of at most {MOST_LABEL_TEXT} characters")
    return dict(labels)


def _size(value: Label) -> int:
    # Python refuses to write ints of more than 4,300 digits; the engine's have 64 bits.
    return len(value) if isinstance(value, str) else 0 if -(2**63) <= value < 2**63 else MOST_LABEL_TEXT + 1
