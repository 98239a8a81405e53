"""Starts the proxies that stand in front of several machines: HAProxy and nginx, on loopback, ended by their ids."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gdpeer.cluster.haproxy import Admin, configuration
from tests.support.brokers import command
from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening

PAGE = ROOT / "docs" / "howto" / "many-machines.md"
NGINX = """\
daemon off;
pid nginx.pid;
events {{ worker_connections 100; }}
http {{
client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
{recipe}}}
"""


@contextmanager
def started(words: list[str], folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A proxy that listens on a port."""
    with open(folder / "output", "ab") as output:
        process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_until_listening(port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


class HaproxyServer:
    """A HAProxy with gdpeer's configuration.

    Args:
        folder: short, for the path of a socket.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.admin, self.map = str(folder / "admin"), str(folder / "rooms.map")
        Path(self.map).touch()
        (folder / "haproxy.cfg").write_text(configuration(f"127.0.0.1:{self.port}", self.admin, self.map))

    def server_of(self, shard: str) -> str:
        """Returns the name of the server that the map of the running HAProxy has for a shard; "" for none."""
        found = re.search(rf"^\S+ {shard} (\S+)$", Admin(self.admin).ask(f"show map {self.map}"), re.MULTILINE)
        return "" if found is None else found[1]

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process."""
        with started([*command("haproxy"), "-db", "-f", "haproxy.cfg"], self.folder, self.port) as process:
            yield process


@contextmanager
def nginx(folder: Path, machines: tuple[int, int], shards: dict[str, int]) -> Iterator[int]:
    """Runs nginx with the recipe of the page, on a free port, which is yielded.

    Args:
        folder: for its files.
        machines: the ports of the two machines.
        shards: the port of the machine that has a shard.
    """
    port = free_port()
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    recipe = found[1]
    for old, new in (
        ("/etc/nginx/gdpeer-shards.conf", str(folder / "shards.conf")),
        ("/var/log/nginx/play.log", str(folder / "play.log")),
        ("listen 443 ssl", f"listen 127.0.0.1:{port}"),
        ("10.0.0.11:8910", f"127.0.0.1:{machines[0]}"),
        ("10.0.0.12:8910", f"127.0.0.1:{machines[1]}"),
    ):
        assert old in recipe
        recipe = recipe.replace(old, new)
    (folder / "nginx.conf").write_text(NGINX.format(recipe=recipe))
    rows = "".join(f"{shard} 127.0.0.1:{to};\n" for shard, to in shards.items())
    (folder / "shards.conf").write_text(rows)
    words = [*command("nginx"), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with started(words, folder, port):
        yield port
