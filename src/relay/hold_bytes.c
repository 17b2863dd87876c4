/* hold_bytes.c - memory first, then a file without a name. */
#include "relay/hold_bytes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "state/spool.h"

/* What is in a file leaves memory after so many bytes, coming and going. */
#define REST_BYTES ((size_t)1024 * 1024)

bool
hold_bytes_are_many(const struct hold *hold, size_t bytes)
{
    return bytes > hold->call->relay->config->hold_max_bytes;
}

bool
hold_bytes_are_too_many(const struct hold *hold, size_t bytes)
{
    return hold_bytes_are_many(hold, bytes) && bytes > hold->call->relay->config->spool_max_bytes;
}

static void
note_no_file(struct hold *hold, const char *why)
{
    char directory[LOG_QUOTE_MAX];
    struct span path = span_from(hold->call->relay->config->spool_dir);
    hold->has_no_file = true;
    log_write(LOG_LEVEL_WARN, "no_spool req=%s directory=%s reason=\"%s\"", hold->call->request->id,
              log_quote(directory, path), why);
}

/* The whole length at once, where the upstream said it. */
static size_t
room_for(const struct hold *hold, size_t bytes)
{
    const struct wire_reply *reply = hold->reply;
    bool is_said = !reply->decoded && reply->content_length > (int64_t)bytes &&
                   !hold_bytes_are_too_many(hold, (size_t)reply->content_length);
    return is_said ? (size_t)reply->content_length : bytes;
}

/* Where no file can be had it stays in memory, which ends sooner. */
static void
move_to_file(struct hold *hold, size_t bytes)
{
    const struct config *config = hold->call->relay->config;
    uint64_t max_bytes = config->spool_max_bytes;
    int fd = spool_open(config->spool_dir, &max_bytes);
    if (fd < 0) {
        note_no_file(hold, strerror(errno));
        return;
    }
    if (buf_move_to_file(&hold->bytes, fd, room_for(hold, bytes), (size_t)max_bytes) == 0)
        return;
    (void)close(fd);
    note_no_file(hold, "there is no room for it");
}

int
hold_bytes_spool(struct hold *hold, size_t bytes)
{
    if (hold_bytes_are_too_many(hold, bytes))
        return -1;
    if (hold_bytes_are_many(hold, bytes) && !hold->bytes.is_in_file && !hold->has_no_file)
        move_to_file(hold, bytes);
    return 0;
}

int
hold_bytes_keep(struct hold *hold, struct span bytes)
{
    size_t held = hold->bytes.len;
    if (hold_bytes_spool(hold, held + bytes.len) != 0)
        return -1;
    if (buf_put_span(&hold->bytes, bytes) != 0)
        return -1;
    hold_bytes_rest(hold, held);
    return 0;
}

void
hold_bytes_rest(struct hold *hold, size_t before)
{
    if (before / REST_BYTES != hold->bytes.len / REST_BYTES)
        buf_rest(&hold->bytes, before);
}

void
hold_bytes_send(struct hold *hold)
{
    struct span rest = buf_span(&hold->bytes);
    while (hold->bytes.is_in_file && rest.len > REST_BYTES) {
        if (call_send(hold->call, span_of(rest.ptr, REST_BYTES)) != 0)
            return;
        rest = span_of(rest.ptr + REST_BYTES, rest.len - REST_BYTES);
        buf_rest(&hold->bytes, hold->bytes.len - rest.len);
    }
    (void)call_end(hold->call, rest);
}
