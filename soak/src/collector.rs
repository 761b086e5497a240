//! A collector in a process of its own that does as little as an honest one can: it reads each request
//! to its end, counts what is in it and answers. OTLP over HTTP, protobuf, plain or gzip.
//!
//! It counts by walking over the outer messages: a span is a field of a field of a field of a request,
//! and nobody needs to look into it to count it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use clap::ValueEnum;
use flate2::read::GzDecoder;

use super::process;

/// How it feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mood {
    /// It takes what comes
    Accepts,
    /// It takes what comes, a tenth of a second later
    Slow,
    /// It answers 503
    Busy,
    /// It answers 400
    Refuses,
    /// It reads and never answers
    Hangs,
    /// It closes the connection instead of answering
    Disconnects,
}

/// What has come and was taken, or not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) requests: u64,
    /// As they came over the wire, without heads.
    pub(crate) bytes: u64,
    /// Uncompressed.
    pub(crate) inflated: u64,
}

/// What it has to say in the end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    /// Taken, and the answer written.
    pub(crate) spans: u64,
    pub(crate) log_records: u64,
    pub(crate) data_points: u64,
    pub(crate) traces: Count,
    pub(crate) logs: Count,
    pub(crate) metrics: Count,
    pub(crate) cpu: Duration,
}

impl Report {
    fn numbers(&mut self) -> [&mut u64; 12] {
        [
            &mut self.spans,
            &mut self.log_records,
            &mut self.data_points,
            &mut self.traces.requests,
            &mut self.traces.bytes,
            &mut self.traces.inflated,
            &mut self.logs.requests,
            &mut self.logs.bytes,
            &mut self.logs.inflated,
            &mut self.metrics.requests,
            &mut self.metrics.bytes,
            &mut self.metrics.inflated,
        ]
    }

    fn print(mut self) -> String {
        let cpu = self.cpu.as_nanos();
        let numbers = self.numbers().map(|number| number.to_string());
        format!("{cpu} {}", numbers.join(" "))
    }
}

impl FromStr for Report {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut report = Self::default();
        let mut words = line.split_whitespace().map(str::parse);
        let mut next = || match words.next() {
            Some(Ok(number)) => Ok(number),
            _ => Err(format!("the collector says `{line}`")),
        };
        report.cpu = Duration::from_nanos(next()?);
        for number in report.numbers() {
            *number = next()?;
        }
        Ok(report)
    }
}

/// The process that the collector runs in.
pub(crate) struct Collector {
    process: Child,
    says: BufReader<ChildStdout>,
    /// Closed when it is to end.
    until: Option<ChildStdin>,
    port: u16,
}

impl Collector {
    pub(crate) fn start(mood: Mood) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([
                "--serve",
                mood.to_possible_value()
                    .map_or("accepts".to_owned(), |it| it.get_name().to_owned())
                    .as_str(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let until = process.stdin.take();
        let stdout = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut says = BufReader::new(stdout);
        let mut port = String::new();
        says.read_line(&mut port)?;
        let port = port.trim().parse().map_err(io::Error::other)?;
        Ok(Self {
            process,
            says,
            until,
            port,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What has come, now that nothing comes any more.
    pub(crate) fn end(mut self) -> io::Result<Report> {
        drop(self.until.take());
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        self.process.wait()?;
        line.parse().map_err(io::Error::other)
    }
}

/// Is the collector, until standard input is closed.
pub(crate) fn serve(mood: Mood) -> ExitCode {
    match try_serve(mood) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the collector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_serve(mood: Mood) -> io::Result<()> {
    static REPORT: Mutex<Option<Report>> = Mutex::new(None);

    *REPORT.lock().map_err(poisoned)? = Some(Report::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Whoever goes away is counted as far as it came.
            std::thread::spawn(move || talk(client, mood, &REPORT));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    let report = REPORT.lock().map_err(poisoned)?.take().unwrap_or_default();
    let cpu = process::cpu();
    println!("{}", Report { cpu, ..report }.print());
    Ok(())
}

fn poisoned<T>(_: T) -> io::Error {
    io::Error::other("a thread has panicked")
}

fn talk(client: TcpStream, mood: Mood, report: &Mutex<Option<Report>>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::with_capacity(64 * 1024, client);
    let mut body = Vec::new();
    let mut inflated = Vec::new();
    while let Some(head) = Head::read(&mut client)? {
        body.resize(head.length, 0);
        client.read_exact(&mut body)?;
        let plain = if head.gzip {
            inflated.clear();
            GzDecoder::new(body.as_slice()).read_to_end(&mut inflated)?;
            &inflated
        } else {
            &body
        };
        let items = head.signal.items(plain);
        match mood {
            Mood::Accepts => {}
            Mood::Slow => std::thread::sleep(Duration::from_millis(100)),
            Mood::Hangs => {
                client.read_to_end(&mut body)?;
                return Ok(());
            }
            Mood::Disconnects => return Ok(()),
            Mood::Busy | Mood::Refuses => {
                let status = if mood == Mood::Busy {
                    "503 Busy"
                } else {
                    "400 No"
                };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                client.get_mut().write_all(answer.as_bytes())?;
                continue;
            }
        }
        // The empty message: all of it was accepted.
        client.get_mut().write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        )?;
        if let Some(report) = &mut *report.lock().map_err(poisoned)? {
            let (sum, count) = match head.signal {
                Signal::Traces => (&mut report.spans, &mut report.traces),
                Signal::Logs => (&mut report.log_records, &mut report.logs),
                Signal::Metrics => (&mut report.data_points, &mut report.metrics),
            };
            *sum += items;
            count.requests += 1;
            count.bytes += body.len() as u64;
            count.inflated += plain.len() as u64;
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// How many spans, log records or data points are in a request.
    fn items(self, request: &[u8]) -> u64 {
        let resources = fields(request, |field| field == 1);
        let scopes = resources.flat_map(|resource| fields(resource, |field| field == 2));
        let items = scopes.flat_map(|scope| fields(scope, |field| field == 2));
        match self {
            Self::Traces | Self::Logs => items.count() as u64,
            Self::Metrics => {
                // Gauge, sum, histogram, exponential histogram; their first field is the points.
                let data = items
                    .flat_map(|metric| fields(metric, |field| matches!(field, 5 | 7 | 9 | 10)));
                data.flat_map(|data| fields(data, |field| field == 1))
                    .count() as u64
            }
        }
    }
}

/// The messages in the fields of `message` that are wanted. What is broken has none.
fn fields(mut message: &[u8], wanted: impl Fn(u64) -> bool) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while !message.is_empty() {
            let key = varint(&mut message)?;
            let length = match key & 7 {
                0 => {
                    varint(&mut message)?;
                    continue;
                }
                1 => 8,
                2 => usize::try_from(varint(&mut message)?).ok()?,
                5 => 4,
                _ => return None,
            };
            let (content, rest) = message.split_at_checked(length)?;
            message = rest;
            if key & 7 == 2 && wanted(key >> 3) {
                return Some(content);
            }
        }
        None
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The head of a request.
struct Head {
    signal: Signal,
    length: usize,
    gzip: bool,
}

impl Head {
    fn read(client: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if client.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let signal = match line.split(' ').nth(1) {
            Some("/v1/traces") => Signal::Traces,
            Some("/v1/logs") => Signal::Logs,
            Some("/v1/metrics") => Signal::Metrics,
            other => return Err(io::Error::other(format!("path {other:?}"))),
        };
        let mut head = Self {
            signal,
            length: 0,
            gzip: false,
        };
        loop {
            line.clear();
            client.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                return Ok(Some(head));
            };
            if name.eq_ignore_ascii_case("content-length") {
                head.length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("content-encoding") {
                head.gzip = value.trim() == "gzip";
            }
        }
    }
}
