//! What `mldeck sandbox serve` bears: `cargo bench --bench serve [-- --quick]`.
//!
//! A load generator of our own sends `DescribeEndpoint` at a fixed rate over connections that are kept. A request counts
//! from the moment it was due, not from when it could be sent, so that a server that falls behind shows it. Then moto's
//! server, in the same run, as fast as it can. The server's CPU is told apart from the generator's. Ends with 1 when the
//! budget is missed: 1,000 requests a second, 99 of 100 within 10 ms.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a measurement that cannot be made ends the run")]
#![allow(clippy::print_stdout, reason = "the table is the product")]

#[path = "../tests/support/peers.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with tests/peers")]
mod peers;

use std::{process::ExitCode, sync::Arc, time::Duration};

use mldeck::run::clock;
use peers::{Peers, Served};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

const RATE: u32 = 1_000;
const BUDGET: Duration = Duration::from_millis(10);
const CONNECTIONS: u32 = 32;

fn main() -> ExitCode {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let seconds = if quick { 3 } else { 20 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("| server | requests | a second | median ms | p99 ms | most ms | CPU of the server |");
    println!("|---|---|---|---|---|---|---|");

    let ours = Served::sandbox("quiet-night", 1);
    runtime.block_on(load(&ours, "fraud-prod", RATE, RATE));
    let steady = runtime.block_on(load(&ours, "fraud-prod", RATE * seconds, RATE));
    steady.print("sandbox, 1,000 a second");
    runtime.block_on(load(&ours, "fraud-prod", RATE * seconds, u32::MAX)).print("sandbox, as fast as it can");

    if let Some(peers) = Peers::find() {
        let moto = peers.moto();
        peers.script("fill.py", &moto.address, &[]);
        runtime.block_on(load(&moto, "pricing-prod", 100 * seconds, u32::MAX)).print("moto, as fast as it can");
    }
    let held = steady.rate() >= f64::from(RATE) * 0.99 && steady.quantile(0.99) <= BUDGET;
    println!("\n1,000 requests a second, 99 of 100 within 10 ms: {}", if held { "held" } else { "MISSED" });
    ExitCode::from(u8::from(!held))
}

/// What was measured.
struct Measured {
    /// Sorted.
    took: Vec<Duration>,
    in_all: Duration,
    cpu: f64,
}

impl Measured {
    fn rate(&self) -> f64 {
        self.took.len() as f64 / self.in_all.as_secs_f64()
    }

    fn quantile(&self, q: f64) -> Duration {
        self.took[((self.took.len() - 1) as f64 * q) as usize]
    }

    fn print(&self, what: &str) {
        let millis = |q: f64| self.quantile(q).as_secs_f64() * 1_000.0;
        let (n, rate, cpu) = (self.took.len(), self.rate(), self.cpu / self.in_all.as_secs_f64() * 100.0);
        println!(
            "| {what} | {n} | {rate:.0} | {:.2} | {:.2} | {:.2} | {cpu:.0} % |",
            millis(0.5),
            millis(0.99),
            millis(1.0)
        );
    }
}

/// Sends `count` requests at `rate` a second, or each connection one after the other when there is no rate.
async fn load(server: &Served, endpoint: &str, count: u32, rate: u32) -> Measured {
    let address: Arc<str> = server.address.trim_start_matches("http://").into();
    let request: Arc<[u8]> = request(&address, endpoint).into();
    let paced = rate != u32::MAX;
    let before = cpu(server.pid());
    let start = clock::instant();
    let mut tasks = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (address, request) = (Arc::clone(&address), Arc::clone(&request));
        tasks.spawn(async move {
            let mut stream = None;
            let mut took = Vec::new();
            let mut answer = Vec::new();
            for n in (connection..count).step_by(CONNECTIONS as usize) {
                let due = if paced { start + Duration::from_secs(1) * n / rate } else { clock::instant() };
                let early = due.saturating_duration_since(clock::instant());
                if !early.is_zero() {
                    tokio::time::sleep(early).await;
                }
                let mut open = match stream.take() {
                    Some(open) => open,
                    None => connect(&address).await,
                };
                let stays = exchange(&mut open, &request, &mut answer).await;
                stream = stays.then_some(open);
                took.push(clock::instant().saturating_duration_since(due));
            }
            took
        });
    }
    let mut took: Vec<Duration> = tasks.join_all().await.concat();
    let in_all = clock::instant().saturating_duration_since(start);
    took.sort();
    Measured { took, in_all, cpu: cpu(server.pid()) - before }
}

fn request(address: &str, endpoint: &str) -> Vec<u8> {
    let body = format!("{{\"EndpointName\": \"{endpoint}\"}}");
    format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: SageMaker.DescribeEndpoint\r\nx-amz-date: 20261123T022410Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=sandbox/20261123/eu-west-1/sagemaker/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("it connects");
    stream.set_nodelay(true).expect("an option");
    stream
}

/// One request, and its answer to the last byte; it must be the endpoint. False when the connection is at its end.
async fn exchange(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) -> bool {
    stream.write_all(request).await.expect("it is sent");
    answer.clear();
    let (whole, stays) = loop {
        assert!(stream.read_buf(answer).await.expect("it is read") > 0, "the connection ended");
        let Some(head) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
        let stays = !text.contains("connection: close");
        break (head + 4 + length.trim().parse::<usize>().expect("a number"), stays);
    };
    while answer.len() < whole {
        assert!(stream.read_buf(answer).await.expect("it is read") > 0, "the connection ended");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(answer));
    stays
}

/// Seconds of CPU that a process has had.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let after = stat.rsplit_once(") ").expect("its name").1;
    let ticks = |n: usize| after.split(' ').nth(n).and_then(|field| field.parse::<f64>().ok()).expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}
