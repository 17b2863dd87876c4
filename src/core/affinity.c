/* affinity.c - hashes the first thing that names the conversation. */
#include "core/affinity.h"

#include "core/json.h"

/* FNV-1a, 64 bit: the same in every process and on every machine. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

/* What a conversation begins with may be a long document: its head tells it from others. */
#define OPENING_MAX_BYTES 4096

static uint64_t
hash_more(uint64_t hash, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * HASH_PRIME;
    return hash;
}

/* FNV's high bits of short texts are nearly equal: spread them. */
static uint64_t
finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 33;
}

/* All messages up to the first that a user wrote. */
static uint64_t
hash_opening(struct span messages)
{
    struct json_member role = {.name = "role"};
    uint64_t hash = HASH_START;
    size_t at = 0;
    for (;;) {
        struct span message = json_each_find(messages, &at, &role, 1);
        if (message.len == 0)
            return hash;
        size_t len = message.len < OPENING_MAX_BYTES ? message.len : OPENING_MAX_BYTES;
        hash = hash_more(hash, span_of(message.ptr, len));
        if (json_string_is(role.value, "user"))
            return hash;
    }
}

static uint64_t
hash_text(struct span text)
{
    if (json_type_of(text) == JSON_ARRAY)
        return hash_opening(text);
    size_t len = text.len < OPENING_MAX_BYTES ? text.len : OPENING_MAX_BYTES;
    return hash_more(HASH_START, span_of(text.ptr, len));
}

bool
affinity_find(const struct affinity_facts *facts, uint64_t *affinity)
{
    const struct span names[] = {facts->prompt_cache_key, facts->user,  facts->session,
                                 facts->messages,         facts->input, facts->prompt};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].len == 0 || json_is_empty(names[i]))
            continue;
        *affinity = finish(hash_text(names[i]));
        return true;
    }
    return false;
}
