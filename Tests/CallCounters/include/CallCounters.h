/* Counts what the hot path must not call: the allocator, reference counts and exclusivity checks.
 *
 * A program that links this has these functions in it, and the dynamic linker prefers them to those of libc and of the
 * Swift runtime, which they then call. For one thread. */
#ifndef CALL_COUNTERS_H
#define CALL_COUNTERS_H

#include <stdint.h>

typedef struct call_counts {
    /// malloc, calloc, realloc, posix_memalign, aligned_alloc.
    uint64_t allocations;
    uint64_t frees;
    uint64_t retains;
    uint64_t releases;
    /// Dynamic exclusivity checks.
    uint64_t accesses;
} call_counts;

/// Sets all counts to zero and counts from here on.
void call_counters_start(void);
/// Counts no more.
call_counts call_counters_stop(void);
/// Of the next calls that are counted, so many are told to standard error with where they came from.
void call_counters_trace(uint64_t count);
/// False where a sanitizer has the allocator for itself.
int call_counters_are_here(void);

/// Calls `body` once. A region with a name that a profiler can be told to count in.
void call_counters_region(void (*body)(void *), void *context);

#endif
