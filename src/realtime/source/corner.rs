//! What a corner of a wave lacks of the ideal one when the harmonics that would alias are taken away: the band-
//! limited step of Stilson and Smith (Alias-free digital synthesis of classic analog waveforms, 1996; the table
//! and its use as Brandt, Hard sync without aliasing, 2001), of linear phase, read at any distance.
//!
//! The impulse under it is a sinc at the sample rate in a Kaiser window (Kaiser and Schafer, IEEE Trans. ASSP 28,
//! 1980) of ±24 frames with 90 dB: flat to 0.44 of the sample rate, half at 0.5, 90 dB down from 0.56 on, so that
//! what aliases below 0.44 is 90 dB below the harmonic that it comes from.

use std::sync::LazyLock;

use crate::realtime::sine;

/// Frames on either side of a corner beyond which it is as the ideal one.
pub const REACH: f64 = 24.0;
/// Of the Kaiser window: 0.1102 (90 − 8.7).
const BETA: f64 = 8.96;
/// Nodes in a frame.
const DENSITY: usize = 64;
const NODES: usize = REACH as usize * DENSITY;

static CORNERS: LazyLock<Corners> = LazyLock::new(Corners::new);

/// Values and slopes, a frame apart [`DENSITY`] times, with cubics in between (Hermite's).
#[derive(Debug)]
pub struct Corners {
    nodes: Box<[Node]>,
}

/// At one distance after a corner.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Band-limited bend by 1 a frame, less the ideal one.
    bend: f64,
    /// Band-limited unit step, less the ideal one: the slope of `bend`.
    step: f64,
    /// The impulse: the slope of `step`.
    impulse: f64,
}

impl Corners {
    /// The one table, made at the first call, which belongs to the host.
    pub fn get() -> &'static Self {
        &CORNERS
    }

    fn new() -> Self {
        let mut nodes = vec![Node::default(); NODES + 1];
        let spacing = 1.0 / DENSITY as f64;
        for n in (0..NODES).rev() {
            let (x, next) = (n as f64 * spacing, nodes[n + 1]);
            // Simpson's rule over four parts.
            let at = |part: f64| impulse(x + part * spacing / 4.0);
            let area = (at(0.0) + 4.0 * at(1.0) + 2.0 * at(2.0) + 4.0 * at(3.0) + at(4.0)) * spacing / 12.0;
            nodes[n].impulse = at(0.0);
            nodes[n].step = next.step - area;
        }
        // The whole impulse has the area 1, and half of it lies after the corner.
        let scale = -0.5 / nodes[0].step;
        for n in (0..=NODES).rev() {
            nodes[n].impulse *= scale;
            nodes[n].step *= scale;
            if let Some(next) = nodes.get(n + 1).copied() {
                let node = nodes[n];
                // Of the cubic through both, exactly.
                let area = (node.step + next.step) * spacing / 2.0
                    + (node.impulse - next.impulse) * spacing * spacing / 12.0;
                nodes[n].bend = next.bend - area;
            }
        }
        Self { nodes: nodes.into() }
    }

    /// What a unit step lacks `distance` frames after it; before it, it is the opposite.
    #[inline]
    pub fn step(&self, distance: f64) -> f64 {
        self.between(distance, |node| (node.step, node.impulse))
    }

    /// What a bend by 1 a frame lacks `distance` frames after it, and before it.
    #[inline]
    pub fn bend(&self, distance: f64) -> f64 {
        self.between(distance, |node| (node.bend, node.step))
    }

    #[inline]
    fn between(&self, distance: f64, of: impl Fn(&Node) -> (f64, f64)) -> f64 {
        let place = distance * DENSITY as f64;
        let index = place as usize;
        let Some([node, next]) = self.nodes.get(index..index + 2) else { return 0.0 };
        let x = place - index as f64;
        let ((a, a_slope), (b, b_slope)) = (of(node), of(next));
        let (a_slope, b_slope) = (a_slope / DENSITY as f64, b_slope / DENSITY as f64);
        let c = 3.0 * (b - a) - 2.0 * a_slope - b_slope;
        let d = 2.0 * (a - b) + a_slope + b_slope;
        a + x * (a_slope + x * (c + x * d))
    }
}

/// The windowed sinc at `x` from 0 to [`REACH`].
fn impulse(x: f64) -> f64 {
    let part = (1.0 - (x / REACH) * (x / REACH)).max(0.0);
    let window = bessel_i0(BETA * part.sqrt()) / bessel_i0(BETA);
    if x == 0.0 {
        return window;
    }
    let whole = x.round();
    let sign = if whole % 2.0 == 0.0 { 1.0 } else { -1.0 };
    window * sign * sine::of_quarters(2.0 * (x - whole)) / (std::f64::consts::PI * x)
}

/// The modified Bessel function of order 0: the sum of ((x/2)^n / n!)² (Abramowitz and Stegun 9.6.12), which for
/// arguments up to 9 is at its end after 40 terms.
fn bessel_i0(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..40 {
        let ratio = x / 2.0 / n as f64;
        term *= ratio * ratio;
        sum += term;
    }
    sum
}
