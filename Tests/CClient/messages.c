/* Messages between two processes, by every way to send and to receive. */
#include <string.h>

#include "client.h"

static const uint64_t lengths[] = {0, 1, 8, 1000, 4096, 70000, 3000000};
enum { LENGTH_COUNT = sizeof lengths / sizeof lengths[0] };

static void wait_for(hf_request request) {
    OK(hf_wait(request, SOON, NULL));
}

static void send_all(hf_endpoint endpoint, hf_connection connection) {
    static unsigned char bytes[3000000], more[100];
    struct iovec pieces[HF_MAXIMUM_PIECE_COUNT];
    hf_request request;
    unsigned char header[HF_MAXIMUM_HEADER_BYTE_COUNT + 1];
    (void)endpoint;
    for (int index = 0; index < LENGTH_COUNT; index++) {
        fill(bytes, lengths[index], (unsigned)index);
        OK(hf_send_tag(connection, bytes, lengths[index], (uint64_t)index, &request));
        wait_for(request);
    }
    fill(header, sizeof header, 3);
    OK(hf_send(connection, "payload", 7, header, HF_MAXIMUM_HEADER_BYTE_COUNT, &request));
    wait_for(request);
    EXPECT(HF_ERROR_ARGUMENT, hf_send(connection, "payload", 7, header, sizeof header, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send(connection, bytes, UINT64_C(1) << 40, NULL, 0, &request));
    EXPECT(HF_ERROR_ARGUMENT, hf_send(connection, bytes, UINT64_MAX, NULL, 0, &request));
    /* Pieces, some of them empty. */
    fill(more, sizeof more, 9);
    for (int index = 0; index < HF_MAXIMUM_PIECE_COUNT; index++) {
        pieces[index].iov_base = index % 4 == 3 ? NULL : more + index * 5;
        pieces[index].iov_len = index % 4 == 3 ? 0 : 5;
    }
    OK(hf_send_pieces(connection, pieces, HF_MAXIMUM_PIECE_COUNT, "pieces", 6, &request));
    wait_for(request);
    OK(hf_send_pieces(connection, NULL, 0, "none", 4, &request));
    wait_for(request);
    for (int index = 0; index < 3; index++) {
        char copy[16];
        snprintf(copy, sizeof copy, "copy %d", index);
        OK(hf_send_copy(connection, copy, strlen(copy), "c", 1));
    }
    EXPECT(HF_ERROR_ARGUMENT, hf_send_copy(connection, bytes, HF_MAXIMUM_COPY_BYTE_COUNT + 1, NULL, 0));
    OK(hf_send_tag(connection, "longer than its room", 20, 50, &request));
    wait_for(request);
    for (uint64_t tag = 60; tag < 64; tag++) {
        OK(hf_send_tag(connection, &tag, sizeof tag, tag, &request));
        wait_for(request);
    }
    OK(hf_send_tag(connection, bytes, lengths[LENGTH_COUNT - 1], 70, &request));
    wait_for(request);
}

static void receive_all(hf_endpoint endpoint, hf_connection connection) {
    static unsigned char header[70000], expected[70000];
    unsigned char room[128], *large = malloc(3000000);
    hf_completion completion = hf_completion_init();
    hf_message_info info = hf_message_info_init();
    hf_message message;
    hf_request request;
    uint64_t word = 0;
    const void *payload;
    REQUIRE(large != NULL);
    for (int index = 0; index < LENGTH_COUNT; index++)
        expect_message(
            endpoint, index % 2 == 0 ? connection : HF_NONE, (uint64_t)index, lengths[index], (unsigned)index);
    OK(hf_receive(endpoint, connection, room, sizeof room, header, sizeof header, 0, 0, &request));
    OK(hf_wait(request, SOON, &completion));
    fill(expected, HF_MAXIMUM_HEADER_BYTE_COUNT, 3);
    REQUIRE(completion.byte_count == 7 && completion.header_byte_count == HF_MAXIMUM_HEADER_BYTE_COUNT);
    REQUIRE(completion.connection == connection && memcmp(header, expected, HF_MAXIMUM_HEADER_BYTE_COUNT) == 0);

    OK(hf_receive(endpoint, connection, room, sizeof room, header, 6, 0, 0, &request));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(completion.byte_count == 60 && memcmp(header, "pieces", 6) == 0);
    fill(expected, 100, 9);
    REQUIRE(memcmp(room, expected, 15) == 0 && memcmp(room + 15, expected + 20, 15) == 0);
    OK(hf_receive(endpoint, connection, NULL, 0, header, 4, 0, 0, &request));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(completion.byte_count == 0 && memcmp(header, "none", 4) == 0);
    for (int index = 0; index < 3; index++) {
        char copy[16];
        snprintf(copy, sizeof copy, "copy %d", index);
        OK(hf_receive(endpoint, connection, room, sizeof room, NULL, 0, 'c', UINT64_MAX, &request));
        OK(hf_wait(request, SOON, &completion));
        REQUIRE(completion.byte_count == strlen(copy) && memcmp(room, copy, strlen(copy)) == 0);
    }
    OK(hf_receive(endpoint, connection, room, 6, NULL, 0, 50, UINT64_MAX, &request));
    EXPECT(HF_ERROR_TRUNCATED, hf_wait(request, SOON, &completion));
    REQUIRE(completion.status == HF_ERROR_TRUNCATED && completion.byte_count == 20 && memcmp(room, "longer", 6) == 0);
    REQUIRE(completion.connection == connection && strstr(hf_error_text(), "20 bytes") != NULL);

    /* Look, take, look again, drop, receive; the mask leaves out the lowest bit. */
    OK(hf_probe(endpoint, connection, 63, UINT64_MAX, SOON, header, 8, &info));
    REQUIRE(info.tag == 63 && info.byte_count == 8 && info.header_byte_count == 8 && info.connection == connection);
    REQUIRE(header[0] == 63);
    EXPECT(HF_NOT_READY, hf_probe(endpoint, HF_NONE, 64, UINT64_MAX, 0, NULL, 0, &info));
    EXPECT(HF_NOT_READY, hf_take_message(endpoint, HF_NONE, 64, UINT64_MAX, SECOND / 100, &message));
    OK(hf_take_message(endpoint, HF_NONE, 62, ~UINT64_C(1), SOON, &message));
    OK(hf_message_look(message, header, 8, &info));
    REQUIRE(info.tag == 62 && header[0] == 62 && info.is_whole == 1);
    OK(hf_message_receive(message, &word, sizeof word, header, 8, &request));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(word == 62 && completion.connection == connection);
    EXPECT(HF_ERROR_STALE, hf_message_drop(message));
    OK(hf_take_message(endpoint, connection, 62, ~UINT64_C(1), SOON, &message));
    OK(hf_message_drop(message));
    EXPECT(HF_ERROR_STALE, hf_message_receive(message, &word, sizeof word, NULL, 0, &request));
    EXPECT(HF_ERROR_STALE, hf_message_look(message, NULL, 0, &info));
    EXPECT(HF_NOT_READY, hf_probe(endpoint, HF_NONE, 62, ~UINT64_C(1), 0, NULL, 0, &info));
    OK(hf_receive(endpoint, HF_NONE, &word, sizeof word, NULL, 0, 60, ~UINT64_C(1), &request));
    wait_for(request);
    OK(hf_receive(endpoint, HF_NONE, &word, sizeof word, NULL, 0, 60, ~UINT64_C(1), &request));
    wait_for(request);
    REQUIRE(word == 61);
    /* One that its sender keeps until it is received. */
    OK(hf_take_message(endpoint, connection, 70, UINT64_MAX, SOON, &message));
    EXPECT(HF_NOT_READY, hf_message_payload(message, &payload, &word));
    OK(hf_message_receive(message, large, 3000000, NULL, 0, &request));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(completion.byte_count == 3000000);
    free(large);
}

void test_messages(void) {
    static const char *const transports[] = {"shm", "tcp"};
    for (int index = 0; index < 2; index++) {
        REQUIRE(setenv("HANDFAST_TRANSPORTS", transports[index], 1) == 0);
        run_pair(send_all, receive_all, HF_THREAD_SINGLE);
        run_pair(receive_all, send_all, HF_THREAD_MULTIPLE);
    }
    REQUIRE(unsetenv("HANDFAST_TRANSPORTS") == 0);
}
