r"""Makes text from outside safe for a log, an error message or a terminal.

    escape("hi\x1b[2J")                      hi\x1b[2J, the escape sequence written out
    redact("ws://ann:pw@host/room?token=1")  ws://***@host/room?***
    scrub("nothing at /room/X?seat=e30.e30.e30")    nothing at /room/X?seat=***

Only `escape` makes text from a peer harmless: line ends that fake a second log line, escape sequences that a terminal
obeys, marks that turn the direction of writing, halves of surrogate pairs that no file accepts. The log
(`gdpeer.logs`), every exception of `gdpeer.errors` and the command line use it.

Only `redact` removes secrets from a URL: user info, query and fragment.

Layer: with `errors` the lowest; pure.
"""

from __future__ import annotations

import re

__all__ = ["MOST", "clean", "escape", "redact", "scrub"]

MOST = 200
"""Most characters quoted of a peer's text: enough to recognise it."""

HIDDEN = "***"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://|//")
_AUTHORITY = re.compile(r"[^/?#]*")
_PLAIN_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(:[0-9]+)?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"<>]*[^\s'\"<>.,;:!)]")
_SEATS = re.compile(r"(?i)\b((?:seat|session)=)[^\s&'\"<>]+|\b(seat\.)[\w.\-]{16,}")
_CREDENTIALS = re.compile(r"(?i)\b((?:authorization|cookie)['\"]?\s*[:=,]\s*).+", re.DOTALL)


def escape(text: str, most: int = MOST, keep: str = "") -> str:
    r"""Escapes the characters that a log or a terminal would obey, and cuts a long text.

    Args:
        text: from anybody.
        most: characters of the result; a text that was cut ends in three dots. 0: no limit.
        keep: invisible characters that stay: `"\n\t"` for text of several lines.
    """
    if most and len(text) > most:
        # Cut before escaping, so that a huge text costs little; one character more shows that it was cut.
        text = text[: most + 1]
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text
        )
    return f"{text[: most - 3]}..." if most and len(text) > most else text


def redact(url: str) -> str:
    """Replaces the secrets of a URL, or of a request's target, by `***`: user info, query and fragment.

    Also accepts a text that is no valid URL. If the user info cannot be told from the rest, more is hidden, not less.
    """
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    authority = _AUTHORITY.match(url, start)
    assert authority is not None  # the pattern also matches the empty string
    end = authority.end()
    if scheme or not url.startswith("/"):
        secret_end = _end_of_user_info(url, start, end)
        if secret_end > start:
            return redact_tail(f"{url[:start]}{HIDDEN}@", url[secret_end:])
    return redact_tail("", url)


def _end_of_user_info(url: str, start: int, end: int) -> int:
    """Returns the index at which the host begins; `start` if there is no user info."""
    at = url.rfind("@", start, end)
    if at < 0 and not _PLAIN_AUTHORITY.fullmatch(url, start, end):
        at = url.rfind("@", start)  # for example a password with a slash in it
    return at + 1 if at >= 0 else start


def redact_tail(head: str, rest: str) -> str:
    """Returns the rest of a URL with its query and fragment hidden, behind `head`."""
    for mark in "?#":
        found, separator, _ = rest.partition(mark)
        if separator:
            return f"{head}{found}{mark}{HIDDEN}"
    return head + rest


def scrub(text: str) -> str:
    """Hides the secrets of every URL in a text, and the text behind the name of a header with credentials.

    Also hides the keys and seats of rooms (`gdpeer.rooms`) in a path's query and in a list of sub-protocols.
    """
    if "://" in text:
        text = _URL.sub(_redact_in_text, text)
    lowered = text.lower()
    if "seat" in lowered or "session=" in lowered:
        text = _SEATS.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", text)
    if "authorization" in lowered or "cookie" in lowered:  # faster than the regular expression, which few texts need
        text = _CREDENTIALS.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    return text


def _redact_in_text(found: re.Match[str]) -> str:
    # A colon or full stop behind a URL belongs to the sentence.
    url = found[0].rstrip(":;,.)")
    return redact(url) + found[0][len(url) :]


def clean(text: str, most: int = MOST) -> str:
    """Hides secrets, then escapes: for text in the log or in an error."""
    return escape(scrub(text), most)
