//! A process dies and comes back, and what its disk makes of that.

use super::*;

impl Play {
    pub(super) fn write(&mut self, desk: usize, life: u32, record: &Record) {
        if self.desks[desk].life != life {
            return;
        }
        let seq = record.seq;
        let calm = lock(&self.scene).calm;
        let fails = !calm
            && self
                .bad_disks
                .iter()
                .any(|(of, from, sticky)| *of == desk && (*from == seq || (*sticky && *from < seq)));
        // What failed may or may not be there afterwards.
        if !fails || self.dice.percent(30) {
            lock(&self.scene).desks[desk].paper.write(record);
        }
        let dying =
            self.kills.iter().position(|(of, at, _)| *of == desk && *at == seq).map(|index| self.kills.remove(index));
        if let Some((_, _, false)) = dying {
            return self.kill(desk);
        }
        let result = if fails {
            Err(Fault::new(FaultKind::Bug, "writing the journal", "no space left on device"))
        } else {
            Ok(())
        };
        if self.is_alive(desk, life) {
            self.tell(desk, Event::Journaled { seq, result });
        }
        if dying.is_some() {
            self.kill(desk);
        }
    }

    pub(super) fn kill(&mut self, desk: usize) {
        if self.desks[desk].ended.is_some() || self.desks[desk].gateway.is_none() {
            return;
        }
        self.note(|| format!("{desk} kill -9"));
        let after =
            if self.dice.percent(50) { self.dice.between(1, 20) * SECOND } else { self.dice.between(1, 20) * MINUTE };
        let dead = &mut self.desks[desk];
        dead.life += 1;
        (dead.gateway, dead.run, dead.grant, dead.shown, dead.filed) = (None, None, None, None, None);
        dead.under_way.drain(..).for_each(|task| task.abort());
        self.later(after, Happening::Restart(desk));
    }

    pub(super) async fn restart(&mut self, desk: usize) {
        if self.desks[desk].gateway.is_some() || self.desks[desk].ended.is_some() {
            return;
        }
        self.note(|| format!("{desk} is started again"));
        self.desks[desk].life += 1;
        self.bad_disks.retain(|(of, ..)| *of != desk);
        let scene = Arc::clone(&self.scene);
        self.desks[desk].boot(&scene).await;
        let read = {
            let mut scene = lock(&self.scene);
            let seen = &mut scene.desks[desk];
            (seen.granted, seen.told_dead, seen.restarted) = (false, false, true);
            seen.tickets.clear();
            seen.paper.read()
        };
        let life = self.desks[desk].life;
        match read {
            Ok(records) if records.is_empty() && lock(&self.scene).desks[desk].plan.is_none() => {
                self.later(SECOND, Happening::Begin(desk, life));
            }
            // Nothing durable: for this host the operation never was.
            Ok(records) if records.is_empty() => self.finish(desk, End::NoPlan),
            Ok(records) => match resume(&Paper::newest(&records)) {
                Ok(run) => {
                    self.desks[desk].run = Some(run);
                    // A broken rule would send: it must be seen to have no leave only where it has none.
                    if self.without.is_some() {
                        self.leave(desk);
                    }
                    self.later(0, Happening::Tell(desk, life, Box::new(Event::Start)));
                }
                Err(error) => lock(&self.scene).violation(&format!("the journal cannot be resumed: {error}")),
            },
            Err(error) => lock(&self.scene).violation(&format!("the journal cannot be read: {error}")),
        }
    }

    /// Leave for the plan of the run, as pressing the key again gives it.
    pub(super) fn leave(&mut self, desk: usize) {
        let Some(plan) = self.desks[desk].run.as_ref().map(|run| run.plan().clone()) else { return };
        self.desks[desk].allow(&plan);
        lock(&self.scene).desks[desk].granted = true;
    }
}
