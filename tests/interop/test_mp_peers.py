"""Real Godot 4 and Godot 3 games at both ends of a multiplayer session: ids, signals, packets as bytes, ends.

What the packets mean is looked at only as far as `send_bytes` goes: a Godot 4 packet that begins with 3, a Godot 3
packet that begins with 4, is one for `peer_packet`; and Godot 4's `07 01 id` tells a client of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gdpeer import OK, Cause, Signal, TLSOptions, WebSocketClient, WebSocketServer
from gdpeer.multiplayer.peer import ConnectionStatus, NetworkedMultiplayerPeer
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from tests.interop.echo_rooms import until
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture
from tests.support.ports import free_port

pytestmark = pytest.mark.engine

BOTH = pytest.mark.parametrize("version", ["4", "3"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
RAW = {"4": b"\x03", "3": b"\x04"}
STAY: dict[str, Any] = {"steps": ",", "linger": 15}


class End:
    """A peer of ours that notes what it is told, and the packets."""

    def __init__(self, peer: Any) -> None:
        self.peer: NetworkedMultiplayerPeer = peer
        self.told: list[tuple[Any, ...]] = []
        self.packets: list[tuple[int, bytes]] = []
        for name, value in list(vars(peer).items()):
            if isinstance(value, Signal) and name != "peer_packet" and not name.startswith("_"):
                value.connect(lambda *values, name=name: self.told.append((name, *values)))

    def poll(self, timeout: float = 0.0) -> None:
        self.peer.poll(timeout)
        while self.peer.get_available_packet_count():
            source = self.peer.get_packet_peer()
            self.packets.append((source, self.peer.get_packet()))

    def put(self, packet: bytes, target: int = 0) -> None:
        self.peer.set_target_peer(target)
        assert self.peer.put_packet(packet) is OK

    def of(self, name: str) -> list[int]:
        return [event[1] for event in self.told if event[0] == name]

    @property
    def is_over(self) -> bool:
        return self.peer.get_connection_status() == ConnectionStatus.DISCONNECTED


# ---------------------------------------------------------------------------------------------- our server


@contextmanager
def serving(version: str, certificates: Certificates | None = None, **settings: Any) -> Iterator[tuple[End, str]]:
    """A server of ours for that engine, and its URL: Godot 3's class for Godot 3."""
    scheme = "ws" if certificates is None else "wss"
    if version == "3":
        server = WebSocketServer()
        server.bind_ip = "127.0.0.1"
        protocols = settings.pop("supported_protocols", ())
        if certificates is not None:
            server.private_key, server.ssl_certificate = certificates.key, certificates.certificate
        end = End(server)
        with server:
            assert server.listen(0, protocols, True) is OK
            yield end, f"{scheme}://localhost:{server.get_local_port()}"
        return
    with WebSocketMultiplayerPeer() as peer:
        for name, value in settings.items():
            setattr(peer, name, value)
        tls = None if certificates is None else TLSOptions.server(certificates.key, certificates.certificate)
        end = End(peer)
        assert peer.create_server(0, "127.0.0.1", tls) is OK
        yield end, f"{scheme}://localhost:{peer.get_local_port()}"


def client(version: str, url: str, certificates: Certificates | None = None, **options: Any) -> Engine:
    if certificates is not None:
        options["ca"] = certificates.authority
    return fixture(version, "mp_client", url=url, **options)


def joined(run: Engine, end: End) -> int:
    """The engine's id, once it has it."""
    event = until(lambda: run.find("connected_to_server"), end)
    return int(event["id"])


def has_quit(run: Engine) -> bool:
    return run.find("quit") is not None


@BOTH
@SECURE
def test_a_game_joins_sends_hears_and_leaves(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    raw = RAW[version]
    with serving(version, tls) as (end, url), client(version, url, tls, steps="bytes") as run:
        peer_id = joined(run, end)
        assert end.of("peer_connected") == [peer_id]
        run.wait_for("peer_connected", id=1)
        to_all = b"\x07\x03\0\0\0\0" if version == "4" else b""
        sent = [raw + b"\1\2\3", raw + b"\4\5", to_all + raw + b"\xee\6"]
        until(lambda: len(end.packets) == 3, end)
        assert end.packets == [(peer_id, packet) for packet in sent]
        end.put(raw + b"\xee\1\2", peer_id)
        end.put(raw + b"\xee\3", 0)
        end.put(raw + b"\xee never", -peer_id)
        until(lambda: len(run.all("bytes")) == 2, end)
        assert [(event["from"], event["hex"]) for event in run.all("bytes")] == [(1, "ee0102"), (1, "ee03")]
        until(lambda: end.of("peer_disconnected"), end)
        until(lambda: has_quit(run), end)
        assert run.wait() == 0
        assert end.of("peer_disconnected") == [peer_id]
        assert [line for line in run.stderr if "ERROR" in line] == []


@BOTH
@SECURE
def test_a_kicked_game_knows(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with serving(version, tls) as (end, url), client(version, url, tls, **STAY) as run:
        peer_id = joined(run, end)
        end.peer.disconnect_peer(peer_id)  # type: ignore[attr-defined]
        end.poll()
        if version == "4":
            assert end.of("peer_disconnected") == [peer_id]
        gone = "server_disconnected" if version == "4" else "connection_failed"
        until(lambda: run.find(gone), end)
        until(lambda: end.of("peer_disconnected") == [peer_id], end)
        if version == "4":
            run.wait_for("peer_disconnected", id=1)


@BOTH
@SECURE
def test_a_server_that_leaves_is_gone_for_its_games(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with serving(version, tls) as (end, url), client(version, url, tls, **STAY) as run:
        joined(run, end)
        end.peer.close() if version == "4" else end.peer.stop()  # type: ignore[attr-defined]
        gone = "server_disconnected" if version == "4" else "connection_failed"
        until(lambda: run.find(gone))
        assert end.of("peer_disconnected") == []


@BOTH
@pytest.mark.parametrize(("ours", "theirs"), [(("a",), "b"), (("a",), ""), ((), "b")])
def test_no_common_protocol_is_a_failed_connection(version: str, ours: tuple[str, ...], theirs: str) -> None:
    options = {"protocols": theirs} if theirs else {}
    with serving(version, supported_protocols=ours) as (end, url), client(version, url, **options) as run:
        until(lambda: run.find("connection_failed"), end)
        assert end.told == []


@BOTH
def test_a_common_protocol_is_agreed_on(version: str) -> None:
    with (
        serving(version, supported_protocols=("a", "ludus")) as (end, url),
        client(version, url, protocols="x,ludus", **STAY) as run,
    ):
        peer_id = joined(run, end)
        assert end.peer.get_peer(peer_id).get_selected_protocol() == "ludus"  # type: ignore[attr-defined]


@BOTH
def test_a_server_that_refuses_is_a_failed_connection(version: str) -> None:
    with serving(version) as (end, url):
        end.peer.refuse_new_connections = True
        with client(version, url) as run:
            until(lambda: run.find("connection_failed"), end)
        assert end.told == []


@BOTH
def test_a_game_that_is_killed_is_gone(version: str) -> None:
    with serving(version) as (end, url), client(version, url, **STAY) as run:
        peer_id = joined(run, end)
        run.kill()
        until(lambda: end.of("peer_disconnected") == [peer_id], end)


@BOTH
def test_all_but_one_are_reached(version: str) -> None:
    raw = RAW[version]
    with serving(version) as (end, url), client(version, url, **STAY) as one, client(version, url, **STAY) as two:
        first, second = joined(one, end), joined(two, end)
        end.put(raw + b"\xee\1", -first)
        end.put(raw + b"\xee\2", first)
        assert end.peer.put_packet_to([first, second, 7], raw + b"\xee\3") is OK
        until(lambda: len(one.all("bytes")) == len(two.all("bytes")) == 2, end)
        assert [event["hex"] for event in one.all("bytes")] == ["ee02", "ee03"]
        assert [event["hex"] for event in two.all("bytes")] == ["ee01", "ee03"]


def test_godot_3_games_call_each_other_through_our_server() -> None:
    with (
        serving("3") as (end, url),
        client("3", url, **STAY) as two,
        client("3", url, steps="relay") as one,
    ):
        first, second = joined(one, end), joined(two, end)
        until(lambda: has_quit(one), end)
        assert one.wait() == 0  # the echo came back
        one.wait_for("peer_connected", id=second)
        two.wait_for("peer_connected", id=first)
        assert two.wait_for("rpc", method="poke")["from"] == first
        assert two.wait_for("bytes", hex="2a")["from"] == first
        assert two.wait_for("rpc", method="say_local")["from"] == two.wait_for("rpc", method="loose")["from"] == first
        until(lambda: two.find("peer_disconnected", id=first), end)
        # What was for all, and what was for all but the server: the engine's server reads that too.
        methods = [packet.split(b"\0")[0] for _, packet in end.packets if packet[:1] == b"\0"]
        assert len(methods) == 2
        assert [line for line in one.stderr + two.stderr if "ERROR" in line] == []


# ---------------------------------------------------------------------------------------------- their server


def server(version: str, certificates: Certificates | None = None, **options: Any) -> tuple[Engine, str]:
    """An engine's server, and its URL."""
    scheme = "ws" if certificates is None else "wss"
    if certificates is not None:
        options |= {"cert": certificates.certificate, "key": certificates.key}
    port = free_port()
    return fixture(version, "mp_server", port=port, **options), f"{scheme}://localhost:{port}"


@contextmanager
def visiting(
    version: str, url: str, certificates: Certificates | None = None, protocols: tuple[str, ...] = ()
) -> Iterator[End]:
    """A client of ours on its way to an engine's server: Godot 3's class for Godot 3."""
    authority = None if certificates is None else certificates.authority
    if version == "3":
        with WebSocketClient() as ours:
            ours.trusted_ssl_certificate = authority
            end = End(ours)
            assert ours.connect_to_url(url, protocols, True) is OK
            yield end
        return
    with WebSocketMultiplayerPeer() as peer:
        peer.supported_protocols = protocols
        end = End(peer)
        assert peer.create_client(url, TLSOptions.client(authority)) is OK
        yield end


@BOTH
@SECURE
def test_we_join_a_game_send_hear_and_leave(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    raw = RAW[version]
    run, url = server(version, tls)
    with run:
        run.wait_for("listening")
        with visiting(version, url, tls) as end:
            until(lambda: 1 in end.of("peer_connected"), end)
            peer_id = end.peer.get_unique_id()
            until(lambda: run.find("peer_connected", id=peer_id), end)
            end.put(raw + b"\1\2\3", 1)
            until(lambda: end.packets, end)
            assert end.packets == [(1, raw + b"\xee\1\2\3")]
            assert run.wait_for("bytes")["from"] == peer_id
            if version == "4":
                assert end.told == [("peer_connected", 1)]
            else:
                assert end.told == [("peer_connected", 1), ("connection_succeeded",)]
        run.wait_for("peer_disconnected", id=peer_id)
        assert run.wait() == 0
        assert [line for line in run.stderr if "ERROR" in line] == []


@BOTH
def test_we_are_kicked(version: str) -> None:
    run, url = server(version, steps="kick")
    with run:
        run.wait_for("listening")
        with visiting(version, url) as end:
            until(lambda: end.is_over and end.told, end)
            assert end.peer.get_close_cause().cause is Cause.CLOSED  # type: ignore[attr-defined]
            if version == "4":
                assert end.told == [("peer_connected", 1), ("peer_disconnected", 1)]
            else:
                assert end.told == [
                    ("peer_connected", 1),
                    ("connection_succeeded",),
                    ("server_close_request", 4001, "kicked"),
                    ("connection_failed",),
                ]


@BOTH
def test_their_server_is_killed(version: str) -> None:
    run, url = server(version)
    with run:
        run.wait_for("listening")
        with visiting(version, url) as end:
            until(lambda: 1 in end.of("peer_connected"), end)
            run.kill()
            until(lambda: end.is_over, end)
            assert end.told[-1] == (("peer_disconnected", 1) if version == "4" else ("connection_failed",))
            assert end.peer.get_close_cause().cause is Cause.TCP  # type: ignore[attr-defined]


@BOTH
def test_their_server_refuses_our_protocol(version: str) -> None:
    run, url = server(version, protocols="a")
    with run:
        run.wait_for("listening")
        with visiting(version, url, protocols=("b",)) as end:
            until(lambda: end.is_over, end)
            assert end.told == ([] if version == "4" else [("connection_failed",)])
        with visiting(version, url, protocols=("b", "a")) as end:
            until(lambda: 1 in end.of("peer_connected"), end)


@BOTH
def test_a_certificate_that_is_not_trusted_ends_it(version: str, certificates: Certificates) -> None:
    run, url = server(version, certificates)
    with run:
        run.wait_for("listening")
        with visiting(version, url) as plain:
            until(lambda: plain.is_over, plain)
        with visiting(version, url.replace("ws://", "wss://")) as end:
            until(lambda: end.is_over, end)
            assert end.peer.get_close_cause().cause is Cause.TLS  # type: ignore[attr-defined]


@BOTH
def test_we_meet_each_other_at_their_server(version: str) -> None:
    raw = RAW[version]
    run, url = server(version, clients=2)
    with run:
        run.wait_for("listening")
        with visiting(version, url) as one, visiting(version, url) as two:
            until(lambda: 1 in one.of("peer_connected") and 1 in two.of("peer_connected"), one, two)
            first, second = one.peer.get_unique_id(), two.peer.get_unique_id()
            assert first != second
            if version == "4":
                told = b"\x07\x01" + second.to_bytes(4, "little")
                until(lambda: (1, told) in one.packets, one, two)
                one.put(b"\x07\x03" + second.to_bytes(4, "little") + raw + b"psst")
                until(lambda: len(two.packets) == 2, one, two)
                assert two.packets[-1] == (1, b"\x07\x03" + first.to_bytes(4, "little") + raw + b"psst")
            else:
                until(lambda: second in one.of("peer_connected") and first in two.of("peer_connected"), one, two)
                one.put(raw + b"psst", second)
                until(lambda: two.packets, one, two)
                assert two.packets == [(first, raw + b"psst")]
                two.put(raw + b"\xee all", -1)
                until(lambda: run.find("bytes"), one, two)  # although it was not for the server
                until(lambda: one.packets, one, two)
                assert one.packets == [(second, raw + b"\xee all")]


# ---------------------------------------------------------------------------------------------- both at once


def translate(end: End, four: int, three: int) -> None:
    """What a layer above does with `send_bytes`, one way and the other."""
    peer: Any = end.peer
    peer.poll(0.005)
    while peer.get_available_packet_count():
        source, target = peer.get_packet_peer(), peer.get_packet_target()
        packet = peer.get_packet()
        end.packets.append((source, packet))
        if source == three and target in (0, four):
            inner = b"\x03" + packet[1:]
            peer.put_packet_to([four], b"\x07\x03" + source.to_bytes(4, "little") + inner)
        elif source == four and packet[:2] == b"\x07\x03":
            peer.put_packet_from(source, [three], b"\x04" + packet[7:])


@pytest.mark.parametrize("by_port", [True, False], ids=["two ports", "two sub-protocols"])
def test_games_of_both_engines_are_in_one_session(by_port: bool) -> None:
    with WebSocketMultiplayerPeer(("godot4", "godot3")) as peer:
        end = End(peer)
        if not by_port:
            peer.supported_protocols, peer.godot3_protocols = ["ludus"], ["ludus3"]
        assert peer.create_server(0, "127.0.0.1", godot3_port=0 if by_port else None) is OK
        urls = [f"ws://127.0.0.1:{port}" for port in (peer.get_local_port(), peer.get_godot3_port())]
        words: list[dict[str, Any]] = [{}, {}] if by_port else [{"protocols": "ludus"}, {"protocols": "ludus3"}]
        with client("4", urls[0], **words[0], **STAY) as one:
            four = joined(one, end)
            url = urls[1] if by_port else urls[0]
            with client("3", url, **words[1], steps="bytes", pause=0.2, linger=15) as two:
                three = joined(two, end)
                peer.put_packet_to([four], b"\x07\x01" + three.to_bytes(4, "little"))
                assert [peer.get_peer_dialect(one) for one in (four, three)] == ["godot4", "godot3"]
                assert end.of("peer_connected") == [four, three]
                until(lambda: translate(end, four, three) or one.find("bytes", hex="ee06"))
                assert one.find("bytes", hex="ee06")["from"] == three
                until(lambda: two.find("peer_connected", id=four) and one.find("peer_connected", id=three))
                assert peer.put_packet_from(four, [three], b"\x04\x09") is OK
                until(lambda: translate(end, four, three) or two.find("bytes", hex="09"))
                assert two.find("bytes", hex="09")["from"] == four
                # Godot 3 answers with 0xEE in front, to the one that sent: it comes back through the translation.
                until(lambda: translate(end, four, three) or one.find("bytes", hex="ee09"))
                assert one.find("bytes", hex="ee09")["from"] == three
                end.put(b"\x03\xee to four", four)
                one.kill()
                until(lambda: two.find("peer_disconnected", id=four), end)
                assert [line for line in two.stderr if "ERROR" in line] == []
        until(lambda: end.of("peer_disconnected") == [four, three], end)
