/* CVerbs.h - of libibverbs and librdmacm what VerbsTransport uses, in types of its own.
 *
 * The libraries are opened by `cverbs_load`. Where their headers were missing when this was compiled, every
 * function answers as if there were no device, and `cverbs_load` says so. Functions return 0 or a negative errno unless they
 * say else; none blocks but where it is said. All of an object's functions are called on the thread of the endpoint that made it.
 */
#ifndef CVERBS_H
#define CVERBS_H

#include <stdint.h>

typedef struct cverbs_device cverbs_device;
typedef struct cverbs_queue_pair cverbs_queue_pair;
typedef struct cverbs_connection cverbs_connection;
typedef struct cverbs_region cverbs_region;
typedef struct cverbs_resolver cverbs_resolver;

/* Why there are no verbs: what `cverbs_load` returns. */
#define CVERBS_NO_HEADERS 1
#define CVERBS_NO_VERBS_LIBRARY 2
#define CVERBS_NO_CONNECTION_LIBRARY 3

/* Returns 0 when all is there. Else it is looked for again by the next call, and `why` has what the system says of it, with a
 * zero at its end; empty without headers. Any thread may call it. */
int cverbs_load(char *why, int byte_count);

/* MARK: Devices */

#define CVERBS_NAME_BYTE_COUNT 64

/* Writes the names of the devices that have a driver here, each CVERBS_NAME_BYTE_COUNT behind the one before, with a zero at
 * its end; opens none. Returns how many were written. */
int cverbs_device_names(char *names, int limit);

typedef struct cverbs_sizes {
    uint32_t receive_count;    /* receives that are posted at once, for all queue pairs together */
    uint32_t completion_count; /* completions that wait to be polled */
} cverbs_sizes;

/* Opens a device with one protection domain, one completion queue and one shared receive queue. The sizes are wishes, and are
 * what was granted afterwards. NULL with the reason in `error`, a negative errno. */
cverbs_device *cverbs_device_open(const char *name, cverbs_sizes *sizes, int *error);
/* All queue pairs and regions must be gone. */
void cverbs_device_close(cverbs_device *device);

#define CVERBS_INFINIBAND 1
#define CVERBS_ETHERNET 2

typedef struct cverbs_port {
    uint32_t mtu_byte_count;
    uint32_t message_byte_limit;
    uint32_t gid_count;
    uint16_t lid;
    uint8_t link_layer;
    uint8_t is_active;
    uint8_t is_iwarp;
    uint8_t read_limit; /* reads of ours that may be under way, and of the peer's, at the least of both */
} cverbs_port;

int cverbs_port_query(cverbs_device *device, uint8_t port, cverbs_port *found);

#define CVERBS_GID_INFINIBAND 0
#define CVERBS_GID_ROCE_1 1
#define CVERBS_GID_ROCE_2 2
#define CVERBS_GID_IWARP 3 /* in no table: an IP address */

/* An entry of a port's table; -ENOENT for one that is empty. */
int cverbs_gid_query(cverbs_device *device, uint8_t port, int index, uint8_t gid[16], uint8_t *kind);

/* MARK: Memory */

#define CVERBS_LOCAL_WRITE 1
#define CVERBS_REMOTE_READ 2
/* A read of ours puts its bytes here. With iWARP they come as a write of the peer's, so that it may write here. */
#define CVERBS_READ_INTO 4
#define CVERBS_REMOTE_WRITE 8 /* with CVERBS_LOCAL_WRITE */

cverbs_region *cverbs_register(cverbs_device *device, void *start, uint64_t byte_count, int access, int *error);
void cverbs_deregister(cverbs_region *region);
uint32_t cverbs_local_key(const cverbs_region *region);
uint32_t cverbs_remote_key(const cverbs_region *region);

/* MARK: Queue pairs */

typedef struct cverbs_queue_sizes {
    uint32_t send_count;
    uint32_t inline_byte_count;
} cverbs_queue_sizes;

/* The sizes are wishes, and are what was granted afterwards. */
cverbs_queue_pair *cverbs_queue_pair_make(cverbs_device *device, uint8_t port, cverbs_queue_sizes *sizes, int *error);
uint32_t cverbs_queue_pair_number(const cverbs_queue_pair *pair);
void cverbs_queue_pair_destroy(cverbs_queue_pair *pair);

typedef struct cverbs_path {
    uint8_t gid[16]; /* the peer's */
    uint32_t queue_pair_number;
    uint32_t packet_number;     /* of the peer's first packet */
    uint32_t own_packet_number; /* of ours */
    uint32_t mtu_byte_count;
    uint16_t lid;
    uint8_t port;      /* our own, as the next */
    uint8_t gid_index;
    uint8_t is_global; /* the packets need GIDs */
    uint8_t read_limit;
    uint8_t timeout_exponent; /* 4.096 us * 2^n until a packet is sent again */
    uint8_t retry_count;
} cverbs_path;

/* Takes a fresh queue pair to where it sends and receives. */
int cverbs_queue_pair_connect(cverbs_queue_pair *pair, const cverbs_path *path);
/* Everything that is posted ends, with an error unless it has ended before. */
void cverbs_queue_pair_break(cverbs_queue_pair *pair);

#define CVERBS_SEND 1
#define CVERBS_READ 2
#define CVERBS_WRITE 3

typedef struct cverbs_work {
    uint64_t number; /* comes back with the completion */
    void *start;
    uint32_t byte_count;
    uint32_t local_key; /* not looked at when inline */
    uint64_t remote_address; /* of a read or write, as the next */
    uint32_t remote_key;
    uint8_t operation;
    uint8_t is_signaled;
    uint8_t is_inline; /* the bytes are taken before the call returns */
} cverbs_work;

#define CVERBS_WORK_LIMIT 16

/* Posts at most CVERBS_WORK_LIMIT with one call of the device. */
int cverbs_post(cverbs_queue_pair *pair, const cverbs_work *works, int count);
/* The same for one send, whose bytes are taken before the call returns; in fewer instructions. */
int cverbs_send_inline(cverbs_queue_pair *pair, uint64_t number, const void *start, uint32_t byte_count, int is_signaled);

typedef struct cverbs_receive {
    uint64_t number;
    void *start;
    uint32_t byte_count;
    uint32_t local_key;
} cverbs_receive;

int cverbs_post_receives(cverbs_device *device, const cverbs_receive *receives, int count);

/* MARK: Completions */

typedef struct cverbs_completion {
    uint64_t number;
    uint32_t queue_pair_number;
    uint32_t byte_count;
    uint16_t status; /* 0: done */
    uint8_t is_receive; /* only to be believed when done */
    uint32_t vendor_error;
} cverbs_completion;

/* Returns how many there were. */
int cverbs_poll(cverbs_device *device, cverbs_completion *completions, int limit);
const char *cverbs_status_text(uint16_t status);

#define CVERBS_FAILURE_OTHER 0
#define CVERBS_FAILURE_NO_ANSWER 1
#define CVERBS_FAILURE_NO_BUFFER 2
#define CVERBS_FAILURE_REMOTE_ACCESS 3
#define CVERBS_FAILURE_EARLIER 4 /* the queue pair had failed before */

int cverbs_failure(uint16_t status);

/* Becomes readable with the next completion after `cverbs_arm`. */
int cverbs_completion_descriptor(const cverbs_device *device);
int cverbs_arm(cverbs_device *device);
/* Takes the events that have made the descriptor readable. */
void cverbs_disarm(cverbs_device *device);

/* Becomes readable when something happens to the device itself. */
int cverbs_event_descriptor(const cverbs_device *device);

#define CVERBS_EVENT_OTHER 0
#define CVERBS_EVENT_PORT_DOWN 1
#define CVERBS_EVENT_DEVICE_GONE 2
#define CVERBS_EVENT_QUEUE_PAIR 3

typedef struct cverbs_event {
    int kind;
    uint32_t queue_pair_number; /* of its kind only */
    uint8_t port; /* of a port's */
    const char *text;
} cverbs_event;

/* Returns 1 with an event, 0 when there is none. */
int cverbs_next_event(cverbs_device *device, cverbs_event *event);

/* MARK: Connections of iWARP devices, which librdmacm makes */

#define CVERBS_TOKEN_BYTE_COUNT 16

/* Addresses are of 16 bytes, IPv4 mapped. */
typedef struct cverbs_meeting {
    uint8_t own[16];  /* this host's, on the queue pair's device */
    uint8_t peer[16]; /* where it listens; nothing to a listener, as the next two */
    uint16_t port;
    int milliseconds; /* for finding the way */
    uint8_t token[CVERBS_TOKEN_BYTE_COUNT]; /* by which the listener knows the one that it waits for */
    uint8_t read_limit;
} cverbs_meeting;

/* Begins to connect a fresh queue pair to a peer that listens. NULL with the reason in `error`. With soft-iWARP it may be
 * the call of `cverbs_connection_next` that waits for the peer's TCP, as that device connects so. */
cverbs_connection *cverbs_connection_begin(
    cverbs_queue_pair *pair, const cverbs_meeting *meeting, void *owner, int *error);
/* Listens at `own` for the one peer that brings the token, turns others away, and connects a fresh queue pair to it. NULL with
 * the reason in `error`. */
cverbs_connection *cverbs_connection_listen(
    cverbs_queue_pair *pair, const cverbs_meeting *meeting, void *owner, uint16_t *port, int *error);
/* Before its queue pair, which is broken by it. Waits for the peer's answer while there is one to come. */
void cverbs_connection_destroy(cverbs_connection *connection);

#define CVERBS_CONNECTION_BEGUN 0
#define CVERBS_CONNECTION_MADE 1
#define CVERBS_CONNECTION_OVER 2 /* it could not be made, or has ended */

typedef struct cverbs_connection_news {
    uint8_t state;
    uint8_t awaits_answer; /* `cverbs_connection_destroy` would wait */
    int error;             /* 0 or a negative errno, when over */
    const char *text;      /* what happened last, as librdmacm calls it */
} cverbs_connection_news;

void cverbs_connection_look(const cverbs_connection *connection, cverbs_connection_news *news);

/* Becomes readable when `cverbs_connection_next` has something to do; -1 of a device that is not iWARP. */
int cverbs_connection_descriptor(const cverbs_device *device);
/* Goes on with what has happened to the connections of an iWARP device. Returns 1, with the owner of the one whose state has
 * changed or NULL, and 0 when there was nothing. */
int cverbs_connection_next(cverbs_device *device, void **owner);

/* MARK: Resolution by librdmacm */

typedef struct cverbs_resolution {
    char device[CVERBS_NAME_BYTE_COUNT];
    uint8_t port;
    uint8_t is_iwarp;
    uint8_t source[16]; /* our address towards the peer: 16 bytes, IPv4 mapped */
} cverbs_resolution;

/* Looks for the device and port that lead to an IP address, of 4 or 16 bytes. NULL with the reason in `error`. */
cverbs_resolver *cverbs_resolver_make(const uint8_t *address, int byte_count, int milliseconds, int *error);
/* Readable when `cverbs_resolver_advance` has something to do. */
int cverbs_resolver_descriptor(const cverbs_resolver *resolver);
/* Returns 1 when resolved, 0 as long as it is not, else a negative errno. */
int cverbs_resolver_advance(cverbs_resolver *resolver, cverbs_resolution *found);
void cverbs_resolver_destroy(cverbs_resolver *resolver);

#endif
