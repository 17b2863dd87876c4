/* node_value.c - the values of postern.json. The one file that includes json-c. */
#include "config/node.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define DEPTH_MAX 130 /* the scanner has refused what is deeper */

static enum node_type
type_of(const struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return NODE_NULL;
    case json_type_boolean:
        return NODE_SWITCH;
    case json_type_double:
    case json_type_int:
        return NODE_NUMBER;
    case json_type_string:
        return NODE_STRING;
    case json_type_array:
        return NODE_ARRAY;
    case json_type_object:
        return NODE_OBJECT;
    }
    return NODE_NULL;
}

static int
fill_text(struct node *node, struct json_object *value, struct arena *arena, struct err *err)
{
    char path[NODE_PATH_MAX];
    struct span text;
    if (node->type == NODE_STRING)
        text = span_of(json_object_get_string(value), (size_t)json_object_get_string_len(value));
    else
        text = span_from(json_object_to_json_string(value));
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return err_set(err, ERR_SYNTAX, "%.200s has a NUL in its text", node_path(node, path));
    node->text = arena_copy(arena, text);
    return node->text ? 0 : err_set(err, ERR_MEMORY, "no memory is left");
}

static int
fill(struct node *node, struct json_object *value, struct arena *arena, struct err *err)
{
    node->type = type_of(value);
    bool is_array = node->type == NODE_ARRAY, is_object = node->type == NODE_OBJECT;
    if (node->type == NODE_NULL)
        return 0;
    if (!is_array && !is_object)
        return fill_text(node, value, arena, err);
    for (struct node *child = node->first; child; child = child->next) {
        struct json_object *of_child = is_array ? json_object_array_get_idx(value, child->index)
                                                : json_object_object_get(value, child->name);
        if (fill(child, of_child, arena, err) != 0)
            return -1;
    }
    return 0;
}

int
node_read_values(struct span text, struct node *root, struct arena *arena, struct err *err)
{
    int rc = -1;
    struct json_object *value = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (!tokener || text.len > INT_MAX) {
        (void)err_set(err, ERR_MEMORY, "no memory is left");
        goto out;
    }
    value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) { /* a number is known to end only by what follows */
        value = json_tokener_parse_ex(tokener, " ", 1);
        error = json_tokener_get_error(tokener);
    }
    if (error != json_tokener_success) {
        (void)err_set(err, ERR_SYNTAX, "json-c says: %s", json_tokener_error_desc(error));
        goto out;
    }
    rc = fill(root, value, arena, err);
out:
    json_object_put(value);
    if (tokener)
        json_tokener_free(tokener);
    return rc;
}
