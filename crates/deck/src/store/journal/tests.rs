use std::{
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
};

use super::*;

const AT: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn start(root: &Path) -> Journal {
    Journal::start(&Folders::under(root), AT).unwrap()
}

fn file(root: &Path) -> PathBuf {
    root.join("state").join(FILE)
}

/// Three entries of two operations.
fn filled(root: &Path) -> Vec<Record> {
    let journal = start(root);
    assert_eq!(journal.append("9c1e0001", "intent", json!({"call": "UpdateEndpoint"}), AT).wait().unwrap(), 1);
    assert_eq!(journal.append("9c1e0001", "ended", json!({"state": "Done"}), AT.plus(1)).wait().unwrap(), 2);
    assert_eq!(journal.append("9c1e0002", "intent", json!({"call": "AddTags"}), AT.plus(2)).wait().unwrap(), 3);
    journal.read_all().wait().unwrap()
}

#[test]
fn entries_come_back_in_order_and_the_open_ones_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let records = filled(dir.path());
    let journal = start(dir.path());
    assert_eq!(journal.read_all().wait().unwrap(), records);
    assert_eq!(records[1].body, json!({"state": "Done"}));
    assert_eq!(records[2].at, AT.plus(2));
    assert_eq!(journal.read_op("9c1e0001").wait().unwrap(), records[..2]);
    assert_eq!(journal.read_open(&["ended"]).wait().unwrap(), records[2..]);
    let head = records[2].hash.clone();
    assert_eq!(journal.verify().wait().unwrap(), Verdict::Intact { entries: 3, head });
    assert_eq!(journal.was_set_aside().wait().unwrap(), None);
    assert_eq!(journal.append("9c1e0003", "intent", json!({}), AT).wait().unwrap(), 4);
}

/// Runs this test binary as another process that appends until it is killed, and acknowledges each entry on stdout.
fn appender(root: &Path, op: &str, count: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::journal::tests::child_appends", "--ignored", "--nocapture"])
        .env("MLDECK_TEST_APPEND", format!("{op} {count} {}", root.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the body of a child process of other tests"]
fn child_appends() {
    #[expect(clippy::disallowed_methods, reason = "how the parent test speaks to its child")]
    let Ok(job) = std::env::var("MLDECK_TEST_APPEND") else { return };
    let mut words = job.splitn(3, ' ');
    let (op, count, root) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let journal = start(Path::new(root));
    for n in 0..count.parse().unwrap() {
        let seq = journal.append(op, "intent", json!({"n": n, "fill": "x".repeat(3000)}), AT).wait().unwrap();
        println!("acknowledged {seq}");
    }
}

fn acknowledged(line: &str) -> Option<u64> {
    line.trim().rsplit_once("acknowledged ")?.1.parse().ok()
}

#[test]
fn a_kill_at_any_append_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    for kill_after in 0..24u32 {
        let mut child = appender(dir.path(), &format!("op{kill_after}"), 10_000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acks = 0;
        while acks <= kill_after % 6 {
            let line = lines.next().expect("the child goes on until it is killed").unwrap();
            if let Some(seq) = acknowledged(&line) {
                (acks, last) = (acks + 1, seq);
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it acknowledged between our last line and its death counts, too.
        last = lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)).fold(last, u64::max);
        let journal = start(dir.path());
        let Verdict::Intact { entries, .. } = journal.verify().wait().unwrap() else { panic!("broken") };
        assert!(entries == last || entries == last + 1, "{entries} entries after {last} were acknowledged");
        assert_eq!(journal.was_set_aside().wait().unwrap(), None);
        last = entries;
    }
    assert!(last >= 24 * 3, "{last}");
}

#[test]
fn two_processes_share_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<Child> = ["a", "b"].map(|op| appender(dir.path(), op, 25)).into();
    let mut seen = BTreeSet::new();
    for mut child in children {
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(child.wait().unwrap().success());
        for seq in out.lines().filter_map(acknowledged) {
            assert!(seen.insert(seq), "{seq} was given twice");
        }
    }
    assert_eq!(seen, (1..=50).collect());
    let journal = start(dir.path());
    assert!(matches!(journal.verify().wait().unwrap(), Verdict::Intact { entries: 50, .. }));
    for op in ["a", "b"] {
        let mine = journal.read_op(op).wait().unwrap();
        let order: Vec<_> = mine.iter().map(|record| record.body["n"].as_u64().unwrap()).collect();
        assert_eq!(order, (0..25).collect::<Vec<_>>());
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed_or_harmless() {
    let source = tempfile::tempdir().unwrap();
    let records = filled(source.path());
    // Smaller pages, less emptiness between the bytes that matter.
    tamper(source.path(), "PRAGMA page_size = 512; VACUUM");
    let whole = std::fs::read(file(source.path())).unwrap();
    // In memory where that is offered: thousands of files are made and synced.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let state = paths::private_dir(&dir.path().join("state")).unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(state.join(FILE), &bytes).unwrap();
        let mut found = State::open(&state, AT);
        match (&found.open, &found.set_aside) {
            (Ok(_), None) => {
                assert_eq!(found.read(|_| true).unwrap(), records, "byte {at} changed what is read");
                if found.append("9c1e0003", "intent", &json!({}), AT).is_ok() {
                    let (verdict, tail) = chain::verify(&found.journal().unwrap().db).unwrap();
                    assert!(matches!(verdict, Verdict::Intact { entries: 4, .. }), "byte {at}: {verdict}");
                    assert_eq!(tail.seq, 4);
                }
                harmless += 1;
            }
            (Ok(_), Some(aside)) => {
                assert!(records.starts_with(&aside.intact), "byte {at}: {:?}", aside.intact);
                assert_eq!(std::fs::read(&aside.file).unwrap(), bytes, "byte {at}: the damaged file was touched");
                noticed += 1;
            }
            (Err(_), _) => noticed += 1,
        }
        drop(found);
        for entry in std::fs::read_dir(&state).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    println!("{noticed} noticed, {harmless} harmless, of {}", whole.len());
    assert!(noticed > 400, "{noticed}: the entries alone are longer");
}

#[test]
fn a_journal_cut_off_anywhere_is_noticed() {
    let source = tempfile::tempdir().unwrap();
    filled(source.path());
    let whole = std::fs::read(file(source.path())).unwrap();
    for len in (0..whole.len()).step_by(509) {
        let dir = tempfile::tempdir().unwrap();
        let state = paths::private_dir(&dir.path().join("state")).unwrap();
        std::fs::write(state.join(FILE), &whole[..len]).unwrap();
        std::fs::write(state.join("journal.lock"), BEGUN).unwrap();
        let found = State::open(&state, AT);
        assert!(found.open.is_err() || found.set_aside.is_some(), "cut to {len} bytes");
    }
}

/// Changes the file the way somebody with an SQLite shell would.
fn tamper(root: &Path, sql: &str) {
    Connection::open(file(root)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn tampering_is_found_at_its_entry_and_the_rest_is_exported() {
    for (sql, broken_at, intact) in [
        ("UPDATE entries SET body = '{\"call\":\"DeleteEndpoint\"}' WHERE seq = 2", 2, 1),
        ("UPDATE entries SET at = at + 1 WHERE seq = 3", 3, 2),
        ("DELETE FROM entries WHERE seq = 2", 2, 1),
        ("DELETE FROM entries WHERE seq = 3", 3, 2),
        ("DELETE FROM entries", 1, 0),
        ("UPDATE entries SET seq = -1 WHERE seq = 1", 1, 0),
        ("INSERT INTO entries VALUES (-5, 0, '', '', '', '')", 4, 3),
        ("INSERT INTO entries SELECT 4, at, op, kind, body, hash FROM entries WHERE seq = 3", 4, 3),
        ("UPDATE head SET hash = 'x'", 4, 3),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let records = filled(dir.path());
        tamper(dir.path(), sql);
        let journal = start(dir.path());
        let aside = journal.was_set_aside().wait().unwrap().unwrap_or_else(|| panic!("not noticed: {sql}"));
        assert!(matches!(aside.verdict, Verdict::Broken { seq, .. } if seq == broken_at), "{sql}: {}", aside.verdict);
        assert_eq!(aside.intact, records[..intact], "{sql}");
        let lines = std::fs::read_to_string(&aside.export).unwrap();
        let holding = lines.lines().filter(|line| line.contains("\"holds\":true")).count();
        assert_eq!(holding, intact, "{sql}: {lines}");
        assert_eq!(std::fs::metadata(&aside.export).unwrap().permissions().mode() & 0o777, 0o600);
        let fresh = journal.read_all().wait().unwrap();
        assert_eq!((fresh.len(), fresh[0].kind.as_str()), (1, SET_ASIDE));
        assert_eq!(journal.append("9c1e0009", "intent", json!({}), AT).wait().unwrap(), 2);
        assert_eq!(journal.read_open(&["ended"]).wait().unwrap().len(), 1);
    }
}

#[test]
fn a_chain_that_breaks_while_we_run_takes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let journal = start(dir.path());
    assert_eq!(journal.append("x", "intent", json!({}), AT).wait().unwrap(), 4);
    tamper(
        dir.path(),
        "DELETE FROM entries WHERE seq = 4; UPDATE head SET seq = 3, hash = (SELECT hash FROM entries WHERE seq = 3)",
    );
    let error = journal.append("x", "ended", json!({}), AT).wait().unwrap_err();
    assert_eq!(error.to_string(), "the journal is not whole (entry 4 is not what it was); nothing is added to it");
    assert_eq!(journal.read_all().wait().unwrap().len(), 3);
}

#[test]
fn a_removed_or_exchanged_file_takes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let journal = start(dir.path());
    journal.verify().wait().unwrap();
    std::fs::remove_file(file(dir.path())).unwrap();
    let error = journal.append("x", "intent", json!({}), AT).wait().unwrap_err();
    assert!(error.to_string().contains("it was removed while mldeck runs"), "{error}");
    let other = tempfile::tempdir().unwrap();
    start(other.path()).append("y", "intent", json!({}), AT).wait().unwrap();
    std::fs::copy(file(other.path()), file(dir.path())).unwrap();
    let error = journal.append("x", "intent", json!({}), AT).wait().unwrap_err();
    assert!(error.to_string().contains("entry 3 is gone: the file was exchanged"), "{error}");
}

#[test]
fn a_process_follows_another_one_that_set_the_file_aside() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let first = start(dir.path());
    first.verify().wait().unwrap();
    tamper(dir.path(), "UPDATE entries SET op = 'z' WHERE seq = 1");
    let second = start(dir.path());
    assert!(second.was_set_aside().wait().unwrap().is_some());
    assert_eq!(first.append("x", "intent", json!({}), AT).wait().unwrap(), 2);
    assert_eq!(second.append("y", "intent", json!({}), AT).wait().unwrap(), 3);
    assert!(matches!(first.verify().wait().unwrap(), Verdict::Intact { entries: 3, .. }));
}

#[test]
fn a_full_disk_refuses_the_entry_and_leaves_the_chain_whole() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut state = State::open(&dir.path().join("state"), AT);
    let limit = |state: &mut State, pages: i64| {
        let db = &state.journal().unwrap().db;
        db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0)).unwrap()
    };
    let pages = limit(&mut state, 1);
    let long = json!({"plan": "x".repeat(100_000)});
    let error = state.append("x", "intent", &long, AT).unwrap_err();
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(state.read(|_| true).unwrap().len(), 3);
    limit(&mut state, pages + 100);
    assert_eq!(state.append("x", "intent", &long, AT).unwrap(), 4);
    assert!(matches!(chain::verify(&state.journal().unwrap().db).unwrap().0, Verdict::Intact { entries: 4, .. }));
}

#[test]
fn after_a_failed_sync_nothing_more_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(&dir.path().join("state"), AT);
    let io = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None);
    assert!(StoreError::Sqlite { doing: "adding", source: io }.is_disk());
    state.journal().unwrap().failed = true;
    assert!(matches!(state.append("x", "intent", &json!({}), AT), Err(StoreError::DiskFailed)));
    assert_eq!(state.read(|_| true).unwrap(), []);
}

#[test]
fn a_newer_journal_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    tamper(dir.path(), "PRAGMA user_version = 2");
    let before = std::fs::read(file(dir.path())).unwrap();
    let journal = start(dir.path());
    let error = journal.append("x", "intent", json!({}), AT).wait().unwrap_err().to_string();
    assert!(error.contains("was written by a newer mldeck (format 2, this one knows 1)"), "{error}");
    assert_eq!(std::fs::read(file(dir.path())).unwrap(), before);
}

#[test]
fn the_files_are_ours_alone_and_links_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("state")), 0o700);
    assert_eq!(mode(&file(dir.path())), 0o600);
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("state")).unwrap();
    std::os::unix::fs::symlink(file(dir.path()), file(other.path())).unwrap();
    let error = start(other.path()).append("x", "intent", json!({}), AT).wait().unwrap_err().to_string();
    assert!(error.contains("is a link"), "{error}");
    assert_eq!(start(dir.path()).read_all().wait().unwrap().len(), 3);
}
