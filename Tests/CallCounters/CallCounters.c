#define _GNU_SOURCE
#include "CallCounters.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static int is_counting;
static uint64_t traces_left;
static call_counts counts;

void call_counters_start(void) {
    memset(&counts, 0, sizeof counts);
    is_counting = 1;
}

call_counts call_counters_stop(void) {
    is_counting = 0;
    return counts;
}

void call_counters_trace(uint64_t count) { traces_left = count; }

__attribute__((noinline)) void call_counters_region(void (*body)(void *), void *context) {
    body(context);
    /* Keeps the call from becoming a jump out of the region. */
    __asm__ volatile("" ::: "memory");
}

static void trace(const char *what) {
    void *frames[12];
    is_counting = 0; /* What tells it allocates. */
    traces_left--;
    (void)!write(STDERR_FILENO, what, strlen(what));
    backtrace_symbols_fd(frames, backtrace(frames, 12), STDERR_FILENO);
    is_counting = 1;
}

#define COUNT(counter, name)                \
    if (is_counting) {                      \
        counts.counter++;                   \
        if (traces_left > 0) trace(name "\n"); \
    }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifdef IS_SANITIZED
int call_counters_are_here(void) { return 0; }
#else
int call_counters_are_here(void) { return 1; }

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) {
    COUNT(allocations, "malloc")
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    COUNT(allocations, "calloc")
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    COUNT(allocations, "realloc")
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    COUNT(allocations, "aligned_alloc")
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
    COUNT(allocations, "posix_memalign")
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *place = memory;
    return 0;
}

void free(void *memory) {
    if (memory != NULL) COUNT(frees, "free")
    __libc_free(memory);
}

/* The runtime's own, found when first called. */
#define NEXT(type, name)                                 \
    static type next;                                    \
    if (next == NULL) next = (type)dlsym(RTLD_NEXT, name);

typedef void *(*unary)(void *);
typedef void *(*nary)(void *, uint32_t);

#define COUNTED_UNARY(function, counter)  \
    void *function(void *object) {        \
        NEXT(unary, #function)            \
        COUNT(counter, #function)         \
        return next(object);              \
    }
#define COUNTED_NARY(function, counter)             \
    void *function(void *object, uint32_t number) { \
        NEXT(nary, #function)                       \
        COUNT(counter, #function)                   \
        return next(object, number);                \
    }

COUNTED_UNARY(swift_retain, retains)
COUNTED_UNARY(swift_release, releases)
COUNTED_UNARY(swift_bridgeObjectRetain, retains)
COUNTED_UNARY(swift_bridgeObjectRelease, releases)
COUNTED_NARY(swift_retain_n, retains)
COUNTED_NARY(swift_release_n, releases)

void swift_beginAccess(void *pointer, void *buffer, uintptr_t flags, void *pc) {
    typedef void (*begin)(void *, void *, uintptr_t, void *);
    NEXT(begin, "swift_beginAccess")
    COUNT(accesses, "swift_beginAccess")
    next(pointer, buffer, flags, pc);
}
#endif
