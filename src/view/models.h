/* models.h - the models that the configuration names, as GET /v1/models lists them. */
#ifndef POSTERN_VIEW_MODELS_H
#define POSTERN_VIEW_MODELS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "config/config.h"

/* Does the configuration name any? If not, an upstream knows better. */
bool models_are_named(const struct config *config);

/* `id` NULL: the list; else that one model. 1 when it was written, 0 when no such model is named,
 * -1 when `out` is full. */
int models_write(const struct config *config, const struct span *id, struct buf *out);

#endif
