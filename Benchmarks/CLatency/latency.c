/* The ping-pong of `handfast perf --connect`, through handfast.h: the same messages, the same loop, the same other end.
 *
 *   latency ADDRESS ROUNDS CORE [multiple]   prints p50 and mean of half a round trip in ns
 * `Benchmarks/c-latency` runs it by turns with the tool. */
#define _GNU_SOURCE
#include <handfast.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE INT64_C(20000000000)

static void check(hf_status status, const char *what) {
    if (status == HF_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, hf_status_text(status), hf_error_text());
    exit(1);
}

static uint64_t nanoseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return nanoseconds();
#endif
}

static int ascending(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

/* What the echoing side is to do, as the tool says it: a mark, what, a number. */
static void write_header(uint32_t *header, uint32_t kind) { header[0] = 0x70704648u, header[1] = kind, header[2] = 0; }

int main(int count, char **arguments) {
    static uint64_t payload[8], room[8];
    static uint32_t header[3], header_room[3];
    uint64_t layout[3] = {1, 8, 1}, start, begin, end, *samples, sum = 0;
    hf_options options = hf_options_init();
    hf_completion completion = hf_completion_init();
    hf_endpoint endpoint;
    hf_connection connection;
    hf_request receive, send;
    cpu_set_t core;
    size_t rounds;
    double scale;

    if (count < 4 || atol(arguments[2]) < 10) {
        fprintf(stderr, "usage: latency ADDRESS ROUNDS CORE [multiple]; at least 10 rounds\n");
        return 2;
    }
    rounds = (size_t)atol(arguments[2]);
    samples = malloc(rounds * sizeof *samples);
    CPU_ZERO(&core);
    CPU_SET(atoi(arguments[3]), &core);
    if (samples == NULL || sched_setaffinity(0, sizeof core, &core) != 0) {
        perror("latency");
        return 1;
    }
    options.thread_mode = count > 4 ? HF_THREAD_MULTIPLE : HF_THREAD_SINGLE;
    check(hf_endpoint_create(&options, &endpoint), "create");
    check(hf_connect(endpoint, arguments[1], NULL, &connection), "connect");
    check(hf_connection_wait(connection, PATIENCE), "connect");

    /* Receives for 8 bytes, one at a time. */
    write_header(header, 3);
    check(hf_receive(endpoint, connection, room, 64, header_room, 12, 0, 0, &receive), "receive");
    check(hf_send(connection, layout, sizeof layout, header, 12, &send), "prepare");
    check(hf_wait(receive, PATIENCE, NULL), "prepare");
    check(hf_wait(send, PATIENCE, NULL), "prepare");
    write_header(header, 0);
    for (size_t part = 0; part < 2; part++) { /* The first is to get warm. */
        start = nanoseconds(), begin = end = ticks();
        for (size_t round = 0; round < rounds; round++) {
            uint64_t now;
            if (hf_receive(endpoint, connection, room, 8, header_room, 12, 0, 0, &receive) != HF_OK) break;
            if (hf_send(connection, payload, 8, header, 12, &send) != HF_OK) break;
            if (hf_wait(receive, PATIENCE, &completion) != HF_OK) break;
            if (hf_wait(send, PATIENCE, NULL) != HF_OK) break;
            now = ticks();
            samples[round] = now - end;
            end = now;
            if (completion.byte_count != 8) break;
        }
        if (completion.byte_count != 8) check(HF_ERROR_OTHER, "a round");
    }
    scale = (double)(nanoseconds() - start) / (double)(end - begin) / 2;
    for (size_t round = 0; round < rounds; round++) sum += samples[round];
    qsort(samples, rounds, sizeof *samples, ascending);
    printf("%.1f %.1f\n", (double)samples[rounds / 2] * scale, (double)sum / (double)rounds * scale);
    check(hf_connection_close(connection), "close");
    check(hf_endpoint_destroy(endpoint), "destroy");
    free(samples);
    return 0;
}
