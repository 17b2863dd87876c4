/* test_outcome.c - every row of breaker specification §2, in both profiles. */
#include "core/outcome.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OK BREAKER_OK
#define FAIL BREAKER_FAIL
#define IGN BREAKER_IGNORED
#define TRIP BREAKER_TRIP

/* What may happen next; a row without them is final. */
enum { FB = 1, RETRY = 2, ONCE = 4, RA = 8, COOL = 16, LONGER = 32 };

struct row {
    const char *name; /* the specification's number, then what was observed */
    struct outcome_facts facts;
    enum outcome_kind kind;
    enum breaker_verdict classic, llm;
    int next;
};

#define STATED_MS 7000

/* An answer of that status with a whole header block. */
#define STATUS(code) .head_complete = true, .body_complete = true, .status = (code)
#define SAYS(about_what) .complaint = {.about = (about_what)}
#define WAIT .stated_wait_ms = STATED_MS
#define BODY(what) .body = OUTCOME_BODY_##what
#define STOPPED(why) .fault = WIRE_STOPPED, .stop = OUTCOME_STOP_##why

/* Two lines a row; the columns: kind, classic, llm, next.
 * clang-format would give each field a line of its own. */
/* clang-format off */
static const struct row rows[] = {
    {"1 no address", {.fault = WIRE_RESOLVE}, OUTCOME_UNREACHABLE, FAIL, FAIL, FB | RETRY},
    {"1 refused", {.fault = WIRE_CONNECT, .os_errno = ECONNREFUSED},
     OUTCOME_UNREACHABLE, FAIL, FAIL, FB | RETRY},
    {"1 handshake", {.fault = WIRE_TLS}, OUTCOME_UNREACHABLE, FAIL, FAIL, FB | RETRY},
    {"2 this host", {.fault = WIRE_LOCAL}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"2 EMFILE", {.fault = WIRE_CONNECT, .os_errno = EMFILE}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"2 ENFILE", {.fault = WIRE_CONNECT, .os_errno = ENFILE}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"2 ENOMEM", {.fault = WIRE_CONNECT, .os_errno = ENOMEM}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"2 ENOBUFS", {.fault = WIRE_CONNECT, .os_errno = ENOBUFS}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"2 ports", {.fault = WIRE_CONNECT, .os_errno = EADDRNOTAVAIL}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"3 certificate", {.fault = WIRE_CERTIFICATE}, OUTCOME_UNREACHABLE, FAIL, TRIP, FB},
    {"4 no connection in time", {.fault = WIRE_CONNECT_TIMEOUT},
     OUTCOME_TIMEOUT, FAIL, FAIL, FB | RETRY},
    {"5 no byte in time", {STOPPED(NO_FIRST)}, OUTCOME_TIMEOUT, FAIL, FAIL, FB},
    {"5 a head, no first event", {STATUS(200), STOPPED(NO_FIRST), BODY(EMPTY)},
     OUTCOME_TIMEOUT, FAIL, FAIL, FB},
    {"5 silent inside", {STATUS(200), STOPPED(IDLE), BODY(STARTED)},
     OUTCOME_TIMEOUT, FAIL, FAIL, FB},
    {"5 nothing when the call's time was over", {STOPPED(TOTAL)}, OUTCOME_TIMEOUT, FAIL, FAIL, 0},
    {"6 flowing when the call's time was over", {STATUS(200), STOPPED(TOTAL), BODY(STARTED)},
     OUTCOME_TIMEOUT, IGN, IGN, 0},
    {"7 could not send", {.fault = WIRE_SEND}, OUTCOME_UNREACHABLE, FAIL, FAIL, FB | RETRY},
    {"7 no reply", {.fault = WIRE_NO_REPLY}, OUTCOME_UNREACHABLE, FAIL, FAIL, FB | RETRY},
    {"7 no HTTP", {.fault = WIRE_BAD_REPLY}, OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"7 head that breaks its rules", {STATUS(200), .fault = WIRE_BAD_REPLY, BODY(GOOD)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"7 head never ended", {.status = 200, .body_complete = true, BODY(GOOD)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"7 cut before the first event", {STATUS(200), .fault = WIRE_CUT, BODY(EMPTY)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"7 cut JSON", {STATUS(200), .fault = WIRE_CUT, BODY(WRONG)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"7 cut opaque answer", {STATUS(200), .fault = WIRE_CUT},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"7 opaque answer that ended short", {.head_complete = true, .status = 200},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"8 client left", {STOPPED(GONE)}, OUTCOME_GONE, IGN, IGN, 0},
    {"8 client left an error", {STATUS(500), STOPPED(GONE)}, OUTCOME_GONE, IGN, IGN, 0},
    {"8 client's upload broke", {STOPPED(CLIENT_BODY)}, OUTCOME_GONE, IGN, IGN, 0},
    {"9 good JSON", {STATUS(200), BODY(GOOD)}, OUTCOME_OK, OK, OK, 0},
    {"9 good opaque answer", {STATUS(204)}, OUTCOME_OK, OK, OK, 0},
    {"10 error inside, overloaded", {STATUS(200), BODY(ERROR), SAYS(COMPLAINT_OVERLOAD)},
     OUTCOME_FAILING, FAIL, FAIL, FB | RETRY | LONGER},
    {"10 error inside, limited", {STATUS(200), BODY(ERROR), SAYS(COMPLAINT_RATE), WAIT},
     OUTCOME_LIMITED, FAIL, IGN, FB | RETRY | RA | COOL},
    {"10 error inside, money", {STATUS(200), BODY(ERROR), SAYS(COMPLAINT_QUOTA)},
     OUTCOME_REFUSED, FAIL, TRIP, FB},
    {"10 error inside with a status of its own",
     {STATUS(200), BODY(ERROR), .complaint = {COMPLAINT_OTHER, 502, true}},
     OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"10 error inside without a meaning", {STATUS(200), BODY(ERROR), SAYS(COMPLAINT_OTHER)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB},
    {"10 error inside, the client's", {STATUS(200), BODY(ERROR), SAYS(COMPLAINT_CLIENT)},
     OUTCOME_CLIENT, OK, IGN, FB},
    {"10 error inside, content filter", {STATUS(200), BODY(ERROR), SAYS(COMPLAINT_CONTENT)},
     OUTCOME_REJECTED, OK, IGN, 0},
    {"11 HTML or not JSON", {STATUS(200), BODY(WRONG)}, OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"11 broken event, we stopped", {STATUS(200), STOPPED(MALFORMED), BODY(WRONG)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"11 nothing in it", {STATUS(200), BODY(EMPTY)}, OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"12 first event is an error",
     {STATUS(200), STOPPED(MALFORMED), BODY(ERROR), SAYS(COMPLAINT_SERVER)},
     OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"13 error event after content", {STATUS(200), BODY(STARTED), SAYS(COMPLAINT_OVERLOAD)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB},
    {"13 content filter after content", {STATUS(200), BODY(STARTED), SAYS(COMPLAINT_CONTENT)},
     OUTCOME_REJECTED, OK, IGN, 0},
    {"14 no finish", {STATUS(200), BODY(STARTED)}, OUTCOME_MALFORMED, FAIL, FAIL, FB},
    {"14 cut", {STATUS(200), .fault = WIRE_CUT, BODY(STARTED)}, OUTCOME_MALFORMED, FAIL, FAIL, FB},
    {"14 broken event after content", {STATUS(200), STOPPED(MALFORMED), BODY(STARTED)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB},
    {"14 broken event after its finish", {STATUS(200), STOPPED(MALFORMED), BODY(GOOD)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"14 cut after its finish", {STATUS(200), .fault = WIRE_CUT, BODY(GOOD)},
     OUTCOME_OK, OK, OK, 0},
    {"14 silent after its finish", {STATUS(200), STOPPED(IDLE), BODY(GOOD)}, OUTCOME_OK, OK, OK, 0},
    {"15 302", {STATUS(302)}, OUTCOME_REFUSED, OK, TRIP, FB},
    {"15 308", {STATUS(308)}, OUTCOME_REFUSED, OK, TRIP, FB},
    {"15 opaque", {STATUS(302), .opaque = true}, OUTCOME_REFUSED, OK, IGN, FB},
    {"16 400", {STATUS(400), SAYS(COMPLAINT_CLIENT)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 405", {STATUS(405)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 406", {STATUS(406)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 410", {STATUS(410)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 411", {STATUS(411)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 415", {STATUS(415)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 431", {STATUS(431)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"16 451", {STATUS(451)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"17 context", {STATUS(400), SAYS(COMPLAINT_CONTEXT)}, OUTCOME_TOO_LONG, OK, IGN, FB | ONCE},
    {"17 413", {STATUS(413)}, OUTCOME_TOO_LONG, OK, IGN, FB | ONCE},
    {"17 413, then reset", {STATUS(413), .fault = WIRE_SEND}, OUTCOME_TOO_LONG, OK, IGN, FB | ONCE},
    {"18 content", {STATUS(400), SAYS(COMPLAINT_CONTENT)}, OUTCOME_REJECTED, OK, IGN, 0},
    {"18 content by 403", {STATUS(403), SAYS(COMPLAINT_CONTENT)}, OUTCOME_REJECTED, OK, IGN, 0},
    {"19 spend limit by 400", {STATUS(400), SAYS(COMPLAINT_QUOTA)}, OUTCOME_REFUSED, OK, TRIP, FB},
    {"20 401", {STATUS(401), WAIT}, OUTCOME_REFUSED, OK, TRIP, FB | RA},
    {"20 403 that speaks of the key", {STATUS(403), SAYS(COMPLAINT_AUTH), WAIT},
     OUTCOME_REFUSED, OK, TRIP, FB | RA},
    {"20 403 that speaks of something else", {STATUS(403), WAIT}, OUTCOME_REFUSED, OK, IGN, FB | RA},
    {"20 a scope that our key has not", {STATUS(401), SAYS(COMPLAINT_SCOPE)},
     OUTCOME_REFUSED, OK, IGN, FB},
    {"20 an account that the client named",
     {STATUS(401), SAYS(COMPLAINT_AUTH), .client_named_account = true},
     OUTCOME_REFUSED, OK, IGN, FB},
    {"30 its money", {STATUS(429), SAYS(COMPLAINT_QUOTA), .client_named_account = true},
     OUTCOME_REFUSED, OK, IGN, FB},
    {"17 more than a minute's limit", {STATUS(429), SAYS(COMPLAINT_CONTEXT)},
     OUTCOME_TOO_LONG, OK, IGN, FB | ONCE},
    {"20 401 cut", {STATUS(401), .fault = WIRE_CUT}, OUTCOME_REFUSED, OK, TRIP, FB},
    {"20 key told by 400", {STATUS(400), SAYS(COMPLAINT_AUTH)}, OUTCOME_REFUSED, OK, TRIP, FB},
    {"20 opaque", {STATUS(403), .opaque = true}, OUTCOME_REFUSED, OK, IGN, FB},
    /* 21 cannot be: a client's own credentials are never passed through. */
    {"22 402", {STATUS(402), WAIT}, OUTCOME_REFUSED, OK, TRIP, FB},
    {"23 the client's model",
     {STATUS(404), SAYS(COMPLAINT_MODEL), .client_named_model = true, .breaker_per_model = true},
     OUTCOME_CLIENT, OK, IGN, 0},
    {"23 the client's model by 403",
     {STATUS(403), SAYS(COMPLAINT_MODEL), .client_named_model = true},
     OUTCOME_CLIENT, OK, IGN, 0},
    {"23 our model",
     {STATUS(404), SAYS(COMPLAINT_MODEL), .client_named_model = true, .model_is_replaced = true,
      .breaker_per_model = true},
     OUTCOME_REFUSED, OK, TRIP, FB},
    {"23 our model, one breaker for all models",
     {STATUS(404), SAYS(COMPLAINT_MODEL), .client_named_model = true, .model_is_replaced = true},
     OUTCOME_REFUSED, OK, IGN, FB},
    {"23 another 404", {STATUS(404)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"24 408", {STATUS(408), WAIT}, OUTCOME_FAILING, OK, FAIL, FB | RETRY | RA},
    {"25 409", {STATUS(409), WAIT}, OUTCOME_CLIENT, OK, IGN, RETRY | RA},
    {"26 421", {STATUS(421)}, OUTCOME_FAILING, OK, IGN, FB | RETRY},
    {"26 425", {STATUS(425)}, OUTCOME_FAILING, OK, IGN, FB | RETRY},
    {"27 422", {STATUS(422)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"28 424", {STATUS(424)}, OUTCOME_FAILING, OK, FAIL, FB},
    {"29 429 with a wait", {STATUS(429), WAIT}, OUTCOME_LIMITED, FAIL, IGN, FB | RETRY | RA | COOL},
    {"29 429 that says rate limit", {STATUS(429), SAYS(COMPLAINT_RATE), WAIT},
     OUTCOME_LIMITED, FAIL, IGN, FB | RETRY | RA | COOL},
    {"29 429 without a wait", {STATUS(429)}, OUTCOME_LIMITED, FAIL, FAIL, FB | RETRY},
    {"29 429, waits are ignored", {STATUS(429), WAIT, .ignores_wait = true},
     OUTCOME_LIMITED, FAIL, FAIL, FB | RETRY | RA},
    {"29 slow_down by 503", {STATUS(503), SAYS(COMPLAINT_RATE), WAIT},
     OUTCOME_LIMITED, FAIL, IGN, FB | RETRY | RA | COOL | LONGER},
    {"30 429 for money", {STATUS(429), SAYS(COMPLAINT_QUOTA), WAIT},
     OUTCOME_REFUSED, FAIL, TRIP, FB},
    {"31 499", {STATUS(499)}, OUTCOME_CLIENT, OK, IGN, 0},
    {"32 500", {STATUS(500), WAIT}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY | RA},
    {"32 502", {STATUS(502)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 504", {STATUS(504)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 520", {STATUS(520)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 527", {STATUS(527)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 530", {STATUS(530)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 598", {STATUS(598)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 599", {STATUS(599)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"32 500 whose body stalls", {STATUS(500), STOPPED(IDLE)}, OUTCOME_FAILING, FAIL, FAIL, FB},
    {"32 500 that speaks of the content filter", {STATUS(500), SAYS(COMPLAINT_CONTENT)},
     OUTCOME_FAILING, FAIL, FAIL, FB | RETRY},
    {"33 501", {STATUS(501)}, OUTCOME_CLIENT, FAIL, IGN, FB},
    {"33 505", {STATUS(505)}, OUTCOME_CLIENT, FAIL, IGN, FB},
    {"34 503", {STATUS(503)}, OUTCOME_FAILING, FAIL, FAIL, FB | RETRY | LONGER},
    {"34 503 with a wait", {STATUS(503), SAYS(COMPLAINT_OVERLOAD), WAIT},
     OUTCOME_FAILING, FAIL, FAIL, FB | RETRY | RA | COOL | LONGER},
    {"34 529 with a wait", {STATUS(529), WAIT},
     OUTCOME_FAILING, FAIL, FAIL, FB | RETRY | RA | COOL | LONGER},
    /* 35 is no attempt. The rest stands in faults and decisions. */
    {"U37 larger than held delivery takes", {STATUS(200), STOPPED(TOO_LARGE), BODY(STARTED)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB},
    {"U27 101", {STATUS(101)}, OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"U27 999", {STATUS(999)}, OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"U39 204 to an inference", {STATUS(204), BODY(EMPTY)},
     OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"U39 304", {STATUS(304)}, OUTCOME_MALFORMED, FAIL, FAIL, FB | RETRY},
    {"the process ends", {STATUS(200), STOPPED(DRAIN), BODY(STARTED)}, OUTCOME_LOCAL, IGN, IGN, 0},
    {"the process ends before an answer", {STOPPED(DRAIN)}, OUTCOME_LOCAL, IGN, IGN, 0},
};
/* clang-format on */

static struct outcome
judge(struct outcome_facts facts, enum outcome_profile profile)
{
    facts.should_retry = -1;
    return outcome_judge(&facts, profile);
}

static int
what_is_next(const struct outcome *outcome)
{
    return (outcome->may_fall_back ? FB : 0) | (outcome->may_retry ? RETRY : 0) |
           (outcome->once ? ONCE : 0) | (outcome->wait_ms > 0 ? RA : 0) |
           (outcome->cool_ms > 0 ? COOL : 0) | (outcome->overloaded ? LONGER : 0);
}

static void
assert_row(const struct row *row, enum outcome_profile profile)
{
    struct outcome outcome = judge(row->facts, profile);
    bool is_classic = profile == OUTCOME_CLASSIC;
    enum breaker_verdict verdict = is_classic ? row->classic : row->llm;
    int next = is_classic ? row->next & ~COOL : row->next;
    if (outcome.kind != row->kind || outcome.verdict != verdict || what_is_next(&outcome) != next)
        fail_msg("row %s (%s): %s, verdict %d, next %d; wanted %s, %d, %d", row->name,
                 is_classic ? "classic" : "llm", outcome_name(outcome.kind), (int)outcome.verdict,
                 what_is_next(&outcome), outcome_name(row->kind), (int)verdict, next);
}

static void
every_row_holds_in_the_llm_profile(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_row(&rows[i], OUTCOME_LLM);
}

/* The same fallback and retry; the verdict is the original's, and nothing cools down. */
static void
every_row_holds_in_the_classic_profile(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_row(&rows[i], OUTCOME_CLASSIC);
}

static void
every_row_of_the_table_has_a_test(void **state)
{
    (void)state;
    static const int without[] = {21, 35};
    for (int number = 1; number <= 35; number++) {
        char prefix[8];
        bool is_there = number == without[0] || number == without[1];
        snprintf(prefix, sizeof prefix, "%d ", number);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            is_there = is_there || strncmp(rows[i].name, prefix, strlen(prefix)) == 0;
        if (!is_there)
            fail_msg("row %d has no test", number);
    }
}

static void
classic_is_the_originals_rule_for_every_error_status(void **state)
{
    (void)state;
    for (int status = 400; status <= 599; status++) {
        struct outcome outcome = judge((struct outcome_facts){STATUS(status)}, OUTCOME_CLASSIC);
        bool fails = status == 429 || status >= 500;
        assert_int_equal(outcome.verdict, fails ? BREAKER_FAIL : BREAKER_OK);
    }
}

/* Takes the next digit, of base `count`, off a number that stands for a whole combination. */
static int
pick(unsigned *number, int count)
{
    int digit = (int)(*number % (unsigned)count);
    *number /= (unsigned)count;
    return digit;
}

static void
assert_promises(const struct outcome_facts *facts)
{
    struct outcome classic = outcome_judge(facts, OUTCOME_CLASSIC);
    struct outcome llm = outcome_judge(facts, OUTCOME_LLM);
    bool is_2xx = facts->head_complete && facts->status >= 200 && facts->status <= 299;

    assert_true(classic.verdict != BREAKER_TRIP && classic.cool_ms == 0);
    assert_true(classic.kind == llm.kind && classic.may_fall_back == llm.may_fall_back &&
                classic.may_retry == llm.may_retry && classic.wait_ms == llm.wait_ms);
    assert_true(llm.kind != OUTCOME_OK || is_2xx);
    assert_true(llm.verdict != BREAKER_OK || llm.kind == OUTCOME_OK);
    if (llm.kind == OUTCOME_OK)
        assert_true(facts->body == OUTCOME_BODY_GOOD ||
                    (facts->body == OUTCOME_BODY_UNCHECKED && facts->fault == WIRE_NO_FAULT));
    if (llm.kind == OUTCOME_REJECTED || llm.kind == OUTCOME_GONE || llm.kind == OUTCOME_LOCAL ||
        llm.kind == OUTCOME_OK)
        assert_false(llm.may_fall_back || llm.may_retry);
    if (facts->should_retry == 0)
        assert_false(llm.may_retry);
}

static void
no_facts_at_all_break_a_promise(void **state)
{
    (void)state;
    static const int statuses[] = {0,   100, 200, 204, 302, 304, 400, 401, 403, 404,
                                   408, 409, 413, 421, 429, 500, 501, 503, 529, 600};
    const int status_count = sizeof(statuses) / sizeof(statuses[0]);
    struct outcome_facts facts = {.body_complete = true, .stated_wait_ms = STATED_MS};
    for (unsigned combination = 0, rest = 0; rest == 0; combination++) {
        rest = combination;
        facts.status = statuses[pick(&rest, status_count)];
        facts.head_complete = pick(&rest, 2) == 1;
        facts.fault = (enum wire_fault)pick(&rest, WIRE_STOPPED + 1);
        facts.stop = (enum outcome_stop)pick(&rest, OUTCOME_STOP_DRAIN + 1);
        facts.body = (enum outcome_body)pick(&rest, OUTCOME_BODY_WRONG + 1);
        facts.complaint.about = (enum complaint)pick(&rest, COMPLAINT_CLIENT + 1);
        facts.should_retry = pick(&rest, 3) - 1;
        assert_promises(&facts);
    }
}

static void
x_should_retry_forbids_a_retry_and_changes_nothing_else(void **state)
{
    (void)state;
    struct outcome_facts facts = {STATUS(500), .should_retry = -1};
    struct outcome without = outcome_judge(&facts, OUTCOME_LLM);
    facts.should_retry = 0;
    struct outcome with = outcome_judge(&facts, OUTCOME_LLM);
    assert_true(without.may_retry);
    assert_false(with.may_retry);
    assert_true(with.may_fall_back && with.verdict == without.verdict && with.kind == without.kind);
}

static void
x_should_retry_allows_a_retry_for_any_error_status(void **state)
{
    (void)state;
    static const int statuses[] = {400, 401, 404, 422, 424, 429, 501};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct outcome_facts facts = {STATUS(statuses[i]), .should_retry = 1};
        assert_true(outcome_judge(&facts, OUTCOME_LLM).may_retry);
    }
    struct outcome_facts good = {STATUS(200), BODY(GOOD), .should_retry = 1};
    assert_false(outcome_judge(&good, OUTCOME_LLM).may_retry);
    struct outcome_facts stalled = {STATUS(500), STOPPED(IDLE), .should_retry = 1};
    assert_false(outcome_judge(&stalled, OUTCOME_LLM).may_retry);
}

static void
a_cool_down_is_as_long_as_stated(void **state)
{
    (void)state;
    struct outcome outcome =
        judge((struct outcome_facts){STATUS(429), .stated_wait_ms = 43}, OUTCOME_LLM);
    assert_int_equal(outcome.cool_ms, 43); /* V28 */
    assert_int_equal(outcome.wait_ms, 43);
    outcome = judge((struct outcome_facts){STATUS(429), .stated_wait_ms = 43}, OUTCOME_CLASSIC);
    assert_int_equal(outcome.cool_ms, 0);
    assert_int_equal(outcome.wait_ms, 43);
}

static void
slow_down_without_a_wait_rests_for_a_second(void **state)
{
    (void)state;
    struct outcome outcome =
        judge((struct outcome_facts){STATUS(503), SAYS(COMPLAINT_RATE)}, OUTCOME_LLM);
    assert_int_equal(outcome.verdict, BREAKER_IGNORED);
    assert_int_equal(outcome.cool_ms, 1000);
}

static void
the_words_for_the_attempts_header_are_short_and_true(void **state)
{
    (void)state;
    static const struct {
        enum outcome_kind kind;
        int status;
        const char *word;
    } words[] = {
        {OUTCOME_OK, 200, "200"},
        {OUTCOME_FAILING, 503, "503"},
        {OUTCOME_REFUSED, 302, "302"},
        {OUTCOME_LIMITED, 429, "429"},
        {OUTCOME_LIMITED, 200, "limited"},
        {OUTCOME_MALFORMED, 200, "malformed"},
        {OUTCOME_TIMEOUT, 0, "timeout"},
        {OUTCOME_TIMEOUT, 200, "timeout"},
        {OUTCOME_UNREACHABLE, 0, "unreachable"},
        {OUTCOME_CLIENT, 1000000, "client"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char out[OUTCOME_WORD_MAX];
        struct outcome outcome = {.kind = words[i].kind};
        assert_string_equal(outcome_word(out, &outcome, words[i].status), words[i].word);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_holds_in_the_llm_profile),
        cmocka_unit_test(every_row_holds_in_the_classic_profile),
        cmocka_unit_test(every_row_of_the_table_has_a_test),
        cmocka_unit_test(classic_is_the_originals_rule_for_every_error_status),
        cmocka_unit_test(no_facts_at_all_break_a_promise),
        cmocka_unit_test(x_should_retry_forbids_a_retry_and_changes_nothing_else),
        cmocka_unit_test(x_should_retry_allows_a_retry_for_any_error_status),
        cmocka_unit_test(a_cool_down_is_as_long_as_stated),
        cmocka_unit_test(slow_down_without_a_wait_rests_for_a_second),
        cmocka_unit_test(the_words_for_the_attempts_header_are_short_and_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
