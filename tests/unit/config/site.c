/* site.c - makes and removes the directories of a made-up site. */
#include "site.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const directories[] = {"work", "bin", "home", "etc", "state", "htdocs"};

static struct site the_site;

int
site_up(void **state)
{
    struct site *site = &the_site;
    memset(site, 0, sizeof(*site));
    (void)snprintf(site->root, sizeof(site->root), "/tmp/postern-config-XXXXXX");
    if (!mkdtemp(site->root))
        return -1;
    for (size_t i = 0; i < 6; i++) {
        int len = snprintf(site->paths[i], SITE_PATH_MAX, "%s/%s", site->root, directories[i]);
        if (len >= SITE_PATH_MAX || mkdir(site->paths[i], 0700) != 0)
            return -1;
    }
    site->sources = (struct config_sources){
        .environment = site->environment,
        .working_dir = site->paths[0],
        .program_dir = site->paths[1],
        .home_dir = site->paths[2],
        .sysconfdir = site->paths[3],
    };
    *state = site;
    return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

int
site_down(void **state)
{
    struct site *site = *state;
    config_free(site->config);
    config_mistakes_fini(&site->mistakes);
    return nftw(site->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
site_path(const struct site *site, const char *name)
{
    static char paths[4][SITE_PATH_MAX];
    static size_t turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, SITE_PATH_MAX, "%s/%s", site->root, name);
    return path;
}

void
site_write(const struct site *site, const char *name, const char *text)
{
    const char *path = site_path(site, name);
    char parent[SITE_PATH_MAX];
    (void)snprintf(parent, sizeof(parent), "%s", path);
    *strrchr(parent, '/') = '\0';
    if (access(parent, F_OK) != 0) {
        char grandparent[SITE_PATH_MAX];
        (void)snprintf(grandparent, sizeof(grandparent), "%s", parent);
        *strrchr(grandparent, '/') = '\0';
        (void)mkdir(grandparent, 0700);
        assert_int_equal(mkdir(parent, 0700), 0);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

void
site_mode(const struct site *site, const char *name, mode_t mode)
{
    assert_int_equal(chmod(site_path(site, name), mode), 0);
}

void
site_set(struct site *site, const char *variable)
{
    assert_true(site->variable_count < SITE_VARIABLES_MAX);
    site->environment[site->variable_count++] = variable;
}

bool
site_load(struct site *site)
{
    config_free(site->config);
    config_mistakes_fini(&site->mistakes);
    site->config = NULL;
    bool is_good = config_load(&site->sources, &site->config, &site->mistakes) == 0;
    assert_int_equal(is_good, site->mistakes.count + site->mistakes.lost_count == 0);
    assert_int_equal(is_good, site->config != NULL);
    return is_good;
}

bool
site_load_env(struct site *site, const char *text)
{
    char all[4096];
    (void)snprintf(all, sizeof(all), "%s%s", SITE_PAIR, text);
    site_write(site, "work/.env", all);
    return site_load(site);
}

bool
site_load_json(struct site *site, const char *text)
{
    site_write(site, "work/.env", "A_KEY=key-of-somebody\n");
    site_write(site, "work/postern.json", text);
    return site_load(site);
}

/* Puts the root in the place of "%". */
static void
fill_in(const struct site *site, const char *pattern, char *out, size_t size)
{
    size_t at = 0;
    for (; *pattern != '\0' && at + 1 < size; pattern++) {
        if (*pattern != '%') {
            out[at++] = *pattern;
            continue;
        }
        int added = snprintf(out + at, size - at, "%s", site->root);
        at += (size_t)added;
    }
    out[at < size ? at : size - 1] = '\0';
}

static void
expect(const struct site *site, const char *what, char *const *lines, size_t count,
       const char *pattern)
{
    char wanted[2048];
    fill_in(site, pattern, wanted, sizeof(wanted));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(lines[i], wanted) == 0)
            return;
    }
    print_error("no such %s: %s\n", what, wanted);
    for (size_t i = 0; i < count; i++)
        print_error("  there is: %s\n", lines[i]);
    fail();
}

void
site_expect_mistake(const struct site *site, const char *line)
{
    expect(site, "mistake", site->mistakes.lines, site->mistakes.count, line);
}

void
site_expect_warning(const struct site *site, const char *line)
{
    expect(site, "warning", site->mistakes.warnings, site->mistakes.warning_count, line);
}
