//! Where a person's programs keep their files, told by the caller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every variable by which some client's place is decided: whoever starts a sync later must set them as they are now.
pub const CLIENT_VARIABLES: &[&str] = &[
    "AIDER_CHAT_HISTORY_FILE",
    "APPDATA",
    "CLAUDE_CONFIG_DIR",
    "CLINE_DATA_DIR",
    "CLINE_DIR",
    "CLINE_SESSION_DATA_DIR",
    "CODEX_HOME",
    "COPILOT_HOME",
    "CRUSH_GLOBAL_DATA",
    "CURSOR_CONFIG_DIR",
    "DSH_HOME",
    "FLATPAK_XDG_DATA_HOME",
    "GEMINI_CLI_HOME",
    "GOOSE_PATH_ROOT",
    "GROK_HOME",
    "HERMES_HOME",
    "KIMI_CODE_HOME",
    "KIRO_HOME",
    "LETTA_TRANSCRIPT_ROOT",
    "LOCALAPPDATA",
    "OH_CONVERSATIONS_PATH",
    "OPENCLAW_STATE_DIR",
    "OPENCODE_DB",
    "OPENHANDS_CONVERSATIONS_DIR",
    "PI_CODING_AGENT_DIR",
    "PI_CODING_AGENT_SESSION_DIR",
    "QWEN_HOME",
    "QWEN_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// The operating system whose conventions hold; an argument, so that every one is tested on every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux and other Unixes.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// What an adapter may know of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The home directory (`%USERPROFILE%` on Windows).
    pub home: PathBuf,
    /// Environment variables by name.
    pub variables: BTreeMap<String, String>,
    /// The operating system.
    pub platform: Platform,
}

impl Environment {
    /// A variable that is set to something; names are compared without case on Windows, as Windows does.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let found = match self.platform {
            Platform::Windows => {
                self.variables.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            }
            Platform::Linux | Platform::MacOs => self.variables.get(name),
        };
        found.map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The directory that a variable names, a leading `~` being the home directory.
    #[must_use]
    pub fn directory(&self, name: &str) -> Option<PathBuf> {
        let value = self.variable(name)?;
        match value.strip_prefix('~') {
            Some("") => Some(self.home.clone()),
            Some(rest) if rest.starts_with(['/', '\\']) => {
                Some(self.join(&self.home, &[rest.trim_start_matches(['/', '\\'])]))
            }
            _ => Some(PathBuf::from(value)),
        }
    }

    /// `base` and `names` below it, with this platform's separator.
    #[must_use]
    pub fn join(&self, base: &Path, names: &[&str]) -> PathBuf {
        let native = if cfg!(windows) { Platform::Windows } else { Platform::Linux };
        let foreign = (self.platform == Platform::Windows) != (native == Platform::Windows);
        if !foreign {
            return names.iter().fold(base.to_path_buf(), |path, name| path.join(name));
        }
        let separator = if self.platform == Platform::Windows { '\\' } else { '/' };
        let mut path = base.to_string_lossy().trim_end_matches(separator).to_owned();
        for name in names {
            path.push(separator);
            path.push_str(name);
        }
        PathBuf::from(path)
    }

    /// Where programs with windows keep what is a person's: `~/Library/Application Support`, `%APPDATA%`,
    /// `$XDG_CONFIG_HOME` or `~/.config`.
    #[must_use]
    pub fn programs_config(&self) -> PathBuf {
        match self.platform {
            Platform::MacOs => self.in_home(&["Library", "Application Support"]),
            Platform::Windows => self.directory("APPDATA").unwrap_or_else(|| self.in_home(&["AppData", "Roaming"])),
            Platform::Linux => self.directory("XDG_CONFIG_HOME").unwrap_or_else(|| self.in_home(&[".config"])),
        }
    }

    /// A path below the home directory.
    #[must_use]
    pub fn in_home(&self, names: &[&str]) -> PathBuf {
        self.join(&self.home, names)
    }
}
