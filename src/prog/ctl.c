/* ctl.c - reading the configuration and complaining, for all subcommands. */
#include "prog/ctl.h"

#include <stdarg.h>
#include <stdio.h>

struct config *
ctl_load(const struct ctl *ctl)
{
    struct config *config = NULL;
    struct config_mistakes mistakes;
    if (config_load(ctl->sources, &config, &mistakes) != 0) {
        for (size_t i = 0; i < mistakes.count; i++)
            (void)fprintf(stderr, "posternctl: %s\n", mistakes.lines[i]);
        (void)fprintf(stderr, "posternctl: the configuration cannot be used (%zu mistakes)\n",
                      mistakes.count + mistakes.lost_count);
    }
    config_mistakes_fini(&mistakes);
    return config;
}

int
ctl_usage(const char *format, ...)
{
    va_list args;
    (void)fputs("posternctl: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputs("\nposternctl --help shows how it is used\n", stderr);
    return CTL_USAGE;
}
