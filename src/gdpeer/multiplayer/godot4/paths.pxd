# C types of paths.py (Cython's pure-Python mode).
cimport cython


@cython.final
cdef class Numbered:
    cdef readonly unsigned int number
    cdef readonly object node
    cdef readonly set confirmed


@cython.final
cdef class PeerPaths:
    cdef readonly dict told
    cdef readonly dict known
    cdef bint answers_by_path


@cython.final
cdef class PathCache:
    cdef readonly dict nodes
    cdef dict _numbers
    cdef unsigned int _last
    cdef readonly dict peers
    cdef object _budgets

    @cython.locals(peer=PeerPaths)
    cdef PeerPaths _peer(self, peer_id)
    @cython.locals(peer=PeerPaths)
    cpdef bint is_old(self, peer_id) except -1
    @cython.locals(entry=Numbered)
    cpdef Numbered entry(self, node)
    cpdef list tell(self, Numbered entry, peer_ids)
    cpdef untell(self, Numbered entry, peer_id)
