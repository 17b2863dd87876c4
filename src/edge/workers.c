/* workers.c - the thread pool. */
#include "edge/workers.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SPENT_PAUSE_MS 10

struct worker {
    struct worker *next; /* on the ended list */
    struct workers *pool;
    pthread_t thread;
    int seat_fd; /* at the gate */
};

/* A thread on a connection that is kept and silent; on its own stack. */
struct rest {
    struct rest *next, *previous;
    int fd;
    bool is_recalled;
};

struct workers {
    struct workers_options options;
    struct gate gate;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t all_ended;
    pthread_condattr_t monotonic;
    pthread_attr_t thread_attr;
    unsigned threads;      /* started and not ended, without the reserved one */
    _Atomic unsigned idle; /* of them: at the gate, or on the way there; read without lock too */
    bool is_spent;         /* one at the gate was without a descriptor for who came */
    struct worker *ended;  /* to be joined */
    bool is_stopping;

    struct rest *first_rest, *last_rest; /* in the order in which they came */
    unsigned resting;
    unsigned recallable; /* of them: were not recalled yet */
    unsigned promised;   /* recalled threads that count as idle and have not come to the gate */

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

/* --- the watch ------------------------------------------------------------ */

static void *work(void *self);

static void
free_worker(struct worker *worker)
{
    if (worker->seat_fd >= 0)
        (void)close(worker->seat_fd);
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

/* With the lock. It counts as idle before it runs, so nobody starts another in its place. */
static void
start_worker(struct workers *pool)
{
    struct worker *worker = mem_new(sizeof(*worker));
    if (!worker)
        return;
    worker->pool = pool;
    worker->seat_fd = gate_open_seat(&pool->gate);
    if (worker->seat_fd < 0 || pthread_create(&worker->thread, &pool->thread_attr, work, worker)) {
        free_worker(worker);
        return;
    }
    pool->threads++;
    pool->idle++;
}

/* With the lock. Is there a thread for the next connection? */
static bool
has_watcher(struct workers *pool)
{
    join_ended(pool);
    if (pool->idle == 0 && pool->threads < pool->options.threads_max)
        start_worker(pool);
    return pool->idle > 0;
}

enum workers_watch
workers_take_watch(struct workers *pool)
{
    enum workers_watch watch = WORKERS_BUSY;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->is_spent)
        watch = WORKERS_SPENT;
    else if (has_watcher(pool))
        watch = WORKERS_WATCH;
    else if (pool->recallable > 0)
        watch = WORKERS_RESTING;
    else if (pool->shed_count == WORKERS_SHED_QUEUE_MAX)
        watch = WORKERS_FULL;
    pool->is_spent = false;
    (void)pthread_mutex_unlock(&pool->lock);
    return watch;
}

/* Shut at once and for both sides, so that the web server sees it before it uses the connection
 * again. False: it has just done so. */
static bool
shut_if_silent(int fd)
{
    char byte;
    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        return false;
    (void)shutdown(fd, SHUT_RDWR);
    return true;
}

/* The one that rests longest is the least likely to be wanted. */
bool
workers_recall(struct workers *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    for (struct rest *rest = pool->first_rest; rest && pool->idle == 0; rest = rest->next) {
        if (rest->is_recalled || !shut_if_silent(rest->fd)) /* that wakes it */
            continue;
        rest->is_recalled = true;
        pool->recallable--;
        pool->promised++;
        pool->idle++;
    }
    bool is_watched = pool->idle > 0;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_watched;
}

struct gate *
workers_gate(struct workers *pool)
{
    return &pool->gate;
}

/* --- a thread ------------------------------------------------------------- */

/* Leaves the gate with a connection, and the watch to another. */
static void
leave_watch(struct workers *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->idle--;
    bool is_watched = has_watcher(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_watched)
        gate_call(&pool->gate);
}

/* Woken for a connection. -1: it has to wait for another, and the watch is arranged for. */
static int
take_connection(struct workers *pool)
{
    enum gate_trouble why;
    int fd = gate_accept(&pool->gate, &why);
    if (fd >= 0) {
        leave_watch(pool);
        return fd;
    }
    if (why == GATE_NOBODY)
        return -1;
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_spent = true;
    (void)pthread_mutex_unlock(&pool->lock);
    gate_call(&pool->gate);
    clock_sleep_ms(
        SPENT_PAUSE_MS); /* else it would be woken at once, until the acceptor has come */
    return -1;
}

/* At the gate. -1: the thread is to end. */
static int
await_connection(struct workers *pool, int seat_fd)
{
    for (;;) {
        int fd = -1;
        switch (gate_wait(seat_fd, pool->options.idle_ms)) {
        case GATE_CONNECTION:
            fd = take_connection(pool);
            if (fd >= 0)
                return fd;
            break;
        case GATE_QUIET:
        case GATE_CLOSED:
            return -1;
        }
    }
}

/* Whoever comes first keeps the promise that was made for a recalled thread. */
static void
go_idle(struct workers *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->promised > 0)
        pool->promised--;
    else
        pool->idle++;
    (void)pthread_mutex_unlock(&pool->lock);
}

static void
begin_rest(struct workers *pool, struct rest *rest)
{
    (void)pthread_mutex_lock(&pool->lock);
    rest->previous = pool->last_rest;
    *(pool->last_rest ? &pool->last_rest->next : &pool->first_rest) = rest;
    pool->last_rest = rest;
    pool->resting++;
    pool->recallable++;
    (void)pthread_mutex_unlock(&pool->lock);
}

static void
end_rest(struct workers *pool, const struct rest *rest)
{
    (void)pthread_mutex_lock(&pool->lock);
    *(rest->previous ? &rest->previous->next : &pool->first_rest) = rest->next;
    *(rest->next ? &rest->next->previous : &pool->last_rest) = rest->previous;
    pool->resting--;
    pool->recallable -= !rest->is_recalled;
    (void)pthread_mutex_unlock(&pool->lock);
}

bool
workers_rest(struct workers *pool, int fd, int wake_fd, int idle_ms)
{
    struct rest rest = {.fd = fd};
    struct pollfd waiting[] = {{.fd = fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    begin_rest(pool, &rest);
    int ready = poll(waiting, 2, idle_ms);
    end_rest(pool, &rest);
    if (rest.is_recalled)
        return false;
    return (ready > 0 && waiting[0].revents) || !shut_if_silent(fd);
}

/* The last one that leaves the gate calls the acceptor. */
static void
end_worker(struct workers *pool, struct worker *worker)
{
    (void)pthread_mutex_lock(&pool->lock);
    join_ended(pool);
    bool is_watched = --pool->idle > 0;
    pool->threads--;
    worker->next = pool->ended;
    pool->ended = worker;
    (void)pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_signal(&pool->all_ended);
    if (!is_watched)
        gate_call(&pool->gate);
}

/* Without going to the gate. Where others wait there, one of them is on its way to who came. */
static int
accept_next(struct workers *pool)
{
    enum gate_trouble why; /* whatever it is, it is met again at the gate */
    return pool->idle > 0 ? -1 : gate_accept(&pool->gate, &why);
}

static void *
work(void *self)
{
    struct worker *worker = self;
    struct workers *pool = worker->pool;
    int fd;
    while ((fd = await_connection(pool, worker->seat_fd)) >= 0) {
        do
            pool->options.run(pool->options.self, fd, false);
        while ((fd = accept_next(pool)) >= 0);
        go_idle(pool);
    }
    end_worker(pool, worker);
    return NULL;
}

static int
take_shed(struct workers *pool)
{
    int fd = -1;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->shed_count == 0 && !pool->is_stopping)
        (void)pthread_cond_wait(&pool->shed_wake, &pool->lock);
    bool was_full = pool->shed_count == WORKERS_SHED_QUEUE_MAX;
    if (pool->shed_count > 0) {
        fd = pool->shed_queue[pool->shed_first];
        pool->shed_first = (pool->shed_first + 1) % WORKERS_SHED_QUEUE_MAX;
        pool->shed_count--;
    } else {
        pool->has_shedder = false;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (was_full)
        gate_call(&pool->gate);
    if (fd < 0)
        (void)pthread_cond_signal(&pool->all_ended);
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

struct workers *
workers_new(const struct workers_options *options, struct err *err)
{
    struct workers *pool = mem_new(sizeof(*pool));
    if (!pool) {
        (void)err_set(err, ERR_MEMORY, "no memory for threads");
        return NULL;
    }
    if (gate_init(&pool->gate, options->listen_fd, err)) {
        mem_free(pool);
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
    gate_fini(&pool->gate);
    mem_free(pool);
}

bool
workers_shed(struct workers *pool, int fd)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool has_room = pool->shed_count < WORKERS_SHED_QUEUE_MAX;
    if (has_room) {
        pool->shed_queue[(pool->shed_first + pool->shed_count) % WORKERS_SHED_QUEUE_MAX] = fd;
        pool->shed_count++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (has_room)
        (void)pthread_cond_signal(&pool->shed_wake);
    else
        (void)close(fd);
    return has_room;
}

bool
workers_stop(struct workers *pool, uint64_t wait_ms)
{
    struct timespec end = time_in(wait_ms);
    int rc = 0;
    gate_close(&pool->gate);
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    (void)pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_signal(&pool->shed_wake);
    (void)pthread_mutex_lock(&pool->lock);
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
    struct workers_view view = {pool->threads, pool->idle, pool->resting, pool->shed_count};
    (void)pthread_mutex_unlock(&pool->lock);
    return view;
}
