//! Where the sound of a file lies: which streams follow each other in it, and where each begins and ends. Found
//! once, before anything is decoded.

use std::ops::Range;
use std::path::Path;

use super::media::Source;
use super::recognise::{Kind, recognise};
use super::row::{Row, Stream, streams};
use super::{ebml, flac, inaccessible, mpeg, ogg, tail, unreadable};
use crate::error::Result;

/// Streams in a row that are played.
const MOST_PARTS: usize = 4_096;

/// What is known of a part beyond its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coded {
    /// A row of MPEG or ADTS frames.
    Row(Stream),
    /// A link of an Ogg file.
    Ogg(ogg::Link),
    /// FLAC frames, of which the first begins with this frame of the stream that it was cut out of.
    Flac(u64),
    /// What its container tells.
    Contained,
}

/// One of the sounds that follow each other in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands.
    pub bytes: Range<u64>,
    /// How.
    pub coded: Coded,
    /// Why it ends before it should, if it does.
    pub is_cut: Option<&'static str>,
}

/// The parts of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// In the order in which they sound; at least one.
    pub parts: Vec<Part>,
    /// Bytes of the file; `None` for a pipe.
    pub length: Option<u64>,
}

impl Outline {
    /// The outline of a file; what a pipe begins with is only looked at.
    pub fn of(path: &Path, source: &mut Source) -> Result<Self> {
        let cannot = |error| inaccessible(path, "cannot be read", &error);
        let length = source.length();
        let kind = recognise(source).map_err(cannot)?.map_err(|reason| unreadable(path, &reason))?;
        let all = 0..length.unwrap_or(u64::MAX);
        let parts = match kind {
            Kind::Frames(at, first) if length.is_none() => {
                let frame = source.peek(at, first.bytes).map_err(cannot)?;
                let tag = mpeg::tag(&frame, &first);
                let begin = if tag.is_some() { at + first.bytes as u64 } else { at };
                let head = source.peek(begin, 2 * mpeg::HEADER_BYTES).map_err(cannot)?;
                let reused_bytes = mpeg::header(&head).map_or(0, |header| mpeg::reused_bytes(&head, &header));
                let stream = Stream { count: None, reused_bytes, ..Stream::new(begin, first, tag) };
                vec![Part::of_row(all, stream)]
            }
            Kind::Frames(at, first) => {
                let end = tail::end_of_sound(source, all).map_err(cannot)?;
                let source = Source::open(path)?.within(&(0..end)).map_err(cannot)?;
                let found = Row::new(source, at, first).and_then(|mut row| streams(&mut row));
                let streams = found.map_err(cannot)?.map_err(|reason| unreadable(path, &reason))?;
                streams.into_iter().map(|stream| Part::of_row(0..end, stream)).collect()
            }
            Kind::Ogg if length.is_some() => ogg_parts(ogg::links(&mut Source::open(path)?).map_err(cannot)?),
            Kind::Flac(at) if length.is_some() => {
                let end = tail::end_of_sound(source, all).map_err(cannot)?;
                vec![flac_part(source, at..end).map_err(cannot)?]
            }
            Kind::Matroska if length.is_some() => {
                // What is too short to tell is for the demuxer to refuse.
                let is_cut = ebml::is_cut(source).unwrap_or(false);
                let reason = "the file ends before its Matroska segment does";
                vec![Part { bytes: all, coded: Coded::Contained, is_cut: is_cut.then_some(reason) }]
            }
            _ => vec![Part { bytes: all, coded: Coded::Contained, is_cut: None }],
        };
        if parts.len() > MOST_PARTS {
            let reason = format!("consists of {} streams in a row, more than {MOST_PARTS}", parts.len());
            return Err(unreadable(path, &reason));
        }
        match parts.is_empty() {
            true => Err(unreadable(path, "holds no frame of sound")),
            false => Ok(Self { parts, length }),
        }
    }
}

impl Part {
    fn of_row(bytes: Range<u64>, stream: Stream) -> Self {
        Self { bytes, coded: Coded::Row(stream), is_cut: None }
    }
}

fn ogg_parts((links, is_cut): (Vec<ogg::Link>, bool)) -> Vec<Part> {
    let last = links.len().saturating_sub(1);
    let cut = |index| (is_cut && index == last).then_some("the file ends within an Ogg page");
    let part = |(index, link): (usize, ogg::Link)| Part {
        bytes: link.bytes.clone(),
        coded: Coded::Ogg(link),
        is_cut: cut(index),
    };
    links.into_iter().enumerate().map(part).collect()
}

fn flac_part(source: &mut Source, bytes: Range<u64>) -> std::io::Result<Part> {
    let found = flac::end(source, bytes.clone())?;
    let is_cut = found.is_some_and(|end| end.is_cut);
    let first = flac::first_frame(source, bytes.start)?;
    Ok(Part {
        bytes: 0..found.map_or(bytes.end, |end| end.at),
        coded: Coded::Flac(first.unwrap_or(0)),
        is_cut: is_cut.then_some("the file ends within a FLAC frame"),
    })
}
