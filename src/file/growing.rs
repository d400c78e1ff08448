//! A WAV file that is whole at every commit, so that a process which is killed leaves all but the last second.
//!
//! The header has one length for ever and is written anew at each commit: RIFF (EBU Tech 3306 RF64 from 4 GiB
//! on, in the place that a JUNK chunk keeps), `bext` (EBU Tech 3285) and `iXML` with the frame and the time of
//! the first sample, `fmt `, `fact` and `data`. Samples are written before the header that counts them.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::receipt::NONE;

/// Samples are collected up to so many bytes before they are written.
const GATHERED_BYTES: usize = 1 << 16;
/// Room for the iXML text.
const IXML_BYTES: usize = 1_024;
/// The size field of a chunk whose real size is in `ds64`.
const IN_DS64: u32 = u32::MAX;

/// How samples are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum SampleFormat {
    /// As they are.
    #[default]
    Float32 = 0,
    /// Rounded to 24 bits.
    Int24 = 1,
    /// Rounded to 16 bits.
    Int16 = 2,
}

impl SampleFormat {
    fn bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Int24 => 3,
            Self::Int16 => 2,
        }
    }

    /// Adds `sample` to `bytes`. Integers: the nearest to the sample times 2^(bits − 1), limited to their range.
    fn put(self, sample: f32, bytes: &mut Vec<u8>) {
        let scaled = |bits: i32| {
            let full = 2f64.powi(bits - 1);
            (sample as f64 * full).round().clamp(-full, full - 1.0) as i32
        };
        match self {
            Self::Float32 => bytes.extend(sample.to_le_bytes()),
            Self::Int24 => bytes.extend(&scaled(24).to_le_bytes()[..3]),
            Self::Int16 => bytes.extend(&scaled(16).to_le_bytes()[..2]),
        }
    }
}

/// What the samples are.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Channels.
    pub channels: u16,
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Rate of the stream, in whose frames the origin is told.
    pub stream_rate_hz: u32,
    /// How they are stored.
    pub format: SampleFormat,
}

/// What the first sample is. [`NONE`] where it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its frame in the stream.
    pub frame: i64,
    /// Its time at the converter, MONOTONIC.
    pub host_ns: i64,
    /// The same in Unix time.
    pub unix_ns: i64,
    /// How uncertain both are.
    pub uncertainty_ns: i64,
}

impl Default for Origin {
    fn default() -> Self {
        Self { frame: NONE, host_ns: NONE, unix_ns: NONE, uncertainty_ns: NONE }
    }
}

/// The file.
#[derive(Debug)]
pub struct GrowingWav {
    file: File,
    spec: Spec,
    origin: Origin,
    gathered: Vec<u8>,
    /// Bytes of samples in the file, counted by the header or not.
    written: u64,
}

impl GrowingWav {
    /// Makes a file that holds no samples yet. Fails if there is one already.
    pub fn create(path: &Path, spec: Spec) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let gathered = Vec::with_capacity(GATHERED_BYTES + 4 * spec.channels as usize);
        let mut growing = Self { file, spec, origin: Origin::default(), gathered, written: 0 };
        growing.write_header()?;
        Ok(growing)
    }

    /// Says what the first sample is; the next commit writes it.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Adds interleaved samples, whole frames of them.
    pub fn append(&mut self, samples: &[f32]) -> io::Result<()> {
        for frame in samples.chunks(self.spec.channels as usize) {
            for &sample in frame {
                self.spec.format.put(sample, &mut self.gathered);
            }
            if self.gathered.len() >= GATHERED_BYTES {
                self.write_gathered()?;
            }
        }
        Ok(())
    }

    /// Makes everything that was added so far readable.
    pub fn commit(&mut self) -> io::Result<()> {
        let gathered = self.write_gathered();
        // Also after a failure, of a full disk for example: what did fit is to be readable.
        self.write_header()?;
        gathered
    }

    /// Frames in the file.
    pub fn frames(&self) -> i64 {
        (self.written / self.frame_bytes()) as i64
    }

    fn frame_bytes(&self) -> u64 {
        self.spec.channels as u64 * self.spec.format.bytes() as u64
    }

    fn write_gathered(&mut self) -> io::Result<()> {
        let mut done = 0;
        let mut result = Ok(());
        while done < self.gathered.len() {
            match self.file.write(&self.gathered[done..]) {
                Ok(0) => {
                    result = Err(io::ErrorKind::WriteZero.into());
                    break;
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.gathered.drain(..done);
        self.written += done as u64;
        result
    }

    fn write_header(&mut self) -> io::Result<()> {
        let header = self.header();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.seek(SeekFrom::Start(header.len() as u64 + self.written))?;
        Ok(())
    }

    fn header(&self) -> Vec<u8> {
        let frames = self.written / self.frame_bytes();
        let data_bytes = frames * self.frame_bytes();
        let mut chunks = Vec::new();
        put_chunk(&mut chunks, b"bext", &self.bext());
        put_chunk(&mut chunks, b"fmt ", &self.fmt());
        put_chunk(&mut chunks, b"iXML", &self.ixml());
        let fact_at = chunks.len();
        put_chunk(&mut chunks, b"fact", &small(frames).to_le_bytes());
        // "WAVE", the ds64 or JUNK chunk of 28 bytes, and the head of the data chunk.
        let riff_bytes = 4 + 36 + chunks.len() as u64 + 8 + data_bytes;
        let large = riff_bytes >= IN_DS64 as u64;

        let mut header = Vec::with_capacity(chunks.len() + 56);
        header.extend(if large { b"RF64" } else { b"RIFF" });
        header.extend(if large { IN_DS64 } else { riff_bytes as u32 }.to_le_bytes());
        header.extend(b"WAVE");
        let mut ds64 = [0; 28];
        if large {
            ds64[..8].copy_from_slice(&riff_bytes.to_le_bytes());
            ds64[8..16].copy_from_slice(&data_bytes.to_le_bytes());
            ds64[16..24].copy_from_slice(&frames.to_le_bytes());
            chunks[fact_at + 8..].copy_from_slice(&IN_DS64.to_le_bytes());
        }
        put_chunk(&mut header, if large { b"ds64" } else { b"JUNK" }, &ds64);
        header.extend(chunks);
        header.extend(b"data");
        header.extend(if large { IN_DS64 } else { data_bytes as u32 }.to_le_bytes());
        header
    }

    /// Microsoft's WAVEFORMATEXTENSIBLE; the plain form for what every program reads, 16 bits and two channels.
    fn fmt(&self) -> Vec<u8> {
        let Spec { channels, sample_rate_hz, format, .. } = self.spec;
        let bits = format.bytes() as u16 * 8;
        let plain = format == SampleFormat::Int16 && channels <= 2;
        let tag: u16 = if format == SampleFormat::Float32 { 3 } else { 1 };
        let mut fmt = Vec::new();
        fmt.extend(if plain { tag } else { 0xFFFE }.to_le_bytes());
        fmt.extend(channels.to_le_bytes());
        fmt.extend(sample_rate_hz.to_le_bytes());
        fmt.extend((sample_rate_hz.saturating_mul(self.frame_bytes() as u32)).to_le_bytes());
        fmt.extend((self.frame_bytes() as u16).to_le_bytes());
        fmt.extend(bits.to_le_bytes());
        if !plain {
            fmt.extend(22u16.to_le_bytes());
            fmt.extend(bits.to_le_bytes());
            // No loudspeaker positions: the channels are inputs of a sound card.
            fmt.extend(0u32.to_le_bytes());
            fmt.extend(tag.to_le_bytes());
            fmt.extend(b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71");
        }
        fmt
    }

    fn bext(&self) -> Vec<u8> {
        let mut bext = vec![0; 602];
        let mut text = |at: usize, room: usize, text: String| {
            let length = text.len().min(room);
            bext[at..at + length].copy_from_slice(&text.as_bytes()[..length]);
        };
        let Origin { frame, host_ns, unix_ns, .. } = self.origin;
        text(
            0,
            256,
            format!("first sample: stream frame {frame}, MONOTONIC {host_ns} ns, Unix {unix_ns} ns"),
        );
        text(256, 32, format!("sonset {}", env!("CARGO_PKG_VERSION")));
        if unix_ns >= 0 {
            let (date, ns_of_day) = utc(unix_ns);
            let seconds = ns_of_day / 1_000_000_000;
            text(320, 10, date);
            text(330, 8, format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60));
            let samples = ns_of_day as u128 * self.spec.sample_rate_hz as u128 / 1_000_000_000;
            bext[338..346].copy_from_slice(&(samples as u64).to_le_bytes());
        }
        bext[346] = 1;
        bext
    }

    fn ixml(&self) -> Vec<u8> {
        let Origin { frame, host_ns, unix_ns, uncertainty_ns } = self.origin;
        let Spec { sample_rate_hz: rate, stream_rate_hz: stream_rate, .. } = self.spec;
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BWFXML>\n<IXML_VERSION>2.10</IXML_VERSION>\n\
             <SPEED><FILE_SAMPLE_RATE>{rate}</FILE_SAMPLE_RATE></SPEED>\n\
             <SONSET>\n<START_FRAME>{frame}</START_FRAME>\n<STREAM_SAMPLE_RATE>{stream_rate}</STREAM_SAMPLE_RATE>\n\
             <START_MONOTONIC_NS>{host_ns}</START_MONOTONIC_NS>\n\
             <START_UNIX_NS>{unix_ns}</START_UNIX_NS>\n<UNCERTAINTY_NS>{uncertainty_ns}</UNCERTAINTY_NS>\n\
             </SONSET>\n</BWFXML>\n"
        )
        .into_bytes();
        text.resize(IXML_BYTES, b' ');
        text
    }
}

fn put_chunk(to: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    to.extend(name);
    to.extend((body.len() as u32).to_le_bytes());
    to.extend(body);
}

fn small(value: u64) -> u32 {
    value.min(IN_DS64 as u64) as u32
}

/// The date of a Unix time as yyyy-mm-dd, and the nanoseconds since midnight, in UTC. The date by Howard
/// Hinnant's `civil_from_days`, for days after 1970.
fn utc(unix_ns: i64) -> (String, i64) {
    let day_ns = 86_400 * 1_000_000_000;
    let days = unix_ns / day_ns + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + (month <= 2) as i64;
    (format!("{year:04}-{month:02}-{day:02}"), unix_ns % day_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec =
        Spec { channels: 2, sample_rate_hz: 48_000, stream_rate_hz: 48_000, format: SampleFormat::Float32 };

    /// The chunks of a file as name, offset of the body and stated size.
    fn chunks(bytes: &[u8]) -> Vec<(String, usize, u32)> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut at = 12;
        let mut found = Vec::new();
        while at + 8 <= bytes.len() {
            let name = String::from_utf8(bytes[at..at + 4].to_vec()).unwrap();
            found.push((name.clone(), at + 8, word(at + 4)));
            if name == "data" {
                break;
            }
            at += 8 + word(at + 4) as usize;
        }
        found
    }

    fn samples(frames: usize) -> Vec<f32> {
        (0..frames * 2).map(|n| ((n * 37 % 2_001) as f32 - 1_000.0) / 1_000.0).collect()
    }

    #[test]
    fn what_was_committed_is_readable_while_the_file_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.wav");
        let mut growing = GrowingWav::create(&path, SPEC).unwrap();
        assert_eq!(hound::WavReader::open(&path).unwrap().duration(), 0);
        let all = samples(100_000);
        for (n, part) in all.chunks(2 * 30_000).enumerate() {
            growing.append(part).unwrap();
            growing.commit().unwrap();
            // What comes after the last commit is not counted yet.
            let (mut reader, end) = (hound::WavReader::open(&path).unwrap(), (n + 1) * 2 * 30_000);
            let read: Vec<f32> = reader.samples().map(Result::unwrap).collect();
            assert_eq!(read, all[..end.min(all.len())]);
        }
        assert_eq!(growing.frames(), 100_000);
    }

    #[test]
    fn integers_are_the_nearest_and_stay_in_range() {
        let folder = tempfile::tempdir().unwrap();
        for (format, bits) in [(SampleFormat::Int16, 16), (SampleFormat::Int24, 24)] {
            let path = folder.path().join(format!("{bits}.wav"));
            let spec = Spec { channels: 1, format, ..SPEC };
            let mut growing = GrowingWav::create(&path, spec).unwrap();
            let full = 2f32.powi(bits - 1);
            let given = [0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 100.4 / full, 100.6 / full, -100.6 / full];
            growing.append(&given).unwrap();
            growing.commit().unwrap();
            let mut reader = hound::WavReader::open(&path).unwrap();
            assert_eq!(reader.spec().bits_per_sample, bits as u16);
            let read: Vec<i32> = reader.samples().map(Result::unwrap).collect();
            let (top, half) = (full as i32 - 1, full as i32 / 2);
            assert_eq!(read, [0, top, -top - 1, top, -top - 1, half, 100, 101, -101]);
        }
    }

    #[test]
    fn the_first_sample_has_its_frame_and_time_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("origin.wav");
        let mut growing = GrowingWav::create(&path, SPEC).unwrap();
        // 2026-11-23 18:30:05.25 UTC.
        let unix_ns = 1_795_458_605_250_000_000;
        growing.set_origin(Origin { frame: 4_711, host_ns: 99, unix_ns, uncertainty_ns: 12 });
        growing.commit().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let chunks = chunks(&bytes);
        let bext = chunks.iter().find(|(name, ..)| name == "bext").unwrap().1;
        assert_eq!(&bytes[bext + 320..bext + 338], b"2026-11-2318:30:05");
        let since_midnight = u64::from_le_bytes(bytes[bext + 338..bext + 346].try_into().unwrap());
        assert_eq!(since_midnight, (18 * 3_600 + 30 * 60 + 5) * 48_000 + 12_000);
        let (_, at, size) = chunks.iter().find(|(name, ..)| name == "iXML").unwrap();
        let text = std::str::from_utf8(&bytes[*at..at + *size as usize]).unwrap();
        for said in ["<START_FRAME>4711<", "<START_MONOTONIC_NS>99<", "<UNCERTAINTY_NS>12<"] {
            assert!(text.contains(said), "{text}");
        }
        assert!(text.contains(&format!("<START_UNIX_NS>{unix_ns}<")), "{text}");
    }

    #[test]
    fn beyond_4_gib_the_header_is_rf64_with_the_real_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.wav");
        let mut growing = GrowingWav::create(&path, SPEC).unwrap();
        let start = growing.header().len() as u64;
        // The samples up to there are a hole in the file.
        growing.written = 1 << 32;
        growing.file.seek(SeekFrom::Start(start + growing.written)).unwrap();
        growing.append(&[0.25, -0.5]).unwrap();
        growing.commit().unwrap();
        let mut head = vec![0; start as usize];
        io::Read::read_exact(&mut File::open(&path).unwrap(), &mut head).unwrap();
        assert_eq!((&head[..4], &head[4..8]), (&b"RF64"[..], &[0xFF; 4][..]));
        let chunks = chunks(&head);
        let (name, at, size) = &chunks[0];
        assert_eq!((name.as_str(), *size), ("ds64", 28));
        let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let data_bytes = (1 << 32) + 8;
        assert_eq!([long(at + 8), long(at + 16)], [data_bytes, data_bytes / 8]);
        assert_eq!(long(*at), std::fs::metadata(&path).unwrap().len() - 8);
        assert_eq!(chunks.last().unwrap(), &("data".to_string(), start as usize, u32::MAX));
        let frames = std::process::Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "stream=duration_ts", "-of", "csv=p=0"])
            .arg(&path)
            .output()
            .expect("ffprobe is there");
        let frames = String::from_utf8_lossy(&frames.stdout).trim().parse();
        assert_eq!(frames, Ok(data_bytes / 8), "as another program reads it");
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious.wav");
        std::fs::write(&path, "data of a year").unwrap();
        let refused = GrowingWav::create(&path, SPEC).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data of a year");
    }

    /// /dev/full fails every write as a full disk does; a file-size limit would need a process of its own.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_leaves_the_count_at_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut growing = GrowingWav::create(&folder.path().join("a.wav"), SPEC).unwrap();
        growing.append(&samples(10)).unwrap();
        growing.commit().unwrap();
        growing.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        growing.append(&samples(10)).unwrap();
        let error = growing.commit().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(growing.frames(), 10);
    }
}
