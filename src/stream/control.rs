//! Requests to single actions beside their end.

use super::{Stream, gain_of_db};
use crate::action::When;
use crate::error::Result;
use crate::request::SetGain;

impl Stream {
    /// Changes the gain of an action, which is 1 when it is issued: along a straight line in `ramp_frames`, −1 at
    /// once, 0 over the stream's fade.
    pub fn set_gain(
        &self,
        action: i64,
        when: impl Into<When>,
        gain_db: f64,
        ramp_frames: i64,
        allow_clip: bool,
    ) -> Result<()> {
        let when = when.into();
        let gain = SetGain { when, gain: gain_of_db(gain_db)?, ramp_frames: self.fade_frames(ramp_frames)? };
        self.check_when(when, None)?;
        self.core.refresh_realtime_offset();
        self.with_host(|host| host.set_gain(action, gain, allow_clip))?;
        self.core.pump();
        Ok(())
    }
}
