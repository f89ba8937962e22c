/* An epoll loop of the program's own, which sleeps on an endpoint and other descriptors: no arrival may be slept over.
 * CLIENT_LOOP_ROUNDS (2000) is how often the two sides wake each other, over each transport. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

typedef struct loop {
    hf_endpoint endpoint;
    int epoll, endpoint_fd;
} loop;

static long round_count(void) {
    const char *text = getenv("CLIENT_LOOP_ROUNDS");
    return text == NULL ? 2000 : atol(text);
}

static loop make_watch(hf_endpoint endpoint, int other) {
    loop made = {endpoint, epoll_create1(EPOLL_CLOEXEC), -1};
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    REQUIRE(made.epoll >= 0);
    OK(hf_endpoint_fd(endpoint, &made.endpoint_fd));
    event.data.fd = made.endpoint_fd;
    REQUIRE(epoll_ctl(made.epoll, EPOLL_CTL_ADD, made.endpoint_fd, &event) == 0);
    event.data.fd = other;
    REQUIRE(epoll_ctl(made.epoll, EPOLL_CTL_ADD, other, &event) == 0);
    return made;
}

/* One turn: sleeps unless there is something to do now. Returns 1 when the other descriptor is readable. */
static int turn(loop *mine, int other) {
    struct epoll_event events[2];
    int milliseconds = 0, count, is_other = 0;
    hf_status status = hf_endpoint_arm(mine->endpoint, &milliseconds);
    if (status == HF_OK) {
        /* What is slept over would only be seen now. */
        if (milliseconds < 0 || milliseconds > 30000) milliseconds = 30000;
        count = epoll_wait(mine->epoll, events, 2, milliseconds);
        REQUIRE(count > 0 || milliseconds < 30000 || errno == EINTR);
        for (int index = 0; index < count; index++) is_other |= events[index].data.fd == other;
    } else {
        EXPECT(HF_NOT_READY, status);
    }
    OK(hf_progress(mine->endpoint, NULL));
    return is_other;
}

/* Sends, then sleeps until the answer has come, by turns over the endpoint and over a pipe to itself. */
static void ask(hf_endpoint endpoint, hf_connection connection) {
    int ends[2];
    char byte;
    loop mine;
    REQUIRE(pipe(ends) == 0);
    mine = make_watch(endpoint, ends[0]);
    for (long round = 0; round < round_count(); round++) {
        hf_request request;
        long answer = -1;
        OK(hf_receive(endpoint, connection, &answer, sizeof answer, NULL, 0, 1, UINT64_MAX, &request));
        OK(hf_send_copy(connection, &round, sizeof round, "\1", 1));
        while (hf_request_status(request) == HF_NOT_READY) REQUIRE(turn(&mine, ends[0]) == 0);
        OK(hf_request_test(request, NULL));
        REQUIRE(answer == round);
        if (round % 16 != 0) continue;
        REQUIRE(write(ends[1], "x", 1) == 1);
        while (!turn(&mine, ends[0])) continue;
        REQUIRE(read(ends[0], &byte, 1) == 1);
    }
    close(mine.epoll);
    close(ends[0]);
    close(ends[1]);
}

static void answer(hf_endpoint endpoint, hf_connection connection) {
    int ends[2];
    loop mine;
    REQUIRE(pipe(ends) == 0);
    mine = make_watch(endpoint, ends[0]);
    for (long round = 0; round < round_count(); round++) {
        hf_request request;
        long question = -1;
        OK(hf_receive(endpoint, connection, &question, sizeof question, NULL, 0, 1, UINT64_MAX, &request));
        while (hf_request_status(request) == HF_NOT_READY) REQUIRE(turn(&mine, ends[0]) == 0);
        OK(hf_request_test(request, NULL));
        OK(hf_send_copy(connection, &question, sizeof question, "\1", 1));
    }
    close(mine.epoll);
    close(ends[0]);
    close(ends[1]);
}

void test_loop(void) {
    static const char *const transports[] = {"shm", "tcp"};
    for (int index = 0; index < 2; index++) {
        REQUIRE(setenv("HANDFAST_TRANSPORTS", transports[index], 1) == 0);
        run_pair(ask, answer, HF_THREAD_SINGLE);
        run_pair(ask, answer, HF_THREAD_MULTIPLE);
    }
    REQUIRE(unsetenv("HANDFAST_TRANSPORTS") == 0);
}
