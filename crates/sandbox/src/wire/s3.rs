//! S3 in path style: objects and listings, as REST XML.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use percent_encoding::percent_decode_str;

use super::{
    http_date,
    query::{escape, pairs},
    respond, text,
};
use serde_json::json;

use crate::world::{ApiError, Request, Service, World, estate, monitor, policy, run, s3::Object, shelf};

/// Largest page of a listing.
const PAGE: usize = 1_000;
/// Largest object that may be put.
const MOST_OBJECT: usize = 5 << 20;

pub(super) fn operation(request: &http::Request<Bytes>) -> &'static str {
    let (_, key) = location(request.uri().path());
    match *request.method() {
        Method::HEAD if key.is_empty() => "HeadBucket",
        Method::HEAD => "HeadObject",
        Method::GET if key.is_empty() => "ListObjectsV2",
        Method::GET => "GetObject",
        Method::PUT => "PutObject",
        _ => "",
    }
}

/// `/bucket/key/with/slashes`, decoded.
fn location(path: &str) -> (String, String) {
    let decoded = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
    decoded.split_once('/').map_or((decoded.clone(), String::new()), |(b, k)| (b.to_owned(), k.to_owned()))
}

pub(super) fn handle(world: &mut World, request: &http::Request<Bytes>, request_id: &str) -> Response<Bytes> {
    let (bucket, key) = location(request.uri().path());
    let place = asked(request, &key);
    monitor::materialize(world, &bucket, &place, !key.is_empty());
    shelf::materialize(world, &bucket, &place);
    run::materialize(world, &bucket, &place);
    let input = json!({"Bucket": bucket, "Key": key});
    let (service, operation, caller) = (Service::S3, operation(request), estate::OPERATOR);
    let asked = Request { service, operation, input: &input, caller, request_id };
    let outcome = if let Err(denied) = policy::permits(world, &asked) {
        Err(denied)
    } else if world.s3.has_bucket(&bucket) {
        match operation {
            "ListObjectsV2" => list(world, request, &bucket),
            "GetObject" => get(world, request, &bucket, &key),
            "HeadObject" => head(world, &bucket, &key),
            "HeadBucket" => Ok(respond(200, "application/xml", Bytes::new())),
            "PutObject" => put(world, request, &bucket, &key),
            _ => Err(ApiError::new(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )),
        }
    } else if *request.method() == Method::PUT && key.is_empty() {
        create(world, &bucket)
    } else {
        Err(ApiError::new(404, "NoSuchBucket", "The specified bucket does not exist"))
    };
    let mut response = outcome.unwrap_or_else(|error| failure(&error, request_id));
    if *request.method() == Method::HEAD && response.status() != 200 {
        *response.body_mut() = Bytes::new();
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amz-request-id", id);
    }
    response
}

/// The key, or for a listing its prefix: reports are written when somebody asks for them.
fn asked(request: &http::Request<Bytes>, key: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let prefix = || pairs(query.as_bytes()).find(|(name, _)| name == "prefix").map(|(_, value)| value);
    if key.is_empty() { prefix().unwrap_or_default() } else { key.to_owned() }
}

pub(super) fn failure(error: &ApiError, request_id: &str) -> Response<Bytes> {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>".to_owned();
    escape(
        &mut xml,
        match error.code {
            "AccessDeniedException" => "AccessDenied",
            "ExpiredTokenException" => "ExpiredToken",
            "ThrottlingException" => "SlowDown",
            code => code,
        },
    );
    xml.push_str("</Code><Message>");
    escape(&mut xml, &error.message);
    let _ = write!(xml, "</Message><RequestId>{request_id}</RequestId></Error>");
    respond(error.status, "application/xml", xml)
}

fn find<'w>(world: &'w World, bucket: &str, key: &str) -> Result<&'w Object, ApiError> {
    world.s3.get(bucket, key).ok_or_else(|| ApiError::new(404, "NoSuchKey", "The specified key does not exist."))
}

fn describe(response: &mut Response<Bytes>, object: &Object) {
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(header::ETAG, etag);
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(object.modified)) {
        headers.insert(header::LAST_MODIFIED, date);
    }
}

fn head(world: &World, bucket: &str, key: &str) -> Result<Response<Bytes>, ApiError> {
    let object = find(world, bucket, key)?;
    let mut response = respond(200, "binary/octet-stream", Bytes::new());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
    describe(&mut response, object);
    Ok(response)
}

fn get(world: &World, request: &http::Request<Bytes>, bucket: &str, key: &str) -> Result<Response<Bytes>, ApiError> {
    let object = find(world, bucket, key)?;
    let held = object.body.len();
    let mut response = match text(request.headers(), "range").map(|range| span(range, held)) {
        None | Some(Span::Ignored) => respond(200, "binary/octet-stream", object.body.clone()),
        Some(Span::Outside) => {
            return Err(ApiError::new(416, "InvalidRange", "The requested range is not satisfiable"));
        }
        Some(Span::Within(from, to)) => {
            let mut partial = respond(206, "binary/octet-stream", object.body.slice(from..to));
            if let Ok(range) = HeaderValue::from_str(&format!("bytes {from}-{}/{held}", to - 1)) {
                partial.headers_mut().insert(header::CONTENT_RANGE, range);
            }
            partial
        }
    };
    describe(&mut response, object);
    Ok(response)
}

enum Span {
    /// Half-open.
    Within(usize, usize),
    Outside,
    /// Not one byte range: HTTP says to answer with everything.
    Ignored,
}

fn span(header: &str, length: usize) -> Span {
    let Some((from, to)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Span::Ignored;
    };
    match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) if from <= to && from < length => Span::Within(from, to.saturating_add(1).min(length)),
        (Ok(from), Err(_)) if to.is_empty() && from < length => Span::Within(from, length),
        (Err(_), Ok(last)) if from.is_empty() && last > 0 && length > 0 => {
            Span::Within(length.saturating_sub(last), length)
        }
        (Ok(from), Ok(to)) if from > to => Span::Ignored,
        (Ok(_), _) | (Err(_), Ok(_)) => Span::Outside,
        _ => Span::Ignored,
    }
}

fn put(
    world: &mut World,
    request: &http::Request<Bytes>,
    bucket: &str,
    key: &str,
) -> Result<Response<Bytes>, ApiError> {
    if key.is_empty() {
        return Err(ApiError::new(409, "BucketAlreadyOwnedByYou", "The bucket exists and you own it."));
    }
    if request.body().len() > MOST_OBJECT {
        return Err(ApiError::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"));
    }
    let at = world.now();
    if !world.s3.put(bucket, key, request.body().clone(), at) {
        return Err(ApiError::new(507, "InsufficientStorage", "The sandbox holds no more objects."));
    }
    let mut response = respond(200, "application/xml", Bytes::new());
    describe(&mut response, find(world, bucket, key)?);
    Ok(response)
}

fn create(world: &mut World, bucket: &str) -> Result<Response<Bytes>, ApiError> {
    if world.s3.make_bucket(bucket) {
        return Ok(respond(200, "application/xml", Bytes::new()));
    }
    Err(ApiError::new(400, "TooManyBuckets", "You have attempted to create more buckets than allowed"))
}

fn list(world: &World, request: &http::Request<Bytes>, bucket: &str) -> Result<Response<Bytes>, ApiError> {
    let query: Vec<(String, String)> = pairs(request.uri().query().unwrap_or_default().as_bytes()).collect();
    let member = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let (prefix, delimiter) = (member("prefix"), member("delimiter"));
    let size = member("max-keys").parse().unwrap_or(PAGE).clamp(1, PAGE);
    // The token is the key (or common prefix) that ended the last page, so a listing survives changes between pages.
    let token = member("continuation-token");
    let after = if token.is_empty() { member("start-after").to_owned() } else { untoken(token)? };
    let mut page = Page::default();
    for (key, object) in world.s3.list(bucket, prefix) {
        let rest = key.strip_prefix(prefix).unwrap_or_default();
        let group = (!delimiter.is_empty())
            .then(|| rest.find(delimiter).map(|at| &key[..prefix.len() + at + delimiter.len()]))
            .flatten();
        let name = group.unwrap_or(key);
        if name <= after.as_str() || page.last == name {
            continue;
        }
        if page.entries == size {
            page.truncated = true;
            break;
        }
        page.add(name, group.is_none().then_some(object));
    }
    Ok(respond(200, "application/xml", page.xml(bucket, prefix, delimiter, size)))
}

fn untoken(token: &str) -> Result<String, ApiError> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|raw| String::from_utf8(raw).ok())
        .ok_or_else(|| ApiError::new(400, "InvalidArgument", "The continuation token provided is incorrect"))
}

#[derive(Default)]
struct Page {
    contents: String,
    prefixes: String,
    entries: usize,
    last: String,
    truncated: bool,
}

impl Page {
    fn add(&mut self, name: &str, object: Option<&Object>) {
        self.entries += 1;
        name.clone_into(&mut self.last);
        let Some(object) = object else {
            self.prefixes.push_str("<CommonPrefixes><Prefix>");
            escape(&mut self.prefixes, name);
            self.prefixes.push_str("</Prefix></CommonPrefixes>");
            return;
        };
        self.contents.push_str("<Contents><Key>");
        escape(&mut self.contents, name);
        let _ = write!(
            self.contents,
            "</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            object.modified.iso(),
            object.etag,
            object.size
        );
    }

    fn xml(&self, bucket: &str, prefix: &str, delimiter: &str, size: usize) -> String {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                       <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            .to_owned();
        for (name, value) in [("Name", bucket), ("Prefix", prefix), ("Delimiter", delimiter)] {
            if name != "Delimiter" || !value.is_empty() {
                let _ = write!(xml, "<{name}>");
                escape(&mut xml, value);
                let _ = write!(xml, "</{name}>");
            }
        }
        let _ = write!(
            xml,
            "<KeyCount>{}</KeyCount><MaxKeys>{size}</MaxKeys><IsTruncated>{}</IsTruncated>",
            self.entries, self.truncated
        );
        if self.truncated {
            let token = URL_SAFE_NO_PAD.encode(&self.last);
            let _ = write!(xml, "<NextContinuationToken>{token}</NextContinuationToken>");
        }
        xml.push_str(&self.contents);
        xml.push_str(&self.prefixes);
        xml.push_str("</ListBucketResult>");
        xml
    }
}
