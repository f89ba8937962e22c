/* handfast_transport.h - what a transport and the engine call of each other.
 *
 * A transport moves one ordered stream of bytes each way per connection; the engine cuts messages out of it.
 * First what is called once a connection is up, then, from `hf_transport_plugin` on, how a transport enters from a
 * shared object. Unless said otherwise all is called on the one thread that drives the endpoint, and no function may
 * block. A process may have several endpoints, each with its own thread and its own `transport`: what they share is the
 * transport's to guard. The tables begin with their size in bytes and a version, so that they can grow at the end.
 * Documentation/Transports.md tells the rules in words.
 */
#ifndef HANDFAST_TRANSPORT_H
#define HANDFAST_TRANSPORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_TRANSPORT_VERSION 1

/* One run of bytes to send; borrowed for the call only. */
typedef struct hf_piece {
    const void *bytes;
    uint64_t byte_count;
} hf_piece;

/* What the engine offers a transport. `connection` is the value given when the channel was opened. */
typedef struct hf_engine_operations {
    uint32_t byte_count; /* of this struct */
    uint32_t version;    /* HF_TRANSPORT_VERSION */

    /* Where the next bytes of the stream should go, for a transport that can choose. Returns the place and its size,
     * or NULL with the number of bytes that it is wise to read ahead elsewhere and then deliver. */
    void *(*place)(void *connection, uint64_t *byte_count);
    /* So many bytes were put where `place` said; at most its size. */
    void (*placed)(void *connection, uint64_t byte_count);
    /* The next bytes of the stream, valid for the call only. Returns how many were taken; fewer than given means:
     * keep the rest and say nothing more on this connection until `resume`. */
    uint64_t (*deliver)(void *connection, const void *bytes, uint64_t byte_count);
    /* After a `send` that did not take all: there is room again. */
    void (*writable)(void *connection);
    /* A `read` has ended; `error` is 0 or an errno: ECONNRESET only when `closed` or `lost` follows. */
    void (*read_done)(void *connection, uint64_t token, int32_t error);
    /* The channel has ended: `error` 0 when the peer closed it, else an errno. The last call for this connection. */
    void (*closed)(void *connection, int32_t error);
    /* The same after a failure that needs words: `reason` is UTF-8, ends with a zero, is valid for the call only, and says
     * where the path led, what happened and what to look at. */
    void (*lost)(void *connection, int32_t error, const char *reason);
} hf_engine_operations;

/* What a transport offers the engine: one table per transport, `transport` and `channel` are its own state. */
typedef struct hf_transport_operations {
    uint32_t byte_count; /* of this struct */
    uint32_t version;    /* HF_TRANSPORT_VERSION */

    /* Moves what there is to move, for all channels; its cost follows what arrived, not how many are open.
     * Returns how many things it did; 0 means that nothing was there. */
    uint32_t (*poll)(void *transport);
    /* Before the thread sleeps on the transport's descriptor. Returns 0 when the descriptor will become readable with
     * the next arrival; anything else means that something is there now: do not sleep. */
    int32_t (*arm)(void *transport);
    /* Takes the first bytes of the pieces, in order. Returns how many; fewer than all means: wait for `writable`. */
    uint64_t (*send)(void *channel, const hf_piece *pieces, uint32_t piece_count);
    /* The engine can take bytes again after a short `deliver`. */
    void (*resume)(void *channel);
    /* Reads memory that the peer named, into `destination`; `read_done` tells the end, possibly before this returns.
     * NULL when the transport cannot. Returns 0, or an errno when nothing was begun. */
    int32_t (*read)(void *channel, void *destination, uint64_t source, uint64_t byte_count, uint64_t token);
    /* Frees the channel. Bytes that `send` took are still delivered if the peer lives and no read is under way: after this
     * nothing is written into memory that was to be read into. */
    void (*close)(void *channel);

    /* The next four only where memory must be prepared before a peer can read it; all of them or none. */

    /* Lets the peer read memory until `conceal` or the end of the channel. Writes what is to travel in place of an address,
     * bit 63 clear, to which the reader may add an offset; it holds for this connection only, and for what is sent after it.
     * Returns 0, or an errno when this memory cannot be read. */
    int32_t (*expose)(void *channel, const void *memory, uint64_t byte_count, uint64_t *name);
    void (*conceal)(void *channel, uint64_t name);
    /* The program promises that memory stays where it is until `forget`: what it costs to prepare it may be kept. Both may be
     * called for memory that is in use. */
    void (*keep)(void *transport, const void *memory, uint64_t byte_count);
    void (*forget)(void *transport, const void *memory, uint64_t byte_count);

    /* Of a large payload on a channel whose attempt prefers it to `read`: 1 when this one comes sooner if its receiver reads it, 0
     * when not. Asked by the sender before it goes out, of its own memory with `is_own` 1, and by the receiver, of the peer's, with 0
     * when it is so long that it is fetched in any case. NULL for 0. */
    int32_t (*read_is_sooner)(void *channel, uint64_t address, uint64_t byte_count, int32_t is_own);

    /* The next two only where peers read some memory sooner than other; both of them or none. A shorter table has none. */

    /* Such memory, for the program to send from and receive into: aligned to a page from 4,096 bytes on, else to 64 bytes. It
     * is good until `release` or the end of the transport, whatever becomes of channels. NULL when there is none left. */
    void *(*allocate)(void *transport, uint64_t byte_count);
    /* Takes back what `allocate` gave, and nothing else. */
    void (*release)(void *transport, void *memory);
} hf_transport_operations;

/* The cold half: how a transport from a shared object comes to connections. Whatever happens here happens once per
 * program, endpoint or connection. */

#define HF_PLUGIN_VERSION 1

/* A wire number below it belongs to somebody else. */
#define HF_FIRST_FREE_NUMBER 0x4801u
/* The most bytes of the payload of a step. */
#define HF_STEP_BYTE_LIMIT 65536u

/* Why a transport is not used; written by the transport into memory of the caller. */
typedef struct hf_refusal {
    uint16_t code;   /* HF_REFUSED_..., for the peer's program */
    char text[1022]; /* for the user: one sentence in UTF-8 that ends with a zero, with figures and, if any, the remedy */
} hf_refusal;

#define HF_REFUSED_UNREACHABLE 3    /* it cannot work here, or between these two: no device, other host, other user */
#define HF_REFUSED_RESOURCES 4      /* it should work, but something ran out: memory, descriptors */
#define HF_REFUSED_MALFORMED_STEP 5 /* what the peer sent for it makes no sense */

/* One environment variable of the transport. All four are UTF-8, end with a zero, and stay as they are. */
typedef struct hf_plugin_setting {
    const char *name;          /* HANDFAST_, the transport's name in capitals with _ for -, _, and more */
    const char *default_value; /* as a user would write it */
    const char *allowed;       /* for errors: "a number of bytes from 1 to 4096" */
    const char *help;          /* one sentence: what it is for */
} hf_plugin_setting;

/* Whom a connection is to; borrowed for the call. */
typedef struct hf_peer {
    uint32_t byte_count; /* of this struct: it may grow at the end */
    uint32_t address_byte_count;
    const uint8_t *address; /* its IP address in network order, 4 or 16 bytes; 0 bytes when there is none */
    const char *name;       /* as the peer says it: UTF-8, ends with a zero */
    uint32_t is_local;      /* 1: same kernel and namespaces, as far as the peer says */
    uint32_t is_self;       /* 1: the peer is this endpoint */
} hf_peer;

/* The side that proposes the transport, and the other. */
#define HF_STARTER 0
#define HF_ANSWERER 1

/* What an attempt sends to its other end. */
typedef struct hf_step {
    uint32_t number;     /* 1 to 4 */
    uint32_t byte_count; /* of the payload; at most HF_STEP_BYTE_LIMIT */
    const void *payload; /* the attempt's own; valid until its next call */
} hf_step;

/* What `advance` answers. */
#define HF_WAIT 0     /* for the peer's next step, or until the attempt's descriptor is readable */
#define HF_STEP 1     /* send the step, then as HF_WAIT */
#define HF_ACCEPTED 2 /* it works as far as this side can see; nothing follows but `open` or `free_attempt` */
#define HF_REFUSED 3  /* the refusal says why; nothing follows but `free_attempt` */

/* A transport in a shared object. The table, and all that it points to, is never freed and never changes. Function
 * pointers that may be NULL say so. */
typedef struct hf_transport_plugin {
    uint32_t byte_count; /* of this struct */
    uint32_t version;    /* HF_PLUGIN_VERSION */

    /* The word for it in settings and reports: 1 to 32 of a-z, 0-9 and -, first a letter. No two transports share one. */
    const char *name;
    /* One line for reports: what it is. */
    const char *summary;
    /* On the wire, the same in all processes; HF_FIRST_FREE_NUMBER or more, and no other transport's. */
    uint32_t number;
    uint32_t setting_count; /* at most 64 */
    /* Its environment variables; NULL when there are none. */
    const hf_plugin_setting *settings;
    /* Whether a variable, named by its index, may hold this text. Called on any thread, also before `make`. NULL allows all. */
    int32_t (*allows)(uint32_t setting, const char *value);
    /* The data path; `read`, the four for exposed memory together, `read_is_sooner`, and the two that give memory may be NULL. */
    const hf_transport_operations *operations;

    /* The transport of one endpoint, what `operations` calls `transport`. `values` are the variables' texts in the order of
     * `settings`, borrowed for the call. Returns NULL when this host cannot have it, with the reason in `refusal`. It may be
     * made and destroyed without a connection, to learn whether it is available. */
    void *(*make)(const char *const *values, hf_refusal *refusal);
    /* Frees it. All its attempts have been freed and all channels closed. */
    void (*destroy)(void *transport);
    /* Readable when something arrives for an armed transport, the same at every call; -1 when it never sleeps: then the
     * endpoint that has it spins. It stays the transport's. */
    int32_t (*descriptor)(void *transport);

    /* One try at one connection, made on both sides. `role` is HF_STARTER or HF_ANSWERER. Returns NULL when it is known
     * beforehand that it cannot work, with the reason in `refusal`. */
    void *(*make_attempt)(void *transport, uint32_t role, const hf_peer *peer, hf_refusal *refusal);
    /* Called once at the beginning, then with each step of the peer, and when the attempt's descriptor is readable. `payload`
     * is borrowed for the call, and NULL when there is no step; an empty step has a payload of 0 bytes that is not NULL. It
     * comes from the peer: anything may be in it. Returns HF_WAIT, HF_STEP with `step`, HF_ACCEPTED, or HF_REFUSED with
     * `refusal`. A starter that can be its own peer accepts when it gets its own step back, and receives what it sends. */
    int32_t (*advance)(
        void *attempt, const void *payload, uint32_t byte_count, hf_step *step, hf_refusal *refusal);
    /* Readable when the attempt can go on without a step, the same at every call; -1 when it never can, and NULL for -1. */
    int32_t (*attempt_descriptor)(void *attempt);
    /* 1 when the channel goes on over the handshake's own TCP stream, and closes it in the end. NULL for 0. */
    int32_t (*takes_socket)(void *attempt);
    /* 1 when the peer can use its `operations.read` on this connection; else all payloads go through the channel. Asked when
     * both sides have accepted, before `open`. NULL for 1. */
    int32_t (*peer_reads)(void *attempt);
    /* 1 when a large payload comes sooner through the channel, while its sender makes progress, than by `read`. NULL for 0. */
    int32_t (*prefers_channel)(void *attempt);
    /* Both sides accepted: makes the channel. It must not fail: what could has been done before. NULL is a fault: the
     * connection ends, and the endpoint uses the transport for no other. `socket` is the handshake's stream, non-blocking, still
     * the engine's after NULL; `engine` outlives the channel; `connection` goes back with every call to it. Nothing of the
     * engine may be called before this has returned. */
    void *(*open)(void *attempt, int32_t socket, const hf_engine_operations *engine, void *connection);
    /* Frees the attempt, once, after `open` or in its place. What was not opened is given up. */
    void (*free_attempt)(void *attempt);
} hf_transport_plugin;

/* The one symbol that a shared object is asked for, with C linkage and default visibility. Called once per process, on any
 * thread. Returns the table, or NULL when there is none. */
const hf_transport_plugin *hf_transport_plugin_1(void);

#ifdef __cplusplus
}
#endif

#endif
