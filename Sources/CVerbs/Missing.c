/* What everything answers when the headers were not there. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifndef CVERBS_HAS_HEADERS
#include <errno.h>
#include <stddef.h>

#define UNUSED __attribute__((unused))

int cverbs_device_names(UNUSED char *names, UNUSED int limit) { return 0; }
cverbs_device *cverbs_device_open(UNUSED const char *name, UNUSED cverbs_sizes *sizes, int *error) {
    *error = -ENOSYS;
    return NULL;
}
void cverbs_device_close(UNUSED cverbs_device *device) {}
int cverbs_port_query(UNUSED cverbs_device *device, UNUSED uint8_t port, UNUSED cverbs_port *found) { return -ENOSYS; }
int cverbs_gid_query(
    UNUSED cverbs_device *device, UNUSED uint8_t port, UNUSED int index, UNUSED uint8_t gid[16], UNUSED uint8_t *kind) {
    return -ENOSYS;
}
cverbs_region *cverbs_register(
    UNUSED cverbs_device *device, UNUSED void *start, UNUSED uint64_t byte_count, UNUSED int access, int *error) {
    *error = -ENOSYS;
    return NULL;
}
void cverbs_deregister(UNUSED cverbs_region *region) {}
uint32_t cverbs_local_key(UNUSED const cverbs_region *region) { return 0; }
uint32_t cverbs_remote_key(UNUSED const cverbs_region *region) { return 0; }
cverbs_queue_pair *cverbs_queue_pair_make(
    UNUSED cverbs_device *device, UNUSED uint8_t port, UNUSED cverbs_queue_sizes *sizes, int *error) {
    *error = -ENOSYS;
    return NULL;
}
uint32_t cverbs_queue_pair_number(UNUSED const cverbs_queue_pair *pair) { return 0; }
void cverbs_queue_pair_destroy(UNUSED cverbs_queue_pair *pair) {}
int cverbs_queue_pair_connect(UNUSED cverbs_queue_pair *pair, UNUSED const cverbs_path *path) { return -ENOSYS; }
void cverbs_queue_pair_break(UNUSED cverbs_queue_pair *pair) {}
int cverbs_post(UNUSED cverbs_queue_pair *pair, UNUSED const cverbs_work *works, UNUSED int count) { return -ENOSYS; }
int cverbs_send_inline(
    UNUSED cverbs_queue_pair *pair, UNUSED uint64_t number, UNUSED const void *start, UNUSED uint32_t byte_count,
    UNUSED int is_signaled) {
    return -ENOSYS;
}
int cverbs_post_receives(UNUSED cverbs_device *device, UNUSED const cverbs_receive *receives, UNUSED int count) {
    return -ENOSYS;
}
int cverbs_poll(UNUSED cverbs_device *device, UNUSED cverbs_completion *completions, UNUSED int limit) { return 0; }
const char *cverbs_status_text(UNUSED uint16_t status) { return ""; }
int cverbs_failure(UNUSED uint16_t status) { return 0; }
int cverbs_completion_descriptor(UNUSED const cverbs_device *device) { return -1; }
int cverbs_arm(UNUSED cverbs_device *device) { return -ENOSYS; }
void cverbs_disarm(UNUSED cverbs_device *device) {}
int cverbs_event_descriptor(UNUSED const cverbs_device *device) { return -1; }
int cverbs_next_event(UNUSED cverbs_device *device, UNUSED cverbs_event *event) { return 0; }
cverbs_connection *cverbs_connection_begin(
    UNUSED cverbs_queue_pair *pair, UNUSED const cverbs_meeting *meeting, UNUSED void *owner, int *error) {
    *error = -ENOSYS;
    return NULL;
}
cverbs_connection *cverbs_connection_listen(
    UNUSED cverbs_queue_pair *pair, UNUSED const cverbs_meeting *meeting, UNUSED void *owner, UNUSED uint16_t *port,
    int *error) {
    *error = -ENOSYS;
    return NULL;
}
void cverbs_connection_destroy(UNUSED cverbs_connection *connection) {}
void cverbs_connection_look(UNUSED const cverbs_connection *connection, cverbs_connection_news *news) {
    *news = (cverbs_connection_news){.state = CVERBS_CONNECTION_OVER, .error = -ENOSYS, .text = ""};
}
int cverbs_connection_descriptor(UNUSED const cverbs_device *device) { return -1; }
int cverbs_connection_next(UNUSED cverbs_device *device, UNUSED void **owner) { return 0; }
cverbs_resolver *cverbs_resolver_make(
    UNUSED const uint8_t *address, UNUSED int byte_count, UNUSED int milliseconds, int *error) {
    *error = -ENOSYS;
    return NULL;
}
int cverbs_resolver_descriptor(UNUSED const cverbs_resolver *resolver) { return -1; }
int cverbs_resolver_advance(UNUSED cverbs_resolver *resolver, UNUSED cverbs_resolution *found) { return -ENOSYS; }
void cverbs_resolver_destroy(UNUSED cverbs_resolver *resolver) {}
#endif
