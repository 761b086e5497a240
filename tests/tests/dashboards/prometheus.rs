//! A Prometheus of the test's own, and what it scrapes.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::exposition::Page;

/// Nothing here has a reason to take longer.
const FAR_TOO_LONG: Duration = Duration::from_secs(90);

/// Serves pages under their names, each as if its program ran once more before each scrape.
pub(crate) fn serve(pages: Vec<(&'static str, Page)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut pages: Vec<_> = pages
        .into_iter()
        .map(|(name, page)| (name, page, 0))
        .collect();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever goes away, or asks for something else, gets nothing.
            let _ = answer(&stream, &mut pages);
        }
    });
    address
}

fn answer(mut stream: &TcpStream, pages: &mut [(&str, Page, u32)]) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = BufReader::new(stream).lines();
    let asked = head.next().transpose()?.unwrap_or_default();
    while head
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let asked = asked.split(' ').nth(1).unwrap_or_default();
    let Some((_, page, runs)) = pages.iter_mut().find(|(name, ..)| asked[1..] == **name) else {
        return Ok(());
    };
    *runs += 1;
    let text = page.text(*runs);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

/// A server that runs until it is dropped, on a loopback address.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Scrapes each job's page, and evaluates the rules, once a second.
    pub(crate) fn start(program: &Path, rules: &Path, jobs: &[&str], pages: SocketAddr) -> Self {
        let scrapes: Vec<Value> = jobs
            .iter()
            .map(|job| {
                json!({
                    "job_name": job,
                    "metrics_path": format!("/{job}"),
                    "static_configs": [{ "targets": [pages.to_string()] }],
                })
            })
            .collect();
        let config = json!({
            "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
            "rule_files": [rules],
            "scrape_configs": scrapes,
        });
        // Somebody may take the port before the server does.
        for _ in 0..5 {
            if let Some(server) = Self::try_start(program, &config) {
                return server;
            }
        }
        panic!("Prometheus does not start");
    }

    fn try_start(program: &Path, config: &Value) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        // The port is free again once it is known.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|it| it.local_addr())
            .unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("prometheus.yml"), config.to_string()).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new(program)
            .current_dir(dir.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            address,
            dir,
        };
        let begun = Instant::now();
        while server.get("/-/ready").is_err() {
            if server.child.try_wait().unwrap().is_some() {
                eprintln!("{}", server.log());
                return None;
            }
            assert!(begun.elapsed() < FAR_TOO_LONG, "{}", server.log());
            thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < FAR_TOO_LONG, "{what}: {}", self.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What a query gives: each series' labels and its value.
    #[track_caller]
    pub(crate) fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let data = self.api(&format!("query?query={}", encoded(query)));
        assert_eq!(data["resultType"], "vector", "{query}");
        let result = data["result"].as_array().unwrap().iter();
        result
            .map(|it| {
                (
                    it["metric"].clone(),
                    it["value"][1].as_str().unwrap().parse().unwrap(),
                )
            })
            .collect()
    }

    /// What a call of the API gives.
    #[track_caller]
    pub(crate) fn api(&self, call: &str) -> Value {
        let answer = self.get(&format!("/api/v1/{call}")).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{call}: {answer}");
        answer["data"].clone()
    }

    /// The body of an answer, unless the server is not ready.
    fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(FAR_TOO_LONG))?;
        // Of this version, so that the answer comes in one piece and ends with the connection.
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status == "503" {
            return Err(io::Error::other("not ready"));
        }
        Ok(body.to_owned())
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}
