/* ctl.h - what the subcommands of posternctl share. One file a subcommand: src/prog/ctl_NAME.c. */
#ifndef POSTERN_PROG_CTL_H
#define POSTERN_PROG_CTL_H

#include "config/config.h"

/* Exit statuses. */
enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl {
    const struct config_sources *sources;
};

/* Each takes its own arguments, without the subcommand's name, and returns the exit status. */
int ctl_check(const struct ctl *ctl, int argc, char **argv);
int ctl_options(const struct ctl *ctl, int argc, char **argv);
int ctl_status(const struct ctl *ctl, int argc, char **argv);
int ctl_breaker(const struct ctl *ctl, int argc, char **argv);

/* Reads the configuration; NULL after its mistakes were printed to standard error. */
struct config *ctl_load(const struct ctl *ctl);

/* "posternctl: …" on standard error; returns CTL_USAGE. */
int ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
