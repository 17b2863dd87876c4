/* option.h - every option an operator can set is one row of one table.
 *
 * From the rows come the parser, its messages, `posternctl check`, the manual page and
 * .env.example. A row says where its value goes in `struct options`: numbers are int64_t in the
 * kind's unit, texts are `const char *`.
 */
#ifndef POSTERN_CONFIG_OPTION_H
#define POSTERN_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_SECRET,         /* a text that no message shows */
    OPTION_SWITCH,         /* yes or no: 1 or 0 */
    OPTION_NUMBER,         /* digits */
    OPTION_PERCENT,        /* digits */
    OPTION_SECONDS,        /* decimal seconds: milliseconds */
    OPTION_SIGNED_SECONDS, /* decimal seconds, a sign allowed: milliseconds */
    OPTION_BYTES,          /* digits with an optional KiB, MiB, GiB */
    OPTION_FACTOR,         /* decimal: hundredths */
    OPTION_CHOICE,         /* one of `choices`: its position there */
    OPTION_COUNT,          /* an integer as Python's int() reads it */
    OPTION_WINDOW          /* none, count:N or time:N: see option_window() */
};

enum option_flag {
    OPTION_PER_UPSTREAM = 1,     /* may stand in an upstream of postern.json too */
    OPTION_NOT_IN_JSON = 2,      /* not in postern.json */
    OPTION_ENVIRONMENT_ONLY = 4, /* neither there nor in the .env file */
    OPTION_MAY_BE_OFF = 8,       /* "off" is a value: OPTION_OFF */
    OPTION_REQUIRED = 16         /* unless postern.json has upstreams */
};

#define OPTION_OFF INT64_MIN

struct options {
    const char *primary_host, *primary_key, *primary_model;
    const char *fallback_host, *fallback_key, *fallback_model;
    int64_t primary_dialect, fallback_dialect;

    const char *client_key, *admin_key, *admins, *trusted_hosts;
    int64_t trust_remote_user, trust_loopback, open;
    const char *socket_users;

    int64_t profile, failure_threshold, retry_timeout_ms;
    int64_t window, failure_rate, min_calls, slow_ms, slow_rate;
    int64_t half_open_max, half_open_policy, probe_lease_ms;
    int64_t backoff_percent, open_max_ms, jitter_percent, backoff_reset;
    int64_t late_results, retry_after, retry_after_max_ms, quota_hold_ms;
    int64_t last_resort, breaker_scope;

    int64_t connect_timeout_ms, first_token_timeout_ms, response_timeout_ms, idle_timeout_ms;
    int64_t total_timeout_ms, body_timeout_ms, heartbeat_ms;
    int64_t retries, retry_wait_max_ms;

    int64_t delivery, hold_max_bytes, spool_max_bytes;
    int64_t max_body_bytes, max_upload_bytes, pinned, sse_padding_bytes;
    const char *spool;

    const char *mount, *log, *ca_file;
    int64_t threads, drain_ms, client_probe, log_level, plain_http, sandbox;
    int64_t http2, pool_scope;

    const char *env_file, *config, *state;
    int64_t state_mode, state_any_filesystem;

    const char *app_version, *app_insights_connection_string;
    int64_t app_insights_enabled;
};

struct option {
    const char *env; /* "POSTERN_RETRIES": the name in the environment and in .env */
    enum option_kind kind;
    unsigned flags;
    const char *standard; /* the default as it would be written; NULL: none */
    const char *llm;      /* the default where circuit_profile is llm; NULL: the same */
    int64_t min, max;     /* in the unit of the value; texts: unused */
    size_t offset;        /* in struct options */
    const char *choices;  /* "live|held" */
    const char *example;  /* what .env.example shows where there is no default */
    const char *heading;  /* of the section that begins with this row; else NULL */
    const char *sentence; /* what it does, one sentence */
};

#define OPTION_MAX 96
extern const struct option option_table[];
extern const size_t option_count;

const struct option *option_find(struct span env);       /* NULL: no such option */
const struct option *option_find_json(struct span name); /* by the name in postern.json */

/* "connect_timeout", "circuit_backoff". Fills `out` and returns it. */
#define OPTION_NAME_MAX 48
const char *option_json_name(const struct option *option, char out[OPTION_NAME_MAX]);

/* Puts the value that `text` says into `options`; texts are copied into the arena. -1 and a message
 * that quotes the value (never a secret's) and says what is wrong with it. */
int option_parse(const struct option *option, struct span text, struct arena *arena,
                 struct options *options, struct err *err);

/* The default of the profile, NULL when there is none. */
const char *option_default(const struct option *option, bool llm);

/* The word of a choice's value; "" when there is none such. Fills `out` and returns it. */
const char *option_choice(const struct option *option, int64_t value, char out[OPTION_NAME_MAX]);

/* OPTION_WINDOW values: a kind (enum breaker_window) and a size. */
int64_t option_window(unsigned kind, unsigned size);
unsigned option_window_kind(int64_t value);
unsigned option_window_size(int64_t value);

/* For manuals: what may be written ("seconds, 0.01 to 300"), appended. -1 when it does not fit. */
int option_put_domain(const struct option *option, struct buf *out);

/* Is `name` under one of our own prefixes, whatever its case? Then it must be an option. */
bool option_is_ours(struct span name);

#endif
