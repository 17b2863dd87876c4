/* inert.c - a table of options that need another one to mean something. */
#include "config/inert.h"

#include <string.h>

#include "core/breaker.h"
#include "core/outcome.h"

static bool
has_window(const struct options *options)
{
    return option_window_kind(options->window) != BREAKER_WINDOW_NONE;
}

static bool
uses_failure_rate(const struct options *options)
{
    return has_window(options) || options->half_open_policy == BREAKER_RATE;
}

static bool
has_slow(const struct options *options)
{
    return options->slow_ms != OPTION_OFF;
}

static bool
has_backoff(const struct options *options)
{
    return options->backoff_percent > 100;
}

static bool
honours_wait(const struct options *options)
{
    return options->retry_after != 0;
}

static bool
is_llm(const struct options *options)
{
    return options->profile == OUTCOME_LLM;
}

static const struct {
    const char *env;
    bool (*has_effect)(const struct options *options);
    const char *reason;
} needs[] = {
    {"CIRCUIT_FAILURE_RATE", uses_failure_rate, "without circuit_window"},
    {"CIRCUIT_MIN_CALLS", uses_failure_rate, "without circuit_window"},
    {"CIRCUIT_SLOW_RATE", has_slow, "without circuit_slow"},
    {"CIRCUIT_OPEN_MAX", has_backoff, "without circuit_backoff above 1"},
    {"CIRCUIT_BACKOFF_RESET", has_backoff, "without circuit_backoff above 1"},
    {"CIRCUIT_RETRY_AFTER_MAX", honours_wait, "without circuit_retry_after = honour"},
    {"CIRCUIT_QUOTA_HOLD", is_llm, "without circuit_profile = llm"},
};

const char *
inert_reason(const struct option *option, const struct options *options)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (strcmp(needs[i].env, option->env) == 0 && !needs[i].has_effect(options))
            return needs[i].reason;
    }
    return NULL;
}
