"""The counters in Prometheus form, and whom the page answers."""

from __future__ import annotations

import pytest

from gdpeer import http
from gdpeer.prometheus import Metrics
from tests.unit.websocket.support import Room


def test_the_counters_in_prometheus_form() -> None:
    room = Room()
    _peer_id, client = room.join()
    client.send(b"abc")
    room.poll()
    metrics = Metrics(room.server.stats)
    mine = http.Request("GET", "/metrics", http.Headers(), remote_address=("127.0.0.1", 1))
    answer = metrics(mine)
    assert answer is not None
    lines = (answer.body if isinstance(answer.body, str) else answer.body.decode()).splitlines()
    assert "gdpeer_peers 1.0" in lines
    assert "gdpeer_messages_received_total 1.0" in lines
    client.close()
    room.poll()
    answer = metrics(mine)
    assert answer is not None
    assert b'gdpeer_ended_total{cause="closed"} 1.0' in bytes(answer.body)  # type: ignore[arg-type]
    for other in (
        http.Request("GET", "/metrics", http.Headers(), remote_address=("192.0.2.7", 1)),
        http.Request("POST", "/metrics", http.Headers(), remote_address=("127.0.0.1", 1)),
        http.Request("GET", "/other", http.Headers(), remote_address=("127.0.0.1", 1)),
    ):
        assert metrics(other) is None
    everybody = Metrics(room.server.stats, addresses=None)
    assert everybody(http.Request("GET", "/metrics", http.Headers(), remote_address=("192.0.2.7", 1))) is not None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:9080", True),
        ("LOCALHOST", True),
        ("localhost.", True),
        ("127.0.0.1:9080", True),
        ("[::1]:9080", True),
        ("game.example:9080", True),
        ("evil.example:9080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_metrics_are_not_for_pages_whose_name_was_made_to_lead_here(host: str, expected: bool) -> None:
    metrics = Metrics(Room().server.stats, hosts=["Game.example"])
    headers = http.Headers([("Host", host)])
    answer = metrics(http.Request("GET", "/metrics", headers, remote_address=("127.0.0.1", 1)))
    assert (answer is not None) == expected
    everybody = Metrics(Room().server.stats, addresses=None)
    assert everybody(http.Request("GET", "/metrics", headers, remote_address=("127.0.0.1", 1))) is not None
    with pytest.raises(TypeError, match="list of names"):
        Metrics(Room().server.stats, hosts="game.example")
