/* fcgiclient.c - talks raw FastCGI to a socket, as its arguments say; for tests of what no web
 * server would send. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "fcgirecord.h"

#define PAIRS_MAX_BYTES (32 << 20)
#define ANSWER_TIMEOUT_MS 20000

enum { EXIT_ENDED = 0, EXIT_FAILED = 1, EXIT_WRONG = 2, EXIT_CUT = 3, EXIT_TIMEOUT = 4 };

static const char usage[] =
    "usage: fcgiclient ADDRESS STEP...        ADDRESS: unix:PATH or 127.0.0.1:PORT\n"
    "  begin[=ROLE]       BEGIN_REQUEST; 1 is the responder\n"
    "  param=NAME=VALUE   one more pair; \\0 \\r \\n \\\\ and \\xHH are bytes\n"
    "  fill=NAME=COUNT    one more pair, its value COUNT times the letter a\n"
    "  params             sends the pairs and ends them\n"
    "  cut-params=COUNT   sends the first COUNT bytes of the pairs and does not end them\n"
    "  stdin=TEXT         sends a part of the body\n"
    "  fill-stdin=COUNT   sends COUNT times the letter a\n"
    "  end                ends the body\n"
    "  record=TYPE=TEXT   any record\n"
    "  raw=TEXT           bytes as they are\n"
    "  shut               shuts the sending half\n"
    "  until=TEXT         reads until the answer holds TEXT\n"
    "  answer             reads to the end; the last step unless `close` is\n"
    "  close              closes without reading\n"
    "Prints the answer. Status: 0 ended by END_REQUEST, 3 cut, 4 no end in time, 1 not connected,\n"
    "2 wrong arguments.\n";

struct client {
    int fd;
    bool is_cut; /* a send failed: what was answered is read all the same */
    struct buf pairs;
    struct fcgirecord_reply reply;
};

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* Escapes are undone in place. */
static struct span
unescape(char *text)
{
    static const char letters[] = "0rn\\", bytes[] = "\0\r\n\\";
    char *out = text;
    for (const char *in = text; *in; in++) {
        const char *known = *in == '\\' && in[1] ? strchr(letters, in[1]) : NULL;
        if (known) {
            *out++ = bytes[known - letters];
            in++;
        } else if (*in == '\\' && in[1] == 'x' && in[2] && in[3]) {
            *out++ = (char)(hex_digit(in[2]) * 16 + hex_digit(in[3]));
            in += 3;
        } else {
            *out++ = *in;
        }
    }
    return span_of(text, (size_t)(out - text));
}

static int
fill(struct buf *out, struct span count)
{
    char block[4096];
    uint64_t left;
    if (num_parse_u64(count, PAIRS_MAX_BYTES, &left))
        return -1;
    memset(block, 'a', sizeof(block));
    while (left > 0) {
        size_t part = left < sizeof(block) ? (size_t)left : sizeof(block);
        if (buf_append(out, block, part))
            return -1;
        left -= part;
    }
    return 0;
}

/* --- the steps ----------------------------------------------------------------------------------
 */

static void
note(struct client *client, int rc)
{
    client->is_cut = client->is_cut || rc != 0;
}

static int
step_begin(struct client *client, char *argument)
{
    uint64_t role = 1;
    if (*argument && num_parse_u64(span_from(argument), 65535, &role))
        return -1;
    note(client, fcgirecord_begin(client->fd, (unsigned)role, 0));
    return 0;
}

static int
step_param(struct client *client, char *argument)
{
    struct span value = unescape(argument);
    struct span name = span_split(&value, '=');
    return fcgirecord_put_pair(&client->pairs, name, value);
}

static int
step_fill(struct client *client, char *argument)
{
    struct buf value;
    struct span count = span_from(argument);
    struct span name = span_split(&count, '=');
    buf_init(&value, PAIRS_MAX_BYTES);
    int rc = fill(&value, count);
    if (rc == 0)
        rc = fcgirecord_put_pair(&client->pairs, name, buf_span(&value));
    buf_fini(&value);
    return rc;
}

static int
step_params(struct client *client, char *argument)
{
    (void)argument;
    if (client->pairs.len > 0)
        note(client, fcgirecord_send(client->fd, FCGIRECORD_PARAMS, buf_span(&client->pairs)));
    note(client, fcgirecord_send(client->fd, FCGIRECORD_PARAMS, span_of(NULL, 0)));
    return 0;
}

static int
step_cut_params(struct client *client, char *argument)
{
    uint64_t count;
    if (num_parse_u64(span_from(argument), client->pairs.len, &count) || count == 0)
        return -1;
    struct span part = span_of(client->pairs.ptr, (size_t)count);
    note(client, fcgirecord_send(client->fd, FCGIRECORD_PARAMS, part));
    return 0;
}

static int
step_stdin(struct client *client, char *argument)
{
    struct span content = unescape(argument);
    if (content.len > 0)
        note(client, fcgirecord_send(client->fd, FCGIRECORD_STDIN, content));
    return 0;
}

static int
step_fill_stdin(struct client *client, char *argument)
{
    struct buf content;
    buf_init(&content, PAIRS_MAX_BYTES);
    int rc = fill(&content, span_from(argument));
    if (rc == 0 && content.len > 0)
        note(client, fcgirecord_send(client->fd, FCGIRECORD_STDIN, buf_span(&content)));
    buf_fini(&content);
    return rc;
}

static int
step_end(struct client *client, char *argument)
{
    (void)argument;
    note(client, fcgirecord_send(client->fd, FCGIRECORD_STDIN, span_of(NULL, 0)));
    return 0;
}

static int
step_record(struct client *client, char *argument)
{
    uint64_t type;
    struct span content = unescape(argument);
    struct span name = span_split(&content, '=');
    if (num_parse_u64(name, 255, &type))
        return -1;
    note(client, fcgirecord_send(client->fd, (unsigned)type, content));
    return 0;
}

static int
step_raw(struct client *client, char *argument)
{
    struct span bytes = unescape(argument);
    ssize_t sent = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    note(client, sent == (ssize_t)bytes.len ? 0 : -1);
    return 0;
}

static int
step_shut(struct client *client, char *argument)
{
    (void)argument;
    note(client, shutdown(client->fd, SHUT_WR));
    return 0;
}

static int
step_until(struct client *client, char *argument)
{
    enum fcgirecord_verdict verdict =
        fcgirecord_read(client->fd, &client->reply, argument, ANSWER_TIMEOUT_MS);
    note(client, verdict == FCGIRECORD_ENDED ? 0 : -1);
    return 0;
}

struct step {
    const char *name;
    int (*run)(struct client *client, char *argument);
};
static const struct step steps[] = {
    {"begin", step_begin},
    {"param", step_param},
    {"fill", step_fill},
    {"params", step_params},
    {"cut-params", step_cut_params},
    {"stdin", step_stdin},
    {"end", step_end},
    {"fill-stdin", step_fill_stdin},
    {"raw", step_raw},
    {"record", step_record},
    {"shut", step_shut},
    {"until", step_until},
};

static int
run_step(struct client *client, char *text)
{
    char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (span_is(span_of(text, len), steps[i].name))
            return steps[i].run(client, equals ? equals + 1 : text + len);
    return -1;
}

static int
finish(struct client *client, bool reads)
{
    static const int statuses[] = {[FCGIRECORD_ENDED] = EXIT_ENDED,
                                   [FCGIRECORD_CUT] = EXIT_CUT,
                                   [FCGIRECORD_BROKEN] = EXIT_CUT,
                                   [FCGIRECORD_TIMEOUT] = EXIT_TIMEOUT};
    int status = EXIT_ENDED;
    if (reads)
        status = statuses[fcgirecord_read(client->fd, &client->reply, NULL, ANSWER_TIMEOUT_MS)];
    (void)close(client->fd);
    (void)fwrite(buf_text(&client->reply.out), 1, client->reply.out.len, stdout);
    (void)fwrite(buf_text(&client->reply.err), 1, client->reply.err.len, stderr);
    return fflush(stdout) ? EXIT_FAILED : status;
}

int
main(int argc, char **argv)
{
    struct client client = {.fd = argc > 2 ? fcgirecord_connect(argv[1]) : -1};
    bool reads = true;
    int status = EXIT_ENDED;
    if (argc < 3) {
        (void)fputs(usage, stderr);
        return EXIT_WRONG;
    }
    if (client.fd < 0) {
        perror(argv[1]);
        return EXIT_FAILED;
    }
    buf_init(&client.pairs, PAIRS_MAX_BYTES);
    fcgirecord_reply_init(&client.reply);
    for (int i = 2; i < argc && status == EXIT_ENDED; i++) {
        bool is_last = i == argc - 1;
        if (is_last && strcmp(argv[i], "close") == 0)
            reads = false;
        else if (!(is_last && strcmp(argv[i], "answer") == 0) && run_step(&client, argv[i]))
            status = EXIT_WRONG;
    }
    if (status == EXIT_ENDED)
        status = finish(&client, reads);
    else
        (void)fputs(usage, stderr);
    buf_fini(&client.pairs);
    fcgirecord_reply_fini(&client.reply);
    return status;
}
