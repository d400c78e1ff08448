//! What kind of file it is, from its first bytes. A file is read only as what it says it is: rows of MPEG frames
//! carry no mark, so that they are looked for only where nothing else is recognised.

use std::io;

use super::media::Source;
use super::mpeg::{self, Header};

/// Frames in a row that a file must begin with to be taken for a bare row of them.
pub const RUN_FRAMES: usize = 4;
/// Frames in a row that are asked for where other bytes stand in front.
const RUN_BEHIND_JUNK_FRAMES: usize = 16;
/// Bytes of a broken frame that may stand in front of the first whole one.
const JUNK_BYTES: usize = 8 << 10;
/// Bytes that are looked at behind tags: junk and the longest run.
const LOOK_BYTES: usize = 64 << 10;
/// Tags in a row that are passed over.
const MOST_TAGS: usize = 16;
/// Bytes of tags that are read ahead in a pipe.
const MOST_PIPED_BYTES: u64 = 16 << 20;

/// A kind of file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bare row of MPEG or ADTS frames, the first of which stands at this byte.
    Frames(u64, Header),
    /// Ogg pages.
    Ogg,
    /// A FLAC stream, whose mark stands at this byte.
    Flac(u64),
    /// Matroska or WebM.
    Matroska,
    /// Any other container that a demuxer knows by its mark.
    Container,
}

/// What a file is, or for one that is not read what it seems to be.
pub fn recognise(source: &mut Source) -> io::Result<Result<Kind, String>> {
    let (begin, head) = behind_tags(source)?;
    if head.is_empty() {
        return Ok(Err("ends before any sound".into()));
    }
    if let Some(kind) = own(&head, begin) {
        return Ok(Ok(kind));
    }
    if let Some(name) = foreign(&head) {
        return Ok(Err(format!("is no sound file that is read: it is {name}")));
    }
    Ok(match first_frame(&head, head.len() < LOOK_BYTES) {
        Some((at, header)) => Ok(Kind::Frames(begin + at as u64, header)),
        None => Err(format!("is no sound file that is read{}", guess(&head))),
    })
}

/// Where the file begins behind ID3v2 tags, and its bytes from there on.
fn behind_tags(source: &mut Source) -> io::Result<(u64, Vec<u8>)> {
    let mut begin = 0u64;
    for _ in 0..MOST_TAGS {
        let head = source.peek(begin, 10)?;
        let Some(bytes) = mpeg::id3v2_bytes(&head) else { break };
        begin += bytes;
        if !source.is_file() && begin > MOST_PIPED_BYTES {
            break;
        }
    }
    Ok((begin, source.peek(begin, LOOK_BYTES)?))
}

fn own(head: &[u8], begin: u64) -> Option<Kind> {
    let is_wave = [b"RIFF", b"RIFX", b"RF64", b"BW64"].iter().any(|mark| head.starts_with(*mark))
        && head.get(8..12) == Some(b"WAVE");
    let is_aiff = head.starts_with(b"FORM") && matches!(head.get(8..12), Some(b"AIFF" | b"AIFC"));
    let atoms: [&[u8; 4]; 8] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"];
    let is_iso = head.get(4..8).is_some_and(|kind| atoms.iter().any(|atom| kind == *atom));
    match head {
        _ if head.starts_with(b"OggS") => Some(Kind::Ogg),
        _ if head.starts_with(b"fLaC") => Some(Kind::Flac(begin)),
        _ if head.starts_with(b"\x1A\x45\xDF\xA3") => Some(Kind::Matroska),
        _ if is_wave || is_aiff || is_iso => Some(Kind::Container),
        _ => None,
    }
}

/// Marks of other kinds of file: where they stand, and whose they are.
const FOREIGN: &[(usize, &[u8], &str)] = &[
    (0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "ASF (WMA, WMV)"),
    (0, b"FLV\x01", "Flash video (FLV)"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xFD", "RealAudio"),
    (0, b"\0\0\x01\xBA", "an MPEG program stream (MPG, VOB)"),
    (0, b"\0\0\x01\xB3", "MPEG video"),
    (0, b"caff", "a Core Audio file (CAF)"),
    (0, b"DSD ", "DSD (DSF)"),
    (0, b"FRM8", "DSD (DFF)"),
    (0, b"#!AMR", "AMR"),
    (0, b".snd", "Sun audio (AU, SND)"),
    (0, b"dns.", "Sun audio (AU, SND)"),
    (0, b"riff\x2E\x91\xCF\x11", "Sony Wave64 (W64)"),
    (8, b"AVI ", "AVI"),
    (8, b"AVIX", "AVI"),
    (8, b"RMID", "MIDI in RIFF"),
    (8, b"WEBP", "a picture (WebP)"),
    (8, b"8SVX", "Amiga sound (8SVX)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio (APE)"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"TTA1", "True Audio (TTA)"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"tBaK", "TAK"),
    (0, b"ajkg", "Shorten"),
    (0, b"\x0B\x77", "AC-3"),
    (0, b"\x77\x0B", "AC-3"),
    (0, b"\x7F\xFE\x80\x01", "DTS"),
    (0, b"\xFE\x7F\x01\x80", "DTS"),
    (0, b"\x1F\xFF\xE8\x00", "DTS"),
    (0, b"\xFF\x1F\x00\xE8", "DTS"),
    (0, b"DTSHDHDR", "DTS"),
    (4, b"\xF8\x72\x6F\xBA", "TrueHD"),
    (0, b"ADIF", "AAC in ADIF"),
    (0, b"NIST_1A", "NIST SPHERE"),
    (0, b"Creative Voice File", "Creative voice (VOC)"),
    (0, b"MThd", "MIDI"),
    (0, b"\x06\x0E\x2B\x34\x02\x05\x01\x01", "MXF"),
    (0, b"GIF8", "a picture (GIF)"),
    (0, b"\x89PNG", "a picture (PNG)"),
    (0, b"\xFF\xD8\xFF", "a picture (JPEG)"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1F\x8B", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xFD7zXZ", "an xz archive"),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\x7FELF", "a program (ELF)"),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
];

/// The name of a kind of file that is not read, if it is a known one.
fn foreign(head: &[u8]) -> Option<String> {
    let marked = FOREIGN.iter().find(|(at, mark, _)| head.get(*at..at + mark.len()) == Some(mark));
    if let Some((_, _, name)) = marked {
        return Some((*name).into());
    }
    if head.starts_with(b"RIFF") || head.starts_with(b"FORM") {
        let kind = String::from_utf8_lossy(head.get(8..12).unwrap_or(b"?")).into_owned();
        return Some(format!("{} of the kind {kind:?}", String::from_utf8_lossy(&head[..4])));
    }
    // Packets of 188 bytes, on disks with four bytes of time in front, on air with 16 of redundancy behind.
    let is_row = |from: usize, step: usize| {
        let marks: Vec<_> = head.iter().skip(from).step_by(step).take(5).collect();
        marks.len() == 5 && marks.iter().all(|&&mark| mark == 0x47)
    };
    let is_transport = [(0, 188), (4, 192), (0, 204)].iter().any(|&(from, step)| is_row(from, step));
    is_transport.then(|| "an MPEG transport stream (TS, M2TS)".into())
}

/// The first of a run of frames in `head`, behind which the file ends if `over`, and where it stands.
fn first_frame(head: &[u8], over: bool) -> Option<(usize, Header)> {
    if let Some(header) = mpeg::run_at(head, RUN_FRAMES, over) {
        return Some((0, header));
    }
    let zeros = head.iter().take_while(|&&byte| byte == 0).count();
    let last = (zeros + JUNK_BYTES).min(head.len());
    (1..last).find_map(|at| Some((at, mpeg::run_at(&head[at..], RUN_BEHIND_JUNK_FRAMES, false)?)))
}

/// What an unknown file may be.
fn guess(head: &[u8]) -> &'static str {
    let start = head[..head.len().min(512)].to_ascii_lowercase();
    let first = start.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0x80..);
    match &start[first..] {
        text if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") => ": it is a web page",
        text if text.starts_with(b"<?xml") => ": it is XML",
        _ if start.iter().all(is_text) => ": it is text",
        _ => ": no kind of it is recognised",
    }
}
