"""Python files of the user's own, run as `python FILE` runs them.

Layer: `inspection`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["load_script"]


def load_script(path: Path) -> ModuleType:
    """Runs a Python file as a module, with its folder first on the path, so that it finds the modules beside it.

    The module is in `sys.modules` under the file's name, as dataclasses and pickle need it, unless another one is.

    Raises:
        ImportError: the file is no Python file.
        Exception: whatever the file raises.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    is_known = sys.modules.setdefault(path.stem, module) is not module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if not is_known:
            del sys.modules[path.stem]
        raise
    return module
