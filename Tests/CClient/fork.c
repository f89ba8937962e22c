/* A forked child: what it inherits is refused, what it makes works, and the parent goes on. */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static void in_child(hf_endpoint inherited, hf_connection connection, const char *address) {
    hf_endpoint own;
    hf_connection to_parent;
    hf_request request;
    hf_completion completion = hf_completion_init();
    char room[8];
    EXPECT(HF_ERROR_FORKED, hf_progress(inherited, NULL));
    EXPECT(HF_ERROR_FORKED, hf_send(connection, "x", 1, NULL, 0, &request));
    EXPECT(HF_ERROR_FORKED, hf_receive(inherited, HF_NONE, room, 8, NULL, 0, 0, 0, &request));
    EXPECT(HF_ERROR_FORKED, hf_endpoint_close(inherited));
    EXPECT(HF_ERROR_FORKED, hf_endpoint_destroy(inherited));
    own = make_endpoint("child", HF_THREAD_MULTIPLE);
    REQUIRE(own != inherited);
    EXPECT(HF_ERROR_FORKED, hf_progress(inherited, NULL));
    OK(hf_connect(own, address, NULL, &to_parent));
    OK(hf_send_tag(to_parent, "child", 5, 1, &request));
    OK(hf_wait(request, SOON, NULL));
    OK(hf_receive(own, to_parent, room, sizeof room, NULL, 0, 2, UINT64_MAX, &request));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(completion.byte_count == 6 && memcmp(room, "parent", 6) == 0);
    leave(own);
    _exit(0); /* What another thread was making when the process was forked is lost here: no leak of ours. */
}

static void fork_once(hf_endpoint endpoint, hf_connection connection) {
    char address[512], room[8];
    hf_request request;
    hf_completion completion = hf_completion_init();
    int status = 0;
    pid_t child;
    OK(hf_endpoint_address(endpoint, address, sizeof address, NULL));
    fflush(stdout);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(60);
        in_child(endpoint, connection, address);
    }
    OK(hf_receive(endpoint, HF_NONE, room, sizeof room, NULL, 0, 1, UINT64_MAX, &request));
    OK(hf_wait(request, SOON, &completion));
    REQUIRE(completion.byte_count == 5 && memcmp(room, "child", 5) == 0);
    OK(hf_send_copy(completion.connection, "parent", 6, "\2", 1));
    while (waitpid(child, &status, WNOHANG) == 0) OK(hf_progress(endpoint, NULL));
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

typedef struct rival {
    pthread_mutex_t lock;
    int is_over;
} rival;

/* Makes and destroys endpoints while the process is forked. */
static void *make_and_destroy(void *argument) {
    rival *mine = argument;
    for (int is_over = 0; !is_over;) {
        OK(hf_endpoint_destroy(make_endpoint(NULL, HF_THREAD_MULTIPLE)));
        pthread_mutex_lock(&mine->lock);
        is_over = mine->is_over;
        pthread_mutex_unlock(&mine->lock);
    }
    return NULL;
}

void test_fork(void) {
    for (int mode = HF_THREAD_SINGLE; mode <= HF_THREAD_MULTIPLE; mode++) {
        hf_options options = hf_options_init();
        hf_endpoint endpoint;
        hf_connection connection;
        pthread_t thread;
        rival other = {PTHREAD_MUTEX_INITIALIZER, 0};
        options.thread_mode = (uint32_t)mode;
        endpoint = make_loop(&options, &connection);
        fork_once(endpoint, connection);
        if (mode == HF_THREAD_MULTIPLE) {
            REQUIRE(pthread_create(&thread, NULL, make_and_destroy, &other) == 0);
            for (int round = 0; round < 20; round++) fork_once(endpoint, connection);
            pthread_mutex_lock(&other.lock);
            other.is_over = 1;
            pthread_mutex_unlock(&other.lock);
            REQUIRE(pthread_join(thread, NULL) == 0);
        }
        /* The parent's own connection still works. */
        OK(hf_send_copy(connection, "still", 5, "\3", 1));
        {
            hf_request request;
            char room[8];
            OK(hf_receive(endpoint, connection, room, sizeof room, NULL, 0, 3, UINT64_MAX, &request));
            OK(hf_wait(request, SOON, NULL));
        }
        leave(endpoint);
    }
}
