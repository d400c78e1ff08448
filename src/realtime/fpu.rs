//! The floating-point mode of the callback: IEEE 754 as it is, whatever the host has set.
//!
//! Hosts and drivers often flush subnormals to zero on their audio threads. That would change samples that
//! are to come out bit for bit, so the default mode is set for each block and the host's put back.
#![allow(unsafe_code)]

/// Holds the default mode until it is dropped.
#[derive(Debug)]
pub struct DefaultMode {
    before: Word,
}

impl DefaultMode {
    /// Sets the default mode: round to nearest, subnormals kept, no exceptions.
    pub fn set() -> Self {
        let before = read();
        write(DEFAULT);
        Self { before }
    }
}

impl Drop for DefaultMode {
    fn drop(&mut self) {
        write(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
mod word {
    pub type Word = u32;
    /// MXCSR after reset (Intel SDM volume 1, 10.2.3): all exceptions masked, nearest, no FTZ, no DAZ.
    pub const DEFAULT: Word = 0x1F80;

    pub fn read() -> Word {
        let mut word: Word = 0;
        // SAFETY: stmxcsr writes the four bytes of `word`.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut word, options(nostack, preserves_flags)) };
        word
    }

    pub fn write(word: Word) {
        // SAFETY: ldmxcsr reads the four bytes of `word`, which is a valid MXCSR: read before, or the default.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &word, options(nostack, preserves_flags)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod word {
    pub type Word = u64;
    /// FPCR with no bit set (Arm ARM, C5.2.7): nearest, no flush to zero, no traps.
    pub const DEFAULT: Word = 0;

    pub fn read() -> Word {
        let word: Word;
        // SAFETY: reading FPCR has no effect but on the register named.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    pub fn write(word: Word) {
        // SAFETY: the word is a valid FPCR: read before, or the default.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) word, options(nomem, nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod word {
    pub type Word = ();
    pub const DEFAULT: Word = ();

    pub fn read() -> Word {}

    pub fn write(_word: Word) {}
}

use word::{DEFAULT, Word, read, write};

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_mode_comes_back() {
        let host = read();
        write(host | 0x8040); // FTZ and DAZ
        {
            let _mode = DefaultMode::set();
            assert_eq!(read(), DEFAULT);
        }
        assert_eq!(read() & 0x8040, 0x8040);
        write(host);
    }
}
