/* ask.h - a client's request as the dialects see it, made from a few words. */
#ifndef POSTERN_TESTS_ASK_H
#define POSTERN_TESTS_ASK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialect/dialect.h"

struct ask {
    struct arena arena;
    struct buf body;
    struct operation_match operation;
    struct wire_headers headers;
    struct dialect_ask dialect;
    struct wire_request out;
};

/* "POST /path?query"; ask_fini() it. */
void ask_init(struct ask *ask, const char *target);
void ask_fini(struct ask *ask);

/* The JSON body, with its model found. */
void ask_body(struct ask *ask, const char *body, const char *model_name);

void ask_headers(struct ask *ask, struct wire_header *items, size_t count);

/* Encodes it for the candidate; `out` then holds what goes to the upstream. */
void ask_encode(struct ask *ask, const struct route_candidate *candidate);

/* The value of a header that goes out; NULL: none does. */
const struct span *ask_sent(const struct ask *ask, const char *name);

#endif
