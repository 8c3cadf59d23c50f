//! Who may sign in: logins with what they see, their sign-ins and their tokens. Administrators see and change those of their company.

use adapters::leg::Moment;
use axum::response::{IntoResponse, Response};
use office::{Login, LoginChange, NewLogin};
use serde_json::{Value, json};

use super::own::{self, Made};
use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};
use crate::sign_in::to;
use crate::viewer::Role;
use crate::{password, secret};

/// Bytes of a password that is made here.
const PASSWORD_BYTES: usize = 12;

/// `/set-up/access`
///
/// # Errors
/// As of the office.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let told = json!({"logins": logins(&asking).await?, "people": people(&asking)?, "groups": groups(&asking, &[])?, "roles": roles(None)});
    let mut frame = frame(&asking, "access-title", "set-up")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/access", &frame, told)?.into_response())
}

/// `/set-up/access/{login}`
///
/// # Errors
/// The company has no such login.
pub(crate) async fn one(asking: Asking) -> Result<Response, Fault> {
    shown(&asking, None, None).await
}

async fn shown(asking: &Asking, made: Option<Made>, password: Option<String>) -> Result<Response, Fault> {
    let login = of_company(asking).await?;
    let role = Role::of_word(&login.role).unwrap_or(Role::Person);
    let viewer = asking.viewer()?;
    let scopes: Vec<&str> = viewer.powers.scopes(viewer.role);
    let of_role = crate::viewer::Powers::of_sign_in(true).scopes(role);
    let scopes: Vec<&str> = scopes.into_iter().filter(|scope| of_role.contains(scope)).collect();
    let mut people = people(asking)?;
    for person in &mut people {
        person["is_it"] = (person["id"].as_str() == login.person.as_deref()).into();
    }
    let told = json!({
        "login": told(asking, &login)?, "people": people, "groups": groups(asking, &login.groups)?,
        "roles": roles(Some(role)), "sign_ins": own::sign_ins(asking, &login.login).await?,
        "tokens": own::tokens(asking, &login.login).await?, "scopes": scopes, "made": made.map(|made| made.told()), "password": password,
    });
    let mut frame = frame(asking, &login.login, "set-up")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/login", &frame, told)?.into_response())
}

/// The logins of the company, without what is kept of their passwords.
///
/// # Errors
/// As of the office.
pub(crate) async fn logins(asking: &Asking) -> Result<Vec<Value>, Fault> {
    let tenant = asking.viewer()?.tenant().to_owned();
    let logins = asking.portal.ask(move |office| office.logins(&tenant)).await?;
    logins.iter().map(|login| told(asking, login)).collect()
}

/// The login that the address names, as the API gives it.
///
/// # Errors
/// The company has no such login.
pub(crate) async fn login(asking: &Asking) -> Result<Value, Fault> {
    let login = of_company(asking).await?;
    told(asking, &login)
}

/// The login that the address names: another company's is none.
///
/// # Errors
/// The company has no such login.
pub(crate) async fn of_company(asking: &Asking) -> Result<Login, Fault> {
    let (name, tenant) = (asking.param("login").to_owned(), asking.viewer()?.tenant().to_owned());
    let found = asking.portal.ask(move |office| office.login(&name)).await?;
    found.filter(|login| login.tenant == tenant).ok_or(Fault::NotFound)
}

/// Makes a login of the form's `login`, `role`, `person`, `groups` and `password`; without a password one is made and given, once.
///
/// # Errors
/// What of the form cannot be; there is such a login.
pub(crate) async fn add_login(asking: &Asking) -> Result<(String, Option<String>), Fault> {
    let viewer = asking.viewer()?;
    let name = asking.field("login").unwrap_or_default().trim().to_lowercase();
    let (role, person, groups) = wanted(asking)?;
    let (hash, made) = new_password(asking).await?;
    let new = NewLogin {
        login: name.clone(),
        tenant: viewer.tenant().to_owned(),
        role: role.word().to_owned(),
        person,
        groups,
        language: None,
        password_hash: Some(hash),
    };
    let (by, now) = (viewer.login.clone(), asking.now.0);
    if !asking.portal.ask(move |office| office.login_add(&new, &by, now)).await? {
        return Err(Fault::Conflict(format!("there is a login {name} already")));
    }
    Ok((name, made))
}

/// Changes the login that the address names to the form's `role`, `person`, `groups` and `is_disabled`.
///
/// # Errors
/// What of the form cannot be; it was changed since `version`; nobody would set up any more.
pub(crate) async fn change_login(asking: &Asking) -> Result<(), Fault> {
    let login = of_company(asking).await?;
    let (role, person, groups) = wanted(asking)?;
    let change = LoginChange {
        login: login.login,
        version: asking.number("version")?,
        role: role.word().to_owned(),
        person,
        groups,
        is_disabled: asking.is_ticked("is_disabled"),
    };
    let (by, now) = (asking.viewer()?.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.login_change(&change, &by, now)).await
}

/// Gives the login that the address names another password: the form's, or one that is made and given, once. Its sign-ins end.
///
/// # Errors
/// It is too short or too long.
pub(crate) async fn set_password(asking: &Asking) -> Result<Option<String>, Fault> {
    let login = of_company(asking).await?.login;
    let (hash, made) = new_password(asking).await?;
    let (by, now) = (asking.viewer()?.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.login_password(&login, &hash, &by, now)).await?;
    Ok(made)
}

/// Ends all sign-ins of the login that the address names.
///
/// # Errors
/// As of the office.
pub(crate) async fn end_all(asking: &Asking) -> Result<usize, Fault> {
    let login = of_company(asking).await?.login;
    let (by, now) = (asking.viewer()?.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.end_sign_ins(&login, &by, now)).await
}

/// `POST /set-up/access`
///
/// # Errors
/// As of [`add_login`].
pub(crate) async fn add(mut asking: Asking) -> Result<Response, Fault> {
    let (name, made) = add_login(&asking).await?;
    match made {
        None => Ok(to(&address(&name))),
        // What was made is shown in this answer, and nowhere else.
        Some(made) => {
            asking.params = vec![("login".to_owned(), name)];
            shown(&asking, None, Some(made)).await
        }
    }
}

/// `POST /set-up/access/{login}/change`
///
/// # Errors
/// As of [`change_login`].
pub(crate) async fn change(asking: Asking) -> Result<Response, Fault> {
    change_login(&asking).await?;
    Ok(to(&address(asking.param("login"))))
}

/// `POST /set-up/access/{login}/password`
///
/// # Errors
/// As of [`set_password`].
pub(crate) async fn change_password(asking: Asking) -> Result<Response, Fault> {
    let made = set_password(&asking).await?;
    // Whoever changed their own is signed out by it.
    match asking.viewer()?.login == asking.param("login") {
        true if made.is_none() => Ok(to("/sign-in")),
        _ => shown(&asking, None, made).await,
    }
}

/// `POST /set-up/access/{login}/sign-ins/end`
///
/// # Errors
/// As of [`end_all`].
pub(crate) async fn end(asking: Asking) -> Result<Response, Fault> {
    end_all(&asking).await?;
    Ok(to(&address(asking.param("login"))))
}

/// `POST /set-up/access/{login}/tokens`: the answer shows the token, once.
///
/// # Errors
/// As of [`own::make_token`].
pub(crate) async fn make(asking: Asking) -> Result<Response, Fault> {
    let login = of_company(&asking).await?;
    let role = Role::of_word(&login.role).unwrap_or(Role::Person);
    let made = own::make_token(&asking, &login.login, role).await?;
    shown(&asking, Some(made), None).await
}

/// `POST /set-up/access/{login}/tokens/{id}/revoke`
///
/// # Errors
/// As of [`own::revoke_token`].
pub(crate) async fn revoke(asking: Asking) -> Result<Response, Fault> {
    let login = of_company(&asking).await?.login;
    own::revoke_token(&asking, &login, asking.param("id")).await?;
    Ok(to(&address(&login)))
}

fn address(login: &str) -> String {
    let login: String = form_urlencoded::byte_serialize(login.as_bytes()).collect();
    format!("/set-up/access/{login}")
}

/// The role, the person and the groups of the form: each is one of the company's.
fn wanted(asking: &Asking) -> Result<(Role, Option<String>, Vec<String>), Fault> {
    let directory = asking.directory()?;
    let word = asking.field("role").unwrap_or_default();
    let role = Role::of_word(word).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
        Fault::Wrong(format!("role={word}: expected one of {}", known.join(", ")))
    })?;
    let person = asking.told("person");
    if let Some(id) = person.as_deref().filter(|id| directory.person(id).is_none()) {
        return Err(Fault::Wrong(format!("person={id}: expected the id of a person of the site file")));
    }
    let mut groups = asking.fields("groups");
    groups.sort_unstable();
    groups.dedup();
    if let Some(id) = groups.iter().find(|id| directory.group(id).is_none()) {
        return Err(Fault::Wrong(format!("groups={id}: expected ids of groups of the site file")));
    }
    if role != Role::Analyst && !groups.is_empty() {
        return Err(Fault::Wrong(format!("groups: expected none, since a login of role {word} is given no groups")));
    }
    Ok((role, person, groups))
}

/// What is kept of the form's password; one that was made comes with it.
async fn new_password(asking: &Asking) -> Result<(String, Option<String>), Fault> {
    let typed = asking.field("password").filter(|typed| !typed.is_empty()).map(str::to_owned);
    let made = match typed {
        Some(_) => None,
        None => Some(secret::new(PASSWORD_BYTES).map_err(Fault::Broken)?),
    };
    let password = typed.or_else(|| made.clone()).unwrap_or_default();
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    let hash = hashed.map_err(|error| Fault::Broken(error.to_string()))?.map_err(Fault::Wrong)?;
    Ok((hash, made))
}

fn told(asking: &Asking, login: &Login) -> Result<Value, Fault> {
    let directory = asking.directory()?;
    let at = |at: i64| rfc3339(Moment(at));
    let name = login.person.as_deref().and_then(|id| directory.person(id)).map(|person| person.name.clone());
    let groups: Vec<String> = login
        .groups
        .iter()
        .map(|id| directory.group(id).map_or_else(|| id.clone(), |group| group.name.clone()))
        .collect();
    Ok(json!({
        "login": login.login, "role": login.role, "person": login.person, "person_name": name, "groups": login.groups,
        "group_names": groups, "is_disabled": login.is_disabled, "has_password": login.password_hash.is_some(), "version": login.version,
        "created_at": at(login.created_at), "changed_at": at(login.changed_at), "changed_by": login.changed_by,
        "signed_in_at": login.signed_in_at.map(at), "address": address(&login.login),
    }))
}

fn people(asking: &Asking) -> Result<Vec<Value>, Fault> {
    let directory = asking.directory()?;
    let person = |person: &directory::Person| json!({"id": person.id, "name": person.name, "is_it": false});
    Ok(directory.people().iter().map(person).collect())
}

fn groups(asking: &Asking, given: &[String]) -> Result<Vec<Value>, Fault> {
    let directory = asking.directory()?;
    let group =
        |group: &directory::Group| json!({"id": group.id, "name": group.name, "is_given": given.contains(&group.id)});
    Ok(directory.groups().iter().map(group).collect())
}

fn roles(of: Option<Role>) -> Vec<Value> {
    Role::ALL.iter().map(|role| json!({"role": role.word(), "is_it": of == Some(*role)})).collect()
}
