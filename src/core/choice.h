/* choice.h - one choice of a chat completion or a completion, in a stream or in a JSON answer: what
 * it brings and whether it can be trusted. Pure.
 */
#ifndef POSTERN_CORE_CHOICE_H
#define POSTERN_CORE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "core/finish.h"

struct choice {
    struct span text;  /* of the choice; borrowed: from the list */
    unsigned index;    /* 0 where a server leaves it out: there is but one; PROGRESS_CHOICES_MAX: it
                          is not one that can be followed */
    bool has_content;  /* text, reasoning, a tool call, a refusal, sound, images */
    bool is_error;     /* it was broken off, and says so */
    bool is_malformed; /* not an object, or a member twice: nobody knows which a client reads */
    bool says_null;    /* a reason is given, and it is that there is none: not finished yet */
    enum finish finish;
};

/* The next choice of the list. `*at` begins with 0. False: there is none. */
bool choice_each(struct span list, size_t *at, struct choice *choice);

/* Is a JSON answer's list whole: each choice well-formed and not without its end, and at least
 * `least` of them? */
bool choice_list_is_whole(struct span list, size_t least);

#endif
