/* Devices, their ports and memory regions. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifdef CVERBS_HAS_HEADERS
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failure(void) { return errno > 0 ? -errno : -EIO; }

int cverbs_device_names(char *names, int limit) {
    int count = 0;
    struct ibv_device **list = CALL(ibv_get_device_list)(&count);
    if (!list) return 0;
    if (count > limit) count = limit;
    for (int index = 0; index < count; index++)
        snprintf(
            names + index * CVERBS_NAME_BYTE_COUNT, CVERBS_NAME_BYTE_COUNT, "%s",
            CALL(ibv_get_device_name)(list[index]));
    CALL(ibv_free_device_list)(list);
    return count;
}

static struct ibv_context *open_context(const char *name) {
    int count = 0;
    struct ibv_device **list = CALL(ibv_get_device_list)(&count);
    struct ibv_context *context = NULL;
    if (!list) return NULL;
    errno = ENODEV;
    for (int index = 0; index < count; index++)
        if (strcmp(CALL(ibv_get_device_name)(list[index]), name) == 0) {
            context = CALL(ibv_open_device)(list[index]);
            break;
        }
    int error = errno;
    CALL(ibv_free_device_list)(list);
    errno = error;
    return context;
}

static uint32_t at_most(uint32_t wanted, int limit) { return limit > 0 && (uint32_t)limit < wanted ? (uint32_t)limit : wanted; }

static int fill(cverbs_device *device, cverbs_sizes *sizes) {
    if (CALL(ibv_query_device)(device->context, &device->attributes) != 0) return failure();
    sizes->receive_count = at_most(sizes->receive_count, device->attributes.max_srq_wr);
    sizes->completion_count = at_most(sizes->completion_count, device->attributes.max_cqe);
    if (!(device->domain = CALL(ibv_alloc_pd)(device->context))) return failure();
    if (!(device->channel = CALL(ibv_create_comp_channel)(device->context))) return failure();
    fcntl(device->channel->fd, F_SETFL, fcntl(device->channel->fd, F_GETFL) | O_NONBLOCK);
    fcntl(device->context->async_fd, F_SETFL, fcntl(device->context->async_fd, F_GETFL) | O_NONBLOCK);
    if (device->context->device->transport_type == IBV_TRANSPORT_IWARP) {
        if (!(device->connections = CALL(rdma_create_event_channel)())) return failure();
        fcntl(device->connections->fd, F_SETFL, fcntl(device->connections->fd, F_GETFL) | O_NONBLOCK);
    }
    device->completions =
        CALL(ibv_create_cq)(device->context, (int)sizes->completion_count, NULL, device->channel, 0);
    if (!device->completions) return failure();
    struct ibv_srq_init_attr wanted = {.attr = {.max_wr = sizes->receive_count, .max_sge = 1}};
    if (!(device->receives = CALL(ibv_create_srq)(device->domain, &wanted))) return failure();
    return 0;
}

cverbs_device *cverbs_device_open(const char *name, cverbs_sizes *sizes, int *error) {
    cverbs_device *device = calloc(1, sizeof *device);
    *error = -ENOMEM;
    if (!device) return NULL;
    device->context = open_context(name);
    *error = device->context ? fill(device, sizes) : failure();
    if (*error == 0) return device;
    cverbs_device_close(device);
    return NULL;
}

void cverbs_device_close(cverbs_device *device) {
    if (device->receives) CALL(ibv_destroy_srq)(device->receives);
    if (device->completions) {
        cverbs_disarm(device);
        CALL(ibv_ack_cq_events)(device->completions, device->unacknowledged);
        CALL(ibv_destroy_cq)(device->completions);
    }
    if (device->channel) CALL(ibv_destroy_comp_channel)(device->channel);
    if (device->connections) CALL(rdma_destroy_event_channel)(device->connections);
    if (device->domain) CALL(ibv_dealloc_pd)(device->domain);
    if (device->context) CALL(ibv_close_device)(device->context);
    free(device);
}

static uint8_t smaller(int one, int other) {
    int least = one < other ? one : other;
    return (uint8_t)(least < 0 ? 0 : least > 255 ? 255 : least);
}

int cverbs_port_query(cverbs_device *device, uint8_t port, cverbs_port *found) {
    /* Longer than the structure, as newer libraries write more. */
    union {
        struct ibv_port_attr attributes;
        char room[256];
    } answer;
    memset(&answer, 0, sizeof answer);
    int error = CALL(ibv_query_port)(device->context, port, (struct _compat_ibv_port_attr *)&answer.attributes);
    if (error != 0) return error > 0 ? -error : failure();
    found->mtu_byte_count = 128u << answer.attributes.active_mtu;
    found->message_byte_limit = answer.attributes.max_msg_sz;
    found->gid_count = (uint32_t)answer.attributes.gid_tbl_len;
    found->lid = answer.attributes.lid;
    found->link_layer = answer.attributes.link_layer == IBV_LINK_LAYER_ETHERNET ? CVERBS_ETHERNET : CVERBS_INFINIBAND;
    found->is_active = answer.attributes.state == IBV_PORT_ACTIVE;
    found->is_iwarp = device->context->device->transport_type == IBV_TRANSPORT_IWARP;
    found->read_limit = smaller(device->attributes.max_qp_rd_atom, device->attributes.max_qp_init_rd_atom);
    return 0;
}

int cverbs_gid_query(cverbs_device *device, uint8_t port, int index, uint8_t gid[16], uint8_t *kind) {
    static const uint8_t empty[16];
    union ibv_gid found;
    if (CALL(ibv_query_gid)(device->context, port, index, &found) != 0) return -ENOENT;
    if (memcmp(found.raw, empty, 16) == 0) return -ENOENT;
    memcpy(gid, found.raw, 16);
    /* Where an entry has no type the port is no Ethernet. */
    char path[256], text[32] = "";
    const char *name = CALL(ibv_get_device_name)(device->context->device);
    snprintf(path, sizeof path, "/sys/class/infiniband/%s/ports/%u/gid_attrs/types/%d", name, port, index);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
        close(file);
    }
    *kind = strstr(text, "v2") ? CVERBS_GID_ROCE_2 : strstr(text, "v1") ? CVERBS_GID_ROCE_1 : CVERBS_GID_INFINIBAND;
    return 0;
}

cverbs_region *cverbs_register(cverbs_device *device, void *start, uint64_t byte_count, int access, int *error) {
    int is_iwarp = device->context->device->transport_type == IBV_TRANSPORT_IWARP;
    int flags = (access & (CVERBS_LOCAL_WRITE | CVERBS_READ_INTO) ? IBV_ACCESS_LOCAL_WRITE : 0) |
                (access & CVERBS_READ_INTO && is_iwarp ? IBV_ACCESS_REMOTE_WRITE : 0) |
                (access & CVERBS_REMOTE_WRITE ? IBV_ACCESS_REMOTE_WRITE : 0) |
                (access & CVERBS_REMOTE_READ ? IBV_ACCESS_REMOTE_READ : 0);
    struct ibv_mr *region = CALL(ibv_reg_mr)(device->domain, start, byte_count, flags);
    *error = region ? 0 : failure();
    return (cverbs_region *)region;
}

void cverbs_deregister(cverbs_region *region) { CALL(ibv_dereg_mr)((struct ibv_mr *)region); }
uint32_t cverbs_local_key(const cverbs_region *region) { return ((const struct ibv_mr *)region)->lkey; }
uint32_t cverbs_remote_key(const cverbs_region *region) { return ((const struct ibv_mr *)region)->rkey; }

int cverbs_event_descriptor(const cverbs_device *device) { return device->context->async_fd; }

int cverbs_next_event(cverbs_device *device, cverbs_event *event) {
    struct ibv_async_event found;
    if (CALL(ibv_get_async_event)(device->context, &found) != 0) return 0;
    *event = (cverbs_event){.text = CALL(ibv_event_type_str)(found.event_type)};
    switch (found.event_type) {
    case IBV_EVENT_PORT_ERR:
        event->kind = CVERBS_EVENT_PORT_DOWN;
        event->port = (uint8_t)found.element.port_num;
        break;
    case IBV_EVENT_DEVICE_FATAL:
    case IBV_EVENT_CQ_ERR:
    case IBV_EVENT_SRQ_ERR:
        event->kind = CVERBS_EVENT_DEVICE_GONE;
        break;
    case IBV_EVENT_QP_FATAL:
    case IBV_EVENT_QP_REQ_ERR:
    case IBV_EVENT_QP_ACCESS_ERR:
        event->kind = CVERBS_EVENT_QUEUE_PAIR;
        event->queue_pair_number = found.element.qp->qp_num;
        break;
    default: break;
    }
    CALL(ibv_ack_async_event)(&found);
    return 1;
}
#endif
