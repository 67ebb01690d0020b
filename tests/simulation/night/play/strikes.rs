//! Bad luck strikes, and ends.

use super::*;

impl Play {
    /// Bad luck that has a time waits for it; the rest waits for its record.
    pub(super) fn expect(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::KillAt { desk, record, told } => self.kills.push((desk, record, told)),
            Trouble::Disk { desk, record, sticky } => self.bad_disks.push((desk, record, sticky)),
            Trouble::Wire { at, .. }
            | Trouble::Clock { at, .. }
            | Trouble::Kill { at, .. }
            | Trouble::Somebody { at, .. }
            | Trouble::Abort { at, .. } => {
                self.later(at, Happening::Trouble(Box::new(trouble)));
            }
        }
    }

    pub(super) fn strike(&mut self, trouble: Trouble) {
        if lock(&self.scene).calm {
            return;
        }
        self.note(|| format!("{trouble:?}"));
        match trouble {
            Trouble::Wire { operation, kind, times, lasts, .. } => {
                let mut scene = lock(&self.scene);
                let now = scene.clock.now();
                let rule = Fail { times, window: Some((now, now.plus(lasts))), ..Fail::always(&operation, kind) };
                scene.account.world.faults().add_first(rule);
            }
            Trouble::Clock { desk, by, lasts, .. } => {
                self.desks[desk].off.store(by, Ordering::Relaxed);
                self.later(lasts, Happening::ClockRight(desk));
            }
            Trouble::Kill { desk, .. } => self.kill(desk),
            Trouble::Somebody { endpoint, does, .. } => self.somebody(endpoint, does),
            Trouble::Abort { desk, .. } if self.desks[desk].run.is_some() && self.desks[desk].ended.is_none() => {
                self.leave(desk);
                self.tell(desk, Event::Abort { by: Text::new("olga") });
            }
            Trouble::Abort { .. } | Trouble::KillAt { .. } | Trouble::Disk { .. } => {}
        }
    }

    pub(super) fn somebody(&self, endpoint: usize, does: Deed) {
        let mut scene = lock(&self.scene);
        scene.live();
        let account = &mut scene.account;
        let Some(name) = account.shape.endpoints.get(endpoint).cloned() else { return };
        let done = match does {
            Deed::Deploys(version) => account.deploy(&name, version),
            Deed::Weighs => account.weigh(&name, 0.5),
            Deed::Scales(least) => account.shape.autoscaling && account.bounds(&name, least),
            Deed::Rings => account.shape.alarms && account.ring(&name),
            Deed::LosesModel => account.lose_model(&name),
            Deed::Deletes => account.delete(&name),
        };
        if done && matches!(does, Deed::LosesModel) {
            let at = scene.clock.elapsed();
            scene.lost.push((name.clone(), at));
        }
        scene.note(|| format!("{does:?} on {name}: {}", if done { "done" } else { "refused" }));
    }

    pub(super) async fn calm_down(&mut self) {
        {
            let mut scene = lock(&self.scene);
            scene.note(|| "from here on nothing goes wrong".to_owned());
            scene.calm = true;
            scene.account.world.faults().clear();
            scene.account.world.faults().add(Fail::always("*", Kind::Skew(0)));
        }
        for desk in 0..self.desks.len() {
            self.desks[desk].off.store(0, Ordering::Relaxed);
            if self.desks[desk].gateway.is_none() && self.desks[desk].life > 0 {
                self.restart(desk).await;
            }
        }
    }
}
