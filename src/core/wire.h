/* wire.h - one HTTP exchange as plain data: what a dialect asks for and what the network got.
 *
 * Dialect and net meet only here. Everything is borrowed: from the request's arena on the way out,
 * from the transfer on the way back (valid until the transfer ends).
 */
#ifndef POSTERN_CORE_WIRE_H
#define POSTERN_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define WIRE_HEADERS_MAX 100
#define WIRE_HEADER_BYTES_MAX 65536

struct wire_header {
    struct span name; /* as it was spelled */
    struct span value;
};

struct wire_headers {
    struct wire_header *items;
    size_t count;
};

#define WIRE_BODY_PARTS 3

/* Where a body comes from: memory that can be sent again, or a reader that can not. */
struct wire_body {
    /* One behind the other: a large body in which a value was replaced is not copied for that. */
    struct span parts[WIRE_BODY_PARTS];
    /* When `read` is set the body is streamed: it fills up to `room` bytes and returns how many,
     * 0 at the end, -1 when the client failed. */
    int64_t (*read)(void *self, char *out, size_t room);
    void *self;
    int64_t length; /* of all of it; -1 unknown (only a streamed one, which is sent chunked) */
    bool present;   /* false: no body at all, not even an empty one */
};

struct wire_request {
    const char *method;
    const char *url; /* absolute, built from configuration and a checked path */
    const char
        *origin; /* "scheme://host:port" the key is bound to; the transfer refuses any other */
    struct wire_headers headers;
    struct wire_body body;
    bool http2;           /* offer HTTP/2 where there is TLS; the upstream chooses */
    const char *scope;    /* a warm connection is shared by those of the same; NULL: by all */
    bool decode;          /* ask for gzip and deflate and hand on decoded bytes; else "identity" */
    size_t receive_bytes; /* of the answer at a time; 0: 16 KB, which is most too */
    uint64_t connect_timeout_ms;
    const char
        *ca_file; /* the upstream's own authorities instead of the pool's; NULL: the pool's */
};

/* Why an exchange did not end well, whatever the library's own code for it is. */
enum wire_fault {
    WIRE_NO_FAULT,
    WIRE_RESOLVE,         /* the name has no address, or DNS is silent */
    WIRE_CONNECT,         /* refused, unreachable, reset before a byte of the answer */
    WIRE_CONNECT_TIMEOUT, /* no connection in time */
    WIRE_TLS,             /* handshake */
    WIRE_CERTIFICATE,     /* the peer is not who it must be, or our CA files are unreadable */
    WIRE_LOCAL,           /* this host is out of descriptors, memory or ports */
    WIRE_SEND,            /* the request could not be written */
    WIRE_NO_REPLY,        /* closed before a byte of the answer */
    WIRE_BAD_REPLY,       /* not HTTP, or a header block that breaks its rules */
    WIRE_CUT,             /* the transfer broke inside the answer */
    WIRE_STOPPED          /* our own observer ended it: the relay knows why */
};

struct wire_reply {
    int status;             /* of the final answer; 0 until its header block ended */
    bool head_complete;     /* the blank line was seen */
    bool body_complete;     /* length or chunking agree; for close-delimited bodies: closed */
    bool close_delimited;   /* the end was told by closing alone, which a cut can look like */
    int64_t content_length; /* as declared; -1 none */
    bool decoded;           /* bytes handed on are the decoded ones */
    enum wire_fault fault;
    const char *why; /* the fault in words, for the log alone: it may name hosts; NULL: no fault */
    int os_errno;    /* of a failed connect; 0 unknown */
    bool reused_connection;
    bool has_all; /* of the request, when the head came: it does not read from that any more */
    uint64_t connect_us;    /* 0 on a warm connection */
    uint64_t first_byte_us; /* after the start of the transfer; 0: none came */
    struct wire_headers headers;
};

/* The first header of that name (any case), or NULL. */
const struct span *wire_header_find(const struct wire_headers *headers, const char *name);

/* May it be a header's name (a token, RFC 9110 5.6.2), or its value (no control byte but the tab)?
 */
bool wire_is_name(struct span text);
bool wire_is_value(struct span text);

/* Is it all of printable ASCII, the blank among it? Such a text is a value, too. */
bool wire_is_printable(struct span text);

const char *wire_fault_name(enum wire_fault fault);

#endif
