/* allow.c - the lists of headers that pass, one for each direction. */
#include "core/allow.h"

#include <stddef.h>

#include "core/wire.h"

#define REQUEST_VALUE_MAX_BYTES 1024
#define RESPONSE_VALUE_MAX_BYTES 8192

/* One header, or a family of them: after its beginning one or more letters, digits and hyphens. */
struct listed {
    struct span name; /* in lower case */
    bool is_family;
};
#define ONE(name)                                                                                  \
    {                                                                                              \
        SPAN_LITERAL(name), false                                                                  \
    }
#define FAMILY(name)                                                                               \
    {                                                                                              \
        SPAN_LITERAL(name), true                                                                   \
    }

static const struct listed request_names[] = {
    ONE("accept"),          FAMILY("anthropic-"),   ONE("content-type"),
    ONE("idempotency-key"), ONE("openai-beta"),     ONE("openai-organization"),
    ONE("openai-project"),  ONE("traceparent"),     ONE("user-agent"),
    FAMILY("x-ms-"),        FAMILY("x-stainless-"), ONE("x-client-request-id"),
};

/* Nothing here may mean something to the web server in front of us: it reads Status, Location,
 * X-Sendfile and their like out of a CGI answer and acts on them; Content-Length and the framing
 * are our own. */
static const struct listed response_names[] = {
    FAMILY("anthropic-"), ONE("apim-request-id"), FAMILY("azureml-"),  ONE("content-disposition"),
    ONE("content-type"),  FAMILY("openai-"),      ONE("retry-after"),  FAMILY("retry-after-"),
    FAMILY("x-ms-"),      FAMILY("x-ratelimit-"), ONE("x-request-id"),
};

/* Azure's prefix is a whole world. Some of its headers are credentials
 * (x-ms-token-aad-access-token, x-ms-authorization-auxiliary, x-ms-encryption-key), some say who
 * the caller is (x-ms-client-principal, x-ms-client-tenant-id, x-ms-arm-signed-user-token), some
 * make the service fetch from an address (x-ms-copy-source), one asks for a part (x-ms-range).
 * Upstream they would act beside the operator's key; downstream they would be the operator's own.
 * Every one of them has such a word in it. */
static const char *const refused_words[] = {
    "auth",      "token",     "key",    "secret", "credential", "password", "principal", "identity",
    "tenant",    "object-id", "app-id", "cert",   "sas",        "sign",     "source",    "forward",
    "original-", "delegat",   "behalf", "person", "elevated",   "cookie",   "range",
};

static bool
is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/* The bit that is all the difference between a capital letter and a small one. */
static char
small(char c)
{
    return (char)(c | 0x20);
}

/* A family's tail comes from outside: a byte that ends a name or a line must not hide in it. */
static bool
matches(struct span name, const struct listed *listed)
{
    size_t len = listed->name.len;
    if (listed->is_family ? name.len <= len : name.len != len)
        return false;
    if (!span_equal_nocase(span_of(name.ptr, len), listed->name))
        return false;
    for (size_t i = len; i < name.len; i++) {
        if (!is_name_byte(name.ptr[i]))
            return false;
    }
    return true;
}

static bool
is_listed(struct span name, const struct listed *names, size_t count)
{
    char first = name.len > 0 ? small(name.ptr[0]) : '\0'; /* tells most of them apart */
    for (size_t i = 0; i < count; i++) {
        if (names[i].name.ptr[0] == first && matches(name, &names[i]))
            return true;
    }
    return false;
}

static bool
is_refused(struct span name)
{
    if (!span_has_prefix_nocase(name, "x-ms-"))
        return false;
    for (size_t i = 0; i < sizeof(refused_words) / sizeof(refused_words[0]); i++) {
        if (span_contains_nocase(name, refused_words[i]))
            return true;
    }
    return false;
}

bool
allow_request_header(struct span name)
{
    return is_listed(name, request_names, sizeof(request_names) / sizeof(request_names[0])) &&
           !is_refused(name);
}

bool
allow_response_header(struct span name)
{
    return is_listed(name, response_names, sizeof(response_names) / sizeof(response_names[0])) &&
           !is_refused(name);
}

bool
allow_request_value(struct span value)
{
    return value.len <= REQUEST_VALUE_MAX_BYTES && wire_is_printable(value);
}

bool
allow_response_value(struct span value)
{
    return value.len <= RESPONSE_VALUE_MAX_BYTES && wire_is_printable(value);
}
