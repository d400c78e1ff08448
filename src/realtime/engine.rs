//! The engine.
use super::block::{BlockTime, Input, Output};
/// The engine.
pub struct Engine {}
impl Engine {
    /// Runs one block.
    pub fn process(&mut self, _input: Input<'_>, mut output: Output<'_, '_>, _time: BlockTime) {
        output.silence();
    }
}
