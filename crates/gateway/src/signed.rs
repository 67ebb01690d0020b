//! Requests that we sign ourselves, on the same HTTP client and hence through the gate: S3, and what a fake offers in
//! another protocol than the SDK speaks.

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorSettings},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use bytes::{Bytes, BytesMut};
use mldeck_core::fault::{Fault, FaultKind};
use serde_json::Value;

use crate::{
    Gateway,
    fault::{self, Doing, Said},
    session, wire,
};

/// What AWS's hosts of a region end with.
pub(crate) fn domain(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ];
    OTHERS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("amazonaws.com", |(_, domain)| domain)
}

/// The largest answer that is read.
pub(crate) const LARGEST: usize = 8 * 1024 * 1024;

pub(crate) struct Plain {
    pub(crate) method: &'static str,
    pub(crate) address: String,
    /// Signing name.
    pub(crate) service: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Gateway {
    /// Signs and sends; an error answer becomes a fault. Once, without retries.
    pub(crate) async fn send_plain(&self, plain: Plain, doing: Doing) -> Result<HttpResponse, Fault> {
        let request = self.signed_request(plain, doing).await?;
        let answer = self.transmit(request, doing).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(error_of(answer, doing).await)
    }

    pub(crate) async fn signed_request(&self, plain: Plain, doing: Doing) -> Result<HttpRequest, Fault> {
        let bug = |error: &dyn std::fmt::Display| Fault::new(FaultKind::Bug, doing.words, &error.to_string());
        let clients = self.clients();
        let uri = plain.address.parse::<http::Uri>().map_err(|error| bug(&error))?;
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let mut settings = SigningSettings::default();
        if plain.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = clients.credentials(self.now()).await?.into();
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(self.now().millis()).unwrap_or_default());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&clients.region)
            .name(plain.service)
            .time(at)
            .settings(settings)
            .build()
            .map_err(|error| bug(&error))?
            .into();
        let headers = plain.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(
            plain.method,
            &plain.address,
            headers.chain([("host", host.as_str())]),
            SignableBody::Bytes(&plain.body),
        )
        .map_err(|error| bug(&error))?;
        let (instructions, _) = sign(signable, &params).map_err(|error| bug(&error))?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(plain.body));
        request.set_method(plain.method).map_err(|error| bug(&error))?;
        request.set_uri(plain.address.as_str()).map_err(|error| bug(&error))?;
        for (name, value) in plain.headers {
            request.headers_mut().insert(name, value);
        }
        request.headers_mut().insert("user-agent", concat!("app/mldeck mldeck/", env!("CARGO_PKG_VERSION")));
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }

    pub(crate) async fn transmit(&self, request: HttpRequest, doing: Doing) -> Result<HttpResponse, Fault> {
        let limits = session::timeouts();
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(limits.connect_timeout().unwrap_or_default())
            .read_timeout(limits.read_timeout().unwrap_or_default())
            .build();
        if self.wire.connector(&settings).is_none() {
            self.verify().await?;
        }
        let connector = self
            .wire
            .connector(&settings)
            .ok_or_else(|| Fault::new(FaultKind::Bug, doing.words, "no call was made yet"))?;
        let limit = limits.operation_attempt_timeout().unwrap_or_default();
        tokio::time::timeout(limit, connector.call(request))
            .await
            .map_err(|_| Fault::new(FaultKind::Timeout, doing.words, ""))?
            .map_err(|error| fault::from_connector(&error, doing))
    }
}

/// What an error answer says.
pub(crate) async fn error_of(answer: HttpResponse, doing: Doing) -> Fault {
    let (status, request_id, retry_after) =
        (answer.status().as_u16(), wire::request_id(&answer), fault::retry_after(&answer));
    // REST services say it here, `Code:http://…`, and not in the body.
    let named = answer.headers().get("x-amzn-errortype").unwrap_or_default().to_owned();
    let page = body(answer, doing).await.unwrap_or_default();
    let (code, message) = error_in(&String::from_utf8_lossy(&page));
    let code = if code.is_empty() { named.split(':').next().unwrap_or_default().to_owned() } else { code };
    let said = Said { status, code: &code, message: &message };
    Fault { request_id, retry_after, ..fault::from_answer(&said, doing) }
}

/// The whole body, up to [`LARGEST`].
pub(crate) async fn body(answer: HttpResponse, doing: Doing) -> Result<Bytes, Fault> {
    let announced = answer.headers().get("content-length").and_then(|length| length.parse::<usize>().ok());
    let too_large = || {
        let message = format!("it is larger than {} MiB", LARGEST >> 20);
        Fault::new(FaultKind::Unreadable, doing.words, &message)
    };
    if announced.is_some_and(|length| length > LARGEST) {
        return Err(too_large());
    }
    let mut stream = ByteStream::new(answer.into_body());
    let mut out = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Fault::new(FaultKind::Network, doing.words, "the connection broke off"))?;
        if out.len() + chunk.len() > LARGEST {
            return Err(too_large());
        }
        out.extend_from_slice(&chunk);
    }
    Ok(out.freeze())
}

/// Code and message of an error document in XML or JSON; empty when there are none.
fn error_in(page: &str) -> (String, String) {
    if let Ok(value) = serde_json::from_str::<Value>(page) {
        let string = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = string("message").or_else(|| string("Message")).unwrap_or_default();
        return (string("__type").unwrap_or_default(), message);
    }
    let element = |name: &str| {
        let text = page.split_once(&format!("<{name}>"))?.1.split('<').next()?;
        Some(text.to_owned())
    };
    (element("Code").unwrap_or_default(), element("Message").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_documents_are_read_leniently() {
        let cases = [
            (
                "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>",
                ("NoSuchKey", "gone"),
            ),
            ("{\"__type\": \"ns#Bad\", \"Message\": \"no\"}", ("ns#Bad", "no")),
            ("", ("", "")),
            ("<Code>", ("", "")),
            ("[1]", ("", "")),
        ];
        for (page, (code, message)) in cases {
            assert_eq!(error_in(page), (code.to_owned(), message.to_owned()), "{page}");
        }
    }
}
