/* The heat in a square plate, by Jacobi's method: N x N points, of which each rank has some rows and needs the rows beside them
 * of its neighbours in every step. The result is compared with that of one process, and must be the same to the last bit.
 *
 *     stencil FOLDER [POINTS [STEPS]]        384 points and 400 steps unless given
 *
 * FOLDER is empty at first, and seen by all ranks. `start 4 stencil FOLDER` starts four on this host; `mpiexec -n 4` and
 * `srun -n 4` do, too. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ranks.h"

enum { TAG_UP = 1, TAG_DOWN, TAG_RESULT };

/* Rows of the plate, each of `points` values, and one more row above and below. */
typedef struct plate {
    int points, first, rows;
    double *now, *next;
} plate;

static double *row(const plate *plate, double *values, int index) { return values + (ptrdiff_t)index * plate->points; }

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Rows `first` and on, of a plate that is hot above, warmer to the right below, and cold elsewhere. */
static plate make_plate(int points, int first, int rows) {
    plate made = {points, first, rows, NULL, NULL};
    size_t count = (size_t)points * (size_t)(rows + 2);
    made.now = calloc(count, sizeof(double));
    made.next = calloc(count, sizeof(double));
    if (made.now == NULL || made.next == NULL) {
        fprintf(stderr, "no memory for %d rows of %d points\n", rows + 2, points);
        exit(1);
    }
    for (int column = 0; column < points; column++) {
        if (first == 0) made.now[column] = made.next[column] = 1;
        if (first + rows == points)
            row(&made, made.now, rows + 1)[column] = row(&made, made.next, rows + 1)[column] = (double)column / points;
    }
    return made;
}

static void free_plate(plate *plate) {
    free(plate->now);
    free(plate->next);
}

/* The mean of four neighbours; the outermost columns stay cold. */
static void relax(plate *plate, int from, int to) {
    for (int index = from; index <= to; index++) {
        const double *above = row(plate, plate->now, index - 1), *here = row(plate, plate->now, index);
        const double *below = row(plate, plate->now, index + 1);
        double *result = row(plate, plate->next, index);
        for (int column = 1; column < plate->points - 1; column++)
            result[column] = 0.25 * (above[column] + below[column] + here[column - 1] + here[column + 1]);
    }
}

static void swap(plate *plate) {
    double *old = plate->now;
    plate->now = plate->next;
    plate->next = old;
}

/* One step: rows at the edge go out, those inside are computed meanwhile, then those that needed the neighbours. */
static void step(ranks *all, plate *plate) {
    hf_request requests[4];
    int with[4], up = all->rank - 1, down = all->rank + 1, rows = plate->rows;
    uint32_t count = 0;
    uint64_t byte_count = (uint64_t)plate->points * sizeof(double);
    if (up >= 0) {
        with[count] = up, ranks_receive(all, up, row(plate, plate->now, 0), byte_count, TAG_DOWN, &requests[count]), count++;
        with[count] = up, ranks_send(all, up, row(plate, plate->now, 1), byte_count, TAG_UP, &requests[count]), count++;
    }
    if (down < all->size) {
        with[count] = down, ranks_receive(all, down, row(plate, plate->now, rows + 1), byte_count, TAG_UP, &requests[count]), count++;
        with[count] = down, ranks_send(all, down, row(plate, plate->now, rows), byte_count, TAG_DOWN, &requests[count]), count++;
    }
    relax(plate, 2, rows - 1);
    if (count > 0) ranks_wait(all, requests, with, count);
    relax(plate, 1, 1);
    if (rows > 1) relax(plate, rows, rows);
    swap(plate);
}

/* How many values of these rows are other than those of one process that has all of the plate. */
static uint64_t differences(const plate *mine, long steps) {
    plate whole = make_plate(mine->points, 0, mine->points);
    uint64_t count = 0;
    for (long index = 0; index < steps; index++) {
        relax(&whole, 1, whole.rows);
        swap(&whole);
    }
    for (int index = 1; index <= mine->rows; index++)
        for (int column = 0; column < mine->points; column++)
            if (row(mine, mine->now, index)[column] != row(&whole, whole.now, mine->first + index)[column]) count++;
    free_plate(&whole);
    return count;
}

/* Adds up at rank 0. */
static uint64_t sum(ranks *all, uint64_t value) {
    hf_request request;
    int first = 0;
    uint64_t result = value;
    if (all->rank != 0) {
        ranks_send(all, 0, &value, sizeof value, TAG_RESULT, &request);
        ranks_wait(all, &request, &first, 1);
    }
    for (int rank = 1; all->rank == 0 && rank < all->size; rank++) {
        ranks_receive(all, rank, &value, sizeof value, TAG_RESULT, &request);
        ranks_wait(all, &request, &rank, 1);
        result += value;
    }
    return result;
}

static long argument(int count, char **arguments, int index, long otherwise, long least, long most) {
    char *end;
    long value;
    if (index >= count) return otherwise;
    value = strtol(arguments[index], &end, 10);
    if (*arguments[index] != 0 && *end == 0 && value >= least && value <= most) return value;
    fprintf(stderr, "%s: a number from %ld to %ld is allowed\n", arguments[index], least, most);
    exit(1);
}

int main(int count, char **arguments) {
    char transport[32] = "nothing";
    int points = (int)argument(count, arguments, 2, 384, 3, 20000), share, rest;
    long steps = argument(count, arguments, 3, 400, 1, 1000000000);
    double began, took;
    uint64_t wrong;
    plate mine;
    ranks all;
    if (count < 2 || count > 4) {
        fprintf(stderr, "usage: stencil FOLDER [POINTS [STEPS]]\n");
        return 1;
    }
    ranks_find(&all);
    if (all.size > points) {
        fprintf(stderr, "%d ranks are more than %d rows\n", all.size, points);
        return 1;
    }
    ranks_start(&all, arguments[1]);
    share = points / all.size, rest = points % all.size;
    mine = make_plate(points, all.rank * share + (all.rank < rest ? all.rank : rest), share + (all.rank < rest));
    began = seconds();
    for (long index = 0; index < steps; index++) {
        step(&all, &mine);
        if (index > 0 || all.rank != 0) continue;
        if (all.size > 1) hf_connection_transport(all.peers[1], transport, sizeof transport, NULL);
        printf("%d ranks, %d x %d points, the first two joined by %s\n", all.size, points, points, transport);
        fflush(stdout);
    }
    took = seconds() - began;
    wrong = sum(&all, differences(&mine, steps));
    if (all.rank == 0 && wrong == 0) printf("%ld steps in %.3f s, %.2f us each: as one process computes it\n", steps, took, took / (double)steps * 1e6);
    if (all.rank == 0 && wrong != 0) fprintf(stderr, "%llu values are wrong\n", (unsigned long long)wrong);
    free_plate(&mine);
    ranks_finish(&all);
    return wrong != 0;
}
