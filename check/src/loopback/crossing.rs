//! How the frames of two directions with a callback each belong together: by the clock of each.

use sonset::device::Direction;
use sonset::realtime::clock::{Fit, Stamps};
use sonset::stream::Stream;

/// The clocks of both directions, again and again while a stream ran. Empty for one callback.
#[derive(Debug, Default)]
pub struct Crossing {
    looks: Vec<[Fit; 2]>,
}

/// From output to input by the clocks, both at the converter: what reported latencies lack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossed {
    pub ns: f64,
    /// Of both fits together.
    pub uncertainty_ns: f64,
}

impl Crossing {
    /// Keeps what the clocks are now.
    pub fn look(&mut self, stream: &Stream) {
        let fit = |direction| stream.position(direction).map(|position| position.1);
        if let (Ok(output), Ok(input)) = (fit(Direction::Output), fit(Direction::Input)) {
            self.looks.push([output, input]);
        }
    }

    /// The mean over the pulses that were played when both clocks had settled, each by the clocks of its own time;
    /// `None` where there were none to go by.
    pub fn unreported(&self, sent: &[i64], delays: &[f64], record_from: i64) -> Option<Crossed> {
        let frames = sent.iter().map(|sent| (sent + record_from) as f64);
        let each: Vec<Crossed> =
            frames.zip(delays).filter_map(|(frame, delay)| self.of(frame, frame + delay)).collect();
        let mean = |value: fn(&Crossed) -> f64| each.iter().map(value).sum::<f64>() / each.len() as f64;
        (!each.is_empty())
            .then(|| Crossed { ns: mean(|one| one.ns), uncertainty_ns: mean(|one| one.uncertainty_ns) })
    }

    /// From an output frame to an input frame.
    fn of(&self, output_frame: f64, input_frame: f64) -> Option<Crossed> {
        let is_after = |look: &&[Fit; 2]| look[1].frame as f64 >= input_frame;
        let [output, input] = self.looks.iter().find(is_after)?;
        let tells = |fit: &Fit| fit.is_usable() && matches!(fit.stamps, Stamps::Usable | Stamps::Quantised);
        let since = |fit: &Fit, frame: f64| (frame - fit.frame as f64) * fit.ns_per_frame;
        (tells(output) && tells(input)).then(|| Crossed {
            ns: (input.host_ns - output.host_ns) as f64 + since(input, input_frame)
                - since(output, output_frame),
            uncertainty_ns: (output.uncertainty_ns + input.uncertainty_ns) as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock whose frame 0 is at `zero_ns`.
    fn fit(frame: i64, zero_ns: i64, ns_per_frame: f64) -> Fit {
        Fit {
            frame,
            host_ns: zero_ns + (frame as f64 * ns_per_frame) as i64,
            ns_per_frame,
            uncertainty_ns: 1_000,
            stamps: Stamps::Usable,
            discontinuities: 0,
        }
    }

    #[test]
    fn two_clocks_tell_what_lies_between_the_converters() {
        // The input's frames begin 2 ms later, and a sound takes 5 ms.
        let look = |frame| [fit(frame, 7_000_000, 20_000.0), fit(frame, 9_000_000, 20_000.0)];
        let crossing = Crossing { looks: vec![look(100), look(10_000)] };
        let crossed = crossing.unreported(&[400, 900], &[150.0, 150.5], 100).unwrap();
        assert!((crossed.ns - 5_005_000.0).abs() < 1.0, "{crossed:?}");
        assert_eq!(crossed.uncertainty_ns, 2_000.0);
    }

    #[test]
    fn pulses_before_the_clocks_had_settled_are_left_out() {
        let mut early = [fit(1_000, 0, 20_000.0); 2];
        early[0].stamps = Stamps::Settling;
        let crossing = Crossing { looks: vec![early, [fit(9_000, 0, 20_000.0); 2]] };
        let crossed = crossing.unreported(&[100, 5_000], &[899.0, 10.0], 0).unwrap();
        assert!((crossed.ns - 200_000.0).abs() < 1.0, "{crossed:?}");
    }

    #[test]
    fn useless_stamps_and_no_stamps_tell_nothing() {
        let mut useless = [fit(10_000, 0, 20_000.0); 2];
        useless[1].stamps = Stamps::Useless;
        assert_eq!(Crossing { looks: vec![useless] }.unreported(&[1], &[5.0], 0), None);
        assert_eq!(Crossing::default().unreported(&[1], &[5.0], 0), None);
    }
}
