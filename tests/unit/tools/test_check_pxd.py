"""The check that a `.pxd` file agrees with its module: each kind of fault is found, and the sources have none."""

from __future__ import annotations

import pytest

from tools.check_pxd import compare, faults

MODULE = '''
from elsewhere import Other

_LEAST = 3


class Base:
    """Has no slots."""

    def __init__(self):
        self.first = self._second = 0


class Queue(Base):
    __slots__ = ("_items", "size")

    def put(self, item, count=1):
        size = count
        self.size += size

    def take(self):
        return Other(_LEAST)


def joined(left, *, right=None):
    return left
'''

DECLARED = """# C types of queue.py (Cython's pure-Python mode).
cimport cython

from elsewhere cimport Other

cdef int _LEAST


cdef class Base:
    cdef object __weakref__
    cdef public int first
    cdef object _second  # a comment


@cython.final
cdef class Queue(Base):
    cdef list _items
    cdef readonly Py_ssize_t size
    cdef unsigned char* _start
    cdef unsigned char _room[16]

    @cython.locals(size=Py_ssize_t)
    cpdef put(self, object item, int count=*)
    cdef Other take(self)


cpdef bytes joined(
    bytes left, object right=*
) except? -1
"""


def found(old: str = "", new: str = "", *, module: str = MODULE) -> list[str]:
    """The faults once the `.pxd` text is changed."""
    assert old in DECLARED
    return list(compare("queue", module, DECLARED.replace(old, new, 1) if old else DECLARED))


def test_no_fault_where_both_agree() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("queue.py", "line.py", "the first line must be: # C types of queue.py (Cython's pure-Python mode)."),
        ("cdef list _items", "cdef list _items, _more", "the module has no field Queue._more"),
        ("    cdef list _items\n", "", "the .pxd file has no field Queue._items"),
        ("    cdef object _second  # a comment\n", "", "the .pxd file has no field Base._second"),
        ("cdef public int first", "cdef public int first, third", "the module has no field Base.third"),
        ("list _items", "list _items\n    cdef object __weakref__", "the module has no field Queue.__weakref__"),
        ("class Queue(Base)", "class Queue(Other)", "class Queue has the base Base in the module"),
        ("cdef class Base", "cdef class Bases", "the module has no class Bases"),
        ("cdef Other take", "cdef Other taken", "the module has no function Queue.taken"),
        ("object item, int count=*", "object item", "Queue.put has the parameters (self, item, count=*) in the module"),
        ("int count=*", "int count", "Queue.put has the parameters (self, item, count=*) in the module"),
        ("object item", "object things", "Queue.put has the parameters (self, item, count=*) in the module"),
        ("bytes left, object right=*", "bytes left", "joined has the parameters (left, right=*) in the module"),
        ("(size=Py_ssize_t)", "(sizes=Py_ssize_t)", "Queue.put has no local variable sizes"),
        ("cdef int _LEAST", "cdef int _LEAST, _MOST", "the module has no global variable _MOST"),
        ("cimport Other", "cimport Other, Unused", "imports Unused without a use"),
        ("cdef Other take(self)", "def take(self)", "this check cannot read: def take(self)"),
    ],
)
def test_each_difference_is_a_fault(old: str, new: str, fault: str) -> None:
    assert fault in found(old, new)


def test_a_field_that_is_added_to_the_module_alone_is_a_fault() -> None:
    assert found(module=MODULE.replace('"size"', '"size", "limit"')) == ["the .pxd file has no field Queue.limit"]


def test_a_comment_names_a_field_that_only_the_uncompiled_class_has() -> None:
    module = MODULE.replace('"size"', '"size", "_plain"')
    assert found("    cdef list _items", "    # Uncompiled only: _plain\n    cdef list _items", module=module) == []


def test_the_sources_have_no_fault() -> None:
    assert list(faults()) == []
