/* framing.h - how a request is put on the wire: may it leave, its header lines, its streamed body.
 *
 * Framing and coding are decided here and not by whoever asks: Host, Content-Length,
 * Transfer-Encoding, Connection, Expect and Accept-Encoding of the request's own headers are
 * dropped.
 */
#ifndef POSTERN_NET_FRAMING_H
#define POSTERN_NET_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire.h"

/* Why the request must not leave, or NULL: above all, when its URL is not below the origin that its
 * key is bound to. */
const char *framing_refusal(const struct wire_request *request);

bool framing_is_head(const struct wire_request *request);

/* Is the body read while it is sent? Such a request can be sent only once. Never that of a HEAD,
 * which carries no body (it would mean nothing, RFC 9110 9.3.2). */
bool framing_is_streamed(const struct wire_request *request);

/* Is a body announced, be it of length 0, as POST, PUT and PATCH do always (RFC 9110 8.6)? */
bool framing_has_body(const struct wire_request *request);

/* Must the body be read, as it is streamed or in parts? Else the first part is all of it. */
bool framing_is_read(const struct wire_body *body);
int64_t framing_length(const struct wire_body *body); /* -1: unknown */

/* Header lines as the library takes them: "Name: value"; "Name;" for an empty value; "Name:" to
 * leave out what the library would add. 0, or -1 as soon as `add` gives that or memory ends. */
int framing_each_line(const struct wire_request *request, int (*add)(void *self, const char *line),
                      void *self);

/* The next bytes of such a body, of which `given` were read before: their number, 0 at the end,
 * -1 when the client failed, also by giving less or more than was stated. */
int64_t framing_read(const struct wire_body *body, int64_t given, char *out, size_t room);

#endif
