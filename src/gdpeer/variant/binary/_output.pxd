# C types of _output.py (Cython's pure-Python mode).
cimport cython
from cpython.object cimport PyObject

cdef Py_ssize_t _MAX_LENGTH, _SMALL


cdef class Output:
    # Uncompiled only: _data
    cdef unsigned char* _start
    cdef unsigned char* _at
    cdef unsigned char* _end
    cdef PyObject* _large
    cdef unsigned char _small[256]

    cdef int _begin_output(self) except -1
    cdef bytes result(self)
    cdef int _word(self, unsigned int number) except -1
    cdef int _words(self, unsigned int first, unsigned int second) except -1
    @cython.locals(bits="unsigned long long")
    cdef int _long(self, object number) except -1
    @cython.locals(at=cython.p_uchar, source="const char*", length=Py_ssize_t, padding=Py_ssize_t)
    cdef int _string(self, object text, Py_ssize_t zeros) except -1
    cdef int _raw(self, object data, Py_ssize_t size) except -1
    cdef int _pad(self, Py_ssize_t size) except -1
    cdef int _wholes(self, unsigned int head, object numbers) except -1
    cdef int _reals(self, unsigned int head, object numbers, Py_ssize_t count) except -1
    @cython.locals(bits="unsigned int")
    cdef int _types(self, unsigned int kind, object first, object second, bint objects) except -1
    cdef unsigned char* _room(self, Py_ssize_t size) except NULL
    @cython.locals(length=Py_ssize_t, capacity=Py_ssize_t, small=bint)
    cdef int _grow(self, Py_ssize_t size) except -1


cdef unsigned int _type_bits(object wanted, bint objects) except? 99
cpdef Py_ssize_t checked_count(Py_ssize_t size) except -1
