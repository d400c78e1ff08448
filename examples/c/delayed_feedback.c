/* Delayed auditory feedback: a speaker hears the own voice some time later. Use headphones: a loudspeaker would
 * feed back into the microphone.
 *
 *   delayed_feedback [milliseconds [seconds]]
 */
#include "example.h"

int main(int argc, char **argv)
{
    double delay_ms = argc > 1 ? atof(argv[1]) : 200;
    double seconds = argc > 2 ? atof(argv[2]) : 10;
    sonset_stream_config config = {0};
    config.sample_rate_hz = 48000;
    config.output_channels = 2;
    config.input_channels = 1;
    /* Some headroom for a voice that is raised against its echo. */
    config.ceiling = 0.5;
    sonset_stream *stream = open_stream(&config);
    check(sonset_stream_start(stream), "start");

    sonset_input_params input = {0};
    sonset_play_params play = {0};
    int64_t feedback;
    input.delay_frames = (int64_t)(delay_ms * 1e-3 * config.sample_rate_hz);
    play.has_frame_count = 1;
    play.frame_count = (int64_t)(seconds * config.sample_rate_hz);
    play.onset_ramp_frames = config.sample_rate_hz / 50;
    play.offset_ramp_frames = config.sample_rate_hz / 50;
    /* The virtual device would feed its own output back. */
    play.gain_db = info_of(stream).is_virtual ? -12 : 0;
    check(sonset_stream_play_input(stream, &input, NULL, NULL, 0, &play, &feedback), "monitor");

    sonset_receipt receipt = receipt_of(stream, feedback);
    printf("%.1f s of feedback, %.2f ms after the voice", (double)receipt.done_frames / config.sample_rate_hz, delay_ms);
    if (receipt.monitor_latency_ns >= 0)
        printf(" (%.2f ms with the latencies that the device reports)", (double)receipt.monitor_latency_ns * 1e-6);
    printf("; %lld frames were missing\n", (long long)receipt.missing_frames);
    sonset_stream_destroy(stream);
    return 0;
}
