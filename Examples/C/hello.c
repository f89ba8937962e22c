/* Two processes: the parent listens, the child connects and says hello. */
#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t seconds = 1000000000;

/* Ends the program when something went wrong, with the library's own words. */
static void check(hf_status status, const char *what) {
    if (status == HF_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, hf_status_text(status), hf_error_text());
    exit(1);
}

/* Closes in order: what was sent before still arrives. */
static void leave(hf_endpoint endpoint) {
    bool is_closed = false;
    check(hf_endpoint_close(endpoint), "close");
    while (!is_closed) {
        check(hf_progress(endpoint, NULL), "progress");
        check(hf_endpoint_is_closed(endpoint, &is_closed), "is closed");
    }
    check(hf_endpoint_destroy(endpoint), "destroy");
}

static void child(int pipe_end) {
    char address[256] = "", answer[64];
    hf_options options = hf_options_init();
    hf_endpoint endpoint;
    hf_connection connection;
    hf_request request, receive;

    if (read(pipe_end, address, sizeof address - 1) <= 0) exit(1);
    options.name = "rank1";
    check(hf_endpoint_create(&options, &endpoint), "create");
    check(hf_connect(endpoint, address, NULL, &connection), "connect");
    /* What is sent before the connection is up waits for it. */
    check(hf_send_tag(connection, "hello", 5, 7, &request), "send");
    check(hf_wait(request, 10 * seconds, NULL), "wait for the send");
    check(hf_receive(endpoint, connection, answer, sizeof answer, NULL, 0, 8, UINT64_MAX, &receive), "receive");
    check(hf_wait(receive, 10 * seconds, NULL), "wait for the answer");
    leave(endpoint);
}

int main(void) {
    char address[256], text[64], peer[256], transport[32];
    int ends[2];
    hf_options options = hf_options_init();
    hf_completion completion = hf_completion_init();
    hf_endpoint endpoint;
    hf_request request;

    if (pipe(ends) != 0) return 1;
    if (fork() == 0) {
        child(ends[0]);
        return 0;
    }
    options.name = "rank0";
    check(hf_endpoint_create(&options, &endpoint), "create");
    check(hf_endpoint_listen(endpoint, "127.0.0.1", 0), "listen");
    check(hf_endpoint_address(endpoint, address, sizeof address, NULL), "address");
    if (write(ends[1], address, strlen(address)) < 0) return 1;

    /* The next message with the tag 7, from whomever. */
    check(hf_receive(endpoint, HF_NONE, text, sizeof text, NULL, 0, 7, UINT64_MAX, &request), "receive");
    check(hf_wait(request, 10 * seconds, &completion), "wait for the message");
    check(hf_connection_peer_name(completion.connection, peer, sizeof peer, NULL), "peer");
    check(hf_connection_transport(completion.connection, transport, sizeof transport, NULL), "transport");
    printf("received \"%.*s\" from %s over %s\n", (int)completion.byte_count, text, peer, transport);
    check(hf_send_tag(completion.connection, "welcome", 7, 8, &request), "answer");
    check(hf_wait(request, 10 * seconds, NULL), "wait for the answer");
    leave(endpoint);
    return wait(NULL) < 0;
}
