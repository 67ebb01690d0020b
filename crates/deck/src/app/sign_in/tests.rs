use mldeck_core::{
    ask::Answer,
    scope::{Identity, Scope as Account},
    time::MINUTE,
};

use super::*;
use crate::{
    app::{At, model::Session},
    config::{self, Environment, Files, Overrides},
    keys::Key,
};

struct Deck {
    model: Model,
    at: At,
    effects: Vec<Effect>,
}

impl Deck {
    fn new() -> Self {
        let setup = config::load(Files::default(), &Environment::default(), Overrides::default());
        let at = At { now: Timestamp::parse("2026-11-23T02:00:00Z").unwrap(), ..At::default() };
        let model = Model::new(&setup, Session::new(&setup.config), None, (160, 40), at);
        let mut deck = Self { model, at, effects: Vec::new() };
        deck.settle();
        deck
    }

    fn settle(&mut self) {
        self.effects.extend(update::settle(&mut self.model, self.at));
    }

    fn send(&mut self, msg: Msg) {
        self.effects.extend(update::update(&mut self.model, self.at, msg));
        self.settle();
    }

    fn pass(&mut self, millis: i64) {
        self.at.now = self.at.now.plus(millis);
        self.at.mono = self.at.mono.plus(millis.unsigned_abs());
        self.send(Msg::Wake);
    }

    fn types(&mut self, keys: &[&str]) {
        for key in keys {
            self.send(Msg::Key { key: key.parse::<Key>().unwrap(), burst: false });
        }
    }

    /// Answers the newest question who we are.
    fn identity(&mut self, result: Result<Identity, Fault>) {
        self.model.polls.refresh(self.at.mono);
        self.settle();
        let asked = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Ask { slot: Slot::Identity, ticket, .. } => Some(*ticket),
            _ => None,
        });
        let result = result.map(Answer::Identity);
        self.send(Msg::Reply { slot: Slot::Identity, ticket: asked.expect("it is asked"), result });
    }

    fn step(&mut self, result: Result<Step, Fault>) {
        let ticket = self.model.sign_ins.ticket;
        self.send(Msg::SignIn { ticket, result });
    }

    /// The codes that were sent, and `None` for each question what it takes.
    fn sent(&self) -> Vec<Option<String>> {
        let of = |effect: &Effect| match effect {
            Effect::SignIn { code, .. } => Some(code.as_ref().map(|code| code.digits().to_owned())),
            _ => None,
        };
        self.effects.iter().filter_map(of).collect()
    }

    fn open(&mut self) -> Option<&mut SignIn> {
        layer(&mut self.model)
    }

    fn said(&self) -> &str {
        self.model.status.shown().map_or("", |status| &status.text)
    }
}

fn wants(login: Login) -> Result<Identity, Fault> {
    Err(Fault::new(FaultKind::Login(login), "signing in", "wanted"))
}

fn identity(role: &str, account: &str, expires: Option<Timestamp>) -> Identity {
    Identity {
        scope: Account::new("aws", account, "eu-west-1"),
        arn: Text::new(&format!("arn:aws:sts::{account}:assumed-role/{role}/anna")),
        source: Text::new("test"),
        expires,
    }
}

fn code_wanted() -> Result<Step, Fault> {
    Ok(Step::Code { device: Text::new("arn:mfa/anna"), role: Text::new("arn:role/OnCall") })
}

#[test]
fn a_code_is_asked_for_by_itself_and_sent_once_for_each_enter() {
    let mut deck = Deck::new();
    deck.identity(wants(Login::Code));
    assert!(deck.open().is_some());
    deck.step(code_wanted());
    // What was meant for the table below does nothing, and is no digit.
    deck.types(&["j", "B", "1", "2", "3", "enter"]);
    assert_eq!(deck.sent(), [None], "three digits are no code");
    deck.send(Msg::Paste("  123 4567\n".to_owned()));
    deck.types(&["enter", "enter", "9"]);
    assert_eq!(deck.sent(), [None, Some("123123".to_owned())]);
    deck.step(Err(Fault::new(FaultKind::Login(Login::Code), "assuming the role", "invalid MFA code")));
    let SignIn { state: State::Code { field, sent: false, .. }, wrong: Some(wrong), .. } = deck.open().unwrap() else {
        panic!("it is asked again")
    };
    assert_eq!((field.text(), wrong.as_str()), ("", "invalid MFA code"));
    deck.types(&["6", "5", "4", "3", "2", "1", "enter"]);
    assert_eq!(deck.sent().len(), 3, "and nothing was sent by itself");
    deck.step(Ok(Step::Done));
    assert!(deck.open().is_none());
}

#[test]
fn who_goes_on_without_is_asked_again_when_credentials_came_and_ended() {
    let mut deck = Deck::new();
    deck.identity(wants(Login::Code));
    deck.step(code_wanted());
    deck.types(&["esc"]);
    assert!(deck.open().is_none() && deck.effects.contains(&Effect::SignInDrop));
    assert!(deck.said().contains("ctrl-o asks again"), "{}", deck.said());
    deck.identity(wants(Login::Code));
    assert!(deck.open().is_none());
    deck.types(&["ctrl-o"]);
    assert!(deck.open().is_some());
    // Renewed in another shell.
    deck.identity(Ok(identity("OnCall", "447100000921", None)));
    assert!(deck.open().is_none());
    deck.identity(wants(Login::Code));
    assert!(deck.open().is_some());
    deck.types(&["ctrl-c"]);
    assert!(deck.open().is_none());
}

#[test]
fn nothing_opens_under_hands_that_type() {
    let mut deck = Deck::new();
    deck.types(&[":", "e"]);
    deck.identity(wants(Login::Code));
    assert!(deck.open().is_none());
    deck.types(&["esc"]);
    assert!(deck.open().is_some());
}

#[test]
fn a_browser_is_opened_by_nobody_and_its_address_copied_by_the_copy_key_alone() {
    let mut deck = Deck::new();
    deck.identity(wants(Login::Browser));
    assert!(deck.open().is_none(), "it is offered in the header");
    deck.types(&["ctrl-o"]);
    let address = Text::new("https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH");
    let expires = deck.at.now.plus(10 * MINUTE);
    deck.step(Ok(Step::Browser { address: address.clone(), code: Text::new("ABCD-EFGH"), expires }));
    deck.types(&["j", "enter", "B"]);
    assert!(!deck.effects.iter().any(|effect| matches!(effect, Effect::Copy(_))));
    deck.types(&["c"]);
    assert!(deck.effects.contains(&Effect::Copy(address)));
    deck.step(Err(Fault::new(FaultKind::Login(Login::Browser), "signing in", "nobody approved it")));
    assert!(deck.open().is_none() && deck.said().contains("nobody approved it"), "{}", deck.said());
}

#[test]
fn the_end_is_told_at_fifteen_minutes_and_at_five_and_found_renewed() {
    let mut deck = Deck::new();
    let end = deck.at.now.plus(20 * MINUTE);
    deck.identity(Ok(identity("OnCall", "447100000921", Some(end))));
    assert_eq!((deck.said(), left(&deck.model), cadence(&deck.model)), ("", None, 300));
    deck.pass(5 * MINUTE);
    assert_eq!(deck.said(), "The login ends at 02:20 UTC; ctrl-o renews it.");
    assert_eq!((left(&deck.model), cadence(&deck.model)), (Some(15 * MINUTE), 60));
    deck.pass(MINUTE);
    assert_eq!(deck.said(), "", "once");
    deck.pass(9 * MINUTE);
    assert!(deck.said().contains("02:20") && deck.model.status.shown().is_some_and(|status| status.bad));
    deck.identity(Ok(identity("OnCall", "447100000921", Some(end.plus(60 * MINUTE)))));
    assert_eq!(left(&deck.model), None);
    // While it is good a code is asked for only on request, and good credentials do not take the question away.
    deck.types(&["ctrl-o"]);
    assert!(matches!(deck.effects.last(), Some(Effect::SignIn { anew: true, .. })));
    deck.identity(Ok(identity("OnCall", "447100000921", Some(end.plus(60 * MINUTE)))));
    assert!(deck.open().is_some());
}

#[test]
fn whatever_is_refused_for_want_of_credentials_leads_to_the_question() {
    let mut deck = Deck::new();
    deck.identity(Ok(identity("OnCall", "447100000921", None)));
    deck.effects.clear();
    let fault = Fault::new(FaultKind::Login(Login::Code), "reading an endpoint", "");
    deck.send(Msg::OpRead { op: Text::new("op"), ticket: 1, result: Err(fault) });
    assert!(deck.effects.iter().any(|effect| matches!(effect, Effect::Ask { slot: Slot::Identity, .. })));
}

#[test]
fn somebody_else_after_a_renewal_takes_every_confirmation_away() {
    for (other, account, said) in [
        ("Auditor", "447100000921", "role Auditor now, not of OnCall"),
        ("OnCall", "999988887777", "another account or region"),
    ] {
        let mut deck = Deck::new();
        deck.identity(Ok(identity("OnCall", "447100000921", None)));
        deck.types(&["W"]);
        deck.identity(wants(Login::Expired));
        deck.identity(Ok(identity("OnCall", "447100000921", None)));
        assert!(!deck.effects.contains(&Effect::Disallow) && deck.model.session.armed.is_some());
        deck.identity(wants(Login::Expired));
        deck.identity(Ok(identity(other, account, None)));
        assert!(deck.effects.contains(&Effect::Disallow) && deck.model.session.armed.is_none(), "{other}");
        assert!(deck.said().contains(said), "{}", deck.said());
    }
}
