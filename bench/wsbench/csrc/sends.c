/* The least that the rows `moving` and `near` of bench.replication can cost: a server that only sends.

   sends PORT BYTES

   Answers each connection with the end of an upgrade, and sends BYTES to each connection in each of 20 frames a second,
   in one system call each. The bytes mean nothing. The readers of bench.replication drop everything. */

#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 20
#define MOST 1000

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
static char bytes[1 << 20];
static int peers[MOST], count;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void take(int listening) {
    int peer = accept4(listening, NULL, NULL, 0), one = 1;
    if (peer < 0 || count == MOST || read(peer, bytes, sizeof bytes) <= 0 ||
        write(peer, answer, sizeof answer - 1) < 0 ||
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
        exit(1);
    peers[count++] = peer;
}

int main(int arguments, char **argument) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct pollfd waiting = {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN};
    double due = now(), left;
    size_t size;
    if (arguments != 3) return 2;
    at.sin_port = htons(atoi(argument[1]));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = atoi(argument[2]);
    if (size > sizeof bytes || bind(waiting.fd, (void *) &at, sizeof at) || listen(waiting.fd, 128)) return 1;
    puts("listening");
    fflush(stdout);
    for (;;) {
        due = due + 1.0 / FRAMES > now() ? due + 1.0 / FRAMES : now();
        for (int i = 0; i < count; i++)
            (void) !send(peers[i], bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        while ((left = due - now()) > 0)
            if (poll(&waiting, 1, (int) (left * 1000) + 1) > 0) take(waiting.fd);
    }
}
