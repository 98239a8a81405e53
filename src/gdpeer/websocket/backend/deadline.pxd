# C types of deadline.py (Cython's pure-Python mode).
cimport cython

from gdpeer.websocket.backend.base cimport Turn


@cython.final
cdef class Deadline:
    cdef public double when
    cdef object _clock
    cdef Turn _turn
    cdef object _owner
    cdef object _timer

    cpdef set(self, double seconds)
    cpdef arm(self)
    cpdef check(self)
    cpdef close(self)
    cdef _take_back(self)
