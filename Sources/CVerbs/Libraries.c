/* Opens libibverbs and librdmacm, and finds their functions. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifdef CVERBS_HAS_HEADERS
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

cverbs_library cverbs_libraries;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded;

static void load(void) {
    void *verbs = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);
    void *connection = verbs ? dlopen("librdmacm.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!verbs || !connection) {
        loaded = verbs ? CVERBS_NO_CONNECTION_LIBRARY : CVERBS_NO_VERBS_LIBRARY;
        return;
    }
    int missing = 0;
#define X(library, result, name, parameters) \
    *(void **)&cverbs_libraries.name##_ = dlsym(library, #name); \
    if (!cverbs_libraries.name##_) missing = sizeof(#library) == sizeof("verbs") ? CVERBS_NO_VERBS_LIBRARY : CVERBS_NO_CONNECTION_LIBRARY;
    CVERBS_FUNCTIONS(X)
#undef X
    *(void **)&cverbs_libraries.ibv_query_port_ = dlsym(verbs, "ibv_query_port");
    if (!cverbs_libraries.ibv_query_port_) missing = CVERBS_NO_VERBS_LIBRARY;
    loaded = missing;
}

int cverbs_load(void) {
    pthread_once(&once, load);
    return loaded;
}
#else
int cverbs_load(void) { return CVERBS_NO_HEADERS; }
#endif
