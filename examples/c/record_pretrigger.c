/* Records an answer from half a second before it began: the stream keeps its last input, a voice key waits for a
 * sound, and the recording starts in the past.
 *
 *   record_pretrigger [answer.wav]
 */
#include "example.h"

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "answer.wav";
    sonset_stream_config config = {0};
    config.sample_rate_hz = 48000;
    config.output_channels = 2;
    config.input_channels = 1;
    config.history_frames = config.sample_rate_hz;
    sonset_stream *stream = open_stream(&config);
    check(sonset_stream_start(stream), "start");

    sonset_detect_params detect = {0};
    int64_t listening, recording;
    detect.threshold = 0.05;
    detect.max_frames = 30 * (int64_t)config.sample_rate_hz;
    check(sonset_stream_detect_level(stream, NULL, 0, &detect, &listening), "listen");
    if (info_of(stream).is_virtual) {
        /* Nobody speaks into the virtual device: its output comes in again. */
        sonset_buffer *voice;
        sonset_play_params play = {0};
        int64_t speaking;
        check(sonset_buffer_load_file("examples/speech.wav", &voice), "load");
        play.start_mode = SONSET_START_AT_FRAME;
        play.start_frame = frame_in(stream, 1);
        check(sonset_stream_play_buffer(stream, voice, NULL, NULL, 0, &play, &speaking), "speak");
        sonset_buffer_release(voice);
    }

    /* STARTED: a sound was found. The recording counts from its onset. */
    sonset_receipt found = {0};
    check(sonset_stream_wait_action(stream, listening, SONSET_ACTION_STARTED, 40000, &found), "wait");
    if (found.detected_frame < 0) {
        printf("nobody spoke\n");
        sonset_stream_destroy(stream);
        return 1;
    }
    sonset_record_params record = {0};
    record.start_mode = SONSET_START_AT_FRAME;
    record.start_frame = found.detected_frame - config.sample_rate_hz / 2;
    record.max_frames = 2 * (int64_t)config.sample_rate_hz;
    check(sonset_stream_record_file(stream, path, NULL, 0, &record, NULL, &recording), "record");

    sonset_receipt receipt = receipt_of(stream, recording);
    printf("%s: %lld frames from %lld frames before the onset on, %lld late: %s\n", path,
           (long long)receipt.done_frames, (long long)(found.detected_frame - receipt.start_frame),
           (long long)receipt.late_frames, sonset_outcome_name(receipt.outcome));
    sonset_stream_destroy(stream);
    return 0;
}
