"""What counts as a WebSocket URL."""

# ruff: noqa: RUF001  (letters that look alike are what this is about)

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
        ("ws://user@", "not a host name"),
        ("ws://exam ple.org", "not a host name"),
        ("ws://example.org\r\nHost: evil", "not a WebSocket URL"),
        ("ws://exa\tmple.org", "not a host name"),
        ("ws://exa\x00mple.org", "not a host name"),
        ("ws://exa\\mple.org", "not a host name"),
        ("ws://ü" + "a" * 70 + ".org", "not a host name"),
        ("ws://ü..org", "not a host name"),
        ("ws://ａ／ｂ/", "not a host name"),
        ("ws://ａ＠ｂ/", "not a host name"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_url(text)


@pytest.mark.parametrize("place", ["ann:{}@h/", "ann{}:x@h", "h{}", "h/{}", "h/?a={}", "h/#{}", "[::1{}]", "h:80{}"])
def test_half_of_a_surrogate_pair_is_refused_in_every_part(place: str) -> None:
    for half in ("\ud800", "\udfff"):
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            parse_url("ws://" + place.format(half))


@pytest.mark.parametrize("host", ["[foo]", "a%20b", "[fe80::1%a\r\nX: y]", "ａ：ｂ", "[::1%]", "[1.2.3.4]"])
def test_a_host_that_could_carry_anything_else_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_url(f"ws://{host}/")


def test_a_zone_is_for_connecting_only() -> None:
    url = parse_url("ws://[fe80::1%eth0]:9080/")
    assert (url.host, url.authority) == ("fe80::1%eth0", "[fe80::1]:9080")


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("ws://ann:secret@example.org/a", "ann", "secret"),
        ("ann:secret@example.org/a", "ann", "secret"),
        ("ws://ann@example.org/a", "ann", ""),
        ("ws://:secret@example.org/a", "", "secret"),
        ("ws://@example.org/a", "", ""),
        ("ws://a%40b:p%3A%2f%C3%A4@example.org/a", "a@b", "p:/ä"),
        ("ws://ann:se:cr@et@example.org/a", "ann", "se:cr@et"),
    ],
)
def test_user_and_password_are_read_and_never_shown(text: str, user: str, password: str) -> None:
    url = parse_url(text)
    assert url == Url(False, "example.org", 80, "/a")
    assert (url.user, url.password) == (user, password)
    for shown in (str(url), repr(url), url.authority, repr(url.origin)):
        assert "secret" not in shown
        assert "ann" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "ws://ann:secret@example.org:99999/",
        "ws://ann:secret@exa mple.org/",
        "ws://ann:secret@[::x]/",
        "ws://ann:secret@/",
        "ws://ann:se/cret@example.org:x/?token=secret",
        "ws://ann:secret@example.org:x/",
        "ws://ann:secret@ü..de/",
        "ws://example.org:x/?token=secret",
        "ann:secret@exa mple.org",
        "ws://ann secret@exa mple.org",
        "http://ann:secret@example.org",
    ],
)
def test_no_secret_is_in_an_error(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (any text but these)
        parse_url(text)
    for secret in ("secret", "cret", "ann"):
        assert secret not in str(caught.value)


NAMES = [
    ("faß.de", "xn--fa-hia.de"),
    ("FAẞ.de", "xn--fa-hia.de"),
    ("κλαρα-σωλις.ευ", "xn----ylba7abgd9bnh0e.xn--qxa6a"),
    ("κλαρα-σωλισ.ευ", "xn----ylba7abgd9buc7d.xn--qxa6a"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("☃.net", "xn--n3h.net"),
    ("😀.example", "xn--e28h.example"),
    ("a。b．c｡d", "a.b.c.d"),
    ("نامه\u200cای.com", "xn--mgba3gch31f060k.com"),
    ("क्\u200dष.example", "xn--11b2ezcw70k.example"),
    ("ü.xn--fa-hia.de", "xn--tda.xn--fa-hia.de"),
    ("אב.example", "xn--4dbc.example"),
    ("ا٣.example", "xn--mgb4j.example"),
    ("u\u0308\u0307x.\u200bexample", "xn--x-dha38m.example"),
    ("ﬁx.example", "fix.example"),
    ("ab\u00adü", "xn--ab-yka"),
    ("ü.", "xn--tda."),
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_names_have_the_ascii_form_of_browsers(name: str, expected: str) -> None:
    assert parse_url(f"ws://{name}/").host == expected


NO_NAMES = [
    "क\u200dष.example",
    "a\u200db.example",
    "a\u200cb.example",
    "\u200cü",
    "אa.example",
    "1א.example",
    "א1٢.example",
    "١٢٣.example",
    "א-.example",
    "\u0301ü.example",
    "a\u061cb.example",
    "\U000e0001ü",
    "ü℀",
    "⒈ü",
    "\u2ff0",
    "ü.xn--fass.de\u200b.xn--a-\u00e4",
    "ü.xn--ab-",
    "ü.xn--a",
    "ü.xn--ls8h=",
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_browsers_refuse_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a host name"):
        parse_url(f"ws://{name}/")


@pytest.mark.parametrize("label", ["\u0645\u200c\u0645", "\u0646\u0627\u0645\u200c\u0647", "\u0645\u0645\u200c\u0645"])
def test_a_non_joiner_between_arabic_letters_wherever_it_stands(label: str) -> None:
    assert parse_url(f"ws://{label}.example/").host == f"xn--{label.encode('punycode').decode()}.example"
