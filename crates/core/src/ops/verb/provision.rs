//! The quiet abort alarm of an endpoint, made by day: at night a deployment can be stopped without a step more.

use super::{back_out::Row, blocks};
use crate::{
    ops::{
        call,
        confirm::Weight,
        guard::{self, Check, Finding},
        intent::{Context, Intent},
        plan::{Basis, Expectation, Expected, Inverse, Plan, Refusal, Side, Step},
        snapshot::Snapshot,
    },
    time::MINUTE,
};

pub(super) fn plan(intent: &Intent, snapshot: &Snapshot, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let endpoint = &snapshot.endpoint;
    let alarm = call::abort_alarm(&endpoint.name);
    let make = call::put_abort_alarm(&endpoint.name);
    let before = match (&snapshot.abort_alarm, &snapshot.alarms) {
        (Some(found), _) if found.is_firing() => Err(format!("{alarm} fires: somebody stops a deployment with it")),
        (Some(found), _) if guard::is_quiet(found) => Err(format!("{alarm} is there, as we make it, and quiet")),
        (Some(_), _) => Ok("edited"),
        (None, Ok(_)) => Ok("missing"),
        (None, Err(fault)) => Err(format!("the alarms could not be read: {}", fault.kind.brief())),
    };
    let Some(details) = &endpoint.details else {
        return Err(vec![super::refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let before = match before {
        Ok(word) => word,
        Err(why) => {
            let finding = Finding::block(Check::AbortAlarm, why).remedy("mldeck ready says what each endpoint lacks.");
            return Err(blocks(&[finding], Some(&make.cli(context.scope.region.as_str()))));
        }
    };
    let row = Row {
        name: "abort alarm".into(),
        before: before.into(),
        after: alarm.to_string(),
        note: "no actions: it pages nobody".into(),
    };
    let step = Step::new(make).main(Expectation::Answer, 5 * MINUTE).inverse(Inverse::Harmless);
    let plan = Plan {
        from: Side::state(before),
        to: Side::state("ready"),
        rows: vec![row],
        steps: vec![step],
        findings: vec![Finding::ok(Check::AbortAlarm, "quiet until somebody trips it; missing data is no breach")],
        undo: format!("aws cloudwatch delete-alarms --alarm-names {alarm}"),
        weight: Weight::Light,
        ..Plan::one_call(
            intent,
            context,
            endpoint.name.clone(),
            endpoint.arn.clone(),
            Basis::Endpoint(Expected::of(endpoint, details)),
        )
    };
    Ok(plan.sealed())
}
