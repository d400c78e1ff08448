//! The callback under RealtimeSanitizer (`scripts/rtsan`), which aborts the process with a stack where it
//! allocates, frees, blocks or makes a system call. Without the sanitizer there is nothing to run here.

#![cfg(sonset_rtsan)]

mod bustle;

use std::process::Command;
use std::sync::atomic::Ordering;

use bustle::separate::Halves;
use bustle::{Bustle, CHANNELS, assert_every_kind_ran, process, running, running_with_dither};
use sonset::realtime::engine::PLANT_VIOLATION;

const CHILD: &str = "SONSET_TEST_PLANT_VIOLATION";

#[test]
fn every_kind_of_action_is_clean_in_one_callback() {
    let stream = running_with_dither(64, "");
    let folder = tempfile::tempdir().unwrap();
    let mut bustle = Bustle::with_files(0xBEE, folder.path());
    let input = vec![0.1; CHANNELS * 512];
    let mut output = vec![0.0; CHANNELS * 512];
    let mut frame = 0;
    for _ in 0..100_000 {
        bustle.command(&stream, frame);
        let frames = bustle.random.below(512) as usize;
        process(&stream, &input[..CHANNELS * frames], &mut output[..CHANNELS * frames]);
        frame += frames as i64;
    }
    assert_every_kind_ran(&stream);
}

#[test]
fn every_kind_of_action_is_clean_in_a_callback_for_each_direction() {
    let stream = running_with_dither(64, "callbacks=separate");
    let folder = tempfile::tempdir().unwrap();
    let mut bustle = Bustle::with_files(0xFAB, folder.path());
    let mut halves = Halves::new(0xD1CE);
    for block in 0..200_000 {
        if block % 2 == 0 {
            bustle.command(&stream, halves.frames[0]);
        }
        halves.step(&stream, |run| run());
    }
    let receipts = assert_every_kind_ran(&stream);
    assert!(receipts.iter().any(|receipt| receipt.measured.monitor_latency_ns > 0), "no monitor crossed");
}

#[test]
fn an_allocation_planted_in_the_engine_is_caught() {
    if std::env::var_os(CHILD).is_some() {
        let stream = running(4, "");
        PLANT_VIOLATION.store(true, Ordering::Relaxed);
        process(&stream, &[0.0; CHANNELS], &mut [0.0; CHANNELS]);
        return;
    }
    let this = std::env::current_exe().unwrap();
    let name = "an_allocation_planted_in_the_engine_is_caught";
    let child = Command::new(this).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success(), "the child went through");
    assert!(said.contains("RealtimeSanitizer") && said.contains("malloc"), "{said}");
}
