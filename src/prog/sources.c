/* sources.c - copies what the configuration is read from, and wipes the environment. */
#include "prog/sources.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pages.h"

/* What stays: it changes how times and messages read, nothing else. */
static const char *const kept_names[] = {"LANG", "LC_ALL", "LC_CTYPE", "TZ"};
#define KEPT_COUNT (sizeof(kept_names) / sizeof(kept_names[0]))

static int
copy_environment(struct sources *sources)
{
    size_t count = 0, text_bytes = 0;
    for (; environ && environ[count]; count++)
        text_bytes += strlen(environ[count]) + 1;
    sources->environment_bytes = (count + 1) * sizeof(*sources->environment) + text_bytes;
    sources->environment = pages_new_locked(sources->environment_bytes);
    if (!sources->environment)
        return -1;
    char *text = (char *)(sources->environment + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(environ[i]) + 1;
        sources->environment[i] = memcpy(text, environ[i], size);
        text += size;
    }
    return 0;
}

static const char *
find_program_dir(struct sources *sources)
{
    ssize_t len =
        readlink("/proc/self/exe", sources->program_dir, sizeof(sources->program_dir) - 1);
    if (len <= 0)
        return NULL;
    sources->program_dir[len] = '\0';
    char *slash = strrchr(sources->program_dir, '/');
    if (!slash)
        return NULL;
    slash[slash == sources->program_dir ? 1 : 0] = '\0';
    return sources->program_dir;
}

static uid_t
find_program_owner(void)
{
    struct stat st;
    return stat("/proc/self/exe", &st) == 0 ? st.st_uid : 0;
}

/* Not $HOME: a web server's is another's, or none. */
static const char *
find_home_dir(struct sources *sources)
{
    const struct passwd *user = getpwuid(geteuid());
    if (!user || !user->pw_dir || user->pw_dir[0] == '\0')
        return NULL;
    sources->home_dir = mem_copy_text(user->pw_dir, strlen(user->pw_dir));
    return sources->home_dir;
}

int
sources_capture(struct sources *sources, struct err *err)
{
    memset(sources, 0, sizeof(*sources));
    if (copy_environment(sources)) {
        sources_free(sources);
        return err_set(err, ERR_MEMORY, "no memory for the environment");
    }
    sources->config = (struct config_sources){
        .environment = (const char *const *)sources->environment,
        .program_dir = find_program_dir(sources),
        .program_owner = find_program_owner(),
        .working_dir = getcwd(sources->working_dir, sizeof(sources->working_dir)),
        .home_dir = find_home_dir(sources),
        .sysconfdir = POSTERN_SYSCONFDIR,
        .statedir = POSTERN_STATEDIR,
    };
    return 0;
}

void
sources_wipe_environment(void)
{
    char *kept[KEPT_COUNT] = {NULL};
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        const char *value = getenv(kept_names[i]);
        kept[i] = value ? mem_copy_text(value, strlen(value)) : NULL;
    }
    for (char **entry = environ; entry && *entry; entry++)
        mem_wipe(*entry, strlen(*entry));
    (void)clearenv();
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        if (kept[i])
            (void)setenv(kept_names[i], kept[i], 1); /* without memory: it is missing, no more */
        mem_free(kept[i]);
    }
}

void
sources_free(struct sources *sources)
{
    if (sources->environment)
        pages_free_locked(sources->environment, sources->environment_bytes);
    mem_free(sources->home_dir);
    memset(sources, 0, sizeof(*sources));
}
