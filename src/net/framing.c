/* framing.c - what is sent besides the payload, decided without the library. */
#include "net/framing.h"

#include <string.h>

#include "base/buf.h"

#define EXPECT_BYTES 65536 /* far below the library's limit, which may change */

/* The slash matters: "https://api.example" is a prefix of "https://api.example.evil/" as well. */
static bool
is_within(const char *url, const char *origin)
{
    struct span place = span_from(origin);
    if (!span_has_prefix(place, "https://") && !span_has_prefix(place, "http://"))
        return false;
    return strncmp(url, place.ptr, place.len) == 0 && url[place.len] == '/';
}

const char *
framing_refusal(const struct wire_request *request)
{
    if (!is_within(request->url, request->origin))
        return "the url is not within its origin";
    if (!wire_is_name(span_from(request->method)))
        return "the method is not a token";
    for (size_t i = 0; i < request->headers.count; i++) {
        const struct wire_header *header = &request->headers.items[i];
        if (!wire_is_name(header->name) || !wire_is_value(header->value))
            return "a header would not stay one line";
    }
    return NULL;
}

bool
framing_is_head(const struct wire_request *request)
{
    return strcmp(request->method, "HEAD") == 0;
}

bool
framing_is_streamed(const struct wire_request *request)
{
    return request->body.present && request->body.read && !framing_is_head(request);
}

bool
framing_has_body(const struct wire_request *request)
{
    static const char *const announcing[] = {"POST", "PUT", "PATCH"};
    if (framing_is_head(request))
        return false;
    for (size_t i = 0; i < sizeof announcing / sizeof announcing[0]; i++) {
        if (strcmp(request->method, announcing[i]) == 0)
            return true;
    }
    return request->body.present;
}

bool
framing_is_read(const struct wire_body *body)
{
    return body->present && (body->read || body->parts[1].len > 0);
}

int64_t
framing_length(const struct wire_body *body)
{
    int64_t length = 0;
    if (body->present && body->read)
        return body->length;
    for (size_t i = 0; body->present && i < WIRE_BODY_PARTS; i++)
        length += (int64_t)body->parts[i].len;
    return length;
}

static bool
is_ours(struct span name)
{
    static const struct span ours[] = {
        SPAN_LITERAL("host"),
        SPAN_LITERAL("content-length"),
        SPAN_LITERAL("transfer-encoding"),
        SPAN_LITERAL("te"),
        SPAN_LITERAL("expect"),
        SPAN_LITERAL("accept-encoding"),
        SPAN_LITERAL("connection"),
        SPAN_LITERAL("upgrade"),
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (name.len == ours[i].len && span_equal_nocase(name, ours[i]))
            return true;
    }
    return false;
}

static int
add_headers(const struct wire_headers *headers, int (*add)(void *self, const char *line),
            void *self)
{
    struct buf line;
    int result = 0;
    buf_init(&line, WIRE_HEADER_BYTES_MAX);
    for (size_t i = 0; i < headers->count && result == 0; i++) {
        const struct wire_header *header = &headers->items[i];
        if (is_ours(header->name))
            continue;
        const struct span parts[] = {header->name, span_from(header->value.len > 0 ? ": " : ";"),
                                     header->value};
        result = buf_put_spans(&line, parts, sizeof(parts) / sizeof(parts[0]));
        if (result == 0)
            result = add(self, buf_text(&line));
        buf_wipe(&line);
    }
    buf_fini(&line);
    return result;
}

/* A wait of a second for "100 Continue" helps nobody. The library asks for one before a body of
 * more than 1 MiB or of unknown length. */
static bool
would_expect(const struct wire_request *request)
{
    int64_t length = framing_length(&request->body);
    return length < 0 || length > EXPECT_BYTES;
}

int
framing_each_line(const struct wire_request *request, int (*add)(void *self, const char *line),
                  void *self)
{
    if (add_headers(&request->headers, add, self) != 0)
        return -1;
    if (would_expect(request) && add(self, "Expect:") != 0)
        return -1;
    if (add(self,
            request->decode ? "Accept-Encoding: gzip, deflate" : "Accept-Encoding: identity") != 0)
        return -1;
    /* Without it the library calls every body a form. */
    if (!wire_header_find(&request->headers, "content-type") && add(self, "Content-Type:") != 0)
        return -1;
    bool is_chunked = framing_is_streamed(request) && request->body.length < 0;
    return is_chunked ? add(self, "Transfer-Encoding: chunked") : 0;
}

static int64_t
read_parts(const struct wire_body *body, size_t given, char *out, size_t room)
{
    size_t taken = 0;
    for (size_t i = 0; i < WIRE_BODY_PARTS && taken < room; i++) {
        struct span part = body->parts[i];
        size_t skipped = given < part.len ? given : part.len;
        size_t left = part.len - skipped;
        size_t len = left < room - taken ? left : room - taken;
        given -= skipped;
        if (len > 0)
            memcpy(out + taken, part.ptr + skipped, len);
        taken += len;
    }
    return (int64_t)taken;
}

/* The library would send what there is of a short body and call the exchange whole. */
int64_t
framing_read(const struct wire_body *body, int64_t given, char *out, size_t room)
{
    if (!body->read)
        return read_parts(body, (size_t)given, out, room);
    if (body->length >= 0 && (uint64_t)(body->length - given) < room)
        room = (size_t)(body->length - given);
    if (room == 0)
        return 0;
    int64_t got = body->read(body->self, out, room);
    bool is_short = got == 0 && body->length >= 0;
    return got < 0 || (uint64_t)got > room || is_short ? -1 : got;
}
