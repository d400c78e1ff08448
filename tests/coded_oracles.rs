//! Coded sound in files as cutters, taggers and joiners leave them, against ffmpeg and libsndfile: what is read here
//! begins where theirs begins, or where the encoded sound did, and ends where it can be told.
#![allow(missing_docs, unsafe_code)]

mod media;
mod pcm;

use std::path::{Path, PathBuf};

use media::pages::{granule, heads, pages, set_granule, set_serial};
use media::{encode, ffmpeg, mp3, noise};
use pcm::Numbers;
use pcm::sndfile::SndFile;
use sonset::error::Error;
use sonset::file::decode::{Decoder, Info};

/// How far an oracle is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Every sample and the length.
    Whole,
    /// What both have, from frame 0 on; and why not further.
    Begin(&'static str),
    /// Not at all, and why.
    Not(&'static str),
}

use Trust::{Begin, Not, Whole};

/// What is to come out.
#[derive(Clone, Debug)]
enum Expected {
    /// What the oracles read.
    Sound,
    /// As much of that as there is, and an error.
    Broken,
    /// These samples, as far as both go.
    These(Vec<f32>),
}

struct Case {
    about: String,
    bytes: Vec<u8>,
    extension: &'static str,
    expected: Expected,
    /// Largest difference of a sample.
    tolerance: f32,
    ffmpeg: Trust,
    sndfile: Trust,
}

/// A file as its encoder made it.
struct Seed {
    name: &'static str,
    extension: &'static str,
    bytes: Vec<u8>,
    samples: Vec<f32>,
    tolerance: f32,
    ffmpeg: Trust,
    sndfile: Trust,
}

const NO_ADTS: Trust = Not("libsndfile reads no ADTS");
const NO_OGG_FLAC: Trust = Not("libsndfile 1.2.0 seeks in Ogg FLAC on opening, and fails");
const VORBIS_END: Trust = Begin("ffmpeg 5.1 loses or adds up to a block at the end of Vorbis");

/// Name, extension, ffmpeg's arguments, rate, channels, tolerance, and the oracles.
type Format = (&'static str, &'static str, &'static str, u32, usize, f32, Trust, Trust);

const FORMATS: &[Format] = &[
    ("cbr", "mp3", "-c:a libmp3lame -b:a 128k", 44_100, 2, 2e-3, Whole, Whole),
    ("vbr", "mp3", "-c:a libmp3lame -q:a 3", 48_000, 2, 2e-3, Whole, Whole),
    ("mono", "mp3", "-c:a libmp3lame -b:a 96k -ac 1", 44_100, 1, 2e-3, Whole, Whole),
    ("bare", "mp3", "-c:a libmp3lame -b:a 128k -write_xing 0", 44_100, 2, 2e-3, Whole, Whole),
    ("mp2", "mp2", "-b:a 192k", 48_000, 2, 2e-3, Whole, Whole),
    ("adts", "aac", "-c:a aac -aac_pns 0 -b:a 128k", 44_100, 2, 2e-3, Whole, NO_ADTS),
    ("vorbis", "ogg", "-c:a libvorbis -q:a 6", 44_100, 2, 2e-3, VORBIS_END, Whole),
    ("vorbis_mono", "ogg", "-c:a libvorbis -q:a 1 -ac 1", 48_000, 1, 2e-3, VORBIS_END, Whole),
    ("ogg_flac", "oga", "-c:a flac -sample_fmt s16", 44_100, 2, 0.0, Whole, NO_OGG_FLAC),
    ("flac", "flac", "-c:a flac -sample_fmt s16", 44_100, 2, 0.0, Whole, Whole),
    ("flac_mono", "flac", "-c:a flac -sample_fmt s16 -ac 1", 48_000, 1, 0.0, Whole, Whole),
];

fn seeds(folder: &Path) -> Vec<Seed> {
    let one = |&(name, extension, arguments, rate, channels, tolerance, ffmpeg, sndfile): &Format| {
        let sound = noise(rate as usize * 5 / 3 + 1_234, channels);
        let path = encode(folder, &format!("{name}.{extension}"), &sound, channels, rate, arguments);
        let (_, samples, error) = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(error.is_none(), "{name}: {}", error.unwrap());
        Seed { name, extension, bytes: std::fs::read(path).unwrap(), samples, tolerance, ffmpeg, sndfile }
    };
    FORMATS.iter().map(one).collect()
}

/// What is read here: the info, the samples up to the end or the error, and the error.
fn read(path: &Path) -> Result<(Info, Vec<f32>, Option<Error>), Error> {
    let mut decoder = Decoder::open(path, 0)?;
    let info = decoder.info().clone();
    let mut samples = Vec::new();
    let mut piece = vec![0.0; 3_000 * info.channels];
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return Ok((info, samples, None)),
            Ok(frames) => samples.extend_from_slice(&piece[..frames * info.channels]),
            Err(error) => return Ok((info, samples, Some(error))),
        }
    }
}

impl Seed {
    fn case(&self, what: &str, bytes: Vec<u8>) -> Case {
        Case {
            about: format!("{}: {what}", self.name),
            bytes,
            extension: self.extension,
            expected: Expected::Sound,
            tolerance: self.tolerance,
            ffmpeg: self.ffmpeg,
            sndfile: self.sndfile,
        }
    }

    fn is_tagged(&self) -> bool {
        self.extension == "mp3" && self.name != "bare"
    }

    fn is_ogg(&self) -> bool {
        matches!(self.extension, "ogg" | "oga")
    }

    fn is_flac(&self) -> bool {
        self.extension == "flac"
    }
}

/// A variation of a seed: how it is made is drawn.
fn vary(numbers: &mut Numbers, seeds: &[Seed]) -> Case {
    let seed = &seeds[numbers.below(seeds.len())];
    match numbers.below(6) {
        0 => tail(numbers, seed),
        1 => front(numbers, seed),
        2 => cut(numbers, seed),
        3 => joined(numbers, seed, seeds),
        _ if seed.is_tagged() => retagged(numbers, seed),
        _ if seed.is_ogg() => repaged(numbers, seed),
        _ if seed.is_flac() => {
            let mut case = tail(numbers, seed);
            // Bytes 21 to 25 of STREAMINFO count the samples, in 36 bits.
            case.bytes[21] &= 0xF0;
            case.bytes[22..26].fill(0);
            case.about += ", no length stated";
            case
        }
        _ => tail(numbers, seed),
    }
}

/// Something behind the sound.
fn tail(numbers: &mut Numbers, seed: &Seed) -> Case {
    let id3 = [b"TAG".to_vec(), numbers.bytes(125)].concat();
    let body = 1 + numbers.below(900);
    let mut ape = b"APETAGEX\xD0\x07\0\0".to_vec();
    ape.extend((body as u32 + 32).to_le_bytes());
    ape.extend([0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]);
    let ape = [ape.clone(), numbers.bytes(body), ape].concat();
    let (what, tail) = match numbers.below(6) {
        0 => ("ID3v1 behind", id3),
        1 => ("APE behind", ape),
        2 => ("APE and ID3v1 behind", [ape, id3].concat()),
        3 => ("a line end behind", b"\n".to_vec()),
        4 => ("zeros behind", vec![0; 1 + numbers.below(3_000)]),
        _ => ("text behind", vec![b'x'; 1 + numbers.below(3_000)]),
    };
    let mut case = seed.case(what, [&seed.bytes[..], &tail].concat());
    case.expected = Expected::These(seed.samples.clone());
    let loses = Begin("reads the last frames otherwise, or not at all, with bytes behind them");
    if case.ffmpeg == Whole && !seed.is_flac() {
        case.ffmpeg = loses;
    }
    if case.sndfile == Whole {
        case.sndfile = loses;
    }
    case
}

/// Something in front of the sound.
fn front(numbers: &mut Numbers, seed: &Seed) -> Case {
    let size = numbers.below(3_000);
    let mut id3 = b"ID3\x04\0\0\0\0".to_vec();
    id3.extend([(size >> 7) as u8, (size & 0x7F) as u8]);
    id3.extend(numbers.bytes(size));
    let mut case = seed.case(&format!("ID3v2 of {size} in front"), [&id3[..], &seed.bytes].concat());
    case.expected = Expected::These(seed.samples.clone());
    if seed.is_ogg() && seed.sndfile == Whole {
        case.sndfile = Not("libsndfile reads no Ogg behind ID3v2");
    }
    if seed.is_tagged() && numbers.one_in(3) {
        let zeros = 1 + numbers.below(2_000);
        let first = mp3::frames(&seed.bytes)[0].start;
        case.bytes = [&vec![0; zeros][..], &seed.bytes[first..]].concat();
        case.about = format!("{}: {zeros} zeros in front", seed.name);
        case.ffmpeg = Not("ffmpeg looks for a LAME tag in the first bytes only");
    }
    case
}

/// The end is gone, or the begin.
fn cut(numbers: &mut Numbers, seed: &Seed) -> Case {
    let bytes = &seed.bytes;
    let lost = 1 + numbers.below(bytes.len() / 2);
    let mut case = seed.case(&format!("without its last {lost} bytes"), bytes[..bytes.len() - lost].to_vec());
    case.expected = Expected::Broken;
    let partly = Begin("a frame that is cut is played in part");
    case.ffmpeg = if case.ffmpeg == Whole { partly } else { case.ffmpeg };
    case.sndfile = if case.sndfile == Whole { partly } else { case.sndfile };
    if seed.is_ogg() {
        let ends: Vec<usize> = pages(bytes)
            .iter()
            .scan(0, |at, page| {
                *at += page.len();
                Some(*at)
            })
            .collect();
        // Between two pages nothing is broken.
        if ends.contains(&(bytes.len() - lost)) {
            case.expected = Expected::Sound;
        }
        if case.sndfile == partly {
            case.sndfile = Begin("libsndfile may lose the last block");
        }
    }
    if seed.extension == "mp3" && numbers.one_in(2) {
        let frames = mp3::frames(bytes);
        let first = 3 + numbers.below(frames.len() / 2);
        let kept = [&bytes[..frames[0].start], &bytes[frames[first].start..]].concat();
        case = seed.case(&format!("from MPEG frame {first} on, without a tag"), kept);
        let reservoir = "what the missing frames held is silence for longer, or shorter";
        case.ffmpeg = Not(reservoir);
        case.sndfile = Not(reservoir);
        let channels = if seed.name == "mono" { 1 } else { 2 };
        let delay = if seed.is_tagged() { 1_105 + 1_152 } else { 0 };
        let begin = first * 1_152 * channels - delay * channels;
        case.expected = Expected::These(seed.samples[begin..].to_vec());
        case.about += " (behind the first 10 frames)";
    }
    case
}

/// Several files, one behind the other.
fn joined(numbers: &mut Numbers, seed: &Seed, seeds: &[Seed]) -> Case {
    let alike =
        |other: &&Seed| seed.extension == other.extension && (seed.name == other.name) && (!other.is_flac());
    let alike: Vec<&Seed> = seeds.iter().filter(alike).collect();
    if alike.is_empty() {
        return tail(numbers, seed);
    }
    let count = 2 + numbers.below(3);
    let parts: Vec<&Seed> = (0..count).map(|_| alike[numbers.below(alike.len())]).collect();
    let mut bytes = Vec::new();
    for part in &parts {
        let mut part = part.bytes.clone();
        if seed.is_ogg() && numbers.one_in(2) {
            let serial = numbers.next() as u32;
            part = pages(&part)
                .into_iter()
                .flat_map(|mut page| (set_serial(&mut page, serial), page).1)
                .collect();
        }
        bytes.extend(part);
        if !seed.is_ogg() && numbers.one_in(2) {
            bytes.extend([&b"TAG"[..], &[0; 125]].concat());
        }
    }
    let mut case = seed.case(&format!("{count} in a row"), bytes);
    let first = "reads the first stream only, or loses its end";
    (case.ffmpeg, case.sndfile) = (Not(first), Not(first));
    if seed.is_tagged() || seed.is_ogg() {
        case.expected = Expected::These(parts.iter().flat_map(|part| part.samples.clone()).collect());
    } else {
        // One row for all: its frames go on as if they were of one encoding.
        case.expected = Expected::These(seed.samples.clone());
    }
    case
}

/// The tag of an MP3 file says something else.
fn retagged(numbers: &mut Numbers, seed: &Seed) -> Case {
    let count = mp3::count(&seed.bytes);
    let changed = |place: usize, by: &[u8]| mp3::changed(&seed.bytes, place, by);
    let mut case = match numbers.below(6) {
        0 => seed.case("a stale checksum", changed(mp3::CHECKSUM, &numbers.bytes(2))),
        1 => {
            let more = count + 1 + numbers.below(1_000) as u32;
            seed.case(
                &format!("{more} frames counted, not {count}"),
                changed(mp3::COUNT, &more.to_be_bytes()),
            )
        }
        2 => {
            let less = count - 1 - numbers.below(count as usize / 2) as u32;
            let about = format!("{less} frames counted, not {count}");
            let mut case = seed.case(&about, changed(mp3::COUNT, &less.to_be_bytes()));
            case.expected = Expected::These(seed.samples.clone());
            case.ffmpeg = Not("ffmpeg cuts padding out of the middle, where the count says the end is");
            case.sndfile = Begin("libsndfile ends where the count says");
            case
        }
        3 => {
            let (delay, padding) = (1 + numbers.below(2_000) as u32, numbers.below(2_000) as u32);
            let trim = (delay << 12 | padding).to_be_bytes();
            seed.case(&format!("delay {delay}, padding {padding}"), changed(mp3::DELAY, &trim[1..]))
        }
        4 => {
            let mut case = seed.case("another encoder", changed(mp3::ENCODER, b"ABCD"));
            case.ffmpeg = Not("ffmpeg believes only LAME, Lavf and Lavc");
            case
        }
        _ => seed.case("no delay stated", changed(mp3::DELAY, &[0, 0, 0])),
    };
    case.about += ", all else as it was";
    case
}

/// Ogg pages that count otherwise, or are gone.
fn repaged(numbers: &mut Numbers, seed: &Seed) -> Case {
    let mut all = pages(&seed.bytes);
    let first = heads(&all);
    if all.len() < first + 2 {
        return tail(numbers, seed);
    }
    match numbers.below(3) {
        0 => {
            let by = 1 + (numbers.next() >> 24) as i64;
            for page in all.iter_mut().filter(|page| granule(page) > 0) {
                let moved = granule(page) + by;
                set_granule(page, moved);
            }
            let mut case = seed.case(&format!("pages count {by} frames more"), all.concat());
            case.expected = Expected::These(seed.samples.clone());
            case
        }
        1 => {
            let kept = first + 1 + numbers.below(all.len() - first - 1);
            let late = [&all[..first], &all[kept..]].concat().concat();
            let mut case = seed.case(&format!("from page {kept} of {} on", all.len()), late);
            if kept + 1 == all.len() {
                // A single page does not tell what of its end is padding.
                case.ffmpeg = if seed.extension == "ogg" { VORBIS_END } else { case.ffmpeg };
            }
            case
        }
        _ => {
            let kept = first + 1 + numbers.below(all.len() - first - 1);
            let mut case = seed.case(&format!("up to page {kept} of {}", all.len()), all[..kept].concat());
            if kept == first + 1 && seed.extension == "ogg" {
                case.sndfile = Begin("libvorbis trims a first page that is the last");
            }
            case
        }
    }
}

/// Compares what is read with what is expected and what the oracles read; empty if all is well.
fn judge(case: &Case, path: &Path, ffmpeg: Option<&[f32]>, sndfile: &SndFile) -> Vec<String> {
    let (ours, error) = match read(path) {
        Ok((_, ours, error)) => (ours, error),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut wrong = Vec::new();
    match (&case.expected, error) {
        (Expected::Broken, None) => wrong.push("is read as whole".into()),
        (Expected::Broken, Some(_)) | (_, None) => {}
        (_, Some(error)) => wrong.push(error.message),
    }
    if let Expected::These(these) = &case.expected {
        let skipped =
            if case.about.contains("behind the first 10 frames") { 25_000.min(ours.len()) } else { 0 };
        wrong.extend(differ(
            &ours[skipped..],
            &these[skipped.min(these.len())..],
            case.tolerance,
            false,
            "as meant",
        ));
    }
    let theirs = sndfile.read(path).ok().map(|sound| sound.samples);
    for (name, trust, theirs) in
        [("ffmpeg", case.ffmpeg, ffmpeg), ("libsndfile", case.sndfile, theirs.as_deref())]
    {
        let (whole, theirs) = match (trust, theirs) {
            (Not(_), _) | (_, None) => continue,
            (Begin(_), Some(theirs)) => (false, theirs),
            (Whole, Some(theirs)) => (true, theirs),
        };
        wrong.extend(differ(
            &ours,
            theirs,
            case.tolerance,
            whole && !matches!(case.expected, Expected::Broken),
            name,
        ));
    }
    wrong
}

fn differ(ours: &[f32], theirs: &[f32], tolerance: f32, whole: bool, name: &str) -> Option<String> {
    let both = ours.len().min(theirs.len());
    let off = (0..both).find(|&n| (ours[n] - theirs[n]).abs() > tolerance);
    if let Some(n) = off {
        return Some(format!("sample {n} of {both} is {}, {name} {}", ours[n], theirs[n]));
    }
    (whole && ours.len() != theirs.len()).then(|| format!("{} samples, {name} {}", ours.len(), theirs.len()))
}

fn compare(seed: u64, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let seeds = seeds(folder.path());
    let mut numbers = Numbers::new(seed);
    let mut cases: Vec<Case> = (0..rounds).map(|_| vary(&mut numbers, &seeds)).collect();
    cases.extend(copies(folder.path(), &seeds));
    let sndfile = SndFile::load();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (n, cases) in cases.chunks(200).enumerate() {
        let paths: Vec<PathBuf> =
            (0..cases.len()).map(|k| folder.path().join(format!("{n}-{k}.{}", cases[k].extension))).collect();
        for (case, path) in cases.iter().zip(&paths) {
            std::fs::write(path, &case.bytes).unwrap();
        }
        let read = pcm::ffmpeg::read_all(&paths);
        for ((case, path), ffmpeg) in cases.iter().zip(&paths).zip(&read) {
            compared += 1;
            for reason in judge(case, path, ffmpeg.as_deref(), &sndfile) {
                wrong.push(format!("{}: {reason}", case.about));
            }
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(compared, cases.len());
    assert!(wrong.is_empty(), "seed {seed}, {} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What ffmpeg cuts out without coding it anew, from a time on and up to a time.
fn copies(folder: &Path, seeds: &[Seed]) -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in seeds {
        let source = folder.join(format!("source.{}", seed.extension));
        std::fs::write(&source, &seed.bytes).unwrap();
        for how in ["-ss 0.2", "-t 0.4", "-ss 0.1 -t 0.4"] {
            let cut = folder.join(format!("cut.{}", seed.extension));
            ffmpeg(&format!("{how} -i {} -c copy {}", source.display(), cut.display()));
            let mut case = seed.case(&format!("ffmpeg {how} -c copy"), std::fs::read(&cut).unwrap());
            if seed.extension == "mp3" && how.contains("-ss") {
                case.sndfile = Not("mpg123 is silent for as long as frames may lack bytes of earlier ones");
            }
            if seed.extension == "ogg" && how.contains("-t") && how.contains("-ss") {
                let trims = Begin("of a single page nobody knows which end is to be cut");
                (case.ffmpeg, case.sndfile) = (trims, trims);
            } else if seed.is_ogg() && how.contains("-ss") {
                let early = "begins before frame 0 of its pages";
                (case.ffmpeg, case.sndfile) = (Not(early), Not(early));
                let rate = if seed.name == "vorbis_mono" { 48_000 } else { 44_100 };
                let channels = if seed.name == "vorbis_mono" { 1 } else { 2 };
                let begin = if how.contains("0.2") { rate / 5 } else { rate / 10 };
                case.expected = Expected::These(seed.samples[begin * channels..].to_vec());
            }
            if seed.is_flac() {
                // The head still states the length of all that it was cut out of.
                case.expected = if how.contains("-t") { Expected::Broken } else { Expected::Sound };
            }
            cases.push(case);
        }
    }
    cases
}

#[test]
fn coded_files_as_cutters_taggers_and_joiners_leave_them_are_read_as_by_ffmpeg_and_libsndfile() {
    compare(1, 400);
}

#[test]
#[ignore = "minutes"]
fn thousands_of_coded_files_are_read_as_by_ffmpeg_and_libsndfile() {
    for seed in 2..8 {
        compare(seed, 1_500);
    }
}
