//! A version of another account: whether the profile leads there, which way it comes, and whether it may be used here.

use serde_json::{Value, json};

use super::{
    Ground,
    gates::Verdict,
    policy::{Answer, allows},
};
use crate::{
    fault::Fault,
    id,
    ops::{
        call,
        guard::Check,
        intent::Context,
        origin::{Origin, Told, Way},
        plan::{Refusal, Row},
        snapshot::{EventRule, Facts},
    },
    text::Text,
};

/// What production's CreateModel needs of the group's policy (developer guide, "Deploy a Model Version from a Different
/// Account").
const NEEDED: [&str; 2] = ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"];
/// What a policy of ours grants: what is needed, and that the versions are found.
const GRANTED: [&str; 3] = ["sagemaker:CreateModel", "sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"];

fn no(check: Check, text: String, remedy: String) -> Vec<Refusal> {
    vec![Refusal { check, text, remedy: Some(remedy), cli: None }]
}

/// Whether what is asked for is a version of the account that is named, and that is another one than the endpoint's.
pub(super) fn admits(package: &Text, origin: Option<&Origin>, context: &Context) -> Result<(), Vec<Refusal>> {
    let here = &context.scope;
    let raw = package.raw();
    let named = id::place(&raw).filter(|_| id::version_label(&raw).is_some() || id::training_job(&raw).is_some());
    let what = if id::training_job(&raw).is_some() { "the training job" } else { "the version" };
    let Some(origin) = origin else {
        return match named {
            Some((_, _, account)) if here.account != account => Err(no(
                Check::Origin,
                format!("{what} is of account {account}, the endpoint of {}", here.account),
                format!(
                    "Name a profile of that account: mldeck promote {package} --onto ENDPOINT --from-profile NAME."
                ),
            )),
            _ => Ok(()),
        };
    };
    let there = &origin.scope;
    if there.account == here.account {
        let text = format!("profile {} leads to {}, where the endpoint is, too", origin.profile, there.account);
        return Err(no(
            Check::Origin,
            text,
            "Leave --from-profile out, or name a profile of the other account.".into(),
        ));
    }
    let Some((partition, region, account)) = named else {
        let text = format!("{package} is no ARN of a registered version: whose it is cannot be told");
        return Err(no(Check::Origin, text, "Name the version by its ARN.".into()));
    };
    if id::training_job(&raw).is_some() {
        let text = format!("{package} is a training job of another account");
        let remedy =
            format!("Register it there first (mldeck promote or create-model-package, --profile {}).", origin.profile);
        return Err(no(Check::Origin, text, remedy));
    }
    if there.account != account {
        let text = format!("profile {} leads to {}, the version is of {account}", origin.profile, there.account);
        return Err(no(Check::Origin, text, format!("Name a profile of account {account} with --from-profile.")));
    }
    let apart = |name: &str, there: &str, here: &str| {
        let text =
            format!("the version is in {name} {there}, the endpoint in {here}: no model can be made across them");
        Err(no(Check::Origin, text, format!("Copy its artifact to {here} and register it there by hand.")))
    };
    if here.partition != partition {
        return apart("partition", partition, here.partition.as_str());
    }
    if here.region != region || there.region != region {
        return apart(
            "region",
            region,
            if here.region == region { there.region.as_str() } else { here.region.as_str() },
        );
    }
    Ok(())
}

/// The way the version comes, and why that one: the operator's choice, else the registry where its policy lets us, else a
/// copy where the endpoint lives by a registry of its own.
pub(super) fn way(
    origin: &Origin,
    facts: &Facts,
    package: &Text,
    context: &Context,
    live_package: Option<&Text>,
) -> Result<(Way, String), Vec<Refusal>> {
    let Some(told) = &facts.origin else {
        let text = format!(
            "account {} was not read: a plan with two identities is made on the command line",
            origin.scope.account
        );
        let remedy = format!("mldeck promote {package} --onto ENDPOINT --from-profile {}.", origin.profile);
        return Err(no(Check::Origin, text, remedy));
    };
    if let Some(way) = origin.way {
        return Ok((way, format!("your choice; by {}, your choice", way.word())));
    }
    let own = live_package
        .and_then(|arn| id::place(arn.as_str()))
        .is_some_and(|(_, _, account)| context.scope.account == account);
    let verdict = shared(told, package, context.scope.account.as_str());
    Ok(match verdict {
        Verdict::Pass(_) => (Way::Registry, "your choice; by registry, which the group's policy allows".to_owned()),
        Verdict::Fail(why) | Verdict::Unknown(why) if own => (Way::Copy, format!("your choice; by copy: {why}")),
        Verdict::Fail(_) | Verdict::Unknown(_) => {
            (Way::Registry, "your choice; by registry: the live model is no version of a group here".to_owned())
        }
    })
}

/// Whether the policy of the version's group lets another account make models of it. What is not understood is no answer.
fn shared(told: &Told, package: &Text, account: &str) -> Verdict {
    let label = id::version_label(&package.raw()).unwrap_or_default();
    let group = Text::new(label.rsplit_once(" v").map_or(label.as_str(), |(group, _)| group));
    let policy = match &told.policy {
        Ok(Some(policy)) => policy.raw(),
        Ok(None) => {
            return Verdict::Fail(format!("group {group} has no policy: account {account} may not use its versions"));
        }
        Err(fault) => {
            return Verdict::Unknown(format!("the policy of group {group} could not be read: {}", fault.kind.brief()));
        }
    };
    let Ok(document) = serde_json::from_str::<Value>(&policy) else {
        return Verdict::Unknown(format!("the policy of group {group} is no JSON"));
    };
    let mut unsure = None;
    for action in NEEDED {
        match allows(&document, account, action, &package.raw()) {
            Answer::Yes => {}
            Answer::No => {
                return Verdict::Fail(format!("the policy of group {group} does not allow account {account} {action}"));
            }
            Answer::Denied => {
                return Verdict::Fail(format!("the policy of group {group} denies account {account} {action}"));
            }
            Answer::Unsure(why) => {
                unsure = Some(format!("whether the policy of group {group} allows {action} is not known: {why}"));
            }
        }
    }
    unsure.map_or_else(
        || Verdict::Pass(format!("the policy of group {group} lets account {account} make models of its versions")),
        Verdict::Unknown,
    )
}

/// The gate; only what stays in its registry is used by its policy.
pub(super) fn policy(ground: &Ground<'_>) -> Option<Verdict> {
    let (_, told, way) = ground.abroad?;
    (way == Way::Registry).then(|| shared(told, ground.package, ground.context.scope.account.as_str()))
}

/// What the owner of the registry would do first.
pub(super) fn by_hand(ground: &Ground<'_>) -> Option<String> {
    let (origin, told, _) = ground.abroad?;
    let line = || share_line(told, origin, (ground.package, &ground.group()), ground.context.scope.account.as_str());
    policy(ground).is_some_and(|verdict| !matches!(verdict, Verdict::Pass(_))).then(line)
}

/// The plan's line of where the version is from.
pub(super) fn row(ground: &Ground<'_>) -> Option<Row> {
    let (origin, _, way) = ground.abroad?;
    let label = id::version_label(ground.asked.as_str()).unwrap_or_default();
    let note = match way {
        Way::Registry => "stays there: the model names it by its ARN",
        Way::Copy if ground.register.is_some() => "registered here once more; its artifact stays where it is",
        Way::Copy => "was copied before",
    };
    let before = format!(
        "{label} of {}, by {} (profile {}); the rest by {} in {}",
        origin.scope.account, origin.by, origin.profile, ground.context.by, ground.context.scope.account
    );
    Some(Row { name: "from".into(), before, after: String::new(), note: note.into() })
}

/// A rule of the account that the version is approved in deploys what is approved.
pub(super) fn automated(ground: &Ground<'_>, rules: &[&EventRule], cli: String) -> Refusal {
    let names = rules.iter().map(|rule| rule.name.to_string()).collect::<Vec<_>>().join(", ");
    let (account, package) = (ground.registry().unwrap_or(&ground.context.scope).account.clone(), ground.package);
    let remedy = match ground.abroad {
        Some((origin, _, Way::Registry)) => format!(
            "Approve it there (mldeck plan approve {package} --profile {}) and watch what it deploys; --accept automation \
             (with a reason) deploys from here besides.",
            origin.profile
        ),
        _ => "--accept automation (with a reason) copies, approves and deploys from here besides.".to_owned(),
    };
    let text = format!("{names} in {account} acts on the approval");
    Refusal { check: Check::Automation, text, remedy: Some(remedy), cli: Some(cli) }
}

/// The artifact was seen by who deploys.
pub(super) fn there(ground: &Ground<'_>, uris: &str) -> String {
    let Some((origin, ..)) = ground.abroad else { return format!("the artifact is there: {uris}") };
    format!(
        "the artifact is there, and {} can read it: {uris} (it stays in the bucket that {} uses; {} must read it, too)",
        ground.context.scope.account,
        origin.scope.account,
        role(ground)
    )
}

/// The artifact could not be looked up by who deploys.
pub(super) fn unseen(ground: &Ground<'_>, uri: &Text, fault: &Fault) -> String {
    let brief = fault.kind.brief();
    let Some((origin, told, _)) = ground.abroad else { return format!("{uri} could not be looked up: {brief}") };
    let seen = told.exists.iter().any(|(known, there)| known == uri && *there == Ok(true));
    let there = if seen { format!("{} has it, and ", origin.scope.account) } else { String::new() };
    format!(
        "{uri}: {there}{} could not look it up ({brief}): whether {} reads it is not known",
        ground.context.scope.account,
        role(ground)
    )
}

fn role(ground: &Ground<'_>) -> String {
    let arn = ground.live_model.fact("/ExecutionRoleArn");
    format!("role {}", id::arn_tail(arn.as_str()))
}

/// Why an image may not be there for this account: another account has it, and nothing that serves here is from there.
pub(super) fn unpulled(ground: &Ground<'_>, containers: &[Value]) -> Option<String> {
    ground.abroad?;
    let here = ground.context.scope.account.raw();
    let served = ground.snapshot.models.iter().filter_map(|(_, model)| model.as_ref().ok());
    let served: Vec<String> =
        served.flat_map(|model| &model.images).map(|image| repository(&image.specified.raw()).to_owned()).collect();
    let images = containers.iter().filter_map(|container| container.get("Image")?.as_str());
    let foreign = images.map(repository).find(|repository| {
        !repository.starts_with(&format!("{here}.dkr.ecr.")) && !served.iter().any(|known| known == repository)
    })?;
    Some(format!(
        "image repository {} is of another account: whether {} may pull from it is not known",
        Text::new(foreign),
        role(ground)
    ))
}

/// An image without its tag or digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    image.rfind(':').filter(|at| !image[*at..].contains('/')).map_or(image, |at| &image[..at])
}

/// The AWS CLI line by which the other account lets this one use the group: what its policy says stays in it.
fn share_line(told: &Told, origin: &Origin, (package, group): (&Text, &str), account: &str) -> String {
    let raw = package.raw();
    let head = raw.rsplit_once('/').map_or(raw.as_str(), |(head, _)| head);
    let statement = json!({
        "Sid": format!("mldeck{account}"), "Effect": "Allow",
        "Principal": {"AWS": format!("arn:{}:iam::{account}:root", origin.scope.partition.raw())},
        "Action": GRANTED, "Resource": format!("{head}/*"),
    });
    let known = told.policy.as_ref().ok().and_then(Option::as_ref);
    let mut policy = known
        .and_then(|policy| serde_json::from_str::<Value>(&policy.raw()).ok())
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({"Version": "2012-10-17"}));
    let before = match policy.get_mut("Statement").map(Value::take) {
        Some(Value::Array(all)) => all,
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one],
    };
    policy["Statement"] = before.into_iter().chain([statement]).collect();
    call::policy_line(group, &policy, origin.scope.region.as_str(), origin.profile.as_str())
}
