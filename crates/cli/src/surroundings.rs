//! What the program finds around it: clock, randomness, environment, user, machine, terminal.
//!
//! It is read once, at the start, and handed on as values; this is the only file of the workspace that asks the
//! operating system for any of it.

use jay_core::Surroundings;
use jay_types::Timestamp;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// The machine as it was when the program started.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// The environment; names or values that are not text are left out.
    pub variables: BTreeMap<String, String>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Where the program was started.
    pub directory: Option<PathBuf>,
    /// This program's file, where the system tells it.
    pub program: Option<PathBuf>,
    /// The user's name.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// What tells this machine from a copy of its disk.
    pub machine_id: String,
    /// stdin is a terminal.
    pub stdin_is_terminal: bool,
    /// stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Columns of the terminal, where there is one.
    pub terminal_width: Option<usize>,
}

impl Machine {
    /// Reads it.
    #[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
    pub(crate) fn read() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named =
            |names: &[&str]| names.iter().find_map(|name| variables.get(*name).filter(|v| !v.is_empty()).cloned());
        let host = named(&["HOSTNAME", "COMPUTERNAME"])
            .or_else(|| first_line("/proc/sys/kernel/hostname"))
            .or_else(|| first_line("/etc/hostname"))
            .or_else(|| answer_of("hostname"))
            .unwrap_or_else(|| "unknown-host".to_owned());
        let machine_id = first_line("/etc/machine-id")
            .or_else(|| first_line("/var/lib/dbus/machine-id"))
            .unwrap_or_else(|| format!("host:{host}"));
        Self {
            home: named(&["HOME", "USERPROFILE"]).map(PathBuf::from),
            directory: std::env::current_dir().ok(),
            program: std::env::current_exe().ok(),
            user: named(&["USER", "LOGNAME", "USERNAME"])
                .or_else(|| answer_of("whoami"))
                .unwrap_or_else(|| "unknown".to_owned()),
            host,
            machine_id,
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            terminal_width: terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
            variables,
        }
    }

    /// This machine with these variables set over its own.
    pub(crate) fn with(&self, variables: BTreeMap<String, String>) -> Self {
        let mut machine = self.clone();
        machine.variables.extend(variables);
        let named = |names: &[&str]| names.iter().find_map(|name| machine.variable(name)).map(str::to_owned);
        let (home, user) = (named(&["HOME", "USERPROFILE"]), named(&["USER", "LOGNAME", "USERNAME"]));
        let host = named(&["HOSTNAME", "COMPUTERNAME"]);
        Self {
            home: home.map(PathBuf::from).or(machine.home),
            user: user.unwrap_or(machine.user),
            host: host.unwrap_or(machine.host),
            ..machine
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn first_line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

fn answer_of(program: &str) -> Option<String> {
    let output = std::process::Command::new(program).stdin(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// The real clock and the operating system's random numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Real;

impl Surroundings for Real {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the program")]
    fn now(&self) -> Timestamp {
        let micros = match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp(micros)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        // Keys made of anything else would be guessable: a machine without randomness must not go on.
        getrandom::fill(bytes).expect("the operating system gives random numbers");
    }
}
