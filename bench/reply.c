/* reply.c - a push parser that trusts its servers: it measures them, it does not judge them. */
#include "reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

void
reply_init(struct reply *reply)
{
    memset(reply, 0, sizeof(*reply));
}

/* --- the body -----------------------------------------------------------------------------------
 */

static uint64_t
number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void
end_text(struct reply *reply)
{
    reply->text[reply->text_len] = '\0';
    reply->text_len = 0;
    if (reply->event && strstr(reply->text, "\"sent_us\":"))
        reply->event(reply->self, number_after(reply->text, "\"seq\":"),
                     number_after(reply->text, "\"sent_us\":"));
}

static void
take_body(struct reply *reply, const char *bytes, size_t len)
{
    reply->body_bytes += len;
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end ? (size_t)(end - bytes) : len;
        size_t room = sizeof(reply->text) - 1 - reply->text_len;
        memcpy(reply->text + reply->text_len, bytes, part < room ? part : room);
        reply->text_len += part < room ? part : room;
        if (end)
            end_text(reply);
        part += end ? 1 : 0;
        bytes += part;
        len -= part;
    }
}

/* --- the framing --------------------------------------------------------------------------------
 */

static void
end_head(struct reply *reply)
{
    reply->state = REPLY_BODY;
    if (reply->framing == REPLY_BY_LENGTH && reply->left == 0)
        reply->state = REPLY_OVER;
}

static void
end_head_line(struct reply *reply)
{
    const char *line = reply->line;
    if (reply->status == 0) {
        reply->status = (int)strtol(line + strcspn(line, " "), NULL, 10);
        if (reply->status == 0)
            reply->state = REPLY_BROKEN;
    } else if (strncasecmp(line, "content-length:", 15) == 0) {
        reply->framing = REPLY_BY_LENGTH;
        reply->left = strtoull(line + 15, NULL, 10);
    } else if (strncasecmp(line, "transfer-encoding:", 18) == 0) {
        reply->framing = REPLY_BY_CHUNKS;
    } else if (*line == '\0') {
        end_head(reply);
    }
}

static void
end_chunk_line(struct reply *reply)
{
    if (reply->is_last_chunk) {
        reply->state = REPLY_OVER; /* trailers are not read */
    } else if (reply->line_len > 0) {
        reply->left = strtoull(reply->line, NULL, 16);
        reply->is_in_chunk = reply->left > 0;
        reply->is_last_chunk = reply->left == 0;
    }
}

/* Takes bytes up to the end of the line, or all. */
static size_t
take_line(struct reply *reply, const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    size_t part = end ? (size_t)(end - bytes) : len;
    size_t room = sizeof(reply->line) - 1 - reply->line_len;
    memcpy(reply->line + reply->line_len, bytes, part < room ? part : room);
    reply->line_len += part < room ? part : room;
    if (!end)
        return len;
    if (reply->line_len > 0 && reply->line[reply->line_len - 1] == '\r')
        reply->line_len--;
    reply->line[reply->line_len] = '\0';
    if (reply->state == REPLY_HEAD)
        end_head_line(reply);
    else
        end_chunk_line(reply);
    reply->line_len = 0;
    return part + 1;
}

static size_t
take_counted(struct reply *reply, const char *bytes, size_t len)
{
    size_t part = len < reply->left ? len : (size_t)reply->left;
    take_body(reply, bytes, part);
    reply->left -= part;
    if (reply->left == 0 && reply->framing == REPLY_BY_LENGTH)
        reply->state = REPLY_OVER;
    if (reply->left == 0)
        reply->is_in_chunk = false;
    return part;
}

void
reply_feed(struct reply *reply, const char *bytes, size_t len)
{
    while (len > 0 && (reply->state == REPLY_HEAD || reply->state == REPLY_BODY)) {
        size_t part = len;
        bool is_line = reply->state == REPLY_HEAD ||
                       (reply->framing == REPLY_BY_CHUNKS && !reply->is_in_chunk);
        if (is_line)
            part = take_line(reply, bytes, len);
        else if (reply->framing == REPLY_BY_CLOSE)
            take_body(reply, bytes, len);
        else
            part = take_counted(reply, bytes, len);
        bytes += part;
        len -= part;
    }
}

void
reply_close(struct reply *reply)
{
    if (reply->state == REPLY_OVER)
        return;
    bool is_proper = reply->state == REPLY_BODY && reply->framing == REPLY_BY_CLOSE;
    reply->state = is_proper ? REPLY_OVER : REPLY_BROKEN;
}
