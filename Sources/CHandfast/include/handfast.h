/* handfast.h - joins two processes by the fastest path that really works between them; for C, C++, and what calls C.
 *
 * Rules for every function, unless its comment says otherwise:
 * Result    hf_status. An error's details are those of hf_error_get() on the same thread until its next error. Results
 *           come by the last parameters, which are written when the result is HF_OK, and left alone else.
 * NULL      HF_ERROR_ARGUMENT for a result or a text; allowed for bytes of which there are none, and where a comment
 *           says so.
 * Waiting   None but the functions with a timeout, in nanoseconds: 0 looks once, HF_FOREVER has no limit. When it is over
 *           the result is HF_NOT_READY and nothing has changed.
 * Threads   HF_THREAD_SINGLE: one at a time for an endpoint and all that belongs to it. HF_THREAD_MULTIPLE: any, at any
 *           time; a call waits for calls of others, which are short: nobody keeps the endpoint while it sleeps.
 * Progress  Nothing moves but in hf_progress, in the functions with a timeout and in the call that sends.
 * Memory    What is sent or received into is the library's until the request is complete; everything else that is
 *           passed is needed for the call only. Nothing is to be freed but what hf_memory_allocate gives.
 * Handles   See handfast_types.h: those that are not good are errors, and so are those of another endpoint where the
 *           two must be the same (HF_ERROR_ARGUMENT).
 * Texts     Results are copied into an array of `room` bytes with a zero at the end. `byte_count`, which may be NULL, gets
 *           the length with the zero, also when that is more than the room: then the result is HF_ERROR_TRUNCATED and
 *           what fits is there. An array of no room may be NULL.
 * Calling   The log and the functions that match are all that the library calls. For the rest there is something to ask:
 *           hf_queue_poll for results of any number of requests, hf_accept for connections that peers have made,
 *           hf_endpoint_take_event for those that have ended, hf_take_message with a mask of 0 for messages that nobody
 *           has asked for.
 * Signals   No function sets a handler, ends the process, or writes but to the log. Documentation/Embedding.md.
 */
#ifndef HANDFAST_H
#define HANDFAST_H

#include <stddef.h>
#include <sys/uio.h>

#include "handfast_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The library ---- */

/* The version of the library that runs, in the form of HF_VERSION. Never fails. */
uint32_t hf_version(void);

/* A word or two for a code, for ever good; "unknown" for what is none. Never fails. */
const char *hf_status_text(hf_status status);
const char *hf_state_text(hf_connection_state state);
const char *hf_outcome_text(hf_outcome outcome);
const char *hf_event_text(hf_event_kind kind);

/* The last error of this thread; HF_OK with empty text when there was none. */
hf_status hf_error_get(hf_error *error);

/* Its text alone, good until the next error of this thread. Never fails. */
const char *hf_error_text(void);

/* ---- Endpoints: a process's own end ---- */

/* Makes an endpoint. Reads the environment, which must not change meanwhile.
 * `options` may be NULL: all defaults. HF_ERROR_ARGUMENT names the setting, its value and what is allowed. */
hf_status hf_endpoint_create(const hf_options *options, hf_endpoint *endpoint);

/* Begins to accept peers. `host` is an IP address, NULL for all of this host; `port` 0 for any that is free.
 * HF_ERROR_ARGUMENT when `host` is no IP address or the endpoint listens already, HF_ERROR_SYSTEM when the system refuses, as
 * for an address of another host or a port in use. */
hf_status hf_endpoint_listen(hf_endpoint endpoint, const char *host, uint16_t port);

/* Where peers reach it: the text for hf_connect. HF_NOT_READY before hf_endpoint_listen. The first is one place, the
 * second all of them, at most 16, the best first. */
hf_status hf_endpoint_address(hf_endpoint endpoint, char *text, size_t room, size_t *byte_count);
hf_status hf_endpoint_addresses(hf_endpoint endpoint, char *text, size_t room, size_t *byte_count);

/* Its name. */
hf_status hf_endpoint_name(hf_endpoint endpoint, char *text, size_t room, size_t *byte_count);

/* Closes all connections in order and stops listening. hf_endpoint_is_closed tells when nothing is left; that needs
 * progress. */
hf_status hf_endpoint_close(hf_endpoint endpoint);
hf_status hf_endpoint_is_closed(hf_endpoint endpoint, bool *is_closed);

/* Ends everything at once and makes all its handles stale. Peers see their connections break unless it was closed first.
 * Memory of requests that were under way is the caller's again. Other threads that wait on it get HF_ERROR_STALE. */
hf_status hf_endpoint_destroy(hf_endpoint endpoint);

/* Moves what there is to move. Costs the same with one idle connection and with ten thousand.
 * `count` may be NULL; it gets how many things were done. */
hf_status hf_progress(hf_endpoint endpoint, uint32_t *count);

/* A descriptor for a program's own epoll or poll: readable when there is something to do, after hf_endpoint_arm. It is
 * never to be read or closed, and stays the same until the endpoint is destroyed. */
hf_status hf_endpoint_fd(hf_endpoint endpoint, int *fd);

/* To be called right before every sleep on the descriptor, with no other call on the endpoint in between.
 * HF_OK: sleep, but at most so many milliseconds, -1 for no limit; then call hf_progress until it finds nothing.
 * HF_NOT_READY: there is something to do now: call hf_progress.
 * It does not look at what waits for the program: results, messages, connections, events are to be taken before. */
hf_status hf_endpoint_arm(hf_endpoint endpoint, int *timeout_milliseconds);

/* Takes the oldest connection that a peer has made; HF_NOT_READY when there is none. */
hf_status hf_accept(hf_endpoint endpoint, hf_connection *connection);

/* Takes the oldest news of a connection that has ended; HF_NOT_READY when there is none. The requests on it have failed
 * by then. At most one event of each connection is kept. */
hf_status hf_endpoint_take_event(hf_endpoint endpoint, hf_event *event);

/* The connections of the endpoint that the program has a handle of and has not closed, one by one: the next behind `after`,
 * HF_NONE for the first; HF_NOT_READY behind the last. `after` may be stale by now. One that is made meanwhile may be passed
 * over. Takes time with the number of connections, by 64. */
hf_status hf_endpoint_next_connection(hf_endpoint endpoint, hf_connection after, hf_connection *connection);

/* What to look at when a job hangs at its start: a line for each connect under way, the longest first, with the peer,
 * what has not come yet and since when; empty when there is none. */
hf_status hf_endpoint_pending(hf_endpoint endpoint, char *text, size_t room, size_t *byte_count);

/* Transports and settings by their place, from 0; HF_NOT_READY behind the last. */
hf_status hf_endpoint_transport(hf_endpoint endpoint, uint32_t index, hf_transport_info *info);
hf_status hf_endpoint_setting(hf_endpoint endpoint, uint32_t index, hf_setting_info *info);
/* A setting by its name; HF_ERROR_ARGUMENT when there is none. */
hf_status hf_endpoint_setting_named(hf_endpoint endpoint, const char *name, hf_setting_info *info);

/* ---- Connections ---- */

/* Begins to connect to an address such as `10.0.0.1:5000@rank0` or `node7:5000`; the connection can be used at once, what
 * is sent is queued. `options` may be NULL. On demand it only notes the peer, which must have a name in the address; the
 * endpoint must listen. A host name is resolved on a thread of the library's that lives no longer than that takes.
 * HF_ERROR_ARGUMENT has the place in the text; HF_ERROR_NO_TRANSPORT lists each with its reason. */
hf_status hf_connect(
    hf_endpoint endpoint, const char *address, const hf_connect_options *options, hf_connection *connection);

/* Makes progress until it is up, or the timeout is over. An error tells why it is not up. HF_OK at once for one on demand
 * that nobody has used. */
hf_status hf_connection_wait(hf_connection connection, int64_t timeout_ns);

/* HF_STATE_CLOSED also for a stale handle. */
hf_status hf_connection_state_get(hf_connection connection, hf_connection_state *state);

/* The peer's name, empty when it is not known; the transport's name, HF_NOT_READY when there is none. */
hf_status hf_connection_peer_name(hf_connection connection, char *text, size_t room, size_t *byte_count);
hf_status hf_connection_transport(hf_connection connection, char *text, size_t room, size_t *byte_count);

/* Whether the peer runs on this host, under the same kernel and in the same namespaces; HF_NOT_READY while that is not
 * known, which it is when the connection is up. */
hf_status hf_connection_is_local(hf_connection connection, bool *is_local);

/* A pointer of the program's, kept with the connection until its handle is stale; NULL before it is set, also for a connection
 * that a peer has made. The library does nothing with it. Reading it takes what hf_request_status does. */
hf_status hf_connection_set_context(hf_connection connection, void *context);
hf_status hf_connection_context(hf_connection connection, void **context);

/* Why it ended; `error->status` is HF_OK while it lives, and after this side's own close. */
hf_status hf_connection_error(hf_connection connection, hf_error *error);

/* What became of each transport, by its place, from 0; HF_NOT_READY behind the last. Complete when it is no longer
 * connecting. */
hf_status hf_connection_decision(hf_connection connection, uint32_t index, hf_decision *decision);

/* Closes in order: what was sent goes out, then both sides say goodbye. The handle is stale when that is done; receives
 * on it end with HF_ERROR_CLOSED, and messages of the peer that nobody has received are dropped, also when the peer has
 * closed before: hf_probe tells whether there are some. One that is not up yet ends at once, with all that waits for it:
 * hf_connection_wait comes first where that matters. */
hf_status hf_connection_close(hf_connection connection);

/* ---- Messages ---- */

/* Sends a message: a user header, which the receiver matches by, and a payload of at most 2^40-1 bytes. Messages of one
 * connection arrive in the order of the calls. The request is complete when both may be used again, perhaps not before the
 * peer has posted a receive; that does not mean that the peer has received. It is to be tested, waited for, released or put
 * in a queue. Errors: the one by which the connection ended, HF_ERROR_RESOURCES, HF_ERROR_ARGUMENT; then there is no request. */
hf_status hf_send(
    hf_connection connection, const void *payload, uint64_t byte_count, const void *header,
    uint32_t header_byte_count, hf_request *request);

/* The same with a header that is a tag alone: eight bytes, little endian. */
hf_status hf_send_tag(
    hf_connection connection, const void *payload, uint64_t byte_count, uint64_t tag, hf_request *request);

/* The same with a payload that lies in several places, at most 16; the list is needed for the call only. */
hf_status hf_send_pieces(
    hf_connection connection, const struct iovec *pieces, uint32_t piece_count, const void *header,
    uint32_t header_byte_count, hf_request *request);

/* Sends a small message and is done with it: all memory is the caller's again at once. Header and payload have at most
 * 65,536 bytes together. HF_ERROR_RESOURCES when 1 MiB of copies waits: nothing was sent, and progress makes room.
 * Whether it got out is told by the connection alone. */
hf_status hf_send_copy(
    hf_connection connection, const void *payload, uint64_t byte_count, const void *header,
    uint32_t header_byte_count);

/* Posts a receive for the next message whose tag is `tag` in the bits of `mask`; a mask of 0 takes any message. `from` is
 * HF_NONE for any connection. A message that is longer than its room completes it with HF_ERROR_TRUNCATED, and what
 * fits is there. No room for the header means that it does not matter. Receives match in the order in which they were
 * posted. */
hf_status hf_receive(
    hf_endpoint endpoint, hf_connection from, void *payload, uint64_t byte_count, void *header,
    uint32_t header_byte_count, uint64_t tag, uint64_t mask, hf_request *request);

/* The same for the next message that `match` is true for. It costs an allocation. */
hf_status hf_receive_where(
    hf_endpoint endpoint, hf_connection from, void *payload, uint64_t byte_count, void *header,
    uint32_t header_byte_count, hf_match_function match, void *context, hf_request *request);

/* Looks for a message that no receive has matched, and leaves it there. `header` gets what fits of the user header.
 * HF_NOT_READY when there is none in time. */
hf_status hf_probe(
    hf_endpoint endpoint, hf_connection from, uint64_t tag, uint64_t mask, int64_t timeout_ns, void *header,
    uint32_t header_byte_count, hf_message_info *info);

/* The same for a message that `match` is true for. */
hf_status hf_probe_where(
    hf_endpoint endpoint, hf_connection from, hf_match_function match, void *context, int64_t timeout_ns, void *header,
    uint32_t header_byte_count, hf_message_info *info);

/* Takes it: nothing else can match it any more, and it is to be received or dropped. */
hf_status hf_take_message(
    hf_endpoint endpoint, hf_connection from, uint64_t tag, uint64_t mask, int64_t timeout_ns, hf_message *message);

/* The same for a message that `match` is true for. */
hf_status hf_take_message_where(
    hf_endpoint endpoint, hf_connection from, hf_match_function match, void *context, int64_t timeout_ns,
    hf_message *message);

/* What is known of a message that was taken, and what fits of its user header. */
hf_status hf_message_look(hf_message message, void *header, uint32_t header_byte_count, hf_message_info *info);

/* Where its payload lies, to be read without a copy, until it is received or dropped or the endpoint is destroyed. HF_NOT_READY
 * while not all of it is here: what its sender keeps until it is received never is. */
hf_status hf_message_payload(hf_message message, const void **payload, uint64_t *byte_count);

/* Receives it, which ends the handle; the request is as that of hf_receive. */
hf_status hf_message_receive(
    hf_message message, void *payload, uint64_t byte_count, void *header, uint32_t header_byte_count,
    hf_request *request);

/* Gives it up, which ends the handle; its sender gets its memory back. */
hf_status hf_message_drop(hf_message message);

/* ---- Requests ----
 * A request is good until its result was taken: by hf_request_test or a wait that did not return HF_NOT_READY, by
 * hf_request_release, or by hf_queue_poll. The handle of a request that was complete at once, as of small sends, holds its
 * result itself and never becomes stale. `completion` may be NULL everywhere. */

/* Takes the result: HF_OK or why it failed; HF_NOT_READY while it is under way. */
hf_status hf_request_test(hf_request request, hf_completion *completion);

/* HF_OK when it is complete, however it ended, HF_NOT_READY while it is under way; takes nothing. */
hf_status hf_request_status(hf_request request);

/* Ends a receive that has not matched, or a send of which nothing is out. Either way the request completes, and its result
 * is to be taken. `is_cancelled`, which may be NULL, tells whether it was ended: then that is HF_ERROR_CANCELLED. */
hf_status hf_request_cancel(hf_request request, bool *is_cancelled);

/* Gives it up: a receive that has not matched is cancelled, a result dropped. What is under way goes on, and nobody is
 * told when it no longer needs its memory. HF_ERROR_ARGUMENT for one that is in a queue. */
hf_status hf_request_release(hf_request request);

/* Makes progress until it is complete, and takes its result. */
hf_status hf_wait(hf_request request, int64_t timeout_ns, hf_completion *completion);

/* Makes progress until one of a list is complete, takes its result, which is returned, and puts HF_NONE in its place.
 * HF_NONE is passed over. All are of one endpoint. `index` gets its place, HF_NO_INDEX when the list itself is the
 * error, as when it is all HF_NONE. Takes time with the length of the list; hf_queue_poll does not. */
hf_status hf_wait_any(
    hf_request *requests, uint32_t count, int64_t timeout_ns, uint32_t *index, hf_completion *completion);

/* Makes progress until all of a list are complete, takes their results, and puts HF_NONE in their places. Returns HF_OK or
 * the first that failed, by the order of the list. HF_NONE counts as HF_OK. `completions` are as many, or NULL. */
hf_status hf_wait_all(hf_request *requests, uint32_t count, int64_t timeout_ns, hf_completion *completions);

/* ---- Completion queues: results of many requests, in the order of their completion ---- */

hf_status hf_queue_create(hf_endpoint endpoint, hf_queue *queue);

/* Directs a request of the same endpoint to it, of whatever kind, complete or not. From then on its handle is good for
 * hf_request_cancel alone. `context` comes back with its completion. */
hf_status hf_queue_add(hf_queue queue, hf_request request, uint64_t context);

/* Takes at most so many results; `count` gets how many. Makes no progress. The details of an error are those of the last
 * one of them. */
hf_status hf_queue_poll(hf_queue queue, hf_completion *completions, uint32_t room, uint32_t *count);

/* Makes progress until it has a result. */
hf_status hf_queue_wait(hf_queue queue, int64_t timeout_ns);

/* How many requests are directed to it whose result nobody has taken. */
hf_status hf_queue_open_count(hf_queue queue, uint64_t *count);

/* Ends it, and drops the results in it. Its requests are as after hf_request_release. */
hf_status hf_queue_destroy(hf_queue queue);

/* ---- Memory that peers on this host read directly ---- */

/* Memory for what is sent, received or registered, which peers on this host may read without a system call: worth most for
 * payloads of HANDFAST_RENDEZVOUS_BYTES and more whose bytes were not written just before. Aligned to a page from 4,096 bytes on,
 * else to 64 bytes; what is in it is not defined. Where no transport has such memory, or no more of it (HANDFAST_SHM_HEAP_BYTES, or
 * the system's own), it is ordinary memory. It stays until hf_memory_free, whatever becomes of connections; hf_endpoint_destroy frees
 * all that is left. A forked child shares it with its parent. HF_ERROR_RESOURCES when there is no memory at all. */
hf_status hf_memory_allocate(hf_endpoint endpoint, uint64_t byte_count, void **bytes);

/* Gives it back: no request that is under way, and no registration, may use it any more. NULL does nothing. HF_ERROR_ARGUMENT, and
 * nothing happens, for what hf_memory_allocate has not given for this endpoint, or what was given back before. */
hf_status hf_memory_free(hf_endpoint endpoint, void *bytes);

/* ---- A peer's memory ---- */

/* Lets peers reach memory; `permissions` is a sum of HF_ALLOW_... Nothing is copied or pinned. It stays in place until
 * hf_memory_is_in_use says no. */
hf_status hf_memory_register(
    hf_endpoint endpoint, void *bytes, uint64_t byte_count, uint32_t permissions, hf_memory *memory);

/* What a peer needs, to be sent to it by any way. */
hf_status hf_memory_key(hf_memory memory, uint8_t key[HF_KEY_BYTE_COUNT]);

/* Refuses every further use of the key. What peers have begun may go on: hf_memory_is_in_use tells until when; it is HF_OK
 * also when the handle has become stale, with the answer no. */
hf_status hf_memory_deregister(hf_memory memory);
hf_status hf_memory_is_in_use(hf_memory memory, bool *is_in_use);

/* Write and read so many bytes at an offset of the peer's memory. `bytes` is the library's until the request is complete,
 * which is when the bytes are there. Operations of one connection are done at the peer in the order of the calls; against
 * messages there is no order but by hf_flush. HF_ERROR_ARGUMENT for a key that is none, of another endpoint, or whose
 * memory is too small, HF_ERROR_REJECTED when it does not allow that. */
hf_status hf_put(
    hf_connection connection, const void *bytes, uint64_t byte_count, const uint8_t key[HF_KEY_BYTE_COUNT],
    uint64_t offset, hf_request *request);
hf_status hf_get(
    hf_connection connection, void *bytes, uint64_t byte_count, const uint8_t key[HF_KEY_BYTE_COUNT], uint64_t offset,
    hf_request *request);

/* hf_put, and a value for hf_take_notification at the peer when all the bytes are there. */
hf_status hf_put_notify(
    hf_connection connection, const void *bytes, uint64_t byte_count, const uint8_t key[HF_KEY_BYTE_COUNT],
    uint64_t offset, uint64_t value, hf_request *request);

/* Change a number of 4 or 8 bytes in the peer's memory, at a multiple of its width; `fetched` of the completion is what it
 * was before. Atomic against each other, and against atomics of the peer's own threads. */
hf_status hf_fetch_add(
    hf_connection connection, const uint8_t key[HF_KEY_BYTE_COUNT], uint64_t offset, uint32_t byte_count,
    uint64_t value, hf_request *request);
hf_status hf_swap(
    hf_connection connection, const uint8_t key[HF_KEY_BYTE_COUNT], uint64_t offset, uint32_t byte_count,
    uint64_t value, hf_request *request);
hf_status hf_compare_swap(
    hf_connection connection, const uint8_t key[HF_KEY_BYTE_COUNT], uint64_t offset, uint32_t byte_count,
    uint64_t expected, uint64_t desired, hf_request *request);

/* A request that is complete when all operations before it are, of the connection or of all of the endpoint. */
hf_status hf_flush(hf_connection connection, hf_request *request);
hf_status hf_endpoint_flush(hf_endpoint endpoint, hf_request *request);

/* Takes the oldest notification; HF_NOT_READY when there is none. */
hf_status hf_take_notification(hf_endpoint endpoint, hf_notification *notification);

#ifdef __cplusplus
}
#endif

#endif
