//! Settings: defaults < system file < user file < the project's `.jay.toml` < `JAY_*` < flags.
//!
//! Each layer is a table of known keys; what came from where is kept, so that `jay config show --origins` can say.

use crate::place::PROJECT_FILE;
use crate::surroundings::Machine;
use jay_core::EmbedderChoice;
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Every setting. The doc comments are what `jay config init` writes into the example file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The namespace to stand in, whatever the directory; derived from the git remote or the directory where not set
    pub namespace: Option<String>,
    /// The name under which writes are recorded; the OS user where not set
    pub actor: Option<String>,
    /// Who acts under that name: person, agent or service
    pub actor_kind: ActorKind,
    /// Which messages go to stderr: error, warn, info, debug, trace, or a filter such as jay_ops=info
    pub log: String,
    /// When to colour: auto, always or never
    pub color: Color,
    /// The address of `jay serve`
    pub serve_addr: String,
    /// How often `jay serve` syncs with remotes, as in 15m; never where not set
    pub sync_every: Option<String>,
    /// The tools of `jay mcp` and `/mcp`: default or full
    pub mcp_profile: Profile,
    /// Open the store even on a network file system or inside a sync folder
    pub force_location: bool,
    /// What makes vectors: built_in, none (found by text only), test
    pub embedder: EmbedderChoice,
    /// The installed model that makes vectors too: its name, its id or none; as `jay model use` chose where not set
    pub model: Option<String>,
    /// The installed cross-encoder that judges the best hits: its name, its id or none; as `jay model use` chose where not set
    pub reranker: Option<String>,
    /// How long archived sessions are kept, as in `codex=180d, *@work/acme=1y, *=forever`; everything for ever where not set
    pub retention: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: None,
            actor: None,
            actor_kind: ActorKind::Person,
            log: "warn".to_owned(),
            color: Color::Auto,
            serve_addr: "127.0.0.1:7717".to_owned(),
            sync_every: None,
            mcp_profile: Profile::Default,
            force_location: false,
            embedder: EmbedderChoice::BuiltIn,
            model: None,
            reranker: None,
            retention: None,
        }
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActorKind {
    Person,
    Agent,
    Service,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// How many MCP tools are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Profile {
    Default,
    Full,
}

/// Settings with the origin of each.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The settings.
    pub config: Config,
    /// Where each key that is not a default came from.
    pub origins: BTreeMap<String, String>,
}

/// Where files of this program stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paths {
    /// The data directory.
    pub data: PathBuf,
    /// The user's settings.
    pub config: PathBuf,
}

/// Where the system's settings stand.
const SYSTEM_FILE: &str = "/etc/scrubjay/config.toml";

impl Paths {
    /// `home` (`--home` or `JAY_HOME`) holds everything; else the XDG folders.
    ///
    /// # Errors
    /// `bad_input` where there is no home to put anything in.
    pub(crate) fn of(machine: &Machine, home: Option<&str>) -> Result<Self> {
        if let Some(home) = home.or_else(|| machine.variable("JAY_HOME")) {
            let home = absolute(machine, Path::new(home));
            return Ok(Self { config: home.join("config.toml"), data: home });
        }
        let xdg = |name: &str, below_home: &str| {
            // The XDG rules: a relative path there is to be ignored.
            let given = machine.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
            given.or_else(|| Some(machine.home.as_ref()?.join(below_home))).map(|folder| folder.join("scrubjay"))
        };
        match (xdg("XDG_DATA_HOME", ".local/share"), xdg("XDG_CONFIG_HOME", ".config")) {
            (Some(data), Some(config)) => Ok(Self { data, config: config.join("config.toml") }),
            _ => Err(Error::bad_input("there is no home directory to keep anything in")
                .hint("Name a directory with `--home DIR` or JAY_HOME.")),
        }
    }
}

fn absolute(machine: &Machine, path: &Path) -> PathBuf {
    match (&machine.directory, path.is_absolute()) {
        (Some(directory), false) => directory.join(path),
        _ => path.to_owned(),
    }
}

/// Reads every layer but the flags.
///
/// # Errors
/// `bad_input` where a layer is not TOML, has an unknown key or a value of the wrong kind; the hint names the layer.
pub(crate) fn read(machine: &Machine, paths: &Paths, project: Option<&Path>) -> Result<Settings> {
    let mut merged = Table::new();
    let mut origins = BTreeMap::new();
    let mut add = |layer: Table, origin: &str| -> Result<()> {
        checked(layer.clone(), origin)?;
        for (key, value) in layer {
            origins.insert(key.clone(), origin.to_owned());
            merged.insert(key, value);
        }
        Ok(())
    };
    for path in [Path::new(SYSTEM_FILE), &paths.config] {
        if let Some(layer) = file(path)? {
            add(layer, &path.display().to_string())?;
        }
    }
    if let Some(path) = project {
        add(project_layer(path)?, &path.display().to_string())?;
    }
    for field in keys() {
        let name = variable_of(&field.name);
        if let Some(text) = machine.variable(&name) {
            add(Table::from_iter([(field.name.clone(), from_text(&field, text))]), &name)?;
        }
    }
    Ok(Settings { config: checked(merged, "the settings")?, origins })
}

/// The variable that holds a setting.
fn variable_of(key: &str) -> String {
    format!("JAY_{}", key.to_uppercase())
}

/// The variables that hold settings. None of them is a secret.
pub(crate) fn setting_names() -> Vec<String> {
    keys().iter().map(|field| variable_of(&field.name)).collect()
}

/// What a project's file says.
fn project_layer(path: &Path) -> Result<Table> {
    let layer = file(path)?.unwrap_or_default();
    match layer.keys().find(|key| *key != "namespace") {
        Some(key) => Err(Error::bad_input(format!("`{key}` cannot be set in {}", path.display()))
            .hint(format!("A {PROJECT_FILE} comes with a project, so it may only say `namespace = \"…\"`."))),
        None => Ok(layer),
    }
}

/// The namespace that a project's file pins.
///
/// # Errors
/// `bad_input` where the file says anything else, or no namespace: who was to be kept apart is not put elsewhere.
pub(crate) fn pinned(path: &Path) -> Result<Option<NamespacePath>> {
    let origin = path.display().to_string();
    let config = checked(project_layer(path)?, &origin)?;
    let parsed = config.namespace.map(|namespace| NamespacePath::parse(&namespace)).transpose();
    parsed.map_err(|error| Error::bad_input(format!("`namespace` in {origin}: {}", error.message)))
}

/// The keys with their help, read from [`Config`] itself.
pub(crate) fn keys() -> Vec<jay_ops::schema::Field> {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    jay_ops::schema::fields(settings.into_generator().into_root_schema_for::<Config>().as_value())
}

fn from_text(field: &jay_ops::schema::Field, text: &str) -> Value {
    match (&field.shape, text) {
        (jay_ops::schema::Shape::Bool, "1" | "true" | "yes") => Value::Boolean(true),
        (jay_ops::schema::Shape::Bool, "0" | "false" | "no") => Value::Boolean(false),
        _ => Value::String(text.to_owned()),
    }
}

fn file(path: &Path) -> Result<Option<Table>> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.parse::<Table>().map(Some).map_err(|error| {
            Error::bad_input(format!("{} is not TOML: {}", path.display(), error.message()))
                .hint("`jay config init` writes an example of the file.")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Error::bad_input(format!("{} is not text in UTF-8", path.display()))
                .hint("`jay config init` writes an example of the file."))
        }
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), &error)),
    }
}

fn checked(table: Table, origin: &str) -> Result<Config> {
    let known = keys();
    if let Some(key) = table.keys().find(|key| !known.iter().any(|field| field.name == **key)) {
        let names: Vec<&str> = known.iter().map(|field| field.name.as_str()).collect();
        return Err(Error::bad_input(format!("`{key}` in {origin} is not a setting"))
            .hint(format!("The settings are {}; `jay config show` lists them.", names.join(", "))));
    }
    for (key, value) in &table {
        let fault = serde_json::to_value(value).ok().and_then(|value| {
            let field = known.iter().find(|field| field.name == *key)?;
            jay_ops::misfit(&field.shape, &value)
        });
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        if let Some(reason) = fault.or_else(|| alone.try_into::<Config>().err().map(|_| "is not a value for it".into()))
        {
            return Err(Error::bad_input(format!("`{key}` in {origin}: {reason}"))
                .hint("`jay config show --origins` says where each setting comes from."));
        }
    }
    table.try_into().map_err(|error: toml::de::Error| Error::bad_input(format!("{origin}: {}", error.message())))
}

/// The settings as TOML lines; with `origins`, each says where it came from.
pub(crate) fn show(settings: &Settings, origins: bool) -> String {
    let table = Table::try_from(&settings.config).unwrap_or_default();
    let mut text = String::new();
    for field in keys() {
        let value = table.get(&field.name).map(ToString::to_string);
        let line =
            value.map_or_else(|| format!("# {} is not set", field.name), |value| format!("{} = {value}", field.name));
        let origin = settings.origins.get(&field.name).map_or("default", String::as_str);
        text.push_str(&if origins { format!("{line:<40} # {origin}\n") } else { format!("{line}\n") });
    }
    text
}

/// The example file that `jay config init` writes: every key, commented out, with its help.
pub(crate) fn example() -> String {
    let table = Table::try_from(Config::default()).unwrap_or_default();
    let mut text = String::from("# Settings of jay. `jay config show --origins` says what is in force and why.\n");
    for field in keys() {
        let value = table.get(&field.name).map_or_else(|| "\"…\"".to_owned(), ToString::to_string);
        text.push_str(&format!("\n# {}\n# {} = {value}\n", field.help, field.name));
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use expect_test::expect;

    pub(crate) fn machine(home: &Path, variables: &[(&str, &str)]) -> Machine {
        Machine {
            variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            home: Some(home.to_owned()),
            directory: Some(home.to_owned()),
            program: Some("/bin/jay".into()),
            user: "ann".to_owned(),
            host: "host".to_owned(),
            machine_id: "id".to_owned(),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            terminal_width: None,
        }
    }

    fn put(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        jay_testkit::write(path, text);
    }

    #[test]
    fn the_nearer_layer_wins_and_is_named() {
        let home = tempfile::tempdir().unwrap();
        let machine = machine(home.path(), &[("JAY_LOG", "debug"), ("JAY_FORCE_LOCATION", "1"), ("JAY_ACTOR", "")]);
        let paths = Paths::of(&machine, None).unwrap();
        put(&paths.config, "log = \"info\"\nactor = \"bea\"\nserve_addr = \"127.0.0.1:9000\"\n");
        let project = home.path().join("p/.jay.toml");
        put(&project, "namespace = \"work/p\"\n");
        let settings = read(&machine, &paths, Some(&project)).unwrap();
        let shown = show(&settings, true).replace(&home.path().display().to_string(), "~");
        expect![[r#"
            namespace = "work/p"                     # ~/p/.jay.toml
            actor = "bea"                            # ~/.config/scrubjay/config.toml
            actor_kind = "person"                    # default
            log = "debug"                            # JAY_LOG
            color = "auto"                           # default
            serve_addr = "127.0.0.1:9000"            # ~/.config/scrubjay/config.toml
            # sync_every is not set                  # default
            mcp_profile = "default"                  # default
            force_location = true                    # JAY_FORCE_LOCATION
            embedder = "built_in"                    # default
            # model is not set                       # default
            # reranker is not set                    # default
            # retention is not set                   # default
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn mistakes_are_named_with_their_layer() {
        let home = tempfile::tempdir().unwrap();
        let refused = |variables: &[(&str, &str)], user: &str, project: &str| {
            let machine = machine(home.path(), variables);
            let paths = Paths::of(&machine, None).unwrap();
            put(&paths.config, user);
            let path = home.path().join(".jay.toml");
            put(&path, project);
            let error = read(&machine, &paths, Some(&path)).unwrap_err();
            format!("{} / {}\n", error.message, error.hint.unwrap_or_default())
                .replace(&home.path().display().to_string(), "~")
        };
        let all = [
            refused(&[], "lgo = \"info\"", ""),
            refused(&[], "log = 3", ""),
            refused(&[], "log = ", ""),
            refused(&[], "", "serve_addr = \"0.0.0.0:1\""),
            refused(&[("JAY_ACTOR_KIND", "robot")], "", ""),
            refused(&[("JAY_FORCE_LOCATION", "maybe")], "", ""),
        ];
        expect![[r#"
            `lgo` in ~/.config/scrubjay/config.toml is not a setting / The settings are namespace, actor, actor_kind, log, color, serve_addr, sync_every, mcp_profile, force_location, embedder, model, reranker, retention; `jay config show` lists them.
            `log` in ~/.config/scrubjay/config.toml: must be text, not a number / `jay config show --origins` says where each setting comes from.
            ~/.config/scrubjay/config.toml is not TOML: string values must be quoted, expected literal string / `jay config init` writes an example of the file.
            `serve_addr` cannot be set in ~/.jay.toml / A .jay.toml comes with a project, so it may only say `namespace = "…"`.
            `actor_kind` in JAY_ACTOR_KIND: must be one of person, agent, service, not `robot` / `jay config show --origins` says where each setting comes from.
            `force_location` in JAY_FORCE_LOCATION: must be true or false, not text / `jay config show --origins` says where each setting comes from.
        "#]].assert_eq(&all.concat());
    }

    #[test]
    fn one_home_holds_everything() {
        let machine = machine(Path::new("/home/ann"), &[("JAY_HOME", "jay"), ("XDG_DATA_HOME", "relative")]);
        let paths = |home| Paths::of(&machine, home).unwrap();
        assert_eq!(paths(None).data, Path::new("/home/ann/jay"));
        assert_eq!(paths(Some("/srv/x")).config, Path::new("/srv/x/config.toml"));
        let plain = tests::machine(Path::new("/home/ann"), &[("XDG_DATA_HOME", "relative"), ("XDG_CONFIG_HOME", "/c")]);
        let plain = Paths::of(&plain, None).unwrap();
        assert_eq!(
            (plain.data.to_str(), plain.config.to_str()),
            (Some("/home/ann/.local/share/scrubjay"), Some("/c/scrubjay/config.toml"))
        );
    }

    #[test]
    fn the_example_is_a_valid_file() {
        assert!(example().parse::<Table>().unwrap().is_empty());
        let uncommented: String = example()
            .lines()
            .filter_map(|line| line.strip_prefix("# ").filter(|l| l.contains(" = ")))
            .map(|l| format!("{l}\n"))
            .collect();
        assert!(checked(uncommented.parse().unwrap(), "the example").is_ok(), "{uncommented}");
    }
}
