//! The thread that owns an open device. Opening, starting and closing a device can hang when its server
//! does; then this thread is left behind, and nobody else waits for ever.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::{Driver, Opened};
use crate::error::{Code, Error, Result};

/// Longest wait for a device to open.
pub const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// Longest wait for a device to start or stop.
const CALL_DEADLINE: Duration = Duration::from_secs(3);

type Reply<T> = Sender<T>;

enum Call {
    Start(Reply<Result<()>>),
    Stop(Reply<Result<()>>),
    Opened(Reply<Opened>),
    Close(Reply<()>),
}

/// A device on its thread. Dropping it lets the device close in its own time.
pub struct DeviceThread {
    calls: Sender<Call>,
}

impl DeviceThread {
    /// Opens a device with `open` on a new thread.
    pub fn open(open: impl FnOnce() -> Result<Box<dyn Driver>> + Send + 'static) -> Result<(Self, Opened)> {
        let (calls, incoming) = channel();
        let (reply, answer) = channel();
        std::thread::Builder::new()
            .name("sonset device".into())
            .spawn(move || match open() {
                Ok(driver) => {
                    if reply.send(Ok(driver.opened())).is_ok() {
                        serve(driver, &incoming);
                    }
                }
                Err(error) => drop(reply.send(Err(error))),
            })
            .map_err(|error| Error::new(Code::OutOfMemory, format!("no thread for the device: {error}")))?;
        let opened = answer.recv_timeout(OPEN_DEADLINE).map_err(|_| late("open", OPEN_DEADLINE))??;
        Ok((Self { calls }, opened))
    }

    /// Starts the callbacks.
    pub fn start(&self) -> Result<()> {
        self.ask(Call::Start, CALL_DEADLINE).ok_or_else(|| late("start", CALL_DEADLINE))?
    }

    /// Stops the callbacks.
    pub fn stop(&self) -> Result<()> {
        self.ask(Call::Stop, CALL_DEADLINE).ok_or_else(|| late("stop", CALL_DEADLINE))?
    }

    /// What is open now, or `None` if the device does not answer within `deadline`.
    pub fn opened(&self, deadline: Duration) -> Option<Opened> {
        self.ask(Call::Opened, deadline)
    }

    /// Closes the device. An error if it does not close in time; it is then left behind.
    pub fn close(self) -> Result<()> {
        self.ask(Call::Close, CALL_DEADLINE).ok_or_else(|| late("close", CALL_DEADLINE))
    }

    fn ask<T>(&self, call: impl FnOnce(Reply<T>) -> Call, deadline: Duration) -> Option<T> {
        let (reply, answer) = channel();
        self.calls.send(call(reply)).ok()?;
        answer.recv_timeout(deadline).ok()
    }
}

fn late(what: &str, deadline: Duration) -> Error {
    let seconds = deadline.as_secs_f64();
    Error::new(
        Code::DeviceFailed,
        format!("the device did not {what} within {seconds} s; its server may hang"),
    )
}

/// Serves calls until the device is to close. Whoever asked may have given up by the time of the reply.
fn serve(mut driver: Box<dyn Driver>, calls: &Receiver<Call>) {
    for call in calls {
        match call {
            Call::Start(reply) => drop(reply.send(driver.start())),
            Call::Stop(reply) => drop(reply.send(driver.stop())),
            Call::Opened(reply) => drop(reply.send(driver.opened())),
            Call::Close(reply) => {
                drop(driver);
                let _ = reply.send(());
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hanging;

    impl Driver for Hanging {
        fn start(&mut self) -> Result<()> {
            Ok(())
        }

        fn stop(&mut self) -> Result<()> {
            loop {
                std::thread::park();
            }
        }

        fn opened(&self) -> Opened {
            Opened { sample_rate_hz: 48_000, ..Opened::default() }
        }
    }

    #[test]
    fn a_device_that_hangs_is_left_behind_after_its_deadline() {
        let (device, opened) = DeviceThread::open(|| Ok(Box::new(Hanging))).unwrap();
        assert_eq!(opened.sample_rate_hz, 48_000);
        device.start().unwrap();
        let error = device.stop().unwrap_err();
        assert!(error.message.contains("did not stop within 3 s"), "{}", error.message);
        assert_eq!(device.opened(Duration::from_millis(50)), None);
    }
}
