/* ctl_breaker.c - posternctl breaker: the operator's hand on a breaker. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "prog/ctl.h"
#include "prog/ctl_cells.h"

#define FOR_MAX_MS ((uint64_t)30 * 86400000)

struct verb {
    const char *name;
    bool is_reset; /* else `override` is set */
    bool has_end;  /* may be given --for SECONDS */
    enum breaker_override override;
    const char *done;
};

static const struct verb verbs[] = {
    {"open", false, true, BREAKER_FORCED_OPEN, "is held open: nothing is sent to it"},
    {"close", false, true, BREAKER_FORCED_CLOSED, "is held closed: failures do not open it"},
    {"auto", false, false, BREAKER_AUTO, "decides by itself again"},
    {"reset", true, false, BREAKER_AUTO, "is closed and has forgotten its failures"},
};

struct order {
    const struct verb *verb;
    const char *name; /* of the upstream */
    uint64_t for_ms;  /* 0: without end */
    struct state *state;
    unsigned found;
    bool has_failed;
};

static bool
carry_out(void *self, const struct ctl_cell *cell)
{
    struct order *order = self;
    struct err err;
    if (strcmp(cell->upstream->name, order->name) != 0)
        return true;
    order->found++;
    uint64_t until_ms = order->for_ms > 0 ? state_now_ms(order->state) + order->for_ms : 0;
    int rc = order->verb->is_reset
                 ? state_reset(order->state, &cell->cell, &err)
                 : state_override(order->state, &cell->cell, order->verb->override, until_ms, &err);
    if (rc != 0) {
        (void)fprintf(stderr, "posternctl: %s: %s\n", order->name, err.msg);
        order->has_failed = true;
        return false;
    }
    return true;
}

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

/* VERB NAME [--for SECONDS] */
static int
parse(int argc, char **argv, struct order *order)
{
    if (argc < 2)
        return ctl_usage("breaker needs open, close, auto or reset, and the name of an upstream");
    order->verb = find_verb(argv[0]);
    order->name = argv[1];
    if (!order->verb)
        return ctl_usage("breaker knows open, close, auto and reset, not \"%s\"", argv[0]);
    if (argc == 2)
        return CTL_OK;
    if (argc != 4 || strcmp(argv[2], "--for") != 0 || !order->verb->has_end)
        return ctl_usage("breaker %s NAME%s is all there may be", order->verb->name,
                         order->verb->has_end ? " [--for SECONDS]" : "");
    if (num_parse_milli(span_from(argv[3]), FOR_MAX_MS, &order->for_ms) != 0 || order->for_ms == 0)
        return ctl_usage("--for takes a number of seconds above 0, at most 30 days, not \"%s\"",
                         argv[3]);
    return CTL_OK;
}

static int
run(const struct config *config, struct order *order)
{
    ctl_cells_each(config, carry_out, order);
    if (order->has_failed)
        return CTL_FAILED;
    if (order->found == 0) {
        (void)fprintf(stderr, "posternctl: no upstream is called \"%s\"; there is", order->name);
        for (size_t i = 0; i < config->upstream_count; i++)
            (void)fprintf(stderr, "%s %s", i > 0 ? "," : "", config->upstreams[i].name);
        (void)fputc('\n', stderr);
        return CTL_FAILED;
    }
    (void)printf("%s %s (%s)\n", order->name, order->verb->done, config->state_path);
    return CTL_OK;
}

int
ctl_breaker(const struct ctl *ctl, int argc, char **argv)
{
    struct order order = {0};
    int status = parse(argc, argv, &order);
    if (status != CTL_OK)
        return status;
    status = CTL_FAILED;
    struct config *config = ctl_load(ctl);
    order.state = config ? ctl_cells_open(config, false) : NULL;
    if (order.state)
        status = run(config, &order);
    state_close(order.state);
    config_free(config);
    return status;
}
