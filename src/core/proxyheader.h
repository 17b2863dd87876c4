/* proxyheader.h - is a header one that a proxy adds to what it forwards? Pure.
 *
 * Told by patterns, not by a list of names: every vendor has headers of its own, but they are named
 * alike. What programs send themselves (SDKs' x-stainless-*, openai-*, anthropic-*, x-request-id,
 * traceparent, idempotency-key …) matches none of them.
 */
#ifndef POSTERN_CORE_PROXYHEADER_H
#define POSTERN_CORE_PROXYHEADER_H

#include <stdbool.h>

#include "base/span.h"

/* `name` is in lower case with hyphens. */
bool proxyheader_is(struct span name);

#endif
