/* upstreams.c - builds the upstreams, complaining about each address, key and model on the way. */
#include "config/upstreams.h"

#include <string.h>

#include "base/keylike.h"
#include "config/find.h"
#include "config/jsonfile.h"
#include "config/rules.h"
#include "config/settings.h"
#include "config/suggest.h"
#include "config/url.h"

#define NAME_MAX_BYTES 47
#define MODEL_MAX_BYTES 256

/* A value and where it was written, whichever file that was. */
struct written {
    const char *text; /* NULL: nothing */
    const char *name;
    struct spot at;
};

/* What an upstream is made from. */
struct draft {
    const char *name;
    struct written url, key, model, ca_file;
    enum upstream_dialect dialect;
    const struct node *models; /* or NULL */
    const struct options *options;
};

const struct upstream *
upstreams_find(const struct load *load, const char *name)
{
    for (size_t i = 0; i < load->config->upstream_count; i++) {
        if (strcmp(load->upstreams[i].name, name) == 0)
            return &load->upstreams[i];
    }
    return NULL;
}

static void
complain(struct load *load, const struct written *written, const char *reason)
{
    mistakes_add(load->mistakes, written->at, written->name, "%s", reason);
}

/* --- the parts ------------------------------------------------------------ */

/* Which part of the address stands for the "/v1" of a request in OpenAI's style. An Azure host has
 * its
 * "/openai" before "/v1". */
static bool
base_is_v1(const struct url *url, enum upstream_dialect dialect)
{
    if (dialect == UPSTREAM_DIALECT_AZURE)
        return false;
    bool is_azure = dialect == UPSTREAM_DIALECT_AUTO && url->is_azure;
    return url->ends_in_version || (url->ends_in_openai && !is_azure);
}

static void
take_url(struct load *load, const struct draft *draft, struct upstream *out)
{
    struct url url;
    struct err err;
    if (!draft->url.text)
        return; /* the caller has complained */
    if (url_parse(span_from(draft->url.text), load->arena, &url, &err) != 0) {
        complain(load, &draft->url, err.msg);
        return;
    }
    if (url.plain && !url.is_loopback && !load->options.plain_http)
        mistakes_add(load->mistakes, draft->url.at, draft->url.name,
                     "http:// would send the key to %s unencrypted: write https://, or set "
                     "plain_http = yes",
                     url.host);
    if (draft->dialect == UPSTREAM_DIALECT_AZURE && (url.ends_in_version || url.ends_in_openai))
        mistakes_warn(load->mistakes, draft->url.at, draft->url.name,
                      "the path %s is put before the /openai of each request: it probably should "
                      "be left out",
                      url.base_path);
    out->origin = url.origin;
    out->host = url.host;
    out->base_path = url.base_path;
    out->is_azure_host = url.is_azure;
    out->is_openai_host = strcmp(url.host, "api.openai.com") == 0;
    out->base_is_v1 = base_is_v1(&url, draft->dialect);
}

static void
take_key(struct load *load, const struct draft *draft, struct upstream *out)
{
    out->key = draft->key.text ? draft->key.text : "";
    if (draft->key.text && !*out->key)
        mistakes_warn(load->mistakes, draft->key.at, draft->key.name,
                      "is empty: requests go out without a key");
    for (const char *c = out->key; *c != '\0'; c++) {
        if (*c > 0x20 && *c < 0x7f)
            continue;
        complain(load, &draft->key,
                 "the value (not shown) has a blank, a line end or another character that no key "
                 "has");
        return;
    }
}

static bool
is_model(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return len > 0 && len <= MODEL_MAX_BYTES;
}

static void
take_models(struct load *load, const struct node *models, struct upstream *out)
{
    if (models && models->type != NODE_OBJECT) {
        jsonfile_mistake(load, models, "must be an object like {\"gpt-4o\": \"my-deployment\"}");
        return;
    }
    struct upstream_model *list = load_array(load, models ? models->count : 0, sizeof(*list));
    for (const struct node *member = list && models ? models->first : NULL; member;
         member = member->next) {
        const char *to = jsonfile_string(load, member);
        if (to && (!is_model(to) || !is_model(member->name)))
            jsonfile_mistake(load, member, "is not the name of a model");
        else if (to)
            list[out->model_count++] = (struct upstream_model){member->name, to};
    }
    out->models = list;
}

static void
take_ca_file(struct load *load, const struct draft *draft, struct upstream *out)
{
    char quoted[MISTAKES_QUOTE_MAX];
    if (!draft->options->ca_file)
        return;
    struct stat st;
    out->ca_file = find_resolve(load, draft->options->ca_file, draft->ca_file.at);
    if (stat(out->ca_file, &st) == 0)
        (void)find_is_owned(load, out->ca_file, &st);
    else
        mistakes_add(load->mistakes, draft->ca_file.at, draft->ca_file.name, "there is no file %s",
                     mistakes_quote(quoted, span_from(out->ca_file)));
}

static void
add(struct load *load, const struct draft *draft)
{
    const struct options *options = draft->options;
    struct upstream *out = &load->upstreams[load->config->upstream_count++];
    *out = (struct upstream){
        .name = draft->name,
        .origin = "",
        .base_path = "",
        .host = "",
        .dialect = draft->dialect,
        .model = draft->model.text && *draft->model.text ? draft->model.text : NULL,
        .timeouts = {(uint64_t)options->connect_timeout_ms,
                     (uint64_t)options->first_token_timeout_ms,
                     (uint64_t)options->response_timeout_ms, (uint64_t)options->idle_timeout_ms},
        .retries = (unsigned)options->retries,
        .http2 = options->http2 != 0,
        .pools_by_client = options->pool_scope != 0,
    };
    take_url(load, draft, out);
    take_key(load, draft, out);
    take_models(load, draft->models, out);
    take_ca_file(load, draft, out);
    rules_make(options, &out->rules);
    upstream_identify(out, NULL, out->breaker_key);
    if (out->model && !is_model(out->model))
        complain(load, &draft->model, "is not the name of a model");
}

/* --- PRIMARY_ and FALLBACK_ ----------------------------------------------- */

/* A name of the files that could be a slip of the pen for the one that is missing. */
static void
complain_missing(struct load *load, const char *env)
{
    struct suggest suggest;
    if (load_variable(load, span_from(env)))
        return; /* it is there, but not as it should be: that was told */
    suggest_init(&suggest, span_from(env));
    for (size_t i = 0; i < load->variable_count; i++) {
        if (!option_find(span_from(load->variables[i].name)))
            suggest_offer(&suggest, load->variables[i].name);
    }
    bool is_close = suggest.best[0] != '\0';
    mistakes_add(load->mistakes, (struct spot){load->config->env_path, 0}, env, "is missing%s%s",
                 is_close ? ", but there is " : "", is_close ? suggest.best : "");
}

static struct written
read_setting(const struct load *load, const char *env)
{
    const struct setting *setting = settings_find(load, env);
    return (struct written){setting->text, setting->name, setting->at};
}

static void
add_of_pair(struct load *load, const char *name, enum upstream_dialect dialect,
            const char *const names[3])
{
    struct draft draft = {
        .name = name,
        .url = read_setting(load, names[0]),
        .key = read_setting(load, names[1]),
        .model = read_setting(load, names[2]),
        .ca_file = read_setting(load, "POSTERN_CA_FILE"),
        .dialect = dialect,
        .options = &load->options,
    };
    add(load, &draft);
}

static void
make_pair(struct load *load)
{
    static const char *const primary[] = {"PRIMARY_OPENAI_HOST", "PRIMARY_OPENAI_API_KEY",
                                          "PRIMARY_OPENAI_MODEL"};
    static const char *const fallback[] = {"FALLBACK_OPENAI_HOST", "FALLBACK_OPENAI_API_KEY",
                                           "FALLBACK_OPENAI_MODEL"};
    bool is_missing = false;
    for (size_t row = 0; row < option_count && !load->is_partial; row++) {
        if ((option_table[row].flags & OPTION_REQUIRED) && !load->settings[row].text) {
            complain_missing(load, option_table[row].env);
            is_missing = true;
        }
    }
    if (is_missing && !load->config->env_path)
        find_explain_missing(load);
    load->upstreams = load_array(load, 2, sizeof(*load->upstreams));
    if (!load->upstreams)
        return;
    add_of_pair(load, "primary", (enum upstream_dialect)load->options.primary_dialect, primary);
    add_of_pair(load, "fallback", (enum upstream_dialect)load->options.fallback_dialect, fallback);
}

/* --- postern.json --------------------------------------------------------- */

static const char *const members[] = {"url", "key", "dialect", "model", "models", NULL};

static struct written
read_member(struct load *load, const struct node *upstream, const char *name)
{
    char path[NODE_PATH_MAX];
    const struct node *member = node_find(upstream, name);
    if (!member)
        return (struct written){NULL, name, jsonfile_spot(load, upstream)};
    return (struct written){jsonfile_string(load, member),
                            load_copy(load, span_from(node_path(member, path))),
                            jsonfile_spot(load, member)};
}

static enum upstream_dialect
read_dialect(struct load *load, const struct node *upstream)
{
    const struct node *member = node_find(upstream, "dialect");
    const char *text = jsonfile_string(load, member);
    const struct option *like = option_find(span_from("PRIMARY_OPENAI_DIALECT"));
    struct options options = {0};
    struct err err;
    if (text && option_parse(like, span_from(text), load->arena, &options, &err) != 0)
        jsonfile_mistake(load, member, "%s", err.msg);
    return (enum upstream_dialect)options.primary_dialect;
}

static bool
is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0';
}

static void
add_of_json(struct load *load, const struct node *upstream)
{
    if (!is_name(upstream->name))
        jsonfile_mistake(load, upstream,
                         "the name must be 1 to %d small letters, digits, \"-\" or \"_\"",
                         NAME_MAX_BYTES);
    if (keylike_mask(upstream->name) != upstream->name)
        jsonfile_mistake(load, upstream,
                         "the name looks like a key, and names stand in every answer");
    if (upstream->type != NODE_OBJECT) {
        jsonfile_mistake(load, upstream, "must be an object with a url and a key");
        return;
    }
    struct options own = load->options;
    settings_parse_own(load, upstream, members, &own);
    struct draft draft = {
        .name = upstream->name,
        .url = read_member(load, upstream, "url"),
        .key = read_member(load, upstream, "key"),
        .model = read_member(load, upstream, "model"),
        .ca_file = node_find(upstream, "ca_file") ? read_member(load, upstream, "ca_file")
                                                  : read_setting(load, "POSTERN_CA_FILE"),
        .dialect = read_dialect(load, upstream),
        .models = node_find(upstream, "models"),
        .options = &own,
    };
    if (!node_find(upstream, "url"))
        jsonfile_mistake(load, upstream, "has no url");
    add(load, &draft);
}

static void
make_of_json(struct load *load)
{
    if (load->json_upstreams->count > LOAD_UPSTREAMS_MAX) {
        jsonfile_mistake(load, load->json_upstreams, "has %zu members, more than %d",
                         load->json_upstreams->count, LOAD_UPSTREAMS_MAX);
        return;
    }
    load->upstreams = load_array(load, load->json_upstreams->count, sizeof(*load->upstreams));
    for (const struct node *upstream = load->upstreams ? load->json_upstreams->first : NULL;
         upstream; upstream = upstream->next)
        add_of_json(load, upstream);
}

void
upstreams_make(struct load *load)
{
    const struct node *upstreams = node_find(load->json, "upstreams");
    if (upstreams && upstreams->type != NODE_OBJECT)
        jsonfile_mistake(load, upstreams, "must be an object: a name for each upstream");
    else if (load->json_upstreams)
        make_of_json(load);
    else
        make_pair(load);
    load->config->upstreams = load->upstreams;
}
