/*
 * Run by scripts/test-hidden-libraries where neither libasound nor libjack can be found. What needs no audio
 * library works, and what does says what is missing; nothing falls back to silence.
 */
#include "check.h"

static int32_t open_backend(int32_t backend, sonset_stream **stream)
{
    sonset_stream_config config;
    OK(sonset_stream_config_init(&config));
    config.backend = backend;
    config.output_channels = 2;
    return sonset_stream_open(&config, NULL, NULL, NULL, stream);
}

static void check_missing(int32_t backend, const char *word)
{
    sonset_stream *stream = NULL;
    int32_t result = open_backend(backend, &stream);
    if (result != SONSET_ERROR_NO_DEVICE) {
        CHECK_CODE(SONSET_ERROR_BACKEND_UNAVAILABLE, result);
    }
    CHECK(stream == NULL);
    CHECK_SAYS(word);
}

static void check_unlisted(int32_t backend)
{
    sonset_device_list *list = NULL;
    CHECK_CODE(SONSET_ERROR_BACKEND_UNAVAILABLE, sonset_device_list_create(backend, &list));
    CHECK(list == NULL);
    CHECK(sonset_error_last_message()[0] != '\0');
}

int main(void)
{
    sonset_buffer *sound = constant(0.5f, 100);
    sonset_stream *stream;
    sonset_receipt receipt;
    int64_t action;
    int32_t count;

    PROMISE("the library loads, and names the backends of its build");
    OK(sonset_backend_count(&count));
    CHECK(count >= 3);
    PROMISE("manual plays");
    stream = open_running(SONSET_BACKEND_MANUAL, 2, 0);
    action = play_now(stream, sound);
    run_frames(stream, 200);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_COMPLETED);
    sonset_stream_destroy(stream);
    PROMISE("virtual plays");
    stream = open_running(SONSET_BACKEND_VIRTUAL, 2, 2);
    action = play_now(stream, sound);
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 5000, &receipt));
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    sonset_stream_destroy(stream);
    sonset_buffer_release(sound);

    PROMISE("jack says that libjack is missing");
    check_missing(SONSET_BACKEND_JACK, "libjack");
    PROMISE("jack cannot list devices either");
    check_unlisted(SONSET_BACKEND_JACK);
    PROMISE("alsa says that libasound is missing");
    check_missing(SONSET_BACKEND_ALSA, "libasound");
    PROMISE("pulseaudio says what is missing");
    check_missing(SONSET_BACKEND_PULSEAUDIO, "");
    PROMISE("the default backend has no device, and its message names virtual");
    check_missing(SONSET_BACKEND_DEFAULT, "virtual");
    PROMISE("alsa and pulseaudio cannot list devices either");
    check_unlisted(SONSET_BACKEND_ALSA);
    check_unlisted(SONSET_BACKEND_PULSEAUDIO);
    DONE();
}
