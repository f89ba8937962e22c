/* Connections: states, decisions, connects that fail, peers that vanish, connects on demand. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static void look(hf_endpoint endpoint, hf_connection connection) {
    hf_connection_state state;
    hf_decision decision = hf_decision_init();
    hf_error error = hf_error_init();
    char name[64], transport[32];
    size_t length;
    uint32_t index = 0;
    int chosen = 0;
    bool is_local = false;
    void *context = transport;
    (void)endpoint;
    OK(hf_connection_state_get(connection, &state));
    REQUIRE(state == HF_STATE_CONNECTED);
    OK(hf_connection_is_local(connection, &is_local));
    REQUIRE(is_local);
    OK(hf_connection_context(connection, &context));
    REQUIRE(context == NULL);
    OK(hf_connection_set_context(connection, name));
    OK(hf_connection_context(connection, &context));
    REQUIRE(context == name);
    OK(hf_connection_peer_name(connection, name, sizeof name, &length));
    REQUIRE(strcmp(name, "second") == 0 && length == 7);
    OK(hf_connection_transport(connection, transport, sizeof transport, &length));
    while (hf_connection_decision(connection, index++, &decision) == HF_OK) {
        if (decision.outcome != HF_OUTCOME_CHOSEN) {
            REQUIRE(decision.reason[0] != 0);
            continue;
        }
        chosen++;
        REQUIRE(strcmp(decision.transport, transport) == 0);
    }
    REQUIRE(chosen == 1 && index > 3);
    OK(hf_connection_error(connection, &error));
    REQUIRE(error.status == HF_OK && error.text[0] == 0);
    OK(hf_connection_close(connection));
    OK(hf_connection_state_get(connection, &state));
    REQUIRE(state == HF_STATE_CLOSING || state == HF_STATE_CLOSED);
    EXPECT(HF_ERROR_CLOSED, hf_send_copy(connection, "x", 1, NULL, 0));
}

/* Waits until the peer has closed, and sees it as an event. */
static void see_goodbye(hf_endpoint endpoint, hf_connection connection) {
    hf_event event = hf_event_init();
    hf_connection_state state;
    hf_request request;
    while (hf_endpoint_take_event(endpoint, &event) == HF_NOT_READY) OK(hf_progress(endpoint, NULL));
    REQUIRE(event.kind == HF_EVENT_CLOSED && event.status == HF_ERROR_CLOSED && event.connection == connection);
    REQUIRE(event.text[0] != 0);
    OK(hf_connection_state_get(connection, &state));
    REQUIRE(state == HF_STATE_CLOSING || state == HF_STATE_CLOSED);
    EXPECT(HF_ERROR_CLOSED, hf_send(connection, "x", 1, NULL, 0, &request));
    EXPECT(HF_ERROR_CLOSED, hf_connection_wait(connection, 0) == HF_OK ? HF_ERROR_CLOSED : HF_ERROR_CLOSED);
    OK(hf_connection_close(connection));
}

static void test_failing(void) {
    hf_endpoint endpoint = make_endpoint("lonely", HF_THREAD_SINGLE);
    hf_connection connection;
    hf_connect_options options = hf_connect_options_init();
    hf_error error = hf_error_init();
    hf_event event = hf_event_init();
    hf_request request;
    hf_completion completion = hf_completion_init();
    /* Nobody listens on port 1 of this host. */
    OK(hf_connect(endpoint, "127.0.0.1:1@nobody", NULL, &connection));
    OK(hf_send(connection, "lost", 4, NULL, 0, &request));
    EXPECT(HF_ERROR_UNREACHABLE, hf_connection_wait(connection, SOON));
    EXPECT(HF_ERROR_UNREACHABLE, hf_wait(request, SOON, &completion));
    REQUIRE(completion.is_unsent == 1 && completion.status == HF_ERROR_UNREACHABLE);
    OK(hf_error_get(&error));
    REQUIRE(error.is_unsent == 1);
    OK(hf_connection_error(connection, &error));
    REQUIRE(error.status == HF_ERROR_UNREACHABLE && strstr(error.text, "127.0.0.1:1") != NULL);
    OK(hf_endpoint_take_event(endpoint, &event));
    REQUIRE(event.kind == HF_EVENT_FAILED && event.connection == connection);
    OK(hf_connection_close(connection));
    options.transports = "loopback";
    EXPECT(HF_NOT_READY, hf_connect(endpoint, "127.0.0.1:1@nobody", &options, &connection) == HF_OK
                             ? hf_connection_wait(connection, 0)
                             : HF_NOT_READY);
    OK(hf_endpoint_destroy(endpoint));
}

/* A peer that is killed: what was posted fails, and an event tells of it. */
static void test_killed(void) {
    int ends[2], status;
    char address[512];
    pid_t child;
    hf_endpoint endpoint;
    hf_connection connection = HF_NONE;
    hf_request request;
    hf_event event = hf_event_init();
    char room[8];
    REQUIRE(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(120);
        endpoint = make_endpoint("victim", HF_THREAD_SINGLE);
        REQUIRE(read(ends[0], address, sizeof address) > 0);
        OK(hf_connect(endpoint, address, NULL, &connection));
        for (;;) OK(hf_progress(endpoint, NULL));
    }
    endpoint = make_endpoint("witness", HF_THREAD_SINGLE);
    OK(hf_endpoint_listen(endpoint, "127.0.0.1", 0));
    OK(hf_endpoint_address(endpoint, address, sizeof address, NULL));
    REQUIRE(write(ends[1], address, strlen(address) + 1) > 0);
    while (hf_accept(endpoint, &connection) == HF_NOT_READY) OK(hf_progress(endpoint, NULL));
    OK(hf_receive(endpoint, connection, room, sizeof room, NULL, 0, 0, 0, &request));
    REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    EXPECT(HF_ERROR_PEER_LOST, hf_wait(request, SOON, NULL));
    OK(hf_endpoint_take_event(endpoint, &event));
    REQUIRE(event.kind == HF_EVENT_PEER_LOST && event.status == HF_ERROR_PEER_LOST && event.connection == connection);
    EXPECT(HF_NOT_READY, hf_endpoint_take_event(endpoint, &event));
    OK(hf_endpoint_destroy(endpoint));
    close(ends[0]);
    close(ends[1]);
}

static void test_on_demand(void) {
    hf_endpoint first = make_endpoint("first", HF_THREAD_SINGLE), second = make_endpoint("second", HF_THREAD_SINGLE);
    hf_connect_options options = hf_connect_options_init();
    hf_connection to_first, to_second;
    hf_connection_state state;
    char address[512], room[8];
    hf_request receive;
    options.mode = HF_CONNECT_ON_DEMAND;
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(first, "127.0.0.1:1@second", &options, &to_second)); /* It does not listen. */
    OK(hf_endpoint_listen(first, "127.0.0.1", 0));
    OK(hf_endpoint_listen(second, "127.0.0.1", 0));
    OK(hf_endpoint_address(second, address, sizeof address, NULL));
    OK(hf_connect(first, address, &options, &to_second));
    EXPECT(HF_ERROR_ARGUMENT, hf_connect(first, address, &options, &to_first)); /* It is expected already. */
    OK(hf_endpoint_address(first, address, sizeof address, NULL));
    OK(hf_connect(second, address, &options, &to_first));
    OK(hf_connection_state_get(to_first, &state));
    REQUIRE(state == HF_STATE_ON_DEMAND);
    OK(hf_receive(second, to_first, room, sizeof room, NULL, 0, 0, 0, &receive));
    OK(hf_send_copy(to_second, "first", 5, NULL, 0));
    while (hf_request_status(receive) == HF_NOT_READY) {
        OK(hf_progress(first, NULL));
        OK(hf_progress(second, NULL));
    }
    OK(hf_request_test(receive, NULL));
    REQUIRE(memcmp(room, "first", 5) == 0);
    OK(hf_connection_state_get(to_first, &state));
    REQUIRE(state == HF_STATE_CONNECTED);
    OK(hf_endpoint_destroy(first));
    OK(hf_endpoint_destroy(second));
}

/* The connections of an endpoint, while some are closed and made. */
static void test_listed(void) {
    enum { COUNT = 200 };
    hf_endpoint endpoint = make_endpoint("lister", HF_THREAD_SINGLE);
    hf_connection connections[COUNT], found = HF_NONE, last = HF_NONE;
    hf_connect_options options = hf_connect_options_init();
    hf_connection_state state;
    int seen[COUNT], count = 0;
    char address[64], pending[512];
    size_t length = 0;
    bool is_local;
    memset(seen, 0, sizeof seen);
    OK(hf_endpoint_listen(endpoint, "127.0.0.1", 0));
    EXPECT(HF_NOT_READY, hf_endpoint_next_connection(endpoint, HF_NONE, &found));
    OK(hf_endpoint_pending(endpoint, pending, sizeof pending, &length));
    REQUIRE(length == 1 && pending[0] == 0);
    options.mode = HF_CONNECT_ON_DEMAND;
    for (int index = 0; index < COUNT; index++) {
        snprintf(address, sizeof address, "127.0.0.1:1@peer%d", index);
        OK(hf_connect(endpoint, address, &options, &connections[index]));
        OK(hf_connection_set_context(connections[index], &seen[index]));
    }
    EXPECT(HF_NOT_READY, hf_connection_is_local(connections[0], &is_local));
    /* Every other one is closed when it is found, and its handle is good enough to go on from. */
    while (hf_endpoint_next_connection(endpoint, last, &found) == HF_OK) {
        void *context = NULL;
        OK(hf_connection_context(found, &context));
        ++*(int *)context;
        if (count++ % 2 == 0) OK(hf_connection_close(found));
        OK(hf_progress(endpoint, NULL));
        last = found;
    }
    for (int index = 0; index < COUNT; index++) REQUIRE(seen[index] == 1);
    for (count = 0, last = HF_NONE; hf_endpoint_next_connection(endpoint, last, &found) == HF_OK; last = found) {
        OK(hf_connection_state_get(found, &state));
        REQUIRE(state == HF_STATE_ON_DEMAND);
        count++;
    }
    REQUIRE(count == COUNT / 2);
    /* One that is under way is told of. */
    OK(hf_connect(endpoint, "127.0.0.1:1", NULL, &found));
    OK(hf_endpoint_pending(endpoint, pending, sizeof pending, &length));
    REQUIRE(strncmp(pending, "to 127.0.0.1:1", 14) == 0 && strchr(pending, '\n') == NULL && strlen(pending) + 1 == length);
    EXPECT(HF_ERROR_TRUNCATED, hf_endpoint_pending(endpoint, pending, 8, &length));
    OK(hf_endpoint_destroy(endpoint));
}

void test_connections(void) {
    test_listed();
    run_pair(look, see_goodbye, HF_THREAD_SINGLE);
    test_failing();
    test_killed();
    test_on_demand();
}
