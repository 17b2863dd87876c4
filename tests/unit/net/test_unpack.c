/* What unpacks to far more than came is refused before it has cost much. */
#include "net/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#define MIB ((size_t)1024 * 1024)

static int
count(void *self, struct span bytes)
{
    *(size_t *)self += bytes.len;
    return 0;
}

/* So many bytes, of which each block of a KiB begins with `changing` of them that do not repeat. */
static size_t
unpacked(size_t bytes, size_t changing, bool *is_over)
{
    z_stream stream = {.zalloc = NULL};
    size_t room = bytes + MIB, got = 0;
    unsigned char *plain = calloc(1, bytes), *packed = malloc(room);
    uint32_t random = 1;
    assert_true(plain && packed);
    for (size_t block = 0; block < bytes; block += 1024)
        for (size_t i = 0; i < changing; i++)
            plain[block + i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = plain;
    stream.avail_in = (uInt)bytes;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    struct unpack *unpack = unpack_new();
    int rc = unpack_take(unpack, span_of((const char *)packed, stream.total_out), count, &got);
    *is_over = rc == 0 && unpack_is_over(unpack);
    assert_int_equal(unpack_is_bad(unpack), rc != 0);
    unpack_free(unpack);
    (void)deflateEnd(&stream);
    free(plain);
    free(packed);
    return got;
}

static void
a_bomb_is_refused_and_text_is_not(void **state)
{
    (void)state;
    bool is_over;
    size_t got = unpacked(96 * MIB, 0, &is_over);
    assert_false(is_over);
    assert_true(got < 33 * MIB);
    assert_int_equal(unpacked(16 * MIB, 0, &is_over), 16 * MIB); /* blanks do no harm */
    assert_true(is_over);
    assert_int_equal(unpacked(96 * MIB, 16, &is_over), 96 * MIB);
    assert_true(is_over);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bomb_is_refused_and_text_is_not),
    };
    return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
