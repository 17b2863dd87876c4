/* test_url.c - an upstream's address is taken apart, or refused with a reason that hides secrets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/url.h"

static const struct good {
    const char *text, *origin, *base_path;
    bool plain, is_loopback, is_azure, ends_in_version, ends_in_openai;
} goods[] = {
    {"https://api.openai.com", "https://api.openai.com:443", "", 0, 0, 0, 0, 0},
    {"https://api.openai.com/", "https://api.openai.com:443", "", 0, 0, 0, 0, 0},
    {"HTTPS://API.OpenAI.com:8443//", "https://api.openai.com:8443", "", 0, 0, 0, 0, 0},
    {" https://a_b-c.example ", "https://a_b-c.example:443", "", 0, 0, 0, 0, 0},
    {"https://x.openai.azure.com/", "https://x.openai.azure.com:443", "", 0, 0, 1, 0, 0},
    {"https://x.cognitiveservices.azure.com", "https://x.cognitiveservices.azure.com:443", "", 0, 0,
     1, 0, 0},
    {"https://x.services.ai.azure.com", "https://x.services.ai.azure.com:443", "", 0, 0, 1, 0, 0},
    {"https://x.azure-api.net/Pre/fix/", "https://x.azure-api.net:443", "/Pre/fix", 0, 0, 1, 0, 0},
    {"https://openai.azure.com.evil.example", "https://openai.azure.com.evil.example:443", "", 0, 0,
     0, 0, 0},
    {"https://openrouter.ai/api/v1", "https://openrouter.ai:443", "/api/v1", 0, 0, 0, 1, 0},
    {"https://h.example/v12/", "https://h.example:443", "/v12", 0, 0, 0, 1, 0},
    {"https://h.example/v1beta", "https://h.example:443", "/v1beta", 0, 0, 0, 0, 0},
    {"https://h.example/rev1", "https://h.example:443", "/rev1", 0, 0, 0, 0, 0},
    {"https://h.example/v", "https://h.example:443", "/v", 0, 0, 0, 0, 0},
    {"https://h.example/x/openai", "https://h.example:443", "/x/openai", 0, 0, 0, 0, 1},
    {"https://h.example/myopenai", "https://h.example:443", "/myopenai", 0, 0, 0, 0, 0},
    {"http://127.0.0.1:8080", "http://127.0.0.1:8080", "", 1, 1, 0, 0, 0},
    {"http://127.1.2.3", "http://127.1.2.3:80", "", 1, 1, 0, 0, 0},
    {"http://localhost:11434/v1", "http://localhost:11434", "/v1", 1, 1, 0, 1, 0},
    {"http://[::1]:80", "http://[::1]:80", "", 1, 1, 0, 0, 0},
    {"https://[2001:db8::1]", "https://[2001:db8::1]:443", "", 0, 0, 0, 0, 0},
    {"http://model.localhost", "http://model.localhost:80", "", 1, 1, 0, 0, 0},
    {"http://128.0.0.1", "http://128.0.0.1:80", "", 1, 0, 0, 0, 0},
    {"http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example:80", "", 1, 0, 0, 0, 0},
};

static void
takes_an_address_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        const struct good *good = &goods[i];
        struct arena arena;
        struct url url;
        struct err err = {0};
        arena_init(&arena, 8192);
        if (url_parse(span_from(good->text), &arena, &url, &err) != 0)
            fail_msg("%s: %s", good->text, err.msg);
        assert_string_equal(url.origin, good->origin);
        assert_string_equal(url.base_path, good->base_path);
        assert_int_equal(url.plain, good->plain);
        assert_int_equal(url.is_loopback, good->is_loopback);
        assert_int_equal(url.is_azure, good->is_azure);
        assert_int_equal(url.ends_in_version, good->ends_in_version);
        assert_int_equal(url.ends_in_openai, good->ends_in_openai);
        assert_null(strchr(url.host, '['));
        arena_fini(&arena);
    }
}

#define QUERY                                                                                      \
    "the address has a query (\"?\"): keys belong into the key, the api-version into the request"
#define USER "the address has a user or a password (\"@\"): the key belongs into the key"
#define FRAGMENT "the address has a fragment (\"#\"), which means nothing here"

static const struct bad {
    const char *text, *message;
} bads[] = {
    {"", "is empty"},
    {"  ", "is empty"},
    {"api.openai.com", "\"api.openai.com\" has no scheme: https:// is missing before it"},
    {"localhost", "\"localhost\" has no scheme: https:// is missing before it"},
    {"sk-proj-0123456789", "the value is no address: https:// is missing"},
    {"ftp://h.example/secret", "\"ftp://\" must begin with https://"},
    {"https://", "the address has no host"},
    {"https:///v1", "the address has no host"},
    {"https://:443", "the address has no host"},
    {"https://user:sk-secret@h.example", USER},
    {"https://h.example/v1?api-key=secret", QUERY},
    {"https://h.example?", QUERY},
    {"https://h.example/#secret", FRAGMENT},
    {"https://h.example:0", "the port \"0\" is not a number from 1 to 65535"},
    {"https://h.example:65536", "the port \"65536\" is not a number from 1 to 65535"},
    {"https://h.example:http", "the port \"http\" is not a number from 1 to 65535"},
    {"https://[::1", "the \"[\" before the host is not closed"},
    {"https://h.example:", "the port \"\" is not a number from 1 to 65535"},
    {"https://[::z]", "\"::z\" is no IPv6 address"},
    {"https://[::1]x", "something other than a port follows the host's \"]\""},
    {"https://h exam.ple", "the host \"h exam.ple\" has a character that no host name has"},
    {"https://h\r\nx: y", "the host \"h\\x0d\\x0ax\" has a character that no host name has"},
    {"https://h\xc3\xa9.example", "the host \"h\\xc3\\xa9.example\" has a character that no host "
                                  "name has"},
    {"https://h.example/a//b", "the path \"/a//b\" has an empty part, \".\" or \"..\""},
    {"https://h.example/../b", "the path \"/../b\" has an empty part, \".\" or \"..\""},
    {"https://h.example/a%2fb",
     "the path \"/a%2fb\" has a character that does not belong into a path"},
    {"https://h.example/a b", "the path \"/a b\" has a character that does not belong into a path"},
    {"https://h.example\\@evil.example", USER},
};

static void
says_what_is_wrong_with_an_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct arena arena;
        struct url url;
        struct err err = {0};
        arena_init(&arena, 8192);
        if (url_parse(span_from(bads[i].text), &arena, &url, &err) == 0)
            fail_msg("%s was accepted", bads[i].text);
        assert_string_equal(err.msg, bads[i].message);
        arena_fini(&arena);
    }
}

static void
no_message_shows_what_may_be_a_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct arena arena;
        struct url url;
        struct err err = {0};
        arena_init(&arena, 8192);
        (void)url_parse(span_from(bads[i].text), &arena, &url, &err);
        assert_null(strstr(err.msg, "secret"));
        assert_null(strstr(err.msg, "0123456789"));
        arena_fini(&arena);
    }
}

static void
an_address_has_a_length_that_a_breaker_can_be_named_by(void **state)
{
    (void)state;
    char text[1026] = "https://x.example/";
    struct arena arena;
    struct url url;
    struct err err = {0};
    memset(text + strlen(text), 'a', sizeof(text) - 1 - strlen("https://x.example/"));
    arena_init(&arena, 8192);
    assert_int_equal(url_parse(span_of(text, 1024), &arena, &url, &err), 0);
    assert_int_equal(url_parse(span_of(text, 1025), &arena, &url, &err), -1);
    assert_string_equal(err.msg, "is longer than 1024 characters");
    arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_an_address_apart),
        cmocka_unit_test(says_what_is_wrong_with_an_address),
        cmocka_unit_test(no_message_shows_what_may_be_a_key),
        cmocka_unit_test(an_address_has_a_length_that_a_breaker_can_be_named_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
