/* turn.c - just enough of HTTP/1.1 to be asked by any proxy, and the answers of chat/completions.
 */
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/num.h"

#define TOKENS_DEFAULT 20
#define TOKENS_MAX (UINT64_C(1) << 28)
#define THINK_MAX_MS 60000
#define FILLER_BYTES 65536

static const char json_opening[] = "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\","
                                   "\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","
                                   "\"message\":{\"role\":\"assistant\",\"content\":\"";
static const char json_closing[] = "\"}}]}";
#define OPENING_BYTES (sizeof(json_opening) - 1)
#define CLOSING_BYTES (sizeof(json_closing) - 1)

/* --- what is asked ------------------------------------------------------------------------------
 */

/* The digits behind the first `name`. */
static uint64_t
read_number(const char *text, const char *name, uint64_t max, uint64_t standard)
{
    const char *at = strcasestr(text, name);
    uint64_t number = standard;
    if (!at)
        return standard;
    at += strlen(name);
    at += strspn(at, " ");
    (void)num_parse_u64(span_of(at, strspn(at, "0123456789")), max, &number);
    return number;
}

static enum turn_result
read_head(struct turn *turn)
{
    ssize_t got =
        recv(turn->fd, turn->head + turn->head_len, TURN_HEAD_MAX_BYTES - 1 - turn->head_len, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? TURN_BLOCKED : TURN_GONE;
    turn->head_len += (size_t)got;
    turn->head[turn->head_len] = '\0';
    char *end = strstr(turn->head, "\r\n\r\n");
    if (!end)
        return turn->head_len < TURN_HEAD_MAX_BYTES - 1 ? TURN_BLOCKED : TURN_GONE;
    *end = '\0';
    turn->is_http10 = strstr(turn->head, " HTTP/1.0\r\n") != NULL;
    turn->body_left = read_number(turn->head, "\ncontent-length:", UINT32_MAX, 0);
    size_t rest = turn->head_len - (size_t)(end + 4 - turn->head);
    if (rest > turn->body_left)
        return TURN_GONE; /* nobody who measures sends the next request before the answer */
    turn->ask_len = rest < TURN_ASK_MAX_BYTES ? rest : TURN_ASK_MAX_BYTES;
    memcpy(turn->ask, end + 4, turn->ask_len);
    turn->body_left -= rest;
    turn->stage = TURN_BODY;
    return TURN_DONE;
}

static enum turn_result
read_body(struct turn *turn)
{
    static char unwanted[FILLER_BYTES];
    while (turn->body_left > 0) {
        bool is_ask = turn->ask_len < TURN_ASK_MAX_BYTES;
        size_t room = is_ask ? TURN_ASK_MAX_BYTES - turn->ask_len : sizeof(unwanted);
        if (room > turn->body_left)
            room = (size_t)turn->body_left;
        ssize_t got = recv(turn->fd, is_ask ? turn->ask + turn->ask_len : unwanted, room, 0);
        if (got <= 0)
            return got < 0 && errno == EAGAIN ? TURN_BLOCKED : TURN_GONE;
        turn->ask_len += is_ask ? (size_t)got : 0;
        turn->body_left -= (size_t)got;
    }
    return TURN_DONE;
}

static void
read_ask(struct turn *turn)
{
    turn->ask[turn->ask_len] = '\0';
    turn->is_stream = strstr(turn->ask, "\"stream\":true") || strstr(turn->ask, "\"stream\": true");
    turn->tokens = read_number(turn->ask, "\"max_tokens\":", TOKENS_MAX, TOKENS_DEFAULT);
    if (turn->is_stream && turn->tokens == 0)
        turn->tokens = 1;
    turn->think_ms = read_number(turn->ask, "\"seed\":", THINK_MAX_MS, 0);
    turn->stage = TURN_READY;
}

void
turn_begin(struct turn *turn)
{
    turn->stage = TURN_HEAD;
    turn->head_len = turn->ask_len = 0;
    turn->out_len = turn->out_at = 0;
    turn->sent = 0;
}

enum turn_result
turn_read(struct turn *turn)
{
    enum turn_result result = TURN_DONE;
    if (turn->stage == TURN_HEAD)
        result = read_head(turn);
    if (result == TURN_DONE && turn->stage == TURN_BODY)
        result = read_body(turn);
    else if (result == TURN_DONE)
        return TURN_GONE; /* bytes, or the end, in the middle of an answer */
    if (result == TURN_DONE)
        read_ask(turn);
    return result;
}

/* --- what is answered ---------------------------------------------------------------------------
 */

static void
put(struct turn *turn, const char *text, size_t len)
{
    size_t room = TURN_OUT_MAX_BYTES - turn->out_len;
    size_t part = len < room ? len : room;
    memcpy(turn->out + turn->out_len, text, part);
    turn->out_len += part;
}

static void
put_chunk(struct turn *turn, const char *text, size_t len)
{
    char size[24];
    if (turn->is_http10) {
        put(turn, text, len);
        return;
    }
    put(turn, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", len));
    put(turn, text, len);
    put(turn, "\r\n", 2);
}

static void
put_event(struct turn *turn)
{
    char event[512];
    bool is_last = turn->sent + 1 == turn->tokens;
    int len = snprintf(event, sizeof(event),
                       "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
                       "\"created\":0,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":"
                       "{\"content\":\" token\"},\"finish_reason\":%s}],\"bench\":{\"seq\":%llu,"
                       "\"sent_us\":%llu}}\n\n%s",
                       is_last ? "\"stop\"" : "null", (unsigned long long)turn->sent,
                       (unsigned long long)clock_boot_us(), is_last ? "data: [DONE]\n\n" : "");
    put_chunk(turn, event, (size_t)len);
    if (is_last && !turn->is_http10)
        put(turn, "0\r\n\r\n", 5);
    turn->sent++;
}

static void
put_head(struct turn *turn)
{
    char head[256];
    int len;
    if (turn->is_stream)
        len = snprintf(head, sizeof(head),
                       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Cache-Control: no-cache\r\n%s\r\n\r\n",
                       turn->is_http10 ? "Connection: close" : "Transfer-Encoding: chunked");
    else
        len = snprintf(head, sizeof(head),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %llu\r\n\r\n",
                       (unsigned long long)(turn->tokens + OPENING_BYTES + CLOSING_BYTES));
    put(turn, head, (size_t)len);
    if (!turn->is_stream)
        put(turn, json_opening, OPENING_BYTES);
}

static enum turn_result
send_some(struct turn *turn, const char *bytes, size_t len, size_t *sent)
{
    ssize_t put_bytes = send(turn->fd, bytes, len, MSG_NOSIGNAL);
    if (put_bytes < 0)
        return errno == EAGAIN ? TURN_BLOCKED : TURN_GONE;
    *sent = (size_t)put_bytes;
    return TURN_DONE;
}

static enum turn_result
send_out(struct turn *turn)
{
    while (turn->out_at < turn->out_len) {
        size_t sent = 0;
        enum turn_result result =
            send_some(turn, turn->out + turn->out_at, turn->out_len - turn->out_at, &sent);
        if (result != TURN_DONE)
            return result;
        turn->out_at += sent;
    }
    turn->out_at = turn->out_len = 0;
    return TURN_DONE;
}

/* What of the JSON body stands at `at`: its text, all the same letter, and then its end. */
static struct span
body_at(const struct turn *turn, uint64_t at)
{
    static char filler[FILLER_BYTES];
    if (filler[0] == '\0')
        memset(filler, 'x', sizeof(filler));
    if (at >= turn->tokens)
        return span_of(json_closing + (at - turn->tokens),
                       (size_t)(turn->tokens + CLOSING_BYTES - at));
    uint64_t left = turn->tokens - at;
    return span_of(filler, left < sizeof(filler) ? (size_t)left : sizeof(filler));
}

static enum turn_result
send_body(struct turn *turn)
{
    while (turn->sent < turn->tokens + CLOSING_BYTES) {
        struct span part = body_at(turn, turn->sent);
        size_t sent = 0;
        enum turn_result result = send_some(turn, part.ptr, part.len, &sent);
        if (result != TURN_DONE)
            return result;
        turn->sent += sent;
    }
    return TURN_DONE;
}

enum turn_result
turn_send(struct turn *turn)
{
    if (turn->stage == TURN_READY) {
        turn->stage = TURN_ANSWER;
        put_head(turn);
    }
    enum turn_result result = send_out(turn);
    return result == TURN_DONE && !turn->is_stream ? send_body(turn) : result;
}

enum turn_result
turn_send_event(struct turn *turn)
{
    if (turn->out_len == 0)
        put_event(turn);
    return send_out(turn);
}

bool
turn_is_over(const struct turn *turn)
{
    return turn->out_len == 0 && turn->sent >= turn->tokens + (turn->is_stream ? 0 : CLOSING_BYTES);
}
