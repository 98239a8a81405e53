"""The processes of a measurement: servers on core 0, the load generator or the client on core 1."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.machine import LOAD_CORE, SERVER_CORE, held_on
from bench.wsbench.peers import CACHE, PROGRAMS, Peer, environment, say
from tests.support.ports import free_port, is_listening

NOISE_LIMIT, RETRIES = 0.10, 3
"""A sample during which other programs used more than this share of a core is repeated, at most RETRIES times."""
PATIENCE = 15.0

Sample = dict[str, Any]
"""The JSON object that `wsload` or a client printed; it has `error_total`."""


def surroundings() -> dict[str, str]:
    return dict(os.environ, PYTHONPYCACHEPREFIX=str(CACHE / "pycache"))


def failure(text: str) -> Sample:
    """Returns a sample with only an error."""
    return {"error_total": 1, "first_error": text}


def run_json(command: Sequence[str], timeout: float, folder: Path | None = None) -> Sample:
    """Runs a program on the core of the load; returns the JSON object that it printed."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            preexec_fn=held_on(LOAD_CORE),
        )
    except subprocess.TimeoutExpired:
        return failure("timed out")
    try:
        answer: Sample = json.loads(done.stdout)
    except ValueError:
        lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        return failure(lines[-1] if lines else f"status {done.returncode}")
    answer.setdefault("error_total", 0 if done.returncode == 0 else 1)
    return answer


class Server:
    """A server that can be started several times.

    Attributes:
        name: shown in the tables.
        is_skipped: whether its packages could not be installed.
        port: on which it listens since its last start.
    """

    running: list[Server] = []  # noqa: RUF012 - of all

    def __init__(self, name: str, peer: Peer) -> None:
        self.name, self.peer = name, peer
        self.is_skipped, self.port = False, 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> bool:
        """Starts the server; prints a line and returns False if it does not listen in time."""
        place = environment(self.peer.group) if self.peer.group else ""
        if place is None:
            self.is_skipped = True
            return False
        self.port = free_port()
        command = self.peer.command.format(port=self.port, bin=PROGRAMS, py=place)
        log = CACHE / f"log-{self.name.replace('/', '_')}.txt"
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                shlex.split(command),
                cwd=self.peer.folder,
                env=surroundings() | {"WSBENCH_NODE": place},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=held_on(SERVER_CORE),
            )
        Server.running.append(self)
        if self._listens():
            return True
        say(f"{self.name} did not start; its output:\n{log.read_text(errors='replace')[-800:]}")
        self.stop()
        return False

    def _listens(self) -> bool:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.is_running():
            if is_listening(self.port):
                time.sleep(0.1)
                return True
            time.sleep(0.02)
        return False

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the server and the processes that it started."""
        process = self._process
        if process is None:
            return
        started = _children(process.pid)
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        for pid in started:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self._process = None
        Server.running.remove(self)


def _children(pid: int) -> list[int]:
    """Returns the ids of all descendants of a process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    tree = [pid]
    for parent in tree:
        tree += [child for child, its_parent in parents.items() if its_parent == parent]
    return tree[1:]


def load(server: Server, words: str, seconds: float, warmup: float, spin: bool = True) -> Sample:
    """Returns a sample of the load generator.

    While other programs disturb it is repeated; then the least disturbed sample counts, or the first with an error.
    """
    command = [str(PROGRAMS / "wsload"), *words.split(), "-t", str(seconds), "--warmup", str(warmup)]
    command += ["--port", str(server.port), "--server-pid", str(server.pid)]
    command += ["--raw"] * (server.name == "rawecho") + ["--spin"] * spin
    samples: list[Sample] = []
    while True:
        answer = run_json(command, seconds + warmup + 90)
        answer["noise"] = round(_noise(answer, spin), 3)
        if answer["error_total"]:
            return answer
        samples.append(answer)
        if answer["noise"] <= NOISE_LIMIT or len(samples) > RETRIES:
            return min(samples, key=lambda sample: sample["noise"]) | {"attempts": len(samples)}
        time.sleep(0.3)


def _noise(answer: Sample, spin: bool) -> float:
    """Returns the share of the server's core that other programs used, or of the load's core that the load lacked."""
    if "cpu0_busy" not in answer:
        return 0.0
    taken = max(0.0, float(answer["cpu0_busy"]) - float(answer["server_cpu"]))
    return max(taken, 1 - float(answer["load_cpu"])) if spin else taken
