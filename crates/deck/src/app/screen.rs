//! The rectangles of the screen, as a pure function that both update (paging) and view (painting) use.
//!
//! ```text
//! identity, mode, age, link            1
//! panes                                1
//! rule                                 1
//! body                                 h - 5
//! rule with status                     1
//! keys, or the prompt                  1
//! ```

/// Below this there is only room to say so.
pub const MIN_SIZE: (u16, u16) = (40, 10);

pub const fn is_too_small((width, height): (u16, u16)) -> bool {
    width < MIN_SIZE.0 || height < MIN_SIZE.1
}

pub const fn body_height((_, height): (u16, u16)) -> usize {
    height.saturating_sub(5) as usize
}

/// Rows of a table: the body without its head line.
pub const fn table_height(size: (u16, u16)) -> usize {
    body_height(size).saturating_sub(1)
}
