//! The fault plan that a device id may carry.

use super::DEVICE_ID;
use crate::error::{Result, fail};

/// What goes wrong, and at which frame. Zero and `None` are a perfect device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// How much faster than nominal the device's clock runs, in billionths.
    pub rate_error_ppb: i64,
    /// How far a stamp errs at most.
    pub jitter_ns: i64,
    /// From the first frame on, time is the second number of frames further.
    pub slip_at: Option<(i64, i64)>,
    /// Before the block with the first frame the thread stands still for the second number of milliseconds.
    pub stall_ms_at: Option<(i64, u64)>,
    /// Before the block with this frame an xrun is reported.
    pub xrun_at: Option<i64>,
    /// The block with this frame is the last one.
    pub lose_at: Option<i64>,
}

/// The plan in the ids of both halves, which are one device: at most one of them may carry a plan, or both
/// the same.
pub fn of_devices(output: Option<&str>, input: Option<&str>) -> Result<Faults> {
    let plan = |id: Option<&str>| id.map_or(Ok(None), parse_id);
    match (plan(output)?, plan(input)?) {
        (Some(output), Some(input)) if output != input => {
            fail!(
                InvalidArgument,
                "the virtual output and input are one device, but their fault plans differ"
            )
        }
        (output, input) => Ok(output.or(input).unwrap_or_default()),
    }
}

/// The plan in one id; `None` for an id without a plan.
fn parse_id(id: &str) -> Result<Option<Faults>> {
    if id == DEVICE_ID {
        return Ok(None);
    }
    let Some(plan) = id.strip_prefix(DEVICE_ID).and_then(|rest| rest.strip_prefix(':')) else {
        fail!(NoDevice, "the virtual backend has one device, '{DEVICE_ID}', and no '{id}'");
    };
    let mut faults = Faults::default();
    let mut seen: Vec<&str> = Vec::new();
    for part in plan.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            fail!(InvalidArgument, "fault '{part}' is not of the form key=value");
        };
        if seen.contains(&key) {
            fail!(InvalidArgument, "fault '{key}' is given twice");
        }
        seen.push(key);
        faults.set(key, value)?;
    }
    Ok(Some(faults))
}

impl Faults {
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "ppm" => self.rate_error_ppb = parse_ppm(value)?,
            "jitter_ns" => self.jitter_ns = number(key, value, 0, 1_000_000_000)?,
            "slip_at" => {
                let (frame, frames) = pair(key, value)?;
                self.slip_at = Some((frame_number(key, frame)?, number(key, frames, 1, 1 << 32)?));
            }
            "stall_ms_at" => {
                let (frame, ms) = pair(key, value)?;
                self.stall_ms_at = Some((frame_number(key, frame)?, number(key, ms, 0, 3_600_000)? as u64));
            }
            "xrun_at" => self.xrun_at = Some(frame_number(key, value)?),
            "lose_at" => self.lose_at = Some(frame_number(key, value)?),
            _ => fail!(InvalidArgument, "the virtual device knows no fault '{key}'"),
        }
        Ok(())
    }
}

fn parse_ppm(value: &str) -> Result<i64> {
    const MOST: f64 = 100_000.0;
    match value.parse::<f64>() {
        Ok(ppm) if ppm.abs() <= MOST => Ok((ppm * 1_000.0).round() as i64),
        _ => fail!(InvalidArgument, "fault ppm={value}: a number from -{MOST} to {MOST}"),
    }
}

fn pair<'a>(key: &str, value: &'a str) -> Result<(&'a str, &'a str)> {
    match value.split_once(':') {
        Some(pair) => Ok(pair),
        None => fail!(InvalidArgument, "fault {key}={value} is not of the form frame:number"),
    }
}

fn frame_number(key: &str, value: &str) -> Result<i64> {
    number(key, value, 0, 1 << 53)
}

fn number(key: &str, value: &str, least: i64, most: i64) -> Result<i64> {
    match value.trim().parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => fail!(InvalidArgument, "fault {key}={value}: a whole number from {least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_from_either_id() {
        let id = "virtual:ppm=-12.5,jitter_ns=300,slip_at=480:32,stall_ms_at=960:20,xrun_at=7,lose_at=9";
        let faults = Faults {
            rate_error_ppb: -12_500,
            jitter_ns: 300,
            slip_at: Some((480, 32)),
            stall_ms_at: Some((960, 20)),
            xrun_at: Some(7),
            lose_at: Some(9),
        };
        assert_eq!(of_devices(Some(id), None).unwrap(), faults);
        assert_eq!(of_devices(Some("virtual"), Some(id)).unwrap(), faults);
        assert_eq!(of_devices(Some(id), Some(id)).unwrap(), faults);
        assert_eq!(of_devices(None, Some("virtual")).unwrap(), Faults::default());
    }

    #[test]
    fn a_bad_plan_is_refused_with_its_text() {
        let message = |id: &str| of_devices(Some(id), None).unwrap_err().message;
        assert!(message("virtual:pmm=3").contains("'pmm'"));
        assert!(message("virtual:ppm=fast").contains("ppm=fast"));
        assert!(message("virtual:ppm=NaN").contains("ppm=NaN"));
        assert!(message("virtual:lose_at=-1").contains("lose_at=-1"));
        assert!(message("virtual:stall_ms_at=5").contains("frame:number"));
        assert!(message("virtual:xrun_at=1,xrun_at=2").contains("twice"));
        assert!(message("virtual:loud").contains("'loud'"));
        assert!(message("virtually").contains("'virtually'"));
        assert!(of_devices(Some("virtual:ppm=1"), Some("virtual:ppm=2")).is_err());
    }
}
