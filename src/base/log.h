/* log.h - what the operator is told: one event a line, one write() a line, secrets taken out.
 *
 * A line is an event, its facts, its decision: `attempt_failed req=… upstream=eu outcome=timeout`.
 * Text from outside goes in through log_quote(), which escapes it and cuts it at 256 bytes.
 * The log is the only sink of such text, so it is also where known secrets (base/secrets.h) are
 * replaced by "[redacted]".
 */
#ifndef POSTERN_BASE_LOG_H
#define POSTERN_BASE_LOG_H

#include "base/span.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_QUOTE_MAX 1040 /* room for 256 bytes, each escaped, with quotes and NUL */

/* Lines go to descriptor `fd` (2 until called). Levels above `level` are dropped. */
void log_open(int fd, enum log_level level);

/* One line: "<time> postern[pid] <level> <text>\n", cut at 4096 bytes. Safe from any thread.
 * errno is kept. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with a text whose parts are there already: what is logged for every request is not
 * printed. */
void log_put(enum log_level level, const struct span *parts, size_t count);

/* `text` in double quotes, escaped, as a C string in `out`. Returns `out`. */
const char *log_quote(char out[LOG_QUOTE_MAX], struct span text);

#endif
