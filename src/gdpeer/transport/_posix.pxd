# POSIX calls for sockets; used by the compiled forms of sockets.py and poller.py.

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

cdef extern from *:
    """
    #ifdef _WIN32
    #define GDPEER_DIRECT 0
    struct iovec { void *iov_base; size_t iov_len; };
    static Py_ssize_t gdpeer_receive(int fd, void *data, size_t size) { return -1; }
    static Py_ssize_t gdpeer_send(int fd, struct iovec *pieces, int count) { return -1; }
    static int gdpeer_shutdown(int fd) { return -1; }
    static int gdpeer_close(int fd) { return -1; }
    #else
    #define GDPEER_DIRECT 1
    #define GDPEER_LITTLE 4096
    #include <errno.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/uio.h>
    #include <unistd.h>
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    /* Both return the number of bytes, or the negative of errno. */
    static Py_ssize_t gdpeer_receive(int fd, void *data, size_t size) {
        Py_ssize_t got;
        do got = recv(fd, data, size, 0); while (got < 0 && errno == EINTR);
        return got < 0 ? -(Py_ssize_t)errno : got;
    }
    static Py_ssize_t gdpeer_send(int fd, struct iovec *pieces, int count) {
        Py_ssize_t sent;
        struct msghdr message;
        char joined[GDPEER_LITTLE];
        size_t size = 0;
        int i;
        /* Several small pieces cost the system more time than copying them into one piece here. */
        for (i = 0; count > 1 && i < count; i++) {
            if (pieces[i].iov_len > sizeof joined - size) break;
            memcpy(joined + size, pieces[i].iov_base, pieces[i].iov_len);
            size += pieces[i].iov_len;
        }
        if (count > 1 && i == count) {
            do sent = send(fd, joined, size, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
        } else if (count == 1) {
            do sent = send(fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
        } else {
            memset(&message, 0, sizeof message);
            message.msg_iov = pieces;
            message.msg_iovlen = count;
            do sent = sendmsg(fd, &message, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
        }
        return sent < 0 ? -(Py_ssize_t)errno : sent;
    }
    static int gdpeer_shutdown(int fd) { return shutdown(fd, SHUT_WR); }
    static int gdpeer_close(int fd) { return close(fd); }
    #endif

    /* Accepts without a socket.socket object: on Linux only, where one call also sets the flags. */
    typedef struct { int family; int port; unsigned char host[16]; } gdpeer_address;
    #ifdef __linux__
    #define GDPEER_ACCEPTS 1
    #include <arpa/inet.h>
    #include <netinet/in.h>
    static int gdpeer_accept(int fd, gdpeer_address *from) {
        union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } peer;
        socklen_t size = sizeof peer;
        int got;
        do got = accept4(fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC); while (got < 0 && errno == EINTR);
        if (got < 0) return -errno;
        from->family = peer.any.sa_family;
        from->port = 0;
        if (peer.any.sa_family == AF_INET) {
            memcpy(from->host, &peer.four.sin_addr, 4);
            from->port = ntohs(peer.four.sin_port);
        } else if (peer.any.sa_family == AF_INET6) {
            memcpy(from->host, &peer.six.sin6_addr, 16);
            from->port = ntohs(peer.six.sin6_port);
        }
        return got;
    }
    static int gdpeer_write_host(gdpeer_address *from, char *text, int size) {
        return (from->family == AF_INET || from->family == AF_INET6)
            && inet_ntop(from->family, from->host, text, size) != NULL;
    }
    #else
    #define GDPEER_ACCEPTS 0
    static int gdpeer_accept(int fd, gdpeer_address *from) { return -1; }
    static int gdpeer_write_host(gdpeer_address *from, char *text, int size) { return 0; }
    #endif
    """
    const bint DIRECT "GDPEER_DIRECT"
    const bint ACCEPTS "GDPEER_ACCEPTS"
    ctypedef struct gdpeer_address:
        int family
        int port
        unsigned char host[16]
    bint gdpeer_write_host(gdpeer_address* address, char* text, int size) nogil
    int gdpeer_accept(int fd, gdpeer_address* peer) nogil
    int gdpeer_shutdown(int fd) nogil
    int gdpeer_close(int fd) nogil
    struct iovec:
        void* iov_base
        size_t iov_len
    Py_ssize_t gdpeer_receive(int fd, void* data, size_t size) nogil
    Py_ssize_t gdpeer_send(int fd, iovec* pieces, int count) nogil


cdef inline Py_ssize_t receive_bytes(int fd, object buffer) except? -2:
    # Does one recv into a writable buffer; returns the number of bytes, or the negative of errno.
    cdef Py_buffer view
    cdef Py_ssize_t got
    if type(buffer) is bytearray:
        return gdpeer_receive(fd, PyByteArray_AS_STRING(buffer), PyByteArray_GET_SIZE(buffer))
    PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    got = gdpeer_receive(fd, view.buf, view.len)
    PyBuffer_Release(&view)
    return got


cdef inline Py_ssize_t send_chunks(int fd, object chunks) except? -2:
    # Does one send, or one sendmsg for several chunks (at most 1,024); returns the number of bytes, or minus errno.
    cdef iovec pieces[1024]
    cdef list found = chunks if type(chunks) is list else list(chunks)
    cdef list views = None
    cdef int count = 0
    cdef object chunk
    if not found:
        return 0
    for chunk in found:
        if count == 1024:
            break
        if type(chunk) is bytes:
            pieces[count].iov_base = PyBytes_AS_STRING(chunk)
            pieces[count].iov_len = PyBytes_GET_SIZE(chunk)
        elif type(chunk) is bytearray:
            pieces[count].iov_base = PyByteArray_AS_STRING(chunk)
            pieces[count].iov_len = PyByteArray_GET_SIZE(chunk)
        else:
            point_at(chunk, &pieces[count])
        count += 1
    return gdpeer_send(fd, pieces, count)


cdef inline int point_at(object chunk, iovec* piece) except -1:
    # The address stays valid after the release: no other code runs before the system has read the chunk.
    cdef Py_buffer view
    PyObject_GetBuffer(chunk, &view, PyBUF_SIMPLE)
    piece.iov_base = view.buf
    piece.iov_len = view.len
    PyBuffer_Release(&view)
    return 0
