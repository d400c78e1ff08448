//! Where the frames that are meant to be heard lie in a track, as decoded.
//!
//! Lossy encoders put frames of priming in front and padding behind. Who says how many depends on the format:
//! the LAME tag of an MP3 file and the pages of an Ogg file, which the demuxer minds; the edit list of an MP4
//! file and the codec delay of a Matroska file, which are read here.

use std::fs::File;
use std::path::Path;

use super::media::Media;
use super::{ebml, iso, unreadable};
use crate::error::Result;

/// Frame 0 is what is heard at time 0 of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// What is to be added to the place of a decoded frame: negative for priming, positive where the track
    /// begins after time 0 and silence stands before it.
    pub shift: i64,
    /// Number of frames, where the file tells it exactly.
    pub frames: Option<u64>,
    /// The file states no length, so that the sound goes up to its end.
    pub length_from_end_of_file: bool,
    /// How many frames of priming there are is not stated.
    pub onset_uncertain: bool,
    /// Which frames at the end belong to the sound is not stated.
    pub length_uncertain: bool,
}

impl Timeline {
    /// That of an open track.
    pub fn of(path: &Path, media: &mut Media) -> Result<Self> {
        if let Some(layout) = &media.pcm {
            return Ok(Self {
                frames: layout.frames(),
                length_from_end_of_file: layout.to_end_of_file,
                length_uncertain: layout.is_adpcm(),
                ..Self::default()
            });
        }
        if media.is_matroska() {
            return matroska(path, media);
        }
        let Some(track) = media.track() else { return Ok(Self::default()) };
        let stated = track.num_frames.filter(|&frames| frames > 0);
        if media.is_iso() {
            return iso(path, media, stated);
        }
        // Without a LAME tag the demuxer's number of frames is an estimate.
        let mpeg = media.is_bare_mpeg();
        let frames = if mpeg && track.delay.is_none() { None } else { stated };
        let begin = track.start_ts.get();
        Ok(Self { shift: if mpeg { 0 } else { -begin.max(0) }, frames, ..Self::default() })
    }
}

fn iso(path: &Path, media: &Media, stated: Option<u64>) -> Result<Timeline> {
    let rate = media.sample_rate_hz;
    let in_track = stated.filter(|_| media.states_frames());
    let mut file = media.seekable.then(|| File::open(path).ok()).flatten();
    if file.as_mut().is_some_and(|file| iso::fragments_are_plausible(file).is_ok_and(|plausible| !plausible))
    {
        return Err(unreadable(path, "is damaged: it states more samples than it has bytes"));
    }
    let edit = file.and_then(|mut file| iso::edit_of(&mut file, media.id).ok()).flatten();
    let Some(edit) = edit.filter(|edit| edit.timescale > 0 && edit.movie_timescale > 0) else {
        return Ok(Timeline { frames: in_track, ..Timeline::default() });
    };
    if edit.further_parts {
        return Err(unreadable(
            path,
            "its edit list joins several parts of the track, which is not supported",
        ));
    }
    let frames = |units: u64, timescale: u32| -> i64 {
        let doubled = units as u128 * 2 * rate as u128 / timescale as u128;
        i64::try_from(doubled.div_ceil(2)).unwrap_or(i64::MAX)
    };
    let silence = frames(edit.empty, edit.movie_timescale);
    let priming = frames(edit.media_time, edit.timescale);
    let shift = silence.saturating_sub(priming);
    let all = in_track.map(|all| shift.saturating_add_unsigned(all).max(0) as u64);
    // The edit's length is told in units of the movie, often milliseconds: it counts where the track goes on
    // for more than such a unit.
    let cut = silence.saturating_add(frames(edit.duration, edit.movie_timescale)) as u64;
    let unit = rate.div_ceil(edit.movie_timescale) as u64;
    let cut = (edit.duration > 0).then_some(cut);
    let heard = match (all, cut) {
        (Some(all), Some(cut)) if all > cut.saturating_add(unit) => Some(cut),
        (all, _) => all,
    };
    Ok(Timeline { shift, frames: heard, ..Timeline::default() })
}

fn matroska(path: &Path, media: &mut Media) -> Result<Timeline> {
    let stamp = media.first_packet_seconds().map_err(|reason| unreadable(path, &reason))?;
    let delay = media.seekable.then(|| File::open(path).ok()).flatten();
    let delay = delay.and_then(|mut file| ebml::codec_delay_ns(&mut file, media.id).ok()).unwrap_or(0) as f64;
    // The demuxer has taken the delay off the stamp, in whole units of (mostly) a millisecond.
    let block_ms = (stamp * 1e3 + delay * 1e-6).round();
    let shift = (block_ms * 1e-3 - delay * 1e-9) * media.sample_rate_hz as f64;
    Ok(Timeline { shift: shift.round() as i64, ..Timeline::default() })
}
