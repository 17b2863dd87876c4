/* option.c - finds rows of the option table and what they hold. */
#include "config/option.h"

#include <stdio.h>
#include <string.h>

static const char *const own_prefixes[] = {"POSTERN_", "CIRCUIT_", "PRIMARY_OPENAI_",
                                           "FALLBACK_OPENAI_"};

bool
option_is_ours(struct span name)
{
    for (size_t i = 0; i < sizeof(own_prefixes) / sizeof(own_prefixes[0]); i++) {
        if (span_has_prefix_nocase(name, own_prefixes[i]))
            return true;
    }
    return false;
}

const struct option *
option_find(struct span env)
{
    for (size_t i = 0; i < option_count; i++) {
        if (span_is(env, option_table[i].env))
            return &option_table[i];
    }
    return NULL;
}

const char *
option_json_name(const struct option *option, char out[OPTION_NAME_MAX])
{
    const char *name = option->env;
    if (span_has_prefix(span_from(name), own_prefixes[0]))
        name += strlen(own_prefixes[0]);
    size_t at = 0;
    for (; name[at] != '\0' && at + 1 < OPTION_NAME_MAX; at++)
        out[at] = name[at] >= 'A' && name[at] <= 'Z' ? (char)(name[at] - 'A' + 'a') : name[at];
    out[at] = '\0';
    return out;
}

const struct option *
option_find_json(struct span name)
{
    char json_name[OPTION_NAME_MAX];
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        if (!(option->flags & OPTION_NOT_IN_JSON) &&
            span_is(name, option_json_name(option, json_name)))
            return option;
    }
    return NULL;
}

const char *
option_default(const struct option *option, bool llm)
{
    return llm && option->llm ? option->llm : option->standard;
}

int64_t
option_window(unsigned kind, unsigned size)
{
    return (int64_t)kind << 32 | (int64_t)size;
}

unsigned
option_window_kind(int64_t value)
{
    return (unsigned)(value >> 32);
}

unsigned
option_window_size(int64_t value)
{
    return (unsigned)(value & UINT32_MAX);
}

const char *
option_choice(const struct option *option, int64_t value, char out[OPTION_NAME_MAX])
{
    struct span rest = span_from(option->choices);
    struct span word = {NULL, 0};
    for (int64_t at = 0; at <= value && rest.ptr; at++)
        word = span_split(&rest, '|');
    (void)snprintf(out, OPTION_NAME_MAX, SPAN_FMT, SPAN_ARG(word));
    return out;
}
