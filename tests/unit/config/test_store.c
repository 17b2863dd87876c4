/* test_store.c - a running process follows its files, and never onto bad ones. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secrets.h"
#include "site.h"

static struct config_store *store;
static uint64_t now_ms;
static int log_fd = -1;

static int
up(void **state)
{
    if (site_up(state) != 0)
        return -1;
    struct site *site = *state;
    log_fd = open(site_path(site, "log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_open(log_fd, LOG_LEVEL_INFO);
    return log_fd < 0 ? -1 : 0;
}

static int
down(void **state)
{
    config_store_free(store);
    store = NULL;
    log_open(STDERR_FILENO, LOG_LEVEL_INFO);
    (void)close(log_fd);
    return site_down(state);
}

/* In the place of secrets_take(), by the linker. */
static bool is_out_of_memory;
int __real_secrets_take(const struct span *secrets, size_t count);
int __wrap_secrets_take(const struct span *secrets, size_t count);

int
__wrap_secrets_take(const struct span *secrets, size_t count)
{
    return is_out_of_memory ? -1 : __real_secrets_take(secrets, count);
}

static void
start(struct site *site)
{
    struct err err;
    store = config_store_new(&site->sources, &err);
    assert_non_null(store);
    now_ms = clock_boot_ms() + 10000;
}

/* The look that a request makes two seconds later. */
static void
look(void)
{
    now_ms += 2000;
    config_store_refresh_at(store, now_ms);
}

/* How often the log holds the text. */
static size_t
logged(const char *text)
{
    static char all[65536];
    ssize_t len = pread(log_fd, all, sizeof(all) - 1, 0);
    assert_true(len >= 0);
    all[len] = '\0';
    size_t count = 0;
    for (const char *at = all; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static unsigned
threads_in_use(void)
{
    const struct config *config = config_store_get(store);
    unsigned threads = config ? config->threads : 0;
    config_store_put(store, config);
    return threads;
}

/* Gives the file the time of a second in 1970 and so many nanoseconds. */
static void
set_time(const char *path, long nanoseconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1, .tv_nsec = nanoseconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
a_changed_file_is_taken_over(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=1\n");
    start(site);
    assert_int_equal(threads_in_use(), 1);
    assert_int_equal(config_store_generation(store), 1);
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=22\n");
    look();
    assert_int_equal(threads_in_use(), 22);
    assert_int_equal(config_store_generation(store), 2);
    look();
    assert_int_equal(config_store_generation(store), 2);
    assert_int_equal(logged("config_accepted"), 2);
}

static void
it_looks_at_most_once_a_second(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=1\n");
    start(site);
    look();
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=22\n");
    config_store_refresh_at(store, now_ms + 999);
    assert_int_equal(threads_in_use(), 1);
    config_store_refresh_at(store, now_ms + 1000);
    assert_int_equal(threads_in_use(), 22);
}

static void
a_bad_file_leaves_the_configuration_as_it_was(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=1\n");
    start(site);
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=many\n");
    look();
    look();
    assert_int_equal(threads_in_use(), 1);
    assert_int_equal(config_store_generation(store), 1);
    assert_int_equal(logged("config_mistake"), 1);
    assert_int_equal(logged(":5: POSTERN_THREADS: \"many\" is not a whole number"), 1);
    assert_int_equal(logged("config_refused mistakes=1 -> the configuration from before stays in "
                            "use"),
                     1);
    assert_int_equal(unlink(site_path(site, "work/.env")), 0);
    look();
    assert_int_equal(threads_in_use(), 1);
}

static void
without_a_good_file_there_is_none_until_it_is_mended(void **state)
{
    struct site *site = *state;
    start(site);
    assert_null(config_store_get(store));
    assert_int_equal(config_store_generation(store), 0);
    assert_int_equal(logged("every request is answered 503 until it is mended"), 1);
    site_write(site, "work/.env", "PRIMARY_OPENAI_HOST=https://a.example\n");
    look();
    assert_null(config_store_get(store));
    site_write(site, "work/.env", SITE_PAIR);
    look();
    assert_int_equal(threads_in_use(), 256);
}

static void
a_file_earlier_in_the_order_takes_over(void **state)
{
    struct site *site = *state;
    site_write(site, "etc/env", SITE_PAIR "POSTERN_THREADS=1\n");
    start(site);
    site_write(site, "home/.config/postern/env", SITE_PAIR "POSTERN_THREADS=2\n");
    look();
    assert_int_equal(threads_in_use(), 2);
    assert_int_equal(unlink(site_path(site, "home/.config/postern/env")), 0);
    look();
    assert_int_equal(threads_in_use(), 1);
}

static void
postern_json_may_come_and_go(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    start(site);
    site_write(site, "work/postern.json", "{\"threads\": 3}");
    look();
    assert_int_equal(threads_in_use(), 3);
    site_write(site, "work/postern.json", "{\"threads\": 4}");
    set_time(site_path(site, "work/postern.json"), 5);
    look();
    assert_int_equal(threads_in_use(), 4);
    assert_int_equal(unlink(site_path(site, "work/postern.json")), 0);
    look();
    assert_int_equal(threads_in_use(), 256);
}

static void
a_change_of_the_same_length_and_second_is_seen(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=1\n");
    set_time(site_path(site, "work/.env"), 5);
    start(site);
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=2\n");
    set_time(site_path(site, "work/.env"), 6);
    look();
    assert_int_equal(threads_in_use(), 2);
    site_write(site, "work/new", SITE_PAIR "POSTERN_THREADS=3\n");
    set_time(site_path(site, "work/new"), 6);
    assert_int_equal(rename(site_path(site, "work/new"), site_path(site, "work/.env")), 0);
    look();
    assert_int_equal(threads_in_use(), 3);
}

static void
a_request_keeps_the_configuration_it_began_with(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=1\n");
    start(site);
    const struct config *before = config_store_get(store);
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=22\n");
    look();
    const struct config *after = config_store_get(store);
    assert_ptr_not_equal(before, after);
    assert_int_equal(before->threads, 1);
    assert_string_equal(before->upstreams[0].key, "key-of-the-first-one");
    config_store_put(store, before);
    config_store_put(store, after);
    config_store_put(store, NULL);
}

static void
the_secrets_of_the_configuration_leave_the_log(void **state)
{
    struct site *site = *state;
    struct span found;
    site_write(site, "work/.env", SITE_PAIR);
    start(site);
    assert_true(secrets_find(span_from("<key-of-the-second-one>"), &found));
    site_write(site, "work/.env", SITE_PAIR "FALLBACK_OPENAI_API_KEY=another-secret\n");
    look();
    assert_true(secrets_find(span_from("another-secret"), &found));
    log_write(LOG_LEVEL_INFO, "oops another-secret");
    assert_int_equal(logged("oops [redacted]"), 1);
}

static bool
is_secret(const char *text)
{
    struct span found;
    return secrets_find(span_from(text), &found);
}

/* Requests under the old one may still be answered with its keys. */
static void
a_changed_key_stays_secret_as_long_as_a_request_holds_its_configuration(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    start(site);
    const struct config *first = config_store_get(store);
    site_write(site, "work/.env", SITE_PAIR "FALLBACK_OPENAI_API_KEY=another-secret\n");
    look();
    const struct config *second = config_store_get(store);
    site_write(site, "work/.env", SITE_PAIR "FALLBACK_OPENAI_API_KEY=the-third-one-4711\n");
    look();
    assert_true(is_secret("second-one") && is_secret("another-secret") &&
                is_secret("the-third-one-4711"));
    config_store_put(store, second);
    assert_false(is_secret("another-secret"));
    assert_true(is_secret("second-one"));
    config_store_put(store, first);
    assert_false(is_secret("second-one"));
    assert_true(is_secret("first-one") && is_secret("the-third-one-4711"));
}

/* Of a file that is refused no key is shown either, and it leaves nothing behind. */
static void
the_secrets_of_a_refused_configuration_are_kept_out_of_its_mistakes(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    start(site);
    site_write(site, "work/.env",
               SITE_PAIR "POSTERN_CLIENT_KEY=my-only-key.of.words\n"
                         "POSTERN_MOUNT=my-only-key.of.words\n");
    look();
    assert_int_equal(logged("POSTERN_MOUNT: \"********************\" is no path"), 1);
    assert_false(is_secret("my-only-key.of.words"));
    assert_true(is_secret("key-of-the-second-one"));
}

static void
without_memory_for_its_secrets_a_configuration_is_refused(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR "POSTERN_THREADS=1\n");
    start(site);
    site_write(site, "work/.env",
               SITE_PAIR "FALLBACK_OPENAI_API_KEY=another-secret\nPOSTERN_THREADS=2\n");
    is_out_of_memory = true;
    look();
    is_out_of_memory = false;
    assert_int_equal(threads_in_use(), 1);
    assert_int_equal(logged("no memory is left to keep the keys out of the log"), 1);
    assert_int_equal(logged("the configuration from before stays in use"), 1);
    assert_true(is_secret("key-of-the-second-one"));
    site_write(site, "work/.env",
               SITE_PAIR "FALLBACK_OPENAI_API_KEY=another-secret\nPOSTERN_THREADS=22\n");
    look();
    assert_int_equal(threads_in_use(), 22);
    assert_true(is_secret("another-secret"));
}

static void
a_configuration_in_the_open_is_dropped_when_that_is_known(void **state)
{
    struct site *site = *state;
    site_write(site, "htdocs/.env", SITE_PAIR);
    site->sources.working_dir = site->paths[5];
    start(site);
    assert_int_equal(threads_in_use(), 256);
    config_store_saw_root(store, span_from(site->paths[0]));
    assert_int_equal(threads_in_use(), 256);
    config_store_saw_root(store, span_from(site->paths[5]));
    assert_null(config_store_get(store));
    assert_int_equal(logged("config_exposed"), 1);
    assert_int_equal(logged("lies below the document root"), 1);
    config_store_saw_root(store, span_from(site->paths[5]));
    look();
    assert_int_equal(logged("config_exposed"), 1);
    site->sources.working_dir = site->paths[0];
    site_write(site, "etc/env", SITE_PAIR); /* still the first one counts */
    assert_int_equal(unlink(site_path(site, "htdocs/.env")), 0);
    look();
    assert_int_equal(threads_in_use(), 256);
}

static void
a_misplaced_state_file_finds_another_place(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", SITE_PAIR);
    site->sources.statedir = site->paths[5];
    start(site);
    const struct config *config = config_store_get(store);
    assert_string_equal(config->state_path, site_path(site, "htdocs/postern-v1.state"));
    config_store_put(store, config);
    config_store_saw_root(store, span_from(site->paths[5]));
    config = config_store_get(store);
    assert_non_null(config);
    assert_string_equal(config->state_path, site_path(site, "work/state/postern-v1.state"));
    config_store_put(store, config);
}

/* --- many threads --------------------------------------------------------- */

#define REPLACED_OFTEN 20

static atomic_int readers_left;
static atomic_uint_least64_t common_ms;

/* Until it was replaced often enough; the writer goes on until then. */
static void *
read_often(void *unused)
{
    (void)unused;
    while (config_store_generation(store) < REPLACED_OFTEN) {
        const struct config *config = config_store_get(store);
        assert_non_null(config);
        assert_string_equal(config->upstreams[0].name, "primary");
        config_store_refresh_at(store, atomic_fetch_add(&common_ms, 1000));
        config_store_put(store, config);
    }
    atomic_fetch_sub(&readers_left, 1);
    return NULL;
}

static void
threads_may_read_while_it_is_replaced(void **state)
{
    struct site *site = *state;
    pthread_t threads[4];
    site_write(site, "work/.env", SITE_PAIR);
    start(site);
    atomic_store(&readers_left, 4);
    atomic_store(&common_ms, now_ms);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, NULL), 0);
    for (int i = 0; atomic_load(&readers_left) > 0; i++) {
        site_write(site, "work/new", i % 2 ? SITE_PAIR : SITE_PAIR "POSTERN_THREADS=7\n");
        assert_int_equal(rename(site_path(site, "work/new"), site_path(site, "work/.env")), 0);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(config_store_generation(store) >= REPLACED_OFTEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_changed_file_is_taken_over),
        TEST(it_looks_at_most_once_a_second),
        TEST(a_bad_file_leaves_the_configuration_as_it_was),
        TEST(without_a_good_file_there_is_none_until_it_is_mended),
        TEST(a_file_earlier_in_the_order_takes_over),
        TEST(postern_json_may_come_and_go),
        TEST(a_change_of_the_same_length_and_second_is_seen),
        TEST(a_request_keeps_the_configuration_it_began_with),
        TEST(the_secrets_of_the_configuration_leave_the_log),
        TEST(a_changed_key_stays_secret_as_long_as_a_request_holds_its_configuration),
        TEST(the_secrets_of_a_refused_configuration_are_kept_out_of_its_mistakes),
        TEST(without_memory_for_its_secrets_a_configuration_is_refused),
        TEST(a_configuration_in_the_open_is_dropped_when_that_is_known),
        TEST(a_misplaced_state_file_finds_another_place),
        TEST(threads_may_read_while_it_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
