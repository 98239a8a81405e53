# C types of writer.py (Cython's pure-Python mode).
cimport cython
from cpython.object cimport PyObject

from gdpeer.variant.binary._output cimport Output, checked_count

ctypedef PyObject* pPyObject
cdef int _WIDE, _BOOL, _INT, _FLOAT, _STRING, _OBJECT, _DICTIONARY, _ARRAY, _PACKED_BYTES, _PACKED_STRINGS
cdef int _STRING_NAME, _NODE_PATH, _RID, _CALLABLE, _SIGNAL, _BARE
cdef dict _known
cdef Writer _spare
cdef Py_ssize_t _MAX_LENGTH
cdef bytearray WHOLE, ITEM_SIZES, NUMBERS, TO_3
cdef object UNTYPED


@cython.final
@cython.freelist(8)
cdef class _Opened:
    cdef object container, rest
    cdef Py_ssize_t left


@cython.locals(opened=_Opened)
cdef _Opened _opened(object container, object rest, Py_ssize_t left)


@cython.final
cdef class Writer(Output):
    cdef bint _old, _typed, _objects

    cdef int begin(self, int engine, bint typed, bint objects) except -1
    cdef bytes finish(self)
    cdef int value(self, object value) except -1
    cdef int compact(self, int first, long long number, int size) except -1
    @cython.locals(inner=_Opened, deeper=_Opened)
    cdef _nested(self, _Opened first)
    @cython.locals(outer=_Opened)
    cdef _check_nesting(self, object value, list opened)
    cdef inline bint _leaf(self, object value) except -1
    cdef bint _other(self, object value) except -1
    cdef int _plain(self, int kind, object value) except -1
    cdef int _special(self, int kind, object value) except -1
    cdef unsigned int _head(self, int kind) except? 0
    cdef int _flat(self, int kind, object value) except -1
    cdef bint _object(self, object value) except -1
    cdef _node_path(self, object value)
    cdef _strings(self, object value)
    cdef int _packed(self, int kind, object value) except -1
    @cython.locals(size=Py_ssize_t)
    cdef _bytes(self, object value)
    @cython.locals(kind=int)
    cdef _Opened _begin(self, object value)
    cdef int _plain_head(self, int kind, Py_ssize_t count, Py_ssize_t least) except -1
    cdef _Opened _items(self, list value)
    @cython.locals(done=Py_ssize_t, count=Py_ssize_t, at=Py_ssize_t, next_key=pPyObject, next_item=pPyObject)
    cdef _Opened _pairs(self, dict value)
    cdef _Opened _later(self, dict value, Py_ssize_t done, Py_ssize_t count)
    cdef _Opened _begin_object(self, object value)
    @cython.locals(count=Py_ssize_t)
    cdef _Opened _begin_array(self, object value)
    @cython.locals(count=Py_ssize_t)
    cdef _Opened _begin_dictionary(self, object value)
    cdef _container_head(self, int kind, object first, object second)
    cdef inline int _nil(self) except -1
    cdef inline int _pair(self, unsigned long long first, unsigned long long second) except -1
    cdef inline int _int(self, object value) except -1
    cdef inline int _float(self, object value) except -1
    cdef inline int _text(self, unsigned int head, object text) except -1


@cython.locals(writer=Writer)
cpdef Writer new_writer(int engine, bint typed, bint objects)
cpdef int known_kind(object value) except -1
