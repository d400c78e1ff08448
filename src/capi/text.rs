//! Texts that C reads: one fixed array for each thread and kind of text, so that a pointer to it never dangles while
//! the thread lives, whatever is called in the meantime.

use std::cell::UnsafeCell;
use std::ffi::c_char;

/// Bytes of a text with its end. A path of 4096 bytes, the longest that Linux has, and a sentence fit.
const SIZE: usize = 5120;
/// Stands where a longer text was cut.
const CUT: &[u8] = b"...";

/// A text of the calling thread; empty at first.
///
/// It has nothing to drop, so it is there in destructors of the thread too.
pub struct Text(UnsafeCell<[u8; SIZE]>);

impl Text {
    /// No text yet.
    pub const fn empty() -> Self {
        Self(UnsafeCell::new([0; SIZE]))
    }

    /// Replaces the text. Zeros become spaces, and what does not fit is cut between characters.
    pub fn set(&self, text: &str) -> *const c_char {
        let bytes = self.0.get().cast::<u8>();
        let (kept, cut) = match text.len() < SIZE {
            true => (text, &b""[..]),
            false => (whole_characters(text, SIZE - 1 - CUT.len()), CUT),
        };
        let zero_to_space = |byte: u8| if byte == 0 { b' ' } else { byte };
        for (place, byte) in kept.bytes().map(zero_to_space).chain(cut.iter().copied()).chain([0]).enumerate()
        {
            // SAFETY: the text, the mark of a cut and the zero are at most SIZE bytes, and only this thread has the array.
            unsafe { bytes.add(place).write(byte) };
        }
        self.pointer()
    }

    /// Where the text is: the same address as long as the thread lives.
    pub fn pointer(&self) -> *const c_char {
        self.0.get().cast()
    }
}

/// The characters of `text` that lie whole in its first `most` bytes.
fn whole_characters(text: &str, most: usize) -> &str {
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn read(text: *const c_char) -> &'static str {
        // SAFETY: a text ends with a zero, and the tests keep it for as long as they look.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap()
    }

    #[test]
    fn a_text_stays_at_its_address_and_is_replaced_in_place() {
        let text = Box::leak(Box::new(Text::empty()));
        let first = text.pointer();
        assert_eq!(read(first), "");
        assert_eq!(text.set("a longer text"), first);
        assert_eq!(text.set("short"), first);
        assert_eq!(read(first), "short");
        text.set("a\0b");
        assert_eq!(read(first), "a b");
    }

    #[test]
    fn a_text_that_does_not_fit_is_cut_between_characters_and_says_so() {
        let text = Box::leak(Box::new(Text::empty()));
        for shift in 0..4 {
            let long = "x".repeat(shift) + &"ü€𝄞".repeat(SIZE);
            let kept = read(text.set(&long));
            assert!(kept.len() < SIZE && kept.len() > SIZE - 10, "{} bytes", kept.len());
            assert!(long.starts_with(kept.strip_suffix("...").unwrap()));
        }
        let fits = "y".repeat(SIZE - 1);
        assert_eq!(read(text.set(&fits)), fits);
    }
}
