// Static inline shims for what Swift cannot say on memory that another process maps too.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stdint.h>

/// Reads a word that another process publishes; what was written before it is seen after it.
static inline uint64_t csystem_load_acquire(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/// Publishes a word and all that was written before it.
static inline void csystem_store_release(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

/// Tells the processor that this is a spin loop.
static inline void csystem_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// The environment, `NAME=value` each and NULL at its end; NULL after clearenv(), where Swift's own import would trap.
char **csystem_environment(void);

/// Makes nameless shared memory of exactly so many bytes, all pages reserved and the size sealed.
/// Returns a close-on-exec descriptor, or the negated errno (ENOSPC, ENOMEM: the memory is not there).
int csystem_make_segment(uint64_t byte_count);

/// Size of a segment made as above, or a negated errno; EPERM when its size is not sealed, so that its owner could
/// cut it under our feet.
int64_t csystem_segment_byte_count(int descriptor);

/// Takes the oldest peer of a listener, as a non-blocking close-on-exec socket; or a negated errno.
int csystem_accept(int listener);

/// What epoll reports of one descriptor.
typedef struct csystem_event {
    void *tag;
    int is_readable;  // Also set at the end of the stream and on an error: a read will tell.
    int is_writable;
} csystem_event;

/// A new epoll descriptor, or a negated errno.
int csystem_epoll_make(void);
/// Watches a descriptor, or changes what it is watched for; 0 or a negated errno.
int csystem_epoll_add(int epoll, int descriptor, void *tag, int readable, int writable);
int csystem_epoll_change(int epoll, int descriptor, void *tag, int readable, int writable);
/// Stops watching; also happens by itself when the last copy of a descriptor is closed.
int csystem_epoll_remove(int epoll, int descriptor);
/// At most `limit` (64) events; waits for at most so many milliseconds. A negated errno on failure, 0 when interrupted.
int csystem_epoll_wait(int epoll, csystem_event *events, int limit, int milliseconds);

#endif
