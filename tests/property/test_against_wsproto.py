"""The same streams through wsproto: the packets before an end, and the code that it ends with."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, TextMessage
from wsproto.utilities import RemoteProtocolError

from tests.property.oracle import Verdict, agrees
from tests.property.streams import ROLES, damaged, make, run, streams
from tests.unit.protocol.support import BINARY, TEXT


def ask_wsproto(stream: bytes, is_client: bool) -> Verdict:
    oracle = Connection(ConnectionType.CLIENT if is_client else ConnectionType.SERVER)
    verdict = Verdict()
    try:
        oracle.receive_data(stream)
        for event in oracle.events():
            if isinstance(event, Message):
                is_text = isinstance(event, TextMessage)
                data = event.data.encode() if is_text else bytes(event.data)
                verdict.take(TEXT if is_text else BINARY, data, event.message_finished)
            elif isinstance(event, CloseConnection):
                verdict.code = event.code
    except RemoteProtocolError as problem:
        verdict.code = problem.event_hint.code
    return verdict


def compare(stream: bytes, is_client: bool) -> None:
    connection = make(is_client)
    outcome = run(connection, [stream])
    detail = connection.failure.detail if connection.failure is not None else ""
    agrees(outcome, detail, ask_wsproto(stream, is_client))


@given(st.data(), ROLES)
def test_legal_streams(data: st.DataObject, is_client: bool) -> None:
    stream, expected = data.draw(streams(to_client=is_client))
    assert ask_wsproto(stream, is_client).packets == expected.packets
    compare(stream, is_client)


@settings(max_examples=settings.default.max_examples * 2)
@given(st.data(), ROLES)
def test_damaged_streams(data: st.DataObject, is_client: bool) -> None:
    compare(data.draw(damaged(data.draw(streams(to_client=is_client))[0])), is_client)
