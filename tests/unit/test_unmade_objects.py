"""Objects that were never initialised, and arguments of any kind: an exception, never a crash of the interpreter.

A subclass that calls a method before `super().__init__()` is enough to get there. Compiled, an attribute that should
hold another object is None then, and nothing but a check in the generated code keeps that from being followed.
"""

from __future__ import annotations

import subprocess
import sys

from tests.support.forms import compiled_modules

PROGRAM = """
import importlib, inspect, sys

ARGUMENTS = [
    (), (1,), (b"x",), ("a",), (None,), (1.0,), ({},), ([b"x"],), (1, 2), (b"x", True), (1, b"x"), (None, None),
    (bytearray(5), 3), (1, 2, 3), ("a", 2, b"3"), (bytearray(4), 0, 4), (b"x", None, 1), (1, 2, 3, 4), (2**100,),
    (bytearray(4), 0, 4, b"", 0, 4), ({1: 2}, [1], b"x", True), (float("nan"),), (-(2**63), 2**63),
    (bytearray(9), 4, 10**12, 4), (bytearray(9), -5, 4, 0), (bytearray(9), 2, 4, 4), (None, 1, b"x", b""),
    (None, 0, 4, 0),
    (bytearray(), bytearray(4), 0, 10**12, b"abcd", 0), (bytearray(), bytearray(4), -9, 4, b"abcd", 0),
    (bytearray(), bytearray(4), 0, -4, b"abcd", 0), (bytearray(9), 4, 10**12, b"abcd", 0, 4), (None, 0, 4, b"", 0, 4),
]
SPECIAL = ("__iter__", "__next__", "__repr__", "__enter__", "__len__")

def call_functions(module):
    for name, function in list(vars(module).items()):
        own = callable(function) and getattr(function, "__module__", "") == module.__name__
        if own and name not in ("take_turn", "leave"):
            print(module.__name__, name, flush=True)
            for arguments in ARGUMENTS:
                try:
                    function(*arguments)
                except Exception:
                    pass

def call_methods(module):
    for name, cls in list(vars(module).items()):
        if not inspect.isclass(cls) or cls.__module__ != module.__name__ or issubclass(cls, BaseException):
            continue
        for member in dir(cls):
            if member.startswith("__") and member not in SPECIAL:
                continue
            print(module.__name__, name, member, flush=True)
            for arguments in ARGUMENTS:
                try:
                    getattr(cls.__new__(cls), member)(*arguments)
                except Exception:
                    pass

for name in sys.argv[1:]:
    module = importlib.import_module(name)
    call_functions(module)
    call_methods(module)
print("done")
"""


def test_no_call_crashes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *compiled_modules()], capture_output=True, text=True, timeout=60
    )
    last = done.stdout.splitlines()[-1:]
    assert (done.returncode, last) == (0, ["done"]), (last, done.stderr[-500:])
