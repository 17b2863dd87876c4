/* affinity.h - which conversation a request belongs to, as one number. Pure.
 *
 * Prompt caches live on one upstream, so a conversation should stay there. It is known by, in this
 * order: `prompt_cache_key`, `user`, a session header, or how the conversation begins (all up to
 * its first user message: later turns repeat that).
 */
#ifndef POSTERN_CORE_AFFINITY_H
#define POSTERN_CORE_AFFINITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* The texts of top-level JSON members, empty where the request has none. */
struct affinity_facts {
    struct span prompt_cache_key;
    struct span user;
    struct span session;  /* the header's value */
    struct span messages; /* chat and messages API: an array */
    struct span input;    /* responses API: a string or an array */
    struct span prompt;   /* completions API */
};

/* False: nothing tells; any number is as good. */
bool affinity_find(const struct affinity_facts *facts, uint64_t *affinity);

#endif
