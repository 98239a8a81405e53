"""`open_broker`: the broker for a URL.

    memory:                     in this process; other workers do not see it
    redis://host:6379/0         Redis 5 or newer, Valkey; rediss:// with TLS
    nats://host:4222            NATS 2.9 or newer with JetStream; tls:// with TLS

Layer: `cluster`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.cluster.broker.address import Address, check_namespace
from gdpeer.cluster.broker.base import Broker
from gdpeer.cluster.broker.link import Link, Sink
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.broker.nats import NatsLink, load_nats
from gdpeer.cluster.broker.redis import RedisLink, load_redis
from gdpeer.cluster.broker.thread import ThreadBroker

__all__ = ["open_broker"]

SCHEMES: dict[str, tuple[Callable[[], Any], Callable[[Address, str, Sink], Link]]] = {
    "redis": (load_redis, RedisLink),
    "rediss": (load_redis, RedisLink),
    "nats": (load_nats, NatsLink),
    "tls": (load_nats, NatsLink),
}


def open_broker(
    url: str,
    namespace: str,
    run_soon: Callable[[Callable[[], object]], object],
    clock: Clock = MONOTONIC,
) -> Broker:
    """Returns the broker for a URL. Returns at once: `is_connected` and `on_change` tell when the broker is there.

    Args:
        url: of the broker. User name and password may stand in it; no log and no error repeats them.
        namespace: 1 to 32 letters, digits, "-" and "_"; clusters with other namespaces see nothing of each other.
        run_soon: runs a callback later in the game's thread; called in any thread, such as `Hall.run_soon`.
        clock: for a broker in memory.

    Raises:
        ValueError: the URL or the namespace cannot be used.
        ImportError: the library for this broker is not installed. The text says how to install it.
    """
    check_namespace(namespace)
    if url == "memory:":
        return MemoryBroker(MemoryStore(clock, run_soon))
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        # The URL is not repeated: a secret may stand anywhere in a mistyped one.
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ValueError(f"the URL of a broker must be memory:, or begin with one of {known}")
    load, link = SCHEMES[scheme]
    address = Address(url)
    load()
    return ThreadBroker(partial(link, address, namespace), address.shown, run_soon)
