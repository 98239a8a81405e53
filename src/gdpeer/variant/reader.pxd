# C types of reader.py (Cython's pure-Python mode).
cimport cython

cdef unsigned int _WIDE, _NIL, _BOOL, _INT, _FLOAT, _STRING, _COLOR, _STRING_NAME, _NODE_PATH
cdef unsigned int _RID, _OBJECT, _CALLABLE, _DICTIONARY, _ARRAY, _KINDS, _KINDS_3
cdef unsigned int _PACKED_BYTES, _PACKED_STRINGS, _FIRST_VECTORS, _PACKED_COLORS
cdef bytes _NUMBERS, _ITEM_SIZES, _IS_WHOLE
cdef Py_ssize_t _RATE, _ALLOWANCE
cdef Py_ssize_t _SLOT, _NUMBER, _ASCII, _TEXT, _TUPLE, _HANDLE, _LIST, _PACKED, _DICT, _FRAME
cdef Py_ssize_t _FIRST_TEXT_KEY, _FIRST_KEY, _KEY, _SEALED
cdef object _UNSET, UNTYPED
cdef list CLASSES


@cython.final
@cython.freelist(8)
cdef class _Frame:
    cdef _Frame outer
    cdef int kind
    cdef Py_ssize_t left, mark
    cdef object target, key

    cdef begin(self, _Frame outer, int kind, Py_ssize_t left, object target, Py_ssize_t mark)


@cython.final
@cython.freelist(8)
cdef class Reader:
    cdef bytes _data
    cdef const unsigned char* _bytes
    cdef public Py_ssize_t at
    cdef Py_ssize_t _begin, _end, _cost
    cdef int _depth, _first, _last
    cdef bint _old, _objects
    cdef _Frame _frame

    cdef int begin(self, bytes data, Py_ssize_t at, Py_ssize_t end, int engine, bint objects) except -1
    @cython.locals(frame=_Frame)
    cpdef value(self)
    @cython.locals(frame=_Frame)
    cdef _Frame _open(self, int kind, Py_ssize_t left, object target)
    cdef _close(self, _Frame frame)
    cdef int _add(self, _Frame frame, object value) except -1
    cdef int _check_depth(self) except -1
    cdef _fitted(self, object value, object wanted)
    @cython.locals(plain=dict)
    cdef _with_pair(self, object target, object key, object value, Py_ssize_t size)
    cdef _converted(self, dict target)
    cdef int _check_cost(self) except -1
    @cython.locals(head="unsigned int", kind="unsigned int")
    cdef _one(self)
    @cython.locals(frame=_Frame, count=Py_ssize_t)
    cdef _object(self, unsigned int head)
    cdef str _property_name(self)
    @cython.locals(count=Py_ssize_t, target=list)
    cdef _begin_array(self, unsigned int head)
    @cython.locals(frame=_Frame, count=Py_ssize_t, begin=Py_ssize_t, end=Py_ssize_t)
    cdef _begin_dictionary(self, unsigned int head)
    cdef _begin_typed(self, int kind, Py_ssize_t count, object target)
    @cython.locals(following=int)
    cdef bint _holds_others(self) except -1
    @cython.locals(kind="unsigned int")
    cdef _type(self, int bits)
    @cython.locals(wide=bint)
    cdef _other(self, unsigned int kind, unsigned int head)
    cdef _handle(self, unsigned int kind)
    @cython.locals(at=Py_ssize_t)
    cdef _flat(self, unsigned int kind, int count, bint wide)
    @cython.locals(count=Py_ssize_t, subnames=Py_ssize_t, flags="unsigned int", _=Py_ssize_t)
    cdef _node_path(self)
    @cython.locals(size=Py_ssize_t, at=Py_ssize_t)
    cdef _byte_array(self)
    @cython.locals(item=Py_ssize_t, size=Py_ssize_t, at=Py_ssize_t)
    cdef _packed(self, unsigned int kind, bint wide)
    @cython.locals(count=Py_ssize_t, _=Py_ssize_t)
    cdef _strings(self)
    cdef int peek(self) except -1
    cdef int skip(self) except -1
    @cython.locals(at=Py_ssize_t, source="const unsigned char*")
    cdef whole(self, int size)
    @cython.locals(at=Py_ssize_t)
    cdef unsigned int _word(self) except? 0xEEEEEEEE
    @cython.locals(at=Py_ssize_t)
    cdef _single(self)
    @cython.locals(at=Py_ssize_t)
    cdef _double(self)
    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, source="const char*", zero="const char*", text=str)
    cdef str _string(self)
    @cython.locals(count=Py_ssize_t)
    cdef Py_ssize_t _counted(self, Py_ssize_t size) except -1
    cdef int _check_count(self, Py_ssize_t count, Py_ssize_t size) except -1
    @cython.locals(at=Py_ssize_t)
    cdef Py_ssize_t _take(self, Py_ssize_t size) except -1
    cdef _error(self, str reason, int back=*)


@cython.locals(reader=Reader)
cpdef Reader new_reader(bytes data, Py_ssize_t at, Py_ssize_t end, int engine, bint objects)
