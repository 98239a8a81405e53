"""What counts as a WebSocket URL."""

from __future__ import annotations

import pytest

from gdpeer.protocol.url import Url, parse_url


@pytest.mark.parametrize(
    ("text", "url", "authority"),
    [
        ("ws://example.org", Url(False, "example.org", 80, "/"), "example.org"),
        ("wss://example.org", Url(True, "example.org", 443, "/"), "example.org"),
        ("ws://example.org:443/", Url(False, "example.org", 443, "/"), "example.org:443"),
        ("wss://example.org:443/", Url(True, "example.org", 443, "/"), "example.org"),
        ("wss://example.org:80", Url(True, "example.org", 80, "/"), "example.org:80"),
        ("WSS://example.org/A", Url(True, "example.org", 443, "/A"), "example.org"),
        ("ws://127.0.0.1:9080/test/?a=b&c=%20d", Url(False, "127.0.0.1", 9080, "/test/?a=b&c=%20d"), "127.0.0.1:9080"),
        ("ws://example.org?a=b", Url(False, "example.org", 80, "/?a=b"), "example.org"),
        ("ws://example.org/a#b", Url(False, "example.org", 80, "/a"), "example.org"),
        ("ws://example.org#b", Url(False, "example.org", 80, "/"), "example.org"),
        ("ws://example.org:/a", Url(False, "example.org", 80, "/a"), "example.org"),
        ("ws://example.org:1", Url(False, "example.org", 1, "/"), "example.org:1"),
        ("ws://example.org:65535", Url(False, "example.org", 65535, "/"), "example.org:65535"),
        ("ws://example.org:0000080", Url(False, "example.org", 80, "/"), "example.org"),
        ("  ws://example.org/ \n", Url(False, "example.org", 80, "/"), "example.org"),
        ("example.org", Url(False, "example.org", 80, "/"), "example.org"),
        ("localhost:8000/test/", Url(False, "localhost", 8000, "/test/"), "localhost:8000"),
        ("ws://[::1]:9080/a", Url(False, "::1", 9080, "/a"), "[::1]:9080"),
        ("wss://[2001:db8::1]", Url(True, "2001:db8::1", 443, "/"), "[2001:db8::1]"),
        ("ws://bücher.example/ü?ß=€", Url(False, "xn--bcher-kva.example", 80, "/%C3%BC?%C3%9F=%E2%82%AC"), None),
        ('ws://h/a b"<>^`{}\\', Url(False, "h", 80, "/a%20b%22%3C%3E%5E%60%7B%7D%5C"), None),
        ("ws://h/a\r\nHost: evil", Url(False, "h", 80, "/a%0D%0AHost:%20evil"), None),
    ],
)
def test_url_is_read(text: str, url: Url, authority: str | None) -> None:
    assert parse_url(text) == url
    assert url.authority == (authority or url.host)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a host name"),
        ("ws://", "not a host name"),
        ("ws:///path", "not a host name"),
        ("ws://[]", "not an IPv6 address"),
        ("http://example.org", "scheme must be ws or wss"),
        ("file:///etc", "scheme must be ws or wss"),
        ("ws://example.org:0", "port must be 1 to 65535, not 0"),
        ("ws://example.org:65536", "port must be"),
        ("ws://example.org:99999999999999999999", "port must be"),
        ("ws://example.org:" + "9" * 5000, "port must be"),
        ("ws://example.org:a", "not a WebSocket URL"),
        ("ws://example.org:-1", "not a WebSocket URL"),
        ("ws://[::1", "not a WebSocket URL"),
        ("ws://::1/", "not a WebSocket URL"),
        ("ws://user@example.org", "not a host name"),
        ("ws://user:pass@example.org", "not a WebSocket URL"),
        ("ws://exam ple.org", "not a host name"),
        ("ws://example.org\r\nHost: evil", "not a WebSocket URL"),
        ("ws://exa\tmple.org", "not a host name"),
        ("ws://exa\x00mple.org", "not a host name"),
        ("ws://exa\\mple.org", "not a host name"),
        ("ws://ü" + "a" * 70 + ".org", "not a host name"),
        ("ws://ü..org", "not a host name"),
        ("ws://ａ／ｂ/", "not a host name"),  # noqa: RUF001 (wide forms become plain ones)
        ("ws://ａ＠ｂ/", "not a host name"),  # noqa: RUF001 (wide forms become plain ones)
    ],
)
def test_anything_else_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_url(text)


@pytest.mark.parametrize("host", ["[foo]", "a%20b", "[fe80::1%a\r\nX: y]", "ａ：ｂ", "[::1%]", "[1.2.3.4]"])  # noqa: RUF001
def test_a_host_that_could_carry_anything_else_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_url(f"ws://{host}/")


def test_a_zone_is_for_connecting_only() -> None:
    url = parse_url("ws://[fe80::1%eth0]:9080/")
    assert (url.host, url.authority) == ("fe80::1%eth0", "[fe80::1]:9080")
