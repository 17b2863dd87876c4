/* config.h - everything the operator decided, read once into one constant struct.
 *
 * Sources in order of precedence: environment, the .env file, postern.json, the option's default.
 * All mistakes are collected and reported at once, each naming variable, file, value and reason. A
 * bad value never stops the process: the store then has no configuration to give and requests are
 * answered 503, until the files are mended (looked at once a second). A bad new file never replaces
 * a good configuration.
 */
#ifndef POSTERN_CONFIG_CONFIG_H
#define POSTERN_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "core/outcome.h"
#include "core/route.h"
#include "core/upstream.h"

/* A key somebody presents; only its digest is kept. */
struct config_key {
    const char *name; /* for the log: "client-1" … never a part of the key */
    struct digest digest;
};

/* When REMOTE_USER names somebody; in the order of the option's choices. */
enum config_user {
    CONFIG_USER_NEVER,
    CONFIG_USER_ALWAYS,  /* the operator knows that the web server verified it */
    CONFIG_USER_VERIFIED /* with AUTH_TYPE, which only a server that verified it sets */
};

struct config {
    const char *env_path;  /* the .env file in use; NULL: none was found */
    const char *json_path; /* postern.json in use; NULL: none */

    /* as the original service shows them on /settings */
    const char *app_version; /* NULL: the program's own */
    bool app_insights_enabled;
    const char *app_insights_connection_string;
    int64_t circuit_failure_threshold; /* as written */
    const char *circuit_retry_timeout; /* as it is shown: an integer when whole */
    const char *primary_host, *primary_key, *fallback_host, *fallback_key;

    /* upstreams and routes */
    const struct upstream *upstreams;
    size_t upstream_count;
    struct route_table routes;

    /* the attempt loop */
    enum outcome_profile profile;
    bool last_resort; /* false: circuit_last_resort = fail_fast */
    bool breaker_per_model;
    bool pinned; /* false: pinned = none */
    uint64_t total_timeout_ms;
    uint64_t heartbeat_ms; /* 0: none */
    uint64_t retry_wait_max_ms;
    uint64_t slow_ms; /* 0: off */
    enum upstream_delivery delivery;
    uint64_t hold_max_bytes;  /* of one answer, in memory */
    uint64_t spool_max_bytes; /* and then in a file */
    const char *spool_dir;
    uint64_t max_body_bytes;
    uint64_t max_upload_bytes;
    uint64_t body_timeout_ms; /* for the client's upload */

    /* who gets in */
    const struct config_key *client_keys;
    size_t client_key_count;
    const struct config_key *admin_keys;
    size_t admin_key_count;
    const char *const *admins; /* REMOTE_USERs that are operators */
    size_t admin_count;
    enum config_user trust_remote_user;
    bool trust_loopback;
    bool loopback_is_operator;        /* trust_loopback = admin */
    const struct span *trusted_hosts; /* names of this host beside loopback's, without ports */
    size_t trusted_host_count;
    bool open;
    const uint32_t *socket_uids; /* who may connect to the FastCGI socket; none: anybody */
    size_t socket_uid_count;

    /* process */
    const char *mount; /* NULL: derived from each request */
    unsigned threads;
    int64_t drain_ms;       /* -1: not set, the way of starting decides */
    const char *state_path; /* resolved; "none": private memory */
    unsigned state_mode;
    bool state_any_filesystem;
    const char *log_path; /* NULL: standard error */
    uid_t program_owner;  /* from the sources */
    enum log_level log_level;
    bool sandbox;      /* false: sandbox = no */
    bool client_probe; /* look at the client's own socket where it is on this host */
    unsigned sse_padding_bytes;

    /* every secret in it; base/secrets.h knows them as long as the configuration lives, for
     * redaction and for the check of what upstreams answer */
    const struct span *secrets;
    size_t secret_count;
};

/* Where things are looked for. Tests fill it themselves.
 * What it points to is borrowed for the life of the store. */
struct config_sources {
    const char *const *environment; /* "NAME=value" …, NULL-terminated */
    const char *program_dir;        /* of the running program; NULL: unknown */
    uid_t program_owner;            /* who decides what it does anyway (base/trust.h) */
    const char *working_dir;
    const char *home_dir;   /* by getpwuid(geteuid()); NULL: none */
    const char *sysconfdir; /* "$(sysconfdir)/postern" */
    const char *statedir;   /* given at configure time; NULL: none */
    const char *env_path;   /* --env of a tool; NULL: look */
    const char *state_path; /* --state of a tool; NULL: look */
    bool is_brief;  /* a process for each request: the log gets mistakes, not warnings and news */
    bool look_only; /* a tool: the directory of the state file is not made when missing */
    const char *const *document_roots; /* nothing below these is used; DOCUMENT_ROOT in the
                                          environment counts too */
    size_t document_root_count;
};

/* All that was wrong, and what was only worth a warning. */
struct config_mistakes {
    char **lines; /* "postern.env:3: CIRCUIT_RETRY_TIMEOUT: \"ten\" is not a number of seconds" */
    size_t count;
    char **warnings;
    size_t warning_count;
    size_t lost_count;                       /* mistakes beyond those that were kept */
    char *env_path, *json_path, *state_path; /* in use, or refused; NULL: none was found */
};
void config_mistakes_fini(struct config_mistakes *mistakes);

/* Reads everything. 0 and a configuration (config_free() it), or -1 with at least one mistake.
 * Warnings may be there in both cases. */
int config_load(const struct config_sources *sources, struct config **config,
                struct config_mistakes *mistakes);
void config_free(struct config *config);

/* The configuration of a running process, replaced when its files change. Safe from any thread. */
struct config_store;
struct config_store *config_store_new(const struct config_sources *sources, struct err *err);
void config_store_free(struct config_store *store);

/* Looks at the files at most once a second. Mistakes and changes are logged once, here. */
void config_store_refresh_at(struct config_store *store, uint64_t now_ms);

/* A web server told this DOCUMENT_ROOT: a configuration or state file below it is refused from now
 * on. */
void config_store_saw_root(struct config_store *store, struct span document_root);

/* The configuration to use for one request, or NULL when there is none that is good. Give it back
 * with config_store_put(); it stays valid until then. */
const struct config *config_store_get(struct config_store *store);
void config_store_put(struct config_store *store, const struct config *config);

/* Counts up with every accepted configuration. */
unsigned config_store_generation(struct config_store *store);

#endif
