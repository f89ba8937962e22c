/* Requests and completion queues, on an endpoint that talks to itself. */
#include <string.h>

#include "client.h"

void test_requests(void) {
    hf_connection connection;
    hf_endpoint endpoint = make_loop(NULL, &connection);
    hf_request request, list[4];
    hf_completion completion = hf_completion_init(), completions[4];
    uint32_t index = 0;
    bool is_cancelled = true;
    uint64_t words[4] = {0, 0, 0, 0};

    /* Complete at once: the handle holds the result, for ever. */
    OK(hf_send_tag(connection, "12345678", 8, 1, &request));
    OK(hf_request_status(request));
    for (int round = 0; round < 2; round++) {
        OK(hf_request_test(request, &completion));
        REQUIRE(completion.byte_count == 8 && completion.status == HF_OK && completion.connection == HF_NONE);
    }
    OK(hf_request_cancel(request, &is_cancelled));
    REQUIRE(!is_cancelled);
    OK(hf_request_release(request));
    OK(hf_wait(request, 0, NULL));
    OK(hf_receive(endpoint, HF_NONE, &words[0], 8, NULL, 0, 1, UINT64_MAX, &request));
    OK(hf_wait(request, SOON, &completion));

    /* A receive that nothing is for. */
    OK(hf_receive(endpoint, HF_NONE, &words[0], 8, NULL, 0, 2, UINT64_MAX, &request));
    EXPECT(HF_NOT_READY, hf_request_status(request));
    EXPECT(HF_NOT_READY, hf_request_test(request, &completion));
    EXPECT(HF_NOT_READY, hf_wait(request, 0, &completion));
    EXPECT(HF_NOT_READY, hf_wait(request, SECOND / 100, &completion));
    OK(hf_request_cancel(request, NULL));
    OK(hf_request_status(request));
    EXPECT(HF_ERROR_CANCELLED, hf_request_test(request, &completion));
    REQUIRE(completion.status == HF_ERROR_CANCELLED && completion.byte_count == 0);
    EXPECT(HF_ERROR_STALE, hf_request_test(request, &completion));
    EXPECT(HF_ERROR_STALE, hf_request_status(request));
    EXPECT(HF_ERROR_STALE, hf_request_cancel(request, NULL));
    EXPECT(HF_ERROR_STALE, hf_request_release(request));

    /* Given up: the next message goes to the next receive. */
    OK(hf_receive(endpoint, HF_NONE, &words[1], 8, NULL, 0, 3, UINT64_MAX, &request));
    OK(hf_request_release(request));
    EXPECT(HF_ERROR_STALE, hf_request_test(request, NULL));
    OK(hf_receive(endpoint, HF_NONE, &words[2], 8, NULL, 0, 3, UINT64_MAX, &request));
    OK(hf_send_copy(connection, "abcdefgh", 8, "\3", 1));
    OK(hf_wait(request, SOON, NULL));
    REQUIRE(words[1] == 0 && memcmp(&words[2], "abcdefgh", 8) == 0);

    /* Any of a list. */
    for (int place = 0; place < 4; place++)
        OK(hf_receive(endpoint, connection, &words[place], 8, NULL, 0, (uint64_t)(10 + place), UINT64_MAX, &list[place]));
    EXPECT(HF_NOT_READY, hf_wait_any(list, 4, 0, &index, &completion));
    REQUIRE(index == HF_NO_INDEX);
    EXPECT(HF_NOT_READY, hf_wait_all(list, 4, SECOND / 100, NULL));
    OK(hf_send_copy(connection, "to 12...", 8, "\14", 1));
    OK(hf_wait_any(list, 4, SOON, &index, &completion));
    REQUIRE(index == 2 && list[2] == HF_NONE && completion.byte_count == 8 && completion.connection == connection);
    OK(hf_request_cancel(list[0], NULL));
    EXPECT(HF_ERROR_CANCELLED, hf_wait_any(list, 4, SOON, &index, &completion));
    REQUIRE(index == 0 && completion.status == HF_ERROR_CANCELLED);

    /* All of it: what is left, one that is complete, one that is stale. */
    OK(hf_send_copy(connection, "to 11...", 8, "\13", 1));
    OK(hf_send_copy(connection, "too long for it", 15, "\15", 1));
    OK(hf_send_tag(connection, "x", 1, 99, &list[0]));
    memset(completions, 0, sizeof completions);
    completions[0].struct_byte_count = sizeof completions[0];
    EXPECT(HF_ERROR_TRUNCATED, hf_wait_all(list, 4, SOON, completions));
    REQUIRE(completions[0].status == HF_OK && completions[0].byte_count == 1);
    REQUIRE(completions[1].status == HF_OK && completions[1].byte_count == 8);
    REQUIRE(completions[2].status == HF_OK && completions[2].byte_count == 0);
    REQUIRE(completions[3].status == HF_ERROR_TRUNCATED && completions[3].byte_count == 15);
    for (int place = 0; place < 4; place++) REQUIRE(list[place] == HF_NONE);
    OK(hf_wait_all(list, 4, 0, NULL));
    OK(hf_wait_all(NULL, 0, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_any(list, 4, 0, &index, NULL));
    REQUIRE(index == HF_NO_INDEX);
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_any(list, 0, 0, &index, NULL));
    list[3] = request;
    EXPECT(HF_ERROR_STALE, hf_wait_any(list, 4, 0, &index, NULL));
    REQUIRE(index == 3 && list[3] == HF_NONE);
    leave(endpoint);
}

void test_queues(void) {
    hf_connection connection;
    hf_endpoint endpoint = make_loop(NULL, &connection);
    hf_queue queue;
    hf_request request;
    uint64_t words[8], open_count = 0;
    uint32_t count = 0;
    /* Longer than this version's, as a later program's would be. */
    struct {
        hf_completion known;
        uint64_t more;
    } completions[4];

    memset(completions, 0x55, sizeof completions);
    completions[0].known.struct_byte_count = sizeof completions[0];
    OK(hf_queue_create(endpoint, &queue));
    EXPECT(HF_NOT_READY, hf_queue_wait(queue, 0));
    for (uint64_t tag = 0; tag < 4; tag++) {
        OK(hf_receive(endpoint, HF_NONE, &words[tag], 8, NULL, 0, tag, UINT64_MAX, &request));
        OK(hf_queue_add(queue, request, 100 + tag));
    }
    OK(hf_queue_open_count(queue, &open_count));
    REQUIRE(open_count == 4);
    OK(hf_request_cancel(request, NULL));
    /* Complete before it is added. */
    OK(hf_send_tag(connection, words, 8, 1, &request));
    OK(hf_queue_add(queue, request, 200));
    OK(hf_queue_wait(queue, SOON));
    OK(hf_queue_poll(queue, &completions[0].known, 4, &count));
    REQUIRE(count >= 2);
    REQUIRE(completions[0].known.context == 103 && completions[0].known.status == HF_ERROR_CANCELLED);
    REQUIRE(completions[1].known.context == 200 && completions[1].known.status == HF_OK);
    REQUIRE(completions[1].known.byte_count == 8 && completions[1].known.struct_byte_count == sizeof completions[0]);
    REQUIRE(completions[0].more == UINT64_C(0x5555555555555555));
    completions[2].known.struct_byte_count = sizeof completions[0];
    while (count < 3) {
        uint32_t more = 0;
        OK(hf_queue_wait(queue, SOON));
        OK(hf_queue_poll(queue, &completions[2].known, 1, &more));
        count += more;
    }
    REQUIRE(completions[2].known.context == 101 && completions[2].known.connection == connection);
    OK(hf_queue_poll(queue, &completions[0].known, 0, &count));
    REQUIRE(count == 0);
    OK(hf_queue_open_count(queue, &open_count));
    REQUIRE(open_count == 2);
    OK(hf_queue_destroy(queue));
    EXPECT(HF_ERROR_STALE, hf_queue_poll(queue, &completions[0].known, 1, &count));
    EXPECT(HF_ERROR_STALE, hf_queue_add(queue, request, 0));
    EXPECT(HF_ERROR_STALE, hf_queue_destroy(queue));
    leave(endpoint);
}
