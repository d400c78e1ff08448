/*
 * What the C tests share. A program announces each promise with PROMISE and checks it with the macros below;
 * the promise is printed as kept when the next one begins. The first broken one ends the program, unless
 * CTEST_KEEP_GOING is set, which shows all of them.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1
#endif

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sonset.h"

static const char *check_promise = NULL;
static int check_broken = 0;
static int check_failures = 0;

static inline void check_settle(void)
{
    if (check_promise != NULL && !check_broken) {
        printf("ok      %s\n", check_promise);
    }
    fflush(stdout);
}

static inline void check_begin(const char *promise)
{
    check_settle();
    check_promise = promise;
    check_broken = 0;
}

static inline int check_end(void)
{
    check_settle();
    check_promise = NULL;
    return check_failures == 0 ? 0 : 1;
}

static inline void check_fail(const char *file, int line, const char *what, const char *values)
{
    printf("BROKEN  %s\n        %s:%d: %s%s\n        last message: '%s'\n",
           check_promise ? check_promise : "(no promise)", file, line, what, values,
           sonset_error_last_message());
    fflush(stdout);
    check_broken = 1;
    check_failures++;
    if (getenv("CTEST_KEEP_GOING") == NULL) {
        exit(1);
    }
}

static inline void check_int(const char *file, int line, const char *what, int64_t got, int64_t expected)
{
    char values[96];
    if (got != expected) {
        snprintf(values, sizeof values, " is %" PRId64 ", expected %" PRId64, got, expected);
        check_fail(file, line, what, values);
    }
}

static inline void check_result(const char *file, int line, const char *what, int32_t got, int32_t expected)
{
    char values[160];
    if (got != expected) {
        snprintf(values, sizeof values, "\n        gave %d %s, expected %d %s", (int)got,
                 sonset_result_name(got), (int)expected, sonset_result_name(expected));
        check_fail(file, line, what, values);
    }
}

static inline void check_real(const char *file, int line, const char *what, double got, double expected)
{
    char values[96];
    if (!(got == expected)) {
        snprintf(values, sizeof values, " is %.9g, expected %.9g", got, expected);
        check_fail(file, line, what, values);
    }
}

#define PROMISE(text) check_begin(text)
#define DONE() return check_end()
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) check_fail(__FILE__, __LINE__, #condition, " does not hold");            \
    } while (0)
#define CHECK_INT(got, expected) check_int(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(expected))
#define CHECK_REAL(got, expected) check_real(__FILE__, __LINE__, #got, (got), (expected))
#define CHECK_CODE(expected, call) check_result(__FILE__, __LINE__, #call, (call), (expected))
#define OK(call) check_result(__FILE__, __LINE__, #call, (call), SONSET_OK)
/* Whether the last message names what the reader needs to know. */
#define CHECK_SAYS(word)                                                                           \
    do {                                                                                           \
        if (strstr(sonset_error_last_message(), (word)) == NULL)                                   \
            check_fail(__FILE__, __LINE__, "the message does not say ", (word));                   \
    } while (0)

enum { RATE = 48000 };

static inline void sleep_ms(long ms)
{
    struct timespec wait;
    wait.tv_sec = ms / 1000;
    wait.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&wait, NULL);
}

/* A new folder for files. ctest/run sets TMPDIR, and removes what a broken promise leaves behind there. */
static inline void make_folder(char *folder, size_t size)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, size, "%s/sonset_XXXXXX", parent != NULL ? parent : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
}

static inline sonset_stream *open_stream(int32_t backend, int32_t outputs, int32_t inputs, int32_t actions)
{
    sonset_stream_config config;
    sonset_stream *stream = NULL;
    OK(sonset_stream_config_init(&config));
    config.backend = backend;
    config.sample_rate_hz = RATE;
    config.output_channels = outputs;
    config.input_channels = inputs;
    config.block_frames = backend == SONSET_BACKEND_VIRTUAL ? 64 : 0;
    config.max_actions = actions;
    OK(sonset_stream_open(&config, NULL, NULL, NULL, &stream));
    return stream;
}

static inline sonset_stream *open_running(int32_t backend, int32_t outputs, int32_t inputs)
{
    sonset_stream *stream = open_stream(backend, outputs, inputs, 0);
    OK(sonset_stream_start(stream));
    return stream;
}

static inline sonset_buffer *buffer_of(const float *samples, int64_t frames, int32_t channels)
{
    sonset_buffer *buffer = NULL;
    OK(sonset_buffer_create(samples, frames, channels, 0, &buffer));
    return buffer;
}

/* A mono sound of one value. */
static inline sonset_buffer *constant(float value, int64_t frames)
{
    float *samples = malloc((size_t)frames * sizeof *samples);
    sonset_buffer *buffer;
    int64_t n;
    for (n = 0; n < frames; n++) samples[n] = value;
    buffer = buffer_of(samples, frames, 1);
    free(samples);
    return buffer;
}

static inline int64_t play_at(sonset_stream *stream, const sonset_buffer *buffer, int64_t frame)
{
    sonset_play_params params;
    int64_t action = -1;
    OK(sonset_play_params_init(&params));
    params.start_mode = SONSET_START_AT_FRAME;
    params.start_frame = frame;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    return action;
}

static inline int64_t play_now(sonset_stream *stream, const sonset_buffer *buffer)
{
    int64_t action = -1;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, NULL, &action));
    return action;
}

static inline sonset_receipt receipt_of(sonset_stream *stream, int64_t action)
{
    sonset_receipt receipt;
    memset(&receipt, 0, sizeof receipt);
    receipt.struct_size = sizeof receipt;
    OK(sonset_stream_get_action(stream, action, &receipt));
    return receipt;
}

static inline sonset_stream_info info_of(sonset_stream *stream)
{
    sonset_stream_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    OK(sonset_stream_get_info(stream, &info));
    return info;
}

static inline sonset_stream_time time_of(sonset_stream *stream, int32_t direction)
{
    sonset_stream_time time;
    memset(&time, 0, sizeof time);
    OK(sonset_stream_get_time(stream, direction, &time));
    return time;
}

static inline sonset_stream_stats stats_of(sonset_stream *stream)
{
    sonset_stream_stats stats;
    memset(&stats, 0, sizeof stats);
    OK(sonset_stream_get_stats(stream, &stats));
    return stats;
}

/* Runs a manual stream for some frames with silence at its inputs, and throws its output away. */
static inline void run_frames(sonset_stream *stream, int32_t frames)
{
    sonset_stream_info info = info_of(stream);
    float *in = calloc((size_t)frames * (size_t)info.input_channels + 1, sizeof *in);
    float *out = calloc((size_t)frames * (size_t)info.output_channels + 1, sizeof *out);
    OK(sonset_stream_process(stream, in, out, frames, 0, 0, 0));
    free(in);
    free(out);
}

#endif
