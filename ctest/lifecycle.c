/* The life of a stream: open, start and stop, close, destroy, and what stays of it. */
#include "check.h"

static int32_t open_with(int32_t backend, int32_t rate, int32_t outputs, const char *device,
                         sonset_stream **stream)
{
    sonset_stream_config config;
    OK(sonset_stream_config_init(&config));
    config.backend = backend;
    config.sample_rate_hz = rate;
    config.output_channels = outputs;
    return sonset_stream_open(&config, device, NULL, NULL, stream);
}

static void test_opening(void)
{
    sonset_stream *one = NULL;
    sonset_stream *two = NULL;
    sonset_stream *refused = NULL;
    sonset_stream_config config = {0};
    sonset_stream_info info;

    PROMISE("a device that does not exist is refused by its name");
    CHECK_CODE(SONSET_ERROR_NO_DEVICE, open_with(SONSET_BACKEND_VIRTUAL, RATE, 2, "hw:Nowhere", &refused));
    CHECK_SAYS("hw:Nowhere");
    PROMISE("a rate that the device lacks is refused with its value");
    {
        int32_t result = open_with(SONSET_BACKEND_VIRTUAL, 800000, 2, NULL, &refused);
        CHECK(result == SONSET_ERROR_UNSUPPORTED_FORMAT || result == SONSET_ERROR_INVALID_ARGUMENT);
        CHECK_SAYS("800000");
    }
    PROMISE("more channels than the device has are refused");
    CHECK_CODE(SONSET_ERROR_UNSUPPORTED_FORMAT, open_with(SONSET_BACKEND_VIRTUAL, RATE, 65, NULL, &refused));
    PROMISE("a history of an input that there is not is refused");
    config.backend = SONSET_BACKEND_VIRTUAL;
    config.history_frames = 100;
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_open(&config, NULL, NULL, NULL, &refused));
    CHECK_SAYS("history_frames");
    CHECK(refused == NULL);

    PROMISE("0 channels both ways are two outputs, and the device's rate and block are told");
    OK(open_with(SONSET_BACKEND_VIRTUAL, 0, 0, NULL, &one));
    info = info_of(one);
    CHECK_INT(info.struct_size, sizeof info);
    CHECK_INT(info.state, SONSET_STREAM_OPEN);
    CHECK_INT(info.backend, SONSET_BACKEND_VIRTUAL);
    CHECK_INT(info.output_channels, 2);
    CHECK_INT(info.input_channels, 0);
    CHECK_INT(info.sample_rate_hz, 48000);
    CHECK_INT(info.max_actions, 1024);
    CHECK_INT(info.fade_frames, 240);
    CHECK(info.block_frames > 0);
    PROMISE("opening twice gives two streams, each with its own device");
    OK(open_with(SONSET_BACKEND_VIRTUAL, RATE, 2, "virtual", &two));
    CHECK(one != two);
    OK(sonset_stream_start(one));
    OK(sonset_stream_start(two));
    sleep_ms(40);
    sonset_stream_destroy(one);
    CHECK_INT(info_of(two).state, SONSET_STREAM_RUNNING);
    CHECK(time_of(two, SONSET_DIRECTION_OUTPUT).frame > 0);
    CHECK(strcmp(sonset_stream_get_device_id(two, SONSET_DIRECTION_OUTPUT), "virtual") == 0);
    CHECK(sonset_stream_get_device_name(two, SONSET_DIRECTION_OUTPUT)[0] != '\0');
    CHECK(strcmp(sonset_stream_get_sample_format(two), "f32") == 0);
    sonset_stream_destroy(two);
}

static void test_states(int32_t backend)
{
    sonset_stream *stream = open_stream(backend, 2, 1, 0);

    PROMISE(backend == SONSET_BACKEND_MANUAL ? "manual: stop before start does nothing"
                                             : "virtual: stop before start does nothing");
    OK(sonset_stream_stop(stream));
    CHECK_INT(info_of(stream).state, SONSET_STREAM_OPEN);
    PROMISE("starting twice is starting once");
    OK(sonset_stream_start(stream));
    OK(sonset_stream_start(stream));
    CHECK_INT(info_of(stream).state, SONSET_STREAM_RUNNING);
    PROMISE("stopping twice is stopping once");
    OK(sonset_stream_stop(stream));
    OK(sonset_stream_stop(stream));
    CHECK_INT(info_of(stream).state, SONSET_STREAM_STOPPED);
    PROMISE("a stopped stream starts again");
    OK(sonset_stream_start(stream));
    CHECK_INT(info_of(stream).state, SONSET_STREAM_RUNNING);
    PROMISE("closing twice is closing once, and a closed stream does not start");
    OK(sonset_stream_close(stream));
    OK(sonset_stream_close(stream));
    CHECK_INT(info_of(stream).state, SONSET_STREAM_CLOSED);
    CHECK_CODE(SONSET_ERROR_STREAM_CLOSED, sonset_stream_start(stream));
    CHECK(sonset_error_last_message()[0] != '\0');
    OK(sonset_stream_stop(stream));
    sonset_stream_destroy(stream);
    sonset_stream_destroy(stream);
    sonset_stream_destroy(NULL);
}

static void test_frames_go_on(void)
{
    sonset_stream *manual = open_running(SONSET_BACKEND_MANUAL, 2, 1);
    sonset_stream *timed = open_running(SONSET_BACKEND_VIRTUAL, 2, 1);
    int64_t frame;

    PROMISE("manual: frames stand still while stopped and go on at the next start");
    run_frames(manual, 1000);
    OK(sonset_stream_stop(manual));
    CHECK_INT(time_of(manual, SONSET_DIRECTION_OUTPUT).frame, 1000);
    OK(sonset_stream_start(manual));
    run_frames(manual, 10);
    CHECK_INT(time_of(manual, SONSET_DIRECTION_OUTPUT).frame, 1010);
    CHECK_INT(time_of(manual, SONSET_DIRECTION_INPUT).frame, 1010);
    CHECK_INT(time_of(manual, SONSET_DIRECTION_OUTPUT).earliest_frame, 1010);
    sonset_stream_destroy(manual);

    PROMISE("virtual: frames stand still while stopped and go on at the next start");
    sleep_ms(30);
    OK(sonset_stream_stop(timed));
    frame = time_of(timed, SONSET_DIRECTION_OUTPUT).frame;
    CHECK(frame > 0);
    CHECK_INT(time_of(timed, SONSET_DIRECTION_OUTPUT).earliest_frame, frame);
    sleep_ms(60);
    CHECK_INT(time_of(timed, SONSET_DIRECTION_OUTPUT).frame, frame);
    OK(sonset_stream_start(timed));
    CHECK(time_of(timed, SONSET_DIRECTION_OUTPUT).earliest_frame >= frame);
    sleep_ms(30);
    CHECK(time_of(timed, SONSET_DIRECTION_OUTPUT).frame > frame);
    CHECK(time_of(timed, SONSET_DIRECTION_OUTPUT).frame < frame + RATE / 2);
    sonset_stream_destroy(timed);
}

/* Closes (or stops) a stream with 100 actions that have not started, and counts what comes of them. */
static void end_with_pending(int32_t backend, int32_t (*end)(sonset_stream *))
{
    sonset_stream *stream = open_running(backend, 2, 1);
    sonset_buffer *sound = constant(0.5f, 100);
    sonset_buffer *room = buffer_of(NULL, 100, 1);
    sonset_receipt receipt;
    sonset_record_params record;
    int64_t actions[100];
    int seen[100] = {0};
    int n;
    int count = 0;

    for (n = 0; n < 99; n++) actions[n] = play_at(stream, sound, 100000000 + n);
    OK(sonset_record_params_init(&record));
    record.start_mode = SONSET_START_AT_FRAME;
    record.start_frame = 100000000;
    OK(sonset_stream_record_buffer(stream, room, NULL, 0, &record, &actions[99]));
    CHECK_INT(stats_of(stream).live_actions, 100);
    OK(end(stream));
    memset(&receipt, 0, sizeof receipt);
    while (sonset_stream_poll_receipt(stream, &receipt) == SONSET_OK) {
        CHECK_INT(receipt.outcome, SONSET_OUTCOME_STREAM_STOPPED);
        CHECK_INT(receipt.state, SONSET_ACTION_ENDED);
        CHECK_INT(receipt.start_frame, -1);
        CHECK_INT(receipt.done_frames, 0);
        for (n = 0; n < 100; n++) seen[n] += actions[n] == receipt.action;
        count++;
    }
    CHECK_INT(count, 100);
    for (n = 0; n < 100; n++) CHECK_INT(seen[n], 1);
    CHECK_INT(stats_of(stream).live_actions, 0);
    CHECK_INT(stats_of(stream).free_actions, 1024);
    sonset_buffer_release(sound);
    sonset_buffer_release(room);
    sonset_stream_destroy(stream);
}

static void test_after_close(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 2, 2);
    sonset_buffer *sound = constant(0.25f, 48);
    sonset_buffer *room = buffer_of(NULL, RATE, 2);
    sonset_receipt receipt;
    sonset_buffer_info buffer_info;
    float samples[2];
    int64_t play = play_now(stream, sound);
    int64_t record;

    OK(sonset_stream_record_buffer(stream, room, NULL, 0, NULL, &record));
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_wait_action(stream, play, SONSET_ACTION_ENDED, 5000, &receipt));
    OK(sonset_stream_wait_action(stream, record, SONSET_ACTION_STARTED, 5000, &receipt));
    sleep_ms(20);
    OK(sonset_stream_close(stream));
    PROMISE("receipts, info, times, stats and recorded frames stay readable after closing");
    receipt = receipt_of(stream, play);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(receipt.done_frames, 48);
    receipt = receipt_of(stream, record);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_STREAM_STOPPED);
    CHECK(receipt.done_frames > 0 && receipt.done_frames < RATE);
    CHECK_INT(receipt.end_frame - receipt.start_frame, receipt.done_frames);
    CHECK_INT(info_of(stream).sample_rate_hz, RATE);
    CHECK(stats_of(stream).callbacks > 0);
    CHECK(time_of(stream, SONSET_DIRECTION_INPUT).frame > 0);
    memset(&buffer_info, 0, sizeof buffer_info);
    OK(sonset_buffer_get_info(room, &buffer_info));
    CHECK_INT(buffer_info.is_recording, 0);
    CHECK(buffer_info.readable_frames >= receipt.done_frames);
    OK(sonset_buffer_read(room, receipt.done_frames - 1, 1, samples));
    sonset_stream_destroy(stream);
    PROMISE("buffers outlive the stream");
    OK(sonset_buffer_read(room, 0, 1, samples));
    OK(sonset_buffer_read(sound, 0, 1, samples));
    CHECK_REAL(samples[0], 0.25);
    sonset_buffer_release(sound);
    sonset_buffer_release(room);
    sonset_buffer_release(room);
    sonset_buffer_release(NULL);
}

static void test_release_while_playing(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *sound = constant(0.5f, 1000);
    float out[2000];
    int64_t action = play_now(stream, sound);
    int n;

    PROMISE("a buffer that is released while it plays plays on to its end");
    OK(sonset_stream_process(stream, NULL, out, 100, 0, 0, 0));
    sonset_buffer_release(sound);
    OK(sonset_stream_process(stream, NULL, out + 100, 1900, 0, 0, 0));
    for (n = 0; n < 2000; n++) CHECK_REAL(out[n], n < 1000 ? 0.5 : 0);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(receipt_of(stream, action).done_frames, 1000);
    PROMISE("its handle is gone all the same");
    CHECK_CODE(SONSET_ERROR_INVALID_HANDLE, sonset_buffer_read(sound, 0, 1, out));
    sonset_stream_destroy(stream);
}

static void test_before_start(void)
{
    sonset_stream *stream = open_stream(SONSET_BACKEND_MANUAL, 1, 0, 0);
    sonset_buffer *sound = constant(0.5f, 8);
    float out[8];
    int64_t first = play_at(stream, sound, 2);
    int64_t cancelled = play_at(stream, sound, 4);
    int n;

    PROMISE("actions given before the start are played from frame 0 on");
    CHECK_INT(receipt_of(stream, first).state, SONSET_ACTION_PENDING);
    PROMISE("a cancel before the start has its receipt at once");
    OK(sonset_stream_cancel(stream, cancelled, NULL));
    CHECK_INT(receipt_of(stream, cancelled).outcome, SONSET_OUTCOME_CANCELLED);
    OK(sonset_stream_start(stream));
    OK(sonset_stream_process(stream, NULL, out, 8, 0, 0, 0));
    for (n = 0; n < 8; n++) CHECK_REAL(out[n], n < 2 ? 0 : 0.5);
    sonset_buffer_release(sound);
    sonset_stream_destroy(stream);
}

static void test_all_handles_freed(void)
{
    sonset_buffer *sound = constant(0.5f, 480);
    int n;
    PROMISE("streams opened and destroyed in turn, while they play, leave nothing behind");
    for (n = 0; n < 20; n++) {
        sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 2, 0);
        play_now(stream, sound);
        sonset_stream_destroy(stream);
    }
    sonset_buffer_release(sound);
}

int main(void)
{
    test_opening();
    test_states(SONSET_BACKEND_MANUAL);
    test_states(SONSET_BACKEND_VIRTUAL);
    test_frames_go_on();
    PROMISE("manual: closing with 100 pending actions gives 100 receipts, each STREAM_STOPPED");
    end_with_pending(SONSET_BACKEND_MANUAL, sonset_stream_close);
    PROMISE("virtual: closing with 100 pending actions gives 100 receipts, each STREAM_STOPPED");
    end_with_pending(SONSET_BACKEND_VIRTUAL, sonset_stream_close);
    PROMISE("manual: stopping with 100 pending actions gives 100 receipts, each STREAM_STOPPED");
    end_with_pending(SONSET_BACKEND_MANUAL, sonset_stream_stop);
    PROMISE("virtual: stopping with 100 pending actions gives 100 receipts, each STREAM_STOPPED");
    end_with_pending(SONSET_BACKEND_VIRTUAL, sonset_stream_stop);
    test_after_close();
    test_release_while_playing();
    test_before_start();
    test_all_handles_freed();
    DONE();
}
