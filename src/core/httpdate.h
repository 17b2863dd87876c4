/* httpdate.h - the dates that headers hold, as Unix seconds. Pure: no locale, no time zone of ours.
 */
#ifndef POSTERN_CORE_HTTPDATE_H
#define POSTERN_CORE_HTTPDATE_H

#include <stdint.h>

#include "base/span.h"

/* An HTTP date (RFC 9110 5.6.7: IMF-fixdate, RFC 850, asctime); -1 when it is none, or before 1970.
 * The name of the day is not checked; the two digits of RFC 850 mean 1970 to 2069. */
int64_t httpdate_parse(struct span text);

/* A date of RFC 3339 5.6; a fraction of a second is dropped. -1 as above. */
int64_t httpdate_parse_rfc3339(struct span text);

#endif
