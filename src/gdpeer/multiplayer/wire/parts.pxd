# C types of parts.py (Cython's pure-Python mode).
cimport cython

from gdpeer.variant.binary.compact cimport decode_arguments


@cython.final
@cython.freelist(8)
cdef class Undecoded:
    cdef bytes _data
    cdef Py_ssize_t _at, _end
    cdef int _engine, _number
    cdef bint _objects

    cdef int begin(self, bytes data, Py_ssize_t at, int number, Py_ssize_t end, int engine, bint objects) except -1
    cpdef decode(self)


@cython.locals(values=Undecoded)
cpdef Undecoded undecoded(bytes data, Py_ssize_t at, int number, Py_ssize_t end, int engine, bint objects)
cpdef values_of(object arguments)
