"""Makes a virtual environment with gdpeer in one form, and updates it when the sources have changed.

    python tools/environment.py .venv --form compiled --groups test,lint
    python tools/environment.py .venv-pure --form pure --groups test

gdpeer is installed as a wheel built from the tree, not in editable mode. The tests then run the same files as a user,
compiled modules and their Python sources cannot be mixed up, and one source tree can have environments of both forms.
After a change of plain Python, building takes a few seconds, because only changed compiled modules are compiled.

The module needs the standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORMS = {"compiled": "try", "pure": "no"}
"""The value of GDPEER_COMPILE for each form, unless the variable is set."""

NO_VENV = """\
gdpeer: this Python ({python}) cannot make a virtual environment.
        Install its venv module (Debian: apt-get install python3-venv) or pip, and try again."""
UNCOMPILED = "gdpeer: installed uncompiled, as plain Python: {why}. It works the same, slower."


class Failed(Exception):
    """A step failed; the message names the step and shows the end of its output."""


def run(command: list[str | Path], what: str, environment: dict[str, str] | None = None, *, tells: bool = False) -> str:
    """Runs a command and returns its output.

    Args:
        command: to run in the checkout.
        what: name of the step, for the error message.
        environment: variables to set besides those of this process.
        tells: whether to show lines of gdpeer's own setup at once.

    Raises:
        Failed: the exit status is not 0.
    """
    if tells:
        return run_and_tell(command, what, environment)
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=ROOT,
            env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", **(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise Failed(f"gdpeer: {what} failed: {error}") from None
    if done.returncode:
        raise Failed(f"gdpeer: {what} failed (status {done.returncode}):\n{done.stdout[-6000:]}")
    return done.stdout


def run_and_tell(command: list[str | Path], what: str, environment: dict[str, str] | None) -> str:
    lines = []
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1", **(environment or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if line.lstrip().startswith("gdpeer: ") and "installing uncompiled" not in line:
                print(line.strip(), flush=True)
    printed = "".join(lines)
    if process.returncode:
        raise Failed(f"gdpeer: {what} failed (status {process.returncode}):\n{printed[-6000:]}")
    return printed


# -- the environment itself -------------------------------------------------------------------------------------------


def make(folder: Path, python: str) -> None:
    """Makes an empty environment of `python`, unless there is one of the same Python already."""
    if (folder / "bin" / "pip").exists() and base_of(folder / "bin" / "python") == base_of(python):
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run([python, "-m", "venv", folder], "python -m venv")
    except Failed:
        make_by_pip(folder, python)


def base_of(python: Path | str) -> str:
    """Returns the folder of an interpreter's installation; "" if the interpreter does not run."""
    with contextlib.suppress(Failed):
        return run([python, "-c", "import sys; print(sys.base_prefix, sys.version)"], "python").strip()
    return ""


def make_by_pip(folder: Path, python: str) -> None:
    """Makes an environment without `ensurepip`, which Debian keeps in another package: the own pip installs into it."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run([python, "-m", "venv", "--without-pip", folder], "python -m venv --without-pip")
        run([sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "-q", "pip"], "pip")
    except Failed as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise Failed(f"{NO_VENV.format(python=python)}\n{error}") from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a lock on the folder during the block; a second process waits until the first has finished."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# -- what it holds ----------------------------------------------------------------------------------------------------


def requirements(groups: list[str]) -> list[str]:
    """Returns the requirements of groups of pyproject.toml; extras count as groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    table = dict(project["dependency-groups"])
    table |= project["project"]["optional-dependencies"]
    found: list[str] = list(project["project"]["dependencies"])
    for group in groups:
        for entry in table[group]:
            found += requirements([entry["include-group"]]) if isinstance(entry, dict) else [entry]
    return sorted(set(found))


def install_requirements(folder: Path, wanted: list[str]) -> None:
    stamp = folder / ".requirements"
    have = set(stamp.read_text().splitlines()) if stamp.exists() else set()
    if not set(wanted) <= have:
        # Without bytecode: Python compiles a module at its first import, and most of the packages are never imported.
        run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile", *wanted], "pip install")
        stamp.write_text("\n".join(sorted(have | set(wanted))) + "\n")


def source_digest(mode: str) -> str:
    """Returns a digest of all files that go into the wheel."""
    digest = hashlib.sha256(mode.encode())
    files = [ROOT / name for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")]
    files += sorted(path for path in (ROOT / "src" / "gdpeer").rglob("*") if path.is_file())
    for path in files:
        if path.suffix not in {".pyc", ".so"} and path.exists():
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def install_project(folder: Path, form: str) -> None:
    mode = os.environ.get("GDPEER_COMPILE") or FORMS[form]
    if form == "pure":
        mode = "no"
    stamp = folder / ".project"
    digest = source_digest(mode)
    if stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    wheels = ROOT / "build" / "wheels" / folder.name
    shutil.rmtree(wheels, ignore_errors=True)
    python = folder / "bin" / "python"
    with locked(ROOT / "build" / "wheel"):
        printed = run(
            [python, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation", "-w", wheels, "."],
            "building the wheel",
            {"GDPEER_COMPILE": mode},
            tells=form == "compiled" and mode != "no",
        )
    [wheel] = glob.glob(f"{wheels}/*.whl")
    run(
        [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", wheel], "pip install of the wheel"
    )
    stamp.write_text(digest)
    if form == "compiled" and "-none-any" in wheel:
        print(UNCOMPILED.format(why=reason(printed)), flush=True)


def reason(printed: str) -> str:
    """Returns the reason that setup.py printed for a pure wheel."""
    _, found, rest = printed.partition("gdpeer: installing uncompiled (")
    return rest.splitlines()[0].rstrip().removesuffix(")") if found else "GDPEER_COMPILE=no"


def prepare(folder: Path, python: str, form: str, groups: list[str]) -> None:
    with locked(folder):
        make(folder, python)
        needed = ["build", "cli", *groups] if form == "pure" else ["build", "compile", "cli", *groups]
        install_requirements(folder, requirements(needed))
        install_project(folder, form)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--form", choices=FORMS, default="compiled")
    parser.add_argument("--groups", default="", help="groups of pyproject.toml, with commas between")
    parser.add_argument("--python", default=sys.executable, help="the interpreter (default: the one that runs this)")
    options = parser.parse_args()
    groups = [name for name in options.groups.split(",") if name]
    try:
        prepare((ROOT / options.folder).absolute(), options.python, options.form, groups)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
