/* What the parts of the C client share: expectations that end the program, and a pair of processes. */
#ifndef CLIENT_H
#define CLIENT_H

#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)
/* For what must come. */
#define SOON (30 * SECOND)

void fail(const char *file, int line, const char *what, const char *came, const char *why);

/* That a call comes to a certain status. */
#define EXPECT(status, call)                                                                         \
    do {                                                                                             \
        hf_status came_ = (call);                                                                    \
        if (came_ != (status)) fail(__FILE__, __LINE__, #call, hf_status_text(came_), hf_error_text()); \
    } while (0)
#define OK(call) EXPECT(HF_OK, call)
#define REQUIRE(condition)                                                        \
    do {                                                                          \
        if (!(condition)) fail(__FILE__, __LINE__, #condition, "not so", ""); \
    } while (0)

/* One side's work; `connection` is up. */
typedef void (*side)(hf_endpoint endpoint, hf_connection connection);

/* Runs one side here and the other in a second process. The first connects to the second, both close in order when they
 * return. Settings and transports are those of the environment. */
void run_pair(side first, side second, hf_thread_mode mode);

/* An endpoint with a name. */
hf_endpoint make_endpoint(const char *name, hf_thread_mode mode);
/* An endpoint with a connection to itself, which receives what it sends. `options` may be NULL. */
hf_endpoint make_loop(const hf_options *options, hf_connection *connection);
/* Closes in order, and destroys. */
void leave(hf_endpoint endpoint);
/* A receive for a tag of which the payload must be `length` bytes that `fill` wrote with the seed. */
void expect_message(hf_endpoint endpoint, hf_connection from, uint64_t tag, uint64_t length, unsigned seed);
void fill(unsigned char *bytes, uint64_t length, unsigned seed);

/* The parts, in the order in which they run. */
void test_words(void);
void test_process(void);
void test_wrong_arguments(void);
void test_wrong_handles(void);
void test_endpoints(void);
void test_messages(void);
void test_requests(void);
void test_queues(void);
void test_peer_memory(void);
void test_connections(void);
void test_callbacks(void);
void test_threads(void);
void test_fork(void);
void test_loop(void);

#endif
