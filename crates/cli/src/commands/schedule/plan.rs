//! What is to be scheduled: which program, how often, in which environment.
//!
//! **Invariant:** only names that are known are pinned, so that no key or password of the shell in which it was started ends
//! up in a file; every value is one line.

use crate::app::App;
use crate::config::setting_names;
use crate::interval;
use jay_core::sessions::CLIENT_VARIABLES;
use jay_types::text::shorten;
use jay_types::{Error, Hash, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The shortest and the longest interval.
const EVERY_MIN_MINUTES: u32 = 1;
const EVERY_MAX_MINUTES: u32 = 24 * 60;
/// The name of the one that works on the store of this user's own place.
const NAME: &str = "scrubjay";
/// Who and where one is; the data and configuration directories stand in the list of clients' variables.
const PLACE_VARIABLES: [&str; 7] = ["HOME", "USERPROFILE", "USER", "LOGNAME", "USERNAME", "HOSTNAME", "JAY_HOME"];

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Every {
    pub(super) minutes: u32,
}

impl Every {
    /// Reads `15m`, `2h`, `1d`.
    ///
    /// # Errors
    /// `bad_input` for anything else, and outside of 1 minute to 1 day.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Error::bad_input(format!("`every`: {why}, not `{}`", shorten(text, 40)))
                .hint("Write a number with m, h or d: `jay schedule start --every 15m`.")
        };
        let seconds = interval::seconds(text, "mhd").ok_or_else(|| bad("must be an interval such as 15m, 2h or 1d"))?;
        let minutes = u32::try_from(seconds / 60).unwrap_or(u32::MAX);
        if !(EVERY_MIN_MINUTES..=EVERY_MAX_MINUTES).contains(&minutes) {
            return Err(bad("must be from 1m to 1d"));
        }
        Ok(Self { minutes })
    }

    /// In the words in which one would write it.
    pub(super) fn words(self) -> String {
        match self.minutes {
            minutes if minutes % (24 * 60) == 0 => format!("{}d", minutes / (24 * 60)),
            minutes if minutes % 60 == 0 => format!("{}h", minutes / 60),
            minutes => format!("{minutes}m"),
        }
    }
}

/// Where the files of this user's timers stand, and what this one is called.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What it is called by the system: one for each store.
    pub(super) name: String,
    /// The person's home.
    pub(super) home: PathBuf,
    /// Where settings of this user stand.
    pub(super) config_home: PathBuf,
    /// The data directory.
    pub(super) data: PathBuf,
}

impl Place {
    /// This user's, for the store at hand.
    ///
    /// # Errors
    /// `bad_input` where there is no home.
    pub(super) fn of(app: &App<'_>) -> Result<Self> {
        let home = app.machine.home.clone().ok_or_else(|| {
            Error::bad_input("there is no home directory for which anything could be scheduled").hint("Set HOME.")
        })?;
        let config_home = app.machine.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Self {
            name: name_of(app),
            config_home: config_home.unwrap_or_else(|| home.join(".config")),
            home,
            data: app.paths.data.clone(),
        })
    }
}

/// What is scheduled.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) place: Place,
    /// The program, by its whole path.
    pub(super) program: String,
    pub(super) every: Every,
    /// What its environment holds whatever starts it.
    pub(super) environment: BTreeMap<String, String>,
}

impl Plan {
    /// The plan of this program, in this environment.
    ///
    /// # Errors
    /// `bad_input` where there is no home, or a value that is to be pinned is more than a line.
    pub(super) fn of(app: &App<'_>, every: Every) -> Result<Self> {
        let machine = app.machine;
        let place = Place::of(app)?;
        let program = machine.program.as_deref().and_then(Path::to_str).ok_or_else(|| {
            Error::bad_input("the system does not tell the path of this program, or it is no text")
                .hint("Start `jay` by its whole path.")
        })?;
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        let settings = setting_names();
        let names = PLACE_VARIABLES.iter().copied().chain(CLIENT_VARIABLES.iter().copied());
        for name in names.chain(settings.iter().map(String::as_str)) {
            if let Some(value) = machine.variable(name) {
                environment.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(data) = own_place(app) {
            // `--home`, or a path that was relative to where one stood.
            environment.insert("JAY_HOME".to_owned(), data.display().to_string());
        }
        for (name, value) in environment.iter().chain([(&"the path of this program".to_owned(), &program.to_owned())]) {
            if value.chars().any(char::is_control) {
                return Err(Error::bad_input(format!("{name} holds a line break or another control character"))
                    .hint("Files of timers cannot hold it: set it to one line."));
            }
        }
        Ok(Self { place, program: program.to_owned(), every, environment })
    }
}

/// The directory that holds everything, where one was named.
pub(super) fn own_place<'a>(app: &'a App<'_>) -> Option<&'a Path> {
    app.paths.config.parent().filter(|parent| *parent == app.paths.data)
}

/// What the timer of this store is called.
fn name_of(app: &App<'_>) -> String {
    match own_place(app) {
        None => NAME.to_owned(),
        Some(data) => {
            let hash = Hash::of(data.as_os_str().as_encoded_bytes()).to_string();
            format!("{NAME}-{}", hash.get(..8).unwrap_or(&hash))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_and_written() {
        for (text, minutes, words) in [
            ("15m", 15, "15m"),
            (" 90m ", 90, "90m"),
            ("120m", 120, "2h"),
            ("2h", 120, "2h"),
            ("24h", 1440, "1d"),
            ("1d", 1440, "1d"),
        ] {
            let every = Every::parse(text).unwrap();
            assert_eq!((every.minutes, every.words().as_str()), (minutes, words));
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for (text, why) in [
            ("", "must be an interval"),
            ("15", "must be an interval"),
            ("m", "must be an interval"),
            ("+5m", "must be an interval"),
            ("1.5h", "must be an interval"),
            ("15 m", "must be an interval"),
            ("15µ", "must be an interval"),
            ("0m", "must be from 1m to 1d"),
            ("2d", "must be from 1m to 1d"),
            ("99999999999999999999m", "must be from 1m to 1d"),
            ("9999999999999999999d", "must be from 1m to 1d"),
        ] {
            let error = Every::parse(text).unwrap_err();
            assert!(error.message.contains(why) && error.hint.is_some(), "{text}: {}", error.message);
        }
    }
}
