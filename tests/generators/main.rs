//! What the library makes itself: modulation, tones, noise and pulses, against formulae in double precision.

mod modulation;
mod rig;
