/* handfast_types.h - handles, codes and structs of handfast.h, which includes it.
 *
 * Every struct begins with its size in bytes, because later versions add fields at the end. Who makes one sets it, best by
 * the function of its name: `hf_options options = hf_options_init();`. A struct that the library fills is filled as far
 * as it reaches; one that is shorter than that of version 0.1, or no multiple of 8, is HF_ERROR_ARGUMENT. So is an hf_options
 * or hf_connect_options that is longer than the library knows, unless the rest is zeros.
 * Texts are UTF-8 and end with a zero. One in an array that is too short is cut between characters.
 */
#ifndef HANDFAST_TYPES_H
#define HANDFAST_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HF_VERSION_MAJOR 0
#define HF_VERSION_MINOR 1
#define HF_VERSION_PATCH 0
/* The version that the program was compiled with, to be compared with hf_version(). */
#define HF_VERSION (HF_VERSION_MAJOR * 1000000 + HF_VERSION_MINOR * 1000 + HF_VERSION_PATCH)

/* Handles: numbers, free to copy, good in the process that got them, until the thing is gone. Every use is checked: what
 * was never a handle of that kind is HF_ERROR_HANDLE, what once was HF_ERROR_STALE. */
typedef uint64_t hf_endpoint;
typedef uint64_t hf_connection;
typedef uint64_t hf_request;
typedef uint64_t hf_message;
typedef uint64_t hf_queue;
typedef uint64_t hf_memory;

/* No handle at all: "from any connection" where that is allowed. */
#define HF_NONE UINT64_C(0)
/* For timeouts: no limit. Every negative number is. */
#define HF_FOREVER INT64_C(-1)
/* No place in a list. */
#define HF_NO_INDEX UINT32_MAX
/* Bytes of the key to registered memory. */
#define HF_KEY_BYTE_COUNT 32
/* The most pieces of one message. */
#define HF_MAXIMUM_PIECE_COUNT 16
/* The longest user header and the longest message of hf_send_copy, in bytes. */
#define HF_MAXIMUM_HEADER_BYTE_COUNT 65503
#define HF_MAXIMUM_COPY_BYTE_COUNT 65536

/* What a call came to: 0, a positive number where nothing is wrong, a negative one for an error. Later versions add
 * some, so a program must expect others. hf_status_text() has a word for each. */
typedef enum hf_status {
    HF_OK = 0,
    HF_NOT_READY = 1,          /* not yet, or nothing there: no error, and nothing was taken */
    HF_ERROR_ARGUMENT = -1,    /* an argument or a setting makes no sense; nothing was done */
    HF_ERROR_HANDLE = -2,      /* never was a handle of this kind in this process */
    HF_ERROR_STALE = -3,       /* was one, but the thing is gone */
    HF_ERROR_FORKED = -4,      /* is one of the process that this one was forked from */
    HF_ERROR_REENTRANT = -5,   /* called from within a callback of the library that forbids it */
    HF_ERROR_TIMEOUT = -6,     /* a connect or handshake took longer than settings allow */
    HF_ERROR_UNREACHABLE = -7, /* nobody answers there, or the way is barred */
    HF_ERROR_REJECTED = -8,    /* the peer, or this side, said no */
    HF_ERROR_NO_TRANSPORT = -9,
    HF_ERROR_CLOSED = -10,         /* the peer closed in order, or this side did */
    HF_ERROR_PEER_LOST = -11,      /* the peer vanished without a word */
    HF_ERROR_PEER_RESTARTED = -12, /* another process of its name has come in its place */
    HF_ERROR_TRUNCATED = -13,      /* the message was longer than the room, or the text than the array */
    HF_ERROR_CANCELLED = -14,
    HF_ERROR_RESOURCES = -15, /* memory, descriptors or another bound of this process */
    HF_ERROR_UNSUPPORTED = -16,
    HF_ERROR_SYSTEM = -17, /* the system refused a call */
    HF_ERROR_OTHER = -18   /* of a kind that this version has no number for */
} hf_status;

typedef enum hf_thread_mode {
    HF_THREAD_SINGLE = 0,  /* one thread at a time calls the endpoint and all that belongs to it */
    HF_THREAD_MULTIPLE = 1 /* any thread may, at any time */
} hf_thread_mode;

typedef enum hf_connect_mode {
    HF_CONNECT_DIRECT = 0,   /* at once; the peer takes it from hf_accept */
    HF_CONNECT_ON_DEMAND = 1 /* by the first message of either side, both of which name each other */
} hf_connect_mode;

typedef enum hf_connection_state {
    HF_STATE_ON_DEMAND = 1,  /* known by name, not connected: the first message connects */
    HF_STATE_CONNECTING = 2, /* what is sent is queued */
    HF_STATE_CONNECTED = 3,
    HF_STATE_CLOSING = 4, /* one side has said goodbye; what was sent before still goes out */
    HF_STATE_CLOSED = 5
} hf_connection_state;

/* What became of a transport for a connection. */
typedef enum hf_outcome {
    HF_OUTCOME_CHOSEN = 1,
    HF_OUTCOME_EXCLUDED = 2, /* a setting or an argument left it out */
    HF_OUTCOME_REFUSED_HERE = 3,
    HF_OUTCOME_REFUSED_BY_PEER = 4,
    HF_OUTCOME_NOT_TRIED = 5 /* an earlier one was agreed on, or the handshake ended first */
} hf_outcome;

typedef enum hf_event_kind {
    HF_EVENT_CLOSED = 1,         /* the peer said goodbye */
    HF_EVENT_PEER_LOST = 2,      /* it vanished */
    HF_EVENT_PEER_RESTARTED = 3, /* another process of its name has come in its place */
    HF_EVENT_FAILED = 4          /* the connection was never made, or cannot go on */
} hf_event_kind;

typedef enum hf_log_level {
    HF_LOG_ERROR = 1,   /* a connection or request is lost */
    HF_LOG_WARNING = 2, /* it goes on, but the user should know */
    HF_LOG_NOTICE = 3,
    HF_LOG_INFO = 4,
    HF_LOG_DEBUG = 5, /* for each connection */
    HF_LOG_TRACE = 6
} hf_log_level;

typedef enum hf_setting_source {
    HF_SOURCE_DEFAULT = 0,
    HF_SOURCE_ENVIRONMENT = 1,
    HF_SOURCE_PROGRAM = 2 /* hf_options */
} hf_setting_source;

/* What peers may do with registered memory: the sum of some of these. */
enum { HF_ALLOW_GET = 1, HF_ALLOW_PUT = 2, HF_ALLOW_ATOMIC = 4 };

/* Gets one line of the log, without a newline, good for the call only. Called on the thread that called the library,
 * which it must not call itself (HF_ERROR_REENTRANT). */
typedef void (*hf_log_function)(void *context, hf_log_level level, const char *text);

/* Whether a receive, a probe or a take is for the message of this connection with this user header. Called on the thread that drives the
 * endpoint, any number of times; it must not call the library (HF_ERROR_REENTRANT). The header is good for the call
 * only. */
typedef bool (*hf_match_function)(
    void *context, hf_connection connection, const void *header, uint32_t header_byte_count);

/* A setting that the program gives, as if it were in the environment, and before what is there. */
typedef struct hf_setting {
    const char *name; /* HANDFAST_... */
    const char *value;
} hf_setting;

/* How an endpoint is to be. All is copied. */
typedef struct hf_options {
    uint32_t struct_byte_count;
    uint32_t thread_mode; /* hf_thread_mode */
    const char *name;     /* how peers address it, 1 to 255 bytes; NULL for HANDFAST_NAME, or p and the process number */
    const hf_setting *settings;
    uint32_t setting_count;
    uint32_t ignores_environment; /* not 0: only defaults and `settings` count */
    hf_log_function log;          /* NULL: lines go to standard error */
    void *log_context;
    uint32_t log_level; /* hf_log_level, and what is worse; 0 for HF_LOG_WARNING */
    uint32_t reserved;  /* 0 */
} hf_options;

typedef struct hf_connect_options {
    uint32_t struct_byte_count;
    uint32_t mode;          /* hf_connect_mode */
    const char *transports; /* in place of HANDFAST_TRANSPORTS, for this connection; NULL for that. Direct only. */
} hf_connect_options;

/* An error with all that is known of it. */
typedef struct hf_error {
    uint32_t struct_byte_count;
    int32_t status;       /* hf_status */
    int32_t system_error; /* an errno, or 0 */
    uint32_t is_unsent;   /* of a send that failed: 1 when no byte of it has left, so that the peer cannot have it */
    char text[1024];      /* one sentence: who, what, and what is allowed or can be done */
} hf_error;

/* What a request came to. Of a list only the first element's size counts, and is that of all. */
typedef struct hf_completion {
    uint32_t struct_byte_count;
    int32_t status;           /* hf_status of the request */
    uint64_t byte_count;      /* payload moved; after HF_ERROR_TRUNCATED the length of the message */
    hf_connection connection; /* where a message came from; HF_NONE for all but receives */
    uint64_t fetched;         /* what an atomic operation found */
    uint64_t context;         /* what was given with hf_queue_add; else 0 */
    uint32_t header_byte_count; /* user header of the message that was received */
    int32_t system_error;       /* as in hf_error */
    uint32_t is_unsent;         /* as in hf_error */
    uint32_t reserved;
} hf_completion;

/* What is known of a message before it is received. */
typedef struct hf_message_info {
    uint32_t struct_byte_count;
    uint32_t header_byte_count;
    hf_connection connection; /* where it came from */
    uint64_t tag;             /* the first eight bytes of the user header, little endian; zeros follow a shorter one */
    uint64_t byte_count;      /* of the payload */
    uint32_t is_whole;        /* 1 when all of the payload is here; else it is coming, or lies with the peer */
    uint32_t reserved;
} hf_message_info;

/* The end of a connection that this side did not close. A direct one is over and to be closed; one on demand is expected
 * again, and the next message connects. */
typedef struct hf_event {
    uint32_t struct_byte_count;
    int32_t kind; /* hf_event_kind */
    hf_connection connection;
    int32_t status; /* hf_status: why */
    int32_t system_error;
    char text[512];
} hf_event;

/* What hf_put_notify of a peer told, whose bytes are in this process's memory by now. */
typedef struct hf_notification {
    uint32_t struct_byte_count;
    uint32_t reserved;
    hf_connection connection; /* from whom; stale when it was closed meanwhile */
    uint64_t value;
} hf_notification;

/* What became of one transport for a connection, and why. */
typedef struct hf_decision {
    uint32_t struct_byte_count;
    int32_t outcome; /* hf_outcome */
    char transport[32];
    char reason[472]; /* one sentence; empty when there is none to give */
} hf_decision;

/* A transport of an endpoint. The texts are good until the endpoint is destroyed. */
typedef struct hf_transport_info {
    uint32_t struct_byte_count;
    uint32_t is_available; /* 1 when this host can have it */
    const char *name;
    const char *summary;
    const char *reason; /* why it is not available, else empty */
} hf_transport_info;

/* A setting of an endpoint. The texts are good until the endpoint is destroyed. */
typedef struct hf_setting_info {
    uint32_t struct_byte_count;
    int32_t source; /* hf_setting_source */
    const char *name;
    const char *value;
    const char *default_value;
    const char *allowed;
    const char *help;
} hf_setting_info;

#define HF_DEFINE_INIT_(type)                        \
    static inline type type##_init(void) {           \
        type value;                                  \
        memset(&value, 0, sizeof value);             \
        value.struct_byte_count = (uint32_t)sizeof value; \
        return value;                                \
    }
/* hf_options_init() and so on: zeros, and the size. */
HF_DEFINE_INIT_(hf_options)
HF_DEFINE_INIT_(hf_connect_options)
HF_DEFINE_INIT_(hf_error)
HF_DEFINE_INIT_(hf_completion)
HF_DEFINE_INIT_(hf_message_info)
HF_DEFINE_INIT_(hf_event)
HF_DEFINE_INIT_(hf_notification)
HF_DEFINE_INIT_(hf_decision)
HF_DEFINE_INIT_(hf_transport_info)
HF_DEFINE_INIT_(hf_setting_info)
#undef HF_DEFINE_INIT_

#endif
