//! Messages to the server, on their way.

use pulseaudio::protocol::{self, Command, DESCRIPTOR_SIZE, Descriptor, DescriptorFlags};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Commands before there was a stream had numbers below this.
const FIRST_NUMBER: u32 = 1_000;

/// What is still to be sent.
pub struct Outbox {
    bytes: Vec<u8>,
    /// One command on its way into `bytes`.
    command: Vec<u8>,
    version: u16,
    number: u32,
}

impl Outbox {
    /// An empty outbox with room for `bytes`, for a server that speaks `version`.
    pub fn new(version: u16, bytes: usize) -> Self {
        let (bytes, command) = (Vec::with_capacity(bytes), Vec::with_capacity(256));
        Self { bytes, command, version, number: FIRST_NUMBER }
    }

    /// Whether all is sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Puts `command` in, and gives the number that its reply will have.
    pub fn put(&mut self, command: &Command) -> u32 {
        self.number += 1;
        self.command.clear();
        // Writing to memory fails for texts only that are too long, and what is sent here holds none.
        let _ = protocol::encode_command_message(&mut self.command, self.number, command, self.version);
        self.bytes.extend_from_slice(&self.command);
        self.number
    }

    /// Puts samples for stream `channel` in.
    pub fn put_samples(&mut self, channel: u32, samples: &[f32]) {
        let length = size_of_val(samples) as u32;
        let header = Descriptor { length, channel, offset: 0, flags: DescriptorFlags::empty() };
        let mut head = [0; DESCRIPTOR_SIZE];
        protocol::encode_descriptor(&mut head, &header);
        self.bytes.extend_from_slice(&head);
        self.bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    }

    /// Sends what the socket takes.
    pub fn send(&mut self, socket: &UnixStream) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.bytes.len() {
            match send(socket, &self.bytes[sent..]) {
                Ok(bytes) => sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.drain(..sent);
        Ok(())
    }
}

/// Sends what the socket takes of `bytes` at once. One whose other end is gone is an error, and not the signal that
/// would end a program.
pub fn send(socket: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the socket is open, and pointer and length are those of a slice.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}
