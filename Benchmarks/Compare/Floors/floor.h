/* What both floors share: a clock, pinning, samples, and a second process that dies with the first. */
#ifndef FLOOR_H
#define FLOOR_H
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 64, WINDOW_BYTES = 16 << 20, SAMPLE_LIMIT = 1 << 20 };

struct order {
    const char *test;
    size_t bytes;
    double seconds;
    int core, other_core;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

static struct order read_order(int count, char **words) {
    if (count != 6) {
        fprintf(stderr, "%s latency|bandwidth|rate BYTES SECONDS CORE OTHER_CORE\n", words[0]);
        exit(2);
    }
    return (struct order){words[1], strtoull(words[2], NULL, 10), atof(words[3]), atoi(words[4]), atoi(words[5])};
}

/* As many messages in flight as `handfast perf` has. */
static size_t window(size_t bytes) {
    size_t fitting = WINDOW_BYTES / (bytes ? bytes : 1) / 2 * 2;
    return fitting < 2 ? 2 : fitting > WINDOW ? WINDOW : fitting;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Prints the median and the mean of half round trips. */
static void print_latency(double *halves, size_t count) {
    double sum = 0;
    for (size_t index = 0; index < count; index++) sum += halves[index];
    qsort(halves, count, sizeof *halves, ascending);
    printf("p50_us %.4f mean_us %.4f\n", halves[count / 2] * 1e6, sum / (double)count * 1e6);
}

static void print_rate(double messages, size_t bytes, double seconds) {
    printf("mb_per_s %.3f messages_per_s %.1f\n", messages * (double)bytes / seconds / 1e6, messages / seconds);
}

/* The other process: killed when this one goes. */
static pid_t start_other(int core) {
    pid_t parent = getpid(), other = fork();
    if (other < 0) fail("fork");
    if (other > 0) return other;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    pin(core);
    return 0;
}

static void end_other(pid_t other) {
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}
#endif
