"""Words for what the system refuses."""

from __future__ import annotations

import errno
import sys

import pytest

from gdpeer.errors import Cause, Error
from gdpeer.transport.os_errors import broken, explain, on_android, permission_hint, reason


def test_common_refusals_have_words_of_ours() -> None:
    assert reason(errno.ECONNREFUSED) == "connection refused"
    assert reason(errno.ENOTDIR) == "Not a directory"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_hint_only_on_android(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    assert not on_android()
    assert permission_hint(number) == ""
    assert explain(number) == reason(number)
    monkeypatch.setattr(sys, "platform", "android")
    assert on_android()
    hint = permission_hint(number)
    for word in ("android.permission.INTERNET", "android.permissions", "Buildozer", "Briefcase", "Godot"):
        assert word in hint
    assert explain(number) == f"{reason(number)}; {hint}"
    assert permission_hint(errno.ECONNREFUSED) == ""


def test_python_before_3_13_calls_android_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 24, raising=False)
    assert on_android()


def test_broken_stream() -> None:
    error = broken(ConnectionResetError(errno.ECONNRESET, "reset"))
    assert error.detail == "connection broke: reset by the other side"
    assert (error.cause, error.error) == (Cause.TCP, Error.ERR_CONNECTION_ERROR)
    assert broken(OSError("of its own")).detail == "connection broke: of its own"
