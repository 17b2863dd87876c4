/* node.c - finds and names values of postern.json. */
#include "config/node.h"

#include <stdio.h>
#include <string.h>

/* From the document down to the node; returns the length so far. */
static size_t
put_path(const struct node *node, char out[NODE_PATH_MAX])
{
    if (!node->parent)
        return 0;
    size_t len = put_path(node->parent, out);
    char *at = out + len;
    size_t room = NODE_PATH_MAX - len;
    int added = node->name ? snprintf(at, room, "%s%s", len > 0 ? "." : "", node->name)
                           : snprintf(at, room, "[%zu]", node->index);
    return added < 0 || (size_t)added >= room ? NODE_PATH_MAX - 1 : len + (size_t)added;
}

const char *
node_path(const struct node *node, char out[NODE_PATH_MAX])
{
    out[0] = '\0';
    (void)put_path(node, out);
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?'; /* a name may hold anything; a line of the log may not */
    }
    return out;
}

const struct node *
node_find(const struct node *object, const char *name)
{
    for (const struct node *member = object ? object->first : NULL; member; member = member->next) {
        if (member->name && strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

const char *
node_type_name(enum node_type type)
{
    static const char *const names[] = {
        [NODE_NULL] = "null",       [NODE_SWITCH] = "true or false", [NODE_NUMBER] = "a number",
        [NODE_STRING] = "a string", [NODE_ARRAY] = "a list",         [NODE_OBJECT] = "an object",
    };
    return names[type];
}
