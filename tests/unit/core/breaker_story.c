/* breaker_story.c - the player of breaker_story.h. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "breaker_story.h"

#define NAMES_MAX 8
#define UNTIL_MASK ((UINT64_C(1) << 36) - 1)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One sentence, taken apart. */
struct step {
    unsigned times;
    uint64_t number; /* in parentheses behind the verb; 0: none */
    char names[NAMES_MAX];
    unsigned name_count;
};

struct word {
    const char *start;
    size_t len;
};

/* --- the stand-in for the cell -------------------------------------------- */

struct story
story_begin(const struct breaker_rules *rules)
{
    return (struct story){.rules = *rules, .now_ms = STORY_BASE_MS};
}

struct breaker_permit
story_admit(struct story *story, bool last_resort)
{
    uint64_t next;
    struct breaker_permit permit =
        last_resort ? breaker_admit_last_resort(&story->words, story->now_ms, &story->rules, &next)
                    : breaker_admit(&story->words, story->now_ms, &story->rules, &next);

    story->words.control = next;
    if (breaker_is_admitted(&permit)) {
        story->last = permit;
    }
    return permit;
}

static struct breaker_totals
record(struct story *story, uint32_t generation, const struct breaker_report *report)
{
    struct window_result result = {.failed = report->verdict == BREAKER_FAIL ||
                                             report->verdict == BREAKER_TRIP,
                                   .slow = report->slow};
    unsigned size = story->rules.window_size;
    struct breaker_totals totals;

    if (story->rules.window == BREAKER_WINDOW_COUNT) {
        story->count_window =
            window_count_record(story->count_window, size, generation, result, &totals);
        return totals;
    }
    size_t slot = window_time_slot(size, story->now_ms);
    story->buckets[slot] =
        window_time_record(story->buckets[slot], size, story->now_ms, generation, result);
    return window_time_totals(story->buckets, size, story->now_ms, generation);
}

void
story_report(struct story *story, struct breaker_permit *permit,
             const struct breaker_report *report)
{
    uint64_t control = story->words.control;
    struct breaker_totals totals;
    uint32_t generation;
    bool wanted = breaker_wants_window(control, permit, report, &story->rules, &generation);

    if (wanted) {
        totals = record(story, generation, report);
    }
    story->effect = breaker_report(control, story->now_ms, &story->rules, permit, report,
                                   wanted ? &totals : NULL, &story->words.control);
    if (report->verdict == BREAKER_STARTED) {
        *permit = breaker_follow(story->words.control, permit);
    }
}

/* --- reading -------------------------------------------------------------- */

static _Noreturn void
wrong(const struct story *story, const char *expected)
{
    struct breaker_view view = breaker_view(&story->words, story->now_ms, &story->rules);

    print_error("%.*s  <-- expected %s\n", (int)(story->at - story->text), story->text, expected);
    print_error("the breaker is %s, control %016llx, failures %u, wait %llu\n",
                breaker_state_name(view.state), (unsigned long long)story->words.control,
                view.consecutive_failures, (unsigned long long)view.wait_ms);
    fail();
    abort(); /* not reached: fail() jumps */
}

static void
skip_blanks(struct story *story)
{
    story->at += strspn(story->at, " \n,;");
}

static bool
take(struct story *story, const char *token)
{
    size_t len = strlen(token);

    if (strncmp(story->at, token, len) != 0) {
        return false;
    }
    story->at += len;
    return true;
}

static uint64_t
take_number(struct story *story)
{
    char *end;
    uint64_t number = strtoull(story->at, &end, 10);

    if (end == story->at) {
        wrong(story, "a number here");
    }
    story->at = end;
    return number;
}

static struct word
take_word(struct story *story)
{
    struct word word = {.start = story->at};

    while (isalpha((unsigned char)*story->at) || (*story->at == '-' && story->at[1] != '>')) {
        story->at++;
    }
    word.len = (size_t)(story->at - word.start);
    return word;
}

static bool
is_word(struct word word, const char *name)
{
    return word.len == strlen(name) && memcmp(word.start, name, word.len) == 0;
}

/* "a,b" or "a..d", then "@". */
static void
take_names_and_time(struct story *story, struct step *step)
{
    story->at += strspn(story->at, " ");
    while (*story->at != '@') {
        bool range = step->name_count > 0 && take(story, "..");
        char name = *story->at;
        if (!islower((unsigned char)name)) {
            wrong(story, "the name of a call, or @ and a time");
        }
        char each = name;
        if (range) {
            each = step->names[step->name_count - 1];
            each++;
        }
        for (; each <= name && step->name_count < NAMES_MAX; each++) {
            step->names[step->name_count++] = each;
        }
        story->at++;
        story->at += strspn(story->at, ",");
    }
    story->at++;
    story->now_ms = STORY_BASE_MS + take_number(story);
}

/* --- answers -------------------------------------------------------------- */

struct expected {
    enum breaker_answer answer;
    bool any_rejection;
    bool wait_told;
    uint64_t wait_ms;
};

static const struct {
    const char *name;
    enum breaker_answer answer;
} answers[] = {{"Y", BREAKER_ADMITTED},
               {"P", BREAKER_PROBE},
               {"R", BREAKER_LAST_RESORT},
               {"free", BREAKER_FREE},
               {"cool", BREAKER_REJECTED_COOL},
               {"busy", BREAKER_REJECTED_BUSY},
               {"forced", BREAKER_REJECTED_FORCED}};

static bool
find_answer(struct word word, struct expected *expected)
{
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        if (is_word(word, answers[i].name)) {
            *expected = (struct expected){.answer = answers[i].answer};
            return true;
        }
    }
    return false;
}

/* False: the next word is no answer, and nothing was read. */
static bool
take_expected(struct story *story, struct expected *expected)
{
    const char *before = story->at;

    story->at += strspn(story->at, " ");
    struct word word = take_word(story);
    if (!is_word(word, "N")) {
        bool is_answer = find_answer(word, expected);
        story->at = is_answer ? story->at : before;
        return is_answer;
    }
    *expected = (struct expected){.any_rejection = true};
    if (take(story, "(")) {
        if (!find_answer(take_word(story), expected)) {
            expected->wait_told = true;
            expected->wait_ms = take_number(story);
        }
        (void)take(story, ")");
    }
    return true;
}

static void
check_answer(const struct story *story, const struct expected *expected,
             const struct breaker_permit *permit)
{
    bool same =
        expected->any_rejection ? !breaker_is_admitted(permit) : permit->answer == expected->answer;

    if (!same || (expected->wait_told && permit->wait_ms != expected->wait_ms)) {
        print_error("the answer was %s, wait %llu\n", breaker_answer_name(permit->answer),
                    (unsigned long long)permit->wait_ms);
        wrong(story, "this answer");
    }
}

/* --- verbs ---------------------------------------------------------------- */

/* As many calls as there are answers, or names; the last answer holds for all names left. */
static void
tell_admit(struct story *story, const struct step *step, int last_resort)
{
    struct expected expected;

    for (unsigned i = 0;; i++) {
        bool told = take_expected(story, &expected);
        if (!told && i == 0) {
            wrong(story, "an answer");
        }
        if (!told && i >= step->name_count) {
            return;
        }
        struct breaker_permit permit = story_admit(story, last_resort != 0);
        check_answer(story, &expected, &permit);
        if (i < step->name_count) {
            story->named[step->names[i] - 'a'] = permit;
        }
    }
}

static struct breaker_permit *
permit_of(struct story *story, const struct step *step, unsigned i)
{
    return i < step->name_count ? &story->named[step->names[i] - 'a'] : &story->last;
}

static void
tell_report(struct story *story, const struct step *step, int verdict)
{
    struct breaker_report report = {.verdict = (enum breaker_verdict)verdict,
                                    .stated_wait_ms = step->number};
    unsigned count = step->name_count > 0 ? step->name_count : step->times;

    for (unsigned i = 0; i < count; i++) {
        story_report(story, permit_of(story, step, i), &report);
    }
}

static void
tell_slow(struct story *story, const struct step *step, int verdict)
{
    struct breaker_report report = {.verdict = (enum breaker_verdict)verdict, .slow = true};

    story_report(story, permit_of(story, step, 0), &report);
}

static void
tell_killed(struct story *story, const struct step *step, int verdict)
{
    struct breaker_report report = {.verdict = (enum breaker_verdict)verdict};

    (void)record(story, permit_of(story, step, 0)->generation, &report);
}

static void
tell_renew(struct story *story, const struct step *step, int unused)
{
    struct expected expected;
    bool renewed = breaker_renew(story->words.control, permit_of(story, step, 0), story->now_ms,
                                 &story->rules, &story->words.control);

    (void)unused;
    if (!take_expected(story, &expected) || renewed == expected.any_rejection) {
        wrong(story, renewed ? "Y" : "N");
    }
}

static void
tell_cool(struct story *story, const struct step *step, int unused)
{
    (void)unused;
    story->words.cool_until_ms =
        breaker_cool(story->words.cool_until_ms, story->now_ms, step->number, &story->rules);
}

static void
tell_override(struct story *story, const struct step *step, int override)
{
    story->words.override_until_ms = step->number > 0 ? STORY_BASE_MS + step->number : 0;
    story->words.control =
        breaker_override(story->words.control, (enum breaker_override) override, story->now_ms);
}

static void
tell_reset(struct story *story, const struct step *step, int unused)
{
    (void)step;
    (void)unused;
    story->words.cool_until_ms = 0;
    story->words.control = breaker_reset(story->words.control, story->now_ms);
}

static const struct verb {
    const char *name;
    void (*tell)(struct story *story, const struct step *step, int argument);
    int argument;
} verbs[] = {{"A", tell_admit, 0},
             {"L", tell_admit, 1},
             {"S", tell_report, BREAKER_OK},
             {"F", tell_report, BREAKER_FAIL},
             {"I", tell_report, BREAKER_IGNORED},
             {"T", tell_report, BREAKER_TRIP},
             {"start", tell_report, BREAKER_STARTED},
             {"end", tell_report, BREAKER_FINISHED},
             {"s", tell_slow, BREAKER_OK},
             {"slow-start", tell_slow, BREAKER_STARTED},
             {"F-killed", tell_killed, BREAKER_FAIL},
             {"renew", tell_renew, 0},
             {"cool", tell_cool, 0},
             {"force-open", tell_override, BREAKER_FORCED_OPEN},
             {"force-closed", tell_override, BREAKER_FORCED_CLOSED},
             {"metrics-only", tell_override, BREAKER_METRICS_ONLY},
             {"auto", tell_override, BREAKER_AUTO},
             {"reset", tell_reset, 0}};

/* --- sentences ------------------------------------------------------------ */

static void
tell_step(struct story *story)
{
    struct step step = {.times = 1};

    if (isdigit((unsigned char)*story->at)) {
        step.times = (unsigned)take_number(story);
        (void)take(story, "x");
    }
    struct word name = take_word(story);
    if (take(story, "(")) {
        step.number = take_number(story);
        (void)take(story, ")");
    }
    take_names_and_time(story, &step);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (is_word(name, verbs[i].name)) {
            verbs[i].tell(story, &step, verbs[i].argument);
            return;
        }
    }
    wrong(story, "a verb");
}

/* Reads the word's own bits, as they are drawn in breaker.h, so that an OPEN whose time has passed
 * can be told from HALF_OPEN. */
static void
check_state(struct story *story)
{
    uint64_t control = story->words.control;
    struct breaker_view view = breaker_view(&story->words, story->now_ms, &story->rules);
    uint64_t state = control >> 60 & 3;
    bool same = false;

    skip_blanks(story);
    if (take(story, "C(")) {
        same = take_number(story) == view.consecutive_failures && state == 0;
    } else if (take(story, "O(")) {
        uint64_t until_ms = STORY_BASE_MS + take_number(story);
        same = (until_ms & UNTIL_MASK) == (control & UNTIL_MASK) && state == 1;
    } else if (take(story, "H")) {
        same = state == 2;
    }
    (void)take(story, ")");
    if (!same) {
        wrong(story, "this state");
    }
}

void
story_tell(struct story *story, const char *text)
{
    story->text = text;
    story->at = text;
    for (skip_blanks(story); *story->at != '\0'; skip_blanks(story)) {
        if (take(story, "->")) {
            check_state(story);
        } else if (take(story, "dropped")) {
            if (story->effect != BREAKER_STALE) {
                wrong(story, "the report to be dropped");
            }
        } else {
            tell_step(story);
        }
    }
}

struct story
story_play(const struct breaker_rules *rules, const char *text)
{
    struct story story = story_begin(rules);

    story_tell(&story, text);
    return story;
}
