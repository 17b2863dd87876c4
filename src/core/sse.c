/* sse.c - the event-stream parser of the HTML standard. */
#include "core/sse.h"

#include <stdint.h>
#include <string.h>

#include "core/word.h"

#define BOM "\xEF\xBB\xBF"
#define BOM_BYTES 3

void
sse_init(struct sse *sse)
{
    memset(sse, 0, sizeof(*sse));
    buf_init(&sse->line, SSE_EVENT_MAX_BYTES);
    buf_init(&sse->data, SSE_EVENT_MAX_BYTES);
    buf_init(&sse->name, SSE_EVENT_MAX_BYTES);
}

void
sse_fini(struct sse *sse)
{
    buf_fini(&sse->line);
    buf_fini(&sse->data);
    buf_fini(&sse->name);
}

static void
event_forget(struct sse *sse)
{
    buf_clear(&sse->data);
    buf_clear(&sse->name);
    sse->has_data = false;
    sse->has_fields = false;
    sse->is_told = false;
}

static int
data_add(struct sse *sse, struct span value)
{
    if (sse->has_data && buf_append(&sse->data, "\n", 1) != 0)
        return -1;
    sse->has_data = true;
    return buf_put_span(&sse->data, value);
}

/* A line that is not empty. "id" and "retry" are for a browser that reconnects, other fields for
 * nobody; comments are no fields. */
static int
field_take(struct sse *sse, struct span line)
{
    if (line.ptr[0] == ':')
        return 0;
    struct span value = line;
    struct span field = span_split(&value, ':');
    if (value.len > 0 && value.ptr[0] == ' ') {
        value.ptr++;
        value.len--;
    }
    sse->has_fields = true;
    if (span_is(field, "data"))
        return data_add(sse, value);
    if (span_is(field, "event")) {
        buf_clear(&sse->name);
        return buf_put_span(&sse->name, value);
    }
    return 0;
}

/* A whole line. `*found` when it ended an event with data; one without is as if it had not been. */
static int
line_take(struct sse *sse, struct span line, bool *found)
{
    if (line.len > 0)
        return field_take(sse, line);
    if (!sse->has_data) {
        event_forget(sse);
        return 0;
    }
    sse->is_told = true;
    *found = true;
    return 0;
}

/* Takes the bytes of a BOM at the very start. What only began like one is the first line's. */
static int
bom_skip(struct sse *sse, struct span *rest)
{
    while (sse->bom_at < BOM_BYTES && rest->len > 0) {
        if (*rest->ptr != BOM[sse->bom_at]) {
            size_t seen = sse->bom_at;
            sse->bom_at = BOM_BYTES;
            return buf_append(&sse->line, BOM, seen);
        }
        sse->bom_at++;
        rest->ptr++;
        rest->len--;
    }
    return 0;
}

static void
lf_skip(struct sse *sse, struct span *rest)
{
    if (!sse->after_cr || rest->len == 0)
        return;
    sse->after_cr = false;
    if (*rest->ptr == '\n') {
        rest->ptr++;
        rest->len--;
    }
}

/* Marks each byte that is `byte`. */
static uint64_t
mark_byte(uint64_t word, char byte)
{
    uint64_t rest = word ^ WORD_OF((unsigned char)byte);
    return (rest - WORD_OF(1)) & ~rest & WORD_TOPS;
}

/* How many bytes come before the end of the line, or all of them. */
static size_t
line_length(struct span rest)
{
    size_t len = 0;
    for (; rest.len - len >= WORD_BYTES; len += WORD_BYTES) {
        uint64_t word = word_load(rest.ptr + len);
        uint64_t marks = mark_byte(word, '\n') | mark_byte(word, '\r');
        if (marks != 0)
            return len + word_first(marks);
    }
    while (len < rest.len && rest.ptr[len] != '\n' && rest.ptr[len] != '\r')
        len++;
    return len;
}

/* Takes the rest of a line with its end, or all there is of it. */
static int
line_feed(struct sse *sse, struct span *rest, bool *found)
{
    size_t len = line_length(*rest);
    struct span line = span_of(rest->ptr, len);
    if (len == rest->len) {
        rest->len = 0;
        return buf_put_span(&sse->line, line);
    }
    sse->after_cr = rest->ptr[len] == '\r';
    rest->ptr += len + 1;
    rest->len -= len + 1;
    lf_skip(sse, rest);
    if (sse->line.len == 0)
        return line.len > SSE_EVENT_MAX_BYTES ? -1 : line_take(sse, line, found);
    if (buf_put_span(&sse->line, line) != 0)
        return -1;
    int result = line_take(sse, buf_span(&sse->line), found);
    buf_clear(&sse->line);
    return result;
}

size_t
sse_feed(struct sse *sse, struct span bytes, struct sse_event *event, bool *found)
{
    *found = false;
    struct span rest = bytes;
    if (sse->is_told)
        event_forget(sse);
    if (sse->is_lost || bom_skip(sse, &rest) != 0)
        return SIZE_MAX;
    lf_skip(sse, &rest);
    while (rest.len > 0 && !*found) {
        if (line_feed(sse, &rest, found) != 0) {
            sse->is_lost = true;
            return SIZE_MAX;
        }
    }
    if (*found)
        *event = (struct sse_event){buf_span(&sse->name), buf_span(&sse->data)};
    return bytes.len - rest.len;
}

bool
sse_is_at_boundary(const struct sse *sse)
{
    bool in_bom = sse->bom_at > 0 && sse->bom_at < BOM_BYTES;
    bool in_event = sse->has_fields && !sse->is_told;
    return !sse->is_lost && !in_bom && !in_event && sse->line.len == 0;
}
