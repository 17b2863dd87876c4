/* posternctl.c - main of the operator's tool: a table of subcommands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "prog/ctl.h"
#include "prog/sources.h"

static int version(const struct ctl *ctl, int argc, char **argv);
static int help(const struct ctl *ctl, int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(const struct ctl *ctl, int argc, char **argv);
    const char *arguments;
    const char *summary;
} commands[] = {
    {"check", ctl_check, "", "read the configuration and print every mistake in it"},
    {"status", ctl_status, "", "print how the breakers are"},
    {"breaker", ctl_breaker, "open|close NAME [--for SECONDS]", "hold a breaker open or closed"},
    {"breaker", ctl_breaker, "auto|reset NAME", "let it decide again; forget its failures"},
    {"options", ctl_options, "[--env|--man]", "print all options of the configuration"},
    {"version", version, "", "print the version"},
    {"help", help, "", "print this"},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int
version(const struct ctl *ctl, int argc, char **argv)
{
    (void)ctl;
    (void)argc;
    (void)argv;
    (void)puts("postern " POSTERN_VERSION);
    return CTL_OK;
}

static int
help(const struct ctl *ctl, int argc, char **argv)
{
    (void)ctl;
    (void)argc;
    (void)argv;
    (void)puts("usage: posternctl [--env FILE] [--state FILE] COMMAND\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char usage[64];
        (void)snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].arguments);
        (void)printf("  %-42s %s\n", usage, commands[i].summary);
    }
    (void)puts("\nWithout --env and --state the files are looked for as postern does.");
    return CTL_OK;
}

/* Takes --env and --state, wherever they stand, out of the arguments. Returns how many arguments
 * are left, or -1 after a complaint. */
static int
take_global(int argc, char **argv, struct config_sources *sources)
{
    const struct {
        const char *flag;
        const char **value;
    } flags[] = {{"--env", &sources->env_path}, {"--state", &sources->state_path}};
    bool is_listing = argc > 1 && strcmp(argv[1], "options") == 0; /* has an --env of its own */
    int left = 1;
    for (int i = 1; i < argc; i++) {
        const char **value = NULL;
        for (size_t f = 0; !is_listing && f < sizeof(flags) / sizeof(flags[0]); f++) {
            if (strcmp(argv[i], flags[f].flag) == 0)
                value = flags[f].value;
        }
        if (!value) {
            argv[left++] = argv[i];
        } else if (i + 1 == argc) {
            (void)ctl_usage("%s needs a file", argv[i]);
            return -1;
        } else {
            *value = argv[++i];
        }
    }
    return left;
}

static const char *
canonical_name(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return "help";
    return strcmp(name, "--version") == 0 ? "version" : name;
}

static int
run(const struct ctl *ctl, int argc, char **argv)
{
    const char *name = canonical_name(argv[1]);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(ctl, argc - 2, argv + 2);
    }
    return ctl_usage("there is no command \"%s\"", name);
}

int
main(int argc, char **argv)
{
    struct sources sources;
    struct err err;
    /* In a web server's script directory by mistake, the query would be its arguments. */
    if (getenv("GATEWAY_INTERFACE")) {
        (void)fputs("posternctl is no CGI program\n", stderr);
        return CTL_USAGE;
    }
    log_open(STDERR_FILENO, LOG_LEVEL_WARN);
    if (sources_capture(&sources, &err) != 0) {
        (void)fprintf(stderr, "posternctl: %s\n", err.msg);
        return CTL_FAILED;
    }
    int status = CTL_USAGE;
    int left = take_global(argc, argv, &sources.config);
    sources.config.look_only = true;
    struct ctl ctl = {&sources.config};
    if (left == 1)
        (void)help(&ctl, 0, NULL);
    else if (left > 1)
        status = run(&ctl, left, argv);
    sources_free(&sources);
    if (fflush(stdout) != 0 && status == CTL_OK)
        status = CTL_FAILED; /* a full disk must not look like a good answer */
    return status;
}
