//! The chunks of a RIFF or an IFF file, as writers leave them: with and without the pad byte behind an odd size, and
//! with a size of the whole that is wrong, which is therefore not looked at.

use symphonia::core::io::MediaSourceStream;

use super::{Failure, Result, fill, go_to, refused};

/// More chunks than any writer makes in front of the samples.
const MAX_CHUNKS: u32 = 100_000;

/// Names by which a chunk is known where a pad byte may be missing.
const NAMES: [&[u8; 4]; 38] = [
    b"data", b"fmt ", b"fact", b"LIST", b"bext", b"iXML", b"axml", b"chna", b"cue ", b"smpl", b"inst",
    b"plst", b"JUNK", b"junk", b"PAD ", b"FLLR", b"PEAK", b"id3 ", b"ID3 ", b"DISP", b"cart", b"levl",
    b"_PMX", b"acid", b"ds64", b"COMM", b"SSND", b"FVER", b"MARK", b"INST", b"NAME", b"AUTH", b"(c) ",
    b"ANNO", b"COMT", b"APPL", b"MIDI", b"AESD",
];

/// The head of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Its name.
    pub id: [u8; 4],
    /// Its size in bytes, as stated.
    pub size: u32,
    /// The first byte of its body.
    pub begin: u64,
}

/// Goes from chunk to chunk.
pub struct Chunks<'a> {
    pub stream: &'a mut MediaSourceStream<'static>,
    pub big_endian: bool,
    at: u64,
    count: u32,
}

impl<'a> Chunks<'a> {
    /// Those from byte `at` on.
    pub fn new(stream: &'a mut MediaSourceStream<'static>, big_endian: bool, at: u64) -> Self {
        Self { stream, big_endian, at, count: 0 }
    }

    /// The next one; `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<Chunk>> {
        self.count += 1;
        if self.count > MAX_CHUNKS {
            return refused(format!("has more than {MAX_CHUNKS} chunks before its samples"));
        }
        if super::byte_len(self.stream).is_some_and(|length| self.at > length) {
            return Ok(None);
        }
        match go_to(self.stream, self.at) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut head = [0; 8];
        if fill(self.stream, &mut head)? < head.len() {
            return Ok(None);
        }
        let [id, size] = [[0, 1, 2, 3], [4, 5, 6, 7]].map(|places: [usize; 4]| places.map(|n| head[n]));
        let size = if self.big_endian { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) };
        Ok(Some(Chunk { id, size, begin: self.at + 8 }))
    }

    /// The first bytes of a chunk's body, `N` at most.
    pub fn body<const N: usize>(&mut self, chunk: Chunk) -> Result<Body<N>> {
        let mut bytes = [0; N];
        let size = N.min(chunk.size as usize);
        go_to(self.stream, chunk.begin)?;
        let got = fill(self.stream, &mut bytes[..size])?;
        Ok(Body { bytes, length: got, big_endian: self.big_endian })
    }

    /// Goes behind a chunk whose body has `size` bytes.
    pub fn leave(&mut self, chunk: Chunk, size: u64) -> Result<()> {
        self.at = chunk.begin.saturating_add(size);
        if size % 2 == 1 && !self.is_unpadded()? {
            self.at = self.at.saturating_add(1);
        }
        Ok(())
    }

    /// Whether the next chunk follows a chunk of odd size at once: its name is known, and none is a byte later.
    fn is_unpadded(&mut self) -> Result<bool> {
        if super::byte_len(self.stream).is_some_and(|length| self.at >= length) {
            return Ok(false);
        }
        match go_to(self.stream, self.at) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        let mut bytes = [0; 5];
        let got = fill(self.stream, &mut bytes)?;
        Ok(got == 5 && is_name(&bytes[..4]) && !is_name(&bytes[1..]))
    }

    /// Whether a chunk with a known name, which ends in the file, stands at byte `at`.
    pub fn is_chunk(&mut self, at: u64) -> Result<bool> {
        go_to(self.stream, at)?;
        let mut head = [0; 8];
        let got = fill(self.stream, &mut head)?;
        go_to(self.stream, at)?;
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let size = if self.big_endian { size.swap_bytes() } else { size };
        let fits = super::byte_len(self.stream).is_none_or(|length| at + 8 + size as u64 <= length);
        Ok(got == 8 && is_name(&head[..4]) && fits)
    }
}

fn is_name(bytes: &[u8]) -> bool {
    NAMES.iter().any(|name| name[..] == *bytes)
}

/// Bytes of a chunk.
pub struct Body<const N: usize> {
    bytes: [u8; N],
    /// How many of them there are.
    pub length: usize,
    big_endian: bool,
}

impl<const N: usize> Body<N> {
    /// The `M` bytes at `at`.
    pub fn bytes<const M: usize>(&self, at: usize) -> Result<[u8; M]> {
        let bytes = self.bytes[..self.length].get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().ok_or_else(|| Failure::Refused(format!("has a chunk of only {} bytes", self.length)))
    }

    /// The number of 16 bits at `at`.
    pub fn u16(&self, at: usize) -> Result<u16> {
        let bytes = self.bytes(at)?;
        Ok(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// The number of 32 bits at `at`.
    pub fn u32(&self, at: usize) -> Result<u32> {
        let bytes = self.bytes(at)?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The number of 64 bits at `at`.
    pub fn u64(&self, at: usize) -> Result<u64> {
        let bytes = self.bytes(at)?;
        Ok(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }
}
