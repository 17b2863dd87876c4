/* whole.h - is a JSON answer, well-formed and without an error, all of what was asked for? Pure.
 *
 * A document can be closed and still be half an answer: a choice whose finish is null, a response
 * that is in progress, a message without its stop reason, fewer embeddings than inputs. The caller
 * finds the members while the answer comes; this says what they mean.
 */
#ifndef POSTERN_CORE_WHOLE_H
#define POSTERN_CORE_WHOLE_H

#include <stdbool.h>

#include "core/json.h"
#include "core/operation.h"
#include "core/progress.h"

/* The top-level members of the answer that count. */
enum { WHOLE_LIST, WHOLE_REASON, WHOLE_MEMBERS };

/* Names the wanted members of this operation's answers. */
void whole_want(const struct operation *operation, struct json_member members[WHOLE_MEMBERS]);

/* `status` is the member of that name. An empty list is for the caller to judge. Fewer choices than
 * `n` are whole where the document says so itself: hosts are known that ignore it. */
bool whole_judge(const struct operation *operation, const struct json_member members[WHOLE_MEMBERS],
                 const struct json_member *status, const struct progress_terms *terms);

#endif
