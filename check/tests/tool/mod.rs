//! Runs the built tool as its user would.

// Each test file uses the part it needs.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const STAMP: &str = "VIRTUAL: THEY SAY NOTHING ABOUT THIS MACHINE.";

/// The tool, to be given arguments.
pub fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sonset-check"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run left behind.
pub struct Ran {
    pub status: i32,
    pub text: String,
    pub errors: String,
    folder: TempDir,
}

impl Ran {
    /// Runs the tool with arguments that are separated by blanks, and has it write JSON and a picture.
    pub fn with(arguments: &str) -> Self {
        Self::run(tool(), arguments)
    }

    /// The same where a JACK server is the default one.
    pub fn with_jack(server: &str, arguments: &str) -> Self {
        let mut command = tool();
        command.env("JACK_DEFAULT_SERVER", server);
        Self::run(command, arguments)
    }

    fn run(mut command: Command, arguments: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        command.args(arguments.split_whitespace());
        command.arg("--json").arg(folder.path().join("r.json"));
        command.arg("--plot").arg(folder.path().join("r.svg"));
        Self::of(command.output().unwrap(), folder)
    }

    fn of(output: Output, folder: TempDir) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            status: output.status.code().expect("the tool ended by itself"),
            text: text(&output.stdout),
            errors: text(&output.stderr),
            folder,
        }
    }

    pub fn json(&self) -> Value {
        read_json(&self.folder.path().join("r.json"))
    }

    pub fn picture(&self) -> PathBuf {
        self.folder.path().join("r.svg")
    }

    /// Text of a picture that must be well-formed.
    pub fn drawn(&self) -> Vec<String> {
        let picture = std::fs::read_to_string(self.picture()).unwrap();
        let tree = roxmltree::Document::parse(&picture).unwrap();
        let texts = tree.descendants().filter(|node| node.has_tag_name("text"));
        texts.filter_map(|node| node.text()).map(|text| text.trim().to_string()).collect()
    }

    /// The status, and all that was said if it is another one.
    pub fn expect_status(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.text, self.errors);
        self
    }
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
