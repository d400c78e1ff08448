//! QuickTime and MP4 files with a track of uncompressed sound.

use super::{Case, Coding, Numbers, number, samples};

/// Who says in which order the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The kind does: most significant byte first, or last.
    Kind(bool),
    /// The `enda` box, whose absence means most significant byte first.
    Enda,
    /// The flags of a description of version 2.
    Flags,
    /// The `pcmC` box.
    Config,
}

const KINDS: [(&[u8; 4], Coding, Order); 29] = [
    (b"raw ", Coding::Unsigned(8), Order::Kind(true)),
    (b"NONE", Coding::Unsigned(8), Order::Kind(true)),
    (b"raw ", Coding::Int(2, 16), Order::Kind(true)),
    (b"twos", Coding::Int(1, 8), Order::Kind(true)),
    (b"twos", Coding::Int(2, 16), Order::Kind(true)),
    (b"twos", Coding::Int(3, 24), Order::Kind(true)),
    (b"twos", Coding::Int(4, 32), Order::Kind(true)),
    (b"sowt", Coding::Int(1, 8), Order::Kind(false)),
    (b"sowt", Coding::Int(2, 16), Order::Kind(false)),
    (b"sowt", Coding::Int(3, 24), Order::Kind(false)),
    (b"sowt", Coding::Int(4, 32), Order::Kind(false)),
    (b"in24", Coding::Int(3, 24), Order::Enda),
    (b"in32", Coding::Int(4, 32), Order::Enda),
    (b"fl32", Coding::Float(4), Order::Enda),
    (b"fl64", Coding::Float(8), Order::Enda),
    (b"alaw", Coding::ALaw, Order::Kind(true)),
    (b"ulaw", Coding::MuLaw, Order::Kind(true)),
    (b"lpcm", Coding::Int(1, 8), Order::Flags),
    (b"lpcm", Coding::Int(2, 16), Order::Flags),
    (b"lpcm", Coding::Int(3, 24), Order::Flags),
    (b"lpcm", Coding::Int(4, 32), Order::Flags),
    (b"lpcm", Coding::Int(4, 24), Order::Flags),
    (b"lpcm", Coding::Float(4), Order::Flags),
    (b"lpcm", Coding::Float(8), Order::Flags),
    (b"ipcm", Coding::Int(2, 16), Order::Config),
    (b"ipcm", Coding::Int(3, 24), Order::Config),
    (b"ipcm", Coding::Int(4, 32), Order::Config),
    (b"fpcm", Coding::Float(4), Order::Config),
    (b"fpcm", Coding::Float(8), Order::Config),
];

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [number(body.len() as u64 + 8, 4, true), kind.to_vec(), body.to_vec()].concat()
}

fn be32(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|&value| number(value, 4, true)).collect()
}

/// What a description says.
pub struct Said {
    pub kind: [u8; 4],
    pub version: u64,
    pub coding: Coding,
    pub big_endian: bool,
    pub channels: usize,
    pub rate: u32,
    /// The `enda` box, if there is one.
    pub enda: bool,
}

impl Said {
    /// The `stsd` box.
    fn description(&self) -> Vec<u8> {
        let Self { coding, channels, .. } = *self;
        let size = coding.bytes();
        let bits = match coding {
            Coding::Int(_, valid) => valid,
            Coding::ALaw | Coding::MuLaw => 16,
            _ => 8 * size,
        };
        let mut body = vec![0, 0, 0, 0, 0, 0, 0, 1];
        body.extend(number(self.version, 2, true));
        body.extend([0; 6]);
        if self.version == 2 {
            body.extend(be32(&[0x0003_0010, 0xFFFE_0000, 0x0001_0000, 72]));
            body.extend((self.rate as f64).to_be_bytes());
            let float = matches!(coding, Coding::Float(_));
            let flags = if float { 1 } else { 4 } | if self.big_endian { 2 } else { 0 };
            let flags = flags | if bits == 8 * size { 8 } else { 16 };
            body.extend(be32(&[
                channels as u64,
                0x7F00_0000,
                bits as u64,
                flags,
                (size * channels) as u64,
                1,
            ]));
        } else {
            body.extend(number(channels as u64, 2, true));
            // Version 1 states 16 and the bytes further on.
            let narrow = matches!(&self.kind, b"raw " | b"NONE" | b"twos" | b"sowt");
            body.extend(number(if self.version == 1 && !narrow { 16 } else { bits as u64 }, 2, true));
            body.extend(if self.version == 1 { [0xFF, 0xFE, 0, 0] } else { [0; 4] });
            body.extend(be32(&[(self.rate as u64) << 16]));
        }
        if self.version == 1 {
            body.extend(be32(&[1, size as u64, (size * channels) as u64, 2]));
        }
        if self.enda {
            let enda = boxed(b"enda", &[0, !self.big_endian as u8]);
            let inner = [boxed(b"frma", &self.kind), enda.clone(), boxed(&[0; 4], &[])].concat();
            body.extend(if self.version == 1 { boxed(b"wave", &inner) } else { enda });
        }
        if matches!(&self.kind, b"ipcm" | b"fpcm") {
            body.extend(boxed(b"pcmC", &[0, 0, 0, 0, !self.big_endian as u8, 8 * size as u8]));
        }
        boxed(b"stsd", &[be32(&[0, 1]), boxed(&self.kind, &body)].concat())
    }

    /// A whole file. `tiny`: sizes of 1 in the table, as QuickTime writes them.
    pub fn file(&self, data: &[u8], chunk_frames: usize, tiny: bool, moov_first: bool) -> Vec<u8> {
        let frame = self.coding.bytes() * self.channels;
        let frames = data.len() / frame;
        let unity = be32(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
        let head = |offset: usize| {
            let chunks = frames.div_ceil(chunk_frames);
            let offsets: Vec<u64> = (0..chunks).map(|n| (offset + n * chunk_frames * frame) as u64).collect();
            let last = frames - (chunks - 1) * chunk_frames;
            let mut runs = vec![1, chunk_frames as u64, 1];
            let mut count = 1;
            if last < chunk_frames && chunks > 1 {
                runs.extend([chunks as u64, last as u64, 1]);
                count = 2;
            } else if chunks == 1 {
                runs[1] = last as u64;
            }
            let stbl = [
                self.description(),
                boxed(b"stts", &be32(&[0, 1, frames as u64, 1])),
                boxed(b"stsc", &[be32(&[0, count]), be32(&runs)].concat()),
                boxed(b"stsz", &be32(&[0, if tiny { 1 } else { frame as u64 }, frames as u64])),
                boxed(b"stco", &[be32(&[0, chunks as u64]), be32(&offsets)].concat()),
            ];
            let dref = boxed(b"dref", &[be32(&[0, 1]), boxed(b"url ", &be32(&[1]))].concat());
            let minf =
                [boxed(b"smhd", &be32(&[0, 0])), boxed(b"dinf", &dref), boxed(b"stbl", &stbl.concat())];
            let rate = self.rate as u64;
            let mdia = [
                boxed(b"mdhd", &be32(&[0, 0, 0, rate, frames as u64, 0])),
                boxed(b"hdlr", &[be32(&[0, 0]), b"soun".to_vec(), vec![0; 13]].concat()),
                boxed(b"minf", &minf.concat()),
            ];
            let tkhd =
                [be32(&[3, 0, 0, 1, 0, frames as u64, 0, 0, 0, 0x0100_0000]), unity.clone(), be32(&[0, 0])];
            let trak = [boxed(b"tkhd", &tkhd.concat()), boxed(b"mdia", &mdia.concat())];
            let mvhd = [
                be32(&[0, 0, 0, rate, frames as u64, 0x1_0000, 0x0100_0000, 0, 0]),
                unity.clone(),
                be32(&[0, 0, 0, 0, 0, 0, 2]),
            ];
            boxed(b"moov", &[boxed(b"mvhd", &mvhd.concat()), boxed(b"trak", &trak.concat())].concat())
        };
        let brand: &[u8; 4] = if matches!(&self.kind, b"ipcm" | b"fpcm") { b"isom" } else { b"qt  " };
        let ftyp = boxed(b"ftyp", &[&brand[..], &[0; 4], brand].concat());
        let mdat = boxed(b"mdat", data);
        if moov_first {
            let offset = ftyp.len() + head(0).len() + 8;
            [ftyp, head(offset), mdat].concat()
        } else {
            let moov = head(ftyp.len() + 8);
            [ftyp, mdat, moov].concat()
        }
    }
}

pub fn case(numbers: &mut Numbers) -> Case {
    let (kind, coding, order) = numbers.of(&KINDS);
    let channels = numbers.of(&[1, 2, 2, 2, 3, 6, 8, 16, 24]);
    let rate = if kind == b"lpcm" {
        numbers.of(&[44_100, 96_000, 192_000])
    } else {
        numbers.of(&[8_000, 44_100, 48_000])
    };
    let (big, version, enda) = match order {
        Order::Kind(big) => (big, numbers.below(2) as u64, false),
        Order::Enda => match numbers.below(3) {
            0 => (true, 1, false),
            _ => (numbers.one_in(2), 1, true),
        },
        Order::Flags => (numbers.one_in(2), 2, false),
        Order::Config => (numbers.one_in(2), 0, false),
    };
    let frames = 1 + numbers.below(300);
    let (data, values) = samples(numbers, coding, big, frames * channels);
    let said = Said { kind: *kind, version, coding, big_endian: big, channels, rate, enda };
    let (chunk_frames, tiny, moov_first) =
        (numbers.of(&[1, 7, 100, 1_024]), version < 2 && numbers.one_in(3), numbers.one_in(2));
    let about = format!(
        "{} version {version}, {coding:?}, most significant byte first {big}, enda {enda}, {channels} channels, \
         {frames} frames in chunks of {chunk_frames}, sizes of 1 {tiny}, moov first {moov_first}",
        kind.escape_ascii()
    );
    Case {
        kind: match order {
            Order::Kind(_) => "QuickTime, order by the kind",
            Order::Enda => "QuickTime, order by the enda box",
            Order::Flags => "QuickTime, order by flags",
            Order::Config => "MP4, order by the pcmC box",
        },
        bytes: said.file(&data, chunk_frames, tiny, moov_first),
        extension: "mov",
        channels,
        rate: rate as f64,
        samples: values,
        not_sndfile: Some("reads no QuickTime files"),
        not_ffmpeg: match order {
            Order::Config => Some("version 5 knows no pcmC box"),
            _ if coding == Coding::Int(4, 24) => Some("takes the container to be as large as the valid bits"),
            _ => None,
        },
        about,
    }
}
