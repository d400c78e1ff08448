//! A stream whose output and input have callbacks and clocks of their own, as on a sound card's two halves.

use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::Stream;

use super::{CHANNELS, Random};

const EPOCH_NS: i64 = 1_000_000_000_000;
const NOMINAL_NS: f64 = 1e9 / 48_000.0;

/// Both halves, each by its clock: 150 ppm fast and 90 slow, with stamps that err by up to 20 µs, blocks of changing
/// size, and a half that stands still now and then.
pub struct Halves {
    /// Frames so far of output and input.
    pub frames: [i64; 2],
    /// When each half is due, in ns.
    due_ns: [f64; 2],
    random: Random,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Halves {
    /// At frame 0.
    pub fn new(seed: u64) -> Self {
        Self {
            frames: [0; 2],
            due_ns: [0.0; 2],
            random: Random(seed),
            input: (0..CHANNELS * 512).map(|n| (n % 37) as f32 / 100.0).collect(),
            output: vec![0.0; CHANNELS * 512],
        }
    }

    /// The next callback of whichever half is due first; `call` runs it and nothing else.
    pub fn step(&mut self, stream: &Stream, call: impl FnOnce(&mut dyn FnMut())) {
        let half = usize::from(self.due_ns[1] < self.due_ns[0]);
        let frames = 1 + self.random.below(512);
        let stamp = EPOCH_NS + self.due_ns[half] as i64 + self.random.below(40_000) - 20_000;
        let samples = CHANNELS * frames as usize;
        let (input, output) = (&self.input[..samples], &mut self.output[..samples]);
        let mut run = || {
            let time = BlockTime { output_ns: stamp, input_ns: stamp, ..BlockTime::default() };
            let done = match half {
                0 => stream.process(0, Input::None, Output::Interleaved(output), time),
                _ => stream.process(1, Input::Interleaved(input), Output::None, time),
            };
            done.unwrap();
        };
        call(&mut run);
        self.frames[half] += frames;
        let pace = NOMINAL_NS / (1.0 + [150e-6, -90e-6][half]);
        self.due_ns[half] += frames as f64 * pace;
        if self.random.below(5_000) == 0 {
            self.due_ns[half] += 5e6;
        }
    }
}
