"""Labs for the contract of brokers with real servers."""

from __future__ import annotations

import asyncio
import re
from itertools import count
from pathlib import Path
from typing import Any

from gdpeer.cluster.broker.base import BrokerError
from gdpeer.cluster.broker.nats import encode_key, load_nats
from gdpeer.cluster.broker.open import open_broker
from gdpeer.cluster.broker.redis import load_redis
from tests.support.broker_contract import Lab
from tests.support.brokers import RedisServer, Server
from tests.support.missing import ROOT

SECRET = "S3CRET/@:x"
QUOTED = "S3CRET%2F%40%3Ax"

_numbers = count(1)


def recipe(page: str, start: str) -> str:
    """Returns the block of code of a page in docs that begins with a text."""
    text = (ROOT / "docs" / page).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return next(str(block) for block in blocks if block.startswith(start))


class ServerLab(Lab):
    """Brokers of a server; each lab has a namespace of its own."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.namespace = f"test-{next(_numbers)}"

    def open(self, more: str = "") -> Any:
        broker = self.open_url(self.server.url, self.namespace + more)
        self.until(lambda: broker.is_connected)
        return broker

    def open_url(self, url: str, namespace: str = "") -> Any:
        self.brokers.append(open_broker(url, namespace or self.namespace, self.run_soon))
        return self.brokers[-1]

    def advance(self, seconds: float) -> None:
        self.settle(seconds)

    def stop(self) -> None:
        self.server.kill()

    def start(self, empty: bool = False) -> None:
        self.server.start(empty)

    def close(self) -> None:
        self.server.thaw()
        super().close()


class RedisLab(ServerLab):
    def _client(self) -> Any:
        return load_redis().Redis.from_url(self.server.url)

    def inject(self, key: str, data: bytes) -> None:
        with self._client() as client:
            client.hset(f"gdp:{{{self.namespace}}}:{key}", mapping={"v": data, "r": "5"})

    def inject_message(self, subject: str, data: bytes) -> None:
        with self._client() as client:
            client.publish(f"gdp:{self.namespace}:m:{subject}", b"\n" + data)
            client.publish(f"gdp:{self.namespace}:m:{subject}", data)


def check_recipe_of_redis(kind: type[RedisServer], folder: Path) -> None:
    """Checks that the user of the page's recipe may do all that a broker needs, and nothing in other namespaces."""
    line = recipe("brokers.md", "user gdpeer").replace("PASSWORD", SECRET)
    (folder / "users.acl").write_text(f"user default off\n{line}\n")
    with kind(folder, "--aclfile", str(folder / "users.acl")) as server:
        lab = RedisLab(server)
        url = server.url.replace("//", f"//gdpeer:{QUOTED}@")
        broker, other = lab.open_url(url, "prod"), lab.open_url(url, "staging")
        revision = lab.wait(broker.create("w:a", {}))
        revision = lab.wait(broker.update("w:a", {}, revision))
        assert [entry.revision for entry in lab.wait(broker.scan("w:"))] == [revision]
        broker.subscribe("w.a", lambda message: message.reply({"ok": 1}))
        assert lab.wait(broker.request("w.a", {})) == {"ok": 1}
        lab.wait(broker.publish("dir", {}))
        lab.wait(broker.delete("w:a", revision))
        assert lab.wait(broker.get("w:a")) is None
        lab.settle(1.5)
        assert broker.is_connected
        assert isinstance(lab.problem(other.get("w:a")), BrokerError)
        lab.close()


class NatsLab(ServerLab):
    def inject(self, key: str, data: bytes) -> None:
        asyncio.run(self._publish(f"$KV.gdp_{self.namespace}_all.{encode_key(key)}", data))

    def inject_message(self, subject: str, data: bytes) -> None:
        asyncio.run(self._publish(f"gdp.{self.namespace}.{encode_key(subject, '.')}", data))

    async def _publish(self, subject: str, data: bytes) -> None:
        client = await load_nats().connect(self.server.url)
        await client.publish(subject, data)
        await client.flush()
        await client.close()
