r"""Text from outside, made fit for a log, an error message or a terminal.

    escape("hi\x1b[2J")                      hi\x1b[2J, the escape sequence written out
    redact("ws://ann:pw@host/room?token=1")  ws://***@host/room?***

`escape` is the one place where text of a stranger becomes harmless: line ends that fake a second log line, escape
sequences that a terminal obeys, marks that turn the direction of writing, halves of surrogate pairs that no file takes.
The log (`gdpeer.logs`), every exception of `gdpeer.errors` and the command line use it.

`redact` is the one place where secrets leave a URL: user info, query and fragment.

Layer: with `errors` the lowest; pure.
"""

from __future__ import annotations

import re

__all__ = ["MOST", "clean", "escape", "redact", "scrub"]

MOST = 200
"""Characters of a stranger's text that are quoted: enough to recognise it by."""

HIDDEN = "***"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://|//")
_AUTHORITY = re.compile(r"[^/?#]*")
_PLAIN_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(:[0-9]+)?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"<>]*[^\s'\"<>.,;:!)]")
_CREDENTIALS = re.compile(r"(?i)\b((?:authorization|cookie)['\"]?\s*[:=,]\s*).+", re.DOTALL)


def escape(text: str, most: int = MOST, keep: str = "") -> str:
    r"""Writes out what a log or a terminal would obey, and cuts what is too long.

    Args:
        text: of anybody.
        most: characters of the result; what is cut ends in three dots. 0: no limit.
        keep: characters that stay although they are no visible ones: `"\n\t"` for text of several lines.
    """
    if most and len(text) > most:
        text = text[: most + 1]  # one too many: it is cut below
    if not text.isprintable():
        text = "".join(
            one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text
        )
    return f"{text[: most - 3]}..." if most and len(text) > most else text


def redact(url: str) -> str:
    """A URL, or the target of a request, without its secrets; also of a text that is no valid URL.

    User info, query and fragment become `***`. Where the user info cannot be told from the rest, more is hidden rather
    than less.
    """
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    authority = _AUTHORITY.match(url, start)
    assert authority is not None  # it may be empty
    end = authority.end()
    if scheme or not url.startswith("/"):
        secret_end = _end_of_user_info(url, start, end)
        if secret_end > start:
            return redact_tail(f"{url[:start]}{HIDDEN}@", url[secret_end:])
    return redact_tail("", url)


def _end_of_user_info(url: str, start: int, end: int) -> int:
    """Where the host begins; `start` where there is no user info."""
    at = url.rfind("@", start, end)
    if at < 0 and not _PLAIN_AUTHORITY.fullmatch(url, start, end):
        at = url.rfind("@", start)  # a password with a slash in it, say
    return at + 1 if at >= 0 else start


def redact_tail(head: str, rest: str) -> str:
    """The rest of a URL without its query and fragment."""
    for mark in "?#":
        found, separator, _ = rest.partition(mark)
        if separator:
            return f"{head}{found}{mark}{HIDDEN}"
    return head + rest


def scrub(text: str) -> str:
    """Hides the secrets of every URL in a text, and all that follows the name of a header that carries credentials."""
    if "://" in text:
        text = _URL.sub(_redact_in_text, text)
    lowered = text.lower()
    if "authorization" in lowered or "cookie" in lowered:  # faster than the expression, which few texts need
        text = _CREDENTIALS.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    return text


def _redact_in_text(found: re.Match[str]) -> str:
    """A URL in a sentence: the colon or the full stop behind it belongs to the sentence."""
    url = found[0].rstrip(":;,.)")
    return redact(url) + found[0][len(url) :]


def clean(text: str, most: int = MOST) -> str:
    """`escape` and `scrub`: for what is logged or told in an error."""
    return escape(scrub(text), most)
