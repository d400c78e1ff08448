/*
 * Every function of the header with every argument that it cannot take: the documented code, a message that
 * belongs to this very call, and outputs that are left as they were.
 */
#include "check.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILL = 0x5A };

/* Leaves a message behind that no function tested below leaves. */
static const char *prime(void)
{
    static char primed[256];
    int64_t now;
    sonset_clock_now_ns(-4711, &now);
    snprintf(primed, sizeof primed, "%s", sonset_error_last_message());
    return primed;
}

static void check_message(const char *file, int line, const char *what, const char *primed)
{
    const char *message = sonset_error_last_message();
    if (message == NULL || message[0] == '\0' || strcmp(message, primed) == 0) {
        check_fail(file, line, what, " left no message of its own");
    }
}

static void check_untouched(const char *file, int line, const char *what, const void *out, const void *before,
                            size_t size)
{
    if (memcmp(out, before, size) != 0) {
        check_fail(file, line, what, " failed, but wrote to its output");
    }
}

#define FAILS(code, call)                                                                          \
    do {                                                                                           \
        const char *primed_ = prime();                                                             \
        CHECK_CODE((code), (call));                                                                \
        check_message(__FILE__, __LINE__, #call, primed_);                                         \
    } while (0)

/* The same, for calls with an output. */
#define FAILS_OUT(code, out, call)                                                                 \
    do {                                                                                           \
        unsigned char before_[sizeof(out)];                                                        \
        memset(&(out), FILL, sizeof(out));                                                         \
        memcpy(before_, &(out), sizeof(out));                                                      \
        FAILS((code), (call));                                                                     \
        check_untouched(__FILE__, __LINE__, #call, &(out), before_, sizeof(out));                  \
    } while (0)

/* The same, for structs, which state a size. */
#define FAILS_STRUCT(code, out, size, call)                                                        \
    do {                                                                                           \
        unsigned char before_[sizeof(out)];                                                        \
        memset(&(out), FILL, sizeof(out));                                                         \
        (out).struct_size = (uint32_t)(size);                                                      \
        memcpy(before_, &(out), sizeof(out));                                                      \
        FAILS((code), (call));                                                                     \
        check_untouched(__FILE__, __LINE__, #call, &(out), before_, sizeof(out));                  \
    } while (0)

/* The sizes that a struct cannot have. */
#define FAILS_SIZES(out, call)                                                                     \
    do {                                                                                           \
        FAILS_STRUCT(SONSET_ERROR_INVALID_ARGUMENT, out, 4, call);                                 \
        FAILS_STRUCT(SONSET_ERROR_INVALID_ARGUMENT, out, sizeof(out) - 8, call);                   \
        FAILS_STRUCT(SONSET_ERROR_INVALID_ARGUMENT, out, sizeof(out) + 4, call);                   \
        FAILS_STRUCT(SONSET_ERROR_INVALID_ARGUMENT, out, 0xFFFFFFFFu, call);                       \
    } while (0)

#define NO_TEXT(call)                                                                              \
    do {                                                                                           \
        const char *primed_ = prime();                                                             \
        CHECK((call) == NULL);                                                                     \
        check_message(__FILE__, __LINE__, #call, primed_);                                         \
    } while (0)

/* What may run in audio callbacks leaves no message. */
#define FAILS_SILENTLY(code, call)                                                                 \
    do {                                                                                           \
        const char *primed_ = prime();                                                             \
        CHECK_CODE((code), (call));                                                                \
        CHECK(strcmp(sonset_error_last_message(), primed_) == 0);                                  \
    } while (0)

static const int32_t bad_numbers[] = {-1, 3, 1000, INT32_MAX, INT32_MIN};
enum { BAD_NUMBERS = sizeof bad_numbers / sizeof bad_numbers[0] };

static int64_t monotonic_now(void)
{
    int64_t ns = 0;
    OK(sonset_clock_now_ns(SONSET_CLOCK_MONOTONIC, &ns));
    return ns;
}

static void *handle_number(uintptr_t number)
{
    return (void *)number;
}

static void test_texts(void)
{
    PROMISE("texts of numbers: a name for each, 'unknown' or NULL for others");
    CHECK(strcmp(sonset_result_name(0), "SONSET_OK") == 0);
    CHECK(strcmp(sonset_result_name(SONSET_ERROR_FILE_IO), "SONSET_ERROR_FILE_IO") == 0);
    CHECK(strcmp(sonset_result_name(1), "unknown") == 0);
    CHECK(strcmp(sonset_result_name(INT32_MIN), "unknown") == 0);
    CHECK(strcmp(sonset_outcome_name(0), "SONSET_OUTCOME_NONE") == 0);
    CHECK(strcmp(sonset_outcome_name(7), "SONSET_OUTCOME_DEVICE_LOST") == 0);
    CHECK(strcmp(sonset_outcome_name(11), "SONSET_OUTCOME_STOP_BEFORE_START") == 0);
    CHECK(strcmp(sonset_outcome_name(12), "unknown") == 0);
    CHECK(strcmp(sonset_outcome_name(-1), "unknown") == 0);
    CHECK(strcmp(sonset_version_string(), "0.1.0") == 0);
    CHECK_INT(sonset_version_number(), 1000);
    CHECK(strcmp(sonset_backend_name(0), "default") == 0);
    CHECK(strcmp(sonset_backend_name(SONSET_BACKEND_COREAUDIO), "coreaudio") == 0);
    NO_TEXT(sonset_backend_name(11));
    NO_TEXT(sonset_backend_name(-1));
    NO_TEXT(sonset_backend_name(INT32_MIN));
}

static void test_backends_and_clocks(void)
{
    int64_t now;
    int32_t number;
    int n;

    PROMISE("clock: NULL and numbers that are no clock");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_clock_now_ns(SONSET_CLOCK_MONOTONIC, NULL));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, now, sonset_clock_now_ns(0, &now));
    for (n = 0; n < BAD_NUMBERS; n++) {
        FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, now, sonset_clock_now_ns(bad_numbers[n], &now));
    }
    PROMISE("backends: NULL and indices out of range");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_backend_count(NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_backend_at(0, NULL));
    OK(sonset_backend_count(&n));
    CHECK(n >= 3);
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number, sonset_backend_at(n, &number));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number, sonset_backend_at(-1, &number));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number, sonset_backend_at(INT32_MAX, &number));
    OK(sonset_backend_at(n - 1, &number));
    CHECK(number == SONSET_BACKEND_VIRTUAL);
    for (n--; n >= 0; n--) {
        OK(sonset_backend_at(n, &number));
        CHECK(sonset_backend_name(number) != NULL);
    }
}

static void test_inits(void)
{
    sonset_stream_config config;
    sonset_play_params play;
    sonset_tone_params tone;
    sonset_noise_params noise;
    sonset_pulse_params pulse;
    sonset_record_params record;
    sonset_detect_params detect;
    sonset_cancel_params cancel;
    sonset_pause_params pause;
    sonset_reschedule_params reschedule;
    sonset_seek_params seek;
    sonset_gain_params gain;

    PROMISE("init functions: NULL, and else zeros and the size");
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_config_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_play_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_tone_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_noise_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_pulse_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_record_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_detect_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_input_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_file_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_play_file_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_cancel_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_pause_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_reschedule_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_seek_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_channel_params_init(NULL));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_gain_params_init(NULL));
#define INITS(params, call)                                                                        \
    do {                                                                                           \
        unsigned char zeros_[sizeof(params)] = {0};                                                \
        memset(&(params), FILL, sizeof(params));                                                   \
        OK(call);                                                                                  \
        CHECK_INT((params).struct_size, sizeof(params));                                           \
        (params).struct_size = 0;                                                                  \
        CHECK(memcmp(&(params), zeros_, sizeof zeros_) == 0);                                      \
    } while (0)
    INITS(config, sonset_stream_config_init(&config));
    INITS(play, sonset_play_params_init(&play));
    INITS(tone, sonset_tone_params_init(&tone));
    INITS(noise, sonset_noise_params_init(&noise));
    INITS(pulse, sonset_pulse_params_init(&pulse));
    INITS(record, sonset_record_params_init(&record));
    INITS(detect, sonset_detect_params_init(&detect));
    INITS(cancel, sonset_cancel_params_init(&cancel));
    INITS(pause, sonset_pause_params_init(&pause));
    INITS(reschedule, sonset_reschedule_params_init(&reschedule));
    INITS(seek, sonset_seek_params_init(&seek));
    INITS(gain, sonset_gain_params_init(&gain));
}

static void list_with_bad_handle(sonset_device_list *list, int32_t code)
{
    sonset_device_info info;
    int32_t number;
    FAILS_OUT(code, number, sonset_device_list_count(list, &number));
    NO_TEXT(sonset_device_list_get_id(list, 0));
    NO_TEXT(sonset_device_list_get_name(list, 0));
    FAILS_STRUCT(code, info, sizeof info, sonset_device_list_get_info(list, 0, &info));
    FAILS_OUT(code, number, sonset_device_list_find_default(list, SONSET_DIRECTION_OUTPUT, &number));
    sonset_device_list_destroy(list);
}

static void test_device_lists(sonset_stream *of_another_kind)
{
    sonset_device_list *list = NULL;
    sonset_device_list *none;
    sonset_device_info info;
    int32_t number;
    int n;

    PROMISE("device lists: NULL and numbers that are no backend");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_device_list_create(SONSET_BACKEND_VIRTUAL, NULL));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_device_list_create(-1, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_device_list_create(11, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_device_list_create(INT32_MIN, &none));

    OK(sonset_device_list_create(SONSET_BACKEND_VIRTUAL, &list));
    OK(sonset_device_list_count(list, &number));
    CHECK_INT(number, 1);
    PROMISE("device lists: indices and directions out of range, wrong struct_size");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_device_list_count(list, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_device_list_get_info(list, 0, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_device_list_find_default(list, SONSET_DIRECTION_INPUT, NULL));
    for (n = 0; n < BAD_NUMBERS; n++) {
        NO_TEXT(sonset_device_list_get_id(list, bad_numbers[n]));
        NO_TEXT(sonset_device_list_get_name(list, bad_numbers[n]));
        FAILS_STRUCT(SONSET_ERROR_INVALID_ARGUMENT, info, sizeof info,
                     sonset_device_list_get_info(list, bad_numbers[n], &info));
        FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number,
                  sonset_device_list_find_default(list, bad_numbers[n], &number));
    }
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number, sonset_device_list_find_default(list, 0, &number));
    FAILS_SIZES(info, sonset_device_list_get_info(list, 0, &info));
    PROMISE("device lists: the virtual device is never a default");
    FAILS_OUT(SONSET_ERROR_NO_DEVICE, number,
              sonset_device_list_find_default(list, SONSET_DIRECTION_OUTPUT, &number));

    PROMISE("device lists: NULL, made up, foreign and destroyed handles");
    list_with_bad_handle(NULL, SONSET_ERROR_NULL_POINTER);
    list_with_bad_handle(handle_number(1), SONSET_ERROR_INVALID_HANDLE);
    list_with_bad_handle(handle_number(0x5A5A5A51), SONSET_ERROR_INVALID_HANDLE);
    list_with_bad_handle(handle_number(UINTPTR_MAX), SONSET_ERROR_INVALID_HANDLE);
    list_with_bad_handle((sonset_device_list *)&info, SONSET_ERROR_INVALID_HANDLE);
    list_with_bad_handle((sonset_device_list *)of_another_kind, SONSET_ERROR_INVALID_HANDLE);
    OK(sonset_device_list_count(list, &number));
    sonset_device_list_destroy(list);
    list_with_bad_handle(list, SONSET_ERROR_INVALID_HANDLE);
}

static void ignore_release(void *user_data)
{
    (void)user_data;
    CHECK(!"release is called although wrapping failed");
}

static void test_making_buffers(void)
{
    static const float fine[4] = {0.5f, -0.5f, 0.25f, -0.25f};
    static const int64_t bad_frames[] = {0, -1, INT64_MIN, INT64_MAX, INT64_MAX / 4 + 1};
    static const int32_t bad_channels[] = {0, -1, 257, INT32_MIN, INT32_MAX};
    static const int32_t bad_rates[] = {-1, 1, 999, 768001, INT32_MIN, INT32_MAX};
    float bad[4] = {0, 0, 0, 0};
    sonset_buffer *buffer;
    size_t n;
    int pass;

#define MAKE_FAILS(code, samples, frames, channels, rate)                                          \
    do {                                                                                           \
        FAILS_OUT((code), buffer,                                                                  \
                  sonset_buffer_create((samples), (frames), (channels), (rate), &buffer));         \
        FAILS_OUT((code), buffer,                                                                  \
                  sonset_buffer_wrap((samples), (frames), (channels), (rate), ignore_release,      \
                                     NULL, &buffer));                                              \
    } while (0)

    PROMISE("making buffers: NULL");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_create(fine, 4, 1, 0, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_wrap(fine, 4, 1, 0, ignore_release, NULL, NULL));
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, buffer,
              sonset_buffer_wrap(NULL, 4, 1, 0, ignore_release, NULL, &buffer));
    PROMISE("making buffers: frames, channels and rates out of range");
    for (n = 0; n < sizeof bad_frames / sizeof bad_frames[0]; n++) {
        MAKE_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fine, bad_frames[n], 1, 0);
        FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, buffer,
                  sonset_buffer_create(NULL, bad_frames[n], 1, 0, &buffer));
    }
    for (n = 0; n < sizeof bad_channels / sizeof bad_channels[0]; n++) {
        MAKE_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fine, 1, bad_channels[n], 0);
    }
    for (n = 0; n < sizeof bad_rates / sizeof bad_rates[0]; n++) {
        MAKE_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fine, 2, 2, bad_rates[n]);
    }
    PROMISE("making buffers: more memory than there is");
    FAILS_OUT(SONSET_ERROR_OUT_OF_MEMORY, buffer,
              sonset_buffer_create(NULL, (int64_t)1 << 58, 1, 0, &buffer));
    PROMISE("making buffers: NaN and infinite samples, named by their place");
    for (pass = 0; pass < 3; pass++) {
        bad[3] = pass == 0 ? NAN : pass == 1 ? INFINITY : -INFINITY;
        MAKE_FAILS(SONSET_ERROR_NON_FINITE, bad, 2, 2, 0);
        CHECK_SAYS("frame 1");
        CHECK_SAYS("channel 2");
    }
}

static void buffer_with_bad_handle(sonset_buffer *buffer, sonset_stream *stream, int32_t code)
{
    sonset_buffer_info info;
    sonset_buffer *none;
    float samples[1];
    int64_t action;
    FAILS_OUT(code, none, sonset_buffer_resample(buffer, RATE, &none));
    FAILS_OUT(code, none, sonset_buffer_mix(buffer, (const float[1]){1}, 1, &none));
    FAILS_OUT(code, none, sonset_buffer_mix_itu_stereo(buffer, &none));
    FAILS(code, sonset_buffer_save_file(buffer, "/tmp", RATE));
    FAILS_OUT(code, samples, sonset_buffer_read(buffer, 0, 1, samples));
    FAILS_STRUCT(code, info, sizeof info, sonset_buffer_get_info(buffer, &info));
    FAILS_OUT(code, action, sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, NULL, &action));
    FAILS_OUT(code, action, sonset_stream_record_buffer(stream, buffer, NULL, 0, NULL, &action));
    sonset_buffer_release(buffer);
}

static void test_buffers(sonset_stream *stream)
{
    sonset_buffer *buffer = buffer_of(NULL, 4, 1);
    sonset_buffer *none;
    sonset_buffer_info info;
    sonset_file_info about = {0};
    float samples[4];

    PROMISE("files of buffers: NULL and rates out of range");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_load_file("/tmp/a.wav", NULL));
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, none, sonset_buffer_load_file(NULL, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_load_file("", &none));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_load_file_at("/tmp/a.wav", 0, 0, NULL));
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, none, sonset_buffer_load_file_at(NULL, 0, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_load_file_at("", 0, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_load_file_at("/tmp/a.wav", 7999, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_load_file_at("/tmp/a.wav", 384001, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_load_file_at("/tmp/a.wav", INT32_MIN, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_load_file_at("/tmp/a.wav", 0, -1, &none));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_file_get_info("/tmp/a.wav", 0, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_file_get_info(NULL, 0, &about));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_file_get_info("", 0, &about));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_file_get_info("/tmp/a.wav", -1, &about));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_save_file(buffer, NULL, RATE));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_save_file(buffer, "/tmp/no.wav", 0));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_save_file(buffer, "/tmp/no.wav", -1));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_save_file(buffer, "/tmp/no.wav", INT32_MAX));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_save_file(buffer, "", RATE));

    PROMISE("converting buffers: NULL, rates out of range, and buffers without one");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_resample(buffer, RATE, NULL));
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, none, sonset_buffer_mix(buffer, NULL, 1, &none));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_mix(buffer, (const float[1]){1}, 1, NULL));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_mix(buffer, (const float[1]){1}, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_mix(buffer, (const float[1]){1}, INT32_MAX, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_mix(buffer, (const float[1]){NAN}, 1, &none));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_mix_itu_stereo(buffer, NULL));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_mix_itu_stereo(buffer, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_resample(buffer, RATE, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_resample(buffer, 0, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_resample(buffer, -1, &none));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, none, sonset_buffer_resample(buffer, INT32_MAX, &none));

    PROMISE("reading buffers: NULL and frames that are not there");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_read(buffer, 0, 4, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_buffer_get_info(buffer, NULL));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, 0, 5, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, 1, 4, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, 4, 1, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, -1, 1, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, INT64_MAX, 1, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, INT64_MIN, 1, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, 0, -1, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, 1, INT64_MAX, samples));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, samples, sonset_buffer_read(buffer, 1, INT64_MIN, samples));
    FAILS_SIZES(info, sonset_buffer_get_info(buffer, &info));

    PROMISE("buffers: NULL, made up, foreign and released handles");
    buffer_with_bad_handle(NULL, stream, SONSET_ERROR_NULL_POINTER);
    buffer_with_bad_handle(handle_number(2), stream, SONSET_ERROR_INVALID_HANDLE);
    buffer_with_bad_handle(handle_number(0x5A5A5A52), stream, SONSET_ERROR_INVALID_HANDLE);
    buffer_with_bad_handle(handle_number(UINTPTR_MAX - 13), stream, SONSET_ERROR_INVALID_HANDLE);
    buffer_with_bad_handle((sonset_buffer *)samples, stream, SONSET_ERROR_INVALID_HANDLE);
    buffer_with_bad_handle((sonset_buffer *)stream, stream, SONSET_ERROR_INVALID_HANDLE);
    OK(sonset_buffer_read(buffer, 0, 4, samples));
    sonset_buffer_release(buffer);
    buffer_with_bad_handle(buffer, stream, SONSET_ERROR_INVALID_HANDLE);
}

static void test_open(void)
{
    static const char *const no_ids[] = {"", " ", "v", "virt", "Virtual", "device", "virtual ", "virtually", "0"};
    sonset_stream_config config;
    sonset_stream *stream;
    int n;

#define OPEN_FAILS(code, field, value)                                                             \
    do {                                                                                           \
        OK(sonset_stream_config_init(&config));                                                    \
        config.backend = SONSET_BACKEND_VIRTUAL;                                                   \
        config.sample_rate_hz = RATE;                                                              \
        config.output_channels = 2;                                                                \
        config.field = (value);                                                                    \
        FAILS_OUT((code), stream, sonset_stream_open(&config, NULL, NULL, NULL, &stream));         \
    } while (0)

    PROMISE("opening: NULL for the output");
    OK(sonset_stream_config_init(&config));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_open(&config, NULL, NULL, NULL, NULL));
    PROMISE("opening: each field of the configuration out of range");
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, struct_size, 4);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, struct_size, sizeof config - 8);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, struct_size, sizeof config + 1);
    CHECK_SAYS("set it to sizeof(sonset_stream_config), which is");
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, backend, -1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, backend, 11);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, backend, INT32_MIN);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, sample_rate_hz, -1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, sample_rate_hz, INT32_MIN);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, output_channels, -1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, input_channels, INT32_MIN);
    OPEN_FAILS(SONSET_ERROR_UNSUPPORTED_FORMAT, output_channels, 257);
    OPEN_FAILS(SONSET_ERROR_UNSUPPORTED_FORMAT, input_channels, INT32_MAX);
    OPEN_FAILS(SONSET_ERROR_UNSUPPORTED_FORMAT, output_channels, 65);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, block_frames, -1);
    OPEN_FAILS(SONSET_ERROR_UNSUPPORTED_FORMAT, block_frames, 8193);
    OPEN_FAILS(SONSET_ERROR_UNSUPPORTED_FORMAT, block_frames, INT32_MAX);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, max_actions, -1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, max_actions, 1048577);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, max_actions, INT32_MAX);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, virtual_latency_frames, -1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, virtual_latency_frames, 1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, virtual_latency_frames, INT32_MAX);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, history_frames, -1);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, history_frames, 1048577);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, history_frames, INT64_MAX);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, history_frames, INT64_MIN);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, ceiling, -0.5);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, ceiling, 1.0000001);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, ceiling, (double)NAN);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, ceiling, (double)INFINITY);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fade_ms, -0.5);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fade_ms, 1e300);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fade_ms, (double)NAN);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, fade_ms, (double)INFINITY);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, dither_db, 90.0);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, dither_db, -79.0);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, dither_db, -151.0);
    OPEN_FAILS(SONSET_ERROR_INVALID_ARGUMENT, dither_db, (double)NAN);

    PROMISE("opening: texts that are no UTF-8, devices and options that there are not");
    OK(sonset_stream_config_init(&config));
    config.backend = SONSET_BACKEND_VIRTUAL;
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, stream,
              sonset_stream_open(&config, "\xff\xfe", NULL, NULL, &stream));
    FAILS_OUT(SONSET_ERROR_NO_DEVICE, stream,
              sonset_stream_open(&config, "no such device", NULL, NULL, &stream));
    CHECK_SAYS("no such device");
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, stream,
              sonset_stream_open(&config, NULL, NULL, "callbacks=separate", &stream));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, stream,
              sonset_stream_open(&config, NULL, NULL, "nonsense", &stream));
    config.backend = SONSET_BACKEND_MANUAL;
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, stream,
              sonset_stream_open(&config, NULL, NULL, "callbacks=both", &stream));

    PROMISE("opening: nothing but its own id is the virtual device, and an empty id is none");
    for (n = 0; n < (int)(sizeof no_ids / sizeof no_ids[0]); n++) {
        config.backend = SONSET_BACKEND_VIRTUAL;
        CHECK(sonset_stream_open(&config, no_ids[n], NULL, NULL, &stream) < 0);
        CHECK(sonset_stream_open(&config, NULL, no_ids[n], NULL, &stream) < 0);
        config.backend = SONSET_BACKEND_DEFAULT;
        CHECK(sonset_stream_open(&config, no_ids[n], NULL, NULL, &stream) < 0);
    }
    CHECK(sonset_stream_open(&config, "virtual", NULL, NULL, &stream) < 0);
    config.backend = SONSET_BACKEND_VIRTUAL;
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, stream, sonset_stream_open(&config, "", NULL, NULL, &stream));
    CHECK_SAYS("output_device is empty");
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, stream, sonset_stream_open(&config, NULL, " ", NULL, &stream));
    CHECK_SAYS("input_device is empty");
}

static void process_fails(sonset_stream *stream, int32_t code)
{
    float in[2] = {0, 0};
    float out[2] = {9, 9};
    const float *ins[1];
    float *outs[2];
    ins[0] = in;
    outs[0] = out;
    outs[1] = out + 1;
    FAILS_SILENTLY(code, sonset_stream_process(stream, in, out, 1, 0, 0, 0));
    FAILS_SILENTLY(code, sonset_stream_process_output(stream, out, 1, 0, 0));
    FAILS_SILENTLY(code, sonset_stream_process_input(stream, in, 1, 0, 0));
    FAILS_SILENTLY(code, sonset_stream_process_planar(stream, ins, outs, 1, 0, 0, 0));
}

static void stream_with_bad_handle(sonset_stream *stream, sonset_buffer *buffer, int32_t code)
{
    sonset_stream_info info;
    sonset_stream_time time;
    sonset_stream_stats stats;
    sonset_channel_params channel;
    sonset_level level;
    sonset_receipt receipt;
    int64_t number;

    FAILS(code, sonset_stream_start(stream));
    FAILS(code, sonset_stream_stop(stream));
    FAILS(code, sonset_stream_close(stream));
    FAILS_STRUCT(code, info, sizeof info, sonset_stream_get_info(stream, &info));
    NO_TEXT(sonset_stream_get_device_id(stream, SONSET_DIRECTION_OUTPUT));
    NO_TEXT(sonset_stream_get_device_name(stream, SONSET_DIRECTION_OUTPUT));
    NO_TEXT(sonset_stream_get_sample_format(stream));
    FAILS_STRUCT(code, time, sizeof time, sonset_stream_get_time(stream, SONSET_DIRECTION_OUTPUT, &time));
    FAILS_OUT(code, number, sonset_stream_frame_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC,
                                                   monotonic_now(), &number));
    FAILS_OUT(code, number, sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC,
                                                       0, &number));
    FAILS(code, sonset_stream_set_latency_bias(stream, SONSET_DIRECTION_OUTPUT, 0));
    FAILS_STRUCT(code, stats, sizeof stats, sonset_stream_get_stats(stream, &stats));
    FAILS(code, sonset_stream_set_channel_role(stream, 1, SONSET_CHANNEL_TRIGGER));
    FAILS(code, sonset_stream_set_channel(stream, 1, NULL));
    FAILS_STRUCT(code, channel, sizeof channel, sonset_stream_get_channel(stream, 1, &channel));
    FAILS(code, sonset_stream_save_channels(stream, "x.json"));
    FAILS(code, sonset_stream_load_channels(stream, "x.json"));
    FAILS_STRUCT(code, level, sizeof level, sonset_stream_get_level(stream, 1, buffer, 1, &level));
    process_fails(stream, code);
    FAILS_OUT(code, number, sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_play_tone(stream, NULL, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_play_noise(stream, NULL, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_play_pulse(stream, NULL, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_record_buffer(stream, buffer, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_record_output(stream, buffer, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_detect_level(stream, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_play_input(stream, NULL, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_play_file(stream, "/nonexistent/x.wav", NULL, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_record_file(stream, "/nonexistent/x.wav", NULL, 0, NULL, NULL, &number));
    FAILS(code, sonset_stream_cancel(stream, 1, NULL));
    FAILS(code, sonset_stream_set_gain(stream, 1, NULL));
    FAILS(code, sonset_stream_pause(stream, 1, NULL));
    FAILS(code, sonset_stream_resume(stream, 1, NULL));
    FAILS(code, sonset_stream_reschedule(stream, 1, NULL));
    FAILS(code, sonset_stream_seek(stream, 1, NULL));
    FAILS(code, sonset_stream_cancel_all(stream, 0));
    FAILS(code, sonset_stream_set_master_gain(stream, NULL));
    FAILS_OUT(code, number, sonset_stream_begin_batch(stream, &number));
    FAILS(code, sonset_stream_commit_batch(stream, 1));
    FAILS(code, sonset_stream_discard_batch(stream, 1));
    FAILS_STRUCT(code, receipt, sizeof receipt, sonset_stream_get_action(stream, 1, &receipt));
    NO_TEXT(sonset_stream_get_action_error(stream, 1));
    FAILS_STRUCT(code, receipt, sizeof receipt,
                 sonset_stream_wait_action(stream, 1, SONSET_ACTION_ENDED, 1, &receipt));
    FAILS_STRUCT(code, receipt, sizeof receipt, sonset_stream_poll_receipt(stream, &receipt));
    FAILS(code, sonset_stream_log_receipts(stream, "/nowhere/log.csv"));
    sonset_stream_destroy(stream);
}

static void test_stream_handles(void)
{
    sonset_stream *stream = open_stream(SONSET_BACKEND_MANUAL, 1, 1, 0);
    sonset_buffer *buffer = buffer_of(NULL, 4, 1);

    PROMISE("streams: NULL, made up, foreign and destroyed handles, for every function");
    stream_with_bad_handle(NULL, buffer, SONSET_ERROR_NULL_POINTER);
    stream_with_bad_handle(handle_number(3), buffer, SONSET_ERROR_INVALID_HANDLE);
    stream_with_bad_handle(handle_number(0x5A5A5A53), buffer, SONSET_ERROR_INVALID_HANDLE);
    stream_with_bad_handle(handle_number(UINTPTR_MAX - 12), buffer, SONSET_ERROR_INVALID_HANDLE);
    stream_with_bad_handle((sonset_stream *)&stream, buffer, SONSET_ERROR_INVALID_HANDLE);
    stream_with_bad_handle((sonset_stream *)buffer, buffer, SONSET_ERROR_INVALID_HANDLE);
    CHECK_INT(info_of(stream).state, SONSET_STREAM_OPEN);
    sonset_stream_destroy(stream);
    stream_with_bad_handle(stream, buffer, SONSET_ERROR_INVALID_HANDLE);
    sonset_buffer_release(buffer);
}

static void test_stream_questions(sonset_stream *stream)
{
    sonset_stream_info info;
    sonset_stream_time time;
    sonset_stream_stats stats;
    sonset_channel_params channel;
    sonset_level level;
    int64_t number;
    sonset_buffer *sound = buffer_of(NULL, 4, 1);
    sonset_stream *without_input = open_stream(SONSET_BACKEND_MANUAL, 1, 0, 0);
    int n;

    PROMISE("questions to a stream: NULL, directions out of range, wrong struct_size");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_get_info(stream, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_get_time(stream, SONSET_DIRECTION_OUTPUT, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_get_stats(stream, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_get_channel(stream, 1, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_save_channels(stream, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_load_channels(stream, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_get_level(stream, 1, sound, 1, NULL));
    FAILS_STRUCT(SONSET_ERROR_NULL_POINTER, level, sizeof level,
                 sonset_stream_get_level(stream, 1, NULL, 1, &level));
    FAILS_SIZES(channel, sonset_stream_get_channel(stream, 1, &channel));
    FAILS_SIZES(level, sonset_stream_get_level(stream, 1, sound, 1, &level));
    FAILS_SIZES(info, sonset_stream_get_info(stream, &info));
    FAILS_SIZES(time, sonset_stream_get_time(stream, SONSET_DIRECTION_OUTPUT, &time));
    FAILS_SIZES(stats, sonset_stream_get_stats(stream, &stats));
    for (n = 0; n < BAD_NUMBERS; n++) {
        FAILS_STRUCT(SONSET_ERROR_INVALID_ARGUMENT, time, sizeof time,
                     sonset_stream_get_time(stream, bad_numbers[n], &time));
        NO_TEXT(sonset_stream_get_device_id(stream, bad_numbers[n]));
        NO_TEXT(sonset_stream_get_device_name(stream, bad_numbers[n]));
    }
    NO_TEXT(sonset_stream_get_device_id(stream, 0));
    FAILS_STRUCT(SONSET_ERROR_INVALID_STATE, time, sizeof time,
                 sonset_stream_get_time(without_input, SONSET_DIRECTION_INPUT, &time));

    PROMISE("host times: no stamps yet, wrong directions, clocks, times and biases");
    FAILS_OUT(SONSET_ERROR_NO_CLOCK, number,
              sonset_stream_frame_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, monotonic_now(),
                                     &number));
    FAILS_OUT(SONSET_ERROR_NO_CLOCK, number,
              sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_REALTIME, 0, &number));
    FAILS(SONSET_ERROR_NULL_POINTER,
          sonset_stream_frame_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, monotonic_now(), NULL));
    FAILS(SONSET_ERROR_NULL_POINTER,
          sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, 0, NULL));
    FAILS_OUT(SONSET_ERROR_TIME_RANGE, number,
              sonset_stream_frame_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_REALTIME, monotonic_now(),
                                     &number));
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number,
              sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, INT64_MAX, &number));
    CHECK_SAYS("9223372036854775807");
    FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number,
              sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, INT64_MIN, &number));
    for (n = 0; n < BAD_NUMBERS; n++) {
        FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number,
                  sonset_stream_frame_at(stream, bad_numbers[n], SONSET_CLOCK_MONOTONIC, monotonic_now(), &number));
        FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number,
                  sonset_stream_host_time_at(stream, bad_numbers[n], SONSET_CLOCK_MONOTONIC, 0, &number));
        FAILS_OUT(SONSET_ERROR_INVALID_ARGUMENT, number,
                  sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, bad_numbers[n], 0, &number));
        FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_latency_bias(stream, bad_numbers[n], 0));
    }
    FAILS(SONSET_ERROR_INVALID_STATE, sonset_stream_set_latency_bias(without_input, SONSET_DIRECTION_INPUT, 0));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT,
          sonset_stream_set_latency_bias(stream, SONSET_DIRECTION_OUTPUT, INT64_C(10000000001)));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT,
          sonset_stream_set_latency_bias(stream, SONSET_DIRECTION_OUTPUT, INT64_MIN));

    PROMISE("channel roles: channels and roles out of range, and a stream that runs");
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, 0, 0));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, 2, 0));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, -1, 0));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, INT32_MIN, 1));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, INT32_MAX, 1));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, 1, 2));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_set_channel_role(without_input, 1, -1));
    FAILS(SONSET_ERROR_INVALID_STATE, sonset_stream_set_channel_role(stream, 1, SONSET_CHANNEL_TRIGGER));
    sonset_buffer_release(sound);
    sonset_stream_destroy(without_input);
}

static void test_process(sonset_stream *stream)
{
    sonset_stream *separate = NULL;
    sonset_stream *virtual_stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 1);
    sonset_stream *only_output = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_stream *only_input = open_running(SONSET_BACKEND_MANUAL, 0, 1);
    sonset_stream *stopped = open_stream(SONSET_BACKEND_MANUAL, 1, 1, 0);
    sonset_stream_config config;
    float in[2] = {0, 0};
    float out[2] = {9, 9};
    float shared[5] = {0, 0, 0, 0, 0};
    const float *ins[1] = {NULL};
    float *outs[2] = {NULL, NULL};

    PROMISE("processing: NULL samples, and no message");
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process(stream, NULL, out, 1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process(stream, in, NULL, 1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process_planar(stream, NULL, outs, 1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process_planar(stream, ins, outs, 1, 0, 0, 0));
    ins[0] = in;
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process_planar(stream, ins, NULL, 1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process_planar(stream, ins, outs, 1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process_output(only_output, NULL, 1, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_NULL_POINTER, sonset_stream_process_input(only_input, NULL, 1, 0, 0));
    PROMISE("processing: after an error the output is silence, where its room is known");
    CHECK_REAL(out[0], 0);
    out[0] = 9;
    PROMISE("processing: negative frames, unknown flags and impossible times");
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, -1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, INT32_MIN, 0, 0, 0));
    CHECK_REAL(out[0], 9);
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, 1, 0, 0, 4));
    CHECK_REAL(out[0], 0);
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, 1, 0, 0, ~0u));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, 1, -1, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, 1, 0, INT64_MIN, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, in, out, 1, INT64_MAX, 0, 0));
    PROMISE("processing: arrays that overlap in part");
    FAILS_SILENTLY(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, shared, shared + 1, 2, 0, 0, 0));
    PROMISE("processing: a stream that is not manual, or lacks what is asked for");
    process_fails(virtual_stream, SONSET_ERROR_INVALID_STATE);
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process_output(stream, out, 1, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process_input(stream, in, 1, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process_input(only_output, in, 1, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process_output(only_input, out, 1, 0, 0));
    OK(sonset_stream_config_init(&config));
    config.backend = SONSET_BACKEND_MANUAL;
    config.sample_rate_hz = RATE;
    config.output_channels = config.input_channels = 1;
    OK(sonset_stream_open(&config, NULL, NULL, "callbacks=separate", &separate));
    OK(sonset_stream_start(separate));
    outs[0] = out;
    outs[1] = out + 1;
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process(separate, in, out, 1, 0, 0, 0));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process_planar(separate, ins, outs, 1, 0, 0, 0));
    PROMISE("processing: a stream that does not run gives silence and says so");
    out[0] = 9;
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE, sonset_stream_process(stopped, in, out, 1, 0, 0, 0));
    CHECK_REAL(out[0], 0);
    PROMISE("processing: the halves that a stream has, and blocks of no frames");
    OK(sonset_stream_process_output(only_output, out, 1, 0, 0));
    OK(sonset_stream_process_input(only_input, in, 1, 0, 0));
    OK(sonset_stream_process(only_output, NULL, out, 1, 0, 0, 3));
    OK(sonset_stream_process(only_input, in, NULL, 1, 0, 0, 0));
    OK(sonset_stream_process_output(separate, out, 1, 0, 0));
    OK(sonset_stream_process_input(separate, in, 1, 0, 0));
    OK(sonset_stream_process(stream, in, out, 0, 0, 0, 0));
    OK(sonset_stream_process_planar(stream, ins, outs, 1, 0, 0, 0));
    sonset_stream_destroy(separate);
    sonset_stream_destroy(virtual_stream);
    sonset_stream_destroy(only_output);
    sonset_stream_destroy(only_input);
    sonset_stream_destroy(stopped);
}

/* A play that differs from the plainest one in one field. */
#define PLAY_FAILS(code, set)                                                                      \
    do {                                                                                           \
        OK(sonset_play_params_init(&p));                                                           \
        set;                                                                                       \
        FAILS_OUT((code), action, sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &p, &action)); \
    } while (0)
#define ARG SONSET_ERROR_INVALID_ARGUMENT

static void test_play_params(sonset_stream *stream, sonset_buffer *buffer)
{
    sonset_play_params p;
    int64_t action;
    int64_t realtime_ns;
    int64_t monotonic_ns;
    OK(sonset_clock_now_ns(SONSET_CLOCK_REALTIME, &realtime_ns));
    OK(sonset_clock_now_ns(SONSET_CLOCK_MONOTONIC, &monotonic_ns));

    PROMISE("play: when it starts, each field out of range or not meant by the mode");
    PLAY_FAILS(ARG, p.struct_size = 8);
    PLAY_FAILS(ARG, p.struct_size = sizeof p + 4);
    PLAY_FAILS(ARG, p.start_mode = -1);
    PLAY_FAILS(ARG, p.start_mode = 4);
    PLAY_FAILS(ARG, p.start_frame = 5);
    PLAY_FAILS(ARG, p.start_clock = 1);
    PLAY_FAILS(ARG, p.start_host_ns = 1);
    PLAY_FAILS(ARG, p.after_action = 1);
    PLAY_FAILS(ARG, p.start_offset_frames = 1);
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = -1));
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = INT64_MIN));
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = ((int64_t)1 << 53) + 1));
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = INT64_MAX));
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_HOST_TIME, p.start_host_ns = monotonic_ns));
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_HOST_TIME, p.start_clock = 3));
    PLAY_FAILS(SONSET_ERROR_TIME_RANGE, (p.start_mode = SONSET_START_AT_HOST_TIME, p.start_clock = 1,
                                         p.start_host_ns = realtime_ns));
    CHECK_SAYS("REALTIME");
    PLAY_FAILS(SONSET_ERROR_TIME_RANGE, (p.start_mode = SONSET_START_AT_HOST_TIME, p.start_clock = 2,
                                         p.start_host_ns = INT64_MIN));
    PLAY_FAILS(SONSET_ERROR_NO_CLOCK, (p.start_mode = SONSET_START_AT_HOST_TIME, p.start_clock = 1,
                                          p.start_host_ns = monotonic_ns));
    PLAY_FAILS(ARG, p.start_mode = SONSET_START_AFTER_ACTION);
    PLAY_FAILS(ARG, p.after_policy = 2);
    PLAY_FAILS(ARG, p.after_policy = -1);
    PLAY_FAILS(ARG, p.late_policy = 3);
    PLAY_FAILS(ARG, p.late_policy = INT32_MIN);
    PLAY_FAILS(ARG, p.max_late_frames = -1);
    PLAY_FAILS(ARG, p.max_late_frames = INT64_MAX);
    PLAY_FAILS(SONSET_ERROR_UNKNOWN_BATCH, p.batch = 12345);
    PLAY_FAILS(SONSET_ERROR_UNKNOWN_BATCH, p.batch = -1);
    PLAY_FAILS(SONSET_ERROR_UNKNOWN_BATCH, p.batch = INT64_MIN);

    PROMISE("play: what it plays, each field out of range");
    PLAY_FAILS(ARG, p.allow_clip = 2);
    PLAY_FAILS(ARG, p.gain_db = NAN);
    PLAY_FAILS(ARG, p.gain_db = INFINITY);
    PLAY_FAILS(ARG, p.gain_db = 1e308);
    PLAY_FAILS(SONSET_ERROR_WOULD_CLIP, p.gain_db = 20);
    PLAY_FAILS(ARG, p.loop_count = -2);
    PLAY_FAILS(ARG, p.loop_count = INT64_MIN);
    PLAY_FAILS(ARG, p.loop_count = INT64_MAX);
    PLAY_FAILS(ARG, p.loop_first_frame = 1);
    PLAY_FAILS(ARG, p.loop_frames = 1);
    PLAY_FAILS(ARG, (p.loop_count = 1, p.loop_first_frame = -1));
    PLAY_FAILS(ARG, (p.loop_count = 1, p.loop_first_frame = INT64_MIN));
    PLAY_FAILS(ARG, (p.loop_count = 1, p.loop_first_frame = INT64_MAX));
    PLAY_FAILS(ARG, (p.loop_count = 1, p.loop_first_frame = 4));
    PLAY_FAILS(ARG, (p.loop_count = 1, p.loop_frames = -1));
    PLAY_FAILS(ARG, (p.loop_count = 1, p.loop_frames = INT64_MAX, p.loop_first_frame = 1));
    PLAY_FAILS(ARG, (p.loop_count = -1, p.loop_frames = INT64_MIN));
    PLAY_FAILS(ARG, p.first_frame = -1);
    PLAY_FAILS(ARG, p.first_frame = 4);
    PLAY_FAILS(ARG, p.first_frame = INT64_MAX);
    PLAY_FAILS(ARG, p.first_frame = INT64_MIN);
    PLAY_FAILS(ARG, p.frame_count = 1);
    PLAY_FAILS(ARG, p.has_frame_count = 2);
    PLAY_FAILS(ARG, p.has_frame_count = 1);
    PLAY_FAILS(ARG, (p.has_frame_count = 1, p.frame_count = 5));
    PLAY_FAILS(ARG, (p.has_frame_count = 1, p.frame_count = INT64_MAX, p.first_frame = 1));
    PLAY_FAILS(ARG, (p.has_frame_count = 1, p.frame_count = INT64_MIN));
    PLAY_FAILS(ARG, p.ramp_shape = 2);
    PLAY_FAILS(ARG, p.ramp_shape = -1);
    PLAY_FAILS(ARG, p.stop_frame = -1);
    PLAY_FAILS(ARG, p.stop_frame = INT64_MAX);
    PLAY_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = 9, p.stop_frame = 9));
    PLAY_FAILS(ARG, p.onset_ramp_frames = -1);
    PLAY_FAILS(ARG, p.onset_ramp_frames = INT64_MAX);
    PLAY_FAILS(ARG, p.offset_ramp_frames = INT64_MIN);
    PLAY_FAILS(ARG, (p.onset_ramp_frames = 2, p.offset_ramp_frames = 3));
    PLAY_FAILS(ARG, (p.onset_ramp_frames = INT64_MAX, p.offset_ramp_frames = INT64_MAX));
    PLAY_FAILS(ARG, p.am_depth = 0.5);
    PLAY_FAILS(ARG, p.am_depth = NAN);
    PLAY_FAILS(ARG, p.am_frequency_hz = 4);
    PLAY_FAILS(ARG, p.am_phase_cycles = 0.25);
    PLAY_FAILS(ARG, (p.am_depth = 0.5, p.am_frequency_hz = INFINITY));
    PLAY_FAILS(ARG, (p.am_depth = 1.5, p.am_frequency_hz = 4));
    PLAY_FAILS(ARG, (p.am_depth = 0.5, p.am_frequency_hz = 4, p.am_phase_cycles = NAN));
}

static void test_play_arrays(sonset_stream *stream, sonset_buffer *mono)
{
    static const int32_t bad_channels[] = {0, -1, 3, INT32_MIN, INT32_MAX};
    static const int32_t both[] = {1, 2};
    static const int32_t twice[] = {2, 2};
    static const float gains[] = {1, 1};
    float bad_gains[] = {1, NAN};
    sonset_buffer *stereo = buffer_of(NULL, 4, 2);
    sonset_buffer *wide = buffer_of(NULL, 4, 3);
    sonset_buffer *other_rate = NULL;
    int64_t action;
    size_t n;

#define ARRAYS_FAIL(code, buffer, channels, gains, count)                                          \
    FAILS_OUT((code), action,                                                                      \
              sonset_stream_play_buffer(stream, (buffer), (channels), (gains), (count), NULL, &action))

    PROMISE("play: channels, gains and counts out of range");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_play_buffer(stream, mono, NULL, NULL, 0, NULL, NULL));
    for (n = 0; n < sizeof bad_channels / sizeof bad_channels[0]; n++) {
        ARRAYS_FAIL(ARG, mono, &bad_channels[n], NULL, 1);
    }
    ARRAYS_FAIL(ARG, mono, twice, NULL, 2);
    ARRAYS_FAIL(ARG, mono, both, NULL, 0);
    ARRAYS_FAIL(ARG, mono, both, NULL, -1);
    ARRAYS_FAIL(ARG, mono, both, NULL, INT32_MIN);
    ARRAYS_FAIL(ARG, mono, NULL, NULL, 1);
    ARRAYS_FAIL(ARG, mono, NULL, NULL, -1);
    ARRAYS_FAIL(ARG, mono, NULL, gains, 1);
    ARRAYS_FAIL(ARG, mono, NULL, gains, 0);
    ARRAYS_FAIL(ARG, mono, NULL, gains, -1);
    ARRAYS_FAIL(ARG, mono, NULL, gains, INT32_MAX);
    ARRAYS_FAIL(ARG, stereo, both, NULL, 1);
    ARRAYS_FAIL(ARG, stereo, both, NULL, INT32_MAX);
    ARRAYS_FAIL(ARG, wide, NULL, NULL, 0);
    ARRAYS_FAIL(ARG, mono, both, bad_gains, 2);
    bad_gains[1] = -INFINITY;
    ARRAYS_FAIL(ARG, mono, both, bad_gains, 2);
    bad_gains[1] = -2.5f;
    ARRAYS_FAIL(SONSET_ERROR_WOULD_CLIP, mono, both, bad_gains, 2);
    PROMISE("play: a buffer of another rate");
    OK(sonset_buffer_create(NULL, 4, 1, 44100, &other_rate));
    ARRAYS_FAIL(SONSET_ERROR_RATE_MISMATCH, other_rate, NULL, NULL, 0);
    CHECK_SAYS("44100");
    sonset_buffer_release(stereo);
    sonset_buffer_release(wide);
    sonset_buffer_release(other_rate);
}

static void test_play_made(sonset_stream *stream)
{
    static const int32_t both[] = {1, 2};
    sonset_tone_params tone;
    sonset_noise_params noise;
    sonset_pulse_params pulse;
    sonset_play_params loop;
    int64_t action;

    OK(sonset_play_params_init(&loop));
    loop.loop_count = -1;
#define TONE_FAILS(code, set)                                                                      \
    do {                                                                                           \
        OK(sonset_tone_params_init(&tone));                                                        \
        tone.frequency_hz = 1000;                                                                  \
        set;                                                                                       \
        FAILS_OUT((code), action,                                                                  \
                  sonset_stream_play_tone(stream, &tone, NULL, NULL, 0, NULL, &action));           \
    } while (0)
#define NOISE_FAILS(code, set)                                                                     \
    do {                                                                                           \
        OK(sonset_noise_params_init(&noise));                                                      \
        set;                                                                                       \
        FAILS_OUT((code), action,                                                                  \
                  sonset_stream_play_noise(stream, &noise, NULL, NULL, 0, NULL, &action));         \
    } while (0)
#define PULSE_FAILS(code, set)                                                                     \
    do {                                                                                           \
        OK(sonset_pulse_params_init(&pulse));                                                      \
        set;                                                                                       \
        FAILS_OUT((code), action,                                                                  \
                  sonset_stream_play_pulse(stream, &pulse, both, NULL, 2, NULL, &action));         \
    } while (0)

    PROMISE("play tone: NULL, and each field out of range");
    OK(sonset_tone_params_init(&tone));
    tone.frequency_hz = 1000;
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_play_tone(stream, &tone, NULL, NULL, 0, NULL, NULL));
    FAILS_OUT(ARG, action, sonset_stream_play_tone(stream, NULL, NULL, NULL, 0, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_play_tone(stream, &tone, both, NULL, -1, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_play_tone(stream, &tone, NULL, NULL, 0, &loop, &action));
    TONE_FAILS(ARG, tone.struct_size = 8);
    TONE_FAILS(ARG, tone.waveform = 4);
    TONE_FAILS(ARG, tone.waveform = -1);
    TONE_FAILS(ARG, tone.frequency_hz = RATE / 2);
    TONE_FAILS(ARG, tone.frequency_hz = -1);
    TONE_FAILS(ARG, tone.frequency_hz = NAN);
    TONE_FAILS(ARG, tone.phase_cycles = INFINITY);
    TONE_FAILS(ARG, tone.amplitude = -0.5);
    TONE_FAILS(ARG, tone.amplitude = NAN);
    TONE_FAILS(SONSET_ERROR_WOULD_CLIP, tone.amplitude = 1.5);
    TONE_FAILS(SONSET_ERROR_WOULD_CLIP, tone.waveform = SONSET_WAVEFORM_SQUARE);

    PROMISE("play noise: NULL, and each field out of range");
    OK(sonset_noise_params_init(&noise));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_play_noise(stream, &noise, NULL, NULL, 0, NULL, NULL));
    FAILS_OUT(ARG, action, sonset_stream_play_noise(stream, &noise, both, NULL, 0, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_play_noise(stream, NULL, NULL, NULL, 0, &loop, &action));
    NOISE_FAILS(ARG, noise.struct_size = 40 + 4);
    NOISE_FAILS(ARG, noise.spectrum = 2);
    NOISE_FAILS(ARG, noise.spectrum = INT32_MIN);
    NOISE_FAILS(ARG, noise.distribution = 2);
    NOISE_FAILS(ARG, noise.distribution = -1);
    NOISE_FAILS(ARG, (noise.spectrum = SONSET_NOISE_PINK, noise.distribution = 1));
    NOISE_FAILS(ARG, noise.source_channels = 3);
    NOISE_FAILS(ARG, noise.source_channels = INT32_MAX);
    NOISE_FAILS(ARG, noise.source_channels = INT32_MIN);
    NOISE_FAILS(ARG, noise.rms = -1);
    NOISE_FAILS(ARG, noise.rms = INFINITY);
    NOISE_FAILS(SONSET_ERROR_WOULD_CLIP, noise.rms = 0.25);

    PROMISE("play pulse: NULL, and each field out of range");
    OK(sonset_pulse_params_init(&pulse));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_play_pulse(stream, &pulse, both, NULL, 2, NULL, NULL));
    FAILS_OUT(ARG, action, sonset_stream_play_pulse(stream, &pulse, NULL, NULL, 0, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_play_pulse(stream, NULL, both, NULL, 2, &loop, &action));
    PULSE_FAILS(ARG, pulse.struct_size = 12);
    PULSE_FAILS(ARG, pulse.code = 3);
    PULSE_FAILS(ARG, pulse.code = -1);
    PULSE_FAILS(ARG, pulse.code_value = 1);
    PULSE_FAILS(ARG, (pulse.code = SONSET_CODE_PARALLEL, pulse.code_value = 4));
    PULSE_FAILS(ARG, (pulse.code = SONSET_CODE_PARALLEL, pulse.code_value = INT64_MIN));
    PULSE_FAILS(ARG, pulse.code = SONSET_CODE_SERIAL);
    PULSE_FAILS(ARG, pulse.data_bits = 8);
    PULSE_FAILS(ARG, (pulse.code = SONSET_CODE_SERIAL, pulse.data_bits = INT32_MAX));
    PULSE_FAILS(ARG, pulse.reserved = 1);
    PULSE_FAILS(ARG, pulse.width_frames = -1);
    PULSE_FAILS(ARG, pulse.width_frames = INT64_MAX);
    PULSE_FAILS(ARG, pulse.count = -2);
    PULSE_FAILS(ARG, pulse.count = 2);
    PULSE_FAILS(ARG, pulse.interval_frames = 100);
    PULSE_FAILS(ARG, (pulse.count = INT64_MAX, pulse.interval_frames = INT64_MAX));
    PULSE_FAILS(ARG, (pulse.count = -1, pulse.interval_frames = INT64_MIN));
    PULSE_FAILS(ARG, pulse.level = NAN);
    PULSE_FAILS(SONSET_ERROR_WOULD_CLIP, pulse.level = -1.5);
}

#define RECORD_FAILS(code, set)                                                                    \
    do {                                                                                           \
        OK(sonset_record_params_init(&p));                                                         \
        set;                                                                                       \
        FAILS_OUT((code), action,                                                                  \
                  sonset_stream_record_buffer(stream, buffer, NULL, 0, &p, &action));              \
    } while (0)

static void test_record(sonset_stream *stream)
{
    static const int32_t bad_channels[] = {0, -1, 2, INT32_MIN, INT32_MAX};
    static const int32_t one[] = {1};
    sonset_buffer *buffer = buffer_of(NULL, 4, 1);
    sonset_buffer *wide = buffer_of(NULL, 4, 2);
    sonset_buffer *other_rate = NULL;
    sonset_record_params p;
    int64_t action;
    size_t n;

    PROMISE("record: each field out of range or not meant by the mode");
    RECORD_FAILS(ARG, p.struct_size = 16);
    RECORD_FAILS(ARG, p.start_mode = 4);
    RECORD_FAILS(ARG, p.start_frame = 1);
    RECORD_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = -1));
    RECORD_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = INT64_MAX));
    RECORD_FAILS(ARG, (p.start_mode = SONSET_START_AT_HOST_TIME, p.start_clock = -1));
    RECORD_FAILS(ARG, p.start_clock = 1);
    RECORD_FAILS(ARG, p.start_host_ns = -1);
    RECORD_FAILS(ARG, p.after_policy = 2);
    RECORD_FAILS(ARG, p.start_offset_frames = -1);
    RECORD_FAILS(ARG, p.late_policy = 3);
    RECORD_FAILS(ARG, p.align = 2);
    RECORD_FAILS(ARG, p.align = -1);
    RECORD_FAILS(SONSET_ERROR_UNSUPPORTED, p.align = SONSET_ALIGN_ROUND_TRIP);
    RECORD_FAILS(ARG, p.max_late_frames = -1);
    RECORD_FAILS(SONSET_ERROR_UNKNOWN_BATCH, p.batch = 12345);
    RECORD_FAILS(ARG, p.max_frames = -1);
    RECORD_FAILS(ARG, p.max_frames = 5);
    RECORD_FAILS(ARG, p.max_frames = INT64_MAX);
    RECORD_FAILS(ARG, p.max_frames = INT64_MIN);
    RECORD_FAILS(ARG, p.ring_policy = SONSET_RING_END);
    RECORD_FAILS(ARG, p.ring_policy = -1);
    RECORD_FAILS(SONSET_ERROR_UNSUPPORTED, p.reserved = 1);

    PROMISE("record: channels and counts out of range, another rate, NULL");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_record_buffer(stream, buffer, NULL, 0, NULL, NULL));
    for (n = 0; n < sizeof bad_channels / sizeof bad_channels[0]; n++) {
        FAILS_OUT(ARG, action,
                  sonset_stream_record_buffer(stream, buffer, &bad_channels[n], 1, NULL, &action));
    }
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, action,
              sonset_stream_record_buffer(stream, buffer, NULL, 1, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_record_buffer(stream, buffer, one, 0, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_record_buffer(stream, buffer, one, -1, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_record_buffer(stream, buffer, one, INT32_MAX, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_record_buffer(stream, wide, NULL, 0, NULL, &action));
    OK(sonset_buffer_create(NULL, 4, 1, 44100, &other_rate));
    FAILS_OUT(SONSET_ERROR_RATE_MISMATCH, action,
              sonset_stream_record_buffer(stream, other_rate, NULL, 0, NULL, &action));
    sonset_buffer_release(buffer);
    sonset_buffer_release(wide);
    sonset_buffer_release(other_rate);
}

static sonset_ring *ring_of(int64_t frames, int32_t channels)
{
    sonset_ring *ring = NULL;
    OK(sonset_ring_create(frames, channels, 0, &ring));
    return ring;
}

static void test_making_rings(void)
{
    static const int64_t bad_frames[] = {0, -1, INT64_MIN, INT64_MAX};
    static const int32_t bad_channels[] = {0, -1, 257, INT32_MIN, INT32_MAX};
    static const int32_t bad_rates[] = {-1, 1, 999, 768001, INT32_MAX};
    sonset_ring *ring;
    size_t n;

    PROMISE("making rings: NULL, frames, channels and rates out of range, more memory than there is");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_ring_create(4, 1, 0, NULL));
    for (n = 0; n < sizeof bad_frames / sizeof bad_frames[0]; n++) {
        FAILS_OUT(ARG, ring, sonset_ring_create(bad_frames[n], 1, 0, &ring));
    }
    for (n = 0; n < sizeof bad_channels / sizeof bad_channels[0]; n++) {
        FAILS_OUT(ARG, ring, sonset_ring_create(4, bad_channels[n], 0, &ring));
    }
    for (n = 0; n < sizeof bad_rates / sizeof bad_rates[0]; n++) {
        FAILS_OUT(ARG, ring, sonset_ring_create(4, 1, bad_rates[n], &ring));
    }
    FAILS_OUT(SONSET_ERROR_OUT_OF_MEMORY, ring, sonset_ring_create((int64_t)1 << 58, 1, 0, &ring));
}

static void ring_with_bad_handle(sonset_ring *ring, sonset_stream *stream, int32_t code)
{
    static const float fine[4] = {0.5f};
    sonset_ring_info info;
    float samples[4];
    int64_t first;
    int64_t number;
    FAILS_OUT(code, number, sonset_ring_write(ring, fine, 4, &number));
    FAILS_OUT(code, samples, sonset_ring_read(ring, samples, 4, &first, &number));
    FAILS_OUT(code, number, sonset_ring_get_write_available(ring, &number));
    FAILS_OUT(code, number, sonset_ring_get_read_available(ring, &number));
    FAILS_STRUCT(code, info, sizeof info, sonset_ring_get_info(ring, &info));
    FAILS(code, sonset_ring_finish(ring));
    FAILS(code, sonset_ring_reset(ring));
    FAILS_OUT(code, number, sonset_stream_play_ring(stream, ring, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_record_ring(stream, ring, NULL, 0, NULL, &number));
    FAILS_OUT(code, number, sonset_stream_record_output_ring(stream, ring, NULL, 0, NULL, &number));
    sonset_ring_release(ring);
}

static void test_ring_calls(void)
{
    static const float fine[4] = {0.5f};
    static const float infinite[4] = {0, 0, 0, INFINITY};
    sonset_ring *ring = ring_of(4, 2);
    sonset_ring_info info;
    float samples[8];
    int64_t first;
    int64_t number;

    PROMISE("writing to rings: NULL, counts out of range, samples that are not finite, a finished ring");
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, number, sonset_ring_write(ring, NULL, 2, &number));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_ring_write(ring, fine, 2, NULL));
    FAILS_OUT(ARG, number, sonset_ring_write(ring, fine, -1, &number));
    FAILS_OUT(ARG, number, sonset_ring_write(ring, fine, INT64_MIN, &number));
    FAILS_OUT(ARG, number, sonset_ring_write(ring, fine, INT64_MAX, &number));
    FAILS_OUT(SONSET_ERROR_NON_FINITE, number, sonset_ring_write(ring, infinite, 2, &number));
    CHECK_SAYS("frame 1, channel 2");
    OK(sonset_ring_finish(ring));
    FAILS_OUT(SONSET_ERROR_INVALID_STATE, number, sonset_ring_write(ring, fine, 2, &number));
    OK(sonset_ring_reset(ring));

    PROMISE("reading rings: NULL and counts out of range");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_ring_read(ring, NULL, 2, &first, &number));
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, samples, sonset_ring_read(ring, samples, 2, NULL, &number));
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, samples, sonset_ring_read(ring, samples, 2, &first, NULL));
    FAILS_OUT(ARG, samples, sonset_ring_read(ring, samples, -1, &first, &number));
    FAILS_OUT(ARG, samples, sonset_ring_read(ring, samples, INT64_MIN, &first, &number));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_ring_get_write_available(ring, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_ring_get_read_available(ring, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_ring_get_info(ring, NULL));
    FAILS_SIZES(info, sonset_ring_get_info(ring, &info));
    sonset_ring_release(ring);
}

#define RING_FAILS(code, set)                                                                      \
    do {                                                                                           \
        OK(sonset_play_params_init(&p));                                                           \
        set;                                                                                       \
        FAILS_OUT((code), action, sonset_stream_play_ring(stream, ring, NULL, NULL, 0, &p, &action)); \
    } while (0)

static void test_ring_actions(sonset_stream *stream)
{
    static const int32_t bad_channels[] = {0, -1, 3, INT32_MIN, INT32_MAX};
    sonset_ring *ring = ring_of(4, 1);
    sonset_ring *wide = ring_of(4, 3);
    sonset_buffer *buffer = buffer_of(NULL, 4, 1);
    sonset_play_params p;
    sonset_record_params r = {0};
    int64_t action;
    size_t n;

    PROMISE("playing rings: what only a buffer has, numbers out of range, NULL");
    RING_FAILS(ARG, p.loop_count = 1);
    RING_FAILS(ARG, p.loop_count = -1);
    RING_FAILS(ARG, p.loop_first_frame = 1);
    RING_FAILS(ARG, p.loop_frames = 1);
    RING_FAILS(ARG, p.first_frame = 1);
    RING_FAILS(ARG, (p.has_frame_count = 1, p.frame_count = 0));
    RING_FAILS(ARG, (p.has_frame_count = 1, p.frame_count = INT64_MAX));
    RING_FAILS(ARG, p.ring_policy = 2);
    RING_FAILS(ARG, p.ring_policy = -1);
    RING_FAILS(ARG, p.allow_implausible = 2);
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_play_ring(stream, ring, NULL, NULL, 0, NULL, NULL));
    FAILS_OUT(ARG, action, sonset_stream_play_ring(stream, wide, NULL, NULL, 0, NULL, &action));

    PROMISE("recording into rings, and of the output: channels and numbers out of range, NULL");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_record_ring(stream, ring, NULL, 0, NULL, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_record_output(stream, buffer, NULL, 0, NULL, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_record_output_ring(stream, ring, NULL, 0, NULL, NULL));
    for (n = 0; n < sizeof bad_channels / sizeof bad_channels[0]; n++) {
        const int32_t *bad = &bad_channels[n];
        FAILS_OUT(ARG, action, sonset_stream_record_ring(stream, ring, bad, 1, NULL, &action));
        FAILS_OUT(ARG, action, sonset_stream_record_output(stream, buffer, bad, 1, NULL, &action));
        FAILS_OUT(ARG, action, sonset_stream_record_output_ring(stream, ring, bad, 1, NULL, &action));
    }
    r.ring_policy = 2;
    FAILS_OUT(ARG, action, sonset_stream_record_ring(stream, ring, NULL, 0, &r, &action));
    r.ring_policy = 0;
    r.max_frames = -1;
    FAILS_OUT(ARG, action, sonset_stream_record_ring(stream, ring, NULL, 0, &r, &action));
    r.max_frames = 0;
    r.align = SONSET_ALIGN_ROUND_TRIP;
    FAILS_OUT(ARG, action, sonset_stream_record_output(stream, buffer, NULL, 0, &r, &action));

    PROMISE("rings: NULL, made up, foreign and released handles");
    ring_with_bad_handle(NULL, stream, SONSET_ERROR_NULL_POINTER);
    ring_with_bad_handle(handle_number(4), stream, SONSET_ERROR_INVALID_HANDLE);
    ring_with_bad_handle((sonset_ring *)buffer, stream, SONSET_ERROR_INVALID_HANDLE);
    sonset_ring_release(ring);
    ring_with_bad_handle(ring, stream, SONSET_ERROR_INVALID_HANDLE);
    sonset_ring_release(wide);
    sonset_buffer_release(buffer);
}

#define DETECT_FAILS(code, set)                                                                    \
    do {                                                                                           \
        OK(sonset_detect_params_init(&p));                                                         \
        set;                                                                                       \
        FAILS_OUT((code), action, sonset_stream_detect_level(stream, NULL, 0, &p, &action));       \
    } while (0)

static void test_detect(sonset_stream *stream)
{
    static const int32_t bad_channels[] = {0, -1, 2, INT32_MIN, INT32_MAX};
    static const int32_t twice[] = {1, 1};
    static const double no_threshold[] = {-0.1, 1.5, NAN, INFINITY, -INFINITY};
    static const double no_multiple[] = {-1, 0.5, 1e7, NAN, INFINITY};
    static const double no_corner[] = {-2, -0.5, RATE / 2, 1e9, NAN, INFINITY};
    sonset_detect_params p;
    int64_t action;
    size_t n;

    PROMISE("detect: each field out of range or not meant by the mode");
    DETECT_FAILS(ARG, p.struct_size = 16);
    DETECT_FAILS(ARG, p.start_mode = 4);
    DETECT_FAILS(ARG, p.start_frame = 1);
    DETECT_FAILS(ARG, (p.start_mode = SONSET_START_AT_FRAME, p.start_frame = -1));
    DETECT_FAILS(ARG, p.after_policy = 2);
    DETECT_FAILS(ARG, p.late_policy = 3);
    DETECT_FAILS(ARG, p.max_late_frames = -1);
    DETECT_FAILS(SONSET_ERROR_UNKNOWN_BATCH, p.batch = 12345);
    for (n = 0; n < sizeof no_threshold / sizeof no_threshold[0]; n++)
        DETECT_FAILS(ARG, p.threshold = no_threshold[n]);
    for (n = 0; n < sizeof no_threshold / sizeof no_threshold[0]; n++)
        DETECT_FAILS(ARG, p.floor_limit = no_threshold[n]);
    for (n = 0; n < sizeof no_multiple / sizeof no_multiple[0]; n++)
        DETECT_FAILS(ARG, p.floor_multiple = no_multiple[n]);
    for (n = 0; n < sizeof no_corner / sizeof no_corner[0]; n++)
        DETECT_FAILS(ARG, p.high_pass_hz = no_corner[n]);
    DETECT_FAILS(ARG, p.floor_frames = -1);
    DETECT_FAILS(ARG, p.minimum_frames = -1);
    DETECT_FAILS(ARG, p.gap_frames = INT64_MIN);
    DETECT_FAILS(ARG, p.hold_off_frames = INT64_MAX);
    DETECT_FAILS(ARG, p.max_frames = -1);
    PROMISE("detect: fields that contradict each other, with their values in the message");
    DETECT_FAILS(ARG, (p.threshold = 0.5, p.floor_multiple = 3));
    CHECK_SAYS("0.5");
    DETECT_FAILS(ARG, (p.threshold = 0.25, p.floor_frames = 77));
    CHECK_SAYS("77");
    DETECT_FAILS(ARG, (p.threshold = 0.25, p.floor_limit = 0.125));
    CHECK_SAYS("0.125");
    DETECT_FAILS(ARG, (p.floor_frames = 1234, p.max_frames = 1234));
    CHECK_SAYS("1234");

    PROMISE("detect: channels and counts out of range, NULL");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_detect_level(stream, NULL, 0, NULL, NULL));
    for (n = 0; n < sizeof bad_channels / sizeof bad_channels[0]; n++) {
        FAILS_OUT(ARG, action, sonset_stream_detect_level(stream, &bad_channels[n], 1, NULL, &action));
    }
    FAILS_OUT(SONSET_ERROR_NULL_POINTER, action,
              sonset_stream_detect_level(stream, NULL, 1, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_detect_level(stream, twice, 0, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_detect_level(stream, twice, 2, NULL, &action));
    FAILS_OUT(ARG, action, sonset_stream_detect_level(stream, twice, INT32_MAX, NULL, &action));
}

static void test_missing_halves(sonset_buffer *sound)
{
    sonset_stream *only_output = open_stream(SONSET_BACKEND_MANUAL, 1, 0, 0);
    sonset_stream *only_input = open_stream(SONSET_BACKEND_MANUAL, 0, 1, 0);
    sonset_buffer *room = buffer_of(NULL, 4, 1);
    int64_t action;

    PROMISE("what needs a half that the stream lacks is an invalid state");
    FAILS_OUT(SONSET_ERROR_INVALID_STATE, action,
              sonset_stream_play_buffer(only_input, sound, NULL, NULL, 0, NULL, &action));
    FAILS_OUT(SONSET_ERROR_INVALID_STATE, action,
              sonset_stream_record_buffer(only_output, room, NULL, 0, NULL, &action));
    FAILS_OUT(SONSET_ERROR_INVALID_STATE, action,
              sonset_stream_detect_level(only_output, NULL, 0, NULL, &action));
    FAILS(SONSET_ERROR_INVALID_STATE, sonset_stream_set_master_gain(only_input, NULL));
    sonset_buffer_release(room);
    sonset_stream_destroy(only_output);
    sonset_stream_destroy(only_input);
}

static void test_busy_buffers(sonset_stream *stream)
{
    static const float samples[4] = {0.5f, 0.5f, 0.5f, 0.5f};
    sonset_buffer *sound = buffer_of(samples, 4, 1);
    sonset_buffer *room = buffer_of(NULL, 4, 1);
    sonset_buffer *lent = NULL;
    sonset_play_params loud;
    float out[4];
    int64_t action;

    PROMISE("a play that fails changes nothing: its buffer is not fixed by it");
    OK(sonset_play_params_init(&loud));
    loud.gain_db = 40;
    FAILS_OUT(SONSET_ERROR_WOULD_CLIP, action,
              sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, &loud, &action));
    OK(sonset_stream_record_buffer(stream, sound, NULL, 0, NULL, &action));
    PROMISE("a buffer that is recorded into, was played or is lent is busy");
    FAILS_OUT(SONSET_ERROR_BUFFER_BUSY, action,
              sonset_stream_record_buffer(stream, sound, NULL, 0, NULL, &action));
    FAILS_OUT(SONSET_ERROR_BUFFER_BUSY, action,
              sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, NULL, &action));
    FAILS(SONSET_ERROR_BUFFER_BUSY, sonset_buffer_save_file(sound, "/tmp/no.wav", RATE));
    FAILS_OUT(ARG, out, sonset_buffer_read(sound, 0, 1, out));
    play_now(stream, room);
    FAILS_OUT(SONSET_ERROR_BUFFER_BUSY, action,
              sonset_stream_record_buffer(stream, room, NULL, 0, NULL, &action));
    OK(sonset_buffer_wrap(samples, 4, 1, 0, NULL, NULL, &lent));
    FAILS_OUT(SONSET_ERROR_BUFFER_BUSY, action,
              sonset_stream_record_buffer(stream, lent, NULL, 0, NULL, &action));
    OK(sonset_stream_cancel_all(stream, -1));
    run_frames(stream, 8);
    sonset_buffer_release(lent);
    sonset_buffer_release(sound);
    sonset_buffer_release(room);
}

#define CANCEL_FAILS(code, set)                                                                    \
    do {                                                                                           \
        OK(sonset_cancel_params_init(&p));                                                         \
        set;                                                                                       \
        FAILS((code), sonset_stream_cancel(stream, action, &p));                                   \
    } while (0)
#define GAIN_FAILS(code, set)                                                                      \
    do {                                                                                           \
        OK(sonset_gain_params_init(&g));                                                           \
        set;                                                                                       \
        FAILS((code), sonset_stream_set_master_gain(stream, &g));                                  \
        FAILS((code), sonset_stream_set_gain(stream, action, &g));                                 \
    } while (0)

#define PAUSE_FAILS(code, set)                                                                     \
    do {                                                                                           \
        OK(sonset_pause_params_init(&u));                                                          \
        set;                                                                                       \
        FAILS((code), sonset_stream_pause(stream, action, &u));                                    \
        FAILS((code), sonset_stream_resume(stream, action, &u));                                   \
    } while (0)
#define SEEK_FAILS(code, set)                                                                      \
    do {                                                                                           \
        OK(sonset_seek_params_init(&k));                                                           \
        set;                                                                                       \
        FAILS((code), sonset_stream_seek(stream, action, &k));                                     \
    } while (0)
#define RESCHEDULE_FAILS(code, set)                                                                \
    do {                                                                                           \
        OK(sonset_reschedule_params_init(&s));                                                     \
        set;                                                                                       \
        FAILS((code), sonset_stream_reschedule(stream, action, &s));                               \
    } while (0)

static void test_control(sonset_stream *stream, sonset_buffer *buffer)
{
    int64_t action = play_at(stream, buffer, 1000000);
    int64_t batch;
    int64_t realtime_ns;
    sonset_cancel_params p;
    sonset_gain_params g;
    sonset_pause_params u;
    sonset_reschedule_params s;
    sonset_seek_params k;
    OK(sonset_clock_now_ns(SONSET_CLOCK_REALTIME, &realtime_ns));

    PROMISE("cancel: each field out of range, and the action stays");
    CANCEL_FAILS(ARG, p.struct_size = 8);
    CANCEL_FAILS(ARG, p.mode = -1);
    CANCEL_FAILS(ARG, p.mode = SONSET_START_AFTER_ACTION);
    CANCEL_FAILS(ARG, p.frame = 5);
    CANCEL_FAILS(ARG, (p.mode = SONSET_START_AT_FRAME, p.frame = -1));
    CANCEL_FAILS(ARG, (p.mode = SONSET_START_AT_FRAME, p.frame = INT64_MIN));
    CANCEL_FAILS(ARG, p.clock = 1);
    CANCEL_FAILS(ARG, p.host_ns = 1);
    CANCEL_FAILS(ARG, (p.mode = SONSET_START_AT_HOST_TIME, p.clock = 0));
    CANCEL_FAILS(SONSET_ERROR_TIME_RANGE,
                 (p.mode = SONSET_START_AT_HOST_TIME, p.clock = 1, p.host_ns = realtime_ns));
    CANCEL_FAILS(SONSET_ERROR_NO_CLOCK,
                 (p.mode = SONSET_START_AT_HOST_TIME, p.clock = 2, p.host_ns = realtime_ns));
    CANCEL_FAILS(ARG, p.fade_frames = -2);
    CANCEL_FAILS(ARG, p.fade_frames = INT64_MIN);
    FAILS(ARG, sonset_stream_cancel_all(stream, -2));
    FAILS(ARG, sonset_stream_cancel_all(stream, INT64_MIN));
    CHECK_INT(receipt_of(stream, action).state, SONSET_ACTION_PENDING);

    PROMISE("master gain: each field out of range");
    GAIN_FAILS(ARG, g.struct_size = 12);
    GAIN_FAILS(ARG, g.mode = -1);
    GAIN_FAILS(ARG, g.mode = SONSET_START_AFTER_ACTION);
    GAIN_FAILS(ARG, g.frame = 5);
    GAIN_FAILS(ARG, (g.mode = SONSET_START_AT_FRAME, g.frame = -1));
    GAIN_FAILS(ARG, g.clock = 1);
    GAIN_FAILS(ARG, g.host_ns = 1);
    GAIN_FAILS(ARG, (g.mode = SONSET_START_AT_HOST_TIME, g.clock = 7));
    GAIN_FAILS(SONSET_ERROR_NO_CLOCK,
               (g.mode = SONSET_START_AT_HOST_TIME, g.clock = 2, g.host_ns = realtime_ns));
    GAIN_FAILS(ARG, g.gain_db = NAN);
    GAIN_FAILS(ARG, g.gain_db = INFINITY);
    GAIN_FAILS(ARG, g.gain_db = 1e9);
    GAIN_FAILS(ARG, g.ramp_frames = -2);
    GAIN_FAILS(ARG, g.ramp_frames = INT64_MIN);
    GAIN_FAILS(ARG, g.allow_clip = 2);

    PROMISE("pause and resume: each field out of range");
    PAUSE_FAILS(ARG, u.struct_size = 12);
    PAUSE_FAILS(ARG, u.mode = SONSET_START_AFTER_ACTION);
    PAUSE_FAILS(ARG, u.frame = 5);
    PAUSE_FAILS(ARG, (u.mode = SONSET_START_AT_FRAME, u.frame = INT64_MIN));
    PAUSE_FAILS(ARG, u.clock = 1);
    PAUSE_FAILS(ARG, u.host_ns = 1);
    PAUSE_FAILS(SONSET_ERROR_NO_CLOCK,
                (u.mode = SONSET_START_AT_HOST_TIME, u.clock = 2, u.host_ns = realtime_ns));
    PAUSE_FAILS(ARG, u.fade_frames = -2);
    PROMISE("an action that has not started cannot pause or resume now");
    PAUSE_FAILS(SONSET_ERROR_INVALID_STATE, u.fade_frames = 10);

    PROMISE("seek: each field out of range");
    SEEK_FAILS(ARG, k.struct_size = 12);
    SEEK_FAILS(ARG, k.mode = SONSET_START_AFTER_ACTION);
    SEEK_FAILS(ARG, k.frame = 5);
    SEEK_FAILS(ARG, (k.mode = SONSET_START_AT_FRAME, k.frame = -1));
    SEEK_FAILS(ARG, k.clock = 1);
    SEEK_FAILS(ARG, k.host_ns = 1);
    SEEK_FAILS(ARG, k.fade_frames = -2);
    SEEK_FAILS(ARG, k.position_frame = -1);
    SEEK_FAILS(ARG, k.position_frame = INT64_MAX);
    SEEK_FAILS(SONSET_ERROR_INVALID_STATE, k.position_frame = 0);

    PROMISE("reschedule: each field out of range");
    RESCHEDULE_FAILS(ARG, s.struct_size = 12);
    RESCHEDULE_FAILS(ARG, s.mode = SONSET_START_AFTER_ACTION);
    RESCHEDULE_FAILS(ARG, s.frame = 5);
    RESCHEDULE_FAILS(ARG, (s.mode = SONSET_START_AT_FRAME, s.frame = -1));
    RESCHEDULE_FAILS(ARG, (s.mode = SONSET_START_AT_FRAME, s.frame = INT64_MAX));
    RESCHEDULE_FAILS(ARG, s.clock = 1);
    RESCHEDULE_FAILS(ARG, s.host_ns = 1);
    RESCHEDULE_FAILS(SONSET_ERROR_NO_CLOCK,
                     (s.mode = SONSET_START_AT_HOST_TIME, s.clock = 2, s.host_ns = realtime_ns));
    CHECK_INT(receipt_of(stream, action).state, SONSET_ACTION_PENDING);

    PROMISE("batches: NULL and numbers that are no open batch");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_begin_batch(stream, NULL));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_commit_batch(stream, 0));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_commit_batch(stream, -1));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_commit_batch(stream, INT64_MAX));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_discard_batch(stream, 0));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_discard_batch(stream, INT64_MIN));
    OK(sonset_stream_begin_batch(stream, &batch));
    OK(sonset_stream_commit_batch(stream, batch));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_commit_batch(stream, batch));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_discard_batch(stream, batch));
    OK(sonset_stream_begin_batch(stream, &batch));
    OK(sonset_stream_discard_batch(stream, batch));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_commit_batch(stream, batch));
    OK(sonset_stream_cancel(stream, action, NULL));
    run_frames(stream, 1);
}

static void number_is_no_action(sonset_stream *stream, sonset_buffer *buffer, int64_t number, int32_t code)
{
    sonset_play_params after;
    sonset_receipt receipt;
    int64_t action;
    FAILS(code, sonset_stream_cancel(stream, number, NULL));
    FAILS(code, sonset_stream_set_gain(stream, number, NULL));
    FAILS(code, sonset_stream_pause(stream, number, NULL));
    FAILS(code, sonset_stream_resume(stream, number, NULL));
    FAILS(code, sonset_stream_reschedule(stream, number, NULL));
    FAILS(code, sonset_stream_seek(stream, number, NULL));
    FAILS_STRUCT(code, receipt, sizeof receipt, sonset_stream_get_action(stream, number, &receipt));
    NO_TEXT(sonset_stream_get_action_error(stream, number));
    FAILS_STRUCT(code, receipt, sizeof receipt,
                 sonset_stream_wait_action(stream, number, SONSET_ACTION_ENDED, 0, &receipt));
    OK(sonset_play_params_init(&after));
    after.start_mode = SONSET_START_AFTER_ACTION;
    after.after_action = number;
    /* 0 is a field that was forgotten. */
    FAILS_OUT(number == 0 ? ARG : code, action,
              sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &after, &action));
}

static void test_action_numbers(sonset_stream *stream, sonset_stream *other, sonset_buffer *buffer)
{
    int64_t own = play_now(stream, buffer);
    int64_t foreign = play_now(other, buffer);
    sonset_receipt receipt;

    PROMISE("action numbers: 0, negative, huge and made up ones are unknown");
    number_is_no_action(stream, buffer, 0, SONSET_ERROR_UNKNOWN_ACTION);
    number_is_no_action(stream, buffer, -1, SONSET_ERROR_UNKNOWN_ACTION);
    number_is_no_action(stream, buffer, INT64_MIN, SONSET_ERROR_UNKNOWN_ACTION);
    number_is_no_action(stream, buffer, INT64_MAX, SONSET_ERROR_UNKNOWN_ACTION);
    number_is_no_action(stream, buffer, (int64_t)1 << 52, SONSET_ERROR_UNKNOWN_ACTION);
    number_is_no_action(stream, buffer, 12345, SONSET_ERROR_UNKNOWN_ACTION);
    PROMISE("action numbers: those of another stream are told from unknown ones");
    number_is_no_action(stream, buffer, foreign, SONSET_ERROR_OTHER_STREAM);
    number_is_no_action(other, buffer, own, SONSET_ERROR_OTHER_STREAM);

    PROMISE("receipts: NULL, wrong struct_size, states and time-outs out of range");
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_get_action(stream, own, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_wait_action(stream, own, SONSET_ACTION_ENDED, 0, NULL));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_poll_receipt(stream, NULL));
    FAILS_SIZES(receipt, sonset_stream_get_action(stream, own, &receipt));
    FAILS_SIZES(receipt, sonset_stream_wait_action(stream, own, SONSET_ACTION_ENDED, 0, &receipt));
    FAILS_SIZES(receipt, sonset_stream_poll_receipt(stream, &receipt));
#define WAIT_FAILS(code, state, timeout)                                                           \
    FAILS_STRUCT((code), receipt, sizeof receipt,                                                  \
                 sonset_stream_wait_action(stream, own, (state), (timeout), &receipt))
    WAIT_FAILS(ARG, 0, 0);
    WAIT_FAILS(ARG, SONSET_ACTION_PENDING, 0);
    WAIT_FAILS(ARG, 3, 0);
    WAIT_FAILS(ARG, 5, 0);
    WAIT_FAILS(ARG, -1, 0);
    WAIT_FAILS(ARG, INT32_MAX, 0);
    WAIT_FAILS(ARG, SONSET_ACTION_ENDED, -1);
    WAIT_FAILS(ARG, SONSET_ACTION_ENDED, INT32_MIN);
    WAIT_FAILS(SONSET_ERROR_TIMEOUT, SONSET_ACTION_ENDED, 0);
    WAIT_FAILS(SONSET_ERROR_TIMEOUT, SONSET_ACTION_STARTED, 5);

    PROMISE("an action that has ended cannot be cancelled");
    run_frames(stream, 64);
    run_frames(other, 64);
    CHECK_INT(receipt_of(stream, own).outcome, SONSET_OUTCOME_COMPLETED);
    FAILS(SONSET_ERROR_ACTION_ENDED, sonset_stream_cancel(stream, own, NULL));
    FAILS(SONSET_ERROR_OTHER_STREAM, sonset_stream_cancel(other, own, NULL));

    PROMISE("polling when nothing is left, and logs that cannot be written");
    while (sonset_stream_poll_receipt(other, &receipt) == SONSET_OK) {
        receipt.struct_size = sizeof receipt;
    }
    FAILS_STRUCT(SONSET_ERROR_NO_RECEIPT, receipt, sizeof receipt, sonset_stream_poll_receipt(other, &receipt));
    FAILS(SONSET_ERROR_NULL_POINTER, sonset_stream_log_receipts(stream, NULL));
    FAILS(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_log_receipts(stream, ""));
    FAILS(SONSET_ERROR_FILE_IO, sonset_stream_log_receipts(stream, "/"));
    FAILS(SONSET_ERROR_FILE_IO, sonset_stream_log_receipts(stream, "/nowhere/log.csv"));
}

static void test_full_pool(sonset_buffer *buffer)
{
    sonset_stream *stream = open_stream(SONSET_BACKEND_MANUAL, 2, 0, 2000);
    sonset_stream *small = open_stream(SONSET_BACKEND_MANUAL, 2, 0, 2);
    sonset_play_params params;
    int64_t action;
    int64_t batch;
    int n;

    PROMISE("a full pool and a full batch are errors that change nothing");
    play_at(small, buffer, 100);
    play_at(small, buffer, 100);
    FAILS_OUT(SONSET_ERROR_POOL_FULL, action,
              sonset_stream_play_buffer(small, buffer, NULL, NULL, 0, NULL, &action));
    CHECK_INT(stats_of(small).live_actions, 2);
    OK(sonset_stream_begin_batch(stream, &batch));
    OK(sonset_play_params_init(&params));
    params.batch = batch;
    for (n = 0; n < 1024; n++) {
        OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    }
    FAILS_OUT(SONSET_ERROR_BATCH_FULL, action,
              sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    CHECK_INT(stats_of(stream).live_actions, 1024);
    sonset_stream_destroy(stream);
    sonset_stream_destroy(small);
}

static void test_closed(sonset_buffer *sound)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 2, 1);
    sonset_buffer *room = buffer_of(NULL, 4, 1);
    sonset_receipt receipt;
    int64_t ended = play_now(stream, sound);
    int64_t number;

    OK(sonset_stream_close(stream));
    PROMISE("a closed stream: every function has its documented result");
    FAILS(SONSET_ERROR_STREAM_CLOSED, sonset_stream_start(stream));
    OK(sonset_stream_stop(stream));
    OK(sonset_stream_close(stream));
    CHECK_INT(info_of(stream).state, SONSET_STREAM_CLOSED);
    time_of(stream, SONSET_DIRECTION_OUTPUT);
    stats_of(stream);
    CHECK(sonset_stream_get_device_id(stream, SONSET_DIRECTION_OUTPUT) != NULL);
    CHECK(sonset_stream_get_device_name(stream, SONSET_DIRECTION_INPUT) != NULL);
    CHECK(strcmp(sonset_stream_get_sample_format(stream), "f32") == 0);
    FAILS(SONSET_ERROR_INVALID_STATE, sonset_stream_set_channel_role(stream, 1, SONSET_CHANNEL_TRIGGER));
    FAILS_SILENTLY(SONSET_ERROR_INVALID_STATE,
                   sonset_stream_process(stream, (float[1]){0}, (float[2]){0}, 1, 0, 0, 0));
    FAILS_OUT(SONSET_ERROR_STREAM_CLOSED, number,
              sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, NULL, &number));
    FAILS_OUT(SONSET_ERROR_STREAM_CLOSED, number,
              sonset_stream_record_buffer(stream, room, NULL, 0, NULL, &number));
    FAILS_OUT(SONSET_ERROR_STREAM_CLOSED, number,
              sonset_stream_detect_level(stream, NULL, 0, NULL, &number));
    FAILS(SONSET_ERROR_ACTION_ENDED, sonset_stream_cancel(stream, ended, NULL));
    OK(sonset_stream_cancel_all(stream, 0));
    FAILS(SONSET_ERROR_STREAM_CLOSED, sonset_stream_set_master_gain(stream, NULL));
    FAILS_OUT(SONSET_ERROR_STREAM_CLOSED, number, sonset_stream_begin_batch(stream, &number));
    FAILS(SONSET_ERROR_STREAM_CLOSED, sonset_stream_commit_batch(stream, 1));
    FAILS(SONSET_ERROR_UNKNOWN_BATCH, sonset_stream_discard_batch(stream, 1));
    FAILS(SONSET_ERROR_STREAM_CLOSED, sonset_stream_log_receipts(stream, "/nowhere/log.csv"));
    CHECK_INT(receipt_of(stream, ended).outcome, SONSET_OUTCOME_STREAM_STOPPED);
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_wait_action(stream, ended, SONSET_ACTION_ENDED, 0, &receipt));
    OK(sonset_stream_poll_receipt(stream, &receipt));
    CHECK_INT(receipt.action, ended);
    sonset_buffer_release(room);
    sonset_stream_destroy(stream);
}

static void test_extremes(sonset_stream *stream, sonset_buffer *buffer)
{
    int64_t action = play_at(stream, buffer, (int64_t)1 << 52);
    const int64_t largest = (int64_t)1 << 53;
    sonset_cancel_params cancel;
    sonset_gain_params gain;
    sonset_play_params p;

    PROMISE("extremes that mean something are taken without harm");
    OK(sonset_cancel_params_init(&cancel));
    cancel.mode = SONSET_START_AT_FRAME;
    cancel.frame = largest;
    cancel.fade_frames = largest;
    OK(sonset_stream_cancel(stream, action, &cancel));
    run_frames(stream, 8);
    OK(sonset_stream_cancel(stream, action, NULL));
    run_frames(stream, 8);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_CANCELLED);
    OK(sonset_gain_params_init(&gain));
    gain.mode = SONSET_START_AT_FRAME;
    gain.frame = largest;
    gain.ramp_frames = largest;
    OK(sonset_stream_set_master_gain(stream, &gain));
    run_frames(stream, 8);
    OK(sonset_stream_set_master_gain(stream, NULL));
    OK(sonset_play_params_init(&p));
    p.loop_count = -1;
    p.stop_frame = (int64_t)1 << 53;
    p.gain_db = -INFINITY;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &p, &action));
    run_frames(stream, 8);
    cancel.fade_frames = largest;
    OK(sonset_stream_cancel(stream, action, &cancel));
    run_frames(stream, 8);
    OK(sonset_stream_cancel_all(stream, largest));
    run_frames(stream, 8);
    OK(sonset_stream_cancel_all(stream, -1));
    run_frames(stream, 8);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_STOPPED);

    PROMISE("frames and fades beyond what a double holds are refused");
    cancel.fade_frames = largest + 1;
    FAILS(ARG, sonset_stream_cancel(stream, action, &cancel));
    FAILS(ARG, sonset_stream_cancel_all(stream, INT64_MAX));
    gain.ramp_frames = INT64_MAX;
    FAILS(ARG, sonset_stream_set_master_gain(stream, &gain));

    PROMISE("an offset from the predecessor's end that no frame number can hold is refused");
    action = play_at(stream, buffer, 1000000);
    {
        static const int64_t offsets[] = {INT64_MAX, INT64_MIN + 1, INT64_MIN};
        int64_t next;
        int n;
        for (n = 0; n < 3; n++) {
            OK(sonset_play_params_init(&p));
            p.start_mode = SONSET_START_AFTER_ACTION;
            p.after_action = action;
            p.start_offset_frames = offsets[n];
            FAILS_OUT(ARG, next, sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &p, &next));
        }
    }
    OK(sonset_stream_cancel_all(stream, -1));
    run_frames(stream, 8);
}

/* A number that was not given out, but shares all but its lowest bits with one that was. */
static void test_neighbour(sonset_stream *stream, sonset_buffer *buffer)
{
    int64_t own = play_at(stream, buffer, 1000000);
    PROMISE("a number next to one that was given out is unknown");
    number_is_no_action(stream, buffer, own + 1, SONSET_ERROR_UNKNOWN_ACTION);
    OK(sonset_stream_cancel(stream, own, NULL));
    run_frames(stream, 1);
}

static void test_tiny_ceiling(void)
{
    sonset_stream_config config;
    sonset_stream *stream = NULL;
    sonset_buffer *loud = constant(1, 4);
    int64_t action;
    int32_t result;

    PROMISE("a ceiling next to 0 is refused or kept, and never becomes full scale");
    OK(sonset_stream_config_init(&config));
    config.backend = SONSET_BACKEND_MANUAL;
    config.sample_rate_hz = RATE;
    config.ceiling = 1e-60;
    result = sonset_stream_open(&config, NULL, NULL, NULL, &stream);
    if (result == SONSET_OK) {
        CHECK_CODE(SONSET_ERROR_WOULD_CLIP,
                   sonset_stream_play_buffer(stream, loud, NULL, NULL, 0, NULL, &action));
    } else {
        CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, result);
    }
    sonset_stream_destroy(stream);
    sonset_buffer_release(loud);
}

/* The place for `size` bytes that end where memory ends. */
static void *at_the_edge(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    CHECK(mprotect(pages + page, page, PROT_NONE) == 0);
    return pages + page - size;
}

static int32_t play_with_a_huge_count(sonset_stream *stream, sonset_buffer *buffer)
{
    int32_t *channels = at_the_edge(2 * sizeof *channels);
    int64_t action;
    channels[0] = 1;
    channels[1] = 2;
    return sonset_stream_play_buffer(stream, buffer, channels, NULL, INT32_MAX, NULL, &action);
}

static int32_t play_with_a_huge_struct(sonset_stream *stream, sonset_buffer *buffer)
{
    sonset_play_params *params = at_the_edge(sizeof *params);
    int64_t action;
    sonset_play_params_init(params);
    params->struct_size = 0xFFFFFFF8u;
    return sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, params, &action);
}

/* In a process of its own, since a broken promise is a crash here. */
static void check_no_crash(int32_t (*call)(sonset_stream *, sonset_buffer *))
{
    int status = 0;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        sonset_stream *stream = open_stream(SONSET_BACKEND_MANUAL, 2, 0, 0);
        sonset_buffer *buffer = buffer_of(NULL, 4, 1);
        _exit(call(stream, buffer) == SONSET_ERROR_INVALID_ARGUMENT ? 0 : 2);
    }
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(!WIFSIGNALED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

static void test_edges(void)
{
    PROMISE("a count of more channels than the stream has is refused before they are read");
    check_no_crash(play_with_a_huge_count);
    PROMISE("a struct_size that no struct has is refused before it is read");
    check_no_crash(play_with_a_huge_struct);
}

int main(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 2, 1);
    sonset_stream *other = open_running(SONSET_BACKEND_MANUAL, 2, 1);
    sonset_buffer *sound = constant(0.5f, 4);

    PROMISE("no call has failed yet, and there is no message");
    CHECK(sonset_error_last_message()[0] == '\0');
    test_texts();
    test_backends_and_clocks();
    test_inits();
    test_device_lists(stream);
    test_making_buffers();
    test_buffers(stream);
    test_open();
    test_stream_handles();
    test_stream_questions(stream);
    test_process(stream);
    test_play_params(stream, sound);
    test_play_arrays(stream, sound);
    test_play_made(stream);
    test_record(stream);
    test_making_rings();
    test_ring_calls();
    test_ring_actions(stream);
    test_detect(stream);
    test_missing_halves(sound);
    test_busy_buffers(stream);
    test_control(stream, sound);
    test_action_numbers(stream, other, sound);
    test_full_pool(sound);
    test_closed(sound);
    test_extremes(stream, sound);
    test_neighbour(stream, sound);
    test_tiny_ceiling();
    test_edges();
    sonset_buffer_release(sound);
    sonset_stream_destroy(stream);
    sonset_stream_destroy(other);
    DONE();
}
