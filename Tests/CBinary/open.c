/* The library by dlopen alone, with its names kept to itself: a message to itself, then closed and opened once more, as an
 * MPI library does with its plug-ins. Prints how long the loading took. Usage: open LIBRARY */
#include <dlfcn.h>
#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t seconds = 1000000000;

static void require(bool holds, const char *what, const char *why) {
    if (holds) return;
    fprintf(stderr, "open: not so: %s: %s\n", what, why == NULL ? "" : why);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* POSIX lets the address of a function be read from one of an object, in this way. */
#define FUNCTION(name)                                           \
    do {                                                         \
        *(void **)&name = dlsym(library, "hf_" #name);           \
        require(name != NULL, "dlsym of hf_" #name, dlerror()); \
    } while (0)

static void talk(void *library) {
    hf_status (*endpoint_create)(const hf_options *, hf_endpoint *);
    hf_status (*endpoint_listen)(hf_endpoint, const char *, uint16_t);
    hf_status (*endpoint_address)(hf_endpoint, char *, size_t, size_t *);
    hf_status (*endpoint_destroy)(hf_endpoint);
    hf_status (*connect)(hf_endpoint, const char *, const hf_connect_options *, hf_connection *);
    hf_status (*send_copy)(hf_connection, const void *, uint64_t, const void *, uint32_t);
    hf_status (*receive)(
        hf_endpoint, hf_connection, void *, uint64_t, void *, uint32_t, uint64_t, uint64_t, hf_request *);
    hf_status (*wait)(hf_request, int64_t, hf_completion *);
    const char *(*error_text)(void);
    hf_options options = hf_options_init();
    hf_connect_options on_demand = hf_connect_options_init();
    hf_completion completion = hf_completion_init();
    hf_endpoint endpoint;
    hf_connection connection;
    hf_request request;
    char address[256], text[8];

    FUNCTION(endpoint_create);
    FUNCTION(endpoint_listen);
    FUNCTION(endpoint_address);
    FUNCTION(endpoint_destroy);
    FUNCTION(connect);
    FUNCTION(send_copy);
    FUNCTION(receive);
    FUNCTION(wait);
    FUNCTION(error_text);
    options.name = "self";
    on_demand.mode = HF_CONNECT_ON_DEMAND;
    require(endpoint_create(&options, &endpoint) == HF_OK, "create", error_text());
    require(endpoint_listen(endpoint, "127.0.0.1", 0) == HF_OK, "listen", error_text());
    require(endpoint_address(endpoint, address, sizeof address, NULL) == HF_OK, "address", error_text());
    require(connect(endpoint, address, &on_demand, &connection) == HF_OK, "connect", error_text());
    require(send_copy(connection, "hello", 5, NULL, 0) == HF_OK, "send", error_text());
    require(receive(endpoint, HF_NONE, text, sizeof text, NULL, 0, 0, 0, &request) == HF_OK, "receive", error_text());
    require(wait(request, 10 * seconds, &completion) == HF_OK, "wait", error_text());
    require(completion.byte_count == 5 && memcmp(text, "hello", 5) == 0, "hello came", "");
    require(endpoint_destroy(endpoint) == HF_OK, "destroy", error_text());
}

int main(int count, char **arguments) {
    double began = now(), took;
    void *library;
    require(count == 2, "one argument", "the library");
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    took = now() - began;
    require(library != NULL, "dlopen", dlerror());
    require(dlsym(RTLD_DEFAULT, "hf_version") == NULL, "RTLD_LOCAL keeps its names from the program", "hf_version");
    talk(library);
    require(dlclose(library) == 0, "dlclose", dlerror());
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    require(library != NULL, "the second dlopen", dlerror());
    talk(library);
    printf("loaded in %.2f ms\n", took);
    return 0;
}
