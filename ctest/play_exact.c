/*
 * What comes out, sample by sample: on a manual stream whose blocks change their size from call to call, and
 * through the wire of the virtual one.
 */
#include "check.h"

enum { FRAMES = 6000 };

static const int32_t block_sizes[] = {1, 64, 7, 256, 1000, 3, 0, 511, 2, 128, 1024};

/* Renders frames with one channel out and, if the stream has an input, what came out `delay` frames before. */
static void render_through(sonset_stream *stream, float *out, int64_t frames, int32_t channels, int64_t delay)
{
    float in[1024];
    int64_t done = 0;
    size_t block = 0;
    while (done < frames) {
        int32_t size = block_sizes[block++ % (sizeof block_sizes / sizeof block_sizes[0])];
        int32_t n;
        if (size > frames - done) size = (int32_t)(frames - done);
        /* What has not been made yet cannot come back in. */
        if (delay > 0 && size > delay) size = (int32_t)delay;
        for (n = 0; n < size; n++) {
            in[n] = delay > 0 && done + n >= delay ? out[done + n - delay] : 0;
        }
        OK(sonset_stream_process(stream, in, out + done * channels, size, 0, 0, 0));
        done += size;
    }
}

static void render(sonset_stream *stream, float *out, int64_t frames, int32_t channels)
{
    render_through(stream, out, frames, channels, 0);
}

static void check_samples(const float *got, const float *expected, int64_t count)
{
    int64_t n;
    for (n = 0; n < count; n++) {
        if (memcmp(&got[n], &expected[n], sizeof got[n]) != 0 && got[n] != expected[n]) {
            CHECK_INT(n, -1);
            CHECK_REAL(got[n], expected[n]);
            return;
        }
    }
}

static float out[FRAMES * 4];
static float expected[FRAMES * 4];

static void test_control(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *sound = constant(0.5f, 1000);
    int64_t action = play_at(stream, sound, 100);
    int64_t later = play_at(stream, sound, 100000);
    sonset_gain_params gain;
    sonset_pause_params pause;
    sonset_reschedule_params start;
    sonset_seek_params seek;
    int64_t n;
    OK(sonset_gain_params_init(&gain));
    OK(sonset_pause_params_init(&pause));
    OK(sonset_reschedule_params_init(&start));
    gain.mode = pause.mode = start.mode = SONSET_START_AT_FRAME;
    pause.fade_frames = -1;

    PROMISE("gain, pause, resume and another start come at their frames");
    gain.frame = 200;
    gain.gain_db = -INFINITY;
    gain.ramp_frames = 4;
    OK(sonset_stream_set_gain(stream, action, &gain));
    render(stream, out, 500, 1);
    gain.frame = 600;
    gain.gain_db = 0;
    gain.ramp_frames = -1;
    OK(sonset_stream_set_gain(stream, action, &gain));
    pause.frame = 700;
    OK(sonset_stream_pause(stream, action, &pause));
    pause.frame = 750;
    OK(sonset_stream_resume(stream, action, &pause));
    start.frame = 2000;
    OK(sonset_stream_reschedule(stream, later, &start));
    render(stream, out + 500, 220, 1);
    CHECK_INT(receipt_of(stream, action).state, SONSET_ACTION_PAUSED);
    render(stream, out + 720, 3000, 1);
    memset(expected, 0, sizeof expected);
    for (n = 100; n < 1150; n++) {
        expected[n] = n < 200 ? 0.5f : n < 204 ? 0.5f * (float)(203 - n) / 4 : n < 600 ? 0 : 0.5f;
        if (n >= 700 && n < 750) expected[n] = 0;
    }
    for (n = 2000; n < 3000; n++) expected[n] = 0.5f;
    check_samples(out, expected, 3720);
    CHECK_INT(receipt_of(stream, action).paused_frame, 700);
    CHECK_INT(receipt_of(stream, action).resumed_frame, 750);
    CHECK_INT(receipt_of(stream, action).paused_frames, 50);
    CHECK_INT(receipt_of(stream, action).gain_frame, 600);
    CHECK_REAL(receipt_of(stream, action).gain, 1.0);
    CHECK_INT(receipt_of(stream, later).requested_frame, 2000);

    PROMISE("a sound goes to another of its frames");
    OK(sonset_seek_params_init(&seek));
    action = play_at(stream, sound, 4000);
    seek.mode = SONSET_START_AT_FRAME;
    seek.frame = 4500;
    seek.position_frame = 900;
    seek.fade_frames = -1;
    OK(sonset_stream_seek(stream, action, &seek));
    render(stream, out, 2000, 1);
    CHECK_INT(receipt_of(stream, action).seek_frame, 4500);
    CHECK_INT(receipt_of(stream, action).end_frame, 4600);

    PROMISE("what has ended cannot be controlled");
    CHECK_INT(sonset_stream_seek(stream, action, &seek), SONSET_ERROR_ACTION_ENDED);
    CHECK_INT(sonset_stream_set_gain(stream, action, &gain), SONSET_ERROR_ACTION_ENDED);
    CHECK_INT(sonset_stream_pause(stream, action, &pause), SONSET_ERROR_ACTION_ENDED);
    CHECK_INT(sonset_stream_resume(stream, action, &pause), SONSET_ERROR_ACTION_ENDED);
    CHECK_INT(sonset_stream_reschedule(stream, action, &start), SONSET_ERROR_ACTION_ENDED);
    sonset_stream_destroy(stream);
    sonset_buffer_release(sound);
}

static void test_distance(void)
{
    static const int64_t distances[] = {1, 2, 63, 64, 65, 255, 256, 257, 1000, 4097};
    sonset_buffer *pulse = constant(0.75f, 1);
    size_t n;

    PROMISE("two pulses N frames apart come out N frames apart");
    for (n = 0; n < sizeof distances / sizeof distances[0]; n++) {
        sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
        int64_t first = 17 + (int64_t)n * 5;
        int64_t a = play_at(stream, pulse, first);
        int64_t b = play_at(stream, pulse, first + distances[n]);
        render(stream, out, FRAMES, 1);
        memset(expected, 0, sizeof expected);
        expected[first] = expected[first + distances[n]] = 0.75f;
        check_samples(out, expected, FRAMES);
        CHECK_INT(receipt_of(stream, b).start_frame - receipt_of(stream, a).start_frame, distances[n]);
        CHECK_INT(receipt_of(stream, a).requested_frame, first);
        CHECK_INT(receipt_of(stream, a).late_frames, 0);
        sonset_stream_destroy(stream);
    }
    sonset_buffer_release(pulse);
}

/* Samples of all magnitudes, so that any arithmetic on them would show. */
static void fill_noise(float *samples, int64_t count, uint32_t seed)
{
    int64_t n;
    for (n = 0; n < count; n++) {
        seed = seed * 1664525u + 1013904223u;
        samples[n] = ((float)(seed >> 8) / 8388608.0f - 1.0f) * (seed & 1 ? 1.0f : 1e-6f);
    }
}

static void test_bits(void)
{
    static float noise[2000 * 2];
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 2, 0);
    sonset_buffer *buffer;

    PROMISE("a lone sound at unity gain comes out with every bit as it was");
    fill_noise(noise, 2000 * 2, 1);
    buffer = buffer_of(noise, 2000, 2);
    play_at(stream, buffer, 333);
    render(stream, out, 3000, 2);
    CHECK(memcmp(out + 333 * 2, noise, sizeof noise) == 0);
    memset(expected, 0, sizeof expected);
    check_samples(out, expected, 333 * 2);
    check_samples(out + 2333 * 2, expected, 667 * 2);

    PROMISE("a planar block is the same sound");
    {
        static float left[3000];
        static float right[3000];
        float *planes[2];
        int n;
        planes[0] = left;
        planes[1] = right;
        play_at(stream, buffer, 3333);
        OK(sonset_stream_process_planar(stream, NULL, planes, 3000, 0, 0, 0));
        for (n = 0; n < 3000; n++) {
            CHECK(left[n] == out[2 * n]);
            CHECK(right[n] == out[2 * n + 1]);
        }
    }
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_record(void)
{
    static const int64_t delays[] = {1, 64, 300};
    static float noise[500];
    static float recorded[2000];
    size_t n;

    PROMISE("a recording of what is played holds it as many frames later as the way is long");
    fill_noise(noise, 500, 2);
    for (n = 0; n < sizeof delays / sizeof delays[0]; n++) {
        sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 1);
        sonset_buffer *sound = buffer_of(noise, 500, 1);
        sonset_buffer *room = buffer_of(NULL, 2000, 1);
        sonset_record_params params;
        sonset_receipt receipt;
        int64_t action;
        OK(sonset_record_params_init(&params));
        params.start_mode = SONSET_START_AT_FRAME;
        params.start_frame = 111;
        params.tag = -42;
        OK(sonset_stream_record_buffer(stream, room, NULL, 0, &params, &action));
        play_at(stream, sound, 400);
        render_through(stream, out, 3000, 1, delays[n]);
        receipt = receipt_of(stream, action);
        CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
        CHECK_INT(receipt.start_frame, 111);
        CHECK_INT(receipt.end_frame, 2111);
        CHECK_INT(receipt.done_frames, 2000);
        CHECK_INT(receipt.tag, -42);
        CHECK_INT(receipt.all_zero, 0);
        OK(sonset_buffer_read(room, 0, 2000, recorded));
        memset(expected, 0, sizeof expected);
        memcpy(expected + 400 + delays[n] - 111, noise, sizeof noise);
        check_samples(recorded, expected, 2000);
        sonset_buffer_release(sound);
        sonset_buffer_release(room);
        sonset_stream_destroy(stream);
    }
}

static void test_batch(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *grain = constant(1.0f / 128, 10);
    sonset_play_params params;
    int64_t actions[64];
    int64_t batch;
    int n;

    PROMISE("a batch of 64 'now' actions starts on one frame, that of the block after its commit");
    OK(sonset_stream_begin_batch(stream, &batch));
    OK(sonset_play_params_init(&params));
    params.batch = batch;
    for (n = 0; n < 64; n++) {
        OK(sonset_stream_play_buffer(stream, grain, NULL, NULL, 0, &params, &actions[n]));
        run_frames(stream, 3);
    }
    CHECK_INT(receipt_of(stream, actions[0]).state, SONSET_ACTION_PENDING);
    OK(sonset_stream_commit_batch(stream, batch));
    OK(sonset_stream_process(stream, NULL, out, 20, 0, 0, 0));
    for (n = 0; n < 20; n++) CHECK_REAL(out[n], n < 10 ? 0.5 : 0);
    for (n = 0; n < 64; n++) CHECK_INT(receipt_of(stream, actions[n]).start_frame, 192);
    PROMISE("a batch that is discarded plays nothing, and its actions are cancelled");
    OK(sonset_stream_begin_batch(stream, &batch));
    params.batch = batch;
    OK(sonset_stream_play_buffer(stream, grain, NULL, NULL, 0, &params, &actions[0]));
    OK(sonset_stream_discard_batch(stream, batch));
    OK(sonset_stream_process(stream, NULL, out, 20, 0, 0, 0));
    for (n = 0; n < 20; n++) CHECK_REAL(out[n], 0);
    CHECK_INT(receipt_of(stream, actions[0]).outcome, SONSET_OUTCOME_CANCELLED);
    sonset_buffer_release(grain);
    sonset_stream_destroy(stream);
}

static void test_loops_and_ranges(void)
{
    static const float steps[8] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f};
    /* Frames 1 to 6, with three further passes of frames 3 and 4. */
    static const float looped[] = {0.2f, 0.3f, 0.4f, 0.5f, 0.4f, 0.5f, 0.4f, 0.5f, 0.4f, 0.5f, 0.6f, 0.7f, 0, 0};
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer = buffer_of(steps, 8, 1);
    sonset_play_params params;
    int64_t action;
    int n;

    PROMISE("a loop within a range plays its extra passes and goes on");
    OK(sonset_play_params_init(&params));
    params.first_frame = 1;
    params.has_frame_count = 1;
    params.frame_count = 6;
    params.loop_count = 3;
    params.loop_first_frame = 3;
    params.loop_frames = 2;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    render(stream, out, 14, 1);
    check_samples(out, looped, 14);
    CHECK_INT(receipt_of(stream, action).done_frames, 12);
    PROMISE("an endless loop ends at stop_frame, which is silent");
    OK(sonset_play_params_init(&params));
    params.loop_count = -1;
    params.stop_frame = 1014;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    render(stream, out, 1100, 1);
    for (n = 0; n < 1100; n++) CHECK_REAL(out[n], n < 1000 ? steps[n % 8] : 0);
    CHECK_INT(receipt_of(stream, action).end_frame, 1014);
    CHECK_INT(receipt_of(stream, action).done_frames, 1000);
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_gains(void)
{
    static const int32_t channels[] = {4, 1, 2};
    static const float gains[] = {0.5f, -0.25f, 0};
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 4, 0);
    sonset_buffer *buffer = constant(0.5f, 4);
    sonset_play_params params;
    sonset_gain_params gain;
    int64_t action;
    int n;

    PROMISE("a mono sound goes to channels 1 and 2 only, unless told where");
    play_now(stream, buffer);
    render(stream, out, 4, 4);
    for (n = 0; n < 16; n++) CHECK_REAL(out[n], n % 4 < 2 ? 0.5 : 0);
    PROMISE("gains belong to the channels named: negative inverts, 0 mutes");
    OK(sonset_stream_play_buffer(stream, buffer, channels, gains, 3, NULL, &action));
    render(stream, out, 4, 4);
    for (n = 0; n < 16; n++) CHECK_REAL(out[n], n % 4 == 3 ? 0.25 : n % 4 == 0 ? -0.125 : 0);
    PROMISE("gain_db is on top of them; -INFINITY is silence");
    OK(sonset_play_params_init(&params));
    params.gain_db = 20 * log10(0.5);
    OK(sonset_stream_play_buffer(stream, buffer, channels, gains, 1, &params, &action));
    render(stream, out, 4, 4);
    CHECK(fabs(out[3] - 0.125) < 1e-6);
    params.gain_db = -INFINITY;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    render(stream, out, 4, 4);
    for (n = 0; n < 16; n++) CHECK_REAL(out[n], 0);
    PROMISE("allow_clip lets the guard limit to the ceiling, which is counted");
    params.gain_db = 12;
    params.allow_clip = 1;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    render(stream, out, 4, 4);
    for (n = 0; n < 16; n++) CHECK_REAL(out[n], n % 4 < 2 ? 1 : 0);
    CHECK_INT(receipt_of(stream, action).stream_clipped_samples, 8);
    CHECK_INT(stats_of(stream).clipped_samples, 8);

    PROMISE("master gain steps at its frame, and glides from it over its frames");
    {
        sonset_buffer *tone = constant(0.5f, 400);
        int64_t now = time_of(stream, SONSET_DIRECTION_OUTPUT).frame;
        play_now(stream, tone);
        OK(sonset_gain_params_init(&gain));
        gain.mode = SONSET_START_AT_FRAME;
        gain.frame = now + 100;
        gain.gain_db = -INFINITY;
        gain.ramp_frames = -1;
        OK(sonset_stream_set_master_gain(stream, &gain));
        render(stream, out, 200, 4);
        for (n = 0; n < 200; n++) CHECK_REAL(out[4 * n], n < 100 ? 0.5 : 0);
        gain.frame = now + 250;
        gain.gain_db = 0;
        gain.ramp_frames = 50;
        OK(sonset_stream_set_master_gain(stream, &gain));
        render(stream, out, 200, 4);
        for (n = 0; n < 200; n++) {
            double level = n < 50 ? 0 : n >= 99 ? 1 : (n - 49) / 50.0;
            CHECK(fabs(out[4 * n] - 0.5 * level) < 1e-6);
        }
        sonset_buffer_release(tone);
    }
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_ramps(void)
{
    const double pi = 3.14159265358979323846;
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer = constant(1, 1000);
    sonset_play_params params;
    int64_t action;
    int shape;
    int n;

    for (shape = 0; shape < 2; shape++) {
        PROMISE(shape == SONSET_RAMP_LINEAR ? "linear ramps follow x, first and last frame included"
                                            : "raised cosine ramps follow (1 - cos(pi x)) / 2");
        OK(sonset_play_params_init(&params));
        params.ramp_shape = shape;
        params.onset_ramp_frames = 100;
        params.offset_ramp_frames = 300;
        OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
        render(stream, out, 1100, 1);
        for (n = 0; n < 1100; n++) {
            double x = n < 100 ? (n + 0.5) / 100 : n < 700 ? 1 : n < 1000 ? (999 - n + 0.5) / 300 : 0;
            double level = shape == SONSET_RAMP_LINEAR ? x : (1 - cos(pi * x)) / 2;
            CHECK(fabs(out[n] - level) < 1e-6);
        }
        CHECK(out[0] > 0);
        CHECK(out[999] > 0);
    }
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_cancel(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer = constant(1, 5000);
    sonset_cancel_params params;
    int64_t action = play_now(stream, buffer);
    int n;

    PROMISE("a cancel at a frame with a fade is at full level before the fade and silent from the frame on");
    OK(sonset_cancel_params_init(&params));
    params.mode = SONSET_START_AT_FRAME;
    params.frame = 1500;
    params.fade_frames = 200;
    OK(sonset_stream_cancel(stream, action, &params));
    render(stream, out, 2000, 1);
    for (n = 0; n < 2000; n++) {
        if (n < 1300) CHECK_REAL(out[n], 1);
        if (n > 1300 && n < 1500) CHECK(out[n] < out[n - 1] && out[n] > 0);
        if (n >= 1500) CHECK_REAL(out[n], 0);
    }
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_STOPPED);
    CHECK_INT(receipt_of(stream, action).end_frame, 1500);
    CHECK_INT(receipt_of(stream, action).done_frames, 1500);
    PROMISE("of several cancels the earliest counts");
    action = play_now(stream, buffer);
    params.frame = 2500;
    params.fade_frames = -1;
    OK(sonset_stream_cancel(stream, action, &params));
    params.frame = 2400;
    OK(sonset_stream_cancel(stream, action, &params));
    params.frame = 2600;
    OK(sonset_stream_cancel(stream, action, &params));
    render(stream, out, 1000, 1);
    for (n = 0; n < 1000; n++) CHECK_REAL(out[n], n < 400 ? 1 : 0);
    PROMISE("a cancel now takes the stream's fade");
    action = play_now(stream, buffer);
    render(stream, out, 100, 1);
    OK(sonset_stream_cancel(stream, action, NULL));
    render(stream, out, 500, 1);
    for (n = 1; n < 500; n++) {
        if (n < 240) CHECK(out[n] < out[n - 1] && out[n] > 0);
        if (n >= 240) CHECK_REAL(out[n], 0);
    }
    PROMISE("cancel_all ends what plays and what waits, and leaves an open batch alone");
    {
        sonset_play_params play;
        int64_t playing = play_now(stream, buffer);
        int64_t waiting = play_at(stream, buffer, 1000000);
        int64_t batched;
        int64_t batch;
        OK(sonset_stream_begin_batch(stream, &batch));
        OK(sonset_play_params_init(&play));
        play.batch = batch;
        OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &play, &batched));
        render(stream, out, 10, 1);
        OK(sonset_stream_cancel_all(stream, -1));
        render(stream, out, 10, 1);
        for (n = 0; n < 10; n++) CHECK_REAL(out[n], 0);
        CHECK_INT(receipt_of(stream, playing).outcome, SONSET_OUTCOME_STOPPED);
        CHECK_INT(receipt_of(stream, waiting).outcome, SONSET_OUTCOME_CANCELLED);
        OK(sonset_stream_commit_batch(stream, batch));
        render(stream, out, 10, 1);
        for (n = 0; n < 10; n++) CHECK_REAL(out[n], 1);
        CHECK_INT(receipt_of(stream, batched).state, SONSET_ACTION_STARTED);
    }
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_trigger(void)
{
    static const int32_t line[] = {3};
    sonset_stream_config config;
    sonset_stream *stream = NULL;
    sonset_buffer *pulse = constant(1, 10);
    sonset_buffer *wide = buffer_of(NULL, 10, 3);
    sonset_play_params params;
    sonset_gain_params gain;
    int64_t action;
    int n;

    PROMISE("a trigger line keeps its level whatever the ceiling, master gain and ramps are");
    OK(sonset_stream_config_init(&config));
    config.backend = SONSET_BACKEND_MANUAL;
    config.sample_rate_hz = RATE;
    config.output_channels = 3;
    config.ceiling = 0.25;
    OK(sonset_stream_open(&config, NULL, NULL, NULL, &stream));
    OK(sonset_stream_set_channel_role(stream, 3, SONSET_CHANNEL_TRIGGER));
    OK(sonset_stream_start(stream));
    OK(sonset_gain_params_init(&gain));
    gain.gain_db = -20;
    gain.ramp_frames = -1;
    OK(sonset_stream_set_master_gain(stream, &gain));
    OK(sonset_play_params_init(&params));
    params.onset_ramp_frames = 5;
    params.offset_ramp_frames = 5;
    OK(sonset_stream_play_buffer(stream, pulse, line, NULL, 1, &params, &action));
    render(stream, out, 20, 3);
    for (n = 0; n < 60; n++) CHECK_REAL(out[n], n % 3 == 2 && n < 30 ? 1 : 0);
    PROMISE("a default channel map never reaches a trigger line");
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT,
               sonset_stream_play_buffer(stream, wide, NULL, NULL, 0, NULL, &action));
    PROMISE("an audio channel is held to the ceiling");
    CHECK_CODE(SONSET_ERROR_WOULD_CLIP,
               sonset_stream_play_buffer(stream, pulse, NULL, NULL, 0, NULL, &action));
    sonset_buffer_release(pulse);
    sonset_buffer_release(wide);
    sonset_stream_destroy(stream);
}

/* The same promises with a device's own callbacks: outputs of the virtual one are wired to its inputs. */
static void test_wire(void)
{
    static float recorded[4000];
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 1);
    sonset_buffer *pulse = constant(0.75f, 1);
    sonset_buffer *rooms[2];
    sonset_record_params params;
    sonset_receipt receipt;
    int64_t actions[2];
    int64_t round_trip = info_of(stream).round_trip_frames;
    int64_t first;
    int align;
    int n;

    PROMISE("through a wire pulses come back at their distance, after the round trip that is told");
    CHECK(round_trip >= 64);
    first = time_of(stream, SONSET_DIRECTION_OUTPUT).earliest_frame + RATE / 5;
    OK(sonset_record_params_init(&params));
    params.start_mode = SONSET_START_AT_FRAME;
    params.start_frame = first;
    for (align = 0; align < 2; align++) {
        rooms[align] = buffer_of(NULL, 4000, 1);
        params.align = align;
        OK(sonset_stream_record_buffer(stream, rooms[align], NULL, 0, &params, &actions[align]));
    }
    play_at(stream, pulse, first);
    play_at(stream, pulse, first + 1234);
    memset(&receipt, 0, sizeof receipt);
    for (align = 0; align < 2; align++) {
        int64_t delay = align == SONSET_ALIGN_ROUND_TRIP ? 0 : round_trip;
        OK(sonset_stream_wait_action(stream, actions[align], SONSET_ACTION_ENDED, 10000, &receipt));
        CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
        CHECK_INT(receipt.late_frames, 0);
        CHECK_INT(receipt.start_frame, first + round_trip - delay);
        OK(sonset_buffer_read(rooms[align], 0, 4000, recorded));
        for (n = 0; n < 4000; n++) {
            CHECK_REAL(recorded[n], n == delay || n == delay + 1234 ? 0.75 : 0);
        }
        sonset_buffer_release(rooms[align]);
    }
    sonset_buffer_release(pulse);
    sonset_stream_destroy(stream);
}

/* With a fade asked for, so that only the line's being a trigger can make the cut. */
static void test_trigger_cut(void)
{
    static const int32_t line[] = {1};
    sonset_stream *stream = open_stream(SONSET_BACKEND_MANUAL, 1, 0, 0);
    sonset_buffer *pulse = constant(1, 1000);
    sonset_cancel_params params;
    int64_t action;
    int n;

    OK(sonset_stream_set_channel_role(stream, 1, SONSET_CHANNEL_TRIGGER));
    OK(sonset_stream_start(stream));
    OK(sonset_cancel_params_init(&params));
    params.fade_frames = 100;
    PROMISE("a cancel at a frame cuts a trigger line there, without a fade");
    OK(sonset_stream_play_buffer(stream, pulse, line, NULL, 1, NULL, &action));
    params.mode = SONSET_START_AT_FRAME;
    params.frame = 300;
    OK(sonset_stream_cancel(stream, action, &params));
    render(stream, out, 500, 1);
    for (n = 0; n < 500; n++) CHECK_REAL(out[n], n < 300 ? 1 : 0);
    PROMISE("a cancel now cuts a trigger line now, without a fade");
    OK(sonset_stream_play_buffer(stream, pulse, line, NULL, 1, NULL, &action));
    render(stream, out, 100, 1);
    params.mode = SONSET_START_NOW;
    params.frame = 0;
    OK(sonset_stream_cancel(stream, action, &params));
    render(stream, out, 500, 1);
    for (n = 0; n < 500; n++) {
        if (out[n] != 0) {
            CHECK_INT(n, -1);
            break;
        }
    }
    sonset_buffer_release(pulse);
    sonset_stream_destroy(stream);
}

static void test_after(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer = constant(0.5f, 100);
    sonset_play_params params;
    int64_t first = play_at(stream, buffer, 50);
    int64_t next;
    int64_t failed;
    int n;

    PROMISE("an action after another one starts at its end plus the offset");
    OK(sonset_play_params_init(&params));
    params.start_mode = SONSET_START_AFTER_ACTION;
    params.after_action = first;
    params.start_offset_frames = 30;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &next));
    render(stream, out, 400, 1);
    for (n = 0; n < 400; n++) {
        CHECK_REAL(out[n], (n >= 50 && n < 150) || (n >= 180 && n < 280) ? 0.5 : 0);
    }
    CHECK_INT(receipt_of(stream, next).requested_frame, 180);
    CHECK_INT(receipt_of(stream, next).after_action, first);
    PROMISE("it fails with its predecessor, unless any end will do");
    first = play_at(stream, buffer, 100000);
    params.after_action = first;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &failed));
    params.after_policy = SONSET_AFTER_ANY_END;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &next));
    OK(sonset_stream_cancel(stream, first, NULL));
    render(stream, out, 100, 1);
    CHECK_INT(receipt_of(stream, failed).outcome, SONSET_OUTCOME_PREDECESSOR);
    CHECK_INT(receipt_of(stream, next).start_frame, 430);
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

static void test_late(void)
{
    static float rising[100];
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *buffer;
    sonset_play_params params;
    int64_t action;
    int n;

    for (n = 0; n < 100; n++) rising[n] = (float)n / 100;
    buffer = buffer_of(rising, 100, 1);
    render(stream, out, 1000, 1);
    OK(sonset_play_params_init(&params));
    params.start_mode = SONSET_START_AT_FRAME;
    params.start_frame = 960;
    PROMISE("a late sound is played whole");
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    render(stream, out, 200, 1);
    for (n = 0; n < 200; n++) CHECK_REAL(out[n], n < 100 ? rising[n] : 0);
    CHECK_INT(receipt_of(stream, action).late_frames, 40);
    CHECK_INT(receipt_of(stream, action).start_frame, 1000);
    PROMISE("or without the part that was missed");
    params.start_frame = 1160;
    params.late_policy = SONSET_LATE_SKIP;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    render(stream, out, 200, 1);
    for (n = 0; n < 200; n++) CHECK_REAL(out[n], n < 60 ? rising[n + 40] : 0);
    PROMISE("or not at all, by its policy, by max_late_frames or when all of it was missed");
    params.start_frame = 1300;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    run_frames(stream, 1);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_DROPPED_LATE);
    params.start_frame = 1400;
    params.late_policy = SONSET_LATE_DROP;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    run_frames(stream, 1);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_DROPPED_LATE);
    CHECK_INT(receipt_of(stream, action).late_frames, 1);
    params.late_policy = SONSET_LATE_PLAY;
    params.max_late_frames = 1;
    OK(sonset_stream_play_buffer(stream, buffer, NULL, NULL, 0, &params, &action));
    run_frames(stream, 1);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_DROPPED_LATE);
    sonset_buffer_release(buffer);
    sonset_stream_destroy(stream);
}

int main(void)
{
    test_distance();
    test_control();
    test_bits();
    test_record();
    test_batch();
    test_loops_and_ranges();
    test_gains();
    test_ramps();
    test_cancel();
    test_trigger();
    test_after();
    test_late();
    test_wire();
    test_trigger_cut();
    DONE();
}
