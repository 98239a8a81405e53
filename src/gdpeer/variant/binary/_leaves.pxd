# C types of _leaves.py (Cython's pure-Python mode).
cimport cython

cdef unsigned int _WIDE, _NIL, _BOOL, _INT, _FLOAT, _STRING, _COLOR, _STRING_NAME, _NODE_PATH
cdef unsigned int _RID, _OBJECT, _CALLABLE, _DICTIONARY, _ARRAY, _KINDS, _KINDS_3
cdef unsigned int _PACKED_BYTES, _PACKED_STRINGS, _FIRST_VECTORS, _PACKED_COLORS
cdef bytearray WHOLE, ITEM_SIZES, NUMBERS
cdef Py_ssize_t ALLOWANCE, ASCII, HANDLE, LIST, NUMBER, PACKED, RATE, SLOT, TEXT, TUPLE
cdef object _NESTED
cdef list CLASSES


cdef LeafReader _spare


@cython.final
cdef class LeafReader:
    cdef bytes _data
    cdef const unsigned char* _bytes
    cdef readonly Py_ssize_t at
    cdef Py_ssize_t _begin, _end, cost
    cdef unsigned int kind, head
    cdef int depth
    cdef bint old, objects

    cdef int begin(self, bytes data, Py_ssize_t at, Py_ssize_t end, int engine, bint objects) except -1
    cdef int end(self) except -1
    cdef int check_cost(self) except -1
    @cython.locals(head="unsigned int", kind="unsigned int")
    cdef leaf(self)
    cdef _other(self, unsigned int kind, bint flag)
    cdef _handle(self, unsigned int kind)
    cdef _flat(self, unsigned int kind, int count, bint wide)
    @cython.locals(count=Py_ssize_t, subnames=Py_ssize_t, flags="unsigned int", _=Py_ssize_t)
    cdef _node_path(self)
    cdef _byte_array(self)
    cdef _packed(self, unsigned int kind, bint wide)
    @cython.locals(count=Py_ssize_t, _=Py_ssize_t)
    cdef _strings(self)
    cdef int peek(self) except -1
    cdef int skip(self) except -1
    cdef whole(self, int size)
    cdef unsigned int word(self) except? 0xEEEEEEEE
    cdef _single(self)
    cdef _double(self)
    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, source="const char*", zero="const char*")
    cdef str text(self)
    @cython.locals(count=Py_ssize_t)
    cdef Py_ssize_t counted(self, Py_ssize_t size) except -1
    @cython.locals(needed=cython.longlong)
    cdef int _check_count(self, Py_ssize_t count, Py_ssize_t size) except -1
    cdef Py_ssize_t _take(self, Py_ssize_t size) except -1
    cdef error(self, str reason, int back=*)


cpdef bytes bytes_of(object data)


@cython.locals(leaves=LeafReader)
cpdef LeafReader new_leaf_reader(bytes data, Py_ssize_t at, Py_ssize_t end, int engine, bint objects)
