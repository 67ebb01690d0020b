//! Where the operator is: a pane, and views opened on top of its list. `[` and `]` walk back and forth.

use super::pane::{Pane, View};

pub struct Nav {
    stack: Vec<View>,
    /// Views that `[` left, for `]`.
    forward: Vec<View>,
    /// The pane shown before this one, for `-`.
    previous: Option<Pane>,
}

impl Nav {
    pub fn new(pane: Pane) -> Self {
        Self { stack: vec![View::List(pane)], forward: Vec::new(), previous: None }
    }

    pub fn pane(&self) -> Pane {
        match self.stack.first() {
            Some(View::List(pane)) => *pane,
            _ => Pane::Endpoints,
        }
    }

    pub fn top(&self) -> &View {
        self.stack.last().unwrap_or(&View::List(Pane::Endpoints))
    }

    pub fn top_mut(&mut self) -> Option<&mut View> {
        self.stack.last_mut()
    }

    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    pub fn views(&self) -> &[View] {
        &self.stack
    }

    pub fn views_mut(&mut self) -> impl Iterator<Item = &mut View> {
        self.stack.iter_mut().rev()
    }

    /// Takes the top view out so that it can change the model; give it back with [`Nav::put_back`].
    pub fn take_top(&mut self) -> Option<View> {
        self.stack.pop()
    }

    pub fn put_back(&mut self, view: View) {
        self.stack.push(view);
    }

    pub fn open(&mut self, view: View) {
        self.forward.clear();
        self.stack.push(view);
    }

    /// Views that have done their work leave, also from the way back.
    pub fn drop_done(&mut self) {
        let stays = |view: &View| !matches!(view, View::Opened(view) if view.is_done());
        self.stack.retain(stays);
        self.forward.retain(stays);
    }

    /// One step back; false at the list.
    pub fn back(&mut self) -> bool {
        if self.stack.len() < 2 {
            return false;
        }
        self.forward.extend(self.stack.pop());
        true
    }

    pub fn forward(&mut self) -> bool {
        let view = self.forward.pop();
        let found = view.is_some();
        self.stack.extend(view);
        found
    }

    pub fn go(&mut self, pane: Pane) {
        if pane != self.pane() {
            self.previous = Some(self.pane());
        }
        self.stack = vec![View::List(pane)];
        self.forward.clear();
    }

    pub fn go_previous(&mut self) -> bool {
        match self.previous {
            Some(pane) => {
                self.go(pane);
                true
            }
            None => false,
        }
    }
}
