use std::{
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use mldeck_core::{
    resource::{Alarm, Endpoint, Kind, Rows, endpoint::EndpointStatus},
    scope::Scope,
    text::Text,
    time::Timestamp,
};
use serde_json::json;

use super::*;

const AT: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn scope(region: &str) -> Scope {
    Scope::new("aws", "447100000921", region)
}

fn endpoints(count: usize) -> Vec<Endpoint> {
    let one = |n: usize| Endpoint {
        name: Text::new(&format!("fraud-{n:05}")),
        arn: Text::new(&format!("arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-{n:05}")),
        status: EndpointStatus::InService,
        created: AT,
        modified: AT.plus(n as i64),
        details: None,
        vitals: None,
        alarms: Vec::new(),
        change: None,
    };
    (0..count).map(one).collect()
}

fn start(root: &Path) -> Cache {
    Cache::start(&Folders::under(root)).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_in_trouble_is_read_first_where_the_table_shows_it_first() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, here) = (start(dir.path()), scope("eu-west-1"));
    let mut rows = endpoints(300);
    rows[290].status = EndpointStatus::Failed;
    rows[200].status = EndpointStatus::Failed;
    cache.save_worst_first(&here, rows.clone().into(), AT).wait().unwrap();
    let window = cache.load_window(&here, Kind::Endpoint, 0, 4).wait().unwrap().unwrap();
    let first = [200, 290, 0, 1].map(|n| rows[n].clone()).to_vec();
    assert_eq!(window, Stored { rows: first.into(), total: 300, at: AT });
}

#[test]
fn rows_come_back_whole_and_by_window_and_per_scope() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (scope("eu-west-1"), scope("us-east-1"));
    {
        let cache = start(dir.path());
        assert_eq!(cache.load(&here, Kind::Endpoint).wait().unwrap(), None);
        cache.save(&here, endpoints(50).into(), AT).wait().unwrap();
        cache.save(&there, endpoints(3).into(), AT.plus(5)).wait().unwrap();
        cache.save(&here, Rows::from(Vec::<Alarm>::new()), AT).wait().unwrap();
    }
    let cache = start(dir.path());
    let all = cache.load(&here, Kind::Endpoint).wait().unwrap().unwrap();
    assert_eq!(all, Stored { rows: endpoints(50).into(), total: 50, at: AT });
    let window = cache.load_window(&here, Kind::Endpoint, 45, 20).wait().unwrap().unwrap();
    assert_eq!(window, Stored { rows: endpoints(50)[45..].to_vec().into(), total: 50, at: AT });
    assert_eq!(cache.load(&there, Kind::Endpoint).wait().unwrap().unwrap().at, AT.plus(5));
    assert_eq!(cache.load(&here, Kind::Alarm).wait().unwrap().unwrap().total, 0);
    assert_eq!(cache.notices().wait().unwrap(), Vec::<Text>::new());
}

#[test]
fn saving_replaces_and_the_same_rows_only_move_the_moment() {
    let dir = tempfile::tempdir().unwrap();
    let cache = start(dir.path());
    let here = scope("eu-west-1");
    for (count, at) in [(5, 0), (5, 10), (2, 20), (0, 30), (4, 40)] {
        cache.save(&here, endpoints(count).into(), AT.plus(at)).wait().unwrap();
        let stored = cache.load(&here, Kind::Endpoint).wait().unwrap().unwrap();
        assert_eq!(stored, Stored { rows: endpoints(count).into(), total: count, at: AT.plus(at) });
    }
}

#[test]
fn twenty_thousand_rows() {
    let dir = tempfile::tempdir().unwrap();
    let here = scope("eu-west-1");
    start(dir.path()).save(&here, endpoints(20_000).into(), AT).wait().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a figure for the reader; nothing depends on it")]
    let now = std::time::Instant::now;
    let begin = now();
    let cache = start(dir.path());
    let window = cache.load_window(&here, Kind::Endpoint, 0, 60).wait().unwrap().unwrap();
    let first_paint = begin.elapsed();
    let all = cache.load(&here, Kind::Endpoint).wait().unwrap().unwrap();
    println!("20,000 rows: open and first 60 in {first_paint:?}, all in {:?}", begin.elapsed());
    assert_eq!((window.rows.len(), window.total), (60, 20_000));
    assert_eq!(all.rows, endpoints(20_000).into());
}

#[test]
fn single_things_and_preferences() {
    let dir = tempfile::tempdir().unwrap();
    let cache = start(dir.path());
    cache.put(Shelf::Preference, "theme", json!("light")).wait().unwrap();
    cache.put(Shelf::Preference, "pane", json!(2)).wait().unwrap();
    cache.put(Shelf::Preference, "theme", json!("mono")).wait().unwrap();
    cache.put(Shelf::Config, "theme", json!({"variants": []})).wait().unwrap();
    assert_eq!(cache.get(Shelf::Preference, "theme").wait().unwrap(), Some(json!("mono")));
    assert_eq!(cache.get(Shelf::Model, "theme").wait().unwrap(), None);
    let all = cache.all(Shelf::Preference).wait().unwrap();
    assert_eq!(all, [("pane".to_owned(), json!(2)), ("theme".to_owned(), json!("mono"))]);
}

#[test]
fn an_answer_is_a_future_too() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cache = start(dir.path());
    let stored = runtime.block_on(async {
        cache.put(Shelf::Preference, "pane", json!(3)).await.unwrap();
        // Blocking inside a runtime is a mistake, but no crash.
        assert_eq!(cache.get(Shelf::Preference, "pane").wait().unwrap(), Some(json!(3)));
        cache.get(Shelf::Preference, "pane").await.unwrap()
    });
    assert_eq!(stored, Some(json!(3)));
}

#[test]
fn a_damaged_cache_is_set_aside_with_a_message() {
    for damage in
        [&b"this is no database, whatever its name says: it is much too short and wrong ".repeat(20)[..], b"x"]
    {
        let dir = tempfile::tempdir().unwrap();
        let file = paths::private_dir(&dir.path().join("cache")).unwrap().join("cache-v1.db");
        std::fs::write(&file, damage).unwrap();
        let cache = start(dir.path());
        cache.save(&scope("eu-west-1"), endpoints(2).into(), AT).wait().unwrap();
        let notices = cache.notices().wait().unwrap();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].as_str().contains("cache-v1.db.damaged-1: "), "{notices:?}");
        assert_eq!(std::fs::read(file.with_file_name("cache-v1.db.damaged-1")).unwrap(), damage);
        assert_eq!(cache.load(&scope("eu-west-1"), Kind::Endpoint).wait().unwrap().unwrap().total, 2);
    }
}

#[test]
fn damage_that_shows_later_costs_one_answer_and_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let here = scope("eu-west-1");
    {
        start(dir.path()).save(&here, endpoints(2_000).into(), AT).wait().unwrap();
    }
    let file = dir.path().join("cache/cache-v1.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[16_384..middle * 2 - 4096].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let cache = start(dir.path());
    assert!(!matches!(cache.load(&here, Kind::Endpoint).wait(), Ok(Some(_))));
    assert_eq!(cache.load(&here, Kind::Endpoint).wait().unwrap(), None);
    cache.save(&here, endpoints(1).into(), AT).wait().unwrap();
    assert_eq!(cache.notices().wait().unwrap().len(), 1);
}

#[test]
fn a_newer_cache_and_rows_of_another_shape_are_nothing_to_us() {
    let dir = tempfile::tempdir().unwrap();
    let here = scope("eu-west-1");
    {
        start(dir.path()).save(&here, endpoints(2).into(), AT).wait().unwrap();
    }
    let file = dir.path().join("cache/cache-v1.db");
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch("UPDATE rows SET body = '{\"colour\":1}' WHERE position = 1").unwrap();
    assert_eq!(start(dir.path()).load(&here, Kind::Endpoint).wait().unwrap(), None);
    db.execute_batch("PRAGMA user_version = 9").unwrap();
    drop(db);
    let cache = start(dir.path());
    assert_eq!(cache.load(&here, Kind::Endpoint).wait().unwrap(), None);
    let notices = cache.notices().wait().unwrap();
    assert!(notices[0].as_str().contains("newer mldeck"), "{notices:?}");
}

#[test]
#[ignore = "the body of a child process of another test"]
fn child_writes_under_an_open_umask() {
    #[expect(clippy::disallowed_methods, reason = "how the parent test speaks to its child")]
    let Ok(root) = std::env::var("MLDECK_TEST_UMASK") else { return };
    let cache = start(Path::new(&root));
    cache.save(&scope("eu-west-1"), endpoints(2).into(), AT).wait().unwrap();
    let journal = Journal::start(&Folders::under(Path::new(&root)), AT).unwrap();
    journal.append("9c1e0001", "intent", json!({}), AT).wait().unwrap();
    let _held = PlanLock::take(&Path::new(&root).join("state"), "9c1e0001", &Holder::default()).unwrap();
    println!("written");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn files_and_folders_are_ours_alone_whatever_the_umask() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::child_writes_under_an_open_umask", "--ignored", "--nocapture"])
        .env("MLDECK_TEST_UMASK", dir.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("written")));
    // While it still runs: WAL and shared memory are there, too.
    let mut files = Vec::new();
    for folder in ["cache", "state", "state/locks"] {
        assert_eq!(mode(&dir.path().join(folder)), 0o700, "{folder}");
        for entry in std::fs::read_dir(dir.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    assert!(
        ["9c1e0001.lock", "cache-v1.db", "journal.db"].iter().all(|name| files.iter().any(|f| f == name)),
        "{files:?}"
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_others_could_have_planted_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let refusal = |result: Result<std::path::PathBuf, StoreError>| match result {
        Err(StoreError::Unsafe { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let real = paths::private_dir(&root.join("real")).unwrap();
    symlink(&real, root.join("link")).unwrap();
    assert!(refusal(paths::private_dir(&root.join("link"))).starts_with("is a link"));
    set(&real, 0o777);
    assert!(refusal(paths::private_dir(&real)).starts_with("can be written by others"));
    assert!(refusal(paths::private_dir(&real.join("below"))).starts_with("lies in a folder that others can write"));
    set(&real, 0o755);
    paths::private_dir(&real).unwrap();
    assert_eq!(mode(&real), 0o700, "readable by others is closed");

    let refusal = |path: &Path| match paths::private_file(path) {
        Err(StoreError::Unsafe { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let file = real.join("file");
    drop(paths::private_file(&file).unwrap());
    assert_eq!(mode(&file), 0o600);
    symlink(&file, real.join("link")).unwrap();
    assert_eq!(refusal(&real.join("link")), "is a link");
    std::fs::hard_link(&file, real.join("second")).unwrap();
    assert_eq!(refusal(&file), "has a second name somewhere");
    let loose = real.join("loose");
    drop(paths::private_file(&loose).unwrap());
    set(&loose, 0o666);
    assert_eq!(refusal(&loose), "can be written by others; set it to 0600");
    assert!(matches!(paths::private_file(&real), Err(StoreError::Unsafe { .. } | StoreError::Io { .. })));
}

#[test]
fn foreign_owners_are_refused() {
    // Only root can make files of somebody else.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    drop(paths::private_file(&file).unwrap());
    std::os::unix::fs::chown(&file, Some(12_345), None).unwrap();
    assert!(matches!(paths::private_file(&file), Err(StoreError::Unsafe { why: "belongs to somebody else", .. })));
    std::os::unix::fs::chown(dir.path(), Some(12_345), None).unwrap();
    assert!(matches!(paths::private_dir(dir.path()), Err(StoreError::Unsafe { why: "belongs to somebody else", .. })));
}

#[test]
fn without_a_usable_folder_the_cache_lives_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cache"), "a file where the folder should be").unwrap();
    let cache = start(dir.path());
    cache.save(&scope("eu-west-1"), endpoints(2).into(), AT).wait().unwrap();
    assert_eq!(cache.load(&scope("eu-west-1"), Kind::Endpoint).wait().unwrap().unwrap().total, 2);
    let notices = cache.notices().wait().unwrap();
    assert!(notices[0].as_str().starts_with("nothing is cached on disk: "), "{notices:?}");
}

#[test]
fn a_plan_has_one_holder_and_the_second_is_told_who() {
    let dir = tempfile::tempdir().unwrap();
    let anna = Holder { who: Text::new("anna"), host: Text::new("bastion"), pid: 41, since: AT };
    let bob = Holder { who: Text::new("bob"), ..anna.clone() };
    assert_eq!(PlanLock::holder(dir.path(), "9c1e0001"), None);
    let held = PlanLock::take(dir.path(), "9c1e0001", &anna).unwrap();
    match PlanLock::take(dir.path(), "9c1e0001", &bob) {
        Err(StoreError::Held(holder)) => assert_eq!(holder, anna),
        other => panic!("{other:?}"),
    }
    assert_eq!(PlanLock::holder(dir.path(), "9c1e0001"), Some(anna));
    let other = PlanLock::take(dir.path(), "9c1e0002", &bob).unwrap();
    drop(held);
    let again = PlanLock::take(dir.path(), "9c1e0001", &bob).unwrap();
    assert_eq!(PlanLock::holder(dir.path(), "9c1e0001"), Some(bob));
    drop((other, again));
    assert_eq!(std::fs::read_dir(dir.path().join("locks")).unwrap().count(), 0);
    assert!(PlanLock::take(dir.path(), "../x", &Holder::default()).is_err());
}

#[test]
#[ignore = "the body of a child process of another test"]
fn child_holds_a_plan() {
    #[expect(clippy::disallowed_methods, reason = "how the parent test speaks to its child")]
    let Ok(root) = std::env::var("MLDECK_TEST_HOLD") else { return };
    let holder = Holder { who: Text::new("child"), host: Text::new("here"), pid: std::process::id(), since: AT };
    let _held = PlanLock::take(Path::new(&root), "9c1e0001", &holder).unwrap();
    println!("held");
    // Until the parent kills this process.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_lock_dies_with_its_holder() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::child_holds_a_plan", "--ignored", "--nocapture"])
        .env("MLDECK_TEST_HOLD", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("held")));
    let holder = PlanLock::holder(dir.path(), "9c1e0001").unwrap();
    assert_eq!((holder.who.as_str(), holder.pid), ("child", child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(PlanLock::holder(dir.path(), "9c1e0001"), None);
    PlanLock::take(dir.path(), "9c1e0001", &Holder::default()).unwrap();
}

#[test]
fn a_disk_that_stands_still_refuses_instead_of_blocking() {
    let (block, blocked) = std::sync::mpsc::channel::<()>();
    let actor = actor::Actor::start("test", || ()).unwrap();
    let (start, started) = std::sync::mpsc::channel::<()>();
    let first = actor.ask(move |()| {
        drop(start);
        let _ = blocked.recv();
        Ok(1)
    });
    // Off the queue, which is empty now.
    let _ = started.recv();
    let answers: Vec<_> = (0..300).map(|n| actor.ask(move |()| Ok(n))).collect();
    drop(block);
    assert_eq!(first.wait().unwrap(), 1);
    let results: Vec<_> = answers.into_iter().map(Answer::wait).collect();
    let refused = results.iter().filter(|result| matches!(result, Err(StoreError::Busy))).count();
    assert_eq!(refused, 44, "of 300 with a queue of 256");
    let kept: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert_eq!(kept, (0..300 - refused).collect::<Vec<_>>());
}

/// What the lock is for, shown by its absence: a debug build can go without it.
#[cfg(debug_assertions)]
#[test]
fn without_the_lock_two_act_on_one_plan() {
    use mldeck_core::ops::rule::{Rule, go_without};
    let dir = tempfile::tempdir().unwrap();
    let second = || PlanLock::take(dir.path(), "9c1e0001", &Holder::default());
    let _first = second().unwrap();
    assert!(matches!(second(), Err(StoreError::Held(_))), "with it, the second one watches");
    go_without(Some(Rule::OneWriter));
    let both = second();
    go_without(None);
    assert!(both.is_ok(), "{both:?}");
}
