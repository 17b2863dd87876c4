/* load.h - one reading of the configuration: what its steps hand on. Inside this room only.
 *
 * load.c calls the steps in order: find_ (where files are), settings_ (what was written for each
 * option), upstreams_, routes_, keys_. A step never stops at a mistake: it writes it down and goes
 * on, so that all are told at once. Everything lives in the configuration's arena.
 */
#ifndef POSTERN_CONFIG_LOAD_H
#define POSTERN_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "config/config.h"
#include "config/file.h"
#include "config/mistakes.h"
#include "config/node.h"
#include "config/option.h"

#define LOAD_ARENA_MAX ((size_t)32 << 20)
#define LOAD_ENV_MAX ((size_t)256 << 10)
#define LOAD_JSON_MAX ((size_t)1 << 20)
#define LOAD_UPSTREAMS_MAX 64
#define LOAD_ROUTES_MAX 1000

/* A variable of the environment or of the .env file. */
struct variable {
    const char *name;
    const char *value; /* NULL: a name without "=" */
    struct spot at;
    bool is_used; /* a ${NAME} took it */
};

/* What was written for one option. */
struct setting {
    const char *text; /* NULL: nothing */
    const char *name; /* as it was spelled there */
    struct spot at;
};

struct load {
    const struct config_sources *sources;
    struct config_mistakes *mistakes;
    struct file_watch *watch;
    struct arena *arena;
    struct config *config;

    struct variable *variables; /* the environment's first: they go before the .env file's */
    size_t variable_count, environment_count;
    struct node *json;                   /* NULL: no such file, or it was refused */
    const struct node *json_upstreams;   /* NULL: PRIMARY_ and FALLBACK_ say what they are */
    struct setting settings[OPTION_MAX]; /* by row of the option table */
    struct options options;

    struct upstream *upstreams; /* config->upstreams, while they are made */
    bool is_partial;            /* a file was refused: what it may say is not missed */
    bool has_failed;            /* no memory was left */
};

/* Copies into the arena; where no memory is left "" or NULL and `has_failed`. */
const char *load_copy(struct load *load, struct span text);
void *load_array(struct load *load, size_t count, size_t size);
const char *load_join(struct load *load, const char *directory, const char *name);

/* NULL: not set. The last of the .env file counts. Marks nothing as used. */
struct variable *load_variable(const struct load *load, struct span name);

/* The same as config_load(), and fills `watch` with the files it looked at. */
int load_config(const struct config_sources *sources, struct config **config,
                struct config_mistakes *mistakes, struct file_watch *watch);

#endif
