/* fcgiparams.c - lengths, names and values, a portion at a time. */
#include "parse/fcgiparams.h"

#include <string.h>

#include "base/mem.h"

#define LONG_LENGTH 0x80U /* set in the first of four bytes; a length of one byte has it not */

void
fcgiparams_init(struct fcgiparams *params, size_t max_bytes)
{
    *params = (struct fcgiparams){.list = NULL};
    buf_init(&params->text, max_bytes);
}

void
fcgiparams_clear(struct fcgiparams *params)
{
    buf_wipe(&params->text);
    params->count = 0;
    params->fault = FCGIPARAMS_GOOD;
    params->step = FCGIPARAMS_IN_NAME_LENGTH;
    params->length_have = 0;
}

void
fcgiparams_fini(struct fcgiparams *params)
{
    buf_fini(&params->text);
    mem_free(params->list);
    params->list = NULL;
    params->list_room = 0;
}

static bool
pass_limit(struct fcgiparams *params)
{
    params->fault = FCGIPARAMS_LIMIT;
    return false;
}

/* The worst one, so that it does not depend on the portions which one that is. */
static void
note_fault(struct fcgiparams *params, enum fcgiparams_fault fault)
{
    if (params->fault < fault)
        params->fault = fault;
}

static bool
is_name(struct span part)
{
    bool is_good = true;
    for (size_t i = 0; i < part.len; i++) {
        unsigned byte = (unsigned char)part.ptr[i];
        is_good &= byte - '!' <= '~' - '!' && byte != '=';
    }
    return is_good;
}

static void
check_bytes(struct fcgiparams *params, struct span part)
{
    if (memchr(part.ptr, '\0', part.len))
        note_fault(params, FCGIPARAMS_NUL);
    else if (params->step == FCGIPARAMS_IN_NAME && !is_name(part))
        note_fault(params, FCGIPARAMS_NAME);
}

/* For what the next `bytes` may become: text is never longer than the pairs that it is made of, but
 * for '=' and NUL of the pair that is open. open_pair() has looked after the maximum. */
static bool
make_room(struct fcgiparams *params, size_t bytes)
{
    size_t room = params->text.max_bytes - params->text.len;
    return buf_reserve(&params->text, bytes + 2 < room ? bytes + 2 : room) == 0;
}

static void
put(struct fcgiparams *params, const char *bytes, size_t len)
{
    memcpy(params->text.ptr + params->text.len, bytes, len);
    params->text.len += len;
}

/* Both lengths are known: is there room for what they promise? */
static bool
open_pair(struct fcgiparams *params)
{
    size_t room = params->text.max_bytes - params->text.len;
    params->step = FCGIPARAMS_IN_NAME;
    if (params->name_left == 0)
        note_fault(params, FCGIPARAMS_NAME);
    return params->count < FCGIPARAMS_MAX_COUNT && params->name_left <= FCGIPARAMS_NAME_MAX_BYTES &&
           (uint64_t)params->name_left + params->value_left + 2 <= room;
}

/* One byte of a length. False: a limit is passed. */
static bool
take_length_byte(struct fcgiparams *params, unsigned char byte)
{
    if (params->length_have == 0 && byte >= LONG_LENGTH) {
        params->length = byte & ~LONG_LENGTH;
        params->length_have = 1;
        return true;
    }
    params->length = params->length_have == 0 ? byte : params->length << 8 | byte;
    if (params->length_have > 0 && ++params->length_have < 4)
        return true;
    params->length_have = 0;
    if (params->step == FCGIPARAMS_IN_VALUE_LENGTH) {
        params->value_left = params->length;
        return open_pair(params);
    }
    params->name_left = params->length;
    params->step = FCGIPARAMS_IN_VALUE_LENGTH;
    return true;
}

/* Ends what has no byte left to come: '=' behind a name, a NUL behind a value. */
static void
close_part(struct fcgiparams *params)
{
    if (params->step == FCGIPARAMS_IN_NAME && params->name_left == 0) {
        params->step = FCGIPARAMS_IN_VALUE;
        put(params, "=", 1);
    }
    if (params->step == FCGIPARAMS_IN_VALUE && params->value_left == 0) {
        params->step = FCGIPARAMS_IN_NAME_LENGTH;
        params->count++;
        put(params, "", 1);
    }
}

/* As many bytes of a name or value as are at hand. */
static size_t
take_bytes(struct fcgiparams *params, struct span bytes)
{
    uint32_t *left = params->step == FCGIPARAMS_IN_NAME ? &params->name_left : &params->value_left;
    struct span part = {bytes.ptr, bytes.len < *left ? bytes.len : *left};
    check_bytes(params, part);
    put(params, part.ptr, part.len);
    *left -= (uint32_t)part.len;
    close_part(params);
    return part.len;
}

bool
fcgiparams_feed(struct fcgiparams *params, struct span bytes)
{
    size_t at = 0;
    if (params->fault == FCGIPARAMS_LIMIT)
        return false;
    if (!make_room(params, bytes.len))
        return pass_limit(params);
    while (at < bytes.len) {
        if (params->step == FCGIPARAMS_IN_NAME || params->step == FCGIPARAMS_IN_VALUE) {
            struct span rest = {bytes.ptr + at, bytes.len - at};
            at += take_bytes(params, rest);
            continue;
        }
        if (!take_length_byte(params, (unsigned char)bytes.ptr[at++]))
            return pass_limit(params);
        if (params->step == FCGIPARAMS_IN_NAME) /* a pair of nothing is whole already */
            close_part(params);
    }
    buf_extend(&params->text, 0); /* it ends with a NUL that is not counted, as any buffer */
    return true;
}

static const char *const *
give_nothing(struct fcgiparams *params, enum fcgiparams_fault fault)
{
    static const char *const nothing[] = {NULL};
    params->fault = fault;
    return nothing;
}

const char *const *
fcgiparams_end(struct fcgiparams *params)
{
    if (params->fault != FCGIPARAMS_LIMIT &&
        (params->step != FCGIPARAMS_IN_NAME_LENGTH || params->length_have > 0))
        return give_nothing(params, FCGIPARAMS_CUT);
    if (params->fault != FCGIPARAMS_GOOD)
        return give_nothing(params, params->fault);
    if (params->list_room <= params->count) {
        mem_free(params->list);
        params->list = mem_array(params->count + 1, sizeof(*params->list));
        params->list_room = params->list ? params->count + 1 : 0;
    }
    if (!params->list)
        return give_nothing(params, FCGIPARAMS_LIMIT);
    const char *at = params->text.ptr;
    for (size_t i = 0; i < params->count; i++, at += strlen(at) + 1)
        params->list[i] = at;
    params->list[params->count] = NULL;
    return params->list;
}

const char *
fcgiparams_fault_name(enum fcgiparams_fault fault)
{
    switch (fault) {
    case FCGIPARAMS_GOOD:
        break;
    case FCGIPARAMS_NUL:
        return "param_with_nul";
    case FCGIPARAMS_NAME:
        return "param_name";
    case FCGIPARAMS_LIMIT:
        return "params_too_large";
    case FCGIPARAMS_CUT:
        return "cut_params";
    }
    return "none";
}
