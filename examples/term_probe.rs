//! The terminal layer without the deck: draws what it is told and counts. The PTY tests drive it; by hand it shows what a
//! terminal sends.

use std::{io::Write as _, process::ExitCode, time::Duration};

use crossterm::event::{KeyCode, KeyModifiers};
use mldeck::{
    config::Notifications,
    run::{
        Console, Event, clock,
        input::{Arrived, Input},
    },
    term::{
        Caps, Frame,
        osc::{self, Clipboard},
    },
};
use mldeck_core::text::Text;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

/// A tick of the flood: faster than any terminal.
const TICK: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Probe {
    count: u64,
    bursts: u64,
    lost: u64,
    backs: u64,
    pasted: Option<(usize, bool)>,
    note: String,
    hostile: bool,
    flood: bool,
    ticks: u64,
    /// The longest time that handing over a frame took, in milliseconds.
    worst: u128,
    urgent: bool,
    frame: u64,
}

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "an example has no configuration but the environment")]
    let caps = Caps::detect(&|name| std::env::var(name).ok());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let console = match Console::open((20, 6), caps) {
        Ok(console) => console,
        Err(error) => return fail(&error),
    };
    ExitCode::from(runtime.block_on(run(console)))
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "term_probe: {error}");
    ExitCode::from(2)
}

async fn run(mut console: Console) -> u8 {
    let mut probe = Probe { urgent: true, ..Probe::default() };
    probe.draw(&console);
    loop {
        let mut event = tokio::select! {
            biased;
            event = console.next() => Some(event),
            () = tokio::time::sleep(TICK), if probe.flood => None,
        };
        probe.ticks += u64::from(probe.flood);
        while let Some(one) = event {
            if let Some(code) = probe.handle(one, &mut console) {
                console.close();
                return code;
            }
            event = console.try_next();
        }
        probe.draw(&console);
    }
}

impl Probe {
    /// The exit code when this ends the program.
    fn handle(&mut self, event: Event, console: &mut Console) -> Option<u8> {
        match event {
            Event::End { code, .. } => return Some(code),
            Event::Resize(..) => self.urgent = true,
            Event::Back => {
                self.backs += 1;
                self.urgent = true;
            }
            Event::Input(arrived) => return self.input(arrived, console),
        }
        None
    }

    fn input(&mut self, arrived: Arrived, console: &mut Console) -> Option<u8> {
        self.urgent = true;
        match arrived.input {
            Input::Key(_) if arrived.burst => self.bursts += 1,
            Input::Key(key) => {
                self.count += 1;
                match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
                    (KeyCode::Char('z'), true) if !console.suspend(None) => self.note = "no job control".to_owned(),
                    (KeyCode::Char('q'), false) => return Some(0),
                    (KeyCode::Char(c), false) => self.command(c, console),
                    _ => {}
                }
            }
            Input::Paste { text, cut } => self.pasted = Some((text.len(), cut)),
            Input::PasteAbandoned => self.note = "paste abandoned".to_owned(),
            Input::Focus(focused) => self.note = format!("focus {focused}"),
            Input::Lost(count) => self.lost += count,
        }
        None
    }

    fn command(&mut self, c: char, console: &mut Console) {
        match c {
            'f' => self.flood = !self.flood,
            'h' => self.hostile = !self.hostile,
            'c' => {
                if let Ok(bytes) = osc::copy(&Text::new("arn:aws:sagemaker\u{1b}]0;x"), Clipboard::On) {
                    console.writer().send(bytes);
                }
            }
            'n' => {
                console.writer().send(osc::notify(Notifications::Osc9, "rollback done", &Text::new("fraud\u{7}-prod")));
            }
            'a' => {
                self.note = console.aside(|| "been aside".to_owned());
            }
            'p' => panic!("on the main thread"),
            't' => drop(std::thread::spawn(|| panic!("on another thread"))),
            // The main thread hangs: only the watchdog is left.
            'w' => loop {
                std::thread::park();
            },
            _ => {}
        }
    }

    fn draw(&mut self, console: &Console) {
        let (width, height) = console.size();
        let mut buffer = console.writer().blank(Rect::new(0, 0, width, height));
        self.paint(&mut buffer);
        let urgent = std::mem::take(&mut self.urgent);
        let start = clock::instant();
        self.frame = console.writer().submit(Frame { buffer, cursor: Some((0, 1)), urgent });
        self.worst = self.worst.max(clock::instant().saturating_duration_since(start).as_millis());
    }

    fn paint(&self, buffer: &mut Buffer) {
        let area = buffer.area;
        let lines = [
            format!("probe {}x{}", area.width, area.height),
            format!("count {}", self.count),
            format!("bursts {} lost {} backs {}", self.bursts, self.lost, self.backs),
            format!("paste {:?}", self.pasted),
            format!("note {}", self.note),
            if self.flood { format!("ticks {} worst {} ms", self.ticks, self.worst) } else { String::new() },
        ];
        for (y, line) in (0..area.height).zip(&lines) {
            buffer.set_stringn(0, y, line, usize::from(area.width), Style::new());
        }
        if self.flood {
            self.fill(buffer);
        }
        if self.hostile {
            hostile(buffer);
        }
    }
}

impl Probe {
    /// The most expensive frame there is: every cell has a colour of its own and another one each time.
    fn fill(&self, buffer: &mut Buffer) {
        let area = buffer.area;
        let tick = (self.ticks % 256) as u8;
        for y in 6..area.height {
            let line: String = (0..area.width).map(|x| if x % 2 == 0 { 'x' } else { '·' }).collect();
            buffer.set_stringn(0, y, line, usize::from(area.width), Style::new().add_modifier(Modifier::BOLD));
            for x in 0..area.width {
                buffer[(x, y)].fg = Color::Rgb((x % 256) as u8, (y % 256) as u8, tick);
            }
        }
    }
}

/// What a painter that forgot the escaper would do.
#[expect(clippy::disallowed_methods, reason = "plays the painter that forgot")]
fn hostile(buffer: &mut Buffer) {
    let symbols = [
        "\u{1b}[2J",
        "\u{1b}]0;x\u{7}",
        "\u{9b}31m",
        "\u{90}q",
        "\r",
        "\n",
        "\t",
        "\u{8}",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{feff}",
        "\u{e0041}",
        "\u{ad}",
        "\u{301}",
        "e\u{301}",
        "界",
    ];
    let area = buffer.area;
    for (x, symbol) in (0..area.width.saturating_sub(1)).step_by(2).zip(symbols) {
        if area.height > 6 {
            buffer[(x, 6)].set_symbol(symbol);
        }
    }
}
