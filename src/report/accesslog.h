/* accesslog.h - one line a request: who asked, what happened, how long it took. */
#ifndef POSTERN_REPORT_ACCESSLOG_H
#define POSTERN_REPORT_ACCESSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct accesslog_entry {
    const char *request_id;
    const char *client; /* who it was: a name, never a key */
    const char *method;
    struct span path; /* without the query, which may hold anything */
    const char *operation;
    int status;           /* 499: the client left */
    const char *upstream; /* NULL: the answer was ours */
    const char *attempts; /* "eu:503,us:200"; "" for none */
    bool is_stream;
    bool was_cut;
    uint64_t bytes;
    uint64_t took_us;
    uint64_t waited_us; /* of took_us */
    const char *code;   /* of our own error; NULL: none */
};

void accesslog_write(const struct accesslog_entry *entry);

#endif
