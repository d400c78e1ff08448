/* Plays a WAV file three times at exact frames while it records, prints the receipts, and writes
 * the recording with a picture of it.
 *
 *   play_record [sound.wav [recording.wav [picture.svg]]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "picture.h"
#include "sonset.h"

enum { SOUNDS = 3 };
static void check(int32_t result, const char *what)
{
    if (result == SONSET_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, sonset_error_last_message(), sonset_result_name(result));
    exit(1);
}

/* The default device, or, where there is none, the virtual one. */
static sonset_stream *open_stream(int32_t sample_rate_hz)
{
    sonset_stream *stream;
    sonset_stream_config config;
    check(sonset_stream_config_init(&config), "config");
    config.sample_rate_hz = sample_rate_hz;
    config.output_channels = 2;
    config.input_channels = 1;
    if (sonset_stream_open(&config, NULL, NULL, NULL, &stream) == SONSET_OK)
        return stream;
    printf("No sound device: %s\n", sonset_error_last_message());
    printf("Going on with the VIRTUAL device: output is wired to input, nothing can be heard, and\n"
           "what it shows says nothing about the hardware of this machine.\n\n");
    config.backend = SONSET_BACKEND_VIRTUAL;
    check(sonset_stream_open(&config, NULL, NULL, NULL, &stream), "open virtual device");
    return stream;
}

/* The first frame from `from` on that is louder than a 20th of the loudest; -1 if there is none. */
static int64_t first_sound(const float *samples, int64_t from, int64_t frames)
{
    float peak = 0;
    for (int64_t i = 0; i < frames; i++)
        peak = fmaxf(peak, fabsf(samples[i]));
    for (int64_t i = from; i < frames; i++)
        if (fabsf(samples[i]) > peak / 20)
            return i;
    return -1;
}

int main(int argc, char **argv)
{
    const char *sound_path = argc > 1 ? argv[1] : "examples/speech.wav";
    const char *recording_path = argc > 2 ? argv[2] : "recording.wav";
    const char *picture_path = argc > 3 ? argv[3] : "recording.svg";
    sonset_buffer *sound, *recording;
    sonset_buffer_info sound_info = {0};
    check(sonset_buffer_load_file(sound_path, &sound), "load");
    check(sonset_buffer_get_info(sound, &sound_info), "sound info");
    int64_t rate = sound_info.sample_rate_hz;
    sonset_stream *stream = open_stream(sound_info.sample_rate_hz);
    check(sonset_stream_start(stream), "start");
    /* The recording and all sounds count from one frame that can still be reached. */
    sonset_stream_time time = {0};
    check(sonset_stream_get_time(stream, SONSET_DIRECTION_OUTPUT, &time), "time");
    int64_t begin = time.earliest_frame + rate / 10;
    int64_t apart = sound_info.frames + rate / 2;
    int64_t frames = SOUNDS * apart + rate;
    sonset_record_params record = {0};
    record.start_mode = SONSET_START_AT_FRAME;
    record.start_frame = begin;
    int64_t recorder, plays[SOUNDS];
    check(sonset_buffer_create(NULL, frames, 1, sound_info.sample_rate_hz, &recording), "buffer");
    check(sonset_stream_record_buffer(stream, recording, NULL, 0, &record, &recorder), "record");
    for (int i = 0; i < SOUNDS; i++) {
        sonset_play_params play = {0};
        play.start_mode = SONSET_START_AT_FRAME;
        play.start_frame = begin + rate / 4 + i * apart;
        check(sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, &play, &plays[i]), "play");
    }

    sonset_receipt recorded = {0};
    printf("Recording %.1f s ...\n", (double)frames / rate);
    int32_t patience_ms = (int32_t)(frames * 1000 / rate) + 10000;
    check(sonset_stream_wait_action(stream, recorder, SONSET_ACTION_ENDED, patience_ms, &recorded), "wait");

    sonset_stream_info info = {0};
    check(sonset_stream_get_info(stream, &info), "stream info");
    int64_t wire = info.round_trip_frames > 0 ? info.round_trip_frames : 0;
    float *samples = calloc(frames, sizeof *samples);
    check(sonset_buffer_read(recording, 0, recorded.done_frames, samples), "read");

    picture_mark marks[SOUNDS];
    printf("\nsound     requested     started    late   xruns       heard  outcome\n");
    for (int i = 0; i < SOUNDS; i++) {
        sonset_receipt r = {0};
        check(sonset_stream_get_action(stream, plays[i], &r), "receipt");
        marks[i].requested = r.requested_frame - recorded.start_frame + wire;
        marks[i].actual = r.start_frame - recorded.start_frame + wire;
        marks[i].heard = first_sound(samples, marks[i].requested, recorded.done_frames);
        printf("%-7d%12lld%12lld%8lld%8lld%12lld  %s\n", i + 1, (long long)r.requested_frame,
               (long long)r.start_frame, (long long)r.late_frames, (long long)r.xruns,
               (long long)(marks[i].heard + recorded.start_frame), sonset_outcome_name(r.outcome));
    }
    printf("\nFrames at %lld Hz on '%s'. Round trip as reported, -1 if it is not: %lld frames.\n",
           (long long)rate, sonset_stream_get_device_name(stream, SONSET_DIRECTION_OUTPUT),
           (long long)info.round_trip_frames);
    check(sonset_buffer_save_file(recording, recording_path, 0), "save recording");
    if (picture_write(picture_path, samples, recorded.done_frames, rate, marks, SOUNDS))
        perror(picture_path);
    printf("Wrote %s and %s.\n", recording_path, picture_path);
    free(samples);
    sonset_stream_destroy(stream);
    sonset_buffer_release(recording);
    sonset_buffer_release(sound);
    return 0;
}
