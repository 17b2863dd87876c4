/* feed.c - records in memory, read in all ways. */
#include "feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "parse/fcgi.h"

#define CUTS_MAX_BYTES 2000 /* beyond it not every cut is tried */

void
feed_put_record(struct buf *out, unsigned type, unsigned id, struct span content, unsigned padding)
{
    static const char zeros[256] = {0};
    const unsigned char head[] = {1,
                                  (unsigned char)type,
                                  (unsigned char)(id >> 8),
                                  (unsigned char)id,
                                  (unsigned char)(content.len >> 8),
                                  (unsigned char)content.len,
                                  (unsigned char)padding,
                                  0};
    assert_true(content.len <= 65535 && padding < sizeof(zeros));
    assert_int_equal(buf_append(out, head, sizeof(head)), 0);
    assert_int_equal(buf_put_span(out, content), 0);
    assert_int_equal(buf_append(out, zeros, padding), 0);
}

void
feed_put_text(struct buf *out, unsigned type, unsigned id, const char *text)
{
    feed_put_record(out, type, id, span_from(text), 0);
}

void
feed_put_begin(struct buf *out, unsigned id, unsigned role, unsigned flags)
{
    const char body[8] = {(char)(role >> 8), (char)role, (char)flags};
    feed_put_record(out, 1, id, span_of(body, sizeof(body)), 0);
}

static void
put_length(struct buf *pairs, size_t len)
{
    const unsigned char wide[4] = {(unsigned char)(0x80 | len >> 24), (unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8), (unsigned char)len};
    assert_int_equal(len < 128 ? buf_append(pairs, wide + 3, 1) : buf_append(pairs, wide, 4), 0);
}

void
feed_put_pair(struct buf *pairs, struct span name, struct span value)
{
    put_length(pairs, name.len);
    put_length(pairs, value.len);
    assert_int_equal(buf_put_span(pairs, name) || buf_put_span(pairs, value), 0);
}

static void
tell_request(struct fcgi *fcgi, struct buf *told)
{
    enum fcgiparams_fault fault;
    const char *const *params = fcgi_params(fcgi, &fault);
    buf_putf(told, "request %u", fcgi->request_id);
    if (fault != FCGIPARAMS_GOOD)
        buf_putf(told, " %s", fcgiparams_fault_name(fault));
    for (; *params; params++)
        assert_int_equal(buf_puts(told, "; ") || buf_puts(told, *params), 0);
}

static void
tell_reply(struct span bytes, struct buf *told)
{
    assert_true(bytes.len >= 8 && bytes.ptr[0] == 1);
    buf_putf(told, "reply %d %d:", bytes.ptr[1], bytes.ptr[3]);
    assert_int_equal((unsigned char)bytes.ptr[5], bytes.len - 8);
    for (size_t i = 8; i < bytes.len; i++)
        if (bytes.ptr[i] > ' ')
            buf_append(told, bytes.ptr + i, 1);
        else
            buf_putf(told, ",%d", bytes.ptr[i]);
}

static void
tell(struct fcgi *fcgi, const struct fcgi_event *event, struct buf *told, bool *is_in_body)
{
    bool goes_on = *is_in_body && event->kind == FCGI_EVENT_BODY;
    *is_in_body = event->kind == FCGI_EVENT_BODY;
    if (told->len > 0 && !goes_on)
        buf_puts(told, "; ");
    switch (event->kind) {
    case FCGI_EVENT_NONE:
        break;
    case FCGI_EVENT_REQUEST:
        tell_request(fcgi, told);
        break;
    case FCGI_EVENT_BODY:
        if (!goes_on)
            buf_puts(told, "body ");
        assert_int_equal(buf_put_span(told, event->bytes), 0);
        break;
    case FCGI_EVENT_END:
        buf_puts(told, "end");
        break;
    case FCGI_EVENT_NEXT:
        buf_puts(told, "next");
        fcgi_finish(fcgi);
        break;
    case FCGI_EVENT_ABORT:
        buf_puts(told, "abort");
        fcgi_finish(fcgi);
        break;
    case FCGI_EVENT_REPLY:
        tell_reply(event->bytes, told);
        break;
    case FCGI_EVENT_BROKEN:
        buf_putf(told, "broken %s", event->why);
        break;
    }
}

/* The first `split` bytes, then `step` at a time. */
static void
tell_split(struct span stream, size_t split, size_t step, struct buf *told)
{
    struct fcgi fcgi;
    struct fcgi_event event = {.kind = FCGI_EVENT_NONE};
    bool is_in_body = false;
    size_t from = 0;
    fcgi_init(&fcgi, 256);
    buf_clear(told);
    while (from < stream.len && event.kind != FCGI_EVENT_BROKEN) {
        size_t portion = from < split ? split - from : step;
        size_t to = from + (portion < stream.len - from ? portion : stream.len - from);
        do {
            from += fcgi_feed(&fcgi, span_of(stream.ptr + from, to - from), &event);
            if (event.kind != FCGI_EVENT_NONE)
                tell(&fcgi, &event, told, &is_in_body);
        } while (event.kind != FCGI_EVENT_NONE && event.kind != FCGI_EVENT_BROKEN);
    }
    fcgi_fini(&fcgi);
}

void
feed_tell(struct span stream, struct buf *told)
{
    struct buf other;
    buf_init(&other, FEED_MAX_BYTES);
    tell_split(stream, 0, stream.len, told);
    for (size_t split = 0; split <= stream.len && split < CUTS_MAX_BYTES; split++) {
        tell_split(stream, split, stream.len, &other);
        assert_string_equal(buf_text(&other), buf_text(told));
    }
    for (size_t step = 1; step < 10; step += 2) {
        tell_split(stream, 0, step, &other);
        assert_string_equal(buf_text(&other), buf_text(told));
    }
    buf_fini(&other);
}
