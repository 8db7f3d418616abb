//! Commands that are no operations: doors that stay open, settings, help for the shell.

use crate::app::App;
use crate::config;
use crate::interval;
use crate::render::count;
use crate::surroundings::Real;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;
use jay_core::{Door, Engine};
use jay_ops::agents::Profile;
use jay_serve::{ServeOptions, Service};
use jay_types::{Error, Result};
use serde_json::{Value, json};
use std::sync::Arc;

mod call_lines;
mod export;
mod schedule;
mod try_out;
mod watch;

pub(crate) use export::run as export;
pub(crate) use schedule::machine_of;

/// Adds them to the grammar.
pub(crate) fn add_to(root: Command) -> Command {
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help).action(ArgAction::SetTrue);
    let value = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    let profile = || value("profile", "The tools to show: default or full");
    root.mut_subcommand("session", |session| session.subcommand(watch::command()))
        .subcommand(
            Command::new("try")
                .about("Show what it does: archive the sessions that are here and answer a question from them")
                .arg(Arg::new("question").help("The question").value_name("QUESTION")),
        )
        .subcommand(
            Command::new("call")
                .about("Answer operations as JSON lines: {\"op\":\"recall\",\"input\":{…}}, one answer a line")
                .arg(value("describe", "Print the input and output of this operation instead").value_name("OPERATION")),
        )
        .subcommand(schedule::command())
        .subcommand(Command::new("mcp").about("Speak MCP on stdin and stdout").arg(profile()))
        .subcommand(
            Command::new("serve")
                .about("Serve HTTP and MCP on this machine until stopped")
                .arg(value("addr", "The address [default 127.0.0.1:7717]"))
                .arg(profile())
                .arg(
                    value("sync-every", "Sync with the remotes this often: 30s, 15m, 2h; from 5s to 1d, or never")
                        .value_name("TIME"),
                )
                .arg(switch("no-token", "Let in every program of this machine (for tests)")),
        )
        .subcommand(
            Command::new("config")
                .about("Show the settings and where they came from")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(
                    Command::new("show")
                        .about("List the settings in force")
                        .arg(switch("origins", "Say where each came from")),
                )
                .subcommand(
                    Command::new("path")
                        .about("Print where the settings file stands")
                        .arg(switch("token", "Print where the token of `jay serve` stands instead")),
                )
                .subcommand(Command::new("init").about("Write an example of the settings file")),
        )
        .subcommand(
            Command::new("completions")
                .about("Print the completions for a shell")
                .arg(Arg::new("shell").required(true).value_parser(clap::value_parser!(Shell)).value_name("SHELL")),
        )
        .subcommand(Command::new("man").about("Print the manual page of a command").arg(
            Arg::new("command").num_args(0..).value_name("COMMAND").help("The command; `jay` itself where not given"),
        ))
}

/// Runs the command `name`.
///
/// # Errors
/// What the command answers.
pub(crate) fn run(app: &App<'_>, name: &str, matches: &ArgMatches) -> Result<u8> {
    match name {
        "try" => try_out::run(app, matches.get_one::<String>("question").map(String::as_str)),
        "call" => match matches.get_one::<String>("describe") {
            Some(operation) => describe(app, operation),
            None => call_lines::run(app),
        },
        "mcp" => mcp(app, matches),
        "serve" => serve(app, matches),
        "config" => config_command(app, matches),
        "completions" => completions(app, matches),
        "man" => man(app, matches),
        "schedule" => schedule::run(app, matches),
        "session" => match matches.subcommand() {
            Some(("watch", matches)) => watch::run(app, matches),
            _ => Err(Error::internal("a command of `session` without code")),
        },
        other => Err(Error::internal(format!("`{other}` is a command without code"))),
    }
}

/// What `jay` alone says: what it is, whether there is a store, what to do next.
///
/// # Errors
/// `io` where stdout cannot be written. A store that cannot be opened is said, not failed.
pub(crate) fn welcome(app: &App<'_>) -> Result<u8> {
    let spec = jay_ops::find("status")?;
    let status = app.engine().and_then(|engine| app.call(&engine, spec, json!({})));
    let number = |status: &Value, name: &str| status.get(name).and_then(Value::as_u64).unwrap_or_default();
    let store = app.paths.data.display();
    let state = match &status {
        Ok(status) if status.get("exists") == Some(&Value::Bool(true)) => format!(
            "Your store in {store} holds {} and {}.",
            count(number(status, "memories"), "memory", "memories"),
            count(number(status, "sessions"), "archived session", "archived sessions")
        ),
        Ok(_) => format!("There is no store yet; the first `jay remember` or `jay session sync` makes one in {store}."),
        Err(error) => format!("Your store in {store} cannot be read: {}. `jay doctor` explains it.", error.message),
    };
    let value = json!({"store": store.to_string(), "status": status.ok()});
    app.output.answer(&value, |style| {
        format!(
            "{}: a lasting memory for your agents, on this machine.\n{state}\n\nNext:\n  \
             jay remember \"Staging Postgres listens on 5433\"   keep something\n  \
             jay session sync                                  archive the sessions of your agents\n  \
             claude mcp add jay -- jay mcp                     give it to an agent\n\n\
             `jay help` lists every command; `jay try` shows what it does.\n",
            style.bold("jay")
        )
    })?;
    Ok(0)
}

fn describe(app: &App<'_>, operation: &str) -> Result<u8> {
    let spec = jay_ops::find(operation)?;
    let value = json!({"op": spec.name, "input": spec.input_schema(), "output": spec.output_schema()});
    app.output.answer(&value, |_| format!("{value:#}\n"))?;
    Ok(0)
}

fn service(app: &App<'_>) -> Result<Arc<Service>> {
    let engine: Engine = app.engine()?;
    Service::start(Arc::new(engine), Arc::new(Real), env!("CARGO_PKG_VERSION"))
}

fn profile(app: &App<'_>, matches: &ArgMatches) -> Result<Profile> {
    match matches.get_one::<String>("profile") {
        Some(name) => Profile::from_name(name).ok_or_else(|| {
            Error::bad_input(format!(
                "`profile`: must be one of default, full, not `{}`",
                jay_types::text::shorten(name, 40)
            ))
            .hint("`jay help mcp` lists every field and its bounds.")
        }),
        None => Ok(match app.settings.config.mcp_profile {
            config::Profile::Default => Profile::Default,
            config::Profile::Full => Profile::Full,
        }),
    }
}

fn mcp(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let profile = profile(app, matches)?;
    jay_serve::mcp_stdio(service(app)?, profile, app.namespace()?, app.settings.config.actor.clone())?;
    Ok(0)
}

fn serve(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let every = matches.get_one::<String>("sync-every").or(app.settings.config.sync_every.as_ref());
    let sync_every = every.map(|text| interval::sync_every(text)).transpose()?.flatten();
    let token = match matches.get_flag("no-token") {
        true => None,
        false => Some(jay_serve::load_or_create(&app.paths.data, &Real)?),
    };
    let options = ServeOptions {
        addr: matches.get_one::<String>("addr").unwrap_or(&app.settings.config.serve_addr).clone(),
        token,
        principal: app.caller(Door::Http)?.name,
        profile: profile(app, matches)?,
        sync_every,
    };
    jay_serve::serve(service(app)?, &options, |addr| app.output.talk(&format!("listening on http://{addr}")))?;
    Ok(0)
}

fn config_command(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    match matches.subcommand() {
        Some(("show", matches)) => {
            let value = json!({"settings": app.settings.config, "origins": app.settings.origins});
            app.output.answer(&value, |_| config::show(&app.settings, matches.get_flag("origins")))?;
        }
        Some(("path", matches)) => {
            let path = match matches.get_flag("token") {
                true => jay_serve::token_path(&app.paths.data),
                false => app.paths.config.clone(),
            };
            let path = path.display().to_string();
            app.output.answer(&json!({"path": path}), |_| format!("{path}\n"))?;
        }
        _ => {
            let path = &app.paths.config;
            if path.exists() {
                return Err(Error::new(jay_types::Code::Conflict, format!("{} is there already", path.display()))
                    .hint("`jay config show --origins` says what is in force."));
            }
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|error| Error::io(format!("cannot make {}", folder.display()), &error))?;
            }
            crate::output::write_whole(path, config::example().as_bytes())?;
            app.output.talk(&format!("wrote {}", path.display()));
        }
    }
    Ok(0)
}

fn completions(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let mut script = Vec::new();
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        clap_complete::generate(*shell, &mut crate::arguments::command(), "jay", &mut script);
    }
    app.output.data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

fn man(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let mut command = crate::arguments::command();
    command.build();
    let words: Vec<&String> = matches.get_many::<String>("command").map(Iterator::collect).unwrap_or_default();
    for word in words {
        command = command.find_subcommand(word).cloned().ok_or_else(|| {
            Error::bad_input(format!("`{}` is not a command", jay_types::text::shorten(word, 40)))
                .hint("`jay help` lists every command.")
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::io("cannot write the manual page", &error))?;
    app.output.data(&String::from_utf8_lossy(&page))?;
    Ok(0)
}
