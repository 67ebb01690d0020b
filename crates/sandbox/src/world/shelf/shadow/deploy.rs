//! What a test does to its endpoint: configs that are made for it, and the calls that move the endpoint to them.

use serde_json::{Map, Value, json};

use super::{
    Action, ApiError, End, Item, Reply, Request, STOPPING, Step, Test, World, go, item,
    plan::{MOVING, Part, Plan, config_on},
    test, test_mut, text,
};
use crate::world::{Service, endpoint::Change, estate, noise, trail};

/// The session by which SageMaker acts in the role of a test.
const SESSION: &str = "SageMaker-InferenceExperiment";
/// What is left of a long name in the names of configs.
const STEM: usize = 48;

/// True for calls that a test makes, which others may not make while it runs.
pub(crate) fn is_service(caller: &str) -> bool {
    estate::session_name(caller) == SESSION
}

/// Makes a call in the role of the test; the trail has it.
fn call(world: &mut World, by: &str, operation: &str, input: &Value) -> Reply {
    let request_id = world.request_id();
    let request = Request { service: Service::SageMaker, operation, input, caller: by, request_id: &request_id };
    let reply = world.run(&request);
    trail::note(world, &request, &reply);
    reply
}

/// Who calls, and the endpoint that is called for.
struct Site {
    by: String,
    endpoint: String,
    /// Of the configs that are made.
    stem: String,
    seed: String,
}

impl Site {
    fn of(item: &Item) -> Self {
        let role = text(&item.body, "RoleArn").rsplit('/').next().unwrap_or_default().to_owned();
        let stem: String = text(&item.body, "Name").chars().take(STEM).collect();
        Self {
            by: format!("{role}/{SESSION}"),
            endpoint: text(&item.body, "EndpointName").to_owned(),
            stem: stem.trim_end_matches('-').to_owned(),
            seed: item.arn.clone(),
        }
    }

    /// Moves the endpoint to a config that is made now; gives its name.
    fn goes_to(&self, world: &mut World, made: u64, mut config: Map<String, Value>) -> Result<String, ApiError> {
        let id = noise::digest(&[world.seed, noise::name(&self.seed), made, world.now.millis() as u64]);
        let name = format!("{}-{}", self.stem, &id[..8]);
        config.insert("EndpointConfigName".to_owned(), name.as_str().into());
        call(world, &self.by, "CreateEndpointConfig", &Value::Object(config))?;
        match self.returns_to(world, &name) {
            Ok(()) => Ok(name),
            Err(error) => {
                call(world, &self.by, "DeleteEndpointConfig", &json!({"EndpointConfigName": name}))?;
                Err(error)
            }
        }
    }

    fn returns_to(&self, world: &mut World, config: &str) -> Result<(), ApiError> {
        let input = json!({"EndpointName": self.endpoint, "EndpointConfigName": config});
        call(world, &self.by, "UpdateEndpoint", &input).map(|_| ())
    }
}

fn absent() -> ApiError {
    ApiError::validation("The inference experiment does not exist any more.")
}

/// Puts the shadow beside the production variant.
pub(super) fn begin(world: &mut World, key: &str) -> Result<(), ApiError> {
    let found = item(world, key).ok_or_else(absent)?;
    let live = world.endpoint(text(&found.body, "EndpointName"))?;
    let config = config_on(world, live, &Plan::read(&found.body)?, &found.body)?;
    let count = live.variants.first().map_or(1, |variant| variant.desired_count);
    let (before, site, arn) = (live.config.clone(), Site::of(found), found.arn.clone());
    let own = site.goes_to(world, 0, config)?;
    world.shelf.shadow.insert(arn, Test { before, count, own, made: 1, was: Vec::new(), end: None });
    Ok(())
}

/// Brings what `body` says anew to the endpoint of a test that runs.
pub(super) fn change(world: &mut World, key: &str, body: &Map<String, Value>) -> Result<(), ApiError> {
    let (Some(found), Some(known)) = (item(world, key), test(world, key)) else { return Err(absent()) };
    let base = &world.config(&known.before)?.body;
    let config = Plan::read(body)?.config(base, body.get("DataStorageConfig"));
    let (site, made) = (Site::of(found), known.made);
    let was = MOVING.iter().map(|member| (*member, found.body.get(*member).cloned())).collect();
    let own = site.goes_to(world, made, config)?;
    if let Some(test) = test_mut(world, key) {
        (test.own, test.made, test.was) = (own, made + 1, was);
    }
    Ok(())
}

/// Ends a test that runs: the endpoint goes where the actions say, then the experiment is over. `desired` says on which
/// instances those serve that are left.
pub(super) fn conclude(
    world: &mut World,
    key: &str,
    (source, shadow): (Action, Action),
    desired: &[Part],
    then: &'static [Step],
) -> Result<(), ApiError> {
    let (Some(found), Some(known)) = (item(world, key), test(world, key)) else { return Err(absent()) };
    let plan = Plan::read(&found.body)?;
    let (site, made, count) = (Site::of(found), known.made, known.count);
    let is_known = |part: &Part| desired.iter().find(|wanted| wanted.name == part.name).unwrap_or(part).clone();
    let (first, second) = (is_known(&plan.source), is_known(&plan.shadow));
    let left = match (source, shadow) {
        (Action::Retain, Action::Remove) => (&first, None),
        (Action::Retain, Action::Retain) => (&first, Some(&second)),
        (Action::Remove, Action::Promote) => (&second, None),
        _ => {
            return Err(ApiError::validation(
                "ModelVariantActions must leave one production variant: Retain the source variant and Retain or Remove the shadow \
                 variant, or Remove the source variant and Promote the shadow variant.",
            ));
        }
    };
    let remains =
        |wanted: &&Part| wanted.name == left.0.name || left.1.is_some_and(|shadow| shadow.name == wanted.name);
    if let Some(other) = desired.iter().find(|wanted| !remains(wanted)) {
        return Err(ApiError::validation(format!(
            "DesiredModelVariants names \"{}\", which is no variant that stays.",
            other.name
        )));
    }
    let config = match (source, shadow) {
        (Action::Retain, Action::Retain) if desired.is_empty() => known.own.clone(),
        (Action::Retain, Action::Remove) if desired.is_empty() => {
            let before = known.before.clone();
            site.returns_to(world, &before)?;
            restore(world, &site.endpoint, count);
            before
        }
        _ => {
            let config = plan.left(&world.config(&known.before)?.body, left.0, left.1);
            site.goes_to(world, made, config)?
        }
    };
    if let Some(test) = test_mut(world, key) {
        test.made += 1;
        test.end = Some(End { source, shadow, config, then });
    }
    go(world, key, STOPPING);
    Ok(())
}

/// The endpoint gets back the instances it had, which scaling had made more or fewer than its config says.
fn restore(world: &mut World, name: &str, count: i64) {
    let endpoint = world.endpoints.endpoints.get_mut(name);
    if let Some(Change::Deployment(deployment)) = endpoint.and_then(|endpoint| endpoint.change.as_mut()) {
        for variant in deployment.variants.iter_mut().filter(|variant| !variant.is_shadow) {
            (variant.desired_count, variant.current_count) = (count, count);
        }
    }
}
