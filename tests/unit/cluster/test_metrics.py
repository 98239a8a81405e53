"""The metrics of all workers behind one door, in one page."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.metrics import page
from gdpeer.http.response import Response
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms.watching import metrics_of
from tests.unit.cluster.lobbies import Lobbies

REQUEST = Request("GET", "/metrics", Headers([("host", "localhost")]), b"", ("127.0.0.1", 4))


class Machine(Lobbies):
    """Three workers behind one door."""

    def __init__(self) -> None:
        super().__init__()
        for cluster in self.clusters.values():
            cluster.watching.siblings = frozenset("abc")

    def reply(self, name: str = "a") -> Any:
        return metrics_of(self.clusters[name].hall, "", ["127.0.0.1"])(REQUEST)

    def metrics(self, name: str = "a") -> dict[str, Metric]:
        return families(self.result(as_answer(self.reply(name)), 1.2))


def as_answer(reply: Any) -> Answer[Any]:
    answer: Answer[Any] = Answer()
    reply.then(lambda done: answer.give(done.result()))
    return answer


def families(response: Response) -> dict[str, Metric]:
    """Returns the metrics of a page, each of which begins once and has no other one in its midst."""
    text = response.read().decode()
    for word in ("HELP", "TYPE"):
        names = re.findall(rf"^# {word} (\S+)", text, re.MULTILINE)
        assert len(names) == len(set(names))
    found = list(text_string_to_metric_families(text))
    assert len({metric.name for metric in found}) == len(found)
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for metric in found for sample in metric.samples]
    assert len(series) == len(set(series))
    return {metric.name: metric for metric in found}


def values(metric: Metric) -> dict[str, float]:
    return {sample.labels["worker"]: sample.value for sample in metric.samples}


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_one_page_has_the_metrics_of_all_workers(machine: Machine) -> None:
    machine.clusters["a"].hall.create("arena")
    machine.clusters["b"].hall.create("duel")
    found = machine.metrics("c")
    assert values(found["gdpeer_worker_up"]) == {"a": 1, "b": 1, "c": 1}
    assert [(sample.labels, sample.value) for sample in found["gdpeer_rooms"].samples] == [
        ({"kind": "arena", "state": "open", "worker": "a"}, 1.0),
        ({"kind": "duel", "state": "open", "worker": "b"}, 1.0),
    ]
    assert values(found["gdpeer_peers"]) == {"a": 0, "b": 0, "c": 0}
    assert values(found["gdpeer_cluster_workers"]) == {"a": 3, "b": 3, "c": 3}
    turns = [one for one in found["gdpeer_room_turn_seconds"].samples if one.labels["worker"] == "b"]
    assert [one.name.removeprefix("gdpeer_room_turn_seconds") for one in turns][-3:] == ["_bucket", "_count", "_sum"]
    assert found["gdpeer_players_joined"].type == "counter"


def test_a_worker_that_hangs_is_shown_as_such_after_a_second(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.hung.add("b")
    monkeypatch.setattr(machine.clusters["b"].messages, "_handle", lambda request: Answer())
    machine.run(10.0)  # its lease has ended
    assert "b" not in machine.clusters["a"].workers
    answer, began = as_answer(machine.reply()), machine.clock.now()
    found = families(machine.result(answer))
    assert machine.clock.now() - began < 1.3
    assert values(found["gdpeer_worker_up"]) == {"a": 1, "b": 0, "c": 1}
    assert values(found["gdpeer_peers"]) == {"a": 0, "c": 0}


def test_without_the_broker_a_worker_tells_its_own_metrics(machine: Machine) -> None:
    machine.broker(machine.clusters["a"]).cut()
    found = machine.metrics()
    assert values(found["gdpeer_worker_up"]) == {"a": 1, "b": 0, "c": 0}
    assert values(found["gdpeer_cluster_broker_connected"]) == {"a": 0}


def test_requests_that_come_together_ask_the_others_once(machine: Machine) -> None:
    first, second = machine.reply(), machine.reply()
    assert first is second
    machine.result(as_answer(first))
    assert machine.clusters["b"].messages.figures["metrics"] == 1
    machine.metrics()
    assert machine.clusters["b"].messages.figures["metrics"] == 2


def test_without_a_door_a_worker_tells_its_own_metrics_without_a_label(machine: Machine) -> None:
    machine.clusters["a"].watching.siblings = frozenset()
    found = families(machine.reply())
    assert [(sample.labels, sample.value) for sample in found["gdpeer_peers"].samples] == [({}, 0)]


def test_other_requests_and_other_clients_get_nothing(machine: Machine) -> None:
    answer = metrics_of(machine.clusters["a"].hall, "", [])
    assert answer(REQUEST) is None
    assert machine.clusters["b"].messages.figures["metrics"] == 0


def test_the_metrics_of_a_worker_that_drains_as_the_last_one_keep_their_label(machine: Machine) -> None:
    machine.clusters["a"].hall.neighbours = None
    assert values(machine.metrics()["gdpeer_worker_up"]) == {"a": 1, "b": 1, "c": 1}


def test_without_prometheus_client_a_worker_says_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine.clusters["b"].messages._tell_metrics
    monkeypatch.setitem(machine.clusters["b"].messages._verbs, "metrics", lambda request: refuse(found, request))
    assert values(machine.metrics()["gdpeer_worker_up"]) == {"a": 1, "b": 0, "c": 1}


def refuse(handler: Callable[[Any], Any], request: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gdpeer.cluster.metrics", None)
        return handler(request)


GOOD = ["gdpeer_peers", "gauge", "Connected peers.", [["gdpeer_peers", {"side": "left"}, 1]]]


def with_part(*path: int, value: Any) -> list[Any]:
    """Returns a metric with one part replaced."""
    metric: list[Any] = [*GOOD[:3], [[*GOOD[3][0]]]]  # type: ignore[index,misc]
    place = metric
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return metric


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"metrics": {}},
        {"metrics": [7]},
        {"metrics": [GOOD[:3]]},
        {"metrics": [with_part(0, value="a b")]},
        {"metrics": [with_part(0, value=7)]},
        {"metrics": [with_part(1, value="info")]},
        {"metrics": [with_part(2, value="x" * 2000)]},
        {"metrics": [with_part(3, 0, 0, value="other_peers")]},
        {"metrics": [with_part(3, 0, 1, value=[])]},
        {"metrics": [with_part(3, 0, 1, value={"a-b": "x"})]},
        {"metrics": [with_part(3, 0, 1, value={"side": 7})]},
        {"metrics": [with_part(3, 0, 1, value={"side": "\ud800"})]},
        {"metrics": [with_part(3, 0, 2, value="1")]},
        {"metrics": [with_part(3, 0, 2, value=10**400)]},
    ],
)
def test_a_wrong_answer_counts_as_none(answer: Any) -> None:
    found = families(page({"a": {"metrics": [GOOD]}, "b": answer}))
    assert values(found["gdpeer_worker_up"]) == {"a": 1, "b": 0}
    assert values(found["gdpeer_peers"]) == {"a": 1}


def test_a_worker_cannot_speak_for_another_or_end_a_line() -> None:
    metric = with_part(3, 0, 1, value={"worker": "a", "side": 'l"\nx 1'})
    found = families(page({"b": {"metrics": [metric]}}))
    assert found["gdpeer_peers"].samples[0].labels == {"worker": "b", "side": 'l"\nx 1'}


def test_a_metric_of_another_type_is_left_out() -> None:
    other = ["gdpeer_peers", "histogram", "Connected peers.", [["gdpeer_peers_sum", {}, 1]]]
    found = families(page({"a": {"metrics": [GOOD]}, "b": {"metrics": [other]}}))
    assert values(found["gdpeer_peers"]) == {"a": 1}
    assert values(found["gdpeer_worker_up"]) == {"a": 1, "b": 1}
