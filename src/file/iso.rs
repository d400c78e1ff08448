//! What the edit list of an MP4 or QuickTime file says of a track (ISO/IEC 14496-12, 8.6.6), which the demuxer
//! does not tell. Encoders use it to say how many frames of priming stand before the first one that is heard.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// One audible stretch of a track, as the file states it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Empty time before it, in units of the movie.
    pub empty: u64,
    /// Where it begins in the track, in units of the track.
    pub media_time: u64,
    /// How long it is, in units of the movie; 0 if that is left open.
    pub duration: u64,
    /// Units of the movie in a second.
    pub movie_timescale: u32,
    /// Units of the track in a second.
    pub timescale: u32,
    /// Stretches beyond the first one, which nothing here can show.
    pub further_parts: bool,
}

/// Whether the runs of samples in all fragments could be in the file at all. The demuxer counts through a run,
/// so that a header that claims four thousand million samples would keep it busy for seconds.
pub fn fragments_are_plausible(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut samples = 0u64;
    each_at(file, 0..end, &[*b"moof", *b"traf", *b"trun"], &mut |file, body| {
        file.seek(SeekFrom::Start(body.start + 4))?;
        samples = samples.saturating_add(number::<4>(file)?);
        Ok(samples <= end)
    })?;
    Ok(samples <= end)
}

/// Calls `visit` with the body of each box that lies at `path`, a box in a box, until it says false.
fn each_at<F: Read + Seek>(
    file: &mut F,
    within: Range<u64>,
    path: &[[u8; 4]],
    visit: &mut dyn FnMut(&mut F, Range<u64>) -> io::Result<bool>,
) -> io::Result<bool> {
    let Some((first, rest)) = path.split_first() else { return visit(file, within) };
    let mut going_on = true;
    each_box(file, within, &mut |file, kind, body| {
        if &kind == first {
            going_on = each_at(file, body, rest, visit)?;
        }
        Ok(going_on)
    })?;
    Ok(going_on)
}

/// The edit of the track with this id; `None` without an edit list.
pub fn edit_of(file: &mut (impl Read + Seek), track_id: u32) -> io::Result<Option<Edit>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut movie_timescale = 0;
    let mut found = None;
    each_box(file, 0..end, &mut |file, kind, body| match &kind {
        b"moov" => each_box(file, body, &mut |file, kind, body| {
            match &kind {
                b"mvhd" => movie_timescale = after_times(file, body.start)?,
                b"trak" => {
                    let trak = track(file, body)?;
                    if trak.id == track_id {
                        found = Some(trak);
                    }
                }
                _ => {}
            }
            Ok(true)
        })
        .map(|()| false),
        _ => Ok(true),
    })?;
    Ok(found.and_then(|trak| {
        let edit = trak.edit?;
        Some(Edit { movie_timescale, timescale: trak.timescale, ..edit })
    }))
}

#[derive(Default)]
struct Trak {
    id: u32,
    timescale: u32,
    edit: Option<Edit>,
}

fn track<F: Read + Seek>(file: &mut F, body: Range<u64>) -> io::Result<Trak> {
    let mut trak = Trak::default();
    each_box(file, body, &mut |file, kind, body| {
        match &kind {
            b"tkhd" => trak.id = after_times(file, body.start)?,
            b"mdia" => each_box(file, body, &mut |file, kind, body| {
                if &kind == b"mdhd" {
                    trak.timescale = after_times(file, body.start)?;
                }
                Ok(true)
            })?,
            b"edts" => each_box(file, body, &mut |file, kind, body| {
                if &kind == b"elst" {
                    trak.edit = edit_list(file, body)?;
                }
                Ok(true)
            })?,
            _ => {}
        }
        Ok(true)
    })?;
    Ok(trak)
}

fn edit_list<F: Read + Seek>(file: &mut F, body: Range<u64>) -> io::Result<Option<Edit>> {
    file.seek(SeekFrom::Start(body.start))?;
    let long = number::<1>(file)? == 1;
    number::<3>(file)?;
    let count = number::<4>(file)?;
    let entry_bytes = if long { 20 } else { 12 };
    let mut edit = Edit::default();
    let mut begun = false;
    for _ in 0..count.min((body.end - body.start) / entry_bytes) {
        let (duration, media_time) = if long {
            (number::<8>(file)?, number::<8>(file)? as i64)
        } else {
            (number::<4>(file)?, number::<4>(file)? as i32 as i64)
        };
        number::<4>(file)?;
        match u64::try_from(media_time) {
            Ok(media_time) if !begun => {
                (edit.media_time, edit.duration, begun) = (media_time, duration, true);
            }
            Err(_) if !begun => edit.empty = edit.empty.saturating_add(duration),
            Ok(_) => edit.further_parts = true,
            // Empty time at the end.
            Err(_) => {}
        }
    }
    Ok(begun.then_some(edit))
}

/// What is done with a box of this type and body; false ends the walk.
pub(super) type Visit<'a, F> = dyn FnMut(&mut F, [u8; 4], Range<u64>) -> io::Result<bool> + 'a;

/// Calls `visit` with each box in `within`, as far as they lie in it whole.
pub(super) fn each_box<F: Read + Seek>(
    file: &mut F,
    within: Range<u64>,
    visit: &mut Visit<F>,
) -> io::Result<()> {
    let mut at = within.start;
    while within.end.saturating_sub(at) >= 8 {
        file.seek(SeekFrom::Start(at))?;
        let short = number::<4>(file)?;
        let kind = (number::<4>(file)? as u32).to_be_bytes();
        let (header, size) = match short {
            0 => (8, within.end - at),
            1 if within.end - at >= 16 => (16, number::<8>(file)?),
            size => (8, size),
        };
        if size < header || size > within.end - at {
            return Ok(());
        }
        if !visit(file, kind, at + header..at + size)? {
            return Ok(());
        }
        at += size;
    }
    Ok(())
}

/// The 32 bits after version, flags and the times of creation and change, which are 4 or 8 bytes long: the
/// time scale of a movie or media header, the id of a track header.
pub(super) fn after_times<F: Read + Seek>(file: &mut F, body: u64) -> io::Result<u32> {
    file.seek(SeekFrom::Start(body))?;
    let times = if number::<1>(file)? == 1 { 16 } else { 8 };
    file.seek(SeekFrom::Start(body + 4 + times))?;
    Ok(number::<4>(file)? as u32)
}

/// The next `N` bytes, most significant first.
pub(super) fn number<const N: usize>(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(0, |value, &byte| value << 8 | byte as u64))
}
