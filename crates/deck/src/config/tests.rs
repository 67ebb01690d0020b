use std::path::Path;

use proptest::prelude::*;

use super::*;

fn load(source: &str, env: &[(&str, &str)], flags: Overrides) -> (Config, Vec<String>) {
    let file = Some((Path::new("config.toml"), source));
    let (config, said) = Config::load(file, &Environment::of(env.iter().copied()), flags);
    (config, said.iter().map(ToString::to_string).collect())
}

fn file(source: &str) -> (Config, Vec<String>) {
    load(source, &[], Overrides::default())
}

#[test]
fn the_default_file_sets_every_default_and_names_every_setting() {
    let (config, said) = Config::load(None, &Environment::default(), Overrides::default());
    assert_eq!(said, []);
    assert_eq!(
        config,
        Config {
            theme: "dark".into(),
            names_theme: false,
            keys: "default".into(),
            read_only: false,
            clipboard: true,
            notifications: Notifications::Off,
            endpoint_url: None,
            accounts: vec![],
            team: None,
            bulk_in_production: 10,
        }
    );
    let commented = DEFAULT.replace("# endpoint-url", "endpoint-url").replace("# [[", "[[");
    let commented = commented.replace("# id", "id").replace("# class", "class").replace("# name", "name");
    let commented = commented.replace("# [team", "[team").replace("# table", "table").replace("# host", "host");
    let (config, said) = file(&commented);
    assert_eq!(said, [""; 0]);
    assert_eq!(config.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
    assert_eq!(config.name_of("447100000921"), Some(&Text::new("acme-ml-prod")));
    let team = config.team.expect("a team");
    assert_eq!((team.table, team.host), (Text::new("mldeck-team"), Some(Text::new("web-1"))));
    for setting in options::SETTINGS {
        assert!(DEFAULT.contains(setting.name), "{} is not in default.toml", setting.name);
    }
}

#[test]
fn flags_beat_the_environment_and_that_beats_the_file() {
    let source = "theme = \"light\"\nkeys = \"k9s\"\nnotifications = \"bell\"\n";
    let env = [("MLDECK_THEME", "mono"), ("MLDECK_NOTIFICATIONS", "osc9")];
    let flags = Overrides { notifications: Some(Notifications::Osc777), ..Overrides::default() };
    let (config, said) = load(source, &env, flags);
    assert_eq!(said, [""; 0]);
    assert_eq!((config.theme.as_str(), config.keys.as_str()), ("mono", "k9s"));
    assert_eq!(config.notifications, Notifications::Osc777);
}

#[test]
fn a_theme_is_named_by_file_environment_or_flag_and_not_by_the_defaults() {
    let named = |source, env: &[(&str, &str)], theme: Option<&str>| {
        load(source, env, Overrides { theme: theme.map(Into::into), ..Overrides::default() }).0.names_theme
    };
    assert!(!named("keys = \"k9s\"\n", &[], None));
    assert!(named("theme = \"dark\"\n", &[], None));
    assert!(named("", &[("MLDECK_THEME", "dark")], None));
    assert!(named("", &[], Some("dark")));
}

#[test]
fn read_only_can_only_be_added() {
    let no = Overrides { read_only: Some(false), ..Overrides::default() };
    assert!(load("read-only = true\n", &[("MLDECK_READ_ONLY", "0")], no).0.read_only);
    assert!(load("", &[("MLDECK_READ_ONLY", "yes")], Overrides::default()).0.read_only);
    assert!(!load("", &[("MLDECK_READ_ONLY", "off")], Overrides::default()).0.read_only);
}

#[test]
fn a_team_that_cannot_be_read_is_no_team_less() {
    for source in [
        "[team]\n",
        "[team]\ntable = \"x\"\n",
        "[team]\ntable = \"my table\"\n",
        "[team]\ntable = 3\n",
        "[Team]\ntable = \"mldeck-team\"\n",
        "[teams]\ntable = \"mldeck-team\"\n",
        "team = \"mldeck-team\"\n",
    ] {
        let (config, said) = file(source);
        assert!(config.read_only && config.team.is_none(), "{source:?}: {said:?}");
    }
    let (config, said) = file("[team]\ntable = \"mldeck-team\"\nregion = \"eu-west-1\"\n");
    assert_eq!(config.team.map(|team| team.table), Some(Text::new("mldeck-team")));
    assert!(said[0].contains("team.region: means nothing here; allowed: table, host"), "{said:?}");
}

#[test]
fn what_cannot_be_read_may_have_said_read_only() {
    for source in ["read-only = \"yes\"\n", "read_only = true\n", "readonly = true\n", "theme = \n"] {
        let (config, said) = file(source);
        assert!(config.read_only, "{source:?}");
        assert!(said.iter().any(|line| line.contains("read-only: what could not be read")), "{said:?}");
    }
    let (config, said) = load("", &[("MLDECK_READ_ONLY", "perhaps")], Overrides::default());
    assert!(config.read_only);
    assert!(said[0].starts_with("MLDECK_READ_ONLY: ") && said[0].ends_with("allowed: true, false"), "{said:?}");
    assert!(!file("them = \"light\"\n").0.read_only, "a misspelt theme is no reason");
}

#[test]
fn an_account_that_no_entry_names_is_production() {
    let (config, said) = file(
        "[[accounts]]\nid = \"000000000001\"\nclass = \"dev\"\n[[accounts]]\nid = \"000000000002\"\nclass = \"stage\"\nname = \"pre\"\n\
         [[accounts]]\nid = \"000000000002\"\nclass = \"prod\"\n",
    );
    assert_eq!(said, [""; 0]);
    assert_eq!(config.class_of("000000000001"), Class::Dev);
    assert_eq!(config.class_of("000000000002"), Class::Prod, "of two entries the more careful one");
    assert_eq!(config.class_of("000000000003"), Class::Prod);
    assert_eq!(config.class_of(""), Class::Prod);
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_the_rest_holds() {
    let (config, said) = file(
        r#"theme = "light"
keys = 7
clipbord = true
notifications = "loud"
regions = ["eu-west-1"]

[[accounts]]
id = "447100000921"
class = "prd"
"#,
    );
    for expected in [
        "config.toml:2: keys: invalid type: integer `7`, expected a string; allowed: default, k9s",
        "config.toml:3: clipbord: no such setting; allowed: clipboard",
        "config.toml:4: notifications: unknown variant `loud`, expected one of `off`, `bell`, `osc9`, `osc777`; allowed: off, bell, osc9, osc777",
        "config.toml:5: regions: no such setting; allowed: theme, keys, read-only, clipboard, notifications, bulk-in-production, endpoint-url, accounts, team",
        "config.toml:9: accounts[0].class: no such class: \"prd\"; allowed: prod, stage, dev",
    ] {
        assert!(said.iter().any(|line| line == expected), "missing: {expected}\n{said:#?}");
    }
    assert_eq!(said.len(), 5, "{said:#?}");
    assert_eq!((config.theme.as_str(), config.keys.as_str(), config.accounts.len()), ("light", "default", 0));
}

#[test]
fn a_key_that_means_nothing_is_a_warning() {
    let (config, said) = file("[[accounts]]\nid = \"447100000921\"\nclass = \"dev\"\ncolour = \"red\"\n");
    assert_eq!(said, ["config.toml:4: accounts.0.colour: means nothing here; allowed: id, class, name"]);
    assert_eq!(config.class_of("447100000921"), Class::Dev);
    let (_, said) = file("[[accounts]]\nid = \"4471\"\nclass = \"dev\"\n");
    assert_eq!(said, ["config.toml:2: accounts[0].id: an account id has 12 digits, in quotes"]);
}

#[test]
fn the_folder_is_read_and_checked_whole() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::create_dir(dir.path().join("themes")).unwrap();
    write("config.toml", "theme = \"mine\"\nkeys = \"k9s\"\n");
    write("keys.toml", "[global]\n\"f2\" = \"refreshh\"\n");
    write("themes/mine.toml", "inherits = \"light\"\n");
    write("themes/bad.toml", "[roles]\nokk = \"red\"\n");
    write("themes/notes.txt", "not a theme");
    let files = Files::read(dir.path(), None);
    assert_eq!(files.diagnostics, []);
    assert_eq!(files.themes.iter().map(ThemeFile::name).collect::<Vec<_>>(), ["bad", "mine"]);
    let setup = super::load(files.clone(), &Environment::default(), Overrides::default());
    assert_eq!(setup.config.theme, "mine");
    let bad = Overrides { theme: Some("bad".to_owned()), ..Overrides::default() };
    let setup = super::load(files.clone(), &Environment::of([("MLDECK_LOG", "loud")]), bad);
    let said: Vec<_> = setup.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("bad.toml:2"), "the theme in use is looked at: {said:#?}");
    assert!(said.iter().any(|line| line.starts_with("MLDECK_LOG: no such level")), "{said:#?}");
    assert_eq!(setup.log, LogFilter::default());
    let said: Vec<_> = check(&files, &Environment::default()).iter().map(ToString::to_string).collect();
    let wrong = |part: &str| said.iter().any(|line| line.contains(part));
    assert!(wrong("keys.toml:2: global.\"f2\": unknown command \"refreshh\"; allowed: refresh"), "{said:#?}");
    assert!(wrong("bad.toml:2: roles.\"okk\": no such role"), "{said:#?}");
    assert!(said[0].contains("bad.toml"), "the worst first: {said:#?}");
}

#[test]
fn a_named_file_must_be_there_and_a_missing_one_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Files::read(dir.path(), None), Files::default());
    let files = Files::read(dir.path(), Some(&dir.path().join("else.toml")));
    assert_eq!(files.diagnostics.len(), 1);
    assert!(super::load(files, &Environment::default(), Overrides::default()).config.read_only);
    std::fs::write(dir.path().join("config.toml"), [0xff, 0xfe]).unwrap();
    let files = Files::read(dir.path(), None);
    assert_eq!(files.diagnostics[0].severity, Severity::Error);
}

#[test]
fn the_schema_knows_what_the_reader_knows() {
    let schema = schema();
    let names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    let mut known: Vec<_> = options::SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
    known.sort();
    assert_eq!(names, known);
    assert_eq!(schema["properties"]["keys"]["enum"], serde_json::json!(Keymap::presets().collect::<Vec<_>>()));
    for setting in options::SETTINGS {
        if let Some(name) = setting.variable() {
            let env = Environment::of([(name.as_str(), "x")]);
            assert_eq!(env.get(&name), Some("x"), "{name} is not read from the environment");
        }
    }
}

proptest! {
    #[test]
    fn no_file_breaks_the_reader(source in "([a-z-]{1,12} = (\"[a-z0-9]{0,5}\"|[0-9]{1,3}|true|\\[1\\])\n|\\[\\[accounts\\]\\]\n|read-only = [a-z]{4}\n){0,6}") {
        let _ = file(&source);
    }
}

#[test]
fn a_bound_that_cannot_be_read_lets_nothing_through() {
    let bound = |source: &str, env: &[(&str, &str)]| {
        let (config, said) = load(source, env, Overrides::default());
        (config.bulk_in_production, said.len())
    };
    assert_eq!(bound("bulk-in-production = 3", &[]), (3, 0));
    assert_eq!(bound("bulk-in-production = 3", &[("MLDECK_BULK_IN_PRODUCTION", "5")]), (5, 0));
    for wrong in ["bulk-in-production = \"three\"", "bulk-in-production = -1", "bulk_in_production = 50"] {
        assert_eq!(bound(wrong, &[]), (0, 1), "{wrong}");
    }
    assert_eq!(bound("", &[("MLDECK_BULK_IN_PRODUCTION", "many")]), (0, 1));
}
