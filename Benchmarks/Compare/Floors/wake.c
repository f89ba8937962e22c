/* The least that it takes to wake a process: an eventfd on whose epoll it sleeps, and its answer in shared memory.
 *
 * latency: there and back, the first after a silence of 20 ms each time; other arguments are taken and do not matter. */
#include "floor.h"

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

enum { SILENCE_US = 20000, COUNT = 101 };

static void answer(int event, _Atomic uint64_t *number) {
    int epoll = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN}, found;
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted) != 0) fail("epoll");
    while (1) {
        uint64_t rung;
        if (epoll_wait(epoll, &found, 1, -1) != 1) continue;
        if (read(event, &rung, sizeof rung) != sizeof rung) fail("read");
        atomic_fetch_add(number, 1);
    }
}

int main(int count, char **words) {
    struct order order = read_order(count, words);
    _Atomic uint64_t *number = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int event = eventfd(0, 0);
    if (number == MAP_FAILED || event < 0) fail("mmap, eventfd");
    pid_t other = start_other(order.other_core);
    if (other == 0) answer(event, number);
    pin(order.core);
    double times[COUNT];
    for (uint64_t index = 0; index < COUNT; index++) {
        usleep(SILENCE_US);
        uint64_t one = 1;
        double start = now();
        if (write(event, &one, sizeof one) != sizeof one) fail("write");
        while (atomic_load(number) != index + 1) {}
        times[index] = now() - start;
    }
    print_latency(times, COUNT);
    end_other(other);
    return 0;
}
