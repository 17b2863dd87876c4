/* params.c - one walk over the parameters, and a walk for a single one. */
#include "relay/params.h"

#include <string.h>

#include "base/span.h"

static const struct span names[PARAM_COUNT] = {
    [PARAM_AUTHORIZATION] = SPAN_LITERAL("REDIRECT_HTTP_AUTHORIZATION"),
    [PARAM_AUTH_TYPE] = SPAN_LITERAL("AUTH_TYPE"),
    [PARAM_CONTENT_LENGTH] = SPAN_LITERAL("CONTENT_LENGTH"),
    [PARAM_CONTENT_TYPE] = SPAN_LITERAL("CONTENT_TYPE"),
    [PARAM_PATH_INFO] = SPAN_LITERAL("PATH_INFO"),
    [PARAM_REMOTE_ADDR] = SPAN_LITERAL("REMOTE_ADDR"),
    [PARAM_REMOTE_USER] = SPAN_LITERAL("REMOTE_USER"),
    [PARAM_REQUEST_METHOD] = SPAN_LITERAL("REQUEST_METHOD"),
    [PARAM_REQUEST_URI] = SPAN_LITERAL("REQUEST_URI"),
    [PARAM_SCRIPT_NAME] = SPAN_LITERAL("SCRIPT_NAME"),
    [PARAM_SERVER_ADDR] = SPAN_LITERAL("SERVER_ADDR"),
    [PARAM_SERVER_PROTOCOL] = SPAN_LITERAL("SERVER_PROTOCOL"),
    [PARAM_SSL_CLIENT_VERIFY] = SPAN_LITERAL("SSL_CLIENT_VERIFY"),
};

/* Names of the same length are told apart by their last letters, or else nearly always equal. */
static bool
is_name(struct span name, struct span wanted)
{
    return name.len == wanted.len && name.ptr[name.len - 1] == wanted.ptr[name.len - 1] &&
           memcmp(name.ptr, wanted.ptr, name.len) == 0;
}

/* PARAM_COUNT: none of them. */
static enum param
param_of(struct span name)
{
    size_t i = 0;
    while (i < PARAM_COUNT && !is_name(name, names[i]))
        i++;
    return (enum param)i;
}

bool
params_is_header(const char *param)
{
    static const char prefix[] = PARAMS_HEADER_PREFIX;
    size_t i = 0;
    while (i < sizeof(prefix) - 1 && param[i] == prefix[i]) /* a NUL ends it, too */
        i++;
    return i == sizeof(prefix) - 1;
}

void
params_read(struct params *params, const char *const *list)
{
    *params = (struct params){.header_count = 0};
    for (; *list; list++) {
        if (params_is_header(*list)) {
            params->header_count++;
            continue;
        }
        const char *equals = strchr(*list, '=');
        enum param param =
            equals ? param_of(span_of(*list, (size_t)(equals - *list))) : PARAM_COUNT;
        if (param == PARAM_COUNT)
            continue;
        if (params->values[param])
            params->doubled = names[param].ptr;
        else
            params->values[param] = equals + 1;
    }
}

const char *
params_find(const char *const *list, const char *name)
{
    size_t len = strlen(name);
    for (; *list; list++) {
        bool may_be = (*list)[0] == name[0]; /* most are told apart by that */
        if (may_be && strncmp(*list, name, len) == 0 && (*list)[len] == '=')
            return *list + len + 1;
    }
    return NULL;
}
