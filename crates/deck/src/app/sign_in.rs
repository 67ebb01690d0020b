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
mod tests;
