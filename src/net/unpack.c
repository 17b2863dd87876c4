/* unpack.c - zlib. */
#include "net/unpack.h"

/* Beyond so many bytes an answer may not be more than so many times as long as what came. */
#define PLAIN_BYTES (32ul << 20)
#define RATIO_MAX 200
#define ZLIB_CONST /* it does not write to what it reads */
#include <zlib.h>

#include "base/mem.h"

#define OUT_BYTES 16384
#define EITHER (MAX_WBITS + 32) /* gzip or zlib, told by what stands first */
#define RAW (-MAX_WBITS)

struct unpack {
    z_stream stream;
    bool has_begun, is_over, is_bad;
    unsigned char first; /* byte, until the second is there */
    unsigned first_len;
};

struct unpack *
unpack_new(void)
{
    struct unpack *unpack = mem_new(sizeof *unpack);
    if (unpack && inflateInit2(&unpack->stream, EITHER) == Z_OK)
        return unpack;
    mem_free(unpack);
    return NULL;
}

void
unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    (void)inflateEnd(&unpack->stream);
    mem_free(unpack);
}

/* "deflate" means zlib's form (RFC 9110 8.4.1.2), and some send it without that's header. */
static bool
is_raw(unsigned char first, unsigned char second)
{
    bool is_gzip = first == 0x1f && second == 0x8b;
    bool is_zlib = (first & 0x0f) == Z_DEFLATED && (first * 256 + second) % 31 == 0;
    return !is_gzip && !is_zlib;
}

/* Text becomes some tens of times as long. */
static bool
is_bomb(const z_stream *stream)
{
    return stream->total_out > PLAIN_BYTES && stream->total_out / RATIO_MAX > stream->total_in;
}

static int
run(struct unpack *unpack, struct span bytes, int (*give)(void *self, struct span bytes),
    void *self)
{
    unsigned char out[OUT_BYTES];
    z_stream *stream = &unpack->stream;
    stream->next_in = (const Bytef *)bytes.ptr;
    stream->avail_in = (uInt)bytes.len;
    do {
        stream->next_out = out;
        stream->avail_out = sizeof out;
        int code = inflate(stream, Z_SYNC_FLUSH);
        size_t len = sizeof out - stream->avail_out;
        unpack->is_over = code == Z_STREAM_END;
        unpack->is_bad = (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) ||
                         (unpack->is_over && stream->avail_in > 0) || is_bomb(stream);
        if (len > 0 && give(self, span_of((const char *)out, len)) != 0)
            return -1;
        if (unpack->is_bad)
            return -1;
    } while (!unpack->is_over && (stream->avail_in > 0 || stream->avail_out == 0));
    return 0;
}

int
unpack_take(struct unpack *unpack, struct span bytes, int (*give)(void *self, struct span bytes),
            void *self)
{
    if (bytes.len == 0)
        return 0;
    unpack->is_bad = unpack->is_bad || unpack->is_over;
    if (unpack->is_bad)
        return -1;
    if (unpack->has_begun)
        return run(unpack, bytes, give, self);
    if (unpack->first_len == 0 && bytes.len == 1) {
        unpack->first = (unsigned char)bytes.ptr[0];
        unpack->first_len = 1;
        return 0;
    }
    unsigned char first = unpack->first_len ? unpack->first : (unsigned char)bytes.ptr[0];
    unsigned char second = (unsigned char)bytes.ptr[1 - unpack->first_len];
    unpack->has_begun = true;
    if (is_raw(first, second) && inflateReset2(&unpack->stream, RAW) != Z_OK)
        return -1;
    const char kept = (char)unpack->first;
    if (unpack->first_len && run(unpack, span_of(&kept, 1), give, self) != 0)
        return -1;
    return run(unpack, bytes, give, self);
}

bool
unpack_is_bad(const struct unpack *unpack)
{
    return unpack->is_bad;
}

bool
unpack_is_over(const struct unpack *unpack)
{
    return unpack->is_over;
}
