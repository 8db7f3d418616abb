//! From words to an exit code: parse, find the caller, run, show.

use crate::arguments::{command, global};
use crate::config::{self, ActorKind as ConfiguredKind, Color, Paths, Settings};
use crate::input::{input, is_only_a_fields};
use crate::output::{Output, Style, one_line, printable, to_stderr, to_stdout};
use crate::render::{View, render};
use crate::surroundings::{Machine, Real};
use crate::{commands, place};
use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use jay_core::{ActorKind, Caller, Door, Engine, EngineOptions, NamespaceOfDirectory, Surroundings as _};
use jay_ops::{Access, Context, Spec, call_with_progress};
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result};
use serde_json::Value;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

/// What a run of the program knows: the machine, the settings, how to show.
pub(crate) struct App<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// Where files stand.
    pub paths: Paths,
    /// The settings with their origins; flags included.
    pub settings: Settings,
    /// How answers are shown.
    pub output: Output,
    /// `--yes`.
    pub yes: bool,
}

/// Runs the program with `words`, the first of which is its own name.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>, machine: &Machine) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let matches = match command().try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) => return not_parsed(&error, &words, machine),
    };
    let plain = output(&matches, machine, Color::Auto);
    let done = commands::machine_of(&matches, machine).and_then(|set| {
        let app = App::new(&matches, set.as_ref().unwrap_or(machine), &plain)?;
        app.dispatch(&matches)
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(mut error) => {
            error.hint.get_or_insert_with(|| "`jay help` lists every command.".to_owned());
            plain.failure(&error);
            ExitCode::from(error.code.exit_code())
        }
    }
}

/// Help and version are answers; anything else is bad input, in the words of the other refusals.
fn not_parsed(error: &clap::Error, words: &[OsString], machine: &Machine) -> ExitCode {
    let text = error.render();
    let is_terminal = if error.use_stderr() { machine.stderr_is_terminal } else { machine.stdout_is_terminal };
    let text =
        if is_terminal && machine.variable("NO_COLOR").is_none() { text.ansi().to_string() } else { text.to_string() };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let shown = to_stdout(text.as_bytes());
            return ExitCode::from(u8::from(shown.is_err()));
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            to_stderr(&text);
            return ExitCode::from(Code::BadInput.exit_code());
        }
        _ => {}
    }
    let refusal = refusal(error, words);
    let style = Style::default();
    let json = words.iter().any(|word| word == "--json");
    Output { json, file: None, style, talk_style: style }.failure(&refusal);
    ExitCode::from(refusal.code.exit_code())
}

fn refusal(error: &clap::Error, words: &[OsString]) -> Error {
    let root = command();
    let mut command = &root;
    let mut path = Vec::new();
    for word in words.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(inner) = command.find_subcommand(word) {
            command = inner;
            path.push(word);
        }
    }
    let help = if path.is_empty() {
        "`jay help` lists every command.".to_owned()
    } else {
        format!("`jay help {}` lists every field and its bounds.", path.join(" "))
    };
    if let (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    {
        let first = missing.first().map(String::as_str).unwrap_or_default();
        let shown = |arg: &&clap::Arg| {
            first.contains(&format!("<{}>", arg.get_value_names().and_then(|n| n.first()).map_or("", |n| n.as_str())))
        };
        let field = command.get_arguments().find(shown).map_or(first, |arg| arg.get_id().as_str());
        return Error::bad_input(format!("`{field}`: is required")).hint(help);
    }
    let unexpected = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => word.as_str(),
        _ => "",
    };
    let help = match unexpected {
        word if !word.is_empty() && !word.starts_with('-') => format!("Put several words in quotes. {help}"),
        _ => help,
    };
    let text = error.render().to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").replace('\'', "`");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(|tip| tip.replace('\'', "`"));
    // A tip of clap's is a clause without a full stop.
    let hint = tip.map_or_else(
        || help.clone(),
        |tip| {
            format!("{}{}. {help}", tip.get(..1).unwrap_or_default().to_uppercase(), tip.get(1..).unwrap_or_default())
        },
    );
    Error::bad_input(message).hint(hint)
}

fn output(matches: &ArgMatches, machine: &Machine, color: Color) -> Output {
    let colored = |is_terminal: bool| match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            is_terminal && machine.variable("NO_COLOR").is_none() && machine.variable("TERM") != Some("dumb")
        }
    };
    let width = machine.terminal_width.unwrap_or(80).clamp(40, 120);
    let file = matches.get_one::<String>(global::OUTPUT).map(Into::into);
    Output {
        json: matches.get_flag(global::JSON),
        style: Style {
            color: file.is_none() && colored(machine.stdout_is_terminal),
            width,
            is_terminal: file.is_none() && machine.stdout_is_terminal,
        },
        talk_style: Style {
            color: colored(machine.stderr_is_terminal),
            width,
            is_terminal: machine.stderr_is_terminal,
        },
        file,
    }
}

/// The operation that `matches` name, with its own matches.
pub(crate) fn operation_of(matches: &ArgMatches) -> Option<(&'static Spec, &ArgMatches)> {
    let (first, inner) = matches.subcommand()?;
    if let Some((second, innermost)) = inner.subcommand() {
        return Some((jay_ops::find(&format!("{first}_{second}")).ok()?, innermost));
    }
    Some((jay_ops::find(first).ok()?, inner))
}

impl<'a> App<'a> {
    fn new(matches: &ArgMatches, machine: &'a Machine, plain: &Output) -> Result<Self> {
        let flag = |id: &str| matches.get_one::<String>(id).map(String::as_str);
        let paths = Paths::of(machine, flag(global::HOME))?;
        let project = machine.directory.as_deref().and_then(place::project_file);
        let mut settings = config::read(machine, &paths, project.as_deref())?;
        for (key, id, slot) in [
            ("namespace", global::NAMESPACE, &mut settings.config.namespace),
            ("actor", global::ACTOR, &mut settings.config.actor),
        ] {
            // A field of that name takes the words as they are: where they are no path, the catalogue judges them.
            let is_fields = |given: &str| id == global::NAMESPACE && is_only_a_fields(matches, given);
            if let Some(given) = flag(id).filter(|given| !is_fields(given)) {
                *slot = Some(given.to_owned());
                settings.origins.insert(key.to_owned(), format!("--{key}"));
            }
        }
        start_log(&settings.config.log)?;
        let output = Output { file: plain.file.clone(), ..output(matches, machine, settings.config.color) };
        Ok(Self { machine, paths, settings, output, yes: matches.get_flag(global::YES) })
    }

    fn dispatch(&self, matches: &ArgMatches) -> Result<u8> {
        if let Some((spec, matches)) = operation_of(matches) {
            return self.operation(spec, matches);
        }
        match matches.subcommand() {
            Some((name, matches)) => commands::run(self, name, matches),
            None => commands::welcome(self),
        }
    }

    fn operation(&self, spec: &'static Spec, matches: &ArgMatches) -> Result<u8> {
        let input = input(spec, matches, &mut std::io::stdin().lock())?;
        if spec.is_final && input.get("dry_run").is_none() && !self.yes {
            self.confirm(spec)?;
        }
        // Before the act: a write must not be done and then be reported as failed because nobody can read of it.
        self.output.check()?;
        let engine = self.engine()?;
        if spec.name == "session_export" && !self.output.json {
            return commands::export(self, &engine, spec, input).map(|()| 0);
        }
        let value = self.asked(&engine, spec, &input)?;
        let has = |field: &str| input.get(field).is_some();
        let (explain, dry_run, tools) = (has("explain"), has("dry_run"), has("tools"));
        let view = View { style: Style::default(), now: Real.now(), explain, dry_run, tools };
        let shown = self.output.answer(&value, |style| render(spec.name, &value, &View { style, ..view }));
        if spec.access != Access::Read {
            engine.after_writes();
        }
        shown.map_err(|error| if spec.access.writes() { done_but(spec, &value, &error) } else { error })?;
        if !self.output.json && value.get("document").is_some() {
            // A document is data as it is; what there is to say of it does not stand in it.
            let notes = value.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            notes.for_each(|note| self.output.talk(&format!("note: {}", one_line(note))));
        }
        Ok(failing(spec, &value, dry_run).map_or(0, Code::exit_code))
    }

    /// Calls an operation; where it wants to be told that something is meant, the person is asked and it is called again.
    /// `--yes` is no answer to that: who says that a merge need not be asked about has not said that others may see it.
    fn asked(&self, engine: &Engine, spec: &'static Spec, input: &Value) -> Result<Value> {
        let error = match self.call(engine, spec, input.clone()) {
            Err(error) => error,
            done => return done,
        };
        let Some(field) = error.details.get("confirm").and_then(Value::as_str).map(str::to_owned) else {
            return Err(error);
        };
        let is_terminal = self.machine.stdin_is_terminal && self.machine.stderr_is_terminal;
        let is_meant = is_terminal && agrees(&format!("{}. Go on?", error.message))?;
        if !is_meant {
            return Err(error);
        }
        let mut input = input.clone();
        if let Some(input) = input.as_object_mut() {
            input.insert(field, Value::Bool(true));
        }
        self.call(engine, spec, input)
    }

    /// Calls an operation as the person at the command line, with progress on stderr.
    pub(crate) fn call(&self, engine: &Engine, spec: &Spec, input: Value) -> Result<Value> {
        let caller = self.caller(Door::Cli)?;
        let context = Context { engine, caller: &caller, surroundings: &Real };
        let mut progress = crate::progress::Progress::new(&self.output, self.machine.stderr_is_terminal);
        let answer = call_with_progress(spec, &context, input, &mut |done, all, what| progress.show(done, all, what));
        progress.finish();
        answer
    }

    /// Asks before what cannot be undone; where nobody can be asked, it is refused.
    fn confirm(&self, spec: &Spec) -> Result<()> {
        let words = spec.words();
        let refused = |why: &str| {
            Err(Error::new(Code::Refused, format!("{words} cannot be undone and {why}"))
                .hint(format!("Look first with `jay {words} … --dry-run`; `--yes` does it without asking.")))
        };
        if !(self.machine.stdin_is_terminal && self.machine.stderr_is_terminal) {
            return refused("nobody is there to confirm it");
        }
        let question = format!("{}: this cannot be undone. Go on?", spec.summary());
        if agrees(&question)? { Ok(()) } else { refused("was not confirmed") }
    }

    /// Who calls through `door`.
    pub(crate) fn caller(&self, door: Door) -> Result<Caller> {
        let config = &self.settings.config;
        Ok(Caller {
            kind: match config.actor_kind {
                ConfiguredKind::Person => ActorKind::Person,
                ConfiguredKind::Agent => ActorKind::Agent,
                ConfiguredKind::Service => ActorKind::Service,
            },
            name: config.actor.clone().unwrap_or_else(|| self.machine.user.clone()),
            door,
            namespace: self.namespace()?,
        })
    }

    /// Where the caller stands.
    pub(crate) fn namespace(&self) -> Result<NamespacePath> {
        let Some(path) = self.settings.config.namespace.as_deref() else { return Ok(place::derived(self.machine)) };
        // In the words in which the field of that name is refused.
        let refused = |error: Error| Error { message: format!("`namespace`: {}", error.message), ..error };
        NamespacePath::parse(path).map_err(refused)
    }

    /// The engine over this user's store.
    pub(crate) fn engine(&self) -> Result<Engine> {
        Engine::open(self.engine_options(), Arc::new(Real))
    }

    /// Names the project directories of archived sessions as the caller's own directory is named.
    fn namespace_of(&self) -> NamespaceOfDirectory {
        let home = self.machine.home.clone();
        NamespaceOfDirectory(Arc::new(move |directory| place::name_of(directory, home.as_deref())))
    }

    /// How the engine finds its store.
    pub(crate) fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            data_dir: self.paths.data.clone(),
            force_location: self.settings.config.force_location,
            embedder: self.settings.config.embedder,
            model: self.settings.config.model.clone(),
            reranker: self.settings.config.reranker.clone(),
            retention: self.settings.config.retention.clone(),
            machine_id: self.machine.machine_id.clone(),
            host: self.machine.host.clone(),
            user: self.machine.user.clone(),
            home: self.machine.home.clone(),
            variables: self.machine.variables.clone(),
            namespace_of: Some(self.namespace_of()),
        }
    }
}

/// Asks the person at the terminal.
fn agrees(question: &str) -> Result<bool> {
    to_stderr(&format!("{} [y/N] ", printable(question)));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| Error::io("cannot read the answer", &error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The failure to tell of a write that was done.
fn done_but(spec: &Spec, value: &Value, error: &Error) -> Error {
    let what = match value.get("id").and_then(Value::as_str) {
        Some(id) => format!("{} is done, as {id}", spec.words()),
        None => format!("{} is done", spec.words()),
    };
    Error::new(error.code, format!("{what}; only its answer is lost: {}", error.message))
        .hint("Do not send it again; `jay list` and `jay status` show what is there.")
        .details(value.clone())
}

/// Messages of the program go to stderr; none of them holds a memory's text. So libraries are held to warnings whatever
/// the filter says: what they log below is the requests that they carry.
fn start_log(filter: &str) -> Result<()> {
    use tracing_subscriber::filter::{EnvFilter, filter_fn};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let asked = EnvFilter::try_new(filter).map_err(|_| {
        Error::bad_input(format!("`log` is not a filter: `{}`", jay_types::text::shorten(filter, 60)))
            .hint("Write one of error, warn, info, debug, trace, or several like `warn,jay_ops=info`.")
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let told = filter_fn(|about| *about.level() <= most_of(about.target()));
    // A second subscriber in one process (tests) changes nothing.
    let _ = tracing_subscriber::registry().with(asked).with(told).with(lines).try_init();
    Ok(())
}

/// The most that `target` may log: everything where the code is ours, which logs no text. The warnings of `rmcp` quote
/// messages of the protocol.
fn most_of(target: &str) -> tracing::level_filters::LevelFilter {
    use tracing::level_filters::LevelFilter;
    match target.split("::").next().unwrap_or_default() {
        "rmcp" => LevelFilter::ERROR,
        name if name == "jay" || name.starts_with("jay_") => LevelFilter::TRACE,
        _ => LevelFilter::WARN,
    }
}

/// What an answer tells of that ends the program with another code than 0.
fn failing(spec: &Spec, value: &Value, dry_run: bool) -> Option<Code> {
    let count = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    match spec.name {
        "doctor" => (value.get("healthy") == Some(&Value::Bool(false))).then_some(Code::VerificationFailed),
        "session_sync" if dry_run && count("/verified/rows_missing") > 0 => Some(Code::VerificationFailed),
        "session_sync" => value.get("error").is_some_and(|error| !error.is_null()).then_some(Code::Io),
        "sync" => value.get("error").is_some_and(|error| !error.is_null()).then_some(Code::Io),
        "session_append" => (count("/errors") > 0).then_some(Code::BadInput),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::most_of;
    use tracing::level_filters::LevelFilter;

    #[test]
    fn libraries_are_held_to_warnings() {
        for (target, most) in [
            ("jay::app", LevelFilter::TRACE),
            ("jay_ops::call", LevelFilter::TRACE),
            ("rmcp::service", LevelFilter::ERROR),
            ("hyper::proto::h1", LevelFilter::WARN),
            ("jaywalker", LevelFilter::WARN),
            ("log", LevelFilter::WARN),
        ] {
            assert_eq!(most_of(target), most, "{target}");
        }
    }
}
