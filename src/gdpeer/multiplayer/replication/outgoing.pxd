# C types of outgoing.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication._declared cimport Marks
from gdpeer.variant.binary.compact cimport encode_arguments, encode_items

cdef unsigned long long _ONE, _EVERYTHING


@cython.final
cdef class Outgoing(Marks):
    # As in Marks, those come first that each frame reads.
    cdef public unsigned long long mask
    cdef public bint has_news
    cdef public unsigned int net_id
    cdef public double next_sync
    cdef public double sync_interval
    cdef public bytes payload
    cdef public list bundles
    cdef dict _values
    cdef tuple _names
    cdef list _always
    cdef object __weakref__
    cdef public object synchronizer
    cdef public object root
    cdef public object lists
    cdef public object spawned
    cdef public set listed
    cdef public object entry
    cdef public set by_net
    cdef public set by_path
    cdef public set fresh
    cdef public dict behind
    cdef public double next_delta
    cdef public double delta_interval
    cdef public list last
    cdef public unsigned long long packed
    cdef public bint is_shared
    cdef bint _greets
    cdef list _watched
    cdef tuple _spawn_names
    cdef unsigned long long _all
    cdef bint _is_polled

    cdef _note_all(self)
    @cython.locals(dirty="unsigned long long")
    cpdef look(self)
    @cython.locals(payload=bytes)
    cpdef look_at_always(self)
    @cython.locals(payload=bytes)
    cdef bytes _encode_always(self, tuple names)
    cpdef unkeep(self)
    @cython.locals(index=Py_ssize_t, bit="unsigned long long")
    cdef _look_at_watched(self, unsigned long long dirty)
    cdef _look_at_touched(self)
    cpdef bytes delta(self, unsigned long long mask)
    cpdef join(self, peer_id, bint by_net, bint spawned=*)
    cdef _forget_bundles(self)
    @cython.locals(waits=bint, is_steady=bint)
    cpdef bint settle(self, Py_ssize_t peers) except -1
    cpdef bint hears(self, peer_id) except -1
    cpdef bint is_heard(self) except -1
    cpdef bint is_packed(self) except -1
    @cython.locals(state=bytes)
    cpdef bytes pack(self)
    cdef _begin_with(self, bytes state)
    cpdef share(self, set everyone)
    cpdef own(self)
    cpdef unlist(self, peer_id)
    cpdef greet(self, peer_id)
    cpdef leave(self, peer_id)


cpdef unsigned long long mask_of(int count) except? 0
cdef bytes encode_named(dict values, tuple names)
