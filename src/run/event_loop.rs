//! The loop: wait, absorb what is there, settle, draw at most once. Nothing here waits for a network or a disk.

use std::sync::Arc;

use mldeck_core::{
    text::Text,
    time::{Monotonic, Timestamp},
};
use ratatui::layout::Rect;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    Console, Event, clock,
    effects::{Gate, Runner},
    input::{Arrived, Input},
    log,
    round::{self, Round},
};
use crate::{
    app::{At, Effect, Model, Msg, Scope, update, wake},
    config::Notifications,
    keys::Key,
    term::{Caps, Frame, osc},
    theme::{Theme, ThemeFile},
    ui,
};

/// Everything the loop owns.
pub struct Deck {
    pub model: Model,
    pub console: Console,
    pub runner: Runner,
    pub replies: UnboundedReceiver<Msg>,
    pub theme: Theme,
    pub user_themes: Vec<ThemeFile>,
    pub caps: Caps,
    pub gate: Arc<Gate>,
    /// Account time while the gateway is not there yet.
    pub account_clock: Box<dyn Fn() -> Timestamp + Send>,
    /// The newest frame handed to the writer.
    pub frame: u64,
    pub notify: Notifications,
    /// The one under way.
    pub round: Round,
}

/// What ended the wait.
enum First {
    Event(Event),
    Msg(Msg),
}

/// Why the loop ended.
enum Step {
    Go,
    End(u8),
}

impl Deck {
    /// Runs until the operator leaves or the terminal is gone; returns the exit code. `begin` is called when the first
    /// frame is on the way: before that, whatever else runs competes with it for the processors.
    pub async fn run(mut self, begin: impl FnOnce()) -> u8 {
        let at = self.at();
        let settled = update::settle(&mut self.model, at);
        if let Step::End(code) = self.perform(settled) {
            return self.close(code);
        }
        self.draw(true);
        begin();
        loop {
            let deadline = wake::next_wakeup(&self.model, self.at());
            let first = tokio::select! {
                biased;
                event = self.console.next() => First::Event(event),
                Some(msg) = self.replies.recv() => First::Msg(msg),
                () = sleep_until(deadline) => First::Msg(Msg::Wake),
            };
            self.round = Round::begin();
            self.note_drawn();
            let (step, urgent) = match first {
                First::Event(event) => (self.on_event(event), true),
                First::Msg(msg) => (self.on_msg(msg), false),
            };
            let (step, urgent) = match step {
                Step::Go => self.absorb(urgent),
                end @ Step::End(_) => (end, urgent),
            };
            if let Step::End(code) = step {
                return self.close(code);
            }
            let at = self.at();
            let effects = update::settle(&mut self.model, at);
            self.round.part(|| "settle".to_owned());
            // What is asked now is answered much later, and asking wakes threads that want the processors of this frame.
            self.draw(urgent);
            self.round.part(|| "draw".to_owned());
            if let Step::End(code) = self.perform(effects) {
                return self.close(code);
            }
            self.round.part(|| "ask".to_owned());
            self.round.end();
        }
    }

    /// What else has happened already: ten keys become one frame.
    fn absorb(&mut self, mut urgent: bool) -> (Step, bool) {
        while let Some(event) = self.console.try_next() {
            urgent = true;
            if let end @ Step::End(_) = self.on_event(event) {
                return (end, true);
            }
        }
        while let Ok(msg) = self.replies.try_recv() {
            if let end @ Step::End(_) = self.on_msg(msg) {
                return (end, urgent);
            }
        }
        (Step::Go, urgent)
    }

    fn on_event(&mut self, event: Event) -> Step {
        match event {
            Event::End { code, .. } => Step::End(code),
            Event::Resize(width, height) => self.on_msg(Msg::Resize(width, height)),
            Event::Back => self.on_msg(Msg::Stalled),
            Event::Input(arrived) => self.on_input(arrived),
        }
    }

    fn on_input(&mut self, arrived: Arrived) -> Step {
        let Arrived { at, burst, input } = arrived;
        let now = At { now: self.now(), mono: at };
        let msg = match input {
            Input::Key(event) => match Key::from_event(event) {
                Some(key) => Msg::Key { key, burst },
                None => return Step::Go,
            },
            Input::Paste { text, .. } => Msg::Paste(text),
            Input::PasteAbandoned => Msg::Note { text: Text::new("A paste did not end; it was dropped."), bad: true },
            Input::Focus(focused) => Msg::Focus(focused),
            Input::Lost(count) => {
                Msg::Note { text: Text::new(&format!("{count} keys came too fast and were dropped.")), bad: true }
            }
        };
        self.apply(now, msg)
    }

    /// A key may confirm a plan only when a frame that shows it had reached the terminal before. Asked once per round,
    /// before anything changes the model: the newest frame shows the plan as it is now, and a plan that a later message
    /// of the same round brings has not been drawn by it.
    fn note_drawn(&mut self) {
        if !update::scopes(&self.model).contains(&Scope::Confirm) {
            return;
        }
        if let Some(mono) = self.console.writer().shown_at(self.frame) {
            let at = At { now: self.now(), mono };
            let effects = update::update(&mut self.model, at, Msg::Drawn);
            let _ = self.perform(effects);
        }
    }

    fn on_msg(&mut self, msg: Msg) -> Step {
        msg.faults().into_iter().for_each(log::fault);
        if let Msg::Note { text, bad: true } = &msg {
            tracing::warn!("{text}");
        }
        self.apply(self.at(), msg)
    }

    fn apply(&mut self, at: At, msg: Msg) -> Step {
        let label = self.round.is_kept().then(|| round::label(&msg));
        let effects = update::update(&mut self.model, at, msg);
        let step = self.perform(effects);
        self.round.part(|| label.unwrap_or_default());
        step
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Step {
        for effect in effects {
            let Some(effect) = self.runner.perform(effect) else { continue };
            match effect {
                Effect::Quit(code) => return Step::End(code),
                Effect::Redraw => self.console.writer().repaint(),
                Effect::Suspend(parting) if self.console.suspend(parting.clone()) => {}
                Effect::Suspend(_) => self.model.say("There is no shell to go back to."),
                Effect::Copy(text) => {
                    let how = if self.model.clipboard { osc::Clipboard::On } else { osc::Clipboard::Off };
                    match osc::copy(&text, how) {
                        Ok(bytes) => {
                            self.console.writer().send(bytes);
                        }
                        Err(error) => self.model.complain(error.to_string()),
                    }
                }
                Effect::Notify(what) => {
                    let bytes = osc::notify(self.notify, "mldeck", &Text::new(&what));
                    self.console.writer().send(bytes);
                }
                Effect::Theme { name } => self.retheme(&name),
                Effect::Restyle { theme, themes, notifications } => {
                    self.user_themes = themes;
                    self.notify = notifications;
                    self.retheme(&theme);
                }
                _ => {}
            }
        }
        Step::Go
    }

    fn retheme(&mut self, name: &str) {
        let msg = match Theme::load(name, self.caps.depth, &self.user_themes) {
            Ok(theme) => {
                self.theme = theme;
                Msg::Restyled { theme: name.to_owned() }
            }
            Err(wrong) => Msg::Note { text: Text::new(&wrong.to_string()), bad: true },
        };
        let _ = self.on_msg(msg);
    }

    fn draw(&mut self, urgent: bool) {
        let stats = self.console.writer().stats();
        self.model.lean = stats.lean;
        self.caps.lean = stats.lean;
        let (width, height) = self.model.size;
        let mut buffer = self.console.writer().blank(Rect::new(0, 0, width, height));
        let cursor = ui::view(&self.model, &self.theme, &self.caps, &mut buffer);
        let cursor = cursor.map(|at| (at.x, at.y));
        self.frame = self.console.writer().submit(Frame { buffer, cursor, urgent });
    }

    fn close(self, code: u8) -> u8 {
        self.console.close();
        code
    }

    fn now(&self) -> Timestamp {
        match self.gate.get() {
            Some(Ok(connected)) => connected.gateway.now(),
            _ => (self.account_clock)(),
        }
    }

    fn at(&self) -> At {
        At { now: self.now(), mono: clock::monotonic() }
    }
}

async fn sleep_until(deadline: Option<Monotonic>) {
    match deadline {
        None => std::future::pending().await,
        Some(at) => tokio::time::sleep(std::time::Duration::from_millis(at.since(clock::monotonic()))).await,
    }
}
