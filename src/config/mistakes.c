/* mistakes.c - two growing lists of lines, in which no key stands. */
#include "config/mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/keylike.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secrets.h"

#define LINE_MAX_BYTES 2048
#define QUOTED_BYTES 60
_Static_assert(QUOTED_BYTES * 4 + 2 + 4 <= MISTAKES_QUOTE_MAX, "a quoted value fits");

/* What looks like a key is cut after its first letters. */
static int
put_masked(struct buf *line, struct span text)
{
    int result = 0;
    struct span found;
    while (keylike_find(text, &found)) {
        size_t shown = (size_t)(found.ptr - text.ptr) + KEYLIKE_SHOWN;
        result |= buf_append(line, text.ptr, shown);
        result |= buf_puts(line, KEYLIKE_MARK);
        size_t taken = (size_t)(found.ptr - text.ptr) + found.len;
        text = span_of(text.ptr + taken, text.len - taken);
    }
    return result | buf_put_span(line, text);
}

static int
put_place(struct buf *line, struct spot at, const char *name)
{
    int result = buf_puts(line, at.file ? at.file : "environment");
    if (at.file && at.line > 0)
        result |= buf_putf(line, ":%u", at.line);
    result |= buf_puts(line, ": ");
    if (name) {
        result |= put_masked(line, span_from(name));
        result |= buf_puts(line, ": ");
    }
    return result;
}

/* Keeps the line. False when there is no room for it. */
static bool
push(char ***lines, size_t *count, struct buf *line, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];
    if (*count >= MISTAKES_MAX)
        return false;
    (void)vsnprintf(text, sizeof(text), format, args);
    (void)put_masked(line, span_from(text)); /* does not fit only after a file name of kilobytes */
    char **grown = mem_grow(*lines, *count * sizeof(char *), (*count + 1) * sizeof(char *));
    if (!grown)
        return false;
    *lines = grown;
    char *copy = mem_copy_text(buf_text(line), line->len);
    if (!copy)
        return false;
    grown[(*count)++] = copy;
    return true;
}

void
mistakes_add(struct config_mistakes *mistakes, struct spot at, const char *name, const char *format,
             ...)
{
    struct buf line;
    va_list args;
    buf_init(&line, (size_t)2 * LINE_MAX_BYTES);
    (void)put_place(&line, at, name);
    va_start(args, format);
    if (!push(&mistakes->lines, &mistakes->count, &line, format, args))
        mistakes->lost_count++; /* still a mistake: the configuration is not accepted */
    va_end(args);
    buf_fini(&line);
}

void
mistakes_warn(struct config_mistakes *mistakes, struct spot at, const char *name,
              const char *format, ...)
{
    struct buf line;
    va_list args;
    buf_init(&line, (size_t)2 * LINE_MAX_BYTES);
    (void)put_place(&line, at, name);
    va_start(args, format);
    (void)push(&mistakes->warnings, &mistakes->warning_count, &line, format, args);
    va_end(args);
    buf_fini(&line);
}

/* In place: a secret gives way to as many asterisks. */
static void
redact(char *line)
{
    struct span found;
    while (secrets_find(span_from(line), &found))
        memset(line + (found.ptr - line), '*', found.len);
}

void
mistakes_redact(struct config_mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->count; i++)
        redact(mistakes->lines[i]);
    for (size_t i = 0; i < mistakes->warning_count; i++)
        redact(mistakes->warnings[i]);
}

const char *
mistakes_quote(char out[MISTAKES_QUOTE_MAX], struct span value)
{
    char quoted[LOG_QUOTE_MAX];
    bool is_cut = value.len > QUOTED_BYTES;
    (void)log_quote(quoted, span_of(value.ptr, is_cut ? QUOTED_BYTES : value.len));
    size_t len = strlen(quoted); /* at most four characters a byte, and the quotes */
    memcpy(out, quoted, len);
    memcpy(out + len, is_cut ? "..." : "", is_cut ? 4 : 1);
    return out;
}

void
config_mistakes_fini(struct config_mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->count; i++)
        mem_free(mistakes->lines[i]);
    for (size_t i = 0; i < mistakes->warning_count; i++)
        mem_free(mistakes->warnings[i]);
    mem_free(mistakes->lines);
    mem_free(mistakes->warnings);
    mem_free(mistakes->env_path);
    mem_free(mistakes->json_path);
    mem_free(mistakes->state_path);
    memset(mistakes, 0, sizeof(*mistakes));
}
