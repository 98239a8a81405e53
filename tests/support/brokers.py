"""Starts Redis, Valkey and NATS servers on loopback: each with a free port and folder, ended by its process id.

with RedisServer(folder) as server:
    broker = open_broker(server.url, "test", run_soon)
    server.kill()           as kill -9
    server.start()          again on the same port; `start(empty=True)` without what was stored
    server.freeze(); server.thaw()
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.support.missing import missing
from tests.support.ports import free_port, wait_until_listening
from tools import servers

_commands: dict[str, list[str]] = {}
_finding = threading.Lock()


def command(name: str) -> list[str]:
    """Returns the command line of a server, which is fetched on first use; ends the test if there is none."""
    with _finding:
        if name not in _commands:
            try:
                _commands[name] = servers.command(name)
            except servers.Failed as error:
                missing(name, str(error))
        return _commands[name]


class Server:
    """A server on a port of loopback.

    Args:
        folder: for its data and its log; made if it does not exist.
        options: further words of the command line.

    Attributes:
        port: of the server, the same after each start.
        url: of the server, for `open_broker`.
    """

    name = ""
    scheme = ""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port = folder, free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def words(self) -> list[str]:
        """Returns the words of the command line behind the program."""
        raise NotImplementedError

    def start(self, empty: bool = False) -> None:
        """Starts the server, and waits until it listens."""
        data = self.folder / "data"
        if empty:
            shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            words = [*command(self.name), *self.words(), *self._options]
            self._process = subprocess.Popen(words, cwd=data, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until_listening(self.port)

    def kill(self) -> None:
        """Ends the server as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Stops the process: its connections stay open, and nothing is answered."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        # The signal stops the threads of the process one after the other.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Ends `freeze`."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.thaw()
        self.kill()


def certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Returns the paths of a new certificate for 127.0.0.1, its key, and the authority that has issued it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    paths = tuple(folder / name for name in ("certificate.pem", "key.pem", "authority.pem"))
    issued.cert_chain_pems[0].write_to_path(str(paths[0]))
    issued.private_key_pem.write_to_path(str(paths[1]))
    authority.cert_pem.write_to_path(str(paths[2]))
    return paths[0], paths[1], paths[2]


class RedisServer(Server):
    """Redis without files."""

    name = "redis-server"
    scheme = "redis"

    def words(self) -> list[str]:
        return ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]


class ValkeyServer(RedisServer):
    """Valkey without files. It has the protocol of Redis, and so the scheme."""

    name = "valkey-server"


class NatsServer(Server):
    """NATS with JetStream, and with messages of at most 2 MB."""

    name = "nats-server"
    scheme = "nats"
    settings = 'max_payload: 2MB\njetstream { store_dir: "." }\n'

    def words(self) -> list[str]:
        path = self.folder / "nats.conf"
        path.write_text(self.settings)
        return ["-a", "127.0.0.1", "-p", str(self.port), "-c", str(path)]
