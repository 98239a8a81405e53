# C types of paths.py (Cython's pure-Python mode).
cimport cython


@cython.final
cdef class Numbered:
    cdef readonly unsigned int number
    cdef readonly object node
    cdef readonly set confirmed


@cython.final
cdef class PeerPaths:
    cdef dict told
    cdef readonly dict known
    cdef bint answers_by_path


@cython.final
cdef class PathCache:
    cdef readonly dict nodes
    cdef dict _numbers
    cdef unsigned int _last
    cdef readonly dict peers
    cdef dict _budgets

    cpdef clear(self)
    @cython.locals(peer=PeerPaths, entry=Numbered)
    cpdef forget_peer(self, peer_id)
    cpdef forget_nodes(self)
    @cython.locals(peer=PeerPaths, entry=Numbered)
    cpdef forget_node(self, node)
    @cython.locals(peer=PeerPaths)
    cdef PeerPaths _peer(self, peer_id)
    @cython.locals(peer=PeerPaths)
    cpdef bint is_old(self, peer_id) except -1
    @cython.locals(entry=Numbered)
    cpdef Numbered entry(self, node)
    @cython.locals(entry=Numbered)
    cpdef find_number(self, node)
    @cython.locals(entry=Numbered)
    cpdef find_node(self, number)
    cpdef list tell(self, Numbered entry, peer_ids)
    cpdef list confirmed(self, peer_id, answer, number_of_path)
    cpdef learn(self, connection, peer_id, told, node, bint matches)
    @cython.locals(peer=PeerPaths)
    cpdef moved(self, peer_id, number, node)
