/* ctl_check.c - posternctl check: what the configuration says, and all that is wrong with it. */
#include <stdio.h>

#include "base/keylike.h"
#include "base/pages.h"
#include "config/option.h"
#include "prog/ctl.h"
#include "prog/sandbox.h"

static const char *
text_or_none(const char *text)
{
    return text ? text : "none found";
}

/* The word of the table for an option's value. */
static const char *
choice(const char *env, int64_t value, char out[OPTION_NAME_MAX])
{
    return option_choice(option_find(span_from(env)), value, out);
}

static void
print_upstreams(const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *upstream = &config->upstreams[i];
        char dialect[OPTION_NAME_MAX];
        (void)printf("upstream      %s = %s%s, dialect %s%s%s%s\n", upstream->name,
                     keylike_mask(upstream->origin), keylike_mask(upstream->base_path),
                     choice("PRIMARY_OPENAI_DIALECT", upstream->dialect, dialect),
                     upstream->model ? ", model " : "",
                     upstream->model ? keylike_mask(upstream->model) : "",
                     *upstream->key != '\0' ? "" : ", no key");
    }
}

/* "eu|us(my-model)" */
static void
print_step(const struct route_step *step)
{
    for (size_t i = 0; i < step->count; i++) {
        const struct route_candidate *candidate = &step->candidates[i];
        (void)printf("%s%s", i > 0 ? "|" : "", candidate->upstream->name);
        if (candidate->model)
            (void)printf("(%s)", keylike_mask(candidate->model));
    }
}

/* "gpt-4o* = eu|us, openai" */
static void
print_routes(const struct config *config)
{
    for (size_t r = 0; r < config->routes.count; r++) {
        const struct route *route = &config->routes.routes[r];
        (void)printf("route         %s =", keylike_mask(route->model));
        for (size_t s = 0; s < route->count; s++) {
            (void)fputs(s > 0 ? ", " : " ", stdout);
            print_step(&route->steps[s]);
        }
        (void)putchar('\n');
    }
}

static void
print_access(const struct config *config)
{
    static const char *const users[] = {
        [CONFIG_USER_NEVER] = "",
        [CONFIG_USER_ALWAYS] = ", whoever REMOTE_USER names",
        [CONFIG_USER_VERIFIED] = ", users whom the web server verified",
    };
    (void)printf("gets in       %zu client keys, %zu operator keys%s%s%s\n",
                 config->client_key_count, config->admin_key_count,
                 users[config->trust_remote_user],
                 config->trust_loopback ? ", this host without a key" : "",
                 config->open ? ", everybody" : "");
}

/* What the responder gets from this kernel: it logs what it got (process_confined). */
static void
print_sandbox(const struct config *config)
{
    struct sandbox offer = sandbox_offer();
    (void)printf("sandbox       %s: ", config->sandbox ? "auto" : "no");
    if (!config->sandbox)
        (void)puts("the process may do what its user may");
    else if (offer.landlock > 0)
        (void)printf("no new rights, system calls%s filtered, files shut by Landlock %d\n",
                     offer.seccomp ? "" : " not", offer.landlock);
    else
        (void)printf("no new rights, system calls%s filtered, files open: this kernel has no "
                     "Landlock\n",
                     offer.seccomp ? "" : " not");
    (void)printf("keys          %zu, %s\n", config->secret_count,
                 pages_are_locked()
                     ? "in locked memory, which is not written to the swap"
                     : "not in locked memory: the limit (ulimit -l) of this user is too low");
}

int
ctl_check(const struct ctl *ctl, int argc, char **argv)
{
    struct config *config = NULL;
    struct config_mistakes mistakes;
    char profile[OPTION_NAME_MAX];
    if (argc > 0)
        return ctl_usage("check takes no argument \"%s\"", argv[0]);
    bool is_good = config_load(ctl->sources, &config, &mistakes) == 0;
    (void)printf(".env file     %s\n", text_or_none(mistakes.env_path));
    (void)printf("postern.json  %s\n", text_or_none(mistakes.json_path));
    (void)printf("state file    %s\n", keylike_mask(text_or_none(mistakes.state_path)));
    if (is_good) {
        (void)printf("profile       %s\n", choice("CIRCUIT_PROFILE", config->profile, profile));
        print_upstreams(config);
        print_routes(config);
        print_access(config);
        print_sandbox(config);
    }
    for (size_t i = 0; i < mistakes.warning_count; i++)
        (void)printf("warning       %s\n", mistakes.warnings[i]);
    for (size_t i = 0; i < mistakes.count; i++)
        (void)printf("mistake       %s\n", mistakes.lines[i]);
    size_t count = mistakes.count + mistakes.lost_count;
    if (is_good)
        (void)puts("The configuration is good.");
    else
        (void)printf("%zu %s: requests are answered 503 until %s mended.\n", count,
                     count == 1 ? "mistake" : "mistakes", count == 1 ? "it is" : "they are");
    config_free(config);
    config_mistakes_fini(&mistakes);
    return is_good ? CTL_OK : CTL_FAILED;
}
