# C types of _peer.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.frames cimport is_utf8
from gdpeer.protocol.inbox cimport Inbox
from gdpeer.protocol.outbox cimport encode_message
from gdpeer.signals cimport Signal
from gdpeer.websocket.backend.base cimport Backend, Turn

cdef int _UNDERSCORE
cdef object _OK, _FAILED, _NO_ROOM, _UNAVAILABLE, _TEXT, _BINARY


cdef class PeerBase:
    cdef dict __dict__  # for the game's own attributes; there is none until it sets one
    cdef object __weakref__
    cdef public Backend _backend
    cdef public object _packet_error
    cdef public object _write_mode
    cdef public bytes _text
    cdef public bint _was_string

    @cython.locals(backend=Backend, is_text=bint)
    cpdef send(self, message, write_mode=*)
    cdef send_binary(self, bytes message)
    cpdef send_past_limit(self, bytes payload, bint is_text, bytes frame=*)
    cpdef bytes get_packet(self)
    cpdef bytes take(self)
    @cython.locals(inbox=Inbox, packet=bytes, was_text=bint)
    cdef bytes _take(self, Backend backend)
    cpdef Py_ssize_t get_available_packet_count(self)


@cython.final
cdef class _Taking:
    cdef PeerBase _peer


cpdef Backend backend_of(PeerBase peer)
cpdef Backend backend_or_none(PeerBase peer)
@cython.locals(backend=Backend)
cpdef Py_ssize_t waiting_of(PeerBase peer) except -1
@cython.locals(backend=Backend, touched=list, done=Py_ssize_t)
cpdef take_turn(Turn turn, double timeout, dict peers, object emit, object on_change)
@cython.locals(inbox=Inbox, signal=Signal)
cpdef announce_packets(Backend backend, dict peers, object emit)
@cython.locals(frame=bytes, peer=PeerBase, backend=Backend)
cpdef spread(dict peers, object peer_ids, bytes payload, bint is_text)
@cython.locals(frame=bytes, peer=PeerBase, backend=Backend)
cpdef send_to_all(object peers, bytes payload)
