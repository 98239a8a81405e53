# C types of arguments.py (Cython's pure-Python mode).
cimport cython


@cython.final
cdef class Checker:
    cdef object _function, _most, _rest, _rest_packer
    cdef bint _bound, _free
    cdef Py_ssize_t _least, _places
    cdef str _problem
    cdef list _converters, _kinds, _names, _packers

    cpdef pack(self, object arguments)
    cdef _pack(self, Py_ssize_t index, object value)
    cpdef check(self, object arguments)
    cdef _check_each(self, object arguments)


@cython.locals(i=Py_ssize_t)
cdef bint _fit(object arguments, list kinds) except -1
