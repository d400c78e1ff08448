//! Which sound it is that a file holds: where it begins and ends, which streams follow each other in it, and what is
//! no sound at all.
#![allow(missing_docs)]

mod media;

use std::path::{Path, PathBuf};

use media::pages::{granule, heads, pages, set_granule, set_serial};
use media::*;
use sonset::error::{Code, Error};
use sonset::file::decode::Decoder;

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn bytes_of(folder: &Path, name: &str, samples: &[f32], arguments: &str) -> Vec<u8> {
    std::fs::read(encode(folder, name, samples, 2, 48_000, arguments)).unwrap()
}

fn open(path: &Path) -> Decoder {
    Decoder::open(path, 0).unwrap_or_else(|error| panic!("{error}"))
}

/// What comes up to the end, or to the error.
fn read_from(decoder: &mut Decoder) -> (Vec<f32>, Option<Error>) {
    let mut samples = Vec::new();
    let mut piece = vec![0.0; 3_000 * decoder.info().channels];
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return (samples, None),
            Ok(frames) => samples.extend_from_slice(&piece[..frames * decoder.info().channels]),
            Err(error) => return (samples, Some(error)),
        }
    }
}

fn read(path: &Path) -> Vec<f32> {
    let (samples, error) = read_from(&mut open(path));
    assert!(error.is_none(), "{}", error.unwrap());
    samples
}

/// Why it is not read.
fn refusal(path: &Path) -> String {
    let error = match Decoder::open(path, 0) {
        Ok(mut decoder) => read_from(&mut decoder).1.unwrap_or_else(|| panic!("{} is read", path.display())),
        Err(error) => error,
    };
    assert_eq!(error.code, Code::FileFormat, "{error}");
    assert!(error.message.contains(&format!("ffmpeg -i \"{}\"", path.display())), "{error}");
    error.message
}

/// Reads from several frames on, near and far, and compares with all that was read in one go.
fn check_seeks(path: &Path, whole: &[f32]) {
    let mut decoder = open(path);
    let frames = whole.len() / 2;
    for part in [7, 3, 9, 0, 5, 1, 8, 2, 10, 4] {
        let frame = frames * part / 10;
        decoder.seek(frame as u64).unwrap_or_else(|error| panic!("{error}"));
        let mut piece = vec![0.0; 2 * 4_000.min(frames - frame)];
        let done = decoder.read(&mut piece).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(2 * done, piece.len(), "{}, frame {frame}", path.display());
        assert!(piece == whole[2 * frame..][..piece.len()], "{}, from frame {frame}", path.display());
    }
}

fn uncertain(path: &Path) -> (bool, bool) {
    let decoder = open(path);
    (decoder.info().onset_uncertain, decoder.info().length_uncertain)
}

const LOUD: &str = "-b:a 128k";

#[test]
fn a_lame_tag_tells_the_onset_though_its_checksum_or_its_counts_are_stale() {
    let folder = tempfile::tempdir().unwrap();
    let intact = bytes_of(folder.path(), "a.mp3", &noise(FRAMES, 2), LOUD);
    let path = folder.path().join("a.mp3");
    let whole = read(&path);
    assert_eq!((whole.len(), uncertain(&path)), (2 * FRAMES, (false, false)));

    let path = written(folder.path(), "checksum.mp3", &mp3::changed(&intact, mp3::CHECKSUM, b"\x12\x34"));
    assert!(read(&path) == whole);
    assert_eq!(uncertain(&path), (false, false));
    check_seeks(&path, &whole);

    // Counts that a cut left as they were: where the sound ends is not known, where it begins is.
    let count = mp3::count(&intact);
    for stale in [count + 30, count - 30] {
        let bytes = mp3::changed(&intact, mp3::COUNT, &stale.to_be_bytes());
        let path = written(folder.path(), "count.mp3", &bytes);
        let samples = read(&path);
        assert!(samples.len() >= whole.len() && samples[..whole.len()] == whole, "{stale} for {count}");
        assert_eq!(uncertain(&path), (false, true));
    }

    // 2,048 frames of delay instead of 576.
    let path = written(folder.path(), "delay.mp3", &mp3::changed(&intact, mp3::DELAY, b"\x80"));
    let samples = read(&path);
    assert!(samples[..80_000] == whole[2 * 1_472..][..80_000]);

    // Another encoder that states a delay means the same by it.
    let path = written(folder.path(), "encoder.mp3", &mp3::changed(&intact, mp3::ENCODER, b"ABCD"));
    assert!(read(&path) == whole);
}

#[test]
fn an_onset_that_nothing_tells_is_said_to_be_uncertain() {
    let folder = tempfile::tempdir().unwrap();
    let samples = noise(FRAMES, 2);
    let intact = bytes_of(folder.path(), "a.mp3", &samples, LOUD);
    let frames = mp3::frames(&intact);
    let no_tag = mp3::changed(&intact, mp3::FLAGS, b"\0\0\0\x0e");
    // As copies of files without a tag have it.
    let no_delay = mp3::changed(&intact, mp3::DELAY, b"\0\0\0");
    // Its tag, and frames from the middle on, the first of which goes on with bytes of the one before.
    let middle = (10..40).find(|&n| intact[frames[n].start + 4] != 0).expect("some reach back");
    let cut = [&intact[..frames[0].end], &intact[frames[middle].start..]].concat();
    for (name, bytes) in [("tag.mp3", no_tag), ("delay.mp3", no_delay), ("middle.mp3", cut)] {
        assert_eq!(uncertain(&written(folder.path(), name, &bytes)), (true, true), "{name}");
    }
    for (name, arguments, onset, length) in [
        ("s16.wav", "-c:a pcm_s16le", false, false),
        ("a.flac", "", false, false),
        ("v.ogg", "-c:a libvorbis", false, false),
        ("a.m4a", "-c:a aac", false, false),
        ("alac.m4a", "-c:a alac", false, false),
        ("no_edit.m4a", "-c:a aac -use_editlist 0", true, true),
        ("bare.mp3", "-write_xing 0", true, true),
        ("a.mp2", "", true, true),
        ("a.aac", "-c:a aac", true, true),
        ("v.mkv", "-c:a libvorbis", false, true),
        ("a.mkv", "-c:a aac", true, true),
        ("flac.mkv", "-c:a flac", false, false),
        ("ima.wav", "-c:a adpcm_ima_wav", false, true),
    ] {
        let path = encode(folder.path(), name, &samples, 2, 48_000, arguments);
        assert_eq!(uncertain(&path), (onset, length), "{name}");
    }
}

#[test]
fn bytes_behind_the_last_flac_frame_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let samples = noise(FRAMES, 2);
    let known = bytes_of(folder.path(), "a.flac", &samples, "-sample_fmt s16");
    let whole = read(&folder.path().join("a.flac"));
    assert_eq!(whole.len(), samples.len());
    let mut unknown = known.clone();
    unknown[21] &= 0xF0;
    unknown[22..26].fill(0);
    let mut ape = b"APETAGEX\xD0\x07\0\0\x20\x03\0\0\0\0\0\0\0\0\0\x80".to_vec();
    ape.resize(32 + 800, 7);
    ape[800..]
        .copy_from_slice(&[&b"APETAGEX\xD0\x07\0\0\x20\x03\0\0\0\0\0\0\0\0\0\x80"[..], &[0; 8]].concat());
    let id3: Vec<u8> = [&b"TAG"[..], &[0; 125]].concat();
    let tails =
        [b"\n".to_vec(), id3.clone(), ape.clone(), [ape, id3].concat(), vec![0; 5_000], vec![0xFF; 3]];
    for file in [&known, &unknown] {
        for tail in &tails {
            let path = written(folder.path(), "tail.flac", &[&file[..], tail].concat());
            assert!(read(&path) == whole, "{:?}", &tail[..tail.len().min(12)]);
        }
    }
    check_seeks(&folder.path().join("tail.flac"), &whole);
    // What is cut is not taken for such bytes.
    for lost in [1, 9, 1_000] {
        let path = written(folder.path(), "cut.flac", &unknown[..unknown.len() - lost]);
        assert!(refusal(&path).contains("within a FLAC frame"), "{lost} bytes");
    }
}

#[test]
fn a_flac_file_that_was_cut_out_of_another_begins_with_its_first_frame() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "a.flac", &noise(FRAMES, 2), 2, 48_000, "-sample_fmt s16");
    let whole = read(&path);
    let cut = folder.path().join("cut.flac");
    ffmpeg(&format!("-ss 0.5 -i {} -c copy {}", path.display(), cut.display()));
    let samples = read(&cut);
    assert!(samples.len() > whole.len() / 2 && whole.ends_with(&samples));
    check_seeks(&cut, &samples);
}

#[test]
fn streams_in_a_row_are_played_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (noise(FRAMES, 2), sound(2)[..2 * 60_000].to_vec());
    for (name, arguments) in
        [("v.ogg", "-c:a libvorbis -q:a 5"), ("f.oga", "-c:a flac -sample_fmt s16"), ("a.mp3", LOUD)]
    {
        let one = bytes_of(folder.path(), &format!("1{name}"), &long, arguments);
        let two = bytes_of(folder.path(), &format!("2{name}"), &short, arguments);
        let of_one = read(&folder.path().join(format!("1{name}")));
        let of_two = read(&folder.path().join(format!("2{name}")));
        // With tags in between, and with one stream twice, which has the same serial number.
        let id3 = [&b"TAG"[..], &[0; 125], b"ID3\x04\0\0\0\0\x01\x00", &[0; 128]].concat();
        let tagged = if name == "a.mp3" { id3 } else { Vec::new() };
        let path = written(folder.path(), name, &[&one[..], &tagged, &two, &one].concat());
        let expected = [&of_one[..], &of_two, &of_one].concat();
        assert!(read(&path) == expected, "{name}");
        assert_eq!(open(&path).info().frames, Some(expected.len() as u64 / 2), "{name}");
        assert_eq!(uncertain(&path), (false, false), "{name}");
        check_seeks(&path, &expected);
    }
    let vorbis = std::fs::read(folder.path().join("1v.ogg")).unwrap();
    let other = pages(&vorbis).into_iter().flat_map(|mut page| {
        set_serial(&mut page, 77);
        page
    });
    let path = written(folder.path(), "serials.ogg", &[&vorbis[..], &other.collect::<Vec<u8>>()].concat());
    let once = read(&folder.path().join("1v.ogg"));
    assert!(read(&path) == [&once[..], &once].concat());
}

#[test]
fn streams_in_a_row_that_differ_are_refused_with_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [("v.ogg", "-c:a libvorbis"), ("f.oga", "-c:a flac"), ("a.mp3", LOUD)] {
        let one = encode(folder.path(), &format!("1{name}"), &noise(40_000, 2), 2, 48_000, arguments);
        for (rate, channels) in [(44_100, 2), (48_000, 1)] {
            let samples = noise(40_000, channels);
            let arguments = format!("{arguments} -ac {channels}");
            let two = encode(folder.path(), &format!("2{name}"), &samples, channels, rate, &arguments);
            let both = [std::fs::read(&one).unwrap(), std::fs::read(two).unwrap()].concat();
            let message = refusal(&written(folder.path(), name, &both));
            assert!(message.contains("48000 Hz, 2 channels"), "{message}");
            assert!(message.contains(&format!("{rate} Hz, {channels} channels")), "{message}");
        }
    }
    let flac = bytes_of(folder.path(), "a.flac", &noise(40_000, 2), "");
    let message = refusal(&written(folder.path(), "joined.flac", &[&flac[..], &flac].concat()));
    assert!(message.contains("several FLAC streams"), "{message}");
}

#[test]
fn ogg_pages_that_count_from_another_frame_on_begin_with_their_first_whole_frame() {
    let folder = tempfile::tempdir().unwrap();
    let samples = noise(3 * FRAMES, 2);
    for (name, arguments) in [("v.ogg", "-c:a libvorbis -q:a 5"), ("f.oga", "-c:a flac -sample_fmt s16")] {
        let bytes = bytes_of(folder.path(), name, &samples, arguments);
        let whole = read(&folder.path().join(name));
        let shifted = pages(&bytes).into_iter().flat_map(|mut page| {
            if granule(&page) > 0 {
                let moved = granule(&page) + 1_234_567;
                set_granule(&mut page, moved);
            }
            page
        });
        let path = written(folder.path(), "shifted.ogg", &shifted.collect::<Vec<u8>>());
        assert!(read(&path) == whole, "{name}");
        check_seeks(&path, &whole);

        // A stream that was joined late: its heads, and pages from the second or the last on.
        let all = pages(&bytes);
        let first = heads(&all);
        for kept in [first + 1, all.len() - 1] {
            let late = [&all[..first], &all[kept..]].concat().concat();
            let path = written(folder.path(), "late.ogg", &late);
            let samples = read(&path);
            assert!(!samples.is_empty() && samples.len() < whole.len(), "{name}");
            // The last page alone does not tell how much of its end is padding.
            let same = samples.len().min(20_000);
            let found = whole.windows(same).any(|part| part == &samples[..same]);
            assert!(found || kept == all.len() - 1, "{name}");
            assert!(kept == all.len() - 1 || whole.ends_with(&samples), "{name}");
        }

        // Cut as by ffmpeg at half a second, which then is frame 0: pages count from a frame before it.
        let cut = folder.path().join(format!("cut{name}"));
        ffmpeg(&format!("-ss 0.5 -i {} -c copy {}", folder.path().join(name).display(), cut.display()));
        let samples = read(&cut);
        assert_eq!(samples.len(), whole.len() - 2 * 24_000, "{name}");
        let off = samples.iter().zip(&whole[2 * 24_000..]).filter(|(a, b)| (*a - *b).abs() > 1e-6).count();
        assert_eq!(off, 0, "{name}");
    }
}

#[test]
fn a_cut_ogg_file_says_so_or_that_its_length_is_uncertain() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = bytes_of(folder.path(), "v.ogg", &noise(3 * FRAMES, 2), "-c:a libvorbis -q:a 5");
    let message = refusal(&written(folder.path(), "cut.ogg", &bytes[..bytes.len() - 700]));
    assert!(message.contains("within an Ogg page"), "{message}");
    let all = pages(&bytes);
    let path = written(folder.path(), "short.ogg", &all[..all.len() - 1].concat());
    assert_eq!(uncertain(&path), (false, true));
    assert!(read(&folder.path().join("v.ogg")).starts_with(&read(&path)));
}

#[test]
fn a_row_of_frames_that_is_cut_says_at_which_frame() {
    let folder = tempfile::tempdir().unwrap();
    let samples = noise(FRAMES, 2);
    let id3 = [&b"TAG"[..], &[0; 125]].concat();
    for (name, arguments) in [
        ("a.aac", "-c:a aac -b:a 128k"),
        ("a.mp2", "-b:a 192k"),
        ("bare.mp3", "-b:a 128k -write_xing 0"),
        ("a.mp3", LOUD),
    ] {
        let bytes = bytes_of(folder.path(), name, &samples, arguments);
        let whole = read(&folder.path().join(name));
        for lost in [1, 60, 200] {
            for tag in [&[][..], &id3] {
                let cut = [&bytes[..bytes.len() - lost], tag].concat();
                let path = written(folder.path(), "cut", &cut);
                let (there, error) = read_from(&mut open(&path));
                assert!(there.len() < whole.len() && whole.starts_with(&there), "{name}");
                let message = error.unwrap_or_else(|| panic!("{name} without {lost} bytes is read")).message;
                let place = format!("breaks at frame {}: the file ends", there.len() / 2);
                assert!(message.contains(&place), "{name}: {message}");
            }
        }
        // Bytes in the middle that are no frame.
        let at = bytes.len() / 2;
        let holed = [&bytes[..at], &bytes[at + 300..]].concat();
        assert!(refusal(&written(folder.path(), "holed", &holed)).contains("breaks at frame"), "{name}");
        // Bytes behind the last one.
        for tail in [&id3[..], b"\n", &[0; 3_000], b"LYRICSBEGIN.LYRICSEND"] {
            let path = written(folder.path(), "tail", &[&bytes[..], tail].concat());
            assert!(read(&path) == whole, "{name}");
        }
    }
}

#[test]
fn containers_that_are_not_read_are_named_and_never_taken_for_mpeg_frames() {
    let folder = tempfile::tempdir().unwrap();
    let made: &[(&str, &str, &str)] = &[
        ("mp2.avi", "-c:a mp2", "AVI"),
        ("mp3.avi", "-c:a libmp3lame", "AVI"),
        ("a.wma", "-c:a wmav2", "ASF (WMA, WMV)"),
        ("a.mpg", "-f mpeg -c:a mp2", "an MPEG program stream"),
        ("a.vob", "-f vob -c:a mp2", "an MPEG program stream"),
        ("a.ts", "-f mpegts -c:a mp2", "an MPEG transport stream"),
        ("a.m2ts", "-f mpegts -mpegts_m2ts_mode 1 -c:a mp2", "an MPEG transport stream"),
        ("a.flv", "-ar 44100 -c:a libmp3lame", "Flash video (FLV)"),
        ("a.rm", "-c:a ac3 -f rm", "RealMedia"),
        ("a.caf", "-c:a pcm_s16be", "a Core Audio file (CAF)"),
        ("a.au", "-c:a pcm_s16be", "Sun audio"),
        ("a.w64", "-c:a pcm_s16le", "Sony Wave64"),
        ("a.wv", "-c:a wavpack", "WavPack"),
        ("a.tta", "-c:a tta", "True Audio"),
        ("a.ac3", "-c:a ac3", "AC-3"),
        ("a.dts", "-c:a dca -strict -2", "DTS"),
        ("a.voc", "-c:a pcm_s16le", "Creative voice"),
    ];
    let sound = noise(48_000, 2);
    let mut paths = Vec::new();
    for &(name, arguments, kind) in made {
        paths.push((encode(folder.path(), name, &sound, 2, 48_000, arguments), kind));
    }
    let mp3 = bytes_of(folder.path(), "a.mp3", &sound, LOUD);
    let heads: &[(&str, &[u8], &str)] = &[
        ("a.zip", b"PK\x03\x04\x14\0\0\0\0\0", "a ZIP archive"),
        ("a.pdf", b"%PDF-1.4\n", "PDF"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        ("a.mxf", b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01\x02", "MXF"),
        ("a.mid", b"MThd\0\0\0\x06\0\0", "MIDI"),
        ("a.rmi", b"RIFF\x00\x10\0\0RMIDdata", "MIDI in RIFF"),
        ("a.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file"),
        ("a.html", b"<!DOCTYPE html><html>", "a web page"),
        ("a.txt", b"words and nothing but words", "text"),
        ("a.sfx", b"RIFF\x00\x10\0\0sfbkLIST", "RIFF of the kind \"sfbk\""),
    ];
    for &(name, head, kind) in heads {
        // Frames of MPEG, whole and good, in something else.
        let text = name.ends_with("txt") || name.ends_with("html");
        let body = if text { head.repeat(500) } else { [head, &[7; 3_000], &mp3].concat() };
        paths.push((written(folder.path(), name, &body), kind));
    }
    for (path, kind) in paths {
        let message = refusal(&path);
        assert!(message.contains("is no sound file that is read") && message.contains(kind), "{message}");
    }
}

#[test]
fn random_bytes_are_no_sound() {
    let folder = tempfile::tempdir().unwrap();
    let mp3 = bytes_of(folder.path(), "a.mp3", &noise(48_000, 2), LOUD);
    let frames = mp3::frames(&mp3);
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for round in 0..60 {
        let mut bytes: Vec<u8> = (0..200_000).map(|_| byte()).collect();
        // Never at its very begin.
        bytes[0] = 1;
        if round % 2 == 0 {
            // A few good frames within it.
            let some = &mp3[frames[1].start..frames[1 + round % 6].end];
            bytes[5_000..5_000 + some.len()].copy_from_slice(some);
        }
        let message = refusal(&written(folder.path(), "random.mp3", &bytes));
        assert!(message.contains("is no sound file that is read"), "{message}");
    }
    // What stands in front of a good row: zeros, or the rest of a frame.
    for front in [&[0; 3_000][..], &mp3[frames[3].start + 100..frames[3].end]] {
        let path = written(folder.path(), "front.mp3", &[front, &mp3[frames[0].start..]].concat());
        assert!(read(&path) == read(&folder.path().join("a.mp3")));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_gives_what_its_file_gives_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let samples = noise(FRAMES, 2);
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let through = |bytes: Vec<u8>| {
        let to = pipe.clone();
        let writer = std::thread::spawn(move || std::fs::write(to, bytes));
        let result =
            Decoder::open(&pipe, 0).map(|mut decoder| (decoder.info().clone(), read_from(&mut decoder)));
        let _ = writer.join();
        result.unwrap_or_else(|error| panic!("{error}"))
    };
    for (name, arguments) in [
        ("a.mp3", LOUD),
        ("bare.mp3", "-write_xing 0"),
        ("a.mp2", ""),
        ("a.aac", "-c:a aac"),
        ("v.ogg", "-c:a libvorbis"),
        ("a.flac", ""),
    ] {
        let bytes = bytes_of(folder.path(), name, &samples, arguments);
        let whole = read(&folder.path().join(name));
        let (info, (there, error)) = through(bytes.clone());
        assert!(error.is_none() && there == whole, "{name}: {error:?}");
        let of_file = open(&folder.path().join(name));
        assert_eq!(info.onset_uncertain, of_file.info().onset_uncertain, "{name}");
        let (_, (there, error)) = through([&bytes[..], &bytes].concat());
        assert!(error.is_some() || there.len() > whole.len() * 19 / 10, "{name}: the second is lost");
    }
}
