/* replay.c - runs a fuzz target without libFuzzer: over its seed corpus, then over a bounded number
 * of mutants of it that the seed alone determines.
 *
 *     fuzz_json [--runs N] [--seed S] [file or directory …]      (default: the target's own corpus)
 */
#include <assert.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"

#ifndef REPLAY_CORPUS
#define REPLAY_CORPUS "."
#endif
#ifndef REPLAY_RUNS
#define REPLAY_RUNS 20000
#endif
#define SEEDS_MAX 1024
#define INPUT_MAX_BYTES 65536
#define MUTANT_MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct corpus {
    struct buf seeds[SEEDS_MAX];
    size_t count;
};

/* splitmix64: the same numbers on every machine. */
static uint64_t
next_random(uint64_t *state)
{
    uint64_t word = (*state += UINT64_C(0x9E3779B97F4A7C15));
    word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
    return word ^ (word >> 31);
}

static size_t
random_below(uint64_t *state, size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random(state) % limit);
}

/* From memory of exactly its size, so that a sanitizer sees a read past the end. */
static void
run_target(struct span input)
{
    uint8_t *exact = mem_new(input.len > 0 ? input.len : 1);
    assert(exact != NULL);
    if (input.len > 0)
        memcpy(exact, input.ptr, input.len);
    LLVMFuzzerTestOneInput(exact, input.len);
    mem_free(exact);
}

/* --- the corpus ------------------------------------------------------------------------------- */

static bool
corpus_add_file(struct corpus *corpus, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || corpus->count == SEEDS_MAX) {
        if (file != NULL)
            (void)fclose(file);
        return false;
    }
    struct buf *seed = &corpus->seeds[corpus->count++];
    buf_init(seed, INPUT_MAX_BYTES);
    char portion[4096];
    size_t len;
    bool fits = true;
    while (fits && (len = fread(portion, 1, sizeof(portion), file)) > 0)
        fits = buf_append(seed, portion, len) == 0;
    return fclose(file) == 0 && fits;
}

/* In the order of their names, so that the mutants are the same everywhere. */
static bool
corpus_add(struct corpus *corpus, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0)
        return corpus_add_file(corpus, path);
    bool good = true;
    for (int i = 0; i < count; i++) {
        char file[4096];
        int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        bool is_hidden = entries[i]->d_name[0] == '.';
        free(entries[i]); /* house: free, because scandir() allocated it */
        if (!is_hidden)
            good = good && len > 0 && (size_t)len < sizeof(file) && corpus_add_file(corpus, file);
    }
    free(entries); /* house: free, because scandir() allocated it */
    return good;
}

/* --- mutants ---------------------------------------------------------------------------------- */

struct mutant {
    uint8_t bytes[MUTANT_MAX_BYTES];
    size_t len;
};

static void
mutant_insert(struct mutant *mutant, size_t at, const char *bytes, size_t len)
{
    if (len > MUTANT_MAX_BYTES - mutant->len)
        return;
    memmove(mutant->bytes + at + len, mutant->bytes + at, mutant->len - at);
    memcpy(mutant->bytes + at, bytes, len);
    mutant->len += len;
}

static void
mutant_erase(struct mutant *mutant, size_t at, size_t len)
{
    if (len > mutant->len - at)
        len = mutant->len - at;
    memmove(mutant->bytes + at, mutant->bytes + at + len, mutant->len - at - len);
    mutant->len -= len;
}

static void
mutant_splice(struct mutant *mutant, size_t at, struct span other, uint64_t *state)
{
    size_t from = random_below(state, other.len + 1);
    size_t len = random_below(state, other.len - from + 1);
    if (len > 64)
        len = 64;
    mutant_insert(mutant, at, other.ptr + from, len);
}

static void
mutant_change(struct mutant *mutant, const struct corpus *corpus, uint64_t *state)
{
    static const char spice[] =
        "{}[]\",:\\\"u0dD8eE+-.1\r\n\r\n \t/*\x00\xEF\xBB\xBF\xE4\xB8\xAD\xF4";
    size_t at = random_below(state, mutant->len + 1);
    switch (random_below(state, 5)) {
    case 0:
        if (at < mutant->len)
            mutant->bytes[at] ^= (uint8_t)(1U << random_below(state, 8));
        return;
    case 1:
        mutant_insert(mutant, at, spice + random_below(state, sizeof(spice) - 1), 1);
        return;
    case 2:
        mutant_erase(mutant, at, 1 + random_below(state, 8));
        return;
    case 3:
        if (at < mutant->len)
            mutant->bytes[at] = (uint8_t)spice[random_below(state, sizeof(spice) - 1)];
        return;
    default:
        mutant_splice(mutant, at, buf_span(&corpus->seeds[random_below(state, corpus->count)]),
                      state);
    }
}

static void
run_mutants(const struct corpus *corpus, uint64_t runs, uint64_t seed)
{
    struct mutant mutant;
    for (uint64_t i = 0; i < runs; i++) {
        const struct buf *origin = &corpus->seeds[random_below(&seed, corpus->count)];
        mutant.len = origin->len < MUTANT_MAX_BYTES ? origin->len : MUTANT_MAX_BYTES;
        if (mutant.len > 0)
            memcpy(mutant.bytes, origin->ptr, mutant.len);
        size_t changes = 1 + random_below(&seed, 6);
        for (size_t change = 0; change < changes; change++)
            mutant_change(&mutant, corpus, &seed);
        run_target(span_of((const char *)mutant.bytes, mutant.len));
    }
}

/* --- the program ------------------------------------------------------------------------------ */

static bool
take_arguments(int argc, char **argv, struct corpus *corpus, uint64_t *runs, uint64_t *seed)
{
    bool has_paths = false;
    for (int i = 1; i < argc; i++) {
        uint64_t *number = strcmp(argv[i], "--runs") == 0   ? runs
                           : strcmp(argv[i], "--seed") == 0 ? seed
                                                            : NULL;
        if (number == NULL) {
            has_paths = true;
            if (!corpus_add(corpus, argv[i]))
                return false;
        } else if (++i == argc || num_parse_u64(span_from(argv[i]), UINT64_MAX, number) != 0) {
            return false;
        }
    }
    return has_paths || corpus_add(corpus, REPLAY_CORPUS);
}

int
main(int argc, char **argv)
{
    static struct corpus corpus;
    uint64_t runs = REPLAY_RUNS;
    uint64_t seed = 1;
    if (!take_arguments(argc, argv, &corpus, &runs, &seed) || corpus.count == 0) {
        (void)fprintf(stderr, "usage: %s [--runs N] [--seed S] [file or directory ...]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < corpus.count; i++)
        run_target(buf_span(&corpus.seeds[i]));
    run_mutants(&corpus, runs, seed);
    printf("%zu seeds, %llu mutants\n", corpus.count, (unsigned long long)runs);
    for (size_t i = 0; i < corpus.count; i++)
        buf_fini(&corpus.seeds[i]);
    return 0;
}
