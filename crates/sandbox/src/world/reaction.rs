//! Automation that watches the account and changes it: what a pipeline of a team does without being asked.
//!
//! A `[[reaction]]` of the scenario is a call that somebody makes once its checks (`when`) have held together for a while
//! (`after`). It acts again as often as they come to hold again.

use mldeck_core::time::Timestamp;

use super::World;
use crate::scenario::{Action, Reaction};

/// Since when the checks of each reaction hold; `None`: they do not. `Some(None)`: it has acted, and they still do.
#[derive(Default)]
pub(crate) struct State {
    since: Vec<Option<Option<Timestamp>>>,
}

/// Looks at every reaction; its checks are asked once a minute.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    let reactions = std::mem::take(&mut world.scenario.reactions);
    world.reactions.since.resize(reactions.len(), None);
    for (index, reaction) in reactions.iter().enumerate() {
        let start = world.start;
        let holds = reaction.when.iter().all(|check| check.holds(world, start));
        let Some(slot) = world.reactions.since.get_mut(index) else { continue };
        *slot = match (holds, *slot) {
            (false, _) => None,
            (true, None) => Some(Some(to)),
            (true, known) => known,
        };
        if let Some(Some(since)) = *slot
            && to.since(since) >= reaction.after
        {
            *slot = Some(None);
            act(world, reaction);
        }
    }
    world.scenario.reactions = reactions;
}

fn act(world: &mut World, reaction: &Reaction) {
    let action: Action = reaction.act.clone();
    world.make(&action);
}

#[cfg(test)]
mod tests {
    use mldeck_core::time::MINUTE;
    use serde_json::json;

    use crate::{
        Options, Scenario, World,
        testkit::{ok, world},
    };

    #[test]
    fn automation_puts_back_what_it_wants_until_it_is_held() {
        let mut world = world("ci-redeploys");
        let config = |world: &mut World| {
            ok(world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}))["EndpointConfigName"].clone()
        };
        let back = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a"});
        ok(&mut world, "UpdateEndpoint", &back);
        world.advance_to(world.now().plus(12 * MINUTE));
        assert_eq!(config(&mut world), "fraud-v17-a");
        world.advance_to(world.now().plus(30 * MINUTE));
        assert_eq!(config(&mut world), "fraud-v18-c", "put back");
        let arn = "arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/18";
        ok(&mut world, "UpdateModelPackage", &json!({"ModelPackageArn": arn, "ModelApprovalStatus": "Rejected"}));
        ok(&mut world, "UpdateEndpoint", &back);
        world.advance_to(world.now().plus(60 * MINUTE));
        assert_eq!(config(&mut world), "fraud-v17-a", "what it goes by is gone");
    }

    #[test]
    fn a_reaction_acts_once_while_its_checks_hold() {
        let text = "name = 't'\ndoc = 't'\nseed = 1\nstart = '2026-11-23T02:00:00Z'\n[[reaction]]\nafter = '2m'\nby = 'bot'\noperation = 'AddTags'\n\
                    input = { ResourceArn = 'arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod', Tags = [{ Key = 'k', Value = 'v' }] }\n\
                    when = [{ ask = 'DescribeEndpoint', with = { EndpointName = 'fraud-prod' } }]";
        let scenario = Scenario::parse("t", text).unwrap();
        let mut world = World::new(Options { seed: 1, start: scenario.start, scenario });
        world.advance_to(world.now().plus(30 * MINUTE));
        let start = world.start;
        let made: Vec<_> =
            crate::world::trail::changes(&world, start, "bot").map(|change| change.operation.clone()).collect();
        assert_eq!(made, ["AddTags"]);
    }
}
