//! Requests to single actions beside their end.

use super::submit::MAX_FRAME;
use super::{Stream, gain_of_db};
use crate::action::When;
use crate::error::{Result, fail};
use crate::request::{Control, SetGain, Turn};

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
        self.request(|host| host.set_gain(action, gain, allow_clip))
    }

    /// Lets a sound stand still from a frame on, or from the end of a fade that begins now; `fade_frames` −1 cuts,
    /// 0 takes the stream's fade.
    pub fn pause(&self, action: i64, when: impl Into<When>, fade_frames: i64) -> Result<()> {
        self.turn(action, Control::Pause, when.into(), fade_frames)
    }

    /// Lets a sound that stands still go on with the sample that comes next, over a fade as in [`Self::pause`].
    pub fn resume(&self, action: i64, when: impl Into<When>, fade_frames: i64) -> Result<()> {
        self.turn(action, Control::Resume, when.into(), fade_frames)
    }

    /// Lets a sound go on with another of its frames, over a fade before that and one after it as in
    /// [`Self::pause`].
    ///
    /// A file is read ahead from there before.
    pub fn seek(&self, action: i64, when: impl Into<When>, position: i64, fade_frames: i64) -> Result<()> {
        let turn = self.checked_turn(when.into(), fade_frames, position)?;
        let Some(reading) = self.with_host(|host| host.seeks_in(action, &turn))? else {
            return self.request(|host| host.turn(action, Control::Seek, turn));
        };
        let reel = reading.again(position)?;
        self.request(|host| host.seek_file(action, turn, reel))
    }

    fn turn(&self, action: i64, control: Control, when: When, fade_frames: i64) -> Result<()> {
        let turn = self.checked_turn(when, fade_frames, 0)?;
        self.request(|host| host.turn(action, control, turn))
    }

    fn checked_turn(&self, when: When, fade_frames: i64, position: i64) -> Result<Turn> {
        let fade_frames = self.fade_frames(fade_frames)?;
        self.check_when(when, None)?;
        Ok(Turn { when, fade_frames, serial: 0, position })
    }

    /// Starts an action that has not started at another time.
    pub fn reschedule(&self, action: i64, when: impl Into<When>) -> Result<()> {
        let when = when.into();
        if let When::Frame(frame) = when
            && !(0..=MAX_FRAME).contains(&frame)
        {
            fail!(InvalidArgument, "frame {frame}: 0 to {MAX_FRAME}");
        }
        self.check_when(when, None)?;
        self.request(|host| host.reschedule(action, when))
    }
}
