/* The sound of a film, from a time on, in step with its pictures: the sound track starts at an exact frame, and from the
 * sound card's own clock follows which picture is due, and when.
 *
 *   film_sound film.mp4 [seconds [pictures a second]]
 */
#include "example.h"

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "film_sound film.mp4 [seconds [pictures a second]]\n");
        return 1;
    }
    double from = argc > 2 ? atof(argv[2]) : 0;
    double pictures = argc > 3 ? atof(argv[3]) : 25;
    sonset_stream_config config = {0};
    config.sample_rate_hz = 48000;
    config.output_channels = 2;
    sonset_stream *stream = open_stream(&config);
    check(sonset_stream_start(stream), "start");

    sonset_play_params play = {0};
    int64_t sound;
    play.start_mode = SONSET_START_AT_FRAME;
    play.start_frame = frame_in(stream, 0.5);
    play.first_frame = (int64_t)(from * config.sample_rate_hz);
    play.onset_ramp_frames = config.sample_rate_hz / 200;
    check(sonset_stream_play_file(stream, argv[1], NULL, NULL, NULL, 0, &play, &sound), "play");

    /* What a program that shows pictures asks: which one belongs to this moment, and at which frame it begins. */
    sonset_receipt started = {0};
    check(sonset_stream_wait_action(stream, sound, SONSET_ACTION_STARTED, 60000, &started), "wait");
    int64_t picture = (int64_t)(from * pictures) + 1;
    int64_t begins = started.start_frame + (int64_t)((picture / pictures - from) * config.sample_rate_hz);

    sonset_receipt receipt = receipt_of(stream, sound);
    printf("from %.3f s on: picture %lld at frame %lld, %.2f s played, %lld frames missing: %s\n", from,
           (long long)picture, (long long)begins, (double)receipt.done_frames / config.sample_rate_hz,
           (long long)receipt.missing_frames, sonset_outcome_name(receipt.outcome));
    sonset_stream_destroy(stream);
    return receipt.outcome != SONSET_OUTCOME_COMPLETED;
}
