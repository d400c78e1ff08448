//! What a voice key hears in the oracle's input, as it comes to know it frame by frame.

use super::offline::{Definition, Run};

/// When a voice key knows what. Frames are those that it has heard by then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// The onset, and how many frames it has heard when it knows.
    pub onset: Option<(i64, i64)>,
    /// The end of the sound, likewise.
    pub end: Option<(i64, i64)>,
}

/// What is heard in `channels`, by what the header says of runs, sounds and their ends.
pub fn heard(definition: &Definition, channels: &[Vec<f32>]) -> Heard {
    let borrowed: Vec<&[f32]> = channels.iter().map(|samples| &samples[..]).collect();
    let mut loud = definition.loud_frames(&borrowed).into_iter().peekable();
    let mut runs: Vec<Run> = Vec::new();
    let mut heard = Heard::default();
    for frame in 0..channels[0].len() as i64 {
        if loud.next_if_eq(&frame).is_some() {
            definition.extend(&mut runs, frame);
        }
        let known = frame + 1;
        let mut long = runs.iter().map(|run| run.sound).filter(|sound| definition.is_long(sound));
        let Some(first) = long.next() else { continue };
        let end = long.next_back().unwrap_or(first).end;
        heard.onset = heard.onset.or(Some((first.onset, known)));
        let quiet = runs.last().is_none_or(|run| !run.lives(known));
        if quiet && known - end >= definition.hold_off {
            heard.end = Some((end, known));
            return heard;
        }
    }
    heard
}
