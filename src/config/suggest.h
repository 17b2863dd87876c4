/* suggest.h - which known name was meant by one that is not known? */
#ifndef POSTERN_CONFIG_SUGGEST_H
#define POSTERN_CONFIG_SUGGEST_H

#include <stddef.h>

#include "base/span.h"

struct suggest {
    struct span wanted;
    size_t least;  /* changes to the best so far */
    char best[64]; /* "" while nothing is close */
};

void suggest_init(struct suggest *suggest, struct span wanted);
void suggest_offer(struct suggest *suggest, const char *known);

/* "; did you mean X?", or "" when nothing is close. Fills `out` and returns it. */
#define SUGGEST_TEXT_MAX 96
const char *suggest_text(const struct suggest *suggest, char out[SUGGEST_TEXT_MAX]);

#endif
