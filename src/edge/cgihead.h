/* cgihead.h - the header block of an answer as FastCGI and CGI want it (RFC 3875, 6.2). */
#ifndef POSTERN_EDGE_CGIHEAD_H
#define POSTERN_EDGE_CGIHEAD_H

#include "base/buf.h"
#include "core/wire.h"

#define CGIHEAD_MAX_BYTES ((size_t)2 * WIRE_HEADER_BYTES_MAX)

/* "Status: 200 OK", the headers, an empty line. A header with a control character in it, or one
 * that is not a name, is left out: it would become another header of the operator's site. 0, or -1
 * when `out` is full. */
int cgihead_format(struct buf *out, int status, const struct wire_headers *headers);

#endif
