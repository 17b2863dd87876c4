/* workers.c - the thread pool. */
#include "edge/workers.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

struct worker {
    struct worker *next; /* on the idle or on the ended list */
    struct workers *pool;
    pthread_t thread;
    pthread_cond_t wake;
    int fd; /* the next connection; -1: none */
};

struct workers {
    struct workers_options options;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t all_ended;
    pthread_condattr_t monotonic;
    pthread_attr_t thread_attr;
    unsigned threads; /* started and not ended, without the reserved one */
    unsigned idle_count;
    struct worker *idle;  /* last used first */
    struct worker *ended; /* to be joined */
    bool is_stopping;

    pthread_t shedder;
    bool has_shedder; /* started and not ended */
    pthread_cond_t shed_wake;
    int shed_queue[WORKERS_SHED_QUEUE_MAX];
    unsigned shed_first, shed_count;
};

/* house: a clock outside base/, because a wait with a time limit knows no other that never steps */
static struct timespec
time_in(uint64_t ms)
{
    struct timespec time = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += (time_t)(ms / 1000);
    time.tv_nsec += (long)(ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    return time;
}

/* --- a thread ------------------------------------------------------------- */

static void
leave_idle(struct workers *pool, struct worker *worker)
{
    struct worker **link = &pool->idle;
    while (*link != worker)
        link = &(*link)->next;
    *link = worker->next;
    pool->idle_count--;
}

/* With the lock. Is there another connection for it? */
static bool
await_connection(struct workers *pool, struct worker *worker)
{
    struct timespec end = time_in(pool->options.idle_ms);
    int rc = 0;
    worker->fd = -1;
    worker->next = pool->idle;
    pool->idle = worker;
    pool->idle_count++;
    while (worker->fd < 0 && !pool->is_stopping && rc == 0)
        rc = pthread_cond_timedwait(&worker->wake, &pool->lock, &end);
    if (worker->fd >= 0)
        return true; /* who gave it took the thread off the list */
    leave_idle(pool, worker);
    return false;
}

static void *
work(void *self)
{
    struct worker *worker = self;
    struct workers *pool = worker->pool;
    bool has_connection;
    do {
        pool->options.run(pool->options.self, worker->fd, false);
        (void)pthread_mutex_lock(&pool->lock);
        has_connection = await_connection(pool, worker);
        if (!has_connection) {
            worker->next = pool->ended;
            pool->ended = worker;
            pool->threads--;
            (void)pthread_cond_signal(&pool->all_ended);
        }
        (void)pthread_mutex_unlock(&pool->lock);
    } while (has_connection);
    return NULL;
}

static int
take_shed(struct workers *pool)
{
    int fd = -1;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->shed_count == 0 && !pool->is_stopping)
        (void)pthread_cond_wait(&pool->shed_wake, &pool->lock);
    if (pool->shed_count > 0) {
        fd = pool->shed_queue[pool->shed_first];
        pool->shed_first = (pool->shed_first + 1) % WORKERS_SHED_QUEUE_MAX;
        pool->shed_count--;
    } else {
        pool->has_shedder = false;
        (void)pthread_cond_signal(&pool->all_ended);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return fd;
}

static void *
shed(void *self)
{
    struct workers *pool = self;
    int fd;
    while ((fd = take_shed(pool)) >= 0)
        pool->options.run(pool->options.self, fd, true);
    return NULL;
}

/* --- the pool ------------------------------------------------------------- */

static void
free_worker(struct worker *worker)
{
    (void)pthread_cond_destroy(&worker->wake);
    mem_free(worker);
}

/* With the lock: the ended threads have let go of it and are about to return. */
static void
join_ended(struct workers *pool)
{
    while (pool->ended) {
        struct worker *worker = pool->ended;
        pool->ended = worker->next;
        (void)pthread_join(worker->thread, NULL);
        free_worker(worker);
    }
}

/* With the lock. */
static int
start_worker(struct workers *pool, int fd)
{
    struct worker *worker = mem_new(sizeof(*worker));
    if (!worker)
        return -1;
    worker->pool = pool;
    worker->fd = fd;
    (void)pthread_cond_init(&worker->wake, &pool->monotonic);
    if (pthread_create(&worker->thread, &pool->thread_attr, work, worker)) {
        free_worker(worker);
        return -1;
    }
    pool->threads++;
    return 0;
}

struct workers *
workers_new(const struct workers_options *options, struct err *err)
{
    struct workers *pool = mem_new(sizeof(*pool));
    if (!pool) {
        (void)err_set(err, ERR_MEMORY, "no memory for threads");
        return NULL;
    }
    pool->options = *options;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_condattr_init(&pool->monotonic);
    (void)pthread_condattr_setclock(&pool->monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->all_ended, &pool->monotonic);
    (void)pthread_cond_init(&pool->shed_wake, &pool->monotonic);
    (void)pthread_attr_init(&pool->thread_attr); /* with a guard page */
    (void)pthread_attr_setstacksize(&pool->thread_attr, WORKERS_STACK_BYTES);
    /* Started now, while there is memory for it. */
    if (pthread_create(&pool->shedder, &pool->thread_attr, shed, pool)) {
        (void)err_set(err, ERR_MEMORY, "no thread can be started");
        workers_free(pool);
        return NULL;
    }
    pool->has_shedder = true;
    return pool;
}

void
workers_free(struct workers *pool)
{
    if (!pool)
        return;
    (void)pthread_attr_destroy(&pool->thread_attr);
    (void)pthread_cond_destroy(&pool->shed_wake);
    (void)pthread_cond_destroy(&pool->all_ended);
    (void)pthread_condattr_destroy(&pool->monotonic);
    (void)pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

/* With the lock. */
static bool
queue_shed(struct workers *pool, int fd)
{
    if (pool->shed_count == WORKERS_SHED_QUEUE_MAX)
        return false;
    pool->shed_queue[(pool->shed_first + pool->shed_count) % WORKERS_SHED_QUEUE_MAX] = fd;
    pool->shed_count++;
    (void)pthread_cond_signal(&pool->shed_wake);
    return true;
}

/* With the lock. */
static bool
hand_over(struct workers *pool, int fd)
{
    struct worker *worker = pool->idle;
    if (worker) {
        pool->idle = worker->next;
        pool->idle_count--;
        worker->fd = fd;
        (void)pthread_cond_signal(&worker->wake);
        return true;
    }
    return pool->threads < pool->options.threads_max && start_worker(pool, fd) == 0;
}

static bool
place(struct workers *pool, int fd, bool is_overload)
{
    (void)pthread_mutex_lock(&pool->lock);
    join_ended(pool);
    bool taken = (!is_overload && hand_over(pool, fd)) || queue_shed(pool, fd);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!taken)
        (void)close(fd);
    return taken;
}

bool
workers_give(struct workers *pool, int fd)
{
    return place(pool, fd, false);
}

bool
workers_shed(struct workers *pool, int fd)
{
    return place(pool, fd, true);
}

bool
workers_stop(struct workers *pool, uint64_t wait_ms)
{
    struct timespec end = time_in(wait_ms);
    int rc = 0;
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    (void)pthread_cond_signal(&pool->shed_wake);
    for (struct worker *worker = pool->idle; worker; worker = worker->next)
        (void)pthread_cond_signal(&worker->wake);
    while ((pool->threads > 0 || pool->has_shedder) && rc == 0)
        rc = pthread_cond_timedwait(&pool->all_ended, &pool->lock, &end);
    bool ended = pool->threads == 0 && !pool->has_shedder;
    join_ended(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (ended)
        (void)pthread_join(pool->shedder, NULL);
    return ended;
}

struct workers_view
workers_view(struct workers *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    struct workers_view view = {pool->threads, pool->idle_count, pool->shed_count};
    (void)pthread_mutex_unlock(&pool->lock);
    return view;
}
