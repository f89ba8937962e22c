/* The least that two processes need to tell each other something through shared memory.
 *
 * latency: up to 64 bytes, one cache line there and back, the flag in it; up to 16 KiB, a copy into the shared memory
 * and one out of it, since nothing less moves data that changes; above, one copy out of the sender's memory.
 * bandwidth: one copy of each message out of the sender's memory, half a window acknowledged at a time. It is the same
 * message each time, as with the tools, and so comes out of the receiver's cache when it fits there.
 * rate: a ring of cache lines, one a message.
 *
 * With READS the sender's memory is its own, and of 16 KiB and more the kernel copies out of it. */
#include "floor.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { LINE_BYTES = 64, DIRECT_FROM = 16 << 10 };

#ifdef READS
static const int memory_flags = MAP_PRIVATE;
#else
static const int memory_flags = MAP_SHARED;
#endif

struct line {
    _Alignas(LINE_BYTES) _Atomic uint64_t number;
    char payload[LINE_BYTES - sizeof(uint64_t)];
};

struct side {
    struct line flag, credit;
    struct line ring[WINDOW];
    char *memory; /* to send from; shared */
    char *own;
    pid_t process;
};

static inline void await(struct line *line, uint64_t number) {
    while (atomic_load_explicit(&line->number, memory_order_acquire) != number) {}
}

static inline void set(struct line *line, uint64_t number) {
    atomic_store_explicit(&line->number, number, memory_order_release);
}

static void *map(size_t bytes, int flags) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    memset(memory, 1, bytes);
    return memory;
}

static inline void copy_from(struct side *self, struct side *peer, size_t bytes) {
#ifdef READS
    if (bytes >= DIRECT_FROM) {
        struct iovec to = {self->own, bytes}, from = {peer->memory, bytes};
        if (process_vm_readv(peer->process, &to, 1, &from, 1, 0) != (ssize_t)bytes) fail("process_vm_readv");
        return;
    }
#endif
    memcpy(self->own, peer->memory, bytes);
}

static inline void put(struct side *self, size_t bytes, uint64_t number) {
    if (bytes > LINE_BYTES && bytes < DIRECT_FROM) memcpy(self->memory, self->own, bytes);
    set(&self->flag, number);
}

static inline void take(struct side *self, struct side *peer, size_t bytes, uint64_t number) {
    await(&peer->flag, number);
    if (bytes > LINE_BYTES) copy_from(self, peer, bytes);
    /* The copy is not to be left out. */
    __asm__ volatile("" : : "r"(self->own) : "memory");
}

static void answer(struct side *self, struct side *peer, size_t bytes) {
    for (uint64_t number = 1;; number++) {
        take(self, peer, bytes, number);
        put(self, bytes, number);
    }
}

static void latency(struct side *self, struct side *peer, const struct order *order) {
    double *halves = malloc(SAMPLE_LIMIT * sizeof *halves);
    size_t count = 0;
    /* The clock takes a tenth of the shortest round trips: it is asked after some. */
    int rounds = order->bytes < DIRECT_FROM ? 8 : 1;
    double start = now(), last = start, warm = start + order->seconds / 10;
    uint64_t number = 0;
    while (count < 4 || (last < warm + order->seconds && count < SAMPLE_LIMIT)) {
        for (int round = 0; round < rounds; round++) {
            put(self, order->bytes, ++number);
            take(self, peer, order->bytes, number);
        }
        double time = now();
        if (last >= warm) halves[count++] = (time - last) / 2 / rounds;
        last = time;
    }
    print_latency(halves, count);
}

/* Takes messages for ever: each out of its line, or out of the sender's memory. */
static void drain(struct side *self, struct side *peer, const struct order *order, size_t half) {
    int in_line = order->bytes <= LINE_BYTES;
    for (uint64_t number = 1;; number++) {
        if (in_line) {
            struct line *line = &peer->ring[number % WINDOW];
            await(line, number);
            memcpy(self->own, line->payload, sizeof line->payload);
        } else {
            while (atomic_load_explicit(&peer->flag.number, memory_order_acquire) < number) {}
            copy_from(self, peer, order->bytes);
        }
        __asm__ volatile("" : : "r"(self->own) : "memory");
        if (number % half == 0) set(&self->credit, number);
    }
}

static void stream(struct side *self, struct side *peer, const struct order *order, size_t half) {
    int in_line = order->bytes <= LINE_BYTES;
    double start = now(), warm = start + order->seconds / 10, began = 0;
    uint64_t number = 0, counted = 0;
    while (1) {
        for (size_t index = 0; index < half; index++) {
            number++;
            if (in_line) memcpy(self->ring[number % WINDOW].payload, self->own, order->bytes % LINE_BYTES);
            set(in_line ? &self->ring[number % WINDOW] : &self->flag, number);
        }
        /* The half before this one. */
        while (atomic_load_explicit(&peer->credit.number, memory_order_acquire) + half < number) {}
        double time = now();
        if (began == 0 && time >= warm) {
            began = time;
            counted = number;
        } else if (began != 0 && time >= began + order->seconds) {
            print_rate((double)(number - counted), order->bytes, time - began);
            return;
        }
    }
}

int main(int count, char **words) {
    struct order order = read_order(count, words);
    struct side *sides = map(2 * sizeof *sides, MAP_SHARED);
    memset(sides, 0, 2 * sizeof *sides);
    size_t bytes = order.bytes + LINE_BYTES, half = window(order.bytes) / 2;
    for (int index = 0; index < 2; index++) {
        sides[index].memory = map(bytes, memory_flags);
        sides[index].own = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES) / LINE_BYTES * LINE_BYTES);
        memset(sides[index].own, 2, bytes);
    }
    int is_latency = strcmp(order.test, "latency") == 0;
    /* Where only a parent may read, or nobody may, its floor is left out. */
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    sides[0].process = getpid();
    pid_t other = start_other(order.other_core);
    sides[1].process = other == 0 ? getpid() : other;
    /* Private memory is one's own only once it is written. */
    memset(sides[other == 0].memory, 1, bytes);
    if (other == 0) {
        if (is_latency) answer(&sides[1], &sides[0], order.bytes);
        drain(&sides[1], &sides[0], &order, half);
    }
    pin(order.core);
    if (is_latency) {
        latency(&sides[0], &sides[1], &order);
    } else {
        stream(&sides[0], &sides[1], &order, half);
    }
    end_other(other);
    return 0;
}
