/* engine.h - what the calls of a process share: warm connections and the state file. */
#ifndef POSTERN_RELAY_ENGINE_H
#define POSTERN_RELAY_ENGINE_H

#include "base/err.h"
#include "config/config.h"
#include "relay/call.h"

struct engine;

struct engine *engine_new(struct err *err);
void engine_free(struct engine *engine); /* NULL is allowed; no call may be running */

/* Fills `relay` for a call under `config`. The first one opens the state where that configuration
 * says it is; a later change of its place takes effect with the next process. -1: no memory. */
int engine_lend(struct engine *engine, const struct config *config, struct relay *relay);

#endif
