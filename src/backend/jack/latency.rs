//! How long the way to the converters and back is.
//!
//! JACK knows the latency of every port. An output's is that of the ports it is connected to, the longest
//! counts; an input's likewise. Outputs and inputs of the stream itself do not count here, because JACK would
//! hand their own last value round in a circle.
//!
//! A wire from one of our outputs to one of our inputs delivers in the next cycle: output frame n arrives as
//! input frame n + one period. So wherever there is such a wire the round trip is one period, whatever else
//! is connected. With no converter in reach the wire's near end stands for it: output latency 0, input
//! latency one period, and the stamps of a frame agree on both sides.

use std::sync::atomic::{AtomicI64, Ordering};

use ::jack::{Client, LatencyType};

/// Latencies in frames; `None` where nothing is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// From the start of a cycle to the converter.
    pub output: Option<i64>,
    /// From the converter to the start of a cycle.
    pub input: Option<i64>,
    /// From output frame n to the input frame of the number at which it arrives through a wire.
    pub round_trip: Option<i64>,
}

/// The values for channels whose outputs go to `output_targets` and whose inputs come from `input_sources`
/// (full port names), for a stream that owns the ports `own`.
pub fn values(
    client: &Client,
    output_targets: &[String],
    input_sources: &[String],
    own: &[String],
    period: i64,
) -> Values {
    let longest = |ports: &[String], mode| {
        let foreign = ports.iter().filter(|port| !own.contains(port));
        let latency = |port: &String| Some(i64::from(client.port_by_name(port)?.get_latency_range(mode).1));
        foreign.filter_map(latency).max()
    };
    let has_own = |ports: &[String]| ports.iter().any(|port| own.contains(port));
    combine(
        longest(output_targets, LatencyType::Playback),
        longest(input_sources, LatencyType::Capture),
        has_own(output_targets) || has_own(input_sources),
        period,
    )
}

fn combine(output: Option<i64>, input: Option<i64>, self_wired: bool, period: i64) -> Values {
    if self_wired {
        let (output, input) = (output.or(Some(0)), input.or(Some(period)));
        return Values { output, input, round_trip: Some(period) };
    }
    let round_trip = output.zip(input).map(|(output, input)| output + input);
    Values { output, input, round_trip }
}

/// Stands for an unknown value in the atomics.
const UNKNOWN: i64 = -1;

/// The values, written outside the process callback and read anywhere.
#[derive(Debug)]
pub struct Latencies {
    output: AtomicI64,
    input: AtomicI64,
    round_trip: AtomicI64,
}

impl Default for Latencies {
    fn default() -> Self {
        let unknown = || AtomicI64::new(UNKNOWN);
        Self { output: unknown(), input: unknown(), round_trip: unknown() }
    }
}

impl Latencies {
    /// Publishes `values`.
    pub fn write(&self, values: Values) {
        // Relaxed, here and below: each value stands alone, and a reader a cycle late does no harm.
        self.output.store(values.output.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.input.store(values.input.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.round_trip.store(values.round_trip.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// The values last published. Realtime-safe.
    pub fn read(&self) -> Values {
        let known = |value: &AtomicI64| Some(value.load(Ordering::Relaxed)).filter(|value| *value != UNKNOWN);
        Values { output: known(&self.output), input: known(&self.input), round_trip: known(&self.round_trip) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_the_sum_unless_the_stream_is_wired_to_itself() {
        assert_eq!(combine(Some(64), Some(32), false, 64).round_trip, Some(96));
        assert_eq!(combine(Some(64), None, false, 64).round_trip, None);
        assert_eq!(combine(Some(64), Some(32), true, 64).round_trip, Some(64));
        let alone = Values { output: Some(0), input: Some(64), round_trip: Some(64) };
        assert_eq!(combine(None, None, true, 64), alone);
    }

    #[test]
    fn unknown_values_survive_the_atomics() {
        let latencies = Latencies::default();
        assert_eq!(latencies.read(), Values::default());
        let values = Values { output: Some(0), input: None, round_trip: Some(3) };
        latencies.write(values);
        assert_eq!(latencies.read(), values);
    }
}
