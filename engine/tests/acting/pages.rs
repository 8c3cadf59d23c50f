//! People who act from a page, beside a stream, a broker and an exchange: a call back by a click, a claim, a settlement.

use office::{Office, Status};
use serde_json::json;

use crate::calls::{customer, missed, site};
use crate::exchange::Exchange;
use crate::installation::{settings, topic};
use crate::latency::now_ms;
use crate::process::web::{Answer, ask, cookie};
use crate::process::{Running, ringback, run, wait_until};
use crate::world::{Sender, World};

const PEOPLE: [(&str, &str); 3] = [("ann", "112"), ("bob", "113"), ("head", "114")];

/// Somebody with the page open.
struct Viewer<'a> {
    host: &'a str,
    cookie: String,
}

impl Viewer<'_> {
    fn get(&self, path: &str) -> Answer {
        ask(self.host, "GET", path, &[("Cookie", &self.cookie)], "")
    }

    fn post(&self, path: &str, more: &str) -> Answer {
        let csrf = self.get("/missed").csrf().to_owned();
        let origin = format!("http://{}", self.host);
        ask(self.host, "POST", path, &[("Cookie", &self.cookie), ("Origin", &origin)], &format!("csrf={csrf}{more}"))
    }

    /// The follow-up of a customer on the page of work, where it is there.
    fn follow_up(&self, number: &str) -> Option<String> {
        let page = self.get("/missed").body;
        let row = page.split("<li class=\"follow-up\" id=\"f-").skip(1).find(|row| row.contains(number))?;
        row.split('"').next().map(str::to_owned)
    }
}

#[test]
fn a_click_calls_back_whoever_clicked_and_nobody_works_on_what_another_deals_with() {
    let world = World::start();
    topic(&world, "cdr");
    let rules = [json!({"dialed_ends": "01", "play": "answered"})];
    let exchange = Exchange::start(world.folder.path(), &rules);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = free.local_addr().expect("an address").to_string();
    drop(free);
    let more = format!("[deliver]\nquiet_hours = []\n[portal]\nlisten = \"{host}\"\n");
    // No plugin: whatever is done here was asked for by somebody.
    let folder = settings(&world, "cdr", &exchange, &[], &site(&PEOPLE), &more);
    let user = |arguments: &[&str]| {
        let ran = run(ringback(["user"]).args(arguments).arg("--settings").arg(&folder));
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        String::from_utf8(ran.stdout).expect("UTF-8").trim().to_owned()
    };
    let password = |login: &str, role: &str| user(&["add", login, "--role", role, "--person", login, "--generate"]);
    let passwords = [("bob", password("bob", "person")), ("head", password("head", "head"))];
    let _process = Running::start(&mut world.run(&folder, &[]));
    wait_until("the portal answers", || std::net::TcpStream::connect(&host).is_ok());
    let [bob, head] =
        passwords.map(|(login, password)| Viewer { host: &host, cookie: cookie(&host, login, &password) });

    let sender = Sender::to(&world.bootstrap, "cdr");
    for n in 1..=3 {
        missed(&customer(n), "113", n, now_ms())
            .iter()
            .for_each(|line| sender.send("main", None, now_ms(), line.as_bytes()));
    }
    sender.flush();
    wait_until("three wait on the page", || (1..=3).all(|n| bob.follow_up(&customer(n)).is_some()));
    let of = |n: usize| bob.follow_up(&customer(n)).expect("a follow-up");

    // Bob takes the first; the head is told who has it, and gets nowhere.
    let first = of(1);
    assert_eq!(bob.post(&format!("/follow-ups/{first}/claim"), "").status, 303);
    let refused = head.post(&format!("/follow-ups/{first}/claim"), "");
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("bob"), "{}", refused.body);
    wait_until("the page says who deals with it", || head.get("/missed").body.contains("bob"));

    // Whoever took it may call: the exchange rings Bob, though the head is no less there.
    assert_eq!(bob.post(&format!("/follow-ups/{first}/call-back"), "").status, 303);
    wait_until("the customer was dialed", || exchange.originates().iter().any(|o| o.dialed == customer(1)));
    let rung = std::fs::read_to_string(world.folder.path().join("originates.ndjson")).expect("a log");
    assert!(rung.lines().all(|line| line.contains("PJSIP/113")), "{rung}");

    // The second is settled by hand, and is no more on the page; the third waits.
    assert_eq!(head.post(&format!("/follow-ups/{}/settle", of(2)), "&why=own_mobile").status, 303);
    wait_until("the second is settled", || head.follow_up(&customer(2)).is_none());
    assert!(head.follow_up(&customer(3)).is_some());
    let states = || world.ask("SELECT customer, status FROM follow_ups_now");
    wait_until("the tables say so too", || states().contains(&format!("{}\tsettled_by_hand", customer(2))));

    wait_until("the call's page says what was done", || {
        let call = world.ask(&format!("SELECT call_id FROM calls_now WHERE caller = '{}'", customer(1)));
        let page = bob.get(&format!("/calls/{}", call.trim())).body;
        page.contains("<td>Call back</td><td>done</td><td>bob</td>")
    });

    // A second click on what has been dialed dials nobody again.
    bob.post(&format!("/follow-ups/{first}/call-back"), "");
    let office = Office::open(&format!("sqlite:{}", folder.join("office.db").display()), 5000).expect("the office");
    let name = office.follow_up_name("main", &first).expect("asked").expect("a name");
    let second = || {
        let actions = office.actions_of("main", &name).expect("actions").into_iter();
        actions.filter(|action| action.status != Status::Done).map(|action| action.reason).collect::<String>()
    };
    wait_until("the second waits, and says why", || second().contains("they were dialed"));
    assert_eq!(exchange.originates().len(), 1);
}
