//! Something that is true of the account or not: what drills grade by, and what automation waits for.
//!
//! | member | says |
//! |---|---|
//! | `ask`, `with` | an operation that reads, and its input |
//! | `service` | whose operation it is, by its signing name; SageMaker's without it |
//! | `is` | what the answer must hold; without it, that there is an answer |
//! | `not` | what the answer must not hold |
//! | `wrote` | instead of `ask`: the operator made a change that names one of these, or any change (`"*"`) |
//! | `by` | with `wrote`: only by these operations |

use mldeck_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Request, Service, World, estate, request::float, trail};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    ask: Option<String>,
    service: Option<String>,
    #[serde(default)]
    with: Value,
    #[serde(default)]
    is: Value,
    #[serde(default)]
    not: Value,
    #[serde(default)]
    wrote: Vec<String>,
    #[serde(default)]
    by: Vec<String>,
}

impl Check {
    /// Refuses what could never be judged: a scenario is data, and its mistakes are found when it is read.
    pub(crate) fn sound(&self) -> Result<(), String> {
        let service = self.service.as_deref().unwrap_or("sagemaker");
        let Some(service) = Service::from_signing_name(service) else { return Err(format!("service `{service}`")) };
        match &self.ask {
            None if self.wrote.is_empty() => Err("a check has `ask` or `wrote`".to_owned()),
            None => Ok(()),
            Some(_) if !self.wrote.is_empty() => Err("a check has `ask` or `wrote`, not both".to_owned()),
            Some(ask) if !super::answers(service, ask) => Err(format!("nothing answers `{ask}`")),
            Some(ask) if trail::is_change(ask) => Err(format!("`{ask}` would change what it looks at")),
            Some(_) => Ok(()),
        }
    }

    /// Whether it is true now; changes since `start` count.
    pub(crate) fn holds(&self, world: &mut World, start: Timestamp) -> bool {
        let Some(ask) = &self.ask else {
            return trail::changes(world, start, estate::OPERATOR)
                .any(|change| change.names(&self.wrote) && (self.by.is_empty() || self.by.contains(change.operation)));
        };
        let service = self.service.as_deref().and_then(Service::from_signing_name).unwrap_or(Service::SageMaker);
        let empty = Value::Object(serde_json::Map::new());
        let request = Request {
            service,
            operation: ask,
            input: if self.with.is_null() { &empty } else { &self.with },
            caller: estate::OPERATOR,
            request_id: "",
        };
        let Ok(answer) = world.run(&request) else { return false };
        agrees(&answer, &self.is) && (self.not.is_null() || !agrees(&answer, &self.not))
    }
}

/// Whether `told` holds what is `wanted`: of a structure the members that are named; of a list one that fits; several
/// things that are wanted are alternatives.
fn agrees(told: &Value, wanted: &Value) -> bool {
    match (told, wanted) {
        (_, Value::Null) => true,
        (told, Value::Array(any)) => any.iter().any(|one| agrees(told, one)),
        (Value::Array(rows), wanted) => rows.iter().any(|row| agrees(row, wanted)),
        (Value::Object(told), Value::Object(wanted)) => {
            wanted.iter().all(|(member, wanted)| told.get(member).is_some_and(|told| agrees(told, wanted)))
        }
        (Value::Number(_), Value::Number(_)) => float(told) == float(wanted),
        (told, wanted) => told == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testkit::{ok, world};

    fn check(text: &str) -> Check {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_answer_holds_what_is_wanted_of_it() {
        let told =
            json!({"Status": "InService", "Variants": [{"Name": "a", "Weight": 1.0}, {"Name": "b", "Weight": 0}]});
        for (wanted, holds) in [
            (json!({"Status": "InService"}), true),
            (json!({"Status": ["Updating", "InService"]}), true),
            (json!({"Status": "Updating"}), false),
            (json!({"Variants": {"Name": "b", "Weight": 0.0}}), true),
            (json!({"Variants": {"Name": "b", "Weight": 1}}), false),
            (json!({"Missing": "x"}), false),
        ] {
            assert_eq!(agrees(&told, &wanted), holds, "{wanted}");
        }
    }

    #[test]
    fn the_account_is_asked_and_the_trail_of_the_operator_read() {
        let mut world = world("quiet-night");
        let start = world.start;
        let serves = check(
            "ask = 'DescribeEndpoint'\nwith = { EndpointName = 'fraud-prod' }\nis = { EndpointConfigName = 'fraud-v17-a' }",
        );
        let gone = check("ask = 'DescribeEndpoint'\nwith = { EndpointName = 'no-such' }");
        let other = check(
            "ask = 'DescribeEndpoint'\nwith = { EndpointName = 'fraud-prod' }\nnot = { EndpointStatus = 'InService' }",
        );
        assert_eq!(
            (serves.holds(&mut world, start), gone.holds(&mut world, start), other.holds(&mut world, start)),
            (true, false, false)
        );
        let (touched, any, tagged) =
            (check("wrote = ['fraud-prod']"), check("wrote = ['*']"), check("wrote = ['*']\nby = ['AddTags']"));
        assert!(!any.holds(&mut world, start), "what others did before is not ours");
        ok(
            &mut world,
            "UpdateEndpointWeightsAndCapacities",
            &json!({"EndpointName": "fraud-prod", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 1.0}]}),
        );
        assert!(touched.holds(&mut world, start) && any.holds(&mut world, start) && !tagged.holds(&mut world, start));
        assert!(!check("wrote = ['ranking-eu']").holds(&mut world, start));
    }

    #[test]
    fn a_check_that_cannot_be_judged_is_refused() {
        for text in [
            "",
            "ask = 'DescribeNothing'",
            "ask = 'DeleteEndpoint'",
            "ask = 'ListModels'\nwrote = ['*']",
            "ask = 'ListModels'\nservice = 'x'",
        ] {
            assert!(check(text).sound().is_err(), "{text}");
        }
        assert_eq!(check("ask = 'ListModels'").sound(), Ok(()));
    }
}
