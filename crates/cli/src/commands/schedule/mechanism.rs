//! What starts the scheduled work: systemd, launchd, cron or the Windows Task Scheduler.
//!
//! What their files hold is made by pure functions; here they are put in their places and the system is told.
//!
//! **Invariant:** setting up twice leaves one timer, with the later interval; where setting up fails, files are as they
//! were before.

use super::plan::{Place, Plan};
use super::system::{ask, demand, last_line};
use super::{cron, launchd, systemd, task_scheduler};
use crate::output::write_whole;
use jay_types::text::shorten;
use jay_types::{Code, Error, Result};
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Systemd,
    Launchd,
    Cron,
    TaskScheduler,
}

impl Mechanism {
    pub(super) const ALL: [Self; 4] = [Self::Systemd, Self::Cron, Self::Launchd, Self::TaskScheduler];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::Cron => "cron",
            Self::TaskScheduler => "task-scheduler",
        }
    }

    /// The one of this name.
    ///
    /// # Errors
    /// `bad_input` where there is none.
    pub(super) fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::bad_input(format!("`with`: must be one of {names}, not `{}`", shorten(name, 40)))
                .hint("Without `--with` the one that this machine runs is taken.")
        })
    }

    /// The one that this machine runs.
    ///
    /// # Errors
    /// `not_found` where it runs none.
    pub(super) fn of_machine() -> Result<Self> {
        if cfg!(target_os = "macos") {
            return Ok(Self::Launchd);
        }
        if cfg!(windows) {
            return Ok(Self::TaskScheduler);
        }
        // It is there on machines where it does not run, as in containers.
        if ask("systemctl", &["--user", "show", "--property=Version"], None)?.is_some_and(|answer| answer.is_success) {
            return Ok(Self::Systemd);
        }
        if ask("crontab", &["-l"], None)?.is_some() {
            return Ok(Self::Cron);
        }
        Err(Error::not_found("this machine runs neither systemd for users nor cron")
            .hint("Let what starts programs here run `jay schedule run`, or keep `jay session watch` running."))
    }

    /// Sets the timer, in the place of an earlier one.
    ///
    /// # Errors
    /// `io` where a file cannot be written or the system refuses; as [`cron::with`].
    pub(super) fn set(self, plan: &Plan) -> Result<()> {
        let place = &plan.place;
        let mut files = Files::default();
        let set = match self {
            Self::Systemd => set_systemd(plan, &mut files),
            Self::Launchd => set_launchd(plan, &mut files),
            Self::Cron => cron::with(&crontab()?, plan).and_then(|text| put_crontab(&text)),
            Self::TaskScheduler => {
                let file = task_file(place);
                let text = task_scheduler::utf_16(&task_scheduler::task(plan));
                files.put(file.clone(), &text).and_then(|()| {
                    let file = file.display().to_string();
                    demand("schtasks", &["/Create", "/TN", &place.name, "/XML", &file, "/F"], None).map(drop)
                })
            }
        };
        set.inspect_err(|_| files.put_back())
    }

    /// Takes the timer away; nothing where there is none.
    ///
    /// # Errors
    /// `io` where a file cannot be removed or the system refuses.
    pub(super) fn remove(self, place: &Place) -> Result<()> {
        match self {
            Self::Systemd => {
                let timer = format!("{}.timer", place.name);
                let answer = ask("systemctl", &["--user", "disable", "--now", &timer], None)?;
                let files = systemd_files(place);
                if files.iter().any(|file| file.exists())
                    && let Some(said) = answer.filter(|answer| !answer.is_success)
                {
                    let message = format!("systemd does not stop {timer}: {}", last_line(&said.stderr));
                    return Err(Error::new(Code::Io, message).hint("Is systemd running for this user?"));
                }
                files.iter().try_for_each(|file| remove_file(file))?;
                ask("systemctl", &["--user", "daemon-reload"], None).map(drop)
            }
            Self::Launchd => {
                // It fails where there is none.
                ask("launchctl", &["bootout", &launchd_target(place)?], None)?;
                remove_file(&launchd::path(place))
            }
            Self::Cron => {
                let before = crontab()?;
                let after = cron::without(&before, &place.name)?;
                if after == before { Ok(()) } else { put_crontab(&after) }
            }
            Self::TaskScheduler => {
                if self.is_set(place) != Some(false) {
                    demand("schtasks", &["/Delete", "/TN", &place.name, "/F"], None)?;
                }
                remove_file(&task_file(place))
            }
        }
    }

    /// Whether the timer is there and counts; none where that cannot be asked.
    pub(super) fn is_set(self, place: &Place) -> Option<bool> {
        match self {
            Self::Systemd => {
                let timer = format!("{}.timer", place.name);
                let answer = ask("systemctl", &["--user", "is-active", &timer], None).ok().flatten()?;
                // It answers with a word; without the user's manager it answers with none.
                (!answer.stdout.trim().is_empty()).then_some(answer.is_success)
            }
            Self::Launchd => {
                let target = launchd_target(place).ok()?;
                ask("launchctl", &["print", &target], None).ok().flatten().map(|answer| answer.is_success)
            }
            Self::Cron => crontab().ok().map(|text| cron::is_in(&text, &place.name)),
            Self::TaskScheduler => {
                let answer = ask("schtasks", &["/Query", "/TN", &place.name], None).ok().flatten();
                answer.map(|answer| answer.is_success)
            }
        }
    }
}

fn systemd_files(place: &Place) -> [PathBuf; 2] {
    ["timer", "service"].map(|kind| systemd::directory(place).join(format!("{}.{kind}", place.name)))
}

fn set_systemd(plan: &Plan, files: &mut Files) -> Result<()> {
    let [timer, service] = systemd_files(&plan.place);
    files.put(service, systemd::service(plan).as_bytes())?;
    files.put(timer, systemd::timer(plan).as_bytes())?;
    let timer = format!("{}.timer", plan.place.name);
    demand("systemctl", &["--user", "daemon-reload"], None)?;
    demand("systemctl", &["--user", "enable", &timer], None)?;
    // Of one that counts already this takes the new interval.
    demand("systemctl", &["--user", "restart", &timer], None).map(drop)
}

fn set_launchd(plan: &Plan, files: &mut Files) -> Result<()> {
    let path = launchd::path(&plan.place);
    files.put(path.clone(), launchd::agent(plan).as_bytes())?;
    let target = launchd_target(&plan.place)?;
    // An earlier one goes on with its interval until it is taken out; where there is none this fails.
    ask("launchctl", &["bootout", &target], None)?;
    let domain = target.rsplit_once('/').map_or(target.as_str(), |(domain, _)| domain);
    demand("launchctl", &["bootstrap", domain, &path.display().to_string()], None).map(drop)
}

/// The agent among those of this user's session.
fn launchd_target(place: &Place) -> Result<String> {
    let user = demand("id", &["-u"], None)?.stdout;
    Ok(format!("gui/{}/{}", user.trim(), launchd::label(&place.name)))
}

/// This user's crontab; empty where there is none.
fn crontab() -> Result<String> {
    let Some(answer) = ask("crontab", &["-l"], None)? else {
        return Err(Error::new(Code::Io, "there is no program `crontab` here").hint("Install cron, or use `--with`."));
    };
    // Written back, what could not be read would be lost.
    match answer.is_success {
        true => Ok(answer.stdout),
        false if answer.stderr.to_lowercase().contains("no crontab for") => Ok(String::new()),
        false => Err(Error::new(Code::Io, format!("the crontab cannot be read: {}", last_line(&answer.stderr)))
            .hint("Nothing was changed; see what `crontab -l` says.")),
    }
}

fn put_crontab(text: &str) -> Result<()> {
    demand("crontab", &["-"], Some(text)).map(drop)
}

fn task_file(place: &Place) -> PathBuf {
    place.data.join("state").join("schedule-task.xml")
}

/// Files that are written, with what they held before.
#[derive(Default)]
struct Files(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Files {
    fn put(&mut self, path: PathBuf, bytes: &[u8]) -> Result<()> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|error| Error::io(format!("cannot make {}", directory.display()), &error))?;
        }
        let before = std::fs::read(&path).ok();
        write_whole(&path, bytes)?;
        self.0.push((path, before));
        Ok(())
    }

    /// Best effort: what failed before is what is told.
    fn put_back(&self) {
        for (path, before) in &self.0 {
            let done = match before {
                Some(bytes) => write_whole(path, bytes),
                None => remove_file(path),
            };
            if let Err(error) = done {
                tracing::warn!(path = %path.display(), %error, "a file of the schedule could not be put back");
            }
        }
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}
