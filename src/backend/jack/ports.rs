//! The stream's ports, and which ports of the server they are connected to.

use ::jack::jack_sys::FLOAT_MONO_AUDIO;
use ::jack::{AudioIn, AudioOut, Client, Error as JackError, Port, PortFlags};

use crate::backend::Request;
use crate::error::{Code, Error, Result, fail};
use crate::options::Options;

/// The names of the server's physical audio ports: those that play are `IS_INPUT`.
pub fn physical(client: &Client, direction: PortFlags) -> Vec<String> {
    client.ports(None, Some(FLOAT_MONO_AUDIO), direction | PortFlags::IS_PHYSICAL)
}

/// The stream's own ports.
pub struct Ports {
    /// `output_1`, `output_2`, ….
    pub outputs: Vec<Port<AudioOut>>,
    /// `input_1`, `input_2`, ….
    pub inputs: Vec<Port<AudioIn>>,
    /// Full names of the outputs.
    pub output_names: Vec<String>,
    /// Full names of the inputs.
    pub input_names: Vec<String>,
}

impl Ports {
    /// Registers one port for each channel of `request`.
    pub fn register(client: &Client, request: &Request<'_>) -> Result<Self> {
        Self::try_register(client, request.output_channels, request.input_channels)
            .map_err(|error| Error::new(Code::DeviceFailed, format!("JACK refused a port: {error}")))
    }

    fn try_register(client: &Client, outputs: u32, inputs: u32) -> std::result::Result<Self, JackError> {
        let output = |k| client.register_port(&format!("output_{k}"), AudioOut::default());
        let input = |k| client.register_port(&format!("input_{k}"), AudioIn::default());
        let outputs: Vec<_> = (1..=outputs).map(output).collect::<std::result::Result<_, _>>()?;
        let inputs: Vec<_> = (1..=inputs).map(input).collect::<std::result::Result<_, _>>()?;
        let output_names = outputs.iter().map(Port::name).collect::<std::result::Result<_, _>>()?;
        let input_names = inputs.iter().map(Port::name).collect::<std::result::Result<_, _>>()?;
        Ok(Self { outputs, inputs, output_names, input_names })
    }
}

/// What the options say about connections.
pub struct Plan {
    autoconnect: bool,
    outputs: Option<String>,
    inputs: Option<String>,
}

impl Plan {
    /// Takes the keys that this file knows.
    pub fn take(options: &Options) -> Result<Self> {
        Ok(Self {
            autoconnect: options.take_switch("autoconnect")?.unwrap_or(true),
            outputs: options.take("output_ports"),
            inputs: options.take("input_ports"),
        })
    }

    /// Finds the ports that are meant, which must exist.
    pub fn resolve(&self, client: &Client, ports: &Ports) -> Result<Wires> {
        let outputs = Side {
            key: "output_ports",
            named: self.outputs.as_deref(),
            own: &ports.output_names,
            far_end: PortFlags::IS_INPUT,
        };
        let inputs = Side {
            key: "input_ports",
            named: self.inputs.as_deref(),
            own: &ports.input_names,
            far_end: PortFlags::IS_OUTPUT,
        };
        Ok(Wires {
            outputs: outputs.wires(client, self.autoconnect)?,
            inputs: inputs.wires(client, self.autoconnect)?,
        })
    }
}

/// One direction of a [`Plan`].
struct Side<'a> {
    key: &'static str,
    named: Option<&'a str>,
    own: &'a [String],
    far_end: PortFlags,
}

impl Side<'_> {
    fn wires(&self, client: &Client, autoconnect: bool) -> Result<Vec<Wire>> {
        match self.named {
            Some(names) => self.to_named(client, names),
            None if autoconnect => self.to_physical(client),
            None => Ok(Vec::new()),
        }
    }

    /// Channel k to the k-th physical port. A channel without one would complete its sounds unheard.
    fn to_physical(&self, client: &Client) -> Result<Vec<Wire>> {
        let far = physical(client, self.far_end);
        let (channels, ports, key) = (self.own.len(), far.len(), self.key);
        if channels > ports {
            let kind = key.trim_end_matches("_ports");
            fail!(
                UnsupportedFormat,
                "{channels} {kind} channels, and the card of the JACK server has {ports} ports for them; open fewer, name \
                 the ports in the option {key}, or give autoconnect=off and connect them yourself"
            );
        }
        let pairs = self.own.iter().zip(far);
        Ok(pairs.map(|(own, far)| Wire { own: own.clone(), far }).collect())
    }

    fn to_named(&self, client: &Client, names: &str) -> Result<Vec<Wire>> {
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        if names.len() > self.own.len() {
            let (key, named, channels) = (self.key, names.len(), self.own.len());
            fail!(InvalidArgument, "option {key} names {named} ports for {channels} channels");
        }
        let pairs = self.own.iter().zip(names).filter(|(_, name)| !name.is_empty());
        pairs.map(|(own, name)| Ok(Wire { own: own.clone(), far: self.find(client, name)? })).collect()
    }

    fn find(&self, client: &Client, name: &str) -> Result<String> {
        let key = self.key;
        if name.contains('\0') {
            fail!(InvalidArgument, "option {key}: the name {name:?} holds a NUL");
        }
        let full = if name.contains(':') { name.into() } else { format!("{}:{name}", client.name()) };
        match client.port_by_name(&full) {
            Some(port) if port.flags().contains(self.far_end) => Ok(full),
            Some(_) => fail!(InvalidArgument, "option {key}: the port '{full}' is of the other direction"),
            None => fail!(NoDevice, "option {key}: the JACK server has no port '{full}'"),
        }
    }
}

/// A connection to make at each start.
struct Wire {
    own: String,
    far: String,
}

/// The connections to make at each start; JACK undoes them at each stop.
pub struct Wires {
    outputs: Vec<Wire>,
    inputs: Vec<Wire>,
}

impl Wires {
    /// Makes them; `client` is active.
    pub fn connect(&self, client: &Client) -> Result<()> {
        for wire in &self.outputs {
            wire.connect(client, &wire.own, &wire.far)?;
        }
        for wire in &self.inputs {
            wire.connect(client, &wire.far, &wire.own)?;
        }
        Ok(())
    }

    /// Where the outputs will go.
    pub fn output_targets(&self) -> Vec<String> {
        self.outputs.iter().map(|wire| wire.far.clone()).collect()
    }

    /// Where the inputs will come from.
    pub fn input_sources(&self) -> Vec<String> {
        self.inputs.iter().map(|wire| wire.far.clone()).collect()
    }
}

impl Wire {
    fn connect(&self, client: &Client, source: &str, destination: &str) -> Result<()> {
        match client.connect_ports_by_name(source, destination) {
            // The same wire may be named from both of its ends.
            Ok(()) | Err(JackError::PortAlreadyConnected(..)) => Ok(()),
            Err(error) => Err(Error::new(Code::DeviceFailed, format!("JACK: {error}"))),
        }
    }
}
