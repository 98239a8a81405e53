"""The metrics of all workers of one machine, as one page for Prometheus; needs the extra `[metrics]`.

    figures = tell(hall)                            at the worker that is asked
    page({"web1-1": figures, "web1-2": None})       at the worker that got the request; None: the other has not answered

Each sample gets a label `worker`. `gdpeer_worker_up` says which workers have answered.

Layer: `cluster`; pure but for the hall.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from gdpeer.cluster.broker.base import Value
from gdpeer.cluster.records import BadField, field_of
from gdpeer.http.response import Response
from gdpeer.prometheus import ServerCollector
from gdpeer.rooms.metrics import HallCollector

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall

__all__ = ["page", "tell"]

LABEL = "worker"
KINDS = ("counter", "gauge", "histogram")
MOST_TEXT = 1_024
"""Characters of a name, a label or a text of help."""

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,199}")


def tell(hall: Hall) -> Value:
    """Returns all metrics of a hall and its port as JSON, for another worker."""
    metrics = [*ServerCollector(hall.server.stats).collect(), *HallCollector(hall).collect()]
    return {"metrics": [_as_json(metric) for metric in metrics]}


def _as_json(metric: Metric) -> list[Any]:
    samples = [[sample.name, sample.labels, sample.value] for sample in metric.samples]
    return [metric.name, metric.type, metric.documentation, samples]


def page(answers: Mapping[str, Value | None]) -> Response:
    """Returns the page with the metrics of several workers.

    Args:
        answers: what `tell` has returned at each worker, by the worker's name; None: the worker has not answered. An
            answer that is wrong counts as none.
    """
    registry = CollectorRegistry()
    registry.register(_Families(merge(answers)))
    return Response(200, generate_latest(registry), CONTENT_TYPE_LATEST)


class _Families(Collector):
    """Gives a registry what was collected already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> list[Metric]:
        """Returns the metrics that were given to this object."""
        return self._metrics


def merge(answers: Mapping[str, Value | None]) -> Iterator[Metric]:
    """Yields each metric once, with the samples of all workers."""
    up = GaugeMetricFamily("gdpeer_worker_up", "1: the worker has told its metrics; 0: it has not.", labels=[LABEL])
    metrics: dict[str, Metric] = {up.name: up}
    for worker, answer in sorted(answers.items()):
        found = _read(answer, worker)
        up.add_metric([worker], int(found is not None))
        for metric in found or ():
            known = metrics.setdefault(metric.name, metric)
            if known is not metric and known.type == metric.type:  # another version may count in another way
                known.samples += metric.samples
    yield from metrics.values()


def _read(answer: Value | None, worker: str) -> list[Metric] | None:
    """Returns the metrics of a worker with its label; None if there is no answer, or a wrong one."""
    try:
        return None if answer is None else [_metric(row, worker) for row in field_of(answer, "metrics", list)]
    except (BadField, ArithmeticError, AttributeError, TypeError, ValueError):
        return None  # an answer may come from anybody who reaches the broker


def _metric(row: Any, worker: str) -> Metric:
    name, kind, text, samples = row
    if kind not in KINDS:
        raise BadField("type")
    metric = Metric(_name(name), _text(text), kind)
    for sample, labels, value in samples:
        if not _name(sample).startswith(name) or type(value) not in (int, float) or not isfinite(value):
            raise BadField("sample")
        checked = {_name(label): _text(found) for label, found in labels.items()}
        metric.add_sample(sample, {**checked, LABEL: worker}, value)
    return metric


def _name(found: Any) -> str:
    if not _NAME.fullmatch(found):
        raise BadField("name")
    return str(found)


def _text(found: Any) -> str:
    if type(found) is not str or len(found) > MOST_TEXT:
        raise BadField("text")
    found.encode()  # a ValueError for half a character
    return found
