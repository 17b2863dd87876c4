/* upstream.h - an endpoint that answers: where it is, how it is spoken to, how long it may take.
 *
 * Built by the configuration, never changed afterwards; all pointers live as long as it.
 */
#ifndef POSTERN_CORE_UPSTREAM_H
#define POSTERN_CORE_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/breaker.h"

enum upstream_dialect {
    UPSTREAM_DIALECT_AUTO, /* a host name of Azure's or OpenAI's tells; any other wants what the
                              path says */
    UPSTREAM_DIALECT_OPENAI,
    UPSTREAM_DIALECT_AZURE
};

enum upstream_delivery { UPSTREAM_LIVE, UPSTREAM_HELD };

struct upstream_timeouts {
    uint64_t connect_ms;     /* DNS, TCP and TLS together */
    uint64_t first_token_ms; /* streams: until the first event with content */
    uint64_t response_ms;    /* JSON: until the whole answer */
    uint64_t idle_ms;        /* silence inside an answer */
};

/* A model name of the route and what this upstream calls it. */
struct upstream_model {
    const char *from;
    const char *to;
};

struct upstream {
    const char *name;      /* for logs and headers; [a-z0-9_-], at most 47 bytes */
    const char *origin;    /* "https://host:port", lower case, port always written */
    const char *base_path; /* "" or "/prefix", without a slash at the end */
    const char *host;      /* host alone, lower case */
    const char *key;       /* the operator's secret; "" when none is needed */
    enum upstream_dialect dialect;
    bool is_azure_host;  /* *.openai.azure.com and its like */
    bool is_openai_host; /* api.openai.com */
    bool base_is_v1;     /* the configured path stood for "/v1" itself */
    const char *model;   /* replaces the request's model; NULL: left as it is */
    const struct upstream_model *models;
    size_t model_count;
    struct upstream_timeouts timeouts;
    struct breaker_rules rules;
    uint64_t breaker_key[2]; /* of the breaker for all its models: upstream_identify() */
    unsigned retries;        /* on this upstream before the next is tried */
    const char *ca_file;     /* NULL: the system's */
    bool http2;              /* is offered */
    bool pools_by_client;    /* a warm connection serves the client alone that it was opened for */
};

/* The key under which every process that shares a state file finds the breaker of an upstream, or
 * with a `model` that of one of its models: made of name, origin, base path, model and the shape of
 * the window. Never 0. */
void upstream_identify(const struct upstream *upstream, const char *model, uint64_t key[2]);

#endif
