# C types of compact.py (Cython's pure-Python mode).
cimport cython

from gdpeer.variant.binary._leaves cimport LeafReader, bytes_of, new_leaf_reader
from gdpeer.variant.binary.reader cimport read_value
from gdpeer.variant.binary.writer cimport Writer, known_kind, new_writer

cdef int _BOOL, _INT, _FLOAT, _WIDE, _TRUE, _TYPE
cdef bytearray NUMBERS, WHOLE

cpdef bytes encode_arguments(object arguments, object engine=*, bint typed=*, bint objects=*)
@cython.locals(writer=Writer, name=str)
cpdef bytes encode_items(dict values, tuple names)
cpdef bytes encoded_behind(int first, long long second, int size, object arguments, bint typed, bint objects)
@cython.locals(number=Py_ssize_t, index=Py_ssize_t, values=list, compact=bint)
cpdef list decode_arguments(object data, Py_ssize_t offset, object count, Py_ssize_t end, object engine=*, bint objects=*)
@cython.locals(size=Py_ssize_t, at=Py_ssize_t, values=list)
cpdef tuple decode_values(bytes data, Py_ssize_t count)
cdef Py_ssize_t _clipped(object count) except? -1
@cython.locals(kind=int)
cdef int encode_brief(unsigned char* at, Py_ssize_t room, object value) except -1
cdef bytes _finished(Writer writer, object arguments, bint compact)
cdef int _append(Writer writer, object value) except -1
@cython.locals(number=cython.longlong, mode=int)
cdef int _append_int(Writer writer, object value) except -1
cdef _take(LeafReader leaves)
