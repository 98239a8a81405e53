# C types of signals.py (Cython's pure-Python mode).
cimport cython


cdef class Signal:
    cdef object __weakref__
    cdef tuple _slots
    cdef object _limit_of
    cdef public object name

    @cython.locals(slot=object, once=bint)
    cpdef emit_one(self, object argument)
    cdef _report(self, object slot, tuple arguments)
    cdef _forget(self, object slot)
