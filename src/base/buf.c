/* buf.c - the bounded growing buffer. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pages.h"

#define FIRST_CAP 256
#define PAGES_CAP 131072                     /* from here on a buffer has pages of its own */
#define FILE_STEP ((size_t)16 * 1024 * 1024) /* a file grows by no more: a disk is shared */
#define FILE_PAGE ((size_t)65536)            /* a multiple of every system's page */

void
buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max_bytes = max_bytes};
}

void
buf_init_in(struct buf *buf, char *room, size_t room_bytes)
{
    assert(room_bytes > 0);
    room[0] = '\0';
    *buf = (struct buf){.ptr = room, .cap = room_bytes, .max_bytes = room_bytes - 1};
}

void
buf_fini(struct buf *buf)
{
    if (buf->cap >= PAGES_CAP || buf->is_in_file)
        pages_free(buf->ptr, buf->cap);
    else
        mem_free_wiped(buf->ptr, buf->len);
    if (buf->is_in_file)
        (void)close(buf->fd);
    buf_init(buf, buf->max_bytes);
}

/* The contents in memory of `cap` bytes. NULL: there is none. */
static char *
move(struct buf *buf, size_t cap)
{
    if (buf->is_in_file)
        return pages_grow_in_file(buf->fd, buf->ptr, buf->cap, cap);
    if (cap < PAGES_CAP)
        return mem_grow(buf->ptr, buf->ptr ? buf->len + 1 : 0, cap);
    if (buf->cap >= PAGES_CAP)
        return pages_grow(buf->ptr, buf->cap, cap);
    char *pages = pages_grow(NULL, 0, cap);
    if (!pages || !buf->ptr)
        return pages;
    memcpy(pages, buf->ptr, buf->len + 1);
    mem_free_wiped(buf->ptr, buf->len);
    return pages;
}

int
buf_reserve(struct buf *buf, size_t extra)
{
    if (extra < buf->cap - buf->len) /* as a rule; the NUL has its place, and cap its maximum */
        return 0;
    if (extra > buf->max_bytes || buf->len > buf->max_bytes - extra)
        return -1;
    size_t wanted = buf->len + extra + 1; /* the NUL */
    size_t cap = buf->cap > SIZE_MAX / 2 ? wanted : buf->cap * 2;
    if (cap < FIRST_CAP)
        cap = FIRST_CAP;
    if (cap < wanted) /* who says how much will come gets that, and no rounded share of it */
        cap = wanted;
    if (buf->is_in_file && cap > wanted + FILE_STEP)
        cap = wanted + FILE_STEP;
    if (cap > buf->max_bytes + 1)
        cap = buf->max_bytes + 1;
    char *grown = move(buf, cap);
    if (!grown)
        return -1;
    buf->ptr = grown;
    buf->cap = cap;
    return 0;
}

int
buf_move_to_file(struct buf *buf, int fd, size_t room_bytes, size_t max_bytes)
{
    struct buf moved = {.max_bytes = max_bytes, .is_in_file = true, .fd = fd};
    if (room_bytes < buf->len || buf_reserve(&moved, room_bytes) != 0)
        return -1;
    moved.ptr[0] = '\0';
    if (buf->len > 0)
        memcpy(moved.ptr, buf->ptr, buf->len + 1);
    moved.len = buf->len;
    buf_fini(buf);
    *buf = moved;
    return 0;
}

void
buf_rest(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (buf->is_in_file && buf->ptr)
        pages_rest(buf->ptr, len - len % FILE_PAGE);
}

int
buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (buf_reserve(buf, len) != 0)
        return -1;
    if (len > 0)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
    return 0;
}

void
buf_extend(struct buf *buf, size_t len)
{
    assert(buf->len + len < buf->cap);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

int
buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int
buf_put_span(struct buf *buf, struct span span)
{
    return buf_append(buf, span.ptr, span.len);
}

int
buf_put_spans(struct buf *buf, const struct span *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > buf->max_bytes - len)
            return -1;
        len += parts[i].len;
    }
    if (buf_reserve(buf, len) != 0)
        return -1;
    char *end = buf->ptr + buf->len;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    buf_extend(buf, len);
    return 0;
}

int
buf_putf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int result = -1;
    int len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && buf_reserve(buf, (size_t)len) == 0) {
        (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
        result = 0;
    }
    va_end(again);
    va_end(args);
    return result;
}

/* The length of the UTF-8 sequence at `s`, 0 when it is none. */
static size_t
utf8_len(const unsigned char *s, size_t left)
{
    unsigned char lead = s[0];
    size_t len = lead < 0x80   ? 1
                 : lead < 0xc2 ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf5 ? 4
                               : 0;
    if (len < 2)
        return len;
    if (len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (lead == 0xe0 && s[1] < 0xa0) || (lead == 0xf0 && s[1] < 0x90);
    bool outside = (lead == 0xed && s[1] > 0x9f) || (lead == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : len;
}

static int
put_json_char(struct buf *buf, const unsigned char *s, size_t len)
{
    if (len == 0)
        return buf_puts(buf, "\\ufffd");
    if (len > 1)
        return buf_append(buf, s, len);
    if (*s == '"' || *s == '\\')
        return buf_putf(buf, "\\%c", *s);
    if (*s == '\n')
        return buf_puts(buf, "\\n");
    if (*s == '\r')
        return buf_puts(buf, "\\r");
    if (*s == '\t')
        return buf_puts(buf, "\\t");
    if (*s < 0x20 || *s == 0x7f)
        return buf_putf(buf, "\\u%04x", *s);
    return buf_append(buf, s, 1);
}

int
buf_put_json(struct buf *buf, struct span text)
{
    size_t start = buf->len;
    for (size_t at = 0; at < text.len;) {
        const unsigned char *s = (const unsigned char *)text.ptr + at;
        size_t len = utf8_len(s, text.len - at);
        if (put_json_char(buf, s, len) != 0) {
            buf->len = start;
            if (buf->ptr)
                buf->ptr[start] = '\0';
            return -1;
        }
        at += len > 0 ? len : 1;
    }
    return 0;
}

void
buf_wipe(struct buf *buf)
{
    if (buf->ptr)
        mem_wipe(buf->ptr, buf->len);
    buf->len = 0;
}

void
buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->ptr)
        buf->ptr[0] = '\0';
}

struct span
buf_span(const struct buf *buf)
{
    return span_of(buf->ptr, buf->len);
}

const char *
buf_text(const struct buf *buf)
{
    return buf->ptr ? buf->ptr : "";
}
