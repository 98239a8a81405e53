# C types of poller.py (Cython's pure-Python mode).
cimport cython

from gdpeer.transport._epoll cimport gdpeer_event

cdef int _READ_WRITE, _MOST_EVENTS, _MOST_WAITS
cdef Py_ssize_t _FEW_TIMERS
cdef double _LONGEST_WAIT, _DEAF_WAIT, _LOG_INTERVAL


cdef class Poller


@cython.final
cdef class Timer:
    cdef public double when
    cdef object _callback
    cdef Poller _poller
    cdef long long _number

    cpdef cancel(self)
    cdef _run(self)


cdef bint _is_before(Timer timer, Timer other) except -1


@cython.final
cdef class Watch:
    cdef public int descriptor
    cdef public Poller poller
    cdef public object ready
    cdef public int mask
    cdef public Py_ssize_t born

    cpdef attach(self, Poller poller, object ready)
    cpdef detach(self)
    @cython.locals(mask=int)
    cpdef want(self, bint read, bint write)
    cpdef want_read(self, bint wanted)
    cpdef want_write(self, bint wanted)


cdef int _mask(bint read, bint write)


cdef class Poller:
    cdef object __weakref__
    cdef public object clock
    cdef public object _backend
    cdef public object _wait
    cdef public int _epoll
    cdef gdpeer_event _events[256]
    cdef public dict _watches
    cdef Py_ssize_t _serial
    cdef object _soon
    cdef public list _heap
    cdef object _due
    cdef public Py_ssize_t _cancelled
    cdef long long _order
    cdef object _wake_lock
    cdef bint _woken
    cdef public object _waker
    cdef public bint _closed
    cdef double _log_after
    cdef public object on_close

    @cython.locals(descriptor=int)
    cpdef _add(self, Watch watch, object ready)
    @cython.locals(watch=Watch)
    cpdef unregister(self, int descriptor)
    cdef _change(self, int descriptor, int old, int new)
    cpdef soon(self, object callback)
    cpdef Timer call_at(self, double when, object callback)
    @cython.locals(serial=Py_ssize_t, waiting=Py_ssize_t)
    cpdef turn(self, double timeout=*)
    @cython.locals(watches=dict, waits=int, found=int, watch=Watch, bits=int, i=int)
    cdef _call_ready(self, double timeout, Py_ssize_t serial)
    cdef _find(self, double timeout)
    cdef _call_found(self, object found, Py_ssize_t serial)
    cpdef double due_at(self) except? -7
    @cython.locals(heap=list)
    cdef _drop_cancelled(self)
    cdef double _shorten(self, double timeout) except? -7
    cdef _clear_wake(self)
    cdef _run_soon(self, Py_ssize_t waiting)
    @cython.locals(now=double, timer=Timer, heap=list)
    cdef _run_due(self)
    cdef _count_cancelled(self)
