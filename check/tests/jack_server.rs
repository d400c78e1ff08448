//! The tool over a real JACK server, wired to itself.

#![cfg(target_os = "linux")]

// A part of it is used here.
#[allow(dead_code)]
#[path = "../../tests/servers/jackd.rs"]
mod jackd;
mod tool;

use jackd::Jackd;
use tool::Ran;

const RATE: u32 = 48_000;

#[test]
fn the_round_trip_through_a_server_is_one_period_to_the_sample() {
    for period in [128, 512] {
        let server = Jackd::start(RATE, period, 2);
        let options = format!("server={};output_ports=input_1", server.name());
        let ran = Ran::with(&format!(
            "loopback --backend jack --options {options} --pulses 10 --longest-ms 100 --max-jitter-samples 0 --max-unreported-us 0"
        ))
        .expect_status(0);
        let json = ran.json();
        let arrivals = &json["result"]["arrivals"];
        assert_eq!(arrivals["exact"], true);
        assert_eq!(arrivals["each_delay_frames"], serde_json::json!(vec![period as f64; 10]));
        assert!(json["stamp"].is_null() && !ran.text.contains("VIRTUAL"), "{}", ran.text);
    }
}

#[test]
fn an_unwired_server_is_refused_and_its_timing_is_shown() {
    let server = Jackd::start(RATE, 256, 2);
    let options = format!("server={}", server.name());
    let refused =
        Ran::with(&format!("loopback --backend jack --options {options} --pulses 5 --longest-ms 100"))
            .expect_status(2);
    assert_eq!(refused.json()["refusal"]["reason"], "silent");
    let ran = Ran::with(&format!("timing --backend jack --options {options} --seconds 2.5")).expect_status(0);
    let result = &ran.json()["result"];
    for half in result["halves"].as_array().unwrap() {
        assert_eq!(half["median_block"], 256.0);
        assert!(half["lateness_us"]["n"].as_u64().unwrap() > 100, "{}", half["lateness_us"]);
    }
    let drawn = ran.drawn();
    assert_eq!(drawn.iter().filter(|text| text.contains("wake-up after")).count(), 1, "{drawn:?}");
    assert!(!drawn.iter().any(|text| text == "output"), "{drawn:?}");
}

#[test]
fn halves_with_a_callback_each_are_drawn_apart() {
    let server = Jackd::start(RATE, 256, 2);
    let ran = Ran::with_jack(server.name(), "timing --backend jack-separate --seconds 2.5");
    let drawn = ran.expect_status(0).drawn();
    for half in ["output", "input"] {
        let axis = format!("{half} wake-up after the earliest, against the clock fit (µs)");
        assert_eq!(drawn.iter().filter(|text| **text == axis).count(), 1, "{drawn:?}");
        assert_eq!(drawn.iter().filter(|text| **text == half).count(), 3, "{drawn:?}");
    }
}
