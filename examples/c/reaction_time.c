/* Reaction times with a voice key: speech is played, and from its end on the microphone is listened to for the
 * first sound of an answer. The time between them is that at the converters, by one clock.
 *
 *   reaction_time [prompt.wav]
 */
#include "example.h"

enum { TRIALS = 3 };

/* Stands in for a person where there is no microphone: an answer some time after the prompt. */
static void answer(sonset_stream *stream, sonset_buffer *voice, int64_t prompt, int64_t frames)
{
    sonset_play_params params = {0};
    int64_t action;
    params.start_mode = SONSET_START_AFTER_ACTION;
    params.after_action = prompt;
    params.start_offset_frames = frames;
    check(sonset_stream_play_buffer(stream, voice, NULL, NULL, 0, &params, &action), "answer");
}

int main(int argc, char **argv)
{
    sonset_stream_config config = {0};
    config.sample_rate_hz = 48000;
    config.output_channels = 2;
    config.input_channels = 1;
    sonset_stream *stream = open_stream(&config);
    check(sonset_stream_start(stream), "start");
    sonset_buffer *prompt;
    check(sonset_buffer_load_file(argc > 1 ? argv[1] : "examples/speech.wav", &prompt), "load");

    for (int trial = 0; trial < TRIALS; trial++) {
        sonset_play_params play = {0};
        sonset_detect_params detect = {0};
        int64_t prompted, listening;
        play.start_mode = SONSET_START_AT_FRAME;
        play.start_frame = frame_in(stream, 0.5);
        check(sonset_stream_play_buffer(stream, prompt, NULL, NULL, 0, &play, &prompted), "play");

        /* A tenth of a second after the prompt, so that its echo is no answer, and two seconds at most. */
        detect.start_mode = SONSET_START_AFTER_ACTION;
        detect.after_action = prompted;
        detect.start_offset_frames = config.sample_rate_hz / 10;
        detect.max_frames = 2 * config.sample_rate_hz;
        detect.threshold = 0.05;
        check(sonset_stream_detect_level(stream, NULL, 0, &detect, &listening), "listen");
        if (info_of(stream).is_virtual)
            answer(stream, prompt, prompted, config.sample_rate_hz * (4 + trial) / 10);

        sonset_receipt asked = receipt_of(stream, prompted);
        sonset_receipt heard = receipt_of(stream, listening);
        if (heard.detected_frame < 0)
            printf("trial %d: no answer\n", trial + 1);
        else
            /* By the times at the converters: frames of input and output lie a round trip apart. */
            printf("trial %d: answer %.2f ms after the end of the prompt\n", trial + 1,
                   (double)(heard.detected_host_ns - asked.end_host_ns) * 1e-6);
    }
    sonset_stream_destroy(stream);
    sonset_buffer_release(prompt);
    return 0;
}
