/* holding.h - an upstream's answer, fed to a hold in the portions that a test wants. */
#ifndef POSTERN_TESTS_HOLDING_H
#define POSTERN_TESTS_HOLDING_H

#include "relay/hold.h"
#include "scene.h"

struct holding {
    struct scene *scene;
    struct wire_header headers[4];
    struct wire_reply reply;
    struct hold hold;
};

/* An answer begins: 200 of `type` without a length. Its head is not given to the hold yet. */
void holding_begin(struct holding *holding, struct scene *scene, const char *type);
int holding_head(struct holding *holding);
int holding_take(struct holding *holding, const char *text);

/* The transfer ends; WIRE_NO_FAULT: as it should. */
enum outcome_body holding_end(struct holding *holding, enum wire_fault fault);
void holding_fini(struct holding *holding);

/* The whole of it: head, body, a good end. */
enum outcome_body holding_all(struct holding *holding, struct scene *scene, const char *type,
                              const char *body);

#endif
