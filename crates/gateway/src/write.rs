//! Writes: each needs leave, goes out at most once, and ends as applied, refused or unknown. What a plan shows is what is
//! sent: the body of the [`Call`], to the byte.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use mldeck_core::{
    ask::{Sent, Write},
    fault::{Fault, FaultKind},
    ops::{
        call::{self, Call},
        rule::{Rule, breaks},
    },
    text::Text,
};
use serde_json::Value;

use crate::{
    Gateway, Grant, Pending,
    fault::Doing,
    gate::Permit,
    json::Api,
    pace::Service,
    review::{self, Method},
    scaling,
    session::Verified,
    signed::{self, body},
    wire,
};

/// SageMaker itself, for what is described and written in its own words.
pub(crate) const SAGEMAKER: Api = Api {
    pace: Service::SageMaker,
    service_id: "SageMaker",
    host: "api.sagemaker",
    signing: "sagemaker",
    target: "SageMaker",
    version: "1.1",
};

const CLOUDWATCH: Api = Api {
    pace: Service::CloudWatch,
    service_id: "CloudWatch",
    host: "monitoring",
    signing: "monitoring",
    target: "GraniteServiceVersion20100801",
    version: "1.0",
};

const fn api(service: call::Service) -> &'static Api {
    match service {
        call::Service::SageMaker => &SAGEMAKER,
        call::Service::CloudWatch => &CLOUDWATCH,
        call::Service::Scaling => &scaling::API,
        call::Service::Review => &review::API,
    }
}

impl Gateway {
    /// Makes one write, once. Without a `grant` that covers it nothing leaves the process.
    pub fn send<'a>(&'a self, write: &'a Write, grant: &'a Grant) -> Pending<'a, Sent> {
        Box::pin(self.send_once(write, grant))
    }

    async fn send_once(&self, write: &Write, grant: &Grant) -> Sent {
        let doing = doing(&write.call);
        if write.call.masked.is_some() {
            let why = "what is kept of this call has no secrets any more: it cannot be sent from here";
            return Sent::Refused(Fault::new(FaultKind::Refused, doing.words, why));
        }
        let body = Bytes::from(write.call.body.to_string());
        let allow = |verified: &Verified| {
            let objection = grant.objection(write, &verified.identity, self.now());
            match objection.filter(|_| !breaks(Rule::Leave)) {
                Some(why) => Err(why),
                None => Ok(Permit::new(grant, write, body.clone(), &verified.key)),
            }
        };
        let api = api(write.call.action.service());
        let sent = self.under_leave(api, doing, Some(plan_of(write)), &body, allow).await;
        if let Some(arn) = write.call.text("ResourceArn") {
            self.memory.tags.forget(arn);
        }
        sent
    }

    /// One write, as far as `allow` gives leave to whoever the credentials are verified as.
    pub(crate) async fn under_leave(
        &self,
        api: &Api,
        doing: Doing,
        plan: Option<String>,
        body: &Bytes,
        allow: impl Fn(&Verified) -> Result<Permit, String>,
    ) -> Sent {
        let refused = |why: &str| Sent::Refused(Fault::new(FaultKind::Refused, doing.words, why));
        let mut verified = match self.verified().await {
            Ok(verified) => verified,
            Err(fault) => return Sent::Refused(fault),
        };
        // Twice, because credentials may have been renewed since they were verified: then nothing was sent.
        for _ in 0..2 {
            let permit = match allow(&verified) {
                Ok(permit) => permit,
                Err(why) => return refused(&why),
            };
            let sent = Box::pin(self.attempt(api, doing, plan.as_deref(), &permit, body.clone())).await;
            if !permit.other_key() {
                return sent;
            }
            verified = match self.verify().await {
                Ok(verified) => verified,
                Err(fault) => return Sent::Refused(fault),
            };
        }
        refused("the credentials keep changing")
    }

    /// Sends what `permit` is for; `plan` goes into the user agent.
    async fn attempt(&self, api: &Api, doing: Doing, plan: Option<&str>, permit: &Permit, body: Bytes) -> Sent {
        self.pace.write(api.pace);
        let plain = match doing.operation {
            "StartHumanLoop" => self.review_request(Method::Post, "", body),
            "StopHumanLoop" => self.review_request(Method::Post, "/stop", body),
            _ => self.json_request(api, doing, body),
        };
        let answer = match self.signed_request(plain, doing).await {
            Ok(mut request) => {
                if let Some(plan) = plan {
                    let agent = request.headers().get("user-agent").unwrap_or_default().to_owned();
                    request.headers_mut().insert("user-agent", format!("{agent} md/mldeck-plan#{plan}"));
                }
                request.add_extension(permit.clone());
                self.transmit(request, doing).await
            }
            Err(fault) => Err(fault),
        };
        let sent = match answer {
            Ok(answer) => self.judged(answer, doing).await,
            Err(fault) if permit.sent() && !breaks(Rule::LostIsUnknown) => Sent::Unknown(fault),
            Err(fault) => Sent::Refused(fault),
        };
        match &sent {
            Sent::Applied { .. } => self.pace.faster(api.pace),
            Sent::Refused(fault) | Sent::Unknown(fault) => self.learn_from_write(api.pace, fault),
        }
        sent
    }

    /// A success that cannot be read is a success or not: only the state tells. So is any failure of the service.
    async fn judged(&self, answer: HttpResponse, doing: Doing) -> Sent {
        let (status, request_id) = (answer.status().as_u16(), wire::request_id(&answer));
        if answer.status().is_success() {
            return match body(answer, doing).await {
                Ok(page) if page.iter().all(u8::is_ascii_whitespace) => Sent::Applied { request_id, made: None },
                Ok(page) => match serde_json::from_slice::<Value>(&page) {
                    Ok(value) => Sent::Applied { request_id, made: made(&value) },
                    Err(_) => Sent::Unknown(Fault {
                        request_id,
                        ..Fault::new(FaultKind::Unreadable, doing.words, "the answer is not JSON")
                    }),
                },
                Err(fault) => Sent::Unknown(Fault { request_id, ..fault }),
            };
        }
        let fault = signed::error_of(answer, doing).await;
        if (400..500).contains(&status) || breaks(Rule::LostIsUnknown) {
            Sent::Refused(fault)
        } else {
            Sent::Unknown(fault)
        }
    }
}

/// ARN of what was made: the first member of the answer that is one.
fn made(answer: &Value) -> Option<Text> {
    let members = answer.as_object()?;
    let arn = members.iter().find(|(name, _)| name.ends_with("Arn"))?.1.as_str()?;
    Some(Text::new(arn))
}

fn plan_of(write: &Write) -> String {
    write.plan.as_str().chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

const fn doing(call: &Call) -> Doing {
    Doing { prefix: call.action.service().word(), operation: call.operation(), words: call.action.words() }
}
