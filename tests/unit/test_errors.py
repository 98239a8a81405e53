"""Error numbers, causes and exceptions."""

from __future__ import annotations

import dataclasses

import pytest

import gdpeer
from gdpeer.errors import Cause, CloseCause, Error, GdpeerError, HandshakeError, ProtocolError, TransportError


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("OK", 0),
        ("FAILED", 1),
        ("ERR_UNAVAILABLE", 2),
        ("ERR_OUT_OF_MEMORY", 6),
        ("ERR_FILE_NOT_FOUND", 7),
        ("ERR_ALREADY_IN_USE", 22),
        ("ERR_TIMEOUT", 24),
        ("ERR_CANT_CONNECT", 25),
        ("ERR_CONNECTION_ERROR", 27),
        ("ERR_INVALID_PARAMETER", 31),
        ("ERR_BUSY", 44),
        ("ERR_PRINTER_ON_FIRE", 48),
    ],
)
def test_numbers_are_the_engines(name: str, number: int) -> None:
    assert Error[name] == number
    assert getattr(gdpeer, name) is Error[name]


def test_numbers_have_no_gap() -> None:
    assert [int(error) for error in Error] == list(range(49))


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (CloseCause(), "none"),
        (CloseCause(Cause.DNS, "no such name"), "dns: no such name"),
        (CloseCause(Cause.HTTP_STATUS, "the server answered 404", 404), "http status: the server answered 404"),
    ],
)
def test_cause_reads_as_one_line(cause: CloseCause, text: str) -> None:
    assert str(cause) == text


def test_cause_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CloseCause().status = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (GdpeerError("a"), {"cause": Cause.NONE}),
        (TransportError("a"), {"cause": Cause.TCP, "error": Error.FAILED}),
        (TransportError("a", Cause.DNS, Error.ERR_CANT_RESOLVE), {"cause": Cause.DNS, "error": Error.ERR_CANT_RESOLVE}),
        (HandshakeError("a"), {"cause": Cause.UPGRADE, "status": 0, "headers": ()}),
        (HandshakeError("a", status=405, headers=(("Allow", "GET"),)), {"status": 405, "headers": (("Allow", "GET"),)}),
        (ProtocolError("a"), {"cause": Cause.PROTOCOL_ERROR, "code": 1002}),
        (ProtocolError("a", 1009, Cause.TOO_BIG), {"cause": Cause.TOO_BIG, "code": 1009}),
    ],
)
def test_every_exception_says_what_and_why(error: GdpeerError, fields: dict[str, object]) -> None:
    assert isinstance(error, GdpeerError)
    assert (str(error), error.detail) == ("a", "a")
    assert {name: getattr(error, name) for name in fields} == fields
