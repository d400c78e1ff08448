//! The `key=value;…` text that carries what only one backend knows.

use std::sync::Mutex;

use crate::error::{Code, Error, Result, fail};

/// Parsed options. Each is taken once by whoever knows its key; what nobody took is an error.
#[derive(Debug, Default)]
pub struct Options {
    left: Mutex<Vec<(String, String)>>,
}

impl Options {
    /// Reads `key=value;key=value`; spaces around keys and values do not count, and neither do empty parts.
    pub fn parse(text: &str) -> Result<Self> {
        let mut left: Vec<(String, String)> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                fail!(InvalidArgument, "option '{part}' is not of the form key=value");
            };
            let (key, value) = (key.trim(), value.trim());
            if left.iter().any(|(known, _)| known == key) {
                fail!(InvalidArgument, "option '{key}' is given twice");
            }
            left.push((key.into(), value.into()));
        }
        Ok(Self { left: Mutex::new(left) })
    }

    /// Takes the value of `key`, if it was given.
    pub fn take(&self, key: &str) -> Option<String> {
        let mut left = self.left.lock().unwrap_or_else(|e| e.into_inner());
        let index = left.iter().position(|(known, _)| known == key)?;
        Some(left.remove(index).1)
    }

    /// Takes the value of `key` as `on` or `off`.
    pub fn take_switch(&self, key: &str) -> Result<Option<bool>> {
        match self.take(key).as_deref() {
            None => Ok(None),
            Some("on") => Ok(Some(true)),
            Some("off") => Ok(Some(false)),
            Some(other) => fail!(InvalidArgument, "option {key}={other}: the value is 'on' or 'off'"),
        }
    }

    /// Takes the value of `key` as a number.
    pub fn take_number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>> {
        self.take(key)
            .map(|value| {
                value.parse().map_err(|_| {
                    Error::new(Code::InvalidArgument, format!("option {key}={value}: not a number in range"))
                })
            })
            .transpose()
    }

    /// Fails if a key is left that nobody took.
    pub fn expect_empty(&self) -> Result<()> {
        let left = self.left.lock().unwrap_or_else(|e| e.into_inner());
        match left.first() {
            Some((key, _)) => fail!(InvalidArgument, "option '{key}' is not known to this backend"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_once_and_the_rest_is_an_error() {
        let options = Options::parse(" a = 1 ; b=off;; ").unwrap();
        assert_eq!(options.take_number::<u32>("a").unwrap(), Some(1));
        assert_eq!(options.take_number::<u32>("a").unwrap(), None);
        assert!(options.expect_empty().unwrap_err().message.contains("'b'"));
        assert_eq!(options.take_switch("b").unwrap(), Some(false));
        options.expect_empty().unwrap();
    }

    #[test]
    fn malformed_options_are_refused_with_their_text() {
        assert!(Options::parse("loud").unwrap_err().message.contains("'loud'"));
        assert!(Options::parse("a=1;a=2").unwrap_err().message.contains("twice"));
        assert!(Options::parse("a=x").unwrap().take_number::<u32>("a").is_err());
        assert!(Options::parse("a=x").unwrap().take_switch("a").is_err());
    }
}
