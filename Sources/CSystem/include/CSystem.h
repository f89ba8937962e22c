// Static inline shims for what Swift cannot say on memory that another process maps too.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stdint.h>
#include <time.h>

/// Reads a word that another process publishes; what was written before it is seen after it.
static inline uint64_t csystem_load_acquire(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/// Publishes a word and all that was written before it.
static inline void csystem_store_release(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

/// Reads a word of another process when nothing else hangs on it.
static inline uint64_t csystem_load(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

/// What was written before it is seen by others before anything is read after it.
static inline void csystem_fence(void) {
#if defined(__x86_64__)
    __asm__ volatile("lock; orl $0, -4(%%rsp)" ::: "memory", "cc");  // Does the same as mfence in half its time.
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/// Sets bits, or the whole word, and returns what it was before; also a fence.
static inline uint64_t csystem_fetch_or(uint64_t *word, uint64_t bits) {
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}
static inline uint64_t csystem_exchange(uint64_t *word, uint64_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

/// Not 0 when the word was as expected, and now is the other; also a fence.
static inline int csystem_compare_exchange(uint64_t *word, uint64_t expected, uint64_t value) {
    return __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/// 16 bytes at any address, in one register.
typedef long long csystem_quad __attribute__((vector_size(16), aligned(1), may_alias));

/// Copies bytes; up to 64 without a call, by words that may overlap each other.
static inline void csystem_copy(void *to, const void *from, uint64_t byte_count) {
    char *target = (char *)to;
    const char *source = (const char *)from;
    char *target_end = target + byte_count;
    const char *source_end = source + byte_count;
    if (byte_count >= 8 && byte_count <= 16) {  // The most usual first.
        char head[8], tail[8];
        __builtin_memcpy(head, source, 8);
        __builtin_memcpy(tail, source_end - 8, 8);
        __builtin_memcpy(target, head, 8);
        __builtin_memcpy(target_end - 8, tail, 8);
    } else if (byte_count > 64) {
        __builtin_memcpy(target, source, byte_count);
    } else if (byte_count >= 32) {
        const csystem_quad *first = (const csystem_quad *)source, *last = (const csystem_quad *)source_end;
        csystem_quad a = first[0], b = first[1], c = last[-2], d = last[-1];
        ((csystem_quad *)target)[0] = a;
        ((csystem_quad *)target)[1] = b;
        ((csystem_quad *)target_end)[-2] = c;
        ((csystem_quad *)target_end)[-1] = d;
    } else if (byte_count > 16) {
        __builtin_memcpy(target, source, 16);
        __builtin_memcpy(target_end - 16, source_end - 16, 16);
    } else if (byte_count >= 4) {
        __builtin_memcpy(target, source, 4);
        __builtin_memcpy(target_end - 4, source_end - 4, 4);
    } else {
        for (uint64_t i = 0; i < byte_count; i++) target[i] = source[i];
    }
}

/// Copies to lines that another processor has read last, one after the other. They all have to be fetched from there: a store into two
/// lines waits for both, and the usual copy writes both ends first. For at most 4 KiB: what is longer the usual copy moves sooner.
static inline void csystem_copy_in_order(void *to, const void *from, uint64_t byte_count) {
    char *target = (char *)to;
    const char *source = (const char *)from;
    uint64_t here = 64 - ((uintptr_t)target & 63);
    if (here < byte_count) {
        csystem_copy(target, source, here);
        target += here;
        source += here;
        byte_count -= here;
        __asm__ volatile("" ::: "memory");  // Else the compiler puts stores in another order, or makes the usual copy of them.
    }
    for (; byte_count > 64; byte_count -= 64, target += 64, source += 64) {
        const csystem_quad *from_line = (const csystem_quad *)source;
        csystem_quad *to_line = (csystem_quad *)target;
        csystem_quad a = from_line[0], b = from_line[1], c = from_line[2], d = from_line[3];
        to_line[0] = a;
        to_line[1] = b;
        to_line[2] = c;
        to_line[3] = d;
        __asm__ volatile("" ::: "memory");
    }
    csystem_copy(target, source, byte_count);
}

/// Has a line of memory fetched that is going to be read.
static inline void csystem_prefetch(const void *line) { __builtin_prefetch(line, 0, 3); }

/// Has a line of memory fetched that is going to be written, which takes it from other processors.
static inline void csystem_prefetch_to_write(void *line) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(char *)line));  // The builtin is one to read where a compiler may not count on this instruction.
#else
    __builtin_prefetch(line, 1, 3);
#endif
}

/// Tells the processor that this is a spin loop.
static inline void csystem_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// A clock that is quick to read; a unit is between a quarter of a nanosecond and one.
static inline uint64_t csystem_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/// Reads a word, and says in ticks how long that took; 0 where no clock is quick enough.
static inline uint64_t csystem_load_timed(const uint64_t *word, uint64_t *ticks) {
#if defined(__x86_64__)
    // The fences keep the load between the two readings.
    __builtin_ia32_lfence();
    uint64_t start = csystem_ticks();
    __builtin_ia32_lfence();
    uint64_t value = csystem_load_acquire(word);
    __builtin_ia32_lfence();
    *ticks = csystem_ticks() - start;
    return value;
#else
    *ticks = 0;
    return csystem_load_acquire(word);
#endif
}

/// The environment, `NAME=value` each and NULL at its end; NULL after clearenv(), where Swift's own import would trap.
char **csystem_environment(void);

/// Raises this process's soft limit of open descriptors to its hard one; what it may not raise stays as it is.
void csystem_raise_descriptor_limit(void);

/// Makes nameless shared memory of exactly so many bytes, the first pages reserved and the size sealed.
/// Returns a close-on-exec descriptor, or the negated errno (ENOSPC, ENOMEM: the memory is not there).
int csystem_make_segment(uint64_t byte_count, uint64_t reserved_byte_count);

/// Reserves whole pages of a mapping of such memory; 0 or a negated errno (EINVAL: the kernel is older than Linux 5.14).
int csystem_reserve_pages(void *start, uint64_t byte_count);

/// Maps all of a segment once more, from a mapping of its beginning; NULL when that is not to be had.
void *csystem_map_again(void *start, uint64_t byte_count);

/// Gives such pages back to the system; they read as zeros from then on.
void csystem_drop_pages(void *start, uint64_t byte_count);

/// Copies past this processor's caches where it can, to memory aligned to a line that another processor reads next: it
/// then finds the bytes sooner than in a cache of ours. What is published afterwards is seen after the bytes.
void csystem_copy_past_caches(void *to, const void *from, uint64_t byte_count);

/// Whether memory can be nearer than another core's cache: where a processor has several third-level caches (AMD), not where
/// all cores share one (Intel).
int csystem_has_far_caches(void);

/// Maps memory without access to it, which mprotect gives; NULL when that is not to be had.
void *csystem_map_out_of_reach(int descriptor, uint64_t byte_count);

/// Makes nameless shared memory that has no pages yet, and maps it in such a way. Its size is sealed, and it can be written through this mapping
/// alone (Linux 5.1). Returns a close-on-exec descriptor, or a negated errno.
int csystem_make_heap(uint64_t byte_count, void **start);

/// Reserves whole pages of it, given its mapping, and gives access to them; 0 or a negated errno (ENOSPC, ENOMEM: the memory is not there).
int csystem_reserve_heap(int descriptor, void *start, uint64_t offset, uint64_t byte_count);

/// Opens another process's memory of such kind by its number there, to read. `own` is a descriptor of such memory here: what lies
/// elsewhere, so that opening or reading it could block or fail, is EPERM. Close-on-exec; or a negated errno.
int csystem_open_heap(int32_t pid, int32_t number, int own);

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

/// A counter that can be slept on; close-on-exec, never blocks. Negated errno on failure.
int csystem_event_make(void);
/// Readable once, after so long; close-on-exec. Negated errno on failure.
int csystem_timer_make(int milliseconds);
int csystem_timer_is_over(int timer);
/// Makes it readable, or unreadable again.
void csystem_event_ring(int event);
void csystem_event_drain(int event);

/// A pipe for rings, which say nothing: `wake` becomes readable when anybody rings who has opened `bell`, whose copies are for others. Both
/// close-on-exec. 0 or a negated errno.
int csystem_bell_make(int *wake, int *bell);
/// Opens a bell anew, for oneself: the flags of a copy are everybody's who has one, and who cleared O_NONBLOCK could have others block. (So
/// with an eventfd, which cannot be opened anew.) Close-on-exec; or a negated errno, EPERM for what is no pipe.
int csystem_bell_open(int bell);
void csystem_bell_ring(int opened);
/// Makes it unreadable again; after thousands of rings not at once.
void csystem_bell_drain(int wake);

/// Fills memory from the kernel's generator; 0 or a negated errno.
int csystem_random(void *bytes, uint64_t byte_count);

/// SOCK_SEQPACKET sockets with a name of the abstract space (at most 100 bytes, no NUL in front); close-on-exec, never
/// block. A descriptor, or a negated errno; EAGAIN: nobody to accept, or the listener's queue is full.
int csystem_listen(const void *name, uint64_t byte_count, int backlog);
int csystem_connect(const void *name, uint64_t byte_count);

/// Who made the other end of a Unix socket, as the kernel knows it; pid 0 when it is of another pid namespace.
int csystem_peer_credentials(int socket, uint32_t *uid, int32_t *pid);

/// One message with at most 4 descriptors; 0 or a negated errno.
int csystem_send_message(int socket, const void *bytes, uint64_t byte_count, const int *descriptors, int count);
/// One message; exactly so many bytes and descriptors (close-on-exec), else EBADMSG, or EPIPE at the end of the stream.
/// After an error no descriptor is left open.
int csystem_receive_message(int socket, void *bytes, uint64_t byte_count, int *descriptors, int count);
/// First bytes of the next message, which stays; how many, or a negated errno.
int64_t csystem_peek_message(int socket, void *bytes, uint64_t byte_count);

/// Copies from another process's memory. Bytes copied, at least one, or a negated errno.
int64_t csystem_read_process(int32_t pid, void *to, uint64_t from, uint64_t byte_count);

/// Writes bytes of this process, wherever they lie, into another's memory: at most as many as the second of the two words at `place` says, to the
/// address that the first says. The kernel reads both when it begins. How many bytes, or a negated errno.
int64_t csystem_write_process(int32_t pid, uint64_t from, uint64_t byte_count, const uint64_t *place);

/// By kind: a directory of chunks of memory that are never freed. Its first word is how many chunks it has room for, the
/// others are their addresses. It is replaced as it grows, and the old ones stay readable.
extern const uint64_t *csystem_directories[8];

/// The chunk of a number, on any thread and without a lock; NULL when there is none.
static inline void *csystem_chunk(uint32_t kind, uint64_t number) {
    const uint64_t *directory = __atomic_load_n(&csystem_directories[kind & 7], __ATOMIC_ACQUIRE);
    if (number >= directory[0]) return NULL;
    return (void *)(uintptr_t)__atomic_load_n(&directory[1 + number], __ATOMIC_ACQUIRE);
}

/// Gives a chunk a number: the next one, at most 2^19 of a kind. Under the lock below.
/// The number, or -1 when there are as many or no memory.
int64_t csystem_add_chunk(uint32_t kind, void *chunk);

/// Guards what endpoints of a process share, for a few instructions at a time. A fork waits for it, so that the child does not
/// find it locked for ever.
void csystem_lock_shared(void);
void csystem_unlock_shared(void);

/// A lock, and a place to wait for what its holders do. Never freed.
typedef struct csystem_monitor csystem_monitor;

/// NULL without memory.
csystem_monitor *csystem_monitor_make(void);
void csystem_monitor_lock(csystem_monitor *monitor);
void csystem_monitor_unlock(csystem_monitor *monitor);
/// Whether some thread waits for the lock; on any thread.
int csystem_monitor_is_wanted(csystem_monitor *monitor);
/// Gives the lock up, sleeps until `wake_all` or for so many nanoseconds, negative for no limit, and has it again.
void csystem_monitor_sleep(csystem_monitor *monitor, int64_t nanoseconds);
void csystem_monitor_wake_all(csystem_monitor *monitor);

/// Sleeps until one of two descriptors is readable, at most so many milliseconds; -1 for no limit.
void csystem_wait_for_either(int first, int second, int milliseconds);

/// What went wrong last in a thread, for programs in C.
typedef struct csystem_failure {
    int32_t status;
    int32_t system_error;
    uint32_t is_unsent;
    char text[1024];
} csystem_failure;

/// The calling thread's own, zeros at first.
csystem_failure *csystem_last_failure(void);

/// One write to standard error, without SIGPIPE where nobody reads it. What cannot be written is lost.
void csystem_write_error_line(const void *bytes, uint64_t byte_count);

#endif
