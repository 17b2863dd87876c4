/* probe.c - when to look at the client's socket, and what its state says. */
#include "edge/probe.h"

#include "relay/params.h"

void
probe_start(struct probe *probe, const char *const *params, uint64_t now_ms)
{
    *probe = (struct probe){.is_on = true, .params = params, .due_ms = now_ms + PROBE_FIRST_MS};
}

/* Whose socket it is: asked when there is a first look, which most requests do not live to see. */
static bool
read_pair(struct tcpsocket_pair *pair, const char *const *params)
{
    return tcpsocket_parse(&pair->local, params_find(params, "SERVER_ADDR"),
                           params_find(params, "SERVER_PORT")) == 0 &&
           tcpsocket_parse(&pair->remote, params_find(params, "REMOTE_ADDR"),
                           params_find(params, "REMOTE_PORT")) == 0;
}

bool
probe_is_due(struct probe *probe, uint64_t now_ms)
{
    if (!probe->is_on || now_ms < probe->due_ms)
        return false;
    if (probe->params)
        probe->is_on = read_pair(&probe->pair, probe->params);
    probe->params = NULL;
    return probe->is_on;
}

bool
probe_judge(struct probe *probe, enum tcpsocket_state state, uint64_t now_ms)
{
    probe->due_ms = now_ms + PROBE_EVERY_MS;
    switch (state) {
    case TCPSOCKET_OPEN:
        probe->was_open = true;
        return false;
    case TCPSOCKET_CLOSED:
        return true;
    case TCPSOCKET_MISSING:
        probe->is_on = probe->was_open;
        return probe->was_open;
    case TCPSOCKET_UNKNOWN:
        break; /* no descriptor left, perhaps: the next time */
    }
    return false;
}

bool
probe_look(struct probe *probe, uint64_t now_ms)
{
    return probe_is_due(probe, now_ms) && probe_judge(probe, tcpsocket_find(&probe->pair), now_ms);
}
