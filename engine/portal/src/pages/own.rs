//! Where the viewer is signed in, and the tokens of their programs; each is ended here.

use adapters::leg::Moment;
use axum::response::{IntoResponse, Response};
use office::NewToken;
use serde_json::{Value, json};

use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};
use crate::secret;
use crate::viewer::{Powers, Role};

/// Characters of the hash by which a sign-in is named: enough that no login has two alike.
const NAME_CHARS: usize = 16;

/// Of a token.
const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 6;

/// The longest that a token may last, in days.
const DAYS_MAX: i64 = 3_650;
const DAY_MS: i64 = 86_400_000;

/// `/me/access`
///
/// # Errors
/// As of the office.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    shown(&asking, None).await
}

async fn shown(asking: &Asking, made: Option<Made>) -> Result<Response, Fault> {
    let viewer = asking.viewer()?;
    let login = viewer.login.clone();
    let told = json!({
        "sign_ins": sign_ins(asking, &login).await?, "tokens": tokens(asking, &login).await?,
        "scopes": viewer.powers.scopes(viewer.role), "made": made.map(|made| made.told()),
    });
    let mut frame = frame(asking, "own-title", "me")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/own", &frame, told)?.into_response())
}

/// The sign-ins of a login, the one seen last first.
///
/// # Errors
/// As of the office.
pub(crate) async fn sign_ins(asking: &Asking, login: &str) -> Result<Vec<Value>, Fault> {
    let (login, now) = (login.to_owned(), asking.now.0);
    let held = asking.portal.ask(move |office| office.sign_ins_of(&login, now)).await?;
    let own = asking.secret.as_deref().map(secret::hash);
    let told = |held: &office::HeldSignIn| {
        json!({
            "id": name(&held.secret_hash), "agent": held.agent, "began_at": rfc3339(Moment(held.began_at)),
            "seen_at": rfc3339(Moment(held.seen_at)), "ends_at": rfc3339(Moment(held.ends_at)),
            "is_this": own.as_deref() == Some(held.secret_hash.as_str()),
        })
    };
    Ok(held.iter().map(told).collect())
}

/// The tokens of a login, without their secrets.
///
/// # Errors
/// As of the office.
pub(crate) async fn tokens(asking: &Asking, login: &str) -> Result<Vec<Value>, Fault> {
    let login = login.to_owned();
    let tokens = asking.portal.ask(move |office| office.tokens_of(&login)).await?;
    let at = |at: i64| rfc3339(Moment(at));
    let told = |token: &office::Token| {
        json!({
            "id": token.id, "name": token.name, "scopes": token.scopes, "created_at": at(token.created_at),
            "ends_at": token.ends_at.map(at), "used_at": token.used_at.map(at),
            "is_over": token.ends_at.is_some_and(|end| end <= asking.now.0),
        })
    };
    Ok(tokens.iter().map(told).collect())
}

/// Ends one sign-in of a login, by its name in the list.
///
/// # Errors
/// It has none of this name.
pub(crate) async fn end_sign_in(asking: &Asking, login: &str, id: &str) -> Result<(), Fault> {
    let (login, id, now) = (login.to_owned(), id.to_owned(), asking.now.0);
    asking
        .portal
        .ask(move |office| {
            let held = office.sign_ins_of(&login, now)?.into_iter().find(|held| name(&held.secret_hash) == id);
            let Some(held) = held else {
                return Err(office::Error::NotFound { what: format!("{login} has no sign-in {id}") });
            };
            office.sign_out(&held.secret_hash)
        })
        .await
}

/// A token that was just made: its secret is told now, and never again.
pub(crate) struct Made {
    id: String,
    secret: String,
    name: String,
    scopes: Vec<String>,
    ends_at: Option<i64>,
}

impl Made {
    /// As pages and the API tell it.
    pub(crate) fn told(&self) -> Value {
        let ends_at = self.ends_at.map(|at| rfc3339(Moment(at)));
        json!({"id": self.id, "token": self.secret, "name": self.name, "scopes": self.scopes, "ends_at": ends_at})
    }
}

/// Makes a token for a login of this role, with the `name`, `scopes` and `days` of the form.
///
/// # Errors
/// Scopes that whoever makes it does not have; as of the office.
pub(crate) async fn make_token(asking: &Asking, login: &str, role: Role) -> Result<Made, Fault> {
    let viewer = asking.viewer()?;
    let mut scopes = asking.fields("scopes");
    scopes.dedup();
    // Nobody gives a power that they do not have, and no login a power that its role does not have.
    let may = viewer.powers.scopes(viewer.role);
    let of_role = Powers::of_sign_in(true).scopes(role);
    if let Some(scope) =
        scopes.iter().find(|scope| !may.contains(&scope.as_str()) || !of_role.contains(&scope.as_str()))
    {
        let known: Vec<&str> = may.into_iter().filter(|scope| of_role.contains(scope)).collect();
        return Err(Fault::Wrong(format!("scopes={scope}: expected some of {}", known.join(", "))));
    }
    let ends_at = match asking.told("days") {
        None => None,
        Some(text) => match text.parse::<i64>() {
            Ok(days) if (1..=DAYS_MAX).contains(&days) => Some(asking.now.0 + days * DAY_MS),
            _ => return Err(Fault::Wrong(format!("days={text}: expected a number from 1 to {DAYS_MAX}"))),
        },
    };
    let made = Made {
        id: secret::new(ID_BYTES).map_err(Fault::Broken)?,
        secret: secret::new(SECRET_BYTES).map_err(Fault::Broken)?,
        name: asking.told("name").unwrap_or_default(),
        scopes,
        ends_at,
    };
    let new = NewToken {
        secret_hash: secret::hash(&made.secret),
        id: made.id.clone(),
        login: login.to_owned(),
        name: made.name.clone(),
        scopes: made.scopes.clone(),
        ends_at,
    };
    let (by, now) = (viewer.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.token_add(&new, &by, now)).await?;
    Ok(made)
}

/// Ends a token of a login at once.
///
/// # Errors
/// It has none of this id.
pub(crate) async fn revoke_token(asking: &Asking, login: &str, id: &str) -> Result<(), Fault> {
    let (login, id, by, now) = (login.to_owned(), id.to_owned(), asking.viewer()?.login.clone(), asking.now.0);
    let was = asking.portal.ask(move |office| office.token_revoke(&login, &id, &by, now)).await?;
    if was { Ok(()) } else { Err(Fault::NotFound) }
}

/// `POST /me/access/sign-ins/{id}/end`
///
/// # Errors
/// As of [`end_sign_in`].
pub(crate) async fn end(asking: Asking) -> Result<Response, Fault> {
    end_sign_in(&asking, &asking.viewer()?.login, asking.param("id")).await?;
    Ok(asking.back("/me/access"))
}

/// `POST /me/access/tokens`: the answer shows the token, once.
///
/// # Errors
/// As of [`make_token`].
pub(crate) async fn make(asking: Asking) -> Result<Response, Fault> {
    let viewer = asking.viewer()?;
    let made = make_token(&asking, &viewer.login, viewer.role).await?;
    shown(&asking, Some(made)).await
}

/// `POST /me/access/tokens/{id}/revoke`
///
/// # Errors
/// As of [`revoke_token`].
pub(crate) async fn revoke(asking: Asking) -> Result<Response, Fault> {
    revoke_token(&asking, &asking.viewer()?.login, asking.param("id")).await?;
    Ok(asking.back("/me/access"))
}

fn name(secret_hash: &str) -> String {
    secret_hash.chars().take(NAME_CHARS).collect()
}
