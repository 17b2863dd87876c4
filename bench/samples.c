/* samples.c - collects, sorts, prints. */
#include "samples.h"

#include <stdlib.h>

#include "base/mem.h"

int
samples_init(struct samples *samples, size_t room)
{
    *samples = (struct samples){.us = mem_array(room, sizeof(*samples->us)), .room = room};
    return samples->us ? 0 : -1;
}

void
samples_fini(struct samples *samples)
{
    mem_free(samples->us);
    samples->us = NULL;
}

void
samples_add(struct samples *samples, uint64_t us)
{
    if (samples->count < samples->room)
        samples->us[samples->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int
compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Nearest rank; 0 when there are none. */
static uint32_t
percentile(const struct samples *samples, unsigned percent)
{
    size_t rank = (samples->count * percent + 99) / 100;
    return samples->count > 0 ? samples->us[rank > 0 ? rank - 1 : 0] : 0;
}

void
samples_print(struct samples *samples, FILE *out)
{
    if (samples->count > 0)
        qsort(samples->us, samples->count, sizeof(*samples->us), compare);
    (void)fprintf(out, "{\"count\":%zu,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"max\":%u}",
                  samples->count, percentile(samples, 50), percentile(samples, 90),
                  percentile(samples, 99), percentile(samples, 100));
}
