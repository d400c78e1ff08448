//! A private PulseAudio server with one null sink, for tests on machines without a sound card.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running server; dropping it ends it.
pub struct Pulse {
    child: Child,
    folder: PathBuf,
}

impl Pulse {
    /// Starts a server whose default sink is the null sink `sink` of two channels of floats at `rate`, and
    /// whose default source is that sink's monitor.
    pub fn start(sink: &str, rate: u32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sonset-pulse-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the server");
        // Clients have to show a cookie of this size, though this server lets everyone in.
        fs::write(folder.join("cookie"), [0; 256]).expect("a cookie for the clients");
        let socket = folder.join("native");
        let sink = format!("module-null-sink sink_name={sink} rate={rate} channels=2 format=float32le");
        let door = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no"])
            .args(["-L", &sink, "-L", &door])
            .env("XDG_RUNTIME_DIR", &folder)
            .env("HOME", &folder)
            .env_remove("PULSE_SERVER")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is installed");
        let pulse = Self { child, folder };
        pulse.wait_until_ready();
        pulse
    }

    fn wait_until_ready(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.pactl(&["info"]).status.success() {
            assert!(Instant::now() < end, "the PulseAudio server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The environment in which a program reaches this server.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.folder.join(name).display().to_string();
        [("PULSE_SERVER", format!("unix:{}", path("native"))), ("PULSE_COOKIE", path("cookie"))]
    }

    /// Runs `pactl` against this server.
    pub fn pactl(&self, arguments: &[&str]) -> std::process::Output {
        Command::new("pactl")
            .args(arguments)
            .envs(self.environment())
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("pactl is installed")
    }

    /// Takes the null sink away, as if its card had been unplugged.
    pub fn unload_sink(&self) {
        assert!(self.pactl(&["unload-module", "module-null-sink"]).status.success());
    }

    /// Ends the server at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Freezes the server.
    pub fn sigstop(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen server go on.
    pub fn sigcont(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill is installed");
        assert!(status.success());
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
