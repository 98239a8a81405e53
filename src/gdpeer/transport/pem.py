"""Keys and certificates as PEM: from a file or from memory, and into a file where OpenSSL insists on one.

Layer: `transport`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from gdpeer.errors import Cause, Error, TransportError

__all__ = ["Pem", "private_file", "read_pem", "unusable"]

Pem = str | os.PathLike[str] | bytes
"""The path of a PEM file, or what would be in it."""


def read_pem(pem: Pem, what: str, label: bytes) -> bytes:
    """The text of a PEM file; refused when there is no part with that label in it, or it needs a password."""
    if isinstance(pem, bytes):
        text, where = pem, ""
    else:
        where = f" {os.fspath(pem)!r}"
        try:
            with open(pem, "rb") as file:
                text = file.read()
        except FileNotFoundError as error:
            raise unusable(what + where, "no such file", Error.ERR_FILE_NOT_FOUND) from error
        except (OSError, ValueError) as error:  # ValueError: what cannot be a path
            words = getattr(error, "strerror", "") or str(error)
            raise unusable(what + where, words, Error.ERR_FILE_CANT_OPEN) from error
    if label + b"-----" not in text:
        raise unusable(what + where, f"there is no {label.decode()} in PEM form in it")
    if b"ENCRYPTED" in text:
        raise unusable(what + where, "it is encrypted; store it without a password")
    return text


@contextmanager
def private_file(text: bytes, what: str) -> Iterator[str]:
    """A file that only this user can read, for as long as OpenSSL needs one."""
    try:
        number, path = tempfile.mkstemp(prefix="gdpeer-", suffix=".pem")
    except OSError as error:
        raise unusable(what, f"no temporary file for it: {error.strerror}", Error.ERR_FILE_CANT_WRITE) from error
    try:
        with open(number, "wb") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)


def unusable(what: str, words: str, error: Error = Error.ERR_INVALID_PARAMETER) -> TransportError:
    """The error for a key or certificate that does not serve."""
    return TransportError(f"cannot use {what}: {words}", Cause.TLS, error)
