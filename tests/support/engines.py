"""Runs real Godot engines, 4 and 3, without a display.

    with fixture("4", "peer_client", url=f"ws://127.0.0.1:{port}", texts=2) as engine:
        engine.wait_for("open")
        ...
        assert engine.wait() == 0

    with Engine("3", ROOT / "demos/chat/godot3", "main.tscn", "--url=ws://127.0.0.1:8000") as engine: ...

Each line of JSON that the engine prints is an event: a dictionary with `event` and other fields. A wait searches all
events from the first one on, so that it cannot miss an early event. `engine.wait_for("text", number=2)` compares
fields.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.missing import ROOT, missing
from tests.support.processes import Process
from tools import godot

FIXTURES = ROOT / "tests" / "fixtures"
_commands: dict[str, list[str]] = {}
_finding = threading.Lock()


def command(version: str) -> list[str]:
    """Returns the command line of an engine, which is fetched on first use; ends the test if there is none."""
    with _finding:
        if version not in _commands:
            try:
                _commands[version] = godot.command(version)
            except godot.Failed as error:
                missing(f"Godot {version}", str(error))
        return _commands[version]


def environment() -> dict[str, str]:
    """Returns the environment variables for an engine, besides those of this process."""
    return {"NO_COLOR": "1", **godot.environment()}


def import_project(project: Path) -> None:
    """Has Godot 4 find a project's global classes and uids, as its editor does."""
    subprocess.run(
        [*command("4"), "--path", str(project), "--import"],
        env={**environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


class Program:
    """A run of an engine anywhere: in a process, or in a page."""

    @property
    def stdout(self) -> list[str]:
        """The lines that it printed."""
        raise NotImplementedError

    @property
    def stderr(self) -> list[str]:
        """The errors and warnings that the engine printed."""
        raise NotImplementedError

    def say(self, line: str) -> None:
        """Tells it a line of text."""
        raise NotImplementedError

    def has_failed(self) -> bool:
        """Whether it has ended with an error."""
        raise NotImplementedError

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events so far, in order."""
        return [json.loads(line) for line in self.stdout if line.startswith("{")]

    def find(self, event: str, **fields: Any) -> dict[str, Any] | None:
        """Returns the first event of a name with these fields; None if there is none yet."""
        for found in self.events:
            if found.get("event") == event and all(found.get(key) == value for key, value in fields.items()):
                return found
        return None

    def all(self, event: str) -> list[dict[str, Any]]:
        """Returns all events of a name so far."""
        return [found for found in self.events if found.get("event") == event]


class Engine(Program):
    """One run of an engine in a process.

    It takes a project, a scene of the project or a script with the main loop, and arguments for the program.
    """

    def __init__(self, version: str, project: Path, scene: str | Path, *arguments: str) -> None:
        separator = ["--"] if version == "4" else []
        script = ["--script"] if isinstance(scene, Path) else []
        self.process = Process(
            [*command(version), "--path", project, *script, scene, *separator, *arguments],
            environment=environment(),
        )

    @property
    def stdout(self) -> list[str]:
        """The lines that it printed."""
        return self.process.stdout

    @property
    def stderr(self) -> list[str]:
        """The errors and warnings that the engine printed."""
        return self.process.stderr

    def wait_for(self, event: str, timeout: float = 20.0, **fields: Any) -> dict[str, Any]:
        """Waits for an event of a name with these fields, and returns it.

        Raises:
            ProcessFailed: the event did not come in time.
        """
        self.process.wait_until(
            lambda: self.find(event, **fields) is not None, f"event {event!r} {fields or ''}", timeout
        )
        found = self.find(event, **fields)
        assert found is not None
        return found

    def say(self, line: str) -> None:
        """Types a line on its standard input."""
        self.process.say(line)

    def has_failed(self) -> bool:
        """Whether it has ended with an error."""
        return self.process.popen.poll() not in (None, 0)

    def wait(self, timeout: float = 30.0) -> int:
        """Waits for the engine to quit; returns its status."""
        return self.process.wait(timeout)

    def kill(self) -> None:
        """Kills the engine at once, as a crash would."""
        self.process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate(grace=1.0)


def fixture(version: str, scene: str | Path, **options: Any) -> Engine:
    """Runs a scene of the fixtures: `peer_client`, `peer_server`; for Godot 3 `client`, `server`; or a script.

    The options become `--name=value`, with hyphens for underscores. True makes an option without a value.
    """
    folder = FIXTURES / f"godot{version}"
    words = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        words.append(option if value is True else f"{option}={value}")
    return Engine(version, folder, scene if isinstance(scene, Path) else f"{scene}.tscn", *words)


def versions() -> tuple[str, ...]:
    """Returns the versions of the engines to test; `GDPEER_ENGINES=4` limits them for a quick run by hand."""
    return tuple(os.environ.get("GDPEER_ENGINES", "4,3").split(","))
