"""Real Godot engines, 4 and 3, without a display.

    with fixture("4", "peer_client", url=f"ws://127.0.0.1:{port}", texts=2) as engine:
        engine.wait_for("open")
        ...
        assert engine.wait() == 0

    with Engine("3", ROOT / "demos/chat/godot3", "main.tscn", "--url=ws://127.0.0.1:8000") as engine: ...

Each line of JSON that the engine prints is an event: a dict with `event` and more. Waits look at all the events there
are, from the first on, so that an early event is not missed; `engine.wait_for("text", number=2)` compares fields.
"""

from __future__ import annotations

import json
import os
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
    """The command line of an engine, fetched on first use; ends the test where there is none."""
    with _finding:
        if version not in _commands:
            try:
                _commands[version] = godot.command(version)
            except godot.Failed as error:
                missing(f"Godot {version}", str(error))
        return _commands[version]


def environment() -> dict[str, str]:
    """What an engine finds in its environment beside this process's."""
    return {"NO_COLOR": "1", **godot.environment()}


class Engine:
    """One run of an engine: a project, a scene of it or a script that is the main loop, and its user arguments."""

    def __init__(self, version: str, project: Path, scene: str | Path, *arguments: str) -> None:
        separator = ["--"] if version == "4" else []
        script = ["--script"] if isinstance(scene, Path) else []
        self.process = Process(
            [*command(version), "--path", project, *script, scene, *separator, *arguments],
            environment=environment(),
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events so far, in order."""
        return [json.loads(line) for line in self.process.stdout if line.startswith("{")]

    @property
    def stderr(self) -> list[str]:
        """The errors and warnings that the engine printed."""
        return self.process.stderr

    def find(self, event: str, **fields: Any) -> dict[str, Any] | None:
        """The first event of that name with those fields, or None."""
        for found in self.events:
            if found.get("event") == event and all(found.get(key) == value for key, value in fields.items()):
                return found
        return None

    def wait_for(self, event: str, timeout: float = 20.0, **fields: Any) -> dict[str, Any]:
        """Waits for an event of that name with those fields; `ProcessFailed` when it does not come."""
        self.process.wait_until(
            lambda: self.find(event, **fields) is not None, f"event {event!r} {fields or ''}", timeout
        )
        found = self.find(event, **fields)
        assert found is not None
        return found

    def all(self, event: str) -> list[dict[str, Any]]:
        """All events of that name so far."""
        return [found for found in self.events if found.get("event") == event]

    def say(self, line: str) -> None:
        """Types a line on its standard input."""
        self.process.say(line)

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
    """A scene of the ready fixtures: `peer_client`, `peer_server`; for Godot 3 `client`, `server`; or a script.

    The options become `--name=value`, an underscore in a name a hyphen; True stands for an option without a value.
    """
    folder = FIXTURES / f"godot{version}"
    words = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        words.append(option if value is True else f"{option}={value}")
    return Engine(version, folder, scene if isinstance(scene, Path) else f"{scene}.tscn", *words)


def versions() -> tuple[str, ...]:
    """The engines that the tests cover; `GDPEER_ENGINES=4` narrows them for a quick run by hand."""
    return tuple(os.environ.get("GDPEER_ENGINES", "4,3").split(","))
