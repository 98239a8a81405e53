"""C2: the same streams through wsproto: the packets before an end, and the code that it ends with."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.utilities import RemoteProtocolError

from tests.property.oracle import NEWER_CODES, Verdict, agrees, agrees_on_a_legal_stream
from tests.property.streams import CUTS, ROLES, cut, damaged, make, run, streams
from tests.support.figures import record
from tests.support.forms import FORM
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
            elif isinstance(event, Ping | Pong):
                (verdict.pings if isinstance(event, Ping) else verdict.pongs).append(bytes(event.payload))
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


def test_c2_legal_streams() -> None:
    count = 0

    @given(st.data(), ROLES, CUTS)
    def check(data: st.DataObject, is_client: bool, places: list[float]) -> None:
        nonlocal count
        stream, expected = data.draw(streams(to_client=is_client))
        verdict = ask_wsproto(stream, is_client)
        agrees_on_a_legal_stream(run(make(is_client), cut(stream, places)), expected, verdict)
        code = expected.close[0] if expected.close is not None else 0
        assert verdict.code == code or code in NEWER_CODES
        count += 1

    check()
    record("C2", **{f"wsproto_{FORM}": count})


@settings(max_examples=settings.default.max_examples * 2)
@given(st.data(), ROLES)
def test_damaged_streams(data: st.DataObject, is_client: bool) -> None:
    compare(data.draw(damaged(data.draw(streams(to_client=is_client))[0])), is_client)
