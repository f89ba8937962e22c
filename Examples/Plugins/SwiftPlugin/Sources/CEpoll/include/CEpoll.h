// What Swift's Glibc module leaves out.
#ifndef CEPOLL_H
#define CEPOLL_H

#include <stdint.h>
#include <sys/epoll.h>

#define CEPOLL_READABLE 1u /* or at its end, or broken */
#define CEPOLL_WRITABLE 2u /* or broken */

/// Returns a descriptor, or -1 with errno.
static inline int32_t cepoll_make(void) { return epoll_create1(EPOLL_CLOEXEC); }

/// Changes what a descriptor is watched for, of CEPOLL_READABLE and CEPOLL_WRITABLE; 0 takes it out.
static inline void cepoll_watch(int32_t epoll, int32_t descriptor, void *tag, uint32_t before, uint32_t after) {
    struct epoll_event event = {0};
    event.events = (after & CEPOLL_READABLE ? EPOLLIN : 0u) | (after & CEPOLL_WRITABLE ? EPOLLOUT : 0u);
    event.data.ptr = tag;
    if (before != after)
        epoll_ctl(epoll, after == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event);
}

typedef struct {
    void *tag;
    uint32_t ready;
} cepoll_event;

/// Looks, without waiting, for at most 64 events. Returns how many there are.
static inline uint32_t cepoll_look(int32_t epoll, cepoll_event *events) {
    struct epoll_event found[64];
    int count = epoll_wait(epoll, found, 64, 0);
    for (int i = 0; i < count; i++) {
        uint32_t broken = found[i].events & (EPOLLERR | EPOLLHUP);
        events[i].tag = found[i].data.ptr;
        events[i].ready = (broken || found[i].events & EPOLLIN ? CEPOLL_READABLE : 0u)
            | (broken || found[i].events & EPOLLOUT ? CEPOLL_WRITABLE : 0u);
    }
    return count < 0 ? 0 : (uint32_t)count;
}

#endif
