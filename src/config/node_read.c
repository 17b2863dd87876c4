/* node_read.c - checks the text of postern.json and lays its tree out: names, lines, nesting. */
#include "config/node.h"

#include <string.h>

#include "base/buf.h"
#include "core/json.h"

#define NAME_MAX_BYTES 1024

struct walk {
    const char *at, *end;
    unsigned line;
    const char *file;
    struct arena *arena;
    struct config_mistakes *mistakes;
    bool stopped; /* no memory, or too much of something */
};

static unsigned
line_of(struct span text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < text.len && i < offset; i++)
        line += text.ptr[i] == '\n';
    return line;
}

/* Blanks and comments. The text was validated: a slash begins a comment and comments end. */
static void
skip_space(struct walk *w)
{
    bool in_line = false, in_block = false;
    for (; w->at < w->end; w->at++) {
        char c = *w->at, next = w->at + 1 < w->end ? w->at[1] : '\0';
        w->line += c == '\n';
        if (in_line) {
            in_line = c != '\n';
        } else if (in_block) {
            in_block = c != '*' || next != '/';
            w->at += !in_block;
        } else if (c == '/') {
            in_line = next == '/';
            in_block = !in_line;
            w->at++;
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return;
        }
    }
}

/* The string with its quotes. */
static struct span
take_string(struct walk *w)
{
    const char *start = w->at++;
    while (w->at < w->end && *w->at != '"')
        w->at += *w->at == '\\' ? 2 : 1;
    w->at++;
    return span_of(start, (size_t)(w->at - start));
}

static void
skip_scalar(struct walk *w)
{
    if (*w->at == '"') {
        (void)take_string(w);
        return;
    }
    while (w->at < w->end && !strchr(",]}/ \t\r\n", *w->at))
        w->at++;
}

static const char *
unescape_name(struct walk *w, struct span quoted)
{
    struct buf name;
    const char *kept = NULL;
    buf_init(&name, NAME_MAX_BYTES);
    if (json_unescape(quoted, &name) == 0)
        kept = arena_copy(w->arena, span_of(buf_text(&name), name.len));
    buf_fini(&name);
    return kept;
}

static struct node *
add_child(struct walk *w, struct node *parent, const char *name)
{
    struct node *child = arena_alloc(w->arena, sizeof(*child));
    if (!child) {
        w->stopped = true;
        return NULL;
    }
    *child = (struct node){.parent = parent, .name = name, .index = parent->count, .line = w->line};
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    return child;
}

static bool
check_name(struct walk *w, const struct node *object, const char *name)
{
    struct spot at = {w->file, w->line};
    char path[NODE_PATH_MAX];
    const struct node *before = name ? node_find(object, name) : NULL;
    (void)node_path(object, path);
    if (!name)
        mistakes_add(w->mistakes, at, NULL, "%s has a name longer than %d bytes",
                     *path ? path : "the document", NAME_MAX_BYTES);
    else if (before)
        mistakes_add(w->mistakes, at, node_path(before, path), "stands here again, after line %u",
                     before->line);
    else if (object->count >= NODE_MEMBERS_MAX)
        mistakes_add(w->mistakes, at, NULL, "%s has more than %d members",
                     *path ? path : "the document", NODE_MEMBERS_MAX);
    else
        return true;
    w->stopped |= object->count >= NODE_MEMBERS_MAX;
    return false;
}

/* The name, the colon, and a child for the value that comes next; NULL: the name was refused. */
static struct node *
add_member(struct walk *w, struct node *parent)
{
    unsigned line = w->line;
    const char *name = unescape_name(w, take_string(w));
    struct node *child = check_name(w, parent, name) ? add_child(w, parent, name) : NULL;
    skip_space(w);
    w->at++; /* the colon */
    skip_space(w);
    if (child)
        child->line = line;
    return child;
}

static void walk_value(struct walk *w, struct node *node);

/* Recursion is bounded by the scanner's JSON_DEPTH_MAX. */
static void
walk_children(struct walk *w, struct node *parent, bool is_object)
{
    w->at++; /* the bracket */
    skip_space(w);
    while (!w->stopped && w->at < w->end && *w->at != '}' && *w->at != ']') {
        struct node nobody = {.parent = parent, .name = ""}; /* of a name that was refused */
        struct node *child = is_object ? add_member(w, parent) : add_child(w, parent, NULL);
        if (w->stopped)
            return;
        walk_value(w, child ? child : &nobody);
        skip_space(w);
        if (w->at < w->end && *w->at == ',') {
            w->at++;
            skip_space(w);
        }
    }
    w->at++;
}

static void
walk_value(struct walk *w, struct node *node)
{
    if (*w->at == '{' || *w->at == '[')
        walk_children(w, node, *w->at == '{');
    else
        skip_scalar(w);
}

static int
validate(struct span text, const char *file, struct config_mistakes *mistakes)
{
    struct json_scan scan;
    json_scan_init(&scan);
    scan.allow_comments = true;
    enum json_error error = json_scan_feed(&scan, text.ptr, text.len);
    if (error == JSON_VALID)
        error = json_scan_end(&scan);
    if (error == JSON_VALID)
        return 0;
    struct spot at = {file, line_of(text, scan.offset)};
    mistakes_add(mistakes, at, NULL, "%s", json_error_text(error));
    return -1;
}

struct node *
node_read(struct span text, const char *file, struct arena *arena, struct config_mistakes *mistakes)
{
    size_t before = mistakes->count + mistakes->lost_count;
    struct err err;
    if (span_has_prefix(text, "\xef\xbb\xbf"))
        text = span_of(text.ptr + 3, text.len - 3);
    if (validate(text, file, mistakes) != 0)
        return NULL;
    struct node *root = arena_alloc(arena, sizeof(*root));
    struct walk w = {text.ptr, text.ptr + text.len, 1, file, arena, mistakes, !root};
    skip_space(&w);
    if (root) {
        *root = (struct node){.line = w.line};
        walk_value(&w, root);
    }
    if (mistakes->count + mistakes->lost_count > before)
        return NULL;
    if (w.stopped) {
        mistakes_add(mistakes, (struct spot){file, 0}, NULL, "is too large");
        return NULL;
    }
    if (node_read_values(text, root, arena, &err) != 0) {
        mistakes_add(mistakes, (struct spot){file, 0}, NULL, "%s", err.msg);
        return NULL;
    }
    return root;
}
