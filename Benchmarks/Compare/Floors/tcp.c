/* The least that two processes need over loopback TCP: non-blocking send and recv in a loop, without any format.
 *
 * latency: a message there and back. bandwidth: messages one after the other, half a window acknowledged at a time by
 * one byte. rate: the same, but half a window of messages gathered into one call of send. */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void send_all(int socket, const char *from, size_t bytes) {
    while (bytes > 0) {
        ssize_t sent = send(socket, from, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("send");
        if (sent > 0) from += sent, bytes -= (size_t)sent;
    }
}

static void receive_all(int socket, char *to, size_t bytes) {
    while (bytes > 0) {
        ssize_t received = recv(socket, to, bytes, MSG_DONTWAIT);
        if (received == 0) exit(0);
        if (received < 0 && errno != EAGAIN) fail("recv");
        if (received > 0) to += received, bytes -= (size_t)received;
    }
}

static void latency(int socket, char *memory, const struct order *order) {
    double *halves = malloc(SAMPLE_LIMIT * sizeof *halves);
    size_t count = 0;
    double start = now(), last = start, warm = start + order->seconds / 10;
    while (count < 4 || (last < warm + order->seconds && count < SAMPLE_LIMIT)) {
        send_all(socket, memory, order->bytes);
        receive_all(socket, memory, order->bytes);
        double time = now();
        if (last >= warm) halves[count++] = (time - last) / 2;
        last = time;
    }
    print_latency(halves, count);
}

static void stream(int socket, char *memory, const struct order *order, size_t half, size_t gathered) {
    double start = now(), warm = start + order->seconds / 10, began = 0;
    uint64_t sent = 0, counted = 0;
    char credit;
    while (1) {
        for (size_t index = 0; index < half; index += gathered) send_all(socket, memory, gathered * order->bytes);
        sent += half;
        if (sent > half) receive_all(socket, &credit, 1); /* for the half before this one */
        double time = now();
        if (began == 0 && time >= warm) {
            began = time;
            counted = sent;
        } else if (began != 0 && time >= began + order->seconds) {
            print_rate((double)(sent - counted), order->bytes, time - began);
            return;
        }
    }
}

/* Both ends of a connection of loopback TCP. */
static void join(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ends[0], (struct sockaddr *)&address, length) != 0) fail("connect");
    ends[1] = accept(listener, NULL, NULL);
    if (ends[1] < 0) fail("accept");
    close(listener);
    for (int index = 0; index < 2; index++) {
        int yes = 1;
        setsockopt(ends[index], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
}

int main(int count, char **words) {
    struct order order = read_order(count, words);
    size_t half = window(order.bytes) / 2;
    int is_latency = strcmp(order.test, "latency") == 0;
    size_t gathered = strcmp(order.test, "rate") == 0 ? half : 1;
    size_t bytes = gathered * order.bytes;
    char *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
    memset(memory, 1, bytes);
    int ends[2];
    join(ends);
    pid_t other = start_other(order.other_core);
    if (other == 0) {
        close(ends[0]);
        while (1) {
            for (size_t index = 0; !is_latency && index < half; index += gathered) receive_all(ends[1], memory, bytes);
            if (is_latency) receive_all(ends[1], memory, bytes);
            send_all(ends[1], memory, is_latency ? bytes : 1);
        }
    }
    close(ends[1]);
    pin(order.core);
    if (is_latency) {
        latency(ends[0], memory, &order);
    } else {
        stream(ends[0], memory, &order, half, gathered);
    }
    end_other(other);
    return 0;
}
