"""What another implementation says of a stream, and when ours agrees with it."""

from __future__ import annotations

from gdpeer.protocol.frames import is_utf8
from tests.property.streams import Outcome
from tests.unit.protocol.support import BINARY, TEXT

NEWER_CODES = (1012, 1013, 1014)
"""Registered after the RFC; not every implementation knows them."""


class Verdict:
    """What an oracle says: whole messages, what came of the next one, and how it ended (0: it waits for more)."""

    def __init__(self) -> None:
        self.packets: list[tuple[bytes, bool]] = []
        self.partial = b""
        self.is_text = False
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.code = 0
        self.is_lost = False
        """Whether it came upon what it does not support."""

    def take(self, opcode: int, data: bytes, fin: bool) -> None:
        if opcode in (TEXT, BINARY):
            self.is_text = opcode == TEXT
        self.partial += data
        if fin:
            self.packets.append((self.partial, self.is_text))
            self.partial = b""

    def until_bad_text(self) -> tuple[list[tuple[bytes, bool]], bool]:
        """The packets before the first text that is not UTF-8, and whether there is one."""
        for i, (payload, is_text) in enumerate(self.packets):
            if is_text and not is_utf8(payload):
                return self.packets[:i], True
        return self.packets, False


def agrees_on_a_legal_stream(ours: Outcome, expected: Outcome, theirs: Verdict) -> None:
    """The same events for both: messages, pings that were answered, pongs."""
    assert ours == expected
    pongs = [str(len(theirs.pongs)).encode(), theirs.pongs[-1]] if theirs.pongs else []
    assert (theirs.packets, theirs.pings, pongs) == (ours.packets, ours.answers, ours.pongs)


def agrees(ours: Outcome, detail: str, theirs: Verdict) -> None:
    """They wait for whole frames and do not look into texts; in all else both must say the same."""
    code = ours.close[0] if ours.close is not None else 0
    expected, bad_text = theirs.until_bad_text()
    if theirs.is_lost or "shortest form" in detail or "highest bit" in detail:
        return  # not looked at by them
    if bad_text:
        assert (ours.packets, code) == (expected, 1007)
        return
    assert ours.packets == expected
    if code == theirs.code or (code in NEWER_CODES and theirs.code == 1002):
        return
    if theirs.code:
        # Two rules are broken at once, and either may be named: a text that goes on to be wrong, a frame that is too
        # big, a close frame whose code and reason are both wrong.
        both = (code, theirs.code)
        assert code == 1007 or both == (1002, 1009) or (both == (1002, 1007) and "close frame" in detail), detail
    else:
        # A frame that is not all there yet is wrong already.
        assert code in (1002, 1007, 1009), detail
