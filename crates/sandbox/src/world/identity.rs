//! STS: who the caller is.

use serde_json::json;

use super::{Handler, Reply, Request, World, estate};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[("GetCallerIdentity", get_caller_identity)];

fn get_caller_identity(_world: &mut World, request: &Request<'_>) -> Reply {
    Ok(json!({
        "Account": estate::ACCOUNT,
        "Arn": estate::caller_arn(request.caller),
        "UserId": format!("AROAUQ4X7MLOPSEXAMPLE:{}", request.caller),
    }))
}
