# C types of godot4.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.wire.parts cimport Undecoded, undecoded
from gdpeer.variant.binary.compact cimport encode_arguments, encoded_behind

cdef int _WIDE_METHOD, _RAW, _MAX_ARGUMENTS, _FEW
cdef unsigned int _PATH_FOLLOWS
cdef list _BYTE
cdef tuple _BUFFERS


@cython.final
@cython.freelist(8)
cdef class UndecodedCall:
    cdef readonly unsigned int node_id
    cdef readonly int method_id
    cdef readonly Undecoded arguments
    cdef readonly object path
    cdef readonly bint wide

    cdef int begin(self, unsigned int node_id, int method_id, Undecoded arguments, object path, bint wide) except -1


@cython.locals(method=bytes, flags=int, count=Py_ssize_t)
cpdef tuple encode_call_body(int method_id, object arguments, bint typed=*, bint objects=*)
cpdef bytes call_packet(int flags, bytes body, unsigned int node_id, object path=*, bint wide=*)
@cython.locals(count=Py_ssize_t, is_raw=bint, flags=int, body=bytes)
cpdef bytes encode_call(unsigned int node_id, int method_id, object arguments, bint typed=*, bint objects=*)
cpdef bint is_call(bytes data) except -1
@cython.locals(first=int, size=int, at=Py_ssize_t, after=Py_ssize_t, end=Py_ssize_t, node_id="unsigned int", method_id=int, call=UndecodedCall)
cpdef UndecodedCall parse_call(bytes data, bint objects)
cdef Undecoded _arguments(bytes data, Py_ssize_t at, Py_ssize_t end, int raw, bint objects)
cdef unsigned int _number(bytes data, Py_ssize_t at, Py_ssize_t end) except? 0xEEEEEEEE
