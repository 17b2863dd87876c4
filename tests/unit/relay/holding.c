/* holding.c - makes replies for a hold. */
#include "holding.h"

void
holding_begin(struct holding *holding, struct scene *scene, const char *type)
{
    *holding = (struct holding){.scene = scene};
    holding->headers[0] = (struct wire_header){span_from("Content-Type"), span_from(type)};
    holding->headers[1] = (struct wire_header){span_from("X-Request-Id"), span_from("up-1")};
    holding->headers[2] = (struct wire_header){span_from("Set-Cookie"), span_from("a=b")};
    holding->reply = (struct wire_reply){
        .status = 200,
        .head_complete = true,
        .content_length = -1,
        .headers = {holding->headers, 3},
    };
    hold_init(&holding->hold, &scene->call, "eu");
}

int
holding_head(struct holding *holding)
{
    return hold_head(&holding->hold, &holding->reply);
}

int
holding_take(struct holding *holding, const char *text)
{
    return hold_take(&holding->hold, span_from(text));
}

enum outcome_body
holding_end(struct holding *holding, enum wire_fault fault)
{
    holding->reply.fault = fault;
    holding->reply.body_complete = fault == WIRE_NO_FAULT;
    hold_end(&holding->hold, &holding->reply);
    return holding->hold.body;
}

void
holding_fini(struct holding *holding)
{
    hold_fini(&holding->hold);
}

enum outcome_body
holding_all(struct holding *holding, struct scene *scene, const char *type, const char *body)
{
    holding_begin(holding, scene, type);
    if (holding_head(holding) == 0)
        (void)holding_take(holding, body);
    return holding_end(holding, WIRE_NO_FAULT);
}
