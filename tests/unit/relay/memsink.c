/* memsink.c - a sink whose other end is two buffers. */
#include "memsink.h"

#include <assert.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SINK_MAX_BYTES ((size_t)64 << 20)
#define HEARTBEAT ": heartbeat\n\n"

static int
take_head(void *self, int status, const struct wire_headers *headers)
{
    struct memsink *sink = self;
    sink->heads++;
    if (atomic_load(&sink->is_gone) || sink->was_aborted)
        return -1;
    sink->status = status;
    for (size_t i = 0; i < headers->count; i++) {
        int result = buf_putf(&sink->head, SPAN_FMT ": " SPAN_FMT "\n",
                              SPAN_ARG(headers->items[i].name), SPAN_ARG(headers->items[i].value));
        assert(result == 0);
    }
    return 0;
}

static int
take_bytes(void *self, struct span bytes)
{
    struct memsink *sink = self;
    assert(sink->heads == 1); /* no body before the head, and one head alone */
    assert(!sink->has_ended);
    if (sink->body.len + bytes.len > sink->room)
        atomic_store(&sink->is_gone, true);
    if (atomic_load(&sink->is_gone) || sink->was_aborted)
        return -1;
    int result = buf_put_span(&sink->body, bytes);
    assert(result == 0);
    if (sink->on_bytes)
        sink->on_bytes(sink->self, bytes);
    return 0;
}

static int
take_flush(void *self)
{
    struct memsink *sink = self;
    sink->flushes++;
    return atomic_load(&sink->is_gone) || sink->was_aborted ? -1 : 0;
}

static int
take_end(void *self)
{
    struct memsink *sink = self;
    assert(!sink->has_ended);
    sink->has_ended = true;
    return take_flush(self);
}

static void
take_abort(void *self)
{
    struct memsink *sink = self;
    sink->was_aborted = true;
}

static bool
look(void *self)
{
    struct memsink *sink = self;
    struct pollfd waking = {.fd = sink->wake[0], .events = POLLIN};
    char byte;
    while (poll(&waking, 1, 0) > 0 && read(sink->wake[0], &byte, 1) == 1)
        ;
    return atomic_load(&sink->is_gone) || sink->was_aborted;
}

void
memsink_init(struct memsink *sink)
{
    *sink = (struct memsink){.room = SIZE_MAX};
    buf_init(&sink->head, SINK_MAX_BYTES);
    buf_init(&sink->body, SINK_MAX_BYTES);
    int failed = pipe(sink->wake);
    assert(!failed);
    sink->sink = (struct sink){
        .self = sink,
        .cut = SINK_CUT_BROKEN,
        .head = take_head,
        .bytes = take_bytes,
        .flush = take_flush,
        .end = take_end,
        .abort = take_abort,
        .is_gone = look,
        .waits = sink->waits,
    };
    sink->waits[0] = (struct pollfd){.fd = sink->wake[0], .events = POLLIN};
    sink->waits[1] = (struct pollfd){.fd = -1};
}

void
memsink_fini(struct memsink *sink)
{
    buf_fini(&sink->head);
    buf_fini(&sink->body);
    close(sink->wake[0]);
    close(sink->wake[1]);
}

void
memsink_wake(struct memsink *sink)
{
    ssize_t written = write(sink->wake[1], "!", 1);
    assert(written == 1);
}

void
memsink_leave(struct memsink *sink)
{
    atomic_store(&sink->is_gone, true);
    memsink_wake(sink);
}

/* The headers named so; the last one's value in `value`. */
static unsigned
find(const struct memsink *sink, const char *name, struct span *value)
{
    unsigned count = 0;
    struct span rest = buf_span(&sink->head);
    while (rest.len > 0) {
        struct span field = span_split(&rest, '\n');
        struct span found = span_split(&field, ':');
        if (!span_is_nocase(found, name))
            continue;
        *value = span_trim(field);
        count++;
    }
    return count;
}

const char *
memsink_header(const struct memsink *sink, const char *name)
{
    static char text[1024];
    struct span value;
    if (find(sink, name, &value) == 0)
        return NULL;
    (void)snprintf(text, sizeof(text), SPAN_FMT, SPAN_ARG(value));
    return text;
}

unsigned
memsink_count(const struct memsink *sink, const char *name)
{
    struct span value;
    return find(sink, name, &value);
}

const char *
memsink_body(struct memsink *sink)
{
    struct buf rest;
    buf_init(&rest, SINK_MAX_BYTES);
    const char *at = buf_text(&sink->body);
    const char *end = at + sink->body.len;
    while (at < end) {
        const char *beat = memmem(at, (size_t)(end - at), HEARTBEAT, strlen(HEARTBEAT));
        const char *upto = beat ? beat : end;
        int result = buf_append(&rest, at, (size_t)(upto - at));
        assert(result == 0);
        at = beat ? beat + strlen(HEARTBEAT) : end;
    }
    buf_fini(&sink->body);
    sink->body = rest;
    return buf_text(&sink->body);
}
