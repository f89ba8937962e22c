#define _GNU_SOURCE  // Not in the header: Swift's own libc module is built without it.
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <emmintrin.h>
#endif
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static const int size_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

char **csystem_environment(void) { return environ; }

void csystem_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int csystem_make_segment(uint64_t byte_count, uint64_t reserved_byte_count) {
    int descriptor = memfd_create("handfast", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    // Reserved pages turn a full memory into an error here instead of SIGBUS at the first touch.
    int error = byte_count > INT64_MAX || reserved_byte_count > byte_count
                    ? EFBIG
                    : posix_fallocate(descriptor, 0, (off_t)reserved_byte_count);
    if (error == 0 && ftruncate(descriptor, (off_t)byte_count) < 0) error = errno;
    if (error == 0 && fcntl(descriptor, F_ADD_SEALS, size_seals) < 0) error = errno;
    if (error == 0) return descriptor;
    close(descriptor);
    return -error;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int csystem_reserve_pages(void *start, uint64_t byte_count) {
    return madvise(start, byte_count, MADV_POPULATE_WRITE) < 0 ? -errno : 0;
}

void *csystem_map_again(void *start, uint64_t byte_count) {
    // An old size of 0 leaves a shared mapping where it is and makes another, without a descriptor.
    void *again = mremap(start, 0, byte_count, MREMAP_MAYMOVE);
    return again == MAP_FAILED ? NULL : again;
}

void csystem_drop_pages(void *start, uint64_t byte_count) {
    (void)munlock(start, byte_count);  // Locked pages, as after mlockall, would stay.
    (void)madvise(start, byte_count, MADV_REMOVE);
}

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

void *csystem_map_out_of_reach(int descriptor, uint64_t byte_count) {
    // With access to what has no pages, mlockall and a core dump would make them all.
    void *mapping = mmap(NULL, byte_count, PROT_NONE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    if (mapping == MAP_FAILED) return NULL;
    (void)madvise(mapping, byte_count, MADV_DONTDUMP);
    return mapping;
}

int csystem_make_heap(uint64_t byte_count, void **start) {
    int descriptor = memfd_create("handfast-heap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    int error = byte_count > INT64_MAX ? EFBIG : 0;
    if (error == 0 && ftruncate(descriptor, (off_t)byte_count) < 0) error = errno;
    void *mapping = NULL;
    if (error == 0) {
        mapping = csystem_map_out_of_reach(descriptor, byte_count);
        if (!mapping) error = errno;
    }
    if (error == 0 && fcntl(descriptor, F_ADD_SEALS, size_seals | F_SEAL_FUTURE_WRITE) < 0 &&
        fcntl(descriptor, F_ADD_SEALS, size_seals) < 0)
        error = errno;
    *start = mapping;
    if (error == 0) return descriptor;
    if (mapping) munmap(mapping, byte_count);
    close(descriptor);
    return -error;
}

int csystem_reserve_heap(int descriptor, void *start, uint64_t offset, uint64_t byte_count) {
    char *first = (char *)start + offset;
    if (mprotect(first, byte_count, PROT_READ | PROT_WRITE) < 0) return -errno;
    int error = -csystem_reserve_pages(first, byte_count);
    if (error == EINVAL) error = posix_fallocate(descriptor, (off_t)offset, (off_t)byte_count);
    if (error == 0) {
        (void)madvise(first, byte_count, MADV_DODUMP);
    } else {
        (void)mprotect(first, byte_count, PROT_NONE);
    }
    return -error;
}

int csystem_open_heap(int32_t pid, int32_t number, int own) {
    char path[64];
    struct stat mine;
    struct statx found;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)number);
    // Nothing of what it may be hears of this: it is opened for good when it is known to be of the kernel's own memory.
    int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0) return -errno;
    int error = 0, opened = -1;
    if (fstat(own, &mine) < 0 || statx(place, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &found) < 0) {
        error = errno;
    } else if (
        !S_ISREG(found.stx_mode) || found.stx_uid != mine.st_uid ||
        makedev(found.stx_dev_major, found.stx_dev_minor) != mine.st_dev) {
        error = EPERM;
    } else {
        snprintf(path, sizeof path, "/proc/self/fd/%d", place);
        opened = open(path, O_RDONLY | O_CLOEXEC);
        if (opened < 0) error = errno;
    }
    close(place);
    return error == 0 ? opened : -error;
}

void csystem_copy_past_caches(void *to, const void *from, uint64_t byte_count) {
    char *target = to;
    const char *source = from;
#if defined(__x86_64__)
    for (; byte_count >= 64; byte_count -= 64, target += 64, source += 64) {
        __m128i a = _mm_loadu_si128((const __m128i *)source), b = _mm_loadu_si128((const __m128i *)(source + 16)),
                c = _mm_loadu_si128((const __m128i *)(source + 32)), d = _mm_loadu_si128((const __m128i *)(source + 48));
        _mm_stream_si128((__m128i *)target, a);
        _mm_stream_si128((__m128i *)(target + 16), b);
        _mm_stream_si128((__m128i *)(target + 32), c);
        _mm_stream_si128((__m128i *)(target + 48), d);
    }
    _mm_sfence();  // Such stores are not ordered by what publishes them.
#endif
    memcpy(target, source, byte_count);
}

int csystem_has_far_caches(void) {
#if defined(__x86_64__)
    unsigned int most, name[3];
    // The maker's name in the order of the registers: "AuthenticAMD", "HygonGenuine".
    return __get_cpuid(0, &most, &name[0], &name[2], &name[1]) && (!memcmp(name, "Auth", 4) || !memcmp(name, "Hygo", 4));
#else
    return 0;
#endif
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

int csystem_epoll_remove(int epoll, int descriptor) { return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0, 0); }

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

int csystem_event_make(void) {
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return event < 0 ? -errno : event;
}

int csystem_timer_make(int milliseconds) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer < 0) return -errno;
    struct itimerspec wanted = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000000L}};
    (void)timerfd_settime(timer, 0, &wanted, NULL);
    return timer;
}

int csystem_timer_is_over(int timer) {
    uint64_t count;
    return read(timer, &count, sizeof count) == sizeof count;
}

void csystem_event_ring(int event) {
    uint64_t one = 1;
    ssize_t ignored = write(event, &one, sizeof one);  // A full counter is readable already.
    (void)ignored;
}

void csystem_event_drain(int event) {
    uint64_t count;
    ssize_t ignored = read(event, &count, sizeof count);  // An empty one is what is wanted.
    (void)ignored;
}

int csystem_bell_make(int *wake, int *bell) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    *wake = ends[0];
    *bell = ends[1];
    return 0;
}

int csystem_bell_open(int bell) {
    char path[32], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", bell);
    // What has a name in a file system begins with a slash; to open that could do anything.
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) return -errno;
    if (length < 6 || memcmp(target, "pipe:[", 6) != 0) return -EPERM;
    // To read as well: with no reader left, a ring would raise SIGPIPE.
    int opened = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return opened < 0 ? -errno : opened;
}

void csystem_bell_ring(int opened) {
    ssize_t ignored = write(opened, "", 1);  // A full pipe is readable already.
    (void)ignored;
}

void csystem_bell_drain(int wake) {
    char rings[4096];
    ssize_t ignored = read(wake, rings, sizeof rings);  // An empty one is what is wanted.
    (void)ignored;
}

int csystem_random(void *bytes, uint64_t byte_count) {
    ssize_t count = getrandom(bytes, byte_count, 0);
    if (count < 0) return -errno;
    return (uint64_t)count == byte_count ? 0 : -EIO;
}

static socklen_t abstract_address(struct sockaddr_un *address, const void *name, uint64_t byte_count) {
    enum { most = 100 };
    if (byte_count == 0 || byte_count > most) return 0;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path + 1, name, byte_count);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + byte_count);
}

typedef int (*use_address)(int socket, const struct sockaddr *address, socklen_t byte_count);

static int socket_with(use_address use, const void *name, uint64_t byte_count) {
    struct sockaddr_un address;
    socklen_t address_byte_count = abstract_address(&address, name, byte_count);
    if (address_byte_count == 0) return -EINVAL;
    int made = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) return -errno;
    if (use(made, (const struct sockaddr *)&address, address_byte_count) == 0) return made;
    int error = errno;
    close(made);
    return -error;
}

static int bind_to(int socket, const struct sockaddr *address, socklen_t byte_count) {
    return bind(socket, address, byte_count);
}

static int connect_to(int socket, const struct sockaddr *address, socklen_t byte_count) {
    return connect(socket, address, byte_count);
}

int csystem_listen(const void *name, uint64_t byte_count, int backlog) {
    int listener = socket_with(bind_to, name, byte_count);
    if (listener < 0 || listen(listener, backlog) == 0) return listener;
    int error = errno;
    close(listener);
    return -error;
}

int csystem_connect(const void *name, uint64_t byte_count) { return socket_with(connect_to, name, byte_count); }

int csystem_peer_credentials(int socket, uint32_t *uid, int32_t *pid) {
    struct ucred credentials;
    socklen_t byte_count = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &byte_count) < 0) return -errno;
    *uid = credentials.uid;
    *pid = credentials.pid;
    return 0;
}

enum { descriptor_limit = 4 };

typedef union {
    struct cmsghdr header;  // For its alignment.
    char bytes[CMSG_SPACE(descriptor_limit * sizeof(int))];
} control_buffer;

int csystem_send_message(int socket, const void *bytes, uint64_t byte_count, const int *descriptors, int count) {
    if (count < 1 || count > descriptor_limit) return -EINVAL;
    control_buffer control = {.bytes = {0}};
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = byte_count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes};
    message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, (size_t)count * sizeof(int));
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int csystem_receive_message(int socket, void *bytes, uint64_t byte_count, int *descriptors, int count) {
    if (count < 0 || count > descriptor_limit) return -EINVAL;
    control_buffer control;
    struct iovec piece = {.iov_base = bytes, .iov_len = byte_count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes};
    message.msg_controllen = sizeof control.bytes;
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) return -errno;
    int found[descriptor_limit], found_count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here && found_count < descriptor_limit; i++) {
            memcpy(&found[found_count++], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        }
    }
    // Descriptors are only missing when this process can have no more of them, or when the peer sent too many.
    int lost = (message.msg_flags & MSG_CTRUNC) != 0;
    if (!lost && !(message.msg_flags & MSG_TRUNC) && (uint64_t)received == byte_count && found_count == count) {
        memcpy(descriptors, found, (size_t)count * sizeof(int));
        return 0;
    }
    for (int i = 0; i < found_count; i++) close(found[i]);
    if (lost && found_count < count) return -EMFILE;
    return received == 0 && found_count == 0 ? -EPIPE : -EBADMSG;
}

int64_t csystem_peek_message(int socket, void *bytes, uint64_t byte_count) {
    ssize_t count = recv(socket, bytes, byte_count, MSG_PEEK | MSG_DONTWAIT);
    return count < 0 ? -errno : count;
}

int64_t csystem_read_process(int32_t pid, void *to, uint64_t from, uint64_t byte_count) {
    struct iovec here = {to, byte_count}, there = {(void *)(uintptr_t)from, byte_count};
    ssize_t count = process_vm_readv(pid, &here, 1, &there, 1, 0);
    return count > 0 ? count : count < 0 ? -errno : -EFAULT;
}

int64_t csystem_write_process(int32_t pid, uint64_t from, uint64_t byte_count, const uint64_t *place) {
    _Static_assert(sizeof(struct iovec) == 2 * sizeof(uint64_t), "an address and a size");
    struct iovec here = {(void *)(uintptr_t)from, byte_count};
    ssize_t count = process_vm_writev(pid, &here, 1, (const struct iovec *)place, 1, 0);
    return count < 0 ? -errno : count;
}
