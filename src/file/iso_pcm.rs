//! Uncompressed sound in QuickTime and MP4 files: how the sample description says that it is stored (QuickTime File
//! Format, Sound Sample Descriptions; ISO/IEC 23003-5).
//!
//! The demuxer takes all of it for little-endian and refuses much. So the descriptions are read here, and the demuxer
//! is shown others in their place, of samples of which it only has to know where they lie.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::iso::{Visit, after_times, each_box, number};
use super::pcm::Coding;
use crate::realtime::block::MAX_CHANNELS;

/// Bytes of a file that are read as others.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Where the first one stands.
    pub at: u64,
    /// What is read.
    pub bytes: Vec<u8>,
}

/// How a track of uncompressed sound is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pcm {
    /// How a sample is stored.
    pub coding: Coding,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// Number of channels.
    pub channels: u16,
    /// Rate in hertz; 0 for that of the track's clock.
    pub rate_hz: f64,
}

/// The sample description of a track of uncompressed sound.
#[derive(Debug)]
pub struct Described {
    /// The id of the track.
    pub track_id: u32,
    /// What it says, or why that is not understood.
    pub pcm: Result<Pcm, String>,
    /// What the demuxer is to see.
    pub patches: Vec<Patch>,
}

/// All tracks of uncompressed sound in a file.
pub fn descriptions(file: &mut (impl Read + Seek)) -> io::Result<Vec<Described>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut all = Vec::new();
    each_box(file, 0..end, &mut |file, kind, body| match &kind {
        b"moov" => each_box(file, body, &mut |file, kind, body| {
            if &kind == b"trak" {
                all.extend(track(file, body)?);
            }
            Ok(true)
        })
        .map(|()| false),
        _ => Ok(true),
    })?;
    Ok(all)
}

fn track<F: Read + Seek>(file: &mut F, trak: Range<u64>) -> io::Result<Option<Described>> {
    let mut id = 0;
    let (mut description, mut sizes) = (None, None);
    each_box(file, trak, &mut |file, kind, body| {
        match &kind {
            b"tkhd" => id = after_times(file, body.start)?,
            b"mdia" => inside(file, body, &[*b"minf", *b"stbl"], &mut |file, kind, body| {
                match &kind {
                    b"stsd" => description = Some(body),
                    b"stsz" => sizes = Some(body),
                    _ => {}
                }
                let _ = file;
                Ok(true)
            })?,
            _ => {}
        }
        Ok(true)
    })?;
    let Some(stsd) = description else { return Ok(None) };
    let Some(entry) = Entry::read(file, stsd)? else { return Ok(None) };
    let mut patches = entry.patches();
    let pcm = entry.pcm().and_then(|pcm| {
        let frame = pcm.coding.bytes() as u64 * pcm.channels as u64;
        match sizes.map(|body| stated_size(file, body.start)) {
            Some(Ok((at, 1))) if frame > 1 => {
                // QuickTime states 1 and means a frame.
                patches.push(Patch { at, bytes: (frame as u32).to_be_bytes().to_vec() });
            }
            Some(Ok((_, size))) if size % frame != 0 => {
                return Err(format!("its samples have {size} bytes, and a frame has {frame}"));
            }
            _ => {}
        }
        Ok(pcm)
    });
    let pcm = pcm.map_err(|reason| format!("'{}': {reason}", entry.kind.escape_ascii()));
    Ok(Some(Described { track_id: id, pcm, patches }))
}

/// Calls `visit` with the boxes inside of the one that lies at `path`.
fn inside<F: Read + Seek>(
    file: &mut F,
    within: Range<u64>,
    path: &[[u8; 4]],
    visit: &mut Visit<F>,
) -> io::Result<()> {
    let Some((first, rest)) = path.split_first() else { return each_box(file, within, visit) };
    each_box(file, within, &mut |file, kind, body| {
        if &kind == first {
            inside(file, body, rest, visit)?;
        }
        Ok(true)
    })
}

/// Where the size that all samples have stands, and what it is: 0 where each has its own.
fn stated_size(file: &mut (impl Read + Seek), body: u64) -> io::Result<(u64, u64)> {
    file.seek(SeekFrom::Start(body + 4))?;
    Ok((body + 4, number::<4>(file)?))
}

/// A sample description.
struct Entry {
    kind: [u8; 4],
    /// Its first byte in the file.
    at: u64,
    entries: u64,
    version: u64,
    channels: u64,
    bits: u64,
    /// In hertz.
    rate: f64,
    /// Version 1: bytes of a sample, which QuickTime calls a packet of one channel. Version 2: of a packet.
    bytes: u64,
    /// Version 2: flags, and frames in a packet.
    flags: u64,
    packet_frames: u64,
    /// The `enda` box, which says whether the least significant byte comes first.
    enda: Option<u64>,
    /// The `pcmC` box: flags and bits.
    config: Option<(u64, u64)>,
}

/// Kinds of uncompressed sound.
const KINDS: [&[u8; 4]; 13] = [
    b"raw ", b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"fl64", b"lpcm", b"ipcm", b"fpcm",
    b"alaw", b"ulaw",
];

impl Entry {
    /// The first one of an `stsd` box; `None` for other sound.
    fn read<F: Read + Seek>(file: &mut F, stsd: Range<u64>) -> io::Result<Option<Self>> {
        file.seek(SeekFrom::Start(stsd.start + 4))?;
        let entries = number::<4>(file)?;
        let mut found = None;
        each_box(file, stsd.start + 8..stsd.end, &mut |file, kind, body| {
            if KINDS.contains(&&kind) {
                found = Some(Self::body(file, kind, entries, body)?);
            }
            Ok(false)
        })?;
        Ok(found)
    }

    fn body<F: Read + Seek>(file: &mut F, kind: [u8; 4], entries: u64, body: Range<u64>) -> io::Result<Self> {
        file.seek(SeekFrom::Start(body.start + 8))?;
        let version = number::<2>(file)?;
        number::<6>(file)?;
        let (channels, bits) = (number::<2>(file)?, number::<2>(file)?);
        number::<4>(file)?;
        let rate = number::<4>(file)? as f64 / 65_536.0;
        let at = body.start - 8;
        let (bytes, flags, packet_frames, enda, config) = (0, 0, 0, None, None);
        let mut entry = Self {
            kind,
            at,
            entries,
            version,
            channels,
            bits,
            rate,
            bytes,
            flags,
            packet_frames,
            enda,
            config,
        };
        let further = match version {
            1 if &kind != b"ipcm" && &kind != b"fpcm" => {
                number::<4>(file)?;
                entry.bytes = number::<4>(file)?;
                16
            }
            2 => {
                number::<4>(file)?;
                entry.rate = f64::from_bits(number::<8>(file)?);
                entry.channels = number::<4>(file)?;
                number::<4>(file)?;
                entry.bits = number::<4>(file)?;
                entry.flags = number::<4>(file)?;
                entry.bytes = number::<4>(file)?;
                entry.packet_frames = number::<4>(file)?;
                36
            }
            _ => 0,
        };
        entry.boxes(file, body.start + 28 + further..body.end)?;
        Ok(entry)
    }

    /// Reads the boxes in it.
    fn boxes<F: Read + Seek>(&mut self, file: &mut F, within: Range<u64>) -> io::Result<()> {
        each_box(file, within, &mut |file, kind, body| {
            file.seek(SeekFrom::Start(body.start))?;
            match &kind {
                b"enda" => self.enda = Some(number::<2>(file)?),
                b"pcmC" => {
                    number::<4>(file)?;
                    self.config = Some((number::<1>(file)?, number::<1>(file)?));
                }
                b"wave" => self.boxes(file, body)?,
                _ => {}
            }
            Ok(true)
        })
    }

    /// What it says, if all of it is understood.
    fn pcm(&self) -> Result<Pcm, String> {
        let (coding, big_endian) = self.coding()?;
        if self.entries != 1 {
            return Err(format!("it has {} sample descriptions", self.entries));
        }
        if self.version == 1 && self.bytes != 0 && self.bytes != coding.bytes() as u64 {
            return Err(format!("it states samples of {} bytes", self.bytes));
        }
        match u16::try_from(self.channels) {
            Ok(channels) if (1..=MAX_CHANNELS).contains(&(channels as usize)) => {
                Ok(Pcm { coding, big_endian, channels, rate_hz: self.rate })
            }
            _ => Err(format!("it states {} channels", self.channels)),
        }
    }

    fn coding(&self) -> Result<(Coding, bool), String> {
        let bits = self.bits;
        let int = |bits: u64| Coding::Int { bytes: bits as u16 / 8, unsigned: false };
        let unsigned = Coding::Int { bytes: 1, unsigned: true };
        // Without the box, the most significant byte comes first.
        let big = self.enda != Some(1);
        match (&self.kind, self.version) {
            (_, 3..) => Err(format!("its description is of version {}", self.version)),
            (b"lpcm", 2) => self.linear(),
            (b"ipcm" | b"fpcm", 0) => self.configured(),
            (b"raw " | b"NONE", 0 | 1) if bits == 8 => Ok((unsigned, true)),
            (b"raw " | b"NONE", 0 | 1) if bits == 16 => Ok((int(16), true)),
            (b"twos", 0 | 1) if matches!(bits, 8 | 16 | 24 | 32) => Ok((int(bits), true)),
            (b"sowt", 0 | 1) if matches!(bits, 8 | 16 | 24 | 32) => Ok((int(bits), false)),
            (b"in24", 0 | 1) => Ok((int(24), big)),
            (b"in32", 0 | 1) => Ok((int(32), big)),
            (b"fl32", 0 | 1) => Ok((Coding::Float { bytes: 4 }, big)),
            (b"fl64", 0 | 1) => Ok((Coding::Float { bytes: 8 }, big)),
            (b"alaw", 0 | 1) => Ok((Coding::ALaw, true)),
            (b"ulaw", 0 | 1) => Ok((Coding::MuLaw, true)),
            _ => Err(format!("it states {bits} bits in a description of version {}", self.version)),
        }
    }

    /// By the flags of Core Audio (CoreAudioBaseTypes.h).
    fn linear(&self) -> Result<(Coding, bool), String> {
        const FLOAT: u64 = 1;
        const BIG_ENDIAN: u64 = 2;
        const SIGNED: u64 = 4;
        const HIGH: u64 = 16;
        const PLANAR: u64 = 32;
        let flagged = |flag: u64| self.flags & flag != 0;
        let container = self.bytes.checked_div(self.channels).unwrap_or(0);
        let whole = self.packet_frames == 1 && self.channels * container == self.bytes && !flagged(PLANAR);
        let fits = self.bits == 8 * container || (flagged(HIGH) && self.bits < 8 * container);
        let coding = match container {
            4 | 8 if flagged(FLOAT) && self.bits == 8 * container => {
                Coding::Float { bytes: container as u16 }
            }
            1..=4 if flagged(SIGNED) && !flagged(FLOAT) => {
                Coding::Int { bytes: container as u16, unsigned: false }
            }
            1 if !flagged(FLOAT) => Coding::Int { bytes: 1, unsigned: true },
            _ => return Err(self.told()),
        };
        if whole && fits { Ok((coding, flagged(BIG_ENDIAN))) } else { Err(self.told()) }
    }

    fn told(&self) -> String {
        let Self { bits, flags, bytes, channels, packet_frames, .. } = self;
        format!(
            "it states {bits} bits with flags {flags:#x}, and packets of {bytes} bytes for {packet_frames} frames of \
             {channels} channels"
        )
    }

    fn configured(&self) -> Result<(Coding, bool), String> {
        let Some((flags, bits)) = self.config else { return Err("it has no pcmC box".into()) };
        let coding = match (&self.kind, bits) {
            (b"ipcm", 16 | 24 | 32) => Coding::Int { bytes: bits as u16 / 8, unsigned: false },
            (b"fpcm", 32 | 64) => Coding::Float { bytes: bits as u16 / 8 },
            _ => return Err(format!("its pcmC box states {bits} bits")),
        };
        match flags {
            0 | 1 => Ok((coding, flags == 0)),
            _ => Err(format!("its pcmC box has flags {flags:#x}")),
        }
    }

    /// What makes it a description of one channel of bytes, which the demuxer knows.
    fn patches(&self) -> Vec<Patch> {
        let patch = |place: u64, bytes: &[u8]| Patch { at: self.at + place, bytes: bytes.to_vec() };
        match self.version {
            0 => vec![patch(4, b"raw "), patch(24, &[0, 1, 0, 8])],
            1 => vec![patch(4, b"raw "), patch(24, &[0, 1]), patch(40, &[0, 0, 0, 1])],
            2 => vec![
                patch(4, b"lpcm"),
                patch(48, &1u32.to_be_bytes()),
                patch(56, &8u32.to_be_bytes()),
                patch(60, &4u32.to_be_bytes()),
            ],
            _ => vec![],
        }
    }
}
