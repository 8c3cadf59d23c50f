//! Every address of the portal, with who may ask for it.

use axum::http::Method;
use axum::response::Response;
use std::future::Future;
use std::pin::Pin;

use crate::asking::{Asking, Fault};
use crate::viewer::Role;
use crate::{api, pages, sign_in};

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Whoever comes.
    Anybody,
    /// Whoever signed in or has a token: they get what is in their scope.
    Viewer,
    /// Whoever may also act.
    Actor,
    /// Administrators.
    Administrator,
}

impl Who {
    /// Whether a viewer of this role may ask; `None`: nobody signed in.
    #[must_use]
    pub fn allows(self, role: Option<Role>, may_act: bool) -> bool {
        match (self, role) {
            (Who::Anybody, _) | (Who::Viewer, Some(_)) => true,
            (Who::Actor, Some(_)) => may_act,
            (Who::Administrator, Some(role)) => role == Role::Administrator,
            (_, None) => false,
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send>>;

/// One address.
pub struct Route {
    /// GET or POST.
    pub method: Method,
    /// As axum writes it: `{id}` stands for a part.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    pub(crate) answer: fn(Asking) -> Answering,
}

macro_rules! route {
    ($method:ident $path:literal $who:ident $answer:path) => {
        Route { method: Method::$method, path: $path, who: Who::$who, answer: |asking| Box::pin($answer(asking)) }
    };
}

/// All of them.
pub static ROUTES: &[Route] = &[
    route!(GET "/" Viewer pages::missed::home),
    route!(GET "/sign-in" Anybody sign_in::page),
    route!(POST "/sign-in" Anybody sign_in::sign_in),
    route!(POST "/sign-out" Viewer sign_in::sign_out),
    route!(POST "/language" Viewer sign_in::language),
    route!(GET "/live" Viewer pages::live),
    route!(GET "/missed" Viewer pages::missed::page),
    route!(POST "/missed-call-now" Actor pages::acts::missed_call_now),
    route!(POST "/follow-ups/{id}/claim" Actor pages::acts::claim),
    route!(POST "/follow-ups/{id}/give-back" Actor pages::acts::give_back),
    route!(POST "/follow-ups/{id}/settle" Actor pages::acts::settle),
    route!(POST "/follow-ups/{id}/call-back" Actor pages::acts::call_back),
    route!(GET "/calls" Viewer pages::calls::page),
    route!(GET "/calls.csv" Viewer pages::calls::csv),
    route!(GET "/calls/{id}" Viewer pages::call::page),
    route!(GET "/customers/{number}" Viewer pages::customer::page),
    route!(GET "/dashboard" Viewer pages::dashboard::page),
    route!(GET "/me" Viewer pages::me::page),
    route!(GET "/measures" Viewer pages::measures::page),
    route!(GET "/set-up/sources" Administrator pages::sources::page),
    route!(GET "/api/v1/calls" Viewer api::calls::calls),
    route!(GET "/api/v1/calls/{id}" Viewer api::calls::call),
    route!(GET "/api/v1/total" Viewer api::calls::total),
    route!(GET "/api/v1/follow_ups" Viewer api::follow_ups::list),
    route!(GET "/api/v1/measures" Viewer api::calls::measures),
    route!(POST "/api/v1/follow_ups/{id}/claim" Actor api::follow_ups::claim),
    route!(POST "/api/v1/follow_ups/{id}/settle" Actor api::follow_ups::settle),
    route!(POST "/api/v1/follow_ups/{id}/call_back" Actor api::follow_ups::call_back),
];
