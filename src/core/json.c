/* json.c - the one grammar of JSON (RFC 8259), with constant memory and no recursion: what may
 * stand between tokens, and comments. json_step.c reads the tokens. */
#include "core/json.h"

#include <assert.h>
#include <string.h>

#include "core/json_step.h"

/* --- between tokens ------------------------------------------------------- */

enum token {
    TOKEN_OTHER,
    TOKEN_BLANK,
    TOKEN_QUOTE,
    TOKEN_NUMBER,
    TOKEN_LITERAL,
    TOKEN_OPEN,
    TOKEN_CLOSE_OBJECT,
    TOKEN_CLOSE_ARRAY,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_SLASH,
    TOKENS
};

static const uint8_t token_of[256] = {
    [' '] = TOKEN_BLANK,   ['\t'] = TOKEN_BLANK,       ['\n'] = TOKEN_BLANK,
    ['\r'] = TOKEN_BLANK,  ['"'] = TOKEN_QUOTE,        ['-'] = TOKEN_NUMBER,
    ['0'] = TOKEN_NUMBER,  ['1'] = TOKEN_NUMBER,       ['2'] = TOKEN_NUMBER,
    ['3'] = TOKEN_NUMBER,  ['4'] = TOKEN_NUMBER,       ['5'] = TOKEN_NUMBER,
    ['6'] = TOKEN_NUMBER,  ['7'] = TOKEN_NUMBER,       ['8'] = TOKEN_NUMBER,
    ['9'] = TOKEN_NUMBER,  ['n'] = TOKEN_LITERAL,      ['t'] = TOKEN_LITERAL,
    ['f'] = TOKEN_LITERAL, ['{'] = TOKEN_OPEN,         ['['] = TOKEN_OPEN,
    [','] = TOKEN_COMMA,   ['}'] = TOKEN_CLOSE_OBJECT, ['/'] = TOKEN_SLASH,
    [':'] = TOKEN_COLON,   [']'] = TOKEN_CLOSE_ARRAY,
};

static void
note_value(struct json_scan *scan, const unsigned char *at)
{
    if (json_step_is_told(scan))
        scan->value_at[scan->depth] = json_step_offset(scan, at);
}

static const unsigned char *
take_open(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    if (scan->depth == JSON_DEPTH_MAX)
        return json_step_refuse(scan, at, JSON_TOO_DEEP);
    note_value(scan, at);
    uint64_t bit = UINT64_C(1) << (scan->depth % 64);
    uint64_t *word = &scan->kinds[scan->depth / 64];
    scan->in_object = *at == '{';
    *word = scan->in_object ? *word | bit : *word & ~bit;
    scan->depth++;
    scan->state = scan->in_object ? JSON_WANTS_FIRST_NAME : JSON_WANTS_FIRST_ITEM;
    return at + 1;
}

static const unsigned char *
take_close(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    unsigned level = --scan->depth - 1; /* of the bracket around it, if there is one */
    scan->in_object = scan->depth > 0 && (scan->kinds[level / 64] >> (level % 64) & 1) != 0;
    return json_step_ended(scan, at + 1, end);
}

static const unsigned char *
take_string(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    note_value(scan, at);
    scan->in_name = false;
    scan->state = JSON_IN_STRING;
    return json_step_string(scan, at + 1, end);
}

static const unsigned char *
take_name(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    scan->name_at = json_step_offset(scan, at);
    scan->in_name = true;
    scan->state = JSON_IN_STRING;
    return json_step_string(scan, at + 1, end);
}

static const unsigned char *
take_number(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    note_value(scan, at);
    scan->state = *at == '-'   ? JSON_NUMBER_MINUS
                  : *at == '0' ? JSON_NUMBER_ZERO
                               : JSON_NUMBER_INTEGER;
    return json_step_number(scan, at + 1, end);
}

static const unsigned char *
take_literal(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    note_value(scan, at);
    scan->literal = *at == 'n' ? "ull" : *at == 't' ? "rue" : "alse";
    scan->state = JSON_IN_LITERAL;
    return json_step_literal(scan, at + 1, end);
}

static const unsigned char *
take_comma(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    scan->state = scan->in_object ? JSON_WANTS_NAME : JSON_WANTS_VALUE;
    return at + 1;
}

static const unsigned char *
take_colon(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    scan->state = JSON_WANTS_VALUE;
    return at + 1;
}

static const unsigned char *
take_wrong(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    return json_step_refuse(scan, at, scan->state == JSON_CLOSED ? JSON_TRAILING : JSON_BAD_SYNTAX);
}

static const unsigned char *
take_slash(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    if (!scan->allow_comments)
        return take_wrong(scan, at, end);
    scan->state_after_comment = scan->state;
    scan->state = JSON_COMMENT_SLASH;
    return at + 1;
}

#define EVERYWHERE [TOKEN_SLASH] = take_slash
#define A_VALUE                                                                                    \
    [TOKEN_QUOTE] = take_string, [TOKEN_NUMBER] = take_number, [TOKEN_LITERAL] = take_literal,     \
    [TOKEN_OPEN] = take_open

/* What may stand where; NULL: it is wrong there. */
static const struct {
    json_step *take[TOKENS];
} between[] = {
    [JSON_WANTS_VALUE] = {{EVERYWHERE, A_VALUE}},
    [JSON_WANTS_FIRST_ITEM] = {{EVERYWHERE, A_VALUE, [TOKEN_CLOSE_ARRAY] = take_close}},
    [JSON_WANTS_FIRST_NAME] =
        {{EVERYWHERE, [TOKEN_QUOTE] = take_name, [TOKEN_CLOSE_OBJECT] = take_close}},
    [JSON_WANTS_NAME] = {{EVERYWHERE, [TOKEN_QUOTE] = take_name}},
    [JSON_WANTS_COLON] = {{EVERYWHERE, [TOKEN_COLON] = take_colon}},
    [JSON_WANTS_NEXT_ITEM] =
        {{EVERYWHERE, [TOKEN_COMMA] = take_comma, [TOKEN_CLOSE_ARRAY] = take_close}},
    [JSON_WANTS_NEXT_NAME] =
        {{EVERYWHERE, [TOKEN_COMMA] = take_comma, [TOKEN_CLOSE_OBJECT] = take_close}},
    [JSON_CLOSED] = {{EVERYWHERE}},
};

static const unsigned char *
step_between(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    while (token_of[*at] == TOKEN_BLANK)
        if (++at == end)
            return at;
    json_step *take = between[scan->state].take[token_of[*at]];
    return take ? take(scan, at, end) : take_wrong(scan, at, end);
}

/* --- comments ------------------------------------------------------------- */

static const unsigned char *
step_comment(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    uint8_t state = scan->state;
    unsigned char byte = *at;
    if (state == JSON_COMMENT_SLASH && byte != '/' && byte != '*')
        return json_step_refuse(scan, at, JSON_BAD_SYNTAX);
    if (state == JSON_COMMENT_SLASH)
        scan->state = byte == '/' ? JSON_COMMENT_LINE : JSON_COMMENT_BLOCK;
    else if ((state == JSON_COMMENT_LINE && byte == '\n') ||
             (state == JSON_COMMENT_STAR && byte == '/'))
        scan->state = scan->state_after_comment;
    else if (state != JSON_COMMENT_LINE)
        scan->state = byte == '*' ? JSON_COMMENT_STAR : JSON_COMMENT_BLOCK;
    return at + 1;
}

/* --- the scanner ---------------------------------------------------------- */

/* The states inside a token. */
static const struct {
    json_step *step;
} inside[] = {
    [JSON_IN_STRING] = {json_step_string},       [JSON_IN_UTF8] = {json_step_utf8},
    [JSON_IN_ESCAPE] = {json_step_escape},       [JSON_IN_HEX] = {json_step_hex},
    [JSON_IN_LITERAL] = {json_step_literal},     [JSON_NUMBER_MINUS] = {json_step_number},
    [JSON_NUMBER_ZERO] = {json_step_number},     [JSON_NUMBER_INTEGER] = {json_step_number},
    [JSON_NUMBER_POINT] = {json_step_number},    [JSON_NUMBER_FRACTION] = {json_step_number},
    [JSON_NUMBER_E] = {json_step_number},        [JSON_NUMBER_E_SIGN] = {json_step_number},
    [JSON_NUMBER_EXPONENT] = {json_step_number}, [JSON_COMMENT_SLASH] = {step_comment},
    [JSON_COMMENT_LINE] = {step_comment},        [JSON_COMMENT_BLOCK] = {step_comment},
    [JSON_COMMENT_STAR] = {step_comment},
};

void
json_scan_init(struct json_scan *scan)
{
    memset(scan, 0, sizeof(*scan));
}

enum json_error
json_scan_feed(struct json_scan *scan, const char *bytes, size_t len)
{
    if (len == 0)
        return scan->error;
    const unsigned char *at = (const unsigned char *)bytes;
    const unsigned char *end = at + len;
    scan->portion = at;
    assert(scan->visit_depth <= JSON_VISIT_DEPTH_MAX);
    scan->told_levels = scan->visit ? scan->visit_depth + 1 : 0;
    while (scan->error == JSON_VALID && at < end)
        at = scan->state <= JSON_CLOSED ? step_between(scan, at, end)
                                        : inside[scan->state].step(scan, at, end);
    scan->offset += (size_t)(at - scan->portion);
    scan->portion = NULL;
    return scan->error;
}

enum json_error
json_scan_end(struct json_scan *scan)
{
    if (scan->error != JSON_VALID)
        return scan->error;
    if (scan->depth == 0 && json_step_may_end(scan->state)) {
        scan->portion = (const unsigned char *)"";
        (void)json_step_ended(scan, scan->portion, scan->portion);
    }
    if (scan->state == JSON_COMMENT_LINE)
        scan->state = scan->state_after_comment;
    if (scan->state != JSON_CLOSED)
        scan->error = JSON_INCOMPLETE;
    return scan->error;
}
