/* samples.h - many times in microseconds, and their percentiles as JSON. */
#ifndef POSTERN_BENCH_SAMPLES_H
#define POSTERN_BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct samples {
    uint32_t *us;
    size_t count, room;
};

/* 0, or -1 without memory. */
int samples_init(struct samples *samples, size_t room);
void samples_fini(struct samples *samples);

void samples_add(struct samples *samples, uint64_t us); /* what finds no room is dropped */

/* {"count":3,"p50":…,"p90":…,"p99":…,"max":…}; sorts them. */
void samples_print(struct samples *samples, FILE *out);

#endif
