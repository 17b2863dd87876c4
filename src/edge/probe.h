/* probe.h - has the client left, though its web server does not say so?
 *
 * Apache keeps the connection to us open for as long as we send nothing, whoever is still there to
 * read. But its own socket to the client shows that the client closed, and where the web server is
 * on this host, the kernel tells us. So a probe looks at that socket about once a second. It takes
 * 10 µs, which short requests are spared.
 *
 * It judges what it saw alone: a socket that it cannot find at first (the web server is elsewhere,
 * or somebody stands between it and the client and gives his client's address) is not looked for
 * again. So a client that resets its connection before the first look is not found out. A client
 * that shuts down just its sending half looks like one that closed and is taken for gone, as
 * lighttpd's tcp-fin-propagate takes it. What no socket shows: a stream of HTTP/2 that is reset on
 * a connection that lives on.
 */
#ifndef POSTERN_EDGE_PROBE_H
#define POSTERN_EDGE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/tcpsocket.h"

/* While an upstream is silent the relay asks twice a second: 900 and not 1000, so that every second
 * time is never too early. */
#define PROBE_FIRST_MS 100
#define PROBE_EVERY_MS 900

struct probe {
    bool is_on; /* all zero: off */
    bool was_open;
    uint64_t due_ms;
    const char *const *params;  /* borrowed: from probe_start(), until the first look is due */
    struct tcpsocket_pair pair; /* of the web server's socket, from then on */
};

/* The first look takes REMOTE_ADDR, REMOTE_PORT, SERVER_ADDR and SERVER_PORT out of the parameters,
 * which outlive the probe. */
void probe_start(struct probe *probe, const char *const *params, uint64_t now_ms);

/* Never, where one of them is missing. */
bool probe_is_due(struct probe *probe, uint64_t now_ms);

/* Is the client gone, when its socket is like this now? Ends the probe where it can tell nothing.
 */
bool probe_judge(struct probe *probe, enum tcpsocket_state state, uint64_t now_ms);

/* Looks when it is due. True: the client is gone. */
bool probe_look(struct probe *probe, uint64_t now_ms);

#endif
