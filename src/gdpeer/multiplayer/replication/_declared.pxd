# C types of _declared.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication._kept cimport kept_values

cdef unsigned long long _ONE


cdef class Marks:
    # In this order, a network frame reads few lines of the processor's cache: first those that it needs.
    cdef public list queue
    cdef public bint is_queued
    cdef public bint is_dirty
    cdef public unsigned long long dirty
    cdef public Py_ssize_t steady_for
    cdef public unsigned long long version
    cdef public dict indexes
    cdef public dict touched
    cdef kept_values kept

    cpdef mark(self, int index)
    cpdef note(self, int index)
    cpdef touch(self, name)
    cpdef wake(self)


cdef class DeclaredBase:
    cdef public object name
    cdef public object path
    cdef public object kind
    cdef public object fixed
    cdef public object converter

    @cython.locals(values=dict, marks=Marks)
    cpdef store(self, node, value)
