# C types of http_fast.py (Cython's pure-Python mode).
cimport cython

cdef bytes _KINDS
cdef Py_ssize_t _MAX_FIELDS


@cython.locals(end=Py_ssize_t)
cpdef read_request(bytes head)
@cython.locals(end=Py_ssize_t)
cpdef read_response(bytes head)
@cython.locals(fields=dict, empty_line=Py_ssize_t, colon=Py_ssize_t, end=Py_ssize_t)
cdef dict _read_fields(bytes head, Py_ssize_t at, dict deciding)
@cython.locals(text="const char *", kinds="const char *", begin=Py_ssize_t)
cdef Py_ssize_t _name_end(bytes head, Py_ssize_t at) except -2
@cython.locals(text="const char *", kinds="const char *")
cdef Py_ssize_t _line_end(bytes head, Py_ssize_t at) except -2
@cython.locals(text="const char *")
cdef str _value(bytes head, Py_ssize_t begin, Py_ssize_t end)
