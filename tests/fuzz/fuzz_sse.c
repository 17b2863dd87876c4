/* fuzz_sse.c - the event-stream parser, in portions, against a plain reading of the standard, and
 * what it finds through the judges of events and complaints. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "core/complaint.h"
#include "core/event.h"
#include "core/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define TOLD_MAX_BYTES (1U << 24)

static void
tell(struct buf *told, struct span name, struct span data)
{
    assert(buf_putf(told, "%zu,%zu:", name.len, data.len) == 0);
    assert(buf_put_span(told, name) == 0);
    assert(buf_put_span(told, data) == 0);
}

/* --- the plain reading: the whole stream at hand, a line at a time ---------------------------- */

struct plain {
    struct buf name, data;
    bool has_data;
};

static void
plain_field(struct plain *plain, struct span line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    size_t name_len = colon != NULL ? (size_t)(colon - line.ptr) : line.len;
    size_t value_at = colon != NULL ? name_len + 1 : line.len;
    if (value_at < line.len && line.ptr[value_at] == ' ')
        value_at++;
    struct span field = span_of(line.ptr, name_len);
    struct span value = span_of(line.ptr + value_at, line.len - value_at);
    if (span_is(field, "event")) {
        buf_clear(&plain->name);
        assert(buf_put_span(&plain->name, value) == 0);
    } else if (span_is(field, "data")) {
        assert(buf_put_span(&plain->data, value) == 0);
        assert(buf_puts(&plain->data, "\n") == 0);
        plain->has_data = true;
    }
}

static void
plain_line(struct plain *plain, struct span line, struct buf *told)
{
    if (line.len > 0) {
        plain_field(plain, line);
        return;
    }
    if (plain->has_data)
        tell(told, buf_span(&plain->name), span_of(plain->data.ptr, plain->data.len - 1));
    buf_clear(&plain->name);
    buf_clear(&plain->data);
    plain->has_data = false;
}

static void
read_plainly(struct span stream, struct buf *told)
{
    struct plain plain = {.has_data = false};
    buf_init(&plain.name, TOLD_MAX_BYTES);
    buf_init(&plain.data, TOLD_MAX_BYTES);
    size_t at = span_has_prefix(stream, "\xEF\xBB\xBF") ? 3 : 0;
    size_t line_at = at;
    while (at < stream.len) {
        char byte = stream.ptr[at++];
        if (byte != '\n' && byte != '\r')
            continue;
        plain_line(&plain, span_of(stream.ptr + line_at, at - 1 - line_at), told);
        if (byte == '\r' && at < stream.len && stream.ptr[at] == '\n')
            at++;
        line_at = at;
    }
    buf_fini(&plain.name);
    buf_fini(&plain.data);
}

/* --- the parser ------------------------------------------------------------------------------- */

static size_t
next_portion(uint64_t *seed, size_t left)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    size_t portion = (size_t)(*seed >> 59) + 1;
    return portion < left ? portion : left;
}

/* `progress` has one for each API: what one event leaves there, the next one finds. */
static void
judge(const struct sse_event *event, struct progress progress[EVENT_API_UNKNOWN + 1])
{
    for (int api = EVENT_API_CHAT; api <= EVENT_API_UNKNOWN; api++) {
        enum event_kind kind = event_judge((enum event_api)api, event, &progress[api]);
        assert(strlen(event_kind_name(kind)) > 0);
        assert(progress[api].finished_count <= progress[api].begun_count);
        assert(progress[api].begun_count <= PROGRESS_CHOICES_MAX);
    }
    struct complaint_view view = complaint_read(event->data);
    assert(view.status == 0 || (view.status >= 400 && view.status <= 599));
    assert(view.about != COMPLAINT_NONE || view.status == 0);
}

static void
read_in_portions(struct span stream, size_t step, struct buf *told)
{
    struct sse sse;
    struct progress progress[EVENT_API_UNKNOWN + 1] = {{.terms = {.choices = 2}}};
    uint64_t seed = stream.len;
    sse_init(&sse);
    for (size_t at = 0; at < stream.len;) {
        size_t left = stream.len - at;
        size_t portion = step == 0 ? next_portion(&seed, left) : step < left ? step : left;
        struct sse_event event;
        bool found;
        size_t taken = sse_feed(&sse, span_of(stream.ptr + at, portion), &event, &found);
        assert(taken > 0 && taken <= portion);
        at += taken;
        if (!found) {
            assert(taken == portion);
            continue;
        }
        assert(sse_is_at_boundary(&sse));
        tell(told, event.name, event.data);
        if (step > 1)
            judge(&event, progress);
    }
    sse_fini(&sse);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > SSE_EVENT_MAX_BYTES / 2) /* beyond it the parser may give up */
        return 0;
    struct span stream = span_of((const char *)bytes, len);
    struct buf plainly;
    buf_init(&plainly, TOLD_MAX_BYTES);
    read_plainly(stream, &plainly);
    const size_t steps[] = {0, 1, len};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct buf told;
        buf_init(&told, TOLD_MAX_BYTES);
        read_in_portions(stream, steps[i], &told);
        assert(span_equal(buf_span(&told), buf_span(&plainly)));
        buf_fini(&told);
    }
    buf_fini(&plainly);
    return 0;
}
