//! What several requests to end the same sounds come to, and requests that come before an action is sent.

mod bustle;

use bustle::{CHANNELS, process, running};
use sonset::action::AfterPolicy;
use sonset::buffer::Buffer;
use sonset::receipt::Outcome;
use sonset::stream::{PlayParams, StartAt, Stream, Timing};

fn play(stream: &Stream, frames: i64, timing: Timing) -> i64 {
    let sound = Buffer::copy(&vec![1.0; frames as usize], frames, 1, 0).unwrap();
    stream.play_buffer(&sound, Some(&[1]), None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
}

/// The next `frames` frames of channel 1.
fn render(stream: &Stream, frames: usize) -> Vec<f32> {
    let mut output = vec![0.0; CHANNELS * frames];
    process(stream, &vec![0.0; CHANNELS * frames], &mut output);
    output.into_iter().step_by(CHANNELS).collect()
}

fn end(stream: &Stream, action: i64) -> (Option<Outcome>, i64) {
    let receipt = stream.action(action).unwrap();
    (receipt.outcome, receipt.measured.end_frame)
}

#[test]
fn a_sound_is_silent_from_the_frame_of_a_cancel_on_whatever_other_request_came_too_late() {
    // Both before one block, in either order, or in blocks of their own.
    for (late_first, between) in [(true, 0), (false, 0), (true, 3)] {
        let stream = running(4, "");
        let action = play(&stream, 2_000, Timing::default());
        render(&stream, 110);
        let mut requests = [(100, 500), (120, -1)];
        if !late_first {
            requests.reverse();
        }
        for (frame, fade) in requests {
            // The first of them may have ended it.
            let _ = stream.cancel(action, Some(frame), fade);
            render(&stream, between);
        }
        render(&stream, 1_000);
        let (outcome, end) = end(&stream, action);
        assert!(outcome == Some(Outcome::Stopped) && end <= 120, "{outcome:?} at {end}");
    }
}

#[test]
fn a_cancel_for_a_frame_that_has_passed_cuts_at_the_first_frame_that_can_be_reached() {
    for frame in [0, 109, 110] {
        let stream = running(4, "");
        let action = play(&stream, 2_000, Timing::default());
        render(&stream, 110);
        stream.cancel(action, Some(frame), 50).unwrap();
        assert!(render(&stream, 100).iter().all(|&sample| sample == 0.0));
        assert_eq!(end(&stream, action), (Some(Outcome::Stopped), 110));
    }
}

#[test]
fn a_sound_that_fades_never_gets_louder_when_its_end_is_brought_forward() {
    for fade in [-1, 10, 5_000] {
        let stream = running(4, "");
        let action = play(&stream, 2_000, Timing::default());
        render(&stream, 60);
        stream.cancel(action, Some(1_000), 900).unwrap();
        let mut heard = render(&stream, 500);
        stream.cancel(action, Some(900), fade).unwrap();
        heard.extend(render(&stream, 500));
        let rise = heard.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f32::max);
        let drop = heard.windows(2).map(|pair| pair[0] - pair[1]).fold(0.0, f32::max);
        assert_eq!(rise, 0.0, "fade {fade}");
        assert!(drop < 0.01, "fade {fade}: falls by {drop} in one frame");
        assert_eq!(end(&stream, action), (Some(Outcome::Stopped), 900));
    }
}

#[test]
fn a_fade_that_has_not_begun_gives_way_to_that_of_the_earlier_end() {
    let stream = running(4, "");
    let action = play(&stream, 2_000, Timing::default());
    render(&stream, 60);
    stream.cancel(action, Some(1_000), 500).unwrap();
    render(&stream, 40);
    stream.cancel(action, Some(900), 10).unwrap();
    let heard = render(&stream, 1_000);
    assert!(heard[..790].iter().all(|&sample| sample == 1.0));
    assert!(heard[790] < 1.0 && heard[790] > 0.9);
    assert_eq!(end(&stream, action), (Some(Outcome::Stopped), 900));
}

#[test]
fn a_cut_of_everything_is_not_put_off_by_a_fade_of_everything_that_follows_it() {
    for fades in [[-1, 700, 300], [700, -1, 300], [700, 300, -1]] {
        let stream = running(4, "");
        let action = play(&stream, 2_000, Timing::default());
        render(&stream, 100);
        fades.iter().for_each(|&fade| stream.cancel_all(fade).unwrap());
        render(&stream, 100);
        assert_eq!(end(&stream, action), (Some(Outcome::Stopped), 100), "{fades:?}");
    }
}

#[test]
fn a_fade_of_everything_that_was_taken_does_not_shorten_the_next_one() {
    let stream = running(4, "");
    stream.cancel_all(-1).unwrap();
    render(&stream, 100);
    let action = play(&stream, 2_000, Timing::default());
    render(&stream, 100);
    stream.cancel_all(300).unwrap();
    render(&stream, 1_000);
    assert_eq!(end(&stream, action), (Some(Outcome::Stopped), 500));
}

#[test]
fn a_cancel_for_a_frame_waits_in_a_batch_with_its_action() {
    let stream = running(4, "");
    let batch = stream.begin_batch().unwrap();
    let timing = Timing { batch, ..Timing::default() };
    let actions = [(); 3].map(|_| play(&stream, 2_000, timing));
    stream.cancel(actions[0], Some(400), -1).unwrap();
    stream.cancel(actions[1], Some(150), -1).unwrap();
    render(&stream, 200);
    stream.commit_batch(batch).unwrap();
    render(&stream, 3_000);
    assert_eq!(end(&stream, actions[0]), (Some(Outcome::Stopped), 400));
    assert_eq!(end(&stream, actions[1]), (Some(Outcome::Cancelled), 200));
    assert_eq!(end(&stream, actions[2]), (Some(Outcome::Completed), 2_200));
}

#[test]
fn a_cancel_that_has_passed_ends_its_action_when_the_batch_is_committed_to_a_stopped_stream() {
    let stream = running(4, "");
    render(&stream, 100);
    stream.stop().unwrap();
    let batch = stream.begin_batch().unwrap();
    let action = play(&stream, 500, Timing { batch, ..Timing::default() });
    stream.cancel(action, Some(50), -1).unwrap();
    stream.commit_batch(batch).unwrap();
    assert_eq!(end(&stream, action), (Some(Outcome::Cancelled), 100));
}

#[test]
fn what_follows_an_action_that_was_never_sent_keeps_its_offset() {
    let follow = |withdrawn: bool| {
        let stream = running(4, "");
        render(&stream, 100);
        let batch = stream.begin_batch().unwrap();
        let first = play(&stream, 500, Timing { batch, ..Timing::default() });
        let start = StartAt::After { action: first, offset: 250 };
        let timing = Timing { start, batch, after: AfterPolicy::AnyEnd, ..Timing::default() };
        let next = play(&stream, 20, timing);
        if withdrawn {
            stream.cancel(first, None, -1).unwrap();
        }
        stream.commit_batch(batch).unwrap();
        if !withdrawn {
            stream.cancel(first, None, -1).unwrap();
        }
        render(&stream, 1_000);
        stream.action(next).unwrap().measured.start_frame
    };
    assert_eq!(follow(false), 350, "cancelled at frame 100");
    assert_eq!(follow(true), 350, "withdrawn from the batch that is sent at frame 100");
}

#[test]
fn what_was_cancelled_before_a_stop_ends_as_cancelled() {
    for all in [false, true] {
        let stream = running(4, "");
        let started = play(&stream, 500, Timing::default());
        render(&stream, 100);
        let waiting = play(&stream, 500, Timing { start: StartAt::Frame(900), ..Timing::default() });
        let follower = {
            let start = StartAt::After { action: waiting, offset: 0 };
            play(&stream, 500, Timing { start, ..Timing::default() })
        };
        match all {
            true => stream.cancel_all(-1).unwrap(),
            false => [started, waiting].iter().for_each(|&action| stream.cancel(action, None, -1).unwrap()),
        }
        stream.stop().unwrap();
        assert_eq!(end(&stream, started), (Some(Outcome::Stopped), 100));
        assert_eq!(end(&stream, waiting), (Some(Outcome::Cancelled), 100));
        let outcome = if all { Outcome::Cancelled } else { Outcome::Predecessor };
        assert_eq!(end(&stream, follower), (Some(outcome), 100));
    }
}
