/* mistakes.c - two growing lists of lines. */
#include "config/mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#define LINE_MAX_BYTES 2048
#define QUOTED_BYTES 60
_Static_assert(QUOTED_BYTES * 4 + 2 + 4 <= MISTAKES_QUOTE_MAX, "a quoted value fits");

static int
put_place(struct buf *line, struct spot at, const char *name)
{
    int result = buf_puts(line, at.file ? at.file : "environment");
    if (at.file && at.line > 0)
        result |= buf_putf(line, ":%u", at.line);
    result |= buf_puts(line, ": ");
    if (name)
        result |= buf_putf(line, "%s: ", name);
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
    (void)buf_puts(line, text); /* does not fit only after a file name of kilobytes */
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
