/*
 * Rings as a user would use them: a sound that is made while it plays, a recording that is read while it
 * runs, and what was really sent.
 */
#include "check.h"

#include <pthread.h>

static sonset_ring *ring_of(int64_t frames)
{
    sonset_ring *ring = NULL;
    OK(sonset_ring_create(frames, 1, RATE, &ring));
    return ring;
}

static sonset_ring_info info_of_ring(sonset_ring *ring)
{
    sonset_ring_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    OK(sonset_ring_get_info(ring, &info));
    return info;
}

/* Frame n of the sound. */
static float sample(int64_t n)
{
    return (float)(n % 1000 + 1) / 1024.0f;
}

/* Writes the frames of the sound from next on that there is room for, at most up to end. */
static int64_t write_some(sonset_ring *ring, int64_t next, int64_t end)
{
    float samples[500];
    int64_t frames = end - next < 500 ? end - next : 500;
    int64_t written = -1;
    int64_t n;
    for (n = 0; n < frames; n++) samples[n] = sample(next + n);
    OK(sonset_ring_write(ring, samples, frames, &written));
    CHECK(written >= 0 && written <= frames);
    return next + written;
}

static void test_playing(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_ring *ring = ring_of(300);
    float out[1000];
    sonset_ring_info info;
    sonset_receipt receipt;
    int64_t available = -1;
    int64_t action;
    int64_t next = 0;
    int n;

    PROMISE("a ring takes what there is room for, and says how much that is");
    next = write_some(ring, 0, 500);
    CHECK_INT(next, 300);
    OK(sonset_ring_get_read_available(ring, &available));
    CHECK_INT(available, 300);
    OK(sonset_ring_get_write_available(ring, &available));
    CHECK_INT(available, 0);
    PROMISE("what is written while it plays is heard without a gap, and the ring tells by when to write");
    OK(sonset_stream_play_ring(stream, ring, NULL, NULL, 0, NULL, &action));
    for (n = 0; n < 4; n++) {
        OK(sonset_stream_process(stream, NULL, out + n * 200, 200, 0, 0, 0));
        next = write_some(ring, next, 700);
        info = info_of_ring(ring);
        CHECK_INT(info.usage, n < 3 ? SONSET_RING_PLAYING : info.usage);
        CHECK_INT(info.needed_frame, n < 3 ? next : info.needed_frame);
        CHECK_INT(info.has_needed_frame, n < 3 ? 1 : info.has_needed_frame);
    }
    for (n = 0; n < 700; n++) CHECK_REAL(out[n], sample(n));
    PROMISE("a ring that has run dry is silence that is counted, also while it plays");
    for (n = 700; n < 800; n++) CHECK_REAL(out[n], 0.0f);
    receipt = receipt_of(stream, action);
    CHECK_INT(receipt.kind, SONSET_KIND_PLAY_RING);
    CHECK_INT(receipt.state, SONSET_ACTION_STARTED);
    CHECK_INT(receipt.missing_frames, 100);
    CHECK_INT(receipt.first_missing_frame, 700);
    CHECK_INT(info_of_ring(ring).missing_frames, 100);
    PROMISE("what comes then sounds later, and a finished ring ends the action with its last frame");
    next = write_some(ring, next, 750);
    OK(sonset_ring_finish(ring));
    OK(sonset_stream_process(stream, NULL, out, 200, 0, 0, 0));
    for (n = 0; n < 200; n++) CHECK_REAL(out[n], n < 50 ? sample(700 + n) : 0.0f);
    receipt = receipt_of(stream, action);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(receipt.done_frames, 750);
    CHECK_INT(receipt.end_frame, 850);
    PROMISE("a reset ring plays again, and one that is to end when it runs dry does");
    OK(sonset_ring_reset(ring));
    CHECK_INT(write_some(ring, 0, 60), 60);
    {
        sonset_play_params params = {0};
        params.ring_policy = SONSET_RING_END;
        OK(sonset_stream_play_ring(stream, ring, NULL, NULL, 0, &params, &action));
    }
    PROMISE("a ring that is released while it plays goes on");
    sonset_ring_release(ring);
    OK(sonset_stream_process(stream, NULL, out, 200, 0, 0, 0));
    for (n = 0; n < 200; n++) CHECK_REAL(out[n], n < 60 ? sample(n) : 0.0f);
    receipt = receipt_of(stream, action);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_UNDERFLOW);
    CHECK_INT(receipt.first_missing_frame, 1060);
    CHECK(strcmp(sonset_outcome_name(receipt.outcome), "SONSET_OUTCOME_UNDERFLOW") == 0);
    sonset_stream_destroy(stream);
}

static void test_recording(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 1);
    sonset_ring *ring = ring_of(300);
    float in[1000];
    float out[1000];
    float heard[300];
    int64_t action;
    int64_t first = -1;
    int64_t frames = -1;
    int64_t n;

    for (n = 0; n < 1000; n++) in[n] = sample(n);
    OK(sonset_stream_record_ring(stream, ring, NULL, 0, NULL, &action));
    PROMISE("a ring that is recorded into is read meanwhile, and nobody else writes to it");
    OK(sonset_stream_process(stream, in, out, 200, 0, 0, 0));
    CHECK_CODE(SONSET_ERROR_RING_BUSY, sonset_ring_write(ring, in, 1, &frames));
    OK(sonset_ring_read(ring, heard, 50, &first, &frames));
    CHECK(first == 0 && frames == 50);
    OK(sonset_ring_read(ring, heard, 300, &first, &frames));
    CHECK(first == 50 && frames == 150);
    for (n = 0; n < frames; n++) CHECK_REAL(heard[n], sample(first + n));
    PROMISE("frames that did not fit are a gap in the index, and counted");
    OK(sonset_stream_process(stream, in + 200, out, 400, 0, 0, 0));
    OK(sonset_ring_read(ring, heard, 300, &first, &frames));
    CHECK(first == 200 && frames == 300);
    OK(sonset_stream_process(stream, in + 600, out, 100, 0, 0, 0));
    OK(sonset_ring_read(ring, heard, 300, &first, &frames));
    CHECK(first == 600 && frames == 100);
    for (n = 0; n < frames; n++) CHECK_REAL(heard[n], sample(first + n));
    CHECK_INT(receipt_of(stream, action).missing_frames, 100);
    CHECK_INT(receipt_of(stream, action).first_missing_frame, 500);
    CHECK_INT(receipt_of(stream, action).done_frames, 600);
    PROMISE("the ring outlives its stream, and is finished when the recording is over");
    sonset_stream_destroy(stream);
    CHECK_INT(info_of_ring(ring).is_finished, 1);
    CHECK_INT(info_of_ring(ring).usage, SONSET_RING_IDLE);
    OK(sonset_ring_read(ring, heard, 300, &first, &frames));
    CHECK_INT(frames, 0);
    sonset_ring_release(ring);
}

static void test_what_was_sent(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 2, 0);
    sonset_buffer *sound = constant(0.5f, 300);
    sonset_buffer *kept = buffer_of(NULL, 200, 2);
    sonset_gain_params gain = {0};
    sonset_record_params params = {0};
    float out[2000];
    float read[400];
    int64_t action;

    PROMISE("what was sent is recorded as it was sent, with the master gain");
    gain.gain_db = -20.0;
    gain.mode = SONSET_START_AT_FRAME;
    gain.frame = 150;
    gain.ramp_frames = 50;
    OK(sonset_stream_set_master_gain(stream, &gain));
    play_at(stream, sound, 110);
    params.start_mode = SONSET_START_AT_FRAME;
    params.start_frame = 100;
    OK(sonset_stream_record_output(stream, kept, NULL, 0, &params, &action));
    OK(sonset_stream_process(stream, NULL, out, 1000, 0, 0, 0));
    OK(sonset_buffer_read(kept, 0, 200, read));
    CHECK(memcmp(read, out + 200, sizeof read) == 0);
    CHECK(read[30] == 0.5f && read[300] < 0.06f && read[300] > 0.04f);
    CHECK_INT(receipt_of(stream, action).kind, SONSET_KIND_RECORD_OUTPUT);
    CHECK_INT(receipt_of(stream, action).outcome, SONSET_OUTCOME_COMPLETED);
    sonset_buffer_release(sound);
    sonset_buffer_release(kept);
    sonset_stream_destroy(stream);
}

struct writer {
    sonset_ring *ring;
    int64_t frames;
};

static void *write_all(void *argument)
{
    struct writer *writer = argument;
    int64_t next = 0;
    while (next < writer->frames) {
        next = write_some(writer->ring, next, writer->frames);
        sleep_ms(1);
    }
    OK(sonset_ring_finish(writer->ring));
    return NULL;
}

static void test_another_thread(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 1);
    struct writer writer;
    pthread_t thread;
    sonset_receipt receipt;
    int64_t action;

    PROMISE("another thread writes while a device plays, and its last frame is the last one played");
    writer.ring = ring_of(RATE);
    writer.frames = RATE / 2;
    CHECK(pthread_create(&thread, NULL, write_all, &writer) == 0);
    OK(sonset_stream_play_ring(stream, writer.ring, NULL, NULL, 0, NULL, &action));
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 60000, &receipt));
    pthread_join(thread, NULL);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(receipt.done_frames, writer.frames);
    CHECK_INT(receipt.end_frame - receipt.start_frame, receipt.done_frames + receipt.missing_frames);
    sonset_stream_destroy(stream);
    sonset_ring_release(writer.ring);
}

int main(void)
{
    test_playing();
    test_recording();
    test_what_was_sent();
    test_another_thread();
    DONE();
}
