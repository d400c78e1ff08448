//! The device as a stream sees it, with a sink in the engine's place.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::*;
use crate::options::Options;

/// What a sink saw and played. Output frame n holds n + 1 in channel 1 and −(n + 1) in channel 2.
#[derive(Clone, Default)]
struct Probe {
    heard: Arc<Mutex<Vec<f32>>>,
    times: Arc<Mutex<Vec<BlockTime>>>,
    outputs: usize,
    played: i64,
}

impl Sink for Probe {
    fn block(&mut self, input: &[f32], output: &mut [f32], time: BlockTime) {
        self.heard.lock().unwrap().extend_from_slice(input);
        self.times.lock().unwrap().push(time);
        for frame in output.chunks_mut(self.outputs.max(1)) {
            self.played += 1;
            let value = self.played as f32;
            frame.iter_mut().zip([value, -value]).for_each(|(sample, value)| *sample = value);
        }
    }
}

impl Probe {
    fn blocks(&self) -> usize {
        self.times.lock().unwrap().len()
    }

    fn wait_for_blocks(&self, count: usize) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.blocks() < count {
            assert!(Instant::now() < end, "{} of {count} blocks in 10 s", self.blocks());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn request(options: &Options, outputs: u32, inputs: u32, block: u32, latency: u32) -> Request<'_> {
    Request {
        sample_rate_hz: 48_000,
        output_channels: outputs,
        input_channels: inputs,
        block_frames: block,
        virtual_latency_frames: latency,
        output_device: None,
        input_device: None,
        options,
    }
}

/// An idle device with a probe, by the request's numbers and the plan in `id`.
fn device(request: &Request<'_>, id: &str) -> (VirtualDriver<Probe>, Probe, Arc<Notices>) {
    let setup = Setup::from_request(request).unwrap();
    let notices = Arc::new(Notices::default());
    let probe = Probe { outputs: setup.outputs, ..Probe::default() };
    let faults = faults::of_devices(Some(id), None).unwrap();
    let idle = Loop::new(&setup, faults, probe.clone(), notices.clone());
    let state = State::Idle(Box::new(idle));
    (VirtualDriver { state, notices: notices.clone(), opened: describe(&setup) }, probe, notices)
}

#[test]
fn an_output_frame_arrives_the_latency_later_across_a_restart() {
    let options = Options::default();
    let (mut driver, probe, _) = device(&request(&options, 2, 3, 32, 100), "virtual");
    for blocks in [20, 40] {
        driver.start().unwrap();
        probe.wait_for_blocks(blocks);
        driver.stop().unwrap();
    }
    let heard = probe.heard.lock().unwrap();
    for (n, frame) in heard.chunks(3).enumerate() {
        let sent = (n + 1).saturating_sub(100) as f32;
        assert_eq!(frame, [sent, -sent, 0.0], "input frame {n}");
    }
}

#[test]
fn more_outputs_than_inputs_end_nowhere() {
    let options = Options::default();
    let (mut driver, probe, _) = device(&request(&options, 2, 1, 48, 48), "virtual");
    driver.start().unwrap();
    probe.wait_for_blocks(5);
    driver.stop().unwrap();
    let heard = probe.heard.lock().unwrap();
    assert!(heard.iter().enumerate().all(|(n, sample)| *sample == (n + 1).saturating_sub(48) as f32));
}

#[test]
fn one_sided_devices_run() {
    let options = Options::default();
    for (outputs, inputs) in [(2, 0), (0, 2)] {
        let (mut driver, probe, _) = device(&request(&options, outputs, inputs, 16, 0), "virtual");
        driver.start().unwrap();
        probe.wait_for_blocks(10);
        driver.stop().unwrap();
        assert_eq!(driver.opened().round_trip_frames, None);
    }
}

#[test]
fn blocks_come_at_the_nominal_rate_and_with_nominal_stamps() {
    let options = Options::default();
    let (mut driver, probe, _) = device(&request(&options, 1, 1, 32, 96), "virtual");
    driver.start().unwrap();
    let began = Instant::now();
    thread::sleep(Duration::from_millis(300));
    let frames = probe.blocks() as f64 * 32.0;
    let expected = began.elapsed().as_secs_f64() * 48_000.0;
    driver.stop().unwrap();
    assert!((frames / expected - 1.0).abs() < 0.2, "{frames} frames, {expected} expected");

    let times = probe.times.lock().unwrap();
    let start = times[0].callback_ns;
    for (block, time) in times.iter().enumerate() {
        let nominal = start + (block as f64 * 32.0 / 48_000.0 * 1e9).round() as i64;
        assert_eq!(time.callback_ns, nominal);
        assert_eq!(time.output_ns - time.callback_ns, 1_333_333);
        assert_eq!(time.callback_ns - time.input_ns, 666_667);
    }
}

#[test]
fn after_a_stall_no_block_is_missing() {
    let options = Options::default();
    let plan = "virtual:stall_ms_at=480:500,xrun_at=960";
    let (mut driver, probe, notices) = device(&request(&options, 1, 1, 48, 48), plan);
    driver.start().unwrap();
    let began = Instant::now();
    probe.wait_for_blocks(10);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(probe.blocks(), 10, "the thread stands still before the block with frame 480");
    probe.wait_for_blocks(550);
    assert!(began.elapsed() < Duration::from_millis(950), "it caught up");
    driver.stop().unwrap();
    assert_eq!(notices.xruns(), (1, 1));
    let times = probe.times.lock().unwrap();
    assert!(times.windows(2).all(|pair| pair[1].callback_ns - pair[0].callback_ns == 1_000_000));
}

#[test]
fn a_lost_device_calls_no_more_and_does_not_start_again() {
    let options = Options::default();
    let (mut driver, probe, notices) = device(&request(&options, 1, 1, 64, 64), "virtual:lose_at=640");
    driver.start().unwrap();
    probe.wait_for_blocks(11);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(probe.blocks(), 11, "the block with frame 640 is the last one");
    assert!(notices.loss().unwrap().contains("frame 640"));
    driver.stop().unwrap();
    assert_eq!(driver.start().unwrap_err().code, Code::DeviceLost);
}

#[test]
fn stop_and_drop_do_not_wait_for_a_stall_or_a_long_block() {
    let options = Options::default();
    let slow = Request { sample_rate_hz: 1, ..request(&options, 1, 1, 8_192, 0) };
    for (request, id) in [(slow, "virtual"), (request(&options, 1, 1, 0, 0), "virtual:stall_ms_at=0:60000")] {
        let (mut driver, ..) = device(&request, id);
        driver.start().unwrap();
        thread::sleep(Duration::from_millis(20));
        let began = Instant::now();
        driver.stop().unwrap();
        driver.start().unwrap();
        drop(driver);
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn what_the_device_does_not_do_is_refused_with_the_values() {
    let options = Options::default();
    let refusal = |request: Request<'_>| Setup::from_request(&request).unwrap_err();
    let good = || request(&options, 2, 2, 64, 0);

    let error = refusal(Request { virtual_latency_frames: 63, ..good() });
    assert_eq!(error.code, Code::InvalidArgument);
    assert!(error.message.contains("63") && error.message.contains("64"));
    assert_eq!(refusal(Request { block_frames: 8_193, ..good() }).code, Code::UnsupportedFormat);
    assert_eq!(refusal(Request { output_channels: 65, ..good() }).code, Code::UnsupportedFormat);
    assert_eq!(refusal(Request { sample_rate_hz: 768_001, ..good() }).code, Code::UnsupportedFormat);
    let none = Request { output_channels: 0, input_channels: 0, ..good() };
    assert_eq!(refusal(none).code, Code::InvalidArgument);
}
