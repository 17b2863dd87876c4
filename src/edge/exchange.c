/* exchange.c - what the parameters say of the body. */
#include "edge/exchange.h"

#include "base/num.h"
#include "relay/params.h"

/* A chunked body comes without a length and ends with the input; without either header there is no
 * body, and standard input may be anything. */
int64_t
exchange_body_length(const char *const *params)
{
    const char *length = params_find(params, "CONTENT_LENGTH");
    uint64_t bytes;
    if (!length || *length == '\0')
        return params_find(params, "HTTP_TRANSFER_ENCODING") ? EXCHANGE_LENGTH_UNKNOWN : 0;
    if (num_parse_u64(span_from(length), INT64_MAX, &bytes))
        return EXCHANGE_LENGTH_UNKNOWN;
    return (int64_t)bytes;
}
