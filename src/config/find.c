/* find.c - looks for the files, in the order that the manual gives. */
#include "config/find.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/trust.h"
#include "config/settings.h"

#define ENV_PLACES 4
#define STATE_NAME "postern-v1.state" /* the layout's number is part of the name */

/* A path in one of the places of a configuration; NULL: that place is not known. */
struct candidate {
    const char *env, *json;
};

static void
list_candidates(struct load *load, struct candidate out[ENV_PLACES])
{
    const struct config_sources *sources = load->sources;
    const struct {
        const char *directory, *env, *json;
    } places[ENV_PLACES] = {
        {sources->working_dir, ".env", "postern.json"},
        {sources->program_dir, "../postern/.env", "../postern/postern.json"},
        {sources->home_dir, ".config/postern/env", ".config/postern/postern.json"},
        {sources->sysconfdir, "env", "postern.json"},
    };
    for (size_t i = 0; i < ENV_PLACES; i++) {
        const char *directory = places[i].directory;
        out[i].env = directory ? load_join(load, directory, places[i].env) : NULL;
        out[i].json = directory ? load_join(load, directory, places[i].json) : NULL;
    }
}

/* The directory a file lies in. */
static const char *
directory_of(struct load *load, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return load_copy(load, span_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

const char *
find_resolve(struct load *load, const char *path, struct spot at)
{
    const char *base = at.file ? directory_of(load, at.file) : load->sources->working_dir;
    return path[0] == '/' || !base ? path : load_join(load, base, path);
}

static bool
looks_there(struct load *load, const char *path)
{
    file_watch_add(load->watch, path);
    return file_exists(path);
}

/* A file that was asked for by name must be there. */
static const char *
take_named(struct load *load, const char *name, const char *text, struct spot at)
{
    const char *path = find_resolve(load, text, at);
    char quoted[MISTAKES_QUOTE_MAX];
    if (looks_there(load, path))
        return path;
    mistakes_add(load->mistakes, at, name, "there is no file %s",
                 mistakes_quote(quoted, span_from(path)));
    return NULL;
}

const char *
find_env_file(struct load *load)
{
    struct candidate candidates[ENV_PLACES];
    struct spot environment = {NULL, 0};
    const struct variable *named = load_variable(load, span_from("POSTERN_ENV_FILE"));
    if (load->sources->env_path)
        return take_named(load, "--env", load->sources->env_path, environment);
    if (named && *named->value)
        return take_named(load, "POSTERN_ENV_FILE", named->value, environment);
    list_candidates(load, candidates);
    for (size_t i = 0; i < ENV_PLACES; i++) {
        if (candidates[i].env && looks_there(load, candidates[i].env))
            return candidates[i].env;
    }
    return NULL;
}

const char *
find_json_file(struct load *load)
{
    struct candidate candidates[ENV_PLACES];
    const struct variable *named = load_variable(load, span_from("POSTERN_CONFIG"));
    if (named && named->value && *named->value)
        return take_named(load, "POSTERN_CONFIG", named->value, named->at);
    if (load->config->env_path) {
        const char *directory = directory_of(load, load->config->env_path);
        const char *beside = load_join(load, directory, "postern.json");
        return looks_there(load, beside) ? beside : NULL;
    }
    list_candidates(load, candidates);
    for (size_t i = 0; i < ENV_PLACES; i++) {
        if (candidates[i].json && looks_there(load, candidates[i].json))
            return candidates[i].json;
    }
    return NULL;
}

void
find_explain_missing(struct load *load)
{
    struct candidate candidates[ENV_PLACES];
    struct buf list;
    buf_init(&list, (size_t)ENV_PLACES * (PATH_MAX + 2));
    list_candidates(load, candidates);
    for (size_t i = 0; i < ENV_PLACES; i++) {
        if (candidates[i].env) /* a list cut short by a path of kilobytes is no harm */
            (void)buf_putf(&list, "%s%s", list.len > 0 ? ", " : "", candidates[i].env);
    }
    mistakes_add(load->mistakes, (struct spot){NULL, 0}, NULL,
                 "no .env file was found (looked for %s)", buf_text(&list));
    buf_fini(&list);
}

/* The document root above `path`; NULL: none. */
static const char *
root_above(const struct load *load, const char *path)
{
    const struct config_sources *sources = load->sources;
    const struct variable *own = load_variable(load, span_from("DOCUMENT_ROOT"));
    for (size_t i = 0; i < sources->document_root_count; i++) {
        if (file_is_below(path, sources->document_roots[i]))
            return sources->document_roots[i];
    }
    if (own && !own->at.file && *own->value && file_is_below(path, own->value))
        return own->value;
    return NULL;
}

bool
find_is_owned(struct load *load, const char *path, const struct stat *st)
{
    uid_t program_owner = load->sources->program_owner;
    struct err err;
    if (trust_check_file(st, path, program_owner, &err) == 0 &&
        trust_check_parents(path, program_owner, false, &err) == 0)
        return true;
    mistakes_add(load->mistakes, (struct spot){path, 0}, NULL, "%s", err.msg);
    return false;
}

bool
find_is_trusted(struct load *load, const char *path, const struct stat *st, bool has_secrets)
{
    struct spot at = {path, 0};
    char quoted[MISTAKES_QUOTE_MAX];
    const char *root = root_above(load, path);
    if (root)
        mistakes_add(load->mistakes, at, NULL,
                     "lies below the document root %s, where it can be fetched: move it out",
                     mistakes_quote(quoted, span_from(root)));
    bool is_owned = find_is_owned(load, path, st);
    if (is_owned && (st->st_mode & S_IROTH) != 0 && has_secrets)
        mistakes_warn(load->mistakes, at, NULL,
                      "can be read by every user of this host: chmod o-rwx %s", path);
    return !root && is_owned;
}

/* --- the state file ------------------------------------------------------- */

static const char *
take_state(struct load *load, const char *name, const char *text, struct spot at)
{
    char quoted[MISTAKES_QUOTE_MAX];
    if (strcmp(text, "none") == 0)
        return text;
    const char *path = find_resolve(load, text, at);
    if (file_is_directory(path))
        path = load_join(load, path, STATE_NAME);
    const char *root = root_above(load, path);
    if (!root)
        return path;
    mistakes_add(load->mistakes, at, name, "%s lies below the document root: choose another place",
                 mistakes_quote(quoted, span_from(path)));
    return NULL;
}

/* A directory that is there and writable, or that can be made. */
static bool
can_hold_state(const struct load *load, const char *directory, const char *above)
{
    if (root_above(load, directory))
        return false;
    return file_exists(directory) ? file_is_directory(directory) && file_is_writable(directory)
                                  : above && file_is_writable(above);
}

static const char *
find_state_directory(struct load *load)
{
    const struct config_sources *sources = load->sources;
    if (sources->statedir && can_hold_state(load, sources->statedir, NULL))
        return sources->statedir;
    if (load->config->env_path) {
        const char *above = directory_of(load, load->config->env_path);
        const char *beside = load_join(load, above, "state");
        if (can_hold_state(load, beside, above))
            return beside;
    }
    if (!sources->home_dir)
        return NULL;
    const char *parent = load_join(load, sources->home_dir, ".local/state");
    const char *of_user = load_join(load, parent, "postern");
    const char *above = file_exists(parent) ? parent : sources->home_dir;
    if (!can_hold_state(load, of_user, above))
        return NULL;
    if (!sources->look_only)
        file_make_directories(parent); /* the last part is made with the state file */
    return of_user;
}

const char *
find_state_file(struct load *load)
{
    const struct setting *setting = settings_find(load, "POSTERN_STATE");
    if (load->sources->state_path)
        return take_state(load, "--state", load->sources->state_path, (struct spot){NULL, 0});
    if (load->options.state)
        return take_state(load, setting->name, load->options.state, setting->at);
    const char *directory = find_state_directory(load);
    if (directory)
        return load_join(load, directory, STATE_NAME);
    mistakes_warn(load->mistakes, (struct spot){NULL, 0}, "POSTERN_STATE",
                  "no place for the state file was found: every process has breakers of its own");
    return "none";
}

/* --- the spool ------------------------------------------------------------ */

const char *
find_spool(struct load *load)
{
    const struct setting *setting = settings_find(load, "POSTERN_SPOOL");
    const char *state_path = load->config->state_path;
    if (!load->options.spool)
        return state_path && strcmp(state_path, "none") != 0 ? directory_of(load, state_path)
                                                             : "/tmp";
    char quoted[MISTAKES_QUOTE_MAX];
    const char *path = find_resolve(load, load->options.spool, setting->at);
    if (file_is_directory(path) && file_is_writable(path))
        return path;
    mistakes_add(load->mistakes, setting->at, setting->name,
                 "%s is not a directory that this user can write to",
                 mistakes_quote(quoted, span_from(path)));
    return NULL;
}
