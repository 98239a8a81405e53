"""Reads keys and certificates as PEM, and writes them into a private file where OpenSSL needs a file.

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
"""The path of a PEM file (`str` or a path), or the content of a PEM file (`bytes`)."""


def read_pem(pem: Pem, what: str, label: bytes) -> bytes:
    """Returns the content of a PEM file.

    Args:
        pem: a path, or the content itself.
        what: names it in errors: "key".
        label: a part that must be there: `b"PRIVATE KEY"`.

    Raises:
        TransportError: the file cannot be read, holds no such part, or needs a password.
    """
    if isinstance(pem, bytes):
        text, where = pem, ""
    else:
        where = f" {os.fspath(pem)!r}"
        try:
            with open(pem, "rb") as file:
                text = file.read()
        except FileNotFoundError as error:
            raise unusable(what + where, "no such file", Error.ERR_FILE_NOT_FOUND) from error
        except (OSError, ValueError) as error:  # ValueError: no valid path
            words = getattr(error, "strerror", "") or str(error)
            raise unusable(what + where, words, Error.ERR_FILE_CANT_OPEN) from error
    if label + b"-----" not in text:
        raise unusable(what + where, f"there is no {label.decode()} in PEM form in it")
    if b"ENCRYPTED" in text:
        raise unusable(what + where, "it is encrypted; store it without a password")
    return text


@contextmanager
def private_file(text: bytes, what: str) -> Iterator[str]:
    """Gives the path of a temporary file that only this user can read; the file is removed afterwards.

    Raises:
        TransportError: the system gives no temporary file.
    """
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
    """Returns the error for a key or certificate that cannot be used."""
    return TransportError(f"cannot use {what}: {words}", Cause.TLS, error)
