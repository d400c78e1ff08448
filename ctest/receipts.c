/*
 * Receipts: polling, looking up, waiting, and the log file. The first argument is a number of actions that is
 * more than the receipts kept; without it that is not tested.
 */
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];

static const char *path_of(const char *name)
{
    static char path[320];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void test_voice_key(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 1);
    sonset_buffer *brief = constant(0.5f, 10);
    sonset_detect_params key = {0};
    sonset_play_params reply = {0};
    sonset_receipt receipt;
    float in[1000] = {0};
    float out[1000];
    int64_t heard;
    int64_t played;
    int n;

    for (n = 400; n < 600; n++) in[n] = n % 2 ? 0.5f : -0.5f;
    key.threshold = 0.25;
    key.minimum_frames = 100;
    key.gap_frames = 10;
    key.hold_off_frames = 150;
    OK(sonset_stream_detect_level(stream, NULL, 0, &key, &heard));
    reply.start_mode = SONSET_START_AFTER_ACTION;
    reply.after_action = heard;
    reply.start_offset_frames = 300;
    OK(sonset_stream_play_buffer(stream, brief, NULL, NULL, 0, &reply, &played));
    PROMISE("a voice key is pending while it listens, and started once it has heard a sound that lasts");
    OK(sonset_stream_process(stream, in, out, 499, 0, 1000000000, 0));
    receipt = receipt_of(stream, heard);
    CHECK_INT(receipt.kind, SONSET_KIND_DETECT_LEVEL);
    CHECK_INT(receipt.state, SONSET_ACTION_PENDING);
    CHECK_INT(receipt.start_frame, 0);
    CHECK_INT(receipt.detected_frame, -1);
    CHECK_INT(receipt.detection, SONSET_DETECTION_TOO_SHORT);
    OK(sonset_stream_process(stream, in + 499, out + 499, 1, 0, 1000000000 + 499 * 1000000000LL / RATE, 0));
    receipt = receipt_of(stream, heard);
    CHECK_INT(receipt.state, SONSET_ACTION_STARTED);
    CHECK_INT(receipt.detected_frame, 400);
    CHECK_INT(receipt.detected_end_frame, -1);
    CHECK(llabs(receipt.detected_host_ns - (1000000000 + 400 * 1000000000LL / RATE)) < 1000);
    PROMISE("its receipt has onset and offset, and what follows it starts at the onset plus the offset");
    OK(sonset_stream_process(stream, in + 500, out + 500, 500, 0, 1000000000 + 500 * 1000000000LL / RATE, 0));
    receipt = receipt_of(stream, heard);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(receipt.detected_frame, 400);
    CHECK_INT(receipt.detected_end_frame, 600);
    CHECK_INT(receipt.detection, SONSET_DETECTION_FOUND);
    CHECK_INT(receipt.end_frame, 750);
    CHECK(llabs(receipt.detected_end_host_ns - (1000000000 + 600 * 1000000000LL / RATE)) < 1000);
    CHECK_INT(receipt_of(stream, played).start_frame, 700);
    CHECK(out[699] == 0.0f && out[700] == 0.5f && out[709] == 0.5f && out[710] == 0.0f);
    sonset_buffer_release(brief);
    sonset_stream_destroy(stream);
}

static void test_polling(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *brief = constant(0.5f, 10);
    sonset_buffer *longer = constant(0.25f, 100);
    sonset_receipt receipt;
    int64_t a = play_at(stream, longer, 0);
    int64_t b = play_at(stream, brief, 5);
    int64_t c = play_at(stream, brief, 200);

    PROMISE("before its start an action is pending, and what is not known is -1");
    receipt = receipt_of(stream, c);
    CHECK_INT(receipt.struct_size, sizeof receipt);
    CHECK_INT(receipt.action, c);
    CHECK_INT(receipt.kind, SONSET_KIND_PLAY_BUFFER);
    CHECK_INT(receipt.state, SONSET_ACTION_PENDING);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_NONE);
    CHECK_INT(receipt.requested_frame, 200);
    CHECK_INT(receipt.has_requested_frame, 1);
    CHECK_INT(receipt.start_frame, -1);
    CHECK_INT(receipt.end_frame, -1);
    CHECK_INT(receipt.start_host_ns, -1);
    CHECK_INT(receipt.detected_frame, -1);
    CHECK_INT(receipt.after_action, 0);
    PROMISE("once started its start frame is certain, and it has not ended");
    OK(sonset_stream_process(stream, NULL, (float[50]){0}, 50, 1000000000, 0, 0));
    receipt = receipt_of(stream, a);
    CHECK_INT(receipt.state, SONSET_ACTION_STARTED);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_NONE);
    CHECK_INT(receipt.start_frame, 0);
    CHECK_INT(receipt.done_frames, 50);
    CHECK_INT(receipt.start_host_ns, 1000000000);
    PROMISE("receipts are polled in the order in which actions ended, each once");
    run_frames(stream, 100);
    run_frames(stream, 200);
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_poll_receipt(stream, &receipt));
    CHECK_INT(receipt.action, b);
    CHECK_INT(receipt.end_frame, 15);
    /* To the nearest. */
    CHECK_INT(receipt.start_host_ns, 1000000000 + (5 * 1000000000LL + RATE / 2) / RATE);
    OK(sonset_stream_poll_receipt(stream, &receipt));
    CHECK_INT(receipt.action, a);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(stats_of(stream).receipts_waiting, 1);
    OK(sonset_stream_poll_receipt(stream, &receipt));
    CHECK_INT(receipt.action, c);
    CHECK_CODE(SONSET_ERROR_NO_RECEIPT, sonset_stream_poll_receipt(stream, &receipt));
    PROMISE("what was polled can still be looked up");
    CHECK_INT(receipt_of(stream, a).done_frames, 100);
    PROMISE("xruns and the guard's work count for the actions that ran meanwhile");
    a = play_now(stream, longer);
    run_frames(stream, 10);
    OK(sonset_stream_process(stream, NULL, (float[10]){0}, 10, 0, 0, 1));
    run_frames(stream, 100);
    CHECK_INT(receipt_of(stream, a).xruns, 1);
    CHECK_INT(receipt_of(stream, c).xruns, 0);
    CHECK_INT(stats_of(stream).output_xruns, 1);
    sonset_buffer_release(brief);
    sonset_buffer_release(longer);
    sonset_stream_destroy(stream);
}

static int64_t milliseconds(void)
{
    int64_t now;
    OK(sonset_clock_now_ns(SONSET_CLOCK_MONOTONIC, &now));
    return now / 1000000;
}

static void test_waiting(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    sonset_buffer *film = constant(0.5f, 10 * RATE);
    sonset_buffer *click = constant(0.5f, 10);
    sonset_receipt receipt;
    int64_t action = play_now(stream, film);
    int64_t began = milliseconds();
    int64_t later;

    PROMISE("the wait for a start ends long before the sound does, with its frame");
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_STARTED, 5000, &receipt));
    CHECK(milliseconds() - began < 3000);
    CHECK_INT(receipt.state, SONSET_ACTION_STARTED);
    CHECK(receipt.start_frame >= 0);
    PROMISE("the wait for an end runs into its time-out, neither at once nor much later");
    began = milliseconds();
    CHECK_CODE(SONSET_ERROR_TIMEOUT,
               sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 100, &receipt));
    CHECK(milliseconds() - began >= 99);
    CHECK(milliseconds() - began < 2000);
    CHECK_SAYS("100 ms");
    PROMISE("a time-out of 0 looks once");
    began = milliseconds();
    CHECK_CODE(SONSET_ERROR_TIMEOUT,
               sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 0, &receipt));
    CHECK(milliseconds() - began < 1000);
    PROMISE("the wait for a start ends, too, for an action that never starts");
    later = play_at(stream, click, 1000000000);
    OK(sonset_stream_cancel(stream, later, NULL));
    OK(sonset_stream_wait_action(stream, later, SONSET_ACTION_STARTED, 5000, &receipt));
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_CANCELLED);
    PROMISE("the end is seen when it has come, and waiting again gives the same receipt");
    OK(sonset_stream_cancel(stream, action, NULL));
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 5000, &receipt));
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_STOPPED);
    CHECK(receipt.start_host_ns > 0 && receipt.end_host_ns > receipt.start_host_ns);
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, INT32_MAX, &receipt));
    CHECK_INT(receipt.action, action);
    PROMISE("a sound at earliest_frame is in time");
    {
        int64_t frame = time_of(stream, SONSET_DIRECTION_OUTPUT).earliest_frame;
        action = play_at(stream, click, frame + RATE / 10);
        OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 5000, &receipt));
        CHECK_INT(receipt.start_frame, frame + RATE / 10);
        CHECK_INT(receipt.late_frames, 0);
    }
    sonset_buffer_release(film);
    sonset_buffer_release(click);
    sonset_stream_destroy(stream);
}

static int fields_of(const char *line)
{
    int count = 1;
    for (; *line != '\0'; line++) count += *line == ',';
    return count;
}

/* Whether `name` is a column of the header. */
static int has_column(const char *header, const char *name)
{
    char padded[2048];
    char wanted[80];
    snprintf(padded, sizeof padded, ",%.*s,", (int)strcspn(header, "\r\n"), header);
    snprintf(wanted, sizeof wanted, ",%s,", name);
    return strstr(padded, wanted) != NULL;
}

/* Counts the lines after the header; each must be whole. */
static int check_csv(const char *path, char *header, size_t size)
{
    char line[2048];
    int lines = 0;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(header, (int)size, file) != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        CHECK(line[strlen(line) - 1] == '\n');
        CHECK_INT(fields_of(line), fields_of(header));
        CHECK(strtoll(line, &end, 10) > 0 && *end == ',');
        lines++;
    }
    fclose(file);
    return lines;
}

static void test_log(void)
{
    static const char *const columns[] = {"action", "tag", "kind", "outcome", "requested_frame", "start_frame",
                                          "end_frame", "done_frames", "late_frames", "start_host_ns", "xruns"};
    char header[2048];
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_stream *other = open_stream(SONSET_BACKEND_MANUAL, 1, 0, 0);
    sonset_buffer *sound = constant(0.5f, 10);
    size_t n;
    int k;

    PROMISE("the log has a header with the struct's field names, and a line for each receipt");
    play_now(stream, sound);
    run_frames(stream, 100);
    stats_of(stream);
    OK(sonset_stream_log_receipts(stream, path_of("log.csv")));
    for (k = 0; k < 25; k++) play_now(stream, sound);
    run_frames(stream, 100);
    play_at(stream, sound, 100000);
    OK(sonset_stream_close(stream));
    CHECK_INT(check_csv(path_of("log.csv"), header, sizeof header), 26);
    for (n = 0; n < sizeof columns / sizeof columns[0]; n++) CHECK(has_column(header, columns[n]));
    CHECK_INT(stats_of(stream).log_failed, 0);
    PROMISE("a file that exists is refused and stays as it is");
    CHECK_CODE(SONSET_ERROR_FILE_IO, sonset_stream_log_receipts(other, path_of("log.csv")));
    CHECK_SAYS("log.csv");
    CHECK_INT(check_csv(path_of("log.csv"), header, sizeof header), 26);
    PROMISE("a second log of a stream is refused, and makes no file");
    OK(sonset_stream_log_receipts(other, path_of("one.csv")));
    CHECK_CODE(SONSET_ERROR_INVALID_STATE, sonset_stream_log_receipts(other, path_of("two.csv")));
    CHECK(access(path_of("two.csv"), F_OK) != 0);
    sonset_stream_destroy(other);
    CHECK_INT(check_csv(path_of("one.csv"), header, sizeof header), 0);
    sonset_buffer_release(sound);
    sonset_stream_destroy(stream);
}

/* Plays until it is killed. */
static void play_for_ever(int ready)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 0);
    sonset_buffer *sound = constant(0.5f, 10);
    sonset_receipt receipt;
    int n;
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_log_receipts(stream, path_of("killed.csv")));
    for (n = 0;; n++) {
        int64_t action = play_now(stream, sound);
        OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 5000, &receipt));
        if (n == 20) CHECK(write(ready, "r", 1) == 1);
    }
}

static void test_killed(void)
{
    char header[2048];
    char byte;
    int ends[2];
    int status;
    pid_t child;

    PROMISE("the log of a process that was killed while it played is whole lines");
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    if (child == 0) play_for_ever(ends[1]);
    close(ends[1]);
    CHECK(read(ends[0], &byte, 1) == 1);
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    /* The writer has a thread of its own, so the very last line may be missing, but not more than a few. */
    CHECK(check_csv(path_of("killed.csv"), header, sizeof header) >= 18);
    close(ends[0]);
}

/* Fields that say where the struct ends or hold nothing are no columns. */
static void test_columns(void)
{
    static const char *const fields[] = {
#define SIZE(type, size)
#define FIELD(type, field, offset, size) #type "." #field,
#include "layout_table.h"
    };
    static const char prefix[] = "sonset_receipt.";
    char header[2048];
    size_t n;

    PROMISE("every field of a receipt that says something is a column of the log");
    check_csv(path_of("log.csv"), header, sizeof header);
    for (n = 0; n < sizeof fields / sizeof fields[0]; n++) {
        const char *name = fields[n] + strlen(prefix);
        if (strncmp(fields[n], prefix, strlen(prefix)) != 0) continue;
        if (strcmp(name, "struct_size") == 0 || strncmp(name, "reserved", 8) == 0) continue;
        if (!has_column(header, name)) {
            check_fail(__FILE__, __LINE__, "no column ", name);
        }
    }
}

/* More receipts than are kept, if there is time for that. */
static void test_kept(int actions)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *click = constant(1.0f / 4096, 1);
    sonset_receipt receipt;
    int64_t first = 0;
    int64_t last = 0;
    int n;

    PROMISE("the last 100000 receipts are kept; older ones are dropped and counted");
    for (n = 0; n < actions; n++) {
        last = play_now(stream, click);
        if (n == 0) first = last;
        /* 256 frames start and end 1024 actions at the most. */
        if (n % 1000 == 999) run_frames(stream, 256);
    }
    run_frames(stream, 256);
    CHECK_INT(stats_of(stream).receipts_dropped, actions - 100000);
    CHECK_INT(stats_of(stream).receipts_waiting, 100000);
    CHECK_INT(receipt_of(stream, last).outcome, SONSET_OUTCOME_COMPLETED);
    memset(&receipt, 0, sizeof receipt);
    CHECK_CODE(SONSET_ERROR_ACTION_ENDED, sonset_stream_get_action(stream, first, &receipt));
    CHECK_CODE(SONSET_ERROR_ACTION_ENDED,
               sonset_stream_wait_action(stream, first, SONSET_ACTION_STARTED, 0, &receipt));
    for (n = 0; n < 100000; n++) OK(sonset_stream_poll_receipt(stream, &receipt));
    CHECK_CODE(SONSET_ERROR_NO_RECEIPT, sonset_stream_poll_receipt(stream, &receipt));
    sonset_buffer_release(click);
    sonset_stream_destroy(stream);
}

/* In one block, where the order does not come from the calls. */
static void test_order_in_a_block(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_MANUAL, 1, 0);
    sonset_buffer *click = constant(0.5f, 10);
    sonset_receipt receipt;
    int64_t actions[5];
    int n;

    PROMISE("of actions that end in one block the first to end is the first to be polled");
    for (n = 0; n < 5; n++) actions[n] = play_at(stream, click, 20 * n);
    run_frames(stream, 200);
    memset(&receipt, 0, sizeof receipt);
    for (n = 0; n < 5; n++) {
        OK(sonset_stream_poll_receipt(stream, &receipt));
        CHECK_INT(receipt.end_frame, 20 * n + 10);
        CHECK_INT(receipt.action, actions[n]);
    }
    sonset_buffer_release(click);
    sonset_stream_destroy(stream);
}

int main(int argc, char **argv)
{
    int many = argc > 1 ? atoi(argv[1]) : 0;
    make_folder(folder, sizeof folder);
    test_killed();
    test_voice_key();
    test_polling();
    test_waiting();
    test_log();
    if (many > 100000) test_kept(many);
    test_columns();
    test_order_in_a_block();
    remove(path_of("log.csv"));
    remove(path_of("one.csv"));
    remove(path_of("killed.csv"));
    PROMISE("no file is left behind");
    CHECK(rmdir(folder) == 0);
    DONE();
}
