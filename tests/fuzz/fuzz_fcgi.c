/* fuzz_fcgi.c - the reader of FastCGI records: any bytes in any portions say the same, whatever
 * they are in bounded memory, and requests that are written are read as they were.
 *
 * The first byte of the input chooses: below 128 the rest is a connection's bytes; from 128 on it
 * describes requests, which are encoded into records (some with padding, some in many pieces, some
 * amid records of others) and read back.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "parse/fcgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define TOLD_MAX_BYTES (1U << 24)
#define STREAM_MAX_BYTES (1U << 22)
#define BYTEWISE_MAX_BYTES 2048

/* --- what is told --------------------------------------------------------- */

struct story {
    struct buf text; /* all events but the cuts between portions of a body */
    uint64_t body;   /* bytes of the body since the last event */
    uint64_t digest; /* of them */
    unsigned requests, ends;
};

static void
close_body(struct story *story)
{
    if (story->body > 0)
        assert(buf_putf(&story->text, "body %llu %llx\n", (unsigned long long)story->body,
                        (unsigned long long)story->digest) == 0);
    story->body = 0;
    story->digest = 0;
}

static void
tell_request(struct story *story, struct fcgi *fcgi)
{
    enum fcgiparams_fault fault;
    const char *const *params = fcgi_params(fcgi, &fault);
    assert(fault == FCGIPARAMS_GOOD || *params == NULL);
    assert(buf_putf(&story->text, "request %u %s\n", fcgi->request_id,
                    fcgiparams_fault_name(fault)) == 0);
    for (size_t i = 0; params[i]; i++) {
        const char *equals = strchr(params[i], '=');
        assert(equals && equals > params[i]);
        assert(i < FCGIPARAMS_MAX_COUNT);
        assert(buf_puts(&story->text, params[i]) == 0 && buf_puts(&story->text, "\n") == 0);
    }
    story->requests++;
}

static void
tell(struct story *story, struct fcgi *fcgi, const struct fcgi_event *event)
{
    if (event->kind == FCGI_EVENT_BODY) {
        for (size_t i = 0; i < event->bytes.len; i++)
            story->digest = story->digest * 31 + (unsigned char)event->bytes.ptr[i];
        story->body += event->bytes.len;
        return;
    }
    close_body(story);
    if (event->kind == FCGI_EVENT_REQUEST)
        tell_request(story, fcgi);
    else
        assert(buf_putf(&story->text, "event %d %s\n", (int)event->kind,
                        event->why ? event->why : "-") == 0);
    if (event->kind == FCGI_EVENT_REPLY) {
        assert(event->bytes.len <= FCGI_REPLY_MAX_BYTES && event->bytes.len >= 8);
        assert(buf_put_span(&story->text, event->bytes) == 0);
    }
    if (event->kind == FCGI_EVENT_END)
        story->ends++;
}

/* Bounded, whatever came. */
static void
check_memory(const struct fcgi *fcgi, size_t fed)
{
    assert(fcgi->params.text.cap <= FCGIPARAMS_MAX_BYTES + 1);
    assert(fcgi->params.text.len <= fed);
    assert(fcgi->params.count <= FCGIPARAMS_MAX_COUNT);
    assert(fcgi->values.text.cap <= 513);
}

/* --- the reader ----------------------------------------------------------- */

static size_t
next_portion(uint64_t *seed, size_t left)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    size_t portion = (size_t)(*seed >> 58) + 1;
    return portion < left ? portion : left;
}

/* `finishes_early`: a request is answered as soon as its parameters are there. */
static bool
feed_all(struct fcgi *fcgi, struct span bytes, bool finishes_early, struct story *story)
{
    struct fcgi_event event;
    size_t at = 0;
    do {
        at += fcgi_feed(fcgi, span_of(bytes.ptr + at, bytes.len - at), &event);
        assert(at <= bytes.len);
        if (event.kind == FCGI_EVENT_NONE)
            break;
        tell(story, fcgi, &event);
        bool is_answered = event.kind == FCGI_EVENT_NEXT || event.kind == FCGI_EVENT_ABORT ||
                           (finishes_early && event.kind == FCGI_EVENT_REQUEST);
        if (is_answered)
            fcgi_finish(fcgi);
    } while (event.kind != FCGI_EVENT_BROKEN);
    assert(at == bytes.len || event.kind == FCGI_EVENT_BROKEN);
    return event.kind != FCGI_EVENT_BROKEN;
}

static void
read_in_portions(struct span stream, size_t step, bool finishes_early, struct story *story)
{
    struct fcgi fcgi;
    uint64_t seed = stream.len;
    story->body = story->digest = 0;
    story->requests = story->ends = 0;
    buf_clear(&story->text);
    fcgi_init(&fcgi, 256);
    bool goes_on = true;
    for (size_t at = 0; at < stream.len && goes_on;) {
        size_t left = stream.len - at;
        size_t portion = step == 0 ? next_portion(&seed, left) : step < left ? step : left;
        goes_on = feed_all(&fcgi, span_of(stream.ptr + at, portion), finishes_early, story);
        at += portion;
        check_memory(&fcgi, at);
    }
    close_body(story);
    fcgi_fini(&fcgi);
}

/* All at once, in portions by chance and, where that is not too long, byte by byte. Borrowed: until
 * the next call. */
static const struct story *
read_in_all_ways(struct span stream, bool finishes_early)
{
    static struct story first = {.text = {.max_bytes = TOLD_MAX_BYTES}};
    static struct story other = {.text = {.max_bytes = TOLD_MAX_BYTES}};
    const size_t steps[] = {0, 1};
    size_t count = stream.len < BYTEWISE_MAX_BYTES ? 2 : 1;
    read_in_portions(stream, stream.len, finishes_early, &first);
    for (size_t i = 0; i < count; i++) {
        read_in_portions(stream, steps[i], finishes_early, &other);
        assert(span_equal(buf_span(&other.text), buf_span(&first.text)));
    }
    return &first;
}

/* --- requests that are written -------------------------------------------- */

/* Takes what it wants from the input; zeros behind its end. */
struct wishes {
    const uint8_t *bytes;
    size_t len, at;
};

static unsigned
next_wish(struct wishes *wishes)
{
    return wishes->at < wishes->len ? wishes->bytes[wishes->at++] : 0;
}

static void
put_record(struct buf *out, unsigned type, unsigned id, struct span content, unsigned padding)
{
    const unsigned char head[] = {1,
                                  (unsigned char)type,
                                  (unsigned char)(id >> 8),
                                  (unsigned char)id,
                                  (unsigned char)(content.len >> 8),
                                  (unsigned char)content.len,
                                  (unsigned char)padding,
                                  0};
    static const char zeros[256] = {0};
    assert(buf_append(out, head, sizeof(head)) == 0);
    assert(buf_put_span(out, content) == 0);
    assert(buf_append(out, zeros, padding) == 0);
}

/* A stream in pieces as long as the wishes say, with others' records between them, and its end. */
static void
put_stream(struct buf *out, unsigned type, struct span content, struct wishes *wishes)
{
    while (content.len > 0) {
        size_t piece = next_wish(wishes) + 1;
        if (piece > 200)
            piece = content.len; /* all of it, as most servers do */
        piece = piece < content.len ? piece : content.len;
        piece = piece < 65535 ? piece : 65535;
        unsigned odd = next_wish(wishes);
        if (odd > 250)
            put_record(out, odd == 251 ? 4 : 5, 7, content, odd & 7); /* another request's */
        put_record(out, type, 1, span_of(content.ptr, piece), odd & 15);
        content = span_of(content.ptr + piece, content.len - piece);
    }
    put_record(out, type, 1, span_of(NULL, 0), next_wish(wishes) & 7);
}

static void
put_length(struct buf *out, size_t len, bool is_long)
{
    const unsigned char wide[4] = {(unsigned char)(0x80 | len >> 24), (unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8), (unsigned char)len};
    assert(len < 128 && !is_long ? buf_append(out, wide + 3, 1) == 0
                                 : buf_append(out, wide, 4) == 0);
}

/* One request, and what must be told of it. */
static void
put_request(struct buf *out, struct buf *expected, struct wishes *wishes)
{
    static struct buf pairs = {.max_bytes = STREAM_MAX_BYTES};
    static struct buf body = {.max_bytes = STREAM_MAX_BYTES};
    char text[512];
    buf_clear(&pairs);
    buf_clear(&body);
    unsigned count = next_wish(wishes) % 12;
    const char begin[8] = {0, 1, 1};
    put_record(out, 1, 1, span_of(begin, sizeof(begin)), 0);
    assert(buf_puts(expected, "request 1 none\n") == 0);
    for (unsigned i = 0; i < count; i++) {
        size_t name = next_wish(wishes) % 150 + 1, value = next_wish(wishes);
        memset(text, 'A' + (int)(i % 26), name);
        for (size_t j = 0; j < value; j++) /* any byte but NUL */
            text[name + j] = (char)(j % 16 == 0 ? next_wish(wishes) % 255 + 1 : 'v');
        put_length(&pairs, name, name % 3 == 0);
        put_length(&pairs, value, value % 5 == 0);
        assert(buf_append(&pairs, text, name + value) == 0);
        assert(buf_append(expected, text, name) == 0 && buf_puts(expected, "=") == 0 &&
               buf_append(expected, text + name, value) == 0 && buf_puts(expected, "\n") == 0);
    }
    put_stream(out, 4, buf_span(&pairs), wishes);
    size_t len = next_wish(wishes) * next_wish(wishes) % 3000;
    struct story story = {.body = len};
    for (size_t i = 0; i < len; i++) {
        char byte = (char)(i * 7);
        story.digest = story.digest * 31 + (unsigned char)byte;
        assert(buf_append(&body, &byte, 1) == 0);
    }
    put_stream(out, 5, buf_span(&body), wishes);
    buf_init(&story.text, 100);
    close_body(&story);
    assert(buf_put_span(expected, buf_span(&story.text)) == 0);
    assert(buf_puts(expected, "event 3 -\n") == 0);
    buf_fini(&story.text);
}

static void
write_and_read(const uint8_t *bytes, size_t len)
{
    static struct buf stream = {.max_bytes = STREAM_MAX_BYTES};
    static struct buf expected = {.max_bytes = TOLD_MAX_BYTES};
    struct wishes wishes = {.bytes = bytes, .len = len};
    unsigned count = next_wish(&wishes) % 4 + 1;
    buf_clear(&stream);
    buf_clear(&expected);
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            assert(buf_puts(&expected, "event 4 -\n") == 0);
        put_request(&stream, &expected, &wishes);
    }
    const struct story *story = read_in_all_ways(buf_span(&stream), false);
    assert(story->requests == count && story->ends == count);
    assert(span_equal(buf_span(&story->text), buf_span(&expected)));
}

/* --- frames, too ---------------------------------------------------------- */

static void
check_frames(size_t bytes)
{
    size_t framed = 0;
    while (framed < bytes) {
        struct fcgiframe frame;
        fcgiframe_next(&frame, FCGIFRAME_STDOUT, 1, bytes - framed);
        size_t content = (size_t)frame.head[4] << 8 | frame.head[5];
        assert(content == frame.content_bytes && content > 0 && content <= bytes - framed);
        assert(frame.head[6] == frame.padding_bytes && (content + frame.padding_bytes) % 8 == 0);
        framed += content;
    }
    assert(framed == bytes);
}

_Static_assert(FCGI_EVENT_END == 3 && FCGI_EVENT_NEXT == 4, "as they are expected above");

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2 || len > STREAM_MAX_BYTES)
        return 0;
    if (bytes[0] >= 128) {
        write_and_read(bytes + 1, len - 1);
        check_frames(len * bytes[1]);
        return 0;
    }
    struct span stream = span_of((const char *)bytes + 1, len - 1);
    (void)read_in_all_ways(stream, false);
    (void)read_in_all_ways(stream, true);
    return 0;
}
