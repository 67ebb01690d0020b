use std::sync::mpsc::{Receiver, channel};

use ratatui::{
    buffer::Cell,
    style::{Color, Style},
};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::*;

const SOON: Duration = Duration::from_secs(5);
const CAPS: Caps = Caps { depth: super::super::Depth::True, unicode: true, lean: false };

/// A writer on a pipe that takes one page, so that it is stalled easily.
struct Fixture {
    writer: Writer,
    terminal: OwnedFd,
    gate: Arc<Gate>,
    notices: Receiver<Notice>,
}

fn fixture() -> Fixture {
    let (terminal, out) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
    fcntl_setpipe_size(&out, 4_096).unwrap();
    let gate = Arc::new(Gate::default());
    gate.set(true);
    let (sender, notices) = channel();
    let notice = move |notice| {
        let _ = sender.send(notice);
    };
    Fixture { writer: Writer::start(out, Arc::clone(&gate), CAPS, notice).unwrap(), terminal, gate, notices }
}

fn frame(text: &str, urgent: bool) -> Frame {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 2));
    buffer.set_string(0, 0, text, Style::new());
    Frame { buffer, cursor: None, urgent }
}

/// A frame that fills more than the pipe: every cell has a colour of its own.
fn large(seed: u8) -> Frame {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    for (cell, n) in buffer.content.iter_mut().zip(0_u16..) {
        let [high, low] = n.to_be_bytes();
        *cell = Cell::new("x");
        cell.fg = Color::Rgb(high, low, seed);
    }
    Frame { buffer, cursor: None, urgent: true }
}

impl Fixture {
    /// What the terminal was sent so far.
    fn read(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut bytes = [0; 65_536];
        while let Ok(n @ 1..) = rustix::io::read(&self.terminal, &mut bytes) {
            all.extend_from_slice(&bytes[..n]);
        }
        all
    }

    fn text(&self) -> String {
        String::from_utf8(self.read()).unwrap().replace('\x1b', "^")
    }

    /// Waits until the thread is stuck in a write.
    fn stuck(&self) {
        let guard = self.writer.shared.lock();
        // It wakes nobody when it starts writing: look until it does.
        let mut state = guard;
        while !(state.writing && state.slot.is_none()) {
            state = self.writer.shared.done.wait_timeout(state, Duration::from_millis(2)).unwrap().0;
        }
    }
}

#[test]
fn one_frame_is_one_write_and_the_same_frame_none() {
    let f = fixture();
    let first = f.writer.submit(frame("fraud-prod", true));
    assert!(f.writer.flush(SOON));
    assert_eq!(f.text(), "^[?2026h^[m^[H^[2Jfraud-prod^[?25l^[?2026l");
    let bytes = f.writer.stats().bytes;
    let second = f.writer.submit(frame("fraud-prod", true));
    assert!(f.writer.flush(SOON));
    assert_eq!(f.text(), "");
    let stats = f.writer.stats();
    assert_eq!((stats.frames, stats.bytes, stats.dropped), (2, bytes, 0));
    assert!(f.writer.shown_at(first) <= f.writer.shown_at(second));
    assert_eq!(f.writer.shown_at(second + 1), None);
}

#[test]
fn a_newer_frame_replaces_one_that_waits() {
    let f = fixture();
    f.writer.submit(frame("a0", true));
    assert!(f.writer.flush(SOON));
    f.read();
    assert!(f.writer.pause(SOON));
    let dropped = f.writer.submit(frame("a1", false));
    f.writer.submit(frame("b2", false));
    assert_eq!(f.writer.shown_at(dropped), None);
    f.writer.resume();
    assert!(f.writer.flush(SOON));
    let text = f.text();
    assert!(text.contains("b2") && !text.contains("a1"), "{text}");
    assert_eq!(f.writer.stats().dropped, 1);
    assert!(f.writer.shown_at(dropped).is_some(), "a newer one counts");
}

#[test]
fn sequences_follow_the_frames_before_them() {
    let f = fixture();
    assert!(f.writer.pause(SOON));
    f.writer.submit(frame("plan", false));
    assert!(f.writer.send(b"\x1b]2;mldeck\x1b\\".to_vec()));
    assert!(f.writer.send(b"\x07".to_vec()));
    f.writer.resume();
    assert!(f.writer.flush(SOON));
    assert!(f.text().ends_with("plan^[?25l^[?2026l^]2;mldeck^\\\u{7}"));
}

#[test]
fn a_stalled_terminal_blocks_nobody_and_catches_up() {
    let f = fixture();
    f.writer.submit(large(1));
    f.stuck();
    let mut last = 0;
    for seed in 2..50 {
        last = f.writer.submit(large(seed));
    }
    assert_eq!(f.writer.stats().dropped, 47);
    assert!(!f.writer.send(vec![b'x'; OUT_OF_BAND_CAP + 1]), "memory is bounded");
    assert!(!f.writer.pause(Duration::ZERO), "it is stuck");
    f.writer.resume();
    let mut seen = Vec::new();
    while f.writer.shown_at(last).is_none() {
        seen.extend(f.read());
    }
    seen.extend(f.read());
    let mut parser = vt100::Parser::new(24, 80, 0);
    parser.process(&seen);
    let corner = parser.screen().cell(23, 79).unwrap();
    assert_eq!((corner.contents(), corner.fgcolor()), ("x", vt100::Color::Rgb(7, 127, 49)));
    assert!(f.writer.stop(SOON));
}

#[test]
fn stopping_does_not_wait_for_a_stalled_terminal() {
    let f = fixture();
    f.writer.submit(large(1));
    f.stuck();
    assert!(f.writer.stop(SOON), "the frame is given up");
}

#[test]
fn a_dead_terminal_is_said_once() {
    let f = fixture();
    drop(f.terminal);
    f.writer.submit(frame("x", true));
    assert_eq!(f.notices.recv_timeout(SOON), Ok(Notice::Gone));
    assert!(f.notices.recv_timeout(SOON).is_err(), "the thread ended");
    assert!(!f.writer.send(vec![7]));
    assert!(!f.writer.flush(SOON));
    assert!(f.writer.submit(frame("y", true)) > 0);
}

#[test]
fn a_closed_gate_holds_everything_back() {
    let f = fixture();
    f.writer.submit(frame("before", true));
    assert!(f.writer.flush(SOON));
    f.read();
    f.gate.set(false);
    f.writer.submit(frame("under the shell", true));
    assert!(!f.writer.flush(Duration::from_millis(50)) || f.read().is_empty());
    assert_eq!(f.text(), "");
    f.gate.set(true);
    f.writer.resume();
    assert!(f.writer.flush(SOON));
    assert!(f.text().contains("^[2Junder the shell"));
}

#[test]
fn buffers_go_round() {
    let f = fixture();
    let area = Rect::new(0, 0, 40, 2);
    let mut places = Vec::new();
    for n in 0..20 {
        let mut buffer = f.writer.blank(area);
        assert_eq!(buffer, Buffer::empty(area));
        buffer.set_string(0, 0, format!("n {n}"), Style::new());
        places.push(buffer.content.as_ptr().addr());
        f.writer.submit(Frame { buffer, cursor: None, urgent: true });
        assert!(f.writer.flush(SOON));
    }
    places.sort_unstable();
    places.dedup();
    assert!(places.len() <= 3, "{} allocations", places.len());
}
