//! From what was read to a plan that is confirmed.

use mldeck_core::ops::plan::LIFETIME;

use super::*;

impl Play {
    pub(super) fn looked(&mut self, desk: usize, looked: Result<(Identity, Facts), Fault>) {
        let why = match looked {
            Ok((identity, facts)) => match self.desks[desk].plan(&identity, &facts) {
                Ok(plan) => {
                    self.desks[desk].identity = Some(identity);
                    return self.show(desk, plan);
                }
                Err(refusals) => refusals.into_iter().map(|refusal| refusal.text).collect::<Vec<_>>().join("; "),
            },
            Err(fault) => fault.to_string(),
        };
        self.note(|| format!("{desk} no plan: {why}"));
        let calm = lock(&self.scene).calm;
        self.desks[desk].tries += 1;
        let again = match (self.desks[desk].tries, calm) {
            (TRIES.., true) => return self.finish(desk, End::NoPlan),
            // Once more when everything works again.
            (TRIES.., false) => CALM + SECOND - self.elapsed(),
            _ => self.dice.between(5, 90) * SECOND,
        };
        let life = self.desks[desk].life;
        self.later(again, Happening::Begin(desk, life));
    }

    /// The plan is drawn; the operator reads it, and mostly confirms in time.
    pub(super) fn show(&mut self, desk: usize, plan: Plan) {
        self.note(|| format!("{desk} {}", plan.title()));
        let wait = if self.dice.percent(4) { 11 * MINUTE } else { self.dice.between(2, 40) * SECOND };
        if self.dice.percent(5) {
            self.try_without_leave(desk, &plan);
        }
        // It may lie in a file meanwhile, and be edited there.
        self.desks[desk].filed = self.dice.percent(3).then(|| edited(&plan));
        {
            let mut scene = lock(&self.scene);
            let truly = scene.clock.now();
            scene.desks[desk].made = (plan.at.since(truly).abs() < 5 * SECOND).then_some(plan.at);
        }
        self.desks[desk].shown = Some(plan);
        let life = self.desks[desk].life;
        self.later(wait, Happening::Confirm(desk, life));
    }

    /// The gate must stop what nobody confirmed, whatever the program tries.
    pub(super) fn try_without_leave(&mut self, desk: usize, plan: &Plan) {
        let Some(step) = plan.main_step() else { return };
        let write = Write { call: step.call.clone(), plan: plan.id() };
        let expires = self.desks[desk].now().plus(MINUTE);
        let grant = Grant::for_plan(plan.scope.clone(), Text::new("00000000"), [&step.call], expires);
        self.spawn(desk, |gateway| async move { Told::Tried(desk::send(&gateway, &write, Some(&grant)).await) });
    }

    pub(super) fn confirm(&mut self, desk: usize) {
        let Some(shown) = self.desks[desk].shown.take() else { return };
        let plan = self.desks[desk].filed.take().unwrap_or_else(|| shown.clone());
        let typed = match &plan.confirm {
            Confirm::Typed { target } => target.to_string(),
            Confirm::Key { key } => key.to_string(),
        };
        assert!(plan.confirm.is_met_by(&typed));
        self.desks[desk].allow(&plan);
        let run = Run::new(plan, self.desks[desk].now());
        {
            let mut scene = lock(&self.scene);
            let truly = scene.clock.now();
            let seen = &mut scene.desks[desk];
            seen.aim = Aim::of(&shown);
            // Only where both clocks were right is it known how old the plan is.
            let off = self.desks[desk].now().since(truly).abs() > SECOND;
            seen.too_old = seen.made.is_some_and(|made| !off && truly.since(made) > LIFETIME + SECOND);
            seen.plan = Some(shown);
            seen.granted = true;
        }
        self.desks[desk].run = Some(run);
        self.tell(desk, Event::Start);
    }
}

/// The plan as somebody left it: its change goes elsewhere.
fn edited(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let main = plan.main;
    if let Some(step) = plan.steps.get_mut(main) {
        for (member, value) in step.call.body.as_object_mut().into_iter().flatten() {
            match value {
                serde_json::Value::String(text) if member == "EndpointConfigName" => text.push_str("-x"),
                serde_json::Value::Array(items) => items.clear(),
                _ => {}
            }
        }
        step.call.body["Edited"] = true.into();
    }
    plan
}
