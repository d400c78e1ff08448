/* An oddball sequence with TTL markers: one tone in five is higher, and with each tone a code goes out on channel 3,
 * on the very frame. Everything is scheduled in frames, a trial ahead: nothing that the program is held up by can
 * move a sound.
 */
#include "example.h"

enum { TRIALS = 10, RATE = 48000, STANDARD = 1, DEVIANT = 2, TRIGGER_CHANNEL = 3 };

/* A tone of 100 ms with 10 ms ramps, and its marker of 5 ms, both at `frame`, or neither. */
static int64_t present(sonset_stream *stream, int64_t frame, int code, int64_t *marker)
{
    sonset_tone_params tone = {0};
    sonset_pulse_params pulse = {0};
    sonset_play_params params = {0};
    int32_t trigger = TRIGGER_CHANNEL;
    int64_t sound, batch;
    tone.frequency_hz = code == DEVIANT ? 1200 : 1000;
    tone.amplitude = 0.1;
    pulse.code = SONSET_CODE_SERIAL;
    pulse.code_value = code;
    pulse.data_bits = 2;
    pulse.width_frames = RATE / 1000;
    params.start_mode = SONSET_START_AT_FRAME;
    params.start_frame = frame;
    params.late_policy = SONSET_LATE_DROP;
    params.tag = code;
    check(sonset_stream_begin_batch(stream, &batch), "batch");
    params.batch = batch;
    check(sonset_stream_play_pulse(stream, &pulse, &trigger, NULL, 1, &params, marker), "marker");
    params.has_frame_count = 1;
    params.frame_count = RATE / 10;
    params.onset_ramp_frames = params.offset_ramp_frames = RATE / 100;
    check(sonset_stream_play_tone(stream, &tone, NULL, NULL, 0, &params, &sound), "tone");
    check(sonset_stream_commit_batch(stream, batch), "commit");
    return sound;
}

int main(void)
{
    sonset_stream_config config = {0};
    sonset_stream *stream;
    config.sample_rate_hz = RATE;
    config.output_channels = TRIGGER_CHANNEL;
    stream = open_stream(&config);
    check(sonset_stream_set_channel_role(stream, TRIGGER_CHANNEL, SONSET_CHANNEL_TRIGGER), "trigger line");
    check(sonset_stream_start(stream), "start");

    int64_t frame = frame_in(stream, 0.5);
    int lost = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        int64_t marker;
        int code = rand() % 5 == 0 ? DEVIANT : STANDARD;
        int64_t sound = present(stream, frame, code, &marker);
        sonset_receipt heard = receipt_of(stream, sound), marked = receipt_of(stream, marker);
        int is_good = heard.outcome == SONSET_OUTCOME_COMPLETED && marked.outcome == SONSET_OUTCOME_COMPLETED &&
                      heard.start_frame == frame && marked.start_frame == frame && heard.xruns == 0;
        printf("trial %d: %s at frame %lld, marker at %lld%s\n", trial + 1, code == DEVIANT ? "deviant" : "standard",
               (long long)heard.start_frame, (long long)marked.start_frame, is_good ? "" : ": NOT AS ASKED FOR");
        lost += !is_good;
        /* 200 to 300 ms from onset to onset. */
        frame += RATE / 5 + rand() % (RATE / 10);
    }
    printf("%d of %d trials as asked for\n", TRIALS - lost, TRIALS);
    sonset_stream_destroy(stream);
    return lost != 0;
}
