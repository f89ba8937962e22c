/* Counts what the calls of a message allocate: nothing. The program's own malloc counts, and the library uses it too. */
#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static long allocations;

void *malloc(size_t byte_count) { return allocations++, __libc_malloc(byte_count); }
void *calloc(size_t count, size_t byte_count) { return allocations++, __libc_calloc(count, byte_count); }
void *realloc(void *old, size_t byte_count) { return allocations++, __libc_realloc(old, byte_count); }
void *aligned_alloc(size_t alignment, size_t byte_count) { return allocations++, __libc_memalign(alignment, byte_count); }
int posix_memalign(void **result, size_t alignment, size_t byte_count) {
    allocations++;
    *result = __libc_memalign(alignment, byte_count);
    return *result == NULL ? 12 : 0;
}

static void check(hf_status status, const char *what) {
    if (status == HF_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, hf_status_text(status), hf_error_text());
    exit(1);
}

enum { WAIT, TEST, QUEUE, COPY, WAY_COUNT };
static const char *const ways[] = {"waits", "tests", "a queue", "copies"};

static void move(hf_endpoint endpoint, hf_connection connection, hf_queue queue, int way) {
    static char bytes[8], room[8];
    hf_request send = HF_NONE, receive;
    hf_completion completion = hf_completion_init();
    uint32_t count = 0;
    check(hf_receive(endpoint, connection, room, 8, NULL, 0, 1, UINT64_MAX, &receive), "receive");
    if (way == COPY) check(hf_send_copy(connection, bytes, 8, "\1", 1), "send");
    if (way == QUEUE) check(hf_send(connection, bytes, 8, "\1", 1, &send), "send");
    if (way == WAIT || way == TEST) check(hf_send_tag(connection, bytes, 8, 1, &send), "send");
    switch (way) {
        case WAIT:
            check(hf_wait(send, HF_FOREVER, NULL), "wait");
            check(hf_wait(receive, HF_FOREVER, &completion), "wait");
            break;
        case QUEUE:
            check(hf_queue_add(queue, send, 1), "add");
            check(hf_queue_add(queue, receive, 2), "add");
            for (uint32_t done = 0; done < 2; done += count) {
                check(hf_progress(endpoint, NULL), "progress");
                check(hf_queue_poll(queue, &completion, 1, &count), "poll");
            }
            break;
        default:
            if (way == TEST) check(hf_request_test(send, NULL), "test");
            while (hf_request_test(receive, &completion) == HF_NOT_READY) check(hf_progress(endpoint, NULL), "progress");
    }
    if (completion.byte_count != 8) check(HF_ERROR_OTHER, "eight bytes");
}

int main(void) {
    for (int mode = HF_THREAD_SINGLE; mode <= HF_THREAD_MULTIPLE; mode++) {
        hf_options options = hf_options_init();
        hf_connect_options on_demand = hf_connect_options_init();
        hf_endpoint endpoint;
        hf_connection connection;
        hf_queue queue;
        char address[512];
        options.thread_mode = (uint32_t)mode;
        on_demand.mode = HF_CONNECT_ON_DEMAND;
        check(hf_endpoint_create(&options, &endpoint), "create");
        check(hf_endpoint_listen(endpoint, "127.0.0.1", 0), "listen");
        check(hf_endpoint_address(endpoint, address, sizeof address, NULL), "address");
        check(hf_connect(endpoint, address, &on_demand, &connection), "connect");
        check(hf_queue_create(endpoint, &queue), "queue");
        if (allocations == 0) check(HF_ERROR_OTHER, "nothing is counted");
        for (int way = 0; way < WAY_COUNT; way++) {
            long before;
            for (int round = 0; round < 3000; round++) move(endpoint, connection, queue, way);
            before = allocations;
            for (int round = 0; round < 10000; round++) move(endpoint, connection, queue, way);
            if (allocations != before) {
                fprintf(stderr, "mode %d, %s: %ld allocations\n", mode, ways[way], allocations - before);
                return 1;
            }
        }
        check(hf_endpoint_destroy(endpoint), "destroy");
    }
    printf("allocations: none\n");
    return 0;
}
