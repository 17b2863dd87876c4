/* sandbox.c - which places are needed, and the order of the walls. */
#include "prog/sandbox.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "prog/landlock.h"
#include "prog/seccomp.h"

/* What the C library, libcurl and OpenSSL read when a name is resolved or a certificate verified,
 * wherever a distribution has it. Not /run as a whole, nor /var: other people's files are there. */
static const char *const system_places[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/random",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/run/nscd",
    "/var/lib/ca-certificates",
    "/nix/store",
    "/gnu/store",
};

static const char *const writable_places[] = {"/dev/null", "/tmp", "/var/tmp"};

static void
allow_all(const struct landlock *ruleset, const char *const *places, size_t count,
          enum landlock_use use)
{
    for (size_t i = 0; i < count; i++)
        landlock_allow(ruleset, places[i], use);
}

/* The directory a file lies in: the file may be replaced. Of the root itself, the file alone. */
static void
allow_directory_of(const struct landlock *ruleset, const char *path, enum landlock_use use)
{
    char directory[PATH_MAX];
    const char *slash = path ? strrchr(path, '/') : NULL;
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (!path || len >= sizeof(directory))
        return;
    if (slash && len == 0) {
        landlock_allow(ruleset, path, use);
        return;
    }
    memcpy(directory, slash ? path : ".", slash ? len : 1);
    directory[slash ? len : 1] = '\0';
    landlock_allow(ruleset, directory, use);
}

static void
allow_below(const struct landlock *ruleset, const char *directory, const char *name)
{
    char path[PATH_MAX];
    if (directory && (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) < sizeof(path))
        landlock_allow(ruleset, path, LANDLOCK_READ);
}

/* /etc/resolv.conf is a link, as a rule, to what some program keeps somewhere else. */
static void
allow_resolver(const struct landlock *ruleset)
{
    char target[PATH_MAX];
    if (realpath("/etc/resolv.conf", target))
        allow_directory_of(ruleset, target, LANDLOCK_READ);
}

/* Where a configuration is looked for, but for the working directory, which may be anything. */
static void
allow_configuration(const struct landlock *ruleset, const struct config_sources *sources,
                    const struct config *config)
{
    allow_below(ruleset, sources->program_dir, "../postern");
    allow_below(ruleset, sources->home_dir, ".config/postern");
    allow_below(ruleset, sources->sysconfdir, "");
    allow_directory_of(ruleset, config->env_path, LANDLOCK_READ);
    allow_directory_of(ruleset, config->json_path, LANDLOCK_READ);
    for (size_t i = 0; i < config->upstream_count; i++)
        allow_directory_of(ruleset, config->upstreams[i].ca_file, LANDLOCK_READ);
}

/* Its directory is made here as state/place.c would make it: a place must be there by now. */
static void
allow_state(const struct landlock *ruleset, const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash && slash != path && (size_t)(slash - path) < sizeof(directory)) {
        memcpy(directory, path, (size_t)(slash - path));
        directory[slash - path] = '\0';
        (void)mkdir(directory, 0700);
    }
    allow_directory_of(ruleset, path, LANDLOCK_WRITE);
}

/* "/dev/stderr", and not "/dev/shm/log". */
static bool
is_device(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 && !strchr(path + 5, '/');
}

static bool
shut_files(const struct config_sources *sources, const struct config *config,
           const char *socket_path)
{
    struct landlock ruleset = landlock_new();
    if (ruleset.fd < 0)
        return false;
    allow_all(&ruleset, system_places, sizeof(system_places) / sizeof(system_places[0]),
              LANDLOCK_READ);
    allow_all(&ruleset, writable_places, sizeof(writable_places) / sizeof(writable_places[0]),
              LANDLOCK_WRITE);
    allow_resolver(&ruleset);
    allow_configuration(&ruleset, sources, config);
    if (strcmp(config->state_path, "none") != 0)
        allow_state(&ruleset, config->state_path);
    if (config->log_path && !is_device(config->log_path))
        allow_directory_of(&ruleset, config->log_path, LANDLOCK_WRITE);
    if (config->spool_dir)
        landlock_allow(&ruleset, config->spool_dir, LANDLOCK_WRITE);
    allow_directory_of(&ruleset, socket_path, LANDLOCK_REMOVE);
    return landlock_enter(&ruleset);
}

struct sandbox
sandbox_offer(void)
{
    return (struct sandbox){.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0,
                            .landlock = landlock_version(),
                            .seccomp = seccomp_is_offered()};
}

struct sandbox
sandbox_enter(const struct config_sources *sources, const struct config *config,
              const char *socket_path)
{
    struct sandbox sandbox = {.no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0};
    if (!sandbox.no_new_privs)
        return sandbox;
    if (config && shut_files(sources, config, socket_path))
        sandbox.landlock = landlock_version();
    sandbox.seccomp = seccomp_enter();
    return sandbox;
}
