//! S3 without its crate: signed GET, HEAD and ListObjectsV2 on the same HTTP client, hence through the gate.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use mldeck_core::fault::{Fault, FaultKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    Gateway,
    fault::Doing,
    pace::Service,
    signed::{Plain, body, domain},
};

pub(crate) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Bucket and key of `s3://bucket/key`.
pub(crate) fn parse(uri: &str) -> Option<(&str, &str)> {
    let (bucket, key) = uri.strip_prefix("s3://")?.split_once('/').unwrap_or((uri.strip_prefix("s3://")?, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (!bucket.is_empty() && bucket.chars().all(plain)).then_some((bucket, key))
}

struct Ask<'a> {
    method: &'static str,
    operation: &'static str,
    words: &'static str,
    bucket: &'a str,
    key: &'a str,
    /// Encoded.
    query: String,
}

impl Ask<'_> {
    const fn doing(&self) -> Doing {
        Doing { prefix: "s3", operation: self.operation, words: self.words }
    }

    /// Path style behind an address of one's own, in the sandbox, and for names with dots (no certificate fits those).
    fn address(&self, endpoint: Option<&str>, region: &str, by_path: bool) -> String {
        let key = utf8_percent_encode(self.key, PATH);
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        let domain = domain(region);
        match endpoint {
            Some(endpoint) => format!("{}/{}/{key}{query}", endpoint.trim_end_matches('/'), self.bucket),
            None if by_path || self.bucket.contains('.') => {
                format!("https://s3.{region}.{domain}/{}/{key}{query}", self.bucket)
            }
            None => format!("https://{}.s3.{region}.{domain}/{key}{query}", self.bucket),
        }
    }
}

impl Gateway {
    /// The whole object, up to `LARGEST`.
    pub(crate) async fn object(&self, uri: &str) -> Result<Bytes, Fault> {
        let words = "reading a report";
        let (bucket, key) = parse(uri).ok_or_else(|| Fault::new(FaultKind::Invalid, words, "no S3 address"))?;
        let ask = Ask { method: "GET", operation: "GetObject", words, bucket, key, query: String::new() };
        self.paced(Service::Storage, ask.doing(), async {
            let answer = self.signed(&ask).await?;
            body(answer, ask.doing()).await
        })
        .await
    }

    /// Whether the object is there. Without `s3:ListBucket` a missing object is *denied*: that is no answer.
    pub(crate) async fn object_exists(&self, uri: &str) -> Result<bool, Fault> {
        let words = "checking a model's data";
        let (bucket, key) = parse(uri).ok_or_else(|| Fault::new(FaultKind::Invalid, words, "no S3 address"))?;
        if key.is_empty() || key.ends_with('/') {
            let prefix = utf8_percent_encode(key, QUERY);
            let query = format!("list-type=2&max-keys=1&prefix={prefix}");
            let ask = Ask { method: "GET", operation: "ListObjectsV2", words, bucket, key: "", query };
            let listed = self.paced(Service::Storage, ask.doing(), async {
                let answer = self.signed(&ask).await?;
                body(answer, ask.doing()).await
            });
            return Ok(contains(&listed.await?, b"<Key>"));
        }
        let ask = Ask { method: "HEAD", operation: "HeadObject", words, bucket, key, query: String::new() };
        let found = self.paced(Service::Storage, ask.doing(), self.signed(&ask)).await;
        match found {
            Ok(_) => Ok(true),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    async fn signed(&self, ask: &Ask<'_>) -> Result<HttpResponse, Fault> {
        let clients = self.clients();
        let endpoint = clients.endpoint_url("S3");
        let request = Plain {
            method: ask.method,
            address: ask.address(endpoint.as_deref(), &clients.region, self.connect.http.is_some()),
            service: "s3",
            headers: Vec::new(),
            body: Bytes::new(),
        };
        self.send_plain(request, ask.doing()).await
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_style_and_path_style_where_that_cannot_be() {
        let ask =
            |bucket, key| Ask { method: "GET", operation: "GetObject", words: "", bucket, key, query: String::new() };
        let cases = [
            (ask("models", "a/b c+d.json"), None, "https://models.s3.eu-west-1.amazonaws.com/a/b%20c%2Bd.json"),
            (ask("my.models", "k"), None, "https://s3.eu-west-1.amazonaws.com/my.models/k"),
            (ask("models", "k"), Some("http://127.0.0.1:5000/"), "http://127.0.0.1:5000/models/k"),
        ];
        for (ask, endpoint, expected) in cases {
            assert_eq!(ask.address(endpoint, "eu-west-1", false), expected);
        }
    }

    #[test]
    fn only_s3_addresses_are_taken_apart() {
        assert_eq!(parse("s3://b/a/c.json"), Some(("b", "a/c.json")));
        assert_eq!(parse("s3://b"), Some(("b", "")));
        for wrong in ["", "s3://", "s3:///k", "https://b/k", "s3://evil.com@b/k", "s3://b c/k"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
