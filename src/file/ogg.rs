//! The pages of an Ogg file (RFC 3533): which streams stand in a row in it, and at which frame each ends.

use std::io::{self, Read};
use std::ops::Range;

use super::media::Source;

const HEADER_BYTES: usize = 27;
/// Bytes that are read at a time.
const STEP_BYTES: usize = 256 << 10;
/// The longest page.
const PAGE_BYTES: usize = HEADER_BYTES + 255 + 255 * 255;

/// The streams of a file that play at one time, between two of those that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where its pages stand.
    pub bytes: Range<u64>,
    /// Its streams.
    pub streams: Vec<Logical>,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logical {
    /// Its number in the file.
    pub serial: u32,
    /// The frame at the end of its last page.
    pub end: Option<i64>,
    /// Pages on which sound ends.
    pub pages: u64,
    /// Whether its last page says that it is that.
    pub is_ended: bool,
}

impl Link {
    /// The stream with this number.
    pub fn stream(&self, serial: u32) -> Option<&Logical> {
        self.streams.iter().find(|stream| stream.serial == serial)
    }
}

/// All links of a file, and whether it ends within a page.
pub fn links(source: &mut Source) -> io::Result<(Vec<Link>, bool)> {
    let mut pages = Pages { source, ahead: Vec::new(), taken: 0, begin: 0, over: false };
    let mut links: Vec<Link> = Vec::new();
    let mut in_heads = false;
    loop {
        let (at, page) = match pages.next()? {
            Found::Page(at, page) => (at, page),
            Found::End { is_cut } => return Ok((links, is_cut)),
        };
        if page.is_first && !in_heads {
            links.push(Link { bytes: at..at, streams: Vec::new() });
        }
        in_heads = page.is_first;
        let Some(link) = links.last_mut() else { continue };
        link.bytes.end = at + page.bytes as u64;
        if page.is_first {
            let Page { serial, is_last, .. } = page;
            link.streams.push(Logical { serial, end: None, pages: 0, is_ended: is_last });
        } else if let Some(stream) = link.streams.iter_mut().find(|stream| stream.serial == page.serial) {
            stream.is_ended = page.is_last;
            // Heads end at frame 0, and a page on which no packet ends at none.
            if page.granule > 0 {
                stream.end = Some(page.granule);
                stream.pages += 1;
            }
        }
    }
}

struct Page {
    bytes: usize,
    is_first: bool,
    is_last: bool,
    granule: i64,
    serial: u32,
}

enum Found {
    Page(u64, Page),
    End { is_cut: bool },
}

struct Pages<'a> {
    source: &'a mut Source,
    ahead: Vec<u8>,
    taken: usize,
    begin: u64,
    over: bool,
}

impl Pages<'_> {
    fn next(&mut self) -> io::Result<Found> {
        loop {
            if self.ahead.len() - self.taken < PAGE_BYTES && !self.over {
                self.ahead.drain(..self.taken);
                self.begin += self.taken as u64;
                self.taken = 0;
                let missing = STEP_BYTES - self.ahead.len();
                let got = (&mut *self.source).take(missing as u64).read_to_end(&mut self.ahead)?;
                self.over = got < missing;
            }
            let rest = &self.ahead[self.taken..];
            let Some(skipped) = rest.windows(4).position(|part| part == b"OggS") else {
                self.taken = self.ahead.len() - if self.over { 0 } else { 3 };
                if self.over {
                    return Ok(Found::End { is_cut: false });
                }
                continue;
            };
            if skipped > 0 {
                self.taken += skipped;
                continue;
            }
            match page(rest) {
                Some(page) if page.bytes <= rest.len() => {
                    let at = self.begin + self.taken as u64;
                    self.taken += page.bytes;
                    return Ok(Found::Page(at, page));
                }
                // A mark within something else, with which no page begins.
                _ if rest.get(4).is_some_and(|&version| version != 0) => self.taken += 4,
                _ => return Ok(Found::End { is_cut: true }),
            }
        }
    }
}

/// The page that `bytes` begin with, of which only the header need be there.
fn page(bytes: &[u8]) -> Option<Page> {
    let head: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let segments = bytes.get(HEADER_BYTES..HEADER_BYTES + head[26] as usize)?;
    let body = HEADER_BYTES + segments.len();
    let flags = head[5];
    Some(Page {
        bytes: body + segments.iter().map(|&size| size as usize).sum::<usize>(),
        is_first: flags & 2 != 0,
        is_last: flags & 4 != 0,
        granule: i64::from_le_bytes(*head[6..].first_chunk()?),
        serial: u32::from_le_bytes(*head[14..].first_chunk()?),
    })
}
