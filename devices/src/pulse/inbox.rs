//! Messages of the server, one after another, as they come.

use pulseaudio::protocol::{self, DESCRIPTOR_SIZE, Descriptor};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;

/// Room for what comes at once; a message that is longer makes more.
const ROOM_BYTES: usize = 1 << 18;

/// What was received and not yet taken.
pub struct Inbox {
    bytes: Vec<u8>,
    /// Where what is new begins and ends.
    taken: usize,
    filled: usize,
}

impl Inbox {
    /// An inbox with what was `received` before.
    pub fn new(received: &[u8]) -> Self {
        let mut bytes = vec![0; ROOM_BYTES.max(received.len())];
        bytes[..received.len()].copy_from_slice(received);
        Self { bytes, taken: 0, filled: received.len() }
    }

    /// Reads what has come, as much as there is room for. False if nothing more comes, ever.
    pub fn receive(&mut self, mut socket: &UnixStream) -> io::Result<bool> {
        self.bytes.copy_within(self.taken..self.filled, 0);
        (self.taken, self.filled) = (0, self.filled - self.taken);
        if self.filled == self.bytes.len() {
            self.bytes.resize(2 * self.filled, 0);
        }
        loop {
            match socket.read(&mut self.bytes[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next message that is whole: its header and what it holds.
    pub fn next(&mut self) -> Option<(Descriptor, &[u8])> {
        let new = &self.bytes[self.taken..self.filled];
        let header = protocol::read_descriptor(&mut &new[..DESCRIPTOR_SIZE.min(new.len())]).ok()?;
        let whole = DESCRIPTOR_SIZE + header.length as usize;
        let payload = new.get(DESCRIPTOR_SIZE..whole)?;
        self.taken += whole;
        Some((header, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let (mut server, client) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        let payloads: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; n * n % 3_001]).collect();
        let mut sent = Vec::new();
        for (channel, payload) in payloads.iter().enumerate() {
            protocol::write_memblock(&mut sent, channel as u32, payload, 0).unwrap();
        }
        let mut inbox = Inbox::new(&sent[..7]);
        let mut received = Vec::new();
        for piece in sent[7..].chunks(997) {
            server.write_all(piece).unwrap();
            assert!(inbox.receive(&client).unwrap());
            while let Some((header, payload)) = inbox.next() {
                assert_eq!(header.channel as usize, received.len());
                received.push(payload.to_vec());
            }
        }
        assert_eq!(received, payloads);
        assert!(inbox.receive(&client).unwrap(), "nothing has come, but may");
        drop(server);
        assert!(!inbox.receive(&client).unwrap());
    }

    #[test]
    fn a_message_may_be_longer_than_the_room() {
        let mut sent = Vec::new();
        protocol::write_memblock(&mut sent, 3, &vec![5; 3 * ROOM_BYTES], 0).unwrap();
        let (mut server, client) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        let writer = std::thread::spawn(move || server.write_all(&sent).map(|()| server));
        let mut inbox = Inbox::new(&[]);
        let length = loop {
            assert!(inbox.receive(&client).unwrap());
            if let Some((header, payload)) = inbox.next() {
                assert!(payload.iter().all(|&byte| byte == 5));
                break header.length as usize;
            }
        };
        assert_eq!(length, 3 * ROOM_BYTES);
        writer.join().unwrap().unwrap();
    }
}
