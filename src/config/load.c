/* load.c - one reading of the configuration, from the environment to a constant struct. */
#include "config/load.h"

#include <string.h>

#include "base/mem.h"
#include "base/secrets.h"
#include "config/dotenv.h"
#include "config/fill.h"
#include "config/find.h"
#include "config/jsonfile.h"
#include "config/keys.h"
#include "config/routes.h"
#include "config/settings.h"
#include "config/socketusers.h"
#include "config/upstreams.h"

/* A configuration and the memory that it and all it points to lives in. */
struct holder {
    struct config config; /* first: config_free() gets its address */
    struct arena arena;
    bool is_known; /* the list of secrets holds ours */
};

const char *
load_copy(struct load *load, struct span text)
{
    const char *copy = arena_copy(load->arena, text);
    load->has_failed |= !copy;
    return copy ? copy : "";
}

void *
load_array(struct load *load, size_t count, size_t size)
{
    void *array = arena_array(load->arena, count, size);
    load->has_failed |= !array;
    return array;
}

const char *
load_join(struct load *load, const char *directory, const char *name)
{
    const char *path = arena_printf(load->arena, "%s%s%s", directory,
                                    span_has_suffix(span_from(directory), "/") ? "" : "/", name);
    load->has_failed |= !path;
    return path ? path : "";
}

struct variable *
load_variable(const struct load *load, struct span name)
{
    for (size_t i = 0; i < load->environment_count; i++) {
        if (span_is(name, load->variables[i].name))
            return &load->variables[i];
    }
    for (size_t i = load->variable_count; i-- > load->environment_count;) {
        if (span_is(name, load->variables[i].name))
            return &load->variables[i];
    }
    return NULL;
}

static void
read_environment(struct load *load)
{
    const char *const *environment = load->sources->environment;
    size_t count = 0;
    while (environment && environment[count])
        count++;
    load->variables = load_array(load, count, sizeof(*load->variables));
    for (size_t i = 0; load->variables && i < count; i++) {
        struct span value = span_from(environment[i]);
        struct span name = span_split(&value, '=');
        if (name.len > 0 && value.ptr)
            load->variables[load->environment_count++] =
                (struct variable){load_copy(load, name), value.ptr, {NULL, 0}, false};
    }
    load->variable_count = load->environment_count;
}

static const char *
look_up(const void *self, struct span name)
{
    const struct variable *variable = load_variable(self, name);
    return variable ? variable->value : NULL;
}

/* Puts the bindings of the .env file behind the environment's variables. */
static void
add_bindings(struct load *load, const struct dotenv *dotenv, const char *path)
{
    struct variable *all = load_array(load, load->environment_count + dotenv->count, sizeof(*all));
    if (!all)
        return;
    if (load->environment_count > 0)
        memcpy(all, load->variables, load->environment_count * sizeof(*all));
    load->variables = all;
    for (size_t i = 0; i < dotenv->count; i++) {
        const struct dotenv_binding *binding = &dotenv->bindings[i];
        struct spot at = {path, binding->line};
        if (binding->name)
            all[load->variable_count++] =
                (struct variable){binding->name, binding->value, at, false};
        else
            mistakes_add(load->mistakes, at, NULL,
                         "the line is not NAME=value, or a quote in it is not closed");
    }
}

/* 0; or -1 and a message, an empty one where find.c has complained already. */
static int
parse_env_file(struct load *load, const char *path, struct buf *text, struct err *err)
{
    struct dotenv dotenv;
    struct stat st;
    err->msg[0] = '\0';
    if (file_read(path, text, &st, err) != 0 || !find_is_trusted(load, path, &st, true))
        return -1;
    if (dotenv_parse(span_of(buf_text(text), text->len), look_up, load, load->arena, &dotenv,
                     err) != 0)
        return -1;
    add_bindings(load, &dotenv, path);
    return 0;
}

static void
read_env_file(struct load *load, const char *path)
{
    struct buf text;
    struct err err;
    buf_init(&text, LOAD_ENV_MAX);
    load->config->env_path = path;
    load->is_partial = parse_env_file(load, path, &text, &err) != 0;
    if (load->is_partial && err.msg[0] != '\0')
        mistakes_add(load->mistakes, (struct spot){path, 0}, NULL, "%s", err.msg);
    buf_fini(&text);
}

static void
run(struct load *load)
{
    read_environment(load);
    const char *env_path = find_env_file(load);
    if (env_path)
        read_env_file(load, env_path);
    const char *json_path = find_json_file(load);
    if (json_path)
        jsonfile_read(load, json_path);
    settings_gather(load);
    settings_parse(load);
    jsonfile_check(load);
    upstreams_make(load);
    routes_make(load);
    fill_config(load);
    keys_make(load);
    socketusers_make(load);
    if (load->has_failed)
        mistakes_add(load->mistakes, (struct spot){NULL, 0}, NULL, "no memory is left");
}

/* A copy that outlives the arena; NULL for nothing, and where no memory is left. */
static char *
keep(const char *path)
{
    return path ? mem_copy_text(path, strlen(path)) : NULL;
}

/* From here on no line of the log shows them, a line about this configuration included. */
static void
hand_on_secrets(struct holder *holder, struct config_mistakes *mistakes)
{
    const struct config *config = &holder->config;
    holder->is_known = secrets_take(config->secrets, config->secret_count) == 0;
    if (!holder->is_known)
        mistakes_add(mistakes, (struct spot){NULL, 0}, NULL,
                     "no memory is left to keep the keys out of the log");
    mistakes_redact(mistakes);
}

int
load_config(const struct config_sources *sources, struct config **config,
            struct config_mistakes *mistakes, struct file_watch *watch)
{
    *mistakes = (struct config_mistakes){0};
    struct holder *holder = mem_new(sizeof(*holder));
    if (!holder) {
        mistakes->lost_count = 1;
        return -1;
    }
    arena_init_locked(&holder->arena, LOAD_ARENA_MAX);
    struct load load = {.sources = sources,
                        .mistakes = mistakes,
                        .watch = watch,
                        .arena = &holder->arena,
                        .config = &holder->config};
    run(&load);
    hand_on_secrets(holder, mistakes);
    mistakes->env_path = keep(load.config->env_path);
    mistakes->json_path = keep(load.config->json_path);
    mistakes->state_path = keep(load.config->state_path);
    if (mistakes->count + mistakes->lost_count == 0) {
        *config = &holder->config;
        return 0;
    }
    config_free(&holder->config);
    return -1;
}

int
config_load(const struct config_sources *sources, struct config **config,
            struct config_mistakes *mistakes)
{
    struct file_watch watch = {0};
    int rc = load_config(sources, config, mistakes, &watch);
    file_watch_fini(&watch);
    return rc;
}

void
config_free(struct config *config)
{
    if (!config)
        return;
    struct holder *holder = (struct holder *)(void *)config;
    if (holder->is_known)
        secrets_drop(config->secrets, config->secret_count);
    arena_fini(&holder->arena);
    mem_free_wiped(holder, sizeof(*holder));
}
