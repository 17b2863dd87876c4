/* buf.h - a growing run of bytes with a maximum given at birth.
 *
 * The bytes are always followed by a NUL that is not counted, so that text can be handed to
 * functions that want a string. A failed append leaves the contents as they were.
 */
#ifndef POSTERN_BASE_BUF_H
#define POSTERN_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct buf {
    char *ptr; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max_bytes;
    bool is_in_file;
    int fd; /* of that file; else unused */
};

void buf_init(struct buf *buf, size_t max_bytes); /* allocates nothing */

/* The same in memory of the caller's: it never grows and is not given to buf_fini(). */
void buf_init_in(struct buf *buf, char *room, size_t room_bytes);

void buf_fini(struct buf *buf); /* wipes and frees; the buffer may be used again */

/* The contents move into the file `fd`, an empty one that nobody else has open, and the buffer
 * grows there up to `max_bytes`: it takes disk in place of memory. 0: `fd` is the buffer's now,
 * which closes it. -1: the file has no room for `room_bytes`; nothing has changed. */
int buf_move_to_file(struct buf *buf, int fd, size_t room_bytes, size_t max_bytes);

/* The first `len` bytes are not needed soon: where they are in a file they leave memory. */
void buf_rest(struct buf *buf, size_t len);

/* 0, or -1 when the maximum would be passed or no memory is left. */
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_puts(struct buf *buf, const char *text);
int buf_put_span(struct buf *buf, struct span span);
int buf_put_spans(struct buf *buf, const struct span *parts, size_t count); /* all or none */
int buf_putf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends `text` as the inside of a JSON string: quotes, backslashes, controls and bytes that are
 * not UTF-8 are escaped (the last as U+FFFD). */
int buf_put_json(struct buf *buf, struct span text);

/* Makes room for `extra` more bytes without growing again. */
int buf_reserve(struct buf *buf, size_t extra);

/* The next `len` bytes were written into that room by the caller: they belong to the contents. */
void buf_extend(struct buf *buf, size_t len);

void buf_clear(struct buf *buf); /* length 0, memory kept */
void buf_wipe(struct buf *buf);  /* the same, and what stood there is gone */

struct span buf_span(const struct buf *buf); /* borrowed: until the next call on `buf` */
const char *buf_text(const struct buf *buf); /* borrowed: "" when nothing was appended */

#endif
