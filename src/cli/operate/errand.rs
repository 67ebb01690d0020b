//! A courier who brings the records of a run to the team's ledger, beside that run.

use std::{sync::Arc, time::Duration};

use mldeck_core::{ops::team::Owner, scope::Scope};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use super::Desk;
use crate::{cli::out, share::Behind};

/// How long the last records may take on their way to the team's ledger: the way out has ended, and nobody wants to wait.
const LAST_RECORDS: Duration = Duration::from_secs(15);

impl Desk {
    /// Sends one on its way, for as long as a run goes on.
    #[expect(
        clippy::disallowed_methods,
        reason = "beside the run, which must not wait for it; it is awaited at the end"
    )]
    pub(super) fn send_courier(&self, owner: &Owner, scope: &Scope) -> Errand {
        let (courier, scope, news) = (self.courier(owner), scope.clone(), Arc::new(Notify::new()));
        let heard = Arc::clone(&news);
        let (stop, mut stopped) = mpsc::channel::<()>(1);
        let task = tokio::spawn(async move {
            let mut last = courier.catch_up(&scope).await;
            loop {
                tokio::select! {
                    biased;
                    () = heard.notified() => last = courier.catch_up(&scope).await,
                    _ = stopped.recv() => return last,
                }
            }
        });
        Errand { news, stop, task }
    }
}

/// A courier on its way.
pub(super) struct Errand {
    pub(super) news: Arc<Notify>,
    stop: mpsc::Sender<()>,
    task: JoinHandle<Result<usize, Behind>>,
}

impl Errand {
    /// Lets it bring the last records; what is left is said.
    pub(super) async fn come_back(self) {
        self.news.notify_one();
        drop(self.stop);
        let abort = self.task.abort_handle();
        let behind = match tokio::time::timeout(LAST_RECORDS, self.task).await {
            Ok(Ok(Err(behind))) => format!("{} records are not in the team ledger yet ({})", behind.left, behind.fault),
            Ok(Ok(Ok(_)) | Err(_)) => return,
            Err(_) => {
                abort.abort();
                "the last records are not in the team ledger yet (it does not answer in time)".to_owned()
            }
        };
        out::complain(&format!(
            "mldeck: {behind}; the journal has them, and the next change or `mldeck team sync --write` brings them"
        ));
    }
}
