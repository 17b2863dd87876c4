/* jsonfile.c - postern.json as a whole: reading it, ${NAME}, its top-level members. */
#include "config/jsonfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/find.h"
#include "config/suggest.h"

#define EXPANDED_MAX ((size_t)64 << 10)

static const char *const own_members[] = {"upstreams", "routes"};

struct spot
jsonfile_spot(const struct load *load, const struct node *node)
{
    return (struct spot){load->config->json_path, node->line};
}

void
jsonfile_mistake(struct load *load, const struct node *node, const char *format, ...)
{
    char text[1024], path[NODE_PATH_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)node_path(node, path);
    mistakes_add(load->mistakes, jsonfile_spot(load, node), *path ? path : NULL, "%s", text);
}

const char *
jsonfile_string(struct load *load, const struct node *node)
{
    if (!node || node->is_broken)
        return NULL;
    if (node->type == NODE_STRING)
        return node->text;
    jsonfile_mistake(load, node, "must be a string, not %s", node_type_name(node->type));
    return NULL;
}

/* Appends what stands for the ${…} at `at` and returns what follows it; NULL: there is none. */
static const char *
put_reference(struct load *load, struct node *node, const char *at, struct buf *out)
{
    const char *close = strchr(at, '}');
    if (strncmp(at, "${", 2) != 0 || !close)
        return NULL;
    struct span name = span_of(at + 2, (size_t)(close - at - 2));
    struct variable *variable = load_variable(load, name);
    char quoted[MISTAKES_QUOTE_MAX];
    if (variable) {
        variable->is_used = true;
        load->has_failed |= variable->value && buf_puts(out, variable->value) != 0;
        return close + 1;
    }
    jsonfile_mistake(load, node, "the variable %s is set neither in the environment nor in .env",
                     mistakes_quote(quoted, name));
    node->is_broken = true;
    return close + 1;
}

static void
expand(struct load *load, struct node *node)
{
    struct buf out;
    if (node->type != NODE_STRING || !strstr(node->text, "${"))
        return;
    buf_init(&out, EXPANDED_MAX);
    for (const char *at = node->text; *at != '\0';) {
        const char *after = put_reference(load, node, at, &out);
        if (after)
            node->is_expanded = true;
        else
            load->has_failed |= buf_append(&out, at, 1) != 0;
        at = after ? after : at + 1;
    }
    node->text = load_copy(load, span_of(buf_text(&out), out.len));
    buf_fini(&out);
}

static void
expand_all(struct load *load, struct node *node)
{
    expand(load, node);
    for (struct node *child = node->first; child; child = child->next)
        expand_all(load, child);
}

/* Does the file hold a key itself, and not only the name of a variable? */
static bool
has_secrets(const struct node *node)
{
    const struct option *option = node->name ? option_find_json(span_from(node->name)) : NULL;
    bool is_key = node->name && strcmp(node->name, "key") == 0;
    if ((is_key || (option && option->kind == OPTION_SECRET)) && node->text && *node->text &&
        !node->is_expanded)
        return true;
    for (const struct node *child = node->first; child; child = child->next) {
        if (has_secrets(child))
            return true;
    }
    return false;
}

void
jsonfile_read(struct load *load, const char *path)
{
    struct buf text;
    struct err err;
    struct stat st;
    buf_init(&text, LOAD_JSON_MAX);
    load->config->json_path = path;
    if (file_read(path, &text, &st, &err) != 0) {
        mistakes_add(load->mistakes, (struct spot){path, 0}, NULL, "%s", err.msg);
    } else {
        load->json =
            node_read(span_of(buf_text(&text), text.len), path, load->arena, load->mistakes);
        if (load->json)
            expand_all(load, load->json);
        (void)find_is_trusted(load, path, &st, load->json && has_secrets(load->json));
    }
    buf_fini(&text);
    if (load->json && load->json->type != NODE_OBJECT) {
        jsonfile_mistake(load, load->json, "the file must hold an object, not %s",
                         node_type_name(load->json->type));
        load->json = NULL;
    }
    load->is_partial |= !load->json;
    const struct node *upstreams = node_find(load->json, "upstreams");
    if (upstreams && upstreams->count > 0)
        load->json_upstreams = upstreams;
}

static bool
is_own_member(const char *name)
{
    for (size_t i = 0; i < sizeof(own_members) / sizeof(own_members[0]); i++) {
        if (strcmp(name, own_members[i]) == 0)
            return true;
    }
    return false;
}

static void
complain_unknown(struct load *load, const struct node *member)
{
    struct suggest suggest;
    char name[OPTION_NAME_MAX], text[SUGGEST_TEXT_MAX];
    suggest_init(&suggest, span_from(member->name));
    for (size_t i = 0; i < sizeof(own_members) / sizeof(own_members[0]); i++)
        suggest_offer(&suggest, own_members[i]);
    for (size_t i = 0; i < option_count; i++) {
        if (!(option_table[i].flags & OPTION_NOT_IN_JSON))
            suggest_offer(&suggest, option_json_name(&option_table[i], name));
    }
    jsonfile_mistake(load, member, "is not an option%s", suggest_text(&suggest, text));
}

void
jsonfile_check(struct load *load)
{
    for (const struct node *member = load->json ? load->json->first : NULL; member;
         member = member->next) {
        if (!is_own_member(member->name) && !option_find_json(span_from(member->name)))
            complain_unknown(load, member);
    }
}
