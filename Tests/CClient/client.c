/* Calls every function of handfast.h, right and wrong. Prints a line for each part; ends with 1 at the first that fails. */
#include "client.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void fail(const char *file, int line, const char *what, const char *came, const char *why) {
    fprintf(stderr, "%s:%d: process %d: %s: %s: %s\n", file, line, (int)getpid(), what, came, why);
    exit(1);
}

hf_endpoint make_endpoint(const char *name, hf_thread_mode mode) {
    hf_options options = hf_options_init();
    hf_endpoint endpoint = HF_NONE;
    options.name = name;
    options.thread_mode = mode;
    OK(hf_endpoint_create(&options, &endpoint));
    return endpoint;
}

hf_endpoint make_loop(const hf_options *options, hf_connection *connection) {
    char address[512];
    hf_connect_options on_demand = hf_connect_options_init();
    hf_endpoint endpoint;
    OK(hf_endpoint_create(options, &endpoint));
    OK(hf_endpoint_listen(endpoint, "127.0.0.1", 0));
    OK(hf_endpoint_address(endpoint, address, sizeof address, NULL));
    on_demand.mode = HF_CONNECT_ON_DEMAND;
    OK(hf_connect(endpoint, address, &on_demand, connection));
    /* The first message connects. */
    OK(hf_send_copy(*connection, NULL, 0, "loop", 4));
    expect_message(endpoint, *connection, UINT64_C(0x706f6f6c), 0, 0);
    return endpoint;
}

void leave(hf_endpoint endpoint) {
    bool is_closed = false;
    OK(hf_endpoint_close(endpoint));
    while (!is_closed) {
        OK(hf_progress(endpoint, NULL));
        OK(hf_endpoint_is_closed(endpoint, &is_closed));
    }
    OK(hf_endpoint_destroy(endpoint));
}

void fill(unsigned char *bytes, uint64_t length, unsigned seed) {
    for (uint64_t index = 0; index < length; index++) bytes[index] = (unsigned char)(seed * 31u + index * 7u + (index >> 8));
}

void expect_message(hf_endpoint endpoint, hf_connection from, uint64_t tag, uint64_t length, unsigned seed) {
    hf_completion completion = hf_completion_init();
    hf_request request;
    unsigned char *bytes = malloc(length + 1), *expected = malloc(length + 1);
    REQUIRE(bytes != NULL && expected != NULL);
    OK(hf_receive(endpoint, from, bytes, length, NULL, 0, tag, UINT64_MAX, &request));
    OK(hf_wait(request, SOON, &completion));
    fill(expected, length, seed);
    REQUIRE(completion.byte_count == length && memcmp(bytes, expected, length) == 0);
    free(bytes);
    free(expected);
}

static void run_second(side work, int to_first, hf_thread_mode mode) {
    char address[512];
    hf_endpoint endpoint = make_endpoint("second", mode);
    hf_connection connection = HF_NONE;
    OK(hf_endpoint_listen(endpoint, "127.0.0.1", 0));
    OK(hf_endpoint_address(endpoint, address, sizeof address, NULL));
    REQUIRE(write(to_first, address, strlen(address) + 1) > 0);
    while (hf_accept(endpoint, &connection) == HF_NOT_READY) OK(hf_progress(endpoint, NULL));
    OK(hf_connection_wait(connection, SOON));
    work(endpoint, connection);
    leave(endpoint);
}

static void run_first(side work, int from_second, hf_thread_mode mode) {
    char address[512];
    hf_endpoint endpoint = make_endpoint("first", mode);
    hf_connection connection = HF_NONE;
    REQUIRE(read(from_second, address, sizeof address) > 0);
    OK(hf_connect(endpoint, address, NULL, &connection));
    OK(hf_connection_wait(connection, SOON));
    work(endpoint, connection);
    leave(endpoint);
}

void run_pair(side first, side second, hf_thread_mode mode) {
    int ends[2], status = 0;
    pid_t child;
    REQUIRE(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(120); /* No parent, no child. */
        run_second(second, ends[1], mode);
        exit(0);
    }
    close(ends[1]);
    run_first(first, ends[0], mode);
    close(ends[0]);
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"words", test_words},
    {"process", test_process},
    {"wrong arguments", test_wrong_arguments},
    {"wrong handles", test_wrong_handles},
    {"endpoints", test_endpoints},
    {"messages", test_messages},
    {"requests", test_requests},
    {"queues", test_queues},
    {"peer memory", test_peer_memory},
    {"connections", test_connections},
    {"callbacks", test_callbacks},
    {"threads", test_threads},
    {"fork", test_fork},
    {"loop", test_loop},
};

int main(int count, char **names) {
    alarm(300);
    for (size_t index = 0; index < sizeof parts / sizeof parts[0]; index++) {
        if (count > 1 && strcmp(names[1], parts[index].name) != 0) continue;
        parts[index].run();
        printf("%s: ok\n", parts[index].name);
        fflush(stdout);
    }
    return 0;
}
