//! Every address of the portal, with who may ask for it.

use axum::http::Method;
use axum::response::Response;
use std::future::Future;
use std::pin::Pin;

use crate::asking::{Asking, Fault};
use crate::viewer::{Powers, Role};
use crate::{api, pages, sign_in};

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Whoever comes.
    Anybody,
    /// Whoever signed in or has a token: they get what is in their scope.
    Viewer,
    /// Whoever may also change what is their own: no token for reading alone.
    Writer,
    /// Whoever may also act.
    Actor,
    /// Administrators.
    Administrator,
}

impl Who {
    /// Whether a viewer of this role may ask; `None`: nobody signed in.
    #[must_use]
    pub fn allows(self, role: Option<Role>, powers: Powers) -> bool {
        match (self, role) {
            (Who::Anybody, _) => true,
            (Who::Viewer, Some(_)) => powers.read,
            (Who::Writer, Some(_)) => powers.write,
            (Who::Actor, Some(_)) => powers.act,
            (Who::Administrator, Some(role)) => powers.set_up && role == Role::Administrator,
            (_, None) => false,
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send>>;

/// One address.
pub struct Route {
    /// GET, POST, PUT or DELETE.
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
    route!(POST "/follow-ups/{id}/take-over" Actor pages::acts::take_over),
    route!(POST "/follow-ups/{id}/give-back" Actor pages::acts::give_back),
    route!(POST "/follow-ups/{id}/settle" Actor pages::acts::settle),
    route!(POST "/follow-ups/{id}/reopen" Actor pages::acts::reopen),
    route!(POST "/follow-ups/{id}/notes" Actor pages::acts::note),
    route!(POST "/follow-ups/{id}/call-back" Actor pages::acts::call_back),
    route!(GET "/calls" Viewer pages::calls::page),
    route!(GET "/calls.csv" Viewer pages::calls::csv),
    route!(GET "/calls/{id}" Viewer pages::call::page),
    route!(GET "/views" Viewer pages::views::page),
    route!(POST "/views" Writer pages::views::add),
    route!(POST "/views/{id}/change" Writer pages::views::change),
    route!(POST "/views/{id}/delete" Writer pages::views::delete),
    route!(GET "/customers/{number}" Viewer pages::customer::page),
    route!(GET "/dashboard" Viewer pages::dashboard::page),
    route!(GET "/me" Viewer pages::me::page),
    route!(GET "/me/messages" Viewer pages::messages::page),
    route!(POST "/me/messages/read" Writer pages::messages::read_all),
    route!(POST "/me/messages/{seq}/read" Writer pages::messages::read),
    route!(GET "/me/access" Viewer pages::own::page),
    route!(POST "/me/access/sign-ins/{id}/end" Writer pages::own::end),
    route!(POST "/me/access/tokens" Writer pages::own::make),
    route!(POST "/me/access/tokens/{id}/revoke" Writer pages::own::revoke),
    route!(GET "/measures" Viewer pages::measures::page),
    route!(GET "/set-up/sources" Administrator pages::sources::page),
    route!(GET "/set-up/directory" Administrator pages::directory::page),
    route!(POST "/set-up/directory" Administrator pages::site_file::save),
    route!(GET "/set-up/plugins" Administrator pages::plugins::page),
    route!(POST "/set-up/plugins/{name}/switch" Administrator pages::plugins::switched),
    route!(GET "/set-up/access" Administrator pages::access::page),
    route!(POST "/set-up/access" Administrator pages::access::add),
    route!(GET "/set-up/access/{login}" Administrator pages::access::one),
    route!(POST "/set-up/access/{login}/change" Administrator pages::access::change),
    route!(POST "/set-up/access/{login}/password" Administrator pages::access::change_password),
    route!(POST "/set-up/access/{login}/sign-ins/end" Administrator pages::access::end),
    route!(POST "/set-up/access/{login}/tokens" Administrator pages::access::make),
    route!(POST "/set-up/access/{login}/tokens/{id}/revoke" Administrator pages::access::revoke),
    route!(GET "/set-up/changes" Administrator pages::changes::page),
    route!(GET "/api/openapi.json" Anybody api::document::openapi),
    route!(GET "/api/v1/calls" Viewer api::calls::calls),
    route!(GET "/api/v1/calls/{id}" Viewer api::calls::call),
    route!(GET "/api/v1/total" Viewer api::calls::total),
    route!(GET "/api/v1/follow_ups" Viewer api::follow_ups::list),
    route!(GET "/api/v1/follow_ups/{id}" Viewer api::follow_ups::one),
    route!(GET "/api/v1/measures" Viewer api::calls::measures),
    route!(POST "/api/v1/follow_ups/{id}/claim" Actor api::follow_ups::claim),
    route!(POST "/api/v1/follow_ups/{id}/give_back" Actor api::follow_ups::give_back),
    route!(POST "/api/v1/follow_ups/{id}/settle" Actor api::follow_ups::settle),
    route!(POST "/api/v1/follow_ups/{id}/reopen" Actor api::follow_ups::reopen),
    route!(POST "/api/v1/follow_ups/{id}/notes" Actor api::follow_ups::note),
    route!(POST "/api/v1/follow_ups/{id}/call_back" Actor api::follow_ups::call_back),
    route!(GET "/api/v1/customers/{number}" Viewer api::shown::customer),
    route!(GET "/api/v1/dashboard" Viewer api::shown::dashboard),
    route!(GET "/api/v1/views" Viewer api::views::list),
    route!(POST "/api/v1/views" Writer api::views::add),
    route!(GET "/api/v1/views/{id}" Viewer api::views::one),
    route!(PUT "/api/v1/views/{id}" Writer api::views::change),
    route!(DELETE "/api/v1/views/{id}" Writer api::views::delete),
    route!(GET "/api/v1/messages" Viewer api::shown::messages),
    route!(POST "/api/v1/messages/{seq}/read" Writer api::shown::read),
    route!(GET "/api/v1/sign_ins" Viewer api::access::own_sign_ins),
    route!(DELETE "/api/v1/sign_ins/{id}" Writer api::access::own_end),
    route!(GET "/api/v1/tokens" Viewer api::access::own_tokens),
    route!(POST "/api/v1/tokens" Writer api::access::own_make),
    route!(DELETE "/api/v1/tokens/{id}" Writer api::access::own_revoke),
    route!(GET "/api/v1/sources" Administrator api::shown::sources),
    route!(GET "/api/v1/directory" Administrator api::shown::directory),
    route!(GET "/api/v1/plugins" Administrator api::shown::plugins),
    route!(GET "/api/v1/plugins/{name}" Administrator api::shown::plugin),
    route!(PUT "/api/v1/plugins/{name}" Administrator api::shown::switch),
    route!(GET "/api/v1/logins" Administrator api::access::logins),
    route!(POST "/api/v1/logins" Administrator api::access::add),
    route!(GET "/api/v1/logins/{login}" Administrator api::access::login),
    route!(PUT "/api/v1/logins/{login}" Administrator api::access::change),
    route!(PUT "/api/v1/logins/{login}/password" Administrator api::access::password),
    route!(GET "/api/v1/logins/{login}/sign_ins" Administrator api::access::sign_ins),
    route!(DELETE "/api/v1/logins/{login}/sign_ins" Administrator api::access::end),
    route!(GET "/api/v1/logins/{login}/tokens" Administrator api::access::tokens),
    route!(POST "/api/v1/logins/{login}/tokens" Administrator api::access::make),
    route!(DELETE "/api/v1/logins/{login}/tokens/{id}" Administrator api::access::revoke),
    route!(GET "/api/v1/changes" Administrator api::shown::changes),
];
