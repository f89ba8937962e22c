/* HF_THREAD_MULTIPLE: several threads on one endpoint, between two processes and within one. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "client.h"

enum { THREAD_COUNT = 4, ROUND_COUNT = 300 };

typedef struct work {
    hf_endpoint endpoint;
    hf_connection connection;
    uint64_t number;
    int is_first;
    int *waiting; /* how many threads have begun */
} work;

/* Its own messages there and back. Every 50th round sleeps first on one side, so that the other does too. */
static void *play(void *argument) {
    work *mine = argument;
    for (uint64_t round = 0; round < ROUND_COUNT; round++) {
        hf_request request;
        hf_completion completion = hf_completion_init();
        uint64_t sent = round * 1000 + mine->number, got = 0;
        if (mine->is_first) {
            OK(hf_send_tag(mine->connection, &sent, sizeof sent, mine->number, &request));
            OK(hf_wait(request, SOON, NULL));
        }
        OK(hf_receive(mine->endpoint, mine->connection, &got, sizeof got, NULL, 0, mine->number, UINT64_MAX, &request));
        if (mine->number % 2 == 0) {
            OK(hf_wait(request, SOON, &completion));
        } else {
            hf_queue queue;
            uint32_t count = 0;
            OK(hf_queue_create(mine->endpoint, &queue));
            OK(hf_queue_add(queue, request, round));
            OK(hf_queue_wait(queue, SOON));
            OK(hf_queue_poll(queue, &completion, 1, &count));
            REQUIRE(count == 1 && completion.context == round);
            OK(hf_queue_destroy(queue));
        }
        REQUIRE(got == sent && completion.byte_count == sizeof got);
        if (!mine->is_first) {
            OK(hf_send_tag(mine->connection, &sent, sizeof sent, mine->number, &request));
            OK(hf_wait(request, SOON, NULL));
        }
    }
    return NULL;
}

static void play_all(hf_endpoint endpoint, hf_connection connection, int is_first) {
    pthread_t threads[THREAD_COUNT];
    work works[THREAD_COUNT];
    for (int index = 0; index < THREAD_COUNT; index++) {
        works[index] = (work){endpoint, connection, (uint64_t)index + 1, is_first, NULL};
        REQUIRE(pthread_create(&threads[index], NULL, play, &works[index]) == 0);
    }
    for (int index = 0; index < THREAD_COUNT; index++) REQUIRE(pthread_join(threads[index], NULL) == 0);
}

static void play_first(hf_endpoint endpoint, hf_connection connection) { play_all(endpoint, connection, 1); }
static void play_second(hf_endpoint endpoint, hf_connection connection) { play_all(endpoint, connection, 0); }

/* Waits for what never comes. */
static void *wait_for_ever(void *argument) {
    work *mine = argument;
    hf_request request;
    char room[8];
    hf_status status;
    EXPECT(HF_NOT_READY, hf_probe(mine->endpoint, HF_NONE, mine->number, UINT64_MAX, SECOND / 50, NULL, 0,
                             &(hf_message_info){.struct_byte_count = sizeof(hf_message_info)}));
    OK(hf_receive(mine->endpoint, HF_NONE, room, sizeof room, NULL, 0, mine->number, UINT64_MAX, &request));
    status = hf_wait(request, HF_FOREVER, NULL);
    REQUIRE(status == HF_ERROR_STALE);
    return NULL;
}

/* An endpoint is destroyed under those that wait on it, asleep or about to be. */
static void test_destroy(void) {
    pthread_t threads[THREAD_COUNT];
    work works[THREAD_COUNT];
    hf_endpoint endpoint = make_endpoint("doomed", HF_THREAD_MULTIPLE);
    for (int index = 0; index < THREAD_COUNT; index++) {
        works[index] = (work){endpoint, HF_NONE, (uint64_t)index, 0, NULL};
        REQUIRE(pthread_create(&threads[index], NULL, wait_for_ever, &works[index]) == 0);
    }
    /* Until all have posted: each receive is a request that a message can find. */
    for (int index = 0; index < THREAD_COUNT; index++) {
        hf_request request;
        char byte;
        OK(hf_receive(endpoint, HF_NONE, &byte, 1, NULL, 0, 1000, UINT64_MAX, &request));
        EXPECT(HF_NOT_READY, hf_wait(request, SECOND / 20, NULL));
        OK(hf_request_release(request));
    }
    OK(hf_endpoint_destroy(endpoint));
    for (int index = 0; index < THREAD_COUNT; index++) REQUIRE(pthread_join(threads[index], NULL) == 0);
}

/* Begins to wait again and again, each time for what never comes. */
static void *wait_in_short(void *argument) {
    work *mine = argument;
    hf_request request;
    hf_status status = HF_OK;
    char room[8];
    for (uint64_t round = 0; status != HF_ERROR_STALE; round++) {
        status = hf_receive(mine->endpoint, HF_NONE, room, sizeof room, NULL, 0, mine->number, UINT64_MAX, &request);
        if (status == HF_ERROR_STALE) break;
        REQUIRE(status == HF_OK);
        if (round == 1) __atomic_add_fetch(mine->waiting, 1, __ATOMIC_RELAXED);
        status = hf_wait(request, SECOND / 10000, NULL);
        REQUIRE(status == HF_NOT_READY || status == HF_ERROR_STALE);
        if (status == HF_NOT_READY) hf_request_release(request);
    }
    return NULL;
}

/* Threads that begin to wait while an endpoint is being destroyed neither stay in it nor keep it from its end. */
static void test_destroy_beside_short_waits(void) {
    for (int round = 0; round < 200; round++) {
        pthread_t threads[THREAD_COUNT];
        work works[THREAD_COUNT];
        int waiting = 0;
        hf_endpoint endpoint = make_endpoint("doomed", HF_THREAD_MULTIPLE);
        for (int index = 0; index < THREAD_COUNT; index++) {
            works[index] = (work){endpoint, HF_NONE, (uint64_t)index, 0, &waiting};
            REQUIRE(pthread_create(&threads[index], NULL, wait_in_short, &works[index]) == 0);
        }
        while (__atomic_load_n(&waiting, __ATOMIC_RELAXED) < THREAD_COUNT) sched_yield();
        OK(hf_endpoint_destroy(endpoint));
        for (int index = 0; index < THREAD_COUNT; index++) REQUIRE(pthread_join(threads[index], NULL) == 0);
    }
}

static void *tell(void *argument) {
    work *mine = argument;
    for (uint64_t round = 0; round < ROUND_COUNT; round++) {
        hf_request request;
        uint64_t answer = 0;
        /* The other thread sleeps in its wait: only this call can wake it. */
        OK(hf_send_copy(mine->connection, &round, sizeof round, "a", 1));
        OK(hf_receive(mine->endpoint, HF_NONE, &answer, sizeof answer, NULL, 0, 'b', UINT64_MAX, &request));
        OK(hf_wait(request, SOON, NULL));
        REQUIRE(answer == round);
    }
    return NULL;
}

/* Two threads that talk to each other over an endpoint that is connected to itself, and never spin. */
static void test_within(void) {
    hf_setting settings[1] = {{"HANDFAST_SPIN_US", "0"}};
    hf_options options = hf_options_init();
    hf_endpoint endpoint;
    hf_connection connection;
    pthread_t thread;
    work other;
    options.thread_mode = HF_THREAD_MULTIPLE;
    options.settings = settings;
    options.setting_count = 1;
    endpoint = make_loop(&options, &connection);
    other = (work){endpoint, connection, 0, 0, NULL};
    REQUIRE(pthread_create(&thread, NULL, tell, &other) == 0);
    for (uint64_t round = 0; round < ROUND_COUNT; round++) {
        hf_request request;
        uint64_t word = UINT64_MAX;
        OK(hf_receive(endpoint, HF_NONE, &word, sizeof word, NULL, 0, 'a', UINT64_MAX, &request));
        OK(hf_wait(request, SOON, NULL));
        REQUIRE(word == round);
        OK(hf_send_copy(connection, &word, sizeof word, "b", 1));
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    leave(endpoint);
}

void test_threads(void) {
    run_pair(play_first, play_second, HF_THREAD_MULTIPLE);
    REQUIRE(setenv("HANDFAST_SPIN_US", "0", 1) == 0);
    run_pair(play_first, play_second, HF_THREAD_MULTIPLE);
    REQUIRE(setenv("HANDFAST_TRANSPORTS", "tcp", 1) == 0);
    run_pair(play_first, play_second, HF_THREAD_MULTIPLE);
    REQUIRE(unsetenv("HANDFAST_TRANSPORTS") == 0 && unsetenv("HANDFAST_SPIN_US") == 0);
    test_within();
    test_destroy();
    test_destroy_beside_short_waits();
}
