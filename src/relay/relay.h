/* relay.h - one client request, from its route to the last byte of its answer. */
#ifndef POSTERN_RELAY_RELAY_H
#define POSTERN_RELAY_RELAY_H

#include "relay/call.h"

/* Answers the call: with an upstream's answer or with one clear error. `call` was made by
 * call_init() and has its source and sink; the request's body has been loaded. Afterwards
 * call->account tells what happened. */
void relay_run(struct call *call);

#endif
