/* Queue pairs, what is posted to them, and what comes back. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifdef CVERBS_HAS_HEADERS
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int failure(void) { return errno > 0 ? -errno : -EIO; }

cverbs_queue_pair *cverbs_queue_pair_make(cverbs_device *device, uint8_t port, cverbs_queue_sizes *sizes, int *error) {
    cverbs_queue_pair *made = calloc(1, sizeof *made);
    *error = -ENOMEM;
    if (!made) return NULL;
    struct ibv_qp_init_attr wanted = {
        .send_cq = device->completions,
        .recv_cq = device->completions,
        .srq = device->receives,
        .qp_type = IBV_QPT_RC,
        .cap = {.max_send_wr = sizes->send_count, .max_send_sge = 1, .max_inline_data = sizes->inline_byte_count},
    };
    made->port = port;
    made->device = device;
    made->pair = CALL(ibv_create_qp)(device->domain, &wanted);
    while (!made->pair && wanted.cap.max_inline_data > 0) {
        /* Less may do: devices differ, and do not tell. */
        wanted.cap.max_inline_data /= 2;
        wanted.cap.max_send_wr = sizes->send_count;
        made->pair = CALL(ibv_create_qp)(device->domain, &wanted);
    }
    if (!made->pair) {
        *error = failure();
        free(made);
        return NULL;
    }
    sizes->inline_byte_count = wanted.cap.max_inline_data;
    *error = 0;
    return made;
}

uint32_t cverbs_queue_pair_number(const cverbs_queue_pair *pair) { return pair->pair->qp_num; }

void cverbs_queue_pair_destroy(cverbs_queue_pair *pair) {
    CALL(ibv_destroy_qp)(pair->pair);
    free(pair);
}

static enum ibv_mtu mtu(uint32_t byte_count) {
    enum ibv_mtu found = IBV_MTU_256;
    while (found < IBV_MTU_4096 && (256u << found) <= byte_count) found++;
    return found;
}

static int modify(cverbs_queue_pair *pair, struct ibv_qp_attr *attributes, int mask) {
    int error = CALL(ibv_modify_qp)(pair->pair, attributes, mask);
    return error > 0 ? -error : error < 0 ? failure() : 0;
}

int cverbs_queue_pair_connect(cverbs_queue_pair *pair, const cverbs_path *path) {
    struct ibv_qp_attr init = {
        .qp_state = IBV_QPS_INIT,
        .port_num = path->port,
        /* Each region has rights of its own. */
        .qp_access_flags = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE};
    int error = modify(pair, &init, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
    if (error != 0) return error;
    struct ibv_qp_attr receive = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = mtu(path->mtu_byte_count),
        .dest_qp_num = path->queue_pair_number,
        .rq_psn = path->packet_number,
        .max_dest_rd_atomic = path->read_limit,
        .min_rnr_timer = 12,
        .ah_attr = {.dlid = path->lid, .port_num = path->port, .is_global = path->is_global},
    };
    if (path->is_global) {
        memcpy(receive.ah_attr.grh.dgid.raw, path->gid, 16);
        receive.ah_attr.grh.sgid_index = path->gid_index;
        receive.ah_attr.grh.hop_limit = 64;
    }
    error = modify(
        pair, &receive,
        IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
            IBV_QP_MIN_RNR_TIMER);
    if (error != 0) return error;
    struct ibv_qp_attr send = {
        .qp_state = IBV_QPS_RTS,
        .timeout = path->timeout_exponent,
        .retry_cnt = path->retry_count,
        .rnr_retry = 6, /* 7 is without end. */
        .sq_psn = path->own_packet_number,
        .max_rd_atomic = path->read_limit,
    };
    return modify(
        pair, &send,
        IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

void cverbs_queue_pair_break(cverbs_queue_pair *pair) {
    struct ibv_qp_attr broken = {.qp_state = IBV_QPS_ERR};
    CALL(ibv_modify_qp)(pair->pair, &broken, IBV_QP_STATE);
}

int cverbs_post(cverbs_queue_pair *pair, const cverbs_work *works, int count) {
    struct ibv_send_wr requests[CVERBS_WORK_LIMIT], *bad;
    struct ibv_sge pieces[CVERBS_WORK_LIMIT];
    if (count > CVERBS_WORK_LIMIT) return -EINVAL;
    for (int index = 0; index < count; index++) {
        const cverbs_work *work = &works[index];
        struct ibv_send_wr *request = &requests[index];
        pieces[index] = (struct ibv_sge){(uintptr_t)work->start, work->byte_count, work->local_key};
        request->wr_id = work->number;
        request->next = index + 1 < count ? request + 1 : NULL;
        request->sg_list = &pieces[index];
        request->num_sge = 1;
        request->opcode = work->operation == CVERBS_READ    ? IBV_WR_RDMA_READ
                          : work->operation == CVERBS_WRITE ? IBV_WR_RDMA_WRITE
                                                            : IBV_WR_SEND;
        request->send_flags = (work->is_signaled ? IBV_SEND_SIGNALED : 0) | (work->is_inline ? IBV_SEND_INLINE : 0);
        request->wr.rdma.remote_addr = work->remote_address;
        request->wr.rdma.rkey = work->remote_key;
    }
    int error = ibv_post_send(pair->pair, requests, &bad);
    /* soft-iWARP answers with a negative errno, the others with a positive one. */
    return error > 0 ? -error : error;
}

int cverbs_send_inline(cverbs_queue_pair *pair, uint64_t number, const void *start, uint32_t byte_count, int is_signaled) {
    struct ibv_sge piece = {(uintptr_t)start, byte_count, 0};
    struct ibv_send_wr request, *bad;
    request.wr_id = number;
    request.next = NULL;
    request.sg_list = &piece;
    request.num_sge = 1;
    request.opcode = IBV_WR_SEND;
    request.send_flags = IBV_SEND_INLINE | (is_signaled ? IBV_SEND_SIGNALED : 0);
    int error = ibv_post_send(pair->pair, &request, &bad);
    return error > 0 ? -error : error;
}

int cverbs_post_receives(cverbs_device *device, const cverbs_receive *receives, int count) {
    struct ibv_recv_wr requests[CVERBS_WORK_LIMIT], *bad;
    struct ibv_sge pieces[CVERBS_WORK_LIMIT];
    if (count > CVERBS_WORK_LIMIT) return -EINVAL;
    for (int index = 0; index < count; index++) {
        pieces[index] =
            (struct ibv_sge){(uintptr_t)receives[index].start, receives[index].byte_count, receives[index].local_key};
        requests[index] = (struct ibv_recv_wr){
            receives[index].number, index + 1 < count ? &requests[index + 1] : NULL, &pieces[index], 1};
    }
    int error = ibv_post_srq_recv(device->receives, requests, &bad);
    return error > 0 ? -error : error;
}

int cverbs_poll(cverbs_device *device, cverbs_completion *completions, int limit) {
    struct ibv_wc found[CVERBS_WORK_LIMIT];
    int count = ibv_poll_cq(device->completions, limit < CVERBS_WORK_LIMIT ? limit : CVERBS_WORK_LIMIT, found);
    for (int index = 0; index < count; index++)
        completions[index] = (cverbs_completion){
            .number = found[index].wr_id,
            .queue_pair_number = found[index].qp_num,
            .byte_count = found[index].byte_len,
            .status = (uint16_t)found[index].status,
            .is_receive = (found[index].opcode & IBV_WC_RECV) != 0,
            .vendor_error = found[index].vendor_err,
        };
    return count < 0 ? 0 : count;
}

const char *cverbs_status_text(uint16_t status) { return CALL(ibv_wc_status_str)((enum ibv_wc_status)status); }

int cverbs_failure(uint16_t status) {
    switch ((enum ibv_wc_status)status) {
    case IBV_WC_RETRY_EXC_ERR: return CVERBS_FAILURE_NO_ANSWER;
    case IBV_WC_RNR_RETRY_EXC_ERR: return CVERBS_FAILURE_NO_BUFFER;
    case IBV_WC_REM_ACCESS_ERR: return CVERBS_FAILURE_REMOTE_ACCESS;
    case IBV_WC_WR_FLUSH_ERR: return CVERBS_FAILURE_EARLIER;
    default: return CVERBS_FAILURE_OTHER;
    }
}

int cverbs_completion_descriptor(const cverbs_device *device) { return device->channel->fd; }

int cverbs_arm(cverbs_device *device) {
    int error = ibv_req_notify_cq(device->completions, 0);
    return error > 0 ? -error : error;
}

void cverbs_disarm(cverbs_device *device) {
    struct ibv_cq *queue;
    void *context;
    while (CALL(ibv_get_cq_event)(device->channel, &queue, &context) == 0) device->unacknowledged++;
    /* To acknowledge takes a lock: rarely. */
    if (device->unacknowledged < 64) return;
    CALL(ibv_ack_cq_events)(device->completions, device->unacknowledged);
    device->unacknowledged = 0;
}
#endif
