/* outcome.c - finds the row of the table that an attempt's facts belong to, and reads it. */
#include "core/outcome.h"

#include <errno.h>
#include <stddef.h>

/* What happened, as finely as it makes a difference. */
enum row {
    ROW_UNREACHABLE, /* nothing was sent, or no byte came back */
    ROW_LOCAL,       /* this host's limits, or the end of this process */
    ROW_CERTIFICATE,
    ROW_CONNECT_TIMEOUT,
    ROW_SILENT,          /* no answer in time, or silence inside one */
    ROW_OVERTIME_SILENT, /* the same, where the whole call's time was shorter than the upstream's */
    ROW_OVERTIME,        /* the call's time ended while an answer flowed */
    ROW_BROKEN,          /* an answer that is no HTTP, or was cut before it was one */
    ROW_GONE,            /* the client left */
    ROW_OK,
    ROW_ERROR_INSIDE, /* an error in a 200 that says nothing that we know */
    ROW_WRONG,        /* a 200 whose body is not what was asked for */
    ROW_INTERRUPTED,  /* a stream with content and without its end */
    ROW_TOO_LARGE,    /* an answer beyond its maximum */
    ROW_REDIRECT,
    ROW_REDIRECT_OPAQUE,
    ROW_CLIENT,     /* any other 4xx */
    ROW_TOO_LONG,   /* for the model's context */
    ROW_REJECTED,   /* content policy */
    ROW_KEY,        /* 401, 403: our key is not good */
    ROW_KEY_OPAQUE, /* the same on an opaque path, or by what the client asked for */
    ROW_MONEY,      /* our quota or our bill */
    ROW_MODEL,      /* an unknown model that the client named */
    ROW_MODEL_OURS, /* one that we chose, and the breaker is that model's */
    ROW_MODEL_OURS_SHARED,
    ROW_LATE,        /* 408 */
    ROW_CONFLICT,    /* 409 */
    ROW_MISDIRECTED, /* 421, 425 */
    ROW_DEPENDENCY,  /* 424 */
    ROW_LIMITED,     /* 429 */
    ROW_SLOW_DOWN,   /* a limit, told by a 503 */
    ROW_MONEY_429,   /* our money, told by a 429 */
    ROW_FAILING,     /* 500 and all from there that are not named */
    ROW_UNSUPPORTED, /* 501, 505 */
    ROW_OVERLOADED,  /* 503, 529 */
    ROW_COUNT
};

enum trait {
    NEXT = 1,   /* falls back */
    AGAIN = 2,  /* the same upstream may be tried again */
    WAIT = 4,   /* the stated wait is honoured */
    COOL = 8,   /* … and is a cool-down */
    SPARE = 16, /* … which takes the place of the failure */
    ONCE = 32,
    LONGER = 64 /* a retry backs off longer */
};

/* The verdict in each profile, and what else follows.
 *
 * Classic is the original's rule (429, >= 500 or no answer fails, all else is a success) but for an
 * answer that was thrown away for its body: to call that a success would close a half-open breaker
 * on it, so it is a failure there too. */
struct rule {
    enum outcome_kind kind;
    enum breaker_verdict classic;
    enum breaker_verdict llm;
    unsigned traits;
};

static const struct rule rules[ROW_COUNT] = {
    [ROW_UNREACHABLE] = {OUTCOME_UNREACHABLE, BREAKER_FAIL, BREAKER_FAIL, NEXT | AGAIN},
    [ROW_LOCAL] = {OUTCOME_LOCAL, BREAKER_IGNORED, BREAKER_IGNORED, 0},
    [ROW_CERTIFICATE] = {OUTCOME_UNREACHABLE, BREAKER_FAIL, BREAKER_TRIP, NEXT},
    [ROW_CONNECT_TIMEOUT] = {OUTCOME_TIMEOUT, BREAKER_FAIL, BREAKER_FAIL, NEXT | AGAIN},
    [ROW_SILENT] = {OUTCOME_TIMEOUT, BREAKER_FAIL, BREAKER_FAIL, NEXT},
    [ROW_OVERTIME_SILENT] = {OUTCOME_TIMEOUT, BREAKER_FAIL, BREAKER_FAIL, 0},
    [ROW_OVERTIME] = {OUTCOME_TIMEOUT, BREAKER_IGNORED, BREAKER_IGNORED, 0},
    [ROW_BROKEN] = {OUTCOME_MALFORMED, BREAKER_FAIL, BREAKER_FAIL, NEXT | AGAIN},
    [ROW_GONE] = {OUTCOME_GONE, BREAKER_IGNORED, BREAKER_IGNORED, 0},
    [ROW_OK] = {OUTCOME_OK, BREAKER_OK, BREAKER_OK, 0},
    [ROW_ERROR_INSIDE] = {OUTCOME_MALFORMED, BREAKER_FAIL, BREAKER_FAIL, NEXT | WAIT},
    [ROW_WRONG] = {OUTCOME_MALFORMED, BREAKER_FAIL, BREAKER_FAIL, NEXT | AGAIN},
    [ROW_INTERRUPTED] = {OUTCOME_MALFORMED, BREAKER_FAIL, BREAKER_FAIL, NEXT},
    [ROW_TOO_LARGE] = {OUTCOME_MALFORMED, BREAKER_FAIL, BREAKER_FAIL, NEXT},
    [ROW_REDIRECT] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_TRIP, NEXT},
    [ROW_REDIRECT_OPAQUE] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_IGNORED, NEXT},
    [ROW_CLIENT] = {OUTCOME_CLIENT, BREAKER_OK, BREAKER_IGNORED, 0},
    [ROW_TOO_LONG] = {OUTCOME_TOO_LONG, BREAKER_OK, BREAKER_IGNORED, NEXT | ONCE},
    [ROW_REJECTED] = {OUTCOME_REJECTED, BREAKER_OK, BREAKER_IGNORED, 0},
    [ROW_KEY] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_TRIP, NEXT | WAIT},
    [ROW_KEY_OPAQUE] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_IGNORED, NEXT | WAIT},
    [ROW_MONEY] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_TRIP, NEXT},
    [ROW_MODEL] = {OUTCOME_CLIENT, BREAKER_OK, BREAKER_IGNORED, 0},
    [ROW_MODEL_OURS] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_TRIP, NEXT},
    [ROW_MODEL_OURS_SHARED] = {OUTCOME_REFUSED, BREAKER_OK, BREAKER_IGNORED, NEXT},
    [ROW_LATE] = {OUTCOME_FAILING, BREAKER_OK, BREAKER_FAIL, NEXT | AGAIN | WAIT},
    [ROW_CONFLICT] = {OUTCOME_CLIENT, BREAKER_OK, BREAKER_IGNORED, AGAIN | WAIT},
    [ROW_MISDIRECTED] = {OUTCOME_FAILING, BREAKER_OK, BREAKER_IGNORED, NEXT | AGAIN},
    [ROW_DEPENDENCY] = {OUTCOME_FAILING, BREAKER_OK, BREAKER_FAIL, NEXT},
    [ROW_LIMITED] = {OUTCOME_LIMITED, BREAKER_FAIL, BREAKER_FAIL,
                     NEXT | AGAIN | WAIT | COOL | SPARE},
    [ROW_SLOW_DOWN] = {OUTCOME_LIMITED, BREAKER_FAIL, BREAKER_FAIL,
                       NEXT | AGAIN | WAIT | COOL | SPARE | LONGER},
    [ROW_MONEY_429] = {OUTCOME_REFUSED, BREAKER_FAIL, BREAKER_TRIP, NEXT},
    [ROW_FAILING] = {OUTCOME_FAILING, BREAKER_FAIL, BREAKER_FAIL, NEXT | AGAIN | WAIT},
    /* another upstream may well support it: every status from 500 falls back, as it always did */
    [ROW_UNSUPPORTED] = {OUTCOME_CLIENT, BREAKER_FAIL, BREAKER_IGNORED, NEXT},
    [ROW_OVERLOADED] = {OUTCOME_FAILING, BREAKER_FAIL, BREAKER_FAIL,
                        NEXT | AGAIN | WAIT | COOL | LONGER},
};

/* An upstream that says "slow down" without a number wants this much at least. */
#define SLOW_DOWN_LEAST_MS 1000

/* What an error body says, where that outweighs its status. A 5xx that speaks of the content filter
 * may as well be the filter's own failure: there the status decides. A 403 that names the model is
 * about the model, not about our key. */
struct complaint_rule {
    enum complaint about;
    int from, to;
    enum row row;
};
static const struct complaint_rule complaint_rules[] = {
    {COMPLAINT_CONTENT, 400, 428, ROW_REJECTED}, {COMPLAINT_CONTEXT, 400, 400, ROW_TOO_LONG},
    {COMPLAINT_CONTEXT, 413, 413, ROW_TOO_LONG}, {COMPLAINT_CONTEXT, 422, 422, ROW_TOO_LONG},
    {COMPLAINT_QUOTA, 400, 428, ROW_MONEY},      {COMPLAINT_QUOTA, 429, 429, ROW_MONEY_429},
    {COMPLAINT_AUTH, 400, 400, ROW_KEY},         {COMPLAINT_MODEL, 400, 428, ROW_MODEL},
    {COMPLAINT_RATE, 503, 503, ROW_SLOW_DOWN},   {COMPLAINT_SCOPE, 401, 403, ROW_KEY_OPAQUE},
    {COMPLAINT_AUTH, 403, 403, ROW_KEY},         {COMPLAINT_CONTEXT, 429, 429, ROW_TOO_LONG},
};

/* The first range that holds a status. A 304 answers a condition that we never send. */
struct status_rule {
    int from, to;
    enum row row;
};
static const struct status_rule status_rules[] = {
    {304, 304, ROW_WRONG},       {300, 399, ROW_REDIRECT},    {401, 401, ROW_KEY},
    {402, 402, ROW_MONEY},       {403, 403, ROW_KEY_OPAQUE},  {408, 408, ROW_LATE},
    {409, 409, ROW_CONFLICT},    {413, 413, ROW_TOO_LONG},    {421, 421, ROW_MISDIRECTED},
    {424, 424, ROW_DEPENDENCY},  {425, 425, ROW_MISDIRECTED}, {429, 429, ROW_LIMITED},
    {400, 499, ROW_CLIENT},      {501, 501, ROW_UNSUPPORTED}, {503, 503, ROW_OVERLOADED},
    {505, 505, ROW_UNSUPPORTED}, {529, 529, ROW_OVERLOADED},  {500, 599, ROW_FAILING},
};

/* The status that an error inside a 200 stands for when it names none itself; 0: unknown. */
static const int complaint_statuses[] = {
    [COMPLAINT_NONE] = 0,    [COMPLAINT_OTHER] = 0,      [COMPLAINT_QUOTA] = 429,
    [COMPLAINT_RATE] = 429,  [COMPLAINT_OVERLOAD] = 529, [COMPLAINT_SERVER] = 500,
    [COMPLAINT_AUTH] = 401,  [COMPLAINT_CONTEXT] = 400,  [COMPLAINT_CONTENT] = 400,
    [COMPLAINT_MODEL] = 404, [COMPLAINT_SCOPE] = 401,    [COMPLAINT_CLIENT] = 400,
};

/* A kind's name, and whether X-Postern-Attempts tells it by the status where there was one. */
struct kind_row {
    const char *name;
    bool is_told_by_status;
};
static const struct kind_row kinds[] = {
    [OUTCOME_OK] = {"ok", true},
    [OUTCOME_UNREACHABLE] = {"unreachable", false},
    [OUTCOME_TIMEOUT] = {"timeout", false},
    [OUTCOME_FAILING] = {"failing", true},
    [OUTCOME_LIMITED] = {"limited", true},
    [OUTCOME_REFUSED] = {"refused", true},
    [OUTCOME_TOO_LONG] = {"too_long", true},
    [OUTCOME_REJECTED] = {"rejected", true},
    [OUTCOME_CLIENT] = {"client", true},
    [OUTCOME_MALFORMED] = {"malformed", false},
    [OUTCOME_LOCAL] = {"local", false},
    [OUTCOME_GONE] = {"gone", false},
};

static bool
is_success(int status)
{
    return status >= 200 && status <= 299;
}

/* Out of descriptors, memory or ports: to blame the upstream would open every breaker at once. */
static bool
is_local(const struct outcome_facts *facts)
{
    static const int errnos[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL};
    if (facts->fault == WIRE_LOCAL)
        return true;
    for (size_t i = 0; facts->fault == WIRE_CONNECT && i < sizeof(errnos) / sizeof(errnos[0]);
         i++) {
        if (facts->os_errno == errnos[i])
            return true;
    }
    return false;
}

static bool
is_time_out(enum outcome_stop stop)
{
    return stop == OUTCOME_STOP_NO_FIRST || stop == OUTCOME_STOP_IDLE || stop == OUTCOME_STOP_TOTAL;
}

/* Can the status be believed? One that came before the transfer broke can (a 413 is often followed
 * by a reset), and a 2xx only where the whole request was sent. */
static bool
has_status(const struct outcome_facts *facts)
{
    if (!facts->head_complete)
        return false;
    return facts->fault == WIRE_NO_FAULT || facts->fault == WIRE_CUT ||
           facts->fault == WIRE_STOPPED ||
           (facts->fault == WIRE_SEND && !is_success(facts->status));
}

/* Who chose the model decides whose mistake an unknown one is, and an opaque path trips nothing. */
static enum row
refine(enum row row, const struct outcome_facts *facts)
{
    bool is_account = row == ROW_KEY || row == ROW_MONEY || row == ROW_MONEY_429;
    if (is_account && facts->client_named_account)
        return ROW_KEY_OPAQUE;
    if (row == ROW_KEY && facts->opaque)
        return ROW_KEY_OPAQUE;
    if (row == ROW_REDIRECT && facts->opaque)
        return ROW_REDIRECT_OPAQUE;
    if (row != ROW_MODEL || (facts->client_named_model && !facts->model_is_replaced))
        return row;
    return facts->breaker_per_model ? ROW_MODEL_OURS : ROW_MODEL_OURS_SHARED;
}

/* The row of an error status. A status that HTTP does not have (101, 999) is no answer at all. */
static enum row
status_row(const struct outcome_facts *facts, int status)
{
    for (size_t i = 0; i < sizeof(complaint_rules) / sizeof(complaint_rules[0]); i++) {
        const struct complaint_rule *rule = &complaint_rules[i];
        if (rule->about == facts->complaint.about && status >= rule->from && status <= rule->to)
            return refine(rule->row, facts);
    }
    for (size_t i = 0; i < sizeof(status_rules) / sizeof(status_rules[0]); i++) {
        if (status >= status_rules[i].from && status <= status_rules[i].to)
            return refine(status_rules[i].row, facts);
    }
    return ROW_BROKEN;
}

/* The row of an error that stands where a 2xx answer should be. */
static enum row
inner_row(const struct outcome_facts *facts)
{
    int status = facts->complaint.status;
    if (status < 400 || status > 599)
        status = complaint_statuses[facts->complaint.about];
    return status == 0 ? ROW_ERROR_INSIDE : status_row(facts, status);
}

/* Why we ended a transfer that had no verdict of its own. */
static enum row
stop_row(const struct outcome_facts *facts)
{
    bool flowed = has_status(facts) &&
                  (facts->body == OUTCOME_BODY_STARTED || facts->body == OUTCOME_BODY_UNCHECKED);
    switch (facts->stop) {
    case OUTCOME_STOP_NO_FIRST:
    case OUTCOME_STOP_IDLE:
        return ROW_SILENT;
    case OUTCOME_STOP_TOTAL:
        return flowed ? ROW_OVERTIME : ROW_OVERTIME_SILENT;
    case OUTCOME_STOP_GONE:
    case OUTCOME_STOP_CLIENT_BODY:
        return ROW_GONE;
    case OUTCOME_STOP_TOO_LARGE:
        return ROW_TOO_LARGE;
    case OUTCOME_STOP_MALFORMED:
        return facts->body == OUTCOME_BODY_STARTED ? ROW_INTERRUPTED : ROW_WRONG;
    case OUTCOME_NOT_STOPPED: /* stopped without a reason: ours, not the upstream's */
    case OUTCOME_STOP_LOCAL:
    case OUTCOME_STOP_DRAIN:
        return ROW_LOCAL;
    }
    return ROW_LOCAL;
}

/* The row of a 2xx: its body decides. A finish that was seen counts whatever ended the transfer
 * afterwards; an error that was seen counts whatever the transfer said. */
static enum row
answer_row(const struct outcome_facts *facts)
{
    bool broke_rules =
        facts->stop == OUTCOME_STOP_MALFORMED || facts->stop == OUTCOME_STOP_TOO_LARGE;
    if (facts->body == OUTCOME_BODY_GOOD && !broke_rules)
        return ROW_OK;
    if (facts->body == OUTCOME_BODY_ERROR)
        return inner_row(facts);
    if (facts->body == OUTCOME_BODY_STARTED && facts->complaint.about == COMPLAINT_CONTENT)
        return ROW_REJECTED;
    if (facts->stop != OUTCOME_NOT_STOPPED || facts->fault == WIRE_STOPPED)
        return stop_row(facts);
    if (facts->body == OUTCOME_BODY_STARTED)
        return ROW_INTERRUPTED;
    if (facts->fault == WIRE_CUT)
        return ROW_BROKEN;
    if (facts->body == OUTCOME_BODY_UNCHECKED)
        return facts->body_complete ? ROW_OK : ROW_BROKEN;
    return ROW_WRONG;
}

/* The row of an attempt that brought no header block, or none that can be believed. */
static enum row
fault_row(const struct outcome_facts *facts)
{
    switch (facts->fault) {
    case WIRE_RESOLVE:
    case WIRE_CONNECT:
    case WIRE_TLS:
    case WIRE_SEND:
    case WIRE_NO_REPLY:
        return ROW_UNREACHABLE;
    case WIRE_CONNECT_TIMEOUT:
        return ROW_CONNECT_TIMEOUT;
    case WIRE_CERTIFICATE:
        return ROW_CERTIFICATE;
    case WIRE_LOCAL:
        return ROW_LOCAL;
    case WIRE_NO_FAULT: /* the library is content with a header block that never ended */
    case WIRE_BAD_REPLY:
    case WIRE_CUT:
        return ROW_BROKEN;
    case WIRE_STOPPED:
        return stop_row(facts);
    }
    return ROW_LOCAL;
}

static enum row
find_row(const struct outcome_facts *facts)
{
    if (facts->stop == OUTCOME_STOP_GONE || facts->stop == OUTCOME_STOP_CLIENT_BODY)
        return ROW_GONE;
    if (is_local(facts))
        return ROW_LOCAL;
    if (has_status(facts))
        return is_success(facts->status) ? answer_row(facts) : status_row(facts, facts->status);
    return facts->stop != OUTCOME_NOT_STOPPED ? stop_row(facts) : fault_row(facts);
}

static uint64_t
honoured_wait_ms(enum row row, const struct outcome_facts *facts)
{
    uint64_t least_ms = row == ROW_SLOW_DOWN ? SLOW_DOWN_LEAST_MS : 0;
    if ((rules[row].traits & WAIT) == 0)
        return 0;
    return facts->stated_wait_ms > least_ms ? facts->stated_wait_ms : least_ms;
}

static bool
may_retry(enum row row, const struct outcome_facts *facts)
{
    enum outcome_kind kind = rules[row].kind;
    bool is_final = kind == OUTCOME_OK || kind == OUTCOME_GONE || kind == OUTCOME_LOCAL ||
                    kind == OUTCOME_REJECTED;
    /* A silent upstream only multiplies the wait, whatever it said before. */
    if (is_final || is_time_out(facts->stop) || facts->should_retry == 0)
        return false;
    return facts->should_retry > 0 || (rules[row].traits & AGAIN) != 0;
}

struct outcome
outcome_judge(const struct outcome_facts *facts, enum outcome_profile profile)
{
    enum row row = find_row(facts);
    const struct rule *rule = &rules[row];
    struct outcome outcome = {
        .kind = rule->kind,
        .verdict = profile == OUTCOME_CLASSIC ? rule->classic : rule->llm,
        .may_fall_back = (rule->traits & NEXT) != 0,
        .may_retry = may_retry(row, facts),
        .wait_ms = honoured_wait_ms(row, facts),
        .once = (rule->traits & ONCE) != 0,
        .overloaded = (rule->traits & LONGER) != 0,
    };
    if (profile == OUTCOME_LLM && (rule->traits & COOL) != 0 && !facts->ignores_wait)
        outcome.cool_ms = outcome.wait_ms;
    if (outcome.cool_ms > 0 && (rule->traits & SPARE) != 0)
        outcome.verdict = BREAKER_IGNORED;
    if (rule->kind == OUTCOME_CLIENT && is_success(facts->status))
        outcome.may_fall_back = true; /* an error inside a 200, however it is worded */
    return outcome;
}

const char *
outcome_name(enum outcome_kind kind)
{
    return kinds[kind].name;
}

const char *
outcome_word(char out[OUTCOME_WORD_MAX], const struct outcome *outcome, int status)
{
    /* A 200 that carried an error is told by what it was. */
    bool explains = is_success(status) == (outcome->kind == OUTCOME_OK);
    if (!kinds[outcome->kind].is_told_by_status || !explains || status < 100 || status > 999)
        return kinds[outcome->kind].name;
    (void)num_format_u64(out, (uint64_t)status);
    return out;
}
