/* allow.h - which headers pass in which direction. Requests and answers are built, not copied.
 * Pure. */
#ifndef POSTERN_CORE_ALLOW_H
#define POSTERN_CORE_ALLOW_H

#include <stdbool.h>

#include "base/span.h"

/* May the client's header go to an upstream? Name in any case, with hyphens. */
bool allow_request_header(struct span name);

/* May the upstream's header go to the client? */
bool allow_response_header(struct span name);

/* Values are printable ASCII, at most 1 KiB (8 KiB for answers). */
bool allow_request_value(struct span value);
bool allow_response_value(struct span value);

#endif
