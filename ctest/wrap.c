/* Lent memory: when the host gets it back. */
#include "check.h"

#include <pthread.h>

struct lender {
    int calls;
    pthread_t thread;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take_back(void *user_data)
{
    struct lender *lender = user_data;
    pthread_mutex_lock(&lock);
    lender->calls++;
    lender->thread = pthread_self();
    pthread_mutex_unlock(&lock);
}

static int calls_of(struct lender *lender)
{
    int calls;
    pthread_mutex_lock(&lock);
    calls = lender->calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

static void wait_for_call(struct lender *lender)
{
    int n;
    for (n = 0; n < 2000 && calls_of(lender) == 0; n++) sleep_ms(1);
    CHECK_INT(calls_of(lender), 1);
}

static const float samples[100] = {0.5f, -0.5f};

static sonset_buffer *lend(struct lender *lender)
{
    sonset_buffer *buffer = NULL;
    memset(lender, 0, sizeof *lender);
    OK(sonset_buffer_wrap(samples, 100, 1, 0, take_back, lender, &buffer));
    return buffer;
}

static void test_without_playing(void)
{
    struct lender lender;
    sonset_buffer *buffer;

    PROMISE("memory that was never played comes back with the release of the buffer, once");
    buffer = lend(&lender);
    CHECK_INT(lender.calls, 0);
    sonset_buffer_release(buffer);
    CHECK_INT(lender.calls, 1);
    sonset_buffer_release(buffer);
    CHECK_INT(lender.calls, 1);
    CHECK(pthread_equal(lender.thread, pthread_self()));
    PROMISE("a failed wrap gives nothing back");
    memset(&lender, 0, sizeof lender);
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT,
               sonset_buffer_wrap(samples, 0, 1, 0, take_back, &lender, &buffer));
    CHECK_CODE(SONSET_ERROR_NULL_POINTER, sonset_buffer_wrap(samples, 1, 1, 0, take_back, &lender, NULL));
    CHECK_INT(lender.calls, 0);
    PROMISE("without a callback nothing is called");
    OK(sonset_buffer_wrap(samples, 100, 1, 0, NULL, &lender, &buffer));
    sonset_buffer_release(buffer);
    CHECK_INT(lender.calls, 0);
}

static sonset_stream *processed;

static void *process_elsewhere(void *ignored)
{
    float out[64];
    int n;
    (void)ignored;
    for (n = 0; n < 10; n++) OK(sonset_stream_process(processed, NULL, out, 64, 0, 0, 0));
    return NULL;
}

static void test_manual(void)
{
    struct lender lender;
    sonset_buffer *buffer = lend(&lender);
    sonset_receipt receipt;
    pthread_t thread;
    float out[100];
    int64_t first;
    int64_t last;

    processed = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    PROMISE("lent samples are played as they are");
    first = play_now(processed, buffer);
    OK(sonset_stream_process(processed, NULL, out, 100, 0, 0, 0));
    CHECK(memcmp(out, samples, sizeof samples) == 0);
    CHECK_INT(receipt_of(processed, first).outcome, SONSET_OUTCOME_COMPLETED);
    PROMISE("they are kept while the buffer lives, and while an action still plays them");
    CHECK_INT(lender.calls, 0);
    play_at(processed, buffer, 150);
    last = play_at(processed, buffer, 300);
    sonset_buffer_release(buffer);
    OK(sonset_stream_process(processed, NULL, out, 100, 0, 0, 0));
    receipt_of(processed, last);
    CHECK_INT(lender.calls, 0);
    PROMISE("the thread that processes never gives them back, even when the last action ends in it");
    CHECK(pthread_create(&thread, NULL, process_elsewhere, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_INT(lender.calls, 0);
    PROMISE("they come back when the host looks at the receipt of the last action");
    receipt = receipt_of(processed, last);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(lender.calls, 1);
    CHECK(pthread_equal(lender.thread, pthread_self()));
    sonset_stream_destroy(processed);
    CHECK_INT(lender.calls, 1);
}

static void test_destroy(int32_t backend)
{
    struct lender lender;
    sonset_stream *stream = open_running(backend, 1, 0);
    sonset_buffer *buffer = lend(&lender);

    PROMISE("a buffer given up while it plays comes back before its stream is destroyed");
    play_at(stream, buffer, 100000000);
    play_now(stream, buffer);
    sonset_buffer_release(buffer);
    CHECK_INT(calls_of(&lender), 0);
    sonset_stream_destroy(stream);
    CHECK_INT(calls_of(&lender), 1);
    PROMISE("a buffer that outlives its stream comes back when it is given up");
    stream = open_running(backend, 1, 0);
    buffer = lend(&lender);
    play_now(stream, buffer);
    sonset_stream_destroy(stream);
    CHECK_INT(calls_of(&lender), 0);
    sonset_buffer_release(buffer);
    CHECK_INT(calls_of(&lender), 1);
    PROMISE("two streams that play one buffer give it back once, after the later one");
    {
        sonset_stream *other = open_running(backend, 1, 0);
        stream = open_running(backend, 1, 0);
        buffer = lend(&lender);
        play_at(stream, buffer, 100000000);
        play_at(other, buffer, 100000000);
        sonset_buffer_release(buffer);
        OK(sonset_stream_close(stream));
        CHECK_INT(calls_of(&lender), 0);
        OK(sonset_stream_close(other));
        CHECK_INT(calls_of(&lender), 1);
        sonset_stream_destroy(stream);
        sonset_stream_destroy(other);
        CHECK_INT(calls_of(&lender), 1);
    }
}

static void test_unasked(void)
{
    struct lender lender;
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    sonset_buffer *buffer = lend(&lender);

    PROMISE("with a device they come back without any further call of the host");
    play_now(stream, buffer);
    sonset_buffer_release(buffer);
    wait_for_call(&lender);
    sonset_stream_destroy(stream);
    CHECK_INT(calls_of(&lender), 1);
}

static void test_discarded(void)
{
    struct lender lender;
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer = lend(&lender);
    sonset_play_params params;
    int64_t action;

    PROMISE("a discarded batch gives back what it would have played");
    OK(sonset_play_params_init(&params));
    OK(sonset_stream_begin_batch(stream, &params.batch));
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    sonset_buffer_release(buffer);
    CHECK_INT(lender.calls, 0);
    OK(sonset_stream_discard_batch(stream, params.batch));
    CHECK_INT(lender.calls, 1);
    sonset_stream_destroy(stream);
}

/* A callback that calls the library: no lock may be held while it runs. */
static void ask_the_stream(void *user_data)
{
    sonset_stream *stream = user_data;
    CHECK(stats_of(stream).live_actions == 0);
    CHECK_INT(info_of(stream).sample_rate_hz, RATE);
}

static void test_reentrant(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer = NULL;

    PROMISE("the callback may call the library");
    OK(sonset_buffer_wrap(samples, 100, 1, 0, ask_the_stream, stream, &buffer));
    play_now(stream, buffer);
    sonset_buffer_release(buffer);
    run_frames(stream, 200);
    stats_of(stream);
    sonset_stream_destroy(stream);
}

struct owner {
    sonset_stream *stream;
    int calls;
};

static void destroy_the_stream(void *user_data)
{
    struct owner *owner = user_data;
    sonset_stream_destroy(owner->stream);
    pthread_mutex_lock(&lock);
    owner->calls++;
    pthread_mutex_unlock(&lock);
}

static int released(struct owner *owner)
{
    int calls;
    pthread_mutex_lock(&lock);
    calls = owner->calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

/* Waits until the handle is none any more: far less long than a destruction waits for a call that stays. */
static void wait_for_destruction(struct owner *owner)
{
    sonset_stream_stats stats = {0};
    int n;
    for (n = 0; n < 4000 && sonset_stream_get_stats(owner->stream, &stats) == SONSET_OK; n++) sleep_ms(1);
    CHECK_CODE(SONSET_ERROR_INVALID_HANDLE, sonset_stream_get_stats(owner->stream, &stats));
    CHECK_INT(released(owner), 1);
}

static void test_destroying(void)
{
    struct owner owner = {0};
    sonset_buffer *buffer = NULL;
    sonset_stream_stats stats = {0};

    PROMISE("the callback may destroy its stream from within a call that uses it");
    owner.stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    OK(sonset_buffer_wrap(samples, 100, 1, 0, destroy_the_stream, &owner, &buffer));
    play_now(owner.stream, buffer);
    sonset_buffer_release(buffer);
    run_frames(owner.stream, 200);
    sonset_stream_get_stats(owner.stream, &stats);
    wait_for_destruction(&owner);

    PROMISE("and on a thread of the library");
    owner.calls = 0;
    owner.stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    OK(sonset_buffer_wrap(samples, 100, 1, 0, destroy_the_stream, &owner, &buffer));
    play_now(owner.stream, buffer);
    sonset_buffer_release(buffer);
    wait_for_destruction(&owner);

    PROMISE("and while the stream is being destroyed");
    owner.calls = 0;
    owner.stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    OK(sonset_buffer_wrap(samples, 100, 1, 0, destroy_the_stream, &owner, &buffer));
    play_at(owner.stream, buffer, 1 << 30);
    sonset_buffer_release(buffer);
    sonset_stream_destroy(owner.stream);
    wait_for_destruction(&owner);
}

static void start_and_stop_the_stream(void *user_data)
{
    struct owner *owner = user_data;
    CHECK_INT(info_of(owner->stream).sample_rate_hz, RATE);
    OK(sonset_stream_start(owner->stream));
    OK(sonset_stream_stop(owner->stream));
    pthread_mutex_lock(&lock);
    owner->calls++;
    pthread_mutex_unlock(&lock);
}

static void test_while_stopping(void)
{
    static const int32_t backends[] = {SONSET_BACKEND_MANUAL, SONSET_BACKEND_VIRTUAL};
    int n, waited;

    PROMISE("the callback may start and stop its stream while that is being stopped");
    for (n = 0; n < 2; n++) {
        struct owner owner = {0};
        sonset_buffer *buffer = NULL;
        owner.stream = open_running(backends[n], 1, 0);
        OK(sonset_buffer_wrap(samples, 100, 1, 0, start_and_stop_the_stream, &owner, &buffer));
        play_at(owner.stream, buffer, 1 << 30);
        sonset_buffer_release(buffer);
        OK(sonset_stream_stop(owner.stream));
        for (waited = 0; waited < 4000 && released(&owner) == 0; waited++) sleep_ms(1);
        CHECK_INT(released(&owner), 1);
        sonset_stream_destroy(owner.stream);
    }
}

int main(void)
{
    test_without_playing();
    test_manual();
    test_destroy(SONSET_BACKEND_MANUAL);
    test_destroy(SONSET_BACKEND_VIRTUAL);
    test_unasked();
    test_discarded();
    test_reentrant();
    test_destroying();
    test_while_stopping();
    DONE();
}
