/* Every function with arguments that are not good: an error each time, and never a crash. */
#include <string.h>

#include "client.h"

/* Room for every struct of the header. */
typedef union any_struct {
    uint32_t struct_byte_count;
    hf_options options;
    hf_connect_options connect_options;
    hf_error error;
    hf_completion completion;
    hf_message_info message_info;
    hf_event event;
    hf_notification notification;
    hf_decision decision;
    hf_transport_info transport_info;
    hf_setting_info setting_info;
} any_struct;

static const uint8_t no_key[HF_KEY_BYTE_COUNT];

static any_struct sized(size_t byte_count) {
    any_struct value;
    memset(&value, 0, sizeof value);
    value.struct_byte_count = (uint32_t)byte_count;
    return value;
}

static bool never(void *context, hf_connection connection, const void *header, uint32_t length) {
    (void)context, (void)connection, (void)header, (void)length;
    return false;
}

/* Calls all functions that take an endpoint with good arguments else. */
static void use_endpoint(hf_endpoint handle, hf_status expected) {
    char text[64];
    int number;
    bool answer;
    size_t length;
    uint64_t other;
    void *bytes;
    hf_event event = hf_event_init();
    hf_notification notification = hf_notification_init();
    hf_transport_info transport = hf_transport_info_init();
    hf_setting_info setting = hf_setting_info_init();
    hf_message_info message = hf_message_info_init();
    EXPECT(expected, hf_endpoint_listen(handle, NULL, 0));
    EXPECT(expected, hf_endpoint_address(handle, text, sizeof text, &length));
    EXPECT(expected, hf_endpoint_addresses(handle, text, sizeof text, &length));
    EXPECT(expected, hf_endpoint_name(handle, text, sizeof text, &length));
    EXPECT(expected, hf_endpoint_close(handle));
    EXPECT(expected, hf_endpoint_is_closed(handle, &answer));
    EXPECT(expected, hf_endpoint_destroy(handle));
    EXPECT(expected, hf_progress(handle, NULL));
    EXPECT(expected, hf_endpoint_fd(handle, &number));
    EXPECT(expected, hf_endpoint_arm(handle, &number));
    EXPECT(expected, hf_accept(handle, &other));
    EXPECT(expected, hf_endpoint_take_event(handle, &event));
    EXPECT(expected, hf_endpoint_next_connection(handle, HF_NONE, &other));
    EXPECT(expected, hf_endpoint_pending(handle, text, sizeof text, &length));
    EXPECT(expected, hf_endpoint_transport(handle, 0, &transport));
    EXPECT(expected, hf_endpoint_setting(handle, 0, &setting));
    EXPECT(expected, hf_endpoint_setting_named(handle, "HANDFAST_NAME", &setting));
    EXPECT(expected, hf_connect(handle, "127.0.0.1:1", NULL, &other));
    EXPECT(expected, hf_receive(handle, HF_NONE, text, 1, NULL, 0, 0, 0, &other));
    EXPECT(expected, hf_probe(handle, HF_NONE, 0, 0, 0, NULL, 0, &message));
    EXPECT(expected, hf_take_message(handle, HF_NONE, 0, 0, 0, &other));
    EXPECT(expected, hf_probe_where(handle, HF_NONE, never, NULL, 0, NULL, 0, &message));
    EXPECT(expected, hf_take_message_where(handle, HF_NONE, never, NULL, 0, &other));
    EXPECT(expected, hf_queue_create(handle, &other));
    EXPECT(expected, hf_memory_register(handle, text, 8, HF_ALLOW_GET, &other));
    EXPECT(expected, hf_memory_allocate(handle, 8, &bytes));
    EXPECT(expected, hf_memory_free(handle, text));
    EXPECT(expected, hf_endpoint_flush(handle, &other));
    EXPECT(expected, hf_take_notification(handle, &notification));
}

/* All that take a connection; `key` is well formed. */
static void use_connection(hf_connection handle, const uint8_t *key, hf_status expected) {
    char text[64] = "";
    uint64_t other;
    bool answer;
    void *context;
    struct iovec piece = {text, 1};
    hf_error error = hf_error_init();
    hf_decision decision = hf_decision_init();
    EXPECT(expected, hf_connection_wait(handle, 0));
    EXPECT(expected, hf_connection_peer_name(handle, text, sizeof text, NULL));
    EXPECT(expected, hf_connection_transport(handle, text, sizeof text, NULL));
    EXPECT(expected, hf_connection_error(handle, &error));
    EXPECT(expected, hf_connection_is_local(handle, &answer));
    EXPECT(expected, hf_connection_set_context(handle, text));
    EXPECT(expected, hf_connection_context(handle, &context));
    EXPECT(expected, hf_connection_decision(handle, 0, &decision));
    EXPECT(expected, hf_connection_close(handle));
    EXPECT(expected, hf_send(handle, text, 1, NULL, 0, &other));
    EXPECT(expected, hf_send_tag(handle, text, 1, 0, &other));
    EXPECT(expected, hf_send_pieces(handle, &piece, 1, NULL, 0, &other));
    EXPECT(expected, hf_send_copy(handle, text, 1, NULL, 0));
    EXPECT(expected, hf_flush(handle, &other));
    EXPECT(expected, hf_put(handle, text, 1, key, 0, &other));
    EXPECT(expected, hf_put_notify(handle, text, 1, key, 0, 1, &other));
    EXPECT(expected, hf_get(handle, text, 1, key, 0, &other));
    EXPECT(expected, hf_fetch_add(handle, key, 0, 8, 1, &other));
    EXPECT(expected, hf_swap(handle, key, 0, 8, 1, &other));
    EXPECT(expected, hf_compare_swap(handle, key, 0, 8, 1, 2, &other));
}

/* All that take one of the other handles. */
static void use_others(uint64_t request, uint64_t message, uint64_t queue, uint64_t memory, hf_status expected) {
    char text[8];
    bool answer;
    uint32_t count;
    uint64_t other;
    const void *payload;
    uint8_t key[HF_KEY_BYTE_COUNT];
    hf_request list[2];
    hf_completion completion = hf_completion_init();
    hf_message_info info = hf_message_info_init();
    EXPECT(expected, hf_request_test(request, &completion));
    EXPECT(expected, hf_request_status(request));
    EXPECT(expected, hf_request_cancel(request, &answer));
    EXPECT(expected, hf_request_release(request));
    EXPECT(expected, hf_wait(request, 0, &completion));
    list[0] = request, list[1] = request;
    if (request != HF_NONE) EXPECT(expected, hf_wait_any(list, 1, 0, &count, &completion));
    list[0] = request;
    if (request != HF_NONE) EXPECT(expected, hf_wait_all(list, 2, 0, NULL));
    EXPECT(expected, hf_message_look(message, NULL, 0, &info));
    EXPECT(expected, hf_message_payload(message, &payload, &other));
    EXPECT(expected, hf_message_receive(message, text, 1, NULL, 0, &other));
    EXPECT(expected, hf_message_drop(message));
    EXPECT(expected, hf_queue_poll(queue, &completion, 1, &count));
    EXPECT(expected, hf_queue_wait(queue, 0));
    EXPECT(expected, hf_queue_open_count(queue, &other));
    EXPECT(expected, hf_queue_destroy(queue));
    EXPECT(expected, hf_memory_key(memory, key));
    EXPECT(expected, hf_memory_deregister(memory));
}

void test_wrong_handles(void) {
    hf_connection connection, accepted;
    hf_endpoint endpoint = make_loop(NULL, &connection);
    hf_queue queue;
    hf_memory memory;
    hf_request receive;
    hf_message message;
    hf_connection_state state;
    bool answer;
    char room[8] = "", bytes[16] = "";
    uint8_t key[HF_KEY_BYTE_COUNT];
    uint64_t kinds[6], seed = 1;

    /* One of each, and then each in the place of another. */
    OK(hf_queue_create(endpoint, &queue));
    OK(hf_memory_register(endpoint, bytes, sizeof bytes, HF_ALLOW_GET, &memory));
    OK(hf_memory_key(memory, key));
    OK(hf_send_copy(connection, "abc", 3, NULL, 0));
    OK(hf_take_message(endpoint, connection, 0, 0, SOON, &message));
    OK(hf_receive(endpoint, HF_NONE, room, sizeof room, NULL, 0, 5, UINT64_MAX, &receive));
    EXPECT(HF_NOT_READY, hf_accept(endpoint, &accepted));
    kinds[0] = endpoint, kinds[1] = connection, kinds[2] = receive, kinds[3] = message, kinds[4] = queue;
    kinds[5] = memory;
    for (int kind = 0; kind < 6; kind++) {
        uint64_t handle = kinds[kind];
        if (kind != 0) use_endpoint(handle, HF_ERROR_HANDLE);
        if (kind != 1) use_connection(handle, key, HF_ERROR_HANDLE);
        if (kind != 1) EXPECT(HF_ERROR_HANDLE, hf_connection_state_get(handle, &state));
        if (kind != 1) EXPECT(HF_ERROR_HANDLE, hf_receive(endpoint, handle, room, 8, NULL, 0, 0, 0, &receive));
        if (kind != 1) EXPECT(HF_ERROR_HANDLE, hf_endpoint_next_connection(endpoint, handle, &accepted));
        if (kind != 2) EXPECT(HF_ERROR_HANDLE, hf_queue_add(queue, handle, 0));
        if (kind != 4) EXPECT(HF_ERROR_HANDLE, hf_queue_add(handle, receive, 0));
        if (kind != 5) EXPECT(HF_ERROR_HANDLE, hf_memory_is_in_use(handle, &answer));
        if (kind < 2) use_others(handle, handle, handle, handle, HF_ERROR_HANDLE);
    }
    /* Numbers that are nothing at all. The top bits of a random one may be a kind, its place is nobody's. */
    use_endpoint(HF_NONE, HF_ERROR_HANDLE);
    use_connection(HF_NONE, key, HF_ERROR_HANDLE);
    use_others(HF_NONE, HF_NONE, HF_NONE, HF_NONE, HF_ERROR_HANDLE);
    for (int round = 0; round < 20000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t handle = seed | UINT64_C(0x0ffffff000000000);
        use_connection((handle & ~(UINT64_C(0xf) << 60)) | UINT64_C(1) << 60, key, HF_ERROR_HANDLE);
        EXPECT(HF_ERROR_HANDLE, hf_progress((handle & ~(UINT64_C(0xf) << 60)) | UINT64_C(6) << 60, NULL));
    }
    use_endpoint(UINT64_MAX, HF_ERROR_HANDLE);
    use_others(UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, HF_ERROR_HANDLE);

    /* Stale: the number is right, the turn is another. */
    use_connection(connection ^ 2, key, HF_ERROR_STALE);
    use_others(receive ^ 2, message ^ 2, queue ^ 2, memory ^ 2, HF_ERROR_STALE);
    use_endpoint(endpoint ^ 2, HF_ERROR_STALE);
    OK(hf_connection_state_get(connection ^ 2, &state));
    REQUIRE(state == HF_STATE_CLOSED);
    OK(hf_memory_is_in_use(memory ^ 2, &answer));
    REQUIRE(!answer);
    EXPECT(HF_ERROR_STALE, hf_receive(endpoint, connection ^ 2, room, 8, NULL, 0, 0, 0, &accepted));
    EXPECT(HF_ERROR_STALE, hf_queue_add(queue, receive ^ 2, 0));

    /* The good ones still are. */
    OK(hf_request_cancel(receive, &answer));
    REQUIRE(answer);
    EXPECT(HF_ERROR_CANCELLED, hf_wait(receive, SOON, NULL));
    OK(hf_message_drop(message));
    OK(hf_queue_destroy(queue));
    OK(hf_memory_deregister(memory));
    OK(hf_endpoint_destroy(endpoint));

    /* Of an endpoint that is gone, and with others in its place. */
    for (int round = 0; round < 2; round++) {
        hf_connection its;
        hf_endpoint next = round == 0 ? HF_NONE : make_loop(NULL, &its);
        use_endpoint(endpoint, HF_ERROR_STALE);
        use_connection(connection, key, HF_ERROR_STALE);
        use_others(receive, message, queue, memory, HF_ERROR_STALE);
        EXPECT(HF_ERROR_STALE, hf_queue_add(queue, receive, 0));
        OK(hf_connection_state_get(connection, &state));
        REQUIRE(state == HF_STATE_CLOSED);
        if (next != HF_NONE) leave(next);
    }
}

void test_wrong_arguments(void) {
    hf_connection connection, foreign_connection;
    hf_endpoint endpoint = make_loop(NULL, &connection), foreign = make_loop(NULL, &foreign_connection);
    hf_queue queue, foreign_queue;
    hf_memory memory;
    hf_request request, list[3];
    hf_message message;
    uint8_t key[HF_KEY_BYTE_COUNT];
    char text[8] = "";
    uint64_t number;
    uint32_t count;
    bool answer;
    struct iovec pieces[17];
    const void *payload;
    any_struct shorter = sized(8), odd = sized(sizeof(any_struct) + 4);
    hf_completion completion = hf_completion_init();
    hf_message_info info = hf_message_info_init();
    hf_options options = hf_options_init();
    hf_connect_options how = hf_connect_options_init();

    OK(hf_queue_create(endpoint, &queue));
    OK(hf_queue_create(foreign, &foreign_queue));
    OK(hf_memory_register(endpoint, text, sizeof text, HF_ALLOW_GET | HF_ALLOW_PUT | HF_ALLOW_ATOMIC, &memory));
    OK(hf_memory_key(memory, key));
    memset(pieces, 0, sizeof pieces);

    /* NULL for results, texts, and bytes of which there are some. */
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(NULL, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_address(endpoint, NULL, 1, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_is_closed(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_fd(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_arm(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_accept(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_take_event(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_transport(endpoint, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_setting(endpoint, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_setting_named(endpoint, NULL, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_setting_named(endpoint, "HANDFAST_NAME", NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, NULL, NULL, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1", NULL, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_state_get(connection, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_error(connection, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_decision(connection, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_send(connection, text, 1, NULL, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_send(connection, NULL, 1, NULL, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send(connection, text, 1, NULL, 1, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send_tag(connection, NULL, 1, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send_tag(connection, text, 1, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_send_pieces(connection, NULL, 1, NULL, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send_pieces(connection, pieces, 1, NULL, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_send_pieces(connection, pieces, 17, NULL, 0, &request));
    pieces[0].iov_len = 1;
    EXPECT(HF_ERROR_ARGUMENT, hf_send_pieces(connection, pieces, 1, NULL, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send_copy(connection, NULL, 1, NULL, 0));
    EXPECT(HF_ERROR_ARGUMENT, hf_receive(endpoint, HF_NONE, NULL, 1, NULL, 0, 0, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_receive(endpoint, HF_NONE, text, 1, NULL, 1, 0, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_receive(endpoint, HF_NONE, text, 1, NULL, 0, 0, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_receive_where(endpoint, HF_NONE, text, 1, NULL, 0, NULL, NULL, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_receive_where(endpoint, HF_NONE, text, 1, NULL, 0, never, NULL, NULL));
    EXPECT(HF_ERROR_HANDLE, hf_receive_where(HF_NONE, HF_NONE, text, 1, NULL, 0, never, NULL, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe(endpoint, HF_NONE, 0, 0, 0, NULL, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_message(endpoint, HF_NONE, 0, 0, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe_where(endpoint, HF_NONE, NULL, NULL, 0, NULL, 0, &info));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe_where(endpoint, HF_NONE, never, NULL, 0, NULL, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe_where(endpoint, HF_NONE, never, NULL, 0, NULL, 1, &info));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_message_where(endpoint, HF_NONE, NULL, NULL, 0, &message));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_message_where(endpoint, HF_NONE, never, NULL, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_next_connection(endpoint, HF_NONE, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_pending(endpoint, NULL, 1, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_is_local(connection, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_context(connection, NULL));
    OK(hf_send_copy(connection, "abc", 3, NULL, 0));
    OK(hf_take_message(endpoint, connection, 0, 0, SOON, &message));
    EXPECT(HF_ERROR_ARGUMENT, hf_message_payload(message, NULL, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_message_payload(message, &payload, NULL));
    OK(hf_message_drop(message));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_any(NULL, 1, 0, &count, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_any(list, 1, 0, NULL, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_all(NULL, 1, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_create(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_poll(queue, NULL, 1, &count));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_poll(queue, &completion, 1, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_open_count(queue, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_register(endpoint, NULL, 8, HF_ALLOW_GET, &memory));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_register(endpoint, text, 8, HF_ALLOW_GET, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_register(endpoint, text, 8, 8, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_register(endpoint, text, UINT64_MAX, HF_ALLOW_GET, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_allocate(endpoint, 8, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_free(endpoint, text));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_key(memory, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_memory_is_in_use(memory, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_put(connection, text, 1, NULL, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_put(connection, NULL, 1, key, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_put(connection, text, 1, key, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_put(connection, text, 1, no_key, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_put(connection, text, 1, key, UINT64_MAX, &request));
    REQUIRE(strstr(hf_error_text(), "18446744073709551615") != NULL);
    EXPECT(HF_ERROR_ARGUMENT, hf_put_notify(connection, NULL, 1, key, 0, 1, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_get(connection, NULL, 1, key, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_get(connection, text, 9, key, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_fetch_add(connection, key, 0, 3, 1, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_swap(connection, key, 0, 16, 1, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_compare_swap(connection, key, 8, 8, 1, 2, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_flush(connection, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_flush(endpoint, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_notification(endpoint, NULL));

    /* Structs that are too short, or of a size that none can have. */
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&shorter.options, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&odd.options, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1", &shorter.connect_options, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_take_event(endpoint, &shorter.event));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_transport(endpoint, 0, &shorter.transport_info));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_setting(endpoint, 0, &shorter.setting_info));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_setting_named(endpoint, "HANDFAST_NAME", &odd.setting_info));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_error(connection, &shorter.error));
    EXPECT(HF_ERROR_ARGUMENT, hf_connection_decision(connection, 0, &shorter.decision));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe(endpoint, HF_NONE, 0, 0, 0, NULL, 0, &shorter.message_info));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_notification(endpoint, &shorter.notification));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_poll(queue, &shorter.completion, 1, &count));
    OK(hf_send(connection, text, 1, NULL, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_request_test(request, &odd.completion));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait(request, 0, &shorter.completion));
    list[0] = request;
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_any(list, 1, 0, &count, &shorter.completion));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_all(list, 1, 0, &shorter.completion));
    OK(hf_wait_all(list, 1, SOON, NULL));

    /* Options. */
    options.thread_mode = 2;
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&options, &number));
    options = hf_options_init();
    options.log_level = 7;
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&options, &number));
    options = hf_options_init();
    options.reserved = 1;
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&options, &number));
    options = hf_options_init();
    options.setting_count = 1;
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&options, &number));
    options = hf_options_init();
    options.name = "two\nlines";
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&options, &number));
    options.name = "rank\xff";
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&options, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1@rank\xff", NULL, &number));
    how.mode = 2;
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1", &how, &number));
    how.mode = HF_CONNECT_ON_DEMAND;
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1", &how, &number));
    how.transports = "tcp";
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1@peer", &how, &number));
    how.mode = HF_CONNECT_DIRECT;
    how.transports = "nosuch";
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "127.0.0.1:1", &how, &number));
    REQUIRE(strstr(hf_error_text(), "nosuch") != NULL);
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "nonsense", NULL, &number));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_listen(endpoint, "not an address", 0));

    /* What is another endpoint's. */
    EXPECT(HF_ERROR_ARGUMENT, hf_receive(endpoint, foreign_connection, text, 1, NULL, 0, 0, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe(endpoint, foreign_connection, 0, 0, 0, NULL, 0, &info));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_message(endpoint, foreign_connection, 0, 0, 0, &message));
    EXPECT(HF_ERROR_ARGUMENT, hf_probe_where(endpoint, foreign_connection, never, NULL, 0, NULL, 0, &info));
    EXPECT(HF_ERROR_ARGUMENT, hf_take_message_where(endpoint, foreign_connection, never, NULL, 0, &message));
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_next_connection(endpoint, foreign_connection, &number));
    OK(hf_receive(endpoint, connection, text, 1, NULL, 0, 1, UINT64_MAX, &list[0]));
    OK(hf_receive(foreign, HF_NONE, text, 1, NULL, 0, 1, UINT64_MAX, &list[1]));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_add(foreign_queue, list[0], 0));
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_any(list, 2, 0, &count, NULL));
    REQUIRE(count == HF_NO_INDEX);
    EXPECT(HF_ERROR_ARGUMENT, hf_wait_all(list, 2, 0, NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_put(foreign_connection, text, 1, key, 0, &request));

    /* What is in a queue is to be had there alone. */
    OK(hf_queue_add(queue, list[0], 0));
    EXPECT(HF_ERROR_ARGUMENT, hf_queue_add(queue, list[0], 0));
    EXPECT(HF_ERROR_ARGUMENT, hf_request_release(list[0]));
    EXPECT(HF_ERROR_ARGUMENT, hf_request_test(list[0], NULL));
    OK(hf_request_cancel(list[0], &answer));
    REQUIRE(answer);
    leave(foreign);
    leave(endpoint);
}
