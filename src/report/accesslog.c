/* accesslog.c - formats the line of a request. */
#include "report/accesslog.h"

#include "base/log.h"

static const char *
or_dash(const char *text)
{
    return text && *text ? text : "-";
}

void
accesslog_write(const struct accesslog_entry *entry)
{
    char method[LOG_QUOTE_MAX], path[LOG_QUOTE_MAX];
    uint64_t own_us = entry->took_us > entry->waited_us ? entry->took_us - entry->waited_us : 0;
    log_write(LOG_LEVEL_INFO,
              "request req=%s client=%s method=%s path=%s operation=%s status=%d upstream=%s "
              "attempts=%s stream=%d cut=%d code=%s bytes=%llu ms=%llu overhead_us=%llu",
              entry->request_id, entry->client, log_quote(method, span_from(entry->method)),
              log_quote(path, entry->path), or_dash(entry->operation), entry->status,
              or_dash(entry->upstream), or_dash(entry->attempts), entry->is_stream, entry->was_cut,
              or_dash(entry->code), (unsigned long long)entry->bytes,
              (unsigned long long)(entry->took_us / 1000), (unsigned long long)own_us);
}
