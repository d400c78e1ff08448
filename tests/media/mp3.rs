//! The tag in the first frame of an MP3 file.

use std::ops::Range;

/// Where it begins.
pub fn tag(bytes: &[u8]) -> usize {
    let is_tag = |part: &[u8]| part == b"Info" || part == b"Xing";
    bytes.windows(4).position(is_tag).expect("the encoder writes a tag")
}

// Places in the tag.
pub const FLAGS: usize = 4;
pub const COUNT: usize = 8;
pub const ENCODER: usize = 120;
pub const DELAY: usize = 141;
pub const CHECKSUM: usize = 154;

/// A copy with other bytes at a place in the tag, and so a checksum that does not fit.
pub fn changed(bytes: &[u8], place: usize, by: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = tag(bytes) + place;
    changed[at..at + by.len()].copy_from_slice(by);
    changed
}

/// MPEG frames that the tag counts.
pub fn count(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(*bytes[tag(bytes) + COUNT..].first_chunk().unwrap())
}

/// Where each frame stands, that of the tag included; all frames are of MPEG 1, layer III, and of one bit rate.
pub fn frames(bytes: &[u8]) -> Vec<Range<usize>> {
    let is_sync = |at: usize| bytes[at] == 0xFF && bytes[at + 1] & 0xFE == 0xFA;
    let mut at = (0..bytes.len()).find(|&at| is_sync(at)).unwrap();
    let mut frames = Vec::new();
    while at + 4 <= bytes.len() && is_sync(at) {
        let kilobits =
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320][bytes[at + 2] as usize >> 4];
        let rate = [44_100, 48_000, 32_000][bytes[at + 2] as usize >> 2 & 3];
        let end = at + 144_000 * kilobits / rate + (bytes[at + 2] as usize >> 1 & 1);
        frames.push(at..end.min(bytes.len()));
        at = end;
    }
    frames
}
