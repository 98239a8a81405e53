"""Keys and certificates from files and from memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport.pem import private_file, read_pem

TEXT = b"-----BEGIN THING-----\nAAAA\n-----END THING-----\n"


def test_text_from_memory_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "thing.pem"
    path.write_bytes(TEXT)
    assert read_pem(TEXT, "thing", b"THING") == TEXT
    assert read_pem(path, "thing", b"THING") == TEXT
    assert read_pem(str(path), "thing", b"THING") == TEXT


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no PEM")
    for path, error, words in (
        (tmp_path / "none", Error.ERR_FILE_NOT_FOUND, "no such file"),
        (tmp_path, Error.ERR_FILE_CANT_OPEN, "Is a directory"),
        ("nul\0byte", Error.ERR_FILE_CANT_OPEN, "null byte"),
        (tmp_path / "text", Error.ERR_INVALID_PARAMETER, "no THING in PEM form"),
    ):
        with pytest.raises(TransportError) as caught:
            read_pem(path, "thing", b"THING")
        assert caught.value.detail.startswith(f"cannot use thing {os.fspath(path)!r}: ")
        assert words in caught.value.detail
        assert (caught.value.error, caught.value.cause) == (error, Cause.TLS)


def test_encrypted_key_is_refused() -> None:
    with pytest.raises(TransportError, match="cannot use key: it is encrypted"):
        read_pem(b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "key", b"PRIVATE KEY")


def test_private_file_is_private_and_goes_away() -> None:
    with private_file(TEXT, "thing") as path:
        assert Path(path).read_bytes() == TEXT
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert not Path(path).exists()
    with pytest.raises(RuntimeError), private_file(TEXT, "thing") as path:
        raise RuntimeError
    assert not Path(path).exists()
