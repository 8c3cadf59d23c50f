//! Logins, sign-ins and tokens: those of the company for administrators, and everybody's own.

use axum::response::Response;
use serde_json::json;

use super::answer;
use crate::asking::{Asking, Fault};
use crate::pages::{access, own};
use crate::viewer::Role;

/// `GET /api/v1/logins`
///
/// # Errors
/// As of the office.
pub(crate) async fn logins(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(json!({"logins": access::logins(&asking).await?})))
}

/// `POST /api/v1/logins` with `login`, `role`, `person`, `groups`, `password`; without a password one is made, and told once.
///
/// # Errors
/// As of the page.
pub(crate) async fn add(mut asking: Asking) -> Result<Response, Fault> {
    let (name, password) = access::add_login(&asking).await?;
    asking.params = vec![("login".to_owned(), name)];
    Ok(answer(json!({"login": access::login(&asking).await?, "password": password})))
}

/// `GET /api/v1/logins/{login}`
///
/// # Errors
/// The company has no such login.
pub(crate) async fn login(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(access::login(&asking).await?))
}

/// `PUT /api/v1/logins/{login}` with `version`, `role`, `person`, `groups`, `is_disabled`
///
/// # Errors
/// As of the page.
pub(crate) async fn change(asking: Asking) -> Result<Response, Fault> {
    access::change_login(&asking).await?;
    Ok(answer(access::login(&asking).await?))
}

/// `PUT /api/v1/logins/{login}/password` with `password`; without one it is made, and told once.
///
/// # Errors
/// As of the page.
pub(crate) async fn password(asking: Asking) -> Result<Response, Fault> {
    let password = access::set_password(&asking).await?;
    Ok(answer(json!({"login": asking.param("login"), "password": password})))
}

/// `GET /api/v1/logins/{login}/sign_ins`
///
/// # Errors
/// The company has no such login.
pub(crate) async fn sign_ins(asking: Asking) -> Result<Response, Fault> {
    let login = access::of_company(&asking).await?.login;
    Ok(answer(json!({"sign_ins": own::sign_ins(&asking, &login).await?})))
}

/// `DELETE /api/v1/logins/{login}/sign_ins`
///
/// # Errors
/// The company has no such login.
pub(crate) async fn end(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(json!({"ended": access::end_all(&asking).await?})))
}

/// `GET /api/v1/logins/{login}/tokens`
///
/// # Errors
/// The company has no such login.
pub(crate) async fn tokens(asking: Asking) -> Result<Response, Fault> {
    let login = access::of_company(&asking).await?.login;
    Ok(answer(json!({"tokens": own::tokens(&asking, &login).await?})))
}

/// `POST /api/v1/logins/{login}/tokens` with `name`, `scopes`, `days`: the answer has the token, once.
///
/// # Errors
/// As of the page.
pub(crate) async fn make(asking: Asking) -> Result<Response, Fault> {
    let login = access::of_company(&asking).await?;
    let role = Role::of_word(&login.role).unwrap_or(Role::Person);
    Ok(answer(own::make_token(&asking, &login.login, role).await?.told()))
}

/// `DELETE /api/v1/logins/{login}/tokens/{id}`
///
/// # Errors
/// The login has no such token.
pub(crate) async fn revoke(asking: Asking) -> Result<Response, Fault> {
    let login = access::of_company(&asking).await?.login;
    own::revoke_token(&asking, &login, asking.param("id")).await?;
    Ok(answer(json!({"revoked": asking.param("id")})))
}

/// `GET /api/v1/sign_ins`: where the viewer is signed in.
///
/// # Errors
/// As of the office.
pub(crate) async fn own_sign_ins(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(json!({"sign_ins": own::sign_ins(&asking, &asking.viewer()?.login).await?})))
}

/// `DELETE /api/v1/sign_ins/{id}`
///
/// # Errors
/// The viewer has no such sign-in.
pub(crate) async fn own_end(asking: Asking) -> Result<Response, Fault> {
    own::end_sign_in(&asking, &asking.viewer()?.login, asking.param("id")).await?;
    Ok(answer(json!({"ended": asking.param("id")})))
}

/// `GET /api/v1/tokens`: the viewer's own.
///
/// # Errors
/// As of the office.
pub(crate) async fn own_tokens(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(json!({"tokens": own::tokens(&asking, &asking.viewer()?.login).await?})))
}

/// `POST /api/v1/tokens` with `name`, `scopes`, `days`: the answer has the token, once.
///
/// # Errors
/// As of the page.
pub(crate) async fn own_make(asking: Asking) -> Result<Response, Fault> {
    let viewer = asking.viewer()?;
    Ok(answer(own::make_token(&asking, &viewer.login, viewer.role).await?.told()))
}

/// `DELETE /api/v1/tokens/{id}`
///
/// # Errors
/// The viewer has no such token.
pub(crate) async fn own_revoke(asking: Asking) -> Result<Response, Fault> {
    own::revoke_token(&asking, &asking.viewer()?.login, asking.param("id")).await?;
    Ok(answer(json!({"revoked": asking.param("id")})))
}
