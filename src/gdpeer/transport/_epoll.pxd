# Linux's epoll; used by the compiled form of poller.py.

from cpython.exc cimport PyErr_CheckSignals

cdef extern from *:
    """
    #ifdef __linux__
    #include <errno.h>
    #include <sys/epoll.h>
    #include <time.h>
    static double gdpeer_now(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }
    typedef struct epoll_event gdpeer_event;
    #define gdpeer_wait epoll_wait
    #define gdpeer_was_interrupted() (errno == EINTR)
    static int gdpeer_change(int epoll, int fd, unsigned int old, unsigned int wanted) {
        struct epoll_event event;
        event.events = wanted;
        event.data.fd = fd;
        return epoll_ctl(epoll, !wanted ? EPOLL_CTL_DEL : old ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    }
    #else
    typedef struct { unsigned int events; struct { int fd; } data; } gdpeer_event;
    static int gdpeer_wait(int epoll, gdpeer_event *events, int most, int milliseconds) { return 0; }
    static int gdpeer_change(int epoll, int fd, unsigned int old, unsigned int wanted) { return -1; }
    static double gdpeer_now(void) { return 0.0; }
    #define gdpeer_was_interrupted() 0
    #endif
    #define gdpeer_descriptor(event) ((event)->data.fd)
    #define gdpeer_bits(event) ((event)->events)
    """
    ctypedef struct gdpeer_event:
        pass
    int gdpeer_descriptor(gdpeer_event* event)
    unsigned int gdpeer_bits(gdpeer_event* event)
    int gdpeer_wait(int epoll, gdpeer_event* events, int most, int milliseconds) nogil
    int gdpeer_change(int epoll, int fd, unsigned int old, unsigned int wanted) nogil
    bint gdpeer_was_interrupted()
    double gdpeer_now()

cdef extern from "Python.h":
    object PyErr_SetFromErrno(object kind)


cdef inline int change_events(int epoll, int fd, int old, int wanted) except -1:
    # Watches a descriptor for other bits; 0 stops watching.
    if gdpeer_change(epoll, fd, old, wanted) < 0:
        PyErr_SetFromErrno(OSError)
    return 0


cdef inline int milliseconds_of(double seconds) noexcept nogil:
    # Rounds up, so that a wait does not end before its time; negative: without limit.
    cdef int whole = <int> (seconds * 1000.0)
    return -1 if seconds < 0 else whole + (whole < seconds * 1000.0)


cdef inline int wait_for_events(int* epoll, gdpeer_event* events, int most, double seconds) except -1:
    # Waits at most `seconds`; negative: without limit. Signal handlers run, and then the wait goes on, unless a handler
    # has closed the epoll, which is negative then.
    cdef double end
    cdef int found
    if seconds == 0.0:
        found = gdpeer_wait(epoll[0], events, most, 0)
        if found < 0 and not gdpeer_was_interrupted():
            PyErr_SetFromErrno(OSError)
        return max(found, 0)
    end = gdpeer_now() + seconds
    while True:
        PyErr_CheckSignals()  # a signal that came before the wait would not end the wait
        if epoll[0] < 0:
            return 0
        with nogil:
            found = gdpeer_wait(epoll[0], events, most, milliseconds_of(seconds))
        if found >= 0:
            return found
        if not gdpeer_was_interrupted():
            PyErr_SetFromErrno(OSError)
        if seconds > 0:
            seconds = max(end - gdpeer_now(), 0.0)
