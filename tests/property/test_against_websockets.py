"""C2: the same streams through websockets: the packets before an end, and the code that it ends with."""

from __future__ import annotations

import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets import protocol
from websockets.extensions.permessage_deflate import PerMessageDeflate

from gdpeer.protocol.deflate import Agreement
from tests.property.oracle import Verdict, agrees, agrees_on_a_legal_stream
from tests.property.streams import AGREEMENTS, CUTS, ROLES, cut, damaged, make, run, streams
from tests.support.figures import record
from tests.support.forms import FORM
from tests.unit.protocol.support import BINARY, CONTINUATION, PING, PONG, TEXT

MAX_SIZE = 65_535


class Deflate(PerMessageDeflate):
    """Tells whether a final block ended a stream, behind which this implementation reads nothing more."""

    has_ended = False
    _decoder = zlib.decompressobj()

    @property
    def decoder(self) -> zlib._Decompress:
        return self._decoder

    @decoder.setter
    def decoder(self, decoder: zlib._Decompress) -> None:
        self._decoder = decoder

    @decoder.deleter
    def decoder(self) -> None:
        self.has_ended = self.has_ended or self._decoder.eof


def ask_websockets(stream: bytes, is_client: bool, agreement: Agreement | None) -> Verdict:
    side = protocol.Side.CLIENT if is_client else protocol.Side.SERVER
    oracle = protocol.Protocol(side, state=protocol.State.OPEN, max_size=MAX_SIZE)
    if agreement is not None:
        server = (agreement.server_no_context_takeover, agreement.server_max_window_bits)
        client = (agreement.client_no_context_takeover, agreement.client_max_window_bits)
        theirs, ours = (server, client) if is_client else (client, server)
        oracle.extensions = [Deflate(theirs[0], ours[0], theirs[1], max(9, ours[1]))]
    oracle.receive_data(stream)
    verdict = Verdict()
    for event in oracle.events_received():
        if event.opcode in (CONTINUATION, TEXT, BINARY):
            verdict.take(event.opcode, bytes(event.data), event.fin)
        elif event.opcode in (PING, PONG):
            (verdict.pings if event.opcode == PING else verdict.pongs).append(bytes(event.data))
    if oracle.parser_exc is not None:
        verdict.code = oracle.close_sent.code if oracle.close_sent is not None else 1002
    elif oracle.close_rcvd is not None:
        verdict.code = oracle.close_rcvd.code
    verdict.is_lost = any(extension.has_ended or extension.decoder.eof for extension in oracle.extensions)
    return verdict


def compare(stream: bytes, is_client: bool, agreement: Agreement | None) -> None:
    connection = make(is_client, agreement)
    outcome = run(connection, [stream])
    detail = connection.failure.detail if connection.failure is not None else ""
    agrees(outcome, detail, ask_websockets(stream, is_client, agreement))


def test_c2_legal_streams() -> None:
    count = 0

    @given(st.data(), ROLES, st.none() | AGREEMENTS, CUTS)
    def check(data: st.DataObject, is_client: bool, agreement: Agreement | None, places: list[float]) -> None:
        nonlocal count
        stream, expected = data.draw(streams(to_client=is_client, agreement=agreement))
        verdict = ask_websockets(stream, is_client, agreement)
        agrees_on_a_legal_stream(run(make(is_client, agreement), cut(stream, places)), expected, verdict)
        assert verdict.code == (expected.close[0] if expected.close is not None else 0)
        count += 1

    check()
    record("C2", **{f"websockets_{FORM}": count})


@settings(max_examples=settings.default.max_examples * 2)
@given(st.data(), ROLES, st.none() | AGREEMENTS)
def test_damaged_streams(data: st.DataObject, is_client: bool, agreement: Agreement | None) -> None:
    compare(data.draw(damaged(data.draw(streams(to_client=is_client, agreement=agreement))[0])), is_client, agreement)
