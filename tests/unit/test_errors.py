"""Error numbers, causes and exceptions."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import pickle

import pytest

import gdpeer
import gdpeer.godot3
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


ENUMERATIONS = [
    (Error.ERR_UNCONFIGURED, "ERR_UNCONFIGURED (3)"),
    (gdpeer.OK, "OK (0)"),
    (gdpeer.WebSocketPeer.State.OPEN, "OPEN (1)"),
    (gdpeer.WebSocketPeer.WriteMode.TEXT, "TEXT (0)"),
    (gdpeer.WebSocketClient.ConnectionStatus.CONNECTED, "CONNECTED (2)"),
    (gdpeer.ConnectionStatus.CONNECTING, "CONNECTING (1)"),
    (gdpeer.TransferMode.RELIABLE, "RELIABLE (2)"),
    (gdpeer.RPCMode.ANY_PEER, "ANY_PEER (1)"),
    (gdpeer.VariantType.TYPE_VECTOR2, "TYPE_VECTOR2 (5)"),
    (gdpeer.VariantType3.TYPE_VECTOR2, "TYPE_VECTOR2 (5)"),
    (gdpeer.StreamPeerTCP().get_status(), "NONE (0)"),
]


@pytest.mark.parametrize(("member", "text"), ENUMERATIONS)
def test_enumerations_print_their_names_and_stay_ints(
    member: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print(member)
    assert capsys.readouterr().out == f"{text}\n"
    assert f"{member}" == f"{member!s}" == "{}".format(member) == "%s" % (member,) == text  # noqa: UP031, UP032
    assert f"{member:>30}" == text.rjust(30)
    assert f"{member:d}" == f"{member:03d}".lstrip("0") or member == 0
    assert isinstance(member, int)
    assert "%d" % member == str(int(member)) == json.dumps(member)  # noqa: UP031
    assert member + 1 == int(member) + 1
    assert pickle.loads(pickle.dumps(member)) is member


def test_causes_print_their_names_too() -> None:
    assert str(Cause.HTTP_STATUS) == f"{Cause.HTTP_STATUS}" == "HTTP_STATUS (http status)"


def test_every_public_enumeration_prints_its_names() -> None:
    found = [
        kind
        for module in (gdpeer, gdpeer.godot3)
        for name in module.__all__
        if inspect.isclass(kind := getattr(module, name)) and issubclass(kind, enum.Enum)
    ]
    assert len(found) > 6
    for kind in found:
        for member in kind:
            assert str(member) == f"{member.name} ({member.value})"
