/* logfile.h - where the log goes: a file that may be rotated under us, or standard error.
 *
 * Lines go to one descriptor all the time; when the file at the path has become another one
 * (renamed, removed), that descriptor is pointed at the new one, so no line is lost and none is
 * torn.
 */
#ifndef POSTERN_REPORT_LOGFILE_H
#define POSTERN_REPORT_LOGFILE_H

#include <stdint.h>

#include "config/config.h"

/* Brings the log to where `config` says; called for every request, looks at most once a second. A
 * file that cannot be opened leaves the log where it is and is told there, once. */
void logfile_follow(const struct config *config, uint64_t now_ms);

#endif
