//! What is asked of sounds while they wait and while they sound: gain, pause, resume, another start.

mod bustle;

use bustle::{CHANNELS, process, running};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::{ActionState, Outcome, Receipt};
use sonset::stream::{PlayParams, RecordParams, StartAt, Stream, Timing};

fn play(stream: &Stream, frames: i64, timing: Timing) -> i64 {
    let sound = Buffer::copy(&vec![1.0; frames as usize], frames, 1, 0).unwrap();
    stream.play_buffer(&sound, Some(&[1]), None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
}

fn at(frame: i64) -> Timing {
    Timing { start: StartAt::Frame(frame), ..Timing::default() }
}

fn after(action: i64, offset: i64) -> Timing {
    Timing { start: StartAt::After { action, offset }, ..Timing::default() }
}

/// The next `frames` frames of channel 1.
fn render(stream: &Stream, frames: usize) -> Vec<f32> {
    let mut output = vec![0.0; CHANNELS * frames];
    process(stream, &vec![0.0; CHANNELS * frames], &mut output);
    output.into_iter().step_by(CHANNELS).collect()
}

fn receipt(stream: &Stream, action: i64) -> Receipt {
    stream.action(action).unwrap()
}

fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn a_gain_goes_in_a_straight_line_from_its_frame_on() {
    for frames in [1, 2, 480, 4_800] {
        let stream = running(4, "");
        let action = play(&stream, 20_000, Timing::default());
        render(&stream, 64);
        stream.set_gain(action, Some(100), -20.0, frames, false).unwrap();
        let mut heard = render(&stream, 5_936);
        stream.set_gain(action, Some(7_000), f64::NEG_INFINITY, frames, false).unwrap();
        heard.extend(render(&stream, 13_936));
        for (frame, &sample) in (64..).zip(&heard) {
            let way = |begin: i64| ((frame - begin + 1).max(0) as f64 / frames as f64).min(1.0);
            let wanted = if frame < 7_000 { 1.0 - 0.9 * way(100) } else { 0.1 - 0.1 * way(7_000) };
            assert!((sample as f64 - wanted).abs() <= 1e-6, "frame {frame}: {sample} and not {wanted}");
        }
        render(&stream, 100);
        let measured = receipt(&stream, action).measured;
        assert_eq!((measured.gain.frame, measured.gain.gain), (7_000, 0.0));
        assert_eq!((measured.end_frame, measured.done_frames), (20_000, 20_000));
    }
}

#[test]
fn a_gain_that_would_exceed_the_ceiling_is_refused_unless_that_is_allowed() {
    let stream = running(4, "");
    let half = Buffer::copy(&[0.5; 100], 100, 1, 0).unwrap();
    let params = PlayParams { timing: at(1_000), ..PlayParams::default() };
    let action = stream.play_buffer(&half, Some(&[1]), Some(&[0.5]), &params).unwrap();
    assert_eq!(stream.set_gain(action, None, 12.1, -1, false).unwrap_err().code, Code::WouldClip);
    stream.set_gain(action, None, 12.0, -1, false).unwrap();
    stream.set_gain(action, None, 30.0, -1, true).unwrap();
    let loud = PlayParams { allow_clip: true, ..params };
    let action = stream.play_buffer(&half, Some(&[1]), None, &loud).unwrap();
    stream.set_gain(action, None, 30.0, -1, false).unwrap();
}

#[test]
fn trigger_lines_have_no_gain_and_stand_still_without_a_fade() {
    let stream = running(4, "");
    stream.stop().unwrap();
    stream.set_channel_role(2, true).unwrap();
    stream.start().unwrap();
    let sound = Buffer::copy(&[1.0; 4_000], 2_000, 2, 0).unwrap();
    let both = stream.play_buffer(&sound, Some(&[1, 2]), None, &PlayParams::default()).unwrap();
    let only = Buffer::copy(&[1.0; 10], 10, 1, 0).unwrap();
    let params = PlayParams { timing: at(5_000), ..PlayParams::default() };
    let only = stream.play_buffer(&only, Some(&[2]), None, &params).unwrap();
    assert_eq!(stream.set_gain(only, None, -6.0, -1, false).unwrap_err().code, Code::Unsupported);
    let mut output = vec![0.0; CHANNELS * 100];
    process(&stream, &vec![0.0; CHANNELS * 100], &mut output);
    stream.set_gain(both, None, -6.0, 50, false).unwrap();
    stream.pause(both, Some(200), 80).unwrap();
    stream.resume(both, Some(300), 50).unwrap();
    let mut output = vec![0.0; CHANNELS * 400];
    process(&stream, &vec![0.0; CHANNELS * 400], &mut output);
    let line: Vec<f32> = output.iter().skip(1).step_by(CHANNELS).copied().collect();
    for (frame, &level) in (100..).zip(&line) {
        assert_eq!(level, if (200..300).contains(&frame) { 0.0 } else { 1.0 }, "frame {frame}");
    }
}

/// A sound whose every sample tells which it is, so that a sample left out or repeated is seen.
fn ramp_sound(frames: i64) -> std::sync::Arc<Buffer> {
    let samples: Vec<f32> = (0..frames).map(|n| n as f32 / 65_536.0).collect();
    Buffer::copy(&samples, frames, 1, 0).unwrap()
}

#[test]
fn a_sound_goes_on_after_a_pause_with_the_sample_that_comes_next() {
    for (pause, resume) in [(50, 51), (50, 1_000), (1, 4_000), (1_999, 3_000), (700, 700)] {
        let stream = running(4, "");
        let sound = ramp_sound(2_000);
        let action = stream.play_buffer(&sound, Some(&[1]), None, &PlayParams::default()).unwrap();
        stream.pause(action, Some(pause), -1).unwrap();
        stream.resume(action, Some(resume), -1).unwrap();
        let heard = render(&stream, 8_000);
        let stood = resume - pause;
        for (frame, &sample) in (0..).zip(&heard) {
            let k = if frame < pause { frame } else { frame - stood };
            let sounds = !(pause..resume).contains(&frame) && k < 2_000;
            assert_eq!(sample, if sounds { k as f32 / 65_536.0 } else { 0.0 }, "frame {frame}");
        }
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        assert_eq!((outcome, measured.end_frame), (Some(Outcome::Completed), 2_000 + stood));
        assert_eq!((measured.done_frames, measured.pauses.frames), (2_000, stood));
        assert_eq!((measured.pauses.frame, measured.pauses.resumed_frame), (pause, resume));
    }
}

#[test]
fn a_pause_and_a_resume_with_fades_make_no_click() {
    let stream = running(4, "");
    let action = play(&stream, 40_000, Timing::default());
    let mut heard = render(&stream, 1_000);
    stream.pause(action, None, 480).unwrap();
    heard.extend(render(&stream, 200));
    // While it still fades: it stands at frame 1480 and goes on there.
    stream.resume(action, None, 480).unwrap();
    heard.extend(render(&stream, 2_800));
    stream.pause(action, Some(5_000), 480).unwrap();
    heard.extend(render(&stream, 4_000));
    assert_eq!(receipt(&stream, action).state, ActionState::Paused);
    stream.resume(action, None, 480).unwrap();
    heard.extend(render(&stream, 1));
    // A pause within the fade out of the last one.
    stream.pause(action, Some(8_200), 480).unwrap();
    stream.resume(action, Some(8_300), 480).unwrap();
    heard.extend(render(&stream, 3_999));
    // Half a period of a raised cosine of 480 frames climbs by π/2/480 at most; two of them by twice that.
    let most = 2.0 * std::f32::consts::FRAC_PI_2 / 480.0;
    assert!(largest_step(&heard[1..]) < most * 1.3, "{} and not {most}", largest_step(&heard[1..]));
    assert_eq!((heard[1_479] < 1e-4, heard[1_480] < 1e-4, heard[999], heard[2_000]), (true, true, 1.0, 1.0));
    assert!(heard[5_000..8_000].iter().all(|&sample| sample == 0.0));
    let pauses = receipt(&stream, action).measured.pauses;
    assert_eq!((pauses.frame, pauses.resumed_frame, pauses.frames), (8_200, 8_300, 3_000 + 100));
}

#[test]
fn what_follows_a_sound_waits_for_it_while_it_stands_still_and_moves_with_it() {
    let stream = running(8, "");
    let first = play(&stream, 1_000, Timing::default());
    let second = play(&stream, 100, after(first, 0));
    let third = play(&stream, 100, after(second, 7));
    render(&stream, 500);
    stream.pause(first, Some(600), -1).unwrap();
    render(&stream, 5_000);
    let waiting = receipt(&stream, second);
    assert_eq!((waiting.state, waiting.measured.start_frame), (ActionState::Pending, -1));
    assert_eq!(receipt(&stream, first).measured.end_frame, -1, "nobody knows when it ends");
    stream.resume(first, Some(7_000), -1).unwrap();
    render(&stream, 3_000);
    let starts = [second, third].map(|action| receipt(&stream, action).measured.start_frame);
    assert_eq!(starts, [7_400, 7_507]);
}

#[test]
fn a_stop_frame_ends_a_sound_that_stands_still() {
    let stream = running(8, "");
    let sound = ramp_sound(5_000);
    let params = PlayParams { stop_frame: Some(3_000), ..PlayParams::default() };
    let action = stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap();
    let next = play(&stream, 10, after(action, 0));
    stream.pause(action, Some(600), -1).unwrap();
    render(&stream, 4_000);
    let Receipt { outcome, measured, .. } = receipt(&stream, action);
    assert_eq!((outcome, measured.end_frame, measured.done_frames), (Some(Outcome::Completed), 3_000, 600));
    assert_eq!(measured.pauses.frames, 2_400);
    assert_eq!(receipt(&stream, next).measured.start_frame, 3_000);
}

#[test]
fn a_sound_that_stands_still_can_be_cancelled() {
    let stream = running(8, "");
    let action = play(&stream, 1_000, Timing::default());
    stream.pause(action, Some(600), -1).unwrap();
    render(&stream, 4_000);
    stream.cancel(action, None, 500).unwrap();
    assert!(render(&stream, 1_000).iter().all(|&sample| sample == 0.0));
    let Receipt { outcome, measured, .. } = receipt(&stream, action);
    assert_eq!((outcome, measured.end_frame, measured.done_frames), (Some(Outcome::Stopped), 4_500, 600));
}

#[test]
fn requests_that_cannot_be_done_say_so() {
    let stream = running(8, "");
    let other = running(8, "");
    let pending = play(&stream, 10, at(5_000));
    let room = Buffer::zeros(10_000, CHANNELS as i32, 0).unwrap();
    let recording = stream.record_buffer(&room, None, &RecordParams::default()).unwrap();
    let ended = play(&stream, 10, Timing::default());
    let foreign = play(&other, 10, Timing::default());
    render(&stream, 100);
    type Ask = fn(&Stream, i64) -> sonset::error::Result<()>;
    let gain: Ask = |stream, action| stream.set_gain(action, None, -6.0, -1, false);
    let pause: Ask = |stream, action| stream.pause(action, None, -1);
    let resume: Ask = |stream, action| stream.resume(action, None, -1);
    let reschedule: Ask = |stream, action| stream.reschedule(action, Some(6_000));
    let code = |ask: Ask, action| ask(&stream, action).err().map(|error| error.code);
    for ask in [gain, pause, resume, reschedule] {
        assert_eq!(code(ask, ended), Some(Code::ActionEnded));
        assert_eq!(code(ask, foreign), Some(Code::OtherStream));
        assert_eq!(code(ask, 0), Some(Code::UnknownAction));
    }
    for ask in [gain, pause, resume] {
        assert_eq!(code(ask, recording), Some(Code::Unsupported));
    }
    assert_eq!([pause, resume].map(|ask| code(ask, pending)), [Some(Code::InvalidState); 2]);
    assert_eq!([gain, reschedule].map(|ask| code(ask, pending)), [None; 2]);
    assert_eq!(code(reschedule, recording), Some(Code::InvalidState));
    render(&stream, 6_000);
    assert_eq!(receipt(&stream, pending).measured.start_frame, 6_000);
}

#[test]
fn an_action_starts_when_it_was_last_rescheduled_to_and_its_receipt_says_so() {
    for batched in [false, true] {
        let stream = running(8, "");
        let batch = if batched { stream.begin_batch().unwrap() } else { 0 };
        let never = play(&stream, 10, Timing { batch, ..at(1 << 40) });
        let action = play(&stream, 10, Timing { batch, ..after(never, 5) });
        let next = play(&stream, 10, Timing { batch, ..after(action, 3) });
        stream.reschedule(action, Some(9_000)).unwrap();
        stream.reschedule(action, Some(700)).unwrap();
        if batched {
            stream.commit_batch(batch).unwrap();
        }
        render(&stream, 100);
        let pending = receipt(&stream, action).asked;
        assert_eq!((pending.requested_frame, pending.after_action), (Some(700), 0));
        render(&stream, 1_000);
        let Receipt { outcome, measured, asked, .. } = receipt(&stream, action);
        assert_eq!((outcome, measured.start_frame), (Some(Outcome::Completed), 700));
        assert_eq!((asked.requested_frame, asked.after_action, measured.late_frames), (Some(700), 0, 0));
        assert_eq!(receipt(&stream, next).measured.start_frame, 713);
        assert_eq!(receipt(&stream, never).state, ActionState::Pending);
    }
}

#[test]
fn a_start_that_comes_first_counts() {
    let stream = running(8, "");
    let action = play(&stream, 1_000, Timing::default());
    // Both before one block: the callback has not started it yet.
    stream.reschedule(action, Some(300)).unwrap();
    render(&stream, 200);
    assert_eq!(receipt(&stream, action).state, ActionState::Pending);
    render(&stream, 200);
    assert_eq!(stream.reschedule(action, Some(900)).unwrap_err().code, Code::InvalidState);
    render(&stream, 2_000);
    let Receipt { measured, asked, .. } = receipt(&stream, action);
    assert_eq!((asked.requested_frame, measured.start_frame, measured.end_frame), (Some(300), 300, 1_300));
}

#[test]
fn a_rescheduled_start_is_late_by_its_own_policy() {
    use sonset::action::LatePolicy;
    for (late, start, done) in
        [(LatePolicy::Play, 500, 1_000), (LatePolicy::Skip, 500, 900), (LatePolicy::Drop, -1, 0)]
    {
        let stream = running(8, "");
        let action = play(&stream, 1_000, Timing { late, ..at(5_000) });
        render(&stream, 500);
        stream.reschedule(action, Some(400)).unwrap();
        render(&stream, 2_000);
        let measured = receipt(&stream, action).measured;
        assert_eq!((measured.start_frame, measured.done_frames, measured.late_frames), (start, done, 100));
    }
}

#[test]
fn thousands_of_requests_before_one_callback_are_done_there() {
    let stream = running(1_024, "");
    let actions: Vec<i64> = (0..1_000).map(|_| play(&stream, 400, Timing::default())).collect();
    render(&stream, 100);
    for round in 0..4 {
        for (n, &action) in actions.iter().enumerate() {
            let frame = 100 + (n as i64 * 7 + round) % 90;
            stream.pause(action, Some(frame), -1).unwrap();
            stream.resume(action, Some(frame + 50), -1).unwrap();
            stream.set_gain(action, Some(frame), -6.0, 10, false).unwrap();
        }
    }
    render(&stream, 500);
    for (n, &action) in actions.iter().enumerate() {
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        let frame = 100 + (n as i64 * 7 + 3) % 90;
        assert_eq!((outcome, measured.end_frame), (Some(Outcome::Completed), 450));
        assert_eq!((measured.pauses.frame, measured.gain.frame), (frame, frame));
    }
}

#[test]
fn a_sound_goes_on_from_the_frame_that_was_sought_and_ends_accordingly() {
    for (at, to) in [(500, 0), (500, 1_500), (1, 1_999), (1_999, 3), (700, 700)] {
        let stream = running(4, "");
        let sound = ramp_sound(2_000);
        let action = stream.play_buffer(&sound, Some(&[1]), None, &PlayParams::default()).unwrap();
        let next = play(&stream, 10, after(action, 0));
        stream.seek(action, Some(at), to, -1).unwrap();
        let heard = render(&stream, 5_000);
        let end = at + 2_000 - to;
        for (frame, &sample) in (0..).zip(&heard[..end as usize]) {
            let k = if frame < at { frame } else { to + frame - at };
            assert_eq!(sample, k as f32 / 65_536.0, "frame {frame}");
        }
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        assert_eq!((outcome, measured.end_frame, measured.seek_frame), (Some(Outcome::Completed), end, at));
        assert_eq!(receipt(&stream, next).measured.start_frame, end);
    }
}

#[test]
fn a_seek_with_a_fade_makes_no_click_and_one_while_a_sound_stands_is_where_it_goes_on() {
    let stream = running(4, "");
    let action = play(&stream, 40_000, Timing::default());
    let mut heard = render(&stream, 1_000);
    stream.seek(action, None, 20_000, 480).unwrap();
    heard.extend(render(&stream, 100));
    // The fade of the first has begun: this one comes after it.
    stream.seek(action, Some(1_200), 5, 480).unwrap();
    heard.extend(render(&stream, 3_900));
    let most = 2.0 * std::f32::consts::FRAC_PI_2 / 480.0;
    assert!(largest_step(&heard) < most * 1.3, "{}", largest_step(&heard));
    assert_eq!(receipt(&stream, action).measured.seek_frame, 1_480);
    stream.pause(action, None, -1).unwrap();
    render(&stream, 100);
    stream.seek(action, None, 39_990, -1).unwrap();
    render(&stream, 100);
    stream.resume(action, Some(6_000), -1).unwrap();
    render(&stream, 2_000);
    let measured = receipt(&stream, action).measured;
    assert_eq!((measured.end_frame, measured.pauses.frames), (6_010, 1_000));
}

#[test]
fn a_seek_to_where_there_is_no_sound_is_refused() {
    let stream = running(4, "");
    let action = play(&stream, 100, Timing::default());
    render(&stream, 10);
    for position in [-1, 100, i64::MAX] {
        assert_eq!(stream.seek(action, None, position, -1).unwrap_err().code, Code::InvalidArgument);
    }
    let room = Buffer::zeros(100, CHANNELS as i32, 0).unwrap();
    let recording = stream.record_buffer(&room, None, &RecordParams::default()).unwrap();
    assert_eq!(stream.seek(recording, Some(50), 0, -1).unwrap_err().code, Code::Unsupported);
}

#[test]
fn a_sound_that_is_sought_to_an_end_before_its_pause_does_not_stand_still() {
    let stream = running(4, "");
    let action = play(&stream, 2_000, Timing::default());
    let next = play(&stream, 10, after(action, 0));
    stream.pause(action, Some(1_000), 500).unwrap();
    stream.seek(action, Some(600), 1_900, -1).unwrap();
    render(&stream, 2_000);
    let Receipt { outcome, measured, .. } = receipt(&stream, action);
    assert_eq!((outcome, measured.end_frame), (Some(Outcome::Completed), 700));
    assert_eq!((measured.pauses.frame, measured.pauses.frames), (-1, 0));
    assert_eq!(receipt(&stream, next).measured.start_frame, 700);
}

#[test]
fn a_pause_and_a_seek_whose_fades_would_have_begun_before_the_start_are_taken_in_the_order_of_their_requests()
{
    let heard = |seeks: bool| {
        let stream = running(4, "");
        let timing = Timing { start: StartAt::Frame(305), ..Timing::default() };
        let action = play(&stream, 256, timing);
        if seeks {
            // At its turn the sound is to end before that.
            stream.seek(action, Some(663), 0, 700).unwrap();
        }
        stream.pause(action, Some(405), 100).unwrap();
        let heard = render(&stream, 1_000);
        assert_eq!(receipt(&stream, action).measured.seek_frame, -1);
        heard
    };
    assert_eq!(heard(true), heard(false));
}
