/* handfast_transport.h - what a transport and the engine call of each other once a connection is up.
 *
 * A transport moves one ordered stream of bytes each way per connection; the engine cuts messages out of it.
 * Everything here is called on the one thread that drives the endpoint. No function may block.
 * Both tables begin with their size in bytes and a version, so that they can grow at the end.
 */
#ifndef HANDFAST_TRANSPORT_H
#define HANDFAST_TRANSPORT_H

#include <stdint.h>

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
} hf_transport_operations;

#endif
