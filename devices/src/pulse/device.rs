//! Sinks and sources, and how they are opened.

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, MAX_MEMBLOCKQ_LENGTH,
    PlaybackStreamParams, RecordStreamParams, SampleFormat, SampleSpec, SinkInfo, SourceInfo, sample_spec,
};
use sonset_devices_abi::status;
use std::ffi::CStr;
use std::sync::Arc;

use super::link::Link;
use super::pump::Channel;
use super::running;
use crate::choice::{Abilities, Offer};
use crate::convert::Wire;
use crate::fault::Fault;
use crate::half::Half;
use crate::system::{Device, Profile, Running};

const SAMPLE_BYTES: u32 = 4;

/// A sink or a source, found and pinned.
pub struct Found {
    index: u32,
    profile: Profile,
    /// Where its channels are.
    map: ChannelMap,
    format: SampleFormat,
}

impl Found {
    /// A sink.
    pub fn sink(info: SinkInfo) -> Self {
        let name = info.description.as_deref().unwrap_or(&info.name);
        Self::new(info.index, true, [&info.name, name], info.channel_map, info.sample_spec)
    }

    /// A source.
    pub fn source(info: SourceInfo) -> Self {
        let name = info.description.as_deref().unwrap_or(&info.name);
        Self::new(info.index, false, [&info.name, name], info.channel_map, info.sample_spec)
    }

    fn new(index: u32, is_output: bool, names: [&CStr; 2], map: ChannelMap, own: SampleSpec) -> Self {
        let [id, name] = names.map(|name| name.to_string_lossy().into_owned());
        let label = format!("{} device '{name}' ({id})", if is_output { "output" } else { "input" });
        // The server mixes in floats, and converts them for the device.
        let offer =
            |channels| Offer { channels, min_rate: 1, max_rate: sample_spec::MAX_RATE, wire: Wire::F32 };
        let abilities = Abilities {
            label,
            offers: (1..=u32::from(sample_spec::MAX_CHANNELS)).map(offer).collect(),
            native_rates: Some((own.sample_rate, own.sample_rate)),
            native_channels: Some(u32::from(own.channels)),
            default_rate: own.sample_rate,
            ..Abilities::default()
        };
        Self { index, profile: Profile { id, name, is_output, abilities }, map, format: own.format }
    }

    /// Whether it is a sink.
    pub fn is_output(&self) -> bool {
        self.profile.is_output
    }

    /// The server's name of the stream's channels: those of the device, so that channel k is the device's k.
    fn channels(&self, count: usize) -> ChannelMap {
        ChannelMap::new((&self.map).into_iter().take(count))
    }

    /// Asks `link` for a stream of blocks of `block_frames`.
    fn create(&self, link: &mut Link, spec: SampleSpec, block_frames: u32) -> Result<Channel, Fault> {
        let block_bytes = block_frames * SAMPLE_BYTES * u32::from(spec.channels);
        let channel_map = self.channels(usize::from(spec.channels));
        let flags = StreamFlags {
            start_corked: true,
            no_remix_channels: true,
            // A device that goes away is a loss; no other takes its place.
            no_move: true,
            // The server is to be as quick as the blocks are short.
            adjust_latency: true,
            ..StreamFlags::default()
        };
        // The longest queues that the server has: who is slow loses nothing, and the latency is that of the target.
        let lengths = BufferAttr { max_length: u32::MAX, ..BufferAttr::default() };
        if self.profile.is_output {
            let buffer_attr = BufferAttr {
                target_length: 2 * block_bytes,
                minimum_request_length: block_bytes,
                // What comes too late is left out, and what follows is where it belongs.
                pre_buffering: 0,
                ..lengths
            };
            let sink_index = Some(self.index);
            let params = PlaybackStreamParams {
                sample_spec: spec,
                channel_map,
                sink_index,
                buffer_attr,
                flags,
                ..Default::default()
            };
            let reply = link.ask::<CreatePlaybackStreamReply>(&Command::CreatePlaybackStream(params))?;
            return Ok(Channel {
                number: reply.channel,
                requested_bytes: reply.requested_bytes as usize,
                queue_bytes: reply.buffer_attr.target_length as usize,
            });
        }
        let buffer_attr = BufferAttr { fragment_size: block_bytes, ..lengths };
        let source_index = Some(self.index);
        let params = RecordStreamParams {
            sample_spec: spec,
            channel_map,
            source_index,
            buffer_attr,
            flags,
            ..Default::default()
        };
        let reply = link.ask::<CreateRecordStreamReply>(&Command::CreateRecordStream(params))?;
        Ok(Channel { number: reply.channel, requested_bytes: 0, queue_bytes: 0 })
    }
}

impl Device for Found {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn format(&self, _opened: Offer) -> String {
        use SampleFormat::*;
        let format = match self.format {
            U8 => "u8",
            Alaw => "alaw",
            Ulaw => "ulaw",
            S16Le | S16Be => "i16",
            S24Le | S24Be | S24In32Le | S24In32Be => "i24",
            S32Le | S32Be => "i32",
            Float32Le | Float32Be => "f32",
            Invalid => "",
        };
        format.into()
    }

    fn rate(&self, _rate: u32) -> u32 {
        self.profile.abilities.default_rate
    }

    /// The thread does nothing but what the half needs.
    fn asks_priority(&self) -> bool {
        true
    }

    fn build(
        &self,
        offer: Offer,
        rate: u32,
        block_frames: u32,
        half: &Arc<Half>,
    ) -> Result<(Box<dyn Running>, u32), Fault> {
        let label = &self.profile.abilities.label;
        // The server's own blocks would be of two seconds.
        let block_frames = if block_frames == 0 { (rate / 100).max(1) } else { block_frames };
        let most_frames = MAX_MEMBLOCKQ_LENGTH as u32 / (2 * SAMPLE_BYTES * offer.channels);
        if block_frames > most_frames {
            let message =
                format!("{label} has blocks of at most {most_frames} frames, not of {block_frames}");
            return Err(Fault::new(status::UNSUPPORTED_FORMAT, message));
        }
        let format = SampleFormat::Float32Le;
        let spec = SampleSpec { format, channels: offer.channels as u8, sample_rate: rate };
        let mut link = Link::connect()?;
        let channel = self.create(&mut link, spec, block_frames).map_err(|fault| {
            Fault::new(fault.status, format!("{label} cannot be opened at {rate} Hz: {}", fault.message))
        })?;
        Ok((Box::new(running::Running::start(link, channel, spec, half.clone())?), 0))
    }
}
