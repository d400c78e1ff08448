//! A connection to the server on which one thing is asked at a time.

use pulseaudio::protocol::{self, Command, CommandReply, ProtocolError, PulseError, TagStructReader};
use sonset_devices_abi::status;
use std::ffi::CString;
use std::io::{BufReader, Cursor, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::fault::Fault;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of a cookie. A server that knows its user by the socket lets one of zeros in, as libpulse shows it.
const COOKIE_BYTES: usize = 256;

/// A message longer than this is none.
const LONGEST_MESSAGE: u32 = 64 << 20;

/// A connection on which the handshake is done.
pub struct Link {
    socket: BufReader<UnixStream>,
    version: u16,
    number: u32,
}

fn unavailable(why: impl std::fmt::Display) -> Fault {
    let cure = "is a server running for this user, and are PULSE_SERVER and PULSE_COOKIE right?";
    Fault::new(status::UNAVAILABLE, format!("PulseAudio cannot be used ({why}); {cure}"))
}

impl Link {
    /// Connects to the server that the environment names.
    pub fn connect() -> Result<Self, Fault> {
        let path =
            pulseaudio::socket_path_from_env().ok_or_else(|| unavailable("no server's socket is there"))?;
        let socket = UnixStream::connect(&path)
            .map_err(|error| unavailable(format!("{}: {error}", path.display())))?;
        let timeouts = socket.set_read_timeout(Some(PATIENCE)).and(socket.set_write_timeout(Some(PATIENCE)));
        timeouts.map_err(unavailable)?;
        let mut link = Self { socket: BufReader::new(socket), version: protocol::MAX_VERSION, number: 0 };
        link.shake_hands().map_err(|fault| unavailable(fault.message))?;
        Ok(link)
    }

    fn shake_hands(&mut self) -> Result<(), Fault> {
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let cookie = cookie.unwrap_or_else(|| vec![0; COOKIE_BYTES]);
        let version = protocol::MAX_VERSION;
        let auth = protocol::AuthParams { version, supports_shm: false, supports_memfd: false, cookie };
        let reply = self.ask::<protocol::AuthReply>(&Command::Auth(auth))?;
        self.version = reply.version.min(version);
        // Servers keep volumes by the names of programs. A name that does not come again has none.
        let name = CString::new(format!("sonset {}", std::process::id())).unwrap_or_default();
        let mut props = protocol::Props::new();
        props.set(protocol::Prop::ApplicationName, name.as_c_str());
        self.ask::<protocol::SetClientNameReply>(&Command::SetClientName(props)).map(drop)
    }

    /// Sends `command` and waits for its reply.
    pub fn ask<R: CommandReply>(&mut self, command: &Command) -> Result<R, Fault> {
        self.exchange(command).map_err(|error| fault(&error))
    }

    fn exchange<R: CommandReply>(&mut self, command: &Command) -> Result<R, ProtocolError> {
        self.number += 1;
        let mut message = Vec::new();
        protocol::encode_command_message(&mut message, self.number, command, self.version)?;
        self.socket.get_mut().write_all(&message)?;
        loop {
            let header = protocol::read_descriptor(&mut self.socket)?;
            if header.length > LONGEST_MESSAGE {
                return Err(ProtocolError::Invalid(format!("a message of {} bytes", header.length)));
            }
            let mut payload = vec![0; header.length as usize];
            self.socket.read_exact(&mut payload)?;
            let mut rest = Cursor::new(payload.as_slice());
            // What is not the answer does not matter before there is a stream.
            match Command::read_tag_prefixed(&mut rest, self.version) {
                Ok((number, Command::Reply)) if number == self.number => {
                    return TagStructReader::new(&mut rest, self.version).read();
                }
                Ok((number, Command::Error(error))) if number == self.number => {
                    return Err(ProtocolError::ServerError(error));
                }
                _ => {}
            }
        }
    }

    /// The socket, what was read from it already, and the version that is spoken.
    pub fn into_parts(self) -> (UnixStream, Vec<u8>, u16) {
        let read = self.socket.buffer().to_vec();
        (self.socket.into_inner(), read, self.version)
    }
}

/// What the server says, for people.
fn fault(error: &ProtocolError) -> Fault {
    use std::io::ErrorKind::{TimedOut, UnexpectedEof, WouldBlock};
    match error {
        ProtocolError::ServerError(PulseError::NoEntity) => {
            Fault::new(status::NO_DEVICE, "the server knows no such device")
        }
        ProtocolError::ServerError(PulseError::AccessDenied) => {
            Fault::new(status::UNAVAILABLE, "the server denies this program access")
        }
        ProtocolError::ServerError(PulseError::NotSupported | PulseError::Invalid) => {
            Fault::new(status::UNSUPPORTED_FORMAT, "the server does not take what was asked for")
        }
        ProtocolError::ServerError(error) => Fault::new(status::FAILED, format!("the server says: {error}")),
        ProtocolError::Io(error) if matches!(error.kind(), TimedOut | WouldBlock) => {
            let message = format!("the server has not answered for {} s", PATIENCE.as_secs());
            Fault::new(status::UNAVAILABLE, message)
        }
        ProtocolError::Io(error) if error.kind() == UnexpectedEof => {
            Fault::new(status::UNAVAILABLE, "the server hung up")
        }
        error => Fault::new(status::UNAVAILABLE, error.to_string()),
    }
}
