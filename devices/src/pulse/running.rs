//! The thread of one half as the host sees it.

use pulseaudio::protocol::SampleSpec;
use sonset_devices_abi::{loss, status};
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::link::Link;
use super::outbox::send;
use super::pump::{Channel, Pump};
use crate::fault::Fault;
use crate::half::Half;
use crate::system;

/// How long the server may take to start or stop a stream.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the host orders of the thread.
pub enum Order {
    /// Stop or start, and say when the server has done so.
    Cork(bool, SyncSender<()>),
    /// Leave.
    End,
}

/// A thread that runs. Dropping this ends it.
pub struct Running {
    orders: Sender<Order>,
    bell: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts the thread of `half`, which has a `channel` with frames as in `spec` on `link`.
    pub fn start(link: Link, channel: Channel, spec: SampleSpec, half: Arc<Half>) -> Result<Self, Fault> {
        let failed =
            |error: io::Error| Fault::new(status::FAILED, format!("no thread for PulseAudio: {error}"));
        let (socket, received, version) = link.into_parts();
        let (bell, heard) = UnixStream::pair().map_err(failed)?;
        socket.set_nonblocking(true).and(heard.set_nonblocking(true)).map_err(failed)?;
        let (orders, ordered) = mpsc::channel();
        let pump = Pump::new(socket, version, (channel, spec), half.clone(), (ordered, heard));
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| pump.run(&received))).is_err() {
                half.lose(
                    loss::FAILED,
                    Some("the thread of the PulseAudio stream failed; this is a defect of it"),
                );
            }
        };
        let thread = Builder::new().name("sonset pulseaudio".into()).spawn(run).map_err(failed)?;
        Ok(Self { orders, bell, thread: Some(thread) })
    }

    fn order(&self, order: Order) {
        // A thread that has ended, as its device is lost, takes no orders.
        let _ = self.orders.send(order);
        let _ = send(&self.bell, &[0]);
    }

    fn cork(&self, cork: bool) -> bool {
        let (done, wait) = mpsc::sync_channel(1);
        self.order(Order::Cork(cork, done));
        wait.recv_timeout(PATIENCE).is_ok()
    }
}

impl system::Running for Running {
    fn play(&self, label: &str) -> Result<(), Fault> {
        let message = || format!("{label} cannot be started: the PulseAudio server does not answer");
        self.cork(false).then_some(()).ok_or_else(|| Fault::new(status::FAILED, message()))
    }

    fn pause(&self) -> bool {
        self.cork(true)
    }

    fn close(self: Box<Self>) {}
}

impl Drop for Running {
    fn drop(&mut self) {
        self.order(Order::End);
        if let Some(thread) = self.thread.take() {
            // It keeps its panics in.
            let _ = thread.join();
        }
    }
}
