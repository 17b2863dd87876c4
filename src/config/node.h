/* node.h - postern.json as a tree of values that know where they were written.
 *
 * The scanner of core checks the text and gives names and lines (node_read.c); json-c gives the
 * values (node_value.c), because it keeps no positions and merges members of the same name.
 */
#ifndef POSTERN_CONFIG_NODE_H
#define POSTERN_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "config/mistakes.h"

enum node_type { NODE_NULL, NODE_SWITCH, NODE_NUMBER, NODE_STRING, NODE_ARRAY, NODE_OBJECT };

struct node {
    const struct node *parent; /* NULL: the whole document */
    const char *name;          /* in an object */
    size_t index;              /* in an array */
    unsigned line;
    enum node_type type;
    const char *text; /* strings unescaped, numbers as written, "true", "false"; else NULL */
    bool is_expanded; /* a ${NAME} stood in it */
    bool is_broken;   /* one whose variable is not set, which was told */
    struct node *first, *last, *next;
    size_t count; /* of children */
};

#define NODE_MEMBERS_MAX 4096 /* of one object */

/* Reads a whole file. NULL when it is not valid: the mistakes say all there is to say about that.
 */
struct node *node_read(struct span text, const char *file, struct arena *arena,
                       struct config_mistakes *mistakes);

/* Fills types and texts of the tree from json-c. For node_read() alone. */
int node_read_values(struct span text, struct node *root, struct arena *arena, struct err *err);

/* "routes[0].try[1]". Fills `out` (cut if need be) and returns it. */
#define NODE_PATH_MAX 256
const char *node_path(const struct node *node, char out[NODE_PATH_MAX]);

const struct node *node_find(const struct node *object, const char *name); /* NULL: not there */

/* "an object", "a string" … for messages. */
const char *node_type_name(enum node_type type);

#endif
