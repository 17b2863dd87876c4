/* dotenv.c - one pass over the text, one statement at a time.
 *
 * The grammar is that of python-dotenv's parser.py and variables.py (1.2); each read_ function
 * stands for the pattern of the same name there.
 */
#include "config/dotenv.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

#define VALUE_MAX_BYTES ((size_t)1 << 20)

struct reader {
    const char *at, *end;
    unsigned line;
    dotenv_lookup *lookup;
    const void *self;
    struct arena *arena;
    struct dotenv *out;
    bool no_memory;
};

static bool
is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\v';
}

static char
peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

/* One character; CR LF is one line end. */
static void
advance(struct reader *r)
{
    if (*r->at == '\n' || (*r->at == '\r' && (r->at + 1 == r->end || r->at[1] != '\n')))
        r->line++;
    r->at++;
}

static void
skip_blanks(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at))
        r->at++;
}

static void
skip_space(struct reader *r)
{
    while (r->at < r->end && (is_blank(*r->at) || is_line_end(*r->at)))
        advance(r);
}

static void
skip_to_line_end(struct reader *r)
{
    while (r->at < r->end && !is_line_end(*r->at))
        r->at++;
}

static void
skip_export(struct reader *r)
{
    static const char word[] = "export";
    const size_t len = sizeof(word) - 1;
    if ((size_t)(r->end - r->at) <= len || memcmp(r->at, word, len) != 0 || !is_blank(r->at[len]))
        return;
    r->at += len;
    skip_blanks(r);
}

/* The name: anything without blanks, "=" and "#", or anything at all in single quotes. */
static bool
read_name(struct reader *r, struct span *name)
{
    const char *start = r->at;
    if (peek(r) == '\'') {
        const char *close = memchr(start + 1, '\'', (size_t)(r->end - start - 1));
        if (!close || close == start + 1)
            return false;
        *name = span_of(start + 1, (size_t)(close - start - 1));
        while (r->at <= close)
            advance(r);
        return true;
    }
    while (r->at < r->end && *r->at != '=' && *r->at != '#' && !is_blank(*r->at) &&
           !is_line_end(*r->at))
        r->at++;
    *name = span_of(start, (size_t)(r->at - start));
    return name->len > 0;
}

/* What a backslash and `c` stand for inside quotes; 0: they stand for themselves. */
static char
unescape(char c, char quote)
{
    static const char letters[] = "abfnrtv";
    static const char meant[] = "\a\b\f\n\r\t\v";
    if (c == '\\' || c == '\'' || (c == '"' && quote == '"'))
        return c;
    const char *found = quote == '"' && c != '\0' ? strchr(letters, c) : NULL;
    return found ? meant[found - letters] : '\0';
}

/* Up to the closing quote, line ends as LF. False when there is none. */
static bool
read_to_quote(struct reader *r, struct buf *value)
{
    char quote = *r->at++;
    while (r->at < r->end && *r->at != quote) {
        char c = *r->at;
        if (c == '\\') {
            advance(r);
            if (r->at == r->end)
                return false;
            char meant = unescape(*r->at, quote);
            if (meant == '\0')
                r->no_memory |= buf_append(value, "\\", 1) != 0;
            c = meant != '\0' ? meant : *r->at;
        } else if (c == '\r') {
            c = '\n';
            if (r->at + 1 < r->end && r->at[1] == '\n')
                r->at++;
        }
        r->no_memory |= buf_append(value, &c, 1) != 0;
        advance(r);
    }
    if (r->at == r->end)
        return false;
    r->at++;
    return true;
}

/* A quote that is not closed spoils its own line and not the rest of the file. */
static bool
read_quoted(struct reader *r, struct buf *value)
{
    const char *start = r->at;
    unsigned line = r->line;
    if (read_to_quote(r, value))
        return true;
    r->at = start;
    r->line = line;
    return false;
}

/* To the end of the line or to blanks before a "#". */
static void
read_unquoted(struct reader *r, struct buf *value)
{
    const char *start = r->at;
    skip_to_line_end(r);
    const char *stop = r->at;
    for (const char *s = start; s + 1 < stop; s++) {
        if (is_blank(s[0]) && s[1] == '#')
            stop = s;
    }
    while (stop > start && is_blank(stop[-1]))
        stop--;
    r->no_memory |= buf_append(value, start, (size_t)(stop - start)) != 0;
}

static bool
read_value(struct reader *r, struct buf *value)
{
    r->at++; /* the "=" */
    bool blanks = r->at < r->end && is_blank(*r->at);
    skip_blanks(r);
    if (blanks && peek(r) == '#')
        return true; /* only a comment */
    if (r->at < r->end && (*r->at == '\'' || *r->at == '"'))
        return read_quoted(r, value);
    read_unquoted(r, value);
    return true;
}

/* The last binding of that name so far; inside a file only what stands above is known. */
static const char *
find_variable(const struct reader *r, struct span name)
{
    const char *outside = r->lookup ? r->lookup(r->self, name) : NULL;
    if (outside)
        return outside;
    for (size_t i = r->out->count; i-- > 0;) {
        const struct dotenv_binding *binding = &r->out->bindings[i];
        if (binding->name && span_is(name, binding->name))
            return binding->value ? binding->value : "";
    }
    return NULL;
}

/* The text of a ${…} that starts at `s`: its name, its default, where it ends. */
static bool
parse_reference(const char *s, const char *end, struct span *name, struct span *fallback,
                const char **after)
{
    if (end - s < 3 || s[0] != '$' || s[1] != '{')
        return false;
    const char *close = memchr(s, '}', (size_t)(end - s));
    if (!close)
        return false;
    *name = span_of(s + 2, (size_t)(close - s - 2));
    *fallback = span_of("", 0);
    const char *colon = memchr(name->ptr, ':', name->len);
    if (colon) {
        if (colon[1] != '-')
            return false;
        *fallback = span_of(colon + 2, (size_t)(close - colon - 2));
        name->len = (size_t)(colon - name->ptr);
    }
    *after = close + 1;
    return true;
}

static const char *
expand(struct reader *r, struct span value)
{
    struct buf out;
    struct span name, fallback;
    const char *end = value.ptr + value.len, *after;
    buf_init(&out, VALUE_MAX_BYTES);
    for (const char *s = value.ptr; s < end;) {
        if (!parse_reference(s, end, &name, &fallback, &after)) {
            r->no_memory |= buf_append(&out, s++, 1) != 0;
            continue;
        }
        const char *found = find_variable(r, name);
        r->no_memory |= buf_put_span(&out, found ? span_from(found) : fallback) != 0;
        s = after;
    }
    char *kept = arena_copy(r->arena, buf_span(&out));
    r->no_memory |= !kept;
    buf_fini(&out);
    return kept;
}

/* The rest of the statement's line holds nothing but a comment. */
static bool
read_line_rest(struct reader *r)
{
    skip_blanks(r);
    if (peek(r) == '#')
        skip_to_line_end(r);
    return r->at == r->end || is_line_end(*r->at);
}

static bool
read_binding(struct reader *r, struct dotenv_binding *binding, struct buf *value)
{
    struct span name;
    skip_export(r);
    if (!read_name(r, &name))
        return false;
    skip_blanks(r);
    bool has_value = peek(r) == '=' && r->at < r->end;
    if ((has_value && !read_value(r, value)) || !read_line_rest(r))
        return false;
    binding->name = arena_copy(r->arena, name);
    r->no_memory |= !binding->name;
    if (has_value)
        binding->value = expand(r, span_of(buf_text(value), value->len));
    return true;
}

static void
read_statement(struct reader *r, struct buf *value)
{
    struct dotenv_binding binding = {.line = r->line};
    buf_clear(value);
    if (peek(r) == '#') {
        skip_to_line_end(r);
        return;
    }
    if (!read_binding(r, &binding, value))
        skip_to_line_end(r);
    r->out->bindings[r->out->count++] = binding;
}

/* No statement is shorter than a line, so lines bound their number. */
static size_t
count_lines(struct span text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += is_line_end(text.ptr[i]);
    return count;
}

int
dotenv_parse(struct span text, dotenv_lookup *lookup, const void *self, struct arena *arena,
             struct dotenv *out, struct err *err)
{
    if (span_has_prefix(text, "\xef\xbb\xbf"))
        text = span_of(text.ptr + 3, text.len - 3);
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return err_set(err, ERR_SYNTAX, "is not plain text (save it as UTF-8)");
    *out = (struct dotenv){
        .bindings = arena_array(arena, count_lines(text), sizeof(struct dotenv_binding))};
    struct reader r = {text.ptr, text.ptr + text.len, 1, lookup, self, arena, out, !out->bindings};
    struct buf value;
    buf_init(&value, VALUE_MAX_BYTES);
    while (!r.no_memory) {
        skip_space(&r);
        if (r.at == r.end)
            break;
        read_statement(&r, &value);
    }
    buf_fini(&value);
    return r.no_memory ? err_set(err, ERR_MEMORY, "is too large, or no memory is left") : 0;
}
