//! What the library makes itself: modulation, tones, noise and pulses, against formulae in double precision.

mod cost;
mod fourier;
mod modulation;
mod noise;
mod pulse;
mod rig;
mod tone;
