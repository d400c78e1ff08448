/*
 * A process that ends with everything alive: running streams, sounds and recordings under way, a thread that waits.
 * However it ends, it ends at once, without a crash, and with the status that it was to have. Each way is tried in a
 * program of its own: this one again, with the way as its argument.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS = 7, MOST_MS = 10000 };

static sonset_stream *running;
static sonset_stream *manual;
static sonset_buffer *sound;
static sonset_ring *ring;
static int64_t endless;

static void *wait_for_ever(void *unused)
{
    sonset_receipt receipt;
    (void)unused;
    memset(&receipt, 0, sizeof receipt);
    sonset_stream_wait_action(running, endless, SONSET_ACTION_ENDED, 3600000, &receipt);
    return NULL;
}

static void make_samples(void)
{
    static float samples[4800];
    OK(sonset_buffer_create(samples, 4800, 1, RATE, &sound));
    OK(sonset_ring_create(48000, 1, RATE, &ring));
}

/* Everything that a program may leave behind. */
static void live(const char *recording)
{
    pthread_t waiting;
    sonset_stream_config config;
    sonset_play_params play;
    int64_t action;

    make_samples();
    memset(&config, 0, sizeof config);
    config.backend = SONSET_BACKEND_VIRTUAL;
    config.sample_rate_hz = RATE;
    config.output_channels = 2;
    config.input_channels = 1;
    OK(sonset_stream_open(&config, NULL, NULL, NULL, &running));
    OK(sonset_stream_start(running));
    config.backend = SONSET_BACKEND_MANUAL;
    OK(sonset_stream_open(&config, NULL, NULL, NULL, &manual));
    OK(sonset_stream_start(manual));

    memset(&play, 0, sizeof play);
    play.loop_count = -1;
    OK(sonset_stream_play_buffer(running, sound, NULL, NULL, 0, &play, &endless));
    OK(sonset_stream_play_buffer(manual, sound, NULL, NULL, 0, &play, &action));
    OK(sonset_stream_record_file(running, recording, NULL, 0, NULL, NULL, &action));
    OK(sonset_stream_record_ring(running, ring, NULL, 0, NULL, &action));
    if (pthread_create(&waiting, NULL, wait_for_ever, NULL) != 0) abort();
    sleep_ms(50);
}

static void destroy_all(void)
{
    sonset_stream_destroy(running);
    sonset_stream_destroy(manual);
    sonset_ring_release(ring);
    sonset_buffer_release(sound);
}

static void *exit_here(void *unused)
{
    (void)unused;
    exit(STATUS);
}

static int end(const char *way)
{
    pthread_t thread;
    if (strcmp(way, "exit") == 0) exit(STATUS);
    if (strcmp(way, "_exit") == 0) _exit(STATUS);
    if (strcmp(way, "abort") == 0) abort();
    if (strcmp(way, "raise") == 0) raise(SIGTERM);
    if (strcmp(way, "thread") == 0) {
        if (pthread_create(&thread, NULL, exit_here, NULL) != 0) abort();
        for (;;) pause();
    }
    if (strcmp(way, "atexit") == 0) atexit(destroy_all);
    return STATUS;
}

static void test_way(const char *program, const char *way, int expected_signal)
{
    char recording[512];
    int status = 0;
    int64_t waited = 0;
    pid_t child;
    const char *folder = getenv("TMPDIR");
    snprintf(recording, sizeof recording, "%s/exits-%s.wav", folder ? folder : "/tmp", way);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        execl(program, program, way, recording, (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0);
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (waited >= MOST_MS) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            check_fail(__FILE__, __LINE__, way, ": the process did not end");
            return;
        }
        sleep_ms(5);
        waited += 5;
    }
    if (expected_signal != 0) {
        CHECK(WIFSIGNALED(status));
        CHECK_INT(WTERMSIG(status), expected_signal);
    } else {
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), STATUS);
    }
    remove(recording);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        live(argv[2]);
        return end(argv[1]);
    }
    PROMISE("a return from main with everything alive keeps its status");
    test_way(argv[0], "return", 0);
    PROMISE("so does exit()");
    test_way(argv[0], "exit", 0);
    PROMISE("and exit() in another thread");
    test_way(argv[0], "thread", 0);
    PROMISE("and _exit()");
    test_way(argv[0], "_exit", 0);
    PROMISE("and an exit at which a handler destroys what another thread waits for");
    test_way(argv[0], "atexit", 0);
    PROMISE("abort() and a signal end it as they are to");
    test_way(argv[0], "abort", SIGABRT);
    test_way(argv[0], "raise", SIGTERM);
    return check_end();
}
