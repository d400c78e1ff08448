//! Tags behind the sound of a file: where the sound ends.

use std::io;
use std::ops::Range;

use super::media::Source;

/// Tags that are taken off, one after the other.
const MOST_TAGS: usize = 16;
/// Longest Lyrics3 tag of the first version, which states no size.
const LYRICS1_BYTES: u64 = 5_100;

/// The byte behind the last one in `within` that belongs to no ID3v1, APE, Lyrics3 or ID3v2 tag.
pub fn end_of_sound(source: &mut Source, within: Range<u64>) -> io::Result<u64> {
    let mut end = within.end;
    for _ in 0..MOST_TAGS {
        let length = (end - within.start).min(LYRICS1_BYTES);
        let tail = source.peek(end - length, length as usize)?;
        match tag_bytes(&tail) {
            Some(bytes) if bytes <= end - within.start => end -= bytes,
            _ => break,
        }
    }
    Ok(end)
}

/// Bytes of the tag that `tail` ends with.
fn tag_bytes(tail: &[u8]) -> Option<u64> {
    let from_end = |count: usize| tail.len().checked_sub(count).map(|at| &tail[at..]);
    let begins = |count: usize, mark: &[u8]| from_end(count).is_some_and(|tail| tail.starts_with(mark));
    if begins(128, b"TAG") {
        return Some(if begins(128 + 227, b"TAG+") { 128 + 227 } else { 128 });
    }
    if begins(32, b"APETAGEX") {
        let footer = from_end(32)?;
        let number = |at: usize| u32::from_le_bytes(*footer[at..].first_chunk().expect("32 bytes"));
        return Some(number(12) as u64 + if number(20) & 1 << 31 != 0 { 32 } else { 0 });
    }
    if begins(9, b"LYRICS200") {
        let digits = std::str::from_utf8(&from_end(15)?[..6]).ok()?;
        return digits.parse::<u64>().ok().map(|size| size + 15);
    }
    if begins(9, b"LYRICSEND") {
        let begin = tail.windows(11).rposition(|part| part == b"LYRICSBEGIN")?;
        return Some((tail.len() - begin) as u64);
    }
    let footer = from_end(10).filter(|footer| footer.starts_with(b"3DI"))?;
    let size = footer[6..].iter().fold(0, |size, &byte| size << 7 | (byte & 0x7F) as u64);
    Some(size + 20)
}
