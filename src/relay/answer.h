/* answer.h - builds the head of an answer from nothing: what passes, what is ours, what never goes.
 *
 * Header values are borrowed until the head is sent.
 */
#ifndef POSTERN_RELAY_ANSWER_H
#define POSTERN_RELAY_ANSWER_H

#include <stdint.h>

#include "base/num.h"
#include "core/wire.h"
#include "relay/request.h"
#include "relay/sink.h"

#define ANSWER_HEADERS_MAX 64
#define ANSWER_METHODS "GET, POST, PUT, PATCH, DELETE, OPTIONS" /* for Allow */

struct answer {
    int status;
    struct wire_header items[ANSWER_HEADERS_MAX];
    size_t count;
    char retry_after[NUM_FORMAT_MAX];
    char length[NUM_FORMAT_MAX];
    char overhead[NUM_FORMAT_MAX + 3];
};

/* Begins with what every answer carries. */
void answer_begin(struct answer *answer, int status);

/* A header that does not fit is left out. */
void answer_put(struct answer *answer, const char *name, struct span value);

/* The upstream's headers that may reach a client. */
void answer_put_upstream(struct answer *answer, const struct wire_headers *headers);

/* In whole seconds, rounded up; 0 puts nothing. */
void answer_put_retry_after(struct answer *answer, uint64_t wait_ms);

/* Whether and when to try again after one of our own errors. `wait_ms` 0: not known. */
void answer_put_retry(struct answer *answer, enum failure failure, uint64_t wait_ms);

void answer_put_length(struct answer *answer, uint64_t bytes);

/* The gateway's own time, in milliseconds with two decimals, cut. */
void answer_put_overhead(struct answer *answer, uint64_t own_us);

/* 0, or -1 when the client is gone. */
int answer_send_head(struct answer *answer, struct sink *sink);

/* The answer to a HEAD: the length of the body that is not sent, and the end. */
int answer_send_length(struct answer *answer, struct sink *sink, uint64_t bytes);

/* Head with its Content-Length, body, and the end. */
int answer_send(struct answer *answer, struct sink *sink, struct span body);

/* One of our own errors, whole, as JSON. */
int answer_send_fault(struct sink *sink, struct request *request,
                      const struct request_fault *fault);

#endif
