//! Bytes of a terminal.

use crossterm::event::KeyCode;
use mldeck_core::text::Text;
use mldeck_deck::{
    keys::Key,
    run::{
        input::Input,
        parse::{PASTE_CAP, Parser, Waiting},
    },
};

/// However the bytes are cut into reads, the same comes of them; never more than there were, and what is unfinished ends.
pub(super) fn keyboard(data: &[u8]) {
    let whole = read(std::iter::once(data));
    assert_eq!(whole, read(data.chunks(1)), "read byte by byte");
    let size = 2 + usize::from(data.first().copied().unwrap_or_default() % 7);
    assert_eq!(whole, read(data.chunks(size)), "read by {size} bytes");
    assert!(whole.len() <= data.len() + 1, "more came out than went in");
    for input in &whole {
        match input {
            Input::Key(event) => {
                if let KeyCode::Char(c) = event.code {
                    assert!(!c.is_control(), "{c:?} is a key of its own");
                    // No file may bind what cannot be seen; it is text of a field.
                    if (c.is_whitespace() && c != ' ') || Text::new(&c.to_string()) != c.to_string().as_str() {
                        continue;
                    }
                }
                let key = Key::from_event(*event).expect("a key that can be bound");
                assert_eq!(key.to_string().parse::<Key>(), Ok(key), "as it is written in a file");
            }
            Input::Paste { text, cut } => {
                // A byte that is no text becomes a character of three.
                assert!(text.len() <= 3 * PASTE_CAP && !text.contains('\r'), "cut: {cut}");
            }
            Input::PasteAbandoned | Input::Focus(_) => {}
            Input::Lost(count) => panic!("{count} lost without a queue"),
        }
    }
}

fn read<'a>(reads: impl Iterator<Item = &'a [u8]>) -> Vec<Input> {
    let mut parser = Parser::default();
    let mut out = Vec::new();
    reads.for_each(|bytes| parser.feed(bytes, &mut out));
    parser.expire(&mut out);
    assert_eq!(parser.waiting(), Waiting::Nothing, "what is unfinished ends");
    out
}
