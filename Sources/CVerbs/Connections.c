/* Connections of iWARP devices: librdmacm makes them, for queue pairs that are ours. */
#include "CVerbs.h"
#include "VerbsLibraries.h"

#ifdef CVERBS_HAS_HEADERS
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct cverbs_connection {
    struct rdma_cm_id *id;       /* of the connection */
    struct rdma_cm_id *listener; /* until the peer has come */
    cverbs_queue_pair *pair;
    void *owner;
    cverbs_meeting meeting;
    cverbs_connection_news news;
};

static int failure(void) { return errno > 0 ? -errno : -EIO; }

static void fill(struct sockaddr_storage *place, const uint8_t address[16], uint16_t port) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memset(place, 0, sizeof *place);
    if (memcmp(address, mapped, 12) == 0) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)place;
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        memcpy(&ipv4->sin_addr, address + 12, 4);
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)place;
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(port);
        memcpy(&ipv6->sin6_addr, address, 16);
    }
}

static int is_on(const struct rdma_cm_id *id, const cverbs_device *device) {
    return id->verbs && strcmp(
                            CALL(ibv_get_device_name)(id->verbs->device),
                            CALL(ibv_get_device_name)(device->context->device)) == 0;
}

/* What librdmacm does to a queue pair of its own. */
static int prepare(cverbs_queue_pair *pair) {
    struct ibv_qp_attr init = {
        .qp_state = IBV_QPS_INIT,
        .port_num = pair->port,
        .qp_access_flags = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE,
    };
    int error = CALL(ibv_modify_qp)(pair->pair, &init, IBV_QP_STATE | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
    return error > 0 ? -error : error < 0 ? failure() : 0;
}

static cverbs_connection *make(cverbs_queue_pair *pair, const cverbs_meeting *meeting, void *owner, int *error) {
    cverbs_connection *made = calloc(1, sizeof *made);
    *error = -ENOMEM;
    if (!made) return NULL;
    made->pair = pair;
    made->owner = owner;
    made->meeting = *meeting;
    made->news.text = "";
    *error = prepare(pair);
    if (*error == 0) return made;
    free(made);
    return NULL;
}

static int begin(cverbs_connection *connection) {
    const cverbs_meeting *meeting = &connection->meeting;
    struct sockaddr_storage own, peer;
    fill(&own, meeting->own, 0);
    fill(&peer, meeting->peer, meeting->port);
    struct rdma_event_channel *channel = connection->pair->device->connections;
    if (CALL(rdma_create_id)(channel, &connection->id, connection, RDMA_PS_TCP) != 0) return failure();
    if (CALL(rdma_resolve_addr)(
            connection->id, (struct sockaddr *)&own, (struct sockaddr *)&peer, meeting->milliseconds) != 0)
        return failure();
    return 0;
}

cverbs_connection *cverbs_connection_begin(
    cverbs_queue_pair *pair, const cverbs_meeting *meeting, void *owner, int *error) {
    cverbs_connection *made = make(pair, meeting, owner, error);
    if (!made) return NULL;
    *error = begin(made);
    if (*error == 0) return made;
    cverbs_connection_destroy(made);
    return NULL;
}

static int listen_once(cverbs_connection *connection) {
    struct sockaddr_storage own;
    fill(&own, connection->meeting.own, 0);
    struct rdma_event_channel *channel = connection->pair->device->connections;
    if (CALL(rdma_create_id)(channel, &connection->listener, connection, RDMA_PS_TCP) != 0) return failure();
    if (CALL(rdma_bind_addr)(connection->listener, (struct sockaddr *)&own) != 0) return failure();
    if (!is_on(connection->listener, connection->pair->device)) return -EADDRNOTAVAIL;
    if (CALL(rdma_listen)(connection->listener, 8) != 0) return failure();
    return 0;
}

static void stop_listening(cverbs_connection *connection) {
    if (connection->listener) CALL(rdma_destroy_id)(connection->listener);
    connection->listener = NULL;
}

cverbs_connection *cverbs_connection_listen(
    cverbs_queue_pair *pair, const cverbs_meeting *meeting, void *owner, uint16_t *port, int *error) {
    cverbs_connection *made = make(pair, meeting, owner, error);
    if (!made) return NULL;
    /* librdmacm gives out ports without a look at those that TCP uses. */
    for (int tries = 0; tries < 8; tries++) {
        *error = listen_once(made);
        if (*error != -EADDRINUSE) break;
        stop_listening(made);
    }
    if (*error != 0) {
        cverbs_connection_destroy(made);
        return NULL;
    }
    *port = ntohs(CALL(rdma_get_src_port)(made->listener));
    return made;
}

void cverbs_connection_destroy(cverbs_connection *connection) {
    stop_listening(connection);
    if (connection->id) CALL(rdma_destroy_id)(connection->id);
    free(connection);
}

void cverbs_connection_look(const cverbs_connection *connection, cverbs_connection_news *news) {
    *news = connection->news;
}

int cverbs_connection_descriptor(const cverbs_device *device) {
    return device->connections ? device->connections->fd : -1;
}

static struct rdma_conn_param parameters(cverbs_connection *connection) {
    return (struct rdma_conn_param){
        .private_data = connection->meeting.token,
        .private_data_len = CVERBS_TOKEN_BYTE_COUNT,
        .responder_resources = connection->meeting.read_limit,
        .initiator_depth = connection->meeting.read_limit,
        .retry_count = 7,
        .rnr_retry_count = 7,
        .srq = 1,
        .qp_num = connection->pair->pair->qp_num,
    };
}

static void *over(cverbs_connection *connection, int error) {
    connection->news.state = CVERBS_CONNECTION_OVER;
    connection->news.awaits_answer = 0;
    connection->news.error = error;
    return connection->owner;
}

static void *reach(cverbs_connection *connection) {
    if (!is_on(connection->id, connection->pair->device)) return over(connection, -ENODEV);
    if (CALL(rdma_resolve_route)(connection->id, connection->meeting.milliseconds) != 0)
        return over(connection, failure());
    return NULL;
}

static void *connect_pair(cverbs_connection *connection) {
    struct rdma_conn_param wanted = parameters(connection);
    if (CALL(rdma_connect)(connection->id, &wanted) != 0) return over(connection, failure());
    connection->news.awaits_answer = 1;
    return NULL;
}

static void *admit(cverbs_connection *connection, struct rdma_cm_id *id, int is_expected) {
    if (!is_expected || connection->id) {
        CALL(rdma_reject)(id, NULL, 0);
        CALL(rdma_destroy_id)(id);
        return NULL;
    }
    connection->id = id;
    stop_listening(connection);
    struct rdma_conn_param wanted = parameters(connection);
    wanted.private_data = NULL;
    wanted.private_data_len = 0;
    if (CALL(rdma_accept)(id, &wanted) != 0) return over(connection, failure());
    connection->news.awaits_answer = 1;
    return NULL;
}

int cverbs_connection_next(cverbs_device *device, void **owner) {
    struct rdma_cm_event *event;
    *owner = NULL;
    if (!device->connections || CALL(rdma_get_cm_event)(device->connections, &event) != 0) return 0;
    enum rdma_cm_event_type kind = event->event;
    struct rdma_cm_id *id = event->id;
    int status = event->status;
    cverbs_connection *connection = id->context;
    const struct rdma_conn_param *brought = &event->param.conn;
    int is_expected = kind == RDMA_CM_EVENT_CONNECT_REQUEST && brought->private_data_len >= CVERBS_TOKEN_BYTE_COUNT &&
                      memcmp(brought->private_data, connection->meeting.token, CVERBS_TOKEN_BYTE_COUNT) == 0;
    /* An id cannot be destroyed before. */
    CALL(rdma_ack_cm_event)(event);
    if (kind != RDMA_CM_EVENT_CONNECT_REQUEST) connection->news.text = CALL(rdma_event_str)(kind);
    switch (kind) {
    case RDMA_CM_EVENT_ADDR_RESOLVED: *owner = reach(connection); break;
    case RDMA_CM_EVENT_ROUTE_RESOLVED: *owner = connect_pair(connection); break;
    case RDMA_CM_EVENT_CONNECT_REQUEST: *owner = admit(connection, id, is_expected); break;
    case RDMA_CM_EVENT_ESTABLISHED:
        connection->news.state = CVERBS_CONNECTION_MADE;
        connection->news.awaits_answer = 0;
        *owner = connection->owner;
        break;
    case RDMA_CM_EVENT_ADDR_ERROR:
    case RDMA_CM_EVENT_ROUTE_ERROR:
    case RDMA_CM_EVENT_CONNECT_ERROR:
    case RDMA_CM_EVENT_UNREACHABLE:
    case RDMA_CM_EVENT_REJECTED:
    case RDMA_CM_EVENT_DISCONNECTED:
    case RDMA_CM_EVENT_DEVICE_REMOVAL: *owner = over(connection, status < 0 ? status : 0); break;
    default: break;
    }
    return 1;
}
#endif
