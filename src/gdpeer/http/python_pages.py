"""`PythonPages`: lets web pages run Python: serves Pyodide, gdpeer's sources, and a script that starts both.

    server.http_handler = http.chain(http.PythonPages(), http.StaticFolder("page"))

In the page:

    <script type="module" src="gdpeer/boot.mjs"></script>
    <script type="text/python" src="main.py"></script>

The page finds these files on the server, all below one prefix:

    boot.mjs                    the script (its head tells how a page uses it)
    files.json                  the files to load and their sizes; or why there is nothing to load
    pyodide-VERSION-MARK/...    the files of an installed Pyodide; browsers cache them for good
    python-MARK.zip             the Python sources; browsers cache them for good

Layer: `http`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import ClassVar

from gdpeer.arguments import LINES, PATH, STR, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.http.response import Response, content_type, file_response, only_get
from gdpeer.protocol.http_headers import Request

__all__ = ["FILES", "PythonPages", "find_pyodide"]

FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""The files of Pyodide that a page loads; the rest of the package is for other uses."""

BOOT = Path(__file__).with_name("boot.mjs")
PACKAGE = Path(__file__).parents[1]
NOT_FOR_PAGES = ("cli", "demos", "rooms", "testing")

ENVIRONMENT = "GDPEER_PYODIDE"
INSTALL = "npm install pyodide"
FOR_GOOD = ("Cache-Control", "public, max-age=31536000, immutable")
ASK_AGAIN = ("Cache-Control", "no-cache")

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of all files in the archive, so that the same sources always make the same archive."""


@dataclass(frozen=True, slots=True)
class Pyodide:
    """An installation of Pyodide.

    Attributes:
        folder: where its files are.
        version: as "314.0.7".
        sizes: of the files, in bytes.
    """

    folder: Path
    version: str
    sizes: dict[str, int]

    @property
    def address(self) -> str:
        """The folder in its URLs, which changes with every file, so that browsers may cache the files for good."""
        # Sizes instead of contents: reading 13 MB would delay the start.
        mark = hashlib.sha256(repr(sorted(self.sizes.items())).encode()).hexdigest()[:8]
        return f"pyodide-{self.version}-{mark}"


def open_pyodide(folder: Path) -> Pyodide | str:
    """Returns the Pyodide in a folder, or a text that says why it cannot be used."""
    try:
        sizes = {name: (folder / name).stat().st_size for name in FILES}
        version = json.loads((folder / "package.json").read_bytes())["version"]
    except FileNotFoundError as problem:
        return f"no Pyodide of version 314 or newer in {folder}: {Path(problem.filename).name} is missing"
    except (OSError, ValueError, LookupError, TypeError) as problem:
        return f"the Pyodide in {folder} cannot be read: {problem}"
    # The version becomes part of a URL.
    return Pyodide(folder, re.sub(r"[^0-9A-Za-z.]", "", str(version)), sizes)


def find_pyodide(folder: str | os.PathLike[str] | None = None) -> Pyodide | str:
    """Returns the Pyodide to serve (`folder` as in `PythonPages`), or one line that says why none can be served."""
    named = folder or os.environ.get(ENVIRONMENT)
    if named:
        return open_pyodide(Path(named).expanduser().absolute())
    here = Path.cwd()
    for place in (here, *here.parents):
        if (place / "node_modules" / "pyodide").is_dir():
            return open_pyodide(place / "node_modules" / "pyodide")
    return f"Pyodide is not installed: no node_modules/pyodide in {here} or above it"


def own_sources() -> Iterator[tuple[str, Path]]:
    """Returns the modules of gdpeer that pages may need, with their paths in the archive."""
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE).parts
        if parts[0] not in NOT_FOR_PAGES:
            yield "/".join((PACKAGE.name, *parts)), file


def sources_of(name: str) -> Iterator[tuple[str, Path]]:
    """Returns the files of a module, or of a package and all modules below it, and of the packages around it.

    Raises:
        ModuleNotFoundError: the module does not exist, or its source is missing.
    """
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        yield from _source_of(parts[:length])
    found = dict(_source_of(parts))
    for folder in _find(name).submodule_search_locations or ():
        found |= {"/".join((*parts, *file.relative_to(folder).parts)): file for file in Path(folder).rglob("*.py")}
    if not found:
        raise ModuleNotFoundError(f"no Python source of {name} to give to pages", name=name)
    yield from found.items()


def _find(name: str) -> ModuleSpec:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no module {name} to give to pages", name=name)
    return spec


def _source_of(parts: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yields the source file of a module, which may lie beside a compiled one; a folder needs its `__init__.py`."""
    spec = _find(".".join(parts))
    inside = [*parts, "__init__"] if spec.submodule_search_locations is not None else parts
    if spec.origin and (file := Path(spec.origin).with_name(f"{inside[-1]}.py")).is_file():
        yield "/".join(inside) + ".py", file


def pack(sources: Iterable[tuple[str, Path]]) -> bytes:
    """Returns a zip archive of source files; the same sources give the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, file in sorted(dict(sources).items()):
            archive.writestr(zipfile.ZipInfo(inside, LONG_AGO), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


class PythonPages(Guarded):
    """Lets web pages run Python: serves an installed Pyodide, gdpeer, and the modules of the page's program.

    Install Pyodide with `npm install pyodide` (13.5 MB), version 314 or newer; pages load nothing from other hosts.
    While Pyodide is missing, pages say so; each request of a page looks for it again.

    Args:
        pyodide: the folder of Pyodide. None: GDPEER_PYODIDE names the folder, else it is the first
            `node_modules/pyodide` from the current folder upwards.
        packages: names of modules and packages that pages may import besides gdpeer, as `"mygame.rules"`. Everyone who
            can open the page can read their sources.
        prefix: the URL's path below which the files are served.

    Raises:
        ModuleNotFoundError: one of `packages` does not exist.
        ValueError: `prefix` does not begin and end with a slash.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    @checked(pyodide=optional(PATH), packages=LINES, prefix=STR)
    def __init__(
        self,
        pyodide: str | os.PathLike[str] | None = None,
        *,
        packages: Sequence[str] = (),
        prefix: str = "/gdpeer/",
    ) -> None:
        if not (prefix.startswith("/") and prefix.endswith("/")):
            raise ValueError(f"prefix must begin and end with a slash, not {prefix!r}")
        self._prefix = prefix
        self._folder = pyodide
        self._pyodide = find_pyodide(pyodide)
        self._archive = pack(source for sources in (own_sources(), *map(sources_of, packages)) for source in sources)
        self._archive_name = f"python-{hashlib.sha256(self._archive).hexdigest()[:16]}.zip"

    @property
    def problem(self) -> str:
        """Why pages cannot run, in one line; "" when they can."""
        if isinstance(self._pyodide, str):
            # Look again: Pyodide may have been installed meanwhile, without a restart of the server.
            self._pyodide = find_pyodide(self._folder)
        return f"{self._pyodide} ({INSTALL})" if isinstance(self._pyodide, str) else ""

    def __call__(self, request: Request) -> Response | None:
        """Answers a request for one of the files; returns None for every other request."""
        if not request.path.startswith(self._prefix):
            return None
        name = request.path.removeprefix(self._prefix)
        if name == "boot.mjs":
            found = file_response(BOOT, ASK_AGAIN)
        elif name == "files.json":
            found = self._list_files()
        elif name == self._archive_name:
            found = Response(200, self._archive, content_type(name), (FOR_GOOD,))
        else:
            found = self._pyodide_file(name)
        return found and (only_get(request) or found)

    def _list_files(self) -> Response:
        python = {"address": self._archive_name, "size": len(self._archive)}
        if self.problem or isinstance(self._pyodide, str):
            # `problem` names folders of this machine, which visitors of the page need not know.
            return Response.json({"pyodide": None, "python": python, "install": INSTALL, "environment": ENVIRONMENT})
        pyodide = {"address": f"{self._pyodide.address}/", "version": self._pyodide.version}
        return Response.json({"pyodide": {**pyodide, "sizes": self._pyodide.sizes}, "python": python})

    def _pyodide_file(self, name: str) -> Response | None:
        folder, _, file = name.partition("/")
        if isinstance(self._pyodide, str) or folder != self._pyodide.address or file not in FILES:
            return None
        return file_response(self._pyodide.folder / file, FOR_GOOD)
