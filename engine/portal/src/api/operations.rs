//! What each address of the API takes and gives: the list that the document is made of.

/// One address.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// One line for people.
    pub(crate) about: &'static str,
    pub(crate) query: Query,
    /// Fields of the body: name, type, and what it is.
    pub(crate) body: &'static [Field],
    /// The keys of the answer, as `key:type`.
    pub(crate) gives: &'static str,
}

/// A name, its type, and what it is; a type that ends in `?` need not be sent.
pub(crate) type Field = (&'static str, &'static str, &'static str);

/// What may be asked for in the address.
#[derive(Clone, Copy)]
pub(crate) enum Query {
    /// A view: which calls, in which order, by what, with which columns.
    View,
    /// These keys.
    Keys(&'static [Field]),
}

const NONE: Query = Query::Keys(&[]);
const BEFORE: Field = ("before", "integer?", "Where the page begins: `next` of the page before.");
const LIMIT: Field = ("limit", "integer?", "Rows of a page, at most 1,000.");
const PERSON: Field =
    ("person", "string?", "Only what is owed by this person, by the id in the site file; one whom the viewer sees.");
const CURSOR: Field = ("cursor", "string?", "Where the page begins: `next` of the page before.");
const VERSION: Field = ("version", "integer", "As it was read: a change in between is a 409.");
const NOTE: Field = ("note", "string?", "In words; needed where the reason is `other`.");
const TOKEN_NAME: Field = ("name", "string", "What it is for.");
const TOKEN_SCOPES: Field = ("scopes", "[string]", "What it may do: read, act, admin; no more than whoever makes it.");
const TOKEN_DAYS: Field = ("days", "integer?", "It ends after so many days; without it, when it is revoked.");
const LOGIN_ROLE: Field = ("role", "(person|head|analyst|administrator)", "What it may see.");
const LOGIN_PERSON: Field = ("person", "string?", "Who it is, by the id in the site file.");
const LOGIN_GROUPS: Field = ("groups", "[string]?", "The groups that an analyst is given.");
const PASSWORD: Field = ("password", "string?", "At least 10 characters; without it one is made, and told once.");

macro_rules! operation {
    ($method:literal $path:literal $about:literal, $query:expr, [$($field:expr),*], $gives:literal) => {
        Operation { method: $method, path: $path, about: $about, query: $query, body: &[$($field),*], gives: $gives }
    };
}

/// Objects that several answers have, by their names.
pub(crate) const SCHEMAS: &[(&str, &str)] = &[
    ("Group", "value:string? calls:integer missed:integer answered:integer query:string"),
    ("Measure", "measure:string unit:(count|seconds|percent) formula:string value:any"),
    ("Dealing", "by:string by_name:string since:moment until:moment? is_mine:boolean"),
    (
        "Said",
        "kind:(claim|release|settlement|reopening|note) at:moment by:string by_name:string why:string? detail:string?",
    ),
    (
        "Attempt",
        "attempt:integer number:string? started_at:moment ended_at:moment? status:string detail:string call_id:string?",
    ),
    (
        "Delivered",
        "key:string kind:string by:string by_name:string status:string reason:string asked_at:moment due_at:moment call_id:string? attempts:[Attempt]",
    ),
    (
        "WorkItem",
        "id:string customer:string? opening_call:string opened_at:moment last_at:moment status:string owner:string? due_at:moment? \
         our_attempts:integer customer_calls:integer priority:integer why:string? dealt_by:string? dealt_until:moment? opening:object? \
         dealing:Dealing? dealt_by_name:string?",
    ),
    ("SettledHere", "at:moment by:string why:string"),
    (
        "FollowUp",
        "id:string customer:string? opening_call:string opened_at:moment last_at:moment closed_at:moment? status:string owner:string? \
         owner_name:string? due_at:moment? settled_by_call:string? settled_by:string? settled_by_name:string? our_attempts:integer \
         customer_calls:integer time_to_return_s:number? priority:integer why:string? dealt_by:string? dealt_until:moment? \
         settled_here:SettledHere? dealing:Dealing? is_open:boolean may_reopen:boolean said:[Said] done:[Delivered] tags:[string]",
    ),
    (
        "View",
        "id:integer name:string query:string address:string owner:string is_shared:boolean version:integer created_at:moment \
         changed_at:moment changed_by:string is_mine:boolean may_change:boolean",
    ),
    ("Message", "seq:integer at:moment text:string read_at:moment?"),
    ("SignIn", "id:string agent:string began_at:moment seen_at:moment ends_at:moment is_this:boolean"),
    (
        "Token",
        "id:string name:string scopes:[string] created_at:moment ends_at:moment? used_at:moment? is_over:boolean",
    ),
    (
        "Login",
        "login:string role:string person:string? person_name:string? groups:[string] group_names:[string] is_disabled:boolean \
         has_password:boolean version:integer created_at:moment changed_at:moment changed_by:string signed_in_at:moment? address:string",
    ),
    (
        "Change",
        "seq:integer at:moment by:string what:string what_key:string of:string from:any to:any from_text:string to_text:string",
    ),
    ("Power", "power:string of:string? is_granted:boolean line:string? place:string"),
    ("Counted", "kind:string status:string count:integer"),
    (
        "Plugin",
        "name:string version:string state:(dry|live|off|paused) sha256:string installed_at:moment changed_at:moment changed_by:string \
         note:string about:string? hears:[string] asked:[Power] stopped:string? why:string? paused:object? settings:[object] \
         told_at:moment? did:[Counted] would_have_done:[Counted] events:[object] failed:[object]",
    ),
    ("Figure", "value:any address:string"),
    ("GroupFigure", "value:string? calls:integer missed:integer answered:integer address:string"),
    (
        "Source",
        "pbx:string adapter:string last_at:moment silent_s:integer legs_last_hour:integer legs_last_day:integer legs_last_week:integer \
         rejects_last_week:integer",
    ),
];

/// Every address of the API.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation!("GET" "/api/openapi.json" "This document.", NONE, [], "openapi:string info:object paths:object components:object"),
    operation!("GET" "/api/v1/calls" "A page of a view of calls, or its groups.", Query::View, [], "calls:[Call]? groups:[Group]? next:string? total:integer is_cut:boolean?"),
    operation!(
        "GET" "/api/v1/calls/{id}" "One call with everything that is stored of it, and what is owed after it.", NONE, [],
        "call:Call visits:[object] verdicts:[object] deliveries:[object] legs:[object] bytes:[object] follow_up:FollowUp?"
    ),
    operation!("GET" "/api/v1/total" "How many calls a view has.", Query::View, [], "total:integer"),
    operation!("GET" "/api/v1/measures" "The measures of a view.", Query::View, [], "measures:[Measure]"),
    operation!(
        "GET" "/api/v1/follow_ups" "What is owed and still to be done, the most urgent first.", Query::Keys(&[PERSON, LIMIT, CURSOR]), [],
        "follow_ups:[WorkItem] next:string? total:integer dealing:integer"
    ),
    operation!(
        "GET" "/api/v1/follow_ups/{id}" "One thing that is owed, with what was said of it and done for it.", NONE, [],
        "id:string customer:string? status:string dealing:Dealing? said:[Said] done:[Delivered]"
    ),
    operation!(
        "POST" "/api/v1/follow_ups/{id}/claim" "Deal with it; a 409 names who does already, and since when.", NONE,
        [("take_over", "boolean?", "Also from somebody else: heads and administrators may.")], "claimed:string by:string"
    ),
    operation!("POST" "/api/v1/follow_ups/{id}/give_back" "Deal with it no more.", NONE, [], "given_back:string by:string"),
    operation!(
        "POST" "/api/v1/follow_ups/{id}/settle" "Nothing is owed any more.", NONE,
        [("why", "(own_mobile|email|spam|no_need|other)", "Why."), NOTE], "settled:string by:string"
    ),
    operation!("POST" "/api/v1/follow_ups/{id}/reopen" "What settled it did not: a mailbox answered.", NONE, [], "reopened:string by:string"),
    operation!(
        "POST" "/api/v1/follow_ups/{id}/notes" "Say something of it.", NONE, [("note", "string", "In words.")], "noted:string by:string"
    ),
    operation!("POST" "/api/v1/follow_ups/{id}/call_back" "Have the PBX call the customer back now.", NONE, [], "asked:string by:string"),
    operation!(
        "GET" "/api/v1/customers/{number}" "Everything about one customer.", NONE, [],
        "number:string total:integer address:string calls:[Row] follow_ups:[object] deliveries:[object]"
    ),
    operation!(
        "GET" "/api/v1/dashboard" "The figures of a period, each with the calls that it counts.",
        Query::Keys(&[("period", "string?", "As of a view."), ("from", "string?", "As of a view."), ("to", "string?", "As of a view.")]), [],
        "came_in:Figure answered:Figure missed:Figure answer_rate:Figure service_level:Figure asa:Figure by_hour:[GroupFigure] \
         by_outcome:[GroupFigure] by_group:[GroupFigure] funnel:object median_s:any p90_s:any follow_ups:integer latest_at:any"
    ),
    operation!("GET" "/api/v1/views" "The saved views that one finds: one's own, and those that the company shares.", NONE, [], "views:[View]"),
    operation!(
        "POST" "/api/v1/views" "Save a view.", NONE,
        [
            ("name", "string", "What it is called."),
            ("query", "string", "Of the address of the page of calls, without the question mark."),
            ("is_shared", "boolean?", "Everybody of the company finds it.")
        ],
        "id:integer name:string query:string version:integer"
    ),
    operation!("GET" "/api/v1/views/{id}" "One saved view.", NONE, [], "id:integer name:string query:string version:integer"),
    operation!(
        "PUT" "/api/v1/views/{id}" "Change a saved view.", NONE,
        [
            VERSION,
            ("name", "string?", "What it is called."),
            ("query", "string?", "Of the address of the page of calls."),
            ("is_shared", "boolean?", "Everybody of the company finds it.")
        ],
        "id:integer name:string query:string version:integer"
    ),
    operation!("DELETE" "/api/v1/views/{id}" "Take a saved view away.", Query::Keys(&[VERSION]), [], "deleted:string"),
    operation!(
        "GET" "/api/v1/messages" "One's messages, the latest first.", Query::Keys(&[BEFORE, LIMIT]), [],
        "messages:[Message] unread:integer next:integer?"
    ),
    operation!("POST" "/api/v1/messages/{seq}/read" "One has read a message.", NONE, [], "read:string"),
    operation!("GET" "/api/v1/sign_ins" "Where one is signed in.", NONE, [], "sign_ins:[SignIn]"),
    operation!("DELETE" "/api/v1/sign_ins/{id}" "End one of one's sign-ins.", NONE, [], "ended:string"),
    operation!("GET" "/api/v1/tokens" "One's tokens, without their secrets.", NONE, [], "tokens:[Token]"),
    operation!(
        "POST" "/api/v1/tokens" "Make a token: the answer has it, once.", NONE, [TOKEN_NAME, TOKEN_SCOPES, TOKEN_DAYS],
        "id:string token:string name:string scopes:[string] ends_at:moment?"
    ),
    operation!("DELETE" "/api/v1/tokens/{id}" "End one of one's tokens at once.", NONE, [], "revoked:string"),
    operation!("GET" "/api/v1/sources" "What each exchange tells, and what of it was not understood.", NONE, [], "sources:[Source] early:[object] rejects:[object]"),
    operation!(
        "GET" "/api/v1/directory" "Who is who, as the site file says it.", Query::Keys(&[("q", "string?", "What of it has this text in it.")]), [],
        "people:[object] groups:[object] sites:[object] queues:[object] hunt_groups:[object] dids:[object] pbxes:[object] ties:[object] \
         guesses:[object] is_guessed:boolean"
    ),
    operation!("GET" "/api/v1/plugins" "Every installed plugin.", NONE, [], "plugins:[Plugin]"),
    operation!("GET" "/api/v1/plugins/{name}" "One installed plugin.", NONE, [], "name:string version:string state:string"),
    operation!(
        "PUT" "/api/v1/plugins/{name}" "Let a plugin act, or give it nothing any more.", NONE,
        [("before", "(dry|live|off|paused)", "The state that was read: another one is a 409."), ("state", "(live|off)", "From now on.")],
        "name:string version:string state:string"
    ),
    operation!("GET" "/api/v1/logins" "The company's logins.", NONE, [], "logins:[Login]"),
    operation!(
        "POST" "/api/v1/logins" "Make a login.", NONE,
        [("login", "string", "Its name: a-z 0-9 . _ - @ +"), LOGIN_ROLE, LOGIN_PERSON, LOGIN_GROUPS, PASSWORD],
        "login:Login password:string?"
    ),
    operation!("GET" "/api/v1/logins/{login}" "One login.", NONE, [], "login:string role:string version:integer is_disabled:boolean"),
    operation!(
        "PUT" "/api/v1/logins/{login}" "Change a login; its sign-ins end.", NONE,
        [VERSION, LOGIN_ROLE, LOGIN_PERSON, LOGIN_GROUPS, ("is_disabled", "boolean?", "Nobody signs in with it; its tokens end.")],
        "login:string role:string version:integer is_disabled:boolean"
    ),
    operation!("PUT" "/api/v1/logins/{login}/password" "Give a login another password; its sign-ins end.", NONE, [PASSWORD], "login:string password:string?"),
    operation!("GET" "/api/v1/logins/{login}/sign_ins" "Where a login is signed in.", NONE, [], "sign_ins:[SignIn]"),
    operation!("DELETE" "/api/v1/logins/{login}/sign_ins" "End all sign-ins of a login.", NONE, [], "ended:integer"),
    operation!("GET" "/api/v1/logins/{login}/tokens" "The tokens of a login, without their secrets.", NONE, [], "tokens:[Token]"),
    operation!(
        "POST" "/api/v1/logins/{login}/tokens" "Make a token for a login: the answer has it, once.", NONE,
        [TOKEN_NAME, TOKEN_SCOPES, TOKEN_DAYS], "id:string token:string name:string scopes:[string] ends_at:moment?"
    ),
    operation!("DELETE" "/api/v1/logins/{login}/tokens/{id}" "End a token of a login at once.", NONE, [], "revoked:string"),
    operation!("GET" "/api/v1/changes" "Who changed what, the latest first.", Query::Keys(&[BEFORE, LIMIT]), [], "changes:[Change] next:integer?"),
];
