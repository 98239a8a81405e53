# C types of method_table.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.rpc.arguments cimport Checker


@cython.final
cdef class Method:
    cdef readonly str name
    cdef readonly int number
    cdef readonly object config
    cdef readonly object function
    cdef readonly Checker checker
    cdef readonly bint is_open
    cdef readonly bint call_local
    cdef readonly bint packs


@cython.final
cdef class MethodTable:
    cdef bint _was_inspected
    cdef readonly dict by_number
    cdef readonly dict by_name
    cdef readonly dict own_first
    cdef readonly str checksum


cpdef MethodTable methods_of(node)
