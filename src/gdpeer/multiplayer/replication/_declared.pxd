# C types of _declared.py (Cython's pure-Python mode).
cimport cython



cdef class Marks:
    cdef public object dirty
    cdef public unsigned long long version
    cdef public dict bits
    cdef public list queue
    cdef public bint is_queued
    cdef public dict touched

    cpdef mark(self, bits)


cdef class DeclaredBase:
    cdef public object name
    cdef public object path
    cdef public object kind
    cdef public object converter

    @cython.locals(values=dict, marks=Marks)
    cpdef store(self, node, value)
