use std::collections::HashMap;

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::{Text, escape, is_narrow, width};

/// Everything that has ever fooled a terminal or a reader, next to what it is fooled with.
const NASTY: &[char] = &[
    'a',
    'u',
    '{',
    '}',
    '\\',
    '1',
    'b',
    '0',
    ' ',
    '…',
    '\0',
    '\x07',
    '\x08',
    '\t',
    '\n',
    '\r',
    '\x1b',
    '\x7f',
    '\u{85}',
    '\u{90}',
    '\u{9b}',
    '\u{9c}',
    '\u{9d}',
    '\u{9f}',
    '\u{a0}',
    '\u{ad}',
    '\u{301}',
    '\u{34f}',
    '\u{61c}',
    '\u{600}',
    '\u{903}',
    '\u{94d}',
    '\u{915}',
    '\u{e01}',
    '\u{e33}',
    '\u{1100}',
    '\u{1161}',
    '\u{11a8}',
    '\u{115f}',
    '\u{1160}',
    '\u{180e}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{200f}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{20dd}',
    '\u{2764}',
    '\u{2800}',
    '\u{3000}',
    '\u{3099}',
    '\u{3164}',
    '\u{378}',
    '\u{fe0e}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ff76}',
    '\u{ff9e}',
    '\u{fff9}',
    '\u{fffb}',
    '\u{fffd}',
    '\u{ffff}',
    '\u{e000}',
    '\u{1f1e6}',
    '\u{1f3fb}',
    '\u{1f468}',
    '\u{1f4bb}',
    '\u{e0001}',
    '\u{e0041}',
    '\u{e0100}',
    '\u{10ffff}',
    'א',
    'ل',
    'ا',
    '日',
    'é',
];

fn assert_safe(raw: &str, shown: &str) {
    for (at, c) in shown.char_indices() {
        let emoji = c == '\u{fe0f}' && at > 0;
        assert!(emoji || !escape::is_hidden(c), "{c:?} is left of {raw:?} in {shown:?}");
    }
    for cluster in shown.graphemes(true) {
        assert!(cluster.chars().count() <= 1 + escape::MARKS_MAX, "{raw:?}: {cluster:?} has too many marks");
        assert!(cluster.len() <= escape::CLUSTER_MAX, "{raw:?}: {cluster:?} is too long");
        assert!(width(cluster) > 0, "{raw:?}: {cluster:?} takes no room and would join its neighbour");
    }
}

#[test]
fn injective_for_every_string_of_up_to_two_nasty_characters() {
    let mut seen: HashMap<String, String> = HashMap::new();
    let pairs = NASTY.iter().flat_map(|a| NASTY.iter().map(move |b| format!("{a}{b}")));
    for raw in NASTY.iter().map(ToString::to_string).chain(pairs).chain([String::new()]) {
        let text = Text::new(&raw);
        assert_safe(&raw, text.as_str());
        assert_eq!(text.raw(), raw, "shown as {text}");
        if let Some(other) = seen.insert(text.to_string(), raw.clone()) {
            panic!("{raw:?} and {other:?} are both shown as {text}");
        }
    }
}

#[test]
fn every_code_point_is_shown_safely_and_given_back() {
    // Above the third plane nothing is assigned but tags and selectors; one in 97 will do there.
    let tail = ('\u{33500}'..=char::MAX).step_by(97);
    for c in ('\0'..'\u{33500}').chain('\u{e0000}'..'\u{e0200}').chain(tail) {
        for raw in [String::from(c), format!("a{c}{c}b")] {
            let text = Text::new(&raw);
            assert_safe(&raw, text.as_str());
            assert_eq!(text.raw(), raw);
        }
    }
}

#[test]
fn classes_that_must_never_be_drawn() {
    let classes = [
        '\0'..='\x1f',
        '\x7f'..='\u{a0}',
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202f}',
        '\u{2060}'..='\u{206f}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{fdd0}'..='\u{fdef}',
        '\u{fffe}'..='\u{ffff}',
        '\u{e000}'..='\u{f8ff}',
        '\u{e0000}'..='\u{e007f}',
        '\u{e0100}'..='\u{e01ef}',
        '\u{f0000}'..='\u{10ffff}',
    ];
    for c in classes.into_iter().flatten() {
        assert_eq!(Text::new(&format!("x{c}y")).as_str(), format!("x\\u{{{:x}}}y", c as u32));
    }
}

#[test]
fn what_is_harmless_is_left_alone() {
    for plain in [
        "fraud-prod",
        r"C:\temp\users",
        r"^\d+\.\w{2}$",
        r"\\server\share\",
        "café",
        "Zürich",
        "東京",
        "مرحبا",
        "שלום",
        "हिन्दी",
        "한국어",
        "x²",
        "❤\u{fe0f}",
        "🇪🇺",
        "👍🏽",
        "e\u{301}",
        r"\n stays \n",
    ] {
        let text = Text::new(plain);
        assert_eq!(text.as_str(), plain);
        assert_eq!(text.raw(), plain);
        assert!(!text.is_cut());
    }
}

#[test]
fn notation_and_backslashes() {
    for (raw, shown) in [
        ("\x1b[31mred", r"\u{1b}[31mred"),
        (r"\u{1b}", r"\\u{1b}"),
        ("\\\x1b", r"\\\u{1b}"),
        (r"\\u{", r"\\\\u{"),
        (r"\users", r"\users"),
        ("a\u{202e}b", r"a\u{202e}b"),
        ("1\u{fe0f}\u{20e3}", "1\\u{fe0f}\\u{20e3}"),
        ("👩\u{200d}💻", r"👩\u{200d}💻"),
        ("\u{301}x", r"\u{301}x"),
        ("a b", "a b"),
        ("a\u{a0}b", r"a\u{a0}b"),
    ] {
        assert_eq!(Text::new(raw).as_str(), shown);
        assert_eq!(Text::new(raw).raw(), raw);
    }
}

#[test]
fn terminal_sequences_of_every_family_become_inert() {
    let bodies = [
        "]0;title",
        "]7;file://h/",
        "]8;;http://evil/",
        "]9;note",
        "]10;?",
        "]11;?",
        "]50;font",
        "]52;c;QQ==",
        "]133;A",
        "]777;notify;a;b",
        "]1337;File=:QQ==",
        "P$q\"p",
        "P+q544e",
        "_Gi=1;AAAA",
        "^private",
        "Xsos",
        "[21t",
        "[6n",
        "[?1049h",
        "[2J",
        "c",
        "(0",
        "#8",
    ];
    for body in bodies {
        let eight = body.chars().next().and_then(|c| char::from_u32(c as u32 + 0x40));
        for start in [Some('\x1b'), eight.filter(|c| c.is_control())].into_iter().flatten() {
            for end in ["\x07", "\x1b\\", "\u{9c}", ""] {
                let raw = format!("a{start}{body}{end}b\rc\x08d\x7f");
                let text = Text::new(&raw);
                assert_safe(&raw, text.as_str());
                assert_eq!(text.raw(), raw);
            }
        }
    }
}

#[test]
fn a_million_marks_do_not_fit_one_cell() {
    let raw = format!("x{}", "\u{301}".repeat(1_000_000));
    let text = Text::new(&raw);
    assert!(text.as_str().starts_with("x\u{301}\u{301}\u{301}\u{301}\\u{301}\\u{301}"));
    assert_eq!(text.raw().len(), raw.len());
    let text = Text::bounded(&raw, 6);
    assert_eq!(text.as_str(), "x\u{301}\u{301}\u{301}\u{301}\\u{301}… (+999995)");
}

#[test]
fn bounded_text_says_what_it_left_out() {
    let kept = Text::bounded("abcdef", 6);
    assert_eq!((kept.as_str(), kept.is_cut()), ("abcdef", false));
    let cut = Text::bounded("ab\x1bdef", 3);
    assert_eq!((cut.as_str(), cut.is_cut()), (r"ab\u{1b}… (+3)", true));
    let stored: Text = serde_json::from_str(&serde_json::to_string(&cut).unwrap()).unwrap();
    assert_eq!(stored, cut);
    assert_eq!(Text::bounded("xyz", 0).as_str(), "… (+3)");
}

#[test]
fn lines_are_split_and_bounded() {
    let lines = |raw: &str| Text::lines(raw).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(lines("a\tb\r\n\tKeyError: 'x'\n"), ["a   b", "    KeyError: 'x'"]);
    assert_eq!(lines("10 %\r20 %"), [r"10 %\u{d}20 %"]);
    assert!(lines("").is_empty());
    let many = lines(&"x\n".repeat(10_003));
    assert_eq!((many.len(), many[10_000].as_str()), (10_001, "… (+3 lines)"));
    assert!(Text::lines(&"y".repeat(5_000))[0].is_cut());
}

#[test]
fn widths_are_those_of_drawing() {
    for (shown, columns) in [("", 0), ("abc", 3), ("東京", 4), ("e\u{301}", 1), ("❤\u{fe0f}", 2), ("لا", 2)] {
        assert_eq!(width(shown), columns, "{shown:?}");
    }
}

fn nasty() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![4 => prop::sample::select(NASTY), 1 => any::<char>()], 0..24)
        .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_text_is_safe_and_given_back(raw in nasty()) {
        let text = Text::new(&raw);
        assert_safe(&raw, text.as_str());
        prop_assert_eq!(text.raw(), raw);
        prop_assert_eq!(width(text.as_str()), text.as_str().graphemes(true).map(width).sum::<usize>());
    }

    #[test]
    fn different_texts_are_shown_differently(a in nasty(), b in nasty()) {
        prop_assert_eq!(Text::new(&a) == Text::new(&b), a == b);
    }

    #[test]
    fn bounded_text_is_safe_too(raw in nasty(), max in 0_usize..50) {
        let text = Text::bounded(&raw, max);
        assert_safe(&raw, text.as_str());
        prop_assert_eq!(text.is_cut(), raw.chars().count() > max);
    }
}

#[test]
fn narrow_characters_are_a_cell_each_whatever_stands_beside_them() {
    let narrow: Vec<char> = ('\0'..=char::MAX).filter(|c| is_narrow(*c)).collect();
    assert!(narrow.len() > 700, "{}", narrow.len());
    for c in narrow {
        assert_eq!(unicode_width::UnicodeWidthChar::width(c), Some(1), "{c:?}");
        assert_eq!(Text::new(&c.to_string()).as_str(), c.to_string());
        for other in ['a', '─', c, '界', '\u{1F1E6}', '\u{11A8}'] {
            for pair in [format!("{c}{other}"), format!("{other}{c}")] {
                assert_eq!(pair.graphemes(true).count(), 2, "{pair:?}");
            }
        }
    }
    for mark in ['\u{301}', '\u{200d}', '\u{fe0f}', '\u{1b}', '\u{a0}', '\u{ad}', '界', '\u{25fd}', '\u{23f0}'] {
        assert!(!is_narrow(mark), "{mark:?}");
    }
}
