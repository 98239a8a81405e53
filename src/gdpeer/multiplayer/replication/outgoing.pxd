# C types of outgoing.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication._declared cimport Marks
from gdpeer.variant.binary.compact cimport encode_arguments


@cython.final
cdef class Outgoing(Marks):
    cdef object __weakref__
    cdef public object synchronizer
    cdef public object root
    cdef public object lists
    cdef public object spawned
    cdef public object net_id
    cdef public set listed
    cdef public object entry
    cdef public set by_net
    cdef public set by_path
    cdef public set fresh
    cdef public dict behind
    cdef public double next_sync
    cdef public double next_delta
    cdef public double sync_interval
    cdef public double delta_interval
    cdef public bytes payload
    cdef public list last
    cdef public object mask

    cpdef look(self)
    cpdef join(self, peer_id, bint by_net, bint spawned=*)
    cpdef bint hears(self, peer_id) except -1
    cpdef bint is_heard(self) except -1
    cpdef bint is_polled(self) except -1


cdef bytes encode_named(root, tuple names)
