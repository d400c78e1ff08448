//! The wire: what goes into output k comes out of input k a fixed number of frames later.

/// A ring as long as the wire's latency, so that reading and writing happen at the same place: what is read
/// there was written one latency before.
#[derive(Debug)]
pub struct Wire {
    ring: Vec<f32>,
    inputs: usize,
    outputs: usize,
    latency: usize,
    position: usize,
}

impl Wire {
    /// A silent wire. Blocks must not be longer than `latency` frames.
    pub fn new(outputs: usize, inputs: usize, latency: usize) -> Self {
        Self { ring: vec![0.0; inputs * latency], inputs, outputs, latency, position: 0 }
    }

    /// Fills `input` (interleaved) with the frames that come out now.
    pub fn read(&self, input: &mut [f32]) {
        if self.inputs == 0 {
            return;
        }
        let to_end = (self.latency - self.position) * self.inputs;
        let (first, second) = input.split_at_mut(to_end.min(input.len()));
        let start = self.position * self.inputs;
        first.copy_from_slice(&self.ring[start..start + first.len()]);
        second.copy_from_slice(&self.ring[..second.len()]);
    }

    /// Puts the block of `frames` frames that was read last in again, from `output` (interleaved), and
    /// moves on.
    pub fn write(&mut self, output: &[f32], frames: usize) {
        for frame in 0..frames {
            let at = (self.position + frame) % self.latency * self.inputs;
            let row = &mut self.ring[at..at + self.inputs];
            row.fill(0.0);
            let wired = self.inputs.min(self.outputs);
            let start = frame * self.outputs;
            row[..wired].copy_from_slice(&output[start..start + wired]);
        }
        self.position = (self.position + frames) % self.latency;
    }
}
