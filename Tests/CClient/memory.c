/* A peer's memory: put, get, atomic operations, notifications, and what is refused. */
#include <string.h>

#include "client.h"

enum { BYTE_COUNT = 1 << 20 };

static void own(hf_endpoint endpoint, hf_connection connection) {
    unsigned char *bytes = calloc(1, BYTE_COUNT), *expected = malloc(BYTE_COUNT);
    hf_memory memory, readable;
    hf_notification notification = hf_notification_init();
    hf_request request;
    uint8_t keys[2][HF_KEY_BYTE_COUNT];
    bool is_in_use = false;
    REQUIRE(bytes != NULL && expected != NULL);
    OK(hf_memory_register(endpoint, bytes, BYTE_COUNT, HF_ALLOW_GET | HF_ALLOW_PUT | HF_ALLOW_ATOMIC, &memory));
    OK(hf_memory_register(endpoint, bytes, 8, HF_ALLOW_GET, &readable));
    OK(hf_memory_key(memory, keys[0]));
    OK(hf_memory_key(readable, keys[1]));
    OK(hf_memory_is_in_use(memory, &is_in_use));
    REQUIRE(is_in_use);
    OK(hf_send_tag(connection, keys, sizeof keys, 1, &request));
    OK(hf_wait(request, SOON, NULL));
    while (hf_take_notification(endpoint, &notification) == HF_NOT_READY) OK(hf_progress(endpoint, NULL));
    REQUIRE(notification.value == 77 && notification.connection == connection);
    fill(expected, BYTE_COUNT, 5);
    REQUIRE(memcmp(bytes, expected, BYTE_COUNT) == 0);
    /* The peer changes nothing before. */
    OK(hf_send_tag(connection, NULL, 0, 9, &request));
    OK(hf_wait(request, SOON, NULL));
    expect_message(endpoint, connection, 2, 1, 0);
    REQUIRE(bytes[0] == 9 && bytes[8] == 1);
    OK(hf_memory_deregister(memory));
    EXPECT(HF_ERROR_STALE, hf_memory_deregister(memory));
    EXPECT(HF_ERROR_STALE, hf_memory_key(memory, keys[0]));
    OK(hf_memory_is_in_use(memory, &is_in_use));
    REQUIRE(!is_in_use);
    OK(hf_send_tag(connection, NULL, 0, 3, &request));
    OK(hf_wait(request, SOON, NULL));
    expect_message(endpoint, connection, 4, 0, 0);
    free(bytes);
    free(expected);
}

static uint64_t fetched(hf_request request) {
    hf_completion completion = hf_completion_init();
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(completion.byte_count == 0 || completion.byte_count == 8 || completion.byte_count == 4);
    return completion.fetched;
}

static void use(hf_endpoint endpoint, hf_connection connection) {
    unsigned char *bytes = malloc(BYTE_COUNT), *copy = calloc(1, BYTE_COUNT);
    uint8_t keys[2][HF_KEY_BYTE_COUNT];
    hf_request request, list[3];
    uint64_t before, word = 0;
    REQUIRE(bytes != NULL && copy != NULL);
    OK(hf_receive(endpoint, connection, keys, sizeof keys, NULL, 0, 1, UINT64_MAX, &request));
    OK(hf_wait(request, SOON, NULL));
    fill(bytes, BYTE_COUNT, 5);
    memcpy(&before, bytes, 8);
    OK(hf_put(connection, bytes, BYTE_COUNT / 2, keys[0], 0, &list[0]));
    OK(hf_put_notify(
        connection, bytes + BYTE_COUNT / 2, BYTE_COUNT / 2, keys[0], BYTE_COUNT / 2, 77, &list[1]));
    OK(hf_get(connection, copy, BYTE_COUNT, keys[0], 0, &list[2]));
    OK(hf_flush(connection, &request));
    OK(hf_wait_all(list, 3, SOON, NULL));
    OK(hf_wait(request, SOON, NULL));
    REQUIRE(memcmp(bytes, copy, BYTE_COUNT) == 0);
    OK(hf_endpoint_flush(endpoint, &request));
    OK(hf_wait(request, SOON, NULL));

    OK(hf_get(connection, &word, 8, keys[1], 0, &request));
    OK(hf_wait(request, SOON, NULL));
    REQUIRE(word == before);
    EXPECT(HF_ERROR_REJECTED, hf_put(connection, bytes, 8, keys[1], 0, &request));
    EXPECT(HF_ERROR_REJECTED, hf_swap(connection, keys[1], 0, 8, 1, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_get(connection, copy, 16, keys[1], 0, &request));
    OK(hf_fetch_add(connection, keys[0], 0, 8, 0, &request));
    REQUIRE(fetched(request) == before);
    /* The peer has looked at what was put. */
    expect_message(endpoint, connection, 9, 0, 0);
    OK(hf_swap(connection, keys[0], 0, 8, 7, &request));
    REQUIRE(fetched(request) == before);
    OK(hf_compare_swap(connection, keys[0], 0, 8, 6, 100, &request));
    REQUIRE(fetched(request) == 7);
    OK(hf_compare_swap(connection, keys[0], 0, 8, 7, 8, &request));
    REQUIRE(fetched(request) == 7);
    OK(hf_fetch_add(connection, keys[0], 0, 8, 1, &request));
    REQUIRE(fetched(request) == 8);
    OK(hf_swap(connection, keys[0], 8, 4, 1, &request));
    OK(hf_wait(request, SOON, NULL));
    fill(bytes, 1, 0);
    OK(hf_send_tag(connection, bytes, 1, 2, &request));
    OK(hf_wait(request, SOON, NULL));
    expect_message(endpoint, connection, 3, 0, 0);
    /* Deregistered. */
    OK(hf_put(connection, bytes, 8, keys[0], 0, &request));
    EXPECT(HF_ERROR_STALE, hf_wait(request, SOON, NULL));
    OK(hf_send_tag(connection, NULL, 0, 4, &request));
    OK(hf_wait(request, SOON, NULL));
    free(bytes);
    free(copy);
}

/* Each size once, from memory of the library's that is used again and again. */
static const uint64_t sizes[] = {1, 4096, 65536, 300000, 3 << 20};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes };

static void send_allocated(hf_endpoint endpoint, hf_connection connection) {
    hf_request request;
    void *bytes, *none;
    for (unsigned index = 0; index < SIZE_COUNT; index++) {
        OK(hf_memory_allocate(endpoint, sizes[index], &bytes));
        REQUIRE((uintptr_t)bytes % (sizes[index] < 4096 ? 64 : 4096) == 0);
        fill(bytes, sizes[index], index);
        OK(hf_send_tag(connection, bytes, sizes[index], index, &request));
        OK(hf_wait(request, SOON, NULL));
        EXPECT(HF_ERROR_ARGUMENT, hf_memory_free(endpoint, (char *)bytes + 1));
        OK(hf_memory_free(endpoint, bytes));
        EXPECT(HF_ERROR_ARGUMENT, hf_memory_free(endpoint, bytes));
        REQUIRE(strstr(hf_error_text(), "given back") != NULL);
    }
    OK(hf_memory_free(endpoint, NULL));
    EXPECT(HF_ERROR_RESOURCES, hf_memory_allocate(endpoint, UINT64_MAX, &none));
    OK(hf_memory_allocate(endpoint, 0, &none));
    OK(hf_memory_allocate(endpoint, 8, &bytes));
    REQUIRE(none != bytes); /* Both end with the endpoint. */
    OK(hf_send_tag(connection, NULL, 0, 9, &request));
    OK(hf_wait(request, SOON, NULL));
}

static void receive_allocated(hf_endpoint endpoint, hf_connection connection) {
    for (unsigned index = 0; index < SIZE_COUNT; index++) expect_message(endpoint, connection, index, sizes[index], index);
    expect_message(endpoint, connection, 9, 0, 0);
}

void test_peer_memory(void) {
    run_pair(use, own, HF_THREAD_SINGLE);
    run_pair(send_allocated, receive_allocated, HF_THREAD_SINGLE);
}
