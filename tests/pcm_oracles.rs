//! Files of uncompressed sound in thousands of variations, against ffmpeg and libsndfile, sample by sample.
//!
//! A generator makes the file together with the samples that are in it. What sonset reads must be those, bit for bit,
//! and so must what the oracles read, unless the generator says why one of them does not read such a file: a case
//! that all read alike is right, and where they part it is written down whom sonset follows.
#![allow(missing_docs, unsafe_code)]

mod pcm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pcm::sndfile::SndFile;
use pcm::{Case, Numbers};
use sonset::file::decode::Decoder;

/// How many cases of a kind were compared with whom.
#[derive(Default, Debug)]
struct Count {
    sonset: u32,
    sndfile: u32,
    ffmpeg: u32,
}

fn generate(seed: u64, count: usize) -> Vec<Case> {
    let mut numbers = Numbers::new(seed);
    let case = |n| match n % 4 {
        0 => pcm::aiff::case(&mut numbers),
        1 => pcm::movie::case(&mut numbers),
        _ => pcm::wave::case(&mut numbers),
    };
    (0..count).map(case).collect()
}

fn read(path: &Path) -> Result<(f64, usize, Vec<f32>), String> {
    let mut decoder = Decoder::open(path, 0).map_err(|error| error.message)?;
    let (rate, channels) = (decoder.info().rate.hz(), decoder.info().channels);
    let mut samples = Vec::new();
    let mut piece = vec![0.0; 100 * channels];
    loop {
        let frames = decoder.read(&mut piece).map_err(|error| error.message)?;
        if frames == 0 {
            return Ok((rate, channels, samples));
        }
        samples.extend_from_slice(&piece[..frames * channels]);
    }
}

/// Compares one case with sonset and libsndfile.
fn check(case: &Case, path: &Path, sndfile: &SndFile, count: &mut Count) {
    let about = format!("{}: {}", case.kind, case.about);
    let (rate, channels, samples) = read(path).unwrap_or_else(|why| panic!("{about}: {why}"));
    assert_eq!(channels, case.channels, "{about}");
    assert!((rate - case.rate).abs() <= case.rate * 1e-9, "{rate} Hz; {about}");
    assert_same("sonset", &samples, case);
    count.sonset += 1;
    if case.not_sndfile.is_none() {
        let sound = sndfile.read(path).unwrap_or_else(|why| panic!("libsndfile: {why}; {about}"));
        assert_eq!(sound.channels, case.channels, "libsndfile: {about}");
        assert_same("libsndfile", &sound.samples, case);
        count.sndfile += 1;
    }
}

fn assert_same(who: &str, samples: &[f32], case: &Case) {
    let Case { kind, about, samples: expected, .. } = case;
    assert_eq!(samples.len(), expected.len(), "{who}: samples of {kind}: {about}");
    let off = samples.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!(off, None, "{who}: first wrong sample of {kind}: {about}");
}

/// Compares `count` cases, of which every `share`-th is asked of ffmpeg too, which takes most of the time.
fn compare(seed: u64, count: usize, share: usize) -> BTreeMap<&'static str, Count> {
    let folder = tempfile::tempdir().unwrap();
    let sndfile = SndFile::load();
    let cases = generate(seed, count);
    let path = |n: usize| folder.path().join(format!("{n}.{}", cases[n].extension));
    let mut counts = BTreeMap::<_, Count>::new();
    for (n, case) in cases.iter().enumerate() {
        std::fs::write(path(n), &case.bytes).unwrap();
        check(case, &path(n), &sndfile, counts.entry(case.kind).or_default());
    }
    let asked: Vec<usize> = (0..count).filter(|n| n % share == 0 && cases[*n].not_ffmpeg.is_none()).collect();
    let paths: Vec<PathBuf> = asked.iter().map(|&n| path(n)).collect();
    for (&n, samples) in asked.iter().zip(pcm::ffmpeg::read_all(&paths)) {
        let case = &cases[n];
        let samples = samples.unwrap_or_else(|| panic!("ffmpeg refuses {}: {}", case.kind, case.about));
        assert_same("ffmpeg", &samples, case);
        counts.get_mut(case.kind).unwrap().ffmpeg += 1;
    }
    counts
}

/// Nothing passes that was not compared.
fn check_counts(counts: &BTreeMap<&'static str, Count>, cases: u32, per_kind: u32) {
    let sum = |of: fn(&Count) -> u32| counts.values().map(of).sum::<u32>();
    assert_eq!(sum(|count| count.sonset), cases, "{counts:#?}");
    assert!(sum(|count| count.sndfile) > cases / 2, "{counts:#?}");
    assert_eq!(counts.len(), 17, "{:?}", counts.keys());
    for (kind, count) in counts {
        assert!(count.sonset >= 2 * per_kind, "{kind}: {count:?}");
        let movie = kind.contains("QuickTime") || kind.contains("MP4");
        assert!(count.sndfile >= per_kind || movie, "{kind}: {count:?}");
        // ffmpeg is wrong about samples with fewer valid bytes than their container has, and does not know the pcmC box.
        let unknown = *kind == "fewer valid bytes" || kind.contains("pcmC");
        assert!(count.ffmpeg >= per_kind / 10 || unknown, "{kind}: {count:?}");
    }
}

#[test]
fn uncompressed_files_are_read_as_ffmpeg_and_libsndfile_read_them() {
    let counts = compare(1, 3_000, 5);
    check_counts(&counts, 3_000, 20);
}

/// `SONSET_CASES` cases from seed `SONSET_SEED` on.
#[test]
#[ignore = "for as long as one likes"]
fn uncompressed_files_at_length() {
    let setting = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (cases, seed) = (setting("SONSET_CASES", 30_000u64), setting("SONSET_SEED", 2u64));
    for part in 0..cases.div_ceil(3_000) {
        let counts = compare(seed + part, 3_000, 3);
        check_counts(&counts, 3_000, 20);
    }
    println!("{cases} cases from seed {seed} on");
}
