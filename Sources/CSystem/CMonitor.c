#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "CSystem.h"

static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t is_fork_safe = PTHREAD_ONCE_INIT;

static void lock_shared(void) { (void)pthread_mutex_lock(&shared); }
static void make_fork_safe(void) { (void)pthread_atfork(lock_shared, csystem_unlock_shared, csystem_unlock_shared); }

void csystem_lock_shared(void) {
    (void)pthread_once(&is_fork_safe, make_fork_safe);
    lock_shared();
}

void csystem_unlock_shared(void) { (void)pthread_mutex_unlock(&shared); }

struct csystem_monitor {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    uint32_t wanting;  // Threads that wait for the mutex.
};

csystem_monitor *csystem_monitor_make(void) {
    csystem_monitor *monitor = aligned_alloc(64, 128);
    pthread_condattr_t clock;
    if (monitor == NULL) return NULL;
    (void)pthread_mutex_init(&monitor->mutex, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&monitor->condition, &clock);
    (void)pthread_condattr_destroy(&clock);
    monitor->wanting = 0;
    return monitor;
}

void csystem_monitor_lock(csystem_monitor *monitor) {
    if (pthread_mutex_trylock(&monitor->mutex) == 0) return;
    __atomic_fetch_add(&monitor->wanting, 1, __ATOMIC_RELAXED);
    (void)pthread_mutex_lock(&monitor->mutex);
    __atomic_fetch_sub(&monitor->wanting, 1, __ATOMIC_RELAXED);
}

void csystem_monitor_unlock(csystem_monitor *monitor) { (void)pthread_mutex_unlock(&monitor->mutex); }

int csystem_monitor_is_wanted(csystem_monitor *monitor) {
    return __atomic_load_n(&monitor->wanting, __ATOMIC_RELAXED) != 0;
}

void csystem_monitor_sleep(csystem_monitor *monitor, int64_t nanoseconds) {
    struct timespec end;
    if (nanoseconds < 0) {
        (void)pthread_cond_wait(&monitor->condition, &monitor->mutex);
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec += nanoseconds % 1000000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec += 1;
        end.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&monitor->condition, &monitor->mutex, &end);
}

void csystem_monitor_wake_all(csystem_monitor *monitor) { (void)pthread_cond_broadcast(&monitor->condition); }

void csystem_wait_for_either(int first, int second, int milliseconds) {
    struct pollfd descriptors[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    (void)poll(descriptors, 2, milliseconds);
}

csystem_failure *csystem_last_failure(void) {
    static _Thread_local csystem_failure failure;
    return &failure;
}

void csystem_write_error_line(const void *bytes, uint64_t byte_count) {
    const struct timespec none = {0, 0};
    sigset_t broken, before, waiting;
    int saved = errno;
    (void)sigemptyset(&broken);
    (void)sigaddset(&broken, SIGPIPE);
    (void)sigemptyset(&waiting);
    (void)pthread_sigmask(SIG_BLOCK, &broken, &before);
    (void)sigpending(&waiting);
    // The signal of a write comes to the thread that wrote. One that waited before is somebody else's.
    if (write(STDERR_FILENO, bytes, byte_count) < 0 && errno == EPIPE && sigismember(&waiting, SIGPIPE) == 0)
        (void)sigtimedwait(&broken, NULL, &none);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
}
