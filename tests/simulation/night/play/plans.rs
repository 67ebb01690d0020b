//! From what was read to a plan that is confirmed.

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
        let Some(plan) = self.desks[desk].shown.take() else { return };
        let typed = match &plan.confirm {
            Confirm::Typed { target } => target.to_string(),
            Confirm::Key { key } => key.to_string(),
        };
        assert!(plan.confirm.is_met_by(&typed));
        self.desks[desk].allow(&plan);
        let mut run = Run::new(plan.clone(), self.desks[desk].now());
        self.break_rule(&mut run);
        {
            let mut scene = lock(&self.scene);
            let seen = &mut scene.desks[desk];
            seen.aim = Aim::of(&plan);
            seen.plan = Some(plan);
            seen.granted = true;
        }
        self.desks[desk].run = Some(run);
        self.tell(desk, Event::Start);
    }
}
