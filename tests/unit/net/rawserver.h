/* rawserver.h - an upstream that does exactly what a test wrote down, byte for byte.
 *
 * Each accepted connection runs a script of its own thread: the first one the first script, and so
 * on; further ones repeat the last. There are no sleeps in it: a script waits for the test or for
 * the peer.
 */
#ifndef POSTERN_TESTS_RAWSERVER_H
#define POSTERN_TESTS_RAWSERVER_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "base/span.h"

enum rawserver_verb {
    RAW_END = 0,   /* of the script: close */
    RAW_READ,      /* one whole request */
    RAW_READ_SOME, /* whatever comes first */
    RAW_READ_H2,   /* one whole request of HTTP/2, not kept */
    RAW_SEND,      /* `bytes` */
    RAW_FLOOD,     /* `bytes` again and again, until the peer is gone */
    RAW_WAIT,      /* for rawserver_release() */
    RAW_RESET,     /* close with RST */
    RAW_HOLD,      /* silent until the peer closes */
    RAW_DROP,      /* close without TLS's goodbye */
    RAW_CORK,      /* what is sent goes out as one, with the end */
    RAW_DEAF,      /* its kernel takes and acknowledges nothing from here on */
    RAW_CALL,      /* `call` with the server's argument */
    RAW_AGAIN      /* from the first step */
};

struct rawserver_step {
    enum rawserver_verb verb;
    struct span bytes;
    void (*call)(void *argument);
};

#define RAW_BYTES(text)                                                                            \
    {                                                                                              \
        RAW_SEND, {(text), sizeof(text) - 1}, NULL                                                 \
    }
#define RAW_STEPS_MAX 8
#define RAW_SCRIPTS_MAX 4

struct rawserver_script {
    struct rawserver_step steps[RAW_STEPS_MAX];
};

struct rawserver;

/* Listens on a port of 127.0.0.1 of its own. `tls` (may be NULL) and `argument` are borrowed. */
struct rawserver *rawserver_start(const struct rawserver_script *scripts, size_t count,
                                  SSL_CTX *tls, void *argument);
/* Joins all its threads: the client's connections must be closed before. */
void rawserver_stop(struct rawserver *server);

const char *rawserver_origin(const struct rawserver *server); /* "http://127.0.0.1:port" */
unsigned rawserver_accepts(struct rawserver *server);
unsigned rawserver_requests(struct rawserver *server);        /* wholly read */
unsigned rawserver_held_ends(struct rawserver *server);       /* peers that closed on RAW_HOLD */
const char *rawserver_last_request(struct rawserver *server); /* borrowed: until the next one */
size_t rawserver_last_request_len(struct rawserver *server);
void rawserver_release(struct rawserver *server);

/* May this user's sockets be deaf? Some systems keep filters to root. */
bool rawserver_can_be_deaf(void);

#endif
