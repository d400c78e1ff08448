/*
 * One virtual stream and many host threads, which submit, cancel, batch, look up and poll at the same time.
 * The first argument is the number of rounds of each thread.
 */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

enum { THREADS = 4, BATCH = 8, MAX_ROUNDS = 1000, MAX_ACTIONS = THREADS * MAX_ROUNDS * (BATCH + 2) };

static int rounds = 200;
static sonset_stream *stream;
static sonset_buffer *click;

struct worker {
    pthread_t thread;
    int index;
    int64_t batches[MAX_ROUNDS][BATCH];
    int64_t singles[MAX_ROUNDS][2];
};

static struct worker workers[THREADS];

/* Every id that a receipt was polled for. */
static int64_t polled[MAX_ACTIONS];
static int polled_count = 0;
static pthread_mutex_t polled_lock = PTHREAD_MUTEX_INITIALIZER;

static int poll_one(void)
{
    sonset_receipt receipt;
    int32_t result;
    memset(&receipt, 0, sizeof receipt);
    result = sonset_stream_poll_receipt(stream, &receipt);
    if (result == SONSET_ERROR_NO_RECEIPT) return 0;
    OK(result);
    CHECK_INT(receipt.state, SONSET_ACTION_ENDED);
    CHECK(receipt.outcome != SONSET_OUTCOME_NONE);
    pthread_mutex_lock(&polled_lock);
    CHECK(polled_count < MAX_ACTIONS);
    polled[polled_count++] = receipt.action;
    pthread_mutex_unlock(&polled_lock);
    return 1;
}

/* Full only for as long as the sounds last. */
static int64_t play_when_there_is_room(const sonset_play_params *params)
{
    int64_t action = 0;
    int32_t result;
    while ((result = sonset_stream_play_buffer(stream, click, NULL, NULL, 0, params, &action)) ==
           SONSET_ERROR_POOL_FULL) {
        sleep_ms(1);
    }
    OK(result);
    return action;
}

static void one_round(struct worker *worker, int round)
{
    sonset_play_params params;
    sonset_receipt receipt;
    int32_t result;
    int n;

    OK(sonset_play_params_init(&params));
    OK(sonset_stream_begin_batch(stream, &params.batch));
    params.tag = worker->index;
    for (n = 0; n < BATCH; n++) {
        worker->batches[round][n] = play_when_there_is_room(&params);
    }
    OK(sonset_stream_commit_batch(stream, params.batch));
    CHECK_CODE(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_commit_batch(stream, params.batch));
    /* The message is this thread's, whatever the others do. */
    {
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, params.batch);
        CHECK_SAYS(number);
    }

    params.batch = 0;
    worker->singles[round][0] = play_when_there_is_room(&params);
    params.start_mode = SONSET_START_AT_FRAME;
    params.start_frame = 1000000000;
    worker->singles[round][1] = play_when_there_is_room(&params);
    result = sonset_stream_cancel(stream, worker->singles[round][0], NULL);
    CHECK(result == SONSET_OK || result == SONSET_ERROR_ACTION_ENDED);
    OK(sonset_stream_cancel(stream, worker->singles[round][1], NULL));
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_get_action(stream, worker->batches[round][0], &receipt));
    CHECK_INT(receipt.tag, worker->index);
    if (round % 16 == 0) {
        OK(sonset_stream_wait_action(stream, worker->batches[round][0], SONSET_ACTION_ENDED, 10000, &receipt));
    }
    poll_one();
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    int round;
    for (round = 0; round < rounds; round++) one_round(worker, round);
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t two = *(const int64_t *)b;
    return (one > two) - (one < two);
}

static void check_batches(void)
{
    int thread;
    int round;
    int n;
    for (thread = 0; thread < THREADS; thread++) {
        for (round = 0; round < rounds; round++) {
            const int64_t *batch = workers[thread].batches[round];
            int64_t start = receipt_of(stream, batch[0]).start_frame;
            CHECK(start >= 0);
            for (n = 0; n < BATCH; n++) {
                sonset_receipt receipt = receipt_of(stream, batch[n]);
                CHECK_INT(receipt.start_frame, start);
                CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
                CHECK_INT(receipt.tag, thread);
            }
        }
    }
}

static void check_receipts(void)
{
    static int64_t issued[MAX_ACTIONS];
    int count = 0;
    int thread;
    int round;
    int n;
    for (thread = 0; thread < THREADS; thread++) {
        for (round = 0; round < rounds; round++) {
            for (n = 0; n < BATCH; n++) issued[count++] = workers[thread].batches[round][n];
            for (n = 0; n < 2; n++) issued[count++] = workers[thread].singles[round][n];
            CHECK_INT(receipt_of(stream, workers[thread].singles[round][1]).outcome,
                      SONSET_OUTCOME_CANCELLED);
        }
    }
    CHECK_INT(polled_count, count);
    qsort(issued, (size_t)count, sizeof issued[0], compare_ids);
    qsort(polled, (size_t)count, sizeof polled[0], compare_ids);
    for (n = 0; n < count; n++) {
        CHECK_INT(polled[n], issued[n]);
        CHECK(n == 0 || issued[n] != issued[n - 1]);
    }
}

static void test_together(void)
{
    sonset_stream_config config;
    int n;

    OK(sonset_stream_config_init(&config));
    config.backend = SONSET_BACKEND_VIRTUAL;
    config.sample_rate_hz = RATE;
    config.block_frames = 64;
    config.max_actions = 256;
    OK(sonset_stream_open(&config, NULL, NULL, NULL, &stream));
    OK(sonset_stream_start(stream));
    click = constant(1.0f / 1024, 20);
    PROMISE("threads that submit, batch, cancel, wait and poll at once never get in each other's way");
    for (n = 0; n < THREADS; n++) {
        workers[n].index = n;
        CHECK(pthread_create(&workers[n].thread, NULL, work, &workers[n]) == 0);
    }
    for (n = 0; n < THREADS; n++) CHECK(pthread_join(workers[n].thread, NULL) == 0);
    for (n = 0; n < 5000 && stats_of(stream).live_actions > 0; n++) sleep_ms(1);
    CHECK_INT(stats_of(stream).live_actions, 0);
    while (poll_one()) continue;
    PROMISE("batches never mix: the 'now' actions of each start on one frame");
    check_batches();
    PROMISE("every action has exactly one receipt");
    check_receipts();
    sonset_buffer_release(click);
    sonset_stream_destroy(stream);
}

struct waiter {
    pthread_t thread;
    int64_t action;
    int32_t result;
    sonset_receipt receipt;
};

static void *wait_long(void *argument)
{
    struct waiter *waiter = argument;
    waiter->result = sonset_stream_wait_action(stream, waiter->action, SONSET_ACTION_ENDED, 60000,
                                               &waiter->receipt);
    return NULL;
}

static int64_t milliseconds(void)
{
    int64_t now;
    OK(sonset_clock_now_ns(SONSET_CLOCK_MONOTONIC, &now));
    return now / 1000000;
}

static void test_waiting_while_closing(int32_t backend)
{
    struct waiter waiters[3];
    sonset_buffer *sound = constant(0.25f, 10);
    int64_t began;
    int n;

    PROMISE(backend == SONSET_BACKEND_MANUAL ? "manual: closing from another thread ends all waits"
                                             : "virtual: closing from another thread ends all waits");
    memset(waiters, 0, sizeof waiters);
    stream = open_running(backend, 1, 0);
    for (n = 0; n < 3; n++) {
        waiters[n].action = play_at(stream, sound, 1000000000 + n);
        CHECK(pthread_create(&waiters[n].thread, NULL, wait_long, &waiters[n]) == 0);
    }
    sleep_ms(50);
    began = milliseconds();
    OK(sonset_stream_close(stream));
    for (n = 0; n < 3; n++) {
        CHECK(pthread_join(waiters[n].thread, NULL) == 0);
        CHECK_CODE(SONSET_OK, waiters[n].result);
        CHECK_INT(waiters[n].receipt.outcome, SONSET_OUTCOME_STREAM_STOPPED);
    }
    CHECK(milliseconds() - began < 5000);
    sonset_stream_destroy(stream);
    sonset_buffer_release(sound);
}

static void test_destroying_while_waiting(void)
{
    struct waiter waiter;
    sonset_buffer *sound = constant(0.25f, 10);

    PROMISE("destroying waits for a thread that is inside, and lets it out");
    memset(&waiter, 0, sizeof waiter);
    stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    waiter.action = play_at(stream, sound, 1000000000);
    CHECK(pthread_create(&waiter.thread, NULL, wait_long, &waiter) == 0);
    sleep_ms(50);
    sonset_stream_destroy(stream);
    CHECK(pthread_join(waiter.thread, NULL) == 0);
    CHECK(waiter.result == SONSET_OK || waiter.result == SONSET_ERROR_INVALID_HANDLE);
    sonset_buffer_release(sound);
}

static void *start_and_stop(void *ignored)
{
    int n;
    (void)ignored;
    for (n = 0; n < 10; n++) {
        OK(sonset_stream_start(stream));
        OK(sonset_stream_stop(stream));
    }
    return NULL;
}

static void test_starting_while_submitting(void)
{
    sonset_buffer *sound = constant(0.25f, 10);
    pthread_t thread;
    int64_t actions[300];
    int n;

    PROMISE("actions given while another thread starts and stops the stream all have an end");
    stream = open_stream(SONSET_BACKEND_VIRTUAL, 1, 0, 0);
    CHECK(pthread_create(&thread, NULL, start_and_stop, NULL) == 0);
    for (n = 0; n < 300; n++) {
        actions[n] = play_now(stream, sound);
        if (n % 10 == 0) sleep_ms(1);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    OK(sonset_stream_close(stream));
    for (n = 0; n < 300; n++) {
        int32_t outcome = receipt_of(stream, actions[n]).outcome;
        CHECK(outcome == SONSET_OUTCOME_COMPLETED || outcome == SONSET_OUTCOME_STREAM_STOPPED);
    }
    CHECK_INT(stats_of(stream).receipts_waiting, 300);
    sonset_stream_destroy(stream);
    sonset_buffer_release(sound);
}

struct logger {
    pthread_t thread;
    pthread_barrier_t *together;
    char path[320];
    int32_t result;
};

static void *open_log(void *argument)
{
    struct logger *logger = argument;
    pthread_barrier_wait(logger->together);
    logger->result = sonset_stream_log_receipts(stream, logger->path);
    return NULL;
}

static void test_two_logs(void)
{
    char folder[256];
    pthread_barrier_t together;
    struct logger loggers[2];
    int round;
    int n;

    PROMISE("of two threads that ask for a log at once one gets it and the other is refused");
    make_folder(folder, sizeof folder);
    CHECK(pthread_barrier_init(&together, NULL, 2) == 0);
    for (round = 0; round < 100; round++) {
        stream = open_stream(SONSET_BACKEND_MANUAL, 1, 0, 1);
        for (n = 0; n < 2; n++) {
            snprintf(loggers[n].path, sizeof loggers[n].path, "%s/%d.csv", folder, n);
            loggers[n].together = &together;
            CHECK(pthread_create(&loggers[n].thread, NULL, open_log, &loggers[n]) == 0);
        }
        for (n = 0; n < 2; n++) CHECK(pthread_join(loggers[n].thread, NULL) == 0);
        sonset_stream_destroy(stream);
        for (n = 0; n < 2; n++) remove(loggers[n].path);
        if (round == 99) CHECK(rmdir(folder) == 0);
        CHECK_INT(loggers[0].result + loggers[1].result, SONSET_ERROR_INVALID_STATE);
    }
    pthread_barrier_destroy(&together);
}

int main(int argc, char **argv)
{
    if (argc > 1) rounds = atoi(argv[1]);
    CHECK(rounds >= 1 && rounds <= MAX_ROUNDS);
    /* A test of hanging must not hang. */
    alarm(100);
    test_together();
    test_waiting_while_closing(SONSET_BACKEND_VIRTUAL);
    test_waiting_while_closing(SONSET_BACKEND_MANUAL);
    test_destroying_while_waiting();
    test_starting_while_submitting();
    test_two_logs();
    DONE();
}
