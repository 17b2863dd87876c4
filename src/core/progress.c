/* progress.c - two sets of choices, and what their difference means. */
#include "core/progress.h"

#include <assert.h>

static bool
add(uint64_t *set, unsigned index)
{
    uint64_t bit = UINT64_C(1) << (index % 64);
    bool is_new = (set[index / 64] & bit) == 0;
    set[index / 64] |= bit;
    return is_new;
}

static bool
remove_from(uint64_t *set, unsigned index)
{
    uint64_t bit = UINT64_C(1) << (index % 64);
    bool was_there = (set[index / 64] & bit) != 0;
    set[index / 64] &= ~bit;
    return was_there;
}

void
progress_note(struct progress *progress, unsigned index, bool has_content, enum finish finish)
{
    assert(index < PROGRESS_CHOICES_MAX && finish != FINISH_FAILURE);
    if (add(progress->begun, index))
        progress->begun_count++;
    if (has_content && remove_from(progress->finished, index)) {
        progress->finished_count--;
        progress->is_weak = true;
    }
    if (finish == FINISH_NONE)
        return;
    if (add(progress->finished, index))
        progress->finished_count++;
    progress->has_finish = true;
    progress->is_weak |= has_content || finish == FINISH_UNKNOWN;
}

static bool
all_begun_have_finished(const struct progress *progress)
{
    return progress->begun_count > 0 && progress->finished_count == progress->begun_count;
}

enum progress_standing
progress_standing(const struct progress *progress)
{
    if (!all_begun_have_finished(progress) || progress->begun_count < progress->terms.choices)
        return PROGRESS_OPEN;
    return progress->is_weak ? PROGRESS_ENDING : PROGRESS_FINISHED;
}

bool
progress_may_be_done(const struct progress *progress)
{
    return all_begun_have_finished(progress) && progress->begun_count >= progress->terms.inputs;
}

bool
progress_may_be_done_unsaid(const struct progress *progress)
{
    bool is_single = progress->begun_count <= 1 && progress->terms.choices <= 1;
    return is_single || progress_may_be_done(progress);
}
