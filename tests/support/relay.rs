//! A server behind an address that can be cut off. What passes has no `Date`: account time is the sandbox's, and two clocks
//! would be taken for one that jumps.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

pub(crate) struct Relay {
    /// `http://127.0.0.1:port`.
    pub(crate) address: String,
    open: Arc<AtomicBool>,
    /// Requests that came while it was open.
    passed: Arc<AtomicUsize>,
}

impl Relay {
    /// In front of `to`, an address as [`Self::address`].
    pub(crate) fn start(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (open, passed) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let to = to.strip_prefix("http://").expect("an address").to_owned();
        let (is_open, count) = (Arc::clone(&open), Arc::clone(&passed));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever connects while it is cut off finds nobody.
                if is_open.load(Ordering::SeqCst) {
                    count.fetch_add(1, Ordering::SeqCst);
                    let to = to.clone();
                    thread::spawn(move || pass(stream, &to));
                }
            }
        });
        Self { address, open, passed }
    }

    pub(crate) fn cut(&self, off: bool) {
        self.open.store(!off, Ordering::SeqCst);
    }

    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

/// One request and its answer.
fn pass(mut from: TcpStream, to: &str) -> Option<()> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    let body = loop {
        let read = from.read(&mut piece).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(piece.get(..read)?);
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(request.get(..body)?).into_owned();
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while request.len() < body + length {
        let read = from.read(&mut piece).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(piece.get(..read)?);
    }
    let lines = head.trim_end().split("\r\n").filter(|line| !is(line, "connection")).collect::<Vec<_>>();
    let mut server = TcpStream::connect(to).ok()?;
    server.write_all(format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")).as_bytes()).ok()?;
    server.write_all(request.get(body..)?).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(answer.get(..end)?).into_owned();
    let lines: Vec<&str> = head.split("\r\n").filter(|line| !is(line, "date") && !is(line, "connection")).collect();
    from.write_all(format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")).as_bytes()).ok()?;
    from.write_all(answer.get(end + 4..)?).ok()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find(|line| is(line, name))?.split_once(':').map(|(_, value)| value.trim())
}

fn is(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
}
