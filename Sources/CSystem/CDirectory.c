#include <stdlib.h>
#include <string.h>

#include "CSystem.h"

#define KIND_COUNT 8
#define CHUNK_LIMIT (1u << 19)

static const uint64_t empty[1] = {0};
const uint64_t *csystem_directories[KIND_COUNT] = {empty, empty, empty, empty, empty, empty, empty, empty};
static uint64_t chunk_counts[KIND_COUNT];

int64_t csystem_add_chunk(uint32_t kind, void *chunk) {
    uint64_t number = chunk_counts[kind & 7];
    const uint64_t *directory = csystem_directories[kind & 7];
    if (number >= CHUNK_LIMIT) return -1;
    if (number == directory[0]) {
        uint64_t room = number == 0 ? 15 : 2 * number + 1;
        uint64_t *larger = calloc(room + 1, sizeof *larger);
        if (larger == NULL) return -1;
        memcpy(larger + 1, directory + 1, number * sizeof *larger);
        larger[0] = room;
        // Another thread may be reading the old one: it is not freed. All that are left behind are smaller than this.
        __atomic_store_n(&csystem_directories[kind & 7], larger, __ATOMIC_RELEASE);
        directory = larger;
    }
    __atomic_store_n((uint64_t *)&directory[1 + number], (uint64_t)(uintptr_t)chunk, __ATOMIC_RELEASE);
    chunk_counts[kind & 7] = number + 1;
    return (int64_t)number;
}
