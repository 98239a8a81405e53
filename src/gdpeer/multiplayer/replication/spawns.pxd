# C types of spawns.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication.outgoing cimport Outgoing
from gdpeer.packet_session cimport PacketBlock


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
    cdef public bytes head
    cdef public bytes packet
    cdef public bint is_shared
    cdef public bint is_open

    cpdef forget_packet(self)
    cpdef share(self, set everyone)
    cpdef own(self)


@cython.final
cdef class Group:
    cdef readonly object spawner
    cdef readonly list nodes
    cdef public PacketBlock block


@cython.final
cdef class PeerView:
    cdef public list gone
    cdef public bint is_blocked

    cpdef put_off(self, Py_ssize_t at, net_id)


@cython.final
cdef class Spawns:
    cdef readonly dict nodes
    cdef readonly dict peers
    cdef readonly set everyone
    cdef readonly dict partial
    cdef object _host
    cdef object _replicator
    cdef object _last_id
    cdef list _order
    cdef list _groups
    cdef bint _may_be_blocked

    cdef _note(self, SpawnedNode found)
    cdef list _in_tree_order(self)
    @cython.locals(view=PeerView, found=SpawnedNode)
    cpdef update_all(self, peer_id)
    @cython.locals(found=SpawnedNode)
    cpdef forget_peer(self, peer_id)
    cpdef regroup(self)
    @cython.locals(found=SpawnedNode, group=Group)
    cdef list _made_groups(self)
    cdef bint _is_open(self, SpawnedNode found) except -1
    @cython.locals(found=SpawnedNode, out=Outgoing)
    cdef _share(self, Group group)
    @cython.locals(out=Outgoing)
    cdef _own(self, SpawnedNode found)
    @cython.locals(found=SpawnedNode, packets=list, packet=bytes)
    cdef PacketBlock _block_of(self, Group group)
    @cython.locals(nodes=list, block=PacketBlock, index=Py_ssize_t, sent=Py_ssize_t, is_current=bint)
    cdef _send_group(self, Group group, peer_id)
    @cython.locals(out=Outgoing)
    cdef _greet(self, SpawnedNode found, peer_id)
    @cython.locals(out=Outgoing)
    cdef _lack(self, SpawnedNode found, peer_id)
    @cython.locals(view=PeerView, is_wanted=bint)
    cpdef update(self, SpawnedNode found, peer_id)
    @cython.locals(outs=list)
    cdef bint _is_wanted(self, SpawnedNode found, peer_id) except -1
    cpdef list outs_of(self, SpawnedNode found)
    @cython.locals(out=Outgoing)
    cdef _spawn(self, SpawnedNode found, peer_id, PeerView view)
    @cython.locals(out=Outgoing, state=bytes, values=bytes)
    cdef bytes _packet(self, SpawnedNode found)
    cdef bytes _head(self, SpawnedNode found)
    @cython.locals(out=Outgoing)
    cdef bint _is_packed(self, SpawnedNode found) except -1
    @cython.locals(view=PeerView)
    cpdef blocked(self)
