"""Builds the compiled modules; everything else about the project stands in pyproject.toml.

The compiled modules are plain Python. Where Cython and a C compiler are at hand they are compiled, with the C types of
the `.pxd` file beside each; elsewhere the same files run as they are.

Environment:
    GDPEER_COMPILE=no      a pure wheel (py3-none-any)
    GDPEER_COMPILE=try     compiled where possible, otherwise pure, saying so in one line (the default)
    GDPEER_COMPILE=must    compiled, or the build fails
    GDPEER_CHECKED=1       compiled with AddressSanitizer, into a folder of its own, for `make fuzz-asan`
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import threading
from distutils.ccompiler import new_compiler
from distutils.sysconfig import customize_compiler, get_python_inc
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

COMPILED = {
    "gdpeer.signals": "1",
    "gdpeer.packet_session": "1",
    "gdpeer.protocol.frames": "2",
    "gdpeer.protocol.message_buffer": "1",
    "gdpeer.protocol.inbox": "2",
    "gdpeer.protocol.outbox": "1",
    "gdpeer.protocol.connection": "1",
    "gdpeer.protocol.http_fast": "g",
    "gdpeer.transport.stream": "1",
    "gdpeer.transport.poller": "1",
    "gdpeer.transport.sockets": "1",
    "gdpeer.websocket.backend.base": "1",
    "gdpeer.websocket.backend.deadline": "g",
    "gdpeer.websocket.backend.native": "1",
    "gdpeer.websocket._peer": "1",
    "gdpeer.websocket.peer": "g",
    "gdpeer.websocket.client": "g",
    "gdpeer.websocket.server": "g",
    "gdpeer.websocket.session.dialects": "g",
    "gdpeer.websocket.session.server": "1",
    "gdpeer.websocket.session.client": "g",
    "gdpeer.variant.binary._output": "3",
    "gdpeer.variant.binary._leaves": "3",
    "gdpeer.variant.binary.reader": "3",
    "gdpeer.variant.binary.writer": "3",
    "gdpeer.variant.binary.codec": "2",
    "gdpeer.variant.binary.compact": "2",
    "gdpeer.multiplayer.wire.parts": "2",
    "gdpeer.multiplayer.wire.godot4": "2",
    "gdpeer.multiplayer.rpc.arguments": "2",
    "gdpeer.multiplayer.rpc.method_table": "1",
    "gdpeer.multiplayer.godot4.paths": "1",
    "gdpeer.multiplayer.replication._declared": "2",
    "gdpeer.multiplayer.replication.outgoing": "2",
    "gdpeer.multiplayer.replication.frames": "2",
    "gdpeer.multiplayer.replication.spawns": "g",
    "gdpeer.multiplayer._host": "1",
    "gdpeer.multiplayer.godot4.calls": "2",
    "gdpeer.multiplayer.godot4._scene": "1",
    "gdpeer.multiplayer.rpc._bound": "2",
}
"""The modules of the hot path, each with its level of optimisation: the only list of what is compiled.

-Og takes half the time of -O1, and -O1 half the time of -O2. Most modules are as fast at a low level, since they call
Python's own functions and each other. A module that loops over bytes and numbers needs a high level, and so does a
module that each packet and each call passes through. Measure with `make instructions`.
"""

DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "auto_pickle": False,
    "boundscheck": True,
    "nonecheck": True,
}
"""Annotations are the type checker's; the C types come from the `.pxd` files. What may be None is checked before it is
followed, but for modules whose first lines say otherwise; elsewhere that costs nothing that can be measured. Indexes
are checked everywhere."""

SHARED = "gdpeer._shared"
"""What Cython puts into each module otherwise: a fifth of all the code."""

MODES = ("no", "try", "must")

CHECKED = os.environ.get("GDPEER_CHECKED") == "1"
SANITIZER = ["-fsanitize=address"]


def chosen_mode() -> str:
    """What GDPEER_COMPILE asks for."""
    mode = os.environ.get("GDPEER_COMPILE") or "try"
    if mode not in MODES:
        raise SystemExit(f"gdpeer: GDPEER_COMPILE={mode!r} is not one of {', '.join(MODES)}")
    return mode


def what_is_missing() -> str:
    """Why nothing can be compiled here, or an empty text; tried with one line of C that needs Python's headers."""
    try:
        import Cython.Build  # noqa: F401
    except ImportError:
        return "Cython is not installed"
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe.c")
        probe.write_text("#include <Python.h>\nint probe(void) { return PY_MAJOR_VERSION; }\n")
        try:
            compiler = new_compiler()
            customize_compiler(compiler)
            compiler.compile([str(probe)], output_dir=folder, include_dirs=[get_python_inc()])
        except Exception:
            return "no working C compiler with Python's headers"
    return ""


def flags(name: str) -> list[str]:
    """Options for the C compiler. If CFLAGS names an optimiser level, that level replaces the one in `COMPILED`."""
    if sys.platform == "win32":
        return ["/O2"]
    if CHECKED:
        return ["-O1", "-g", "-fno-omit-frame-pointer", *SANITIZER]
    short = ["-g0", "-w", *cold_once()]
    if "-O" in os.environ.get("CFLAGS", ""):
        return short
    return [f"-O{COMPILED.get(name, '1')}", *short]


@functools.cache
def cold_once() -> list[str]:
    """For gcc: code that runs once, when a module is imported, is not optimised. That saves a sixth of the time."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    try:
        told = subprocess.run([*compiler, "--version"], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    is_gcc = "Free Software Foundation" in told
    return ["-DCYTHON_SMALL_CODE=__attribute__((cold,optimize(0)))"] if is_gcc else []


def extensions(*, optional: bool) -> list[Extension]:
    """The compiled modules, their C generated below build/, once for all Pythons."""
    from Cython import __version__
    from Cython.Build import cythonize

    linked = SANITIZER if CHECKED else []
    modules = [
        Extension(
            name,
            [f"src/{name.replace('.', '/')}.py"],
            extra_compile_args=flags(name),
            extra_link_args=linked,
            optional=optional,
        )
        for name in COMPILED
    ]
    modules.append(
        Extension(
            SHARED,
            ["src/gdpeer/_shared.c"],
            extra_compile_args=flags(SHARED),
            extra_link_args=linked,
            optional=optional,
        )
    )
    print(f"gdpeer: translating {len(COMPILED)} modules to C", flush=True)
    made: list[Extension] = cythonize(
        modules,
        build_dir=f"build/cython-{__version__}",
        compiler_directives=DIRECTIVES,
        include_path=["src"],
        shared_utility_qualified_name=SHARED,
        quiet=True,
        # Other start methods would run the main program again in each process.
        nthreads=cores() if multiprocessing.get_start_method() == "fork" else 0,
    )
    # The largest first, so that no core waits for a long one at the end.
    return sorted(made, key=lambda module: -os.path.getsize(module.sources[0]))


REPOSITORY = "https://github.com/gdpeer/gdpeer"
LINK = re.compile(r"(!?)(\[[^][]*\])\((?![a-z]+:|#)([^)\s]+)\)")


def readme() -> str:
    """README.md for a page of an index: there, links to files of the project lead nowhere unless they are whole."""

    def whole(link: re.Match[str]) -> str:
        picture, text, place = link.groups()
        return f"{picture}{text}({REPOSITORY}/{'raw' if picture else 'blob'}/main/{place})"

    return LINK.sub(whole, Path(__file__).with_name("README.md").read_text(encoding="utf-8"))


def build_base(form: str) -> str:
    """A folder for each form and Python, so that builds side by side do not meet."""
    return f"build/{'checked' if CHECKED else form}-{sys.implementation.cache_tag}"


class BuildPython(build_py):
    """Clears what an earlier build left in the build folder, so that a wheel holds what the source tree holds now."""

    def run(self) -> None:
        keep = {Path(self.build_lib, name) for name in self._extension_files()}
        for path in Path(self.build_lib).rglob("*"):
            if path.is_file() and path not in keep:
                path.unlink()
        super().run()

    def _extension_files(self) -> list[str]:
        command: Any = self.get_finalized_command("build_ext")
        return [command.get_ext_filename(module.name) for module in self.distribution.ext_modules or []]


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class BuildExtensions(build_ext):
    """Compiles on all cores, and tells how far it is.

    It names in one line whatever could not be compiled; the module then runs as Python.
    """

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel: int | None = getattr(self, "parallel", None) or cores()
        self._lock = threading.Lock()
        self._done = 0

    def run(self) -> None:
        print(
            f"gdpeer: compiling {len(self.extensions)} modules on {cores()} cores, about a minute for one", flush=True
        )
        super().run()
        built = {module.name: Path(self.get_ext_fullpath(module.name)) for module in self.extensions}
        missing = [name for name, path in built.items() if not path.exists()]
        if SHARED in missing:
            for path in built.values():  # none works without it
                path.unlink(missing_ok=True)
            print("gdpeer: installing uncompiled (Cython's own code did not compile)")
            return
        for name in missing:
            print(f"gdpeer: {name} did not compile and runs as Python")

    def build_extension(self, module: Extension) -> None:
        super().build_extension(module)
        with self._lock:
            self._done += 1
            if self._done % STEP == 0 or self._done == len(self.extensions):
                print(f"gdpeer: compiled {self._done} of {len(self.extensions)} modules", flush=True)


STEP = 6
"""Modules from one line about the progress to the next."""


def modules_to_compile() -> list[Extension]:
    """The extension modules of this build; none makes a pure wheel."""
    mode = chosen_mode()
    if mode == "no":
        return []
    missing = what_is_missing()
    if not missing:
        return extensions(optional=mode == "try")
    if mode == "must":
        raise SystemExit(f"gdpeer: GDPEER_COMPILE=must, but {missing}")
    print(f"gdpeer: installing uncompiled ({missing})")
    return []


found = modules_to_compile()
setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    ext_modules=found,
    cmdclass={"build_py": BuildPython, "build_ext": BuildExtensions},
    options={"build": {"build_base": build_base("compiled" if found else "pure")}},
)
