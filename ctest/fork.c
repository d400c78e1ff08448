/*
 * A process that was forked: what its parent made is refused or forgotten there, at once, and it can make its own.
 * The parent's threads are at work while it forks, so that locks are held that nobody in the child gives back.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAMES = 4800 };

static struct {
    sonset_stream *running;
    sonset_stream *manual;
    sonset_buffer *buffer;
    sonset_ring *ring;
    sonset_device_list *list;
    int64_t action;
    char maker[48];
} ours;

static volatile int keep_busy = 1;
/* What a static destructor of C++ or an atexit() handler still holds. */
static sonset_stream *held_at_exit;

static int64_t now_ns(void)
{
    int64_t ns = 0;
    OK(sonset_clock_now_ns(SONSET_CLOCK_MONOTONIC, &ns));
    return ns;
}

static void destroy_at_exit(void)
{
    sonset_stream_destroy(held_at_exit);
    sonset_stream_destroy(ours.manual);
}

/* Set in a child that has kept its promises. */
static int child_is_done;

/* Runs last. What the child has forgotten is lost on purpose, and valgrind does not look for it in what is killed. */
static void end_child(void)
{
    if (child_is_done) kill(getpid(), SIGKILL);
}

static int was_done(pid_t child)
{
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Holds the locks of streams, buffers and handle tables as often as it can. */
static void *work(void *unused)
{
    static float samples[FRAMES];
    (void)unused;
    while (keep_busy) {
        sonset_buffer *buffer = NULL;
        sonset_receipt receipt = {0};
        int64_t action;
        int64_t frames;
        if (sonset_buffer_create(samples, FRAMES, 1, 0, &buffer) != SONSET_OK) abort();
        sonset_stream_play_buffer(ours.running, buffer, NULL, NULL, 0, NULL, &action);
        sonset_stream_poll_receipt(ours.running, &receipt);
        sonset_ring_write(ours.ring, samples, 1, &frames);
        sonset_buffer_release(buffer);
    }
    return NULL;
}

/* Every call of a stream of the parent. */
static void test_stream_is_refused(sonset_stream *stream)
{
    sonset_stream_info info = {0};
    sonset_stream_time time = {0};
    sonset_stream_stats stats = {0};
    sonset_receipt receipt = {0};
    int64_t number = 77;

    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_start(stream));
    CHECK_SAYS(ours.maker);
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_stop(stream));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_close(stream));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_get_info(stream, &info));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_get_time(stream, SONSET_DIRECTION_OUTPUT, &time));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_get_stats(stream, &stats));
    CHECK(sonset_stream_get_device_id(stream, SONSET_DIRECTION_OUTPUT) == NULL);
    CHECK_CODE(SONSET_ERROR_INVALID_STATE,
               sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, 0, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE,
               sonset_stream_play_buffer(stream, ours.buffer, NULL, NULL, 0, NULL, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE,
               sonset_stream_play_ring(stream, ours.ring, NULL, NULL, 0, NULL, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE,
               sonset_stream_play_file(stream, "a.wav", NULL, NULL, NULL, 0, NULL, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE,
               sonset_stream_record_buffer(stream, ours.buffer, NULL, 0, NULL, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_detect_level(stream, NULL, 0, NULL, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_cancel(stream, ours.action, NULL));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_cancel_all(stream, 0));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_set_master_gain(stream, NULL));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_begin_batch(stream, &number));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_get_action(stream, ours.action, &receipt));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE,
               sonset_stream_wait_action(stream, ours.action, SONSET_ACTION_ENDED, 10000, &receipt));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_poll_receipt(stream, &receipt));
    CHECK_SAYS(ours.maker);
    CHECK_INT(number, 77);
}

static void test_process_is_refused(void)
{
    float out[64];
    int k;
    for (k = 0; k < 64; k++) out[k] = 0.5f;
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_process(ours.manual, NULL, out, 64, 0, 0, 0));
    for (k = 0; k < 64; k++) CHECK_REAL(out[k], 0.0);
}

static void test_buffers_and_rings_are_refused(void)
{
    sonset_buffer_info buffer_info = {0};
    sonset_ring_info ring_info = {0};
    float samples[4] = {0};
    int64_t frames = 0;

    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_buffer_read(ours.buffer, 0, 4, samples));
    CHECK_SAYS(ours.maker);
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_buffer_get_info(ours.buffer, &buffer_info));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_ring_write(ours.ring, samples, 1, &frames));
    CHECK_SAYS(ours.maker);
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_ring_get_info(ours.ring, &ring_info));
}

static void test_device_list_is_readable(void)
{
    int32_t count = 0;
    OK(sonset_device_list_count(ours.list, &count));
    CHECK(count > 0);
    CHECK(strcmp(sonset_device_list_get_id(ours.list, 0), "virtual") == 0);
}

/* A stream, a buffer and a sound of the child's own. */
static void test_own_stream_plays(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    sonset_buffer *buffer = NULL;
    sonset_receipt receipt = {0};
    float samples[480] = {0};
    int64_t action;

    OK(sonset_buffer_create(samples, 480, 1, RATE, &buffer));
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, NULL, &action));
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 20000, &receipt));
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    /* Nor can it take a handle of its own for one of its parent. */
    CHECK((void *)stream != (void *)ours.running && (void *)buffer != (void *)ours.buffer);
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_objects_are_forgotten(void)
{
    int64_t began = now_ns();
    sonset_stream *stream = ours.running;
    sonset_stream_destroy(stream);
    CHECK_CODE(SONSET_ERROR_INVALID_HANDLE, sonset_stream_start(stream));
    sonset_buffer_release(ours.buffer);
    sonset_ring_release(ours.ring);
    sonset_device_list_destroy(ours.list);
    /* A close of the stream would wait for its fade and its device. */
    CHECK(now_ns() - began < 500000000);
}

static void be_child(void)
{
    /* Nothing may wait for a thread that is not there. */
    alarm(60);
    check_promise = NULL;
    PROMISE("in a fork, calls of the parent's stream are errors that name the parent");
    test_stream_is_refused(ours.running);
    test_stream_is_refused(ours.manual);
    PROMISE("its process call too, which leaves silence");
    test_process_is_refused();
    PROMISE("calls of its buffers and rings likewise");
    test_buffers_and_rings_are_refused();
    PROMISE("its device list can be read");
    test_device_list_is_readable();
    PROMISE("a fork opens, plays and closes its own");
    test_own_stream_plays();
    PROMISE("destroying what the parent made forgets it at once");
    test_objects_are_forgotten();
    PROMISE("a fork of the fork is told the same");
    {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_stop(ours.manual));
            CHECK_SAYS(ours.maker);
            child_is_done = 1;
            exit(0);
        }
        CHECK(was_done(pid));
    }
    held_at_exit = ours.running;
    child_is_done = check_end() == 0;
    exit(1);
}

int main(int argc, char **argv)
{
    int forks = argc > 1 ? atoi(argv[1]) : 20;
    pthread_t worker;
    float samples[FRAMES] = {0};
    int k;

    atexit(end_child);
    atexit(destroy_at_exit);
    sprintf(ours.maker, "process %ld,", (long)getpid());
    ours.running = open_running(SONSET_BACKEND_VIRTUAL, 1, 1);
    ours.manual = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    OK(sonset_buffer_create(samples, FRAMES, 1, RATE, &ours.buffer));
    OK(sonset_ring_create(1000, 1, RATE, &ours.ring));
    OK(sonset_device_list_create(SONSET_BACKEND_VIRTUAL, &ours.list));
    OK(sonset_stream_play_buffer(ours.running, ours.buffer, NULL, NULL, 0, NULL, &ours.action));
    CHECK(pthread_create(&worker, NULL, work, NULL) == 0);

    for (k = 0; k < forks; k++) {
        pid_t pid;
        fflush(stdout);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            if (k > 0) freopen("/dev/null", "w", stdout);
            be_child();
        }
        CHECK(was_done(pid));
    }
    keep_busy = 0;
    pthread_join(worker, NULL);

    PROMISE("the parent's stream has played on meanwhile");
    {
        sonset_receipt receipt = {0};
        OK(sonset_stream_wait_action(ours.running, ours.action, SONSET_ACTION_ENDED, 20000, &receipt));
        CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
        CHECK_INT(info_of(ours.running).state, SONSET_STREAM_RUNNING);
    }
    sonset_stream_destroy(ours.running);
    sonset_stream_destroy(ours.manual);
    sonset_buffer_release(ours.buffer);
    sonset_ring_release(ours.ring);
    sonset_device_list_destroy(ours.list);
    DONE();
}
