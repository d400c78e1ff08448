//! What the demuxer does not tell of a Matroska or WebM file (RFC 9559): the codec delay of a track (5.1.4.1.28), and
//! whether all of the file is there.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1F43_B675;
const TRACKS: u64 = 0x1654_AE6B;
const TRACK_ENTRY: u64 = 0xAE;
const TRACK_NUMBER: u64 = 0xD7;
const CODEC_DELAY: u64 = 0x56AA;

/// Nanoseconds of priming that the track with this number begins with, as the file states them; 0 if it does
/// not. Looks only before the first cluster, where writers put the tracks.
pub fn codec_delay_ns(file: &mut (impl Read + Seek), track_number: u32) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut delay = 0;
    each_element(file, 0..end, &mut |file, id, body| {
        if id != SEGMENT {
            return Ok(true);
        }
        each_element(file, body, &mut |file, id, body| {
            if id == TRACKS {
                delay = delay_in(file, body, track_number)?;
            }
            Ok(id != CLUSTER && id != TRACKS)
        })?;
        Ok(false)
    })?;
    Ok(delay)
}

/// Whether the file ends before what holds its tracks and its sound does.
pub fn is_cut(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 0;
    // The head of the file comes first.
    for _ in 0..2 {
        file.seek(SeekFrom::Start(at))?;
        let (id, id_bytes) = variable(file, false)?;
        let (size, size_bytes) = variable(file, true)?;
        let body = at + id_bytes + size_bytes;
        let unknown = size == (1 << (7 * size_bytes)) - 1;
        at = body.saturating_add(size);
        if id == SEGMENT {
            return Ok(!unknown && at > end);
        }
    }
    Ok(false)
}

fn delay_in<F: Read + Seek>(file: &mut F, tracks: Range<u64>, track_number: u32) -> io::Result<u64> {
    let mut found = 0;
    each_element(file, tracks, &mut |file, id, body| {
        if id == TRACK_ENTRY {
            let (mut number, mut delay) = (0, 0);
            each_element(file, body, &mut |file, id, body| {
                match id {
                    TRACK_NUMBER => number = unsigned(file, body)?,
                    CODEC_DELAY => delay = unsigned(file, body)?,
                    _ => {}
                }
                Ok(true)
            })?;
            if number == track_number as u64 {
                found = delay;
            }
        }
        Ok(true)
    })?;
    Ok(found)
}

/// What is done with an element of this id and body; false ends the walk.
type Visit<'a, F> = dyn FnMut(&mut F, u64, Range<u64>) -> io::Result<bool> + 'a;

/// Calls `visit` with each element in `within`.
fn each_element<F: Read + Seek>(file: &mut F, within: Range<u64>, visit: &mut Visit<F>) -> io::Result<()> {
    let mut at = within.start;
    while at < within.end {
        file.seek(SeekFrom::Start(at))?;
        let (id, id_bytes) = variable(file, false)?;
        let (size, size_bytes) = variable(file, true)?;
        let body = at + id_bytes + size_bytes;
        // All ones: the size is not known, and the element goes on to the end of what holds it.
        let unknown = size == (1 << (7 * size_bytes)) - 1;
        let end = if unknown { within.end } else { body.saturating_add(size) };
        if end > within.end || body > end || !visit(file, id, body..end)? {
            return Ok(());
        }
        at = end;
    }
    Ok(())
}

/// A number whose first byte tells its length by its leading zeros, and that length.
fn variable(file: &mut impl Read, without_marker: bool) -> io::Result<(u64, u64)> {
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    let length = byte[0].leading_zeros() as u64 + 1;
    if length > 8 {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let mut value = byte[0] as u64;
    if without_marker {
        value &= (1 << (8 - length)) - 1;
    }
    for _ in 1..length {
        file.read_exact(&mut byte)?;
        value = value << 8 | byte[0] as u64;
    }
    Ok((value, length))
}

fn unsigned<F: Read + Seek>(file: &mut F, body: Range<u64>) -> io::Result<u64> {
    file.seek(SeekFrom::Start(body.start))?;
    let mut value = 0;
    for _ in 0..(body.end - body.start).min(8) {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        value = value << 8 | byte[0] as u64;
    }
    Ok(value)
}
