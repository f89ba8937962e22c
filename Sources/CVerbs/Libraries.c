/* Opens libibverbs and librdmacm, and finds their functions. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifdef CVERBS_HAS_HEADERS
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

cverbs_library cverbs_libraries;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *verbs, *connection;
static int is_loaded;

#define MISSING(library) (&library == &verbs ? CVERBS_NO_VERBS_LIBRARY : CVERBS_NO_CONNECTION_LIBRARY)

static int load(void) {
    if (!verbs) verbs = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!verbs) return CVERBS_NO_VERBS_LIBRARY;
    if (!connection) connection = dlopen("librdmacm.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!connection) return CVERBS_NO_CONNECTION_LIBRARY;
#define X(library, result, name, parameters) \
    *(void **)&cverbs_libraries.name##_ = dlsym(library, #name); \
    if (!cverbs_libraries.name##_) return MISSING(library);
    CVERBS_FUNCTIONS(X)
#undef X
    *(void **)&cverbs_libraries.ibv_query_port_ = dlsym(verbs, "ibv_query_port");
    return cverbs_libraries.ibv_query_port_ ? 0 : CVERBS_NO_VERBS_LIBRARY;
}

int cverbs_load(char *why, int byte_count) {
    pthread_mutex_lock(&mutex);
    /* What failed may have been a shortage that is over: it is tried again. */
    int missing = is_loaded ? 0 : load();
    is_loaded = missing == 0;
    const char *text = missing ? dlerror() : NULL;
    if (byte_count > 0) snprintf(why, (size_t)byte_count, "%s", text ? text : "");
    pthread_mutex_unlock(&mutex);
    return missing;
}
#else
int cverbs_load(char *why, int byte_count) {
    if (byte_count > 0) *why = 0;
    return CVERBS_NO_HEADERS;
}
#endif
