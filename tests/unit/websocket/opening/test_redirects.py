"""A client that is sent elsewhere: where it goes, what it takes along, and where it stops."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import websockets
from aiohttp import web

from gdpeer import (
    OK,
    Cause,
    CloseCause,
    HandshakeError,
    ManualClock,
    Reconnection,
    TLSOptions,
    TransportError,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    aio,
    blocking,
)
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.protocol.url import Url, parse_url
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.transport.stream import Connector
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.opening.redirects import (
    MAX_LOCATION,
    SECRETS,
    STATUSES,
    Hop,
    first_hop,
    next_hop,
)
from gdpeer.websocket.opening.upgrade import ClientUpgrade
from gdpeer.websocket.settings import MOST_REDIRECTS, Settings
from gdpeer.websocket.states import Stage
from tests.support.certificates import Certificates, make_certificates
from tests.support.ports import free_port
from tests.support.proxying import proxying
from tests.support.redirecting import Redirecting, redirecting
from tests.support.waiting import until as wait_until
from tests.unit.websocket.support import (
    CONNECTING,
    OPEN,
    LateConnector,
    is_closed,
    read_all,
    record,
    response_to,
    until,
)

FIELDS = (("Authorization", "Bearer s3cret"), ("COOKIE", "id=s3cret"), ("X-Game", "chess"))
LINES = [": ".join(field) for field in FIELDS]
HOME = "wss://game.example/play?room=1"


def led(location: str, base: str = HOME, most: int = 10) -> Hop:
    return next_hop(first_hop(parse_url(base), FIELDS), [location], most)


# ---------------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/lobby", "wss://game.example:443/lobby"),
        ("lobby", "wss://game.example:443/lobby"),
        ("../a/./b", "wss://game.example:443/a/b"),
        ("?room=2", "wss://game.example:443/play?room=2"),
        ("//other.example:8443/x", "wss://other.example:8443/x"),
        ("https://other.example", "wss://other.example:443/"),
        ("WSS://Other.example/a@b?c@d", "wss://Other.example:443/a@b?c@d"),
        ("wss://[::1]:9/", "wss://[::1]:9/"),
    ],
)
def test_where_a_location_leads(location: str, found: str) -> None:
    assert str(led(location).url) == found


def test_http_counts_as_ws_and_a_zone_is_kept() -> None:
    assert led("http://b.example/x", "ws://a.example").url == Url(False, "b.example", 80, "/x")
    assert led("https://a.example/x", "ws://a.example").url == Url(True, "a.example", 443, "/x")
    assert led("/x", "ws://[fe80::1%eth0]:9").url == Url(False, "fe80::1%eth0", 9, "/x")


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("ws://game.example/", "wss to ws"),
        ("http://game.example/", "wss to ws"),
        ("ftp://game.example/s3cret", "neither"),
        ("file:///etc/s3cret", "neither"),
        ("wss:s3cret", "neither"),
        ("javascript:s3cret", "neither"),
        ("wss://ann:s3cret@game.example/", "user info"),
        ("//s3cret@game.example/", "user info"),
        ("wss://s3cret@game.example?x", "user info"),
        ("/lobby#s3cret", "fragment"),
        ("wss:///s3cret", "not the URL"),
        ("wss://game.example:70000/s3cret", "not the URL"),
        ("//[s3cret/", "not the URL"),
        ("", "no Location"),
        ("/s3cret room", "no URL"),
        ("/s3cret\u00e9", "no URL"),
        ("/" + "s" * MAX_LOCATION, "longer than 8000"),
    ],
)
def test_what_is_not_followed_and_not_repeated(location: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        led(location)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("locations", [[], ["/a", "/b"]])
def test_one_location_is_needed(locations: list[str]) -> None:
    with pytest.raises(ValueError, match="no Location, several"):
        next_hop(first_hop(parse_url(HOME), ()), locations, 10)


def test_secrets_stay_at_their_origin_and_never_come_back() -> None:
    assert led("/lobby").fields == FIELDS
    assert led("wss://GAME.example:443/").fields == FIELDS
    for other in ("wss://other.example/", "wss://game.example:8443/", "https://a.game.example"):
        away = led(other)
        assert away.fields == FIELDS[2:]
        assert not away.is_home()
        back = next_hop(away, [HOME], 10)
        assert (back.fields, back.is_home(), back.number) == (FIELDS[2:], True, 2)
    upward = led("https://game.example/", "ws://game.example/")
    assert upward.fields == FIELDS[2:]
    assert "s3cret" not in repr(led("/lobby"))


def test_no_more_than_may_be_followed() -> None:
    hop = first_hop(parse_url(HOME), ())
    for _ in range(3):
        hop = next_hop(hop, ["/"], 3)
    with pytest.raises(ValueError, match="more than 3 redirects"):
        next_hop(hop, ["/"], 3)


def test_how_many_is_a_small_number() -> None:
    peer = WebSocketPeer()
    assert (peer.max_redirects, WebSocketMultiplayerPeer().max_redirects) == (0, 0)
    assert MOST_REDIRECTS == 20
    peer.max_redirects = 20
    for wrong, kind in ((-1, ValueError), (21, ValueError), (True, TypeError), ("3", TypeError), (None, TypeError)):
        with pytest.raises(kind, match="max_redirects"):
            peer.max_redirects = wrong  # type: ignore[assignment]


# ---------------------------------------------------------------------------------------------- over memory


class Places:
    """Memory streams instead of the network: one for each hop, with the raw other end."""

    def __init__(self) -> None:
        self.clock = ManualClock(100.0)
        self.hops: list[Hop] = []
        self.ours: list[MemoryStream] = []
        self.theirs: list[MemoryStream] = []
        self.connectors: list[LateConnector] = []
        made = Settings(max_redirects=3, handshake_headers=tuple(LINES))
        self.upgrade = ClientUpgrade(made, made.limits(), parse_url("ws://a.example/"), self.make)
        self.backend = NativeBackend(made, self.clock, self.upgrade, Turn())
        self.backend.start(self.upgrade.connector())
        self.arrive()

    def make(self, hop: Hop) -> Connector:
        ours, theirs = memory_pair(clock=self.clock, capacity=64)  # less than a request
        self.hops.append(hop)
        self.ours.append(ours)
        self.theirs.append(theirs)
        self.connectors.append(LateConnector(ours))
        return self.connectors[-1]

    def arrive(self) -> None:
        """The newest stream is there."""
        self.connectors[-1].is_there = True
        self.backend.step()

    def answer(self, location: str) -> None:
        """By a redirect, at the newest."""
        self.reply(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode())

    def reply(self, data: bytes) -> None:
        while data:
            data = data[self.theirs[-1].send([data]) :]
            self.backend.step()

    def asked(self) -> bytes:
        """What comes at the newest."""
        found = b""
        while not found.endswith(b"\r\n\r\n"):
            found += read_all(self.theirs[-1])
            self.backend.step()
        return found


def test_half_a_request_does_not_go_to_the_next_server() -> None:
    places = Places()
    first = read_all(places.theirs[0])  # as much as the stream takes
    assert not first.endswith(b"\r\n\r\n")
    places.answer("ws://b.example/")
    assert is_closed(places.ours[0])
    assert places.backend.stage == Stage.CONNECTING
    wants: list[bool] = []
    places.ours[1].want_write = wants.append  # type: ignore[method-assign]
    places.arrive()
    assert wants == [True]  # of this stream too, else a poller would not go on with it
    second = places.asked()
    assert wants == [True, False]
    assert second.startswith(b"GET / HTTP/1.1\r\nHost: b.example\r\n")
    assert b"s3cret" not in second
    assert b"X-Game: chess" in second
    places.reply(response_to(second))
    assert places.backend.stage == Stage.OPEN


def test_each_hop_has_a_key_of_its_own() -> None:
    places = Places()
    keys = []
    for _ in range(3):
        keys.append(places.asked().split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0])
        places.answer("/again")
        places.arrive()
    assert len(set(keys)) == 3


def test_one_deadline_for_all_hops() -> None:
    places = Places()
    for _ in range(3):
        places.clock.advance(3.0)
        places.answer("/again")
        assert places.backend.stage == Stage.CONNECTING
        places.arrive()
    places.clock.advance(0.9)
    places.backend.step()
    assert places.backend.stage == Stage.UPGRADING
    places.clock.advance(0.2)
    places.backend.step()
    assert places.backend.cause.cause is Cause.TIMEOUT


def test_the_deadline_ends_a_hop_that_is_not_there_yet() -> None:
    places = Places()
    places.answer("/again")
    places.clock.advance(10.1)
    places.backend.step()
    assert places.backend.stage == Stage.DONE
    assert places.backend.cause == CloseCause(Cause.TIMEOUT, "connecting took too long")
    assert "close" in places.connectors[-1].calls


def test_a_loop_ends_and_says_so() -> None:
    places = Places()
    for _ in range(3):
        places.answer("/")
        places.arrive()
    places.answer("/")
    cause = places.backend.cause
    assert (cause.cause, cause.status) == (Cause.HTTP_STATUS, 302)
    assert (
        cause.detail
        == "the server answered 302 Found; redirect to / not followed: more than 3 redirects (max_redirects)"
    )
    assert len(places.hops) == 4


def test_a_way_that_cannot_be_made_is_told() -> None:
    places = Places()

    def fail(hop: Hop) -> Connector:
        raise TransportError("no way", Cause.PROXY)

    places.upgrade._way = fail
    places.answer("ws://b.example/")
    assert places.backend.stage == Stage.DONE
    assert places.backend.cause == CloseCause(Cause.PROXY, "no way")


def test_a_stream_of_one_s_own_leads_nowhere_else() -> None:
    ours, theirs = memory_pair()
    with WebSocketPeer() as peer:
        peer.max_redirects = 3
        assert peer.connect_through(ours) is OK
        theirs.send([b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"])
        peer.poll()
        detail = "the server answered 302 Found; redirect to / not followed: this connection has one stream only"
        assert peer.get_close_cause() == CloseCause(Cause.HTTP_STATUS, detail, 302)


# ---------------------------------------------------------------------------------------------- over loopback


def opened(peer: WebSocketPeer, url: str, options: TLSOptions | None = None) -> CloseCause:
    """Connect; NO_CAUSE where it opened, and a message came back."""
    peer.handshake_headers = LINES
    assert peer.connect_to_url(url, options) is OK
    until(lambda: peer.get_ready_state() is not CONNECTING, peer)
    if peer.get_ready_state() is OPEN:
        peer.send_text("there")
        until(peer.get_available_packet_count, peer)
        assert peer.get_packet() == b"there"
    return peer.get_close_cause()


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_each_status_is_followed(status: int) -> None:
    with redirecting() as place, WebSocketPeer() as peer:
        place.routes["/"] = status, "/there"
        peer.max_redirects = 1
        assert opened(peer, place.url("/")).cause is Cause.NONE
        assert place.paths() == ["/", "/there"]
        assert place.asked[1][1]["authorization"] == "Bearer s3cret"
        assert peer.get_requested_url() == place.url("/")


@pytest.mark.parametrize("status", [300, 304, 400])
def test_other_statuses_are_not_followed(status: int) -> None:
    with redirecting() as place, WebSocketPeer() as peer:
        place.routes["/"] = status, "/there"
        peer.max_redirects = 1
        cause = opened(peer, place.url("/"))
        assert (cause.cause, cause.status) == (Cause.HTTP_STATUS, status)
        assert place.paths() == ["/"]


def test_a_peer_follows_none_unless_told_to() -> None:
    with redirecting() as place, WebSocketPeer() as peer:
        place.routes["/"] = 302, "/there"
        cause = opened(peer, place.url("/"))
        assert (cause.cause, cause.status) == (Cause.HTTP_STATUS, 302)
        assert (
            cause.detail
            == "the server answered 302 Found: elsewhere; redirect to /there not followed: max_redirects is 0"
        )


@pytest.mark.parametrize(
    ("location", "shown"),
    [("wss://ann:pw@b.example/x?token=1#part", "wss://***@b.example/x?***"), ("/x?token=1", "/x?***")],
)
def test_a_redirect_that_is_not_followed_names_its_target_without_secrets(location: str, shown: str) -> None:
    with redirecting() as place, WebSocketPeer() as peer:
        place.routes["/"] = 307, location
        assert opened(peer, place.url("/")).detail.endswith(f"; redirect to {shown} not followed: max_redirects is 0")
        assert place.paths() == ["/"]


def check_asked(place: Redirecting, path: str, *, secrets: bool) -> None:
    headers = next(headers for asked, headers in place.asked if asked == path)
    assert headers["x-game"] == "chess"
    assert bool(SECRETS & headers.keys()) is secrets


def test_secrets_do_not_go_to_another_origin_nor_come_back() -> None:
    with redirecting() as here, redirecting() as there, WebSocketPeer() as peer:
        here.routes["/"] = 307, there.url("/hall", "http")
        there.routes["/hall"] = 308, here.url("/back")
        peer.max_redirects = 2
        assert opened(peer, here.url("/")).cause is Cause.NONE
        check_asked(here, "/", secrets=True)
        check_asked(there, "/hall", secrets=False)
        check_asked(here, "/back", secrets=False)


def test_from_plain_to_tls_and_never_down(certificates: Certificates) -> None:
    options = TLSOptions.client(certificates.authority)
    with redirecting() as plain, redirecting(certificates) as secure, WebSocketPeer() as peer:
        plain.routes["/"] = 301, secure.url("/in", "https", "localhost")
        secure.routes["/down"] = 302, plain.url("/s3cret", host="localhost")
        peer.max_redirects = 3
        assert opened(peer, plain.url("/", host="localhost"), options).cause is Cause.NONE
        check_asked(secure, "/in", secrets=False)
        peer.close(-1)
        cause = opened(peer, secure.url("/down", "wss", "localhost"), options)
        assert cause.cause is Cause.HTTP_STATUS
        assert cause.detail.endswith("not followed: it leads from wss to ws")
        assert "/s3cret" not in plain.paths()


def test_a_name_for_the_certificate_counts_at_the_first_origin_only(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, "game.example")
    options = TLSOptions.client(made.authority, "game.example")
    with redirecting(made) as here, redirecting(made) as there, WebSocketPeer() as peer:
        here.routes["/"] = 302, "/same"
        here.routes["/away"] = 302, there.url("/other", "wss")
        peer.max_redirects = 1
        assert opened(peer, here.url("/", "wss"), options).cause is Cause.NONE
        peer.close(-1)
        cause = opened(peer, here.url("/away", "wss"), options)
        assert cause.cause is Cause.TLS
        assert "another host" in cause.detail
        assert not there.asked


def test_the_proxy_is_chosen_anew_for_each_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host goes through the proxy, which alone knows its name; the second is loopback, and goes without."""
    with redirecting() as here, redirecting() as there, proxying() as proxy, WebSocketPeer() as peer:
        monkeypatch.setenv("ws_proxy", f"http://127.0.0.1:{proxy}")
        monkeypatch.setenv("no_proxy", "")
        here.routes["/"] = 302, "/through"
        here.routes["/through"] = 302, there.url("/direct")
        peer.max_redirects = 2
        peer.proxy = True
        assert opened(peer, here.url("/", host="0.0.0.0")).cause is Cause.NONE
        assert (here.paths(), there.paths()) == (["/", "/through"], ["/direct"])
        assert peer.get_connected_port() == there.port


def test_a_given_proxy_is_that_of_each_hop() -> None:
    with redirecting() as here, redirecting() as there, proxying("#ann:s3cret") as proxy, WebSocketPeer() as peer:
        here.routes["/"] = 302, there.url("/there")
        peer.max_redirects = 1
        peer.proxy = f"http://ann:s3cret@127.0.0.1:{proxy}"
        assert opened(peer, here.url("/")).cause is Cause.NONE
        assert peer.get_connected_port() == proxy
        check_asked(there, "/there", secrets=False)


def test_a_peer_that_polls_without_waiting_goes_on() -> None:
    with redirecting() as place, WebSocketPeer() as peer:
        place.routes["/"] = 302, "/there"
        peer.max_redirects = 1
        assert peer.connect_to_url(place.url("/")) is OK
        states = {peer.get_ready_state()}

        def poll() -> bool:
            peer.poll()
            states.add(peer.get_ready_state())
            return peer.get_ready_state() is not CONNECTING

        wait_until(poll)
        assert states == {CONNECTING, OPEN}


def test_where_nobody_listens_is_tcp() -> None:
    with redirecting() as place, WebSocketPeer() as peer:
        place.routes["/"] = 302, f"ws://127.0.0.1:{free_port()}/"
        peer.max_redirects = 1
        assert opened(peer, place.url("/")).cause is Cause.TCP


# ---------------------------------------------------------------------------------------------- the others


def test_a_client_tells_of_the_last_one_only() -> None:
    with redirecting() as place, WebSocketClient() as client:
        place.routes["/"] = 302, "/there"
        client.get_peer(1).max_redirects = 1  # type: ignore[union-attr]
        events = record(client)
        assert client.connect_to_url(place.url("/")) is OK
        until(lambda: events, client)
        assert events == [("connection_established", "")]


def test_each_attempt_of_a_policy_begins_at_the_url_that_was_asked_for() -> None:
    with redirecting() as place, WebSocketClient() as client:
        place.routes["/"] = 302, "/busy"
        place.routes["/busy"] = 503, ""
        client.get_peer(1).max_redirects = 1  # type: ignore[union-attr]
        client.reconnection = Reconnection(0.01, 0.02)
        client.connect_to_url(place.url("/"))
        until(lambda: len(place.asked) >= 4, client)
        assert place.paths()[:4] == ["/", "/busy", "/", "/busy"]


def test_a_redirect_that_is_not_followed_is_final() -> None:
    with redirecting() as place, WebSocketClient() as client:
        place.routes["/"] = 302, "/"
        client.get_peer(1).max_redirects = 2  # type: ignore[union-attr]
        client.reconnection = Reconnection(0.01, 0.02)
        events = record(client)
        client.connect_to_url(place.url("/"))
        until(lambda: events, client)
        assert events == [("connection_error",)]
        assert place.paths() == ["/"] * 3


def test_a_multiplayer_client_follows() -> None:
    with redirecting() as place, WebSocketMultiplayerPeer() as server, WebSocketMultiplayerPeer() as client:
        assert server.create_server(0, "127.0.0.1") is OK
        place.routes["/"] = 302, f"ws://127.0.0.1:{server.get_local_port()}/"
        client.max_redirects = 1
        assert client.create_client(place.url("/")) is OK
        until(lambda: client.get_connection_status() is ConnectionStatus.CONNECTED, client, server)
        assert server.get_peer(client.get_unique_id()) is not None


def test_the_blocking_front_follows_ten() -> None:
    with redirecting() as place:
        for number in range(11):
            place.routes[f"/{number}"] = 302, f"/{number + 1}"
        with blocking.connect(place.url("/1"), additional_headers=dict(FIELDS)) as ws:
            ws.send("there")
            assert ws.recv(timeout=10.0) == "there"
        with pytest.raises(HandshakeError, match="more than 10 redirects") as caught:
            blocking.connect(place.url("/0"))
        assert caught.value.status == 302
        with pytest.raises(HandshakeError, match="302 Found"):
            blocking.connect(place.url("/10"), max_redirects=0)


def test_the_asyncio_front_follows_ten() -> None:
    async def visit(url: str, **options: int) -> str | bytes:
        async with aio.connect(url, **options) as ws:
            await ws.send("there")
            return await ws.recv()

    with redirecting() as place:
        for number in range(11):
            place.routes[f"/{number}"] = 302, f"/{number + 1}"
        assert asyncio.run(visit(place.url("/1"))) == "there"
        with pytest.raises(HandshakeError, match="more than 10 redirects"):
            asyncio.run(visit(place.url("/0")))
        with pytest.raises(HandshakeError, match="302 Found"):
            asyncio.run(visit(place.url("/10"), max_redirects=0))


def test_a_server_has_no_such_option() -> None:
    with pytest.raises(TypeError, match="max_redirects"):
        blocking.serve(lambda ws: None, "127.0.0.1", 0, max_redirects=1)


def test_the_headers_that_go_to_another_origin_are_those_of_websockets() -> None:
    """Both clients at the same two servers."""
    with redirecting() as here, redirecting() as there:
        here.routes["/"] = 302, "/same"
        here.routes["/same"] = 302, there.url("/other")

        async def visit() -> None:
            async with websockets.connect(here.url("/"), additional_headers=FIELDS, proxy=None):
                pass

        asyncio.run(visit())
        with blocking.connect(here.url("/"), additional_headers=FIELDS):
            pass
        own = {name.lower() for name, _ in FIELDS}
        sent = [own & headers.keys() for _, headers in here.asked + there.asked]
        assert sent == [own, own, own, own, {"x-game"}, {"x-game"}]


def test_the_ten_of_websockets_are_requests_and_ours_are_redirects() -> None:
    async def visit(url: str) -> None:
        async with websockets.connect(url, proxy=None):
            pass

    with redirecting() as place:
        for number in range(10):
            place.routes[f"/{number}"] = 302, f"/{number + 1}"
        asyncio.run(visit(place.url("/1")))
        with pytest.raises(websockets.SecurityError, match="more than 10 redirects"):
            asyncio.run(visit(place.url("/0")))
        with blocking.connect(place.url("/0")):
            assert place.paths()[-1] == "/10"


def test_a_server_of_aiohttp() -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/echo")

    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def visit() -> str | bytes:
        app = web.Application()
        app.add_routes([web.get("/", elsewhere), web.get("/echo", echo)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            async with aio.connect(f"ws://127.0.0.1:{runner.addresses[0][1]}/") as ws:
                await ws.send("there")
                return await ws.recv()
        finally:
            await runner.cleanup()

    assert asyncio.run(visit()) == "there"
