"""Values as packets between Python and the engines: what `put_var` sends here is what `get_var` gives there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer import OK, Color, NodePath, Vector2, Vector2i, WebSocketServer, str_to_var
from tests.interop.echo_rooms import until
from tests.support.engines import Engine, versions

pytestmark = pytest.mark.engine
HERE = Path(__file__).parent
COMMON = [None, True, 7, 1 << 40, 0.1, "héllo"]
VALUES = {
    "4": [*COMMON, Vector2i(1, -2), {"a": [1, {}]}, Color(1, 0, 0), NodePath("/root/Main:x")],
    "3": [*COMMON, Vector2(1, -2), [1, [2]], Color(1, 0, 0), NodePath("/root/Main:x")],
}


@pytest.mark.parametrize("version", versions())
def test_values_travel_as_packets_and_come_back(version: str) -> None:
    heard = []
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"

    @server.data_received.connect
    def echo(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        heard.append(peer.get_var(engine=int(version)))
        assert peer.get_packet_error() is OK
        assert peer.put_var(heard[-1], engine=int(version)) is OK

    with server:
        assert server.listen(0) is OK
        script = HERE / f"mp_godot{version}" / "vars.gd"
        with Engine(version, script.parent, script, f"--url=ws://127.0.0.1:{server.get_local_port()}") as engine:
            until(lambda: len(engine.all("back")) == len(VALUES[version]), server)
            back = engine.all("back")
            server.close_all()
            until(lambda: engine.find("closed"), server)
            assert engine.stderr == []
    assert heard == VALUES[version]
    assert [event["same"] for event in back] == [True] * len(back)
    assert [str_to_var(event["value"], engine=int(version)) for event in back] == VALUES[version]
