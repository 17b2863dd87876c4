/* settings.c - who said what about each option, checked name by name. */
#include "config/settings.h"

#include <string.h>

#include "config/inert.h"
#include "config/jsonfile.h"
#include "config/suggest.h"

#define TOO_LOW "is below circuit_retry_timeout, the shortest opening"

const struct setting *
settings_find(const struct load *load, const char *env)
{
    const struct option *option = option_find(span_from(env));
    return &load->settings[option - option_table];
}

static void
complain_unknown(struct load *load, const struct variable *variable)
{
    struct suggest suggest;
    char text[SUGGEST_TEXT_MAX];
    suggest_init(&suggest, span_from(variable->name));
    for (size_t i = 0; i < option_count; i++)
        suggest_offer(&suggest, option_table[i].env);
    /* without its value, which may well be a key under a mistyped name */
    mistakes_add(load->mistakes, variable->at, variable->name, "is not an option%s",
                 suggest_text(&suggest, text));
}

static bool
is_of_pair(const char *name)
{
    struct span text = span_from(name);
    return span_has_prefix(text, "PRIMARY_OPENAI_") || span_has_prefix(text, "FALLBACK_OPENAI_");
}

/* With upstreams in postern.json the PRIMARY_ and FALLBACK_ variables are only values for ${…}. */
static bool
is_only_value(const struct load *load, const struct variable *variable)
{
    return load->json_upstreams && is_of_pair(variable->name);
}

static void
take_variable(struct load *load, const struct variable *variable)
{
    const struct option *option = option_find(span_from(variable->name));
    bool is_value = is_only_value(load, variable);
    if (!option) {
        if (option_is_ours(span_from(variable->name)) && !(is_value && variable->is_used))
            complain_unknown(load, variable);
        return;
    }
    if ((option->flags & OPTION_ENVIRONMENT_ONLY) && variable->at.file) {
        mistakes_add(load->mistakes, variable->at, variable->name,
                     "has no effect in a file: it is read from the environment only");
        return;
    }
    if (!variable->value) {
        mistakes_add(load->mistakes, variable->at, variable->name, "has no value: write %s=value",
                     variable->name);
        return;
    }
    if (is_value && !variable->is_used)
        mistakes_warn(load->mistakes, variable->at, variable->name,
                      "is not used: the upstreams are those of %s", load->config->json_path);
    struct setting *setting = &load->settings[option - option_table];
    bool from_environment = setting->text && !setting->at.file;
    if (!from_environment)
        *setting = (struct setting){variable->value, variable->name, variable->at};
}

/* A scalar's text as an option reads it; NULL after a mistake. */
static const char *
read_scalar(struct load *load, const struct node *node)
{
    if (node->is_broken)
        return NULL;
    if (node->text)
        return node->text;
    jsonfile_mistake(load, node, "must be a string, a number, true or false, not %s",
                     node_type_name(node->type));
    return NULL;
}

static void
take_member(struct load *load, const struct node *member)
{
    const struct option *option = option_find_json(span_from(member->name));
    const char *text = option ? read_scalar(load, member) : NULL;
    struct setting *setting = option ? &load->settings[option - option_table] : NULL;
    if (text && !setting->text)
        *setting = (struct setting){text, member->name, jsonfile_spot(load, member)};
}

void
settings_gather(struct load *load)
{
    for (size_t i = 0; i < load->variable_count; i++)
        take_variable(load, &load->variables[i]);
    for (const struct node *member = load->json ? load->json->first : NULL; member;
         member = member->next)
        take_member(load, member);
}

/* --- values --------------------------------------------------------------- */

static void
parse_written(struct load *load, size_t row)
{
    const struct setting *setting = &load->settings[row];
    struct err err;
    if (setting->text && option_parse(&option_table[row], span_from(setting->text), load->arena,
                                      &load->options, &err) != 0)
        mistakes_add(load->mistakes, setting->at, setting->name, "%s", err.msg);
}

static void
parse_default(struct load *load, size_t row, bool llm)
{
    struct err err;
    const char *text = option_default(&option_table[row], llm);
    if (text &&
        option_parse(&option_table[row], span_from(text), load->arena, &load->options, &err) != 0)
        load->has_failed = true; /* the rows themselves are right: a test reads all of them */
}

static bool
upstreams_have_options(const struct load *load)
{
    const struct node *upstream = load->json_upstreams ? load->json_upstreams->first : NULL;
    for (; upstream; upstream = upstream->next) {
        for (const struct node *member = upstream->first; member; member = member->next) {
            if (option_find_json(span_from(member->name)))
                return true;
        }
    }
    return false;
}

/* An option that says nothing for all may still say something for an upstream with its own. */
static void
complain_inert(struct load *load)
{
    if (upstreams_have_options(load))
        return;
    for (size_t row = 0; row < option_count; row++) {
        const struct setting *setting = &load->settings[row];
        const char *reason = inert_reason(&option_table[row], &load->options);
        if (setting->text && reason)
            mistakes_add(load->mistakes, setting->at, setting->name, "has no effect %s", reason);
    }
}

void
settings_parse(struct load *load)
{
    const struct option *profile = option_find(span_from("CIRCUIT_PROFILE"));
    size_t before = load->mistakes->count + load->mistakes->lost_count;
    size_t profile_row = (size_t)(profile - option_table);
    parse_default(load, profile_row, false);
    parse_written(load, profile_row);
    bool llm = load->options.profile == OUTCOME_LLM;
    for (size_t row = 0; row < option_count; row++) {
        if (row == profile_row)
            continue;
        parse_default(load, row, llm);
        parse_written(load, row);
    }
    if (load->mistakes->count + load->mistakes->lost_count > before)
        return; /* what the values mean together is not known yet */
    complain_inert(load);
    const struct setting *open_max = settings_find(load, "CIRCUIT_OPEN_MAX");
    if (open_max->text && load->options.open_max_ms < load->options.retry_timeout_ms)
        mistakes_add(load->mistakes, open_max->at, open_max->name, TOO_LOW);
}

size_t
settings_count_parts(const char *text)
{
    size_t count = 1;
    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

/* --- an upstream's own ---------------------------------------------------- */

static bool
is_listed(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

static void
complain_foreign(struct load *load, const struct node *member, const char *const *others)
{
    struct suggest suggest;
    char name[OPTION_NAME_MAX], text[SUGGEST_TEXT_MAX];
    if (option_find_json(span_from(member->name))) {
        jsonfile_mistake(load, member, "is for all upstreams: it belongs to the top of the file");
        return;
    }
    suggest_init(&suggest, span_from(member->name));
    for (size_t i = 0; others[i]; i++)
        suggest_offer(&suggest, others[i]);
    for (size_t row = 0; row < option_count; row++) {
        if (option_table[row].flags & OPTION_PER_UPSTREAM)
            suggest_offer(&suggest, option_json_name(&option_table[row], name));
    }
    jsonfile_mistake(load, member, "is not an option of an upstream%s",
                     suggest_text(&suggest, text));
}

static void
parse_own(struct load *load, const struct node *member, const struct option *option,
          struct options *options)
{
    struct err err;
    const char *text = read_scalar(load, member);
    if (text && option_parse(option, span_from(text), load->arena, options, &err) != 0)
        jsonfile_mistake(load, member, "%s", err.msg);
}

void
settings_parse_own(struct load *load, const struct node *object, const char *const *others,
                   struct options *options)
{
    size_t before = load->mistakes->count + load->mistakes->lost_count;
    for (const struct node *member = object->first; member; member = member->next) {
        const struct option *option = option_find_json(span_from(member->name));
        if (option && (option->flags & OPTION_PER_UPSTREAM))
            parse_own(load, member, option, options);
        else if (!is_listed(member->name, others))
            complain_foreign(load, member, others);
    }
    if (load->mistakes->count + load->mistakes->lost_count > before)
        return;
    for (const struct node *member = object->first; member; member = member->next) {
        const struct option *option = option_find_json(span_from(member->name));
        const char *reason = option ? inert_reason(option, options) : NULL;
        if (reason)
            jsonfile_mistake(load, member, "has no effect %s", reason);
    }
    const struct node *open_max = node_find(object, "circuit_open_max");
    if (open_max && options->open_max_ms < options->retry_timeout_ms)
        jsonfile_mistake(load, open_max, TOO_LOW);
}
