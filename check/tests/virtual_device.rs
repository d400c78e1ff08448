//! The tool on the virtual device, with faults that are known.

mod tool;

use std::time::{Duration, Instant};

use tool::{Ran, STAMP, tool};

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn results_of_the_virtual_device_are_stamped_in_text_json_and_picture() {
    for command in ["timing --seconds 1.5", "loopback --pulses 5 --longest-ms 100"] {
        let ran = Ran::with(&format!("{command} --backend virtual")).expect_status(0);
        assert!(ran.text.starts_with(STAMP) && ran.text.ends_with(&format!("{STAMP}\n")), "{}", ran.text);
        assert_eq!(ran.json()["stamp"], STAMP);
        assert!(ran.drawn().iter().any(|text| text == STAMP));
        assert!(
            !ran.drawn().iter().any(|text| text == "output and input"),
            "a legend of one series hides points"
        );
        assert_eq!(ran.errors, "", "no progress where standard error is no terminal");
    }
}

#[test]
fn a_refusal_of_the_virtual_device_is_stamped_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let mut command = tool();
    command.args(["timing", "--backend", "virtual", "--rate", "999999", "--json"]).arg(&path);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let json = tool::read_json(&path);
    assert_eq!((&json["stamp"], &json["exit_status"]), (&STAMP.into(), &2.into()));
    assert!(json["refusal"]["sentence"].as_str().unwrap().contains("999999"), "{json}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("999999 Hz"));
}

#[test]
fn timing_finds_the_rate_the_jitter_the_xrun_and_the_step_that_were_planned() {
    let id = "virtual:ppm=120,jitter_ns=30000,xrun_at=24000,slip_at=96000:480";
    let ran = Ran::with(&format!(
        "timing --backend virtual --seconds 4 --output {id} --max-xruns 1 --max-discontinuities 1 --max-drift-ppm 100"
    ))
    .expect_status(1);
    let result = &ran.json()["result"];
    assert_eq!(result["output_xruns"], 1);
    assert_eq!(result["output_discontinuities"], 1);
    for half in result["halves"].as_array().unwrap() {
        assert_eq!((&half["smallest_block"], &half["largest_block"]), (&256.into(), &256.into()));
        assert!((number(&half["drift_ppm"]) - 120.0).abs() < 10.0, "{}", half["drift_ppm"]);
        let late = &half["lateness_us"];
        // Up to 30 µs late, and the fit may move by as much about the truth.
        assert!((10.0..40.0).contains(&number(&late["max"])), "{late}");
        assert!((8.0..25.0).contains(&number(&late["median"])), "{late}");
        assert!(number(&half["uncertainty_us"]) < 50.0);
        assert_eq!(half["stamps"], "usable");
    }
    assert!(ran.text.contains("FAIL  --max-discontinuities 1: 2"), "{}", ran.text);
    assert!(ran.text.contains("FAIL  --max-drift-ppm 100: 1"), "{}", ran.text);
    assert!(ran.text.contains("FAIL  --max-xruns 1: 2"), "{}", ran.text);
}

#[test]
fn limits_that_are_kept_give_status_0_and_each_is_in_the_json() {
    let ran = Ran::with(
        "timing --backend virtual --seconds 1.5 --max-xruns 0 --max-discontinuities 0 --max-uncertainty-us 50 \
         --max-lateness-us 100 --max-drift-ppm 5",
    )
    .expect_status(0);
    let json = ran.json();
    let limits = json["limits"].as_array().unwrap();
    assert_eq!(limits.len(), 5);
    assert!(limits.iter().all(|limit| limit["passed"] == true && limit["value"].is_number()), "{limits:?}");
    assert!(ran.text.contains("PASSED"));
}

#[test]
fn a_lost_device_is_not_measured_but_what_was_seen_is_shown() {
    let ran =
        Ran::with("timing --backend virtual --seconds 5 --output virtual:lose_at=96000").expect_status(2);
    assert!(ran.errors.contains("lost at frame 96000"), "{}", ran.errors);
    assert_eq!(ran.json()["refusal"]["reason"], "lost");
    assert!(number(&ran.json()["result"]["seconds"]) < 4.0);
}

#[test]
fn the_round_trip_is_found_to_the_sample_whatever_the_block_size() {
    for (block, latency, rate) in [(64, 64, 48_000), (256, 1_111, 44_100), (1_024, 5_003, 96_000)] {
        let ran = Ran::with(&format!(
            "loopback --backend virtual --pulses 8 --longest-ms 300 --rate {rate} --block {block} --virtual-latency {latency} \
             --max-jitter-samples 0 --max-unreported-us 0 --max-xruns 0"
        ))
        .expect_status(0);
        let result = &ran.json()["result"];
        let arrivals = &result["arrivals"];
        assert_eq!(arrivals["exact"], true);
        assert_eq!(arrivals["each_delay_frames"], serde_json::json!(vec![latency as f64; 8]));
        assert_eq!(number(&result["unreported_frames"]), 0.0);
        assert!(ran.text.contains(&format!("{latency} frames")), "{}", ran.text);
        assert!(ran.text.contains("ASSUMPTION"), "{}", ran.text);
    }
}

#[test]
fn an_input_without_a_cable_is_refused() {
    let ran =
        Ran::with("loopback --backend virtual --pulses 5 --longest-ms 100 --channels-in 2 --channel-in 2")
            .expect_status(2);
    assert_eq!(ran.json()["refusal"]["reason"], "silent");
    assert!(ran.errors.contains("nothing but zeros"), "{}", ran.errors);
    // A file of the text alone says what was tried and why it failed.
    assert!(ran.text.contains("device    virtual: Virtual device"), "{}", ran.text);
    assert!(ran.text.contains("NOT MEASURED: the recording holds nothing but zeros"), "{}", ran.text);
}

#[test]
fn a_way_longer_than_what_is_looked_for_is_refused_with_the_time() {
    let ran = Ran::with("loopback --backend virtual --pulses 8 --virtual-latency 9600 --longest-ms 100")
        .expect_status(2);
    assert_eq!(ran.json()["refusal"]["reason"], "missing");
    assert!(ran.errors.contains("100 ms"), "{}", ran.errors);
}

#[test]
fn wrong_options_give_status_2_and_a_sentence_with_the_value() {
    for (arguments, said) in [
        ("timing --backend virtual --plot t.png", "ends in .svg"),
        ("timing --seconds 0", "'0'"),
        ("timing --seconds soon", "'soon'"),
        ("timing --backend bagpipe", "jack-separate, virtual"),
        ("timing --max-xruns -1", "-1"),
        ("loopback --pulses 4", "5..=10000"),
        ("loopback --backend virtual --level-db 3", "-80 to -1"),
        ("loopback --backend virtual --channel-out 2 --channels-out 1", "2"),
        ("loopback --backend virtual --channels-in 0", "0 in"),
        ("timing --backend virtual --output nowhere", "'nowhere'"),
        ("timing --backend virtual --options loud=1", "'loud'"),
        ("external --receipts a", "--onsets"),
        ("external --receipts /nonexistent.csv --onsets x.csv", "/nonexistent.csv"),
        ("external --receipts a --onsets b --max-lag-us 3", "--reference or --same-clock"),
    ] {
        let output = tool().args(arguments.split_whitespace()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {errors}");
        assert!(errors.contains(said), "{arguments}: {errors}");
    }
}

#[test]
fn the_list_has_the_virtual_device_and_says_why_others_cannot_be_used() {
    let mut command = tool();
    command.env("JACK_DEFAULT_SERVER", "nobody").env("JACK_NO_START_SERVER", "1").args(["list", "--json"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let find =
        |name: &str| list["backends"].as_array().unwrap().iter().find(|b| b["backend"] == name).unwrap();
    assert_eq!(find("virtual")["devices"][0]["id"], "virtual");
    assert_eq!(find("virtual")["devices"][0]["default_output"], false);
    assert!(find("jack")["unavailable"].as_str().unwrap().contains("nobody"));
    let text = tool().args(["list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("64 out, 64 in"));
}

/// Runs the tool, interrupts it after a few seconds, and gives its JSON.
fn interrupt(arguments: &str, status: i32) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let mut command = tool();
    command.args(arguments.split_whitespace()).args(["--backend", "virtual", "--json"]).arg(&path);
    let began = Instant::now();
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    // SAFETY: the child was not waited for, so the id is its own.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Interrupted"));
    tool::read_json(&path)
}

#[test]
fn ctrl_c_ends_a_silent_run_with_what_was_measured_so_far() {
    let json = interrupt("timing --seconds 60", 0);
    assert_eq!(json["interrupted"], true);
    assert!((1.0..8.0).contains(&number(&json["result"]["seconds"])), "{}", json["result"]["seconds"]);
}

#[test]
fn limits_of_a_run_that_was_ended_before_its_time_are_not_passed() {
    let json = interrupt("timing --seconds 60 --max-discontinuities 0", 2);
    assert_eq!((&json["interrupted"], &json["exit_status"]), (&true.into(), &2.into()));
    assert_eq!(json["limits"][0]["passed"], true);
    interrupt("timing --seconds 60 --max-lateness-us 0 --output virtual:jitter_ns=30000", 1);
}

#[test]
fn ctrl_c_ends_a_loop_with_the_pulses_that_came_back_so_far() {
    let json = interrupt("loopback --pulses 300 --longest-ms 100", 0);
    assert_eq!(json["interrupted"], true);
    let pulses = json["result"]["arrivals"]["pulses"].as_u64().unwrap();
    assert!((5..100).contains(&pulses), "{pulses}");
}

#[test]
fn json_to_standard_output_is_all_that_is_there() {
    let output =
        tool().args(["timing", "--backend", "virtual", "--seconds", "1", "--json", "-"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["command"], "timing");
}
