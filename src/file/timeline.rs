//! Where the frames that are meant to be heard lie in a track, as decoded.
//!
//! Lossy encoders put frames of priming in front and padding behind. Who says how many depends on the format: the
//! LAME tag of an MP3 file, the pages of an Ogg file, the edit list of an MP4 file, the codec delay of a Matroska
//! file. Where nobody does, onset and length are uncertain, and that is told.

use std::fs::File;
use std::path::Path;

use super::media::Media;
use super::outline::{Coded, Part};
use super::row::Stream;
use super::{ebml, iso, ogg, unreadable};
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
    /// That of an open track in a part of a file.
    pub fn of(path: &Path, media: &mut Media, part: &Part) -> Result<Self> {
        match &part.coded {
            Coded::Row(stream) => return Ok(row(stream)),
            Coded::Ogg(link) => {
                return Ok(link
                    .stream(media.id)
                    .map_or_else(Self::default, |stream| ogg(media, stream, part)));
            }
            Coded::Flac(first) => {
                let all = media.track().and_then(|track| track.num_frames).filter(|&frames| frames > 0);
                let (shift, frames) = (-(*first as i64), all.map(|all| all.saturating_sub(*first)));
                return Ok(Self { shift, frames, ..Self::default() });
            }
            Coded::Contained => {}
        }
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
        Ok(Self { shift: -track.start_ts.get().max(0), frames: stated, ..Self::default() })
    }
}

/// That of a row of MPEG frames, which only the tag of an MP3 file tells.
fn row(stream: &Stream) -> Timeline {
    let uncertain = Timeline { onset_uncertain: true, length_uncertain: true, ..Timeline::default() };
    let per_frame = stream.first.frames as u64;
    let there = stream.count.map(|count| count * per_frame);
    // One that breaks is read up to there.
    let heard = there.filter(|_| stream.broken.is_none());
    let tag = stream.tag.unwrap_or_default();
    let stated = tag.count.map(|count| count as u64 * per_frame);
    let Some((delay, padding)) = tag.delay.filter(|&(delay, padding)| {
        // No tag of this file could cut off more than there is.
        stated.or(there).is_none_or(|all| delay as u64 + padding as u64 <= all)
    }) else {
        return Timeline { frames: heard, ..uncertain };
    };
    let (delay, padding) = (delay as u64, padding as u64);
    // A first frame that goes on with bytes of an earlier one was cut out of the middle.
    let onset_uncertain = stream.reused_bytes > 0 || !tag.has_encoder_delay;
    let timeline = Timeline { shift: -(delay as i64), onset_uncertain, ..uncertain };
    // What is missing of what an encoder counted the end of the file will show. Else the count is that of a file
    // which this one was cut out of or joined to, and all of it may be sound.
    let is_whole = tag.is_intact && stream.reused_bytes == 0;
    let all = match (stated, there) {
        (Some(stated), Some(there)) if stated == there && heard.is_some() => stated,
        (Some(stated), Some(there)) if stated > there && is_whole => stated,
        (Some(stated), None) if is_whole => stated,
        _ => return Timeline { frames: heard.map(|there| there.saturating_sub(delay)), ..timeline },
    };
    let length_uncertain = !tag.has_encoder_delay;
    Timeline { frames: Some(all - delay - padding), length_uncertain, ..timeline }
}

/// That of a stream of Ogg pages, which count frames from any number on: frame 0 is the first that decodes.
fn ogg(media: &Media, stream: &ogg::Logical, part: &Part) -> Timeline {
    let Some(track) = media.track() else { return Timeline::default() };
    // The first block of Vorbis only primes the second.
    let begin = track.start_ts.get().saturating_add(track.delay.unwrap_or(0) as i64).max(0);
    let end = stream.end.filter(|_| part.is_cut.is_none());
    let frames = end.map(|end| end.saturating_sub(begin).max(0) as u64);
    Timeline { shift: -begin, frames, length_uncertain: !stream.is_ended, ..Timeline::default() }
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
        let is_primed = is_primed(media);
        return Ok(Timeline {
            frames: in_track,
            onset_uncertain: is_primed,
            length_uncertain: is_primed,
            ..Timeline::default()
        });
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
    // Vorbis primes itself, and says in no Matroska file where it ends.
    let is_vorbis = media.codec() == "vorbis";
    Ok(Timeline {
        shift: shift.round() as i64,
        onset_uncertain: is_primed(media) && !is_vorbis && delay == 0.0,
        length_uncertain: is_primed(media),
        ..Timeline::default()
    })
}

/// Whether the encoder of a track puts frames in front that are not meant to be heard.
fn is_primed(media: &Media) -> bool {
    matches!(media.codec(), "aac" | "mp1" | "mp2" | "mp3" | "vorbis")
}
