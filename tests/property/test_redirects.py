"""Whatever servers answer: no secret reaches another origin, none comes back, nothing leads down from TLS."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gdpeer.protocol.url import parse_url
from gdpeer.websocket.opening.redirects import SECRETS, Hop, first_hop, next_hop
from gdpeer.websocket.settings import MOST_REDIRECTS

PIECES = ["ws", "wss", "http", "https", "ftp", ":", "://", "//", "/", "..", "?", "#", "@", ":80", ":443", "%2f", "\\"]
HOSTS = ["a.example", "A.example", "b.example", "a.example.", "[::1]", "a.example:8443", "a.example@b.example"]
ORIGINS = st.tuples(st.sampled_from(["ws://", "wss://", "http://", "https://", "//"]), st.sampled_from(HOSTS))
LOCATIONS = st.one_of(
    ORIGINS.map("".join),
    st.lists(st.sampled_from([*PIECES, *HOSTS, "lobby", "é"]), max_size=8).map("".join),
    st.text(max_size=20),
)
NAMES = st.sampled_from(["Authorization", "COOKIE", "Proxy-Authorization", "cookie", "X-Game", "Origin"])
FIELDS = st.lists(st.tuples(NAMES, st.just("value")), max_size=6)


def way(url: str, fields: list[tuple[str, str]], locations: list[str], most: int) -> list[Hop]:
    """Each request that is made, where these are the answers; one that is not followed is passed over."""
    hops = [first_hop(parse_url(url), fields)]
    for location in locations:
        with suppress(ValueError):
            hops.append(next_hop(hops[-1], [location], most))
    return hops


@given(
    st.sampled_from(["ws://a.example/x", "wss://a.example", "wss://[::1]:9/y?z"]),
    FIELDS,
    st.lists(LOCATIONS, max_size=30),
    st.integers(0, MOST_REDIRECTS),
)
def test_wherever_redirects_lead(url: str, fields: list[tuple[str, str]], locations: list[str], most: int) -> None:
    hops = way(url, fields, locations, most)
    assert len(hops) <= most + 1
    assert not any(before.url.secure and not after.url.secure for before, after in pairwise(hops))
    others = [field for field in fields if field[0].lower() not in SECRETS]
    stayed = True
    for hop in hops:
        stayed = stayed and hop.url.origin == hops[0].url.origin
        assert list(hop.fields) == (fields if stayed else others)
        assert parse_url(str(hop.url)) == hop.url


def why_not(location: str) -> str:
    """What is said of one that is not followed; "" where it is."""
    try:
        next_hop(first_hop(parse_url("wss://a.example"), ()), [location], 1)
    except ValueError as problem:
        return str(problem)
    return ""


@given(LOCATIONS, LOCATIONS)
def test_what_is_not_followed_says_nothing_of_where_it_leads(head: str, tail: str) -> None:
    assert "s3cret" not in why_not(f"{head}s3cret{tail}")


def test_the_ways_are_of_all_kinds() -> None:
    """What the test above draws from does lead away, and stay."""
    hops = way("ws://a.example", [("Cookie", "x")], ["/lobby", "//A.example", "https://a.example", "ws://a.example"], 9)
    assert [(hop.is_home(), bool(hop.fields)) for hop in hops] == [(True, True)] * 3 + [(False, False)]
