//! `ringback user`: who may sign in to the portal, and the tokens of programs.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use deliver::secret::Secret;
use office::{Login, LoginChange, NewLogin, NewToken, Office};

use super::arguments;
use super::output::Out;
use crate::WrongArguments;
use crate::installation::Installation;
use crate::pipeline::{now, say};

/// Who does what a command does, in the list of changes.
const BY: &str = "command";

/// The command's arguments.
pub(crate) fn command() -> Command {
    let of =
        |command: Command| command.arg(arguments::settings().required_unless_present("data")).arg(arguments::data());
    let login = || Arg::new("login").value_name("LOGIN").help("Its name: a-z 0-9 . _ - @ +");
    let person = |what: &'static str| Arg::new("person").long("person").value_name("WHO").help(what);
    Command::new("user")
        .about("Who may sign in to the portal, and the tokens of programs")
        .subcommand_required(true)
        .subcommand(of(Command::new("add")
            .about("Make a login; its password is the first line of standard input")
            .arg(login().required(true))
            .arg(
                Arg::new("role")
                    .long("role")
                    .required(true)
                    .value_parser(["administrator", "analyst", "head", "person"])
                    .help("What it may see"),
            )
            .arg(person("Who it is: a person's id in the site file"))
            .arg(
                Arg::new("groups")
                    .long("groups")
                    .value_name("ID,ID")
                    .value_delimiter(',')
                    .help("The groups that an analyst is given"),
            )
            .arg(tenant())
            .args(password_arguments())))
        .subcommand(of(Command::new("password")
            .about("Give a login another password: the first line of standard input; its sign-ins end")
            .arg(login().required(true))
            .args(password_arguments())))
        .subcommand(of(Command::new("disable")
            .about("Nobody signs in with it any more; its sign-ins and tokens end")
            .arg(login().required(true))))
        .subcommand(of(Command::new("list").about("All logins").arg(tenant())))
        .subcommand(of(Command::new("token")
            .about("Print a new token of the API, which sees what its login sees")
            .arg(login().required_unless_present("person"))
            .arg(
                person("The person with this extension or id, whose login is made where there is none")
                    .conflicts_with("login"),
            )
            .arg(
                Arg::new("scopes")
                    .long("scopes")
                    .value_delimiter(',')
                    .value_parser(["read", "act", "admin"])
                    .default_value("read,act")
                    .help("What it may do"),
            )
            .arg(Arg::new("name").long("name").default_value("token").help("What it is for"))
            .arg(
                Arg::new("days")
                    .long("days")
                    .value_name("N")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("It ends after so many days"),
            )
            .arg(tenant())))
}

/// Where a password comes from if not from standard input: never from an argument, which everybody on the machine can read.
fn password_arguments() -> [Arg; 2] {
    [
        Arg::new("password_file")
            .long("password-file")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("The password is the first line of this file"),
        Arg::new("generate")
            .long("generate")
            .action(ArgAction::SetTrue)
            .conflicts_with("password_file")
            .help("Make a password and print it, once"),
    ]
}

fn tenant() -> Arg {
    Arg::new("tenant").long("tenant").value_name("NAME").help("The company, where the settings have several")
}

/// Does it.
///
/// # Errors
/// What is wrong with the arguments or the settings; as of the office.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let Some((what, told)) = matches.subcommand() else { return Ok(()) };
    let folder = match told.get_one::<PathBuf>("data") {
        Some(data) => data.clone(),
        None => arguments::settings_of(told),
    };
    let installation = Installation::of(&folder)?;
    let office = installation.office()?;
    // As whoever signs in may type it.
    let login = told.try_get_one::<String>("login").ok().flatten().map(|login| login.trim().to_lowercase());
    match (what, login) {
        ("add", Some(login)) => add(&installation, &office, told, &login),
        ("password", Some(login)) => change_password(&office, told, &login),
        ("disable", Some(login)) => disable(&office, &login),
        ("list", _) => list(&installation, &office, told),
        ("token", login) => token(&installation, &office, told, login),
        _ => Ok(()),
    }
}

fn add(installation: &Installation, office: &Office, told: &ArgMatches, login: &str) -> Result<()> {
    let tenant = company(installation, told)?;
    let person = told.get_one::<String>("person").cloned();
    let groups: Vec<String> = told.get_many::<String>("groups").into_iter().flatten().cloned().collect();
    let directories = installation.directories()?;
    if let Some(directory) = directories.get(&tenant) {
        if let Some(id) = person.as_deref().filter(|id| directory.person(id).is_none()) {
            let known: Vec<&str> = directory.people().iter().map(|person| person.id.as_str()).take(20).collect();
            return Err(WrongArguments(format!(
                "--person {id}: nobody of {tenant} has this id; there are {}",
                known.join(", ")
            ))
            .into());
        }
        if let Some(id) = groups.iter().find(|id| directory.group(id).is_none()) {
            let known: Vec<&str> = directory.groups().iter().map(|group| group.id.as_str()).take(20).collect();
            return Err(WrongArguments(format!(
                "--groups {id}: {tenant} has no such group; there are {}",
                known.join(", ")
            ))
            .into());
        }
    }
    let password = Password::of(told)?;
    let new = NewLogin {
        login: login.to_owned(),
        tenant,
        role: told.get_one::<String>("role").cloned().unwrap_or_default(),
        person,
        groups,
        language: None,
        password_hash: Some(password.hashed()?),
    };
    if !office.login_add(&new, BY, now().0)? {
        return Err(WrongArguments(format!(
            "there is a login `{login}`: `ringback user password {login}` gives it another password"
        ))
        .into());
    }
    password.show()
}

fn known(office: &Office, login: &str) -> Result<Login> {
    office
        .login(login)?
        .ok_or_else(|| WrongArguments(format!("there is no login `{login}`: `ringback user list` names them")).into())
}

fn change_password(office: &Office, told: &ArgMatches, login: &str) -> Result<()> {
    let known = known(office, login)?;
    let password = Password::of(told)?;
    office.login_password(&known.login, &password.hashed()?, BY, now().0)?;
    password.show()
}

fn disable(office: &Office, login: &str) -> Result<()> {
    let known = known(office, login)?;
    let change = LoginChange {
        login: known.login,
        version: known.version,
        role: known.role,
        person: known.person,
        groups: known.groups,
        is_disabled: true,
    };
    Ok(office.login_change(&change, BY, now().0)?)
}

fn list(installation: &Installation, office: &Office, told: &ArgMatches) -> Result<()> {
    let mut out = Out::stdout();
    for login in office.logins(&company(installation, told)?)? {
        let state = if login.is_disabled { "disabled" } else { "" };
        let line = format!(
            "{:<24}  {:<13}  {:<16}  {:<24}  {state}",
            login.login,
            login.role,
            login.person.unwrap_or_default(),
            login.groups.join(",")
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()?;
    Ok(())
}

fn token(installation: &Installation, office: &Office, told: &ArgMatches, login: Option<String>) -> Result<()> {
    let login = match login {
        Some(login) => login,
        None => login_of_person(installation, office, told)?,
    };
    if office.login(&login)?.is_none() {
        return Err(
            WrongArguments(format!("there is no login `{login}`: `ringback user add {login}` makes one")).into()
        );
    }
    let token = format!("rb_{}", secret(32)?);
    let ends_at = told.get_one::<u32>("days").map(|days| now().0 + i64::from(*days) * 86_400_000);
    let new = NewToken {
        secret_hash: portal::secret::hash(&token),
        id: secret(8)?,
        login,
        name: told.get_one::<String>("name").cloned().unwrap_or_default(),
        scopes: told.get_many::<String>("scopes").into_iter().flatten().cloned().collect(),
        ends_at,
    };
    office.token_add(&new, BY, now().0)?;
    let mut out = Out::stdout();
    writeln!(out, "{token}")?;
    out.flush()?;
    Ok(())
}

/// The login of a person by extension or id; made without a password where they have none.
fn login_of_person(installation: &Installation, office: &Office, told: &ArgMatches) -> Result<String> {
    let who = told.get_one::<String>("person").cloned().unwrap_or_default();
    let tenant = company(installation, told)?;
    let directories = installation.directories()?;
    let directory = directories.get(&tenant).ok_or_else(|| anyhow!("no company is called {tenant}"))?;
    let at = now().0;
    let by_extension = || directory.pbx_ids().find_map(|pbx| directory.person_at_extension(pbx, &who, at));
    let Some(person) = by_extension().or_else(|| directory.person(&who)) else {
        return Err(
            WrongArguments(format!("--person {who}: nobody of {tenant} has this extension now, or this id")).into()
        );
    };
    if let Some(login) = office.login_of(&tenant, &person.id)? {
        return Ok(login.login);
    }
    let is_head = directory.groups().iter().any(|group| group.heads.contains(&person.id));
    let new = NewLogin {
        login: person.id.to_lowercase(),
        tenant,
        role: if is_head { "head" } else { "person" }.to_owned(),
        person: Some(person.id.clone()),
        ..NewLogin::default()
    };
    if !office.login_add(&new, BY, at)? {
        return Err(WrongArguments(format!(
            "the login `{}` is somebody else's: make one with `ringback user add LOGIN --role {} --person {}`, and name it",
            new.login, new.role, person.id
        ))
        .into());
    }
    Ok(new.login)
}

/// The company that is meant.
fn company(installation: &Installation, told: &ArgMatches) -> Result<String> {
    let known: Vec<String> = installation.directories()?.into_keys().collect();
    let named = told.try_get_one::<String>("tenant").ok().flatten();
    match (named, known.as_slice()) {
        (Some(name), _) if known.contains(name) => Ok(name.clone()),
        (None, [one]) => Ok(one.clone()),
        _ => Err(WrongArguments(format!("--tenant NAME: one of {}", known.join(", "))).into()),
    }
}

/// A password on its way to its hash.
struct Password {
    text: String,
    /// Nobody else knows it yet.
    is_generated: bool,
}

impl Password {
    /// A generated one, or the first line of a file or of standard input.
    fn of(told: &ArgMatches) -> Result<Password> {
        if told.get_flag("generate") {
            return Ok(Password { text: secret(12)?, is_generated: true });
        }
        let text = match told.get_one::<PathBuf>("password_file") {
            Some(file) => {
                let secret = Secret::read(Path::new(""), file).map_err(|error| WrongArguments(error.to_string()))?;
                if let Some(warning) = secret.warning() {
                    say(warning);
                }
                secret.first().to_owned()
            }
            None => typed()?,
        };
        Ok(Password { text, is_generated: false })
    }

    fn hashed(&self) -> Result<String> {
        portal::password::hash(&self.text).map_err(|error| WrongArguments(error).into())
    }

    /// Prints one that nobody else knows yet.
    fn show(&self) -> Result<()> {
        if self.is_generated {
            let mut out = Out::stdout();
            writeln!(out, "{}", self.text)?;
            out.flush()?;
        }
        Ok(())
    }
}

/// No line with a password is longer.
const LINE_BYTES_MAX: u64 = 4096;

/// The first line of standard input.
fn typed() -> Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        say("the password, then Enter (it is shown as it is typed; or give it through a pipe):");
    }
    let mut line = String::new();
    stdin.lock().take(LINE_BYTES_MAX).read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(WrongArguments(
            "there is no password on standard input: pipe one in, or use --password-file FILE or --generate".to_owned(),
        )
        .into());
    }
    Ok(password.to_owned())
}

/// So many bytes that nobody guesses, as text.
pub(crate) fn secret(bytes: usize) -> Result<String> {
    portal::secret::new(bytes).map_err(|error| anyhow!("{error}"))
}
