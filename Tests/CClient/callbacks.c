/* What the library calls: the predicate of a receive, and the log. Neither may call back. */
#include <string.h>

#include "client.h"

typedef struct seen {
    hf_endpoint endpoint;
    hf_connection connection;
    int calls;
    int lines;
    hf_log_level level;
    char text[256];
} seen;

static bool is_even(void *context, hf_connection connection, const void *header, uint32_t length) {
    seen *what = context;
    uint64_t other;
    char byte = 0;
    what->calls++;
    REQUIRE(connection == what->connection && length == 1 && header != NULL);
    EXPECT(HF_ERROR_REENTRANT, hf_progress(what->endpoint, NULL));
    EXPECT(HF_ERROR_REENTRANT, hf_send(connection, &byte, 1, NULL, 0, &other));
    EXPECT(HF_ERROR_REENTRANT, hf_endpoint_destroy(what->endpoint));
    return *(const char *)header % 2 == 0;
}

static void keep_line(void *context, hf_log_level level, const char *text) {
    seen *what = context;
    what->lines++;
    what->level = level;
    snprintf(what->text, sizeof what->text, "%s", text);
    if (what->endpoint != HF_NONE) EXPECT(HF_ERROR_REENTRANT, hf_progress(what->endpoint, NULL));
}

/* Looks for messages, of which an odd one is the first, without a receive. */
static void test_search(seen *what) {
    hf_message_info info = hf_message_info_init();
    hf_message message, other;
    hf_request request;
    char header = 0, room[8];
    const void *payload = NULL;
    uint64_t byte_count = 0;
    EXPECT(HF_NOT_READY, hf_probe_where(what->endpoint, HF_NONE, is_even, what, 0, NULL, 0, &info));
    EXPECT(HF_NOT_READY, hf_take_message_where(what->endpoint, HF_NONE, is_even, what, SECOND / 100, &message));
    OK(hf_send_copy(what->connection, "four", 4, "\4", 1));
    OK(hf_probe_where(what->endpoint, HF_NONE, is_even, what, SOON, &header, 1, &info));
    REQUIRE(header == 4 && info.byte_count == 4 && info.connection == what->connection && info.tag == 4);
    OK(hf_take_message_where(what->endpoint, what->connection, is_even, what, 0, &message));
    EXPECT(HF_NOT_READY, hf_take_message_where(what->endpoint, what->connection, is_even, what, 0, &other));
    /* What is taken lies still, whatever else comes. */
    OK(hf_message_payload(message, &payload, &byte_count));
    REQUIRE(byte_count == 4 && memcmp(payload, "four", 4) == 0);
    for (int round = 0; round < 100; round++) {
        OK(hf_send_copy(what->connection, "more", 4, "\6", 1));
        OK(hf_take_message_where(what->endpoint, HF_NONE, is_even, what, SOON, &other));
        OK(hf_message_drop(other));
    }
    REQUIRE(memcmp(payload, "four", 4) == 0);
    OK(hf_message_receive(message, room, sizeof room, NULL, 0, &request));
    OK(hf_wait(request, SOON, NULL));
    EXPECT(HF_ERROR_STALE, hf_message_payload(message, &payload, &byte_count));
    /* The odd one that nobody has asked for is still there. */
    OK(hf_take_message(what->endpoint, HF_NONE, 0, 0, 0, &message));
    OK(hf_message_payload(message, &payload, &byte_count));
    REQUIRE(byte_count == 3 && memcmp(payload, "odd", 3) == 0);
    OK(hf_message_drop(message));
}

static void test_predicate(hf_thread_mode mode) {
    seen what;
    hf_options options = hf_options_init();
    char room[8], header = 0;
    hf_request request;
    hf_completion completion = hf_completion_init();
    memset(&what, 0, sizeof what);
    options.thread_mode = mode;
    what.endpoint = make_loop(&options, &what.connection);
    OK(hf_receive_where(
        what.endpoint, what.connection, room, sizeof room, &header, 1, is_even, &what, &request));
    OK(hf_send_copy(what.connection, "odd", 3, "\1", 1));
    OK(hf_send_copy(what.connection, "even", 4, "\2", 1));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(what.calls == 2 && completion.byte_count == 4 && memcmp(room, "even", 4) == 0 && header == 2);
    /* For one that has come already it is called from the call that posts. */
    OK(hf_receive_where(what.endpoint, HF_NONE, room, sizeof room, NULL, 0, is_even, &what, &request));
    REQUIRE(what.calls == 3);
    OK(hf_request_release(request));
    test_search(&what);
    leave(what.endpoint);
}

static void test_log(hf_thread_mode mode) {
    seen what;
    hf_options options = hf_options_init();
    hf_connection connection;
    char address[512];
    memset(&what, 0, sizeof what);
    options.thread_mode = mode;
    options.log = keep_line;
    options.log_context = &what;
    options.log_level = HF_LOG_TRACE;
    OK(hf_endpoint_create(&options, &what.endpoint));
    OK(hf_endpoint_listen(what.endpoint, "127.0.0.1", 0));
    OK(hf_endpoint_address(what.endpoint, address, sizeof address, NULL));
    OK(hf_connect(what.endpoint, address, NULL, &connection));
    OK(hf_connection_wait(connection, SOON));
    REQUIRE(what.lines > 0 && what.level == HF_LOG_DEBUG);
    REQUIRE(strncmp(what.text, "connected ", 10) == 0 && strchr(what.text, '\n') == NULL);
    OK(hf_endpoint_destroy(what.endpoint));
}

void test_callbacks(void) {
    test_predicate(HF_THREAD_SINGLE);
    test_predicate(HF_THREAD_MULTIPLE);
    test_log(HF_THREAD_SINGLE);
    test_log(HF_THREAD_MULTIPLE);
}
