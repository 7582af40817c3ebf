//! Writes log lines on a thread of its own, so that a slow terminal or a full pipe holds up nobody.
//!
//! Whoever logs copies a line into a buffer; the thread takes the whole buffer, writes it, and rests a moment before it looks again. Without the rest a busy
//! server would wake the thread for each line, which costs both of them more than the line does.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait: some thousands of lines. Lines beyond it are dropped, and counted.
const MOST_WAITING: usize = 1_024 * 1_024;
/// What a buffer keeps of its memory when it has been written: as much as a busy server logs while the thread rests.
const KEPT: usize = 256 * 1_024;
/// How long the thread rests after it has written, and so how late a line may be.
const REST: Duration = Duration::from_millis(5);
/// How long to wait at the end for a reader that doesn't read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Hands lines over to the thread that writes them.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    ended: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    dropped: u64,
    end: bool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes out what is waiting when it is dropped.
pub(crate) struct Flush {
    shared: Arc<Shared>,
    written: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the thread. `notice` is the line that says how many lines were dropped.
pub(super) fn start(to: impl Write + Send + 'static, notice: fn(u64) -> String) -> (Lines, Flush) {
    let shared = Arc::new(Shared::default());
    let (done, written) = sync_channel(1);
    let taken = Arc::clone(&shared);
    let thread = thread::Builder::new()
        .name("logs".to_owned())
        .spawn(move || {
            write_lines(&taken, to, notice);
            let _ = done.send(());
        })
        .ok();
    (Lines(Arc::clone(&shared)), Flush { shared, written, thread })
}

fn write_lines(shared: &Shared, mut to: impl Write, notice: fn(u64) -> String) {
    let mut batch = Vec::new();
    loop {
        let mut waiting = shared
            .arrived
            .wait_while(shared.waiting(), |waiting| waiting.bytes.is_empty() && !waiting.end)
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut batch, &mut waiting.bytes);
        let (dropped, end) = (mem::take(&mut waiting.dropped), waiting.end);
        drop(waiting);
        if dropped > 0 {
            batch.extend_from_slice(notice(dropped).as_bytes());
        }
        // There is nowhere left to say that this failed.
        let _ = to.write_all(&batch).and_then(|()| to.flush());
        if end {
            return;
        }
        batch.clear();
        batch.shrink_to(KEPT);
        let rested = shared.ended.wait_timeout_while(shared.waiting(), REST, |waiting| !waiting.end);
        drop(rested);
    }
}

impl Lines {
    /// Takes one whole line, with its end.
    pub(super) fn push(&self, line: &[u8]) {
        let mut waiting = self.0.waiting();
        if waiting.bytes.len() + line.len() > MOST_WAITING {
            waiting.dropped += 1;
            return;
        }
        let first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if first {
            self.0.arrived.notify_one();
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    /// Takes one whole line: the formatter writes each event by a single call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.waiting().end = true;
        self.shared.arrived.notify_one();
        self.shared.ended.notify_one();
        match self.written.recv_timeout(LAST_WORDS) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                let _ = thread.join();
            }
            // Its reader is stuck; what is waiting goes with the process.
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing until it is opened.
    #[derive(Clone, Default)]
    struct Gate(Arc<Taken>);

    #[derive(Default)]
    struct Taken {
        state: Mutex<(bool, Vec<u8>)>,
        opened: Condvar,
    }

    impl Gate {
        fn open(&self) {
            self.0.state.lock().unwrap().0 = true;
            self.0.opened.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.state.lock().unwrap().1.clone()).unwrap()
        }
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let state = self.0.state.lock().unwrap();
            let mut state = self.0.opened.wait_while(state, |state| !state.0).unwrap();
            state.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_waiting_is_written_before_the_end_and_in_order() {
        let to = Gate::default();
        to.open();
        let (mut lines, flush) = start(to.clone(), |lines| format!("{lines} log lines were dropped\n"));
        let mut expected = Vec::new();
        for number in 0..1_000 {
            writeln!(lines, "line {number}").unwrap();
            writeln!(expected, "line {number}").unwrap();
        }
        drop(flush);
        assert!(to.text().as_bytes() == expected, "{}", to.text().len());
    }

    #[test]
    fn a_line_is_written_without_another_one_coming() {
        let to = Gate::default();
        to.open();
        let (lines, flush) = start(to.clone(), |lines| format!("{lines} log lines were dropped\n"));
        for number in 1..=20 {
            lines.push(b"line\n");
            while to.text().len() < 5 * number {
                thread::sleep(Duration::from_millis(1));
            }
        }
        drop(flush);
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_no_waiting() {
        let to = Gate::default();
        let (lines, flush) = start(to.clone(), |lines| format!("{lines} log lines were dropped\n"));
        let line = [b"x".repeat(1_023), b"\n".to_vec()].concat();
        for _ in 0..3 * MOST_WAITING / line.len() {
            lines.push(&line);
        }
        assert!(lines.0.waiting().bytes.len() <= MOST_WAITING);
        to.open();
        drop(flush);
        assert!(to.text().ends_with("log lines were dropped\n"));
    }
}
