# C types of frames.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication.outgoing cimport Outgoing


@cython.final
cdef class Frames:
    cdef readonly list queue
    cdef readonly dict polled
    cdef object _host
    cdef dict _peers
    cdef readonly int counter
    cdef list _syncs
    cdef list _deltas
    cdef list _told
    cdef dict _syncs_of
    cdef Py_ssize_t _most_sync
    cdef dict _deltas_of

    @cython.locals(out=Outgoing)
    cpdef send(self, double now)
    @cython.locals(waits=bint)
    cdef _collect(self, Outgoing out, double now, set slow)
    @cython.locals(payload=bytes, is_due=bint)
    cdef _collect_sync(self, Outgoing out, double now, set slow)
    @cython.locals(element=bytes, elements=dict, found=list)
    cdef _add_syncs(self, set peer_ids, number, bytes payload)
    cdef bint _collect_delta(self, Outgoing out, double now, set slow) except -1
    cdef _common_id(self, Outgoing out)
