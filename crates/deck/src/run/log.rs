//! The log: what went wrong, for whoever has to find out why. One file in the state folder ([`LogFile`]).
//!
//! Whoever says something never waits: the line is queued, and a thread of its own masks and writes it. What does not
//! fit into the queue is counted and left out. Spans are not kept: our lines say what they are about.

use std::{
    fmt::{self, Write as _},
    panic,
    path::Path,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use mldeck_core::{
    fault::{Fault, FaultKind},
    mask,
    text::Text,
    time::Timestamp,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

use super::clock;
use crate::{config::LogFilter, store::LogFile};

/// Lines that wait for the disk.
const QUEUE: usize = 1_024;
/// Characters of one line.
const LINE_MAX: usize = 8_192;
/// How long a process that ends, or has panicked, waits for its last lines.
const PATIENCE: Duration = Duration::from_millis(200);

/// Starts the log of this process in the state folder, once, and tells where it is; `None` when it is off. `trouble` is
/// told when it cannot be written.
pub fn start(state: &Path, filter: LogFilter, trouble: impl FnOnce(&str) + Send + 'static) -> Option<Text> {
    if filter.most() == LevelFilter::OFF {
        return None;
    }
    let log = Log::open(LogFile::new(state), filter, trouble)?;
    tracing::subscriber::set_global_default(log).ok()?;
    Some(Text::new(&LogFile::path(state).display().to_string()))
}

/// Waits a moment until what was said is on disk: before the process ends.
pub fn flush() {
    tracing::dispatcher::get_default(|dispatch| {
        if let Some(log) = dispatch.downcast_ref::<Log>() {
            log.flush();
        }
    });
}

/// One line about a failure that somebody is shown.
pub fn fault(fault: &Fault) {
    let request_id = fault.request_id.as_ref().map(Text::as_str);
    match fault.kind {
        FaultKind::Bug => tracing::error!(request_id, "{fault}"),
        _ => tracing::warn!(request_id, "{fault}"),
    }
}

/// Puts a line about each panic before the hook that is installed by now.
pub fn hook_panics() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let what = info.payload_as_str().unwrap_or("without a message");
        let place = info.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(place, thread = thread.name(), "panic: {what}");
        flush();
        report(info);
    }));
}

enum Job {
    Line(String),
    /// Everything before it has been written when it is answered.
    Flush(SyncSender<()>),
}

struct Log {
    filter: LogFilter,
    jobs: SyncSender<Job>,
    lost: AtomicU64,
}

impl Log {
    fn open(file: LogFile, filter: LogFilter, trouble: impl FnOnce(&str) + Send + 'static) -> Option<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || write(&queue, file, trouble)).ok()?;
        Some(Self { filter, jobs, lost: AtomicU64::new(0) })
    }

    fn queue(&self, line: String) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0
            && self.jobs.try_send(Job::Line(format!("{lost} lines came too fast and are missing here"))).is_err()
        {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        if let Err(TrySendError::Full(_)) = self.jobs.try_send(Job::Line(line)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.jobs.try_send(Job::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }
}

impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.is_span() && *metadata.level() <= self.filter.level_of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter.most())
    }

    fn event(&self, event: &Event<'_>) {
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let mut said = Said::default();
        event.record(&mut said);
        self.queue(line(clock::timestamp(), level, target, &said));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// `2026-11-23T02:11:00.250Z WARN mldeck::run::log: listing endpoints: throttled by AWS request_id=…`
fn line(at: Timestamp, level: Level, target: &str, said: &Said) -> String {
    let iso = at.iso();
    let second = iso.trim_end_matches('Z');
    format!("{second}.{:03}Z {level} {target}: {}{}", at.millis().rem_euclid(1_000), said.message, said.fields)
}

/// What an event says: its sentence, then the rest by name.
#[derive(Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// The log's thread: secrets are masked and control characters shown before anything is kept.
fn write(queue: &Receiver<Job>, mut file: LogFile, trouble: impl FnOnce(&str)) {
    let mut trouble = Some(trouble);
    for job in queue {
        match job {
            Job::Line(line) => {
                let line = Text::bounded(&mask::scrub(&line), LINE_MAX);
                if let Err(error) = file.append(line.as_str())
                    && let Some(trouble) = trouble.take()
                {
                    trouble(&format!("no log: {error}"));
                }
            }
            Job::Flush(done) => drop(done.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// What is in the file after `work`.
    fn logged(filter: &str, work: impl FnOnce()) -> String {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(LogFile::new(dir.path()), LogFilter::parse(filter).0, |_| panic!("it can be written"));
        tracing::subscriber::with_default(log.unwrap(), || {
            work();
            let (done, wait) = sync_channel(1);
            tracing::dispatcher::get_default(|dispatch| {
                let log = dispatch.downcast_ref::<Log>().unwrap();
                log.jobs.send(Job::Flush(done.clone())).unwrap();
            });
            wait.recv().unwrap();
        });
        std::fs::read_to_string(LogFile::path(dir.path())).unwrap_or_default()
    }

    #[test]
    fn a_fault_is_one_line_with_its_request_id() {
        let mut fault_of = Fault::new(FaultKind::Throttled, "listing endpoints", "Rate exceeded");
        fault_of.request_id = Some(Text::new("4f1e-22"));
        let text = logged("warn", || fault(&fault_of));
        assert_eq!(text.lines().count(), 1, "{text}");
        let (moment, rest) = text.split_once(' ').unwrap();
        assert!(Timestamp::parse(moment).is_some(), "{moment}");
        let want =
            "WARN mldeck_deck::run::log: listing endpoints: throttled by AWS: Rate exceeded request_id=4f1e-22\n";
        assert_eq!(rest, want);
    }

    #[test]
    fn a_secret_is_masked_and_no_control_byte_is_kept() {
        let text = logged("warn", || {
            tracing::warn!("called with AKIAIOSFODNN7EXAMPLE and password=hunter2hunter2");
            tracing::warn!(header = "\u{1b}[2Jx\ny\u{202e}", "reset");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("‹masked 20 #"), "{text}");
        assert!(!text.contains("AKIAIOSFODNN7EXAMPLE") && !text.contains("hunter2"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.contains("header="), "{text}");
    }

    #[test]
    fn only_what_the_filter_names_is_kept() {
        let say = || {
            tracing::info!("ours");
            tracing::warn!(target: "aws_config::profile", "theirs");
            tracing::warn!("loud");
        };
        let text = logged("warn", say);
        assert!(text.contains("loud") && !text.contains("ours") && !text.contains("theirs"), "{text}");
        let text = logged("info,aws_config=warn", say);
        assert!(text.contains("loud") && text.contains("ours") && text.contains("theirs"), "{text}");
        assert_eq!(logged("off", say), "", "and then there is no file");
    }

    #[test]
    fn a_log_that_cannot_be_written_says_so_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let (said, heard) = channel();
        let log = Log::open(LogFile::new(&file), LogFilter::default(), move |why| said.send(why.to_owned()).unwrap());
        let log = log.unwrap();
        log.queue("one".to_owned());
        log.queue("two".to_owned());
        drop(log);
        let all: Vec<String> = heard.iter().collect();
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("no log: "), "{all:?}");
    }
}
