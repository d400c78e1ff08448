/* A background that loops without a gap, quieter while somebody is to be heard: the gain changes over 50 ms, at exact
 * frames that are asked for ahead.
 *
 *   gapless_loop [background.wav]
 */
#include "example.h"

enum { RATE = 48000, CHANGES = 6 };

int main(int argc, char **argv)
{
    sonset_stream_config config = {0};
    config.sample_rate_hz = RATE;
    config.output_channels = 2;
    sonset_stream *stream = open_stream(&config);
    sonset_buffer *background;
    check(sonset_buffer_load_file(argc > 1 ? argv[1] : "examples/speech.wav", &background), "load");
    check(sonset_stream_start(stream), "start");

    sonset_play_params play = {0};
    int64_t loop;
    play.start_mode = SONSET_START_AT_FRAME;
    play.start_frame = frame_in(stream, 0.2);
    play.loop_count = -1;
    play.gain_db = -6;
    play.onset_ramp_frames = RATE / 10;
    check(sonset_stream_play_buffer(stream, background, NULL, NULL, 0, &play, &loop), "play");

    for (int n = 0; n < CHANGES; n++) {
        sonset_gain_params gain = {0};
        sonset_receipt now = {0};
        gain.mode = SONSET_START_AT_FRAME;
        gain.frame = play.start_frame + RATE * (n + 1) / 4;
        gain.gain_db = n % 2 == 0 ? -20 : 0;
        gain.ramp_frames = RATE / 20;
        check(sonset_stream_set_gain(stream, loop, &gain), "gain");
        /* The next change is asked for when this one has begun: one that waits would be replaced. The loop does not
         * end, so waiting for that is a pause of 10 ms. */
        while (now.gain_frame != gain.frame) {
            sonset_stream_wait_action(stream, loop, SONSET_ACTION_ENDED, 10, &now);
            check(sonset_stream_get_action(stream, loop, &now), "look");
        }
        printf("%.1f dB from frame %lld on\n", gain.gain_db, (long long)now.gain_frame);
    }

    sonset_cancel_params cancel = {0};
    cancel.mode = SONSET_START_AT_FRAME;
    cancel.frame = play.start_frame + RATE * (CHANGES + 1) / 4;
    cancel.fade_frames = RATE / 10;
    check(sonset_stream_cancel(stream, loop, &cancel), "cancel");
    sonset_receipt receipt = receipt_of(stream, loop);
    printf("%.3f s of the loop: %s\n", (double)receipt.done_frames / RATE, sonset_outcome_name(receipt.outcome));
    sonset_stream_destroy(stream);
    sonset_buffer_release(background);
    return 0;
}
