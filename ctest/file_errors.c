/* Files that go wrong while they are played or recorded: the action ends, keeps what was right, and says why. */
#include "check.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FRAMES = 96000, THERE = 60000, BLOCK = 480 };

static char folder[256];

static const char *path_of(const char *name)
{
    static char path[320];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static float sample(int64_t frame)
{
    return (float)(frame % 1000 + 1) / 1024.0f;
}

/* A file of which only the first frames are there. */
static void write_cut_file(const char *path)
{
    static float samples[FRAMES];
    sonset_buffer *buffer = NULL;
    FILE *file;
    long end;
    int n;
    for (n = 0; n < FRAMES; n++) samples[n] = sample(n);
    OK(sonset_buffer_create(samples, FRAMES, 1, RATE, &buffer));
    OK(sonset_buffer_save_file(buffer, path, RATE));
    sonset_buffer_release(buffer);
    file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    end = ftell(file);
    fclose(file);
    CHECK(truncate(path, end - (long)((FRAMES - THERE) * sizeof(float))) == 0);
}

/* Runs the stream until the action has ended, with time for its worker. */
static sonset_receipt run_to_end(sonset_stream *stream, int64_t action, const float *in, float *out)
{
    int n;
    for (n = 0; n < 4000; n++) {
        sonset_receipt receipt = receipt_of(stream, action);
        if (receipt.state == SONSET_ACTION_ENDED) return receipt;
        OK(sonset_stream_process(stream, in, out != NULL ? out + n * BLOCK : NULL, BLOCK, 0, 0, 0));
        sleep_ms(1);
    }
    check_fail(__FILE__, __LINE__, "the action", " does not end");
    return receipt_of(stream, action);
}

static void test_playing(void)
{
    static float out[4000 * BLOCK];
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_play_file_params file;
    sonset_file_info about = {0};
    sonset_receipt receipt;
    sonset_buffer *sound;
    int64_t action = -1;
    int64_t n;

    PROMISE("a file that breaks in the middle plays up to there, and the action says where and why");
    write_cut_file(path_of("cut.wav"));
    OK(sonset_play_file_params_init(&file));
    file.read_ahead_ms = 200;
    OK(sonset_stream_play_file(stream, path_of("cut.wav"), &file, NULL, NULL, 0, NULL, &action));
    CHECK(strcmp(sonset_stream_get_action_error(stream, action), "") == 0);
    receipt = run_to_end(stream, action, NULL, out);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_FILE_ERROR);
    CHECK(receipt.done_frames > THERE - 4096 && receipt.done_frames <= THERE);
    for (n = 0; n < receipt.done_frames; n++) CHECK_REAL(out[n], sample(n));
    CHECK(strstr(sonset_stream_get_action_error(stream, action), "cut.wav") != NULL);
    CHECK(strstr(sonset_stream_get_action_error(stream, action), "breaks at frame") != NULL);

    PROMISE("what is known of a file before it is read is told");
    about.struct_size = sizeof about;
    OK(sonset_file_get_info(path_of("cut.wav"), 0, &about));
    CHECK_INT(about.frames, FRAMES);
    CHECK_INT(about.channels, 1);
    CHECK_INT(about.sample_rate_hz, RATE);
    CHECK_REAL(about.file_rate_hz, RATE);
    CHECK(about.track == 1 && about.track_count == 1);
    CHECK(!about.onset_uncertain && !about.length_uncertain && !about.length_from_end_of_file);

    PROMISE("an action that went well, or has no file, has no such text");
    sound = constant(0.5f, 10);
    action = play_now(stream, sound);
    sonset_buffer_release(sound);
    run_frames(stream, 100);
    CHECK(strcmp(sonset_stream_get_action_error(stream, action), "") == 0);
    sonset_stream_destroy(stream);
}

static void test_recording(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 0, 1);
    float in[BLOCK];
    struct rlimit limit;
    sonset_receipt receipt;
    sonset_buffer *kept = NULL;
    sonset_buffer_info info;
    int64_t action = -1;
    int n;

    PROMISE("where no more fits on the disk the recording ends, says why, and keeps what fitted");
    for (n = 0; n < BLOCK; n++) in[n] = 0.25f;
    OK(sonset_stream_record_file(stream, path_of("full.wav"), NULL, 0, NULL, NULL, &action));
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 200000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    receipt = run_to_end(stream, action, in, NULL);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_FILE_ERROR);
    CHECK(strstr(sonset_stream_get_action_error(stream, action), "full.wav' cannot be written") != NULL);
    CHECK(strstr(sonset_stream_get_action_error(stream, action), "File too large") != NULL);
    memset(&info, 0, sizeof info);
    OK(sonset_buffer_load_file(path_of("full.wav"), &kept));
    OK(sonset_buffer_get_info(kept, &info));
    CHECK(info.frames > 40000 && info.frames <= 50000);
    sonset_buffer_release(kept);
    sonset_stream_destroy(stream);
}

int main(void)
{
    make_folder(folder, sizeof folder);
    test_playing();
    test_recording();
    CHECK(remove(path_of("cut.wav")) == 0);
    CHECK(remove(path_of("full.wav")) == 0);
    CHECK(rmdir(folder) == 0);
    DONE();
}
