/*
 * REALTIME set while sounds wait for it, as NTP or an operator sets it. The program defines clock_gettime, and so
 * decides what the library reads: MONOTONIC is the kernel's, REALTIME lies as far from it as the test says.
 */
#include "check.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)

/* REALTIME minus MONOTONIC. */
static int64_t offset_ns = 1700000000 * S;
/* How many readings of REALTIME by the library's own threads take 20 ms, as if the system held the thread up. */
static int held_up = 0;
static pthread_t main_thread;

/* Takes one off while there are any. */
static int take(int *count)
{
    int left = __atomic_load_n(count, __ATOMIC_SEQ_CST);
    return left > 0 && __atomic_compare_exchange_n(count, &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int64_t ns;
    long result = syscall(SYS_clock_gettime, clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        ns = time->tv_sec * S + time->tv_nsec + __atomic_load_n(&offset_ns, __ATOMIC_SEQ_CST);
        time->tv_sec = ns / S;
        time->tv_nsec = ns % S;
        if (!pthread_equal(pthread_self(), main_thread) && take(&held_up)) sleep_ms(20);
    }
    return (int)result;
}

static void step(int64_t ns)
{
    __atomic_add_fetch(&offset_ns, ns, __ATOMIC_SEQ_CST);
}

static int64_t now_of(int32_t clock)
{
    int64_t ns = -1;
    OK(sonset_clock_now_ns(clock, &ns));
    return ns;
}

static int64_t monotonic(void)
{
    return now_of(SONSET_CLOCK_MONOTONIC);
}

static void sleep_until(int64_t ns)
{
    int64_t left = ns - monotonic();
    if (left > 0) sleep_ms((long)(left / MS) + 1);
}

static sonset_play_params at_time(int32_t clock, int64_t ns)
{
    sonset_play_params params;
    OK(sonset_play_params_init(&params));
    params.start_mode = SONSET_START_AT_HOST_TIME;
    params.start_clock = clock;
    params.start_host_ns = ns;
    return params;
}

static int64_t play(sonset_stream *stream, const sonset_buffer *sound, const sonset_play_params *params)
{
    int64_t action = -1;
    OK(sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, params, &action));
    return action;
}

/* Plays when REALTIME says what it would say at a time of MONOTONIC, were it not set before. */
static int64_t play_when(sonset_stream *stream, const sonset_buffer *sound, int64_t ns, int32_t late_policy)
{
    sonset_play_params params = at_time(SONSET_CLOCK_REALTIME, ns + offset_ns);
    params.late_policy = late_policy;
    return play(stream, sound, &params);
}

static sonset_receipt ended(sonset_stream *stream, int64_t action)
{
    sonset_receipt receipt;
    memset(&receipt, 0, sizeof receipt);
    OK(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 20000, &receipt));
    return receipt;
}

static int64_t frame_at(sonset_stream *stream, int32_t clock, int64_t ns)
{
    int64_t frame = -1;
    OK(sonset_stream_frame_at(stream, SONSET_DIRECTION_OUTPUT, clock, ns, &frame));
    return frame;
}

static int64_t time_of_frame(sonset_stream *stream, int64_t frame)
{
    int64_t ns = -1;
    OK(sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_MONOTONIC, frame, &ns));
    return ns;
}

/* The clocks are read one after the other, which moves a time by less than a frame. */
#define CHECK_NEAR(got, expected, within)                                                          \
    do {                                                                                           \
        if (llabs((long long)((got) - (expected))) > (within)) CHECK_INT(got, expected);           \
    } while (0)

enum { FRAME_NS = 20834 };

/* A sound that started in time when the clock, as it is set now, said what was asked for. */
static void check_in_time(sonset_stream *stream, const sonset_receipt *receipt)
{
    int64_t due = receipt->requested_host_ns - offset_ns;
    CHECK_INT(receipt->outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_INT(receipt->start_clock, SONSET_CLOCK_REALTIME);
    CHECK_NEAR(receipt->start_host_ns, due, FRAME_NS);
    CHECK_NEAR(receipt->start_frame, frame_at(stream, SONSET_CLOCK_MONOTONIC, due), 1);
    CHECK_INT(receipt->requested_frame, receipt->start_frame);
    CHECK_INT(receipt->late_frames, 0);
    CHECK_NEAR(receipt->realtime_offset_ns, offset_ns, FRAME_NS);
}

static void test_clock(sonset_stream *stream)
{
    int64_t before = monotonic(), frame = time_of(stream, SONSET_DIRECTION_OUTPUT).frame;
    int64_t realtime = now_of(SONSET_CLOCK_REALTIME), of_frame, same;

    PROMISE("the library reads the clock that this program sets");
    CHECK_NEAR(realtime, before + offset_ns, S);
    step(3600 * S);
    CHECK(now_of(SONSET_CLOCK_REALTIME) - realtime >= 3600 * S);
    CHECK(now_of(SONSET_CLOCK_REALTIME) - realtime < 3700 * S);
    CHECK(monotonic() - before < 100 * S);

    PROMISE("conversions to and from REALTIME go by what it is set to, those of MONOTONIC stay");
    OK(sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_REALTIME, frame, &of_frame));
    CHECK_NEAR(of_frame, time_of_frame(stream, frame) + offset_ns, FRAME_NS);
    CHECK_NEAR(frame_at(stream, SONSET_CLOCK_REALTIME, of_frame), frame, 1);
    step(-3600 * S);
    CHECK_NEAR(frame_at(stream, SONSET_CLOCK_REALTIME, of_frame), frame + INT64_C(3600) * RATE, 1);
    OK(sonset_stream_host_time_at(stream, SONSET_DIRECTION_OUTPUT, SONSET_CLOCK_REALTIME, frame, &same));
    CHECK_NEAR(same, of_frame - 3600 * S, FRAME_NS);
    CHECK_INT(frame_at(stream, SONSET_CLOCK_MONOTONIC, time_of_frame(stream, frame)), frame);
}

/* Steps 100 ms after sounds were asked for that are to start 600 ms ahead and more. */
static void test_pending(sonset_stream *stream, const sonset_buffer *sound, int64_t by_ns)
{
    int64_t begin = time_of(stream, SONSET_DIRECTION_OUTPUT).earliest_frame, due = begin + 600 * RATE / 1000;
    int64_t due_ns = time_of_frame(stream, due);
    sonset_play_params steady = at_time(SONSET_CLOCK_MONOTONIC, due_ns);
    int64_t first = play_when(stream, sound, due_ns, SONSET_LATE_PLAY);
    int64_t second = play_when(stream, sound, time_of_frame(stream, due + 4801), SONSET_LATE_PLAY);
    int64_t by_monotonic = play(stream, sound, &steady);
    int64_t by_frame = play_at(stream, sound, due), by_frame_too = play_at(stream, sound, due + 4801);
    sonset_receipt one, other;

    sleep_until(due_ns - 500 * MS);
    step(by_ns);
    one = ended(stream, first);
    other = ended(stream, second);
    check_in_time(stream, &one);
    check_in_time(stream, &other);
    CHECK_NEAR(one.start_frame, due - by_ns / MS * RATE / 1000, 1);
    CHECK_NEAR(other.start_frame - one.start_frame, 4801, 1);
    CHECK_INT(ended(stream, by_monotonic).start_frame, due);
    CHECK_NEAR(ended(stream, by_monotonic).start_host_ns, due_ns, FRAME_NS);
    CHECK_INT(ended(stream, by_frame).start_frame, due);
    CHECK_INT(ended(stream, by_frame_too).start_frame, due + 4801);
}

/* What a start that an hour's step made late comes to, by its policy. */
static void test_late(sonset_stream *stream, const sonset_buffer *sound)
{
    int64_t due_ns = monotonic() + 600 * MS, stepped_ns;
    sonset_play_params limited = at_time(SONSET_CLOCK_REALTIME, due_ns + offset_ns);
    int64_t whole = play_when(stream, sound, due_ns, SONSET_LATE_PLAY);
    int64_t rest = play_when(stream, sound, due_ns, SONSET_LATE_SKIP);
    int64_t none = play_when(stream, sound, due_ns, SONSET_LATE_DROP);
    int64_t within, n;
    sonset_receipt receipt;

    limited.max_late_frames = INT64_C(3000) * RATE;
    within = play(stream, sound, &limited);
    sleep_until(due_ns - 500 * MS);
    stepped_ns = monotonic();
    step(3600 * S);

    PROMISE("one that an hour's step forward made late is played at once, and its receipt says how late");
    receipt = ended(stream, whole);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK(receipt.start_host_ns >= stepped_ns - 2 * MS && receipt.start_host_ns < due_ns);
    CHECK_NEAR(receipt.requested_frame,
               frame_at(stream, SONSET_CLOCK_MONOTONIC, due_ns) - INT64_C(3600) * RATE, 1);
    CHECK_INT(receipt.late_frames, receipt.start_frame - receipt.requested_frame);
    CHECK_NEAR(receipt.realtime_offset_ns, offset_ns, FRAME_NS);

    PROMISE("or dropped, as its late policy says");
    int64_t dropped[3];
    dropped[0] = rest, dropped[1] = none, dropped[2] = within;
    for (n = 0; n < 3; n++) {
        receipt = ended(stream, dropped[n]);
        CHECK_INT(receipt.outcome, SONSET_OUTCOME_DROPPED_LATE);
        CHECK_INT(receipt.start_frame, -1);
        CHECK(receipt.late_frames > INT64_C(3500) * RATE);
    }
}

static void test_rest_in_time(sonset_stream *stream, const sonset_buffer *second)
{
    int64_t due_ns = monotonic() + 500 * MS, action = play_when(stream, second, due_ns, SONSET_LATE_SKIP);
    sonset_receipt receipt;

    PROMISE("one that is late in part leaves that out, so that the rest is in time by the clock as it is set");
    sleep_until(due_ns - 400 * MS);
    step(800 * MS);
    receipt = ended(stream, action);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_COMPLETED);
    CHECK_NEAR(receipt.end_host_ns, due_ns - 800 * MS + S, FRAME_NS);
    CHECK_INT(receipt.done_frames, RATE - receipt.late_frames);
    CHECK(receipt.late_frames > 0);
}

static void test_back_and_on(sonset_stream *stream, const sonset_buffer *sound)
{
    int64_t due_ns = monotonic() + 400 * MS, action = play_when(stream, sound, due_ns, SONSET_LATE_DROP);
    sonset_receipt receipt;

    PROMISE("an hour's step back lets it pend, and a step forward brings it on again");
    sleep_until(due_ns - 300 * MS);
    step(-3600 * S);
    sleep_until(due_ns + 100 * MS);
    CHECK_INT(receipt_of(stream, action).state, SONSET_ACTION_PENDING);
    step(3600 * S - (monotonic() - due_ns) - 300 * MS);
    receipt = ended(stream, action);
    check_in_time(stream, &receipt);
}

/* What begins and ends by REALTIME other than sounds, 400 ms after the step and not 700. */
static void test_controls(sonset_stream *stream, const sonset_buffer *sound)
{
    int64_t begin = time_of(stream, SONSET_DIRECTION_OUTPUT).earliest_frame;
    int64_t due = begin + 800 * RATE / 1000, moved = due - 300 * RATE / 1000;
    int64_t due_ns = time_of_frame(stream, due) + offset_ns;
    int64_t playing = play_at(stream, sound, begin + 9600), recording = -1;
    sonset_record_params record;
    sonset_cancel_params cancel;
    sonset_gain_params gain;
    sonset_pause_params pause;
    sonset_buffer *heard = NULL;

    OK(sonset_record_params_init(&record));
    record.start_mode = SONSET_START_AT_HOST_TIME;
    record.start_clock = SONSET_CLOCK_REALTIME;
    record.start_host_ns = due_ns;
    OK(sonset_buffer_create(NULL, 4800, 1, 0, &heard));
    OK(sonset_stream_record_buffer(stream, heard, NULL, 0, &record, &recording));
    OK(sonset_gain_params_init(&gain));
    gain.mode = SONSET_START_AT_HOST_TIME;
    gain.clock = SONSET_CLOCK_REALTIME;
    gain.host_ns = due_ns;
    gain.gain_db = -20;
    OK(sonset_stream_set_gain(stream, playing, &gain));
    OK(sonset_pause_params_init(&pause));
    pause.mode = SONSET_START_AT_HOST_TIME;
    pause.clock = SONSET_CLOCK_REALTIME;
    pause.host_ns = due_ns + 100 * MS;
    OK(sonset_stream_pause(stream, playing, &pause));
    OK(sonset_cancel_params_init(&cancel));
    cancel.mode = SONSET_START_AT_HOST_TIME;
    cancel.clock = SONSET_CLOCK_REALTIME;
    cancel.host_ns = due_ns + 200 * MS;
    OK(sonset_stream_cancel(stream, playing, &cancel));
    sleep_ms(50);
    step(300 * MS);

    PROMISE("gains, pauses, ends and recordings at a time of REALTIME move with it too");
    sonset_receipt receipt = ended(stream, playing);
    CHECK_INT(receipt.start_frame, begin + 9600);
    CHECK_NEAR(receipt.gain_frame, moved, 1);
    CHECK_NEAR(receipt.paused_frame, moved + 4800, 1);
    CHECK_INT(receipt.outcome, SONSET_OUTCOME_STOPPED);
    CHECK_NEAR(receipt.end_frame, moved + 9600, 1);
    receipt = ended(stream, recording);
    CHECK_NEAR(receipt.start_host_ns, due_ns - offset_ns, FRAME_NS);
    sonset_buffer_release(heard);
}

/* Waits until the stream has done another block. */
static int64_t next_block(sonset_stream *stream)
{
    int64_t frame = time_of(stream, SONSET_DIRECTION_OUTPUT).frame, now = frame;
    while ((now = time_of(stream, SONSET_DIRECTION_OUTPUT).frame) == frame) sleep_ms(1);
    return now;
}

/*
 * In blocks of 100 ms, so that there is time for a step between the block in which a start is decided on and the
 * one in which it sounds: what is due in the first 10 ms of that is, and what is due later is not. Whether the step
 * came in that time, the state after it tells.
 */
static int decided_stays(const sonset_buffer *sound)
{
    enum { BLOCK = 4800 };
    sonset_stream_config config;
    sonset_stream *stream = NULL;
    sonset_receipt receipt;
    int64_t block, decided, open, in_time;

    OK(sonset_stream_config_init(&config));
    config.backend = SONSET_BACKEND_VIRTUAL;
    config.sample_rate_hz = RATE;
    config.output_channels = 1;
    config.block_frames = BLOCK;
    OK(sonset_stream_open(&config, NULL, NULL, NULL, &stream));
    OK(sonset_stream_start(stream));
    next_block(stream);
    block = next_block(stream) + 3 * BLOCK;
    decided = play_when(stream, sound, time_of_frame(stream, block + RATE / 200), SONSET_LATE_PLAY);
    open = play_when(stream, sound, time_of_frame(stream, block + RATE / 50), SONSET_LATE_PLAY);
    while (next_block(stream) < block) continue;
    step(-300 * MS);
    in_time = time_of(stream, SONSET_DIRECTION_OUTPUT).frame == block &&
              receipt_of(stream, decided).state == SONSET_ACTION_PENDING;
    if (in_time) {
        receipt = ended(stream, decided);
        CHECK_NEAR(receipt.start_frame, block + RATE / 200, 1);
        CHECK_INT(receipt.late_frames, 0);
        CHECK_NEAR(receipt.realtime_offset_ns, offset_ns, FRAME_NS);
        receipt = ended(stream, open);
        check_in_time(stream, &receipt);
        CHECK_NEAR(receipt.start_frame, block + RATE / 50 + 300 * RATE / 1000, 1);
    }
    sonset_stream_destroy(stream);
    return in_time;
}

static void test_decided(const sonset_buffer *sound)
{
    int tries = 0;
    PROMISE("a start that was decided on, 10 ms and a block ahead, stays; the next one moves");
    while (!decided_stays(sound)) CHECK(++tries < 10);
}

/* The thread that reads the clocks rests while nothing plays or waits, and reads them more often else. */
static void test_step_after_the_call(sonset_stream *stream, const sonset_buffer *sound)
{
    int64_t action;
    sonset_receipt receipt;
    int n;
    PROMISE("a step right after the call counts too");
    for (n = 0; n < 10; n++) {
        sleep_ms(30 + n);
        action = play_when(stream, sound, monotonic() + 25 * MS, SONSET_LATE_PLAY);
        step(-200 * MS);
        receipt = ended(stream, action);
        check_in_time(stream, &receipt);
    }
}

/* All three readings that the library takes the best of are from before the step. */
static void test_reading_held_up(sonset_stream *stream, const sonset_buffer *sound)
{
    sonset_receipt receipt;
    int waits = 0;
    PROMISE("a reading of before a step does not take the place of one of after it");
    __atomic_store_n(&held_up, 3, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&held_up, __ATOMIC_SEQ_CST) > 0) {
        CHECK(++waits < 5000);
        sleep_ms(1);
    }
    step(-3600 * S);
    receipt = ended(stream, play_when(stream, sound, monotonic() + 200 * MS, SONSET_LATE_PLAY));
    check_in_time(stream, &receipt);
}

static void test_range(sonset_stream *stream, const sonset_buffer *sound)
{
    int64_t action = -1, frame, before = now_of(SONSET_CLOCK_REALTIME) + S;
    sonset_play_params params = at_time(SONSET_CLOCK_REALTIME, before);
    sonset_receipt receipt;

    PROMISE("times out of range are so by the clock as it is set");
    step(7200 * S);
    CHECK_CODE(SONSET_ERROR_TIME_RANGE,
               sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, &params, &action));
    CHECK_SAYS("-7199 s from now in REALTIME");
    CHECK_CODE(SONSET_ERROR_TIME_RANGE, sonset_stream_frame_at(stream, SONSET_DIRECTION_OUTPUT,
                                                               SONSET_CLOCK_REALTIME, before, &frame));
    step(-7200 * S - 25 * 3600 * S);
    CHECK_CODE(SONSET_ERROR_TIME_RANGE,
               sonset_stream_play_buffer(stream, sound, NULL, NULL, 0, &params, &action));
    CHECK_SAYS("90001 s from now in REALTIME");
    params.start_host_ns = now_of(SONSET_CLOCK_REALTIME) + 100 * MS;
    receipt = ended(stream, play(stream, sound, &params));
    check_in_time(stream, &receipt);

    PROMISE("what a step puts out of range waits for its time all the same, and can be cancelled");
    action = play_when(stream, sound, monotonic() + 200 * MS, SONSET_LATE_PLAY);
    step(-30 * 3600 * S);
    sleep_ms(300);
    CHECK_INT(receipt_of(stream, action).state, SONSET_ACTION_PENDING);
    OK(sonset_stream_cancel(stream, action, NULL));
    CHECK_INT(ended(stream, action).outcome, SONSET_OUTCOME_CANCELLED);
}

int main(void)
{
    sonset_stream *stream = open_running(SONSET_BACKEND_VIRTUAL, 1, 1);
    sonset_buffer *sound = constant(0.25f, 960), *second = constant(0.25f, RATE);

    main_thread = pthread_self();
    sleep_ms(100);
    test_clock(stream);
    PROMISE("sounds that wait for REALTIME start when it says so after 0.3 s forward, all others as they would have");
    test_pending(stream, sound, 300 * MS);
    PROMISE("and after 0.3 s back");
    test_pending(stream, sound, -300 * MS);
    test_late(stream, sound);
    test_rest_in_time(stream, second);
    test_back_and_on(stream, sound);
    test_controls(stream, second);
    test_decided(sound);
    test_step_after_the_call(stream, sound);
    test_reading_held_up(stream, sound);
    test_range(stream, sound);
    sonset_stream_destroy(stream);
    sonset_buffer_release(sound);
    sonset_buffer_release(second);
    DONE();
}
