//! Event streams of AWS: messages of headers and a payload, each with its lengths and checksums before and behind.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::respond;

const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// An answer goes on: what follows is asked for at this path, until it is gone.
#[derive(Clone, Debug)]
pub(crate) struct Follows(pub(crate) String);

/// The answer that begins a stream.
pub(super) fn begin(path: String, first: Vec<u8>) -> Response<Bytes> {
    let mut body = event("initial-response", &Value::Object(serde_json::Map::new()));
    body.extend(first);
    let mut response = respond(200, CONTENT_TYPE, body);
    response.extensions_mut().insert(Follows(path));
    response
}

pub(crate) fn event(name: &str, payload: &Value) -> Vec<u8> {
    message("event", "event-type", name, payload)
}

/// The last message of a stream that ends with an error of its model.
pub(crate) fn exception(name: &str, payload: &Value) -> Vec<u8> {
    message("exception", "exception-type", name, payload)
}

fn message(kind: &str, named: &str, name: &str, payload: &Value) -> Vec<u8> {
    const TEXT: u8 = 7;
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (header, value) in [("message-type", kind), (named, name), ("content-type", "application/json")] {
        headers.push(header.len() as u8 + 1);
        headers.push(b':');
        headers.extend(header.as_bytes());
        headers.push(TEXT);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let total = headers.len() + payload.len() + 16;
    let mut out = Vec::with_capacity(total);
    out.extend((total as u32).to_be_bytes());
    out.extend((headers.len() as u32).to_be_bytes());
    out.extend(checksum(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload.as_bytes());
    out.extend(checksum(&out).to_be_bytes());
    out
}

/// CRC-32 as Ethernet has it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_carries_its_lengths_and_checksums() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        let message = event("sessionUpdate", &json!({"a": 1}));
        let word = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap());
        assert_eq!(word(0) as usize, message.len());
        assert_eq!(word(8), checksum(&message[..8]));
        assert_eq!(word(message.len() - 4), checksum(&message[..message.len() - 4]));
        let payload = 12 + word(4) as usize;
        assert_eq!(&message[payload..message.len() - 4], br#"{"a":1}"#);
        assert_eq!(&message[12..26], b"\x0d:message-type");
    }
}
