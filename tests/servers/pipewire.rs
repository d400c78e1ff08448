//! A private PipeWire server with one null sink, reached by its PulseAudio face or as itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The programs it consists of, in the order in which they are started, and `pactl`. WirePlumber needs a session bus.
const PROGRAMS: [&str; 5] = ["dbus-daemon", "pipewire", "wireplumber", "pipewire-pulse", "pactl"];
/// How long each may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server; dropping it ends it.
pub struct PipeWire {
    folder: PathBuf,
    children: Vec<Child>,
}

/// The program that a PipeWire server would need and this machine does not have.
pub fn missing() -> Option<&'static str> {
    let is_there = |program: &str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|folder| folder.join(program).exists())
    };
    PROGRAMS.into_iter().find(|program| !is_there(program))
}

impl PipeWire {
    /// Starts a server whose default sink is the null sink `sink` of one channel of floats at `rate`, and whose
    /// default source is that sink's monitor, both at the volume at which samples stay as they are.
    pub fn start(sink: &str, rate: u32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sonset-pipewire-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the server");
        fs::write(folder.join("cookie"), [0; 256]).expect("a cookie for the clients");
        let mut server = Self { folder, children: Vec::new() };
        let bus = format!("--address=unix:path={}", server.path("bus").display());
        server.run("dbus-daemon", &["--session", "--nofork", "--nopidfile", &bus]);
        server.wait_for(|server| server.path("bus").exists());
        server.run("pipewire", &[]);
        server.wait_for(|server| server.path("pipewire-0").exists());
        server.run("wireplumber", &[]);
        server.run("pipewire-pulse", &[]);
        server.wait_for(|server| server.pactl(&["info"]).status.success());
        server.make_sink(sink, rate);
        server
    }

    fn make_sink(&self, sink: &str, rate: u32) {
        let (name, rate) = (format!("sink_name={sink}"), format!("rate={rate}"));
        let kind = ["channels=1", "channel_map=mono", "format=float32le"];
        let load = ["load-module", "module-null-sink", &name, &rate];
        assert!(self.pactl(&[&load[..], &kind[..]].concat()).status.success());
        let monitor = format!("{sink}.monitor");
        let settings = [
            ["set-default-sink", sink, ""],
            ["set-default-source", &monitor, ""],
            ["set-sink-volume", sink, "100%"],
            ["set-source-volume", &monitor, "100%"],
        ];
        // The session manager puts the sink up and sets its volume in its own time.
        std::thread::sleep(Duration::from_millis(500));
        for setting in settings {
            let words = &setting[..if setting[2].is_empty() { 2 } else { 3 }];
            self.wait_for(|server| server.pactl(words).status.success());
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn run(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(arguments).envs(own_environment(&self.folder)).env_remove("PULSE_SERVER");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}")));
    }

    fn wait_for(&self, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < end, "the PipeWire server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The environment in which a program reaches this server by either face.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let [runtime, _, bus] = own_environment(&self.folder);
        let pulse = format!("unix:{}", self.path("pulse/native").display());
        let cookie = self.path("cookie").display().to_string();
        let [runtime, bus] = [runtime, bus].map(|(_, value)| value);
        [
            ("PULSE_SERVER", pulse),
            ("PULSE_COOKIE", cookie),
            ("XDG_RUNTIME_DIR", runtime),
            ("DBUS_SESSION_BUS_ADDRESS", bus),
        ]
    }

    /// Lets one of its programs, such as `pipewire` or `pipewire-pulse`, stand still for a while.
    pub fn stall(&self, program: &str, time: Duration) {
        let number = PROGRAMS.iter().position(|known| *known == program).expect("a program of the server");
        let pid = self.children[number].id().to_string();
        for signal in ["STOP", "CONT"] {
            let status = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill is installed");
            assert!(status.success());
            if signal == "STOP" {
                std::thread::sleep(time);
            }
        }
    }

    fn pactl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("pactl");
        command.args(arguments).envs(self.environment()).stdin(Stdio::null());
        command.output().expect("pactl is installed")
    }
}

/// What the server's own programs are told.
fn own_environment(folder: &Path) -> [(&'static str, String); 3] {
    let text = folder.display().to_string();
    let bus = format!("unix:path={text}/bus");
    [("XDG_RUNTIME_DIR", text.clone()), ("HOME", text), ("DBUS_SESSION_BUS_ADDRESS", bus)]
}

impl Drop for PipeWire {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
