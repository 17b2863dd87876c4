/* cgi.h - the one request of a process that a web server started as a CGI script (RFC 3875).
 *
 * What the request's body still holds is read away before the first byte of an answer is written:
 * Apache's mod_cgid loses the answer of a script that ends with its input unread.
 */
#ifndef POSTERN_EDGE_CGI_H
#define POSTERN_EDGE_CGI_H

#include "edge/drain.h"
#include "edge/exchange.h"

struct cgi_server {
    exchange_serve_fn serve;
    void *self;
    const struct drain *drain;
    int end_fd; /* readable when the web server wants no more of it (signals_open()); -1: none */
};

/* Serves the request of `params` ("NAME=value" …, NULL-terminated) from `in_fd` to `out_fd`, which
 * stay open. Returns the exit status for the process: 0, or 1 when the answer is not whole. */
int cgi_answer(const struct cgi_server *server, const char *const *params, int in_fd, int out_fd);

#endif
