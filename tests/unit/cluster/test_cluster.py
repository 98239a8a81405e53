"""`Cluster`: workers share the shards, and each knows the rooms of all."""

from __future__ import annotations

import pytest

from gdpeer.cluster.records import SHARDS
from gdpeer.rooms import RoomError
from tests.unit.cluster.workers import Workers


def test_the_first_worker_takes_all_shards_once_the_broker_has_settled() -> None:
    workers = Workers()
    a = workers.add("a")
    workers.run(1.0)
    assert workers.held() == {"a": 0}
    with pytest.raises(RoomError, match="no shards"):
        a.hall.create("den")
    workers.run(6.0)
    assert workers.held() == {"a": len(SHARDS)}
    assert a.owner_of("K7Q2M3") == "a"


def test_workers_share_the_shards_and_see_each_others_rooms() -> None:
    workers = Workers()
    a, b = workers.add("a", settling=0.0), workers.add("b", settling=0.0)
    workers.run(1.0)
    held = workers.held()
    assert sum(held.values()) == len(SHARDS)
    assert all(400 < count < 624 for count in held.values())
    room = a.hall.create("den")
    room.labels = {"map": "sand"}
    workers.run(1.0)
    assert b.owner_of(room.code) == "a"
    (record,) = b.directory.find("den", {"map": "sand"})
    assert (record.code, record.worker, record.taken) == (room.code, "a", 0)
    with pytest.raises(RoomError, match="worker a has the shard"):
        b.hall.create("den", code=f"{room.code[:2]}AAAA")
    room.close()
    workers.run(1.0)
    assert b.room(room.code) is None
    assert workers.entries("r:") == {}


@pytest.mark.parametrize("split", ["close", "keep"])
def test_a_worker_that_knows_no_address_of_another_says_so_if_that_matters(
    split: str, caplog: pytest.LogCaptureFixture
) -> None:
    workers = Workers()
    a, b = (workers.add(name, url="", settling=0.0, split=split) for name in "ab")
    workers.run(1.0)
    for cluster in (a, b):
        workers.broker(cluster).cut()
    workers.run(4.0)
    assert workers.asked == []
    text = "no other worker has told its address (gdpeer serve --address), so nobody can be asked"
    assert (text in caplog.text) is (split == "close")
