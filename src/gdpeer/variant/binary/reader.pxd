# C types of reader.py (Cython's pure-Python mode).
cimport cython

from gdpeer.variant.binary._leaves cimport LeafReader

cdef unsigned int _OBJECT, _DICTIONARY, _ARRAY, _KINDS
cdef int MAX_DEPTH, _HEADER
cdef Py_ssize_t DICT, FIRST_KEY, FIRST_TEXT_KEY, FRAME, HANDLE, KEY, LIST, SEALED, SEALED_BYTE, SLOT
cdef object _UNSET, NESTED, UNTYPED


@cython.final
@cython.freelist(8)
cdef class _Frame:
    cdef _Frame outer
    cdef unsigned int kind
    cdef Py_ssize_t left, mark
    cdef object target, key


@cython.locals(frame=_Frame)
cpdef read_value(LeafReader leaves)

cdef _begin(LeafReader leaves, _Frame outer)
cdef _begin_array(LeafReader leaves, _Frame outer)
cdef _begin_dictionary(LeafReader leaves, _Frame outer)
cdef _begin_object(LeafReader leaves, _Frame outer)
cdef _begin_typed(LeafReader leaves, _Frame outer, unsigned int kind, Py_ssize_t left, object target)
@cython.locals(frame=_Frame)
cdef _Frame _opened(LeafReader leaves, _Frame outer, unsigned int kind, Py_ssize_t left, object target)
cdef _too_deep(LeafReader leaves)
cdef _type(LeafReader leaves, int bits)
cdef int _add(LeafReader leaves, _Frame frame, object value) except -1
cdef str _property_name(LeafReader leaves)
cdef _fitted(LeafReader leaves, object value, object wanted)
@cython.locals(plain=dict)
cdef _with_pair(LeafReader leaves, object target, object key, object value, Py_ssize_t size)
cdef _sealed(LeafReader leaves, object key, Py_ssize_t size)
cdef _converted(LeafReader leaves, dict target)
