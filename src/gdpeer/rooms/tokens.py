"""Session keys and signed seats: by them the hall knows which place of a room a connection is for.

    digest = session_digest(b"22 random characters...")     the hall keeps the digest with the place

    keys = SeatKeys(secret)                                 needs PyJWT: pip install gdpeer[cluster]
    token = issue_seat(keys, SeatClaims("K7Q2M3", "arena", 2, draw_jti(), now + 15, now + 3600))
    claims = check_seat(keys, token, now)                   raises SeatRefused
    claims.check_first_use(now)                             only if no place has this `jti` yet

A seat is a JWT, signed by HS256 over the raw bytes of the secret. Any program that has the secret can issue seats.

| Claim | Meaning |
|---|---|
| `rid` | the code of the room |
| `knd` | the kind of the room |
| `pid` | the peer id |
| `jti` | names the seat: 16 random bytes as text |
| `exp` | the last moment of the first use, in seconds since 1970 |
| `rsm` | the last moment of a later use, while the place is kept |
| `nbf` | optional: the first moment of use |
| `plr` | optional: the player's name |

Invariants: the algorithm is never taken from the token; a token is sized before anything is decoded; the signature is
checked before any claim is read, and compared in constant time; no error repeats a token.

Layer: `rooms`; pure but for the random numbers of the system. Source: RFC 7515, RFC 7519.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from binascii import a2b_base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from gdpeer.errors import HandshakeError

__all__ = [
    "LEAST_SECRET",
    "LONGEST_RESUME",
    "MOST_TEXT",
    "MOST_TOKEN",
    "SeatClaims",
    "SeatKeys",
    "SeatRefused",
    "check_seat",
    "draw_jti",
    "issue_seat",
    "load_secrets",
    "session_digest",
]

LEAST_SECRET = 32
"""Bytes of the shortest secret: as many as SHA-256 gives (RFC 7518 section 3.2)."""

MOST_TOKEN = 8_192
"""Characters of the longest token that is decoded. A seat without a player's name has about 250."""

LONGEST_RESUME = 86_400.0
"""Seconds from `exp` in which a place can be resumed at most, whatever `rsm` says."""

MOST_TEXT = 256
"""Characters of the longest player's name, and of the longest `jti`."""

VARIABLE = "GDPEER_SECRET"

_ALGORITHM = "HS256"
_HIGHEST_ID = 2**31 - 1


class SeatRefused(HandshakeError):
    """A seat that gives no place; the client gets status 403.

    Attributes:
        reason: for metrics: "forged", "malformed", "expired", "early", "used" or "other room".
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail, status=403)
        self.reason = reason


# ------------------------------------------------------------------------------------------------ session keys


def session_digest(key: bytes) -> bytes:
    """Returns the SHA-256 digest of a session key: the hall compares digests and never stores a key."""
    return hashlib.sha256(key).digest()


# ------------------------------------------------------------------------------------------------ secrets


class SeatKeys:
    """The secrets that sign and check seats: the current secret, and a former secret during a rotation.

    Seats are signed with the current secret. Seats that the former secret signed stay valid, so both programs can
    change their secret one after the other: give the new secret first and the old secret second to each program, and
    later the new secret alone.

    Args:
        current: at least 32 bytes; draw it with `secrets.token_bytes(32)`.
        former: the secret before; None outside of a rotation.

    Raises:
        ValueError: a secret is shorter than 32 bytes.
        TypeError: a secret is not bytes.
    """

    __slots__ = ("_secrets",)

    def __init__(self, current: bytes, former: bytes | None = None) -> None:
        found = [current] if former is None else [current, former]
        self._secrets = {_key_id(check_secret(secret)): bytes(secret) for secret in found}

    def signing(self) -> tuple[str, bytes]:
        """Returns the current secret, and its id for the header `kid` of a token."""
        return next(iter(self._secrets.items()))

    def secrets(self) -> Collection[bytes]:
        """Returns the secrets that may have signed a token, the current secret first."""
        # Both are tried, and the `kid` of a token is not read: nothing of a token counts before its signature does.
        return self._secrets.values()

    def __repr__(self) -> str:
        return f"<SeatKeys {', '.join(self._secrets)}>"


def check_secret(secret: bytes) -> bytes:
    """Returns the secret if its type and its length are right; raises TypeError or ValueError."""
    if not isinstance(secret, bytes | bytearray):
        raise TypeError(f"the secret must be bytes, not {type(secret).__name__}")
    if len(secret) < LEAST_SECRET:
        raise ValueError(
            f"the secret has {len(secret)} bytes; it needs at least {LEAST_SECRET}. Make one with: openssl rand -hex 32"
        )
    return bytes(secret)


def _key_id(secret: bytes) -> str:
    # Eight hexadecimal digits tell two secrets apart, and say nothing about a random secret.
    return hashlib.sha256(b"gdpeer seat key\0" + secret).hexdigest()[:8]


def load_secrets(
    path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ
) -> SeatKeys | None:
    """Reads the secrets from a file, or from the variable `GDPEER_SECRET`. Without both it returns None.

    A file of printable text holds a secret in each line: first the current secret, then the former secret if there is
    one. The line's bytes are the secret, without the blanks around them. Any other file is one secret, byte for byte.
    The variable is read as a file of text.

    Args:
        path: of the file; None reads the variable.
        environ: the variables.

    Raises:
        OSError: the file cannot be read.
        ValueError: a secret is shorter than 32 bytes, or there are more than two. The text names the file or the
            variable, and repeats no secret.
    """
    if path is None and VARIABLE not in environ:
        return None
    source = VARIABLE if path is None else os.fspath(path)
    data = os.fsencode(environ[VARIABLE]) if path is None else Path(path).read_bytes()
    try:
        return SeatKeys(*_split(data))
    except ValueError as problem:
        raise ValueError(f"{source}: {problem}") from None


def _split(data: bytes) -> list[bytes]:
    is_text = data.isascii() and all(byte >= 0x20 or byte in b"\t\r\n" for byte in data)
    found = [line.strip() for line in data.split(b"\n") if line.strip()] if is_text else [data]
    if len(found) > 2:
        raise ValueError("more than two secrets: the current and the former secret, each in a line of its own")
    return found or [b""]


# ------------------------------------------------------------------------------------------------ seats


@dataclass(frozen=True, slots=True)
class SeatClaims:
    """The claims of a seat.

    Attributes:
        room: the code of the room.
        kind: of the room.
        peer_id: 2 to 2,147,483,647.
        jti: names the seat. Whoever knows it can do nothing without the secret.
        expires: the last moment of the first use, in seconds since 1970.
        resume_until: the last moment of a later use.
        not_before: the first moment of use; 0: any.
        player: the player's name; None: not given.
    """

    room: str
    kind: str
    peer_id: int
    jti: str
    expires: float
    resume_until: float
    not_before: float = 0.0
    player: str | None = None

    def check_first_use(self, now: float) -> None:
        """Refuses a seat that is used for the first time after `expires`, by SeatRefused."""
        if now > self.expires:
            raise SeatRefused("expired", "the seat was not used in time: ask the lobby for another")

    def check_room(self, code: str, kind: str) -> None:
        """Refuses a seat of another room, by SeatRefused."""
        if self.room != code or self.kind != kind:
            raise SeatRefused("other room", "the seat is for another room")


def draw_jti() -> str:
    """Draws the name of a new seat: 16 random bytes as 22 characters."""
    return secrets.token_urlsafe(16)


def issue_seat(keys: SeatKeys, claims: SeatClaims) -> str:
    """Returns a signed token for the claims.

    Raises:
        ImportError: PyJWT is not installed. The text says how to install it.
    """
    kid, secret = keys.signing()
    content: dict[str, object] = {
        "rid": claims.room,
        "knd": claims.kind,
        "pid": claims.peer_id,
        "jti": claims.jti,
        "exp": ceil(claims.expires),
        "rsm": ceil(claims.resume_until),
    }
    if claims.not_before:
        content["nbf"] = int(claims.not_before)
    if claims.player is not None:
        content["plr"] = claims.player
    token: str = load_jwt().encode(content, secret, _ALGORITHM, {"kid": kid})
    return token


def check_seat(keys: SeatKeys, token: str, now: float) -> SeatClaims:
    """Returns the claims of a token whose signature, form and time are right.

    A token that was used already counts until `rsm`. So for a token whose `jti` has no place yet, also call
    `check_first_use` of the result.

    Args:
        keys: the secrets.
        token: from a stranger; any text.
        now: seconds since 1970.

    Raises:
        SeatRefused: the token gives no place.
        ImportError: PyJWT is not installed. The text says how to install it.
    """
    if len(token) > MOST_TOKEN or not token.isascii():
        raise SeatRefused("malformed", "this is no seat")
    claims = _read_claims(_verified(keys, token))
    if now > max(claims.expires, claims.resume_until):
        raise SeatRefused("expired", "the seat has expired: ask the lobby for another")
    if now < claims.not_before:
        raise SeatRefused("early", "the seat is not valid yet")
    return claims


@cache
def _hs256() -> Any:
    hmac = load_jwt().algorithms.HMACAlgorithm
    return hmac(hmac.SHA256)


def _verified(keys: SeatKeys, token: str) -> dict[str, Any]:
    """Returns the content of a token that one of the secrets has signed."""
    # PyJWT's own `decode` reads the header first, and takes three times as long. Here the signature comes first, always
    # with the same algorithm: nothing of a forged token is read, and `alg: none` is a signature that does not fit.
    signed, _, signature = token.rpartition(".")
    given, hs256 = _decoded(signature), _hs256()
    # All secrets are tried, without a look at the result so far, so that the time tells nothing about them.
    fits = [hs256.verify(signed.encode("ascii"), secret, given) for secret in keys.secrets()]
    if not any(fits):
        raise SeatRefused("forged", "this is no seat, or it was signed with another secret")
    header, _, payload = signed.partition(".")
    _check_header(header)
    return _read_json(payload)


@lru_cache(maxsize=16)
def _check_header(header: str) -> None:
    """Refuses a header that asks for something else. Cached: all seats of a program have the same header."""
    found = _read_json(header)
    if found.get("alg") != _ALGORITHM or "crit" in found:
        raise SeatRefused("malformed", f"a seat is signed by {_ALGORITHM}, and has no critical headers")


def _decoded(text: str) -> bytes:
    """Returns the bytes of a part of a token: base64url without padding. Empty if the text is something else."""
    try:
        return a2b_base64(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return b""


_URL_SAFE = str.maketrans("-_+/=", "+/___")  # the last three are no base64url: they become what strict_mode refuses


def _read_json(part: str) -> dict[str, Any]:
    try:
        content = json.loads(_decoded(part))
    except (ValueError, RecursionError):  # the last for JSON that is nested a thousand times
        content = None
    if not isinstance(content, dict):
        raise SeatRefused("malformed", "header and claims of a seat are JSON objects")
    return content


def _read_claims(content: dict[str, Any]) -> SeatClaims:
    """Checks the form of the claims: a program with the secret has written them, but it may have mistakes."""
    room, kind, jti, player = content.get("rid"), content.get("knd"), content.get("jti"), content.get("plr")
    peer_id = content.get("pid")
    expires, resume, begin = content.get("exp"), content.get("rsm"), content.get("nbf", 0)
    if not (_is_text(room) and _is_text(kind) and _is_text(jti) and (player is None or _is_text(player))):
        raise SeatRefused("malformed", "rid, knd, jti and plr of a seat are texts")
    if type(peer_id) is not int or not 2 <= peer_id <= _HIGHEST_ID:
        raise SeatRefused("malformed", "pid of a seat is a peer id: 2 to 2147483647")
    if not (_is_time(expires) and _is_time(resume) and _is_time(begin)):
        raise SeatRefused("malformed", "exp, rsm and nbf of a seat are seconds since 1970")
    resume = min(float(resume), float(expires) + LONGEST_RESUME)
    return SeatClaims(room, kind, peer_id, jti, float(expires), resume, float(begin), player)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MOST_TEXT


def _is_time(value: object) -> TypeGuard[int | float]:
    # Also false for NaN and infinity; an int of any size can be compared.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def load_jwt() -> ModuleType:
    """Returns PyJWT.

    Raises:
        ImportError: PyJWT is not installed.
    """
    try:
        import jwt
    except ImportError:
        raise ImportError("signed seats need PyJWT: pip install gdpeer[cluster]") from None
    return jwt
