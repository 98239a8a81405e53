"""Runs the user's own Python files, as `python FILE` runs them.

Layer: `contract`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["load_script"]


def load_script(path: Path) -> ModuleType:
    """Runs a Python file as a module and returns the module.

    The file's folder goes to the front of `sys.path`, so that the file finds the modules beside it. The module is put
    into `sys.modules` under the file's name, because dataclasses and pickle need it there. Another module of that name
    stays.

    Raises:
        ImportError: the path is not a Python file.
        Exception: any exception of the file's own.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    is_known = sys.modules.setdefault(path.stem, module) is not module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        # As for an import that fails: no half-made module stays.
        if not is_known:
            del sys.modules[path.stem]
        raise
    return module
