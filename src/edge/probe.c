/* probe.c - when to look at the client's socket, and what its state says. */
#include "edge/probe.h"

#include "relay/params.h"

void
probe_start(struct probe *probe, const char *const *params, uint64_t now_ms)
{
    struct tcpsocket_pair *pair = &probe->pair;
    *probe = (struct probe){.due_ms = now_ms + PROBE_FIRST_MS};
    probe->is_on = tcpsocket_parse(&pair->local, params_find(params, "SERVER_ADDR"),
                                   params_find(params, "SERVER_PORT")) == 0 &&
                   tcpsocket_parse(&pair->remote, params_find(params, "REMOTE_ADDR"),
                                   params_find(params, "REMOTE_PORT")) == 0;
}

bool
probe_is_due(const struct probe *probe, uint64_t now_ms)
{
    return probe->is_on && now_ms >= probe->due_ms;
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
