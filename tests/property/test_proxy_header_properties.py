"""Whatever bytes a proxy sends: an address or an error of the transport."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from gdpeer.errors import TransportError
from gdpeer.transport.proxy_header import SIGNATURE, header_size, read_address


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=300))
def test_any_bytes_give_an_address_or_an_error(middle: bytes, rest: bytes) -> None:
    head = SIGNATURE + middle
    with suppress(TransportError):
        size = header_size(head)
        read_address(head, rest[:size])
