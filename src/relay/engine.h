/* engine.h - what the calls of a process share: warm connections and the state file. */
#ifndef POSTERN_RELAY_ENGINE_H
#define POSTERN_RELAY_ENGINE_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "relay/call.h"

struct engine;

struct engine *engine_new(struct err *err);
void engine_free(struct engine *engine); /* NULL is allowed; no call may be running */

/* Fills `relay` for a call under `config`. The first one opens the state where that configuration
 * says it is; a later change of its place takes effect with the next process. -1: no memory. */
int engine_lend(struct engine *engine, const struct config *config, struct relay *relay);

/* Now and then, from any thread: closes connections that nobody has wanted for long. True: the last
 * of them, so that no upstream was asked for as long. */
bool engine_tidy(struct engine *engine);

#endif
