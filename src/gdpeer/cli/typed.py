"""Parses the lines that a person types in `gdpeer connect`; a line that begins with a slash is a command.

The functions are pure, so that they can be tested without a connection.

Layer: `cli`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HELP", "Binary", "Close", "Help", "Ping", "Typed", "parse"]

HELP = """\
/ping                    measure the round-trip time
/close [CODE [REASON]]   close the connection (1000 unless another code is given)
/binary HEX              send bytes: /binary 00 ff 0a
/help                    show this text
//TEXT                   send /TEXT
All other lines are sent unchanged. To end, use /close, Ctrl-C or the end of input (Ctrl-D)."""


@dataclass(frozen=True, slots=True)
class Ping:
    """`/ping`: measures the round trip."""


@dataclass(frozen=True, slots=True)
class Help:
    """`/help`: shows the commands that a line can hold."""


@dataclass(frozen=True, slots=True)
class Close:
    """`/close`: closes the connection with a code and a reason."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Binary:
    """`/binary`: sends bytes as a binary message."""

    data: bytes


Typed = Ping | Help | Close | Binary | str


def parse(line: str) -> Typed:
    """Returns the command of a typed line, or the text to send.

    Raises:
        ValueError: the command is unknown, or its arguments are wrong; the message says which.
    """
    if line.startswith("//"):
        return line[1:]
    if not line.startswith("/"):
        return line
    name, _, rest = line.partition(" ")
    match name:
        case "/ping":
            return Ping()
        case "/help":
            return Help()
        case "/close":
            return parse_close(rest.strip())
        case "/binary":
            return Binary(parse_hex(rest))
    raise ValueError(f"unknown command {name}: /help lists the commands, //TEXT sends /TEXT")


def parse_close(rest: str) -> Close:
    """Parses the arguments of `/close`.

    Raises:
        ValueError: an application may not send this code (RFC 6455 section 7.4), or the reason is too long.
    """
    if not rest:
        return Close()
    number, _, reason = rest.partition(" ")
    if not (number.isascii() and number.isdigit()):  # isdigit alone takes ² too
        raise ValueError(f"{number!r} is not a close code")
    code = int(number)
    if not (code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code <= 4999):
        raise ValueError(f"close code {code} may not be sent; 1000 and 3000 to 4999 are always allowed")
    if len(reason.encode()) > 123:  # a close frame holds 125 bytes, and two are the code
        raise ValueError("the reason may have at most 123 bytes")
    return Close(code, reason)


def parse_hex(rest: str) -> bytes:
    """Parses hex digits, with or without spaces between the bytes.

    Raises:
        ValueError: the text is not pairs of hex digits.
    """
    try:
        return bytes.fromhex(rest)
    except ValueError:
        raise ValueError("/binary: expected pairs of hex digits, such as 00 ff 0a") from None
