#include "ranks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MOST_RANKS = 4096, MOST_REQUESTS = 16, ADDRESS_ROOM = 4096 };
enum { TAG_FAILURE = 1 << 20, TAG_DONE, TAG_LEAVE };
static const int64_t seconds = 1000000000;
/* How long anything may take, 30 s, and after how many nanoseconds a wait looks around. */
static const int64_t one_look = 50 * 1000000;
static const int most_looks = 600;

static void say(const ranks *all, const char *format, ...) {
    /* One line, in one piece: the others write too. */
    char line[2048];
    va_list arguments;
    int length = snprintf(line, sizeof line, "rank %d: ", all->rank);
    va_start(arguments, format);
    vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", line);
}

/* ---- The end ---- */

/* Closes in order, which lets what was sent arrive; gives up after a while. */
static void leave(ranks *all) {
    bool is_closed = false;
    int looks = 0;
    hf_endpoint_close(all->endpoint);
    while (!is_closed && looks++ < 3000) {
        struct timespec pause = {0, 1000000};
        uint32_t count = 0;
        if (hf_progress(all->endpoint, &count) != HF_OK || hf_endpoint_is_closed(all->endpoint, &is_closed) != HF_OK) break;
        if (count == 0 && !is_closed) nanosleep(&pause, NULL);
    }
    hf_endpoint_destroy(all->endpoint);
}

/* Tells those that this rank is connected with, who tell theirs, that a rank has failed, and ends. */
static void give_up(ranks *all, int32_t failed) {
    uint64_t tag = TAG_FAILURE;
    for (int rank = 0; rank < all->size; rank++) {
        hf_connection_state state = HF_STATE_CLOSED;
        if (rank == failed || all->peers[rank] == HF_NONE) continue;
        if (hf_connection_state_get(all->peers[rank], &state) != HF_OK || state == HF_STATE_ON_DEMAND) continue;
        /* What waits for a connection that is not up yet goes with it when it is closed. */
        if (hf_send_copy(all->peers[rank], &failed, sizeof failed, &tag, sizeof tag) == HF_OK)
            hf_connection_wait(all->peers[rank], 2 * seconds);
    }
    leave(all);
    exit(1);
}

static void fail(ranks *all, int failed, const char *why) {
    say(all, "rank %d is lost: %s", failed, why);
    give_up(all, failed);
}

/* Before the ranks know each other there is nobody to tell. */
static void stop(const ranks *all, const char *what, const char *why) {
    say(all, "%s: %s", what, why);
    exit(1);
}

static void check(const ranks *all, hf_status status, const char *what) {
    if (status != HF_OK) stop(all, what, hf_error_text());
}

/* ---- The beginning ---- */

static bool number_of(const char *name, long least, long most, int *number) {
    const char *text = getenv(name);
    char *end;
    long value;
    if (text == NULL) return false;
    value = strtol(text, &end, 10);
    if (*text == 0 || *end != 0 || value < least || value > most) {
        fprintf(stderr, "%s is %s; a number from %ld to %ld is allowed\n", name, text, least, most);
        exit(1);
    }
    *number = (int)value;
    return true;
}

void ranks_find(ranks *all) {
    /* The innermost first: the script of a job of Slurm has variables of Slurm, too, whatever it starts. */
    static const char *const names[][2] = {
        {"RANK", "SIZE"},
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
        {"PMI_RANK", "PMI_SIZE"},
        {"SLURM_PROCID", "SLURM_NTASKS"},
    };
    memset(all, 0, sizeof *all);
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++)
        if (getenv(names[index][0]) != NULL && number_of(names[index][1], 1, MOST_RANKS, &all->size)) {
            number_of(names[index][0], 0, all->size - 1, &all->rank);
            return;
        }
    fprintf(stderr, "no rank: a launcher sets OMPI_COMM_WORLD_RANK, PMI_RANK, SLURM_PROCID or RANK, and the size beside it\n");
    exit(1);
}

/* A file appears with all of its text or not at all: it is written under another name. */
static void publish(const ranks *all, const char *folder, const char *address) {
    char path[1024], hidden[1100];
    FILE *file;
    snprintf(path, sizeof path, "%s/address.%d", folder, all->rank);
    snprintf(hidden, sizeof hidden, "%s.new.%ld", path, (long)getpid());
    file = fopen(hidden, "w");
    if (file == NULL) stop(all, hidden, strerror(errno));
    if (fputs(address, file) < 0 || fclose(file) != 0) stop(all, hidden, strerror(errno));
    if (rename(hidden, path) != 0) stop(all, path, strerror(errno));
}

static void look_up(const ranks *all, const char *folder, int rank, char *address) {
    char path[1024];
    snprintf(path, sizeof path, "%s/address.%d", folder, rank);
    for (int look = 0; look < most_looks; look++) {
        struct timespec pause = {0, 50 * 1000000};
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            bool is_read = fgets(address, ADDRESS_ROOM, file) != NULL;
            fclose(file);
            if (!is_read) stop(all, path, "is empty");
            return;
        }
        if (errno != ENOENT) stop(all, path, strerror(errno));
        nanosleep(&pause, NULL);
    }
    say(all, "rank %d has not come within 30 s: there is no %s", rank, path);
    exit(1);
}

void ranks_start(ranks *all, const char *folder) {
    char address[ADDRESS_ROOM], name[32];
    hf_options options = hf_options_init();
    hf_connect_options on_demand = hf_connect_options_init();
    all->peers = calloc((size_t)all->size, sizeof *all->peers);
    if (all->peers == NULL) stop(all, "peers", strerror(errno));
    snprintf(name, sizeof name, "rank%d", all->rank);
    options.name = name;
    on_demand.mode = HF_CONNECT_ON_DEMAND;
    check(all, hf_endpoint_create(&options, &all->endpoint), "endpoint");
    check(all, hf_endpoint_listen(all->endpoint, NULL, 0), "listen");
    check(all, hf_endpoint_addresses(all->endpoint, address, sizeof address, NULL), "address");
    publish(all, folder, address);
    for (int rank = 0; rank < all->size; rank++) {
        if (rank == all->rank) continue;
        look_up(all, folder, rank, address);
        check(all, hf_connect(all->endpoint, address, &on_demand, &all->peers[rank]), address);
    }
    check(
        all,
        hf_receive(
            all->endpoint, HF_NONE, &all->failed_rank, sizeof all->failed_rank, NULL, 0, TAG_FAILURE, UINT64_MAX,
            &all->failure),
        "receive");
}

/* ---- Messages ---- */

/* What others have told comes first: who saw the failure leaves too, and that is not where it began. */
static void look(ranks *all) {
    hf_event event = hf_event_init();
    hf_completion told = hf_completion_init();
    if (hf_request_test(all->failure, &told) != HF_NOT_READY) {
        int teller = 0;
        while (teller < all->size - 1 && all->peers[teller] != told.connection) teller++;
        say(all, "rank %d is lost, as rank %d tells", (int)all->failed_rank, teller);
        give_up(all, all->failed_rank);
    }
    while (hf_endpoint_take_event(all->endpoint, &event) == HF_OK) {
        if (all->is_leaving && event.kind == HF_EVENT_CLOSED) continue;
        for (int rank = 0; rank < all->size; rank++)
            if (all->peers[rank] == event.connection) fail(all, rank, event.text);
    }
}

void ranks_send(ranks *all, int to, const void *bytes, uint64_t byte_count, uint64_t tag, hf_request *request) {
    if (hf_send_tag(all->peers[to], bytes, byte_count, tag, request) == HF_OK) return;
    look(all);
    fail(all, to, hf_error_text());
}

void ranks_receive(ranks *all, int from, void *bytes, uint64_t byte_count, uint64_t tag, hf_request *request) {
    hf_status status = hf_receive(all->endpoint, all->peers[from], bytes, byte_count, NULL, 0, tag, UINT64_MAX, request);
    if (status == HF_OK) return;
    look(all);
    fail(all, from, hf_error_text());
}

void ranks_wait(ranks *all, hf_request *requests, const int *with, uint32_t count) {
    hf_completion results[MOST_REQUESTS] = {{0}};
    if (count > MOST_REQUESTS) stop(all, "wait", "more than 16 requests");
    for (int looks = 0; looks < most_looks; looks++) {
        hf_status status;
        results[0].struct_byte_count = (uint32_t)sizeof results[0];
        status = hf_wait_all(requests, count, one_look, results);
        /* One is told of the last word of others even when all that was waited for has come. */
        look(all);
        if (status == HF_OK) return;
        if (status == HF_NOT_READY) continue;
        /* hf_wait_all leaves the text of the first that failed. */
        for (uint32_t index = 0; index < count; index++)
            if (results[index].status < 0) fail(all, with[index], hf_error_text());
        stop(all, "wait", hf_error_text());
    }
    for (uint32_t index = 0; index < count; index++)
        if (requests[index] != HF_NONE && hf_request_status(requests[index]) == HF_NOT_READY)
            fail(all, with[index], "nothing has come for 30 s");
    stop(all, "wait", "nothing has come for 30 s");
}

void ranks_finish(ranks *all) {
    hf_request request;
    int first = 0;
    all->is_leaving = true;
    if (all->rank != 0) {
        ranks_send(all, 0, NULL, 0, TAG_DONE, &request);
        ranks_wait(all, &request, &first, 1);
        ranks_receive(all, 0, NULL, 0, TAG_LEAVE, &request);
        ranks_wait(all, &request, &first, 1);
    }
    for (int step = TAG_DONE; all->rank == 0 && step <= TAG_LEAVE; step++)
        for (int rank = 1; rank < all->size; rank++) {
            if (step == TAG_DONE) ranks_receive(all, rank, NULL, 0, TAG_DONE, &request);
            if (step == TAG_LEAVE) ranks_send(all, rank, NULL, 0, TAG_LEAVE, &request);
            ranks_wait(all, &request, &rank, 1);
        }
    leave(all);
    free(all->peers);
}
