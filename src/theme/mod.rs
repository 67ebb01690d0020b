//! Themes are roles. A widget asks for a role, never for a colour; a theme is degraded to the terminal once.

pub mod roles;

use ratatui::style::Style;
pub use roles::Role;

/// One style per role, already in the colours that this terminal has.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: [Style; Role::COUNT],
}

impl Theme {
    pub fn get(&self, role: Role) -> Style {
        self.styles[role as usize]
    }
}
