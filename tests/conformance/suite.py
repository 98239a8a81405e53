"""Installs the Autobahn test suite, and lists its cases.

The suite needs Python 2.7, which newer systems lack. `AUTOBAHN_PYTHON27` can name one; otherwise one of this machine is
used, or Debian's, which `tools/get_python.py` fetches. The suite has its own virtual environment in .cache/autobahn,
with the exact versions of `requirements-py27.txt`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.missing import ROOT
from tools import get_python
from tools.environment import locked
from tools.private_apt import Failed
from tools.pythons import find_python27

FOLDER = ROOT / ".cache" / "autobahn"
PYTHON = FOLDER / "bin" / "python"
PIP = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps"]
REQUIREMENTS = Path(__file__).with_name("requirements-py27.txt")
ACCELERATOR = "wsaccel==0.6.6"
"""Checks UTF-8 and masks in C, which the large messages of section 9 need. It must be compiled."""
VIRTUALENV = "virtualenv==20.21.1"
"""The last version of virtualenv that makes environments of Python 2.7."""

SELECT = """
import json, sys
from autobahntestsuite.case import Cases, CaseCategories, CaseSubCategories, CaseSetname, CaseBasename
from autobahntestsuite.caseset import CaseSet
cases = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories)
print json.dumps(cases.parseSpecCases(json.loads(sys.argv[1])))
"""


class CannotRun(Exception):
    """The suite cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class Selection:
    """Patterns of the cases to run, such as `9.*`, and of cases to leave out."""

    cases: Sequence[str] = ("*",)
    without: Sequence[str] = ()

    def as_json(self) -> dict[str, object]:
        """Returns the selection as it stands in the suite's settings."""
        return {"cases": list(self.cases), "exclude-cases": list(self.without), "exclude-agent-cases": {}}


def selected(selection: Selection) -> list[str]:
    """Returns the names of the selected cases; the suite must be installed."""
    return list(json.loads(_call([str(PYTHON), "-c", SELECT, json.dumps(selection.as_json())], "reading the cases")))


def install() -> None:
    """Makes the environment of the suite if there is none, which takes half a minute."""
    stamp, wanted = FOLDER / ".installed", _digest()
    with locked(FOLDER):
        if stamp.exists() and stamp.read_text() == wanted and _runs():
            return
        shutil.rmtree(FOLDER, ignore_errors=True)
        _make(_python27())
        stamp.write_text(wanted)


def accelerate() -> None:
    """Installs `ACCELERATOR`; prints a line if it cannot be compiled."""
    with locked(FOLDER):
        if subprocess.run([PYTHON, "-c", "import wsaccel"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return
        # An unpacked Python does not find its own headers.
        base = dict(re.findall(r"^(.+?) = (.*)$", (FOLDER / "pyvenv.cfg").read_text(), re.MULTILINE))["base-prefix"]
        try:
            _call([*PIP, ACCELERATOR], f"pip install {ACCELERATOR}", C_INCLUDE_PATH=Path(base, "include", "python2.7"))
        except CannotRun:
            print(f"the conformance suite runs without {ACCELERATOR}: it takes a C compiler", file=sys.stderr)


def _digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + VIRTUALENV.encode()).hexdigest()


def _runs() -> bool:
    """Returns False if the Python that the environment was made with is gone."""
    try:
        return subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def _python27() -> str:
    try:
        return find_python27() or get_python.fetch("2.7")
    except Failed as error:
        raise CannotRun(
            f"the suite needs Python 2.7 (AUTOBAHN_PYTHON27 can name one), and it is not to be had here: {error}"
        ) from None


def _make(python27: str) -> None:
    maker = FOLDER.with_name(f"{FOLDER.name}.virtualenv")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(maker), VIRTUALENV]
    _call(pip, f"pip install {VIRTUALENV}")
    _call([sys.executable, "-m", "virtualenv", "--quiet", "-p", python27, str(FOLDER)], "virtualenv", PYTHONPATH=maker)
    shutil.rmtree(maker)
    _call([*PIP, "-r", str(REQUIREMENTS)], "pip install of the suite")
    _call([str(PYTHON), "-c", "import autobahntestsuite.case"], "the import of the suite")


def _call(command: Sequence[str], what: str, **environment: str | Path) -> str:
    done = subprocess.run(
        command,
        env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", **{key: str(one) for key, one in environment.items()}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=900,
    )
    if done.returncode:
        raise CannotRun(f"{what} failed (status {done.returncode}): {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
