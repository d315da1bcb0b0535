//! The program as a process: started, watched, killed.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Where a program runs: its folder, its settings, its port, and everything that it has said.
pub struct Place {
    pub data: PathBuf,
    pub log: PathBuf,
    pub settings: Vec<(&'static str, String)>,
    pub arguments: Vec<&'static str>,
    /// What questions are asked with, where the program asks for it.
    pub token: Option<String>,
    /// Of the API; senders follow it when it changes.
    pub port: Arc<AtomicU16>,
}

pub struct Program {
    child: Child,
}

impl Place {
    pub fn new(folder: &Path, settings: &[(&'static str, &str)]) -> Self {
        Self {
            data: folder.join("data"),
            log: folder.join("log"),
            settings: settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            arguments: Vec::new(),
            token: None,
            port: Arc::new(AtomicU16::new(free_ports())),
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.load(Ordering::SeqCst))
    }

    /// The JSON of an answer of 200.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let mut request = client().get(format!("{}{path}", self.url())).timeout(Duration::from_secs(30));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.ok()?;
        (answer.status() == 200).then_some(serde_json::from_slice(&answer.bytes().await.ok()?).ok()?)
    }

    /// Starts a process, which may not answer yet.
    pub fn spawn(&self) -> Program {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
        let port = self.port.load(Ordering::SeqCst).to_string();
        command.args(["serve", "--port", &port, "--data-dir"]).arg(&self.data).args(&self.arguments);
        command.envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        // On the embedded engine: what is proved here includes it.
        command.env_remove("FINCOACH_DYNAMODB");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Program { child: command.spawn().unwrap() }
    }

    /// Starts a process and waits until it answers; on other ports where somebody took these.
    pub async fn start(&self) -> Program {
        for _ in 0..5 {
            let mut program = self.spawn();
            if program.answers(self).await {
                return program;
            }
            self.port.store(free_ports(), Ordering::SeqCst);
        }
        panic!("the program does not start: {}", std::fs::read_to_string(&self.log).unwrap());
    }

    /// Lines of the log that hold `text`.
    pub fn said(&self, text: &str) -> Vec<String> {
        let log = std::fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl Program {
    /// Waits until it answers; `false` if it has ended instead.
    pub async fn answers(&mut self, place: &Place) -> bool {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.is_running() {
            assert!(Instant::now() < deadline, "the program does not answer for two minutes");
            if place.get("/coaching/continuous-learning/health").await.is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        assert!(self.is_running(), "the program ended by itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn memory(&self) -> Option<f64> {
        memory(self.id())
    }
}

/// A test that fails leaves no process behind.
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A test that fails shows what the program said last.
impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(&self.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the log ends:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// Resident memory of a process in MB.
pub fn memory(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}

/// Four free ports in a row: API, S3, DynamoDB, bus.
fn free_ports() -> u16 {
    loop {
        let port = rand::random_range(20_000..32_000u16);
        if (port..port + 4).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Waits until every dataset is at rest, as the API tells it.
pub async fn settled(place: &Place) {
    let deadline = Instant::now() + Duration::from_secs(1_800);
    let mut quiet = 0;
    while quiet < 3 {
        assert!(Instant::now() < deadline, "the datasets do not come to rest");
        let datasets = place.get("/coaching/continuous-learning/datasets").await;
        let rests = |dataset: &Value| match dataset["state"].as_str() {
            Some("collecting") => dataset["threshold_reached"] == false,
            Some("blocked") => true,
            _ => false,
        };
        let all = datasets.is_some_and(|datasets| datasets["datasets"].as_array().unwrap().iter().all(rests));
        quiet = if all { quiet + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
