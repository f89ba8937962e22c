// What the tool needs of processor and system that Swift's libc module does not show.
#ifndef CBENCH_H
#define CBENCH_H

#include <stdint.h>

/// The processor's counter of time, a few nanoseconds to read; its rate is for the caller to find out. 0 without one.
static inline uint64_t cbench_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

/// The numbers of the first `limit` cores that this process may run on. Returns how many there are.
int cbench_usable_cores(int *cores, int limit);

/// Keeps this process on one core; 0 or an errno.
int cbench_pin(int core);

/// Bytes that the program has from malloc and has not given back, large blocks included.
uint64_t cbench_heap_bytes(void);

/// Raises the soft limit of descriptors to the hard one, and returns the limit that holds then.
uint64_t cbench_raise_descriptor_limit(void);

#endif
