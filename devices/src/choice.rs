//! Which rate, channels and sample format a stream gets, from what is asked and what the devices offer.

use sonset_devices_abi::status;

use crate::convert::Wire;
use crate::fault::Fault;

/// Sample formats, best first.
const PREFERRED: [Wire; 6] = [Wire::F32, Wire::I32, Wire::I24, Wire::F64, Wire::I16, Wire::U8];

/// Rates for a device that has none of its own, best first.
const USUAL_RATES: [u32; 2] = [48_000, 44_100];

/// One combination that a device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Samples in a frame.
    pub channels: u32,
    /// Lowest rate.
    pub min_rate: u32,
    /// Highest rate.
    pub max_rate: u32,
    /// Format of a sample.
    pub wire: Wire,
}

/// What is known of one device in one direction.
#[derive(Clone, Debug, Default)]
pub struct Abilities {
    /// `output 'Name'`, for messages.
    pub label: String,
    /// What the system takes for this device.
    pub offers: Vec<Offer>,
    /// The rates that the device does without the system's help, where that is known. Lowest and highest.
    pub native_rates: Option<(u32, u32)>,
    /// Usual rates between those that it does not do.
    pub gaps: Vec<u32>,
    /// The channels of the device, where the system takes more.
    pub native_channels: Option<u32>,
    /// The rate it runs at unless asked otherwise.
    pub default_rate: u32,
}

impl Abilities {
    /// Whether the device does `rate` without conversion, as far as is known.
    pub fn is_native(&self, rate: u32) -> bool {
        self.native_rates.is_none_or(|(low, high)| (low..=high).contains(&rate) && !self.gaps.contains(&rate))
    }

    /// Whether a stream can have `rate`.
    pub fn does_rate(&self, rate: u32, may_convert: bool) -> bool {
        let offered = self.offers.iter().any(|offer| (offer.min_rate..=offer.max_rate).contains(&rate));
        offered && (may_convert || self.is_native(rate))
    }

    /// Most channels of a stream.
    pub fn most_channels(&self) -> u32 {
        let most = self.offers.iter().map(|offer| offer.channels).max().unwrap_or(0);
        most.min(self.native_channels.unwrap_or(most))
    }

    /// The lowest and the highest rate of a stream that needs no conversion; zeros if there is none.
    pub fn rates(&self) -> (u32, u32) {
        let low = self.offers.iter().map(|offer| offer.min_rate).min().unwrap_or(0);
        let high = self.offers.iter().map(|offer| offer.max_rate).max().unwrap_or(0);
        self.native_rates.unwrap_or((low, high))
    }

    /// The rate for a stream that names none.
    pub fn own_rate(&self) -> u32 {
        let usual = USUAL_RATES.into_iter().filter(|rate| self.does_rate(*rate, false));
        let mut known =
            std::iter::once(self.default_rate).filter(|rate| self.does_rate(*rate, false)).chain(usual);
        known.next().unwrap_or(self.rates().1)
    }

    fn rates_text(&self) -> String {
        match self.rates() {
            (low, high) if low == high => format!("{low} Hz"),
            (low, high) if self.gaps.is_empty() => format!("{low} to {high} Hz"),
            (low, high) => format!("{low} to {high} Hz without {:?}", self.gaps),
        }
    }

    /// Fails unless a stream can have `rate`.
    pub fn expect_rate(&self, rate: u32, may_convert: bool) -> Result<(), Fault> {
        if self.does_rate(rate, may_convert) {
            return Ok(());
        }
        let way_out = if self.does_rate(rate, true) { "; the system would have to resample" } else { "" };
        Err(unsupported(format!("{} runs at {}, not at {rate} Hz{way_out}", self.label, self.rates_text())))
    }

    /// The channels and format to open the device with for a stream of `channels`: no fewer channels than
    /// asked, as few more as can be.
    pub fn pick(&self, rate: u32, channels: u32) -> Result<Offer, Fault> {
        let most = self.most_channels();
        if channels > most {
            let message = format!("{} has {most} channels, {channels} were asked for", self.label);
            return Err(unsupported(message));
        }
        let rank = |wire: Wire| PREFERRED.iter().position(|known| *known == wire);
        let fitting = self.offers.iter().filter(|offer| offer.channels >= channels);
        let fitting = fitting.filter(|offer| (offer.min_rate..=offer.max_rate).contains(&rate));
        fitting.min_by_key(|offer| (offer.channels, rank(offer.wire))).copied().ok_or_else(|| {
            unsupported(format!("{} does not take {channels} channels at {rate} Hz", self.label))
        })
    }
}

fn unsupported(message: String) -> Fault {
    Fault::new(status::UNSUPPORTED_FORMAT, message)
}

/// The one rate of all halves: the one asked for, or else the first half's own if the others do it.
pub fn agree_rate(halves: &[&Abilities], asked: u32, may_convert: bool) -> Result<u32, Fault> {
    let Some(first) = halves.first() else {
        return Err(unsupported("a stream needs output or input channels".into()));
    };
    if asked != 0 {
        halves.iter().try_for_each(|half| half.expect_rate(asked, may_convert))?;
        return Ok(asked);
    }
    let rate = first.own_rate();
    for half in halves {
        if !half.does_rate(rate, may_convert) {
            let message = format!(
                "{} runs at {rate} Hz by default and {} at {} Hz, and not at the other's; name a sample rate",
                first.label,
                half.label,
                half.own_rate()
            );
            return Err(unsupported(message));
        }
    }
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(label: &str, rates: &[(u32, u32)], channels: &[u32], wires: &[Wire]) -> Abilities {
        let mut offers = Vec::new();
        for &(min_rate, max_rate) in rates {
            for &channels in channels {
                offers.extend(wires.iter().map(|&wire| Offer { channels, min_rate, max_rate, wire }));
            }
        }
        Abilities { label: label.into(), offers, default_rate: rates[0].0, ..Abilities::default() }
    }

    #[test]
    fn an_absent_rate_is_refused_with_the_range() {
        let card = device("output 'Card'", &[(44_100, 96_000)], &[2], &[Wire::I16]);
        assert_eq!(agree_rate(&[&card], 48_000, false).unwrap(), 48_000);
        let fault = agree_rate(&[&card], 192_000, false).unwrap_err();
        assert_eq!(fault.status, status::UNSUPPORTED_FORMAT);
        for part in ["Card", "44100 to 96000", "192000"] {
            assert!(fault.message.contains(part), "{}", fault.message);
        }
    }

    #[test]
    fn a_rate_that_the_system_would_convert_needs_consent() {
        let mut sink = device("output 's'", &[(1, 384_000)], &[1, 2], &[Wire::F32]);
        sink.native_rates = Some((48_000, 48_000));
        assert!(agree_rate(&[&sink], 44_100, false).unwrap_err().message.contains("resample"));
        assert_eq!(agree_rate(&[&sink], 44_100, true).unwrap(), 44_100);
        assert_eq!(sink.own_rate(), 48_000);
    }

    #[test]
    fn without_a_rate_the_output_decides_if_the_input_can_follow() {
        let output = device("output 'A'", &[(48_000, 48_000)], &[2], &[Wire::F32]);
        let both = device("input 'B'", &[(44_100, 44_100), (48_000, 48_000)], &[2], &[Wire::F32]);
        let other = device("input 'C'", &[(16_000, 16_000)], &[1], &[Wire::F32]);
        assert_eq!(agree_rate(&[&output, &both], 0, false).unwrap(), 48_000);
        let message = agree_rate(&[&output, &other], 0, false).unwrap_err().message;
        assert!(message.contains("48000") && message.contains("16000"), "{message}");
    }

    #[test]
    fn the_best_format_with_the_fewest_channels_is_picked() {
        let card = device("output 'Card'", &[(48_000, 48_000)], &[2, 8], &[Wire::I16, Wire::I32]);
        let pick = card.pick(48_000, 1).unwrap();
        assert_eq!((pick.channels, pick.wire), (2, Wire::I32));
        assert_eq!(card.pick(48_000, 3).unwrap().channels, 8);
        let message = card.pick(48_000, 9).unwrap_err().message;
        assert!(message.contains("8 channels, 9"), "{message}");
    }

    #[test]
    fn gaps_between_rates_are_not_done() {
        let mut card = device("output 'Card'", &[(8_000, 192_000)], &[2], &[Wire::F32]);
        card.native_rates = Some((44_100, 192_000));
        card.gaps = vec![48_000];
        card.default_rate = 48_000;
        assert!(!card.does_rate(48_000, false));
        assert_eq!(card.own_rate(), 44_100);
    }
}
