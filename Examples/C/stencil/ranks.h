/* A small runtime: processes with a rank each, started by any launcher, that reach each other by handfast.h. Whatever goes
 * wrong ends all of them, with a line that names the rank that it began with. One thread. */
#ifndef RANKS_H
#define RANKS_H

#include <handfast.h>

typedef struct ranks {
    int rank, size;
    hf_endpoint endpoint;
    hf_connection *peers; /* by rank; HF_NONE for this one */
    hf_request failure;   /* the receive for what other ranks tell of a failure */
    int32_t failed_rank;  /* where it puts what they tell */
    bool is_leaving;      /* others may close now */
} ranks;

/* Takes rank and size from the environment, where the launcher has put them. */
void ranks_find(ranks *all);

/* Tells the others its address by a file in the folder, which all ranks of a run share and no other run does, and knows all
 * of them within half a minute. Nothing connects before its first message. */
void ranks_start(ranks *all, const char *folder);

/* Begin to send and to receive. The memory is the library's until ranks_wait has returned. */
void ranks_send(ranks *all, int to, const void *bytes, uint64_t byte_count, uint64_t tag, hf_request *request);
void ranks_receive(ranks *all, int from, void *bytes, uint64_t byte_count, uint64_t tag, hf_request *request);

/* Waits for at most 16 requests, each with the rank of the given list. Ends the process when one fails, when a rank is lost,
 * or when nothing has come for half a minute. */
void ranks_wait(ranks *all, hf_request *requests, const int *with, uint32_t count);

/* Returns when all ranks have called it, and leaves in order. */
void ranks_finish(ranks *all);

#endif
