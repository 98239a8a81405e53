# C types of _bound.py (Cython's pure-Python mode).
cimport cython


cdef class CallSender:
    cpdef rpc(self, peer_id, node, method, arguments=*)


cdef class Declared:
    cdef public object function
    cdef public str name


@cython.final
@cython.freelist(8)
cdef class BoundMethod:
    cdef readonly object _node
    cdef readonly Declared _method

    cdef int begin(self, node, Declared method) except -1
    @cython.locals(sender=CallSender)
    cdef _call(self, peer_id, tuple arguments)
    cdef tuple _places(self, tuple arguments, named)


@cython.locals(bound=BoundMethod)
cdef BoundMethod new_bound(node, Declared method)
