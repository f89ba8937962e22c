/* pipe.c - a transport from outside, in C: a pipe of the kernel between two processes of one host and user.
 *
 *     cc -std=c11 -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden -I Sources/CHandfast/include -o pipe.so pipe.c
 *
 * The starter listens on a Unix socket whose name has a random number, and sends the number. The answerer calls from a
 * socket whose own name has it too, by which the starter knows it. From there on both have a stream of bytes; an epoll
 * per endpoint tells which of them have something.
 */
#define _GNU_SOURCE
#include "handfast_transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EVENTS = 64, READS = 16, PIECES = 32, STAGING = 65536, TOKEN = 16 };

typedef struct pipe_state {
    int epoll;
    int depth; /* calls of the engine under way: what it closes in them is freed after the outermost */
    struct channel *freed;
    char staging[STAGING]; /* for bytes that the engine has no place for */
} pipe_state;

typedef struct channel {
    pipe_state *state;
    int socket;
    uint32_t watched;              /* what epoll was asked for; 0 when it does not know the socket */
    int is_closed, has_ended;      /* the engine closed; it was told of the end */
    int owes_room;                 /* a send was short */
    int send_error;                /* why nothing can be sent; told when all has been read */
    uint64_t held_start, held_end; /* what the engine did not take lies between them */
    char held[STAGING];
    const hf_engine_operations *engine;
    void *connection;
    struct channel *next;
} channel;
/* The data path. */
static int is_held(const channel *c) { return c->held_start < c->held_end; }
static void watch(channel *c) {
    uint32_t wanted = (is_held(c) || c->has_ended ? 0 : EPOLLIN) | (c->owes_room && !c->has_ended ? EPOLLOUT : 0);
    struct epoll_event event = { .events = wanted, .data.ptr = c };
    if (wanted == c->watched) return;
    /* A socket that can use nothing leaves, because epoll reports the death of a peer even to those who did not ask. */
    epoll_ctl(c->state->epoll, !wanted ? EPOLL_CTL_DEL : c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->socket, &event);
    c->watched = wanted;
}

static void leave(pipe_state *state) {
    if (--state->depth > 0) return;
    for (channel *c; (c = state->freed); free(c)) state->freed = c->next;
}

static void end(channel *c, int error) {
    c->has_ended = 1;
    watch(c);
    c->engine->closed(c->connection, error);
}

/* Gives the engine what came to the staging, and holds what it does not take. */
static void deliver(channel *c, uint64_t count) {
    uint64_t taken = c->engine->deliver(c->connection, c->state->staging, count);
    if (c->is_closed || taken >= count) return;
    memcpy(c->held, c->state->staging + taken, c->held_end = count - taken);
    c->held_start = 0;
    /* A broken stream always has room: with what is held its end may have to be told out of turn. */
    if (c->send_error) c->owes_room = 1;
    watch(c);
}

static void receive(channel *c) {
    for (int reads = 0; reads < READS && !c->is_closed && !c->has_ended && !is_held(c); reads++) {
        uint64_t wanted = 0;
        char *place = c->engine->place(c->connection, &wanted);
        if (c->is_closed) return;
        uint64_t room = place || wanted < STAGING ? wanted : STAGING;
        ssize_t count = recv(c->socket, place ? place : c->state->staging, room ? room : 1, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return end(c, count < 0 ? errno : 0);
        if (place) c->engine->placed(c->connection, (uint64_t)count);
        else deliver(c, (uint64_t)count);
        if ((uint64_t)count < room) return;
    }
}

static void tell_of_room(channel *c) {
    c->owes_room = 0;
    if (is_held(c) && c->send_error) return end(c, c->send_error);
    watch(c);
    if (!c->send_error) c->engine->writable(c->connection);
}

static uint32_t poll_all(void *transport) {
    pipe_state *state = transport;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(state->epoll, events, EVENTS, 0);
    state->depth++;
    for (int i = 0; i < count; i++) {
        channel *c = events[i].data.ptr;
        if (!c->is_closed && c->owes_room && (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) tell_of_room(c);
        receive(c);
    }
    leave(state);
    return count < 0 ? 0 : (uint32_t)count;
}

/* Epoll reports what is there whenever it is asked. */
static int32_t arm(void *transport) { (void)transport; return 0; }

static uint64_t send_pieces(void *state, const hf_piece *pieces, uint32_t count) {
    channel *c = state;
    struct iovec vector[PIECES];
    uint64_t wanted = 0;
    if (c->has_ended || c->send_error) return 0;
    for (uint32_t i = 0; i < count; i++) {
        wanted += pieces[i].byte_count;
        if (i < PIECES) vector[i] = (struct iovec){ (void *)pieces[i].bytes, pieces[i].byte_count };
    }
    struct msghdr message = { .msg_iov = vector, .msg_iovlen = count < PIECES ? count : PIECES };
    ssize_t sent = sendmsg(c->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != ENOMEM) c->send_error = errno;
    if (sent < (ssize_t)wanted && (!c->send_error || is_held(c))) c->owes_room = 1;
    watch(c);
    return sent < 0 ? 0 : (uint64_t)sent;
}

static void resume(void *state) {
    channel *c = state;
    pipe_state *shared = c->state;
    if (!is_held(c) || c->has_ended) return;
    shared->depth++;
    c->held_start += c->engine->deliver(c->connection, c->held + c->held_start, c->held_end - c->held_start);
    if (!c->is_closed) watch(c);
    leave(shared);
}

static void close_channel(void *state) {
    channel *c = state;
    pipe_state *shared = c->state;
    shared->depth++;
    c->is_closed = c->has_ended = 1;
    watch(c);
    /* The peer can send no more; what it has sent is taken off, because a close with unread bytes is an error there. */
    shutdown(c->socket, SHUT_RDWR);
    char rest[4096]; /* The staging may be in use: the engine closes from within deliveries, too. */
    while (recv(c->socket, rest, sizeof rest, MSG_DONTWAIT) > 0) {}
    close(c->socket);
    c->next = shared->freed;
    shared->freed = c;
    leave(shared);
}

/* How a connection comes about. */
typedef struct {
    uint32_t role;
    int has_begun;
    int listener;    /* of a starter; -1 else */
    channel *joined; /* made early, because `open` cannot fail; its socket is -1 until it is known */
    unsigned char token[TOKEN];
} attempt;

static int32_t refuse(hf_refusal *refusal, uint16_t code, const char *what, int error) {
    refusal->code = code;
    snprintf(refusal->text, sizeof refusal->text, error ? "%s: %s" : "%s", what, strerror(error));
    return HF_REFUSED;
}

static void free_attempt(void *made) {
    attempt *a = made;
    if (a->listener >= 0) close(a->listener);
    if (a->joined && a->joined->socket >= 0) close(a->joined->socket);
    free(a->joined);
    free(a);
}

/* The name of a side's socket, which has no file: a zero before it says so. Two processes cannot have the same. */
static socklen_t name_socket(struct sockaddr_un *address, const unsigned char *token, uint32_t role) {
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    char *text = address->sun_path + 1;
    text += sprintf(text, "handfast-pipe-%s-", role == HF_STARTER ? "starter" : "answerer");
    for (int i = 0; i < TOKEN; i++) text += sprintf(text, "%02x", token[i]);
    return (socklen_t)(text - (char *)address);
}

static void *make_attempt(void *transport, uint32_t role, const hf_peer *peer, hf_refusal *refusal) {
    attempt *a = calloc(1, sizeof *a);
    channel *c = calloc(1, sizeof *c);
    if (!peer->is_local || peer->is_self || !a || !c) {
        const char *why = a && c ? "the peer is no other process of this host" : "no memory for a connection";
        refuse(refusal, a && c ? HF_REFUSED_UNREACHABLE : HF_REFUSED_RESOURCES, why, 0);
        free(a);
        free(c);
        return NULL;
    }
    struct sockaddr_un name;
    *c = (channel){ .state = transport, .socket = -1 };
    *a = (attempt){ .role = role, .listener = -1, .joined = c };
    if (role == HF_ANSWERER) return a;
    a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->listener >= 0 && getrandom(a->token, TOKEN, GRND_NONBLOCK) == TOKEN
        && bind(a->listener, (struct sockaddr *)&name, name_socket(&name, a->token, HF_STARTER)) == 0
        && listen(a->listener, 8) == 0)
        return a;
    refuse(refusal, HF_REFUSED_RESOURCES, "no socket to listen on", errno);
    free_attempt(a);
    return NULL;
}

static int is_same_user(int socket) {
    struct ucred who;
    socklen_t byte_count = sizeof who;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &byte_count) == 0 && who.uid == geteuid();
}

/* The starter takes the one caller who has the number and the same user; others are sent away. */
static int32_t take_caller(attempt *a, hf_refusal *refusal) {
    struct sockaddr_un expected, caller;
    socklen_t expected_count = name_socket(&expected, a->token, HF_ANSWERER);
    for (int calls = 0; calls < 8; calls++) { /* The descriptor stays readable for the rest. */
        socklen_t count = sizeof caller;
        int number = accept4(a->listener, (struct sockaddr *)&caller, &count, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (number < 0 && (errno == EAGAIN || errno == EINTR)) return HF_WAIT;
        if (number < 0) return refuse(refusal, HF_REFUSED_RESOURCES, "the peer's call cannot be taken", errno);
        if (count == expected_count && !memcmp(&caller, &expected, count) && is_same_user(number)) {
            a->joined->socket = number;
            return HF_ACCEPTED;
        }
        close(number);
    }
    return HF_WAIT;
}

static int32_t call_starter(attempt *a, const unsigned char *token, uint32_t byte_count, hf_refusal *refusal) {
    if (byte_count != TOKEN) return refuse(refusal, HF_REFUSED_MALFORMED_STEP, "a number has 16 bytes", 0);
    struct sockaddr_un own, starter;
    socklen_t own_count = name_socket(&own, token, HF_ANSWERER), count = name_socket(&starter, token, HF_STARTER);
    int number = a->joined->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (number < 0) return refuse(refusal, HF_REFUSED_RESOURCES, "no socket", errno);
    if (bind(number, (struct sockaddr *)&own, own_count) || connect(number, (struct sockaddr *)&starter, count))
        return refuse(refusal, HF_REFUSED_UNREACHABLE, "the starter's socket cannot be called from here", errno);
    return is_same_user(number) ? HF_ACCEPTED : refuse(refusal, HF_REFUSED_UNREACHABLE, "another user answers", 0);
}

static int32_t advance(void *made, const void *payload, uint32_t byte_count, hf_step *step, hf_refusal *refusal) {
    attempt *a = made;
    if (payload && a->role == HF_ANSWERER) return call_starter(a, payload, byte_count, refusal);
    if (payload) return refuse(refusal, HF_REFUSED_MALFORMED_STEP, "only the starter has a step", 0);
    if (a->role == HF_ANSWERER) return HF_WAIT;
    if (a->has_begun++) return take_caller(a, refusal);
    *step = (hf_step){ .number = 1, .byte_count = TOKEN, .payload = a->token };
    return HF_STEP;
}

static int32_t attempt_descriptor(void *made) { return ((attempt *)made)->listener; }
static void *open_channel(void *made, int32_t socket, const hf_engine_operations *engine, void *connection) {
    attempt *a = made;
    channel *c = a->joined;
    (void)socket;
    a->joined = NULL;
    c->engine = engine;
    c->connection = connection;
    watch(c);
    return c;
}

/* The transport of an endpoint. */
static void *make(const char *const *values, hf_refusal *refusal) {
    (void)values; /* there are no settings */
    pipe_state *state = calloc(1, sizeof *state);
    if (state && (state->epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0) return state;
    refuse(refusal, HF_REFUSED_RESOURCES, "no memory or no descriptor for an endpoint", errno);
    free(state);
    return NULL;
}

static int32_t descriptor(void *transport) { return ((pipe_state *)transport)->epoll; }
static void destroy(void *transport) {
    close(descriptor(transport));
    free(transport);
}

static const hf_transport_operations operations = {
    .byte_count = sizeof operations, .version = HF_TRANSPORT_VERSION,
    .poll = poll_all, .arm = arm, .send = send_pieces, .resume = resume, .close = close_channel,
};

static const hf_transport_plugin plugin = {
    .byte_count = sizeof plugin, .version = HF_PLUGIN_VERSION, .name = "pipe", .number = 0x5001,
    .summary = "a Unix stream socket between processes of one host and user", .operations = &operations, .make = make,
    .destroy = destroy, .descriptor = descriptor, .make_attempt = make_attempt, .advance = advance,
    .attempt_descriptor = attempt_descriptor, .open = open_channel, .free_attempt = free_attempt,
};

__attribute__((visibility("default"))) const hf_transport_plugin *hf_transport_plugin_1(void) { return &plugin; }
