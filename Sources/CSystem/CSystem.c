#define _GNU_SOURCE  // Not in the header: Swift's own libc module is built without it.
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const int size_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

char **csystem_environment(void) { return environ; }

int csystem_make_segment(uint64_t byte_count) {
    int descriptor = memfd_create("handfast", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    // Reserved pages turn a full memory into an error here instead of SIGBUS at the first touch.
    int error = byte_count > INT64_MAX ? EFBIG : posix_fallocate(descriptor, 0, (off_t)byte_count);
    if (error == 0 && fcntl(descriptor, F_ADD_SEALS, size_seals) < 0) error = errno;
    if (error == 0) return descriptor;
    close(descriptor);
    return -error;
}

int64_t csystem_segment_byte_count(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0) return -errno;
    if ((seals & size_seals) != size_seals) return -EPERM;
    struct stat status;
    return fstat(descriptor, &status) < 0 ? -errno : status.st_size;
}

int csystem_accept(int listener) {
    int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return peer < 0 ? -errno : peer;
}

int csystem_epoll_make(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : epoll;
}

static int control(int epoll, int operation, int descriptor, void *tag, int readable, int writable) {
    struct epoll_event event = {.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0), .data.ptr = tag};
    return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int csystem_epoll_add(int epoll, int descriptor, void *tag, int readable, int writable) {
    return control(epoll, EPOLL_CTL_ADD, descriptor, tag, readable, writable);
}

int csystem_epoll_change(int epoll, int descriptor, void *tag, int readable, int writable) {
    return control(epoll, EPOLL_CTL_MOD, descriptor, tag, readable, writable);
}

int csystem_epoll_remove(int epoll, int descriptor) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL) < 0 ? -errno : 0;
}

int csystem_epoll_wait(int epoll, csystem_event *events, int limit, int milliseconds) {
    enum { most = 64 };
    struct epoll_event found[most];
    int count = epoll_wait(epoll, found, limit < most ? limit : most, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i].tag = found[i].data.ptr;
        events[i].is_readable = (found[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
        events[i].is_writable = (found[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0;
    }
    return count;
}
