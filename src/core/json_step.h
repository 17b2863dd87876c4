/* json_step.h - what the two halves of the scanner share: json.c reads what stands between tokens,
 * json_step.c what is inside of them. For these two alone.
 */
#ifndef POSTERN_CORE_JSON_STEP_H
#define POSTERN_CORE_JSON_STEP_H

#include "core/json.h"

enum json_state {
    /* Between tokens: the rows of between[]. */
    JSON_WANTS_VALUE,
    JSON_WANTS_FIRST_ITEM, /* after "[": a value or "]" */
    JSON_WANTS_FIRST_NAME, /* after "{": a name or "}" */
    JSON_WANTS_NAME,       /* after a comma in an object */
    JSON_WANTS_COLON,
    JSON_WANTS_NEXT_ITEM, /* after a value in an array: a comma or "]" */
    JSON_WANTS_NEXT_NAME, /* after a value in an object: a comma or "}" */
    JSON_CLOSED,          /* after the top-level value: blanks only */

    JSON_IN_STRING,
    JSON_IN_UTF8,
    JSON_IN_ESCAPE,
    JSON_IN_HEX,
    JSON_IN_LITERAL,
    JSON_NUMBER_MINUS,
    JSON_NUMBER_ZERO,
    JSON_NUMBER_INTEGER,
    JSON_NUMBER_POINT,
    JSON_NUMBER_FRACTION,
    JSON_NUMBER_E,
    JSON_NUMBER_E_SIGN,
    JSON_NUMBER_EXPONENT,
    JSON_COMMENT_SLASH,
    JSON_COMMENT_LINE,
    JSON_COMMENT_BLOCK,
    JSON_COMMENT_STAR
};

/* Takes at least one byte, changes the state, or sets the error. Returns where the next byte
 * stands; after an error, where the wrong one does. */
typedef const unsigned char *json_step(struct json_scan *scan, const unsigned char *at,
                                       const unsigned char *end);

json_step json_step_string, json_step_utf8, json_step_escape, json_step_hex;
json_step json_step_number, json_step_literal;

/* A value ended before `at`. A comma that follows at once is taken with it, as most are. */
json_step json_step_ended;

/* May a number that is in this state end here? */
bool json_step_may_end(unsigned state);

/* house: code in a header, because a call would cost more than this does. */
static inline bool
json_step_is_told(const struct json_scan *scan)
{
    return scan->depth < scan->told_levels;
}

static inline size_t
json_step_offset(const struct json_scan *scan, const unsigned char *at)
{
    return scan->offset + (size_t)(at - scan->portion);
}

/* Sets the error; returns `at`. */
const unsigned char *json_step_refuse(struct json_scan *scan, const unsigned char *at,
                                      enum json_error error);

#endif
