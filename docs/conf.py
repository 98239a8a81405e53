"""Sphinx's configuration; `make docs` builds the pages into build/docs."""

from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

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


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", read_docstring)
