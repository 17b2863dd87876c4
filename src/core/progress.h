/* progress.h - how far a stream has come: which of its choices have begun and which have finished,
 * and how much their finishes prove. Pure.
 *
 * A finish proves the end of its choice when nothing came beside or after it. Some hosts write one
 * into every chunk, or into those of the reasoning: there it proves nothing, and the end of the
 * stream itself must confirm it. A choice that was asked for and never began is missing, unless the
 * API's own marker says that the stream is over: some hosts know no `n`.
 */
#ifndef POSTERN_CORE_PROGRESS_H
#define POSTERN_CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/finish.h"

/* The APIs allow an `n` of 128; lists of prompts multiply it. */
#define PROGRESS_CHOICES_MAX 1024

/* What the request leads to expect. */
struct progress_terms {
    unsigned choices;   /* so many were asked for; 0: unknown */
    unsigned inputs;    /* of these many inputs each has an answer of its own; 0: unknown */
    bool in_background; /* an answer that is only begun is what was asked for */
};

/* All zero but for `terms` at the beginning of a stream. */
struct progress {
    struct progress_terms terms;
    uint64_t begun[PROGRESS_CHOICES_MAX / 64];
    uint64_t finished[PROGRESS_CHOICES_MAX / 64];
    unsigned begun_count;
    unsigned finished_count;
    bool has_finish; /* there was one, whatever came after it */
    bool is_weak;    /* a finish proves nothing by itself any more */
};

enum progress_standing {
    PROGRESS_OPEN,   /* a choice has not finished, or is missing */
    PROGRESS_ENDING, /* all have finished, if the stream ends here as it should */
    PROGRESS_FINISHED
};

/* Something came for the choice `index` (below PROGRESS_CHOICES_MAX): content, a finish, both or
 * neither. FINISH_FAILURE is not for here. */
void progress_note(struct progress *progress, unsigned index, bool has_content, enum finish finish);

enum progress_standing progress_standing(const struct progress *progress);

/* May the API's marker ("[DONE]", message_stop) be believed? It speaks for the host as a whole, so
 * it confirms finishes and explains missing choices, but it does not finish a choice that began. */
bool progress_may_be_done(const struct progress *progress);

/* The same where hosts are known that never give a reason: of a single choice the marker is one. */
bool progress_may_be_done_unsaid(const struct progress *progress);

#endif
