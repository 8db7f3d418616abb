//! The command line's grammar, made from the catalogue.
//!
//! clap reads words; whether a value is right is decided by the catalogue, in the same words as on every other door.
//! So no argument is given a type here, and lists of possible values only complete and document.

#[cfg(test)]
mod hints;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, Command};
use jay_core::Door;
use jay_ops::schema::{Field, Shape, fields};
use jay_ops::{ALL, Spec};
use serde_json::Value;

/// Flags that every command has.
pub(crate) mod global {
    pub(crate) const JSON: &str = "@json";
    pub(crate) const OUTPUT: &str = "@output";
    pub(crate) const YES: &str = "@yes";
    pub(crate) const ACTOR: &str = "@actor";
    pub(crate) const NAMESPACE: &str = "@namespace";
    pub(crate) const HOME: &str = "@home";
}

/// The whole grammar.
pub(crate) fn command() -> Command {
    let mut root = Command::new("jay")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A lasting memory for your agents: remember, recall, and search past sessions")
        .disable_help_subcommand(false)
        .subcommand_required(false)
        .arg_required_else_help(false)
        .max_term_width(100)
        .args(global_flags());
    let mut groups: Vec<(String, Command)> = Vec::new();
    for spec in ALL.iter().filter(|spec| spec.doors.contains(&Door::Cli)) {
        match spec.words().split_once(' ') {
            None => root = root.subcommand(operation(spec, spec.name.to_owned())),
            Some((group, name)) => {
                let leaf = operation(spec, name.to_owned());
                match groups.iter_mut().find(|(known, _)| known == group) {
                    Some((_, command)) => *command = std::mem::take(command).subcommand(leaf),
                    None => groups.push((group.to_owned(), group_command(group).subcommand(leaf))),
                }
            }
        }
    }
    for (group, command) in groups {
        root = match root.find_subcommand(&group) {
            // An operation that has the group's name too, `jay sync` beside `jay sync status`.
            Some(_) => root.mut_subcommand(&group, |operation| {
                let operation = operation.args_conflicts_with_subcommands(true).subcommand_negates_reqs(true);
                operation.subcommands(command.get_subcommands().cloned().collect::<Vec<_>>())
            }),
            None => root.subcommand(command),
        };
    }
    crate::commands::add_to(root)
}

fn group_command(group: &str) -> Command {
    let about = match group {
        "session" => "Archive, search and show past sessions of agents",
        "git" => "Archive the commits of git repositories",
        "namespace" => "List, rename and guard namespaces",
        "stats" => "Sum what was used",
        "docs" => "Add, list and remove folders of documents",
        "remote" => "Add, show, try and remove folders and buckets that are shared with other machines",
        "vault" => "Invite machines, let them in, take them out, and change the key",
        "jobs" => "Look at queued work, or do it",
        "model" => "Install, choose and remove models that make vectors or rerank",
        _ => "",
    };
    Command::new(group.to_owned()).about(about).subcommand_required(true).arg_required_else_help(true)
}

fn global_flags() -> [Arg; 6] {
    let flag = |id: &'static str, long: &'static str, value: &'static str, help: &'static str| {
        Arg::new(id).long(long).value_name(value).help(help).global(true).help_heading("Everywhere")
    };
    let switch = |id, long, help| {
        Arg::new(id).long(long).help(help).global(true).action(ArgAction::SetTrue).help_heading("Everywhere")
    };
    [
        switch(global::JSON, "json", "Answer in JSON"),
        flag(global::OUTPUT, "output", "FILE", "Write the answer into a file").short('o'),
        switch(global::YES, "yes", "Do not ask before what cannot be undone"),
        flag(global::NAMESPACE, "namespace", "PATH", "Stand in this namespace").short('n'),
        flag(global::ACTOR, "actor", "NAME", "Act under this name"),
        flag(global::HOME, "home", "DIR", "Keep everything in this directory"),
    ]
}

fn operation(spec: &'static Spec, name: String) -> Command {
    let mut about = spec.about().splitn(2, "\n\n");
    let summary = about.next().unwrap_or_default().to_owned();
    let mut command = Command::new(name).about(summary.clone());
    if let Some(more) = about.next() {
        command = command.long_about(format!("{summary}\n\n{more}"));
    }
    let fields = fields(spec.input_schema());
    for field in shown(&fields) {
        command = command.args(arguments(&field, ""));
    }
    // In place of the flag of every command, whose help says less.
    if let Some(field) = fields.iter().find(|field| is_optional_namespace(field)) {
        let arg = Arg::new(global::NAMESPACE).long("namespace").short('n').value_name("PATH");
        command = command.arg(arg.help(help(field)));
    }
    command
}

fn is_optional_namespace(field: &Field) -> bool {
    field.name == "namespace" && !field.required
}

/// True where the flag `--namespace` is a field of the operation: it gets the words as they were given.
pub(crate) fn has_namespace(spec: &Spec) -> bool {
    fields(spec.input_schema()).iter().any(is_optional_namespace)
}

/// The fields that are arguments of their own: `namespace` is the flag that every command has.
pub(crate) fn shown(fields: &[Field]) -> Vec<Field> {
    fields.iter().filter(|field| !is_optional_namespace(field)).cloned().collect()
}

/// The argument of a field; an object's fields are flags of their own, `--source-session`.
fn arguments(field: &Field, path: &str) -> Vec<Arg> {
    let id = format!("{path}{}", field.name);
    if let Shape::Object(inner) = &field.shape {
        return inner.iter().flat_map(|field| arguments(field, &format!("{id}."))).collect();
    }
    let long = flag_name(field, path);
    let mut arg = Arg::new(id).help(help(field)).value_name(field.name.trim_end_matches('s').to_uppercase());
    let (item, is_list) = match &field.shape {
        Shape::List { item, .. } => (item.as_ref(), true),
        shape => (shape, false),
    };
    arg = match item {
        Shape::Bool if !field.nullable => arg.action(ArgAction::SetTrue),
        Shape::Bool => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Shape::Choice(choices) => arg.value_parser(Suggested(choices.iter().map(|(name, _)| name.clone()).collect())),
        _ => arg,
    };
    if is_list {
        arg = arg.action(ArgAction::Append);
    }
    if field.positional && path.is_empty() {
        let arg = if is_list { arg.num_args(1..) } else { arg };
        vec![arg.required(field.required)]
    } else {
        let short = match long.as_str() {
            "kind" => Some('k'),
            "tag" => Some('t'),
            "limit" => Some('l'),
            _ => None,
        };
        let arg = arg.long(long).short(short).required(field.required);
        // `--importance -1` is refused by the catalogue, not taken for a flag.
        vec![if matches!(item, Shape::Integer { .. } | Shape::Number) { arg.allow_negative_numbers(true) } else { arg }]
    }
}

/// The flag of a field: its own name, or the one that it asks for, with hyphens.
pub(crate) fn flag_name(field: &Field, path: &str) -> String {
    let name = field.flag.clone().unwrap_or_else(|| field.name.clone());
    format!("{path}{name}").replace(['_', '.'], "-")
}

fn help(field: &Field) -> String {
    let mut help = field.help.trim_end_matches('.').to_owned();
    let shown_default = field.default.as_ref().filter(|default| match default {
        Value::Bool(_) | Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    let range = match &field.shape {
        Shape::Integer { minimum: Some(least), maximum: Some(greatest) } => Some(format!("{least} to {greatest}")),
        _ => None,
    };
    let default = shown_default
        .map(|default| format!("default {}", default.as_str().map_or_else(|| default.to_string(), str::to_owned)));
    let stdin = field.is_secret.then(|| "`-` reads it from standard input".to_owned());
    let notes: Vec<String> = range.into_iter().chain(default).chain(stdin).collect();
    if !notes.is_empty() {
        help.push_str(&format!(" [{}]", notes.join("; ")));
    }
    help
}

/// Words that complete and are listed; any other is passed on, for the catalogue to refuse.
#[derive(Clone)]
struct Suggested(Vec<String>);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &std::ffi::OsStr) -> Result<String, clap::Error> {
        value.to_str().map(str::to_owned).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidUtf8))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_operation_of_the_command_line_is_a_command() {
        let root = command();
        for spec in ALL.iter().filter(|spec| spec.doors.contains(&Door::Cli)) {
            let words = spec.words();
            let found = words.split(' ').try_fold(&root, |command, word| command.find_subcommand(word));
            let found = found.unwrap_or_else(|| panic!("{words} is missing"));
            for field in shown(&fields(spec.input_schema())) {
                let is_given = |id: &str| id == field.name || id.starts_with(&format!("{}.", field.name));
                assert!(found.get_arguments().any(|arg| is_given(arg.get_id().as_str())), "{words}: {}", field.name);
            }
            assert_eq!(found.get_about().map(ToString::to_string).as_deref(), Some(spec.summary()), "{words}");
        }
    }
}
