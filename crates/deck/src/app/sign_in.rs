//! Signing in without leaving the deck: the code of an MFA device, or a sign-in that somebody approves in a browser.
//!
//! Rows stay and keys answer meanwhile; what runs in AWS is watched again once there are credentials.

use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    login::{Code, DIGITS, NEAR, NEARER, Step},
    text::Text,
    time::Timestamp,
};

use super::{
    command::{Command, Scope},
    field::Field,
    layers::Layer,
    model::Model,
    msg::{Effect, Msg, Slot},
    update,
};

/// The layer.
pub struct SignIn {
    pub state: State,
    /// What was wrong with the last code.
    pub wrong: Option<String>,
    /// Asked for while there were credentials: that they are good is no reason to end it.
    pub anew: bool,
}

/// What is waited for.
pub enum State {
    /// To be told what it takes.
    Asking,
    /// Six digits. `sent`: for AWS to take them.
    Code { field: Field, device: Text, role: Text, sent: bool },
    /// Somebody with a browser.
    Browser { address: Text, code: Text, expires: Timestamp },
}

/// Signing in, apart from the layer.
#[derive(Debug, Default)]
pub struct SignIns {
    /// Of the newest attempt: what an older one says does not count.
    ticket: u32,
    /// The operator went on without: asked again when they say so, or when credentials came and ended once more.
    declined: bool,
    /// The end that was warned of, and how near it was then.
    warned: Option<(Timestamp, i64)>,
}

impl SignIn {
    pub const fn scope(&self) -> Scope {
        match self.state {
            State::Code { .. } => Scope::Text,
            State::Asking | State::Browser { .. } => Scope::SignIn,
        }
    }

    pub const fn field(&mut self) -> Option<&mut Field> {
        match &mut self.state {
            State::Code { field, sent: false, .. } => Some(field),
            _ => None,
        }
    }

    /// Only digits are kept, and no more of them than a code has: a pasted `123 456` is one.
    pub fn typed(&mut self) {
        if let Some(field) = self.field() {
            let digits: String = field.text().chars().filter(char::is_ascii_digit).take(DIGITS).collect();
            if digits != field.text() {
                field.set(&digits);
            }
        }
    }
}

/// The key that leads here, as it is spelled; the command where it has none.
pub fn key(model: &Model) -> String {
    let keys = model.keymap.keys_of(Command::Login, Scope::Global);
    keys.into_iter().next().unwrap_or_else(|| format!(":{}", Command::Login.name()))
}

fn layer(model: &mut Model) -> Option<&mut SignIn> {
    model.layers.iter_mut().find_map(|layer| match layer {
        Layer::SignIn(sign_in) => Some(sign_in),
        _ => None,
    })
}

fn close(model: &mut Model) -> bool {
    let before = model.layers.len();
    model.layers.retain(|layer| !matches!(layer, Layer::SignIn(_)));
    before > model.layers.len()
}

/// `login`.
pub(super) fn begin(model: &mut Model, out: &mut Vec<Effect>) {
    let anew = model.session.identity().is_some();
    close(model);
    model.sign_ins.declined = false;
    model.layers.push(Layer::SignIn(SignIn { state: State::Asking, wrong: None, anew }));
    send(model, None, anew, out);
}

fn send(model: &mut Model, code: Option<Code>, anew: bool, out: &mut Vec<Effect>) {
    model.sign_ins.ticket += 1;
    out.push(Effect::SignIn { ticket: model.sign_ins.ticket, code, anew });
}

/// Where only a code is missing it is asked for, unless something is being typed: keys must not change their meaning
/// under a hand.
pub(super) fn offer(model: &mut Model, out: &mut Vec<Effect>) {
    let wanted = matches!(&model.session.identity, Some(Err(Fault { kind: FaultKind::Login(Login::Code), .. })));
    let free = model.layers.is_empty() && !update::scopes(model).iter().any(|scope| scope.is_modal());
    if wanted && free && !model.sign_ins.declined {
        begin(model, out);
    }
}

/// `Esc`, or everything was cleared away.
pub(super) fn decline(model: &mut Model, out: &mut Vec<Effect>) {
    if close(model) {
        model.sign_ins.declined = true;
        model.sign_ins.ticket += 1;
        out.push(Effect::SignInDrop);
        model.say(format!("Not signed in anew; {} asks again.", key(model)));
    }
}

/// There are credentials, whoever brought them.
pub(super) fn signed_in(model: &mut Model) {
    model.sign_ins.declined = false;
    if layer(model).is_some_and(|sign_in| !sign_in.anew) {
        close(model);
    }
}

pub(super) fn on_step(model: &mut Model, ticket: u32, result: Result<Step, Fault>) {
    if ticket != model.sign_ins.ticket {
        return;
    }
    match result {
        Ok(Step::Done) => {
            close(model);
            // Who it is now is on its way: what was wrong before is no reason to ask again.
            model.session.identity.take_if(|identity| identity.is_err());
            model.say("Signed in; everything is asked again.");
            model.polls.refresh(model.at.mono);
        }
        Ok(step) => {
            let Some(sign_in) = layer(model) else { return };
            sign_in.state = match step {
                Step::Code { device, role } => State::Code { field: Field::default(), device, role, sent: false },
                Step::Browser { address, code, expires } => State::Browser { address, code, expires },
                Step::Done => return,
            };
        }
        Err(fault) => on_fault(model, &fault),
    }
}

fn on_fault(model: &mut Model, fault: &Fault) {
    let said = if fault.message.is_empty() { fault.kind.headline().to_owned() } else { fault.message.to_string() };
    if let Some(SignIn { state: State::Code { field, sent, .. }, wrong, .. }) = layer(model) {
        // A code is good once: the next one is the operator's to type.
        field.set("");
        *sent = false;
        *wrong = Some(said);
        return;
    }
    // It was tried: what it leads to is for the operator to ask again.
    model.sign_ins.declined = true;
    close(model);
    model.complain(format!("{}: {said}", fault.doing));
}

/// A command while the layer is on top.
pub(super) fn on(model: &mut Model, mut sign_in: SignIn, command: Command, out: &mut Vec<Effect>) {
    match (command, &mut sign_in.state) {
        (Command::Back, _) => {
            model.layers.push(Layer::SignIn(sign_in));
            decline(model, out);
            return;
        }
        (Command::Accept, State::Code { field, sent, .. }) if !*sent => match Code::parse(field.text()) {
            Some(code) => {
                *sent = true;
                sign_in.wrong = None;
                send(model, Some(code), false, out);
            }
            None => sign_in.wrong = Some(format!("A code has {DIGITS} digits.")),
        },
        (Command::Copy, State::Browser { address, .. }) => {
            if model.clipboard {
                out.push(Effect::Copy(address.clone()));
                model.say("Sent to the terminal's clipboard: the address, with the code in it.");
            } else {
                model.say("The clipboard is off in the config.");
            }
        }
        _ => {}
    }
    model.layers.push(Layer::SignIn(sign_in));
}

/// Milliseconds until the credentials end, once that is near.
pub fn left(model: &Model) -> Option<i64> {
    let left = model.session.identity()?.expires?.since(model.now());
    (left <= NEAR).then_some(left)
}

/// Says once that the end is near, and once more that it is nearer.
pub(super) fn warn(model: &mut Model) {
    let Some(end) = model.session.identity().and_then(|identity| identity.expires) else { return };
    let left = end.since(model.now());
    let Some(near) = [NEARER, NEAR].into_iter().find(|near| left <= *near) else { return };
    if left <= 0 || model.sign_ins.warned.is_some_and(|(of, told)| of == end && told <= near) {
        return;
    }
    model.sign_ins.warned = Some((end, near));
    let text = format!("The login ends at {} UTC; {} renews it.", end.hm(), key(model));
    if near == NEARER {
        model.complain(text);
    } else {
        model.say(text);
    }
}

/// Whatever failed for want of credentials: who we are is asked at once, which says what it takes to have them again.
pub(super) fn notice(model: &mut Model, msg: &Msg) {
    let wanting = |fault: &&Fault| matches!(fault.kind, FaultKind::Login(_));
    if model.session.identity().is_some() && msg.faults().iter().any(wanting) {
        model.polls.hurry(Slot::Identity, model.at.mono);
    }
}

/// How often to ask who we are, in seconds: a renewed login may be somebody else's, and near its end it is looked for.
pub(super) fn cadence(model: &Model) -> u64 {
    match model.session.identity() {
        Some(_) if left(model).is_some() => 60,
        Some(_) => 300,
        None => 10,
    }
}

/// The slots that tell whether somebody renewed a login elsewhere, and what such a failure is.
pub(super) const fn is_renewed_elsewhere(slot: Slot, kind: &FaultKind) -> bool {
    matches!(slot, Slot::Identity) && matches!(kind, FaultKind::Login(Login::Code | Login::Browser | Login::Expired))
}

#[cfg(test)]
mod tests {
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
            self.model.status.as_ref().map_or("", |status| &status.text)
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
        let SignIn { state: State::Code { field, sent: false, .. }, wrong: Some(wrong), .. } = deck.open().unwrap()
        else {
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
        assert!(deck.said().contains("02:20") && deck.model.status.as_ref().is_some_and(|status| status.bad));
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
}
