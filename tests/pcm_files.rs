//! What is promised of files of uncompressed sound beyond their samples: lengths that are not known, contradictions,
//! pipes, exact rates.
#![allow(missing_docs)]

mod pcm;

use std::path::{Path, PathBuf};

use pcm::movie::Said;
use pcm::{Coding, Numbers, chunk, number, samples};
use sonset::error::{Code, Error, Result};
use sonset::file::decode::Decoder;
use sonset::file::growing::{GrowingWav, SampleFormat, Spec};
use sonset::file::load::load;
use sonset::file::rate::RatedDecoder;

/// 16 bits, two channels, 8000 Hz.
fn format() -> Vec<u8> {
    fields(1, 2, 8_000, 4, 16)
}

fn fields(tag: u64, channels: u64, rate: u64, block: u64, bits: u64) -> Vec<u8> {
    let fields = [(tag, 2), (channels, 2), (rate, 4), (rate * block, 4), (block, 2), (bits, 2)];
    fields.iter().flat_map(|&(value, size)| number(value, size, false)).collect()
}

/// Four frames, and what they are.
fn sound() -> (Vec<u8>, Vec<f32>) {
    samples(&mut Numbers::new(7), Coding::Int(2, 16), false, 8)
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    chunk(b"RIFF", &body, false, true)
}

/// A data chunk that states `size`.
fn data(size: u64, bytes: &[u8]) -> Vec<u8> {
    [b"data".to_vec(), number(size, 4, false), bytes.to_vec()].concat()
}

fn written(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("test.wav");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn all(decoder: &mut Decoder) -> Result<Vec<f32>> {
    let channels = decoder.info().channels;
    let (mut samples, mut piece) = (Vec::new(), vec![0.0; 64 * channels]);
    loop {
        match decoder.read(&mut piece)? {
            0 => return Ok(samples),
            frames => samples.extend_from_slice(&piece[..frames * channels]),
        }
    }
}

fn refusal(bytes: &[u8]) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&written(folder.path(), bytes), 0, 0).unwrap_err();
    assert_eq!(error.code, Code::FileFormat, "{error}");
    error
}

#[test]
fn a_length_that_is_not_known_goes_to_the_end_of_the_file_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, samples) = sound();
    for size in [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFDB] {
        let path =
            written(folder.path(), &riff(&[chunk(b"fmt ", &format(), false, true), data(size, &bytes)]));
        let mut decoder = Decoder::open(&path, 0).unwrap();
        assert!(decoder.info().length_from_end_of_file, "{size:#x}");
        assert_eq!(decoder.info().frames, Some(4));
        assert_eq!(all(&mut decoder).unwrap(), samples);
        let buffer = load(&path, 0, 0).unwrap();
        assert!(buffer.origin().length_from_end_of_file);
    }
    let path = written(folder.path(), &riff(&[chunk(b"fmt ", &format(), false, true), data(16, &bytes)]));
    assert!(!load(&path, 0, 0).unwrap().origin().length_from_end_of_file);
}

#[test]
fn a_definite_length_that_is_not_there_is_a_cut_that_tells_its_frame() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, samples) = sound();
    for size in [20, 400, 0x7FFF_0000, 0xB2D0_5E00] {
        let path =
            written(folder.path(), &riff(&[chunk(b"fmt ", &format(), false, true), data(size, &bytes)]));
        let mut decoder = Decoder::open(&path, 0).unwrap();
        assert!(!decoder.info().length_from_end_of_file);
        let mut out = [0.0; 8];
        assert_eq!(decoder.read(&mut out).unwrap(), 4);
        assert_eq!(out, samples[..]);
        let error = decoder.read(&mut out).unwrap_err();
        assert!(error.code == Code::FileFormat && error.message.contains("frame 4"), "{error}");
    }
}

#[test]
fn an_empty_data_chunk_before_another_one_holds_no_samples() {
    let list = chunk(b"LIST", b"INFOISFT\x04\0\0\0abc\0", false, true);
    let error = refusal(&riff(&[chunk(b"fmt ", &format(), false, true), data(0, &[]), list]));
    assert!(error.message.contains("no samples"), "{error}");
    let error = refusal(&riff(&[chunk(b"fmt ", &format(), false, true), data(0, &[])]));
    assert!(error.message.contains("no samples"), "{error}");
}

#[test]
fn a_chunk_of_odd_size_without_its_pad_byte_is_stepped_over() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, samples) = sound();
    for (next, rest) in [(b"fmt ", true), (b"data", false)] {
        let odd = chunk(b"LIST", b"INFOISFT\x03\0\0\0abc", false, false);
        let format = chunk(b"fmt ", &format(), false, true);
        let chunks = if rest { vec![odd, format] } else { vec![format, odd] };
        let path = written(folder.path(), &riff(&[chunks.concat(), data(16, &bytes)]));
        let mut decoder = Decoder::open(&path, 0).unwrap();
        assert_eq!(all(&mut decoder).unwrap(), samples, "before {}", next.escape_ascii());
    }
}

#[test]
fn a_container_that_is_stated_in_two_ways_is_refused_with_both() {
    let (bytes, _) = sound();
    for (bits, block) in [(24, 8), (20, 8), (8, 4)] {
        let format = fields(1, 2, 8_000, block, bits);
        let error = refusal(&riff(&[chunk(b"fmt ", &format, false, true), data(16, &bytes)]));
        let says = |text: String| error.message.contains(&text);
        assert!(
            says(format!("{bits} bits")) && says(format!("{block} bytes")) && says("ffmpeg".into()),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_pcm_is_refused_with_the_number_of_its_format() {
    for (tag, name) in [(0x55, "0x0055, MPEG"), (0x161, "0x0161, WMA"), (0x1234, "0x1234, unknown")] {
        let format = fields(tag, 2, 44_100, 4, 16);
        let error = refusal(&riff(&[chunk(b"fmt ", &format, false, true), data(16, &[0; 16])]));
        assert!(error.message.contains(name), "{error}");
    }
    let common =
        [b"\0\x02\0\0\0\x04\0\x10".to_vec(), pcm::aiff::extended(8e3).to_vec(), b"ima4".to_vec()].concat();
    let form = [b"AIFC".to_vec(), chunk(b"COMM", &common, true, true)].concat();
    assert!(refusal(&chunk(b"FORM", &form, true, true)).message.contains("'ima4'"));
}

#[test]
fn a_recording_of_more_than_4_gib_and_32_channels_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.wav");
    let spec =
        Spec { channels: 32, sample_rate_hz: 48_000, stream_rate_hz: 48_000, format: SampleFormat::Int24 };
    let mut growing = GrowingWav::create(&path, spec).unwrap();
    let sound: Vec<f32> = (0..32 * 50).map(|n| n as f32 / 2_048.0).collect();
    growing.append(&sound).unwrap();
    growing.commit().unwrap();
    // The header of a recording that has become so long: the same, with its sizes in ds64.
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|four| four == b"data").unwrap();
    bytes[..8].copy_from_slice(b"RF64\xFF\xFF\xFF\xFF");
    bytes[12..16].copy_from_slice(b"ds64");
    let frames = (1u64 << 32) / 96 + 50;
    bytes[20..28].copy_from_slice(&(frames * 96 + at as u64).to_le_bytes());
    bytes[28..36].copy_from_slice(&(frames * 96).to_le_bytes());
    bytes[at + 4..at + 8].copy_from_slice(&[0xFF; 4]);
    std::fs::write(&path, &bytes).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(at as u64 + 8 + frames * 96).unwrap();
    use std::os::unix::fs::FileExt;
    file.write_all_at(&bytes[at + 8..], at as u64 + 8 + (frames - 50) * 96).unwrap();
    let mut decoder = Decoder::open(&path, 0).unwrap();
    assert_eq!((decoder.info().channels, decoder.info().frames), (32, Some(frames)));
    decoder.seek(frames - 50).unwrap();
    assert_eq!(all(&mut decoder).unwrap(), sound);
}

#[test]
fn pipes_give_what_files_give_without_knowing_their_length() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, samples) = sound();
    let fmt = || chunk(b"fmt ", &format(), false, true);
    let odd = chunk(b"LIST", b"INFOISFT\x03\0\0\0abc\0", false, true);
    for (n, (size, frames)) in [(0, None), (0x7FFF_F000, None), (16, Some(4))].into_iter().enumerate() {
        let pipe = folder.path().join(format!("pipe{n}"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (written, to) = (riff(&[odd.clone(), fmt(), data(size, &bytes)]), pipe.clone());
        let writer = std::thread::spawn(move || std::fs::write(to, written));
        let mut decoder = Decoder::open(&pipe, 0).unwrap();
        assert_eq!(decoder.info().frames, frames, "{size:#x}");
        assert_eq!(decoder.info().length_from_end_of_file, frames.is_none());
        assert_eq!(all(&mut decoder).unwrap(), samples, "{size:#x}");
        writer.join().unwrap().unwrap();
    }
}

#[test]
fn quicktime_files_of_ffmpeg_give_every_sample_in_both_byte_orders() {
    let folder = tempfile::tempdir().unwrap();
    // Quiet, so that bytes in the wrong order would be loud.
    let mut numbers = Numbers::new(5);
    let sound: Vec<f32> =
        (0..6 * 2_000).map(|_| (numbers.below(6_000) as f32 - 3_000.0) / 32_768.0).collect();
    for (channels, rate) in [(1, 48_000), (2, 44_100), (2, 96_000), (6, 48_000)] {
        let source = folder.path().join("source.wav");
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(&source, spec).unwrap();
        sound.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let codecs =
            ["s16be", "s16le", "s24be", "s24le", "s32be", "s32le", "f32be", "f32le", "f64be", "f64le"];
        let mut command = std::process::Command::new("ffmpeg");
        command.args("-nostdin -v error -y -i".split(' ')).arg(&source);
        for codec in codecs {
            command.args(["-c:a", &format!("pcm_{codec}")]).arg(folder.path().join(format!("{codec}.mov")));
        }
        assert!(command.status().unwrap().success());
        for codec in codecs {
            let mut decoder = Decoder::open(&folder.path().join(format!("{codec}.mov")), 0).unwrap();
            let info = decoder.info().clone();
            assert_eq!((info.channels, info.sample_rate_hz), (channels as usize, rate), "{codec}");
            assert_eq!((info.codec, decoder.tracks()[0].codec), (&*format!("pcm_{codec}"), info.codec));
            assert_eq!(info.frames, Some(sound.len() as u64 / channels as u64), "{codec}");
            assert!(all(&mut decoder).unwrap() == sound, "{codec}, {channels} channels");
            decoder.seek(321).unwrap();
            assert!(all(&mut decoder).unwrap() == sound[321 * channels as usize..], "{codec} after a seek");
        }
    }
}

#[test]
fn descriptions_of_quicktime_sound_that_are_not_surely_understood_are_refused_by_name() {
    let good = |kind: &[u8; 4], version, coding| Said {
        kind: *kind,
        version,
        coding,
        big_endian: true,
        channels: 2,
        rate: 44_100,
        enda: version == 1,
    };
    let change = |said: Said, from: &[u8], to: &[u8]| {
        let mut bytes = said.file(&[0x11; 240], 10, false, true);
        let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let (int24, float) = (Coding::Int(3, 24), Coding::Float(4));
    let flags = |flags: u8| [0, 0, 0, 24, 0, 0, 0, flags];
    for (bytes, reasons) in [
        // Channels one after the other; low bits valid; unsigned.
        (change(good(b"lpcm", 2, int24), &flags(14), &flags(14 + 32)), ["lpcm", "0x2e"]),
        (change(good(b"lpcm", 2, Coding::Int(4, 24)), &flags(4 + 16 + 2), &flags(4 + 2)), ["lpcm", "0x6"]),
        (change(good(b"lpcm", 2, int24), &flags(14), &flags(10)), ["lpcm", "0xa"]),
        (change(good(b"ipcm", 0, int24), b"pcmC", b"free"), ["ipcm", "no pcmC"]),
        (change(good(b"ipcm", 0, int24), b"pcmC\0\0\0\0\0\x18", b"pcmC\0\0\0\0\0\x14"), ["ipcm", "20 bits"]),
        (change(good(b"fpcm", 0, float), b"pcmC\0\0\0\0\0", b"pcmC\0\0\0\0\x02"), ["fpcm", "0x2"]),
        (
            change(good(b"in24", 1, int24), &[0, 0, 0, 1, 0, 0, 0, 3], &[0, 0, 0, 1, 0, 0, 0, 4]),
            ["in24", "4 bytes"],
        ),
        (change(good(b"twos", 0, int24), b"\0\x02\0\x18", b"\0\x02\0\x14"), ["twos", "20 bits"]),
        (change(good(b"sowt", 0, int24), b"\0\x02\0\x18", b"\0\0\0\x18"), ["sowt", "0 channels"]),
        (
            change(good(b"in24", 1, int24), b"stsd\0\0\0\0\0\0\0\x01", b"stsd\0\0\0\0\0\0\0\x02"),
            ["stsd", "more than 1 sample entry"],
        ),
        (
            change(good(b"in24", 1, int24), b"stsz\0\0\0\0\0\0\0\x06", b"stsz\0\0\0\0\0\0\0\x08"),
            ["in24", "8 bytes"],
        ),
    ] {
        let error = refusal(&bytes);
        let says = |text: &str| error.message.contains(text);
        assert!(reasons.into_iter().all(says) && says("ffmpeg -i"), "{reasons:?}: {error}");
    }
}

#[test]
fn a_pipe_of_quicktime_sound_whose_byte_order_is_not_known_in_time_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (n, (kind, read)) in [(b"sowt", true), (b"in24", false)].into_iter().enumerate() {
        let said = Said {
            kind: *kind,
            version: 0,
            coding: if read { Coding::Int(2, 16) } else { Coding::Int(3, 24) },
            big_endian: !read,
            channels: 2,
            rate: 8_000,
            enda: false,
        };
        let (bytes, pipe) =
            (said.file(&[0x11; 240], 100, false, true), folder.path().join(format!("pipe{n}")));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let to = pipe.clone();
        let writer = std::thread::spawn(move || std::fs::write(to, bytes));
        match Decoder::open(&pipe, 0) {
            Ok(mut decoder) => assert!(read && all(&mut decoder).unwrap().len() == 120),
            Err(error) => assert!(!read && error.message.contains("byte order"), "{error}"),
        }
        let _ = writer.join().unwrap();
    }
}

/// An AIFF file of 16 bits at a rate that is no whole number, silent but for a click at `frame`.
fn macintosh(folder: &Path, rate: f64, frame: usize, frames: usize) -> PathBuf {
    let common = [
        number(1, 2, true),
        number(frames as u64, 4, true),
        number(16, 2, true),
        pcm::aiff::extended(rate).to_vec(),
    ];
    let mut sound = vec![0; 8 + 2 * frames];
    sound[8 + 2 * frame] = 0x60;
    let chunks = [chunk(b"COMM", &common.concat(), true, true), chunk(b"SSND", &sound, true, true)].concat();
    let path = folder.join("old.aiff");
    let form = [b"AIFF".to_vec(), chunks].concat();
    std::fs::write(&path, chunk(b"FORM", &form, true, true)).unwrap();
    path
}

fn loudest(samples: &[f32]) -> usize {
    (0..samples.len()).max_by(|&a, &b| samples[a].abs().total_cmp(&samples[b].abs())).unwrap()
}

#[test]
fn a_click_at_one_minute_stays_there_when_the_rate_is_no_whole_number() {
    let folder = tempfile::tempdir().unwrap();
    let rate = 22_254.545_454_545_454;
    let frame = (60.0 * rate) as usize;
    let path = macintosh(folder.path(), rate, frame, frame + 3_000);
    let expected = (frame as f64 / rate * 48_000.0).round() as usize;
    // 22255 Hz in its place would put it 59 frames too early.
    let buffer = load(&path, 48_000, 0).unwrap();
    let mut samples = vec![0.0; buffer.frames() as usize];
    buffer.read(0, &mut samples).unwrap();
    assert_eq!(loudest(&samples), expected);
    assert_eq!(buffer.resampled_from_hz(), 22_255);
    assert!((buffer.origin().file_rate_hz - rate).abs() < 1e-6);

    // As it is, and converted afterwards.
    let own = load(&path, 0, 0).unwrap();
    assert_eq!((own.sample_rate_hz(), own.frames()), (22_255, frame as i64 + 3_000));
    let converted = sonset::resample::resample(&own, 48_000).unwrap();
    let mut again = vec![0.0; converted.frames() as usize];
    converted.read(0, &mut again).unwrap();
    assert!(again == samples);
    // Asked for at 22255 Hz it is converted, as it has another rate.
    assert_eq!(load(&path, 22_255, 0).unwrap().resampled_from_hz(), 22_255);

    // Read from the disk from anywhere on.
    let mut rated = RatedDecoder::new(Decoder::open(&path, 0).unwrap(), 48_000).unwrap();
    assert_eq!(rated.frames(), Some(samples.len() as u64));
    rated.seek(expected as u64 - 700).unwrap();
    let mut part = vec![0.0; 2_000];
    assert_eq!(rated.read(&mut part).unwrap(), 2_000);
    assert_eq!(loudest(&part), 700);
}
