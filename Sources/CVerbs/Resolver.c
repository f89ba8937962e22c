/* Finds the device and port that lead to an IP address. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifdef CVERBS_HAS_HEADERS
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cverbs_resolver {
    struct rdma_event_channel *channel;
    struct rdma_cm_id *id;
};

static int failure(void) { return errno > 0 ? -errno : -EIO; }

static int begin(cverbs_resolver *resolver, const uint8_t *address, int byte_count, int milliseconds) {
    struct sockaddr_storage peer;
    memset(&peer, 0, sizeof peer);
    if (byte_count == 4) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)&peer;
        ipv4->sin_family = AF_INET;
        memcpy(&ipv4->sin_addr, address, 4);
    } else if (byte_count == 16) {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&peer;
        ipv6->sin6_family = AF_INET6;
        memcpy(&ipv6->sin6_addr, address, 16);
    } else {
        return -EINVAL;
    }
    if (!(resolver->channel = CALL(rdma_create_event_channel)())) return failure();
    fcntl(resolver->channel->fd, F_SETFL, fcntl(resolver->channel->fd, F_GETFL) | O_NONBLOCK);
    if (CALL(rdma_create_id)(resolver->channel, &resolver->id, NULL, RDMA_PS_TCP) != 0) return failure();
    if (CALL(rdma_resolve_addr)(resolver->id, NULL, (struct sockaddr *)&peer, milliseconds) != 0) return failure();
    return 0;
}

cverbs_resolver *cverbs_resolver_make(const uint8_t *address, int byte_count, int milliseconds, int *error) {
    cverbs_resolver *resolver = calloc(1, sizeof *resolver);
    *error = -ENOMEM;
    if (!resolver) return NULL;
    *error = begin(resolver, address, byte_count, milliseconds);
    if (*error == 0) return resolver;
    cverbs_resolver_destroy(resolver);
    return NULL;
}

int cverbs_resolver_descriptor(const cverbs_resolver *resolver) { return resolver->channel->fd; }

static int answer(const cverbs_resolver *resolver, cverbs_resolution *found) {
    if (!resolver->id->verbs) return -ENODEV;
    memset(found, 0, sizeof *found);
    snprintf(
        found->device, sizeof found->device, "%s", CALL(ibv_get_device_name)(resolver->id->verbs->device));
    found->port = resolver->id->port_num;
    found->is_iwarp = resolver->id->verbs->device->transport_type == IBV_TRANSPORT_IWARP;
    const struct sockaddr *source = &resolver->id->route.addr.src_addr;
    if (source->sa_family == AF_INET) {
        found->source[10] = found->source[11] = 0xff;
        memcpy(found->source + 12, &((const struct sockaddr_in *)source)->sin_addr, 4);
    } else if (source->sa_family == AF_INET6) {
        memcpy(found->source, &((const struct sockaddr_in6 *)source)->sin6_addr, 16);
    }
    return 1;
}

int cverbs_resolver_advance(cverbs_resolver *resolver, cverbs_resolution *found) {
    struct rdma_cm_event *event;
    if (CALL(rdma_get_cm_event)(resolver->channel, &event) != 0)
        return errno == EAGAIN || errno == EINTR ? 0 : failure();
    int is_done = event->event == RDMA_CM_EVENT_ADDR_RESOLVED;
    int status = event->status;
    CALL(rdma_ack_cm_event)(event);
    if (!is_done) return status < 0 ? status : -EHOSTUNREACH;
    return answer(resolver, found);
}

void cverbs_resolver_destroy(cverbs_resolver *resolver) {
    if (resolver->id) CALL(rdma_destroy_id)(resolver->id);
    if (resolver->channel) CALL(rdma_destroy_event_channel)(resolver->channel);
    free(resolver);
}
#endif
