//! What comes out of media files, against the sound that ffmpeg made them from.
#![allow(missing_docs)]

mod media;

use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use media::*;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::file::decode::Decoder;
use sonset::file::growing::{GrowingWav, SampleFormat, Spec};
use sonset::file::load::load;
use sonset::file::wav;

/// Name, ffmpeg's arguments, frames by which the file is known to be late, and whether its length is exact.
type Format = (&'static str, &'static str, usize, bool);

/// Formats that give every sample as it was, in 16 bits.
const LOSSLESS: &[Format] = &[
    ("s16.wav", "-c:a pcm_s16le", 0, true),
    ("s24.wav", "-c:a pcm_s24le", 0, true),
    ("f64.wav", "-c:a pcm_f64le", 0, true),
    ("rf64.wav", "-rf64 always -c:a pcm_s24le", 0, true),
    ("s24.aiff", "-c:a pcm_s24be", 0, true),
    ("a.flac", "-sample_fmt s16", 0, true),
    ("f.oga", "-c:a flac -sample_fmt s16", 0, true),
    ("alac.m4a", "-c:a alac -sample_fmt s16p", 0, true),
    ("flac.mp4", "-c:a flac -sample_fmt s16 -strict -2", 0, true),
    ("p.mov", "-c:a pcm_s16le", 0, true),
    ("flac.mkv", "-c:a flac -sample_fmt s16", 0, true),
    ("pcm.mkv", "-c:a pcm_s16le", 0, true),
];

const LOSSY: &[Format] = &[
    ("cbr.mp3", "-b:a 192k", 0, true),
    ("vbr.mp3", "-q:a 2", 0, true),
    ("v.ogg", "-c:a libvorbis -q:a 6", 0, true),
    ("a.m4a", "-c:a aac -aac_pns 0 -b:a 192k", 0, true),
    ("a.mp4", "-c:a aac -aac_pns 0 -b:a 192k", 0, true),
    (
        "f.mp4",
        "-c:a aac -aac_pns 0 -b:a 192k -movflags frag_keyframe+delay_moov -frag_duration 500000",
        0,
        true,
    ),
    ("v.mkv", "-c:a libvorbis -q:a 6", 0, false),
    ("v.webm", "-c:a libvorbis -q:a 6", 0, false),
    ("alaw.wav", "-c:a pcm_alaw", 0, true),
    ("ima.wav", "-c:a adpcm_ima_wav", 0, false),
    ("ms.wav", "-c:a adpcm_ms", 0, false),
    // No header says by how much these are late.
    ("bare.mp3", "-b:a 192k -write_xing 0", 1105, false),
    ("a.mp2", "-b:a 256k", 481, false),
    ("a.aac", "-c:a aac -aac_pns 0 -b:a 192k", 1024, false),
    ("aac.mkv", "-c:a aac -aac_pns 0 -b:a 192k", 1024, false),
    ("mp3.mkv", "-c:a libmp3lame -b:a 192k", 1105, false),
];

const CHANNELS: usize = 2;

fn read_all(path: &Path, track: i32) -> (Decoder, Vec<f32>) {
    let mut decoder = Decoder::open(path, track).unwrap_or_else(|error| panic!("{error}"));
    let samples = read_from(&mut decoder, usize::MAX);
    (decoder, samples)
}

/// Up to `frames` frames in uneven pieces.
fn read_from(decoder: &mut Decoder, frames: usize) -> Vec<f32> {
    let channels = decoder.info().channels;
    let mut samples = Vec::new();
    for size in [1, 999, 64, 3_000].into_iter().cycle() {
        let size = size.min(frames - samples.len() / channels);
        let mut piece = vec![0.0; size * channels];
        let done = decoder.read(&mut piece).unwrap_or_else(|error| panic!("{error}"));
        samples.extend_from_slice(&piece[..done * channels]);
        if done == 0 {
            break;
        }
    }
    samples
}

/// Where `channel` is largest within `range`.
fn peak(samples: &[f32], channels: usize, channel: usize, range: Range<usize>) -> usize {
    let magnitude = |frame: usize| samples[frame * channels + channel].abs();
    range.max_by(|&a, &b| magnitude(a).total_cmp(&magnitude(b))).unwrap()
}

/// Clicks of all channels lie `late` frames after their place.
fn check_clicks(name: &str, samples: &[f32], channels: usize, late: usize) {
    for channel in 0..channels {
        for frame in clicks(channel) {
            let found = peak(samples, channels, channel, frame - 700..frame + 1_500.min(2 * late + 700));
            assert_eq!(found, frame + late, "{name}, channel {channel}");
        }
    }
}

#[test]
fn a_click_lies_at_its_frame_in_lossy_formats() {
    let folder = tempfile::tempdir().unwrap();
    for (n, &(name, arguments, late, exact_length)) in LOSSY.iter().enumerate() {
        let rate = [44_100, 48_000][n % 2];
        let path = encode(folder.path(), name, &sound(CHANNELS), CHANNELS, rate, arguments);
        let (decoder, samples) = read_all(&path, 0);
        assert_eq!(decoder.info().sample_rate_hz, rate, "{name}");
        check_clicks(name, &samples, CHANNELS, late);
        let frames = samples.len() / CHANNELS;
        assert!(if exact_length { frames == FRAMES } else { frames >= FRAMES }, "{name}: {frames} frames");
        assert!(decoder.info().frames.is_none_or(|stated| stated == frames as u64), "{name}");
    }
}

#[test]
fn lossless_formats_give_every_sample_and_all_give_the_same_after_a_seek() {
    let folder = tempfile::tempdir().unwrap();
    let in_16_bits = |sample: f32| (sample * 32_768.0).round() / 32_768.0;
    let sound: Vec<f32> = noise(150_000, CHANNELS).into_iter().map(in_16_bits).collect();
    for &(name, arguments, ..) in LOSSLESS.iter().chain(LOSSY) {
        let path = encode(folder.path(), name, &sound, CHANNELS, 48_000, arguments);
        let (mut decoder, samples) = read_all(&path, 0);
        assert!(samples == sound || LOSSY.iter().any(|lossy| lossy.0 == name), "{name}");
        let frames = samples.len() / CHANNELS;
        // Forward and back, near and far, from the end, to the start and to the end.
        for frame in [140_000, 0, 1, 149_000, 700, 120_000, 120_001, 12_345, 83_000, 47, frames] {
            decoder.seek(frame as u64).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(decoder.position(), frame as u64);
            let got = read_from(&mut decoder, 5_000);
            let expected = &samples[frame * CHANNELS..(frame + 5_000).min(frames) * CHANNELS];
            assert_eq!(got.len(), expected.len(), "{name}, frame {frame}");
            let off = (0..got.len()).find(|&n| (got[n] - expected[n]).abs() > 1e-6);
            assert_eq!(off.map(|n| n / CHANNELS), None, "{name}, from frame {frame}");
        }
    }
}

#[test]
fn a_film_gives_the_sound_track_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let first = encode(folder.path(), "1.wav", &sound(2), 2, 48_000, "");
    let second = encode(folder.path(), "2.wav", &sound(2), 2, 44_100, "");
    let picture = "-f lavfi -i testsrc=size=64x48:rate=25:duration=2.5";
    for (name, codec) in [("film.mp4", "aac"), ("film.mkv", "flac"), ("film.mov", "pcm_s16le")] {
        let film = folder.path().join(name);
        let sounds = format!("-i {} -i {}", first.display(), second.display());
        let maps = "-map 0:v -map 1:a -map 2:a -c:v mpeg4 -bf 2 -b:a 192k";
        ffmpeg(&format!("{picture} {sounds} {maps} -c:a {codec} {}", film.display()));
        for (track, rate) in [(0, 48_000), (1, 48_000), (2, 44_100)] {
            let (decoder, samples) = read_all(&film, track);
            let info = decoder.info();
            assert_eq!((info.sample_rate_hz, info.channels), (rate, 2), "{name}, track {track}");
            assert_eq!((info.track, decoder.tracks().len()), (track.max(1), 2));
            check_clicks(name, &samples, 2, 0);
        }
        let error = load(&film, 0, 3).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.contains("track 3"), "{error}");
    }
}

#[test]
fn silence_stands_before_a_track_that_begins_later_than_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let sounds = encode(folder.path(), "1.wav", &sound(2), 2, 48_000, "");
    // MP4 files of ffmpeg tell when a track begins in milliseconds: 729 of them, and 1024 frames of priming.
    for (name, codec, offset, frames) in
        [("late.mp4", "aac", 0.750_333_3, 36_016), ("late.mkv", "flac", 0.75, 36_000)]
    {
        let film = folder.path().join(name);
        let picture = "-f lavfi -i testsrc=size=64x48:rate=25:duration=4";
        let late = format!("-itsoffset {offset} -i {}", sounds.display());
        ffmpeg(&format!("{picture} {late} -c:v mpeg4 -c:a {codec} -b:a 192k {}", film.display()));
        let (mut decoder, samples) = read_all(&film, 0);
        assert!(samples[..70_000].iter().all(|&sample| sample == 0.0), "{name}");
        check_clicks(name, &samples[2 * frames..], 2, 0);
        decoder.seek(20_000).unwrap();
        assert!(read_from(&mut decoder, 40_000) == samples[40_000..120_000], "{name}");
    }
}

#[test]
fn the_codec_delay_of_a_matroska_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "a.mkv", &sound(2), 2, 48_000, "-c:a aac -aac_pns 0 -b:a 192k");
    let mut bytes = std::fs::read(&path).unwrap();
    // The language is as long as a delay of four bytes: 1024 frames in nanoseconds.
    let language = b"\x22\xB5\x9C\x83und";
    let at = bytes.windows(7).position(|part| part == language).unwrap();
    bytes[at..at + 3].copy_from_slice(b"\x56\xAA\x84");
    bytes[at + 3..at + 7].copy_from_slice(&21_333_333u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    let (mut decoder, samples) = read_all(&path, 0);
    check_clicks("a.mkv", &samples, 2, 0);
    decoder.seek(40_000).unwrap();
    assert!(read_from(&mut decoder, 20_000) == samples[80_000..120_000]);
}

#[test]
fn channels_come_in_the_order_of_wav_files() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        ("6.wav", "-c:a pcm_s16le"),
        ("6.flac", ""),
        ("6.ogg", "-c:a libvorbis -q:a 8"),
        ("6.m4a", "-c:a alac"),
        ("6.mkv", "-c:a libvorbis -q:a 8"),
    ];
    for (name, arguments) in formats {
        let arguments = format!("-channel_layout 5.1 {arguments}");
        let path = encode(folder.path(), name, &sound(6), 6, 48_000, &arguments);
        let (_, samples) = read_all(&path, 0);
        // Not the fourth channel, low frequencies, in which no encoder keeps a click.
        for channel in [0, 1, 2, 4, 5] {
            for frame in clicks(channel) {
                assert_eq!(peak(&samples, 6, channel, frame - 700..frame + 700), frame, "{name}");
            }
        }
    }
}

#[test]
fn what_is_saved_can_be_loaded_with_any_number_of_channels() {
    let folder = tempfile::tempdir().unwrap();
    for channels in (1..=20).chain([64, 256]) {
        let samples = noise(700, channels);
        let buffer = Buffer::copy(&samples, 700, channels as i32, 96_000).unwrap();
        let path = folder.path().join("many.wav");
        wav::save(&buffer, &path, 0).unwrap();
        let (mut decoder, back) = read_all(&path, 0);
        assert!(back == samples, "{channels} channels");
        decoder.seek(500).unwrap();
        assert!(read_from(&mut decoder, 700) == samples[500 * channels..], "{channels} channels");
    }
}

#[test]
fn the_end_of_a_file_beyond_4_gib_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wav");
    let frames = (1u64 << 30) + 5;
    let mut head = Vec::new();
    head.extend_from_slice(b"RF64\xFF\xFF\xFF\xFFWAVEds64\x1C\0\0\0");
    for size in [72 + 8 * frames, 8 * frames, frames] {
        head.extend_from_slice(&size.to_le_bytes());
    }
    head.extend_from_slice(b"\0\0\0\0fmt \x10\0\0\0\x03\0\x02\0");
    head.extend_from_slice(&48_000u32.to_le_bytes());
    head.extend_from_slice(&384_000u32.to_le_bytes());
    head.extend_from_slice(b"\x08\0\x20\0data\xFF\xFF\xFF\xFF");
    // Silence is a hole in the file; what follows the samples is a chunk of another kind.
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&head).unwrap();
    file.seek(SeekFrom::Start(head.len() as u64 + 8 * (frames - 1))).unwrap();
    for sample in [0.25f32, -0.5] {
        file.write_all(&sample.to_le_bytes()).unwrap();
    }
    file.write_all(b"LIST\x04\0\0\0INFO").unwrap();
    drop(file);
    let mut decoder = Decoder::open(&path, 0).unwrap();
    assert_eq!(decoder.info().frames, Some(frames));
    decoder.seek(frames - 2).unwrap();
    assert_eq!(read_from(&mut decoder, 100), [0.0, 0.0, 0.25, -0.5]);
}

#[test]
fn a_recording_is_read_while_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.wav");
    let spec =
        Spec { channels: 2, sample_rate_hz: 48_000, stream_rate_hz: 48_000, format: SampleFormat::Float32 };
    let mut growing = GrowingWav::create(&path, spec).unwrap();
    let samples = noise(50_000, 2);
    growing.append(&samples).unwrap();
    growing.commit().unwrap();
    assert!(read_all(&path, 0).1 == samples);
    growing.append(&samples).unwrap();
    assert!(read_all(&path, 0).1 == samples);
}

#[test]
fn what_is_not_read_is_named_with_the_command_that_converts_it() {
    let folder = tempfile::tempdir().unwrap();
    let unsupported = [
        ("o.webm", 2, "-c:a libopus", "Opus"),
        ("o.ogg", 2, "-c:a libopus", "Opus"),
        ("a.mkv", 2, "-c:a ac3", "AC-3"),
        ("6.m4a", 6, "-channel_layout 5.1 -c:a aac", "aac, 6 channels"),
        ("a.wma", 2, "-c:a wmav2", "no sound file that is read"),
    ];
    for (name, channels, arguments, reason) in unsupported {
        let path = encode(folder.path(), name, &noise(48_000, channels), channels, 48_000, arguments);
        let error = load(&path, 0, 0).unwrap_err();
        assert_eq!(error.code, Code::FileFormat, "{name}");
        let command = format!("ffmpeg -i \"{}\"", path.display());
        assert!(error.message.contains(reason) && error.message.contains(&command), "{name}: {error}");
    }
}

#[test]
fn a_file_is_what_it_holds_and_not_what_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "a.flac", &sound(1), 1, 48_000, "");
    let renamed = folder.path().join("a.mp3");
    std::fs::rename(path, &renamed).unwrap();
    check_clicks("a.mp3", &read_all(&renamed, 0).1, 1, 0);
}

#[test]
fn files_that_are_no_sound_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.mp3");
    std::fs::write(&empty, b"").unwrap();
    let text = folder.path().join("text.wav");
    std::fs::write(&text, "words and nothing but words\n".repeat(1000)).unwrap();
    let silent = encode(folder.path(), "none.wav", &[], 1, 48_000, "-c:a pcm_s16le");
    for path in [&empty, &text, &silent, &folder.path().to_path_buf()] {
        let error = load(path, 0, 0).unwrap_err();
        assert_eq!(error.code, Code::FileFormat, "{error}");
        assert!(error.message.contains(&*path.to_string_lossy()), "{error}");
    }
    let error = load(&folder.path().join("missing.flac"), 0, 0).unwrap_err();
    assert_eq!(error.code, Code::FileNotFound);
}

#[test]
fn a_cut_file_plays_to_the_cut_and_then_says_where_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let sound = noise(FRAMES, CHANNELS);
    for (name, arguments) in [("s16.wav", "-c:a pcm_s16le"), ("a.flac", ""), ("cbr.mp3", "-b:a 192k")] {
        let path = encode(folder.path(), name, &sound, CHANNELS, 48_000, arguments);
        let (_, whole) = read_all(&path, 0);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let mut decoder = Decoder::open(&path, 0).unwrap();
        let mut samples = vec![0.0; whole.len()];
        let frames = decoder.read(&mut samples).unwrap();
        assert!(frames > FRAMES / 3 && frames < FRAMES * 2 / 3, "{name}: {frames}");
        assert!(samples[..frames * CHANNELS] == whole[..frames * CHANNELS], "{name}");
        let error = decoder.read(&mut samples).unwrap_err();
        assert_eq!(error.code, Code::FileFormat);
        assert!(error.message.contains(&format!("frame {frames}")), "{name}: {error}");
        assert_eq!(load(&path, 0, 0).unwrap_err().code, Code::FileFormat, "{name}");
    }
    for (name, arguments) in
        [("a.aiff", ""), ("a.m4a", "-c:a aac -movflags faststart"), ("b.m4a", "-c:a aac")]
    {
        let path = encode(folder.path(), name, &sound, CHANNELS, 48_000, arguments);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(load(&path, 0, 0).unwrap_err().code, Code::FileFormat, "{name}");
    }
}

#[test]
fn a_loaded_file_has_the_rate_asked_for_and_its_onsets_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "a.mp3", &sound(2), 2, 44_100, "-b:a 192k");
    let buffer = load(&path, 48_000, 0).unwrap();
    assert_eq!((buffer.sample_rate_hz(), buffer.resampled_from_hz()), (48_000, 44_100));
    assert_eq!(buffer.frames(), (FRAMES as i64 * 480 + 220) / 441);
    let mut samples = vec![0.0; buffer.frames() as usize * 2];
    buffer.read(0, &mut samples).unwrap();
    for frame in clicks(1) {
        let expected = (frame as f64 * 480.0 / 441.0).round() as usize;
        assert_eq!(peak(&samples, 2, 1, expected - 500..expected + 500), expected);
    }
    let own = load(&path, 44_100, 1).unwrap();
    assert_eq!((own.sample_rate_hz(), own.resampled_from_hz()), (44_100, 0));
}
