# C types of spawns.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication.outgoing cimport Outgoing


@cython.final
cdef class SpawnedNode:
    cdef public object spawner
    cdef public object node
    cdef public object scene
    cdef public object argument
    cdef public SpawnedNode above
    cdef public dict below
    cdef public dict inner
    cdef public object net_id
    cdef public set shown
    cdef public bint is_pending
    cdef public list outs
    cdef public bytes packet
    cdef public object stamp


@cython.final
cdef class PeerView:
    cdef public list gone
    cdef public bint is_blocked


@cython.final
cdef class Spawns:
    cdef readonly dict nodes
    cdef readonly dict peers
    cdef readonly dict partial
    cdef object _host
    cdef object _replicator
    cdef object _last_id
    cdef list _order

    cdef _note(self, SpawnedNode found)
    cdef list _in_tree_order(self)
    @cython.locals(view=PeerView, found=SpawnedNode)
    cpdef update_all(self, peer_id)
    @cython.locals(view=PeerView, is_wanted=bint)
    cpdef update(self, SpawnedNode found, peer_id)
    @cython.locals(outs=list)
    cdef bint _is_wanted(self, SpawnedNode found, peer_id) except -1
    cpdef list outs_of(self, SpawnedNode found)
    @cython.locals(out=Outgoing)
    cdef _spawn(self, SpawnedNode found, peer_id, PeerView view)
    @cython.locals(out=Outgoing)
    cdef bytes _packet(self, SpawnedNode found)
