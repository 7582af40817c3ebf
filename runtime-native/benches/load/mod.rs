//! A small load generator: raw HTTP/1.1 over connections that are kept, requests written beforehand, one answer awaited before the next request.

#![allow(dead_code, unreachable_pub, reason = "each bench uses its part of this")]

pub mod bare;
pub mod wrk;

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
    process::Pid,
};

/// What to ask, and of whom.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    /// Asked in turn; each connection begins at another one.
    pub requests: Arc<Vec<Vec<u8>>>,
    /// How many bytes an answer's body has.
    pub body: usize,
    pub connections: usize,
    /// The generator's own threads.
    pub threads: usize,
}

/// What asking came to, over one turn or several.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The nanoseconds of each request.
    pub times: Vec<u32>,
    pub seconds: f64,
    /// User and system time of the asked process, in microseconds.
    pub cpu_micros: f64,
}

impl Asked {
    pub fn add(&mut self, turn: Self) {
        self.times.extend(turn.times);
        self.seconds += turn.seconds;
        self.cpu_micros += turn.cpu_micros;
    }

    pub fn round(mut self) -> Round {
        self.times.sort_unstable();
        let requests = f64::from(u32::try_from(self.times.len()).unwrap());
        let last = self.times.len() - 1;
        let at = |percent: usize| f64::from(self.times[(last * percent).div_ceil(100)]) / 1e6;
        Round {
            per_second: requests / self.seconds,
            cpu_micros: self.cpu_micros / requests,
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}

/// The figures of one round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub per_second: f64,
    /// Of the asked process, a request.
    pub cpu_micros: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Load {
    /// Asks without pause for `span`, and looks at what that costs the process `pid`.
    pub fn run(&self, span: Duration, pid: Pid) -> Asked {
        let (before, began) = (cpu_micros(pid), Instant::now());
        let times = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|number| scope.spawn(move || self.run_thread(number, began + span)))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        Asked { times, seconds: began.elapsed().as_secs_f64(), cpu_micros: cpu_micros(pid) - before }
    }

    /// The nanoseconds of each request of this thread's connections.
    fn run_thread(&self, number: usize, end: Instant) -> Vec<u32> {
        let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        let mine = (number..self.connections).step_by(self.threads);
        let mut connections: Vec<_> = mine.map(|connection| Connection::open(self, connection)).collect();
        for (index, connection) in connections.iter_mut().enumerate() {
            let data = EventData::new_u64(u64::try_from(index).unwrap());
            epoll::add(&poll, &connection.stream, data, EventFlags::IN).unwrap();
            connection.ask(self);
        }
        let mut times = Vec::with_capacity(1 << 20);
        let mut events = Vec::with_capacity(self.connections);
        while Instant::now() < end {
            events.clear();
            epoll::wait(&poll, spare_capacity(&mut events), Some(&WAIT)).unwrap();
            assert!(!events.is_empty(), "nothing is answered any more");
            for event in &events {
                let connection = &mut connections[usize::try_from(event.data.u64()).unwrap()];
                if connection.take(self) {
                    times.push(u32::try_from(connection.asked_at.elapsed().as_nanos()).unwrap_or(u32::MAX));
                    connection.ask(self);
                }
            }
        }
        times
    }

    /// The body's length is known, so the end of the head has one place to be.
    fn is_whole(&self, answer: &[u8]) -> bool {
        if !answer.starts_with(b"HTTP/1.1 200") {
            // What is no success is shown as it is.
            return answer.len() > 12;
        }
        let head = answer.len().saturating_sub(self.body);
        answer[..head].ends_with(b"\r\n\r\n")
    }
}

/// How long every connection may wait for its answer at the same time.
const WAIT: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// One connection, with the answer that it is waiting for.
struct Connection {
    stream: TcpStream,
    next: usize,
    asked_at: Instant,
    answer: Vec<u8>,
    filled: usize,
}

impl Connection {
    fn open(load: &Load, number: usize) -> Self {
        let stream = TcpStream::connect(load.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let next = number * load.requests.len() / load.connections;
        Self { stream, next, asked_at: Instant::now(), answer: vec![0; 16_384], filled: 0 }
    }

    /// Sends the next request, for which the socket always has room: there is never more than one.
    fn ask(&mut self, load: &Load) {
        (self.asked_at, self.filled) = (Instant::now(), 0);
        self.stream.write_all(&load.requests[self.next]).unwrap();
        self.next = (self.next + 1) % load.requests.len();
    }

    /// Takes what has arrived, and tells whether that is the whole answer.
    fn take(&mut self, load: &Load) -> bool {
        match self.stream.read(&mut self.answer[self.filled..]) {
            Ok(read) => {
                assert!(read > 0, "the server closed the connection");
                self.filled += read;
            }
            Err(error) => assert!(error.kind() == ErrorKind::WouldBlock, "{error}"),
        }
        let answer = &self.answer[..self.filled];
        let whole = load.is_whole(answer);
        assert!(
            !whole || answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer[..self.filled.min(1_024)])
        );
        whole
    }
}

/// User and system time that a process has used. Linux counts in hundredths of a second.
pub fn cpu_micros(pid: Pid) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) * 10_000.0
}
