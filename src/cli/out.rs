//! The only place that prints. Text from outside comes here escaped; a closed pipe is a normal end.

use std::io::{self, Write};

/// Writes to standard output; a reader that went away (`| head`) is no error.
pub fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes one line to standard error; where that fails nothing can be said any more.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
