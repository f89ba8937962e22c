/* VerbsLibraries.h - the functions of the two libraries, found when they are opened. */
#ifndef VERBS_LIBRARIES_H
#define VERBS_LIBRARIES_H

#if __has_include(<infiniband/verbs.h>) && __has_include(<rdma/rdma_cma.h>)
#define CVERBS_HAS_HEADERS 1
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include "CVerbs.h"

/* X(library, result, name, parameters) */
#define CVERBS_FUNCTIONS(X) \
    X(verbs, struct ibv_device **, ibv_get_device_list, (int *)) \
    X(verbs, void, ibv_free_device_list, (struct ibv_device **)) \
    X(verbs, const char *, ibv_get_device_name, (struct ibv_device *)) \
    X(verbs, struct ibv_context *, ibv_open_device, (struct ibv_device *)) \
    X(verbs, int, ibv_close_device, (struct ibv_context *)) \
    X(verbs, int, ibv_query_device, (struct ibv_context *, struct ibv_device_attr *)) \
    X(verbs, int, ibv_query_gid, (struct ibv_context *, uint8_t, int, union ibv_gid *)) \
    X(verbs, struct ibv_pd *, ibv_alloc_pd, (struct ibv_context *)) \
    X(verbs, int, ibv_dealloc_pd, (struct ibv_pd *)) \
    X(verbs, struct ibv_mr *, ibv_reg_mr, (struct ibv_pd *, void *, size_t, int)) \
    X(verbs, int, ibv_dereg_mr, (struct ibv_mr *)) \
    X(verbs, struct ibv_comp_channel *, ibv_create_comp_channel, (struct ibv_context *)) \
    X(verbs, int, ibv_destroy_comp_channel, (struct ibv_comp_channel *)) \
    X(verbs, struct ibv_cq *, ibv_create_cq, (struct ibv_context *, int, void *, struct ibv_comp_channel *, int)) \
    X(verbs, int, ibv_destroy_cq, (struct ibv_cq *)) \
    X(verbs, int, ibv_get_cq_event, (struct ibv_comp_channel *, struct ibv_cq **, void **)) \
    X(verbs, void, ibv_ack_cq_events, (struct ibv_cq *, unsigned int)) \
    X(verbs, struct ibv_srq *, ibv_create_srq, (struct ibv_pd *, struct ibv_srq_init_attr *)) \
    X(verbs, int, ibv_destroy_srq, (struct ibv_srq *)) \
    X(verbs, struct ibv_qp *, ibv_create_qp, (struct ibv_pd *, struct ibv_qp_init_attr *)) \
    X(verbs, int, ibv_modify_qp, (struct ibv_qp *, struct ibv_qp_attr *, int)) \
    X(verbs, int, ibv_destroy_qp, (struct ibv_qp *)) \
    X(verbs, int, ibv_get_async_event, (struct ibv_context *, struct ibv_async_event *)) \
    X(verbs, void, ibv_ack_async_event, (struct ibv_async_event *)) \
    X(verbs, const char *, ibv_wc_status_str, (enum ibv_wc_status)) \
    X(verbs, const char *, ibv_event_type_str, (enum ibv_event_type)) \
    X(connection, struct rdma_event_channel *, rdma_create_event_channel, (void)) \
    X(connection, void, rdma_destroy_event_channel, (struct rdma_event_channel *)) \
    X(connection, int, rdma_create_id, (struct rdma_event_channel *, struct rdma_cm_id **, void *, enum rdma_port_space)) \
    X(connection, int, rdma_destroy_id, (struct rdma_cm_id *)) \
    X(connection, int, rdma_resolve_addr, (struct rdma_cm_id *, struct sockaddr *, struct sockaddr *, int)) \
    X(connection, int, rdma_get_cm_event, (struct rdma_event_channel *, struct rdma_cm_event **)) \
    X(connection, int, rdma_ack_cm_event, (struct rdma_cm_event *)) \
    X(connection, const char *, rdma_event_str, (enum rdma_cm_event_type)) \
    X(connection, int, rdma_bind_addr, (struct rdma_cm_id *, struct sockaddr *)) \
    X(connection, int, rdma_listen, (struct rdma_cm_id *, int)) \
    X(connection, __be16, rdma_get_src_port, (struct rdma_cm_id *)) \
    X(connection, int, rdma_resolve_route, (struct rdma_cm_id *, int)) \
    X(connection, int, rdma_connect, (struct rdma_cm_id *, struct rdma_conn_param *)) \
    X(connection, int, rdma_accept, (struct rdma_cm_id *, struct rdma_conn_param *)) \
    X(connection, int, rdma_reject, (struct rdma_cm_id *, const void *, uint8_t))

/* `ibv_query_port` is a macro over a versioned symbol; the structure may be longer than the library writes. */
typedef struct cverbs_library {
#define X(library, result, name, parameters) result(*name##_) parameters;
    CVERBS_FUNCTIONS(X)
#undef X
    int (*ibv_query_port_)(struct ibv_context *, uint8_t, struct _compat_ibv_port_attr *);
} cverbs_library;

/* Written by `cverbs_load` until it has found all. */
extern cverbs_library cverbs_libraries;
#define CALL(name) cverbs_libraries.name##_

struct cverbs_device {
    struct ibv_context *context;
    struct ibv_pd *domain;
    struct ibv_comp_channel *channel;
    struct ibv_cq *completions;
    struct ibv_srq *receives;
    unsigned unacknowledged;
    struct ibv_device_attr attributes;
    /* Of an iWARP device: what becomes of its connections. */
    struct rdma_event_channel *connections;
};

struct cverbs_queue_pair {
    struct ibv_qp *pair;
    cverbs_device *device;
    uint8_t port;
};

#endif
#endif
