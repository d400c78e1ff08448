//! Where the frames of media files lie, against sounds that ffmpeg encoded.
#![allow(missing_docs)]

mod media;
use media::*;
use sonset::file::decode::Decoder;
use std::path::Path;

fn read_all(path: &Path) -> (Decoder, Vec<f32>) {
    let mut decoder = Decoder::open(path, 0).unwrap_or_else(|error| panic!("{error}"));
    let channels = decoder.info().channels;
    let mut samples = Vec::new();
    let mut part = vec![0.0; 1000 * channels];
    loop {
        let frames = decoder.read(&mut part).unwrap_or_else(|error| panic!("{error}"));
        if frames == 0 {
            return (decoder, samples);
        }
        samples.extend_from_slice(&part[..frames * channels]);
    }
}

#[test]
fn explore() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("s16.wav", "-c:a pcm_s16le"),
        ("f32.wav", "-c:a pcm_f32le"),
        ("s24.aiff", "-c:a pcm_s24be"),
        ("rf64.wav", "-rf64 always -c:a pcm_s24le"),
        ("a.flac", ""),
        ("a.mp3", "-b:a 192k"),
        ("vbr.mp3", "-q:a 2"),
        ("bare.mp3", "-write_xing 0 -id3v2_version 0"),
        ("a.mp2", "-b:a 256k"),
        ("v.ogg", "-c:a libvorbis -q:a 6"),
        ("f.oga", "-c:a flac"),
        ("a.m4a", "-c:a aac -b:a 192k"),
        ("a.mp4", "-c:a aac -b:a 192k"),
        ("frag.mp4", "-c:a aac -b:a 192k -movflags frag_keyframe+delay_moov -frag_duration 500000"),
        ("p.mov", "-c:a pcm_s16le"),
        ("alac.m4a", "-c:a alac"),
        ("alac.caf", "-c:a alac"),
        ("mp3.mp4", "-c:a libmp3lame -b:a 192k"),
        ("flac.mp4", "-c:a flac -strict -2"),
        ("aac.mkv", "-c:a aac -b:a 192k"),
        ("flac.mkv", "-c:a flac"),
        ("v.mkv", "-c:a libvorbis -q:a 6"),
        ("v.webm", "-c:a libvorbis -q:a 6"),
        ("mp3.mkv", "-c:a libmp3lame -b:a 192k"),
        ("pcm.mkv", "-c:a pcm_s16le"),
        ("a.aac", "-c:a aac -b:a 192k"),
        ("ima.wav", "-c:a adpcm_ima_wav"),
        ("ms.wav", "-c:a adpcm_ms"),
        ("alaw.wav", "-c:a pcm_alaw"),
        ("opus.webm", "-c:a libopus -ar 48000"),
        ("ac3.mkv", "-c:a ac3"),
    ] {
        for rate in [48000, 44100] {
            let path = encode(folder.path(), name, &sound(2), 2, rate, arguments);
            let outcome = std::panic::catch_unwind(|| {
                let (mut decoder, samples) = read_all(&path);
                let peaks: Vec<i64> = (0..2)
                    .flat_map(|channel| {
                        clicks(channel).map(|frame| {
                            let range = frame.saturating_sub(3000)..(frame + 3000).min(samples.len() / 2);
                            let at = range
                                .max_by(|&a, &b| {
                                    samples[2 * a + channel].abs().total_cmp(&samples[2 * b + channel].abs())
                                })
                                .unwrap();
                            at as i64 - frame as i64
                        })
                    })
                    .collect();
                let mut bad = String::new();
                for frame in [50_000u64, 0, 1, 99_000, 700, 31_000, 31_001, 12_345, 83_000, 60_000] {
                    let mut got = vec![0.0; 2 * 3000];
                    if let Err(e) = decoder.seek(frame) {
                        bad = format!("{bad} seek {frame} {e}");
                        continue;
                    }
                    let mut n = 0;
                    loop {
                        match decoder.read(&mut got[2 * n..]) {
                            Ok(0) => break,
                            Ok(k) => n += k,
                            Err(e) => {
                                bad = format!("{bad} read {frame} {e}");
                                break;
                            }
                        }
                        if n == 3000 {
                            break;
                        }
                    }
                    let want = &samples[2 * (frame as usize).min(samples.len() / 2)..];
                    let want = &want[..want.len().min(6000)];
                    if n * 2 != want.len() {
                        bad = format!("{bad} len@{frame} {n} {}", want.len() / 2);
                    } else if let Some(k) = (0..want.len()).find(|&k| (want[k] - got[k]).abs() > 1e-6) {
                        bad = format!("{bad} diff@{frame}+{}", k / 2);
                    }
                }
                println!(
                    "{name:10} {rate} {}/{} frames {:?} got {} peaks {peaks:?} seeks:{bad}",
                    decoder.info().container,
                    decoder.info().codec,
                    decoder.info().frames,
                    samples.len() / 2
                );
            });
            if let Err(p) = outcome {
                println!("{name:10} {rate} PANIC {:?}", p.downcast_ref::<String>());
            }
        }
    }
}
