# C types of signals.py (Cython's pure-Python mode).
cimport cython


cdef class Signal:
    cdef object __weakref__
    cdef tuple _slots
    cdef public object name

    @cython.locals(slot=object, once=bint)
    cpdef emit_one(self, object argument)
    cdef _forget(self, object slot)
