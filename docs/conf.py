"""Sphinx's configuration; `make docs` builds the pages into build/docs."""

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util import logging

import gdpeer

project = "gdpeer"
author = "the gdpeer authors"
release = version = gdpeer.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"gdpeer {version}"
myst_heading_anchors = 3

default_role = "code"  # docstrings put code between single backticks
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "no-value": True}
suppress_warnings = [
    "ref.python",  # peer, client and server have properties of the same name
    "misc.highlighting_failure",  # Pygments does not know Godot 4's annotations, and colours the rest
]

GOOGLE = Config(napoleon_use_ivar=True)


def read_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    # As a method's: in an attribute's, napoleon takes everything before the first colon for a type.
    kind = "method" if what in ("attribute", "data", "property") else what
    lines[:] = GoogleDocstring(list(lines), GOOGLE, app, kind, name, obj, options).lines()


SECTION = re.compile(r"^## (?P<caption>.+)\n\n(?P<links>(?:\* \[.*\n)+)", re.MULTILINE)


def read_page(app: Sphinx, name: str, content: list[str]) -> None:
    """Pages are plain Markdown; what only Sphinx needs is added here.

    The navigation is made from the lists of links in the index: each heading is a caption.
    """
    if name == "index":
        content[0] += "".join(
            f"\n```{{toctree}}\n:hidden:\n:caption: {section['caption']}\n\n"
            + "\n".join(re.findall(r"^\* \[[^\]]*\]\(([^)]+)\.md\)", section["links"], re.MULTILINE))
            + "\n```\n"
            for section in SECTION.finditer(content[0])
        )
    elif name == "changelog":
        content[0] = (Path(app.srcdir).parent / "CHANGELOG.md").read_text(encoding="utf-8")


def check_reference(app: Sphinx, env: Any) -> None:
    """A public name or member that no page describes is a warning, and so an error of `make docs`."""
    sys.path.insert(0, str(Path(app.srcdir).parent))
    from tools.reference import undescribed

    for name in undescribed([entry[0] for entry in env.get_domain("py").get_objects()]):
        logging.getLogger(__name__).warning("the reference says nothing of %s", name)


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", check_reference)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("source-read", read_page)
