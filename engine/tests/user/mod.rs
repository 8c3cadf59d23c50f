//! `ringback user` from outside: who may sign in, with what, and what programs are given.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use office::{Login, Office, Token};
use portal::password::is_right;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::process::{Ran, check_refused, folder, ringback, run, write};

const SITE: &str = "tenant = \"acme\"\n[[site]]\nid = \"kyiv\"\n[[pbx]]\nid = \"main\"\n\
     [[group]]\nid = \"sales\"\nheads = [\"ann\"]\n[[group]]\nid = \"support\"\n\
     [[person]]\nid = \"ann\"\nname = \"Ann\"\ngroup = \"sales\"\nextensions = [{ number = \"101\" }]\n\
     [[person]]\nid = \"Bob.K\"\nname = \"Bob\"\ngroup = \"sales\"\nextensions = [{ number = \"102\" }]\n\
     [[person]]\nid = \"eve\"\nname = \"Eve\"\n";

/// The settings of a company whose people are ann, who heads sales, Bob.K and eve.
struct Company {
    folder: TempDir,
}

impl Company {
    fn new() -> Company {
        let folder = folder();
        write(folder.path(), "site.toml", SITE);
        write(folder.path(), "engine.toml", "");
        Company { folder }
    }

    fn user(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = ringback(["user"]);
        command.args(arguments).arg("--settings").arg(self.folder.path());
        command
    }

    /// With this on its standard input.
    fn told(&self, arguments: &[&str], input: &str) -> Ran {
        let path = write(self.folder.path(), "input", input);
        run(self.user(arguments).stdin(File::open(path).expect("written")))
    }

    /// What it prints, where it works and warns of nothing.
    fn said(&self, arguments: &[&str]) -> String {
        let ran = run(&mut self.user(arguments));
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{arguments:?}");
        String::from_utf8(ran.stdout).expect("UTF-8")
    }

    fn office(&self) -> Office {
        Office::open(&format!("sqlite:{}/office.db", self.folder.path().display()), 5000).expect("the office")
    }

    fn login(&self, login: &str) -> Login {
        self.office().login(login).expect("read").unwrap_or_else(|| panic!("no login {login}"))
    }

    fn token(&self, secret: &str) -> Option<(Token, Login)> {
        let hash: String = Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.office().token_of(&hash, now()).expect("read")
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds")
}

#[test]
fn a_login_has_the_password_that_it_was_given_and_no_word_of_it_is_told() {
    let company = Company::new();
    let quiet = |ran: Ran| assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, &b""[..], ""));
    let has = |login: &str, password: &str| is_right(password, company.login(login).password_hash.as_deref());

    quiet(company.told(&["add", " Chief ", "--role", "administrator"], "correct horse\nsecond line\n"));
    assert!(has("chief", "correct horse"));
    quiet(company.told(&["password", "CHIEF"], "battery staple\r\n"));
    assert!(has("chief", "battery staple") && !has("chief", "correct horse"));

    let file = write(company.folder.path(), "password", "from a file\n");
    let file_is = file.to_str().expect("UTF-8");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
    quiet(run(&mut company.user(&["add", "eve", "--role", "person", "--person", "eve", "--password-file", file_is])));
    assert!(has("eve", "from a file"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    let warned = run(&mut company.user(&["password", "eve", "--password-file", file_is]));
    let warning = format!("every user of this machine may read the secret in {file_is}: chmod o= {file_is}");
    assert_eq!((warned.code, warned.stderr.trim()), (0, &*warning));

    let first = company.said(&["add", "ann", "--role", "analyst", "--groups", "sales,support", "--generate"]);
    let second = company.said(&["password", "ann", "--generate"]);
    assert_eq!((first.trim().len(), first.lines().count()), (16, 1), "{first}");
    assert!(first != second && has("ann", second.trim()) && !has("ann", first.trim()));

    assert_eq!(
        company.said(&["list"]),
        "ann                       analyst                          sales,support\n\
         chief                     administrator\n\
         eve                       person         eve\n"
    );
    assert_eq!(company.said(&["disable", "Ann"]), "");
    assert_eq!(
        company.said(&["list"]).lines().next(),
        Some("ann                       analyst                          sales,support             disabled")
    );
    let last = "chief is the last administrator of acme: make another one first";
    check_refused(&mut company.user(&["disable", "chief"]), 1, &[last]);
    assert!(!company.login("chief").is_disabled);
    let changes = company.office().changes("acme", None, 100).expect("read");
    let what: Vec<String> = changes.iter().rev().map(|c| format!("{} {} by {}", c.of, c.what, c.by)).collect();
    assert_eq!(
        what,
        [
            "chief login added by command",
            "chief password changed by command",
            "eve login added by command",
            "eve password changed by command",
            "ann login added by command",
            "ann password changed by command",
            "ann login changed by command",
        ]
    );
}

#[test]
fn a_token_is_printed_once_and_sees_what_its_login_sees() {
    let company = Company::new();
    company.said(&["add", "chief", "--role", "administrator", "--generate"]);
    let before = now();
    let printed = company.said(&["token", "Chief", "--scopes", "read", "--days", "30", "--name", "the crm"]);
    let secret = printed.trim_end();
    let is_of_base64 = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let random = secret.strip_prefix("rb_").expect("rb_");
    assert_eq!((random.len(), random.chars().all(is_of_base64), printed.lines().count()), (43, true, 1), "{secret}");
    let (token, login) = company.token(secret).expect("a token");
    assert_eq!((&*token.name, &*token.scopes, &*login.login), ("the crm", &["read".to_owned()][..], "chief"));
    let days_ms = token.ends_at.expect("an end") - 30 * 86_400_000;
    assert!((before..=now()).contains(&days_ms), "{days_ms}");

    // A person by extension: a login of theirs is made, and it is the same one from then on.
    for (who, login, role) in [("102", "bob.k", "person"), ("101", "ann", "head"), ("eve", "eve", "person")] {
        let secrets = [company.said(&["token", "--person", who]), company.said(&["token", "--person", who])];
        for secret in &secrets {
            let (token, of) = company.token(secret.trim()).expect("a token");
            assert_eq!(
                (&*of.login, &*of.role, of.password_hash, &*token.scopes, token.ends_at),
                (login, role, None, &["read".to_owned(), "act".to_owned()][..], None)
            );
        }
        assert_ne!(secrets[0], secrets[1]);
    }
    assert_eq!(company.login("bob.k").person.as_deref(), Some("Bob.K"));
    assert_eq!(company.office().logins("acme").expect("read").len(), 4);
    let kept = fs::read(company.folder.path().join("office.db")).expect("read");
    let shows = |needle: &[u8]| kept.windows(needle.len()).any(|window| window == needle);
    assert!(!shows(secret.as_bytes()), "the secret itself is not kept");

    let of_eve = company.said(&["token", "--person", "eve"]);
    company.said(&["disable", "eve"]);
    assert_eq!(company.token(of_eve.trim()), None);
    check_refused(&mut company.user(&["token", "--person", "eve"]), 1, &["the login eve is disabled"]);
}

#[test]
fn what_makes_no_login_says_what_would() {
    let company = Company::new();
    company.said(&["add", "ann", "--role", "analyst", "--generate"]);
    let nobody = "--person zoe: nobody of acme has this id; there are ann, Bob.K, eve";
    for (arguments, code, words) in [
        (&["add", "ann", "--role", "analyst", "--generate"][..], 2, "there is a login `ann`"),
        (&["add", "ann b", "--role", "analyst", "--generate"], 1, "`ann b` is no name of a login"),
        (&["add", "zoe", "--role", "boss", "--generate"], 2, "[possible values: administrator, analyst, head, person]"),
        (&["add", "zoe", "--role", "person", "--generate"], 1, "a login of role person is somebody's"),
        (&["add", "zoe", "--role", "person", "--person", "zoe", "--generate"], 2, nobody),
        (&["add", "zoe", "--role", "analyst", "--groups", "sale", "--generate"], 2, "there are sales, support"),
        (&["add", "zoe", "--role", "analyst"], 2, "use --password-file FILE or --generate"),
        (&["add", "zoe", "--role", "analyst", "--password-file", "/none"], 2, "the secret's file /none cannot be read"),
        (&["password", "zoe"], 2, "there is no login `zoe`: `ringback user list` names them"),
        (&["disable", "zoe"], 2, "there is no login `zoe`: `ringback user list` names them"),
        (&["token", "zoe"], 2, "`ringback user add zoe` makes one"),
        (&["token", "--person", "999"], 2, "--person 999: nobody of acme has this extension now, or this id"),
        (&["token"], 2, "LOGIN"),
        (&["token", "ann", "--scopes", "everything"], 2, "[possible values: read, act, admin]"),
        (&["list", "--tenant", "other"], 2, "--tenant NAME: one of acme"),
    ] {
        check_refused(&mut company.user(arguments), code, &[words]);
    }
    let short = company.told(&["add", "zoe", "--role", "analyst"], "too short\n");
    assert_eq!((short.code, short.stderr.contains("too short")), (2, false), "{}", short.stderr);
    assert!(short.stderr.contains("at least 10 characters"), "{}", short.stderr);
    // A person's own name may be another's login.
    check_refused(&mut company.user(&["token", "--person", "101"]), 2, &["the login `ann` is somebody else's"]);
    assert_eq!(company.office().logins("acme").expect("read").len(), 1);
}
