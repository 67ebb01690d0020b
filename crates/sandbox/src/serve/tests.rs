use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    sync::Mutex,
};

use serde_json::json;

use super::*;
use crate::{
    World,
    faults::{Kind, Rule},
    testkit,
};

/// A server on a free port, with its world, for as long as the sender lives.
struct Running {
    runtime: tokio::runtime::Runtime,
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = testkit::world("quiet-night");
        let now = world.now();
        let world = Arc::new(Mutex::new(world));
        let server = runtime.block_on(Server::bind((Ipv4Addr::LOCALHOST, 0).into(), false)).unwrap();
        let address = server.address();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = Arc::clone(&world);
        #[expect(clippy::disallowed_methods, reason = "a test owns its runtime and its one task")]
        let task = runtime.handle().spawn(server.run(
            move |request| {
                let mut world = served.lock().unwrap();
                world.advance_to(now);
                world.deliver(request)
            },
            async {
                let _ = stopped.await;
            },
        ));
        Self { runtime, address, world, stop: Some(stop), task: Some(task) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }
}

fn send(stream: &mut TcpStream, operation: &str, body: &str) {
    let authorization = testkit::authorization("sagemaker");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\nx-amz-target: SageMaker.{operation}\r\n\
         content-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
}

/// One answer off a connection that stays open: status line, headers, body by its length.
fn receive(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut raw = Vec::new();
    let mut byte = [0];
    while !raw.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap() == 0 {
            return None;
        }
        raw.push(byte[0]);
    }
    let head = String::from_utf8(raw).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    Some((head, String::from_utf8(body).unwrap()))
}

#[test]
fn two_requests_on_one_connection() {
    let server = Running::start();
    let mut stream = server.connect();
    send(&mut stream, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}).to_string());
    let (head, body) = receive(&mut stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.to_lowercase().contains("x-amzn-requestid: "), "{head}");
    assert!(body.contains("\"EndpointConfigName\":\"fraud-v17-a\""), "{body}");
    send(&mut stream, "DescribeEndpoint", &json!({"EndpointName": "nobody"}).to_string());
    let (head, body) = receive(&mut stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(body.contains("Could not find endpoint"), "{body}");
}

#[test]
fn a_lost_answer_is_a_closed_connection_and_an_effect() {
    let server = Running::start();
    server.world.lock().unwrap().faults().add(Rule::once("DeleteEndpoint", Kind::LostResponse));
    let mut stream = server.connect();
    send(&mut stream, "DeleteEndpoint", &json!({"EndpointName": "fraud-prod"}).to_string());
    assert_eq!(receive(&mut stream), None);
    let mut stream = server.connect();
    send(&mut stream, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}).to_string());
    let (_, body) = receive(&mut stream).unwrap();
    assert!(body.contains("\"EndpointStatus\":\"Deleting\""), "{body}");
}

#[test]
fn a_body_without_end_is_refused() {
    let server = Running::start();
    let mut stream = server.connect();
    stream
        .write_all(format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", MOST_BODY + 1).as_bytes())
        .unwrap();
    let chunk = vec![b' '; 64 * 1024];
    // The server may answer and close before all of it was sent.
    while stream.write_all(&chunk).is_ok() {}
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
    // It serves on.
    let mut stream = server.connect();
    send(&mut stream, "ListEndpoints", "{}");
    assert!(receive(&mut stream).unwrap().0.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_stop_ends_the_server() {
    let mut server = Running::start();
    drop(server.stop.take());
    server.runtime.block_on(server.task.take().unwrap()).unwrap();
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn only_loopback_without_asking() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(Server::bind((Ipv4Addr::UNSPECIFIED, 0).into(), false));
    assert!(matches!(refused, Err(ServeError::NotLoopback(_))));
}
