/* site.h - a made-up site for each test: its directories, its environment, what a reading said. */
#ifndef POSTERN_TESTS_SITE_H
#define POSTERN_TESTS_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config/config.h"

#define SITE_PATH_MAX 256
#define SITE_VARIABLES_MAX 16

struct site {
    char root[64]; /* holds work/ bin/ home/ etc/ state/ htdocs/ */
    char paths[6][SITE_PATH_MAX];
    const char *environment[SITE_VARIABLES_MAX + 1];
    size_t variable_count;
    const char *roots[1];
    struct config_sources sources;
    struct config *config; /* of the last reading; NULL: it was refused */
    struct config_mistakes mistakes;
};

/* cmocka set-up and tear-down: *state is the site. */
int site_up(void **state);
int site_down(void **state);

/* A path of the site; overwritten by the fourth call after it. */
const char *site_path(const struct site *site, const char *name);
/* A file of the site, mode 0600. */
void site_write(const struct site *site, const char *name, const char *text);
void site_mode(const struct site *site, const char *name, mode_t mode);

/* One more variable of the environment, "NAME=value". */
void site_set(struct site *site, const char *variable);

/* Reads the configuration anew. True: it was accepted. */
bool site_load(struct site *site);
/* The .env of the working directory is `text`, behind the four lines that are required. */
bool site_load_env(struct site *site, const char *text);
/* postern.json is `text`, beside an .env that sets A_KEY and nothing else. */
bool site_load_json(struct site *site, const char *text);

/* Each fails the test unless such a line is there; "%" in it stands for the root of the site. */
void site_expect_mistake(const struct site *site, const char *line);
void site_expect_warning(const struct site *site, const char *line);

/* The four required lines. */
#define SITE_PAIR                                                                                  \
    "PRIMARY_OPENAI_HOST=https://one.openai.azure.com\n"                                           \
    "PRIMARY_OPENAI_API_KEY=key-of-the-first-one\n"                                                \
    "FALLBACK_OPENAI_HOST=https://api.openai.com\n"                                                \
    "FALLBACK_OPENAI_API_KEY=key-of-the-second-one\n"
#define SITE_PAIR_LINES 4

#endif
