/* routes.c - reads the routes of postern.json, or makes the one route that tries all in their
 * order. */
#include "config/routes.h"

#include <string.h>

#include "base/num.h"
#include "config/jsonfile.h"
#include "config/suggest.h"
#include "config/upstreams.h"

#define WEIGHT_MAX 1000

/* Complains about members of an object that are not among `names`. */
static void
check_members(struct load *load, const struct node *object, const char *const *names)
{
    for (const struct node *member = object->first; member; member = member->next) {
        struct suggest suggest;
        char text[SUGGEST_TEXT_MAX];
        bool is_known = false;
        suggest_init(&suggest, span_from(member->name));
        for (size_t i = 0; names[i]; i++) {
            suggest_offer(&suggest, names[i]);
            is_known |= strcmp(names[i], member->name) == 0;
        }
        if (!is_known)
            jsonfile_mistake(load, member, "means nothing here%s", suggest_text(&suggest, text));
    }
}

static const struct upstream *
read_upstream(struct load *load, const struct node *node)
{
    struct suggest suggest;
    char text[SUGGEST_TEXT_MAX], quoted[MISTAKES_QUOTE_MAX];
    const char *name = jsonfile_string(load, node);
    if (!name)
        return NULL;
    const struct upstream *upstream = upstreams_find(load, name);
    if (upstream)
        return upstream;
    suggest_init(&suggest, span_from(name));
    for (size_t i = 0; i < load->config->upstream_count; i++)
        suggest_offer(&suggest, load->upstreams[i].name);
    jsonfile_mistake(load, node, "no upstream is called %s%s",
                     mistakes_quote(quoted, span_from(name)), suggest_text(&suggest, text));
    return NULL;
}

static unsigned
read_weight(struct load *load, const struct node *node)
{
    uint64_t weight = 1;
    if (node && (!node->text || num_parse_u64(span_from(node->text), WEIGHT_MAX, &weight) != 0 ||
                 weight == 0))
        jsonfile_mistake(load, node, "must be a whole number from 1 to %d", WEIGHT_MAX);
    return (unsigned)weight;
}

static void
read_candidate(struct load *load, const struct node *node, struct route_candidate *out)
{
    static const char *const members[] = {"upstream", "model", "weight", NULL};
    *out = (struct route_candidate){.weight = 1};
    if (node->type == NODE_STRING) {
        out->upstream = read_upstream(load, node);
        return;
    }
    if (node->type != NODE_OBJECT) {
        jsonfile_mistake(load, node, "must be the name of an upstream or an object, not %s",
                         node_type_name(node->type));
        return;
    }
    check_members(load, node, members);
    const struct node *upstream = node_find(node, "upstream");
    const struct node *model = node_find(node, "model");
    if (!upstream)
        jsonfile_mistake(load, node, "names no upstream");
    else
        out->upstream = read_upstream(load, upstream);
    out->model = jsonfile_string(load, model);
    if (out->model && !*out->model)
        jsonfile_mistake(load, model, "is empty");
    out->weight = read_weight(load, node_find(node, "weight"));
}

/* A list shares the load; anything else is a step of one. */
static size_t
read_step(struct load *load, const struct node *node, struct route_step *out)
{
    bool is_list = node->type == NODE_ARRAY;
    size_t count = is_list ? node->count : 1;
    if (count == 0)
        jsonfile_mistake(load, node, "is an empty list");
    struct route_candidate *candidates = load_array(load, count, sizeof(*candidates));
    if (!candidates)
        return count;
    if (!is_list)
        read_candidate(load, node, candidates);
    const struct node *item = is_list ? node->first : NULL;
    for (size_t i = 0; item; item = item->next)
        read_candidate(load, item, &candidates[i++]);
    *out = (struct route_step){candidates, count};
    return count;
}

static void
read_steps(struct load *load, const struct node *node, struct route *out)
{
    if (node->type != NODE_ARRAY || node->count == 0) {
        jsonfile_mistake(load, node, "must be a list of upstreams, in the order they are tried");
        return;
    }
    struct route_step *steps = load_array(load, node->count, sizeof(*steps));
    size_t candidates = 0;
    for (const struct node *step = steps ? node->first : NULL; step; step = step->next)
        candidates += read_step(load, step, &steps[out->count++]);
    if (candidates > ROUTE_CANDIDATES_MAX)
        jsonfile_mistake(load, node, "has %zu candidates, more than %d", candidates,
                         ROUTE_CANDIDATES_MAX);
    out->steps = steps;
}

static const char *
read_pattern(struct load *load, const struct node *route)
{
    const struct node *node = node_find(route, "model");
    if (!node) {
        jsonfile_mistake(load, route, "has no model (\"*\" is every model)");
        return "*";
    }
    const char *pattern = jsonfile_string(load, node);
    const char *star = pattern ? strchr(pattern, '*') : NULL;
    if (pattern && !*pattern)
        jsonfile_mistake(load, node, "is empty (\"*\" is every model)");
    if (star && star[1] != '\0')
        jsonfile_mistake(load, node, "may have \"*\" at its end only");
    return pattern ? pattern : "*";
}

static void
read_route(struct load *load, const struct node *node, struct route *out)
{
    static const char *const members[] = {"model", "try", NULL};
    *out = (struct route){.model = "*"};
    if (node->type != NODE_OBJECT) {
        jsonfile_mistake(load, node, "must be an object with a model and a try");
        return;
    }
    check_members(load, node, members);
    out->model = read_pattern(load, node);
    const struct node *steps = node_find(node, "try");
    if (steps)
        read_steps(load, steps, out);
    else
        jsonfile_mistake(load, node, "has no try, the list of upstreams");
}

/* Does `first` take every model that `second` takes? */
static bool
covers(const char *first, const char *second)
{
    size_t len = strlen(first);
    if (len == 0 || first[len - 1] != '*')
        return strcmp(first, second) == 0;
    return strncmp(first, second, len - 1) == 0;
}

static void
check_reachable(struct load *load, const struct node *nodes, const struct route *routes)
{
    size_t i = 0;
    for (const struct node *node = nodes->first; node; node = node->next, i++) {
        char quoted[MISTAKES_QUOTE_MAX];
        size_t before = 0;
        while (before < i && !covers(routes[before].model, routes[i].model))
            before++;
        if (before < i)
            jsonfile_mistake(load, node, "is never reached: routes[%zu] takes %s before it", before,
                             mistakes_quote(quoted, span_from(routes[i].model)));
    }
}

static bool
names(const struct route_step *step, const struct upstream *upstream)
{
    for (size_t i = 0; i < step->count; i++) {
        if (step->candidates[i].upstream == upstream)
            return true;
    }
    return false;
}

static bool
is_used(const struct load *load, const struct upstream *upstream)
{
    for (size_t r = 0; r < load->config->routes.count; r++) {
        const struct route *route = &load->config->routes.routes[r];
        for (size_t s = 0; s < route->count; s++) {
            if (names(&route->steps[s], upstream))
                return true;
        }
    }
    return false;
}

static void
warn_unused(struct load *load, const struct node *nodes)
{
    for (size_t i = 0; i < load->config->upstream_count; i++) {
        if (!is_used(load, &load->upstreams[i]))
            mistakes_warn(load->mistakes, jsonfile_spot(load, nodes), "routes",
                          "no route uses the upstream %s", load->upstreams[i].name);
    }
}

static void
make_of_json(struct load *load, const struct node *nodes)
{
    if (nodes->type != NODE_ARRAY || nodes->count == 0) {
        jsonfile_mistake(load, nodes, "must be a list of routes with at least one");
        return;
    }
    if (nodes->count > LOAD_ROUTES_MAX) {
        jsonfile_mistake(load, nodes, "has %zu routes, more than %d", nodes->count,
                         LOAD_ROUTES_MAX);
        return;
    }
    struct route *routes = load_array(load, nodes->count, sizeof(*routes));
    if (!routes)
        return;
    size_t count = 0;
    for (const struct node *node = nodes->first; node; node = node->next)
        read_route(load, node, &routes[count++]);
    load->config->routes = (struct route_table){routes, count};
    check_reachable(load, nodes, routes);
    warn_unused(load, nodes);
}

/* Every model, all upstreams in the order they were written. */
static void
make_plain(struct load *load)
{
    size_t count = load->config->upstream_count;
    size_t tried = count < ROUTE_CANDIDATES_MAX ? count : ROUTE_CANDIDATES_MAX;
    struct route *route = load_array(load, 1, sizeof(*route));
    struct route_step *steps = load_array(load, tried, sizeof(*steps));
    struct route_candidate *candidates = load_array(load, tried, sizeof(*candidates));
    if (!route || !steps || !candidates)
        return;
    for (size_t i = 0; i < tried; i++) {
        candidates[i] = (struct route_candidate){.upstream = &load->upstreams[i], .weight = 1};
        steps[i] = (struct route_step){&candidates[i], 1};
    }
    *route = (struct route){"*", steps, tried};
    load->config->routes = (struct route_table){route, 1};
    if (tried < count)
        jsonfile_mistake(load, load->json_upstreams,
                         "more than %d upstreams need routes that choose among them",
                         ROUTE_CANDIDATES_MAX);
}

void
routes_make(struct load *load)
{
    const struct node *routes = node_find(load->json, "routes");
    if (routes)
        make_of_json(load, routes);
    else
        make_plain(load);
}
