//! Writes log lines on a thread of its own, so that a slow terminal or a full pipe holds up nobody.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait. Beyond it lines are dropped, and counted.
const MOST_WAITING: usize = 4_096;
/// How many bytes are written at once at most.
const BATCH_BYTES: usize = 64 * 1_024;
/// How long to wait at the end for a reader that doesn't read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Hands lines over to the thread that writes them.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

enum Message {
    Line(Vec<u8>),
    End,
}

/// Writes out what is queued when it is dropped.
pub(crate) struct Flush {
    queue: SyncSender<Message>,
    written: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the thread. `notice` is the line that says how many lines were dropped.
pub(super) fn start(to: impl Write + Send + 'static, notice: fn(u64) -> String) -> (Lines, Flush) {
    let (queue, lines) = sync_channel(MOST_WAITING);
    let (done, written) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    let thread = thread::Builder::new()
        .name("logs".to_owned())
        .spawn(move || {
            write_lines(&lines, &counter, to, notice);
            let _ = done.send(());
        })
        .ok();
    (Lines { queue: queue.clone(), dropped }, Flush { queue, written, thread })
}

fn write_lines(
    lines: &Receiver<Message>,
    dropped: &AtomicU64,
    mut to: impl Write,
    notice: fn(u64) -> String,
) {
    let mut batch = Vec::with_capacity(1_024);
    let mut end = false;
    while !end {
        let Ok(first) = lines.recv() else { return };
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => batch.extend_from_slice(&line),
                Message::End => end = true,
            }
            next = if batch.len() < BATCH_BYTES { lines.try_recv().ok() } else { None };
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            batch.extend_from_slice(notice(lost).as_bytes());
        }
        // There is nowhere left to say that this failed.
        let _ = to.write_all(&batch).and_then(|()| to.flush());
        batch.clear();
        batch.shrink_to(BATCH_BYTES);
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
        match self.queue.try_send(Message::Line(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let deadline = Instant::now() + LAST_WORDS;
        while let Err(TrySendError::Full(_)) = self.queue.try_send(Message::End) {
            if Instant::now() > deadline {
                // Its reader is stuck; what is queued goes with the process.
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        match self.written.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                let _ = thread.join();
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

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
    fn everything_queued_is_written_before_the_end() {
        let to = Gate::default();
        to.open();
        let (mut lines, flush) = start(to.clone(), |lines| format!("{lines} log lines were dropped\n"));
        for number in 0..1_000 {
            writeln!(lines, "line {number}").unwrap();
        }
        drop(flush);
        assert!(to.text().ends_with("line 999\n"), "{}", to.text().len());
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_no_waiting() {
        let to = Gate::default();
        let (mut lines, flush) = start(to.clone(), |lines| format!("{lines} log lines were dropped\n"));
        for _ in 0..3 * MOST_WAITING {
            lines.write_all(b"line\n").unwrap();
        }
        to.open();
        while !to.text().contains("dropped") {
            lines.write_all(b"line\n").unwrap();
            thread::yield_now();
        }
        drop(flush);
        assert!(to.text().contains("log lines were dropped"));
    }
}
