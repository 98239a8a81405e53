r"""Host names in any script: the ASCII form that browsers resolve.

    to_ascii("faß.de")         xn--fa-hia.de
    to_ascii("κλαρα-σωλις.ευ")  xn----ylba7abgd9bnh0e.xn--qxa6a

The standard library knows IDNA 2003 only, which sends `faß.de` to `fass.de`: another host. This is UTS 46 as the URL
standard of browsers uses it: non-transitional, symbols and emoji allowed, with the rules for bidirectional text and
joiners. The mapping comes from Python's own Unicode data, so names of newer scripts need a newer Python.

Layer: `protocol`; pure. Source: UTS 46 sections 4 and 4.1; RFC 5893 section 2; RFC 5892 appendix A.1 and A.2.
"""

from __future__ import annotations

import re
from unicodedata import bidirectional, category, combining, normalize

__all__ = ["to_ascii"]

_DOTS = re.compile("[\u3002\uff0e\uff61]")
_KEPT = "ß\u03c2\u200c\u200d"  # the deviations of UTS 46, which only a transitional mapping would change
_IGNORED = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
)
_DESCRIPTIONS = re.compile("[\u2ff0-\u2fff\u31ef\ufffc\ufffd]")  # descriptions of ideographs, replacement characters
_FORBIDDEN = frozenset({"Cn", "Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})
_VIRAMA = 9  # a combining class
_RIGHT_JOINING = re.compile(
    "[\u0622-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0]"
)
_ARABIC = re.compile("[\u0620-\u064a\u066e-\u06d3]")


def to_ascii(host: str) -> str:
    """Returns the ASCII form of a host name, for a look-up.

    Raises:
        ValueError: the text is not a host name. The error does not repeat it.
    """
    mapped = normalize("NFC", "".join(map(_map, _DOTS.sub(".", host))))
    labels = [_checked(label) for label in mapped.split(".")]
    # RFC 5893 section 2: one label in a right-to-left script makes the rule apply to all labels.
    is_bidirectional = any(bidirectional(char) in ("R", "AL", "AN") for label in labels for char in label)
    if is_bidirectional and not all(map(_obeys_bidi_rule, filter(None, labels))):
        raise ValueError("not a host name: it mixes directions of writing")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def _map(char: str) -> str:
    if char in _KEPT:
        return char
    if char == "ẞ":
        return "ß"
    if _IGNORED.match(char):
        return ""
    # Case folding can leave text that is not normalized, so normalize before and after it.
    mapped = normalize("NFKC", normalize("NFKC", char).casefold())
    if (char != "." and ("." in mapped or "\u3002" in mapped)) or _DESCRIPTIONS.match(char):
        raise ValueError("not a host name: a character that may not be in one")
    return mapped


def _checked(label: str) -> str:
    """Returns a label as Unicode, decoded from its ASCII form if it has that form."""
    if label.startswith("xn--") and label.isascii():
        try:
            opened = label[4:].encode().decode("punycode")
        except UnicodeError:
            raise ValueError("not a host name: a part that begins with xn-- is damaged") from None
        # Each label has exactly one ASCII form: refuse a second spelling of the same name.
        if opened.isascii() or "".join(map(_map, opened)) != opened or normalize("NFC", opened) != opened:
            raise ValueError("not a host name: a part that begins with xn-- is not in its only valid form")
        label = opened
    if label and category(label[0]).startswith("M"):
        raise ValueError("not a host name: a part begins with a mark")
    for at, char in enumerate(label):
        if char in "\u200c\u200d":
            if not _may_join(label, at):
                raise ValueError("not a host name: an invisible joiner where none may be")
        elif not char.isascii() and category(char) in _FORBIDDEN:
            raise ValueError("not a host name: a character that may not be in one")
    return label


def _may_join(label: str, at: int) -> bool:
    """Tells whether a joiner may stand at an index: behind a virama; a non-joiner also in joined Arabic letters."""
    before, after = label[at - 1 : at] if at else "", label[at + 1 : at + 2]
    if before and combining(before) == _VIRAMA:
        return True
    is_between = _ARABIC.fullmatch(before) and _ARABIC.fullmatch(after) and not _RIGHT_JOINING.fullmatch(before)
    return label[at] == "\u200c" and bool(is_between)


def _obeys_bidi_rule(label: str) -> bool:
    """Checks the six conditions of RFC 5893 section 2 for one label."""
    kinds = [bidirectional(char) for char in label]
    is_rtl = kinds[0] in ("R", "AL")
    if not is_rtl and kinds[0] != "L":
        return False
    allowed = {"EN", "ES", "CS", "ET", "ON", "BN", "NSM"} | ({"R", "AL", "AN"} if is_rtl else {"L"})
    ends = {"R", "AL", "EN", "AN"} if is_rtl else {"L", "EN"}
    last = next((kind for kind in reversed(kinds) if kind != "NSM"), "")
    both_numbers = is_rtl and "EN" in kinds and "AN" in kinds
    return set(kinds) <= allowed and last in ends and not both_numbers
