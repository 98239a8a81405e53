"""The header of PROXY protocol version 2, and which proxies are trusted."""

from __future__ import annotations

import struct

import pytest

from gdpeer.errors import TransportError
from gdpeer.transport.proxy_header import HEAD, MOST_REST, SIGNATURE, Proxies, header_size, read_address

# As HAProxy 2.6 sends it for 192.0.2.7:45210 to 10.0.0.1:8910.
HAPROXY = bytes.fromhex("0d0a0d0a000d0a515549540a2111000cc0000207 0a000001 b09a 22ce".replace(" ", ""))
V6 = (
    SIGNATURE
    + b"\x21\x21\x00\x24"
    + bytes.fromhex("20010db8" + "00" * 11 + "01")
    + bytes(16)
    + struct.pack("!HH", 7, 8)
)


def read(data: bytes) -> object:
    size = header_size(data[:HEAD])
    return read_address(data[:HEAD], data[HEAD : HEAD + size])


def test_the_address_of_the_client() -> None:
    assert read(HAPROXY) == ("192.0.2.7", 45210)
    assert read(V6) == ("2001:db8::1", 7)


def test_ipv4_within_ipv6_is_ipv4() -> None:
    mapped = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 9])
    assert read(V6[:HEAD] + mapped + V6[HEAD + 16 :]) == ("192.0.2.9", 7)


@pytest.mark.parametrize("start", [b"\x20\x11", b"\x21\x00", b"\x21\x12", b"\x21\x31"], ids=bytes.hex)
def test_a_check_of_the_proxy_and_other_families_name_nobody(start: bytes) -> None:
    assert read(SIGNATURE + start + HAPROXY[14:]) is None


def test_what_follows_the_addresses_is_ignored() -> None:
    more = HAPROXY[HEAD:] + b"\x04\x00\x01x"
    assert read(HAPROXY[:14] + struct.pack("!H", len(more)) + more) == ("192.0.2.7", 45210)


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"PROXY TCP4 192.0.", "version 2"),
        (b"GET / HTTP/1.1\r\n", "version 2"),
        (SIGNATURE + b"\x11\x11\x00\x0c", "version 2"),
        (SIGNATURE + b"\x22\x11\x00\x0c", "version 2"),
        (SIGNATURE + b"\x21\x11" + struct.pack("!H", MOST_REST + 1), "at most 4096"),
    ],
)
def test_another_beginning_is_refused(head: bytes, text: str) -> None:
    with pytest.raises(TransportError, match=text):
        header_size(head[:HEAD])


def test_a_header_without_its_addresses_is_refused() -> None:
    with pytest.raises(TransportError, match="shorter"):
        read_address(HAPROXY[:HEAD], HAPROXY[HEAD:-1])


def test_networks_addresses_and_unix_sockets_are_trusted() -> None:
    proxies = Proxies(["10.0.0.0/8", "::1", "unix"])
    assert proxies.trust(("10.200.3.4", 80))
    assert proxies.trust(("::1", 80))
    assert proxies.trust(("", 0))
    assert not proxies.trust(("11.0.0.1", 80))
    assert not proxies.trust(("::2%eth0", 80))
    assert not Proxies(["10.0.0.0/8"]).trust(("/tmp/socket", 0))


def test_a_name_is_no_network() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Proxies(["proxy.example"])
