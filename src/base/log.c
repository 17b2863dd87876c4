/* log.c - formats one line, takes secrets out and hands it to one write(). */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/num.h"
#include "base/secrets.h"

#define LINE_MAX_BYTES 4096
#define TEXT_MAX_BYTES (LINE_MAX_BYTES - 1) /* room for the line feed */
#define QUOTE_TEXT_MAX 256
#define DAY_MS UINT64_C(86400000)

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

/* Asked for once: nothing here forks. */
static long
own_pid(void)
{
    static atomic_long known;
    long pid = atomic_load(&known);
    if (pid == 0) {
        pid = (long)getpid();
        atomic_store(&known, pid);
    }
    return pid;
}

/* The last `digits` of `value`, and what follows them. */
static char *
put_digits(char *out, unsigned value, size_t digits, char after)
{
    for (size_t at = digits; at > 0; value /= 10)
        out[--at] = (char)('0' + value % 10);
    out[digits] = after;
    return out + digits + 1;
}

static char *
put_text(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return out + len;
}

/* "2026-01-31T12:00:00.123Z postern[42] info ", without the C library's many ways to print it. */
static size_t
format_head(char line[LINE_MAX_BYTES], enum log_level level)
{
    uint64_t now_ms = clock_unix_ms();
    struct date date = date_of_day((uint32_t)(now_ms / DAY_MS));
    unsigned second = (unsigned)(now_ms % DAY_MS / 1000); /* of the day */
    char *at = put_digits(line, date.year, 4, '-');
    at = put_digits(at, date.month, 2, '-');
    at = put_digits(at, date.day, 2, 'T');
    at = put_digits(at, second / 3600, 2, ':');
    at = put_digits(at, second / 60 % 60, 2, ':');
    at = put_digits(at, second % 60, 2, '.');
    at = put_digits(at, (unsigned)(now_ms % 1000), 3, 'Z');
    at = put_text(at, " postern[");
    at += num_format_u64(at, (uint64_t)own_pid());
    at = put_text(at, "] ");
    at = put_text(at, level_names[level]);
    *at++ = ' ';
    return (size_t)(at - line);
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

static bool
is_wanted(enum log_level level)
{
    return (int)level <= atomic_load(&log_threshold);
}

static void
write_line(char line[LINE_MAX_BYTES], size_t len)
{
    len = redact(line, len, TEXT_MAX_BYTES);
    line[len++] = '\n';
    /* A line that cannot be written is lost: there is nowhere to tell. */
    ssize_t ignored = write(atomic_load(&log_fd), line, len);
    (void)ignored;
}

void
log_write(enum log_level level, const char *format, ...)
{
    if (!is_wanted(level))
        return;
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];
    size_t len = format_head(line, level);
    size_t room = TEXT_MAX_BYTES - len;
    va_list args;
    va_start(args, format);
    int added = vsnprintf(line + len, room, format, args);
    va_end(args);
    if (added > 0)
        len += (size_t)added < room ? (size_t)added : room - 1;
    write_line(line, len);
    errno = saved_errno;
}

void
log_put(enum log_level level, const struct span *parts, size_t count)
{
    if (!is_wanted(level))
        return;
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];
    size_t len = format_head(line, level);
    size_t room = TEXT_MAX_BYTES - len - 1;
    for (size_t i = 0; i < count; i++) {
        size_t added = parts[i].len < room ? parts[i].len : room;
        if (added > 0)
            memcpy(line + len, parts[i].ptr, added);
        len += added;
        room -= added;
    }
    write_line(line, len);
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
