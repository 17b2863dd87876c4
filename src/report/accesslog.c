/* accesslog.c - formats the line of a request. */
#include "report/accesslog.h"

#include "base/log.h"
#include "base/num.h"

static struct span
or_dash(const char *text)
{
    return span_from(text && *text ? text : "-");
}

static struct span
digit(bool is_set)
{
    return span_from(is_set ? "1" : "0");
}

static struct span
number(char out[NUM_FORMAT_MAX], uint64_t value)
{
    return span_of(out, num_format_u64(out, value));
}

void
accesslog_write(const struct accesslog_entry *entry)
{
    char method[LOG_QUOTE_MAX], path[LOG_QUOTE_MAX];
    char status[NUM_FORMAT_MAX], bytes[NUM_FORMAT_MAX], took[NUM_FORMAT_MAX], own[NUM_FORMAT_MAX];
    uint64_t own_us = entry->took_us > entry->waited_us ? entry->took_us - entry->waited_us : 0;
    const struct span parts[] = {
        SPAN_LITERAL("request req="),  span_from(entry->request_id),
        SPAN_LITERAL(" client="),      span_from(entry->client),
        SPAN_LITERAL(" method="),      span_from(log_quote(method, span_from(entry->method))),
        SPAN_LITERAL(" path="),        span_from(log_quote(path, entry->path)),
        SPAN_LITERAL(" operation="),   or_dash(entry->operation),
        SPAN_LITERAL(" status="),      number(status, (uint64_t)entry->status),
        SPAN_LITERAL(" upstream="),    or_dash(entry->upstream),
        SPAN_LITERAL(" attempts="),    or_dash(entry->attempts),
        SPAN_LITERAL(" stream="),      digit(entry->is_stream),
        SPAN_LITERAL(" cut="),         digit(entry->was_cut),
        SPAN_LITERAL(" code="),        or_dash(entry->code),
        SPAN_LITERAL(" bytes="),       number(bytes, entry->bytes),
        SPAN_LITERAL(" ms="),          number(took, entry->took_us / 1000),
        SPAN_LITERAL(" overhead_us="), number(own, own_us),
    };
    log_put(LOG_LEVEL_INFO, parts, sizeof(parts) / sizeof(parts[0]));
}
