/* event_error.c - the one event that we make: in each API's own shape, it tells a client that its
 * stream failed. */
#include "core/event.h"

#include <assert.h>

#define ERROR_EVENT_MAX_BYTES 16384

/* The text of the event: $m stands for the message, $c for the code, both as insides of strings. */
static const char *
error_form(enum event_api api)
{
    switch (api) {
    case EVENT_API_CHAT:
    case EVENT_API_COMPLETIONS:
    case EVENT_API_MEDIA:
    case EVENT_API_UNKNOWN:
        return "data: {\"error\":{\"message\":\"$m\",\"type\":\"server_error\",\"param\":null,"
               "\"code\":\"$c\"}}\n\n";
    case EVENT_API_RESPONSES:
        return "event: error\ndata: {\"type\":\"error\",\"code\":\"$c\",\"message\":\"$m\","
               "\"param\":null,\"sequence_number\":0,\"error\":{\"type\":\"server_error\","
               "\"code\":\"$c\",\"message\":\"$m\",\"param\":null}}\n\n";
    case EVENT_API_RUNS:
        return "event: error\ndata: {\"error\":{\"message\":\"$m\",\"type\":\"server_error\","
               "\"param\":null,\"code\":\"$c\"}}\n\n";
    case EVENT_API_MESSAGES:
        return "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
               "\"message\":\"$m\"}}\n\n";
    }
    return "";
}

static int
form_fill(const char *form, const char *code, const char *message, struct buf *out)
{
    struct span rest = span_from(form);
    for (;;) {
        struct span text = span_split(&rest, '$');
        if (buf_put_span(out, text) != 0)
            return -1;
        if (rest.len == 0)
            return 0;
        assert(*rest.ptr == 'm' || *rest.ptr == 'c');
        if (buf_put_json(out, span_from(*rest.ptr == 'm' ? message : code)) != 0)
            return -1;
        rest.ptr++;
        rest.len--;
    }
}

int
event_format_error(enum event_api api, const char *code, const char *message, struct buf *out)
{
    struct buf whole;
    buf_init(&whole, ERROR_EVENT_MAX_BYTES);
    int result = form_fill(error_form(api), code, message, &whole);
    if (result == 0)
        result = buf_put_span(out, buf_span(&whole));
    buf_fini(&whole);
    return result;
}
