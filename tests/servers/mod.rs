//! Real audio servers for tests, started and ended by the tests themselves.
#![allow(dead_code)] // Each test uses what it needs.

pub mod pulse;
