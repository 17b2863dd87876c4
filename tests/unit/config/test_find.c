/* test_find.c - where the files are looked for, and which are refused for lying in the open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "site.h"

/* --- .env ----------------------------------------------------------------- */

static void
the_env_file_is_looked_for_in_order(void **state)
{
    struct site *site = *state;
    static const char *const places[] = {"etc/env", "home/.config/postern/env", "postern/.env",
                                         "work/.env"};
    for (size_t i = 0; i < 4; i++) {
        site_write(site, places[i], SITE_PAIR);
        assert_true(site_load(site));
        /* the program's directory is bin/, so its neighbour is written bin/../postern */
        const char *found = i == 2 ? "bin/../postern/.env" : places[i];
        assert_string_equal(site->config->env_path, site_path(site, found));
        assert_string_equal(site->mistakes.env_path, site_path(site, found));
    }
}

static void
a_named_env_file_is_the_only_one(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", "POSTERN_NONSENSE=1\n");
    site_write(site, "work/other", SITE_PAIR);
    site_set(site, "POSTERN_ENV_FILE=other");
    assert_true(site_load(site));
    assert_string_equal(site->config->env_path, site_path(site, "work/other"));
    site->sources.env_path = site_path(site, "work/missing");
    assert_false(site_load(site));
    site_expect_mistake(site, "environment: --env: there is no file \"%/work/missing\"");
}

static void
a_named_env_file_must_be_there(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    site_set(site, "POSTERN_ENV_FILE=/nowhere/env");
    assert_false(site_load(site));
    site_expect_mistake(site, "environment: POSTERN_ENV_FILE: there is no file \"/nowhere/env\"");
}

static void
says_where_it_looked(void **state)
{
    struct site *site = *state;
    assert_false(site_load(site));
    site_expect_mistake(site, "environment: PRIMARY_OPENAI_HOST: is missing");
    site_expect_mistake(site, "environment: no .env file was found (looked for %/work/.env, "
                              "%/bin/../postern/.env, %/home/.config/postern/env, %/etc/env)");
}

static void
the_environment_alone_is_enough(void **state)
{
    struct site *site = *state;
    site_set(site, "PRIMARY_OPENAI_HOST=https://a.example");
    site_set(site, "PRIMARY_OPENAI_API_KEY=1");
    site_set(site, "FALLBACK_OPENAI_HOST=https://b.example");
    site_set(site, "FALLBACK_OPENAI_API_KEY=2");
    assert_true(site_load(site));
    assert_null(site->config->env_path);
}

static void
a_file_everybody_can_change_is_refused(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", "POSTERN_NONSENSE=1\n");
    site_mode(site, "work/.env", 0602);
    assert_false(site_load(site));
    assert_int_equal(site->mistakes.count, 1); /* what stands in it is not even read */
    site_expect_mistake(
        site, "%/work/.env: can be changed by every user of this host: chmod o-w %/work/.env");
}

static void
a_file_everybody_can_read_is_warned_about(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    site_mode(site, "work/.env", 0644);
    assert_true(site_load(site));
    site_expect_warning(
        site, "%/work/.env: can be read by every user of this host: chmod o-rwx %/work/.env");
    site_mode(site, "work/.env", 0640);
    assert_true(site_load(site));
    for (size_t i = 0; i < site->mistakes.warning_count; i++)
        assert_null(strstr(site->mistakes.warnings[i], "can be read"));
}

static void
what_is_no_file_is_refused(void **state)
{
    struct site *site = *state;
    assert_int_equal(mkfifo(site_path(site, "work/.env"), 0600), 0);
    assert_false(site_load(site));
    site_expect_mistake(site, "%/work/.env: is not a regular file");
}

static void
a_file_too_large_is_refused(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    assert_int_equal(truncate(site_path(site, "work/.env"), 262145), 0);
    assert_false(site_load(site));
    site_expect_mistake(site, "%/work/.env: is larger than 262144 bytes");
}

/* --- document roots ------------------------------------------------------- */

static void
an_env_file_below_the_document_root_is_refused(void **state)
{
    struct site *site = *state;
    site_write(site, "htdocs/.env", SITE_PAIR);
    site->sources.working_dir = site_path(site, "htdocs");
    site->roots[0] = site->paths[5];
    site->sources.document_roots = site->roots;
    site->sources.document_root_count = 1;
    assert_false(site_load(site));
    site_expect_mistake(site, "%/htdocs/.env: lies below the document root \"%/htdocs\", where it "
                              "can be fetched: move it out");
    /* what it may say is not missed */
    assert_int_equal(site->mistakes.count, 1);
}

static void
the_document_root_of_a_cgi_environment_counts(void **state)
{
    struct site *site = *state;
    char variable[SITE_PATH_MAX];
    site_write(site, "htdocs/sub/.env", SITE_PAIR);
    /* a link does not hide it */
    assert_int_equal(symlink(site_path(site, "htdocs/sub"), site_path(site, "link")), 0);
    (void)snprintf(variable, sizeof(variable), "DOCUMENT_ROOT=%s/", site_path(site, "htdocs"));
    site_set(site, variable);
    site->sources.working_dir = site_path(site, "link");
    assert_false(site_load(site));
    site_expect_mistake(site, "%/link/.env: lies below the document root \"%/htdocs/\", where it "
                              "can be fetched: move it out");
}

static void
a_root_of_a_like_name_is_another(void **state)
{
    struct site *site = *state;
    site_write(site, "htdocs2/.env", SITE_PAIR);
    site->sources.working_dir = site_path(site, "htdocs2");
    site->roots[0] = site->paths[5];
    site->sources.document_roots = site->roots;
    site->sources.document_root_count = 1;
    assert_true(site_load(site));
}

/* --- postern.json --------------------------------------------------------- */

static void
postern_json_lies_beside_the_env_file(void **state)
{
    struct site *site = *state;
    site_write(site, "work/postern.json", "{}");
    site_write(site, "etc/env", SITE_PAIR);
    assert_true(site_load(site));
    assert_null(site->config->json_path);
    site_write(site, "etc/postern.json", "{}");
    assert_true(site_load(site));
    assert_string_equal(site->config->json_path, site_path(site, "etc/postern.json"));
}

static void
postern_json_can_be_named(void **state)
{
    struct site *site = *state;
    site_write(site, "etc/sub/more.json", "{}");
    site_write(site, "etc/env", SITE_PAIR "POSTERN_CONFIG=sub/more.json\n");
    assert_true(site_load(site));
    assert_string_equal(site->config->json_path, site_path(site, "etc/sub/more.json"));
    site_write(site, "etc/env", SITE_PAIR "POSTERN_CONFIG=gone.json\n");
    assert_false(site_load(site));
    site_expect_mistake(site, "%/etc/env:5: POSTERN_CONFIG: there is no file \"%/etc/gone.json\"");
}

static void
postern_json_without_secrets_may_be_read(void **state)
{
    struct site *site = *state;
    site_write(site, "work/postern.json",
               "{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"key\": \"${A_KEY}\"}}}");
    site_write(site, "work/.env", "A_KEY=1\n");
    site_mode(site, "work/postern.json", 0644);
    assert_true(site_load(site));
    for (size_t i = 0; i < site->mistakes.warning_count; i++)
        assert_null(strstr(site->mistakes.warnings[i], "can be read"));
    site_write(site, "work/postern.json",
               "{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"key\": \"literal\"}}}");
    site_mode(site, "work/postern.json", 0644);
    assert_true(site_load(site));
    site_expect_warning(site, "%/work/postern.json: can be read by every user of this host: "
                              "chmod o-rwx %/work/postern.json");
}

/* --- the state file ------------------------------------------------------- */

static void
the_state_file_lies_where_it_is_told_to(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "POSTERN_STATE=none\n"));
    assert_string_equal(site->config->state_path, "none");
    assert_true(site_load_env(site, "POSTERN_STATE=/var/x/file\n"));
    assert_string_equal(site->config->state_path, "/var/x/file");
    assert_true(site_load_env(site, "POSTERN_STATE=file\n"));
    assert_string_equal(site->config->state_path, site_path(site, "work/file"));
    assert_true(site_load_env(site, "POSTERN_STATE=../state\n"));
    assert_string_equal(site->config->state_path,
                        site_path(site, "work/../state/postern-v1.state"));
    site->sources.state_path = "/from/the/command/line";
    assert_true(site_load(site));
    assert_string_equal(site->config->state_path, "/from/the/command/line");
}

static void
the_state_file_finds_a_place_by_itself(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, ""));
    assert_string_equal(site->config->state_path, site_path(site, "work/state/postern-v1.state"));
    site->sources.statedir = site->paths[4];
    assert_true(site_load(site));
    assert_string_equal(site->config->state_path, site_path(site, "state/postern-v1.state"));
    site->sources.statedir = "/nowhere/at/all";
    assert_true(site_load(site));
    assert_string_equal(site->config->state_path, site_path(site, "work/state/postern-v1.state"));
}

static void
the_state_file_is_never_below_a_document_root(void **state)
{
    struct site *site = *state;
    site->roots[0] = site->paths[5];
    site->sources.document_roots = site->roots;
    site->sources.document_root_count = 1;
    site->sources.statedir = site->paths[5];
    assert_true(site_load_env(site, ""));
    assert_string_equal(site->config->state_path, site_path(site, "work/state/postern-v1.state"));
    assert_false(site_load_env(site, "POSTERN_STATE=../htdocs/new/file\n"));
    site_expect_mistake(site, "%/work/.env:5: POSTERN_STATE: \"%/work/../htdocs/new/file\" lies "
                              "below the document root: choose another place");
}

static void
the_state_file_falls_back_to_the_home_directory(void **state)
{
    struct site *site = *state;
    static const char pair[] = "PRIMARY_OPENAI_HOST=https://a.example\0PRIMARY_OPENAI_API_KEY=1\0"
                               "FALLBACK_OPENAI_HOST=https://b.example\0FALLBACK_OPENAI_API_KEY=2";
    for (const char *at = pair; at < pair + sizeof(pair); at += strlen(at) + 1)
        site_set(site, at);
    site->sources.look_only = true;
    assert_true(site_load(site));
    assert_string_equal(site->config->state_path,
                        site_path(site, "home/.local/state/postern/postern-v1.state"));
    assert_int_not_equal(access(site_path(site, "home/.local"), F_OK), 0);
    site->sources.look_only = false;
    assert_true(site_load(site));
    assert_int_equal(access(site_path(site, "home/.local/state"), F_OK), 0);
    site->sources.home_dir = NULL;
    assert_true(site_load(site));
    assert_string_equal(site->config->state_path, "none");
    site_expect_warning(site, "environment: POSTERN_STATE: no place for the state file was found: "
                              "every process has breakers of its own");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_up, site_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_env_file_is_looked_for_in_order),
        TEST(a_named_env_file_is_the_only_one),
        TEST(a_named_env_file_must_be_there),
        TEST(says_where_it_looked),
        TEST(the_environment_alone_is_enough),
        TEST(a_file_everybody_can_change_is_refused),
        TEST(a_file_everybody_can_read_is_warned_about),
        TEST(what_is_no_file_is_refused),
        TEST(a_file_too_large_is_refused),
        TEST(an_env_file_below_the_document_root_is_refused),
        TEST(the_document_root_of_a_cgi_environment_counts),
        TEST(a_root_of_a_like_name_is_another),
        TEST(postern_json_lies_beside_the_env_file),
        TEST(postern_json_can_be_named),
        TEST(postern_json_without_secrets_may_be_read),
        TEST(the_state_file_lies_where_it_is_told_to),
        TEST(the_state_file_finds_a_place_by_itself),
        TEST(the_state_file_is_never_below_a_document_root),
        TEST(the_state_file_falls_back_to_the_home_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
