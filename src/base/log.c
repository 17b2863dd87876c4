/* log.c - formats one line, takes secrets out and hands it to one write(). */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secrets.h"

#define LINE_MAX_BYTES 4096
#define QUOTE_TEXT_MAX 256

static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void
log_open(int fd, enum log_level level)
{
    atomic_store(&log_fd, fd);
    atomic_store(&log_threshold, (int)level);
}

/* "2026-01-31T12:00:00.123Z postern[42] info " */
static size_t
format_head(char *line, size_t size, enum log_level level)
{
    uint64_t now = clock_unix_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    char stamp[32] = "";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    int len = snprintf(line, size, "%s.%03uZ postern[%ld] %s ", stamp, (unsigned)(now % 1000),
                       (long)getpid(), level_names[level]);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* Each run of a secret is replaced in place; the replacement is never longer than the line has
 * room. */
static size_t
redact(char *line, size_t len, size_t max)
{
    static const char mark[] = "[redacted]";
    struct span found;
    size_t from = 0;
    while (secrets_find(span_of(line + from, len - from), &found)) {
        size_t at = (size_t)(found.ptr - line);
        if (at + sizeof(mark) - 1 > max)
            return at; /* no room to say more: the line ends here */
        size_t tail = len - at - found.len;
        if (at + sizeof(mark) - 1 + tail > max)
            tail = max - at - (sizeof(mark) - 1);
        memmove(line + at + sizeof(mark) - 1, line + at + found.len, tail);
        memcpy(line + at, mark, sizeof(mark) - 1);
        len = at + sizeof(mark) - 1 + tail;
        from = at + sizeof(mark) - 1;
    }
    return len;
}

void
log_write(enum log_level level, const char *format, ...)
{
    if ((int)level > atomic_load(&log_threshold))
        return;
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];
    const size_t max = sizeof(line) - 1; /* room for the line feed */
    size_t len = format_head(line, max, level);
    va_list args;
    va_start(args, format);
    int added = vsnprintf(line + len, max - len, format, args);
    va_end(args);
    if (added > 0)
        len += (size_t)added < max - len ? (size_t)added : max - len - 1;
    len = redact(line, len, max);
    line[len++] = '\n';
    /* A line that cannot be written is lost: there is nowhere to tell. */
    ssize_t ignored = write(atomic_load(&log_fd), line, len);
    (void)ignored;
    errno = saved_errno;
}

const char *
log_quote(char out[LOG_QUOTE_MAX], struct span text)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < text.len && i < QUOTE_TEXT_MAX && at + 8 < LOG_QUOTE_MAX; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            out[at++] = '\\';
            out[at++] = (char)c;
        } else if (c >= 0x20 && c < 0x7f) {
            out[at++] = (char)c;
        } else {
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = hex[c >> 4];
            out[at++] = hex[c & 15];
        }
    }
    if (text.len > QUOTE_TEXT_MAX) {
        memcpy(out + at, "...", 3);
        at += 3;
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}
